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
  const volumes = model.get("_scores").map((bytes) => numbers(bytes, Uint8Array));
  const truth = model.get("_truth").byteLength ? numbers(model.get("_truth"), Int16Array) : null;
  const bitmaps = await Promise.all(model.get("_images").map((file) => bitmap(file)));

  const { follow, set, tell, stop } = connect(model);

  // --- the page --------------------------------------------------------------------------------

  const root = open({ model, el }, "correlation", "Correlation explorer", KEYS);
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
  const list = choice(bar, "Compared", names.map((name) => [name, name]), () => set("shown", list.value));
  list.parentElement.hidden = names.length < 2;
  add(bar, "span", { className: "vos-help", textContent: "?", title: KEYS });
  const facts = add(root, "dl", { role: "status" });

  // --- the scores of a place -------------------------------------------------------------------

  const current = () => Math.max(0, names.indexOf(model.get("shown")));
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

  const draw = soon(() => {
    const { x, y, scores, best, second, low, real } = here();
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
      pen.fillStyle = `rgb(${inferno((scores[i] - low) / span).map(Math.round).join(" ")})`;
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
    define(facts, rows);
    Object.assign(root.dataset, { frame: 0, point: `${x},${y}`, best: `${dx},${dy}`, shown: names[current()] });
  });

  // --- moving ----------------------------------------------------------------------------------

  function go(x, y) {
    model.set("point", [clamp(x, width - 1), clamp(y, height - 1)]);
    draw();
    tell();
  }
  const click = (event) => go(...place(event, left, width, height).map(Math.floor));
  left.addEventListener("pointerdown", (event) => {
    left.setPointerCapture(event.pointerId);
    root.focus({ preventScroll: true });
    click(event);
  });
  left.addEventListener("pointermove", (event) => {
    if (event.buttons) click(event);
  });
  const by = (right, down) => () => {
    const [x, y] = model.get("point");
    go(x + right * cell, y + down * cell);
  };
  onKeys(root, {
    ArrowLeft: by(-1, 0), ArrowRight: by(1, 0), ArrowUp: by(0, -1), ArrowDown: by(0, 1),
    f: () => set("shown", names[(current() + 1) % names.length]),
  });

  follow("shown", () => {
    list.value = names[current()];
    draw();
  });
  follow("point", draw);

  return () => {
    draw.cancel();
    stop();
  };
}

// --- small parts -------------------------------------------------------------------------------

function ring(pen, x, y, colour, radius) {
  onAnyGround(pen, colour, 7, 3.4, () => pen.arc(x, y, radius, 0, 2 * Math.PI));
}
export default { render };
