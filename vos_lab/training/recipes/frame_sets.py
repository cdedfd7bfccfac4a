"""Sets of frames for AGNN: what the object is can be seen in all of them together.

In most frames of a set a second thing stands out, another one in each. In one frame the object is
blurred, or has taken on the colours of what is behind it. A network that looks at each frame alone
must fail, so it has a reason to ask the others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch

from vos_lab.datasets.procedural import ProceduralVideo, suite, train_video
from vos_lab.methods.augmentation import apply_affine, colour_jitter
from vos_lab.video import VOID

SIZE = (160, 288)
CROP = (96, 168)
MOMENTS = (0, 6, 12, 18, 24)
VIDEOS = 300


@dataclass(frozen=True)
class Clip:
    """Some frames of a drawn video, all that a set needs of it.

    Attributes:
        frames: ``(H, W, 3)`` uint8.
        labels: label maps; twins are void, because nobody could tell them from objects.
        instances: label maps with the twins.
    """

    frames: list[np.ndarray]
    labels: list[np.ndarray]
    instances: list[np.ndarray]


Source = Callable[[int], Clip]
Picture = tuple[np.ndarray, np.ndarray]
"""A frame ``(H, W, 3)`` uint8, and its truth ``(H, W)`` uint8: 0, 1 or void."""


def clip_of(video: ProceduralVideo) -> Clip:
    """The frames of a video at all moments."""
    assert video.masks is not None  # the renderer always knows
    instances = [np.array(video.instances[t]) for t in MOMENTS]
    labels = [np.array(video.masks[t]) for t in MOMENTS]
    for own, everybody in zip(labels, instances, strict=True):
        own[(everybody > 0) & (own == 0)] = VOID
    return Clip([video.frames[t] for t in MOMENTS], labels, instances)


@lru_cache(maxsize=VIDEOS)  # 330 MB: drawing takes longer than learning
def train_clip(number: int) -> Clip:
    """One of the training videos."""
    return clip_of(train_video(number, frames=MOMENTS[-1] + 1, size=SIZE))


@lru_cache(maxsize=64)
def held_out_clip(number: int, split: str = "val") -> Clip:
    """A video of the mixed suite that nothing has learned from."""
    frames = MOMENTS[-1] + 1
    return clip_of(suite("mixed", split, length=number + 1, frames=frames, size=SIZE)[number])


# --- sets -------------------------------------------------------------------------------------


def ambiguous_set(
    rng: np.random.Generator,
    nodes: int,
    source: Source = train_clip,
    count: int = VIDEOS,
    crowded: float = 0.8,
    hard: float = 0.3,
) -> Picture:
    """Frames that show the objects of one video, ambiguous one by one.

    Args:
        rng: where the randomness comes from.
        nodes: how many frames.
        source: gives the clip of a number.
        count: how many clips there are.
        crowded: share of the frames with a second thing, a different one in each.
        hard: share of the sets with a frame whose object is hard to see.

    Returns:
        Frames ``(nodes, H, W, 3)`` uint8, and truth ``(nodes, H, W)`` uint8.
    """
    clip = source(int(rng.integers(count)))
    seen = [i for i, labels in enumerate(clip.labels) if is_object(labels).mean() > 0.004]
    order = [int(i) for i in rng.permutation(seen or len(MOMENTS))]
    pictures = followed(rng, clip, sorted((order * nodes)[:nodes]))
    if rng.random() < hard:
        i = int(rng.integers(nodes))
        pictures[i] = hard_to_see(rng, pictures[i])
    for i in range(nodes):
        if rng.random() < crowded:
            pictures[i] = second_thing(rng, pictures[i], source(int(rng.integers(count))))
    frames = in_one_light(rng, [frame for frame, _ in pictures])
    return frames, np.stack([truth for _, truth in pictures])


def as_tensor(frames: np.ndarray) -> torch.Tensor:
    """Frames ``(..., H, W, 3)`` uint8 as ``(..., 3, H, W)`` float32, 0 to 1."""
    return torch.from_numpy(frames).movedim(-1, -3).float() / 255


def is_object(labels: np.ndarray) -> np.ndarray:
    """Where any object is, ``(H, W)`` bool."""
    return (labels > 0) & (labels < VOID)


def followed(rng: np.random.Generator, clip: Clip, moments: list[int]) -> list[Picture]:
    """Frames of a video, through a window that follows the objects as a camera does."""
    zoom, turn, flip = rng.uniform(0.75, 1.5), rng.uniform(-0.2, 0.2), rng.choice([-1, 1])
    pictures = []
    for i in moments:
        truth = np.where(clip.labels[i] == VOID, VOID, is_object(clip.labels[i])).astype(np.uint8)
        scale = 1 / (zoom * rng.uniform(0.85, 1.15))
        middle = middle_of(truth == 1) + rng.normal(0, (30, 18))
        reach = np.minimum(scale * np.array(CROP[::-1]) / 2, np.array(SIZE[::-1]) / 2)
        middle = np.clip(middle, reach, np.array(SIZE[::-1]) - reach)
        matrix = view(middle, scale, turn + rng.normal(0, 0.04), flip, np.array(CROP[::-1]) / 2)
        pictures.append(apply_affine(clip.frames[i], truth, matrix, CROP))
    return pictures


def hard_to_see(rng: np.random.Generator, picture: Picture) -> Picture:
    """The same frame, out of focus, or with an object in the colours of its surroundings."""
    frame, truth = picture
    own = truth == 1
    if rng.random() < 0.5 or not own.any():
        return cv2.GaussianBlur(frame, (0, 0), rng.uniform(2, 5)), truth
    around = cv2.dilate(own.astype(np.uint8), np.ones((25, 25))).astype(bool) & ~own
    if not around.any():
        return frame, truth
    thing, ground = frame[own].astype(np.float32), frame[around].astype(np.float32)
    spread = (ground.std(axis=0) + 4) / (thing.std(axis=0) + 4)
    hidden = ground.mean(axis=0) + (thing - thing.mean(axis=0)) * spread
    share = rng.uniform(0.6, 0.95)
    mixed = frame.copy()
    mixed[own] = np.clip(share * hidden + (1 - share) * thing, 0, 255).astype(np.uint8)
    return mixed, truth


def second_thing(rng: np.random.Generator, picture: Picture, clip: Clip) -> Picture:
    """The same frame, with the object of another video in it, which is none here."""
    frame, truth = picture
    i = int(rng.integers(len(MOMENTS)))
    names = np.unique(clip.labels[i][is_object(clip.labels[i])])
    if not len(names):
        return frame, truth
    own = clip.instances[i] == rng.choice(names)
    place = rng.uniform((20, 20), (CROP[1] - 20, CROP[0] - 20))
    matrix = view(
        middle_of(own), 1 / rng.uniform(0.6, 1.6), rng.normal(0, 0.1), rng.choice([-1, 1]), place
    )
    thing = colour_jitter(clip.frames[i], rng, 1.5)[..., colours_mixed(rng, 0.4)]
    # It stands behind the object as often as before it.
    free = np.ones(CROP, bool) if rng.random() < 0.5 else truth != 1
    frame, covered = paste(frame, thing, own, matrix, free)
    return frame, np.where(covered, 0, truth).astype(np.uint8)


def in_one_light(rng: np.random.Generator, frames: list[np.ndarray]) -> np.ndarray:
    """Frames in another light and colour, which hardly change from one to the next."""
    light, order = int(rng.integers(2**31)), colours_mixed(rng, 0.3)
    blur = rng.uniform(0.4, 1.2) if rng.random() < 0.3 else 0.0
    noise = rng.uniform(0, 12) if rng.random() < 0.5 else 0.0
    changed = []
    for frame in frames:
        image = colour_jitter(frame, np.random.default_rng(light), 1.2)[..., order]
        image = colour_jitter(np.ascontiguousarray(image), rng, 0.3)
        if blur:
            image = cv2.GaussianBlur(image, (0, 0), blur)
        if noise:
            grain = noise * rng.standard_normal(image.shape, np.float32)
            image = np.clip(image + grain, 0, 255).astype(np.uint8)
        changed.append(image)
    return np.stack(changed)


# --- scissors and paste -----------------------------------------------------------------------


def view(
    middle: np.ndarray, scale: float, turn: float, flip: float, place: np.ndarray
) -> np.ndarray:
    """Where the pixels of a new picture come from: ``middle`` of the old one is at ``place``."""
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = matrix @ np.diag([flip, 1.0])
    return np.column_stack([matrix, middle - matrix @ place])


def middle_of(mask: np.ndarray) -> np.ndarray:
    """The middle (x, y) of a mask; of the picture, where it is empty."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return np.array(mask.shape[::-1]) / 2
    return np.array([columns.mean(), rows.mean()])


def paste(
    frame: np.ndarray,
    thing: np.ndarray,
    mask: np.ndarray,
    matrix: np.ndarray,
    free: np.ndarray | None = None,
) -> Picture:
    """What is under the mask put into a frame, softly at its edge; and which pixels it covers."""
    there, flags = frame.shape[1::-1], cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    image = cv2.warpAffine(
        np.ascontiguousarray(thing), matrix, there, flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    alpha = cv2.warpAffine(mask.astype(np.float32), matrix, there, flags=flags)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 0.7)
    if free is not None:
        alpha = alpha * free
    mixed = frame + alpha[..., None] * (image.astype(np.float32) - frame)
    return mixed.astype(np.uint8), alpha > 0.5


def colours_mixed(rng: np.random.Generator, chance: float) -> np.ndarray:
    """An order of the three colours: drawn colours are few, those of the world are not."""
    return rng.permutation(3) if rng.random() < chance else np.arange(3)
