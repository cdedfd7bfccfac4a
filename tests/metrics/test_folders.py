"""Folders of masks: every layout scores the same, and everything wrong is named."""

import csv
import json
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from vos_lab.cli import app
from vos_lab.metrics import jaccard, mask_boundary
from vos_lab.metrics.folders import evaluate_folders, sequence_folders, table, write_csv
from vos_lab.metrics.videos import evaluate_video
from vos_lab.video import write_mask

FRAMES, SIZE = 12, (24, 40)


def labels(seed, objects=2, frames=FRAMES):
    generator = np.random.default_rng(seed)
    maps = np.zeros((frames, *SIZE), np.uint8)
    for t in range(frames):
        for label in range(1, objects + 1):
            y, x = generator.integers(0, 12), generator.integers(0, 25)
            maps[t, y : y + 9, x : x + 12] = label
        maps[t, -1, :objects] = range(1, objects + 1)
    return maps


def write(folder, maps, grey=False):
    for t, mask in enumerate(maps):
        if grey:
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray((mask > 0).astype(np.uint8) * 255).save(folder / f"{t:05d}.png")
        else:
            write_mask(folder / f"{t:05d}.png", mask)
    return folder


@pytest.fixture
def folders(tmp_path):
    """Two sequences of two objects, in sequence folders."""
    for name, seed in (("cat", 0), ("dog", 10)):
        write(tmp_path / "truth" / name, labels(seed))
        write(tmp_path / "mine" / name, labels(seed + 1))
    return tmp_path


def evaluate(truth, prediction, **options):
    return evaluate_folders(truth, prediction, **{"progress": False, "processes": 1} | options)


def test_a_folder_scores_as_the_arrays_in_it(folders):
    result = evaluate(folders / "truth", folders / "mine")
    for name, seed in (("cat", 0), ("dog", 10)):
        expected = evaluate_video(labels(seed + 1), labels(seed))
        assert result["sequences"][name]["objects"] == expected["objects"]
        assert result["sequences"][name]["frames"][0] == "00001"
        assert len(result["sequences"][name]["frames"]) == FRAMES - 2
    objects = [each for seq in result["sequences"].values() for each in seq["objects"].values()]
    assert len(objects) == 4
    mean = np.mean([each["F"]["mean"] for each in objects])
    assert result["overall"]["F"]["mean"] == pytest.approx(mean, abs=1e-15)
    json.dumps(result)


def test_several_processes_score_as_one(folders):
    one = evaluate(folders / "truth", folders / "mine")
    assert evaluate(folders / "truth", folders / "mine", processes=2) == one


def test_a_davis_root_and_a_plain_folder_score_the_same(folders):
    expected = evaluate(folders / "truth", folders / "mine")
    root = folders / "DAVIS"
    shutil.copytree(folders / "truth", root / "Annotations" / "480p")
    shutil.copytree(folders / "truth", root / "Annotations" / "1080p")
    assert evaluate(root, folders / "mine") == expected
    (root / "Annotations" / "480p" / "cat" / "._00000.png").write_bytes(b"left by a Mac")
    assert evaluate(root / "Annotations", folders / "mine") == expected
    plain = evaluate(folders / "truth" / "cat", folders / "mine" / "cat")
    assert plain["sequences"]["cat"] == expected["sequences"]["cat"]
    (folders / "mine" / "cat").rename(folders / "result")
    plain = evaluate(folders / "truth" / "cat", folders / "result")
    assert plain["sequences"]["cat"] == expected["sequences"]["cat"]


def test_named_sequences_only(folders):
    shutil.rmtree(folders / "mine" / "cat")
    result = evaluate(folders / "truth", folders / "mine", sequences=["dog"])
    assert list(result["sequences"]) == ["dog"]


def test_black_and_white_truth_means_one_object_whatever_the_labels(folders):
    write(folders / "binary" / "cat", labels(0), grey=True)
    result = evaluate(folders / "binary", folders / "mine" / "cat")
    assert list(result["sequences"]["cat"]["objects"]) == ["1"]
    values = result["sequences"]["cat"]["objects"]["1"]["values"]["J"]
    assert values == jaccard(labels(1) > 0, labels(0) > 0)[1:-1].tolist()
    # The same from label maps, when asked for.
    merged = evaluate(folders / "truth", folders / "mine", sequences=["cat"], single=True)
    assert merged["overall"] == result["overall"]
    # And black and white predictions of one object.
    write(folders / "grey" / "cat", labels(1), grey=True)
    assert evaluate(folders / "binary", folders / "grey")["overall"] == result["overall"]


