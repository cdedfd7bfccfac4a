"""Take the answers out of a submission, and nothing else.

An answer is the function of an exercise, together with the statements that it needs: helpers,
constants and imports of its own cell, of other cells of the submission, and of the lesson. They are
found by name, from the function outwards. So a cell that the function has no use for does no harm,
whatever stands in it: it is not run at all.

This runs in a worker, as nobody knows what a file holds that calls itself a notebook.
"""

import ast
import itertools
import json
import re
import tokenize
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from vos_lab.authoring.names import free_names

MARKS_PY = re.compile(r"^# (?:%%.*|In ?\[[ \d*]*\]:?.*|<codecell>.*|\+.*)$", re.MULTILINE)
PYTHON_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
SCRATCH = re.compile(r"^\s*#+\s*(scratch|helpers?)\b", re.IGNORECASE)
GRAM = 6  # nodes of the syntax tree that are looked at together
MOST_GRAMS = 4000


class NotANotebook(ValueError):  # noqa: N818 (what it is)
    """A file that cannot be read; says why."""


@dataclass
class Statement:
    """A statement of a cell.

    Attributes:
        node: its syntax tree.
        binds: names that it gives a value, or whose value it changes.
        uses: names that it takes from elsewhere.
    """

    node: ast.stmt
    binds: set[str]
    uses: set[str]


@dataclass
class Cell:
    """A code cell of a submission.

    Attributes:
        number: from 1, among all cells.
        source: its text.
        identifier: its id.
        exercise: full name, if it says that it is the answer of one.
        scratch: whether it is marked as scratch.
        error: why it is no Python; empty if it is.
        statements: what stands in it.
    """

    number: int
    source: str
    identifier: str = ""
    exercise: str = ""
    scratch: bool = False
    error: str = ""
    statements: list[Statement] = field(default_factory=list)


