"""Metrics that agree with the official evaluators, to the last digit."""

from vos_lab.metrics.masks import (
    boundary_f,
    boundary_precision_recall,
    decay,
    jaccard,
    mask_boundary,
    statistics,
)

__all__ = [
    "boundary_f",
    "boundary_precision_recall",
    "decay",
    "jaccard",
    "mask_boundary",
    "statistics",
]