def test_black_and_white_is_seen_even_if_the_first_frames_are_empty(tmp_path):
    maps = labels(0)
    maps[:2] = 0
    write(tmp_path / "truth", maps, grey=True)
    write(tmp_path / "mine", maps * 2)
    assert evaluate(tmp_path / "truth", tmp_path / "mine")["overall"]["JF"] == 1.0


def test_first_and_last_frame_count_only_when_asked_for(folders):
    broken = labels(1)
    write(folders / "truth" / "cat", broken)
    broken[[0, -1]] = 0
    write(folders / "mine" / "cat", broken)
    options = {"sequences": ["cat"]}
    assert evaluate(folders / "truth", folders / "mine", **options)["overall"]["JF"] == 1.0
    whole = evaluate(folders / "truth", folders / "mine", **options, all_frames=True)
    assert whole["overall"]["J"]["mean"] == pytest.approx((FRAMES - 2) / FRAMES)


def test_unsupervised_matches_proposals(folders):
    maps = labels(0)
    write(folders / "proposals" / "cat", np.choose(maps, [0, 9, 1]).astype(np.uint8))
    result = evaluate(
        folders / "truth", folders / "proposals", sequences=["cat"], unsupervised=True
    )
    assert result["overall"]["JF"] == 1.0
    assert len(result["sequences"]["cat"]["frames"]) == FRAMES
    write(folders / "proposals" / "cat", maps * 15)
    with pytest.raises(ValueError, match=r"00000\.png: holds the label 30, but at most 20"):
        evaluate(folders / "truth", folders / "proposals", sequences=["cat"], unsupervised=True)


def test_short_sequences_and_late_objects_are_noted(tmp_path):
    write(tmp_path / "truth", labels(0, frames=2))
    result = evaluate(tmp_path / "truth", tmp_path / "truth")
    assert "only 2 frames" in result["sequences"]["truth"]["notes"][0]
    late = labels(0)
    late[5, 0, 0] = 3
    write(tmp_path / "late", late)
    write(tmp_path / "mine", labels(0))
    notes = evaluate(tmp_path / "late", tmp_path / "mine")["sequences"]["late"]["notes"]
    assert notes == ["object 3 appears after the first frame (00005.png): not scored"]


# --- what is wrong is named, before there is any number ---------------------------------------


def test_a_missing_frame_is_named(folders):
    (folders / "mine" / "dog" / "00003.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"dog/00003\.png: is missing"):
        evaluate(folders / "truth", folders / "mine")


def test_a_missing_sequence_is_named(folders):
    shutil.rmtree(folders / "mine" / "cat")
    write(folders / "mine" / "bird", labels(0))
    with pytest.raises(FileNotFoundError, match=r"mine: has no sequence cat\. It has bird, dog"):
        evaluate(folders / "truth", folders / "mine")
    with pytest.raises(FileNotFoundError, match="truth: has no sequence horse"):
        evaluate(folders / "truth", folders / "mine", sequences=["horse"])


def test_another_size_is_named(folders):
    write_mask(folders / "mine" / "dog" / "00007.png", np.zeros((24, 41), np.uint8))
    with pytest.raises(ValueError, match=r"dog/00007\.png: is 41 x 24 pixels, but .* is 40 x 24"):
        evaluate(folders / "truth", folders / "mine")


@pytest.mark.parametrize("processes", [1, 2])
def test_a_surplus_object_is_named(folders, processes):
    surplus = labels(11)
    surplus[6, 0, 0] = 3
    write(folders / "mine" / "dog", surplus)
    message = r"dog/00006\.png: holds the label 3, but the truth of dog has 2 objects"
    with pytest.raises(ValueError, match=message):
        evaluate(folders / "truth", folders / "mine", processes=processes)


def test_a_mask_saved_as_colours_is_named(folders):
    path = folders / "mine" / "dog" / "00004.png"
    Image.open(path).convert("RGB").save(path)
    with pytest.raises(ValueError, match=r"dog/00004\.png: is saved as RGB"):
        evaluate(folders / "truth", folders / "mine")


def test_black_and_white_cannot_stand_for_two_objects(folders):
    write(folders / "mine" / "dog", labels(1), grey=True)
    with pytest.raises(ValueError, match=r"dog/00001\.png: holds the label 255"):
        evaluate(folders / "truth", folders / "mine")


def test_a_file_that_is_cut_off_is_named(folders):
    path = folders / "mine" / "dog" / "00004.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:20])
    with pytest.raises(ValueError, match=r"dog/00004\.png: is not a PNG file, or is cut off"):
        evaluate(folders / "truth", folders / "mine")
    path.write_bytes(whole[:-30])
    with pytest.raises(ValueError, match=r"dog/00004\.png"):
        evaluate(folders / "truth", folders / "mine")


def test_no_folder_or_nothing_in_it_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: there is no such folder"):
        sequence_folders(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="holds neither PNG masks"):
        sequence_folders(tmp_path)


# --- a student's version, tables --------------------------------------------------------------


@pytest.mark.parametrize("processes", [1, 2])
def test_evaluation_runs_on_adopted_functions(folders, processes):
    jaccard.adopt(lambda prediction, truth, void=None: 0.25)
    mask_boundary.adopt(np.zeros_like)
    try:
        result = evaluate(folders / "truth", folders / "mine", processes=processes)
    finally:
        jaccard.restore()
        mask_boundary.restore()
    assert result["overall"]["J"]["mean"] == 0.25
    assert result["overall"]["F"]["mean"] == 1.0


def test_csv_has_a_row_for_each_sequence_and_object(folders):
    result = evaluate(folders / "truth", folders / "mine")
    write_csv(result, folders / "out" / "scores.csv")
    with open(folders / "out" / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["sequence"], row["object"]) for row in rows] == [
        ("cat", "1"),
        ("cat", "2"),
        ("cat", "all"),
        ("dog", "1"),
        ("dog", "2"),
        ("dog", "all"),
        ("all", "all"),
    ]
    assert float(rows[-1]["J&F"]) == result["overall"]["JF"]
    assert float(rows[1]["F decay"]) == result["sequences"]["cat"]["objects"]["2"]["F"]["decay"]


