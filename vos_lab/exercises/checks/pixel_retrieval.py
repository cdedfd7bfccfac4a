"""Checks of lesson 09: pixel_triplet_loss, nearest_neighbour_labels and grow_reference."""

import numpy as np
import torch

from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.exercises.memory import Bound
from vos_lab.methods.pixel_retrieval import (
    grow_reference,
    nearest_neighbour_labels,
    pixel_triplet_loss,
)

# --- pixel_triplet_loss -----------------------------------------------------------------------


def points(rng: np.random.Generator, count: int, dimensions: int = 4) -> torch.Tensor:
    """Embeddings, drawn by chance."""
    return torch.from_numpy(rng.standard_normal((count, dimensions)).astype(np.float32))


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
            "You took the farthest pixel of the same kind. A head does not have to look like a "
            "hoof: it is enough if one pixel of the same kind is near. Take the nearest.",
            ("to_same.min", "to_same.max"),
        ),
        Mistake(
            "You took mean distances. At test time the nearest neighbour decides, not the mean: "
            "take the smallest of each row.",
            (".min(dim=1).values", ".mean(dim=1)"),
        ),
        Mistake(
            "These are distances. The equation has squared distances.",
            (".values", ".values.sqrt()"),
        ),
        Mistake(
            "An anchor with more than the margin counts below 0, and makes up for others. It "
            "should cost nothing, so cut each anchor at 0.",
            (".clamp(min=0)", ""),
        ),
        Mistake(
            "You cut the mean at 0. Cut each anchor at 0 first, then take the mean.",
            (".clamp(min=0).mean()", ".mean().clamp(min=0)"),
        ),
        Mistake(
            "The two kinds are exchanged: the same kind should be near, and the other kind far.",
            ("nearest_same - nearest_other", "nearest_other - nearest_same"),
        ),
        Mistake(
            "The margin is missing. Without it the network may give all pixels one embedding, and "
            "the loss is 0.",
            (" + margin", ""),
        ),
        Mistake("This is the sum over the anchors. Take their mean.", ("mean()", "sum()")),
    ],
    hints=[
        "At test time a pixel takes the label of its nearest neighbour. When is that label right? "
        "Compare two distances.",
        "squared_distances gives all distances between two lists of pixels, a row for each anchor. "
        "Which number of a row counts?",
        "Take min(dim=1).values for both pools. The difference plus the margin says how much is "
        "missing; clamp(min=0) for anchors with enough; then the mean.",
    ],
    tolerance=1e-4,
    gradients=("anchors", "same", "other"),
)

# --- nearest_neighbour_labels -----------------------------------------------------------------


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


