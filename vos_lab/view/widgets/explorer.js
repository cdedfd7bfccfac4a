// The explorers: knobs on one side, what they make of it on the other. The kernel does the work.
// It is asked for one thing at a time: while it works, only the latest wish is kept.

function render({ model, el }) {
  const knobs = model.get("_knobs");
  const { follow, stop } = connect(model);

  const root = open({ model, el }, "explorer");
  const head = add(root, "div", { className: "vos-head" });
  head.append(root.querySelector(".vos-title"));
  const busy = add(head, "div", { className: "vos-busy", role: "status" });
  if (knobs.length > 8) root.classList.add("vos-wide");
  if (model.get("_strokes") || model.get("_beside")) root.classList.add("vos-beside");
  const body = add(root, "div", { className: "vos-body" });
  const show = add(body, "div", { className: "vos-show" });
  const panel = add(body, "div", { className: "vos-panel" });

  // --- asking the kernel -----------------------------------------------------------------------

  let wish = null; // knob values that are still to be sent
  let alarm = 0;
  const waiting = () => model.get("_answered") < model.get("_asked");

  function ask(values) {
    wish = values;
    if (!waiting()) send();
  }

  function send() {
    if (JSON.stringify(wish) !== JSON.stringify(model.get("values"))) {
      model.set("values", wish);
      model.set("_asked", model.get("_asked") + 1);
      model.save_changes();
      clearTimeout(alarm);
      alarm = setTimeout(() => (busy.textContent = "waiting for the kernel …"), 600);
    }
    wish = null;
  }

  follow("_answered", () => {
    if (waiting()) return;
    clearTimeout(alarm);
    busy.textContent = "";
    if (wish) send();
  });

  // --- knobs -----------------------------------------------------------------------------------

  const inputs = {};
  const wanted = () => ({ ...(wish ?? model.get("values")) });
  let group = null;
  for (const knob of knobs) {
    if (!group || group.dataset.name !== knob.group) {
      group = add(panel, "fieldset", { className: "vos-knobs" });
      group.dataset.name = knob.group;
      if (knob.group) add(group, "legend", { textContent: knob.group });
    }
    const toggle = typeof knob.value === "boolean";
    const row = add(group, "label", { className: toggle ? "vos-knob vos-toggle" : "vos-knob", title: knob.help });
    const input = document.createElement("input");
    input.name = knob.name;
    const name = add(row, "span", { className: "vos-name", textContent: knob.label });
    if (toggle) {
      input.type = "checkbox";
      name.prepend(input);
      input.onchange = () => ask({ ...wanted(), [knob.name]: input.checked });
    } else {
      const value = add(row, "output", { className: "vos-value" });
      Object.assign(input, { type: "range", min: knob.low, max: knob.high, step: knob.step });
      row.append(input);
      input.tell = () => {
        const text = Number(input.value).toFixed(Number.isInteger(knob.step) ? 0 : 2) + knob.unit;
        value.textContent = input.ariaValueText = text;
      };
      input.oninput = () => {
        input.tell();
        ask({ ...wanted(), [knob.name]: Number(input.value) });
      };
    }
    add(row, "span", { className: "vos-hint", textContent: knob.help });
    inputs[knob.name] = input;
  }
  follow("values", () => {
    if (wish) return; // somebody is turning a knob: theirs counts
    for (const [name, value] of Object.entries(model.get("values"))) {
      const input = inputs[name];
      if (!input) continue;
      if (typeof value === "boolean") input.checked = value;
      else {
        input.value = value;
        input.tell();
      }
    }
  });

  const buttons = add(group, "div", { className: "vos-bar" });
  for (const [name, text, title] of model.get("_actions")) {
    add(buttons, "button", { type: "button", textContent: text, title, onclick: () => model.send({ action: name }) });
  }
  const seed = add(buttons, "span", { className: "vos-note" });
  follow("_state", () => (seed.textContent = model.get("_state")));

  // --- pictures and numbers --------------------------------------------------------------------

  const gallery = add(show, "div", { className: "vos-gallery" });
  follow("_pictures", () => {
    const pictures = model.get("_pictures");
    while (gallery.children.length > pictures.length) gallery.lastChild.remove();
    pictures.forEach(([caption, alt, png], i) => {
      const figure = gallery.children[i] ?? add(gallery, "figure");
      const canvas = figure.querySelector("canvas") ?? add(figure, "canvas", { role: "img" });
      const text = figure.querySelector("figcaption") ?? add(figure, "figcaption");
      text.textContent = caption;
      canvas.ariaLabel = alt;
      bitmap(png, "image/png").then((picture) => {
        Object.assign(canvas, { width: picture.width, height: picture.height });
        canvas.getContext("2d").drawImage(picture, 0, 0);
        root.dispatchEvent(new CustomEvent("pictureshown"));
      });
      if (i === 0 && model.get("_strokes") && !canvas.dataset.strokes) takeStrokes(canvas, model);
    });
  });

  const legend = add(show, "div", { className: "vos-legend" });
  for (const [colour, text] of model.get("_legend")) {
    const entry = add(legend, "span", { className: "vos-field" });
    add(entry, "span", { className: "vos-chip" }).style.background = colour;
    entry.append(text);
  }

  const numbers = add(show, "div", { className: "vos-numbers", role: "status" });
  follow("_numbers", () => {
    numbers.replaceChildren();
    for (const [name, value, text, help] of model.get("_numbers")) {
      const row = add(numbers, "div", { className: "vos-number", title: help });
      add(row, "span", { className: "vos-name", textContent: name });
      const track = add(row, "span", { className: "vos-track", ariaHidden: "true" });
      add(track, "span").style.width = `${Math.max(0, Math.min(1, value)) * 100}%`;
      add(row, "span", { className: "vos-value", textContent: text });
      add(row, "span", { className: "vos-hint", textContent: help });
    }
  });

  const stopClip = model.get("_size").length ? clip(model, follow, show, root) : () => {};

  const error = add(root, "div", { className: "vos-error", role: "alert" });
  follow("_error", () => (error.textContent = model.get("_error")));

  return () => {
    clearTimeout(alarm);
    stopClip();
    stop();
  };
}

