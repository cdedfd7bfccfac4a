"""Checks of lesson 07: select_training_pixels and adapt."""

import cv2
import numpy as np
import torch

from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.methods.fine_tuning import Batch
from vos_lab.methods.networks import SegmentationNetwork, SmallBackbone
from vos_lab.methods.onavos import adapt, select_training_pixels
from vos_lab.methods.osvos import cross_entropy
from vos_lab.video import VOID

# --- select_training_pixels -------------------------------------------------------------------


def disk(height: int, width: int, y: float, x: float, radius: float) -> np.ndarray:
    """A disk."""
    rows, columns = np.mgrid[:height, :width]
    return np.hypot(rows - y, columns - x) <= radius


def seen(rng: np.random.Generator, height: int = 24, width: int = 36) -> Inputs:
    """A disk that has moved on, a network that is fairly sure of it, and a look-alike far off."""
    y, x = rng.uniform(8, 14), rng.uniform(7, 10)
    soft = np.maximum(disk(height, width, y, x + 3, 5), disk(height, width, y, x + 22, 3))
    soft = cv2.GaussianBlur(soft.astype(np.float32), (0, 0), 1.5)
    noise = rng.normal(0, 0.03, soft.shape)
    return {
        "probability": np.clip(soft + noise, 0, 1).astype(np.float32),
        "last_mask": disk(height, width, y, x, 5),
        "sure": 0.8,
        "far": 9.37,  # as no two pixels are
    }


def two_parts(rng: np.random.Generator) -> Inputs:
    """The last mask has two parts."""
    inputs = seen(rng)
    inputs["last_mask"] = inputs["last_mask"] | disk(24, 36, 18, 26, 2)
    inputs["far"] = 6.37
    return inputs


SELECT_TRAINING_PIXELS = Check(
    select_training_pixels,
    cases=[
        Case(
            "sure; near and unsure; far; far and sure",
            lambda rng: {
                "probability": np.array([[0.99, 0.98, 0.5, 0.1, 0.2, 0.99]], np.float32),
                "last_mask": np.array([[True, False, False, False, False, False]]),
                "sure": 0.95,
                "far": 2.5,
            },
        ),
        Case(
            "just at a threshold",
            lambda rng: {
                "probability": np.array([[0.75, 0.74, 0.25, 0.1, 0.1]], np.float32),
                "last_mask": np.array([[True, True, False, False, False]]),
                "sure": 0.75,
                "far": 2.0,
            },
        ),
        Case(
            "the object was lost: the last mask is empty",
            lambda rng: {
                "probability": np.array([[0.9, 0.4, 0.01], [0.6, 0.2, 0.0]], np.float32),
                "last_mask": np.zeros((2, 3), bool),
                "sure": 0.85,
                "far": 1.5,
            },
        ),
        Case(
            "around a single pixel",
            lambda rng: {
                "probability": np.full((7, 7), 0.5, np.float32),
                "last_mask": disk(7, 7, 3, 3, 0.5),
                "sure": 0.9,
                "far": 2.5,
            },
        ),
        Case("an object, and a look-alike far from it", seen),
        Case("a last mask of two parts", two_parts),
        Case(
            "less strict in one thing, stricter in the other",
            lambda rng: seen(rng) | {"sure": 0.6, "far": 14.37},
        ),
    ],
    mistakes=[
        Mistake(
            "A pixel that is sure and far became positive. Objects do not jump, so it is probably "
            "something that looks like the object. A far pixel is negative, whatever the network "
            "says.",
            ("return chosen", "chosen[probability >= sure] = 1\n    return chosen"),
        ),
        Mistake(
            "You called pixels background that are neither sure nor far. They may be the part of "
            "the object that has changed. We know nothing about them, so they are 255.",
            ("return chosen", "return (chosen == 1).astype(np.uint8)"),
        ),
        Mistake(
            "You chose the negatives by the answer of the network. Where it has lost the object, "
            "it would learn that this is right. Choose them by their distance from the last mask.",
            ("distance > far", "probability <= 1 - sure"),
            ("last_mask.any()", "True"),
        ),
        Mistake(
            "You measured the distance inside the last mask. cv2.distanceTransform measures to "
            "the nearest 0, so the mask must be 0 and everything else 1.",
            ("~last_mask", "last_mask"),
        ),
        Mistake(
            "Positives were taken from the last mask only. The object moves: a sure pixel beside "
            "that mask is positive, too.",
            (">= sure", ">= np.where(last_mask, sure, np.inf)"),
        ),
        Mistake(
            "You measured the distance from the sure pixels of this frame. Measure it from the "
            "last mask, because otherwise both kinds of evidence come from the same answer of the "
            "network.",
            ("last_mask.any()", "(probability >= sure).any()"),
            ("~last_mask", "probability < sure"),
        ),
        Mistake(
            "The last mask was empty, so every pixel counted as far, and became background. But "
            "if the object is lost, we do not know where it is, so no pixel is negative.",
            ("return chosen", "return chosen * np.uint8(last_mask.any())"),
        ),
        Mistake(
            "A pixel whose probability is exactly at the threshold counts as sure: >=, not >.",
            (">= sure", "> sure"),
        ),
        Mistake(
            "A pixel exactly at the distance does not count as far: use >, not >=.",
            ("> far", ">= far"),
        ),
        Mistake(
            "You measured the distance along rows and columns. Measure it in a straight line: "
            "cv2.DIST_L2.",
            ("cv2.DIST_L2, cv2.DIST_MASK_PRECISE", "cv2.DIST_L1, cv2.DIST_MASK_3"),
        ),
    ],
    hints=[
        "Nobody annotates this frame. Which pixels are almost certainly object, and which are "
        "almost certainly background? And what do you say about all the others?",
        "Begin with 255 everywhere. Sure pixels become 1. Then pixels that are far from the last "
        "mask become 0, those that were sure, too.",
        "cv2.distanceTransform of the inverted mask, as uint8, with cv2.DIST_L2 and "
        "cv2.DIST_MASK_PRECISE, is the distance to the mask. Skip that where the mask is empty.",
    ],
)

