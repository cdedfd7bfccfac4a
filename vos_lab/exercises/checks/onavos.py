"""Checks of lesson 07: select_training_pixels and adapt."""

from collections.abc import Callable, Sequence
from itertools import repeat

import cv2
import numpy as np
import torch
from torch import nn

from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.methods.fine_tuning import Batch, Loss
from vos_lab.methods.networks import SegmentationNetwork, SmallBackbone
from vos_lab.methods.onavos import adapt, select_training_pixels
from vos_lab.methods.osvos import cross_entropy
from vos_lab.video import VOID

# --- select_training_pixels -------------------------------------------------------------------


def distance_from(mask: np.ndarray, how: int = cv2.DIST_L2) -> np.ndarray:
    """Distance of each pixel from a mask; from nothing it is endless."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    outside = (~mask).astype(np.uint8)
    size = cv2.DIST_MASK_PRECISE if how == cv2.DIST_L2 else cv2.DIST_MASK_3
    return cv2.distanceTransform(outside, how, size)


def chosen_from(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """The map of two kinds of pixels; what is both is negative."""
    chosen = np.full(positive.shape, VOID, np.uint8)
    chosen[positive] = 1
    chosen[negative] = 0
    return chosen


def far_from(last_mask: np.ndarray, far: float) -> np.ndarray:
    """What is far from the last mask; nothing, where it is empty."""
    return (distance_from(last_mask) > far) & last_mask.any()


def chosen_sure_wins(
    probability: np.ndarray, last_mask: np.ndarray, sure: float, far: float
) -> np.ndarray:
    """Lets what is sure win over what is far."""
    chosen = chosen_from(np.zeros_like(last_mask), far_from(last_mask, far))
    chosen[probability >= sure] = 1
    return chosen


def chosen_nothing_ignored(
    probability: np.ndarray, last_mask: np.ndarray, sure: float, far: float
) -> np.ndarray:
    """Calls the rest background."""
    return ((probability >= sure) & ~far_from(last_mask, far)).astype(np.uint8)


def chosen_by_doubt(
    probability: np.ndarray, last_mask: np.ndarray, sure: float, far: float
) -> np.ndarray:
    """Takes negatives by confidence, too."""
    return chosen_from(probability >= sure, probability <= 1 - sure)


def chosen_inside(
    probability: np.ndarray, last_mask: np.ndarray, sure: float, far: float
) -> np.ndarray:
    """Measures inside the mask."""
    return chosen_from(probability >= sure, distance_from(~last_mask) > far)


def chosen_only_in_mask(
    probability: np.ndarray, last_mask: np.ndarray, sure: float, far: float
) -> np.ndarray:
    """Takes positives in the last mask only."""
    return chosen_from((probability >= sure) & last_mask, far_from(last_mask, far))


def chosen_from_belief(
    probability: np.ndarray, last_mask: np.ndarray, sure: float, far: float
) -> np.ndarray:
    """Measures from what is sure now."""
    return chosen_from(probability >= sure, far_from(probability >= sure, far))


def chosen_all_far(
    probability: np.ndarray, last_mask: np.ndarray, sure: float, far: float
) -> np.ndarray:
    """Takes everything for far from an empty mask."""
    return chosen_from(probability >= sure, distance_from(last_mask) > far)


def chosen_above(
    probability: np.ndarray, last_mask: np.ndarray, sure: float, far: float
) -> np.ndarray:
    """Leaves out the threshold itself."""
    return chosen_from(probability > sure, far_from(last_mask, far))


def chosen_from_far_on(
    probability: np.ndarray, last_mask: np.ndarray, sure: float, far: float
) -> np.ndarray:
    """Takes in what is just as far as that."""
    negative = (distance_from(last_mask) >= far) & last_mask.any()
    return chosen_from(probability >= sure, negative)


def chosen_by_blocks(
    probability: np.ndarray, last_mask: np.ndarray, sure: float, far: float
) -> np.ndarray:
    """Counts rows plus columns."""
    negative = (distance_from(last_mask, cv2.DIST_L1) > far) & last_mask.any()
    return chosen_from(probability >= sure, negative)


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
            "A pixel that is sure and far became positive. Objects do not jump, so it is more "
            "likely a look-alike: what is far is negative, whatever the network thinks.",
            chosen_sure_wins,
        ),
        Mistake(
            "What is neither sure nor far was called background. It may well be the part of the "
            "object that has changed: nothing is known of it, so it is 255.",
            chosen_nothing_ignored,
        ),
        Mistake(
            "Negatives were chosen by what the network thinks. Where it has lost the object it "
            "would learn just that. Choose them by their distance from the last mask.",
            chosen_by_doubt,
        ),
        Mistake(
            "The distance was measured inside the last mask. cv2.distanceTransform measures to the "
            "nearest 0, so the mask must be 0 and all else 1.",
            chosen_inside,
        ),
        Mistake(
            "Positives were taken from the last mask only. The object moves: a sure pixel beside "
            "that mask is positive, too.",
            chosen_only_in_mask,
        ),
        Mistake(
            "The distance was measured from what is sure in this frame. Measure it from the last "
            "mask: else the network is judge of its own cause.",
            chosen_from_belief,
        ),
        Mistake(
            "From an empty mask everything became far, so everything background. When the object "
            "was lost, nothing is known of where it is: no pixel is negative.",
            chosen_all_far,
        ),
        Mistake(
            "A pixel whose probability is exactly at the threshold counts as sure: >=, not >.",
            chosen_above,
        ),
        Mistake(
            "A pixel exactly at the distance is not yet farther than that: >, not >=.",
            chosen_from_far_on,
        ),
        Mistake(
            "The distance is counted along rows and columns. Measure it straight: cv2.DIST_L2.",
            chosen_by_blocks,
        ),
    ],
    hints=[
        "Nobody annotates this frame. Which pixels would you bet on, for the object and for the "
        "background? And what do you say of all the others?",
        "Begin with 255 everywhere. Sure pixels become 1. Then pixels that are far from the last "
        "mask become 0, those that were sure, too.",
        "cv2.distanceTransform of the inverted mask, as uint8, with cv2.DIST_L2 and "
        "cv2.DIST_MASK_PRECISE, is the distance to the mask. Skip that where the mask is empty.",
    ],
)

# --- adapt ------------------------------------------------------------------------------------


def adapted(
    network: nn.Module,
    current: Batch,
    first: Sequence[Batch],
    loss: Loss,
    learning_rate: float,
    share: float,
    wrong: str = "",
) -> list[float]:
    """Adaptation as in the reference, with knobs to turn wrong."""
    network.train()

    def adam() -> torch.optim.Optimizer:
        kind = torch.optim.SGD if wrong == "sgd" else torch.optim.Adam
        return kind(network.parameters(), learning_rate)

    def total(inputs: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        now, then = loss(network(current[0])[0], current[1]), loss(network(inputs)[0], truth)
        weights = {
            "alone": (1.0, 0.0),
            "alone, weighed": (share, 0.0),
            "first alone": (0.0, 1.0),
            "exchanged": (1.0, share),
            "alike": (1.0, 1.0),
            "mixed": (share, 1 - share),
        }.get(wrong, (share, 1.0))
        return weights[0] * now + weights[1] * then

    def step(value: torch.Tensor) -> None:
        if wrong != "gradients kept":
            optimiser.zero_grad()
        value.backward()
        if wrong != "no step":
            optimiser.step()

    optimiser = adam()
    losses = []
    if wrong == "one view":
        first = list(repeat(first[0], len(first)))
    for inputs, truth in first:
        if wrong == "adam anew":
            optimiser = adam()
        value = total(inputs, truth)
        if wrong == "in turn":
            step(share * loss(network(current[0])[0], current[1]))
            step(loss(network(inputs)[0], truth))
        else:
            step(value)
        losses.append(float(total(inputs, truth) if wrong == "afterwards" else value))
    network.eval()
    return losses


def wrongly(wrong: str) -> Callable[..., list[float]]:
    """Adaptation with one thing wrong."""

    def version(
        network: nn.Module,
        current: Batch,
        first: Sequence[Batch],
        loss: Loss,
        learning_rate: float,
        share: float,
    ) -> list[float]:
        return adapted(network, current, first, loss, learning_rate, share, wrong)

    version.__name__ = "adapted_" + wrong.replace(" ", "_").replace(",", "")
    return version


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
            wrongly("alone"),
        ),
        Mistake(
            "The current frame is weighed, and the first one is missing. Add the loss of a view of "
            "the first frame in every step: it is what keeps the network honest.",
            wrongly("alone, weighed"),
        ),
        Mistake(
            "Only the first frame is learned, and the network knows that one already. Add share "
            "times the loss of the current frame.",
            wrongly("first alone"),
        ),
        Mistake(
            "The weights are exchanged: share belongs to the current frame, which may be wrong. "
            "The first frame is true and counts 1.",
            wrongly("exchanged"),
        ),
        Mistake(
            "Both frames count alike. The current one is a guess: multiply its loss with share.",
            wrongly("alike"),
        ),
        Mistake(
            "The first frame was given what share leaves over. It always counts 1.",
            wrongly("mixed"),
        ),
        Mistake(
            "Two updates were made in each step, one for each frame. Add both losses first, and "
            "make one update with the sum.",
            wrongly("in turn"),
        ),
        Mistake(
            "The gradients of earlier steps add up. Set them to zero before each backward pass.",
            wrongly("gradients kept"),
        ),
        Mistake(
            "The weights never change: after backward() the optimiser must take its step.",
            wrongly("no step"),
        ),
        Mistake(
            "The optimiser was made anew in each step, so it forgets how steep things have been. "
            "Make one for all steps of a frame, before the loop.",
            wrongly("adam anew"),
        ),
        Mistake(
            "This is plain gradient descent. Use Adam, which chooses how far to go for each weight "
            "by itself.",
            wrongly("sgd"),
        ),
        Mistake(
            "Each step showed the same view of the first frame. Take the next one each time.",
            wrongly("one view"),
        ),
        Mistake(
            "The loss was computed again after the weights had changed. Note the value that the "
            "step was made with.",
            wrongly("afterwards"),
        ),
    ],
    hints=[
        "A network that learns only from its own opinion gets ever surer of it, right or wrong. "
        "What do you have that is certainly true?",
        "Each step is one update: the loss of the current frame times share, plus the loss of the "
        "next view of the first frame. One Adam serves all steps.",
        "network(x) gives a pair, of which you need the first. Then zero_grad, backward, step, and "
        "note float(value.detach()). Go back to eval mode at the end.",
    ],
    tolerance=1e-3,
)

CHECKS = [SELECT_TRAINING_PIXELS, ADAPT]
