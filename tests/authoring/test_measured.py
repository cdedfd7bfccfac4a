"""Numbers in the text of lessons: looked up, never typed."""

import re

import pytest

from vos_lab import bench, claims
from vos_lab.authoring.contents import LessonError, lesson_files
from vos_lab.authoring.lessons import read_lesson, student_notebook
from vos_lab.authoring.measured import FORM, fill_in

# Two digits after the point look like a measurement. These are none: they are settings that the
# code or a paper names, figures that others published, or numbers of an example.
NOT_MEASURED = {
    "04_motion": {"0.01"},  # the constant of the check there and back
    "07_onavos": {"0.05"},  # the share in the paper
    "08_masktrack": {"0.80"},  # published
    "09_pixel_retrieval": {"0.76", "0.80"},  # published
    "11_premvos": {".26", ".23", ".08", ".13", ".31"}  # the weights of the released code
    | {"0.05", "0.02"},  # what is taken off; what would matter
    "12_recurrent": {"0.503"},  # published
    "13_space_time_memory": {"0.89"},  # published
    "14_graph": {"0.807"},  # published
}
TYPED = re.compile(r"(?<![\d.])\d*\.\d\d+(?!\d*\.)")


def text_cells(name):
    for cell in read_lesson(lesson_files()[name]).cells:
        if cell.kind == "text" and "instructor" not in cell.tags:
            yield cell


def test_a_number_takes_the_place_of_its_form():
    osvos = bench.leaderboard("davis2016")["osvos"]["overall"]
    board = "{{board davis2016 osvos J}}, {{board davis2016 osvos seconds_start 0}} s"
    expected = f"{osvos['J']['mean']:.2f}, {osvos['seconds_start']:.0f} s"
    assert fill_in(board, "here") == expected
    assert fill_in("no form", "here") == "no form"


def test_one_sequence_and_a_difference():
    board = bench.leaderboard("davis2016")
    libby = board["osvos"]["sequences"]["libby"]["F"]["mean"]
    assert fill_in("{{board davis2016/libby osvos F 3}}", "here") == f"{libby:.3f}"
    less = board["baseline"]["overall"]["J"]["mean"] - board["osvos"]["overall"]["J"]["mean"]
    form = "{{board davis2016 baseline\n- osvos J}}"  # a form may be broken over two lines
    assert fill_in(form, "here") == f"−{abs(less):.2f}"


def test_claims():
    verdict = claims.saved(claims.find("04_motion/occlusion"))
    form = "{{claim 04_motion/occlusion}} [{{claim 04_motion/occlusion low}}]"
    assert fill_in(form, "here") == f"{verdict.mean:.2f} [{verdict.low:.2f}]"
    form = "{{claim 04_motion/iterating-mask mean 3}}, {{claim 04_motion/iterating-mask verdict}}"
    assert fill_in(form, "here").endswith(", holds, but too small to matter")


@pytest.mark.parametrize(
    ("form", "complaint"),
    [
        ("{{board davis2016 nothing J}}", "no nothing on davis2016"),
        ("{{board davis2099 osvos J}}", "nothing on 'davis2099'"),
        ("{{board davis2016/nowhere osvos J}}", "no sequence nowhere"),
        ("{{board davis2016 osvos K}}", "no measure K; there are J, F"),
        ("{{board davis2016 osvos}}", "is not understood"),
        ("{{claim 04_motion/none}}", "there is no claim"),
        ("{{claim 04_motion/occlusion middle}}", "is not understood"),
        ("{{J of osvos}}", "is not understood"),
        ("{{}}", "is not understood"),
    ],
)
def test_what_cannot_be_looked_up(form, complaint):
    with pytest.raises(LessonError, match="cell x: ") as raised:
        fill_in(form, "cell x")
    assert complaint in str(raised.value)


@pytest.mark.parametrize("name", lesson_files())
def test_every_form_of_the_lessons_has_its_number(name):
    for cell in text_cells(name):
        fill_in(cell.source, f"{name}, cell {cell.name}")


@pytest.mark.parametrize("name", lesson_files())
def test_no_measured_number_is_typed_into_a_text(name):
    typed = {
        f"{number} in cell {cell.name}"
        for cell in text_cells(name)
        for number in TYPED.findall(FORM.sub("", cell.source))
        if number not in NOT_MEASURED.get(name, ())
    }
    assert not typed, "look the numbers up with {{...}}, or print them in a cell"


def test_no_form_is_left_in_a_notebook():
    notebook = student_notebook(read_lesson(lesson_files()["04_motion"]))
    assert not any(FORM.search(c.source) for c in notebook.cells if c.cell_type == "markdown")
