"""Pictures of lesson 07: select_training_pixels and adapt."""

from collections.abc import Callable

import cv2
import numpy as np
import torch

from vos_lab.exercises.pictures.drawn import grey, row, walker
from vos_lab.exercises.pictures.osvos import parent, probability
from vos_lab.methods.networks import as_input, segmentation_loss
from vos_lab.video import VOID
from vos_lab.view.figures import Figure
from vos_lab.view.widgets.onavos import paint_samples


def select_training_pixels(answer: Callable[..., np.ndarray]) -> Figure:
    """Three distances."""
    frame, last = walker().frames[4], walker().masks[2] > 0
    sure = cv2.GaussianBlur((walker().masks[4] > 0).astype(np.float32), (0, 0), 3)
    return row(
        {
            f"negative from {far} px on": paint_samples(frame, answer(sure, last, 0.97, far), last)
            for far in (10, 25, 50)
        },
        "Your select_training_pixels at work: red is learned as object, blue as background.",
        "The same frame three times in grey. The inside of the animal is red; what is farther from "
        "the last mask than 10, 25 and 50 pixels is blue; the belt between them keeps no colour.",
    )


def adapt(answer: Callable[..., list[float]]) -> Figure:
    """A few steps on a frame in which the animal looks different."""
    network = parent()
    frames, masks = walker()[:2]
    dimmed = frames[8].copy()
    dimmed[masks[8] > 0] = dimmed[masks[8] > 0] // 4 + np.array([90, 130, 60], np.uint8)
    current = np.full(masks[8].shape, VOID, np.uint8)
    current[cv2.erode(masks[8], np.ones((5, 5), np.uint8)) > 0] = 1
    current[cv2.dilate(masks[8], np.ones((41, 41), np.uint8)) == 0] = 0

    def as_truth(mask: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(mask.astype(np.uint8))[None, None]

    before = probability(network, dimmed)
    first = [(as_input(frames[0]), as_truth(masks[0] > 0))] * 8
    now = as_input(dimmed), as_truth(current)
    losses = answer(network, now, first, segmentation_loss, 1e-3, 0.5)
    return row(
        {
            "now it is green": dimmed,
            f"before: loss {losses[0]:.2f}": grey(before),
            f"after {len(losses)} steps: loss {losses[-1]:.2f}": grey(probability(network, dimmed)),
        },
        "Your adapt at work: a few steps on this frame, and the network knows the new coat.",
        "A frame whose animal has turned green; how sure the network is of it before, and after "
        "eight steps: the animal has become brighter.",
    )
