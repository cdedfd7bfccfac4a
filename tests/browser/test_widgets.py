"""The player and the painter in JupyterLab, as a student uses them."""

import json

import numpy as np
import pytest
from selenium.common.exceptions import ElementClickInterceptedException
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.browser

WIDGETS = """
import numpy as np
from vos_lab.video import Video
from vos_lab.view.widgets.painter import Painter
from vos_lab.view.widgets.player import Player

frames = np.zeros((30, 120, 200, 3), np.uint8)
masks = np.zeros((30, 120, 200), np.uint8)
for t in range(30):
    frames[t] = 8 * t
    masks[t, 20:60, 5 * t : 5 * t + 40] = 1
video = Video("bar", frames, masks)
"""
PLAYER = "player = Player(video, {'truth': masks, 'nothing': masks * 0}, compare=False)\nplayer"
PAINTER = "painter = Painter(video, objects=2)\npainter"
KNOBS = "from vos_lab.view.widgets.metrics import MetricPlayground\nMetricPlayground()"
QUIZ = "from vos_lab.course import quiz\nquiz('00_tour', 'which task')"


@pytest.fixture(scope="module")
def page(lab):
    """A notebook with a player and a painter, run from top to bottom."""
    lab.show("widgets", WIDGETS, PLAYER, "raise NotImplementedError", PAINTER, KNOBS, QUIZ)
    assert lab.errors() == ["NotImplementedError: "]  # an exercise that waits stops nothing else
    yield lab
    lab.close()


def element(page, selector: str):
    """The first element that fits, once its first frame is drawn."""
    found = page.wait(
        lambda driver: driver.find_elements(By.CSS_SELECTOR, f"{selector}[data-frame]"),
        what=f"there is no {selector} with a picture",
    )[0]
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
    return found


def press(page, target, *keys: str) -> None:
    """Give a widget the focus as a click does, and type."""
    page.driver.execute_script("arguments[0].focus()", target)
    ActionChains(page.driver).send_keys(*keys).perform()


def hold_control_and_press(page, target, key: str) -> None:
    page.driver.execute_script("arguments[0].focus()", target)
    ActionChains(page.driver).key_down(Keys.CONTROL).send_keys(key).key_up(Keys.CONTROL).perform()


def shows(page, widget, frame: int) -> None:
    page.wait(
        lambda _: widget.get_attribute("data-frame") == str(frame),
        10,
        f"frame {frame} is not shown",
    )


def pixel(page, widget, x: int, y: int, canvas: int = 0) -> list[int]:
    """The colour in a visible canvas of the widget."""
    return page.driver.execute_script(
        "const [widget, x, y, n] = arguments;"
        "const seen = [...widget.querySelectorAll('canvas')].filter((c) => c.offsetParent);"
        "return [...seen[n].getContext('2d').getImageData(x, y, 1, 1).data].slice(0, 3);",
        widget,
        x,
        y,
        canvas,
    )


def close_to(colour: list[int], expected: list[float]) -> bool:
    return bool(np.abs(np.array(colour) - expected).max() <= 4)  # JPEG is not exact


def comes(page, widget, x: int, y: int, expected: list[float], canvas: int = 0) -> None:
    page.wait(
        lambda _: close_to(pixel(page, widget, x, y, canvas), expected), 30, f"no {expected} there"
    )


def variable(page, expression: str):
    return json.loads(page.run(f"import json; print(json.dumps({expression}))"))


def test_arrow_keys_scrub_and_python_follows(page):
    player = element(page, ".vos-player")
    cells = page.cells()
    press(page, player, Keys.HOME, *[Keys.ARROW_RIGHT] * 7, Keys.ARROW_LEFT)
    shows(page, player, 6)
    assert page.cells() == cells  # JupyterLab has not taken the keys for its own
    assert variable(page, "player.frame") == 6
    press(page, player, Keys.END)
    shows(page, player, 29)
    page.run("player.frame = 3")
    shows(page, player, 3)


