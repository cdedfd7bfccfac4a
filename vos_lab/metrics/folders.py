"""Evaluate a folder of masks against another, from PNG files to a table."""

import csv
import multiprocessing
import os
import struct
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich import box
from rich.table import Table

from vos_lab.metrics.masks import boundary_f, decay, jaccard, mask_boundary
from vos_lab.metrics.videos import (
    MAX_PROPOSALS,
    average,
    count_objects,
    score_objects,
    score_proposals,
    scored_frames,
    summarise,
    take_matched,
)
from vos_lab.video import VOID, read_mask
from vos_lab.video.names import by_stem, files_in, gap, in_order, spelling
from vos_lab.video.pictures import errors_named
from vos_lab.video.png import SIGNATURE, check_size

FRAMES_PER_JOB = 8
MASK_SUFFIXES = (".png",)
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")
"""What may hold probabilities, where a threshold makes masks of them."""
OTHER_PICTURES = (".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".jp2", ".npy")
"""What people store masks in, but masks are PNG."""


@dataclass(frozen=True)
class Job:
    """Some frames of one sequence, for one process to score."""

    sequence: str
    truth: list[Path]
    prediction: list[Path]
    objects: int
    single: bool
    unsupervised: bool
    tolerance: float
    threshold: float | None


def evaluate_folders(
    truth: str | Path,
    prediction: str | Path,
    sequences: Sequence[str] | None = None,
    *,
    single: bool | None = None,
    unsupervised: bool = False,
    all_frames: bool = False,
    tolerance: float = 0.008,
    threshold: float | None = None,
    processes: int | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Score every sequence of a folder of predicted masks.

    Both folders may be a DAVIS root (``Annotations/480p/SEQUENCE/00000.png``), a folder of
    sequence folders, or one folder of PNG files. All files are looked at before anything is
    scored.

    Args:
        truth: the folder of true masks; palette PNG label maps, or black and white.
        prediction: the folder of predicted masks, one PNG for each true one, of the same name.
            Frames come in the order of the numbers in their names.
        sequences: which to score; by default all of ``truth``.
        single: merge all labels into one object (DAVIS 2016). By default so where the truth of a
            sequence is black and white.
        unsupervised: match at most 20 proposals to the objects (DAVIS 2017, unsupervised).
        all_frames: score the first and the last frame too, which DAVIS leaves out except in the
            unsupervised task.
        tolerance: as in ``boundary_f``.
        threshold: read masks that are grey as probabilities, as in ``read_mask``; then they may be
            JPEG. Only where there is one object.
        processes: how many work at once; by default one for each core.
        progress: show a bar.

    Returns:
        ``{"overall": {"J": {"mean", "recall", "decay"}, "F": {...}, "JF"}, "sequences": {name:
        {...}}}``; a sequence is as in ``vos_lab.metrics.videos.summarise``. The overall averages
        are over all objects of all sequences.

    Raises:
        FileNotFoundError: a folder, sequence or frame is missing.
        ValueError: a mask has another size, cannot be read, has soft edges, or holds a surplus
            object; or the order of the frames cannot be told.
    """
    kinds = MASK_SUFFIXES if threshold is None else PICTURE_SUFFIXES
    true_folders = sequence_folders(Path(truth), unsupervised, kinds)
    predicted_folders = sequence_folders(Path(prediction), unsupervised, kinds)
    plain = Path(truth) in true_folders.values() or Path(prediction) in predicted_folders.values()
    if plain and len(true_folders) == len(predicted_folders) == 1:
        # Two plain folders need not have the same name.
        predicted_folders = dict(zip(true_folders, predicted_folders.values(), strict=True))
    names = list(true_folders) if sequences is None else list(sequences)
    for folder, there in ((truth, true_folders), (prediction, predicted_folders)):
        missing = [name for name in names if name not in there]
        if missing:
            raise FileNotFoundError(
                f"{folder}: has no sequence {', '.join(missing[:5])}"
                f"{f' and {len(missing) - 5} more' if len(missing) > 5 else ''}. "
                f"It has {', '.join(sorted(there)[:5])}{', ...' if len(there) > 5 else ''}. "
                "Name the sequences to score, or add what is missing."
            )
    pairs = {
        name: frame_pairs(true_folders[name], predicted_folders[name], kinds) for name in names
    }

    jobs, frames, notes = [], {}, {}
    for name, files in pairs.items():
        is_single, objects = _objects(files, single, threshold)
        chosen, notes[name] = scored_frames(len(files), all_frames or unsupervised)
        notes[name] += _gap_note([true_file for true_file, _ in files])
        frames[name] = [files[t][0].stem for t in chosen]
        for start in range(chosen.start, chosen.stop, FRAMES_PER_JOB):
            part = files[start : min(start + FRAMES_PER_JOB, chosen.stop)]
            true_files, predicted_files = (list(side) for side in zip(*part, strict=True))
            jobs.append(
                Job(
                    name,
                    true_files,
                    predicted_files,
                    objects,
                    is_single,
                    unsupervised,
                    tolerance,
                    threshold,
                )
            )

    parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
    proposals = dict.fromkeys(names, 0)
    late: dict[str, str] = {}
    from tqdm.auto import tqdm  # with the widgets of a notebook, which take a moment

    with tqdm(
        total=sum(map(len, frames.values())), unit=" frames", disable=not progress
    ) as progress_bar:
        for job, (scores, largest, surprise) in zip(jobs, _work(jobs, processes), strict=True):
            parts[job.sequence].append(scores)
            proposals[job.sequence] = max(proposals[job.sequence], largest)
            if surprise:
                late.setdefault(job.sequence, surprise)
            progress_bar.update(len(job.truth))

    results = {}
    for name in names:
        scores = np.concatenate(parts[name], axis=-1)
        if unsupervised:
            scores = take_matched(scores, proposals[name])
        more = [late[name]] if name in late else []
        results[name] = summarise(scores, frames[name], notes[name] + more)
    every_object = (each for result in results.values() for each in result["objects"].values())
    return {"overall": average(every_object), "sequences": results}


def sequence_folders(
    root: Path, unsupervised: bool = False, suffixes: tuple[str, ...] = MASK_SUFFIXES
) -> dict[str, Path]:
    """The folders of masks under a root, by the name of their sequence.

    Args:
        root: a DAVIS root or its ``Annotations``, a folder of sequence folders, or a folder of PNG
            files.
        unsupervised: of a DAVIS root take ``Annotations_unsupervised``.
        suffixes: what masks end in, in lower case.

    Raises:
        FileNotFoundError: there is no such folder, or no PNG file in it.
        ValueError: there are several resolutions, and none is 480p.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: there is no such folder of masks")
    masks = root / ("Annotations_unsupervised" if unsupervised else "Annotations")
    if (root / "480p").is_dir():
        masks = root
    if masks.is_dir():
        inside = _folders(masks)
        if (masks / "480p").is_dir():
            root = masks / "480p"
        elif inside and not any(_has(path, suffixes) for path in inside):
            if len(inside) > 1:
                raise ValueError(
                    f"{masks}: has {', '.join(path.name for path in inside)}; name one of them"
                )
            root = inside[0]
        else:
            root = masks
    if _has(root, suffixes):
        return {root.resolve().name: root}
    folders = {path.name: path for path in _folders(root) if _has(path, suffixes)}
    if not folders:
        raise FileNotFoundError(
            f"{root}: holds neither PNG masks, nor folders of them, nor Annotations/480p"
            f"{_what_is_there(root, suffixes)}"
        )
    return folders


def _what_is_there(root: Path, suffixes: tuple[str, ...]) -> str:
    """A hint where masks are of another kind, or one folder too deep."""
    for folder in [root, *_folders(root)]:
        if others := files_in(folder, OTHER_PICTURES):
            return (
                f". {others[0]} is no PNG. Save the masks as PNG, from the labels, as other files "
                "may change them. JPEGs of probabilities are read with --threshold 0.5"
            )
        if inner := next((path for path in _folders(folder) if _has(path, suffixes)), None):
            return f". There are some in {inner}, so name {folder}"
    return ""


def frame_pairs(
    truth: Path, prediction: Path, suffixes: tuple[str, ...] = MASK_SUFFIXES
) -> list[tuple[Path, Path]]:
    """The true and the predicted file of each frame of a sequence in order, checked for size.

    Args:
        truth: the folder of the true masks.
        prediction: that of the predicted ones. Endings may differ in case.
        suffixes: what masks end in, in lower case.

    Raises:
        FileNotFoundError: a predicted frame is missing.
        ValueError: a prediction has another size than its truth, or is no PNG; or the order of the
            frames cannot be told.
    """
    true_files = list(in_order(files_in(truth, suffixes)))
    there = by_stem(files_in(prediction, suffixes))
    _refuse_others(truth, by_stem(true_files))
    found = [(file, there.get(spelling(file.stem))) for file in true_files]
    missing = [file for file, predicted in found if predicted is None]
    if missing:
        names = [file.name for file in there.values()]
        raise FileNotFoundError(
            f"{prediction / missing[0].name}: is missing"
            f"{f', and {len(missing) - 1} more' if len(missing) > 1 else ''} "
            f"(there is one for each frame of {truth}){_instead(prediction, missing[0])}"
            + (f". It holds {', '.join(names[:3])}, ..." if len(missing) == len(found) else "")
        )
    pairs = [(file, predicted) for file, predicted in found if predicted is not None]
    first = pairs[0][0]
    size = _size(first)
    for pair in pairs:
        for file in pair:
            height, width = _size(file)
            if (height, width) != size:
                turned = " It fits where it is turned by a quarter." if width == size[0] else ""
                raise ValueError(
                    f"{file}: is {width} x {height} pixels, but {first} is "
                    f"{size[1]} x {size[0]}. Resize labels without interpolation (nearest).{turned}"
                )
    return pairs


def _refuse_others(folder: Path, masks: dict[str, Path]) -> None:
    """Refuse a frame whose mask is a picture of another kind, which would be left out."""
    # A picture with the name of a mask is the frame that belongs to it; without a number, a cover.
    for file in files_in(folder, OTHER_PICTURES):
        if spelling(file.stem) not in masks and any(map(str.isdigit, file.stem)):
            raise ValueError(
                f"{file}: is no PNG, as the masks beside it are. Save it as a PNG too, from the "
                "labels, or move it elsewhere."
            )


def _instead(folder: Path, mask: Path) -> str:
    """A hint where a mask is there as another kind of file, or all are there under other names."""
    for file in files_in(folder, OTHER_PICTURES):
        if spelling(file.stem) == spelling(mask.stem):
            return f". There is {file.name}, but other files than PNG change labels"
    return ""


def _gap_note(files: list[Path]) -> list[str]:
    """A note where a frame may be missing."""
    missing = gap(in_order(files))
    if missing is None:
        return []
    return [f"there may be a frame missing between {missing[0].name} and {missing[1].name}"]


def _folders(folder: Path) -> list[Path]:
    """The folders in a folder, without hidden ones, such as Jupyter's checkpoints."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")


def _has(folder: Path, suffixes: tuple[str, ...]) -> bool:
    return folder.is_dir() and bool(files_in(folder, suffixes))


def _size(path: Path) -> tuple[int, int]:
    """Height and width, of a PNG file from its first bytes."""
    with open(path, "rb", buffering=0) as file:  # the first bytes are enough
        head = file.read(24)
    if head[:8] != SIGNATURE and head[:3] == b"\xff\xd8\xff":
        with errors_named(path, "mask"), Image.open(path, formats=["JPEG"]) as image:
            width, height = image.size
    elif len(head) < 24 or head[:8] != SIGNATURE:
        raise ValueError(f"{path}: is not a PNG file, or is cut off")
    else:
        width, height = struct.unpack(">II", head[16:])
    with errors_named(path, "mask"):
        check_size(width, height)
    return height, width


def _objects(
    files: list[tuple[Path, Path]], single: bool | None, threshold: float | None
) -> tuple[bool, int]:
    """Whether a sequence has one object by its file format, and how many objects there are."""
    first = read_mask(files[0][0], threshold=threshold)
    if single is None:
        # The first frame that shows anything tells black and white from labels.
        shows, labels = 0, first
        while not labels.any() and shows + 1 < len(files):
            shows += 1
            labels = read_mask(files[shows][0], threshold=threshold)
        single = not labels.any() or _is_black_and_white(files[shows][0], labels)
    return single, 1 if single else max(1, count_objects(first))


def _is_black_and_white(path: Path, labels: np.ndarray) -> bool:
    """Whether the file of a label map has 255 where the label map has 1."""
    try:
        return bool(labels.max() == 1 and read_mask(path, binary=False).max() == VOID)
    except ValueError:
        # Black and white in RGB, as in some files of DAVIS 2016.
        return True


def _work(jobs: list[Job], processes: int | None) -> Iterable[tuple[np.ndarray, int, str | None]]:
    """Score all jobs, in order, in several processes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    processes = min(processes or cores or 1, len(jobs))
    # A forked process knows a student's adopted functions. One that starts afresh does not.
    can_fork = "fork" in multiprocessing.get_all_start_methods()
    adopted = any(each.adopted for each in (jaccard, boundary_f, mask_boundary, decay))
    if processes <= 1 or (adopted and not can_fork):
        yield from map(_score, jobs)
        return
    context = multiprocessing.get_context("fork" if can_fork else "spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        yield from pool.map(_score, jobs)


def _score(job: Job) -> tuple[np.ndarray, int, str | None]:
    """Score the frames of a job.

    Returns:
        The scores, the largest predicted label, and a note on an object that appears late.
    """
    scores, largest, note = [], 0, None
    for true_file, predicted_file in zip(job.truth, job.prediction, strict=True):
        # A black and white prediction can only be meant where there is one object.
        one = job.objects == 1
        truth = read_mask(true_file, threshold=job.threshold)
        prediction = read_mask(
            predicted_file, None if one else False, job.threshold if one else None
        )
        if job.single:
            # Black and white reads as 0 and 1 already; other labels become 1, void stays void.
            if truth.max() > 1:
                truth = np.where(truth == VOID, VOID, truth > 0).astype(np.uint8)
            if prediction.max() > 1:
                np.greater(prediction, 0, out=prediction.view(bool))
        label = int(prediction.max(initial=0))
        if label > (MAX_PROPOSALS if job.unsupervised else job.objects):
            raise ValueError(
                f"{predicted_file}: holds the label {label}, but "
                + (
                    f"at most {MAX_PROPOSALS} proposals are allowed"
                    if job.unsupervised
                    else f"the truth of {job.sequence} has {job.objects} "
                    f"object{'s' if job.objects > 1 else ''} in its first frame"
                )
            )
        if not job.single and note is None and (late := count_objects(truth)) > job.objects:
            note = f"object {late} appears after the first frame ({true_file.name}): not scored"
        largest = max(largest, label)
        score = score_proposals if job.unsupervised else score_objects
        scores.append(score(prediction, truth, job.objects, job.tolerance))
    return np.stack(scores, axis=-1), largest, note


# --- tables -----------------------------------------------------------------------------------

COLUMNS = [f"{measure} {key}" for measure in "JF" for key in ("mean", "recall", "decay")]


def _rows(result: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Sequence, object and scores: every object, then the sequence where it has several."""
    rows = []
    for name, scores in result["sequences"].items():
        objects = scores["objects"]
        rows += [(name, label, each) for label, each in objects.items()]
        if len(objects) > 1:
            rows.append((name, "all", scores))
    return [*rows, ("all", "all", result["overall"])]


def _numbers(scores: dict[str, Any]) -> list[float]:
    return [scores["JF"]] + [scores[m][k] for m in "JF" for k in ("mean", "recall", "decay")]


def write_csv(result: dict[str, Any], path: str | Path) -> None:
    """Write a result as CSV: a row for each sequence and object, and one over all.

    Args:
        result: from ``evaluate_folders``.
        path: where to; folders are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["sequence", "object", "J&F", *COLUMNS])
        for name, label, scores in _rows(result):
            writer.writerow([name, label, *_numbers(scores)])


def table(result: dict[str, Any], title: str | None = None) -> Table:
    """A result as a table for the terminal, in per cent: higher is better, except decay.

    Args:
        result: from ``evaluate_folders``.
        title: above the table.

    Returns:
        Print it with ``rich.print``.
    """
    shown = Table(title=title, caption="per cent; higher is better, except decay", box=box.SIMPLE)
    shown.add_column("sequence", overflow="fold")
    shown.add_column("object")
    for column in ("J&F", "J", "recall", "decay", "F", "recall", "decay"):
        shown.add_column(column, justify="right", no_wrap=True)
    *rows, overall = _rows(result)
    for name, label, scores in [*rows, overall]:
        numbers = [f"{100 * number:.1f}" for number in _numbers(scores)]
        if scores is overall[2]:
            shown.add_section()
        shown.add_row(name, label, *numbers, style="bold" if label == "all" else None)
    for name, scores in result["sequences"].items():
        for note in scores["notes"]:
            shown.caption = f"{shown.caption}\n{name}: {note}"
    return shown
