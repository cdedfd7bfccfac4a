"""Pictures of lesson 10: reid_loss and recover_lost_objects."""

from collections.abc import Callable

import numpy as np
import torch

from vos_lab.exercises.pictures.drawn import score_tables
from vos_lab.view.figures import Figure, curves


def reid_loss(answer: Callable[..., torch.Tensor]) -> Figure:
    """An embedding that turns from the right identity to a wrong one."""
    degrees = np.linspace(0, 90, 31)
    table, right = torch.eye(2), torch.tensor([0])

    def loss(angle: float, temperature: float) -> float:
        embedding = torch.tensor([[np.cos(angle), np.sin(angle)]], dtype=torch.float32)
        return float(answer(embedding, right, table, temperature))

    return curves(
        {
            f"temperature {t}": [loss(angle, t) for angle in np.deg2rad(degrees)]
            for t in (0.1, 0.3, 1.0)
        },
        "Your reid_loss at work: the lower the temperature, the more a wrong likeness costs.",
        x=degrees,
        xlabel="the embedding turns from the right identity (0) to another one (90 degrees)",
        ylabel="loss",
        alt="Three curves over the angle. With the lowest temperature the loss is 0 up to about 40 "
        "degrees and then rises steeply; with the highest it rises a little all the way.",
        plot=150,
    )


def recover_lost_objects(answer: Callable[..., np.ndarray]) -> Figure:
    """Four proposals, three objects, of which two are lost."""
    similarity = np.array(
        [[0.90, 0.70, 0.20], [0.30, 0.80, 0.75], [0.10, 0.60, 0.20], [0.20, 0.10, 0.40]], np.float32
    )
    pictures, boxes = {}, {}
    for threshold in (0.3, 0.5):
        name = f"threshold {threshold}"
        pictures[name] = similarity
        found = answer(similarity, np.array([False, True, True]), threshold)
        boxes[name] = [(int(proposal), k) for k, proposal in enumerate(found) if proposal >= 0]
    return score_tables(
        pictures,
        boxes,
        "Your recover_lost_objects at work: rows are proposals, columns objects; 2 and 3 are lost.",
        "Two tables of the similarity of four proposals to three objects. With a threshold of 0.3 "
        "the second object gets the proposal in row 2 and the third the one in row 4; with 0.5 the "
        "third gets none.",
    )
