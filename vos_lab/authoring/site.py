"""The solved course as a static site, for any web server: ``vos-lab site --out DIR``.

Sphinx makes it, with myst-nb for the notebooks and furo for the look. Here the solved notebooks are
made ready for it: formulas become pictures (by ziamath, as on slides), quizzes open without a
kernel, and the widgets that do all their work in the browser live on. Those are run for it, with
the cells that they need and no others, as solved notebooks keep no widgets.
"""

import ast
import hashlib
import html
import io
import json
import re
import shutil
import symtable
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from vos_lab.authoring.build import WIDGET, read_lessons, run_notebook
from vos_lab.authoring.contents import lessons as contents
from vos_lab.authoring.lessons import PICTURES, Lesson, as_text, student_notebook
from vos_lab.authoring.present import formula, widget_cells, widget_classes
from vos_lab.course_files import COURSE_FOLDER
from vos_lab.exercises.quiz import QUIZZES, Question, read_quiz

HERE = Path(__file__).parent
LIVE = "live"  # the folder of the living widgets, in what Sphinx copies as it is
NOTEBOOKS = "notebooks"  # the folder of the notebooks to download


@dataclass(frozen=True)
class Places:
    """Where a reader can open the notebooks: addresses, each empty where there is none.

    An address may say with ``{notebook}`` where the name of the file goes. Otherwise it is the one
    of a hub, of a repository on Binder, or of its notebooks' parent folder on Colab, as below.

    Attributes:
        jupyterhub: for example ``https://hub.example.org``, whose servers have the notebooks in
            ``course/``, as in the image of ``docs/jupyterhub``.
        binder: for example ``https://mybinder.org/v2/gh/NAME/REPOSITORY/HEAD``.
        colab: for example ``https://colab.research.google.com/github/NAME/REPOSITORY/blob/main``.

    Raises:
        ValueError: not an address.

    Example:
        >>> Places(binder="https://mybinder.org/v2/gh/me/mine/HEAD").links("05_osvos")
        {'Binder': 'https://mybinder.org/v2/gh/me/mine/HEAD?urlpath=lab/tree/notebooks/05_osvos.ipynb'}
        >>> Places(jupyterhub="https://hub.org/here/{notebook}").links("05_osvos")
        {'JupyterHub': 'https://hub.org/here/05_osvos.ipynb'}
    """

    jupyterhub: str = ""
    binder: str = ""
    colab: str = ""

    def __post_init__(self) -> None:
        for name, address in vars(self).items():
            if address and not re.match(r"https?://[^\s\"'<>]+$", address):
                raise ValueError(
                    f"--{name} {address!r}: is no address; it begins with https:// or http://"
                )

    def links(self, lesson: str) -> dict[str, str]:
        """The address of a lesson's notebook, by the name of each place that there is."""
        ends = {
            "JupyterHub": (self.jupyterhub, "/hub/user-redirect/lab/tree/course/{notebook}"),
            "Binder": (self.binder, "?urlpath=lab/tree/notebooks/{notebook}"),
            "Colab": (self.colab, "/notebooks/{notebook}"),
        }
        return {
            place: (address if "{notebook}" in address else address.rstrip("/") + end).replace(
                "{notebook}", f"{lesson}.ipynb"
            )
            for place, (address, end) in ends.items()
            if address
        }


