"""Numbers in the text of a lesson that come from what was measured, and are never typed.

Between double braces stands where a number is kept. When a notebook is made, the number takes its
place, so that text and tables cannot say different things:

- ``{{board davis2016 osvos J}}``: from the leaderboard; the measures are J, F, JF, T, recall,
  decay, seconds_start and seconds_per_frame;
- ``{{board davis2016/libby osvos J}}``: of one sequence;
- ``{{board davis2016 osvos - osvos-without-parent J}}``: how much more the first has;
- ``{{claim 04_motion/occlusion}}``: the mean effect of a claim; ``low`` and ``high`` behind it give
  the ends of its interval, ``verdict`` its verdict.

A last whole number says how many digits stand after the point; two, if it is missing.
"""

import re

from vos_lab import bench, claims
from vos_lab.authoring.contents import LessonError

FORM = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
MEASURES = ("J", "F", "JF", "T", "recall", "decay", "seconds_start", "seconds_per_frame")


def fill_in(text: str, where: str) -> str:
    """Put the numbers into a text.

    Args:
        text: of a cell.
        where: the cell, for the error.

    Returns:
        The text, with a number in the place of each form.

    Raises:
        LessonError: a form is not understood, or what it asks for was not measured.

    Example:
        >>> fill_in("A claim that {{claim 16_mots/start-logic verdict}}.", "here")
        'A claim that holds.'
    """

    def number(match: re.Match[str]) -> str:
        try:
            return _looked_up(match[1].split())
        except (LookupError, ValueError) as error:
            reason = error.args[0] if error.args else error
            raise LessonError(f"{where}: {' '.join(match[0].split())}: {reason}") from None

    return FORM.sub(number, text)


def _looked_up(words: list[str]) -> str:
    digits = int(words.pop()) if words and words[-1].isdigit() else 2
    match words:
        case ["board", data, method, measure]:
            return _shown(_score(data, method, measure), digits)
        case ["board", data, method, "-", other, measure]:
            return _shown(_score(data, method, measure) - _score(data, other, measure), digits)
        case ["claim", name, *what]:
            verdict = claims.saved(claims.find(name))
            known = {"mean": verdict.mean, "low": verdict.low, "high": verdict.high}
            if what == ["verdict"]:
                return verdict.verdict
            if len(what) < 2 and (key := "".join(what) or "mean") in known:
                return _shown(known[key], digits)
    raise ValueError(
        "is not understood; write for example {{board davis2016 osvos J}} or "
        "{{claim 04_motion/occlusion}}"
    )


def _score(data: str, method: str, measure: str) -> float:
    data, _, sequence = data.partition("/")
    board = bench.leaderboard(data)
    if method not in board:
        raise LookupError(f"the leaderboard has no {method} on {data}")
    row = board[method]["overall"]
    if sequence:
        if sequence not in board[method]["sequences"]:
            raise LookupError(f"{data} has no sequence {sequence} in the leaderboard")
        row = board[method]["sequences"][sequence]
    if measure not in MEASURES:
        raise LookupError(f"there is no measure {measure}; there are {', '.join(MEASURES)}")
    if measure in ("J", "F"):
        return float(row[measure]["mean"])
    return float(row["J"][measure] if measure in ("recall", "decay") else row[measure])


def _shown(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "−")
