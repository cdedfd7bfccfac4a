// Widgets without a kernel: they come to life when they come into view. Where that fails, and where
// a page is opened from a disk instead of from a server, the picture of the widget stays.

(() => {
  // What a widget asks of a kernel's model; here nobody listens but the widget itself.
  class Model {
    constructor(state) {
      this.state = state;
      this.handlers = new Map();
    }
    get(name) {
      return this.state[name];
    }
    set(name, value) {
      if (JSON.stringify(this.state[name]) === JSON.stringify(value)) return;
      this.state[name] = value;
      for (const event of [`change:${name}`, "change"]) this.handlers.get(event)?.forEach((handler) => handler());
    }
    on(event, handler) {
      if (!this.handlers.has(event)) this.handlers.set(event, new Set());
      this.handlers.get(event).add(handler);
    }
    off(event, handler) {
      this.handlers.get(event)?.delete(handler);
    }
    save_changes() {}
    send() {}
  }

  const address = (path) => new URL(path, document.baseURI).href;

  function bytes(base64) {
    const text = atob(base64);
    const data = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) data[i] = text.charCodeAt(i);
    return new DataView(data.buffer); // as a kernel sends them
  }

  const styles = new Map(); // one for all widgets of a kind
  function style(path) {
    if (!styles.has(path)) styles.set(path, new Promise((done, fail) => {
      const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: address(path) });
      link.onload = done;
      link.onerror = fail;
      document.head.append(link);
    }));
    return styles.get(path);
  }

  async function live(place) {
    const { state, buffers, js, css } = await (await fetch(address(place.dataset.widget))).json();
    for (const [path, data] of buffers) {
      const parent = path.slice(0, -1).reduce((part, key) => part[key], state);
      parent[path.at(-1)] = bytes(data);
    }
    const [script] = await Promise.all([import(address(js)), style(css)]);
    const el = document.createElement("div");
    await script.default.render({ model: new Model(state), el });
    place.replaceChildren(el);
    place.dataset.lives = "yes";
  }

  if (location.protocol === "file:") return;
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      watcher.unobserve(entry.target);
      live(entry.target).catch((error) => console.error(error));
    }
  }, { rootMargin: "400px" });
  document.querySelectorAll(".vos-live").forEach((place) => watcher.observe(place));
})();
