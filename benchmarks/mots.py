"""How much faster is MOTS evaluated here than with pycocotools in a plain loop? Ratios of one run.

(a) The intersection over union of all masks of each frame, from txt files: the plain form reads
    lines into dictionaries and calls ``pycocotools.mask.iou`` frame by frame. Both sides must give
    the same numbers. Checking that masks do not overlap, which both peers do, is timed apart, as
    the plain form needs more time for that than for all else.
(b) The whole evaluation, from txt files to all figures. Where TrackEval can be imported (it is not
    needed for anything else: ``pip install trackeval``), it runs on the same files.

Uses the MOTS files that VOS_LAB_DATA names (sequences of KITTI MOTS and a tracker, in the layout of
TrackEval), and a crowd drawn here: 30 discs in 1080p, of which some are lost or change their id.

    python benchmarks/mots.py [--rounds 5] [--frames 200]
"""

import argparse
import contextlib
import io
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pycocotools import mask as coco

from vos_lab.datasets.mots import MotsObject, MotsSequence, read_mots_txt, write_mots_txt
from vos_lab.datasets.mots_folders import find_sequences
from vos_lab.metrics.mots import evaluate_mots_folders
from vos_lab.metrics.mots.overlap import find_overlaps

# --- the plain form ---------------------------------------------------------------------------


def plain_frames(path: Path) -> dict[int, list[tuple[int, dict]]]:
    frames = defaultdict(list)
    for line in path.read_text().splitlines():
        frame, _, category, height, width, rle = line.split()
        mask = {"size": [int(height), int(width)], "counts": rle.encode()}
        frames[int(frame)].append((int(category), mask))
    return frames


def plain_iou(truth: Path, result: Path, category: int) -> list[float]:
    ours, theirs = plain_frames(truth), plain_frames(result)
    found: list[float] = []
    for frame in sorted(set(ours) & set(theirs)):
        pair = [[m for c, m in side[frame] if c == category] for side in (ours, theirs)]
        if all(pair):
            iou = coco.iou(*pair, [False] * len(pair[1]))
            found += iou[iou > 0].tolist()
    return found


def plain_check(path: Path) -> None:
    for masks in plain_frames(path).values():
        merged = masks[0][1]
        for _, mask in masks[1:]:
            assert coco.area(coco.merge([merged, mask], intersect=True)) == 0
            merged = coco.merge([merged, mask])


# --- the files --------------------------------------------------------------------------------


def real_folders() -> tuple[Path, Path] | None:
    root = Path(os.environ.get("VOS_LAB_DATA", Path(__file__).parents[2] / "shared"))
    folder = root / "golden/mots"
    return (folder / "gt", folder / "trackers/pert") if folder.is_dir() else None


