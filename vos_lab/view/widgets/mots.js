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
  const tracks = numbers(model.get("_tracks"), Int32Array);
  const boxes = numbers(model.get("_boxes"), Float32Array);
  const colours = numbers(model.get("_colours"), Uint8Array);
  const track = (row, t) => tracks[row * frames + t];
  const colour = (id) => {
    const at = 3 * (((id - 1) % 254) + 1);
    return `rgb(${colours[at]}, ${colours[at + 1]}, ${colours[at + 2]})`;
  };
  const bright = (id) => {
    const at = 3 * (((id - 1) % 254) + 1);
    return 0.2126 * colours[at] + 0.7152 * colours[at + 1] + 0.0722 * colours[at + 2] > 100;
  };

  const { follow, tell, stop } = connect(model, 120);

  // --- the page --------------------------------------------------------------------------------

  const root = open({ model, el }, "tracks", "Track timeline", KEYS);
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
  if (model.get("_note")) add(root, "div", { className: "vos-note", textContent: model.get("_note") });

  // --- the timeline ----------------------------------------------------------------------------

  let wide = 0; // of the timeline on the page
  const tall = ROW * objects.length + AXIS;
  const x = (t) => LABELS + ((wide - LABELS - 6) * t) / frames;

  function drawLines() {
    const [text, dim, paper] = themeColours(root, "text", "dim", "paper");
    wide = window_.clientWidth || 700;
    lines.style.height = `${tall}px`;
    const ink = sharpPen(lines, wide, tall);
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
    const [frame, mask] = await Promise.all([bitmap(images[at]), bitmap(masks[at], "image/png")]);
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
    onAnyGround(pen, "#ffffff", 4, 2, () => pen.rect(left * width - 3, top * height - 3, w * width + 6, h * height + 6));
  }

  function say() {
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

  const draw = soon(() => {
    drawLines();
    drawFrame();
    say();
  });
  function go(t, row = model.get("row")) {
    model.set("frame", clamp(t, last));
    model.set("row", Math.min(objects.length - 1, Math.max(-1, row)));
    tell();
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
    const [right, down] = place(event, lines, wide, tall);
    go(Math.floor(((right - LABELS) * frames) / (wide - LABELS - 6)), Math.floor(down / ROW));
  };
  lines.addEventListener("pointerdown", (event) => {
    root.focus({ preventScroll: true });
    lines.setPointerCapture(event.pointerId);
    point(event);
  });
  lines.addEventListener("pointermove", (event) => event.buttons && point(event));

  onKeys(root, {
    ArrowLeft: () => go(model.get("frame") - 1), ArrowRight: () => go(model.get("frame") + 1),
    ArrowUp: () => go(model.get("frame"), Math.max(0, model.get("row") - 1)),
    ArrowDown: () => go(model.get("frame"), model.get("row") + 1),
    Home: () => go(0), End: () => go(last),
    n: () => jump(1), p: () => jump(-1),
  });

  follow("frame", draw);
  follow("row", draw);
  const watcher = new ResizeObserver(draw);
  watcher.observe(window_);

  return () => {
    draw.cancel();
    watcher.disconnect();
    stop();
  };
}

function close(...bitmaps) {
  for (const each of bitmaps) each?.close();
}

export default { render };