def test_the_table_shows_every_object_and_the_notes(tmp_path):
    write(tmp_path / "cat", labels(0, frames=2))
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table(evaluate(tmp_path / "cat", tmp_path / "cat"), title="Mine"))
    text = console.export_text()
    assert "Mine" in text
    assert text.count("100.0") == 4 * 5
    assert "cat: only 2 frames" in text


def test_golden_folders_as_the_official_evaluator(real_data):
    golden = real_data / "golden" / "davis16_osvos"
    if not golden.is_dir():
        pytest.skip("no golden numbers")
    names = ["drift-straight", "libby"]
    result = evaluate(real_data / "davis2016", golden / "masks", sequences=names, processes=2)
    official = json.loads((golden / "golden.json").read_text())["sequences"]
    assert list(result["sequences"]) == names
    for name in names:
        for measure in "JF":
            for key, value in result["sequences"][name][measure].items():
                due = official[name]["excl_first_last"][f"{measure}_{key}"]
                assert value == pytest.approx(due, abs=1e-12)


# --- files as people have them ----------------------------------------------------------------


def test_frames_are_ordered_by_their_numbers_not_by_the_alphabet(tmp_path):
    maps = labels(0, objects=1)
    bad = maps.copy()
    bad[-1] = 0  # the last frame does not count, and 9.png comes last in the alphabet
    for name, pattern in (("padded", "{:05d}.png"), ("bare", "{}.png")):
        for folder, masks in (("truth", maps), ("mine", bad)):
            for t, mask in enumerate(masks):
                write_mask(tmp_path / name / folder / pattern.format(t), mask)
    results = [
        evaluate(tmp_path / name / "truth", tmp_path / name / "mine") for name in ("padded", "bare")
    ]
    assert [result["overall"]["JF"] for result in results] == [1, 1]
    frames = results[1]["sequences"]["truth"]["frames"]
    assert frames == [str(t) for t in range(1, FRAMES - 1)]


def test_no_frame_is_dropped_for_the_case_of_its_ending(tmp_path):
    maps = labels(0)
    write(tmp_path / "truth", maps)
    write(tmp_path / "mine", maps)
    for folder, name in (("truth", "00003"), ("mine", "00005")):
        file = tmp_path / folder / f"{name}.png"
        file.rename(file.with_suffix(".PNG"))
    result = evaluate(tmp_path / "truth", tmp_path / "mine", all_frames=True)
    assert len(result["sequences"]["truth"]["frames"]) == FRAMES
    for ending in ("jpg", "JPG", "JPEG", "bmp"):
        stray = (tmp_path / "truth/00004.png").rename(tmp_path / f"truth/00004.{ending}")
        with pytest.raises(ValueError, match=rf"00004\.{ending}: is no PNG, as the masks beside"):
            evaluate(tmp_path / "truth", tmp_path / "mine")
        stray.rename(tmp_path / "truth/00004.png")
    (tmp_path / "mine/00004.png").rename(tmp_path / "mine/00004.JPG")
    with pytest.raises(FileNotFoundError, match=r"00004\.png: is missing.*There is 00004\.JPG"):
        evaluate(tmp_path / "truth", tmp_path / "mine")


