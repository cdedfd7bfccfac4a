"""How the space-time memory learns: from stills that are warped apart, then from videos."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch.nn import functional

from vos_lab import weights
from vos_lab.datasets.procedural import render, suite, train_video
from vos_lab.datasets.procedural.camera import filmed_clip
from vos_lab.methods.augmentation import apply_affine, colour_jitter, random_affine
from vos_lab.methods.lucid_frames import Dream
from vos_lab.methods.networks import as_input
from vos_lab.methods.space_time_memory import (
    VALUE,
    SpaceTimeNetwork,
    cells,
    memory_read,
    soft_aggregate,
)
from vos_lab.training.loop import Recipe
from vos_lab.training.recipes.pictures import (
    CROP,
    PHOTOGRAPHS,
    SIZE,
    Picture,
    picture,
    random_view,
)
from vos_lab.video import VOID

STILLS, VIDEOS, CLOSER_VIDEOS = 500, 500, 500
"""Training videos whose frames are stills, those that are videos, and those closer to film."""
MOMENTS = (0, 2, 5, 9, 14, 20)
"""Frames close together and far apart, to skip few or many of them."""

BATCH = 4
OBJECTS = 2
"""So many objects of a clip are segmented together."""


Source = Callable[[int, int], Picture]
"""Gives a frame of a training video, with its label map, by its number and its moment."""

Clips = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""A batch of three frames each: images ``(B, 3, 3, H, W)`` float32, 0 to 1; truth ``(B, 3, H, W)``
uint8, which is 0, an object from 1 to OBJECTS, or VOID; how many objects each has, ``(B,)``."""


@lru_cache(maxsize=VIDEOS * len(MOMENTS))  # 1.2 GB: drawing takes longer than learning
def train_picture(number: int, t: int) -> Picture:
    """A frame of a training video, with its label map. Twins are void: the read knows no place."""
    return picture(train_video(number, frames=MOMENTS[-1] + 1, size=SIZE), t)


@lru_cache(maxsize=CLOSER_VIDEOS)  # all frames at once: most of the time goes into the textures
def closer_clip(number: int, photographs: float = PHOTOGRAPHS) -> dict[int, Picture]:
    """Frames of the same video closer to film, by their moments."""
    frames = MOMENTS[-1] + 1
    video = train_video(number, frames, SIZE, closer=True, photographs=photographs)
    return {t: picture(video, t) for t in MOMENTS}


def closer_picture(number: int, t: int) -> Picture:
    """The same frame of the same video, closer to film."""
    return closer_clip(number, PHOTOGRAPHS)[t]


@lru_cache(maxsize=2)
def held_out_clips(videos: int, closer: bool = False) -> list[list[Picture]]:
    """Frames of validation seeds, as they are or closer to film."""
    clips = suite("mixed", "val", length=videos, frames=MOMENTS[-1] + 1, size=SIZE)
    if closer:
        specs = [each.spec.closer(np.random.default_rng([each.seed, 98])) for each in clips]
        clips = [render(spec, each.seed) for spec, each in zip(specs, clips, strict=True)]
    return [[picture(video, t) for t in (0, 5, 20)] for video in clips]


def still_views(rng: np.random.Generator, videos: int = STILLS) -> list[Picture]:
    """A view of a picture, and two dreams of it, object and ground moved apart."""
    first = random_view(rng, train_picture, videos, MOMENTS[::3])
    dream = Dream(*first)
    return [first, dream.frame(rng), dream.frame(rng)]


def video_views(
    share: float,
    rng: np.random.Generator,
    videos: int = VIDEOS,
    most_skip: int = 4,
    source: Source | None = None,
    camera: bool = False,
) -> list[Picture]:
    """Three frames of a video in order, with longer and longer skips, through moving windows."""
    number, skip = int(rng.integers(videos)), 1 + round(share * (most_skip - 1))
    first = int(rng.integers(1, min(skip, len(MOMENTS) - 2) + 1))
    second = int(rng.integers(1, min(skip, len(MOMENTS) - 1 - first) + 1))
    start = int(rng.integers(len(MOMENTS) - first - second))
    order = (start, start + first, start + first + second)
    source = source or train_picture
    return moving_window([source(number, MOMENTS[i]) for i in order], rng, camera)


