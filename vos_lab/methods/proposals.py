"""Proposals: masks of things, whatever they are, each with how much it looks like a whole thing.

A proposal network answers before anybody has said which object is meant. So it knows no classes,
only **objectness**: how well a mask holds one whole thing. ReID-VOS and PReMVOS choose among its
proposals; in their papers they come from Mask R-CNN (He et al., ICCV 2017) and SharpMask.

Nobody knows in advance how large a thing is, or who will find it. So the same picture is looked at
in two sizes, and two networks look at it: a proposal that one of them misses, another may make.

The small network here is in the spirit of SOLOv2 (Wang et al., NeurIPS 2020). Every cell of a
coarse grid says of the thing whose middle it is in how much it is a thing, and gives a **kernel**,
a few numbers. The kernel, multiplied with a map of features that all cells share, is the mask.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional

from vos_lab import weights
from vos_lab.methods.networks import (
    SegmentationNetwork,
    SmallBackbone,
    as_input,
    convolution,
    mixed_precision,
    torchvision_weights,
)
from vos_lab.methods.resolution import PIXELS, resized, working_size

CELL_STRIDE = 8
"""Pixels: one proposal is made for each square of this side."""
MASK_STRIDE = 4
"""Pixels: masks are made of squares of this side, and enlarged."""
FEATURES = 24
WIDTH = 64

MAX_PROPOSALS = 20
MAX_CANDIDATES = 200
"""So many of the best cells are looked at."""
NMS_IOU = 0.6
"""Two masks with a higher IoU than this are one proposal: the better one stays."""


SIZES = (1.0, 0.3)
"""An image is looked at with all its pixels, and with this share of them: in a small image even a
large thing is seen whole."""

LEVELS = (0.2, 0.35, 0.5, 0.65, 0.8, 0.9)
"""A map of objectness is cut at these heights. What is one thing at a low one may be two higher up.
"""
MAX_PARTS = 6
"""So many parts of each cut are proposals, the largest."""
MIN_PIXELS = 60
"""What is smaller, in an image of :data:`~vos_lab.methods.resolution.PIXELS`, is no thing."""


class Proposal(NamedTuple):
    """A mask that may be a thing.

    Attributes:
        mask: how much of each pixel it holds, ``(H, W)`` float32, 0 to 1.
        objectness: how well it holds one whole thing, 0 to 1.
    """

    mask: np.ndarray
    objectness: float


class Proposer(Protocol):
    """What makes proposals."""

    def propose(self, image: np.ndarray) -> list[Proposal]:
        """Propose.

        Args:
            image: ``(H, W, 3)`` uint8.

        Returns:
            Proposals of the size of the image, the highest objectness first.
        """
        ...


class ProposalNetwork(nn.Module):
    """The small network: for each cell an objectness and a kernel, and features for all cells.

    Input ``(N, 3, H, W)`` float32, 0 to 1. Output: log-odds of objectness ``(N, h8, w8)``, kernels
    ``(N, FEATURES + 4, h8, w8)``, features ``(N, FEATURES, h4, w4)``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = SmallBackbone()
        _, _, *channels = self.backbone.channels
        self.across = nn.ModuleList(nn.Conv2d(c, WIDTH, 1) for c in channels)
        # A cell in the middle of a large thing must see its ends: look far, and farther.
        self.far = nn.Sequential(*(convolution(WIDTH, WIDTH, dilation=d) for d in (2, 4)))
        self.cells = nn.Sequential(convolution(WIDTH, WIDTH), convolution(WIDTH, WIDTH))
        self.objectness = nn.Conv2d(WIDTH, 1, 1)
        self.kernels = nn.Conv2d(WIDTH, FEATURES + 4, 1)
        self.mix = convolution(WIDTH, WIDTH)
        self.features = nn.Conv2d(WIDTH, FEATURES, 1)
        assert self.objectness.bias is not None  # convolutions have one unless told otherwise
        nn.init.constant_(self.objectness.bias, -4.0)  # most cells are the middle of nothing

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Objectness, kernels and features."""
        seen = self.backbone((x - 0.5).contiguous(memory_format=torch.channels_last))[2:]
        at4, at8, at16 = (a(each) for a, each in zip(self.across, seen, strict=True))
        at16 = self.far(at16)
        at8 = at8 + functional.interpolate(at16, at8.shape[-2:], mode="bilinear")
        at4 = at4 + functional.interpolate(at8, at4.shape[-2:], mode="bilinear")
        cells = self.cells(at8)
        return (
            self.objectness(cells)[:, 0].float(),
            self.kernels(cells).float(),
            self.features(self.mix(at4)).float(),
        )


def masks_of(
    kernels: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor, features: torch.Tensor
) -> torch.Tensor:
    """The masks that kernels stand for.

    A kernel has a weight for each feature, and four more: how much to go up or down and left or
    right from its cell, how much to lose with the distance, and a constant. So a kernel can say
    "what is of this kind, and near".

    Args:
        kernels: ``(K, FEATURES + 4)`` float32.
        rows: of their cells, ``(K,)`` int64.
        columns: of their cells.
        features: of the image, ``(FEATURES, h, w)`` float32.

    Returns:
        Log-odds, ``(K, h, w)`` float32.
    """
    height, width = features.shape[-2:]
    ratio = CELL_STRIDE / MASK_STRIDE
    side = 16.0  # features: distances of about 1
    y = (torch.arange(height, device=features.device) + 0.5)[None, :, None]
    x = (torch.arange(width, device=features.device) + 0.5)[None, None, :]
    down = (y - ((rows + 0.5) * ratio)[:, None, None]) / side
    right = (x - ((columns + 0.5) * ratio)[:, None, None]) / side
    seen = torch.einsum("kc,chw->khw", kernels[:, :FEATURES], features)
    a, b, c, d = kernels[:, FEATURES:, None, None].unbind(1)
    return seen + a * down + b * right - functional.softplus(c) * (down**2 + right**2) + d


def mask_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """IoU of all masks of one list with all of another.

    Args:
        a: ``(A, H, W)`` bool.
        b: ``(B, H, W)`` bool.

    Returns:
        ``(A, B)`` float64; 0 for two empty masks, which are no thing.

    Example:
        >>> mask_iou(np.array([[[True, True, False]]]), np.array([[[False, True, False]]]))
        array([[0.5]])
    """
    pixels = a.shape[1] * a.shape[2]  # -1 cannot be told from no masks at all
    flat_a, flat_b = (m.reshape(len(m), pixels).astype(np.float32) for m in (a, b))
    both = (flat_a @ flat_b.T).astype(np.float64)  # whole numbers below 2**24: exact
    areas = flat_a.sum(axis=1, dtype=np.float64)[:, None], flat_b.sum(axis=1, dtype=np.float64)
    either = areas[0] + areas[1] - both
    return np.divide(both, either, out=np.zeros_like(both), where=either > 0)


def mask_nms(
    masks: np.ndarray, scores: np.ndarray, iou_threshold: float, max_proposals: int
) -> list[int]:
    """Keep the best of each group of masks that are nearly the same (non-maximum suppression).

    Args:
        masks: ``(K, H, W)`` bool.
        scores: ``(K,)``.
        iou_threshold: above this IoU with a better one that stays, a mask goes.
        max_proposals: so many stay, at most.

    Returns:
        The numbers of those that stay, the best first. Empty masks go.
    """
    iou = mask_iou(masks, masks)
    kept: list[int] = []
    for number in np.argsort(-scores, kind="stable"):
        if masks[number].any() and not any(iou[number, other] > iou_threshold for other in kept):
            kept.append(int(number))
        if len(kept) == max_proposals:
            break
    return kept


class SmallProposer:
    """Proposals of the small network.

    Args:
        network: the shipped weights to load, or a network that is there already.
        max_proposals: so many proposals, at most.
        pixels: how many of an image the network looks at.
        device: where to compute, "cpu" or "cuda".

    Raises:
        FileNotFoundError: the weights are missing.
    """

    def __init__(
        self,
        network: str | ProposalNetwork = "proposals",
        max_proposals: int = MAX_PROPOSALS,
        pixels: int = PIXELS,
        device: str = "cpu",
    ) -> None:
        if isinstance(network, str):
            network = weights.network(ProposalNetwork, network)
        self.network = network.to(device).eval()
        self.max_proposals, self.pixels, self.device = max_proposals, pixels, device

    def propose(self, image: np.ndarray) -> list[Proposal]:
        """Propose; as :meth:`Proposer.propose`."""
        small = resized(image, working_size(image.shape, self.pixels))
        with torch.inference_mode(), mixed_precision(self.device):
            objectness, kernels, features = self.network(as_input(small).to(self.device))
            scores = objectness[0].sigmoid()
            # Neighbouring cells see the same thing: only the best of nine may speak.
            best = functional.max_pool2d(scores[None], 3, stride=1, padding=1)[0]
            alone = torch.where(scores == best, scores, 0).flatten()
            found = alone.topk(min(MAX_CANDIDATES, len(alone))).indices
            rows, columns = found // scores.shape[1], found % scores.shape[1]
            chosen = kernels[0, :, rows, columns].T
            soft = masks_of(chosen, rows, columns, features[0]).sigmoid().cpu().numpy()
        values = alone[found].cpu().numpy()
        kept = mask_nms(soft > 0.5, values, NMS_IOU, self.max_proposals)
        return [
            Proposal(_enlarged(soft[i], small.shape[:2], image.shape[:2]), float(values[i]))
            for i in kept
        ]


class MapProposer:
    """Proposals from the parent of OSVOS, which says of each pixel whether it is of any object.

    Where two things touch or one is surer than another, no single threshold tells them apart. So
    the map is cut at several heights, and each connected part of each cut is a proposal. Its
    objectness is how sure the network is of its pixels.

    Args:
        network: the shipped weights to load, or a network that is there already.
        max_proposals: so many proposals, at most.
        pixels: how many of an image the network looks at.
        device: where to compute, "cpu" or "cuda".

    Raises:
        FileNotFoundError: the weights are missing.
    """

    def __init__(
        self,
        network: str | SegmentationNetwork = "osvos-parent-long",
        max_proposals: int = MAX_PROPOSALS,
        pixels: int = PIXELS,
        device: str = "cpu",
    ) -> None:
        if isinstance(network, str):
            network = weights.network(SegmentationNetwork, network)
        self.network = network.to(device).eval()
        self.max_proposals, self.pixels, self.device = max_proposals, pixels, device

    def propose(self, image: np.ndarray) -> list[Proposal]:
        """Propose; as :meth:`Proposer.propose`."""
        small = resized(image, working_size(image.shape, self.pixels))
        pair = as_input(small).to(self.device)
        with torch.inference_mode(), mixed_precision(self.device):
            fused, _ = self.network(torch.cat([pair, pair.flip(-1)]))  # and its mirror image
        there, mirrored = fused[:, 0].float().sigmoid()
        soft = resized(((there + mirrored.flip(-1)) / 2).cpu().numpy(), image.shape[:2])
        least = MIN_PIXELS * image.shape[0] * image.shape[1] / PIXELS
        return _best(connected_parts(soft, least), self.max_proposals)


def connected_parts(soft: np.ndarray, least: float) -> list[Proposal]:
    """The connected parts of a map, cut at each of :data:`LEVELS`, the largest few of each.

    Args:
        soft: ``(H, W)`` float32, 0 to 1.
        least: smaller parts are no proposals; pixels.
    """
    found = []
    for level in LEVELS:
        parts, _ = ndimage.label(soft > level)
        pixels = np.bincount(parts.ravel())
        pixels[0] = 0  # what is below
        for number in np.argsort(-pixels, kind="stable")[:MAX_PARTS]:
            if pixels[number] >= max(least, 1):
                mask = parts == number
                found.append(Proposal(mask.astype(np.float32), float(soft[mask].mean())))
    return found


class JointProposer:
    """Several that propose, together: the best of all their proposals, copies taken out.

    Args:
        proposers: who proposes.
        max_proposals: so many proposals, at most.
    """

    def __init__(self, proposers: Sequence[Proposer], max_proposals: int = MAX_PROPOSALS) -> None:
        self.proposers, self.max_proposals = tuple(proposers), max_proposals

    def propose(self, image: np.ndarray) -> list[Proposal]:
        """Propose; as :meth:`Proposer.propose`."""
        found = [proposal for each in self.proposers for proposal in each.propose(image)]
        return _best(found, self.max_proposals)


def joint(max_proposals: int = MAX_PROPOSALS, device: str = "cpu") -> JointProposer:
    """The small network and the map of the parent, each looking at an image in both sizes."""
    kinds = (SmallProposer, MapProposer)
    networks = [kind(max_proposals=3 * max_proposals, device=device) for kind in kinds]
    proposers: list[Proposer] = []
    for share in SIZES:
        for kind, made in zip(kinds, networks, strict=True):  # each network is loaded once
            proposers.append(
                kind(made.network, made.max_proposals, round(PIXELS * share), device)  # type: ignore[arg-type]  # its own
            )
    return JointProposer(proposers, max_proposals)


def _best(found: Sequence[Proposal], most: int) -> list[Proposal]:
    """The best proposals, the highest objectness first, without copies."""
    if not found:
        return []
    masks = np.stack([proposal.mask > 0.5 for proposal in found])
    scores = np.array([proposal.objectness for proposal in found])
    return [found[number] for number in mask_nms(masks, scores, NMS_IOU, most)]


class MaskRCNNProposer:
    """Proposals of torchvision's Mask R-CNN (He et al., ICCV 2017), whatever class they are of.

    Args:
        pretrained: with weights that were trained on COCO, from this machine or the network; else
            random ones, with which nothing is found that is worth looking at.
        max_proposals: so many proposals, at most.
        min_score: the lowest objectness.
        device: where to compute, "cpu" or "cuda".

    Raises:
        FileNotFoundError: the weights are not there and cannot be had; says what to do.
    """

    def __init__(
        self,
        pretrained: bool = True,
        max_proposals: int = MAX_PROPOSALS,
        min_score: float = 0.05,
        device: str = "cpu",
    ) -> None:
        # torchvision takes seconds to load, and the small network does not need it.
        from torchvision.models import get_model

        name = "maskrcnn_resnet50_fpn"
        # Looked for first: to make a large network takes seconds.
        learned = torchvision_weights(name, "proposer('small')") if pretrained else None
        network = get_model(name, weights=None, weights_backbone=None, box_score_thresh=min_score)
        if learned is not None:
            network.load_state_dict(learned)
        self.network = network.to(device).eval()
        self.max_proposals, self.device = max_proposals, device

    def propose(self, image: np.ndarray) -> list[Proposal]:
        """Propose; as :meth:`Proposer.propose`."""
        with torch.inference_mode():
            (found,) = self.network([as_input(image)[0].to(self.device)])
        soft, scores = found["masks"][:, 0].cpu().numpy(), found["scores"].cpu().numpy()
        # It suppresses copies within a class. Here classes do not count.
        kept = mask_nms(soft > 0.5, scores, NMS_IOU, self.max_proposals)
        return [Proposal(soft[i], float(scores[i])) for i in kept]


def proposer(name: str | Proposer = "small", **options: Any) -> Proposer:
    """What makes proposals, by its name.

    Args:
        name: "small"; "joint", which is the small network and the map of the parent of OSVOS;
            "mask-rcnn"; or something that proposes.
        options: of :class:`SmallProposer`, :func:`joint` or :class:`MaskRCNNProposer`.

    Raises:
        ValueError: there is no such proposer.
        FileNotFoundError: its weights are missing.
    """
    if not isinstance(name, str):
        return name
    known: dict[str, Callable[..., Proposer]] = {
        "small": SmallProposer,
        "joint": joint,
        "mask-rcnn": MaskRCNNProposer,
    }
    if name not in known:
        raise ValueError(f"there is no proposer {name!r}; there are: {', '.join(known)}")
    return known[name](**options)


def proposal_recall(
    proposals: Sequence[np.ndarray], things: Sequence[np.ndarray], number: int, iou: float
) -> float:
    """The share of things that one of the first proposals meets.

    Args:
        proposals: for each image ``(P, H, W)`` bool, the best first.
        things: for each image ``(N, H, W)`` bool.
        number: so many proposals of each image count.
        iou: a thing is met by a mask with at least this IoU.

    Returns:
        0 to 1; NaN where there is no thing at all.

    Example:
        >>> thing, other = np.array([[True, True, False]]), np.array([[False, False, True]])
        >>> proposal_recall([np.stack([other, thing])], [thing[None]], number=1, iou=0.5)
        0.0
        >>> proposal_recall([np.stack([other, thing])], [thing[None]], number=2, iou=0.5)
        1.0
    """
    met = [
        mask_iou(truths, found[:number]).max(axis=1, initial=0) >= iou
        for found, truths in zip(proposals, things, strict=True)
        if len(truths)
    ]
    return float(np.concatenate(met).mean()) if met else float("nan")


def _enlarged(soft: np.ndarray, seen: tuple[int, ...], size: tuple[int, ...]) -> np.ndarray:
    """A map of cells, which may stick out of the image by a part of a cell, at its full size."""
    cells = resized(soft, (soft.shape[0] * MASK_STRIDE, soft.shape[1] * MASK_STRIDE))
    return resized(np.ascontiguousarray(cells[: seen[0], : seen[1]]), (size[0], size[1]))
