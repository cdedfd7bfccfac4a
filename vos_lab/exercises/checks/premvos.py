"""Checks of lesson 11: refine_proposals, proposal_scores and merge_greedily."""

import numpy as np

from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.exercises.checks.masktrack import small_network
from vos_lab.exercises.checks.motion import disk
from vos_lab.methods.premvos import merge_greedily, proposal_scores, refine_proposals

# --- refine_proposals -------------------------------------------------------------------------


def to_refine(rng: np.random.Generator, height: int, width: int, masks: list[np.ndarray]) -> Inputs:
    """A network with opinions, a picture of noise, and proposals; windows become larger."""
    return {
        "network": small_network(rng),
        "image": rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
        "masks": masks,
        "size": (round(height * 1.5), round(width * 1.5)),
    }


def soft_disk(rng: np.random.Generator, height: int, width: int, *place: float) -> np.ndarray:
    """A disk that is unsure of itself, and a haze around it."""
    sure = disk(height, width, *place)
    return (sure * 0.6 + 0.4 * rng.random((height, width))).astype(np.float32)


REFINE_PROPOSALS = Check(
    refine_proposals,
    cases=[
        Case(
            "one proposal in the middle",
            lambda rng: to_refine(rng, 24, 32, [disk(24, 32, 12, 16, 4)]),
        ),
        Case(
            "two proposals in two corners",
            lambda rng: to_refine(rng, 28, 40, [disk(28, 40, 6, 7, 3), disk(28, 40, 22, 32, 4)]),
        ),
        Case(
            "soft masks",
            lambda rng: to_refine(
                rng, 32, 40, [soft_disk(rng, 32, 40, 12, 12, 4), soft_disk(rng, 32, 40, 20, 28, 5)]
            ),
        ),
        Case("no proposals", lambda rng: to_refine(rng, 16, 20, [])),
    ],
    mistakes=[
        Mistake(
            "You stretched the answer over the whole frame. It belongs to the window: bring it to "
            "the size of the window, and put it where the window was.",
            (
                "whole[top:bottom, left:right] = resized(answer, (bottom - top, right - left))",
                "whole = resized(answer, image.shape[:2])",
            ),
        ),
        Mistake(
            "These are the answers of the network as they are. Bring each of them to the size and "
            "the place of its window, in a mask of the size of the image.",
            (
                "whole[top:bottom, left:right] = resized(answer, (bottom - top, right - left))",
                "whole = answer",
            ),
        ),
        Mistake(
            "You put the answer in the upper left corner. Put it where the window was: "
            "top:bottom, left:right.",
            ("whole[top:bottom, left:right]", "whole[: bottom - top, : right - left]"),
        ),
        Mistake(
            "You did not enlarge the window. Bring the image and the mask in it to `size` before "
            "you give them to the network.",
            ("resized(mask[inside], size)", "mask[inside]"),
            ("resized(image[inside], size)", "image[inside]"),
            (
                "fused, _ = network(torch.cat(inputs))",
                "fused = [network(each)[0] for each in inputs]",
            ),
            (
                "fused[:, 0].sigmoid().float().cpu().numpy()",
                "[f[0, 0].sigmoid().numpy() for f in fused]",
            ),
        ),
        Mistake(
            "The network saw the whole frame, so a small object is small for it, too. Cut out the "
            "window around each proposal first.",
            ("crop_and_zoom(mask, MARGIN)", "(0, image.shape[0], 0, image.shape[1])"),
        ),
        Mistake(
            "All proposals share one window. Each proposal needs its own window.",
            ("crop_and_zoom(mask, MARGIN)", "crop_and_zoom(np.max(masks, axis=0), MARGIN)"),
        ),
        Mistake(
            "The window ends where the proposal ends, so the network cannot see what the proposal "
            "has missed. Give crop_and_zoom the margin MARGIN.",
            (", MARGIN)", ", 0.0)"),
        ),
        Mistake(
            "The fourth channel is empty. In a window with two objects the network cannot know "
            "which one is meant: give it the proposal.",
            ("mask[inside], size", "np.zeros_like(mask[inside]), size"),
        ),
        Mistake(
            "The mask comes before the image. The network has learned that it is the last of the "
            "four channels.",
            (
                "[as_input(resized(image[inside], size)), rough]",
                "[rough, as_input(resized(image[inside], size))]",
            ),
        ),
        Mistake(
            "You cut the proposal at one half first. Give it to the network as it is, because it "
            "also says how unsure it is.",
            (
                "resized(mask[inside], size)",
                "(resized(mask[inside], size) > 0.5).astype(np.float32)",
            ),
        ),
        Mistake(
            "You removed the ground from the image. The network finds the edge by comparing both "
            "sides of it, so give it the image as it is.",
            (
                "as_input(resized(image[inside], size))",
                "as_input(resized(image[inside], size)) * rough",
            ),
        ),
        Mistake(
            "Outside the window you left the old proposal. Its small values there belong to "
            "nothing, so begin with zeros.",
            ("np.zeros(image.shape[:2], np.float32)", "masks[len(refined)].copy()"),
        ),
        Mistake(
            "These are log-odds, which go below 0 and above 1. Use sigmoid to turn them into "
            "numbers from 0 to 1.",
            (".sigmoid()", ""),
        ),
        Mistake(
            "You cut the result at one half. Keep it soft, because it will be mixed with the "
            "proposal.",
            (".sigmoid()", ".gt(0)"),
        ),
        Mistake(
            "This is one of the side outputs. The network gives a pair, and the first of the two "
            "is the fused answer.",
            ("fused, _ =", "_, (fused, *_) ="),
        ),
    ],
    hints=[
        "You hold a magnifying glass over each proposal and draw its outline on what you see. "
        "Then you copy the drawing back onto the frame, at its old size and place.",
        "For each mask: the window of crop_and_zoom, with MARGIN. In the window, image and mask "
        "at `size`, as four channels. All windows are one batch; the first of the network's pair "
        "is the answer. Then the way back.",
        "resized goes both ways. as_input(...) for the image, torch.from_numpy(...)[None, None] "
        "for the mask, torch.cat with dim=1 for the channels and without it for the batch. "
        "fused[:, 0].sigmoid(); a mask of zeros takes each answer at top:bottom, left:right.",
    ],
    tolerance=1e-4,
)

