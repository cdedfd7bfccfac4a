"""The descriptions of the lessons' figures: each title has one, and none is left over."""

import ast
import tomllib
from pathlib import Path

import pytest

from vos_lab.view.figures.page import ALTS, written_alts

LESSONS = sorted((Path(__file__).parents[2] / "lessons").glob("[0-9][0-9]_*.py"))


def titles(lesson: Path) -> set[str]:
    """All texts of a lesson's code: a title may be handed on by a function of its own."""
    nodes = ast.walk(ast.parse(lesson.read_text(encoding="utf-8")))
    return {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_description_belongs_to_a_figure_of_its_lesson(lesson):
    table = ALTS / f"{lesson.stem}.toml"
    if table.exists():
        written = tomllib.loads(table.read_text(encoding="utf-8"))
        assert set(written) <= titles(lesson)
        assert all(len(alt.split()) > 3 for alt in written.values())


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_each_figure_has_a_description(lesson):
    """A figure whose title is written out, and that has no alt=, needs a line in the table."""
    calls = [n for n in ast.walk(ast.parse(lesson.read_text("utf-8"))) if isinstance(n, ast.Call)]
    for call in calls:
        room, _, kind = ast.unparse(call.func).partition(".")
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        if room not in ("figures", "flow_figures") or kind == "table" or "alt" in given:
            continue
        title = given.get("title") or next(iter(call.args[1:]), None)
        if isinstance(title, ast.Constant):
            assert title.value in written_alts(), f"{lesson.stem}: {title.value}"


def test_each_table_belongs_to_a_lesson():
    assert {path.stem for path in ALTS.glob("*.toml")} <= {path.stem for path in LESSONS}
