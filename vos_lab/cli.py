"""The command line: ``vos-lab``.

Each command is a thin door to a function of the library, which is imported only when the command
runs, so that ``vos-lab --help`` answers at once.
"""

import io
import json
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import vos_lab

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="vos_lab: a hands-on course on Video Object Segmentation.",
)

Root = Annotated[
    Path | None,
    typer.Option(help="Folder that holds davis2016/, davis2017/, ... Default: $VOS_LAB_DATA."),
]
Sequences = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME...", help="Only these sequences; all names in a row."),
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")]
CsvFile = Annotated[Path | None, typer.Option("--csv", help="Write a table to this file.")]


def main() -> None:
    """Run the command line; what is wrong with the input is said in one line, without a trace."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without "✓" shows "?"
    try:
        app(_repeat("--sequences", sys.argv[1:]))
    except (ValueError, OSError, RuntimeError) as error:
        if isinstance(error, OSError) and error.filename and error.strerror:
            _say_error(f"{error.filename}: {error.strerror}")  # without "[Errno 21]"
        else:
            _say_error(str(error))
        sys.exit(1)
    except ImportError as error:
        _say_error(f"{error}. `vos-lab doctor` looks for what is wrong with the installation.")
        sys.exit(1)


def _say_error(text: str) -> None:
    # Not wrapped, so that a file's name stays whole.
    console = Console(stderr=True, soft_wrap=True)
    console.print(f"[bold red]error:[/] {escape(text)}", highlight=False)


def _print_table(table: Table) -> None:
    """Print a table; where it goes into a file or a pipe, nobody sees how wide it is."""
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _writable(*files: Path | None) -> None:
    """Make sure, before anything is computed, that the files can be written."""
    for file in files:
        if file is None:
            continue
        if file.is_dir():
            raise IsADirectoryError(f"{file}: is a folder; name a file to write")
        try:
            file.absolute().parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(f"{file}: a part of this path is a file") from None
        if not os.access(file if file.exists() else file.absolute().parent, os.W_OK):
            raise PermissionError(f"{file}: cannot be written")


def _write_json(file: Path | None, result: Any) -> None:
    if file is not None:
        file.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _repeat(option: str, arguments: list[str]) -> list[str]:
    """Let one option take several values: ``--sequences A B`` is what people type.

    Example:
        >>> _repeat("--sequences", ["bench", "--sequences", "A", "B", "--out", "x"])
        ['bench', '--sequences', 'A', '--sequences', 'B', '--out', 'x']
        >>> _repeat("--sequences", ["evaluate", "--sequences=A", "B", "--", "GT", "PRED"])
        ['evaluate', '--sequences=A', '--sequences', 'B', '--', 'GT', 'PRED']
    """
    repeated: list[str] = []
    inside = False
    for argument in arguments:
        if argument.startswith("-"):
            inside = argument.split("=")[0] == option
        elif inside and repeated[-1] != option:
            repeated.append(option)
        repeated.append(argument)
    return repeated


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"vos-lab {vos_lab.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version, and end."
        ),
    ] = False,
) -> None:
    """vos_lab: a hands-on course on Video Object Segmentation."""


@app.command()
def start(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]",
            help="Folder for the notebooks. Default: this one if it has some, or vos-lab-course.",
        ),
    ] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- OPTION...]", help="More for JupyterLab, after --."),
    ] = None,
    solutions: Annotated[
        bool, typer.Option("--solutions", help="Lay out the solved notebooks too.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Lay out new notebooks; what you wrote is kept as NAME.saved-1.ipynb."
        ),
    ] = False,
    lab: Annotated[bool, typer.Option(help="Open JupyterLab at the first lesson.")] = True,
) -> None:
    """Lay out the notebooks in a folder, and open the first lesson. Yours are never overwritten."""
    from vos_lab.authoring import start as starting

    options = arguments or []
    if folder is not None and str(folder).startswith("-"):  # vos-lab start -- --port=9999
        folder, options = None, [str(folder), *options]
    where = folder or starting.folder_of_work()
    starting.lay_out(where, solutions, again)
    first = starting.first_lesson(where)
    if not lab:
        print(f"The first lesson is {where / first}.")
        return
    starting.open_jupyterlab(where, first, options)


@app.command()
def lab(
    lesson: Annotated[
        str | None, typer.Argument(help="Which lesson to open; default: the first.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    port: Annotated[int, typer.Option(help="Port of the server.")] = 8888,
) -> None:
    """Open JupyterLab at a lesson."""
    from vos_lab.authoring import start as starting
    from vos_lab.course_files import work_folder

    where = work_folder()
    notebook = starting.first_lesson(where)
    if lesson is not None:
        notebook = f"notebooks/{lesson.removesuffix('.ipynb')}.ipynb"
    if not (where / notebook).is_file():
        there = ", ".join(sorted(file.stem for file in (where / "notebooks").glob("*.ipynb")))
        raise ValueError(
            f"there is no {notebook} in {where}; there are: "
            + (there or "no notebooks. `vos-lab start` lays them out")
        )
    arguments = [f"--port={port}", *(() if browser else ("--no-browser",))]
    starting.open_jupyterlab(where, notebook, arguments)


@app.command()
def build(
    lessons: Annotated[list[str] | None, typer.Argument(help="Which; default all.")] = None,
    check: Annotated[bool, typer.Option(help="Change nothing; fail where something differs.")] = (
        False
    ),
    execute: Annotated[bool, typer.Option(help="Run the solved notebooks.")] = True,
    force: Annotated[bool, typer.Option(help="Run them even if nothing changed.")] = False,
    pictures: Annotated[
        bool, typer.Option(help="Draw the pictures that the lessons open with anew.")
    ] = False,
) -> None:
    """Make notebooks/, solutions/ and the table of README.md from lessons/."""
    from vos_lab.course_files import INSTALLED

    if INSTALLED:
        raise ValueError("lessons are built in a clone of the repository, not in what is installed")
    from vos_lab.authoring.build import build as build_lessons

    build_lessons(lessons or None, check=check, execute=execute, force=force, pictures=pictures)


@app.command()
def check(
    notebook: Annotated[Path, typer.Argument(help="A student's notebook.")],
    json_file: JsonFile = None,
) -> None:
    """Run the exercises of a notebook and say which pass; exit code 0 if all of them do."""
    from vos_lab.authoring.build import check_notebook

    _writable(json_file)
    rows = check_notebook(notebook)
    table = Table("exercise", "outcome", "points", "what happened", title=escape(notebook.name))
    for row in rows:
        points = f"{row['points']:g} of {row['possible']:g}"
        name = row["exercise"].rpartition(".")[2]
        table.add_row(escape(name), row["outcome"], points, escape(row["message"]))
    table.add_section()
    reached, possible = (sum(row[key] for row in rows) for key in ("points", "possible"))
    table.add_row("all", "", f"{reached:g} of {possible:g}", style="bold")
    _print_table(table)
    _write_json(json_file, rows)
    sys.exit(any(row["outcome"] != "passed" for row in rows))


@app.command()
def grade(
    submissions: Annotated[
        list[Path] | None,
        typer.Argument(metavar="SUBMISSIONS...", help="Notebooks, .py exports, folders, zips."),
    ] = None,
    lesson: Annotated[str | None, typer.Option(help="Name of the lesson: 03_flownet.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for results and reports.")] = Path("grades"),
    hidden: Annotated[
        Path | None, typer.Option(help="A Python file with cases that nobody has seen.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Try each random case on other inputs too; keep it to yourself."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Submissions at once. Default: one for each core.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds for each exercise.")] = 60,
    memory: Annotated[int, typer.Option(min=64, help="MB for each exercise.")] = 2048,
    cluster: Annotated[
        str | None, typer.Option(help="Address of a dask.distributed scheduler that does the work.")
    ] = None,
    sandbox: Annotated[
        str | None,
        typer.Option(help="namespaces, bubblewrap or subprocess. Default: the first that works."),
    ] = None,
    make_gradescope: Annotated[
        str | None,
        typer.Option(metavar="LESSON", help="Write an autograder zip for Gradescope, and end."),
    ] = None,
) -> None:
    """Grade submissions: points, and a report for each student and for the teacher."""
    from vos_lab.grading.limits import Limits
    from vos_lab.grading.results import Settings

    if hidden is not None and not hidden.is_file():
        raise FileNotFoundError(f"{hidden}: there is no such file with hidden cases")
    secret = hidden.read_text(encoding="utf-8") if hidden is not None else None
    settings = Settings(seed, secret, Limits(timeout, memory), sandbox)
    if make_gradescope is not None:
        from vos_lab.grading.gradescope import make_autograder

        print(make_autograder(make_gradescope, out, settings))
        return
    if not submissions or lesson is None:
        raise ValueError("say what to grade: vos-lab grade SUBMISSIONS... --lesson 03_flownet")
    from vos_lab.grading.batch import grade as grade_batch

    try:
        grade_batch(submissions, lesson, out, settings, jobs, cluster, say=_say)
    except KeyboardInterrupt:
        print(f"Interrupted. The same command goes on from {out}.", file=sys.stderr)
        raise
    print(f"{out / 'grades.csv'}, {out / 'summary.html'}, {out / 'students'}")


def _say(text: str) -> None:
    print(text, file=sys.stderr if text.startswith("warning: ") else sys.stdout, flush=True)


@app.command(name="lessons")
def list_lessons(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the lessons with their exercises, points and minutes."""
    from vos_lab.authoring.contents import lessons

    found = lessons()
    if as_json:
        print(json.dumps(found, indent=2))  # in ASCII, which every terminal and pipe carries
        return
    table = Table("lesson", "title", "minutes", "exercises (points)")
    for lesson in found:
        exercises = ", ".join(f"{e['name']} ({e['points']})" for e in lesson["exercises"])
        table.add_row(lesson["name"], lesson["title"], str(lesson["minutes"]), exercises)
    _print_table(table)


