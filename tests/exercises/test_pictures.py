"""Pictures of a student's function at work: below a passed check, in a notebook only."""

import pkgutil
import subprocess
import sys

import IPython
import pytest

from vos_lab.exercises import pictures
from vos_lab.exercises.check import check, checks_of, lessons_of, registered
from vos_lab.view.figures import Figure

DRAWN = [
    pytest.param(item, lessons_of()[name], id=name)
    for name, item in registered().items()
    if pictures.picture_for(name, lessons_of()[name]) is not None
]


class Notebook:
    """What stands in for the shell of a notebook."""

    kernel = object()


@pytest.fixture
def shown(monkeypatch, tmp_path):
    """What is displayed, as in a notebook."""
    figures = []
    monkeypatch.setattr(IPython, "get_ipython", Notebook)
    monkeypatch.setattr("IPython.display.display", figures.append)
    monkeypatch.setenv("VOS_LAB_PROGRESS", "")
    yield figures
    for item in registered().values():
        item.exercise.restore()


def copy_of(item, before=lambda: None):
    """The reference under its own name, as a student would write it."""

    def version(*args, **kwargs):
        before()
        return item.exercise.reference(*args, **kwargs)

    version.__name__ = item.name
    return version


@pytest.mark.parametrize(("item", "lesson"), DRAWN)
def test_a_picture_is_small_described_and_of_the_students_version(item, lesson):
    calls = []
    draw = pictures.picture_for(item.name, lesson)
    figure = draw(copy_of(item, lambda: calls.append(1)))
    assert isinstance(figure, Figure)
    assert calls
    assert len(figure.data) <= 24_000
    assert len(figure.alt) > 60
    assert figure.title.startswith(f"Your {item.name} at work: ")
    assert draw(item.exercise.reference).data == figure.data
    with pytest.raises(ZeroDivisionError):
        draw(lambda *args, **kwargs: 1 / 0)


def test_every_picture_is_of_an_exercise_of_its_lesson():
    for module in pkgutil.iter_modules(pictures.__path__):
        if module.name != "drawn":
            names = {item.name for item in checks_of(module.name)}
            assert any(pictures.picture_for(name, module.name) for name in names)


def test_a_notebook_shows_it_below_the_verdict(shown, capsys):
    check(copy_of(registered()["jaccard"]))
    assert capsys.readouterr().out.startswith("✓ jaccard: passed")
    assert [figure.title.split(":")[0] for figure in shown] == ["Your jaccard at work"]


def test_the_librarys_own_version_is_not_shown(shown):
    check(registered()["jaccard"].exercise)
    assert shown == []


def test_nothing_is_shown_outside_a_notebook(shown, monkeypatch):
    monkeypatch.setattr(IPython, "get_ipython", lambda: None)
    check(copy_of(registered()["jaccard"]))
    assert shown == []


def test_a_function_that_passes_and_then_breaks_has_passed(shown, capfd):
    def broken():
        print("noise")
        print("noise", file=sys.stderr)
        raise RuntimeError("after the check")

    pictures.display_at_work("jaccard", "metrics", copy_of(registered()["jaccard"], broken))
    assert shown == []
    assert capfd.readouterr() == ("", "")


def test_a_lesson_or_an_exercise_without_a_picture_is_fine(shown):
    pictures.display_at_work("jaccard", "no_such_lesson", print)
    pictures.display_at_work("walker", "metrics", print)  # imported there, but no exercise
    assert shown == []


def test_a_check_does_not_load_figures_and_a_picture_no_torch():
    program = """
import sys
from vos_lab.course import check
from vos_lab.metrics import masks
check(masks.jaccard)
assert "matplotlib" not in sys.modules
from vos_lab.exercises import pictures
for lesson in ("tour", "metrics", "optical_flow", "mots"):
    assert pictures.picture_for("row", lesson) is None
assert "matplotlib" in sys.modules
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, env={"OMP_NUM_THREADS": "1"})
