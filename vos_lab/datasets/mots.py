"""MOTS: many objects in each video, tracked from where they appear to where they leave.

Voigtlaender et al., "MOTS: Multi-Object Tracking and Segmentation", CVPR 2019: KITTI MOTS (21
training videos from a car, of cars and pedestrians) and MOTSChallenge (MOTS20, 4 videos of crowds
of pedestrians). Masks of one frame never overlap. Both come in two forms:

- txt, a file for each video and a line for each mask: ``frame id category height width rle``;
- png, a folder for each video and a 16-bit image for each frame: a pixel holds the id of its
  object, 0 is background.

An id is 1000 times the category (1 car, 2 pedestrian) and the number of the object. 10000 is a
region to ignore, where nobody knows what there is.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from pycocotools import mask as coco

from vos_lab.datasets.mots_lines import read_lines
from vos_lab.datasets.run_lengths import (
    RunLengthError,
    Runs,
    rle_decode,
    rle_encode,
    rle_from_string,
    rle_strings,
    rle_to_string,
    strip_of_runs,
)
from vos_lab.video import Lazy, numbered_files
from vos_lab.video.names import numbers_of
from vos_lab.video.pictures import errors_named, open_image
from vos_lab.video.png import MAX_PIXELS

CATEGORIES = {"car": 1, "pedestrian": 2}
IGNORE = 10
"""The category of a region to ignore."""
PER_CATEGORY = 1000
"""An id is this times the category, and the number of the object."""
MAX_FRAME = 10**7
"""Beyond, a number is a mistake."""
BLOCK = 1 << 20
"""How many characters of run lengths are looked at together: some MB, however long the video."""


class MotsObject(NamedTuple):
    """An object in one frame.

    Attributes:
        id: who it is: the same number in all frames.
        category: 1 car, 2 pedestrian, 10 a region to ignore.
        size: height and width of the image in pixels.
        rle: its mask, as the string of COCO.

    Example:
        >>> mask = np.array([[0, 1, 1], [0, 1, 0]], bool)
        >>> car = MotsObject.of(1001, 1, mask)
        >>> car.rle, car.area
        ('231', 3)
        >>> bool((car.mask == mask).all())
        True
    """

    id: int
    category: int
    size: tuple[int, int]
    rle: str

    @staticmethod
    def of(id: int, category: int, mask: np.ndarray) -> "MotsObject":
        """The object with this mask, ``(H, W)`` bool.

        Raises:
            ValueError: it is no binary mask.
        """
        rle = rle_to_string(rle_encode(mask))
        return MotsObject(id, category, (mask.shape[0], mask.shape[1]), rle)

    @property
    def mask(self) -> np.ndarray:
        """``(H, W)`` bool."""
        return rle_decode(rle_from_string(self.rle), self.size)

    @property
    def area(self) -> int:
        """In pixels."""
        return int(coco.area(self._coco))

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of the smallest box around the mask, in pixels."""
        left, top, width, height = coco.toBbox(self._coco).tolist()
        return left, top, width, height

    @property
    def _coco(self) -> dict[str, object]:
        return {"size": list(self.size), "counts": self.rle.encode("ascii")}


