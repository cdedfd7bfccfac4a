// What all widgets share. A browser takes one script from the kernel, so this comes before each.

// The frame of a widget: `look` is its class, `name` what a screen reader hears before the title,
// `keys` which keys it answers to; without them it does not take the focus.
function open({ model, el }, look, name = "", keys = "") {
  const title = model.get("_title");
  const root = add(el, "div", {
    className: `vos-widget vos-${look}`, role: "group",
    ariaLabel: [name && `${name}: `, title || "video", keys && `. ${keys}`].join(""),
  });
  if (keys) root.tabIndex = 0;
  // JupyterLab has keys of its own (b adds a cell): none of them while something in here has the
  // focus. It looks for this mark on the element with the focus, be it a button or a knob.
  root.addEventListener("focusin", (event) => (event.target.dataset.lmSuppressShortcuts = "true"));
  if (title) add(root, "div", { className: "vos-title", textContent: title });
  return root;
}

// What the widget is told and tells: `follow` acts now and on each change, `set` informs Python
// now, and `tell` as soon as nothing has been told for `rest` milliseconds: it hears where a
// pointer rests, not all the way there. `stop` ends it all.
function connect(model, rest = 150) {
  const handlers = [];
  let telling = 0;
  return {
    follow(name, handler) {
      model.on(`change:${name}`, handler);
      handlers.push([`change:${name}`, handler]);
      handler();
    },
    set(name, value) {
      model.set(name, value);
      model.save_changes();
    },
    tell() {
      clearTimeout(telling);
      telling = setTimeout(() => model.save_changes(), rest);
    },
    stop() {
      clearTimeout(telling);
      for (const [name, handler] of handlers) model.off(name, handler);
    },
  };
}

// Draws once before the screen is painted, however often it is asked to; `cancel` forgets it.
function soon(draw) {
  let waiting = 0;
  const ask = () => {
    if (!waiting) waiting = requestAnimationFrame(() => {
      waiting = 0;
      draw();
    });
  };
  ask.cancel = () => cancelAnimationFrame(waiting);
  return ask;
}

// Keys with what they do, as long as what has the focus has no use of its own for them.
function onKeys(root, actions) {
  const own = {
    BUTTON: /^( |Enter)$/, SELECT: /^( |Enter|Home|End|Arrow.*)$/, checkbox: /^ $/, range: /^(Home|End|Arrow.*)$/,
  };
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { tagName, type, dataset } = event.target;
    if (!("scrubs" in dataset) && (own[tagName] ?? own[type])?.test(event.key)) return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action(event);
  });
}

function add(parent, tag, properties = {}) {
  const child = Object.assign(document.createElement(tag), properties);
  parent.append(child);
  return child;
}

// A list to choose from: pairs of a value and its text.
function choice(parent, text, options, action) {
  const label = add(parent, "label", { className: "vos-field" });
  label.append(`${text} `);
  const list = add(label, "select", { ariaLabel: text, onchange: action });
  for (const [value, textContent] of options) add(list, "option", { value, textContent });
  return list;
}

// Names with what is to be said of them, as a list of terms.
function define(list, rows) {
  list.replaceChildren();
  for (const [name, text] of rows) {
    add(list, "dt", { textContent: name });
    add(list, "dd", { textContent: text });
  }
}

// A file as a picture; null where there are no bytes.
async function bitmap(bytes, type = "image/jpeg") {
  return bytes?.byteLength ? createImageBitmap(new Blob([bytes], { type })) : null;
}

// Bytes of a message as numbers, copied: those may begin anywhere in their buffer.
function numbers(bytes, Type) {
  return new Type(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

const clamp = (value, most) => Math.min(most, Math.max(0, value));

// Where a pointer is on a canvas, in its own pixels: on a slide it is larger than it thinks.
function place(event, canvas, width, height) {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
}

// The colours of the theme, for a canvas.
function themeColours(root, ...names) {
  const style = getComputedStyle(root);
  return names.map((name) => style.getPropertyValue(`--vos-${name}`).trim() || "#777");
}

// Fits a canvas to its room on the page, sharp on every screen, and gives the pen for it.
function sharpPen(canvas, wide, tall) {
  const sharp = window.devicePixelRatio || 1;
  Object.assign(canvas, { width: wide * sharp, height: tall * sharp });
  const pen = canvas.getContext("2d");
  pen.setTransform(sharp, 0, 0, sharp, 0, 0);
  return pen;
}

// Strokes what a pen draws twice: dark and wide, then bright, so that it is seen on every ground.
function onAnyGround(pen, colour, wide, thin, draw) {
  for (const [lineWidth, strokeStyle] of [[wide, "#101010"], [thin, colour]]) {
    Object.assign(pen, { lineWidth, strokeStyle });
    pen.beginPath();
    draw();
    pen.stroke();
  }
}

const signed = (x, digits = 0) => `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(digits)}`;

// A perceptually uniform map, in eight steps with straight lines between (matplotlib's inferno).
const INFERNO = [
  [0, 0, 4], [38, 12, 81], [92, 18, 110], [143, 36, 105], [193, 58, 80], [233, 94, 44], [252, 155, 7], [247, 213, 68], [252, 255, 164],
];
function inferno(share) {
  const at = share * (INFERNO.length - 1);
  const low = Math.min(Math.floor(at), INFERNO.length - 2);
  return INFERNO[low].map((start, c) => start + (at - low) * (INFERNO[low + 1][c] - start));
}
