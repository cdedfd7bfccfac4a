"""Look into the graph: which frames a place listens to, and what becomes of the mask."""

from collections.abc import Sequence

import matplotlib
import numpy as np
import torch

from vos_lab.methods.graph import NODES, PIXELS, ROUNDS, STRIDE, AttentiveGraph, trained
from vos_lab.methods.networks import as_input, mixed_precision
from vos_lab.methods.resolution import resized, working_size
from vos_lab.video import overlay
from vos_lab.view import figures
from vos_lab.view.encoding import encode_png
from vos_lab.view.figures.page import Figure
from vos_lab.view.widgets.explorer import Explorer, Knob
from vos_lab.view.widgets.pixel_retrieval import ringed

LEGEND = [("#fde737", "the ringed place listens here"), ("#00224e", "it does not")]


class GraphExplorer(Explorer):
    """Frames that talk: click a place of the first, and see where in the others it listens.

    Frames are encoded once. Each change of a knob lets the nodes that are on talk anew.

    Args:
        frames: two to five frames of one size, ``(H, W, 3)`` uint8. The first is asked about.
        network: the graph; by default the shipped one.
        point: column and row of the pixel to begin with; by default in the middle.
        title: a line above the pictures.

    Attributes:
        point: column and row of the pixel whose edges are shown.
        mask: of the first frame, ``(h, w)`` bool, after the rounds that are asked for.
        edges: for each other frame where the place listens in the last round, ``(h, w)`` float32,
            shares of 1; None where the node is off, or nobody talks.

    Raises:
        ValueError: there are not two to five frames of one size, or there is no such pixel.

    Example:
        >>> frames = np.zeros((3, 32, 48, 3), np.uint8)
        >>> explorer = GraphExplorer(frames, AttentiveGraph())
        >>> [edge.shape for edge in explorer.edges]
        [(4, 6), (4, 6)]
    """

    def __init__(
        self,
        frames: Sequence[np.ndarray],
        network: AttentiveGraph | None = None,
        point: tuple[int, int] | None = None,
        title: str = "Click a place of the first frame: where does it listen?",
    ) -> None:
        if not 2 <= len(frames) <= NODES or len({frame.shape for frame in frames}) != 1:
            raise ValueError(f"give two to {NODES} frames of one size")
        self.network = (network if network is not None else trained()).eval()
        size = working_size(frames[0].shape, PIXELS)
        self.frames = [resized(frame, size) for frame in frames]
        height, width = size
        self.point = (width // 2, height // 2) if point is None else point
        if not (0 <= self.point[0] < width and 0 <= self.point[1] < height):
            raise ValueError(f"pixel {self.point} is outside of {width} x {height} pixels")
        self._talked: tuple[tuple[int, ...], int, list[torch.Tensor]] = ((), -1, [])
        with torch.inference_mode(), mixed_precision("cpu"):
            self.nodes = [self.network.encode(as_input(frame)) for frame in self.frames]
        others = [
            Knob(f"node_{i}", f"Frame {i + 1}", "whether it is a node of the graph", True)
            for i in range(1, len(frames))
        ]
        super().__init__(
            title,
            [
                Knob(
                    "rounds", "Rounds", "how often the frames send messages", ROUNDS, 0, ROUNDS, 1
                ),
                *others,
            ],
            _strokes=True,
            _legend=LEGEND,
        )

    def stroke(self, points: Sequence[Sequence[float]], other: bool) -> None:
        """Take the last place of a click or a stroke."""
        height, width = self.frames[0].shape[:2]
        x, y = points[-1]
        self.point = min(width - 1, int(x * width)), min(height - 1, int(y * height))

    def show(self) -> None:
        """Let the nodes that are on talk, and read out the first."""
        on = (0, *(i for i in range(1, len(self.frames)) if self.values[f"node_{i}"]))
        rounds = int(self.values["rounds"])
        with torch.inference_mode(), mixed_precision("cpu"):
            if self._talked[:2] != (on, rounds):  # a click on another place changes no state
                states = torch.stack([self.nodes[i][0][0] for i in on])[None]
                told = self.network.talk(states, rounds)
                score = self.network.read_out((told[-1][:, 0], self.nodes[0][1]))[0]
                self.mask, self._talked = (score > 0).numpy(), (on, rounds, told)
            listens: dict[int, np.ndarray] = {}
            if rounds:
                cell = self.point[1] // STRIDE, self.point[0] // STRIDE
                shares = self.network.attention(self._talked[2][-2][0], cell).float().numpy()
                listens = dict(zip(on[1:], shares, strict=True))
        self.edges = [listens.get(i) for i in range(1, len(self.frames))]
        words = self._words()
        self._pictures = [
            ("Frame 1: click here", words, encode_png(self._drawn())),
            *(
                (f"Frame {i + 1}" + ("" if i in on else " (off)"), words, encode_png(self._heat(i)))
                for i in range(1, len(self.frames))
            ),
        ]

    def _drawn(self) -> np.ndarray:
        return ringed(overlay(self.frames[0], self.mask.astype(np.uint8), 0.5), self.point)

    def _heat(self, i: int) -> np.ndarray:
        """Another frame: bright where the place listens, dark where it does not."""
        frame, edge = self.frames[i], self.edges[i - 1]
        if edge is None:
            return (0.25 * frame).astype(np.uint8)
        share = resized(edge / max(edge.max(), 1e-9), frame.shape[:2])
        heat = 255 * matplotlib.colormaps["cividis"](share)[..., :3]
        return (0.45 * frame + 0.55 * heat).astype(np.uint8)

    def figure(self) -> Figure:
        """The mask of the first frame, and where its place listens, for a page without a kernel."""
        others = range(1, len(self.frames))
        return figures.strip(
            [self._drawn(), *(self._heat(i) for i in others)],
            titles=["the mask, and a place", *(f"frame {i + 1}" for i in others)],
            title="Where the ringed place listens in the other frames (yellow)",
            alt=self._words(),
        )

    def _words(self) -> str:
        on = [i for i, edge in enumerate(self.edges, 2) if edge is not None]
        told = "It listens to no other frame."
        if on:
            told = f"It listens to frames {', '.join(map(str, on))}."
        return (
            f"Frame 1 with its mask after {int(self.values['rounds'])} rounds, which covers "
            f"{self.mask.mean():.0%} of it, and a ring at {self.point}. {told}"
        )

    def __repr__(self) -> str:
        return f"GraphExplorer: {self._words()}"
