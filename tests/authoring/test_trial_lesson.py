"""A new lesson adds files under its own name; then it is built, checked, graded and presented."""

import json
import os
import subprocess
import sys

import nbformat
import pytest
from trial_lesson import FILES, NAME, REPOSITORY, lay_out

# One process for all commands, as each would load the same libraries again.
PROGRAM = """
import sys
from vos_lab.cli import app

for command in sys.argv[1:]:
    print(">", command, flush=True)
    try:
        app(command.split(), standalone_mode=False)
    except SystemExit as end:
        assert not end.code, command
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course with a lesson more, on which each command was run."""
    folder = tmp_path_factory.mktemp("trial") / "course"
    before = {name: read(REPOSITORY / name) for name in shared_files()}
    lay_out(folder)
    commands = [
        "lessons --json",
        f"claims {NAME}/growth --record",
        f"build {NAME} --pictures",
        f"build {NAME} --check",
        f"check solutions/{NAME}.ipynb --json checked.json",
        f"grade solutions/{NAME}.ipynb --lesson {NAME} --out grades --jobs 1",
        f"release {NAME} --graded --out released.zip",
        f"present {NAME} --export slides.html",
    ]
    environment = {**os.environ, "PYTHONPATH": str(folder), "VOS_LAB_PROGRESS": ""}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *commands],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout
    touched = {n.as_posix() for n, text in before.items() if read(folder / n) != text}
    return folder, touched, done.stdout


def shared_files():
    """The files that a lesson could have to touch: all but those of other lessons."""
    for room in ("vos_lab", "docs/jupyterhub", "lessons", "data/claims", "data/leaderboard", "."):
        pattern = "*" if room == "." else "**/*"
        for file in sorted((REPOSITORY / room).glob(pattern)):
            if file.is_file() and "__pycache__" not in file.parts and file.name[0] != ".":
                yield file.relative_to(REPOSITORY)


def read(file):
    return file.read_bytes()


def test_it_touches_the_changelog_and_the_list_of_methods(course):
    folder, touched, said = course
    written = {"README.md"}  # its table, by the program that builds the notebooks
    assert touched - written == {"CHANGELOG.md", "vos_lab/methods/__init__.py"}
    assert f'"name": "{NAME}"' in said
    assert f"| `{NAME}` | A trial | a mask | 10 |" in (folder / "README.md").read_text()


def test_its_notebook_shows_picture_widget_claim_and_row(course):
    folder, *_ = course
    notebook = nbformat.read(folder / "solutions" / f"{NAME}.ipynb", as_version=4)
    pages = [
        output.data.get("text/html", "")
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "data" in output
    ]
    for text in ("A mask that grows", "Your widened at work", "A wider mask is larger", "easy"):
        assert any(text in page for page in pages), text
    assert (folder / "lessons" / "pictures" / f"{NAME}.webp").stat().st_size > 500


def test_its_answers_are_checked_and_graded(course):
    folder, *_ = course
    (row,) = json.loads((folder / "checked.json").read_text())
    assert (row["outcome"], row["points"]) == ("passed", 2)
    (graded,) = (folder / "grades" / "grades.csv").read_text().splitlines()[1:]
    assert "2" in graded.split(",")


def test_its_files_are_those_of_its_name():
    name = NAME.partition("_")[2]
    assert all(file.rpartition("/")[2].partition(".")[0] in (name, NAME) for file in FILES)
