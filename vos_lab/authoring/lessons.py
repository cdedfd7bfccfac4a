"""From the text of a lesson to its two notebooks: for the student, and solved.

A lesson is a file ``lessons/NN_name.py`` in jupytext's percent format. Most of its cells go into
both notebooks as they are. Two directives, each on a cell that is otherwise empty, put in source
of the library, so that nothing stands twice:

- ``# %% exercise="vos_lab.metrics.masks.jaccard" points=2`` makes a heading, the answer cell (the
  source in the solved notebook; signature, docstring and "# Step" comments in the student's) and
  the cell ``check(jaccard)``;
- ``# %% show="vos_lab.metrics.masks.boundary_radius"`` puts the source in both.

A cell with the tag ``picture`` draws the moving picture that a lesson opens with. It stands in
neither notebook: what it draws is kept in ``lessons/pictures/NN_name.webp`` (``vos-lab build
--pictures`` draws it anew), and is attached to the first text, so that it is there before anything
has run. Imports, and cells that do nothing but draw, are folded: one click opens them.

Numbers that were measured are not typed into the text: :mod:`~vos_lab.authoring.measured` puts
them in.

Nothing here runs a cell or writes a file: the same text and library give the same notebooks.
"""

import ast
import base64
import hashlib
import importlib
import inspect
import io
import json
import re
import symtable
import textwrap
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

import vos_lab
from vos_lab.authoring.contents import LessonError
from vos_lab.authoring.measured import fill_in
from vos_lab.authoring.names import bound_in, free_names
from vos_lab.exercise import Exercise

KEYS = {
    "name": str,
    "tags": list,
    "slide": str,
    "exercise": str,
    "show": str,
    "points": int,
    "title": str,
    "minutes": int,
    "needs": list,
    "builds": str,
}
JUPYTEXT = ("lines_to_next_cell", "lines_to_end_of_cell_marker", "cell_marker")  # its own notes
TAGS = ("real-data", "instructor", "compare", "picture")
PICTURES = "pictures"  # the folder beside the lessons
MAX_PICTURE = 60_000  # bytes: it is there twice, in the notebook and in its solved form
DRAWING = ("figures", "flow_figures", "quiz")  # what a folded cell may call
SLIDES = ("slide", "subslide", "fragment", "notes", "skip", "-")


@dataclass(frozen=True)
class Cell:
    """A cell of a lesson, before its directive is carried out.

    Attributes:
        name: unique in its lesson, and the same when cells are put in elsewhere.
        kind: text, code, exercise or show.
        source: what stands in it.
        target: full name of the exercise, or of what is shown.
        points: of an exercise; 0 where it is optional.
        title: of an exercise's heading; by default the function's name.
        tags: as in the lesson.
        slide: type of slide.
    """

    name: str
    kind: str
    source: str
    target: str = ""
    points: int = 1
    title: str = ""
    tags: tuple[str, ...] = ()
    slide: str = "skip"

    @property
    def for_students(self) -> bool:
        """Whether the cell stands in the student's notebook."""
        return not {"instructor", "picture"} & set(self.tags)


@dataclass(frozen=True)
class Lesson:
    """The text of a lesson.

    Attributes:
        name: for example ``01_metrics``.
        title: the heading of its first cell.
        minutes: how long it takes.
        needs: names of the lessons before it.
        cells: in order.
        picture: the moving picture that it opens with, as a WebP file; None where there is none.
    """

    name: str
    title: str
    minutes: int
    needs: tuple[str, ...]
    cells: tuple[Cell, ...]
    picture: bytes | None = None


# --- reading ----------------------------------------------------------------------------------


