"""Checks of lesson 03: correlation, refine and multiscale_epe."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.flow.flownet import correlation, multiscale_epe, refine


def tensor(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> torch.Tensor:
    """Random numbers, float32."""
    return torch.from_numpy((scale * rng.standard_normal(shape)).astype(np.float32))


# --- correlation ------------------------------------------------------------------------------


def scores(
    first: torch.Tensor,
    second: torch.Tensor,
    reach: int,
    sign: int = 1,
    columns_first: bool = False,
) -> torch.Tensor:
    """The mean product for each displacement, with two knobs to turn wrong."""
    height, width = first.shape[2:]
    padded = functional.pad(second, (reach, reach, reach, reach))
    found = []
    for a in range(-reach, reach + 1):
        for b in range(-reach, reach + 1):
            dy, dx = (b, a) if columns_first else (a, b)
            top, left = reach + sign * dy, reach + sign * dx
            moved = padded[:, :, top : top + height, left : left + width]
            found.append((first * moved).mean(dim=1))
    return torch.stack(found, dim=1)


def corr_sum(first: torch.Tensor, second: torch.Tensor, reach: int) -> Any:
    """Adds the channels."""
    return first.shape[1] * scores(first, second, reach)


def corr_sign(first: torch.Tensor, second: torch.Tensor, reach: int) -> Any:
    """Looks where things come from."""
    return scores(first, second, reach, sign=-1)


def corr_columns(first: torch.Tensor, second: torch.Tensor, reach: int) -> Any:
    """Counts dx before dy."""
    return scores(first, second, reach, columns_first=True)


def corr_wraps(first: torch.Tensor, second: torch.Tensor, reach: int) -> Any:
    """Rolls, so that what leaves on one side comes in on the other."""
    steps = range(-reach, reach + 1)
    rolled = [torch.roll(second, (-dy, -dx), (2, 3)) for dy in steps for dx in steps]
    return torch.stack([(first * each).mean(dim=1) for each in rolled], dim=1)


def corr_repeats(first: torch.Tensor, second: torch.Tensor, reach: int) -> Any:
    """Repeats the border."""
    border = (reach, reach, reach, reach)
    wide = functional.pad(second, border, mode="replicate")
    height, width = first.shape[2:]
    steps = range(2 * reach + 1)
    cut = [wide[:, :, y : y + height, x : x + width] for y in steps for x in steps]
    return torch.stack([(first * each).mean(dim=1) for each in cut], dim=1)


def corr_moves_first(first: torch.Tensor, second: torch.Tensor, reach: int) -> Any:
    """Pads and moves the first image."""
    return scores(second, first, reach)


def corr_one_short(first: torch.Tensor, second: torch.Tensor, reach: int) -> Any:
    """Leaves out the last displacement: range stops before its end."""
    side = 2 * reach + 1
    whole = scores(first, second, reach)
    grid = whole.reshape(len(first), side, side, *first.shape[2:])
    return grid[:, : side - 1, : side - 1].flatten(1, 2)


def corr_grid(first: torch.Tensor, second: torch.Tensor, reach: int) -> Any:
    """Keeps dy and dx apart."""
    side = 2 * reach + 1
    return scores(first, second, reach).unflatten(1, (side, side))


def one_place(rng: np.random.Generator) -> Inputs:
    """A single bright place goes one to the right and none down."""
    first, second = torch.zeros(1, 1, 3, 3), torch.zeros(1, 1, 3, 3)
    first[0, 0, 1, 1], second[0, 0, 1, 2] = 3, 2
    return {"first": first, "second": second, "reach": 1}


def one_down(rng: np.random.Generator) -> Inputs:
    """A single bright place goes down by two."""
    first, second = torch.zeros(1, 2, 4, 3), torch.zeros(1, 2, 4, 3)
    first[0, :, 0, 1], second[0, :, 2, 1] = 1, 4
    return {"first": first, "second": second, "reach": 2}


CORRELATION = Check(
    correlation,
    cases=[
        Case("one bright place, one step to the right", one_place),
        Case("one bright place, two steps down", one_down),
        Case(
            "no displacement at all",
            lambda rng: {
                "first": tensor(rng, 1, 3, 2, 2),
                "second": tensor(rng, 1, 3, 2, 2),
                "reach": 0,
            },
        ),
        Case(
            "more columns than rows",
            lambda rng: {
                "first": tensor(rng, 1, 4, 3, 5),
                "second": tensor(rng, 1, 4, 3, 5),
                "reach": 1,
            },
        ),
        Case(
            "a reach beyond the image",
            lambda rng: {
                "first": tensor(rng, 1, 2, 2, 3),
                "second": tensor(rng, 1, 2, 2, 3),
                "reach": 4,
            },
        ),
        Case(
            "two pairs at once",
            lambda rng: {
                "first": tensor(rng, 2, 8, 6, 7),
                "second": tensor(rng, 2, 8, 6, 7),
                "reach": 3,
            },
        ),
    ],
    mistakes=[
        Mistake(
            "This is the sum over the channels. Take the mean, or wide networks get larger scores "
            "than narrow ones.",
            corr_sum,
        ),
        Mistake(
            "The displacement is turned round. A score for dx looks in the second image at x + dx: "
            "where the place has gone, not where it came from.",
            corr_sign,
        ),
        Mistake(
            "dx and dy are exchanged in the order of the channels. dy changes slowly, dx quickly, "
            "as rows and columns of a page do.",
            corr_columns,
        ),
        Mistake(
            "What leaves the image on one side comes in again on the other. torch.roll does that: "
            "put a border of zeros around the image, and cut.",
            corr_wraps,
        ),
        Mistake(
            "Outside of the second image there is nothing to match: pad with zeros, not with a "
            "repeated border.",
            corr_repeats,
        ),
        Mistake(
            "The first image was moved in place of the second. The result belongs to the places of "
            "the first image, so it is the second one that is looked up elsewhere.",
            corr_moves_first,
        ),
        Mistake(
            "Displacements are missing: from -reach to +reach there are 2 reach + 1 of them, and "
            "range() leaves out its end.",
            corr_one_short,
        ),
        Mistake(
            "dy and dx are two axes here. The next layer is an ordinary convolution: lay all "
            "displacements along the axis of the channels.",
            corr_grid,
        ),
    ],
    hints=[
        "A place of the first image is compared with places of the second. How many are those, "
        "and which of them is channel 0?",
        "For one displacement, all places are compared at once: cut from the padded second image "
        "a piece of the size of the first that begins elsewhere, multiply, take the mean over the "
        "channels.",
        "Two loops, over dy outside and dx inside, both from 0 to 2 reach, give the pieces "
        "[dy : dy + H, dx : dx + W] of the padded image. Stack what comes of them along axis 1.",
    ],
    tolerance=1e-5,
)

# --- refine -----------------------------------------------------------------------------------


def enlarged(
    deep: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, slope: float = 0.1
) -> torch.Tensor:
    """The up-convolution and what comes after it."""
    up = functional.conv_transpose2d(deep, weight, bias, stride=2, padding=1)
    return functional.leaky_relu(up, slope)


def finer(flow: torch.Tensor, mode: str = "bilinear", corners: bool | None = False) -> torch.Tensor:
    """The flow at twice the size."""
    return functional.interpolate(flow, scale_factor=2.0, mode=mode, align_corners=corners)


def ref_doubles(
    deep: torch.Tensor,
    flow: torch.Tensor,
    skip: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
) -> Any:
    """Doubles the vectors."""
    return torch.cat([skip, enlarged(deep, weight, bias), 2 * finer(flow)], dim=1)


def ref_no_skip(
    deep: torch.Tensor,
    flow: torch.Tensor,
    skip: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
) -> Any:
    """Forgets the skip features."""
    return torch.cat([enlarged(deep, weight, bias), finer(flow)], dim=1)


def ref_no_flow(
    deep: torch.Tensor,
    flow: torch.Tensor,
    skip: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
) -> Any:
    """Forgets the coarser flow."""
    return torch.cat([skip, enlarged(deep, weight, bias)], dim=1)


def ref_no_relu(
    deep: torch.Tensor,
    flow: torch.Tensor,
    skip: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
) -> Any:
    """Forgets the ReLU."""
    return torch.cat([skip, enlarged(deep, weight, bias, slope=1.0), finer(flow)], dim=1)


def ref_relu(
    deep: torch.Tensor,
    flow: torch.Tensor,
    skip: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
) -> Any:
    """Cuts off at 0."""
    return torch.cat([skip, enlarged(deep, weight, bias, slope=0.0), finer(flow)], dim=1)


def ref_default_slope(
    deep: torch.Tensor,
    flow: torch.Tensor,
    skip: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
) -> Any:
    """Takes PyTorch's own slope, 0.01."""
    return torch.cat([skip, enlarged(deep, weight, bias, slope=0.01), finer(flow)], dim=1)


