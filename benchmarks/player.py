"""How long from a key press to the pixels? The player against pictures sent by the kernel.

    python benchmarks/player.py

Runs JupyterLab in a headless Chromium and shows the same video, 480 x 854 with masks over it,
in the player, and as a picture that Python paints, compresses and sends for each frame. From 50
key presses each: the time from the key event until the browser has painted the frame.
"""

import json
import sys
import tempfile
from pathlib import Path
from statistics import median

import nbformat

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))
from jupyter_browser import BROWSER, DRIVER, Lab, start_browser, start_lab

KEYS = 50

VIDEO = """
import cv2, ipywidgets, numpy as np
from vos_lab.video import Video, overlay
from vos_lab.view.widgets.player import Player

rng = np.random.default_rng(0)
still = cv2.resize(rng.integers(0, 256, (60, 107, 3), np.uint8), (854, 480))
frames = [np.roll(still, 4 * t, axis=1) for t in range(60)]
masks = np.zeros((60, 480, 854), np.uint8)
for t in range(60):
    cv2.circle(masks[t], (100 + 10 * t, 240), 150, 1, -1)
    cv2.circle(masks[t], (700 - 8 * t, 120), 90, 2, -1)
video = Video("benchmark", frames, masks)
"""
PLAYER = "Player(video)"
KERNEL = """
def jpeg(t):
    return cv2.imencode(".jpg", overlay(frames[t], masks[t])[..., ::-1])[1].tobytes()

picture = ipywidgets.Image(value=jpeg(0), format="jpeg").add_class("by-kernel")
slider = ipywidgets.IntSlider(max=59)
slider.observe(lambda change: setattr(picture, "value", jpeg(change["new"])), "value")
ipywidgets.VBox([picture, slider])
"""

# A frame is painted when the message posted in its animation frame arrives.
PAINTED = """
const painted = () => new Promise((resolve) => requestAnimationFrame(() => {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => resolve(performance.now());
  channel.port2.postMessage(0);
}));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
"""
MEASURE_PLAYER = (
    PAINTED
    + """
const [count, done] = arguments;
const player = document.querySelector('.vos-player');
player.scrollIntoView({ block: 'center' });
(async () => {
  const times = [];
  for (let n = 0; n < count; n++) {
    await pause(20 + 16 * Math.random()); // not in step with the screen
    const shown = new Promise((resolve) =>
      player.addEventListener('frameshown', resolve, { once: true }));
    const start = performance.now();
    player.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
    // The listener runs in the animation frame that draws, so one message later is after it.
    await shown.then(() => new Promise((resolve) => {
      const channel = new MessageChannel();
      channel.port1.onmessage = resolve;
      channel.port2.postMessage(0);
    }));
    times.push(performance.now() - start);
  }
  done(JSON.stringify(times));
})();
"""
)
MEASURE_KERNEL = (
    PAINTED
    + """
const [count, done] = arguments;
const picture = document.querySelector('img.by-kernel');
const handle = document.querySelector('.widget-slider .noUi-handle');
picture.scrollIntoView({ block: 'center' });
(async () => {
  const times = [];
  for (let n = 0; n < count; n++) {
    await pause(20 + 16 * Math.random());
    const loaded = new Promise((resolve) =>
      picture.addEventListener('load', resolve, { once: true }));
    const start = performance.now();
    handle.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
    await loaded;
    times.push((await painted()) - start);
  }
  done(JSON.stringify(times));
})();
"""
)


def main() -> None:
    if not BROWSER or not DRIVER:
        sys.exit("needs chromium and chromedriver, and finds none on this machine")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        home, folder = Path(name, "home"), Path(name, "lab")
        home.mkdir()
        folder.mkdir()
        cells = [nbformat.v4.new_code_cell(source) for source in (VIDEO, PLAYER, KERNEL)]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(notebook, folder / "benchmark.ipynb")
        browser = start_browser(Path(name, "chromium"))
        process, address = start_lab(home, folder)
        try:
            lab = Lab(address, folder, home / "settings", browser)
            lab.open("benchmark.ipynb")
            lab.run_all()
            lab.wait(
                lambda driver: driver.execute_script(
                    "return document.querySelector('.vos-player[data-frame]')"
                    " && document.querySelector('img.by-kernel')?.complete"
                    " && document.querySelector('.widget-slider .noUi-handle') !== null"
                ),
                what="the widgets do not appear",
            )
            times = {
                what: json.loads(browser.execute_async_script(script, KEYS))
                for what, script in (("player", MEASURE_PLAYER), ("kernel", MEASURE_KERNEL))
            }
        finally:
            browser.quit()
            process.terminate()
            process.wait(30)
    print(f"key to pixels at 480 x 854 with masks, {KEYS} keys, headless Chromium")
    for what, values in times.items():
        worst = sorted(values)[int(0.95 * len(values))]
        print(f"  {what:8} median {median(values):6.1f} ms, 95 % below {worst:6.1f} ms")
    print(
        f"  the kernel takes {median(times['kernel']) / median(times['player']):.1f} times as long"
    )


if __name__ == "__main__":
    main()
