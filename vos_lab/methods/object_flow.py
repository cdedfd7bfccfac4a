"""Object flow: segmentation and flow improve each other, in turn.

Tsai, Yang and Black, "Video Segmentation via Object Flow", CVPR 2016. A better mask gives better
flow, because the flow of an object can be estimated without its surroundings, which move otherwise.
Better flow gives a better mask, because it carries the last one to the right place. No deep
learning: the mask is the minimum of an energy, found exactly by a minimum cut,

    E(x) = sum over pixels of U(x_i) + sum over neighbours of V(x_i, x_j)          (Eq. 1)

where U asks colour and location, and V asks for a short contour along the edges of the image.

In the paper pixels and superpixels vote together, appearance is learned on the features of a deep
network, flow is a layered model, and neighbours reach into the last frame; here there are pixels
alone, histograms of colour, and a matcher (DIS) that sees nothing but the object.
"""

import cv2
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from vos_lab.exercise import exercise
from vos_lab.flow import estimate, warp
from vos_lab.methods.colour_model import ColourModel
from vos_lab.methods.flow_propagation import log_odds, propagate_mask
from vos_lab.methods.resolution import blurred, label_map, resized, soft_masks, working_size
from vos_lab.methods.segmenter import check_mask

COLOUR_WEIGHT = 0.5
"""Weight of colour in U; that of location is 1."""

MAX_LOG_ODDS = 2.0
"""Log-odds: no single colour says more."""

PLACE_SIGMA = 0.006
"""How far the contour may be from where flow puts it, as a share of the mean side of the image."""

SMOOTH, EDGES = 1.0, 4.0
"""Weights in V of any contour, and of one where the image has no edge."""

GONE = 0.3
"""Where colour speaks for a smaller share of a mask, that is no longer the object. The paper has no
such rule; chosen on validation seeds."""