def ref_no_bias(
    deep: torch.Tensor,
    flow: torch.Tensor,
    skip: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
) -> Any:
    """Forgets the bias."""
    return torch.cat([skip, enlarged(deep, weight, None), finer(flow)], dim=1)


def ref_relu_on_flow(
    deep: torch.Tensor,
    flow: torch.Tensor,
    skip: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
) -> Any:
    """Sends the flow through the ReLU too."""
    flow = functional.leaky_relu(finer(flow), 0.1)
    return torch.cat([skip, enlarged(deep, weight, bias), flow], dim=1)


def ref_nearest(
    deep: torch.Tensor,
    flow: torch.Tensor,
    skip: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
) -> Any:
    """Repeats vectors."""
    return torch.cat([skip, enlarged(deep, weight, bias), finer(flow, "nearest", None)], dim=1)


def ref_corners(
    deep: torch.Tensor,
    flow: torch.Tensor,
    skip: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
) -> Any:
    """Puts the corners on one another."""
    return torch.cat([skip, enlarged(deep, weight, bias), finer(flow, corners=True)], dim=1)


def ref_order(
    deep: torch.Tensor,
    flow: torch.Tensor,
    skip: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
) -> Any:
    """Lays them beside each other in another order."""
    return torch.cat([enlarged(deep, weight, bias), skip, finer(flow)], dim=1)


