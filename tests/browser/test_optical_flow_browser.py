"""The flow explorer in JupyterLab: clicked, and asked what it has found."""

import json

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.browser

SOURCE = """
import json
import cv2
import numpy as np
from vos_lab.view.widgets.optical_flow import FlowExplorer

# Everything goes 6 pixels to the right and 3 down; the other flow says that nothing moves.
# A soft grey image, which JPEG hardly changes.
blobs = np.random.default_rng(0).integers(40, 220, (8, 12)).astype(np.float32)
blobs = cv2.resize(blobs, (144, 96), interpolation=cv2.INTER_LINEAR)
first = np.repeat(blobs[..., None], 3, axis=-1).astype(np.uint8)
second = np.roll(first, (3, 6), axis=(0, 1))
truth = np.tile(np.float32([6, 3]), (96, 144, 1))
explorer = FlowExplorer(first, second, {"truth": truth, "zero": 0 * truth}, truth, view="frames")
explorer
"""


@pytest.fixture(scope="module")
def page(lab):
    lab.show("flow", SOURCE)
    yield lab
    lab.close()


@pytest.fixture
def explorer(page):
    return page.find(".vos-flow[data-frame]")


def says(page, explorer, **expected: str) -> None:
    for name, value in expected.items():
        page.wait(
            lambda _, name=name, value=value: explorer.get_attribute(f"data-{name}") == value,
            60,  # a busy machine draws late
            f"{name} is not {value}",
        )


def facts(explorer) -> dict[str, str]:
    """What stands below the pictures, by name."""
    names, values = (explorer.find_elements(By.TAG_NAME, tag) for tag in ("dt", "dd"))
    return {name.text: value.text for name, value in zip(names, values, strict=True)}


def test_a_click_shows_the_vector_and_python_follows(page, explorer):
    canvas = explorer.find_element(By.CSS_SELECTOR, ".vos-pair canvas")
    place = (round((50.5 / 144 - 0.5) * canvas.size["width"]), 0)
    ActionChains(page.driver).move_to_element_with_offset(canvas, *place).click().perform()

    def heard(_):
        return json.loads(page.run("print(json.dumps(explorer.point))")) != [72, 48]

    page.wait(heard, 20, "Python does not follow")
    x, y = json.loads(page.run("print(json.dumps(explorer.point))"))
    assert abs(x - 50) <= 1
    assert abs(y - 48) <= 1
    says(page, explorer, point=f"{x},{y}")
    shown = facts(explorer)
    assert shown["vector"] == "+6.00 right, +3.00 down"
    assert shown["match"] == f"{x + 6}.0, {y + 3}.0"
    assert shown["endpoint error"] == "0.00 px"
    assert float(shown["difference"].split()[0]) < 4  # what JPEG changes


def test_keys_move_the_pixel_and_show_the_next_flow_and_view(page, explorer):
    page.run("explorer.point, explorer.shown, explorer.view = [60, 40], 'truth', 'frames'")
    says(page, explorer, point="60,40", view="frames")
    cells = page.cells()
    page.driver.execute_script("arguments[0].focus()", explorer)
    ActionChains(page.driver).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN, "f").perform()
    says(page, explorer, point="61,41", flow="zero")
    assert facts(explorer)["endpoint error"] == "6.71 px"
    ActionChains(page.driver).send_keys("v").perform()
    says(page, explorer, view="arrows")
    ActionChains(page.driver).send_keys(".").perform()
    says(page, explorer, frame="0.1")
    assert page.cells() == cells  # JupyterLab has not taken the keys for its own


def test_the_right_flow_leaves_no_difference_and_the_wrong_one_does(page, explorer):
    bright = {}
    for flow in ("truth", "zero"):
        page.run(f"explorer.shown, explorer.view = '{flow}', 'difference'")
        says(page, explorer, flow=flow, view="difference")
        bright[flow] = page.driver.execute_script(
            """
            const canvas = arguments[0].querySelector('.vos-pair canvas');
            const { width, height } = canvas, pen = canvas.getContext('2d');
            const [x, y, w, h] = [0.1 * width, 0.1 * height, 0.2 * width, 0.2 * height];
            const part = pen.getImageData(x, y, w, h).data;
            return part.reduce((sum, value, i) => sum + (i % 4 < 3 ? value : 0), 0) / part.length;
            """,
            explorer,
        )
    assert bright["truth"] < 20
    assert bright["zero"] > 3 * bright["truth"]
