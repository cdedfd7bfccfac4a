"""Checks of lesson 15: cue_dependence, paired_interval and pareto_front."""

import numpy as np

from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.metrics.leaderboard import cue_dependence, paired_interval, pareto_front

# --- cue_dependence ---------------------------------------------------------------------------


def scores(rng: np.random.Generator, videos: int, cues: int) -> Inputs:
    """J drawn by chance, lower on the whole where a cue is destroyed."""
    whole = rng.uniform(0.3, 1.0, videos)
    return {"whole": whole, "without": whole * rng.uniform(0.1, 1.0, (cues, videos))}


CUE_DEPENDENCE = Check(
    cue_dependence,
    cases=[
        Case(
            "one video, one cue",
            lambda rng: {"whole": np.array([0.8]), "without": np.array([[0.2]])},
        ),
        Case(
            "two videos, and three cues: all lost, half lost, nothing lost",
            lambda rng: {
                "whole": np.array([0.8, 0.4]),
                "without": np.array([[0.0, 0.0], [0.5, 0.1], [0.8, 0.4]]),
            },
        ),
        Case(
            "a method that gains without the cue",
            lambda rng: {"whole": np.array([0.5, 0.5]), "without": np.array([[0.7, 0.6]])},
        ),
        Case(
            "it gains on one video, and loses more on the other",
            lambda rng: {"whole": np.array([0.8, 0.2]), "without": np.array([[0.1, 0.4]])},
        ),
        Case(
            "a method with nothing to lose",
            lambda rng: {"whole": np.zeros(3), "without": np.array([[0, 0, 0], [0, 0.2, 0.1]])},
        ),
        Case("as many cues as videos", lambda rng: scores(rng, 3, 3)),
        Case("many videos", lambda rng: scores(rng, int(rng.integers(6, 12)), 4)),
    ],
    mistakes=[
        Mistake(
            "This is J that is lost, not the share of it. A method with J 0.3 can lose 0.3 at the "
            "most: divide by what it had.",
            ("(before - after) / before", "before - after"),
        ),
        Mistake(
            "You divided by what is left. Divide by what the method had with all its cues.",
            ("(before - after) / before", "(before - after) / np.maximum(after, 1e-9)"),
        ),
        Mistake(
            "This is the share that is left. What was lost is 1 minus that.",
            ("(before - after) / before", "after / before"),
        ),
        Mistake(
            "The sign is wrong: a method that loses J depends on the cue, so that is above 0.",
            ("before - after", "after - before"),
        ),
        Mistake(
            "A method that gets better without a cue does not depend on it less than not at all: "
            "below 0 the answer is 0.",
            ("np.maximum(0.0, (before - after) / before)", "(before - after) / before"),
        ),
        Mistake(
            "A gain was counted like a loss. Only what is lost counts, so it is no absolute value.",
            ("np.maximum(0.0, (before - after) / before)", "np.abs((before - after) / before)"),
        ),
        Mistake(
            "You took the share of each video, and their mean. Then a video with J 0.02 counts as "
            "much as one with 0.9. Take the means of J first, and one share of them.",
            ("whole.mean(), without.mean(axis=1)", "1.0, (without / whole).mean(axis=1)"),
            ("before == 0", "not whole.any()"),
        ),
        Mistake(
            "Gains were cut off on each video. Then what goes up and down by chance looks like a "
            "dependence. Take the means first.",
            ("without.mean(axis=1)", "np.minimum(without, whole).mean(axis=1)"),
        ),
        Mistake(
            "You took the mean over the cues. A row is a cue, so the mean goes along the row.",
            ("without.mean(axis=1)", "without.mean(axis=0)"),
        ),
        Mistake(
            "The mean over all cues and videos is one number. Each cue has one of its own.",
            ("without.mean(axis=1)", "np.full(len(without), without.mean())"),
        ),
        Mistake(
            "A method with J 0 on all videos was divided by 0. It has nothing to lose: give zeros.",
            ("before == 0", "False"),
        ),
        Mistake(
            "The shares were made to add up to 1. They need not: a method can depend on two cues "
            "at once, and lose everything when either is gone.",
            (
                "return np.maximum(0.0, (before - after) / before)",
                "lost = np.maximum(0.0, (before - after) / before)\n"
                "    return lost / max(lost.sum(), 1e-9)",
            ),
        ),
    ],
    hints=[
        "Take a cue away and see what the method loses. Losing 0.2 of 0.9 is little, and losing "
        "0.2 of 0.25 is nearly everything.",
        "First the mean J over the videos, with all cues and for each row without. Then what is "
        "lost, as a share of what there was. What should a gain count, and a method with J 0?",
        "without.mean(axis=1) is one number for each cue. np.maximum(0.0, ...) keeps gains at 0. "
        "Look for a mean of 0 before you divide by it.",
    ],
)

# --- paired_interval --------------------------------------------------------------------------