def with_little_memory(
    rng: np.random.Generator, queries: int, references: int, objects: int, most: int
) -> Inputs:
    """Pixels with a single number each, so that nothing but distances is large."""
    inputs = to_look_up(rng, queries, references, objects, 2)
    inputs["queries"], inputs["references"] = points(rng, queries, 1), points(rng, references, 1)
    return inputs | {"most": Bound(most, allowed=max(most, references))}


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
            lambda rng: with_little_memory(rng, 5, 7, 1, 3),
        ),
        Case("a longer list", lambda rng: to_look_up(rng, 60, 40, 2, 5)),
        Case(
            "a longer list, and a bound of three rows and a bit",
            lambda rng: with_little_memory(rng, 60, 40, 2, 130),
        ),
    ],
    mistakes=[
        Mistake(
            "You took the farthest references. topk gives the largest numbers, and you need the "
            "smallest distances: largest=False.",
            ("largest=False", "largest=True"),
        ),
        Mistake(
            "You took only the nearest one. Take as many as `neighbours` says.",
            ("min(neighbours, len(references))", "1"),
        ),
        Mistake(
            "You took all references. Only the nearest ones should count.",
            ("min(neighbours, len(references))", "len(references)"),
        ),
        Mistake(
            "You added the labels. A share goes from 0 to 1, so take their mean.", ("mean(", "sum(")
        ),
        Mistake(
            "There may be fewer references than neighbours, for example after one click. Then "
            "take as many as there are: min.",
            ("min(neighbours, len(references))", "neighbours"),
        ),
        Mistake(
            "You cut at one half. Keep the mean, because it says how much the neighbours agree.",
            ("mean(dim=1)", "mean(dim=1).gt(0.5).float()"),
        ),
        Mistake(
            "All distances were computed at once. A frame has thousands of pixels, and so has the "
            "reference: take so many rows at a time that their distances fit into most.",
            ("queries.split(rows)", "[queries]"),
        ),
        Mistake(
            "Only the last part came back. Keep the labels of every part, and join them.",
            ("torch.cat(found)", "found[-1]"),
        ),
        Mistake(
            "You took the largest products. A long embedding has large products with everything; "
            "nearest means the smallest distance.",
            ("squared_distances(part, references)", "-part @ references.T"),
        ),
    ],
    hints=[
        "Which reference pixels are most like this pixel, and what are their labels?",
        "squared_distances for one part of the queries, then the numbers of the smallest in each "
        "row. labels[numbers] looks the labels up, for all rows at once.",
        "queries.split(rows), where rows is how often a row of len(references) numbers fits into "
        "most, but at least 1. topk(k, largest=False).indices; mean over the neighbours; torch.cat "
        "joins the parts.",
    ],
    tolerance=1e-4,
)

# --- grow_reference ---------------------------------------------------------------------------


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
            "just sure enough, of an object and of the background",
            lambda rng: {
                "given": 1,
                "added": 0,
                "labels": torch.tensor([[0.75], [0.25], [0.5], [1.0]]),
                "sure": 0.75,
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
            "You added no pixel of the background. Sure pixels of the background help just as "
            "much: the share of the background is 1 minus that of all objects.",
            ("[background, labels]", "[labels]"),
        ),
        Mistake(
            "You added pixels whose neighbours did not agree. Then a mistake becomes a reference, "
            "and spreads.",
            (">= sure", ">= 0"),
        ),
        Mistake(
            "A share of exactly `sure` is enough: >=, not >.",
            (">= sure", "> sure"),
        ),
        Mistake(
            "You added the shares of all objects. If a pixel is half one object and half another, "
            "it is sure of neither.",
            ("[background, labels]", "[background, 1 - background]"),
        ),
        Mistake(
            "You kept the oldest pixels. The newest ones show what the object looks like now.",
            ("numbers[max(0, len(numbers) - most) :]", "numbers[:most]"),
        ),
        Mistake(
            "The annotated pixels are gone. They are the only ones that are certainly right: they "
            "stay.",
            ("torch.cat([torch.arange(given), newest])", "newest"),
        ),
        Mistake(
            "You counted the annotated pixels, too. `most` limits only those that were added.",
            ("- most)", "- max(0, most - given))"),
        ),
        Mistake(
            "The reference grows without end, and so do time and memory. Keep the newest.",
            ("[max(0, len(numbers) - most) :]", ""),
        ),
        Mistake(
            "If nothing may be kept, you kept everything: x[-0:] is x[0:], and that is the whole "
            "list.",
            ("max(0, len(numbers) - most)", "-most"),
        ),
        Mistake(
            "The pixels of the new frame come after all others, so the first of them has the "
            "number given + added.",
            ("given + added + agreed", "agreed"),
        ),
    ],
    hints=[
        "Think of a list in three parts: annotated, added so far, new. Which pixels of each part "
        "are still there afterwards?",
        "A pixel has a share for each object, and one for the background. It is sure if the "
        "largest of these is large.",
        "torch.arange makes the numbers of the first two parts. nonzero()[:, 0] gives the numbers "
        "of the sure pixels, counted from 0, so add an offset. If too many are added, drop the "
        "first ones.",
    ],
)

CHECKS = [PIXEL_TRIPLET_LOSS, NEAREST_NEIGHBOUR_LABELS, GROW_REFERENCE]
