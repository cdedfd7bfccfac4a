"""Checks of lesson 09: pixel_triplet_loss, nearest_neighbour_labels and grow_reference."""

import numpy as np
import torch

from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.methods.pixel_retrieval import (
    grow_reference,
    nearest_neighbour_labels,
    pixel_triplet_loss,
    squared_distances,
)

# --- pixel_triplet_loss -----------------------------------------------------------------------


def points(rng: np.random.Generator, count: int, dimensions: int = 4) -> torch.Tensor:
    """Embeddings, drawn by chance."""
    return torch.from_numpy(rng.standard_normal((count, dimensions)).astype(np.float32))


def nearest(anchors: torch.Tensor, pool: torch.Tensor) -> torch.Tensor:
    """The squared distance of each anchor to the nearest of a pool."""
    return squared_distances(anchors, pool).min(dim=1).values


def triplet_hardest(
    anchors: torch.Tensor, same: torch.Tensor, other: torch.Tensor, margin: float
) -> torch.Tensor:
    """Takes the farthest of the same kind."""
    farthest = squared_distances(anchors, same).max(dim=1).values
    return (farthest - nearest(anchors, other) + margin).clamp(min=0).mean()


def triplet_mean(
    anchors: torch.Tensor, same: torch.Tensor, other: torch.Tensor, margin: float
) -> torch.Tensor:
    """Takes mean distances to the pools."""
    to_same = squared_distances(anchors, same).mean(dim=1)
    to_other = squared_distances(anchors, other).mean(dim=1)
    return (to_same - to_other + margin).clamp(min=0).mean()


def triplet_unsquared(
    anchors: torch.Tensor, same: torch.Tensor, other: torch.Tensor, margin: float
) -> torch.Tensor:
    """Takes distances that are not squared."""
    return (
        (nearest(anchors, same).sqrt() - nearest(anchors, other).sqrt() + margin)
        .clamp(min=0)
        .mean()
    )


def triplet_unclamped(
    anchors: torch.Tensor, same: torch.Tensor, other: torch.Tensor, margin: float
) -> torch.Tensor:
    """Lets easy anchors pay for the others."""
    return (nearest(anchors, same) - nearest(anchors, other) + margin).mean()


def triplet_clamped_mean(
    anchors: torch.Tensor, same: torch.Tensor, other: torch.Tensor, margin: float
) -> torch.Tensor:
    """Cuts the mean, not each anchor."""
    return (nearest(anchors, same) - nearest(anchors, other) + margin).mean().clamp(min=0)


def triplet_turned(
    anchors: torch.Tensor, same: torch.Tensor, other: torch.Tensor, margin: float
) -> torch.Tensor:
    """Takes one kind for the other."""
    return (nearest(anchors, other) - nearest(anchors, same) + margin).clamp(min=0).mean()


def triplet_without_margin(
    anchors: torch.Tensor, same: torch.Tensor, other: torch.Tensor, margin: float
) -> torch.Tensor:
    """Forgets the margin."""
    return (nearest(anchors, same) - nearest(anchors, other)).clamp(min=0).mean()


def triplet_sum(
    anchors: torch.Tensor, same: torch.Tensor, other: torch.Tensor, margin: float
) -> torch.Tensor:
    """Adds up."""
    return (nearest(anchors, same) - nearest(anchors, other) + margin).clamp(min=0).sum()


