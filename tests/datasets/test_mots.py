"""MOTS in txt and png form: both there and back exactly, and everything wrong is named."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from vos_lab.datasets.mots import (
    BLOCK,
    IGNORE,
    MotsObject,
    MotsSequence,
    blocks,
    read_ids,
    read_mots_png,
    read_mots_txt,
    write_mots_png,
    write_mots_txt,
)
from vos_lab.datasets.run_lengths import rle_encode, rle_to_string

SIZE = (6, 9)


def mask_of(*, rows=slice(None), columns=slice(None)):
    mask = np.zeros(SIZE, bool)
    mask[rows, columns] = True
    return mask


LEFT, RIGHT, TOP = (
    mask_of(columns=slice(3)),
    mask_of(columns=slice(5, None)),
    mask_of(rows=slice(1)),
)


def line(frame, id, category, mask, size=SIZE):
    return f"{frame} {id} {category} {size[0]} {size[1]} {rle_to_string(rle_encode(mask))}"


def text_file(folder, *lines, end="\n"):
    path = folder / "0002.txt"
    path.write_bytes((end.join(lines) + end * bool(lines)).encode())
    return path


def drawn(sequence):
    """An array of ids for each frame."""
    frames = []
    for objects in sequence.frames:
        frames.append(np.zeros(SIZE, int))
        for each in objects:
            frames[-1][each.mask] = each.id
    return frames


def test_a_txt_file_is_read_and_written_exactly(tmp_path):
    path = text_file(
        tmp_path,
        line(0, 2004, 2, RIGHT),
        line(0, 1001, 1, LEFT),
        line(3, 10000, IGNORE, RIGHT),
        line(3, 1001, 1, LEFT),
    )
    sequence = read_mots_txt(path)
    assert (sequence.name, len(sequence), sequence.size) == ("0002", 4, SIZE)
    assert sequence.ids.tolist() == [1001, 2004]
    assert [[each.id for each in objects] for objects in sequence.frames] == [
        [2004, 1001],
        [],
        [],
        [10000, 1001],
    ]
    assert sequence.area.tolist() == [24, 18, 24, 18]
    first = sequence.frames[0][1]
    assert (first.category, first.size, first.area) == (1, SIZE, 18)
    assert first.box == (0, 0, 3, 6)
    assert (first.mask == LEFT).all()
    write_mots_txt(tmp_path / "new/copy.txt", sequence)
    assert (tmp_path / "new/copy.txt").read_bytes() == path.read_bytes()


def test_lines_out_of_order_and_of_other_systems_are_read(tmp_path):
    lines = [line(2, 1001, 1, LEFT), "", line(0, 7, 2, RIGHT), line(0, 5, 1, LEFT)]
    sequence = read_mots_txt(text_file(tmp_path, *lines, end="\r\n"), name="x")
    assert sequence.frame.tolist() == [0, 0, 2]
    assert sequence.id.tolist() == [7, 5, 1001]


def test_an_empty_file_holds_nothing(tmp_path):
    sequence = read_mots_txt(text_file(tmp_path), numbers=range(5))
    assert len(sequence) == 5
    assert sequence.size is None
    assert [*sequence.frames] == [[]] * 5
    assert len(read_mots_txt(text_file(tmp_path))) == 0


label_maps = st.lists(
    arrays(np.uint16, SIZE, elements=st.sampled_from([0, 0, 1000, 1999, 2001, 10000])),
    min_size=1,
    max_size=3,
)


@settings(max_examples=25, deadline=None)
@given(frames=label_maps)
def test_png_and_txt_hold_the_same(frames, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mots")
    for t, ids in enumerate(frames):
        Image.fromarray(ids).save(folder / f"{t:06d}.png")
    sequence = read_mots_png(folder)
    for ours, ids in zip(drawn(sequence), frames, strict=True):
        assert (ours == ids).all()
    # png -> txt -> png
    write_mots_txt(folder / "all.txt", sequence)
    again = read_mots_txt(folder / "all.txt", numbers=sequence.numbers)
    write_mots_png(folder / "new", again, size=SIZE)
    for t, ids in enumerate(frames):
        copy = read_ids(folder / "new" / f"{t:06d}.png")
        assert copy.dtype == np.uint16
        assert (copy == ids).all()


def test_frames_of_mots20_count_from_1(tmp_path):
    sequence = MotsSequence.of("0002", [[MotsObject.of(2001, 2, LEFT)], []], first=1)
    write_mots_png(tmp_path / "0002", sequence)
    assert sorted(file.name for file in (tmp_path / "0002").iterdir()) == [
        "000001.png",
        "000002.png",
    ]
    assert read_mots_png(tmp_path / "0002").numbers == range(1, 3)
    # A seqmap counts from 0.
    assert read_mots_png(tmp_path / "0002", numbers=range(3)).frame.tolist() == [1]
    write_mots_txt(tmp_path / "0002.txt", sequence)
    assert (tmp_path / "0002.txt").read_text().startswith("1 2001 2 ")


@pytest.mark.parametrize(
    ("lines", "number", "reason"),
    [
        (["0 1001 1 6 9"], 2, "has 5 fields, .* cut off"),
        (["0 10"], 2, "has 2 fields"),
        (["0 1001 1 6 9 Z1 0.9"], 2, "has 7 fields"),
        (["zero 1001 1 6 9 Z1"], 2, "the frame is 'zero', not a whole number"),
        (["1 1001 1 6 9.0 Z1"], 2, "the width is '9.0', not a whole number"),
        (["1 -3 1 6 9 Z1"], 2, "the id is '-3', not a whole number of 0 or more"),
        (
            ["1 1001 1 6 9 Z1", "7777777777777777777 1 1 6 9 Z1"],
            3,
            "frame is '7777777777777777777'",
        ),
        (["99999999 1001 1 6 9 Z1"], 2, "frame 99999999"),
        (["1 3001 3 6 9 Z1"], 2, "the category is 3"),
        (["1 1001 1 0 9 Z1"], 2, "9 x 0 pixels cannot be"),
        ([line(1, 1002, 1, np.ones((6, 8), bool), (6, 8))], 2, "8 x 6 pixels.*line 1.*9 x 6"),
        ([line(0, 1001, 2, RIGHT)], 2, "frame 0 has object 1001 a second time"),
        (["", line(0, 1002, 1, TOP)], 3, r"overlaps another mask .*line 1\)"),
        (["", line(0, 10000, IGNORE, TOP)], 3, "overlaps another mask"),
        (["1 1001 1 6 9 55"], 2, "reach to pixel 10, the image has 54"),
        (["1 1001 1 6 9 5P"], 2, "cut off within a number"),
        (["1 1001 1 6 9 5!"], 2, "not in the form of COCO"),
        (["1 1001 1 6 9 5é"], 2, "not in the form of COCO"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, lines, number, reason):
    path = text_file(tmp_path, line(0, 1001, 1, LEFT), *lines)
    with pytest.raises(ValueError, match=rf"0002\.txt, line {number}: .*{reason}"):
        read_mots_txt(path)


def test_a_wrong_line_is_named_by_its_place_in_the_file(tmp_path):
    """Also where the lines are not in the order of their frames."""
    lines = [line(5, 1001, 1, LEFT), line(5, 1002, 1, TOP), line(0, 1001, 1, LEFT)]
    with pytest.raises(ValueError, match=r"line 2: it overlaps .*line 1\)"):
        read_mots_txt(text_file(tmp_path, *lines))


def test_frames_beyond_the_video_are_refused(tmp_path):
    path = text_file(tmp_path, line(4, 1001, 1, LEFT))
    with pytest.raises(ValueError, match=r"line 1: frame 4 is beyond the video, .* 0 to 3"):
        read_mots_txt(path, numbers=range(4))
    with pytest.raises(ValueError, match=r"frame 4 is beyond the video, .* 5 to 7"):
        read_mots_txt(path, numbers=range(5, 8))


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.txt"):
        read_mots_txt(tmp_path / "none.txt")
    with pytest.raises(FileNotFoundError, match="none"):
        read_mots_png(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=r"7\.png"):
        read_ids(tmp_path / "7.png")


def png_folder(tmp_path, count=3):
    for t in range(count):
        ids = np.where(LEFT, 1001, 0).astype(np.uint16)
        Image.fromarray(ids).save(tmp_path / f"{t:06d}.png")
    return tmp_path


def test_a_missing_png_is_named(tmp_path):
    png_folder(tmp_path, 4)
    with pytest.raises(ValueError, match="frames 0 to 3, but the video has 0 to 5"):
        read_mots_png(tmp_path, numbers=range(6))
    with pytest.raises(ValueError, match="frames 0 to 3, but the video has 0 to 2"):
        read_mots_png(tmp_path, numbers=range(3))
    (tmp_path / "000002.png").unlink()
    with pytest.raises(ValueError, match=r"between 000001\.png and 000003\.png"):
        read_mots_png(tmp_path)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (Image.fromarray(np.zeros(SIZE, np.uint8)), "8 bits"),
        (Image.fromarray(np.zeros((*SIZE, 3), np.uint8)), "8 bits"),
        (Image.fromarray(np.zeros((6, 8), np.uint16)), "8 x 6 pixels"),
        (Image.fromarray(np.full(SIZE, 3007, np.uint16)), "holds the id 3007"),
        (Image.fromarray(np.full(SIZE, 12, np.uint16)), "holds the id 12"),
    ],
)
def test_a_wrong_png_is_named(tmp_path, image, reason):
    png_folder(tmp_path)
    image.save(tmp_path / "000001.png")
    with pytest.raises(ValueError, match=rf"000001\.png: .*{reason}"):
        read_mots_png(tmp_path)


def test_a_cut_off_png_is_named(tmp_path):
    file = png_folder(tmp_path) / "000001.png"
    generator = np.random.default_rng(0)
    Image.fromarray(generator.choice(np.uint16([0, 1001]), SIZE)).save(file)
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"000001\.png: cannot be read"):
        read_mots_png(tmp_path)


def test_an_id_that_does_not_begin_with_its_category_cannot_be_png(tmp_path):
    sequence = MotsSequence.of("x", [[MotsObject.of(7, 2, LEFT)]])
    with pytest.raises(ValueError, match=r"object 7 is of category 2.*2000"):
        write_mots_png(tmp_path, sequence)
    with pytest.raises(ValueError, match="how large"):
        write_mots_png(tmp_path, MotsSequence.of("x", [[]]))


@pytest.mark.parametrize(
    ("objects", "reason"),
    [
        ([MotsObject.of(1, 1, LEFT), MotsObject.of(2, 1, TOP)], "object 2: it overlaps .*object 1"),
        ([MotsObject.of(1, 1, LEFT), MotsObject.of(1, 1, RIGHT)], "object 1 a second time"),
        ([MotsObject.of(1, 4, LEFT)], "category is 4"),
        ([MotsObject(1, 1, SIZE, "5")], "reach to pixel 5, the image has 54"),
    ],
)
def test_wrong_objects_are_refused(objects, reason):
    with pytest.raises(ValueError, match=f"night, frame 1, .*{reason}"):
        MotsSequence.of("night", [[], objects])


def test_a_long_sequence_is_read_in_blocks_of_whole_frames():
    generator = np.random.default_rng(0)
    frame = np.sort(generator.integers(0, 50, 400))
    lengths = generator.integers(1, BLOCK // 20, 400)
    parts = list(blocks(frame, lengths))
    assert len(parts) > 5
    assert [start for start, _ in parts[1:]] == [stop for _, stop in parts[:-1]]
    assert parts[-1][1] == 400
    for start, stop in parts:
        assert stop == 400 or frame[stop - 1] != frame[stop]
        one_frame = frame[start] == frame[stop - 1]
        assert one_frame or lengths[start:stop].sum() <= BLOCK
