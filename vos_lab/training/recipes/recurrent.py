"""How the recurrent networks learn: from clips that grow longer, in which objects are hidden."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch.nn import functional

from vos_lab.datasets.procedural import ProceduralVideo, render, suite, train_video
from vos_lab.datasets.procedural.camera import filmed_clip
from vos_lab.datasets.procedural.detail import some_patch
from vos_lab.methods.augmentation import apply_affine, colour_jitter, random_affine
from vos_lab.methods.networks import as_input, begin_with_encoder
from vos_lab.methods.recurrent import (
    HIDDEN,
    OBJECTS,
    Encoder,
    RVOSNetwork,
    S2SNetwork,
    match_instances,
)
from vos_lab.training.loop import Recipe
from vos_lab.training.recipes.pictures import PHOTOGRAPHS, Picture, picture
from vos_lab.video import VOID

SIZE = (160, 288)
CROP = (112, 192)
VIDEOS = 400

LENGTHS = ((5, 4), (8, 3), (12, 2))
"""Frames of a clip, and clips in a batch: a third of the training each."""
LONGEST = LENGTHS[-1][0]
MOST_SKIP = 3
HIDDEN_SHARE = 0.4
"""In so many clips somebody holds a board before the objects."""
KEPT = 2
"""So many objects of a clip are segmented, one-shot."""


class Clips(NamedTuple):
    """A batch of B clips.

    Attributes:
        images: ``(B, T, 3, H, W)`` float32, 0 to 1.
        truth: ``(B, T, H, W)`` uint8: 0, an object from 1 on, or VOID.
        counts: how many objects each has, ``(B,)`` int64.
        zero_shot: whether they are to be found without a mask, ``()`` bool.
        own: how likely it is that a network gets its own last mask, not the true one, ``()``.
    """

    images: torch.Tensor
    truth: torch.Tensor
    counts: torch.Tensor
    zero_shot: torch.Tensor
    own: torch.Tensor


# --- clips ------------------------------------------------------------------------------------


@lru_cache(maxsize=VIDEOS)  # 0.9 GB: drawing takes longer than learning
def train_clip(number: int) -> list[Picture]:
    """Frames of a training video closer to film, with skips of 1 to 3.

    In a quarter of the videos the first object passes behind something.
    """
    frames = MOST_SKIP * LONGEST
    video = train_video(number, frames, SIZE, closer=True, photographs=PHOTOGRAPHS)
    if number % 4 == 3:
        video = render(replace(video.spec, occlusion=1.0), video.seed)
    skip = 1 + number % MOST_SKIP
    start = int(np.random.default_rng(number).integers(frames - skip * (LONGEST - 1)))
    return clip_frames(video, range(start, start + skip * LONGEST, skip))


def clip_frames(video: ProceduralVideo, times: range) -> list[Picture]:
    """Some frames of a video. Twins are void."""
    return [picture(video, t) for t in times]


def views(share: float, rng: np.random.Generator) -> list[Picture]:
    """Part of a clip, forwards or backwards, through a moving window, as a camera takes it."""
    length, _ = LENGTHS[min(int(3 * share), 2)]
    clip = train_clip(int(rng.integers(VIDEOS)))
    start = int(rng.integers(LONGEST - length + 1))
    clip = clip[start : start + length]
    if rng.random() < 0.5:
        clip = clip[::-1]
    clip = moving_window(clip, rng)
    if rng.random() < HIDDEN_SHARE:
        first = int(rng.integers(1, length - 2))
        clip = hidden(clip, first, int(rng.integers(first + 1, length)), rng)
    images = filmed_clip([image for image, _ in clip], rng)
    return [(image, labels) for image, (_, labels) in zip(images, clip, strict=True)]


def moving_window(clip: list[Picture], rng: np.random.Generator) -> list[Picture]:
    """Frames through one window that moves a little, in a light that changes a little."""
    window = random_affine(rng, SIZE, CROP, zoom=(0.7, 1.25), turn=15)
    colours = rng.permutation(3) if rng.random() < 0.3 else np.arange(3)
    light, drift = int(rng.integers(2**31)), rng.uniform(-0.02, 0.02, 2)
    moved = []
    for t, (image, labels) in enumerate(clip):
        shake = random_affine(rng, CROP, CROP, zoom=(0.97, 1.03), turn=2, mirror=False)
        shake[:, 2] += (t * drift + rng.uniform(-0.015, 0.015, 2)) * CROP[1]
        matrix = window @ np.vstack([shake, [0, 0, 1]])
        image, labels = apply_affine(image, labels, matrix, CROP)
        image = colour_jitter(image, np.random.default_rng(light), 0.8)
        image = colour_jitter(np.ascontiguousarray(image[..., colours]), rng, 0.3)
        moved.append((image, labels))
    return moved


def hidden(
    clip: list[Picture],
    first: int,
    stop: int,
    rng: np.random.Generator,
    photographs: float = PHOTOGRAPHS,
) -> list[Picture]:
    """The same clip, where somebody holds a board before the objects.

    Args:
        clip: frames with their label maps.
        first: the first frame with the board.
        stop: the first frame without it again.
        rng: paints the board.
        photographs: the chance that the board is cut from a photograph.

    Returns:
        New frames; what is behind the board is background in their label maps.
    """
    there = np.any([(labels > 0) & (labels != VOID) for _, labels in clip[first:stop]], axis=0)
    if not there.any():
        return clip
    rows, columns = np.nonzero(there)
    margin = 3
    top, left = max(0, rows.min() - margin), max(0, columns.min() - margin)
    bottom, right = rows.max() + 1 + margin, columns.max() + 1 + margin
    height, width = np.minimum([bottom, right], there.shape) - [top, left]
    board = some_patch(rng, (max(16, int(height)), max(16, int(width))), photographs)
    board = cv2.resize(board.astype(np.float32), (int(width), int(height)))
    covered = list(clip)
    for t in range(first, stop):
        image, labels = (part.copy() for part in clip[t])
        image[top:bottom, left:right] = np.rint(255 * board.clip(0, 1)).astype(np.uint8)
        labels[top:bottom, left:right] = 0
        covered[t] = image, labels
    return covered


def numbered(clip: list[Picture], rng: np.random.Generator, most: int) -> tuple[np.ndarray, int]:
    """Label maps with some objects of the first frame, in any order, as 1, 2, ...; their number."""
    first = clip[0][1]
    there = [int(n) for n in np.unique(first) if 0 < n < VOID and (first == n).sum() > 40]
    chosen = rng.permutation(there)[:most] if there else np.array([1])
    table = np.zeros(256, np.uint8)
    table[VOID] = VOID
    table[chosen] = np.arange(1, len(chosen) + 1)
    return np.stack([table[labels] for _, labels in clip]), len(chosen)


def batch_of(
    clips: list[list[Picture]], rng: np.random.Generator, zero_shot: bool = False, own: float = 1.0
) -> Clips:
    """Clips as a batch."""
    truth, counts = zip(
        *(numbered(clip, rng, OBJECTS if zero_shot else KEPT) for clip in clips), strict=True
    )
    images = [torch.cat([as_input(image) for image, _ in clip]) for clip in clips]
    return Clips(
        torch.stack(images),
        torch.from_numpy(np.stack(truth)),
        torch.tensor(counts),
        torch.tensor(zero_shot),
        torch.tensor(own),
    )


def batch(share: float, rng: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """Clips with objects that are marked in their first frame."""
    _, many = LENGTHS[min(int(3 * share), 2)]
    return tuple(batch_of([views(share, rng) for _ in range(many)], rng))


def batch_of_both(share: float, rng: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """Clips with objects that are marked, or to be found; more and more with masks of its own."""
    _, many = LENGTHS[min(int(3 * share), 2)]
    clips = [views(share, rng) for _ in range(many)]
    own = min(1.0, 2 * share)
    return tuple(batch_of(clips, rng, bool(rng.random() < 0.4), own))


# --- losses -----------------------------------------------------------------------------------


def frame_losses(score: torch.Tensor, truth: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Cross-entropy, and what soft masks lack to a J of 1.

    J is that of one pixel more, so that a mask is worth little where none is wanted.

    Args:
        score: log-odds, ``(N, H, W)`` float32.
        truth: where the object is, ``(N, H, W)`` float32.
        counts: 0 for void, else 1, ``(N, H, W)`` float32.

    Returns:
        ``(N,)``.
    """
    entropy = functional.binary_cross_entropy_with_logits(score, truth, reduction="none")
    soft = score.sigmoid() * counts
    both = (soft * truth).sum(dim=(1, 2))
    either = (soft + truth).sum(dim=(1, 2)) - both
    mean = (entropy * counts).sum(dim=(1, 2)) / counts.sum(dim=(1, 2)).clamp(min=1)
    return mean + 1 - (both + 1) / (either + 1)


