"""Checks: verdicts on right, unwritten, wrong and broken answers; hints; adopting."""

import functools
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vos_lab import video
from vos_lab.exercise import Exercise, exercise
from vos_lab.exercises.cases import Case, Check, Listener, Mistake, heard_by, run
from vos_lab.exercises.check import (
    CheckError,
    CheckFailed,
    NotAttempted,
    check,
    checks_of,
    find,
    hint,
    judge,
    lessons_of,
    registered,
    restore,
)
from vos_lab.exercises.compare import difference, show
from vos_lab.exercises.encoding import Reader, Writer
from vos_lab.exercises.recorded import read_checks, record
from vos_lab.metrics import masks

CHECKS = list(registered().values())
MISTAKES = [
    pytest.param(item, mistake, number, id=f"{item.name}-{number}")
    for item in CHECKS
    for number, mistake in enumerate(item.mistakes)
]


@pytest.fixture(autouse=True)
def library_afterwards():
    yield
    for item in CHECKS:
        item.exercise.restore()
        item.rung = 0


def named(name, function):
    """A function under the name of an exercise, as a student would define it."""

    def version(*args, **kwargs):
        return function(*args, **kwargs)

    version.__name__ = name
    return version


# --- all registered checks --------------------------------------------------------------------


@pytest.mark.parametrize("item", CHECKS, ids=lambda item: item.name)
def test_every_check_is_complete(item):
    assert len(item.mistakes) >= 3
    assert len(item.hints) == 3
    assert len(item.cases) >= 3
    assert len({case.name for case in item.cases}) == len(item.cases)


@pytest.mark.parametrize("item", CHECKS, ids=lambda item: item.name)
@pytest.mark.parametrize("seed", [0, 1, 20])
def test_the_reference_passes_and_is_not_adopted(item, seed, capsys):
    assert check(item.exercise, seed=seed) is None
    assert not item.exercise.adopted
    output = capsys.readouterr()
    assert output.out == f"✓ {item.name}: passed (this is the library's own version)\n"
    assert output.err == ""


@pytest.mark.parametrize("item", CHECKS, ids=lambda item: item.name)
def test_a_copy_of_the_reference_passes_and_is_adopted(item, capsys):
    student = named(item.name, item.exercise.reference)
    check(student)
    assert item.exercise.current is student
    assert "The library runs on your version now." in capsys.readouterr().out


@pytest.mark.parametrize("item", CHECKS, ids=lambda item: item.name)
def test_the_stub_is_not_attempted(item, capsys):
    namespace = {}
    exec(f"def {item.name}(*args, **kwargs):\n    raise NotImplementedError", namespace)
    with pytest.raises(NotAttempted):
        check(namespace[item.name])
    output = capsys.readouterr()
    assert output.out.startswith(f"○ {item.name}: not attempted")
    assert output.err == ""
    assert not item.exercise.adopted


@pytest.mark.parametrize(("item", "mistake", "seed"), MISTAKES)
def test_a_planted_mistake_gets_its_own_sentence(item, mistake, seed, capsys):
    verdict = judge(mistake.version(item.exercise.reference), item, seed)
    assert verdict.outcome in ("failed", "error")
    assert verdict.mistake == mistake.message
    assert mistake.message in " ".join(verdict.text.split())
    assert max(len(line) for line in verdict.text.split("\n")) <= 110
    assert not item.exercise.adopted
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("item", CHECKS, ids=lambda item: item.name)
def test_inputs_are_fresh_and_repeatable(item):
    one, again, other = item.inputs(0), item.inputs(0), item.inputs(1)
    assert all(
        difference(a[k], b[k], 0) is None for a, b in zip(one, again, strict=True) for k in a
    )
    assert any(
        difference(a[k], b[k], 0) is not None for a, b in zip(one, other, strict=True) for k in a
    )


@pytest.mark.parametrize("item", CHECKS, ids=lambda item: item.name)
def test_inputs_can_be_shipped_without_pickle(item):
    for inputs in item.inputs(0):
        writer = Writer(trusted=True)  # without callback: refuses functions that are not ours
        tree = writer.tree(inputs)
        arrived = Reader(writer.parts, trusted=True).value(tree)
        assert difference(inputs, arrived, 0) is None


# --- verdicts ---------------------------------------------------------------------------------


