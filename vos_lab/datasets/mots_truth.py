"""Label maps as MOTS objects: the truth of a procedural crowd, or what a VOS method gives."""

from collections.abc import Iterable, Mapping

import numpy as np

from vos_lab.datasets.detections import CATEGORIES
from vos_lab.datasets.mots import CATEGORIES as MOTS_CATEGORIES
from vos_lab.datasets.mots import MotsObject, MotsSequence
from vos_lab.datasets.procedural import ProceduralVideo
from vos_lab.datasets.run_lengths import rle_strings
from vos_lab.video import VOID


def as_objects(
    masks: Iterable[np.ndarray], categories: Mapping[int, int], name: str = "video"
) -> MotsSequence:
    """Label maps as MOTS objects, so that MOTS can score them.

    Args:
        masks: T label maps, ``(H, W)`` uint8; void belongs to nobody.
        categories: the category of each label: 1 car, 2 pedestrian. Labels of others are left out,
            as MOTS knows no others.
        name: of the video.

    Returns:
        A sequence, in which the id of an object is its label.

    Example:
        >>> objects = as_objects([np.array([[0, 3, 3], [0, 3, 5]], np.uint8)], {3: 1, 5: 2})
        >>> [(each.id, each.category, each.rle) for each in objects.frames[0]]
        [(3, 1, '231'), (5, 2, '51')]
    """

    def frame(labels: np.ndarray) -> list[MotsObject]:
        size = labels.shape[0], labels.shape[1]
        return [
            MotsObject(label, categories[label], size, rle)
            for label, rle in rle_strings(labels).items()
            if label != VOID and categories.get(label) in MOTS_CATEGORIES.values()
        ]

    return MotsSequence.of(name, (frame(labels) for labels in masks))


def categories_of(video: ProceduralVideo) -> dict[int, int]:
    """The category of each label of a procedural video: vehicles are cars, people pedestrians."""
    return {label: CATEGORIES[name] for label, name in video.classes.items()}


def true_objects(video: ProceduralVideo) -> MotsSequence:
    """The vehicles and the people of a procedural video, as the truth of MOTS.

    Args:
        video: the video, whose masks are drawn here, all of them.

    Returns:
        A sequence, in which the id of an object is its label.

    Example:
        >>> from vos_lab.datasets.procedural import suite
        >>> video = suite("crowd", length=1, frames=2, size=(60, 108))[0]
        >>> truth = true_objects(video)
        >>> len(truth), set(truth.category.tolist()) <= {1, 2}
        (2, True)
    """
    assert video.masks is not None  # because it is rendered
    masks = (np.asarray(labels) for labels in video.masks)
    return as_objects(masks, categories_of(video), video.name)
