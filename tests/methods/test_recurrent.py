"""Recurrent networks: the ConvLSTM, merging, matching, and S2S and RVOS as Segmenters."""

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_lab import weights
from vos_lab.datasets.procedural import Spec, render, suite
from vos_lab.methods import ablations, create, run, segment
from vos_lab.methods.recurrent import (
    CARRIES,
    CHANNELS,
    HIDDEN,
    OBJECTS,
    RVOS,
    S2S,
    RVOSNetwork,
    S2SNetwork,
    conv_lstm_step,
    found,
    match_instances,
    merge_objects,
    merged,
)
from vos_lab.metrics import jaccard
from vos_lab.video import VOID

SEEDS = st.integers(0, 9999)


def drawn(seed, *shape):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def untrained(kind, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return kind().eval()


@pytest.fixture(scope="module")
def s2s():
    return untrained(S2SNetwork)


@pytest.fixture(scope="module")
def rvos():
    return untrained(RVOSNetwork)


@pytest.fixture(scope="module")
def clip():
    return render(Spec(frames=4, size=(48, 80), objects=2, object_size=0.8), 7)


# --- the recurrent layer ----------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(1, 3), st.integers(1, 3))
def test_with_a_kernel_of_one_it_is_the_lstm_of_torch(seed, inputs, hidden):
    lstm = torch.nn.LSTMCell(inputs, hidden)
    x, h, c = (drawn(seed + i, 2, n, 1, 1) for i, n in enumerate((inputs, hidden, hidden)))
    with torch.no_grad():
        expected = lstm(x[..., 0, 0], (h[..., 0, 0], c[..., 0, 0]))
        # torch has the candidate before the output gate.
        order = [0, 1, 3, 2]
        whole = torch.cat([lstm.weight_ih, lstm.weight_hh], dim=1).chunk(4)
        weight = torch.cat([whole[i] for i in order])[..., None, None]
        bias = torch.cat([(lstm.bias_ih + lstm.bias_hh).chunk(4)[i] for i in order])
        answer = conv_lstm_step(x, h, c, weight, bias, forget_bias=0.0)
    for one, other in zip(answer, expected, strict=True):
        torch.testing.assert_close(one[..., 0, 0], other)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_the_state_keeps_its_size_and_moves_no_faster_than_half_a_kernel(kernel):
    weight, bias = drawn(0, 8, 5, kernel, kernel), drawn(1, 8)
    x, nothing = drawn(2, 1, 3, 9, 11), torch.zeros(1, 2, 9, 11)
    there = nothing.clone()
    there[..., 4, 5] = 3.0
    before, after = (conv_lstm_step(x, h, nothing, weight, bias)[0] for h in (nothing, there))
    rows, columns = torch.nonzero((before != after)[0].any(dim=0), as_tuple=True)
    half = kernel // 2
    assert (rows.min(), rows.max()) == (4 - half, 4 + half)
    assert (columns.min(), columns.max()) == (5 - half, 5 + half)


def test_an_open_forget_gate_remembers_and_a_closed_one_forgets():
    cell, nothing = torch.full((1, 1, 2, 2), 5.0), torch.zeros(1, 1, 2, 2)
    weight, bias = torch.zeros(4, 2, 1, 1), torch.zeros(4)
    kept, lost, half = (
        conv_lstm_step(nothing, nothing, cell, weight, bias, forget)[1][0, 0, 0, 0].item()
        for forget in (50.0, -50.0, 0.0)
    )
    assert kept == pytest.approx(5)
    assert lost == pytest.approx(0)
    assert half == pytest.approx(2.5)


# --- several objects --------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(0, 4))
def test_each_pixel_goes_to_the_likeliest_or_to_nobody(seed, count):
    rng = np.random.default_rng(seed)
    labels = sorted(rng.choice(np.arange(1, 255), count, replace=False).tolist())
    soft = {label: rng.random((3, 5)).astype(np.float32).round(1) for label in labels}
    answer = merge_objects(soft, (3, 5))
    assert answer.dtype == np.uint8
    for place in np.ndindex(3, 5):
        surest = max(labels, key=lambda label: soft[label][place]) if labels else 0
        right = surest if labels and soft[surest][place] > 0.5 else 0
        assert answer[place] == right  # max gives the first of several


def test_masks_are_enlarged_before_they_are_cut():
    small = np.array([[0.0, 1.0]], np.float32)
    assert merged({3: small}, (1, 8)).tolist() == [[0, 0, 0, 0, 3, 3, 3, 3]]


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 4), st.integers(1, 4))
def test_no_other_pairs_have_a_larger_sum(seed, p, m):
    rng = np.random.default_rng(seed)
    soft = torch.from_numpy(rng.random((p, 12), np.float32))
    truth = torch.from_numpy((rng.random((m, 12)) < 0.4).astype(np.float32))
    iou, pairs = match_instances(soft, truth)
    assert iou.shape == (p, m)
    assert len(pairs) == min(p, m)
    assert pairs == sorted(pairs)
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)
    many, few = max(p, m), min(p, m)
    sums = [
        sum(float(iou[(i, j) if p <= m else (j, i)]) for i, j in enumerate(order))
        for order in permutations(range(many), few)
    ]
    assert sum(float(iou[pair]) for pair in pairs) == pytest.approx(max(sums), abs=1e-5)


