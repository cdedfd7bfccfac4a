"""The MOTS tracker: association, starts and ends, gaps, and what comes out."""

import os
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from typer.testing import CliRunner

from vos_lab.claims.mots import scores
from vos_lab.cli import app
from vos_lab.datasets.detections import NOISE, Detection, detections_of
from vos_lab.datasets.detections_txt import read_detections
from vos_lab.datasets.mots import MotsObject, MotsSequence, read_mots_txt, write_mots_txt
from vos_lab.datasets.mots_truth import true_objects
from vos_lab.datasets.procedural import suite
from vos_lab.datasets.run_lengths import rle_encode, rle_to_string
from vos_lab.methods.mots_tracker import (
    MotsTracker,
    appearances,
    associate,
    flatten_proposals,
    overlaps,
    track,
)
from vos_lab.metrics import jaccard
from vos_lab.metrics.mots import evaluate_mots
from vos_lab.view.widgets.mots import timeline

SIZE = (60, 120)
GROUND = np.random.default_rng(0).integers(60, 120, (*SIZE, 3), np.uint8)


def box(left: float, top: int = 20, width: int = 16, height: int = 20) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[top : top + height, max(0, round(left)) : max(0, round(left) + width)] = True
    return mask


CLOTH = np.random.default_rng(1).integers(-25, 26, (60, 120, 3))


def scene(*objects: tuple[np.ndarray, tuple[int, int, int]]) -> np.ndarray:
    """An image of masks, each in a colour with a pattern that it carries; the last is in front."""
    image = GROUND.copy()
    for mask, colour in objects:
        y, x = np.nonzero(mask)
        if len(y):
            image[y, x] = np.clip(np.array(colour) + CLOTH[y - y.min(), x - x.min()], 0, 255)
    return image


RED, BLUE = (190, 60, 60), (60, 70, 190)


def seen(mask: np.ndarray, score: float = 0.95, category: int = 2) -> Detection:
    return Detection(mask, score, category)


def ids(frames) -> list[list[int]]:
    return [[each.id for each in frame] for frame in frames]


def walk(found_in, frames=12, **settings):
    """One person walks to the right; the detector sees it in some frames."""
    tracker = MotsTracker(**settings)
    result = []
    for t in range(frames):
        person = box(10 + 3 * t)
        result.append(tracker.step(scene((person, RED)), [seen(person)] if t in found_in else []))
    return result, tracker


# --- association ------------------------------------------------------------------------------

SCORES = hnp.arrays(float, st.tuples(st.integers(0, 6), st.integers(0, 6)),
                    elements=st.floats(0, 1).map(lambda x: round(x, 3)))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(SCORES, st.booleans())
def test_no_proposal_goes_on_twice_and_no_pair_is_impossible(overlap, greedy):
    match = associate(overlap, overlap, least=0.3, greedy=greedy)
    chosen = match[match >= 0]
    assert len(set(chosen.tolist())) == len(chosen)
    assert all(overlap[row, match[row]] >= 0.3 for row in np.flatnonzero(match >= 0))


@settings(max_examples=60, deadline=None)
@given(SCORES)
def test_greedy_is_never_better(overlap):
    def total(match):
        return sum(overlap[row, column] for row, column in enumerate(match) if column >= 0)

    best, greedy = (associate(overlap, overlap, greedy=g) for g in (False, True))
    assert total(best) >= total(greedy) - 1e-9


@settings(max_examples=30, deadline=None)
@given(hnp.arrays(np.int32, (7, 9), elements=st.integers(0, 3)),
       hnp.arrays(np.int32, (7, 9), elements=st.integers(0, 4)))  # fmt: skip
def test_overlaps_are_those_of_each_pair(first, second):
    found = overlaps(first, second, 3, 4)
    for row in range(3):
        for column in range(4):
            a, b = first == row + 1, second == column + 1
            expected = jaccard(a, b) if (a | b).any() else 0
            assert found[row, column] == pytest.approx(expected)


def test_appearances_tell_colours_apart_and_survive_empty_regions():
    labels = np.zeros(SIZE, np.int32)
    labels[box(10)], labels[box(60)] = 1, 2
    looks = appearances(scene((box(10), RED), (box(60), BLUE)), labels, 3)
    assert looks[0] @ looks[0] == pytest.approx(1)
    assert looks[0] @ looks[1] < 0.1
    assert not looks[2].any()


