"""Pictures of lesson 06: select_instances, propagate_semantics and conditional_classifier."""

from collections.abc import Callable

import cv2
import numpy as np
import torch

from vos_lab.exercises.pictures.drawn import SIZE, grey, pair, row
from vos_lab.view.figures import Figure
from vos_lab.view.figures.frames import painted

SCORES = np.array(
    [[0.9, 0.1], [0.1, 0.9], [0.6, 0.4]], np.float32
)  # horse, cow, and a doubtful one


def proposals() -> np.ndarray:
    """The horse, the cow, and a proposal that is half of each, ``(3, H, W)`` bool."""
    mask = pair().masks[4]
    middle = (mask > 0) & (np.abs(np.arange(SIZE[1]) - 120) < 30)
    return np.stack([mask == 1, mask == 2, middle])


def select_instances(answer: Callable[..., np.ndarray]) -> Figure:
    """Which things are in the first mask."""
    frame, masks = pair().frames[4], proposals()
    pictures = {}
    for first in (masks[0], masks[1], masks[0] | masks[1]):
        horses, cows = answer(masks, SCORES, first, 0.05, 0.5)
        name = f"horses: {horses}, cows: {cows}"
        pictures[name] = painted(frame, first.astype(np.uint8), SIZE, 0.5)
    return row(
        pictures,
        "Your select_instances at work: an object may be one thing or made of several.",
        "One frame with three first masks: the horse, the cow, and both together. The counts are "
        "one horse, one cow, and one of each.",
    )


def propagate_semantics(answer: Callable[..., np.ndarray]) -> Figure:
    """The prior with enough instances, and with one missing."""
    masks = proposals()
    seen = cv2.GaussianBlur(masks[0].astype(np.float32), (0, 0), 5)
    soft = masks.astype(np.float32)
    return row(
        {
            "appearance": grey(seen),
            "one horse wanted": grey(answer(soft, SCORES, np.array([1, 0]), seen, 0.3)),
            "two horses wanted": grey(answer(soft, SCORES, np.array([2, 0]), seen, 0.3)),
        },
        "Your propagate_semantics at work: whole things make the prior. A missing one greys it.",
        "A blurred horse, which is what the appearance model says; the prior for one horse, which "
        "is the sharp horse on black; and the prior for two, of which one is missing: the same "
        "horse on grey.",
    )


def conditional_classifier(answer: Callable[..., torch.Tensor]) -> Figure:
    """The same two classifiers, with more and less trust in the prior."""
    mask = pair().masks[4]
    both = torch.from_numpy(10 * cv2.GaussianBlur((mask > 0).astype(np.float32), (0, 0), 2) - 4)
    nothing = torch.full_like(both, -4.0)
    prior = torch.from_numpy((mask == 1).astype(np.float32))
    maps = [each[None, None] for each in (both, nothing, prior)]

    def share(trust: float) -> np.ndarray:
        return grey(answer(*maps, trust=trust)[0, 0].sigmoid().numpy())

    return row(
        {
            "inside says": grey(both.sigmoid().numpy()),
            "prior": grey(prior.numpy()),
            "trust 1.0": share(1.0),
            "trust 0.5": share(0.5),
        },
        "Your conditional_classifier at work: the prior chooses which classifier is asked.",
        "Four maps. The classifier for the inside is bright on a horse and a cow; the prior is the "
        "horse; mixed with full trust only the horse is bright; with half of it the cow is dim, "
        "not black.",
    )
