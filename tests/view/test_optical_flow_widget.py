"""The flow explorer: the browser gets the flow itself, and refuses what it cannot show."""

import io

import numpy as np
import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vos_lab.flow import flow_to_rgb
from vos_lab.view.widgets.optical_flow import STEPS, UNKNOWN, FlowExplorer


def images(height=20, width=30) -> tuple[np.ndarray, np.ndarray]:
    ramp = np.linspace(0, 255, width).astype(np.uint8)
    first = np.repeat(np.tile(ramp, (height, 1))[..., None], 3, axis=-1)
    return first, np.roll(first, 1, axis=1)


def some_flow(height=20, width=30, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 3, (height, width, 2)).astype(np.float32)


def unpacked(data: bytes, height=20, width=30) -> np.ndarray:
    return np.frombuffer(data, "<i2").reshape(height, width, 2) / STEPS


def test_the_browser_gets_every_vector_to_a_64th_of_a_pixel():
    flow, truth = some_flow(), some_flow(seed=1)
    explorer = FlowExplorer(*images(), {"a": flow, "b": -flow}, truth)
    for sent, known in zip([*explorer._flows, explorer._truth], [flow, -flow, truth], strict=True):
        assert np.abs(unpacked(sent) - known).max() <= 0.5 / STEPS
    assert explorer._names == ["a", "b"]


@settings(max_examples=25, deadline=None)
@given(st.floats(-400, 400, width=32), st.floats(-400, 400, width=32))
def test_long_vectors_survive_the_journey(dx, dy):
    flow = np.tile(np.float32([dx, dy]), (4, 5, 1))
    explorer = FlowExplorer(*images(4, 5), flow)
    assert np.abs(unpacked(explorer._flows[0], 4, 5) - flow).max() <= 0.5 / STEPS


def test_what_is_not_known_stays_so():
    flow = some_flow()
    flow[3, 4] = np.nan
    sent = np.frombuffer(FlowExplorer(*images(), flow)._flows[0], "<i2").reshape(20, 30, 2)
    assert (sent[3, 4] == UNKNOWN).all()
    assert (sent != UNKNOWN).sum() == 20 * 30 * 2 - 2


def test_images_and_colours_are_what_they_should_be():
    first, second = images()
    flow = some_flow()
    explorer = FlowExplorer(first, second, flow)
    for data, image in zip(explorer._images, (first, second), strict=True):
        shown = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        assert np.abs(shown.astype(int) - image).mean() < 3
    colours = np.frombuffer(explorer._colours[0], np.uint8).reshape(20, 30, 3)
    assert (colours == flow_to_rgb(flow, max_flow=explorer._scale)).all()


def test_a_view_of_the_error_needs_a_truth():
    assert "error" not in FlowExplorer(*images(), some_flow())._views
    explorer = FlowExplorer(*images(), some_flow(), some_flow(), view="error")
    assert explorer.view == "error"
    with pytest.raises(ValueError, match="there is no view 'error'"):
        FlowExplorer(*images(), some_flow(), view="error")
    with pytest.raises(traitlets.TraitError, match="there is no view 'sideways'"):
        explorer.view = "sideways"
    with pytest.raises(traitlets.TraitError, match="there is no shown 'DIS', only flow"):
        explorer.shown = "DIS"


def test_the_point_stays_inside():
    explorer = FlowExplorer(*images(), some_flow())
    assert explorer.point == [15, 10]
    explorer.point = [29, 19]
    for outside in ([30, 0], [0, 20], [-1, 0]):
        with pytest.raises(traitlets.TraitError, match="outside of 30 x 20 pixels"):
            explorer.point = outside


def test_odd_input_is_refused_with_its_name():
    first, second = images()
    with pytest.raises(ValueError, match="second is \\(20, 29\\)"):
        FlowExplorer(first, second[:, 1:], some_flow())
    with pytest.raises(ValueError, match="truth is \\(9, 30\\)"):
        FlowExplorer(first, second, some_flow(), some_flow(9))
    with pytest.raises(ValueError, match="DIS has the shape \\(20, 30, 3\\)"):
        FlowExplorer(first, second, {"DIS": first})
    with pytest.raises(ValueError, match="first image is float64"):
        FlowExplorer(first / 255, second, some_flow())
    with pytest.raises(ValueError, match="no flow"):
        FlowExplorer(first, second, {})
    large = np.zeros((1000, 1000, 3), np.uint8)
    with pytest.raises(ValueError, match="resized"):
        FlowExplorer(large, large, np.zeros((1000, 1000, 2), np.float32))


def test_a_figure_with_words_stands_in_where_no_kernel_runs():
    data, _ = FlowExplorer(
        *images(), {"truth": some_flow(), "DIS": some_flow()}
    )._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert '<img alt="An image, and beside it its flow' in data["text/html"]
    assert "truth and DIS" in data["text/html"][:300]
    assert len(data["text/html"]) < 100_000


def test_a_single_pixel():
    explorer = FlowExplorer(*images(1, 1), np.zeros((1, 1, 2), np.float32))
    assert explorer.point == [0, 0]
    assert explorer._repr_mimebundle_()[0]["text/html"]
