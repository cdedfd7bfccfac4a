"""The memory explorer, from Python."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from vos_lab.methods.space_time_memory import STM, SpaceTimeNetwork
from vos_lab.video import Video
from vos_lab.view.widgets.space_time_memory import MemoryExplorer


def clip(count=6, size=(48, 80)):
    frames = np.full((count, *size, 3), 60, np.uint8)
    masks = np.zeros((count, *size), np.uint8)
    for t in range(count):
        masks[t, 8:32, 8 + 4 * t : 32 + 4 * t] = 1
    frames[masks == 1] = (220, 60, 40)
    return Video("a box", frames, masks=list(masks))


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SpaceTimeNetwork()


@pytest.fixture
def explorer(network):
    return MemoryExplorer(clip(), STM(network, every=2, most=4))


def picture(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def pressed(explorer, point):
    message = {"action": "stroke", "points": [point], "other": False}
    explorer._pressed(explorer, message, [])


def test_it_reads_from_the_frames_in_the_memory(explorer):
    assert explorer.kept == [0, 2, 4]
    assert list(explorer.weights) == [0, 2, 4]
    assert sum(float(each.sum()) for each in explorer.weights.values()) == pytest.approx(
        1, abs=1e-4
    )
    assert len(explorer._pictures) == 4
    assert {picture(png).shape for *_, png in explorer._pictures} == {(48, 80, 3)}
    assert "reads from 3 frames" in explorer.figure().alt


def test_a_click_moves_the_place_and_not_the_mask(explorer):
    before, mask = explorer.weights, explorer.mask
    pressed(explorer, [0.9, 0.9])
    assert explorer.point == (72, 43)
    assert explorer.mask is mask
    assert any((before[t] != explorer.weights[t]).any() for t in before)
    assert explorer._error == ""


def test_a_frame_can_be_left_out_and_the_mask_follows(explorer):
    with torch.inference_mode():
        soft = explorer.method.segment(explorer.look, {1: {0: explorer._all[1][0]}})
    explorer.values = {"frame_2": False, "frame_4": False}
    assert explorer.kept == [0]
    assert list(explorer.weights) == [0]
    assert ((soft[1] > 0.5) == (explorer.mask == 1)).all()
    explorer.values = {"frame_0": False}
    assert explorer.weights == {}
    assert not explorer.mask.any()
    assert "empty" in repr(explorer)
    explorer.reset()
    assert explorer.kept == [0, 2, 4]


def test_a_low_temperature_reads_fewer_places(explorer):
    def spread():
        return max(float(each.max()) for each in explorer.weights.values())

    before = spread()
    explorer.values = {"temperature": 0.1}
    assert spread() > before
    explorer.values = {"temperature": 4.0}
    assert spread() < before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frame": 0}, "from frame 1 on"),
        ({"frame": 6}, "not in 6"),
        ({"point": (80, 0)}, "outside"),
        ({"label": 2}, "no object 2"),
    ],
)
def test_what_is_not_there_is_refused(network, options, message):
    with pytest.raises(ValueError, match=message):
        MemoryExplorer(clip(), STM(network), **options)


def test_an_empty_first_mask_is_refused(network):
    video = Video(
        "nothing", np.zeros((2, 32, 48, 3), np.uint8), masks=[np.zeros((32, 48), np.uint8), None]
    )
    with pytest.raises(ValueError, match="no object"):
        MemoryExplorer(video, STM(network))
