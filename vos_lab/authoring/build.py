"""Write the notebooks: ``lessons/*.py`` to ``notebooks/*.ipynb`` and ``solutions/*.ipynb``.

What a notebook says follows from its lesson alone (:mod:`vos_lab.authoring.lessons`). Here the
solved ones are executed, their outputs are cleaned, and what is on disk is compared with what
should be.
"""

import ast
import copy
import difflib
import itertools
import json
import os
import re
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from vos_lab.authoring.contents import lesson_files, readme
from vos_lab.authoring.lessons import (
    PICTURES,
    Lesson,
    as_text,
    digest,
    picture_cell,
    read_lesson,
    solved_notebook,
    student_notebook,
)
from vos_lab.authoring.notebooks import NotANotebook, RawNotebook, read_notebook
from vos_lab.course_files import COURSE_FOLDER

MAX_BYTES = 600_000
MAX_SECONDS_NOTEBOOK = 90
MAX_SECONDS_CELL = 30
TIMEOUT = 600  # a cell that takes longer is stopped; what takes longer than the above is reported
QUIET = ["--log-level=ERROR"]  # of the kernel itself: it warns about its own sockets
PROGRESS = re.compile(r"\d+%\||\d+it \[")  # the bars of tqdm, in text and as a widget
WIDGET = "application/vnd.jupyter.widget-view+json"


class BuildError(RuntimeError):
    """Notebooks cannot be built, or are not what the lessons say."""


@dataclass(frozen=True)
class Built:
    """What became of a lesson.

    Attributes:
        name: of the lesson.
        executed: whether its solved notebook was executed just now.
        seconds: how long that took.
        slow: cells that took longer than they should, with their seconds.
        bytes: size of the solved notebook; 0 if there is none.
    """

    name: str
    executed: bool
    seconds: float
    slow: tuple[tuple[str, float], ...]
    bytes: int


# --- the commands -----------------------------------------------------------------------------


def build(
    lessons: Sequence[str] | None = None,
    check: bool = False,
    execute: bool = True,
    force: bool = False,
    pictures: bool = False,
    root: str | Path = COURSE_FOLDER,
) -> list[Built]:
    """Write the notebooks of lessons and the table of ``README.md``, or check that they are there.

    A solved notebook is executed only if something other than its outputs has changed: outputs
    that nobody needs new would swell the history. A student's notebook that was written in is
    never lost: it is moved to ``NAME.saved-1.ipynb`` first.

    Args:
        lessons: names, for example ``["01_metrics"]``; by default all.
        check: write nothing; compare with what is on disk.
        execute: False leaves the solved notebooks as they are.
        force: execute every solved notebook.
        pictures: draw the pictures that the lessons open with anew, first of all.
        root: holds ``lessons/``, ``notebooks/``, ``solutions/`` and ``README.md``.

    Returns:
        What became of each lesson.

    Raises:
        BuildError: a cell failed or warned, a notebook is too large, or (with ``check``)
            something other than outputs differs; says where.
        LessonError: a lesson cannot be built.
        FileNotFoundError: there is no folder of lessons, or no such lesson.
    """
    root = Path(root)
    read = read_lessons(root, lessons)
    if pictures and not check:
        for lesson in read:
            draw_picture(lesson, root / "lessons" / PICTURES)
        read = read_lessons(root, lessons)
    if check:
        _compare(read, root, everything=lessons is None)
        print(f"{len(read)} lessons: notebooks, solutions and README.md are what the lessons say")
        return []
    report = []
    for lesson in read:
        path = root / "notebooks" / f"{lesson.name}.ipynb"
        text = as_text(student_notebook(lesson))
        saved = save_answers(path, text)
        if saved is not None:
            print(f"{lesson.name}: {path} held changes; they are kept in {saved.name}", flush=True)
        _write(path, text)
        path = root / "solutions" / f"{lesson.name}.ipynb"
        solved = solved_notebook(lesson)
        current = path.is_file() and as_text(without_outputs(_read(path))) == as_text(solved)
        seconds = 0.0
        slow: dict[str, float] = {}
        if execute and (force or not current):
            print(f"{lesson.name}: executing ...", flush=True)
            started = time.perf_counter()
            solved, cells = run_notebook(solved, lesson.name, root / "notebooks")
            seconds = time.perf_counter() - started
            slow = {name: taken for name, taken in cells.items() if taken > MAX_SECONDS_CELL}
            text = as_text(clean(solved, lesson.name))
            check_size(solved, text, lesson.name)
            _write(path, text)
        size = path.stat().st_size if path.is_file() else 0
        built = Built(lesson.name, seconds > 0, seconds, tuple(slow.items()), size)
        print(_in_words(built), flush=True)
        report.append(built)
    texts = readme(root)
    if texts is not None:
        _write(root / "README.md", texts[1])
    return report


