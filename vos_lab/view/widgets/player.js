// The player. All frames and masks are here as files (JPEG, PNG) from the start; the browser
// decodes those around the current frame ahead of time, so that a key press only has to draw.

// Bitmaps that are kept decoded, in bytes. What is farthest from the current frame goes first.
const DECODED_BYTES = 200e6;
const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4];
const ONIONS = [0, 1, 2, 4, 8];
const KEYS = "Keys: ← → Home End move, space plays, m masks, + − opacity, o onion skin, c compare";

const ICONS = {
  play: "M4 2 L14 8 L4 14 Z",
  pause: "M3 2 H6.5 V14 H3 Z M9.5 2 H13 V14 H9.5 Z",
  back: "M11 2 L4 8 L11 14 Z",
  on: "M5 2 L12 8 L5 14 Z",
};

function render({ model, el }) {
  const images = model.get("_images");
  const masks = model.get("_masks");
  const names = model.get("_names");
  const indices = model.get("_indices");
  const [height, width] = model.get("_size");
  const last = images.length - 1;
  const layers = masks.length;

  const { follow, set, stop } = connect(model);

  // --- the page --------------------------------------------------------------------------------

  const root = open({ model, el }, "player", "Video player", KEYS);

  // One pane for each result, and one in front for the plain frames where there is only one.
  const plain = { name: "frames", layer: -1 };
  const results = names.map((name, layer) => ({ name, layer }));
  const panes = results.length === 1 ? [plain, ...results] : results.length ? results : [plain];
  const stage = add(root, "div", { className: "vos-stage" });
  for (const pane of panes) {
    pane.figure = add(stage, "figure");
    pane.canvas = add(pane.figure, "canvas", { width, height, role: "img" });
    pane.pen = pane.canvas.getContext("2d");
    pane.caption = add(pane.figure, "figcaption", { textContent: pane.name });
    pane.canvas.style.width = `${model.get("_height") ? (model.get("_height") * width) / height : Math.max(width, Math.min(640, (480 * width) / height))}px`;
  }

  const slider = add(root, "input", {
    type: "range", className: "vos-scrubber", min: 0, max: last, step: 1, ariaLabel: "Frame",
  });
  slider.oninput = () => go(Number(slider.value));

  const bar = add(root, "div", { className: "vos-bar" });
  button(bar, "back", "One frame back (←)", () => go(position - 1));
  const play = button(bar, "play", "Play (space)", () => set("playing", !model.get("playing")));
  button(bar, "on", "One frame forward (→)", () => go(position + 1));
  const readout = add(bar, "output", { className: "vos-readout", ariaLive: "off" });
  const speed = choice(bar, "Speed", SPEEDS.map((x) => [x, `${x}×`]), () =>
    set("speed", Number(speed.value)));
  const loop = toggle(bar, "Loop", "Start again at the end", "loop");
  if (layers) {
    toggle(bar, "Masks", "Show the masks (m)", "show_masks");
    const label = add(bar, "label", { className: "vos-field", title: "Opacity of the masks (+ −)" });
    label.append("Opacity ");
    const fade = add(label, "input", { type: "range", min: 0, max: 1, step: 0.05, ariaLabel: "Opacity of the masks" });
    fade.oninput = () => set("opacity", Number(fade.value));
    follow("opacity", () => (fade.value = model.get("opacity")));
  }
  const onion = choice(bar, "Onion skin", ONIONS.map((x) => [x, x ? `±${x}` : "off"]), () =>
    set("onion", Number(onion.value)));
  onion.parentElement.title = "Lay the frames before and after over the picture (o)";
  if (panes.length > 1) toggle(bar, "Compare", "Side by side (c)", "compare");
  if (layers > 1) {
    const shown = choice(bar, "Result", names.map((name, i) => [i, name]), () =>
      set("result", Number(shown.value)));
    follow("result", () => (shown.value = model.get("result")));
    follow("compare", () => (shown.parentElement.hidden = model.get("compare")));
  }
  add(bar, "span", { className: "vos-help", textContent: "?", title: KEYS });
  if (model.get("_note")) add(root, "div", { className: "vos-note", textContent: model.get("_note") });

  // --- decoding ahead --------------------------------------------------------------------------

  const cache = new Map(); // position -> { frame, masks } once decoded, with a promise before
  const room = Math.max(8, Math.floor(DECODED_BYTES / (width * height * 4 * (1 + layers))));

  function decode(at) {
    if (at < 0 || at > last || cache.has(at)) return;
    const entry = { bitmaps: null };
    cache.set(at, entry);
    const files = [bitmap(images[at]), ...masks.map((m) => bitmap(m[at], "image/png"))];
    Promise.all(files).then(([frame, ...overlays]) => {
      entry.bitmaps = { frame, overlays };
      if (cache.get(at) !== entry) close(entry); // it was thrown out while it was decoded
      else if (needed().includes(at)) draw();
    });
  }

  function decodeAhead() {
    const ahead = Math.min(16, room >> 1);
    needed().forEach(decode);
    for (let i = 1; i <= ahead; i++) decode(wrap(position + i * direction));
    for (let i = 1; i <= 4; i++) decode(wrap(position - i * direction));
    if (cache.size <= room) return;
    const distance = (at) => Math.min(Math.abs(at - position), last + 1 - Math.abs(at - position));
    const farthest = [...cache.keys()].sort((a, b) => distance(b) - distance(a));
    for (const at of farthest.slice(0, cache.size - room)) {
      close(cache.get(at));
      cache.delete(at);
    }
  }

  // --- drawing ---------------------------------------------------------------------------------

  let position = -1; // which of the files; model.frame is the number in the whole video
  let direction = 1;

  function needed() {
    const apart = model.get("onion");
    return apart ? [position, position - apart, position + apart] : [position];
  }

  const draw = soon(() => {
    const current = cache.get(position)?.bitmaps;
    if (!current) return; // decode() calls again
    const compare = model.get("compare");
    const opacity = model.get("show_masks") ? model.get("opacity") : 0;
    const shown = Math.min(model.get("result"), Math.max(0, layers - 1));
    for (const { figure, canvas, pen, caption, name, layer } of panes) {
      figure.hidden = !compare && panes.length > 1 && layer !== shown;
      caption.hidden = panes.length < 2 || (!compare && layers < 2);
      if (figure.hidden) continue;
      pen.globalAlpha = 1;
      pen.drawImage(current.frame, 0, 0);
      paint(pen, current.overlays[layer], opacity);
      // Ghosts: the frame before and the one after, each fainter than what is there now.
      for (const at of needed().slice(1)) {
        const ghost = cache.get(at)?.bitmaps;
        if (!ghost) continue;
        paint(pen, ghost.frame, 0.3);
        paint(pen, ghost.overlays[layer], 0.3 * opacity);
      }
      canvas.ariaLabel = `Frame ${indices[position]}, ${name}`;
    }
    root.dataset.frame = indices[position];
    root.dispatchEvent(new CustomEvent("frameshown", { detail: indices[position] }));
  });

  // --- moving ----------------------------------------------------------------------------------

  const wrap = (at) => (model.get("loop") ? (at + last + 1) % (last + 1) : at);

  function go(at, tell = true) {
    at = clamp(at, last);
    if (at === position) return;
    if (position >= 0) direction = Math.abs(at - position) === last ? direction : Math.sign(at - position);
    position = at;
    slider.value = at;
    slider.ariaValueText = `frame ${indices[at]}`;
    readoutNow();
    decodeAhead();
    draw();
    if (tell) set("frame", indices[at]);
  }

  function readoutNow() {
    const digits = String(indices[last]).length;
    const number = String(indices[Math.max(0, position)]).padStart(digits, "\u2007");
    const fps = model.get("_fps") * model.get("speed");
    readout.textContent = `frame ${number} of ${indices[last]} · ${fps < 10 ? fps.toFixed(1) : Math.round(fps)} fps`;
  }

  let clock = 0; // the animation frame that plays
  let due = 0; // when the next frame is due

  function tick(now) {
    clock = requestAnimationFrame(tick);
    if (now < due || !cache.get(position)?.bitmaps) return;
    const apart = indices.length > 1 ? indices[1] - indices[0] : 1;
    const wait = (1000 * apart) / (model.get("_fps") * model.get("speed"));
    // Faster than the screen: leave frames out. Held up for long: go on from here, do not rush.
    const steps = now - due > 500 ? 1 : 1 + Math.floor((now - due) / wait);
    due = now - due > 500 ? now + wait : due + steps * wait;
    if (position + steps <= last) go(position + steps);
    else if (model.get("loop")) go((position + steps) % (last + 1));
    else {
      go(last);
      set("playing", false);
    }
  }

  function playOrPause() {
    const playing = model.get("playing");
    icon(play, playing ? "pause" : "play", playing ? "Pause (space)" : "Play (space)");
    cancelAnimationFrame(clock);
    if (!playing) return;
    if (position === last) go(0);
    due = 0;
    clock = requestAnimationFrame(tick);
  }

  // --- keys ------------------------------------------------------------------------------------

  let lastOnion = 1;
  const actions = {
    ArrowLeft: () => go(position - 1),
    ArrowRight: () => go(position + 1),
    Home: () => go(0),
    End: () => go(last),
    " ": () => set("playing", !model.get("playing")),
    m: () => set("show_masks", !model.get("show_masks")),
    o: () => set("onion", model.get("onion") ? 0 : lastOnion),
    c: () => panes.length > 1 && set("compare", !model.get("compare")),
    "+": () => fadeBy(0.1),
    "=": () => fadeBy(0.1),
    "-": () => fadeBy(-0.1),
  };
  const fadeBy = (x) => set("opacity", Math.min(1, Math.max(0, Math.round((model.get("opacity") + x) * 100) / 100)));

  slider.dataset.scrubs = true; // its arrow keys are ours
  onKeys(root, actions);
  stage.addEventListener("pointerdown", () => root.focus({ preventScroll: true }));

  // --- following the model ---------------------------------------------------------------------

  function nearest(frame) {
    let at = indices.findIndex((index) => index > frame);
    return (at < 0 ? indices.length : at) - 1;
  }

  follow("frame", () => {
    // Skips what we have just told the model ourselves.
    if (position < 0 || nearest(model.get("frame")) !== position) go(nearest(model.get("frame")), false);
  });
  follow("speed", () => {
    speed.value = SPEEDS.reduce((a, b) => (Math.abs(b - model.get("speed")) < Math.abs(a - model.get("speed")) ? b : a));
    readoutNow();
  });
  follow("onion", () => {
    const value = model.get("onion");
    if (value) lastOnion = value;
    if (!ONIONS.includes(value)) add(onion, "option", { value, textContent: `±${value}` });
    onion.value = value;
    decodeAhead();
  });
  follow("playing", playOrPause);
  for (const name of ["show_masks", "opacity", "onion", "compare", "result"]) follow(name, draw);

  return () => {
    cancelAnimationFrame(clock);
    draw.cancel();
    stop();
    for (const entry of cache.values()) close(entry);
    cache.clear();
  };

  // --- small parts -----------------------------------------------------------------------------

  function toggle(parent, text, title, name) {
    const label = add(parent, "label", { className: "vos-field", title });
    const box = add(label, "input", { type: "checkbox" });
    label.append(` ${text}`);
    box.onchange = () => set(name, box.checked);
    follow(name, () => (box.checked = model.get(name)));
    return box;
  }
}

function button(parent, name, title, action) {
  const made = add(parent, "button", { type: "button", onclick: action });
  icon(made, name, title);
  return made;
}

function icon(made, name, title) {
  made.title = made.ariaLabel = title;
  made.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;
}

function paint(pen, picture, opacity) {
  if (!picture || opacity <= 0) return;
  pen.globalAlpha = opacity;
  pen.drawImage(picture, 0, 0);
}

function close(entry) {
  entry.bitmaps?.frame.close();
  entry.bitmaps?.overlays.forEach((overlay) => overlay?.close());
}

export default { render };
