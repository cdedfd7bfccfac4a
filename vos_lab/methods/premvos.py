"""PReMVOS: propose, refine, and merge.

Luiten, Voigtlaender and Leibe, "PReMVOS: Proposal-generation, Refinement and Merging for Video
Object Segmentation", ACCV 2018. No single idea of the earlier lessons is always right, but in each
frame one of them often is. So make many proposals, whatever they come from, and then choose:

- **propose**: a network that knows no classes, and what was learned from the first frame,
- **expand**: flow carries the proposals of the last frame along,
- **refine**: look closely into the box of each proposal,
- **score**: is it a whole thing (objectness), does it look like the object (re-identification),
  does it lie where the object moves to (flow)? And does it fit another object even better?
- **merge**: give each object the proposal with the best sum of scores, and each pixel one object.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from vos_lab.exercise import exercise
from vos_lab.flow import estimate
from vos_lab.methods.flow_propagation import propagate_mask
from vos_lab.methods.masktrack import MARGIN, ZOOM, MaskTrack, crop_and_zoom
from vos_lab.methods.networks import OnDevice, as_input, mixed_precision
from vos_lab.methods.osvos import OSVOS
from vos_lab.methods.pixel_retrieval import PixelRetrieval
from vos_lab.methods.proposals import Proposal, Proposer, mask_iou, mask_nms
from vos_lab.methods.proposals import proposer as make_proposer
from vos_lab.methods.reid import ReIDNetwork, load_reid, region_embeddings
from vos_lab.methods.resolution import PIXELS, label_map, resized, soft_masks, working_size
from vos_lab.methods.segmenter import check_mask
from vos_lab.methods.space_time_memory import STM
from vos_lab.video import VOID

MAX_PROPOSALS = 2
"""So many proposals of the network, and so many that flow carries along, are refined and scored."""

NMS_IOU = 0.9
"""Proposals with a higher IoU than this are one."""

CARRIED_FACTOR = 0.9
"""What flow has carried along is a little less sure: its objectness is multiplied with this."""

STEPS, REFINEMENT_STEPS = 80, 20
"""Of fine-tuning OSVOS and the refinement network: fewer than where they work alone, for the sake
of time."""


class ScoreWeights(NamedTuple):
    """How much each of the five scores counts.

    Attributes:
        objectness: is it a whole thing?
        reid: does it look like the object?
        flow: does it lie where flow carries the last mask?
        inverse_reid: does it look like no other object?
        inverse_flow: does it lie where no other object goes?
    """

    objectness: float = 0.2
    reid: float = 0.2
    flow: float = 0.2
    inverse_reid: float = 0.2
    inverse_flow: float = 0.2


SCORE_WEIGHTS = ScoreWeights(0.2, 0.3, 0.3, 0.1, 0.1)
"""Chosen on twelve validation videos, as what follows."""

MIN_SCORE = 0.6
"""An object whose best proposal has less than this is hidden. (The paper always chooses one.)"""

HIDDEN_PENALTY = 0.05
"""So much is taken from each score for a hidden object: to come back takes more than to stay."""


@exercise(minutes=20, difficulty=3, importance=4)
def refine_proposals(
    network: nn.Module, image: np.ndarray, masks: Sequence[np.ndarray], size: tuple[int, int]
) -> list[np.ndarray]:
    """Look closely into the box of each proposal (Luiten et al., Section 3.2).

    Args:
        network: gives the fused log-odds ``(N, 1, h, w)`` and the side outputs for a batch
            ``(N, 4, h, w)`` float32.
        image: ``(H, W, 3)`` uint8.
        masks: proposals, each ``(H, W)`` float32, 0 to 1.
        size: rows and columns of the picture that the network sees of each box.

    Returns:
        The refined masks, each ``(H, W)`` float32, 0 to 1, and 0 outside of the box.
    """
    # Step 1: a window around each proposal, with some margin. (crop_and_zoom)
    windows = [crop_and_zoom(mask, MARGIN) for mask in masks]
    if not windows:
        return []
    # Step 2: what is in the window, enlarged to `size`: the image and the mask, four channels.
    inputs = []
    for mask, (top, bottom, left, right) in zip(masks, windows, strict=True):
        inside = np.s_[top:bottom, left:right]
        rough = torch.from_numpy(resized(mask[inside], size))[None, None]
        inputs.append(torch.cat([as_input(resized(image[inside], size)), rough], dim=1))
    # Step 3: all windows are one batch. Ask the network, without gradients.
    with torch.inference_mode():
        fused, _ = network(torch.cat(inputs))
    close = fused[:, 0].sigmoid().float().cpu().numpy()
    # Step 4: bring each answer back to the size and place of its window; outside it put 0.
    refined = []
    for answer, (top, bottom, left, right) in zip(close, windows, strict=True):
        whole = np.zeros(image.shape[:2], np.float32)
        whole[top:bottom, left:right] = resized(answer, (bottom - top, right - left))
        refined.append(whole)
    return refined


def expand_by_flow(proposals: Sequence[Proposal], flow: np.ndarray) -> list[Proposal]:
    """Carry the proposals of the last frame into this one, where the network may miss the object.

    Args:
        proposals: of the last frame.
        flow: ``(H, W, 2)`` float32, pixels, from this frame back to the last one.

    Returns:
        As many proposals, a little less sure.
    """
    return [
        Proposal(propagate_mask(p.mask, flow), CARRIED_FACTOR * p.objectness) for p in proposals
    ]


@exercise(minutes=20, difficulty=3, importance=5)
def proposal_scores(
    objectness: np.ndarray, reid: np.ndarray, flow_iou: np.ndarray, weights: Sequence[float]
) -> np.ndarray:
    """How well each proposal fits each object (Luiten et al., Section 3.6).

    Args:
        objectness: ``(P,)``, 0 to 1.
        reid: how much each proposal looks like each object, ``(P, K)``, 0 to 1.
        flow_iou: IoU of each proposal with the last mask of each object, carried here by flow,
            ``(P, K)``.
        weights: of objectness, reid, flow_iou, and the inverse scores of reid and of flow_iou.

    Returns:
        ``(P, K)`` float64, the weighted sum of the five scores. An inverse score is 1 minus the
        highest score of the other objects; with one object, 1.

    Example:
        >>> reid = np.array([[0.9, 0.8]])  # it looks like object 0, but like object 1 as well
        >>> proposal_scores(np.array([0.5]), reid, np.zeros((1, 2)), [0, 1, 0, 1, 0]).round(2)
        array([[1.1, 0.9]])
    """
    # Step 1: for each object, the best score that a proposal has with another one.
    count = reid.shape[1]
    inverse = []
    for score in (reid, flow_iou):
        # A table (P, K, K): for object k, the scores of all objects, its own set to 0.
        others = np.where(np.eye(count, dtype=bool), 0.0, score[:, None, :])
        # Step 2: the inverse score. initial=0: if there is no other object, the best is 0.
        inverse.append(1 - others.max(axis=2, initial=0))
    # Step 3: the weighted sum. Objectness is the same for all objects.
    scores = (objectness[:, None], reid, flow_iou, *inverse)
    return sum(
        (weight * score for weight, score in zip(weights, scores, strict=True)),
        np.zeros(reid.shape),
    )


@exercise(minutes=20, difficulty=3, importance=5)
def merge_greedily(
    masks: np.ndarray, scores: np.ndarray, least: float
) -> tuple[np.ndarray, np.ndarray]:
    """Give each object a proposal, and each pixel an object (Luiten et al., Section 3.6).

    Args:
        masks: of the proposals, ``(P, H, W)`` bool.
        scores: of each proposal for each object, ``(P, K)``.
        least: if the best proposal of an object has less than this, the object is hidden.

    Returns:
        For each object the number of its proposal, -1 if it has none, ``(K,)`` int64; and for each
        pixel its object, ``(H, W)`` uint8: 0 for none, 1 for the first.

    Example:
        >>> masks = np.array([[[True, True, False]], [[False, True, True]]])
        >>> scores = np.array([[0.9, 0.8], [0.3, 0.5]])  # both objects like proposal 0 best
        >>> chosen, owner = merge_greedily(masks, scores, least=0.2)
        >>> chosen.tolist(), owner.tolist()  # object 0 likes it more, and is in front
        ([0, 1], [[1, 1, 2]])
    """
    chosen = np.full(scores.shape[1], -1)
    owner = np.zeros(masks.shape[1:], np.uint8)
    left = scores.astype(np.float64)
    # Step 1: as long as there are proposals and objects, take the pair with the highest score.
    while left.size and left.max() >= least:
        proposal, thing = np.unravel_index(left.argmax(), left.shape)
        # Step 2: the object gets this proposal, and those of its pixels that are still free.
        chosen[thing] = proposal
        owner[masks[proposal] & (owner == 0)] = thing + 1
        # Step 3: the object needs no other proposal, and the proposal is taken.
        left[:, thing] = left[proposal] = -np.inf
    return chosen, owner


PARTS = {
    "proposals": "proposer",
    "appearance": "osvos",
    "retrieval": "retrieval",
    "refinement": "refinement",
}
"""The ingredients that make proposals, and where a method has them: a network that knows no
classes, OSVOS, pixel retrieval, and the refinement in the box."""

SCORES = {
    "objectness": ("objectness",),
    "reid": ("reid", "inverse_reid"),
    "flow": ("flow", "inverse_flow"),
    "inverse": ("inverse_reid", "inverse_flow"),
}
"""The ingredients that choose among them, each with its scores."""

INGREDIENTS = (*PARTS, *SCORES)


def check_ingredients(names: Sequence[str]) -> None:
    """Raise ValueError unless all these are ingredients."""
    for name in names:
        if name not in INGREDIENTS:
            raise ValueError(f"premvos has no {name!r}, it has: {', '.join(INGREDIENTS)}")


def weights_without(weights: Sequence[float], names: Sequence[str]) -> ScoreWeights:
    """The weights in which the scores of some ingredients count nothing."""
    nothing = {score: 0.0 for name in names for score in SCORES.get(name, ())}
    return ScoreWeights(*weights)._replace(**nothing)


class Candidates(NamedTuple):
    """The proposals of a frame, with all that is needed to choose among them.

    Attributes:
        masks: ``(P, h, w)`` float32, 0 to 1.
        objectness: ``(P,)`` float64.
        reid: how much each looks like each object, ``(P, K)`` float64, 0 to 1.
        flow: from this frame back to the last one, ``(h, w, 2)`` float32.
    """

    masks: np.ndarray
    objectness: np.ndarray
    reid: np.ndarray
    flow: np.ndarray


def carried_to(mask: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Where flow carries a mask: only the part of the frame that it can reach is looked at.

    Args:
        mask: of the last frame, ``(h, w)`` float32, 0 to 1.
        flow: from this frame back to the last one, ``(h, w, 2)`` float32.

    Returns:
        ``(h, w)`` bool: where :func:`propagate_mask` gives more than one half.
    """
    found = np.zeros(mask.shape, bool)
    rows, columns = np.nonzero(mask > 0.5)
    if len(rows):
        far = int(np.ceil(np.abs(flow).max())) + 2
        top, left = max(0, rows.min() - far), max(0, columns.min() - far)
        part = np.s_[top : rows.max() + far + 1, left : columns.max() + far + 1]
        found[part] = propagate_mask(mask[part], flow[part]) > 0.5
    return found


