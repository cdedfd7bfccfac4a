"""Checks of lesson 00: overlay and first_mask_everywhere."""

from typing import Any

import numpy as np

from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.exercises.compare import difference
from vos_lab.methods.baseline import first_mask_everywhere
from vos_lab.video import OBJECT_COLOURS, overlay

# --- overlay ----------------------------------------------------------------------------------


def is_overlay(inputs: Inputs, got: Any) -> str | None:
    """Compare with the exact mixture, and take a tie (127.5) rounded up or down."""
    frame, mask = inputs["frame"], inputs["mask"]
    opacity, colours = inputs["opacity"], inputs.get("colours", OBJECT_COLOURS)
    exact = (1 - opacity) * frame.astype(np.float64) + opacity * colours[mask]
    expected = np.where(mask[..., None] > 0, np.rint(exact), frame).astype(np.uint8)
    if isinstance(got, np.ndarray) and got.shape == expected.shape and got.dtype == np.uint8:
        tie = (np.abs(got - exact) <= 0.5 + 1e-4) & (mask[..., None] > 0)
        expected = np.where(tie, got, expected)
    return difference(expected, got, 0)


def random_frame(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """An image of noise."""
    return rng.integers(0, 256, (height, width, 3), np.uint8)


def blobs(rng: np.random.Generator, height: int, width: int, objects: int) -> np.ndarray:
    """A label map with a rectangle for each object, background left over."""
    mask = np.zeros((height, width), np.uint8)
    for label in range(1, objects + 1):
        top, left = rng.integers(0, height // 2), rng.integers(0, width // 2)
        mask[top : top + height // 3, left : left + width // 3] = label
    return mask


OVERLAY = Check(
    overlay,
    cases=[
        Case(
            "one pixel, an object, fully covered",
            lambda rng: {
                "frame": np.full((1, 1, 3), 100, np.uint8),
                "mask": np.array([[1]], np.uint8),
                "opacity": 1.0,
            },
        ),
        Case(
            "two bright pixels, the second an object",
            lambda rng: {
                "frame": np.full((1, 2, 3), 200, np.uint8),
                "mask": np.array([[0, 1]], np.uint8),
                "opacity": 0.3,
            },
        ),
        Case(
            "two objects beside each other",
            lambda rng: {
                "frame": np.full((1, 3, 3), 40, np.uint8),
                "mask": np.array([[1, 0, 2]], np.uint8),
                "opacity": 0.5,
            },
        ),
        Case(
            "no object at all",
            lambda rng: {
                "frame": random_frame(rng, 2, 3),
                "mask": np.zeros((2, 3), np.uint8),
                "opacity": 0.5,
            },
        ),
        Case(
            "opacity 0, which leaves the frame as it is",
            lambda rng: {
                "frame": random_frame(rng, 4, 5),
                "mask": blobs(rng, 4, 5, 1),
                "opacity": 0.0,
            },
        ),
        Case(
            "three objects on noise",
            lambda rng: {
                "frame": random_frame(rng, 30, 40),
                "mask": blobs(rng, 30, 40, 3),
                "opacity": float(rng.uniform(0.6, 0.9)),
            },
        ),
        Case(
            "colours of your own",
            lambda rng: {
                "frame": random_frame(rng, 30, 40),
                "mask": blobs(rng, 30, 40, 2),
                "opacity": float(rng.uniform(0.2, 0.4)),
                "colours": rng.integers(0, 256, (256, 3), np.uint8),
            },
        ),
    ],
    mistakes=[
        Mistake(
            "The sum was taken in uint8, which wraps around above 255. Mix in float, round at the "
            "end.",
            (
                "(1 - opacity) * frame.astype(np.float32) + opacity * painted.astype(np.float32)",
                "(frame + painted) * opacity",
            ),
        ),
        Mistake(
            "The colour was added on top. In a mixture the weights sum to one: the frame gets what "
            "the colour leaves.",
            ("(1 - opacity) * ", ""),
            ("np.rint(mixed)", "np.clip(np.rint(mixed), 0, 255)"),
        ),
        Mistake(
            "The background was mixed with black too. Only pixels whose label is above 0 change.",
            ("mask[..., None] > 0", "True"),
        ),
        Mistake(
            "The background was mixed with black too. Only pixels whose label is above 0 change. "
            "And a cast to uint8 cuts off: round before it.",
            ("mask[..., None] > 0", "True"),
            ("np.rint(mixed)", "mixed"),
        ),
        Mistake(
            "Frame and colour are exchanged: at opacity 1 you see only the colour, at 0 only the "
            "frame.",
            ("(1 - opacity) * frame", "opacity * frame"),
            ("opacity * painted", "(1 - opacity) * painted"),
        ),
        Mistake(
            "You painted into the frame itself, so the next method would see the paint. Make a "
            "new image.",
            (
                "return np.where(mask[..., None] > 0, np.rint(mixed).astype(np.uint8), frame)",
                "frame[mask > 0] = np.rint(mixed)[mask > 0]\n    return frame",
            ),
        ),
        Mistake(
            "A cast to uint8 cuts off: 99.9 becomes 99. Round before you cast.",
            ("np.rint(mixed)", "mixed"),
        ),
        Mistake(
            "The values are right, but an image is uint8. Cast at the end.",
            (".astype(np.uint8)", ""),
        ),
        Mistake(
            "Every object got the same colour. Look up the colour of each pixel's own label.",
            ("colours[mask]", "np.full_like(frame, colours[1])"),
        ),
    ],
    hints=[
        "An overlay is a weighted mean of two pictures: the frame, and a picture in which each "
        "pixel has the colour of its label. Which pixels must stay out of it?",
        "A label map can be an index: a table of 256 colours, indexed by the whole mask, gives "
        "the coloured picture at once. Do the mean in float, as uint8 wraps around at 256.",
        "Multiply frame and coloured picture by their weights, add, round, cast to uint8, and "
        "choose, pixel by pixel, between this and the frame. The mask needs a third axis for that.",
    ],
    fresh=True,
    judge=is_overlay,
)

# --- first_mask_everywhere --------------------------------------------------------------------


FIRST_MASK_EVERYWHERE = Check(
    first_mask_everywhere,
    cases=[
        Case(
            "a video of one frame",
            lambda rng: {
                "first_mask": np.array([[0, 2]], np.uint8),
                "frames": [random_frame(rng, 1, 2)],
            },
        ),
        Case(
            "three frames, two objects",
            lambda rng: {
                "first_mask": np.array([[0, 1, 1], [2, 2, 0]], np.uint8),
                "frames": [random_frame(rng, 2, 3) for _ in range(3)],
            },
        ),
        Case(
            "a larger video",
            lambda rng: {
                "first_mask": blobs(rng, 18, 24, 3),
                "frames": [random_frame(rng, 18, 24) for _ in range(int(rng.integers(4, 8)))],
            },
        ),
    ],
    mistakes=[
        Mistake(
            "All entries of the list are the first mask itself, one array under many names. Copy "
            "it for each frame.",
            (".copy()", ""),
        ),
        Mistake(
            "You copied once and repeated the copy: `[x] * T` is T names of one array. Copy for "
            "each frame.",
            ("[first_mask.copy() for _ in frames]", "[first_mask.copy()] * len(frames)"),
        ),
        Mistake(
            "The mask of the first frame is missing. The result has one for every frame, the "
            "first included.",
            ("in frames", "in frames[1:]"),
        ),
        Mistake(
            "These are painted frames. A method returns label maps; showing them comes later.",
            lambda first_mask, frames: [overlay(frame, first_mask) for frame in frames],
        ),
        Mistake(
            "The labels are lost: object 2 must stay 2. Copy the label map as it is.",
            ("first_mask.copy()", "first_mask > 0"),
        ),
        Mistake(
            "You cut out the frames with the mask. Return the mask itself, once for each frame.",
            ("first_mask.copy() for _", "frame * (first_mask[..., None] > 0) for frame"),
        ),
        Mistake(
            "This is one mask. A method gives one for each frame, in a list.",
            ("[first_mask.copy() for _ in frames]", "first_mask.copy()"),
        ),
    ],
    hints=[
        "This method does not look at the frames. So why does it get them?",
        "Only their number matters: one label map for each frame, the first one included.",
        "Go through the frames and collect a copy of the first mask for each. A copy, because "
        "someone will paint into one of them.",
    ],
    fresh=True,
)

CHECKS = [OVERLAY, FIRST_MASK_EVERYWHERE]