def dice(prediction, truth, void=None):
    both = np.count_nonzero(prediction & truth)
    total = np.count_nonzero(prediction) + np.count_nonzero(truth)
    return 2 * both / total if total else 1.0


def test_a_failure_shows_the_smallest_input_and_what_it_means(capsys):
    with pytest.raises(CheckFailed, match=r"^jaccard: failed$"):
        check(named("jaccard", dice))
    lines = capsys.readouterr().out.split("\n")
    assert lines[0].startswith("✗ jaccard: ")
    assert lines[0].endswith(" of 10 cases fail")
    assert lines[1:6] == [
        "  two pixels each, one in common",
        "    prediction = [[1 1 0]]",
        "    truth = [[0 1 1]]",
        "  expected 0.333333   got 0.5",
        "  This is the Dice coefficient, 2|A ∩ B| / (|A| + |B|). Jaccard divides the",
    ]
    assert lines[6:8] == ["  intersection by the union.", "  hint(jaccard) says more."]


def test_the_exception_renders_as_one_line():
    with pytest.raises(CheckFailed) as caught:
        check(named("jaccard", dice))
    assert caught.value._render_traceback_() == ["jaccard: failed"]


def test_what_is_not_attempted_says_what_comes_next_in_a_calm_colour():
    def jaccard(prediction, truth, void=None):
        raise NotImplementedError

    with pytest.raises(NotAttempted) as caught:
        check(jaccard)
    (line,) = caught.value._render_traceback_()
    assert line == "\x1b[34mNext: write jaccard above, run its cell, then this one again.\x1b[0m"


def test_one_answer_does_not_spoil_the_verdict_on_another():
    student = named("boundary_f", masks.boundary_f.reference)
    masks.mask_boundary.adopt(lambda mask: None)
    check(student)
    assert masks.boundary_f.current is student
    wrong = named("boundary_f", lambda prediction, truth, void=None, tolerance=0.008: 0.5)
    among_bad = judge(wrong, find(wrong)).text
    masks.mask_boundary.restore()
    assert judge(wrong, find(wrong)).text == among_bad


def test_a_check_is_found_without_loading_the_others():
    code = (
        "from vos_lab.course import check, restore\nfrom vos_lab.metrics import jaccard\n"
        "check(jaccard)\nrestore()\nimport sys\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))\n"
        "print(*[name for name in sys.modules if name.startswith('vos_lab.exercises.checks.')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    _, _, loaded, ours = ran.stdout.strip().split("\n")
    assert ours == "vos_lab.exercises.checks.metrics"
    slow = {"torch", "torchvision", "scipy", "av", "ipywidgets", "IPython", "matplotlib", "pooch"}
    assert not slow & set(loaded.split())


def test_the_index_of_the_checks_is_what_they_hold():
    lessons = dict.fromkeys(lessons_of().values())
    held = {item.name: lesson for lesson in lessons for item in checks_of(lesson)}
    assert held == lessons_of()
    assert list(registered()) == list(held)


def test_a_later_failure_takes_the_adopted_version_back(capsys):
    check(named("jaccard", masks.jaccard.reference))
    assert masks.jaccard.adopted
    with pytest.raises(CheckFailed):
        check(named("jaccard", dice))
    assert not masks.jaccard.adopted


def test_the_library_runs_on_the_adopted_version():
    def overlay(frame, mask, opacity=0.5, colours=video.OBJECT_COLOURS):
        overlay.calls += 1
        return video.overlay.reference(frame, mask, opacity, colours)

    overlay.calls = 0
    check(overlay)
    before = overlay.calls
    video.overlay(np.zeros((1, 1, 3), np.uint8), np.ones((1, 1), np.uint8))
    assert overlay.calls == before + 1
    restore(overlay)
    video.overlay(np.zeros((1, 1, 3), np.uint8), np.ones((1, 1), np.uint8))
    assert overlay.calls == before + 1


def test_restore_without_a_name_restores_all(capsys):
    check(named("jaccard", masks.jaccard.reference))
    check(named("decay", masks.decay.reference))
    capsys.readouterr()
    restore()
    assert not masks.jaccard.adopted
    assert not masks.decay.adopted
    assert "jaccard, decay" in capsys.readouterr().out


def test_what_judges_and_makers_of_inputs_call_is_the_librarys():
    def make(rng):
        return {"mask": masks.mask_boundary(np.eye(3, dtype=bool))}

    def judge_it(inputs, got):
        return None if (got == masks.mask_boundary(inputs["mask"])).all() else "not the boundary"

    item = Check(masks.mask_boundary, [Case("eye", make, judge_it)], [], ["..."])
    masks.mask_boundary.adopt(lambda mask: ~mask)
    wrong = named("mask_boundary", lambda mask: ~mask)
    assert judge(wrong, item).outcome == "failed"


def test_what_is_right_does_not_depend_on_an_adopted_version():
    masks.mask_boundary.adopt(lambda mask: np.zeros_like(mask))
    assert judge(masks.boundary_f, find(masks.boundary_f)).outcome == "passed"
    assert masks.mask_boundary.adopted
    student = named("boundary_f", lambda **inputs: 0.5)
    assert "expected 1   got 0.5" in judge(student, find(student)).text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda values: None, "got None: does the function end with `return`?"),
        (lambda values: "0.5", "got '0.5'"),
        (lambda values: values, "got an array of shape (1,)"),
        (lambda values: [0.5, 0.5], "got a list of 2"),
        (lambda values: float("nan"), "got nan"),
        (lambda values: True, "got True"),
        (lambda values: (v for v in values), "got a generator"),
    ],
)
def test_wrong_kinds_of_result(answer, words):
    verdict = judge(named("decay", answer), find(masks.decay))
    assert verdict.outcome == "failed"
    assert words in verdict.text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda mask: mask.T, "expected shape (1, 7), got (7, 1)"),
        (lambda mask: mask.astype(np.uint8), "expected dtype bool, got uint8"),
        (lambda mask: mask.tolist(), "got a list of"),
        (lambda mask: torch.from_numpy(mask), "got a tensor of shape"),
    ],
)
def test_wrong_arrays(answer, words):
    item = find(masks.mask_boundary)
    cases = [case for case in item.cases if "one row" in case.name]
    only = Check(item.exercise, cases, item.mistakes, item.hints)
    assert words in judge(named("mask_boundary", answer), only).text


