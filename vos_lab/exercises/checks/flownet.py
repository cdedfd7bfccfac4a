"""Checks of lesson 03: correlation, refine and multiscale_epe."""

import numpy as np
import torch

from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.flow.flownet import correlation, multiscale_epe, refine


def tensor(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> torch.Tensor:
    """Random numbers, float32."""
    return torch.from_numpy((scale * rng.standard_normal(shape)).astype(np.float32))


# --- correlation ------------------------------------------------------------------------------


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
            (" / channels", ""),
        ),
        Mistake(
            "The displacement has the wrong sign. A score for dx looks in the second image at x + "
            "dx: where the place has gone, not where it came from.",
            ("gather(2, places)", "gather(2, places).flip(2)"),
        ),
        Mistake(
            "dx and dy are exchanged in the order of the channels. dy changes slowly, dx quickly, "
            "as rows and columns of a page do.",
            (
                "step[:, None] * (width + 2 * reach) + step",
                "step[:, None] + step * (width + 2 * reach)",
            ),
        ),
        Mistake(
            "What leaves the image on one side comes in again on the other side. torch.roll does "
            "that. Instead, put a border of zeros around the image, and cut pieces out of it.",
            (
                "functional.pad(second, (reach, reach, reach, reach))",
                "second[:, :, torch.arange(-reach, height + reach) % height]",
            ),
            (
                "# Step 2",
                "padded = padded[..., torch.arange(-reach, width + reach) % width]\n    # Step 2",
            ),
        ),
        Mistake(
            "Outside of the second image there is nothing to match: pad with zeros, not with a "
            "repeated border.",
            (
                "functional.pad(second, (reach, reach, reach, reach))",
                'functional.pad(second, (reach, reach, reach, reach), mode="replicate")',
            ),
        ),
        Mistake(
            "You moved the first image instead of the second. The result belongs to the places of "
            "the first image, so you have to look up other places in the second one.",
            ("# Step 1", "first, second = second, first\n    # Step 1"),
        ),
        Mistake(
            "Displacements are missing: from -reach to +reach there are 2 reach + 1 of them, and "
            "range() leaves out its end.",
            ("side = 2 * reach + 1", "side = 2 * reach"),
        ),
        Mistake(
            "Here dy and dx are two axes. The next layer is an ordinary convolution, so put all "
            "displacements along the axis of the channels.",
            ("batch, side * side,", "batch, side, side,"),
        ),
    ],
    hints=[
        "You compare a place of the first image with places of the second one. How many places "
        "are these, and which of them is channel 0?",
        "For one displacement, all places are compared at once: cut from the padded second image "
        "a piece of the size of the first that begins elsewhere, multiply, take the mean over the "
        "channels.",
        "Two loops, dy outside and dx inside, both from 0 to 2 reach, give the pieces [dy : dy + "
        "H, dx : dx + W] of the padded image. Stack the results along axis 1.",
    ],
    tolerance=1e-5,
    gradients=("first", "second"),
)

# --- refine -----------------------------------------------------------------------------------


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
    """The same vector everywhere, and features that say nothing."""
    inputs = level(rng, 1, 1, 1, 1, 1, 2)
    flow = torch.tensor([3.0, -2.0]).reshape(1, 2, 1, 1).expand(1, 2, 1, 2).clone()
    zeros = {name: torch.zeros_like(inputs[name]) for name in ("deep", "skip", "weight", "bias")}
    return inputs | zeros | {"flow": flow, "bias": torch.ones(1)}  # the ReLU has a kink at 0


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
            "You doubled the vectors. There are twice as many places on each side, but the unit "
            "is a pixel of the image at every scale, so the numbers stay the same.",
            (", finer]", ", 2 * finer]"),
        ),
        Mistake(
            "The skip features are missing. Only they still know where the edges are.",
            ("[skip, ", "["),
        ),
        Mistake(
            "The coarser flow is missing: this scale should correct it, not find it again.",
            (", finer]", "]"),
        ),
        Mistake(
            "The leaky ReLU after the up-convolution is missing.",
            ("functional.leaky_relu(enlarged, 0.1)", "enlarged"),
        ),
        Mistake(
            "Negative features were cut off. The ReLU here is leaky: below 0 a tenth goes through.",
            ("leaky_relu(enlarged, 0.1)", "relu(enlarged)"),
        ),
        Mistake(
            "The leaky ReLU has PyTorch's own slope, 0.01. Give it 0.1.",
            ("(enlarged, 0.1)", "(enlarged)"),
        ),
        Mistake(
            "The bias of the up-convolution is missing.",
            ("weight, bias, stride", "weight, None, stride"),
        ),
        Mistake(
            "The flow went through the ReLU, which makes every motion to the left or up ten times "
            "shorter. Only the features are rectified.",
            (", finer]", ", functional.leaky_relu(finer, 0.1)]"),
        ),
        Mistake(
            "The vectors were repeated, which leaves blocks. Enlarge the flow bilinearly.",
            ('mode="bilinear", align_corners=False', 'mode="nearest"'),
        ),
        Mistake(
            "The corner pixels were put on top of each other. But a pixel has an area: with "
            "align_corners=False both maps cover the same area.",
            ("align_corners=False", "align_corners=True"),
        ),
        Mistake(
            "All three are there, but in another order. The next layers were trained on this "
            "order: skip features, enlarged deep features, enlarged flow.",
            ("[skip, enlarged,", "[enlarged, skip,"),
        ),
    ],
    hints=[
        "Deep features know what moves, skip features know where its edge is, and the coarser "
        "flow is a first answer. What do you have to do so that the three have the same size?",
        "The deep features are enlarged by a learned up-convolution, the flow by plain "
        "interpolation. Does a vector of 3 pixels of the image change when it is stored more "
        "finely?",
        "conv_transpose2d with stride 2 and padding 1, then leaky_relu with slope 0.1; interpolate "
        "with scale_factor 2, bilinear, align_corners=False; torch.cat along the channels.",
    ],
    tolerance=1e-5,
    gradients=("deep", "flow", "skip", "weight", "bias"),
)

