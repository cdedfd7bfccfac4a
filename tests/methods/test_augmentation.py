"""New pictures from an annotated frame: image and labels stay together, and no object is lost."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_lab.methods.augmentation import (
    BEND_GRID,
    apply_affine,
    colour_jitter,
    deformation,
    random_affine,
    random_deformation,
)
from vos_lab.methods.fine_tuning import AUGMENTATIONS, augmenter
from vos_lab.methods.resolution import small_labels
from vos_lab.video import VOID

seeds = st.integers(0, 10_000)


@pytest.fixture(scope="module")
def disk():
    """A red disk before grey ground, and its label map."""
    labels = np.zeros((48, 64), np.uint8)
    cv2.circle(labels, (30, 22), 10, 5, -1)
    image = np.full((48, 64, 3), 100, np.uint8)
    image[labels == 5] = 220, 40, 40
    return image, labels


@settings(max_examples=30, deadline=None)
@given(seeds, st.tuples(st.integers(8, 40), st.integers(8, 40)))
def test_a_view_that_changes_nothing_gives_the_frame_back(seed, size):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (*size, 3), np.uint8)
    labels = rng.integers(0, 3, size).astype(np.uint8)
    matrix = random_affine(rng, size, size, zoom=(1.0, 1.0), turn=0.0, mirror=False)
    np.testing.assert_allclose(matrix, np.eye(2, 3), atol=1e-9)
    for before, after in zip(
        (image, labels), apply_affine(image, labels, matrix, size), strict=True
    ):
        np.testing.assert_array_equal(before, after)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_a_closer_view_stays_inside_the_frame(seed):
    rng = np.random.default_rng(seed)
    matrix = random_affine(rng, (60, 90), (60, 90), zoom=(1.0, 2.0), turn=0.0)
    corners = matrix @ np.array([[0, 89, 0, 89], [0, 0, 59, 59], [1, 1, 1, 1]])
    # A pixel has an area: what lies half a pixel beyond the middle of the last one is still in it.
    assert corners.min() >= -0.5
    assert (corners.max(axis=1) <= [89.5, 59.5]).all()


def test_a_view_grows_by_no_more_than_it_may():
    rng = np.random.default_rng(0)
    matrices = [random_affine(rng, (48, 64), (48, 64), zoom=(0.5, 2.0)) for _ in range(200)]
    areas = np.array([np.linalg.det(m[:, :2]) for m in matrices])
    assert 0.25 - 1e-6 <= abs(areas).min() < 0.3
    assert 3.5 < abs(areas).max() <= 4 + 1e-6
    assert 0.3 < (areas < 0).mean() < 0.7  # mirrored


@pytest.mark.parametrize("how", ["plain", "lucid"])
def test_image_and_labels_stay_together(disk, how):
    make = augmenter(how, *disk)
    found = 0
    for seed in range(20):
        image, labels = make(np.random.default_rng(seed))
        assert image.shape == (48, 64, 3)
        assert labels.shape == (48, 64)
        assert image.dtype == labels.dtype == np.uint8
        assert set(np.unique(labels)) <= {0, 5, VOID}
        red = image[..., 0].astype(int) - image[..., 1] > 55
        inside = cv2.erode((labels == 5).astype(np.uint8), np.ones((5, 5))) > 0
        outside = cv2.dilate((labels == 5).astype(np.uint8), np.ones((5, 5))) == 0
        assert red[inside].all()
        assert not red[outside & (labels != VOID)].any()
        found += inside.any()
    assert found == 20


def test_what_lies_outside_the_frame_is_void(disk):
    image, labels = disk
    far = np.array([[2.0, 0, -32], [0, 2.0, -24]])
    picture, mask = apply_affine(image, labels, far, (48, 64))
    assert (mask[:11] == VOID).all()
    assert (mask[:, :15] == VOID).all()
    assert (mask[14:34, 18:46] != VOID).all()
    assert picture.min() > 0  # mirrored, not black


def test_no_augmentation_gives_the_frame_itself(disk):
    image, labels = augmenter("none", *disk)(np.random.default_rng(0))
    np.testing.assert_array_equal(image, disk[0])
    np.testing.assert_array_equal(labels, disk[1])


@pytest.mark.parametrize("how", AUGMENTATIONS)
def test_the_same_randomness_gives_the_same_picture(disk, how):
    one, again, other = (augmenter(how, *disk)(np.random.default_rng(seed)) for seed in (1, 1, 2))
    for first, second in zip(one, again, strict=True):
        np.testing.assert_array_equal(first, second)
    assert np.array_equal(one[0], other[0]) == (how == "none")


def test_an_augmentation_that_does_not_exist(disk):
    with pytest.raises(ValueError, match="augmentation is one of plain, lucid, none, not 'more'"):
        augmenter("more", *disk)


@given(seeds)
def test_light_of_no_strength_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (6, 5, 3), np.uint8)
    np.testing.assert_array_equal(colour_jitter(image, rng, 0.0), image)


def test_light_changes_all_pixels_of_a_colour_alike(disk):
    image, labels = disk
    lit = colour_jitter(image, np.random.default_rng(3))
    assert lit.dtype == np.uint8
    assert (lit != image).any()
    for label in (0, 5):
        assert len(np.unique(lit[labels == label], axis=0)) == 1


@given(st.tuples(st.integers(2, 30), st.integers(2, 30)), st.floats(-9, 9), st.floats(-9, 9))
def test_a_deformation_that_only_shifts(size, x, y):
    affine = np.array([[1.0, 0, x], [0, 1.0, y]])
    flow = deformation(size, affine, np.zeros((BEND_GRID, BEND_GRID, 2), np.float32))
    assert flow.shape == (*size, 2)
    assert flow.dtype == np.float32
    np.testing.assert_allclose(flow, np.broadcast_to([x, y], flow.shape), atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_a_random_deformation_stays_within_its_limits(seed):
    rng = np.random.default_rng(seed)
    mask = np.zeros((60, 80), np.float32)
    mask[20:40, 30:50] = 1
    flow = random_deformation(mask, rng, scale=0.0, shift=0.1, bend=0.0, turn=0.0)
    assert abs(flow).max() <= 0.1 * 20 + 1e-4
    nothing = random_deformation(np.zeros_like(mask), rng, 0.2, 0.2, 0.1)
    assert np.isfinite(nothing).all()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_object_is_lost_in_a_small_label_map(data):
    height, width = data.draw(st.integers(8, 60)), data.draw(st.integers(8, 60))
    size = data.draw(st.integers(2, height)), data.draw(st.integers(2, width))
    labels = np.zeros((height, width), np.uint8)
    labels[: height // 2] = 3
    row, column = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    labels[row, column] = 9
    small = small_labels(labels, size)
    assert small.shape == size
    assert 9 in small
    rows, columns = np.nonzero(small == 9)
    assert abs((rows[0] + 0.5) / size[0] - (row + 0.5) / height) <= 0.5 / size[0] + 0.5 / height
    assert abs((columns[0] + 0.5) / size[1] - (column + 0.5) / width) <= 0.5 / size[1] + 0.5 / width
