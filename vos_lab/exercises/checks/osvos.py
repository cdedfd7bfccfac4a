"""Checks of lesson 05: class_balanced_loss, fuse_side_outputs, fine_tune and snap_to_contours."""

import copy
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.exercises.compare import difference
from vos_lab.methods.contours import snap_to_contours
from vos_lab.methods.fine_tuning import Batch, Loss, fine_tune
from vos_lab.methods.networks import SegmentationNetwork, SmallBackbone, fuse_side_outputs
from vos_lab.methods.osvos import class_balanced_loss, cross_entropy
from vos_lab.video import VOID

# --- class_balanced_loss ----------------------------------------------------------------------


def balanced(
    score: torch.Tensor, positive: torch.Tensor, counts: torch.Tensor, wrong: str = ""
) -> torch.Tensor:
    """The loss as the reference computes it, with knobs to turn wrong."""
    number = counts.sum().clamp(min=1)
    beta = 1 - positive.sum() / number
    target = positive.float()
    entropy = functional.binary_cross_entropy_with_logits(score, target, reduction="none")
    if wrong == "overflow":
        p = score.sigmoid()
        entropy = -(target * p.log() + (1 - target) * (1 - p).log())
    if wrong == "twice":
        entropy = functional.binary_cross_entropy_with_logits(
            score.sigmoid(), target, reduction="none"
        )
    weight = torch.where(positive, beta, 1 - beta) * counts
    if wrong == "exchanged":
        weight = torch.where(positive, 1 - beta, beta) * counts
    if wrong == "sum":
        return (entropy * weight).sum()
    if wrong == "by weight":
        return (entropy * weight).sum() / weight.sum().clamp(min=1e-9)
    return (entropy * weight).sum() / number


def loss_exchanged(score: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Gives the large weight to the background."""
    counts = truth != VOID
    return balanced(score, counts & (truth > 0), counts, "exchanged")


def loss_plain(score: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Counts each pixel alike."""
    return cross_entropy(score, truth)


def loss_void_is_background(score: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Takes void for background."""
    return balanced(score, truth == 1, torch.ones_like(truth, dtype=torch.bool))


def loss_void_is_object(score: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Takes void for the object."""
    return balanced(score, truth > 0, torch.ones_like(truth, dtype=torch.bool))


def loss_overflow(score: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Takes the logarithm of a sigmoid."""
    counts = truth != VOID
    return balanced(score, counts & (truth > 0), counts, "overflow")


def loss_twice(score: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Puts the scores through a sigmoid twice."""
    counts = truth != VOID
    return balanced(score, counts & (truth > 0), counts, "twice")


def loss_sum(score: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Adds up and does not divide."""
    counts = truth != VOID
    return balanced(score, counts & (truth > 0), counts, "sum")


def loss_by_weight(score: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Divides by the weights."""
    counts = truth != VOID
    return balanced(score, counts & (truth > 0), counts, "by weight")


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
            loss_exchanged,
        ),
        Mistake(
            "Each pixel counts alike: this is plain cross-entropy. Multiply the object by beta and "
            "the background by 1 - beta.",
            loss_plain,
        ),
        Mistake(
            "Void was taken for background. It has no truth: it gets the weight 0, and does not "
            "count in beta or in the number of pixels.",
            loss_void_is_background,
        ),
        Mistake(
            "Void is 255, which is above 0, so it was taken for the object. Leave it out first.",
            loss_void_is_object,
        ),
        Mistake(
            "The logarithm of a sigmoid that has been rounded to 0 is minus infinity. Use the "
            "library function that takes log-odds.",
            loss_overflow,
        ),
        Mistake(
            "The scores went through the sigmoid twice. The function with_logits does that "
            "itself: give it log-odds.",
            loss_twice,
        ),
        Mistake(
            "This is the sum. A large frame would have a large loss then: divide by the number of "
            "pixels that count.",
            loss_sum,
        ),
        Mistake(
            "This was divided by the sum of the weights. Divide by the number of pixels that "
            "count.",
            loss_by_weight,
        ),
    ],
    hints=[
        "A frame has twenty pixels of background for each of the object. What does a network "
        "learn that wants the mean loss to be small? What would you change?",
        "beta is the share of the background among the pixels that count. The object is weighted "
        "by beta, the background by 1 - beta, void by 0.",
        "binary_cross_entropy_with_logits with reduction='none' gives the loss of each pixel. "
        "torch.where gives the weight. Sum of the products, over the number of pixels that count; "
        "clamp that to 1 at least.",
    ],
    tolerance=1e-5,
)

# --- fuse_side_outputs ------------------------------------------------------------------------


def fused(
    sides: Sequence[torch.Tensor],
    weight: torch.Tensor,
    **how: Any,
) -> torch.Tensor:
    """Enlarge in some way, and add up with weights."""
    size = sides[0].shape[-2:]
    how = how or {"mode": "bilinear", "align_corners": False}
    large = torch.stack([functional.interpolate(side, size, **how) for side in sides])
    return (large * weight[:, None, None, None, None]).sum(dim=0)


def fuse_unweighted(sides: Sequence[torch.Tensor], weight: torch.Tensor) -> torch.Tensor:
    """Forgets the weights."""
    return fused(sides, torch.ones_like(weight))


def fuse_mean(sides: Sequence[torch.Tensor], weight: torch.Tensor) -> torch.Tensor:
    """Averages."""
    return fused(sides, weight) / len(sides)


def fuse_probabilities(sides: Sequence[torch.Tensor], weight: torch.Tensor) -> torch.Tensor:
    """Fuses probabilities."""
    return fused([side.sigmoid() for side in sides], weight)


def fuse_small(sides: Sequence[torch.Tensor], weight: torch.Tensor) -> torch.Tensor:
    """Brings all to the smallest size."""
    return fused(list(sides)[::-1], weight.flip(0))


def fuse_backwards(sides: Sequence[torch.Tensor], weight: torch.Tensor) -> torch.Tensor:
    """Takes the weights from the other end."""
    return fused(sides, weight.flip(0))


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
            "The coarse outputs were enlarged in blocks, so the mask gets stairs. Enlarge them "
            "bilinearly.",
            partial(fused, mode="nearest"),
        ),
        Mistake(
            "Corner pixels were put on corner pixels, so each coarse opinion sits beside its "
            "place. A pixel has an area: align_corners=False.",
            partial(fused, mode="bilinear", align_corners=True),
        ),
        Mistake(
            "The weights were not used: all sizes count alike. Multiply each with its weight.",
            fuse_unweighted,
        ),
        Mistake(
            "This is the mean. Add up; the weights say already how much each size counts.",
            fuse_mean,
        ),
        Mistake(
            "Probabilities were added, which gives more than 1. Log-odds are evidence: add those. "
            "The sigmoid comes after the fusion.",
            fuse_probabilities,
        ),
        Mistake(
            "All were brought to the size of the last one, which is the coarsest. Take that of the "
            "first.",
            fuse_small,
        ),
        Mistake(
            "The weights were taken from the wrong end. The first belongs to the largest size.",
            fuse_backwards,
        ),
    ],
    hints=[
        "Five witnesses look at the same place from near and from far. Before you add up what they "
        "say, it must be about the same pixels.",
        "functional.interpolate brings each to the height and width of the first. Then it is a "
        "weighted sum.",
        "mode='bilinear', align_corners=False. Stack along a new first dimension, give the weights "
        "four more dimensions, multiply, sum over the first.",
    ],
    tolerance=1e-5,
)