def scored(
    candidates: Candidates, last: np.ndarray, weights: Sequence[float] = SCORE_WEIGHTS
) -> np.ndarray:
    """Score the proposals of a frame.

    Where a hidden object will come out, flow cannot know. So for it the scores of flow do not
    count, and the others make up for them.

    Args:
        candidates: the proposals.
        last: masks of the K objects in the last frame, ``(K, h, w)`` float32, 0 to 1; of a hidden
            object an empty one.
        weights: of the five scores; only their ratios count.

    Returns:
        How well each fits each object, ``(P, K)`` float64.
    """
    carried = np.stack([carried_to(mask, candidates.flow) for mask in last])
    flow_iou = mask_iou(candidates.masks > 0.5, carried)
    given = (candidates.objectness, candidates.reid, flow_iou)
    scores = proposal_scores(*given, _shares(weights))
    hidden = ~(last > 0.5).any(axis=(1, 2))
    if hidden.any():
        without_flow = _shares(weights_without(weights, ["flow"]))
        scores[:, hidden] = proposal_scores(*given, without_flow)[:, hidden] - HIDDEN_PENALTY
    return scores


def merge(
    candidates: Candidates,
    last: np.ndarray,
    weights: Sequence[float] = SCORE_WEIGHTS,
    least: float = MIN_SCORE,
) -> tuple[np.ndarray, np.ndarray]:
    """Score the proposals of a frame, and merge them.

    Args:
        candidates: the proposals.
        last: masks of the K objects in the last frame, ``(K, h, w)`` float32, 0 to 1; of a hidden
            object an empty one.
        weights: of the five scores; only their ratios count, so that ``least`` means the same.
        least: an object whose best proposal has less than this is not there.

    Returns:
        The masks of the objects, which do not overlap, ``(K, h, w)`` float32, 0 to 1; and the
        scores ``(P, K)`` float64.
    """
    scores = scored(candidates, last, weights)
    sharp = candidates.masks > 0.5
    chosen, owner = merge_greedily(sharp, scores, least)
    merged = np.zeros(last.shape, np.float32)
    for number, proposal in enumerate(chosen):
        if proposal >= 0:
            free = (owner == 0) | (owner == number + 1)
            merged[number] = candidates.masks[proposal] * free
    return merged, scores


