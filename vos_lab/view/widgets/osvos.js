// The fine-tuning monitor. The kernel sends what it has seen so far; the browser keeps all of it,
// so the slider goes back through the steps without asking.

const LEFT = 52, RIGHT = 10, TOP = 8, BELOW = 24; // room around the loss, in pixels

function render({ model, el }) {
  const names = model.get("_names");
  const [height, width] = model.get("_size");
  const { follow, tell, stop } = connect(model, 120);

  const root = open({ model, el }, "monitor");
  const stage = add(root, "div", { className: "vos-stage" });
  const frames = names.map((name) => {
    const figure = add(stage, "figure");
    const canvas = add(figure, "canvas", { width, height, role: "img" });
    return { name, canvas, caption: add(figure, "figcaption", { textContent: name }) };
  });
  const loss = add(root, "canvas", { className: "vos-loss", role: "img" });
  const bar = add(root, "div", { className: "vos-bar" });
  const slider = add(bar, "input", { type: "range", min: 0, step: 1, className: "vos-steps", ariaLabel: "Step of fine-tuning" });
  const told = add(bar, "output", { className: "vos-told", role: "status" });

  const moments = () => model.get("_moments");
  const at = () => {
    const [wanted, last] = [model.get("shown"), moments().length - 1];
    return wanted < 0 ? last : Math.min(wanted, last);
  };

  // --- the frames ------------------------------------------------------------------------------

  const pictures = model.get("_images").map((jpeg) => bitmap(jpeg));
  let turn = 0;
  async function drawFrames() {
    const mine = ++turn;
    const moment = moments()[at()];
    const overlays = await Promise.all((moment?.[1] ?? []).map((png) => bitmap(png, "image/png")));
    const shown = await Promise.all(pictures);
    if (mine !== turn) return overlays.forEach((each) => each?.close()); // there is a newer one
    frames.forEach(({ name, canvas, caption }, i) => {
      const pen = canvas.getContext("2d");
      pen.drawImage(shown[i], 0, 0, width, height);
      if (overlays[i]) pen.drawImage(overlays[i], 0, 0, width, height);
      const text = moment?.[2][i];
      caption.textContent = text ? `${name}: ${text}` : name;
      canvas.ariaLabel = moment ? `${caption.textContent}, after ${moment[0]} steps` : name;
      overlays[i]?.close();
    });
    root.dataset.step = moment ? moment[0] : "";
  }

  // --- the loss --------------------------------------------------------------------------------

  let wide = 0;
  const steps = () => Math.max(model.get("_steps"), model.get("losses").length, 1);
  const x = (step) => LEFT + ((wide - LEFT - RIGHT) * step) / steps();

  function drawLoss() {
    const losses = model.get("losses");
    const [text, dim, line, accent] = themeColours(root, "text", "dim", "line", "accent");
    const tall = loss.clientHeight || 150;
    wide = loss.clientWidth || 600;
    const ink = sharpPen(loss, wide, tall);
    ink.font = "12px system-ui, sans-serif";
    ink.textBaseline = "middle";
    const most = Math.max(1e-6, ...losses) * 1.05;
    const y = (value) => TOP + (tall - TOP - BELOW) * (1 - value / most);
    for (const value of losses.length ? [0, most / 2, most] : [0]) {
      ink.fillStyle = line;
      ink.fillRect(LEFT, y(value), wide - LEFT - RIGHT, 1);
      ink.fillStyle = dim;
      ink.textAlign = "right";
      ink.fillText(value === 0 ? "0" : value.toPrecision(2), LEFT - 6, y(value) + 1);
    }
    ink.textAlign = "center";
    for (const part of [0, 0.5, 1]) ink.fillText(Math.round(part * steps()), Math.min(wide - 14, x(part * steps())), tall - 12);
    ink.textAlign = "left";
    ink.fillText("step", LEFT + 14, tall - 12);
    ink.textAlign = "right"; // the curve falls: there is room at the right
    ink.fillText("loss", wide - RIGHT - 6, TOP + 10);
    ink.strokeStyle = accent;
    ink.lineWidth = 2;
    ink.beginPath();
    losses.forEach((value, i) => ink.lineTo(x(i + 1), y(value)));
    ink.stroke();
    const moment = moments()[at()];
    if (moment) {
      ink.fillStyle = text;
      ink.fillRect(x(moment[0]) - 0.75, TOP, 1.5, tall - TOP - BELOW);
    }
    loss.ariaLabel = losses.length ? `Loss over ${losses.length} steps, from ${losses[0].toPrecision(2)} to ${losses.at(-1).toPrecision(2)}` : "No step yet";
  }

  // --- both ------------------------------------------------------------------------------------

  const draw = soon(() => {
    const losses = model.get("losses");
    slider.max = Math.max(0, moments().length - 1);
    slider.value = at();
    slider.disabled = moments().length < 2;
    const moment = moments()[at()];
    const now = moment && losses[moment[0] - 1];
    const text = !moment ? "not started" : moment[0] === 0 ? "step 0: the parent network" : `step ${moment[0]} of ${steps()}, loss ${now.toPrecision(2)}`;
    told.textContent = slider.ariaValueText = text;
    root.dataset.moments = moments().length;
    drawLoss();
    drawFrames();
  });

  function go(to) {
    // At the right end the newest is shown, also when more come.
    model.set("shown", to >= moments().length - 1 ? -1 : Math.max(0, to));
    tell();
  }
  slider.oninput = () => go(Number(slider.value));
  function point(event) {
    const [right] = place(event, loss, wide, 1);
    const step = ((right - LEFT) / (wide - LEFT - RIGHT)) * steps();
    const far = moments().map((moment) => Math.abs(moment[0] - step));
    if (far.length) go(far.indexOf(Math.min(...far)));
  }
  loss.addEventListener("pointerdown", (event) => {
    loss.setPointerCapture(event.pointerId);
    point(event);
  });
  loss.addEventListener("pointermove", (event) => event.buttons && point(event));

  for (const name of ["_moments", "losses", "shown"]) follow(name, draw);
  const watcher = new ResizeObserver(draw);
  watcher.observe(root);

  return () => {
    draw.cancel();
    watcher.disconnect();
    stop();
  };
}

export default { render };