def level(rng: np.random.Generator, *shape: int) -> Inputs:
    """Random features; shape is N, C, S, U, h, w."""
    count, deep, skip, up, height, width = shape
    return {
        "deep": tensor(rng, count, deep, height, width),
        "flow": tensor(rng, count, 2, height, width, scale=5),
        "skip": tensor(rng, count, skip, 2 * height, 2 * width),
        "weight": tensor(rng, deep, up, 4, 4, scale=0.3),
        "bias": tensor(rng, up),
    }


def steady(rng: np.random.Generator) -> Inputs:
    """The same vector everywhere, and nothing else."""
    inputs = level(rng, 1, 1, 1, 1, 1, 2)
    flow = torch.tensor([3.0, -2.0]).reshape(1, 2, 1, 1).expand(1, 2, 1, 2).clone()
    zeros = {name: torch.zeros_like(inputs[name]) for name in ("deep", "skip", "weight", "bias")}
    return inputs | zeros | {"flow": flow}


REFINE = Check(
    refine,
    cases=[
        Case("everything moves by (3, -2) pixels", steady),
        Case("a small level", lambda rng: level(rng, 1, 1, 1, 1, 1, 2)),
        Case("more columns than rows", lambda rng: level(rng, 1, 3, 5, 2, 2, 4)),
        Case("two pairs at once", lambda rng: level(rng, 2, 6, 4, 3, 3, 5)),
    ],
    mistakes=[
        Mistake(
            "The vectors were doubled. Twice as many places, but the unit is a pixel of the image "
            "at every scale, so the numbers stay.",
            ref_doubles,
        ),
        Mistake(
            "The skip features are missing. They alone still know where edges are.", ref_no_skip
        ),
        Mistake(
            "The coarser flow is missing: this scale should correct it, not find it again.",
            ref_no_flow,
        ),
        Mistake("The leaky ReLU after the up-convolution is missing.", ref_no_relu),
        Mistake(
            "Negative features were cut off. The ReLU here is leaky: below 0 a tenth goes through.",
            ref_relu,
        ),
        Mistake("The leaky ReLU has PyTorch's own slope, 0.01. Give it 0.1.", ref_default_slope),
        Mistake("The up-convolution has lost its bias.", ref_no_bias),
        Mistake(
            "The flow went through the ReLU, which makes every motion to the left or up ten times "
            "shorter. Only the features are rectified.",
            ref_relu_on_flow,
        ),
        Mistake(
            "The vectors were repeated, which leaves blocks. Enlarge the flow bilinearly.",
            ref_nearest,
        ),
        Mistake(
            "The corner pixels were laid on one another. A pixel has an area: with "
            "align_corners=False both images cover the same one.",
            ref_corners,
        ),
        Mistake(
            "All three are there, in another order. The layers behind were trained on: skip "
            "features, enlarged deep features, enlarged flow.",
            ref_order,
        ),
    ],
    hints=[
        "Deep features know what moves, skip features know where its edge is, the coarser flow is "
        "a first answer. What has to happen before they fit beside each other?",
        "The deep features are enlarged by a learned up-convolution, the flow by plain "
        "interpolation. Does a vector of 3 pixels of the image change when it is stored more "
        "finely?",
        "conv_transpose2d with stride 2 and padding 1, then leaky_relu with slope 0.1; interpolate "
        "with scale_factor 2, bilinear, align_corners=False; torch.cat along the channels.",
    ],
    tolerance=1e-5,
)

