"""A claim of the lecture, of a paper or of ours, as an experiment with a verdict.

A claim is a short function with a sentence: the function takes a seed and gives one number, the
effect, which the sentence says is above zero (or above 1, if it is a ratio). It runs with several
seeds. The verdict comes from the 95 % interval of the mean effect: a claim *holds* if the whole
interval is above zero, *does not hold* if the whole interval is at or below zero, and is
*undecided* in between. Each claim also names the smallest effect that would matter to somebody who
uses the method. One that is surely above zero but smaller than that *holds, but is too small to
matter*.

Verdicts are kept in ``data/claims``, a file for each lesson, since some experiments take minutes:
lessons read them from there, and ``vos-lab claims NAME --record`` measures one of them again.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.table import Table
from tqdm.auto import tqdm

from vos_lab.course_files import DATA
from vos_lab.metrics.leaderboard import tail_share

RECORD = DATA / "claims"
"""What was measured, for the lessons."""

J_MATTERS = 0.02
"""The smallest difference in J or F that would matter: another seed of a fine-tuning changes as
much on five videos (lesson 10)."""


@dataclass(frozen=True)
class Claim:
    """Something that the lecture, a paper or this course says.

    Attributes:
        name: lesson and a word, for example ``01_metrics/ranking``.
        statement: the sentence.
        source: whose it is: "the lecture", a paper with its table or section, or "ours".
        conditions: what it was measured on; what a reader must know before believing it elsewhere.
        effect: what the number of a run is, with its unit.
        experiment: takes a seed, gives the effect.
        seeds: one run each; at least five.
        matters: the smallest effect that would matter in practice, in the unit of the effect.
        above: what the effect is above if the claim is right: 0, or 1 for a ratio.

    Raises:
        ValueError: there are too few seeds, a text is empty, or what matters would not be above.

    Example:
        >>> higher = Claim(
        ...     name="00_tour/dice",
        ...     statement="A die shows more than 2 on average.",
        ...     source="any book on probability",
        ...     conditions="a fair die, 20 throws a run",
        ...     effect="mean of the throws minus 2",
        ...     experiment=lambda seed: np.random.default_rng(seed).integers(1, 7, 20).mean() - 2,
        ...     seeds=(0, 1, 2, 3, 4),
        ... )
        >>> measure(higher, progress=False).verdict
        'holds'
    """

    name: str
    statement: str
    source: str
    conditions: str
    effect: str
    experiment: Callable[[int], float] = field(repr=False)
    seeds: tuple[int, ...]
    matters: float = 0.0
    above: float = 0.0

    def __post_init__(self) -> None:
        for what in ("name", "statement", "source", "conditions", "effect"):
            if not getattr(self, what).strip():
                raise ValueError(f"{self.name or 'a claim'}: its {what} is empty")
        if len(self.seeds) < 5:
            raise ValueError(f"{self.name}: {len(self.seeds)} seeds are too few, at least 5")
        if self.matters and self.matters <= self.above:
            raise ValueError(
                f"{self.name}: the smallest effect that matters, {self.matters:g}, must be above "
                f"{self.above:g}, as the effect is where the claim is right"
            )

    @property
    def lesson(self) -> str:
        """The name of its lesson."""
        return self.name.partition("/")[0]


@dataclass(frozen=True)
class Verdict:
    """What the runs of a claim gave.

    Attributes:
        claim: the claim.
        effects: one for each seed.
        mean: their mean.
        low: lower end of the 95 % interval of the mean.
        high: upper end.
        verdict: "holds", "holds, but too small to matter", "does not hold" or "undecided".
    """

    claim: Claim
    effects: tuple[float, ...]
    mean: float
    low: float
    high: float
    verdict: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.claim.name,
            "statement": self.claim.statement,
            "source": self.claim.source,
            "conditions": self.claim.conditions,
            "effect": self.claim.effect,
            "seeds": list(self.claim.seeds),
            "effects": list(self.effects),
            "mean": self.mean,
            "interval": [self.low, self.high],
            "verdict": self.verdict,
        }

    def __str__(self) -> str:
        matters = f"; {self.claim.matters:g} would matter" if self.claim.matters else ""
        verdict = self.verdict.replace("too small", "is too small")
        return (
            f"{self.claim.statement}\n  {self.claim.effect}: {self.mean:+.2f} "
            f"(95 % interval {self.low:+.2f} to {self.high:+.2f}, {len(self.effects)} seeds"
            f"{matters})\n"
            f"  The claim {'is ' if verdict == 'undecided' else ''}{verdict}."
        )


def mean_interval(
    values: np.ndarray, confidence: float = 0.95, resamples: int = 10_000
) -> tuple[float, float, float]:
    """The mean, and the bootstrap interval in which the true mean lies.

    The bootstrap draws as many values as there are, with replacement, again and again, and looks at
    how far the means spread. For few values it is widened
    (:func:`~vos_lab.metrics.leaderboard.tail_share`).

    Args:
        values: ``(N,)``, at least two.
        confidence: how sure to be.
        resamples: how often to draw; the draws are the same each time.

    Returns:
        Mean, lower and upper end.

    Raises:
        ValueError: fewer than two values, or one that is not finite.

    Example:
        >>> [round(x, 1) for x in mean_interval(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))]
        [3.0, 1.2, 4.8]
    """
    values = np.asarray(values, np.float64)
    if values.size < 2 or not np.isfinite(values).all():
        raise ValueError(f"an interval needs two or more finite values, these are {values}")
    n = values.size
    cut_off = tail_share(n, confidence)
    draws = np.random.default_rng(0).integers(0, n, (resamples, n))
    # Around the mean, so that equal values give exactly an interval of length 0.
    mean = values.mean()
    low, high = np.quantile((values - mean)[draws].mean(axis=1), [cut_off, 1 - cut_off])
    return float(mean), float(mean + low), float(mean + high)


def judge(claim: Claim, effects: tuple[float, ...]) -> Verdict:
    """Turn effects into a verdict.

    Args:
        claim: what was claimed.
        effects: one for each seed.

    Returns:
        The verdict.
    """
    mean, low, high = mean_interval(np.array(effects))
    if low > claim.above:
        verdict = "holds" if mean >= claim.matters else "holds, but too small to matter"
    else:
        verdict = "does not hold" if high <= claim.above else "undecided"
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


# --- showing and keeping verdicts -------------------------------------------------------------


def table(verdicts: Iterable[Verdict]) -> Table:
    """Verdicts for the terminal; print it with ``rich.print``.

    Args:
        verdicts: which.

    Returns:
        A row for each.
    """
    shown = Table(
        box=box.SIMPLE, caption="an effect is above zero, a ratio above 1, where a claim is right"
    )
    shown.add_column("claim")
    shown.add_column("effect")
    shown.add_column("mean, 95 % interval", justify="right", no_wrap=True)
    shown.add_column("seeds", justify="right")
    shown.add_column("verdict")
    for v in verdicts:
        interval = f"{v.mean:+.2f} [{v.low:+.2f}, {v.high:+.2f}]"
        claim = f"{v.claim.name}\n{v.claim.statement}"
        shown.add_row(claim, v.claim.effect, interval, str(len(v.effects)), v.verdict)
    return shown


def summary(verdicts: Iterable[Verdict]) -> dict[str, dict[str, Any]]:
    """Verdicts as rows for ``figures.table`` in a lesson.

    Args:
        verdicts: which.

    Returns:
        For each statement whose it is, the effect, its mean with the interval, the smallest effect
        that would matter, and the verdict.
    """
    return {
        v.claim.statement: {
            "whose": v.claim.source,
            "effect": v.claim.effect,
            "mean": (v.mean, v.low, v.high),
            "would matter": f"{v.claim.matters:g}",
            "seeds": len(v.effects),
            "verdict": v.verdict,
        }
        for v in verdicts
    }


def save(verdicts: Iterable[Verdict], file: str | Path) -> None:
    """Write verdicts into a file; those of other claims, which are there already, stay.

    Args:
        verdicts: what was measured.
        file: JSON, a list with an entry for each claim, in the order of their names.

    Raises:
        ValueError: the file is there, and holds something else.
    """
    file = Path(file)
    entries = _entries(file) if file.exists() and file.stat().st_size else {}
    entries |= {v.claim.name: v.as_dict() for v in verdicts}
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([entries[name] for name in sorted(entries)], indent=2, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")


def record_of(claim: Claim) -> Path:
    """The file in which what was measured of a claim is kept for the lessons."""
    return RECORD / f"{claim.lesson}.json"


def saved(claim: Claim, file: str | Path | None = None) -> Verdict:
    """The verdict on a claim that was measured before.

    Args:
        claim: which.
        file: where :func:`save` has put it; by default :func:`record_of` the claim.

    Returns:
        The verdict.

    Raises:
        LookupError: it has not been measured, or only before its sentence, conditions, effect or
            seeds changed; says how to measure it.
        ValueError: the file holds something else.
    """
    option = "--record" if file is None else f"--json {file}"
    how = f"`vos-lab claims {claim.name} {option}` measures it"
    file = record_of(claim) if file is None else Path(file)
    entry = _entries(file).get(claim.name) if file.exists() else None
    if entry is None:
        raise LookupError(f"{file}: has nothing on {claim.name}; {how}")
    verdict = judge(claim, tuple(entry["effects"]))
    if verdict.as_dict().keys() != entry.keys() or any(
        entry[key] != verdict.as_dict()[key]
        for key in ("statement", "conditions", "effect", "seeds")
    ):
        raise LookupError(f"{file}: {claim.name} has changed since it was measured; {how}")
    return verdict


def _entries(file: Path) -> dict[str, dict[str, Any]]:
    try:
        return {entry["name"]: entry for entry in json.loads(file.read_text(encoding="utf-8"))}
    except (ValueError, TypeError, KeyError):
        raise ValueError(
            f"{file}: is not a file of claims. Name another one, or delete it."
        ) from None
