"""KITTI MOTS and MOTS20 in their official layouts."""

import numpy as np
import pytest
from PIL import Image

from vos_lab.datasets.mots import (
    IGNORE,
    MotsObject,
    MotsSequence,
    write_mots_png,
    write_mots_txt,
)
from vos_lab.datasets.mots_folders import (
    MOTS,
    SPLITS,
    find_seqmaps,
    find_sequences,
    frame_numbers,
    read_seqmap,
    read_sequence,
)
from vos_lab.video import VOID

SIZE = (4, 6)
LEFT, RIGHT = np.zeros((2, *SIZE), bool)
LEFT[:, :2] = RIGHT[:, 4:] = True


def sequence_of(name, first=0, frames=3):
    objects = [MotsObject.of(2003, 2, LEFT), MotsObject.of(10000, IGNORE, RIGHT)]
    return MotsSequence.of(name, [objects] * frames, first=first)


def images(folder, first=0, frames=3, suffix="png"):
    folder.mkdir(parents=True)
    for t in range(first, first + frames):
        Image.new("RGB", SIZE[::-1], (t, 0, 0)).save(folder / f"{t:06d}.{suffix}")


def kitti(root, names=("0000", "0002"), form="txt"):
    folder = root / "kitti-mots"
    for name in names:
        images(folder / "training/image_02" / name)
        if form == "txt":
            write_mots_txt(folder / "instances_txt" / f"{name}.txt", sequence_of(name))
        else:
            write_mots_png(folder / "instances" / name, sequence_of(name))
    return folder


@pytest.mark.parametrize("form", ["txt", "png"])
def test_kitti_mots(tmp_path, form):
    kitti(tmp_path, form=form)
    dataset = MOTS(tmp_path, split="val", partial=True)
    assert dataset.names == ["0002"]
    video = dataset[0]
    assert (len(video), video.size, video.fps) == (3, SIZE, 10.0)
    assert video.frames[2][0, 0].tolist() == [2, 0, 0]
    assert [each.id for each in video.objects.frames[1]] == [2003, 10000]
    assert video.labels == {2003: 1}
    assert (video.masks[1] == np.where(LEFT, 1, np.where(RIGHT, VOID, 0))).all()
    assert MOTS(tmp_path, split="all", partial=True).names == ["0000", "0002"]


@pytest.mark.parametrize("layout", ["authors", "challenge"])
def test_mots20(tmp_path, layout):
    train = tmp_path / "mots20/train"
    if layout == "authors":
        name = "0009"
        images(train / "images" / name, first=1, suffix="jpg")
        write_mots_txt(train / "instances_txt" / f"{name}.txt", sequence_of(name, first=1))
    else:
        name = "MOTS20-09"
        images(train / name / "img1", first=1, suffix="jpg")
        write_mots_txt(train / name / "gt/gt.txt", sequence_of(name, first=1))
        (train / name / "seqinfo.ini").write_text("[Sequence]\nname=MOTS20-09\nseqLength=3\n")
    dataset = MOTS(tmp_path, "mots20", partial=True)
    assert dataset.names == [name]
    video = dataset[name]
    assert video.objects.numbers == range(1, 4)
    assert video.frame_names == ["000001", "000002", "000003"]
    assert (video.masks[0] > 0).sum() == 16


def test_transforms_and_names(tmp_path):
    kitti(tmp_path)
    dataset = MOTS(tmp_path, partial=True, transforms=lambda video: video.part(0, 1))
    assert [len(video) for video in dataset] == [1]
    assert repr(dataset) == "<kitti-mots train: 1 sequences>"
    with pytest.raises(KeyError, match="0002"):
        dataset["0002"]


