"""The claims of lesson 11: what each ingredient of PReMVOS is worth.

All on test seeds of procedural videos of 120 x 216 pixels with several objects.
"""

from functools import lru_cache, partial

import numpy as np

from vos_lab.claims.claim import J_MATTERS, Claim
from vos_lab.claims.videos import SEEDS, video
from vos_lab.methods.premvos import PARTS, SCORES, PReMVOS
from vos_lab.methods.premvos_fused import FusedPReMVOS
from vos_lab.metrics import evaluate_video

ON = "one video of mixed a seed, up to three objects, 24 frames"
UNHIDDEN = f"{ON}; no object is taken to be hidden"
SEEDS_OF_SCORES = tuple(range(10))


@lru_cache(maxsize=len(SEEDS))
def measured(seed: int) -> dict[str, float]:
    """J&F of PReMVOS on a video, as it is (""), without each part, and with expansion.

    The first frame is learned once, for all of them.
    """
    clip = video("mixed", seed)
    first = clip.first_mask
    assert first is not None  # the renderer always knows
    whole = PReMVOS()
    whole.start(clip.frames[0], first)
    variants = {"": whole.without()} | {name: whole.without(name) for name in PARTS}
    variants["expansion"] = whole.without()
    variants["expansion"].expansion = True
    assert clip.masks is not None  # the renderer always knows
    truth = [np.array(mask) for mask in clip.masks]
    found = {}
    for name, method in variants.items():
        masks = [first, *(method.step(frame) for frame in clip.frames[1:])]
        found[name] = float(evaluate_video(masks, truth)["JF"])
    return found


@lru_cache(maxsize=len(SEEDS_OF_SCORES))
def chosen(seed: int) -> dict[str, float]:
    """J&F with all scores (""), without those of an ingredient, and fused.

    All choose among the same proposals, and none takes an object to be hidden: the sums of the
    scores that are left are other ones, so a threshold would mean something else for each.
    """
    clip = video("mixed", seed)
    assert clip.masks is not None  # the renderer always knows
    first, truth = np.array(clip.masks[0]), [np.array(mask) for mask in clip.masks]
    whole = PReMVOS(least=0)
    whole.start(clip.frames[0], first)
    variants = {"": whole.without()} | {name: whole.without(name) for name in SCORES}
    masks = {name: [first] for name in [*variants, "fused"]}
    fusing = FusedPReMVOS()
    fusing.start(clip.frames[0], first)
    for frame in clip.frames[1:]:
        candidates = whole.propose(frame)
        for name, method in variants.items():
            masks[name].append(method.choose(candidates, frame.shape[:2]))
        masks["fused"].append(fusing.step(frame))
    return {name: float(evaluate_video(found, truth)["JF"]) for name, found in masks.items()}


def gain_of_score(seed: int, name: str) -> float:
    """J&F with a score minus J&F without it."""
    return chosen(seed)[""] - chosen(seed)[name]


def gain_of_fusing(seed: int) -> float:
    """J&F of the fused masks minus J&F of the chosen ones."""
    return chosen(seed)["fused"] - chosen(seed)[""]


def gain_of(seed: int, name: str) -> float:
    """J&F with an ingredient minus J&F without it."""
    found = measured(seed)
    gain = found[""] - found[name]
    return -gain if name == "expansion" else gain  # which PReMVOS does without


def ingredient(name: str, statement: str, source: str) -> Claim:
    """A claim that an ingredient helps.

    Args:
        name: of the ingredient.
        statement: what is claimed.
        source: where.
    """
    return Claim(
        name=f"11_premvos/{name}",
        statement=statement,
        source=source,
        conditions=ON,
        effect="J&F of PReMVOS with it minus J&F without it",
        experiment=partial(gain_of, name=name),
        seeds=SEEDS,
        matters=J_MATTERS,
    )


def score(name: str, statement: str) -> Claim:
    """A claim that a score helps.

    Args:
        name: of the ingredient whose scores they are.
        statement: what is claimed.
    """
    return Claim(
        name=f"11_premvos/{name}",
        statement=statement,
        source=PAPER,
        conditions=UNHIDDEN,
        effect="J&F of PReMVOS with it minus J&F without it",
        experiment=partial(gain_of_score, name=name),
        seeds=SEEDS_OF_SCORES,
        matters=J_MATTERS,
    )


PAPER = "Luiten et al., ACCV 2018"
OURS = "ours; in the paper the fine-tuned proposal network does this"

CLAIMS = (
    ingredient("proposals", "Proposals of a network that knows no classes help.", PAPER),
    ingredient("appearance", "Proposals of a network fine-tuned on the first frame help.", OURS),
    ingredient("retrieval", "Proposals of pixel retrieval help.", OURS),
    ingredient("expansion", "Proposals that flow carries along help.", PAPER),
    ingredient("refinement", "To refine proposals in their boxes helps.", PAPER),
    score("objectness", "The score of objectness helps."),
    score("reid", "The scores of re-identification help."),
    score("flow", "The scores of flow help."),
    score("inverse", "The two inverse scores help."),
    Claim(
        name="11_premvos/fused",
        statement="To fuse the masks of three methods pixel by pixel beats choosing one proposal.",
        source="ours",
        conditions=UNHIDDEN,
        effect="J&F of the fused masks minus J&F of the chosen ones",
        experiment=gain_of_fusing,
        seeds=SEEDS_OF_SCORES,
        matters=J_MATTERS,
    ),
)
