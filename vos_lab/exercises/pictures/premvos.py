"""Pictures of lesson 11: refine_proposals, proposal_scores and merge_greedily."""

from collections.abc import Callable

import cv2
import numpy as np

from vos_lab.exercises.pictures.drawn import SIZE, pair, row, score_tables
from vos_lab.methods.masktrack import MaskTrack
from vos_lab.view.figures import Figure, comparison
from vos_lab.view.figures.frames import painted


def refine_proposals(answer: Callable[..., list[np.ndarray]]) -> Figure:
    """Two rough proposals."""
    frame, mask = pair().frames[4], pair().masks[4]
    rough = [
        (cv2.GaussianBlur((mask == k).astype(np.float32), (0, 0), 6) > 0.35).astype(np.float32)
        for k in (1, 2)
    ]
    close = answer(MaskTrack(steps=0).network.eval(), frame, rough, SIZE)
    pictures = {}
    for name, masks in (("rough", rough), ("refined", close)):
        for k, (soft, animal) in enumerate(zip(masks, ("horse", "cow"), strict=True), 1):
            pictures[f"{animal}, {name}"] = comparison(soft > 0.5, mask == k, frame)
    return row(
        dict(sorted(pictures.items(), reverse=True)),
        "Your refine_proposals at work: a close look at its box gives each proposal an outline.",
        "Two animals, each with a rough proposal, whose orange rim is wide, and with the refined "
        "one, which is nearer to the animal.",
    )


def proposal_scores(answer: Callable[..., np.ndarray]) -> Figure:
    """Three proposals, of which one looks like both objects."""
    reid = np.array([[0.9, 0.8], [0.1, 0.7], [0.2, 0.2]])
    flow = np.array([[0.8, 0.0], [0.1, 0.6], [0.0, 0.1]])
    scores = answer(np.array([0.9, 0.8, 0.6]), reid, flow, [0.2] * 5)
    best = [(int(scores[:, k].argmax()), k) for k in range(2)]
    return score_tables(
        {"looks like": reid, "is where it was": flow, "your scores": scores},
        {"your scores": best},
        "Your proposal_scores at work: rows are proposals, columns objects, the best are boxed.",
        "Three tables of three rows and two columns: similarity, overlap, and the scores that are "
        "made of them. The first object fits the first proposal best, the second the second.",
    )


def merge_greedily(answer: Callable[..., tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Two objects whose proposals overlap."""
    frame, mask = pair().frames[4], pair().masks[4]
    wide = [cv2.dilate((mask == k).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0 for k in (1, 2)]
    masks = np.stack([*wide, np.roll(wide[0], 40, axis=1)])
    pictures = {}
    for name, scores in {
        "the horse is surer": [[0.9, 0.1], [0.1, 0.7], [0.3, 0.2]],
        "the cow is surer": [[0.7, 0.1], [0.1, 0.9], [0.3, 0.2]],
    }.items():
        _, owner = answer(masks, np.array(scores), 0.25)
        pictures[name] = painted(frame, owner, SIZE, 0.5)
    proposals = painted(frame, np.any(masks, axis=0).astype(np.uint8), SIZE, 0.3)
    return row(
        {"three proposals overlap": proposals, **pictures},
        "Your merge_greedily at work: where masks overlap, the surer object is in front.",
        "Three wide proposals over two animals, as one area; and the merged masks, orange and "
        "blue: the surer of the two animals keeps the pixels that both claim.",
    )
