"""One reader for every notebook that people have: of any version and encoding, whole or not."""

import json

import pytest

from vos_lab.authoring.build import check_notebook, read_lessons
from vos_lab.authoring.lessons import as_text, student_notebook
from vos_lab.authoring.notebooks import NotANotebook, read_notebook, text_of
from vos_lab.grading.collect import collect

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]


@pytest.fixture(scope="module")
def text():
    return as_text(student_notebook(read_lessons(names=["00_tour"])[0]))


def version_3(text):
    """The same notebook as a program of 2014 would have saved it."""
    made = json.loads(text)
    cells = [
        {"cell_type": "code", "input": cell["source"], "language": "python", "outputs": []}
        if cell["cell_type"] == "code"
        else {"cell_type": "markdown", "source": cell["source"]}
        for cell in made["cells"]
    ]
    for old, new in zip(cells, made["cells"], strict=True):
        old["metadata"] = new["metadata"]
    sheets = [{"cells": cells, "metadata": {}}]
    return json.dumps({"metadata": made["metadata"], "nbformat": 3, "worksheets": sheets})


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_any_encoding(text, encoding):
    text = text.replace("# Step 1", "# Zoë: step 1")
    text = json.dumps(json.loads(text), ensure_ascii=False)
    read = read_notebook(text.encode(encoding))
    assert read.lesson == "00_tour"
    assert any("Zoë" in cell.source for cell in read.cells)
    assert read.damage == ""


def test_text_in_latin_1():
    assert text_of("# Zoë".encode("latin-1")) == "# Zoë"


@pytest.mark.parametrize("form", ["utf-8-sig", "utf-16", "version 3"])
def test_check_and_collect_read_the_same(tmp_path, text, form):
    data = version_3(text).encode() if form == "version 3" else text.encode(form)
    path = tmp_path / "ann" / "00_tour.ipynb"
    path.parent.mkdir()
    path.write_bytes(data)
    (row,) = collect([tmp_path])
    assert row.lesson == "00_tour"
    assert set(row.states.values()) == {"untouched"}
    rows = check_notebook(path)
    assert {row["outcome"] for row in rows} == {"not attempted"}
    assert len(rows) == len(row.states)


def test_a_truncated_notebook_is_known_by_the_ids_of_its_cells(tmp_path, text):
    data = text[: text.index("def first_mask_everywhere")].encode()
    read = read_notebook(data)
    assert read.lesson == "00_tour"
    assert "damaged" in read.damage
    path = tmp_path / "mine.ipynb"
    path.write_bytes(data)
    (row,) = collect([tmp_path])
    assert (row.student, row.lesson) == ("mine", "00_tour")
    assert "damaged" in row.problems[0]
    with pytest.raises(ValueError, match=r"mine\.ipynb: the file is damaged"):
        check_notebook(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b" \0\n", "is empty"),
        (b"PK\x03\x04", "it is a zip"),
        (b"%PDF-1.7", "it is a PDF"),
        (b"<!DOCTYPE html>", "the page of the notebook was saved"),
        (b"[" * 100_000, "nested without end"),
        (b"[]", "no cells in it"),
        (b'{"cells": 3, "worksheets": [3]}', "is not a notebook|^$"),
    ],
)
def test_what_is_no_notebook_says_what_it_is(data, words):
    if words.endswith("^$"):
        assert read_notebook(data).cells == []
        return
    with pytest.raises(NotANotebook, match=words):
        read_notebook(data)


def test_version_1_and_strange_cells():
    cells = [{"cell_type": "code", "code": "x = 1"}, 3, {"source": ["a\r\n", 4, "b"]}, {}]
    read = read_notebook(json.dumps({"cells": cells, "metadata": 3}).encode())
    assert [(cell.number, cell.source) for cell in read.cells] == [
        (1, "x = 1"),
        (3, "a\nb"),
        (4, ""),
    ]
    assert read.lesson == ""
    assert read.cells[0].ours == {}
