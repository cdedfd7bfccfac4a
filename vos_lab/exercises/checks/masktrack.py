"""Checks of lesson 08: simulate_previous_mask, refine_mask, crop_and_zoom and lucid_frame."""

from functools import partial
from typing import Any

import cv2
import numpy as np
import torch

from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.exercises.checks.motion import disk
from vos_lab.exercises.checks.optical_flow import constant, smooth
from vos_lab.exercises.compare import difference
from vos_lab.flow.warp import warp
from vos_lab.methods.augmentation import BEND_GRID
from vos_lab.methods.lucid_frames import lucid_frame
from vos_lab.methods.masktrack import crop_and_zoom, refine_mask, simulate_previous_mask
from vos_lab.methods.networks import SegmentationNetwork, SmallBackbone

# --- simulate_previous_mask -------------------------------------------------------------------


def moved_by(
    x: float, y: float, scale: float = 1.0, angle: float = 0.0, about: tuple[float, float] = (0, 0)
) -> np.ndarray:
    """An affine map: scaled and turned about a place, and moved."""
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array(about, float)
    return np.column_stack([matrix, centre + np.array([x, y]) - matrix @ centre])


def straight() -> np.ndarray:
    """No bend."""
    return np.zeros((BEND_GRID, BEND_GRID, 2), np.float32)


def bent(rng: np.random.Generator, pixels: float) -> np.ndarray:
    """A random bend."""
    return (rng.standard_normal((BEND_GRID, BEND_GRID, 2)) * pixels).astype(np.float32)


def in_some_disk(inputs: Inputs, got: Any) -> str | None:
    """Compare with the reference, whose disk is that of OpenCV, or with a disk by its equation."""
    problem = difference(simulate_previous_mask.reference(**inputs), got, 1e-4)
    moved = simulate_previous_mask.reference(**{**inputs, "radius": 0})
    radius = inputs["radius"]
    side = 2 * radius + 1
    inside = disk(side, side, radius, radius, radius) >= 0.5
    own = cv2.dilate(moved, inside.astype(np.uint8))
    return problem if problem and difference(own, got, 1e-4) else None


