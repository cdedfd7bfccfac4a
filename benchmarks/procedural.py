"""How fast are procedural videos? Frames per second, and as a ratio in the same run.

The baseline moves as many layers in the obvious way: SciPy's ``map_coordinates`` on every pixel of
the frame, channel by channel, and NumPy to lay them over each other; without masks and flow.

Besides frames/s the share of it that goes into painting is said, which is done once for a video:
the shorter a video, the more it counts. The last row is a crowd for MOTS.

    python benchmarks/procedural.py
"""

import time

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

from vos_lab.datasets.procedural import Spec, render
from vos_lab.datasets.procedural.stage import set_stage

FRAMES = 60


def ours(spec: Spec, seed: int) -> float:
    """Frames per second of processor time: image, mask, forward flow, painting included."""
    start = time.process_time()
    video = render(spec, seed)
    for t in range(len(video)):
        _ = video.frames[t]
        _ = video.masks[t]
        if t < len(video) - 1:
            _ = video.flow[t]
    return len(video) / (time.process_time() - start)


def painting(spec: Spec, seed: int) -> float:
    """Seconds of processor time that go into painting, before the first frame."""
    start = time.process_time()
    set_stage(spec, seed)
    return time.process_time() - start


def baseline(spec: Spec, seed: int, frames: int = 2) -> float:
    """Frames per second of warping as many layers per pixel with SciPy, image alone."""
    stage = set_stage(spec, seed)
    layers = len(stage.scene.planes) + sum(len(actor.skin.starts) for actor in stage.actors)
    height, width = spec.size
    rng = np.random.default_rng(seed)
    texture = rng.random((height, width, 4))
    y, x = np.mgrid[:height, :width].astype(np.float64)
    start = time.process_time()
    for t in range(frames):
        image = np.zeros((height, width, 3))
        for layer in range(layers):
            where = [y + 0.5 * t, x + 0.3 * layer + np.sin(0.1 * y)]
            rgba = np.stack(
                [map_coordinates(texture[..., c], where, order=1) for c in range(4)], axis=-1
            )
            image = image * (1 - rgba[..., 3:]) + rgba[..., :3]
    return frames / (time.process_time() - start)


def main() -> None:
    cv2.setNumThreads(1)
    cases = {
        "one object": Spec(frames=FRAMES),
        "two objects": Spec(frames=FRAMES, objects=2),
        "one object, moving camera": Spec(frames=FRAMES, camera_motion=0.5),
        "two objects, moving camera": Spec(frames=FRAMES, objects=2, camera_motion=0.5),
        "a crowd of 30 objects": Spec(frames=FRAMES, objects=30, crowd=True),
    }
    ours(Spec(frames=2, size=(64, 64), camera_motion=0.5), 0)  # compiles the loops, or reads them
    print(f"image, mask and flow at 240x432, {FRAMES} frames, one core, painting included")
    for name, spec in cases.items():
        rates = [ours(spec, seed) for seed in range(1, 7)]
        slow = baseline(spec, 1)
        painted = [painting(spec, seed) for seed in range(1, 7)]
        share = np.median(painted) * np.median(rates) / FRAMES
        print(
            f"{name:28s} {np.median(rates):6.1f} frames/s "
            f"(from {min(rates):.1f} to {max(rates):.1f}), {share:3.0%} of it painting, "
            f"{np.median(rates) / slow:5.1f} times the per-pixel SciPy warp ({slow:.2f} frames/s)"
        )


if __name__ == "__main__":
    main()
