"""OnAVOS: OSVOS that goes on learning while the video runs.

Voigtlaender and Leibe, "Online Adaptation of Convolutional Neural Networks for Video Object
Segmentation", BMVC 2017. What the first frame taught is soon out of date: the object turns, the
light changes. So each new frame is learned from, too. Nobody annotates it; the method takes for
true what it is very sure of:

- where the network is nearly certain of the object, is object,
- what is far from the last mask, is background,
- of all else nothing is known: it is ignored.

And so that it does not talk itself into its own mistakes, the first frame is always mixed in.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from vos_lab.exercise import exercise
from vos_lab.methods.fine_tuning import Batch, Loss, augmenter, fine_tune, truth_of
from vos_lab.methods.networks import as_input, mixed_precision
from vos_lab.methods.osvos import OSVOS
from vos_lab.methods.resolution import resized
from vos_lab.video import VOID

MIN_CONFIDENCE = 0.97
"""From this probability on, a pixel is taken for the object."""

MIN_DISTANCE = 0.25
"""What is farther than this from the last mask is taken for background: a share of the mean side.
(The paper: 220 pixels at 480p, which is 0.34.)"""

EROSION = 0.01
"""The last mask is eroded by so much before distances are taken: a share of the mean side."""

FIRST_FRAME: dict[str, Any] = {
    "parent": "osvos-parent",
    "loss": "cross-entropy",
    "steps": 280,
    "batch": 2,
    "learning_rate": 1e-3,
    "decay_share": 0.0,
}
"""How the first frame is learned. Every later frame has its price here, so this may take longer
than in OSVOS: what is built on it is the better for it. With the soft Jaccard loss of OSVOS it does
worse."""

STEPS = 4
LEARNING_RATE = 5e-4
CURRENT_WEIGHT = 0.4
"""How much the new frame counts beside the first one in the loss. (The paper: 0.05.)"""


@exercise(minutes=15, difficulty=3, importance=5)
def select_training_pixels(
    probability: np.ndarray, last_mask: np.ndarray, sure: float, far: float
) -> np.ndarray:
    """What to learn from a frame that nobody has annotated (Voigtlaender and Leibe, Section 4).

    Args:
        probability: how sure the network is of the object, ``(H, W)`` float32, 0 to 1.
        last_mask: the mask of the last frame, ``(H, W)`` bool.
        sure: from this probability on, a pixel is a positive example.
        far: pixels; a pixel farther than this from the last mask is a negative example.

    Returns:
        ``(H, W)`` uint8: 1 positive, 0 negative, 255 ignored. Where the last mask is empty, nothing
        is known to be far from it, so no pixel is negative. A pixel that is both far and sure is
        negative: objects do not jump.

    Example:
        >>> probability = np.float32([[0.99, 0.6, 0.1, 0.1, 0.98]])
        >>> last_mask = np.array([[True, False, False, False, False]])
        >>> select_training_pixels(probability, last_mask, sure=0.97, far=2).tolist()
        [[1, 255, 255, 0, 0]]
    """
    # Step 1: at first nothing is known about any pixel.
    chosen = np.full(probability.shape, VOID, np.uint8)
    # Step 2: pixels of which the network is sure are object.
    chosen[probability >= sure] = 1
    # Step 3: how far is each pixel from the last mask? (cv2.distanceTransform gives the distance to
    # the nearest 0.)
    if last_mask.any():
        outside = (~last_mask).astype(np.uint8)
        distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        # Step 4: pixels far from it are background, whatever the network says.
        chosen[distance > far] = 0
    return chosen


@exercise(minutes=15, difficulty=3, importance=5)
def adapt(
    network: nn.Module,
    current: Batch,
    first: Sequence[Batch],
    loss: Loss,
    learning_rate: float,
    share: float,
) -> list[float]:
    """Learn a little from the current frame, and always from the first one (Algorithm 1).

    Args:
        network: gives the fused log-odds and the side outputs for a batch; it is changed.
        current: the current frame ``(1, C, H, W)`` float32, and its training pixels
            ``(1, K, H, W)`` uint8, 255 where they are ignored.
        first: views of the first frame with their truth, one for each step.
        loss: of log-odds and truth; ignores pixels with 255.
        learning_rate: of Adam.
        share: how much the current frame counts; the first one counts 1.

    Returns:
        The loss of each step, a number, before the weights were changed.
    """
    network.train()
    losses = []
    # Step 1: a new Adam optimiser, because an old one remembers the gradients of other frames.
    optimiser = torch.optim.Adam(network.parameters(), learning_rate)
    for inputs, truth in first:
        # Step 2: the loss of the current frame, and that of the first one.
        now, _ = network(current[0])
        then, _ = network(inputs)
        value = share * loss(now, current[1]) + loss(then, truth)
        # Step 3: gradients to zero, new ones, a step.
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(float(value.detach()))
    network.eval()
    return losses


class OnAVOS(OSVOS):
    """OnAVOS as a Segmenter.

    Args:
        adapt_steps: of learning on each frame.
        negatives: whether what is far from the last mask is learned as background.
        mixing: whether the first frame is mixed in; without it only the current frame is learned.
        sure: from this probability on, a pixel is a positive example.
        far: beyond this distance from the last mask, a pixel is a negative one; a share of the
            mean side of the frame.
        share: how much the current frame counts beside the first one.
        options: those of :class:`~vos_lab.methods.osvos.OSVOS`.
    """

    name = "onavos"

    def __init__(
        self,
        adapt_steps: int = STEPS,
        negatives: bool = True,
        mixing: bool = True,
        sure: float = MIN_CONFIDENCE,
        far: float = MIN_DISTANCE,
        share: float = CURRENT_WEIGHT,
        **options: Any,
    ) -> None:
        super().__init__(**{**FIRST_FRAME, **options})
        self.adapt_steps, self.negatives, self.mixing = adapt_steps, negatives, mixing
        self.sure, self.far, self.share = sure, far, share

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Fine-tune on the first frame."""
        super().start(frame, mask)
        self.random = np.random.default_rng(self.seed + 1)
        first = self.annotated[0]
        self.new_view = augmenter(self.augmentation, first.frame, first.labels)
        self.last = {label: first.labels == label for label in self.labels}

    def add(self, frame: np.ndarray, mask: np.ndarray) -> None:
        """Take up objects that appear later."""
        super().add(frame, mask)
        labels = self.annotated[-1].labels
        for label in self.labels:
            self.last.setdefault(label, labels == label)

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Learn from one more frame, and segment it."""
        small = resized(frame, self.size)
        chosen = self.training_pixels(self.probabilities(small))
        # Without a pixel that is surely object there is nothing to hold on to.
        if self.adapt_steps and (chosen == 1).any():
            current = as_input(small).to(self.device), torch.from_numpy(chosen[None])
            self._adapt((current[0], current[1].to(self.device)))
        soft = self.probabilities(small)
        self.last = {label: each > 0.5 for label, each in soft.items()}
        return self._answer(small, soft, frame.shape[:2])

    def training_pixels(self, soft: dict[int, np.ndarray]) -> np.ndarray:
        """What is learned from a frame, ``(K, h, w)`` uint8: 1, 0, or 255 where it is ignored.

        Args:
            soft: how sure the network is of each object, by label.
        """
        side = (self.size[0] * self.size[1]) ** 0.5
        radius = 2 * max(1, round(EROSION * side)) + 1
        chosen = []
        for label, probability in soft.items():
            # Thin false bridges from the object to something else shall not count as near.
            last = cv2.erode(self.last[label].astype(np.uint8), np.ones((radius, radius), np.uint8))
            if not self.negatives:
                last[:] = 0
            chosen.append(select_training_pixels(probability, last > 0, self.sure, self.far * side))
        return np.stack(chosen) if chosen else np.zeros((0, *self.size), np.uint8)

    def _adapt(self, current: Batch) -> None:
        with mixed_precision(self.device):
            if self.mixing:
                first = list(islice(self._first_frames(), self.adapt_steps))
                adapt(self.network, current, first, self.loss, LEARNING_RATE, self.share)
            else:
                batches = [current] * self.adapt_steps
                fine_tune(self.network, batches, self.loss, LEARNING_RATE)

    def _first_frames(self) -> Iterator[Batch]:
        while True:
            image, labels = self.new_view(self.random)
            truth = truth_of(labels, self.labels, self.annotated[0].known)
            yield as_input(image).to(self.device), torch.from_numpy(truth)[None].to(self.device)


ABLATIONS: dict[str, dict[str, Any]] = {
    "onavos-without-negatives": {"negatives": False},
    "onavos-without-first-frame": {"mixing": False},
    "onavos-long-parent": {"parent": "osvos-parent-long"},
}
