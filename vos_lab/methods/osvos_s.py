"""OSVOS-S: OSVOS, and an idea of what a whole thing is.

Maninis, Caelles, Chen, Pont-Tuset, Leal-Taixé, Cremers and Van Gool, "Video Object Segmentation
Without Temporal Information", TPAMI 2018. OSVOS decides pixel by pixel. What was hidden in the
first frame never became background, so a stranger in similar colours is taken for the object. But
things have shapes, and a network that has learned classes of things knows them:

- **Proposals** are masks of all things in a frame, and a class head says of which class each is.
- **Semantic selection**, on frame 1: which classes, and how many instances of each, make up the
  object?
- **Semantic propagation**, in each frame: the instances of these classes that OSVOS agrees with
  most. Their mask is the **prior**.
- The **conditional classifier**: OSVOS with two answers for each pixel, one for pixels inside of
  the prior and one for those outside. Both learn together on frame 1.

As in OSVOS, nothing is carried over from frame to frame.
"""

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from vos_lab import weights
from vos_lab.datasets.procedural.cast import MAKERS
from vos_lab.exercise import exercise
from vos_lab.methods.fine_tuning import Batch, learn
from vos_lab.methods.networks import (
    SegmentationNetwork,
    SmallBackbone,
    as_input,
    mixed_precision,
)
from vos_lab.methods.osvos import OSVOS
from vos_lab.methods.proposals import Proposer
from vos_lab.methods.proposals import proposer as make_proposer
from vos_lab.methods.reid import masked_mean, region
from vos_lab.methods.resolution import PIXELS, blurred, resized

CLASSES = tuple(MAKERS)
"""The classes that the class head knows: those of procedural videos."""

GAIN = 0.1
"""By so much more proposals must raise the IoU with the first mask, to be selected."""
LEAST_IOU = 0.5
"""Where all selected proposals together meet the first mask with a lower IoU, the proposals do not
see the object."""
LEAST_OVERLAP = 0.15
"""An instance with a lower IoU with what OSVOS says is not the object."""
BLUR = 0.015
"""How soft the edge of the prior is: standard deviation, as a share of the side of the image."""
DROP = 0.25
"""In so many training frames nothing is known of where the object is."""
EVIDENCE = 4.0
"""What the prior is worth before the two classifiers have learned anything, log-odds."""
UNKNOWN = 0.5
"""The prior where nobody knows: both classifiers have half of the say."""

# --- the class of a proposal ------------------------------------------------------------------


class ClassNetwork(nn.Module):
    """The class head: what is this region?

    Input ``(N, 4, S, S)`` float32, 0 to 1: a square of the image around each region, and its mask
    beside it. Output ``(N, len(CLASSES) + 1)`` float32, log-odds; the last is no thing at all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backbone = SmallBackbone(inputs=4)
        _, _, *channels = self.backbone.channels
        self.head = nn.Sequential(
            nn.Linear(sum(channels), 64), nn.ReLU(inplace=True), nn.Linear(64, len(CLASSES) + 1)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Classify."""
        seen = self.backbone((x - 0.5).contiguous(memory_format=torch.channels_last))[2:]
        # The mean over the mask: what is around the thing says less of what it is.
        pooled = [masked_mean(each.float(), x[:, 3:]) for each in seen]
        logits: torch.Tensor = self.head(torch.cat(pooled, dim=1)).float()
        return logits


class Instances(NamedTuple):
    """The proposals of a frame, and what they are.

    Attributes:
        masks: ``(P, h, w)`` float32, 0 to 1.
        class_scores: ``(P, len(CLASSES))`` float32: the probability of each class. What is missing
            to 1 is the probability of no thing at all.
    """

    masks: np.ndarray
    class_scores: np.ndarray


def class_scores(
    network: ClassNetwork, image: np.ndarray, masks: np.ndarray, device: str = "cpu"
) -> np.ndarray:
    """Of which class are regions of an image?

    Args:
        network: on ``device``.
        image: ``(H, W, 3)`` uint8.
        masks: ``(P, H, W)`` float32, 0 to 1.
        device: "cpu" or "cuda".

    Returns:
        ``(P, len(CLASSES))`` float32, probabilities; zeros for a mask that is nowhere above one
        half.
    """
    found = np.zeros((len(masks), len(CLASSES)), np.float32)
    there = [p for p, mask in enumerate(masks) if (mask > 0.5).any()]
    if there:
        regions = torch.cat([region(image, masks[p]) for p in there]).to(device)
        with torch.inference_mode(), mixed_precision(device):
            scores = network(regions).softmax(dim=1)
        found[there] = scores[:, : len(CLASSES)].cpu().numpy()
    return found


