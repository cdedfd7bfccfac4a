"""The monitor of fine-tuning in JupyterLab: live, interrupted, scrubbed; and frames to annotate."""

import json

import pytest
from selenium.webdriver.common.by import By

pytestmark = pytest.mark.browser

SET_UP = """
import time
import numpy as np
from vos_lab.methods.osvos import OSVOS
from vos_lab.video import Video
from vos_lab.view.widgets.osvos import AnnotationExplorer, FineTuningMonitor

rng = np.random.default_rng(0)
images = rng.integers(0, 90, (4, 32, 48, 3)).astype(np.uint8)
masks = np.zeros((4, 32, 48), np.uint8)
for t in range(4):
    masks[t, 8:22, 4 + 6 * t : 18 + 6 * t] = 1
images[masks == 1] += 130
video = Video("square", images, list(masks))

def monitored(steps, pause=0):
    osvos = OSVOS(parent=None, snapping=False, steps=steps, watch=lambda *_: time.sleep(pause))
    return FineTuningMonitor(osvos, {"first": images[0], "last": images[3]}, {"last": masks[3]})
"""
MONITOR = "monitor = monitored(12)\nmonitor.start(images[0], masks[0])"
EXPLORER = """explorer = AnnotationExplorer(
    video, (1, 3), lambda more: OSVOS(snapping=False, steps=12, more=more))
explorer"""


@pytest.fixture(scope="module")
def page(lab):
    lab.show("fine_tuning", SET_UP, MONITOR, EXPLORER)
    yield lab
    lab.close()


def monitors(page, count=1):
    """The monitors that show a step."""
    found = page.wait(
        lambda driver: (
            (there := driver.find_elements(By.CSS_SELECTOR, ".vos-monitor[data-step]"))
            and len(there) >= count
            and there
        ),
        what="there is no monitor with a picture",
    )
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found[-1])
    return found


def says(page, element, name: str, value: str) -> None:
    page.wait(
        lambda _: element.get_attribute(f"data-{name}") == value,
        20,
        f"{name} is {element.get_attribute(f'data-{name}')}, not {value}",
    )


def slide(page, element, value: int) -> None:
    page.driver.execute_script(
        "const slider = arguments[0].querySelector('.vos-steps'); slider.value = arguments[1];"
        "slider.dispatchEvent(new Event('input'))",
        element,
        value,
    )


def test_the_end_is_shown_and_the_slider_goes_back(page):
    (monitor,) = monitors(page)
    says(page, monitor, "step", "12")
    says(page, monitor, "moments", "7")  # after 0, 1, 2, 3, 5, 10, 12 steps
    assert "last: J " in monitor.text
    assert "step 12 of 12" in monitor.text
    slide(page, monitor, 0)
    says(page, monitor, "step", "0")
    assert "the parent network" in monitor.text
    page.wait(lambda _: page.run("print(monitor.shown)") == "0", 20, "Python does not follow")
    page.run("monitor.shown = 4")
    says(page, monitor, "step", "5")
    slide(page, monitor, 6)
    says(page, monitor, "step", "12")
    page.wait(lambda _: page.run("print(monitor.shown)") == "-1", 20, "it is not the latest")


def test_it_grows_while_the_cell_runs_and_an_interrupt_leaves_a_network(page):
    page.start("slow = monitored(400, pause=0.1)\nslow.start(images[0], masks[0])")
    monitor = monitors(page, 2)[-1]
    page.wait(lambda _: int(monitor.get_attribute("data-moments") or 0) >= 5, 60, "not live")
    page.driver.execute_script(
        "jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()"
    )
    steps = int(page.run("print(len(slow.losses))"))
    assert 3 <= steps < 400
    assert page.run("print(slow.method.step(images[1]).shape)") == "(32, 48)"
    assert page.errors() == []
    monitor = monitors(page, 2)[-1]  # shown anew, with the picture of the end
    seen = json.loads(page.run("print([moment[0] for moment in slow._moments])"))
    says(page, monitor, "step", str(seen[-1]))


def test_a_tick_annotates_a_frame(page):
    explorer = page.driver.find_element(By.CSS_SELECTOR, ".vos-explorer")
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", explorer)
    before = explorer.get_attribute("data-clip")
    explorer.find_element(By.CSS_SELECTOR, "input[name=frame_3]").click()
    page.wait(
        lambda _: explorer.get_attribute("data-clip") not in (None, before), 60, "no new masks"
    )
    assert page.run("print(explorer.annotated)") == "(0, 3)"
    picture = explorer.find_element(By.CSS_SELECTOR, ".vos-gallery canvas")
    page.wait(lambda _: "frame 0, 3" in picture.get_attribute("aria-label"), 20, "no new curve")
    # A single picture takes the whole width of its place.
    gallery = explorer.find_element(By.CSS_SELECTOR, ".vos-gallery")
    assert picture.size["width"] > 0.9 * gallery.size["width"]
