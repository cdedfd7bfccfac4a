"""How the embedding of pixel retrieval learns: from triples of frames of procedural videos."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial

import cv2
import numpy as np
import torch

from vos_lab.datasets.procedural import ProceduralVideo, suite, train_video
from vos_lab.methods.augmentation import apply_affine, colour_jitter, random_affine
from vos_lab.methods.networks import as_input, begin_with_encoder
from vos_lab.methods.pixel_retrieval import (
    MAX_DISTANCES,
    STRIDE,
    EmbeddingNetwork,
    nearest_neighbour_labels,
    pixel_triplet_loss,
    plain_triplet_loss,
)
from vos_lab.training.loop import Recipe
from vos_lab.video import VOID

SIZE = (240, 432)
CROP = (128, 224)
VIDEOS = 300
MOMENTS = (0, 8, 9, 12, 24)
"""Frames far apart and close together, as the references of a method are."""
GROUPS = 2
"""Videos in a batch; three frames of each."""
ANCHORS = 256
"""Of each kind, in the anchor frame (as in the paper)."""
MARGIN = 1.0

Picture = tuple[np.ndarray, np.ndarray]
Triple = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
"""Images of three frames, their numbers, where their pixels are, and 0, 1 or void for each."""
Batch = tuple[list[Triple], int]


@lru_cache(maxsize=VIDEOS)  # 620 MB: drawing takes longer than learning
def train_frames(number: int) -> list[Picture]:
    """The frames of a training video at all moments, with their label maps."""
    return frames_of(train_video(number, frames=MOMENTS[-1] + 1, size=SIZE))


def frames_of(video: ProceduralVideo) -> list[Picture]:
    """The frames of a video at all moments, with their label maps. A twin is background."""
    assert video.masks is not None  # the renderer always knows
    return [(video.frames[t], np.array(video.masks[t])) for t in MOMENTS]


@lru_cache(maxsize=1)
def held_out_frames(videos: int) -> list[list[Picture]]:
    """Frames of validation seeds."""
    clips = suite("mixed", "val", length=videos, frames=MOMENTS[-1] + 1, size=SIZE)
    return [frames_of(video) for video in clips]


def triple(
    frames: list[Picture], rng: np.random.Generator, crop: tuple[int, int] | None = None
) -> Triple:
    """Three frames of a video through one window, in a light that changes a little.

    The first is the frame of the anchors, the other two are the pool.
    """
    crop = crop or CROP
    chosen = rng.choice(len(MOMENTS), 3, replace=False)
    matrix = random_affine(rng, SIZE, crop, zoom=(0.6, 1.1), turn=15)
    order = rng.permutation(3) if rng.random() < 0.3 else np.arange(3)
    blur = rng.uniform(0.4, 1.5) if rng.random() < 0.3 else 0.0
    noise = rng.uniform(0, 12) if rng.random() < 0.5 else 0.0
    light = int(rng.integers(2**31))
    images, maps = [], []
    for i in chosen:
        image, labels = apply_affine(frames[i][0], frames[i][1], matrix, crop)
        image = colour_jitter(image, np.random.default_rng(light), 1.5)[..., order]
        image = colour_jitter(np.ascontiguousarray(image), rng, 0.4)
        if blur:
            image = cv2.GaussianBlur(image, (0, 0), blur)
        image = image + noise * rng.standard_normal(image.shape, np.float32)
        images.append(as_input(np.clip(image, 0, 255).astype(np.uint8)))
        maps.append(labels)
    there = [int(label) for label in np.unique(np.stack(maps)) if 0 < label < VOID]
    one = int(rng.choice(there)) if there else 1
    kinds = [kinds_of(np.where(labels == VOID, VOID, labels == one)) for labels in maps]
    places = torch.from_numpy(places_through(matrix, crop))[None].expand(3, -1, -1, -1)
    times = torch.tensor([float(MOMENTS[i]) for i in chosen])
    return torch.cat(images), times, places, torch.from_numpy(np.stack(kinds))


def places_through(matrix: np.ndarray, crop: tuple[int, int]) -> np.ndarray:
    """Where in the frame the cells of a window are: ``(2, h, w)`` float32, row, column, -1 to 1."""
    rows, columns = (STRIDE * (np.arange(-(-side // STRIDE)) + 0.5) - 0.5 for side in crop)
    y, x = np.meshgrid(rows, columns, indexing="ij")
    there = np.einsum("ij,jhw->ihw", matrix, np.stack([x, y, np.ones_like(x)]))[::-1]
    size = np.array(SIZE)[:, None, None]
    return (2 * (there + 0.5) / size - 1).astype(np.float32)


def kinds_of(truth: np.ndarray) -> np.ndarray:
    """0, 1 or void for each cell: void where a cell is of both kinds, or nobody knows."""
    height, width = (-(-side // STRIDE) for side in truth.shape)
    shares = [
        cv2.resize(
            (truth == kind).astype(np.float32), (width, height), interpolation=cv2.INTER_AREA
        )
        for kind in (0, 1)
    ]
    return np.where(shares[0] > 0.75, 0, np.where(shares[1] > 0.75, 1, VOID)).astype(np.uint8)


def batch(share: float, rng: np.random.Generator, videos: int | None = None) -> Batch:
    """Triples of some training videos, and a seed for the choice of the anchors."""
    triples = [
        triple(train_frames(int(rng.integers(videos or VIDEOS))), rng) for _ in range(GROUPS)
    ]
    return triples, int(rng.integers(2**31))


def loss_of(network: EmbeddingNetwork, batch: Batch, plain: bool = False) -> torch.Tensor:
    """The mean loss of both kinds of anchors, over the videos of a batch.

    Args:
        network: what learns.
        batch: triples, and a seed.
        plain: one pixel of each kind for each anchor, instead of pools.
    """
    triples, seed = batch
    generator = torch.Generator().manual_seed(seed)
    images, times, places, _ = (torch.cat(parts) for parts in zip(*triples, strict=True))
    embedded = network(images, times, places).permute(0, 2, 3, 1)
    losses = []
    for number, (*_, kinds) in enumerate(triples):
        frames = embedded[3 * number : 3 * number + 3]
        for kind in (0, 1):
            anchors = frames[0][kinds[0] == kind]
            same, other = frames[1:][kinds[1:] == kind], frames[1:][kinds[1:] == 1 - kind]
            if not (len(anchors) and len(same) and len(other)):
                continue
            anchors = anchors[torch.randperm(len(anchors), generator=generator)[:ANCHORS]]
            if plain:
                losses.append(plain_triplet_loss(anchors, same, other, MARGIN, generator))
            else:
                losses.append(pixel_triplet_loss(anchors, same, other, MARGIN))
    if not losses:  # the object is in none of the windows
        return 0 * embedded.sum()
    return torch.stack(losses).mean()


def validate(network: EmbeddingNetwork, videos: int = 20) -> Mapping[str, float]:
    """The share of pixels whose nearest neighbour, in two other frames, is of the other kind."""
    wrong = []
    for number, frames in enumerate(held_out_frames(videos)):
        images, times, places, kinds = triple(frames, np.random.default_rng(number), SIZE)
        embedded = network(images, times, places).permute(0, 2, 3, 1)
        known = kinds != VOID
        pool, kind = embedded[1:][known[1:]], kinds[1:][known[1:]][:, None].float()
        for one in (0, 1):
            anchors = embedded[0][kinds[0] == one]
            if len(anchors) and (kind == 0).any() and (kind == 1).any():
                found = nearest_neighbour_labels(anchors, pool, kind, 1, MAX_DISTANCES)
                wrong.append(float((found != one).float().mean()))
    return {"wrong neighbours": float(np.mean(wrong))}


def network() -> EmbeddingNetwork:
    """Begins with the encoder of the parent of OSVOS, which has seen many objects."""
    made = EmbeddingNetwork()
    begin_with_encoder(made.backbone, "osvos-parent")
    return made


DATA = (
    f"{VIDEOS} procedural training videos (train_video 0 to {VIDEOS - 1}), frames "
    f"{', '.join(map(str, MOMENTS))} of each, in random views of {CROP[0]} x {CROP[1]} pixels; "
    "held out: 20 videos of the mixed suite, split val"
)

PIXEL_EMBEDDING = Recipe(
    name="pixel-embedding",
    about="Pixel retrieval: from a frame to an embedding for each pixel.",
    data=DATA,
    network=network,
    batch=batch,
    loss=loss_of,
    validate=validate,
    steps=1000,
    learning_rate=1e-3,
    validate_every=100,
    needs=("osvos-parent",),
)

PIXEL_EMBEDDING_PLAIN = replace(
    PIXEL_EMBEDDING,
    name="pixel-embedding-plain",
    about="The same with the plain triplet loss: one pixel of each kind for an anchor.",
    loss=partial(loss_of, plain=True),
)