# --- semantic selection, on frame 1 -----------------------------------------------------------


@exercise(minutes=15, difficulty=3, importance=5)
def select_instances(
    masks: np.ndarray,
    class_scores: np.ndarray,
    first_mask: np.ndarray,
    gain: float,
    least: float,
) -> np.ndarray:
    """Which classes is the object, and how many of each (Maninis et al., semantic selection)?

    An object may be made of several things: a rider and a horse. So proposals are added one by
    one, as long as that makes their union more like the first mask.

    Args:
        masks: of P proposals, ``(P, H, W)`` bool; P may be 0.
        class_scores: the probability of each of C classes, ``(P, C)`` float32.
        first_mask: the object, ``(H, W)`` bool, not empty.
        gain: a proposal must raise the IoU of the union with ``first_mask`` by more than this. (In
            the paper any gain will do. But one thing often has several proposals, and the second
            one adds a little hair.)
        least: if the IoU of the union with ``first_mask`` is lower in the end, the proposals do
            not see the object, and nothing is selected.

    Returns:
        ``(C,)`` int64, how many instances of each class; all 0 if nothing is selected.

    Example:
        >>> rider, horse = np.array([[True, False, False]]), np.array([[False, True, True]])
        >>> masks, scores = np.stack([horse, rider]), np.float32([[0.9, 0.1], [0.2, 0.7]])
        >>> select_instances(masks, scores, rider | horse, gain=0.05, least=0.5)
        array([1, 1])
    """
    chosen: list[int] = []
    union, best = np.zeros_like(first_mask), 0.0
    while len(chosen) < len(masks):
        # Step 1: the IoU with the first mask if one more proposal is added, for each of them.
        unions = masks | union
        both = (unions & first_mask).sum(axis=(1, 2))
        iou = both / (unions | first_mask).sum(axis=(1, 2))
        # Step 2: stop when even the best of them does not make it larger by more than the gain.
        if iou.max() <= best + gain:
            break
        # Step 3: else add the best.
        chosen.append(int(iou.argmax()))
        union, best = unions[chosen[-1]], iou.max()
    # Step 4: count the classes of those that were chosen. What meets the object badly does not
    # count.
    wanted = np.zeros(class_scores.shape[1], np.int64)
    if best >= least:
        for number in chosen:
            wanted[class_scores[number].argmax()] += 1
    return wanted


# --- semantic propagation, in each frame ------------------------------------------------------


@exercise(minutes=20, difficulty=3, importance=5)
def propagate_semantics(
    masks: np.ndarray,
    class_scores: np.ndarray,
    wanted: np.ndarray,
    probability: np.ndarray,
    least: float,
) -> np.ndarray:
    """Where is the object, judged by whole things (Maninis et al., semantic propagation)?

    Of each class that is wanted, take as many instances as are wanted: those that overlap most with
    what the appearance model says.

    Args:
        masks: of P proposals, ``(P, H, W)`` float32, 0 to 1; P may be 0.
        class_scores: the probability of each of C classes, ``(P, C)`` float32.
        wanted: how many instances of each class, ``(C,)`` int64.
        probability: of the object, from the appearance model, ``(H, W)`` float32, 0 to 1.
        least: an instance with a lower overlap than this is not the object. The overlap is the IoU
            of soft masks: the sum of the smaller values over the sum of the larger ones.

    Returns:
        The prior, ``(H, W)`` float32, 0 to 1. Where instances are missing it is at least 0.5, since
        nobody knows where they are; so it is 0.5 everywhere if none is found, or none is wanted.

    Example:
        >>> masks = np.float32([[[1, 0, 0]], [[0, 1, 0]]])
        >>> scores = np.float32([[0.9, 0.1], [0.2, 0.8]])
        >>> seen = np.float32([[0.6, 0.9, 0.0]])
        >>> propagate_semantics(masks, scores, np.array([1, 0]), seen, least=0.1)
        array([[1., 0., 0.]], dtype=float32)
        >>> propagate_semantics(masks, scores, np.array([2, 0]), seen, least=0.1)
        array([[1. , 0.5, 0.5]], dtype=float32)
    """
    # Step 1: the overlap of each proposal with what the appearance model says.
    smaller = np.minimum(masks, probability).sum(axis=(1, 2))
    larger = np.maximum(masks, probability).sum(axis=(1, 2))
    overlap = smaller / np.maximum(larger, 1e-6)
    chosen: list[int] = []
    for number, count in enumerate(wanted):
        # Step 2: the instances of this class that overlap enough, those that overlap most first.
        own = np.flatnonzero((class_scores.argmax(axis=1) == number) & (overlap >= least))
        own = own[np.argsort(-overlap[own], kind="stable")]
        # Step 3: take as many as are wanted.
        chosen += own[:count].tolist()
    # Step 4: the prior is the union of what was taken.
    prior = masks[chosen].max(axis=0, initial=0.0).astype(np.float32)
    # Step 5: where instances are missing, nobody knows.
    if len(chosen) < wanted.sum() or not chosen:
        prior = np.maximum(prior, np.float32(0.5))
    return prior