def rivals(rng: np.random.Generator, videos: int, gap: float) -> Inputs:
    """Two methods for which the same videos are hard."""
    hard = rng.uniform(0.1, 0.8, videos)
    return {
        "one": np.clip(hard + gap + rng.normal(0, 0.05, videos), 0, 1),
        "other": np.clip(hard + rng.normal(0, 0.05, videos), 0, 1),
        "resamples": 1000,
    }


PAIRED_INTERVAL = Check(
    paired_interval,
    cases=[
        Case(
            "equally far ahead on both videos",
            lambda rng: {
                "one": np.array([0.75, 0.5]),
                "other": np.array([0.5, 0.25]),
                "resamples": 100,
            },
        ),
        Case(
            "three videos, one of them very hard",
            lambda rng: {
                "one": np.array([0.9, 0.7, 0.2]),
                "other": np.array([0.8, 0.5, 0.1]),
                "resamples": 500,
            },
        ),
        Case(
            "ahead on one video, behind on the next",
            lambda rng: {
                "one": np.array([0.9, 0.2, 0.5, 0.6]),
                "other": np.array([0.3, 0.8, 0.5, 0.5]),
                "resamples": 1000,
            },
        ),
        Case("five videos", lambda rng: rivals(rng, 5, 0.1)),
        Case("another confidence", lambda rng: rivals(rng, 8, 0.1) | {"confidence": 0.8}),
        Case("another seed", lambda rng: rivals(rng, 6, 0.0) | {"seed": 7}),
        Case("thirty videos", lambda rng: rivals(rng, 30, 0.02)),
        Case(
            "the default number of draws",
            lambda rng: {
                key: value for key, value in rivals(rng, 5, 0.1).items() if key != "resamples"
            },
        ),
    ],
    mistakes=[
        Mistake(
            "The two methods were drawn apart, so one may get the easy videos and the other the "
            "hard ones. Draw videos, and take both methods on each of them: pair them first.",
            (
                "means = ahead[drawn].mean(axis=1)",
                "again = np.random.default_rng(seed + 1).integers(0, videos, (resamples, videos))\n"
                "    means = one[drawn].mean(axis=1) - other[again].mean(axis=1)",
            ),
        ),
        Mistake(
            "The sign is wrong: above 0 means that the first method is ahead.",
            ("one - other", "other - one"),
        ),
        Mistake(
            "You drew without replacement, so every draw is the same videos in another order, and "
            "the interval has no length.",
            (
                "np.random.default_rng(seed).integers(0, videos, (resamples, videos))",
                "np.tile(np.arange(videos), (resamples, 1))",
            ),
        ),
        Mistake(
            "Each draw is a single video. Draw as many as there are: it is the mean of all of them "
            "that must be sure.",
            ("ahead[drawn].mean(axis=1)", "ahead[drawn][:, 0]"),
        ),
        Mistake(
            "The mean goes over the draws here. A row is a draw, so it goes along the row.",
            ("mean(axis=1)", "mean(axis=0)"),
        ),
        Mistake(
            "These are the mean plus and minus twice its standard error, which is the same to both "
            "sides. The bootstrap looks at where the means of the draws lie.",
            (
                "np.quantile(means, [tail, 1 - tail])",
                "ahead.mean() + np.array([-1.96, 1.96]) * ahead.std(ddof=1) / videos**0.5",
            ),
        ),
        Mistake(
            "You cut 1 - confidence off at each end. It is cut off at both ends together, and less "
            "for few videos: tail_share says how much.",
            ("tail_share(videos, confidence)", "1 - confidence"),
        ),
        Mistake(
            "You cut off the middle share as it is. For few videos that is too narrow: use "
            "tail_share.",
            ("tail_share(videos, confidence)", "(1 - confidence) / 2"),
        ),
        Mistake(
            "The confidence is always 0.95 here. Use the one that is given.",
            ("tail_share(videos, confidence)", "tail_share(videos, 0.95)"),
        ),
        Mistake(
            "tail_share wants the number of videos, not of draws.",
            ("tail_share(videos, confidence)", "tail_share(resamples, confidence)"),
        ),
        Mistake(
            "The ends are the smallest and the largest mean of all draws. Cut off a share at both "
            "ends, or the interval grows with the number of draws.",
            ("np.quantile(means, [tail, 1 - tail])", "means.min(), means.max()"),
        ),
        Mistake(
            "The seed was not used. Give it to np.random.default_rng, so that everybody gets the "
            "same interval.",
            ("default_rng(seed)", "default_rng(0)"),
        ),
        Mistake(
            "The first number is the mean difference on the videos themselves, not that of the "
            "draws.",
            ("float(ahead.mean())", "float(means.mean())"),
        ),
        Mistake(
            "The draws are of another shape. The exercise asks for (resamples, videos), a row for "
            "each draw; otherwise the same seed gives other draws.",
            (
                "integers(0, videos, (resamples, videos))",
                "integers(0, videos, (videos, resamples)).T",
            ),
        ),
    ],
    hints=[
        "A video that is hard for one method is hard for the other, too. So how far apart they are "
        "varies much less from video to video than their scores do.",
        "Take the differences first. Then draw videos with replacement, as many as there are, many "
        "times; each draw gives a mean. Where do the means lie, if you leave out a few at both "
        "ends?",
        "np.random.default_rng(seed).integers(0, V, (resamples, V)) gives the numbers of the "
        "videos of all draws. Index the differences with it; np.quantile of the means of the rows "
        "gives both ends.",
    ],
)