# --- multiscale_epe ---------------------------------------------------------------------------


def loss(
    flows: Sequence[torch.Tensor],
    truth: torch.Tensor,
    weights: Sequence[float],
    error: Any = lambda d: (d**2).sum(dim=1).add(1e-12).sqrt(),
    scaled: bool = False,
    total: bool = False,
) -> torch.Tensor:
    """The loss, with knobs to turn wrong."""
    result = truth.new_zeros(())
    for flow, weight in zip(flows, weights, strict=True):
        height, width = flow.shape[2:]
        small = functional.adaptive_avg_pool2d(truth, (height, width))
        if scaled:
            small = small * (width / truth.shape[3])
        wrong = error(flow - small)
        result = result + weight * (wrong.sum() if total else wrong.mean())
    return result


def epe_scaled(flows: Sequence[torch.Tensor], truth: torch.Tensor, weights: Sequence[float]) -> Any:
    """Makes the vectors shorter too."""
    return loss(flows, truth, weights, scaled=True)


def epe_absolute(
    flows: Sequence[torch.Tensor], truth: torch.Tensor, weights: Sequence[float]
) -> Any:
    """Adds |dx| and |dy|."""
    return loss(flows, truth, weights, error=lambda d: d.abs().sum(dim=1))


def epe_mean_absolute(
    flows: Sequence[torch.Tensor], truth: torch.Tensor, weights: Sequence[float]
) -> Any:
    """The mean absolute error, l1_loss."""
    return loss(flows, truth, weights, error=torch.abs)


def epe_squared(
    flows: Sequence[torch.Tensor], truth: torch.Tensor, weights: Sequence[float]
) -> Any:
    """Forgets the root."""
    return loss(flows, truth, weights, error=lambda d: (d**2).sum(dim=1))


def epe_total(flows: Sequence[torch.Tensor], truth: torch.Tensor, weights: Sequence[float]) -> Any:
    """Sums over the places."""
    return loss(flows, truth, weights, total=True)


def epe_root_last(
    flows: Sequence[torch.Tensor], truth: torch.Tensor, weights: Sequence[float]
) -> Any:
    """Takes the root of the mean."""
    result = truth.new_zeros(())
    for flow, weight in zip(flows, weights, strict=True):
        small = functional.adaptive_avg_pool2d(truth, (flow.shape[2], flow.shape[3]))
        result = result + weight * ((flow - small) ** 2).sum(dim=1).mean().sqrt()
    return result


def epe_unweighted(
    flows: Sequence[torch.Tensor], truth: torch.Tensor, weights: Sequence[float]
) -> Any:
    """Ignores the weights."""
    return loss(flows, truth, [1.0] * len(flows))


def epe_averaged(
    flows: Sequence[torch.Tensor], truth: torch.Tensor, weights: Sequence[float]
) -> Any:
    """Divides by the number of scales."""
    return loss(flows, truth, weights) / len(flows)


def epe_last(flows: Sequence[torch.Tensor], truth: torch.Tensor, weights: Sequence[float]) -> Any:
    """Keeps only the last scale."""
    return loss(flows[-1:], truth, weights[-1:])


def epe_picks(flows: Sequence[torch.Tensor], truth: torch.Tensor, weights: Sequence[float]) -> Any:
    """Takes one vector out of each block."""
    result = truth.new_zeros(())
    for flow, weight in zip(flows, weights, strict=True):
        small = functional.interpolate(truth, flow.shape[2:], mode="nearest")
        result = result + weight * ((flow - small) ** 2).sum(dim=1).add(1e-12).sqrt().mean()
    return result


