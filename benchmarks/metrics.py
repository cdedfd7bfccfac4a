"""How much faster are J and F here than in plain OpenCV? Ratios, both sides timed in one run.

The plain form is what the official evaluator does: whole frames, a boundary from shifted copies,
one dilation by a disk for each mask, sums. It is written below, and all sides must give the same
values. (a) masks in memory, one thread: the two functions that students write, and both measures at
once, as an evaluation of files does it; (b) from PNG folders to the statistics.

Uses the real masks that VOS_LAB_DATA names (results of OSVOS against the ground truth of DAVIS
2016); without them procedural ellipses at 480p.

    python benchmarks/metrics.py [--frames 60] [--rounds 5]
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from vos_lab.metrics import boundary_f, evaluate_folders, jaccard
from vos_lab.metrics.packed import j_and_f
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


def compare(
    sides: dict[str, Callable[[int], object]], rounds: int, pieces: int
) -> dict[str, float]:
    """Run each side over all pieces, in turn, and add up the best time of each piece.

    Other programs on the same machine only ever make a piece slower. So its minimum over several
    rounds is what it costs, and short pieces find a quiet moment more easily than long ones.

    A side runs over all pieces before the next one does, as an evaluation does. The order matters
    to (a): where the sides took turns at each mask, on a busy machine, vos_lab was about half as
    many times as fast as in this order. Probably the plain form leaves little else in the cache.
    """
    best = {name: np.full(pieces, np.inf) for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            for piece in range(pieces):
                start = time.perf_counter()
                run(piece)
                best[name][piece] = min(best[name][piece], time.perf_counter() - start)
    return {name: float(seconds.sum()) for name, seconds in best.items()}


def show(totals: dict[str, float], frames: int) -> None:
    plain = totals[next(iter(totals))]
    for name, seconds in totals.items():
        print(f"  {name:28} {1000 * seconds / frames:7.2f} ms a frame   {plain / seconds:5.1f} x")


def first_call(what: str, run: Callable[[], object]) -> None:
    """How long the first call takes: compiling, or reading what was compiled before."""
    start = time.perf_counter()
    run()
    print(f"first call of {what}: {time.perf_counter() - start:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=60, help="in memory, at most")
    parser.add_argument("--rounds", type=int, default=7)
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
        first_call("boundary_f", lambda: boundary_f(*pairs[0]))
        assert jaccard(predicted, true).tolist() == [plain_jaccard(*pair) for pair in pairs]
        assert [j_and_f(*pair)[0] for pair in pairs] == [plain_jaccard(*pair) for pair in pairs]
        assert [j_and_f(*pair)[1] for pair in pairs] == [plain_boundary_f(*pair) for pair in pairs]
        assert boundary_f(predicted, true).tolist() == [plain_boundary_f(*pair) for pair in pairs]
        totals = compare(
            {
                "plain OpenCV": lambda t: (plain_jaccard(*pairs[t]), plain_boundary_f(*pairs[t])),
                "vos_lab, the exercises": lambda t: (jaccard(*pairs[t]), boundary_f(*pairs[t])),
                "vos_lab, as evaluate does it": lambda t: j_and_f(*pairs[t]),
            },
            options.rounds,
            len(pairs),
        )
        show(totals, len(pairs))

        count = sum(len(list((truth / name).glob("*.png"))) - 2 for name in names)
        print(f"(b) from PNG folders: {what}, {count} frames")

        def ours(processes: int) -> dict:
            return evaluate_folders(truth, prediction, processes=processes, progress=False)

        halves = [names[::2], names[1::2]]
        expected = plain_folders(truth, prediction, names)
        for name, scores in ours(2)["sequences"].items():
            assert list(scores["objects"]["1"]["values"].values()) == expected[name]
        totals = compare(
            {
                "plain OpenCV, 1 process": lambda i: plain_folders(truth, prediction, [names[i]]),
                "vos_lab, 1 process": lambda i: evaluate_folders(
                    truth, prediction, [names[i]], processes=1, progress=False
                ),
            },
            options.rounds,
            len(names),
        )
        with ProcessPoolExecutor(2) as pool:
            # Both sides whole, as a sequence alone is too short for two processes.
            two = compare(
                {
                    "plain OpenCV, 2 processes": lambda _: list(
                        pool.map(plain_folders, [truth] * 2, [prediction] * 2, halves)
                    ),
                    "vos_lab, 2 processes": lambda _: ours(2),
                },
                options.rounds,
                1,
            )
        show({**totals, **two}, count)


if __name__ == "__main__":
    main()