PIXEL_TRIPLET_LOSS = Check(
    pixel_triplet_loss,
    cases=[
        Case(
            "one anchor, one pixel of each kind",
            lambda rng: {
                "anchors": torch.tensor([[0.0, 0.0]]),
                "same": torch.tensor([[2.0, 0.0]]),
                "other": torch.tensor([[0.0, 1.0]]),
                "margin": 1.0,
            },
        ),
        Case(
            "one pixel of its kind is near, the others are far",
            lambda rng: {
                "anchors": torch.tensor([[0.0]]),
                "same": torch.tensor([[1.0], [9.0], [-7.0]]),
                "other": torch.tensor([[1.5], [40.0]]),
                "margin": 2.0,
            },
        ),
        Case(
            "an anchor that has its margin, and one that has not",
            lambda rng: {
                "anchors": torch.tensor([[0.0], [10.0]]),
                "same": torch.tensor([[1.0], [14.0]]),
                "other": torch.tensor([[8.0]]),
                "margin": 0.5,
            },
        ),
        Case(
            "pools of noise",
            lambda rng: {
                "anchors": points(rng, 6),
                "same": points(rng, 9),
                "other": points(rng, 5),
                "margin": float(rng.uniform(0.5, 2)),
            },
        ),
        Case(
            "all anchors have their margin",
            lambda rng: {
                "anchors": points(rng, 4),
                "same": points(rng, 4),
                "other": points(rng, 6) + 50,
                "margin": 1.0,
            },
        ),
    ],
    mistakes=[
        Mistake(
            "You took the farthest pixel of its kind. A head need not look like a hoof: it is "
            "enough that one pixel of its kind is near. Take the nearest.",
            triplet_hardest,
        ),
        Mistake(
            "You took mean distances. At test time the nearest neighbour decides, not the mean: "
            "take the smallest of each row.",
            triplet_mean,
        ),
        Mistake("These are distances. The equation has squared distances.", triplet_unsquared),
        Mistake(
            "An anchor that has more than its margin counts below 0, and pays for others. It "
            "costs nothing: cut at 0, each anchor on its own.",
            triplet_unclamped,
        ),
        Mistake(
            "You cut the mean at 0. Cut each anchor at 0 first, then take the mean.",
            triplet_clamped_mean,
        ),
        Mistake(
            "The two kinds have changed places: the own kind shall be near, the other one far.",
            triplet_turned,
        ),
        Mistake(
            "The margin is missing. Without it the network may give all pixels one embedding, and "
            "the loss is 0.",
            triplet_without_margin,
        ),
        Mistake("This is the sum over the anchors. Take their mean.", triplet_sum),
    ],
    hints=[
        "At test time a pixel takes the label of its nearest neighbour. When is that label right? "
        "Say it with two distances.",
        "squared_distances gives all distances between two lists of pixels, a row for each anchor. "
        "Which number of a row counts?",
        "min(dim=1).values for both pools. The difference, plus the margin, is what is missing; "
        "clamp(min=0) for those that miss nothing; then the mean.",
    ],
    tolerance=1e-4,
)

# --- nearest_neighbour_labels -----------------------------------------------------------------


def looked_up(
    queries: torch.Tensor,
    references: torch.Tensor,
    labels: torch.Tensor,
    neighbours: int,
    far: bool = False,
) -> torch.Tensor:
    """The labels of the nearest (or farthest) references, ``(Q, k, K)``."""
    distances = squared_distances(queries, references)
    count = min(neighbours, len(references))
    return labels[distances.topk(count, largest=far).indices]


def labels_farthest(
    queries: torch.Tensor,
    references: torch.Tensor,
    labels: torch.Tensor,
    neighbours: int,
    most: int,
) -> torch.Tensor:
    """Asks the farthest."""
    return looked_up(queries, references, labels, neighbours, far=True).mean(dim=1)


def labels_first(
    queries: torch.Tensor,
    references: torch.Tensor,
    labels: torch.Tensor,
    neighbours: int,
    most: int,
) -> torch.Tensor:
    """Asks only the nearest one."""
    return looked_up(queries, references, labels, 1).mean(dim=1)


def labels_all(
    queries: torch.Tensor,
    references: torch.Tensor,
    labels: torch.Tensor,
    neighbours: int,
    most: int,
) -> torch.Tensor:
    """Asks all references."""
    return labels.mean(dim=0, keepdim=True).repeat(len(queries), 1)


def labels_summed(
    queries: torch.Tensor,
    references: torch.Tensor,
    labels: torch.Tensor,
    neighbours: int,
    most: int,
) -> torch.Tensor:
    """Adds the labels up."""
    return looked_up(queries, references, labels, neighbours).sum(dim=1)


