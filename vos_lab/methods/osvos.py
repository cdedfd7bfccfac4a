"""OSVOS: learn what the object looks like from one frame, then find it in each frame on its own.

Caelles, Maninis, Pont-Tuset, Leal-Taixé, Cremers and Van Gool, "One-Shot Video Object
Segmentation", CVPR 2017. Three networks, each made from the one before:

- the **base network** knows images in general (in the paper VGG-16, trained on ImageNet),
- the **parent network** knows what objects look like, whichever they are,
- the **test network** knows this one object: the parent, fine-tuned on the first frame.

Every frame is then segmented on its own. Nothing is carried over, so nothing can drift, and an
object that was hidden is found again. The price: masks flicker, and look-alikes are taken for it.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from scipy import ndimage
from torch import nn
from torch.nn import functional
from tqdm.auto import tqdm

from vos_lab import weights
from vos_lab.exercise import exercise
from vos_lab.methods.augmentation import check_augmentation, pictures, small_labels
from vos_lab.methods.networks import (
    SegmentationNetwork,
    SmallBackbone,
    as_input,
    backbone,
    fast,
    segmentation_loss,
)
from vos_lab.methods.resolution import PIXELS, label_map, resized, working_size
from vos_lab.methods.segmenter import check_size
from vos_lab.video import VOID

STEPS = 160
BATCH = 1
LEARNING_RATE = 3e-3
"""Of Adam: large, as a student with a laptop waits for each step."""
SETTLING = 0.25
"""This share of the steps, the last ones, go at a third of it: large steps do not hit the spot."""


@exercise(minutes=15, difficulty=2, importance=5)
def class_balanced_loss(score: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Cross-entropy in which the few pixels of the object count as much as the many others.

    Caelles et al., Equation 1: -beta * sum over the object of log P - (1 - beta) * sum over the
    background of log(1 - P), where beta is the share of the background. Here divided by the number
    of pixels.

    Args:
        score: log-odds of the object, float32, any shape.
        truth: the same shape, uint8: 0 background, 1 object, 255 void, which does not count.

    Returns:
        One number; 0 where all pixels are void.

    Example:
        >>> score = torch.zeros(4)  # no idea: P = 0.5 everywhere, each log is -0.693
        >>> class_balanced_loss(score, torch.tensor([1, 0, 0, 0], dtype=torch.uint8))
        tensor(0.2599)
    """
    # Step 1: which pixels count, and which of them are the object.
    counts = truth != VOID
    positive = counts & (truth > 0)
    # Step 2: beta, the share of the background among those that count.
    number = counts.sum().clamp(min=1)
    beta = 1 - positive.sum() / number
    # Step 3: the cross-entropy of each pixel, from log-odds. (log(sigmoid(x)) overflows for x far
    # from 0; the library function does not.)
    entropy = functional.binary_cross_entropy_with_logits(score, positive.float(), reduction="none")
    # Step 4: the object has the weight beta, the background the rest, void nothing.
    weight = torch.where(positive, beta, 1 - beta) * counts
    return (entropy * weight).sum() / number


Batch = tuple[torch.Tensor, torch.Tensor]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@exercise(minutes=15, difficulty=3, importance=5)
def fine_tune(
    network: nn.Module,
    batches: Iterable[Batch],
    loss: Loss,
    learning_rate: float,
    watch: Callable[[float], Any] | None = None,
) -> list[float]:
    """Overfit a network: from a parent, which knows objects, to the object of this video.

    Args:
        network: gives the fused log-odds and the side outputs for a batch; it is changed.
        batches: pairs of inputs ``(N, C, H, W)`` float32 and truth ``(N, K, H, W)`` uint8.
        loss: of the fused log-odds and the truth.
        learning_rate: of Adam.
        watch: is told the loss of each step; for a progress bar.

    Returns:
        The loss of each step, a number, before the weights were changed.

    Example:
        >>> network = SegmentationNetwork()
        >>> batch = torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32, dtype=torch.uint8)
        >>> len(fine_tune(network, [batch, batch], class_balanced_loss, 1e-3))
        2
    """
    network.train()
    losses = []
    # Step 1: an Adam optimiser over the parameters of the network.
    optimiser = torch.optim.Adam(network.parameters(), learning_rate)
    for inputs, truth in batches:
        # Step 2: the fused output, and its loss. The side outputs are not needed here.
        fused, _ = network(inputs)
        value = loss(fused, truth)
        # Step 3: forget the last gradients, compute new ones, and take a step.
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        # Step 4: keep the loss as a number: a tensor would keep the whole computation alive.
        losses.append(float(value.detach()))
        if watch is not None:
            watch(losses[-1])
    network.eval()
    return losses


