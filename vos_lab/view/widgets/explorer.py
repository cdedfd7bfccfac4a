"""Explorers: turn a knob and see at once what changes.

The kernel computes with the functions of the library (a student's own, once adopted), the browser
plays what came out. Each leaves a figure with a description where no kernel runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import traitlets

from vos_lab.view.widget import Widget, source


@dataclass(frozen=True)
class Knob:
    """One thing that can be changed.

    Attributes:
        name: of the value in Python.
        label: what a person reads.
        help: what it does, in a few words.
        value: where it starts; True or False makes it a tick box.
        low: the least value.
        high: the largest value.
        step: from one value to the next.
        unit: written after the number.
        group: the heading it stands under.
    """

    name: str
    label: str
    help: str
    value: float | bool
    low: float = 0
    high: float = 1
    step: float = 0.05
    unit: str = ""
    group: str = ""


class Explorer(Widget):
    """Knobs, and what they make: what all explorers share.

    Attributes:
        values: the value of each knob by its name. Set it from Python, or observe it.
    """

    _esm = source("widgets/explorer.js")
    _css = source("widgets/explorer.css")

    values: Any = traitlets.Dict().tag(sync=True)
    show_masks = traitlets.Bool(True).tag(sync=True)

    _asked = traitlets.Int(0).tag(sync=True)  # the browser counts its wishes,
    _answered = traitlets.Int(0).tag(sync=True)  # and sends the next one when this has caught up
    _knobs = traitlets.List(traitlets.Any()).tag(sync=True)
    _actions: Any = traitlets.List(traitlets.Any()).tag(sync=True)
    _state = traitlets.Unicode("").tag(sync=True)
    _error = traitlets.Unicode("").tag(sync=True)
    _pictures = traitlets.List(traitlets.Any()).tag(sync=True)
    _numbers = traitlets.List(traitlets.Any()).tag(sync=True)
    _legend = traitlets.List(traitlets.Any()).tag(sync=True)
    _clip = traitlets.List(traitlets.Any()).tag(sync=True)
    _size = traitlets.List(traitlets.Any()).tag(sync=True)
    _fps = traitlets.Float(12.0).tag(sync=True)
    _alt = traitlets.Unicode("").tag(sync=True)
    _strokes = traitlets.Bool(False).tag(sync=True)  # whether the first picture takes clicks
    _beside = traitlets.Bool(False).tag(sync=True)  # whether the clip stands beside the picture

    def __init__(self, title: str, knobs: Sequence[Knob], **traits: Any) -> None:
        self.knobs = {knob.name: knob for knob in knobs}
        super().__init__(
            _title=title,
            _knobs=[vars(knob) for knob in knobs],
            values={knob.name: knob.value for knob in knobs},
            **traits,
        )
        self.show()
        self.observe(self._turned, "values")
        self.on_msg(self._pressed)

    def show(self) -> None:
        """Compute and show what belongs to ``values``."""
        raise NotImplementedError

    def reset(self) -> None:
        """Put every knob back to where it started."""
        self.values = {name: knob.value for name, knob in self.knobs.items()}

    @traitlets.validate("values")
    def _known(self, proposal: Any) -> dict[str, Any]:
        values = {**self.values, **proposal["value"]}  # the other knobs stay where they are
        for name, value in values.items():
            knob = self.knobs.get(name)
            if knob is None:
                raise ValueError(f"there is no knob {name}, only {', '.join(self.knobs)}")
            if not isinstance(knob.value, bool) and not knob.low <= value <= knob.high:
                raise ValueError(f"{name} goes from {knob.low} to {knob.high}, {value} is outside")
        return values

    def stroke(self, points: Sequence[Sequence[float]], other: bool) -> None:
        """Take a click or a stroke on the first picture.

        Args:
            points: places, each as shares of width and height.
            other: whether it was made with Shift, or the right button.
        """
        raise NotImplementedError

    def _turned(self, change: Any = None) -> None:
        with self.hold_sync():
            try:
                if callable(change):
                    change()
                self.show()
                self._error = ""
            except Exception as error:  # a student's own function may raise anything
                self._error = f"{type(error).__name__}: {error}"
            self._answered = self._asked

    def _pressed(self, widget: Any, content: dict[str, Any], buffers: Any) -> None:
        if content.get("action") in [action[0] for action in self._actions]:
            getattr(self, content["action"])()
        elif content.get("action") == "stroke" and self._strokes:
            self._turned(lambda: self.stroke(content["points"], bool(content["other"])))


def hex_colour(colour: Sequence[int]) -> str:
    """A colour as the browser writes it, for example ``#ff8000``."""
    return "#" + "".join(f"{int(c):02x}" for c in colour)
