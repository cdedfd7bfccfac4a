"""Objects, proposals and averages: against the official numbers, and by hand."""

import itertools
import json

import numpy as np
import pytest

from vos_lab.metrics.masks import boundary_f, jaccard
from vos_lab.metrics.videos import (
    average,
    count_objects,
    evaluate_video,
    match_proposals,
    score_objects,
    score_proposals,
    scored_frames,
)
from vos_lab.metrics.youtube_vos import ObjectScore, score_video, summarise_youtube_vos


def random_labels(seed, frames=6, largest=3, size=(20, 30)):
    """Label maps of rectangles, all present in the first frame."""
    generator = np.random.default_rng(seed)
    maps = np.zeros((frames, *size), np.uint8)
    for t in range(frames):
        for label in range(1, largest + 1):
            y, x = generator.integers(0, size[0] - 8), generator.integers(0, size[1] - 8)
            maps[t, y : y + generator.integers(3, 8), x : x + generator.integers(3, 8)] = label
        maps[t, 0, :largest] = range(1, largest + 1)
    return maps


def test_several_objects_are_scored_one_by_one_and_averaged():
    truth, prediction = random_labels(0), random_labels(1)
    result = evaluate_video(prediction, truth)
    assert result["frames"] == ["1", "2", "3", "4"]
    assert list(result["objects"]) == ["1", "2", "3"]
    for label in (1, 2, 3):
        values = result["objects"][str(label)]["values"]
        assert values["J"] == jaccard(prediction == label, truth == label)[1:-1].tolist()
        assert values["F"] == boundary_f(prediction == label, truth == label)[1:-1].tolist()
    means = [each["J"]["mean"] for each in result["objects"].values()]
    assert result["J"]["mean"] == pytest.approx(np.mean(means), abs=1e-15)
    assert result["JF"] == pytest.approx((result["J"]["mean"] + result["F"]["mean"]) / 2)
    json.dumps(result)


def test_void_pixels_do_not_count():
    truth, prediction = random_labels(0), random_labels(1)
    with_void = truth.copy()
    with_void[:, 10:] = 255
    prediction_there = prediction.copy()
    prediction_there[:, 10:] = 3
    expected = score_objects(prediction[2], with_void[2], 3)
    assert (score_objects(prediction_there[2], with_void[2], 3) == expected).all()
    assert count_objects(with_void[0]) == 3


def test_an_object_that_nobody_predicts_scores_nothing_and_an_absent_one_everything():
    truth = np.zeros((3, 8, 8), np.uint8)
    truth[0, 2:4, 2:4] = 2
    prediction = np.zeros_like(truth)
    result = evaluate_video(prediction, truth, all_frames=True)
    assert result["objects"]["1"]["values"]["J"] == [1, 1, 1]
    assert result["objects"]["2"]["values"]["J"] == [0, 1, 1]


@pytest.mark.parametrize("seed", range(5))
def test_matching_finds_the_best_of_all_assignments(seed):
    scores = np.random.default_rng(seed).random((2, 5, 3, 4))
    means = scores.mean(axis=(0, 3))
    found = match_proposals(scores)
    best = max(
        sum(means[proposal, label] for label, proposal in enumerate(chosen))
        for chosen in itertools.permutations(range(5), 3)
    )
    assert len(set(found)) == 3
    assert means[found, range(3)].sum() == pytest.approx(best)


def test_proposals_may_have_any_order_and_surplus_ones_cost_nothing():
    truth = random_labels(0)
    prediction = np.choose(truth, [0, 7, 2, 4]).astype(np.uint8)
    prediction[:, -1, -1] = 20
    result = evaluate_video(prediction, truth, unsupervised=True)
    assert result["JF"] == 1.0
    assert len(result["frames"]) == 6
    # Fewer proposals than objects: the rest is empty.
    result = evaluate_video((truth == 2).astype(np.uint8), truth, unsupervised=True)
    assert result["objects"]["2"]["JF"] == 1.0
    assert result["objects"]["1"]["J"]["mean"] == 0.0