# --- contours ---------------------------------------------------------------------------------

CELL = 6
"""Pixels: a region begins in each square of this side, so it cannot be much larger."""


def contour_network() -> SegmentationNetwork:
    """The contour branch: the same network, narrower. It is trained once, and never fine-tuned."""
    return SegmentationNetwork(SmallBackbone(channels=(8, 16, 32, 64)))


def regions_between(contours: np.ndarray) -> np.ndarray:
    """Cut an image into small regions along its contours: a watershed (Meyer, 1992).

    Contours are mountains. Water rises from the lowest place of each square of a grid, and where
    two lakes meet, regions end. (The paper uses an ultrametric contour map.)

    Args:
        contours: how much of a contour each pixel is, ``(H, W)`` float32, 0 to 1.

    Returns:
        ``(H, W)`` int32, the number of its region for each pixel, 0 or more.
    """
    height, width = contours.shape
    heights = (np.clip(cv2.GaussianBlur(contours, (0, 0), 1.0), 0, 1) * 255).astype(np.uint8)
    wells = np.zeros((height, width), np.int32)
    corners = itertools.product(range(0, height, CELL), range(0, width, CELL))
    for number, (top, left) in enumerate(corners, start=1):
        square = heights[top : top + CELL, left : left + CELL]
        row, column = np.unravel_index(square.argmin(), square.shape)
        wells[top + row, left + column] = number
    lakes = cv2.watershed(cv2.cvtColor(heights, cv2.COLOR_GRAY2RGB), wells.copy())
    if not (lakes > 0).any():  # nothing but shores: an image of a few pixels
        return wells.max() - wells
    # The shores, and the border of the image, go to the nearest lake.
    nearest = ndimage.distance_transform_edt(
        lakes <= 0, return_distances=False, return_indices=True
    )
    return lakes[tuple(nearest)] - 1


