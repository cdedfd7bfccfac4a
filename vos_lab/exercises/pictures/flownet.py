"""Pictures of lesson 03: correlation, refine and multiscale_epe."""

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch.nn import functional

from vos_lab.exercises.pictures.drawn import grey, row, walker
from vos_lab.flow.colour import flow_to_rgb
from vos_lab.view.figures import Figure, curves


def correlation(answer: Callable[..., torch.Tensor]) -> Figure:
    """The best displacement of each place, with patches of grey levels for features."""
    reach = 4
    first, second = (patches(walker().frames[t]) for t in (2, 6))
    scores = answer(first, second, reach)[0]
    best = scores.argmax(dim=0).numpy()
    flow = np.stack([best % (2 * reach + 1) - reach, best // (2 * reach + 1) - reach], axis=-1)
    return row(
        {
            "frame 2": walker().frames[2],
            "frame 6": walker().frames[6],
            "where each place has gone": enlarged(flow_to_rgb(flow.astype(np.float32), max_flow=6)),
        },
        "Your correlation at work: the best match of each place is already a flow.",
        "Two frames of a walking animal, and for each place the displacement with the best score, "
        "as colour: mostly one colour on the animal, white on the ground, and noise in the sky.",
    )


def patches(image: np.ndarray) -> torch.Tensor:
    """The 7 x 7 grey levels around each place at half size, without their mean, of length 1."""
    small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    grey_levels = torch.from_numpy(small).float().mean(dim=-1)[None, None]
    around = functional.unfold(grey_levels, 7, padding=3)
    around = around - around.mean(dim=1, keepdim=True)
    features = 7 * around / (around.norm(dim=1, keepdim=True) + 50)
    return features.reshape(1, 49, *small.shape[:2])


def enlarged(image: np.ndarray) -> np.ndarray:
    """An image as large as a frame, every pixel a square."""
    height, width = walker().frames[0].shape[:2]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_NEAREST)


def refine(answer: Callable[..., torch.Tensor]) -> Figure:
    """A coarse flow and a coarse feature beside what is seen at twice their size."""
    flow = torch.from_numpy(walker().flow[4]).permute(2, 0, 1)[None]
    image = torch.from_numpy(walker().frames[4]).float().mean(dim=-1)[None, None] / 255
    coarse = functional.adaptive_avg_pool2d(flow, (15, 27))
    deep = functional.adaptive_avg_pool2d(image, (15, 27))
    skip = functional.adaptive_avg_pool2d(image, (30, 54))
    weight = torch.full((1, 1, 4, 4), 0.25)
    both = answer(deep, coarse, skip, weight, torch.zeros(1))[0].numpy()

    def in_colour(values: np.ndarray) -> np.ndarray:
        return enlarged(flow_to_rgb(values.transpose(1, 2, 0), max_flow=4))

    return row(
        {
            "coarse flow, 15 x 27": in_colour(coarse[0].numpy()),
            "seen at 30 x 54": enlarged(grey(both[0])),
            "deep, enlarged": enlarged(grey(both[1])),
            "flow, enlarged": in_colour(both[2:]),
        },
        "Your refine at work: what comes from below lies beside what is seen at this size.",
        "Four maps: a flow of large squares; the animal in grey at twice that size; the same "
        "blurred, as it was enlarged; and the flow enlarged, with smooth borders.",
    )


def multiscale_epe(answer: Callable[..., torch.Tensor]) -> Figure:
    """The loss of a flow that is right, but in the wrong place."""
    truth = 8 * torch.from_numpy(walker().flow[4]).permute(2, 0, 1)[None]
    shifts = np.arange(0, 25, 2)
    values = {
        name: [
            float(answer([functional.avg_pool2d(truth.roll(shift, 3), by)], truth, [1.0]))
            for shift in shifts.tolist()
        ]
        for name, by in {"full size": 1, "1/4": 4, "1/24": 24}.items()
    }
    return curves(
        values,
        "Your multiscale_epe at work: a coarse scale does not mind where exactly something moves.",
        x=shifts,
        xlabel="the true flow, moved to the right by (px)",
        ylabel="loss (px)",
        alt="Three curves that rise from 0, one for each scale: the farther the flow stands from "
        "its place, the larger the loss, and the smaller the coarser the scale is.",
        plot=150,
    )
