"""Pictures of lesson 08: refine_mask, simulate_previous_mask, crop_and_zoom and lucid_frame."""

from collections.abc import Callable

import cv2
import numpy as np

from vos_lab.exercises.pictures.drawn import SIZE, pair, row, walker
from vos_lab.methods.lucid_frames import fill_hole
from vos_lab.methods.masktrack import Box, MaskTrack
from vos_lab.view.figures import Figure, comparison
from vos_lab.view.figures.frames import painted


def refine_mask(answer: Callable[..., np.ndarray]) -> Figure:
    """From the mask of an earlier frame to that of this one."""
    frames, masks = walker()[:2]
    network = MaskTrack(steps=0).network.eval()
    truth, previous = masks[4] > 0, (masks[0] > 0).astype(np.float32)
    found = answer(network, frames[4], previous) > 0.5
    return row(
        {
            "the mask of frame 0": comparison(previous > 0.5, truth, frames[4]),
            "refined in frame 4": comparison(found, truth, frames[4]),
        },
        "Your refine_mask at work: the picture says where the outline of the rough mask belongs.",
        "A mask that lies behind a walking animal, with much orange and blue; and the refined one, "
        "which covers more of the animal.",
    )


def simulate_previous_mask(answer: Callable[..., np.ndarray]) -> Figure:
    """One true mask, three masks of the last frame."""
    frame, mask = walker().frames[4], walker().masks[4] > 0
    straight = np.zeros((5, 5, 2), np.float32)
    wave = straight.copy()
    wave[:, ::2, 1] = 6
    given = {
        "moved, coarse by 2 px": (np.array([[1, 0, 8], [0, 1, 3]], float), straight, 2),
        "scaled, coarse by 4 px": (np.array([[0.9, 0, 10], [0, 0.9, 6]], float), straight, 4),
        "bent, as fine as before": (np.eye(2, 3), wave, 0),
    }
    return row(
        {
            name: comparison(answer(mask.astype(np.float32), *how) > 0.5, mask, frame)
            for name, how in given.items()
        },
        "Your simulate_previous_mask at work: one picture is enough to learn from many old masks.",
        "The same frame with three made-up masks: one to the side, one of another size, and one "
        "that is bent, each compared with the true one in orange and blue.",
    )


def crop_and_zoom(answer: Callable[..., Box]) -> Figure:
    """The window around an animal, and what is in it."""
    frame, mask = pair().frames[4], pair().masks[4]
    pictures = {}
    for margin in (0.0, 0.25):
        top, bottom, left, right = answer((mask == 1).astype(np.float32), margin)
        inside = frame[top:bottom, left:right]
        name = f"margin {margin}: {bottom - top} x {right - left} px"
        pictures[name] = cv2.resize(inside, (SIZE[1], SIZE[0]))
    return row(
        {"the whole frame": frame, **pictures},
        "Your crop_and_zoom at work: the network sees the animal larger.",
        "A frame with two animals, and two windows around the horse: a narrow one that it fills, "
        "and a wider one with ground around it.",
    )


def lucid_frame(answer: Callable[..., tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Three dreams of one frame."""
    frame, mask = walker().frames[4], (walker().masks[4] > 0).astype(np.float32)
    ground = fill_hole(frame, cv2.dilate(mask, np.ones((5, 5))) > 0)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    still = np.zeros((*SIZE, 2), np.float32)
    dreams = {
        "moved to the left": np.stack([0 * x + 50, 0 * y], -1),
        "half as large": np.stack([x - 108, y - 80], -1),
        "mirrored, to the right": np.stack([256 - 2 * x, 0 * y], -1),
    }
    pictures = {}
    for name, flow in dreams.items():
        image, soft = answer(ground, frame, mask, still, flow.astype(np.float32))
        pictures[name] = painted(image, (soft > 0.5).astype(np.uint8), SIZE, 0.15)
    return row(
        {"the frame": frame, **pictures},
        "Your lucid_frame at work: new frames with exact masks, dreamt up from one.",
        "A frame with an animal, and three that are made from it: the animal to the left, the "
        "animal half as large, and the animal mirrored, each with the line of its mask.",
    )