# --- the conditional classifier ---------------------------------------------------------------


@exercise(minutes=10, difficulty=2, importance=5)
def conditional_classifier(
    inside: torch.Tensor, outside: torch.Tensor, prior: torch.Tensor, trust: float = 1.0
) -> torch.Tensor:
    """Two classifiers, and the prior says which to ask: ``prior * f1 + (1 - prior) * f2``.

    Args:
        inside: f1, log-odds of the object for pixels inside of the prior, ``(N, K, H, W)`` float32.
        outside: f2, the same for pixels outside.
        prior: ``(N, K, H, W)`` float32, 0 to 1; 0.5 where nobody knows.
        trust: how far to trust the prior, 0 to 1: with 0 nobody knows anything, so the prior is 0.5
            everywhere; in between it is nearer to 0.5 than it was.

    Returns:
        Log-odds of the object, ``(N, K, H, W)`` float32.

    Example:
        >>> inside, outside = torch.tensor([[[[2.0, 2.0]]]]), torch.tensor([[[[-4.0, -4.0]]]])
        >>> conditional_classifier(inside, outside, torch.tensor([[[[1.0, 0.5]]]]))
        tensor([[[[ 2., -1.]]]])
        >>> conditional_classifier(inside, outside, torch.tensor([[[[1.0, 0.5]]]]), trust=0.0)
        tensor([[[[-1., -1.]]]])
    """
    # Step 1: the less trust, the nearer to one half.
    share = 0.5 + trust * (prior - 0.5)
    # Step 2: mix what the two classifiers say.
    return share * inside + (1 - share) * outside


