"""From the text of a lesson to its two notebooks, without running anything."""

import base64
import copy
import io
import re
from dataclasses import replace

import nbformat
import pytest
from PIL import Image
from small_lesson import SMALL_LESSON

from vos_lab.authoring.build import BuildError, draw_picture
from vos_lab.authoring.lessons import (
    LessonError,
    as_text,
    free_names,
    read_lesson,
    solved_notebook,
    source_of,
    stub_of,
    student_notebook,
)
from vos_lab.exercises.check import registered
from vos_lab.video import overlay, write_frames


def lesson_of(folder, text, name="01_small"):
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return read_lesson(path)


@pytest.fixture
def lesson(tmp_path):
    return lesson_of(tmp_path, SMALL_LESSON)


def ids(notebook):
    return [cell.id for cell in notebook.cells]


def by_id(notebook):
    return {cell.id: cell for cell in notebook.cells}


# --- the notebooks ----------------------------------------------------------------------------


def test_the_facts_of_a_lesson(lesson):
    assert (lesson.name, lesson.title, lesson.minutes) == ("01_small", "A small lesson", 15)
    assert lesson.needs == ("00_before",)
    facts = student_notebook(lesson).metadata["vos_lab"]
    assert facts["lesson"] == "01_small"
    assert facts["title"] == "A small lesson"
    assert facts["minutes"] == 15
    assert re.match(r"\d+\.\d+", facts["version"])


@pytest.mark.parametrize("make", [student_notebook, solved_notebook])
def test_notebooks_are_valid_and_empty_of_outputs(lesson, make):
    notebook = make(lesson)
    nbformat.validate(notebook)
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert notebook.metadata["language_info"] == {"name": "python"}
    assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    assert len(set(ids(notebook))) == len(notebook.cells)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", identifier) for identifier in ids(notebook))


@pytest.mark.parametrize("make", [student_notebook, solved_notebook])
def test_the_same_lesson_gives_the_same_bytes(tmp_path, lesson, make):
    again = lesson_of(tmp_path, SMALL_LESSON)
    assert as_text(make(lesson)) == as_text(make(again))
    assert as_text(nbformat.reads(as_text(make(lesson)), 4)) == as_text(make(lesson))


def test_an_exercise_makes_heading_answer_and_check(lesson):
    student, solved = by_id(student_notebook(lesson)), by_id(solved_notebook(lesson))
    heading = student["01_small-overlay-heading"].source
    assert heading.startswith("### Exercise: paint the objects\n")
    assert "10 minutes · difficulty ●●○○○ · importance ●●●○○" in heading
    assert "`first_mask_everywhere`" in student["01_small-first_mask_everywhere-heading"].source
    answer = student["01_small-overlay"].source
    assert answer.startswith("def overlay(\n    frame: np.ndarray,")
    assert answer.endswith("as it was.\n    raise NotImplementedError")
    assert '"""Paint the objects' in answer
    assert answer.count("# Step") == 3
    assert "painted" not in answer
    assert student["01_small-overlay-check"].source == "check(overlay)"
    whole = solved["01_small-overlay"].source
    assert whole.startswith("def overlay(")
    assert "painted = colours[mask]" in whole
    assert "@exercise" not in whole + answer


def test_an_exercise_without_points_is_marked_as_optional(tmp_path, lesson):
    heading = "01_small-first_mask_everywhere-heading"
    assert "optional" not in by_id(student_notebook(lesson))[heading].source
    optional = lesson_of(tmp_path, SMALL_LESSON.replace("points=2", "points=0"), "02_small")
    made = by_id(student_notebook(optional))[heading.replace("01", "02")]
    assert made.source.endswith(" · optional, no points")


