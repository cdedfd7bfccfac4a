"""DAVIS 2016 and 2017: densely annotated videos.

- DAVIS 2016 (Perazzi et al., CVPR 2016): 30 + 20 sequences, one object, binary masks.
- DAVIS 2017 (Pont-Tuset et al., arXiv:1704.00675): 60 + 30 sequences, several objects.
- Unsupervised annotations of 2017 (Caelles et al., arXiv:1905.00737): the objects that a person
  would pick unasked, with void where that is open.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from vos_lab.datasets import download as downloads
from vos_lab.datasets.text import read_text
from vos_lab.video import IMAGE_SUFFIXES, Video, image_frames, mask_files, numbered_files
from vos_lab.video.names import files_in, files_named

SPLITS = {
    2016: ("train", "val", "trainval"),
    2017: ("train", "val", "trainval", "test-dev", "test-challenge"),
}
TASKS = ("semi-supervised", "unsupervised")


class DAVIS:
    """The sequences of a split of DAVIS, each a :class:`~vos_lab.video.Video`.

    A data set in the style of torchvision, also for ``torch.utils.data.DataLoader``. Nothing but
    the list of names is read before a sequence is asked for, and of a sequence only the first
    frame.

    Args:
        root: the folder that holds ``davis2016/`` and ``davis2017/``; None: see
            :func:`~vos_lab.datasets.download.data_root`.
        year: 2016 (one object: labels 0 and 1) or 2017 (several objects).
        split: "train", "val", "trainval"; of 2017 also "test-dev" and "test-challenge", where at
            most the first frame is annotated.
        task: "semi-supervised", or "unsupervised" (of 2017: annotations of their own).
        resolution: a folder of the official layout: "480p", "1080p" (2016), "Full-Resolution"
            (2017).
        download: whether to get what is missing from the official address.
        transforms: applied to each video.
        partial: whether to leave out sequences that the list of the split names but that are not
            on the disk. By default that is an error, as a mean over other sequences is another
            number.

    Attributes:
        names: the names of the sequences, in the order of the official list.
        folder: the folder of the data set.

    Raises:
        ValueError: there is no such year, split or task.
        FileNotFoundError: the data set, the list or a sequence is missing.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> import numpy as np
        >>> from PIL import Image
        >>> from vos_lab.video import write_mask
        >>> with TemporaryDirectory() as root:
        ...     davis = Path(root, "davis2017")
        ...     for folder in ("JPEGImages/480p/bear", "ImageSets/2017"):
        ...         (davis / folder).mkdir(parents=True)
        ...     _ = (davis / "ImageSets/2017/val.txt").write_text("bear")
        ...     grey = np.full((8, 12, 3), 128, np.uint8)
        ...     Image.fromarray(grey).save(davis / "JPEGImages/480p/bear/00000.jpg")
        ...     write_mask(davis / "Annotations/480p/bear/00000.png", np.eye(8, 12, dtype=np.uint8))
        ...     dataset = DAVIS(root, year=2017)
        ...     len(dataset), dataset["bear"].name, int(dataset[0].first_mask.sum())
        (1, 'bear', 8)
    """

    def __init__(
        self,
        root: str | Path | None = None,
        year: int = 2017,
        split: str = "val",
        task: str = "semi-supervised",
        resolution: str = "480p",
        download: bool = False,
        transforms: Callable[[Video], Video] | None = None,
        partial: bool = False,
    ) -> None:
        if year not in SPLITS:
            raise ValueError(f"year is {year}, but DAVIS has 2016 and 2017")
        if split not in SPLITS[year]:
            raise ValueError(f"split is {split!r}, DAVIS {year} has {', '.join(SPLITS[year])}")
        if task not in TASKS:
            raise ValueError(f"task is {task!r}, DAVIS has {', '.join(TASKS)}")
        self.root = downloads.data_root(root)
        self.folder = self.root / f"davis{year}"
        self.year, self.split, self.task, self.resolution = year, split, task, resolution
        self.transforms = transforms
        # DAVIS 2016 is evaluated on the same masks in both tasks.
        own_annotations = task == "unsupervised" and year == 2017
        kind = "Annotations_unsupervised" if own_annotations else "Annotations"
        self._images = self.folder / "JPEGImages" / resolution
        self._masks = self.folder / kind / resolution
        # Only the training and validation sets are annotated in public.
        self._annotated = split in ("train", "val", "trainval")
        self._source = f"davis{year}-unsupervised" if own_annotations else f"davis{year}"
        self._find(download)
        # A dictionary from name to the frames that the list names; None for all in its folder.
        self._listed = self._read_lists(partial)
        missing = [name for name in self._listed if not (self._images / name).is_dir()]
        if missing and not partial:
            raise FileNotFoundError(
                f"{self._images / missing[0]}: this sequence of DAVIS {year} {split} is missing; "
                f"{len(missing)} of {len(self._listed)} are. Get the whole data set "
                f"(`vos-lab data {self._source} --again`), name the sequences that you want, or "
                "leave out what is missing with partial=True."
            )
        self.names = [name for name in self._listed if name not in missing]
        if not self.names:
            raise FileNotFoundError(f"{self._images}: holds no sequence of DAVIS {year} {split}")

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Video]:
        return (self[name] for name in self.names)

    def __repr__(self) -> str:
        return f"<DAVIS {self.year} {self.split}, {self.task}: {len(self)} sequences>"

    def __getitem__(self, index: int | str) -> Video:
        """A sequence by its number or its name.

        Args:
            index: ``0`` to ``len - 1``, or a name such as ``"camel"``.

        Returns:
            The video; its frames and masks are read when asked for.

        Raises:
            KeyError: no sequence has this name.
            IndexError: no sequence has this number.
            FileNotFoundError: a frame or an annotation is missing.
        """
        if isinstance(index, str) and index not in self.names:
            there = ", ".join(self.names[:5]) + (", ..." if len(self) > 5 else "")
            raise KeyError(f"{self!r} has no sequence {index!r}; it has {there}")
        name = index if isinstance(index, str) else self.names[index]
        listed = self._listed[name]
        if listed is None:
            files = numbered_files(self._images / name, IMAGE_SUFFIXES)
            # A mask without its frame tells of a frame that is missing, where no gap does.
            frames = {file.stem for file in files}
            masks = self._masks / name
            for mask in files_in(masks, (".png",)) if masks.is_dir() else []:
                if mask.stem not in frames:
                    raise FileNotFoundError(f"{mask}: its frame is missing in {files[0].parent}")
        else:
            files = [self._images / name / frame for frame in listed]
        annotations = files_named(self._masks / name, [file.stem for file in files], (".png",))
        needed = annotations if self._annotated else []
        for file in files + needed:
            if not file.is_file():
                raise FileNotFoundError(
                    f"{file}: is missing, but DAVIS {self.year} {self.split} has it. Get the data "
                    f"set again: `vos-lab data {self._source} --again`."
                )
        video = Video(name, image_frames(files), frame_names=[file.stem for file in files])
        # Whether a mask is binary is known from the year: an all-black one does not tell.
        if any(file.is_file() for file in annotations):
            binary = self.year == 2016
            read = mask_files(annotations, video.size, binary, frames=files)
            video = replace(video, masks=read)
        return video if self.transforms is None else self.transforms(video)

    def _find(self, download: bool) -> None:
        needed = [self._images] + ([self._masks] if self._annotated else [])
        missing = [folder for folder in needed if not folder.is_dir()]
        if missing and download:
            if self.resolution != "480p" and self.year == 2017:
                raise ValueError(
                    f"only 480p of DAVIS 2017 is downloaded for you. Get {self.resolution} from "
                    f"https://davischallenge.org and unpack it into {self.folder}."
                )
            if not self._annotated:
                raise ValueError(
                    f"{self.split} of DAVIS 2017 is not downloaded for you. Get it from "
                    f"https://davischallenge.org and unpack it into {self.folder}."
                )
            downloads.download(self._source, self.root)
            missing = [folder for folder in needed if not folder.is_dir()]
        if missing:
            raise FileNotFoundError(
                f"{missing[0]}: there is no such folder. {self._what_is_wrong()}"
            )

    def _what_is_wrong(self) -> str:
        """Why a folder of the official layout is not there, as far as it can be seen."""
        if (self.root / "JPEGImages").is_dir():
            return (
                f"The root {self.root} is a data set itself; name the folder above it, and call "
                f"the data set davis{self.year}."
            )
        for inner in sorted(self.folder.glob("*/JPEGImages")):
            return f"The data set lies one folder too deep: move what is in {inner.parent} up."
        there = sorted(path.name for path in self._images.parent.glob("*") if path.is_dir())
        if there and self.resolution not in there:
            return f"There is {', '.join(there)}, not {self.resolution}."
        root = "" if self.root.is_dir() else f"The root {self.root} is no folder. "
        return (
            f"{root}{downloads.how_to_get(self._source)}; or let VOS_LAB_DATA (or root) name the "
            f"folder that holds davis{self.year}/."
        )

    def _read_lists(self, partial: bool) -> dict[str, list[str] | None]:
        whole = self._list_file(self.split)
        if self.split != "trainval" or whole.is_file():
            return _read_list(whole)
        # The official 2017 layout has no list for both.
        files = [self._list_file(split) for split in ("train", "val")]
        if partial:
            files = [file for file in files if file.is_file()] or files
        return {name: frames for file in files for name, frames in _read_list(file).items()}

    def _list_file(self, split: str) -> Path:
        if self.year == 2016:
            folder = self.resolution
        elif self.task == "unsupervised" and split.startswith("test"):
            folder = "2019"
        else:
            folder = "2017"
        return self.folder / "ImageSets" / folder / f"{split}.txt"


def _read_list(file: Path) -> dict[str, list[str] | None]:
    if not file.is_file():
        raise FileNotFoundError(f"{file}: the list of the sequences of this split is missing")
    listed: dict[str, list[str] | None] = {}
    for number, line in enumerate(read_text(file).split("\n"), 1):
        if not line.strip():
            continue
        # DAVIS 2016 lists "/JPEGImages/480p/bear/00000.jpg /Annotations/...", 2017 lists "bear".
        first, *others = line.split()
        if len(others) > 1 or line.count("/JPEGImages/") > 1:
            raise ValueError(
                f"{file}, line {number}: {line.strip()[:80]!r} is neither the name of a sequence "
                "nor that of a frame and its mask; is a newline lost?"
            )
        path = PurePosixPath(first)
        if len(path.parts) == 1:
            listed[path.name] = None
            continue
        frames = listed.setdefault(path.parent.name, [])
        if frames is None:
            raise ValueError(f"{file}: names {path.parent.name} both whole and frame by frame")
        frames.append(path.name)
    return listed


def example(name: str = "blackswan", root: str | Path | None = None) -> Video | None:
    """A real sequence of DAVIS 2016, or where there is none, a line that says how to get it.

    Args:
        name: of the sequence.
        root: as in :func:`~vos_lab.datasets.download.data_root`.

    Returns:
        The sequence, or None after the line was printed.

    Example:
        >>> example(root="no such folder")
        No real data here: `vos-lab data davis2016` gets it (1.9 GB). The lesson goes on without it.
    """
    try:
        dataset = DAVIS(root, year=2016, split="trainval", partial=True)
    except FileNotFoundError:
        how = downloads.how_to_get("davis2016", root)
        print(f"No real data here: {how}. The lesson goes on without it.")
        return None
    if name not in dataset.names:
        print(f"{dataset.folder} has no {name}, only {', '.join(dataset.names)}.")
        return None
    return dataset[name]
