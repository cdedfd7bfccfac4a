"""Checks of lesson 10: reid_loss and recover_lost_objects."""

import numpy as np
import torch
from torch.nn import functional

from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.methods.reid import recover_lost_objects, reid_loss

# --- reid_loss --------------------------------------------------------------------------------


def directions(rng: np.random.Generator, count: int, dimensions: int = 4) -> torch.Tensor:
    """Embeddings of length 1, drawn by chance."""
    drawn = torch.from_numpy(rng.standard_normal((count, dimensions)).astype(np.float32))
    return functional.normalize(drawn, dim=1)


REID_LOSS = Check(
    reid_loss,
    cases=[
        Case(
            "one region, two identities",
            lambda rng: {
                "embeddings": torch.tensor([[1.0, 0.0]]),
                "identities": torch.tensor([0]),
                "table": torch.tensor([[1.0, 0.0], [0.0, 1.0]]),
                "temperature": 0.5,
            },
        ),
        Case(
            "two regions, one of them far from its identity",
            lambda rng: {
                "embeddings": torch.tensor([[1.0, 0.0], [1.0, 0.0]]),
                "identities": torch.tensor([0, 1]),
                "table": torch.tensor([[0.6, 0.8], [-1.0, 0.0], [0.0, 1.0]]),
                "temperature": 0.25,
            },
        ),
        Case(
            "an identity that was not seen yet: zeros in the table",
            lambda rng: {
                "embeddings": directions(rng, 3),
                "identities": torch.tensor([2, 0, 2]),
                "table": torch.cat([directions(rng, 2), torch.zeros(1, 4)]),
                "temperature": 0.2,
            },
        ),
        Case(
            "many regions, many identities",
            lambda rng: {
                "embeddings": directions(rng, 12, 8),
                "identities": torch.from_numpy(rng.integers(0, 30, 12)),
                "table": directions(rng, 30, 8),
                "temperature": float(rng.uniform(0.05, 0.2)),
            },
        ),
    ],
    mistakes=[
        Mistake(
            "The temperature is missing. Cosines go from -1 to 1: without it even a perfect "
            "embedding gets no high probability.",
            (" / temperature", ""),
        ),
        Mistake(
            "You multiplied by the temperature. Divide by it.", ("/ temperature", "* temperature")
        ),
        Mistake(
            "The sign is wrong. The logarithm of a probability is below 0, and a loss should be "
            "small if the answer is right. Take minus the mean.",
            ("return -", "return "),
        ),
        Mistake("This is the sum over the regions. Take their mean.", ("mean()", "sum()")),
        Mistake(
            "This pulls a region to its own identity, but does not push it away from the others, "
            "so all embeddings could become the same. Equation 1 divides by the sum over all "
            "identities.",
            (".log_softmax(dim=1)", ""),
        ),
        Mistake(
            "The softmax went over the regions of the batch. Each region has one probability for "
            "each identity, and those add up to 1: dim=1.",
            ("dim=1", "dim=0"),
        ),
        Mistake(
            "You took the probability itself. The loss is minus its logarithm, which becomes very "
            "large if the right identity gets a tiny probability.",
            ("log_softmax", "softmax"),
        ),
        Mistake(
            "You took the logarithm of the mean. Take it for each region, then the mean.",
            ("log_softmax", "softmax"),
            ("mean()", "mean().log()"),
        ),
    ],
    hints=[
        "Think of it as a question with M answers: which of all identities is this region? The "
        "table says what each of them looks like.",
        "A product of two matrices gives the cosines of all regions with all identities, a row "
        "for each region. How do you turn a row into probabilities?",
        "Divide by the temperature, log_softmax along the identities, pick the number of the right "
        "identity from each row, and take minus the mean.",
    ],
    tolerance=1e-4,
    gradients=("embeddings",),
)

# --- recover_lost_objects ---------------------------------------------------------------------