@app.command()
def progress() -> None:
    """Say which exercises you have solved, and which comes next."""
    from vos_lab.exercises.check import lessons_of
    from vos_lab.exercises.progress import passed

    done = passed()
    lessons: dict[str, list[str]] = {}
    try:
        from vos_lab.authoring.contents import lessons as contents

        lessons = {each["name"]: [e["name"] for e in each["exercises"]] for each in contents()}
    except FileNotFoundError:  # a zip for students has no folder of lessons
        for name, lesson in lessons_of().items():
            lessons.setdefault(lesson, []).append(name)
    table = Table("lesson", "solved", "exercises (✓ solved)")
    for lesson, names in lessons.items():
        marked = ", ".join(f"✓ {name}" if name in done else name for name in names)
        table.add_row(lesson, f"{sum(n in done for n in names)} of {len(names)}", marked)
    _print_table(table)
    todo = [(lesson, name) for lesson, names in lessons.items() for name in names]
    following = next((each for each in todo if each[1] not in done), None)
    if following is not None:
        print(f"Next: {following[1]} in {following[0]}.")


@app.command()
def present(
    lesson: Annotated[str, typer.Argument(help="Which lesson, for example 02_optical_flow.")],
    demo: Annotated[
        bool, typer.Option("--demo", help="The widgets alone, one for each screen.")
    ] = False,
    widget: Annotated[
        str, typer.Argument(help="With --demo: only this one (name of a cell or a class).")
    ] = "",
    export: Annotated[
        Path | None,
        typer.Option(help="Write one HTML file that needs no server and no network, and end."),
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    port: Annotated[int, typer.Option(help="Port of the server.")] = 8888,
) -> None:
    """Show a lesson as slides with living widgets, or write the slides to a file."""
    from vos_lab.authoring import present as presenting

    name = lesson.removesuffix(".ipynb")
    if widget and not demo:
        raise ValueError(f"{widget}: one widget is shown with --demo; slides have them all")
    if export is not None:
        _writable(export)
        presenting.export(name, export)
        print(f"{export}: {export.stat().st_size / 1e6:.1f} MB. Open it in any browser.")
        return
    presenting.present(name, widget if demo else None, port, browser)


@app.command()
def site(
    out: Annotated[Path, typer.Option(help="Folder to write to; other files in it stay.")],
    lesson: Annotated[
        list[str] | None, typer.Option(help="Only this lesson; may be given again.")
    ] = None,
    live: Annotated[
        bool,
        typer.Option(
            help="Let the widgets that need no kernel live on, which takes some minutes; "
            "else there are pictures of them."
        ),
    ] = True,
    solutions: Annotated[
        bool,
        typer.Option(
            "--with-solutions/--without-solutions",
            help="Show the answers to exercises and quizzes.",
        ),
    ] = True,
    jupyterhub: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Link to this hub: https://hub.example.org")
    ] = "",
    binder: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Link to https://mybinder.org/v2/gh/NAME/REPO/HEAD"),
    ] = "",
    colab: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Link to https://colab.research.google.com/github/NAME/REPO/blob/main",
        ),
    ] = "",
) -> None:
    """Write the solved lessons as a static site for any web server."""
    from vos_lab.authoring.site import Places
    from vos_lab.authoring.site import site as write_site

    _writable(out / "index.html")
    places = Places(jupyterhub, binder, colab)
    warnings = write_site(out, lesson, None if live else (), solutions, places)
    for warning in warnings:
        _say(f"warning: {warning}")
    print(f"{out / 'index.html'}: look at it with `python -m http.server --directory {out}`")