def test_the_solved_answer_behaves_like_the_library(lesson):
    import numpy as np

    from vos_lab.video import OBJECT_COLOURS

    namespace = {"np": np, "OBJECT_COLOURS": OBJECT_COLOURS}
    exec(by_id(solved_notebook(lesson))["01_small-overlay"].source, namespace)
    frame, mask = np.full((1, 2, 3), 100, np.uint8), np.array([[0, 1]], np.uint8)
    assert (namespace["overlay"](frame, mask) == overlay.reference(frame, mask)).all()


def test_shown_source_stands_in_both(lesson):
    student, solved = by_id(student_notebook(lesson)), by_id(solved_notebook(lesson))
    assert student["01_small-Baseline"].source.startswith("class Baseline:")
    assert student["01_small-Baseline"].source == solved["01_small-Baseline"].source


def test_instructor_cells_are_in_the_solution_only(lesson):
    student, solved = student_notebook(lesson), solved_notebook(lesson)
    only = set(ids(solved)) - set(ids(student))
    assert only == {"01_small-title-1", "01_small-real-1"}
    assert {by_id(solved)[i].metadata["vos_lab"]["kind"] for i in only} == {"instructor"}
    assert set(ids(student)) <= set(ids(solved))


def test_what_is_for_the_instructor_comes_last(lesson):
    solved = solved_notebook(lesson)
    kinds = [cell.metadata["vos_lab"]["kind"] for cell in solved.cells]
    assert kinds[-2:] == ["instructor", "instructor"]
    assert "instructor" not in kinds[:-2]


PICTURED = SMALL_LESSON.replace(
    '# %% name="imports"',
    '# %% name="moving" tags=["picture"]\nfrom vos_lab.view import figures\n\n'
    "dark = np.zeros((2, 20, 30, 3), np.uint8)\ndark[1] = 9\n"
    'figures.clip(dark, alt="Darkness.")\n\n# %% name="imports"',
)


def test_a_lesson_opens_with_its_picture(tmp_path):
    lesson = lesson_of(tmp_path, PICTURED)
    with pytest.raises(LessonError, match=r"picture is missing.*--pictures"):
        student_notebook(lesson)
    draw_picture(lesson, tmp_path / "pictures")
    lesson = lesson_of(tmp_path, PICTURED)
    for notebook in (student_notebook(lesson), solved_notebook(lesson)):
        title = notebook.cells[0]
        assert title.source.startswith(
            "# A small lesson\n\n![Darkness.](attachment:01_small.webp)\n\nIt copies"
        )
        data = base64.b64decode(title.attachments["01_small.webp"]["image/webp"])
        assert Image.open(io.BytesIO(data)).n_frames == 2
        assert not any("figures.clip" in cell.source for cell in notebook.cells)


def test_a_picture_that_is_too_large_is_refused(tmp_path):
    lesson = lesson_of(tmp_path, PICTURED)
    with pytest.raises(LessonError, match="larger than 60000 bytes"):
        student_notebook(replace(lesson, picture=bytes(60_001)))


def test_a_picture_needs_a_description_and_must_be_a_clip(tmp_path):
    lesson = lesson_of(tmp_path, PICTURED.replace('alt="Darkness."', "fps=2.0"))
    with pytest.raises(LessonError, match="no description"):
        student_notebook(replace(lesson, picture=b"webp"))
    lesson = lesson_of(tmp_path, PICTURED.replace('figures.clip(dark, alt="Darkness.")', "dark"))
    with pytest.raises(BuildError, match=r"must end in figures.clip"):
        draw_picture(lesson, tmp_path)


def test_imports_and_cells_that_only_draw_are_folded(tmp_path):
    text = SMALL_LESSON + '\n# %% name="table"\nfigures.table(rows, title="J")\n'
    cells = by_id(student_notebook(lesson_of(tmp_path, text)))
    folded = {name for name, cell in cells.items() if "jupyter" in cell.metadata}
    assert folded == {"01_small-imports", "01_small-table"}
    assert cells["01_small-imports"].metadata["jupyter"] == {"source_hidden": True}


