"""The notebooks of the course themselves: unsolved, solved, and on real data."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from vos_lab.course.lessons import as_text, read_lesson, student_notebook

REPOSITORY = Path(__file__).parents[2]
LESSONS = sorted(file.stem for file in (REPOSITORY / "lessons").glob("*.py"))


@pytest.fixture
def nowhere(tmp_path):
    """A folder of datasets without any dataset, so that every machine gives the same."""
    folder = tmp_path / "no data"
    folder.mkdir()
    return folder


def execute(path: Path, folder: Path, data: Path, monkeypatch) -> NotebookNode:
    """Run a notebook in a folder of its own, whatever its cells raise."""
    monkeypatch.setenv("VOS_LAB_DATA", str(data))
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=600, allow_errors=True, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return notebook


def errors(notebook: NotebookNode) -> list[str]:
    return [
        f"{cell.id}: {output.ename}: {output.evalue}"
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "error"
    ]


def test_there_are_lessons():
    assert {"00_tour", "01_metrics"} <= set(LESSONS)


@pytest.mark.parametrize("lesson", LESSONS)
def test_an_untouched_notebook_runs_to_its_end_with_every_exercise_not_attempted(
    lesson, tmp_path, nowhere, monkeypatch
):
    # Made anew: the one in notebooks/ may hold a student's answers.
    untouched = student_notebook(read_lesson(REPOSITORY / "lessons" / f"{lesson}.py"))
    path = tmp_path / f"{lesson}.ipynb"
    path.write_text(as_text(untouched), encoding="utf-8")
    notebook = execute(path, tmp_path, nowhere, monkeypatch)
    graded = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")]
    found = errors(notebook)
    assert len(found) == len(graded) > 0
    assert all("NotAttempted" in error for error in found), found


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_solved_notebook_still_gives_what_it_shows(lesson, tmp_path, nowhere):
    path = shutil.copy(REPOSITORY / "solutions" / f"{lesson}.ipynb", tmp_path)
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "-p", "no:cacheprovider", "-q", path]
    environment = os.environ | {"VOS_LAB_DATA": str(nowhere)}
    result = subprocess.run(
        [*command, "--nbval-cell-timeout=600"],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-4000:]
    assert " passed" in result.stdout


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_solved_notebook_runs_on_real_data(lesson, tmp_path, real_data, monkeypatch):
    path = REPOSITORY / "solutions" / f"{lesson}.ipynb"
    notebook = execute(path, tmp_path, real_data, monkeypatch)
    assert errors(notebook) == []
    cells = [c for c in notebook.cells if "real-data" in c.metadata.get("tags", [])]
    assert cells
    for cell in cells:
        shown = [output.get("text", "") for output in cell.outputs]
        assert any(shown), f"{cell.id} shows nothing"
        assert not any("No real data" in text for text in shown), f"{cell.id} found no real data"


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_picture_has_a_description_and_nothing_is_too_large(lesson):
    path = REPOSITORY / "solutions" / f"{lesson}.ipynb"
    assert path.stat().st_size <= 600_000
    text = path.read_text()
    assert "widget-view+json" not in text
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            assert not {kind for kind in data if kind.startswith("image/")}, cell.id
            html = data.get("text/html", "")
            assert html.count("<img") == html.count('<img alt="'), cell.id
            assert '<img alt=""' not in html, cell.id
