"""Mask propagation: flow carries the last mask into the next frame.

Optical flow says where each pixel comes from, so the mask can come from there too. Nothing else is
needed, and nothing else corrects it: each frame inherits the mistakes of the one before. Two cheap
helpers slow that down: the colours of the first frame, and a filter that pulls the contour to the
edges of the image.
"""

import cv2
import numpy as np

from vos_lab.exercise import exercise
from vos_lab.flow import estimate, lands_inside, warp
from vos_lab.flow.warp import consistency_mask
from vos_lab.methods.colour_model import ColourModel
from vos_lab.methods.resolution import blurred, label_map, resized, soft_masks, working_size
from vos_lab.methods.segmenter import check_mask


@exercise(minutes=10, difficulty=2, importance=5)
def propagate_mask(mask: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Carry a soft mask from the last frame into this one.

    Args:
        mask: how much of each pixel of the *last* frame is object, ``(H, W)`` float32, 0 to 1.
        flow: ``(H, W, 2)`` float32, pixels, from *this* frame back to the last one.

    Returns:
        The soft mask of this frame, ``(H, W)`` float32, 0 to 1; 0 for what comes from outside.

    Example:
        >>> from_the_left = np.tile(np.float32([-0.5, 0]), (1, 4, 1))
        >>> propagate_mask(np.float32([[0, 1, 0, 0]]), from_the_left).tolist()
        [[0.0, 0.5, 0.5, 0.0]]
    """
    # Step 1: for each pixel of this frame, look up the mask where the flow says it was. Between
    # pixels, mix and do not round: otherwise a motion of 0.4 pixels a frame would be lost.
    carried = warp(mask, flow)
    # Step 2: pixels that come from outside the image get 0, because nothing is known about them.
    return np.where(lands_inside(flow), carried, 0).astype(np.float32)


CONTOUR_BLUR, FILTER_RADIUS = 0.006, 0.025
"""How far colour may move a contour, and the radius of the filter: shares of the mean side."""

MAX_COLOUR_ODDS = 3.0
"""Log-odds: no single colour says more."""

SHARPNESS = 14.0
"""How steep a soft mask is where it crosses one half."""

MIN_PROBABILITY = 0.001
"""No soft mask is surer than this or its opposite: a later frame must be able to correct it."""


def log_odds(share: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)), so that evidence of several kinds can be added."""
    share = np.clip(share, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    return np.log(share / (1 - share))


def sigmoid(odds: np.ndarray) -> np.ndarray:
    """Back from log-odds to 0 to 1."""
    return 1 / (1 + np.exp(-odds))


def guided_filter(guide: np.ndarray, soft: np.ndarray, radius: int, epsilon: float) -> np.ndarray:
    """Smooth a soft mask, but not across the edges of an image (He et al., ECCV 2010, Eq. 5-8).

    In each window the mask is taken for a linear function of brightness, a * guide + b: it can
    change only where brightness does.

    Args:
        guide: brightness, ``(H, W)`` float32, 0 to 255.
        soft: ``(H, W)`` float32.
        radius: of the windows, pixels.
        epsilon: variance of the brightness, in square grey levels, that is still no edge.

    Returns:
        ``(H, W)`` float32.
    """

    def mean(image: np.ndarray) -> np.ndarray:
        return cv2.blur(image, (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_REFLECT)

    mean_guide, mean_soft = mean(guide), mean(soft)
    together = mean(guide * soft) - mean_guide * mean_soft
    variance = mean(guide * guide) - mean_guide**2
    a = together / (variance + epsilon)
    b = mean_soft - a * mean_guide
    return mean(a) * guide + mean(b)


class FlowPropagation:
    """Mask propagation as a Segmenter.

    Args:
        colour: weight of the colours of the first frame; 0 leaves them out.
        filtered: whether to pull contours to the edges of the image.
        unseen: what to think of a pixel whose two flows, there and back, disagree: "trust" the
            flow all the same, take it for "background", or ask "colour" alone.
    """

    name = "flow-propagation"

    def __init__(self, colour: float = 0.5, filtered: bool = True, unseen: str = "trust") -> None:
        if unseen not in ("trust", "background", "colour"):
            raise ValueError(f"unseen is 'trust', 'background' or 'colour', not {unseen!r}")
        self.colour, self.filtered, self.unseen = colour, filtered, unseen

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Take the first masks, and their colours."""
        mask = check_mask(self.name, frame, mask)
        self.size = working_size(frame.shape)
        self.last = resized(frame, self.size)
        self.soft: dict[int, np.ndarray] = {}
        self.colours: dict[int, ColourModel] = {}
        self.add(frame, mask)

    def add(self, frame: np.ndarray, mask: np.ndarray) -> None:
        """Take up objects, at the start or later."""
        check_mask(self.name, frame, mask)
        small = resized(frame, self.size)
        for label, soft in soft_masks(mask, self.size).items():
            self.soft[label] = soft
            self.colours[label] = ColourModel(small, soft)

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Carry all masks into the next frame."""
        small = resized(frame, self.size)
        flow = estimate(small, self.last, "dis")  # backward: from this frame to the last
        seen = np.ones(self.size, bool)
        if self.unseen != "trust":
            seen = consistency_mask(flow, estimate(self.last, small, "dis"))
        self.soft = {
            label: self._carried(soft, flow, seen, small, self.colours[label])
            for label, soft in self.soft.items()
        }
        self.last = small
        return label_map(self.soft, frame.shape[:2])

    def _carried(
        self,
        soft: np.ndarray,
        flow: np.ndarray,
        seen: np.ndarray,
        frame: np.ndarray,
        colours: ColourModel,
    ) -> np.ndarray:
        soft = propagate_mask(soft, flow)
        if self.unseen == "background":
            soft = np.where(seen, soft, 0)
        if self.colour:
            # Flow is a pixel or two wrong at the contour: near it, colour decides.
            place = log_odds(blurred(soft, CONTOUR_BLUR))
            if self.unseen == "colour":
                place = np.where(seen, place, 0)
            odds = place + self.colour * np.clip(
                colours.log_odds(frame), -MAX_COLOUR_ODDS, MAX_COLOUR_ODDS
            )
            soft = sigmoid(odds)
        if self.filtered:
            radius = max(1, round(FILTER_RADIUS * soft.size**0.5))
            grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
            soft = np.clip(guided_filter(grey, soft.astype(np.float32), radius, 50.0), 0, 1)
            # Each filter blurs a little. Without this, a mask would fade away frame by frame.
            soft = sigmoid(SHARPNESS * (soft - 0.5))
        return soft.astype(np.float32)
