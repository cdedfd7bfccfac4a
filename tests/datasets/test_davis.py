"""DAVIS on layouts that the tests write, and on the real sequences where they are."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vos_lab.datasets import download as downloads
from vos_lab.datasets.davis import DAVIS, example
from vos_lab.video import Video, write_mask

SIZE = (12, 20)


def write_sequence(
    davis: Path, name: str, frames: int = 3, annotations: str = "Annotations"
) -> None:
    """Frames of one grey each; object 1 grows, object 2 appears with frame 1."""
    for t in range(frames):
        image = davis / f"JPEGImages/480p/{name}/{t:05d}.jpg"
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((*SIZE, 3), 40 * t, np.uint8)).save(image)
        mask = np.zeros(SIZE, np.uint8)
        mask[: t + 1] = 1
        mask[-t:, :5] = 2 if t else mask[-t:, :5]
        write_mask(davis / f"{annotations}/480p/{name}/{t:05d}.png", mask)


def write_list(file: Path, lines: list[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")


@pytest.fixture
def davis2017(tmp_path: Path) -> Path:
    davis = tmp_path / "davis2017"
    for name in ("bear", "camel", "dog"):
        write_sequence(davis, name)
    write_list(davis / "ImageSets/2017/train.txt", ["dog"])
    write_list(davis / "ImageSets/2017/val.txt", ["camel", "bear"])
    return davis


@pytest.fixture
def davis2016(tmp_path: Path) -> Path:
    davis = tmp_path / "davis2016"
    for name in ("bear", "camel"):
        write_sequence(davis, name)
        for t in range(3):  # binary masks as DAVIS 2016 stores them: grey, 0 and 255
            file = davis / f"Annotations/480p/{name}/{t:05d}.png"
            Image.fromarray(np.where(np.array(Image.open(file)) > 0, 255, 0).astype(np.uint8)).save(
                file
            )
    write_list(
        davis / "ImageSets/480p/val.txt",
        [
            f"/JPEGImages/480p/{name}/{t:05d}.jpg /Annotations/480p/{name}/{t:05d}.png"
            for name in ("camel", "bear")
            for t in range(3)
        ],
    )
    return davis


def test_davis2017_reads_the_official_layout(davis2017, tmp_path):
    dataset = DAVIS(tmp_path, year=2017, split="val")
    assert dataset.names == ["camel", "bear"]  # the order of the list
    assert [video.name for video in dataset] == ["camel", "bear"]
    video = dataset["bear"]
    assert isinstance(video, Video)
    assert len(video) == 3
    assert video.size == SIZE
    assert video.masks[2].max() == 2
    assert np.abs(video.frames[2].astype(int) - 80).max() <= 2
    assert dataset[-1].name == "bear"


def test_trainval_is_both_where_the_layout_has_no_list(davis2017, tmp_path):
    assert DAVIS(tmp_path, split="trainval").names == ["dog", "camel", "bear"]


def test_davis2016_is_binary_and_follows_the_list(davis2016, tmp_path):
    dataset = DAVIS(tmp_path, year=2016)
    assert dataset.names == ["camel", "bear"]
    assert np.unique(dataset["camel"].masks[2]).tolist() == [0, 1]
    write_list(
        davis2016 / "ImageSets/480p/val.txt", ["/JPEGImages/480p/bear/00001.jpg /Annotations/x.png"]
    )
    shorter = DAVIS(tmp_path, year=2016)["bear"]
    assert len(shorter) == 1  # what the list says is what counts
    assert np.abs(shorter.frames[0].astype(int) - 40).max() <= 2


def test_a_mask_of_one_object_everywhere_is_binary_too(davis2016, tmp_path):
    file = davis2016 / "Annotations/480p/bear/00000.png"
    Image.fromarray(np.full(SIZE, 255, np.uint8)).save(file)
    assert np.unique(DAVIS(tmp_path, year=2016)["bear"].first_mask).tolist() == [1]


def test_unsupervised_has_its_own_annotations(davis2017, tmp_path):
    with pytest.raises(FileNotFoundError, match="vos-lab data davis2017-unsupervised"):
        DAVIS(tmp_path, task="unsupervised")
    for name in ("bear", "camel"):
        write_sequence(davis2017, name, annotations="Annotations_unsupervised")
    void = np.full(SIZE, 255, np.uint8)
    write_mask(davis2017 / "Annotations_unsupervised/480p/bear/00000.png", void)
    assert np.array_equal(DAVIS(tmp_path, task="unsupervised")["bear"].masks[0], void)
    assert DAVIS(tmp_path)["bear"].masks[0].max() == 1


def test_unsupervised_2016_is_annotated_as_semi_supervised(davis2016, tmp_path):
    assert DAVIS(tmp_path, year=2016, task="unsupervised")["camel"].first_mask.max() == 1


def test_of_a_test_set_only_the_first_frame_is_annotated(davis2017, tmp_path):
    write_sequence(davis2017, "secret")
    for t in (1, 2):
        (davis2017 / f"Annotations/480p/secret/{t:05d}.png").unlink()
    write_list(davis2017 / "ImageSets/2017/test-dev.txt", ["secret"])
    video = DAVIS(tmp_path, split="test-dev")["secret"]
    assert video.first_mask.max() == 1
    assert list(video.masks[1:]) == [None, None]


def test_an_unannotated_test_set_has_no_masks(davis2017, tmp_path):
    write_list(davis2017 / "ImageSets/2019/test-dev.txt", ["dog"])
    assert DAVIS(tmp_path, split="test-dev", task="unsupervised")["dog"].masks is None


def test_transforms_are_applied_to_each_video(davis2017, tmp_path):
    dataset = DAVIS(tmp_path, transforms=lambda video: video.resized(6))
    assert dataset[0].size == (6, 10)
    assert dataset["bear"].first_mask.shape == (6, 10)


def test_a_data_loader_takes_it(davis2017, tmp_path):
    torch_data = pytest.importorskip("torch.utils.data")
    loader = torch_data.DataLoader(DAVIS(tmp_path), batch_size=None)
    assert [video.name for video in loader] == ["camel", "bear"]


def test_nothing_is_decoded_before_it_is_asked_for(davis2017, tmp_path):
    (davis2017 / "JPEGImages/480p/bear/00002.jpg").write_bytes(b"no image")
    video = DAVIS(tmp_path)["bear"]
    with pytest.raises(ValueError, match=r"bear.00002\.jpg"):
        video.frames[2]


def test_listed_sequences_that_are_missing(davis2017, tmp_path):
    write_list(davis2017 / "ImageSets/2017/val.txt", ["bear", "lion", "zebra"])
    with pytest.raises(FileNotFoundError, match=r"lion: .* 2 of 3 .*partial=True"):
        DAVIS(tmp_path)
    assert DAVIS(tmp_path, partial=True).names == ["bear"]
    write_list(davis2017 / "ImageSets/2017/val.txt", ["lion"])
    with pytest.raises(FileNotFoundError, match="holds no sequence"):
        DAVIS(tmp_path, partial=True)


@pytest.mark.parametrize(
    "gone", ["JPEGImages/480p/bear/00001.jpg", "Annotations/480p/bear/00001.png"]
)
@pytest.mark.parametrize("year", [2016, 2017])
def test_a_missing_file_is_named(davis2016, davis2017, tmp_path, year, gone):
    (tmp_path / f"davis{year}" / gone).unlink()
    with pytest.raises((FileNotFoundError, ValueError), match=r"bear") as error:
        DAVIS(tmp_path, year=year)["bear"]
    assert re.search(r"0000[012]\.(jpg|png)", str(error.value))


def test_a_mask_of_another_size_is_named(davis2017, tmp_path):
    write_mask(davis2017 / "Annotations/480p/bear/00001.png", np.zeros((5, 7), np.uint8))
    video = DAVIS(tmp_path)["bear"]
    assert video.masks[0].shape == SIZE
    with pytest.raises(ValueError, match=r"bear.00001\.png: the mask is 7 x 5 pixels"):
        video.masks[1]


def test_a_palette_mask_saved_as_rgb_is_named(davis2017, tmp_path):
    file = davis2017 / "Annotations/480p/bear/00001.png"
    Image.open(file).convert("RGB").save(file)
    with pytest.raises(ValueError, match=r"bear.00001\.png: is saved as RGB"):
        DAVIS(tmp_path)["bear"].masks[1]


def test_a_missing_data_set_says_what_gets_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`vos-lab data davis2016` gets it \(1.9 GB\)"):
        DAVIS(tmp_path, year=2016)


def test_a_root_that_is_the_data_set_itself(davis2017):
    with pytest.raises(FileNotFoundError, match="name the folder above it"):
        DAVIS(davis2017)


def test_a_root_that_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    for root in (tmp_path / "file", tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError, match=f"The root {root} is no folder"):
            DAVIS(root)


def test_an_archive_unpacked_one_folder_too_deep(davis2017, tmp_path):
    davis2017.rename(tmp_path / "DAVIS")
    davis2017.mkdir()
    (tmp_path / "DAVIS").rename(davis2017 / "DAVIS")
    with pytest.raises(FileNotFoundError, match=f"move what is in {davis2017 / 'DAVIS'} up"):
        DAVIS(tmp_path)


def test_another_resolution_is_named(davis2017, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is 480p, not Full-Resolution"):
        DAVIS(tmp_path, resolution="Full-Resolution")


def test_a_missing_list_is_named(davis2017, tmp_path):
    (davis2017 / "ImageSets/2017/train.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"train\.txt"):
        DAVIS(tmp_path, split="train")


@pytest.mark.parametrize("wrong", [{"year": 2018}, {"split": "valid"}, {"task": "zero-shot"}])
def test_wrong_arguments_list_the_right_ones(tmp_path, wrong):
    with pytest.raises(ValueError, match=r"2016 and 2017|train, val|unsupervised"):
        DAVIS(tmp_path, **wrong)


def test_an_unknown_name_or_number(davis2017, tmp_path):
    dataset = DAVIS(tmp_path)
    with pytest.raises(KeyError, match="no sequence 'came'; it has camel, bear"):
        dataset["came"]
    with pytest.raises(IndexError):
        dataset[2]


def test_download_gets_only_what_is_missing(davis2017, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(downloads, "download", lambda name, root: asked.append(name))
    DAVIS(tmp_path, download=True)
    assert asked == []
    with pytest.raises(FileNotFoundError):
        DAVIS(tmp_path, task="unsupervised", download=True)
    with pytest.raises(FileNotFoundError):
        DAVIS(tmp_path, year=2016, download=True)
    assert asked == ["davis2017-unsupervised", "davis2016"]


def test_example_without_data_is_one_line(tmp_path, capsys):
    assert example(root=tmp_path) is None
    said = capsys.readouterr().out
    assert "vos-lab data davis2016" in said
    assert said.count("\n") == 1


def test_example_with_other_data_says_what_there_is(davis2016, tmp_path, capsys):
    assert example("blackswan", root=tmp_path) is None
    assert "has no blackswan, only camel, bear" in capsys.readouterr().out


def test_the_real_sequences(real_data):
    dataset = DAVIS(real_data, year=2016, partial=True)
    frames = {"blackswan": 50, "bmx-trees": 80, "camel": 90, "drift-straight": 50, "libby": 49}
    assert frames.keys() <= set(dataset.names)
    for name, count in frames.items():
        video = dataset[name]
        assert len(video) == count
        assert video.size == (480, 854)
        for t in (0, count - 1):
            assert video.frames[t].shape == (480, 854, 3)
            assert video.masks[t].shape == (480, 854)
        assert np.unique(video.first_mask).tolist() == [0, 1]


def test_the_variable_names_the_real_data(real_data, monkeypatch):
    monkeypatch.setenv("VOS_LAB_DATA", str(real_data))
    video = example("camel")
    assert video is not None
    assert video.name == "camel"
