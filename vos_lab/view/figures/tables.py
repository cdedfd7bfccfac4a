"""Tables that a notebook displays and a screen reader reads out."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Table:
    """A table that a notebook displays and a screen reader reads out cell by cell.

    Attributes:
        header: the names of the columns.
        rows: texts, as many in each as there are columns; the first one names the row.
        caption: a sentence that says what to see.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str

    def __repr__(self) -> str:
        lines = [self.header, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.header))]
        return "\n".join(
            [self.caption]
            + [
                "  ".join(
                    cell.ljust(width) if i == 0 else cell.rjust(width)
                    for i, (cell, width) in enumerate(zip(line, widths, strict=True))
                ).rstrip()
                for line in lines
            ]
        )

    def _repr_html_(self) -> str:
        def row(cells: Sequence[str], head: bool) -> str:
            first = f'<th scope="{"col" if head else "row"}">{html.escape(cells[0])}</th>'
            tag = 'th scope="col"' if head else "td"
            others = (f"<{tag}>{html.escape(cell)}</{tag[:2]}>" for cell in cells[1:])
            return f"<tr>{first}{''.join(others)}</tr>"

        # A narrow table does not fold its caption.
        style = "white-space: nowrap; text-align: left"
        caption = f'<caption style="{style}"><b>{html.escape(self.caption)}</b></caption>'
        head = f"<thead>{row(self.header, head=True)}</thead>"
        body = "".join(row(cells, head=False) for cells in self.rows)
        return f"<table>{caption}{head}<tbody>{body}</tbody></table>"


def table(
    rows: Mapping[str, Mapping[str, Any]], title: str, name: str = "method", digits: int = 3
) -> Table:
    """Numbers as a table: a row for each name, a column for each kind of number.

    Args:
        rows: ``{"OSVOS": {"J": 0.798, "seconds": 9.2}}``. A tuple ``(mean, low, high)`` is shown
            with its interval; None and what is missing as a dash.
        title: a sentence that says what to see.
        name: what the rows are.
        digits: after the point.

    Returns:
        The table.

    Example:
        >>> table({"OSVOS": {"J": (0.8, 0.75, 0.85), "seconds": 9}}, "OSVOS is slow.")
        OSVOS is slow.
        method                     J  seconds
        OSVOS   0.800 [0.750, 0.850]        9
    """

    def text(value: Any) -> str:
        if value is None:
            return "–"
        if isinstance(value, tuple):
            mean, low, high = (text(v) for v in value)
            return f"{mean} [{low}, {high}]"
        return f"{value:.{digits}f}" if isinstance(value, float | np.floating) else str(value)

    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    body = tuple((str(k), *(text(row.get(c)) for c in columns)) for k, row in rows.items())
    return Table((name, *columns), body, title)
