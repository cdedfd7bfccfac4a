"""Slides in a browser: everything fits and can be read, widgets answer, nothing is fetched."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jupyter_browser import free_port
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from vos_lab.authoring.present import export
from vos_lab.course_files import COURSE_FOLDER

pytestmark = pytest.mark.browser

LESSONS = sorted(path.stem for path in (COURSE_FOLDER / "solutions").glob("[0-9][0-9]_*.ipynb"))
SCREENS = [(1280, 720), (1920, 1080), (1024, 768)]
# In pixels of a slide that is 720 high: 2 % of its height is read from the back of a room.
SMALLEST_TEXT, SMALLEST_PICTURE = 14.0, 0.95  # the text in a picture has 15 pixels

PROBLEMS = """
const stage = document.getElementById("stage").getBoundingClientRect();
const scale = stage.width / 1280, [smallestText, smallestPicture] = arguments, problems = [];
slides.pages.forEach((page, number) => {
  slides.go(number, page.steps - 1);
  const say = (what, element) => problems.push(
    `page ${number + 1}: ${what}: ${element.tagName} ${element.outerHTML.slice(0, 150)}`);
  for (const cell of document.querySelectorAll(".cell.shown")) {
    for (const element of [cell, ...cell.querySelectorAll("*")]) {
      const box = element.getBoundingClientRect();
      if (!box.width || !box.height || element.closest("svg") !== null && element.tagName !== "svg")
        continue;
      if (box.left < stage.left - 1 || box.right > stage.right + 1 || box.top < stage.top - 1
          || box.bottom > stage.bottom + 1) say("reaches out of the slide", element);
      if (element.scrollWidth > element.clientWidth + 2 && element.clientWidth
          && getComputedStyle(element).overflowX !== "visible") say("is cut off", element);
      if (element.tagName === "IMG") {
        const width = Number(element.getAttribute("width")) || element.naturalWidth;
        const grown = box.width / scale / width;
        if (grown < smallestPicture) say(`is shown at ${grown.toFixed(2)} of its size`, element);
      }
      if ([...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())) {
        const size = parseFloat(getComputedStyle(element).fontSize) * element.currentCSSZoom;
        if (size < smallestText) say(`has letters of ${size.toFixed(1)} pixels`, element);
      }
    }
  }
});
slides.go(0);
return problems;
"""


STAGE_FITS = """(() => {{
  const stage = document.getElementById("stage")?.getBoundingClientRect();
  const due = 1280 * Math.min({width} / 1280, {height} / 720);
  return !stage || Math.abs(stage.width - due) < 1;
}})()"""


@pytest.fixture(scope="module")
def browser(chromium):
    chromium.get_log("browser")  # what other pages have written is not ours
    yield chromium
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.get("about:blank")


def screen(driver, width: int, height: int) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    # The stage follows the window a moment later; what is measured before fits neither of them.
    wait(driver, STAGE_FITS.format(width=width, height=height), "the stage does not fit the screen")


def wait(driver, script: str, what: str, seconds: float = 60):
    return WebDriverWait(driver, seconds, 0.1).until(
        lambda _: driver.execute_script(f"return {script}"), what
    )


def problems(driver) -> list[str]:
    return driver.execute_script(PROBLEMS, SMALLEST_TEXT, SMALLEST_PICTURE)


@pytest.mark.parametrize("name", LESSONS)
def test_every_exported_slide_fits_and_can_be_read(name, browser, tmp_path):
    file = export(name, tmp_path / "slides.html")
    for number, (width, height) in enumerate(SCREENS):
        screen(browser, width, height)
        if number == 0:
            browser.get(file.as_uri())
            wait(browser, "window.slides?.settled", "the slides do not come to rest")
        assert problems(browser) == []
    assert browser.execute_script("return slides.pages.length") >= 5
    fetched = "return performance.getEntriesByType('resource').map((r) => r.name)"
    assert [name for name in browser.execute_script(fetched) if not name.startswith("data:")] == []
    assert browser.get_log("browser") == []


def test_one_key_leads_through_everything_and_back(browser, tmp_path):
    file = export("00_tour", tmp_path / "slides.html")
    screen(browser, 1280, 720)
    browser.get(file.as_uri())
    wait(browser, "window.slides?.settled", "the slides do not come to rest")
    steps = browser.execute_script("return slides.pages.reduce((n, page) => n + page.steps, 0)")
    shown = "return [location.hash, document.querySelectorAll('.cell.shown').length]"

    def press(*keys):
        ActionChains(browser).send_keys(*keys).perform()

    seen = [browser.execute_script(shown)]
    for _ in range(steps - 1):
        press(Keys.PAGE_DOWN)
        seen.append(browser.execute_script(shown))
    assert len({tuple(step) for step in seen}) == steps  # each key shows something new
    last = browser.execute_script("return slides.pages.length")
    assert seen[-1][0] == f"#{last}"
    press(Keys.PAGE_DOWN)
    assert browser.execute_script(shown) == seen[-1]
    press(*[Keys.ARROW_LEFT] * (steps - 1))
    assert browser.execute_script(shown) == seen[0]
    press("d")
    assert browser.execute_script("return document.documentElement.dataset.theme") == "dark"
    press("?")
    assert browser.find_element(By.ID, "help").is_displayed()
    press("?", "s")
    WebDriverWait(browser, 10).until(lambda driver: len(driver.window_handles) == 2)
    page, notes = browser.window_handles
    browser.switch_to.window(notes)
    assert "For the instructor" in browser.find_element(By.TAG_NAME, "body").text
    press(Keys.PAGE_DOWN)  # the clicker works in this window too
    browser.close()
    browser.switch_to.window(page)
    assert browser.execute_script(shown) == seen[1]


LIVE = """\
# %% [markdown] name="title" minutes=5 needs=[] slide="slide"
# # A small talk
#
# With $x^2$.