def test_the_surest_lies_on_top():
    flat = flatten_proposals([seen(box(10), 0.9), seen(box(16), 0.4)], SIZE)
    assert (flat[box(10)] == 1).all()
    assert (flat == 2).sum() == (box(16) & ~box(10)).sum()


# --- starts, gaps, ends -----------------------------------------------------------------------


def test_one_object_keeps_one_identity():
    result, _ = walk(range(12))
    assert ids(result) == [[1]] * 12


def test_who_is_not_sure_waits_for_a_second_hit():
    person = box(30)
    tracker = MotsTracker()
    steps = [tracker.step(scene((person, RED)), [seen(person, 0.6)]) for _ in range(3)]
    assert ids(steps) == [[], [1], [1]]
    ghost = MotsTracker()
    assert ids([ghost.step(GROUND, [seen(person, 0.6)]), ghost.step(GROUND, [])]) == [[], []]
    assert ghost.tracks == []


def test_below_start_nothing_begins_but_a_track_goes_on():
    person = box(30)
    tracker = MotsTracker()
    assert tracker.step(scene((person, RED)), [seen(person, 0.3)]) == []
    assert ids([tracker.step(scene((person, RED)), [seen(person, s)]) for s in (0.9, 0.3)]) == [
        [1],
        [1],
    ]


def test_what_the_detector_misses_in_full_view_comes_out_where_flow_has_carried_it():
    result, _ = walk([t for t in range(12) if t not in (6, 7)])
    assert ids(result) == [[1]] * 12
    for t in (6, 7):
        assert jaccard(result[t][0].mask, box(10 + 3 * t)) > 0.5  # it still matches
    without, _ = walk([t for t in range(12) if t not in (6, 7)], coast=0)
    assert ids(without)[5:9] == [[1], [], [], [1]]


def test_coasting_ends_after_its_frames():
    result, _ = walk(range(4), coast=2)
    assert ids(result)[3:8] == [[1], [1], [1], [], []]


def test_what_looks_different_has_not_been_missed():
    tracker = MotsTracker()
    person = box(30)
    tracker.step(scene((person, RED)), [seen(person)])
    assert tracker.step(GROUND, []) == []  # it has gone: nothing there looks like it


def hide_and_come_back(gap: int, **settings) -> list[list[int]]:
    """A person walks behind a wall, and comes out after some frames."""
    tracker = MotsTracker(**settings)
    wall = box(50, top=0, width=3 * gap + 20, height=60)
    result = []
    for t in range(8 + gap + 12):
        person = box(20 + 3 * t) if 20 + 3 * t < 130 else np.zeros(SIZE, bool)
        visible = person & ~wall
        frame = scene((person, RED), (wall, (90, 90, 20)))
        found = [seen(visible)] if visible.sum() > 60 else []
        result.append(tracker.step(frame, found))
    return [row for row in ids(result) if row]


def test_who_comes_back_in_time_is_recognised():
    assert {row[0] for row in hide_and_come_back(8)} == {1}


def test_who_is_hidden_for_too_long_is_new():
    found = hide_and_come_back(8, patience=3)
    assert found[0] == [1]
    assert found[-1] == [2]


def test_who_leaves_the_image_is_forgotten():
    tracker = MotsTracker()
    for t in range(25):
        person = box(60 + 4 * t)
        tracker.step(scene((person, RED)), [seen(person)] if person.any() else [])
    assert tracker.tracks == []
    assert not tracker.seen.any()


def crossing(**settings) -> int:
    """Identity switches when two people in different clothes turn round where they meet."""
    frames, found, known = [], [], []
    for t in range(24):
        x = min(7 + 4 * t, 95 - 4 * t)
        front, back = box(x), box(104 - x)
        visible = back & ~front
        frames.append(scene((back, BLUE), (front, RED)))
        masks = [(1, front)] + ([(2, visible)] if visible.sum() > 60 else [])
        found.append([seen(mask) for _, mask in masks])
        known.append([MotsObject.of(label, 2, mask) for label, mask in masks])
    tracks = track(frames, found, MotsTracker(**settings))
    return len(timeline(MotsSequence.of("meet", known), tracks).switches)