# --- pareto_front -----------------------------------------------------------------------------


def methods(rng: np.random.Generator, count: int) -> Inputs:
    """Methods of which the slower ones tend to be better."""
    seconds = np.exp(rng.uniform(-4, 3, count))
    return {"seconds": seconds, "j": np.clip(0.5 + 0.1 * rng.standard_normal(count), 0, 1)}


PARETO_FRONT = Check(
    pareto_front,
    cases=[
        Case("one method", lambda rng: {"seconds": np.array([1.0]), "j": np.array([0.5])}),
        Case(
            "faster and better",
            lambda rng: {"seconds": np.array([1.0, 2.0]), "j": np.array([0.6, 0.5])},
        ),
        Case(
            "faster, but worse",
            lambda rng: {"seconds": np.array([1.0, 2.0]), "j": np.array([0.5, 0.6])},
        ),
        Case(
            "equally fast, but better",
            lambda rng: {"seconds": np.array([2.0, 2.0, 1.0]), "j": np.array([0.5, 0.6, 0.2])},
        ),
        Case(
            "equally good, but faster",
            lambda rng: {"seconds": np.array([3.0, 2.0, 9.0]), "j": np.array([0.5, 0.5, 0.8])},
        ),
        Case(
            "two that are equal in both",
            lambda rng: {"seconds": np.array([2.0, 2.0, 5.0]), "j": np.array([0.5, 0.5, 0.4])},
        ),
        Case(
            "the slowest first",
            lambda rng: {"seconds": np.array([9.0, 3.0, 1.0]), "j": np.array([0.8, 0.7, 0.75])},
        ),
        Case("several methods", lambda rng: methods(rng, int(rng.integers(7, 10)))),
        Case(
            "several methods, some alike",
            lambda rng: {
                "seconds": rng.integers(1, 5, 9).astype(float),
                "j": rng.integers(1, 5, 9) / 8,
            },
        ),
    ],
    mistakes=[
        Mistake(
            "These are the methods that another one dominates. The front are the others.",
            ("np.logical_not(", "np.asarray("),
        ),
        Mistake(
            "A method dominates itself here, so the front is empty: one of the two must be really "
            "better.",
            ("no_slower & no_worse & better", "no_slower & no_worse"),
        ),
        Mistake(
            "You asked for both to be really better. A method that is equally fast and better "
            "dominates, too.",
            (") | (", ") & ("),
        ),
        Mistake(
            "More seconds counted as better. Less is better there, and more is better for J.",
            ("seconds[None] <= seconds[:, None]", "seconds[None] >= seconds[:, None]"),
            ("seconds[None] < seconds[:, None]", "seconds[None] > seconds[:, None]"),
        ),
        Mistake(
            "A lower J counted as better.",
            ("j[None] >= j[:, None]", "j[None] <= j[:, None]"),
            ("j[None] > j[:, None]", "j[None] < j[:, None]"),
        ),
        Mistake(
            "These are methods that dominate nobody. The front are those whom nobody dominates: "
            "look along the other axis.",
            (".any(axis=1)", ".any(axis=0)"),
        ),
        Mistake(
            "A method left the front only if all others dominate it. One is enough: any, not all.",
            (".any(axis=1)", ".all(axis=1)"),
        ),
        Mistake(
            "It is not enough to be better in one thing: a method that is faster and worse does "
            "not dominate. It must be at least as good in both.",
            ("no_slower & no_worse & better", "better"),
        ),
        Mistake(
            "You kept the fastest and the best only. Between them are methods that are better than "
            "all that are faster.",
            lambda seconds, j: (seconds == seconds.min()) | (j == j.max()),
        ),
        Mistake(
            "You ranked by J for each second. The front does not weigh the two against each other: "
            "it keeps what is the best choice for some weight, or for some limit of time.",
            lambda seconds, j: j / seconds >= np.median(j / seconds),
        ),
    ],
    hints=[
        "When would nobody choose a method? When another one is no slower and no worse, and in one "
        "of the two it is better.",
        "Compare each method with each other one: that is a table of N x N answers. Both "
        "comparisons must hold, and one of the two strictly.",
        "seconds[None] and seconds[:, None] give a row and a column, and a comparison of them is "
        "the table. any along the right axis says who is dominated; ~ turns that round.",
    ],
)

CHECKS = [CUE_DEPENDENCE, PAIRED_INTERVAL, PARETO_FRONT]
