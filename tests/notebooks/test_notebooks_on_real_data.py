"""The notebooks of the course, solved, where there is real data."""

import pytest
from notebook_runs import LESSONS, REPOSITORY, errors, execute


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