# %% name="imports"
import numpy as np

from vos_lab.course import quiz
from vos_lab.datasets.mots_truth import as_objects
from vos_lab.view.widgets.metrics import MetricPlayground
from vos_lab.view.widgets.painter import Painter
from vos_lab.view.widgets.mots import TrackTimeline
from vos_lab.video import Video

# %% name="playground" slide="slide"
playground = MetricPlayground()
playground

# %% name="quiz" slide="fragment"
quiz("00_tour", "which task")

# %% name="broken" slide="skip"
open("a file that is not there")

# %% name="painter" slide="slide"
painter = Painter(Video("grey", np.full((3, 120, 200, 3), 90, np.uint8)))
painter.observe(lambda change: open("painted.txt", "w").write(str(painter.mask.sum())))
painter

# %% name="timeline" slide="slide"
labels = np.zeros((6, 120, 200), np.uint8)
for label in range(1, 26):
    labels[:, 2 * label, 4 * label : 100 + 4 * label] = label
crowd = as_objects(labels, dict.fromkeys(range(1, 26), 2))
TrackTimeline(Video("crowd", np.full((6, 120, 200, 3), 90, np.uint8)), crowd, crowd, "Who is who?")
"""
START = (
    "import sys; from vos_lab.authoring.present import present; present(sys.argv[1], {demo!r}, "
    "int(sys.argv[2]), False, sys.argv[3])"
)


@pytest.fixture
def live(browser, tmp_path):
    """Start a presentation of the small talk, and open it once it has run."""
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "07_talk.py").write_text(LIVE)
    started, demos = [], []

    def start(demo=None):
        demos.append(demo)
        command = [sys.executable, "-c", START.format(demo=demo), "07_talk", str(free_port())]
        process = subprocess.Popen(
            [*command, str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
            env=os.environ
            | {"TMPDIR": str(tmp_path), "JUPYTER_RUNTIME_DIR": str(tmp_path / "run")},
        )
        started.append(process)
        address = re.search(r"http\S+", process.stdout.readline())[0]
        deadline = time.monotonic() + 60
        while True:
            try:
                browser.get(address)
                break
            except Exception:
                assert time.monotonic() < deadline
        wait(browser, "window.slides?.settled", "the lesson does not run", 120)
        return address

    screen(browser, 1280, 720)
    yield start
    browser.get("about:blank")
    for process in started:
        process.terminate()
        said = process.communicate(timeout=30)[0]
        assert "Ctrl-C ends the show" in said
        # The show goes on after a cell that fails; a demo does not run what it has no use for.
        assert ("cell broken fails: FileNotFoundError" in said) == (demos[0] is None)


def test_widgets_of_slides_answer_and_survive_a_reload(browser, live, tmp_path):
    address = live()
    assert problems(browser) == []
    assert browser.execute_script("return slides.pages.length") == 5  # the quiz has its own page
    hosts = (
        "[...new Set(performance.getEntriesByType('resource').map((r) => new URL(r.name).host))]"
    )
    assert wait(browser, hosts, "") == [re.search(r"//(.*?)/", address)[1]]  # nobody else is asked

    browser.execute_script("slides.go(2)")
    browser.find_elements(By.CSS_SELECTOR, ".widget-radio-box input")[1].click()
    wait(browser, "/Right|Not quite/.test(document.body.innerText)", "the quiz does not answer")
    page = browser.execute_script("return location.hash")
    ActionChains(browser).send_keys(Keys.ARROW_DOWN).perform()  # is the quiz's
    assert browser.execute_script("return location.hash") == page
    ActionChains(browser).send_keys(Keys.PAGE_DOWN).perform()
    assert browser.execute_script("return location.hash") == "#4"

    paint_in_the_middle(browser)
    files = list(Path(tmp_path).glob("vos-lab-present-*/painted.txt"))
    deadline = time.monotonic() + 30
    while not files or int(files[0].read_text() or 0) < 100:
        assert time.monotonic() < deadline, "Python does not see what is painted"
        time.sleep(0.1)
        files = list(Path(tmp_path).glob("vos-lab-present-*/painted.txt"))

    ActionChains(browser).send_keys(Keys.ESCAPE, Keys.PAGE_DOWN).perform()
    assert browser.execute_script("return location.hash") == "#5"
    click_timeline(browser, row=7, frame=4)
    where = "JSON.stringify(document.querySelector('.vos-tracks').dataset)"
    there = f'{where}.includes(\'"row":"7"\') && {where}.includes(\'"frame":"4"\')'
    wait(browser, there, "a click on the timeline is taken for another place")
    # Drawn in a canvas, so the search for small letters does not see it: 11 pixels, enlarged.
    grown = "document.querySelector('.vos-lines').currentCSSZoom"
    assert 11 * browser.execute_script(f"return {grown}") >= SMALLEST_TEXT

    browser.refresh()  # the same kernel: nothing runs again
    wait(browser, "window.slides?.settled", "the slides are gone")
    browser.execute_script("slides.go(1)")
    knob = browser.find_element(By.CSS_SELECTOR, ".vos-explorer input[type=range]")
    before = browser.find_element(By.CLASS_NAME, "vos-numbers").text
    knob.send_keys(*[Keys.ARROW_RIGHT] * 5)
    wait(
        browser,
        f"document.querySelector('.vos-numbers').innerText !== {before!r}",
        "the explorer does not answer",
    )


def click_timeline(browser, row: int, frame: int) -> None:
    """Click where a row of 16 pixels and a frame of six are, behind 78 pixels of names."""
    lines = browser.find_element(By.CSS_SELECTOR, ".vos-lines canvas")
    x, y = browser.execute_script(
        """
        const [lines, row, frame] = arguments, box = lines.getBoundingClientRect();
        const right = 78 + (lines.clientWidth - 84) * (frame + 0.5) / 6, down = 16 * (row + 0.5);
        return [box.left + right * box.width / lines.clientWidth,
                box.top + down * box.height / lines.clientHeight];
        """,
        *(lines, row, frame),
    )
    for kind in ("mousePressed", "mouseReleased"):
        event = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
        browser.execute_cdp_cmd("Input.dispatchMouseEvent", event)


def paint_in_the_middle(browser) -> None:
    easel = browser.find_element(By.CLASS_NAME, "vos-easel")
    stroke = ActionChains(browser, duration=20).move_to_element(easel).click_and_hold()
    stroke.move_by_offset(60, 0).move_by_offset(0, 40).release().perform()


def test_a_demo_shows_one_widget_alone(browser, live):
    live("MetricPlayground")
    assert problems(browser) == []
    assert browser.execute_script("return slides.pages.length") == 1
    assert not browser.find_element(By.TAG_NAME, "footer").is_displayed()
    shown = browser.find_element(By.CLASS_NAME, "vos-explorer").rect
    assert shown["height"] > 0.8 * 720 or shown["width"] > 0.9 * 1280
