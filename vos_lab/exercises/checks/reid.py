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


def of_the_right(values: torch.Tensor, identities: torch.Tensor) -> torch.Tensor:
    """What each region has for its own identity."""
    return values[torch.arange(len(identities)), identities]


def loss_without_temperature(
    embeddings: torch.Tensor, identities: torch.Tensor, table: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Forgets the temperature."""
    return functional.cross_entropy(embeddings @ table.T, identities)


def loss_times_temperature(
    embeddings: torch.Tensor, identities: torch.Tensor, table: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Multiplies with the temperature."""
    return functional.cross_entropy(embeddings @ table.T * temperature, identities)


def loss_negative(
    embeddings: torch.Tensor, identities: torch.Tensor, table: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Forgets the minus."""
    return -functional.cross_entropy(embeddings @ table.T / temperature, identities)


def loss_sum(
    embeddings: torch.Tensor, identities: torch.Tensor, table: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Adds up."""
    cosines = embeddings @ table.T / temperature
    return functional.cross_entropy(cosines, identities, reduction="sum")


def loss_of_cosine(
    embeddings: torch.Tensor, identities: torch.Tensor, table: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Leaves out all other identities."""
    return -of_the_right(embeddings @ table.T / temperature, identities).mean()


def loss_over_batch(
    embeddings: torch.Tensor, identities: torch.Tensor, table: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Takes the softmax over the regions."""
    cosines = embeddings @ table.T / temperature
    return -of_the_right(cosines.log_softmax(dim=0), identities).mean()


def loss_of_probability(
    embeddings: torch.Tensor, identities: torch.Tensor, table: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Takes the probability for its logarithm."""
    cosines = embeddings @ table.T / temperature
    return -of_the_right(cosines.softmax(dim=1), identities).mean()


def loss_of_mean_probability(
    embeddings: torch.Tensor, identities: torch.Tensor, table: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Takes the logarithm of the mean."""
    cosines = embeddings @ table.T / temperature
    return -of_the_right(cosines.softmax(dim=1), identities).mean().log()


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
            loss_without_temperature,
        ),
        Mistake("You multiplied with the temperature. Divide by it.", loss_times_temperature),
        Mistake(
            "The sign is turned: the logarithm of a probability is below 0, and a loss is to be "
            "made small. Take minus the mean.",
            loss_negative,
        ),
        Mistake("This is the sum over the regions. Take their mean.", loss_sum),
        Mistake(
            "This pulls a region to its own identity, and pushes it from no other: all embeddings "
            "could fall together. Equation 1 divides by the sum over all identities.",
            loss_of_cosine,
        ),
        Mistake(
            "The softmax went over the regions of the batch. Each region has one probability for "
            "each identity, and those add up to 1: dim=1.",
            loss_over_batch,
        ),
        Mistake(
            "You took the probability itself. The loss is minus its logarithm, which grows "
            "without end where the right identity gets next to nothing.",
            loss_of_probability,
        ),
        Mistake(
            "You took the logarithm of the mean. Take it for each region, then the mean.",
            loss_of_mean_probability,
        ),
    ],
    hints=[
        "Think of it as a question with M answers: which of all identities is this region? The "
        "table has what each of them looks like.",
        "A product of two matrices gives the cosines of all regions with all identities, a row "
        "for each region. What makes probabilities of a row?",
        "Divide by the temperature, log_softmax along the identities, pick the number of the right "
        "identity from each row, and take minus the mean.",
    ],
    tolerance=1e-4,
)

# --- recover_lost_objects ---------------------------------------------------------------------


def given_out(similarity: np.ndarray, allowed: np.ndarray, none: int = -1) -> np.ndarray:
    """The most similar proposal of each object, of those that are allowed, ``(P, K)`` bool."""
    found = np.full(similarity.shape[1], none, np.int64)
    for k in range(similarity.shape[1]):
        own = np.flatnonzero(allowed[:, k])
        if len(own):
            found[k] = own[similarity[own, k].argmax()]
    return found


def owned(similarity: np.ndarray) -> np.ndarray:
    """To whom each proposal belongs, ``(P, K)`` bool."""
    return similarity.argmax(axis=1)[:, None] == np.arange(similarity.shape[1])


def recover_anyone(similarity: np.ndarray, lost: np.ndarray, threshold: float) -> np.ndarray:
    """Lets an object take what is more like another."""
    return given_out(similarity, lost & (similarity > threshold))


def recover_always(similarity: np.ndarray, lost: np.ndarray, threshold: float) -> np.ndarray:
    """Forgets the threshold."""
    return given_out(similarity, lost & owned(similarity))


def recover_all(similarity: np.ndarray, lost: np.ndarray, threshold: float) -> np.ndarray:
    """Gives proposals to objects that are there, too."""
    return given_out(similarity, owned(similarity) & (similarity > threshold))


def recover_among_lost(similarity: np.ndarray, lost: np.ndarray, threshold: float) -> np.ndarray:
    """Forgets that a proposal may be an object in plain sight."""
    only = np.where(lost, similarity, -np.inf)
    return given_out(similarity, lost & owned(only) & (similarity > threshold))


def recover_first_choice(similarity: np.ndarray, lost: np.ndarray, threshold: float) -> np.ndarray:
    """Gives up where the most similar proposal of all belongs to another."""
    best = similarity == similarity.max(axis=0, initial=-np.inf)
    return given_out(similarity, lost & owned(similarity) & (similarity > threshold) & best)


def recover_first_in_line(similarity: np.ndarray, lost: np.ndarray, threshold: float) -> np.ndarray:
    """Takes the first that will do, not the most similar."""
    allowed = lost & owned(similarity) & (similarity > threshold)
    return given_out(-np.arange(len(similarity))[:, None] * np.ones_like(similarity), allowed)


def recover_by_place(similarity: np.ndarray, lost: np.ndarray, threshold: float) -> np.ndarray:
    """Counts among the proposals of the object."""
    allowed = lost & owned(similarity) & (similarity > threshold)
    found = given_out(similarity, allowed)
    return np.array([int(allowed[:p, k].sum()) if p >= 0 else -1 for k, p in enumerate(found)])


def recover_zero(similarity: np.ndarray, lost: np.ndarray, threshold: float) -> np.ndarray:
    """Says 0 for none."""
    allowed = lost & owned(similarity) & (similarity > threshold)
    return given_out(similarity, allowed, none=0)


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
            recover_anyone,
        ),
        Mistake(
            "An object took a proposal that is hardly like it. Most of the time it is simply "
            "hidden: the similarity must be above the threshold.",
            recover_always,
        ),
        Mistake(
            "An object that is not lost was given a proposal. Its mask is there, and better.",
            recover_all,
        ),
        Mistake(
            "You compared with the lost objects alone. Compare with all: a proposal may be an "
            "object in plain sight.",
            recover_among_lost,
        ),
        Mistake(
            "The most similar proposal belongs to another object, and you gave up. Take the most "
            "similar one of its own.",
            recover_first_choice,
        ),
        Mistake(
            "You took the first proposal that will do. Take the most similar one.",
            recover_first_in_line,
        ),
        Mistake(
            "This is a number in the shorter list of an object's own proposals. What is wanted is "
            "the number in the list of all.",
            recover_by_place,
        ),
        Mistake("Proposal 0 is a proposal like others. Say -1 where there is none.", recover_zero),
    ],
    hints=[
        "Look at it from the side of the proposals first: which object is each of them most like?",
        "An object may take only what belongs to it. Of those, which are similar enough, and which "
        "is the most similar?",
        "argmax along each row says to whom a proposal belongs. np.flatnonzero of two conditions "
        "joined with & gives the numbers of an object's own proposals; argmax among their "
        "similarities is a place in that list.",
    ],
)

CHECKS = [REID_LOSS, RECOVER_LOST_OBJECTS]
