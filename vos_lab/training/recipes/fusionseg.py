"""How FusionSeg learns: each stream on its own, then the six numbers that fuse them.

Foreground are all objects. Their twins, which procedural videos leave unlabelled, look and move
like objects: the loss passes over their pixels, as nobody could tell them apart without a mask.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial

import numpy as np
import torch
from torch import nn

from vos_lab import weights
from vos_lab.datasets.procedural import ProceduralVideo, suite, train_video
from vos_lab.methods.fusionseg import Fusion, Stream, as_input, motion_image
from vos_lab.methods.networks import mean_j, segmentation_loss
from vos_lab.training.loop import Recipe
from vos_lab.video import VOID

SIZE = (120, 216)
VIDEOS = 250
MOMENTS = (3, 10, 17)
BATCH = 8

Example = tuple[np.ndarray, np.ndarray, np.ndarray]
Batch = tuple[torch.Tensor, torch.Tensor]


def example(video: ProceduralVideo, t: int) -> Example:
    """A frame, its motion image, and what is what: 0 background, 1 object, 255 passed over."""
    assert video.masks is not None  # the renderer always knows
    frame = video.frames[t]
    truth = (np.asarray(video.masks[t]) > 0).astype(np.uint8)
    truth[(video.instances[t] > 0) & (truth == 0)] = VOID
    return frame, motion_image(frame, video.frames[t - 1]), truth


@lru_cache(maxsize=VIDEOS * len(MOMENTS))  # 130 MB: drawing takes longer than learning
def train_example(number: int, t: int) -> Example:
    """One of the training examples."""
    return example(train_video(number, frames=MOMENTS[-1] + 1, size=SIZE), t)


@lru_cache(maxsize=1)
def held_out_examples() -> list[Example]:
    """Examples from validation seeds."""
    videos = suite("mixed", "val", length=24, frames=20, size=SIZE)
    return [example(video, t) for video in videos for t in (5, 15)]


def pictures(share: float, rng: np.random.Generator, stream: int) -> Batch:
    """A batch for a stream (0 appearance, 1 motion): pictures and truth."""
    inputs, truths = [], []
    for _ in range(BATCH):
        chosen = train_example(int(rng.integers(VIDEOS)), int(rng.choice(MOMENTS)))
        picture, truth = chosen[stream], chosen[2]
        if stream == 0:
            # Other light, other colours, mirrored. A motion image must stay: hue is direction.
            gain = rng.uniform(0.7, 1.3) * rng.uniform(0.85, 1.15, 3)
            picture = np.clip(picture * gain + rng.uniform(-25, 25), 0, 255).astype(np.uint8)
            if rng.random() < 0.5:
                picture, truth = picture[:, ::-1], truth[:, ::-1]
        inputs.append(as_input(picture))
        truths.append(torch.from_numpy(truth.copy()).long()[None])
    return torch.cat(inputs), torch.stack(truths)


def loss(network: Stream, batch: Batch) -> torch.Tensor:
    """Cross-entropy, which wants every pixel right, and soft J, which wants the object found."""
    inputs, truth = batch
    score = network(inputs.contiguous(memory_format=torch.channels_last)).float()
    return segmentation_loss(score, truth)


def validate(network: Stream, stream: int) -> Mapping[str, float]:
    """What the stream misses on held-out examples."""
    chosen = held_out_examples()
    scores = torch.cat([network(as_input(each[stream])) for each in chosen])
    return {"1 - J": 1 - mean_j(scores, held_out_truths())}


def held_out_truths() -> torch.Tensor:
    """``(N, 1, H, W)``."""
    return torch.stack([torch.from_numpy(each[2]).long()[None] for each in held_out_examples()])


DATA = (
    f"{VIDEOS} procedural training videos (train_video 0 to {VIDEOS - 1}), 3 frames of each, "
    f"{SIZE[0]} x {SIZE[1]} pixels; held out: 48 frames of the mixed suite, split val"
)

APPEARANCE = Recipe(
    name="fusionseg-appearance",
    about="The appearance stream of FusionSeg: from a frame to what looks like an object.",
    data=DATA,
    network=Stream,
    batch=partial(pictures, stream=0),
    loss=loss,
    validate=partial(validate, stream=0),
    steps=2600,
    learning_rate=2e-3,
    half=True,
    validate_every=200,
)

MOTION = replace(
    APPEARANCE,
    name="fusionseg-motion",
    about="The motion stream of FusionSeg: from flow as colour to what moves on its own.",
    batch=partial(pictures, stream=1),
    validate=partial(validate, stream=1),
    steps=2000,
)

# --- fusion -----------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def shipped_streams() -> tuple[nn.Module, nn.Module]:
    """The trained streams, which do not change any more."""
    return (
        weights.load_into(Stream(), "fusionseg-appearance"),
        weights.load_into(Stream(), "fusionseg-motion"),
    )


def scores_of(examples: list[Example]) -> list[torch.Tensor]:
    """What both streams say about examples, ``(N, 1, H, W)`` each."""
    with torch.inference_mode():
        return [
            torch.cat([stream(as_input(each[i])) for each in examples])
            for i, stream in enumerate(shipped_streams())
        ]


def opinions(share: float, rng: np.random.Generator) -> tuple[list[torch.Tensor], torch.Tensor]:
    """What both streams say about pictures that they have not learned from."""
    beyond = VIDEOS + rng.integers(150, size=BATCH)  # on what they know they are too sure
    chosen = [train_example(int(number), MOMENTS[1]) for number in beyond]
    truth = torch.stack([torch.from_numpy(each[2]).long()[None] for each in chosen])
    return [score.clone() for score in scores_of(chosen)], truth


def fusion_loss(network: Fusion, batch: tuple[list[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """As that of a stream."""
    (appearance, motion), truth = batch
    return segmentation_loss(network(appearance, motion), truth)


def fusion_validate(network: Fusion) -> Mapping[str, float]:
    """What the fusion misses, and what each stream misses alone."""
    appearance, motion = scores_of(held_out_examples())
    truth = held_out_truths()
    return {
        "1 - J": 1 - mean_j(network(appearance, motion), truth),
        "1 - J, appearance alone": 1 - mean_j(appearance, truth),
        "1 - J, motion alone": 1 - mean_j(motion, truth),
    }


FUSION = Recipe(
    name="fusionseg-fusion",
    about="The six numbers that fuse the streams of FusionSeg, which stay as they are.",
    data=f"the middle one of 3 frames of train_video {VIDEOS} to {VIDEOS + 149}; held out as for "
    "the streams",
    network=Fusion,
    batch=opinions,
    loss=fusion_loss,
    validate=fusion_validate,
    steps=200,
    learning_rate=2e-2,
    validate_every=50,
    needs=("fusionseg-appearance", "fusionseg-motion"),
)