def read_lesson(path: str | Path) -> Lesson:
    """Read a lesson, and make sure that its directives can be carried out.

    Args:
        path: ``lessons/NN_name.py``.

    Returns:
        The lesson.

    Raises:
        LessonError: a key or tag is unknown, two cells have one name, the first cell is not a
            heading with ``minutes=``, or a directive stands on a cell that is not empty.
    """
    path = Path(path)
    notebook = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    cells: list[Cell] = []
    last, since = "start", 0
    for number, raw in enumerate(notebook.cells, start=1):
        where = f"{path.name}, cell {number}"
        meta = {key: value for key, value in raw.metadata.items() if key not in JUPYTEXT}
        name = str(meta.get("name") or _last_part(meta.get("exercise") or meta.get("show") or ""))
        if name:
            last, since = name, 0
        else:
            # Counted from the named cell before it: a cell put in elsewhere changes nothing here.
            since += 1
            name = f"{last}-{since}"
        cells.append(_cell(raw, meta, name, f"{where} ({name})"))
    names = [cell.name for cell in cells]
    for name in names:
        if names.count(name) > 1:
            raise LessonError(f"{path.name}: two cells are called {name!r}. Rename one.")
    first = notebook.cells[0] if notebook.cells else None
    title = re.match(r"# (.+)", first.source) if first is not None else None
    if first is None or first.cell_type != "markdown" or not title:
        raise LessonError(f"{path.name}: the first cell must be markdown and start with '# Title'")
    if "minutes" not in first.metadata:
        raise LessonError(f"{path.name}: the first cell must say how long it takes: minutes=60")
    needs = tuple(first.metadata.get("needs", ()))
    picture = path.parent / PICTURES / f"{path.stem}.webp"
    return Lesson(
        path.stem,
        title[1].strip(),
        first.metadata["minutes"],
        needs,
        tuple(cells),
        picture.read_bytes() if picture.is_file() else None,
    )


def _last_part(name: str) -> str:
    return name.rpartition(".")[2]


def _cell(raw: NotebookNode, meta: dict[str, Any], name: str, where: str) -> Cell:
    for key, value in meta.items():
        if key not in KEYS:
            raise LessonError(f"{where}: unknown key {key!r}; known are {', '.join(KEYS)}")
        if not isinstance(value, KEYS[key]):
            raise LessonError(f"{where}: {key} must be a {KEYS[key].__name__}, is {value!r}")
    for tag in meta.get("tags", ()):
        if tag not in TAGS:
            raise LessonError(f"{where}: unknown tag {tag!r}; known are {', '.join(TAGS)}")
    slide = meta.get("slide", "skip")
    if slide not in SLIDES:
        raise LessonError(f"{where}: unknown slide {slide!r}; known are {', '.join(SLIDES)}")
    directives = [key for key in ("exercise", "show") if key in meta]
    if directives and (len(directives) > 1 or raw.source.strip() or raw.cell_type != "code"):
        raise LessonError(f"{where}: a directive stands alone on an empty code cell")
    kind = directives[0] if directives else "code" if raw.cell_type == "code" else "text"
    if "points" in meta and kind != "exercise":
        raise LessonError(f"{where}: points= belongs to an exercise")
    target = meta[kind] if directives else ""
    return Cell(
        name=name,
        kind=kind,
        source=raw.source,
        target=target,
        points=meta.get("points", 1),
        title=meta.get("title", ""),
        tags=tuple(meta.get("tags", ())),
        slide=slide,
    )


def find_object(name: str, where: str) -> Any:
    """Import what a directive names.

    Args:
        name: full name, for example ``vos_lab.metrics.masks.jaccard``.
        where: the cell, for the error.

    Raises:
        LessonError: there is no such module or name.
    """
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise LessonError(f"{where}: {name!r} cannot be found ({error})") from None


def find_exercise(cell: Cell, lesson: Lesson) -> Exercise[..., Any]:
    """The exercise that a cell asks for.

    Raises:
        LessonError: its name cannot be found, or is not marked with ``@exercise``.
    """
    where = f"{lesson.name}, cell {cell.name}"
    found = find_object(cell.target, where)
    if not isinstance(found, Exercise):
        raise LessonError(f"{where}: {cell.target} is not marked with @exercise")
    return found


# --- source -----------------------------------------------------------------------------------


def source_of(thing: Any) -> str:
    """The source of a function or class, without the marker ``@exercise``.

    Args:
        thing: an exercise, function or class.

    Raises:
        TypeError: it is something else, which has no source.
    """
    thing_itself = inspect.unwrap(thing)
    if not inspect.isfunction(thing_itself) and not inspect.isclass(thing_itself):
        raise TypeError(f"{thing!r} is no function or class")
    source = textwrap.dedent(inspect.getsource(thing_itself))
    if isinstance(thing, Exercise):
        source = "\n".join(source.split("\n")[ast.parse(source).body[0].lineno - 1 :])
    return source.rstrip()