SIMULATE_PREVIOUS_MASK = Check(
    simulate_previous_mask,
    cases=[
        Case(
            "nothing moves; a pixel becomes a disk",
            lambda rng: {
                "mask": disk(5, 7, 2, 3, 0.5),
                "affine": moved_by(0, 0),
                "bend": straight(),
                "radius": 2,
            },
            in_some_disk,
        ),
        Case(
            "it was two pixels to the right, and nothing gets coarse",
            lambda rng: {
                "mask": np.array([[0, 1, 1, 0, 0, 0]], np.float32),
                "affine": moved_by(-2, 0),
                "bend": straight(),
                "radius": 0,
            },
        ),
        Case(
            "an object at the border moves in",
            lambda rng: {
                "mask": np.array([[1, 1, 0, 0, 0, 0, 0]], np.float32),
                "affine": moved_by(-3, 0),
                "bend": straight(),
                "radius": 0,
            },
        ),
        Case(
            "half as large, and a disk of radius 3 around it",
            lambda rng: {
                "mask": disk(30, 40, 14, 19, 8),
                "affine": moved_by(0, 0, 2.0, about=(19, 14)),
                "bend": straight(),
                "radius": 3,
            },
            in_some_disk,
        ),
        Case(
            "bent",
            lambda rng: {
                "mask": disk(30, 40, 14, 19, 8),
                "affine": moved_by(0, 0),
                "bend": bent(rng, 2),
                "radius": 0,
            },
        ),
        Case(
            "moved, scaled, turned, bent and coarse",
            lambda rng: {
                "mask": disk(36, 48, 18, 24, 9),
                "affine": moved_by(
                    rng.uniform(1, 3),
                    rng.uniform(1, 3),
                    rng.uniform(1.1, 1.3),
                    rng.uniform(0.1, 0.3),
                    (24, 18),
                ),
                "bend": bent(rng, 1),
                "radius": int(rng.integers(2, 5)),
            },
            in_some_disk,
        ),
    ],
    mistakes=[
        Mistake(
            "The mask is as fine as the truth, so the network could copy its contour and never "
            "look at the picture. Make it coarse.",
            ("cv2.dilate(moved, disk)", "moved"),
        ),
        Mistake(
            "The object got thinner: you took the smallest value around each pixel. Take the "
            "largest, cv2.dilate.",
            ("dilate", "erode"),
        ),
        Mistake(
            "You took a square. Take a disk, which reaches equally far in all directions: "
            "cv2.MORPH_ELLIPSE.",
            ("ELLIPSE", "RECT"),
        ),
        Mistake(
            "The disk is too small. A radius r on each side and the pixel itself give a side of 2 "
            "* r + 1.",
            ("(2 * radius + 1, 2 * radius + 1)", "[max(1, radius)] * 2"),
        ),
        Mistake(
            "You made the mask coarse first and moved it afterwards, so the disk was scaled and "
            "bent, too. Move it first.",
            ("moved = propagate_mask(mask, flow)", "moved = mask"),
            ("cv2.dilate(moved, disk)", "propagate_mask(cv2.dilate(moved, disk), flow)"),
        ),
        Mistake(
            "Pixels that come from outside the image got the mask of the border. Use "
            "propagate_mask, which puts 0 there, because nothing is known about them.",
            ("propagate_mask(mask, flow)", "warp(mask, flow).astype(np.float32)"),
            warp=warp,
        ),
        Mistake(
            "The object moved in the wrong direction. The flow already says where to look up each "
            "pixel, so do not change its sign.",
            ("(mask, flow)", "(mask, -flow)"),
        ),
        Mistake(
            "The bend is missing: it goes into deformation, beside the affine map.",
            ("bend)", "np.zeros_like(bend))"),
        ),
        Mistake(
            "You cut the mask at one half. Keep it soft, because the mask of the last frame will "
            "be soft, too.",
            ("cv2.dilate(moved, disk)", "(cv2.dilate(moved, disk) > 0.5).astype(np.float32)"),
        ),
    ],
    hints=[
        "The mask of the last frame looks like that of this frame, but it is in another place, "
        "has another shape, and is not exact. Which of your functions can move a mask?",
        "deformation makes a flow of an affine map and a bend. propagate_mask carries the mask "
        "along it. Then it gets coarse, with the largest value around each pixel.",
        "cv2.dilate takes the largest value. The shape comes from cv2.getStructuringElement: an "
        "ellipse whose two sides are 2 * radius + 1.",
    ],
    tolerance=1e-4,
)

# --- refine_mask ------------------------------------------------------------------------------


