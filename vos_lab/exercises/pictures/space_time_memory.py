"""Pictures of lesson 13: memory_read, soft_aggregate and choose_memory."""

from collections.abc import Callable

import cv2
import numpy as np
import torch

from vos_lab.exercises.pictures.drawn import SIZE, grey, pair, row, walker
from vos_lab.exercises.pictures.pixel_retrieval import SMALL, embedding, smaller
from vos_lab.view.figures import Figure, comparison
from vos_lab.view.figures.frames import painted


def memory_read(answer: Callable[..., torch.Tensor]) -> Figure:
    """Masks read from the first frame, by colour and place."""
    frames, masks = walker()[:2]
    values = torch.from_numpy(smaller((masks[0] > 0).astype(np.float32))).reshape(-1, 1)
    queries, keys = as_query(frames[8]), as_key(frames[0])
    pictures = {}
    for temperature in (1.0, 30.0):
        read = answer(queries, keys, values, temperature).reshape(SMALL).numpy()
        pictures[f"temperature {temperature:.0f}"] = grey(cv2.resize(read, (SIZE[1], SIZE[0])))
    return row(
        {"the memory: frame 0": comparison(masks[0] > 0, masks[0] > 0, frames[0]), **pictures},
        "Your memory_read at work: each place of frame 8 asks the places of frame 0.",
        "A frame with the mask of an animal; and what frame 8 reads from it: with a low "
        "temperature a bright, blurred animal, with a high one dark grey.",
    )


def as_query(frame: np.ndarray) -> torch.Tensor:
    """What each pixel asks, so that its score with a key falls with their squared distance."""
    features = embedding(frame)
    return 150 * torch.cat([features, torch.ones(len(features), 1)], dim=1)


def as_key(frame: np.ndarray) -> torch.Tensor:
    """The key of each pixel: its features, and minus half their squared length."""
    features = embedding(frame)
    return torch.cat([features, -(features**2).sum(dim=1, keepdim=True) / 2], dim=1)


def soft_aggregate(answer: Callable[..., torch.Tensor]) -> Figure:
    """Two objects that are both sure of some pixels."""
    frame, mask = pair().frames[4], pair().masks[4]
    horse, cow = (cv2.GaussianBlur((mask == k).astype(np.float32), (0, 0), 6) for k in (1, 2))
    shares = answer(torch.from_numpy(np.stack([horse, 0.8 * cow])))
    owner = shares.argmax(dim=0).numpy().astype(np.uint8)
    return row(
        {
            "horse, on its own": grey(horse),
            "cow, on its own": grey(0.8 * cow),
            "who has the largest share": painted(frame, owner, SIZE, 0.5),
        },
        "Your soft_aggregate at work: objects that were segmented alone share the pixels.",
        "A soft map of a horse and one of a cow, which overlap; and the frame with an orange horse "
        "and a blue cow that do not.",
    )


def choose_memory(answer: Callable[..., list[int]]) -> Figure:
    """Which frames are in the memory, frame by frame."""
    pictures = {}
    for most in (4, 8):
        seen = np.zeros((40, 72), np.float32)
        kept = [0]
        for now in range(1, 40):
            kept = answer(kept, now, 5, most)
            for t in kept:
                seen[now, t : t + 1] = 1
        large = cv2.resize(seen, (SIZE[1], SIZE[0]), interpolation=cv2.INTER_NEAREST)
        pictures[f"at most {most}"] = grey(large)
    return row(
        pictures,
        "Your choose_memory at work: downwards time goes on; each white square is a kept frame.",
        "Two pictures with a white line on the left, the first frame, a diagonal, the last frame, "
        "and vertical bars between them, every fifth frame. With less room the bars end earlier.",
        exact=True,
    )
