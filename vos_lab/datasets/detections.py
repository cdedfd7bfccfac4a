"""Detections as a detector would give them: the truth, made worse on purpose.

A tracker for MOTS starts from what a detector (Mask R-CNN in Voigtlaender et al., "MOTS: Multi-
Object Tracking and Segmentation", CVPR 2019) finds in each frame by itself. Here the detector is
played: it knows the truth and makes the mistakes that real ones make, as many as the noise level
says. It misses what is small or hidden, sees what is not there, takes two neighbours for one, cuts
one in two, and no outline is quite right. So a tracker can be tried without a trained network, and
with each kind of mistake alone.

    for detections in detections_of(video, "medium"):
        tracker.step(detections)
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from vos_lab.datasets.procedural import ProceduralVideo
from vos_lab.video import VOID, Lazy

CATEGORIES = {
    "vehicle": 1,
    "person": 2,
    "animal": 3,
    "bird": 4,
    "fish": 5,
    "balloon": 6,
    "ball": 7,
}
"""The number of each semantic class; 1 and 2 are the car and the pedestrian of KITTI MOTS."""


@dataclass(frozen=True)
class Detection:
    """One thing that a detector has found in one frame.

    Attributes:
        mask: ``(H, W)`` bool. The masks of one frame may overlap, as those of detectors do.
        score: how sure the detector is, above 0, at most 1.
        category: the semantic class, a number of CATEGORIES.
    """

    mask: np.ndarray
    score: float
    category: int


@dataclass(frozen=True)
class Noise:
    """How many mistakes a detector makes. Chances are for each object and frame.

    Attributes:
        miss: chance to miss an object that is large and in full view.
        miss_small: chance to miss one of few pixels, on top; halves every 60 pixels.
        miss_hidden: chance to miss one that is all but hidden, on top; falls with the square of
            the share that is seen.
        false_alarms: how many things that are not there are seen in each frame, on average.
        split: chance that an object comes as two halves.
        merge: chance that two neighbours of a category come as one.
        ragged: how far the outline of an object of 1,000 pixels is off, in pixels (standard
            deviation); twice as far where an object has 16 times the area.
        category: chance that the category is wrong (a vehicle for a person, or so).
        score: standard deviation of the score around what the mask deserves.
    """

    miss: float = 0.0
    miss_small: float = 0.0
    miss_hidden: float = 0.0
    false_alarms: float = 0.0
    split: float = 0.0
    merge: float = 0.0
    ragged: float = 0.0
    category: float = 0.0
    score: float = 0.0


NOISE = {
    "none": Noise(),
    "low": Noise(0.02, 0.15, 0.3, 0.3, 0.01, 0.03, 0.4, 0.0, 0.05),
    "medium": Noise(0.05, 0.3, 0.6, 1.0, 0.03, 0.08, 0.8, 0.01, 0.1),
    "high": Noise(0.12, 0.5, 0.9, 3.0, 0.08, 0.2, 1.3, 0.05, 0.15),
}
"""The noise levels, by name."""


def detections_of(
    video: ProceduralVideo, noise: str | Noise = "medium", seed: int = 0
) -> Lazy[list[Detection]]:
    """What a detector finds in a procedural video.

    Args:
        video: the video; twins are background.
        noise: how many mistakes: a name in NOISE, or a Noise.
        seed: of the mistakes. Same video, noise and seed, same detections, in any order of frames.

    Returns:
        For each frame a list of detections, the surest first. Made when they are asked for.

    Raises:
        ValueError: there is no such noise level; the message lists them.

    Example:
        >>> from vos_lab.datasets.procedural import suite
        >>> video = suite("crowd", length=1, frames=3, size=(120, 216))[0]
        >>> frames = detections_of(video, "none")
        >>> len(frames), len(frames[0]) == len(np.unique(video.masks[0])) - 1
        (3, True)
    """
    chosen = _noise(noise)
    categories = {i: CATEGORIES[name] for i, name in video.classes.items()}

    def found(t: int) -> list[Detection]:
        labels = video.instances[t]
        labels[labels > video.spec.objects] = 0
        whole = {i: int(mask.sum()) for i, mask in enumerate(video.amodal[t], 1)}
        rng = np.random.default_rng([seed, video.seed, t])
        return detect(labels, categories, chosen, rng, whole)

    return Lazy(len(video), found)


def detect(
    labels: np.ndarray,
    categories: Mapping[int, int],
    noise: str | Noise,
    rng: np.random.Generator,
    whole: Mapping[int, int] | None = None,
) -> list[Detection]:
    """What a detector finds in one frame, given the truth.

    Args:
        labels: ``(H, W)`` uint8 label map; void belongs to nobody.
        categories: the category of each label.
        noise: how many mistakes: a name in NOISE, or a Noise.
        rng: where the mistakes come from.
        whole: how many pixels each object would have if nothing stood before it; None: all are
            in full view.

    Returns:
        The detections, the surest first.

    Raises:
        ValueError: there is no such noise level.
        KeyError: a label has no category.

    Example:
        >>> labels = np.zeros((60, 80), np.uint8)
        >>> labels[20:40, 30:60] = 7
        >>> seen = detect(labels, {7: 2}, "none", np.random.default_rng(0))
        >>> [(d.score, d.category, int(d.mask.sum())) for d in seen]
        [(1.0, 2, 600)]
    """
    noise = _noise(noise)
    masks = {int(i): labels == i for i in np.unique(labels) if i not in (0, VOID)}
    kept = {i: mask for i, mask in masks.items() if not _missed(mask, i, noise, rng, whole)}
    found = []
    for mask, members in _merged_and_split(kept, categories, noise, rng):
        mask = _ragged(mask, noise.ragged, rng)
        if not mask.any():
            continue
        best = max(_overlap(mask, masks[i]) for i in members)
        category = categories[members[0]]
        if rng.random() < noise.category:
            category = int(rng.choice(sorted(set(CATEGORIES.values()) - {category})[:2]))
        found.append(Detection(mask, _score(best, noise, rng), category))
    for _ in range(rng.poisson(noise.false_alarms)):
        mask = _false_alarm(masks, labels.shape, noise, rng)
        best = max((_overlap(mask, other) for other in masks.values()), default=0.0)
        known = sorted(set(categories.values())) or sorted(CATEGORIES.values())
        found.append(Detection(mask, _score(best, noise, rng), int(rng.choice(known))))
    return sorted(found, key=lambda detection: -detection.score)


def _noise(noise: str | Noise) -> Noise:
    if isinstance(noise, Noise):
        return noise
    if noise not in NOISE:
        raise ValueError(f"there is no noise level {noise!r}, there are: {', '.join(NOISE)}")
    return NOISE[noise]


def _overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two masks that are not both empty."""
    both = int(np.count_nonzero(first & second))
    return both / (int(np.count_nonzero(first)) + int(np.count_nonzero(second)) - both)


