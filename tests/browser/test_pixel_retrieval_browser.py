"""The embedding explorer and the click segmenter in JupyterLab, as a student uses them."""

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.browser

SET_UP = """
import numpy as np
from vos_lab.datasets.procedural import suites as procedural
from vos_lab.view.widgets.pixel_retrieval import ClickSegmenter, EmbeddingExplorer

video = procedural.suite("easy", "val", length=1, frames=24)[0]  # 240 x 432
"""
EXPLORER = "explorer = EmbeddingExplorer(video)\nexplorer"
CLICKS = "clicks = ClickSegmenter(video)\nclicks"


@pytest.fixture(scope="module")
def page(lab):
    lab.show("embedding", SET_UP, EXPLORER, CLICKS)
    yield lab
    lab.close()


def widget(page, number):
    page.wait(
        lambda driver: len(driver.find_elements(By.CSS_SELECTOR, ".vos-explorer canvas")) >= 5,
        60,
        "the widgets are not there",
    )
    found = page.driver.find_elements(By.CSS_SELECTOR, ".vos-explorer")[number]
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
    page.wait(
        lambda _: page.driver.execute_script(
            "const c = arguments[0].querySelector('.vos-gallery canvas');"
            "return c && c.width > 300 && c.dataset.strokes",
            found,
        ),
        30,
        "there is no picture to click on",
    )
    return found


def click(page, found, x, y, shift=False):
    """Click on the first picture, at shares of its sides."""
    canvas = found.find_element(By.CSS_SELECTOR, ".vos-gallery canvas")
    size = canvas.size
    chain = ActionChains(page.driver)
    if shift:
        chain.key_down(Keys.SHIFT)
    chain.move_to_element_with_offset(
        canvas, round((x - 0.5) * size["width"]), round((y - 0.5) * size["height"])
    ).click()
    if shift:
        chain.key_up(Keys.SHIFT)
    chain.perform()


def test_a_click_asks_what_is_like_that_pixel(page):
    found = widget(page, 0)
    for x, y in ((0.25, 0.5), (0.75, 0.25)):
        click(page, found, x, y)
        page.wait(
            lambda _, x=x, y=y: (
                abs(page.known("explorer.point[0]") - 432 * x) < 6
                and abs(page.known("explorer.point[1]") - 240 * y) < 6
            ),
            20,
            "Python does not know of the click",
        )


def test_clicks_segment_the_whole_clip_in_less_than_a_second(page):
    found = widget(page, 1)
    # From the click in the browser until the masks of all frames have come back and are drawn.
    page.driver.execute_script(
        """
        const root = arguments[0], canvas = root.querySelector('.vos-gallery canvas');
        window.waits = [];
        canvas.addEventListener('pointerup', () => (window.begun = performance.now()));
        new MutationObserver(() => window.waits.push(performance.now() - window.begun))
          .observe(root, { attributes: true, attributeFilter: ['data-clip'] });
        """,
        found,
    )
    # The shirt of the person in frame 0, the sky, the snow.
    clicked = ((0.42, 0.42, False), (0.1, 0.1, True), (0.1, 0.9, True))
    for number, (x, y, shift) in enumerate(clicked):
        click(page, found, x, y, shift)
        page.wait(
            lambda driver, n=number: len(driver.execute_script("return window.waits")) > n,
            20,
            "no new masks come",
        )
    waits = page.driver.execute_script("return window.waits")
    assert page.known("[[t, other] for t, _, other in clicks.strokes]") == [
        [0, False],
        [0, True],
        [0, True],
    ]
    assert page.known("[int(m.any()) for m in clicks.masks]").count(1) > 12
    # A whole clip of 24 frames, twice as long as promised on a machine that is busy.
    assert sorted(waits)[1] < 2000, waits


def test_the_keyboard_clicks_too(page):
    found = widget(page, 1)
    canvas = found.find_element(By.CSS_SELECTOR, ".vos-gallery canvas")
    before = page.known("len(clicks.strokes)")
    page.driver.execute_script("arguments[0].focus()", canvas)
    canvas.send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ENTER)
    page.wait(lambda _: page.known("len(clicks.strokes)") == before + 1, 20, "Enter does nothing")
    undo = [b for b in found.find_elements(By.TAG_NAME, "button") if b.text == "Undo"]
    undo[0].click()
    page.wait(lambda _: page.known("len(clicks.strokes)") == before, 20, "Undo does nothing")
