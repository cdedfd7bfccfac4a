"""Space-time memory: every place of a new frame looks into all frames that are remembered.

Oh, Lee, Xu and Kim, "Video Object Segmentation using Space-Time Memory Networks", ICCV 2019. Frames
whose masks are known go into a **memory**: for each place a **key**, what it looks like, and a
**value**, what is known of it. Each place of a new frame has a key too, compares it with all keys
in the memory, and reads the values of those that are like it. A decoder makes a mask of what was
read.

Nothing is learned at test time, and the memory holds several frames: the first, whose mask is
true, the last, which looks most like the new one, and some in between.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vos_lab import weights
from vos_lab.exercise import exercise
from vos_lab.methods.networks import SmallBackbone, as_input, convolution, mixed_precision
from vos_lab.methods.resolution import PIXELS, label_map, resized, soft_masks, working_size
from vos_lab.methods.segmenter import check_mask
from vos_lab.video import VOID

STRIDE = 8
"""Pixels: there is a key for each square of this side. (In the paper 16.)"""

KEY = 64
"""Channels of a key."""

VALUE = 128
"""Channels of a value that are learned; behind them stand how much of the cell is the object, and
how much is another."""


SHARP = 5.0
"""So much larger do keys begin than other layers: else all places would weigh alike."""


@exercise(minutes=20, difficulty=3, importance=5)
def memory_read(
    queries: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    temperature: float = 1.0,
    nearness: torch.Tensor | None = None,
) -> torch.Tensor:
    """Read from the memory what is known of places that look alike (Oh et al., Equation 1).

    Args:
        queries: the keys of the new frame, ``(..., Q, C)`` float32, for Q places.
        keys: of all places of all frames in the memory, ``(..., M, C)`` float32, M > 0.
        values: what is known of those, ``(..., M, D)`` float32.
        temperature: above 0. Below 1, only the most alike count; above 1, many count a little.
        nearness: ``(..., Q, M)`` float32, is added to the scores, below 0 where a place of the
            memory shall count less; by default nothing, so that the read knows no place.

    Returns:
        ``(..., Q, D)`` float32: for each place of the new frame the weighted mean of the values.

    Example:
        >>> keys = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> values = torch.tensor([[10.0], [20.0]])
        >>> memory_read(torch.tensor([[99.0, 0.0], [1.0, 1.0]]), keys, values)
        tensor([[10.],
                [15.]])
    """
    # Step 1: the dot products of keys grow with the number of channels, so they are divided by its
    # root, and by the temperature. (Dividing the queries does the same, and they are fewer.)
    scale = queries.shape[-1] ** 0.5 * temperature
    # Step 2: how alike are each place of the new frame and each of the memory? (..., Q, M)
    scores = (queries / scale) @ keys.transpose(-1, -2)
    if nearness is not None:
        scores = scores + nearness
    # Step 3: the weights of one place of the new frame add up to 1 over all places and all frames
    # of the *memory*. (torch.softmax)
    weight = torch.softmax(scores, dim=-1)
    # Step 4: the mean of the values with those weights.
    return weight @ values


@exercise(minutes=15, difficulty=2, importance=4)
def soft_aggregate(objects: torch.Tensor) -> torch.Tensor:
    """Let several objects share each pixel: soft aggregation (Oh et al., Section 3.4, Equation 3).

    Each object was segmented on its own, as if there were no other. Two of them can both be sure of
    the same pixel.

    Args:
        objects: how likely each pixel is of each object, ``(K, ...)`` float32, 0 to 1.

    Returns:
        ``(K + 1, ...)`` float32, 0 to 1: first the background, then the objects. They add up to 1.

    Example:
        >>> soft_aggregate(torch.tensor([[0.5], [0.8]]))  # odds of 1/9, 1 and 4
        tensor([[0.0217],
                [0.1957],
                [0.7826]])
    """
    # Step 1: it is background where it is none of the objects: the product of all "not".
    background = (1 - objects).prod(dim=0, keepdim=True)
    # Step 2: a little away from 0 and 1, where the odds would be 0 and infinite.
    probability = torch.cat([background, objects]).clamp(1e-6, 1 - 1e-6)
    # Step 3: the odds of each: how much more likely than not.
    odds = probability / (1 - probability)
    # Step 4: their shares of all the odds.
    return odds / odds.sum(dim=0, keepdim=True)


@exercise(minutes=15, difficulty=2, importance=4)
def choose_memory(kept: Sequence[int], now: int, every: int, most: int) -> list[int]:
    """Which frames are in the memory when the next frame comes (Oh et al., ICCV 2019).

    The first, because its mask is true; the last, because it looks most like the next one; and
    between them every n-th, up to a number, because a memory that grows with the video fills up.

    Args:
        kept: numbers of the frames in the memory, ascending; the first is the annotated one.
        now: number of the frame that was just segmented, above all of them.
        every: of the frames between, those stay whose distance to the first is a multiple of this;
            0 keeps none.
        most: so many frames there may be, 2 or more. If there are too many, the oldest between go.

    Returns:
        The numbers of the frames that stay, ascending; ``now`` is the last.

    Example:
        >>> choose_memory([0, 5, 9], now=10, every=5, most=4)  # 9 was only the last frame
        [0, 5, 10]
        >>> choose_memory([0, 5, 10, 14], now=15, every=5, most=3)
        [0, 10, 15]
    """
    # Step 1: the first always stays.
    first, *others = kept
    # Step 2: of those between, every n-th. What was only the last frame before goes.
    between = [t for t in others if every > 0 and (t - first) % every == 0]
    # Step 3: beside the first and the last there is so much room; the newest get it. (With no room
    # at all, [-0:] would be everything.)
    room = most - 2
    newest = between[max(0, len(between) - room) :]
    # Step 4: and the frame that was just segmented.
    return [first, *newest, now]


# --- the network ------------------------------------------------------------------------------


class Encoder(nn.Module):
    """From half size on: what is seen at a quarter, and a key and a value for each cell."""

    def __init__(self, stages: nn.ModuleList, channels: Sequence[int]) -> None:
        super().__init__()
        self.stages = stages
        self.across = nn.Conv2d(channels[-2], VALUE, 1)
        self.up = nn.Conv2d(channels[-1], VALUE, 1)
        self.key = nn.Conv2d(VALUE, KEY, 3, padding=1)
        self.value = nn.Conv2d(VALUE, VALUE, 3, padding=1)
        with torch.no_grad():
            self.key.weight *= SHARP

    def forward(self, half: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What is seen at a quarter, the keys, the values."""
        quarter, eighth, sixteenth = _each(self.stages, half)
        wide = functional.interpolate(self.up(sixteenth), eighth.shape[-2:], mode="bilinear")
        joined = functional.relu(self.across(eighth) + wide)
        return quarter, self.key(joined), self.value(joined)


