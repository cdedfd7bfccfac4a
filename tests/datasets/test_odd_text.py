"""Text files of datasets as people's programs write them, and numbers that nobody expects."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from vos_lab.cli import app
from vos_lab.datasets.davis import DAVIS
from vos_lab.datasets.detections_txt import classes_from, read_detections
from vos_lab.datasets.mots import (
    MotsObject,
    MotsSequence,
    read_mots_png,
    read_mots_txt,
    write_mots_png,
)
from vos_lab.datasets.mots_folders import find_sequences, frame_numbers, read_seqmap
from vos_lab.datasets.run_lengths import rle_encode, rle_to_string
from vos_lab.datasets.text import read_text
from vos_lab.datasets.youtube_vos import YouTubeVOS
from vos_lab.video import write_mask

SIZE = (40, 60)
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le+mark", "utf-16-be+mark", "utf-32"]


def encoded(text, encoding):
    name, _, mark = encoding.partition("+")
    return ("\ufeff" + text if mark else text).encode(name)


def moving(t):
    mask = np.zeros(SIZE, bool)
    mask[10:30, 5 + 3 * t : 20 + 3 * t] = True
    return mask


def line(t, category=1, mask=None, score=0.9, more=""):
    mask = moving(t) if mask is None else mask
    rle = rle_to_string(rle_encode(mask))
    return f"{t} 0 0 1 1 {score} {category} {mask.shape[0]} {mask.shape[1]} {rle}{more}"


# --- a mark that nobody sees ------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_byte_order_mark_makes_no_difference(tmp_path, encoding, newline):
    def write(name, *lines):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encoded(newline.join([*lines, ""]), encoding))
        return file

    assert read_text(write("any.txt", "Bär")).strip() == "Bär"
    seqmap = write("a.seqmap", "0002 empty 000000 000004", "0006 empty 000000 000009")
    assert read_seqmap(seqmap) == {"0002": range(5), "0006": range(10)}
    assert read_seqmap(write("b.seqmap", "name", "MOTS20-02")) == {"MOTS20-02": None}
    write("MOTS20-02/seqinfo.ini", "[Sequence]", "seqLength=600")
    masks = write("MOTS20-02/gt/gt.txt", f"1 1001 1 40 60 {rle_to_string(rle_encode(moving(0)))}")
    assert frame_numbers(masks) == range(1, 601)
    assert read_mots_txt(masks).frames[1][0].area == 300
    found = read_detections(write("found.txt", line(0), line(1)), range(2))
    assert [len(frame) for frame in found] == [1, 1]
    write("davis2017/ImageSets/2017/val.txt", "bear", "camel")
    for name in ("bear", "camel"):
        (tmp_path / "davis2017/JPEGImages/480p" / name).mkdir(parents=True)
        (tmp_path / "davis2017/Annotations/480p" / name).mkdir(parents=True)
    assert DAVIS(tmp_path).names == ["bear", "camel"]
    thing = {"category": "ape", "frames": ["00000"]}
    write("youtube-vos/valid/meta.json", json.dumps({"videos": {"a": {"objects": {"1": thing}}}}))
    (tmp_path / "youtube-vos/valid/JPEGImages/a").mkdir(parents=True)
    assert YouTubeVOS(tmp_path).names == ["a"]


def test_text_that_is_cut_in_the_middle_of_a_character_is_named(tmp_path):
    file = tmp_path / "val.txt"
    file.write_bytes("bear".encode("utf-16")[:-1])
    with pytest.raises(ValueError, match=r"val\.txt: cannot be read as text"):
        read_text(file)


# --- lines ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0002 empty 000000 ²", "line 1: .* is not like"),
        ("0002 empty 000000 -5", "line 1: .* is not like"),
        ("0002 empty 000000 99999999999", "line 1: .* is not like"),
        ("0002 empty 0 50006 empty 0 7", "line 1: .* is not like"),
    ],
)
def test_a_wrong_line_of_a_seqmap_is_named(tmp_path, text, reason):
    (tmp_path / "a.seqmap").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"a\.seqmap, {reason}"):
        read_seqmap(tmp_path / "a.seqmap")


def test_an_odd_name_in_a_seqmap_is_a_name(tmp_path):
    (tmp_path / "a.seqmap").write_text("² empty 0 4", encoding="utf-8")
    assert read_seqmap(tmp_path / "a.seqmap") == {"²": range(5)}


@pytest.mark.parametrize("length", ["-3", "99999999999", "²"])
def test_an_odd_length_in_seqinfo_is_named(tmp_path, length):
    masks = tmp_path / "MOTS20-02/gt/gt.txt"
    masks.parent.mkdir(parents=True)
    (tmp_path / "MOTS20-02/seqinfo.ini").write_text(f"[Sequence]\nseqLength={length}", "utf-8")
    with pytest.raises(ValueError, match=r"seqinfo\.ini: "):
        frame_numbers(masks)


@pytest.mark.parametrize("more", ["", " 0.25 -0.5"])
def test_two_lines_that_were_merged_are_an_error(tmp_path, more):
    file = tmp_path / "found.txt"
    lines = [line(t, more=more) for t in range(4)]
    for lost in range(3):
        merged = [*lines[:lost], lines[lost] + lines[lost + 1], *lines[lost + 2 :]]
        file.write_text("\n".join(merged))
        with pytest.raises(ValueError, match=r"found\.txt, line \d: (has \d+ fields|is neither)"):
            read_detections(file, range(4))
        file.write_text("\n".join(lines))
        assert [len(frame) for frame in read_detections(file, range(4))] == [1] * 4


def test_lines_of_a_list_of_frames_that_were_merged_are_an_error(tmp_path):
    folder = tmp_path / "davis2016/ImageSets/480p"
    folder.mkdir(parents=True)
    for kind in ("JPEGImages", "Annotations"):
        (tmp_path / "davis2016" / kind / "480p/bear").mkdir(parents=True)
    pairs = [
        f"/JPEGImages/480p/bear/{t:05d}.jpg /Annotations/480p/bear/{t:05d}.png" for t in (0, 1)
    ]
    for glue in ("", " "):
        (folder / "val.txt").write_text(glue.join(pairs))
        with pytest.raises(ValueError, match=r"val\.txt, line 1: .*is a newline lost"):
            DAVIS(tmp_path, year=2016)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            line(0, mask=np.eye(30, 20, dtype=bool)),
            "image of 20 x 30 pixels, the video has 60 x 40",
        ),
        ("0 0 0 1 1 0.9 1 -48 60 231", "-48"),
        ("0 0 0 1 1 0.9 1 99999999 99999999 231", "at most"),
        ("0 0 0 1 1 0.9 ² 40 60 231", "is neither"),
        (line(0, more=" nothing"), "is neither"),
        (line(0, score="nan"), "the score is nan"),
    ],
)
def test_odd_numbers_of_detections_are_named_with_their_line(tmp_path, text, reason):
    (tmp_path / "found.txt").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"found\.txt, line 1: .*{reason}"):
        read_detections(tmp_path / "found.txt", range(2), SIZE)


# --- classes ----------------------------------------------------------------------------------


@pytest.fixture
def street(tmp_path):
    """Four frames in steps of five, in which a thing moves, and a way to track detections in it."""
    (tmp_path / "MOTS20-02").mkdir()
    for t in range(4):
        frame = np.full((*SIZE, 3), 90, np.uint8)
        frame[moving(t)] = (200, 30, 30)
        cv2.imwrite(str(tmp_path / f"MOTS20-02/MOTS20-02_{5 * t:06d}.png"), frame)

    def track(lines, *options):
        (tmp_path / "found.txt").write_text("\n".join(lines))
        result = tmp_path / "result.txt"
        result.unlink(missing_ok=True)
        arguments = [tmp_path / "MOTS20-02", tmp_path / "found.txt", result, *options]
        done = CliRunner().invoke(app, ["track-mots", *map(str, arguments)])
        return done, read_mots_txt(result) if result.is_file() else None

    return track


def at(t, text):
    """A line with the number of its frame in steps of five."""
    return f"{5 * t} {text.partition(' ')[2]}"


def test_frames_keep_the_numbers_in_their_names(street):
    done, tracks = street([at(t, line(t)) for t in range(4)])
    assert done.exit_code == 0, done.output
    assert tracks.frame.tolist() == [0, 5, 10, 15]
    assert tracks.ids.tolist() == [1]
    lines = [f"{100 + 5 * t} {line(t).partition(' ')[2]}" for t in range(4)]
    done, tracks = street(lines, "--first", 100)
    assert done.exit_code == 0, done.output
    assert tracks.frame.tolist() == [0, 5, 10, 15]
    done, _ = street([line(1)])
    assert done.exit_code != 0
    assert "found.txt, line 1: frame 1, the video has 0 to 15 in steps of 5" in str(done.exception)


def test_names_without_a_number_are_named(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "images").mkdir(exist_ok=True)
        Image.new("RGB", SIZE[::-1]).save(tmp_path / f"images/{name}.png")
    arguments = [str(tmp_path / name) for name in ("images", "found.txt", "result.txt")]
    done = CliRunner().invoke(app, ["track-mots", *arguments])
    assert "a.png: has no number in its name" in str(done.exception)


@pytest.mark.parametrize("category", [3, -1, 10, 0])
def test_classes_that_nobody_asked_for_are_an_error_that_says_how_to_map_them(street, category):
    lines = [at(t, line(t, category)) for t in range(4)]
    done, tracks = street(lines)
    assert done.exit_code != 0
    assert tracks is None
    said = str(done.exception)
    assert f"found.txt: 4 of 4 detections are skipped (4 of class {category})" in said
    assert "--classes 3=1" in said
    done, tracks = street(lines, "--classes", f"{category}=2")
    assert done.exit_code == 0, done.output
    assert set(tracks.category.tolist()) == {2}


def test_some_classes_that_nobody_asked_for_are_said(street):
    lines = [at(t, line(t, category)) for t in range(4) for category in (1, 3)]
    done, _ = street(lines)
    assert done.exit_code == 0, done.output
    assert "4 of 8 detections are skipped (4 of class 3)" in done.output
    done, tracks = street(lines, "--classes", "3=1", "--classes", "7=2")
    assert "4 of 8 detections are skipped (4 of class 1)" in done.output
    assert set(tracks.category.tolist()) == {1}
    done, _ = street([at(t, line(t)) for t in range(4)])
    assert "skipped" not in done.output
    done, tracks = street([])
    assert done.exit_code == 0, done.output  # a detector that found nothing
    assert len(tracks.ids) == 0


@pytest.mark.parametrize("text", ["3", "3=", "=1", "3=5", "car=1", "3=1=2", "3=²"])
def test_a_class_that_is_typed_wrong_is_named(text):
    with pytest.raises(ValueError, match="say it as 3=1"):
        classes_from([text])


# --- images of ids ----------------------------------------------------------------------------


def test_images_of_ids_in_odd_names_and_steps(tmp_path):
    objects = [MotsObject.of(1001, 1, moving(0))]
    write_mots_png(tmp_path / "plain", MotsSequence.of("a", [objects] * 3))
    for t, name in enumerate(("MOTS20-02_000005.PNG", "MOTS20-02_000010.png", "MOTS20-02_15.png")):
        (tmp_path / "odd").mkdir(exist_ok=True)
        (tmp_path / f"plain/{t:06d}.png").rename(tmp_path / "odd" / name)
    (tmp_path / "odd/._MOTS20-02_15.png").write_bytes(b"Mac")
    sequence = read_mots_png(tmp_path / "odd")
    assert sequence.numbers == range(5, 16, 5)
    assert sequence.frame.tolist() == [5, 10, 15]
    with pytest.raises(ValueError, match="holds the frames 5 to 15 in steps of 5, but the video"):
        read_mots_png(tmp_path / "odd", range(16))
    assert list(find_sequences(tmp_path)) == ["odd"]
    (tmp_path / "0002.TXT").touch()
    assert list(find_sequences(tmp_path)) == ["0002", "odd"]


def test_numbers_of_a_sequence_are_changed_all_together():
    objects = [MotsObject.of(1001, 1, moving(0))]
    sequence = MotsSequence.of("a", [objects, [], objects], first=1)
    other = sequence.renumbered(range(10, 25, 5))
    assert other.frame.tolist() == [10, 20]
    assert [len(frame) for frame in other.frames] == [1, 0, 1]
    assert list(other.renumbered(range(1, 4)).frames) == list(sequence.frames)
    with pytest.raises(ValueError, match="has 3 frames, not 4"):
        sequence.renumbered(range(4))


def test_a_dataset_with_endings_in_upper_case(tmp_path):
    folder = tmp_path / "davis2017"
    for kind in ("JPEGImages", "Annotations", "ImageSets"):
        (folder / kind / ("2017" if kind == "ImageSets" else "480p/bear")).mkdir(parents=True)
    (folder / "ImageSets/2017/val.txt").write_text("bear")
    for t in range(2):
        Image.new("RGB", (8, 6)).save(folder / f"JPEGImages/480p/bear/{t:05d}.JPG")
        write_mask(folder / f"Annotations/480p/bear/{t:05d}.PNG", np.eye(6, 8, dtype=np.uint8))
    assert DAVIS(tmp_path)["bear"].masks[1].sum() == 6
    (folder / "JPEGImages/480p/bear/00001.JPG").unlink()
    with pytest.raises(FileNotFoundError, match=r"00001\.PNG: its frame is missing"):
        DAVIS(tmp_path)["bear"]
