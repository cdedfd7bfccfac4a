"""OSVOS: learn what the object looks like from one frame, then find it in each frame on its own.

Caelles, Maninis, Pont-Tuset, Leal-Taixé, Cremers and Van Gool, "One-Shot Video Object
Segmentation", CVPR 2017. Three networks, each made from the one before:

- the **base network** knows images in general (in the paper VGG-16, trained on ImageNet),
- the **parent network** knows what objects look like, whichever they are,
- the **test network** knows this one object: the parent, fine-tuned on the first frame.

Every frame is then segmented on its own. Nothing is carried over, so nothing can drift, and an
object that was hidden is found again. The price: masks flicker, and look-alikes are taken for it.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vos_lab import weights
from vos_lab.exercise import exercise
from vos_lab.methods.contours import ContourBranch
from vos_lab.methods.fine_tuning import (
    Annotation,
    Batch,
    Loss,
    augmented,
    check_augmentation,
    learn,
    truth_of,
)
from vos_lab.methods.networks import (
    SegmentationNetwork,
    as_input,
    backbone,
    mixed_precision,
    segmentation_loss,
)
from vos_lab.methods.resolution import PIXELS, label_map, resized, small_labels, working_size
from vos_lab.methods.segmenter import check_mask
from vos_lab.video import VOID

STEPS = 160
BATCH = 1
LEARNING_RATE = 3e-3
"""Of Adam: large, as a student with a laptop waits for each step."""
DECAY_SHARE = 0.25
"""Learning-rate decay: this share of the steps, the last ones, go at a third of it, as large steps
do not hit the spot."""


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
        decay_share: learning-rate decay: this share of the steps, the last ones, go at a third.
        augmentation: how new frames are made from annotated ones: "plain" (closer, farther,
            turned, mirrored, in other light), "lucid" (see lesson 08) or "none".
        loss: "cross-entropy", "balanced" (class-balanced, as in the paper), or "soft-jaccard"
            (cross-entropy, and what is missing to a J of 1).
        snapping: whether masks are snapped to contours, where they are unsure.
        more: more annotated frames of the video, each with its label map. What an annotation calls
            background is background: that is how a look-alike is told from the object.
        encoder: "small", or one of :data:`~vos_lab.methods.networks.BACKBONES` with ImageNet
            weights, which has no parent of ours; or a network that is an encoder.
        encoder_weights: a file with weights for an encoder of torchvision, where they cannot be
            downloaded; see :func:`~vos_lab.methods.networks.weights_in_file`.
        pixels: how many the network looks at; frames are made that small.
        device: where to compute, "cpu" or "cuda".
        seed: of the random start and of the augmentation.
        progress: whether to show a bar with the loss.
        watch: is told the number of the step and its loss after each step of fine-tuning.

    Raises:
        ValueError: no such augmentation, loss or encoder, or weights of another encoder.
        FileNotFoundError: weights are missing.
    """

    name = "osvos"

    def __init__(
        self,
        parent: str | None = "osvos-parent-long",
        steps: int = STEPS,
        batch: int = BATCH,
        learning_rate: float = LEARNING_RATE,
        decay_share: float = DECAY_SHARE,
        augmentation: str = "lucid",
        loss: str = "soft-jaccard",
        snapping: bool = False,
        more: Sequence[tuple[np.ndarray, np.ndarray]] = (),
        encoder: str | nn.Module = "small",
        encoder_weights: str | Path | None = None,
        pixels: int = PIXELS,
        device: str = "cpu",
        seed: int = 0,
        progress: bool = False,
        watch: Callable[[int, float], Any] | None = None,
    ) -> None:
        check_augmentation(augmentation)
        self.steps, self.batch, self.augmentation, self.seed = steps, batch, augmentation, seed
        self.learning_rate, self.decay_share = learning_rate, decay_share
        if loss not in LOSSES:
            raise ValueError(f"there is no loss {loss!r}; there are: {', '.join(LOSSES)}")
        self.loss = LOSSES[loss]
        self.more, self.pixels, self.device = tuple(more), pixels, device
        self.progress, self.watch = progress, watch
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = SegmentationNetwork(backbone(encoder, file=encoder_weights))
        if encoder == "small" and parent is not None:
            weights.load_into(network, parent)
        self.parent = network
        self.contours = ContourBranch() if snapping else None

    # --- learning ---------------------------------------------------------------------------

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Fine-tune on the first frame, and on those given with ``more``."""
        mask = check_mask(self.name, frame, mask)
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
        check_mask(self.name, frame, mask)
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
            self.decay_share,
        )

    def _batches(self) -> Iterator[Batch]:
        samples = augmented(self.annotated, self.augmentation, np.random.default_rng(self.seed))
        for _ in range(self.steps):
            chosen = list(islice(samples, self.batch))
            truths = [truth_of(labels, self.labels, a.known) for _, labels, a in chosen]
            yield (
                torch.cat([as_input(image) for image, _, _ in chosen]).to(self.device),
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
        with torch.inference_mode(), mixed_precision(self.device):
            # The frame and its mirror image are two opinions, and their mean is the better one.
            fused, _ = self.network(torch.cat([image, image.flip(-1)]))
        there, mirrored = fused.float().sigmoid()
        soft = ((there + mirrored.flip(-1)) / 2).cpu().numpy()
        return dict(zip(self.labels, soft, strict=False))

    def _answer(
        self, small: np.ndarray, soft: dict[int, np.ndarray], size: tuple[int, int]
    ) -> np.ndarray:
        if self.contours is not None and soft:
            regions = self.contours.regions(small)
            soft = {label: self.contours.snap(each, regions) for label, each in soft.items()}
        return label_map(soft, size)


ABLATIONS: dict[str, dict[str, Any]] = {
    "osvos-without-parent": {"parent": None},
    "osvos-short-parent": {"parent": "osvos-parent"},
    "osvos-closer-parent": {"parent": "osvos-closer-parent"},
    "osvos-cross-entropy": {"loss": "cross-entropy"},
    "osvos-balanced": {"loss": "balanced"},
    "osvos-plain": {"augmentation": "plain"},
    "osvos-without-augmentation": {"augmentation": "none"},
    "osvos-snapped": {"snapping": True},
}