# --- adapt ------------------------------------------------------------------------------------


def picture(rng: np.random.Generator, objects: int = 1) -> Batch:
    """A small picture with a bright spot for each object, and where it is."""
    image = rng.uniform(0, 0.4, (3, 16, 24)).astype(np.float32)
    truth = np.zeros((objects, 16, 24), np.uint8)
    for number in range(objects):
        spot = disk(16, 24, rng.uniform(5, 11), 6 + 11 * number + rng.uniform(0, 3), 4)
        image[number % 3, spot] += 0.5
        truth[number, spot] = 1
    image = image.round(1)  # to be short where it is printed
    return torch.from_numpy(image)[None], torch.from_numpy(truth)[None]


def adaptation(
    rng: np.random.Generator, steps: int, share: float = 0.5, objects: int = 1
) -> Inputs:
    """A tiny network, a current frame of which half is ignored, and views of the first frame."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        network = SegmentationNetwork(SmallBackbone(channels=(8,)), objects)
    image, truth = picture(rng, objects)
    truth[:, :, :, 10:14] = VOID
    truth[:, :, 12:] = VOID
    return {
        "network": network,
        "current": (image, truth),
        "first": [picture(rng, objects) for _ in range(steps)],
        "loss": cross_entropy,
        "learning_rate": 0.02,
        "share": share,
    }


def unknown(rng: np.random.Generator) -> Inputs:
    """Nothing is known of the current frame."""
    inputs = adaptation(rng, 3)
    inputs["current"][1].fill_(VOID)
    return inputs


ADAPT = Check(
    adapt,
    cases=[
        Case("a single step", lambda rng: adaptation(rng, 1)),
        Case("three steps, each with another view", lambda rng: adaptation(rng, 3)),
        Case("the current frame counts little", lambda rng: adaptation(rng, 3, share=0.05)),
        Case("two objects", lambda rng: adaptation(rng, 3, share=0.3, objects=2)),
        Case("all pixels of the current frame are ignored", unknown),
    ],
    mistakes=[
        Mistake(
            "Only the current frame is learned. Its training pixels are the network's own opinion, "
            "so mistakes grow. Add the loss of a view of the first frame in every step.",
            ("share * loss(now, current[1]) + loss(then, truth)", "loss(now, current[1])"),
        ),
        Mistake(
            "You weighted the current frame, but the first frame is missing. Add the loss of a "
            "view of the first frame in every step, because it is the only frame that is "
            "certainly right.",
            (" + loss(then, truth)", ""),
        ),
        Mistake(
            "The network learns only the first frame, and it knows that one already. Add share "
            "times the loss of the current frame.",
            ("share * loss(now, current[1]) + ", ""),
        ),
        Mistake(
            "The weights are exchanged: share belongs to the current frame, which may be wrong. "
            "The first frame is true and counts 1.",
            ("share * ", ""),
            ("loss(then", "share * loss(then"),
        ),
        Mistake(
            "Both frames count the same. The masks of the current frame are a guess, so multiply "
            "its loss by share.",
            ("share * ", ""),
        ),
        Mistake(
            "You gave the first frame the weight 1 - share. It always has the weight 1.",
            ("loss(then", "(1 - share) * loss(then"),
        ),
        Mistake(
            "Two updates were made in each step, one for each frame. Add both losses first, and "
            "make one update with the sum.",
            (
                "optimiser.zero_grad()\n        value.backward()\n        optimiser.step()",
                "for weight, (seen, wanted) in ((share, current), (1, (inputs, truth))):\n"
                "            optimiser.zero_grad()\n"
                "            (weight * loss(network(seen)[0], wanted)).backward()\n"
                "            optimiser.step()",
            ),
        ),
        Mistake(
            "The gradients of earlier steps add up. Set them to zero before each backward pass.",
            ("optimiser.zero_grad()", ""),
        ),
        Mistake(
            "The weights never change: after backward() the optimiser must take its step.",
            ("optimiser.step()", ""),
        ),
        Mistake(
            "You made a new optimiser in each step, so it forgets the gradients of the earlier "
            "steps. Make one for all steps of a frame, before the loop.",
            (
                "# Step 2",
                "optimiser = torch.optim.Adam(network.parameters(), learning_rate)  #",
            ),
        ),
        Mistake(
            "This is plain gradient descent. Use Adam, which chooses a step size for each weight.",
            ("Adam", "SGD"),
        ),
        Mistake(
            "Each step showed the same view of the first frame. Take the next one each time.",
            ("in first:", "in [first[0]] * len(first):"),
        ),
        Mistake(
            "The loss was computed again after the weights had changed. Note the value that the "
            "step was made with.",
            (
                "float(value.detach())",
                "float(share * loss(network(current[0])[0], current[1])"
                " + loss(network(inputs)[0], truth))",
            ),
        ),
    ],
    hints=[
        "A network that learns only from its own answers gets surer and surer of them, even if "
        "they are wrong. What do you have that is certainly right?",
        "Each step is one update: the loss of the current frame times share, plus the loss of the "
        "next view of the first frame. One Adam serves all steps.",
        "network(x) gives a pair, of which you need the first. Then zero_grad, backward, step, and "
        "note float(value.detach()). Go back to eval mode at the end.",
    ],
    tolerance=1e-3,
)

CHECKS = [SELECT_TRAINING_PIXELS, ADAPT]
