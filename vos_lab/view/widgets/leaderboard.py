"""A leaderboard with weights: what counts for you decides who wins; and the map of methods."""

import io
import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from vos_lab.datasets.cues import CUES, SIZE, cue_videos
from vos_lab.methods import create, run
from vos_lab.view import figures
from vos_lab.view.encoding import encode_jpeg, encode_mask, encode_png
from vos_lab.view.figures.leaderboard import map_of_methods, place_on_map
from vos_lab.view.figures.page import MARGIN, SHARPNESS, Figure
from vos_lab.view.widget import source
from vos_lab.view.widgets.explorer import Explorer, Knob

CLIPS, WEIGHTS = "The videos of a method", "What counts"
BEDS = list(CUES)
CROP = (110, 820)  # columns of the map's page that have something in them
AT_ONCE = 3.0  # seconds; a method that takes longer runs when it is asked to
MOST = 12  # methods in the ranking


class WeightedLeaderboard(Explorer):
    """Weigh the challenges, and see which method wins; click a method, and see it at work.

    Args:
        scores: for each challenge J of the methods that were measured on it, by their names. The
            first two count at the beginning.
        dependence: for each method that is on the map its shares for motion and place, appearance
            and shape.
        seconds: how long each method takes for one of the small videos, as far as it is known.
            Methods that take longer than three seconds wait for the button.
        chosen: the method to begin with; by default the first on the map.
        title: a line above the pictures.

    Attributes:
        ranking: the methods that were measured on everything that counts, with the weighted mean
            of their J, the best first.
        left_out: the other methods, with the first challenge that they were not measured on.
        chosen: the method whose video is shown.
        masks: what it has found in the video, ``(T, H, W)`` uint8; None if it has not run yet.

    Raises:
        ValueError: there is no challenge, no method on the map, or ``chosen`` is not on it.

    Example:
        >>> scores = {"calm": {"baseline": 0.4}, "fast": {"baseline": 0.1}}
        >>> WeightedLeaderboard(scores, {"baseline": (0.1, 0, 0)}, {"baseline": 0.0}).ranking
        {'baseline': 0.25}
    """

    _css = source("widgets/explorer.css", "widgets/leaderboard.css")

    def __init__(
        self,
        scores: Mapping[str, Mapping[str, float]],
        dependence: Mapping[str, Sequence[float] | np.ndarray],
        seconds: Mapping[str, float] | None = None,
        chosen: str | None = None,
        title: str = "Weigh the challenges: who wins? Click a method on the map to see its video",
    ) -> None:
        if not scores or not dependence:
            raise ValueError("there must be a challenge, and a method on the map")
        self.scores, self.dependence, self.seconds = scores, dependence, seconds or {}
        self.chosen = next(iter(dependence)) if chosen is None else chosen
        if self.chosen not in dependence:
            raise ValueError(f"{chosen} is not on the map; there are: {', '.join(dependence)}")
        self.masks: np.ndarray | None = None
        self._found: dict[tuple[str, int, int], np.ndarray] = {}
        self._shown: tuple[object, ...] = ()
        self._marked = ""
        self._videos = {bed: cue_videos(bed) for bed in BEDS}
        weights = [
            Knob(f"weight_{i}", name, "", 1.0 if i < 2 else 0.0,
                 0, 1, 0.25, "", WEIGHTS)
            for i, name in enumerate(scores)
        ]  # fmt: skip
        clips = [
            Knob("video", "Video", "which of them", 0, 0, len(self._videos[BEDS[0]]) - 1, 1, "",
                 CLIPS),
            Knob("without", "Without a cue", "0 whole, 1 every other frame mirrored, 2 another "
                 "hue in each, 3 a blob for the object", 0, 0, len(BEDS) - 1, 1, "", CLIPS),
        ]  # fmt: skip
        super().__init__(
            title,
            [*clips, *weights],
            _actions=[
                ("compute", "Run it", "Let the method run on this video, however long it takes"),
                ("reset", "Reset", "Put every knob back"),
            ],
            _strokes=True,
            _size=list(SIZE),
            _fps=8.0,
        )

    def stroke(self, points: Sequence[Sequence[float]], other: bool) -> None:
        """Choose the method on the map that is nearest to a click."""
        x, y = points[-1]
        place = x * self._map.size[0], y * self._map.size[1]
        self.chosen = min(
            self.dependence,
            key=lambda name: math.dist(self._on_picture(name), place),
        )

    def compute(self) -> None:
        """Run the chosen method on the chosen video."""
        self._turned(self._run)

    def show(self) -> None:
        """Rank the methods by what counts, and show the video of the chosen one."""
        weights = {name: float(self.values[f"weight_{i}"]) for i, name in enumerate(self.scores)}
        self.ranking, self.left_out = ranked(self.scores, weights)
        self._numbers = [
            (name, j, f"{j:.2f}", "the winner" if place == 0 else "")
            for place, (name, j) in enumerate(list(self.ranking.items())[:MOST])
        ]
        if self._marked != self.chosen:
            self._marked = self.chosen
            figure = self._map_figure()
            self._map = _on_white(figure)
            self._pictures = [
                ("The map: click a method", figure.alt, encode_png(np.asarray(self._map)))
            ]
        which = self._which()
        if which not in self._found and self.seconds.get(self.chosen, math.inf) <= AT_ONCE:
            self._run()
        self.masks = self._found.get(which)
        if self._shown != (which, self.masks is None):
            self._shown = (which, self.masks is None)
            video = self._videos[BEDS[which[2]]][which[1]]
            self._clip = [
                (
                    encode_jpeg(video.frames[t]),
                    b"" if self.masks is None else encode_mask(self.masks[t]),
                )
                for t in range(len(video))
            ]
            self._alt = f"{self.chosen} on {video.name}, {self._how()}"
        self._state = self._words()

    def _run(self) -> None:
        name, number, bed = which = self._which()
        video = self._videos[BEDS[bed]][number]
        self._found[which] = run(create(name), video, progress=False)

    def _which(self) -> tuple[str, int, int]:
        return self.chosen, int(self.values["video"]), int(self.values["without"])

    def _how(self) -> str:
        cue = CUES[BEDS[int(self.values["without"])]]
        return f"without {cue}" if cue else "whole"

    def _on_picture(self, name: str) -> tuple[float, float]:
        """Where a method stands in the picture of the map, in its pixels."""
        x, y = place_on_map(self.dependence[name])
        return (x + MARGIN - CROP[0]) * SHARPNESS, (y + MARGIN) * SHARPNESS

    def _map_figure(self) -> Figure:
        return map_of_methods(
            self.dependence,
            "The map of methods: the nearer to a corner, the more they lose without that cue",
            alt="A triangle with the corners motion and place, appearance, and shape, and a dot "
            f"for each of {len(self.dependence)} methods. {self.chosen} is marked.",
            marked=self.chosen,
        )

    def _words(self) -> str:
        if not self.ranking:
            missing = next(iter(self.left_out.values()), "")
            won = f"No method was measured on all that counts (nothing on {missing})."
            won = won if missing else "Nothing counts, so nobody wins."
        else:
            best, j = next(iter(self.ranking.items()))
            won = f"{best} wins with J {j:.2f}"
            won += f" among {len(self.ranking)} methods" if self.left_out else ""
            won += "."
        seconds = self.seconds.get(self.chosen)
        about = f", about {seconds:.0f} s" if seconds is not None else ""
        shown = f"Shown: {self.chosen}, {self._how()}"
        return f"{won} {shown}{'.' if self.masks is not None else f': not run yet{about}.'}"

    def figure(self) -> Figure:
        """The ranking as it stands, for a page without a kernel."""
        if not self.ranking:
            return self._map_figure()
        best = list(self.ranking.items())[:MOST]
        return figures.bars(
            dict(best),
            f"With these weights {best[0][0]} wins",
            xlabel="weighted mean of J",
            alt=f"A bar for each method, the longest first. {self._words()}",
            digits=2,
        )

    def __repr__(self) -> str:
        return f"WeightedLeaderboard: {self._words()}"


