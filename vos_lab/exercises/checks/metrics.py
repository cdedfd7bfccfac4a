"""Checks of lesson 01: jaccard, mask_boundary, boundary_f and decay."""

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.metrics.masks import boundary_f, decay, jaccard, mask_boundary, share_near
from vos_lab.metrics.pixels import count_near, dilate_disk


def bits(*rows: str) -> np.ndarray:
    """A binary mask from rows of 0 and 1."""
    return np.array([[character == "1" for character in row] for row in rows])


def blob(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A binary mask of smooth blobs that cover a third, touch the border, and have holes."""
    smooth = cv2.GaussianBlur(rng.standard_normal((height, width)), (0, 0), 0.08 * height)
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


# --- jaccard ----------------------------------------------------------------------------------


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
        Case(
            "a video of two frames, each with void pixels of its own",
            lambda rng: {
                "prediction": np.stack([blob(rng, 24, 32), blob(rng, 24, 32)]),
                "truth": np.stack([blob(rng, 24, 32), blob(rng, 24, 32)]),
                "void": np.stack([stripe(rng, 24, 32), blob(rng, 24, 32)]),
            },
        ),
    ],
    mistakes=[
        Mistake(
            "This is the Dice coefficient, 2|A ∩ B| / (|A| + |B|). Jaccard divides the "
            "intersection by the union.",
            ("intersection / union", "2 * intersection / (prediction.sum() + truth.sum())"),
        ),
        Mistake(
            "|A| + |B| counts the common pixels twice. The union counts each pixel once.",
            (
                "np.count_nonzero(prediction | truth)",
                "np.count_nonzero(prediction) + np.count_nonzero(truth)",
            ),
        ),
        Mistake(
            "This is the share of pixels that agree. Background would count as success: only "
            "pixels that one of the masks claims count here.",
            ("intersection / union", "(prediction == truth).mean()"),
        ),
        Mistake(
            "You divide by the truth alone. Then a mask that covers everything scores 1: divide "
            "by the union.",
            ("np.count_nonzero(prediction | truth)", "np.count_nonzero(truth)"),
            ("else 1.0", "else float(not prediction.any())"),
        ),
        Mistake(EMPTY_MESSAGE, ("else 1.0", "else np.nan")),
        Mistake(
            EMPTY_MESSAGE,
            lambda prediction, truth, void=None: (
                (prediction & truth).sum() / (prediction | truth).sum()
            ),
        ),
        Mistake(
            "Both masks are empty, and your result is 0. Nothing was there and nothing was found, "
            "so they agree, and J is 1.",
            ("else 1.0", "else 0.0"),
        ),
        Mistake(
            EMPTY_MESSAGE,
            ("float(intersection / union) if union > 0 else 1.0", "intersection / union"),
        ),
        Mistake(
            "NumPy does not subtract booleans. Masks are combined with & (and), | (or), ~ (not).",
            ("prediction & truth", "prediction - truth"),
        ),
        Mistake(
            "You counted void pixels. Take them out of both masks before you count.",
            ("if void is not None:", "if False:"),
        ),
        Mistake(
            "Void was taken out of the prediction only. The truth says nothing there either: take "
            "it out of both.",
            (", truth & ~void", ", truth"),
        ),
        Mistake(
            "You counted only the void pixels. Void means that the truth is not known there, so "
            "keep the other pixels (~).",
            ("~void", "void"),
        ),
        Mistake(
            "You gave one number for a whole video (T, H, W). Give one number for each frame.",
            ("if prediction.ndim == 3:", "if False:"),
        ),
        Mistake(
            "This is the mean over the frames. Return the value of each frame, an array (T,).",
            ("return np.array(", "return np.mean("),
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


def neighbours(step: int, mode: str, axes: tuple[int, int] = (-1, -2)) -> dict[str, Any]:
    """The helpers of ``mask_boundary``, that look to another side or over the border."""

    def along(mask: np.ndarray, axis: int) -> np.ndarray:
        around = [(0, 0)] * mask.ndim
        around[axis] = (1, 1)
        padded = np.pad(mask, around, mode=mode)  # type: ignore[call-overload]
        return padded.take(range(1 + step, 1 + step + mask.shape[axis]), axis)

    return {
        "right_neighbour": lambda mask: along(mask, axes[0]),
        "lower_neighbour": lambda mask: along(mask, axes[1]),
    }


def by_frame(operation: Callable[..., Any], mask: np.ndarray, element: np.ndarray) -> np.ndarray:
    """Erode or dilate a mask, or each frame of a video."""
    if mask.ndim == 3:
        return np.stack([by_frame(operation, frame, element) for frame in mask])
    return operation(mask.astype(np.uint8), element.astype(np.uint8)) > 0


CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])


def inner_line(mask: np.ndarray) -> np.ndarray:
    """The mask without its erosion."""
    return mask & ~by_frame(cv2.erode, mask, CROSS)


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
        Case(
            "a video of three frames, the second without an object",
            lambda rng: {"mask": np.stack([blob(rng, 9, 12), np.zeros((9, 12), bool)] * 2)[:3]},
        ),
    ],
    mistakes=[
        Mistake(
            "These are the outermost pixels of the object (the mask without its erosion). You get "
            "the boundary of the exercise if you compare each pixel with three neighbours.",
            inner_line,
        ),
        Mistake(
            "This is a ring around the object (the dilation without the mask). You get the "
            "boundary of the exercise if you compare each pixel with three neighbours.",
            lambda mask: by_frame(cv2.dilate, mask, CROSS) & ~mask,
        ),
        Mistake(
            "The line is two pixels thick: comparing with neighbours on all sides marks both "
            "sides. Compare with right, lower and lower right only.",
            (
                "mask ^ lower_right",
                "mask ^ left[..., ::-1] | mask ^ upper[..., ::-1, :]",
            ),
            ("# Step 2", "left = right_neighbour(mask[..., ::-1])\n    # Step 2"),
            ("# Step 2", "upper = lower_neighbour(mask[..., ::-1, :])\n    # Step 2"),
        ),
        Mistake(
            "The lower right neighbour is missing, so the line has gaps at corners.",
            (" | (mask ^ lower_right)", ""),
        ),
        Mistake(
            "You compared with the left, upper and upper left neighbours: the line is moved by a "
            "pixel. Shift the mask the other way.",
            **neighbours(-1, "edge"),
        ),
        Mistake(
            "The last column was compared with the first (np.roll wraps around). Outside the "
            "image the nearest pixel is repeated.",
            **neighbours(1, "wrap"),
        ),
        Mistake(
            "The frames of a video were mixed. Rows and columns are the last two axes, "
            "mask[..., rows, columns]; the axis before them is time.",
            **neighbours(1, "edge", axes=(1, 0)),
        ),
        Mistake(
            "The border of the image became a boundary, as if background lay outside. Outside the "
            "image the nearest pixel is repeated.",
            **neighbours(1, "constant"),
        ),
        Mistake(
            "You kept only pixels of the object. The line lies on both sides: a pixel counts if "
            "it differs from a neighbour, whether it is object or background.",
            ("mask ^ right", "mask & ~right"),
            ("mask ^ lower", "mask & ~lower"),
        ),
        Mistake(
            "A pixel counts where it differs from any of the neighbours (or), not from all (and).",
            (" | ", " & "),
        ),
        Mistake(
            "The values are right, but a binary mask is bool. Combine with ^ and |, which give "
            "bool.",
            ("mask ^ right", "mask.astype(np.uint8) ^ right"),
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


def share_in_square(points: np.ndarray, target: np.ndarray, radius: int) -> float:
    """What share of the points has a pixel of the target in a square around it?"""
    thick = by_frame(cv2.dilate, target, np.ones((2 * radius + 1,) * 2))
    return np.count_nonzero(points & thick) / np.count_nonzero(points) if points.any() else 1.0


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
        Case(
            "two objects that are far apart",
            lambda rng: {
                "prediction": bits("1" + 30 * "0", 31 * "0"),
                "truth": bits(31 * "0", 30 * "0" + "1"),
            },
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
        Case(
            "a video of two frames, each with void pixels of its own, three pixels allowed",
            lambda rng: {
                "prediction": np.stack([blob(rng, 30, 40), blob(rng, 30, 40)]),
                "truth": np.stack([blob(rng, 30, 40), blob(rng, 30, 40)]),
                "void": np.stack([stripe(rng, 30, 40), blob(rng, 30, 40)]),
                "tolerance": 3.0,
            },
        ),
    ],
    mistakes=[
        Mistake(
            "This is the plain mean of precision and recall. F is their harmonic mean, "
            "2PR / (P + R), which is small as soon as one of them is.",
            ("2 * precision * recall / (precision + recall)", "(precision + recall) / 2"),
        ),
        Mistake(
            "This is the precision alone. F takes the recall too.",
            ("2 * precision * recall / (precision + recall)", "precision"),
        ),
        Mistake(
            "This is the recall alone. F takes the precision too.",
            ("2 * precision * recall / (precision + recall)", "recall"),
        ),
        Mistake(
            "The tolerance was taken in pixels. Below 1 it is a share of the image diagonal.",
            ("boundary_radius(truth.shape, tolerance)", "int(tolerance)"),
        ),
        Mistake(
            "You compared the boundaries pixel by pixel. A boundary pixel that is near the other "
            "boundary counts, too: dilate the other boundary by the tolerance first.",
            ("boundary_radius(truth.shape, tolerance)", "0"),
        ),
        Mistake(
            "The radius was rounded down. It is rounded up, so that it is never 0.",
            boundary_radius=lambda shape, tolerance: int(
                tolerance if tolerance >= 1 else tolerance * math.hypot(*shape)
            ),
        ),
        Mistake(
            "The tolerance is a share of the diagonal, not of the longer side.",
            boundary_radius=lambda shape, tolerance: math.ceil(
                tolerance if tolerance >= 1 else tolerance * max(shape)
            ),
        ),
        Mistake(
            "You dilated with a square, and its corners reach farther than the tolerance. Use a "
            "disk: x² + y² <= r².",
            share_near=share_in_square,
        ),
        Mistake(
            "The whole masks were compared. F looks at their boundaries only.",
            (
                "boundaries(prediction, truth, void)",
                "(m if void is None else m & ~void for m in (prediction, truth))",
            ),
        ),
        Mistake(
            "The boundary is not that of mask_boundary. Call mask_boundary for both masks.",
            (
                "boundaries(prediction, truth, void)",
                "[mask_boundary(m if void is None else m & ~void) for m in (prediction, truth)]",
            ),
            mask_boundary=inner_line,
        ),
        Mistake(
            "Neither mask has a boundary, and your result is 0. They agree, so F is 1.",
            ("precision + recall == 0", "precision + recall == 0 or not (predicted | true).any()"),
        ),
        Mistake(
            "If a mask has no boundary, you divide by 0. If neither mask has a boundary, F is 1; "
            "if only one of them has none, F is 0.",
            share_near=lambda points, target, radius: (
                count_near(points, target, radius) / np.count_nonzero(points)
            ),
        ),
        Mistake(
            "Void pixels were counted. Set both masks to background there, before you look for "
            "boundaries.",
            ("boundaries(prediction, truth, void)", "boundaries(prediction, truth)"),
        ),
        Mistake(
            "Both boundaries were dilated. Count the thin line of one mask inside the thick line "
            "of the other.",
            (
                "boundaries(prediction, truth, void)",
                "[mask_boundary(m if void is None else m & ~void) for m in (prediction, truth)]",
            ),
            (
                "# Step 4",
                "predicted, true = (thick(m, radius) for m in (predicted, true))\n    # Step 4",
            ),
            thick=dilate_disk,
            share_near=lambda points, target, radius: share_near(points, target, 0),
        ),
        Mistake(
            "You dilated the wrong line. Precision counts the thin pixels of the prediction that "
            "are near the truth, so dilate the truth.",
            share_near=lambda points, target, radius: (
                count_near(target, points, radius) / np.count_nonzero(points)
                if points.any()
                else 1.0
            ),
        ),
    ],
    hints=[
        "Two lines rarely lie exactly on each other. Ask for each pixel of the predicted line: is "
        "there a true boundary nearby? And for each pixel of the true line: was it found nearby?",
        "'Nearby' is a dilation by a disk. The radius is the tolerance times the diagonal of the "
        "image, rounded up. What is the result if a mask has no boundary at all?",
        "Precision: thin prediction inside thick truth, over thin prediction. Recall: thin truth "
        "inside thick prediction, over thin truth. Then 2PR / (P + R), 0 where both are 0.",
    ],
)

# --- decay ------------------------------------------------------------------------------------


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
    mistakes=[
        Mistake(
            "The sign is wrong: decay is the first quarter minus the last, so it is above 0 if "
            "the masks get worse.",
            ("np.mean(first) - np.mean(last)", "np.mean(last) - np.mean(first)"),
        ),
        Mistake(
            "You cut the video into thirds. Decay compares quarters.",
            (", 5)", ", 4)"),
            ("edges[3] : edges[4]", "edges[2] : edges[3]"),
        ),
        Mistake(
            "You cut the video into halves. Decay compares quarters.",
            (", 5)", ", 3)"),
            ("edges[3] : edges[4]", "edges[1] : edges[2]"),
        ),
        Mistake(
            "The last frame of each quarter is missing. A slice stops before its end, but these "
            "quarters include both ends.",
            (" + 1]", "]"),
        ),
        Mistake(
            "Your quarters do not share a frame. They should: the last frame of a quarter is also "
            "the first frame of the next.",
            (
                "first = values[edges[0] : edges[1] + 1]",
                "first, _, _, last = np.array_split(values, 4)",
            ),
            ("last = values[edges[3] : edges[4] + 1]", ""),
        ),
        Mistake(
            "You took a quarter of the frames from each end. The quarters of the exercise lie "
            "between five evenly spaced frame numbers, and include both ends.",
            ("edges[0] : edges[1] + 1", ": max(1, len(values) // 4)"),
            ("edges[3] : edges[4] + 1", "-max(1, len(values) // 4) :"),
        ),
        Mistake(
            "This is the first value minus the last. A single frame says little, so take the mean "
            "of a quarter at each end.",
            lambda values: float(values[0] - values[-1]),
        ),
        Mistake(
            "NumPy rounds a half to the nearest even number. Here a half goes up: add a little "
            "before you round.",
            (" + 1e-10", ""),
        ),
        Mistake(
            "The frame numbers were cut off. They are rounded, a half up.",
            ("np.round(np.linspace(1, len(values), 5) + 1e-10)", "np.linspace(1, len(values), 5)"),
        ),
        Mistake(
            "The frame numbers count from 1, Python counts from 0: the first frame was left out.",
            (".astype(int) - 1", ".astype(int)"),
        ),
        Mistake(
            "The frame numbers were kept in uint8, which cannot count beyond 255.",
            (" + 1e-10).astype(int) - 1", " + 1e-10 - 1).astype(np.uint8).astype(int)"),
        ),
    ],
    hints=[
        "A method that drifts is good at first and bad at the end. Which two numbers show that?",
        "Five evenly spaced frame numbers, from the first to the last, cut a video into four "
        "quarters. Neighbours share the frame at which they meet.",
        "np.linspace from 1 to T with 5 values, rounded with a half going up, minus 1. Take the "
        "mean of each outer slice, with its last frame, and subtract the last from the first.",
    ],
)

CHECKS = [JACCARD, MASK_BOUNDARY, BOUNDARY_F, DECAY]