def test_reid_keeps_apart_whom_motion_confuses():
    assert crossing(appearance_weight=0.5) == 0


def test_a_wrong_category_for_once_changes_nothing():
    tracker = MotsTracker()
    person = box(30)
    steps = [
        tracker.step(scene((person, RED)), [seen(person, 0.95, category)])
        for category in (2, 2, 1, 2, 3)
    ]
    assert [[(each.id, each.category) for each in step] for step in steps] == [[(1, 2)]] * 5


def test_what_mots_has_no_category_for_does_not_come_out():
    animal = box(30)
    assert MotsTracker().step(scene((animal, RED)), [seen(animal, 0.95, 3)]) == []


# --- what comes out ---------------------------------------------------------------------------


@st.composite
def proposals(draw):
    found = []
    for _ in range(draw(st.integers(0, 5))):
        left, top = draw(st.integers(0, 100)), draw(st.integers(0, 50))
        mask = box(left, top, draw(st.integers(1, 40)), draw(st.integers(1, 30)))
        found.append(seen(mask, draw(st.floats(0.01, 1)), draw(st.sampled_from([1, 2, 3]))))
    return found


@settings(max_examples=25, deadline=None)
@given(st.lists(proposals(), min_size=1, max_size=6), st.booleans())
def test_masks_never_overlap_and_ids_are_single(frames, use_flow):
    tracker = MotsTracker(use_flow=use_flow)
    for found in frames:
        objects = tracker.step(GROUND, found)
        assert len({each.id for each in objects}) == len(objects)
        total = sum((each.mask.astype(int) for each in objects), np.zeros(SIZE, int))
        assert total.max(initial=0) <= 1
        assert all(each.area > 0 for each in objects)


def test_it_never_looks_ahead_and_a_second_run_is_the_same(noisy):
    frames, found, _ = noisy["high"]
    whole = track(frames, found)
    part = track(frames[:9], found[:9])
    assert ids(whole.frames[:9]) == ids(part.frames)
    assert list(track(frames, found).frames) == list(whole.frames)


def test_memory_is_bounded_in_a_long_video():
    rng = np.random.default_rng(0)
    tracker = MotsTracker(use_flow=False, patience=5)
    most = 0
    for _ in range(300):
        found = [seen(box(rng.integers(0, 100), rng.integers(0, 40))) for _ in range(3)]
        tracker.step(rng.integers(0, 256, (*SIZE, 3), np.uint8), found)
        most = max(most, len(tracker.tracks))
    assert tracker.count > 100  # there were many, and yet
    assert most <= 3 * (5 + 2)


def test_sizes_that_differ_are_refused():
    tracker = MotsTracker()
    with pytest.raises(ValueError, match=r"mask of \(10, 10\), the frame \(60, 120\)"):
        tracker.step(GROUND, [seen(np.ones((10, 10), bool))])
    tracker.step(GROUND, [])
    with pytest.raises(ValueError, match="make another tracker"):
        tracker.step(GROUND[:40], [])


def test_frames_and_detections_must_be_as_many():
    with pytest.raises(ValueError, match="zip"):
        track([GROUND] * 3, [[]] * 2)


# --- in a crowd -------------------------------------------------------------------------------


@cache
def small_crowd(name):
    """A small crowd, its detections at each level, and its truth."""
    video = suite(name, "val", length=1, frames=20, size=(120, 216))[0]
    frames = list(video.frames)
    truth = true_objects(video)
    return {level: (frames, list(detections_of(video, level)), truth) for level in NOISE}


@pytest.fixture(scope="module")
def noisy():
    return small_crowd("crowd")


@pytest.mark.parametrize("level", list(NOISE))
@pytest.mark.parametrize("name", ["crowd", "crowd-camera", "crowd-dense"])
def test_flow_and_reid_beat_plain_overlap_in_every_crowd_at_every_level_of_noise(name, level):
    frames, found, truth = small_crowd(name)[level]
    plain = MotsTracker(use_flow=False, appearance_weight=0)
    rows = [
        scores({"": truth}, {"": track(frames, found, tracker)})
        for tracker in (MotsTracker(), plain)
    ]
    assert rows[0]["sMOTSA"] > rows[1]["sMOTSA"]
    assert rows[0]["HOTA"] > rows[1]["HOTA"]
    assert rows[0]["IDS"] < rows[1]["IDS"]


