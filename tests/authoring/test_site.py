"""The site before a browser sees it: what runs for widgets, what is left out, where links go."""

import sys

import nbformat
import pytest

from vos_lab.authoring.build import read_lessons
from vos_lab.authoring.present import widget_cells, widget_classes
from vos_lab.authoring.site import Places, _page, _solved, cells_needed, names_of, site
from vos_lab.course_files import COURSE_FOLDER
from vos_lab.view.widgets.explorer import Explorer


def book(*sources: str, kind: str = "code"):
    return nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(
                source, metadata={"vos_lab": {"kind": kind, "name": f"cell {n}"}}
            )
            for n, source in enumerate(sources)
        ]
    )


def needed(notebook, *names: str) -> list[str]:
    return [cell.metadata.vos_lab.name for cell in cells_needed(notebook, names)]


def test_a_widget_runs_with_the_cells_that_it_needs_and_no_others():
    notebook = book(
        "import numpy as np",
        "clip = np.zeros(3)",
        "slow = train(clip)",
        "clip = clip + 1",
        "board = Board()",
        "board.show(clip)",
        "print(slow)",
        "for name in ('a', 'b'):\n    print(name)",
        "Player(clip, {name: board for name in 'ab'})",
    )
    assert needed(notebook, "cell 8") == [f"cell {n}" for n in (0, 1, 3, 4, 5, 8)]


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ("n = n + 1", {"n"}),
        ("n += 1", {"n"}),
        ("n = 1\nn = n + 1", set()),
        ("for n in rows:\n    print(n)", {"rows", "print"}),
        ("[n for n in rows]", {"rows"}),
        ("def double(n):\n    return n * factor", {"factor"}),
        ("lambda n: n + shift", {"shift"}),
    ],
)
def test_what_a_cell_reads_from_elsewhere(source, reads):
    assert names_of(source)[0] == reads


def test_answers_and_checks_do_not_run():
    notebook = book("def jaccard(): ...", kind="exercise")
    notebook.cells += book("", "jaccard()").cells[1:]
    assert needed(notebook, "cell 1") == ["cell 1"]


def test_an_explorer_asks_python_and_the_player_does_not():
    asks = {cls.__name__: getattr(cls, "needs_kernel", True) for cls in widget_classes()}
    assert not asks["Player"]
    assert not asks["FlowExplorer"]
    assert all(cls.needs_kernel for cls in widget_classes() if issubclass(cls, Explorer))


def pages(name: str, **options):
    lesson = read_lessons(COURSE_FOLDER, [name])[0]
    solved = _solved(COURSE_FOLDER, lesson)
    options = {"living": {}, "solutions": True, "places": Places(), "there": [name], **options}
    return solved, _page(lesson, solved, **options)


def test_a_solution_opens_with_a_click_below_what_the_student_gets():
    solved, page = pages("01_metrics")
    answers = [cell for cell in solved.cells if cell.metadata.vos_lab.kind == "exercise"]
    for answer in answers:
        stub, solution = (
            next(cell for cell in page.cells if cell.id == name)
            for name in (f"{answer.id}-stub", answer.id)
        )
        assert "raise NotImplementedError" in stub.source
        assert solution.source == answer.source
        assert "hide-input" in solution.metadata.tags
    shown = nbformat.writes(page)
    assert "✓ Right." in shown
    assert "For the instructor" not in shown


def test_without_solutions_no_answer_is_left():
    solved, page = pages("01_metrics", solutions=False)
    sources = [cell.source for cell in page.cells]
    for cell in solved.cells:
        if cell.metadata.vos_lab.kind == "exercise":
            assert cell.source not in sources
    shown = nbformat.writes(page)
    assert "✓ Right." not in shown
    assert "solutions that are not shown" in shown


def test_a_widget_lives_or_is_a_picture_that_says_so():
    solved, still = pages("02_optical_flow")
    _, live = pages("02_optical_flow", living={"explorer": "_static/live/x.json"})
    assert widget_cells(solved) == {"explorer": "FlowExplorer"}
    assert "where Python runs" in nbformat.writes(still)
    assert "where Python runs" not in nbformat.writes(live)
    assert 'data-widget=\\"_static/live/x.json\\"' in nbformat.writes(live)


def test_an_address_is_one():
    with pytest.raises(ValueError, match=r"--binder 'mybinder\.org': is no address"):
        Places(binder="mybinder.org")
    with pytest.raises(ValueError, match="is no address"):
        Places(colab='https://x.org/"><script>')


def test_without_sphinx_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "furo", None)
    with pytest.raises(RuntimeError, match=r"furo is not installed: `pip install vos-lab\[site\]`"):
        site(tmp_path)
