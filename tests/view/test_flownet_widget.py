"""The correlation explorer: the browser gets every score, and odd input is refused."""

import io

import numpy as np
import pytest
import torch
import traitlets
from PIL import Image

from vos_lab.flow.flownet import correlation
from vos_lab.view.widgets.flownet import CorrelationExplorer, correlation_figure


def images(height=20, width=30):
    ramp = np.linspace(0, 255, width).astype(np.uint8)
    first = np.repeat(np.tile(ramp, (height, 1))[..., None], 3, axis=-1)
    return first, np.roll(first, 1, axis=1)


def volume(reach=2, rows=5, columns=8, seed=0):
    return np.random.default_rng(seed).normal(size=((2 * reach + 1) ** 2, rows, columns))


def test_the_browser_gets_every_score_of_a_place_in_turn():
    scores = volume()
    explorer = CorrelationExplorer(*images(), scores, cell=4)
    sent = np.frombuffer(explorer._scores[0], np.uint8).reshape(5, 8, 25)
    low, high = explorer._ranges[0]
    back = low + sent / 255 * (high - low)
    assert np.abs(np.moveaxis(back, -1, 0) - scores).max() <= (high - low) / 500
    assert explorer._grid == [5, 8, 4, 2]


def test_the_best_match_is_that_of_the_layer():
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(1, 32, 10, 12)))
    unit = torch.nn.functional.normalize(features, dim=1)
    scores = correlation(unit, torch.roll(unit, (1, -2), (2, 3)), 3)[0].numpy()
    first, second = images(40, 48)
    explorer = CorrelationExplorer(first, second, scores, cell=4, point=(26, 22))
    assert explorer.best == [-8, 4]  # 2 cells to the left, 1 down
    explorer.point = [31, 17]
    assert explorer.best == [-8, 4]


def test_another_volume_has_another_best():
    peaks = np.zeros((2, 9, 5, 8))
    peaks[0, 5], peaks[1, 1] = 1, 1
    explorer = CorrelationExplorer(*images(), {"a": peaks[0], "b": peaks[1]}, cell=4)
    assert explorer.best == [4, 0]
    explorer.shown = "b"
    assert explorer.best == [0, -4]
    with pytest.raises(traitlets.TraitError, match="there is no 'c', only a, b"):
        explorer.shown = "c"


def test_the_truth_is_that_of_the_middle_of_a_cell():
    flow = np.random.default_rng(1).normal(0, 9, (20, 30, 2)).astype(np.float32)
    flow[2, 6] = np.nan  # the middle of a cell
    explorer = CorrelationExplorer(*images(), volume(), cell=4, flow=flow)
    sent = np.frombuffer(explorer._truth, "<i2").reshape(5, 8, 2)
    assert np.abs(sent[3, 4] / 64 - flow[14, 18]).max() < 0.01
    assert (sent[0, 1] == -32768).all()


def test_the_point_stays_inside():
    explorer = CorrelationExplorer(*images(), volume(), cell=4)
    assert explorer.point == [15, 10]
    explorer.point = [29, 19]
    for outside in ([30, 0], [0, 20], [-1, 0]):
        with pytest.raises(traitlets.TraitError, match="outside of 30 x 20 pixels"):
            explorer.point = outside


def test_odd_input_is_refused_with_its_name():
    first, second = images()
    for bad, words in [
        (volume()[:24], "as correlation"),
        (volume()[0], "as correlation"),
        (volume(rows=3), "do not cover"),
        (np.full_like(volume(), np.nan), "not finite"),
        ({}, "no scores"),
        ({"a": volume(), "b": volume(3)}, "one shape"),
    ]:
        with pytest.raises(ValueError, match=words):
            CorrelationExplorer(first, second, bad, cell=4)
    with pytest.raises(ValueError, match="second image is float64"):
        CorrelationExplorer(first, second / 255, volume(), cell=4)
    with pytest.raises(ValueError, match="different shapes"):
        CorrelationExplorer(first, second[:, 1:], volume(), cell=4)
    with pytest.raises(ValueError, match="the flow is"):
        CorrelationExplorer(first, second, volume(), cell=4, flow=np.zeros((3, 4, 2)))
    large = np.zeros((1000, 1000, 3), np.uint8)
    with pytest.raises(ValueError, match="too large"):
        CorrelationExplorer(large, large, volume())


def test_a_figure_with_words_stands_in_where_no_kernel_runs():
    explorer = CorrelationExplorer(*images(), {"deep": volume()}, cell=4)
    data, _ = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    alt = data["text/html"][:400]
    assert "(deep)" in alt
    assert f"displacement of {explorer.best[0]} pixels to the right" in alt
    assert len(data["text/html"]) < 100_000


def test_the_picture_needs_words_and_shows_the_best_score():
    first, second = images(64, 96)
    scores = np.zeros((5, 5))
    scores[1, 3] = 1
    with pytest.raises(ValueError, match="alt="):
        correlation_figure(first, second, scores, (40, 30), 8, title="t")
    figure = correlation_figure(
        first, second, scores, (40, 30), 8, np.array([8.0, -8.0]), title="t", alt="a"
    )
    shown = np.asarray(Image.open(io.BytesIO(figure.data)).convert("RGB")).astype(int)
    left = shown[:, : shown.shape[1] // 3]  # the first image: grey, with a white ring
    assert (np.ptp(left, axis=-1) < 40).all()
    yellow = (shown[..., 0] - shown[..., 2] > 60) & (shown[..., 1] - shown[..., 2] > 40)
    assert yellow.any()
