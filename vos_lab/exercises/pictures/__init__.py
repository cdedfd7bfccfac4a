"""What a student's own function does, as a picture below the verdict of a passed check.

One module for each lesson, under the lesson's name; in it a function under the name of each
exercise, which takes the student's version and returns a figure::

    def jaccard(answer: Callable[..., float]) -> Figure:
        ...

It calls ``answer`` on an input that is always the same, and computes what it shows with it, so that
the picture is of that version and no other. It takes less than a second and 24,000 bytes, and
needs PyTorch only where its lesson does. Nothing is listed; an exercise may be without a picture.
"""

import contextlib
import importlib
import importlib.util
import io
import sys
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # figures take longer to import than everything that a check needs
    from vos_lab.view.figures import Figure


def in_a_notebook() -> bool:
    """Whether what is displayed reaches a page, and not a terminal or a log."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def picture_for(exercise: str, lesson: str) -> Callable[[Callable[..., Any]], "Figure"] | None:
    """What draws the picture of an exercise; None where nothing does.

    Args:
        exercise: bare name of the function.
        lesson: name of the module that has its check.
    """
    name = f"{__name__}.{lesson}"
    if importlib.util.find_spec(name) is None:
        return None
    found = getattr(importlib.import_module(name), exercise, None)
    # A function of the library that the module imports may have the same name.
    return found if getattr(found, "__module__", None) == name else None


def display_at_work(exercise: str, lesson: str, answer: Callable[..., Any]) -> None:
    """Display what a student's function does, in a notebook. Never raises, never prints.

    Args:
        exercise: bare name of the function.
        lesson: name of the module that has its check.
        answer: the student's version.
    """
    if not in_a_notebook():
        return
    with contextlib.suppress(Exception):  # the check is passed, whatever becomes of the picture
        with contextlib.ExitStack() as quiet:
            quiet.enter_context(contextlib.redirect_stdout(io.StringIO()))
            quiet.enter_context(contextlib.redirect_stderr(io.StringIO()))
            quiet.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            draw = picture_for(exercise, lesson)
            picture = None if draw is None else draw(answer)
        if picture is not None:
            from IPython.display import display

            display(picture)