def crowd(folder: Path, frames: int) -> tuple[Path, Path]:
    """Discs that stroll on a grid, none over another, and what a tracker makes of them."""
    generator = np.random.default_rng(0)
    y, x = np.ogrid[:1080, :1920]
    strolls = []
    for k in range(30):
        centre = 100 + 300 * (k // 6 % 3), 160 + 320 * (k % 6)
        if k >= 18:
            centre = 250 + 300 * ((k - 18) // 6), 320 * ((k - 18) % 6) + 20
        steps = generator.integers(-15, 16, (20, 2))
        strolls.append(
            [
                MotsObject.of(
                    2001 + k,
                    2,
                    (y - centre[0] - dy) ** 2 / 4 + (x - centre[1] - dx) ** 2 < 32**2,
                )
                for dy, dx in steps
            ]
        )
    names = ("0000", "0001")
    for name in names:
        true, found = [], []
        for t in range(frames // len(names)):
            true.append([each[t % 20] for each in strolls])
            found.append(
                [
                    each[(t + int(generator.integers(0, 2))) % 20]._replace(id=k + 100 * (t // 50))
                    for k, each in enumerate(strolls)
                    if generator.random() > 0.1
                ]
            )
        write_mots_txt(folder / f"gt/label_02/{name}.txt", MotsSequence.of(name, true))
        write_mots_txt(folder / f"trackers/mine/data/{name}.txt", MotsSequence.of(name, found))
    seqmap = "".join(f"{name} empty 000000 {frames // 2 - 1:06d}\n" for name in names)
    (folder / "gt/evaluate_mots.seqmap.val").write_text(seqmap)
    return folder / "gt", folder / "trackers/mine"


def trackeval_on(truth: Path, result: Path) -> Callable[[], object] | None:
    """TrackEval on these folders, if it is there."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            import trackeval
    except ImportError:
        return None
    quiet = {"PRINT_CONFIG": False}
    off = dict.fromkeys(
        (
            "PRINT_RESULTS",
            "TIME_PROGRESS",
            "OUTPUT_SUMMARY",
            "OUTPUT_DETAILED",
            "OUTPUT_EMPTY_CLASSES",
            "PLOT_CURVES",
        ),
        False,
    )

    def run() -> object:
        with contextlib.redirect_stdout(io.StringIO()):
            dataset = trackeval.datasets.KittiMOTS(
                {
                    "GT_FOLDER": str(truth),
                    "TRACKERS_FOLDER": str(result.parent),
                    "TRACKERS_TO_EVAL": [result.name],
                    "SPLIT_TO_EVAL": "val",
                    **quiet,
                }
            )
            metrics = [
                trackeval.metrics.HOTA(),
                trackeval.metrics.CLEAR(quiet),
                trackeval.metrics.Identity(quiet),
            ]
            return trackeval.Evaluator({**quiet, **off}).evaluate([dataset], metrics)

    return run


# --- timing -----------------------------------------------------------------------------------


def compare(sides: dict[str, Callable[[], object]], rounds: int, frames: int) -> None:
    """Run all sides in turn, and print the best time of each, in ms of the processor a frame."""
    best = dict.fromkeys(sides, np.inf)
    for _ in range(rounds):
        for name, run in sides.items():
            start = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - start)
    plain = best[next(iter(best))]
    for name, seconds in best.items():
        print(f"  {name:32} {1000 * seconds / frames:8.3f} ms a frame   {plain / seconds:6.1f} x")


def measure(what: str, truth: Path, result: Path, rounds: int) -> None:
    pairs = [(path, find_sequences(result)[n]) for n, path in find_sequences(truth).items()]
    lengths = {pair[0].stem: max(len(read_mots_txt(path)) for path in pair) for pair in pairs}
    categories = {"car": 1, "pedestrian": 2}

    def plain() -> dict[str, list[float]]:
        return {
            name: [iou for pair in pairs for iou in plain_iou(*pair, category)]
            for name, category in categories.items()
        }

    def ours() -> dict[str, list[float]]:
        found: dict[str, list[float]] = {name: [] for name in categories}
        for pair in pairs:
            frames = range(lengths[pair[0].stem])
            sequences = [read_mots_txt(path, frames, check_masks=False) for path in pair]
            for name, overlaps in find_overlaps(*sequences, categories).items():
                found[name] += overlaps.iou.tolist()
        return found

    start = time.perf_counter()
    mine = ours()
    print(f"first call: {time.perf_counter() - start:.2f} s")
    theirs = plain()
    for name in categories:
        assert sorted(mine[name]) == sorted(theirs[name])
    frames = sum(lengths.values())
    masks = sum(len(read_mots_txt(path).frame) for pair in pairs for path in pair)
    print(f"(a) IoU of all masks, from txt files: {what}, {frames} frames, {masks} masks")
    compare(
        {
            "pycocotools, plain loop": plain,
            "  and check for overlaps": lambda: (
                plain(),
                [plain_check(p) for q in pairs for p in q],
            ),
            "vos_lab, with that check": ours,
        },
        rounds,
        frames,
    )
    print(f"(b) the whole evaluation, from txt files: {what}")
    sides: dict[str, Callable[[], object]] = {}
    peer = trackeval_on(truth, result)
    if peer is not None:
        sides["TrackEval"] = peer
    else:
        print("  (TrackEval is not installed; the ratio is to the IoU of the plain loop alone)")
        sides["pycocotools, plain loop, only IoU"] = plain
    for like in ("trackeval", "mots_tools"):
        sides[f"vos_lab, like {like}"] = lambda like=like: evaluate_mots_folders(
            truth, result, like, progress=False
        )
    compare(sides, rounds, frames)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=200, help="of the crowd")
    options = parser.parse_args()
    folders = real_folders()
    if folders:
        measure("KITTI MOTS", *folders, options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        measure("a crowd in 1080p", *crowd(Path(folder), options.frames), options.rounds)


if __name__ == "__main__":
    main()
