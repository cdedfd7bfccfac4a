"""Checks of lesson 05: class_balanced_loss, fuse_side_outputs, fine_tune and snap_to_contours."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from vos_lab.exercises.cases import Case, Check, Inputs, Listener, Mistake
from vos_lab.methods.contours import snap_to_contours
from vos_lab.methods.fine_tuning import fine_tune
from vos_lab.methods.networks import SegmentationNetwork, SmallBackbone, fuse_side_outputs
from vos_lab.methods.osvos import class_balanced_loss, cross_entropy
from vos_lab.video import VOID

# --- class_balanced_loss ----------------------------------------------------------------------


def loss_of_four(scores: Sequence[float], truth: Sequence[int]) -> Inputs:
    """A few pixels in a row."""
    return {
        "score": torch.tensor(scores, dtype=torch.float32),
        "truth": torch.tensor(truth, dtype=torch.uint8),
    }


def scored_frames(rng: np.random.Generator, shape: tuple[int, ...], void: float = 0.1) -> Inputs:
    """Log-odds of frames, and a truth of which some is void."""
    truth = (rng.random(shape) < 0.15).astype(np.uint8)
    truth[rng.random(shape) < void] = VOID
    return {
        "score": torch.from_numpy(rng.normal(0, 3, shape).astype(np.float32)),
        "truth": torch.from_numpy(truth),
    }


CLASS_BALANCED_LOSS = Check(
    class_balanced_loss,
    cases=[
        Case(
            "four pixels, one of them object, and no idea",
            lambda rng: loss_of_four([0, 0, 0, 0], [1, 0, 0, 0]),
        ),
        Case(
            "right about the background, wrong about the object",
            lambda rng: loss_of_four([-2, -2, -2, -2], [1, 0, 0, 0]),
        ),
        Case(
            "a void pixel, on which the network is wrong either way",
            lambda rng: loss_of_four([3, -1, -2, 4], [1, 0, 0, VOID]),
        ),
        Case("all is void", lambda rng: loss_of_four([1, -1], [VOID, VOID])),
        Case("a single pixel counts", lambda rng: loss_of_four([1, -1], [1, VOID])),
        Case(
            "very sure: log-odds of 150",
            lambda rng: loss_of_four([150, -150, 150, -2], [1, 0, 0, 1]),
        ),
        Case("no void", lambda rng: scored_frames(rng, (1, 1, 6, 9), void=0)),
        Case("two frames, two objects", lambda rng: scored_frames(rng, (2, 2, 11, 15))),
    ],
    mistakes=[
        Mistake(
            "The weights are exchanged. The object is the smaller class, so it gets the larger "
            "weight: beta, the share of the background.",
            ("positive, beta, 1 - beta", "positive, 1 - beta, beta"),
        ),
        Mistake(
            "Every pixel counts the same, so this is plain cross-entropy. Multiply the object by "
            "beta and the background by 1 - beta.",
            ("torch.where(positive, beta, 1 - beta) * counts", "counts"),
        ),
        Mistake(
            "You took void for background. The truth of void is not known, so it gets the weight "
            "0, and does not count in beta or in the number of pixels.",
            ("truth != VOID", "truth >= 0"),
            ("truth > 0", "truth == 1"),
        ),
        Mistake(
            "Void is 255, which is above 0, so you took it for the object. Leave it out first.",
            ("truth != VOID", "truth >= 0"),
        ),
        Mistake(
            "The logarithm of a sigmoid that has been rounded to 0 is minus infinity. Use the "
            "library function that takes log-odds.",
            ("functional.binary_cross_entropy_with_logits", "entropy_of_sigmoid"),
            entropy_of_sigmoid=lambda score, target, reduction: (
                -(target * score.sigmoid().log() + (1 - target) * (1 - score.sigmoid()).log())
            ),
        ),
        Mistake(
            "The scores went through the sigmoid twice. The function with_logits does that "
            "itself: give it log-odds.",
            ("with_logits(score,", "with_logits(score.sigmoid(),"),
        ),
        Mistake(
            "This is the sum. A large frame would have a large loss then: divide by the number of "
            "pixels that count.",
            ("(entropy * weight).sum() / number", "(entropy * weight).sum()"),
        ),
        Mistake(
            "This was divided by the sum of the weights. Divide by the number of pixels that "
            "count.",
            ("sum() / number", "sum() / weight.sum().clamp(min=1e-9)"),
        ),
    ],
    hints=[
        "A frame has twenty pixels of background for each pixel of the object. What does a "
        "network learn if only the mean loss counts? What would you change?",
        "beta is the share of the background among the pixels that count. The object is weighted "
        "by beta, the background by 1 - beta, void by 0.",
        "binary_cross_entropy_with_logits with reduction='none' gives the loss of each pixel. "
        "torch.where gives the weight. Sum of the products, over the number of pixels that count; "
        "clamp that to 1 at least.",
    ],
    tolerance=1e-5,
    gradients=("score",),
)

# --- fuse_side_outputs ------------------------------------------------------------------------


def side_outputs(
    rng: np.random.Generator, number: int, objects: int, sizes: Sequence[tuple[int, int]]
) -> Inputs:
    """Log-odds at several sizes, and weights."""

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.float32))

    return {
        "sides": [tensor(rng.normal(0, 3, (number, objects, *size))) for size in sizes],
        "weight": tensor(rng.uniform(-0.5, 1.5, len(sizes))),
    }


FUSE_SIDE_OUTPUTS = Check(
    fuse_side_outputs,
    cases=[
        Case(
            "two pixels, and a coarse opinion on both",
            lambda rng: {
                "sides": [torch.tensor([[[[-1.0, 1.0]]]]), torch.tensor([[[[2.0]]]])],
                "weight": torch.tensor([1.0, 0.5]),
            },
        ),
        Case(
            "four pixels, and two coarse ones",
            lambda rng: {
                "sides": [
                    torch.tensor([[[[0.0, 0.0, 0.0, 0.0]]]]),
                    torch.tensor([[[[-4.0, 4.0]]]]),
                ],
                "weight": torch.tensor([1.0, 0.25]),
            },
        ),
        Case("three sizes", lambda rng: side_outputs(rng, 1, 1, [(8, 12), (4, 6), (2, 3)])),
        Case(
            "sizes that are no halves, two frames, three objects",
            lambda rng: side_outputs(rng, 2, 3, [(9, 13), (5, 7), (3, 4)]),
        ),
        Case("a single size", lambda rng: side_outputs(rng, 2, 1, [(3, 5)])),
    ],
    mistakes=[
        Mistake(
            "You enlarged the coarse outputs in blocks, so the outline of the mask has steps. "
            "Enlarge them bilinearly.",
            ('mode="bilinear", align_corners=False', 'mode="nearest"'),
        ),
        Mistake(
            "You put corner pixels on corner pixels, so each coarse output is a little beside its "
            "place. A pixel has an area: align_corners=False.",
            ("align_corners=False", "align_corners=True"),
        ),
        Mistake(
            "You did not use the weights, so all sizes count the same. Multiply each size by its "
            "weight.",
            (" * weight[:, None, None, None, None]", ""),
        ),
        Mistake(
            "This is the mean. Take the sum, because the weights already say how much each size "
            "counts.",
            ("sum(dim=0)", "mean(dim=0)"),
        ),
        Mistake(
            "You added probabilities, which can give more than 1. Add the log-odds. The sigmoid "
            "comes after the fusion.",
            ("interpolate(side,", "interpolate(side.sigmoid(),"),
        ),
        Mistake(
            "You brought all of them to the size of the last one, which is the coarsest. Take the "
            "size of the first.",
            ("sides[0]", "sides[-1]"),
        ),
        Mistake(
            "The weights were taken from the wrong end. The first belongs to the largest size.",
            ("weight[", "weight.flip(0)["),
        ),
        Mistake(
            "You put the weights through a softmax. Use them as they are: a weight may be below "
            "0, and their sum does not have to be 1.",
            ("weight[", "weight.softmax(0)["),
        ),
    ],
    hints=[
        "Five side outputs look at the same frame at different sizes. Before you add them, they "
        "must refer to the same pixels.",
        "functional.interpolate brings each to the height and width of the first. Then it is a "
        "weighted sum.",
        "mode='bilinear', align_corners=False. Stack along a new first dimension, give the weights "
        "four more dimensions, multiply, sum over the first.",
    ],
    tolerance=1e-5,
    gradients=("sides", "weight"),
)

# --- fine_tune --------------------------------------------------------------------------------

Watch = Callable[[float], Any] | None


def lesson_for_a_network(
    rng: np.random.Generator, steps: int, learning_rate: float = 0.01, same: bool = False
) -> Inputs:
    """A tiny network, and pictures of a bright square to learn from."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(1000)))
        network = SegmentationNetwork(SmallBackbone(channels=(8, 16, 16)))
    batches = []
    for _ in range(steps):
        picture, truth = rng.random((1, 3, 16, 24)) * 0.5, np.zeros((1, 1, 16, 24), np.uint8)
        top, left = rng.integers(0, 8), rng.integers(0, 14)
        truth[..., top : top + 7, left : left + 9] = 1
        picture = (picture + 0.5 * truth).astype(np.float32)
        batches.append((torch.from_numpy(picture), torch.from_numpy(truth)))
    return {
        "network": network,
        "batches": batches[:1] * steps if same else batches,
        "loss": cross_entropy,
        "learning_rate": learning_rate,
    }


