"""The weighted leaderboard in JupyterLab, as a student uses it."""

import json

import nbformat
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

pytestmark = pytest.mark.browser

WIDGET = """
from vos_lab.view.widgets.leaderboard import WeightedLeaderboard

scores = {
    "calm": {"baseline": 0.5, "flow-propagation": 0.9, "osvos": 0.8},
    "mixed": {"baseline": 0.3, "flow-propagation": 0.4, "osvos": 0.8},
}
places = {"baseline": (0.2, 0, 0), "osvos": (0, 0.5, 0), "flow-propagation": (0, 0, 0.4)}
board = WeightedLeaderboard(
    scores, places, {"baseline": 0.0, "osvos": 60.0, "flow-propagation": 0.5}
)
board
"""
NAMES = (
    "return [...document.querySelectorAll('.vos-explorer .vos-numbers .vos-name')]"
    ".map((name) => name.textContent)"
)


@pytest.fixture(scope="module")
def page(lab):
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [nbformat.v4.new_code_cell(WIDGET)]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(notebook, lab.folder / "leaderboard.ipynb")
    lab.open("leaderboard.ipynb")
    lab.run_all()
    lab.wait(
        lambda driver: driver.execute_script(
            "const c = document.querySelectorAll('.vos-explorer .vos-gallery canvas');"
            "return c.length == 1 && c[0].width > 300 && c[0].dataset.strokes"
        ),
        90,
        "the widget is not there",
    )
    yield lab
    lab.close()


def known(page, expression: str):
    return json.loads(page.run(f"import json; print(json.dumps({expression}))"))


def test_a_weight_changes_the_winner(page):
    page.wait(
        lambda driver: driver.execute_script(NAMES)[:1] == ["osvos"], 20, "osvos does not win"
    )
    page.driver.execute_script(
        "const r = document.querySelector('.vos-explorer input[name=weight_1]');"
        "r.value = 0; r.dispatchEvent(new Event('input'));"
    )
    page.wait(
        lambda driver: driver.execute_script(NAMES)[:1] == ["flow-propagation"],
        20,
        "the winner has not changed",
    )


def test_a_click_on_the_map_chooses_the_method_there(page):
    canvas = page.driver.find_element(By.CSS_SELECTOR, ".vos-explorer .vos-gallery canvas")
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    size = canvas.size
    x, y = known(page, "board._on_picture('osvos')")
    wide, high = known(page, "board._map.size")
    ActionChains(page.driver).move_to_element_with_offset(
        canvas,
        round((x / wide - 0.5) * size["width"]),
        round((y / high - 0.5) * size["height"]),
    ).click().perform()
    page.wait(lambda _: known(page, "board.chosen") == "osvos", 20, "another method was chosen")
    page.wait(
        lambda driver: (
            "not run yet"
            in driver.execute_script(
                "return document.querySelector('.vos-explorer .vos-note').textContent"
            )
        ),
        20,
        "it does not say that osvos has not run",
    )
