"""Quiz questions: one right answer, and for each wrong one the sentence that turns it round.

The questions of a lesson stand in ``quizzes/NN_name.toml``::

    [[question]]
    name = "empty masks"
    text = "The object is hidden, and the method says so. What is J?"

    [[question.option]]
    text = "0: nothing overlaps"
    feedback = "Then a method that is right about every empty frame would lose points for it."

    [[question.option]]
    text = "1: both say that there is nothing"
    correct = true
    feedback = "0/0 is settled by what it means: full agreement."
"""

import html
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets

QUIZZES = Path(__file__).parent / "quizzes"


@dataclass(frozen=True)
class Option:
    """An answer to choose.

    Attributes:
        text: the answer.
        feedback: what to say to somebody who chose it.
        correct: whether it is the right one.
    """

    text: str
    feedback: str = ""
    correct: bool = False


@dataclass(frozen=True)
class Question:
    """A question with its options, of which exactly one is right.

    Attributes:
        name: what the lesson calls it.
        text: the question.
        options: two or more, in the order in which they are shown.
    """

    name: str
    text: str
    options: tuple[Option, ...]


def read_quiz(path: str | Path) -> dict[str, Question]:
    """Read the questions of a lesson, and make sure that each can be answered.

    Args:
        path: a TOML file in the form above.

    Returns:
        The questions by name, in the order of the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no TOML, or a question is incomplete; names file and question.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no quiz for this lesson")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: is not valid TOML: {error}") from None
    if set(content) != {"question"} or not isinstance(content["question"], list):
        raise ValueError(f"{path}: must hold [[question]] tables, and nothing beside them")
    questions: dict[str, Question] = {}
    for number, table in enumerate(content["question"], start=1):
        where = f"{path}, question {table.get('name', number)!r}"
        question = _question(table, where)
        if question.name in questions:
            raise ValueError(f"{where}: there are two questions of this name")
        questions[question.name] = question
    return questions


def _question(table: dict[str, Any], where: str) -> Question:
    _expect(table, {"name": str, "text": str, "option": list}, set(), where)
    options = []
    for number, entry in enumerate(table["option"], start=1):
        here = f"{where}, option {number}"
        _expect(
            entry, {"text": str, "feedback": str, "correct": bool}, {"feedback", "correct"}, here
        )
        option = Option(entry["text"], entry.get("feedback", ""), entry.get("correct", False))
        if not option.correct and not option.feedback.strip():
            raise ValueError(f"{here}: a wrong answer needs feedback that turns it round")
        options.append(option)
    if len(options) < 2:
        raise ValueError(f"{where}: needs two options or more, has {len(options)}")
    right = sum(option.correct for option in options)
    if right != 1:
        raise ValueError(f"{where}: exactly one option must have correct = true, here {right} have")
    if len({option.text for option in options}) < len(options):
        raise ValueError(f"{where}: two options have the same text")
    return Question(table["name"], table["text"], tuple(options))


def _expect(table: dict[str, Any], types: dict[str, type], optional: set[str], where: str) -> None:
    for key, value in table.items():
        if key not in types:
            raise ValueError(f"{where}: unknown key {key!r}; known are {', '.join(types)}")
        if not isinstance(value, types[key]):
            raise ValueError(f"{where}: {key} must be a {types[key].__name__}, is {value!r}")
    for key in types:
        if key not in optional and not (table.get(key) or isinstance(table.get(key), bool)):
            raise ValueError(f"{where}: {key} is missing or empty")


class OwnKeys(anywidget.AnyWidget):
    """Keeps the keys of its box from JupyterLab, where arrows leave a cell and d d deletes it."""

    _esm = """
    function render({ el }) {
      el.style.display = "none";
      const mark = () => {
        const box = el.parentElement?.closest(".widget-vbox");
        if (!box) return requestAnimationFrame(mark);  // not yet on the page
        box.addEventListener("focusin", (e) => (e.target.dataset.lmSuppressShortcuts = "true"));
      };
      mark();
    }
    export default { render };
    """


class Quiz(widgets.VBox):
    """A question with radio buttons, and the feedback to what is chosen.

    Where no kernel runs, the question and its options stand as plain HTML, without the answer.
    """

    def __init__(self, question: Question) -> None:
        self.question = question
        self.radio = widgets.RadioButtons(
            options=[(option.text, i) for i, option in enumerate(question.options)],
            value=None,
            layout=widgets.Layout(width="auto"),
        )
        # aria-live: a screen reader reads the feedback out when it appears.
        self.feedback = widgets.HTML()
        self.radio.observe(self._answer, names="value")
        title = widgets.HTMLMath(f"<b>{html.escape(question.text)}</b>")
        super().__init__([title, self.radio, self.feedback, OwnKeys()])

    def _answer(self, change: dict[str, Any]) -> None:
        if change["new"] is None:
            self.feedback.value = ""
            return
        option = self.question.options[change["new"]]
        # The bar is seen on white and on black; the words have the colour of the theme.
        mark, colour = ("✓ Right.", "#009e73") if option.correct else ("✗ Not quite.", "#d55e00")
        self.feedback.value = (
            f'<div role="status" aria-live="polite" style="border-left: 4px solid {colour}; '
            f'padding: 2px 10px; line-height: 1.5"><b>{mark}</b> '
            f"{html.escape(option.feedback)}</div>"
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        bundle = dict(super()._repr_mimebundle_(**kwargs) or {})
        items = "".join(f"<li>{html.escape(o.text)}</li>" for o in self.question.options)
        bundle["text/html"] = (
            f"<p><b>{html.escape(self.question.text)}</b></p>"
            f'<ul style="list-style-type: circle">{items}</ul>'
        )
        bundle["text/plain"] = "\n".join(
            [self.question.text, *(f"  ( ) {o.text}" for o in self.question.options)]
        )
        return bundle


def quiz(lesson: str, name: str, folder: str | Path = QUIZZES) -> Quiz:
    """Show a question of a lesson.

    Args:
        lesson: name of the lesson, for example ``01_metrics``.
        name: name of the question.
        folder: where the quizzes are.

    Returns:
        A widget; as the last line of a cell it shows itself.

    Raises:
        FileNotFoundError: the lesson has no quiz.
        LookupError: its quiz has no such question.
        ValueError: the quiz is incomplete.
    """
    questions = read_quiz(Path(folder) / f"{lesson}.toml")
    if name not in questions:
        raise LookupError(f"{lesson} has no question {name!r}; it has: {', '.join(questions)}")
    return Quiz(questions[name])