def small_network(rng: np.random.Generator) -> SegmentationNetwork:
    """A tiny network that has learned nothing, with opinions that differ from place to place."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        network = SegmentationNetwork(SmallBackbone(inputs=4, channels=(8, 8, 16)))
    with torch.no_grad():
        for side in network.sides:
            for parameter in side.parameters():
                parameter.mul_(4)
    return network.eval()


def to_refine(rng: np.random.Generator, height: int, width: int, previous: np.ndarray) -> Inputs:
    """A network, a picture of noise, and a rough mask."""
    return {
        "network": small_network(rng),
        "image": rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
        "previous": previous,
    }


REFINE_MASK = Check(
    refine_mask,
    cases=[
        Case(
            "a small picture, and a disk for a mask",
            lambda rng: to_refine(rng, 16, 20, disk(16, 20, 8, 9, 5)),
        ),
        Case(
            "a soft mask",
            lambda rng: to_refine(rng, 20, 24, rng.random((20, 24)).astype(np.float32)),
        ),
        Case(
            "sides that no power of two divides",
            lambda rng: to_refine(rng, 19, 27, disk(19, 27, 9, 20, 6)),
        ),
        Case(
            "the last mask is empty",
            lambda rng: to_refine(rng, 16, 16, np.zeros((16, 16), np.float32)),
        ),
    ],
    mistakes=[
        Mistake(
            "The image goes from 0 to 255 and the mask only from 0 to 1. So the mask hardly "
            "counts, and the network has never seen such an image. as_input brings the image to 0 "
            "to 1.",
            ("as_input(image)", "255 * as_input(image)"),
        ),
        Mistake(
            "The mask comes before the image. The network has learned that it is the last of the "
            "four channels.",
            ("channels, dim", "channels[::-1], dim"),
        ),
        Mistake(
            "You cut the last mask at one half. Give it to the network as it is, because it also "
            "says how unsure it was.",
            ("(previous)", "((previous > 0.5).astype(np.float32))"),
        ),
        Mistake(
            "The fourth channel is empty. Then the network cannot know which object you mean.",
            ("(previous)", "(np.zeros_like(previous))"),
        ),
        Mistake(
            "These are log-odds, which go below 0 and above 1. Use sigmoid to turn them into "
            "numbers from 0 to 1.",
            (".sigmoid()", ""),
        ),
        Mistake(
            "You cut the result at one half. Keep it soft, because it is the rough mask of the "
            "next frame.",
            (".sigmoid()", ".gt(0)"),
        ),
        Mistake(
            "This is one of the side outputs. The network gives a pair, and the first of the two "
            "is the fused answer.",
            ("fused, _ =", "_, (fused, *_) ="),
        ),
        Mistake(
            "The result still has the axes of batch and channel. Take the first of each: [0, 0].",
            ("[0, 0]", ""),
        ),
        Mistake(
            "You multiplied the answer by the last mask. Then a part that the last mask has lost "
            "can never come back. The network has already used that mask, so take its answer as "
            "it is.",
            ("return ", "return previous * "),
        ),
    ],
    hints=[
        "A network for three channels sees a picture. What could it see with a fourth one?",
        "Image and mask become tensors of shape (1, 3, H, W) and (1, 1, H, W), both from 0 to 1, "
        "and are joined along the axis of the channels. The network gives a pair.",
        "as_input(image); torch.from_numpy(previous)[None, None]; torch.cat with dim=1. Ask inside "
        "torch.inference_mode(). Of the first of the pair take [0, 0], then sigmoid, then numpy.",
    ],
    tolerance=1e-4,
)

# --- crop_and_zoom ----------------------------------------------------------------------------


def block(height: int, width: int, *box: int) -> np.ndarray:
    """A mask that is 1 in a box: top, bottom, left, right."""
    mask = np.zeros((height, width), np.float32)
    mask[box[0] : box[1], box[2] : box[3]] = 1
    return mask


def nearly_the_window(inputs: Inputs, got: Any, slack: int = 1) -> str | None:
    """Compare with the reference: a pixel more or less is a matter of rounding."""
    want = crop_and_zoom.reference(**inputs)
    if not isinstance(got, list | tuple | np.ndarray) or len(got) != 4:
        return f"expected four whole numbers, {want}"
    if not all(isinstance(v, int | np.integer) and not isinstance(v, bool) for v in got):
        return f"expected four whole numbers, {want}   got {tuple(got)}"
    have = tuple(int(v) for v in got)
    height, width = inputs["mask"].shape
    inside = 0 <= have[0] < have[1] <= height and 0 <= have[2] < have[3] <= width
    if inside and max(abs(a - b) for a, b in zip(want, have, strict=True)) <= slack:
        return None
    return f"expected {want}   got {have}"


exactly_the_window = partial(nearly_the_window, slack=0)  # where there is nothing to round


def lopsided(rng: np.random.Generator) -> Inputs:
    """An object with a long thin tail: its mean is not its middle."""
    mask = block(60, 100, 20, 36, 30, 46)
    mask[26:28, 46:70] = 1
    return {"mask": mask, "margin": 0.25}


def hazy(rng: np.random.Generator) -> Inputs:
    """A haze lies around the object."""
    mask = block(60, 100, 10, 50, 10, 80) * 0.3
    mask[22:34, 40:56] = 0.9
    return {"mask": mask.astype(np.float32), "margin": 0.5}


def anywhere(rng: np.random.Generator) -> Inputs:
    """An object somewhere."""
    height, width = (int(v) for v in rng.integers(60, 120, 2))
    tall, wide = int(rng.integers(12, 24)), int(rng.integers(12, 24))
    top, left = int(rng.integers(0, height - tall)), int(rng.integers(0, width - wide))
    mask = block(height, width, top, top + tall, left, left + wide)
    return {"mask": mask, "margin": float(rng.uniform(0.3, 1.0)), "least": 0.3}


CROP_AND_ZOOM = Check(
    crop_and_zoom,
    cases=[
        Case(
            "an object in the middle, as wide as high",
            lambda rng: {"mask": block(40, 80, 10, 20, 35, 45), "margin": 1.0},
            exactly_the_window,
        ),
        Case(
            "an object a little to the left",
            lambda rng: {"mask": block(40, 80, 10, 20, 30, 40), "margin": 0.5},
            exactly_the_window,
        ),
        Case(
            "a wide object",
            lambda rng: {"mask": block(64, 128, 24, 32, 32, 64), "margin": 0.5},
            exactly_the_window,
        ),
        Case("an object with a tail", lopsided),
        Case("a haze around the object", hazy),
        Case(
            "what is around it is just one half",
            lambda rng: {"mask": np.maximum(hazy(rng)["mask"], 0.5), "margin": 0.5},
        ),
        Case(
            "a tiny object: not closer than least",
            lambda rng: {"mask": block(80, 120, 40, 42, 60, 63), "margin": 0.5, "least": 0.5},
        ),
        Case(
            "in the upper left corner",
            lambda rng: {"mask": block(64, 128, 0, 16, 2, 18), "margin": 0.5},
            exactly_the_window,
        ),
        Case(
            "in the lower right corner",
            lambda rng: {"mask": block(64, 128, 52, 64, 112, 126), "margin": 0.5},
            exactly_the_window,
        ),
        Case(
            "as large as the frame",
            lambda rng: {"mask": block(40, 60, 5, 38, 3, 50), "margin": 0.5},
            exactly_the_window,
        ),
        Case(
            "nothing there",
            lambda rng: {"mask": np.full((30, 50), 0.2, np.float32), "margin": 0.5},
            exactly_the_window,
        ),
        Case("somewhere", anywhere),
    ],
    mistakes=[
        Mistake(
            "The object is one row and one column larger than last minus first: both of them "
            "belong to it.",
            ("rows.max() + 1 - rows", "rows.max() - rows"),
            ("columns.max() + 1 - col", "columns.max() - col"),
        ),
        Mistake(
            "You added the margin once. There is a margin on both sides of the object: 1 + 2 * "
            "margin.",
            ("2 * margin", "margin"),
        ),
        Mistake(
            "You took the smaller of the two shares, so the object does not fit into the window. "
            "Take the larger one.",
            ("share = max(", "share = min("),
        ),
        Mistake(
            "The window has the shape of the object. Zoomed to the size of the frame, it would be "
            "squeezed: take one share for both sides.",
            (
                "h, w = round(share * height), round(share * width)",
                "h, w = (\n"
                "        round(min(max(side * (1 + 2 * margin), least * whole), whole))\n"
                "        for side, whole in ((tall, height), (wide, width))\n"
                "    )",
            ),
        ),
        Mistake(
            "A tiny object got a tiny window, and a small motion leads out of it. The window must "
            "have at least the share `least` of each side of the frame.",
            ("max(share, least)", "share"),
        ),
        Mistake(
            "The window is larger than the frame. Limit its share to 1.",
            ("min(max(share, least), 1.0)", "max(share, least)"),
        ),
        Mistake(
            "A part of the window lies outside the frame, where there are no pixels. Move the "
            "window inside.",
            ("min(max(top, 0), height - h)", "top"),
            ("min(max(left, 0), width - w)", "left"),
        ),
        Mistake(
            "You cut off the part outside the frame, so the window is smaller and has another "
            "shape. Move the whole window inside instead.",
            ("min(max(top, 0), height - h)", "top"),
            ("min(max(left, 0), width - w)", "left"),
            ("int(top), int(top + h)", "max(top, 0), min(top + h, height)"),
            ("int(left), int(left + w)", "max(left, 0), min(left + w, width)"),
        ),
        Mistake(
            "You put the mean of the pixels in the middle of the window. A long tail hardly "
            "changes the mean, so it does not fit. Take the middle between the first and the last "
            "pixel.",
            ("rows.min() + rows.max()", "2 * rows.mean()"),
            ("columns.min() + columns.max()", "2 * columns.mean()"),
        ),
        Mistake(
            "The window begins where the object begins, so there is room on two sides only. Put "
            "the object in the middle.",
            ("round((rows.min() + rows.max() + 1 - h) / 2)", "rows.min()"),
            ("round((columns.min() + columns.max() + 1 - w) / 2)", "columns.min()"),
        ),
        Mistake(
            "You counted every pixel above 0 as object. A soft mask has small values around the "
            "object, so the object is where the mask is above one half.",
            ("> 0.5", "> 0"),
        ),
        Mistake(
            "A value of exactly one half does not count: use >, not >=.",
            ("> 0.5", ">= 0.5"),
        ),
        Mistake(
            "An empty mask has no first row. The object is lost: look everywhere, in the whole "
            "frame.",
            ("len(rows) == 0", "False"),
        ),
        Mistake(
            "The order is top, bottom, left, right; you gave top, left, bottom, right.",
            ("int(top + h), int(left),", "int(left), int(top + h),"),
        ),
        Mistake(
            "Second and fourth are where the window ends, not how large it is.",
            ("int(top + h), int(left), int(left + w)", "h, int(left), w"),
        ),
    ],
    hints=[
        "You hold a magnifying glass that has the shape of the frame over the object. How large "
        "must it be so that the object and the margin fit, and where do you put it if the object "
        "is near the border?",
        "Size first: what share of the height does the object need, what share of the width, with "
        "the margin on both sides? The larger one is for both; limited by least and 1. Then place.",
        "np.nonzero gives rows and columns. min and max + 1 are first and end. Middle minus half "
        "the window is top; then not below 0 and not above height minus window.",
    ],
    judge=nearly_the_window,
)

# --- lucid_frame ------------------------------------------------------------------------------


def nearly_the_dream(inputs: Inputs, got: Any) -> str | None:
    """Compare with the reference: one grey level more or less, but no darker as a whole."""
    frame, mask = lucid_frame.reference(**inputs)
    if not isinstance(got, list | tuple) or len(got) != 2:
        return "expected a frame and a mask, two arrays"
    for name, want, have in (("frame", frame, got[0]), ("mask", mask, got[1])):
        if not isinstance(have, np.ndarray) or have.shape != want.shape:
            return f"expected a {name} of shape {want.shape}, got {getattr(have, 'shape', have)}"
        if have.dtype.kind != want.dtype.kind:
            return f"expected a {name} of dtype {want.dtype}, got {have.dtype}"
    if not np.allclose(mask, got[1], rtol=0, atol=1e-3):
        return f"the mask is wrong\nexpected {shown(mask)}   got {shown(got[1])}"
    off = got[0].astype(int) - frame
    if np.abs(off).max() > 1:
        wrong = np.count_nonzero(np.abs(off).max(axis=-1) > 1)
        y, x = np.argwhere(np.abs(off).max(axis=-1) > 1)[0]
        return (
            f"the mask is right, the frame is wrong at {wrong} of {mask.size} pixels, the first at "
            f"[{y}, {x}]\nexpected {frame[y, x].tolist()}   got {got[0][y, x].tolist()}"
        )
    if off.size > 1000 and abs(off.mean()) > 0.1:
        return f"the frame is too dark, by {-off.mean():.2f} grey levels on average"
    return None


def shown(mask: np.ndarray) -> str:
    """A small mask whole, of a large one how much of it there is."""
    if mask.size <= 12:
        return str(np.round(mask.astype(float), 2).tolist())
    return f"{mask.sum():.1f} pixels"


def row(*levels: int) -> np.ndarray:
    """A grey image of one row."""
    return np.repeat(np.array([levels], np.uint8)[..., None], 3, axis=-1)


def noise(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """An image of noise."""
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


LUCID_FRAME = Check(
    lucid_frame,
    cases=[
        Case(
            "an object goes one pixel to the right",
            lambda rng: {
                "ground": row(10, 20, 30, 40),
                "image": row(10, 200, 30, 40),
                "mask": np.array([[0, 1, 0, 0]], np.float32),
                "ground_flow": constant(1, 4, 0, 0),
                "object_flow": constant(1, 4, -1, 0),
            },
        ),
        Case(
            "the ground goes to the left, the object stays",
            lambda rng: {
                "ground": row(10, 60, 110, 160),
                "image": row(10, 200, 110, 160),
                "mask": np.array([[0, 1, 0, 0]], np.float32),
                "ground_flow": constant(1, 4, 1, 0),
                "object_flow": constant(1, 4, 0, 0),
            },
        ),
        Case(
            "an object with a soft edge goes half a pixel",
            lambda rng: {
                "ground": row(100, 100, 100, 100, 100),
                "image": row(220, 220, 220, 100, 100),
                "mask": np.array([[1, 1, 0.4, 0, 0]], np.float32),
                "ground_flow": constant(1, 5, 0, 0),
                "object_flow": constant(1, 5, -0.5, 0),
            },
        ),
        Case(
            "an object at the border moves in",
            lambda rng: {
                "ground": row(50, 60, 70, 80, 90),
                "image": row(210, 60, 70, 80, 90),
                "mask": np.array([[1, 0, 0, 0, 0]], np.float32),
                "ground_flow": constant(1, 5, 0, 0),
                "object_flow": constant(1, 5, -2, 0),
            },
        ),
        Case(
            "a disk over noise",
            lambda rng: {
                "ground": noise(rng, 24, 32),
                "image": noise(rng, 24, 32),
                "mask": disk(24, 32, 12, 15, 6),
                "ground_flow": constant(24, 32, *rng.uniform(1, 3, 2)),
                "object_flow": constant(24, 32, *rng.uniform(-3, -1, 2)),
            },
        ),
        Case(
            "all of it soft, and bent",
            lambda rng: {
                "ground": noise(rng, 24, 32),
                "image": noise(rng, 24, 32),
                "mask": rng.random((24, 32)).astype(np.float32),
                "ground_flow": smooth(rng, 24, 32, 3),
                "object_flow": smooth(rng, 24, 32, 3),
            },
        ),
    ],
    mistakes=[
        Mistake(
            "Ground and object moved in the same way, as if you moved the whole photograph. Each "
            "of them has its own flow.",
            ("(ground, ground_flow)", "(ground, object_flow)"),
        ),
        Mistake(
            "The flows are exchanged: ground_flow moves the ground, object_flow the object and its "
            "mask.",
            ("(ground, ground_flow)", "(ground, object_flow)"),
            ("(image, object_flow)", "(image, ground_flow)"),
            ("(mask, object_flow)", "(mask, ground_flow)"),
        ),
        Mistake(
            "The ground stayed where it was. Warp it along ground_flow.",
            ("warp(ground, ground_flow)", "ground"),
        ),
        Mistake(
            "The mask moved, but the pixels of the object did not. Warp the image along "
            "object_flow, too.",
            ("warp(image, object_flow)", "image"),
        ),
        Mistake(
            "The pixels of the object moved, its mask did not. They belong together: carry the "
            "mask along object_flow as well.",
            ("propagate_mask(mask, object_flow)", "mask"),
        ),
        Mistake(
            "At the border the object got a streak, because the mask of the last column was "
            "repeated. Pixels from outside are not object. Use propagate_mask, which puts 0 "
            "there.",
            ("propagate_mask(mask, object_flow)", "warp(mask, object_flow).astype(np.float32)"),
        ),
        Mistake(
            "The object has a hard edge, as if it were cut out with scissors. No video has such "
            "edges, and the network would learn to look for them. Blend with the soft mask.",
            ("share = moved[..., None]", "share = moved[..., None] > 0.5"),
        ),
        Mistake(
            "The frame is right, and the mask was cut at one half. Return it soft.",
            (", moved", ", (moved > 0.5).astype(np.float32)"),
        ),
        Mistake(
            "Object and ground are exchanged: where the mask is 1, you should see the object.",
            ("share = moved", "share = 1 - moved"),
        ),
        Mistake(
            "You added the object to the ground, so the ground shines through it. Multiply the "
            "ground by 1 - share.",
            ("share * before + (1 - share) * behind", "np.clip(share * before + behind, 0, 255)"),
        ),
        Mistake(
            "A cast to uint8 cuts off the digits after the point, so the frame is half a level "
            "too dark. Round first: np.rint.",
            ("np.rint(frame)", "frame"),
        ),
        Mistake(
            "The frame holds floats, but an image is uint8. Round it and cast it.",
            (".astype(np.uint8), moved", ", moved"),
        ),
    ],
    hints=[
        "You have a photograph of the empty ground, and a figure cut out of paper. You move both "
        "and take a picture. What does the picture show at the edge of the paper?",
        "Three things move: the ground along ground_flow, the image and the mask along "
        "object_flow. Then each pixel is a mixture of image and ground, by the moved mask.",
        "warp for images, propagate_mask for the mask. share = moved[..., None] lets it multiply "
        "three channels; share * object + (1 - share) * ground, in float, then np.rint and uint8.",
    ],
    tolerance=1e-3,
    judge=nearly_the_dream,
)

CHECKS = [SIMULATE_PREVIOUS_MASK, REFINE_MASK, CROP_AND_ZOOM, LUCID_FRAME]
