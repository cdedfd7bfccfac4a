"""Checks of lesson 01: jaccard, mask_boundary, boundary_f and decay."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy import ndimage

from vos_lab.exercises.cases import Case, Check, Inputs, Slip
from vos_lab.metrics.masks import boundary_f, decay, jaccard, mask_boundary

Maybe = np.ndarray | None


def bits(*rows: str) -> np.ndarray:
    """A binary mask from rows of 0 and 1."""
    return np.array([[character == "1" for character in row] for row in rows])


def blob(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A binary mask of smooth blobs that cover a third, touch the border, and have holes."""
    smooth = ndimage.gaussian_filter(rng.standard_normal((height, width)), 0.08 * height)
    return smooth > np.quantile(smooth, 0.65)


def pair(rng: np.random.Generator, height: int, width: int) -> Inputs:
    """A truth, and a prediction that is the same a little to the right with noise on it."""
    truth = blob(rng, height, width)
    prediction = np.roll(truth, 2, axis=1) ^ (rng.random((height, width)) < 0.02)
    return {"prediction": prediction, "truth": truth}


def stripe(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Void pixels: a band of columns."""
    void = np.zeros((height, width), bool)
    left = int(rng.integers(0, width // 2))
    void[:, left : left + width // 3] = True
    return void


def by_frame(
    score: Callable[[np.ndarray, np.ndarray], float],
    prediction: np.ndarray,
    truth: np.ndarray,
    void: Maybe,
) -> float | np.ndarray:
    """Score a frame, or every frame of a video, with void pixels as background."""
    if void is not None:
        prediction, truth = prediction & ~void, truth & ~void
    if prediction.ndim == 2:
        return score(prediction, truth)
    return np.array([score(p, t) for p, t in zip(prediction, truth, strict=True)])


# --- jaccard ----------------------------------------------------------------------------------


def iou(prediction: np.ndarray, truth: np.ndarray, empty: float = 1.0) -> float:
    """Intersection over union, with the value for two empty masks as you like it."""
    union = np.count_nonzero(prediction | truth)
    return np.count_nonzero(prediction & truth) / union if union else empty


def jaccard_dice(prediction: np.ndarray, truth: np.ndarray, void: Maybe = None) -> Any:
    """Dice: twice the intersection over the sum of the areas."""

    def dice(p: np.ndarray, t: np.ndarray) -> float:
        total = np.count_nonzero(p) + np.count_nonzero(t)
        return 2 * np.count_nonzero(p & t) / total if total else 1.0

    return by_frame(dice, prediction, truth, void)


def jaccard_sum(prediction: np.ndarray, truth: np.ndarray, void: Maybe = None) -> Any:
    """The sum of the areas in place of the union."""

    def score(p: np.ndarray, t: np.ndarray) -> float:
        total = np.count_nonzero(p) + np.count_nonzero(t)
        return np.count_nonzero(p & t) / total if total else 1.0

    return by_frame(score, prediction, truth, void)


def jaccard_accuracy(prediction: np.ndarray, truth: np.ndarray, void: Maybe = None) -> Any:
    """The share of the pixels on which both agree."""
    return by_frame(lambda p, t: float((p == t).mean()), prediction, truth, void)


def jaccard_recall(prediction: np.ndarray, truth: np.ndarray, void: Maybe = None) -> Any:
    """The share of the truth that was found."""

    def score(p: np.ndarray, t: np.ndarray) -> float:
        if not t.any():
            return float(not p.any())
        return np.count_nonzero(p & t) / np.count_nonzero(t)

    return by_frame(score, prediction, truth, void)


def jaccard_nan(prediction: np.ndarray, truth: np.ndarray, void: Maybe = None) -> Any:
    """0/0 in NumPy."""
    return by_frame(partial(iou, empty=np.nan), prediction, truth, void)


def jaccard_formula_alone(prediction: np.ndarray, truth: np.ndarray, void: Maybe = None) -> Any:
    """The formula and none of the care around it, as most begin."""
    with np.errstate(invalid="ignore"):
        return (prediction & truth).sum() / (prediction | truth).sum()


def jaccard_zero(prediction: np.ndarray, truth: np.ndarray, void: Maybe = None) -> Any:
    """0 for two empty masks, as from a small number added below the line."""
    return by_frame(partial(iou, empty=0.0), prediction, truth, void)


def jaccard_divides(prediction: np.ndarray, truth: np.ndarray, void: Maybe = None) -> Any:
    """0/0 in Python."""

    def score(p: np.ndarray, t: np.ndarray) -> float:
        return int((p & t).sum()) / int((p | t).sum())

    return by_frame(score, prediction, truth, void)


def jaccard_minus(prediction: np.ndarray, truth: np.ndarray, void: Maybe = None) -> Any:
    """Boolean arrays, subtracted."""
    return np.subtract(prediction, truth).sum()


def jaccard_void_ignored(prediction: np.ndarray, truth: np.ndarray, void: Maybe = None) -> Any:
    """Counts void pixels."""
    return by_frame(iou, prediction, truth, None)


def jaccard_void_half(prediction: np.ndarray, truth: np.ndarray, void: Maybe = None) -> Any:
    """Takes void out of the prediction only."""
    return by_frame(iou, prediction if void is None else prediction & ~void, truth, None)


def jaccard_void_kept(prediction: np.ndarray, truth: np.ndarray, void: Maybe = None) -> Any:
    """Keeps the void pixels and nothing else."""
    return by_frame(iou, prediction, truth, None if void is None else ~void)


def jaccard_pooled(prediction: np.ndarray, truth: np.ndarray, void: Maybe = None) -> Any:
    """One number for a whole video."""
    known = np.ones(truth.shape, bool) if void is None else ~void
    return iou(prediction & known, truth & known)


def jaccard_averaged(prediction: np.ndarray, truth: np.ndarray, void: Maybe = None) -> Any:
    """The mean over the frames of a video."""
    return float(np.mean(by_frame(iou, prediction, truth, void)))


EMPTY_MESSAGE = (
    "Both masks are empty, so the union is 0. They agree completely: that counts as 1, and needs a "
    "line of its own before the division."
)

JACCARD = Check(
    jaccard,
    cases=[
        Case(
            "two pixels each, one in common",
            lambda rng: {"prediction": bits("110"), "truth": bits("011")},
        ),
        Case(
            "both masks are empty",
            lambda rng: {"prediction": bits("00", "00"), "truth": bits("00", "00")},
        ),
        Case(
            "the truth is empty, the prediction is not",
            lambda rng: {"prediction": bits("01", "00"), "truth": bits("00", "00")},
        ),
        Case(
            "the prediction is empty, the truth is not",
            lambda rng: {"prediction": bits("00", "00"), "truth": bits("00", "11")},
        ),
        Case(
            "the second column is void",
            lambda rng: {
                "prediction": bits("110", "110"),
                "truth": bits("101", "100"),
                "void": bits("010", "010"),
            },
        ),
        Case(
            "the truth is wrong about a void pixel",
            lambda rng: {
                "prediction": bits("100"),
                "truth": bits("110"),
                "void": bits("010"),
            },
        ),
        Case("random blobs", lambda rng: pair(rng, 48, 64)),
        Case(
            "random blobs, a third of the picture void",
            lambda rng: {**pair(rng, 48, 64), "void": stripe(rng, 48, 64)},
        ),
        Case(
            "a video of three frames, the second without an object",
            lambda rng: {
                "prediction": np.stack([blob(rng, 24, 32), np.zeros((24, 32), bool)] * 2)[:3],
                "truth": np.stack([blob(rng, 24, 32), np.zeros((24, 32), bool)] * 2)[:3],
            },
        ),
    ],
    slips=[
        Slip(
            jaccard_dice,
            "This is the Dice coefficient, 2|A ∩ B| / (|A| + |B|). Jaccard divides the "
            "intersection by the union.",
        ),
        Slip(
            jaccard_sum,
            "|A| + |B| counts the common pixels twice. The union counts each pixel once.",
        ),
        Slip(
            jaccard_accuracy,
            "This is the share of pixels that agree. Background would count as success: only "
            "pixels that one of the masks claims count here.",
        ),
        Slip(
            jaccard_recall,
            "You divide by the truth alone. Then a mask that covers everything scores 1: divide "
            "by the union.",
        ),
        Slip(jaccard_nan, EMPTY_MESSAGE),
        Slip(jaccard_formula_alone, EMPTY_MESSAGE),
        Slip(
            jaccard_zero,
            "Both masks are empty, and you say 0. Nothing was there and nothing was found: they "
            "agree, which is 1.",
        ),
        Slip(jaccard_divides, EMPTY_MESSAGE),
        Slip(
            jaccard_minus,
            "NumPy does not subtract booleans. Masks are combined with & (and), | (or), ~ (not).",
        ),
        Slip(
            jaccard_void_ignored,
            "Void pixels were counted. Take them out of both masks before you count.",
        ),
        Slip(
            jaccard_void_half,
            "Void was taken out of the prediction only. The truth says nothing there either: take "
            "it out of both.",
        ),
        Slip(
            jaccard_void_kept,
            "Only the void pixels were counted. Void is where nobody knows: keep the others (~).",
        ),
        Slip(
            jaccard_pooled,
            "A video (T, H, W) got one number for all frames together. Each frame has its own.",
        ),
        Slip(
            jaccard_averaged,
            "This is the mean over the frames. Return the value of each frame, an array (T,).",
        ),
    ],
    hints=[
        "How many pixels do both masks claim, and how many does at least one of them claim? J is "
        "the first as a share of the second.",
        "Both sets come from the masks by one operation on booleans each. Before that, void "
        "pixels must leave both masks. What if the second set has no pixel?",
        "Clear void pixels in both masks (and not), count the true pixels of the `and`, count "
        "those of the `or`, divide; 1 where the `or` is empty. A video is the same for each frame.",
    ],
)

# --- mask_boundary ----------------------------------------------------------------------------


def neighbour(mask: np.ndarray, down: int, right: int, mode: str = "edge") -> np.ndarray:
    """The pixel ``down`` rows below and ``right`` columns to the right, brought to each place."""
    spatial = [(1, 1), (1, 1)]
    around: Any = [(0, 0)] * (mask.ndim - 2) + spatial
    padded = np.pad(mask, around, mode=mode)  # type: ignore[call-overload]
    height, width = mask.shape[-2:]
    return padded[..., 1 + down : 1 + down + height, 1 + right : 1 + right + width]


def xor_with(mask: np.ndarray, places: list[tuple[int, int]], mode: str = "edge") -> np.ndarray:
    """Where a mask differs from any of some neighbours."""
    return np.logical_or.reduce([mask ^ neighbour(mask, *place, mode) for place in places])


def boundary_eroded(mask: np.ndarray) -> np.ndarray:
    """The inner contour: the mask without its erosion."""
    cross = np.zeros((3,) * mask.ndim, bool)
    cross[(1,) * (mask.ndim - 2)] = ndimage.generate_binary_structure(2, 1)
    return mask & ~ndimage.binary_erosion(mask, cross, border_value=1)


def boundary_dilated(mask: np.ndarray) -> np.ndarray:
    """The outer contour: the dilation without the mask."""
    cross = np.zeros((3,) * mask.ndim, bool)
    cross[(1,) * (mask.ndim - 2)] = ndimage.generate_binary_structure(2, 1)
    return ndimage.binary_dilation(mask, cross) & ~mask


def boundary_thick(mask: np.ndarray) -> np.ndarray:
    """Both sides of the line."""
    return xor_with(mask, [(0, 1), (0, -1), (1, 0), (-1, 0)])


def boundary_no_diagonal(mask: np.ndarray) -> np.ndarray:
    """Right and lower neighbour only."""
    return xor_with(mask, [(0, 1), (1, 0)])


def boundary_upper_left(mask: np.ndarray) -> np.ndarray:
    """The neighbours on the other side."""
    return xor_with(mask, [(0, -1), (-1, 0), (-1, -1)])


def boundary_wraps(mask: np.ndarray) -> np.ndarray:
    """``np.roll``: the last column's neighbour is the first."""
    return xor_with(mask, [(0, 1), (1, 0), (1, 1)], "wrap")


def boundary_frame(mask: np.ndarray) -> np.ndarray:
    """Zeros outside the image: its border becomes a boundary."""
    return xor_with(mask, [(0, 1), (1, 0), (1, 1)], "constant")


def boundary_inside(mask: np.ndarray) -> np.ndarray:
    """The part of the line that lies on the object."""
    return xor_with(mask, [(0, 1), (1, 0), (1, 1)]) & mask


def boundary_all(mask: np.ndarray) -> np.ndarray:
    """``and`` in place of ``or``: different from all three neighbours."""
    return np.logical_and.reduce(
        [mask ^ neighbour(mask, *place) for place in [(0, 1), (1, 0), (1, 1)]]
    )


def boundary_uint8(mask: np.ndarray) -> np.ndarray:
    """Zeros and ones in uint8."""
    return xor_with(mask, [(0, 1), (1, 0), (1, 1)]).astype(np.uint8)


MASK_BOUNDARY = Check(
    mask_boundary,
    cases=[
        Case("one pixel of object", lambda rng: {"mask": bits("000", "010", "000")}),
        Case("no object", lambda rng: {"mask": bits("00", "00")}),
        Case(
            "object everywhere, which has no boundary",
            lambda rng: {"mask": bits("111", "111")},
        ),
        Case(
            "object in the right lower corner",
            lambda rng: {"mask": bits("0000", "0000", "0011", "0011")},
        ),
        Case("object in the upper left corner", lambda rng: {"mask": bits("1100", "1100", "0000")}),
        Case("a picture of one row", lambda rng: {"mask": bits("0110100")}),
        Case("random blobs", lambda rng: {"mask": blob(rng, 48, 64)}),
    ],
    slips=[
        Slip(
            boundary_eroded,
            "This is the object's outermost pixels (the mask without its erosion). The boundary "
            "asked for comes from comparing each pixel with three neighbours.",
        ),
        Slip(
            boundary_dilated,
            "This is a ring around the object (the dilation without the mask). The boundary asked "
            "for comes from comparing each pixel with three neighbours.",
        ),
        Slip(
            boundary_thick,
            "The line is two pixels thick: comparing with neighbours on all sides marks both "
            "sides. Compare with right, lower and lower right only.",
        ),
        Slip(
            boundary_no_diagonal,
            "The lower right neighbour is missing, so the line has gaps at corners.",
        ),
        Slip(
            boundary_upper_left,
            "You compared with the left, upper and upper left neighbours: the line is moved by a "
            "pixel. Shift the mask the other way.",
        ),
        Slip(
            boundary_wraps,
            "The last column was compared with the first (np.roll wraps around). Outside the "
            "image the nearest pixel is repeated.",
        ),
        Slip(
            boundary_frame,
            "The border of the image became a boundary, as if background lay outside. Outside the "
            "image the nearest pixel is repeated.",
        ),
        Slip(
            boundary_inside,
            "Only the pixels on the object are left. The line lies on both sides: a pixel counts "
            "where it differs, whatever it is itself.",
        ),
        Slip(
            boundary_all,
            "A pixel counts where it differs from any of the neighbours (or), not from all (and).",
        ),
        Slip(
            boundary_uint8,
            "The values are right, but a binary mask is bool. Combine with ^ and |, which keep it.",
        ),
    ],
    hints=[
        "A pixel lies on the boundary if something changes between it and its neighbour. Looking "
        "right, down, and down right is enough: every pair of neighbours is then seen once.",
        "Do it for all pixels at once: make the mask that is shifted by one pixel, then compare "
        "mask and shifted mask. What should stand in the column that becomes free?",
        "Repeat the last row and column, shift by slicing, use exclusive or for 'differs' and or "
        "for 'any of them'.",
    ],
)

# --- boundary_f -------------------------------------------------------------------------------


def disk(radius: float) -> np.ndarray:
    """All offsets within a radius."""
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return x * x + y * y <= radius * radius


def radius_of(shape: tuple[int, ...], tolerance: float) -> float:
    """The tolerance in pixels."""
    return tolerance if tolerance >= 1 else float(np.ceil(tolerance * math.hypot(*shape)))


def harmonic(precision: float, recall: float) -> float:
    """F from precision and recall."""
    total = precision + recall
    return 2 * precision * recall / total if total else 0.0


def shares(
    prediction: np.ndarray, truth: np.ndarray, near: Callable[[np.ndarray], np.ndarray]
) -> tuple[float, float]:
    """Precision and recall of two boundaries, with ``near`` for what lies close to one."""
    found, due = np.count_nonzero(prediction), np.count_nonzero(truth)
    precision = np.count_nonzero(prediction & near(truth)) / found if found else 1.0
    recall = np.count_nonzero(truth & near(prediction)) / due if due else 1.0
    # Without any boundary in one of the masks, one of the shares is 1 and the other 0.
    return (precision if due or not found else 0.0), (recall if found or not due else 0.0)


def f_variant(
    *,
    mean: Callable[[float, float], float] = harmonic,
    radius: Callable[[tuple[int, ...], float], float] = radius_of,
    element: Callable[[float], np.ndarray] = disk,
    outline: Callable[[np.ndarray], np.ndarray] = lambda mask: mask_boundary(mask),
    empty: float = 1.0,
    use_void: bool = True,
) -> Callable[..., Any]:
    """A version of F with some part exchanged, for planting mistakes."""

    def version(
        prediction: np.ndarray, truth: np.ndarray, void: Maybe = None, tolerance: float = 0.008
    ) -> Any:
        def score(p: np.ndarray, t: np.ndarray) -> float:
            reach = element(radius(p.shape, tolerance))
            a, b = outline(p), outline(t)
            if not a.any() and not b.any():
                return empty
            return mean(*shares(a, b, lambda line: ndimage.binary_dilation(line, reach)))

        return by_frame(score, prediction, truth, void if use_void else None)

    return version


def f_dilates_both(
    prediction: np.ndarray, truth: np.ndarray, void: Maybe = None, tolerance: float = 0.008
) -> Any:
    """Counts on thick lines: the dilated boundaries, against each other."""

    def score(p: np.ndarray, t: np.ndarray) -> float:
        reach = disk(radius_of(p.shape, tolerance))
        a, b = (ndimage.binary_dilation(mask_boundary(m), reach) for m in (p, t))
        if not a.any() and not b.any():
            return 1.0
        return harmonic(*shares(a, b, lambda line: line))

    return by_frame(score, prediction, truth, void)


def f_wrong_one(
    prediction: np.ndarray, truth: np.ndarray, void: Maybe = None, tolerance: float = 0.008
) -> Any:
    """Dilates the line whose pixels are counted, so that shares can exceed 1."""

    def score(p: np.ndarray, t: np.ndarray) -> float:
        reach = disk(radius_of(p.shape, tolerance))
        a, b = mask_boundary(p), mask_boundary(t)
        found, due = np.count_nonzero(a), np.count_nonzero(b)
        if not found or not due:
            return float(found == due)
        precision = np.count_nonzero(ndimage.binary_dilation(a, reach) & b) / found
        recall = np.count_nonzero(ndimage.binary_dilation(b, reach) & a) / due
        return harmonic(precision, recall)

    return by_frame(score, prediction, truth, void)


def f_zero_division(
    prediction: np.ndarray, truth: np.ndarray, void: Maybe = None, tolerance: float = 0.008
) -> Any:
    """Divides by the number of boundary pixels, whatever it is."""

    def score(p: np.ndarray, t: np.ndarray) -> float:
        reach = disk(radius_of(p.shape, tolerance))
        a, b = mask_boundary(p), mask_boundary(t)
        precision = int((a & ndimage.binary_dilation(b, reach)).sum()) / int(a.sum())
        recall = int((b & ndimage.binary_dilation(a, reach)).sum()) / int(b.sum())
        return 2 * precision * recall / (precision + recall)

    return by_frame(score, prediction, truth, void)


def shifted_square(shift: int) -> Inputs:
    """A square, and the same some pixels to the right."""
    truth = np.zeros((40, 60), bool)
    truth[10:30, 15:35] = True
    return {"prediction": np.roll(truth, shift, axis=1), "truth": truth}


BOUNDARY_F = Check(
    boundary_f,
    cases=[
        Case(
            "one pixel each, at the same place",
            lambda rng: {"prediction": bits("000", "010"), "truth": bits("000", "010")},
        ),
        Case(
            "both masks are empty",
            lambda rng: {"prediction": bits("00", "00"), "truth": bits("00", "00")},
        ),
        Case(
            "the prediction is empty, the truth is not",
            lambda rng: {"prediction": bits("000", "000"), "truth": bits("000", "010")},
        ),
        Case(
            "the truth is empty, the prediction is not",
            lambda rng: {"prediction": bits("000", "010"), "truth": bits("000", "000")},
        ),
        Case("a square, predicted one pixel off", lambda rng: shifted_square(1)),
        Case("a square, predicted two pixels off", lambda rng: shifted_square(2)),
        Case(
            "a square, predicted three pixels off, two are allowed",
            lambda rng: {**shifted_square(3), "tolerance": 2.0 / np.hypot(40, 60) - 1e-6},
        ),
        Case(
            "random blobs, four pixels allowed",
            lambda rng: {**pair(rng, 60, 80), "tolerance": 0.036},
        ),
        Case(
            "random blobs, a third of the picture void",
            lambda rng: {**pair(rng, 60, 80), "void": stripe(rng, 60, 80)},
        ),
        Case(
            "the same, with the tolerance in pixels (from 1 up)",
            lambda rng: {**pair(rng, 60, 80), "tolerance": 3.0},
        ),
        Case(
            "a video of two frames",
            lambda rng: {
                "prediction": np.stack([blob(rng, 30, 40), blob(rng, 30, 40)]),
                "truth": np.stack([blob(rng, 30, 40), blob(rng, 30, 40)]),
            },
        ),
    ],
    slips=[
        Slip(
            f_variant(mean=lambda p, r: (p + r) / 2),
            "This is the plain mean of precision and recall. F is their harmonic mean, "
            "2PR / (P + R), which is small as soon as one of them is.",
        ),
        Slip(
            f_variant(mean=lambda p, r: p),
            "This is the precision alone. F takes the recall too.",
        ),
        Slip(
            f_variant(mean=lambda p, r: r),
            "This is the recall alone. F takes the precision too.",
        ),
        Slip(
            f_variant(radius=lambda shape, tolerance: tolerance),
            "The tolerance was taken in pixels. Below 1 it is a share of the image diagonal.",
        ),
        Slip(
            f_variant(element=lambda radius: np.ones((1, 1), bool)),
            "The boundaries were compared pixel on pixel. Near is near enough: dilate the other "
            "boundary by the tolerance first.",
        ),
        Slip(
            f_variant(
                radius=lambda shape, tolerance: (
                    tolerance if tolerance >= 1 else float(int(tolerance * math.hypot(*shape)))
                )
            ),
            "The radius was rounded down. It is rounded up, so that it is never 0.",
        ),
        Slip(
            f_variant(
                radius=lambda shape, tolerance: (
                    tolerance if tolerance >= 1 else float(np.ceil(tolerance * max(shape)))
                )
            ),
            "The tolerance is a share of the diagonal, not of the longer side.",
        ),
        Slip(
            f_variant(
                element=lambda radius: np.ones((2 * int(np.ceil(radius)) + 1,) * 2, bool),
            ),
            "You dilated with a square, whose corners reach farther than the tolerance. Near is a "
            "disk: x² + y² <= r².",
        ),
        Slip(
            f_variant(outline=lambda mask: mask),
            "The whole masks were compared. F looks at their boundaries only.",
        ),
        Slip(
            f_variant(outline=boundary_eroded),
            "The boundary is not that of mask_boundary. Call mask_boundary for both masks.",
        ),
        Slip(
            f_variant(empty=0.0),
            "Neither mask has a boundary, and you say 0. They agree: that counts as 1.",
        ),
        Slip(
            f_zero_division,
            "A mask without a boundary leaves 0 below the line. If neither has one, F is 1; if "
            "only one has, F is 0.",
        ),
        Slip(
            f_variant(use_void=False),
            "Void pixels were counted. Set both masks to background there, before you look for "
            "boundaries.",
        ),
        Slip(
            f_dilates_both,
            "Both boundaries were dilated. Count the thin line of one mask inside the thick line "
            "of the other.",
        ),
        Slip(
            f_wrong_one,
            "The wrong line was dilated. Precision counts thin pixels of the prediction near the "
            "truth, so it is the truth that gets thick.",
        ),
    ],
    hints=[
        "Two lines rarely lie exactly on each other. Ask of each pixel of the predicted line: is "
        "there true boundary nearby? And of each pixel of the true line: was it found nearby?",
        "'Nearby' is a dilation by a disk. The radius is the tolerance times the diagonal of the "
        "image, rounded up. What do you say where a mask has no boundary at all?",
        "Precision: thin prediction inside thick truth, over thin prediction. Recall: thin truth "
        "inside thick prediction, over thin truth. Then 2PR / (P + R), 0 where both are 0.",
    ],
)

# --- decay ------------------------------------------------------------------------------------


def edges_of(values: np.ndarray, parts: int = 4) -> np.ndarray:
    """Where the parts of a video begin and end, a half rounded up."""
    return np.round(np.linspace(1, len(values), parts + 1) + 1e-10).astype(int) - 1


def drop(values: np.ndarray, edges: np.ndarray) -> float:
    """The mean of the first part minus that of the last, both with both of their ends."""
    first, last = values[edges[0] : edges[1] + 1], values[edges[-2] : edges[-1] + 1]
    return float(first.mean() - last.mean())


def decay_reversed(values: np.ndarray) -> float:
    """Last minus first."""
    return -drop(values, edges_of(values))


def decay_thirds(values: np.ndarray) -> float:
    """Three parts."""
    return drop(values, edges_of(values, 3))


def decay_halves(values: np.ndarray) -> float:
    """Two parts."""
    return drop(values, edges_of(values, 2))


def decay_open(values: np.ndarray) -> float:
    """Quarters without their last frame, as a Python slice is."""
    edges = edges_of(values)
    first, last = values[edges[0] : edges[1]], values[edges[3] : edges[4]]
    return float(first.mean() - last.mean()) if first.size and last.size else float("nan")


def decay_apart(values: np.ndarray) -> float:
    """Quarters that share nothing."""
    quarters = np.array_split(values, 4)
    return float(quarters[0].mean() - quarters[3].mean()) if quarters[3].size else float("nan")


def decay_counted(values: np.ndarray) -> float:
    """A whole number of frames from each end."""
    quarter = max(1, len(values) // 4)
    return float(values[:quarter].mean() - values[-quarter:].mean())


def decay_ends(values: np.ndarray) -> float:
    """The first value minus the last."""
    return float(values[0] - values[-1])


def decay_even(values: np.ndarray) -> float:
    """Halves rounded to even, as NumPy does."""
    return drop(values, np.round(np.linspace(1, len(values), 5)).astype(int) - 1)


def decay_cut(values: np.ndarray) -> float:
    """Frame numbers cut off in place of rounded."""
    return drop(values, np.linspace(1, len(values), 5).astype(int) - 1)


def decay_from_one(values: np.ndarray) -> float:
    """Forgets to count from 0: the first frame is never used."""
    edges = edges_of(values) + 1
    first, last = values[edges[0] : edges[1] + 1], values[edges[3] : edges[4] + 1]
    return float(first.mean() - last.mean()) if first.size and last.size else float("nan")


def decay_bytes(values: np.ndarray) -> float:
    """Frame numbers in uint8, as in the official code."""
    edges = (np.round(np.linspace(1, len(values), 5) + 1e-10) - 1).astype(np.uint8).astype(int)
    first, last = values[edges[0] : edges[1] + 1], values[edges[3] : edges[4] + 1]
    return float(first.mean() - last.mean()) if first.size and last.size else float("nan")


DECAY = Check(
    decay,
    cases=[
        Case("one frame: no drop", lambda rng: {"values": np.array([0.5])}),
        Case("three frames", lambda rng: {"values": np.array([1.0, 0.5, 0.0])}),
        Case("four frames", lambda rng: {"values": np.array([1.0, 0.8, 0.4, 0.2])}),
        Case("a constant", lambda rng: {"values": np.full(9, 0.5)}),
        Case("seven frames", lambda rng: {"values": np.array([1, 0.9, 0.7, 0.6, 0.5, 0.1, 0])}),
        Case(
            "a random video that gets worse",
            lambda rng: {
                "values": np.clip(
                    np.linspace(1, 0.3, length := int(rng.integers(40, 90)))
                    + 0.1 * rng.standard_normal(length),
                    0,
                    1,
                )
            },
        ),
        Case(
            "more than 256 frames",
            lambda rng: {"values": np.sort(rng.random(int(rng.integers(1030, 1100))))},
        ),
    ],
    slips=[
        Slip(
            decay_reversed,
            "The sign is turned round: decay is the first quarter minus the last, above 0 where "
            "it gets worse.",
        ),
        Slip(decay_thirds, "You cut the video into thirds. Decay compares quarters."),
        Slip(decay_halves, "You cut the video into halves. Decay compares quarters."),
        Slip(
            decay_open,
            "The last frame of each quarter is missing: a slice stops before its end, and these "
            "quarters have both of their ends.",
        ),
        Slip(
            decay_apart,
            "Your quarters share no frame. These meet in one: the end of a quarter is the "
            "beginning of the next.",
        ),
        Slip(
            decay_counted,
            "You took a quarter of the frames from each end. The quarters asked for lie between "
            "five evenly spaced frame numbers, both ends included.",
        ),
        Slip(
            decay_ends,
            "This is the first value minus the last. One frame is chance: take the mean of a "
            "quarter at each end.",
        ),
        Slip(
            decay_even,
            "NumPy rounds a half to the nearest even number. Here a half goes up: add a little "
            "before you round.",
        ),
        Slip(decay_cut, "The frame numbers were cut off. They are rounded, a half up."),
        Slip(
            decay_from_one,
            "The frame numbers count from 1, Python counts from 0: the first frame was left out.",
        ),
        Slip(
            decay_bytes,
            "The frame numbers were kept in uint8, which cannot count beyond 255.",
        ),
    ],
    hints=[
        "A method that drifts is good at first and bad at the end. Which two numbers tell?",
        "Five evenly spaced frame numbers, from the first to the last, cut a video into four "
        "quarters. Neighbours share the frame at which they meet.",
        "np.linspace from 1 to T with 5 values, rounded with a half going up, minus 1. Take the "
        "mean of each outer slice, with its last frame, and subtract the last from the first.",
    ],
)

CHECKS = [JACCARD, MASK_BOUNDARY, BOUNDARY_F, DECAY]
