"""The baseline: copy the first mask to every frame.

It knows nothing of the video. What it scores is the price of admission: a method that does not
beat it has learned nothing, and a video on which it scores well does not move.
"""

import numpy as np

from vos_lab.exercise import exercise


@exercise(minutes=5, difficulty=1, importance=2)
def first_mask_everywhere(first_mask: np.ndarray, frames: list[np.ndarray]) -> list[np.ndarray]:
    """Segment a video by copying the first mask.

    Args:
        first_mask: label map of the first frame, ``(H, W)`` uint8.
        frames: T images, ``(H, W, 3)`` uint8, the first one included.

    Returns:
        T label maps, ``(H, W)`` uint8, each an array of its own.

    Example:
        >>> frames = np.zeros((3, 1, 2, 3), np.uint8)
        >>> [mask.tolist() for mask in first_mask_everywhere(np.array([[0, 2]], np.uint8), frames)]
        [[[0, 2]], [[0, 2]], [[0, 2]]]
    """
    # Step 1: one mask for each frame, the first one too.
    # Step 2: make a copy each time. Otherwise all are the same array, and if somebody paints into
    # one of them, all change.
    return [first_mask.copy() for _ in frames]


class Baseline:
    """The do-nothing method, as a Segmenter."""

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Keep the first mask."""
        if mask is None:
            raise ValueError("Baseline: copies the first mask, so it needs one")
        self.mask = mask.copy()

    def add(self, frame: np.ndarray, mask: np.ndarray) -> None:
        """Keep new objects too."""
        self.mask = np.where(mask > 0, mask, self.mask)

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Give the first mask again."""
        return first_mask_everywhere(self.mask, [frame])[0]