def test_an_input_changed_in_place_is_named():
    def decay(values):
        result = masks.decay.reference(values)
        values.sort()
        return result

    verdict = judge(decay, find(decay))
    assert verdict.outcome == "failed"
    assert "values came in whole and went out changed" in verdict.text


def test_an_exception_shows_the_students_line_and_nothing_of_ours(capsys):
    def decay(values):
        quarter = len(values) // 4
        return values[:quarter].mean() / {}["last"]

    with pytest.raises(CheckError):
        check(decay)
    output = capsys.readouterr().out
    assert "KeyError: 'last'" in output
    assert f"in line {decay.__code__.co_firstlineno + 2}: return values" in output
    assert "cases.py" not in output
    assert "Traceback" not in output


def test_endless_recursion_is_said_so():
    def decay(values):
        return masks.decay(values)  # the library's, which is this very function

    verdict = judge(decay, find(decay))
    assert verdict.outcome == "error"
    words = " ".join(verdict.text.split())
    assert "RecursionError: decay calls itself without end. The library's version is yours" in words
    assert not masks.decay.adopted


def test_endless_recursion_names_the_functions_that_call_one_another():
    def ping(values):
        return pong(values)

    def pong(values):
        return ping(values)

    def decay(values):
        return ping(values)

    verdict = judge(decay, find(decay))
    words = " ".join(verdict.text.split())
    assert "call one another without end." in words
    assert "ping" in words
    assert "pong" in words
    assert "decay call" not in words
    assert "The library's version" not in words


def test_a_part_that_is_not_written_is_an_error_that_names_it():
    def mask_boundary(mask):
        raise NotImplementedError

    def boundary_f(prediction, truth, void=None, tolerance=0.008):
        return mask_boundary(prediction).mean()

    verdict = judge(boundary_f, find(boundary_f))
    assert verdict.outcome == "error"
    assert "It calls mask_boundary, which is not written yet." in " ".join(verdict.text.split())

    def decay(values):
        if len(values) < 5:
            return masks.decay.reference(values)
        raise NotImplementedError

    verdict = judge(decay, find(decay))
    assert verdict.outcome == "error"
    assert "Part of it is written" in verdict.text


def test_leaving_python_is_an_error_and_not_the_end():
    def decay(values):
        raise SystemExit(1)

    assert judge(decay, find(decay)).outcome == "error"