def objects_of(clips: Clips) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The objects of all clips in a row.

    Returns:
        The clip of each, ``(N,)``; where it is, and where there is no void, ``(N, T, H, W)``
        float32 both.
    """
    counts = clips.counts.tolist()
    which = torch.repeat_interleave(torch.arange(len(counts)), clips.counts.cpu())
    which = which.to(clips.images.device)
    number = torch.cat([torch.arange(1, k + 1) for k in counts]).to(which.device)
    truth = clips.truth[which]
    return which, (truth == number[:, None, None, None]).float(), (truth != VOID).float()


def scores_of(network: S2SNetwork, clips: Clips, carry: str) -> torch.Tensor:
    """Log-odds of all objects in all frames but the first, ``(N, T - 1, H, W)``."""
    which, truth, _ = objects_of(clips)
    length = clips.images.shape[1]
    look = network.encoder(clips.images.flatten(0, 1))
    state = first = network.initialiser(look.seen[which * length], truth[:, 0])
    states, scores = [], []
    for t in range(1, length):
        place = which * length + t
        seen = look.seen[place]
        state = network.lstm(seen, first if carry == "frozen" else state)
        states.append(state.hidden)
        if carry == "mask":
            scores.append(network.decoder(state.hidden, look, place))
            state = network.initialiser(seen, scores[-1].sigmoid())
    if carry == "mask":
        return torch.stack(scores, dim=1)
    places = which[:, None] * length + torch.arange(1, length, device=which.device)
    hidden = torch.stack(states, dim=1).flatten(0, 1)
    return network.decoder(hidden, look, places.flatten()).unflatten(0, (len(which), length - 1))


def s2s_loss(
    network: S2SNetwork, batch: tuple[torch.Tensor, ...], carry: str = "state"
) -> torch.Tensor:
    """The loss of all objects, mean over all frames but the first."""
    clips = Clips(*batch)
    _, truth, counts = objects_of(clips)
    score = scores_of(network, clips, carry)
    return frame_losses(*(x.flatten(0, 1) for x in (score, truth[:, 1:], counts[:, 1:]))).mean()


def rvos_loss(network: RVOSNetwork, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """The loss of objects that are marked, or of those that are found."""
    clips = Clips(*batch)
    return zero_shot_loss(network, clips) if clips.zero_shot else one_shot_loss(network, clips)


def one_shot_scores(network: RVOSNetwork, clips: Clips, truth: torch.Tensor) -> torch.Tensor:
    """Log-odds in all frames but the first, ``(B, T - 1, P, H, W)``, with true or own last masks.

    Args:
        network: the network.
        clips: B clips.
        truth: where their objects are, ``(B, T, P, H, W)`` float32.
    """
    clip_count, length = clips.images.shape[:2]
    look = network.encoder(clips.images.flatten(0, 1))
    frames = torch.arange(clip_count, device=truth.device) * length
    before = look.seen.new_zeros(clip_count, truth.shape[2], HIDDEN, *look.seen.shape[-2:])
    told = network(look.of(frames), before, truth[:, 0])
    masks, scores = truth[:, 0], []
    for t in range(1, length):
        told = network(look.of(frames + t), told.hidden, masks)
        scores.append(told.score)
        own = torch.rand(clip_count, 1, 1, 1, device=truth.device) < clips.own
        masks = torch.where(own, told.score.sigmoid(), truth[:, t])
    return torch.stack(scores, dim=1)


def by_clip(clips: Clips, objects: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Where objects 1, 2, ... are, ``(B, T, P, H, W)``; where no void is, ``(B, T, 1, H, W)``."""
    number = torch.arange(1, objects + 1, device=clips.truth.device)[:, None, None]
    truth = clips.truth[:, :, None]
    return (truth == number).float(), (truth != VOID).float()