# --- fine_tune --------------------------------------------------------------------------------

Watch = Callable[[float], Any] | None


def tuned(
    network: nn.Module,
    batches: Iterable[Batch],
    loss: Loss,
    learning_rate: float,
    wrong: str = "",
) -> list[Any]:
    """Fine-tune as the reference does, with knobs to turn wrong."""
    network.train()
    losses: list[Any] = []
    maker = torch.optim.SGD if wrong == "sgd" else torch.optim.Adam
    optimiser = maker(network.parameters(), 1e-3 if wrong == "rate" else learning_rate)
    for inputs, truth in batches:
        if wrong == "fresh":
            optimiser = maker(network.parameters(), learning_rate)
        value = loss(network(inputs)[0], truth)
        if wrong == "coarse":
            value = loss(network(inputs)[1][0], truth)
        if wrong != "accumulated":
            optimiser.zero_grad()
        value.backward()
        if wrong != "no step":
            optimiser.step()
        if wrong == "after":
            with torch.no_grad():
                value = loss(network(inputs)[0], truth)
        losses.append(value if wrong == "tensor" else float(value.detach()))
    network.eval()
    return losses


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


def numbers(inputs: Inputs, got: Any) -> str | None:
    """Compare with the reference, and make sure that the losses are numbers."""
    # The network is changed by whoever uses it: here it is that of the inputs, still untouched.
    expected = fine_tune.reference(**copy.deepcopy(inputs))
    problem = difference(expected, got, 1e-3)
    if problem is None and not all(isinstance(value, float) for value in got):
        kind = next(type(value).__name__ for value in got if not isinstance(value, float))
        return f"expected losses that are numbers (float), got a {kind}"
    return problem


