"""One call for every way to estimate flow: ours, OpenCV's, torchvision's."""

from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING

import cv2
import numpy as np

from vos_lab.flow.classical import coarse_to_fine, horn_schunck, lucas_kanade
from vos_lab.weights import downloaded

if TYPE_CHECKING:  # torch takes seconds to load, and only RAFT needs it
    import torch


def estimate(
    first: np.ndarray, second: np.ndarray, method: str = "dis", **options: object
) -> np.ndarray:
    """Optical flow between two images, by any method that this library knows.

    Args:
        first: image at time t, ``(H, W, 3)`` uint8, or ``(H, W)`` grey uint8.
        second: image at time t + 1, the same.
        method: ``"lucas-kanade"``, ``"horn-schunck"`` (ours, coarse to fine), ``"farneback"``,
            ``"dis"`` (OpenCV's), ``"flownet-s"``, ``"flownet-c"`` (ours, learned), ``"raft"``
            (torchvision's, needs weights), or ``"zero"``.
        options: of the method: ``levels`` and ``warps`` of :func:`coarse_to_fine` and those of
            :func:`lucas_kanade` and :func:`horn_schunck`; see the functions in ``METHODS``.

    Returns:
        ``(H, W, 2)`` float32, pixels, from ``first`` to ``second``.

    Raises:
        ValueError: an unknown method, or images that do not fit.
        FileNotFoundError: RAFT has no weights on this machine, and they could not be had.

    Example:
        >>> square = np.zeros((64, 64, 3), np.uint8)
        >>> square[20:40, 20:40] = 200
        >>> flow = estimate(square, np.roll(square, 2, axis=1), "lucas-kanade")
        >>> round(float(flow[20:40, 20:40, 0].mean()))
        2
    """
    if method not in METHODS:
        raise ValueError(f"there is no flow method {method!r}; there are {', '.join(METHODS)}")
    for name, image in (("first", first), ("second", second)):
        if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)):
            raise ValueError(
                f"the {name} image is {image.dtype} {image.shape}, "
                "it must be uint8, (H, W, 3) or (H, W)"
            )
    if min(first.shape[:2]) < 2:
        raise ValueError(f"the images are {first.shape[:2]}; motion needs at least 2 x 2 pixels")
    if first.shape != second.shape:
        raise ValueError(f"the images have different shapes, {first.shape} and {second.shape}")
    return METHODS[method](first, second, **options)


def brightness(image: np.ndarray) -> np.ndarray:
    """An image as ``(H, W)`` float32 brightness, 0 to 255, a little blurred against noise."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    return cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 0.7)


def _lucas_kanade(
    first: np.ndarray,
    second: np.ndarray,
    levels: int | None = None,
    warps: int = 5,
    window: float = 3.0,
    ridge: float = 1.0,
) -> np.ndarray:
    def step(a: np.ndarray, b: np.ndarray, flow: np.ndarray) -> np.ndarray:
        return lucas_kanade(a, b, flow, window, ridge)

    return coarse_to_fine(brightness(first), brightness(second), step, levels, warps)


def _horn_schunck(
    first: np.ndarray,
    second: np.ndarray,
    levels: int | None = None,
    warps: int = 5,
    smoothness: float = 10.0,
    iterations: int = 60,
) -> np.ndarray:
    def step(a: np.ndarray, b: np.ndarray, flow: np.ndarray) -> np.ndarray:
        return horn_schunck(a, b, flow, smoothness, iterations)

    return coarse_to_fine(brightness(first), brightness(second), step, levels, warps)


def _grey(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image


def _farneback(
    first: np.ndarray, second: np.ndarray, levels: int = 5, window: int = 15
) -> np.ndarray:
    """Farnebäck, SCIA 2003: parabolas fitted around each pixel, and how they moved."""
    nothing = np.zeros((*first.shape[:2], 2), np.float32)
    return cv2.calcOpticalFlowFarneback(
        _grey(first), _grey(second), nothing, 0.5, levels, window, 5, 7, 1.5, 0
    )


def _dis(first: np.ndarray, second: np.ndarray, preset: str = "medium") -> np.ndarray:
    """Kroeger et al., ECCV 2016: patches matched by inverse search, coarse to fine."""
    presets = {
        "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
        "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
        "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
    }
    if preset not in presets:
        raise ValueError(f"DIS has the presets {', '.join(presets)}, not {preset!r}")
    solver = cv2.DISOpticalFlow.create(presets[preset])
    # On images smaller than its coarsest patches OpenCV raises, or ends the whole process.
    height, width = first.shape[:2]
    grey = [
        np.pad(_grey(image), ((0, max(0, 64 - height)), (0, max(0, 64 - width))), mode="edge")
        for image in (first, second)
    ]
    flow = solver.calc(grey[0], grey[1], np.zeros((*grey[0].shape, 2), np.float32))
    return np.ascontiguousarray(flow[:height, :width])


def _zero(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Nothing moves: what every method has to beat."""
    return np.zeros((*first.shape[:2], 2), np.float32)


