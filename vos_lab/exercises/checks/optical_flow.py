"""Checks of lesson 02: flow_to_rgb, warp, lucas_kanade, horn_schunck and endpoint_error."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from vos_lab.exercise import Exercise
from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.exercises.compare import difference, show
from vos_lab.flow.classical import (
    derivatives,
    horn_schunck,
    lucas_kanade,
    neighbour_mean,
    window_sum,
)
from vos_lab.flow.colour import HUES, flow_to_rgb, longest_of, polar
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
        expected = np.where(near, got, expected)
    return difference(expected, got, 0)


def paint(
    length: np.ndarray,
    angle: np.ndarray,
    unknown: np.ndarray,
    longest: float,
    beyond: float = 0.75,
    white: float = 255,
) -> np.ndarray:
    """Colours from lengths and angles, as the reference does it, with two knobs to turn wrong."""
    position = (angle * ((HUES.shape[1] - 1) / (2 * np.pi))).astype(np.intp)
    hue = np.moveaxis(HUES, 0, -1)[np.clip(position, 0, HUES.shape[1] - 1)]
    share = (length / longest)[..., None]
    colour = np.where(share > 1, beyond * hue, white + share * (hue - white))
    image = colour.astype(np.uint8)
    image[unknown] = 0
    return image


def scale(length: np.ndarray, max_flow: float | None) -> float:
    """What the full colour stands for."""
    return longest_of(length) if max_flow is None else max_flow


def rgb_clips(flow: np.ndarray, max_flow: float | None = None) -> np.ndarray:
    """Clips dx and dy between 0 and the maximum, and so loses what is negative."""
    length, _, unknown = polar(flow)
    longest = scale(length, max_flow)
    length, angle, _ = polar(np.clip(flow, 0, longest))
    return paint(np.minimum(length, longest), angle, unknown, longest)


def rgb_upside_down(flow: np.ndarray, max_flow: float | None = None) -> np.ndarray:
    """Takes dy as upwards."""
    length, angle, unknown = polar(flow * np.array([1, -1], np.float32))
    return paint(length, angle, unknown, scale(length, max_flow))


def rgb_half_turn(flow: np.ndarray, max_flow: float | None = None) -> np.ndarray:
    """Shows where the motion comes from."""
    length, angle, unknown = polar(-flow)
    return paint(length, angle, unknown, scale(length, max_flow))


def rgb_own_scale(flow: np.ndarray, max_flow: float | None = None) -> np.ndarray:
    """Ignores max_flow."""
    length, angle, unknown = polar(flow)
    return paint(length, angle, unknown, longest_of(length))


def rgb_from_black(flow: np.ndarray, max_flow: float | None = None) -> np.ndarray:
    """Fades to black."""
    length, angle, unknown = polar(flow)
    return paint(length, angle, unknown, scale(length, max_flow), white=0)


def rgb_not_darker(flow: np.ndarray, max_flow: float | None = None) -> np.ndarray:
    """Gives what is too long its full hue."""
    length, angle, unknown = polar(flow)
    return paint(length, angle, unknown, scale(length, max_flow), beyond=1)


def rgb_wraps(flow: np.ndarray, max_flow: float | None = None) -> np.ndarray:
    """Goes on beyond the full hue, below 0, where uint8 wraps around."""
    length, angle, unknown = polar(flow)
    position = (angle * ((HUES.shape[1] - 1) / (2 * np.pi))).astype(np.intp)
    hue = np.moveaxis(HUES, 0, -1)[np.clip(position, 0, HUES.shape[1] - 1)]
    share = (length / scale(length, max_flow))[..., None]
    image = (255 + share * (hue - 255)).astype(np.int64).astype(np.uint8)
    image[unknown] = 0
    return image


def rgb_unknown_white(flow: np.ndarray, max_flow: float | None = None) -> np.ndarray:
    """Shows the unknown as still."""
    length, angle, unknown = polar(flow)
    return paint(length, angle, np.zeros_like(unknown), scale(length, max_flow))


def rgb_divides(flow: np.ndarray, max_flow: float | None = None) -> np.ndarray:
    """0/0 where nothing moves."""
    length, angle, unknown = polar(flow)
    image = paint(length, angle, unknown, scale(length, max_flow))
    return image if length.any() else np.zeros_like(image)


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
            rgb_clips,
        ),
        Mistake(
            "Up and down are exchanged. In an image y grows downwards: dy above 0 is down, which "
            "is yellow.",
            rgb_upside_down,
        ),
        Mistake(
            "The wheel is turned by half: these colours say where the motion comes from. To the "
            "right is red.",
            rgb_half_turn,
        ),
        Mistake(
            "max_flow changes nothing. Where it is given, lengths are divided by it, and not by "
            "the longest of this flow.",
            rgb_own_scale,
        ),
        Mistake(
            "Small motion is dark. In this wheel no motion is white: go from 255 towards the hue.",
            rgb_from_black,
        ),
        Mistake(
            "What is longer than max_flow looks as if it were just as long. Show it at 3/4 of its "
            "hue.",
            rgb_not_darker,
        ),
        Mistake(
            "Beyond max_flow the colour goes below 0, and uint8 wraps around. Give such vectors "
            "3/4 of their hue.",
            rgb_wraps,
        ),
        Mistake(
            "White says 'it does not move'. Where the flow is not known the image is black.",
            rgb_unknown_white,
        ),
        Mistake(
            "Where nothing moves the longest length is 0, and 0/0 is no number. No motion is "
            "white.",
            rgb_divides,
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


def look_up(
    image: np.ndarray, x: np.ndarray, y: np.ndarray, swap: bool = False, cut: bool = False
) -> np.ndarray:
    """Bilinear, with two knobs to turn wrong: weights exchanged, and no rounding."""
    height, width = image.shape[:2]
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    a, b = x - left, y - top
    if swap:
        a, b = 1 - a, 1 - b
    if image.ndim == 3:
        a, b = a[..., None], b[..., None]
    upper = (1 - a) * image[top, left] + a * image[top, right]
    lower = (1 - a) * image[bottom, left] + a * image[bottom, right]
    mixed = (1 - b) * upper + b * lower
    if image.dtype == np.uint8 and not cut:
        mixed = np.rint(mixed)
    return mixed.astype(image.dtype)


def places(flow: np.ndarray, sign: float = 1) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel goes, or comes from."""
    rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]]
    return columns + sign * flow[..., 0], rows + sign * flow[..., 1]


