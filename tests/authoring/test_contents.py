"""The table of contents, read from the headers of lessons alone."""

import subprocess
import sys

import pytest
from small_lesson import SMALL_LESSON

from vos_lab.authoring.build import read_lessons
from vos_lab.authoring.contents import LessonError, lessons, readme
from vos_lab.authoring.lessons import find_exercise

NAME = "01_small"
MARKED = "Before.\n<!-- lessons: written by a program -->\nold\n<!-- end of lessons -->\nAfter.\n"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / f"{NAME}.py").write_text(SMALL_LESSON, encoding="utf-8")
    return tmp_path


def edit(root, old, new):
    file = root / "lessons" / f"{NAME}.py"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_what_a_lesson_says_of_itself(root):
    (lesson,) = lessons(root)
    assert (lesson["name"], lesson["title"]) == (NAME, "A small lesson")
    assert lesson["builds"] == "copies of a mask"
    assert (lesson["minutes"], lesson["points"], lesson["needs"]) == (15, 3, ["00_before"])
    assert lesson["exercises"][0] == {
        "name": "first_mask_everywhere",
        "function": "vos_lab.methods.baseline.first_mask_everywhere",
        "points": 2,
        "minutes": 5,
        "difficulty": 1,
        "importance": 2,
    }


def test_an_exercise_that_is_imported_from_elsewhere_is_found(root):
    (lesson,) = lessons(root)
    assert lesson["exercises"][1]["function"] == "vos_lab.video.label_maps.overlay"


def test_the_headers_agree_with_what_the_notebooks_are_made_from():
    for listed, lesson in zip(lessons(), read_lessons(), strict=True):
        cells = [cell for cell in lesson.cells if cell.kind == "exercise"]
        marked = [find_exercise(cell, lesson) for cell in cells]
        assert (listed["name"], listed["title"]) == (lesson.name, lesson.title)
        assert (listed["minutes"], listed["needs"]) == (lesson.minutes, list(lesson.needs))
        assert listed["points"] == sum(cell.points for cell in cells)
        assert [
            (each["function"], each["minutes"], each["difficulty"], each["importance"])
            for each in listed["exercises"]
        ] == [(each.name, each.minutes, each.difficulty, each.importance) for each in marked]


def test_the_list_is_there_without_torch_and_without_jupyter():
    source = """
import sys
from vos_lab.authoring.contents import lessons
lessons()
print(sorted({"torch", "numpy", "nbformat", "jupytext", "IPython"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (" minutes=15", "", "must say minutes="),
        (' builds="copies of a mask"', "", "must say builds="),
        ("# # A small lesson", "# A small lesson", "must start with '# Title'"),
        ("baseline.first_mask_everywhere", "baseline.nothing", "not marked with @exercise"),
        ("baseline.first_mask_everywhere", "baseline.Baseline", "not marked with @exercise"),
        ("baseline.first_mask_everywhere", "nowhere.f", "no module vos_lab.methods.nowhere"),
    ],
)
def test_a_header_that_does_not_say_what_it_should(root, old, new, words):
    edit(root, old, new)
    with pytest.raises(LessonError, match=words) as raised:
        lessons(root)
    assert f"{NAME}.py" in str(raised.value)


def test_without_lessons_the_error_says_where_they_are(tmp_path):
    with pytest.raises(FileNotFoundError, match="a clone of the repository has them"):
        lessons(tmp_path)


def test_the_table_is_put_between_its_marks_and_nothing_else_changes(root):
    (root / "README.md").write_text(MARKED, encoding="utf-8")
    before, after = readme(root)
    assert before == MARKED
    assert after.startswith("Before.\n<!-- lessons: written by a program -->\n\n| lesson |")
    assert after.endswith("\n\n<!-- end of lessons -->\nAfter.\n")
    assert f"| `{NAME}` | A small lesson | copies of a mask | 15 |" in after.split("\n")
    assert "old" not in after
    (root / "README.md").write_text(after, encoding="utf-8")
    assert readme(root) == (after, after)


def test_a_readme_without_a_place_for_the_table_is_left_alone(root):
    assert readme(root) is None
    (root / "README.md").write_text("Words.\n", encoding="utf-8")
    assert readme(root) is None


def test_this_repository_has_the_table():
    assert readme() is not None