@exercise(minutes=15, difficulty=2, importance=3)
def snap_to_contours(mask: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Let each region decide as a whole (Caelles et al., Section 3.3).

    Args:
        mask: ``(H, W)`` bool, or how much of each pixel is object, float32 from 0 to 1.
        regions: ``(H, W)`` int32, the number of its region for each pixel, 0 or more.

    Returns:
        ``(H, W)`` bool: all of a region, where more than half of it is object, else nothing of it.

    Example:
        >>> mask = np.array([[True, True, False, True, False, False]])
        >>> snap_to_contours(mask, np.array([[0, 0, 0, 1, 1, 1]])).astype(int).tolist()
        [[1, 1, 1, 0, 0, 0]]
    """
    # Step 1: how many pixels does each region have, and how many of them are object?
    pixels = np.bincount(regions.ravel())
    inside = np.bincount(regions.ravel(), mask.ravel().astype(np.float64))
    # Step 2: a region is object where more than half of it is. (A number that no pixel has: 0.)
    chosen = inside > 0.5 * pixels
    # Step 3: back to pixels: each looks up what its region is.
    return chosen[regions]


# --- the method -------------------------------------------------------------------------------


def cross_entropy(score: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Plain cross-entropy, each pixel alike; void does not count. For comparison."""
    counts = truth != VOID
    entropy = functional.binary_cross_entropy_with_logits(
        score, (truth == 1).float(), reduction="none"
    )
    return (entropy * counts).sum() / counts.sum().clamp(min=1)


LOSSES: dict[str, Loss] = {
    "cross-entropy": cross_entropy,
    "balanced": class_balanced_loss,
    "soft-jaccard": segmentation_loss,
}


@dataclass
class Annotation:
    """A frame that somebody has annotated, at the size at which the network works.

    Attributes:
        frame: ``(h, w, 3)`` uint8.
        labels: label map, ``(h, w)`` uint8.
        known: labels of the objects that are known here; of others the truth is void.
    """

    frame: np.ndarray
    labels: np.ndarray
    known: list[int]


class OSVOS:
    """OSVOS as a Segmenter.

    Several objects share one network, with an output for each. (In the paper each object has a
    network of its own, which takes as many times as long.)

    Args:
        parent: the shipped weights to start from: "osvos-parent-long", or "osvos-parent", which a
            laptop trains in half an hour; None for a random start.
        steps: of fine-tuning.
        batch: how many pictures each step sees.
        learning_rate: of Adam.
        settling: this share of the steps, the last ones, go at a third of it.
        augmentation: how new frames are made from annotated ones: "plain" (closer, farther,
            turned, mirrored, in other light), "lucid" (see lesson 08) or "none".
        loss: "cross-entropy", "balanced" (class-balanced, as in the paper), or "soft-jaccard"
            (cross-entropy, and what is missing to a J of 1).
        snapping: whether masks are snapped to contours.
        more: more annotated frames of the video, each with its label map. What an annotation calls
            background is background: that is how a look-alike is told from the object.
        encoder: "small", or one of :data:`~vos_lab.methods.networks.BACKBONES` with ImageNet
            weights, which has no parent of ours; or a network that is an encoder.
        pixels: how many the network looks at; frames are made that small.
        device: where to compute, "cpu" or "cuda".
        seed: of the random start and of the augmentation.
        progress: whether to show a bar with the loss.
        watch: is told the number of the step and its loss after each step of fine-tuning.

    Raises:
        ValueError: no such augmentation, loss or encoder.
        FileNotFoundError: weights are missing.
    """

    name = "osvos"

    def __init__(
        self,
        parent: str | None = "osvos-parent-long",
        steps: int = STEPS,
        batch: int = BATCH,
        learning_rate: float = LEARNING_RATE,
        settling: float = SETTLING,
        augmentation: str = "lucid",
        loss: str = "soft-jaccard",
        snapping: bool = False,
        more: Sequence[tuple[np.ndarray, np.ndarray]] = (),
        encoder: str | nn.Module = "small",
        pixels: int = PIXELS,
        device: str = "cpu",
        seed: int = 0,
        progress: bool = False,
        watch: Callable[[int, float], Any] | None = None,
    ) -> None:
        check_augmentation(augmentation)
        self.steps, self.batch, self.augmentation, self.seed = steps, batch, augmentation, seed
        self.learning_rate, self.settling = learning_rate, settling
        if loss not in LOSSES:
            raise ValueError(f"there is no loss {loss!r}; there are: {', '.join(LOSSES)}")
        self.loss = LOSSES[loss]
        self.more, self.pixels, self.device = tuple(more), pixels, device
        self.progress, self.watch = progress, watch
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = SegmentationNetwork(backbone(encoder))
            contours = contour_network() if snapping else None
        if encoder == "small" and parent is not None:
            weights.load_into(network, parent)
        self.parent = network
        self.contours = weights.load_into(contours, "osvos-contours") if contours else None

    # --- learning ---------------------------------------------------------------------------

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Fine-tune on the first frame, and on those given with ``more``."""
        if mask is None:
            raise ValueError(f"{self.name}: learns from the first mask, so it needs one")
        self.size = working_size(frame.shape, self.pixels)
        self.annotated: list[Annotation] = []
        for image, labels in ((frame, mask), *self.more):
            self._annotate(image, labels)
        self.labels = sorted({label for each in self.annotated for label in each.known})
        for each in self.annotated:
            each.known = self.labels  # an object that is not there is known to be absent
        self._fine_tune()

    def add(self, frame: np.ndarray, mask: np.ndarray) -> None:
        """Take up objects that appear later: fine-tune once more, on all annotated frames."""
        self._annotate(frame, mask)
        self.labels = sorted({*self.labels, *self.annotated[-1].known})
        self._fine_tune()

    def _annotate(self, frame: np.ndarray, mask: np.ndarray) -> None:
        check_size(self.name, frame, mask)
        labels = small_labels(mask, self.size)
        known = [int(label) for label in np.unique(mask) if 0 < label < VOID]
        self.annotated.append(Annotation(resized(frame, self.size), labels, known))

    def _fine_tune(self) -> None:
        """From the parent to the test network."""
        self.network = self.parent.for_objects(max(1, len(self.labels))).to(self.device)
        if not self.labels:
            return  # an empty mask: there is nothing to learn, and nothing to find
        learn(
            self.network,
            self._batches(),
            self.steps,
            self.loss,
            self,
            self.learning_rate,
            self.settling,
        )

    def _batches(self) -> Iterator[Batch]:
        rng = np.random.default_rng(self.seed)
        makers = [pictures(self.augmentation, a.frame, a.labels) for a in self.annotated]
        for step in range(self.steps):
            # Each batch shows as many annotations as it can, one after the other.
            chosen = [(step * self.batch + i) % len(makers) for i in range(self.batch)]
            made = [makers[i](rng) for i in chosen]
            truths = [
                truth_of(labels, self.labels, self.annotated[i].known)
                for (_, labels), i in zip(made, chosen, strict=True)
            ]
            yield (
                torch.cat([as_input(image) for image, _ in made]).to(self.device),
                torch.from_numpy(np.stack(truths)).to(self.device),
            )

    # --- segmenting ---------------------------------------------------------------------------

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Segment one frame, whatever came before it."""
        small = resized(frame, self.size)
        return self._answer(small, self.probabilities(small), frame.shape[:2])

    def probabilities(self, small: np.ndarray) -> dict[int, np.ndarray]:
        """How sure the network is of each object, ``(h, w)`` float32, 0 to 1, by label."""
        image = as_input(small).to(self.device)
        with torch.inference_mode(), fast(self.device):
            # The frame and its mirror image are two opinions, and their mean is the better one.
            fused, _ = self.network(torch.cat([image, image.flip(-1)]))
        there, mirrored = fused.float().sigmoid()
        soft = ((there + mirrored.flip(-1)) / 2).cpu().numpy()
        return dict(zip(self.labels, soft, strict=False))

    def _answer(
        self, small: np.ndarray, soft: dict[int, np.ndarray], size: tuple[int, int]
    ) -> np.ndarray:
        if self.contours is not None and soft:
            regions = self.regions(small)
            soft = {label: snapped(each, regions) for label, each in soft.items()}
        return label_map(soft, size)

    def regions(self, small: np.ndarray) -> np.ndarray:
        """The regions between the contours of a frame, ``(h, w)`` int32."""
        assert self.contours is not None  # else nobody asks
        with torch.inference_mode(), fast("cpu"):
            fused, _ = self.contours(as_input(small))
        return regions_between(fused.sigmoid()[0, 0].float().numpy())


def snapped(soft: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """A soft mask whose half lies on contours; away from it, it stays as it was."""
    inside = snap_to_contours(soft > 0.5, regions)
    return np.where(inside, np.maximum(soft, 0.51), np.minimum(soft, 0.49)).astype(np.float32)


def truth_of(labels: np.ndarray, objects: Sequence[int], known: Sequence[int]) -> np.ndarray:
    """What each output of the network shall say: ``(K, h, w)`` uint8, 0, 1 or void.

    Args:
        labels: label map of an annotated frame.
        objects: labels of the K objects.
        known: those of which this frame knows where they are; of others the truth is void, but
            where an object is, no other can be.
    """
    taken = (labels > 0) & (labels != VOID)
    maps = []
    for label in objects:
        truth = (labels == label).astype(np.uint8)
        maps.append(np.where((labels == VOID) | ((label not in known) & ~taken), VOID, truth))
    return np.stack(maps).astype(np.uint8)


def learn(
    network: nn.Module,
    batches: Iterable[Batch],
    steps: int,
    loss: Loss,
    shown: Any,
    learning_rate: float,
    settling: float = 0.0,
) -> None:
    """Fine-tune with a progress bar.

    Interrupted (Ctrl-C, or the square of a notebook), the network is used as it is.

    Args:
        network: is changed.
        batches: as for :func:`fine_tune`.
        steps: how many there are.
        loss: of a batch.
        shown: the method, with ``name``, ``progress``, ``watch`` and ``device``.
        learning_rate: of Adam.
        settling: the share of the steps, at the end, that go at a third of the learning rate.
    """
    bar = tqdm(total=steps, desc=f"{shown.name}: fine-tuning", disable=not shown.progress)
    numbers = itertools.count(1)  # a bar that is not shown does not count

    def watch(value: float) -> None:
        bar.update()
        bar.set_postfix_str(f"loss {value:.4f}", refresh=False)
        if shown.watch is not None:
            shown.watch(next(numbers), value)

    last = round(settling * steps)
    with bar, fast(shown.device), suppress(KeyboardInterrupt):
        made = iter(batches)
        fine_tune(network, itertools.islice(made, steps - last), loss, learning_rate, watch)
        if last:
            fine_tune(network, made, loss, learning_rate / 3, watch)
    network.eval()
