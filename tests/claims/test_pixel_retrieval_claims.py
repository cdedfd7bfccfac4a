"""The claims of lesson 09: what they measure would come out otherwise, were they wrong."""

from vos_lab.claims import pixel_retrieval, videos
from vos_lab.datasets.procedural import SPLITS


def test_its_videos_are_of_the_test_split():
    seeds = {videos.video(suite, 1, 2).seed % 3 for suite in pixel_retrieval.SUITES}
    assert seeds == {SPLITS.index("test")}


def test_a_method_as_slow_as_osvos_would_refute_the_speed(monkeypatch):
    monkeypatch.setattr(pixel_retrieval, "seconds", lambda method, seed: 1.0)
    assert pixel_retrieval.times_as_fast(0) == pixel_retrieval.FAST.above


def test_a_part_that_changes_nothing_has_no_effect(monkeypatch):
    monkeypatch.setattr(videos, "mean_j", lambda method, clip: 0.5)
    assert pixel_retrieval.gain_over(0, embedding="colour") == 0
    assert pixel_retrieval.price_in_j(0) == 0


def test_each_ablation_changes_what_it_says(monkeypatch):
    seen = set()

    def remembered(method, clip):
        seen.add((method.frames, method.radius, type(method.network).__name__))
        return 0.0

    monkeypatch.setattr(videos, "mean_j", remembered)
    for claim in (pixel_retrieval.COLOUR, pixel_retrieval.GROWING, pixel_retrieval.WINDOW):
        claim.experiment(0)
    assert seen == {
        (4, 8, "EmbeddingNetwork"),
        (4, 8, "ColourEmbedding"),
        (0, 8, "EmbeddingNetwork"),
        (4, None, "EmbeddingNetwork"),
    }
