"""The track timeline in JupyterLab, as a student uses it."""

import json

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.browser

SOURCE = """
import numpy as np
from vos_lab.datasets.mots import MotsObject, MotsSequence
from vos_lab.video import Video
from vos_lab.view.widgets.mots import TrackTimeline

def box(left):
    mask = np.zeros((60, 100), bool)
    mask[20:50, left : left + 20] = True
    return mask

def sequence(ids):
    return MotsSequence.of("street", [[MotsObject.of(i, 2, box(10)), MotsObject.of(j, 2, box(60))]
                                      for i, j in ids])

video = Video("street", np.full((20, 60, 100, 3), 90, np.uint8))
truth = sequence([(1, 2)] * 20)
result = sequence([(3, 4)] * 8 + [(5, 4)] * 6 + [(5, 6)] * 6)
widget = TrackTimeline(video, truth, result)
widget
"""


@pytest.fixture(scope="module")
def page(lab):
    lab.show("tracks", SOURCE)
    yield lab
    lab.close()


@pytest.fixture
def widget(page):
    return page.find(".vos-tracks[data-frame]")


def shows(page, widget, frame: int, row: int) -> None:
    page.wait(
        lambda _: (
            widget.get_attribute("data-frame") == str(frame)
            and widget.get_attribute("data-row") == str(row)
        ),
        60,  # a busy machine draws late
        f"frame {frame}, row {row} is not shown",
    )


def press(page, widget, *keys: str) -> None:
    page.driver.execute_script("arguments[0].focus()", widget)
    ActionChains(page.driver).send_keys(*keys).perform()


def told(widget) -> str:
    return widget.find_element(By.CSS_SELECTOR, ".vos-told").text


def test_a_late_answer_of_the_kernel_does_not_take_it_back(page, widget):
    press(page, widget, Keys.HOME)
    shows(page, widget, 0, int(widget.get_attribute("data-row")))
    page.wait(lambda _: page.run("print(widget.frame)") == "0", 20, "Python does not follow")
    page.start("import time; time.sleep(1)")
    # The kernel is told of the first step, and answers amid the others. From inside the page, as
    # nothing else is quick enough.
    page.driver.execute_async_script(
        """
        const [root, done] = arguments;
        const step = () => root.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight' }));
        const sleep = (time) => new Promise((then) => setTimeout(then, time));
        (async () => {
          step();
          await sleep(300);
          for (let i = 0; i < 15; i++) {
            step();
            await sleep(80);
          }
          done();
        })();
        """,
        widget,
    )
    page.wait(lambda _: page.run("print(widget.frame)") == "16", 20, "a step was taken back")
    assert widget.get_attribute("data-frame") == "16"


def test_keys_go_from_switch_to_switch_and_python_follows(page, widget):
    press(page, widget, Keys.HOME, "n")
    shows(page, widget, 8, 0)
    assert told(widget) == "frame 8 of 19 · object 1: track 5, switched from 3"
    press(page, widget, "n")
    shows(page, widget, 14, 1)
    page.wait(
        lambda _: json.loads(page.run("print([widget.frame, widget.row])")) == [14, 1], 20, "no"
    )
    press(page, widget, "p", Keys.ARROW_LEFT)
    shows(page, widget, 7, 0)
    assert told(widget) == "frame 7 of 19 · object 1: track 3"


def test_a_click_on_a_bar_shows_that_frame_and_object(page, widget):
    canvas = widget.find_element(By.CSS_SELECTOR, ".vos-lines canvas")
    wide, tall = (canvas.size[side] for side in ("width", "height"))
    x = 78 + (wide - 84) * 10.5 / 20  # frame 10
    ActionChains(page.driver).move_to_element_with_offset(
        canvas, round(x - wide / 2), round(24 - tall / 2)
    ).click().perform()
    shows(page, widget, 10, 1)
    assert told(widget) == "frame 10 of 19 · object 2: track 4"
    # Python is told a moment later. Until then, what it says itself is overruled.
    page.wait(
        lambda _: json.loads(page.run("print([widget.frame, widget.row])")) == [10, 1], 20, "no"
    )


def test_python_moves_it_and_the_mask_has_the_colour_of_the_track(page, widget):
    page.run("widget.frame, widget.row = 3, -1")
    shows(page, widget, 3, -1)
    colour = page.driver.execute_script(
        "const pen = arguments[0].querySelector('.vos-stage canvas').getContext('2d');"
        "return [...pen.getImageData(20, 30, 1, 1).data].slice(0, 3)",
        widget,
    )
    # 55 % of the colour of track 3, (0, 158, 115), over grey 90.
    assert all(abs(a - b) <= 6 for a, b in zip(colour, (40, 127, 104), strict=True)), colour
