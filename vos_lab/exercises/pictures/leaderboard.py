"""Pictures of lesson 15: cue_dependence, paired_interval and pareto_front."""

from collections.abc import Callable

import numpy as np

from vos_lab.view.figures import Figure, bars
from vos_lab.view.figures.leaderboard import tradeoff

CUES = ("motion and place", "appearance", "shape")


def cue_dependence(answer: Callable[..., np.ndarray]) -> Figure:
    """What three invented methods lose."""
    whole = {"carries masks": 0.8, "matches pixels": 0.7, "knows animals": 0.6}
    left = {
        "carries masks": (0.1, 0.8, 0.6),
        "matches pixels": (0.6, 0.2, 0.6),
        "knows animals": (0.6, 0.5, 0.2),
    }
    lost = {
        name: answer(
            np.full(2, j), np.array([[value - 0.05, value + 0.05] for value in left[name]])
        )
        for name, j in whole.items()
    }
    return bars(
        {name: dict(zip(CUES, map(float, shares), strict=True)) for name, shares in lost.items()},
        "Your cue_dependence at work: three invented methods, each without one cue.",
        xlabel="share of J that is lost",
        alt="Three bars for each of three methods. The one that carries masks loses most without "
        "motion, the one that matches pixels without appearance, the third without shape.",
        digits=2,
    )


def paired_interval(answer: Callable[..., tuple[float, float, float]]) -> Figure:
    """The same lead on more and more videos."""
    rng = np.random.default_rng(2)
    hard, noise = rng.uniform(0.2, 0.8, 80), rng.normal(0.05, 0.1, 80)
    found = {
        f"{count} videos": answer(hard[:count] + noise[:count], hard[:count], resamples=2000)
        for count in (5, 20, 80)
    }
    return bars(
        {name: mean for name, (mean, _, _) in found.items()},
        "Your paired_interval at work: with more videos it is surer who is ahead.",
        xlabel="J of one method minus J of another",
        intervals={name: (low, high) for name, (_, low, high) in found.items()},
        alt="Three bars near 0.05 with intervals, for 5, 20 and 80 videos. The interval of 5 "
        "videos is the longest and reaches below 0, that of 80 is the shortest.",
        digits=2,
    )


def pareto_front(answer: Callable[..., np.ndarray]) -> Figure:
    """Ten methods, and which of them are worth their seconds."""
    rng = np.random.default_rng(5)
    seconds = np.exp(np.linspace(-3, 2, 10))
    j = np.clip(0.35 + 0.04 * np.arange(10) + rng.normal(0, 0.12, 10), 0, 1)
    points = {chr(65 + i): (float(seconds[i]), float(j[i])) for i in range(10)}
    chosen = [name for name, on in zip(points, answer(seconds, j), strict=True) if on]
    return tradeoff(
        points,
        "Your pareto_front at work: what lies below the line is beaten by a method on it.",
        xlabel="seconds a frame",
        ylabel="J",
        front=chosen,
        alt="Ten points named A to J by seconds and J. Those that no other beats in both are "
        "connected by a line of steps; the others lie below it.",
    )
