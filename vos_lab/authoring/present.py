"""Present a lesson: its pictures, widgets and questions as slides, from the notebook itself.

One page for both uses. *Live*, ``vos-lab present`` runs the solved notebook once, in a Jupyter
server of its own, and the browser talks to that kernel: widgets answer, and a reload of the page
costs nothing. *Exported*, the same page is one file without a server, and widgets are pictures.

Neither needs a network. Formulas become pictures here, by ziamath. What connects widgets to a
kernel comes from the package voila; its server is not used, as it runs a notebook again for every
visitor and every reload.
"""

import asyncio
import html
import importlib
import json
import os
import pkgutil
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import nbformat
import ziafont
import ziamath
from jupyter_core.paths import jupyter_path
from jupyterlab_server.config import get_federated_extensions
from nbclient import NotebookClient
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from vos_lab.authoring.build import PROGRESS, QUIET, WIDGET, read_lessons
from vos_lab.authoring.lessons import solved_notebook
from vos_lab.course_files import COURSE_FOLDER

HERE = Path(__file__).parent
PICTURES = ("image/svg+xml", "image/webp", "image/png", "image/jpeg")
TEMPLATES = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE), autoescape=True)
TEXT_SIZE = 27  # of a slide, in the pixels of slides.css


@dataclass
class Slide:
    """What is shown between two presses of the key for the next slide, or on several pages of it.

    Attributes:
        heading: of the slide, or of the one before if it has none.
        cells: HTML of what is shown, in order.
        notes: HTML for the speaker.
    """

    heading: str
    cells: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


# --- from cells to slides ---------------------------------------------------------------------


def slides(notebook: NotebookNode) -> list[Slide]:
    """Deal the cells of an executed, solved notebook into slides, by their slide types.

    Text that is not shown becomes the speaker's notes of the slide before it.

    Args:
        notebook: with outputs. Widgets of a running kernel are left for the browser to connect;
            of a saved notebook, their pictures are taken.

    Returns:
        The slides, in order.
    """
    dealt: list[Slide] = []
    heading, opening = "", False
    for cell in notebook.cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "skip")
        ours = cell.metadata.get("vos_lab", {})
        text = cell.cell_type == "markdown"
        source, exercise = _without_exercise(_with_pictures(cell)) if text else ("", "")
        found = re.search(r"^#+ (.+)$", source, re.MULTILINE)
        if found and kind != "notes" and ours.get("kind") != "heading":
            heading = _heading(found[1])  # of a text that is not shown, too: it leads to what is
        if ours.get("kind") == "instructor" and text and dealt:
            dealt[0].notes.append(_text(cell.source))  # it stands last, and is for the whole
        if ours.get("kind") == "instructor":
            continue
        if kind in ("skip", "notes"):
            if text and dealt and ours.get("kind") != "heading":
                dealt[-1].notes.append(_text(cell.source))
            continue
        shown = _text(source) if text else _outputs(cell)
        if not shown:
            continue
        # A title with its picture has a slide to itself: a question below it would shrink both.
        fresh = kind in ("slide", "subslide") or not dealt or opening
        opening = bool(cell.get("attachments"))
        if fresh:
            dealt.append(Slide(heading))
        look = "text" if text else "widget" if "<script" in shown else "output"
        step = " data-fragment" if kind == "fragment" and not fresh else ""
        dealt[-1].cells.append(f'<div class="cell {look}"{step}><div>{shown}</div></div>')
        dealt[-1].notes += [_text(exercise)] if exercise else []
    return dealt


def _with_pictures(cell: NotebookNode) -> str:
    """The text of a cell, with the pictures that are attached to it inside."""
    source: str = cell.source
    for name, forms in cell.get("attachments", {}).items():
        for mime, data in forms.items():
            source = source.replace(f"attachment:{name}", f"data:{mime};base64,{data}")
    return source


def _without_exercise(markdown: str) -> tuple[str, str]:
    r"""Text for the room, and what leads over to an exercise, which is for who works alone.

    Example:
        >>> _without_exercise("Pixels count. ## Write it")
        ('Pixels count. ## Write it', '')
        >>> _without_exercise("Pixels count.\n\n## Write it: J\n\nA line is short.")
        ('Pixels count.', '## Write it: J\n\nA line is short.')
        >>> _without_exercise("## Write it: smooth flow\n\nNeighbours move alike.")
        ('## Smooth flow\n\nNeighbours move alike.', '')
    """
    opening = re.match(r"(#+ )Write it: (\w)", markdown)
    if opening:
        return opening[1] + opening[2].upper() + markdown[opening.end() :], ""
    shown, *exercise = re.split(r"^(?=#+ Write it)", markdown, maxsplit=1, flags=re.MULTILINE)
    return shown.rstrip(), "".join(exercise)