# --- RAFT -------------------------------------------------------------------------------------


def _raft(
    first: np.ndarray, second: np.ndarray, size: str = "small", steps: int = 12
) -> np.ndarray:
    """Teed and Deng, ECCV 2020: a correlation volume, and a recurrent network that reads it."""
    import torch

    network = _raft_network(size)

    def prepare(image: np.ndarray) -> "torch.Tensor":
        colour = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=-1)
        tensor = torch.from_numpy(np.ascontiguousarray(colour)).permute(2, 0, 1)[None]
        return tensor.float() / 127.5 - 1

    height, width = first.shape[:2]
    # RAFT works on an eighth of the size, and needs 16 pixels there.
    right, below = (max(128, -(-side // 8) * 8) - side for side in (width, height))
    with torch.inference_mode():
        pair = [
            torch.nn.functional.pad(prepare(image), (0, right, 0, below), mode="replicate")
            for image in (first, second)
        ]
        flow = network(*pair, num_flow_updates=steps)[-1][0, :, :height, :width]
    return np.ascontiguousarray(flow.permute(1, 2, 0).numpy())


@cache
def _raft_network(size: str) -> "torch.nn.Module":
    import torch
    from torchvision.models.optical_flow import (
        Raft_Large_Weights,
        Raft_Small_Weights,
        raft_large,
        raft_small,
    )

    sizes = {
        "small": (raft_small, Raft_Small_Weights.DEFAULT, 4),
        "large": (raft_large, Raft_Large_Weights.DEFAULT, 20),
    }
    if size not in sizes:
        raise ValueError(f"RAFT comes as {' and '.join(sizes)}, not {size!r}")
    build, weights, megabytes = sizes[size]
    file = downloaded(weights.url, megabytes, "use method='dis', which needs none")
    network = build()
    network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    return network.eval()


# --- FlowNet ----------------------------------------------------------------------------------


def _flownet(first: np.ndarray, second: np.ndarray, name: str) -> np.ndarray:
    """Dosovitskiy et al., ICCV 2015: learned from examples; needs shipped weights."""
    # Found by name when it is asked for: methods may import flow, so flow imports none of them.
    module = import_module("vos_lab.flow.flownet")
    flow: np.ndarray = module.estimate_flow(module.flownet(name), first, second)
    return flow


METHODS: dict[str, Callable[..., np.ndarray]] = {
    "zero": _zero,
    "lucas-kanade": _lucas_kanade,
    "horn-schunck": _horn_schunck,
    "farneback": _farneback,
    "dis": _dis,
    "flownet-s": partial(_flownet, name="flownet-s"),
    "flownet-c": partial(_flownet, name="flownet-c"),
    "raft": _raft,
}
"""What ``estimate`` knows, by name."""
