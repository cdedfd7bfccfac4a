"""The notebooks of the course, unsolved."""

import pytest
from notebook_runs import LESSONS, REPOSITORY, errors, execute

from vos_lab.authoring.lessons import as_text, read_lesson, student_notebook


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