def test_perfect_detections_leave_only_identities_to_get_wrong(noisy):
    frames, found, truth = noisy["none"]
    tracks = track(frames, found)
    figures = evaluate_mots(truth, tracks, like="mots_tools")
    assert all(each["ALL"]["fn"] == 0 for each in figures.values())


# --- files ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def golden() -> Path:
    root = Path(os.environ.get("VOS_LAB_DATA", Path(__file__).parents[3] / "shared")).absolute()
    if not (root / "golden/mots").is_dir():
        pytest.skip(f"no golden MOTS files in {root}")
    return root / "golden/mots"


@pytest.mark.parametrize("name", ["0001", "9002", "9003", "9005"])
def test_masks_in_the_real_form_are_tracked_and_written_exactly(golden, tmp_path, name):
    file = golden / "trackers/pert/data" / f"{name}.txt"
    given = read_mots_txt(file)
    last = max(int(given.numbers.stop), 1)
    found = read_detections(file, range(last))[:12]
    size = next((d.mask.shape for frame in found for d in frame), (10, 10))
    black = np.zeros((*size, 3), np.uint8)
    tracks = track([black] * len(found), found, MotsTracker(use_flow=False, coast=0), name)
    # All masks come out as they went in; only the identities are ours.
    for t in range(len(found)):
        known = (
            {each.rle for each in given.frames[t] if each.category in (1, 2)}
            if t < len(given)
            else set()
        )
        assert {each.rle for each in tracks.frames[t]} == known
    write_mots_txt(tmp_path / "result.txt", tracks)
    again = read_mots_txt(tmp_path / "result.txt", tracks.numbers)
    assert list(again.frames) == list(tracks.frames)


def test_the_command_tracks_a_folder_and_evaluate_mots_reads_the_result(tmp_path, noisy):
    frames, found, truth = noisy["low"]
    for folder in ("images/0002", "gt", "found"):
        (tmp_path / folder).mkdir(parents=True)
    for t, frame in enumerate(frames):
        cv2.imwrite(str(tmp_path / f"images/0002/{t:06d}.png"), frame[..., ::-1])
    write_mots_txt(tmp_path / "gt/0002.txt", truth)
    with (tmp_path / "0002.txt").open("w") as lines:
        for t, each in enumerate(found):
            for d in each:
                rle = rle_to_string(rle_encode(d.mask))
                print(t, 0, 0, 1, 1, d.score, d.category, *d.mask.shape, rle, 0.5, file=lines)
    runner = CliRunner()
    arguments = [tmp_path / "images/0002", tmp_path / "0002.txt", tmp_path / "found/0002.txt"]
    done = runner.invoke(app, ["track-mots", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    assert "tracks in 20 frames" in done.output
    judged = runner.invoke(app, ["evaluate-mots", str(tmp_path / "gt"), str(tmp_path / "found")])
    assert judged.exit_code == 0, judged.output
    ours = read_mots_txt(tmp_path / "found/0002.txt", truth.numbers)
    assert scores({"": truth}, {"": ours})["sMOTSA"] > 0.5


def test_detections_that_are_damaged_are_refused_with_their_line(tmp_path):
    file = tmp_path / "0002.txt"
    for text, problem in (
        ("0 0 0 1 2 0.9 1 2 3 231\n0 1 2", "line 2: has 3 fields, those before 10"),
        ("0 0 0 1 2 high 1 2 3 231", "line 1: is neither"),
        ("5 0 0 1 2 0.9 1 2 3 231", "line 1: frame 5, the video has 0 to 2"),
        ("0 0 0 1 2 7.5 1 2 3 231", "line 1: the score is 7.5"),
    ):
        file.write_text(text)
        with pytest.raises(ValueError, match=problem):
            read_detections(file, range(3))
    file.write_text("1 0 0 1 2 0.9 1 2 3 239")
    with pytest.raises(ValueError, match=r"0002.txt, line 1: the runs are"):
        read_detections(file, range(3))[1]
    with pytest.raises(FileNotFoundError, match="no such file of detections"):
        read_detections(tmp_path / "none.txt", range(3))
