"""The explorer of the graph in JupyterLab, as a student uses it."""

import json

import nbformat
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

pytestmark = pytest.mark.browser

SET_UP = """
import numpy as np
from vos_lab.training.recipes.frame_sets import ambiguous_set, held_out_clip
from vos_lab.view.widgets.graph import GraphExplorer

frames, truth = ambiguous_set(np.random.default_rng(39), 5, held_out_clip, 8)
"""
EXPLORER = "explorer = GraphExplorer(frames)\nexplorer"


@pytest.fixture(scope="module")
def page(lab):
    cells = [nbformat.v4.new_code_cell(source) for source in (SET_UP, EXPLORER)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(notebook, lab.folder / "graph.ipynb")
    lab.open("graph.ipynb")
    lab.run_all()
    lab.wait(
        lambda driver: driver.execute_script(
            "const c = document.querySelectorAll('.vos-explorer .vos-gallery canvas');"
            "return c.length == 5 && c[0].width > 100 && c[0].dataset.strokes"
        ),
        60,
        "the widget is not there",
    )
    yield lab
    lab.close()


def known(page, expression: str):
    return json.loads(page.run(f"import json; print(json.dumps({expression}))"))


def test_a_click_shows_the_edges_of_that_place_at_once(page):
    root = page.driver.find_element(By.CSS_SELECTOR, ".vos-explorer")
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", root)
    # From the click until all five pictures have come back and are drawn.
    page.driver.execute_script(
        """
        const root = arguments[0], canvas = root.querySelector('.vos-gallery canvas');
        window.waits = []; window.shown = 0;
        canvas.addEventListener('pointerup', () => {
          window.begun = performance.now(); window.shown = 0; });
        root.addEventListener('pictureshown', () => {
          if (++window.shown == 5) window.waits.push(performance.now() - window.begun); });
        """,
        root,
    )
    canvas = root.find_element(By.CSS_SELECTOR, ".vos-gallery canvas")
    width = known(page, "explorer.frames[0].shape[1]")
    places = ((0.25, 0.5), (0.75, 0.25), (0.5, 0.75), (0.4, 0.4), (0.6, 0.6))
    for number, (x, y) in enumerate(places):
        size = canvas.size
        ActionChains(page.driver).move_to_element_with_offset(
            canvas, round((x - 0.5) * size["width"]), round((y - 0.5) * size["height"])
        ).click().perform()
        page.wait(
            lambda driver, n=number: len(driver.execute_script("return window.waits")) > n,
            20,
            "no new pictures come",
        )
        assert abs(known(page, "explorer.point[0]") - width * x) < 6
    waits = page.driver.execute_script("return window.waits")
    print("ms from click to pictures:", [round(w) for w in waits])
    # Twice as long as promised, on a machine that is busy.
    assert sorted(waits)[1] < 400, waits


def test_nodes_and_rounds_can_be_changed(page):
    root = page.driver.find_element(By.CSS_SELECTOR, ".vos-explorer")
    root.find_element(By.CSS_SELECTOR, "input[name=node_2]").click()
    page.wait(lambda _: known(page, "explorer.edges[1] is None"), 20, "the node is still on")
    captions = [c.text for c in root.find_elements(By.CSS_SELECTOR, "figcaption")]
    assert "Frame 3 (off)" in captions
    page.driver.execute_script(
        "const r = arguments[0].querySelector('input[name=rounds]');"
        "r.value = 0; r.dispatchEvent(new Event('input'));",
        root,
    )
    page.wait(lambda _: known(page, "explorer.values['rounds']") == 0, 20, "still three rounds")
