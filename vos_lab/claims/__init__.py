"""The claims of the lecture, as experiments."""

from vos_lab.claims.claim import (
    RECORD,
    Claim,
    Verdict,
    judge,
    mean_interval,
    measure,
    save,
    saved,
    summary,
    table,
)
from vos_lab.claims.measuring import RANKING

__all__ = [
    "CLAIMS",
    "RANKING",
    "RECORD",
    "Claim",
    "Verdict",
    "judge",
    "mean_interval",
    "measure",
    "save",
    "saved",
    "summary",
    "table",
]

CLAIMS = {claim.name: claim for claim in (RANKING,)}
"""Every claim of the course by its name."""