def test_an_interrupt_gets_through_and_changes_nothing():
    def decay(values):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(decay)
    assert not masks.decay.adopted


def test_results_that_share_memory_fail_although_their_values_are_right():
    item = registered()["first_mask_everywhere"]
    verdict = judge(lambda first_mask, frames: [first_mask.copy()] * len(frames), item)
    assert "right values, but the results share one memory" in " ".join(verdict.text.split())


def test_floats_of_any_width_pass():
    check(named("decay", lambda values: np.float32(masks.decay.reference(values))))
    check(named("decay", lambda values: torch.tensor(masks.decay.reference(values))))


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(LookupError, match=r"no exercise called jacard\. Did you mean jaccard\?"):
        check(named("jacard", dice))
    with pytest.raises(TypeError, match="give the function itself"):
        check(functools.partial(dice))
    with pytest.raises(TypeError, match="give the function itself"):
        check(0.5)


def test_hints_go_up_a_ladder_and_say_where_it_ends(capsys):
    for _ in range(4):
        hint(masks.jaccard)
    hints = capsys.readouterr().out.split("Hint ")[1:]
    assert [text[:6] for text in hints] == ["1 of 3", "2 of 3", "3 of 3", "3 of 3"]
    assert ["the last one" in " ".join(text.split()) for text in hints] == [
        False,
        False,
        True,
        True,
    ]
    assert max(len(line) for text in hints for line in text.split("\n")) <= 80


# --- the parts --------------------------------------------------------------------------------


def twice() -> Exercise:
    @exercise(minutes=1, difficulty=1, importance=1)
    def double(x):
        """Double it."""
        return 2 * x

    return double


def test_a_case_with_a_judge_accepts_many_results():
    def even(inputs, got):
        return None if got % 2 == 0 else f"{got} is odd"

    item = Check(twice(), [Case("any even number", lambda rng: {"x": 3}, even)], [], ["Think."])
    assert judge(lambda x: 100, item).outcome == "passed"
    assert "101 is odd" in judge(lambda x: 101, item).text


def test_a_mistake_is_a_change_of_the_reference():
    reference = twice().reference
    assert Mistake("Three.", ("2 *", "3 *")).version(reference)(5) == 15
    assert Mistake("Two steps.", ("2 *", "three *"), three=3).version(reference)(5) == 15
    assert Mistake("Otherwise.", lambda x: x).version(reference)(5) == 5
    shorter = Mistake("Rounded down.", boundary_radius=lambda shape, tolerance: 0)
    square = np.zeros((40, 40), bool)
    square[10:30, 10:30] = True
    inputs = {"prediction": np.roll(square, 1, axis=1), "truth": square}
    reference = masks.boundary_f.reference
    assert shorter.version(reference)(**inputs) < reference(**inputs) == 1


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (Mistake("Four.", ("4 *", "3 *")), "text is not in the source: '4 \\*'"),
        (Mistake("In turn.", ("2 *", "3 *"), ("2 *", "4 *")), "text is not in the source"),
        (Mistake("No such name.", factor=3), "name is not in the source: factor"),
        (Mistake("The docstring.", ("Double", "Halve")), "text is not in the source"),
    ],
)
def test_a_mistake_that_the_source_has_outgrown_fails_loudly(mistake, words):
    with pytest.raises(ValueError, match=words):
        mistake.version(twice().reference)


def test_a_mistake_says_one_thing():
    for changes in [(), (lambda x: x, ("2", "3"))]:
        with pytest.raises(TypeError, match="either changes of the source or one function"):
            Mistake("Which?", *changes)


def test_a_case_has_the_judge_of_its_check_unless_it_has_its_own():
    whole = Case("whole", lambda rng: {"x": 3})
    odd = Case("odd", lambda rng: {"x": 3}, lambda inputs, got: None if got % 2 else "even")
    item = Check(twice(), [whole, odd], [], ["Think."], judge=lambda inputs, got: f"{got}!")
    assert judge(lambda x: 7, item).text.startswith("✗ double: 1 of 2 cases fails")
    assert "7!" in judge(lambda x: 7, item).text


