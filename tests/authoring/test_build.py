"""Building a lesson on disk: writing, executing, cleaning, comparing; and running a student's."""

import copy
import shutil

import nbformat
import pytest
from nbclient import NotebookClient
from small_lesson import SMALL_LESSON

from vos_lab.authoring import build as build_module
from vos_lab.authoring.build import (
    BuildError,
    build,
    check_notebook,
    check_size,
    clean,
)

NAME = "01_small"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A repository with one lesson, built once."""
    root = tmp_path_factory.mktemp("repository")
    (root / "lessons").mkdir()
    (root / "lessons" / f"{NAME}.py").write_text(SMALL_LESSON, encoding="utf-8")
    root.joinpath("report").write_text(repr(build(root=root)))
    return root


@pytest.fixture
def root(built, tmp_path):
    """A copy of it, to change."""
    return shutil.copytree(built, tmp_path / "repository")


def student(root):
    return root / "notebooks" / f"{NAME}.ipynb"


def solved(root):
    return root / "solutions" / f"{NAME}.ipynb"


def read(path):
    return nbformat.read(path, as_version=4)


def write(path, notebook):
    path.write_text(build_module.as_text(notebook), encoding="utf-8")


def cell_of(notebook, identifier):
    return next(cell for cell in notebook.cells if cell.id == f"{NAME}-{identifier}")


def edit(root, old, new):
    path = root / "lessons" / f"{NAME}.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def never(*args, **kwargs):
    raise AssertionError("must not be executed")


# --- what is built ----------------------------------------------------------------------------


def test_the_solved_notebook_is_executed_and_clean(built):
    notebook = read(solved(built))
    nbformat.validate(notebook)
    text = solved(built).read_text(encoding="utf-8")
    for noise in ("widget-view", "iopub", "0x7f", "stderr", "it/s"):
        assert noise not in text
    assert cell_of(notebook, "overlay-check").outputs[0].text == (
        "✓ overlay: passed. The library runs on your version now.\n"
        "  2 of 2 exercises of this lesson\n"
    )
    assert cell_of(notebook, "use").outputs[0].text == "2 masks, threads: 2\n"
    assert cell_of(notebook, "real").outputs[0].text == "[]\n"
    assert cell_of(notebook, "widget").outputs[0].data["text/html"] == "<p>a slider</p>"
    assert cell_of(notebook, "real-1").outputs[0].text == "3\n"
    assert "widgets" not in notebook.metadata
    assert notebook.metadata["language_info"] == {"name": "python"}


def test_the_students_notebook_has_no_outputs(built):
    notebook = read(student(built))
    assert all(
        not c.outputs and c.execution_count is None for c in notebook.cells if "outputs" in c
    )


def test_the_report_says_what_was_done(built):
    report = built.joinpath("report").read_text()
    assert f"name='{NAME}', executed=True" in report
    assert "slow=()" in report


def test_nothing_is_executed_twice(root, monkeypatch):
    before = solved(root).read_bytes()
    monkeypatch.setattr(build_module, "run_notebook", never)
    assert not build(root=root)[0].executed
    assert solved(root).read_bytes() == before


def test_force_executes_again_and_gives_the_same_bytes(root):
    before = solved(root).read_bytes()
    assert build([NAME], root=root, force=True)[0].executed
    assert solved(root).read_bytes() == before


def test_without_execution_only_the_students_notebook_changes(root, monkeypatch):
    monkeypatch.setattr(build_module, "run_notebook", never)
    before = solved(root).read_bytes()
    edit(root, "Some text", "Other text")
    build(root=root, execute=False)
    assert solved(root).read_bytes() == before
    assert "Other text" in student(root).read_text(encoding="utf-8")


def test_the_table_in_the_readme_is_written_and_compared(root, capsys):
    file = root / "README.md"
    marks = "<!-- lessons: here -->\n{}<!-- end of lessons -->\n"
    file.write_text(marks.format(""), encoding="utf-8")
    with pytest.raises(BuildError, match=r"README\.md: its table of lessons differs"):
        build(root=root, check=True)
    build(root=root, execute=False)
    assert "| copies of a mask | 15 |" in file.read_text(encoding="utf-8")
    build(root=root, check=True)


def test_an_unknown_lesson_is_named(built):
    with pytest.raises(FileNotFoundError, match=f"02_other.*no such lesson; there are {NAME}"):
        build(["02_other"], root=built)


# --- what students have written ---------------------------------------------------------------


def saved(root, number):
    return root / "notebooks" / f"{NAME}.saved-{number}.ipynb"


def test_answers_are_moved_aside_and_never_overwritten(root, capsys):
    fresh = student(root).read_bytes()
    for number in (1, 2):
        notebook = read(student(root))
        cell_of(notebook, "overlay").source = f"answer = {number}"
        write(student(root), notebook)
        build(root=root, execute=False)
        assert cell_of(read(saved(root, number)), "overlay").source == f"answer = {number}"
        assert f"kept in {NAME}.saved-{number}.ipynb" in capsys.readouterr().out
        assert student(root).read_bytes() == fresh
    assert "answer = 1" in saved(root, 1).read_text(encoding="utf-8")
    build(root=root, check=True)  # saved ones are nobody's mistake


@pytest.mark.parametrize(
    "change",
    [
        lambda cells: cells.pop(3),
        lambda cells: cells.append(nbformat.v4.new_code_cell("x = 1")),
        lambda cells: cells.insert(0, cells.pop()),
        lambda cells: cells[0].update(source="# My notes"),
    ],
    ids=["deleted", "added", "moved", "text"],
)
def test_every_change_counts_as_an_answer(root, change):
    notebook = read(student(root))
    change(notebook.cells)
    write(student(root), notebook)
    build(root=root, execute=False)
    assert saved(root, 1).is_file()


@pytest.mark.parametrize("content", [b"", b"not json", b"\xff\xfe", b"{}", b"[]"])
def test_what_cannot_be_read_is_kept_too(root, content):
    student(root).write_bytes(content)
    build(root=root, execute=False)
    assert saved(root, 1).read_bytes() == content
    assert cell_of(read(student(root)), "overlay")


def test_a_notebook_without_answers_is_built_anew_in_its_place(root):
    notebook = read(student(root))
    cell = cell_of(notebook, "use")  # as JupyterLab saves it after a run
    cell.outputs = [nbformat.v4.new_output("stream", text="hello")]
    cell.execution_count = 3
    notebook.metadata["language_info"]["version"] = "3.12"
    write(student(root), notebook)
    edit(root, "Some text", "Other text")
    build(root=root, execute=False)
    assert [path.name for path in student(root).parent.iterdir()] == [f"{NAME}.ipynb"]
    assert "Other text" in student(root).read_text(encoding="utf-8")
    assert "hello" not in student(root).read_text(encoding="utf-8")


# --- build --check ----------------------------------------------------------------------------


def test_check_passes_on_what_was_built(built, capsys):
    assert build(root=built, check=True) == []
    assert "are what the lessons say" in capsys.readouterr().out


def test_check_does_not_mind_other_outputs(root):
    notebook = read(solved(root))
    cell_of(notebook, "use").outputs[0].text = "3 masks\n"
    write(solved(root), notebook)
    build(root=root, check=True)


def test_check_finds_a_changed_lesson_and_shows_where(root):
    edit(root, "Some text", "Other text")
    with pytest.raises(BuildError) as error:
        build(root=root, check=True)
    message = str(error.value)
    assert f"notebooks/{NAME}.ipynb: differs" in message
    assert f"solutions/{NAME}.ipynb: differs" in message
    assert "-Some text" in message
    assert "+Other text" in message
    assert len(message.split("\n")) < 40


def test_check_finds_a_changed_notebook(root):
    notebook = read(student(root))
    cell_of(notebook, "overlay-check").metadata["nbgrader"]["points"] = 100
    write(student(root), notebook)
    with pytest.raises(BuildError, match='"points": 100'):
        build(root=root, check=True)


def test_check_finds_outputs_in_a_students_notebook(root):
    notebook = read(student(root))
    cell_of(notebook, "use").outputs = [nbformat.v4.new_output("stream", text="hello")]
    write(student(root), notebook)
    with pytest.raises(BuildError, match=r"\(1 outputs\)"):
        build(root=root, check=True)


def test_check_finds_what_is_missing_unsolved_or_left_over(root):
    student(root).unlink()
    write(solved(root), build_module.without_outputs(read(solved(root))))
    shutil.copy(solved(root), root / "solutions" / "09_gone.ipynb")
    with pytest.raises(BuildError) as error:
        build(root=root, check=True)
    assert f"notebooks/{NAME}.ipynb: is missing" in str(error.value)
    assert f"solutions/{NAME}.ipynb: was not executed" in str(error.value)
    assert "solutions/09_gone.ipynb: has no lesson" in str(error.value)


def test_check_finds_another_writing_of_the_same(root):
    path = student(root)
    path.write_text(path.read_text(encoding="utf-8").replace("\n ", "\n  "), encoding="utf-8")
    with pytest.raises(BuildError, match="written by something other"):
        build(root=root, check=True)


# --- executing --------------------------------------------------------------------------------


def test_a_cell_that_fails_is_named_and_nothing_is_written(root):
    before = solved(root).read_bytes()
    edit(root, "print(len(masks),", "print(1 / 0,")
    with pytest.raises(BuildError, match=r"01_small: cell use failed[\s\S]*ZeroDivisionError"):
        build(root=root)
    assert solved(root).read_bytes() == before


def outputs_of(built, *outputs):
    notebook = copy.deepcopy(read(solved(built)))
    cell_of(notebook, "use").outputs = list(outputs)
    return notebook


def test_progress_bars_go_and_warnings_are_errors(built):
    bar = nbformat.v4.new_output(
        "stream", name="stderr", text="\r  0%|     | 0/3\r100%|█████| 3/3 [00:00<00:00, 9.1it/s]\n"
    )
    assert cell_of(clean(outputs_of(built, bar), NAME), "use").outputs == []
    bar.text += "UserWarning: beware\n"
    with pytest.raises(BuildError, match=r"cell use wrote to stderr[\s\S]*UserWarning: beware"):
        clean(outputs_of(built, bar), NAME)


def test_a_widget_without_a_static_picture_is_an_error(built):
    data = {build_module.WIDGET: {"model_id": "1"}, "text/plain": "IntSlider(value=0)"}
    output = nbformat.v4.new_output("display_data", data=data)
    with pytest.raises(BuildError, match="cell use: its widget has no static picture"):
        clean(outputs_of(built, output), NAME)


def test_addresses_in_memory_go(built):
    output = nbformat.v4.new_output("display_data", data={"text/plain": "<Clip at 0x7f12ab34cd>"})
    cleaned = clean(outputs_of(built, output), NAME)
    assert cell_of(cleaned, "use").outputs[0].data["text/plain"] == "<Clip at 0x...>"


def test_a_notebook_that_is_too_large_names_its_largest_outputs(built):
    data = {"image/png": "x" * 700_000, "text/plain": "a picture"}
    notebook = outputs_of(built, nbformat.v4.new_output("display_data", data=data))
    with pytest.raises(BuildError, match=r"budget is 600 KB.*\n  cell use: 700 KB of image/png"):
        check_size(notebook, build_module.as_text(notebook), NAME)
    check_size(read(solved(built)), solved(built).read_text(encoding="utf-8"), NAME)


def test_slow_cells_are_reported():
    report = build_module.Built(NAME, True, 200.0, (("use", 75.0),), 1000)
    words = build_module._in_words(report)
    assert "more than the 90 s" in words
    assert "cell use takes 75 s, more than 30 s" in words


# --- a student's notebook ---------------------------------------------------------------------


def test_a_students_notebook_runs_to_the_end_with_nothing_attempted(root, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("VOS_LAB_DATA", str(root / "lessons"))
    notebook = read(student(root))
    # Only cells tagged raises-exception may raise: nbclient stops at any other.
    NotebookClient(notebook, timeout=120, extra_arguments=build_module.QUIET).execute()
    errors = [o for c in notebook.cells for o in c.get("outputs", ()) if o.output_type == "error"]
    assert [error.ename for error in errors] == ["NotAttempted", "NotAttempted"]
    # One short line in place of a traceback.
    assert "Next: write first_mask_everywhere above" in errors[0].traceback[0]
    assert len(errors[0].traceback) == 1
    streams = [o.get("name") for c in notebook.cells for o in c.get("outputs", ())]
    assert "stderr" not in streams
    assert cell_of(notebook, "use").outputs[0].text == "2 masks, threads: 2\n"


def test_a_notebook_half_done_is_tabulated(root):
    notebook = read(student(root))
    answer = cell_of(notebook, "first_mask_everywhere")
    answer.source = (
        "def first_mask_everywhere(first_mask, frames):\n    return copies(first_mask, len(frames))"
    )
    helper = nbformat.v4.new_code_cell(
        "def copies(mask, n):\n    return [mask.copy() for _ in range(n)]\n\n1 / 0"
    )
    notebook.cells.insert(notebook.cells.index(answer), helper)
    cell_of(
        notebook, "overlay"
    ).source = "def overlay(frame, mask, opacity=0.5):\n    return frame +"
    write(student(root), notebook)
    first, second = check_notebook(student(root))
    assert first["exercise"] == "vos_lab.methods.baseline.first_mask_everywhere"
    assert (first["outcome"], first["points"], first["possible"]) == ("passed", 2, 2)
    assert first["message"].startswith("✓ first_mask_everywhere: passed")
    assert (second["outcome"], second["points"], second["possible"]) == ("error", 0, 1)
    assert second["message"].startswith("the answer does not run: SyntaxError")


def test_an_emptied_check_is_checked_all_the_same(root):
    notebook = read(student(root))
    cell_of(notebook, "first_mask_everywhere-check").source = ""
    cell_of(notebook, "overlay-check").source = "print('passed')"
    write(student(root), notebook)
    assert [row["outcome"] for row in check_notebook(student(root))] == ["not attempted"] * 2


def test_a_check_that_was_copied_counts_once(root):
    notebook = read(student(root))
    copied = copy.deepcopy(cell_of(notebook, "overlay-check"))
    copied.id = "copied"
    notebook.cells.append(copied)
    write(student(root), notebook)
    assert [row["possible"] for row in check_notebook(student(root))] == [2, 1]


def test_strange_metadata_and_kernels_are_no_reason_to_fail(root):
    notebook = read(student(root))
    notebook.metadata["kernelspec"] = {"name": "my-own", "display_name": "My own"}
    notebook.cells[0].metadata["vos_lab"] = "mine"
    cell_of(notebook, "use").metadata = nbformat.from_dict({"vos_lab": {"kind": "check"}})
    cell_of(notebook, "overlay-check").metadata["nbgrader"]["points"] = "many"
    write(student(root), notebook)
    rows = check_notebook(student(root))
    assert [row["outcome"] for row in rows] == ["not attempted"] * 2
    assert [row["possible"] for row in rows] == [2, 1]


def test_a_kernel_that_ends_costs_what_comes_after_it(root):
    notebook = read(solved(root))
    cell_of(notebook, "overlay").source = "import os\nos._exit(1)"
    write(solved(root), notebook)
    first, second = check_notebook(solved(root))
    assert (first["outcome"], second["outcome"]) == ("passed", "error")
    assert "was not run" in second["message"]


def test_what_is_no_notebook_of_the_course_is_refused(tmp_path):
    path = tmp_path / "other.ipynb"
    with pytest.raises(FileNotFoundError, match="no such notebook"):
        check_notebook(path)
    for content in (b"not json", b"", b"\xff\xfe", b"{}", b"[]", b'{"nbformat": 4, "cells": 3}'):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"other\.ipynb: cannot be read as a notebook"):
            check_notebook(path)
    write(path, nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")]))
    with pytest.raises(ValueError, match="holds no exercise of this course"):
        check_notebook(path)