class ConditionalNetwork(nn.Module):
    """The network of OSVOS with two classifiers on the same features.

    Input ``(N, 3 + K, H, W)`` float32: images, and beside them the prior of each of K objects.
    Output as that of a SegmentationNetwork.

    The features begin as those of the parent. If both classifiers began as its classifier, both
    would know the look of the object from the first step on, and nothing in frame 1 would drive
    them apart. So f1 begins as twice the parent and f2 as nothing: with half of the say each they
    are the parent. And inside of the prior there is some evidence for the object to begin with.

    Args:
        parent: what to begin with; is copied.
        objects: K.
        evidence: what the prior is worth before anything is learned, log-odds.
    """

    def __init__(
        self, parent: SegmentationNetwork, objects: int, evidence: float = EVIDENCE
    ) -> None:
        super().__init__()
        self.network = parent.for_objects(2 * objects)
        with torch.no_grad():
            share = evidence / float(self.network.weight.sum())  # of each side output
            for side in self.network.sides:
                assert isinstance(side, nn.Conv2d)  # because a SegmentationNetwork made it so
                assert side.bias is not None
                inside, outside = slice(None, objects), slice(objects, None)
                side.weight[inside] *= 2
                side.weight[outside] = 0
                side.bias[inside] = 2 * side.bias[inside] + share
                side.bias[outside] = -share

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Fused log-odds, and those of each size."""
        inside, outside, sides = self.classifiers(x[:, :3])
        return conditional_classifier(inside, outside, x[:, 3:]), sides

    def classifiers(
        self, images: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
        """What each of the two says, before any prior is known; and the side outputs."""
        fused, sides = self.network(images)
        inside, outside = fused.float().chunk(2, dim=1)
        return inside, outside, sides


# --- the method -------------------------------------------------------------------------------


class Seen(NamedTuple):
    """What is known of a frame before the prior is trusted; see :meth:`OSVOSS.look`.

    Attributes:
        inside: f1 of the frame and of its mirror image, ``(2, K, h, w)`` float32.
        outside: f2, the same.
        instances: the proposals and their classes.
    """

    inside: torch.Tensor
    outside: torch.Tensor
    instances: Instances


class OSVOSS(OSVOS):
    """OSVOS-S as a Segmenter.

    Where no proposal meets an object in the first frame, it is OSVOS and nothing else.

    Args:
        classes: the weights of the class head, or a network.
        proposer: "small", "mask-rcnn", or something that proposes.
        trust: how far to trust the prior, 0 to 1; with 0 it is OSVOS, with two classifiers.
        blur: how soft the edge of the prior is, as a share of the side of the image.
        drop: in which share of the training frames the prior is dropped.
        any_class: whether instances of all classes are asked, and not only of those selected.
        options: those of :class:`~vos_lab.methods.osvos.OSVOS`.

    Raises:
        FileNotFoundError: weights are missing.
    """

    name = "osvos-s"

    def __init__(
        self,
        classes: str | ClassNetwork = "osvos-s-classes",
        proposer: str | Proposer = "small",
        trust: float = 1.0,
        blur: float = BLUR,
        drop: float = DROP,
        any_class: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.trust, self.blur, self.drop, self.any_class = trust, blur, drop, any_class
        self.classes = load_classes(classes).to(self.device)
        self.proposer = make_proposer(proposer, device=self.device)

    def _fine_tune(self) -> None:
        """Select, then teach both classifiers."""
        self.wanted = {label: self._selected(label) for label in self.labels}
        self.conditional: ConditionalNetwork | None = None
        if not any(wanted.any() for wanted in self.wanted.values()):
            super()._fine_tune()  # the proposals see nothing of the objects: OSVOS must do alone
            return
        self.conditional = ConditionalNetwork(self.parent, len(self.labels)).to(self.device)
        learn(
            self.conditional,
            self._batches(),
            self.steps,
            self.loss,
            self,
            self.learning_rate,
            self.decay_share,
        )

    def _selected(self, label: int) -> np.ndarray:
        """Semantic selection, where the object was annotated first."""
        one = next(each for each in self.annotated if (each.labels == label).any())
        own = one.labels == label
        masks = self.instances(one.frame).masks
        # What a rough mask holds beside the object would confuse the class head, and here we know
        # the object. So only the inside is shown to it.
        scores = class_scores(self.classes, one.frame, masks * own, self.device)
        return select_instances(masks > 0.5, scores, own, GAIN, LEAST_IOU)

    def _batches(self) -> Iterator[Batch]:
        """The training frames of OSVOS, each with the prior that it would have in a video."""
        if self.conditional is None:
            yield from super()._batches()
            return
        rng = np.random.default_rng([self.seed, 1])
        for images, truths in super()._batches():
            priors = []
            for image, truth in zip(images, truths, strict=True):
                picture = (image * 255).round().byte().permute(1, 2, 0).cpu().numpy()
                sure = (truth == 1).float().cpu().numpy()
                prior = self.prior(self.instances(picture), sure)
                # Else both classifiers would learn to do without the image.
                priors.append(np.full_like(prior, UNKNOWN) if rng.random() < self.drop else prior)
            beside = torch.from_numpy(np.stack(priors)).to(images.device)
            yield torch.cat([images, beside], dim=1), truths

    def instances(self, small: np.ndarray) -> Instances:
        """The proposals of an image, and their classes."""
        # The proposal network has learned on frames of about this size; in smaller ones it misses
        # much. So those are enlarged.
        size = small.shape[0], small.shape[1]
        zoom = max(1.0, (PIXELS / (size[0] * size[1])) ** 0.5)
        large = resized(small, (round(size[0] * zoom), round(size[1] * zoom)))
        found = [resized(proposal.mask, size) for proposal in self.proposer.propose(large)]
        masks = np.stack(found) if found else np.zeros((0, *size), np.float32)
        return Instances(masks, class_scores(self.classes, small, masks, self.device))

    def prior(self, found: Instances, appearance: np.ndarray) -> np.ndarray:
        """The prior of each object, its edge blurred, ``(K, h, w)`` float32.

        Args:
            found: the instances of the frame.
            appearance: the probability of each object, judged by appearance, ``(K, h, w)`` float32.
        """
        priors = []
        for label, probability in zip(self.labels, appearance, strict=True):
            scores, wanted = found.class_scores, self.wanted[label]
            if self.any_class:  # all things are of one class
                scores, wanted = np.ones((len(scores), 1), np.float32), wanted.sum(keepdims=True)
            prior = propagate_semantics(found.masks, scores, wanted, probability, LEAST_OVERLAP)
            priors.append(blurred(prior, self.blur) if self.blur else prior)
        return np.stack(priors)

    def look(self, small: np.ndarray) -> Seen:
        """All that can be said of a frame without a prior.

        Raises:
            ValueError: no proposal met an object in frame 1, so there is nothing but OSVOS.
        """
        if self.conditional is None:
            raise ValueError("osvos-s: no proposal meets an object in the first frame")
        image = as_input(small).to(self.device)
        with torch.inference_mode(), mixed_precision(self.device):
            # The mirror image is a second opinion, as in OSVOS.
            both = torch.cat([image, image.flip(-1)])
            inside, outside, _ = self.conditional.classifiers(both)
        return Seen(inside.cpu(), outside.cpu(), self.instances(small))

    def answer(self, seen: Seen, prior: np.ndarray, trust: float) -> np.ndarray:
        """The probability of each object, ``(K, h, w)`` float32, for a prior.

        Args:
            seen: from :meth:`look`.
            prior: of each object, ``(K, h, w)`` float32.
            trust: how far to trust it.
        """
        one = torch.from_numpy(prior)
        score = conditional_classifier(
            seen.inside, seen.outside, torch.stack([one, one.flip(-1)]), trust
        )
        there, mirrored = score.sigmoid()
        return ((there + mirrored.flip(-1)) / 2).numpy()

    def appearance(self, seen: Seen) -> np.ndarray:
        """What is said without any prior, as OSVOS does: ``(K, h, w)`` float32, probabilities."""
        return self.answer(seen, np.full(seen.inside.shape[1:], UNKNOWN, np.float32), 0.0)

    def probabilities(self, small: np.ndarray) -> dict[int, np.ndarray]:
        """How sure the network is of each object, ``(h, w)`` float32, 0 to 1, by label."""
        if self.conditional is None:
            return super().probabilities(small)
        seen = self.look(small)
        prior = self.prior(seen.instances, self.appearance(seen))
        return dict(zip(self.labels, self.answer(seen, prior, self.trust), strict=True))

    def version(self, **changed: Any) -> "OSVOSS":
        """The same method, having learned the same, with ``trust``, ``blur`` or ``any_class`` else.

        Args:
            changed: attributes, by name.
        """
        other = copy.copy(self)
        for name, value in changed.items():
            setattr(other, name, value)
        return other


def load_classes(name: str | ClassNetwork = "osvos-s-classes") -> ClassNetwork:
    """The class head.

    Args:
        name: of the shipped weights, "random", or a network.

    Returns:
        The network, set to ``eval()``.

    Raises:
        FileNotFoundError: the weights are missing.
    """
    if isinstance(name, ClassNetwork):
        return name.eval()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = ClassNetwork().eval()
    if name != "random":
        weights.load_into(network, name)
    return network


ABLATIONS: dict[str, dict[str, Any]] = {
    "osvos-s-without-prior": {"trust": 0.0},
    "osvos-s-any-class": {"any_class": True},
    "osvos-s-joint": {"proposer": "joint"},
    "osvos-s-without-blur": {"blur": 0.0},
    "osvos-s-without-drop": {"drop": 0.0},
    "osvos-s-blind": {"blur": 0.0, "drop": 0.0},
}
