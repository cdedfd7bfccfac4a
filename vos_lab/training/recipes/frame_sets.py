"""Sets of frames for AGNN: what the object is can be seen in all of them together.

In one frame of a set a second thing stands out, which is in no other frame. In another the object
is blurred, or has taken on the colours of what is behind it. A network that looks at each frame
alone must fail on both, so it has a reason to ask the others.

A set comes from a drawn video, or is a collage: the cut-out object of a video before a ground made
of scraps. The scenes of drawn videos are tidy; those of the world are not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import torch

from vos_lab.datasets.procedural import ProceduralVideo, suite, train_video
from vos_lab.methods.augmentation import apply_affine, colour_jitter
from vos_lab.video import VOID

SIZE = (160, 288)
CROP = (128, 224)
MOMENTS = (0, 6, 12, 18, 24)
VIDEOS = 300
COLLAGES = 0.7
"""Share of the sets that are collages."""
CANVAS = (208, 368)
"""Of the ground of a collage: the camera has room to move."""


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
    collage: float = COLLAGES,
    spoilt: float = 0.6,
) -> Picture:
    """Frames that show one thing, ambiguous one by one.

    Args:
        rng: where the randomness comes from.
        nodes: how many frames. With a single one, nothing is made ambiguous.
        source: gives the clip of a number.
        count: how many clips there are.
        collage: share of the sets whose ground is made of scraps.
        spoilt: how often the object is hard to see in one frame, and how often there is a second
            thing in another.

    Returns:
        Frames ``(nodes, H, W, 3)`` uint8, and truth ``(nodes, H, W)`` uint8.
    """
    clip = source(int(rng.integers(count)))
    seen = [i for i, labels in enumerate(clip.labels) if is_object(labels).mean() > 0.004]
    usable = seen or list(range(len(MOMENTS)))
    order = [int(i) for i in rng.permutation(usable)]
    moments = sorted((order * nodes)[:nodes])
    if len(seen) and rng.random() < collage:
        pictures = pasted(rng, clip, moments, source, count)
    else:
        pictures = followed(rng, clip, moments)
    if nodes > 1:
        hard, crowded = rng.permutation(nodes)[:2]
        if rng.random() < spoilt:
            pictures[hard] = hard_to_see(rng, pictures[hard])
        if rng.random() < spoilt:
            other = source(int(rng.integers(count)))
            pictures[crowded] = second_thing(rng, pictures[crowded], other)
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


def pasted(
    rng: np.random.Generator,
    clip: Clip,
    moments: list[int],
    source: Source,
    count: int,
    away: Sequence[int] | None = None,
) -> list[Picture]:
    """One object of a video, cut out, on a ground made of scraps, with a camera that moves.

    ``away`` are the pictures without the object; by default it is away now and then.
    """
    canvas = ground_of_scraps(rng, source, count)
    scale, flip = 1 / rng.uniform(0.6, 1.6), rng.choice([-1, 1])
    names = np.unique(clip.labels[moments[0]][is_object(clip.labels[moments[0]])])
    name = rng.choice(names)
    light, order = int(rng.integers(2**31)), colours_mixed(rng, 0.4)
    room = np.array(CANVAS[::-1]) - CROP[::-1]
    camera, pan = rng.uniform(0, 1, 2), rng.normal(0, 0.3, 2)
    bar = bar_of(rng, canvas) if rng.random() < 0.3 else None
    pictures = []
    for number, i in enumerate(moments):
        camera = np.clip(camera + pan + rng.normal(0, 0.1, 2), 0, 1)
        left, top = (camera * room).astype(int)
        frame = canvas[top : top + CROP[0], left : left + CROP[1]].copy()
        truth = np.zeros(CROP, np.uint8)
        if number not in away if away is not None else rng.random() > 0.06:
            thing = colour_jitter(clip.frames[i], np.random.default_rng(light), 1.5)[..., order]
            own = clip.instances[i] == name
            place = np.array(CROP[::-1]) / 2 + rng.normal(0, (40, 20))
            size = scale * rng.uniform(0.8, 1.25)
            matrix = view(middle_of(own), size, rng.normal(0, 0.1), flip, place)
            frame, covered = paste(frame, thing, own, matrix)
            truth[covered] = 1
        if bar is not None:
            bar_at = int(rng.integers(-bar.shape[1], CROP[1]))
            part = slice(max(0, bar_at), min(CROP[1], bar_at + bar.shape[1]))
            frame[:, part] = bar[:, part.start - bar_at : part.stop - bar_at]
            truth[:, part] = 0
        pictures.append((frame, truth))
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


def ground_of_scraps(rng: np.random.Generator, source: Source, count: int) -> np.ndarray:
    """A ground without things: a scene, and scraps of other scenes and of coats on top of it."""
    pool = [source(int(rng.integers(count))) for _ in range(4)]
    papers = [
        colour_jitter(each.frames[int(rng.integers(len(MOMENTS)))], rng, 1.5)[
            ..., colours_mixed(rng, 0.5)
        ]
        for each in pool
    ]
    # A closer look at a scene seldom has a whole thing in it.
    closer = rng.uniform(1, 2.5)
    height, width = (int(side / closer) for side in SIZE)
    y, x = int(rng.integers(SIZE[0] - height + 1)), int(rng.integers(SIZE[1] - width + 1))
    scene = np.ascontiguousarray(papers[0][y : y + height, x : x + width])
    canvas = cv2.resize(scene, CANVAS[::-1])
    for _ in range(int(rng.integers(4, 40))):
        lay_scrap(rng, canvas, papers[int(rng.integers(len(papers)))])
    return cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.6, 2.0) if rng.random() < 0.4 else 0.3)


def lay_scrap(rng: np.random.Generator, canvas: np.ndarray, paper: np.ndarray) -> None:
    """A piece of one picture, enlarged or made smaller, laid somewhere on another one."""
    half = np.exp(rng.uniform(np.log(5), np.log(70), 2)).astype(int) + 2  # of height and width
    if rng.random() < 0.2:
        half[rng.integers(2)] *= 4  # poles and walls
    shape = np.full(2 * half, 255, np.uint8)
    if rng.random() < 0.5:
        corners = int(rng.integers(3, 9))
        angles, far = np.sort(rng.uniform(0, 2 * np.pi, corners)), rng.uniform(0.5, 1, corners)
        outline = np.stack([np.cos(angles) * far, np.sin(angles) * far], axis=1) + 1
        shape[:] = 0
        cv2.fillPoly(shape, [(outline * half[::-1]).astype(np.int32)], 255)
    grown = rng.uniform(0.4, 2.5)
    height, width = (
        max(2, min(int(2 * h / grown), side)) for h, side in zip(half, SIZE, strict=True)
    )
    y, x = int(rng.integers(SIZE[0] - height + 1)), int(rng.integers(SIZE[1] - width + 1))
    scrap = np.ascontiguousarray(paper[y : y + height, x : x + width])
    scrap = cv2.resize(scrap, shape.shape[::-1])
    top, left = (int(rng.integers(-h, side)) for h, side in zip(half, CANVAS, strict=True))
    rows = slice(max(0, top), min(CANVAS[0], top + shape.shape[0]))
    columns = slice(max(0, left), min(CANVAS[1], left + shape.shape[1]))
    inside = np.s_[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    part, covered = canvas[rows, columns], shape[inside] > 0
    part[covered] = scrap[inside][covered]


def bar_of(rng: np.random.Generator, canvas: np.ndarray) -> np.ndarray:
    """A pole that stands before the object."""
    width, left = int(rng.integers(6, 30)), int(rng.integers(CANVAS[1] - 30))
    scrap = canvas[: CROP[0], left : left + width]
    return cv2.flip(scrap, 0)
