"""MaskTrack: refine the last mask, frame by frame.

Perazzi, Khoreva, Benenson, Schiele and Sorkine-Hornung, "Learning Video Object Segmentation from
Static Images", CVPR 2017. The network gets the frame and, as a fourth channel, a rough mask: the
one of the last frame. What it gives back is the mask of this frame. To learn that, no video is
needed: take any picture with a mask, and damage the mask as motion would.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from vos_lab import weights
from vos_lab.exercise import exercise
from vos_lab.flow import estimate
from vos_lab.methods.augmentation import BEND_GRID, deformation
from vos_lab.methods.fine_tuning import Annotation, Batch, augmented, check_augmentation, learn
from vos_lab.methods.flow_propagation import propagate_mask
from vos_lab.methods.networks import (
    OnDevice,
    SegmentationNetwork,
    as_input,
    backbone,
    mixed_precision,
    segmentation_loss,
)
from vos_lab.methods.resolution import (
    PIXELS,
    label_map,
    resized,
    small_labels,
    soft_masks,
    working_size,
)
from vos_lab.methods.segmenter import check_mask
from vos_lab.video import VOID

STEPS = 150
BATCH = 3
LEARNING_RATE = 1e-3
MARGIN = 0.6
"""How much room is left around an object, on each side, as a share of its larger side."""

ZOOM = 160 * 288
"""Pixels of the picture that the network sees of an object and its surroundings."""

Box = tuple[int, int, int, int]  # top, bottom, left, right; the second and fourth are not inside


@exercise(minutes=15, difficulty=2, importance=5)
def simulate_previous_mask(
    mask: np.ndarray, affine: np.ndarray, bend: np.ndarray, radius: int
) -> np.ndarray:
    """What the mask of the last frame may have been (Perazzi et al., Section 3.1).

    Args:
        mask: the true mask of this frame, ``(H, W)`` float32, 0 to 1.
        affine: ``(2, 3)`` float64, moves, turns and scales it.
        bend: ``(5, 5, 2)`` float32, pixels, bends it.
        radius: pixels, 0 or more: how coarse it gets.

    Returns:
        ``(H, W)`` float32, 0 to 1.

    Example:
        >>> stay, straight = np.eye(2, 3), np.zeros((5, 5, 2), np.float32)
        >>> simulate_previous_mask(np.float32([[0, 0, 1, 0, 0]]), stay, straight, 1).tolist()
        [[0.0, 1.0, 1.0, 1.0, 0.0]]
    """
    # Step 1: a made-up flow, as if things had moved like that since the last frame.
    flow = deformation(mask.shape, affine, bend)
    # Step 2: carry the mask along it.
    moved = propagate_mask(mask, flow)
    # Step 3: make it coarse, so that the network finds the contour in the picture, not in the
    # mask: each pixel takes the largest value in a disk of this radius around it.
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(moved, disk)


def random_previous_mask(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A previous mask with random damage. In the paper things move by a tenth; here by more.

    Some masks are lost, some have lost a part, some hold something else: a network that has seen
    only good masks trusts them too much, and never corrects its own mistakes.

    Args:
        mask: the true mask of this frame, ``(H, W)`` float32, 0 to 1.
        rng: where the randomness comes from.

    Returns:
        ``(H, W)`` float32, 0 to 1.
    """
    rows, columns = np.nonzero(mask > 0.5)
    if len(rows) == 0 or rng.random() < 0.05:
        return np.zeros_like(mask)
    size = np.sqrt(len(rows))
    centre = np.array([columns.mean(), rows.mean()])
    scale = np.exp(rng.uniform(-0.2, 0.2))
    angle = rng.uniform(-0.15, 0.15)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = rng.uniform(-0.2, 0.2, 2) * size
    affine = np.column_stack([matrix, centre + shift - matrix @ centre])
    bend = (rng.standard_normal((BEND_GRID, BEND_GRID, 2)) * 0.08 * size).astype(np.float32)
    radius = int(rng.integers(0, max(2, round(0.12 * size))))
    previous = simulate_previous_mask(mask, affine, bend, radius)
    for value in (0.0, 1.0):  # a part is lost; something else is taken for the object
        if rng.random() < 0.3:
            anywhere = value == 1.0 and rng.random() < 0.5
            _paint_blob(previous, value, size, anywhere, rng)
    return previous


