"""The site in a browser: links lead somewhere, widgets live, nothing is fetched from elsewhere."""

import functools
import http.server
import json
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from vos_lab.authoring.site import Places, site
from vos_lab.course_files import COURSE_FOLDER

pytestmark = pytest.mark.browser
pytest.importorskip("furo", reason="vos-lab site needs: pip install -e .[site]")
pytest.importorskip("myst_nb", reason="vos-lab site needs: pip install -e .[site]")

LESSONS = sorted(path.stem for path in (COURSE_FOLDER / "solutions").glob("[0-9][0-9]_*.ipynb"))
PAGES = ["index", *LESSONS, "search"]
LIVE = ("00_tour", "02_optical_flow")
BINDER = "https://mybinder.org/v2/gh/NAME/REPOSITORY/HEAD"
PHONE, DESK = 390, 1400

# What reaches out of the screen, and does not lie in a box that can be moved sideways by itself.
TOO_WIDE = """
const [wide] = arguments;
const main = document.querySelector("article");
const out = [...main.querySelectorAll("*")].filter((e) => !e.closest("svg") || e.tagName === "svg")
  .filter((e) => e.getBoundingClientRect().right > wide + 1)
  .filter((e) => ![...parents(e)].some((p) => /auto|scroll/.test(getComputedStyle(p).overflowX)));
function* parents(e) { while ((e = e.parentElement) && e !== main.parentElement) yield e; }
return out.map((e) => e.outerHTML.slice(0, 150)).slice(0, 5);
"""
# Words whose colour is too close to what is behind them: WCAG asks for a contrast of 4.5.
FAINT = """
const light = (c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const glow = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
function behind(element) {
  for (let e = element; e; e = e.parentElement) {
    const ground = parse(getComputedStyle(e).backgroundColor);
    if (ground.length === 3 || ground[3] > 0.9) return ground;
  }
  return [255, 255, 255];
}
const faint = new Set();
for (const e of document.querySelectorAll("article *, .vos-widget *")) {
  if (e.closest("svg, pre, .highlight") || !e.getClientRects().length) continue;
  if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
  const [a, b] = [glow(parse(getComputedStyle(e).color)), glow(behind(e))];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5) faint.add(`${contrast.toFixed(1)}: ${e.outerHTML.slice(0, 100)}`);
}
return [...faint];
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The site of all lessons, and the address of a server that knows nothing of the course."""
    folder = tmp_path_factory.mktemp("site")
    assert site(folder, live=LIVE, places=Places(binder=BINDER)) == []
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def browser(chromium):
    chromium.execute_cdp_cmd("Network.enable", {})
    chromium.get("about:blank")
    chromium.get_log("browser")
    yield chromium
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.get("about:blank")


def screen(driver, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == PHONE}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def paint(driver, theme: str) -> None:
    driver.execute_script("document.body.dataset.theme = arguments[0]", theme)


def fetched(driver) -> set[str]:
    """The hosts that the page has asked for anything."""
    names = driver.execute_script(
        "return performance.getEntriesByType('resource').map((r) => r.name)"
    )
    return {urlsplit(name).netloc for name in names if not name.startswith(("data:", "blob:"))}


def wait(driver, script: str, what: str, seconds: float = 30):
    return WebDriverWait(driver, seconds, 0.1).until(
        lambda _: driver.execute_script(f"return {script}"), what
    )


def test_every_page_fits_on_a_phone_and_a_desk_in_dark_and_light(built, browser):
    _, address = built
    for page in PAGES:
        browser.get(f"{address}/{page}.html")
        for width in (PHONE, DESK):
            screen(browser, width)
            assert browser.execute_script(TOO_WIDE, width) == [], (page, width)
        for theme in ("light", "dark"):
            paint(browser, theme)
            assert browser.execute_script(FAINT) == [], (page, theme)
        assert fetched(browser) <= {urlsplit(address).netloc}, page
        assert browser.get_log("browser") == [], page


def test_every_link_of_the_site_leads_to_something(built, browser):
    folder, address = built
    seen, outside = set(), set()
    for page in PAGES:
        browser.get(f"{address}/{page}.html")
        found = browser.execute_script(
            "return [[...document.querySelectorAll('[id]')].map((e) => e.id),"
            " [...document.querySelectorAll('a[href], link[href], script[src], img[src]')]"
            ".map((e) => e.href || e.src)]"
        )
        ids, links = found
        for link in links:
            parts = urlsplit(link)
            if parts.scheme == "data":
                continue
            if f"{parts.scheme}://{parts.netloc}" != address:
                outside.add(parts.netloc)
                continue
            file = folder / (parts.path.strip("/") or "index.html")
            assert file.is_file(), (page, link)
            if parts.path == f"/{page}.html" and parts.fragment:
                assert parts.fragment in ids, (page, link)
            seen.add(file)
    assert {folder / f"{page}.html" for page in PAGES} <= seen | {folder / "search.html"}
    assert "mybinder.org" in outside  # the instructor's address; it is a link, nothing asks for it