def draw_picture(lesson: Lesson, folder: Path) -> None:
    """Draw the picture that a lesson opens with, by its imports and the cell that describes it.

    Args:
        lesson: the lesson; without such a cell nothing is drawn.
        folder: in which the file is kept.

    Raises:
        BuildError: the last line of the cell is no figure in the form of a WebP file.
    """
    cell = picture_cell(lesson)
    if cell is None:
        return
    scope: dict[str, Any] = {}
    for imports in (each for each in lesson.cells if each.name == "imports"):
        exec(imports.source, scope)
    *statements, last = ast.parse(cell.source).body
    exec(compile(ast.Module(statements, []), cell.name, "exec"), scope)
    figure = eval(ast.unparse(last), scope)
    if getattr(figure, "mime", "") != "image/webp":
        raise BuildError(f"{lesson.name}, cell {cell.name}: must end in figures.clip(...)")
    folder.mkdir(exist_ok=True)
    (folder / f"{lesson.name}.webp").write_bytes(figure.data)


def check_notebook(path: str | Path, timeout: int = 120) -> list[dict[str, Any]]:
    """Run the answers and checks of a student's notebook, without the rest of the lesson.

    What runs: imports, functions and classes of every cell, the answers, and the checks, in the
    order of the notebook.

    Args:
        path: a notebook made by ``vos-lab build``, filled in or not.
        timeout: seconds for a cell.

    Returns:
        For each check: exercise (full name), outcome (passed, failed, not attempted, error),
        points, possible, message (the verdict, or what went wrong).

    Raises:
        FileNotFoundError: there is no such notebook.
        ValueError: it is no notebook of this course.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such notebook")
    try:
        read = read_notebook(path.read_bytes())
    except NotANotebook as error:
        raise ValueError(f"{path}: cannot be read as a notebook: it {error}") from None
    if read.damage:
        raise ValueError(f"{path}: {read.damage[:200]}. Take it from a backup, or save it again")
    notebook = _as_node(read)
    cells = []
    checks: dict[str, NotebookNode] = {}
    for cell in notebook.cells:
        kind, exercise = _marks(cell)
        if cell.cell_type != "code":
            continue
        if kind == "check" and exercise:
            # Written anew: an emptied check would raise nothing, and so count as passed.
            function = exercise.rpartition(".")[2]
            cell.source = f"from vos_lab.course import check\ncheck({function})"
            checks[exercise] = cell  # of a check that was copied, the last one counts
        elif kind not in ("exercise", "show"):
            cell.source = _definitions(cell.source)
        cells.append(cell)
    if not checks:
        raise ValueError(f"{path}: holds no exercise of this course")
    notebook.cells = cells
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",  # whatever the kernel was called where the notebook was saved
        interrupt_on_timeout=True,
        extra_arguments=QUIET,
        allow_errors=True,
        resources={"metadata": {"path": str(path.absolute().parent)}},
    )
    with suppress(DeadKernelError):  # the checks that did not run say so below
        client.execute(env=_environment(None))
    marks = [(*_marks(cell), _error(cell)) for cell in cells]
    answers = {exercise: error for kind, exercise, error in marks if kind == "exercise"}
    return [_row(exercise, cell, answers) for exercise, cell in checks.items()]


# --- reading and writing ----------------------------------------------------------------------


def read_lessons(
    root: str | Path = COURSE_FOLDER, names: Sequence[str] | None = None
) -> list[Lesson]:
    """Read lessons.

    Args:
        root: the folder that holds ``lessons/``.
        names: which; by default all.

    Raises:
        FileNotFoundError: there is no folder of lessons, or no such lesson.
        LessonError: a lesson cannot be read.
    """
    return [read_lesson(file) for file in lesson_files(root, names).values()]


def _read(path: Path) -> NotebookNode:
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:
        raise BuildError(f"{path}: cannot be read as a notebook ({error})") from None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_bytes() != text.encode():
        # In one step, so that an interruption leaves no half of it.
        unfinished = path.with_name(f".{path.name}.part")
        unfinished.write_bytes(text.encode())
        unfinished.replace(path)


def save_answers(path: Path, text: str) -> Path | None:
    """Move a notebook aside, unless it is just what some build has written.

    Args:
        path: of the student's notebook.
        text: that will be written there.

    Returns:
        Where its content is now: a file that was not there before. None if nothing would be lost,
        as nobody has written into it; its outputs do not count.
    """
    if not path.exists() or path.read_bytes() == text.encode():
        return None
    try:
        there = nbformat.read(path, as_version=4)
        if there.metadata["vos_lab"]["digest"] == digest(there):
            return None
    except Exception:  # damaged, or of another origin: who knows what it is worth
        pass
    names = (path.with_name(f"{path.stem}.saved-{n}.ipynb") for n in itertools.count(1))
    saved = next(name for name in names if not name.exists())
    path.rename(saved)
    return saved


def _in_words(built: Built) -> str:
    size = f"solved {built.bytes / 1000:.0f} KB" if built.bytes else "not solved"
    words = f"{built.name}: {size}, " + (
        f"executed in {built.seconds:.0f} s" if built.executed else "outputs kept"
    )
    if built.seconds > MAX_SECONDS_NOTEBOOK:
        words += f" (more than the {MAX_SECONDS_NOTEBOOK} s of the budget)"
    for name, seconds in built.slow:
        words += f"\n  cell {name} takes {seconds:.0f} s, more than {MAX_SECONDS_CELL} s"
    return words


# --- comparing --------------------------------------------------------------------------------


def without_outputs(notebook: NotebookNode) -> NotebookNode:
    """A copy of a notebook as it was before it was executed."""
    bare = copy.deepcopy(notebook)
    for cell in bare.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return bare


def _compare(read: Sequence[Lesson], root: Path, everything: bool) -> None:
    """Raise unless the notebooks on disk are those of the lessons."""
    problems = []
    for lesson in read:
        for folder, due in (
            ("notebooks", student_notebook(lesson)),
            ("solutions", solved_notebook(lesson)),
        ):
            path = root / folder / f"{lesson.name}.ipynb"
            name = f"{folder}/{path.name}"
            if not path.is_file():
                problems.append(f"{name}: is missing")
                continue
            text = path.read_text(encoding="utf-8")
            there = _read(path)
            bare = without_outputs(there) if folder == "solutions" else there
            if as_text(bare) != as_text(due):
                problems.append(f"{name}: differs from its lesson\n{_diff(bare, due)}")
            elif as_text(there) != text:
                problems.append(f"{name}: was written by something other than `vos-lab build`")
            elif folder == "solutions" and all(
                cell.get("execution_count") is None for cell in there.cells
            ):
                problems.append(f"{name}: was not executed")
    texts = readme(root)
    if texts is not None and texts[0] != texts[1]:
        problems.append("README.md: its table of lessons differs from their headers")
    # In notebooks/, a student's own and saved ones are welcome.
    for path in sorted((root / "solutions").glob("*.ipynb")) if everything else ():
        if path.stem not in {lesson.name for lesson in read}:
            problems.append(f"solutions/{path.name}: has no lesson; delete it")
    if problems:
        raise BuildError(
            "\n".join(problems) + "\nLessons are edited in lessons/ only; then: vos-lab build"
        )


def _diff(there: NotebookNode, due: NotebookNode, most: int = 30) -> str:
    """What differs between two notebooks, as lines of cells."""

    def lines(notebook: NotebookNode) -> list[str]:
        found = [f"metadata {json.dumps(notebook.metadata, sort_keys=True)}"]
        for cell in notebook.cells:
            metadata = json.dumps(cell.metadata, sort_keys=True)
            found.append(f"[{cell.cell_type} {cell.get('id')}] {metadata}")
            found += cell.source.split("\n")
            if cell.cell_type == "code" and cell.outputs:
                found.append(f"({len(cell.outputs)} outputs)")
        return found

    changes = list(
        difflib.unified_diff(lines(there), lines(due), "on disk", "from the lesson", "", "", 1, "")
    )
    more = [f"... and {len(changes) - most} lines more"] if len(changes) > most else []
    return "\n".join(f"    {line}" for line in changes[:most] + more)


# --- executing --------------------------------------------------------------------------------


def _environment(data: str | None) -> dict[str, str]:
    """What the kernel sees: few threads, the same hashes, no progress bars, nothing solved yet."""
    fixed = {"OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "0", "TQDM_DISABLE": "1"}
    fixed["VOS_LAB_PROGRESS"] = ""
    return {**os.environ, **fixed, **({"VOS_LAB_DATA": data} if data is not None else {})}


def run_notebook(
    notebook: NotebookNode, name: str, folder: str | Path, store_widgets: bool = False
) -> tuple[NotebookNode, dict[str, float]]:
    """Execute a notebook from top to bottom, without real data.

    Args:
        notebook: is left as it is.
        name: of the lesson, for errors.
        folder: in which it runs.
        store_widgets: whether its metadata hold the widgets afterwards.

    Returns:
        The executed notebook, and the seconds of each code cell by its name.

    Raises:
        BuildError: a cell raised, or took too long.
    """
    executed = copy.deepcopy(notebook)
    client = NotebookClient(
        executed,
        timeout=TIMEOUT,
        kernel_name="python3",
        extra_arguments=QUIET,
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=store_widgets,
        coalesce_streams=True,
        record_timing=True,
    )
    with tempfile.TemporaryDirectory(prefix="no-real-data-") as empty:
        try:
            client.execute(env=_environment(empty))
        except CellExecutionError as error:
            raise BuildError(f"{name}: {_failed_cell(executed)}{error}") from None
        except CellTimeoutError:
            raise BuildError(f"{name}: a cell took more than {TIMEOUT} s") from None
    return executed, {_name(c): _seconds(c) for c in executed.cells if c.cell_type == "code"}


def _failed_cell(notebook: NotebookNode) -> str:
    return next((f"cell {_name(c)} failed\n" for c in notebook.cells if _error(c)), "")


def _name(cell: NotebookNode) -> str:
    ours = cell.metadata.get("vos_lab", {})
    return f"{ours.get('name', cell.get('id'))}" + (
        " (check)" if ours.get("kind") == "check" else ""
    )


def _seconds(cell: NotebookNode) -> float:
    """How long a cell ran, from the times that nbclient notes."""
    times = cell.metadata.get("execution", {})
    start, end = times.get("iopub.execute_input"), times.get("shell.execute_reply")
    if not start or not end:
        return 0.0
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def clean(notebook: NotebookNode, name: str) -> NotebookNode:
    """Take out of an executed notebook what would differ next time, or fill the history.

    Args:
        notebook: executed; is changed.
        name: of the lesson, for errors.

    Returns:
        The notebook: no times, no widget state, no progress bars; a widget is its static picture.

    Raises:
        BuildError: a cell wrote a warning, or anything else, to stderr; or a widget has no
            static picture.
    """
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = nbformat.from_dict({"name": "python"})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        kept = []
        for output in cell.outputs:
            where = f"{name}, cell {_name(cell)}"
            if output.output_type == "stream" and output.name == "stderr":
                lines = re.split(r"[\r\n]+", output.text)
                text = "\n".join(x for x in lines if x.strip() and not PROGRESS.search(x))
                if text:
                    raise BuildError(
                        f"{where} wrote to stderr. Mend what it warns of, or catch the warning "
                        f"where it is raised:\n{text}"
                    )
                continue
            if "data" in output:
                if PROGRESS.search(output.data.get("text/plain", "")):
                    continue
                _clean_data(output, where)
            kept.append(output)
        cell.outputs = kept
    return notebook


def _clean_data(output: NotebookNode, where: str) -> None:
    data = output.data
    if WIDGET in data:
        if not any(kind == "text/html" or kind.startswith("image/") for kind in data):
            raise BuildError(
                f"{where}: its widget has no static picture for where no kernel runs. Give it "
                "text/html or an image in _repr_mimebundle_."
            )
        del data[WIDGET]
    if "text/plain" in data:
        # <Figure at 0x7f...>: an address is another one each time.
        data["text/plain"] = re.sub(r"\b0x[0-9a-f]{6,}\b", "0x...", data["text/plain"])


def check_size(notebook: NotebookNode, text: str, name: str) -> None:
    """Make sure that a notebook is within its budget.

    Args:
        notebook: the notebook.
        text: of its file.
        name: of the lesson, for the error.

    Raises:
        BuildError: it is larger; names the largest outputs.
    """
    size = len(text.encode())
    if size <= MAX_BYTES:
        return
    parts = [
        (len(str(value)), f"cell {_name(cell)}: {len(str(value)) / 1000:.0f} KB of {kind}")
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        for kind, value in (output.get("data") or {"text": output.get("text", "")}).items()
    ]
    largest = "\n  ".join(words for _, words in sorted(parts, reverse=True)[:5])
    raise BuildError(
        f"{name}: the solved notebook has {size / 1000:.0f} KB, the budget is "
        f"{MAX_BYTES / 1000:.0f} KB. The largest outputs (use JPEG, or fewer frames):\n  {largest}"
    )


# --- a student's notebook ---------------------------------------------------------------------


def _definitions(source: str) -> str:
    """The imports, functions and classes of a cell; nothing of a cell that is not Python."""
    try:
        tree = ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError:
        return ""
    kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    tree.body = [node for node in tree.body if isinstance(node, kinds)]
    return ast.unparse(tree)


def _error(cell: NotebookNode) -> NotebookNode | None:
    outputs = cell.get("outputs", ())
    return next((output for output in outputs if output.output_type == "error"), None)


def _as_node(read: RawNotebook) -> NotebookNode:
    """A notebook in today's format, ready to be run."""
    make = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    cells = [
        make[cell.kind != "code"](
            cell.source, id=f"cell-{cell.number}", metadata=nbformat.from_dict(cell.metadata)
        )
        for cell in read.cells
    ]
    return nbformat.v4.new_notebook(cells=cells, metadata=nbformat.from_dict(read.metadata))


