"""The sample map of OnAVOS: what it learns from a frame that nobody has annotated.

Positives are red, negatives blue, and what is ignored keeps no colour. Stripes and dots say the
same to those who cannot tell the two colours apart. In the explorer the two thresholds are sliders,
and the map is made by ``select_training_pixels``: the student's own, once it is adopted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import matplotlib
import numpy as np

from vos_lab.methods.onavos import MIN_CONFIDENCE, MIN_DISTANCE, OnAVOS, select_training_pixels
from vos_lab.methods.resolution import resized
from vos_lab.video import VOID, Video
from vos_lab.view.encoding import encode_png
from vos_lab.view.figures.page import WIDTH, Figure, Page, drawn, fitting
from vos_lab.view.widget import source
from vos_lab.view.widgets.explorer import Explorer, Knob

POSITIVE, NEGATIVE = (222, 45, 38), (33, 102, 205)
LAST = (255, 255, 255)  # the contour of the last mask, on a dark line
OPACITY = 0.62
NAMES = {
    "positive": "positive: surely the object",
    "negative": "negative: far from the last mask",
    "ignored": "ignored",
}
LEGEND = [
    (
        "repeating-linear-gradient(135deg, rgb(222, 45, 38) 0 4px, rgb(250, 190, 186) 4px 6px)",
        NAMES["positive"] + " (stripes)",
    ),
    (
        "radial-gradient(rgb(200, 222, 250) 1.3px, transparent 1.6px) 0 0 / 6px 6px "
        "rgb(33, 102, 205)",
        NAMES["negative"] + " (dots)",
    ),
    ("rgb(150, 150, 150)", NAMES["ignored"] + " (no colour)"),
    ("#fff", "white line: the last mask"),
]


@dataclass(frozen=True)
class Moment:
    """What OnAVOS knows when it chooses what to learn from a frame.

    Attributes:
        number: of the frame in its video.
        frame: ``(h, w, 3)`` uint8, at the size at which the network works.
        probability: how sure the network is of the object, ``(h, w)`` float32, 0 to 1.
        last_mask: the mask of the last frame, ``(h, w)`` bool.
        truth: where the object is, ``(h, w)`` bool; None where nobody knows.

    Raises:
        ValueError: the sizes differ.
    """

    number: int
    frame: np.ndarray
    probability: np.ndarray
    last_mask: np.ndarray
    truth: np.ndarray | None = None

    def __post_init__(self) -> None:
        size = self.frame.shape[:2]
        known = {"probability": self.probability, "last_mask": self.last_mask, "truth": self.truth}
        for name, array in known.items():
            if array is not None and array.shape != size:
                raise ValueError(
                    f"frame {self.number}: {name} has the shape {array.shape}, the frame {size}"
                )


def watch(method: OnAVOS, video: Video, label: int = 1) -> tuple[list[Moment], np.ndarray]:
    """Run OnAVOS, and note for each frame what it knew before it learned from it.

    Args:
        method: has been started on the first frame; goes through the others.
        video: with masks.
        label: of the object to watch.

    Returns:
        What it knew in each frame but the first, and the masks of all, ``(T, H, W)`` uint8, of
        which the first is the true one.

    Raises:
        ValueError: the video has no masks.
    """
    if video.masks is None:
        raise ValueError(f"{video.name}: has no masks to compare with")
    moments, masks = [], [np.asarray(video.masks[0])]
    for t in range(1, len(video)):
        small = resized(video.frames[t], method.size)
        truth = (np.asarray(video.masks[t]) == label).astype(np.float32)
        known = method.probabilities(small)[label], method.last[label].copy()
        moments.append(Moment(t, small, *known, resized(truth, method.size) > 0.5))
        masks.append(method.step(video.frames[t]))
    return moments, np.stack(masks)


def paint_samples(
    frame: np.ndarray, chosen: np.ndarray, last_mask: np.ndarray | None = None, scale: int = 1
) -> np.ndarray:
    """A frame in grey, with what is learned from it in colour.

    Args:
        frame: ``(H, W, 3)`` uint8.
        chosen: ``(H, W)`` uint8: 1 positive (red, striped), 0 negative (blue, dotted), 255 ignored.
        last_mask: ``(H, W)`` bool, drawn as a white line.
        scale: how many pixels of the picture a pixel has, along each side.

    Returns:
        ``(scale * H, scale * W, 3)`` uint8.

    Raises:
        ValueError: the map does not fit the frame, or holds something else.

    Example:
        >>> grey = np.full((1, 3, 3), 100, np.uint8)
        >>> paint_samples(grey, np.array([[0, 255, 1]], np.uint8))[0, 1].tolist()
        [130, 130, 130]
    """
    chosen = checked(chosen, frame.shape[:2])
    height, width = scale * frame.shape[0], scale * frame.shape[1]
    grey = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)
    # Paler, so that the colours stand out from dark ground, too.
    grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_LINEAR) * 0.6 + 70
    large = cv2.resize(chosen, (width, height), interpolation=cv2.INTER_NEAREST)
    picture = np.repeat(grey[..., None], 3, axis=-1)
    rows, columns = np.ogrid[:height, :width]
    step = 4 * max(2, scale)
    stripe = (rows + columns) % step < step // 4
    dot = (rows % step < step // 4) & (
        (columns + step // 2 * (rows // step % 2)) % step < step // 4
    )
    for value, colour, pattern in ((1, POSITIVE, stripe), (0, NEGATIVE, dot)):
        where = large == value
        picture[where] = (1 - OPACITY) * picture[where] + OPACITY * np.array(colour)
        marked = where & pattern
        picture[marked] = 0.5 * picture[marked] + 0.5 * 255
    picture = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    if last_mask is not None:
        _outline(picture, last_mask, scale)
    return picture


def checked(chosen: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """A map of training pixels, if it is one.

    Args:
        chosen: from ``select_training_pixels``.
        size: that it must have.

    Returns:
        ``(H, W)`` uint8.

    Raises:
        ValueError: another size, or values that are not 0, 1 or 255.
    """
    chosen = np.asarray(chosen)
    if chosen.shape != tuple(size):
        raise ValueError(f"the training pixels have the shape {chosen.shape}, the frame {size}")
    other = np.setdiff1d(np.unique(chosen), (0, 1, VOID))
    if other.size:
        raise ValueError(f"a training pixel is 0, 1 or 255, not {other[0]}")
    return chosen.astype(np.uint8)


def counts(
    chosen: np.ndarray, truth: np.ndarray | None = None
) -> dict[str, tuple[float, float | None]]:
    """How much is learned from a frame, and how much of that is right.

    Args:
        chosen: ``(H, W)`` uint8: 1 positive, 0 negative, 255 ignored.
        truth: where the object is, ``(H, W)`` bool.

    Returns:
        For "positive", "negative" and "ignored" the share of all pixels, and the share of them that
        is right: None for what is ignored, where there are none, and where nobody knows.

    Example:
        >>> counts(np.array([[1, 1, 255, 0]], np.uint8), np.array([[True, False, True, False]]))
        {'positive': (0.5, 0.5), 'negative': (0.25, 1.0), 'ignored': (0.25, None)}
    """
    found: dict[str, tuple[float, float | None]] = {}
    for name, value in (("positive", 1), ("negative", 0), ("ignored", VOID)):
        where = chosen == value
        right = None
        if truth is not None and value != VOID and where.any():
            right = float((truth[where] == bool(value)).mean())
        found[name] = float(where.mean()), right
    return found


def sample_figure(
    moment: Moment,
    chosen: np.ndarray,
    sure: float,
    far: float,
    *,
    title: str,
    alt: str = "",
) -> Figure:
    """What is learned from a frame, beside the two things that decide it.

    Args:
        moment: what was known about the frame.
        chosen: ``(H, W)`` uint8: 1 positive, 0 negative, 255 ignored.
        sure: the probability from which on a pixel is positive.
        far: the distance from which on it is negative, pixels.
        title: a sentence that says what to see.
        alt: what the picture shows, in words.

    Returns:
        The figure: the sample map, and smaller the probability and the distance.

    Raises:
        ValueError: there is no ``alt``.
    """
    size = moment.frame.shape[:2]
    gap, line, legend = 18, 24, 30
    large = fitting(size, 580, 420)
    small = fitting(size, WIDTH - 580 - gap, (large[0] - gap - line) / 2)
    scale = max(1, round(drawn(large)[0] / size[0]))
    sides = {
        f"how sure it is (white line: {sure:.2f})": probability_picture(moment, sure, scale),
        f"distance from the last mask (line: {far:.0f} px)": distance_picture(moment, far, scale),
    }
    with Page(title, alt, legend + max(large[0], 2 * (small[0] + line) + gap)) as page:
        page.legend(
            {
                NAMES["positive"]: tuple(c / 255 for c in POSITIVE),
                NAMES["negative"]: tuple(c / 255 for c in NEGATIVE),
                NAMES["ignored"]: (0.62, 0.62, 0.62),
            }
        )
        samples = paint_samples(moment.frame, chosen, moment.last_mask, scale)
        page.picture(resized(samples, drawn(large)), 0, legend, frame=True)
        for number, (name, picture) in enumerate(sides.items()):
            top = legend + number * (small[0] + line + gap)
            page.text(large[1] + gap, top, name, va="top", fontsize=11)
            where = large[1] + gap, top + line
            page.picture(resized(picture, drawn(small)), *where, frame=True)
        return page.finished(photographic=True)


def probability_picture(moment: Moment, sure: float, scale: int = 1) -> np.ndarray:
    """How sure the network is: dark 0, bright 1, and a white line around what is sure.

    Args:
        moment: what was known about the frame.
        sure: where the line is.
        scale: pixels of the picture for each pixel, along each side.

    Returns:
        ``(scale * H, scale * W, 3)`` uint8.
    """
    picture = _heat(moment.probability, scale)
    _outline(picture, moment.probability >= sure, scale)
    return picture


def distance_picture(moment: Moment, far: float, scale: int = 1) -> np.ndarray:
    """How far each pixel is from the last mask: dark 0, bright far, and a white line at ``far``.

    Args:
        moment: what was known about the frame.
        far: where the line is, pixels.
        scale: pixels of the picture for each pixel, along each side.

    Returns:
        ``(scale * H, scale * W, 3)`` uint8; all dark where the last mask is empty.
    """
    size = moment.last_mask.shape
    distance: np.ndarray = np.zeros(size, np.float32)
    if moment.last_mask.any():
        outside = (~moment.last_mask).astype(np.uint8)
        distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    picture = _heat(distance / max(1.0, float(np.hypot(*size)) / 2), scale)
    _outline(picture, distance > far, scale)
    return picture


def _heat(share: np.ndarray, scale: int) -> np.ndarray:
    large = cv2.resize(share, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    colours = matplotlib.colormaps["cividis"](np.clip(large, 0, 1))[..., :3]
    return np.ascontiguousarray((colours * 255).astype(np.uint8))


def _outline(picture: np.ndarray, mask: np.ndarray, scale: int) -> None:
    """Draw the contour of a mask into a picture: white, on a dark line."""
    height, width = picture.shape[:2]
    large = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    contours = cv2.findContours(large, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]
    thick = max(1, scale // 2)
    cv2.drawContours(picture, contours, -1, (20, 20, 20), thick + 2, cv2.LINE_AA)
    cv2.drawContours(picture, contours, -1, LAST, thick, cv2.LINE_AA)


class SampleMap(Explorer):
    """What OnAVOS learns from a frame, with its two thresholds and the frame as sliders.

    Calls ``select_training_pixels``, so it runs on your own once its check has passed.

    Args:
        moments: what OnAVOS knew in each frame, from :func:`watch`.
        sure: from this probability on, a pixel is a positive example.
        far: pixels; beyond this distance from the last mask it is a negative one. By default as
            OnAVOS does it.
        frame: number of the frame to begin with; by default the last one.
        title: a line above the pictures.

    Attributes:
        moment: what is shown.
        chosen: the map, ``(H, W)`` uint8: 1 positive, 0 negative, 255 ignored.

    Raises:
        ValueError: there are no moments, or a value outside its range.

    Example:
        >>> frame, near = np.zeros((20, 30, 3), np.uint8), np.eye(20, 30, dtype=bool)
        >>> samples = SampleMap([Moment(1, frame, near.astype(np.float32), near)], far=5)
        >>> samples.values = {"sure": 1.0, "far": 2}
        >>> int((samples.chosen == 1).sum())
        20
    """

    _css = source("widgets/explorer.css", "widgets/onavos.css")

    def __init__(
        self,
        moments: Sequence[Moment],
        sure: float = MIN_CONFIDENCE,
        far: float | None = None,
        frame: int | None = None,
        title: str = "What would you learn from this frame?",
    ) -> None:
        if not moments:
            raise ValueError(
                "there is no frame to choose from: pass what watch(method, video) returns"
            )
        self.moments = {moment.number: moment for moment in moments}
        numbers = sorted(self.moments)
        if numbers != list(range(numbers[0], numbers[-1] + 1)):
            raise ValueError(f"a frame is missing between {numbers[0]} and {numbers[-1]}")
        height, width = moments[0].frame.shape[:2]
        most = round(float(np.hypot(height, width)) / 2)
        far = round(MIN_DISTANCE * float(np.sqrt(height * width))) if far is None else far
        frame = numbers[-1] if frame is None else frame
        self._scale = max(1, min(4, 800 // width))
        super().__init__(
            title,
            [
                Knob(
                    "frame", "Frame", "the frame that is shown", frame, numbers[0], numbers[-1], 1
                ),
                Knob("sure", "Sure", "positive from this probability on", sure, 0.5, 1.0, 0.01),
                Knob("far", "Far", "negative beyond this distance", far, 0, most, 1, " px"),
            ],
            _actions=[("reset", "Reset", "Put every knob back")],
            _legend=LEGEND,
        )

    def show(self) -> None:
        """Choose the training pixels of the frame, and paint them."""
        sure, far = float(self.values["sure"]), float(self.values["far"])
        self.moment = moment = self.moments[round(self.values["frame"])]
        self.chosen = checked(
            select_training_pixels(moment.probability, moment.last_mask, sure, far),
            moment.frame.shape[:2],
        )
        scale = self._scale
        samples = paint_samples(moment.frame, self.chosen, moment.last_mask, scale)
        probability = probability_picture(moment, sure, scale)
        distance = distance_picture(moment, far, scale)
        self._pictures = [
            (f"What is learned from frame {moment.number}", self._words(), encode_png(samples)),
            ("How sure it is (line: sure)", "probability of each pixel", encode_png(probability)),
            ("Distance (line: far)", "distance from the last mask", encode_png(distance)),
        ]
        rows: list[Any] = []
        for name, (share, right) in counts(self.chosen, moment.truth).items():
            known = "" if right is None else f"; {right:.1%} of them are right"
            rows.append((name, share, f"{share:.0%}", f"of all pixels{known}"))
        self._numbers = rows

    def figure(self) -> Figure:
        """The map of the frame, for a page without a kernel."""
        sure, far = float(self.values["sure"]), float(self.values["far"])
        title = f"Frame {self.moment.number}: sure from {sure:.2f}, far from {far:.0f} pixels"
        return sample_figure(self.moment, self.chosen, sure, far, title=title, alt=self._words())

    def _words(self) -> str:
        shares = {name: share for name, (share, _) in counts(self.chosen).items()}
        return (
            f"Frame {self.moment.number} in grey: {shares['positive']:.0%} of its pixels are red "
            f"and striped, positive examples; {shares['negative']:.0%} are blue and dotted, "
            f"negative ones; {shares['ignored']:.0%} have no colour and are ignored."
        )

    def __repr__(self) -> str:
        return f"SampleMap: {self._words()}"
