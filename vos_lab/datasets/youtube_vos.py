"""YouTube-VOS 2018: many videos, objects of many categories that may appear late.

Xu et al., "YouTube-VOS: A Large-Scale Video Object Segmentation Benchmark", arXiv:1809.03327. 3,471
training and 474 validation videos of 30 frames per second, annotated every fifth frame. An object
is given where it first appears, which need not be the first frame. 65 categories are trained on
("seen"); the validation set has 26 more ("unseen"), and the benchmark averages the two separately.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vos_lab.datasets import download as downloads
from vos_lab.datasets.text import read_utf8
from vos_lab.video import (
    IMAGE_SUFFIXES,
    VOID,
    Lazy,
    Video,
    image_frames,
    mask_files,
    numbered_files,
)
from vos_lab.video.names import files_named

SPLITS = ("train", "valid")


@dataclass(frozen=True)
class YouTubeVideo(Video):
    """A video with what YouTube-VOS knows about its objects.

    Attributes:
        categories: the category of each object, by its label.
        appearances: by label, the numbers of the frames in which the object is annotated (in the
            validation set: evaluated), in order.
    """

    categories: Mapping[int, str] = field(default_factory=dict)
    appearances: Mapping[int, tuple[int, ...]] = field(default_factory=dict, repr=False)

    @property
    def first_frames(self) -> dict[int, int]:
        """By label, the number of the frame in which the object first appears, and is given."""
        return {label: min(frames) for label, frames in self.appearances.items()}

    def part(self, start: int = 0, stop: int | None = None) -> "YouTubeVideo":
        """The frames from ``start`` up to ``stop``, with the objects that appear in them."""
        chosen = range(len(self))[start:stop]
        appearances = {
            label: tuple(t - chosen.start for t in frames if t in chosen)
            for label, frames in self.appearances.items()
        }
        appearances = {label: frames for label, frames in appearances.items() if frames}
        categories = {label: self.categories[label] for label in appearances}
        shorter = super().part(start, stop)
        assert isinstance(shorter, YouTubeVideo)  # because dataclasses.replace keeps the class
        return replace(shorter, appearances=appearances, categories=categories)


class YouTubeVOS:
    """The videos of a split of YouTube-VOS 2018, each a :class:`YouTubeVideo`.

    A data set in the style of torchvision. Nothing but ``meta.json`` is read before a video is
    asked for.

    Args:
        root: the folder that holds ``youtube-vos/``; None: see
            :func:`~vos_lab.datasets.download.data_root`.
        split: "train", or "valid", where an object is annotated only where it first appears.
        all_frames: False: every fifth frame, 6 a second, as the benchmark evaluates. True: all
            frames, from ``train_all_frames/`` or ``valid_all_frames/``; those between have no mask.
        download: always an error that says what to do, as the data set needs an account.
        transforms: applied to each video.
        partial: whether to leave out videos that ``meta.json`` names but that are not on the disk.

    Attributes:
        names: the names of the videos, sorted.
        folder: the folder of the split.

    Raises:
        ValueError: there is no such split, or ``meta.json`` is damaged.
        FileNotFoundError: the data set or a video is missing.
        PermissionError: ``download`` was asked for, and the data set is missing.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        split: str = "valid",
        all_frames: bool = False,
        download: bool = False,
        transforms: Callable[[YouTubeVideo], YouTubeVideo] | None = None,
        partial: bool = False,
    ) -> None:
        if split not in SPLITS:
            raise ValueError(f"split is {split!r}, YouTube-VOS has {', '.join(SPLITS)}")
        self.root = downloads.data_root(root)
        self.folder = self.root / "youtube-vos" / split
        self.split, self.all_frames, self.transforms = split, all_frames, transforms
        if not self.folder.is_dir():
            if download:
                downloads.download("youtube-vos", self.root)
            how = downloads.how_to_get("youtube-vos", self.root)
            raise FileNotFoundError(f"{self.folder}: there is no such folder; {how}.")
        frames_of = self.folder.with_name(f"{split}_all_frames") if all_frames else self.folder
        self._images = frames_of / "JPEGImages"
        self._masks = self.folder / "Annotations"
        self._meta = _read_meta(self.folder / "meta.json")
        missing = [name for name in sorted(self._meta) if not (self._images / name).is_dir()]
        if missing and not partial:
            raise FileNotFoundError(
                f"{self._images / missing[0]}: this video of meta.json is missing; "
                f"{len(missing)} of {len(self._meta)} are. Unpack the whole archive, or leave them "
                "out with partial=True."
            )
        self.names = [name for name in sorted(self._meta) if name not in set(missing)]
        if not self.names:
            raise FileNotFoundError(f"{self._images}: holds no video of meta.json")

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[YouTubeVideo]:
        return (self[name] for name in self.names)

    def __repr__(self) -> str:
        return f"<YouTube-VOS 2018 {self.split}: {len(self)} videos>"

    @cached_property
    def seen_categories(self) -> frozenset[str]:
        """The categories of the training set; all others are unseen.

        Raises:
            FileNotFoundError: ``train/meta.json`` is missing.
        """
        file = self.folder.with_name("train") / "meta.json"
        if not file.is_file():
            raise FileNotFoundError(
                f"{file}: is missing; its categories are those that count as seen. Of the training "
                "set this one file is enough."
            )
        return frozenset(
            thing["category"] for objects in _read_meta(file).values() for thing in objects.values()
        )

    @cached_property
    def unseen_categories(self) -> frozenset[str]:
        """The categories of this split that no training video has.

        Raises:
            FileNotFoundError: ``train/meta.json`` is missing.
        """
        here = {thing["category"] for objects in self._meta.values() for thing in objects.values()}
        return frozenset(here) - self.seen_categories

    def __getitem__(self, index: int | str) -> YouTubeVideo:
        """A video by its number or its name.

        Args:
            index: ``0`` to ``len - 1``, or a name such as ``"003234408d"``.

        Returns:
            The video; its frames and masks are read when asked for. Reading a mask raises
            ValueError, with the file's name, where it has another size than its frame, or an
            object that ``meta.json`` does not name.

        Raises:
            KeyError: no video has this name.
            IndexError: no video has this number.
            FileNotFoundError: a frame or an annotation is missing.
        """
        if isinstance(index, str) and index not in self.names:
            raise KeyError(f"{self!r} has no video {index!r}")
        name = index if isinstance(index, str) else self.names[index]
        files = numbered_files(self._images / name, IMAGE_SUFFIXES)
        number = {file.stem: t for t, file in enumerate(files)}
        annotations = files_named(self._masks / name, list(number), (".png",))
        categories, appearances = {}, {}
        for key, thing in self._meta[name].items():
            absent = [stem for stem in thing["frames"] if stem not in number]
            if absent:
                raise FileNotFoundError(
                    f"{self._images / name / absent[0]}.jpg: is missing, but meta.json says that "
                    f"object {key} appears in it"
                )
            frames = sorted(number[stem] for stem in thing["frames"])
            for t in frames if self.split == "train" else frames[:1]:
                if not annotations[t].is_file():
                    raise FileNotFoundError(
                        f"{annotations[t]}: this annotation of object {key} is missing"
                    )
            categories[int(key)], appearances[int(key)] = thing["category"], tuple(frames)
        video = YouTubeVideo(
            name,
            image_frames(files),
            fps=30.0 if self.all_frames else 6.0,
            frame_names=[file.stem for file in files],
            categories=categories,
            appearances=appearances,
        )
        masks = mask_files(annotations, video.size, binary=False, frames=files)

        def checked(t: int) -> np.ndarray | None:
            mask = masks[t]
            if mask is not None:
                labels = np.flatnonzero(np.bincount(mask.ravel(), minlength=256)).tolist()
                unknown = set(labels) - {0, VOID} - set(categories)
                if unknown:
                    raise ValueError(
                        f"{annotations[t]}: holds object {min(unknown)}, which meta.json does not "
                        f"name for this video (it names {sorted(categories)})"
                    )
            return mask

        video = replace(video, masks=Lazy(len(files), checked))
        return video if self.transforms is None else self.transforms(video)


def _are_names(frames: Any) -> bool:
    return isinstance(frames, list) and all(isinstance(name, str) for name in frames)


def _read_meta(file: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Video name -> object id -> {"category": str, "frames": [names of frames]}."""
    if not file.is_file():
        raise FileNotFoundError(f"{file}: is missing; it comes with the official archive")
    try:
        videos = json.loads(read_utf8(file))["videos"]
        objects = {name: video["objects"] for name, video in videos.items()}
        for name, things in objects.items():
            for key, thing in things.items():
                frames, category = thing["frames"], thing["category"]
                if not (1 <= int(key) <= 254 and category and frames):
                    raise ValueError(f"object {key} of {name} lacks an id, a category or frames")
                if not (isinstance(category, str) and _are_names(frames)):
                    raise ValueError(f"object {key} of {name} has no names of frames or category")
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError(f"{file}: is not in the form of YouTube-VOS ({error!r})") from None
    return objects
