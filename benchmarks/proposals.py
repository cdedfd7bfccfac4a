"""How many things proposals meet, and how long they take.

    python benchmarks/proposals.py

Recall at an IoU of 0.5 and 0.7 against the number of proposals: on test seeds of procedural videos
and, where $VOS_LAB_DATA names them, on the sequences of DAVIS 2016. Beside it the same network
before it has learned anything. The last line is a ratio of times in this run: proposals of a
frame, over one look of the network at it.
"""

import os
import time

import numpy as np
import torch

from vos_lab.datasets.davis import DAVIS
from vos_lab.datasets.procedural import suite
from vos_lab.methods.networks import as_input
from vos_lab.methods.proposals import ProposalNetwork, Proposer, SmallProposer, proposal_recall

NUMBERS = (1, 3, 10, 20)
EVERY = 10
"""Frames of real sequences: each tenth is looked at."""


def drawn() -> list[tuple[np.ndarray, np.ndarray]]:
    """Frames of the mixed test suite, and the label maps of their things."""
    videos = suite("mixed", frames=20, size=(240, 432))
    return [(video.frames[t], np.array(video.instances[t])) for video in videos for t in (5, 15)]


def real() -> list[tuple[np.ndarray, np.ndarray]]:
    """Frames of DAVIS 2016 and their masks, whose parts may be several things."""
    dataset = DAVIS(year=2016, split="val")
    found = []
    for name in dataset.names:
        video = dataset[name].resized(240)
        assert video.masks is not None
        found += [(video.frames[t], np.array(video.masks[t])) for t in range(0, len(video), EVERY)]
    return found


def recall(proposer: Proposer, pictures: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """Recall by number of proposals and IoU."""
    found, things = [], []
    for image, labels in pictures:
        masks = [labels == n for n in np.unique(labels) if 0 < n < 255]
        things.append(np.stack(masks) if masks else np.zeros((0, *labels.shape), bool))
        proposed = [p.mask > 0.5 for p in proposer.propose(image)]
        found.append(np.stack(proposed) if proposed else np.zeros((0, *labels.shape), bool))
    return {
        f"{number:>2} at {iou}": proposal_recall(found, things, number, iou)
        for iou in (0.5, 0.7)
        for number in NUMBERS
    }


def main() -> None:
    """Print the tables."""
    pictures = {"mixed, test": drawn()}
    if os.environ.get("VOS_LAB_DATA"):
        pictures["DAVIS 2016"] = real()
    torch.manual_seed(0)
    proposers = {"trained": SmallProposer(), "untrained": SmallProposer(ProposalNetwork())}
    for data, frames in pictures.items():
        print(f"{data}: {len(frames)} frames")
        for name, proposer in proposers.items():
            row = recall(proposer, frames)
            print(f"  {name:<10}", "  ".join(f"{k}: {v:.2f}" for k, v in row.items()))

    image = pictures["mixed, test"][0][0]
    seconds = []
    for look in (lambda: proposers["trained"].propose(image), lambda: _look(proposers, image)):
        look()
        begun = time.process_time()
        for _ in range(5):
            look()
        seconds.append((time.process_time() - begun) / 5)
    print(f"a frame: {seconds[0]:.3f} s, {seconds[0] / seconds[1]:.2f} times the network alone")


def _look(proposers: dict[str, SmallProposer], image: np.ndarray) -> None:
    with torch.inference_mode():
        proposers["trained"].network(as_input(image))


if __name__ == "__main__":
    main()
