"""The notebooks of the course, solved."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from notebook_runs import LESSONS, REPOSITORY


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
