"""Flow as colour: ours against ``torchvision.utils.flow_to_image``, at 1080p, on one thread.

Run: python benchmarks/flow.py
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import time  # noqa: E402
from collections.abc import Callable  # noqa: E402

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from torchvision.utils import flow_to_image  # noqa: E402

from vos_lab.flow import estimate, flow_to_rgb, warp  # noqa: E402


def milliseconds(*calls: Callable[[], object], rounds: int = 9) -> list[float]:
    """The median of each; taken in turn, so that a busy machine slows all of them alike."""
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for times, call in zip(taken, calls, strict=True):
            begin = time.process_time()
            call()
            times.append(1000 * (time.process_time() - begin))
    return [float(np.median(times)) for times in taken]


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    coarse = rng.normal(0, 10, (20, 36, 2)).astype(np.float32)
    flow = cv2.resize(coarse, (1920, 1080), interpolation=cv2.INTER_CUBIC)
    tensor = torch.from_numpy(flow).permute(2, 0, 1).contiguous()
    theirs, ours = milliseconds(lambda: flow_to_image(tensor), lambda: flow_to_rgb(flow))
    same = flow_to_image(tensor).permute(1, 2, 0).numpy().astype(int) - flow_to_rgb(flow)
    print("flow as colour, 1080 x 1920, one thread, median CPU time")
    print(f"  torchvision.utils.flow_to_image {theirs:7.1f} ms")
    print(f"  vos_lab.flow.flow_to_rgb        {ours:7.1f} ms   {theirs / ours:.1f} times as fast")
    print(f"  largest difference {abs(same).max()} grey level")

    first = rng.integers(0, 256, (60, 108, 3), np.uint8)
    first = cv2.resize(first, (432, 240), interpolation=cv2.INTER_CUBIC)
    second = np.roll(first, 2, axis=1)
    small = np.full((240, 432, 2), 1.5, np.float32)
    print("one pair, 240 x 432, one thread, median CPU time")
    (warped,) = milliseconds(lambda: warp(first, small), rounds=5)
    print(f"  warp          {warped:7.1f} ms")
    for method in ("lucas-kanade", "horn-schunck", "farneback", "dis"):
        (spent,) = milliseconds(lambda m=method: estimate(first, second, m), rounds=3)
        print(f"  {method:13} {spent:7.1f} ms")


if __name__ == "__main__":
    main()