def one_shot_loss(network: RVOSNetwork, clips: Clips) -> torch.Tensor:
    """The loss of objects that are marked in the first frame."""
    most = int(clips.counts.max())
    truth, counts = by_clip(clips, most)
    score = one_shot_scores(network, clips, truth)
    losses = frame_losses(
        *(x.flatten(0, 2) for x in (score, truth[:, 1:], counts[:, 1:].expand_as(score)))
    ).unflatten(0, score.shape[:3])
    asked = torch.arange(most, device=score.device) < clips.counts[:, None]
    return losses.mean(dim=1)[asked].mean()


def zero_shot_loss(network: RVOSNetwork, clips: Clips) -> torch.Tensor:
    """The loss of objects that are found in an order of the network's own.

    As many as there are true ones are matched with them: so those that are found come first, and
    what comes after them must say that there is no more.
    """
    clip_count, length = clips.images.shape[:2]
    look = network.encoder(clips.images.flatten(0, 1))
    frames = torch.arange(clip_count, device=look.seen.device) * length
    hidden = look.seen.new_zeros(clip_count, OBJECTS, HIDDEN, *look.seen.shape[-2:])
    scores, mores = [], []
    for t in range(length):
        told = network(look.of(frames + t), hidden, None)
        hidden = told.hidden
        scores.append(told.score)
        mores.append(told.more)
    score, more = torch.stack(scores, dim=1), torch.stack(mores, dim=1)
    truth, counts = by_clip(clips, OBJECTS)
    losses = []
    for number, count in enumerate(clips.counts.tolist()):
        known = counts[number]
        found = (score[number, :, :count].sigmoid() * known).transpose(0, 1)
        true = truth[number, :, :count].transpose(0, 1)
        iou, pairs = match_instances(found.flatten(1), true.flatten(1))
        for slot, instance in pairs:
            own = truth[number, :, instance]
            entropy = frame_losses(score[number, :, slot], own, known[:, 0]).mean()
            losses.append((1 - iou[slot, instance] + entropy) / len(pairs))
        wanted = (torch.arange(OBJECTS, device=more.device) < count).float().expand(length, -1)
        losses.append(functional.binary_cross_entropy_with_logits(more[number], wanted))
    return torch.stack(losses).sum() / clip_count


