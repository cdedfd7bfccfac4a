"""KITTI MOTS and MOTSChallenge (MOTS20) on the disk: which sequences are there, and how long.

The official layouts, under ``kitti-mots/`` and ``mots20/``:

- ``instances_txt/0002.txt``, ``instances/0002/000000.png``: the objects, in two forms;
- ``training/image_02/0002/000000.png`` (KITTI), ``images/0002/000001.jpg`` (MOTSChallenge): frames,
  those of MOTSChallenge in ``train/`` and ``test/``;
- ``train/MOTS20-02/`` with ``gt/gt.txt``, ``img1/`` and ``seqinfo.ini``: MOTS20 as motchallenge.net
  has it;
- ``label_02/0002.txt`` and ``data/0002.txt``: truth and results in the layout of TrackEval.

A seqmap names sequences and their frames: ``0002 empty 000000 000232``.
"""

import configparser
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from vos_lab.datasets import download as downloads
from vos_lab.datasets.mots import (
    IGNORE,
    MAX_FRAME,
    MotsObject,
    MotsSequence,
    read_mots_png,
    read_mots_txt,
)
from vos_lab.datasets.text import read_text
from vos_lab.video import IMAGE_SUFFIXES, VOID, Lazy, Video, image_frames, numbered_files
from vos_lab.video.names import files_in, numbers_of

INNER_FOLDERS = ("instances_txt", "label_02", "instances", "data", "train", "training")
"""Where the masks may lie under the folder that a person names, the best first."""
NUMBER = re.compile("[0-9]{1,9}")
SPLITS: dict[str, dict[str, tuple[int, ...]]] = {
    "kitti-mots": {
        "train": (0, 1, 3, 4, 5, 9, 11, 12, 15, 17, 19, 20),
        "val": (2, 6, 7, 8, 10, 13, 14, 16, 18),
    },
    "mots20": {"train": (2, 5, 9, 11)},
}
"""The annotated sequences. Of KITTI MOTS, the split of the paper."""


def find_sequences(folder: str | Path) -> dict[str, Path]:
    """The txt files, or folders of png images, that hold the masks of sequences.

    Args:
        folder: as it is, or with one of the official layouts in it.

    Returns:
        By the name of the sequence, sorted: a txt file, or a folder of images.

    Raises:
        FileNotFoundError: there is no such folder, or nothing of that kind in it.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     for name in ("0000", "0001"):
        ...         file = Path(folder, "instances_txt", f"{name}.txt")
        ...         file.parent.mkdir(exist_ok=True)
        ...         file.touch()
        ...     list(find_sequences(folder))
        ['0000', '0001']
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder of masks")
    found = _sequences(folder)
    if not found:
        raise FileNotFoundError(
            f"{folder}: holds no masks of MOTS, neither NAME.txt, nor NAME/000000.png, nor "
            f"NAME/gt/gt.txt, nor one of {', '.join(INNER_FOLDERS)}"
        )
    return found


def _sequences(folder: Path) -> dict[str, Path]:
    for inner in INNER_FOLDERS:
        if (folder / inner).is_dir() and (found := _sequences(folder / inner)):
            return found
    found = {}
    # Without hidden files: a Mac leaves ._0002.txt beside 0002.txt on foreign disks.
    for path in sorted(path for path in folder.iterdir() if path.name[0] != "."):
        if path.suffix.lower() == ".txt":
            found[path.stem] = path
        elif (path / "gt/gt.txt").is_file():
            found[path.name] = path / "gt/gt.txt"
        elif path.is_dir() and any(re.search("[0-9]", f.stem) for f in files_in(path, (".png",))):
            found[path.name] = path
    return found


def read_seqmap(file: str | Path) -> dict[str, range | None]:
    """Read which sequences there are, and the numbers of their frames.

    Args:
        file: lines such as ``0002 empty 000000 000232``; or, as for MOTS20, the word ``name`` and
            then a name in each line.

    Returns:
        By the name of the sequence, in the order of the file: the numbers of its frames, or None
        where only its name is there. They begin with 0, whatever the third column says, as
        mots_tools and TrackEval count them.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is of neither form, or a sequence stands there twice.
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f"{file}: there is no such seqmap")
    found: dict[str, range | None] = {}
    for number, line in enumerate(read_text(file).splitlines(), 1):
        fields = line.split()
        if not fields or (number == 1 and fields == ["name"]):
            continue
        name = f"{int(fields[0]):04d}" if NUMBER.fullmatch(fields[0]) else fields[0]
        if name in found:
            raise ValueError(f"{file}, line {number}: sequence {name} stands here a second time")
        if len(fields) == 1:
            found[name] = None
        elif len(fields) == 4 and NUMBER.fullmatch(fields[3]) and int(fields[3]) <= MAX_FRAME:
            found[name] = range(int(fields[3]) + 1)
        else:
            raise ValueError(
                f"{file}, line {number}: {line!r} is not like `0002 empty 000000 000232`, name and "
                f"last frame of a sequence (up to {MAX_FRAME})"
            )
    if not found:
        raise ValueError(f"{file}: names no sequence")
    return found


