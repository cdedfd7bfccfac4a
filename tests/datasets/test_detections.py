import cv2
import numpy as np
import pytest

from vos_lab.datasets.detections import CATEGORIES, NOISE, Detection, Noise, detect, detections_of
from vos_lab.datasets.procedural import Spec, render, suite
from vos_lab.video import VOID


def two_squares() -> np.ndarray:
    """Two people side by side, a car alone, and void."""
    labels = np.zeros((120, 200), np.uint8)
    labels[20:60, 20:40] = 3
    labels[20:60, 40:60] = 9
    labels[80:110, 120:180] = 5
    labels[0:10, 100:110] = VOID
    return labels


WHO = {3: 2, 9: 2, 5: 1}


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    return (first & second).sum() / (first | second).sum()


def many(noise: str | Noise, times: int = 200, whole: dict | None = None) -> list[list[Detection]]:
    labels = two_squares()
    return [detect(labels, WHO, noise, np.random.default_rng(i), whole) for i in range(times)]


def test_without_noise_the_truth_comes_out_and_void_is_nobody():
    labels = two_squares()
    found = detect(labels, WHO, "none", np.random.default_rng(0))
    assert len(found) == 3
    for detection in found:
        label = labels[detection.mask]
        assert (label == label[0]).all()
        assert detection.mask.sum() == (labels == label[0]).sum()
        assert detection.category == WHO[label[0]]
        assert detection.score == 1.0


@pytest.mark.parametrize("name", NOISE)
def test_detections_are_well_formed(name):
    for found in many(name, 60):
        scores = [detection.score for detection in found]
        assert scores == sorted(scores, reverse=True)
        for detection in found:
            assert detection.mask.dtype == bool
            assert detection.mask.shape == (120, 200)
            assert detection.mask.any()
            assert 0 < detection.score <= 1
            assert detection.category in CATEGORIES.values()


def test_each_mistake_happens_as_often_as_it_says():
    assert np.mean([len(found) for found in many(Noise(miss=0.3))]) == pytest.approx(2.1, abs=0.2)
    alarms = [len(found) - 3 for found in many(Noise(false_alarms=1.5))]
    assert np.mean(alarms) == pytest.approx(1.5, abs=0.3)
    halves = [len(found) for found in many(Noise(split=0.5))]
    assert np.mean(halves) == pytest.approx(4.5, abs=0.3)
    wrong = [d.category != 1 for f in many(Noise(category=0.3)) for d in f if d.mask[95, 150]]
    assert np.mean(wrong) == pytest.approx(0.3, abs=0.1)


def test_only_neighbours_of_a_category_are_merged():
    labels = two_squares()
    for found in many(Noise(merge=1.0), 20):
        assert len(found) == 2
        people = next(d for d in found if d.category == 2)
        np.testing.assert_array_equal(people.mask, (labels == 3) | (labels == 9))
    apart = np.where(labels == 9, 0, labels)
    apart[80:110, 20:40] = 9
    assert len(detect(apart, WHO, Noise(merge=1.0), np.random.default_rng(0))) == 3
    mixed = {3: 2, 9: 1, 5: 1}
    assert len(detect(labels, mixed, Noise(merge=1.0), np.random.default_rng(0))) == 3


def test_halves_make_up_the_whole():
    labels = two_squares()
    for found in many(Noise(split=1.0), 20):
        assert len(found) == 6
        assert sum(detection.mask.astype(int) for detection in found).max() == 1
        np.testing.assert_array_equal(
            np.any([d.mask for d in found], axis=0), np.isin(labels, list(WHO))
        )


