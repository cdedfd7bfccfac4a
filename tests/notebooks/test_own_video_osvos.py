"""Lesson 05, "bring your own video": from the painted mask to the saved clip, with OSVOS."""

from pathlib import Path
from typing import Any

import numpy as np

from vos_lab.authoring.lessons import read_lesson
from vos_lab.datasets.procedural import suites as procedural
from vos_lab.metrics import jaccard
from vos_lab.video import Video

LESSON = Path(__file__).parents[2] / "lessons" / "05_osvos.py"


def cells() -> tuple[dict[str, str], dict[str, Any]]:
    """The source of each cell by its name, and a namespace in which the imports have run."""
    source = {cell.name: cell.source for cell in read_lesson(LESSON).cells}
    here: dict[str, Any] = {}
    exec(source["imports"], here)
    source["own-video-save"] = source["own-video-save"].replace("progress=True", "progress=False")
    return source, here


def test_what_is_painted_is_learned_found_and_saved(tmp_path, monkeypatch):
    clip = procedural.suite("easy", frames=3, size=(120, 216), length=1)[0]
    clip.write(tmp_path / "mine.mp4")
    monkeypatch.chdir(tmp_path)
    source, here = cells()
    exec(source["own-video-paint"].replace('path = ""', 'path = "mine.mp4"'), here)
    assert min(here["mine"].size) == 240
    painted = clip.resized(240).masks[0]
    here["painter"].mask = painted
    exec(source["own-video-save"].replace("steps=80", "steps=2"), here)
    assert (here["result"][0] == painted).all()
    assert jaccard(here["result"][2] == 1, clip.resized(240).masks[2] == 1) > 0.6
    for name in ("my_video.mp4", "my_video.gif"):
        assert len(Video.read(tmp_path / name)) == 3


def test_a_real_clip_is_opened_painted_segmented_and_saved(real_data, tmp_path, monkeypatch):
    clip = real_data / "video/judo.mp4"
    monkeypatch.chdir(tmp_path)
    source, here = cells()
    exec(source["own-video-paint"].replace('path = ""', f"path = {clip.as_posix()!r}"), here)
    painted = np.zeros(here["mine"].size, np.uint8)
    painted[80:200, 120:220] = 1
    here["painter"].mask = painted
    exec(source["own-video-save"].replace("steps=80", "steps=2"), here)
    assert (here["result"][0] == painted).all()
    assert here["result"].shape == (len(here["mine"]), *here["mine"].size)
    assert len(Video.read(tmp_path / "my_video.mp4")) == len(here["mine"])
