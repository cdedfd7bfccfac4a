"""Pictures of lesson 16: rle_encode, match_masks, smotsa and associate."""

from collections.abc import Callable

import cv2
import numpy as np

from vos_lab.exercises.pictures.drawn import row, score_tables, walker
from vos_lab.view.figures import Figure, curves


def rle_encode(answer: Callable[..., np.ndarray]) -> Figure:
    """Each run with a colour of its own, column by column."""
    small = cv2.resize(walker().masks[4], (27, 15), interpolation=cv2.INTER_NEAREST) > 0
    lengths = np.asarray(answer(small))
    numbers = np.repeat(np.arange(len(lengths)), lengths).reshape(small.shape[::-1]).T
    ground = np.array([[238, 238, 238], [216, 216, 216]])[numbers // 2 % 2]
    objects = np.array([[230, 159, 0], [0, 94, 158]])[numbers // 2 % 2]
    runs = np.where((numbers % 2)[..., None] == 1, objects, ground).astype(np.uint8)
    plain = np.where(small[..., None], 90, 255).repeat(3, axis=-1).astype(np.uint8)
    return row(
        {
            name: cv2.resize(picture, None, fx=8, fy=8, interpolation=0)
            for name, picture in {
                f"a mask of {small.size} pixels": plain,
                f"its {len(lengths)} runs": runs,
            }.items()
        },
        "Your rle_encode at work: column by column, a number for each run of one colour.",
        "A coarse mask of an animal, and the same in stripes from top to bottom: each run of the "
        "object in orange or blue, each run of the background in a light or a darker grey.",
        exact=True,
    )


def match_masks(answer: Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Figure:
    """Three objects and four masks."""
    truth, result = np.array([100, 80, 60]), np.array([90, 100, 30, 40])
    shared = np.array([[80, 0, 0, 5], [0, 65, 0, 0], [0, 0, 30, 25]])
    iou = shared / (truth[:, None] + result - shared)
    rows, columns, _ = answer(shared, truth, result)
    return score_tables(
        {"IoU": iou},
        {"IoU": list(zip(rows.tolist(), columns.tolist(), strict=True))},
        "Your match_masks at work: a match is above one half. At one half there is none.",
        "A table of the IoU of three objects with four masks. The IoU of 0.73 and 0.57 have a "
        "box; 0.50 has none.",
    )


def smotsa(answer: Callable[..., float]) -> Figure:
    """How much false alarms cost, for masks that fit well or badly."""
    alarms = np.arange(0, 101, 5)
    return curves(
        {
            f"IoU {iou}": [answer(np.full(100, iou), int(n), 4, 100) for n in alarms]
            for iou in (1.0, 0.8, 0.6)
        },
        "Your smotsa at work: enough false alarms take it below 0, even with perfect masks.",
        x=alarms,
        xlabel="masks that match nothing; 100 true masks are all found, with 4 identity switches",
        ylabel="sMOTSA",
        alt="Three straight lines that fall side by side: the better the masks fit, the higher the "
        "line. With 100 false alarms all of them are below 0.",
        plot=150,
    )


def associate(answer: Callable[..., np.ndarray]) -> Figure:
    """The same scores, with the largest sum and greedily."""
    overlap = np.array([[0.9, 0.8, 0.0], [0.8, 0.1, 0.0], [0.0, 0.2, 0.5]])
    pictures, boxes = {}, {}
    for name, greedy in (("the largest sum", False), ("greedy", True)):
        match = answer(overlap, overlap, 0.5, 0.3, greedy)
        pictures[name] = overlap
        boxes[name] = [(track, int(n)) for track, n in enumerate(match) if n >= 0]
    return score_tables(
        pictures,
        boxes,
        "Your associate at work: rows are tracks, columns proposals. Being greedy loses a track.",
        "The same table of scores twice. With the largest sum all three tracks have a proposal; "
        "greedily the first takes the best one, and the second track is left without.",
    )