@app.command()
def release(
    lessons: Annotated[list[str], typer.Argument(metavar="LESSON...", help="Which lessons.")],
    out: Annotated[Path, typer.Option(help="The zip to write.")],
    graded: Annotated[
        bool, typer.Option("--graded", help="Leave the answers out of the library too.")
    ] = False,
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="LESSON", help="Leave the answers to this lesson out too."),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(help="Shipped weights to add to those that the lessons name."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Unzip it elsewhere, and run it on the answers.")
    ] = False,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="The same in an environment made anew (minutes, network)."),
    ] = False,
) -> None:
    """Write the zip that students get: a notebook, with the package and weights it needs."""
    from vos_lab.authoring import release as releasing

    _writable(out)
    names = [lesson.removesuffix(".ipynb") for lesson in lessons]
    made = releasing.release(names, out, graded, without or (), weights or ())
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, with {', '.join(made.lessons)}")
    print(f"  weights: {', '.join(made.weights) or 'none'}")
    if made.graded:
        bare = ", ".join(name.rpartition(".")[2] for name in made.graded)
        print(f"  without the answers to {bare}")
    for note in made.notes:
        print(f"  its check is left out: {note}")
    if check or fresh:
        for line in releasing.try_release(out, fresh):
            print(f"  {line}", flush=True)


