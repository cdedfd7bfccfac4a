"""Look into an embedding, and segment by clicking: two widgets for pixel retrieval.

Both embed the frames of a video once. Then each click is answered by comparing, without asking the
network again.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import matplotlib
import numpy as np
import torch
from torch import nn

from vos_lab.methods.pixel_retrieval import (
    MAX_DISTANCES,
    STRIDE,
    embed,
    embedding_network,
    nearest_neighbour_labels,
    squared_distances,
)
from vos_lab.video import OBJECT_COLOURS, Video, overlay
from vos_lab.view import figures
from vos_lab.view.encoding import encode_jpeg, encode_mask, encode_png
from vos_lab.view.figures.page import Figure
from vos_lab.view.widgets.explorer import Explorer, Knob, hex_colour

LONGEST = 200
"""Frames: of longer videos take a part; their embeddings would fill the memory."""


def embed_video(video: Video, network: nn.Module) -> list[torch.Tensor]:
    """The embeddings of all frames of a short video.

    Args:
        video: at most :data:`LONGEST` frames.
        network: what embeds.

    Returns:
        For each frame ``(h, w, C)`` float32.

    Raises:
        ValueError: the video is too long.
    """
    if len(video) > LONGEST:
        raise ValueError(
            f"{video.name}: {len(video)} frames; take a part of at most {LONGEST}: "
            f"video.part(0, {LONGEST})"
        )
    return [embed(network, frame, t) for t, frame in enumerate(video.frames)]


def similarity(embedded: torch.Tensor, one: torch.Tensor, scale: float) -> np.ndarray:
    """How alike each cell is to one embedding: exp(-d² / scale), 1 where it is the same.

    Args:
        embedded: ``(h, w, C)`` float32.
        one: ``(C,)`` float32.
        scale: the squared distance at which it has fallen to 0.37.

    Returns:
        ``(h, w)`` float32, 0 to 1.
    """
    distances = squared_distances(embedded.flatten(0, 1), one[None])[:, 0]
    return torch.exp(-distances / scale).reshape(embedded.shape[:2]).numpy()


class Directions(NamedTuple):
    """The three directions in which numbers differ most.

    Attributes:
        mean: of all, ``(C,)``.
        main: the directions, ``(C, 3)``, the one with the largest spread first; fewer where C is.
        spread: standard deviation along each, ``(3,)``.
    """

    mean: torch.Tensor
    main: torch.Tensor
    spread: torch.Tensor

    def colours(self, numbers: torch.Tensor) -> np.ndarray:
        """Numbers ``(h, w, C)`` as a picture ``(h, w, 3)`` uint8: a direction for each colour."""
        shown = ((numbers - self.mean) @ self.main) / (4 * self.spread) + 0.5  # two deviations
        picture = (shown.clamp(0, 1) * 255).round().numpy().astype(np.uint8)
        missing = 3 - picture.shape[-1]  # an embedding of two numbers has two directions
        return np.pad(picture, ((0, 0), (0, 0), (0, missing)), constant_values=128)


def main_directions(embeddings: Sequence[torch.Tensor]) -> Directions:
    """Principal component analysis (Pearson, 1901) of all frames together.

    Args:
        embeddings: for each frame ``(h, w, C)`` float32.
    """
    points = torch.cat([each.flatten(0, 1) for each in embeddings])
    mean = points.mean(dim=0)
    covariance = torch.cov((points - mean).T).reshape(len(mean), len(mean))
    _, vectors = torch.linalg.eigh(covariance)  # the largest variance last
    main = vectors[:, -3:].flip(1)
    # Which way a direction points is a matter of rounding: its largest number shall be positive.
    largest = main.abs().argmax(dim=0)
    main = main * main[largest, torch.arange(main.shape[1])].sign()
    return Directions(mean, main, ((points - mean) @ main).std(dim=0).clamp(min=1e-6))


def component_colours(embeddings: Sequence[torch.Tensor]) -> list[np.ndarray]:
    """Embeddings as colours: the three directions in which they differ most are red, green, blue.

    All frames have the same directions, so that one colour means one thing in all of them.

    Args:
        embeddings: for each frame ``(h, w, C)`` float32.

    Returns:
        For each frame ``(h, w, 3)`` uint8.
    """
    directions = main_directions(embeddings)
    return [directions.colours(each) for each in embeddings]


class EmbeddingExplorer(Explorer):
    """Click a pixel of one frame, and see which pixels of another frame are like it.

    Args:
        video: at most 200 frames.
        embedding: "learned", "random", "colour", or a network.
        frame: number of the frame to look at.
        at: number of the frame to click in.
        point: column and row of the pixel to begin with; by default in the middle.
        title: a line above the pictures.

    Attributes:
        point: column and row of the pixel that is compared.
        similarity: of each cell of the frame, ``(h, w)`` float32, 0 to 1.

    Raises:
        ValueError: the video is too long, or there is no such frame, pixel or embedding.

    Example:
        >>> video = Video("grey", np.full((2, 32, 48, 3), 128, np.uint8))
        >>> EmbeddingExplorer(video, "colour", point=(3, 5)).similarity.shape
        (8, 12)
    """

    def __init__(
        self,
        video: Video,
        embedding: str | nn.Module = "learned",
        frame: int | None = None,
        at: int = 0,
        point: tuple[int, int] | None = None,
        title: str = "Click a pixel: what is like it?",
    ) -> None:
        frame = len(video) - 1 if frame is None else frame
        height, width = video.size
        self.point = (width // 2, height // 2) if point is None else point
        for number in (at, frame):
            if not 0 <= number < len(video):
                raise ValueError(f"{video.name}: there is no frame {number} of {len(video)}")
        if not (0 <= self.point[0] < width and 0 <= self.point[1] < height):
            raise ValueError(f"pixel {self.point} is outside of {width} x {height} pixels")
        self.video, self.at = video, at
        self.embeddings = embed_video(video, embedding_network(embedding))
        self._colours = component_colours(self.embeddings)
        # What is far depends on the embedding: a quarter of what half of all pairs exceed.
        sample = self.embeddings[at].flatten(0, 1)[
            :: max(1, self.embeddings[at][..., 0].numel() // 500)
        ]
        self.scale = max(1e-6, float(squared_distances(sample, sample).median()) / 4)
        super().__init__(
            title,
            [
                Knob(
                    "frame",
                    "Frame",
                    "the frame that is compared",
                    frame,
                    0,
                    max(1, len(video) - 1),
                    1,
                )
            ],
            _strokes=True,
            _legend=LEGEND,
        )

    def stroke(self, points: Sequence[Sequence[float]], other: bool) -> None:
        """Take the last place of a click or a stroke."""
        height, width = self.video.size
        x, y = points[-1]
        self.point = min(width - 1, int(x * width)), min(height - 1, int(y * height))

    def show(self) -> None:
        """Compare the pixel with those of the frame."""
        t = min(len(self.video) - 1, int(self.values["frame"]))
        cell = self.point[1] // STRIDE, self.point[0] // STRIDE
        self.similarity = similarity(self.embeddings[t], self.embeddings[self.at][cell], self.scale)
        best = np.unravel_index(self.similarity.argmax(), self.similarity.shape)
        self.best = int(best[1]) * STRIDE + STRIDE // 2, int(best[0]) * STRIDE + STRIDE // 2
        self._pictures = [
            (
                f"Frame {self.at}: click here",
                self._words(),
                encode_png(self._marked(self.at, self.point)),
            ),
            (f"Frame {t}: how alike", self._words(), encode_png(self._alike())),
            (f"Frame {t}: embeddings as colours", "embeddings", encode_png(self._embedded(t))),
        ]

    def figure(self) -> Figure:
        """The pixel, what is like it, and the embeddings, for a page without a kernel."""
        t = min(len(self.video) - 1, int(self.values["frame"]))
        return figures.strip(
            [self._marked(self.at, self.point), self._alike(), self._embedded(t)],
            titles=[
                f"a pixel of frame {self.at}",
                f"how alike: frame {t}",
                "embeddings as colours",
            ],
            title="A pixel, and how alike the pixels of another frame are (yellow: like it)",
            alt=self._words(),
        )

    def _marked(self, t: int, point: tuple[int, int]) -> np.ndarray:
        return ringed(self.video.frames[t], point)

    def _alike(self) -> np.ndarray:
        heat = (matplotlib.colormaps["cividis"](self.similarity)[..., :3] * 255).astype(np.uint8)
        return ringed(_enlarged(heat, self.video.size), self.best)

    def _embedded(self, t: int) -> np.ndarray:
        return _enlarged(self._colours[t], self.video.size)

    def _words(self) -> str:
        t = min(len(self.video) - 1, int(self.values["frame"]))
        share = float((self.similarity > 0.5).mean())
        return (
            f"The pixel {self.point} of frame {self.at}, and frame {t} in shades of blue and "
            f"yellow: {share:.0%} of it are much like the pixel; the most alike is at {self.best}."
        )

    def __repr__(self) -> str:
        return f"EmbeddingExplorer: {self._words()}"


LEGEND = [("#fde737", "like the pixel"), ("#00224e", "not like it")]


class ClickSegmenter(Explorer):
    """Segment a clip by clicking: each click or stroke gives references, and all frames answer.

    A click means the object; with Shift, or the right button, the background. Nothing is learned:
    the frames were embedded once, and each click is answered by comparing.

    Args:
        video: at most 200 frames.
        embedding: "learned", "random", "colour", or a network.
        frame: number of the frame to begin with.
        neighbours: how many references each pixel asks.
        title: a line above the pictures.

    Attributes:
        masks: the label maps of all frames, ``(T, H, W)`` uint8: 0 or 1.
        strokes: what was clicked: frame, places as shares of width and height, and whether it was
            the background. Set it, then call ``show()``.
        seconds: how long the last answer took.

    Raises:
        ValueError: the video is too long, or there is no such frame or embedding.

    Example:
        >>> frames = np.zeros((2, 32, 48, 3), np.uint8)
        >>> frames[:, :, 24:] = 200
        >>> clicks = ClickSegmenter(Video("two halves", frames), "colour")
        >>> clicks.stroke([(0.75, 0.5)], other=False)
        >>> clicks.stroke([(0.25, 0.5)], other=True)
        >>> clicks.show()
        >>> clicks.masks[1, 10, ::12].tolist()
        [0, 0, 1, 1]
    """

    def __init__(
        self,
        video: Video,
        embedding: str | nn.Module = "learned",
        frame: int = 0,
        neighbours: int = 1,
        title: str = "Click the object; with Shift, the background",
    ) -> None:
        if not 0 <= frame < len(video):
            raise ValueError(f"{video.name}: there is no frame {frame} of {len(video)}")
        self.video, self.neighbours = video, neighbours
        self.embeddings = embed_video(video, embedding_network(embedding))
        self._jpegs = [encode_jpeg(each) for each in video.frames]
        self.strokes: list[tuple[int, list[tuple[float, float]], bool]] = []
        super().__init__(
            title,
            [Knob("frame", "Frame", "the frame to click in", frame, 0, max(1, len(video) - 1), 1)],
            _strokes=True,
            _actions=[
                ("undo", "Undo", "Remove the last click"),
                ("clear", "Clear", "Remove all clicks"),
            ],
            _size=list(video.size),
            _legend=[
                (hex_colour(OBJECT_COLOURS[1]), "object"),
                ("#ffffff", "your clicks: object"),
                ("#101010", "your clicks: background"),
            ],
        )

    def stroke(self, points: Sequence[Sequence[float]], other: bool) -> None:
        """Take a click or a stroke on the frame that is shown."""
        places = [(float(x), float(y)) for x, y in points]
        self.strokes.append((self._frame, places, other))

    def undo(self) -> None:
        """Remove the last click."""
        self.strokes = self.strokes[:-1]
        self._turned()

    def clear(self) -> None:
        """Remove all clicks."""
        self.strokes = []
        self._turned()

    def show(self) -> None:
        """Label all frames by the clicks, and show them."""
        begun = time.perf_counter()
        self.masks = self._segmented()
        self.seconds = time.perf_counter() - begun
        t = self._frame
        self._pictures = [(f"Frame {t}: click here", self._words(), encode_png(self._drawn(t)))]
        self._clip = [
            (jpeg, encode_mask(mask)) for jpeg, mask in zip(self._jpegs, self.masks, strict=True)
        ]
        self._alt = self._words()
        self._numbers = [
            (
                "seconds",
                min(1.0, self.seconds),
                f"{self.seconds:.2f}",
                "for all frames, after the last click",
            )
        ]

    @property
    def _frame(self) -> int:
        return min(len(self.video) - 1, int(self.values["frame"]))

    def _segmented(self) -> np.ndarray:
        height, width = self.video.size
        references, labels = self._references()
        masks = np.zeros((len(self.video), height, width), np.uint8)
        if not (labels > 0).any():
            return masks
        for t, embedded in enumerate(self.embeddings):
            found = nearest_neighbour_labels(
                embedded.flatten(0, 1), references, labels[:, None], self.neighbours, MAX_DISTANCES
            )
            soft = found.reshape(embedded.shape[:2]).numpy()
            masks[t] = cv2.resize(soft, (width, height)) > 0.5
        return masks

    def _references(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The embeddings of what was clicked, ``(R, C)``, and 1 or 0 for each."""
        chosen: dict[tuple[int, int, int], float] = {}
        for t, points, other in self.strokes:
            rows, columns = self.embeddings[t].shape[:2]
            ends = zip(points, points[1:] or points, strict=False)
            for (x0, y0), (x1, y1) in ends:
                steps = 1 + int(2 * max(abs(x1 - x0) * columns, abs(y1 - y0) * rows))
                for x, y in zip(
                    np.linspace(x0, x1, steps), np.linspace(y0, y1, steps), strict=True
                ):
                    cell = t, min(rows - 1, int(y * rows)), min(columns - 1, int(x * columns))
                    chosen[cell] = 0.0 if other else 1.0  # the latest word counts
        if not chosen:
            return torch.zeros(0, self.embeddings[0].shape[-1]), torch.zeros(0)
        found = torch.stack([self.embeddings[t][row, column] for t, row, column in chosen])
        return found, torch.tensor(list(chosen.values()))

    def _drawn(self, t: int) -> np.ndarray:
        picture = overlay(self.video.frames[t], self.masks[t], 0.4)
        height, width = picture.shape[:2]
        for number, points, other in self.strokes:
            if number == t:
                line = np.array([(x * width, y * height) for x, y in points], np.int32)
                colour, edge = ((16, 16, 16), (255, 255, 255))[:: -1 if not other else 1]
                for thick, ink in ((5, edge), (3, colour)):
                    cv2.polylines(picture, [line], False, ink, thick, cv2.LINE_AA)
                    cv2.circle(picture, line[-1].tolist(), thick, ink, -1, cv2.LINE_AA)
        return picture

    def figure(self) -> Figure:
        """The frames that were clicked, and some others, for a page without a kernel."""
        last = len(self.video) - 1
        shown = sorted({self._frame, 0, last // 2, last})
        return figures.strip(
            [self._drawn(t) for t in shown],
            titles=[f"frame {t}" for t in shown],
            title="Some clicks, and all frames are segmented",
            alt=self._words(),
        )

    def _words(self) -> str:
        count = {other: sum(o is other for *_, o in self.strokes) for other in (False, True)}
        share = float((self.masks > 0).mean())
        return (
            f"{count[False]} clicks on the object, {count[True]} on the background; {share:.0%} of "
            f"the pixels of {len(self.video)} frames are taken for the object."
        )

    def __repr__(self) -> str:
        return f"ClickSegmenter: {self._words()}"


def ringed(image: np.ndarray, point: tuple[int, int]) -> np.ndarray:
    """An image with a ring around a pixel."""
    picture = np.ascontiguousarray(image).copy()
    radius = max(3, round(min(picture.shape[:2]) / 30))
    for thick, colour in ((3, (16, 16, 16)), (1, (255, 255, 255))):
        cv2.circle(picture, point, radius, colour, thick, cv2.LINE_AA)
    return picture


def _enlarged(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(picture, (size[1], size[0]), interpolation=cv2.INTER_NEAREST)
