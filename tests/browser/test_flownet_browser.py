"""The correlation explorer in JupyterLab: clicked, and asked what it has found."""

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.browser

SET_UP = """
import numpy as np
from vos_lab.view.widgets.flownet import CorrelationExplorer

# On the left half the best score is 2 cells to the right, on the right half 1 cell down.
scores = np.zeros((25, 10, 16), np.float32)
scores[14, :, :8] = 1
scores[17, :, 8:] = 1
image = np.random.default_rng(0).integers(0, 256, (80, 128, 3), np.uint8)
"""
SHOW = "explorer = CorrelationExplorer(image, image, {'a': scores, 'b': scores[::-1]})\nexplorer"


@pytest.fixture(scope="module")
def page(lab):
    lab.show("correlation", SET_UP, SHOW)
    yield lab
    lab.close()


@pytest.fixture
def explorer(page):
    return page.find(".vos-correlation[data-frame]")


def click(page, explorer, x: float, y: float) -> None:
    canvas = explorer.find_element(By.CSS_SELECTOR, ".vos-first")
    width, height = canvas.size["width"], canvas.size["height"]
    place = round((x + 0.5) / 128 * width - width / 2), round((y + 0.5) / 80 * height - height / 2)
    ActionChains(page.driver).move_to_element_with_offset(canvas, *place).click().perform()


def says(page, explorer, name: str, value: str) -> None:
    page.wait(
        lambda _: explorer.get_attribute(f"data-{name}") == value,
        20,
        f"{name} is {explorer.get_attribute(f'data-{name}')}, not {value}",
    )


def test_a_click_shows_the_best_match_and_python_follows(page, explorer):
    click(page, explorer, 20, 40)
    says(page, explorer, "best", "16,0")
    click(page, explorer, 100, 40)
    says(page, explorer, "best", "0,8")
    page.wait(lambda _: page.known("explorer.best") == [0, 8], 20, "Python does not follow")
    x, y = page.known("explorer.point")
    assert abs(x - 100) <= 1
    assert abs(y - 40) <= 1
    assert "+8 down" in explorer.find_element(By.TAG_NAME, "dl").text


def test_keys_move_by_a_cell_and_show_the_next_volume(page, explorer):
    page.run("explorer.point, explorer.shown = [60, 40], 'a'")
    says(page, explorer, "point", "60,40")
    says(page, explorer, "best", "16,0")
    cells = page.cells()
    page.driver.execute_script("arguments[0].focus()", explorer)
    ActionChains(page.driver).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN).perform()
    says(page, explorer, "point", "68,48")
    says(page, explorer, "best", "0,8")
    ActionChains(page.driver).send_keys("f").perform()
    says(page, explorer, "shown", "b")
    says(page, explorer, "best", "0,-8")
    assert page.cells() == cells  # JupyterLab has not taken the keys for its own


def test_the_map_is_bright_at_the_best_score_alone(page, explorer):
    page.run("explorer.point, explorer.shown = [20, 40], 'a'")
    says(page, explorer, "best", "16,0")
    bright = page.driver.execute_script(
        """
        const map = arguments[0].querySelector('.vos-map'), pen = map.getContext('2d');
        const side = map.width / 5, at = (column, row) =>
          [...pen.getImageData((column + 0.12) * side, (row + 0.12) * side, 1, 1).data];
        return [at(4, 2), at(0, 0)];
        """,
        explorer,
    )
    assert sum(bright[0][:3]) > 500
    assert sum(bright[1][:3]) < 60
