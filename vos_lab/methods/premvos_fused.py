"""PReMVOS that fuses its proposals instead of choosing one: our own last step, not the paper's.

To choose one proposal for an object is to take over all its mistakes. But methods that work
differently err in different places. So let several of them propose a mask of each object, and
average the log-odds of all its masks at each pixel: what most of them are sure of stays, and what
one of them has made up goes.

With the scores of PReMVOS as weights, the greedy choice is one end of this: the best takes all. The
other end is that all count alike, and on validation videos that is the better one.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vos_lab.methods.masktrack import MaskTrack
from vos_lab.methods.premvos import (
    SCORE_WEIGHTS,
    Candidates,
    Part,
    PReMVOS,
    scored,
    sureness,
)
from vos_lab.methods.proposals import Proposal
from vos_lab.methods.resolution import resized
from vos_lab.methods.space_time_memory import STM

PARENTS = ("osvos-parent-long", "masktrack-parent-long")
"""What OSVOS and MaskTrack start from."""

TEMPERATURE = math.inf
"""All count alike. Chosen, as what follows, on fifteen validation videos of 240 x 432 pixels: there
J is 0.80, with a temperature of 0.1 it is 0.75, and 0.78 for the greedy choice among the same."""

LEAST_DOUBT = 0.05
"""No proposal is surer of a pixel than this: else one of them could outvote all others."""

STEPS, MASKTRACK_STEPS = 120, 100
"""Of fine-tuning OSVOS and MaskTrack: together less than a minute on two cores."""


def fuse_masks(masks: np.ndarray, scores: np.ndarray, temperature: float) -> np.ndarray:
    """One mask from several of the same object: the weighted mean of their log-odds at each pixel.

    Args:
        masks: ``(P, H, W)`` float32, 0 to 1.
        scores: how well each fits the object, ``(P,)``.
        temperature: above 0. What is so much behind the best one in score counts 1/e of it. With a
            low one the best takes all; with an infinite one all count alike.

    Returns:
        ``(H, W)`` float32, 0 to 1.

    Example:
        >>> masks = np.float32([[[0.9, 0.1, 0.6]], [[0.6, 0.6, 0.1]]])
        >>> fuse_masks(masks, np.array([0.8, 0.1]), np.inf).round(2)  # both count alike
        array([[0.79, 0.29, 0.29]], dtype=float32)
        >>> fuse_masks(masks, np.array([0.8, 0.1]), 0.1).round(2)  # only the first counts
        array([[0.9, 0.1, 0.6]], dtype=float32)
    """
    weights = np.exp((scores - scores.max()) / temperature)
    sure = np.clip(masks, LEAST_DOUBT, 1 - LEAST_DOUBT)
    log_odds = np.tensordot(weights / weights.sum(), np.log(sure / (1 - sure)), axes=1)
    return (1 / (1 + np.exp(-log_odds))).astype(np.float32)


def fuse(
    candidates: Candidates,
    last: np.ndarray,
    weights: Sequence[float] = SCORE_WEIGHTS,
    temperature: float = TEMPERATURE,
) -> tuple[np.ndarray, np.ndarray]:
    """Score the proposals of a frame, and fuse those of each object. Beside ``premvos.merge``.

    Args:
        candidates: several masks of each of the K objects: proposal ``p`` is of object ``p % K``.
        last: masks of the objects in the last frame, ``(K, h, w)`` float32, 0 to 1.
        weights: of the five scores.
        temperature: as for :func:`fuse_masks`.

    Returns:
        The masks of the objects, ``(K, h, w)`` float32, which may overlap; and the scores
        ``(P, K)`` float64.
    """
    scores, count = scored(candidates, last, weights), len(last)
    fused = [
        fuse_masks(candidates.masks[k::count], scores[k::count, k], temperature)
        for k in range(count)
    ]
    return np.stack(fused), scores


class FusedPReMVOS(PReMVOS):
    """PReMVOS that fuses, as a Segmenter.

    Its proposals come from methods that err in different places: OSVOS, pixel retrieval and
    MaskTrack, each of which goes on as if it were alone. On validation videos that is better than
    to let them go on from the fused mask: what one of them has lost, all would lose.

    Args:
        temperature: as for :func:`fuse_masks`.
        parents: the weights that OSVOS and MaskTrack start from.
        steps: of fine-tuning OSVOS.
        masktrack_steps: of fine-tuning MaskTrack.
        memory: options of the space-time memory that proposes as well; None for none.
        options: those of :class:`~vos_lab.methods.premvos.PReMVOS`.
    """

    name = "premvos-fused"

    def __init__(
        self,
        temperature: float = TEMPERATURE,
        parents: tuple[str, str] = PARENTS,
        steps: int = STEPS,
        masktrack_steps: int = MASKTRACK_STEPS,
        memory: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        without = ("proposals", "refinement", *options.pop("without", ()))
        super().__init__(without=without, parents=parents, steps=steps, **options)
        shared = {k: options[k] for k in ("pixels", "device", "seed", "progress") if k in options}
        self.masktrack = MaskTrack(parents[1], masktrack_steps, mirrored=True, **shared)
        self.memory = None
        if memory is not None:
            sizes = {k: shared[k] for k in ("pixels", "device") if k in shared}
            self.memory = STM(**sizes, **memory)
        self.temperature = temperature

    def _parts(self) -> Sequence[Part]:
        more = [] if self.memory is None else [self.memory]
        return [*super()._parts(), self.masktrack, *more]

    def merge(self, candidates: Candidates, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One mask for each object, fused from all of its own, and the scores."""
        return fuse(candidates, last, self.weights, self.temperature)

    def _learned(self, frame: np.ndarray, small: np.ndarray) -> list[Proposal]:
        """What OSVOS, pixel retrieval, MaskTrack and the memory say, each of each object."""
        maps = [self.osvos.probabilities(small)] if self.osvos is not None else []
        if self.retrieval is not None:
            cells = self.retrieval.soft(frame)
            maps.append({label: resized(each, self.size) for label, each in cells.items()})
        self.masktrack.step(frame)
        maps.append(self.masktrack.soft)
        if self.memory is not None:
            cells = self.memory.soft(frame)
            maps.append({label: resized(each, self.size) for label, each in cells.items()})
        # All of them, also what sees the object nowhere: that is an opinion, too.
        return [Proposal(each[n], sureness(each[n])) for each in maps for n in self.labels]


ABLATIONS: dict[str, dict[str, Any]] = {
    "premvos-fused-by-scores": {"temperature": 0.1},
    "premvos-fused-with-stm": {"memory": {"window": 6.0}},
}
