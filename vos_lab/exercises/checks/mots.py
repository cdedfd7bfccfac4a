"""Checks of lesson 16: rle_encode, match_masks, smotsa and associate."""

from collections.abc import Sequence

import numpy as np

from vos_lab.datasets.run_lengths import rle_encode
from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.methods.mots_tracker import associate
from vos_lab.metrics.mots import match_masks, smotsa

# --- rle_encode -------------------------------------------------------------------------------


def rle_starts_and_lengths(mask: np.ndarray) -> np.ndarray:
    """Gives start and length of the object's runs, another form in use."""
    pixels = np.concatenate([[False], mask.T.ravel(), [False]])
    edges = np.flatnonzero(pixels[1:] != pixels[:-1])
    return np.stack([edges[::2], edges[1::2] - edges[::2]], axis=1).ravel()


def blobs(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A mask of some rectangles."""
    mask = np.zeros((height, width), bool)
    for _ in range(4):
        top, left = rng.integers(0, height - 2), rng.integers(0, width - 2)
        mask[
            top : top + rng.integers(2, height // 2), left : left + rng.integers(2, width // 2)
        ] = 1
    return mask


RLE_ENCODE = Check(
    rle_encode,
    cases=[
        Case(
            "one object, the corner is background",
            lambda rng: {"mask": np.array([[0, 1, 1], [0, 1, 0]], bool)},
        ),
        Case(
            "the object begins in the corner",
            lambda rng: {"mask": np.array([[1, 1, 0], [1, 0, 0]], bool)},
        ),
        Case(
            "the object reaches the last pixel",
            lambda rng: {"mask": np.array([[0, 0, 0], [0, 0, 1]], bool)},
        ),
        Case(
            "a row: columns matter",
            lambda rng: {"mask": np.array([[0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], bool)},
        ),
        Case("there is no object", lambda rng: {"mask": np.zeros((2, 3), bool)}),
        Case("there is nothing else", lambda rng: {"mask": np.ones((2, 3), bool)}),
        Case("a single pixel", lambda rng: {"mask": np.ones((1, 1), bool)}),
        Case("some rectangles", lambda rng: {"mask": blobs(rng, 12, 17)}),
        Case("noise", lambda rng: {"mask": rng.random((20, 30)) < 0.3}),
    ],
    mistakes=[
        Mistake(
            "The pixels are read row by row. Here, as in COCO, they are read column by column: "
            "transpose the mask before you flatten it.",
            ("mask.T.ravel()", "mask.ravel()"),
        ),
        Mistake(
            "The first number must count background. If the first pixel belongs to the object, "
            "put a 0 in front.",
            ("np.concatenate([[0], lengths]) if pixels[0] else lengths", "lengths"),
        ),
        Mistake(
            "A 0 in front means that there is no background before the object. Put it there only "
            "if the first pixel belongs to the object.",
            (" if pixels[0] else lengths", ""),
        ),
        Mistake(
            "The last run is missing. It ends where the image ends, so the number of pixels is a "
            "border, too.",
            (", [pixels.size]]", "]"),
        ),
        Mistake(
            "The first run is missing. It begins at pixel 0, so 0 is a border, too.",
            ("[[0], changes", "[changes"),
        ),
        Mistake(
            "The borders are one pixel too early. If pixel 4 differs from pixel 3, a run begins "
            "at 4, so add 1 to the places where neighbours differ.",
            ("pixels[:-1]) + 1", "pixels[:-1])"),
        ),
        Mistake(
            "These are the places where runs end. Take the differences of neighbours (np.diff) to "
            "get how long each run is.",
            ("np.diff(borders)", "borders[1:]"),
        ),
        Mistake(
            "This is the start and the length of each run of the object. Store only lengths, and "
            "those of the background, too.",
            rle_starts_and_lengths,
        ),
    ],
    hints=[
        "Read the mask like a page: in columns, from left to right. When does a new run begin?",
        "A run begins where a pixel differs from the one before. Compare pixels[1:] with "
        "pixels[:-1]; the image itself begins and ends a run, too.",
        "np.flatnonzero(...) + 1 gives the borders between runs. Add 0 and the number of pixels at "
        "the ends, and take np.diff. If pixels[0] is True, put a 0 in front.",
    ],
)

# --- match_masks ------------------------------------------------------------------------------


def two_frames(rng: np.random.Generator, truth: int, result: int) -> Inputs:
    """What two sets of masks share that do not overlap among themselves; many nearly agree."""
    areas = rng.integers(40, 200, truth)
    shared = np.zeros((truth, result), np.int64)
    for column in range(min(truth, result)):
        shared[column, column] = rng.integers(areas[column] // 3, areas[column] + 1)
        shared[(column + 1) % truth, column] += rng.integers(0, 5)
    shared = shared[:, rng.permutation(result)]
    truth_area = np.maximum(areas, shared.sum(1))
    return {
        "shared": shared,
        "truth_area": truth_area,
        "result_area": shared.sum(0) + rng.integers(1, 40, result),
    }


def one_pair(shared: int, truth: int, result: int) -> Inputs:
    """One true mask and one of the result."""
    return {
        "shared": np.array([[shared]]),
        "truth_area": np.array([truth]),
        "result_area": np.array([result]),
    }


MATCH_MASKS = Check(
    match_masks,
    cases=[
        Case("both masks are the same", lambda rng: one_pair(8, 8, 8)),
        Case("one pixel, and it is found", lambda rng: one_pair(1, 1, 1)),
        Case("8 pixels and 8, half of each is shared", lambda rng: one_pair(4, 8, 8)),
        Case("the mask lies inside the object", lambda rng: one_pair(7, 10, 7)),
        Case("the mask is much too large", lambda rng: one_pair(10, 10, 40)),
        Case("an IoU of exactly one half", lambda rng: one_pair(5, 10, 5)),
        Case(
            "the second mask is the first object",
            lambda rng: {
                "shared": np.array([[0, 9, 0], [0, 0, 2]]),
                "truth_area": np.array([10, 10]),
                "result_area": np.array([6, 10, 9]),
            },
        ),
        Case(
            "the result is empty",
            lambda rng: {
                "shared": np.zeros((2, 0), np.int64),
                "truth_area": np.array([4, 5]),
                "result_area": np.zeros(0, np.int64),
            },
        ),
        Case(
            "there is nothing to find",
            lambda rng: {
                "shared": np.zeros((0, 2), np.int64),
                "truth_area": np.zeros(0, np.int64),
                "result_area": np.array([4, 5]),
            },
        ),
        Case("a frame with 8 objects", lambda rng: two_frames(rng, 8, 8)),
        Case("a frame with more masks than objects", lambda rng: two_frames(rng, 9, 14)),
    ],
    mistakes=[
        Mistake(
            "A pair with an IoU of exactly one half was matched. It must be above: only then is "
            "there at most one partner for each mask.",
            ("iou > 0.5", "iou >= 0.5"),
        ),
        Mistake(
            "Every pair that shares a pixel was matched. A match needs an IoU above 0.5.",
            ("iou > 0.5", "iou > 0"),
        ),
        Mistake(
            "The union is too large: the sum of both areas counts the shared pixels twice. "
            "Subtract them once.",
            (" - shared", ""),
        ),
        Mistake(
            "This is the Dice coefficient, 2 shared / (a + b), which is larger than the IoU. "
            "Divide the shared pixels by the union.",
            ("shared / np.maximum(union, 1)", "2 * shared / np.maximum(union + shared, 1)"),
        ),
        Mistake(
            "The shared pixels are divided by the true area alone, so a mask over the whole image "
            "matches everything. Divide by the union.",
            ("np.maximum(union, 1)", "np.maximum(truth_area[:, None], 1)"),
        ),
        Mistake(
            "Truth and result are exchanged. Rows of `shared` are true masks, columns those of the "
            "result; the true ones come first.",
            ("return truth, result,", "return result, truth,"),
        ),
        Mistake(
            "The third result holds the IoU of all pairs. Return only that of the pairs that "
            "match: iou[truth, result].",
            ("iou[truth, result]", "iou"),
        ),
    ],
    hints=[
        "What share of two masks together do they have in common? Think of the union as two areas "
        "on top of each other: where is it two layers thick?",
        "np.add.outer(truth_area, result_area) is the sum of the areas of each pair, (N, M). "
        "Subtract the shared pixels, and you have the union. Divide the shared pixels by it; "
        "np.maximum(..., 1) avoids 0/0.",
        "np.nonzero(iou > 0.5) gives the rows and the columns of the matches. With them, "
        "iou[rows, columns] picks their values.",
    ],
)

# --- smotsa -----------------------------------------------------------------------------------


def counted(ious: Sequence[float] | np.ndarray, false: int, switches: int, truth: int) -> Inputs:
    """The four things that sMOTSA is made of."""
    return {
        "ious": np.asarray(ious, float),
        "false_positives": false,
        "id_switches": switches,
        "truth_masks": truth,
    }


SMOTSA = Check(
    smotsa,
    cases=[
        Case("everything is right", lambda rng: counted([1, 1, 1], 0, 0, 3)),
        Case("found, but the outlines are off", lambda rng: counted([0.75, 0.75], 0, 0, 2)),
        Case("one of two was missed", lambda rng: counted([1], 0, 0, 2)),
        Case("one was invented", lambda rng: counted([1, 1], 1, 0, 2)),
        Case("two tracks changed places", lambda rng: counted([1, 1, 1, 1], 0, 2, 4)),
        Case("more mistakes than matches", lambda rng: counted([0.6], 3, 0, 2)),
        Case("nothing was found", lambda rng: counted([], 0, 0, 5)),
        Case("there was nothing to find", lambda rng: counted([], 2, 0, 0)),
        Case(
            "a long video",
            lambda rng: counted(
                rng.uniform(0.5, 1, 700),
                int(rng.integers(20, 90)),
                int(rng.integers(5, 40)),
                int(rng.integers(800, 1000)),
            ),
        ),
    ],
    mistakes=[
        Mistake(
            "This is MOTSA, where each match counts 1. The s stands for soft: a match counts as "
            "much as its IoU.",
            ("float(np.sum(ious))", "len(ious)"),
        ),
        Mistake(
            "In your formula false positives cost nothing, so a tracker that covers the image "
            "with masks would win. Subtract them.",
            (" - false_positives", ""),
        ),
        Mistake(
            "In your formula identity switches cost nothing, so it does not matter which object "
            "is which. Subtract them.",
            (" - id_switches", ""),
        ),
        Mistake(
            "You count misses twice. A missed mask adds nothing to the sum, and that is its cost. "
            "Subtract only false positives and switches.",
            ("- id_switches)", "- id_switches - truth_masks + len(ious))"),
        ),
        Mistake(
            "This divides by the number of matches, so misses cost nothing. Divide by the number "
            "of true masks.",
            ("/ truth_masks", "/ max(len(ious), 1)"),
        ),
        Mistake(
            "This takes the mean IoU of the matches, so misses cost nothing. Take the sum, and "
            "divide all by the number of true masks.",
            ("float(np.sum(ious))", "float(np.mean(ious)) * truth_masks if len(ious) else 0.0"),
        ),
        Mistake(
            "sMOTSA may be below 0, if there are more mistakes than matches. Do not clip it.",
            (
                "(found - false_positives - id_switches) / truth_masks",
                "max(0.0, (found - false_positives - id_switches) / truth_masks)",
            ),
        ),
        Mistake(
            "If there is no true mask, nothing can be found, and the official mots_tools give "
            "minus infinity. Return -math.inf.",
            ("return -math.inf", "return 0.0"),
        ),
    ],
    hints=[
        "A perfect result has a match of IoU 1 for each true mask, and no mistake. What changes "
        "if outlines are not exact, if a mask is invented, or if two tracks exchange their "
        "objects?",
        "Sum of the IoU, minus both kinds of mistakes, divided by the number of true masks. That "
        "number can be 0.",
        "First `if truth_masks == 0: return -math.inf`. Then one line with np.sum(ious).",
    ],
)

# --- associate --------------------------------------------------------------------------------


def pairs_in_turn(score: np.ndarray) -> tuple[list[int], list[int]]:
    """Greedy in the order of the tracks, not of the scores."""
    rows, columns, left = [], [], score.copy()
    for row in range(len(score) if score.size else 0):
        column = int(left[row].argmax())
        if left[row, column] > 0:
            rows.append(row)
            columns.append(column)
            left[:, column] = 0
    return rows, columns


def crowd(rng: np.random.Generator, tracks: int, proposals: int) -> Inputs:
    """Overlaps as in a crowd: each track touches a few proposals."""
    overlap = rng.uniform(0.05, 0.95, (tracks, proposals)).round(3)
    overlap[rng.random((tracks, proposals)) < 0.6] = 0
    return {"overlap": overlap, "likeness": rng.uniform(0, 1, (tracks, proposals)).round(3)}


def table(*rows: tuple[float, ...]) -> np.ndarray:
    """Numbers for each track (row) and proposal (column)."""
    return np.array(rows, float)


ASSOCIATE = Check(
    associate,
    cases=[
        Case(
            "one track, two proposals that look alike",
            lambda rng: {"overlap": table((0.2, 0.7)), "likeness": table((0.9, 0.9))},
        ),
        Case(
            "two proposals in the same place, one looks right",
            lambda rng: {
                "overlap": table((0.5, 0.6)),
                "likeness": table((0.9, 0.2)),
                "appearance_weight": 0.8,
            },
        ),
        Case(
            "looks just the same, but on the other side of the image",
            lambda rng: {"overlap": table((0.0,)), "likeness": table((1.0,))},
        ),
        Case(
            "one score is exactly the least one, one is below",
            lambda rng: {
                "overlap": table((0.75, 0.0), (0.0, 0.6)),
                "likeness": table((0.25, 0.0), (0.0, 0.3)),
                "least": 0.5,
            },
        ),
        Case(
            "little overlap, but it looks right",
            lambda rng: {"overlap": table((0.1, 0.0)), "likeness": table((0.8, 0.8))},
        ),
        Case(
            "both tracks like the same proposal best",
            lambda rng: {
                "overlap": table((0.9, 0.7), (0.8, 0.0)),
                "likeness": table((0.9, 0.7), (0.8, 0.0)),
            },
        ),
        Case(
            "the same, greedily",
            lambda rng: {
                "overlap": table((0.8, 0.0), (0.9, 0.7)),
                "likeness": table((0.8, 0.0), (0.9, 0.7)),
                "greedy": True,
            },
        ),
        Case(
            "an impossible pair must not take the place of a possible one",
            lambda rng: {
                "overlap": table((0.5, 0.45), (0.2, 0.1)),
                "likeness": table((0.5, 0.45), (0.3, 0.1)),
            },
        ),
        Case(
            "one good pair is worth more than two poor ones",
            lambda rng: {
                "overlap": table((0.9, 0.4), (0.35, 0.0)),
                "likeness": table((0.9, 0.4), (0.35, 0.0)),
            },
        ),
        Case(
            "more tracks than proposals",
            lambda rng: crowd(rng, 5, 3),
        ),
        Case("nothing is proposed", lambda rng: crowd(rng, 3, 0)),
        Case("there is no track yet", lambda rng: crowd(rng, 0, 3)),
        Case("a crowd", lambda rng: crowd(rng, 20, 24)),
        Case("a crowd, greedily", lambda rng: {**crowd(rng, 24, 20), "greedy": True}),
        Case(
            "a crowd by looks",
            lambda rng: {**crowd(rng, 20, 20), "appearance_weight": 0.9, "least": 0.5},
        ),
    ],
    mistakes=[
        Mistake(
            "These are the pairs with the smallest sum. linear_sum_assignment minimises a cost "
            "unless you pass maximize=True.",
            (", maximize=True", ""),
        ),
        Mistake(
            "You apply the threshold too late. A pair that you throw away after the assignment "
            "has already taken the place of a possible one. Set it to 0 before the assignment.",
            ("score = np.where((overlap > 0) & (score >= least), score, 0.0)", ""),
            (
                "# Step 4",
                "score = np.where((overlap > 0) & (score >= least), score, 0.0)\n    # Step 4",
            ),
        ),
        Mistake(
            "Your result has impossible pairs. An assignment fills every row that it can, even "
            "with a score of 0. Leave those out at the end.",
            ("if score[row, column] > 0:", "if True:"),
        ),
        Mistake(
            "Each track takes its best proposal, even if another track has it. Two tracks must "
            "not continue with the same proposal, so choose for all of them together.",
            ("# Step 3", "return best_of_each(score)\n    # Step 3"),
            best_of_each=lambda score: (
                np.where(score.max(1) > 0, score.argmax(1), -1)
                if score.size
                else np.full(len(score), -1)
            ),
        ),
        Mistake(
            "The weights are exchanged: w belongs to likeness, 1 - w to overlap.",
            (
                "(1 - appearance_weight) * overlap + appearance_weight * likeness",
                "appearance_weight * overlap + (1 - appearance_weight) * likeness",
            ),
        ),
        Mistake(
            "You took a proposal without any overlap because of its looks. Objects do not jump "
            "across the image, so a pair with an overlap of 0 is impossible.",
            ("(overlap > 0) & (score >= least)", "score >= least"),
        ),
        Mistake(
            "You compare the threshold with the overlap alone. The whole score, overlap and looks "
            "together, has to reach it.",
            ("score >= least", "overlap >= least"),
        ),
        Mistake(
            "A score that is exactly `least` is enough: use >= and not >.",
            ("score >= least", "score > least"),
        ),
        Mistake(
            "greedy=True changes nothing. Then use greedy_pairs in place of the Hungarian "
            "algorithm.",
            ("if greedy:", "if False:"),
        ),
        Mistake(
            "This is greedy even where greedy is False. Then the sum of all scores counts: use "
            "linear_sum_assignment.",
            ("if greedy:", "if True:"),
        ),
        Mistake(
            "You go through the tracks in their order, so the first track takes a proposal that "
            "fits a later one better. Take the best pair of all first.",
            greedy_pairs=pairs_in_turn,
        ),
        Mistake(
            "This is the track of each proposal. Return the proposal of each track: one number "
            "for each row.",
            ("# Step 3", "score = score.T.copy()\n    # Step 3"),
        ),
    ],
    hints=[
        "A track and a proposal may agree in two things: the place and the looks. How do you make "
        "one number out of two? And which pairs must never be chosen, even if there are no "
        "others?",
        "Weighted sum first. Then set impossible pairs to 0 with np.where, before choosing. "
        "linear_sum_assignment(score, maximize=True) and greedy_pairs(score) both return rows and "
        "columns.",
        "Start from an array of -1, one for each track. Go through rows and columns together, and "
        "write the column down only where the score is above 0.",
    ],
)

CHECKS = [RLE_ENCODE, MATCH_MASKS, SMOTSA, ASSOCIATE]
