"""Make the pictures of the README: ``python docs/pictures.py``."""

from pathlib import Path

import cv2
import numpy as np

from vos_lab.datasets import procedural
from vos_lab.video import overlay
from vos_lab.view import figures

HERE = Path(__file__).parent
CHALLENGES = ("appearance", "viewpoint", "occlusion", "scale", "camera", "lighting", "distractors")


def hide_and_seek() -> None:
    """The moving picture at the head: an object that is hidden and found again."""
    video = procedural.suite("occlusion", length=3)[2]
    alt = "A figure walks behind a tree and comes out again, painted where it can be seen."
    figures.clip(video, video.masks, alt=alt, height=220, frames=30).save(
        HERE / "hide-and-seek.webp"
    )


def challenges() -> None:
    """Three frames of a video for each challenge, one above the other."""
    rows = []
    for name in (*CHALLENGES, "many-objects"):
        video = procedural.suite(name, length=2)[1]
        last = len(video) - 1
        frames = [overlay(video.frames[t], video.masks[t], 0.35) for t in (0, last // 2, last)]
        small = [cv2.resize(f, (288, 160), interpolation=cv2.INTER_AREA) for f in frames]
        rows.append(np.hstack(small))
    half = len(rows) // 2
    gap = np.full((160 * half, 16, 3), 255, np.uint8)
    sheet = np.hstack([np.vstack(rows[:half]), gap, np.vstack(rows[half:])])
    file = cv2.imencode(".webp", sheet[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 80])[1]
    (HERE / "challenges.webp").write_bytes(file.tobytes())


if __name__ == "__main__":
    hide_and_seek()
    challenges()