@dataclass(frozen=True, eq=False)
class MotsSequence:
    """All objects of a video, as run lengths. Nothing is drawn before it is asked for.

    Made by ``read_mots_txt``, ``read_mots_png`` or ``MotsSequence.of``, which check it.

    Attributes:
        name: of the video.
        numbers: the numbers of its frames: from 0 in KITTI MOTS, from 1 in MOTS20; in steps where
            frames were left out evenly.
        size: height and width in pixels; None where there is no mask.
        frame: ``(N,)`` int64: the number of the frame of each mask, ascending.
        id: ``(N,)`` int64.
        category: ``(N,)`` int64.
        text: holds the strings of all masks.
        starts: ``(N,)`` int64: where in ``text`` the string of each mask begins.
        stops: ``(N,)`` int64: where it ends.
        source: the file or folder that it comes from, or its name.
        line: ``(N,)`` the line of each mask in its file, None where it is not from a file.

    Example:
        >>> car = MotsObject.of(1001, 1, np.array([[0, 1, 1], [0, 1, 0]], bool))
        >>> sequence = MotsSequence.of("street", [[car], [], [car]])
        >>> len(sequence), sequence.frames[2][0].id, sequence.ids.tolist()
        (3, 1001, [1001])
    """

    name: str
    numbers: range
    size: tuple[int, int] | None
    frame: np.ndarray = field(repr=False)
    id: np.ndarray = field(repr=False)
    category: np.ndarray = field(repr=False)
    text: bytes = field(repr=False)
    starts: np.ndarray = field(repr=False)
    stops: np.ndarray = field(repr=False)
    source: str = ""
    line: np.ndarray | None = field(default=None, repr=False)

    @staticmethod
    def of(
        name: str, frames: Iterable[Iterable[MotsObject]], first: int = 0, source: str = ""
    ) -> "MotsSequence":
        """The sequence of these objects.

        Args:
            name: of the video.
            frames: the objects of each frame, in order.
            first: the number of the first frame.
            source: what to call it in an error.

        Raises:
            ValueError: masks of one frame overlap, two objects have one id, or a mask is damaged
                or has another size.
        """
        rows, strings = [], []
        stop = first
        for objects in frames:
            for each in objects:
                rows.append((stop, each.id, each.category, *each.size))
                strings.append(each.rle.encode("latin-1", "replace"))
            stop += 1
        sequence = _sequence(name, range(first, stop), *_together(rows, strings), source or name)
        _ = sequence.area  # which looks at all masks
        return sequence

    def __len__(self) -> int:
        return len(self.numbers)

    def renumbered(self, numbers: range) -> "MotsSequence":
        """The same sequence with other numbers of its frames.

        Args:
            numbers: as many as it has.

        Raises:
            ValueError: there are more or fewer.
        """
        if len(numbers) != len(self):
            raise ValueError(f"{self.name}: has {len(self)} frames, not {len(numbers)}")
        place = (self.frame - self.numbers.start) // self.numbers.step
        frame = numbers.start + numbers.step * place
        return replace(self, numbers=numbers, frame=frame)

    @property
    def ids(self) -> np.ndarray:
        """Every id once, ascending, without regions to ignore."""
        return np.unique(self.id[self.category != IGNORE])

    @cached_property
    def area(self) -> np.ndarray:
        """``(N,)`` int64: how many pixels each mask has.

        Raises:
            ValueError: a mask is damaged, or overlaps another of its frame.
        """
        parts = [self.strip(slice(*part))[1] for part in blocks(self.frame, self.lengths)]
        return np.concatenate([np.empty(0, np.int64), *parts])

    @property
    def lengths(self) -> np.ndarray:
        """``(N,)`` int64: how many characters the string of each mask has."""
        return self.stops - self.starts

    def strip(self, rows: slice, first: int = 0) -> tuple[Runs, np.ndarray]:
        """Read some of the masks, run by run.

        Args:
            rows: which; whole frames.
            first: the number of the frame with which the strip begins.

        Returns:
            Their runs, and the area of each mask.

        Raises:
            ValueError: a mask is damaged, or overlaps another of its frame.
        """
        height, width = self.size or (0, 0)
        try:
            return strip_of_runs(
                self.text,
                self.starts[rows],
                self.stops[rows],
                height * width,
                self.frame[rows] - first,
            )
        except RunLengthError as error:
            other = f" ({self.where(rows.start + error.other)})" if error.other is not None else ""
            raise ValueError(f"{self.where(rows.start + error.mask)}: {error}{other}") from None

    def where(self, row: int) -> str:
        """Where a mask stands, for an error."""
        if self.line is not None:
            return f"{self.source}, line {self.line[row]}"
        return f"{self.source}, frame {self.frame[row]}, object {self.id[row]}"

    @property
    def frames(self) -> Sequence[list[MotsObject]]:
        """The objects of each frame, in the order of the file; made when they are asked for."""
        return Lazy(len(self), self._objects)

    def _objects(self, t: int) -> list[MotsObject]:
        number = self.numbers[t]
        rows = slice(*np.searchsorted(self.frame, [number, number + 1]).tolist())
        size = self.size or (0, 0)
        columns = (self.id, self.category, self.starts, self.stops)
        return [
            MotsObject(id, category, size, self.text[start:stop].decode("latin-1"))
            for id, category, start, stop in zip(
                *(column[rows].tolist() for column in columns), strict=True
            )
        ]


def _said(numbers: range) -> str:
    """The numbers of frames, for an error."""
    steps = f" in steps of {numbers.step}" if numbers.step > 1 else ""
    return f"{numbers[0]} to {numbers[-1]}{steps}" if numbers else "none"


def _together(
    rows: Sequence[tuple[int, ...]], strings: Sequence[bytes]
) -> tuple[bytes, np.ndarray, np.ndarray]:
    """What ``read_lines`` would find if these masks stood in a file; without lines."""
    stops = np.cumsum([len(string) for string in strings], dtype=np.int64)
    starts = stops - [len(string) for string in strings]
    table = np.array(rows, np.int64).reshape(-1, 5).T
    return b"".join(strings), table, np.stack([starts, stops])