FINE_TUNE = Check(
    fine_tune,
    cases=[
        Case("one step", lambda rng: lesson_for_a_network(rng, 1)),
        Case(
            "somebody watches two steps",
            lambda rng: lesson_for_a_network(rng, 2) | {"watch": Listener()},
        ),
        Case(
            "two steps with one picture",
            lambda rng: lesson_for_a_network(rng, 2, same=True),
        ),
        Case("four steps, four pictures", lambda rng: lesson_for_a_network(rng, 4)),
        Case("a smaller learning rate", lambda rng: lesson_for_a_network(rng, 4, 0.003)),
        Case("nothing to learn from", lambda rng: lesson_for_a_network(rng, 0)),
    ],
    mistakes=[
        Mistake(
            "The gradients of all steps add up, because backward adds to what is there. Set them "
            "to zero before each backward.",
            ("optimiser.zero_grad()", ""),
        ),
        Mistake(
            "The network does not learn. backward only computes gradients; optimiser.step() "
            "changes the weights, and zero_grad must not come between the two.",
            ("optimiser.step()", ""),
        ),
        Mistake(
            "You make a new optimiser in every step, so Adam forgets what it knows about the "
            "gradients. Make it once, before the loop.",
            (
                "optimiser.zero_grad()",
                "optimiser = torch.optim.Adam(network.parameters(), learning_rate)\n"
                "        optimiser.zero_grad()",
            ),
        ),
        Mistake(
            "This is plain gradient descent. Adam gives each weight a step size of its own.",
            ("Adam", "SGD"),
        ),
        Mistake(
            "The learning rate was not passed on: Adam took its own, 0.001.",
            (", learning_rate)", ")"),
        ),
        Mistake(
            "These are the losses after each step. Keep the one that you stepped with: another "
            "look at the network costs as much time again.",
            ("float(value.detach())", "float(loss(network(inputs)[0], truth))"),
        ),
        Mistake(
            "Each loss is a tensor that holds on to its whole computation, so memory grows with "
            "every step. Keep a number: float(value.detach()).",
            ("float(value.detach())", "value"),
        ),
        Mistake(
            "watch was not told of each step, so a progress bar would stand still. Call it with "
            "the loss of the step, where it is not None.",
            ("watch(losses[-1])", "pass"),
        ),
        Mistake(
            "A side output was learned from. The network gives two things: the fused output "
            "first, then the list of side outputs.",
            ("fused, _ = network(inputs)", "_, (fused, *_) = network(inputs)"),
        ),
    ],
    hints=[
        "The aim is to overfit: the network sees the same few pictures until it knows this one "
        "object. What happens in one step of learning?",
        "Forward, loss, gradients to zero, backward, step. The optimiser lives through all steps.",
        "torch.optim.Adam(network.parameters(), learning_rate); network(inputs) gives the fused "
        "output and the sides; value.backward(); append float(value.detach()), and tell watch if "
        "there is one.",
    ],
    tolerance=1e-3,
)