def _paint_blob(
    mask: np.ndarray, value: float, size: float, anywhere: bool, rng: np.random.Generator
) -> None:
    rows, columns = np.nonzero(mask > 0.5)
    if anywhere or len(rows) == 0:
        place = rng.uniform(0, mask.shape[::-1])
    else:
        chosen = rng.integers(len(rows))
        place = np.array([columns[chosen], rows[chosen]])
    axes = [max(1, int(a)) for a in rng.uniform(0.15, 0.5, 2) * size]
    cv2.ellipse(mask, [int(v) for v in place], axes, rng.uniform(0, 180), 0, 360, value, -1)


@exercise(minutes=15, difficulty=3, importance=3)
def crop_and_zoom(mask: np.ndarray, margin: float, least: float = 0.25) -> Box:
    """Where to look: a window around the object, of the shape of the frame.

    Args:
        mask: a rough mask, ``(H, W)`` float32, 0 to 1; the object is where it is above one half.
        margin: the room on each side of the object, as a share of its height or width.
        least: the smallest window, as a share of the sides of the frame.

    Returns:
        Top, bottom, left and right of the window, whole pixels; rows ``top:bottom`` and columns
        ``left:right`` are in it. The whole frame where there is no object.

    Example:
        >>> mask = np.zeros((40, 80), np.float32)
        >>> mask[10:20, 30:40] = 1
        >>> crop_and_zoom(mask, margin=0.5)
        (5, 25, 15, 55)
    """
    height, width = mask.shape
    # Step 1: the rows and columns that hold some of the object. If there are none, look everywhere.
    rows, columns = np.nonzero(mask > 0.5)
    if len(rows) == 0:
        return 0, height, 0, width
    tall = rows.max() + 1 - rows.min()
    wide = columns.max() + 1 - columns.min()
    # Step 2: with the margin, what share of the frame is that? The larger side decides, so that the
    # window has the shape of the frame. Neither smaller than `least`, nor larger than the frame.
    share = max(tall * (1 + 2 * margin) / height, wide * (1 + 2 * margin) / width)
    share = min(max(share, least), 1.0)
    # Step 3: a window of that size, with the object in its middle,
    h, w = round(share * height), round(share * width)
    top = round((rows.min() + rows.max() + 1 - h) / 2)
    left = round((columns.min() + columns.max() + 1 - w) / 2)
    # Step 4: moved inside if a part of it is outside the frame.
    top = min(max(top, 0), height - h)
    left = min(max(left, 0), width - w)
    return int(top), int(top + h), int(left), int(left + w)


@exercise(minutes=10, difficulty=2, importance=5)
def refine_mask(network: nn.Module, image: np.ndarray, previous: np.ndarray) -> np.ndarray:
    """Refine a rough mask, guided by the picture (Perazzi et al., Section 3.1).

    Args:
        network: gives the fused log-odds ``(1, 1, H, W)`` and the side outputs for a batch
            ``(1, 4, H, W)`` float32.
        image: ``(H, W, 3)`` uint8.
        previous: the rough mask, ``(H, W)`` float32, 0 to 1.

    Returns:
        How sure the network is of the object, ``(H, W)`` float32, 0 to 1.
    """
    # Step 1: image and mask, both from 0 to 1, as one batch of four channels.
    channels = [as_input(image), torch.from_numpy(previous)[None, None]]
    inputs = torch.cat(channels, dim=1)
    # Step 2: ask the network, without gradients, because they are needed only for learning.
    with torch.inference_mode():
        fused, _ = network(inputs)
    # Step 3: from log-odds to 0 to 1, and from a batch of one to a map.
    return fused[0, 0].sigmoid().float().numpy()


