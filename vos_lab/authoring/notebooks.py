"""Read a notebook as people hand it in: of any version, in any encoding, whole or not.

Nothing is imported that takes long, and nothing is validated: a cell that is strange is passed
over, and what can be read is read.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from vos_lab.datasets.text import marked_encoding


class NotANotebook(ValueError):  # noqa: N818 (what it is)
    """A file that cannot be read as a notebook; says why, without the file's name."""


@dataclass(frozen=True)
class RawCell:
    r"""A cell of a notebook.

    Attributes:
        number: from 1, among all cells.
        kind: code, markdown, raw.
        source: its text, with ``\n`` at the ends of lines.
        identifier: its id; empty in old notebooks.
        metadata: as it stands there.
    """

    number: int
    kind: str
    source: str
    identifier: str
    metadata: dict[str, Any]

    @property
    def ours(self) -> dict[str, Any]:
        """What the course says of the cell: kind, name, exercise."""
        return as_dict(self.metadata.get("vos_lab"))


@dataclass(frozen=True)
class RawNotebook:
    """A notebook.

    Attributes:
        cells: in order, those that are cells.
        metadata: as it stands there.
        damage: what is wrong with the file, if only a part of it could be read; else empty.
    """

    cells: list[RawCell]
    metadata: dict[str, Any] = field(default_factory=dict)
    damage: str = ""

    @property
    def ours(self) -> dict[str, Any]:
        """What the course says of the notebook: lesson, version."""
        return as_dict(self.metadata.get("vos_lab"))

    @property
    def lesson(self) -> str:
        """The lesson that it is of, as it says itself, or as the ids of its cells do."""
        said = self.ours.get("lesson")
        if isinstance(said, str):
            return said
        found = (re.match(r"\d\d_[a-z0-9_]+", cell.identifier) for cell in self.cells)
        return next((match[0] for match in found if match), "")


def as_dict(value: Any) -> dict[str, Any]:
    """The value if it is a dictionary, else an empty one."""
    return value if isinstance(value, dict) else {}


def text_of(data: bytes) -> str:
    """The text of a file, in whatever encoding somebody's program has saved it.

    Args:
        data: UTF-8, UTF-16 or UTF-32, with a byte-order mark or without; else it is Latin-1.

    Example:
        >>> text_of("Zoë".encode("utf-16")) == text_of("Zoë".encode("utf-8-sig")) == "Zoë"
        True
    """
    wide = json.detect_encoding(data) if data[:4].count(0) else "utf-8"
    encoding = marked_encoding(data) or wide
    if not encoding.startswith("utf-8"):
        return data.decode(encoding, "replace")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return data.decode("latin-1")


def read_notebook(data: bytes) -> RawNotebook:
    """Read a notebook of any version of the format.

    Args:
        data: of the file.

    Returns:
        The notebook. Of one whose end is missing, the cells that are whole, and ``damage``.

    Raises:
        NotANotebook: there are no cells in it.
    """
    if not data.strip(b" \t\r\n\0"):
        raise NotANotebook("is empty")
    text = text_of(data)
    damage = ""
    try:
        read = json.loads(text)
    except RecursionError:
        raise NotANotebook("is not a notebook (nested without end)") from None
    except MemoryError:
        raise NotANotebook("is too large to be read") from None
    except ValueError as error:
        read = {"cells": list(_whole_cells(text))}
        if not read["cells"]:
            raise NotANotebook(f"is not a notebook ({_looks_like(data) or error})") from None
        damage = f"the file is damaged ({error}); its first {len(read['cells'])} cells are read"
    if not isinstance(read, dict):
        raise NotANotebook("is not a notebook (no cells in it)")
    raw = read.get("cells")
    if not isinstance(raw, list) and isinstance(read.get("worksheets"), list):  # before 2015
        sheets = [sheet for sheet in read["worksheets"] if isinstance(sheet, dict)]
        raw = [c for s in sheets if isinstance(s.get("cells"), list) for c in s["cells"]]
    if not isinstance(raw, list):
        raise NotANotebook("is not a notebook (no cells in it)")
    cells = [_cell(n, cell) for n, cell in enumerate(raw, start=1) if isinstance(cell, dict)]
    return RawNotebook(cells, as_dict(read.get("metadata")), damage)


def _looks_like(data: bytes) -> str:
    """What a file is that calls itself a notebook."""
    starts = {
        b"PK\x03\x04": "a zip",
        b"%PDF": "a PDF",
        b"\x1f\x8b": "packed with gzip",
        b"Rar!": "a RAR archive",
        b"7z\xbc\xaf": "a 7z archive",
        b"\x89PNG": "a picture",
    }
    for start, words in starts.items():
        if data.startswith(start):
            return f"it is {words}"
    if re.match(rb"\s*<(!doctype|html|\?xml)", data[:200], re.IGNORECASE):
        return "it is a web page: the page of the notebook was saved, not the notebook"
    return ""


def _whole_cells(text: str) -> Iterator[Any]:
    """The cells of a notebook whose end is missing."""
    start = re.search(r'"cells"\s*:\s*\[', text)
    place = start.end() if start else len(text)
    decoder = json.JSONDecoder()
    while True:
        gap = re.compile(r"[\s,]*").match(text, place)
        try:
            cell, place = decoder.raw_decode(text, gap.end() if gap else place)
        except (ValueError, RecursionError):
            return
        yield cell


def _cell(number: int, raw: dict[str, Any]) -> RawCell:
    # Version 3 has the code of a cell under "input", version 1 under "code".
    source = next((raw[key] for key in ("source", "input", "code", "text") if key in raw), "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    source = source.replace("\r\n", "\n") if isinstance(source, str) else ""
    kind, identifier = raw.get("cell_type"), raw.get("id")
    return RawCell(
        number,
        kind if isinstance(kind, str) else "",
        source,
        identifier if isinstance(identifier, str) else "",
        as_dict(raw.get("metadata")),
    )