def site(
    out: str | Path,
    lessons: Sequence[str] | None = None,
    live: Collection[str] | None = None,
    solutions: bool = True,
    places: Places | None = None,
    root: str | Path = COURSE_FOLDER,
) -> list[str]:
    """Write the course as a static site.

    Args:
        out: folder to write to; other files in it stay.
        lessons: names, for example ``["01_metrics"]``; by default all.
        live: of which lessons the widgets live on, by default of all; of the others there are
            pictures, and so there are where a widget needs a kernel. What these widgets need is
            run, which takes up to a minute for a lesson.
        solutions: False leaves the answers to exercises and quizzes out.
        places: where a reader can open the notebooks.
        root: holds ``lessons/`` and ``solutions/``.

    Returns:
        What Sphinx warns of, a line each; empty if all is well.

    Raises:
        FileNotFoundError: no such lesson, or its solved notebook is not there.
        BuildError: a cell that a widget needs fails.
        RuntimeError: Sphinx, myst-nb or furo is not installed.
    """
    _need_sphinx()
    places = places or Places()
    read = read_lessons(root, lessons)
    builds = {each["name"]: each["builds"] for each in contents(root)}
    solved = {lesson.name: _solved(Path(root), lesson) for lesson in read}
    with tempfile.TemporaryDirectory(prefix="vos-lab-site-") as folder:
        source = Path(folder) / "source"
        for name in (f"_static/{LIVE}", "extra/pictures", f"extra/{NOTEBOOKS}"):
            (source / name).mkdir(parents=True)
        for name in ("site.css", "site.js", "site.svg"):
            shutil.copy(HERE / name, source / "_static")
        for lesson in read:
            living = {}
            if live is None or lesson.name in live:
                living = _living(lesson, solved[lesson.name], source / "_static")
            page = _page(lesson, solved[lesson.name], living, solutions, places, solved)
            (source / f"{lesson.name}.ipynb").write_text(as_text(page), encoding="utf-8")
            handed_out = source / "extra" / NOTEBOOKS / f"{lesson.name}.ipynb"
            handed_out.write_text(as_text(student_notebook(lesson)), encoding="utf-8")
            if lesson.picture is not None:
                picture = source / "extra" / PICTURES / f"{lesson.name}.webp"
                picture.write_bytes(lesson.picture)
        (source / "index.md").write_text(_contents(read, solved, builds), encoding="utf-8")
        return _sphinx(source, Path(out), Path(folder) / "doctrees")


def _need_sphinx() -> None:
    try:
        import furo  # noqa: F401
        import myst_nb  # noqa: F401
        import sphinx  # noqa: F401
    except ImportError as error:
        raise RuntimeError(
            f"the site is made by Sphinx with myst-nb and furo, and {error.name} is not installed: "
            "`pip install vos-lab[site]`; in a clone, `pip install -e .[site] -c requirements.lock`"
        ) from None


def _solved(root: Path, lesson: Lesson) -> NotebookNode:
    path = root / "solutions" / f"{lesson.name}.ipynb"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: there is no solved notebook; `vos-lab build {lesson.name}` makes it"
        )
    return nbformat.read(path, as_version=4)


# --- the contents ------------------------------------------------------------------------------


def _contents(
    read: Sequence[Lesson], solved: dict[str, NotebookNode], builds: dict[str, str]
) -> str:
    """The page of contents: a card with a picture for each lesson."""
    cards, entries = [], []
    for lesson in read:
        number = lesson.name.partition("_")[0]
        title = html.escape(lesson.title)
        picture = ""
        if lesson.picture is not None:
            alt = re.search(r"!\[(.*?)\]\(attachment:", solved[lesson.name].cells[0].source, re.S)
            said = html.escape(alt[1] if alt else "", quote=True)
            picture = f'<img src="{PICTURES}/{lesson.name}.webp" alt="{said}" loading="lazy">'
        cards.append(
            f'<a class="vos-card" href="{lesson.name}.html">{picture}<b>{number} · {title}</b>'
            f"<span>You build: {html.escape(builds[lesson.name])}.</span>"
            f"<small>{lesson.minutes} minutes</small></a>"
        )
        entries.append(f"{number} · {lesson.title} <{lesson.name}>")
    return "\n".join(
        [
            "# Video object segmentation, by hand",
            "",
            "Somebody points at one animal in the first frame of a video. The task is to find it "
            "again, to the pixel, in every frame that follows. In this course you build the "
            "systems that do it, you see where they work and fail, and you measure both.",
            "",
            f'<div class="vos-cards">{"".join(cards)}</div>',
            "",
            "```{toctree}",
            ":hidden:",
            "",
            *entries,
            "```",
            "",
        ]
    )


