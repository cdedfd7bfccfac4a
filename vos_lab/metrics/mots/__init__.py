"""How good is a tracker of many objects? As mots_tools measures it, and as TrackEval does."""

from vos_lab.metrics.mots.evaluate import evaluate_mots
from vos_lab.metrics.mots.folders import evaluate_mots_folders, tables, write_csv
from vos_lab.metrics.mots.mots_tools import match_masks, smotsa

__all__ = [
    "evaluate_mots",
    "evaluate_mots_folders",
    "match_masks",
    "smotsa",
    "tables",
    "write_csv",
]
