"""The claims of lesson 10: what they measure would come out otherwise, were they wrong."""

import numpy as np
import pytest
import torch

from vos_lab.claims import reid
from vos_lab.claims.videos import before_and_after, truth_of


@pytest.fixture
def without_learning(monkeypatch):
    monkeypatch.setattr(reid, "STEPS", 0)
    monkeypatch.setattr(reid, "learned", lambda video: reid.ReIDVOS(steps=0))
    for cached in (reid.learned_of, reid.j_with):
        cached.cache_clear()
    yield
    for cached in (reid.learned_of, reid.j_with):
        cached.cache_clear()


def test_a_version_that_changes_nothing_has_no_effect(without_learning, monkeypatch):
    monkeypatch.setattr(reid, "j_of", lambda method, video: np.full(len(video), 0.5))
    for claim in reid.CLAIMS:
        assert claim.experiment(0) == 0


def test_each_claim_changes_what_it_says(without_learning, monkeypatch):
    seen = []

    def remembered(method, video):
        weight = float(method.identity.head[1].weight.detach().sum())
        seen.append((method.recover, method.both_ways, weight))
        return np.zeros(len(video))

    monkeypatch.setattr(reid, "j_of", remembered)
    for claim in reid.CLAIMS:
        claim.experiment(0)
    whole, without, one_way, random = seen  # the whole method is run once for all claims
    assert whole[:2] == (True, True)
    assert without == (False, True, whole[2])
    assert one_way == (True, False, whole[2])
    assert random[:2] == (True, True)
    assert random[2] != whole[2]


def test_versions_share_what_was_learned():
    method = reid.ReIDVOS(steps=0)
    with torch.no_grad():
        method.network.weight += 1
    one = reid.version(method, both_ways=False)
    frame, mask = np.zeros((32, 48, 3), np.uint8), np.eye(32, 48, dtype=np.uint8)
    one.start(frame, mask)
    assert torch.equal(one.network.weight, method.network.weight)
    assert not one.both_ways


def test_the_frames_that_count_are_those_after_the_occlusion():
    for seed in range(3):
        video = reid.occluded_video(seed)
        assert video.seed % 3 == 2  # of the test split
        frames, visible = reid.returning(video), truth_of(video).sum(axis=(1, 2))
        assert set(before_and_after(video)[1]) <= set(frames)
        assert (visible[frames] > 0).all()
        assert visible[frames[0] - 1] == 0
