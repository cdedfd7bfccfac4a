"""Optical flow without learning: Lucas-Kanade, Horn-Schunck, and coarse to fine.

Both begin with brightness constancy: a point keeps its brightness while it moves. For a small
motion (dx, dy) that is one linear equation for each pixel,

    Ix dx + Iy dy + It = 0,

with two unknowns. What is along an edge cannot be seen (the aperture problem), so more must be
assumed. Lucas and Kanade: pixels of one window move alike. Horn and Schunck: neighbours move
nearly alike, everywhere. "Small" is below the size of the structures in the image; a pyramid of
images makes any motion small.
"""

from collections.abc import Callable

import cv2
import numpy as np

from vos_lab.exercise import exercise
from vos_lab.flow.warp import lands_inside, warp

# From two brightness images and a guess of the flow to a better flow.
Step = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@exercise(minutes=25, difficulty=4, importance=5)
def lucas_kanade(
    first: np.ndarray,
    second: np.ndarray,
    start: np.ndarray,
    window: float = 3.0,
    ridge: float = 1.0,
) -> np.ndarray:
    """One step of Lucas and Kanade, IJCAI 1981: all pixels of a window move alike.

    Each pixel of a window gives an equation Ix dx + Iy dy = -It. Least squares over the window:

        [ΣIxIx  ΣIxIy] [dx]     [ΣIxIt]
        [ΣIxIy  ΣIyIy] [dy] = - [ΣIyIt]

    Args:
        first: brightness at time t, ``(H, W)`` float32, 0 to 255.
        second: brightness at time t + 1, the same.
        start: ``(H, W, 2)`` float32, pixels: a guess, which is improved; zeros if there is none.
        window: its size, the standard deviation of its Gaussian weights, pixels.
        ridge: is added to the diagonal of the matrix. Without structure the matrix is 0, and
            any answer would do; with the ridge the answer is "no change".

    Returns:
        ``(H, W, 2)`` float32, pixels.

    Example:
        >>> x = np.arange(32, dtype=np.float32)
        >>> first = 50 * np.sin(x / 3) + 50 * np.sin(x / 2)[:, None]
        >>> second = 50 * np.sin((x - 0.5) / 3) + 50 * np.sin(x / 2)[:, None]
        >>> flow = lucas_kanade(first, second, np.zeros((32, 32, 2), np.float32))
        >>> bool(np.abs(flow[16, 16] - [0.5, 0.0]).max() < 0.05)
        True
    """
    # Step 1: bring the second image back by the guess. Only what is still missing remains.
    restored = warp(second, start)
    # Step 2: how brightness changes to the right, downwards and in time, at each pixel.
    ix, iy, it = derivatives(first, restored, start)
    # Step 3: the five sums over the window around each pixel. ``window_sum`` gives them.
    xx = window_sum(ix * ix, window) + ridge
    yy = window_sum(iy * iy, window) + ridge
    xy = window_sum(ix * iy, window)
    xt = window_sum(ix * it, window)
    yt = window_sum(iy * it, window)
    # Step 4: solve the two equations at every pixel at once (Cramer's rule). Mind the minus.
    determinant = xx * yy - xy * xy
    dx = (xy * yt - yy * xt) / determinant
    dy = (xy * xt - xx * yt) / determinant
    # Step 5: add this change to the guess.
    return start + np.stack([dx, dy], axis=-1)