class Look(NamedTuple):
    """What the query encoder sees of N frames.

    Attributes:
        half: features at half size, ``(N, 32, H / 2, W / 2)``.
        quarter: at a quarter, ``(N, 64, H / 4, W / 4)``.
        key: ``(N, KEY, H / 8, W / 8)``.
        value: ``(N, VALUE, H / 8, W / 8)``.
        size: H and W.
    """

    half: torch.Tensor
    quarter: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    size: tuple[int, int]

    def of(self, which: torch.Tensor) -> "Look":
        """Some of the frames, by their numbers."""
        half, quarter, key, value = (each[which] for each in self[:4])
        return Look(half, quarter, key, value, self.size)


class SpaceTimeNetwork(nn.Module):
    """The network (Oh et al., Section 3): two encoders, the read between them, a decoder.

    In the paper the encoders are two ResNet-50 that share nothing. Here they share their first two
    sizes, which see edges and colours, and the masks come in behind them: so a frame is looked at
    in full size only once, however many objects there are.
    """

    def __init__(self) -> None:
        super().__init__()
        backbone = SmallBackbone()
        self.stem = backbone.stages[:2]
        self.query = Encoder(backbone.stages[2:], backbone.channels)
        # Both begin alike, and without the masks: so from the start, keys are alike where pictures
        # are, and the read finds something to learn from.
        self.memory = copy.deepcopy(self.query)
        self.masks = nn.Conv2d(2, backbone.channels[1], 3, stride=2, padding=1)
        for parameter in self.masks.parameters():
            nn.init.zeros_(parameter)
        self.mix = convolution(2 * VALUE + 2, 96)
        self.across = nn.ModuleList([nn.Conv2d(64, 64, 1), nn.Conv2d(32, 32, 1)])
        self.up = nn.ModuleList([nn.Conv2d(96, 64, 1), nn.Conv2d(64, 32, 1)])
        self.refine = nn.ModuleList([convolution(64, 64), convolution(32, 32)])
        self.score = nn.Conv2d(32, 1, 3, padding=1)

    def look(self, images: torch.Tensor) -> Look:
        """The query encoder.

        Args:
            images: ``(N, 3, H, W)`` float32, 0 to 1.
        """
        x = (images - 0.5).contiguous(memory_format=torch.channels_last)
        *_, half = _each(self.stem, x)
        height, width = images.shape[-2:]
        quarter, key, value = self.query(half)
        return Look(half, quarter, key, value, (height, width))

    def memorise(
        self, half: torch.Tensor, masks: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The memory encoder.

        Args:
            half: of a look at the frames, ``(N, 32, H / 2, W / 2)``.
            masks: ``(N, 2, H, W)`` float32, 0 to 1: the object, and all other objects.

        Returns:
            Keys ``(N, KEY, H / 8, W / 8)`` and values ``(N, VALUE + 2, H / 8, W / 8)``.
        """
        _, key, value = self.memory(functional.relu(half + self.masks(masks)))
        shares = functional.interpolate(masks, key.shape[-2:], mode="area")
        return key, torch.cat([value, shares.to(value.dtype)], dim=1)

    def decode(self, read: torch.Tensor, look: Look) -> torch.Tensor:
        """The decoder.

        Args:
            read: what was read from the memory, ``(N, VALUE + 2, H / 8, W / 8)``.
            look: at the same N frames.

        Returns:
            Log-odds of the object, ``(N, H, W)`` float32.
        """
        x = self.mix(torch.cat([read, look.value], dim=1))
        skips = (look.quarter, look.half)
        for skip, across, up, refine in zip(skips, self.across, self.up, self.refine, strict=True):
            large = functional.interpolate(up(x), skip.shape[-2:], mode="bilinear")
            x = refine(across(skip) + large)
        score = self.score(x).float()
        return functional.interpolate(score, look.size, mode="bilinear")[:, 0]


def _each(stages: nn.ModuleList, x: torch.Tensor) -> list[torch.Tensor]:
    """What each stage gives for what the one before it gave."""
    seen = []
    for stage in stages:
        x = stage(x)
        seen.append(x)
    return seen


def cells(maps: torch.Tensor) -> torch.Tensor:
    """Maps ``(N, C, h, w)`` as a list of cells, ``(N, h * w, C)`` float32."""
    return maps.flatten(2).transpose(1, 2).float()


# --- the method -------------------------------------------------------------------------------

SCORES = 2**22
"""Numbers in a matrix of scores, 16 MB: a larger one is read in parts, so that it never grows."""

FORBIDDEN = 50.0
"""So much is taken from the score of an object's place for what lies outside of its window."""

KINDS = ("every", "both", "first", "previous")


def whole_cells(side: int) -> int:
    """The side of a frame, changed as little as possible, so that it is a multiple of STRIDE."""
    return STRIDE * max(1, round(side / STRIDE))


class Entry(NamedTuple):
    """What the memory holds of one object in one frame of N cells.

    Attributes:
        key: ``(N, KEY)`` float32.
        value: ``(N, VALUE + 2)`` float32.
        share: how much of each cell is object, ``(N,)`` float32, 0 to 1.
    """

    key: torch.Tensor
    value: torch.Tensor
    share: torch.Tensor


class STM:
    """Space-time memory as a Segmenter. Each object has a memory of its own.

    Args:
        network: the shipped weights, "stm", "stm-drawn" or "stm-stills"; or a network.
        memory: which frames are in it: "every" has the first, the last and every n-th between,
            "both" the first and the last, "first" and "previous" only that one.
        every: the n of every n-th.
        most: so many frames there may be in the memory.
        hard: whether the mask is made hard before it goes into the memory; else it stays as sure
            as it was.
        window: cells; what lies farther from the last place of an object cannot read what is
            object. As long as it is lost, the window grows by this with each frame. None for no
            window, as in the paper.
        temperature: of the read; 1 is what the network learned with.
        pixels: how many of a frame the network looks at.
        device: where to compute, "cpu" or "cuda".

    Raises:
        ValueError: there is no such memory, or too few frames are allowed.
        FileNotFoundError: weights are missing.
    """

    name = "stm"

    def __init__(
        self,
        network: str | SpaceTimeNetwork = "stm",
        memory: str = "every",
        every: int = 5,
        most: int = 6,
        hard: bool = False,
        window: float | None = None,
        temperature: float = 1.0,
        pixels: int = PIXELS,
        device: str = "cpu",
    ) -> None:
        if memory not in KINDS:
            raise ValueError(f"there is no memory {memory!r}; there are: {', '.join(KINDS)}")
        if most < 2:
            raise ValueError(f"most is {most}: the first and the last frame need room for 2")
        self.kind, self.every, self.most = memory, every, most
        self.hard, self.window, self.temperature = hard, window, temperature
        self.pixels, self.device = pixels, device
        if isinstance(network, str):
            network = weights.network(SpaceTimeNetwork, network)
        self.network = network.eval().to(device)

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Remember the first frame with its mask."""
        mask = check_mask(self.name, frame, mask)
        # Whole cells: else those at the right and at the bottom would stand for places outside.
        height, width = working_size(frame.shape, self.pixels)
        self.size = whole_cells(height), whole_cells(width)
        self.time = -1
        self.memory: dict[int, dict[int, Entry]] = {}
        self.last: dict[int, np.ndarray] = {}  # for the window: where each object was seen last
        self.lost: dict[int, int] = {}  # and how many frames ago
        self.add(frame, mask)
        self.time = 0

    def add(self, frame: np.ndarray, mask: np.ndarray) -> None:
        """Take up objects, at the start or later: this frame is the first in their memory."""
        check_mask(self.name, frame, mask)
        soft = soft_masks(np.where(mask == VOID, 0, mask), self.size)
        entries = self.entries(self.look(frame), soft)
        for label, entry in entries.items():
            self.memory[label] = {self.time + 1: entry}
            self._see(label, soft[label])

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Segment one frame, and remember it."""
        return label_map(self.soft(frame), frame.shape[:2])

    def soft(self, frame: np.ndarray) -> dict[int, np.ndarray]:
        """What :meth:`step` does, with how sure it is of each object for an answer.

        Args:
            frame: the next frame, ``(H, W, 3)`` uint8.

        Returns:
            ``(h, w)`` float32, 0 to 1, by label, of the size at which the method works.
        """
        self.time += 1
        look = self.look(frame)
        soft = self.segment(look, self.memory)
        self.remember(self.time, look, soft)
        return soft

    def remember(self, now: int, look: Look, soft: Mapping[int, np.ndarray]) -> None:
        """Put a frame into the memory, and let go of those that have no room any more.

        Args:
            now: number of the frame.
            look: at this frame.
            soft: how sure we are of each object there, ``(h, w)`` float32, 0 to 1, by label.
        """
        for label, each in soft.items():
            self._see(label, each)
        if self.kind == "first":
            return
        kept = dict(self.memory)
        for label, entry in self.entries(look, soft).items():
            frames = kept[label]
            if now in frames:  # somebody has just annotated it
                continue
            every = self.every if self.kind == "every" else 0
            stay = choose_memory(list(frames), now, every, self.most)
            stay = stay[-1:] if self.kind == "previous" else stay
            kept[label] = {t: entry if t == now else frames[t] for t in stay}
        self.memory = kept

    # --- its parts: the widget and the lesson use them one by one -----------------------------

    def look(self, frame: np.ndarray) -> Look:
        """What the query encoder sees of a frame ``(H, W, 3)`` uint8."""
        with torch.inference_mode(), mixed_precision(self.device):
            return self.network.look(as_input(resized(frame, self.size)).to(self.device))

    def entries(self, look: Look, soft: Mapping[int, np.ndarray]) -> dict[int, Entry]:
        """What the memory holds of a frame with these masks, by label.

        Args:
            look: at the frame.
            soft: ``(h, w)`` float32, 0 to 1, by label.

        Returns:
            An entry for each object.
        """
        if not soft:
            return {}
        masks = torch.from_numpy(np.stack(list(soft.values()))).to(self.device)
        if self.hard:
            masks = ((masks > 0.5) & (masks == masks.amax(dim=0))).float()
        both = torch.stack([masks, masks.sum(dim=0) - masks], dim=1)
        with torch.inference_mode(), mixed_precision(self.device):
            half = look.half.expand(len(masks), -1, -1, -1)
            key, value = self.network.memorise(half, both)
        share = functional.interpolate(masks[None], key.shape[-2:], mode="area")[0].flatten(1)
        found = zip(soft, cells(key), cells(value), share, strict=True)
        return {label: Entry(*parts) for label, *parts in found}

    def segment(
        self, look: Look, memory: Mapping[int, Mapping[int, Entry]]
    ) -> dict[int, np.ndarray]:
        """Segment a frame with a memory: read, decode, aggregate.

        Args:
            look: at the frame.
            memory: entries by label and frame.

        Returns:
            How sure we are of each object, ``(h, w)`` float32, 0 to 1, by label.
        """
        if not memory:
            return {}  # an empty mask: there is nothing to find
        grid = look.key.shape[-2:]
        reads = [self._read(look, label, list(memory[label].values())) for label in memory]
        maps = torch.stack(reads).transpose(1, 2).unflatten(2, grid)
        with torch.inference_mode(), mixed_precision(self.device):
            whole = look.of(torch.zeros(len(reads), dtype=torch.long, device=self.device))
            score = self.network.decode(maps, whole)
        shared = soft_aggregate(score.float().sigmoid())[1:].cpu().numpy()
        return dict(zip(memory, shared, strict=True))

    def _read(self, look: Look, label: int, entries: Sequence[Entry]) -> torch.Tensor:
        """What the cells of a frame read of an object: ``(cells, VALUE + 2)``. In float32."""
        queries = cells(look.key)[0]
        keys, values, share = (torch.cat(parts) for parts in zip(*entries, strict=True))
        far = self._far(label, look)
        rows = max(1, SCORES // len(keys))
        parts = []
        with torch.inference_mode():
            for i in range(0, len(queries), rows):
                near = None if far is None else far[i : i + rows, None] * (-FORBIDDEN * share)
                part = queries[i : i + rows]
                parts.append(memory_read(part, keys, values, self.temperature, near))
        return torch.cat(parts)

    def _see(self, label: int, soft: np.ndarray) -> None:
        """Keep where an object was seen last."""
        if (soft > 0.5).any():
            self.last[label], self.lost[label] = soft, 0
        else:
            self.lost[label] = self.lost.get(label, 0) + 1

    def _far(self, label: int, look: Look) -> torch.Tensor | None:
        """1 for each cell outside of the window around the last place of an object, else 0."""
        if self.window is None or label not in self.last:
            return None
        grid = look.key.shape[-2:]
        there = resized(self.last[label], (grid[0], grid[1])) > 0.5 * self.last[label].max()
        away = cv2.distanceTransform((~there).astype(np.uint8), cv2.DIST_L2, 5)
        far = away > self.window * (1 + self.lost[label])
        return torch.from_numpy(far.astype(np.float32)).flatten().to(self.device)

    def weights_of(self, look: Look, label: int, place: int) -> dict[int, np.ndarray]:
        """Where one cell of a frame reads.

        Args:
            look: at the frame.
            label: of the object whose memory is read.
            place: number of the cell, row by row.

        Returns:
            The weight of each cell ``(h, w)`` float32, by frame; all together add up to 1.
        """
        entries, grid = self.memory[label], look.key.shape[-2:]
        query = cells(look.key)[0][place]
        keys = torch.stack([entry.key for entry in entries.values()])
        scores = keys @ query / query.shape[-1] ** 0.5 / self.temperature
        far = self._far(label, look)
        if far is not None:
            share = torch.stack([entry.share for entry in entries.values()])
            scores = scores - FORBIDDEN * far[place] * share
        weight = torch.softmax(scores.flatten(), 0).reshape(-1, *grid).cpu().numpy()
        return dict(zip(entries, weight, strict=True))


ABLATIONS: dict[str, dict[str, Any]] = {
    "stm-first-frame": {"memory": "first"},
    "stm-previous-frame": {"memory": "previous"},
    "stm-first-and-previous": {"memory": "both"},
    "stm-hard-masks": {"hard": True},
    "stm-with-window": {"window": 6.0},
    "stm-only-stills": {"network": "stm-stills"},
    "stm-drawn": {"network": "stm-drawn"},
}
