"""The base of all widgets: shared script and style, and a figure where no kernel runs."""

from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from vos_lab.view.figures.page import Figure

HERE = Path(__file__).parent


def source(*names: str) -> str:
    """What the browser gets of a widget: files of this room, joined after those of the base.

    Args:
        names: paths below ``vos_lab/view``, all ``.js`` or all ``.css``. A script uses what
            ``widget.js`` defines, and exports ``render``.

    Returns:
        The text. A browser takes one script from a kernel, so that none can import another.
    """
    base = f"widget{Path(names[0]).suffix}"
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in (base, *names))


class Widget(anywidget.AnyWidget):
    """What all widgets of this course share; where no kernel runs, :meth:`figure` is shown."""

    needs_kernel: ClassVar[bool] = True
    """Whether it asks Python for anything once it is shown; the site shows those that do not."""

    _title = traitlets.Unicode("").tag(sync=True)

    def figure(self) -> Figure:
        """What is shown, as a figure for a page without a kernel."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        return {**data, **self.figure()._repr_mimebundle_()}, metadata