# --- multiscale_epe ---------------------------------------------------------------------------


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
            "You made the true vectors shorter when you shrank the map. But the unit is a pixel "
            "of the image at every scale: shrink the map, not the vectors.",
            (
                "# Step 2",
                "small = small * (flow.shape[3] / truth.shape[3])\n        # Step 2",
            ),
        ),
        Mistake(
            "|dx| and |dy| were added. The endpoint error is the length of the difference: the "
            "root of the sum of the squares.",
            (
                "((flow - small) ** 2).sum(dim=1).add(1e-12).sqrt()",
                "(flow - small).abs().sum(dim=1)",
            ),
        ),
        Mistake(
            "This is the mean absolute error of the numbers dx and dy. The endpoint error takes "
            "the two of a place together: the root of the sum of their squares.",
            ("((flow - small) ** 2).sum(dim=1).add(1e-12).sqrt()", "(flow - small).abs()"),
        ),
        Mistake(
            "These are squares of distances. Take the root at each place, before the mean.",
            (".add(1e-12).sqrt()", ""),
        ),
        Mistake(
            "You added the errors of all places. Take their mean, because otherwise fine scales "
            "and large images count far more than the rest.",
            ("error.mean()", "error.sum()"),
        ),
        Mistake(
            "You took the root of the mean. Take the root at each place first, because a large "
            "error should count with its length and no more.",
            (".add(1e-12).sqrt()", ""),
            ("error.mean()", "error.mean().sqrt()"),
        ),
        Mistake(
            "The weights were not used. Multiply the error of each scale by its weight.",
            ("weight * ", ""),
        ),
        Mistake(
            "You divided the sum by the number of scales. The weights already say how much each "
            "scale counts.",
            ("return loss", "return loss / len(flows)"),
        ),
        Mistake(
            "Only the last scale counts here. Add all of them, each with its weight.",
            ("loss + weight", "weight"),
        ),
        Mistake(
            "The truth was shrunk bilinearly, which looks at four vectors of each block. Take the "
            "mean of all of them.",
            (
                "functional.adaptive_avg_pool2d(truth, (flow.shape[2], flow.shape[3]))",
                'functional.interpolate(truth, flow.shape[2:], mode="bilinear")',
            ),
        ),
        Mistake(
            "Where the error is 0 the slope of the root is infinite, so the gradient is not a "
            "number. Add a small number under the root.",
            (".add(1e-12)", ""),
        ),
        Mistake(
            "One true vector was picked from each block. Take the mean of the block.",
            (
                "functional.adaptive_avg_pool2d(truth, (flow.shape[2], flow.shape[3]))",
                'functional.interpolate(truth, flow.shape[2:], mode="nearest")',
            ),
        ),
    ],
    hints=[
        "A layer has one vector for a block of 32 x 32 pixels. What is the right answer for it?",
        "For each scale: the truth averaged over blocks, the length of the difference at each "
        "place, the mean over all places and pairs, times the weight.",
        "adaptive_avg_pool2d shrinks the truth to the size of the flow. Square, sum over the "
        "channels (axis 1), add 1e-12, take the root, then the mean.",
    ],
    tolerance=2e-3,  # "a little" under the root may be 1e-6
    gradients=("flows",),
)

CHECKS = [CORRELATION, REFINE, MULTISCALE_EPE]