FINE_TUNE = Check(
    fine_tune,
    cases=[
        Case("one step", lambda rng: lesson_for_a_network(rng, 1)),
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
            "The gradients of all steps pile up: backward adds to what is there. Set them to zero "
            "before each backward.",
            partial(tuned, wrong="accumulated"),
        ),
        Mistake(
            "The network does not learn. backward only computes gradients; optimiser.step() "
            "changes the weights, and zero_grad must not come between the two.",
            partial(tuned, wrong="no step"),
        ),
        Mistake(
            "The optimiser is made anew in every step, so Adam forgets what it knows about the "
            "gradients. Make it once, before the loop.",
            partial(tuned, wrong="fresh"),
        ),
        Mistake(
            "This is plain gradient descent. Adam gives each weight a step size of its own.",
            partial(tuned, wrong="sgd"),
        ),
        Mistake(
            "The learning rate was not passed on: Adam took its own, 0.001.",
            partial(tuned, wrong="rate"),
        ),
        Mistake(
            "These are the losses after each step. Keep the one that you stepped with: another "
            "look at the network costs as much time again.",
            partial(tuned, wrong="after"),
        ),
        Mistake(
            "Each loss is a tensor that holds on to its whole computation, so memory grows with "
            "every step. Keep a number: float(value.detach()).",
            partial(tuned, wrong="tensor"),
        ),
        Mistake(
            "A side output was learned from. The network gives two things: the fused output "
            "first, then the list of side outputs.",
            partial(tuned, wrong="coarse"),
        ),
    ],
    hints=[
        "To overfit is the aim here: the same few pictures, until the network knows this one "
        "object. What happens in one step of learning?",
        "Forward, loss, gradients to zero, backward, step. The optimiser lives through all steps.",
        "torch.optim.Adam(network.parameters(), learning_rate); network(inputs) gives the fused "
        "output and the sides; value.backward(); append float(value.detach()), and tell watch if "
        "there is one.",
    ],
    tolerance=1e-3,
    judge=numbers,
)

# --- snap_to_contours -------------------------------------------------------------------------


def shares(mask: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """How much of each region is object."""
    pixels = np.maximum(np.bincount(regions.ravel()), 1)
    return np.bincount(regions.ravel(), mask.ravel().astype(np.float64)) / pixels


def snapped_any(mask: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """One pixel is enough."""
    return (shares(mask, regions) > 0)[regions]


def snapped_half(mask: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Half is enough."""
    return (shares(mask, regions) >= 0.5)[regions]


def snapped_only_less(mask: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Only takes away."""
    return (mask > 0.5) & (shares(mask, regions) > 0.5)[regions]


def snapped_only_more(mask: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Only adds."""
    return (mask > 0.5) | (shares(mask, regions) > 0.5)[regions]


def snapped_cut_first(mask: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Cuts the soft mask first."""
    return (shares(mask > 0.5, regions) > 0.5)[regions]


def snapped_not_zero(mask: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Takes region 0 for background."""
    return (shares(mask, regions) > 0.5)[regions] & (regions > 0)


def snapped_whole_object(mask: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Asks for half of the object instead of half of the region."""
    inside = np.bincount(regions.ravel(), mask.ravel().astype(np.float64))
    return (inside > 0.5 * mask.sum())[regions]


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
            "A single pixel drew its whole region in. More than half of a region must be object.",
            snapped_any,
        ),
        Mistake(
            "A region of which exactly half is object was taken. More than half: use >, not >=.",
            snapped_half,
        ),
        Mistake(
            "Pixels were only taken away. A region that is object is so as a whole: its missing "
            "pixels are filled.",
            snapped_only_less,
        ),
        Mistake(
            "Pixels were only added. A region that is not object loses those that it had.",
            snapped_only_more,
        ),
        Mistake(
            "The soft mask was cut at one half before it was counted. Count how much of each pixel "
            "is object.",
            snapped_cut_first,
        ),
        Mistake(
            "Region 0 was taken for background. It is a region like any other.", snapped_not_zero
        ),
        Mistake(
            "This asks for half of the object. Ask for half of the region: compare with its own "
            "number of pixels.",
            snapped_whole_object,
        ),
    ],
    hints=[
        "Every region has one vote for itself. What does it have to count, and when does it say "
        "yes?",
        "np.bincount over the numbers of the regions counts their pixels. With weights it adds up "
        "how much of them is object.",
        "Flatten both for np.bincount. Compare the second count with half of the first: one answer "
        "for each region. Index it with the map of regions to get one for each pixel.",
    ],
)

CHECKS = [CLASS_BALANCED_LOSS, FUSE_SIDE_OUTPUTS, FINE_TUNE, SNAP_TO_CONTOURS]