def test_what_is_small_or_hidden_is_missed_more_often():
    hidden = many(Noise(miss_hidden=0.8), whole={3: 10_000, 9: 800, 5: 1800})
    seen = {point: np.mean([any(d.mask[point] for d in f) for f in hidden])
            for point in ((40, 30), (40, 50))}  # fmt: skip
    assert seen[40, 50] == 1
    assert seen[40, 30] < 0.5
    small = np.zeros((120, 200), np.uint8)
    small[5:10, 5:9] = 1
    small[40:90, 40:90] = 2
    found = [detect(small, {1: 2, 2: 2}, Noise(miss_small=0.9), np.random.default_rng(i))
             for i in range(100)]  # fmt: skip
    assert all(any(d.mask[60, 60] for d in f) for f in found)
    assert np.mean([any(d.mask[7, 7] for d in f) for f in found]) < 0.5


def test_ragged_outlines_are_off_by_about_as_much_as_they_say():
    truth = np.zeros((120, 200), np.uint8)
    truth[40:72, 80:112] = 1
    errors = []
    for amount in (0.5, 1.0, 2.0):
        found = [
            detect(truth, {1: 1}, Noise(ragged=amount), np.random.default_rng(i))[0]
            for i in range(60)
        ]
        overlaps = [overlap(d.mask, truth == 1) for d in found]
        assert 0.5 < np.mean(overlaps) < 1
        errors.append(1 - np.mean(overlaps))
        # The outline moves as a whole: a mask falls apart into no more than a few pieces.
        pieces = [cv2.connectedComponents(d.mask.astype(np.uint8))[0] - 1 for d in found]
        assert np.median(pieces) == 1
    assert errors[0] < errors[1] < errors[2]


def test_surer_masks_are_better_ones():
    labels = two_squares()
    scores, quality = [], []
    for found in many("high", 200):
        for detection in found:
            scores.append(detection.score)
            quality.append(max(overlap(detection.mask, labels == i) for i in WHO))
    assert np.corrcoef(scores, quality)[0, 1] > 0.5


def test_noise_levels_go_from_exact_to_bad():
    video = suite("crowd", length=1, frames=10, size=(160, 288))[0]
    quality = []
    for name in NOISE:
        found = detections_of(video, name)
        best = []
        for t in (0, 5):
            for i in set(np.unique(video.masks[t])) - {0}:
                own = video.masks[t] == i
                best.append(max((overlap(d.mask, own) for d in found[t]), default=0))
        quality.append(np.mean(best))
    assert quality[0] == 1
    assert all(np.diff(quality) < -0.02)


def test_same_seed_same_detections_in_any_order():
    video = render(Spec(frames=4, size=(96, 176), objects=3), 2)
    forwards = list(detections_of(video, "high", seed=5))
    again = detections_of(video, "high", seed=5)
    for t in (3, 1, 0, 2):
        assert len(again[t]) == len(forwards[t])
        for first, second in zip(again[t], forwards[t], strict=True):
            np.testing.assert_array_equal(first.mask, second.mask)
            assert (first.score, first.category) == (second.score, second.category)
    other = list(detections_of(video, "high", seed=6))
    assert [[d.score for d in f] for f in other] != [[d.score for d in f] for f in forwards]


def test_frames_without_objects_and_wrong_names():
    empty = np.zeros((60, 80), np.uint8)
    assert detect(empty, {}, "none", np.random.default_rng(0)) == []
    alarms = [detect(empty, {}, Noise(false_alarms=3), np.random.default_rng(i)) for i in range(9)]
    assert all(d.mask.any() for found in alarms for d in found)
    full = np.ones((40, 50), np.uint8)
    for name in NOISE:
        for i in range(20):
            assert all(d.mask.any() for d in detect(full, {1: 1}, name, np.random.default_rng(i)))
    with pytest.raises(ValueError, match="no noise level 'loud', there are: none, low"):
        detect(empty, {}, "loud", np.random.default_rng(0))
    with pytest.raises(ValueError, match="no noise level"):
        detections_of(render(Spec(frames=2), 1), "loud")
    with pytest.raises(KeyError):
        detect(two_squares(), {3: 2}, "none", np.random.default_rng(0))
