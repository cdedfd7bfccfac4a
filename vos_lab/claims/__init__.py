"""The claims of the lecture, as experiments."""

from vos_lab.claims.appearance import MASKTRACK_CLAIMS, ONAVOS_CLAIMS, OSVOS_CLAIMS
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
from vos_lab.claims.flownet import CORRELATION, ELSEWHERE
from vos_lab.claims.matching import PIXEL_RETRIEVAL_CLAIMS
from vos_lab.claims.measuring import RANKING
from vos_lab.claims.merging import PREMVOS_CLAIMS
from vos_lab.claims.motion import CLAIMS as MOTION
from vos_lab.claims.mots import FIRST_MASK, START_LOGIC
from vos_lab.claims.reid import REID_CLAIMS

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

CLAIMS = {
    claim.name: claim
    for claim in (
        RANKING,
        CORRELATION,
        ELSEWHERE,
        *MOTION,
        *OSVOS_CLAIMS,
        *ONAVOS_CLAIMS,
        *MASKTRACK_CLAIMS,
        *PIXEL_RETRIEVAL_CLAIMS,
        *PREMVOS_CLAIMS,
        *REID_CLAIMS,
        FIRST_MASK,
        START_LOGIC,
    )
}
"""Every claim of the course by its name."""
