"""Lesson 00, "bring your own video": its cells, with a real clip in the place of ours."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vos_lab.authoring.lessons import read_lesson
from vos_lab.video import Video

LESSON = Path(__file__).parents[2] / "lessons" / "00_tour.py"


@pytest.mark.parametrize("method", ["baseline", "flow-propagation"])
def test_a_clip_is_opened_painted_segmented_and_saved(method, real_data, tmp_path, monkeypatch):
    clip = real_data / "video/judo.mp4"
    if not clip.is_file():
        pytest.skip(f"{clip} is not here")
    source = {cell.name: cell.source for cell in read_lesson(LESSON).cells}
    monkeypatch.chdir(tmp_path)
    here: dict[str, Any] = {}
    exec(source["imports"], here)
    exec(source["own-video-paint"].replace('path = ""', f"path = {clip.as_posix()!r}"), here)
    mine = here["mine"]
    assert min(mine.size) == 240
    painted = np.zeros(mine.size, np.uint8)
    painted[80:200, 120:220] = 1
    here["painter"].mask = painted
    exec(source["own-video-save"].replace("baseline", method), here)
    assert (here["result"][0] == painted).all()
    assert here["result"].shape == (len(mine), *mine.size)
    for name in ("my_video.mp4", "my_video.gif"):
        assert len(Video.read(tmp_path / name)) == len(mine)
