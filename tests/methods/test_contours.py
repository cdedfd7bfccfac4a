"""The contour branch of OSVOS: regions between contours, and masks that are snapped to them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_lab.datasets.procedural import suite
from vos_lab.methods.contours import ContourBranch, regions_between, snap_to_contours, snapped
from vos_lab.metrics import jaccard

seeds = st.integers(0, 10_000)


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(1, 9), st.integers(1, 9), st.integers(1, 6), st.booleans())
def test_each_region_decides_as_a_whole(seed, height, width, count, soft):
    rng = np.random.default_rng(seed)
    regions = rng.integers(0, count, (height, width)).astype(np.int32)
    mask = rng.random((height, width), np.float32)
    if not soft:
        mask = mask > 0.5
    chosen = snap_to_contours(mask, regions)
    assert chosen.dtype == bool
    for number in range(count):
        inside = [float(mask[p]) for p in np.ndindex(mask.shape) if regions[p] == number]
        wanted = bool(inside) and sum(inside) > 0.5 * len(inside)
        assert all(chosen[p] == wanted for p in np.ndindex(mask.shape) if regions[p] == number)


def test_a_snapped_mask_is_cut_at_the_contours_and_stays_soft_elsewhere():
    regions = np.repeat(np.array([[0, 0, 0, 1, 1, 1]], np.int32), 2, axis=0)
    soft = np.tile(np.float32([0.9, 0.8, 0.3, 0.6, 0.2, 0.1]), (2, 1))
    result = snapped(soft, regions)
    assert (result > 0.5).tolist() == [[True] * 3 + [False] * 3] * 2
    np.testing.assert_allclose(result[0], [0.9, 0.8, 0.51, 0.49, 0.2, 0.1])


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(1, 30), st.integers(1, 30), st.floats(0, 1))
def test_regions_cover_any_image(seed, height, width, share):
    rng = np.random.default_rng(seed)
    contours = (rng.random((height, width)) < share) * rng.random((height, width))
    regions = regions_between(contours.astype(np.float32))
    assert regions.shape == (height, width)
    assert regions.min() >= 0
    snap_to_contours(contours > 0.5, regions)


def test_where_a_mask_is_sure_regions_have_no_say():
    soft = np.float32([[0.9, 0.55, 0.45, 0.1, 0.1]])
    everywhere, unsure = (snapped(soft, np.zeros((1, 5), np.int32), share) for share in (0.5, 0.1))
    assert (everywhere < 0.5).all()  # two of five pixels were object
    np.testing.assert_allclose(unsure, [[0.9, 0.49, 0.45, 0.1, 0.1]])


def test_a_contour_separates_two_flat_areas():
    contours = np.zeros((40, 60), np.float32)
    contours[:, 25:27] = 1
    regions = regions_between(contours)
    assert regions.dtype == np.int32
    assert not set(np.unique(regions[:, :24])) & set(np.unique(regions[:, 28:]))
    ring = np.zeros((40, 60), np.float32)
    ring[10:31, 20:22] = ring[10:31, 40:42] = ring[10:12, 20:42] = ring[29:31, 20:42] = 1
    regions, inside = regions_between(ring), np.zeros((40, 60), bool)
    inside[11:30, 21:41] = True
    assert jaccard(snap_to_contours(inside, regions), inside) > 0.7
    around = np.ones((40, 60), bool)
    around[7:34, 17:45] = False
    assert not set(np.unique(regions[13:28, 23:39])) & set(np.unique(regions[around]))


def test_regions_of_a_frame_follow_its_objects():
    clip = suite("easy", frames=2, size=(96, 160), length=2)[1]
    mask = clip.masks[0] == 1
    regions = ContourBranch().regions(clip.frames[0])
    assert jaccard(snap_to_contours(mask, regions), mask) > 0.8