def test_nbgrader_schema_3(lesson):
    for notebook in (student_notebook(lesson), solved_notebook(lesson)):
        cells = by_id(notebook)
        assert cells["01_small-first_mask_everywhere"].metadata["nbgrader"] == {
            "schema_version": 3,
            "grade_id": "first_mask_everywhere",
            "grade": False,
            "solution": True,
            "locked": False,
            "task": False,
            "cell_type": "code",
        }
        assert cells["01_small-first_mask_everywhere-check"].metadata["nbgrader"] == {
            "schema_version": 3,
            "grade_id": "first_mask_everywhere-check",
            "grade": True,
            "solution": False,
            "locked": True,
            "task": False,
            "cell_type": "code",
            "points": 2,
        }
        marked = [c.metadata["nbgrader"] for c in notebook.cells if "nbgrader" in c.metadata]
        assert len({m["grade_id"] for m in marked}) == len(marked) == 4


def test_tags_and_slides(lesson):
    student, solved = by_id(student_notebook(lesson)), by_id(solved_notebook(lesson))
    assert student["01_small-overlay-check"].metadata["tags"] == ["raises-exception"]
    assert "tags" not in solved["01_small-overlay-check"].metadata
    assert student["01_small-use"].metadata["tags"] == ["compare"]
    assert student["01_small-title"].metadata["slideshow"] == {"slide_type": "slide"}
    assert student["01_small-overlay"].metadata["slideshow"] == {"slide_type": "skip"}
    assert student["01_small-overlay"].metadata["vos_lab"] == {
        "kind": "exercise",
        "name": "overlay",
        "exercise": "vos_lab.video.overlay",
    }


def test_ids_stay_when_cells_are_put_in_elsewhere(tmp_path, lesson):
    before = ids(solved_notebook(lesson))
    more = SMALL_LESSON.replace(
        '# %% name="use"',
        '# %% [markdown]\n# More text.\n\n# %% name="more"\n1 + 1\n\n# %% name="use"',
    )
    after = ids(solved_notebook(lesson_of(tmp_path, more)))
    assert [identifier for identifier in after if identifier in set(before)] == before
    assert len(after) == len(before) + 2


def test_a_long_name_gets_a_short_id(tmp_path):
    first = SMALL_LESSON.replace('name="use"', f'name="{"long " * 20}a"')
    second = SMALL_LESSON.replace('name="use"', f'name="{"long " * 20}b"')
    one, two = (set(ids(student_notebook(lesson_of(tmp_path, text)))) for text in (first, second))
    assert max(map(len, one | two)) <= 64
    assert len(one ^ two) == 2


# --- stubs ------------------------------------------------------------------------------------


def test_a_stub_keeps_steps_and_nothing_else_of_the_body():
    source = '''
def f(
    x: "a: b" = {"k": 1}["k"],  # not a step
) -> int:
    """Docs.

    # Step 0 is text.
    """
    # Not a step.
    y = "# Step 9: a string"
    # Step 1: first,
    # and on.
    for i in range(3):
        # Step 2: inside.

        # Why we do so.
        y += str(i)  # Step 8: behind code
    # Step 3: last.
    return y
'''.strip()
    assert (
        stub_of(source)
        == '''
def f(
    x: "a: b" = {"k": 1}["k"],  # not a step
) -> int:
    """Docs.

    # Step 0 is text.
    """
    # Step 1: first,
    # and on.
    # Step 2: inside.
    # Step 3: last.
    raise NotImplementedError
'''.strip()
    )


@pytest.mark.parametrize("item", registered().values(), ids=lambda item: item.name)
def test_every_exercise_has_steps_and_a_stub_that_is_python(item):
    source = source_of(item.exercise)
    stub = stub_of(source)
    namespace = {}
    exec("from __future__ import annotations\n" + re.sub(r"= [A-Z_]+,", "= None,", stub), namespace)
    assert namespace[item.name].__doc__ == item.exercise.__doc__
    assert re.findall(r"    # Step (\d)", stub)[0] == "1"
    assert "@" not in source.split("\n")[0]