# --- a lesson ----------------------------------------------------------------------------------


def _page(
    lesson: Lesson,
    solved: NotebookNode,
    living: dict[str, str],
    solutions: bool,
    places: Places,
    there: Collection[str],
) -> NotebookNode:
    """A notebook for Sphinx: what a reader is to see of a solved one."""
    stubs = {cell.id: cell.source for cell in student_notebook(lesson).cells}
    path = QUIZZES / f"{lesson.name}.toml"
    questions = read_quiz(path) if solutions and path.is_file() else {}
    widgets = widget_cells(solved)
    cells: list[NotebookNode] = []
    for cell in solved.cells:
        kind, name = cell.metadata.vos_lab.kind, cell.metadata.vos_lab.name
        if kind == "instructor":
            continue
        if cell.cell_type == "markdown":
            text = _links(_picture(cell), there)
            if not cells:
                heading, _, rest = text.partition("\n")
                text = f"{heading}\n\n{_open(lesson, places, solutions)}\n{rest}"
            cells.append(nbformat.v4.new_markdown_cell(text, id=cell.id))
            continue
        if kind == "exercise":
            stub = nbformat.v4.new_code_cell(stubs[cell.id], id=f"{cell.id[:58]}-stub")
            cells.append(stub)
            if not solutions:
                continue
        made = nbformat.v4.new_code_cell(cell.source, id=cell.id)
        question = re.fullmatch(r'quiz\("[^"]+", "([^"]+)"\)', cell.source.strip())
        if question:
            made.metadata["tags"] = ["remove-input"]
        elif kind == "exercise" or cell.metadata.get("jupyter", {}).get("source_hidden"):
            shown = "Show a solution" if kind == "exercise" else "Show the code"
            made.metadata["tags"] = ["hide-input"]
            made.metadata["mystnb"] = {
                "code_prompt_show": shown,
                "code_prompt_hide": shown.replace("Show", "Hide"),
            }
        for output in cell.outputs:
            data = output.get("data")
            if data is not None and "text/html" in data:
                shown = data["text/html"]
                if question and question[1] in questions:
                    shown = _quiz(questions[question[1]])
                shown = f'<div class="vos-shown">{shown}</div>'
                if name in widgets:
                    shown = _widget(shown, living.get(name))
                output = nbformat.v4.new_output("display_data", {"text/html": shown})
            made.outputs.append(output)
        cells.append(made)
    page = nbformat.v4.new_notebook(cells=cells)
    page.metadata = {key: solved.metadata[key] for key in ("kernelspec", "language_info")}
    return page


def _picture(cell: NotebookNode) -> str:
    """The text of a cell; the picture that is attached to it becomes a file beside the page."""
    return re.sub(
        r"!\[(.*?)\]\(attachment:([^)]+)\)",
        lambda found: (
            f'<img class="vos-opening" src="{PICTURES}/{found[2]}" '
            f'alt="{html.escape(found[1], quote=True)}">'
        ),
        cell.source,
        flags=re.DOTALL,
    )


def _links(text: str, there: Collection[str]) -> str:
    """The text without links to lessons that are not on this site.

    Example:
        >>> _links("See [lesson 01](01_metrics.ipynb), [lesson 02](02_flow.ipynb).", ["01_metrics"])
        'See [lesson 01](01_metrics.ipynb), lesson 02.'
    """
    return re.sub(
        r"\[([^\]]+)\]\((\d\d_\w+)\.ipynb\)",
        lambda found: found[0] if found[2] in there else found[1],
        text,
    )


def _open(lesson: Lesson, places: Places, solutions: bool) -> str:
    """What stands below the title: how long it takes, and where to open the notebook."""
    ways = [f'<a href="{NOTEBOOKS}/{lesson.name}.ipynb" download>Download the notebook</a>']
    ways += [
        f'<a href="{html.escape(address, quote=True)}">Open in {place}</a>'
        for place, address in places.links(lesson.name).items()
    ]
    how = "" if solutions else " The outputs below were made with solutions that are not shown."
    return f'<p class="vos-open">{lesson.minutes} minutes. {" · ".join(ways)}.{how}</p>\n'


