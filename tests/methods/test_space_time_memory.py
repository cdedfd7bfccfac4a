"""Space-time memory: its read, its aggregation, what it keeps, and the whole method."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_lab import weights
from vos_lab.datasets.procedural import suite
from vos_lab.methods import ablations, create, run, space_time_memory
from vos_lab.methods.baseline import Baseline
from vos_lab.methods.space_time_memory import (
    KEY,
    STM,
    VALUE,
    SpaceTimeNetwork,
    cells,
    choose_memory,
    memory_read,
    soft_aggregate,
)
from vos_lab.metrics import jaccard
from vos_lab.video import Video


def drawn(seed, *shape):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


@pytest.fixture(scope="module")
def untrained():
    """A network with random weights, that looks at masks too."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = SpaceTimeNetwork().eval()
        torch.nn.init.normal_(network.masks.weight, std=0.1)
    return network


# --- the read ---------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 9999),
    st.integers(1, 5),
    st.integers(1, 7),
    st.integers(1, 6),
    st.floats(0.1, 5),
)
def test_the_read_is_that_of_a_slow_loop(seed, q, m, c, temperature):
    queries, keys, values = drawn(seed, q, c), drawn(seed + 1, m, c), drawn(seed + 2, m, 3)
    found = memory_read(queries, keys, values, temperature)
    for query, answer in zip(queries, found, strict=True):
        scores = [float(query @ key) / math.sqrt(c) / temperature for key in keys]
        parts = [math.exp(score - max(scores)) for score in scores]
        expected = sum(p / sum(parts) * value for p, value in zip(parts, values, strict=True))
        torch.testing.assert_close(answer, expected, atol=1e-4, rtol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 4), st.integers(1, 5))
def test_the_order_of_the_memory_makes_no_difference(seed, q, m):
    queries, keys, values = drawn(seed, q, 4), drawn(seed + 1, m, 4), drawn(seed + 2, m, 2)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(m))
    torch.testing.assert_close(
        memory_read(queries, keys, values), memory_read(queries, keys[order], values[order])
    )


def test_a_frame_that_is_in_the_memory_twice_changes_nothing():
    queries, keys, values = drawn(0, 3, 4), drawn(1, 5, 4), drawn(2, 5, 2)
    twice = memory_read(queries, torch.cat([keys, keys]), torch.cat([values, values]))
    torch.testing.assert_close(memory_read(queries, keys, values), twice)


def test_what_is_far_is_not_read():
    queries, keys = torch.zeros(1, 4), torch.zeros(2, 4)
    values = torch.tensor([[1.0], [5.0]])
    nearness = torch.tensor([[0.0, -space_time_memory.FORBIDDEN]])
    assert float(memory_read(queries, keys, values, nearness=nearness)) == pytest.approx(1.0)


# --- several objects --------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 5))
def test_the_shares_of_a_pixel_add_up_to_one(seed, k):
    objects = torch.from_numpy(np.random.default_rng(seed).random((k, 3, 4), np.float32))
    shares = soft_aggregate(objects)
    assert shares.shape == (k + 1, 3, 4)
    torch.testing.assert_close(shares.sum(dim=0), torch.ones(3, 4))
    assert torch.equal(shares[1:].argmax(dim=0), objects.argmax(dim=0))  # the surest stays so


def test_one_object_alone_becomes_surer_of_both():
    low, high = soft_aggregate(torch.tensor([[0.2, 0.8]]))[1]
    # The odds of 0.8 against those of 0.2: 4 against 1/4.
    assert float(high) == pytest.approx(4 / 4.25)
    assert float(low) == pytest.approx(0.25 / 4.25)


# --- what is kept -----------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 5), st.integers(0, 6), st.integers(2, 8), st.integers(1, 60))
def test_over_a_video_the_memory_is_what_the_rule_says(first, every, most, length):
    kept = [first]
    for now in range(first + 1, first + 1 + length):
        kept = choose_memory(kept, now, every, most)
        assert kept[0] == first
        assert kept[-1] == now
        assert len(kept) <= most
        assert kept == sorted(set(kept))
        between = [t for t in range(first + 1, now) if every and (t - first) % every == 0]
        assert kept[1:-1] == between[max(0, len(between) - (most - 2)) :]