def moving_window(
    frames: list[Picture], rng: np.random.Generator, camera: bool = False
) -> list[Picture]:
    """Frames through one window that moves a little, in a light that changes a little.

    With ``camera``, one takes them; without, some clips are blurred and some get noise.
    """
    window = random_affine(rng, SIZE, CROP, zoom=(0.53, 1.1), turn=15)
    colours = rng.permutation(3) if rng.random() < 0.3 else np.arange(3)
    blur = rng.uniform(0.4, 1.5) if rng.random() < 0.3 and not camera else 0.0
    noise = rng.uniform(0, 12) if rng.random() < 0.5 and not camera else 0.0
    light = int(rng.integers(2**31))
    views = []
    for image, labels in frames:
        shaken = _shaken(window, rng)
        image, labels = apply_affine(image, labels, shaken, CROP)
        image = colour_jitter(image, np.random.default_rng(light), 0.8 if camera else 1.5)
        image = colour_jitter(np.ascontiguousarray(image[..., colours]), rng, 0.4)
        if blur:
            image = cv2.GaussianBlur(image, (0, 0), blur)
        if noise:
            grain = noise * rng.standard_normal(image.shape, np.float32)
            image = np.clip(image + grain, 0, 255).astype(np.uint8)
        views.append((image, labels))
    if camera:
        images = filmed_clip([image for image, _ in views], rng)
        return [(image, labels) for image, (_, labels) in zip(images, views, strict=True)]
    return views