def stub_of(source: str) -> str:
    """What a student starts from: signature, docstring and steps, over NotImplementedError.

    Args:
        source: a function. Its steps are the comments that start with ``# Step``, with the comment
            lines right below them.

    Returns:
        The stub; other comments and all code of the body are gone.

    Example:
        >>> print(stub_of('''def double(x):
        ...     # Step 1: multiply.
        ...     # By what?
        ...     return 2 * x  # quick
        ... '''))
        def double(x):
            # Step 1: multiply.
            # By what?
            raise NotImplementedError
    """
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    lines = source.split("\n")
    comments = {
        token.start[0]: token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip()
    }
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    head_end = first.end_lineno if documented else _signature_end(source, function)
    head = lines[function.lineno - 1 : head_end]
    steps: list[str] = []
    in_step = False
    for number in sorted(n for n in comments if n > (head_end or 0)):
        if comments[number].startswith("# Step"):
            in_step = True
        elif number - 1 not in comments:
            in_step = False
        if in_step:
            steps.append(f"    {comments[number]}")
    return "\n".join([*head, *steps, "    raise NotImplementedError"])


def _signature_end(source: str, function: ast.FunctionDef) -> int:
    """The line on which the signature ends: that of the first colon outside brackets."""
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.OP and token.start[0] >= function.lineno:
            depth += (token.string in "([{") - (token.string in ")]}")
            if token.string == ":" and depth == 0:
                return token.start[0]
    raise AssertionError("a function has a colon")


def bound_names(source: str, where: str) -> set[str]:
    """The names that a code cell leaves behind: imports, functions, variables.

    Args:
        source: of the cell; magics and top-level await may stand in it.
        where: the cell, for the error.

    Raises:
        LessonError: it is not valid Python.
    """
    code = TransformerManager().transform_cell(source)
    code = re.sub(r"^(\s*(?:\w+ = )?)await ", r"\1", code, flags=re.MULTILINE)
    try:
        return bound_in(symtable.symtable(code, "cell", "exec"))
    except SyntaxError as error:
        raise LessonError(f"{where}: is not valid Python: {error}") from None


def check_names(lesson: Lesson) -> None:
    """Make sure that source put in by directives finds every name that it uses.

    Args:
        lesson: the lesson to look through.

    Raises:
        LessonError: a name is bound by no earlier cell of the student's notebook; says which
            import is missing.
    """
    bound: set[str] = set()
    for cell in lesson.cells:
        where = f"{lesson.name}, cell {cell.name}"
        if cell.kind == "code" and cell.for_students:
            bound |= bound_names(cell.source, where)
        if cell.kind not in ("exercise", "show"):
            continue
        thing = find_exercise(cell, lesson) if cell.kind == "exercise" else None
        thing = thing or find_object(cell.target, where)
        source = _source(thing, where, cell.target)
        needed = free_names(source) | ({"check"} if cell.kind == "exercise" else set())
        missing = sorted(needed - bound)
        if missing:
            lines = [_import_line(name, inspect.unwrap(thing)) for name in missing]
            raise LessonError(
                f"{where}: {cell.target} uses {', '.join(missing)}, which no earlier cell of the "
                "lesson binds. Add to its imports:\n  " + "\n  ".join(lines)
            )
        bound |= bound_in(symtable.symtable(source, "source", "exec"))


def _source(thing: Any, where: str, name: str) -> str:
    try:
        return source_of(thing)
    except (TypeError, OSError):
        raise LessonError(f"{where}: {name} is no function or class, so it has no source") from None