def ranked(
    scores: Mapping[str, Mapping[str, float]], weights: Mapping[str, float]
) -> tuple[dict[str, float], dict[str, str]]:
    """The weighted mean of each method that was measured on all that counts.

    Args:
        scores: J of methods by challenge.
        weights: of the challenges, 0 or more.

    Returns:
        The methods with their means, the best first; and those that were not measured on
        something that counts, with that.

    Example:
        >>> ranked({"calm": {"a": 0.8, "b": 0.9}, "fast": {"a": 0.4}}, {"calm": 1, "fast": 0})
        ({'b': 0.9, 'a': 0.8}, {})
        >>> ranked({"calm": {"a": 0.8, "b": 0.9}, "fast": {"a": 0.4}}, {"calm": 1, "fast": 3})
        ({'a': 0.5}, {'b': 'fast'})
    """
    counting = [name for name in scores if weights[name] > 0]
    names = dict.fromkeys(method for name in scores for method in scores[name])
    means, left_out = {}, {}
    for method in names if counting else []:
        missing = [name for name in counting if method not in scores[name]]
        if missing:
            left_out[method] = missing[0]
            continue
        values = [weights[name] * scores[name][method] for name in counting]
        means[method] = round(sum(values) / sum(weights[name] for name in counting), 6)
    return dict(sorted(means.items(), key=lambda item: -item[1])), left_out


def _on_white(figure: Figure) -> Image.Image:
    """The map, which has no ground of its own, on white, without its empty sides."""
    with Image.open(io.BytesIO(figure.data)) as drawn:
        flat = Image.new("RGBA", drawn.size, "white")
        whole = Image.alpha_composite(flat, drawn.convert("RGBA")).convert("RGB")
    left, right = (round(column * SHARPNESS) for column in CROP)
    return whole.crop((left, 0, right, whole.height))