# --- proposal_scores --------------------------------------------------------------------------


def a_few(rng: np.random.Generator, proposals: int, objects: int) -> Inputs:
    """Scores and weights, drawn by chance."""
    return {
        "objectness": rng.random(proposals),
        "reid": rng.random((proposals, objects)),
        "flow_iou": rng.random((proposals, objects)),
        "weights": [float(w) for w in rng.uniform(0.1, 1, 5)],
    }


PROPOSAL_SCORES = Check(
    proposal_scores,
    cases=[
        Case(
            "one proposal, which looks like both objects",
            lambda rng: {
                "objectness": np.array([0.5]),
                "reid": np.array([[0.9, 0.8]]),
                "flow_iou": np.zeros((1, 2)),
                "weights": [0.0, 1.0, 0.0, 1.0, 0.0],
            },
        ),
        Case(
            "three objects, and where they go",
            lambda rng: {
                "objectness": np.array([0.5, 1.0]),
                "reid": np.zeros((2, 3)),
                "flow_iou": np.array([[0.6, 0.2, 0.1], [0.0, 0.3, 0.7]]),
                "weights": [0.0, 0.0, 0.0, 0.0, 1.0],
            },
        ),
        Case(
            "objectness alone",
            lambda rng: {
                "objectness": np.array([0.2, 0.9, 0.4]),
                "reid": rng.random((3, 2)),
                "flow_iou": rng.random((3, 2)),
                "weights": [0.5, 0.0, 0.0, 0.0, 0.0],
            },
        ),
        Case("one object", lambda rng: a_few(rng, 3, 1)),
        Case("as many proposals as objects", lambda rng: a_few(rng, 3, 3)),
        Case("many proposals", lambda rng: a_few(rng, 12, 4)),
        Case("no proposals", lambda rng: a_few(rng, 0, 2)),
    ],
    mistakes=[
        Mistake(
            "You took the highest score over all objects, including its own. Then a proposal that "
            "fits its own object well gets a low inverse score. Leave its own object out.",
            ("np.eye(count, dtype=bool)", "np.zeros((count, count), bool)"),
        ),
        Mistake(
            "You took the mean of the other objects. A single other object that fits is a reason "
            "to doubt, so take the highest.",
            ("others.max(axis=2, initial=0)", "others.sum(axis=2) / max(1, count - 1)"),
        ),
        Mistake(
            "You added the scores of the other objects, so with many of them the inverse score "
            "falls below 0. Take the highest.",
            ("others.max(axis=2, initial=0)", "others.sum(axis=2)"),
        ),
        Mistake(
            "You compared with the other proposals. The question is whether this proposal fits "
            "another object: compare along its row.",
            ("score[:, None, :])", "score.T[None])"),
            ("np.eye(count, dtype=bool)", "np.eye(len(reid), dtype=bool)[:, None]"),
        ),
        Mistake(
            "You took 1 minus the object's own score, which only reverses that score. Take 1 "
            "minus the highest score of the *other* objects.",
            ("others.max(axis=2, initial=0)", "score"),
        ),
        Mistake(
            "Here a proposal that fits another object gets a higher score. Take 1 minus the "
            "highest score of the others.",
            ("1 - others", "others"),
        ),
        Mistake(
            "With one object there is no other object that could fit better. So the highest score "
            "of the others is 0, and the inverse score is 1.",
            (
                "1 - others.max(axis=2, initial=0)",
                "(1 - others.max(axis=2, initial=0)) * (count > 1)",
            ),
        ),
        Mistake(
            "The inverse scores are exchanged: first comes that of reid, then that of flow_iou.",
            ("*inverse)", "*inverse[::-1])"),
        ),
        Mistake(
            "Objectness is missing. It is the same for all objects, but not for all proposals. "
            "Without it, half a thing counts as much as a whole one.",
            ("(objectness[:, None]", "(0 * objectness[:, None]"),
        ),
        Mistake(
            "Objectness has a number for each proposal, and was added along the objects. As a "
            "column it counts for each row: objectness[:, None].",
            ("objectness[:, None]", "objectness"),
        ),
        Mistake(
            "You divided objectness by its sum. It does not depend on how many proposals there "
            "are, so leave it as it is.",
            ("objectness[:, None]", "objectness[:, None] / max(1e-9, objectness.sum())"),
        ),
        Mistake(
            "You divided by the sum of the weights. Return the weighted sum itself, because "
            "`least` is compared with it.",
            ("return sum(", "return 1 / sum(weights) * sum("),
        ),
        Mistake("The scores were added without their weights.", ("weight * score", "score")),
        Mistake(
            "You multiplied the scores. Then a single 0 rules a proposal out, although each score "
            "is sometimes wrong. Add them.",
            ("weight * score", "score**weight"),
            ("sum(", "product("),
            product=lambda parts, start: np.prod([*parts], axis=0) + start,
        ),
    ],
    hints=[
        "Each pair of a proposal and an object gets five scores. Two of them ask whether the "
        "proposal fits another object better.",
        "For the inverse scores you need, for each proposal and each object, the highest score "
        "among the other objects. How do you leave one out? With a single object there is none.",
        "score[:, None, :] has a row of all objects for each object; np.eye(K) says where its own "
        "stands, put 0 there; max(axis=2, initial=0). Then weight * score, five times, with "
        "objectness as a column.",
    ],
)

