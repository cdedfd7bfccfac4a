"""How good is a tracker of many objects? As mots_tools measures it, and as TrackEval does."""

from vos_lab.metrics.mots.evaluate import evaluate_mots
from vos_lab.metrics.mots.mots_tools import match_masks, smotsa

__all__ = ["evaluate_mots", "match_masks", "smotsa"]