def find_seqmaps(folder: str | Path) -> list[Path]:
    """The seqmaps that lie beside the masks.

    Args:
        folder: of the truth; of an inner folder such as ``label_02/``, the one above counts too.

    Returns:
        Files such as ``evaluate_mots.seqmap.val`` or ``val.seqmap``.
    """
    folder = Path(folder)
    places = [folder, folder / "seqmaps"]
    if folder.absolute().name in INNER_FOLDERS:
        places.append(folder.absolute().parent)
    for place in places:
        files = sorted(file for file in place.glob("*seqmap*") if file.is_file())
        if files:
            return files
    return []


def frame_numbers(masks: Path) -> range | None:
    """The numbers of the frames of a sequence, from ``seqinfo.ini`` beside its masks.

    Args:
        masks: the txt file.

    Returns:
        The numbers, from 1, or None where there is no such file.

    Raises:
        ValueError: the file does not say ``seqLength``.
    """
    file = masks.parent.parent / "seqinfo.ini"
    if masks.name != "gt.txt" or not file.is_file():
        return None
    info = configparser.ConfigParser()
    try:
        info.read_string(read_text(file))
        length = info.getint("Sequence", "seqLength")
    except (configparser.Error, ValueError) as error:
        raise ValueError(f"{file}: does not say `seqLength` under `[Sequence]` ({error})") from None
    if not 0 <= length <= MAX_FRAME:
        raise ValueError(f"{file}: says that the sequence has {length} frames")
    return range(1, length + 1)


def read_sequence(
    path: Path, numbers: range | None = None, name: str | None = None, check_masks: bool = True
) -> MotsSequence:
    """Read a sequence from a txt file or a folder of png images.

    Args:
        path: as ``find_sequences`` gives it.
        numbers: the numbers of its frames, if they are known.
        name: what to call it.
        check_masks: as in ``read_mots_txt``.

    Raises:
        FileNotFoundError, ValueError: as ``read_mots_txt`` and ``read_mots_png``.
    """
    if path.is_dir():
        return read_mots_png(path, numbers, name)
    return read_mots_txt(path, numbers, name, check_masks)


# --- the data sets ----------------------------------------------------------------------------


@dataclass(frozen=True)
class MotsVideo(Video):
    """A video with all its objects.

    Its masks are label maps, in which each object has a number from 1 to 254 of its own. 255 is
    void: a region to ignore. A video of more than 254 objects has no masks, only ``objects``.

    Attributes:
        objects: all objects of all frames, with their official ids.
        labels: the label of each id.
    """

    objects: MotsSequence | None = field(default=None, repr=False)
    labels: Mapping[int, int] = field(default_factory=dict, repr=False)


