"""Take the answers out of a submission, and nothing else.

An answer is what a cell defines, when it runs, under the name of an exercise: a function, in
whatever way it comes to its name. With it come the statements that it needs: helpers, constants and
imports of its own cell, of other cells of the submission, and of the lesson. They are found by
name, from the answer outwards. So a cell that the answer has no use for does no harm, whatever
stands in it: it is not run at all.

This runs in a worker, as nobody knows what a file holds that calls itself a notebook.
"""

import ast
import itertools
import re
import symtable
import tokenize
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from vos_lab.authoring.names import bound_in, free_names
from vos_lab.authoring.notebooks import NotANotebook, read_notebook, text_of

MARKS_PY = re.compile(r"^# (?:%%.*|In ?\[[ \d*]*\]:?.*|<codecell>.*|\+.*)$", re.MULTILINE)
PYTHON_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
SCRATCH = re.compile(r"^\s*#+\s*(scratch|helpers?)\b", re.IGNORECASE)
GRAM = 6  # nodes of the syntax tree that are looked at together
MAX_GRAMS = 4000
# What gives a value that nobody can call.
NOT_CALLABLE = (
    ast.Constant,
    ast.JoinedStr,
    ast.List,
    ast.Tuple,
    ast.Dict,
    ast.Set,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
    ast.BinOp,
    ast.UnaryOp,
    ast.Compare,
)


@dataclass
class Statement:
    """A statement of a cell.

    Attributes:
        node: its syntax tree.
        binds: names that it gives a value.
        changes: names whose value it changes: ``a[0] = 1``, ``a.append(1)``.
        uses: names that it takes from elsewhere.
    """

    node: ast.stmt
    binds: set[str]
    changes: set[str]
    uses: set[str]

    @property
    def is_call(self) -> bool:
        """Whether it is a call alone, which binds nothing."""
        return isinstance(self.node, ast.Expr)

    def imports_library(self, name: str) -> bool:
        """Whether a name comes from the library by it, and from nowhere else."""
        found = [node for bound, node in _definitions(self.node) if bound == name]
        return bool(found) and all(map(_is_library_import, found))


@dataclass
class Cell:
    """A code cell of a submission.

    Attributes:
        number: from 1, among all cells.
        source: its text.
        identifier: its id.
        exercise: name of the function, if it says that it is the answer of one.
        lesson: whether it says that it is a cell of the lesson, in which no student writes.
        error: why it is no Python; empty if it is.
        statements: what stands in it.
    """

    number: int
    source: str
    identifier: str = ""
    exercise: str = ""
    lesson: bool = False
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
        if name.lower().endswith(".py") and not data.lstrip().startswith(b"{"):
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
        names = {e["name"] for e in blank["exercises"]}
        answers = {e["name"]: _answer_of(e, cells, context, names) for e in blank["exercises"]}
    return {"error": None, "notes": notes, "answers": answers}


# --- reading ----------------------------------------------------------------------------------


def _read_export(data: bytes) -> list[Cell]:
    """The cells of a notebook exported as a program, or of any program."""
    text = text_of(data).replace("\r\n", "\n")
    if "\0" in text:
        raise NotANotebook("is no text")
    if not text.strip():
        raise NotANotebook("is empty")
    starts = [0, *(m.end() for m in MARKS_PY.finditer(text)), len(text)]
    pieces = [text[a:b] for a, b in itertools.pairwise(starts)]
    return [Cell(number, piece) for number, piece in enumerate(pieces, start=1) if piece.strip()]


