"""The merge explorer in JupyterLab, as a student uses it."""

import pytest
from selenium.webdriver.common.by import By

pytestmark = pytest.mark.browser

SET_UP = """
import numpy as np
from vos_lab.methods.premvos import Candidates
from vos_lab.video import Video
from vos_lab.view.widgets.premvos import MergeExplorer

# Two boxes that stay where they are. Their looks say that they have changed places.
first = np.zeros((60, 100), np.uint8)
first[20:40, 10:40], first[20:40, 60:90] = 1, 2
masks = np.stack([first == 1, first == 2]).astype(np.float32)
still = np.zeros((60, 100, 2), np.float32)
one = Candidates(masks, np.array([0.5, 0.5]), np.array([[0.1, 0.9], [0.9, 0.1]]), still)
video = Video("boxes", np.full((6, 60, 100, 3), 120, np.uint8), masks=[first] * 6)
"""
SHOW = "merging = MergeExplorer(video, [one] * 5, weights=(0, 0, 0.5, 0, 0))\nmerging"


@pytest.fixture(scope="module")
def page(lab):
    lab.show("merging", SET_UP, SHOW)
    yield lab
    lab.close()


@pytest.fixture
def merging(page):
    found = page.find(".vos-explorer")
    page.wait(lambda _: owner(page, found, "left"), 30, "there is no picture")
    return found


def owner(page, merging, side: str) -> int:
    """Whose colour the box on a side has: 1 (orange) or 2 (blue); 0 for neither."""
    return page.driver.execute_script(
        """
        const canvas = arguments[0].querySelector('.vos-gallery canvas');
        if (!canvas || canvas.width < 350) return 0;
        const x = Math.round((arguments[1] === 'left' ? 0.25 : 0.75) * canvas.width);
        const [red, , blue] = canvas.getContext('2d')
          .getImageData(x, Math.round(canvas.height / 2), 1, 1).data;
        return red - blue > 15 ? 1 : blue - red > 15 ? 2 : 0;
        """,
        merging,
        side,
    )


def turn(page, merging, name: str, value: float) -> None:
    """Drag a slider."""
    knob = merging.find_element(By.CSS_SELECTOR, f"input[name={name}]")
    page.driver.execute_script(
        "arguments[0].value = arguments[1];"
        "arguments[0].dispatchEvent(new Event('input', { bubbles: true }));",
        knob,
        value,
    )


def test_a_turned_weight_changes_the_masks(page, merging):
    assert [owner(page, merging, side) for side in ("left", "right")] == [1, 2]
    clip = merging.get_attribute("data-clip")
    turn(page, merging, "reid", 1)
    page.wait(
        lambda _: [owner(page, merging, side) for side in ("left", "right")] == [2, 1],
        30,
        "the boxes keep their colours",
    )
    page.wait(lambda _: merging.get_attribute("data-clip") != clip, 30, "the clip stays as it was")
    assert page.known("merging.values['reid']") == 1
    assert page.known("merging.masks[3, 30, [20, 80]].tolist()") == [2, 1]


def test_reset_puts_the_weights_back(page, merging):
    turn(page, merging, "reid", 1)
    page.wait(lambda _: owner(page, merging, "left") == 2, 30, "a turned weight changes nothing")
    reset = [b for b in merging.find_elements(By.TAG_NAME, "button") if b.text == "Reset"]
    reset[0].click()
    page.wait(lambda _: owner(page, merging, "left") == 1, 30, "Reset does nothing")
    assert page.known("merging.weights == (0, 0, 0.5, 0, 0)")


def test_the_numbers_say_how_good_it_is(page, merging):
    rows = merging.find_elements(By.CSS_SELECTOR, ".vos-number .vos-name")
    assert [row.text for row in rows] == ["J of 1", "J of 2", "seconds"]


def test_the_clip_stands_beside_the_proposals(page, merging):
    tops = page.driver.execute_script(
        "return ['.vos-gallery canvas', '.vos-clip canvas', '.vos-panel'].map((part) =>"
        " arguments[0].querySelector(part).getBoundingClientRect().top);",
        merging,
    )
    assert abs(tops[0] - tops[1]) < 3
    assert tops[2] > tops[1]
