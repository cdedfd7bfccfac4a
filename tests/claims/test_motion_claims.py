import numpy as np
import pytest

from vos_lab.claims import motion, videos
from vos_lab.claims.videos import before_and_after, occluded_video, truth_of
from vos_lab.datasets.procedural import suites as procedural


def test_a_seed_gives_one_video_of_each_suite_and_never_one_of_another_split():
    videos = motion.videos(2, frames=2)
    assert [video.name for video in videos] == ["easy-test-02", "camera-test-02", "speed-test-02"]
    seeds = [video.seed for video in videos] + [occluded_video(s).seed for s in range(3)]
    assert {seed % 3 for seed in seeds} == {procedural.SPLITS.index("test")}


@pytest.mark.parametrize("seed", motion.SEEDS)
def test_the_object_is_hidden_whole_and_seen_before_and_after(seed):
    video = occluded_video(seed)
    before, after = before_and_after(video)
    assert len(before) >= 5
    assert len(after) >= 5
    between = range(before[-1] + 1, after[0])
    assert any(not (video.masks[t] == 1).any() for t in between)


def test_a_method_that_finds_it_again_would_refute_the_claim(monkeypatch):
    video = occluded_video(0)
    truth = truth_of(video)
    monkeypatch.setattr(videos, "run", lambda method, video, progress: truth.astype(np.uint8))
    assert motion.not_found_again(0) == -0.5