def warp_minus(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Goes the other way."""
    return look_up(image, *places(flow, -1))


def warp_exchanged(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Takes dx for rows."""
    return look_up(image, *places(flow[..., ::-1]))


def warp_nearest(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Rounds the place."""
    x, y = places(flow)
    return look_up(image, np.floor(x + 0.5), np.floor(y + 0.5))


def warp_floors(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Cuts the place off."""
    x, y = places(flow)
    return look_up(image, np.floor(x), np.floor(y))


def warp_weights(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Gives the near pixel the weight of the far one."""
    return look_up(image, *places(flow), swap=True)


def warp_cuts(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Casts without rounding."""
    return look_up(image, *places(flow), cut=True)


def warp_black(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """0 outside."""
    x, y = places(flow)
    warped = look_up(image, x, y)
    warped[(x < 0) | (y < 0) | (x > image.shape[1] - 1) | (y > image.shape[0] - 1)] = 0
    return warped


def warp_around(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Comes in again at the other side, as a negative index does."""
    height, width = image.shape[:2]
    x, y = places(flow)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    padded = np.pad(image, [(0, 1), (0, 1)] + [(0, 0)] * (image.ndim - 2), mode="wrap")
    return look_up(padded, left % width + x - left, top % height + y - top)


def warp_float(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Returns float."""
    return look_up(image.astype(np.float64), *places(flow))


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
            "You looked on the wrong side. The flow says where a pixel goes, and there is its "
            "colour in the second image: add the flow, do not subtract it.",
            warp_minus,
        ),
        Mistake(
            "dx and dy are exchanged. flow[..., 0] goes with the columns, flow[..., 1] with the "
            "rows; an image is indexed [row, column].",
            warp_exchanged,
        ),
        Mistake(
            "This takes the nearest pixel. Between pixels, mix the four around the place by how "
            "near they are.",
            warp_nearest,
        ),
        Mistake(
            "The places were cut off to whole pixels. Keep what comes after the point: it is the "
            "weight.",
            warp_floors,
        ),
        Mistake(
            "The weights are exchanged: a place close to the left pixel takes most from the left "
            "pixel. Its weight is 1 - a.",
            warp_weights,
        ),
        Mistake(
            "A cast to uint8 cuts off: 74.25 and 74.9 become 74. Round before the cast.", warp_cuts
        ),
        Mistake(
            "What points outside became black. Here it takes the nearest pixel of the border, so "
            "that no edge appears where there is none.",
            warp_black,
        ),
        Mistake(
            "What leaves on one side came in on the other: a negative index counts from the end. "
            "Clip the place to the image first.",
            warp_around,
        ),
        Mistake(
            "The values are float. The result has the dtype of the image: round, then cast.",
            warp_float,
        ),
    ],
    hints=[
        "Stand on a pixel of the first image. The flow says where it went. Which image do you look "
        "at, and where?",
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
    """A judge: nine in ten vectors lie where those of the reference do, to a tenth of a pixel."""

    def judge(inputs: Inputs, got: Any) -> str | None:
        expected = exercise.reference(**inputs)
        if not isinstance(got, np.ndarray) or got.shape != expected.shape or got.dtype.kind != "f":
            return difference(expected, got, 0.1)
        if not np.isfinite(got).all():
            count = int((~np.isfinite(got)).any(axis=-1).sum())
            return f"{count} of {got[..., 0].size} vectors are not numbers (NaN or infinite)"
        distance = np.linalg.norm(got - expected, axis=-1)
        if np.quantile(distance, 0.9) <= 0.1:
            return None
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


def solve(
    ix: np.ndarray, iy: np.ndarray, it: np.ndarray, window: float, ridge: float
) -> np.ndarray:
    """What Lucas and Kanade add to the guess."""

    def total(product: np.ndarray) -> np.ndarray:
        return window_sum(product, window)

    xx, yy, xy = total(ix * ix) + ridge, total(iy * iy) + ridge, total(ix * iy)
    xt, yt = total(ix * it), total(iy * it)
    dx, dy = xy * yt - yy * xt, xy * xt - xx * yt
    return np.stack([dx, dy], axis=-1) / (xx * yy - xy * xy)[..., None]


def lk_sign(
    first: np.ndarray,
    second: np.ndarray,
    start: np.ndarray,
    window: float = 3.0,
    ridge: float = 1.0,
) -> np.ndarray:
    """Forgets the minus."""
    return start - solve(*derivatives(first, warp(second, start), start), window, ridge)


def lk_change_only(
    first: np.ndarray,
    second: np.ndarray,
    start: np.ndarray,
    window: float = 3.0,
    ridge: float = 1.0,
) -> np.ndarray:
    """Returns what is to be added."""
    return solve(*derivatives(first, warp(second, start), start), window, ridge)


def lk_no_warp(
    first: np.ndarray,
    second: np.ndarray,
    start: np.ndarray,
    window: float = 3.0,
    ridge: float = 1.0,
) -> np.ndarray:
    """Does not bring the second image back."""
    return start + solve(*derivatives(first, second, start), window, ridge)


def lk_ignores_start(
    first: np.ndarray,
    second: np.ndarray,
    start: np.ndarray,
    window: float = 3.0,
    ridge: float = 1.0,
) -> np.ndarray:
    """Begins from zero."""
    return solve(*derivatives(first, second, np.zeros_like(start)), window, ridge)


def lk_no_ridge(
    first: np.ndarray,
    second: np.ndarray,
    start: np.ndarray,
    window: float = 3.0,
    ridge: float = 1.0,
) -> np.ndarray:
    """0/0 where there is no structure."""
    return start + solve(*derivatives(first, warp(second, start), start), window, 0)


def lk_exchanged(
    first: np.ndarray,
    second: np.ndarray,
    start: np.ndarray,
    window: float = 3.0,
    ridge: float = 1.0,
) -> np.ndarray:
    """Stacks dy before dx."""
    change = solve(*derivatives(first, warp(second, start), start), window, ridge)
    return start + change[..., ::-1]


def lk_no_window(
    first: np.ndarray,
    second: np.ndarray,
    start: np.ndarray,
    window: float = 3.0,
    ridge: float = 1.0,
) -> np.ndarray:
    """Each pixel on its own: two unknowns, one equation."""
    ix, iy, it = derivatives(first, warp(second, start), start)
    share = it / (ix * ix + iy * iy + ridge)
    return start - np.stack([ix * share, iy * share], axis=-1)


def lk_one_vector(
    first: np.ndarray,
    second: np.ndarray,
    start: np.ndarray,
    window: float = 3.0,
    ridge: float = 1.0,
) -> np.ndarray:
    """Sums over the whole image."""
    ix, iy, it = derivatives(first, warp(second, start), start)
    xx, yy, xy = (ix * ix).mean() + ridge, (iy * iy).mean() + ridge, (ix * iy).mean()
    xt, yt = (ix * it).mean(), (iy * it).mean()
    change = np.array([xy * yt - yy * xt, xy * xt - xx * yt]) / (xx * yy - xy * xy)
    return start + change


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
        Case(
            "seven pixels, and a guess of six and a half",
            lambda rng: moved(rng, 7, -0.4, guess=(6.5, 0.0), size=48),
        ),
    ],
    mistakes=[
        Mistake(
            "The sign is turned round. Ix dx + Iy dy + It = 0: It goes to the other side, with a "
            "minus.",
            lk_sign,
        ),
        Mistake(
            "This is only the change. The guess was used to bring the second image back, so the "
            "flow is the guess plus the change.",
            lk_change_only,
        ),
        Mistake(
            "The second image was not brought back by the guess. Without that the whole motion is "
            "found again, and added to the guess.",
            lk_no_warp,
        ),
        Mistake(
            "The guess was not used. A motion of several pixels is found only if the second image "
            "is brought back by the guess first.",
            lk_ignores_start,
        ),
        Mistake(
            "Where there is no structure, the matrix is 0, and 0/0 is no number. Add the ridge to "
            "both sums on the diagonal.",
            lk_no_ridge,
        ),
        Mistake("dx and dy are exchanged: dx comes first.", lk_exchanged),
        Mistake(
            "Each pixel was solved on its own: one equation, two unknowns, so only the motion "
            "along the gradient comes out. Sum all five products over the window.",
            lk_no_window,
        ),
        Mistake(
            "There is one vector for the whole image. Sum over the window around each pixel.",
            lk_one_vector,
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


def iterate(
    ix: np.ndarray,
    iy: np.ndarray,
    it: np.ndarray,
    flow: np.ndarray,
    alpha_squared: float,
    iterations: int,
    sign: float = 1,
    own: bool = False,
) -> np.ndarray:
    """The iterations of Horn and Schunck, with two knobs to turn wrong."""
    denominator = alpha_squared + ix**2 + iy**2
    for _ in range(iterations):
        mean = flow if own else neighbour_mean(flow)
        broken = (ix * mean[..., 0] + iy * mean[..., 1] + it) / denominator
        flow = mean - sign * np.stack([ix * broken, iy * broken], axis=-1)
    return flow


def left_over(
    first: np.ndarray, second: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The derivatives, with It for the whole flow."""
    ix, iy, it = derivatives(first, warp(second, start), start)
    return ix, iy, it - ix * start[..., 0] - iy * start[..., 1]


def hs_sign(
    first: np.ndarray,
    second: np.ndarray,
    start: np.ndarray,
    smoothness: float = 10.0,
    iterations: int = 60,
) -> np.ndarray:
    """Goes away from the line."""
    parts = left_over(first, second, start)
    return iterate(*parts, start, smoothness**2, iterations, sign=-1)


def hs_not_squared(
    first: np.ndarray,
    second: np.ndarray,
    start: np.ndarray,
    smoothness: float = 10.0,
    iterations: int = 60,
) -> np.ndarray:
    """Takes alpha for its square."""
    return iterate(*left_over(first, second, start), start, smoothness, iterations)


def hs_own(
    first: np.ndarray,
    second: np.ndarray,
    start: np.ndarray,
    smoothness: float = 10.0,
    iterations: int = 60,
) -> np.ndarray:
    """Starts from the own vector in place of the neighbours'."""
    parts = left_over(first, second, start)
    return iterate(*parts, start, smoothness**2, iterations, own=True)


def hs_once(
    first: np.ndarray,
    second: np.ndarray,
    start: np.ndarray,
    smoothness: float = 10.0,
    iterations: int = 60,
) -> np.ndarray:
    """Returns inside the loop."""
    return iterate(*left_over(first, second, start), start, smoothness**2, 1)


def hs_change(
    first: np.ndarray,
    second: np.ndarray,
    start: np.ndarray,
    smoothness: float = 10.0,
    iterations: int = 60,
) -> np.ndarray:
    """Forgets what the guess explains already."""
    parts = derivatives(first, warp(second, start), start)
    return iterate(*parts, start, smoothness**2, iterations)


def hs_no_warp(
    first: np.ndarray,
    second: np.ndarray,
    start: np.ndarray,
    smoothness: float = 10.0,
    iterations: int = 60,
) -> np.ndarray:
    """Does not bring the second image back."""
    parts = derivatives(first, second, np.zeros_like(start))
    return iterate(*parts, start, smoothness**2, iterations)


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
            "seven pixels, and a guess of six and a half",
            lambda rng: moved(rng, 7, -0.4, guess=(6.5, 0.0), size=48),
        ),
        Case(
            "five iterations",
            lambda rng: moved(rng, 0.8, 0.2) | {"iterations": 5, "smoothness": 30.0},
        ),
    ],
    mistakes=[
        Mistake(
            "Each iteration goes away from the line of brightness constancy, and the flow "
            "explodes. Subtract the step along the gradient.",
            hs_sign,
        ),
        Mistake(
            "The smoothness is too weak: the denominator has its square, α² + Ix² + Iy².",
            hs_not_squared,
        ),
        Mistake(
            "Nothing travels from pixel to pixel, so only the motion along the gradient is found. "
            "Start each iteration from the mean of the neighbours.",
            hs_own,
        ),
        Mistake(
            "This is one iteration. What is known travels one pixel each time: return after the "
            "loop, not in it.",
            hs_once,
        ),
        Mistake(
            "The flow that is smoothed contains the guess, but It is only what the guess leaves "
            "over: subtract Ix, Iy times the guess from it.",
            hs_change,
        ),
        Mistake(
            "The second image was not brought back by the guess. A motion of several pixels is no "
            "small motion.",
            hs_no_warp,
        ),
    ],
    hints=[
        "Where nothing can be seen, whom would you ask which way it moves?",
        "Two wishes are balanced: to be like the mean of the neighbours, and to obey brightness "
        "constancy. Start from the mean, measure how much it breaks the constancy, and go back "
        "along the gradient by a part of that.",
        "Before the loop: derivatives with the second image brought back, It minus what the guess "
        "explains, and the denominator. In the loop: neighbour_mean, what is broken divided by the "
        "denominator, and the mean minus the gradient times that.",
    ],
    judge=like(horn_schunck),
)

# --- endpoint_error ---------------------------------------------------------------------------


def epe_squared(flow: np.ndarray, truth: np.ndarray) -> Any:
    """Forgets the root."""
    return ((flow - truth) ** 2).sum(axis=-1)


def epe_absolute(flow: np.ndarray, truth: np.ndarray) -> Any:
    """Adds the parts."""
    return np.abs(flow - truth).sum(axis=-1)


def epe_mean(flow: np.ndarray, truth: np.ndarray) -> Any:
    """The mean of the squares."""
    return np.sqrt(((flow - truth) ** 2).mean(axis=-1))


def epe_number(flow: np.ndarray, truth: np.ndarray) -> Any:
    """One number for the image."""
    return float(np.sqrt(((flow - truth) ** 2).sum(axis=-1)).mean())


def epe_lengths(flow: np.ndarray, truth: np.ndarray) -> Any:
    """Compares the lengths only."""
    return np.abs(np.linalg.norm(flow, axis=-1) - np.linalg.norm(truth, axis=-1))


def epe_unknown(flow: np.ndarray, truth: np.ndarray) -> Any:
    """Counts the unknown as right."""
    return np.nan_to_num(np.sqrt(((flow - truth) ** 2).sum(axis=-1)))


def epe_axis(flow: np.ndarray, truth: np.ndarray) -> Any:
    """Sums over the columns."""
    return np.sqrt(((flow - truth) ** 2).sum(axis=1))


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
        Mistake("This is the square of the distance. Take the root.", epe_squared),
        Mistake(
            "You added the two differences. The distance between two points is the root of the sum "
            "of their squares.",
            epe_absolute,
        ),
        Mistake(
            "A mean of the squares makes every error smaller, by the root of 2. Take their sum.",
            epe_mean,
        ),
        Mistake(
            "This is the mean over the image. What is asked for is a map, with an error for each "
            "pixel.",
            epe_number,
        ),
        Mistake(
            "You compared the lengths. Two vectors of one length can point to different places: "
            "subtract first, then take the length.",
            epe_lengths,
        ),
        Mistake(
            "Where the truth is not known, an error of 0 would claim that the flow is right. Leave "
            "it NaN.",
            epe_unknown,
        ),
        Mistake("The sum was taken along the wrong axis. dx and dy are on the last one.", epe_axis),
    ],
    hints=[
        "The flow says that a pixel ends here, the truth says there. How far is it from here to "
        "there?",
        "Subtract the vectors, at each pixel, and take the length of the difference.",
        "The length is the square root of the sum of the squares along the last axis. A NaN in the "
        "truth stays a NaN by itself.",
    ],
    tolerance=1e-5,
)

CHECKS = [FLOW_TO_RGB, WARP, LUCAS_KANADE, HORN_SCHUNCK, ENDPOINT_ERROR]
