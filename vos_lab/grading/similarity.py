"""Which answers have the same structure: names, texts and numbers ignored.

An answer is the set of all runs of six nodes of its syntax tree, from top to bottom. Two answers
are as similar as the share of runs that they have in common (the Jaccard index of lesson 01). Short
functions are often alike without anybody having copied, so look at pairs that stand out from
what is usual in the class, and at the answers themselves. This is a reason to look, not a proof.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from statistics import median

MIN_NODES = 40  # of answers that are compared: below, there is one way to write it
REFERENCE = "(the reference)"


@dataclass(frozen=True)
class Answer:
    """An answer, as far as it is compared.

    Attributes:
        grams: fingerprint of its structure.
        nodes: size of its syntax tree.
    """

    grams: frozenset[int]
    nodes: int


@dataclass(frozen=True)
class Pair:
    """Two submissions.

    Attributes:
        one: student.
        other: student, or the reference.
        share: in common, 0 to 1, over all exercises that both answered, weighted by size.
        exercises: the share in each.
    """

    one: str
    other: str
    share: float
    exercises: Mapping[str, float]


@dataclass(frozen=True)
class Similarity:
    """A class, compared.

    Attributes:
        pairs: the most similar, most similar first.
        usual: the median share of all pairs of students; None without pairs.
    """

    pairs: tuple[Pair, ...]
    usual: float | None


def compare(
    answers: Mapping[str, Mapping[str, Answer]], least: float = 0.8, most: int = 50
) -> Similarity:
    """Compare every submission with every other, and with the reference.

    Args:
        answers: for each student, and for ``REFERENCE``, the answers by exercise.
        least: share from which a pair is listed.
        most: pairs that are listed.

    Returns:
        What stands out.

    Example:
        >>> a, b = Answer(frozenset({1, 2, 3}), 50), Answer(frozenset({2, 3, 4}), 50)
        >>> found = compare({"Ada": {"jaccard": a}, "Bo": {"jaccard": b}}, least=0.5)
        >>> found.pairs[0].share, found.usual
        (0.5, 0.5)
    """
    found, shares = [], []
    for one, other in combinations(sorted(answers, key=lambda name: name == REFERENCE), 2):
        pair = _pair(one, other, answers)
        if pair is None:
            continue
        if other != REFERENCE:
            shares.append(pair.share)
        if pair.share >= least:
            found.append(pair)
    found.sort(key=lambda pair: (-pair.share, pair.one, pair.other))
    return Similarity(tuple(found[:most]), median(shares) if shares else None)


def _pair(one: str, other: str, answers: Mapping[str, Mapping[str, Answer]]) -> Pair | None:
    shares: dict[str, float] = {}
    sizes: list[tuple[float, int]] = []
    for name in answers[one].keys() & answers[other].keys():
        a, b = answers[one][name], answers[other][name]
        if min(a.nodes, b.nodes) < MIN_NODES:
            continue
        shares[name] = len(a.grams & b.grams) / len(a.grams | b.grams)
        sizes.append((shares[name], a.nodes + b.nodes))
    if not sizes:
        return None
    share = sum(s * n for s, n in sizes) / sum(n for _, n in sizes)
    return Pair(one, other, share, dict(sorted(shares.items())))


def by_exercise(pair: Pair) -> str:
    """The shares of a pair in words.

    Example:
        >>> by_exercise(Pair("Ada", "Bo", 0.9, {"jaccard": 0.875, "decay": 1.0}))
        'jaccard 88%, decay 100%'
    """
    return ", ".join(f"{name} {share:.0%}" for name, share in pair.exercises.items())