def extract(data: bytes, name: str, blank: dict[str, Any]) -> dict[str, Any]:
    """Find the answer of each exercise in a file.

    Args:
        data: the file.
        name: of the file; ``.py`` is an export, everything else a notebook.
        blank: the lesson without answers: ``lesson``, ``context`` (statements of its own),
            ``exercises`` (each with ``name``, ``full``, ``id`` and ``stub``).

    Returns:
        ``error`` (why it cannot be read; or None), ``notes`` for the teacher, and for each exercise
        ``state`` (answer, untouched, missing, broken), ``units`` (what to run, each with ``where``
        and ``source``), ``note``, and ``grams`` and ``nodes`` for comparing structure.
    """
    notes: list[str] = []
    try:
        if name.lower().endswith(".py"):
            cells = _read_export(data)
        else:
            cells = _read_notebook(data, blank["lesson"], notes)
    except NotANotebook as error:
        return {"error": str(error), "notes": notes, "answers": {}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a backslash in a text, and the like
        for cell in cells:
            _parse(cell)
        context = Cell(0, blank["context"])
        _parse(context)
        answers = {e["name"]: _answer_of(e, cells, context) for e in blank["exercises"]}
    return {"error": None, "notes": notes, "answers": answers}


# --- reading ----------------------------------------------------------------------------------


def _text(data: bytes) -> str:
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            pass
    return data.decode("latin-1")


def _read_export(data: bytes) -> list[Cell]:
    """The cells of a notebook exported as a program, or of any program."""
    text = _text(data).replace("\r\n", "\n")
    if "\0" in text:
        raise NotANotebook("is no text")
    starts = [0, *(m.end() for m in MARKS_PY.finditer(text)), len(text)]
    pieces = [text[a:b] for a, b in itertools.pairwise(starts)]
    return [
        Cell(number, piece, scratch=bool(SCRATCH.match(piece)))
        for number, piece in enumerate(pieces, start=1)
        if piece.strip()
    ]


def _read_notebook(data: bytes, lesson: str, notes: list[str]) -> list[Cell]:
    if not data.strip():
        raise NotANotebook("is empty")
    text = _text(data)
    try:
        read = json.loads(text)
    except ValueError as error:
        read = {"cells": list(_whole_cells(text))}
        if not read["cells"]:
            raise NotANotebook(f"is not a notebook ({error})") from None
        notes.append(
            f"the file is damaged ({error}); its first {len(read['cells'])} cells are read"
        )
    except RecursionError:
        raise NotANotebook("is not a notebook (nested without end)") from None
    if not isinstance(read, dict):
        raise NotANotebook("is not a notebook (no cells in it)")
    raw = read.get("cells")
    if raw is None and isinstance(read.get("worksheets"), list):  # before 2015
        sheets = [s for s in read["worksheets"] if isinstance(s, dict)]
        raw = [cell for sheet in sheets for cell in sheet.get("cells", [])]
    if not isinstance(raw, list):
        raise NotANotebook("is not a notebook (no cells in it)")
    ours = _dict(_dict(read.get("metadata")).get("vos_lab"))
    if ours.get("lesson") not in (None, lesson):
        notes.append(f"this is the notebook of lesson {ours['lesson']!s:.60}")
    return [
        _cell(number, cell)
        for number, cell in enumerate(raw, start=1)
        if isinstance(cell, dict) and cell.get("cell_type") == "code"
    ]


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


def _cell(number: int, raw: dict[str, Any]) -> Cell:
    source = raw.get("source", raw.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    source = source.replace("\r\n", "\n") if isinstance(source, str) else ""
    metadata = _dict(raw.get("metadata"))
    ours = _dict(metadata.get("vos_lab"))
    tags = metadata.get("tags")
    exercise = ours.get("exercise") if ours.get("kind") == "exercise" else ""
    return Cell(
        number,
        source,
        identifier=raw["id"] if isinstance(raw.get("id"), str) else "",
        exercise=exercise if isinstance(exercise, str) else "",
        scratch=bool(SCRATCH.match(source)) or (isinstance(tags, list) and "scratch" in tags),
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


# --- parsing ----------------------------------------------------------------------------------


def _parse(cell: Cell) -> None:
    """Fill in the statements of a cell, or why there are none."""
    source = cell.source
    first = source.lstrip().split("\n", 1)[0]
    if first.startswith("%%"):
        if not first.startswith(PYTHON_MAGICS):
            return  # another language
        source = source.replace(first, "", 1)
    try:
        try:
            tree = ast.parse(source)
        except SyntaxError:
            # Only what has magics in it needs IPython to read it.
            from IPython.core.inputtransformer2 import TransformerManager

            source = TransformerManager().transform_cell(source)
            tree = ast.parse(source)
        cell.source = source
        cell.statements = [_statement(node) for node in tree.body]
    except SyntaxError as error:
        cell.error = f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:  # a null byte; nested without end
        cell.error = f"Python cannot read it ({type(error).__name__})"
    except tokenize.TokenError as error:
        cell.error = str(error.args[0])


def _statement(node: ast.stmt) -> Statement:
    return Statement(node, _binds(node), free_names(ast.unparse(node)))


def _binds(node: ast.stmt) -> set[str]:
    """The names that a statement binds, or whose value it changes: ``a = 1``, ``a[0] = 1``."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.FunctionDef | ast.ClassDef):
            found.add(part.name)
        elif isinstance(part, ast.Import | ast.ImportFrom):
            found |= {(a.asname or a.name).split(".")[0] for a in part.names}
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            found.add(part.id)
        elif isinstance(part, ast.Subscript | ast.Attribute) and isinstance(part.ctx, ast.Store):
            found.add(_base(part))
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            # table.append(1), standing alone, changes table.
            found.add(_base(part.func) if isinstance(node, ast.Expr) else "")
    return found - {""}


def _base(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


# --- finding ----------------------------------------------------------------------------------


def _answer_of(exercise: dict[str, Any], cells: list[Cell], context: Cell) -> dict[str, Any]:
    try:
        return _answer(exercise, cells, context)
    except RecursionError:
        return {"state": "broken", "units": [], "note": "it is nested without end"}


def _answer(exercise: dict[str, Any], cells: list[Cell], context: Cell) -> dict[str, Any]:
    name, stub = exercise["name"], ast.parse(exercise["stub"]).body[0]
    own = [c for c in cells if c.identifier == exercise["id"] or c.exercise == exercise["full"]]
    # First by id, then by name; what is written goes before the stub, and what stands later before
    # what stands earlier, as it does when a notebook is run.
    candidates = [(c, s) for c in own for s in c.statements if _defines(s, name)]
    candidates += [(c, s) for c in cells if c not in own for s in c.statements if _defines(s, name)]
    written = [(c, s) for c, s in candidates if not _is_stub(s.node, stub)]
    if not written:
        broken = next((c for c in own if c.error), None) or next(
            (c for c in cells if c.error and re.search(rf"def\s+{name}\b", c.source)), None
        )
        if broken is not None:
            note = f"cell {broken.number} is not Python: {broken.error}"
            return {"state": "broken", "units": [], "note": note}
        return {"state": "untouched" if candidates else "missing", "units": [], "note": ""}
    by_id = [pair for pair in written if pair[0] in own]
    cell, statement = (by_id or written)[-1]
    note = ""
    if len(written) > 1:
        note = f"{len(written)} versions are there; the one in cell {cell.number} counts"
    elif not by_id:
        note = f"found by its name in cell {cell.number}"
    units = _units(name, cell, statement, cells, context)
    nodes = list(_nodes(statement.node))
    return {
        "state": "answer",
        "units": units,
        "note": note,
        "grams": grams(nodes),
        "nodes": len(nodes),
    }


def _defines(statement: Statement, name: str) -> bool:
    node = statement.node
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name == name
    if isinstance(node, ast.Assign):
        return any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
    return False


def _is_stub(node: ast.stmt, stub: ast.stmt) -> bool:
    """Whether a function is as the student got it, or still has nothing in its body."""
    if not isinstance(node, ast.FunctionDef):
        return False
    if ast.dump(node) == ast.dump(stub):
        return True
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    raised = body[0].exc if len(body) == 1 and isinstance(body[0], ast.Raise) else None
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def _units(
    name: str, cell: Cell, target: Statement, cells: list[Cell], context: Cell
) -> list[dict[str, str]]:
    """What to run for an answer: statements by cell, those of the answer's own cell last."""
    scratch = [c for c in cells if c.scratch and c is not cell]
    others = [c for c in reversed(cells) if c is not cell and not c.scratch]
    providers = [cell, *scratch, context, *others]
    chosen: dict[int, tuple[Cell, list[Statement]]] = {cell.number: (cell, [target])}
    open_names, seen = list(target.uses), {name}
    missing = []
    while open_names:
        wanted = open_names.pop()
        if wanted in seen:
            continue
        seen.add(wanted)
        for provider in providers:
            # A call alone binds nothing; it may change what is bound by another statement.
            found = [s for s in provider.statements if wanted in s.binds and s is not target]
            if not any(not isinstance(s.node, ast.Expr) for s in found):
                continue
            taken = chosen.setdefault(provider.number, (provider, []))[1]
            for statement in found:
                if statement not in taken:
                    taken.append(statement)
                    open_names += statement.uses
            break
        else:
            missing.append(wanted)
    if missing:
        _take_star_imports([context, *cells], chosen)
    order = sorted(n for n in chosen if n not in (0, cell.number))
    units = []
    for number in [0, *order, cell.number]:
        if number in chosen:
            found_in, statements = chosen[number]
            where = "the lesson" if number == 0 else f"cell {number}"
            units.append({"where": where, "source": _only(found_in.source, statements)})
    return units


def _take_star_imports(
    providers: list[Cell], chosen: dict[int, tuple[Cell, list[Statement]]]
) -> None:
    for provider in providers:
        for statement in provider.statements:
            if "*" in statement.binds:
                chosen.setdefault(provider.number, (provider, []))[1].insert(0, statement)


def _only(source: str, statements: list[Statement]) -> str:
    """Some statements of a source, each on the line where it was."""
    kept: set[int] = set()
    for statement in statements:
        node = statement.node
        marks = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(mark.lineno for mark in marks)])
        kept |= set(range(first, (node.end_lineno or node.lineno) + 1))
    lines = source.split("\n")
    return "\n".join(line if n in kept else "" for n, line in enumerate(lines, start=1))


# --- structure --------------------------------------------------------------------------------


def _nodes(node: ast.AST) -> Iterator[str]:
    """The kinds of nodes of a syntax tree from top to bottom: no names, values or annotations."""
    if isinstance(node, ast.FunctionDef):
        yield "FunctionDef"
        documented = ast.get_docstring(node) is not None
        for child in node.body[documented:]:
            yield from _nodes(child)
        return
    if isinstance(node, ast.expr_context | ast.Load):
        return
    yield type(node).__name__
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "type_comment", "kind"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _nodes(child)


def grams(nodes: list[str]) -> list[int]:
    """A fingerprint of a structure: every run of a few nodes, as a number.

    Args:
        nodes: kinds of nodes.

    Returns:
        Sorted numbers, each once.
    """
    runs = [nodes[i : i + GRAM] for i in range(max(1, len(nodes) - GRAM + 1))]
    return sorted({zlib.crc32(" ".join(run).encode()) for run in runs})[:MOST_GRAMS]


def structure(source: str) -> tuple[list[int], int]:
    """The fingerprint of the first function in a source, and how many nodes it has.

    Example:
        >>> one = structure("def f(a, b): return a + b")
        >>> one == structure("def g(x, y: int): return x + y")
        True
    """
    nodes = list(_nodes(ast.parse(source).body[0]))
    return grams(nodes), len(nodes)
