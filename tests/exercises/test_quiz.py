"""Quizzes: what is refused, what is shown, what is answered."""

import pytest

from vos_lab.exercises.quiz import QUIZZES, Quiz, quiz, read_quiz

GOOD = """
[[question]]
name = "empty masks"
text = "Both masks are empty & agree. What is J?"

[[question.option]]
text = "0 < 1"
feedback = "They <agree>."

[[question.option]]
text = "1"
correct = true
feedback = "Full agreement."

[[question]]
name = "second"
text = "Which?"
option = [{text = "a", correct = true}, {text = "b", feedback = "Not b."}]
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "00_small.toml").write_text(GOOD, encoding="utf-8")
    return tmp_path


def test_questions_keep_their_order(folder):
    questions = read_quiz(folder / "00_small.toml")
    assert list(questions) == ["empty masks", "second"]
    assert [option.correct for option in questions["empty masks"].options] == [False, True]


def test_nothing_is_chosen_at_first_and_each_choice_gets_its_feedback(folder):
    shown = quiz("00_small", "empty masks", folder)
    assert isinstance(shown, Quiz)
    assert shown.radio.value is None
    assert shown.feedback.value == ""
    shown.radio.value = 0
    assert "Not quite." in shown.feedback.value
    assert "They &lt;agree&gt;." in shown.feedback.value
    shown.radio.value = 1
    assert "Right." in shown.feedback.value
    assert "They" not in shown.feedback.value


def test_the_static_form_shows_the_options_and_keeps_the_answer(folder):
    bundle = quiz("00_small", "empty masks", folder)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    for kind in ("text/html", "text/plain"):
        assert "What is J?" in bundle[kind]
        for secret in ("Full agreement", "agree>", "correct", "Right"):
            assert secret not in bundle[kind]
    assert "0 &lt; 1" in bundle["text/html"]
    assert "0 < 1" in bundle["text/plain"]


def test_a_missing_quiz_or_question_is_named(folder):
    with pytest.raises(FileNotFoundError, match="01_metrics"):
        quiz("01_metrics", "empty masks", folder)
    with pytest.raises(LookupError, match="no question 'third'; it has: empty masks, second"):
        quiz("00_small", "third", folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('correct = true\nfeedback = "Full', 'feedback = "Full'), "exactly one option"),
        (('feedback = "They', 'correct = true\nfeedback = "They'), "exactly one option"),
        (('feedback = "They <agree>."', ""), "option 1: a wrong answer needs feedback"),
        (('feedback = "They <agree>."', 'feedback = " "'), "option 1: a wrong answer needs"),
        (('text = "0 < 1"', ""), "option 1: text is missing"),
        (('text = "1"', 'text = "0 < 1"'), "two options have the same text"),
        (('text = "1"', "text = 1"), "option 2: text must be a str, is 1"),
        (('text = "1"', 'text = "1"\nhint = "x"'), "option 2: unknown key 'hint'"),
        (('name = "second"', 'name = "empty masks"'), "two questions of this name"),
        (('text = "Which?"', ""), "question 'second': text is missing"),
        ((', {text = "b", feedback = "Not b."}', ""), "needs two options or more, has 1"),
        (('text = "1"', 'text = "1'), "is not valid TOML"),
    ],
)
def test_an_incomplete_question_is_refused_with_its_name(tmp_path, change, words):
    assert change[0] in GOOD
    path = tmp_path / "00_small.toml"
    path.write_text(GOOD.replace(*change, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=words) as error:
        read_quiz(path)
    assert "00_small.toml" in str(error.value)


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "00_small.toml"
    path.write_text("[frage]\ntext = 1", encoding="utf-8")
    with pytest.raises(ValueError, match=r"must hold \[\[question"):
        read_quiz(path)


@pytest.mark.parametrize("path", sorted(QUIZZES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_quiz_of_the_course_can_be_answered(path):
    assert 3 <= len(read_quiz(path)) <= 8
    assert "*" not in path.read_text("utf-8")  # a quiz shows its text as it is written