# --- snap_to_contours -------------------------------------------------------------------------


def tiles(rng: np.random.Generator, height: int, width: int, soft: bool = False) -> Inputs:
    """Regions around random seeds, and a mask that does not quite follow them."""
    rows, columns = np.mgrid[:height, :width]
    seeds = rng.uniform(0, 1, (14, 2)) * [height, width]
    far = [np.hypot(rows - y, columns - x) for y, x in seeds]
    regions = np.argmin(far, axis=0).astype(np.int32)
    middle = np.hypot(rows - height / 2, columns - width / 2)
    mask = 1 / (1 + np.exp(middle - height / 3 + rng.normal(0, 2, (height, width))))
    return {"mask": mask.astype(np.float32) if soft else mask > 0.5, "regions": regions}


def row(mask: Sequence[float], regions: Sequence[int], soft: bool = False) -> Inputs:
    """A few pixels in a row."""
    return {
        "mask": np.array([mask], np.float32 if soft else bool),
        "regions": np.array([regions], np.int32),
    }


SNAP_TO_CONTOURS = Check(
    snap_to_contours,
    cases=[
        Case(
            "two regions: of one, two pixels of three are object; of the other, one",
            lambda rng: row([1, 1, 0, 1, 0, 0], [1, 1, 1, 0, 0, 0]),
        ),
        Case("exactly half", lambda rng: row([1, 0, 1, 1], [0, 0, 1, 1])),
        Case(
            "a soft mask, a little sure everywhere or very sure at one pixel",
            lambda rng: row([0.6, 0.6, 0.4, 1.0, 0.3, 0.3], [0, 0, 0, 1, 1, 1], soft=True),
        ),
        Case(
            "the first region is object, and a number is missing",
            lambda rng: row([1, 1, 1, 0, 0], [0, 0, 3, 3, 3]),
        ),
        Case("no object", lambda rng: row([0, 0, 0], [2, 0, 2])),
        Case("a frame", lambda rng: tiles(rng, 24, 32)),
        Case("a frame with a soft mask", lambda rng: tiles(rng, 24, 32, soft=True)),
    ],
    mistakes=[
        Mistake(
            "A single pixel was enough to take a whole region. More than half of a region must be "
            "object.",
            ("inside > 0.5 * pixels", "inside > 0"),
        ),
        Mistake(
            "You took a region of which exactly half is object. It must be more than half: use >, "
            "not >=.",
            ("inside > ", "inside >= "),
        ),
        Mistake(
            "You only took pixels away. If a region is object, all of it is object, so fill its "
            "missing pixels.",
            ("chosen[regions]", "(mask > 0.5) & chosen[regions]"),
        ),
        Mistake(
            "You only added pixels. If a region is not object, it loses the pixels that it had.",
            ("chosen[regions]", "(mask > 0.5) | chosen[regions]"),
        ),
        Mistake(
            "You cut the soft mask at one half before you counted. Count how much of each pixel "
            "is object.",
            ("mask.ravel()", "(mask.ravel() > 0.5)"),
        ),
        Mistake(
            "Region 0 was taken for background. It is a region like any other.",
            ("chosen[regions]", "chosen[regions] & (regions > 0)"),
        ),
        Mistake(
            "You compare with half of the object. Compare with half of the region: use its own "
            "number of pixels.",
            ("0.5 * pixels", "0.5 * mask.sum()"),
        ),
    ],
    hints=[
        "Every region becomes object or background as a whole. What do you have to count in it, "
        "and when does it become object?",
        "np.bincount over the numbers of the regions counts their pixels. With weights it adds up "
        "how much of them is object.",
        "Flatten both for np.bincount. Compare the second count with half of the first: one answer "
        "for each region. Index it with the map of regions to get one for each pixel.",
    ],
)

CHECKS = [CLASS_BALANCED_LOSS, FUSE_SIDE_OUTPUTS, FINE_TUNE, SNAP_TO_CONTOURS]