class MaskTrack:
    """MaskTrack as a Segmenter. Each object is refined on its own; one network serves them all.

    Args:
        parent: the shipped weights to start from; None for a random start.
        steps: of fine-tuning on the first frame; 0 takes the parent as it is.
        augmentation: how new frames are made from the first one: "plain", "lucid" or "none".
        zooming: whether the network sees a window around the object; else the whole frame.
        carried: whether flow carries the last mask along; else it stays where it was, as in the
            paper.
        flow_stream: whether the network is asked a second time, with the length of the flow for
            an image, and both answers are averaged (Section 3.3 of the paper).
        mirrored: whether the network is asked a second time, with what it sees mirrored, and both
            answers are averaged.
        encoder: "small", or one of :data:`~vos_lab.methods.networks.BACKBONES` with ImageNet
            weights; or a network that is an encoder, of four channels.
        pixels: how many a frame has for flow and fine-tuning.
        device: where the network computes, "cpu" or "cuda".
        seed: of the random start and of the augmentation.
        progress: whether to show a bar with the loss.
        watch: is told the number of the step and its loss after each step of fine-tuning.

    Raises:
        ValueError: no such augmentation or encoder.
        FileNotFoundError: weights are missing.
    """

    name = "masktrack"

    def __init__(
        self,
        parent: str | None = "masktrack-parent",
        steps: int = STEPS,
        augmentation: str = "plain",
        zooming: bool = True,
        carried: bool = False,
        flow_stream: bool = False,
        mirrored: bool = False,
        encoder: str | nn.Module = "small",
        pixels: int = PIXELS,
        device: str = "cpu",
        seed: int = 0,
        progress: bool = False,
        watch: Callable[[int, float], Any] | None = None,
    ) -> None:
        check_augmentation(augmentation)
        self.steps, self.augmentation, self.seed = steps, augmentation, seed
        self.zooming, self.carried, self.flow_stream = zooming, carried, flow_stream
        self.mirrored, self.pixels, self.device = mirrored, pixels, device
        self.progress, self.watch = progress, watch
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = SegmentationNetwork(backbone(encoder, inputs=4))
        if encoder == "small" and parent is not None:
            weights.load_into(self.network, parent)
        self.network.to(device)
        self.parent = {k: v.clone() for k, v in self.network.state_dict().items()}

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Fine-tune on the first frame."""
        mask = check_mask(self.name, frame, mask)
        self.size = working_size(frame.shape, self.pixels)
        self.last = resized(frame, self.size)
        self.soft: dict[int, np.ndarray] = {}
        self.annotated: list[Annotation] = []
        self.add(frame, mask)

    def add(self, frame: np.ndarray, mask: np.ndarray) -> None:
        """Take up objects, at the start or later: fine-tune on all annotated frames."""
        check_mask(self.name, frame, mask)
        small = small_labels(np.where(mask == VOID, 0, mask), self.size)
        self.soft |= soft_masks(small, self.size)
        self.network.load_state_dict(self.parent)
        if self.soft and small.any():
            self.annotated.append(Annotation(resized(frame, self.size), small))
        if self.annotated and self.steps:
            learn(self.network, self._batches(), self.steps, segmentation_loss, self, LEARNING_RATE)
        self.network.eval()

    def _batches(self) -> Iterator[Batch]:
        rng = np.random.default_rng(self.seed)
        samples = augmented(self.annotated, self.augmentation, rng)
        for _ in range(self.steps):
            inputs, truths = [], []
            for image, labels, _ in islice(samples, BATCH):
                there = [label for label in np.unique(labels) if 0 < label < VOID]
                label = rng.choice(there) if there else 1
                picture, previous, truth = self.example(image, labels, int(label), rng)
                inputs.append(
                    torch.cat([as_input(picture), torch.from_numpy(previous)[None, None]], dim=1)
                )
                truths.append(torch.from_numpy(truth)[None, None])
            yield torch.cat(inputs).to(self.device), torch.cat(truths).to(self.device)

    def example(
        self, image: np.ndarray, labels: np.ndarray, label: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the network learns from: a picture, a simulated previous mask, and the truth."""
        mask = (labels == label).astype(np.float32)
        previous = random_previous_mask(mask, rng)
        top, bottom, left, right = self._window(previous)
        inside = np.s_[top:bottom, left:right]
        size = self._seen_size()
        whole = np.where(labels == VOID, VOID, mask).astype(np.uint8)
        truth = cv2.resize(whole[inside], size[::-1], interpolation=cv2.INTER_NEAREST)
        return resized(image[inside], size), resized(previous[inside], size), truth

    def _window(self, mask: np.ndarray) -> Box:
        if not self.zooming:
            return 0, mask.shape[0], 0, mask.shape[1]
        return crop_and_zoom(mask, MARGIN)

    def _seen_size(self) -> tuple[int, int]:
        return working_size(self.size, ZOOM) if self.zooming else self.size

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Refine each mask of the last frame on this one."""
        small = resized(frame, self.size)
        flow = None
        if self.carried or self.flow_stream:
            flow = estimate(small, self.last, "dis")  # backward: from this frame to the last
        for label, last in self.soft.items():
            previous = propagate_mask(last, flow) if self.carried and flow is not None else last
            self.soft[label] = self._refined(frame, small, previous, flow)
        self.last = small
        return label_map(self.soft, frame.shape[:2])

    def _refined(
        self, frame: np.ndarray, small: np.ndarray, previous: np.ndarray, flow: np.ndarray | None
    ) -> np.ndarray:
        window = self._window(previous)
        size = self._seen_size()
        rough = resized(cut(previous, window, self.size), size)
        network = OnDevice(self.network, self.device)
        with mixed_precision(self.device):
            # Cut from the frame itself, not from the small one: a small object has more pixels.
            seen = resized(cut(frame, window, self.size), size)
            soft = refine_mask(network, seen, rough)
            if self.mirrored:
                other = refine_mask(network, mirror(seen), mirror(rough))
                soft = (soft + mirror(other)) / 2
            if self.flow_stream and flow is not None:
                moving = resized(cut(magnitude_image(flow), window, self.size), size)
                soft = (soft + refine_mask(network, moving, rough)) / 2
        whole = np.zeros(self.size, np.float32)
        top, bottom, left, right = window
        whole[top:bottom, left:right] = resized(soft, (bottom - top, right - left))
        return whole


ABLATIONS: dict[str, dict[str, Any]] = {
    "masktrack-long-parent": {"parent": "masktrack-parent-long"},
    "masktrack-without-fine-tuning": {"steps": 0},
    "masktrack-without-zoom": {"zooming": False},
    "masktrack-with-flow-stream": {"flow_stream": True},
    "masktrack-long-parent-mirrored": {"parent": "masktrack-parent-long", "mirrored": True},
}


def cut(image: np.ndarray, window: Box, size: tuple[int, int]) -> np.ndarray:
    """The part of an image in a window, which was found at another size of it.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``.
        window: top, bottom, left, right, in an image of ``size``.
        size: height and width.
    """
    rows, columns = image.shape[0] / size[0], image.shape[1] / size[1]
    top, bottom, left, right = window
    return image[
        round(top * rows) : round(bottom * rows), round(left * columns) : round(right * columns)
    ]


def mirror(image: np.ndarray) -> np.ndarray:
    """An image or a map, left and right exchanged."""
    return np.ascontiguousarray(image[:, ::-1])


def magnitude_image(flow: np.ndarray) -> np.ndarray:
    """How far each pixel moves beyond what most of the image does, as a grey image.

    Args:
        flow: ``(H, W, 2)`` float32, pixels.

    Returns:
        ``(H, W, 3)`` uint8, 0 where a pixel goes with most others.
    """
    own = np.linalg.norm(flow - np.median(flow, axis=(0, 1)), axis=-1)
    most = max(float(np.quantile(own, 0.99)), 2.0)
    grey = np.clip(own / most * 255, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)
