"""ReID-VOS: know an object again after it was lost, and go both ways from there.

Li, Qi, Wang, Chen, Liu, Shi, Luo, Tang and Loy, "Video Object Segmentation with
Re-identification", CVPR Workshops 2017. A mask that is carried from frame to frame is lost once,
for example behind a tree, and then for good. So a second idea helps the first. Whenever an object
is missing, look at all **proposals** of the frame. **Re-identification** says which of them is the
object: a network gives each region an embedding, and those of one object are alike. From a frame
in which the object was found again, its mask is carried on, and also back, into the frames in
which it was missing.

The network learns as in Xiao, Li, Wang, Lin and Wang, "Joint Detection and Identification Feature
Learning for Person Search", CVPR 2017, which VS-ReID builds on: with the OIM loss.
"""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from tqdm.auto import tqdm

from vos_lab import weights
from vos_lab.exercise import exercise
from vos_lab.flow import estimate
from vos_lab.methods.flow_propagation import propagate_mask
from vos_lab.methods.lucid import Lucid
from vos_lab.methods.networks import SmallBackbone, as_input, mixed_precision
from vos_lab.methods.proposals import Proposer
from vos_lab.methods.proposals import proposer as make_proposer
from vos_lab.methods.resolution import label_map, resized

REGION_SIZE = 64
"""Pixels: a region is looked at in a square of this side."""

MARGIN = 0.15
"""How much room is left around a region, on each side, as a share of its larger side."""

DIMENSIONS = 64

# --- an embedding for a region ----------------------------------------------------------------


class ReIDNetwork(nn.Module):
    """An embedding for a region: an encoder, the mean over the mask, and a head.

    Input ``(N, 4, S, S)`` float32, 0 to 1: a square of the image around each region, and its mask
    beside it. Output ``(N, DIMENSIONS)`` float32, each of length 1: the cosine of two regions is
    the product of their embeddings.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = SmallBackbone(inputs=4)
        _, _, *channels = self.backbone.channels
        # What all regions have in common says nothing about who they are: it is taken off first.
        self.head = nn.Sequential(
            nn.BatchNorm1d(sum(channels) + 6),
            nn.Linear(sum(channels) + 6, 128),
            nn.ReLU(inplace=True),
            nn.Linear(128, DIMENSIONS),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Embed."""
        colours, mask = x[:, :3], x[:, 3:]
        seen = self.backbone((x - 0.5).contiguous(memory_format=torch.channels_last))[2:]
        pooled = [masked_mean(each.float(), mask) for each in seen]
        # The colours themselves, too: how bright they are is hardly left in normalised features.
        mean = masked_mean(colours, mask)
        spread = masked_mean((colours - mean[..., None, None]).square(), mask).clamp(min=1e-6)
        joined = torch.cat([*pooled, mean - 0.5, spread.sqrt()], dim=1)
        return functional.normalize(self.head(joined).float(), dim=1)


