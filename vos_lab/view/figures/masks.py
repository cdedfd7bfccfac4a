"""Right and wrong: which pixels and which boundaries of a mask match the true ones."""

import cv2
import numpy as np

from vos_lab.methods.resolution import resized
from vos_lab.metrics.masks import boundary_radius, mask_boundary
from vos_lab.metrics.pixels import dilate_disk
from vos_lab.video import VOID, as_label_map
from vos_lab.view.figures.page import (
    WIDTH,
    Figure,
    Page,
    drawn,
    fitting,
    object_colour,
)

# Grey for what is right; orange and dark blue differ in lightness too, so nobody mixes them up.
HIT, FALSE_ALARM, MISS = (90, 90, 90), (230, 159, 0), (0, 94, 158)
PAPER, BAND = (255, 255, 255), (205, 222, 233)


def comparison(
    prediction: np.ndarray, truth: np.ndarray, frame: np.ndarray | None = None
) -> np.ndarray:
    """Paint which pixels of a prediction are right and which are wrong.

    Args:
        prediction: binary mask, ``(H, W)`` bool.
        truth: the same for the true object.
        frame: image to paint over, ``(H, W, 3)`` uint8; it turns pale grey.

    Returns:
        ``(H, W, 3)`` uint8: right pixels grey (``HIT``), false alarms orange (``FALSE_ALARM``),
        missed ones blue (``MISS``).

    Example:
        >>> comparison(np.array([[True, False]]), np.array([[False, False]])).tolist()
        [[[230, 159, 0], [255, 255, 255]]]
    """
    picture = np.full((*truth.shape, 3), PAPER, np.uint8)
    opacity = 1.0
    if frame is not None:
        grey = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)
        picture, opacity = np.repeat((153 + grey[..., None] * 0.4).astype(np.uint8), 3, 2), 0.75
    for where, colour in (
        (prediction & truth, HIT),
        (prediction & ~truth, FALSE_ALARM),
        (~prediction & truth, MISS),
    ):
        picture[where] = (1 - opacity) * picture[where] + opacity * np.array(colour)
    return picture


def compare_masks(
    prediction: np.ndarray,
    truth: np.ndarray,
    frame: np.ndarray | None = None,
    *,
    title: str,
    alt: str = "",
) -> Figure:
    """Which pixels of a prediction are right, which are false alarms, which are missed.

    Args:
        prediction: binary mask, ``(H, W)`` bool; a label map counts all its objects.
        truth: the same for the true object; pixels with 255 (void) are left out.
        frame: image behind the masks, ``(H, W, 3)`` uint8.
        title: a sentence that says what to see.
        alt: what the picture shows, in words.

    Returns:
        The figure, with the number of pixels of each kind.

    Raises:
        ValueError: no ``alt``, or masks of two sizes.

    Example:
        >>> full, half = np.ones((4, 4), bool), np.eye(4, dtype=bool)
        >>> compare_masks(half, full, title="Mostly missed.", alt="A diagonal in a square.")
        <figure: A diagonal in a square.>
    """
    prediction, truth = _two_binary(prediction, truth)
    counts = {
        f"right: {(prediction & truth).sum():,} pixels": object_colour(HIT),
        f"false alarm: {(prediction & ~truth).sum():,} pixels": object_colour(FALSE_ALARM),
        f"missed: {(~prediction & truth).sum():,} pixels": object_colour(MISS),
    }
    shown, legend = fitting(truth.shape, WIDTH, 380), 34
    size = drawn(shown)
    if frame is not None and size[0] > frame.shape[0]:
        # A frame is enlarged smoothly; of the masks, every pixel stays a square.
        frame = resized(frame, size)
        prediction, truth = (_enlarged(m.astype(np.uint8), size) > 0 for m in (prediction, truth))
    picture = comparison(prediction, truth, frame)
    with Page(title, alt, legend + shown[0]) as page:
        page.legend(counts)
        page.picture(_enlarged(without_paper(picture), size), 0, legend, frame=True)
        return page.finished(photographic=frame is not None)


def boundary_matches(
    prediction: np.ndarray, truth: np.ndarray, tolerance: float = 0.008
) -> dict[str, np.ndarray]:
    """The two boundaries, the band around each, and where each lies in the other's band.

    Args:
        prediction: binary mask, ``(H, W)`` bool.
        truth: the same for the true object.
        tolerance: of F: below 1 a share of the diagonal, else pixels.

    Returns:
        ``(H, W)`` bool maps: ``prediction`` and ``truth`` are the boundaries,
        ``prediction_band`` and ``truth_band`` all that is near enough to them.
    """
    radius = boundary_radius(truth.shape, tolerance)
    found = {"prediction": mask_boundary(prediction), "truth": mask_boundary(truth)}
    bands = {f"{name}_band": dilate_disk(boundary, radius) for name, boundary in found.items()}
    return found | bands


