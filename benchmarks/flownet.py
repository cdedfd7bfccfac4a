"""The table of lesson 03: endpoint error and time of seven ways to estimate flow, by motion.

All pairs are held out: test seeds of the renderer and of the flying shapes. A row gives the mean
endpoint error over the pixels that move less than 4, 4 to 12, and 12 pixels or more.

Run: python benchmarks/flownet.py [--json FILE]
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import json  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from vos_lab.datasets import procedural  # noqa: E402
from vos_lab.datasets.flying_shapes import Pair, flying_shapes  # noqa: E402
from vos_lab.flow import estimate  # noqa: E402
from vos_lab.metrics.flow import endpoint_error  # noqa: E402

METHODS = (
    "zero",
    "lucas-kanade",
    "horn-schunck",
    "farneback",
    "dis",
    "flownet-s",
    "flownet-c",
)
SUITES = ("easy", "camera", "speed", "blur", "mixed")
VIDEOS, TIMES, SHAPES = 6, (3, 10), 30
PARTS = {"below 4 px": (0, 4), "4 to 12 px": (4, 12), "12 px and more": (12, np.inf)}


def rendered() -> list[Pair]:
    """Two pairs of neighbouring frames from the first videos of each suite."""
    videos = [v for name in SUITES for v in procedural.suite(name, length=VIDEOS)]
    return [Pair(v.frames[t], v.frames[t + 1], v.flow[t]) for v in videos for t in TIMES]


def measured(pairs: list[Pair]) -> dict[str, dict[str, float]]:
    """For each method the error in each part, over all, and milliseconds of CPU time per pair."""
    lengths = np.stack([np.hypot(*np.moveaxis(pair.flow, -1, 0)) for pair in pairs])
    rows = {}
    for method in METHODS:
        errors, spent = [], []
        estimate(pairs[0].first, pairs[0].second, method)  # loads weights
        for pair in pairs:
            begin = time.process_time()
            flow = estimate(pair.first, pair.second, method)
            spent.append(1000 * (time.process_time() - begin))
            errors.append(endpoint_error(flow, pair.flow))
        error = np.stack(errors)
        rows[method] = {"all": float(error.mean())}
        for name, (low, high) in PARTS.items():
            rows[method][name] = float(error[(lengths >= low) & (lengths < high)].mean())
        rows[method]["ms per pair"] = float(np.median(spent))
    shares = {n: ((lengths >= a) & (lengths < b)).mean() for n, (a, b) in PARTS.items()}
    print("  " + ", ".join(f"{share:.1%} of the pixels {name}" for name, share in shares.items()))
    return rows


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    count = len(SUITES) * VIDEOS * len(TIMES)
    kinds = {
        f"renderer, {count} pairs of {', '.join(SUITES)}, 240 x 432": rendered(),
        f"flying shapes, {SHAPES} pairs, 240 x 432": [flying_shapes(i) for i in range(SHAPES)],
    }
    results = {}
    for kind, pairs in kinds.items():
        print(kind)
        results[kind] = measured(pairs)
        columns = list(results[kind]["zero"])
        print(f"  {'':13}" + "".join(f"{column:>16}" for column in columns))
        for method, row in results[kind].items():
            print(f"  {method:13}" + "".join(f"{row[column]:16.2f}" for column in columns))
    if "--json" in sys.argv:
        file = Path(sys.argv[sys.argv.index("--json") + 1])
        file.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
