"""The command line: ``vos-lab``.

Each command is a thin door to a function of the library, which is imported only when the command
runs, so that ``vos-lab --help`` answers at once.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="vos_lab: a hands-on course on Video Object Segmentation.",
)

Root = Annotated[
    Path | None,
    typer.Option(help="Folder that holds davis2016/, davis2017/, ... Default: $VOS_LAB_DATA."),
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")]
CsvFile = Annotated[Path | None, typer.Option("--csv", help="Write a table to this file.")]


def main() -> None:
    """Run the command line; what is wrong with the input is said in one line, without a trace."""
    try:
        app(_repeat("--sequences", sys.argv[1:]))
    except (ValueError, OSError, RuntimeError) as error:
        console = Console(stderr=True, soft_wrap=True)
        console.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _repeat(option: str, arguments: list[str]) -> list[str]:
    """Let one option take several values: ``--sequences A B`` is what people type.

    Example:
        >>> _repeat("--sequences", ["bench", "--sequences", "A", "B", "--out", "x"])
        ['bench', '--sequences', 'A', '--sequences', 'B', '--out', 'x']
    """
    repeated: list[str] = []
    inside = False
    for argument in arguments:
        if argument.startswith("-"):
            inside = argument == option
        elif inside and repeated[-1] != option:
            repeated.append(option)
        repeated.append(argument)
    return repeated


@app.command()
def lab(
    lesson: Annotated[str, typer.Argument(help="Which lesson to open.")] = "00_tour",
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    port: Annotated[int, typer.Option(help="Port of the server.")] = 8888,
) -> None:
    """Open JupyterLab at a lesson."""
    from vos_lab.course.build import REPOSITORY

    notebook = Path("notebooks") / f"{lesson}.ipynb"
    if not (REPOSITORY / notebook).is_file():
        there = ", ".join(sorted(file.stem for file in (REPOSITORY / "notebooks").glob("*.ipynb")))
        raise ValueError(f"there is no lesson {lesson!r}; there are: {there or 'none yet'}")
    command = [sys.executable, "-m", "jupyter", "lab", str(notebook), f"--port={port}"]
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container, root is often the only user
    os.chdir(REPOSITORY)
    if os.name == "nt":
        import subprocess

        sys.exit(subprocess.call(command))
    os.execv(command[0], command)


@app.command()
def build(
    lessons: Annotated[list[str] | None, typer.Argument(help="Which; default all.")] = None,
    check: Annotated[bool, typer.Option(help="Change nothing; fail where something differs.")] = (
        False
    ),
    execute: Annotated[bool, typer.Option(help="Run the solved notebooks.")] = True,
    force: Annotated[bool, typer.Option(help="Run them even if nothing changed.")] = False,
) -> None:
    """Make notebooks/ and solutions/ from lessons/."""
    from vos_lab.course.build import build as build_lessons

    build_lessons(lessons or None, check=check, execute=execute, force=force)


@app.command()
def check(
    notebook: Annotated[Path, typer.Argument(help="A student's notebook.")],
) -> None:
    """Run the exercises of a notebook and say which pass."""
    from vos_lab.course.build import check_notebook

    table = Table("exercise", "verdict", "what happened", title=notebook.name)
    for row in check_notebook(notebook):
        table.add_row(row["exercise"], row["verdict"], row["message"])
    Console().print(table)


@app.command(name="lessons")
def list_lessons(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the lessons with their exercises, points and minutes."""
    from vos_lab.course.build import lessons

    found = lessons()
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    table = Table("lesson", "title", "minutes", "exercises (points)")
    for lesson in found:
        exercises = ", ".join(f"{e['name']} ({e['points']})" for e in lesson["exercises"])
        table.add_row(lesson["name"], lesson["title"], str(lesson["minutes"]), exercises)
    Console().print(table)


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
) -> None:
    """List the real datasets, or get one."""
    from vos_lab.datasets import download

    if name is not None:
        download.download(name, root)
        return
    for row in download.available(root):
        print(f"{row.name}: {row.sequences} of {row.count} sequences in {row.folder}")
        if row.sequences < row.count:
            print(f"    {row.how}")


@app.command()
def evaluate(
    truth: Annotated[Path, typer.Argument(metavar="GT", help="Folder of true masks.")],
    prediction: Annotated[Path, typer.Argument(metavar="PRED", help="Folder of masks to judge.")],
    json_file: JsonFile = None,
    csv_file: CsvFile = None,
    processes: Annotated[int | None, typer.Option(help="Default: one for each core.")] = None,
) -> None:
    """Judge a folder of masks against another: J, F, and J&F."""
    from vos_lab.metrics.folders import evaluate_folders, table, write_csv

    result = evaluate_folders(truth, prediction, processes=processes)
    Console().print(table(result))
    if json_file:
        json_file.write_text(json.dumps(result, indent=2))
    if csv_file:
        write_csv(result, csv_file)


@app.command()
def bench(
    methods: Annotated[list[str], typer.Argument(metavar="METHOD...", help="Which methods.")],
    data: Annotated[str, typer.Option(help="davis2016, davis2017, or a procedural suite.")],
    root: Root = None,
    sequences: Annotated[
        list[str] | None, typer.Option(help="Only these (several may follow).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Keep the masks here, and go on from what is there.")
    ] = None,
    json_file: JsonFile = None,
    csv_file: CsvFile = None,
) -> None:
    """Run methods over a dataset and measure J, F and seconds."""
    from vos_lab.bench import bench as run_bench
    from vos_lab.bench import table, write_csv

    result = run_bench(methods, data, root=root, sequences=sequences, out=out)
    for method in result:
        Console().print(table(result, method))
    if json_file:
        json_file.write_text(json.dumps(result, indent=2))
    if csv_file:
        write_csv(result, csv_file)


@app.command()
def claims(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Which; default all.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Repeat the experiments behind the claims of the lecture."""
    from vos_lab.claims import CLAIMS, measure

    for name in names or []:
        if name not in CLAIMS:
            raise ValueError(f"there is no claim {name!r}; there are: {', '.join(CLAIMS)}")
    verdicts = [measure(CLAIMS[name]) for name in names or CLAIMS]
    for verdict in verdicts:
        print(f"{verdict.claim.name}: {verdict}")
    if json_file:
        json_file.write_text(json.dumps([verdict.as_dict() for verdict in verdicts], indent=2))


if __name__ == "__main__":
    main()
