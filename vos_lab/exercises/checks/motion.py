"""Checks of lesson 04: propagate_mask, consistency_mask, object_flow_step and fuse_streams."""

from typing import Any

import cv2
import numpy as np
import torch

from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.exercises.checks.optical_flow import constant, smooth
from vos_lab.flow.warp import consistency_mask, warp_mask
from vos_lab.methods.flow_propagation import propagate_mask
from vos_lab.methods.fusionseg import fuse_streams
from vos_lab.methods.object_flow import (
    object_flow_step,
)

# --- propagate_mask ---------------------------------------------------------------------------


def disk(height: int, width: int, y: float, x: float, radius: float) -> np.ndarray:
    """A soft mask of a disk."""
    rows, columns = np.mgrid[:height, :width]
    share = radius + 0.5 - np.hypot(rows - y, columns - x)
    return np.clip(share, 0, 1).astype(np.float32)


PROPAGATE_MASK = Check(
    propagate_mask,
    cases=[
        Case(
            "an object that came two pixels from the left",
            lambda rng: {
                "mask": np.array([[0, 1, 1, 0, 0, 0]], np.float32),
                "flow": constant(1, 6, -2, 0),
            },
        ),
        Case(
            "a quarter of a pixel upwards",
            lambda rng: {
                "mask": np.array([[0], [0], [1], [1], [0]], np.float32),
                "flow": constant(5, 1, 0, 0.25),
            },
        ),
        Case(
            "an object at the border, and flow from outside",
            lambda rng: {
                "mask": np.array([[1, 1, 0, 0]], np.float32),
                "flow": constant(1, 4, -1.5, 0),
            },
        ),
        Case(
            "a disk that moves down and to the right",
            lambda rng: {
                "mask": disk(20, 30, 8, 9, 5),
                "flow": constant(20, 30, *rng.uniform(-4, -1, 2)),
            },
        ),
        Case(
            "a soft mask and a smooth flow",
            lambda rng: {
                "mask": rng.random((24, 32)).astype(np.float32),
                "flow": smooth(rng, 24, 32, 4),
            },
        ),
    ],
    mistakes=[
        Mistake(
            "You looked in the wrong direction. The flow points from this frame back to the last "
            "one, where the mask is known, so follow it as it is.",
            ("warp(mask, flow)", "warp(mask, -flow)"),
            ("lands_inside(flow)", "lands_inside(-flow)"),
        ),
        Mistake(
            "You rounded the places. Then a motion of less than half a pixel is lost, and that "
            "happens in every frame. Mix the pixels around the place.",
            ("warp(mask, flow)", "warp_mask(mask, flow)"),
            warp_mask=warp_mask,
        ),
        Mistake(
            "You cut the result at one half. Keep it soft, because half a pixel now is half a "
            "pixel of motion in the next frame.",
            ("warp(mask, flow)", "warp(mask, flow) > 0.5"),
        ),
        Mistake(
            "Pixels that come from outside the image got the mask of the border. Nothing is known "
            "about them, so put 0 there.",
            ("np.where(lands_inside(flow), carried, 0)", "carried"),
        ),
        Mistake(
            "This is the last mask without any change. Look it up at the places to which the flow "
            "points.",
            lambda mask, flow: mask.copy(),
        ),
        Mistake(
            "dx and dy are exchanged: flow[..., 0] goes along the columns, flow[..., 1] along the "
            "rows.",
            ("# Step 1", "flow = np.ascontiguousarray(flow[..., ::-1])\n    # Step 1"),
        ),
    ],
    hints=[
        "Think of a pixel of this frame. The flow says where it was in the last frame. What do "
        "you know about that place?",
        "That is backward warping, with the mask in the place of an image. You wrote it in lesson "
        "02.",
        "warp looks up and mixes, lands_inside says where there was something to look up; "
        "elsewhere put 0. The result is float32.",
    ],
    tolerance=1e-4,
)

# --- consistency_mask -------------------------------------------------------------------------


def passing(rng: np.random.Generator) -> Inputs:
    """An object goes to the right over ground that stands still: at its front the ground hides."""
    flow, back = np.zeros((2, 24, 40, 2), np.float32)
    speed = float(rng.integers(4, 7))
    flow[8:16, 10:20, 0] = speed
    back[8:16, 10 + int(speed) : 20 + int(speed), 0] = -speed
    return {"flow": flow, "back": back}