@exercise(minutes=25, difficulty=4, importance=4)
def horn_schunck(
    first: np.ndarray,
    second: np.ndarray,
    start: np.ndarray,
    smoothness: float = 10.0,
    iterations: int = 60,
) -> np.ndarray:
    """Horn and Schunck, Artificial Intelligence 1981: neighbours move nearly alike, everywhere.

    Minimises the sum of (Ix dx + Iy dy + It)² + α² (|∇dx|² + |∇dy|²) over the image, by going again
    and again from the mean of the neighbours towards the line that brightness constancy allows:

        (dx, dy) = mean - (Ix, Iy) (Ix mean_dx + Iy mean_dy + It) / (α² + Ix² + Iy²)

    Args:
        first: brightness at time t, ``(H, W)`` float32, 0 to 255.
        second: brightness at time t + 1, the same.
        start: ``(H, W, 2)`` float32, pixels: a guess, which is improved; zeros if there is none.
        smoothness: α, in grey levels per pixel. The larger, the smoother the flow.
        iterations: how often. Information travels one pixel each time.

    Returns:
        ``(H, W, 2)`` float32, pixels.

    Example:
        >>> x = np.arange(32, dtype=np.float32)
        >>> first = 50 * np.sin(x / 3) + 50 * np.sin(x / 2)[:, None]
        >>> second = 50 * np.sin((x - 0.5) / 3) + 50 * np.sin(x / 2)[:, None]
        >>> flow = horn_schunck(first, second, np.zeros((32, 32, 2), np.float32))
        >>> bool(np.abs(flow[16, 16] - [0.5, 0.0]).max() < 0.05)
        True
    """
    # Step 1: bring the second image back by the guess, and take the derivatives.
    ix, iy, it = derivatives(first, warp(second, start), start)
    # Step 2: "it" is the change that the guess does not explain. But the whole flow has to be
    # smooth, not only its last change. So write the equation for the whole flow: subtract what the
    # guess explains.
    it = it - ix * start[..., 0] - iy * start[..., 1]
    # Step 3: the denominator is the same in all iterations.
    denominator = smoothness**2 + ix**2 + iy**2
    flow = start
    for _ in range(iterations):
        # Step 4: the mean of the neighbours. ``neighbour_mean`` gives it.
        mean = neighbour_mean(flow)
        # Step 5: measure how much that breaks brightness constancy, and go back along the gradient.
        broken = (ix * mean[..., 0] + iy * mean[..., 1] + it) / denominator
        flow = mean - np.stack([ix * broken, iy * broken], axis=-1)
    return flow


