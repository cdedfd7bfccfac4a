"""Damage a mask, and see J and F answer differently."""

import cv2
import numpy as np

from vos_lab import metrics
from vos_lab.metrics.masks import boundary_radius
from vos_lab.video import VOID, as_label_map
from vos_lab.view import figures
from vos_lab.view.encoding import encode_png
from vos_lab.view.figures import Figure
from vos_lab.view.widgets.explorer import Explorer, Knob, hex_colour

CHANGES = [
    Knob("erode", "Erode", "takes a layer off the object", 0, 0, 20, 1, " px", "Change the mask"),
    Knob("dilate", "Dilate", "adds a layer around it", 0, 0, 20, 1, " px", "Change the mask"),
    Knob("right", "Shift to the right", "", 0, -30, 30, 1, " px", "Change the mask"),
    Knob("down", "Shift down", "", 0, -30, 30, 1, " px", "Change the mask"),
    Knob("hole", "Hole", "its radius, in the thickest part", 0, 0, 30, 1, " px", "Change the mask"),
    Knob(
        "rough",
        "Rough boundary",
        "how long its spikes are at most",
        0,
        0,
        15,
        1,
        " px",
        "Change the mask",
    ),
]


def change_mask(
    mask: np.ndarray,
    erode: float = 0,
    dilate: float = 0,
    right: int = 0,
    down: int = 0,
    hole: float = 0,
    rough: float = 0,
) -> np.ndarray:
    """Damage a mask in the ways in which predictions go wrong, one after the other.

    Args:
        mask: binary mask, ``(H, W)`` bool.
        erode: how far the boundary moves in, in pixels.
        dilate: how far it then moves out.
        right: shift to the right; what leaves the image is gone.
        down: shift down.
        hole: radius of a hole in the thickest part.
        rough: length of the spikes along the boundary.

    Returns:
        ``(H, W)`` bool.

    Example:
        >>> square = np.zeros((9, 9), bool)
        >>> square[2:7, 2:7] = True
        >>> change_mask(square, erode=1).sum(), change_mask(square, right=4).sum()
        (np.int64(9), np.int64(15))
    """
    if hole and mask.any():
        inside = _depth(mask)
        y, x = np.unravel_index(inside.argmax(), mask.shape)
        rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
        mask = mask & ((rows - y) ** 2 + (columns - x) ** 2 > hole**2)
    if erode:
        mask = _depth(mask) > erode
    if dilate:
        mask = _depth(~mask) <= dilate
    if rough:
        inside, outside = (
            _at_nearest(_noise(mask.shape), mask),
            _at_nearest(_noise(mask.shape), ~mask),
        )
        mask = np.where(mask, _depth(mask) > -rough * inside, _depth(~mask) <= rough * outside)
    shifted = np.zeros_like(mask)
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    stays = (
        (rows + down >= 0)
        & (rows + down < height)
        & (columns + right >= 0)
        & (columns + right < width)
    )
    shifted[rows[stays] + int(down), columns[stays] + int(right)] = True
    return shifted


