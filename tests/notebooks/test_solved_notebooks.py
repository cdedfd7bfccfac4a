"""The notebooks of the course, solved: each is run once, with real data where there is some."""

import nbformat
import pytest
from nbformat import NotebookNode
from notebook_runs import LESSONS, REPOSITORY, errors, execute, real_data_or


def tagged(notebook: NotebookNode, tag: str) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def printed(cell: NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_solved_notebook_still_gives_what_it_shows(lesson, tmp_path, nowhere, monkeypatch):
    path = REPOSITORY / "solutions" / f"{lesson}.ipynb"
    data, real = real_data_or(nowhere)
    there, now = nbformat.read(path, as_version=4), execute(path, tmp_path, data, monkeypatch)
    assert errors(now) == []
    compared = zip(*(tagged(one, "compare") for one in (there, now)), strict=True)
    for before, after in compared:
        assert printed(after) == printed(before), after.id
    assert tagged(now, "real-data")
    for cell in tagged(now, "real-data"):
        assert printed(cell), f"{cell.id} shows nothing"
        assert not (real and "No real data" in printed(cell)), f"{cell.id} found no real data"


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
