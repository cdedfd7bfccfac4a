"""AGNN: messages, gates, the update, the network, and the Segmenter."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_lab import weights
from vos_lab.datasets.procedural import Spec, render, suite
from vos_lab.methods import create, run
from vos_lab.methods.graph import (
    AGNN,
    CHANNELS,
    LOOK,
    NODES,
    AttentiveGraph,
    attention_message,
    gate_messages,
    spread,
    trained,
    update_node,
)
from vos_lab.metrics import jaccard
from vos_lab.video import Video


def graph(seed=0):
    """A network that has learned nothing, whose messages and updates do something."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = AttentiveGraph()
    with torch.no_grad():
        network.share.fill_(0.5)
        network.update.bias.fill_(0.0)
    return network.eval()


# --- the parts --------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 6))
def test_a_message_is_a_mean_whatever_order_the_cells_have(seed, here, there):
    generator = torch.Generator().manual_seed(seed)
    listening = torch.randn(here, 3, generator=generator)
    speaking = torch.randn(there, 3, generator=generator)
    weight = torch.randn(3, 3, generator=generator)
    message = attention_message(listening, speaking, weight)
    assert (message <= speaking.amax(dim=0) + 1e-5).all()
    assert (message >= speaking.amin(dim=0) - 1e-5).all()
    order = torch.randperm(there, generator=generator)
    torch.testing.assert_close(message, attention_message(listening, speaking[order], weight))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5))
def test_gates_only_lower_what_was_heard(seed, count):
    generator = torch.Generator().manual_seed(seed)
    messages = torch.rand(count, 3, 2, 4, generator=generator)
    weight, bias = torch.randn(3, 3, generator=generator), torch.randn(3, generator=generator)
    together = gate_messages(messages, weight, bias)
    assert (together >= 0).all()
    assert (together <= messages.mean(dim=0) + 1e-6).all()
    open_wide = gate_messages(messages, 0 * weight, bias + 100)
    torch.testing.assert_close(open_wide, messages.mean(dim=0))


def test_a_closed_update_gate_keeps_the_state_and_an_open_one_bounds_it():
    state, message = 9 * torch.randn(1, 2, 3, 4), torch.randn(1, 2, 3, 4)
    shut, wide = (lambda both, v=v: torch.full((1, 2, 3, 4), v) for v in (-99.0, 99.0))
    torch.testing.assert_close(update_node(state, message, shut, wide, wide), state)
    assert update_node(state, message, wide, wide, wide).abs().max() <= 1


# --- the network ------------------------------------------------------------------------------


def test_a_node_hears_itself_and_then_each_other_node_once():
    network, state = graph(), torch.randn(1, 3, CHANNELS, 2, 3)
    with torch.inference_mode():
        heard = network.messages(state)
        assert heard.shape == (1, 3, 3, CHANNELS, 2, 3)
        for i in range(3):
            for k in (1, 2):
                here, there = (state[0, j].flatten(1).T for j in (i, (i + k) % 3))
                expected = attention_message(here, there, network.edge).T
                torch.testing.assert_close(heard[0, i, k, :-1].flatten(1), expected[:-1])


def test_a_message_says_how_alike_the_cells_are():
    network = graph()
    with torch.inference_mode():
        one, other = torch.rand(2, 1, 3, 32, 48)
        state, _ = network.encode(torch.cat([one, one, other]))
        alike = network.messages(state[None])[0, 0, :, -1]
    assert state[:, LOOK].norm(dim=1).flatten().tolist() == pytest.approx([1] * 72, abs=1e-4)
    assert alike[1].mean() > alike[2].mean()