def test_frames_beside_their_masks_do_no_harm(tmp_path):
    write(tmp_path / "truth", labels(0))
    for t in range(FRAMES):
        (tmp_path / f"truth/{t:05d}.jpg").touch()
    (tmp_path / "truth/cover.jpg").touch()
    assert evaluate(tmp_path / "truth", tmp_path / "truth")["overall"]["JF"] == 1


def test_a_gap_in_the_numbers_is_noted(tmp_path):
    write(tmp_path / "truth", labels(0))
    (tmp_path / "truth/00004.png").unlink()
    result = evaluate(tmp_path / "truth", tmp_path / "truth")
    notes = result["sequences"]["truth"]["notes"]
    assert notes == ["there may be a frame missing between 00003.png and 00005.png"]


def test_soft_masks_are_an_error_or_read_with_a_threshold(tmp_path):
    hard = [255 * mask for mask in labels(3, objects=1)]
    soft = [cv2.GaussianBlur(mask, (0, 0), 1.2) for mask in hard]
    for name, masks in (("hard", hard), ("soft", soft)):
        (tmp_path / name).mkdir()
        for t, mask in enumerate(masks):
            Image.fromarray(mask).save(tmp_path / name / f"{t}.png")
    for pair in (("hard", "soft"), ("soft", "hard"), ("soft", "soft")):
        with pytest.raises(ValueError, match=r"soft/\d\.png: has soft edges"):
            evaluate(*(tmp_path / name for name in pair))
    result = evaluate(tmp_path / "hard", tmp_path / "soft", threshold=0.5)
    assert result["overall"]["JF"] > 0.9
    result = evaluate(tmp_path / "soft", tmp_path / "soft", threshold=0.5)
    assert result["overall"]["JF"] == 1
    assert list(result["sequences"]["soft"]["objects"]) == ["1"]
    (tmp_path / "jpeg").mkdir()
    for t, mask in enumerate(hard):
        Image.fromarray(mask).save(tmp_path / "jpeg" / f"{t}.JPG")
    with pytest.raises(FileNotFoundError, match=r"0\.JPG is no PNG.*--threshold 0\.5"):
        evaluate(tmp_path / "hard", tmp_path / "jpeg")
    assert evaluate(tmp_path / "hard", tmp_path / "jpeg", threshold=0.5)["overall"]["JF"] > 0.99
    done = CliRunner().invoke(
        app, ["evaluate", str(tmp_path / "hard"), str(tmp_path / "soft"), "--threshold", "0.5"]
    )
    assert done.exit_code == 0, done.output


def test_a_mask_that_fits_when_turned_is_explained(tmp_path):
    write(tmp_path / "truth", labels(0))
    write(tmp_path / "mine", [np.rot90(mask) for mask in labels(0)])
    with pytest.raises(ValueError, match=r"is 24 x 40 pixels.*turned by a quarter"):
        evaluate(tmp_path / "truth", tmp_path / "mine")


def test_masks_under_other_names_are_said(tmp_path):
    write(tmp_path / "truth", labels(0))
    for t in range(FRAMES):
        write_mask(tmp_path / f"mine/{t}.png", labels(0)[t])
    with pytest.raises(FileNotFoundError, match=r"00000\.png: is missing.*It holds 0\.png, 1\.png"):
        evaluate(tmp_path / "truth", tmp_path / "mine")
    for ending in ("tif", "gif", "npy"):
        (tmp_path / ending).mkdir()
        (tmp_path / ending / f"00000.{ending}").touch()
        with pytest.raises(FileNotFoundError, match=rf"00000\.{ending} is no PNG\. Save the masks"):
            evaluate(tmp_path / "truth", tmp_path / ending)


def test_colours_that_were_sorted_anew_are_an_error(tmp_path):
    write(tmp_path / "truth", labels(0))
    (tmp_path / "mine").mkdir()
    for t, mask in enumerate(labels(0)):
        image = Image.fromarray((2 - mask).astype(np.uint8))  # background 2, the objects 1 and 0
        image.putpalette([0, 128, 0, 128, 0, 0, 0, 0, 0])
        image.save(tmp_path / f"mine/{t:05d}.png")
    with pytest.raises(ValueError, match=r"00000\.png: has black, the background, under .* 2"):
        evaluate(tmp_path / "truth", tmp_path / "mine", all_frames=True)