@app.command()
def collect(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Notebooks, folders, zips.")
    ],
    lesson: Annotated[
        list[str] | None, typer.Option(help="Only this lesson; may be given again.")
    ] = None,
    json_file: JsonFile = None,
    csv_file: CsvFile = None,
) -> None:
    """Show who handed in what, and which exercises are written. Nothing is run."""
    import csv

    from vos_lab.grading.collect import collect as collect_submissions

    _writable(json_file, csv_file)
    rows = collect_submissions(paths, lesson)
    shown = Table("student", "lesson", "written", "not written", "version", "file")
    for row in rows:
        open_ = ", ".join(name for name, state in row.states.items() if state != "answer")
        written = f"{row.attempted} of {len(row.states)}" if row.states else "not read"
        cells = (row.student, row.lesson, written, open_, row.version, Path(row.file).name)
        shown.add_row(*map(escape, cells))
    _print_table(shown)
    for row in rows:  # below the table, where a long path leaves them room
        if row.problems:
            print(f"\n{', '.join(filter(None, (row.student, row.lesson, row.file)))}:")
            print("\n".join(f"  {problem}" for problem in row.problems))
    _write_json(json_file, [vars(row) for row in rows])
    if csv_file:
        with csv_file.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["student", "lesson", "file", "version", "exercise", "state"])
            for row in rows:
                for name, state in row.states.items():
                    line = [row.student, row.lesson, row.file, row.version, name, state]
                    writer.writerow(line)


