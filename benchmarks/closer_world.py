"""What a parent that learned in the plain drawn world misses when that world comes closer to film.

For each knob of the renderer and each fault of a camera: 1 - J on the 20 held-out pictures of the
recipes (mixed suite, split val), and how much that differs from the plain ones, picture by picture,
with a 95 % bootstrap interval. It takes three minutes of one core.

Run: python benchmarks/closer_world.py [NAME OF THE PARENT]
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import sys  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from dataclasses import replace  # noqa: E402
from functools import partial  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402

from vos_lab import weights  # noqa: E402
from vos_lab.datasets.procedural import render, suite  # noqa: E402
from vos_lab.datasets.procedural.camera import Camera, filmed, shoot  # noqa: E402
from vos_lab.methods.networks import SegmentationNetwork, as_input  # noqa: E402
from vos_lab.training.recipes.pictures import (  # noqa: E402
    SIZE,
    Picture,
    held_out_pictures,
    picture,
)
from vos_lab.video import VOID  # noqa: E402

KNOBS: dict[str, dict[str, float]] = {
    "background out of focus": {"defocus": 0.7},
    "noise of a sensor": {"sensor_noise": 0.7},
    "automatic exposure": {"auto_exposure": 1.0},
    "JPEG": {"compression": 0.7},
    "motion blur": {"motion_blur": 0.8},
    "changing light": {"lighting": 0.8},
    "shadows of the sun": {"sun": 0.8},
    "clutter": {"clutter": 0.7},
    "drawn textures": {"texture": 0.7},
    "textures of photographs": {"texture": 0.7, "photographs": 1.0},
}
FAULTS = {
    "all out of focus": Camera(defocus=2.0),
    "shaken": Camera(shake=(6.0, 3.0)),
    "noise": Camera(noise=6.0),
    "too dark": Camera(exposure=-0.6),
    "more contrast": Camera(contrast=0.5),
    "pale": Camera(saturation=0.4),
    "sharpened": Camera(sharpening=1.0),
    "JPEG, poor": Camera(compression=0.8),
}


def missed(network: torch.nn.Module, pictures: Sequence[Picture]) -> np.ndarray:
    """1 - J of each picture that shows an object."""
    found = []
    for image, labels in pictures:
        with torch.inference_mode():
            mask = network(as_input(image))[0][0, 0].numpy() > 0
        counts, truth = labels != VOID, (labels > 0) & (labels != VOID)
        if truth.any():
            found.append(1 - (mask & truth).sum() / ((mask | truth) & counts).sum())
    return np.array(found)


def interval(differences: np.ndarray) -> tuple[float, float]:
    """Where the mean of differences lies, with 95 %."""
    rng = np.random.default_rng(0)
    means = rng.choice(differences, (4000, len(differences))).mean(1)
    return float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5))


def main() -> None:
    torch.set_num_threads(1)
    parent = sys.argv[1] if len(sys.argv) > 1 else "osvos-parent-long"
    network = weights.load_into(SegmentationNetwork(), parent)
    videos = suite("mixed", "val", length=20, frames=20, size=SIZE)
    plain = held_out_pictures()

    def drawn(**knobs: Any) -> list[Picture]:
        return [picture(render(replace(v.spec, **knobs), v.seed), 10) for v in videos]

    def taken(how: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> list[Picture]:
        return [(how(im, np.random.default_rng(n)), labels) for n, (im, labels) in enumerate(plain)]

    worlds: dict[str, Callable[[], list[Picture]]] = {
        name: partial(drawn, **knobs) for name, knobs in KNOBS.items()
    }
    for name, camera in FAULTS.items():
        worlds[name] = partial(taken, lambda im, rng, camera=camera: shoot(im, camera, rng))
    worlds["some camera"] = partial(taken, filmed)
    worlds["the closer world"] = partial(held_out_pictures, True)

    base = missed(network, plain)
    print(f"{parent}, 1 - J on {len(base)} held-out pictures")
    print(f"{'plain':26} {base.mean():.3f}")
    for name, pictures in worlds.items():
        try:
            errors = missed(network, pictures())
        except FileNotFoundError as error:
            print(f"{name:26} {error}")
            continue
        low, high = interval(errors - base)
        worse = float((errors - base).mean())
        print(f"{name:26} {errors.mean():.3f}  {worse:+.3f}  [{low:+.3f}, {high:+.3f}]", flush=True)


if __name__ == "__main__":
    main()