def _marks(cell: NotebookNode) -> tuple[str, str]:
    """The kind of a cell, and the full name of its exercise; empty where it has none."""
    ours = cell.metadata.get("vos_lab")
    if not isinstance(ours, dict):
        return "", ""
    return str(ours.get("kind", "")), str(ours.get("exercise", ""))


def _row(
    exercise: str, cell: NotebookNode, answers: dict[str, NotebookNode | None]
) -> dict[str, Any]:
    """The result of a check cell that has run."""
    graded = cell.metadata.get("nbgrader")
    points = graded.get("points", 1) if isinstance(graded, dict) else 1
    possible = points if isinstance(points, int | float) else 1
    printed = "".join(o.text for o in cell.outputs if o.get("name") == "stdout").strip()
    error = _error(cell)
    if cell.execution_count is None:
        outcome, message = "error", "was not run: an answer or a check ended the kernel"
    elif error is None:
        outcome, message = "passed", printed
    elif error.ename in ("CheckFailed", "NotAttempted"):
        outcome, message = error.evalue.rpartition(": ")[2], printed
    else:
        answer = answers.get(exercise)
        outcome = "error"
        if error.ename == "CheckError":
            message = printed
        elif answer is not None:
            message = f"the answer does not run: {answer.ename}: {answer.evalue}"
        else:
            message = f"{error.ename}: {error.evalue}"
    return {
        "exercise": exercise,
        "outcome": outcome,
        "points": possible if outcome == "passed" else 0,
        "possible": possible,
        "message": message,
    }
