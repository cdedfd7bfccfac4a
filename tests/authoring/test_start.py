"""Laying out the notebooks in a folder, and what JupyterLab is started with."""

import json
import os
import sys

import pytest
from small_lesson import SMALL_LESSON

from vos_lab import course_files
from vos_lab.authoring import contents
from vos_lab.authoring import start as module
from vos_lab.authoring.lessons import as_text, read_lesson, student_notebook
from vos_lab.authoring.start import first_lesson, folder_of_work, lay_out, open_jupyterlab

NAME = "01_small"


@pytest.fixture
def course(monkeypatch, tmp_path):
    """A course with one lesson, in the place of the one that is installed."""
    root = tmp_path / "course"
    for folder in ("lessons", "solutions"):
        (root / folder).mkdir(parents=True)
    (root / "lessons" / f"{NAME}.py").write_text(SMALL_LESSON, encoding="utf-8")
    (root / "solutions" / f"{NAME}.ipynb").write_text('{"solved": true}')
    monkeypatch.setattr(module, "COURSE_FOLDER", root)
    monkeypatch.setattr(module, "lesson_files", lambda: contents.lesson_files(root))
    return root


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "Kurs für alle"


def test_notebooks_are_those_of_the_lessons(course, folder, capsys):
    lay_out(folder)
    due = student_notebook(read_lesson(course / "lessons" / f"{NAME}.py"))
    assert (folder / "notebooks" / f"{NAME}.ipynb").read_text("utf-8") == as_text(due)
    assert not (folder / "solutions").exists()
    assert f"Laying out 1 notebooks in {folder}" in capsys.readouterr().out


def test_what_is_there_stays(course, folder, monkeypatch):
    lay_out(folder, solutions=True)
    for kind in ("notebooks", "solutions"):
        (folder / kind / f"{NAME}.ipynb").write_text("mine")
    lay_out(folder, solutions=True)
    for kind in ("notebooks", "solutions"):
        assert [file.name for file in (folder / kind).iterdir()] == [f"{NAME}.ipynb"]
        assert (folder / kind / f"{NAME}.ipynb").read_text() == "mine"


def test_again_keeps_what_was_written_beside_the_new_one(course, folder, capsys):
    lay_out(folder, solutions=True)
    fresh = (folder / "notebooks" / f"{NAME}.ipynb").read_bytes()
    lay_out(folder, solutions=True, again=True)  # nothing was written: nothing to keep
    assert "kept" not in capsys.readouterr().out
    for kind in ("notebooks", "solutions"):
        (folder / kind / f"{NAME}.ipynb").write_text("mine")
    lay_out(folder, solutions=True, again=True)
    assert (folder / "notebooks" / f"{NAME}.ipynb").read_bytes() == fresh
    assert (folder / "solutions" / f"{NAME}.ipynb").read_text() == '{"solved": true}'
    for kind in ("notebooks", "solutions"):
        assert (folder / kind / f"{NAME}.saved-1.ipynb").read_text() == "mine"
    assert f"{NAME}.saved-1.ipynb" in capsys.readouterr().out


def test_a_notebook_of_another_version_is_named(course, folder, capsys):
    lay_out(folder)
    path = folder / "notebooks" / f"{NAME}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["metadata"]["vos_lab"]["version"] = "0.0.1"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    before = path.read_bytes()
    capsys.readouterr()
    lay_out(folder)
    said = capsys.readouterr().out
    assert "is for vos_lab 0.0.1" in said
    assert "--again" in said
    assert path.read_bytes() == before


def test_a_clone_gets_only_what_is_missing(course, capsys):
    lay_out(course, solutions=True)
    assert (course / "notebooks" / f"{NAME}.ipynb").is_file()
    assert [file.name for file in (course / "solutions").iterdir()] == [f"{NAME}.ipynb"]
    capsys.readouterr()
    lay_out(course)
    assert capsys.readouterr().out == ""


def test_a_zip_for_students_has_its_notebooks_and_nothing_to_lay_out(course, folder):
    (course / "lessons" / f"{NAME}.py").unlink()
    (course / "lessons").rmdir()
    lay_out(course)
    assert not (course / "notebooks").exists()
    with pytest.raises(FileNotFoundError, match="no folder of lessons"):
        lay_out(folder)


def test_a_file_in_the_place_of_the_folder_is_named(course, folder):
    folder.write_text("")
    with pytest.raises(NotADirectoryError, match="name a folder"):
        lay_out(folder)


def test_solutions_that_are_nowhere(course, folder):
    (course / "solutions" / f"{NAME}.ipynb").unlink()
    with pytest.raises(FileNotFoundError, match="no solved notebooks"):
        lay_out(folder, solutions=True)


def test_the_first_lesson_is_the_first_that_is_there(tmp_path):
    assert first_lesson(tmp_path) == "notebooks"
    (tmp_path / "notebooks").mkdir()
    for name in ("03_b.ipynb", "02_a.ipynb", "02_a.saved-1.ipynb", "mine.ipynb"):
        (tmp_path / "notebooks" / name).write_text("")
    assert first_lesson(tmp_path) == "notebooks/02_a.ipynb"


def test_the_folder_is_where_notebooks_are_or_a_new_one(monkeypatch, tmp_path):
    monkeypatch.setattr(course_files, "INSTALLED", True)
    monkeypatch.chdir(tmp_path)
    assert folder_of_work() == tmp_path / "vos-lab-course"
    assert course_files.work_folder() == tmp_path
    (tmp_path / "vos-lab-course" / "notebooks").mkdir(parents=True)
    (tmp_path / "vos-lab-course" / "notebooks" / "00_tour.ipynb").write_text("")
    assert folder_of_work() == course_files.work_folder() == tmp_path / "vos-lab-course"
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "00_tour.ipynb").write_text("")
    assert folder_of_work() == course_files.work_folder() == tmp_path
    monkeypatch.setattr(course_files, "INSTALLED", False)
    assert folder_of_work() == course_files.COURSE_FOLDER


@pytest.mark.skipif(sys.platform == "win32", reason="there, nothing takes the place of a program")
def test_jupyterlab_opens_the_notebook_in_its_folder(monkeypatch, folder):
    folder.mkdir()
    started = []
    monkeypatch.setattr(module.os, "execve", lambda *given: started.append(given))
    monkeypatch.setattr(module.os, "chdir", started.append)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    open_jupyterlab(folder, "notebooks/00_tour.ipynb", ["--port=9999"])
    where, (_, command, variables) = started
    assert where == folder
    assert f"--ServerApp.root_dir={folder}" in command
    assert "--LabApp.default_url=/lab/tree/notebooks/00_tour.ipynb" in command
    assert command[-1] == "--port=9999"
    assert ("--no-browser" in command) == sys.platform.startswith("linux")
    assert variables["PATH"].split(os.pathsep)[0] == os.path.dirname(sys.executable)
