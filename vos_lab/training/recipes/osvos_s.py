"""How the class head of OSVOS-S learns: from objects of procedural videos, often half hidden."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional

from vos_lab.datasets.procedural import ProceduralVideo, render, suite, train_video
from vos_lab.methods.networks import begin_with_encoder
from vos_lab.methods.osvos_s import CLASSES, ClassNetwork
from vos_lab.methods.reid import region
from vos_lab.training.loop import Recipe
from vos_lab.training.recipes.reid import GROUND, Patch, damaged, patches_of

SIZE = (240, 432)
VIDEOS = 350
MOMENTS = (0, 20, 40)
BATCH = 40
GROUND_SHARE = 0.15
"""So much of a batch is ground, which is of no class: proposals often hold it."""

Batch = tuple[torch.Tensor, torch.Tensor]
Example = tuple[Patch, int]
"""A region, and the number of its class; that of the ground comes after all others."""


def with_class(video: ProceduralVideo, number: int) -> ProceduralVideo:
    """The same video with objects of one class, so that rare classes are seen as often."""
    spec = replace(video.spec, classes=(CLASSES[number % len(CLASSES)],))
    return render(spec, video.seed)


def examples_of(video: ProceduralVideo) -> list[Example]:
    """The objects of a video and pieces of its ground, each with its class."""
    numbers = {label: CLASSES.index(name) for label, name in video.classes.items()}
    numbers[GROUND] = len(CLASSES)
    return [(each, numbers[each.label]) for each in patches_of(video, MOMENTS)]


@lru_cache(maxsize=VIDEOS)  # 130 MB: drawing takes longer than learning
def train_examples(number: int) -> list[Example]:
    """The examples of a training video."""
    return examples_of(with_class(train_video(number, MOMENTS[-1] + 1, SIZE), number))


@lru_cache(maxsize=2)
def held_out_examples(videos: int) -> list[Example]:
    """Examples of validation seeds, without the ground."""
    clips = suite("mixed", "val", length=videos, frames=MOMENTS[-1] + 1, size=SIZE)
    found = [examples_of(with_class(clip, number)) for number, clip in enumerate(clips)]
    return [each for of_video in found for each in of_video if each[0].label != GROUND]


def batch(share: float, rng: np.random.Generator, videos: int | None = None) -> Batch:
    """Regions of training videos ``(N, 4, REGION_SIZE, REGION_SIZE)``, and their classes."""
    videos = videos or VIDEOS
    regions, classes = [], []
    for _ in range(BATCH):
        there, elsewhere = (train_examples(int(n)) for n in rng.integers(videos, size=2))
        ground = rng.random() < GROUND_SHARE
        there = [each for each in there if (each[0].label == GROUND) == ground] or there
        one, number = there[int(rng.integers(len(there)))]
        other, _ = elsewhere[int(rng.integers(len(elsewhere)))]
        image, mask = damaged(one.image, one.mask, other.image, rng)
        if rng.random() < 0.5:  # what it is shall be told by shape and not by colours
            image = np.ascontiguousarray(image[..., rng.permutation(3)])
        regions.append(region(image, mask.astype(np.float32)))
        classes.append(number)
    return torch.cat(regions), torch.tensor(classes)


def loss_of(network: ClassNetwork, batch: Batch) -> torch.Tensor:
    """Cross-entropy over the classes and the ground."""
    regions, classes = batch
    return functional.cross_entropy(network(regions), classes)


def validate(network: ClassNetwork, videos: int = 42) -> Mapping[str, float]:
    """The share of held-out objects that are taken for another class: whole, and damaged."""
    examples, rng = held_out_examples(videos), np.random.default_rng(0)
    others = [examples[int(n)][0].image for n in rng.integers(len(examples), size=len(examples))]
    pictures = {
        "wrong": [(one.image, one.mask) for one, _ in examples],
        "wrong when damaged": [
            damaged(one.image, one.mask, other, rng)
            for (one, _), other in zip(examples, others, strict=True)
        ],
    }
    truth, errors = torch.tensor([number for _, number in examples]), {}
    for name, each in pictures.items():
        regions = torch.cat([region(image, mask.astype(np.float32)) for image, mask in each])
        with torch.inference_mode():
            found = network(regions)[:, : len(CLASSES)].argmax(dim=1)
        errors[name] = float((found != truth).float().mean())
    return errors


def network() -> ClassNetwork:
    """Begins with the encoder of re-identification, which has seen many regions."""
    made = ClassNetwork()
    begin_with_encoder(made.backbone, "reid")
    return made


CLASS_HEAD = Recipe(
    name="osvos-s-classes",
    about="The class of a region: from an image and a mask to a score for each class.",
    data=(
        f"{VIDEOS} procedural training videos (train_video 0 to {VIDEOS - 1}, the classes of their "
        f"objects in turn), frames {', '.join(map(str, MOMENTS))} of each: its objects and pieces "
        "of ground, turned, lit otherwise, partly hidden, their masks damaged; held out: 42 videos "
        "of the mixed suite, split val, the classes in turn"
    ),
    network=network,
    batch=batch,
    loss=loss_of,
    validate=validate,
    steps=900,
    learning_rate=2e-3,
    validate_every=100,
    needs=("reid",),
)
