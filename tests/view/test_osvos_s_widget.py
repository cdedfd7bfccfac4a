"""The proposal explorer, from Python."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from vos_lab.methods.osvos_s import CLASSES, OSVOSS, ClassNetwork
from vos_lab.methods.proposals import Proposal
from vos_lab.video import Video
from vos_lab.view.widgets.osvos_s import ProposalExplorer

SIZE = (40, 64)


def box(left, right):
    mask = np.zeros(SIZE, np.uint8)
    mask[12:30, left:right] = 1
    return mask


OBJECT, STRANGER = box(6, 24), box(38, 56)


class Boxes:
    """Proposes the object, the stranger, and a large thing that holds both."""

    def propose(self, image):
        rows = np.arange(image.shape[0]) * SIZE[0] // image.shape[0]
        columns = np.arange(image.shape[1]) * SIZE[1] // image.shape[1]
        masks = (OBJECT, STRANGER, box(2, 60))
        return [Proposal(m[rows][:, columns].astype(np.float32), 0.9) for m in masks]


class Bright(ClassNetwork):
    """Bright things are persons, dark ones animals."""

    def forward(self, x):
        inside = (x[:, :3] * x[:, 3:]).sum(dim=(1, 2, 3)) / x[:, 3:].sum(dim=(1, 2, 3))
        logits = torch.zeros(len(x), len(CLASSES) + 1)
        logits[:, CLASSES.index("animal")] = 4.0 * (inside <= 1.2)
        logits[:, CLASSES.index("person")] = 4.0 * (inside > 1.2)
        return logits


def clip(count=4):
    frames = np.full((count, *SIZE, 3), 235, np.uint8)
    frames[:, OBJECT > 0] = 40
    frames[1:, STRANGER > 0] = 140
    return Video("boxes", frames, masks=[OBJECT] * count)


@pytest.fixture
def explorer():
    video = clip()
    method = OSVOSS(Bright(), Boxes(), parent=None, steps=12, batch=1, augmentation="none", seed=1)
    method.start(video.frames[0], video.first_mask)
    stranger = np.stack([t * STRANGER > 0 for t in range(4)])
    return ProposalExplorer(method, video, frame=2, stranger=stranger)


def middle(mask):
    rows, columns = np.nonzero(mask)
    return [(columns.mean() + 0.5) / SIZE[1], (rows.mean() + 0.5) / SIZE[0]]


def test_a_click_says_what_a_proposal_is(explorer):
    assert explorer._is == []
    explorer.stroke([middle(STRANGER)], other=False)
    explorer.show()
    assert explorer.clicked == 1  # the smallest of those at that place
    assert explorer._numbers[0][0] == "person"
    assert "Clicked: person" in repr(explorer)
    explorer.stroke([[0.01, 0.01]], other=False)
    assert explorer.clicked is None


def test_the_trust_changes_the_masks_as_the_method_says(explorer):
    for trust in (0.0, 0.5, 1.0):
        explorer.values = {"trust": trust}
        for t in (1, 2, 3):
            seen = explorer.method.look(explorer.video.frames[t])
            prior = explorer.method.prior(seen.instances, explorer.method.appearance(seen))
            expected = explorer.method.answer(seen, prior, trust)[0] > 0.5
            np.testing.assert_array_equal(explorer.masks[t] == 1, expected)
    assert explorer.j > 0.8
    assert explorer._numbers[-1][0] == "stranger"


def test_with_shift_a_proposal_gets_into_the_prior_and_out_again(explorer):
    explorer.values = {"trust": 1.0}
    before = explorer._priors[1].copy()
    assert before[0][STRANGER > 0].mean() < 0.1
    explorer.stroke([middle(STRANGER)], other=True)
    explorer.show()
    assert explorer._priors[1][0][STRANGER > 0].mean() > 0.9
    assert explorer._priors[0][0][STRANGER > 0].mean() < 0.1  # only in the frame that is shown
    explorer.stroke([middle(STRANGER)], other=True)
    explorer.show()
    np.testing.assert_array_equal(explorer._priors[1], before)
    explorer.stroke([middle(OBJECT)], other=True)
    explorer.show()
    assert explorer._priors[1].max() < 0.1
    explorer.reset()
    np.testing.assert_array_equal(explorer._priors[1], before)
    assert explorer.clicked is None


def test_the_frame_that_is_shown_can_be_chosen(explorer):
    explorer.stroke([middle(STRANGER)], other=False)
    explorer.values = {"frame": 3}
    assert "Frame 3" in explorer._pictures[0][0]
    pixels = np.asarray(Image.open(io.BytesIO(explorer._pictures[0][2])).convert("RGB"))
    assert pixels.shape[0] >= 360
    assert explorer.figure().alt == explorer._words()


def test_what_does_not_fit_is_refused(explorer):
    with pytest.raises(ValueError, match="frames 1 to 3"):
        ProposalExplorer(explorer.method, explorer.video, frame=4)


def test_an_error_of_a_student_is_shown_and_not_raised(explorer, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("of a student")

    monkeypatch.setattr("vos_lab.methods.osvos_s.conditional_classifier", broken)
    explorer.values = {"trust": 0.3}
    assert "of a student" in explorer._error
