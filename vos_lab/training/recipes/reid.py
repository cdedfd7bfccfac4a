"""How re-identification learns: from objects of procedural videos, at times far apart."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import nn

from vos_lab.datasets.procedural import ProceduralVideo, suite, train_video
from vos_lab.methods.augmentation import colour_jitter
from vos_lab.methods.networks import begin_with_encoder
from vos_lab.methods.reid import (
    DIMENSIONS,
    ReIDNetwork,
    region,
    region_embeddings,
    reid_loss,
    update_table,
)
from vos_lab.training.loop import Recipe

SIZE = (240, 432)
VIDEOS = 250
MOMENTS = (0, 10, 20, 30, 40)
PATCH = 96
"""Pixels: a side of what is kept of a frame around an object."""
AROUND = 0.5
"""How much is kept around it, on each side, as a share of its larger side."""
MIN_PIXELS = 60
"""Pixels: what is smaller says nothing about who it is."""
BATCH = 48
TEMPERATURE = 0.1
MOMENTUM = 0.5

GROUND = 0
"""What is no object is an identity, too, one for each video: proposals often hold the ground."""
GROUND_SHARE = 0.4
"""So much of a batch is ground."""


class Patch(NamedTuple):
    """What is kept of an object in a frame.

    Attributes:
        label: the object, or :data:`GROUND`.
        moment: number of the frame.
        image: ``(PATCH, PATCH, 3)`` uint8.
        mask: ``(PATCH, PATCH)`` uint8, 0 or 1.
    """

    label: int
    moment: int
    image: np.ndarray
    mask: np.ndarray


def patches_of(video: ProceduralVideo, moments: Sequence[int] | None = None) -> list[Patch]:
    """The objects of a video at all moments, and of each frame two pieces of what is no object."""
    assert video.masks is not None  # the renderer always knows
    rng = np.random.default_rng(video.seed)
    found = []
    for t in moments or MOMENTS:
        image, labels = video.frames[t], np.asarray(video.masks[t])
        things = np.asarray(video.instances[t]) > 0
        regions = [(int(k), labels == k) for k in np.unique(labels) if k]
        regions += [(GROUND, piece_of_ground(things, beside, rng)) for beside in (False, True)]
        for label, mask in regions:
            if mask.sum() >= MIN_PIXELS * (SIZE[0] * SIZE[1]) / (240 * 432):
                found.append(Patch(label, t, *patch(image, mask)))
    return found


def piece_of_ground(things: np.ndarray, beside: bool, rng: np.random.Generator) -> np.ndarray:
    """A piece of a frame where no thing is.

    Args:
        things: where the things are, ``(H, W)`` bool.
        beside: a thin piece at the edge of a thing, where a mask slips to that has lost its thing;
            else an ellipse anywhere.
        rng: where the randomness comes from.

    Returns:
        ``(H, W)`` bool.
    """
    height, width = things.shape
    place = rng.uniform(0.1, 0.9, 2) * (width, height)
    axes = rng.uniform(0.05, 0.25, 2) * height
    rows, columns = np.nonzero(cv2.dilate(things.astype(np.uint8), np.ones((3, 3))) > things)
    if beside and len(rows):
        chosen = rng.integers(len(rows))
        place = np.array([columns[chosen], rows[chosen]])
        axes = rng.uniform((0.02, 0.06), (0.06, 0.25)) * height
    mask = np.zeros(things.shape, np.uint8)
    axes_pixels = [max(2, int(a)) for a in axes]
    cv2.ellipse(mask, [int(v) for v in place], axes_pixels, rng.uniform(0, 180), 0, 360, 1, -1)
    return (mask > 0) & ~things


def patch(image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The square around a mask, and the mask in it."""
    rows, columns = np.nonzero(mask)
    middle = np.array([columns.min() + columns.max(), rows.min() + rows.max()]) / 2
    side = (max(np.ptp(rows), np.ptp(columns)) + 1) * (1 + 2 * AROUND)
    scale = side / PATCH
    offset = middle - scale * (PATCH - 1) / 2
    matrix = np.column_stack([np.eye(2) * scale, offset])
    flags = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    # Many pixels become one: a blur first, or the finest textures would turn into noise.
    smooth = cv2.GaussianBlur(image, (0, 0), 0.5 * scale) if scale > 1 else image
    square = cv2.warpAffine(
        smooth, matrix, (PATCH, PATCH), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    there = cv2.warpAffine(mask.astype(np.float32), matrix, (PATCH, PATCH), flags=flags)
    return square, (there > 0.5).astype(np.uint8)


@lru_cache(maxsize=VIDEOS)  # 120 MB: drawing takes longer than learning
def train_patches(number: int) -> list[Patch]:
    """The patches of a training video."""
    return patches_of(train_video(number, frames=MOMENTS[-1] + 1, size=SIZE))


@lru_cache(maxsize=2)
def held_out_patches(videos: int) -> list[list[Patch]]:
    """The patches of validation seeds."""
    clips = suite("mixed", "val", length=videos, frames=MOMENTS[-1] + 1, size=SIZE)
    return [patches_of(clip) for clip in clips]


@lru_cache(maxsize=8)
def first_identities(videos: int) -> list[int]:
    """The number of the first identity of each training video, and how many there are in all.

    A video has one more than objects: its ground comes first.
    """
    counts = (1 + train_video(n, MOMENTS[-1] + 1, SIZE).spec.objects for n in range(videos))
    return list(accumulate(counts, initial=0))


def damaged(
    image: np.ndarray, mask: np.ndarray, other: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A patch as another frame may show it, with a mask as a method may have it.

    Args:
        image: ``(PATCH, PATCH, 3)`` uint8.
        mask: ``(PATCH, PATCH)`` uint8, 0 or 1.
        other: another image of the same size, to hide a part behind.
        rng: where the randomness comes from.

    Returns:
        Image and mask; where nothing of the mask would be left, as they were.
    """
    before = image, mask
    scale, angle = np.exp(rng.uniform(-0.25, 0.25)), rng.uniform(-20, 20)
    middle = ((PATCH - 1) / 2, (PATCH - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, angle, scale)
    image = cv2.warpAffine(image, matrix, (PATCH, PATCH), borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(mask, matrix, (PATCH, PATCH), flags=cv2.INTER_NEAREST)
    if rng.random() < 0.5:
        image, mask = np.ascontiguousarray(image[:, ::-1]), np.ascontiguousarray(mask[:, ::-1])
    image = colour_jitter(image, rng, 0.8)
    y, x = np.mgrid[:PATCH, :PATCH]
    if rng.random() < 0.35:  # something stands before a part of it, or the frame ends
        rows, columns = np.nonzero(mask)
        if len(rows):
            chosen, turn = rng.integers(len(rows)), rng.uniform(0, 2 * np.pi)
            beyond = (x - columns[chosen]) * np.cos(turn) + (y - rows[chosen]) * np.sin(turn) > 0
            if rng.random() < 0.6:
                image = np.where(beyond[..., None], other, image)
            mask = mask * ~beyond
    if rng.random() < 0.5:  # too much, or too little
        kernel = cv2.getStructuringElement(
            cv2.MORPH_ELLIPSE, (2 * int(rng.integers(1, 5)) + 1,) * 2
        )
        mask = (cv2.dilate if rng.random() < 0.6 else cv2.erode)(mask, kernel)
    if rng.random() < 0.25:  # something else is taken for the object, or a part of it is missed
        place, axes = rng.integers(0, PATCH, 2).tolist(), rng.integers(3, 13, 2).tolist()
        cv2.ellipse(mask, place, axes, rng.uniform(0, 180), 0, 360, int(rng.random() < 0.5), -1)
    if rng.random() < 0.3:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.5))
    return (image, mask) if mask.sum() > 30 else before


Batch = tuple[torch.Tensor, torch.Tensor]


def batch(share: float, rng: np.random.Generator, videos: int | None = None) -> Batch:
    """Regions of training videos ``(N, 4, REGION_SIZE, REGION_SIZE)``, and who they are."""
    videos = videos or VIDEOS
    firsts = first_identities(videos)
    regions, identities = [], []
    for _ in range(BATCH):
        number = int(rng.integers(videos))
        there, elsewhere = train_patches(number), train_patches(int(rng.integers(videos)))
        ground = rng.random() < GROUND_SHARE
        there = [each for each in there if (each.label == GROUND) == ground] or there
        one = there[int(rng.integers(len(there)))]
        other = elsewhere[int(rng.integers(len(elsewhere)))]
        image, mask = damaged(one.image, one.mask, other.image, rng)
        regions.append(region(image, mask.astype(np.float32)))
        identities.append(firsts[number] + one.label)
    return torch.cat(regions), torch.tensor(identities)


class Learner(nn.Module):
    """The network, and beside it the table of all identities, which is not shipped."""

    def __init__(self, identities: int) -> None:
        super().__init__()
        self.network = ReIDNetwork()
        self.table: torch.Tensor
        self.register_buffer("table", torch.zeros(identities, DIMENSIONS))


def loss_of(learner: Learner, batch: Batch) -> torch.Tensor:
    """The OIM loss; and the table follows."""
    regions, identities = batch
    embedded = learner.network(regions)
    # A copy: the table changes before the gradient is computed.
    loss = reid_loss(embedded, identities, learner.table.clone(), TEMPERATURE)
    update_table(learner.table, embedded.detach(), identities, MOMENTUM)
    return loss


def validate(learner: Learner, videos: int = 30) -> Mapping[str, float]:
    """The share of regions of later frames whose most similar region of a first frame is another.

    Asked among the objects of all videos, and among the objects and the ground of the same.
    """
    wrong: dict[str, list[bool]] = {"wrong of all": [], "wrong of one video": []}
    names, embedded = [], []
    for number, patches in enumerate(held_out_patches(videos)):
        for each in patches:
            mask = each.mask.astype(np.float32)[None]
            embedded.append(region_embeddings(learner.network, each.image, mask)[0])
            names.append((number, each.label, each.moment))
    every = np.stack(embedded)
    known = [i for i, (_, _, moment) in enumerate(names) if moment == MOMENTS[0]]
    objects = [i for i in known if names[i][1] != GROUND]
    for i, (number, label, moment) in enumerate(names):
        own = [j for j in known if names[j][0] == number]
        if moment == MOMENTS[0] or label not in {names[j][1] for j in own} - {GROUND}:
            continue
        for what, among in (("wrong of all", objects), ("wrong of one video", own)):
            nearest = among[int((every[among] @ every[i]).argmax())]
            wrong[what].append(names[nearest][:2] != (number, label))
    return {what: float(np.mean(each)) for what, each in wrong.items()}


def network() -> Learner:
    """Begins with the encoder of MaskTrack, which has seen many objects with masks."""
    made = Learner(first_identities(VIDEOS)[-1])
    begin_with_encoder(made.network.backbone, "masktrack-parent")
    return made


REID = Recipe(
    name="reid",
    about="Re-identification: from a region, an image and a mask, to an embedding.",
    data=(
        f"{VIDEOS} procedural training videos (train_video 0 to {VIDEOS - 1}), frames "
        f"{', '.join(map(str, MOMENTS))} of each: its objects and pieces of ground, turned, lit "
        "otherwise, partly hidden, their masks damaged; held out: 30 videos of the mixed suite, "
        "split val"
    ),
    network=network,
    batch=batch,
    loss=loss_of,
    validate=validate,
    steps=900,
    learning_rate=2e-3,
    validate_every=100,
    shipped=lambda learner: learner.network,
    needs=("masktrack-parent",),
)