def _sequence(
    name: str, numbers: range, text: bytes, table: np.ndarray, places: np.ndarray, source: str
) -> MotsSequence:
    """A sequence from what ``read_lines`` finds.

    Everything is checked but the masks themselves: ``area`` does that.
    """
    if (table[0, 1:] < table[0, :-1]).any():
        # By frame; within a frame, in the order of the file.
        order = np.argsort(table[0], kind="stable")
        table, places = table[:, order], places[:, order]
    frame, ids, category, height, width = table
    starts, stops, *line = places
    size = (int(height[0]), int(width[0])) if len(frame) else None
    sequence = MotsSequence(
        name, numbers, size, frame, ids, category, text, starts, stops, source, *line
    )

    def refuse(wrong: np.ndarray | np.bool, reason: Callable[[int], str]) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(f"{sequence.where(row)}: {reason(row)}")

    refuse(
        (frame < 0) | (frame > MAX_FRAME) | (ids < 0),
        lambda row: f"frame {frame[row]}, id {ids[row]}: both are 0 or more, frames to {MAX_FRAME}",
    )
    refuse(
        (category != IGNORE) & ((category < 1) | (category > len(CATEGORIES))),
        lambda row: (
            f"the category is {category[row]}; there are 1 (car), 2 (pedestrian) and 10 (ignore)"
        ),
    )
    refuse(
        # As float, since the product of two such numbers may be more than an integer holds.
        (height < 1) | (width < 1) | (height.astype(float) * width > MAX_PIXELS),
        lambda row: (
            f"an image of {width[row]} x {height[row]} pixels cannot be; at most {MAX_PIXELS:,} "
            "are read"
        ),
    )
    refuse(
        (height != height[:1]) | (width != width[:1]),
        lambda row: (
            f"the mask belongs to an image of {width[row]} x {height[row]} pixels, "
            f"that of {sequence.where(0)} to one of {width[0]} x {height[0]}"
        ),
    )
    refuse(
        (frame < numbers.start)
        | (frame >= numbers.stop)
        | ((frame - numbers.start) % numbers.step != 0),
        lambda row: f"frame {frame[row]} is beyond the video, whose frames are {_said(numbers)}",
    )
    by_id = np.lexsort((ids, frame))
    again = np.zeros(len(frame), bool)
    again[by_id[1:]] = (np.diff(frame[by_id]) == 0) & (np.diff(ids[by_id]) == 0)
    refuse(again, lambda row: f"frame {frame[row]} has object {ids[row]} a second time")
    return sequence


def blocks(frame: np.ndarray, lengths: np.ndarray) -> Iterator[tuple[int, int]]:
    """Cut a sequence into parts of whole frames that are small in memory.

    Args:
        frame: ``(N,)``, the frame of each mask, ascending.
        lengths: ``(N,)``, how many characters the string of each mask has.

    Yields:
        The first mask of a part, and the one after its last.

    Example:
        >>> list(blocks(np.array([0, 0, 3]), np.array([BLOCK, 1, 1])))
        [(0, 2), (2, 3)]
    """
    borders = np.concatenate([[0], np.cumsum(lengths)])
    start = 0
    while start < len(frame):
        # As many masks as fit; then back to the end of a frame, or on where one frame is larger.
        stop = int(np.searchsorted(borders, borders[start] + BLOCK, side="right")) - 1
        if stop < len(frame):
            back = int(np.searchsorted(frame, frame[stop]))
            stop = back if back > start else int(np.searchsorted(frame, frame[start], "right"))
        yield start, stop
        start = stop


# --- the two forms ----------------------------------------------------------------------------


def read_mots_txt(
    path: str | Path,
    numbers: range | None = None,
    name: str | None = None,
    check_masks: bool = True,
) -> MotsSequence:
    """Read a file with a line for each mask: ``frame id category height width rle``.

    Args:
        path: the file.
        numbers: the numbers of the frames of the video, as a seqmap tells; the file does not name
            empty ones. By default from 0 to the last that the file names.
        name: of the video; by default that of the file.
        check_masks: False leaves it to who reads the masks (``area``, ``strip``, an evaluation) to
            find that one is damaged or overlaps another, and all else to be found here.

    Returns:
        The objects of all frames.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is cut off or no such line, a mask has another size than the others, its
            runs do not fill the image, two masks of a frame overlap, an id is twice in a frame, or
            a frame is none of ``numbers``. The file and the line are named.
    """
    path = Path(path)
    text, table, places = read_lines(path)
    if numbers is None:
        numbers = range(int(table[0].max(initial=-1)) + 1)
    sequence = _sequence(name or path.stem, numbers, text, table, places, str(path))
    if check_masks:
        _ = sequence.area  # which looks at all of them
    return sequence