def _quiz(question: Question) -> str:
    """A question whose options open: each says whether it is right, and why."""
    options = "".join(
        f"<details><summary>{html.escape(option.text)}</summary>"
        f'<p class="{"right" if option.correct else "wrong"}">'
        f"<b>{'✓ Right.' if option.correct else '✗ Not quite.'}</b> "
        f"{html.escape(option.feedback)}</p></details>"
        for option in question.options
    )
    return f'<div class="vos-quiz"><p><b>{html.escape(question.text)}</b></p>{options}</div>'


def _widget(picture: str, address: str | None) -> str:
    """A widget: living, with its picture until it is there, or its picture with a line below."""
    if address is None:
        return (
            f'{picture}<p class="vos-still">This is a picture of a widget. It answers in the '
            "notebook, where Python runs.</p>"
        )
    return f'<div class="vos-live" data-widget="{address}">{picture}</div>'


# --- living widgets ----------------------------------------------------------------------------


def _living(lesson: Lesson, solved: NotebookNode, static: Path) -> dict[str, str]:
    """Run what the widgets of a lesson need, and keep those that do all their work in the browser.

    Returns:
        For the name of each cell with such a widget, the address of its file.
    """
    classes = {cls.__name__ for cls in widget_classes() if not getattr(cls, "needs_kernel", True)}
    names = [name for name, cls in widget_cells(solved).items() if cls in classes]
    if not names:
        return {}
    print(f"{lesson.name}: running what {len(names)} of its widgets need ...", flush=True)
    notebook = nbformat.from_dict({**solved, "cells": cells_needed(solved, names)})
    with tempfile.TemporaryDirectory(prefix="vos-lab-site-run-") as folder:  # cells write files
        done, _ = run_notebook(notebook, lesson.name, folder, store_widgets=True)
    states = done.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    found = {}
    for cell in done.cells:
        name = cell.metadata.vos_lab.name
        views = [o.data[WIDGET] for o in cell.outputs if "data" in o and WIDGET in o.data]
        if name in names and views:
            found[name] = _keep(f"{lesson.name}-{name}", states[views[-1]["model_id"]], static)
    return found


def _keep(name: str, model: dict[str, Any], static: Path) -> str:
    """Write state, script and style of a widget as files; return the address of the state."""
    state = {key: value for key, value in model["state"].items() if key not in ("_esm", "_css")}
    kept = {
        "state": state,
        "buffers": [[each["path"], each["data"]] for each in model.get("buffers", ())],
    }
    for key, ending in (("_esm", "js"), ("_css", "css")):
        text = model["state"][key]
        # Named by what is in it: players of all lessons have one script.
        file = f"{LIVE}/{hashlib.sha256(text.encode()).hexdigest()[:12]}.{ending}"
        (static / file).write_text(text, encoding="utf-8")
        kept[ending] = f"_static/{file}"
    (static / LIVE / f"{name}.json").write_text(json.dumps(kept), encoding="utf-8")
    return f"_static/{LIVE}/{name}.json"


def cells_needed(notebook: NotebookNode, names: Collection[str]) -> list[NotebookNode]:
    """The cells that have to run before some cells can, and those cells, in order.

    A cell is needed if it sets a name that a needed cell below it reads, or changes what the name
    stands for. Answers and checks are not: without them the library runs on its own functions.

    Args:
        notebook: the solved notebook.
        names: of the cells that are wanted.
    """
    needed: list[NotebookNode] = []
    missing: set[str] = set()
    for cell in reversed(notebook.cells):
        ours = cell.metadata.vos_lab
        if cell.cell_type != "code" or ours.kind in ("exercise", "check", "instructor"):
            continue
        reads, sets, changes = names_of(cell.source)
        if ours.name in names or (sets | changes) & missing:
            needed.insert(0, cell)
            missing = (missing - sets) | reads
    return needed


