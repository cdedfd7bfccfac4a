"""ReID-VOS: its loss, its table, its assignment, its embedding of regions, and both ways."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from vos_lab.methods import create, reid, run, segment
from vos_lab.methods.proposals import Proposal
from vos_lab.methods.reid import (
    DIMENSIONS,
    ReIDVOS,
    load_reid,
    masked_mean,
    packed,
    recover_lost_objects,
    region,
    region_embeddings,
    reid_loss,
    unpacked,
    update_table,
)
from vos_lab.metrics import jaccard
from vos_lab.video import Lazy, Video


def directions(seed, *shape):
    drawn = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return functional.normalize(torch.from_numpy(drawn), dim=1)


# --- the loss and its table -------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 6), st.integers(1, 7), st.floats(0.05, 2))
def test_the_loss_is_that_of_a_slow_loop(seed, n, m, temperature):
    embeddings, table = directions(seed, n, 4), directions(seed + 1, m, 4)
    identities = torch.from_numpy(np.random.default_rng(seed).integers(0, m, n))
    expected = 0.0
    for one, identity in zip(embeddings, identities, strict=True):
        scores = [float((one * row).sum()) / temperature for row in table]
        expected += -np.log(np.exp(scores[int(identity)]) / np.exp(scores).sum()) / n
    found = float(reid_loss(embeddings, identities, table, temperature))
    assert found == pytest.approx(expected, abs=1e-4)
    assert found >= 0


def test_the_loss_pulls_to_the_right_identity():
    embeddings = torch.tensor([[0.6, 0.8]], requires_grad=True)
    reid_loss(embeddings, torch.tensor([0]), torch.eye(2), 0.1).backward()
    assert embeddings.grad[0, 0] < 0 < embeddings.grad[0, 1]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9999), st.floats(0, 1))
def test_the_table_stays_of_length_one_and_changes_only_what_was_seen(seed, momentum):
    table, before = directions(seed, 5, 4), directions(seed, 5, 4)
    update_table(table, directions(seed + 1, 3, 4), torch.tensor([1, 3, 1]), momentum)
    torch.testing.assert_close(table.norm(dim=1), torch.ones(5))
    assert torch.equal(table[[0, 2, 4]], before[[0, 2, 4]])


def test_an_identity_that_was_not_seen_yet_takes_the_first_embedding():
    table, one = torch.zeros(2, 4), directions(3, 1, 4)
    update_table(table, one, torch.tensor([1]), 0.5)
    torch.testing.assert_close(table[1], one[0])
    assert not table[0].any()


# --- who is who -------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 9999), st.integers(0, 8), st.integers(1, 4), st.floats(0, 1))
def test_a_proposal_goes_to_one_lost_object_that_it_is_most_like(seed, p, k, threshold):
    rng = np.random.default_rng(seed)
    similarity, lost = rng.random((p, k), np.float32), rng.random(k) < 0.6
    found = recover_lost_objects(similarity, lost, threshold)
    assert found.shape == (k,)
    given_out = found[found >= 0]
    assert len(set(given_out)) == len(given_out)
    for one in range(k):
        own = [
            (similarity[i, one], i)
            for i in range(p)
            if lost[one] and similarity[i, one] == similarity[i].max()
        ]
        own = [pair for pair in own if pair[0] > threshold]
        assert found[one] == (max(own)[1] if own else -1)


# --- the embedding ----------------------------------------------------------------------------


def test_embeddings_are_of_length_one_and_zeros_for_nothing():
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    masks = np.zeros((4, 48, 64), np.float32)
    masks[0, :30, :20] = masks[1, 47, 63] = masks[2] = 1  # at a corner, one pixel, everything
    masks[3] = 0.4  # nowhere above one half
    found = region_embeddings(load_reid("random"), image, masks)
    assert found.dtype == np.float32
    assert found.shape == (4, DIMENSIONS)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [1, 1, 1, 0], atol=1e-5)
    assert region_embeddings(load_reid("random"), image, masks[:0]).shape == (0, DIMENSIONS)


def test_a_region_is_square_with_its_mask_in_the_middle():
    image = np.zeros((40, 60, 3), np.uint8)
    mask = np.zeros((40, 60), np.float32)
    mask[0:10, 40:60] = 1  # at the border: what is outside repeats it, and is not of the mask
    image[mask > 0] = 255
    seen = region(image, mask)[0]
    assert seen.shape == (4, reid.REGION_SIZE, reid.REGION_SIZE)
    rows, columns = np.nonzero(seen[3].numpy() > 0.5)
    assert rows.mean() == pytest.approx(31.5, abs=2)
    assert columns.mean() == pytest.approx(31.5, abs=2)
    assert seen[3].mean() == pytest.approx(200 / 26**2, abs=0.02)


def test_what_is_outside_the_mask_does_not_count_in_the_mean():
    features = torch.tensor([[[[1.0, 5.0], [3.0, 5.0]]]])
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., :2] = 1
    assert masked_mean(features, mask).tolist() == [[2.0]]
    assert masked_mean(features, torch.zeros(1, 1, 4, 4)).tolist() == [[0.0]]


def test_networks_are_found_by_name():
    one = load_reid("random")
    assert load_reid(one) is one
    assert torch.equal(one.head[1].weight, load_reid("random").head[1].weight)
    assert not torch.equal(one.head[1].weight, load_reid("random", seed=1).head[1].weight)
    with pytest.raises(FileNotFoundError, match=r"'magic'.*there are: .*reid"):
        load_reid("magic")


def test_the_shipped_network_knows_colours_again():
    image = np.full((60, 160, 3), 90, np.uint8)
    masks = np.zeros((3, 60, 160), np.float32)
    for k, (x, colour) in enumerate(
        [(30, (220, 50, 50)), (80, (50, 50, 220)), (130, (220, 50, 50))]
    ):
        cv2.circle(masks[k], (x, 30), 18, 1, -1)
        image[masks[k] > 0] = colour
    red, blue, other_red = region_embeddings(load_reid(), image, masks)
    assert red @ other_red > 0.9
    assert red @ blue < 0.6


# --- the method -------------------------------------------------------------------------------


class Colours:
    """Proposes everything that is red or blue: a proposer that needs no training."""

    def propose(self, image):
        found = []
        for channel in (0, 2):
            mask = (image[..., channel] > 150) & (image[..., 2 - channel] < 120)
            if mask.sum() > 20:
                found.append(Proposal(mask.astype(np.float32), 0.9))
        return found


class Copies(ReIDVOS):
    """Refines nothing: what is tested is who is lost, and found again, and when."""

    def _refined(self, frame, small, previous, flow):
        if flow is None:
            return previous
        colour = np.where(frame[..., 0] > frame[..., 2], frame[..., 0], frame[..., 2])
        return ((previous > 0.2) & (colour > 150)).astype(np.float32)


@pytest.fixture
def hidden():
    """A red disk that is away in frames 4 to 7, and comes back at another place."""
    frames, masks = np.full((14, 60, 120, 3), 90, np.uint8), np.zeros((14, 60, 120), np.uint8)
    frames += np.arange(0, 24, 2, dtype=np.uint8).repeat(10)[:, None]
    for t in range(14):
        if not 4 <= t <= 7:
            cv2.circle(masks[t], (25 + 2 * t if t < 4 else 60 + 2 * t, 30), 12, 1, -1)
        frames[t][masks[t] == 1] = (220, 50, 50)
    return Video("hidden", frames, masks=masks)


def method(**options):
    return Copies(parent=None, steps=0, **({"proposer": Colours()} | options))


def test_what_was_lost_is_found_again_and_without_recovery_it_is_not(hidden):
    found, lost = (
        jaccard(run(method(recover=r), hidden, progress=False) == 1, hidden.masks == 1)
        for r in (True, False)
    )
    assert found[:4].min() > 0.7
    assert found[9:].min() > 0.7
    assert lost[9:].max() < 0.2


def test_nothing_is_found_while_nothing_is_there(hidden):
    masks = run(method(), hidden, progress=False)
    assert not masks[4:8].any()


class Late(Colours):
    """Proposes nothing in the first frames after the object has come back."""

    def __init__(self, silent):
        self.silent = silent

    def propose(self, image):
        self.silent -= 1
        return super().propose(image) if self.silent < 0 else []


def test_backwards_it_fills_the_frames_in_which_it_was_missing(hidden):
    masks = {}
    for both_ways in (True, False):
        one = method(both_ways=both_ways, proposer=Late(7))  # silent in frames 4 to 10
        masks[both_ways] = run(one, hidden, progress=False) == 1
    one_way, both = (jaccard(masks[b], hidden.masks == 1) for b in (False, True))
    assert not masks[False][8:11].any()
    assert both[8:11].min() > 0.7
    assert not masks[True][4:8].any()  # there it stops
    np.testing.assert_array_equal(masks[True][11:], masks[False][11:])
    assert one_way[11:].min() > 0.7


def test_frame_by_frame_it_goes_forward_only(hidden):
    one, other = method(proposer=Late(7)), method(proposer=Late(7), both_ways=False)
    one.start(hidden.frames[0], hidden.first_mask)
    stepped = [one.step(frame) for frame in hidden.frames[1:]]
    np.testing.assert_array_equal(stepped, run(other, hidden, progress=False)[1:])


def test_a_preview_is_of_the_next_video_only(hidden):
    one = method(proposer=Late(7))
    run(one, hidden, progress=False)
    other = method(proposer=Late(7))
    for each in (one, other):
        each.proposer.silent = 7
        each.start(hidden.frames[0], hidden.first_mask)
    for frame in hidden.frames[1:]:
        np.testing.assert_array_equal(one.step(frame), other.step(frame))


def test_what_is_in_plain_sight_is_not_taken_for_the_lost_one(hidden):
    frames, masks = hidden.frames.copy(), hidden.masks.copy()
    for t in range(14):  # a second disk, as red as the first, stands still in a corner
        cv2.circle(masks[t], (100, 12), 9, 2, -1)
        frames[t][masks[t] == 2] = (220, 50, 50)
    both = Video("two", frames, masks=masks)
    found = run(method(), both, progress=False)
    assert (jaccard(found == 2, masks == 2) > 0.7).all()
    assert not (found[4:8] == 1).any()


def test_objects_are_taken_up_in_the_middle_of_what_was_planned(hidden):
    frames, masks = hidden.frames.copy(), hidden.masks.copy()
    for t in range(6, 14):
        cv2.circle(masks[t], (20, 45), 9, 3, -1)
        frames[t][masks[t] == 3] = (50, 50, 220)
    clip = Video("later", frames, masks=masks)
    late = np.where(masks[6] == 3, masks[6], 0)
    found = run(method(), clip, given={0: masks[0], 6: late}, progress=False)
    assert not (found[:6] == 3).any()
    assert jaccard(found == 3, masks == 3)[6:].min() > 0.7
    assert jaccard(found == 1, masks == 1)[9:].min() > 0.7


def test_the_preview_comes_before_the_start_and_reads_no_frame_by_itself():
    told = []

    class Watcher:
        def preview(self, frames):
            told.append(("preview", len(frames), list(read)))

        def start(self, frame, mask=None):
            told.append(("start",))

        def step(self, frame):
            return np.zeros(frame.shape[:2], np.uint8)

    read = []
    frames = Lazy(3, lambda t: read.append(t) or np.zeros((4, 4, 3), np.uint8))
    list(segment(Watcher(), Video("lazy", frames, masks=[np.ones((4, 4), np.uint8), None, None])))
    assert told == [("preview", 3, []), ("start",)]
    assert read == [0, 1, 2]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9999))
def test_packed_masks_come_back(seed):
    rng = np.random.default_rng(seed)
    soft = {int(k): rng.random((5, 7), np.float32) for k in rng.integers(1, 254, 2)}
    again = unpacked(packed(soft), (5, 7))
    assert again.keys() == soft.keys()
    for label, mask in soft.items():
        np.testing.assert_allclose(again[label], mask, atol=0.5 / 255 + 1e-6)


def test_a_thousand_planned_frames_are_small():
    mask = np.zeros((240, 432), np.float32)
    cv2.circle(mask, (200, 120), 60, 1, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 2)
    assert len(packed({1: mask})[1]) < 8_000


def test_it_can_be_made_by_name():
    assert create("reid").both_ways
    assert not create("reid-one-way").both_ways
    assert not create("reid-without-recovery").recover
