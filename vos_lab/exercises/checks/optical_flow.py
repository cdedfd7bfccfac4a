"""Checks of lesson 02: flow_to_rgb, warp, lucas_kanade, horn_schunck and endpoint_error."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from vos_lab.exercise import Exercise
from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.exercises.compare import difference, show
from vos_lab.flow.classical import (
    horn_schunck,
    lucas_kanade,
)
from vos_lab.flow.colour import flow_to_rgb
from vos_lab.flow.files import known
from vos_lab.flow.warp import warp
from vos_lab.metrics.flow import endpoint_error


def constant(height: int, width: int, dx: float, dy: float) -> np.ndarray:
    """The same vector everywhere."""
    return np.tile(np.array([dx, dy], np.float32), (height, width, 1))


def smooth(rng: np.random.Generator, height: int, width: int, length: float) -> np.ndarray:
    """Flow that changes slowly over the image."""
    coarse = rng.uniform(-length, length, (3, 3, 2)).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


# --- flow_to_rgb ------------------------------------------------------------------------------


def is_colour(inputs: Inputs, got: Any) -> str | None:
    """Compare with the reference, and allow one grey level for rounding."""
    expected = flow_to_rgb.reference(**inputs)
    if isinstance(got, np.ndarray) and got.shape == expected.shape and got.dtype == np.uint8:
        near = np.abs(expected.astype(int) - got) <= 1
        near[~known(inputs["flow"])] = False  # black is black
        expected = np.where(near, got, expected)
    return difference(expected, got, 0)


FLOW_TO_RGB = Check(
    flow_to_rgb,
    cases=[
        Case(
            "one step to the right, one down",
            lambda rng: {"flow": np.array([[[2, 0], [0, 2]]], np.float32)},
        ),
        Case(
            "to the left and up",
            lambda rng: {"flow": np.array([[[-3, 0], [0, -1]]], np.float32)},
        ),
        Case("nothing moves", lambda rng: {"flow": np.zeros((2, 3, 2), np.float32)}),
        Case(
            "a fixed scale of 8 pixels",
            lambda rng: {"flow": np.array([[[2, 0], [4, -4]]], np.float32), "max_flow": 8.0},
        ),
        Case(
            "a vector longer than max_flow",
            lambda rng: {"flow": np.array([[[-6, 1], [1, 1]]], np.float32), "max_flow": 4.0},
        ),
        Case(
            "a pixel whose flow is not known",
            lambda rng: {"flow": np.array([[[np.nan, np.nan], [1, 1]]], np.float32)},
        ),
        Case(
            "a smooth flow",
            lambda rng: {"flow": smooth(rng, 30, 40, 10)},
        ),
        Case(
            "noise, some of it too long",
            lambda rng: {
                "flow": rng.normal(0, 5, (20, 30, 2)).astype(np.float32),
                "max_flow": 9.0,
            },
        ),
    ],
    mistakes=[
        Mistake(
            "Clipping dx and dy from 0 upwards removes all motion to the left and up. Compare the "
            "length of the vector with max_flow, never its parts.",
            ("longest_of(length) if max_flow is None else checked_scale(max_flow)", "longest"),
            ("# Step 2", "longest = longest_of(length) if max_flow is None else max_flow\n    # A"),
            ("# A", "length, angle, _ = polar(np.clip(flow, 0, longest))\n    # B"),
            ("# B", "length = np.minimum(length, longest)\n    # Step 2"),
        ),
        Mistake(
            "Up and down are exchanged. In an image y grows downwards: dy above 0 is down, which "
            "is yellow.",
            ("polar(flow)", "polar(flow * np.array([1, -1], np.float32))"),
        ),
        Mistake(
            "The wheel is turned by half a turn, so the colours say where the motion comes from. "
            "Motion to the right is red.",
            ("polar(flow)", "polar(-flow)"),
        ),
        Mistake(
            "max_flow changes nothing. Where it is given, lengths are divided by it, and not by "
            "the longest of this flow.",
            (" if max_flow is None else checked_scale(max_flow)", ""),
        ),
        Mistake(
            "Small motion is dark. In this wheel no motion is white: go from 255 towards the hue.",
            ("255 + share * (hue - 255)", "share * hue"),
        ),
        Mistake(
            "A vector longer than max_flow looks as if it were exactly that long. Show it at 3/4 "
            "of its hue.",
            ("0.75 * hue[too_long]", "hue[too_long]"),
        ),
        Mistake(
            "Beyond max_flow the colour goes below 0, and uint8 wraps around. Give such vectors "
            "3/4 of their hue.",
            ("colour[too_long] = 0.75 * hue[too_long]", ""),
            ("[..., channel] = colour", "[..., channel] = colour.astype(np.int64)"),
        ),
        Mistake(
            "White means 'it does not move'. Where the flow is not known, the image must be black.",
            ("image[unknown] = 0", ""),
        ),
        Mistake(
            "If nothing moves, the longest length is 0, and 0/0 is not a number. No motion is "
            "white.",
            ("image[unknown] = 0", "image[unknown | ~length.any()] = 0"),
        ),
    ],
    hints=[
        "A vector has a direction and a length, a colour has a hue and a distance from white. "
        "Which belongs to which?",
        "The angle, as a share of a full turn, times the number of steps of the wheel, is a "
        "position in it. The length, as a share of the longest, says how far to go from white to "
        "that hue.",
        "255 + share * (hue - 255) is white at share 0, and the hue at share 1. Above 1, take 0.75 "
        "* hue in its place; at the end cast to uint8 and set the unknown pixels to 0.",
    ],
    judge=is_colour,
)

# --- warp -------------------------------------------------------------------------------------


def is_warped(inputs: Inputs, got: Any) -> str | None:
    """Compare with the reference; a tie (127.5) may be rounded up or down."""
    image, flow = inputs["image"], inputs["flow"]
    expected = warp.reference(image, flow)
    if image.dtype == np.uint8 and isinstance(got, np.ndarray) and got.shape == expected.shape:
        exact = warp.reference(image.astype(np.float64), flow)
        tie = np.abs(got - exact) <= 0.5 + 1e-4
        expected = np.where(tie, got, expected).astype(np.uint8)
    return difference(expected, got, 1e-3)


def noise(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """An image of noise, uint8."""
    return rng.integers(0, 256, shape, np.uint8)


WARP = Check(
    warp,
    cases=[
        Case(
            "a row, one pixel to the right",
            lambda rng: {
                "image": np.array([[10, 20, 30, 40]], np.float32),
                "flow": constant(1, 4, 1, 0),
            },
        ),
        Case(
            "a column, one pixel up",
            lambda rng: {
                "image": np.array([[10], [20], [40]], np.float32),
                "flow": constant(3, 1, 0, -1),
            },
        ),
        Case(
            "a quarter of a pixel",
            lambda rng: {
                "image": np.array([[0, 100, 50]], np.float32),
                "flow": constant(1, 3, 0.25, 0),
            },
        ),
        Case(
            "uint8, which has to be rounded",
            lambda rng: {
                "image": np.array([[0, 99, 51]], np.uint8),
                "flow": constant(1, 3, 0.75, 0),
            },
        ),
        Case(
            "no motion at all",
            lambda rng: {"image": noise(rng, 3, 4), "flow": constant(3, 4, 0, 0)},
        ),
        Case(
            "a colour image and a smooth flow",
            lambda rng: {"image": noise(rng, 24, 32, 3), "flow": smooth(rng, 24, 32, 3)},
        ),
        Case(
            "flow that leaves the image on all sides",
            lambda rng: {
                "image": noise(rng, 12, 15),
                "flow": rng.normal(0, 9, (12, 15, 2)).astype(np.float32),
            },
        ),
    ],
    mistakes=[
        Mistake(
            "You looked in the wrong direction. The flow says where a pixel goes, and that is "
            "where its colour is in the second image: add the flow, do not subtract it.",
            ("columns + flow", "columns - flow"),
            ("rows + flow", "rows - flow"),
        ),
        Mistake(
            "dx and dy are exchanged. flow[..., 0] goes with the columns, flow[..., 1] with the "
            "rows; an image is indexed [row, column].",
            ("columns + flow[..., 0]", "columns + flow[..., 1]"),
            ("rows + flow[..., 1]", "rows + flow[..., 0]"),
        ),
        Mistake(
            "This takes the nearest pixel. Between pixels, mix the four around the place by how "
            "near they are.",
            ("columns + flow[..., 0]", "np.floor(columns + flow[..., 0] + 0.5)"),
            ("rows + flow[..., 1]", "np.floor(rows + flow[..., 1] + 0.5)"),
        ),
        Mistake(
            "The places were cut off to whole pixels. Keep what comes after the point: it is the "
            "weight.",
            ("columns + flow[..., 0]", "np.floor(columns + flow[..., 0])"),
            ("rows + flow[..., 1]", "np.floor(rows + flow[..., 1])"),
        ),
        Mistake(
            "The weights are exchanged: a place close to the left pixel takes most from the left "
            "pixel. Its weight is 1 - a.",
            ("x - left, y - top", "1 - x + left, 1 - y + top"),
        ),
        Mistake(
            "A cast to uint8 cuts off: 74.25 and 74.9 become 74. Round before the cast.",
            ("np.rint(mixed)", "mixed"),
        ),
        Mistake(
            "A pixel whose flow points outside became black. It should get the nearest pixel of "
            "the border, because otherwise a new edge appears.",
            (
                "# Step 2",
                "outside = (x < 0) | (y < 0) | (x > width - 1) | (y > height - 1)\n    # Step 2",
            ),
            ("return mixed", "mixed[outside] = 0\n    return mixed"),
        ),
        Mistake(
            "What leaves the image on one side came in on the other side, because a negative "
            "index counts from the end. Clip the place to the image first.",
            ("np.clip(x, 0, width - 1)", "x % width"),
            ("np.clip(y, 0, height - 1)", "y % height"),
            (
                "np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)",
                "(left + 1) % width, (top + 1) % height",
            ),
        ),
        Mistake(
            "The values are float. The result has the dtype of the image: round, then cast.",
            ("np.rint(mixed)", "mixed"),
            ("astype(image.dtype)", "astype(np.float64)"),
        ),
    ],
    hints=[
        "Think of a pixel of the first image. The flow says where it went. Which image do you "
        "look at, and where?",
        "The place is the own column plus dx, and the own row plus dy. It lies between four "
        "pixels: mix left and right by how far it is from the left, then upper and lower alike.",
        "np.mgrid gives rows and columns. Clip the places, floor them for the upper left pixel, "
        "add one (and not more than the last) for the lower right. Index the image with arrays of "
        "rows and columns.",
    ],
    tolerance=1e-3,
    judge=is_warped,
)

# --- lucas_kanade and horn_schunck ------------------------------------------------------------


def like(exercise: Exercise[..., Any]) -> Callable[[Inputs, Any], str | None]:
    """A judge: nine in ten vectors are right to a tenth of a pixel, all of them to a pixel."""

    def judge(inputs: Inputs, got: Any) -> str | None:
        expected = exercise.reference(**inputs)
        if not isinstance(got, np.ndarray) or got.shape != expected.shape or got.dtype.kind != "f":
            return difference(expected, got, 0.1)
        if not np.isfinite(got).all():
            count = int((~np.isfinite(got)).any(axis=-1).sum())
            return f"{count} of {got[..., 0].size} vectors are not numbers (NaN or infinite)"
        distance = np.linalg.norm(got - expected, axis=-1)
        if np.quantile(distance, 0.9) <= 0.1 and distance.max() <= 1:
            return None
        if np.quantile(distance, 0.9) <= 0.1:
            place = np.unravel_index(distance.argmax(), distance.shape)
            return (
                f"most of the flow is right, but at {[int(i) for i in place]} it is "
                f"{show(got[place])}, expected {show(expected[place])}"
            )
        means = [show(v.reshape(-1, 2).mean(axis=0).round(3)) for v in (expected, got)]
        return (
            f"the flow is {distance.mean():.2f} pixels off on average\n"
            f"expected {means[0]} in the mean, got {means[1]}"
        )

    return judge


def texture(x: np.ndarray, y: np.ndarray, phase: float) -> np.ndarray:
    """Brightness with structure in every direction, at any place."""
    waves = np.sin(0.9 * x + phase) + np.sin(0.7 * y + 2 * phase) + np.sin(0.5 * (x + y) - phase)
    return (128 + 30 * waves).astype(np.float32)


def moved(
    rng: np.random.Generator,
    dx: float,
    dy: float,
    guess: tuple[float, float] = (0.0, 0.0),
    size: int = 32,
) -> Inputs:
    """A texture, the same moved, and a guess of how."""
    y, x = np.mgrid[:size, :size].astype(np.float64)
    phase = float(rng.uniform(0, 6))
    return {
        "first": texture(x, y, phase),
        "second": texture(x - dx, y - dy, phase),
        "start": constant(size, size, *guess),
    }


def stripes(rng: np.random.Generator) -> Inputs:
    """Vertical stripes that move to the right and down: only the first can be seen."""
    x = np.tile(np.arange(32.0), (32, 1))
    phase = float(rng.uniform(0, 6))
    first, second = (128 + 60 * np.sin(0.6 * (x - d) + phase) for d in (0, 0.6))
    return {
        "first": first.astype(np.float32),
        "second": second.astype(np.float32),
        "start": constant(32, 32, 0, 0),
    }


def wall(rng: np.random.Generator) -> Inputs:
    """Uniform: nothing can be seen."""
    grey = np.full((24, 24), float(rng.integers(50, 200)), np.float32)
    return {"first": grey, "second": grey.copy(), "start": constant(24, 24, 0, 0)}


def halves(rng: np.random.Generator) -> Inputs:
    """The left half moves down, the right half up."""
    down, up = moved(rng, 0.0, 0.8, size=40), moved(rng, 0.0, -0.8, size=40)
    left = np.arange(40) < 20
    both = {name: np.where(left, down[name], up[name]) for name in ("first", "second")}
    return both | {"start": constant(40, 40, 0, 0)}


LUCAS_KANADE = Check(
    lucas_kanade,
    cases=[
        Case(
            "a texture, half a pixel to the right",
            lambda rng: moved(rng, 0.5, 0),
        ),
        Case(
            "a texture, to the left and down",
            lambda rng: moved(rng, -0.6, 0.3),
        ),
        Case("a uniform wall", wall),
        Case("vertical stripes", stripes),
        Case("two halves that move apart", halves),
        Case("the same, with a narrow window", lambda rng: halves(rng) | {"window": 0.8}),
        Case(
            "a ridge that weighs as much as the structure",
            lambda rng: moved(rng, 0.6, -0.5) | {"ridge": 800.0},
        ),
        Case(
            "seven pixels, and a guess of six and a half",
            lambda rng: moved(rng, 7, -0.4, guess=(6.5, 0.0), size=48),
        ),
    ],
    mistakes=[
        Mistake(
            "The sign is wrong. From Ix dx + Iy dy + It = 0, It goes to the other side with a "
            "minus.",
            ("start + np.stack", "start - np.stack"),
        ),
        Mistake(
            "This is only the change. You used the guess to bring the second image back, so the "
            "flow is the guess plus the change.",
            ("start + np.stack", "np.stack"),
        ),
        Mistake(
            "You did not bring the second image back by the guess. Then the whole motion is found "
            "a second time, and added to the guess.",
            ("warp(second, start)", "second"),
        ),
        Mistake(
            "The guess was not used. A motion of several pixels is found only if the second image "
            "is brought back by the guess first.",
            ("# Step 1", "start = np.zeros_like(start)\n    # Step 1"),
        ),
        Mistake(
            "Where the image has no structure, the matrix is 0, and 0/0 is not a number. Add the "
            "ridge to both sums on the diagonal.",
            (" + ridge", ""),
        ),
        Mistake("dx and dy are exchanged: dx comes first.", ("[dx, dy]", "[dy, dx]")),
        Mistake(
            "Each pixel was solved on its own: one equation, two unknowns, so only the motion "
            "along the gradient comes out. Sum all five products over the window.",
            window_sum=lambda image, window: image,
        ),
        Mistake(
            "There is one vector for the whole image. Sum over the window around each pixel.",
            window_sum=lambda image, window: image.mean(),
        ),
    ],
    hints=[
        "One pixel gives one equation for two unknowns. Where could more equations for the same "
        "two unknowns come from?",
        "Least squares over a window needs five sums: of Ix Ix, Ix Iy, Iy Iy, Ix It and Iy It. "
        "Multiply first, then sum over the window. The ridge goes onto the diagonal.",
        "For xx dx + xy dy = -xt and xy dx + yy dy = -yt, Cramer's rule gives both unknowns with "
        "the determinant xx yy - xy xy. Add the result to the guess.",
    ],
    judge=like(lucas_kanade),
)


def half_wall(rng: np.random.Generator) -> Inputs:
    """The middle is uniform: its motion must come from around."""
    inputs = moved(rng, 0.5, -0.3)
    y, x = np.mgrid[:32, :32] - 15.5
    for name, dx, dy in (("first", 0.0, 0.0), ("second", 0.5, -0.3)):
        # 0 in the middle, 1 outside; it moves with the texture.
        structure = 1 - np.exp(-((((x - dx) ** 2 + (y - dy) ** 2) / 30) ** 2))
        inputs[name] = (128 + (inputs[name] - 128) * structure).astype(np.float32)
    return inputs


HORN_SCHUNCK = Check(
    horn_schunck,
    cases=[
        Case(
            "a texture, half a pixel to the right",
            lambda rng: moved(rng, 0.5, 0),
        ),
        Case(
            "a texture, to the left and down",
            lambda rng: moved(rng, -0.6, 0.3),
        ),
        Case("a uniform wall", wall),
        Case("a uniform spot in a texture, both move", half_wall),
        Case(
            "very smooth",
            lambda rng: halves(rng) | {"smoothness": 60.0},
        ),
        Case(
            "seven pixels, and a guess that is nearly right",
            lambda rng: moved(rng, 7, -3.4, guess=(6.5, -3.0), size=48),
        ),
        Case("one iteration", lambda rng: moved(rng, 0.8, 0.3) | {"iterations": 1}),
        Case(
            "five iterations",
            lambda rng: moved(rng, 0.8, 0.2) | {"iterations": 5, "smoothness": 30.0},
        ),
    ],
    mistakes=[
        Mistake(
            "Each iteration goes away from the line of brightness constancy, and the flow "
            "explodes. Subtract the step along the gradient.",
            ("mean - np.stack", "mean + np.stack"),
        ),
        Mistake(
            "The smoothness is too weak, because the denominator needs the square of α: α² + Ix² "
            "+ Iy².",
            ("smoothness**2", "smoothness"),
        ),
        Mistake(
            "No information travels from pixel to pixel, so you find only the motion along the "
            "gradient. Start each iteration from the mean of the neighbours.",
            ("neighbour_mean(flow)", "flow"),
        ),
        Mistake(
            "This is only one iteration. In each iteration the information travels one pixel "
            "farther, so return after the loop, not inside it.",
            ("range(iterations)", "range(1)"),
        ),
        Mistake(
            "The flow that is smoothed contains the guess, but It is only what the guess leaves "
            "over: subtract Ix, Iy times the guess from it.",
            ("it = it - ix * start[..., 0] - iy * start[..., 1]", ""),
        ),
        Mistake(
            "You did not bring the second image back by the guess. The equation holds only for "
            "small motions, and the guess may be several pixels long.",
            (
                "derivatives(first, warp(second, start), start)",
                "derivatives(first, second, np.zeros_like(start))",
            ),
            ("it = it - ix * start[..., 0] - iy * start[..., 1]", ""),
        ),
    ],
    hints=[
        "In a flat part of the image you cannot see the motion. What could tell you how this part "
        "moves?",
        "Two demands are balanced: the flow should be like the mean of the neighbours, and it "
        "should obey brightness constancy. Start from the mean, measure how much it breaks the "
        "constancy, and go back along the gradient by a part of that.",
        "Before the loop: derivatives with the second image brought back, It minus what the guess "
        "explains, and the denominator. In the loop: neighbour_mean, what is broken divided by the "
        "denominator, and the mean minus the gradient times that.",
    ],
    judge=like(horn_schunck),
)

# --- endpoint_error ---------------------------------------------------------------------------


ENDPOINT_ERROR = Check(
    endpoint_error,
    cases=[
        Case(
            "one vector, 3 to the right and 4 down of the true one",
            lambda rng: {
                "flow": np.array([[[5, 3]]], np.float32),
                "truth": np.array([[[2, -1]]], np.float32),
            },
        ),
        Case(
            "of the same length, but the other way",
            lambda rng: {
                "flow": np.array([[[2, 0], [1, 1]]], np.float32),
                "truth": np.array([[[-2, 0], [1, 1]]], np.float32),
            },
        ),
        Case(
            "the truth is not known at one pixel",
            lambda rng: {
                "flow": np.array([[[1, 0], [3, 4]]], np.float32),
                "truth": np.array([[[np.nan, np.nan], [0, 0]]], np.float32),
            },
        ),
        Case(
            "a random flow",
            lambda rng: {
                "flow": rng.normal(0, 5, (12, 15, 2)).astype(np.float32),
                "truth": rng.normal(0, 5, (12, 15, 2)).astype(np.float32),
            },
        ),
        Case(
            "a video of flows",
            lambda rng: {
                "flow": rng.normal(0, 5, (3, 8, 9, 2)).astype(np.float32),
                "truth": rng.normal(0, 5, (3, 8, 9, 2)).astype(np.float32),
            },
        ),
    ],
    mistakes=[
        Mistake(
            "This is the square of the distance. Take the root.",
            ("np.sqrt((difference**2).sum(axis=-1))", "(difference**2).sum(axis=-1)"),
        ),
        Mistake(
            "You added the two differences. The distance between two points is the root of the sum "
            "of their squares.",
            ("np.sqrt((difference**2).sum(axis=-1))", "np.abs(difference).sum(axis=-1)"),
        ),
        Mistake(
            "You took the mean of the squares, so every error is too small by a factor of the "
            "root of 2. Take their sum.",
            (".sum(", ".mean("),
        ),
        Mistake(
            "This is the mean over the image. Return a map, with an error for each pixel.",
            (
                "np.sqrt((difference**2).sum(axis=-1))",
                "np.sqrt((difference**2).sum(axis=-1)).mean()",
            ),
        ),
        Mistake(
            "You compared the lengths. Two vectors of one length can point to different places: "
            "subtract first, then take the length.",
            lambda flow, truth: np.abs(
                np.linalg.norm(flow, axis=-1) - np.linalg.norm(truth, axis=-1)
            ),
        ),
        Mistake(
            "Where the truth is not known, an error of 0 would claim that the flow is right. Leave "
            "it NaN.",
            (
                "np.sqrt((difference**2).sum(axis=-1))",
                "np.nan_to_num(np.sqrt((difference**2).sum(axis=-1)))",
            ),
        ),
        Mistake(
            "The sum was taken along the wrong axis. dx and dy are on the last one.",
            ("axis=-1", "axis=1"),
        ),
    ],
    hints=[
        "The flow says that a pixel ends in one place, and the truth says in another one. How far "
        "are the two places apart?",
        "Subtract the vectors, at each pixel, and take the length of the difference.",
        "The length is the square root of the sum of the squares along the last axis. A NaN in the "
        "truth stays a NaN by itself.",
    ],
    tolerance=1e-5,
)

CHECKS = [FLOW_TO_RGB, WARP, LUCAS_KANADE, HORN_SCHUNCK, ENDPOINT_ERROR]
