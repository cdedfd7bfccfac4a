"""Checks of lesson 06: select_instances, propagate_semantics and conditional_classifier."""

import numpy as np
import torch

from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.methods.osvos_s import (
    conditional_classifier,
    propagate_semantics,
    select_instances,
)


def spans(length: int, *spans: tuple[int, int]) -> np.ndarray:
    """Masks of one row of pixels, each from a column up to another: ``(P, 1, length)`` bool."""
    columns = np.arange(length)
    return np.stack([[(columns >= start) & (columns < stop)] for start, stop in spans])


def certain(*numbers: int, classes: int = 3) -> np.ndarray:
    """Class scores that are rather sure of the class with this number."""
    scores = np.full((len(numbers), classes), 0.1, np.float32)
    scores[np.arange(len(numbers)), list(numbers)] = 0.7
    return scores


# --- select_instances -------------------------------------------------------------------------


def drawn(rng: np.random.Generator, proposals: int = 8) -> Inputs:
    """Boxes, some of them at the object."""
    shape = (12, 18)
    first = np.zeros(shape, bool)
    first[3:9, 4:13] = True
    masks = np.zeros((proposals, *shape), bool)
    for mask in masks:
        top, left = rng.integers(0, 6), rng.integers(0, 10)
        mask[top : top + rng.integers(3, 7), left : left + rng.integers(3, 9)] = True
    return {
        "masks": masks,
        "class_scores": rng.dirichlet(np.ones(4), proposals).astype(np.float32),
        "first_mask": first,
        "gain": float(rng.choice([0.0, 0.02])),
        "least": 0.2,
    }


