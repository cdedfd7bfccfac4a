"""The memory explorer in JupyterLab, as a student uses it."""

import json

import nbformat
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

pytestmark = pytest.mark.browser

SET_UP = """
from vos_lab.datasets.procedural import suites as procedural
from vos_lab.view.widgets.space_time_memory import MemoryExplorer

video = procedural.suite("easy", "val", length=1, frames=16)[0]  # 240 x 432
explorer = MemoryExplorer(video)
explorer
"""


@pytest.fixture(scope="module")
def page(lab):
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SET_UP)], metadata=kernel)
    nbformat.write(notebook, lab.folder / "memory.ipynb")
    lab.open("memory.ipynb")
    lab.run_all()
    yield lab
    lab.close()


def known(page, expression: str):
    return json.loads(page.run(f"import json; print(json.dumps({expression}))"))


def widget(page):
    page.wait(
        lambda driver: len(driver.find_elements(By.CSS_SELECTOR, ".vos-gallery canvas")) >= 5,
        90,
        "the widget is not there",
    )
    found = page.driver.find_element(By.CSS_SELECTOR, ".vos-explorer")
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'start'})", found)
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


def test_a_click_is_answered_at_once(page):
    found = widget(page)
    # From the click in the browser until what the kernel answers is drawn.
    page.driver.execute_script(
        """
        const root = arguments[0], canvas = root.querySelector('.vos-gallery canvas');
        window.waits = [];
        canvas.addEventListener('pointerup', () => {
          window.begun = performance.now();
          root.addEventListener('pictureshown',
            () => window.waits.push(performance.now() - window.begun), { once: true });
        });
        """,
        found,
    )
    canvas = found.find_element(By.CSS_SELECTOR, ".vos-gallery canvas")
    for number, (x, y) in enumerate(((0.25, 0.5), (0.75, 0.25), (0.5, 0.8))):
        size = canvas.size
        ActionChains(page.driver).move_to_element_with_offset(
            canvas, round((x - 0.5) * size["width"]), round((y - 0.5) * size["height"])
        ).click().perform()
        page.wait(
            lambda driver, n=number: len(driver.execute_script("return window.waits")) > n,
            20,
            "nothing new is drawn",
        )
        page.wait(
            lambda _, x=x, y=y: (
                abs(known(page, "explorer.point[0]") - 432 * x) < 6
                and abs(known(page, "explorer.point[1]") - 240 * y) < 6
            ),
            20,
            "Python does not know of the click",
        )
    waits = page.driver.execute_script("return window.waits")
    # Promised are 0.2 s; a machine that runs tests is busy.
    assert sorted(waits)[1] < 1000, waits


def test_a_frame_that_is_left_out_is_not_read(page):
    found = widget(page)
    before = known(page, "explorer.kept")
    boxes = found.find_elements(By.CSS_SELECTOR, ".vos-panel input[type=checkbox]")
    assert len(boxes) == len(before)
    boxes[0].click()
    page.wait(lambda _: known(page, "explorer.kept") == before[1:], 20, "frame 0 is still there")
    reset = [b for b in found.find_elements(By.TAG_NAME, "button") if b.text == "Reset"]
    reset[0].click()
    page.wait(lambda _: known(page, "explorer.kept") == before, 20, "Reset does nothing")