def test_many_objects_have_no_label_map(tmp_path):
    folder = kitti(tmp_path, names=["0002"])
    frames = [[MotsObject.of(1000 + t, 1, LEFT)] for t in range(260)]
    write_mots_txt(folder / "instances_txt/0002.txt", MotsSequence.of("0002", frames))
    for t in range(260):
        Image.new("RGB", SIZE[::-1]).save(folder / f"training/image_02/0002/{t:06d}.png")
    video = MOTS(tmp_path, split="val", partial=True)[0]
    assert video.masks is None
    assert len(video.objects.ids) == 260


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"kitti-mots.*page/mots"):
        MOTS(tmp_path)
    with pytest.raises(PermissionError, match="page/mots"):
        MOTS(tmp_path, download=True)
    with pytest.raises(ValueError, match="there are kitti-mots and mots20"):
        MOTS(tmp_path, "kitti")
    with pytest.raises(ValueError, match="mots20 has train and all"):
        MOTS(tmp_path, "mots20", split="val")
    folder = kitti(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"sequence 0006 .* 8 of 9 are"):
        MOTS(tmp_path, split="val")
    write_mots_txt(folder / "instances_txt/0006.txt", sequence_of("0006"))
    with pytest.raises(FileNotFoundError, match="no such folder of images of 0006"):
        MOTS(tmp_path, split="val", partial=True)["0006"]
    images(folder / "training/image_02/0006", frames=2)
    with pytest.raises(ValueError, match=r"0006\.txt, line 5: frame 2 is beyond the video"):
        MOTS(tmp_path, split="val", partial=True)["0006"]


def test_the_masks_must_fit_the_images(tmp_path):
    folder = kitti(tmp_path, names=["0002"])
    for file in (folder / "training/image_02/0002").iterdir():
        Image.new("RGB", (12, 8)).save(file)
    with pytest.raises(ValueError, match=r"0002\.txt: its masks belong to images of \(4, 6\)"):
        MOTS(tmp_path, split="val", partial=True)[0]


def test_the_splits_are_those_of_the_paper():
    kitti_mots = SPLITS["kitti-mots"]
    assert sorted(kitti_mots["train"] + kitti_mots["val"]) == list(range(21))
    assert len(kitti_mots["val"]) == 9
    assert len(SPLITS["mots20"]["train"]) == 4


@pytest.mark.parametrize(
    "layout", ["{}.txt", "label_02/{}.txt", "instances_txt/{}.txt", "data/{}.txt", "{}/gt/gt.txt"]
)
def test_the_layouts_of_masks(tmp_path, layout):
    for name in ("0002", "0001"):
        write_mots_txt(tmp_path / layout.format(name), sequence_of(name))
    found = find_sequences(tmp_path)
    assert list(found) == ["0001", "0002"]
    assert read_sequence(found["0002"], name="0002").frame.tolist() == [0, 0, 1, 1, 2, 2]


def test_txt_is_preferred_to_png_as_it_is_faster(tmp_path):
    write_mots_png(tmp_path / "instances/0001", sequence_of("0001"))
    assert list(find_sequences(tmp_path)) == ["0001"]
    write_mots_txt(tmp_path / "instances_txt/0001.txt", sequence_of("0001"))
    assert find_sequences(tmp_path)["0001"].suffix == ".txt"


def test_folders_without_masks_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        find_sequences(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="holds no masks of MOTS"):
        find_sequences(tmp_path)


def test_a_seqmap(tmp_path):
    file = tmp_path / "evaluate_mots.seqmap.val"
    file.write_text("0002 empty 000000 000232\n6 empty 000001 000269\n\n")
    assert read_seqmap(file) == {"0002": range(233), "0006": range(270)}
    assert find_seqmaps(tmp_path) == find_seqmaps(tmp_path / "label_02") == [file]
    file.write_text("name\nMOTS20-02\nMOTS20-05\n")
    assert read_seqmap(file) == {"MOTS20-02": None, "MOTS20-05": None}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0002 empty 000000\n", "line 1: '0002 empty 000000' is not like"),
        ("0002 empty 0 5\n0002 empty 0 5\n", "line 2: sequence 0002 stands here a second time"),
        ("\n", "names no sequence"),
    ],
)
def test_a_wrong_seqmap_is_named(tmp_path, text, reason):
    file = tmp_path / "val.seqmap"
    file.write_text(text)
    with pytest.raises(ValueError, match=rf"val\.seqmap.*{reason}"):
        read_seqmap(file)
    with pytest.raises(FileNotFoundError, match="no such seqmap"):
        read_seqmap(tmp_path / "none")


def test_a_damaged_seqinfo_is_named(tmp_path):
    masks = tmp_path / "MOTS20-02/gt/gt.txt"
    assert frame_numbers(masks) is None
    masks.parent.mkdir(parents=True)
    (tmp_path / "MOTS20-02/seqinfo.ini").write_text("[Sequence]\nseqLength=many\n")
    with pytest.raises(ValueError, match=r"seqinfo\.ini: does not say `seqLength`"):
        frame_numbers(masks)
