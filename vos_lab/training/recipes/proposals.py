"""How the proposal network learns: from pictures of procedural videos, in which all things count.

Look-alikes that the course calls background are things too; what stands in front is neither.
"""

from collections.abc import Mapping
from functools import lru_cache

import cv2
import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional

from vos_lab.datasets.procedural import ProceduralVideo, suite, train_video
from vos_lab.methods.networks import as_input, begin_with_encoder
from vos_lab.methods.proposals import (
    CELL_STRIDE,
    ProposalNetwork,
    SmallProposer,
    masks_of,
    proposal_recall,
)
from vos_lab.training.loop import Recipe
from vos_lab.training.recipes.pictures import (
    BATCH,
    DATA,
    MOMENTS,
    SIZE,
    VIDEOS,
    Picture,
    random_view,
)
from vos_lab.video import VOID

MIN_PIXELS = 40
"""Pixels: what is smaller is no thing to learn from."""
MIDDLE = 0.25
"""Cells so near the middle of a thing answer for it: a share of its size, the root of its area."""

Batch = tuple[torch.Tensor, list[np.ndarray]]
"""Images ``(N, 3, H, W)``, and the label map of the things in each."""


def things(video: ProceduralVideo, t: int) -> Picture:
    """A frame and its things, look-alikes included; what stands in front is void."""
    labels = np.array(video.instances[t])
    labels[np.asarray(video.foreground[t])] = VOID
    return video.frames[t], labels


@lru_cache(maxsize=VIDEOS * len(MOMENTS))  # 600 MB: drawing takes longer than learning
def train_things(number: int, t: int) -> Picture:
    """One of the training pictures."""
    return things(train_video(number, frames=MOMENTS[-1] + 1, size=SIZE), t)


@lru_cache(maxsize=1)
def held_out_things() -> list[Picture]:
    """Pictures of validation seeds."""
    videos = suite("mixed", "val", length=20, frames=20, size=SIZE)
    return [things(video, 10) for video in videos]


def batch(share: float, rng: np.random.Generator) -> Batch:
    """Views of training pictures."""
    views = [random_view(rng, train_things) for _ in range(BATCH)]
    return torch.cat([as_input(image) for image, _ in views]), [labels for _, labels in views]


def answering(labels: np.ndarray, grid: tuple[int, int]) -> tuple[np.ndarray, list[int]]:
    """Which thing each cell answers for.

    Args:
        labels: label map, ``(H, W)`` uint8.
        grid: rows and columns of the cells.

    Returns:
        ``(h, w)`` int64: the number of its thing from 1 on, 0 for none, VOID where nobody knows;
        and the labels of the things, the first for number 1.
    """
    known = [n for n in np.unique(labels) if 0 < n < VOID and (labels == n).sum() >= MIN_PIXELS]
    cells = np.zeros(grid, np.int64)
    rows, columns = np.mgrid[: grid[0], : grid[1]]
    y = np.minimum((rows + 0.5) * CELL_STRIDE, labels.shape[0] - 1)
    x = np.minimum((columns + 0.5) * CELL_STRIDE, labels.shape[1] - 1)
    cells[labels[y.astype(int), x.astype(int)] == VOID] = VOID
    for number, label in enumerate(known, start=1):
        mask = labels == label
        middle = np.array(ndimage.center_of_mass(mask))
        if not mask[int(middle[0]), int(middle[1])]:  # a ring: take the pixel deepest inside
            depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
            middle = np.array(np.unravel_index(depth.argmax(), mask.shape))
        near = np.maximum(MIDDLE * np.sqrt(mask.sum()), 0.75 * CELL_STRIDE)
        distance = np.hypot(y - middle[0], x - middle[1])
        cells[distance <= near] = number
    return cells, [int(n) for n in known]


def loss_of(network: ProposalNetwork, batch: Batch) -> torch.Tensor:
    """Dice loss of the masks of the cells in the middle of a thing, and the loss of objectness.

    Objectness shall be the IoU of the mask with the thing: so it knows how good the mask is.
    """
    images, maps = batch
    objectness, kernels, features = network(images)
    target = torch.zeros_like(objectness)
    counts = torch.ones_like(objectness)
    losses: list[torch.Tensor] = []
    for i, labels in enumerate(maps):
        cells, known = answering(labels, tuple(objectness.shape[-2:]))
        numbers = torch.from_numpy(cells).to(features.device)
        counts[i][numbers == VOID] = 0
        rows, columns = torch.nonzero((numbers > 0) & (numbers != VOID), as_tuple=True)
        if not len(rows):
            continue
        size = features.shape[-2:]
        share = np.stack([_shares(labels == n, size) for n in known])
        truth = torch.from_numpy(share).to(features.device)[numbers[rows, columns] - 1]
        seen = torch.from_numpy(1 - _shares(labels == VOID, size)).to(features.device)
        mask = masks_of(kernels[i, :, rows, columns].T, rows, columns, features[i]).sigmoid() * seen
        both = (mask * truth).sum(dim=(1, 2))
        losses.append(1 - 2 * both / (mask.square() + truth.square()).sum(dim=(1, 2)).clamp(min=1))
        with torch.no_grad():
            sharp = (mask > 0.5).float()
            met = (sharp * truth).sum(dim=(1, 2))
            iou = met / (sharp + truth - sharp * truth).sum(dim=(1, 2)).clamp(min=1)
        target[i, rows, columns] = iou
    entropy = functional.binary_cross_entropy_with_logits(objectness, target, reduction="none")
    # Many cells are easily told: those on which the network errs most count most (focal loss).
    hard = (objectness.sigmoid() - target).abs().detach().square()
    answers = sum(len(each) for each in losses)
    scored = (entropy * hard * counts).sum() / max(1, answers)
    return (torch.cat(losses).mean() if losses else 0) + scored


def _shares(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """How much of each cell a mask covers."""
    return cv2.resize(mask.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)


def validate(network: ProposalNetwork) -> Mapping[str, float]:
    """The share of held-out things that no proposal meets, of 10, at an IoU of 0.5 and of 0.7."""
    proposer = SmallProposer(network, max_proposals=10)
    found, truths = [], []
    for image, labels in held_out_things():
        masks = [labels == n for n in np.unique(labels) if 0 < n < VOID]
        masks = [mask for mask in masks if mask.sum() >= MIN_PIXELS]
        if masks:
            truths.append(np.stack(masks))
            found.append(np.stack([p.mask > 0.5 for p in proposer.propose(image)] or [labels < 0]))
    return {f"missed at {iou}": 1 - proposal_recall(found, truths, 10, iou) for iou in (0.5, 0.7)}


def network() -> ProposalNetwork:
    """Begins with the encoder of the parent of OSVOS, which has seen many objects."""
    made = ProposalNetwork()
    begin_with_encoder(made.backbone, "osvos-parent")
    return made


PROPOSALS = Recipe(
    name="proposals",
    about="From a frame to masks of things, each with its objectness.",
    data=DATA,
    network=network,
    batch=batch,
    loss=loss_of,
    validate=validate,
    steps=1500,
    learning_rate=1e-3,
    validate_every=250,
    needs=("osvos-parent",),
)
