// The track timeline. Frames, masks and the whole timeline are here from the start; the kernel is
// only told which frame and which object are looked at.

const ROW = 16; // pixels of a row on the page
const LABELS = 78; // pixels for the names of the objects
const AXIS = 22; // pixels for the numbers of the frames
const ABSENT = -1;
const KEYS = "Keys: ← → frame, ↑ ↓ object, n next switch, p previous switch, Home End";

function render({ model, el }) {
  const images = model.get("_images");
  const masks = model.get("_masks");
  const indices = model.get("_indices");
  const objects = model.get("_objects");
  const switches = model.get("_switches"); // [row, frame]
  const inOrder = [...switches].sort((a, b) => a[1] - b[1] || a[0] - b[0]);
  const frames = model.get("_frames");
  const last = frames - 1;
  const [height, width] = model.get("_size");
  const tracks = view(model.get("_tracks"), Int32Array);
  const boxes = view(model.get("_boxes"), Float32Array);
  const colours = new Uint8Array(view(model.get("_colours"), Uint8Array));
  const track = (row, t) => tracks[row * frames + t];
  const colour = (id) => {
    const at = 3 * (((id - 1) % 254) + 1);
    return `rgb(${colours[at]}, ${colours[at + 1]}, ${colours[at + 2]})`;
  };
  const bright = (id) => {
    const at = 3 * (((id - 1) % 254) + 1);
    return 0.2126 * colours[at] + 0.7152 * colours[at + 1] + 0.0722 * colours[at + 2] > 100;
  };

  const handlers = [];
  function follow(name, handler) {
    model.on(`change:${name}`, handler);
    handlers.push([`change:${name}`, handler]);
  }

  // --- the page --------------------------------------------------------------------------------

  const root = add(el, "div", {
    className: "vos-widget vos-tracks", tabIndex: 0, role: "group",
    ariaLabel: `Track timeline: ${model.get("_title")}. ${KEYS}`,
  });
  // JupyterLab has keys of its own, and looks for this mark on the element that has the focus.
  root.addEventListener("focusin", (event) => (event.target.dataset.lmSuppressShortcuts = "true"));
  add(root, "div", { className: "vos-title", textContent: model.get("_title") });
  const stage = add(root, "div", { className: "vos-stage" });
  const canvas = add(stage, "canvas", { width, height, role: "img" });
  const pen = canvas.getContext("2d");
  const bar = add(root, "div", { className: "vos-bar" });
  const back = add(bar, "button", { type: "button", textContent: "◂ switch", title: "Previous identity switch (p)" });
  const on = add(bar, "button", { type: "button", textContent: "switch ▸", title: "Next identity switch (n)" });
  back.onclick = () => jump(-1);
  on.onclick = () => jump(1);
  back.disabled = on.disabled = !switches.length;
  const told = add(bar, "output", { className: "vos-told", role: "status" });
  add(bar, "span", { className: "vos-help", textContent: "?", title: KEYS });
  const window_ = add(root, "div", { className: "vos-lines" });
  const lines = add(window_, "canvas", { role: "img", ariaLabel: `Timeline of ${objects.length} objects over ${frames} frames, ${switches.length} identity switches` });
  const ink = lines.getContext("2d");
  if (model.get("_note")) add(root, "div", { className: "vos-note", textContent: model.get("_note") });

  // --- the timeline ----------------------------------------------------------------------------

  let wide = 0; // of the timeline on the page
  const tall = ROW * objects.length + AXIS;
  const x = (t) => LABELS + ((wide - LABELS - 6) * t) / frames;

  function drawLines() {
    const style = getComputedStyle(root);
    const [text, dim, paper] = ["--vos-text", "--vos-dim", "--vos-paper"].map((name) => style.getPropertyValue(name).trim() || "#777");
    const sharp = window.devicePixelRatio || 1;
    wide = window_.clientWidth || 700;
    lines.width = wide * sharp;
    lines.height = tall * sharp;
    lines.style.height = `${tall}px`;
    ink.setTransform(sharp, 0, 0, sharp, 0, 0);
    ink.clearRect(0, 0, wide, tall);
    ink.textBaseline = "middle";
    const [now, chosen] = [model.get("frame"), model.get("row")];
    for (let row = 0; row < objects.length; row++) {
      const y = row * ROW;
      if (row === chosen) {
        ink.globalAlpha = 0.15;
        ink.fillStyle = text;
        ink.fillRect(0, y, wide, ROW);
        ink.globalAlpha = 1;
      }
      ink.fillStyle = row === chosen ? text : dim;
      ink.font = "12px system-ui, sans-serif";
      ink.fillText(`object ${objects[row]}`, 4, y + ROW / 2 + 0.5);
      for (let t = 0; t < frames; ) {
        const id = track(row, t);
        let end = t + 1;
        while (end < frames && track(row, end) === id) end++;
        if (id === 0) {
          ink.fillStyle = dim;
          ink.fillRect(x(t), y + ROW / 2 - 0.5, x(end) - x(t), 1.5);
        } else if (id > 0) {
          ink.fillStyle = colour(id);
          ink.fillRect(x(t), y + 2, x(end) - x(t), ROW - 4);
          const left = x(t) + (switches.some(([r, f]) => r === row && f === t) ? 9 : 3); // beside the mark
          if (x(end) - left > 5 + 7 * String(id).length) {
            ink.fillStyle = bright(id) ? "#101010" : "#ffffff";
            ink.font = "11px system-ui, sans-serif";
            ink.fillText(id, left, y + ROW / 2 + 0.5);
          }
        }
        t = end;
      }
    }
    for (const [row, t] of switches) {
      const [cx, cy] = [x(t), row * ROW + ROW / 2];
      ink.beginPath();
      ink.moveTo(cx, cy - 6); ink.lineTo(cx + 6, cy); ink.lineTo(cx, cy + 6); ink.lineTo(cx - 6, cy);
      ink.closePath();
      ink.fillStyle = text;
      ink.strokeStyle = paper;
      ink.lineWidth = 1.5;
      ink.fill();
      ink.stroke();
    }
    ink.fillStyle = text;
    ink.fillRect(x(now + 0.5) - 0.75, 0, 1.5, tall - AXIS);
    ink.font = "12px system-ui, sans-serif";
    ink.fillStyle = dim;
    for (let t = 0; t < frames; t += step()) ink.fillText(t, x(t + 0.5) - 4, tall - AXIS / 2);
  }
  const step = () => [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000].find((n) => frames / n < 14) ?? 10000;

  // --- the frame -------------------------------------------------------------------------------

  let wanted = -1;
  async function drawFrame() {
    const t = model.get("frame");
    let at = indices.findIndex((index) => index > t);
    at = (at < 0 ? indices.length : at) - 1;
    wanted = t;
    const [frame, mask] = await Promise.all([bitmap(images[at], "image/jpeg"), bitmap(masks[at], "image/png")]);
    if (wanted !== t) return close(frame, mask); // somebody has gone on meanwhile
    pen.drawImage(frame, 0, 0);
    pen.globalAlpha = 0.55;
    if (mask) pen.drawImage(mask, 0, 0);
    pen.globalAlpha = 1;
    close(frame, mask);
    drawBox(indices[at]);
    root.dataset.frame = t;
  }

  function drawBox(t) {
    const row = model.get("row");
    if (row < 0 || track(row, t) === ABSENT) return;
    const [left, top, w, h] = boxes.subarray(4 * (row * frames + t), 4 * (row * frames + t) + 4);
    for (const [line, colour] of [[4, "#101010"], [2, "#ffffff"]]) {
      pen.lineWidth = line;
      pen.strokeStyle = colour;
      pen.strokeRect(left * width - 3, top * height - 3, w * width + 6, h * height + 6);
    }
  }

  function tell() {
    const [t, row] = [model.get("frame"), model.get("row")];
    root.dataset.row = row;
    let text = `frame ${t} of ${last}`;
    if (row >= 0) {
      const id = track(row, t);
      text += ` · object ${objects[row]}: `;
      text += id === ABSENT ? "not there" : id === 0 ? "no track" : `track ${id}`;
      if (switches.some(([r, f]) => r === row && f === t)) {
        let before = t - 1;
        while (before >= 0 && track(row, before) <= 0) before--;
        text += `, switched from ${track(row, before)}`;
      }
    } else text += ` · ${switches.length} identity switches`;
    told.textContent = text;
    canvas.ariaLabel = text;
  }

  // --- moving ----------------------------------------------------------------------------------

  let waiting = 0;
  function draw() {
    if (!waiting) waiting = requestAnimationFrame(() => {
      waiting = 0;
      drawLines();
      drawFrame();
      tell();
    });
  }
  let telling = 0;
  function go(t, row = model.get("row")) {
    model.set("frame", Math.min(last, Math.max(0, t)));
    model.set("row", Math.min(objects.length - 1, Math.max(-1, row)));
    clearTimeout(telling); // the kernel hears where one stops, not all the way there
    telling = setTimeout(() => model.save_changes(), 120);
    const top = model.get("row") * ROW;
    if (top < window_.scrollTop) window_.scrollTop = top;
    if (top + ROW > window_.scrollTop + window_.clientHeight) window_.scrollTop = top + ROW - window_.clientHeight;
  }
  function jump(way) {
    if (!inOrder.length) return;
    const [t, row] = [model.get("frame"), model.get("row")];
    const after = ([r, f]) => f > t || (f === t && r > row);
    const before = ([r, f]) => f < t || (f === t && r < row);
    const next = way > 0 ? inOrder.find(after) ?? inOrder[0] : inOrder.findLast(before) ?? inOrder.at(-1);
    go(next[1], next[0]);
  }

  const point = (event) => {
    const box = lines.getBoundingClientRect(); // on a slide, larger than it thinks that it is
    const [right, down] = [(event.clientX - box.left) * (wide / box.width), (event.clientY - box.top) * (tall / box.height)];
    go(Math.floor(((right - LABELS) * frames) / (wide - LABELS - 6)), Math.floor(down / ROW));
  };
  lines.addEventListener("pointerdown", (event) => {
    root.focus({ preventScroll: true });
    lines.setPointerCapture(event.pointerId);
    point(event);
  });
  lines.addEventListener("pointermove", (event) => event.buttons && point(event));

  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [t, row] = [model.get("frame"), model.get("row")];
    const actions = {
      ArrowLeft: () => go(t - 1), ArrowRight: () => go(t + 1),
      ArrowUp: () => go(t, Math.max(0, row - 1)), ArrowDown: () => go(t, row + 1),
      Home: () => go(0), End: () => go(last),
      n: () => jump(1), p: () => jump(-1),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  });

  follow("frame", draw);
  follow("row", draw);
  const watcher = new ResizeObserver(draw);
  watcher.observe(window_);
  draw();

  return () => {
    clearTimeout(telling);
    cancelAnimationFrame(waiting);
    watcher.disconnect();
    for (const [name, handler] of handlers) model.off(name, handler);
  };
}

// A typed array of the bytes, copied: they may begin anywhere in their buffer.
function view(bytes, Type) {
  return new Type(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

function add(parent, tag, properties = {}) {
  const child = Object.assign(document.createElement(tag), properties);
  parent.append(child);
  return child;
}

function bitmap(bytes, type) {
  if (!bytes?.byteLength) return null;
  return createImageBitmap(new Blob([bytes], { type }));
}

function close(...bitmaps) {
  for (const each of bitmaps) each?.close();
}

export default { render };
