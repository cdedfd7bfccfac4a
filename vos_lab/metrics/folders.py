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
from rich import box
from rich.table import Table
from tqdm.auto import tqdm

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

FRAMES_PER_JOB = 8


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


def evaluate_folders(
    truth: str | Path,
    prediction: str | Path,
    sequences: Sequence[str] | None = None,
    *,
    single: bool | None = None,
    unsupervised: bool = False,
    all_frames: bool = False,
    tolerance: float = 0.008,
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
        sequences: which to score; by default all of ``truth``.
        single: merge all labels into one object (DAVIS 2016). By default so where the truth of a
            sequence is black and white.
        unsupervised: match at most 20 proposals to the objects (DAVIS 2017, unsupervised).
        all_frames: score the first and the last frame too, which DAVIS leaves out except in the
            unsupervised task.
        tolerance: as in ``boundary_f``.
        processes: how many work at once; by default one for each core.
        progress: show a bar.

    Returns:
        ``{"overall": {"J": {"mean", "recall", "decay"}, "F": {...}, "JF"}, "sequences": {name:
        {...}}}``; a sequence is as in ``vos_lab.metrics.videos.summarise``. The overall averages
        are over all objects of all sequences.

    Raises:
        FileNotFoundError: a folder, sequence or frame is missing.
        ValueError: a mask has another size, cannot be read, or holds a surplus object.
    """
    true_folders = sequence_folders(Path(truth), unsupervised)
    predicted_folders = sequence_folders(Path(prediction), unsupervised)
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
    pairs = {name: frame_pairs(true_folders[name], predicted_folders[name]) for name in names}

    jobs, frames, notes = [], {}, {}
    for name, files in pairs.items():
        is_single, objects = _objects(files, single)
        chosen, notes[name] = scored_frames(len(files), all_frames or unsupervised)
        frames[name] = [files[t][0].stem for t in chosen]
        for start in range(chosen.start, chosen.stop, FRAMES_PER_JOB):
            part = files[start : min(start + FRAMES_PER_JOB, chosen.stop)]
            true_files, predicted_files = (list(side) for side in zip(*part, strict=True))
            jobs.append(
                Job(name, true_files, predicted_files, objects, is_single, unsupervised, tolerance)
            )

    parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
    proposals = dict.fromkeys(names, 0)
    late: dict[str, str] = {}
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


def sequence_folders(root: Path, unsupervised: bool = False) -> dict[str, Path]:
    """The folders of masks under a root, by the name of their sequence.

    Args:
        root: a DAVIS root or its ``Annotations``, a folder of sequence folders, or a folder of PNG
            files.
        unsupervised: of a DAVIS root take ``Annotations_unsupervised``.

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
        inside = sorted(path for path in masks.iterdir() if path.is_dir())
        if (masks / "480p").is_dir():
            root = masks / "480p"
        elif inside and not any(_has_masks(path) for path in inside):
            if len(inside) > 1:
                raise ValueError(
                    f"{masks}: has {', '.join(path.name for path in inside)}; name one of them"
                )
            root = inside[0]
        else:
            root = masks
    if _has_masks(root):
        return {root.resolve().name: root}
    folders = {path.name: path for path in sorted(root.iterdir()) if _has_masks(path)}
    if not folders:
        raise FileNotFoundError(
            f"{root}: holds neither PNG masks, nor folders of them, nor Annotations/480p"
        )
    return folders


def frame_pairs(truth: Path, prediction: Path) -> list[tuple[Path, Path]]:
    """The true and the predicted file of each frame of a sequence, checked for size.

    Raises:
        FileNotFoundError: a predicted frame is missing.
        ValueError: a prediction has another size than its truth, or is no PNG.
    """
    names = sorted(filter(_is_mask, os.listdir(truth)))
    there = set(os.listdir(prediction))
    missing = [name for name in names if name not in there]
    if missing:
        raise FileNotFoundError(
            f"{prediction / missing[0]}: is missing"
            f"{f', and {len(missing) - 1} more' if len(missing) > 1 else ''} "
            f"(there is one for each frame of {truth})"
        )
    pairs = [(truth / name, prediction / name) for name in names]
    first = pairs[0][0]
    size = _png_size(first)
    for pair in pairs:
        for file in pair:
            height, width = _png_size(file)
            if (height, width) != size:
                raise ValueError(
                    f"{file}: is {width} x {height} pixels, but {first} is "
                    f"{size[1]} x {size[0]}. Resize labels without interpolation (nearest)."
                )
    return pairs


def _has_masks(folder: Path) -> bool:
    return folder.is_dir() and any(map(_is_mask, os.listdir(folder)))


def _is_mask(name: str) -> bool:
    # No hidden file: a Mac leaves ._00001.png beside 00001.png on foreign disks.
    return name.endswith(".png") and not name.startswith(".")


def _png_size(path: Path) -> tuple[int, int]:
    """Height and width, from the first bytes of a PNG file."""
    with open(path, "rb", buffering=0) as file:  # the first bytes are enough
        head = file.read(24)
    if len(head) < 24 or head[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError(f"{path}: is not a PNG file, or is cut off")
    width, height = struct.unpack(">II", head[16:])
    return height, width


def _objects(files: list[tuple[Path, Path]], single: bool | None) -> tuple[bool, int]:
    """Whether a sequence has one object by its file format, and how many objects there are."""
    first = read_mask(files[0][0])
    if single is None:
        # The first frame that shows anything tells black and white from labels.
        shows, labels = 0, first
        while not labels.any() and shows + 1 < len(files):
            shows += 1
            labels = read_mask(files[shows][0])
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
        binary = None if job.objects == 1 else False
        truth, prediction = read_mask(true_file), read_mask(predicted_file, binary)
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
