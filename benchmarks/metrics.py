"""How much faster are J and F here than in plain OpenCV? Ratios, both sides timed in one run.

The plain form is what the official evaluator does: whole frames, a boundary from shifted copies,
one dilation by a disk for each mask, sums. It is written below, and both sides must give the same
values. (a) masks in memory, one thread; (b) from PNG folders to the statistics.

Uses the real masks that VOS_LAB_DATA names (results of OSVOS against the ground truth of DAVIS
2016); without them procedural ellipses at 480p.

    python benchmarks/metrics.py [--frames 60] [--rounds 5]
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from vos_lab.metrics import boundary_f, evaluate_folders, jaccard
from vos_lab.video import write_mask

# --- the plain form ---------------------------------------------------------------------------


def plain_jaccard(prediction: np.ndarray, truth: np.ndarray) -> float:
    intersection = np.sum(prediction & truth)
    union = np.sum(prediction | truth)
    return float(intersection / union) if union > 0 else 1.0


def plain_boundary(mask: np.ndarray) -> np.ndarray:
    right, lower, lower_right = np.zeros((3, *mask.shape), bool)
    right[:, :-1] = mask[:, 1:]
    lower[:-1] = mask[1:]
    lower_right[:-1, :-1] = mask[1:, 1:]
    boundary = (mask ^ right) | (mask ^ lower) | (mask ^ lower_right)
    boundary[-1] = mask[-1] ^ right[-1]
    boundary[:, -1] = mask[:, -1] ^ lower[:, -1]
    boundary[-1, -1] = False
    return boundary


def plain_boundary_f(prediction: np.ndarray, truth: np.ndarray) -> float:
    radius = int(np.ceil(0.008 * np.hypot(*truth.shape)))
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disk = (x * x + y * y <= radius * radius).astype(np.uint8)
    predicted, true = plain_boundary(prediction), plain_boundary(truth)
    near_predicted = cv2.dilate(predicted.astype(np.uint8), disk) > 0
    near_true = cv2.dilate(true.astype(np.uint8), disk) > 0
    count_predicted, count_true = np.sum(predicted), np.sum(true)
    if count_predicted == 0 or count_true == 0:
        return float(count_predicted == count_true)
    precision = np.sum(predicted & near_true) / count_predicted
    recall = np.sum(true & near_predicted) / count_true
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def plain_folders(truth: Path, prediction: Path, names: list[str]) -> dict[str, list[list[float]]]:
    values = {}
    for name in names:
        rows = []
        for file in sorted((truth / name).glob("*.png"))[1:-1]:
            true = np.array(Image.open(file)) > 0
            predicted = np.array(Image.open(prediction / name / file.name)) > 0
            rows.append([plain_jaccard(predicted, true), plain_boundary_f(predicted, true)])
        values[name] = [list(column) for column in zip(*rows, strict=True)]
    return values


# --- the masks --------------------------------------------------------------------------------


def real_folders() -> tuple[Path, Path] | None:
    root = Path(os.environ.get("VOS_LAB_DATA", Path(__file__).parents[2] / "shared"))
    truth, prediction = root / "davis2016/Annotations/480p", root / "golden/davis16_osvos/masks"
    return (truth, prediction) if truth.is_dir() and prediction.is_dir() else None


def ellipse_folders(root: Path) -> tuple[Path, Path]:
    generator = np.random.default_rng(0)
    for name in ("one", "two"):
        for t in range(50):
            centre = (300 + 4 * t, 240)
            axes = generator.integers(60, 160, 2).tolist()
            true, predicted = np.zeros((2, 480, 854), np.uint8)
            cv2.ellipse(true, centre, axes, 3.0 * t, 0, 360, 1, -1)
            cv2.ellipse(predicted, centre, axes, 3.0 * t + 4, 0, 360, 1, -1)
            write_mask(root / "truth" / name / f"{t:05d}.png", true)
            write_mask(root / "prediction" / name / f"{t:05d}.png", predicted)
    return root / "truth", root / "prediction"


# --- timing -----------------------------------------------------------------------------------


def compare(sides: dict[str, Callable[[], object]], rounds: int, frames: int) -> None:
    """Run all sides in turn, so that a busy machine slows all of them, and print the best."""
    best = dict.fromkeys(sides, np.inf)
    for _ in range(rounds):
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - start)
    plain = best[next(iter(sides))]
    for name, seconds in best.items():
        print(f"  {name:28} {1000 * seconds / frames:7.2f} ms a frame   {plain / seconds:5.1f} x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=60, help="in memory, at most")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        truth, prediction = real_folders() or ellipse_folders(Path(folder))
        names = sorted(path.name for path in prediction.iterdir())
        files = [file for name in names for file in sorted((truth / name).glob("*.png"))]
        chosen = files[:: max(1, len(files) // options.frames)][: options.frames]
        true = np.stack([np.array(Image.open(file)) > 0 for file in chosen])
        predicted = np.stack(
            [np.array(Image.open(prediction / f.parent.name / f.name)) > 0 for f in chosen]
        )
        what = "OSVOS on DAVIS 2016" if real_folders() else "procedural ellipses"
        height, width = true.shape[1:]

        print(f"(a) J and F in memory, one thread: {what}, {len(true)} masks {width} x {height}")
        pairs = list(zip(predicted, true, strict=True))
        assert jaccard(predicted, true).tolist() == [plain_jaccard(*pair) for pair in pairs]
        assert boundary_f(predicted, true).tolist() == [plain_boundary_f(*pair) for pair in pairs]
        compare(
            {
                "plain OpenCV": lambda: [(plain_jaccard(*p), plain_boundary_f(*p)) for p in pairs],
                "vos_lab": lambda: (jaccard(predicted, true), boundary_f(predicted, true)),
            },
            options.rounds,
            len(true),
        )

        count = sum(len(list((truth / name).glob("*.png"))) - 2 for name in names)
        print(f"(b) from PNG folders: {what}, {count} frames")

        def ours(processes: int) -> dict:
            return evaluate_folders(truth, prediction, processes=processes, progress=False)

        expected = plain_folders(truth, prediction, names)
        for name, scores in ours(2)["sequences"].items():
            assert list(scores["objects"]["1"]["values"].values()) == expected[name]
        compare(
            {
                "plain OpenCV, 1 process": lambda: plain_folders(truth, prediction, names),
                "vos_lab, 1 process": lambda: ours(1),
                "vos_lab, 2 processes": lambda: ours(2),
            },
            max(1, options.rounds // 2),
            count,
        )


if __name__ == "__main__":
    main()
