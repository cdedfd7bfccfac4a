"""How long a frame of pixel retrieval takes at 480 x 854, and what its search saves.

Beside it, in the same run: the same search over all references in one matrix, and a k-d tree.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from scipy.spatial import cKDTree

from vos_lab.datasets.procedural import suite
from vos_lab.methods.pixel_retrieval import PixelRetrieval, squared_distances
from vos_lab.methods.resolution import resized

FRAMES = 8


def fastest(function: Callable[[], object], repeats: int = 3) -> float:
    """Seconds of the fastest of some calls."""
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def main() -> None:
    """Measure, and print."""
    video = suite("camera", length=1, frames=FRAMES + 1, size=(480, 854))[0]
    frames, mask = list(video.frames), np.asarray(video.masks[0])
    method = PixelRetrieval()
    method.start(frames[0], mask)
    seconds = []
    for frame in frames[1:]:
        begun = time.perf_counter()
        method.step(frame)
        seconds.append(time.perf_counter() - begun)
    print(
        f"{torch.get_num_threads()} threads, 480 x 854, {len(method.reference.places)} references"
    )
    print(f"a frame, all told: {np.mean(seconds[4:]):.3f} s")

    embedded = method._embed(resized(frames[-1], method.size)).flatten(0, 1)
    known, neighbours = method.reference, method.neighbours

    def in_one_matrix() -> torch.Tensor:
        distances = squared_distances(embedded, known.embeddings)
        return known.labels[distances.topk(neighbours, largest=False).indices].mean(dim=1)

    def with_a_tree() -> np.ndarray:
        tree = cKDTree(known.embeddings.numpy())
        nearest = tree.query(embedded[::20].numpy(), neighbours, workers=-1)[1]
        return known.labels.numpy()[nearest].mean(axis=1)

    ours = fastest(lambda: method.retrieve(embedded))
    matrix, tree = fastest(in_one_matrix, 2), 20 * fastest(with_a_tree, 1)
    size = len(embedded) * len(known.places) * 4 / 1e6
    print(f"search, near references, in parts: {ours:.3f} s")
    for name, other in (
        (f"all in one matrix of {size:.0f} MB", matrix),
        ("all in a k-d tree, reckoned from a twentieth", tree),
    ):
        print(f"search, {name}: {other:.3f} s, {other / ours:.1f} times as long")


if __name__ == "__main__":
    main()