def demo_slides(notebook: NotebookNode, names: Sequence[str]) -> list[Slide]:
    """One slide for each of some cells: their widgets alone."""
    found = []
    for cell in notebook.cells:
        name = cell.metadata.get("vos_lab", {}).get("name", "")
        shown = _outputs(cell) if name in names else ""
        if shown:
            found.append(Slide(name, [f'<div class="cell widget"><div>{shown}</div></div>']))
    return found


def _heading(markdown: str) -> str:
    return re.sub(r"[`*$]", "", markdown).strip()


def _outputs(cell: NotebookNode) -> str:
    """What a code cell shows, as HTML."""
    return "".join(filter(None, (_output(output) for output in cell.get("outputs", ()))))


def _output(output: NotebookNode) -> str:
    if output.output_type == "stream":
        return f"<pre>{html.escape(output.text)}</pre>" if output.name == "stdout" else ""
    if output.output_type == "error":
        return f"<pre>{html.escape(f'{output.ename}: {output.evalue}')}</pre>"
    data = output.data
    if PROGRESS.search(data.get("text/plain", "")):
        return ""
    if WIDGET in data:
        # The script of voila finds this, and puts the living widget in its place.
        shown = {"output_type": "display_data", "data": {WIDGET: data[WIDGET]}, "metadata": {}}
        live = json.dumps(shown).replace("</", "<\\/")
        return f'<div><script type="application/vnd.voila.cell-output+json">{live}</script></div>'
    if "text/html" in data:
        return data["text/html"]
    for mime in PICTURES:
        if mime in data:
            if mime == "image/svg+xml":
                return data[mime]
            return f'<img src="data:{mime};base64,{data[mime].strip()}" alt="">'
    return f"<pre>{html.escape(data['text/plain'])}</pre>" if "text/plain" in data else ""


# --- text and mathematics ---------------------------------------------------------------------


class _Renderer(IPythonRenderer):
    """Markdown as HTML, with formulas drawn: no fonts and no script to fetch."""

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        return f"<h{level}>{text}</h{level}>\n"

    def block_math(self, body: str) -> str:
        return formula(body, display=True)

    def inline_math(self, body: str) -> str:
        return formula(body)

    def latex_environment(self, name: str, body: str) -> str:
        return formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", display=True)


def _text(markdown: str) -> str:
    return MarkdownWithMath(renderer=_Renderer(escape=False)).render(markdown)


def formula(tex: str, display: bool = False) -> str:
    r"""A formula as a picture that scales, in the colour of the text around it.

    Args:
        tex: in LaTeX, without dollar signs.
        display: whether it stands on a line of its own.

    Returns:
        HTML. Screen readers read the LaTeX. A formula that cannot be drawn stays LaTeX.

    Example:
        >>> formula(r"\frac{a}{b}").startswith('<span class="math" role="img" aria-label="')
        True
    """
    said = html.escape(" ".join(tex.split()), quote=True)
    look = "math display" if display else "math"
    try:
        size = TEXT_SIZE * (1.25 if display else 1)
        ziafont.config.svg2 = False  # each formula whole, without names that another may have too
        drawn = ziamath.Latex(tex.strip(), size=size, color="currentColor", inline=not display)
        drawing = drawn.svg()
        below = 0.0 if display else float(drawn.getyofst())
    except Exception:  # whatever a formula of a later lesson may hold, the talk goes on
        return f'<span class="{look}"><code>{said}</code></span>'
    # In units of the text, so that it grows and shrinks with it.
    drawing = re.sub(
        r'(width|height)="([\d.]+)(?:px)?"',
        lambda found: f'{found[1]}="{float(found[2]) / TEXT_SIZE:.3f}em"',
        drawing,
        count=2,
    )
    lowered = f' style="vertical-align: {below / TEXT_SIZE:.3f}em"' if not display else ""
    return f'<span class="{look}" role="img" aria-label="{said}"{lowered}>{drawing}</span>'


# --- the page ---------------------------------------------------------------------------------

KEYS = {
    "Page Down, space, →": "next (a clicker sends Page Down; it works inside a widget too)",
    "Page Up, ←": "back",
    "Home, End": "first, last",
    "Escape": "leave a widget, so that the keys are those of the slides again",
    "f": "full screen",
    "d": "dark, light",
    "s": "speaker notes, in a window of their own",
    "?": "this help",
}