def test_the_iou_of_hard_masks_is_the_known_one_and_gradients_flow():
    rng = np.random.default_rng(0)
    one, other = rng.random((2, 1, 5, 6)) < 0.5
    iou, _ = match_instances(
        torch.from_numpy(one.reshape(1, -1)).float(), torch.from_numpy(other.reshape(1, -1)).float()
    )
    assert float(iou) == pytest.approx(float(jaccard(one, other)[0]))
    soft = torch.full((2, 4), 0.5, requires_grad=True)
    iou, ((slot, instance),) = match_instances(soft, torch.tensor([[1.0, 0.0, 0.0, 0.0]]))
    iou[slot, instance].backward()
    assert soft.grad[slot, 0] > 0 > soft.grad[slot, 1]
    assert match_instances(torch.zeros(1, 3), torch.zeros(1, 3))[0].item() == 1


# --- S2S --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [S2SNetwork, RVOSNetwork])
def test_the_networks_are_small(kind):
    assert sum(parameter.numel() for parameter in kind().parameters()) < 2e6


@pytest.mark.parametrize("carry", CARRIES)
def test_it_answers_with_label_maps(s2s, clip, carry):
    masks = run(S2S(carry, s2s), clip, progress=False)
    assert masks.shape == (4, 48, 80)
    assert set(np.unique(masks)) <= {0, 1, 2}


def test_what_is_carried_is_what_it_says(s2s, clip):
    frames = list(clip.frames)
    states = {}
    for carry in CARRIES:
        method = S2S(carry, s2s)
        method.start(frames[0], clip.first_mask)
        first = method.state(1)
        method.step(frames[1])
        states[carry] = first, method.state(1)
    for part in range(2):
        first, after = states["frozen"]
        assert torch.equal(first[part], after[part])
        for carry in ("state", "mask"):
            first, after = states[carry]
            assert not torch.equal(first[part], after[part])
    # Made of the last frame and its own mask alone.
    method = S2S("mask", s2s)
    method.start(frames[0], clip.first_mask)
    soft = method.soft(frames[1])
    made = method.first_states(method.look(frames[1]), soft)
    assert torch.equal(made[2].cell, method.state(2).cell)


def test_objects_know_nothing_of_each_other(s2s, clip):
    mask = np.array(clip.first_mask)
    both, alone = S2S(network=s2s), S2S(network=s2s)
    both.start(clip.frames[0], mask)
    alone.start(clip.frames[0], np.where(mask == 2, 2, 0).astype(np.uint8))
    for t in (1, 2):
        one, other = both.soft(clip.frames[t])[2], alone.soft(clip.frames[t])[2]
        np.testing.assert_allclose(one, other, atol=0.02)


def test_swapped_states_swap_the_objects_and_wiped_ones_are_alike(s2s, clip):
    method = S2S(network=s2s)
    method.start(clip.frames[0], clip.first_mask)
    kept, look = dict(method.states), method.look(clip.frames[1])
    before = method.advance(look)
    method.states = dict(kept)
    method.swap(1, 2)
    after = method.advance(look)
    np.testing.assert_allclose(after[1], before[2], atol=0.02)
    np.testing.assert_allclose(after[2], before[1], atol=0.02)
    method.states = dict(kept)
    method.wipe(1)
    assert not method.state(1).hidden.any()
    assert not method.state(1).cell.any()
    assert torch.equal(method.state(2).cell, kept[2].cell)
    assert kept[1].cell.any()  # the state that was there is not changed


def test_objects_can_come_later_and_void_is_none(s2s, rvos, clip):
    first, later = np.zeros((48, 80), np.uint8), np.zeros((48, 80), np.uint8)
    first[:20, :20], first[40:, 60:], later[20:40, 30:60] = 3, VOID, 9
    for method in (S2S(network=s2s), RVOS(network=rvos)):
        masks = list(segment(method, clip, {0: first, 2: later}))
        assert set(np.unique(masks[0])) == {0, 3}
        assert (masks[2][later > 0] == 9).all()
        assert set(np.unique(masks[3])) <= {0, 3, 9}
        assert list(method.soft(clip.frames[3])) == [3, 9]