def _missed(
    mask: np.ndarray,
    i: int,
    noise: Noise,
    rng: np.random.Generator,
    whole: Mapping[int, int] | None,
) -> bool:
    area = int(mask.sum())
    seen = area / max(area, (whole or {}).get(i, area))
    chance = (
        noise.miss + noise.miss_small * 0.5 ** (area / 60) + noise.miss_hidden * (1 - seen) ** 2
    )
    return bool(rng.random() < chance)


def _merged_and_split(
    masks: dict[int, np.ndarray],
    categories: Mapping[int, int],
    noise: Noise,
    rng: np.random.Generator,
) -> Iterator[tuple[np.ndarray, list[int]]]:
    """The masks, some joined with a neighbour, some cut in two; and whose they are."""
    left = dict(masks)
    for i in masks:
        if i not in left:
            continue
        mask = left.pop(i)
        if noise.merge and rng.random() < noise.merge:
            around = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
            near = [
                j for j, m in left.items() if categories[j] == categories[i] and (around & m).any()
            ]
            if near:
                j = int(rng.choice(near))
                yield mask | left.pop(j), [i, j]
                continue
        if noise.split and rng.random() < noise.split:
            y, x = np.nonzero(mask)
            angle = rng.uniform(0, np.pi)
            side = (x - x.mean()) * np.cos(angle) + (y - y.mean()) * np.sin(angle)
            cut = side > rng.uniform(-0.3, 0.3) * np.ptp(side)
            for half in (cut, ~cut):
                piece = np.zeros_like(mask)
                piece[y[half], x[half]] = True
                yield piece, [i]
            continue
        yield mask, [i]


