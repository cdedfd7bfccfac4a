"""What a table of scores says, and what it does not say.

Three questions to a leaderboard: which cue does a method live on, is one method really ahead of
another, and which methods are worth their seconds?
"""

import numpy as np
from scipy import stats

from vos_lab.exercise import exercise


@exercise(minutes=10, difficulty=2, importance=4)
def cue_dependence(whole: np.ndarray, without: np.ndarray) -> np.ndarray:
    """How much of its score does a method lose when a cue is destroyed?

    The mean J over the videos counts, as on a leaderboard. What is lost is a share of what the
    method had, or else a method that finds little anyway would seem to depend on nothing.

    Args:
        whole: J on each of V videos, ``(V,)`` float, 0 to 1.
        without: J on the same videos with a cue destroyed, ``(K, V)`` float: a row for each cue.

    Returns:
        For each cue the share of J that is lost, ``(K,)`` float64: 0 (nothing, or it even gains)
        to 1 (everything). A method that had nothing to lose depends on nothing: zeros.

    Example:
        >>> cue_dependence(np.array([0.8, 0.4]), np.array([[0.2, 0.1], [0.8, 0.5]])).tolist()
        [0.75, 0.0]
    """
    # Step 1: the mean J over the videos: a number with all cues, and one for each destroyed cue.
    before, after = whole.mean(), without.mean(axis=1)
    # Step 2: a method without any J has nothing to lose.
    if before == 0:
        return np.zeros(len(without))
    # Step 3: the share of J that is lost. Whoever gains without a cue does not depend on it: 0.
    return np.maximum(0.0, (before - after) / before)


@exercise(minutes=15, difficulty=3, importance=5)
def paired_interval(
    one: np.ndarray,
    other: np.ndarray,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """By how much is one method ahead of another, and how sure is that?

    This is a paired bootstrap. Some videos are hard for all methods, so the two are compared video
    by video. What is drawn anew is the videos: had others been filmed, how far ahead would the
    method be then?

    Args:
        one: J of one method on each of V videos, ``(V,)`` float; at least two videos.
        other: J of the other method on the same videos, in the same order.
        confidence: how sure to be that the true difference is in the interval.
        resamples: how many times V videos are drawn.
        seed: of ``np.random.default_rng``. All draws come from one call of its ``integers``, of
            the shape ``(resamples, V)``.

    Returns:
        The mean difference, and the lower and the upper end of its interval. Where the interval is
        above 0, the first method is ahead.

    Example:
        >>> ours, theirs = np.array([0.9, 0.7, 0.4, 0.3]), np.array([0.8, 0.5, 0.4, 0.2])
        >>> [round(value, 2) for value in paired_interval(ours, theirs)]
        [0.1, 0.0, 0.2]
    """
    # Step 1: how far is the first method ahead on each video?
    ahead = one - other
    # Step 2: draw as many videos as there are, with replacement, again and again.
    videos = len(ahead)
    drawn = np.random.default_rng(seed).integers(0, videos, (resamples, videos))
    # Step 3: how far is it ahead on average, in each draw?
    means = ahead[drawn].mean(axis=1)
    # Step 4: cut off the same share of the draws at both ends. tail_share says how much.
    tail = tail_share(videos, confidence)
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(ahead.mean()), float(low), float(high)


@exercise(minutes=10, difficulty=2, importance=3)
def pareto_front(seconds: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Which methods are worth their seconds?

    A method is *dominated* if another one is at least as fast and at least as good, and in one of
    the two really better. The others are the front: each is the best one for somebody's patience.

    Args:
        seconds: of each of N methods, ``(N,)`` float; less is better.
        j: of each method, ``(N,)`` float; more is better.

    Returns:
        ``(N,)`` bool: True for methods that no other one dominates. Two that are equal in both do
        not dominate each other.

    Example:
        >>> pareto_front(np.array([1.0, 10.0, 5.0]), np.array([0.4, 0.7, 0.3])).tolist()
        [True, True, False]
    """
    # Step 1: compare all pairs. Row i, column k: is method k at least as good as i in both?
    no_slower = seconds[None] <= seconds[:, None]
    no_worse = j[None] >= j[:, None]
    # Step 2: and is it really better in one of the two?
    better = (seconds[None] < seconds[:, None]) | (j[None] > j[:, None])
    # Step 3: the front are those whom no method dominates.
    front: np.ndarray = np.logical_not((no_slower & no_worse & better).any(axis=1))
    return front


def tail_share(count: int, confidence: float) -> float:
    """The share of the draws of a bootstrap to cut off at each end.

    Taken as it is, the bootstrap is too narrow for few values: the middle 95 % of the means of 5
    normal values hold the true mean in 85 of 100 cases. So the share that is cut off is made
    smaller, as much as Student's t distribution is wider than the normal one (Hesterberg, "What
    Teachers Should Know About the Bootstrap", The American Statistician 2015, Section 3.6.3):
    93 of 100 cases for 5 values, 95 for 10.

    Args:
        count: how many values there are, at least two.
        confidence: 0 to 1.

    Returns:
        A share, 0 to 0.5.

    Example:
        >>> round(tail_share(5, 0.95), 4), round(tail_share(1000, 0.95), 4)
        (0.001, 0.0248)
    """
    wider = np.sqrt(count / (count - 1)) * stats.t.ppf((1 - confidence) / 2, count - 1)
    return float(stats.norm.cdf(wider))


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's correlation: do two lists of scores rank the methods alike?

    Args:
        one: a score for each of N methods, ``(N,)``, at least three.
        other: another score of the same methods.

    Returns:
        -1 (the other way round) to 1 (the same order). 0 where a list is all equal and so ranks
        nothing.

    Example:
        >>> rank_correlation(np.array([0.1, 0.2, 0.9]), np.array([0.3, 0.4, 0.5]))
        1.0
    """
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(stats.spearmanr(one, other).statistic)
