// The correlation explorer. Images and all scores are here from the start; clicking is answered in
// the browser, and the kernel is only told where we are.

const UNKNOWN = -32768;
const STEPS = 64; // true flow comes in 64ths of a pixel
const BEST = "#ffd23f", TRUE = "#40e0ff";
const KEYS = "Keys: arrows move the place by one cell, f next volume";

async function render({ model, el }) {
  const [height, width] = model.get("_size");
  const [down, across, cell, reach] = model.get("_grid");
  const side = 2 * reach + 1;
  const names = model.get("_names");
  const volumes = model.get("_scores").map((bytes) => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const bytes = model.get("_truth");
  // Copied, because 16-bit numbers cannot begin at an odd byte of a message.
  const truth = bytes.byteLength ? new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)) : null;
  const bitmaps = await Promise.all(model.get("_images").map((file) => createImageBitmap(new Blob([file], { type: "image/jpeg" }))));

  const handlers = [];
  function follow(name, handler) {
    model.on(`change:${name}`, handler);
    handlers.push([`change:${name}`, handler]);
    handler();
  }

  // --- the page --------------------------------------------------------------------------------

  const root = add(el, "div", {
    className: "vos-widget vos-correlation", tabIndex: 0, role: "group",
    ariaLabel: `Correlation explorer: ${model.get("_title")}. ${KEYS}`,
  });
  // JupyterLab has keys of its own, and looks for this mark on the element that has the focus.
  root.addEventListener("focusin", (event) => {
    event.target.dataset.lmSuppressShortcuts = "true";
  });
  add(root, "div", { className: "vos-title", textContent: model.get("_title") });
  const three = add(root, "div", { className: "vos-three" });
  const zoom = Math.max(1, Math.ceil(760 / width)); // drawn larger, so that rings are crisp
  const square = Math.max(12, Math.round(360 / side)); // pixels of a score in the map
  const pane = (className, w, h, caption) => {
    const figure = add(three, "figure");
    const canvas = add(figure, "canvas", { className, width: w, height: h, role: "img", ariaLabel: caption });
    add(figure, "figcaption", { textContent: caption });
    return canvas;
  };
  const left = pane("vos-first", width * zoom, height * zoom, "First image: click here");
  const right = pane("vos-second", width * zoom, height * zoom, "Second image: bright where it looks alike");
  const map = pane("vos-map", side * square, side * square, `Scores, up to ${reach * cell} pixels each way`);

  const bar = add(root, "div", { className: "vos-bar" });
  const label = add(bar, "label", { className: "vos-field" });
  label.append("Compared ");
  const list = add(label, "select", { ariaLabel: "Compared" });
  for (const name of names) add(list, "option", { value: name, textContent: name });
  label.hidden = names.length < 2;
  list.onchange = () => {
    model.set("shown", list.value);
    model.save_changes();
  };
  add(bar, "span", { className: "vos-help", textContent: "?", title: KEYS });
  const facts = add(root, "dl", { role: "status" });

  // --- the scores of a place -------------------------------------------------------------------

  const current = () => Math.max(0, names.indexOf(model.get("shown")));
  const clamp = (value, most) => Math.min(most, Math.max(0, value));
  function here() {
    const [x, y] = model.get("point");
    const column = clamp(Math.floor(x / cell), across - 1), row = clamp(Math.floor(y / cell), down - 1);
    const start = (row * across + column) * side * side;
    const scores = volumes[current()].subarray(start, start + side * side);
    let best = 0, low = 255;
    for (let i = 0; i < scores.length; i++) {
      if (scores[i] > scores[best]) best = i;
      low = Math.min(low, scores[i]);
    }
    // The best of the places that are not beside the best: how sure is the match?
    let second = -1;
    for (let i = 0; i < scores.length; i++) {
      const apart = Math.max(Math.abs((i % side) - (best % side)), Math.abs(Math.floor(i / side) - Math.floor(best / side)));
      if (apart > 1 && (second < 0 || scores[i] > scores[second])) second = i;
    }
    const at = 2 * (row * across + column);
    const real = truth && truth[at] !== UNKNOWN ? [truth[at] / STEPS, truth[at + 1] / STEPS] : null;
    return { x, y, scores, best, second, low, real };
  }
  const shift = (i) => [((i % side) - reach) * cell, (Math.floor(i / side) - reach) * cell];
  function value(level) {
    const [from, to] = model.get("_ranges")[current()];
    return (from + (level / 255) * (to - from)).toFixed(2);
  }

  // --- drawing ---------------------------------------------------------------------------------

  let waiting = 0;
  function soon() {
    if (!waiting) waiting = requestAnimationFrame(draw);
  }

  function draw() {
    waiting = 0;
    const now = here();
    const { x, y, scores, best, second, low, real } = now;
    const span = Math.max(1, scores[best] - low);
    const [dx, dy] = shift(best);

    let pen = left.getContext("2d");
    pen.drawImage(bitmaps[0], 0, 0, left.width, left.height);
    pen.lineWidth = 2;
    pen.strokeStyle = "#ffffff80";
    pen.strokeRect((x - reach * cell) * zoom, (y - reach * cell) * zoom, 2 * reach * cell * zoom, 2 * reach * cell * zoom);
    ring(pen, (x + 0.5) * zoom, (y + 0.5) * zoom, "#ffffff", zoom * 4 + 4);

    pen = right.getContext("2d");
    pen.drawImage(bitmaps[1], 0, 0, right.width, right.height);
    pen.fillStyle = "#000000b3";
    pen.fillRect(0, 0, right.width, right.height);
    for (let i = 0; i < scores.length; i++) {
      const [sx, sy] = shift(i);
      const [x0, y0] = [x + sx - cell / 2, y + sy - cell / 2];
      pen.save();
      pen.beginPath();
      pen.rect(x0 * zoom, y0 * zoom, cell * zoom, cell * zoom);
      pen.clip();
      pen.globalAlpha = ((scores[i] - low) / span) ** 2;
      pen.drawImage(bitmaps[1], 0, 0, right.width, right.height);
      pen.restore();
    }
    if (real) ring(pen, (x + real[0] + 0.5) * zoom, (y + real[1] + 0.5) * zoom, TRUE, zoom * 5 + 5);
    ring(pen, (x + dx + 0.5) * zoom, (y + dy + 0.5) * zoom, BEST, zoom * 4 + 4);

    pen = map.getContext("2d");
    for (let i = 0; i < scores.length; i++) {
      pen.fillStyle = `rgb(${inferno((scores[i] - low) / span).join(" ")})`;
      pen.fillRect((i % side) * square, Math.floor(i / side) * square, square, square);
    }
    const middle = (reach + 0.5) * square;
    pen.strokeStyle = "#ffffff";
    pen.lineWidth = 2;
    pen.beginPath();
    for (const [a, b] of [[8, 0], [0, 8]]) {
      pen.moveTo(middle - a, middle - b);
      pen.lineTo(middle + a, middle + b);
    }
    pen.stroke();
    const onMap = (v) => (v / cell + reach + 0.5) * square;
    if (real) ring(pen, onMap(real[0]), onMap(real[1]), TRUE, 0.55 * square + 3);
    ring(pen, onMap(dx), onMap(dy), BEST, 0.55 * square);

    const rows = [["pixel", `${x}, ${y}`], ["best match", `${signed(dx)} right, ${signed(dy)} down`], ["its score", value(scores[best])]];
    if (second >= 0) rows.push(["best elsewhere", value(scores[second])]);
    if (real) {
      rows.push(["truth (blue)", `${signed(Math.round(real[0]))} right, ${signed(Math.round(real[1]))} down`]);
      rows.push(["off by", `${Math.hypot(dx - real[0], dy - real[1]).toFixed(0)} px`]);
    }
    facts.replaceChildren();
    for (const [name, text] of rows) {
      add(facts, "dt", { textContent: name });
      add(facts, "dd", { textContent: text });
    }
    Object.assign(root.dataset, { frame: 0, point: `${x},${y}`, best: `${dx},${dy}`, shown: names[current()] });
  }

  // --- moving ----------------------------------------------------------------------------------

  let telling = 0;
  function go(x, y) {
    model.set("point", [clamp(x, width - 1), clamp(y, height - 1)]);
    soon();
    clearTimeout(telling); // the kernel hears where the pointer rests, not all the way there
    telling = setTimeout(() => model.save_changes(), 150);
  }
  const click = (event) => {
    const box = left.getBoundingClientRect();
    go(Math.floor(((event.clientX - box.left) / box.width) * width), Math.floor(((event.clientY - box.top) / box.height) * height));
  };
  left.addEventListener("pointerdown", (event) => {
    left.setPointerCapture(event.pointerId);
    root.focus({ preventScroll: true });
    click(event);
  });
  left.addEventListener("pointermove", (event) => {
    if (event.buttons) click(event);
  });
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // A focused list keeps the keys that work it.
    if (event.target.tagName === "SELECT" && /Arrow/.test(event.key)) return;
    const [x, y] = model.get("point");
    const actions = {
      ArrowLeft: () => go(x - cell, y),
      ArrowRight: () => go(x + cell, y),
      ArrowUp: () => go(x, y - cell),
      ArrowDown: () => go(x, y + cell),
      f: () => {
        model.set("shown", names[(current() + 1) % names.length]);
        model.save_changes();
      },
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  });

  follow("shown", () => {
    list.value = names[current()];
    soon();
  });
  follow("point", soon);

  return () => {
    clearTimeout(telling);
    cancelAnimationFrame(waiting);
    for (const [name, handler] of handlers) model.off(name, handler);
  };
}

// --- small parts -------------------------------------------------------------------------------

function add(parent, tag, properties = {}) {
  const child = Object.assign(document.createElement(tag), properties);
  parent.append(child);
  return child;
}

function ring(pen, x, y, colour, radius) {
  for (const [line, ink] of [[7, "#101010"], [3.4, colour]]) {
    pen.lineWidth = line;
    pen.strokeStyle = ink;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.stroke();
  }
}

const signed = (x) => `${x < 0 ? "−" : "+"}${Math.abs(x)}`;

// A perceptually uniform map, in eight steps with straight lines between (matplotlib's inferno).
const INFERNO = [
  [0, 0, 4], [38, 12, 81], [92, 18, 110], [143, 36, 105], [193, 58, 80], [233, 94, 44], [252, 155, 7], [247, 213, 68], [252, 255, 164],
];
function inferno(share) {
  const at = share * (INFERNO.length - 1);
  const low = Math.min(Math.floor(at), INFERNO.length - 2);
  return INFERNO[low].map((start, c) => Math.round(start + (at - low) * (INFERNO[low + 1][c] - start)));
}

export default { render };