# --- the network ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(16, 16), (33, 47), (120, 216)])
def test_any_size_can_be_looked_at(untrained, size):
    grid = [-(-side // 8) for side in size]
    with torch.inference_mode():
        look = untrained.look(torch.rand(2, 3, *size))
        key, value = untrained.memorise(look.half, torch.rand(2, 2, *size))
        score = untrained.decode(value, look)
    assert look.key.shape == key.shape == (2, KEY, *grid)
    assert look.value.shape == (2, VALUE, *grid)
    assert value.shape == (2, VALUE + 2, *grid)
    assert score.shape == (2, *size)
    assert cells(key).shape == (2, grid[0] * grid[1], KEY)


def test_the_memory_sees_the_masks(untrained):
    with torch.inference_mode():
        look = untrained.look(torch.rand(1, 3, 32, 48))
        nothing, everything = torch.zeros(1, 2, 32, 48), torch.ones(1, 2, 32, 48)
        swapped = torch.stack([torch.zeros(1, 32, 48), torch.ones(1, 32, 48)], dim=1)
        values = [untrained.memorise(look.half, m)[1] for m in (nothing, everything, swapped)]
    assert (values[0] - values[1]).abs().max() > 1e-3
    assert (values[1] - values[2]).abs().max() > 1e-3


def test_before_learning_keys_are_alike_where_pictures_are():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fresh = SpaceTimeNetwork().eval()
    with torch.inference_mode():
        look = fresh.look(torch.rand(1, 3, 48, 64))
        key, value = fresh.memorise(look.half, torch.rand(1, 2, 48, 64))
    torch.testing.assert_close(key, look.key, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(value[:, :VALUE], look.value, atol=1e-4, rtol=1e-4)


def test_a_value_holds_the_masks_themselves(untrained):
    masks = torch.zeros(1, 2, 32, 48)
    masks[:, 0, :8, :8], masks[:, 1, 8:12, 8:16] = 1, 1
    with torch.inference_mode():
        _, value = untrained.memorise(untrained.look(torch.rand(1, 3, 32, 48)).half, masks)
    assert value[0, VALUE, 0, 0] == 1
    assert value[0, VALUE].sum() == 1
    assert value[0, VALUE + 1, 1, 1] == 0.5


def test_it_is_as_small_as_promised():
    assert sum(p.numel() for p in SpaceTimeNetwork().parameters()) <= 2_000_000


# --- the method -------------------------------------------------------------------------------


def test_a_frame_is_seen_in_whole_cells(untrained):
    frame, mask = np.zeros((480, 854, 3), np.uint8), np.zeros((480, 854), np.uint8)
    mask[100:200, 300:400] = 1
    method = STM(untrained)
    method.start(frame, mask)
    assert method.size == (240, 432)  # not 241 x 429
    assert method.step(frame).shape == (480, 854)


def test_each_kind_of_memory_holds_what_it_says(untrained):
    video = suite("easy", "val", length=1, frames=12, size=(48, 80))[0]
    holds = {
        "every": [0, 4, 8, 11],
        "both": [0, 11],
        "first": [0],
        "previous": [11],
    }
    for kind, frames in holds.items():
        method = STM(untrained, memory=kind, every=4)
        run(method, video, progress=False)
        assert list(method.memory[1]) == frames


def test_a_long_video_takes_no_more_memory(untrained):
    frames = np.random.default_rng(0).integers(0, 256, (4, 32, 48, 3), dtype=np.uint8)
    mask = np.zeros((32, 48), np.uint8)
    mask[8:20, 8:20] = 1
    method = STM(untrained, every=2, most=4)
    method.start(frames[0], mask)
    most = 4 * 4 * 6 * (KEY + VALUE + 3)  # frames, cells, numbers of a cell
    for t in range(1000):
        method.step(frames[t % 4])
        entries = method.memory[1].values()
        assert sum(part.numel() for entry in entries for part in entry) <= most


def test_no_matrix_of_scores_is_larger_than_its_bound(untrained, monkeypatch):
    sizes = []

    def watched(queries, keys, *others):
        sizes.append(len(queries) * len(keys))
        return memory_read(queries, keys, *others)

    video = suite("easy", "val", length=1, frames=4, size=(96, 160))[0]
    whole = run(STM(untrained, every=1), video, progress=False)
    monkeypatch.setattr(space_time_memory, "memory_read", watched)
    monkeypatch.setattr(space_time_memory, "SCORES", 5000)
    parts = run(STM(untrained, every=1), video, progress=False)
    assert max(sizes) <= 5000
    assert sum(sizes) == 240 * (240 + 480 + 720)
    assert (whole == parts).mean() > 0.999


def test_weights_are_those_of_the_read(untrained):
    video = suite("easy", "val", length=1, frames=4, size=(48, 80))[0]
    method = STM(untrained, every=1, temperature=0.7)
    run(method, video, progress=False)
    look = method.look(video.frames[3])
    read = method._read(look, 1, list(method.memory[1].values()))
    found = method.weights_of(look, 1, place=17)
    assert list(found) == [0, 1, 2, 3]
    assert sum(float(each.sum()) for each in found.values()) == pytest.approx(1, abs=1e-4)
    by_hand = sum(
        torch.from_numpy(each.flatten()) @ method.memory[1][t].value for t, each in found.items()
    )
    torch.testing.assert_close(read[17], by_hand, atol=1e-4, rtol=1e-4)


def test_a_window_forbids_the_object_to_what_is_far(untrained):
    frames = np.full((2, 64, 160, 3), 90, np.uint8)
    mask = np.zeros((64, 160), np.uint8)
    mask[16:48, 8:40] = 1
    method = STM(untrained, window=3.0)
    method.start(frames[0], mask)
    look = method.look(frames[1])
    for place, reads in ((4 * 20 + 3, True), (4 * 20 + 18, False)):
        (weight,) = method.weights_of(look, 1, place).values()
        of_object = weight.flatten() @ method.memory[1][0].share.numpy()
        assert (of_object > 1e-6) == reads
    for _ in range(4):  # lost: the window grows, until it is everywhere
        method._see(1, np.zeros(method.size, np.float32))
    (weight,) = method.weights_of(look, 1, 4 * 20 + 18).values()
    assert weight.flatten() @ method.memory[1][0].share.numpy() > 1e-6


def test_hard_masks_are_hard_in_the_memory(untrained):
    frame = np.full((32, 48, 3), 90, np.uint8)
    soft = {1: np.full((32, 48), 0.6, np.float32), 2: np.full((32, 48), 0.3, np.float32)}
    entries = {}
    for hard in (False, True):
        method = STM(untrained, hard=hard)
        method.start(frame, np.ones((32, 48), np.uint8))
        entries[hard] = method.entries(method.look(frame), soft)
    assert float(entries[False][1].share.mean()) == pytest.approx(0.6)
    assert float(entries[True][1].share.mean()) == 1.0
    assert float(entries[True][2].share.mean()) == 0.0


def test_objects_are_taken_up_later(untrained):
    frames = np.random.default_rng(0).integers(0, 256, (6, 32, 48, 3), dtype=np.uint8)
    one, two = np.zeros((2, 32, 48), np.uint8)
    one[4:16, 4:16], two[16:28, 20:40] = 1, 2
    method = STM(untrained, every=2)
    found = run(method, Video("later", frames), given={0: one, 3: two}, progress=False)
    assert not (found[:3] == 2).any()
    assert list(method.memory[1]) == [0, 2, 4, 5]
    assert list(method.memory[2]) == [3, 5]  # its first frame is the third


def one_pixel(mask):
    mask[20, 20] = 1


def everything(mask):
    mask[:] = 1


def nothing(mask):
    pass


@pytest.mark.parametrize("paint", [one_pixel, everything, nothing])
@pytest.mark.parametrize("size", [(32, 32), (90, 40)])
def test_odd_masks_and_sizes_give_masks(untrained, paint, size):
    frames = np.random.default_rng(0).integers(0, 256, (3, *size, 3), dtype=np.uint8)
    mask = np.zeros(size, np.uint8)
    paint(mask)
    for window in (None, 2.0):
        method = STM(untrained, window=window)
        masks = run(method, Video("odd", frames), given={0: mask}, progress=False)
        assert masks.shape == (3, *size)
        if paint is nothing:
            assert not masks.any()


def test_what_does_not_fit_is_refused(untrained):
    frame = np.zeros((32, 48, 3), np.uint8)
    with pytest.raises(ValueError, match="needs one"):
        STM(untrained).start(frame)
    with pytest.raises(ValueError, match=r"\(8, 8\).*\(32, 48\)"):
        STM(untrained).start(frame, np.zeros((8, 8), np.uint8))
    with pytest.raises(ValueError, match=r"'all'.*every, both, first, previous"):
        STM(untrained, memory="all")
    with pytest.raises(ValueError, match="room for 2"):
        STM(untrained, most=1)


# --- the shipped weights ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["stm", "stm-stills"])
def test_the_shipped_weights_fit(name):
    weights.load_into(SpaceTimeNetwork(), name)
    assert weights.card(name)["parameters"] <= 2_000_000


def test_it_follows_an_object():
    for name in ("easy", "camera"):
        video = suite(name, "val", length=1, frames=8, size=(160, 288))[0]
        truth = np.stack(list(video.masks)) == 1
        found, copied = (run(m, video, progress=False) == 1 for m in (STM(), Baseline()))
        j = jaccard(found, truth)[1:].mean()
        assert j > 0.8
        assert j > jaccard(copied, truth)[1:].mean()


def test_the_same_video_gives_the_same_masks():
    video = suite("many-objects", "val", length=1, frames=3, size=(96, 160))[0]
    first, second = (run(create("stm"), video, progress=False) for _ in range(2))
    assert np.array_equal(first, second)
    assert set(np.unique(first)) <= {0, *np.unique(video.masks[0])}


@pytest.mark.parametrize("name", list(ablations("stm")))
def test_each_ablation_runs(name):
    video = suite("easy", "val", length=1, frames=3, size=(48, 80))[0]
    assert run(create(name), video, progress=False).shape == (3, 48, 80)