def _read_notebook(data: bytes, lesson: str, notes: list[str]) -> list[Cell]:
    read = read_notebook(data)
    if read.damage:
        notes.append(read.damage)
    if read.lesson not in ("", lesson):
        notes.append(f"this is the notebook of lesson {read.lesson:.60}")
    cells = []
    for raw in read.cells:
        if raw.kind != "code":
            continue
        kind, exercise = raw.ours.get("kind"), raw.ours.get("exercise")
        tags = raw.metadata.get("tags")
        scratch = SCRATCH.match(raw.source) or (isinstance(tags, list) and "scratch" in tags)
        cells.append(
            Cell(
                raw.number,
                raw.source,
                identifier=raw.identifier,
                # Exercises have moved from module to module, and kept the names of functions.
                exercise=str(exercise).rpartition(".")[2] if kind == "exercise" else "",
                lesson=isinstance(kind, str) and kind != "exercise" and not scratch,
            )
        )
    return cells


# --- parsing ----------------------------------------------------------------------------------


def _parse(cell: Cell) -> None:
    """Fill in the statements of a cell, or why there are none."""
    source = cell.source
    first = source.lstrip().split("\n", 1)[0]
    if first.startswith("%%"):
        if not first.startswith(PYTHON_MAGICS):
            cell.error = f"it starts with {first[:40]}"
            return
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
        cell.statements = [_statement(node, source) for node in tree.body]
    except SyntaxError as error:
        cell.error = f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:  # a null byte; nested without end
        cell.error = f"Python cannot read it ({type(error).__name__})"
    except tokenize.TokenError as error:
        cell.error = str(error.args[0])


def _statement(node: ast.stmt, source: str) -> Statement:
    try:
        text = ast.unparse(node)
    except ValueError:  # quotes in quotes, which Python 3.11 cannot write
        text = ast.get_source_segment(source, node) or ""
    binds = bound_in(symtable.symtable(text, "source", "exec"))
    changes: set[str] = set()
    for part in _in_this_scope(node):
        if isinstance(part, ast.ImportFrom) and any(alias.name == "*" for alias in part.names):
            binds.add("*")
        elif isinstance(part, ast.Subscript | ast.Attribute) and isinstance(part.ctx, ast.Store):
            changes.add(_base(part))
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            # table.append(1), standing alone, changes table.
            changes.add(_base(part.func) if isinstance(node, ast.Expr) else "")
    return Statement(node, binds, changes - binds - {""}, free_names(text))


def _in_this_scope(node: ast.AST) -> Iterator[ast.AST]:
    """A statement and what is in it, but nothing that is in a function or class."""
    yield node
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
        return
    for child in ast.iter_child_nodes(node):
        yield from _in_this_scope(child)


