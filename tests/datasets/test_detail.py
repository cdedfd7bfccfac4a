"""A closer world: fine texture, photographs, clutter, sun and wind."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_lab.datasets.procedural import Spec, detail, photographs, render, train_video
from vos_lab.datasets.procedural.drawing import stage_for
from vos_lab.datasets.procedural.scenery import make_scene

SIZE = (64, 112)
WALK = Spec(frames=3, size=SIZE, classes=("animal",), shadows=0.0)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("knob", ["texture", "clutter", "sun", "sway"])
def test_a_knob_changes_frames_and_not_where_objects_are(knob):
    changed = 0.0
    for seed in (3, 5):
        spec = replace(WALK, clutter=1.0) if knob == "sway" else WALK
        plain, closer = render(spec, seed), render(replace(spec, **{knob: 1.0}), seed)
        for t in (0, 2):
            difference = closer.frames[t].astype(float) - plain.frames[t]
            changed += np.abs(difference).mean()
            np.testing.assert_array_equal(closer.instances[t], plain.instances[t])
            if knob == "sun":  # a shadow takes light, and gives none
                assert difference.max() <= 0
    assert changed > 0.5


def test_shadows_lie_on_the_ground_and_no_object_is_in_its_own():
    plain, sunny = render(WALK, 3), render(replace(WALK, sun=1.0), 3)
    horizon = stage_for(WALK, 3).scene.horizon
    assert horizon is not None
    darker = (sunny.frames[1].astype(int) - plain.frames[1]).min(-1) < -5
    assert darker.mean() > 0.01
    assert not darker[: int(horizon)].any()
    inside = cv2.erode((plain.instances[1] > 0).astype(np.uint8), np.ones((3, 3))) > 0
    assert not darker[inside].any()


def test_wind_moves_what_stands_and_not_the_ground():
    video = render(replace(WALK, clutter=1.0, sway=1.0, frames=8), 3)
    still = render(replace(WALK, clutter=1.0, frames=8), 3)
    moving = [np.linalg.norm(video.flow[t] - still.flow[t], axis=-1) for t in range(7)]
    assert max(field.max() for field in moving) > 0.05
    assert all(np.all(field[-3:] == 0) for field in moving)  # the lowest rows are ground


def test_the_closer_training_videos_have_the_truth_of_the_plain_ones():
    for number in range(4):
        plain, closer = (train_video(number, 4, SIZE, closer=each) for each in (False, True))
        assert closer.spec.grain == 0
        assert np.abs(closer.frames[2].astype(float) - plain.frames[2]).mean() > 2
        np.testing.assert_array_equal(closer.instances[2], plain.instances[2])


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    height=st.integers(5, 60),
    width=st.integers(6, 90).map(lambda n: 2 * n),
    strength=st.floats(0, 1),
)
def test_any_surface_can_be_woven(seed, height, width, strength):
    rgb = rng(seed).random((height, width, 3), np.float32)
    before = rgb.copy()
    one, again = (detail.woven(rng(seed), rgb, strength, 0.0, repeats=2) for _ in range(2))
    assert one.shape == rgb.shape
    assert 0 <= one.min() <= one.max() <= 1
    np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(rgb, before)
    np.testing.assert_allclose(detail.woven(rng(seed), rgb, 0.0, 0.0), rgb)


def test_clutter_stands_behind_the_horizon_of_the_ground_and_grows_with_its_knob():
    scene = make_scene(rng(1), "meadow", SIZE)
    few, many = (
        sum(
            (plane.texture[..., 3] > 0).sum() for plane in detail.clutter(rng(2), scene, SIZE, s, 0)
        )
        for s in (0.2, 1.0)
    )
    assert 0 < few < many
    assert detail.clutter(rng(2), make_scene(rng(1), "sky", SIZE), SIZE, 1.0, 0) == []


@pytest.mark.parametrize("make", detail.THINGS)
def test_things_are_pictures_with_coverage(make):
    rgb, alpha = make(rng(4), make_scene(rng(1), "meadow", SIZE), 30, 24, 0.0)
    assert rgb.shape == (*alpha.shape, 3)
    assert 0 <= alpha.min() <= alpha.max() <= 1
    assert alpha.mean() > 0.05


# --- photographs ----------------------------------------------------------------------------------


@pytest.fixture
def album(tmp_path, monkeypatch):
    """A package with one picture, red on the left and blue on the right."""
    folder = tmp_path / "album_of_this_test"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, :30, 0], image[:, 30:, 2] = 200, 200
    cv2.imwrite(str(folder / "data" / "two.png"), image[..., ::-1])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(
        photographs, "PHOTOGRAPHS", {"two": ("album_of_this_test", "data/two.png", "CC0")}
    )
    photographs.photograph.cache_clear()
    yield image
    photographs.photograph.cache_clear()


def test_a_photograph_is_read_from_its_package_which_is_not_imported(album):
    np.testing.assert_array_equal(photographs.photograph("two"), album)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), height=st.integers(3, 90), width=st.integers(2, 75))
def test_a_patch_has_the_size_asked_for_and_repeats_without_a_seam(seed, height, width):
    # The picture is here and not in a package, because Hypothesis runs a test many times.
    image = np.tile(np.arange(60, dtype=np.uint8)[None, :, None] * 4, (40, 1, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photographs, "photograph", lambda _: image)
        one = photographs.photograph_patch(rng(seed), (height, 2 * width))
    assert one.shape == (height, 2 * width, 3)
    assert one.dtype == np.float32
    assert 0 <= one.min() <= one.max() <= 1
    np.testing.assert_array_equal(one, one[:, ::-1])


def test_photographs_show(album):
    drawn, cut = (
        render(replace(WALK, texture=1.0, photographs=p), 3).frames[0] for p in (0.0, 1.0)
    )
    assert (drawn != cut).any()


def test_without_the_package_it_says_what_to_do(monkeypatch):
    monkeypatch.setattr(photographs, "find_spec", lambda _: None)
    photographs.photograph.cache_clear()
    with pytest.raises(FileNotFoundError, match=r"pip install scikit-(image|learn)"):
        _ = render(replace(WALK, texture=1.0, photographs=1.0), 7).frames[0]
    assert render(replace(WALK, photographs=1.0), 7).frames[0].any()  # nothing to cut out for


def test_every_photograph_names_a_package_and_a_free_licence():
    for package, file, licence in photographs.PHOTOGRAPHS.values():
        assert package in photographs.PACKAGES
        assert file.endswith((".png", ".jpg"))
        assert licence.startswith(("CC0, ", "CC BY 2.0, ", "public domain, "))