// Clicks and strokes on a picture go to the kernel, in shares of its sides. With Shift, or the right
// button, they mean the other thing. Without a mouse: arrow keys move a cross, Enter clicks.
function takeStrokes(canvas, model) {
  canvas.dataset.strokes = true;
  canvas.tabIndex = 0;
  canvas.style.cursor = "crosshair";
  canvas.style.touchAction = "none";
  let points = null;
  let cross = [0.5, 0.5];
  const tell = (places, other) => model.send({ action: "stroke", points: places, other });
  const share = (event) => place(event, canvas, 1, 1).map((value) => clamp(value, 0.9999));
  function draw(from, to, colour) {
    const pen = canvas.getContext("2d");
    const [x, y] = [canvas.width, canvas.height];
    Object.assign(pen, { strokeStyle: colour, lineWidth: Math.max(3, x / 100), lineCap: "round" });
    pen.beginPath();
    pen.moveTo(from[0] * x, from[1] * y);
    pen.lineTo(to[0] * x, to[1] * y);
    pen.stroke();
  }
  const isOther = (event) => event.shiftKey || event.button === 2 || (event.buttons & 2) !== 0;
  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    points = [share(event)];
    points.other = isOther(event);
    draw(points[0], points[0], points.other ? "#101010" : "#ffffff");
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!points) return;
    const next = share(event);
    draw(points.at(-1), next, points.other ? "#101010" : "#ffffff");
    points.push(next);
  });
  canvas.addEventListener("pointerup", () => {
    if (points) tell([...points], points.other);
    cross = points?.at(-1) ?? cross;
    points = null;
  });
  canvas.addEventListener("pointercancel", () => (points = null));
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    const way = arrows[event.key];
    if (!way && event.key !== "Enter") return;
    event.preventDefault();
    event.stopPropagation();
    if (!way) return tell([cross], event.shiftKey);
    const next = cross.map((value, i) => Math.min(0.99, Math.max(0.01, value + 0.02 * way[i])));
    draw(cross, next, "#ffffff");
    cross = next;
  });
}

// A clip that goes on playing while the kernel renders the next one.
function clip(model, follow, parent, root) {
  const [height, width] = model.get("_size");
  const figure = add(parent, "figure", { className: "vos-clip" });
  const canvas = add(figure, "canvas", { width, height, role: "img" });
  const pen = canvas.getContext("2d");
  const bar = add(parent, "div", { className: "vos-bar" });
  const play = add(bar, "button", { type: "button" });
  const slider = add(bar, "input", { type: "range", min: 0, step: 1, value: 0, ariaLabel: "Frame", className: "vos-scrub" });
  const readout = add(bar, "span", { className: "vos-value" });
  const label = add(bar, "label", { className: "vos-field" });
  const box = add(label, "input", { type: "checkbox" });
  label.append(" Masks");

  let frames = []; // [picture, overlay] for each frame
  let turn = 0; // of which change of the clip these are
  let timer = 0;
  let playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;

  function draw() {
    const at = Number(slider.value);
    if (!frames[at]) return;
    const [picture, overlay] = frames[at];
    pen.globalAlpha = 1;
    pen.drawImage(picture, 0, 0);
    pen.globalAlpha = 0.5;
    if (overlay && model.get("show_masks")) pen.drawImage(overlay, 0, 0);
    readout.textContent = `frame ${at} of ${frames.length - 1}`;
    root.dataset.frame = at;
  }
  function go(at) {
    slider.value = at;
    draw();
  }
  function run() {
    clearInterval(timer);
    if (playing) timer = setInterval(() => go((Number(slider.value) + 1) % Math.max(1, frames.length)), 1000 / model.get("_fps"));
    play.textContent = playing ? "❚❚" : "▶";
    play.title = play.ariaLabel = playing ? "Pause" : "Play";
  }
  play.onclick = () => {
    playing = !playing;
    run();
  };
  slider.oninput = () => {
    playing = false;
    run();
    draw();
  };
  box.onchange = () => {
    model.set("show_masks", box.checked);
    model.save_changes();
  };

  follow("show_masks", () => {
    box.checked = model.get("show_masks");
    draw();
  });
  follow("_clip", async () => {
    const mine = ++turn;
    const pairs = model.get("_clip").map(([jpeg, png]) => Promise.all([bitmap(jpeg), bitmap(png, "image/png")]));
    const next = await Promise.all(pairs);
    if (mine !== turn) return; // another clip has come meanwhile
    frames.flat().forEach((picture) => picture?.close());
    frames = next;
    slider.max = frames.length - 1;
    canvas.ariaLabel = model.get("_alt");
    draw();
    root.dataset.clip = mine;
  });
  follow("_fps", run);
  return () => clearInterval(timer);
}

export default { render };
