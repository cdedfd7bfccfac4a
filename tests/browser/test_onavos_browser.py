"""The sample map in JupyterLab, as a student uses it."""

import pytest
from selenium.webdriver.common.by import By

pytestmark = pytest.mark.browser

SET_UP = """
import numpy as np
from vos_lab.methods.onavos import select_training_pixels
from vos_lab.view.widgets.onavos import Moment, SampleMap

# A column of each probability from 0 to 0.99; the last mask is the rightmost tenth.
probability = np.tile(np.linspace(0, 0.99, 100, dtype=np.float32), (60, 1))
last = np.zeros((60, 100), bool)
last[:, 90:] = True
frame = np.full((60, 100, 3), 120, np.uint8)
moments = [Moment(t, frame, probability, last, probability > 0.5) for t in (1, 2, 3)]
"""
SHOW = "samples = SampleMap(moments, sure=0.9, far=50)\nsamples"


@pytest.fixture(scope="module")
def page(lab):
    lab.show("samples", SET_UP, SHOW)
    yield lab
    lab.close()


@pytest.fixture
def samples(page):
    found = page.find(".vos-explorer")
    page.wait(lambda _: kind_at(page, found, 0.2), what="there is no picture")
    return found


def kind_at(page, samples, across: float) -> str:
    """What the map says at a place, from left (0) to right (1): by its colours in a small box."""
    return page.driver.execute_script(
        """
        const canvas = arguments[0].querySelector('.vos-gallery canvas');
        if (!canvas || canvas.width < 350) return '';
        const x = Math.round(arguments[1] * canvas.width), y = Math.round(canvas.height / 2);
        const data = canvas.getContext('2d').getImageData(x - 6, y - 6, 12, 12).data;
        let warm = 0;
        for (let i = 0; i < data.length; i += 4) warm += data[i] - data[i + 2];
        warm /= data.length / 4;
        return warm > 30 ? 'positive' : warm < -30 ? 'negative' : 'ignored';
        """,
        samples,
        across,
    )


def becomes(page, samples, across: float, kind: str) -> None:
    page.wait(
        lambda _: kind_at(page, samples, across) == kind,
        30,
        f"at {across} it is {kind_at(page, samples, across)}, not {kind}",
    )


def turn(page, samples, name: str, value: float) -> None:
    """Drag a slider."""
    knob = samples.find_element(By.CSS_SELECTOR, f"input[name={name}]")
    page.driver.execute_script(
        "arguments[0].value = arguments[1];"
        "arguments[0].dispatchEvent(new Event('input', { bubbles: true }));",
        knob,
        value,
    )


def test_the_two_thresholds_paint_the_map_and_python_follows(page, samples):
    becomes(page, samples, 0.2, "negative")
    becomes(page, samples, 0.6, "ignored")
    becomes(page, samples, 0.97, "positive")
    turn(page, samples, "sure", 0.55)
    becomes(page, samples, 0.6, "positive")
    turn(page, samples, "far", 20)
    becomes(page, samples, 0.6, "negative")
    assert page.known("[samples.values['sure'], samples.values['far']]") == [0.55, 20]
    assert "of them are right" in samples.find_element(By.CSS_SELECTOR, ".vos-numbers").text
    buttons = samples.find_elements(By.TAG_NAME, "button")
    next(button for button in buttons if button.text == "Reset").click()
    becomes(page, samples, 0.6, "ignored")


def test_the_frame_is_a_slider_too(page, samples):
    turn(page, samples, "frame", 1)
    caption = samples.find_element(By.TAG_NAME, "figcaption")
    page.wait(lambda _: caption.text == "What is learned from frame 1", 20, caption.text)
    assert page.known("samples.moment.number") == 1
    turn(page, samples, "frame", 3)
    page.wait(lambda _: caption.text == "What is learned from frame 3", 20, caption.text)


def test_it_runs_on_the_students_function_and_shows_its_errors(page, samples):
    page.run(
        "select_training_pixels.adopt("
        "lambda probability, last_mask, sure, far: np.ones(probability.shape, np.uint8))"
    )
    turn(page, samples, "sure", 0.8)
    becomes(page, samples, 0.2, "positive")
    page.run("select_training_pixels.adopt(lambda *given: given[0] / 0)")
    turn(page, samples, "sure", 0.81)
    error = samples.find_element(By.CSS_SELECTOR, ".vos-error")
    page.wait(lambda _: "ValueError" in error.text, 20, "no error is shown")
    page.run("select_training_pixels.restore(); samples.reset()")
    page.wait(lambda _: error.text == "", 20, "the error stays")
    becomes(page, samples, 0.2, "negative")