# --- merge_greedily ---------------------------------------------------------------------------


def to_merge(
    rng: np.random.Generator, proposals: int, objects: int, height: int, width: int, least: float
) -> Inputs:
    """Boxes that overlap, and scores, drawn by chance."""
    masks = np.zeros((proposals, height, width), bool)
    for mask in masks:
        top, left = rng.integers(0, height // 2), rng.integers(0, width // 2)
        mask[top : top + height // 2 + 1, left : left + width // 2 + 1] = True
    return {"masks": masks, "scores": rng.random((proposals, objects)), "least": least}


def small(rows: list[list[int]], scores: list[list[float]], least: float = 0.2) -> Inputs:
    """Proposals of one row."""
    return {
        "masks": np.array(rows, bool)[:, None],
        "scores": np.array(scores),
        "least": least,
    }


MERGE_GREEDILY = Check(
    merge_greedily,
    cases=[
        Case(
            "both objects like proposal 0 best",
            lambda rng: small([[1, 1, 0], [0, 1, 1]], [[0.9, 0.8], [0.3, 0.5]]),
        ),
        Case(
            "object 1 likes it more",
            lambda rng: small([[1, 1, 0], [0, 1, 1]], [[0.7, 0.9], [0.6, 0.1]]),
        ),
        Case(
            "both proposals like object 0 best",
            lambda rng: small([[1, 1, 0], [0, 1, 1]], [[0.9, 0.8], [0.85, 0.5]]),
        ),
        Case(
            "one proposal, and two objects",
            lambda rng: small([[1, 1, 0]], [[0.4, 0.6]]),
        ),
        Case(
            "nothing fits object 1",
            lambda rng: small([[1, 0, 0], [0, 1, 1]], [[0.9, 0.1], [0.3, 0.15]]),
        ),
        Case(
            "just enough",
            lambda rng: small([[1, 0, 0], [0, 1, 1]], [[0.75, 0.25], [0.25, 0.5]], 0.5),
        ),
        Case(
            "what overlaps goes to the better pair",
            lambda rng: small(
                [[1, 1, 1, 0, 0], [0, 0, 1, 1, 1], [0, 1, 1, 1, 0]],
                [[0.5, 0.1, 0.2], [0.2, 0.7, 0.1], [0.1, 0.2, 0.6]],
            ),
        ),
        Case("no proposals", lambda rng: to_merge(rng, 0, 2, 3, 4, 0.2)),
        Case("many proposals", lambda rng: to_merge(rng, 9, 4, 8, 10, 0.0)),
    ],
    mistakes=[
        Mistake(
            "The objects chose one after the other, so the first one took a proposal that fits "
            "another object better. Take the best pair of all first, for whichever object it is.",
            (
                "while left.size and left.max() >= least:",
                "for thing in range(len(chosen)) if len(left) else ():",
            ),
            (
                "proposal, thing = np.unravel_index(left.argmax(), left.shape)",
                "proposal = left[:, thing].argmax()\n"
                "        if left[proposal, thing] < least:\n"
                "            continue",
            ),
        ),
        Mistake(
            "You gave a proposal to two objects. When it is taken, no other object can have it.",
            ("= left[proposal] =", "="),
        ),
        Mistake(
            "An object whose best proposal was taken got none. Give it the best one that is left.",
            ("left[:, thing] = left[proposal]", "left[:, left.argmax(axis=0) == proposal]"),
        ),
        Mistake(
            "Each proposal went only to the object that fits it best. Then an object can be left "
            "without one although there are free proposals. Look at all pairs that are left.",
            ("left[:, thing] = left[proposal]", "left[left.argmax(axis=1) == thing]"),
        ),
        Mistake(
            "Where two proposals overlap, the pixel went to the lower score. The better pair comes "
            "first, and keeps its pixels.",
            (" & (owner == 0)", ""),
        ),
        Mistake(
            "Where two proposals overlap, the pixel went to the object with the lower number. It "
            "goes to the one with the higher score.",
            (
                "return chosen, owner",
                "owner[:] = 0\n"
                "    for thing in np.flatnonzero(chosen >= 0):\n"
                "        owner[masks[chosen[thing]] & (owner == 0)] = thing + 1\n"
                "    return chosen, owner",
            ),
        ),
        Mistake(
            "An object took a proposal with less than `least`. Then it is not there: leave -1.",
            (">= least", "> -np.inf"),
        ),
        Mistake(
            "A score of exactly `least` is enough.",
            (">= least", "> least"),
        ),
        Mistake(
            "Proposal 0 is a proposal like others. Say -1 where an object has none.",
            (", -1)", ", 0)"),
        ),
        Mistake(
            "Pixels of the first object have the number 0, like pixels of no object. In the "
            "picture the objects count from 1.",
            ("thing + 1", "thing"),
        ),
        Mistake(
            "The picture has the numbers of the proposals. Put in the number of the object that "
            "the pixel belongs to, counted from 1.",
            ("thing + 1", "proposal + 1"),
        ),
    ],
    hints=[
        "All objects choose from the same table. Which pair should be taken first, so that there "
        "are few mistakes? And what is left in the table afterwards?",
        "The highest number of the whole table is a pair: a proposal and an object. Write it "
        "down, give the object those pixels of the mask that are still free, and remove the row "
        "and the column. Repeat until the highest number is too low.",
        "np.unravel_index(left.argmax(), left.shape) gives row and column of the highest number; "
        "-inf strikes out. Work on a copy of the scores. owner is 0 where nobody has the pixel. An "
        "empty table has no maximum: ask left.size first.",
    ],
)

CHECKS = [REFINE_PROPOSALS, PROPOSAL_SCORES, MERGE_GREEDILY]