def _shaken(window: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A window that is moved, turned and zoomed a little, as a camera in a hand would."""
    own = random_affine(rng, CROP, CROP, zoom=(0.92, 1.08), turn=5, mirror=False)
    own[:, 2] += rng.uniform(-0.06, 0.06, 2) * CROP[1]
    return window @ np.vstack([own, [0, 0, 1]])


def clip_of(views: list[Picture], rng: np.random.Generator) -> tuple[torch.Tensor, np.ndarray, int]:
    """Images, truth and number of objects: some that are in the first frame, in any order."""
    first = views[0][1]
    there = [int(n) for n in np.unique(first) if 0 < n < VOID and (first == n).sum() > 60]
    chosen = rng.permutation(there)[:OBJECTS] if there else [1]
    table = np.zeros(256, np.uint8)
    table[VOID] = VOID
    table[np.asarray(chosen, int)] = np.arange(1, len(chosen) + 1)
    images = torch.cat([as_input(image) for image, _ in views])
    return images, np.stack([table[labels] for _, labels in views]), len(chosen)


def batch_of(views: list[list[Picture]], rng: np.random.Generator) -> Clips:
    """A batch of clips."""
    images, truth, objects = zip(*(clip_of(each, rng) for each in views), strict=True)
    return torch.stack(images), torch.from_numpy(np.stack(truth)), torch.tensor(objects)


def stills(share: float, rng: np.random.Generator, batch: int = BATCH, **options: Any) -> Clips:
    """A batch of stills, warped apart."""
    return batch_of([still_views(rng, **options) for _ in range(batch)], rng)


def videos(share: float, rng: np.random.Generator, batch: int = BATCH, **options: Any) -> Clips:
    """A batch of videos."""
    return batch_of([video_views(share, rng, **options) for _ in range(batch)], rng)


class Answer(NamedTuple):
    """What is said of one frame of a clip with K objects.

    Attributes:
        soft: what :func:`soft_aggregate` gives, ``(K + 1, H, W)``.
        read: how much of each object each cell has read, ``(K, H / 8, W / 8)``.
    """

    soft: torch.Tensor
    read: torch.Tensor


def segmented(network: SpaceTimeNetwork, clips: Clips) -> list[list[Answer]]:
    """Segment the second and the third frame, with the network's own soft masks in the memory.

    Returns:
        For each of both frames, for each clip, what is said of it.
    """
    images, truth, objects = clips
    looks = [network.look(images[:, t]) for t in range(3)]
    counts = objects.tolist()
    which = torch.repeat_interleave(torch.arange(len(counts)), objects.cpu()).to(images.device)
    number = torch.cat([torch.arange(1, k + 1) for k in counts]).to(images.device)
    masks = (truth[which, 0] == number[:, None, None]).float()
    keys, values, answers = [], [], []
    for t in (1, 2):
        others = torch.cat([m.sum(dim=0) - m for m in masks.split(counts)])
        key, value = network.memorise(looks[t - 1].half[which], torch.stack([masks, others], 1))
        keys.append(cells(key))
        values.append(cells(value))
        look = looks[t].of(which)
        with torch.autocast(images.device.type, enabled=False):  # exact scores
            read = memory_read(cells(look.key), torch.cat(keys, 1), torch.cat(values, 1))
        read = read.transpose(1, 2).unflatten(2, look.key.shape[-2:])
        found = network.decode(read, look).sigmoid()
        pairs = zip(found.split(counts), read[:, VALUE].split(counts), strict=True)
        answers.append([Answer(soft_aggregate(each), shares) for each, shares in pairs])
        masks = torch.cat([each.soft[1:] for each in answers[-1]])
    return answers


def loss_of(network: SpaceTimeNetwork, clips: Clips) -> torch.Tensor:
    """Cross-entropy, and what the soft masks lack to a J of 1, over both frames.

    The same is asked of what was read of the masks, in cells: else the decoder first learns to do
    without the memory, because most objects can be seen for what they are.
    """
    _, all_truth, objects = clips
    losses = []
    for t, answers in enumerate(segmented(network, clips), 1):
        for answer, truth in zip(answers, all_truth[:, t], strict=True):
            counts = truth != VOID
            wanted = torch.where(counts, truth, 0).long()
            entropy = -answer.soft.gather(0, wanted[None])[0].log()
            losses.append((entropy * counts).sum() / counts.sum().clamp(min=1))
            losses.extend(1 - each for each in soft_js(answer.soft, truth))
            losses.extend(read_losses(answer.read, truth))
    return torch.stack(losses).sum() / (2 * len(objects))


def read_losses(read: torch.Tensor, truth: torch.Tensor) -> list[torch.Tensor]:
    """Cross-entropy of how much of each object was read, and how much of it is in each cell."""
    counts = (truth != VOID).float()
    losses = []
    for number, share in enumerate(read.clamp(1e-4, 1 - 1e-4), 1):
        there = (truth == number).float()
        known, wanted = functional.interpolate(
            torch.stack([counts, there])[None], share.shape, mode="area"
        )[0]
        entropy = functional.binary_cross_entropy(share, wanted, reduction="none")
        losses.append((entropy * known).sum() / known.sum().clamp(min=1))
    return losses


def soft_js(found: torch.Tensor, truth: torch.Tensor) -> list[torch.Tensor]:
    """J of each soft mask; as of one pixel more, so that none is worth 1 where none is wanted."""
    counts = truth != VOID
    answers = []
    for number, soft in enumerate(found[1:], 1):
        there = (truth == number).float()
        both = (soft * there).sum()
        answers.append((both + 1) / ((soft * counts).sum() + there.sum() - both + 1))
    return answers


def validate(
    network: SpaceTimeNetwork, clips: int = 8, closer: bool = False
) -> Mapping[str, float]:
    """What is missed of the objects in the last of three frames of held-out videos."""
    if closer:
        missed = _missed(network, held_out_clips(clips, closer))
        return {**validate(network, clips), "1 - J, closer": missed}
    return {"1 - J": _missed(network, held_out_clips(clips))}


def _missed(network: SpaceTimeNetwork, held_out: list[list[Picture]]) -> float:
    missed = []
    for number, views in enumerate(held_out):
        clip = batch_of([views], np.random.default_rng(number))
        ((found, _),) = segmented(network, clip)[1]
        hard = functional.one_hot(found.argmax(dim=0), len(found)).permute(2, 0, 1)
        missed += [1 - float(each) for each in soft_js(hard.float(), clip[1][0, 2])]
    return float(np.mean(missed))


def network() -> SpaceTimeNetwork:
    """Both encoders begin with that of the parent of OSVOS, which has seen many objects."""
    made = SpaceTimeNetwork()
    learned = weights.part("osvos-parent-long", "backbone.stages")
    for stages, offset in ((made.stem, 0), (made.query.stages, 2), (made.memory.stages, 2)):
        for number, stage in enumerate(stages, offset):
            prefix = f"{number}."
            stage.load_state_dict(
                {k.removeprefix(prefix): v for k, v in learned.items() if k.startswith(prefix)}
            )
    # Edges and colours are good enough, and dear to change.
    made.stem.requires_grad_(False)
    return made


def network_after_stills() -> SpaceTimeNetwork:
    """Begins with what was learned from stills."""
    made = SpaceTimeNetwork()
    weights.load_into(made, "stm-stills")
    made.stem.requires_grad_(False)
    return made


def network_after_videos() -> SpaceTimeNetwork:
    """Begins with what was learned from drawn videos."""
    made = SpaceTimeNetwork()
    weights.load_into(made, "stm-drawn")
    made.stem.requires_grad_(False)
    return made


BEGINNING = "Both encoders begin with the encoder of osvos-parent-long"
HELD_OUT = "held out: three frames each of 8 videos of the mixed suite, split val"


def described(videos: int) -> str:
    """What a network learns from, for its card."""
    return f"{videos} procedural training videos (train_video 0 to {videos - 1})"


STM_STILLS = Recipe(
    name="stm-stills",
    about="Space-time memory, its first stage: from single pictures, warped apart into three "
    f"frames. {BEGINNING}.",
    data=f"two frames each of {described(STILLS)}, in random views of {CROP[0]} x {CROP[1]} "
    f"pixels, and two lucid frames of each view; {HELD_OUT}",
    network=network,
    batch=stills,
    loss=loss_of,
    validate=validate,
    steps=400,
    learning_rate=1e-3,
    clip=1.0,
    half=True,
    validate_every=200,
    needs=("osvos-parent-long",),
)

STM_DRAWN = replace(
    STM_STILLS,
    name="stm-drawn",
    about="Space-time memory, its second stage: from three frames of a drawn video, with its own "
    "soft masks in the memory. Begins with stm-stills.",
    data=f"three frames each of {described(VIDEOS)}, with growing skips, through moving windows "
    f"of {CROP[0]} x {CROP[1]} pixels; {HELD_OUT}",
    network=network_after_stills,
    batch=videos,
    steps=3400,
    learning_rate=8e-4,
    validate_every=400,
    needs=("stm-stills",),
)

STM = replace(
    STM_DRAWN,
    name="stm",
    about="Space-time memory, gone on learning from videos closer to film. Begins with stm-drawn.",
    data=f"three frames each of {described(CLOSER_VIDEOS)}, closer to film, with textures of "
    f"photographs, as a camera takes them, through moving windows of {CROP[0]} x {CROP[1]} pixels; "
    f"{HELD_OUT}, and the same closer to film",
    network=network_after_videos,
    batch=partial(videos, videos=CLOSER_VIDEOS, source=closer_picture, camera=True),
    validate=partial(validate, closer=True),
    steps=4000,
    learning_rate=6e-4,
    needs=("stm-drawn",),
)
