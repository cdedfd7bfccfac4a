"""Proposals: masks of kernels, copies, recall, and what both networks propose."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vos_lab.datasets.procedural import suite
from vos_lab.methods import create
from vos_lab.methods.proposals import (
    FEATURES,
    JointProposer,
    MaskRCNNProposer,
    Proposal,
    ProposalNetwork,
    SmallProposer,
    connected_parts,
    mask_iou,
    mask_nms,
    masks_of,
    proposal_recall,
    proposer,
)
from vos_lab.metrics import jaccard

masks = st.integers(1, 5).flatmap(lambda n: arrays.arrays(bool, (n, 4, 5)))


@given(a=masks, b=masks)
def test_iou_is_the_jaccard_index_of_each_pair(a, b):
    found = mask_iou(a, b)
    assert found.shape == (len(a), len(b))
    for i, one in enumerate(a):
        for j, other in enumerate(b):
            expected = jaccard(one, other) if (one | other).any() else 0
            assert found[i, j] == pytest.approx(expected)


@given(found=masks, same=st.floats(0, 1), max_proposals=st.integers(1, 4), seed=st.integers(0, 99))
def test_no_two_that_stay_are_copies_and_each_that_goes_has_a_better_one(
    found, same, max_proposals, seed
):
    scores = np.random.default_rng(seed).random(len(found))
    kept = mask_nms(found, scores, same, max_proposals)
    assert len(kept) <= max_proposals
    assert list(scores[kept]) == sorted(scores[kept], reverse=True)
    iou = mask_iou(found, found)
    assert all(iou[a, b] <= same for a in kept for b in kept if a != b)
    for gone in set(range(len(found))) - set(kept):
        better = [other for other in kept if scores[other] >= scores[gone]]
        copy = any(iou[gone, other] > same for other in better)
        assert copy or not found[gone].any() or len(kept) == max_proposals


def test_a_kernel_says_what_kind_and_how_near():
    features = torch.zeros(FEATURES, 20, 30)
    features[0] = 1  # all is of this kind
    kernel = torch.zeros(2, FEATURES + 4)
    kernel[:, 0] = 4.0
    kernel[1, FEATURES + 2] = 40.0  # and only what is near
    odds = masks_of(kernel, torch.tensor([5, 5]), torch.tensor([3, 3]), features)
    assert (odds[0] > 0).float().mean() > (odds[1] > 0).float().mean() > 0
    row, column = np.unravel_index(int(odds[1].argmax()), (20, 30))
    assert (row // 2, column // 2) == (5, 3)  # a cell of the grid is two cells of the masks wide


@settings(max_examples=10, deadline=None)
@given(height=st.integers(16, 70), width=st.integers(16, 70), seed=st.integers(0, 99))
def test_proposals_have_the_size_of_the_image(height, width, seed):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    found = SmallProposer(ProposalNetwork(), max_proposals=5).propose(image)
    assert len(found) <= 5
    for proposal in found:
        assert proposal.mask.shape == (height, width)
        assert proposal.mask.min() >= 0
        assert proposal.mask.max() <= 1
        assert 0 <= proposal.objectness <= 1
    assert [p.objectness for p in found] == sorted((p.objectness for p in found), reverse=True)


def test_what_ships_finds_things_that_it_has_never_seen():
    small = proposer("small")
    found, things = [], []
    for video in suite("easy", length=6, frames=2, size=(240, 432)):
        labels = np.array(video.instances[1])
        things.append(np.stack([labels == n for n in np.unique(labels) if n]))
        found.append(np.stack([p.mask > 0.5 for p in small.propose(video.frames[1])]))
    trained = proposal_recall(found, things, 10, 0.5)
    assert trained >= 0.5
    assert proposal_recall(found, things, 1, 0.5) <= trained
    assert proposal_recall(found, things, 10, 0.9) <= trained
    untrained = SmallProposer(ProposalNetwork())
    images = [v.frames[1] for v in suite("easy", length=6, frames=2, size=(240, 432))]
    other = [
        np.stack([p.mask > 0.5 for p in untrained.propose(i)] or [i[..., 0] < 0]) for i in images
    ]
    assert proposal_recall(other, things, 10, 0.5) < trained


def test_a_map_is_cut_at_several_heights_into_connected_parts():
    soft = np.zeros((20, 40), np.float32)
    soft[5:15, 5:35] = 0.4  # one thing at a low height,
    soft[5:15, 5:15] = soft[5:15, 25:35] = 0.95  # and two higher up
    found = connected_parts(soft, least=20)
    masks = {(int(p.mask.sum()), p.mask[10, 20] > 0) for p in found}
    assert masks == {(300, True), (100, False)}
    assert max(p.objectness for p in found) == pytest.approx(0.95)
    assert connected_parts(soft, least=400) == []
    assert connected_parts(np.zeros((5, 5), np.float32), least=0) == []


def test_what_several_propose_together_meets_more_than_what_each_does():
    small, together = proposer("small"), proposer("joint")
    found, things = {small: [], together: []}, []
    for video in suite("easy", length=4, frames=2, size=(240, 432)):
        labels = np.array(video.instances[1])
        things.append(np.stack([labels == n for n in np.unique(labels) if n]))
        for each, of_each in found.items():
            proposals = each.propose(video.frames[1])
            assert len(proposals) <= 20
            of_each.append(np.stack([p.mask > 0.5 for p in proposals]))
    alone, both = (proposal_recall(found[each], things, 20, 0.7) for each in (small, together))
    assert both >= alone
    assert both > 0.5


class Fixed:
    """Proposes what it was given."""

    def __init__(self, *proposals):
        self.proposals = list(proposals)

    def propose(self, image):
        """The same for every image."""
        return self.proposals


def test_joint_proposals_are_the_best_of_all_without_copies():
    left, right = np.zeros((2, 4, 8), np.float32)
    left[:, :4], right[:, 4:] = 1, 1
    one = Fixed(Proposal(left, 0.3), Proposal(right, 0.2))
    other = Fixed(Proposal(left, 0.9))
    found = JointProposer([one, other]).propose(np.zeros((4, 8, 3), np.uint8))
    assert [p.objectness for p in found] == [0.9, 0.2]
    assert len(JointProposer([one, other], 1).propose(np.zeros((4, 8, 3), np.uint8))) == 1
    assert JointProposer([Fixed()]).propose(np.zeros((4, 8, 3), np.uint8)) == []


def test_recall_without_things_is_no_number():
    assert np.isnan(
        proposal_recall([np.zeros((1, 2, 2), bool)], [np.zeros((0, 2, 2), bool)], 1, 0.5)
    )


def test_recall_without_proposals_is_zero():
    assert proposal_recall([np.zeros((0, 2, 2), bool)], [np.ones((1, 2, 2), bool)], 1, 0.5) == 0


def test_mask_rcnn_proposes_behind_the_same_interface():
    torch.manual_seed(0)
    found = MaskRCNNProposer(pretrained=False, max_proposals=3, min_score=0.0).propose(
        np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    )
    assert 0 < len(found) <= 3
    assert all(p.mask.shape == (60, 90) and 0 <= p.objectness <= 1 for p in found)


def test_mask_rcnn_without_its_weights_names_the_small_network(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def no_network(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr("vos_lab.weights.urlopen", no_network)
    with pytest.raises(FileNotFoundError, match="small network"):
        proposer("mask-rcnn")
    for method in ("reid", "premvos"):
        with pytest.raises(FileNotFoundError, match="small network"):
            create(method, proposer="mask-rcnn")


def test_a_proposer_that_does_not_exist():
    with pytest.raises(ValueError, match=r"no proposer 'large'; there are: small, joint, m"):
        proposer("large")
