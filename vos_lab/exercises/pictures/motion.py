"""Pictures of lesson 04: propagate_mask, consistency_mask, object_flow_step and fuse_streams."""

from collections.abc import Callable

import cv2
import numpy as np
import torch

from vos_lab.exercises.pictures.drawn import grey, pair, row, walker
from vos_lab.methods.colour_model import ColourModel
from vos_lab.view.figures import MISS, Figure, comparison


def propagate_mask(answer: Callable[..., np.ndarray]) -> Figure:
    """A mask that is carried along the true flow."""
    frames, truth, _, back = walker()
    soft = [(truth[0] > 0).astype(np.float32)]
    for flow in back:
        soft.append(answer(soft[-1], flow))
    return row(
        {f"frame {t}": comparison(soft[t] > 0.5, truth[t] > 0, frames[t]) for t in (0, 4, 8)},
        "Your propagate_mask at work: the mask walks along, and uncovered ground takes it, too.",
        "Three frames of a walking animal. The mask of the first is carried along the flow. It "
        "covers the animal (grey), and an orange trail behind it, where the animal has been.",
    )


def consistency_mask(answer: Callable[..., np.ndarray]) -> Figure:
    """Which pixels of a frame can be found in the next."""
    frame, forth, back = pair().frames[4], pair().flow[4], pair().back[4]
    trusted = answer(forth, back)
    painted = frame.copy()
    painted[~trusted] = MISS
    return row(
        {"a frame": frame, f"no way back: {np.mean(~trusted):.1%}": painted},
        "Your consistency_mask at work: what gets hidden in the next frame has no way back.",
        "A frame with two animals, and the same with blue pixels where the flow forth and the flow "
        "back do not agree: a thin rim in front of the animals, where they cover what is behind.",
    )


def object_flow_step(answer: Callable[..., tuple[np.ndarray, np.ndarray]]) -> Figure:
    """From flow that says nothing to a mask."""
    frames, truth = walker()[:2]
    last, frame = frames[2], frames[4]
    was, is_now = truth[2] > 0, truth[4] > 0
    colour = ColourModel(last, was.astype(np.float32)).log_odds(frame)
    still = np.zeros((*was.shape, 2), np.float32)
    mask, _ = answer(frame, last, was, still, colour)
    return row(
        {
            f"the last mask: {wrong(was, is_now)} px wrong": comparison(was, is_now, frame),
            "what colour says": grey(1 / (1 + np.exp(-colour))),
            f"your mask: {wrong(mask, is_now)} px wrong": comparison(mask, is_now, frame),
        },
        "Your object_flow_step at work: place and colour together find the outline.",
        "The mask of an earlier frame, which is wrong in front of and behind the animal; a map "
        "that is bright where the colour is that of the animal; and the new mask, with fewer "
        "wrong pixels.",
    )


def wrong(mask: np.ndarray, truth: np.ndarray) -> int:
    """How many pixels of a mask are wrong."""
    return int(np.count_nonzero(mask != truth))


def fuse_streams(answer: Callable[..., torch.Tensor]) -> Figure:
    """One stream sees objects, the other what moves."""
    objects = pair().masks[4]
    appearance = 12 * blurred(objects > 0) - 5
    motion = 12 * blurred((objects == 1) | (np.arange(objects.shape[1]) < 24)) - 5
    log_odds = [torch.from_numpy(each)[None, None] for each in (appearance, motion)]
    fused = answer(*log_odds, torch.ones(3), torch.tensor([-8.0, -8.0, -9.0]))[0, 0].numpy()

    def share(values: np.ndarray) -> np.ndarray:
        return grey(1 / (1 + np.exp(-values)))

    return row(
        {"appearance": share(appearance), "motion": share(motion), "yours": share(fused)},
        "Your fuse_streams at work: what both streams see is sure, what one sees is in doubt.",
        "Three maps. Appearance is bright on two animals; motion on one of them and on a stripe at "
        "the left border; fused, the animal that is bright in both is white and all else dim.",
    )


def blurred(mask: np.ndarray) -> np.ndarray:
    """A mask with soft borders, float32."""
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 2)
