"""Pictures of lesson 01: jaccard, mask_boundary, boundary_f and decay."""

from collections.abc import Callable

import numpy as np

from vos_lab.exercises.pictures.drawn import row, walker
from vos_lab.view.figures import (
    FALSE_ALARM,
    Figure,
    boundary_matches,
    comparison,
    curves,
    paint_boundary,
)

SHIFTS = (0, 4, 16)


def jaccard(answer: Callable[..., float]) -> Figure:
    """A mask that slides away from the truth."""
    truth = walker().masks[4] > 0
    moved = [np.roll(truth, shift, axis=1) for shift in SHIFTS]
    return row(
        {
            f"{shift} px aside: J = {answer(mask, truth):.2f}": comparison(mask, truth)
            for shift, mask in zip(SHIFTS, moved, strict=True)
        },
        "Your jaccard at work: grey, the intersection, shrinks, and the union grows.",
        "An animal's mask over itself, moved by 0, 4 and 16 pixels, with the J of each. What both "
        "share is grey; there is less of it each time, and more orange and blue beside it.",
        exact=True,
    )


def mask_boundary(answer: Callable[..., np.ndarray]) -> Figure:
    """The line around an object."""
    frame, mask = walker().frames[4], walker().masks[4] > 0
    line = answer(mask)
    painted = frame.copy()
    painted[line] = FALSE_ALARM
    return row(
        {
            "mask": np.where(mask, 90, 255).astype(np.uint8)[..., None].repeat(3, axis=2),
            f"its boundary: {np.count_nonzero(line):,} pixels": np.where(line, 0, 255)
            .astype(np.uint8)[..., None]
            .repeat(3, axis=2),
            "over the frame": painted,
        },
        "Your mask_boundary at work: of the whole object only a line is left.",
        "The mask of an animal, the line around it, one pixel wide, and the frame with that line "
        "around the animal.",
    )


def boundary_f(answer: Callable[..., float]) -> Figure:
    """One shifted mask, three tolerances."""
    truth = walker().masks[4] > 0
    mask = np.roll(truth, 3, axis=1)
    pictures = {}
    for tolerance in (1.0, 2.0, 4.0):
        found = boundary_matches(mask, truth, tolerance)
        name = f"{tolerance:.0f} px tolerated: F = {answer(mask, truth, tolerance=tolerance):.2f}"
        pictures[name] = paint_boundary(found["prediction"], found["truth_band"], FALSE_ALARM)
    return row(
        pictures,
        "Your boundary_f at work: what lies in the band is right, so a wider band forgives more.",
        "The boundary of a mask that is 3 pixels aside, over bands around the true boundary of 1, "
        "2 and 4 pixels, with the F of each. Orange parts outside the band vanish as it grows.",
        exact=True,
    )


def decay(answer: Callable[..., float]) -> Figure:
    """Three videos that get worse, stay as they are, or recover."""
    t = np.arange(40)
    videos = {
        "drifts": 0.9 - 0.5 * (t / 39) ** 1.5,
        "steady": 0.72 + 0.04 * np.sin(t / 2),
        "recovers": 0.85 - 0.45 * np.exp(-(((t - 14) / 6) ** 2)),
    }
    named = {f"{name}: decay {answer(values):+.2f}": values for name, values in videos.items()}
    return curves(
        named,
        "Your decay at work: it compares the ends of a video and is blind to what is between.",
        ylabel="J",
        plot=150,
        alt="The J of three videos over 40 frames. One falls to the end and has a large decay; one "
        "stays the same; one falls in the middle and recovers. Both have a decay near 0.",
    )
