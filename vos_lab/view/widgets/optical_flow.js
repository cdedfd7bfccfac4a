// The flow explorer. Both images and every flow are here from the start; hovering, warping and
// comparing is done in the browser, and the kernel is only told where we are.

const STEPS = 64; // flow comes in 64ths of a pixel
const UNKNOWN = -32768;
const LENS = 21; // pixels across the magnifying glass, odd
const KEYS = "Keys: arrows move the pixel (shift by 10), v next view, f next flow, comma and full stop slide to the second image";
const LABELS = {
  frames: "Images", arrows: "Arrows", colour: "Colour", warped: "Warped back",
  difference: "Difference", error: "Endpoint error",
};

async function render({ model, el }) {
  const [height, width] = model.get("_size");
  const names = model.get("_names");
  const views = model.get("_views");
  const flows = model.get("_flows").map((bytes) => numbers(bytes, Int16Array));
  const truth = model.get("_truth").byteLength ? numbers(model.get("_truth"), Int16Array) : null;
  const colours = model.get("_colours").map((bytes) => numbers(bytes, Uint8Array));
  const [first, second] = await Promise.all(model.get("_images").map((file) => pixels(file, width, height)));

  const { follow, set, tell, stop } = connect(model);

  // --- the page --------------------------------------------------------------------------------

  const root = open({ model, el }, "flow", "Flow explorer", KEYS);

  // Drawn at twice the size or more, so that arrows and crosses are crisp.
  const zoom = Math.max(1, Math.ceil(760 / width));
  const pair = add(root, "div", { className: "vos-pair" });
  const panes = ["first", "second"].map(() => {
    const figure = add(pair, "figure");
    const canvas = add(figure, "canvas", { width: width * zoom, height: height * zoom, role: "img" });
    return { canvas, pen: canvas.getContext("2d"), caption: add(figure, "figcaption") };
  });
  const sheet = Object.assign(document.createElement("canvas"), { width, height }); // one to one
  const sheetPen = sheet.getContext("2d");
  const picture = sheetPen.createImageData(width, height);

  const bar = add(root, "div", { className: "vos-bar" });
  const view = choice(bar, "View", views.map((name) => [name, LABELS[name]]), () => set("view", view.value));
  const flow = choice(bar, "Flow", names.map((name) => [name, name]), () => set("shown", flow.value));
  flow.parentElement.hidden = names.length < 2;
  const slide = add(bar, "label", { className: "vos-field", title: "From the first image to the second (, .)" });
  slide.append("t ");
  const slider = add(slide, "input", { type: "range", className: "vos-between", min: 0, max: 1, step: 0.05, ariaLabel: "From the first image to the second" });
  slide.append(" t + 1");
  slider.oninput = () => set("between", Number(slider.value));
  add(bar, "span", { className: "vos-help", textContent: "?", title: KEYS });

  const facts = add(root, "div", { className: "vos-facts" });
  const lenses = ["here, in the first image", "its match, in the second"].map((text) => {
    const figure = add(facts, "figure");
    const canvas = add(figure, "canvas", { width: 6 * LENS, height: 6 * LENS, role: "img", ariaLabel: `Magnified: ${text}` });
    add(figure, "figcaption", { textContent: text });
    return canvas.getContext("2d");
  });
  const list = add(facts, "dl", { role: "status" });
  const wheelFigure = add(facts, "figure");
  const wheel = add(wheelFigure, "canvas", { role: "img", ariaLabel: "Colour wheel: red is right, yellow green down, blue left, purple up" });
  add(wheelFigure, "figcaption", { textContent: `rim: ${model.get("_scale").toFixed(1)} px` });
  paintWheel(wheel, model.get("_wheel"));

  // --- what a flow says ------------------------------------------------------------------------

  const current = () => Math.max(0, names.indexOf(model.get("shown")));
  function vector(from, x, y) {
    const at = 2 * (y * width + x);
    return from[at] === UNKNOWN ? null : [from[at] / STEPS, from[at + 1] / STEPS];
  }
  // The second image at the end of a vector, times a share: bilinear, the border repeated.
  function lookUp(image, x, y, channel) {
    x = clamp(x, width - 1);
    y = clamp(y, height - 1);
    const left = Math.floor(x), top = Math.floor(y);
    const right = Math.min(left + 1, width - 1), bottom = Math.min(top + 1, height - 1);
    const a = x - left, b = y - top;
    const at = (row, column) => image[4 * (row * width + column) + channel];
    return (1 - b) * ((1 - a) * at(top, left) + a * at(top, right)) + b * ((1 - a) * at(bottom, left) + a * at(bottom, right));
  }
  function difference(x, y, v) {
    let sum = 0;
    for (let c = 0; c < 3; c++) sum += Math.abs(first[4 * (y * width + x) + c] - lookUp(second, x + v[0], y + v[1], c));
    return sum / 3;
  }

  // --- the pictures ----------------------------------------------------------------------------

  function paintSheet() {
    const kind = model.get("view");
    const share = model.get("between");
    const found = flows[current()];
    const colour = colours[current()];
    const out = picture.data;
    for (let y = 0, i = 0, k = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i += 4, k += 3) {
        out[i + 3] = 255;
        if (kind === "colour") {
          for (let c = 0; c < 3; c++) out[i + c] = colour[k + c];
        } else if (kind === "frames") {
          for (let c = 0; c < 3; c++) out[i + c] = (1 - share) * first[i + c] + share * second[i + c];
        } else if (kind === "arrows") {
          const grey = 90 + 0.55 * ((1 - share) * mean(first, i) + share * mean(second, i));
          out[i] = out[i + 1] = out[i + 2] = grey;
        } else {
          const v = vector(found, x, y) ?? [0, 0];
          if (kind === "warped") {
            // At t all the way back to the first image; at t + 1 the second one as it is.
            const back = 1 - share;
            for (let c = 0; c < 3; c++) out[i + c] = lookUp(second, x + back * v[0], y + back * v[1], c);
          } else {
            const t = kind === "error" ? vector(truth, x, y) : null;
            const wrong = kind === "difference" ? difference(x, y, v) / 60
              : t ? Math.hypot(v[0] - t[0], v[1] - t[1]) / Math.max(1, model.get("_scale")) : 0;
            const [r, g, b] = inferno(Math.min(1, wrong));
            out[i] = r; out[i + 1] = g; out[i + 2] = b;
          }
        }
      }
    }
    sheetPen.putImageData(picture, 0, 0);
  }

  function paintArrows(pen) {
    const found = flows[current()];
    const every = Math.max(4, Math.round(width / 22));
    const longer = (1.4 * every) / Math.max(0.01, model.get("_scale"));
    pen.lineCap = "round";
    onAnyGround(pen, "#ffd23f", 5.5, 2.8, () => {
      for (let y = every >> 1; y < height; y += every) {
        for (let x = every >> 1; x < width; x += every) {
          const v = vector(found, x, y);
          if (v) arrow(pen, (x + 0.5) * zoom, (y + 0.5) * zoom, v[0] * longer * zoom, v[1] * longer * zoom);
        }
      }
    });
  }

  function cross(pen, x, y, colour) {
    pen.lineCap = "butt";
    onAnyGround(pen, colour, 7, 3.4, () => {
      pen.arc((x + 0.5) * zoom, (y + 0.5) * zoom, 12, 0, 2 * Math.PI);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        pen.moveTo((x + 0.5) * zoom + 12 * dx, (y + 0.5) * zoom + 12 * dy);
        pen.lineTo((x + 0.5) * zoom + 24 * dx, (y + 0.5) * zoom + 24 * dy);
      }
    });
  }

  const bitmaps = [first, second].map((image) => {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d").putImageData(new ImageData(image, width, height), 0, 0);
    return canvas;
  });

  let stale = true; // the sheet has to be painted again; moving the pixel does not need that
  const draw = soon(() => {
    const kind = model.get("view");
    const share = model.get("between");
    const [x, y] = model.get("point");
    const v = vector(flows[current()], x, y);
    if (stale) paintSheet();
    stale = false;

    const [left, right] = panes;
    left.pen.imageSmoothingEnabled = right.pen.imageSmoothingEnabled = true;
    left.pen.drawImage(sheet, 0, 0, left.canvas.width, left.canvas.height);
    if (kind === "arrows") paintArrows(left.pen);
    const moves = kind === "frames" || kind === "arrows" ? share : 0;
    cross(left.pen, x + (v ? moves * v[0] : 0), y + (v ? moves * v[1] : 0), "#ffffff");
    const where = moves ? `between both images, ${Math.round(100 * share)} % of the way` : "over the first image";
    left.caption.textContent = `${LABELS[kind]}, ${where}`;
    if (kind === "warped") left.caption.textContent = `The second image, brought ${Math.round(100 * (1 - share))} % of the way back`;
    if (kind === "difference") left.caption.textContent = "First image against the second brought back: black is equal, bright 60 grey levels";
    if (kind === "error") left.caption.textContent = `Endpoint error: black is 0, bright ${Math.max(1, model.get("_scale")).toFixed(1)} px`;
    left.canvas.ariaLabel = left.caption.textContent;

    right.pen.drawImage(bitmaps[1], 0, 0, right.canvas.width, right.canvas.height);
    right.caption.textContent = "Second image, with the match";
    right.canvas.ariaLabel = right.caption.textContent;
    if (v) {
      right.pen.lineWidth = 2;
      right.pen.strokeStyle = "#ffffff";
      right.pen.setLineDash([4, 3]);
      right.pen.beginPath();
      right.pen.moveTo((x + 0.5) * zoom, (y + 0.5) * zoom);
      right.pen.lineTo((x + v[0] + 0.5) * zoom, (y + v[1] + 0.5) * zoom);
      right.pen.stroke();
      right.pen.setLineDash([]);
      cross(right.pen, x + v[0], y + v[1], "#ffd23f");
    }
    magnify(lenses[0], bitmaps[0], x, y, "#ffffff");
    magnify(lenses[1], bitmaps[1], x + (v?.[0] ?? 0), y + (v?.[1] ?? 0), "#ffd23f");
    define(list, said(x, y, v));
    Object.assign(root.dataset, { point: `${x},${y}`, view: kind, flow: names[current()], frame: share });
  });

  function magnify(pen, image, x, y, colour) {
    const size = 6 * LENS;
    pen.imageSmoothingEnabled = false;
    pen.fillStyle = "#808080";
    pen.fillRect(0, 0, size, size);
    pen.drawImage(image, (LENS >> 1) * 6 - 6 * x, (LENS >> 1) * 6 - 6 * y, 6 * width, 6 * height);
    pen.strokeStyle = colour;
    pen.lineWidth = 2;
    pen.strokeRect((LENS >> 1) * 6 - 1, (LENS >> 1) * 6 - 1, 8, 8);
  }

  function said(x, y, v) {
    const rows = [["pixel", `${x}, ${y}`]];
    if (v) {
      const inside = x + v[0] >= 0 && x + v[0] <= width - 1 && y + v[1] >= 0 && y + v[1] <= height - 1;
      rows.push(["vector", `${signed(v[0], 2)} right, ${signed(v[1], 2)} down`]);
      rows.push(["length", `${Math.hypot(...v).toFixed(2)} px`]);
      rows.push(["match", `${(x + v[0]).toFixed(1)}, ${(y + v[1]).toFixed(1)}${inside ? "" : " (outside)"}`]);
      rows.push(["difference", `${difference(x, y, v).toFixed(1)} grey levels`]);
    } else rows.push(["vector", "not known"]);
    const t = truth && vector(truth, x, y);
    if (t) {
      rows.push(["true vector", `${signed(t[0], 2)} right, ${signed(t[1], 2)} down`]);
      if (v) rows.push(["endpoint error", `${Math.hypot(v[0] - t[0], v[1] - t[1]).toFixed(2)} px`]);
    }
    return rows;
  }

  // --- moving ----------------------------------------------------------------------------------

  function repaint() {
    stale = true;
    draw();
  }

  function go(x, y) {
    model.set("point", [clamp(x, width - 1), clamp(y, height - 1)]);
    draw();
    tell();
  }
  const nextOf = (list, now) => list[(list.indexOf(now) + 1) % list.length];

  const [{ canvas }] = panes;
  const hover = (event) => go(...place(event, canvas, width, height).map(Math.floor));
  canvas.addEventListener("pointermove", hover);
  canvas.addEventListener("pointerdown", (event) => {
    root.focus({ preventScroll: true });
    hover(event);
  });

  const by = (right, down) => (event) => {
    const [x, y] = model.get("point");
    const far = event.shiftKey ? 10 : 1;
    go(x + right * far, y + down * far);
  };
  const slideBy = (twentieths) => () => set("between", clamp(Math.round(20 * model.get("between") + twentieths) / 20, 1));
  onKeys(root, {
    ArrowLeft: by(-1, 0), ArrowRight: by(1, 0), ArrowUp: by(0, -1), ArrowDown: by(0, 1),
    v: () => set("view", nextOf(views, model.get("view"))),
    f: () => set("shown", nextOf(names, names[current()])),
    ",": slideBy(-2),
    ".": slideBy(2),
  });

  follow("view", () => {
    view.value = model.get("view");
    repaint();
  });
  follow("shown", () => {
    flow.value = names[current()];
    repaint();
  });
  follow("between", () => {
    slider.value = model.get("between");
    repaint();
  });
  follow("point", draw);

  return () => {
    draw.cancel();
    stop();
  };
}

