"""The marker of an exercise: the library runs on the student's version once it is adopted."""

import pytest

from vos_lab.exercise import Exercise, exercise


@exercise(minutes=5, difficulty=2, importance=3)
def add(first: int, second: int = 1) -> int:
    """Add two numbers."""
    return first + second


@pytest.fixture(autouse=True)
def _restored():
    yield
    add.restore()


def twice(number: int) -> int:
    """A caller in the library."""
    return add(number, number)


def test_an_exercise_is_the_function_with_its_facts():
    assert isinstance(add, Exercise)
    assert add(2) == 3
    assert add(first=2, second=5) == 7
    assert (add.minutes, add.difficulty, add.importance) == (5, 2, 3)
    assert add.__doc__ == "Add two numbers."
    assert add.__name__ == "add"
    assert add.name == f"{__name__}.add"
    assert add.__wrapped__ is add.reference  # so that inspect shows the function's own source


def test_callers_run_on_the_adopted_version_until_it_is_restored():
    assert twice(3) == 6
    add.adopt(lambda first, second=1: 100)
    assert add.adopted
    assert twice(3) == 100
    assert add.reference(3, 3) == 6
    assert "student" in repr(add)
    add.restore()
    assert not add.adopted
    assert twice(3) == 6
    assert "library" in repr(add)


def test_errors_of_the_students_version_come_through():
    def stub(first: int, second: int = 1) -> int:
        raise NotImplementedError

    add.adopt(stub)
    with pytest.raises(NotImplementedError):
        twice(1)


@pytest.mark.parametrize("wrong", [{"difficulty": 0}, {"importance": 6}])
def test_difficulty_and_importance_go_from_one_to_five(wrong):
    facts = {"minutes": 1, "difficulty": 1, "importance": 1, **wrong}
    with pytest.raises(ValueError, match="must be 1 to 5"):
        exercise(**facts)(lambda: None)
