"""Pixel retrieval: its loss, its search, its growing reference, and the whole method."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_lab.datasets.procedural import suite
from vos_lab.methods import create, pixel_retrieval, run
from vos_lab.methods.baseline import Baseline
from vos_lab.methods.pixel_retrieval import (
    EmbeddingNetwork,
    PixelRetrieval,
    embed,
    grow_reference,
    nearest_neighbour_labels,
    pixel_triplet_loss,
    places_of,
    squared_distances,
)
from vos_lab.metrics import jaccard
from vos_lab.video import Video


def drawn(seed, *shape):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 6), st.integers(1, 6), st.integers(1, 5))
def test_distances_are_those_of_the_definition(seed, a, b, c):
    first, second = drawn(seed, a, c), drawn(seed + 1, b, c)
    expected = (first[:, None] - second[None]).square().sum(dim=-1)
    torch.testing.assert_close(squared_distances(first, second), expected, atol=1e-4, rtol=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 6), st.integers(1, 7), st.integers(1, 7))
def test_the_triplet_loss_is_that_of_a_slow_loop(seed, a, p, n):
    anchors, same, other = drawn(seed, a, 3), drawn(seed + 1, p, 3), drawn(seed + 2, n, 3)
    missing = []
    for anchor in anchors:
        to_same = min(float((anchor - x).square().sum()) for x in same)
        to_other = min(float((anchor - x).square().sum()) for x in other)
        missing.append(max(0.0, to_same - to_other + 0.7))
    loss = pixel_triplet_loss(anchors, same, other, 0.7)
    assert float(loss) == pytest.approx(np.mean(missing), abs=1e-4)


def test_the_triplet_loss_moves_only_the_nearest_of_a_pool():
    same = torch.tensor([[1.0, 0.0], [50.0, 0.0]], requires_grad=True)
    pixel_triplet_loss(torch.zeros(1, 2), same, torch.tensor([[0.0, 1.0]]), 1.0).backward()
    assert same.grad[0].abs().sum() > 0
    assert same.grad[1].abs().sum() == 0


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 9999),
    st.integers(1, 20),
    st.integers(1, 12),
    st.integers(1, 15),
    st.integers(1, 300),
)
def test_labels_are_those_of_a_slow_search_however_it_is_cut(seed, q, r, k, most):
    queries, references = drawn(seed, q, 3), drawn(seed + 1, r, 3)
    labels = torch.from_numpy(np.random.default_rng(seed).random((r, 2), np.float32))
    found = nearest_neighbour_labels(queries, references, labels, k, most)
    for query, answer in zip(queries, found, strict=True):
        order = (references - query).square().sum(dim=1).argsort()[:k]
        torch.testing.assert_close(answer, labels[order].mean(dim=0), atol=1e-5, rtol=1e-5)


def test_no_matrix_is_larger_than_its_bound(monkeypatch):
    sizes = []

    def watched(a, b):
        sizes.append(len(a) * len(b))
        return squared_distances(a, b)

    monkeypatch.setattr(pixel_retrieval, "squared_distances", watched)
    nearest_neighbour_labels(drawn(0, 1000, 4), drawn(1, 70, 4), torch.rand(70, 1), 3, 5000)
    assert max(sizes) <= 5000
    assert sum(sizes) == 70_000
    sizes.clear()
    run(PixelRetrieval("colour"), suite("easy", length=1, frames=3)[0], progress=False)
    assert max(sizes) <= pixel_retrieval.MAX_DISTANCES


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 9999),
    st.integers(1, 5),
    st.integers(0, 6),
    st.integers(0, 6),
    st.integers(0, 8),
)
def test_the_reference_grows_as_a_slow_list_would(seed, given, added, new, most):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet([0.5, 0.5, 0.5], size=new)[:, 1:].astype(np.float32)
    kept = list(range(given, given + added))
    for i, each in enumerate(shares):
        if max(*each, 1 - each.sum()) >= 0.75:
            kept.append(given + added + i)
    while len(kept) > most:
        kept.pop(0)
    found = grow_reference(given, added, torch.from_numpy(shares), 0.75, most)
    assert found.tolist() == [*range(given), *kept]


# --- the network ------------------------------------------------------------------------------


def test_the_network_knows_place_and_time():
    torch.manual_seed(0)
    network = EmbeddingNetwork().eval()
    grey = np.full((32, 48, 3), 128, np.uint8)
    now, later, much_later = (embed(network, grey, t) for t in (0, 10, 500))
    assert now.shape == (8, 12, pixel_retrieval.DIMENSIONS + 3)
    assert not torch.allclose(now, later, atol=1e-4)
    torch.testing.assert_close(much_later, embed(network, grey, pixel_retrieval.MAX_TIME))
    middle = now[3:5, 4:8].flatten(0, 1)  # far from the border, only the place differs
    assert (middle - middle[0]).abs().max() > 1e-4


def test_places_go_from_edge_to_edge():
    rows, columns = places_of((2, 4))
    assert rows[:, 0].tolist() == [-0.5, 0.5]
    assert columns[0].tolist() == [-0.75, -0.25, 0.25, 0.75]


@pytest.mark.parametrize("size", [(16, 16), (33, 47), (241, 429)])
def test_any_size_is_embedded(size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    cells = tuple(-(-side // pixel_retrieval.STRIDE) for side in size)
    for name in ("random", "colour", "learned"):
        network = pixel_retrieval.embedding_network(name)
        assert embed(network, image, 0).shape[:2] == cells


def test_an_unknown_embedding_is_refused_by_name():
    with pytest.raises(ValueError, match=r"'sift'.*learned, plain, random, colour"):
        PixelRetrieval("sift")


# --- the method -------------------------------------------------------------------------------


def test_it_follows_an_object():
    for name in ("easy", "camera"):
        video = suite(name, "val", length=1, frames=12)[0]
        truth = np.stack(list(video.masks)) == 1
        found, copied = (
            run(method, video, progress=False) == 1 for method in (PixelRetrieval(), Baseline())
        )
        j = jaccard(found, truth)[1:].mean()
        assert j > 0.85
        assert j > jaccard(copied, truth)[1:].mean()


def test_several_objects_keep_their_labels():
    video = suite("many-objects", "val", length=1, frames=6)[0]
    truth = np.stack(list(video.masks))
    found = run(PixelRetrieval(), video, progress=False)
    labels = [label for label in np.unique(truth[0]) if label]
    assert len(labels) > 1
    assert set(np.unique(found)) <= {0, *labels}
    assert np.mean([jaccard(found == k, truth == k)[1:].mean() for k in labels]) > 0.6


def test_what_it_keeps_is_bounded():
    frames = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    mask = np.zeros((32, 32), np.uint8)
    mask[8:20, 8:20] = 1
    method = PixelRetrieval("colour", frames=3)
    method.start(frames[0], mask)
    for t in range(1000):
        method.step(frames[t % 4])
        assert len(method.reference.places) <= 64 * (1 + 3)
    assert method.reference.given == 64
    torch.testing.assert_close(method.reference.labels[:64].sum(), torch.tensor(9.0))


def test_without_growing_the_reference_stays():
    video = suite("easy", "val", length=1, frames=4, size=(48, 80))[0]
    method = PixelRetrieval("colour", frames=0)
    run(method, video, progress=False)
    assert len(method.reference.places) == method.reference.given == 12 * 20


def test_only_near_references_are_asked():
    here, there = np.full((2, 48, 160, 3), 90, np.uint8)
    here[16:32, 8:24] = there[16:32, 120:136] = 220  # it jumps, or it is another one
    mask = np.zeros((48, 160), np.uint8)
    mask[16:32, 8:24] = 1
    for radius, found in ((8, False), (None, True)):
        method = PixelRetrieval("colour", 1, radius, radius)
        method.start(here, mask)
        assert jaccard(method.step(here) == 1, mask == 1) > 0.95
        assert method.step(there)[18:30, 122:134].all() == found
        assert method.step(there).any() == found


def test_objects_are_taken_up_later():
    frames = np.full((6, 64, 96, 3), 90, np.uint8)
    truth = np.zeros((6, 64, 96), np.uint8)
    for t in range(6):
        truth[t, 8:32, 8 + 2 * t : 32 + 2 * t] = 1
        if t >= 3:
            truth[t, 36:60, 60:84] = 2
    frames[truth == 1], frames[truth == 2] = (220, 60, 40), (40, 60, 220)
    second = np.where(truth[3] == 2, truth[3], 0)
    found = run(
        PixelRetrieval(), Video("later", frames), given={0: truth[0], 3: second}, progress=False
    )
    assert not (found[:3] == 2).any()
    for label in (1, 2):
        assert jaccard(found[4:] == label, truth[4:] == label).min() > 0.8


def one_pixel(mask):
    mask[20, 20] = 1


def everything(mask):
    mask[:] = 1


def nothing(mask):
    pass


@pytest.mark.parametrize("paint", [one_pixel, everything, nothing])
@pytest.mark.parametrize("size", [(32, 32), (90, 40), (40, 90)])
def test_odd_masks_and_sizes_give_masks(paint, size):
    frames = np.random.default_rng(0).integers(0, 256, (3, *size, 3), dtype=np.uint8)
    mask = np.zeros(size, np.uint8)
    paint(mask)
    masks = run(PixelRetrieval(), Video("odd", frames), given={0: mask}, progress=False)
    assert masks.shape == (3, *size)
    if paint is nothing:
        assert not masks.any()
    if paint is everything:
        assert masks.all()


def test_what_does_not_fit_is_refused():
    frame = np.zeros((32, 48, 3), np.uint8)
    with pytest.raises(ValueError, match="needs one"):
        PixelRetrieval("colour").start(frame)
    with pytest.raises(ValueError, match=r"\(8, 8\).*\(32, 48\)"):
        PixelRetrieval("colour").start(frame, np.zeros((8, 8), np.uint8))


def test_the_same_video_gives_the_same_masks():
    video = suite("camera", "val", length=1, frames=4, size=(96, 160))[0]
    first, second = (run(create("pixel-retrieval"), video, progress=False) for _ in range(2))
    assert np.array_equal(first, second)