// --- small parts -------------------------------------------------------------------------------

async function pixels(file, width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(await bitmap(file), 0, 0);
  return pen.getImageData(0, 0, width, height).data;
}

function paintWheel(canvas, bytes) {
  const size = Math.round(Math.sqrt(bytes.byteLength / 3));
  Object.assign(canvas, { width: size, height: size });
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(size, size);
  for (let i = 0; i < size * size; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = bytes.getUint8(3 * i + c);
    const inside = Math.hypot((i % size) - (size - 1) / 2, Math.floor(i / size) - (size - 1) / 2) <= size / 2;
    image.data[4 * i + 3] = inside ? 255 : 0;
  }
  pen.putImageData(image, 0, 0);
}

function arrow(pen, x, y, dx, dy) {
  const length = Math.hypot(dx, dy);
  if (length < 2) {
    pen.moveTo(x + 0.6, y);
    pen.arc(x, y, 0.6, 0, 2 * Math.PI);
  } else {
    const [ux, uy] = [dx / length, dy / length];
    const head = Math.min(13, 0.5 * length);
    pen.moveTo(x, y);
    pen.lineTo(x + dx, y + dy);
    for (const side of [-1, 1]) {
      pen.moveTo(x + dx, y + dy);
      pen.lineTo(x + dx - head * (ux - side * 0.6 * uy), y + dy - head * (uy + side * 0.6 * ux));
    }
  }
}

const mean = (image, i) => (image[i] + image[i + 1] + image[i + 2]) / 3;
export default { render };