@pytest.mark.parametrize("name", ["s2s", "rvos"])
def test_an_empty_mask_stays_empty_and_none_is_refused(name, s2s, rvos, clip):
    method = S2S(network=s2s) if name == "s2s" else RVOS(network=rvos)
    method.start(clip.frames[0], np.zeros((48, 80), np.uint8))
    assert not method.step(clip.frames[1]).any()
    with pytest.raises(ValueError, match="first mask"):
        method.start(clip.frames[0])
    with pytest.raises(ValueError, match="a mask of"):
        method.start(clip.frames[0], np.zeros((4, 4), np.uint8))


def test_an_unknown_carry_is_refused():
    with pytest.raises(ValueError, match="there are: state, frozen, mask"):
        S2S(carry="all")


# --- RVOS -------------------------------------------------------------------------------------


def test_it_stops_where_there_are_no_more():
    assert found([0.9, 0.8, 0.1, 0.7], known=0) == 2
    assert found([0.1, 0.1], known=2) == 2  # what is known is kept
    assert found([0.9] * 4, known=0) == 4
    assert found([], known=0) == 0


def with_stop(network, value):
    torch.nn.init.zeros_(network.more.weight)
    torch.nn.init.constant_(network.more.bias, value)
    return network


def test_without_a_mask_it_finds_objects_by_itself(clip):
    method = RVOS(zero_shot=True, network=with_stop(untrained(RVOSNetwork), 9.0))
    masks = run(method, clip, progress=False)
    assert masks.shape == (4, 48, 80)
    assert list(method.hidden) == list(range(1, OBJECTS + 1))
    whole = RVOS(zero_shot=True, whole=True, network=method.network)
    assert np.array_equal(run(whole, clip, progress=False), (masks > 0).astype(np.uint8))
    nobody = RVOS(zero_shot=True, network=with_stop(untrained(RVOSNetwork), -9.0))
    assert not run(nobody, clip, progress=False).any()


def test_it_is_recurrent_over_objects_and_over_time(rvos):
    look = rvos.encoder(torch.rand(1, 3, 32, 48))
    before = drawn(1, 1, 3, HIDDEN, 4, 6)
    told = rvos(look, before, None)
    assert told.score.shape == (1, 3, 32, 48)
    assert look.seen.shape == (1, CHANNELS, 4, 6)
    changed = before.clone()
    changed[:, 1] += 1.0
    after = rvos(look, changed, None)
    same = [torch.allclose(told.hidden[:, i], after.hidden[:, i]) for i in range(3)]
    assert same == [True, False, False]  # itself through time, the next through space


def test_the_last_masks_have_influence_one_shot(rvos):
    look, before = rvos.encoder(torch.rand(1, 3, 32, 48)), torch.zeros(1, 2, HIDDEN, 4, 6)
    masks = torch.zeros(1, 2, 32, 48)
    unmarked = rvos(look, before, masks)
    masks[:, 1, :16] = 1.0  # of the second object; it is one of the others for the first
    marked = rvos(look, before, masks)
    for i in range(2):
        assert not torch.allclose(unmarked.score[:, i], marked.score[:, i])
    torch.testing.assert_close(rvos(look, before, None).score, unmarked.score)


# --- the shipped weights ----------------------------------------------------------------------


def mean_j(method, videos):
    scores = []
    for video in videos:
        truth = np.stack([np.asarray(mask) == 1 for mask in video.masks])
        scores.append(float(jaccard(run(method, video, progress=False) == 1, truth)[1:].mean()))
    return float(np.mean(scores))


@pytest.fixture(scope="module")
def easy():
    return suite("easy", "val", length=3, frames=10, size=(120, 216))


@pytest.mark.parametrize("name", ["s2s", "rvos"])
def test_what_ships_follows_an_object(easy, name):
    assert mean_j(create(name), easy) > mean_j(create("baseline"), easy)
    assert mean_j(create(name), easy) > 0.5


def test_the_ablations_can_be_made():
    for name in ablations("s2s"):  # those of RVOS stand in the same module
        assert name.startswith(f"{create(name).name}-")


def test_what_ships_says_how_it_was_made():
    for name in ("s2s", "s2s-frozen", "s2s-last-mask", "rvos"):
        card = weights.card(name)
        assert card["parameters"] < 2e6
    same = [weights.card(name) for name in ("s2s", "s2s-frozen", "s2s-last-mask")]
    assert len({(card["steps"], card["data"], card["seed"]) for card in same}) == 1


@pytest.mark.parametrize("number", [0, 1])
def test_objects_whose_states_are_swapped_are_taken_for_each_other(number):
    video = render(Spec(objects=2, frames=3, size=(120, 216)), 3 * number + 1)  # of split val
    method = create("s2s")
    method.start(video.frames[0], video.first_mask)
    method.step(video.frames[1])
    method.swap(1, 2)
    masks, truth = method.step(video.frames[2]), np.asarray(video.masks[2])
    for one, other in ((1, 2), (2, 1)):
        assert jaccard((masks == one)[None], (truth == other)[None])[0] > 0.6
        assert jaccard((masks == one)[None], (truth == one)[None])[0] < 0.1
