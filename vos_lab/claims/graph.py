"""The claims of lesson 14: what several frames know together.

All on test seeds of procedural videos. Sets of five frames are ambiguous one by one: in most of
them something else stands out, too, another thing in each.
"""

from functools import lru_cache, partial

import numpy as np
import torch

from vos_lab.claims.claim import J_MATTERS, Claim
from vos_lab.claims.videos import SIZE
from vos_lab.datasets.procedural import suites as procedural
from vos_lab.methods import run
from vos_lab.methods.graph import AGNN, NODES, trained
from vos_lab.methods.networks import mixed_precision
from vos_lab.metrics import jaccard
from vos_lab.training.recipes.frame_sets import Clip, ambiguous_set, as_tensor, held_out_clip
from vos_lab.video import VOID

SEEDS = tuple(range(12))
SETS = 6
"""Of each seed."""
CLIPS = 6
"""Videos that the sets of a seed are made of; no two seeds share one."""

# --- sets of frames ---------------------------------------------------------------------------


def ambiguous_sets(seed: int) -> list[tuple[torch.Tensor, np.ndarray]]:
    """Sets of five frames ``(5, 3, H, W)``, and where the object is ``(5, H, W)``."""

    def source(number: int) -> Clip:
        return held_out_clip(seed * CLIPS + number, "test")

    sets = []
    for i in range(SETS):
        rng = np.random.default_rng([14, seed, i])
        frames, truth = ambiguous_set(rng, NODES, source, CLIPS)
        sets.append((as_tensor(frames), truth))
    return sets


@lru_cache(maxsize=len(SEEDS))
def measured(seed: int) -> dict[str, float]:
    """J of all frames of the sets of a seed: beside the frames of their set, alone, and others.

    Void is left out.
    """
    network, sets = trained(), ambiguous_sets(seed)
    scores: dict[str, list[float]] = {"five": [], "one": [], "copies": [], "foreign": []}
    with torch.inference_mode(), mixed_precision("cpu"):
        nodes = [network.encode(frames) for frames, _ in sets]
        for i, (_, truth) in enumerate(sets):
            (state, seen), (foreign, _) = nodes[i], nodes[i - 1]
            alone = state[:, None]
            beside = {
                "five": torch.stack([state.roll(-k, dims=0) for k in range(NODES)]),
                "one": alone,
                "copies": alone.expand(-1, NODES, -1, -1, -1),
                "foreign": torch.cat(
                    [alone, foreign[None, 1:].expand(NODES, -1, -1, -1, -1)], dim=1
                ),
            }
            for name, states in beside.items():
                found = network.read_out((network.talk(states)[-1][:, 0], seen)) > 0
                j = jaccard(found.numpy(), truth == 1, truth == VOID)
                scores[name].append(float(np.mean(j)))
    return {name: float(np.mean(j)) for name, j in scores.items()}


def difference(seed: int, better: str, worse: str) -> float:
    """J of one way minus J of another."""
    found = measured(seed)
    return found[better] - found[worse]


ON = f"{SETS} sets of five frames a seed, ambiguous one by one"

FIVE = Claim(
    name="14_graph/five-frames",
    statement="Five frames together find the object better than one alone.",
    source="Wang et al., ICCV 2019, Table 1",
    conditions=ON,
    effect="J with five nodes minus J with one",
    experiment=partial(difference, better="five", worse="one"),
    seeds=SEEDS,
    matters=J_MATTERS,
)

COPIES = Claim(
    name="14_graph/copies",
    statement="It is the other frames that help: five copies of one frame are worth less.",
    source="ours, a control of the first claim",
    conditions=ON,
    effect="J with five frames minus J with five copies of one",
    experiment=partial(difference, better="five", worse="copies"),
    seeds=SEEDS,
    matters=J_MATTERS,
)

FOREIGN = Claim(
    name="14_graph/other-video",
    statement="Four frames of another video are worse than no other frames.",
    source="ours, a control of the first claim",
    conditions=ON,
    effect="J of one frame alone minus J beside four frames of another set",
    experiment=partial(difference, better="one", worse="foreign"),
    seeds=SEEDS,
    matters=J_MATTERS,
)

# --- whole videos -----------------------------------------------------------------------------


def gain_on_videos(seed: int) -> float:
    """J of five nodes minus J of one on a video, all objects as one, twins left out."""
    video = procedural.suite("mixed", length=seed + 1, frames=16, size=SIZE)[seed]
    assert video.masks is not None  # the renderer always knows
    truth = np.stack([np.asarray(mask) > 0 for mask in video.masks])
    twins = (np.stack(list(video.instances)) > 0) & ~truth
    several, alone = (
        np.mean(np.asarray(jaccard(run(AGNN(nodes), video, progress=False) > 0, truth, twins)))
        for nodes in (NODES, 1)
    )
    return float(several - alone)


VIDEOS = Claim(
    name="14_graph/whole-videos",
    statement="Five frames are better than one on whole videos, too.",
    source="Wang et al., ICCV 2019, Table 1",
    conditions="one video of mixed a seed, 16 frames, 120 x 216, all objects as one",
    effect="J of AGNN with five nodes minus J with one",
    experiment=gain_on_videos,
    seeds=SEEDS,
    matters=J_MATTERS,
)

CLAIMS = (FIVE, COPIES, FOREIGN, VIDEOS)