def narrow(rng: np.random.Generator) -> Inputs:
    """Round trips that end about as far from home as is allowed."""
    out = np.array([7.0, -3.0], np.float32)
    allowed = 0.05 * 2 * (out**2).sum() + 3
    angle, share = rng.uniform(0, 2 * np.pi, (20, 30)), rng.uniform(0.5, 1.4, (20, 30))
    missed = np.sqrt(share * allowed)[..., None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    flow = constant(20, 30, *out)
    return {"flow": flow, "back": (missed - flow).astype(np.float32), "share": 0.05, "slack": 3.0}


CONSISTENCY_MASK = Check(
    consistency_mask,
    cases=[
        Case(
            "everything goes two pixels to the right, and back",
            lambda rng: {"flow": constant(1, 6, 2, 0), "back": constant(1, 6, -2, 0)},
        ),
        Case(
            "the way back does not lead home",
            lambda rng: {"flow": constant(2, 5, 1, 0), "back": constant(2, 5, 1, 0)},
        ),
        Case(
            "half a pixel wrong, and one pixel",
            lambda rng: {
                "flow": constant(1, 5, 0, 0),
                "back": np.array([[[0, 0], [0.6, 0], [1, 0], [0, -0.65], [0, 3]]], np.float32),
            },
        ),
        Case(
            "a long flow, a pixel wrong",
            lambda rng: {"flow": constant(2, 40, 20, 0), "back": constant(2, 40, -18.9, 0)},
        ),
        Case(
            "no tolerance at all, and a perfect round trip",
            lambda rng: {
                "flow": constant(2, 6, 1, 0),
                "back": constant(2, 6, -1, 0),
                "share": 0.0,
                "slack": 0.0,
            },
        ),
        Case("an object that hides ground in front of it", passing),
        Case("round trips that end about as far from home as is allowed", narrow),
        Case(
            "other tolerances",
            lambda rng: passing(rng) | {"share": 0.2, "slack": 0.1},
        ),
        Case(
            "smooth flows",
            lambda rng: {"flow": smooth(rng, 24, 32, 3), "back": smooth(rng, 24, 32, 3)},
        ),
    ],
    mistakes=[
        Mistake(
            "You took the way back at the start. Go along the flow first, and look up the other "
            "flow where you arrive.",
            ("warp(back, flow)", "back"),
        ),
        Mistake(
            "You subtracted the two flows. The way there and back is their sum: it is 0 if you "
            "come back to the pixel.",
            ("flow + there", "flow - there"),
        ),
        Mistake(
            "This is the opposite: True where the flows disagree.",
            (
                "return (missed <= allowed) & lands_inside(flow)",
                "return (missed > allowed) | ~lands_inside(flow)",
            ),
        ),
        Mistake(
            "A pixel that leaves the image has no way back that we know, so it must be False.",
            (" & lands_inside(flow)", ""),
        ),
        Mistake(
            "You compared a length with squared lengths. Square the length of the sum, too.",
            ("((flow + there) ** 2).sum(axis=-1)", "np.sqrt(((flow + there) ** 2).sum(axis=-1))"),
        ),
        Mistake(
            "A long flow may have a larger error than a short one. Add share times both squared "
            "lengths.",
            ("missed <= allowed", "missed <= slack"),
        ),
    ],
    hints=[
        "You follow the flow, and from there you follow the other flow. When do you come back to "
        "where you started?",
        "Look up the other flow at the place where you arrive: warp it by the first flow. The sum "
        "of both vectors says how far from the start you end.",
        "Compare the squared length of that sum with share times the sum of both squared lengths, "
        "plus slack. And lands_inside(flow).",
    ],
)

# --- object_flow_step -------------------------------------------------------------------------


def scene(
    rng: np.random.Generator, speed: float = 6.0, sure: float = 2.0, noise: float = 0.5
) -> Inputs:
    """A spotted disk goes over spotted ground; the flow so far is too short."""
    ground = cv2.GaussianBlur(rng.integers(0, 256, (72, 104, 3)).astype(np.float32), (0, 0), 2.0)
    ground = 90 + 2 * (ground - 127)
    coat = cv2.GaussianBlur(rng.integers(0, 256, (72, 104, 3)).astype(np.float32), (0, 0), 2.0)
    coat = 150 + 2 * (coat - 127)
    pictures, masks = [], []
    for step in (0, 1):
        soft = disk(72, 104, 36, 40 + speed * step, 14)[..., None]
        moved = np.roll(coat, round(speed * step), axis=1)
        pictures.append(np.clip(ground * (1 - soft) + moved * soft, 0, 255).astype(np.uint8))
        masks.append(soft[..., 0] > 0.5)
    flow = np.zeros((72, 104, 2), np.float32)
    flow[masks[1], 0] = -speed + rng.uniform(0.5, 1.5)
    colour = np.where(masks[1], sure, -sure) + rng.normal(0, noise, masks[1].shape)
    return {
        "frame": pictures[1],
        "last": pictures[0],
        "last_mask": masks[0],
        "flow": flow,
        "colour": colour.astype(np.float32),
    }


def deceived(rng: np.random.Generator) -> Inputs:
    """Colour is wildly sure of a spot far off, and against the middle of the object."""
    inputs = scene(rng)
    inputs["colour"][30:42, 85:97] = 60
    inputs["colour"][34:38, 44:48] = -60
    return inputs


def nearly(inputs: Inputs, got: Any) -> str | None:
    """Compare with the reference: 99 of 100 pixels of the mask, 95 of the vectors.

    A tie in the cut may fall either way on another machine.
    """
    mask, flow = object_flow_step.reference(**inputs)
    if not isinstance(got, list | tuple) or len(got) != 2:
        return "expected a mask and a flow, two arrays"
    for name, want, have, kinds in (("mask", mask, got[0], "b"), ("flow", flow, got[1], "f")):
        if not isinstance(have, np.ndarray) or have.shape != want.shape:
            return f"expected a {name} of shape {want.shape}, got {getattr(have, 'shape', have)}"
        if have.dtype.kind not in kinds:
            return f"expected a {name} of dtype {want.dtype}, got {have.dtype}"
    wrong = np.count_nonzero(mask != got[0])
    if wrong > 0.01 * mask.size:
        return f"the mask is wrong at {wrong} of {mask.size} pixels"
    far = np.linalg.norm(flow - got[1], axis=-1)
    if np.count_nonzero(far > 0.1) > 0.05 * mask.sum():
        return (
            "the mask is right, the flow is not: "
            f"{np.count_nonzero(far > 0.1)} vectors are more than 0.1 pixels off"
        )
    return None


OBJECT_FLOW_STEP = Check(
    object_flow_step,
    cases=[
        Case("a disk that moves, and flow that is too short", scene),
        Case(
            "fast motion, colours of which half lie",
            lambda rng: scene(rng, speed=12.0, noise=3.0),
        ),
        Case("colours that do not know", lambda rng: scene(rng, sure=0.0, noise=0.1)),
        Case("colours that are wildly wrong in two places", deceived),
        Case(
            "the object is gone: colours speak against it everywhere",
            lambda rng: scene(rng, sure=0.0, noise=0.0) | {"flow": constant(72, 104, 200, 0)},
        ),
    ],
    mistakes=[
        Mistake(
            "The last mask stayed where it was. Carry it along the flow first: propagate_mask.",
            ("propagate_mask(last_mask.astype(np.float32), flow)", "last_mask.astype(np.float32)"),
        ),
        Mistake(
            "A single colour that does not occur on the object outweighs everything else. Limit "
            "the log-odds of colour to MAX_LOG_ODDS, in both directions.",
            ("np.clip(colour, -MAX_LOG_ODDS, MAX_LOG_ODDS)", "colour"),
        ),
        Mistake(
            "A share from 0 to 1 is always above 0, so it never speaks against the object. Turn "
            "it into log-odds before adding.",
            ("log_odds(place)", "place"),
        ),
        Mistake(
            "You did not use colour. Add it to the evidence, with its weight COLOUR_WEIGHT.",
            (" + COLOUR_WEIGHT * np.clip(colour, -MAX_LOG_ODDS, MAX_LOG_ODDS)", ""),
        ),
        Mistake(
            "Each pixel was decided on its own, so the mask has holes and specks. Let minimum_cut "
            "find the best whole mask.",
            ("minimum_cut(evidence, *contour_costs(frame))", "evidence > 0"),
        ),
        Mistake(
            "The mask is new and the flow is the old one. Estimate it again, on the object alone: "
            "flow_of_object.",
            ("np.where(better[..., None], own, flow)", "flow.copy()"),
        ),
        Mistake(
            "The flow of the object is of no use elsewhere: its surroundings were painted over. "
            "Keep the old flow there.",
            ("np.where(better[..., None], own, flow)", "own"),
        ),
        Mistake(
            "You took the object's own flow everywhere on the mask. But where the mask is wrong, "
            "that flow is wrong, too. Ask mismatch which of the two flows explains the picture "
            "better.",
            ("mask & (mismatch(frame, last, own) < mismatch(frame, last, flow))", "mask"),
        ),
    ],
    hints=[
        "You have two kinds of evidence: where flow puts the last mask, and what the colours say. "
        "Neither of them is always right. How do you add them, and what decides for all pixels "
        "together?",
        "propagate_mask, blur, log_odds; plus COLOUR_WEIGHT times the limited colour. "
        "minimum_cut takes the sum and what contour_costs(frame) gives.",
        "flow_of_object(frame, last, mask, last_mask) is the new flow. np.where takes it at pixels "
        "in the mask whose mismatch is smaller with it, and the old flow elsewhere.",
    ],
    judge=nearly,
)

# --- fuse_streams -----------------------------------------------------------------------------


def streams(rng: np.random.Generator, *shape: int) -> Inputs:
    """Log-odds of two streams, and what was learned, at random."""

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.float32))

    return {
        "appearance": tensor(rng.normal(0, 3, shape)),
        "motion": tensor(rng.normal(0, 3, shape)),
        "weight": tensor(rng.uniform(0.3, 1.5, 3)),
        "bias": tensor(rng.uniform(-3, -0.5, 3)),
    }


