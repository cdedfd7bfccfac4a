"""MOTS measures: those of mots_tools and of TrackEval, and what they mean in small cases."""

import csv
import io
import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rich.console import Console

from vos_lab.datasets import mots
from vos_lab.datasets.mots import (
    IGNORE,
    MotsObject,
    MotsSequence,
    read_mots_txt,
    write_mots_png,
    write_mots_txt,
)
from vos_lab.metrics.mots import (
    evaluate_mots,
    evaluate_mots_folders,
    match_masks,
    smotsa,
    tables,
    write_csv,
)
from vos_lab.metrics.mots.overlap import find_overlaps

SIZE = (10, 20)


def mask_of(first, last, size=SIZE):
    """The columns from ``first`` up to, and without, ``last``."""
    mask = np.zeros(size, bool)
    mask[:, first:last] = True
    return mask


def thing(id, first, last, category=1):
    return MotsObject.of(id, category, mask_of(first, last))


def video(*frames, name="street"):
    return MotsSequence.of(name, frames)


def like_trackeval(truth, result, category="car"):
    return evaluate_mots(truth, result, "trackeval")[category]["ALL"]


def like_mots_tools(truth, result, category="car"):
    return evaluate_mots(truth, result, "mots_tools")[category]["ALL"]


# --- as the peers -----------------------------------------------------------------------------


def differences(ours, theirs, path=()):
    """Where two results differ by more than 1e-9."""
    if isinstance(theirs, dict):
        return [
            each
            for key, value in theirs.items()
            for each in differences(ours[key], value, (*path, key))
        ]
    a, b = np.asarray(ours, float), np.asarray(theirs, float)
    with np.errstate(invalid="ignore"):  # infinity less infinity
        same = a.shape == b.shape and np.all((a == b) | (np.abs(a - b) < 1e-9))
    return [] if same else [(path, ours, theirs)]


@pytest.fixture
def golden(real_data):
    folder = real_data / "golden/mots"
    if not folder.is_dir():
        pytest.skip("no golden numbers of MOTS")
    return folder


@pytest.mark.parametrize("like", ["mots_tools", "trackeval"])
def test_every_golden_figure(golden, like):
    result = evaluate_mots_folders(golden / "gt", golden / "trackers/pert", like, progress=False)
    official = json.loads((golden / f"golden_{like}.json").read_text())
    assert sorted(result["car"]) == sorted(official["car"])
    assert differences(result, official) == []


@pytest.mark.parametrize("like", ["mots_tools", "trackeval"])
def test_small_blocks_and_png_files_change_nothing(golden, like, tmp_path, monkeypatch):
    names = ["9002", "9005"]
    whole = evaluate_mots_folders(
        golden / "gt", golden / "trackers/pert", like, sequences=names, progress=False
    )
    monkeypatch.setattr(mots, "BLOCK", 300)
    lengths = {"9002": 10, "9005": 12}
    for name in names:
        for side, folder in (("gt/label_02", "truth"), ("trackers/pert/data", "mine")):
            sequence = read_mots_txt(golden / side / f"{name}.txt", range(lengths[name]))
            write_mots_png(tmp_path / folder / name, sequence)
    parts = evaluate_mots_folders(tmp_path / "truth", tmp_path / "mine", like, progress=False)
    for category in whole:
        for name in names:
            assert differences(parts[category][name], whole[category][name]) == []


# --- what meets what --------------------------------------------------------------------------