@app.command()
def doctor() -> None:
    """Look for what may be wrong with this machine, and say what to do."""
    from vos_lab.doctor import diagnose, report

    findings = diagnose()
    report(findings)
    sys.exit(any(finding.verdict == "fail" for finding in findings))


@app.command()
def data(
    name: Annotated[str | None, typer.Argument(help="What to get; default: list.")] = None,
    root: Root = None,
    again: Annotated[
        bool, typer.Option("--again", help="Get it even if it is there: a file may be missing.")
    ] = False,
) -> None:
    """List the real datasets, or get one."""
    from vos_lab.datasets import download

    if name is not None:
        download.download(name, root, again)
        return
    for row in download.available(root):
        print(f"{row.name}: {row.sequences} of {row.count} sequences in {row.folder}")
        if row.sequences < row.count:
            print(f"    {row.how}")


@app.command()
def evaluate(
    truth: Annotated[Path, typer.Argument(metavar="GT", help="Folder of true masks.")],
    prediction: Annotated[Path, typer.Argument(metavar="PRED", help="Folder of masks to judge.")],
    sequences: Sequences = None,
    unsupervised: Annotated[
        bool,
        typer.Option(
            "--unsupervised", help="Match at most 20 proposals to the objects (DAVIS 2017)."
        ),
    ] = False,
    all_frames: Annotated[
        bool,
        typer.Option("--all-frames", help="Score the first and the last frame too."),
    ] = False,
    single: Annotated[
        bool | None,
        typer.Option(
            "--single/--multi",
            help="Merge all objects into one (DAVIS 2016), or score each (DAVIS 2017). "
            "Default: single where the true masks are black and white.",
            show_default=False,
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Read grey masks as probabilities, 0 to 1: from this on, a pixel belongs to the "
            "object. Default: soft edges are an error."
        ),
    ] = None,
    json_file: JsonFile = None,
    csv_file: CsvFile = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="How many work at once. Default: one for each core.")
    ] = None,
) -> None:
    """Judge masks against true ones: J (region), F (boundary) and their mean J&F.

    GT and PRED: each a DAVIS folder, a folder of sequences, or one folder of PNG.
    PRED holds a file for each file of GT, of the same name.
    """
    from vos_lab.metrics.folders import evaluate_folders, table, write_csv

    _writable(json_file, csv_file)
    result = evaluate_folders(
        truth,
        prediction,
        sequences or None,
        single=single,
        unsupervised=unsupervised,
        all_frames=all_frames,
        threshold=threshold,
        processes=processes,
        progress=sys.stderr.isatty(),
    )
    _print_table(table(result))
    _write_json(json_file, result)
    if csv_file:
        write_csv(result, csv_file)


@app.command()
def evaluate_mots(
    truth: Annotated[Path, typer.Argument(metavar="GT", help="Folder of the true objects.")],
    tracker: Annotated[Path, typer.Argument(metavar="TRACKER", help="Folder of those to judge.")],
    like: Annotated[
        str, typer.Option(help="Which program to agree with: mots_tools or trackeval.")
    ] = "trackeval",
    seqmap: Annotated[
        Path | None,
        typer.Option(
            help="File that names sequences and their last frames. Default: the one beside GT."
        ),
    ] = None,
    sequences: Sequences = None,
    json_file: JsonFile = None,
    csv_file: CsvFile = None,
    figure_file: Annotated[
        Path | None, typer.Option("--figure", help="Draw HOTA over alpha to this file (png, webp).")
    ] = None,
) -> None:
    """Judge a tracker of many objects (MOTS): sMOTSA, HOTA, IDF1, identity switches.

    GT and TRACKER: folders in the txt or the png form of MOTS, also in their official layouts.
    TRACKER holds a file for each sequence of GT; an empty one where nothing was found.
    """
    from vos_lab.metrics.mots import evaluate_mots_folders, tables, write_csv

    _writable(json_file, csv_file, figure_file)
    if figure_file and like != "trackeval":
        raise ValueError(f"{figure_file}: HOTA over alpha needs --like trackeval")
    result = evaluate_mots_folders(
        truth,
        tracker,
        like,
        seqmap=seqmap,
        sequences=sequences or None,
        progress=sys.stderr.isatty(),
    )
    for table in tables(result):
        _print_table(table)
    _write_json(json_file, result)
    if csv_file:
        write_csv(result, csv_file)
    if figure_file:
        from vos_lab.view.figures.mots import hota_figure

        hota_figure(result).save(figure_file)