def _depth(mask: np.ndarray) -> np.ndarray:
    """How far each pixel of a mask is from the nearest pixel outside it."""
    if mask.all():
        return np.full(mask.shape, np.inf)
    return cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def _noise(shape: tuple[int, ...]) -> np.ndarray:
    """Waves of about six pixels between -1 and 1, the same each time."""
    height, width = shape
    coarse = np.random.default_rng(0).uniform(-1, 1, (height // 3 + 2, width // 3 + 2))
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def _at_nearest(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """At each pixel of a mask the value of the nearest pixel outside, so that spikes hold on."""
    if mask.all():
        return np.zeros(mask.shape)
    labels = cv2.distanceTransformWithLabels(
        mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )[1]
    of_label = np.zeros(labels.max() + 1)
    of_label[labels[~mask]] = values[~mask]
    return of_label[labels]


class MetricPlayground(Explorer):
    """Damage a mask and see J and F answer differently.

    Calls ``vos_lab.metrics``, so it runs on your own functions once their checks have passed.

    Args:
        mask: the true mask, ``(H, W)`` bool, or a label map of which all objects count; by default
            an animal in 180 x 320 pixels.
        tolerance: of F: below 1 a share of the diagonal, else pixels.

    Attributes:
        changed: the damaged mask, ``(H, W)`` bool.
        scores: J, F, and the boundary precision and recall, of the damaged mask.

    Raises:
        ValueError: the mask is no label map, or empty.

    Example:
        >>> playground = MetricPlayground()
        >>> playground.scores["J"]
        1.0
        >>> playground.values = {"hole": 20}
        >>> playground.scores["J"] < 0.9
        True
    """

    def __init__(self, mask: np.ndarray | None = None, tolerance: float = 0.008) -> None:
        labels = as_label_map(animal() if mask is None else mask)
        self.mask = (labels > 0) & (labels != VOID)
        if not self.mask.any():
            raise ValueError("the mask is empty: there is nothing to change")
        self.changed = self.mask
        self.scores: dict[str, float] = {}
        radius = boundary_radius(self.mask.shape, tolerance)
        usual = boundary_radius(self.mask.shape)
        y, x = np.nonzero(self.mask)
        # The part around the object. It stays the same, so that nothing jumps.
        self._part = (
            slice(max(0, int(y.min()) - 30), int(y.max()) + 31),
            slice(max(0, int(x.min()) - 30), int(x.max()) + 31),
        )
        hint = f"DAVIS: 0.8 % of the diagonal, {usual} px here"
        knob = Knob(
            "tolerance",
            "Tolerance of F",
            hint,
            min(radius, 20),
            1,
            20,
            1,
            " px",
            "Change the measure",
        )
        super().__init__(
            "J and F under the same damage",
            [*CHANGES, knob],
            _actions=[("reset", "Reset", "Put every knob back")],
            _legend=[
                (hex_colour(figures.HIT), "right"),
                (hex_colour(figures.FALSE_ALARM), "false alarm"),
                (hex_colour(figures.MISS), "missed"),
                (hex_colour(figures.BAND), "near enough to the other boundary"),
            ],
        )

    def show(self) -> None:
        """Change the mask, measure it, and paint what the two measures look at."""
        changes = {knob.name: self.values[knob.name] for knob in CHANGES}
        tolerance = self.values["tolerance"]
        self.changed = change_mask(self.mask, **changes)
        precision, recall = metrics.boundary_precision_recall(
            self.changed, self.mask, tolerance=tolerance
        )
        self.scores = {
            "J": float(metrics.jaccard(self.changed, self.mask)),
            "F": float(metrics.boundary_f(self.changed, self.mask, tolerance=tolerance)),
            "precision": precision,
            "recall": recall,
        }
        found = figures.boundary_matches(self.changed, self.mask, tolerance)
        pixels = figures.comparison(self.changed, self.mask)
        predicted = figures.paint_boundary(
            found["prediction"], found["truth_band"], figures.FALSE_ALARM, width=2
        )
        true = figures.paint_boundary(
            found["truth"], found["prediction_band"], figures.MISS, width=2
        )
        self._pictures = [
            ("What J sees: all pixels", "right and wrong pixels", self._png(pixels)),
            ("Precision: the predicted boundary", "the predicted boundary", self._png(predicted)),
            ("Recall: the true boundary", "the true boundary", self._png(true)),
        ]
        helps = {
            "J": "pixels in both masks, as a share of those in at least one",
            "F": "the harmonic mean of the two below",
            "precision": "share of the predicted boundary near the true one",
            "recall": "share of the true boundary near the predicted one",
        }
        self._numbers = [(n, v, f"{v:.3f}", helps[n]) for n, v in self.scores.items()]

    def figure(self) -> Figure:
        """The pixels that are right and wrong, with J and F."""
        scores = self.scores
        return figures.compare_masks(
            self.changed[self._part],
            self.mask[self._part],
            title=f"J is {scores['J']:.3f}, F is {scores['F']:.3f}.",
            alt=f"A mask beside the true one: J {scores['J']:.3f}, F {scores['F']:.3f}, boundary "
            f"precision {scores['precision']:.3f} and recall {scores['recall']:.3f}.",
        )

    def _png(self, picture: np.ndarray) -> bytes:
        return encode_png(picture[self._part])

    def __repr__(self) -> str:
        return "MetricPlayground: " + ", ".join(f"{n} {v:.3f}" for n, v in self.scores.items())


def animal() -> np.ndarray:
    """A made-up animal: thick in the body and thin in the legs and the tail.

    Returns:
        ``(180, 320)`` bool.
    """
    mask = np.zeros((180, 320), np.uint8)
    cv2.ellipse(mask, (155, 88), (62, 30), 0, 0, 360, 1, -1)  # body
    cv2.ellipse(mask, (213, 62), (14, 34), 40, 0, 360, 1, -1)  # neck
    cv2.ellipse(mask, (238, 46), (25, 14), 12, 0, 360, 1, -1)  # head
    cv2.fillPoly(mask, [np.array([(218, 40), (222, 18), (232, 36)])], 1)  # ear
    for top, bottom in (
        ((112, 100), (100, 152)),
        ((130, 110), (134, 154)),
        ((180, 108), (176, 154)),
        ((202, 96), (216, 150)),
    ):
        cv2.line(mask, top, bottom, 1, 9)
        cv2.line(mask, bottom, (bottom[0] + 7, bottom[1]), 1, 7)
    cv2.polylines(mask, [np.array([(96, 82), (78, 74), (66, 52), (70, 40)])], False, 1, 5)  # tail
    return mask.astype(bool)