SELECT_INSTANCES = Check(
    select_instances,
    cases=[
        Case(
            "one proposal is the object, another is not",
            lambda rng: {
                "masks": spans(8, (5, 8), (1, 4)),
                "class_scores": certain(0, 2),
                "first_mask": spans(8, (1, 4))[0],
                "gain": 0.0,
                "least": 0.5,
            },
        ),
        Case(
            "a rider on a horse: two things are the object",
            lambda rng: {
                "masks": spans(10, (3, 9), (7, 10), (1, 3)),
                "class_scores": certain(1, 0, 2),
                "first_mask": spans(10, (1, 8))[0],
                "gain": 0.0,
                "least": 0.5,
            },
        ),
        Case(
            "two of the same class",
            lambda rng: {
                "masks": spans(10, (1, 4), (4, 8), (8, 10)),
                "class_scores": certain(1, 1, 1),
                "first_mask": spans(10, (1, 8))[0],
                "gain": 0.0,
                "least": 0.5,
            },
        ),
        Case(
            "the best one is not the first, and a larger one holds it",
            lambda rng: {
                "masks": spans(12, (0, 12), (2, 6), (2, 9)),
                "class_scores": certain(0, 1, 2),
                "first_mask": spans(12, (2, 10))[0],
                "gain": 0.0,
                "least": 0.5,
            },
        ),
        Case(
            "a second proposal of the same thing adds a little",
            lambda rng: {
                "masks": spans(24, (2, 21), (3, 22)),
                "class_scores": certain(1, 1),
                "first_mask": spans(24, (2, 22))[0],
                "gain": 0.07,
                "least": 0.5,
            },
        ),
        Case(
            "the second proposal adds just the gain",
            lambda rng: {
                "masks": spans(8, (0, 3), (3, 4)),
                "class_scores": certain(0, 2),
                "first_mask": spans(8, (0, 4))[0],
                "gain": 0.25,
                "least": 0.5,
            },
        ),
        Case(
            "one more proposal would change nothing",
            lambda rng: {
                "masks": spans(8, (1, 5), (2, 4)),
                "class_scores": certain(0, 1),
                "first_mask": spans(8, (1, 5))[0],
                "gain": 0.0,
                "least": 0.5,
            },
        ),
        Case(
            "all proposals meet the object badly",
            lambda rng: {
                "masks": spans(12, (0, 2), (10, 12)),
                "class_scores": certain(0, 1),
                "first_mask": spans(12, (1, 11))[0],
                "gain": 0.0,
                "least": 0.5,
            },
        ),
        Case(
            "just the least IoU",
            lambda rng: {
                "masks": spans(8, (0, 4)),
                "class_scores": certain(2),
                "first_mask": spans(8, (2, 4))[0],
                "gain": 0.0,
                "least": 0.5,
            },
        ),
        Case(
            "no proposal meets the object, and any IoU will do",
            lambda rng: {
                "masks": spans(8, (0, 2), (2, 4)),
                "class_scores": certain(0, 1),
                "first_mask": spans(8, (5, 8))[0],
                "gain": 0.0,
                "least": 0.0,
            },
        ),
        Case(
            "no proposals at all",
            lambda rng: {
                "masks": np.zeros((0, 1, 6), bool),
                "class_scores": np.zeros((0, 3), np.float32),
                "first_mask": spans(6, (1, 4))[0],
                "gain": 0.0,
                "least": 0.5,
            },
        ),
        Case("boxes here and there", drawn),
        Case("many boxes", lambda rng: drawn(rng, 20)),
    ],
    mistakes=[
        Mistake(
            "Only one proposal was taken. An object may be made of several things: go on adding "
            "while the IoU of the union rises.",
            ("union, best = unions[chosen[-1]], iou.max()", "best = iou.max(); break"),
        ),
        Mistake(
            "You went on although the IoU rose no more than the gain. Stop as soon as the best "
            "union is not better than that.",
            ("iou.max() <= best + gain", "iou.max() < best + gain"),
        ),
        Mistake(
            "Any rise of the IoU was enough. One thing often has several proposals: a proposal "
            "counts when it raises the IoU by more than the gain.",
            ("iou.max() <= best + gain", "iou.max() <= best"),
        ),
        Mistake(
            "The first proposal that raises the IoU was added. Add the one that raises it most.",
            ("iou.argmax()", "np.flatnonzero(iou > best + gain)[0]"),
        ),
        Mistake(
            "This is the share of the object that is covered, not the IoU: a mask of the whole "
            "frame covers all of it. Divide by the union.",
            (
                "(unions | first_mask).sum(axis=(1, 2))",
                "first_mask.sum()",
            ),
        ),
        Mistake(
            "This is the share of the union that is object, not the IoU: a single pixel of the "
            "object would be perfect. Divide by the union of both.",
            ("(unions | first_mask)", "unions"),
        ),
        Mistake(
            "The proposals do not see this object, and yet some were selected. Below the least "
            "IoU nothing is wanted.",
            ("if best >= least", "if True"),
        ),
        Mistake(
            "An IoU of exactly the least one is enough: >=.", ("best >= least", "best > least")
        ),
        Mistake(
            "How many instances of a class matters, too: two riders are two instances of one "
            "class. Count, and do not only mark.",
            ("[class_scores[number].argmax()] += 1", "[class_scores[number].argmax()] = 1"),
        ),
        Mistake(
            "You counted proposals that were not chosen. Only those whose union is the object "
            "count.",
            ("for number in chosen", "for number in range(len(masks))"),
        ),
        Mistake(
            "The class scores of the chosen proposals were added up. Each proposal is one instance "
            "of its most probable class.",
            (
                "wanted[class_scores[number].argmax()] += 1",
                "wanted += np.int64(class_scores[number] + 0.5)",
            ),
        ),
    ],
    hints=[
        "Which single proposal is most like the first mask? And with that one taken: would one "
        "more make the union more like it, or less?",
        "Keep a union and its IoU. In each round compute the IoU of the union with every proposal "
        "added, take the best, and stop when it beats the one you have by no more than the gain.",
        "masks | union gives all unions at once, and & and | with the first mask, summed over rows "
        "and columns, their IoUs. The class of a chosen proposal is the argmax of its scores.",
    ],
)

# --- propagate_semantics ----------------------------------------------------------------------