def test_the_overlay_is_that_of_the_library(page):
    player = element(page, ".vos-player")
    page.run("player.frame, player.opacity, player.show_masks = 10, 0.5, True")
    orange = np.array([230, 159, 0])
    comes(page, player, 60, 40, list(0.5 * 80 + 0.5 * orange))
    comes(page, player, 60, 100, [80, 80, 80])


def test_masks_are_hidden_faded_and_compared_by_keys(page):
    player = element(page, ".vos-player")
    page.run("player.frame, player.opacity, player.show_masks = 10, 0.5, True")
    cells = page.cells()
    press(page, player, "m")
    comes(page, player, 60, 40, [80, 80, 80])
    press(page, player, "m", "+", "+", "+", "+", "+")
    comes(page, player, 60, 40, [230, 159, 0])
    press(page, player, "c")
    page.wait(lambda _: len(visible_canvases(player)) == 2, 30, "not side by side")
    comes(page, player, 60, 40, [80, 80, 80], canvas=1)
    press(page, player, "c")
    page.wait(lambda _: len(visible_canvases(player)) == 1, 30, "still side by side")
    assert page.cells() == cells
    assert variable(page, "[player.opacity, player.show_masks, player.compare]") == [1, True, False]


def visible_canvases(player) -> list:
    return [c for c in player.find_elements(By.TAG_NAME, "canvas") if c.is_displayed()]


def test_the_onion_skin_lays_the_neighbours_over_the_frame(page):
    player = element(page, ".vos-player")
    page.run("player.frame, player.opacity, player.show_masks, player.onion = 10, 1, True, 0")
    comes(page, player, 40, 40, [80, 80, 80])  # left of the bar, which frame 2 still covers
    page.run("player.onion = 8")
    page.wait(lambda _: not close_to(pixel(page, player, 40, 40), [80, 80, 80]), 30, "no ghost")
    press(page, player, "o")
    comes(page, player, 40, 40, [80, 80, 80])


def test_space_plays_and_the_end_stops_it_without_loop(page):
    player = element(page, ".vos-player")
    page.run("player.frame, player.loop, player.speed = 20, False, 4")
    shows(page, player, 20)
    press(page, player, " ")
    shows(page, player, 29)
    page.wait(lambda _: variable(page, "player.playing") is False, 30, "it does not stop")
    page.run("player.loop, player.speed = True, 1")


def drag(page, easel, *points: tuple[float, float]) -> None:
    """Draw with the mouse through points, in pixels of the picture from its top left."""
    actions = ActionChains(page.driver, duration=20)
    for n, (x, y) in enumerate(points):
        actions.move_to_element_with_offset(easel, *offset(easel, x, y))
        if n == 0:
            actions.click_and_hold()
    actions.release().perform()


def click(page, easel, x: float, y: float) -> None:
    actions = ActionChains(page.driver, duration=20)
    actions.move_to_element_with_offset(easel, *offset(easel, x, y)).click().perform()


def offset(easel, x: float, y: float) -> tuple[int, int]:
    # Selenium counts from the centre of an element.
    width, height = easel.size["width"], easel.size["height"]
    return round(x / 200 * width - width / 2), round(y / 120 * height - height / 2)