FUSE_STREAMS = Check(
    fuse_streams,
    cases=[
        Case(
            "both are unsure, both a little for it, one is sure, both against it",
            lambda rng: {
                "appearance": torch.tensor([[[[0.5, 2.0, 9.0, -3.0]]]]),
                "motion": torch.tensor([[[[0.5, 2.0, -1.0, -3.0]]]]),
                "weight": torch.tensor([1.0, 1.0, 1.0]),
                "bias": torch.tensor([-4.0, -4.0, -2.0]),
            },
        ),
        Case("one picture", lambda rng: streams(rng, 1, 1, 4, 5)),
        Case("three pictures at once", lambda rng: streams(rng, 3, 1, 8, 11)),
        Case(
            "appearance is worth nothing",
            lambda rng: (
                streams(rng, 2, 1, 6, 7)
                | {
                    "weight": torch.tensor([0.0, 1.0, 0.0]),
                    "bias": torch.tensor([-9.0, -1.0, -9.0]),
                }
            ),
        ),
    ],
    mistakes=[
        Mistake(
            "Two streams that are both against an object agree, and minus times minus is plus. "
            "Keep only what is above 0 before you multiply.",
            (".relu()", ""),
        ),
        Mistake(
            "You added the opinions. Then two unsure ones can outweigh one that is sure. Take the "
            "strongest.",
            (".amax(", ".sum("),
        ),
        Mistake(
            "You averaged the opinions, so the unsure ones weaken the one that is sure. Take the "
            "strongest.",
            (".amax(", ".mean("),
        ),
        Mistake(
            "The third opinion is missing: the product, which is large where both streams see "
            "something.",
            (", appearance * motion]", "]"),
            ("[:, None, None]", "[:2, None, None]"),
        ),
        Mistake(
            "This is the weakest opinion, so all three have to be sure. One sure opinion is "
            "enough: take the strongest.",
            (".amax(", ".amin("),
        ),
        Mistake(
            "The bias was left out. It says how sure each opinion must be before it counts.",
            (" + bias[:, None, None]", ""),
        ),
        Mistake(
            "The axis of the channel is gone. Keep it: the result is (N, 1, H, W), as the streams "
            "are.",
            (", keepdim=True", ""),
        ),
    ],
    hints=[
        "When would you believe two witnesses? When one of them is very sure, or when both say "
        "the same, even if neither is sure.",
        "Three opinions of each pixel: appearance, motion, and their product, all without what is "
        "below 0. Each is multiplied with its weight and gets its bias.",
        "torch.cat along dim 1 gives (N, 3, H, W). weight[:, None, None] fits that shape. amax "
        "over dim 1 with keepdim=True.",
    ],
    tolerance=1e-5,
    gradients=("appearance", "motion", "weight", "bias"),
)

CHECKS = [PROPAGATE_MASK, CONSISTENCY_MASK, OBJECT_FLOW_STEP, FUSE_STREAMS]