def _ragged(mask: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """The mask with an outline that wavers, and a little too large, too small, or beside it."""
    if amount == 0 or not mask.any():
        return mask
    reach = amount * (mask.sum() / 1000) ** 0.25
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    spare = int(4 * reach) + 3
    top, bottom = max(0, rows[0] - spare), min(mask.shape[0], rows[-1] + 1 + spare)
    left, right = max(0, columns[0] - spare), min(mask.shape[1], columns[-1] + 1 + spare)
    # The distance to the outline, inside above 0. Moving its zero line moves the outline.
    inside = np.pad(mask[top:bottom, left:right].astype(np.uint8), 1, mode="edge")
    height = cv2.distanceTransform(inside, cv2.DIST_L2, 5) if not inside.all() else inside * 1e3
    height = (height - cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)).astype(np.float32)
    cells = (max(3, inside.shape[0] // 6), max(3, inside.shape[1] // 6))
    waver = cv2.resize(rng.standard_normal(cells).astype(np.float32), inside.shape[::-1],
                       interpolation=cv2.INTER_CUBIC)  # fmt: skip
    height += np.float32(reach) * (waver + np.float32(0.6 * rng.standard_normal()))
    shift = np.eye(2, 3) + [[0, 0, 0.5 * reach * rng.standard_normal()] for _ in range(2)]
    moved = cv2.warpAffine(height, shift, inside.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    result = np.zeros_like(mask)
    result[top:bottom, left:right] = moved[1:-1, 1:-1] > 0
    return result


def _false_alarm(
    masks: dict[int, np.ndarray], shape: tuple[int, ...], noise: Noise, rng: np.random.Generator
) -> np.ndarray:
    """Something that is not there: in size and shape like what is, but elsewhere."""
    height, width = shape
    blob: np.ndarray
    if masks:
        like = list(masks.values())[rng.integers(len(masks))]
        rows, columns = np.nonzero(like.any(1))[0], np.nonzero(like.any(0))[0]
        blob = like[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.uint8)
    else:
        size = max(4, height // 8)
        blob = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size // 2, size))
    factor = rng.uniform(0.6, 1.3)
    tall, wide = (
        int(np.clip(side * factor, 3, limit)) for side, limit in zip(blob.shape, shape, strict=True)
    )
    blob = cv2.resize(blob, (wide, tall), interpolation=cv2.INTER_NEAREST)[:, ::-1]
    # Where things are seen: at about the rows of the one it is like, anywhere from left to right.
    centre = rows.mean() if masks else height / 2
    top = int(np.clip(centre - tall / 2 + 0.05 * height * rng.standard_normal(), 0, height - tall))
    left = int(rng.integers(0, width - wide + 1))
    mask = np.zeros(shape, bool)
    mask[top : top + tall, left : left + wide] = blob > 0
    worse = _ragged(mask, max(noise.ragged, 1.0), rng)
    return worse if worse.any() else mask


def _score(overlap: float, noise: Noise, rng: np.random.Generator) -> float:
    """How sure the detector is: surer of better masks, but not always."""
    if noise.score == 0 and overlap == 1:
        return 1.0
    return float(np.clip(0.25 + 0.7 * overlap + noise.score * rng.standard_normal(), 0.01, 0.999))