def test_free_names():
    source = (
        "@decorate\n"
        "def f(a: Kind, b=DEFAULT, *c) -> list[Other]:\n"
        "    local = a + outer\n"
        "    def inner(x):\n"
        "        return x + local + deeper\n"
        "    return [inner(item) for item in b if len(item) > f(item)]\n"
    )
    assert free_names(source) == {"decorate", "Kind", "DEFAULT", "Other", "outer", "deeper"}


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("import numpy as np\n", ""), "uses np, .*\n  import numpy as np"),
        (("from vos_lab.course import check\n", ""), "from vos_lab.course import check"),
        (
            ("import OBJECT_COLOURS", "import PALETTE"),
            "from vos_lab.video.label_maps import OBJECT_COLOURS",
        ),
        (
            ('# %% exercise="vos_lab.methods.baseline.first_mask_everywhere" points=2', ""),
            "Baseline uses first_mask_everywhere",
        ),
        (("video.overlay", "video.underlay"), "'vos_lab.video.underlay' cannot be found"),
        (("vos_lab.video.overlay", "overlay"), "'overlay' cannot be found"),
        (("vos_lab.video.overlay", "vos_lab.video.read_mask"), "not marked with @exercise"),
        (("baseline.Baseline", "baseline.np"), "no function or class"),
        (("vos_lab.methods.baseline.Baseline", "vos_lab.video.PALETTE"), "no function or class"),
    ],
)
def test_what_cannot_be_made_is_refused(tmp_path, change, words):
    assert change[0] in SMALL_LESSON
    with pytest.raises(LessonError, match=words):
        student_notebook(lesson_of(tmp_path, SMALL_LESSON.replace(*change)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("# # A small", "# A small"), "must be markdown and start with '# Title'"),
        ((" minutes=15", ""), "must say how long it takes"),
        (("minutes=15", 'minutes="long"'), "minutes must be a int"),
        (("exercise=", "excercise="), "unknown key 'excercise'; known are name"),
        (('["compare"]', '["compair"]'), "unknown tag 'compair'"),
        (('"fragment"', '"fragments"'), "unknown slide 'fragments'"),
        (('name="widget"', 'name="use"'), "two cells are called 'use'"),
        (('title="paint the objects"', 'title="x"\nx = 1'), "stands alone on an empty code cell"),
        (('name="widget"', 'name="widget" points=2'), "points= belongs to an exercise"),
    ],
)
def test_a_lesson_that_is_not_in_form_is_refused(tmp_path, change, words):
    assert change[0] in SMALL_LESSON
    with pytest.raises(LessonError, match=words):
        lesson_of(tmp_path, SMALL_LESSON.replace(*change, 1))


def test_an_import_in_an_instructors_cell_does_not_count(tmp_path):
    text = SMALL_LESSON.replace("import numpy as np\n", "").replace(
        "# %% [markdown]\n# Some",
        '# %% tags=["instructor"]\nimport numpy as np\n\n# %% [markdown]\n# Some',
    )
    with pytest.raises(LessonError, match="uses np"):
        solved_notebook(lesson_of(tmp_path, text))


def test_a_broken_cell_is_named(tmp_path):
    text = SMALL_LESSON.replace("print(len(masks)", "print(len(masks")
    with pytest.raises(LessonError, match="cell use: is not valid Python"):
        student_notebook(lesson_of(tmp_path, text))


def test_magics_and_await_are_python_here(tmp_path):
    text = SMALL_LESSON.replace(
        "import os\n", "import os\n%precision 3\nvalue = await coroutine()\n"
    )
    student_notebook(lesson_of(tmp_path, text))


def test_making_notebooks_leaves_the_lesson_alone(lesson):
    before = copy.deepcopy(lesson)
    student_notebook(lesson)
    solved_notebook(lesson)
    assert lesson == before


def test_source_of_an_undecorated_function():
    assert source_of(write_frames).startswith("def write_frames(")
