// Slides of a lesson. Cells stand in sections; a section that does not fit on one page of 1280 x 720
// is dealt over several. What is on a page is then made as large as the page allows.
(() => {
  const WIDTH = 1280, HEIGHT = 720, GAP = 18;
  const stage = document.getElementById("stage");
  const sections = [...document.querySelectorAll(".slide")];
  const place = document.getElementById("place"), heading = document.getElementById("heading");
  const help = document.getElementById("help");
  const WIDTHS = [1000, 850, 1150, 1300];
  // How much a thing may grow: clips are small, text is large as it is.
  const largest = (cell) => cell.classList.contains("widget") ? 1.5 : cell.querySelector("img") ? 2.2 : 1.35;
  let pages = [];  // each: { section, cells, steps }
  let at = 0, shown = 0, notes = null, started = Date.now();

  // --- layout --------------------------------------------------------------------------------
  const isText = (cell) => cell.classList.contains("text");
  const room = (section) => [section.clientWidth, section.clientHeight];

  function natural(cell) {  // width and height without zoom
    cell.style.zoom = 1;
    return [cell.offsetWidth, cell.offsetHeight];
  }

  function deal() {
    const here = pages[at]?.cells[0];
    pages = [];
    for (const section of sections) {
      const cells = [...section.querySelectorAll(":scope > .cell")];
      const [, height] = room(section);
      let page = null, used = 0;
      for (const cell of cells) {
        if (cell.classList.contains("widget")) cell.style.width = `${WIDTHS[0]}px`;
        const needs = natural(cell)[1];
        if (!needs) continue;  // nothing to see, or not yet
        if (!page || used + GAP + needs > height) {
          page = { section, cells: [], steps: 1 };
          pages.push(page);
          used = -GAP;
        }
        if (page.cells.length && "fragment" in cell.dataset) page.steps += 1;
        page.cells.push(cell);
        used += GAP + needs;
      }
    }
    const again = pages.findIndex((page) => page.cells.includes(here));
    go(again >= 0 ? again : Math.min(at, pages.length - 1), shown);
  }

  function fit({ section, cells }) {
    resize();  // what is measured below and the scale of the stage must be of the same window
    const [width, height] = room(section);
    const free = height - GAP * (cells.length - 1);
    const texts = cells.filter(isText), boxes = cells.filter((cell) => !isText(cell));
    const boxed = boxes.reduce((sum, box) => sum + natural(box)[1], 0);
    let zoom = 1, taken = 0;
    do {  // text flows anew when it is smaller, so its height is found by trying
      texts.forEach((text) => { text.style.zoom = zoom; text.style.width = `${width / zoom}px`; });
      taken = texts.reduce((sum, text) => sum + text.getBoundingClientRect().height / scale(), 0);
      zoom *= 0.97;
    } while (taken + (boxes.length ? Math.min(boxed, free / 2) : 0) > free && zoom > 0.3);
    for (const box of boxes) {
      const share = (free - taken) * natural(box)[1] / boxed;
      const best = box.classList.contains("widget") ? WIDTHS : [null];
      const tried = best.map((wide) => {  // a widget may need less height where it is wider
        if (wide) box.style.width = `${wide}px`;
        const [needs, high] = natural(box);
        return [Math.min(largest(box), width / needs, share / high), wide];
      });
      const [zoom, wide] = tried.reduce((one, other) => (other[0] > one[0] * 1.02 ? other : one));
      if (wide) box.style.width = `${wide}px`;
      box.style.zoom = zoom;
    }
  }

  const scale = () => Math.min(innerWidth / WIDTH, innerHeight / HEIGHT);
  function resize() {
    const factor = scale();
    const left = (innerWidth - factor * WIDTH) / 2, top = (innerHeight - factor * HEIGHT) / 2;
    stage.style.transform = `translate(${left}px, ${top}px) scale(${factor})`;
  }

  // --- where we are --------------------------------------------------------------------------
  function go(page, step = 0) {
    if (!pages.length) return;
    at = Math.max(0, Math.min(page, pages.length - 1));
    shown = Math.max(0, Math.min(step, pages[at].steps - 1));
    const { section, cells } = pages[at];
    document.querySelectorAll(".cell.here").forEach((cell) => cell.classList.remove("here", "shown"));
    let hidden = 0;
    cells.forEach((cell, n) => {
      if (n && "fragment" in cell.dataset) hidden += 1;
      cell.classList.add("here");
      cell.classList.toggle("shown", hidden <= shown);
    });
    fit(pages[at]);
    place.textContent = `${at + 1} / ${pages.length}`;
    heading.textContent = section.dataset.heading === document.title ? "" : section.dataset.heading;
    history.replaceState(null, "", `#${at + 1}`);
    tell();
  }
  function next() {
    if (shown + 1 < pages[at].steps) go(at, shown + 1);
    else if (at + 1 < pages.length) go(at + 1);
  }
  function back() {
    if (shown > 0) go(at, shown - 1);
    else if (at > 0) go(at - 1, pages[at - 1].steps - 1);
  }

  // --- notes in a window of their own ---------------------------------------------------------
  function openNotes() {
    notes = window.open("", "vos-lab-notes", "width=900,height=700");
    if (!notes) return alert("The browser does not let this page open the window of notes.");
    notes.document.documentElement.dataset.theme = document.documentElement.dataset.theme;
    notes.document.title = "Speaker notes";
    const style = [...document.querySelectorAll("style")].map((s) => s.outerHTML).join("");
    notes.document.head.innerHTML = `<meta charset="utf-8">${style}<style>
      html, body { overflow: auto; } body { padding: 24px; font-size: 20px; }
      h1 { font-size: 30px } h2, h3 { font-size: 24px } table { font-size: 18px }</style>`;
    notes.document.addEventListener("keydown", key);
    tell();
  }
  function tell() {
    if (!notes || notes.closed) return;
    const { section } = pages[at], following = pages[at + 1];
    const minutes = Math.floor((Date.now() - started) / 60000);
    notes.document.body.innerHTML =
      `<p style="color: var(--dim)">slide ${at + 1} of ${pages.length}, part ${shown + 1} of ` +
      `${pages[at].steps} · ${minutes} min · next: ` +
      `${following ? following.section.dataset.heading : "the end"}</p>` +
      `${section.querySelector(":scope > .notes")?.innerHTML || "<p>No notes for this slide.</p>"}`;
  }

  // --- keys ----------------------------------------------------------------------------------
  const everywhere = { PageDown: next, PageUp: back };
  const outside = {
    " ": next, Enter: next, ArrowRight: next, ArrowDown: next, n: next,
    ArrowLeft: back, ArrowUp: back, Backspace: back, p: back,
    Home: () => go(0), End: () => go(pages.length - 1),
    s: openNotes, d: theme, "?": () => { help.hidden = !help.hidden; },
    f: () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()),
  };
  function theme() {
    const root = document.documentElement;
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    if (notes && !notes.closed) notes.document.documentElement.dataset.theme = root.dataset.theme;
  }
  function key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    // In a widget the keys are the widget's; those of a presenter's clicker are always ours.
    const within = event.target.closest?.(".cell.widget");
    if (within && event.key === "Escape") event.target.blur();
    const action = everywhere[event.key] ?? (within ? null : outside[event.key]);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }
  document.addEventListener("keydown", key, true);
  addEventListener("resize", resize);

  // Widgets and pictures come late, and a widget grows when it says something.
  let soon = 0, settled = false;
  const settle = () => {
    const empty = cells.some((cell) => cell.classList.contains("widget") && !cell.offsetHeight);
    if (empty && Date.now() - started < 30000) watch.last = setTimeout(settle, 300);
    else { settled = true; deal(); }
  };
  const cells = [...document.querySelectorAll(".cell")];
  const watch = new ResizeObserver(() => {
    clearTimeout(soon);
    const dealt = new Set(pages.flatMap((page) => page.cells));
    const late = cells.some((cell) => cell.offsetHeight && !dealt.has(cell));
    soon = setTimeout(settled && !late ? () => fit(pages[at]) : deal, 60);
    if (!settled) { clearTimeout(watch.last); watch.last = setTimeout(settle, 1500); }
  });
  cells.forEach((cell) => watch.observe(cell.firstElementChild ?? cell));

  resize();
  at = Math.max(0, (parseInt(location.hash.slice(1)) || 1) - 1);
  deal();
  window.slides = { go, next, back, theme, get pages() { return pages; }, get settled() { return settled; } };
})();
