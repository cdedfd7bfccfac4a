"""What a camera does to a picture, and what it must leave alone."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_lab.datasets.procedural import Spec, render
from vos_lab.datasets.procedural import suites as procedural
from vos_lab.datasets.procedural.camera import Camera, disc, filmed, filmed_clip, shoot

GREY = np.full((64, 96, 3), 128, np.uint8)
SMALL = Spec(frames=3, size=(64, 112), camera_motion=0.5)
KNOBS = ("defocus", "sensor_noise", "auto_exposure", "compression")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def picture() -> np.ndarray:
    return render(SMALL, 3).frames[0]


def edges(image: np.ndarray) -> float:
    return float(np.abs(np.diff(image.astype(float), axis=1)).mean())


def test_a_perfect_camera_changes_nothing():
    image = picture()
    taken = shoot(image, Camera(), rng())
    np.testing.assert_array_equal(taken, image)
    assert taken is not image
    np.testing.assert_array_equal(filmed(image, rng(), strength=0), image)
    np.testing.assert_array_equal(filmed_clip([image] * 3, rng(), strength=0)[2], image)


FAULTS = {
    "defocus": 2.0,
    "shake": (5.0, 3.0),
    "vignette": 0.3,
    "exposure": -0.7,
    "warmth": 0.1,
    "contrast": 0.4,
    "saturation": 0.3,
    "noise": 6.0,
    "sharpening": 0.8,
    "compression": 0.9,
}


def test_the_faults_are_all_there_are():
    assert list(FAULTS) == [field.name for field in fields(Camera)]


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_shows_and_leaves_the_picture_recognisable(fault):
    image = picture()
    taken = shoot(image, Camera(**{fault: FAULTS[fault]}), rng())
    difference = np.abs(taken.astype(float) - image)
    assert difference.mean() > 0.5
    assert np.corrcoef(taken.ravel(), image.ravel())[0, 1] > 0.75


def test_what_each_fault_does():
    image = picture()
    assert edges(shoot(image, Camera(defocus=2.0), rng())) < 0.7 * edges(image)
    assert edges(shoot(image, Camera(sharpening=1.0), rng())) > 1.2 * edges(image)
    # A shake from left to right leaves what runs from left to right.
    shaken = shoot(image, Camera(shake=(9.0, 0.0)), rng())
    assert edges(shaken) < 0.6 * edges(image)
    across = edges(image.transpose(1, 0, 2))
    assert edges(shaken.transpose(1, 0, 2)) > 0.6 * across
    red, _, blue = shoot(GREY, Camera(warmth=0.1), rng()).reshape(-1, 3).mean(0)
    assert red > 128 > blue
    corner, middle = (
        shoot(GREY, Camera(vignette=0.3), rng())[place] for place in ((0, 0), (32, 48))
    )
    assert corner.mean() == pytest.approx(0.7 * 128, abs=2)
    assert middle.mean() == pytest.approx(128, abs=1)
    grey = shoot(image, Camera(saturation=0.0), rng())
    assert np.ptp(grey.astype(int), axis=2).max() <= 1


def test_noise_is_as_strong_as_it_says_and_strongest_in_dark_tones():
    def spread(level: int) -> float:
        return float(shoot(np.full_like(GREY, level), Camera(noise=8.0), rng()).std())

    assert spread(128) == pytest.approx(8, rel=0.25)
    assert spread(70) > spread(128) > spread(230)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), strength=st.floats(0, 1))
def test_any_camera_gives_a_picture_that_depends_on_its_seed_alone(seed, strength):
    image = np.random.default_rng(seed).integers(0, 256, (33, 47, 3)).astype(np.uint8)
    before = image.copy()
    one, again = (filmed(image, rng(seed), strength) for _ in range(2))
    assert one.shape == image.shape
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("radius", [0.1, 0.5, 1.7, 4.0])
def test_a_lens_loses_no_light(radius):
    kernel = disc(radius)
    assert kernel.sum() == pytest.approx(1)
    np.testing.assert_array_equal(kernel, kernel[::-1, ::-1])


def test_a_clip_has_one_camera_whose_exposure_drifts():
    clip = filmed_clip([GREY] * 60, rng(4))
    levels = [frame.mean() for frame in clip]
    assert np.ptp(levels) > 10
    assert np.abs(np.diff(levels)).max() < 6


@pytest.mark.parametrize("knob", KNOBS)
def test_a_knob_changes_frames_and_nothing_that_is_known_about_them(knob):
    plain, taken = render(SMALL, 3), render(replace(SMALL, **{knob: 1.0}), 3)
    for t in range(2):
        assert np.abs(taken.frames[t].astype(float) - plain.frames[t]).mean() > 1
        np.testing.assert_array_equal(taken.instances[t], plain.instances[t])
        if knob != "defocus":  # a soft edge between two planes lies elsewhere, by a pixel
            np.testing.assert_array_equal(taken.flow[t], plain.flow[t])
        assert np.abs(taken.flow[t] - plain.flow[t]).mean() < 0.05


def test_frames_come_out_the_same_in_any_order():
    spec = replace(SMALL, sensor_noise=0.5, auto_exposure=1.0, compression=0.5, defocus=0.5)
    forwards, backwards = render(spec, 8), render(spec, 8)
    last = backwards.frames[2]
    np.testing.assert_array_equal(backwards.frames[0], forwards.frames[0])
    np.testing.assert_array_equal(forwards.frames[2], last)
    assert (forwards.frames[0] != forwards.frames[1]).any()


def test_without_its_knobs_no_camera_is_asked(monkeypatch):
    def never(*_: object) -> None:
        raise AssertionError("a plain video went through the camera")

    monkeypatch.setattr(procedural, "shoot", never)
    assert render(SMALL, 3).frames[0].any()
    with pytest.raises(AssertionError):
        render(replace(SMALL, compression=0.1), 3).frames[0]
