"""The mutation tester: what it changes, what it says of a check, and what it writes."""

import functools
import inspect
import math
import time

import numpy as np
import pytest

from vos_lab.exercise import exercise
from vos_lab.exercises.cases import Case, Check
from vos_lab.exercises.check import registered
from vos_lab.exercises.mutants import Findings, equivalents, examine, main, row, rows_of, table
from vos_lab.exercises.mutator import mutants


def toy(values: list[float], least: float = 0.5, strict: bool = False) -> float:
    """The sum of what is large enough."""
    total = 0.0
    for value in values:
        if value >= least and not strict:
            total += max(value, 1)
    return total


def test_every_kind_of_change_is_made():
    changes = [mutant.change for mutant in mutants(toy)]
    for expected in [
        "at the start: + least = 0.5",
        "at the start: + least = 0",
        "at the start: + values = values[::-1]",
        "total = 0.0 → pass",
        "total = 0.0 → total = 1.0",
        "for value in values: → for value in list(values)[1:]:",
        "if value >= least and (not strict): → if value > least and (not strict):",
        "if value >= least and (not strict): → if value < least and (not strict):",
        "if value >= least and (not strict): → if value >= least or not strict:",
        "if value >= least and (not strict): → if value >= least and strict:",
        "if value >= least and (not strict): → if not strict:",
        "if value >= least and (not strict): → if True:",
        "total += max(value, 1) → total -= max(value, 1)",
        "total += max(value, 1) → total = max(value, 1)",
        "total += max(value, 1) → total += min(value, 1)",
        "total += max(value, 1) → total += max(value, 2)",
        "total += max(value, 1) → total += value",
        "total += max(value, 1) → pass",
        "total += max(value, 1): + break",
    ]:
        assert expected in changes
    assert len(set(changes)) == len(changes)


def arrays(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Something with arrays."""
    return np.minimum(image[1:, 0], other.sum(axis=1)).astype(np.float32)


def test_what_goes_wrong_with_arrays_is_among_the_changes():
    changes = [mutant.change.split(" → ")[-1] for mutant in mutants(arrays)]
    for expected in [
        "at the start: + image, other = (other, image)",
        "at the start: + image = np.zeros_like(image)",
        "return np.maximum(image[1:, 0], other.sum(axis=1)).astype(np.float32)",
        "return np.minimum(image[1:, 0], other.sum(axis=0)).astype(np.float32)",
        "return np.minimum(image[1:, 0], other.sum()).astype(np.float32)",
        "return np.minimum(image[1:, 0], other.mean(axis=1)).astype(np.float32)",
        "return np.minimum(image[1:, 1], other.sum(axis=1)).astype(np.float32)",
        "return np.minimum(image[:, 0], other.sum(axis=1)).astype(np.float32)",
        "return np.minimum(image[0, 1:], other.sum(axis=1)).astype(np.float32)",
        "return np.minimum(image[1:, 0], other.sum(axis=1)).astype(np.float64)",
        "return np.minimum(image[1:, 0], other.sum(axis=1))",
    ]:
        assert expected in changes


def test_mutants_run_in_the_module_of_their_function():
    def mean(values):
        return math.fsum(values) / len(values)

    assert inspect.unwrap(mean)([1, 2]) == 1.5
    results = {m.change: m.function for m in mutants(toy)}
    assert results["total += max(value, 1) → total += min(value, 1)"]([2.0, 3.0, 0.1]) == 2
    assert results["if value >= least and (not strict): → if True:"]([0.2]) == 1
    assert toy([2.0, 3.0, 0.1]) == 5


@exercise(minutes=1, difficulty=1, importance=1)
def count_down(start: int) -> int:
    """How many steps to zero."""
    steps = 0
    while start > 0:
        start -= 1
        steps += 1
    return steps


def counting(*starts: int, judge=None) -> Check:
    cases = [
        Case(str(n), functools.partial(lambda rng, n: {"start": n}, n=n), judge) for n in starts
    ]
    return Check(count_down, cases, [], ["Think."])


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr("vos_lab.exercises.mutants.MIN_SECONDS", 0.3)
    monkeypatch.setattr("vos_lab.exercises.mutants.TIMES_REFERENCE", 0)


def test_a_check_that_sees_everything_and_one_that_sees_little(quick):
    good = examine(counting(0, 1, 3))
    assert good.survivors == []
    assert len(good.caught) == good.total > 10  # among them some that never end
    blind = examine(counting(0))
    assert "start -= 1 → pass" in blind.survivors
    assert "steps = 0 → steps = 1" in blind.caught
    assert not count_down.adopted


def test_a_mutant_that_waits_or_takes_all_memory_is_caught(quick, monkeypatch):
    def sleeper(start):
        time.sleep(60)

    def glutton(start):
        return np.ones((start + 1) * 2**40)

    for function in (sleeper, glutton):
        item = counting(1)
        made = [type("Mutant", (), {"change": "x", "function": staticmethod(function)})()]
        monkeypatch.setattr("vos_lab.exercises.mutants.mutants", lambda reference, made=made: made)
        assert examine(item).caught == ["x"]


def test_a_judge_that_raises_is_named_as_broken(quick):
    def judge(inputs, got):
        return None if got in {inputs["start"]: 1} or 1 / got else "wrong"

    assert "steps = 0 → steps = 1" not in examine(counting(2, judge=judge)).broken
    assert "start -= 1; steps += 1 → pass" not in examine(counting(2, judge=judge)).broken
    broken = examine(counting(2, judge=judge)).broken
    assert "while start > 0: → while start <= 0:" in broken


def test_what_is_listed_is_not_a_survivor_and_what_is_not_there_is_named(quick):
    blind = counting(0)
    found = examine(blind, ["start -= 1 → pass", "steps = 0 → steps = 1", "no such thing"])
    assert found.equivalent == ["start -= 1 → pass"]
    assert "start -= 1 → pass" not in found.survivors
    assert found.outdated == ["no such thing", "steps = 0 → steps = 1"]


def test_the_table_is_written_anew_and_brought_up_to_date(tmp_path, quick, capsys):
    file = tmp_path / "mutants.md"
    file.write_text(table(["| decay | 9 | 8 | 1 | 0 |", "| smotsa | 7 | 7 | 0 | 0 |"]))
    failed = main(["smotsa", "--table", str(file)])
    rows = rows_of(file)
    assert list(rows) == ["decay", "smotsa"]
    assert rows["decay"] == "| decay | 9 | 8 | 1 | 0 |"
    mutants, caught, equivalent, through = map(int, rows["smotsa"].split("|")[2:6])
    assert mutants == caught + equivalent + through > 20
    assert (through > 0) == failed
    sums = f"| **all 2** | {9 + mutants} | {8 + caught} | {1 + equivalent} | {through} |"
    assert file.read_text().endswith(sums + "\n")
    assert ("SURVIVED" in capsys.readouterr().out) == (through > 0)
    with pytest.raises(SystemExit):
        main(["jacard"])


def test_the_list_of_equivalents_gives_reasons_for_exercises_that_there_are():
    listed = equivalents()
    assert set(listed) <= set(registered())
    for name, changes in listed.items():
        there = {mutant.change for mutant in mutants(registered()[name].exercise.reference)}
        assert set(changes) <= there
        assert all(len(reason) > 10 for reason in changes.values())


def test_a_row_counts_a_broken_check_as_a_survivor():
    found = Findings("toy", caught=["a", "b"], equivalent=["c"], survivors=["d"], broken=["e"])
    assert row(found) == "| toy | 5 | 2 | 1 | 2 |"
