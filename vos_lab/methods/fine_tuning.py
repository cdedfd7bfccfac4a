"""Fine-tuning on annotated frames: what OSVOS, OnAVOS, MaskTrack and Lucid share.

A few annotated frames, endless new pictures from them, and a loop that overfits a network to these.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm.auto import tqdm

from vos_lab.exercise import exercise
from vos_lab.methods.augmentation import apply_affine, colour_jitter, random_affine
from vos_lab.methods.lucid_frames import Dream
from vos_lab.methods.networks import mixed_precision
from vos_lab.video import VOID

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
        >>> from vos_lab.methods.networks import SegmentationNetwork, segmentation_loss
        >>> network = SegmentationNetwork()
        >>> batch = torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32, dtype=torch.uint8)
        >>> len(fine_tune(network, [batch, batch], segmentation_loss, 1e-3))
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


def learn(
    network: nn.Module,
    batches: Iterable[Batch],
    steps: int,
    loss: Loss,
    shown: Any,
    learning_rate: float,
    decay_share: float = 0.0,
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
        decay_share: the share of the steps, at the end, that go at a third of the learning rate.
    """
    bar = tqdm(total=steps, desc=f"{shown.name}: fine-tuning", disable=not shown.progress)
    numbers = itertools.count(1)  # a bar that is not shown does not count

    def watch(value: float) -> None:
        bar.update()
        bar.set_postfix_str(f"loss {value:.4f}", refresh=False)
        if shown.watch is not None:
            shown.watch(next(numbers), value)

    last = round(decay_share * steps)
    with bar, mixed_precision(shown.device), suppress(KeyboardInterrupt):
        made = iter(batches)
        fine_tune(network, itertools.islice(made, steps - last), loss, learning_rate, watch)
        if last:
            fine_tune(network, made, loss, learning_rate / 3, watch)
    network.eval()


# --- endless pictures from annotated frames

AUGMENTATIONS = ("plain", "lucid", "none")
Augmenter = Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]


def check_augmentation(how: str) -> None:
    """Make sure that there is such an augmentation.

    Args:
        how: one of :data:`AUGMENTATIONS`.

    Raises:
        ValueError: it is none of them.
    """
    if how not in AUGMENTATIONS:
        raise ValueError(f"augmentation is one of {', '.join(AUGMENTATIONS)}, not {how!r}")


def augmenter(how: str, frame: np.ndarray, labels: np.ndarray) -> Augmenter:
    """What makes new pictures from an annotated frame.

    Args:
        how: "plain" (closer, farther, turned, mirrored, other light), "lucid" (see
            :mod:`vos_lab.methods.lucid_frames`) or "none".
        frame: ``(H, W, 3)`` uint8.
        labels: label map, ``(H, W)`` uint8.

    Returns:
        A function from a random generator to an image and its label map, of the same size.

    Raises:
        ValueError: there is no such augmentation.
    """
    check_augmentation(how)
    if how == "none":
        return lambda rng: (frame, labels)
    if how == "plain":
        size = frame.shape[:2]

        def plain(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
            image, mask = apply_affine(frame, labels, random_affine(rng, size, size), size)
            return colour_jitter(image, rng), mask

        return plain
    return Dream(frame, labels).frame


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
    known: list[int] = field(default_factory=list)


def augmented(
    annotated: Sequence[Annotation], how: str, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray, Annotation]]:
    """Endless new pictures from annotated frames, each of which has its turn.

    Args:
        annotated: one or more.
        how: as for :func:`augmenter`.
        rng: where the randomness comes from.

    Yields:
        An image, its label map, and the annotation that it was made from.
    """
    makers = [augmenter(how, each.frame, each.labels) for each in annotated]
    for annotation, make in itertools.cycle(zip(annotated, makers, strict=True)):
        image, labels = make(rng)
        yield image, labels, annotation


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
