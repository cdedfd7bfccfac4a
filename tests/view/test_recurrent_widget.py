"""The explorer of states, from Python."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from vos_lab.methods.recurrent import S2S, S2SNetwork
from vos_lab.video import Video
from vos_lab.view.widgets.recurrent import LONGEST, StateExplorer


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return S2SNetwork().eval()


def video(length=5, labels=(1, 2)):
    frames = np.random.default_rng(0).integers(0, 256, (length, 32, 48, 3), np.uint8)
    mask = np.zeros((32, 48), np.uint8)
    for i, label in enumerate(labels):
        mask[8:24, 4 + 22 * i : 18 + 22 * i] = label
    return Video("noise", frames, masks=[mask] * length)


def explorer(network, frame=2, **options):
    return StateExplorer(video(**options), S2S(network=network), frame)


def picture(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def masks_of(network, length):
    method, clip = S2S(network=network), video(length)
    method.start(clip.frames[0], clip.first_mask)
    return [method.step(clip.frames[t]) for t in range(1, length)]


def test_it_shows_what_the_method_does(network):
    shown = explorer(network, 4)
    np.testing.assert_array_equal(shown.masks[1:], masks_of(network, 5))
    assert [picture(png).shape for *_, png in shown._pictures] == [(32, 48, 3)] * 3
    assert [name for name, *_ in shown._numbers] == ["object 1", "object 2"]
    assert set(shown.j) == {1, 2}


def test_a_wiped_state_changes_this_frame_and_later_ones_only(network):
    shown = explorer(network)
    before = [dict(moment.states) for moment in shown._known]
    shown._pressed(shown, {"action": "wipe_first"}, [])
    shown.values = {"frame": 4}
    assert shown.edits == {2: [1]}
    after = [moment.states for moment in shown._known]
    for label, changed in ((1, [False, False, True, True, True]), (2, [False] * 5)):
        cells = [(a[label].cell, b[label].cell) for a, b in zip(before, after, strict=True)]
        assert [not torch.equal(*each) for each in cells] == changed
    assert "Object 1 wiped in frame 2." in repr(shown)
    assert shown._state == "Object 1 wiped in frame 2."


def test_swapped_states_go_on_with_the_other_object(network):
    shown = explorer(network)
    before = dict(shown._known[2].states)
    shown._pressed(shown, {"action": "swap"}, [])
    for one, other in ((1, 2), (2, 1)):  # both see the same frame, so only the names change
        torch.testing.assert_close(shown._known[2].states[one].cell, before[other].cell)
    assert "swapped in frame 2" in shown.figure().alt
    shown._pressed(shown, {"action": "undo"}, [])
    assert shown.edits == {}
    torch.testing.assert_close(shown._known[2].states[1].cell, before[1].cell)


def test_colours_mean_the_same_before_and_after_a_wipe(network):
    shown = explorer(network)
    other = picture(shown._pictures[2][2])
    shown.wipe_first()
    np.testing.assert_array_equal(picture(shown._pictures[2][2]), other)


def test_one_object_cannot_be_swapped(network):
    shown = explorer(network, labels=(3,))
    assert [action[0] for action in shown._actions] == ["wipe_first", "undo"]
    assert len(shown._pictures) == 2


def test_what_cannot_be_shown_is_refused(network):
    with pytest.raises(ValueError, match="not in 0"):
        explorer(network, 0)
    with pytest.raises(ValueError, match=f"at most {LONGEST}"):
        explorer(network, length=LONGEST + 1)
    with pytest.raises(ValueError, match="no object in the first mask"):
        explorer(network, labels=())