def test_the_other_nodes_may_come_in_any_order():
    network, frames = graph(), torch.rand(1, 4, 3, 32, 48)
    with torch.inference_mode():
        one = network(frames)[-1][:, 0]
        other = network(frames[:, [0, 3, 1, 2]])[-1][:, 0]
    torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_other_frames_matter_after_a_round_and_not_before():
    network, frames = graph(), torch.rand(1, 3, 3, 32, 48)
    changed = frames.clone()
    changed[:, 1:] = torch.rand(1, 2, 3, 32, 48)
    with torch.inference_mode():
        before, after = network(frames, rounds=1), network(changed, rounds=1)
    torch.testing.assert_close(before[0][:, 0], after[0][:, 0])
    assert not torch.allclose(before[1][:, 0], after[1][:, 0])


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (120, 216)])
def test_masks_have_the_size_of_the_frames(size):
    with torch.inference_mode():
        masks = graph()(torch.rand(1, 2, 3, *size))
    assert [mask.shape for mask in masks] == [(1, 2, *size)] * 4


def test_the_attention_that_is_shown_is_that_of_the_message():
    network, state = graph(), torch.randn(2, CHANNELS, 3, 4)
    with torch.inference_mode():
        shares = network.attention(state, (1, 2))
        cells = state.flatten(-2).mT
        message = attention_message(cells[0], cells[1], network.edge)[1 * 4 + 2]
    assert shares.shape == (1, 3, 4)
    torch.testing.assert_close(shares.flatten() @ cells[1], message)


# --- the Segmenter ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(32, 32), (160, 60), (300, 500)])
@pytest.mark.parametrize("frames", [1, 3])
def test_it_answers_every_video(size, frames):
    clip = render(Spec(frames=frames, size=size), 2)
    masks = run(AGNN(network=graph()), clip, progress=False)
    assert masks.shape == (frames, *size)
    assert set(np.unique(masks)) <= {0, 1}


def noise(count):
    rng = np.random.default_rng(0)
    return Video("noise", rng.integers(0, 256, (count, 32, 48, 3), np.uint8))


def test_nodes_are_spread_over_the_whole_video():
    method = AGNN(network=graph())
    run(method, noise(40), progress=False)
    assert sorted(method.kept) == [5, 15, 25, 35]


def test_without_a_preview_it_looks_at_the_past_alone():
    whole = noise(60)
    changed = Video("changed", np.concatenate([whole.frames[:30], whole.frames[:30]]))
    method = AGNN(looks_ahead=False, network=graph())
    one, other = (run(method, video, progress=False) for video in (whole, changed))
    np.testing.assert_array_equal(one[:30], other[:30])
    assert max(method.kept) < 60
    assert len(method.kept) <= 2 * NODES
    assert len(method.companions()) == NODES - 1


def test_what_it_keeps_is_bounded():
    method = AGNN(looks_ahead=False, network=graph())
    frame = noise(1).frames[0]
    method.start(frame)
    sizes = []
    for _ in range(200):
        method._keep(torch.zeros(1))
        sizes.append(len(method.kept))
    assert max(sizes) <= 2 * NODES + 1
    assert min(sizes[20:]) >= NODES


def test_a_frame_is_no_companion_of_itself():
    method = AGNN(network=graph())
    method.preview(noise(8).frames)
    method.start(noise(8).frames[0])
    for t in range(8):
        assert t not in method.companions()
        method.step(noise(8).frames[t])


@given(st.integers(0, 300), st.integers(0, 9))
def test_spread_numbers_are_there_and_differ(length, count):
    chosen = spread(length, count)
    assert len(set(chosen)) == len(chosen) == min(length, count)
    assert all(0 <= t < length for t in chosen)


# --- with the shipped weights -----------------------------------------------------------------


def test_the_weights_ship_with_a_card():
    card = weights.card("agnn")
    assert card["name"] == "agnn"
    # No test seed was trained on: train_video draws from the train split alone.
    assert "train_video" in card["data"]
    assert card["held_out"][-1]["1 - J"] < card["held_out"][0]["1 - J"]
    assert card["parameters"] == sum(p.numel() for p in trained().parameters()) < 1_000_000


def test_no_mask_is_needed_and_the_object_is_found():
    clips = suite("easy", frames=5, size=(120, 216), length=3)
    scores = []
    for clip in clips:
        masks = run(create("agnn"), clip, progress=False)
        scores.append(jaccard(masks == 1, np.stack(list(clip.masks)) == 1).mean())
    assert np.mean(scores) > 0.5