frames_of_ids = st.lists(
    st.tuples(
        *[arrays(np.uint16, (3, 5), elements=st.sampled_from([0, 1001, 1002, 2001, 10000]))] * 2
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(frames=frames_of_ids)
def test_the_pixels_that_masks_share_are_counted(frames):
    def sequence(side):
        return MotsSequence.of(
            "x",
            [
                [
                    MotsObject.of(int(i), int(i) // 1000, pair[side] == i)
                    for i in np.unique(pair[side])
                    if i
                ]
                for pair in frames
            ],
        )

    overlaps = find_overlaps(sequence(0), sequence(1), {"car": 1})["car"]
    expected, areas, ignored = [], [], []
    for t, (truth, result) in enumerate(frames):
        for theirs in (1001, 1002):
            if (mask := result == theirs).any():
                areas.append(mask.sum())
                ignored.append((mask & (truth == 10000)).sum() / mask.sum())
        for ours in (1001, 1002):
            for theirs in (1001, 1002):
                shared = np.count_nonzero((truth == ours) & (result == theirs))
                union = np.count_nonzero((truth == ours) | (result == theirs))
                if shared:
                    expected.append((t, shared, shared / union))
    found = zip(overlaps.pair_frame, overlaps.shared, overlaps.iou, strict=True)
    assert [(int(t), int(n), float(iou)) for t, n, iou in found] == expected
    assert overlaps.result_area.tolist() == areas
    assert overlaps.ignored.tolist() == ignored


# --- what the measures mean -------------------------------------------------------------------


def test_a_perfect_tracker():
    truth = video([thing(1001, 0, 5), thing(2001, 8, 12, 2)], [thing(1001, 1, 6)], [])
    for category in ("car", "pedestrian"):
        figures = like_mots_tools(truth, truth, category)
        assert [figures[key] for key in ("sMOTSA", "MOTSA", "MOTSP", "MT")] == [1] * 4
        figures = like_trackeval(truth, truth, category)
        assert figures["HOTA"]["HOTA"] == [1] * 19
        assert figures["CLEAR"]["sMOTA"] == figures["Identity"]["IDF1"] == 1


def test_one_object_with_two_tracks():
    """Half of its frames each: nothing is missed, but only half of the association is right."""
    truth = video(*[[thing(1001, 0, 5)]] * 4)
    result = video(*[[thing(k, 0, 5)] for k in (1, 1, 2, 2)])
    figures = like_trackeval(truth, result)
    assert figures["HOTA"]["DetA"][0] == 1
    assert figures["HOTA"]["AssA"][0] == 0.5
    assert figures["HOTA"]["HOTA"][0] == math.sqrt(0.5)
    assert figures["HOTA"]["AssRe"][0] == 0.5
    assert figures["HOTA"]["AssPr"][0] == 1
    assert figures["Identity"]["IDF1"] == like_mots_tools(truth, result)["IDF1"] == 0.5
    assert figures["CLEAR"]["IDSW"] == like_mots_tools(truth, result)["id_switches"] == 1
    assert figures["CLEAR"]["MOTA"] == like_mots_tools(truth, result)["MOTSA"] == 0.75


def test_soft_matches_count_as_much_as_they_agree():
    truth, result = video([thing(1001, 0, 4)]), video([thing(1, 0, 3)])
    assert like_mots_tools(truth, result)["sMOTSA"] == 0.75
    assert like_mots_tools(truth, result)["MOTSA"] == 1
    hota = like_trackeval(truth, result)["HOTA"]
    assert hota["HOTA"] == [1] * 15 + [0] * 4  # alpha up to 0.75
    assert hota["LocA"] == [0.75] * 15 + [1] * 4


def test_at_one_half_only_trackeval_matches():
    truth, result = video([thing(1001, 0, 4)]), video([thing(1, 0, 2)])
    assert like_mots_tools(truth, result)["tp"] == 0
    assert like_trackeval(truth, result)["CLEAR"]["CLR_TP"] == 1


def test_where_two_tracks_match_the_one_that_goes_on_is_taken():
    halves = [thing(1, 0, 2), thing(2, 2, 4)]
    truth = video(*[[thing(1001, 0, 4)]] * 3)
    for before in (1, 2):
        result = video([thing(before, 0, 4)], halves, halves)
        clear = like_trackeval(truth, result)["CLEAR"]
        assert (clear["CLR_TP"], clear["CLR_FP"], clear["IDSW"]) == (3, 2, 0)


def test_fragments_are_counted_in_two_ways():
    truth = video(*[[thing(1001, 0, 4)]] * 5)
    # An object is lost for one frame, and found again by the same track.
    result = video(*[[thing(1, 0 if t != 2 else 9, 4 if t != 2 else 13)] for t in range(5)])
    assert like_trackeval(truth, result)["CLEAR"]["Frag"] == 1
    assert like_mots_tools(truth, result)["fragments"] == 1
    # TrackEval overlooks that where the tracker has no mask at all in this frame.
    result = video(*[[thing(1, 0, 4)] * (t != 2) for t in range(5)])
    assert like_trackeval(truth, result)["CLEAR"]["Frag"] == 0
    assert like_mots_tools(truth, result)["fragments"] == 1
    # For mots_tools, another track without a gap is a new fragment too.
    result = video(*[[thing(1 + (t > 2), 0, 4)] for t in range(5)])
    assert like_trackeval(truth, result)["CLEAR"]["Frag"] == 0
    assert like_mots_tools(truth, result)["fragments"] == 1
    # And in its last frame an object has one even if it was never tracked before.
    result = video([], [], [], [], [thing(1, 0, 4)])
    assert like_trackeval(truth, result)["CLEAR"]["Frag"] == 0
    assert like_mots_tools(truth, result)["fragments"] == 1


def test_mostly_partly_and_hardly_tracked():
    truth = video(*[[thing(1001, 0, 4), thing(1002, 5, 9), thing(1003, 10, 14)]] * 10)
    found = [
        [thing(1, 0, 4)] * (t < 9) + [thing(2, 5, 9)] * (t < 8) + [thing(3, 10, 14)] * (t < 1)
        for t in range(10)
    ]
    clear = like_trackeval(truth, video(*found))["CLEAR"]
    assert (clear["MT"], clear["PT"], clear["ML"]) == (1, 1, 1)
    figures = like_mots_tools(truth, video(*found))
    assert [figures[key] for key in ("MT", "PT", "ML")] == [1 / 3] * 3


def test_what_lies_in_a_region_to_ignore_is_not_held_against_a_tracker():
    region = MotsObject.of(10000, IGNORE, mask_of(10, 20))
    truth = video([thing(1001, 0, 4), region])
    # More than half inside, exactly half inside, and matched although ... outside.
    result = video([thing(1, 0, 4), thing(2, 9, 12), thing(3, 12, 20)])
    figures = like_mots_tools(truth, result)
    assert (figures["tp"], figures["fp"], figures["n_itr"]) == (1, 0, 2)
    clear = like_trackeval(truth, result)["CLEAR"]
    assert (clear["CLR_TP"], clear["CLR_FP"]) == (1, 0)
    result = video([thing(1, 0, 4), thing(2, 8, 12)])
    assert like_mots_tools(truth, result)["fp"] == 1
    assert like_trackeval(truth, result)["CLEAR"]["CLR_FP"] == 1


def test_a_category_is_judged_for_itself():
    truth = video([thing(1001, 0, 4), thing(2001, 5, 9, 2)])
    result = video([thing(1, 0, 4, 2), thing(2, 5, 9, 2)])
    assert like_trackeval(truth, result, "car")["CLEAR"]["CLR_FN"] == 1
    pedestrian = like_trackeval(truth, result, "pedestrian")["CLEAR"]
    assert (pedestrian["CLR_TP"], pedestrian["CLR_FP"]) == (1, 1)


def test_nothing_to_find_or_nothing_found():
    nothing, something = video([], []), video([thing(1001, 0, 4)], [])
    figures = like_mots_tools(nothing, something)
    assert (figures["sMOTSA"], figures["MOTSA"], figures["fp"]) == (-math.inf, -math.inf, 1)
    figures = like_mots_tools(something, nothing)
    assert (figures["sMOTSA"], figures["MOTSP"], figures["ML"]) == (0, math.inf, 1)
    for truth, result in ((nothing, something), (something, nothing), (nothing, nothing)):
        figures = like_trackeval(truth, result)
        assert figures["HOTA"]["HOTA"] == [0] * 19
        assert figures["Identity"]["IDF1"] == 0


def test_several_sequences_are_added_up_not_averaged():
    short = video([thing(1001, 0, 4)])
    long = video(*[[thing(1001, 0, 4)]] * 9)
    nothing = {"short": video([]), "long": long}
    for like, path in (("mots_tools", ["MOTSA"]), ("trackeval", ["CLEAR", "MOTA"])):
        figures = evaluate_mots({"short": short, "long": long}, nothing, like)["car"]
        values = {name: figures[name] for name in ("short", "long", "ALL")}
        for key in path:
            values = {name: value[key] for name, value in values.items()}
        assert values == {"short": 0, "long": 1, "ALL": 0.9}
    assert (
        evaluate_mots({"short": short, "long": long}, nothing)["car"]["ALL"]["HOTA"]["DetA"][0]
        == 0.9
    )


def test_the_evaluator_runs_on_a_students_functions():
    truth, result = video([thing(1001, 0, 4)]), video([thing(1, 0, 2)])

    def from_one_half_on(shared, truth_area, result_area):
        iou = shared / (np.add.outer(truth_area, result_area) - shared)
        rows, columns = np.nonzero(iou >= 0.5)
        return rows, columns, iou[rows, columns]

    assert like_mots_tools(truth, result)["tp"] == 0
    match_masks.adopt(from_one_half_on)
    smotsa.adopt(lambda ious, false_positives, id_switches, truth_masks: 42.0)
    try:
        figures = like_mots_tools(truth, result)
        assert (figures["tp"], figures["sMOTSA"]) == (1, 42)
        assert like_trackeval(truth, result)["CLEAR"]["sMOTA"] == 42
    finally:
        match_masks.restore()
        smotsa.restore()


# --- what is wrong is named -------------------------------------------------------------------


def test_sequences_that_do_not_fit_are_refused():
    truth = video([thing(1001, 0, 4)])
    with pytest.raises(ValueError, match="no mode 'coco'; there are mots_tools and trackeval"):
        evaluate_mots(truth, truth, "coco")
    with pytest.raises(ValueError, match="has the frames 0 to 1, but street has 0 to 0"):
        evaluate_mots(truth, video([], []))
    other = MotsSequence.of("mine", [[MotsObject.of(1, 1, mask_of(0, 2, (10, 21)))]])
    with pytest.raises(ValueError, match=r"mine, .* 21 x 10 pixels, that of street, .* 20 x 10"):
        evaluate_mots(truth, other)
    with pytest.raises(ValueError, match="has no frame"):
        evaluate_mots(video(), video())
    with pytest.raises(ValueError, match="no sequence"):
        evaluate_mots({}, {})


@pytest.fixture
def folders(tmp_path):
    """Truth and result of two sequences, with a seqmap."""
    for name in ("0001", "0002"):
        truth = video([thing(1001, 0, 4)], [thing(1001, 0, 4)])
        write_mots_txt(tmp_path / f"gt/instances_txt/{name}.txt", truth)
        write_mots_txt(tmp_path / f"mine/{name}.txt", video([thing(7, 0, 3)], []))
    (tmp_path / "gt/val.seqmap").write_text("0001 empty 0 2\n0002 empty 0 3\n")
    return tmp_path


def evaluate(folders, **options):
    return evaluate_mots_folders(
        folders / "gt", folders / "mine", **{"like": "mots_tools", "progress": False} | options
    )["car"]


def test_a_seqmap_says_which_sequences_and_how_long(folders):
    assert evaluate(folders)["ALL"]["total_num_frames"] == 7
    assert evaluate(folders)["0002"]["total_num_frames"] == 4
    other = folders / "one.txt"
    other.write_text("0002 empty 0 8\n")
    figures = evaluate(folders, seqmap=other)
    assert list(figures) == ["0002", "ALL"]
    assert figures["ALL"]["total_num_frames"] == 9
    (folders / "gt/val.seqmap").unlink()
    assert evaluate(folders)["0001"]["total_num_frames"] == 2  # to the last mask
    assert list(evaluate(folders, sequences=["0001"])) == ["0001", "ALL"]


def test_frames_of_mots20_count_from_1(tmp_path):
    for side in ("gt", "mine"):
        truth = MotsSequence.of("x", [[thing(2001, 0, 4, 2)], []], first=1)
        write_mots_txt(tmp_path / side / "MOTS20-02/gt/gt.txt", truth)
    (tmp_path / "gt/MOTS20-02/seqinfo.ini").write_text("[Sequence]\nseqLength=3\n")
    paths = tmp_path / "gt", tmp_path / "mine"
    clear = evaluate_mots_folders(*paths, progress=False)["pedestrian"]["ALL"]["CLEAR"]
    assert clear["CLR_Frames"] == 3
    # mots_tools counts a frame 0 that is not there.
    figures = evaluate_mots_folders(*paths, "mots_tools", progress=False)["pedestrian"]["ALL"]
    assert figures["total_num_frames"] == 4


STRIPE = thing(1, 2, 4).rle


@pytest.mark.parametrize(
    ("side", "text", "reason"),
    [
        ("gt/instances_txt", f"0 1002 1 10 20 {STRIPE}\n", "3: it overlaps another .*line 1"),
        ("mine", f"0 7 1 10 20 {STRIPE}\n", "2: frame 0 has object 7 a second time"),
        ("mine", f"0 8 1 10 20 {STRIPE}\n", r"2: it overlaps another mask .*line 1\)"),
        ("mine", "1 8 1 10 20 0P3\n", "2: its runs reach to pixel 96, the image has 200"),
        ("mine", "1 8 1 10 20 0P3h\n", "2: its run lengths '0P3h' are cut off"),
        ("mine", "1 8 1 10\n", "2: has 4 fields"),
        ("mine", f"1 8 1 20 10 {STRIPE}\n", "2: the mask belongs to an image of 10 x 20"),
        ("mine", f"3 8 1 10 20 {STRIPE}\n", "2: frame 3 is beyond the video, .* 0 to 2"),
    ],
)
@pytest.mark.parametrize("like", ["mots_tools", "trackeval"])
def test_a_wrong_line_is_named(folders, side, text, reason, like):
    file = folders / side / "0001.txt"
    file.write_text(file.read_text() + text)
    with pytest.raises(ValueError, match=rf"0001\.txt, line {reason}"):
        evaluate(folders, like=like)


def test_results_of_another_size_are_refused(folders):
    small = MotsSequence.of("x", [[MotsObject.of(1, 1, mask_of(0, 2, (5, 10)))]])
    write_mots_txt(folders / "mine/0002.txt", small)
    with pytest.raises(ValueError, match=r"0002\.txt, line 1: .* 10 x 5 pixels.* 20 x 10"):
        evaluate(folders)


def test_a_missing_sequence_is_named_and_an_empty_one_is_not(folders):
    (folders / "mine/0002.txt").write_text("")
    assert evaluate(folders)["0002"]["fn"] == 2
    (folders / "mine/0002.txt").unlink()
    with pytest.raises(FileNotFoundError, match="mine: has no sequence 0002; it has 0001"):
        evaluate(folders)
    (folders / "gt/instances_txt/0002.txt").unlink()
    with pytest.raises(FileNotFoundError, match="gt: has no sequence 0002"):
        evaluate(folders)


def test_without_a_mask_and_a_seqmap_nobody_knows_how_many_frames(folders):
    (folders / "gt/val.seqmap").unlink()
    for file in ("gt/instances_txt/0001.txt", "mine/0001.txt"):
        (folders / file).write_text("")
    with pytest.raises(ValueError, match="how many frames"):
        evaluate(folders)


# --- tables, memory ---------------------------------------------------------------------------


@pytest.mark.parametrize("like", ["mots_tools", "trackeval"])
def test_tables_and_csv(folders, like, tmp_path):
    result = evaluate_mots_folders(folders / "gt", folders / "mine", like, progress=False)
    console = Console(width=200, record=True, file=io.StringIO())
    for table in tables(result):
        console.print(table)
    text = console.export_text()
    assert "car, as " in text
    assert "pedestrian" not in text  # there is none
    write_csv(result, tmp_path / "new/table.csv")
    with open(tmp_path / "new/table.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["category"], row["sequence"]) for row in rows[:3]] == [
        ("car", "0001"),
        ("car", "0002"),
        ("car", "ALL"),
    ]
    smotsa_column, hota = ("sMOTSA", None) if like == "mots_tools" else ("CLEAR sMOTA", "HOTA HOTA")
    assert float(rows[2][smotsa_column]) == 0.375
    if hota:
        expected = np.mean(result["car"]["ALL"]["HOTA"]["HOTA"])
        assert float(rows[2][hota]) == pytest.approx(expected)


LONG_SEQUENCE = """
import sys
from pathlib import Path
import numpy as np
from vos_lab.datasets.mots import MotsObject
from vos_lab.metrics.mots import evaluate_mots_folders

size, count = (1080, 1920), 30
y, x = np.ogrid[: size[0], : size[1]]
shapes = []
for k in range(count):
    centre = 90 + 180 * (k // 10), 90 + 180 * (k % 10)
    mask = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < (60 + k) ** 2
    shapes.append([MotsObject.of(2001 + k, 2, np.roll(mask, 20 * s, axis=1)).rle for s in range(4)])
for side, shift in (("truth", 0), ("mine", 1)):
    with open(f"{sys.argv[1]}/{side}/0001.txt", "w") as file:
        for t in range(1000):
            for k, rles in enumerate(shapes):
                rle = rles[(t // 50 + shift * (t % 7 == 0)) % 4]
                file.write(f"{t} {2001 + k} 2 {size[0]} {size[1]} {rle}\\n")
result = evaluate_mots_folders(f"{sys.argv[1]}/truth", f"{sys.argv[1]}/mine", progress=False)
print(result["pedestrian"]["ALL"]["CLEAR"]["CLR_TP"])
status = Path("/proc/self/status").read_text()
print(1024 * int(status.split("VmHWM:")[1].split()[0]))
"""


# Not ru_maxrss, which begins at what the process that started this one had in memory.
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the memory of a process so")
def test_1000_frames_of_1080p_take_less_than_a_gigabyte(tmp_path):
    for side in ("truth", "mine"):
        (tmp_path / side).mkdir()
    done = subprocess.run(
        [sys.executable, "-c", LONG_SEQUENCE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    found, peak = map(int, done.stdout.split())
    assert 25_000 < found <= 30_000
    assert peak < 1_000_000_000
