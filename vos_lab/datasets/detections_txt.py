"""Detections of a real detector: the txt files of TrackR-CNN, or any MOTS result."""

from pathlib import Path

import numpy as np

from vos_lab.datasets.detections import Detection
from vos_lab.datasets.run_lengths import rle_decode, rle_from_string
from vos_lab.video import Lazy

BOX_LINE = "frame x y x y score category height width rle ..."
MASK_LINE = "frame id category height width rle"


def read_detections(path: str | Path, numbers: range) -> Lazy[list[Detection]]:
    """Read what a detector has found in each frame of a video.

    A line is one detection, in one of two forms: that of TrackR-CNN (``frame``, four numbers of a
    box, ``score category height width rle``, and an embedding, which is not read), or that of MOTS
    (``frame id category height width rle``), whose ids are not looked at and whose score is 1.

    Args:
        path: the file.
        numbers: the numbers of the frames of the video, as the file counts them.

    Returns:
        For each frame a list of detections. Masks are drawn when they are asked for.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line has another form, or a frame is none of ``numbers``; when a frame is
            asked for: a mask is damaged. File and line are named.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     file = Path(folder, "0002.txt")
        ...     with file.open("w") as lines:
        ...         print("0 0 0 1 2 0.9 1 2 3 231", "2 1001 1 2 3 231", sep=chr(10), file=lines)
        ...     frames = read_detections(file, range(3))
        >>> [[(d.score, d.category, int(d.mask.sum())) for d in frame] for frame in frames]
        [[(0.9, 1, 3)], [], [(1.0, 1, 3)]]
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file of detections")
    lines: dict[int, list[tuple[int, float, int, tuple[int, int], str]]] = {}
    for number, line in enumerate(path.read_text("latin-1").splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        try:
            if len(fields) == 6:
                frame, _, category, height, width = (int(field) for field in fields[:5])
                score, rle = 1.0, fields[5]
            elif len(fields) >= 10:
                frame, category, height, width = (int(fields[i]) for i in (0, 6, 7, 8))
                score, rle = float(fields[5]), fields[9]
            else:
                raise ValueError
        except ValueError:
            raise ValueError(
                f"{path}, line {number}: is neither `{BOX_LINE}` nor `{MASK_LINE}`"
            ) from None
        if frame not in numbers:
            raise ValueError(
                f"{path}, line {number}: frame {frame}, the video has {numbers.start} to "
                f"{numbers.stop - 1}"
            )
        if not 0 <= score <= 1:
            raise ValueError(f"{path}, line {number}: the score is {score}, not 0 to 1")
        lines.setdefault(frame, []).append((number, score, category, (height, width), rle))

    def found(t: int) -> list[Detection]:
        detections = []
        for number, score, category, size, rle in lines.get(numbers[t], []):
            try:
                mask = rle_decode(rle_from_string(rle), size)
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}") from None
            detections.append(Detection(np.ascontiguousarray(mask), score, category))
        return detections

    return Lazy(len(numbers), found)
