"""Checks of lesson 12: conv_lstm_step, merge_objects and match_instances."""

from collections.abc import Mapping

import numpy as np
import torch

from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.methods.recurrent import conv_lstm_step, match_instances, merge_objects


def noise(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    """Numbers, drawn by chance."""
    return torch.from_numpy(rng.standard_normal(shape).astype(np.float32))


# --- conv_lstm_step ---------------------------------------------------------------------------


def step(
    rng: np.random.Generator,
    count: int,
    seen: int,
    kept: int,
    kernel: int = 3,
    strength: float = 1.0,
    forget_bias: float = 1.0,
) -> Inputs:
    """What is seen, the state before, and weights that have learned nothing."""
    return {
        "x": noise(rng, count, seen, 4, 5),
        "hidden": noise(rng, count, kept, 4, 5).tanh(),
        "cell": 2 * noise(rng, count, kept, 4, 5),
        "weight": strength * noise(rng, 4 * kept, seen + kept, kernel, kernel) / kernel,
        "bias": noise(rng, 4 * kept),
        "forget_bias": forget_bias,
    }


def simple(cell: float, *scores: float, forget_bias: float = 0.0) -> Inputs:
    """One place and one number, and scores that are the same whatever is seen."""
    number = torch.ones(1, 1, 1, 1)
    return {
        "x": number,
        "hidden": 0 * number,
        "cell": cell * number,
        "weight": torch.zeros(4, 2, 1, 1),
        "bias": torch.tensor(scores),
        "forget_bias": forget_bias,
    }


CONV_LSTM_STEP = Check(
    conv_lstm_step,
    cases=[
        Case(
            "the forget gate is open and the input gate closed, so the cell stays",
            lambda rng: simple(3.0, -20.0, 20.0, 20.0, 1.0),
        ),
        Case(
            "the forget gate is closed and the input gate open, so the candidate comes in",
            lambda rng: simple(3.0, 20.0, -20.0, 20.0, 1.0),
        ),
        Case("all gates half open", lambda rng: simple(2.0, 0.0, 0.0, 0.0, 0.5)),
        Case(
            "the output gate is closed: nothing is said, all is kept",
            lambda rng: simple(2.0, 0.0, 2.0, -20.0, 1.0),
        ),
        Case(
            "the same number for each gate, and a forget bias of 2",
            lambda rng: simple(1.0, 0.0, 0.0, 0.0, 0.0, forget_bias=2.0),
        ),
        Case("one place, one number", lambda rng: step(rng, 1, 1, 1)),
        Case("two objects, five numbers kept", lambda rng: step(rng, 2, 3, 5)),
        Case("as many numbers seen as kept", lambda rng: step(rng, 2, 3, 3)),
        Case("kernels of 5 x 5", lambda rng: step(rng, 1, 2, 2, 5)),
        Case("gates that are sure", lambda rng: step(rng, 1, 2, 2, strength=8.0)),
    ],
    mistakes=[
        Mistake(
            "The input gate and the forget gate have changed places. The forget gate says how much "
            "of the old cell is kept, the input gate how much of the candidate comes in.",
            ("keep * cell + into * candidate", "into * cell + keep * candidate"),
        ),
        Mistake(
            "The four pieces are in the order of PyTorch's nn.LSTM. Here the output gate comes "
            "third, and the candidate last.",
            ("into, forget, out, candidate =", "into, forget, candidate, out ="),
        ),
        Mistake(
            "The forget bias is missing. It is added to the log-odds of the forget gate, so that "
            "the gate begins open.",
            ("(forget + forget_bias)", "forget"),
        ),
        Mistake(
            "The forget bias was added after the sigmoid, so the gate goes above 1 and the cell "
            "grows without end. Add it to the log-odds.",
            ("(forget + forget_bias).sigmoid()", "forget.sigmoid() + forget_bias"),
        ),
        Mistake(
            "The forget bias was added to the input gate. It belongs to the forget gate.",
            ("into.sigmoid(), out", "(into + forget_bias).sigmoid(), out"),
            ("(forget + forget_bias)", "forget"),
        ),
        Mistake(
            "The weights expect what is seen before the hidden state; you put the hidden state "
            "first.",
            ("[x, hidden]", "[hidden, x]"),
        ),
        Mistake(
            "The bias of the convolution is missing.",
            ("weight, bias, padding", "weight, None, padding"),
        ),
        Mistake(
            "The padding fits kernels of 3 x 3 only. Half the kernel, rounded down, keeps the size "
            "for every odd kernel.",
            ("weight.shape[-1] // 2", "1"),
        ),
        Mistake(
            "The gates are log-odds as the convolution gives them. sigmoid makes shares of them.",
            ("into.sigmoid(), out.sigmoid()", "into, out"),
            ("(forget + forget_bias).sigmoid()", "forget + forget_bias"),
        ),
        Mistake(
            "The candidate has no tanh. It goes from -1 to 1, so that one frame cannot fill the "
            "cell.",
            ("candidate.tanh()", "candidate"),
        ),
        Mistake(
            "The candidate went through a sigmoid, so nothing can ever be taken off the cell. It "
            "is a tanh.",
            ("candidate.tanh()", "candidate.sigmoid()"),
        ),
        Mistake(
            "Nothing of the old cell is given up: keep only the share of it that the forget gate "
            "says.",
            ("keep * cell", "cell"),
        ),
        Mistake(
            "You kept 1 minus the input gate of the old cell. That is a GRU (lesson 14); an LSTM "
            "has a forget gate of its own.",
            ("keep * cell", "(1 - into) * cell"),
        ),
        Mistake(
            "The hidden state was made of the candidate. It is made of the new cell: what is "
            "remembered, not what came in last.",
            ("out * cell.tanh()", "out * candidate"),
        ),
        Mistake(
            "The hidden state was made of the cell before this frame. Change the cell first.",
            (
                "cell = keep * cell + into * candidate",
                "old, cell = cell, keep * cell + into * candidate",
            ),
            ("out * cell.tanh()", "out * old.tanh()"),
        ),
        Mistake(
            "The cell has no tanh on its way out. It can be large; what is said stays between -1 "
            "and 1.",
            ("out * cell.tanh()", "out * cell"),
        ),
        Mistake(
            "The output gate was not used: it says how much of what is remembered is said now.",
            ("out * cell.tanh()", "cell.tanh()"),
        ),
        Mistake(
            "The tanh went into the cell that is handed on. The cell stays as it is; only what is "
            "said of it goes through tanh.",
            ("return out * cell.tanh(), cell", "return out * cell.tanh(), cell.tanh()"),
        ),
        Mistake(
            "The two results have changed places: the hidden state comes first, then the cell.",
            ("return out * cell.tanh(), cell", "return cell, out * cell.tanh()"),
        ),
    ],
    hints=[
        "The cell is a notebook. In each frame some of it is rubbed out, something new is written "
        "down, and some of what stands there now is read aloud. Each of the three has a gate.",
        "One convolution sees x and the hidden state, one behind the other in the channels, and "
        "makes all four at once. Cut its result into four equal parts. Which of them are shares "
        "from 0 to 1, and which one goes from -1 to 1?",
        "torch.cat and functional.conv2d with a padding of half the kernel; chunk(4, dim=1); "
        "sigmoid for the gates, with forget_bias added before it in one of them; tanh for the "
        "candidate. The new cell is a sum of two products, and its tanh times the last gate is the "
        "hidden state.",
    ],
    tolerance=1e-4,
    gradients=("x", "hidden", "cell", "weight", "bias"),
)

# --- merge_objects ----------------------------------------------------------------------------

CLAIMS = np.linspace(0, 1, 9, dtype=np.float32)
"""How sure objects are in the larger cases: few values, so that two are often as sure."""


def claimed(rng: np.random.Generator, *labels: int) -> Inputs:
    """Objects that were segmented alone, and often claim the same pixels."""
    size = (3, 8)
    return {"objects": {label: rng.choice(CLAIMS, size) for label in labels}, "size": size}


def given(*objects: list[float], labels: tuple[int, ...] = (1, 2, 3)) -> Inputs:
    """Objects in a single row of pixels."""
    named = zip(labels, objects, strict=False)
    maps = {label: np.array([soft], np.float32) for label, soft in named}
    return {"objects": maps, "size": (1, len(objects[0]))}


def by_stacking(objects: Mapping[int, np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """Somebody forgets that there may be no object."""
    stack = np.stack(list(objects.values()))
    labels = np.array(list(objects), np.uint8)[stack.argmax(axis=0)]
    return np.where(stack.max(axis=0) > 0.5, labels, 0).astype(np.uint8)


def against_the_ground(objects: Mapping[int, np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """Somebody compares with the background of soft aggregation."""
    none, best = np.ones(size, np.float32), np.zeros(size, np.float32)
    labels = np.zeros(size, np.uint8)
    for label, soft in objects.items():
        none = none * (1 - soft)
        labels[soft > best] = label
        best = np.maximum(best, soft)
    labels[none >= best] = 0
    return labels


MERGE_OBJECTS = Check(
    merge_objects,
    cases=[
        Case("one object", lambda rng: given([0.2, 0.6, 0.9])),
        Case("two objects that want the same pixel", lambda rng: given([0.9, 0.7], [0.8, 0.8])),
        Case("both doubt it", lambda rng: given([0.3, 0.4], [0.4, 0.1])),
        Case("three doubt it", lambda rng: given([0.4, 0.45], [0.45, 0.4], [0.4, 0.4])),
        Case(
            "two are as likely, and one is at one half", lambda rng: given([0.8, 0.5], [0.8, 0.2])
        ),
        Case(
            "labels that are not 1, 2, 3", lambda rng: given([0.9, 0.1], [0.2, 0.8], labels=(7, 3))
        ),
        Case(
            "two are as likely, and the first has the larger label",
            lambda rng: given([0.8, 0.7], [0.8, 0.9], labels=(7, 3)),
        ),
        Case("no object", lambda rng: {"objects": {}, "size": (2, 3)}),
        Case("three objects", lambda rng: claimed(rng, 1, 2, 3)),
        Case("five objects, in no order", lambda rng: claimed(rng, 4, 9, 2, 200, 5)),
    ],
    mistakes=[
        Mistake(
            "The last object that claims a pixel got it, although one before it was surer. "
            "Remember how sure the best one was so far.",
            ("best[wins] = soft[wins]", "pass"),
        ),
        Mistake(
            "The first object that claims a pixel kept it, although a later one was surer.",
            ("soft > best", "(soft > 0.5) & (labels == 0)"),
        ),
        Mistake(
            "Pixels went to an object that holds them for background: the likeliest object must "
            "also be likelier than not, above 0.5.",
            ("np.full(size, 0.5, np.float32)", "np.zeros(size, np.float32)"),
        ),
        Mistake(
            "Of two that are as likely the later one got the pixel, and one half was enough for an "
            "object. Take > and not >=.",
            ("soft > best", "soft >= best"),
        ),
        Mistake(
            "The pixels have the number of the object in the list. They need its label.",
            (
                "for label, soft in objects.items()",
                "for label, soft in enumerate(objects.values(), 1)",
            ),
        ),
        Mistake(
            "You took the objects in the order of their labels. Of two that are as likely the one "
            "that comes first in the mapping gets the pixel.",
            ("objects.items()", "sorted(objects.items())"),
        ),
        Mistake(
            "A pixel that two objects claim got none. The surer of the two takes it.",
            (
                "return labels",
                "labels[sum((s > 0.5 for s in objects.values()), 0 * best) > 1] = 0\n"
                "    return labels",
            ),
        ),
        Mistake(
            "There may be no object at all. Then everything is background.",
            by_stacking,
        ),
        Mistake(
            "You compared with how likely it is that no object is there, as soft aggregation does "
            "(lesson 13). Here an object needs more than one half, whatever the others say.",
            against_the_ground,
        ),
        Mistake(
            "The labels are no uint8, as a label map has them.",
            ("np.zeros(size, np.uint8)", "np.zeros(size, int)"),
        ),
    ],
    hints=[
        "Each object has been asked alone: is this pixel mine? Several may say yes. Who gets it, "
        "and when does nobody?",
        "Keep two maps: the label so far, and how sure the best object so far was. What must the "
        "second one hold before the first object comes, so that a doubtful one gets nothing?",
        "np.zeros for the labels, np.full with one half for the surest so far. For each object the "
        "pixels where it is above that; in those, both maps change.",
    ],
)

# --- match_instances --------------------------------------------------------------------------


def instances(rng: np.random.Generator, found: int, true: int, pixels: int = 30) -> Inputs:
    """Soft masks that resemble the true ones, in another order, as far as there are so many."""
    owner = rng.integers(0, true, pixels)
    truth = np.stack([owner == i for i in range(true)]).astype(np.float32)
    order = rng.permutation(max(found, true))
    soft = rng.random((found, pixels)).astype(np.float32)
    for i in range(found):
        if order[i] < true:
            soft[i] = 0.5 * soft[i] + 0.5 * truth[order[i]]
    return {"found": torch.from_numpy(soft), "truth": torch.from_numpy(truth)}


def rows(found: list[list[float]], truth: list[list[float]]) -> Inputs:
    """Objects with the pixels in a row."""
    return {"found": torch.tensor(found), "truth": torch.tensor(truth)}


def soft_iou(found: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """The soft IoU of each found with each true object."""
    both = found @ truth.T
    either = found.sum(dim=1)[:, None] + truth.sum(dim=1)[None] - both
    return torch.where(either > 0, both / either.clamp(min=1e-6), 1.0)


Matched = tuple[torch.Tensor, list[tuple[int, int]]]


def best_for_each(found: torch.Tensor, truth: torch.Tensor) -> Matched:
    """Somebody lets each found object choose, so that two choose the same."""
    iou = soft_iou(found, truth)
    if not iou.shape[1]:
        return iou, []
    return iou, [(i, int(row.argmax())) for i, row in enumerate(iou)]


def greedy(found: torch.Tensor, truth: torch.Tensor) -> Matched:
    """Somebody takes the best pair first, and then the best of those that are left."""
    iou = soft_iou(found, truth)
    left, pairs = iou.detach().clone(), []
    for _ in range(min(iou.shape)):
        i, j = divmod(int(left.argmax()), iou.shape[1])
        pairs.append((i, j))
        left[i], left[:, j] = -1, -1
    return iou, sorted(pairs)


def in_order(found: torch.Tensor, truth: torch.Tensor) -> Matched:
    """Somebody compares the first with the first."""
    iou = soft_iou(found, truth)
    return iou, [(i, i) for i in range(min(iou.shape))]


MATCH_INSTANCES = Check(
    match_instances,
    cases=[
        Case(
            "one found object, half sure, and one true one",
            lambda rng: rows([[0.5, 0.5, 0.0]], [[1.0, 0.0, 0.0]]),
        ),
        Case(
            "two, found in the other order",
            lambda rng: rows(
                [[0.0, 0.0, 0.9], [0.8, 1.0, 0.1]], [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
            ),
        ),
        Case(
            "both resemble the same one more",
            lambda rng: rows(
                [[0.9, 0.9, 0.0, 0.3], [0.9, 0.9, 0.9, 0.1]],
                [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]],
            ),
        ),
        Case(
            "to take the best pair first would cost more in all",
            lambda rng: rows(
                [
                    [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0],
                    [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
                ],
                [
                    [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0],
                    [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0],
                ],
            ),
        ),
        Case(
            "an empty mask, and an empty truth",
            lambda rng: rows([[0.0, 0.0], [0.7, 0.2]], [[1.0, 0.0], [0.0, 0.0]]),
        ),
        Case("more found than true", lambda rng: instances(rng, 4, 2)),
        Case("more true than found", lambda rng: instances(rng, 2, 4)),
        Case(
            "no true object",
            lambda rng: {"found": noise(rng, 2, 3).sigmoid(), "truth": torch.zeros(0, 3)},
        ),
        Case("five of each", lambda rng: instances(rng, 5, 5, 80)),
    ],
    mistakes=[
        Mistake(
            "The pairs are those that overlap *least*: linear_sum_assignment looks for the "
            "smallest sum of costs. A high IoU must be a low cost.",
            ("linear_sum_assignment(-iou", "linear_sum_assignment(iou"),
        ),
        Mistake(
            "The first found was compared with the first true object, and so on. The order in "
            "which objects are found means nothing: match them first.",
            in_order,
        ),
        Mistake(
            "Each found object chose the true one that it resembles most, so two chose the same, "
            "and another has none. The Hungarian method gives each true object to one at most.",
            best_for_each,
        ),
        Mistake(
            "You took the best pair first, then the best of the rest. What that leaves over can "
            "cost more than it gained: the Hungarian method looks at the sum.",
            greedy,
        ),
        Mistake(
            "What both cover is counted twice in the union: take it off once.",
            ("[None] - both", "[None]"),
        ),
        Mistake(
            "That is Dice: twice what is shared over the sum of the areas. IoU divides what is "
            "shared by what they cover together.",
            ("both / either.clamp(min=1e-6)", "2 * both / (either + both).clamp(min=1e-6)"),
        ),
        Mistake(
            "The soft masks were cut at one half, so they have no gradient and a doubt counts as a "
            "certain no. A soft IoU takes the probabilities as they are.",
            (
                "both = found @ truth.T",
                "found = (found > 0.5).float() + 0 * found\n    both = found @ truth.T",
            ),
        ),
        Mistake(
            "Two empty masks are alike: their IoU is 1. Yours is 0.",
            ("either.clamp(min=1e-6), 1.0)", "either.clamp(min=1e-6), 0.0)"),
        ),
        Mistake(
            "Where both masks are empty 0 was divided by 0. Two empty masks are alike: 1.",
            ("torch.where(either > 0, both / either.clamp(min=1e-6), 1.0)", "both / either"),
            ("-iou.detach()", "-iou.nan_to_num().detach()"),
        ),
        Mistake(
            "The pairs are the wrong way round: the number of the found object comes first.",
            ("(int(row), int(column))", "(int(column), int(row))"),
        ),
        Mistake(
            "The table of IoU is turned: a row for each found object, a column for each true one.",
            ("return iou, [", "return iou.T, ["),
        ),
        Mistake(
            "No gradient flows through the IoU, so nothing can be learned from it. detach only "
            "what the Hungarian method gets.",
            ("return iou, [", "return iou.detach(), ["),
        ),
    ],
    hints=[
        "The network may find the objects in any order. So first find out who is who: which pairs "
        "of a found and a true object overlap most, all pairs together?",
        "For probabilities, what two masks share is the sum of their products over all pixels, and "
        "one matrix product makes it for all pairs. What they cover together is both areas less "
        "what was counted twice.",
        "found @ truth.T, two sums over the pixels that are added as a column and a row, and a "
        "division that must not be 0 by 0: torch.where. Then linear_sum_assignment of the negative "
        "IoU as an array without gradient.",
    ],
    tolerance=1e-5,
    gradients=("found",),
)

CHECKS = [CONV_LSTM_STEP, MERGE_OBJECTS, MATCH_INSTANCES]
