"""Detections of a real detector: the txt files of TrackR-CNN, or any MOTS result."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from vos_lab.datasets.detections import Detection
from vos_lab.datasets.mots import CATEGORIES
from vos_lab.datasets.run_lengths import rle_decode, rle_from_string
from vos_lab.datasets.text import read_utf8
from vos_lab.video import Lazy
from vos_lab.video.png import check_size

BOX_LINE = "frame x y x y score category height width rle ..."
MASK_LINE = "frame id category height width rle"


class Detections(Lazy[list[Detection]]):
    """What a detector has found in each frame, read from a file.

    Attributes:
        skipped: by the class in the file, how many detections were left out, as nobody asked for
            it.
        foreign: by the class, how many of those that were kept are neither car nor pedestrian, so
            that no track in the form of MOTS can come of them.
        kept: how many were kept, of all classes.
    """

    def __init__(
        self,
        length: int,
        get: Callable[[int], list[Detection]],
        skipped: Counter[int],
        found: Counter[int],
    ) -> None:
        super().__init__(length, get)
        self.skipped = dict(sorted(skipped.items()))
        known = CATEGORIES.values()
        self.foreign = {each: found[each] for each in sorted(found) if each not in known}
        self.kept = found.total()

    @property
    def is_useless(self) -> bool:
        """Whether the file holds detections, but no track can come of any."""
        return bool(self.skipped or self.kept) and self.kept == sum(self.foreign.values())

    @property
    def note(self) -> str:
        """What of the file is not tracked, and what to do about that; empty where all is."""
        without = Counter(self.skipped) + Counter(self.foreign)
        if not without:
            return ""
        counts = ", ".join(f"{count} of class {each}" for each, count in sorted(without.items()))
        return (
            f"{without.total()} of {self.kept + sum(self.skipped.values())} detections are skipped "
            f"({counts}), as MOTS knows the classes 1 (car) and 2 (pedestrian). Say what the "
            "classes of the file are: of COCO, where 1 is a person and 3 a car, --classes 1=2 "
            "--classes 3=1"
        )


def classes_from(texts: Iterable[str]) -> dict[int, int]:
    """What the classes of a file are in MOTS, as a person types it.

    Args:
        texts: a class of the file and one of MOTS each: ``"3=1"``.

    Raises:
        ValueError: one has another form, or a class is no number, or none of MOTS.

    Example:
        >>> classes_from(["3=1", "1=2"])
        {3: 1, 1: 2}
    """
    classes = {}
    for text in texts:
        given, _, known = text.partition("=")
        try:
            classes[int(given)] = int(known)
        except ValueError:
            known = ""
        if known not in {str(each) for each in CATEGORIES.values()}:
            raise ValueError(
                f"{text!r}: say it as 3=1, a class of the file and one of MOTS, 1 (car) or "
                "2 (pedestrian)"
            )
    return classes


def read_detections(
    path: str | Path,
    numbers: range,
    size: tuple[int, int] | None = None,
    classes: Mapping[int, int] | None = None,
) -> Detections:
    """Read what a detector has found in each frame of a video.

    A line is one detection, in one of two forms: that of TrackR-CNN (``frame``, four numbers of a
    box, ``score category height width rle``, and an embedding, which is not kept), or that of MOTS
    (``frame id category height width rle``), whose ids are not looked at and whose score is 1. All
    lines of a file have one form.

    Args:
        path: the file.
        numbers: the numbers of the frames of the video, as the file counts them.
        size: height and width of the video, which all masks must have.
        classes: what the classes of the file are in MOTS, ``{3: 1, 1: 2}`` for cars and people of
            COCO; others are left out. By default all are kept as they are.

    Returns:
        For each frame a list of detections, and how many were skipped. Masks are drawn when they
        are asked for.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line has another form, or a frame is none of ``numbers``; when a frame is
            asked for: a mask is damaged. File and line are named.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder, "0002.txt")
        ...     lines = ("0 0 0 1 2 0.9 1 2 3 231", "2 0 0 1 2 0.8 3 2 3 231")
        ...     _ = file.write_text(chr(10).join(lines))
        ...     frames = read_detections(file, range(3))
        >>> [[(d.score, d.category, int(d.mask.sum())) for d in frame] for frame in frames]
        [[(0.9, 1, 3)], [], [(0.8, 3, 3)]]
        >>> frames.foreign
        {3: 1}
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file of detections")
    lines: dict[int, list[tuple[int, float, int, tuple[int, int], str]]] = {}
    skipped, found = Counter[int](), Counter[int]()
    fields_of_first = None
    for number, line in enumerate(read_utf8(path).decode("latin-1").split("\n"), 1):
        fields = line.split()
        if not fields:
            continue
        fields_of_first = fields_of_first or len(fields)
        try:
            if len(fields) != fields_of_first:
                raise ValueError(
                    f"has {len(fields)} fields, those before {fields_of_first}; is it cut off, or "
                    "is a newline lost?"
                )
            frame, score, category, shape, rle = _fields(fields)
            if frame not in numbers:
                steps = f" in steps of {numbers.step}" if numbers.step > 1 else ""
                raise ValueError(
                    f"frame {frame}, the video has {numbers[0]} to {numbers[-1]}{steps}"
                )
            check_size(shape[1], shape[0])
            if size not in (None, shape):
                raise ValueError(
                    f"the mask belongs to an image of {shape[1]} x {shape[0]} pixels, the video "
                    f"has {size[1]} x {size[0]}"
                )
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
        if classes is not None and category not in classes:
            skipped[category] += 1
            continue
        category = category if classes is None else classes[category]
        found[category] += 1
        lines.setdefault(frame, []).append((number, score, category, shape, rle))

    def read(t: int) -> list[Detection]:
        detections = []
        for number, score, category, shape, rle in lines.get(numbers[t], []):
            try:
                mask = rle_decode(rle_from_string(rle), shape)
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}") from None
            detections.append(Detection(np.ascontiguousarray(mask), score, category))
        return detections

    return Detections(len(numbers), read, skipped, found)


def _fields(fields: list[str]) -> tuple[int, float, int, tuple[int, int], str]:
    """Frame, score, category, size and run lengths of a line in either form."""
    try:
        if len(fields) == 6:
            frame, _, category, height, width = (int(field) for field in fields[:5])
            return frame, 1.0, category, (height, width), fields[5]
        if len(fields) < 10:
            raise ValueError
        frame, category, height, width = (int(fields[i]) for i in (0, 6, 7, 8))
        # The box and the embedding are not used, but of a damaged line nothing can be trusted.
        *_, score = (float(field) for field in (*fields[1:5], *fields[10:], fields[5]))
    except ValueError:
        raise ValueError(f"is neither `{BOX_LINE}` nor `{MASK_LINE}`") from None
    if not 0 <= score <= 1:
        raise ValueError(f"the score is {score}, not 0 to 1")
    return frame, score, category, (height, width), fields[9]