def asked(
    masks: np.ndarray,
    classes: np.ndarray,
    wanted: list[int],
    probability: list[float],
    least: float = 0.1,
) -> Inputs:
    """A small case, of one row of pixels."""
    return {
        "masks": masks.astype(np.float32),
        "class_scores": classes,
        "wanted": np.array(wanted, np.int64),
        "probability": np.array([probability], np.float32),
        "least": least,
    }


def soft(rng: np.random.Generator, proposals: int, wanted: list[int]) -> Inputs:
    """Soft masks here and there."""
    y, x = np.mgrid[:10, :16]
    places = rng.uniform((2, 2), (8, 14), (proposals + 1, 2))
    bumps = [np.exp(-((y - a) ** 2 + (x - b) ** 2) / rng.uniform(4, 14)) for a, b in places]
    return {
        "masks": np.array(bumps[1:], np.float32).reshape(proposals, 10, 16),
        "class_scores": rng.dirichlet(np.ones(len(wanted)), proposals)
        .astype(np.float32)
        .reshape(proposals, len(wanted)),
        "wanted": np.array(wanted, np.int64),
        "probability": bumps[0].astype(np.float32),
        "least": 0.05,
    }


PROPAGATE_SEMANTICS = Check(
    propagate_semantics,
    cases=[
        Case(
            "the object, and a stranger of another class that looks like it",
            lambda rng: asked(
                spans(8, (4, 8), (0, 3)),
                certain(1, 0),
                [1, 0, 0],
                [0.9, 0.9, 0.8, 0.0, 1.0, 1.0, 1.0, 1.0],
            ),
        ),
        Case(
            "two of the class, and one is wanted",
            lambda rng: asked(
                spans(8, (4, 8), (0, 3)),
                certain(0, 0),
                [1, 0, 0],
                [0.9, 0.9, 0.8, 0.0, 0.3, 0.2, 0.1, 0.1],
            ),
        ),
        Case(
            "a rider and a horse",
            lambda rng: asked(
                spans(8, (0, 3), (3, 5), (5, 8)),
                certain(0, 1, 2),
                [1, 1, 0],
                [0.9, 0.9, 0.9, 0.8, 0.8, 0.6, 0.6, 0.6],
            ),
        ),
        Case(
            "three of the class, and two are wanted",
            lambda rng: asked(
                spans(9, (6, 9), (0, 3), (3, 6)),
                certain(1, 1, 1),
                [0, 2, 0],
                [0.9, 0.9, 0.9, 0.7, 0.8, 0.7, 0.3, 0.2, 0.2],
            ),
        ),
        Case(
            "two are wanted and one is there",
            lambda rng: asked(
                spans(6, (0, 3), (4, 6)),
                certain(1, 0),
                [0, 2, 0],
                [0.9, 0.9, 0.9, 0.1, 0.8, 0.8],
            ),
        ),
        Case(
            "the only instance of the class is somewhere else",
            lambda rng: asked(
                spans(6, (0, 2), (4, 6)),
                certain(1, 0),
                [1, 0, 0],
                [0.9, 0.9, 0.9, 0.1, 0.0, 0.0],
            ),
        ),
        Case(
            "the only instance of the class hardly overlaps",
            lambda rng: asked(
                spans(10, (5, 10), (0, 5)),
                certain(0, 1),
                [1, 0, 0],
                [0.9, 0.9, 0.9, 0.9, 0.6, 0.3, 0.1, 0.0, 0.0, 0.0],
            ),
        ),
        Case(
            "just the least overlap",
            lambda rng: asked(spans(4, (0, 2)), certain(0), [1, 0, 0], [0.0, 1.0, 1.0, 1.0], 0.25),
        ),
        Case(
            "a large thing that covers the object, and one of its size",
            lambda rng: asked(
                spans(10, (0, 10), (2, 5)),
                certain(0, 0),
                [1, 0, 0],
                [0.1, 0.2, 0.9, 0.9, 0.7, 0.2, 0.1, 0.1, 0.1, 0.1],
            ),
        ),
        Case(
            "a part of the object, and the whole of it",
            lambda rng: asked(
                spans(10, (2, 4), (1, 8)),
                certain(0, 0),
                [1, 0, 0],
                [0.0, 0.9, 1.0, 1.0, 0.9, 0.9, 0.8, 0.1, 0.0, 0.0],
            ),
        ),
        Case(
            "nothing is wanted: no proposal met the object in frame 1",
            lambda rng: asked(spans(4, (0, 2)), certain(0), [0, 0, 0], [1.0, 1.0, 0.0, 0.0]),
        ),
        Case(
            "no proposals",
            lambda rng: asked(
                np.zeros((0, 1, 4)), np.zeros((0, 3), np.float32), [1, 0, 0], [1.0, 1.0, 0.0, 0.0]
            ),
        ),
        Case("soft masks here and there", lambda rng: soft(rng, 7, [1, 0, 2])),
        Case("many soft masks", lambda rng: soft(rng, 16, [2, 1, 1])),
    ],
    mistakes=[
        Mistake(
            "An instance of a class that is not wanted was taken. However alike it looks, a thing "
            "of another class is not the object.",
            ("(class_scores.argmax(axis=1) == number) & ", ""),
        ),
        Mistake(
            "An instance was taken that hardly overlaps with what the appearance model says. With "
            "less than the least overlap it is not the object.",
            (" & (overlap >= least)", ""),
        ),
        Mistake(
            "An overlap of exactly the least one is enough: >=.",
            ("overlap >= least", "overlap > least"),
        ),
        Mistake(
            "Instances were taken in the order of the list. Take those that overlap most with what "
            "the appearance model says.",
            ('own = own[np.argsort(-overlap[own], kind="stable")]', "pass"),
        ),
        Mistake(
            "The order is turned: those that overlap least were taken.",
            ("np.argsort(-overlap[own]", "np.argsort(overlap[own]"),
        ),
        Mistake(
            "All instances of the class were taken. Take only as many as are wanted.",
            ("own[:count]", "own"),
        ),
        Mistake(
            "One instance of each class was taken. Take as many as are wanted: there may be two "
            "riders.",
            ("own[:count]", "own[: min(count, 1)]"),
        ),
        Mistake(
            "The overlap is only the smaller values: a mask of the whole frame overlaps with "
            "everything. Divide by the sum of the larger ones.",
            ("smaller / np.maximum(larger, 1e-6)", "smaller"),
            ("overlap >= least", "overlap / np.maximum(larger, 1e-6) >= least"),
        ),
        Mistake(
            "The overlap was divided by the mask alone, so a small part of the object counts as "
            "perfect. Divide by the sum of the larger values.",
            ("np.maximum(masks, probability).sum", "masks.sum"),
        ),
        Mistake(
            "Where instances are missing, the prior must say so: at least 0.5. Else the second "
            "classifier takes the missing part for background.",
            ("if len(chosen) < wanted.sum() or not chosen", "if not chosen"),
        ),
        Mistake(
            "With nothing found, the prior is 0 everywhere, which says that the object is nowhere. "
            "Nobody knows: 0.5.",
            (" or not chosen", ""),
            ("len(chosen) < wanted.sum()", "0 < len(chosen) < wanted.sum()"),
        ),
        Mistake(
            "Nothing was wanted, and the prior says that the object is nowhere. Nobody knows: 0.5.",
            (" or not chosen", ""),
        ),
        Mistake(
            "Where instances are missing you forgot those that were found: inside of them the "
            "prior stays as it is.",
            ("np.maximum(prior, np.float32(0.5))", "np.full_like(prior, 0.5)"),
        ),
        Mistake(
            "Masks were added up, so that the prior is above 1 where two of them overlap. Take the "
            "largest value at each pixel.",
            (".max(axis=0, initial=0.0)", ".sum(axis=0)"),
        ),
        Mistake(
            "The masks were cut at one half. The prior keeps them soft.",
            ("masks[chosen]", "(masks[chosen] > 0.5)"),
        ),
    ],
    hints=[
        "Two things decide about a proposal: what it is, and how well it agrees with what the "
        "appearance model sees. And how many are needed was counted in frame 1.",
        "For each class that is wanted: which proposals have it as their most probable class and "
        "enough overlap? Sort these, the largest overlap first, and take as many as are wanted. If "
        "you got fewer than wanted, what is outside of them is unknown.",
        "np.minimum and np.maximum of the masks and the probability, summed over rows and columns, "
        "give the overlap. np.flatnonzero of two conditions gives the instances, np.argsort of "
        "minus the overlap their order. The union of soft masks is their maximum, and so is the "
        "step to at least 0.5.",
    ],
)