def _import_line(name: str, thing: Any) -> str:
    """The import that binds a name of the module in which ``thing`` is defined."""
    if name == "check":
        return "from vos_lab.course import check"
    module = inspect.getmodule(thing)
    value = getattr(module, name, None)
    if inspect.ismodule(value):
        parent, _, last = value.__name__.rpartition(".")
        if last == name and parent:
            return f"from {parent} import {name}"
        return f"import {value.__name__}" + (f" as {name}" if value.__name__ != name else "")
    home = str(getattr(value, "__module__", None) or getattr(module, "__name__", "?"))
    public = home.partition("._")[0]  # where it may be imported from: pathlib, not pathlib._local
    return f"from {public} import {name}"


# --- the two notebooks ------------------------------------------------------------------------


def student_notebook(lesson: Lesson) -> NotebookNode:
    """The notebook that a student opens: exercises to fill in, nothing for the instructor.

    Args:
        lesson: the lesson.

    Returns:
        A notebook without outputs. Its metadata hold its digest, by which an untouched notebook
        is known from one with answers.

    Raises:
        LessonError: a directive cannot be carried out.
    """
    notebook = _notebook(lesson, solved=False)
    notebook.metadata["vos_lab"]["digest"] = digest(notebook)
    return notebook


def digest(notebook: NotebookNode) -> str:
    """A short text that changes when anything is written, moved, added or deleted in a notebook.

    Args:
        notebook: a notebook; running it, or its outputs, change nothing.

    Returns:
        16 hexadecimal digits.
    """
    cells = [[cell.get("id"), cell.cell_type, cell.source] for cell in notebook.cells]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()[:16]


def solved_notebook(lesson: Lesson) -> NotebookNode:
    """The solved notebook, before it is executed: with answers and the instructor's cells.

    Args:
        lesson: the lesson.

    Returns:
        A notebook without outputs.

    Raises:
        LessonError: a directive cannot be carried out.
    """
    return _notebook(lesson, solved=True)


def _notebook(lesson: Lesson, solved: bool) -> NotebookNode:
    check_names(lesson)
    cells = []
    # What is for the instructor comes last, so that a reader of the solved notebook meets the
    # lesson first.
    for cell in sorted(lesson.cells, key=lambda cell: "instructor" in cell.tags):
        if "picture" in cell.tags or ("instructor" in cell.tags and not solved):
            continue
        if cell.kind == "exercise":
            cells += _exercise_cells(lesson, cell, solved)
        elif cell.kind == "show":
            thing = find_object(cell.target, f"{lesson.name}, cell {cell.name}")
            cells.append(_make(lesson, cell, "show", source_of(thing)))
        else:
            kind = "instructor" if "instructor" in cell.tags else cell.kind
            code = cell.kind == "code"
            where = f"{lesson.name}, cell {cell.name}"
            source = cell.source if code else fill_in(cell.source, where)
            cells.append(_make(lesson, cell, kind, source, code=code))
    _attach_picture(lesson, cells[0])
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.nbformat_minor = 5
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {
                "display_name": "Python 3 (ipykernel)",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
            "vos_lab": {
                "lesson": lesson.name,
                "title": lesson.title,
                "minutes": lesson.minutes,
                "needs": list(lesson.needs),
                "version": vos_lab.__version__,
            },
        }
    )
    ids = [cell.id for cell in cells]
    for identifier in ids:
        if ids.count(identifier) > 1:
            raise LessonError(f"{lesson.name}: two cells get the id {identifier!r}. Rename one.")
    nbformat.validate(notebook)
    return notebook


def picture_cell(lesson: Lesson) -> Cell | None:
    """The cell that draws the picture of a lesson, or None."""
    return next((cell for cell in lesson.cells if "picture" in cell.tags), None)


def _attach_picture(lesson: Lesson, title: NotebookNode) -> None:
    """Put the picture of a lesson below the heading of its first text."""
    cell = picture_cell(lesson)
    if cell is None:
        return
    if lesson.picture is None or len(lesson.picture) > MAX_PICTURE:
        fault = "missing" if lesson.picture is None else f"larger than {MAX_PICTURE} bytes"
        raise LessonError(
            f"{lesson.name}: its picture is {fault}. `vos-lab build {lesson.name} --pictures` "
            f"draws the one that cell {cell.name} describes."
        )
    heading, _, rest = title.source.partition("\n")
    name = f"{lesson.name}.webp"
    title.source = f"{heading}\n\n![{_alt_text(lesson, cell)}](attachment:{name})\n{rest}"
    title.attachments = {name: {"image/webp": base64.b64encode(lesson.picture).decode()}}