@exercise(minutes=20, difficulty=3, importance=5)
def object_flow_step(
    frame: np.ndarray,
    last: np.ndarray,
    last_mask: np.ndarray,
    flow: np.ndarray,
    colour: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """One turn: from flow to a mask, and from the mask to better flow (Tsai et al., CVPR 2016).

    Args:
        frame: this frame, ``(H, W, 3)`` uint8.
        last: the frame before it, the same.
        last_mask: the object in the last frame, ``(H, W)`` bool.
        flow: ``(H, W, 2)`` float32, pixels, from this frame back to the last: the best so far.
        colour: what colour says, log-odds for the object, ``(H, W)`` float32.

    Returns:
        The mask of this frame, ``(H, W)`` bool, and the flow, ``(H, W, 2)`` float32: new where
        that is better on the object, and as it was elsewhere.
    """
    # Step 1: flow carries the last mask here. The place is not exact, so it is ``blurred`` by
    # PLACE_SIGMA.
    place = blurred(propagate_mask(last_mask.astype(np.float32), flow), PLACE_SIGMA)
    # Step 2: add the evidence of place (its log-odds) and of colour: COLOUR_WEIGHT times what it
    # says, limited to ±MAX_LOG_ODDS.
    evidence = log_odds(place) + COLOUR_WEIGHT * np.clip(colour, -MAX_LOG_ODDS, MAX_LOG_ODDS)
    # Step 3: the mask that agrees best with the evidence and has a short contour along edges.
    mask = minimum_cut(evidence, *contour_costs(frame))
    # Step 4: estimate flow again, on the object alone.
    own = flow_of_object(frame, last, mask, last_mask)
    # Step 5: use it on the object, where it explains the picture better than the flow so far.
    # (Where the mask is wrong, its flow is wrong, too.)
    better = mask & (mismatch(frame, last, own) < mismatch(frame, last, flow))
    return mask, np.where(better[..., None], own, flow)


def contour_costs(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What it costs to let the contour pass between two neighbours: less where colour changes.

    SMOOTH + EDGES exp(-|difference of colour|² / (2 mean |difference|²)) (Rother et al., GrabCut,
    SIGGRAPH 2004, Eq. 5 and 11).

    Args:
        frame: ``(H, W, 3)`` uint8.

    Returns:
        Of each pixel and the one to the right, ``(H, W - 1)``, and of each and the one below,
        ``(H - 1, W)``; float32.
    """
    image = frame.astype(np.float32)
    across = (np.diff(image, axis=1) ** 2).sum(axis=-1)
    down = (np.diff(image, axis=0) ** 2).sum(axis=-1)
    usual = (across.sum() + down.sum()) / max(across.size + down.size, 1) + 1e-6
    return tuple(SMOOTH + EDGES * np.exp(-part / (2 * usual)) for part in (across, down))


def minimum_cut(evidence: np.ndarray, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """The mask of the least energy: against the evidence as little as possible, short contour.

    Each pixel is a node. The source pulls it with the evidence for the object, the sink with that
    against, and neighbours hold together by what a contour between them costs. The cheapest way to
    cut source from sink is the best of all masks (Greig et al., 1989; Boykov and Jolly, ICCV 2001).

    Args:
        evidence: log-odds for the object, ``(H, W)`` float32.
        across: cost of a contour between a pixel and the one to its right, ``(H, W - 1)``.
        down: the same for the one below, ``(H - 1, W)``.

    Returns:
        ``(H, W)`` bool.

    Example:
        >>> weak_in_the_middle = np.float32([[3, -1, 3, -3]])
        >>> minimum_cut(weak_in_the_middle, np.ones((1, 3)), np.ones((0, 4))).astype(int).tolist()
        [[1, 1, 1, 0]]
    """
    mask = np.zeros(evidence.shape, bool)
    if not (evidence > 0).any():
        return mask
    # Far from everything that may be object the answer is known, and the graph stays small. One
    # more pixel all around: a contour at the end of the window has its price too.
    rows, columns = (np.flatnonzero((evidence > -SURELY_NOT).any(axis=axis)) for axis in (1, 0))
    window = np.s_[max(rows[0] - 1, 0) : rows[-1] + 2, max(columns[0] - 1, 0) : columns[-1] + 2]
    evidence = evidence[window]
    height, width = evidence.shape
    across = across[window][:, : width - 1]
    down = down[window][: height - 1]

    node = np.arange(height * width).reshape(height, width)
    source, sink = node.size, node.size + 1
    pulled, pushed = node[evidence > 0], node[evidence < 0]
    start = [np.full(pulled.size, source), pushed, node[:, :-1], node[:, 1:], node[:-1], node[1:]]
    end = [pulled, np.full(pushed.size, sink), node[:, 1:], node[:, :-1], node[1:], node[:-1]]
    strength = [evidence[evidence > 0], -evidence[evidence < 0], across, across, down, down]
    # Whole numbers, as the algorithm wants them, in hundredths.
    capacity, tails, heads = (
        np.concatenate([part.ravel() for part in parts]) for parts in (strength, start, end)
    )
    shape = (node.size + 2, node.size + 2)
    graph = csr_array((np.rint(100 * capacity).astype(np.int32), (tails, heads)), shape=shape)
    left = graph - maximum_flow(graph, source, sink).flow
    left.data = np.maximum(left.data, 0)
    left.eliminate_zeros()
    # What the source still reaches through edges that are not full is the object.
    reached = np.zeros(node.size + 2, bool)
    reached[breadth_first_order(left, source, return_predecessors=False)] = True
    mask[window] = reached[: node.size].reshape(height, width)
    return mask


SURELY_NOT = 6.0  # log-odds


def flow_of_object(
    frame: np.ndarray, last: np.ndarray, mask: np.ndarray, last_mask: np.ndarray
) -> np.ndarray:
    """Flow of an object without its surroundings, which are painted over in both frames.

    Args:
        frame: this frame, ``(H, W, 3)`` uint8.
        last: the frame before it.
        mask: where the object is now, ``(H, W)`` bool.
        last_mask: where it was.

    Returns:
        ``(H, W, 2)`` float32, pixels, from this frame back to the last; of use on the object only.
    """
    if not mask.any() or not last_mask.any():
        return estimate(frame, last, "dis")
    plain = last[last_mask].mean(axis=0).astype(np.uint8)
    alone = [
        np.where(where[..., None], image, plain)
        for image, where in ((frame, mask), (last, last_mask))
    ]
    return estimate(alone[0], alone[1], "dis")


def mismatch(frame: np.ndarray, last: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """How unlike this frame is the last one, once flow has brought it here?

    Args:
        frame: ``(H, W, 3)`` uint8.
        last: the same.
        flow: ``(H, W, 2)`` float32, pixels, from ``frame`` back to ``last``.

    Returns:
        ``(H, W)`` float32, grey levels, averaged over a few pixels: a single one says little.
    """
    brought = warp(last, flow).astype(np.float32)
    return cv2.GaussianBlur(np.abs(brought - frame).mean(axis=-1), (0, 0), 2.0)


class ObjectFlow:
    """Object flow as a Segmenter.

    Args:
        turns: how often mask and flow are improved in each frame; with 1, the flow of the object
            is never used.
    """

    name = "object-flow"

    def __init__(self, turns: int = 2) -> None:
        if turns < 1:
            raise ValueError(f"there must be at least one turn, not {turns}")
        self.turns = turns

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Take the first masks, and their colours."""
        mask = check_mask(self.name, frame, mask)
        self.size = working_size(frame.shape)
        self.last = resized(frame, self.size)
        self.masks: dict[int, np.ndarray] = {}
        self.colours: dict[int, ColourModel] = {}
        self.add(frame, mask)

    def add(self, frame: np.ndarray, mask: np.ndarray) -> None:
        """Take up objects, at the start or later."""
        check_mask(self.name, frame, mask)
        small = resized(frame, self.size)
        for label, soft in soft_masks(mask, self.size).items():
            self.masks[label] = soft > 0.5 if (soft > 0.5).any() else soft > 0
            self.colours[label] = ColourModel(small, soft)

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Segment the next frame."""
        small = resized(frame, self.size)
        whole = estimate(small, self.last, "dis")
        labels = np.zeros(self.size, np.uint8)
        surest = np.full(self.size, -np.inf, np.float32)
        for label, last_mask in self.masks.items():
            if not last_mask.any():
                continue  # what is gone stays gone: nothing is left to carry on
            colour, flow = self.colours[label].log_odds(small), whole
            for _ in range(self.turns):
                mask, flow = object_flow_step(small, self.last, last_mask, flow, colour)
            # Flow takes its mask from somewhere for the ground, too, where an object has left.
            if np.count_nonzero(colour[mask] > 0) < GONE * np.count_nonzero(mask):
                mask = np.zeros_like(mask)
            wins = mask & (colour > surest)  # where two objects claim a pixel
            labels[wins], surest[wins] = label, colour[wins]
        self.last = small
        self.masks = {label: labels == label for label in self.masks}
        # Blurred a little, so that the contour has no stairs at full size.
        soft = {
            label: cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0)
            for label, mask in self.masks.items()
        }
        return label_map(soft, frame.shape[:2])
