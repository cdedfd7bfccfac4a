"""Pictures for lessons: one function for each kind, the same look everywhere.

Every function asks for ``alt``: a sentence for those who cannot see the picture. An object has
the same colour (``OBJECT_COLOURS``) in its mask, its curve and its bar. A figure is drawn for 900
pixels, the width of a notebook, and its text is 11 pt or larger there. Pictures of flow and of
tracks are in :mod:`vos_lab.view.figures.flow` and :mod:`vos_lab.view.figures.mots`.
"""

from vos_lab.view.figures.frames import clip, strip
from vos_lab.view.figures.masks import (
    BAND,
    FALSE_ALARM,
    HIT,
    MISS,
    PAPER,
    boundary_figure,
    boundary_matches,
    compare_masks,
    comparison,
    paint_boundary,
)
from vos_lab.view.figures.page import Figure
from vos_lab.view.figures.plots import bars, curves
from vos_lab.view.figures.tables import Table, table

__all__ = [
    "BAND",
    "FALSE_ALARM",
    "HIT",
    "MISS",
    "PAPER",
    "Figure",
    "Table",
    "bars",
    "boundary_figure",
    "boundary_matches",
    "clip",
    "compare_masks",
    "comparison",
    "curves",
    "paint_boundary",
    "strip",
    "table",
]