def masked_mean(features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The mean of features over a mask.

    Args:
        features: ``(N, C, h, w)`` float32.
        mask: ``(N, 1, S, S)`` float32, 0 to 1, of any larger size.

    Returns:
        ``(N, C)`` float32.
    """
    share = functional.interpolate(mask, features.shape[-2:], mode="area")
    total = share.sum(dim=(2, 3)).clamp(min=1e-6)
    return (features * share).sum(dim=(2, 3)) / total


def region(image: np.ndarray, mask: np.ndarray) -> torch.Tensor:
    """What the network sees of a region.

    Args:
        image: ``(H, W, 3)`` uint8.
        mask: ``(H, W)`` float32, 0 to 1, above one half somewhere.

    Returns:
        ``(1, 4, REGION_SIZE, REGION_SIZE)`` float32: the square around the region, and its mask.
        Outside the image its border is repeated.
    """
    rows, columns = np.nonzero(mask > 0.5)
    larger = max(np.ptp(rows), np.ptp(columns)) + 1
    side = max(4, round(larger * (1 + 2 * MARGIN)))
    inside, indices = [], []
    for along, length in zip((rows, columns), mask.shape, strict=True):
        start = round((int(along.min()) + int(along.max()) + 1 - side) / 2)
        wanted = np.arange(start, start + side)
        inside.append((wanted >= 0) & (wanted < length))
        indices.append(wanted.clip(0, length - 1))
    window = np.ix_(*indices)
    square = resized(np.ascontiguousarray(image[window]), (REGION_SIZE, REGION_SIZE))
    share = resized(
        (mask[window] * inside[0][:, None] * inside[1]).astype(np.float32),
        (REGION_SIZE, REGION_SIZE),
    )
    return torch.cat([as_input(square), torch.from_numpy(share)[None, None]], dim=1)


def region_embeddings(
    network: ReIDNetwork, image: np.ndarray, masks: np.ndarray, device: str = "cpu"
) -> np.ndarray:
    """The embeddings of regions of an image, all in one batch.

    Args:
        network: on ``device``.
        image: ``(H, W, 3)`` uint8.
        masks: ``(K, H, W)`` float32, 0 to 1.
        device: "cpu" or "cuda".

    Returns:
        ``(K, DIMENSIONS)`` float32, each of length 1; zeros for a mask that is nowhere above one
        half.

    Example:
        >>> image, masks = np.zeros((32, 48, 3), np.uint8), np.zeros((2, 32, 48), np.float32)
        >>> masks[0, 8:20, 10:30] = 1
        >>> found = region_embeddings(load_reid("random"), image, masks)
        >>> found.shape, np.linalg.norm(found, axis=1).round(3).tolist()
        ((2, 64), [1.0, 0.0])
    """
    found = np.zeros((len(masks), DIMENSIONS), np.float32)
    there = [k for k, mask in enumerate(masks) if (mask > 0.5).any()]
    if there:
        batch = torch.cat([region(image, masks[k]) for k in there]).to(device)
        with torch.inference_mode(), mixed_precision(device):
            found[there] = network(batch).float().cpu().numpy()
    return found


def load_reid(name: str | ReIDNetwork = "reid", seed: int = 0) -> ReIDNetwork:
    """The network that embeds regions.

    Args:
        name: of the shipped weights; "random" for the network before it has learned anything; or a
            network that is there already.
        seed: of the random one.

    Returns:
        The network, set to ``eval()``.

    Raises:
        FileNotFoundError: the weights are missing.
    """
    if isinstance(name, ReIDNetwork):
        return name.eval()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ReIDNetwork().eval()
    if name != "random":
        weights.load_into(network, name)
    return network


# --- its loss ---------------------------------------------------------------------------------


@exercise(minutes=15, difficulty=2, importance=5)
def reid_loss(
    embeddings: torch.Tensor, identities: torch.Tensor, table: torch.Tensor, temperature: float
) -> torch.Tensor:
    """The OIM loss: which of all known identities is it (Xiao et al., Equations 1 and 3)?

    A table holds an embedding for each identity. The paper has a queue of people without a name
    beside it, which count as wrong answers; here every region has a name, so there is none.

    Args:
        embeddings: of the regions of a batch, ``(N, D)`` float32, each of length 1.
        identities: which identity each region is, ``(N,)`` int64, 0 to M - 1.
        table: of all M identities, ``(M, D)`` float32, each of length 1.
        temperature: above 0; the smaller, the more the most similar identity counts.

    Returns:
        One number: the mean of -log p over the batch, where p is the probability of the right
        identity.

    Example:
        >>> table = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> same = torch.tensor([[1.0, 0.0]])
        >>> float(reid_loss(same, torch.tensor([0]), table, 0.5)) < 0.13
        True
    """
    # Step 1: the cosine of each region with each identity. All are of length 1.
    cosines = embeddings @ table.T
    # Step 2: from cosines to log-probabilities over the identities: the softmax of Equation 1.
    log_probabilities = (cosines / temperature).log_softmax(dim=1)
    # Step 3: take those of the right identities. A loss should be small, so take minus their mean
    # (Equation 3).
    rows = torch.arange(len(identities))
    return -log_probabilities[rows, identities].mean()


def update_table(
    table: torch.Tensor, embeddings: torch.Tensor, identities: torch.Tensor, momentum: float
) -> None:
    """Let the table follow what the network says now (Xiao et al., Section 3.3).

    Args:
        table: ``(M, D)`` float32, each of length 1; is changed.
        embeddings: ``(N, D)`` float32, each of length 1.
        identities: ``(N,)`` int64.
        momentum: how much of the old embedding stays, 0 to 1.

    Example:
        >>> table = torch.tensor([[1.0, 0.0]])
        >>> update_table(table, torch.tensor([[0.0, 1.0]]), torch.tensor([0]), momentum=0.5)
        >>> table
        tensor([[0.7071, 0.7071]])
    """
    with torch.no_grad():
        for one, identity in zip(embeddings, identities.tolist(), strict=True):
            mixed = momentum * table[identity] + (1 - momentum) * one
            table[identity] = functional.normalize(mixed, dim=0)


# --- lost, and found again --------------------------------------------------------------------


@exercise(minutes=15, difficulty=2, importance=5)
def recover_lost_objects(similarity: np.ndarray, lost: np.ndarray, threshold: float) -> np.ndarray:
    """Which proposal is which lost object (Li et al., Section 2)?

    A proposal belongs to the object that it is most like, lost or not. So if it looks most like an
    object in plain sight, no other object can have it. With equal similarity it belongs to the
    first object of the list.

    Args:
        similarity: cosines of P proposals with K objects, ``(P, K)`` float32; K > 0, P may be 0.
        lost: which objects are lost, ``(K,)`` bool.
        threshold: the similarity must be above it.

    Returns:
        ``(K,)`` int64: for each object the number of its proposal, the most similar of those that
        belong to it; -1 where there is none, and for objects that are not lost.

    Example:
        >>> similarity = np.float32([[0.9, 0.7], [0.6, 0.8], [0.2, 0.3]])
        >>> recover_lost_objects(similarity, np.array([False, True]), threshold=0.5)
        array([-1,  1])
    """
    # Step 1: at first no object has a proposal.
    found = np.full(len(lost), -1, np.int64)
    # Step 2: each proposal belongs to the object that it is most like.
    owner = similarity.argmax(axis=1)
    for k in np.flatnonzero(lost):
        # Step 3: the proposals that belong to this lost object, and are similar enough.
        own = np.flatnonzero((owner == k) & (similarity[:, k] > threshold))
        # Step 4: the most similar of them, if there is one.
        if len(own):
            found[k] = own[similarity[own, k].argmax()]
    return found


# --- the method -------------------------------------------------------------------------------

MAX_TEMPLATES = 5
"""So many embeddings of an object are kept: the one of its annotation, and the newest sure ones."""

MIN_AREA = 0.05
"""A mask with less than this share of the annotated pixels is (nearly) empty."""

LOST_BELOW = 0.3
"""A mask that is less like the object than this is not the object."""

DOUBT_BELOW = 0.7
"""Of a mask that is less like it, nobody can be sure: is a proposal more like the object?"""

SIMILARITY_MARGIN = 0.1
"""By so much a proposal must be more like the object than a mask that is in doubt."""

MIN_SIMILARITY = 0.6
"""A proposal must be more like the object than this."""

UPDATE_ABOVE = 0.9
"""A mask that is more like the annotated one than this shows how the object looks now."""

MAX_REFINED = 4
"""So many of the most similar proposals are refined."""

MAX_COVERED = 0.5
"""A proposal of which so much is covered by objects that are there is none for a lost one."""

Packed = dict[int, bytes]
"""The soft masks of a frame, 8 bits a pixel, compressed."""


class ReIDVOS(Lucid):
    """ReID-VOS as a Segmenter: Lucid, and what it loses is looked for among proposals.

    Run by :func:`~vos_lab.methods.segmenter.segment`, it looks at the whole video first. Driven
    frame by frame, it can only go forward.

    Args:
        recover: whether lost objects are looked for; without, it is Lucid.
        both_ways: whether masks are carried back, too, from where an object was found again.
        identity: the shipped weights of the network that embeds regions, "random", or a network.
        proposer: "small", "mask-rcnn", or something that proposes.
        lost_below: below this similarity a mask is not the object.
        min_similarity: above this similarity a proposal may be the object.
        options: those of :class:`~vos_lab.methods.masktrack.MaskTrack`.

    Raises:
        FileNotFoundError: weights are missing.
    """

    name = "reid"

    def __init__(
        self,
        recover: bool = True,
        both_ways: bool = True,
        identity: str | ReIDNetwork = "reid",
        proposer: str | Proposer = "small",
        lost_below: float = LOST_BELOW,
        min_similarity: float = MIN_SIMILARITY,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.recover, self.both_ways = recover, both_ways
        self.lost_below, self.min_similarity = lost_below, min_similarity
        self.identity = load_reid(identity).to(self.device)
        self.proposer = make_proposer(proposer, device=self.device)
        self.previewed: Sequence[np.ndarray] | None = None

    def preview(self, frames: Sequence[np.ndarray]) -> None:
        """Be told of the whole video, before it starts.

        Args:
            frames: all frames, ``(H, W, 3)`` uint8; they are read when they are needed.
        """
        self.previewed = frames if self.recover and self.both_ways else None

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Fine-tune on the first frame, and remember what its objects look like."""
        # What was previewed is this video, and no other one.
        self.ahead, self.previewed = self.previewed, None
        self.time = 0
        self.templates: dict[int, np.ndarray] = {}
        self.areas: dict[int, float] = {}
        self.lost: set[int] = set()
        self.planned: dict[int, Packed] = {}
        super().start(frame, mask)

    def add(self, frame: np.ndarray, mask: np.ndarray) -> None:
        """Take up objects, at the start or later."""
        if self.planned and self.ahead is not None:
            # What was planned knew nothing of them. Go back to where the video is now.
            self.soft = unpacked(self.planned[self.time], self.size)
            self.last = resized(self.ahead[self.time], self.size)
            self.planned = {}
        before = set(self.soft)
        super().add(frame, mask)
        new = [label for label in self.soft if label not in before]
        masks = np.stack([self.soft[k] > 0.5 for k in new]) if new else np.zeros((0, *self.size))
        small = resized(frame, self.size)
        found = region_embeddings(self.identity, small, masks.astype(np.float32), self.device)
        for label, area, embedding in zip(new, masks.sum(axis=(1, 2)), found, strict=True):
            self.areas[label] = float(area)
            self.templates[label] = np.repeat(embedding[None], MAX_TEMPLATES, axis=0)

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Refine each mask of the last frame on this one, and look for what is lost."""
        self.time += 1
        if self.ahead is None or self.time >= len(self.ahead):
            self._go_forward(frame)
            return label_map(self.soft, frame.shape[:2])
        if not self.planned:
            self._look_ahead(self.ahead)
        return label_map(unpacked(self.planned[self.time], self.size), frame.shape[:2])

    # --- forward ------------------------------------------------------------------------------

    def _go_forward(self, frame: np.ndarray) -> set[int]:
        """Segment the next frame; gives the objects that were found again."""
        super().step(frame)
        if not self.recover or not self.soft:
            return set()
        labels = list(self.soft)
        now = label_map(self.soft, self.size)
        masks = np.stack([now == label for label in labels])
        seen = self._embedded(masks)
        alike = self._similarity(seen, labels).diagonal()
        least = np.array([MIN_AREA * self.areas[label] for label in labels])
        lost = (masks.sum(axis=(1, 2)) <= least) | (alike < self.lost_below)
        # What is lost takes what is like it; what is in doubt only what is more like it than now.
        # Doubt asks the annotation alone: newer templates may have slipped as the mask did.
        first = np.array([seen[k] @ self.templates[label][0] for k, label in enumerate(labels)])
        missing = lost | (first < DOUBT_BELOW)
        least_alike = np.where(
            lost, self.min_similarity, np.maximum(self.min_similarity, first + SIMILARITY_MARGIN)
        )
        found = self._found_again(frame, labels, missing, masks, least_alike)
        for k, label in enumerate(labels):
            if label in found:
                self.soft[label] = found[label]
            elif lost[k]:
                self.soft[label] = np.zeros(self.size, np.float32)
            elif first[k] > UPDATE_ABOVE:
                # The annotated one stays in front; the oldest of the others goes.
                self.templates[label][1:-1] = self.templates[label][2:]
                self.templates[label][-1] = seen[k]
        still = {label for k, label in enumerate(labels) if lost[k] and label not in found}
        back = self.lost - still
        self.lost = still
        return back

    def _embedded(self, masks: np.ndarray) -> np.ndarray:
        """The embeddings of regions ``(K, h, w)`` of the frame that is looked at."""
        return region_embeddings(self.identity, self.last, masks.astype(np.float32), self.device)

    def _similarity(self, embeddings: np.ndarray, labels: list[int]) -> np.ndarray:
        """Cosines of regions with objects, ``(P, K)``: with the most similar template of each."""
        every = [(embeddings @ self.templates[label].T).max(axis=1) for label in labels]
        return np.stack(every, axis=1)

    def _found_again(
        self,
        frame: np.ndarray,
        labels: list[int],
        missing: np.ndarray,
        masks: np.ndarray,
        least_alike: np.ndarray,
    ) -> dict[int, np.ndarray]:
        """Missing objects that are among the proposals, with their refined masks."""
        if not missing.any():
            return {}
        taken = masks[~missing].any(axis=0)
        proposed = [proposal.mask for proposal in self.proposer.propose(self.last)]
        # A proposal may hold two things, of which one is in plain sight: the rest is free.
        free = [m * ~taken for m in proposed if (m * taken).sum() <= MAX_COVERED * m.sum()]
        if not free:
            return {}
        # Proposals are rough, and what they hold beside the object spoils its embedding. So the
        # most similar ones are refined, and looked at again.
        rough = np.stack(free)
        alike = self._similarity(self._embedded(rough), labels)[:, missing].max(axis=1)
        best = rough[np.argsort(-alike, kind="stable")[:MAX_REFINED]]
        refined = np.stack([self._refined(frame, self.last, m, None) * ~taken for m in best])
        similarity = self._similarity(self._embedded(refined), labels)
        chosen = recover_lost_objects(similarity, missing, self.min_similarity)
        return {
            labels[k]: refined[p]
            for k, p in enumerate(chosen)
            if p >= 0 and similarity[p, k] > least_alike[k]
        }

    # --- both ways ----------------------------------------------------------------------------

    def _look_ahead(self, frames: Sequence[np.ndarray]) -> None:
        """Go forward to the end, then back from wherever an object was found again."""
        self.planned[self.time - 1] = packed(self.soft)
        gaps: list[tuple[int, int, int]] = []  # an object, its first missing frame, found again at
        since = dict.fromkeys(self.lost, self.time)
        ahead = range(self.time, len(frames))
        for t in tqdm(ahead, desc=f"{self.name}: looking ahead", disable=not self.progress):
            gaps += [(label, since.pop(label), t) for label in self._go_forward(frames[t])]
            since = {label: since.get(label, t) for label in self.lost}
            self.planned[t] = packed(self.soft)
        for label, first, found in gaps:
            self._go_back(frames, label, first, found)

    def _go_back(self, frames: Sequence[np.ndarray], label: int, first: int, found: int) -> None:
        """Carry a mask back, from where the object was found to the frames it was missing in."""
        mask = unpacked(self.planned[found], self.size)[label]
        after = resized(frames[found], self.size)
        for t in range(found - 1, first - 1, -1):
            small = resized(frames[t], self.size)
            flow = estimate(small, after, "dis")  # from this frame to the one after it
            carried = propagate_mask(mask, flow)
            others = {k: m for k, m in unpacked(self.planned[t], self.size).items() if k != label}
            taken = label_map(others, self.size) > 0
            mask, after = self._refined(frames[t], small, carried, flow) * ~taken, small
            seen = region_embeddings(self.identity, small, mask[None], self.device)
            area = (mask > 0.5).sum()
            if (
                area <= MIN_AREA * self.areas[label]
                or self._similarity(seen, [label]) < self.lost_below
            ):
                break  # behind something, or not the object any more
            self.planned[t] |= packed({label: mask})


ABLATIONS = {"reid-without-recovery": {"recover": False}, "reid-one-way": {"both_ways": False}}


def packed(soft: dict[int, np.ndarray]) -> Packed:
    """Soft masks as a few bytes: 1,000 frames of them fit into memory."""
    return {
        label: zlib.compress(np.rint(mask * 255).astype(np.uint8).tobytes(), 1)
        for label, mask in soft.items()
    }


def unpacked(masks: Packed, size: tuple[int, int]) -> dict[int, np.ndarray]:
    """Soft masks again, ``(h, w)`` float32, 0 to 1, by label."""
    return {
        label: np.frombuffer(zlib.decompress(data), np.uint8).reshape(size).astype(np.float32) / 255
        for label, data in masks.items()
    }
