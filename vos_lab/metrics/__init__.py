"""How good is a result? J and F are those of the official evaluators, to the last digit."""

from vos_lab.metrics.folders import evaluate_folders, table, write_csv
from vos_lab.metrics.masks import (
    boundary_f,
    boundary_precision_recall,
    boundary_radius,
    decay,
    jaccard,
    mask_boundary,
    share_near,
    statistics,
)
from vos_lab.metrics.pixels import dilate_disk
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
    "share_near",
    "statistics",
    "table",
    "temporal_instability",
    "write_csv",
]
