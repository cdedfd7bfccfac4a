"""The claims of lesson 11: what each ingredient of PReMVOS is worth.

All on test seeds of procedural videos of 120 x 216 pixels with several objects.
"""

from functools import lru_cache, partial

import numpy as np

from vos_lab.claims.claim import J_MATTERS, Claim
from vos_lab.claims.videos import SEEDS, video
from vos_lab.methods.premvos import INGREDIENTS, PReMVOS
from vos_lab.metrics import evaluate_video

ON = "one video of mixed a seed, up to three objects, 24 frames"


@lru_cache(maxsize=len(SEEDS))
def measured(seed: int) -> dict[str, float]:
    """J&F of PReMVOS on a video, as it is (""), without each ingredient, and with expansion.

    The first frame is learned once, for all of them.
    """
    clip = video("mixed", seed)
    first = clip.first_mask
    assert first is not None  # the renderer always knows
    whole = PReMVOS()
    whole.start(clip.frames[0], first)
    variants = {"": whole.without()} | {name: whole.without(name) for name in INGREDIENTS}
    variants["expansion"] = whole.without()
    variants["expansion"].expansion = True
    assert clip.masks is not None  # the renderer always knows
    truth = [np.array(mask) for mask in clip.masks]
    found = {}
    for name, method in variants.items():
        masks = [first, *(method.step(frame) for frame in clip.frames[1:])]
        found[name] = float(evaluate_video(masks, truth)["JF"])
    return found


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


PAPER = "Luiten et al., ACCV 2018"
OURS = "ours; in the paper the fine-tuned proposal network does this"

CLAIMS = (
    ingredient("proposals", "Proposals of a network that knows no classes help.", PAPER),
    ingredient("appearance", "Proposals of a network fine-tuned on the first frame help.", OURS),
    ingredient("retrieval", "Proposals of pixel retrieval help.", OURS),
    ingredient("expansion", "Proposals that flow carries along help.", PAPER),
    ingredient("refinement", "To refine proposals in their boxes helps.", PAPER),
    ingredient("objectness", "The score of objectness helps.", PAPER),
    ingredient("reid", "The scores of re-identification help.", PAPER),
    ingredient("flow", "The scores of flow help.", PAPER),
    ingredient("inverse", "The two inverse scores help.", PAPER),
)
