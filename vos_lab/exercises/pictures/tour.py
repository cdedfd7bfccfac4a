"""Pictures of lesson 00: overlay and first_mask_everywhere."""

from collections.abc import Callable

import numpy as np

from vos_lab.exercises.pictures.drawn import pair, row, walker
from vos_lab.view.figures import Figure, comparison


def overlay(answer: Callable[..., np.ndarray]) -> Figure:
    """Three opacities."""
    frame, mask = pair().frames[4], pair().masks[4]
    return row(
        {f"opacity {opacity}": answer(frame, mask, opacity) for opacity in (0.0, 0.4, 1.0)},
        "Your overlay at work: the more opaque, the less you see of the object below.",
        "The same frame three times, with the masks of two objects painted over it: not at all, "
        "so that the objects can be seen through the colour, and as flat areas of colour.",
    )


def first_mask_everywhere(answer: Callable[..., list[np.ndarray]]) -> Figure:
    """The masks against the true ones, at the start and later."""
    frames, truth = walker()[:2]
    found = answer(truth[0], frames)
    return row(
        {f"frame {t}": comparison(found[t] > 0, truth[t] > 0, frames[t]) for t in (0, 4, 8)},
        "Your first_mask_everywhere at work: the animal walks on, the mask stays where it was.",
        "Three frames of an animal that walks. In the first the mask is right everywhere (grey). "
        "Later it is more and more wrong: orange, where the animal was, and blue, where it is now.",
    )