def derivatives(
    first: np.ndarray, restored: np.ndarray, flow: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How brightness changes to the right, downwards, and from the first image to the second.

    Args:
        first: brightness at time t, ``(H, W)`` float32.
        restored: brightness at time t + 1, brought back by ``flow``.
        flow: ``(H, W, 2)`` float32: where it points outside, nothing was seen, and all three are 0.

    Returns:
        Ix, Iy, It, each ``(H, W)`` float32, in grey levels per pixel and per frame.
    """
    # The gradient in the middle between both times is the right one for the motion from one to
    # the other (to second order).
    iy, ix = np.gradient((first + restored) / 2)
    seen = lands_inside(flow).astype(np.float32)
    return ix * seen, iy * seen, (restored - first) * seen


def window_sum(image: np.ndarray, window: float) -> np.ndarray:
    """The weighted sum over a window around each pixel; the weights are Gaussian and sum to 1.

    Args:
        image: ``(H, W)`` float32.
        window: standard deviation, pixels.

    Returns:
        ``(H, W)`` float32.
    """
    return cv2.GaussianBlur(image, (0, 0), window, borderType=cv2.BORDER_REFLECT_101)


_NEIGHBOURS = np.array([[1, 2, 1], [2, 0, 2], [1, 2, 1]], np.float32) / 12


def neighbour_mean(flow: np.ndarray) -> np.ndarray:
    """The mean of the eight neighbours: 1/6 for those beside, 1/12 for those at the corners.

    Args:
        flow: ``(H, W, 2)`` float32. At the border the nearest vector is repeated.

    Returns:
        ``(H, W, 2)`` float32. The weights are those of Horn and Schunck, Section 8.
    """
    return cv2.filter2D(flow, -1, _NEIGHBOURS, borderType=cv2.BORDER_REPLICATE)


# --- coarse to fine ---------------------------------------------------------------------------


def coarse_to_fine(
    first: np.ndarray, second: np.ndarray, step: Step, levels: int | None = None, warps: int = 5
) -> np.ndarray:
    """Begin with small images, in which every motion is small, and refine.

    Args:
        first: brightness at time t, ``(H, W)`` float32.
        second: brightness at time t + 1, the same.
        step: improves a flow, as ``lucas_kanade`` and ``horn_schunck`` do.
        levels: how many images the pyramid has; 1 is the image alone; None goes down to 16 pixels.
        warps: how often ``step`` is repeated on each level.

    Returns:
        ``(H, W, 2)`` float32, pixels.
    """
    smaller_side = min(first.shape)
    if levels is None:
        levels = max(1, int(np.log2(max(smaller_side, 1) / 16)) + 1)
    firsts, seconds = pyramid(first, levels), pyramid(second, levels)
    flow = np.zeros((*firsts[-1].shape, 2), np.float32)
    for small_first, small_second in zip(reversed(firsts), reversed(seconds), strict=True):
        flow = enlarge(flow, small_first.shape)
        for _ in range(warps):
            flow = step(small_first, small_second, flow).astype(np.float32)
            # A vector unlike all its neighbours is a mistake, and would grow on the next level
            # (Sun et al., "Secrets of Optical Flow Estimation and Their Principles", CVPR 2010).
            flow = np.dstack(
                [cv2.medianBlur(np.ascontiguousarray(f), 5) for f in np.moveaxis(flow, -1, 0)]
            )
    return flow


def pyramid(image: np.ndarray, levels: int) -> list[np.ndarray]:
    """An image, and smaller and smaller versions of it, each half as wide and high.

    Args:
        image: ``(H, W)`` float32.
        levels: how many images; fewer where a side would fall below 2 pixels.

    Returns:
        The images, the largest first. Pixel (i, j) of one is pixel (2 i, 2 j) of the one before.

    Example:
        >>> [small.shape for small in pyramid(np.zeros((9, 16), np.float32), 3)]
        [(9, 16), (5, 8), (3, 4)]
    """
    images = [image]
    while len(images) < levels and min(images[-1].shape) > 2:
        # Blurred first: a fine pattern that is merely thinned out turns into a wrong coarse one.
        images.append(binomial_blur(images[-1])[::2, ::2])
    return images


def binomial_blur(image: np.ndarray) -> np.ndarray:
    """Blur with (1, 4, 6, 4, 1) / 16, down and across; the border is mirrored.

    Args:
        image: ``(H, W)`` float32, no side below 3.

    Returns:
        ``(H, W)`` float32.
    """
    for axis in (0, 1):
        n = image.shape[axis]
        padded = np.pad(image, [(2, 2) if a == axis else (0, 0) for a in (0, 1)], mode="reflect")
        parts = [padded.take(range(k, k + n), axis=axis) for k in range(5)]
        image = (parts[0] + 4 * parts[1] + 6 * parts[2] + 4 * parts[3] + parts[4]) / 16
    return image


def enlarge(flow: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Flow of a small image, for the image twice its size: twice as many pixels, twice as long.

    Args:
        flow: ``(h, w, 2)`` float32, pixels of the small image.
        shape: (H, W) of the larger one, with h = (H + 1) // 2, or the same as that of ``flow``.

    Returns:
        ``(H, W, 2)`` float32, pixels of the larger image.

    Example:
        >>> enlarge(np.array([[[1, 0], [2, 0]]], np.float32), (1, 3))[..., 0].tolist()
        [[2.0, 3.0, 4.0]]
    """
    if flow.shape[:2] == tuple(shape):
        return flow
    for axis in (0, 1):
        next_one = np.concatenate(
            [flow.take(range(1, flow.shape[axis]), axis), flow.take([-1], axis)], axis
        )
        between = (flow + next_one) / 2
        both = np.stack([flow, between], axis=axis + 1)
        merged = list(flow.shape)
        merged[axis] *= 2
        flow = both.reshape(merged).take(range(shape[axis]), axis)
    return 2 * flow
