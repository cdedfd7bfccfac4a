"""The claims of lesson 12: what they measure would come out otherwise, were they wrong."""

import numpy as np
import pytest

from vos_lab.claims import recurrent as claims
from vos_lab.datasets.procedural import SPLITS


@pytest.fixture(autouse=True)
def nothing_kept():
    kept = (claims.hidden_video, claims.j_after, claims.j_of_late_frames)
    for each in kept:
        each.cache_clear()
    yield
    for each in kept:
        each.cache_clear()


def test_its_videos_are_of_the_test_split():
    assert claims.whole_video(3, 2).seed % 3 == SPLITS.index("test")


def test_every_claim_has_twelve_seeds_and_a_name_of_its_own():
    assert all(len(claim.seeds) >= 12 for claim in claims.CLAIMS)
    assert len({claim.name for claim in claims.CLAIMS}) == len(claims.CLAIMS) == 11


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(claims, "FRAMES", 8)
    monkeypatch.setattr(claims, "BACK", 5)
    monkeypatch.setattr(claims, "SIZE", (48, 80))


def test_a_board_hides_both_objects_as_long_as_it_says(short):
    whole, covered = claims.hidden_video(0, 0), claims.hidden_video(0, 3)
    seen = [bool(mask.any()) for mask in covered.masks]
    assert seen == [True, True, False, False, False, True, True, True]
    for t in (0, 1, 5, 6, 7):
        assert np.array_equal(whole.frames[t], covered.frames[t])
        assert np.array_equal(whole.masks[t], covered.masks[t])


class Answering:
    """Says the truth of a video while it may."""

    def __init__(self, clip, until):
        self.clip, self.until = clip, until

    def __call__(self, method, clip, progress):
        truth = np.stack([np.asarray(mask) for mask in clip.masks])
        right = np.arange(len(truth))[:, None, None] < self.until(method)
        return np.where(right, truth, 0)


def test_what_counts_is_after_the_board(short, monkeypatch):
    monkeypatch.setattr(claims, "S2S", lambda carry: carry)
    until = {"state": 8, "frozen": claims.BACK, "mask": 0}
    monkeypatch.setattr(claims, "run", Answering(None, until.__getitem__))
    assert claims.gain(0, "frozen", 3) == claims.gain(0, "mask", 3) == 1
    assert claims.gain(0, "state", 3) == 0


def test_a_state_that_lasts_forgets_nothing(monkeypatch):
    monkeypatch.setattr(claims, "LONGEST", 3)
    monkeypatch.setattr(claims, "TIMES", (2, 3))
    monkeypatch.setattr(claims, "SIZE", (48, 80))
    monkeypatch.setattr(claims, "S2S", lambda: None)
    for until, effect in ((99, 0.0), (3, 1.0)):
        claims.j_of_late_frames.cache_clear()
        monkeypatch.setattr(claims, "run", Answering(None, lambda method, u=until: u))
        assert claims.forgotten(0, 2) == pytest.approx(effect)
