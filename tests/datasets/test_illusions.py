"""Illusions: the flow is true, and what is seen is something else."""

import cv2
import numpy as np
import pytest

from vos_lab.datasets.illusions import aperture, barber_pole, spinning_sphere
from vos_lab.flow import estimate, warp

VIDEOS = {
    "aperture": aperture(),
    "dots": aperture(dots=True),
    "pole": barber_pole(),
    "sphere": spinning_sphere(),
    "spots": spinning_sphere(textured=True),
    "light": spinning_sphere(spinning=False, moving_light=True),
}


def inside(video, margin=15):
    return cv2.erode(video.masks[0], np.ones((margin, margin), np.uint8)) > 0


def seen(video):
    flow = estimate(video.frames[0], video.frames[1], "horn-schunck")
    return flow[inside(video)].mean(axis=0)


@pytest.mark.parametrize("video", VIDEOS.values(), ids=VIDEOS)
def test_each_is_a_video_with_mask_and_flow(video):
    assert len(video.flow) == len(video) - 1
    assert video.frames[0].dtype == np.uint8
    assert video.flow[0].shape == (*video.size, 2)
    assert not video.flow[0][video.masks[0] == 0].any()
    np.testing.assert_array_equal(video.frames[3], video.frames[3])


@pytest.mark.parametrize("name", ["aperture", "dots", "pole", "spots"])
def test_the_flow_is_true(name):
    video = VIDEOS[name]
    first, second = (video.frames[t].astype(np.float32) for t in (2, 3))
    restored, where = warp(second, video.flow[2]), inside(video)
    moved = np.abs(second - first)[where].mean()
    # The light stays where it is while the surface moves, so a little difference remains.
    assert np.abs(restored - first)[where].mean() < 0.35 * moved


def test_behind_an_aperture_one_sees_the_motion_across_the_stripes():
    # True: 1.5 to the right. Across stripes at 45 degrees that is (0.75, 0.75).
    np.testing.assert_allclose(seen(VIDEOS["aperture"]), [0.75, 0.75], atol=0.1)
    np.testing.assert_allclose(seen(VIDEOS["dots"]), [1.5, 0], atol=0.2)


def test_a_barber_pole_turns_sideways_and_seems_to_climb():
    dx, dy = seen(VIDEOS["pole"])
    assert dy < -1
    assert abs(dx) < 0.3
    assert VIDEOS["pole"].flow[0][inside(VIDEOS["pole"])].mean(axis=0)[0] > 2


def test_a_uniform_sphere_spins_unseen_and_a_moving_light_is_seen():
    assert np.abs(seen(VIDEOS["sphere"])).max() == 0
    assert VIDEOS["sphere"].flow[0].max() > 2
    assert np.abs(seen(VIDEOS["light"])).max() > 0.5
    assert not VIDEOS["light"].flow[0].any()
    assert seen(VIDEOS["spots"])[0] > 1.5


def test_the_seed_decides():
    for make in (aperture, barber_pole, spinning_sphere):
        np.testing.assert_array_equal(make(seed=3).frames[1], make(seed=3).frames[1])
        assert (make(seed=3).frames[1] != make(seed=4).frames[1]).any()


def test_too_small_is_refused():
    with pytest.raises(ValueError, match="at least 1 frame of 32 pixels"):
        aperture(height=10)