# --- held-out clips ---------------------------------------------------------------------------

HELD_OUT = 8


@lru_cache(maxsize=2)
def held_out(closer: bool) -> list[list[Picture]]:
    """Clips of validation seeds, as they are or closer to film."""
    videos = suite("mixed", "val", length=HELD_OUT, frames=2 * LONGEST, size=SIZE)
    if closer:
        specs = [each.spec.closer(np.random.default_rng([each.seed, 98])) for each in videos]
        videos = [render(spec, each.seed) for spec, each in zip(specs, videos, strict=True)]
    return [clip_frames(video, range(0, 2 * LONGEST, 2)) for video in videos]


def held_out_batches(closer: bool) -> list[Clips]:
    """Held-out clips, one in a batch."""
    clips = held_out(closer)
    return [batch_of([clip], np.random.default_rng(i)) for i, clip in enumerate(clips)]


def missed(score: torch.Tensor, truth: torch.Tensor, counts: torch.Tensor) -> float:
    """1 - J, mean of all objects and frames; where nothing is right, nothing must be found."""
    hard = ((score > 0) & (counts > 0)).flatten(-2)
    true = (truth > 0).flatten(-2)
    both, either = (hard & true).sum(dim=-1).float(), (hard | true).sum(dim=-1).float()
    return 1 - float(torch.where(either > 0, both / either.clamp(min=1), 1.0).mean())


def s2s_missed(network: S2SNetwork, carry: str, closer: bool) -> float:
    """1 - J of held-out clips."""
    found = []
    for clips in held_out_batches(closer):
        _, truth, counts = objects_of(clips)
        found.append(missed(scores_of(network, clips, carry), truth[:, 1:], counts[:, 1:]))
    return float(np.mean(found))


