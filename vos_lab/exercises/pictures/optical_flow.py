"""Pictures of lesson 02: flow_to_rgb, warp, endpoint_error, lucas_kanade and horn_schunck."""

from collections.abc import Callable

import cv2
import numpy as np

from vos_lab.exercises.pictures.drawn import SIZE, grey, pair, row, walker
from vos_lab.flow.colour import flow_to_rgb as in_colour
from vos_lab.view.figures import Figure


def flow_to_rgb(answer: Callable[..., np.ndarray]) -> Figure:
    """The wheel, and the motion of an animal."""
    frame, flow = walker().frames[4], walker().flow[4]
    height, width = frame.shape[:2]
    y, x = np.mgrid[:height, :width] - np.array([height / 2, width / 2])[:, None, None]
    outward = np.stack([x, y], axis=-1).astype(np.float32)
    return row(
        {
            "all directions": answer(outward, max_flow=height / 2),
            "a frame": frame,
            "its motion to the next": answer(flow),
        },
        "Your flow_to_rgb at work: the hue is the direction, and white does not move.",
        "A wheel of colours around a white middle, darker beyond its rim; the frame of an animal; "
        "and its motion as colour: the parts that move alike have one colour.",
    )


def warp(answer: Callable[..., np.ndarray]) -> Figure:
    """The next frame, brought back."""
    first, second, flow = walker().frames[4], walker().frames[5], walker().flow[4]
    restored = answer(second, flow)

    def difference(image: np.ndarray) -> np.ndarray:
        return grey(np.abs(image.astype(np.float32) - first).mean(axis=-1) / 60)

    return row(
        {
            "brought back": restored,
            "difference before": difference(second),
            "difference after": difference(restored),
        },
        "Your warp at work: brought back, the second frame looks like the first.",
        "The second of two frames, brought back along the flow. Before that the whole animal is "
        "bright in the difference to the first frame; after it the animal is mostly dark.",
    )


def endpoint_error(answer: Callable[..., np.ndarray]) -> Figure:
    """Three wrong flows."""
    truth = walker().flow[4]
    wrong = {
        "no motion at all": np.zeros_like(truth),
        "blurred": cv2.GaussianBlur(truth, (0, 0), 6),
        "1 px too far right": truth + np.array([1, 0], np.float32),
    }
    errors = {name: answer(flow, truth) for name, flow in wrong.items()}
    return row(
        {f"{name}: {np.mean(error):.2f} px": grey(error / 3) for name, error in errors.items()},
        "Your endpoint_error at work: bright is where the flow ends in the wrong place.",
        "Three maps of error. Without motion the animal is bright; with blurred flow its outline "
        "is; with a shift of one pixel all pixels are equally grey.",
    )


def lucas_kanade(answer: Callable[..., np.ndarray]) -> Figure:
    """From no guess, once and three times."""
    first, second, truth = small_pair()
    start = np.zeros_like(truth)
    once = answer(first, second, start)
    thrice = answer(first, second, answer(first, second, once))
    return row(
        {
            "the truth": in_colour(truth, max_flow=2),
            "yours, one step": in_colour(once, max_flow=2),
            "yours, three steps": in_colour(thrice, max_flow=2),
        },
        "Your lucas_kanade at work: each step adds what the last one missed.",
        "The true flow of two walking animals as colour, and what Lucas and Kanade find: blurred "
        "patches of the same colours, which reach a little farther than the animals.",
    )


def horn_schunck(answer: Callable[..., np.ndarray]) -> Figure:
    """Two values of the smoothness."""
    first, second, truth = small_pair()
    start = np.zeros_like(truth)
    found = {a: answer(first, second, start, float(a), 60) for a in (3, 30)}
    return row(
        {
            "the truth": in_colour(truth, max_flow=2),
            **{f"yours, smoothness {a}": in_colour(f, max_flow=2) for a, f in found.items()},
        },
        "Your horn_schunck at work: smoothness takes the spots away, and the outline.",
        "The true flow of two walking animals as colour, and two of Horn and Schunck: with little "
        "smoothness it is spotted, with much of it pale and spread out.",
    )


def small_pair() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The brightness of two frames at half size, a little blurred, and the flow between them."""
    size = SIZE[1] // 2, SIZE[0] // 2
    bright = (pair().frames[t].mean(axis=-1, dtype=np.float32) for t in (4, 5))
    first, second = (cv2.GaussianBlur(cv2.resize(each, size), (0, 0), 1) for each in bright)
    return first, second, cv2.resize(pair().flow[4], size) / 2
