"""Metrics that agree with the official evaluators, to the last digit."""

from vos_lab.metrics.folders import evaluate_folders, table, write_csv
from vos_lab.metrics.masks import (
    boundary_f,
    boundary_precision_recall,
    boundary_radius,
    decay,
    dilate_disk,
    jaccard,
    mask_boundary,
    statistics,
)
from vos_lab.metrics.temporal import temporal_instability
from vos_lab.metrics.videos import evaluate_video

__all__ = [
    "boundary_f",
    "boundary_precision_recall",
    "boundary_radius",
    "decay",
    "dilate_disk",
    "evaluate_folders",
    "evaluate_video",
    "jaccard",
    "mask_boundary",
    "statistics",
    "table",
    "temporal_instability",
    "write_csv",
]