def paint_boundary(
    lines: np.ndarray, band: np.ndarray, wrong: tuple[int, int, int], width: int = 1
) -> np.ndarray:
    """A boundary over the band in which it should lie: dark where it does, coloured where not.

    Args:
        lines: boundary, ``(H, W)`` bool.
        band: where it counts as matched, ``(H, W)`` bool.
        wrong: the colour of what is not matched.
        width: of the line that is drawn, in pixels.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    picture = np.full((*lines.shape, 3), PAPER, np.uint8)
    picture[band] = BAND
    for part, colour in ((lines & band, HIT), (lines & ~band, wrong)):
        thick = cv2.dilate(part.astype(np.uint8), np.ones((width, width), np.uint8))
        picture[thick > 0] = colour
    return picture


def boundary_figure(
    prediction: np.ndarray,
    truth: np.ndarray,
    tolerance: float = 0.008,
    *,
    title: str,
    alt: str = "",
    zoom: tuple[int, int, int, int] | None = None,
) -> Figure:
    """How F looks at two masks: each boundary against the band around the other one.

    Args:
        prediction: binary mask, ``(H, W)`` bool; a label map counts all its objects.
        truth: the same for the true object.
        tolerance: of F: below 1 a share of the diagonal, else pixels.
        title: a sentence that says what to see.
        alt: what the picture shows, in words.
        zoom: the part to show: top, left, height, width; by default what holds both boundaries.

    Returns:
        The figure: precision on the left, recall on the right.

    Raises:
        ValueError: no ``alt``, or masks of two sizes.
    """
    prediction, truth = _two_binary(prediction, truth)
    found = boundary_matches(prediction, truth, tolerance)
    top, left, height, width = zoom or _around(found["truth_band"] | found["prediction_band"])
    part = np.s_[max(0, top) : top + height, max(0, left) : left + width]
    halves = [
        ("Precision: the predicted boundary", "prediction", "truth", FALSE_ALARM),
        ("Recall: the true boundary", "truth", "prediction", MISS),
    ]
    gap, legend, name = 24, 34, 44
    shown = fitting(truth[part].shape, (WIDTH - gap) / 2, 420)
    colours = {
        "near the other boundary": BAND,
        "matched": HIT,
        "false alarm": FALSE_ALARM,
        "missed": MISS,
    }
    with Page(title, alt, legend + name + shown[0]) as page:
        page.legend({what: object_colour(colour) for what, colour in colours.items()})
        for i, (what, lines, other, wrong) in enumerate(halves):
            x = i * (WIDTH + gap) / 2
            matched = int((found[lines] & found[f"{other}_band"]).sum())
            text = f"{what}\n{matched:,} of {int(found[lines].sum()):,} pixels matched"
            page.text(x, legend, text, va="top")
            picture = paint_boundary(found[lines][part], found[f"{other}_band"][part], wrong)
            page.picture(
                _enlarged(without_paper(picture), drawn(shown)), x, legend + name, frame=True
            )
        return page.finished(photographic=False)


def _two_binary(prediction: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    prediction, truth = as_label_map(prediction, "prediction"), as_label_map(truth, "truth")
    if prediction.shape != truth.shape:
        raise ValueError(f"the prediction has the shape {prediction.shape}, truth {truth.shape}")
    known = truth != VOID
    return (prediction > 0) & known, (truth > 0) & known


def without_paper(picture: np.ndarray) -> np.ndarray:
    """Without its paper, ``(H, W, 4)``: a figure stands on the ground of its page."""
    return np.dstack([picture, 255 * (picture != PAPER).any(axis=-1).astype(np.uint8)])


def _enlarged(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Larger with every pixel as a square, or smaller as the mean of the pixels."""
    way = cv2.INTER_NEAREST if size[0] >= picture.shape[0] else cv2.INTER_AREA
    return cv2.resize(picture, (size[1], size[0]), interpolation=way)


def _around(where: np.ndarray) -> tuple[int, int, int, int]:
    """The box around what is set, with a margin: top, left, height, width."""
    if not where.any():
        return 0, 0, *where.shape
    rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
    top, left = max(0, int(rows[0]) - 4), max(0, int(columns[0]) - 4)
    return top, left, int(rows[-1]) + 5 - top, int(columns[-1]) + 5 - left