def labels_strict(
    queries: torch.Tensor,
    references: torch.Tensor,
    labels: torch.Tensor,
    neighbours: int,
    most: int,
) -> torch.Tensor:
    """Asks for more neighbours than there are."""
    distances = squared_distances(queries, references)
    return labels[distances.topk(neighbours, largest=False).indices].mean(dim=1)


def labels_voted(
    queries: torch.Tensor,
    references: torch.Tensor,
    labels: torch.Tensor,
    neighbours: int,
    most: int,
) -> torch.Tensor:
    """Counts votes."""
    return (looked_up(queries, references, labels, neighbours).mean(dim=1) > 0.5).float()


def labels_one_part(
    queries: torch.Tensor,
    references: torch.Tensor,
    labels: torch.Tensor,
    neighbours: int,
    most: int,
) -> torch.Tensor:
    """Forgets all parts but the last."""
    last = queries.split(max(1, most // len(references)))[-1]
    return looked_up(last, references, labels, neighbours).mean(dim=1)


def labels_by_product(
    queries: torch.Tensor,
    references: torch.Tensor,
    labels: torch.Tensor,
    neighbours: int,
    most: int,
) -> torch.Tensor:
    """Takes the largest products for the smallest distances."""
    count = min(neighbours, len(references))
    return labels[(queries @ references.T).topk(count).indices].mean(dim=1)


def to_look_up(
    rng: np.random.Generator, queries: int, references: int, objects: int, neighbours: int
) -> Inputs:
    """Pixels of noise, references with soft labels, and a bound that asks for several parts."""
    shares = rng.random((references, objects)).astype(np.float32)
    return {
        "queries": points(rng, queries),
        "references": points(rng, references),
        "labels": torch.from_numpy(shares / max(1, objects)),
        "neighbours": neighbours,
        "most": 3 * references,
    }


NEAREST_NEIGHBOUR_LABELS = Check(
    nearest_neighbour_labels,
    cases=[
        Case(
            "one pixel between two references",
            lambda rng: {
                "queries": torch.tensor([[0.4]]),
                "references": torch.tensor([[0.0], [1.0]]),
                "labels": torch.tensor([[1.0], [0.0]]),
                "neighbours": 1,
                "most": 100,
            },
        ),
        Case(
            "three neighbours, who disagree",
            lambda rng: {
                "queries": torch.tensor([[0.0], [20.0]]),
                "references": torch.tensor([[1.0], [-1.0], [2.0], [30.0], [31.0], [32.0]]),
                "labels": torch.tensor([[1.0], [0.0], [1.0], [0.0], [0.0], [1.0]]),
                "neighbours": 3,
                "most": 100,
            },
        ),
        Case(
            "fewer references than neighbours",
            lambda rng: {
                "queries": torch.tensor([[0.0], [5.0]]),
                "references": torch.tensor([[1.0], [4.0]]),
                "labels": torch.tensor([[1.0, 0.0], [0.0, 0.5]]),
                "neighbours": 5,
                "most": 100,
            },
        ),
        Case("several objects, several parts", lambda rng: to_look_up(rng, 14, 9, 3, 4)),
        Case(
            "a bound that is smaller than a row",
            lambda rng: {**to_look_up(rng, 5, 7, 2, 2), "most": 3},
        ),
        Case("a longer list", lambda rng: to_look_up(rng, 60, 40, 2, 5)),
    ],
    mistakes=[
        Mistake(
            "You asked the farthest references. topk gives the largest numbers; you want the "
            "smallest distances: largest=False.",
            labels_farthest,
        ),
        Mistake("You asked only the nearest one; ask as many as neighbours says.", labels_first),
        Mistake("You asked all references. Only the nearest ones have a say.", labels_all),
        Mistake(
            "You added the labels up: a share goes from 0 to 1. Take their mean.", labels_summed
        ),
        Mistake(
            "There may be fewer references than neighbours, after one click for example. Ask as "
            "many as there are: min.",
            labels_strict,
        ),
        Mistake(
            "You cut at one half. Keep the mean: how much the neighbours agree is worth knowing.",
            labels_voted,
        ),
        Mistake(
            "Only the last part came back. Keep the labels of every part, and join them.",
            labels_one_part,
        ),
        Mistake(
            "You took the largest products. A long embedding has large products with everything; "
            "nearest means the smallest distance.",
            labels_by_product,
        ),
    ],
    hints=[
        "Which reference pixels are most like this pixel, and what do they say about themselves?",
        "squared_distances for one part of the queries, then the numbers of the smallest in each "
        "row. labels[numbers] looks the labels up, for all rows at once.",
        "queries.split(rows), where rows is how often a row of len(references) numbers fits into "
        "most, but at least 1. topk(k, largest=False).indices; mean over the neighbours; torch.cat "
        "joins the parts.",
    ],
    tolerance=1e-4,
)

# --- grow_reference ---------------------------------------------------------------------------


def answers(labels: torch.Tensor) -> torch.Tensor:
    """The shares of the background and of the objects."""
    return torch.cat([1 - labels.sum(dim=1, keepdim=True), labels], dim=1)


def grown(
    given: int, added: int, agreed: torch.Tensor, most: int, oldest: bool = False
) -> torch.Tensor:
    """The reference, from which pixels of the new frame are sure."""
    old = torch.arange(given, given + added)
    numbers = torch.cat([old, given + added + agreed.nonzero()[:, 0]])
    kept = numbers[:most] if oldest else numbers[max(0, len(numbers) - most) :]
    return torch.cat([torch.arange(given), kept])


def sure_ones(labels: torch.Tensor, sure: float) -> torch.Tensor:
    """Where one answer has a large share."""
    return answers(labels).max(dim=1).values >= sure


def grow_objects(
    given: int, added: int, labels: torch.Tensor, sure: float, most: int
) -> torch.Tensor:
    """Adds objects alone."""
    return grown(given, added, labels.max(dim=1).values >= sure, most)


def grow_all(given: int, added: int, labels: torch.Tensor, sure: float, most: int) -> torch.Tensor:
    """Adds all pixels."""
    return grown(given, added, torch.ones(len(labels), dtype=torch.bool), most)


def grow_total(
    given: int, added: int, labels: torch.Tensor, sure: float, most: int
) -> torch.Tensor:
    """Adds up the shares of all objects."""
    total = labels.sum(dim=1)
    return grown(given, added, torch.maximum(total, 1 - total) >= sure, most)


def grow_oldest(
    given: int, added: int, labels: torch.Tensor, sure: float, most: int
) -> torch.Tensor:
    """Keeps the oldest."""
    return grown(given, added, sure_ones(labels, sure), most, oldest=True)


def grow_forgetful(
    given: int, added: int, labels: torch.Tensor, sure: float, most: int
) -> torch.Tensor:
    """Forgets the annotated pixels."""
    return grown(given, added, sure_ones(labels, sure), most)[given:]


def grow_bounded_in_all(
    given: int, added: int, labels: torch.Tensor, sure: float, most: int
) -> torch.Tensor:
    """Counts the annotated pixels, too."""
    return grown(given, added, sure_ones(labels, sure), max(0, most - given))


def grow_without_end(
    given: int, added: int, labels: torch.Tensor, sure: float, most: int
) -> torch.Tensor:
    """Keeps everything."""
    return grown(given, added, sure_ones(labels, sure), 10**9)


def grow_minus_zero(
    given: int, added: int, labels: torch.Tensor, sure: float, most: int
) -> torch.Tensor:
    """Takes [-0:] for nothing."""
    numbers = grown(0, given + added, sure_ones(labels, sure), 10**9)[given:]
    return torch.cat([torch.arange(given), numbers[-most:]])


def grow_in_the_frame(
    given: int, added: int, labels: torch.Tensor, sure: float, most: int
) -> torch.Tensor:
    """Counts the pixels of the new frame from 0."""
    chosen = sure_ones(labels, sure).nonzero()[:, 0]
    numbers = torch.cat([torch.arange(given, given + added), chosen])
    return torch.cat([torch.arange(given), numbers[max(0, len(numbers) - most) :]])


def new_labels(rng: np.random.Generator, count: int, objects: int) -> torch.Tensor:
    """Soft labels of which some are sure."""
    shares = rng.dirichlet(np.full(objects + 1, 0.4), size=count)[:, 1:]
    return torch.from_numpy(shares.astype(np.float32))


GROW_REFERENCE = Check(
    grow_reference,
    cases=[
        Case(
            "an object, a doubt, the background",
            lambda rng: {
                "given": 2,
                "added": 0,
                "labels": torch.tensor([[1.0], [0.5], [0.0]]),
                "sure": 0.8,
                "most": 10,
            },
        ),
        Case(
            "more than may be kept",
            lambda rng: {
                "given": 1,
                "added": 3,
                "labels": torch.tensor([[0.9], [0.1], [0.6]]),
                "sure": 0.8,
                "most": 4,
            },
        ),
        Case(
            "two objects share a pixel",
            lambda rng: {
                "given": 1,
                "added": 1,
                "labels": torch.tensor([[0.5, 0.5], [0.0, 0.95], [0.02, 0.03]]),
                "sure": 0.9,
                "most": 9,
            },
        ),
        Case(
            "nothing may be added",
            lambda rng: {
                "given": 3,
                "added": 0,
                "labels": torch.tensor([[1.0], [0.0]]),
                "sure": 0.5,
                "most": 0,
            },
        ),
        Case(
            "nobody is sure",
            lambda rng: {
                "given": 2,
                "added": 2,
                "labels": torch.tensor([[0.5], [0.4]]),
                "sure": 0.9,
                "most": 5,
            },
        ),
        Case(
            "a frame of many pixels",
            lambda rng: {
                "given": int(rng.integers(3, 9)),
                "added": int(rng.integers(3, 9)),
                "labels": new_labels(rng, 40, 2),
                "sure": 0.7,
                "most": 20,
            },
        ),
    ],
    mistakes=[
        Mistake(
            "No pixel of the background was added. To be sure of the background is worth as much: "
            "its share is 1 minus that of all objects.",
            grow_objects,
        ),
        Mistake(
            "Pixels were added whose neighbours did not agree. Then a mistake becomes a "
            "reference, and spreads.",
            grow_all,
        ),
        Mistake(
            "You added up the shares of all objects. A pixel that is half of one and half of "
            "another is sure of neither.",
            grow_total,
        ),
        Mistake(
            "You kept the oldest. What the object looks like now is in the newest.", grow_oldest
        ),
        Mistake(
            "The annotated pixels are gone. They are the only ones that are certainly right: they "
            "stay.",
            grow_forgetful,
        ),
        Mistake(
            "The annotated pixels were counted, too. most is for those that were added.",
            grow_bounded_in_all,
        ),
        Mistake(
            "The reference grows without end, and so do time and memory. Keep the newest.",
            grow_without_end,
        ),
        Mistake(
            "Where nothing may be kept, all was kept: x[-0:] is x[0:], and that is everything.",
            grow_minus_zero,
        ),
        Mistake(
            "The pixels of the new frame stand behind all others: the first of them has the "
            "number given + added.",
            grow_in_the_frame,
        ),
    ],
    hints=[
        "Think of a list in three parts: annotated, added so far, new. Which pixels of each part "
        "are still there afterwards?",
        "A pixel has a share for each object, and one for the background. It is sure where the "
        "largest of these is large.",
        "torch.arange makes the numbers of the first two parts. nonzero()[:, 0] gives the numbers "
        "of the sure pixels, counted from 0: move them behind the others. Cut the list of added "
        "ones from its front.",
    ],
)

CHECKS = [PIXEL_TRIPLET_LOSS, NEAREST_NEIGHBOUR_LABELS, GROW_REFERENCE]