def page(title: str, shown: Sequence[Slide], head: str = "", demo: bool = False) -> str:
    """The whole page of slides, with its style and script inside.

    Args:
        title: of the lesson.
        shown: the slides.
        head: more HTML for its head.
        demo: leave the footer out.
    """
    return TEMPLATES.get_template("slides.html").render(
        title=title,
        slides=shown,
        head=head,
        demo=demo,
        keys=KEYS,
        style=(HERE / "slides.css").read_text(encoding="utf-8"),
        script=(HERE / "slides.js").read_text(encoding="utf-8"),
    )


def export(name: str, out: str | Path, root: str | Path = COURSE_FOLDER) -> Path:
    """Write the slides of a lesson to one HTML file that needs no server and no network.

    Args:
        name: of the lesson, for example ``02_optical_flow``.
        out: the file to write.
        root: the folder that holds ``lessons/``.

    Returns:
        The file.

    Raises:
        FileNotFoundError: no such lesson, or its solved notebook is not there.
    """
    lesson = read_lessons(root, [name])[0]
    path = Path(root) / "solutions" / f"{lesson.name}.ipynb"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: there is no solved notebook to take the pictures from; "
            f"`vos-lab build {lesson.name}` makes it"
        )
    written = page(lesson.title, slides(nbformat.read(path, as_version=4)))
    out = Path(out)
    out.write_text(written, encoding="utf-8")
    return out


# --- live -------------------------------------------------------------------------------------


def widget_cells(notebook: NotebookNode) -> dict[str, str]:
    """The cells of a lesson that make a widget, with the widget's class; quizzes do not count.

    Args:
        notebook: the solved notebook.
    """
    classes = {cls.__name__ for cls in widget_classes()}
    found = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.metadata.vos_lab.kind == "code":
            made = [name for name in re.findall(r"\b([A-Z]\w+)\(", cell.source) if name in classes]
            if made and "real-data" not in cell.metadata.get("tags", ()):
                found[cell.metadata.vos_lab.name] = made[-1]
    return found


def widget_classes() -> list[type[Any]]:
    """The widgets of this course, and what they share."""
    import anywidget

    from vos_lab.view import widgets

    for module in pkgutil.iter_modules(widgets.__path__):
        importlib.import_module(f"{widgets.__name__}.{module.name}")

    def below(cls: type[Any]) -> Iterator[type[Any]]:
        for child in cls.__subclasses__():
            yield child
            yield from below(child)

    return [c for c in below(anywidget.AnyWidget) if c.__module__.startswith("vos_lab.")]


def choose_widgets(notebook: NotebookNode, wanted: str) -> list[str]:
    """The names of the cells whose widgets are to be shown.

    Args:
        notebook: the solved notebook.
        wanted: name of a cell or of a widget's class; empty for all.

    Raises:
        ValueError: the lesson has no widget, or none of that name.
    """
    there = widget_cells(notebook)
    key = wanted.lower().replace("_", "-")
    chosen = [n for n, cls in there.items() if not wanted or key in (n.lower(), cls.lower())]
    if not chosen:
        words = ", ".join(f"{name} ({cls})" for name, cls in there.items()) or "no widget at all"
        raise ValueError(f"this lesson has no widget {wanted!r}; it has: {words}")
    return chosen


# What puts widgets on the page: the manager, the widgets of Jupyter, and those of this course.
EXTENSIONS = (
    "@voila-dashboards/widgets-manager8",
    "@jupyter-widgets/jupyterlab-manager",
    "anywidget",
)