@app.command()
def bench(
    methods: Annotated[
        list[str],
        typer.Argument(
            metavar="METHOD...",
            help="Which methods, or methods with one part changed, like osvos-without-parent.",
        ),
    ],
    data: Annotated[str, typer.Option(help="davis2016, davis2017, or a procedural suite.")],
    root: Root = None,
    sequences: Sequences = None,
    out: Annotated[
        Path | None, typer.Option(help="Keep the masks here, and go on from what is there.")
    ] = None,
    json_file: JsonFile = None,
    csv_file: CsvFile = None,
    leaderboard: Annotated[
        bool,
        typer.Option("--leaderboard", help="Keep the figures in data/leaderboard."),
    ] = False,
) -> None:
    """Run methods over a dataset and measure J, F and seconds."""
    from vos_lab.bench import LEADERBOARD, record, table, write_csv
    from vos_lab.bench import bench as run_bench

    kept = [LEADERBOARD / f"{method}.json" for method in methods] if leaderboard else []
    _writable(json_file, csv_file, *kept)
    progress = sys.stderr.isatty()
    try:
        result = run_bench(
            methods, data, root=root, sequences=sequences, out=out, progress=progress
        )
    except KeyboardInterrupt:
        if out is not None:
            print(f"Interrupted. The same command goes on from {out}.", file=sys.stderr)
        raise
    for method in result:
        _print_table(table(result, method))
    if leaderboard:
        record(result, data)
    _write_json(json_file, result)
    if csv_file:
        write_csv(result, csv_file)


@app.command()
def track_mots(
    images: Annotated[Path, typer.Argument(help="Folder of the frames of a video.")],
    detections: Annotated[
        Path, typer.Argument(help="File of what a detector found (TrackR-CNN's, or MOTS).")
    ],
    result: Annotated[Path, typer.Argument(help="File to write, in the txt form of MOTS.")],
    first: Annotated[
        int | None,
        typer.Option(
            help="How DETECTIONS numbers the first frame. Default: as the image is called."
        ),
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CLASS=MOTS",
            help="What a class of DETECTIONS is in MOTS, 1 (car) or 2 (pedestrian): 3=1 for the "
            "cars of COCO. May be given again; others are skipped.",
        ),
    ] = None,
) -> None:
    """Track many objects (MOTS) through a video of which a detector has seen each frame."""
    from tqdm import tqdm

    from vos_lab.datasets.detections_txt import classes_from, read_detections
    from vos_lab.datasets.mots import write_mots_txt
    from vos_lab.methods.mots_tracker import track
    from vos_lab.video import IMAGE_SUFFIXES, image_frames, numbered_files
    from vos_lab.video.names import numbers_of

    _writable(result)
    files = numbered_files(images, IMAGE_SUFFIXES)
    numbers = numbers_of(files)
    shift = 0 if first is None else first - numbers.start
    counted = range(numbers.start + shift, numbers.stop + shift, numbers.step)
    height, width = image_frames(files)[0].shape[:2]
    asked = classes_from(classes) if classes else None
    found = read_detections(detections, counted, (height, width), asked)
    if note := found.note:
        if found.is_useless:
            raise ValueError(f"{detections}: {note}")
        _say(f"warning: {detections}: {note}")
    frames = tqdm(image_frames(files), images.name, unit="frame", disable=not sys.stderr.isatty())
    tracks = track(frames, found, name=images.name).renumbered(numbers)
    write_mots_txt(result, tracks)
    print(f"{result}: {len(tracks.ids)} tracks in {len(tracks)} frames")


