"""Pictures of lesson 09: pixel_triplet_loss, nearest_neighbour_labels and grow_reference."""

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch.nn import functional

from vos_lab.exercises.pictures.drawn import SIZE, grey, row, walker
from vos_lab.view.figures import Figure, comparison, curves

SMALL = (40, 72)


def pixel_triplet_loss(answer: Callable[..., torch.Tensor]) -> Figure:
    """An anchor between its own kind and the other."""
    places = np.linspace(0, 4, 33)
    same, other = torch.tensor([[0.0], [9.0]]), torch.tensor([[4.0], [9.5]])

    def loss(place: float, margin: float) -> float:
        return float(answer(torch.tensor([[place]], dtype=torch.float32), same, other, margin))

    return curves(
        {f"margin {m:.0f}": [loss(place, m) for place in places] for m in (1.0, 6.0)},
        "Your pixel_triplet_loss at work: near its own kind, an anchor costs nothing.",
        x=places,
        xlabel="place of the anchor: its kind is at 0, the other kind at 4",
        ylabel="loss",
        alt="Two curves that are 0 on the left and rise to the right in a straight line. With the "
        "larger margin the rise begins earlier.",
        plot=150,
    )


def nearest_neighbour_labels(answer: Callable[..., torch.Tensor]) -> Figure:
    """Pixels of a frame ask those of the first, by colour and place."""
    frames, masks = walker()[:2]
    known = torch.from_numpy(smaller((masks[0] > 0).astype(np.float32))).reshape(-1, 1)
    pictures = {}
    for neighbours in (1, 9):
        labels = answer(embedding(frames[8]), embedding(frames[0]), known, neighbours, 500_000)
        found = cv2.resize(labels.reshape(SMALL).numpy(), (SIZE[1], SIZE[0])) > 0.5
        name = f"{neighbours} neighbour{'s' * (neighbours > 1)}"
        pictures[name] = comparison(found, masks[8] > 0, frames[8])
    return row(
        {"the reference: frame 0": comparison(masks[0] > 0, masks[0] > 0, frames[0]), **pictures},
        "Your nearest_neighbour_labels at work: pixels of frame 8 ask those of frame 0.",
        "A frame with the true mask of an animal; and a later frame, labelled by one and by nine "
        "neighbours: most of the animal is grey, its new outline blue, with some orange pixels.",
    )


def smaller(values: np.ndarray) -> np.ndarray:
    """A map at the size at which all pixels are compared with all."""
    return cv2.resize(values, (SMALL[1], SMALL[0]), interpolation=cv2.INTER_AREA)


def embedding(frame: np.ndarray) -> torch.Tensor:
    """The colour and the place of each pixel, ``(N, 5)``."""
    colour = smaller(cv2.GaussianBlur(frame, (0, 0), 1)).astype(np.float32) / 255
    places = np.mgrid[: SMALL[0], : SMALL[1]].transpose(1, 2, 0).astype(np.float32) / 40
    return torch.from_numpy(np.concatenate([colour, places], axis=-1)).reshape(-1, 5)


def grow_reference(answer: Callable[..., torch.Tensor]) -> Figure:
    """Which pixels of a frame are added."""
    soft = cv2.GaussianBlur((walker().masks[4] > 0).astype(np.float32), (0, 0), 6)
    labels = torch.from_numpy(smaller(soft)).reshape(-1, 1)
    pictures = {}
    for sure in (0.6, 0.95):
        kept = answer(10, 0, labels, sure, len(labels)).numpy()
        added = np.zeros(len(labels), np.float32)
        added[kept[kept >= 10] - 10] = 1
        large = functional.interpolate(torch.from_numpy(added).reshape(1, 1, *SMALL), SIZE)
        pictures[f"added from {sure} on: {int(added.sum()):,}"] = grey(large[0, 0].numpy())
    return row(
        {"the labels": grey(soft), **pictures},
        "Your grow_reference at work: pixels in doubt are not added.",
        "A soft mask of an animal; and the pixels that are added to the reference, in white: all "
        "but a belt around the animal, which is wider where more sureness is asked for.",
    )