def _alt_text(lesson: Lesson, cell: Cell) -> str:
    """The description in the call that draws a picture."""
    for node in ast.walk(ast.parse(cell.source)):
        if isinstance(node, ast.keyword) and node.arg == "alt":
            return str(ast.literal_eval(node.value))
    raise LessonError(f"{lesson.name}, cell {cell.name}: its picture has no description (alt=)")


def only_draws(source: str) -> bool:
    """Whether a cell does nothing but draw a figure or ask a question of the quiz.

    Example:
        >>> only_draws("figures.table(rows, title='J')"), only_draws("rows = measure()")
        (True, False)
    """
    try:
        body = ast.parse(source).body
    except SyntaxError:  # await, magics
        return False
    return bool(body) and all(
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func).partition(".")[0] in DRAWING
        for node in body
    )


def _exercise_cells(lesson: Lesson, cell: Cell, solved: bool) -> list[NotebookNode]:
    """Heading, answer and check of an exercise."""
    marked = find_exercise(cell, lesson)
    function = marked.reference.__name__
    source = source_of(marked)
    heading = _make(lesson, cell, "heading", _heading(cell, marked), code=False, part="heading")
    answer = _make(lesson, cell, "exercise", source if solved else stub_of(source))
    checking = _make(lesson, cell, "check", f"check({function})", part="check")
    # nbgrader, schema 3: the answer is a solution, the check a locked test that has the points.
    for made, grade, points in ((answer, False, None), (checking, True, cell.points)):
        made.metadata["nbgrader"] = {
            "schema_version": 3,
            "grade_id": _identifier(cell.name, "check" if grade else ""),
            "grade": grade,
            "locked": grade,
            "solution": not grade,
            "task": False,
            "cell_type": "code",
        }
        if points is not None:
            made.metadata["nbgrader"]["points"] = points
    if not solved:
        # An exercise that is not yet written does not stop "Run All".
        checking.metadata["tags"] = [*checking.metadata.get("tags", []), "raises-exception"]
    return [heading, answer, checking]


def _heading(cell: Cell, marked: Exercise[..., Any]) -> str:
    title = cell.title or f"`{marked.reference.__name__}`"
    return (
        f"### Exercise: {title}\n\n"
        f"{marked.minutes} minutes · difficulty {_dots(marked.difficulty)} · "
        f"importance {_dots(marked.importance)}" + ("" if cell.points else " · optional, no points")
    )


def _dots(level: int) -> str:
    return "●" * level + "○" * (5 - level)


def _make(
    lesson: Lesson, cell: Cell, kind: str, source: str, code: bool = True, part: str = ""
) -> NotebookNode:
    """A notebook cell with its id and metadata."""
    make = nbformat.v4.new_code_cell if code else nbformat.v4.new_markdown_cell
    ours = {"kind": kind, "name": cell.name}
    if cell.kind == "exercise":
        ours["exercise"] = cell.target
    metadata: dict[str, Any] = {"vos_lab": ours, "slideshow": {"slide_type": cell.slide}}
    if cell.tags:
        metadata["tags"] = list(cell.tags)
    if kind == "code" and (cell.name == "imports" or only_draws(source)):
        metadata["jupyter"] = {"source_hidden": True}
    return make(source, id=_identifier(lesson.name, cell.name, part), metadata=metadata)


def _identifier(*parts: str) -> str:
    """An id for a cell: letters, digits, - and _, at most 64 of them."""
    identifier = re.sub(r"[^a-zA-Z0-9_-]+", "-", "-".join(part for part in parts if part))
    if len(identifier) > 64:
        identifier = f"{identifier[:55]}-{hashlib.sha256(identifier.encode()).hexdigest()[:8]}"
    return identifier


def as_text(notebook: NotebookNode) -> str:
    """A notebook as the text of its file: the same notebook gives the same bytes."""
    return nbformat.writes(notebook, version=4).rstrip("\n") + "\n"