@app.command()
def train(
    name: Annotated[
        str | None, typer.Argument(help="Which weights to make; default: list what there is.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="How many; default: as many as the recipe says.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the checkpoint and result. Default: out/NAME.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoint in that folder.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the start and of all batches.")] = 0,
    device: Annotated[str, typer.Option(help="Where the network learns: cpu or cuda.")] = "cpu",
    workers: Annotated[
        int, typer.Option(min=1, help="How many threads make batches ahead of the training.")
    ] = 1,
    everything: Annotated[
        bool,
        typer.Option("--all", help="All weights that ship. Given again, it goes on."),
    ] = False,
    jobs: Annotated[
        int, typer.Option(min=1, help="With --all: how many networks learn side by side.")
    ] = 2,
    install: Annotated[
        bool,
        typer.Option("--install", help="Copy new weights to data/weights, for the library to use."),
    ] = False,
) -> None:
    """Train the network behind shipped weights again, from nothing."""
    from vos_lab.training import recipe, recipes
    from vos_lab.training import train as run_training
    from vos_lab.training.everything import install as install_weights
    from vos_lab.training.everything import shipped_recipes, train_all

    if everything:
        if name is not None:
            raise ValueError(f"either --all or {name}")
        begun = time.monotonic()
        lines = train_all(
            shipped_recipes(),
            out or Path("out"),
            jobs=jobs,
            seed=seed,
            steps=steps,
            device=device,
            workers=workers,
            installing=install,
        )
        try:
            for line in lines:
                print(line, flush=True)
        except KeyboardInterrupt:
            print("Interrupted. The same command goes on.", file=sys.stderr)
            raise
        print(f"All weights are trained. This took {(time.monotonic() - begun) / 60:.1f} minutes.")
        return
    if name is None:
        for each, found in recipes().items():
            print(f"{each}: {found.about}")
        return
    folder = out or Path("out") / name
    chosen = recipe(name)
    try:
        run = run_training(
            chosen,
            seed=seed,
            steps=steps,
            out=folder,
            resume=resume,
            progress=sys.stderr.isatty(),
            device=device,
            workers=workers,
        )
    except KeyboardInterrupt:
        print(f"Interrupted. With --resume it goes on from {folder}.", file=sys.stderr)
        raise
    errors = ", ".join(f"{what} {value:.3f}" for what, value in run.held_out[-1][1].items())
    print(f"{name}: {len(run.losses)} steps in {run.seconds / 60:.1f} minutes; held out: {errors}")
    if install:
        install_weights(name, folder)
        print("The weights are in data/weights, with their card.")
        return
    print(f"The weights are in {folder}. To let the library use them, copy {name}.safetensors")
    print("and its card, the .json of the same name, to data/weights; --install does that.")


@app.command()
def claims(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Which; default all.")
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Write the verdicts to this file; others in it stay."),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Keep the verdicts in data/claims, for the lessons.")
    ] = False,
) -> None:
    """Repeat the experiments behind the claims of the lecture."""
    from vos_lab.claims import every_claim, find, measure, record_of, save, table

    _writable(json_file)
    chosen = [find(name) for name in names] if names else list(every_claim().values())
    named = [json_file] if json_file is not None else []
    kept = [[*named, record_of(each)] if record else named for each in chosen]
    for file in {file for files in kept for file in files}:
        _writable(file)
        save([], file)  # a file that holds something else is found before hours of computing
    verdicts = []
    for claim, files in zip(chosen, kept, strict=True):
        verdicts.append(measure(claim, sys.stderr.isatty()))
        for file in files:
            save(verdicts[-1:], file)  # after each, as one may take minutes
    _print_table(table(verdicts))


if __name__ == "__main__":
    main()
