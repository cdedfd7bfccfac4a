// The painter. What is painted lives in an array of labels, one byte a pixel, and is filled by
// our own few lines: a canvas would smooth the edges, and half a label is no label.

const UNDO_BYTES = 64e6;
const ZOOMS = [1, 2, 4, 8];
const KEYS =
  "Keys: 1 to 9 object, b brush, [ ] size, p polygon (click corners, Enter closes, Escape cancels), " +
  "e eraser, Ctrl+Z undo, Ctrl+Shift+Z redo, , and . change the frame, arrows move (Shift: faster) and space paints";

// Strokes on a grid of 16 x 16.
const ICONS = {
  brush: "M13.5 2.5 L6.5 9 M6.5 9 C4 9 4.5 12 2 13.5 C5 14.5 8.5 13.5 8 10.5",
  polygon: "M3 5 L9 2 L14 7 L11 13 L4 12 Z",
  eraser: "M9 3 L14 8 L8.5 13.5 H5 L2 10 Z M6 6 L11 11",
  undo: "M6 3 L2.5 6.5 L6 10 M2.5 6.5 H10 A3.5 3.5 0 0 1 10 13.5 H7",
  redo: "M10 3 L13.5 6.5 L10 10 M13.5 6.5 H6 A3.5 3.5 0 0 0 6 13.5 H9",
  clear: "M3 4.5 H13 M6 4.5 V2.5 H10 V4.5 M4.5 4.5 L5.2 13.5 H10.8 L11.5 4.5",
  add: "M8 3 V13 M3 8 H13",
};

