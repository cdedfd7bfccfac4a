"""The claims of lesson 13: what they measure would come out otherwise, were they wrong."""

import numpy as np
import pytest

from vos_lab.claims import space_time_memory as claims
from vos_lab.claims import videos
from vos_lab.datasets.procedural import SPLITS

MEMORIES = (claims.FIRST, claims.PREVIOUS, claims.BETWEEN, claims.OFTEN, claims.HARD)


def test_its_videos_are_of_the_test_split():
    assert claims.changing_video(3).seed % 3 == SPLITS.index("test")
    assert {videos.video(s, 1, 2).seed % 3 for s in claims.SUITES} == {SPLITS.index("test")}


def test_every_claim_has_twelve_seeds():
    assert all(len(claim.seeds) >= 12 for claim in claims.CLAIMS)


def test_a_part_that_changes_nothing_has_no_effect(monkeypatch):
    monkeypatch.setattr(videos, "mean_j", lambda method, clip: 0.5)
    monkeypatch.setattr(claims, "mean_j", lambda method, clip: 0.5)
    quick = (*MEMORIES, claims.TWIN, claims.STAGES, claims.RETRIEVAL)
    assert [claim.experiment(0) for claim in quick] == [0] * len(quick)


def test_each_memory_changes_what_it_says(monkeypatch):
    seen = []

    def remembered(method, clip):
        seen.append((method.kind, method.every, method.most, method.hard))
        return float(len(seen) % 2)

    monkeypatch.setattr(videos, "mean_j", remembered)
    effects = [claim.experiment(0) for claim in MEMORIES]
    assert effects == [1.0] * 5  # what is claimed to be better comes first
    assert seen == [
        ("both", 5, 6, False),
        ("first", 5, 6, False),
        ("both", 5, 6, False),
        ("previous", 5, 6, False),
        ("every", 5, 6, False),
        ("both", 5, 6, False),
        ("every", 5, 40, False),
        ("every", 30, 40, False),
        ("every", 5, 6, False),
        ("every", 5, 6, True),
    ]


def test_the_price_is_that_of_the_larger_memory(monkeypatch):
    monkeypatch.setattr(claims, "seconds_per_frame", lambda method, clip: 1 / method.every)
    assert claims.PRICE.experiment(0) == pytest.approx(15)


def test_a_twin_that_is_spared_counts(monkeypatch):
    def everything(method, clip, progress):
        taken = np.zeros((len(clip), *clip.size), np.uint8)
        return taken if method.window else taken + 1

    monkeypatch.setattr(claims, "run", everything)
    assert claims.SPARED.experiment(0) == 1