class MOTS:
    """KITTI MOTS or MOTSChallenge (MOTS20), each sequence a :class:`MotsVideo`.

    A data set in the style of torchvision. Before a sequence is asked for, only folders are looked
    at; of a sequence, the masks are read (as run lengths) and the first frame.

    Args:
        root: the folder that holds ``kitti-mots/`` and ``mots20/``; None: see
            :func:`~vos_lab.datasets.download.data_root`.
        name: "kitti-mots" or "mots20".
        split: "train", of KITTI MOTS also "val", or "all".
        download: always an error that says what to do, as the data sets need an account or several
            archives.
        transforms: applied to each video.
        partial: whether to leave out sequences of the split that are not on the disk.

    Attributes:
        names: the names of the sequences, sorted.
        folder: the folder of the data set.

    Raises:
        ValueError: there is no such data set or split.
        FileNotFoundError: the data set or a sequence is missing.
        PermissionError: ``download`` was asked for, and the data set is missing.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        name: str = "kitti-mots",
        split: str = "train",
        download: bool = False,
        transforms: Callable[[MotsVideo], MotsVideo] | None = None,
        partial: bool = False,
    ) -> None:
        if name not in SPLITS:
            raise ValueError(f"name is {name!r}, there are {' and '.join(SPLITS)}")
        if split not in (*SPLITS[name], "all"):
            raise ValueError(f"split is {split!r}, {name} has {', '.join(SPLITS[name])} and all")
        self.root = downloads.data_root(root)
        self.folder = self.root / name
        self.name, self.split, self.transforms = name, split, transforms
        if not self.folder.is_dir():
            if download:
                downloads.download(name, self.root)
            how = downloads.how_to_get(name, self.root)
            raise FileNotFoundError(f"{self.folder}: there is no such folder; {how}.")
        there = find_sequences(self.folder)
        wanted = [
            number
            for each, numbers in SPLITS[name].items()
            if split in (each, "all")
            for number in numbers
        ]
        # The same sequence is called 0002 in one layout, MOTS20-02 in another.
        by_number = {
            int(digits[0]): each for each in there if (digits := re.search("[0-9]{1,9}$", each))
        }
        missing = [number for number in wanted if number not in by_number]
        if missing and not partial:
            raise FileNotFoundError(
                f"{next(iter(there.values())).parent}: sequence {missing[0]:04d} of {name} {split} "
                f"is missing; {len(missing)} of {len(wanted)} are. Get the whole data set, or "
                "leave them out with partial=True."
            )
        self.names = sorted(by_number[number] for number in wanted if number in by_number)
        self._masks = there
        if not self.names:
            raise FileNotFoundError(f"{self.folder}: holds no sequence of {name} {split}")

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[MotsVideo]:
        return (self[name] for name in self.names)

    def __repr__(self) -> str:
        return f"<{self.name} {self.split}: {len(self)} sequences>"

    def __getitem__(self, index: int | str) -> MotsVideo:
        """A sequence by its number or its name.

        Args:
            index: ``0`` to ``len - 1``, or a name such as ``"0002"``.

        Returns:
            The video; its frames and masks are made when they are asked for.

        Raises:
            KeyError: no sequence has this name.
            IndexError: no sequence has this number.
            FileNotFoundError: its frames are missing.
            ValueError: something is wrong with its masks; see ``read_mots_txt``.
        """
        if isinstance(index, str) and index not in self.names:
            raise KeyError(f"{self!r} has no sequence {index!r}")
        name = index if isinstance(index, str) else self.names[index]
        files = numbered_files(self._images(name), IMAGE_SUFFIXES)
        objects = read_sequence(self._masks[name], numbers_of(files), name)
        video = MotsVideo(
            name,
            image_frames(files),
            fps=10.0 if self.name == "kitti-mots" else 30.0,
            frame_names=[file.stem for file in files],
            objects=objects,
        )
        if objects.size not in (None, video.size):
            raise ValueError(
                f"{objects.source}: its masks belong to images of {objects.size} pixels (height, "
                f"width), {files[0]} has {video.size}"
            )
        labels = dict(zip(objects.ids.tolist(), range(1, VOID), strict=False))
        if len(labels) == len(objects.ids):
            frames = objects.frames
            masks = Lazy(len(video), lambda t: label_map(frames[t], labels, video.size))
            video = replace(video, masks=masks, labels=labels)
        return video if self.transforms is None else self.transforms(video)

    def _images(self, name: str) -> Path:
        masks = self._masks[name]
        places = [
            self.folder / "training/image_02" / name,
            self.folder / "image_02" / name,
            self.folder / "images" / name,
            self.folder / "train/images" / name,
            masks.parent.parent / "img1",
        ]
        for place in places:
            if place.is_dir():
                return place
        raise FileNotFoundError(
            f"{places[0]}: there is no such folder of images of {name}, nor in any other layout; "
            f"{downloads.how_to_get(self.name, self.root)}"
        )


def label_map(
    objects: list[MotsObject], labels: Mapping[int, int], size: tuple[int, int]
) -> np.ndarray:
    """Draw the objects of a frame.

    Args:
        objects: their masks do not overlap.
        labels: the label of each id; an id without one is left out.
        size: height and width in pixels.

    Returns:
        ``(H, W)`` uint8 label map; regions to ignore are 255.

    Example:
        >>> car = MotsObject.of(1001, 1, np.array([[True, False]]))
        >>> label_map([car], {1001: 7}, (1, 2)).tolist()
        [[7, 0]]
    """
    drawn = np.zeros(size, np.uint8)
    for each in objects:
        drawn[each.mask] = VOID if each.category == IGNORE else labels.get(each.id, 0)
    return drawn