def test_a_proposal_too_many_is_refused():
    mask = np.full((4, 4), 21, np.uint8)
    with pytest.raises(ValueError, match="proposal 21: at most 20"):
        score_proposals(mask, mask, 1)


def test_the_unsupervised_task_as_the_official_evaluator(real_data):
    golden = real_data / "golden" / "davis17_multi.json"
    if not golden.is_file():
        pytest.skip("no golden numbers")
    inputs = np.load(golden.with_name("davis17_multi_inputs.npz"))
    for name, expected in json.loads(golden.read_text()).items():
        truth, prediction = inputs[f"{name}_unsup_gt_void"], inputs[f"{name}_unsup_pred"]
        assert (truth == 255).any()
        found = evaluate_video(prediction, truth, unsupervised=True)["objects"].values()
        # The official code prints the objects in the order of their proposals.
        for measure in "JF":
            official = sorted(expected[f"unsup_{measure}"])
            ours = sorted(each["values"][measure] for each in found)
            np.testing.assert_allclose(ours, official, rtol=0, atol=1e-12)
            official = sorted(expected[f"unsup_{measure}_stats"])
            ours = sorted(list(each[measure].values()) for each in found)
            np.testing.assert_allclose(ours, official, rtol=0, atol=1e-12)


def test_short_videos_are_scored_whole_and_say_so():
    truth = random_labels(0)
    for frames in (1, 2):
        result = evaluate_video(truth[:frames], truth[:frames])
        assert len(result["frames"]) == frames
        assert "the first and the last are scored too" in result["notes"][0]
        assert result["J"] == {"mean": 1.0, "recall": 1.0, "decay": 0.0}
    chosen, notes = scored_frames(3, all_frames=False)
    assert list(chosen) == [1]
    assert "decay" in notes[0]
    assert scored_frames(6, all_frames=False) == (range(1, 5), [])


def test_surplus_objects_and_missing_frames_are_errors():
    truth = random_labels(0)
    with pytest.raises(ValueError, match="5 predicted masks for 6"):
        evaluate_video(truth[:5], truth)
    wrong = truth.copy()
    wrong[3, 5, 5] = 4
    with pytest.raises(ValueError, match="frame 3: there is an object 4, but the truth has 3"):
        evaluate_video(wrong, truth)


def test_averages_pool_the_objects_of_all_sequences():
    def part(value):
        numbers = {"mean": value, "recall": value, "decay": value}
        return {"J": numbers, "F": numbers}

    pooled = average([part(0.0), part(0.0), part(0.9)])
    assert pooled["J"] == pytest.approx({"mean": 0.3, "recall": 0.3, "decay": 0.3})


def test_youtube_vos_counts_each_object_from_its_first_appearance():
    blank = np.zeros((10, 10), np.uint8)
    one, both = blank.copy(), blank.copy()
    one[2:5, 2:5] = 1
    both[2:5, 2:5], both[6:9, 6:9] = 1, 4
    truth = [one, None, one, None, both, None, both]
    prediction = [one, both, one, one, one, one, both]
    first, late = score_video("v", prediction, truth, {1: True, 4: False})
    assert (first.j, first.f, first.frames) == (1.0, 1.0, 3)
    assert (late.j, late.f, late.frames) == (1.0, 1.0, 1)
    _, late = score_video("v", prediction, truth, {1: True, 4: False}, with_first=True)
    assert (late.j, late.frames) == (0.5, 2)
    with pytest.raises(ValueError, match="object 2 appears in no annotated frame"):
        score_video("v", prediction, truth, {2: True})


def test_youtube_vos_averages_four_numbers():
    scores = [
        ObjectScore("a", 1, True, 1.0, 0.5, 9),
        ObjectScore("a", 2, True, 0.0, 0.5, 1),
        ObjectScore("b", 1, False, 0.2, 0.4, 3),
    ]
    result = summarise_youtube_vos(scores)
    assert result["J_seen"] == 0.5
    assert result["F_unseen"] == 0.4
    assert result["G"] == pytest.approx((0.5 + 0.5 + 0.2 + 0.4) / 4)
    with pytest.raises(ValueError, match="no object of unseen classes"):
        summarise_youtube_vos(scores[:2])
