"""Run lengths: exactly those of pycocotools, and everything damaged is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco

from vos_lab.datasets.run_lengths import (
    RunLengthError,
    add_intersections,
    rle_decode,
    rle_encode,
    rle_from_string,
    rle_strings,
    rle_to_string,
    strip_of_runs,
)

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=24))
label_maps = arrays(
    np.uint16,
    array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.sampled_from([0, 0, 1001, 1002, 2001, 10000]),
)


def string_of_coco(mask):
    return coco.encode(np.asfortranarray(mask, np.uint8))["counts"].decode()


@settings(deadline=None)  # the first call compiles
@given(masks)
def test_a_mask_has_the_run_lengths_of_pycocotools(mask):
    lengths = rle_encode(mask)
    assert lengths.dtype == np.int64
    assert rle_to_string(lengths) == string_of_coco(mask)
    assert rle_from_string(string_of_coco(mask)).tolist() == lengths.tolist()
    assert (rle_decode(lengths, mask.shape) == mask).all()


@pytest.mark.parametrize(
    "mask", [np.zeros((3, 4), bool), np.ones((3, 4), bool), np.ones((1, 1), bool)]
)
def test_an_empty_and_a_full_mask(mask):
    assert rle_encode(mask).tolist() == ([0, mask.size] if mask.all() else [mask.size])
    assert rle_to_string(rle_encode(mask)) == string_of_coco(mask)


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**31), min_size=1, max_size=20))
def test_any_lengths_survive_their_string(lengths):
    assert rle_from_string(rle_to_string(lengths)).tolist() == lengths


def test_large_lengths_have_the_string_of_pycocotools():
    lengths = [1_000_000, 3, 1_000_000, 40_000, 33_599]
    size = [1600, sum(lengths) // 1600]
    assert sum(lengths) == size[0] * size[1] + sum(lengths) % 1600
    lengths[0] -= sum(lengths) % 1600
    official = coco.frPyObjects({"size": size, "counts": lengths}, *size)["counts"].decode()
    assert rle_to_string(lengths) == official


@settings(deadline=None)
@given(label_maps)
def test_a_label_map_has_the_masks_of_its_labels(labels):
    strings = rle_strings(labels)
    assert list(strings) == np.unique(labels[labels > 0]).tolist()
    for label, string in strings.items():
        assert string == string_of_coco(labels == label)


@settings(deadline=None)
@given(label_maps, st.data())
def test_masks_share_the_pixels_that_they_share(first, data):
    second = data.draw(arrays(np.uint16, first.shape, elements=st.sampled_from([0, 7, 8])))
    strips, areas, labels = [], [], []
    for each in (first, second):
        strings = rle_strings(each)
        labels.append(list(strings))
        borders = np.cumsum([0, *map(len, strings.values())])
        text = "".join(strings.values()).encode()
        runs, area = strip_of_runs(
            text, borders[:-1], borders[1:], first.size, np.zeros(len(strings), np.int64)
        )
        strips.append(runs)
        areas.append(area)
    n, m = map(len, labels)
    shared = np.zeros(n * m, np.int64)
    add_intersections(*strips, np.arange(n) * m, np.arange(m), shared)
    for i, a in enumerate(labels[0]):
        assert areas[0][i] == np.count_nonzero(first == a)
        for j, b in enumerate(labels[1]):
            assert shared[i * m + j] == np.count_nonzero((first == a) & (second == b))


@pytest.mark.parametrize(
    "mask",
    [np.ones((2, 2)), np.ones((2, 2), np.uint8), np.ones(4, bool), np.ones((0, 3), bool), [[True]]],
)
def test_what_is_no_mask_is_refused(mask):
    with pytest.raises(ValueError, match="the mask"):
        rle_encode(mask)


@pytest.mark.parametrize(
    ("lengths", "size"), [([2, 3], (2, 3)), ([2, 3, 2], (2, 3)), ([8, -2], (2, 3))]
)
def test_runs_that_do_not_fill_the_image_are_refused(lengths, size):
    with pytest.raises(ValueError, match="the image has 2 x 3 = 6"):
        rle_decode(lengths, size)


@pytest.mark.parametrize(
    ("string", "reason"),
    [("2P", "cut off"), ("2 1", "none of"), ("é", "none of"), ("Q" * 20, "none of")],
)
def test_a_damaged_string_is_refused(string, reason):
    with pytest.raises(ValueError, match=reason):
        rle_from_string(string)


@pytest.mark.parametrize(
    ("strings", "mask", "reason"),
    [
        (["6", "23"], 1, "reach to pixel 5, the image has 6"),
        (["235"], 0, "reach to pixel 10, the image has 6"),
        (["231", "2P"], 1, "cut off within a number"),
        (["2!3"], 0, "not in the form of COCO"),
        (["213N"], 0, "negative"),
        (["231", "321"], 1, "overlaps another mask"),
        (["231", "231"], 1, "overlaps another mask"),
    ],
)
def test_a_damaged_strip_names_its_mask(strings, mask, reason):
    borders = np.cumsum([0, *map(len, strings)])
    with pytest.raises(RunLengthError, match=reason) as caught:
        strip_of_runs(
            "".join(strings).encode(),
            borders[:-1],
            borders[1:],
            6,
            np.zeros(len(strings), np.int64),
        )
    assert caught.value.mask == mask


def test_masks_of_different_images_may_cover_the_same_pixels():
    runs, areas = strip_of_runs(b"231231", np.array([0, 3]), np.array([3, 6]), 6, np.array([0, 4]))
    assert runs.begins.tolist() == [2, 26]
    assert areas.tolist() == [3, 3]
