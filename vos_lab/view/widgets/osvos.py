"""Fine-tuning to look at: the three networks, a monitor, and more frames to annotate."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import traitlets
from IPython.display import display
from matplotlib.patches import FancyArrowPatch

from vos_lab.methods import run
from vos_lab.methods.osvos import OSVOS
from vos_lab.methods.resolution import label_map, resized
from vos_lab.metrics import jaccard
from vos_lab.video import OBJECT_COLOURS, VOID, Video, overlay
from vos_lab.view import figures
from vos_lab.view.encoding import encode_frames, encode_jpeg, encode_palette
from vos_lab.view.figures.page import (
    INK,
    WIDTH,
    Figure,
    Page,
    drawn,
    fitting,
)
from vos_lab.view.widget import Widget, source
from vos_lab.view.widgets.explorer import Explorer, Knob

LEVELS = 8  # of how sure the network is; few, so that a step is small to send
MOST_OBJECTS = 255 // LEVELS
CONTOUR = 255  # the colour of the outline, which is white

# --- the monitor ------------------------------------------------------------------------------


def encode_soft(soft: Mapping[int, np.ndarray]) -> bytes:
    """How sure a network is of each object, as a PNG to lay over the frame.

    Args:
        soft: ``(h, w)`` float32, 0 to 1, by label; not empty.

    Returns:
        The bytes of the file: the colour of the strongest object, the more opaque the surer, with
        a white outline where it has more than one half.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> png = encode_soft({1: np.array([[0.0, 0.4, 1.0, 1.0, 1.0]], np.float32)})
        >>> np.array(Image.open(io.BytesIO(png)).convert("RGBA"))[0, :, 3].tolist()
        [0, 76, 230, 178, 178]
    """
    labels = list(soft)[:MOST_OBJECTS]
    all_soft = np.stack([soft[label] for label in labels])
    levels = np.rint(all_soft.max(axis=0) * (LEVELS - 1)).astype(np.uint8)
    pixels = levels + LEVELS * all_soft.argmax(axis=0).astype(np.uint8)
    inside = (all_soft.max(axis=0) > 0.5).astype(np.uint8)
    # What lies outside of the image is not outside of the object.
    pixels[(inside > 0) & (cv2.erode(inside, np.ones((3, 3), np.uint8)) == 0)] = CONTOUR
    colours, opacity = np.full((256, 3), 255, np.uint8), np.full(256, 230, np.uint8)
    used = LEVELS * len(labels)
    colours[:used] = np.repeat(OBJECT_COLOURS[labels], LEVELS, axis=0)
    opacity[:used] = np.tile(np.linspace(0, 0.7 * 255, LEVELS), len(labels))
    return encode_palette(pixels, colours, opacity.tobytes(), level=6)


class FineTuningMonitor(Widget):
    """Watch OSVOS while it fine-tunes: the loss, and what it finds in a few frames.

    :meth:`start` shows the monitor and fine-tunes. Interrupt the cell when you have seen enough:
    the network stays as it is then. Afterwards the slider goes back through the steps, without the
    kernel. Where no kernel runs a figure stands in its place.

    Args:
        method: not yet started. Its ``watch`` becomes the monitor's; one that it had is still told.
        frames: what to look at, ``(H, W, 3)`` uint8 by name, all of one size.
        truth: label maps of these frames, by name, for the J of the object 1.
        every: look at the frames after so many steps, and after the first few.
        title: a line above.

    Attributes:
        losses: the loss of each step so far.
        shown: which of the recorded moments is shown; -1 for the latest. Set it, or observe it.

    Raises:
        ValueError: no frame, or frames of several sizes.

    Example:
        >>> frame, mask = np.zeros((32, 48, 3), np.uint8), np.eye(32, 48, dtype=np.uint8)
        >>> osvos = OSVOS(parent=None, snapping=False, steps=2)
        >>> monitor = FineTuningMonitor(osvos, {"first": frame})
        >>> osvos.start(frame, mask)
        >>> monitor
        FineTuningMonitor of osvos: 2 steps, seen after 0, 1, 2
    """

    needs_kernel = False
    _esm = source("widgets/osvos.js")
    _css = source("widgets/osvos.css")

    losses = traitlets.List(traitlets.Float()).tag(sync=True)
    shown = traitlets.Int(-1, min=-1).tag(sync=True, echo_update=False)

    _moments: Any = traitlets.List().tag(sync=True)  # [step, a PNG and a text for each frame]
    _images = traitlets.List(traitlets.Bytes()).tag(sync=True)
    _names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    _size = traitlets.List(traitlets.Int()).tag(sync=True)
    _steps = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        method: OSVOS,
        frames: Mapping[str, np.ndarray],
        truth: Mapping[str, np.ndarray] | None = None,
        every: int = 5,
        title: str = "Fine-tuning: from any object to this one",
    ) -> None:
        sizes = {frame.shape[:2] for frame in frames.values()}
        if len(sizes) != 1:
            raise ValueError(f"the monitor needs frames of one size, not {sorted(sizes)}")
        self.method, self.frames, self.truth, self.every = method, dict(frames), truth or {}, every
        self._before, method.watch = method.watch, self._watch
        height, width = sizes.pop()
        super().__init__(
            _images=[encode_jpeg(frame, quality=90) for frame in frames.values()],
            _names=list(frames),
            _size=[height, width],
            _steps=method.steps,
            _title=title,
        )

    def start(self, frame: np.ndarray, mask: np.ndarray) -> None:
        """Show the monitor, and fine-tune on the first frame.

        Args:
            frame: ``(H, W, 3)`` uint8.
            mask: its label map, ``(H, W)`` uint8.
        """
        handle = display(self, display_id=True)
        self.method.start(frame, mask)
        if handle is not None:
            handle.update(self)  # the picture for pages without a kernel is that of the end

    def _watch(self, step: int, loss: float) -> None:
        if step == 1:  # also where fine-tuning begins anew
            self._noted, self.masks = list[float](), list[list[np.ndarray]]()
            self._moments = []
            network = self.method.network
            self.method.network = self.method.parent.for_objects(len(self.method.labels))
            try:
                self._look(0)
            finally:
                self.method.network = network
        self._noted.append(loss)
        if step <= 3 or step % self.every == 0 or step == self.method.steps:
            self._look(step)
        if self._before is not None:
            self._before(step, loss)

    def _look(self, step: int) -> None:
        """Record what the network finds now."""
        pictures, texts, masks = [], [], []
        for name, frame in self.frames.items():
            soft = self.method.probabilities(resized(frame, self.method.size))
            found = label_map(soft, frame.shape[:2])
            pictures.append(encode_soft(soft))
            known = self.truth.get(name)
            texts.append("" if known is None else f"J {jaccard(found == 1, known == 1):.2f}")
            masks.append(found)
        self.masks.append(masks)
        with self.hold_sync():
            self.losses = list(self._noted)
            self._moments = [*self._moments, [step, pictures, texts]]

    def figure(self) -> Figure:
        """The loss, with the mask in the last of the frames at some steps, without a kernel."""
        name, frame = list(self.frames.items())[-1]
        if not self._moments:
            return figures.strip(
                [frame], titles=[name], title=self._title, alt=f"{name}, before fine-tuning."
            )
        # Early steps change most: they are chosen evenly in the logarithm.
        steps = [moment[0] for moment in self._moments]
        wanted = np.geomspace(1, steps[-1] + 1, 5) - 1
        chosen = sorted({int(np.abs(np.array(steps) - step).argmin()) for step in wanted})
        return figures.curves(
            {"loss": [float("nan"), *(1000 * loss for loss in self.losses)]},
            self._title,
            xlabel="step",
            ylabel="loss (thousandths)",
            pictures={steps[i]: overlay(frame, self.masks[i][-1]) for i in chosen},
            alt=f"The loss over {len(self.losses)} steps, from {self.losses[0]:.3f} to "
            f"{self.losses[-1]:.3f}. Above, the mask in {name} after "
            f"{', '.join(str(steps[i]) for i in chosen)} steps.",
        )

    def __repr__(self) -> str:
        seen = ", ".join(str(moment[0]) for moment in self._moments) or "none"
        return (
            f"FineTuningMonitor of {self.method.name}: {len(self.losses)} steps, seen after {seen}"
        )


# --- more annotations -------------------------------------------------------------------------


class AnnotationExplorer(Explorer):
    """Annotate more frames, and watch J: OSVOS is fine-tuned anew with what you tick.

    The truth of the ticked frames is handed to ``OSVOS(more=...)``. What it calls background is
    learned as background, twins of the object too.

    Args:
        video: with the true mask of object 1 in each frame.
        candidates: numbers of the frames that can be annotated besides the first.
        method: makes an OSVOS from ``more=``; by default a quick one.

    Attributes:
        scores: J of the object in each frame.
        masks: label maps of the result, ``(T, H, W)`` uint8.

    Raises:
        ValueError: the video has no masks, or there is no such frame.
    """

    _css = source("widgets/explorer.css", "widgets/osvos.css")

    def __init__(
        self,
        video: Video,
        candidates: Sequence[int],
        method: Callable[..., OSVOS] | None = None,
    ) -> None:
        if video.masks is None or any(not 0 < t < len(video) for t in candidates):
            raise ValueError(
                f"{video.name}: annotate frames from 1 to {len(video) - 1} that it has"
            )
        self.video, self.candidates = video, list(candidates)
        self.method = method or (lambda more: OSVOS(more=more, steps=100))
        self.truth = np.stack([np.asarray(mask) for mask in video.masks])
        self._done: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray]] = {}
        group = "Frames that you annotate"
        super().__init__(
            "Annotate more frames, and watch J",
            [Knob(f"frame_{t}", f"frame {t}", "", False, group=group) for t in candidates],
            _size=list(video.size),
            _fps=video.fps,
            _actions=[("reset", "Only the first", "Remove all other annotations")],
        )

    @property
    def annotated(self) -> tuple[int, ...]:
        """The numbers of the annotated frames; the first is always one of them."""
        return (0, *(t for t in self.candidates if self.values[f"frame_{t}"]))

    def show(self) -> None:
        """Fine-tune with the annotated frames, segment, and draw J."""
        if self.annotated not in self._done:
            more = [(self.video.frames[t], self.truth[t]) for t in self.annotated[1:]]
            masks = run(self.method(more=more), self.video, progress=False)
            void = self.truth == VOID
            scores = np.asarray(jaccard(masks == 1, self.truth == 1, void=void))
            self._done[self.annotated] = scores, masks
        self.scores, self.masks = self._done[self.annotated]
        encoded = encode_frames(self.video, {"masks": list(self.masks)})
        self._clip = list(zip(encoded.images, encoded.masks["masks"], strict=True))
        self._size = list(encoded.size)
        figure = self.figure()
        self._pictures = [("", figure.alt, figure.data)]
        self._alt = f"The video with the masks of OSVOS; {self._words()}."
        mean = float(self.scores[1:].mean())
        self._numbers = [("J", mean, f"{mean:.2f}", "mean over all frames but the first")]

    def figure(self) -> Figure:
        """J over the frames, with the annotated frames marked."""
        curves = {"first frame only": self._done[(0,)][0]} if (0,) in self._done else {}
        if self.annotated != (0,):
            curves["with yours"] = self.scores
        mean = self.scores[1:].mean()
        return figures.curves(
            curves,
            f"{len(self.annotated)} annotated frame{'s' * (len(self.annotated) > 1)}: mean J "
            f"{mean:.2f}",
            ylabel="J",
            events=dict.fromkeys(self.annotated, "given"),
            pictures={
                t: overlay(self.video.frames[t], self.masks[t])
                for t in np.linspace(0, len(self.video) - 1, 4).round().astype(int)
            },
            alt=f"J over the frames; {self._words()}: mean {mean:.2f}.",
        )

    def _words(self) -> str:
        return f"annotated: frame {', '.join(map(str, self.annotated))}"

    def __repr__(self) -> str:
        return f"AnnotationExplorer of {self.video.name}, {self._words()}"


# --- the three networks -----------------------------------------------------------------------


def networks_figure(
    frame: np.ndarray,
    answers: Mapping[str, np.ndarray],
    learned: Sequence[str],
    *,
    title: str,
    alt: str = "",
) -> Figure:
    """Networks that were made one from the other, and what each finds in the same frame.

    Args:
        frame: ``(H, W, 3)`` uint8.
        answers: how sure each is of an object, ``(H, W)`` float32, 0 to 1, by its name; in order.
        learned: what each has learned from; a few words, over two lines.
        title: a sentence that says what to see.
        alt: what the picture shows, in words.

    Returns:
        The figure: the networks from left to right, with arrows between them.

    Raises:
        ValueError: there is no ``alt``, or another number of words than of networks.
    """
    if len(learned) != len(answers):
        raise ValueError(f"{len(answers)} networks, but {len(learned)} texts")
    gap, line = 60, 26
    shown = fitting(frame.shape, (WIDTH + gap) / len(answers) - gap, 260)
    grey = np.repeat((80 + 0.45 * frame.mean(axis=-1, keepdims=True)), 3, axis=-1)
    with Page(title, alt, line + shown[0] + 48) as page:
        for i, (name, soft) in enumerate(answers.items()):
            left = i * (shown[1] + gap)
            page.text(left, 2, name, va="top", weight="bold")
            picture = grey + 0.85 * soft[..., None] * (OBJECT_COLOURS[1] - grey)
            page.picture(resized(picture.astype(np.uint8), drawn(shown)), left, line, frame=True)
            page.text(left, line + shown[0] + 8, learned[i], va="top", color=INK)
            if i:
                middle = line + shown[0] / 2
                ends = page.place(left - gap + 8, middle), page.place(left - 8, middle)
                page.canvas.add_artist(
                    FancyArrowPatch(
                        *ends, arrowstyle="-|>", mutation_scale=22, linewidth=2.4, color=INK,
                        transform=page.canvas.transFigure, shrinkA=0, shrinkB=0,
                    )
                )  # fmt: skip
        return page.finished(photographic=True)
