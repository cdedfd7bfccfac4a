"""The claims of lesson 15: which idea when.

Nothing is run anew here. Each claim asks the leaderboard, so that it counts exactly what the tables
of the lesson show; a run is one video.
"""

from functools import partial

import numpy as np

from vos_lab import bench
from vos_lab.claims.claim import J_MATTERS, Claim
from vos_lab.metrics.leaderboard import rank_correlation

EVERYWHERE = ("flow-propagation", "object-flow", "fusionseg")
"""The methods that were measured on all drawn suites."""
CHALLENGES = ("easy", "appearance", "viewpoint", "occlusion", "scale", "camera", "lighting", "blur",
              "distractors", "enter-leave", "many-objects", "speed")  # fmt: skip
RANKED = ("baseline", "flow-propagation", "object-flow", "fusionseg", "agnn", "osvos", "osvos-s",
          "onavos", "masktrack", "lucid", "pixel-retrieval", "premvos", "premvos-fused", "reid",
          "stm")  # fmt: skip
"""The methods whose order is compared; a list, so that the claim stays the same when more come."""


def gain_of_choice(seed: int) -> float:
    """J of the winner of each suite minus J of the one that wins over all, on video ``seed``.

    Both are chosen by the other videos, or else whoever has luck on a video would win it.
    """
    j = np.array([[bench.by_video(suite)[name] for suite in CHALLENGES] for name in EVERYWHERE])
    others = np.delete(j, seed, axis=2).mean(axis=2)
    single = others.mean(axis=1).argmax()
    chosen = [j[winner, suite, seed] for suite, winner in enumerate(others.argmax(axis=0))]
    return float(np.mean(chosen) - j[single, :, seed].mean())


WINNERS = Claim(
    name="15_leaderboard/no-single-winner",
    statement="No method wins every suite: to choose one for each suite is better.",
    source="ours",
    conditions=f"{len(CHALLENGES)} drawn suites, the methods of lesson 04, video s of each suite; "
    "the methods are chosen by the other nine videos",
    effect="J of the method chosen for each suite minus J of the best single one",
    experiment=gain_of_choice,
    seeds=tuple(range(10)),
    matters=J_MATTERS,
)


def agreement(seed: int) -> float:
    """How alike one drawn video and the five real sequences rank the methods."""
    drawn, real = bench.by_video("mixed"), bench.by_video("davis2016")
    return rank_correlation(
        np.array([drawn[name][seed] for name in RANKED]),
        np.array([real[name].mean() for name in RANKED]),
    )


ORDER = Claim(
    name="15_leaderboard/drawn-order",
    statement="A method that is better on a drawn video is better on real ones, too.",
    source="ours",
    conditions=f"{len(RANKED)} methods; video s of mixed against the mean of five sequences of "
    "DAVIS 2016",
    effect="rank correlation of J (Spearman)",
    experiment=agreement,
    seeds=tuple(range(5)),
    matters=0.5,
)


def loses_more(seed: int, method: str, cue: str, other: str) -> float:
    """J that a method loses without a cue minus J that it loses without another, on a video."""
    return float(
        bench.by_video(f"cues-without-{other}")[method][seed]
        - bench.by_video(f"cues-without-{cue}")[method][seed]
    )


def lives_on(method: str, title: str, cue: str, other: str, source: str) -> Claim:
    """A claim that a method depends on one cue more than on another.

    Args:
        method: its name.
        title: what the sentence calls it.
        cue: that it lives on.
        other: to compare with.
        source: whose claim it is.
    """
    return Claim(
        name=f"15_leaderboard/{method}-lives-on-{cue}",
        statement=f"{title} lives on {cue} more than on {other}.",
        source=source,
        conditions="five drawn videos, 16 frames, 120 x 216; one cue destroyed at a time",
        effect=f"J lost without {cue} minus J lost without {other}",
        experiment=partial(loses_more, method=method, cue=cue, other=other),
        seeds=tuple(range(5)),
        matters=0.1,
    )


MAP = "the lecture's map of methods"
FLOW = lives_on("flow-propagation", "Flow propagation", "motion", "appearance", MAP)
MATCHING = lives_on("pixel-retrieval", "Pixel retrieval", "appearance", "motion", MAP)
OUTLINE = lives_on("osvos", "OSVOS", "appearance", "shape", "ours")
SHAPE = lives_on(
    "agnn", "AGNN, which has learned what objects look like,", "shape", "appearance", "ours"
)

CLAIMS = (WINNERS, ORDER, FLOW, MATCHING, OUTLINE, SHAPE)