def write_mots_txt(path: str | Path, sequence: MotsSequence) -> None:
    """Write a line for each mask: ``frame id category height width rle``.

    Args:
        path: where to; folders are made.
        sequence: what to write; frame by frame, in its own order.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="ascii", newline="\n") as file:
        for number, objects in zip(sequence.numbers, sequence.frames, strict=True):
            for each in objects:
                file.write(f"{number} {each.id} {each.category} {each.size[0]} {each.size[1]} ")
                file.write(f"{each.rle}\n")


def read_mots_png(
    folder: str | Path, numbers: range | None = None, name: str | None = None
) -> MotsSequence:
    """Read a folder of 16-bit images, ``000000.png`` and so on, in which a pixel holds an id.

    All images are read, one at a time, and kept as run lengths.

    Args:
        folder: the images of a video.
        numbers: the numbers of its frames, as a seqmap tells; by default those of the images. An
            image for frame 0 may be missing, as MOTS20 counts from 1.
        name: of the video; by default that of the folder.

    Returns:
        The objects of all frames, those of a frame by ascending id.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: an image is missing, cannot be read, has not 16 bits or another size than the
            others, or holds an id of no category.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder of masks")
    files = numbered_files(folder, (".png",))
    there = numbers_of(files)
    if numbers is None:
        numbers = there
    first = numbers.start if there.start == numbers.start else numbers.start + 1
    if there != range(first, numbers.stop, numbers.step):
        raise ValueError(
            f"{folder}: holds the frames {_said(there)}, but the video has {_said(numbers)}"
        )
    rows, strings, size = [], [], None
    for number, file in zip(there, files, strict=True):
        ids = read_ids(file)
        size = size or ids.shape
        if ids.shape != size:
            raise ValueError(
                f"{file}: is {ids.shape[1]} x {ids.shape[0]} pixels, but {files[0]} is "
                f"{size[1]} x {size[0]}"
            )
        for id, string in rle_strings(ids).items():
            rows.append((number, id, id // PER_CATEGORY, *size))
            strings.append(string.encode("ascii"))
    return _sequence(name or folder.name, numbers, *_together(rows, strings), str(folder))


def read_ids(file: str | Path) -> np.ndarray:
    """Read one 16-bit image of ids.

    Args:
        file: a PNG file, grey, with 16 bits a pixel.

    Returns:
        ``(H, W)`` uint16: 0 is background, 10000 a region to ignore, anything else 1000 times the
        category and the number of the object.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read, has not 16 bits, or holds an id of no category.
    """
    with errors_named(file, "image of ids"), open_image(Path(file).read_bytes()) as image:
        mode, pixels = image.mode, np.array(image)
    if not mode.startswith("I"):
        raise ValueError(
            f"{file}: has mode {mode}, 8 bits for each colour; ids such as 1001 need a grey image "
            "of 16 bits. Write it with vos_lab.datasets.mots.write_mots_png."
        )
    for id in np.unique(pixels).tolist():
        if id != 0 and id // PER_CATEGORY not in (*CATEGORIES.values(), IGNORE):
            raise ValueError(
                f"{file}: holds the id {id}; there are 1000 to 1999 (car), 2000 to 2999 "
                "(pedestrian) and 10000 (ignore)"
            )
    return pixels.astype(np.uint16)


def write_mots_png(
    folder: str | Path, sequence: MotsSequence, size: tuple[int, int] | None = None
) -> None:
    """Write a 16-bit image for each frame, ``000000.png`` and so on.

    Args:
        folder: where to; it is made.
        sequence: what to write.
        size: height and width in pixels, needed where there is no mask at all.

    Raises:
        ValueError: an id does not begin with its category (this form has no other place for it),
            or the size is not known.
    """
    folder, size = Path(folder), sequence.size or size
    if size is None:
        raise ValueError(f"{sequence.name}: has no mask, so how large its images are must be said")
    wrong = np.flatnonzero(sequence.id // PER_CATEGORY != sequence.category)
    if wrong.size:
        row = wrong[0]
        raise ValueError(
            f"{sequence.source}: object {sequence.id[row]} is of category "
            f"{sequence.category[row]}. A png image tells the category by the id, which would be "
            f"{sequence.category[row] * PER_CATEGORY} and more; number the objects anew."
        )
    folder.mkdir(parents=True, exist_ok=True)
    for number, objects in zip(sequence.numbers, sequence.frames, strict=True):
        ids = np.zeros(size, np.uint16)
        for each in objects:
            ids[each.mask] = each.id
        Image.fromarray(ids).save(folder / f"{number:06d}.png")