function render({ model, el }) {
  const [height, width] = model.get("_size");
  const colours = new Uint8Array(model.get("_colours").buffer, model.get("_colours").byteOffset, 768);
  const colour = (label) => `rgb(${colours.subarray(3 * label, 3 * label + 3).join(" ")})`;
  let labels = new Uint8Array(height * width);
  let frame = model.get("frame"); // whose labels these are
  let tool = "brush";
  let label = 1; // 0 erases
  let radius = Math.max(2, Math.round(Math.min(height, width) / 60));
  let corners = []; // of the polygon that is being drawn, in pixels
  let cursor = [width / 2, height / 2];
  const done = []; // what undo takes back: a box, with the labels before and after
  const undone = [];

  const { follow, set, stop } = connect(model);

  // --- the page --------------------------------------------------------------------------------

  const root = open({ model, el }, "painter", "Mask painter", KEYS);

  const bar = add(root, "div", { className: "vos-bar vos-tools" });
  const tools = add(bar, "span", { className: "vos-group", role: "group", ariaLabel: "Tool" });
  const buttons = {
    brush: button(tools, "brush", "Brush (b)", () => choose("brush", label || 1)),
    polygon: button(tools, "polygon", "Polygon (p): click the corners, Enter or a double click closes it", () => choose("polygon", label || 1)),
    eraser: button(tools, "eraser", "Eraser (e), with the brush or the polygon", () => choose(tool, 0)),
  };
  const size = slide(bar, "Size", 0.5, Math.max(8, Math.min(height, width) / 6), 0.5, (value) => resize(value));
  const palette = add(bar, "span", { className: "vos-group vos-palette", role: "group", ariaLabel: "Object" });
  const steps = add(bar, "span", { className: "vos-group" });
  const undoButton = button(steps, "undo", "Undo (Ctrl+Z)", () => undo());
  const redoButton = button(steps, "redo", "Redo (Ctrl+Shift+Z)", () => redo());
  button(steps, "clear", "Clear this frame", () => change(box(0, 0, width, height), () => labels.fill(0)));
  add(bar, "span", { className: "vos-help", textContent: "?", title: KEYS });

  // Three layers: the image, the labels, and the cursor with the polygon's lines.
  const view = add(root, "div", { className: "vos-window" });
  const easel = add(view, "div", { className: "vos-easel" });
  view.style.aspectRatio = easel.style.aspectRatio = `${width} / ${height}`;
  view.style.width = `min(100%, ${(70 * width) / height}vh)`; // all of it is in sight at once
  const paper = add(easel, "canvas", { width, height, role: "img" }).getContext("2d");
  const ink = add(easel, "canvas", { width, height, className: "vos-ink" }).getContext("2d");
  const lines = svg(easel, "svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none" });
  const under = svg(lines, "polyline", { fill: "none", stroke: "#000", "stroke-width": 3, opacity: 0.5 });
  const outline = svg(lines, "polyline", { fill: "none", stroke: "#fff", "stroke-width": 1.5 });
  const dots = svg(lines, "path", { stroke: "#fff", "stroke-width": 7, "stroke-linecap": "round" });
  const shade = svg(lines, "circle", { fill: "none", stroke: "#000", "stroke-width": 3, opacity: 0.4 });
  const ring = svg(lines, "circle", { fill: "none", "stroke-width": 1.5 });

  const foot = add(root, "div", { className: "vos-bar" });
  const length = model.get("_length");
  if (length > 1) {
    const chooser = slide(foot, "Frame", 0, length - 1, 1, (value) => goTo(value));
    chooser.classList.add("vos-frames");
    const number = add(foot, "output", { className: "vos-count" });
    follow("frame", () => {
      chooser.value = model.get("frame");
      number.textContent = `${model.get("frame")} of ${length - 1}`;
    });
  }
  const fade = slide(foot, "Opacity", 0.1, 1, 0.05, (value) => (ink.canvas.style.opacity = value));
  fade.value = ink.canvas.style.opacity = 0.5;
  const zoomField = add(foot, "label", { className: "vos-field", textContent: "Zoom " });
  const zoom = add(zoomField, "select", { ariaLabel: "Zoom", onchange: () => magnify(Number(zoom.value)) });
  for (const value of ZOOMS) add(zoom, "option", { value, textContent: `${value}×` });
  const status = add(foot, "output", { className: "vos-status", ariaLive: "polite" });

  // --- labels ----------------------------------------------------------------------------------

  // A box of pixels, clipped to the image: from x0, y0 up to and without x1, y1.
  function box(x0, y0, x1, y1) {
    return {
      x0: Math.max(0, Math.floor(x0)), y0: Math.max(0, Math.floor(y0)),
      x1: Math.min(width, Math.ceil(x1)), y1: Math.min(height, Math.ceil(y1)),
    };
  }

  // Everything within `radius` of the way from a to b, which are centres of pixels.
  function stroke([ax, ay], [bx, by], value) {
    const part = box(Math.min(ax, bx) - radius, Math.min(ay, by) - radius,
                     Math.max(ax, bx) + radius, Math.max(ay, by) + radius);
    const [dx, dy] = [bx - ax, by - ay];
    const squared = dx * dx + dy * dy;
    for (let y = part.y0; y < part.y1; y++) {
      for (let x = part.x0; x < part.x1; x++) {
        const [px, py] = [x + 0.5 - ax, y + 0.5 - ay];
        const along = squared ? Math.min(1, Math.max(0, (px * dx + py * dy) / squared)) : 0;
        const [ex, ey] = [px - along * dx, py - along * dy];
        if (ex * ex + ey * ey <= radius * radius) labels[y * width + x] = value;
      }
    }
    return part;
  }

  // Every pixel whose centre is inside the polygon (even-odd rule), row by row.
  function fillPolygon(points, value) {
    for (let y = 0; y < height; y++) {
      const crossings = [];
      points.forEach(([x1, y1], i) => {
        const [x0, y0] = points.at(i - 1);
        if (y0 <= y + 0.5 !== y1 <= y + 0.5) crossings.push(x0 + ((y + 0.5 - y0) / (y1 - y0)) * (x1 - x0));
      });
      crossings.sort((a, b) => a - b);
      for (let i = 0; i + 1 < crossings.length; i += 2) {
        const from = Math.max(0, Math.ceil(crossings[i] - 0.5));
        const to = Math.min(width, Math.ceil(crossings[i + 1] - 0.5));
        if (to > from) labels.fill(value, y * width + from, y * width + to);
      }
    }
  }

  function show({ x0, y0, x1, y1 }) {
    if (x1 <= x0 || y1 <= y0) return;
    const pixels = ink.createImageData(x1 - x0, y1 - y0);
    let at = 0;
    for (let y = y0; y < y1; y++) {
      for (let x = x0; x < x1; x++, at += 4) {
        const value = labels[y * width + x];
        if (!value) continue;
        pixels.data[at] = colours[3 * value];
        pixels.data[at + 1] = colours[3 * value + 1];
        pixels.data[at + 2] = colours[3 * value + 2];
        pixels.data[at + 3] = 255;
      }
    }
    ink.putImageData(pixels, x0, y0);
  }

  // --- undo ------------------------------------------------------------------------------------

  function cut(from, { x0, y0, x1, y1 }) {
    const piece = new Uint8Array((x1 - x0) * (y1 - y0));
    for (let y = y0; y < y1; y++) piece.set(from.subarray(y * width + x0, y * width + x1), (y - y0) * (x1 - x0));
    return piece;
  }

  function putBack({ x0, y0, x1, y1 }, piece) {
    for (let y = y0; y < y1; y++) labels.set(piece.subarray((y - y0) * (x1 - x0), (y - y0 + 1) * (x1 - x0)), y * width + x0);
  }

  // Note a change that was made to the labels within a part, draw it, and tell Python.
  function remember(part, before) {
    const entry = { part, before: cut(before, part), after: cut(labels, part) };
    if (entry.before.every((value, i) => value === entry.after[i])) return;
    done.push(entry);
    undone.length = 0;
    let bytes = done.reduce((sum, { before }) => sum + 2 * before.length, 0);
    while (bytes > UNDO_BYTES && done.length > 1) bytes -= 2 * done.shift().before.length;
    show(part);
    tell();
  }

  function change(part, action) {
    const before = labels.slice();
    action();
    remember(part, before);
  }

  function undo() {
    if (corners.length) return takeCorner();
    const entry = done.pop();
    if (!entry) return;
    undone.push(entry);
    putBack(entry.part, entry.before);
    show(entry.part);
    tell();
  }

  function redo() {
    const entry = undone.pop();
    if (!entry) return;
    done.push(entry);
    putBack(entry.part, entry.after);
    show(entry.part);
    tell();
  }

  // --- Python ----------------------------------------------------------------------------------

  // Runs of equal labels: label and length, two 32-bit numbers each.
  function encode() {
    const runs = [];
    for (let start = 0; start < labels.length; ) {
      let end = start + 1;
      while (end < labels.length && labels[end] === labels[start]) end++;
      runs.push(labels[start], end - start);
      start = end;
    }
    return new Uint32Array(runs);
  }

  function decode(bytes) {
    const decoded = new Uint8Array(height * width);
    if (!bytes) return decoded;
    const runs = new DataView(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, bytes.byteLength);
    for (let i = 0, at = 0; i < runs.byteLength; i += 8) {
      const run = runs.getUint32(i + 4, true);
      decoded.fill(runs.getUint32(i, true), at, at + run);
      at += run;
    }
    return decoded;
  }

  function tell() {
    set("_painted", { ...model.get("_painted"), [frame]: new DataView(encode().buffer) });
    update();
  }

  function load() {
    const loaded = decode(model.get("_painted")[frame]);
    if (loaded.every((value, i) => value === labels[i])) return; // our own words, come back
    labels = loaded;
    done.length = undone.length = 0;
    show(box(0, 0, width, height));
    update();
  }

  function goTo(next) {
    if (next < 0 || next >= length) return;
    set("frame", next); // Python answers with the picture
  }

  // --- tools -----------------------------------------------------------------------------------

  function choose(newTool, newLabel) {
    if (newTool !== tool) corners = [];
    [tool, label] = [newTool, newLabel];
    update();
  }

  function resize(value) {
    radius = Math.min(Number(size.max), Math.max(0.5, value));
    update();
  }

  function takeCorner() {
    corners.pop();
    update();
  }

  function closePolygon() {
    const points = corners;
    corners = [];
    if (points.length > 2) {
      const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
      const part = box(Math.min(...xs) - 1, Math.min(...ys) - 1, Math.max(...xs) + 1, Math.max(...ys) + 1);
      change(part, () => fillPolygon(points, label));
    }
    update();
  }

  function addCorner(point) {
    // A click on the first corner closes, as in every drawing program.
    const near = (8 * width) / easel.getBoundingClientRect().width;
    const [first] = corners;
    if (corners.length > 2 && Math.hypot(point[0] - first[0], point[1] - first[1]) < near) return closePolygon();
    corners.push(point);
    update();
  }

  function magnify(times) {
    const rectangle = easel.getBoundingClientRect();
    const [x, y] = [view.scrollLeft + view.clientWidth / 2, view.scrollTop + view.clientHeight / 2];
    easel.style.width = `${100 * times}%`;
    view.style.overflow = times === 1 ? "" : "scroll";
    const grown = easel.getBoundingClientRect().width / rectangle.width;
    view.scrollTo(x * grown - view.clientWidth / 2, y * grown - view.clientHeight / 2);
  }

  // --- mouse, pen and finger -------------------------------------------------------------------

  let before = null; // the labels when the stroke began, while there is one
  let touched = null; // the box around what it has changed
  let last = null;

  const centre = ([x, y]) => [Math.floor(x) + 0.5, Math.floor(y) + 0.5];

  function begin(point) {
    before = labels.slice();
    last = centre(point);
    touched = null;
  }

  function moveTo(point, value) {
    const next = centre(point);
    const part = stroke(last, next, value);
    touched = !touched ? part : {
      x0: Math.min(touched.x0, part.x0), y0: Math.min(touched.y0, part.y0),
      x1: Math.max(touched.x1, part.x1), y1: Math.max(touched.y1, part.y1),
    };
    last = next;
    show(part);
  }

  function end() {
    if (before) remember(touched, before);
    before = null;
  }

  // The right button and the far end of a pen erase.
  const value = (event) => (event.buttons & 34 ? 0 : label);

  easel.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    root.focus({ preventScroll: true });
    cursor = place(event, easel, width, height);
    if (tool === "polygon") return addCorner(cursor);
    easel.setPointerCapture(event.pointerId);
    begin(cursor);
    moveTo(cursor, value(event));
    update();
  });
  easel.addEventListener("pointermove", (event) => {
    const events = event.getCoalescedEvents?.() ?? [];
    if (before) for (const each of events.length ? events : [event]) moveTo(place(each, easel, width, height), value(event));
    cursor = place(event, easel, width, height);
    drawCursor();
  });
  easel.addEventListener("pointerup", end);
  easel.addEventListener("pointercancel", end);
  easel.addEventListener("pointerleave", () => drawCursor(root.matches(":focus-visible")));
  easel.addEventListener("contextmenu", (event) => event.preventDefault());
  easel.addEventListener("dblclick", () => {
    if (tool !== "polygon" || !corners.length) return;
    corners.pop(); // the second click has set a corner of its own
    closePolygon();
  });

  // --- keys ------------------------------------------------------------------------------------

  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function walk([dx, dy], far) {
    cursor = [
      Math.min(width - 0.5, Math.max(0.5, cursor[0] + dx * far)),
      Math.min(height - 0.5, Math.max(0.5, cursor[1] + dy * far)),
    ];
    if (before) moveTo(cursor, label);
    drawCursor();
  }

  const actions = {
    b: () => choose("brush", label || 1),
    p: () => choose("polygon", label || 1),
    e: () => choose(tool, 0),
    0: () => choose(tool, 0),
    "[": () => resize(radius / 1.25),
    "]": () => resize(radius * 1.25),
    ",": () => goTo(model.get("frame") - 1),
    ".": () => goTo(model.get("frame") + 1),
    Enter: closePolygon,
    Escape: () => { corners = []; update(); },
    Backspace: takeCorner,
  };

  root.addEventListener("keydown", (event) => {
    let action = null;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const onCanvas = event.target === root;
    if (event.ctrlKey || event.metaKey) {
      if (key === "z") action = event.shiftKey ? redo : undo;
      else if (key === "y") action = redo;
    } else if (event.altKey) return;
    else if (/^[1-9]$/.test(key)) action = () => Number(key) <= model.get("objects") && choose(tool, Number(key));
    else if (arrows[key] && onCanvas) action = () => walk(arrows[key], event.shiftKey ? 10 : 1);
    else if (key === " " && onCanvas) action = () => {
      if (tool === "polygon") { if (!event.repeat) addCorner([...cursor]); }
      else if (!before) { begin(cursor); moveTo(cursor, label); }
    };
    else if (key === "Enter" ? onCanvas : event.target.tagName !== "SELECT") action = actions[key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  });
  root.addEventListener("keyup", (event) => event.key === " " && end());
  root.addEventListener("blur", end);

  // --- what the page shows of all this ---------------------------------------------------------

  function drawCursor(visible = true) {
    const [x, y] = cursor;
    const brush = visible && tool === "brush";
    for (const circle of [shade, ring]) {
      circle.setAttribute("visibility", brush ? "visible" : "hidden");
      circle.setAttribute("cx", x);
      circle.setAttribute("cy", y);
      circle.setAttribute("r", radius);
    }
    ring.setAttribute("stroke", label ? colour(label) : "#fff");
    const path = corners.length ? [...corners, cursor, corners[0]] : [];
    for (const line of [under, outline]) line.setAttribute("points", path.map((p) => p.join(",")).join(" "));
    outline.setAttribute("stroke", label ? colour(label) : "#fff");
    const spots = tool === "polygon" && visible ? [...corners, cursor] : corners;
    dots.setAttribute("d", spots.map(([px, py]) => `M${px} ${py} h0`).join(" "));
    dots.setAttribute("stroke", label ? colour(label) : "#fff");
  }

  function update() {
    buttons.brush.ariaPressed = tool === "brush";
    buttons.polygon.ariaPressed = tool === "polygon";
    buttons.eraser.ariaPressed = label === 0;
    for (const swatch of palette.querySelectorAll(".vos-swatch")) swatch.ariaPressed = Number(swatch.value) === label;
    undoButton.disabled = !done.length && !corners.length;
    redoButton.disabled = !undone.length;
    size.value = radius;
    const painted = labels.reduce((sum, value) => sum + (value === label), 0);
    status.textContent = corners.length
      ? `${corners.length} corners; Enter or a double click closes the polygon`
      : label ? `object ${label}: ${painted.toLocaleString("en-GB")} pixels` : "erasing";
    drawCursor(root.contains(document.activeElement));
  }

  follow("objects", () => {
    palette.replaceChildren();
    for (let i = 1; i <= model.get("objects"); i++) {
      const swatch = add(palette, "button", {
        type: "button", className: "vos-swatch", value: i, textContent: i,
        title: `Object ${i}${i < 10 ? ` (${i})` : ""}`, ariaLabel: `Object ${i}`, onclick: () => choose(tool, i),
      });
      swatch.style.background = colour(i);
    }
    button(palette, "add", "One more object", () => {
      if (model.get("objects") >= 254) return;
      set("objects", model.get("objects") + 1);
      choose(tool, model.get("objects"));
    });
    update();
  });
  follow("_painted", load);
  follow("_picture", async () => {
    const { frame: number, jpeg } = model.get("_picture");
    const picture = await bitmap(jpeg);
    if (number !== model.get("_picture").frame) return; // a later one is on its way
    end();
    paper.drawImage(picture, 0, 0);
    paper.canvas.ariaLabel = `Frame ${number}`;
    picture.close();
    if (number !== frame) {
      frame = number;
      corners = [];
      load();
      done.length = undone.length = 0;
      update();
    }
    root.dataset.frame = frame;
  });

  return () => {
    stop();
  };
}

function svg(parent, tag, attributes) {
  const child = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) child.setAttribute(name, value);
  child.setAttribute("vector-effect", "non-scaling-stroke");
  parent.append(child);
  return child;
}

function button(parent, name, title, action) {
  const made = add(parent, "button", { type: "button", title, ariaLabel: title, onclick: action });
  const drawing = svg(made, "svg", { viewBox: "0 0 16 16", "aria-hidden": "true", class: "vos-drawn" });
  svg(drawing, "path", { d: ICONS[name] });
  return made;
}

function slide(parent, text, min, max, step, action) {
  const label = add(parent, "label", { className: "vos-field", textContent: `${text} ` });
  const slider = add(label, "input", { type: "range", min, max, step, ariaLabel: text });
  slider.oninput = () => action(Number(slider.value));
  return slider;
}

export default { render };
