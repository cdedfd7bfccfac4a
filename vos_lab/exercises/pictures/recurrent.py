"""Pictures of lesson 12: conv_lstm_step, merge_objects and match_instances."""

from collections.abc import Callable

import cv2
import numpy as np
import torch

from vos_lab.exercises.pictures.drawn import SIZE, grey, pair, row, score_tables
from vos_lab.view.figures import Figure, curves
from vos_lab.view.figures.frames import painted


def conv_lstm_step(answer: Callable[..., tuple[torch.Tensor, torch.Tensor]]) -> Figure:
    """One number of the cell over the frames, with the forget gate more or less open."""

    def over_frames(forget_bias: float) -> list[float]:
        place = torch.zeros(1, 1, 1, 1)
        hidden, cell = place, 2 + place
        weight, bias = torch.zeros(4, 2, 1, 1), torch.tensor([-9.0, 0.0, 0.0, 0.0])
        values = [2.0]
        for _ in range(12):
            hidden, cell = answer(place, hidden, cell, weight, bias, forget_bias)
            values.append(float(cell.flatten()[0]))
        return values

    return curves(
        {f"forget bias {bias:g}": over_frames(bias) for bias in (4.0, 1.0, -1.0)},
        "Your conv_lstm_step at work: the forget gate says how long a number is remembered.",
        xlabel="frames in which nothing new comes in",
        ylabel="cell",
        alt="Three curves that begin at 2. With a forget bias of 4 the cell falls slowly over "
        "twelve frames, with 1 it is nearly 0 at the end, and with -1 after three frames.",
        plot=150,
    )


def merge_objects(answer: Callable[..., np.ndarray]) -> Figure:
    """Two objects that are both sure of some pixels."""
    frame, mask = pair().frames[4], pair().masks[4]
    horse, cow = (cv2.GaussianBlur((mask == k).astype(np.float32), (0, 0), 6) for k in (1, 2))
    merged = answer({1: np.sqrt(horse), 2: np.sqrt(cow)}, SIZE)
    return row(
        {
            "horse, alone": grey(np.sqrt(horse)),
            "cow, alone": grey(np.sqrt(cow)),
            "merged": painted(frame, merged, SIZE, 0.5),
        },
        "Your merge_objects at work: each pixel goes to the surer object, or to none.",
        "A soft map of a horse and one of a cow, which overlap; and the frame with an orange horse "
        "and a blue cow that do not.",
    )


def match_instances(answer: Callable[..., tuple[torch.Tensor, list[tuple[int, int]]]]) -> Figure:
    """Three found objects and two true ones, with the pairs boxed."""
    now, before = pair().masks[4], pair().masks[1]
    soft = [
        cv2.GaussianBlur((mask == label).astype(np.float32), (0, 0), 3)
        for mask, label in ((before, 1), (now, 2), (now, 1))
    ]
    truth = np.stack([(now == label).astype(np.float32) for label in (1, 2)])
    found = torch.from_numpy(np.stack(soft)).flatten(1)
    iou, pairs = answer(found, torch.from_numpy(truth).flatten(1))
    return score_tables(
        {"soft IoU: found (rows), true (columns)": iou.numpy()},
        {"soft IoU: found (rows), true (columns)": pairs},
        "Your match_instances at work: the boxes are the pairs with the largest sum.",
        "A table of three rows and two columns of soft IoU. A box is around the second column of "
        "the second row and around the first column of the third; the first row has none.",
    )
