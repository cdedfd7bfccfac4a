"""Pictures of lesson 05: class_balanced_loss, fuse_side_outputs, fine_tune, snap_to_contours."""

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch.nn import functional

from vos_lab.exercises.pictures.drawn import SIZE, grey, pair, row, walker
from vos_lab.methods.networks import SegmentationNetwork, as_input, segmentation_loss
from vos_lab.view.figures import Figure, comparison, curves
from vos_lab.weights import load_into


def class_balanced_loss(answer: Callable[..., torch.Tensor]) -> Figure:
    """One answer for all pixels, from "nothing" to "everything"."""
    truth = torch.from_numpy((walker().masks[4] > 0).astype(np.uint8))
    shares = np.linspace(0.02, 0.98, 25)
    scores = [torch.full(truth.shape, float(np.log(p / (1 - p)))) for p in shares]
    plain = [
        float(functional.binary_cross_entropy_with_logits(score, truth.float())) for score in scores
    ]
    return curves(
        {"yours": [float(answer(score, truth)) for score in scores], "plain": plain},
        f"Your class_balanced_loss at work: {float(truth.float().mean()):.0%} of the pixels count "
        "as much as the rest.",
        x=shares,
        xlabel="the same P for every pixel: 0 says nothing is object, 1 says everything is",
        ylabel="loss",
        alt="Two curves of the loss over P. Yours is the same on both sides, and lowest at one "
        "half. That of plain cross-entropy is low on the left and rises steeply to the right.",
        plot=150,
    )


def fuse_side_outputs(answer: Callable[..., torch.Tensor]) -> Figure:
    """Three sizes, of which the finest has a hole and the coarsest no legs."""
    mask = (walker().masks[4] > 0).astype(np.float32)
    holed = mask.copy()
    holed[62:86, 90:130] = 0
    sides = [
        8 * functional.adaptive_avg_pool2d(torch.from_numpy(each)[None, None], size) - 4
        for each, size in ((holed, SIZE), (mask, (30, 54)), (mask, (8, 14)))
    ]
    fused = answer(sides, torch.tensor([0.6, 0.6, 0.4]))
    shown = {f"{side.shape[2]} x {side.shape[3]}": side for side in sides} | {"fused": fused}
    height, width = SIZE
    return row(
        {
            name: cv2.resize(grey(scores[0, 0].sigmoid().numpy()), (width, height), interpolation=0)
            for name, scores in shown.items()
        },
        "Your fuse_side_outputs at work: fine sizes draw the outline, coarse ones fill the hole.",
        "Four maps. The finest shows an animal with a hole, the next one the animal in squares, "
        "the coarsest a bright blot; fused, the animal has a sharp outline and hardly a hole.",
    )


def fine_tune(answer: Callable[..., list[float]]) -> Figure:
    """Twenty steps on one of two animals."""
    network = parent()
    frames, masks = pair()[:2]
    inputs = as_input(frames[0])
    truth = torch.from_numpy((masks[0] == 1).astype(np.uint8))[None, None]
    before = probability(network, frames[6])
    losses = answer(network, [(inputs, truth)] * 20, segmentation_loss, 1e-3)
    return row(
        {
            "frame 0 is annotated": comparison(masks[0] == 1, masks[0] == 1, frames[0]),
            f"frame 6 before: loss {losses[0]:.2f}": grey(before),
            f"after 20 steps: loss {losses[-1]:.2f}": grey(probability(network, frames[6])),
        },
        "Your fine_tune at work: the network knew objects, and now it prefers this one.",
        "A frame in which one of two animals is annotated. In a later frame the parent network is "
        "bright on both animals; after fine-tuning the annotated one is the brighter one.",
    )


def parent() -> SegmentationNetwork:
    """The parent network of OSVOS."""
    network = SegmentationNetwork()
    load_into(network, "osvos-parent")
    return network.eval()


def probability(network: SegmentationNetwork, frame: np.ndarray) -> np.ndarray:
    """How sure a network is of the object at each pixel, 0 to 1."""
    with torch.inference_mode():
        fused: torch.Tensor = network(as_input(frame))[0]
    return fused[0, 0].sigmoid().numpy()


def snap_to_contours(answer: Callable[..., np.ndarray]) -> Figure:
    """A rough mask and regions that keep to the true outline."""
    frame, truth = walker().frames[4], walker().masks[4] > 0
    rough = cv2.GaussianBlur(truth.astype(np.float32), (0, 0), 6) > 0.4
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]] // 8
    regions = (2 * (rows * (SIZE[1] // 8 + 1) + columns) + truth).astype(np.int32)
    pixels = np.bincount(regions.ravel()).clip(1)
    sums = [np.bincount(regions.ravel(), frame[..., c].ravel()) for c in range(3)]
    means = np.stack(sums, axis=-1) / pixels[:, None]
    return row(
        {
            "before": comparison(rough, truth, frame),
            "regions": means[regions].astype(np.uint8),
            "after": comparison(answer(rough, regions), truth, frame),
        },
        "Your snap_to_contours at work: each region decides as a whole, right or wrong.",
        "A rough mask without gaps between the legs; the frame as squares that end at the outline "
        "of the animal; and the mask that keeps to these regions, with sharp legs and some wrong "
        "squares.",
    )