def test_what_the_mouse_paints_is_the_mask_in_python(page):
    painter = element(page, ".vos-painter")
    easel = painter.find_element(By.CLASS_NAME, "vos-easel")
    page.run("painter.frame = 0; painter.mask = np.zeros((120, 200), np.uint8)")
    cells = page.cells()
    press(page, painter, "b", "1")
    drag(page, easel, (50.5, 30.5), (100.5, 30.5))
    press(page, painter, "2", "p")
    for corner in [(120, 60), (180, 60), (180, 100), (120, 100)]:
        click(page, easel, *corner)
    press(page, painter, Keys.ENTER)
    assert page.cells() == cells  # JupyterLab has not taken the keys for its own
    labels, rows, columns, squares = variable(
        page,
        "[np.unique(painter.mask).tolist(), *[np.flatnonzero((painter.mask == 1).any(a)).tolist()"
        " for a in (1, 0)], int((painter.mask == 2).sum())]",
    )
    assert labels == [0, 1, 2]  # no colour between two labels
    assert abs(np.mean(rows) - 30) <= 1
    assert abs(columns[0] + columns[-1] - 150) <= 2
    assert columns[-1] - columns[0] > 50
    assert abs(squares - 60 * 40) < 150  # a corner is set to a screen pixel


def test_undo_redo_and_eraser(page):
    painter = element(page, ".vos-painter")
    easel = painter.find_element(By.CLASS_NAME, "vos-easel")
    page.run("painter.mask = np.ones((120, 200), np.uint8)")
    painted = "int((painter.mask > 0).sum())"
    press(page, painter, "b", "e")
    drag(page, easel, (20, 60), (180, 60))
    erased = variable(page, painted)
    assert 0 < erased < 120 * 200
    hold_control_and_press(page, painter, "z")
    assert variable(page, painted) == 120 * 200
    hold_control_and_press(page, painter, "y")
    assert variable(page, painted) == erased


def test_a_double_click_closes_the_polygon_and_escape_gives_it_up(page):
    painter = element(page, ".vos-painter")
    easel = painter.find_element(By.CLASS_NAME, "vos-easel")
    page.run("painter.mask = np.zeros((120, 200), np.uint8)")
    press(page, painter, "p", "1")
    for corner in [(10, 10), (110, 10), (110, 60)]:
        click(page, easel, *corner)
    press(page, painter, Keys.ESCAPE)
    for corner in [(10, 10), (110, 10)]:
        click(page, easel, *corner)
    actions = ActionChains(page.driver, duration=20)
    actions.move_to_element_with_offset(easel, *offset(easel, 110, 60)).double_click().perform()
    assert abs(variable(page, "int(painter.mask.sum())") - 100 * 50 / 2) < 150


def test_the_keyboard_alone_can_paint(page):
    painter = element(page, ".vos-painter")
    page.run("painter.mask = np.zeros((120, 200), np.uint8)")
    press(page, painter, "b", "1", " ")
    assert variable(page, "int(painter.mask.sum())") > 0


def test_each_frame_of_the_video_keeps_its_mask(page):
    painter = element(page, ".vos-painter")
    page.run("painter.mask = np.eye(120, 200, dtype=np.uint8)")
    press(page, painter, ".", ".")
    shows(page, painter, 2)
    assert variable(page, "[painter.frame, int(painter.mask.sum())]") == [2, 0]
    press(page, painter, ",", ",")
    shows(page, painter, 0)
    assert variable(page, "int(painter.mask.sum())") == 120


@pytest.mark.parametrize(
    "inside",
    [
        ".vos-player input[type=checkbox]",
        ".vos-player .vos-scrubber",
        ".vos-painter input[type=range]",
        ".vos-explorer input[type=range]",
        ".widget-radio input",
    ],
)
def test_jupyterlab_takes_no_key_from_a_control(page, inside):
    control = page.wait(lambda driver: driver.find_elements(By.CSS_SELECTOR, inside))[0]
    active = "return jupyterapp.shell.currentWidget.content.activeCellIndex;"

    def clicked(_) -> bool:
        page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", control)
        try:
            control.click()
        except ElementClickInterceptedException:  # the page has moved under the pointer
            return False
        return True

    page.wait(clicked)
    cells, before = page.cells(), page.driver.execute_script(active)
    # Arrows leave a cell, d d deletes it.
    ActionChains(page.driver).send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN, "d", "d").perform()
    assert page.cells() == cells
    assert page.driver.execute_script(active) == before
