"""The claims of the lecture, as experiments."""

from vos_lab.claims.claim import Claim, Verdict, judge, mean_interval, measure
from vos_lab.claims.measuring import RANKING

__all__ = ["CLAIMS", "RANKING", "Claim", "Verdict", "judge", "mean_interval", "measure"]

CLAIMS = {claim.name: claim for claim in (RANKING,)}
"""Every claim of the course by its name."""