# --- conditional_classifier -------------------------------------------------------------------


def scores(rng: np.random.Generator, *shape: int, trust: float | None = None) -> Inputs:
    """Two classifiers and a prior, drawn by chance."""
    made = {
        name: torch.from_numpy(rng.normal(0, 3, shape).astype(np.float32))
        for name in ("inside", "outside")
    }
    prior = torch.from_numpy(rng.uniform(0, 1, shape).astype(np.float32))
    return {**made, "prior": prior} | ({} if trust is None else {"trust": trust})


CONDITIONAL_CLASSIFIER = Check(
    conditional_classifier,
    cases=[
        Case(
            "a pixel inside, one outside, one at the edge",
            lambda rng: {
                "inside": torch.tensor([[[[2.0, 2.0, 2.0]]]]),
                "outside": torch.tensor([[[[-4.0, -4.0, -4.0]]]]),
                "prior": torch.tensor([[[[1.0, 0.0, 0.25]]]]),
            },
        ),
        Case(
            "no trust at all",
            lambda rng: {
                "inside": torch.tensor([[[[2.0, 2.0, 2.0]]]]),
                "outside": torch.tensor([[[[-4.0, -4.0, -4.0]]]]),
                "prior": torch.tensor([[[[1.0, 0.0, 0.25]]]]),
                "trust": 0.0,
            },
        ),
        Case("half of the trust", lambda rng: scores(rng, 1, 1, 3, 4, trust=0.5)),
        Case("two pictures, three objects", lambda rng: scores(rng, 2, 3, 4, 5)),
        Case("a little trust", lambda rng: scores(rng, 2, 2, 3, 3, trust=float(rng.uniform(0, 1)))),
    ],
    mistakes=[
        Mistake(
            "The two classifiers changed places. The prior is high inside, so it is the share of "
            "the classifier for inside.",
            ("share * inside + (1 - share) * outside", "share * outside + (1 - share) * inside"),
        ),
        Mistake(
            "The trust is missing. With less trust the prior comes nearer to one half.",
            ("trust * (prior - 0.5)", "(prior - 0.5)"),
        ),
        Mistake(
            "Without trust the prior must become 0.5, since then nobody knows. Times trust alone "
            "it becomes 0, which says that all pixels are outside.",
            ("0.5 + trust * (prior - 0.5)", "trust * prior"),
        ),
        Mistake(
            "Both shares must add up to 1: what is not inside is outside.",
            ("(1 - share) * outside", "outside"),
        ),
        Mistake(
            "The prior was cut at one half. At a soft edge both classifiers have a say.",
            ("share * inside + (1 - share) * outside", "torch.where(share > 0.5, inside, outside)"),
        ),
        Mistake(
            "You mixed probabilities. What is mixed here, and what comes back, are log-odds.",
            ("share * inside", "share * inside.sigmoid()"),
            ("* outside", "* outside.sigmoid()"),
        ),
        Mistake(
            "The prior learned from the loss of the classifiers, or the classifiers learned "
            "nothing: keep the computation of torch, no detach.",
            ("share * inside", "share * inside.detach()"),
        ),
    ],
    hints=[
        "For each pixel there are two opinions. Who is asked where the prior is 1, where it is 0, "
        "and where it is 0.5?",
        "A weighted mean whose weights add up to 1. The trust moves the weights toward 0.5 before "
        "that.",
        "The share of the first classifier is 0.5 plus trust times what the prior differs from "
        "0.5; the second one has the rest.",
    ],
    tolerance=1e-4,
    gradients=("inside", "outside"),
)

CHECKS = [SELECT_INSTANCES, PROPAGATE_SEMANTICS, CONDITIONAL_CLASSIFIER]