def similarities(rng: np.random.Generator, proposals: int, objects: int) -> Inputs:
    """Proposals and objects drawn by chance, half of them lost."""
    lost = np.arange(objects) % 2 == rng.integers(2)
    return {
        "similarity": rng.uniform(0, 1, (proposals, objects)).astype(np.float32),
        "lost": lost,
        "threshold": 0.5,
    }


def asked(similarity: list[list[float]], lost: list[bool], threshold: float = 0.5) -> Inputs:
    """A small case."""
    return {
        "similarity": np.array(similarity, np.float32),
        "lost": np.array(lost),
        "threshold": threshold,
    }


RECOVER_LOST_OBJECTS = Check(
    recover_lost_objects,
    cases=[
        Case("one lost object", lambda rng: asked([[0.2], [0.7], [0.9]], [True])),
        Case("just the threshold", lambda rng: asked([[0.2], [0.5]], [True])),
        Case("nothing is similar enough", lambda rng: asked([[0.2], [0.4]], [True])),
        Case(
            "the best proposal is an object in plain sight",
            lambda rng: asked([[0.9, 0.8], [0.3, 0.6]], [False, True]),
        ),
        Case(
            "all proposals are objects in plain sight",
            lambda rng: asked([[0.9, 0.8], [0.7, 0.6]], [False, True]),
        ),
        Case(
            "two lost objects want the same proposal",
            lambda rng: asked([[0.9, 0.8], [0.3, 0.6], [0.8, 0.1]], [True, True]),
        ),
        Case(
            "no proposals",
            lambda rng: {
                "similarity": np.zeros((0, 2), np.float32),
                "lost": np.array([True, False]),
                "threshold": 0.5,
            },
        ),
        Case("nobody is lost", lambda rng: asked([[0.9, 0.1], [0.2, 0.8]], [False, False])),
        Case("many proposals and objects", lambda rng: similarities(rng, 20, 4)),
    ],
    mistakes=[
        Mistake(
            "An object took a proposal that is more like another object. It belongs to that one, "
            "lost or not.",
            ("(owner == k) & ", ""),
        ),
        Mistake(
            "An object took a proposal that is hardly like it. Probably it is simply hidden, so "
            "the similarity must be above the threshold.",
            (" & (similarity[:, k] > threshold)", ""),
        ),
        Mistake(
            "A similarity of exactly the threshold is not above it: >, not >=.",
            ("> threshold", ">= threshold"),
        ),
        Mistake(
            "An object that is not lost was given a proposal. Its mask is there, and better.",
            ("np.flatnonzero(lost)", "range(len(lost))"),
        ),
        Mistake(
            "You compared with the lost objects alone. Compare with all: a proposal may be an "
            "object in plain sight.",
            ("similarity.argmax", "np.where(lost, similarity, -np.inf).argmax"),
        ),
        Mistake(
            "The most similar proposal belongs to another object, and you gave up. Take the most "
            "similar one of its own.",
            ("own = ", "most = similarity[:, k].max(initial=-np.inf)\n        own = "),
            ("> threshold", "> threshold) & (similarity[:, k] == most"),
        ),
        Mistake(
            "You took the first proposal above the threshold. Take the most similar one.",
            ("similarity[own, k].argmax()", "0"),
        ),
        Mistake(
            "This is a number in the shorter list of an object's own proposals. Return the number "
            "in the list of all proposals.",
            ("own[similarity[own, k].argmax()]", "similarity[own, k].argmax()"),
        ),
        Mistake("Proposal 0 is a proposal like others. Say -1 where there is none.", ("-1", "0")),
    ],
    hints=[
        "Begin with the proposals: which object is each of them most like?",
        "An object may only take proposals that belong to it. Which of these are similar enough, "
        "and which is the most similar?",
        "argmax along each row says which object a proposal belongs to. np.flatnonzero of two "
        "conditions joined with & gives the numbers of an object's own proposals; argmax among "
        "their similarities is a place in that list.",
    ],
)

CHECKS = [REID_LOSS, RECOVER_LOST_OBJECTS]