def names_of(source: str) -> tuple[set[str], set[str], set[str]]:
    r"""The names that a cell reads from elsewhere, those that it sets, those that it may change.

    Example:
        >>> reads, sets, changes = names_of("n = 3\nrows[n] = [f(x) for x in found]\nboard.go(n)")
        >>> sorted(reads)
        ['board', 'f', 'found', 'rows']
        >>> sorted(sets), sorted(changes)
        (['n'], ['board', 'rows'])
    """
    reads: set[str] = set()
    sets: set[str] = set()
    changes: set[str] = set()
    for statement in ast.parse(source).body:
        table = symtable.symtable(ast.unparse(statement), "cell", "exec")
        here = {each.get_name() for each in table.get_symbols() if each.is_referenced()}
        here |= {name for child in table.get_children() for name in _from_outside(child)}
        new = {
            each.get_name()
            for each in table.get_symbols()
            if each.is_assigned() or each.is_imported() or each.is_namespace()
        }
        # A loop sets its own names first; n = n + 1 does not.
        reads |= here - sets - (set() if isinstance(statement, ast.Assign) else new)
        for node in ast.walk(statement):
            match node:
                case ast.Subscript(value=value, ctx=ast.Store()):
                    changes |= _root(value)
                case ast.Attribute(value=value, ctx=ast.Store()):
                    changes |= _root(value)
                case ast.AugAssign(target=target):
                    changes |= _root(target)
                    reads |= _root(target) - sets
                case ast.Expr(ast.Call(ast.Attribute(value=value))):
                    changes |= _root(value)
        sets |= new
    return reads, sets, changes


def _from_outside(table: symtable.SymbolTable) -> Iterator[str]:
    """The names of a cell that are read inside a function, a class or a comprehension of it."""
    yield from (each.get_name() for each in table.get_symbols() if each.is_global())
    for child in table.get_children():
        yield from _from_outside(child)


def _root(node: ast.expr) -> set[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


# --- Sphinx ------------------------------------------------------------------------------------


def _sphinx(source: Path, out: Path, doctrees: Path) -> list[str]:
    from sphinx.application import Sphinx

    warnings = io.StringIO()
    settings = {
        "project": "vos_lab",
        "html_title": "vos_lab",
        "language": "en",
        "extensions": ["myst_nb", "vos_lab.authoring.site"],
        "myst_enable_extensions": ["dollarmath", "amsmath"],
        "myst_heading_anchors": 3,
        "nb_execution_mode": "off",
        "html_theme": "furo",
        "html_math_renderer": "ziamath",
        "html_static_path": ["_static"],
        "html_extra_path": ["extra"],
        "exclude_patterns": ["extra"],
        "html_css_files": ["site.css"],
        "html_js_files": [["site.js", {"defer": "defer"}]],
        "html_favicon": "_static/site.svg",
        "html_copy_source": False,
        "html_show_sphinx": False,
        "html_show_copyright": False,
    }
    app = Sphinx(
        source,
        None,
        out,
        doctrees,
        "html",
        confoverrides=settings,
        status=None,
        warning=warnings,
        freshenv=True,
    )
    app.build(force_all=True)
    return [line for line in warnings.getvalue().replace(f"{source}/", "").splitlines() if line]


def setup(app: Any) -> dict[str, bool]:
    """Give Sphinx a renderer of formulas that needs no script and no fonts."""
    from docutils import nodes

    def inline(translator: Any, node: Any) -> None:
        translator.body.append(formula(node.astext()))
        raise nodes.SkipNode

    def block(translator: Any, node: Any) -> None:
        drawn = formula(node.astext(), display=True)
        translator.body.append(f'<div class="vos-formula">{drawn}</div>')
        raise nodes.SkipNode

    app.add_html_math_renderer("ziamath", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
