"""The claims of lesson 06: what they measure would come out otherwise, were they wrong."""

import numpy as np
import pytest

from vos_lab.claims import osvos_s
from vos_lab.claims.videos import truth_of, video


class Answers:
    """A method that gives certain masks."""

    name = "answers"

    def __init__(self, masks):
        self.masks = list(masks)

    def start(self, frame, mask=None):
        self.t = 0

    def step(self, frame):
        self.t += 1
        return self.masks[self.t].astype(np.uint8)


@pytest.fixture
def clip():
    return video("intruder", 0, 6)


def test_the_share_that_is_taken_is_that_of_the_intruder(clip):
    object_alone = truth_of(clip)
    stranger = np.stack([labels == 2 for labels in clip.instances])
    assert stranger.any()
    for masks, share in ((object_alone, 0), (object_alone | stranger, 1), (stranger, 1)):
        assert osvos_s.share_of_intruder(Answers(masks), clip) == share


def test_each_claim_compares_what_it_says(clip, monkeypatch):
    asked = []

    class Fake:
        def __init__(self, name):
            self.name = name

        def version(self, **changed):
            return Fake(f"{self.name} {changed}")

    def share(method, clip):
        asked.append(getattr(method, "name", "OSVOS"))
        return {
            "osvos": 0.9,
            "s": 0.2,
            "s {'any_class': True}": 0.5,
            "s {'any_class': False}": 0.2,
        }[asked[-1]]

    suites = []

    def learned(suite, seed):
        suites.append(suite)
        return clip, Fake("s")

    monkeypatch.setattr(osvos_s, "share_of_intruder", share)
    monkeypatch.setattr(osvos_s, "learned_of", learned)
    assert osvos_s.OTHER_CLASS.experiment(0) == pytest.approx(0.7)
    assert osvos_s.SAME_CLASS.experiment(0) == pytest.approx(0.7)
    assert osvos_s.CLASSES_HELP.experiment(0) == pytest.approx(0.3)
    assert suites == ["intruder", "intruder-same", "intruder"]


def test_what_was_learned_is_not_learned_again():
    class Method:
        name = "once"

        def step(self, frame):
            return frame[..., 0]

    method = osvos_s.Learned(Method())
    method.start(np.zeros((2, 2, 3), np.uint8))
    assert method.step(np.full((2, 2, 3), 7, np.uint8)).tolist() == [[7, 7], [7, 7]]