def pyramid(rng: np.random.Generator, count: int, height: int, width: int, *parts: int) -> Inputs:
    """Flow at several scales; ``parts`` says how much smaller each is."""
    flows = [tensor(rng, count, 2, height // n, width // n, scale=4) for n in parts]
    return {
        "flows": flows,
        "truth": tensor(rng, count, 2, height, width, scale=6),
        "weights": [round(float(w), 2) for w in rng.uniform(0.1, 1.5, len(parts))],
    }


def three_four_five(rng: np.random.Generator) -> Inputs:
    """An error of 5 pixels, at the size of the truth."""
    flow = torch.tensor([3.0, 4.0]).reshape(1, 2, 1, 1)
    return {"flows": [flow], "truth": torch.zeros(1, 2, 1, 1), "weights": [1.0]}


def right_at_a_quarter(rng: np.random.Generator) -> Inputs:
    """Right everywhere, at a smaller scale."""
    flow = torch.tensor([8.0, 0.0]).reshape(1, 2, 1, 1)
    return {"flows": [flow], "truth": flow.expand(1, 2, 4, 4).clone(), "weights": [1.0]}


def one_right_one_wrong(rng: np.random.Generator) -> Inputs:
    """Two places, one of them right."""
    flow = torch.tensor([[0.0, 6.0], [0.0, 8.0]]).reshape(1, 2, 1, 2)
    return {"flows": [flow], "truth": torch.zeros(1, 2, 1, 2), "weights": [0.5]}


MULTISCALE_EPE = Check(
    multiscale_epe,
    cases=[
        Case("one place, 3 pixels and 4 pixels off", three_four_five),
        Case("8 pixels to the right, known at a quarter of the size", right_at_a_quarter),
        Case("two places, one of them right", one_right_one_wrong),
        Case("blocks of 2 x 2 vectors", lambda rng: pyramid(rng, 1, 4, 6, 2)),
        Case("three scales", lambda rng: pyramid(rng, 1, 8, 8, 8, 4, 2)),
        Case("two pairs, four scales", lambda rng: pyramid(rng, 2, 16, 32, 8, 4, 2, 1)),
    ],
    mistakes=[
        Mistake(
            "The true vectors were made shorter with the image. The unit is a pixel of the image "
            "at every scale: shrink the map, not the vectors.",
            epe_scaled,
        ),
        Mistake(
            "|dx| and |dy| were added. The endpoint error is the length of the difference: the "
            "root of the sum of the squares.",
            epe_absolute,
        ),
        Mistake(
            "This is the mean absolute error of the numbers dx and dy. The endpoint error takes "
            "the two of a place together: the root of the sum of their squares.",
            epe_mean_absolute,
        ),
        Mistake(
            "These are squares of distances. Take the root at each place, before the mean.",
            epe_squared,
        ),
        Mistake(
            "The errors of all places were added. Take their mean, or fine scales and large images "
            "outweigh everything.",
            epe_total,
        ),
        Mistake(
            "The root was taken of the mean. Take it at each place: a few large errors should not "
            "count more than their length.",
            epe_root_last,
        ),
        Mistake(
            "The weights were not used. Multiply the error of each scale by its weight.",
            epe_unweighted,
        ),
        Mistake(
            "The sum was divided by the number of scales. The weights do all the weighing.",
            epe_averaged,
        ),
        Mistake(
            "Only the last scale counts here. Add all of them, each with its weight.", epe_last
        ),
        Mistake(
            "One true vector was picked from each block. Take the mean of the block.", epe_picks
        ),
    ],
    hints=[
        "What would be the right answer of a layer that has one vector for a block of 32 x 32 "
        "pixels?",
        "For each scale: the truth averaged over blocks, the length of the difference at each "
        "place, the mean over all places and pairs, times the weight.",
        "adaptive_avg_pool2d shrinks the truth to the size of the flow. Square, sum over the "
        "channels (axis 1), add 1e-12, take the root, then the mean.",
    ],
    tolerance=2e-3,  # "a little" under the root may be 1e-6
    gradients=("flows",),
)

CHECKS = [CORRELATION, REFINE, MULTISCALE_EPE]
