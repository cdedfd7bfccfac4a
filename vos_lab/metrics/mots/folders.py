"""Evaluate folders of MOTS results, from txt or png files to a table."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.table import Table
from tqdm.auto import tqdm

from vos_lab.datasets.mots import MotsSequence
from vos_lab.datasets.mots_folders import (
    find_seqmaps,
    find_sequences,
    frame_numbers,
    read_seqmap,
    read_sequence,
)
from vos_lab.metrics.mots.evaluate import ALL, check_mode, combined, sequence_parts

Figures = dict[str, Any]


def evaluate_mots_folders(
    truth: str | Path,
    result: str | Path,
    like: str = "trackeval",
    *,
    seqmap: str | Path | None = None,
    sequences: Sequence[str] | None = None,
    progress: bool = True,
) -> dict[str, dict[str, Figures]]:
    """Score every sequence of a folder of MOTS results. One sequence is in memory at a time.

    Args:
        truth: the folder of the truth, in txt or png form, in an official layout (see
            ``vos_lab.datasets.mots_folders``).
        result: the folder of the tracker, with a file or folder of the same name for each sequence.
            An empty txt file is a tracker that found nothing; a missing one is an error, as for
            mots_tools and TrackEval.
        like: "mots_tools" or "trackeval", as in ``evaluate_mots``.
        seqmap: the file that names the sequences and how many frames they have. By default the one
            beside the truth. Without one, the images are counted, or ``seqinfo.ini`` tells; else a
            sequence ends with the last mask of truth or result.
        sequences: score only these.
        progress: show a bar.

    Returns:
        As ``evaluate_mots``.

    Raises:
        FileNotFoundError: a folder, the seqmap or a sequence is missing.
        ValueError: there is no such mode, or something is wrong with a file, which is named with
            its line.
    """
    check_mode(like)
    true_paths, result_paths = find_sequences(truth), find_sequences(result)
    names, numbers = _names_and_numbers(Path(truth), list(true_paths), seqmap)
    names = names if sequences is None else list(sequences)
    for folder, there in ((truth, true_paths), (result, result_paths)):
        missing = [name for name in names if name not in there]
        if missing:
            raise FileNotFoundError(
                f"{folder}: has no sequence {', '.join(missing[:5])}"
                f"{f' and {len(missing) - 5} more' if len(missing) > 5 else ''}; "
                f"it has {', '.join(sorted(there)[:5])}{', ...' if len(there) > 5 else ''}. A "
                "tracker that finds nothing leaves an empty file. Name the sequences to score in a "
                "seqmap, or add what is missing."
            )
    parts = {}
    for name in tqdm(names, unit=" sequences", disable=not progress):
        pair = _read_pair(name, true_paths[name], result_paths[name], numbers.get(name))
        parts[name] = sequence_parts(*pair, like)
    return combined(parts, like)


def _names_and_numbers(
    truth: Path, there: list[str], seqmap: str | Path | None
) -> tuple[list[str], dict[str, range]]:
    """Which sequences to score, and the numbers of their frames as far as a seqmap tells."""
    files = [Path(seqmap)] if seqmap else find_seqmaps(truth)
    maps = [read_seqmap(file) for file in files]
    # Several of them (train, val) tell how long sequences are, but not which are meant.
    names = list(maps[0]) if len(maps) == 1 else there
    numbers = {name: known for each in maps for name, known in each.items() if known is not None}
    return names, numbers


def _read_pair(
    name: str, truth: Path, result: Path, numbers: range | None
) -> tuple[MotsSequence, MotsSequence]:
    """The truth and the result of a sequence, with the same frames. Masks are checked later."""
    numbers = numbers or frame_numbers(truth)
    if numbers is None and truth.is_dir():
        true = read_sequence(truth, None, name)
        return true, read_sequence(result, true.numbers, name, check_masks=False)
    pair = [read_sequence(path, numbers, name, check_masks=False) for path in (truth, result)]
    if numbers is None:
        numbers = range(max(each.numbers.stop for each in pair))
        if not numbers:
            raise ValueError(
                f"{truth}: has no mask, nor has {result}; how many frames? A seqmap tells"
            )
        pair = [replace(each, numbers=numbers) for each in pair]
    return pair[0], pair[1]


# --- tables -----------------------------------------------------------------------------------

COLUMNS = {
    "mots_tools": {
        "sMOTSA": "sMOTSA",
        "MOTSA": "MOTSA",
        "MOTSP": "MOTSP",
        "IDF1": "IDF1",
        "recall": "recall",
        "precision": "precision",
        "IDS": "id_switches",
        "Frag": "fragments",
        "MT": "MT",
        "PT": "PT",
        "ML": "ML",
        "TP": "tp",
        "FP": "fp",
        "FN": "fn",
    },
    "trackeval": {
        "HOTA": "HOTA HOTA",
        "DetA": "HOTA DetA",
        "AssA": "HOTA AssA",
        "LocA": "HOTA LocA",
        "sMOTA": "CLEAR sMOTA",
        "MOTA": "CLEAR MOTA",
        "MOTP": "CLEAR MOTP",
        "IDF1": "Identity IDF1",
        "IDSW": "CLEAR IDSW",
        "Frag": "CLEAR Frag",
        "MT": "CLEAR MT",
        "PT": "CLEAR PT",
        "ML": "CLEAR ML",
        "TP": "CLEAR CLR_TP",
        "FP": "CLEAR CLR_FP",
        "FN": "CLEAR CLR_FN",
    },
}
"""What the table shows, and where it stands in the figures."""


def mode_of(result: dict[str, dict[str, Figures]]) -> str:
    """Which program a result agrees with."""
    first = next(iter(result.values()))[ALL]
    return "trackeval" if "HOTA" in first else "mots_tools"


def flat(figures: Figures) -> dict[str, float]:
    """The figures of one sequence in one row: the mean of what is measured at several alphas.

    Example:
        >>> flat({"HOTA": {"HOTA": [0.5, 0.25]}, "CLEAR": {"IDSW": 3}})
        {'HOTA HOTA': 0.375, 'CLEAR IDSW': 3}
    """
    if not any(isinstance(value, dict) for value in figures.values()):
        return dict(figures)
    return {
        f"{metric} {key}": float(np.mean(value)) if isinstance(value, list) else value
        for metric, each in figures.items()
        for key, value in each.items()
    }


def tables(result: dict[str, dict[str, Figures]]) -> list[Table]:
    """A result as tables for the terminal, one for each category that has any mask.

    Args:
        result: from ``evaluate_mots`` or ``evaluate_mots_folders``.

    Returns:
        Print them with ``rich.print``. Shares are in per cent.
    """
    like = mode_of(result)
    columns = COLUMNS[like]
    shown = []
    for category, sequences in result.items():
        if not any(flat(sequences[ALL])[columns[key]] for key in ("TP", "FP", "FN")):
            continue
        table = Table(title=f"{category}, as {like} measures", box=box.SIMPLE)
        table.caption = "per cent, and counts" + (
            "; HOTA, DetA, AssA, LocA: mean over 19 alphas" if like == "trackeval" else ""
        )
        table.add_column("sequence", overflow="fold")
        for column in columns:
            table.add_column(column, justify="right", no_wrap=True)
        for name, figures in sequences.items():
            row = flat(figures)
            if name == ALL:
                table.add_section()
            cells = [_cell(row[key]) for key in columns.values()]
            table.add_row(name, *cells, style="bold" if name == ALL else None)
        shown.append(table)
    return shown


def _cell(value: float) -> str:
    return f"{100 * value:.1f}" if isinstance(value, float) else str(value)


def write_csv(result: dict[str, dict[str, Figures]], path: str | Path) -> None:
    """Write all figures as CSV: a row for each category and sequence, and one over all.

    Args:
        result: from ``evaluate_mots`` or ``evaluate_mots_folders``.
        path: where to; folders are made.
    """
    rows = [
        {"category": category, "sequence": name, **flat(figures)}
        for category, sequences in result.items()
        for name, figures in sequences.items()
    ]
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