def _base(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _definitions(statement: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    """What a statement defines when it runs, wherever in it: names, with what they are given."""
    for node in _in_this_scope(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _pairs(target, node.value)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            yield from _pairs(node.target, node.value)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                yield (alias.asname or alias.name).split(".")[0], node


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    """The names of an assignment, each with its part of the value if that can be told."""
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Starred):
        yield from _pairs(target.value, value)
    elif isinstance(target, ast.Tuple | ast.List):
        parts = value.elts if isinstance(value, ast.Tuple | ast.List) else []
        alike = len(parts) == len(target.elts) and not any(
            isinstance(part, ast.Starred) for part in [*parts, *target.elts]
        )
        # Whose part of the value is unknown may be a function.
        unknown = ast.Name("unknown", ast.Load())
        for number, inner in enumerate(target.elts):
            yield from _pairs(inner, parts[number] if alike else unknown)


# --- finding ----------------------------------------------------------------------------------


def _answer_of(
    exercise: dict[str, Any], cells: list[Cell], context: Cell, names: set[str]
) -> dict[str, Any]:
    try:
        return _answer(exercise, cells, context, names)
    except RecursionError:
        return {"state": "broken", "units": [], "note": "it is nested without end"}


def _answer(
    exercise: dict[str, Any], cells: list[Cell], context: Cell, names: set[str]
) -> dict[str, Any]:
    name, stub = exercise["name"], ast.parse(exercise["stub"]).body[0]
    own = [c for c in cells if c.identifier == exercise["id"] or c.exercise == name]
    # First by id, then by name; what is written goes before the stub, and what stands later before
    # what stands earlier, as it does when a notebook is run.
    ordered = [*(c for c in cells if c not in own), *own]
    answered = {c.number: [s for s in c.statements if _may_define(s, name)] for c in ordered}
    written = {
        n: [s for s in found if not _is_stub(s, name, stub)] for n, found in answered.items()
    }
    by_id = [c for c in own if written[c.number]]
    # A function for certain goes before what is only given the name: jaccard = measure(a, b).
    others = [c for c in cells if c not in own and written[c.number]]
    sure = [c for c in others if any(_is_function(s, name) for s in written[c.number])]
    found = by_id or sure or others
    hidden = [] if found else [c for c in own if _defines_by_name(c, name)]
    if not found and not hidden:
        broken = next((c for c in own if c.error), None) or next(
            (c for c in cells if c.error and re.search(rf"def\s+{name}\b", c.source)), None
        )
        if broken is not None and not any(answered.values()):
            note = f"cell {broken.number} is not Python: {broken.error}"
            return {"state": "broken", "units": [], "note": note}
        state = "untouched" if any(answered.values()) else "missing"
        return {"state": state, "units": [], "note": ""}
    cell = (found or hidden)[-1]
    targets = written[cell.number] or cell.statements
    note = ""
    if (versions := len([*by_id, *others])) > 1:
        note = f"{versions} versions are there; the one in cell {cell.number} counts"
    elif cell not in own:
        note = f"found by its name in cell {cell.number}"
    nodes = [kind for statement in targets for kind in _nodes(statement.node)]
    return {
        "state": "answer",
        "units": _units(targets, cell, cells, context, names),
        "note": note,
        "grams": grams(nodes),
        "nodes": len(nodes),
    }


def _may_define(statement: Statement, name: str) -> bool:
    """Whether a name may be that of a function when a statement has run."""
    return any(
        bound == name
        and not isinstance(node, NOT_CALLABLE)
        and not _is_library_import(node)
        and not (isinstance(node, ast.Call) and _base(node.func) == name)  # f = f(1)
        for bound, node in _definitions(statement.node)
    )


def _is_library_import(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.level == 0 and (node.module or "").partition(".")[0] == "vos_lab"
    return isinstance(node, ast.Import) and all(
        alias.name.partition(".")[0] == "vos_lab" for alias in node.names
    )


def _is_function(statement: Statement, name: str) -> bool:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
    return any(
        bound == name and isinstance(node, kinds) for bound, node in _definitions(statement.node)
    )


def _defines_by_name(cell: Cell, name: str) -> bool:
    """Whether a cell may define a function in a way that only running it shows."""
    for statement in cell.statements:
        for part in ast.walk(statement.node):
            if isinstance(part, ast.Global) and name in part.names:
                return True
            # exec("def jaccard ..."), globals()["jaccard"] = ...
            if (
                isinstance(part, ast.Constant)
                and isinstance(part.value, str)
                and re.search(rf"\b{name}\b", part.value)
                and re.search(r"\b(exec|globals|vars|locals|setattr|eval)\b", cell.source)
            ):
                return True
    return False


def _is_stub(statement: Statement, name: str, stub: ast.stmt) -> bool:
    """Whether all that a statement defines is as the student got it, or has nothing in its body."""
    return all(
        isinstance(node, ast.FunctionDef) and _is_empty(node, stub)
        for bound, node in _definitions(statement.node)
        if bound == name
    )


def _is_empty(node: ast.FunctionDef, stub: ast.stmt) -> bool:
    if ast.dump(node) == ast.dump(stub):
        return True
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return all(map(_is_nothing, body))


def _is_nothing(node: ast.stmt) -> bool:
    """Whether a statement is what stands where nothing is written yet."""
    if isinstance(node, ast.Raise) and node.exc is not None:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return node.value.value is Ellipsis
    return isinstance(node, ast.Pass)


def _units(
    targets: list[Statement], cell: Cell, cells: list[Cell], context: Cell, names: set[str]
) -> list[dict[str, str]]:
    """What to run for an answer: statements by cell, those of the answer's own cell last."""
    chosen: dict[int, tuple[Cell, list[Statement]]] = {cell.number: (cell, [*targets])}
    open_names = [name for statement in targets for name in statement.uses]
    seen = {name for statement in targets for name in statement.binds}
    missing = False
    while open_names:
        wanted = open_names.pop()
        if wanted in seen:
            continue
        seen.add(wanted)
        provided = _provided(wanted, cell, cells, context, names)
        missing = missing or not provided
        for provider, statements in provided:
            taken = chosen.setdefault(provider.number, (provider, []))[1]
            for statement in statements:
                if statement not in taken:
                    taken.append(statement)
                    open_names += statement.uses
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


def _provided(
    wanted: str, cell: Cell, cells: list[Cell], context: Cell, names: set[str]
) -> list[tuple[Cell, list[Statement]]]:
    """Where a name has its value from when an answer is called right after its cell has run.

    That is the answer's own cell, or the nearest before it that binds the name, or, if somebody
    went back and forth, the nearest after it. What the lesson itself defines is taken from the
    lesson: its own cells, what is imported from the library, and other exercises.
    """
    place = cells.index(cell)
    before, after = cells[:place][::-1], cells[place + 1 :]
    by_lesson = any(wanted in statement.binds for statement in context.statements)
    order = [cell, *([context] if wanted in names else before), context, *before, *after]
    provided: list[tuple[Cell, list[Statement]]] = []
    for provider in order:
        binding = [s for s in provider.statements if wanted in s.binds]
        if binding and by_lesson and provider is not context:
            library = all(statement.imports_library(wanted) for statement in binding)
            if library or provider.lesson:
                provider = context
                binding = [s for s in context.statements if wanted in s.binds]
        if binding:
            # Where it is made, calls alone count too: table.append(1).
            found = [s for s in provider.statements if wanted in s.binds | s.changes]
            return [*provided, (provider, found)]
        changing = [s for s in provider.statements if wanted in s.changes and not s.is_call]
        if changing:
            provided.append((provider, changing))
    return []


def _take_star_imports(
    providers: list[Cell], chosen: dict[int, tuple[Cell, list[Statement]]]
) -> None:
    for provider in providers:
        for statement in provider.statements:
            if "*" in statement.binds:
                chosen.setdefault(provider.number, (provider, []))[1].insert(0, statement)


def _only(source: str, statements: list[Statement]) -> str:
    """Some statements of a source, each on the line where it was."""
    lines = [line.encode() for line in source.split("\n")]
    kept = [b""] * len(lines)
    for statement in sorted(statements, key=lambda s: (s.node.lineno, s.node.col_offset)):
        node = statement.node
        marks = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(mark.lineno for mark in marks)])
        last = node.end_lineno or node.lineno
        for number in range(first, last + 1):
            line = lines[number - 1]
            if number == last and node.end_col_offset is not None:
                line = line[: node.end_col_offset]
            if number == node.lineno and not marks:
                line = line[node.col_offset :]
            kept[number - 1] += (b"; " if kept[number - 1].strip() else b"") + line
    return b"\n".join(kept).decode()


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
    return sorted({zlib.crc32(" ".join(run).encode()) for run in runs})[:MAX_GRAMS]


def structure(source: str) -> tuple[list[int], int]:
    """The fingerprint of the first function in a source, and how many nodes it has.

    Example:
        >>> one = structure("def f(a, b): return a + b")
        >>> one == structure("def g(x, y: int): return x + y")
        True
    """
    nodes = list(_nodes(ast.parse(source).body[0]))
    return grams(nodes), len(nodes)
