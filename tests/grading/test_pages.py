"""Pages that people read: nothing is said twice, nothing of a submission is markup."""

import html.parser
from dataclasses import replace

import numpy as np
import pytest

from vos_lab.authoring.build import read_lessons
from vos_lab.grading.batch import _aside
from vos_lab.grading.pages import shown_cases, student_page, summary_page
from vos_lab.grading.reports import exercise_lines, summarise
from vos_lab.grading.results import CaseResult, ExerciseResult, Result
from vos_lab.grading.similarity import Pair, Similarity

ERROR = ("KeyError: 'iou'", "in line 3: return table['iou']")


def case(name, *lines, outcome="error", public=True, raised=0):
    return CaseResult(name, outcome, public, lines, None, raised)


def raising(name, given="a = 1", error=ERROR):
    return case(name, given, *error, raised=len(error))


def exercise(*cases, **more):
    return ExerciseResult("jaccard", "error", 0, 9, cases=cases, **more)


HIDDEN = case("hidden: h", "KeyError", public=False, raised=1)
PASSED = CaseResult("fine", "passed", True)


def result(*exercises, student="Ada", error=None, notes=()):
    return Result(student, f"{student}/01_metrics.ipynb", error, notes, exercises)


@pytest.fixture(scope="module")
def lesson():
    return read_lessons(names=["01_metrics"])[0]


def summary(*results, pairs=()):
    found = Similarity(pairs, 0.25)
    folders = {r.student: f"{r.student}-1a" for r in results}
    return summary_page("01_metrics", results, folders, found, summarise(results, found))


def test_an_exception_that_hits_every_case_is_printed_once(lesson):
    found = exercise(raising("one"), raising("two", "a = 2"), raising("three"), HIDDEN)
    for text in (student_page(result(found), lesson), "\n".join(exercise_lines(found))):
        assert text.count("KeyError") == 1
        assert text.count("in line 3") == 1
        assert "Every case ends with the same exception" in text
        assert "a = 1" in text  # of the first, which is the smallest
        assert "a = 2" not in text
        assert all(name in text for name in ("one", "two", "three", "hidden: h"))


def test_with_a_case_that_passed_it_is_still_once():
    shown = shown_cases(exercise(raising("one"), raising("two"), PASSED))
    assert shown.title.startswith("All of these")
    assert shown.shared == ERROR
    assert [lines for _, lines, _ in shown.cases] == [("a = 1",), (), ()]


def test_exceptions_of_two_kinds_are_both_printed():
    other = ("TypeError: no",)
    wrong = case("three", "a = 3", "expected 1, got 2", outcome="failed")
    shown = shown_cases(
        exercise(raising("one"), raising("two", error=other), raising("four", "a = 4"), wrong)
    )
    assert shown.shared == ()
    lines = [lines for _, lines, _ in shown.cases]
    assert lines[0] == ("a = 1", *ERROR)
    assert lines[1] == ("a = 1", *other)
    assert lines[2] == ("a = 4", "the same as in 'one'")
    assert lines[3] == ("a = 3", "expected 1, got 2")


def test_a_single_exception_stays_with_its_case():
    shown = shown_cases(exercise(raising("one"), PASSED))
    assert shown.shared == ()
    assert shown.cases[0][1] == ("a = 1", *ERROR)


class Tables(html.parser.HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.heads, self.order, self.inside = [], [], None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.inside = tag
        if tag == "th":
            self.heads.append("")
        if tag in ("table", "h2"):
            self.order.append(tag)

    def handle_data(self, data):
        if self.inside == "th":
            self.heads[-1] += data.strip()

    def handle_endtag(self, tag):
        self.inside = None


def test_the_class_comes_first_and_every_column_has_a_head():
    wrong = exercise(raising("one"), message="This is the Dice coefficient.")
    page = summary(result(wrong), pairs=(Pair("Ada", "Bo", 0.9, {"jaccard": 0.9}),))
    tables = Tables(page)
    assert all(tables.heads)
    assert tables.order[:2] == ["h2", "table"]
    assert page.index('class="wide"') < page.index('class="bars"')
    assert page.index("report.html") < page.index("Commonest mistakes")
    assert "jaccard 90%" in page
    assert "Usual between two students here: 25%" in page


def test_what_was_not_read_says_so(lesson):
    unread = replace(exercise(), outcome="not read")
    bad = result(unread, student="Bo", error="bo.zip is damaged", notes=("a note",))
    page = student_page(bad, lesson)
    assert "What you handed in could not be read. bo.zip is damaged" in page
    assert "<h2>" not in page
    assert "0 of 9 points" in page
    assert "bo.zip is damaged" in summary(bad, result(exercise(PASSED)))
    # What the grader could not do is not the student's file.
    mine = result(exercise(), error="the grader failed; grade this one by hand")
    assert "could not be read" not in student_page(mine, lesson)


def test_the_line_of_who_has_no_points_says_why():
    other = result(exercise(), notes=("this is the notebook of lesson 03_flownet",))
    assert _aside(other) == " (this is the notebook of lesson 03_flownet)"
    assert _aside(result(exercise(), error="is empty", notes=("a",))) == " (is empty)"
    assert _aside(result(replace(exercise(), points=9), notes=("two versions",))) == ""


def test_nothing_of_a_submission_is_markup(lesson):
    bad = '"><script>alert(1)</script>'
    found = replace(
        exercise(case(bad, bad, bad, raised=1), case(bad, bad)),
        **dict.fromkeys(("name", "message", "hint", "note"), bad),
    )
    picture = replace(found.cases[0], pictures=(np.zeros((4, 5)), np.ones((4, 5))))
    found = replace(found, cases=(picture, *found.cases))
    everything = Result(bad, bad, bad, (bad,), (found,))
    for page in (
        student_page(everything, lesson),
        summary(everything, pairs=(Pair(bad, bad, 1.0, {bad: 1.0}),)),
    ):
        assert "<script" not in page
        assert "&lt;script&gt;" in page


def test_an_empty_class_is_a_page_too():
    assert "0 submissions" in summary()