def test_the_contents_have_a_picture_for_each_lesson_and_pages_follow_each_other(built, browser):
    _, address = built
    browser.get(f"{address}/index.html")
    cards = browser.execute_script(
        "return [...document.querySelectorAll('.vos-card')].map((card) =>"
        " [card.getAttribute('href'), card.querySelector('img')?.alt.length ?? 0])"
    )
    assert [href for href, _ in cards] == [f"{name}.html" for name in LESSONS]
    assert all(described > 20 for _, described in cards)
    visited = []
    browser.get(f"{address}/{LESSONS[0]}.html")
    while following := browser.find_elements(By.CSS_SELECTOR, "a.next-page"):
        visited.append(Path(urlsplit(browser.current_url).path).stem)
        browser.get(following[0].get_attribute("href"))
    assert [*visited, Path(urlsplit(browser.current_url).path).stem] == LESSONS
    back = browser.find_element(By.CSS_SELECTOR, "a.prev-page").get_attribute("href")
    assert back.endswith(f"{LESSONS[-2]}.html")


def test_a_search_finds_a_lesson(built, browser):
    _, address = built
    browser.get(f"{address}/search.html?q=Lucas-Kanade")
    script = "[...document.querySelectorAll('.search a')].map((a) => a.getAttribute('href'))"
    found = wait(browser, f"(() => {{ const f = {script}; return f.length && f; }})()", "nothing")
    assert any("02_optical_flow.html" in href for href in found)
    assert browser.get_log("browser") == []


def test_the_player_plays_without_a_kernel(built, browser):
    _, address = built
    screen(browser, DESK)
    browser.get(f"{address}/00_tour.html")
    assert browser.find_elements(By.CSS_SELECTOR, ".vos-live .vos-shown img")  # until it lives
    first = "document.querySelector('.vos-live')"
    browser.execute_script(f"{first}.scrollIntoView()")
    wait(browser, f"{first}.dataset.lives", "the player does not come to life")
    frame = f"{first}.querySelector('.vos-player').dataset.frame"
    wait(browser, f"{frame} === '0'", "its first frame is not drawn")
    browser.execute_script(f"{first}.querySelectorAll('.vos-bar button')[2].click()")
    wait(browser, f"{frame} === '1'", "the button for the next frame does nothing")
    browser.execute_script(f"{first}.querySelectorAll('.vos-bar button')[1].click()")
    wait(browser, f"Number({frame}) > 2", "it does not play")
    for width in (PHONE, DESK):
        screen(browser, width)
        assert browser.execute_script(TOO_WIDE, width) == []
    paint(browser, "dark")
    assert browser.execute_script(FAINT) == []
    assert fetched(browser) <= {urlsplit(address).netloc}
    assert browser.get_log("browser") == []


def test_the_flow_explorer_follows_the_pointer_without_a_kernel(built, browser):
    _, address = built
    screen(browser, DESK)
    browser.get(f"{address}/02_optical_flow.html")
    place = "document.querySelector('.vos-live')"
    browser.execute_script(f"{place}.scrollIntoView()")
    wait(browser, f"{place}.dataset.lives", "the explorer does not come to life")
    point = f"{place}.querySelector('[data-point]')?.dataset.point"
    before = wait(browser, point, "no pixel is shown")
    canvas = browser.find_element(By.CSS_SELECTOR, ".vos-live canvas")
    box = canvas.rect
    view = browser.execute_script("return [scrollX, scrollY]")
    event = {"type": "mouseMoved", "x": box["x"] - view[0] + 20, "y": box["y"] - view[1] + 20}
    browser.execute_cdp_cmd("Input.dispatchMouseEvent", event)
    wait(browser, f"{point} !== {json.dumps(before)}", "it does not follow the pointer")
    assert browser.get_log("browser") == []


def test_a_widget_that_needs_python_says_so(built, browser):
    _, address = built
    browser.get(f"{address}/13_space_time_memory.html")
    assert browser.find_elements(By.CSS_SELECTOR, ".vos-live") == []
    assert "where Python runs" in browser.find_element(By.CLASS_NAME, "vos-still").text
