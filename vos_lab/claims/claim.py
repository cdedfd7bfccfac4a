"""A claim of the lecture, as an experiment with a verdict.

An experiment is repeated over several seeds. Each run gives one number, the effect, which the
claim says is above zero. The verdict comes from the 95 % interval of its mean: a claim *holds* if
the whole interval is above zero, *does not hold* if the whole interval is at or below zero, and is
*undecided* in between.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats
from tqdm.auto import tqdm


@dataclass(frozen=True)
class Claim:
    """Something that the lecture says.

    Attributes:
        name: lesson and a word, for example ``01_metrics/ranking``.
        statement: the sentence of the lecture.
        effect: what the number of a run is, with its unit; the claim is that it is above zero.
        experiment: takes a seed, gives the effect.
        seeds: one run each; at least five.
    """

    name: str
    statement: str
    effect: str
    experiment: Callable[[int], float]
    seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.seeds) < 5:
            raise ValueError(f"{self.name}: {len(self.seeds)} seeds are too few, at least 5")


@dataclass(frozen=True)
class Verdict:
    """What the runs of a claim gave.

    Attributes:
        claim: the claim.
        effects: one for each seed.
        mean: their mean.
        low: lower end of the 95 % interval of the mean.
        high: upper end.
        verdict: "holds", "does not hold" or "undecided".
    """

    claim: Claim
    effects: tuple[float, ...]
    mean: float
    low: float
    high: float
    verdict: str

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "name": self.claim.name,
            "statement": self.claim.statement,
            "effect": self.claim.effect,
            "seeds": list(self.claim.seeds),
            "effects": list(self.effects),
            "mean": self.mean,
            "interval": [self.low, self.high],
            "verdict": self.verdict,
        }

    def __str__(self) -> str:
        return (
            f"{self.claim.statement}\n  {self.claim.effect}: {self.mean:+.2f} "
            f"(95 % interval {self.low:+.2f} to {self.high:+.2f}, {len(self.effects)} seeds)\n"
            f"  The claim {'is ' if self.verdict == 'undecided' else ''}{self.verdict}."
        )


def mean_interval(values: np.ndarray, confidence: float = 0.95) -> tuple[float, float, float]:
    """The mean, and the interval in which the true mean lies, by Student's t distribution.

    Args:
        values: ``(N,)``, at least two.
        confidence: how sure to be.

    Returns:
        Mean, lower and upper end.

    Raises:
        ValueError: fewer than two values, or one that is not finite.

    Example:
        >>> [round(x, 2) for x in mean_interval(np.array([1.0, 2.0, 3.0]))]
        [2.0, -0.48, 4.48]
    """
    values = np.asarray(values, np.float64)
    if values.size < 2 or not np.isfinite(values).all():
        raise ValueError(f"an interval needs two or more finite values, these are {values}")
    mean, error = values.mean(), stats.sem(values)
    reach = error * stats.t.ppf((1 + confidence) / 2, values.size - 1)
    return float(mean), float(mean - reach), float(mean + reach)


def judge(claim: Claim, effects: tuple[float, ...]) -> Verdict:
    """Turn effects into a verdict.

    Args:
        claim: what was claimed.
        effects: one for each seed.

    Returns:
        The verdict.
    """
    mean, low, high = mean_interval(np.array(effects))
    verdict = "holds" if low > 0 else "does not hold" if high <= 0 else "undecided"
    return Verdict(claim, effects, mean, low, high, verdict)


def measure(claim: Claim, progress: bool = True) -> Verdict:
    """Run the experiment of a claim with each of its seeds.

    Args:
        claim: the claim.
        progress: whether to show a bar.

    Returns:
        The verdict.
    """
    bar = tqdm(claim.seeds, desc=claim.name, unit="seed", disable=not progress)
    return judge(claim, tuple(float(claim.experiment(seed)) for seed in bar))