def test_a_listener_must_hear_what_the_reference_tells_it():
    @exercise(minutes=1, difficulty=1, importance=1)
    def each(values, watch):
        for value in values:
            watch(value)

    def louder(values, watch):
        for value in values:
            watch(max(value, 1.5))

    item = Check(
        each,
        [Case("two", lambda rng: {"values": [2.0, 1.0], "watch": Listener()})],
        [Mistake("Nobody is told.", ("watch(value)", "pass"))],
        ["Think."],
    )
    assert judge(lambda values, watch: each.reference(values, watch), item).outcome == "passed"
    silent = judge(lambda values, watch: None, item)
    assert silent.mistake == "Nobody is told."
    assert "watch was called 0 times, expected 2 times" in silent.text
    assert "watch, call 2: expected 1   got 1.5" in judge(louder, item).text
    assert all(not inputs["watch"].heard for inputs in item.inputs(0))


def test_a_listener_is_heard_on_record_and_through_the_wall(tmp_path):
    item = registered()["fine_tune"]
    assert record([item], tmp_path / "checks") == []
    on_record = read_checks(tmp_path / "checks")[0]
    case = next(c for c in on_record.cases if "watches" in c.name)
    number = on_record.cases.index(case)
    given, expected = on_record.inputs(0)[number], on_record.expected([])[number]
    assert len(expected.heard["watch"]) == 2
    got = run(item.exercise.reference, given)
    assert on_record.problem(case, given, expected, got) is None
    assert "watch was called" in on_record.problem(case, given, expected, replace(got, heard={}))
    writer = Writer()  # what a worker sends back
    tree = writer.tree({"watch": Listener([0.5])})
    assert heard_by(Reader(writer.parts).value(tree)) == {"watch": [0.5]}


def test_a_number_that_still_holds_its_computation_is_no_number():
    value = torch.tensor(2.0, requires_grad=True) / 4
    assert "still holds its whole computation" in difference([0.5], [value], 0)
    assert difference([0.5], [value.detach()], 0) is None
    assert difference(value, value.detach(), 0) is None


def test_a_mistake_that_agrees_on_few_failures_is_not_suggested():
    cases = [Case(str(x), functools.partial(lambda rng, x: {"x": x}, x=x)) for x in (1, 2, 3, 4)]
    item = Check(twice(), cases, [Mistake("This is the square.", lambda x: x * x)], ["Think."])
    assert judge(lambda x: x * x, item).mistake == "This is the square."
    # Always 1: alike on the first case, and on no other.
    assert judge(lambda x: 1, item).mistake is None


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.bool_, np.float32, np.float64]),
        hnp.array_shapes(max_dims=3, max_side=5),
    )
)
@settings(max_examples=50, deadline=None)
def test_equal_arrays_do_not_differ_and_changed_ones_do(array):
    assert difference(array, array.copy(), 0) is None
    other = array.copy()
    flat = other.reshape(-1)
    value = flat[0]
    flat[0] = (not value) if array.dtype == bool else 7 if value != 7 else 8
    assert difference(array, other, 0) is not None
    assert difference(array, array[None], 0) is not None
    assert "\n\n" not in show(array)


def test_difference_of_containers_names_the_place():
    expected = {"J": [0.5, 1.0], "name": "camel"}
    assert difference(expected, {"J": [0.5, 1.0], "name": "camel"}, 1e-6) is None
    assert (
        difference(expected, {"J": [0.5, 0.9], "name": "camel"}, 1e-6)
        == "['J']: item 1: expected 1   got 0.9"
    )
    assert difference(expected, {"J": [0.5]}, 1e-6) == "expected the keys ['J', 'name'], got ['J']"
    assert difference([1, 2], [1], 0) == "expected 2 items, got 1"
    large = np.zeros((60, 80), bool)
    other = large.copy()
    other[3, 4] = True
    assert difference(large, other, 0) == (
        "1 of 4800 values differ, the first at [3, 4]: expected False   got True"
    )


def test_run_gives_copies_and_notes_what_happened():
    array = np.arange(3.0)
    result = run(lambda x: x.fill(0), {"x": array})
    assert result.changed == ("x",)
    assert array.tolist() == [0, 1, 2]
    result = run(lambda x: x[1:], {"x": array})
    assert "shares its memory with x" in result.shared
    result = run(lambda x: np.divide(0, 0.0) + x, {"x": 1.0})
    assert math.isnan(result.value)


def test_a_dict_of_arrays_is_shown_with_a_line_for_each():
    objects = {7: np.float32([[0.5, 1]]), 12: np.float32([[0], [1]])}
    assert show(objects) == "{7: [[0.5 1. ]],\n 12: [[0.]\n      [1.]]}"