def validate_s2s(network: S2SNetwork, carry: str = "state") -> Mapping[str, float]:
    """What is missed of the objects of held-out clips of twelve frames."""
    return {
        "1 - J": s2s_missed(network, carry, closer=False),
        "1 - J, closer": s2s_missed(network, carry, closer=True),
    }


def rvos_missed(network: RVOSNetwork, closer: bool) -> float:
    """1 - J of held-out clips, one-shot."""
    found = []
    for clips in held_out_batches(closer):
        truth, counts = by_clip(clips, int(clips.counts[0]))
        score = one_shot_scores(network, clips, truth)
        found.append(missed(score, truth[:, 1:], counts[:, 1:].expand_as(score)))
    return float(np.mean(found))


def validate_rvos(network: RVOSNetwork) -> Mapping[str, float]:
    """What is missed of the objects of held-out clips, one-shot; and the loss, zero-shot."""
    zero_shot = [
        float(zero_shot_loss(network, batch_of([clip], np.random.default_rng(i), zero_shot=True)))
        for i, clip in enumerate(held_out(closer=False))
    ]
    return {
        "1 - J": rvos_missed(network, closer=False),
        "1 - J, closer": rvos_missed(network, closer=True),
        "loss, zero-shot": float(np.mean(zero_shot)),
    }


# --- recipes ----------------------------------------------------------------------------------

BEGINNING = "osvos-parent-long"


def begin(encoder: Encoder) -> None:
    """Begin with the encoder of the parent of OSVOS, of which the larger sizes stay."""
    begin_with_encoder(encoder.backbone, BEGINNING)
    encoder.backbone.stages[:3].requires_grad_(False)


def s2s_network() -> S2SNetwork:
    """S2S before it has learned."""
    made = S2SNetwork()
    begin(made.encoder)
    return made


def rvos_network() -> RVOSNetwork:
    """RVOS before it has learned."""
    made = RVOSNetwork()
    begin(made.encoder)
    return made


DATA = (
    f"clips of {', '.join(str(length) for length, _ in LENGTHS)} frames of {VIDEOS} procedural "
    f"training videos (train_video 0 to {VIDEOS - 1}, one in four with an occlusion), closer to "
    f"film, with textures of photographs, every first to third frame, through moving windows of "
    f"{CROP[0]} x {CROP[1]} pixels; held out: {LONGEST} frames each of {HELD_OUT} videos of the "
    "mixed suite, split val, as they are and closer to film"
)

S2S = Recipe(
    name="s2s",
    about="S2S: a ConvLSTM carries the state of an object from frame to frame. The encoder begins "
    f"as that of {BEGINNING}, and its larger sizes stay so.",
    data=DATA,
    network=s2s_network,
    batch=batch,
    loss=s2s_loss,
    validate=validate_s2s,
    steps=1200,
    learning_rate=2e-3,
    clip=1.0,
    half=True,
    validate_every=300,
    needs=(BEGINNING,),
)

S2S_FROZEN = replace(
    S2S,
    name="s2s-frozen",
    about="S2S as a control: each frame begins with the state of the first one. Learned as s2s.",
    loss=partial(s2s_loss, carry="frozen"),
    validate=partial(validate_s2s, carry="frozen"),
)

S2S_LAST_MASK = replace(
    S2S,
    name="s2s-last-mask",
    about="S2S as a control: each frame begins with a state made of the last frame and its own "
    "last mask alone. Learned as s2s.",
    loss=partial(s2s_loss, carry="mask"),
    validate=partial(validate_s2s, carry="mask"),
)

RVOS = replace(
    S2S,
    name="rvos",
    about="RVOS: recurrent over the objects and over time, one-shot with masks that are first true "
    f"and then its own, and zero-shot. The encoder begins as that of {BEGINNING}, and its larger "
    "sizes stay so.",
    network=rvos_network,
    batch=batch_of_both,
    loss=rvos_loss,
    validate=validate_rvos,
    steps=1300,
    validate_every=325,
)
