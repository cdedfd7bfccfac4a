"""YouTube-VOS on layouts that the tests write."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vos_lab.datasets.youtube_vos import YouTubeVideo, YouTubeVOS
from vos_lab.video import write_mask

SIZE = (12, 20)
STEMS = [f"{t:05d}" for t in range(0, 25, 5)]


def write_frames(folder: Path, stems: list[str]) -> None:
    folder.mkdir(parents=True)
    for stem in stems:
        Image.fromarray(np.full((*SIZE, 3), 100, np.uint8)).save(folder / f"{stem}.jpg")


def write_split(folder: Path, videos: dict[str, dict[str, tuple[str, list[str]]]]) -> None:
    """Object i is row i; annotated in each of its frames (train), or where it appears (valid)."""
    meta = {}
    for name, objects in videos.items():
        write_frames(folder / "JPEGImages" / name, STEMS)
        masks: dict[str, np.ndarray] = {}
        for key, (_, frames) in objects.items():
            for stem in frames if folder.name == "train" else frames[:1]:
                masks.setdefault(stem, np.zeros(SIZE, np.uint8))[int(key)] = int(key)
        for stem, mask in masks.items():
            write_mask(folder / "Annotations" / name / f"{stem}.png", mask)
        meta[name] = {
            "objects": {
                key: {"category": category, "frames": frames}
                for key, (category, frames) in objects.items()
            }
        }
    (folder / "meta.json").write_text(json.dumps({"videos": meta}))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_split(
        tmp_path / "youtube-vos/train",
        {
            "bbb": {"1": ("dog", STEMS), "2": ("person", STEMS[2:])},
            "aaa": {"1": ("person", STEMS[:3])},
        },
    )
    write_split(
        tmp_path / "youtube-vos/valid",
        {"ccc": {"1": ("dog", STEMS), "2": ("camel", STEMS[3:])}},
    )
    return tmp_path


def test_train_is_annotated_every_fifth_frame(root):
    dataset = YouTubeVOS(root, split="train")
    assert dataset.names == ["aaa", "bbb"]
    video = dataset["bbb"]
    assert isinstance(video, YouTubeVideo)
    assert len(video) == 5
    assert video.fps == 6
    assert video.categories == {1: "dog", 2: "person"}
    assert video.first_frames == {1: 0, 2: 2}
    assert [np.unique(mask).tolist() for mask in video.masks] == [[0, 1]] * 2 + [[0, 1, 2]] * 3
    assert dataset["aaa"].masks[3] is None  # its object has left, nobody annotated


def test_valid_is_annotated_where_an_object_first_appears(root):
    video = YouTubeVOS(root)["ccc"]
    assert video.first_frames == {1: 0, 2: 3}
    assert video.appearances[2] == (3, 4)
    assert [mask is not None for mask in video.masks] == [True, False, False, True, False]
    assert np.unique(video.masks[3]).tolist() == [0, 2]


def test_all_frames_keeps_the_frames_between_unannotated(root):
    stems = [f"{t:05d}" for t in range(21)]
    write_frames(root / "youtube-vos/valid_all_frames/JPEGImages/ccc", stems)
    video = YouTubeVOS(root, all_frames=True)["ccc"]
    assert len(video) == 21
    assert video.fps == 30
    assert video.first_frames == {1: 0, 2: 15}
    assert [t for t in range(21) if video.masks[t] is not None] == [0, 15]


def test_seen_are_the_categories_of_the_training_set(root):
    dataset = YouTubeVOS(root)
    assert dataset.seen_categories == {"dog", "person"}
    assert dataset.unseen_categories == {"camel"}
    assert YouTubeVOS(root, split="train").unseen_categories == frozenset()
    (root / "youtube-vos/train/meta.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"train.meta\.json.*this one file is enough"):
        _ = YouTubeVOS(root).seen_categories


def test_a_part_keeps_its_facts_right(root):
    video = YouTubeVOS(root, split="train")["bbb"]
    later = video.part(1)
    assert later.first_frames == {1: 0, 2: 1}
    assert np.unique(later.masks[later.first_frames[2]]).tolist() == [0, 1, 2]
    assert video.part(0, 2).categories == {1: "dog"}


def test_transforms_and_resizing_keep_the_facts(root):
    video = YouTubeVOS(root, transforms=lambda video: video.resized(6))[0]
    assert video.size == (6, 10)
    assert video.first_frames == {1: 0, 2: 3}


def test_videos_that_are_missing(root):
    meta = root / "youtube-vos/valid/meta.json"
    videos = json.loads(meta.read_text())
    videos["videos"]["zzz"] = videos["videos"]["ccc"]
    meta.write_text(json.dumps(videos))
    with pytest.raises(FileNotFoundError, match=r"zzz: .* 1 of 2 "):
        YouTubeVOS(root)
    assert YouTubeVOS(root, partial=True).names == ["ccc"]


def test_a_missing_annotation_is_named(root):
    (root / "youtube-vos/valid/Annotations/ccc/00015.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"ccc.00015\.png: this annotation of object 2"):
        YouTubeVOS(root)["ccc"]


def test_a_missing_frame_is_named(root):
    (root / "youtube-vos/valid/JPEGImages/ccc/00020.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"ccc.00020\.jpg: is missing"):
        YouTubeVOS(root)["ccc"]


def test_a_mask_of_another_size_is_named(root):
    write_mask(root / "youtube-vos/valid/Annotations/ccc/00000.png", np.zeros((3, 4), np.uint8))
    with pytest.raises(ValueError, match=r"00000\.png: the mask is 4 x 3"):
        YouTubeVOS(root)["ccc"].masks[0]


def test_an_object_that_meta_does_not_name_is_named(root):
    mask = np.zeros(SIZE, np.uint8)
    mask[0], mask[1], mask[2] = 1, 7, 255  # void is no object
    write_mask(root / "youtube-vos/valid/Annotations/ccc/00000.png", mask)
    with pytest.raises(ValueError, match=r"00000\.png: holds object 7, .* names \[1, 2\]"):
        YouTubeVOS(root)["ccc"].masks[0]


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        '{"videos": {"ccc": {}}}',
        '{"videos": {"ccc": {"objects": {"0": {"category": "dog", "frames": ["00000"]}}}}}',
        '{"videos": {"ccc": {"objects": {"1": {"category": "dog", "frames": []}}}}}',
    ],
)
def test_a_damaged_meta_is_named(root, text):
    (root / "youtube-vos/valid/meta.json").write_text(text)
    with pytest.raises(ValueError, match=r"meta\.json: is not in the form"):
        YouTubeVOS(root)


def test_a_missing_data_set_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="needs a free account"):
        YouTubeVOS(tmp_path)
    with pytest.raises(PermissionError, match="needs a free account"):
        YouTubeVOS(tmp_path, download=True)


def test_an_unknown_name_or_split(root):
    with pytest.raises(KeyError, match="no video 'aaa'"):
        YouTubeVOS(root)["aaa"]
    with pytest.raises(ValueError, match="train, valid"):
        YouTubeVOS(root, split="val")