class Show:
    """A lesson that is being run, or has been: what the server shows of it."""

    def __init__(self, title: str, notebook: NotebookNode, demo: Sequence[str] | None) -> None:
        self.title, self.notebook, self.demo = title, notebook, demo
        self.done, self.count, self.error = 0, len(notebook.cells), ""
        self.kernel = ""
        if demo is not None:  # what comes after the last widget need not run
            names = [cell.metadata.vos_lab.name for cell in notebook.cells]
            self.count = max(i for i, name in enumerate(names) if name in demo) + 1
            notebook.cells = notebook.cells[: self.count]

    async def run(self, kernels: Any, environment: dict[str, str]) -> None:
        """Run the notebook in a kernel of the server, which stays alive."""
        try:
            self.kernel = await kernels.start_kernel(
                kernel_name="python3", path="", env=environment, extra_arguments=QUIET
            )
            client = NotebookClient(
                self.notebook,
                km=kernels.get_kernel(self.kernel),
                timeout=None,
                allow_errors=True,  # in front of a class, the rest of the lesson is still there
                store_widget_state=False,
                coalesce_streams=True,
                on_cell_start=self._progress,
            )
            await client.async_execute(cleanup_kc=False)
        except Exception as error:
            self.error = str(error)
            print(self.error, file=sys.stderr, flush=True)
            return
        self.done = self.count
        for cell in self.notebook.cells:
            for output in cell.get("outputs", ()):
                if output.output_type == "error":
                    name = cell.metadata.vos_lab.name
                    print(f"cell {name} fails: {output.ename}: {output.evalue}", file=sys.stderr)
        print(f"{self.title}: all {self.count} cells have run. Ctrl-C ends the show.", flush=True)

    def _progress(self, cell: NotebookNode, cell_index: int) -> None:
        self.done = cell_index

    def page(self, base_url: str) -> str:
        """What the browser gets now."""
        if self.error or self.done < self.count:
            return TEMPLATES.get_template("waiting.html").render(vars(self))
        if self.demo is None:
            shown = slides(self.notebook)
        else:
            shown = demo_slides(self.notebook, self.demo)
        return page(self.title, shown, self._connection(base_url), self.demo is not None)

    def _connection(self, base_url: str) -> str:
        """What voila's script needs to know, and the script."""
        extensions = [
            {"name": name, **about["jupyterlab"]["_build"]}
            for name, about in get_federated_extensions(_extension_folders()).items()
            if name in EXTENSIONS
        ]
        config = {
            "baseUrl": base_url,
            "appUrl": "slides",
            "kernelId": self.kernel,
            "fullStaticUrl": f"{base_url}voila/static",
            "fullLabextensionsUrl": f"{base_url}voila/labextensions",
            "labextensionsUrl": f"{base_url}voila/labextensions",
            "themesUrl": f"{base_url}voila/themes",
            "jupyterLabTheme": "light",
            "disabledExtensions": [
                "@jupyterlab/mathjax2-extension:plugin"
            ],  # would ask the network
            "federated_extensions": extensions,
        }
        return (
            f'<script id="jupyter-config-data" type="application/json">{json.dumps(config)}'
            f'</script>\n<script src="{base_url}voila/static/voila-style.js"></script>\n'
            f'<script defer src="{base_url}voila/static/voila.js"></script>'
        )


def _extension_folders() -> list[str]:
    return [*jupyter_path("voila", "labextensions"), *jupyter_path("labextensions")]


def present(
    name: str,
    demo: str | None = None,
    port: int = 8888,
    browser: bool = True,
    root: str | Path = COURSE_FOLDER,
) -> None:
    """Run a lesson and show it as slides with living widgets, until Ctrl-C.

    Args:
        name: of the lesson.
        demo: None for the slides; else show widgets alone: that of this name, or all if empty.
        port: of the server; another one is taken if it is in use.
        browser: whether to open a browser.
        root: the folder that holds ``lessons/``.

    Raises:
        FileNotFoundError: no such lesson.
        ValueError: it has no such widget.
    """
    from jupyter_server.base.handlers import FileFindHandler, JupyterHandler
    from jupyter_server.serverapp import ServerApp
    from tornado import web
    from traitlets.config import Config

    lesson = read_lessons(root, [name])[0]
    notebook = solved_notebook(lesson)
    chosen = None if demo is None else choose_widgets(notebook, demo)
    show = Show(lesson.title, notebook, chosen)

    class Slides(JupyterHandler):
        @web.authenticated
        def get(self) -> None:
            self.set_header("Cache-Control", "no-store")
            self.finish(show.page(self.base_url))

    with tempfile.TemporaryDirectory(prefix="vos-lab-present-") as folder:  # cells write files
        config = Config()
        config.ServerApp.update(
            root_dir=folder, port=port, open_browser=browser, default_url="/slides", log_level=40
        )
        config.ServerApp.allow_root = True
        server = ServerApp(config=config)
        server.initialize(argv=[], find_extensions=False)
        static = [str(Path(p) / "base" / "static") for p in jupyter_path("voila", "templates")]
        at = re.escape(server.web_app.settings["base_url"])
        server.web_app.add_handlers(
            ".*$",
            [
                (f"{at}slides", Slides),
                (f"{at}voila/static/(.*)", FileFindHandler, {"path": static}),
                (f"{at}voila/labextensions/(.*)", FileFindHandler, {"path": _extension_folders()}),
            ],
        )
        server.log.disabled = True  # it would say the same again, and louder
        print(
            f"{lesson.title}: http://127.0.0.1:{server.port}/slides?token={server.identity_provider.token}"
        )
        print("Running the lesson; the page says how far it is.", flush=True)
        environment = dict(os.environ)
        server.io_loop.add_callback(
            lambda: asyncio.ensure_future(show.run(server.kernel_manager, environment))
        )
        server.start()