def _shares(weights: Sequence[float]) -> list[float]:
    """Weights that add up to 1."""
    return [weight / max(sum(weights), 1e-9) for weight in weights]


def merge_video(
    candidates: Sequence[Candidates],
    first: np.ndarray,
    weights: Sequence[float] = SCORE_WEIGHTS,
    least: float = MIN_SCORE,
) -> list[np.ndarray]:
    """Merge the proposals of a whole video, which were made before: it takes milliseconds a frame.

    Args:
        candidates: of all frames but the first, from :meth:`PReMVOS.propose`.
        first: masks of the K objects in the first frame, ``(K, h, w)`` float32.
        weights: of the five scores.
        least: an object whose best proposal has less than this is not there.

    Returns:
        For each of those frames the masks of the objects, ``(K, h, w)`` float32.
    """
    last, found = first, []
    for each in candidates:
        last, _ = merge(each, last, weights, least)
        found.append(last)
    return found


Part = OSVOS | PixelRetrieval | MaskTrack | STM
"""Methods that propose masks, each of which follows the objects itself."""


class PReMVOS:
    """PReMVOS as a Segmenter.

    The paper fine-tunes its proposal network on Lucid frames of the first frame. Here OSVOS learns
    from them, and pixel retrieval knows the first frame without any steps. Its masks, and the mean
    of both, are proposals like all others.

    Args:
        without: which of :data:`INGREDIENTS` to leave out.
        expansion: whether the best proposals of the last frame are carried along by flow and
            proposed again, as in the paper. On validation videos that costs much.
        proposer: what proposes without knowing the objects: "joint", "small", "mask-rcnn", or
            something that proposes.
        reid: the weights of the re-identification network, or a network.
        weights: of the five scores.
        least: an object whose best proposal has a lower sum of scores is not there.
        parents: the weights that OSVOS and the refinement network start from.
        steps: of fine-tuning OSVOS.
        refinement_steps: of fine-tuning the refinement network; 0 takes it as it is.
        pixels: how many of a frame are looked at.
        device: where to compute, "cpu" or "cuda".
        seed: of the fine-tuning.
        progress: whether to show a bar with the loss.
        watch: is told the number of the step and its loss after each step of fine-tuning.

    Raises:
        FileNotFoundError: weights are missing.
    """

    name = "premvos"

    def __init__(
        self,
        without: Sequence[str] = (),
        expansion: bool = False,
        proposer: str | Proposer = "small",
        reid: str | ReIDNetwork = "reid",
        weights: Sequence[float] = SCORE_WEIGHTS,
        least: float = MIN_SCORE,
        parents: tuple[str, str] = ("osvos-parent", "masktrack-parent"),
        steps: int = STEPS,
        refinement_steps: int = REFINEMENT_STEPS,
        pixels: int = PIXELS,
        device: str = "cpu",
        seed: int = 0,
        progress: bool = False,
        watch: Callable[[int, float], Any] | None = None,
    ) -> None:
        check_ingredients(without)
        options: dict[str, Any] = {"pixels": pixels, "device": device, "seed": seed}
        shown: dict[str, Any] = {"progress": progress, "watch": watch}
        self.proposer = None if "proposals" in without else make_proposer(proposer, device=device)
        self.osvos = self.retrieval = self.refinement = None
        if "appearance" not in without:
            self.osvos = OSVOS(parents[0], steps, loss="soft-jaccard", **options, **shown)
        if "retrieval" not in without:
            self.retrieval = PixelRetrieval(**options)
        if "refinement" not in without:
            self.refinement = MaskTrack(
                parents[1], refinement_steps, augmentation="lucid", **options, **shown
            )
        self.expansion = expansion
        self.reid = load_reid(reid).to(device)
        self.weights, self.least = weights_without(weights, without), least
        self.pixels, self.device = pixels, device

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Learn the objects from the first frame."""
        mask = check_mask(self.name, frame, mask)
        self.size = working_size(frame.shape, self.pixels)
        self.before = resized(frame, self.size)
        self.labels: list[int] = []
        self.last: dict[int, np.ndarray] = {}
        self.templates: dict[int, np.ndarray] = {}
        self.proposals: list[Proposal] = []
        for part in self._parts():
            part.start(frame, mask)
        self._take_up(frame, mask)

    def add(self, frame: np.ndarray, mask: np.ndarray) -> None:
        """Take up objects that appear later."""
        check_mask(self.name, frame, mask)
        for part in self._parts():
            part.add(frame, mask)
        self._take_up(frame, mask)

    def without(self, *ingredients: str) -> "PReMVOS":
        """The same method without some ingredients, at the same place of the same video.

        To measure what each is worth without learning the first frame again.

        Args:
            ingredients: some of :data:`INGREDIENTS`.

        Raises:
            ValueError: there is no such ingredient.
        """
        check_ingredients(ingredients)
        other = copy.copy(self)
        if other.retrieval is not None:
            other.retrieval = copy.copy(other.retrieval)  # its references grow from here on
        for ingredient, attribute in PARTS.items():
            if ingredient in ingredients:
                setattr(other, attribute, None)
        other.weights = weights_without(self.weights, ingredients)
        return other

    def _parts(self) -> Sequence[Part]:
        parts = (self.osvos, self.retrieval, self.refinement)
        return [part for part in parts if part is not None]

    def _take_up(self, frame: np.ndarray, mask: np.ndarray) -> None:
        """Remember how the objects of a mask look, and where they are."""
        small = resized(frame, self.size)
        soft = soft_masks(np.where(mask == VOID, 0, mask), self.size)
        embedded = region_embeddings(self.reid, small, _stacked(soft, self.size), self.device)
        self.last |= soft
        self.templates |= dict(zip(soft, embedded, strict=True))
        self.labels = sorted(self.last)

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Propose, refine, score and merge."""
        if not self.labels:
            return np.zeros(frame.shape[:2], np.uint8)  # an empty mask: there is nothing to find
        return self.choose(self.propose(frame), frame.shape[:2])

    def choose(self, candidates: Candidates, size: tuple[int, int]) -> np.ndarray:
        """Score and merge the proposals of the next frame.

        Args:
            candidates: from :meth:`propose`.
            size: height and width of the frame.

        Returns:
            The label map of the frame, ``(H, W)`` uint8.
        """
        self.candidates = candidates
        last = np.stack([self.last[label] for label in self.labels])  # in the order of labels
        merged, self.scores = self.merge(candidates, last)
        self.last = dict(zip(self.labels, merged, strict=True))
        return label_map(self.last, size)

    def merge(self, candidates: Candidates, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One mask for each object, and the scores; as the function :func:`merge`."""
        return merge(candidates, last, self.weights, self.least)

    def propose(self, frame: np.ndarray) -> Candidates:
        """The proposals of the next frame, refined, with all that is needed to score them.

        It does not depend on what is chosen among them: so they can be kept, and merged again with
        other weights.
        """
        small = resized(frame, self.size)
        flow = estimate(small, self.before, "dis")  # backward: from this frame to the last
        found = self.proposer.propose(small) if self.proposer is not None else []
        carried = expand_by_flow(self.proposals, flow) if self.expansion else []
        proposals = found[:MAX_PROPOSALS] + carried + self._learned(frame, small)
        if self.refinement is not None:
            proposals = proposals + self._refined(small, proposals)  # it is not always better
        self.before, self.proposals = small, _best(proposals, MAX_PROPOSALS)
        masks = np.stack([p.mask for p in proposals]) if proposals else np.zeros((0, *self.size))
        embedded = region_embeddings(self.reid, small, masks, self.device)
        templates = np.stack([self.templates[label] for label in self.labels])
        return Candidates(
            masks,
            np.array([p.objectness for p in proposals]),
            np.clip(embedded @ templates.T, 0, 1).astype(np.float64),
            flow,
        )

    def _learned(self, frame: np.ndarray, small: np.ndarray) -> list[Proposal]:
        """What knows the first frame proposes: pixel retrieval, and its mean with OSVOS.

        OSVOS by itself does not: on validation videos it is then chosen where it has failed.
        """
        maps = [self.osvos.probabilities(small)] if self.osvos is not None else []
        if self.retrieval is not None:
            cells = self.retrieval.soft(frame)
            retrieved = {label: resized(each, self.size) for label, each in cells.items()}
            means = [{n: (each[n] + retrieved[n]) / 2 for n in self.labels} for each in maps]
            maps = [retrieved, *means]
        found = [each[label] for each in maps for label in self.labels]
        return [Proposal(mask, sureness(mask)) for mask in found if (mask > 0.5).any()]

    def _refined(self, small: np.ndarray, proposals: list[Proposal]) -> list[Proposal]:
        """For each proposal another one: half as it was, half what the refinement makes of it."""
        assert self.refinement is not None  # else nobody asks
        network = OnDevice(self.refinement.network, self.device)
        masks = [p.mask for p in proposals]
        with mixed_precision(self.device):
            close = refine_proposals(network, small, masks, working_size(self.size, ZOOM))
        return [
            p._replace(mask=(new + p.mask) / 2) for p, new in zip(proposals, close, strict=True)
        ]


ABLATIONS: dict[str, dict[str, Any]] = {
    "premvos-long-parents": {"parents": ("osvos-parent-long", "masktrack-parent-long")},
    "premvos-with-expansion": {"expansion": True},
    **{f"premvos-without-{ingredient}": {"without": (ingredient,)} for ingredient in INGREDIENTS},
}


def sureness(mask: np.ndarray) -> float:
    """The objectness of a soft mask: its mean where it is above one half; 0 where it never is.

    Args:
        mask: ``(H, W)`` float32, 0 to 1.
    """
    inside = mask[mask > 0.5]
    return float(inside.mean()) if inside.size else 0.0


def _best(proposals: list[Proposal], most: int) -> list[Proposal]:
    """The proposals of the highest objectness, of equal ones only one."""
    if not proposals:
        return []
    masks = np.stack([p.mask > 0.5 for p in proposals])
    kept = mask_nms(masks, np.array([p.objectness for p in proposals]), NMS_IOU, most)
    return [proposals[number] for number in kept]


def _stacked(soft: dict[int, np.ndarray], size: tuple[int, int]) -> np.ndarray:
    return np.stack(list(soft.values())) if soft else np.zeros((0, *size), np.float32)
