"""Lay out the notebooks of the course in a folder, and open JupyterLab at one of them."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import vos_lab
from vos_lab.authoring.contents import lesson_files
from vos_lab.course_files import COURSE_FOLDER, NEW_FOLDER, notebooks_in, work_folder


def folder_of_work() -> Path:
    """Where a person works who does not say where: where there are notebooks, else a new folder."""
    here = work_folder()
    return here if notebooks_in(here) else here / NEW_FOLDER


def lay_out(folder: str | Path, solutions: bool = False, again: bool = False) -> None:
    """Put the notebooks of all lessons into ``notebooks/`` of a folder, and say so.

    A notebook that is there stays as it is.

    Args:
        folder: is made if it is not there.
        solutions: put the solved notebooks into ``solutions/`` too.
        again: put new ones in the place of those that are there. What somebody has written stays,
            as ``NAME.saved-1.ipynb``.

    Raises:
        FileNotFoundError: this copy of the course has no lessons, or none that is solved.
        NotADirectoryError: the folder is a file.
    """
    folder = Path(folder).absolute()
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder}: is a file; name a folder for the notebooks")
    # A copy of the course for students has the notebooks alone.
    own = folder == COURSE_FOLDER and not (COURSE_FOLDER / "lessons").is_dir()
    due = []
    for name, lesson in {} if own else lesson_files().items():
        path = folder / "notebooks" / f"{name}.ipynb"
        if again or not path.exists():
            due.append((path, lesson))
        elif (version := _version(path)) != vos_lab.__version__:
            print(
                f"{path} is for vos_lab {version}, and this is {vos_lab.__version__}: "
                "`vos-lab start --again` lays out the new one, and keeps yours beside it"
            )
    if due:
        print(f"Laying out {len(due)} notebooks in {folder / 'notebooks'}", flush=True)
    for path, lesson in due:
        _write(path, _student_notebook(lesson))
    if solutions and folder != COURSE_FOLDER:
        print(f"Laying out solved notebooks in {folder / 'solutions'}", flush=True)
        for solved in _solved():
            path = folder / "solutions" / solved.name
            if again or not path.exists():
                _write(path, solved.read_text(encoding="utf-8"))


def first_lesson(folder: str | Path) -> str:
    """The notebook to open, as seen from a folder: a release may start with a later lesson."""
    there = notebooks_in(Path(folder))
    return f"notebooks/{there[0].name}" if there else "notebooks"


def open_jupyterlab(folder: str | Path, notebook: str, arguments: Sequence[str] = ()) -> NoReturn:
    """Run JupyterLab until it ends, in the place of this program.

    Args:
        folder: that it shows.
        notebook: that it opens, as seen from the folder.
        arguments: more for JupyterLab.
    """
    folder = Path(folder).absolute()
    command = [
        *(sys.executable, "-m", "jupyterlab", "--log-level=WARN"),
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url=/lab/tree/{notebook}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container one is often root; Jupyter asks to be told
    if _has_no_display():
        command.append("--no-browser")  # else a text browser may take over the terminal
    command += arguments
    # A notebook's `!vos-lab` finds ours.
    programs = str(Path(sys.executable).parent)
    variables = {**os.environ, "PATH": programs + os.pathsep + os.environ.get("PATH", "")}
    print(f"JupyterLab starts at {folder / notebook}.")
    print("No browser opens? Open this address in one. Ctrl-C here, twice, ends it.", flush=True)
    if os.name == "nt":
        sys.exit(subprocess.call(command, cwd=folder, env=variables))
    os.chdir(folder)
    os.execve(command[0], command, variables)


def _student_notebook(lesson: Path) -> str:
    # Here, as these take seconds to load, and most of the time there is nothing to lay out.
    from vos_lab.authoring.lessons import as_text, read_lesson, student_notebook

    return as_text(student_notebook(read_lesson(lesson)))


def _write(path: Path, text: str) -> None:
    """Write a notebook; what somebody has written there is moved aside."""
    from vos_lab.authoring.build import save_answers

    saved = save_answers(path, text)
    if saved is not None:
        print(f"{path.name} held changes; they are kept in {saved}", flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def _solved() -> list[Path]:
    found = sorted((COURSE_FOLDER / "solutions").glob("[0-9][0-9]_*.ipynb"))
    if not found:
        raise FileNotFoundError(
            f"{COURSE_FOLDER / 'solutions'}: there are no solved notebooks. A zip for students has "
            "none; in a clone, `vos-lab build` makes them"
        )
    return found


def _version(path: Path) -> str:
    """For which version of the library a notebook is."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["metadata"]["vos_lab"]["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return "?"


def _has_no_display() -> bool:
    """Whether there is no screen to open a browser on."""
    if not sys.platform.startswith("linux"):
        return False
    return not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
