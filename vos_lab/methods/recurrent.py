"""Recurrent networks: what is known of an object is a state that goes from frame to frame.

S2S: Xu, Yang, Fan, Yue, Liang, Price, Cohen and Huang, "YouTube-VOS: Sequence-to-Sequence Video
Object Segmentation", ECCV 2018. The first frame and its mask become the first **state** of a
ConvLSTM. Each new frame changes the state, and a decoder makes a mask of it. Nothing else is kept:
the state is all that the network knows of the object.

RVOS: Ventura, Bellver, Girbau, Salvador, Marques and Giro-i-Nieto, "RVOS: End-to-End Recurrent
Network for Video Object Segmentation", CVPR 2019. It is recurrent twice: over time, and over the
objects of a frame, so that each object knows what those before it have taken. So it can also find
the objects by itself, one after the other, until it says that there are no more.

In the papers the encoders are VGG-16 and ResNet-101, and all of the network learns. Here it is the
small encoder of lesson 05, whose larger sizes stay as they are, because a laptop has to run it. In
RVOS every size of the decoder is recurrent; here both networks have one recurrent layer, at an
eighth of the size.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import nn
from torch.nn import functional

from vos_lab import weights
from vos_lab.exercise import exercise
from vos_lab.methods.networks import SmallBackbone, as_input, convolution, mixed_precision
from vos_lab.methods.resolution import resized, soft_masks, working_size
from vos_lab.methods.segmenter import check_mask
from vos_lab.methods.space_time_memory import whole_cells
from vos_lab.video import VOID

PIXELS = 200 * 360
"""What the networks look at: of three sizes that with the highest J on validation videos."""

CHANNELS = 64
"""Numbers of a cell that the encoder fills."""

HIDDEN = 64
"""Numbers of a cell of the hidden state; the cell state has as many."""

DROPPED = 0.3
"""So often does the decoder learn without what the encoder saw at larger sizes: else it finds
objects there by itself, and the state is not needed."""

# --- the recurrent layer ----------------------------------------------------------------------


@exercise(minutes=20, difficulty=3, importance=5)
def conv_lstm_step(
    x: torch.Tensor,
    hidden: torch.Tensor,
    cell: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor,
    forget_bias: float = 1.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """One step of a convolutional LSTM (Shi et al., NeurIPS 2015, Equation 3, without peepholes).

    Args:
        x: what is seen now, ``(N, C, H, W)`` float32.
        hidden: the hidden state before, ``(N, D, H, W)`` float32: what the layer said last.
        cell: the cell state before, ``(N, D, H, W)`` float32: what the layer remembers.
        weight: ``(4 D, C + D, k, k)`` float32, k odd: of the input gate, the forget gate, the
            output gate and the candidate, D each, in this order.
        bias: ``(4 D,)`` float32, in the same order.
        forget_bias: is added to the log-odds of the forget gate. Above 0 the gate begins open, so
            that the network remembers before it has learned what for (Jozefowicz et al., ICML
            2015).

    Returns:
        The new hidden state and the new cell state, ``(N, D, H, W)`` float32 each.

    Example:
        >>> x, zero, one = torch.ones(1, 2, 1, 1), torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1)
        >>> hidden, cell = conv_lstm_step(x, zero, one, torch.zeros(4, 3, 5, 5), torch.zeros(4))
        >>> round(cell.item(), 4), round(hidden.item(), 4)
        (0.7311, 0.3119)
    """
    # Step 1: one convolution looks at both, first what is seen and then what was said last. Half
    # the kernel around the image keeps the size.
    both = torch.cat([x, hidden], dim=1)
    scores = functional.conv2d(both, weight, bias, padding=weight.shape[-1] // 2)
    # Step 2: cut its channels into four: three gates and the candidate.
    into, forget, out, candidate = scores.chunk(4, dim=1)
    # Step 3: gates go from 0 (closed) to 1 (open), the candidate from -1 to 1. The forget gate
    # begins open.
    into, out, candidate = into.sigmoid(), out.sigmoid(), candidate.tanh()
    keep = (forget + forget_bias).sigmoid()
    # Step 4: keep some of what is remembered, and add some of the candidate.
    cell = keep * cell + into * candidate
    # Step 5: say some of what is remembered now.
    return out * cell.tanh(), cell


class State(NamedTuple):
    """What a ConvLSTM hands on: of N objects, ``(N, HIDDEN, H / 8, W / 8)`` each.

    Attributes:
        hidden: what it said last.
        cell: what it remembers.
    """

    hidden: torch.Tensor
    cell: torch.Tensor


class ConvLSTM(nn.Module):
    """The weights of a ConvLSTM.

    Args:
        inputs: channels of what it sees.
        kernel: side of its kernels. What an object leaves in the state moves with it no faster than
            half a kernel a frame.
    """

    def __init__(self, inputs: int, kernel: int) -> None:
        super().__init__()
        self.gates = nn.Conv2d(inputs + HIDDEN, 4 * HIDDEN, kernel, padding=kernel // 2)

    def forward(self, x: torch.Tensor, state: State) -> State:
        """The next state."""
        assert self.gates.bias is not None  # it is made with one
        return State(*conv_lstm_step(x, *state, self.gates.weight, self.gates.bias))


# --- several objects --------------------------------------------------------------------------


@exercise(minutes=10, difficulty=2, importance=4)
def merge_objects(objects: Mapping[int, np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """Make one label map of objects that were each segmented alone (Xu et al.).

    Each object was segmented as if there were no other, so two of them can claim the same pixel.

    Args:
        objects: how likely each pixel is of the object, ``(H, W)`` float32, 0 to 1, by label, in
            the order in which they are labelled; empty where there is no object.
        size: H and W.

    Returns:
        Label map, ``(H, W)`` uint8: the likeliest object where it is likelier than not, else 0. Of
        two that are as likely, the first.

    Example:
        >>> cat, dog = np.array([[0.6, 0.7, 0.2]]), np.array([[0.9, 0.1, 0.4]])
        >>> merge_objects({1: cat, 5: dog}, (1, 3))
        array([[5, 1, 0]], dtype=uint8)
    """
    # Step 1: at first everything is background, and to beat it takes more than one half.
    labels = np.zeros(size, np.uint8)
    best = np.full(size, 0.5, np.float32)
    for label, soft in objects.items():
        # Step 2: where is this object likelier than all before it?
        wins = soft > best
        # Step 3: there it takes the pixels, and the next must be likelier still.
        labels[wins] = label
        best[wins] = soft[wins]
    return labels


@exercise(minutes=20, difficulty=3, importance=4)
def match_instances(
    found: torch.Tensor, truth: torch.Tensor
) -> tuple[torch.Tensor, list[tuple[int, int]]]:
    """Which found object is which true one: soft IoU and the Hungarian method (Ventura et al.).

    Nobody has said in which order the objects are to be found. So any order is right: the loss
    compares each true object with that found one which makes the sum of all IoU largest.

    Args:
        found: how likely each pixel is of each found object, ``(P, N)`` float32, 0 to 1: P objects,
            each with the pixels of all its frames in a row.
        truth: the true objects, ``(M, N)`` float32, 0 or 1.

    Returns:
        The soft IoU of each found with each true object, ``(P, M)`` float32, through which
        gradients flow (1 where both are empty); and the pairs (number of the found, number of the
        true object) by ascending number of the found one, as many as the smaller of P and M.

    Example:
        >>> found = torch.tensor([[0.0, 0.0, 1.0], [0.5, 1.0, 0.0]])
        >>> iou, pairs = match_instances(found, torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
        >>> iou, pairs
        (tensor([[0.0000, 1.0000],
                [0.7500, 0.0000]]), [(0, 1), (1, 0)])
    """
    # Step 1: how much do each two share? The sum of products over all pixels, (P, M).
    both = found @ truth.T
    # Step 2: how much do they cover together? Both areas, less what was counted twice.
    either = found.sum(dim=1)[:, None] + truth.sum(dim=1)[None] - both
    # Step 3: the soft IoU. Two that are empty are alike.
    iou = torch.where(either > 0, both / either.clamp(min=1e-6), 1.0)
    # Step 4: the Hungarian method finds the pairs with the least sum of costs, and a high IoU is a
    # low cost. It needs numbers alone, without gradients. (scipy: linear_sum_assignment)
    rows, columns = linear_sum_assignment(-iou.detach().cpu().double().numpy())
    return iou, [(int(row), int(column)) for row, column in zip(rows, columns, strict=True)]


# --- parts of both networks -------------------------------------------------------------------


class Look(NamedTuple):
    """What the encoder sees of N frames.

    Attributes:
        half: features at half size, ``(N, 32, H / 2, W / 2)``.
        quarter: at a quarter, ``(N, 64, H / 4, W / 4)``.
        seen: what the recurrent layer sees, ``(N, CHANNELS, H / 8, W / 8)``.
        size: H and W.
    """

    half: torch.Tensor
    quarter: torch.Tensor
    seen: torch.Tensor
    size: tuple[int, int]

    def of(self, which: torch.Tensor) -> "Look":
        """Some of the frames, by their numbers."""
        return Look(self.half[which], self.quarter[which], self.seen[which], self.size)


class Encoder(nn.Module):
    """Looks at frames, each on its own."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = SmallBackbone()
        self.across = nn.Conv2d(self.backbone.channels[3], CHANNELS, 1)
        self.up = nn.Conv2d(self.backbone.channels[4], CHANNELS, 1)
        self.mix = convolution(CHANNELS, CHANNELS)

    def forward(self, images: torch.Tensor) -> Look:
        """What is seen of images ``(N, 3, H, W)`` float32, 0 to 1."""
        x = (images - 0.5).contiguous(memory_format=torch.channels_last)
        _, half, quarter, eighth, sixteenth = self.backbone(x)
        wide = functional.interpolate(self.up(sixteenth), eighth.shape[-2:], mode="bilinear")
        height, width = images.shape[-2:]
        return Look(half, quarter, self.mix(self.across(eighth) + wide), (height, width))


class Decoder(nn.Module):
    """Makes a mask of a hidden state, with what the encoder saw at larger sizes for its contour."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = convolution(HIDDEN, 64)
        self.across = nn.ModuleList([nn.Conv2d(64, 32, 1), nn.Conv2d(32, 16, 1)])
        self.up = nn.ModuleList([nn.Conv2d(64, 32, 1), nn.Conv2d(32, 16, 1)])
        self.refine = nn.ModuleList([convolution(32, 32), convolution(16, 16)])
        self.score = nn.Conv2d(16, 1, 3, padding=1)

    def forward(self, hidden: torch.Tensor, look: Look, which: torch.Tensor) -> torch.Tensor:
        """Log-odds of objects.

        Args:
            hidden: hidden states, ``(N, HIDDEN, H / 8, W / 8)``.
            look: at some frames.
            which: of them each of the N objects is in, ``(N,)`` int64.

        Returns:
            ``(N, H, W)`` float32.
        """
        x = self.mix(hidden)
        there = (torch.rand(len(x), 1, 1, 1, device=x.device) >= DROPPED) if self.training else 1
        skips = (look.quarter, look.half)
        for skip, across, up, refine in zip(skips, self.across, self.up, self.refine, strict=True):
            large = functional.interpolate(up(x), skip.shape[-2:], mode="bilinear")
            x = refine(across(skip)[which] * there + large)
        score = self.score(x).float()
        return functional.interpolate(score, look.size, mode="bilinear")[:, 0]


def shares(masks: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """How much of each cell masks ``(N, H, W)`` cover, ``(N, 1, h, w)``."""
    return functional.interpolate(masks[:, None].float(), like.shape[-2:], mode="area")


# --- S2S --------------------------------------------------------------------------------------


class Initialiser(nn.Module):
    """Makes the first state of an object of a frame and its mask.

    Each cell gets to know what is object there, and also what all of the object looks like, and
    all that is not. In the paper a network of its own, VGG-16, looks at frame and mask, and sees
    all of the frame from each cell; this one is small, so it is told.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = convolution(4 * CHANNELS + 1, 96)
        self.second = nn.Conv2d(96, 2 * HIDDEN, 3, padding=1)

    def forward(self, seen: torch.Tensor, masks: torch.Tensor) -> State:
        """The first state of N objects.

        Args:
            seen: of their frames, ``(N, CHANNELS, H / 8, W / 8)``.
            masks: of the objects, ``(N, H, W)`` float32, 0 to 1.
        """
        share = shares(masks, seen).to(seen.dtype)
        looks = [
            (seen * part).sum(dim=(2, 3), keepdim=True) / (part.sum(dim=(2, 3), keepdim=True) + 0.1)
            for part in (share, 1 - share)
        ]
        told = [seen, seen * share, share, *(look.expand_as(seen) for look in looks)]
        hidden, cell = self.second(self.first(torch.cat(told, dim=1))).chunk(2, dim=1)
        return State(hidden.tanh().float(), cell.float())  # memories lose nothing by rounding


class S2SNetwork(nn.Module):
    """The network (Xu et al.): initialiser, encoder, ConvLSTM, decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.initialiser = Initialiser()
        self.lstm = ConvLSTM(CHANNELS, kernel=5)
        self.decoder = Decoder()


CARRIES = ("state", "frozen", "mask")


class S2S:
    """S2S as a Segmenter. Each object has a state of its own, and is segmented alone.

    Args:
        carry: what goes from frame to frame: the "state"; or nothing, because each frame begins
            with the state of the first one, "frozen"; or the last "mask" alone, of which the
            initialiser makes a state for each frame anew.
        network: the shipped weights, or a network. By default those that have learned with this
            carry.
        pixels: how many of a frame the network looks at.
        device: where to compute, "cpu" or "cuda".

    Raises:
        ValueError: there is no such carry.
        FileNotFoundError: weights are missing.
    """

    name = "s2s"

    def __init__(
        self,
        carry: str = "state",
        network: str | S2SNetwork | None = None,
        pixels: int = PIXELS,
        device: str = "cpu",
    ) -> None:
        if carry not in CARRIES:
            raise ValueError(f"there is no carry {carry!r}; there are: {', '.join(CARRIES)}")
        self.carry, self.pixels, self.device = carry, pixels, device
        if network is None:
            network = {"state": "s2s", "frozen": "s2s-frozen", "mask": "s2s-last-mask"}[carry]
        if isinstance(network, str):
            network = weights.network(S2SNetwork, network)
        self.network = network.eval().to(device)

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Make the first states of all objects."""
        mask = check_mask(self.name, frame, mask)
        height, width = working_size(frame.shape, self.pixels)
        self.size = whole_cells(height), whole_cells(width)
        self.states: dict[int, State] = {}
        self.add(frame, mask)

    def add(self, frame: np.ndarray, mask: np.ndarray) -> None:
        """Take up objects, at the start or later: this frame makes their first states."""
        check_mask(self.name, frame, mask)
        soft = soft_masks(np.where(mask == VOID, 0, mask), self.size)
        self.states |= self.first_states(self.look(frame), soft)

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Segment one frame, and change the states."""
        return merged(self.soft(frame), frame.shape[:2])

    def soft(self, frame: np.ndarray) -> dict[int, np.ndarray]:
        """What :meth:`step` does, with how sure it is of each object for an answer.

        Args:
            frame: the next frame, ``(H, W, 3)`` uint8.

        Returns:
            ``(h, w)`` float32, 0 to 1, by label, of the size at which the method works.
        """
        return self.advance(self.look(frame))

    # --- its parts: the widget and the lesson use them one by one -----------------------------

    def look(self, frame: np.ndarray) -> Look:
        """What the encoder sees of a frame ``(H, W, 3)`` uint8."""
        with torch.inference_mode(), mixed_precision(self.device):
            look: Look = self.network.encoder(as_input(resized(frame, self.size)).to(self.device))
        return look

    def first_states(self, look: Look, soft: Mapping[int, np.ndarray]) -> dict[int, State]:
        """What the initialiser makes of a frame with these masks.

        Args:
            look: at the frame.
            soft: ``(h, w)`` float32, 0 to 1, by label.

        Returns:
            A state ``(1, HIDDEN, H / 8, W / 8)`` for each object, by label.
        """
        if not soft:
            return {}
        masks = torch.from_numpy(np.stack(list(soft.values()))).to(self.device)
        with torch.inference_mode(), mixed_precision(self.device):
            seen = look.seen.expand(len(masks), -1, -1, -1)
            made = self.network.initialiser(seen, masks)
        return _apart(soft, made)

    def advance(self, look: Look) -> dict[int, np.ndarray]:
        """Segment the next frame, of which the encoder has seen this, and change the states.

        Args:
            look: at the frame.

        Returns:
            As :meth:`soft`.
        """
        if not self.states:
            return {}  # an empty mask: there is nothing to find
        before = State(*(torch.cat(parts) for parts in zip(*self.states.values(), strict=True)))
        which = torch.zeros(len(self.states), dtype=torch.long, device=self.device)
        with torch.inference_mode(), mixed_precision(self.device):
            after = self.network.lstm(look.seen[which], before)
            score = self.network.decoder(after.hidden, look, which)
        soft = dict(zip(self.states, score.sigmoid().cpu().numpy(), strict=True))
        if self.carry == "state":
            self.states = _apart(self.states, after)
        elif self.carry == "mask":
            self.states = self.first_states(look, soft)
        return soft

    def state(self, label: int) -> State:
        """The state of an object, ``(1, HIDDEN, H / 8, W / 8)``; it must not be changed."""
        return self.states[label]

    def wipe(self, label: int) -> None:
        """Let the state of an object be zero, as if nothing had ever been seen of it."""
        self.states[label] = State(*(torch.zeros_like(part) for part in self.states[label]))

    def swap(self, one: int, other: int) -> None:
        """Let two objects go on with each other's state."""
        states = self.states
        states[one], states[other] = states[other], states[one]


def _apart(labels: Mapping[int, Any], states: State) -> dict[int, State]:
    """The states of several objects, each on its own, by label."""
    each = zip(*(part.float().split(1) for part in states), strict=True)
    return {label: State(*parts) for label, parts in zip(labels, each, strict=True)}


def merged(soft: Mapping[int, np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """The label map of soft masks, which are enlarged before they are cut: no stairs."""
    large = {label: resized(each, size) for label, each in soft.items()}
    return merge_objects(large, size)


# --- RVOS -------------------------------------------------------------------------------------

OBJECTS = 4
"""So many objects are looked for at most, where nobody marks any."""


class Told(NamedTuple):
    """What RVOS says of N frames with P objects each.

    Attributes:
        score: log-odds of each object, ``(N, P, H, W)`` float32.
        more: log-odds that there is such an object at all, ``(N, P)`` float32.
        hidden: the hidden state of each, ``(N, P, HIDDEN, H / 8, W / 8)``.
    """

    score: torch.Tensor
    more: torch.Tensor
    hidden: torch.Tensor


class RVOSNetwork(nn.Module):
    """The network (Ventura et al.): recurrent over the objects, and over time."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.masks = convolution(CHANNELS + 2, CHANNELS)
        self.lstm = ConvLSTM(CHANNELS + HIDDEN, kernel=3)
        self.decoder = Decoder()
        self.more = nn.Linear(2 * HIDDEN, 1)

    def one(
        self, seen: torch.Tensor, before: torch.Tensor, masks: torch.Tensor, space: State
    ) -> tuple[State, torch.Tensor]:
        """One object of each of N frames.

        Args:
            seen: of the frames, ``(N, CHANNELS, h, w)``.
            before: **over time**: the hidden state of this object in the frame before,
                ``(N, HIDDEN, h, w)``; 0 where there is none.
            masks: the last mask of this object, and of all others, ``(N, 2, h, w)``; 0 where
                nobody has marked any.
            space: **over the objects**: the state after the object before, in this frame; 0 for
                the first object.

        Returns:
            The state after this object, and the log-odds that there is one, ``(N,)``.
        """
        x = self.masks(torch.cat([seen, masks.to(seen.dtype)], dim=1))
        state: State = self.lstm(torch.cat([x, before.to(x.dtype)], dim=1), space)
        pooled = torch.cat([state.hidden.mean(dim=(2, 3)), state.hidden.amax(dim=(2, 3))], dim=1)
        return state, self.more(pooled)[:, 0]

    def forward(self, look: Look, before: torch.Tensor, masks: torch.Tensor | None) -> Told:
        """All objects of N frames, one after the other.

        Args:
            look: at the frames.
            before: hidden states of the P objects in the frames before,
                ``(N, P, HIDDEN, H / 8, W / 8)``.
            masks: their last masks, ``(N, P, H, W)`` float32, 0 to 1; None where nobody marks any.
        """
        frames, objects = before.shape[:2]
        seen = look.seen
        nothing = torch.zeros(frames, HIDDEN, *seen.shape[-2:], device=seen.device)
        state, states, more = State(nothing, nothing), [], []
        cells = seen.new_zeros(frames, objects, *seen.shape[-2:])
        if masks is not None:
            cells = shares(masks.flatten(0, 1), seen)[:, 0].unflatten(0, (frames, objects))
        for i in range(objects):
            own = torch.stack([cells[:, i], cells.sum(dim=1) - cells[:, i]], dim=1)
            state, there = self.one(seen, before[:, i], own, state)
            states.append(state.hidden)
            more.append(there)
        hidden = torch.stack(states, dim=1)
        which = torch.arange(frames, device=seen.device).repeat_interleave(objects)
        score = self.decoder(hidden.flatten(0, 1), look, which).unflatten(0, (frames, objects))
        return Told(score, torch.stack(more, dim=1).float(), hidden)


class RVOS:
    """RVOS as a Segmenter: one-shot, or zero-shot.

    One-shot, the objects are those of the first mask, in the order of their labels, and each frame
    also gets their last masks. Zero-shot, it finds objects in an order of its own, until it says
    that there are no more; in later frames those that it knows come first, and then new ones.

    Args:
        zero_shot: whether it finds the objects by itself.
        network: the shipped weights, or a network.
        whole: whether all that it finds counts as one object, as DAVIS 2016 has it.
        sure: zero-shot, an object must be so likely to be there, 0 to 1, before it is taken up.
        pixels: how many of a frame the network looks at.
        device: where to compute, "cpu" or "cuda".

    Attributes:
        more: zero-shot, how likely it is that there is a first object, a second one, ..., 0 to 1,
            in the last frame.

    Raises:
        FileNotFoundError: weights are missing.
    """

    name = "rvos"

    def __init__(
        self,
        zero_shot: bool = False,
        network: str | RVOSNetwork = "rvos",
        whole: bool = False,
        sure: float = 0.5,
        pixels: int = PIXELS,
        device: str = "cpu",
    ) -> None:
        self.zero_shot, self.whole, self.sure = zero_shot, whole, sure
        self.proposals = zero_shot and not whole
        self.pixels, self.device = pixels, device
        if isinstance(network, str):
            network = weights.network(RVOSNetwork, network)
        self.network = network.eval().to(device)

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Begin a video: one-shot with its first mask, zero-shot without."""
        height, width = working_size(frame.shape, self.pixels)
        self.size = whole_cells(height), whole_cells(width)
        self.hidden: dict[int, torch.Tensor] = {}
        self.masks: dict[int, np.ndarray] = {}
        if not self.zero_shot:
            self.add(frame, check_mask(self.name, frame, mask))

    def add(self, frame: np.ndarray, mask: np.ndarray) -> None:
        """Take up objects, at the start or later, with their masks in this frame."""
        check_mask(self.name, frame, mask)
        new = soft_masks(np.where(mask == VOID, 0, mask), self.size)
        hidden, masks = self.hidden, self.masks
        # The network looks at this frame with its true masks, for the hidden states. What it says
        # of the mask is not needed: it has just been told.
        self.hidden, self.masks = {}, new
        self.advance(self.look(frame))
        self.hidden, self.masks = hidden | self.hidden, masks | new

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Segment one frame."""
        labels = merged(self.soft(frame), frame.shape[:2])
        return (labels > 0).astype(np.uint8) if self.whole else labels

    def soft(self, frame: np.ndarray) -> dict[int, np.ndarray]:
        """What :meth:`step` does, with how sure it is of each object: ``(h, w)``, by label."""
        return self.advance(self.look(frame))

    def look(self, frame: np.ndarray) -> Look:
        """What the encoder sees of a frame ``(H, W, 3)`` uint8."""
        with torch.inference_mode(), mixed_precision(self.device):
            look: Look = self.network.encoder(as_input(resized(frame, self.size)).to(self.device))
        return look

    def advance(self, look: Look) -> dict[int, np.ndarray]:
        """Segment the next frame, of which the encoder has seen this.

        Args:
            look: at the frame.

        Returns:
            How sure we are of each object, ``(h, w)`` float32, 0 to 1, by label.
        """
        labels = list(range(1, OBJECTS + 1)) if self.zero_shot else list(self.masks)
        if not labels:
            return {}
        nothing = torch.zeros(1, HIDDEN, *look.seen.shape[-2:], device=self.device)
        before = torch.stack([self.hidden.get(label, nothing) for label in labels], dim=1)
        masks = None
        if not self.zero_shot:
            last = np.stack([self.masks[label] for label in labels])[None]
            masks = torch.from_numpy(last).to(self.device)
        with torch.inference_mode(), mixed_precision(self.device):
            told = self.network(look, before, masks)
        count = len(labels)
        if self.zero_shot:
            self.more = told.more[0].sigmoid().tolist()
            count = found(self.more, len(self.hidden), self.sure)
        kept = labels[:count]
        soft = dict(zip(kept, told.score[0].sigmoid().cpu().numpy(), strict=False))
        self.hidden = {label: told.hidden[:, i].float() for i, label in enumerate(kept)}
        self.masks = soft
        return soft


def found(more: Sequence[float], known: int, sure: float = 0.5) -> int:
    """How many objects there are: those that are known, and new ones up to the first stop.

    Example:
        >>> found([0.9, 0.8, 0.1, 0.7], known=0), found([0.2, 0.8, 0.6, 0.1], known=1)
        (2, 3)
    """
    count = known
    while count < len(more) and more[count] > sure:
        count += 1
    return count


ABLATIONS: dict[str, dict[str, Any]] = {
    "s2s-frozen": {"carry": "frozen"},
    "s2s-last-mask": {"carry": "mask"},
    "rvos-zero-shot": {"zero_shot": True},
    "rvos-zero-shot-whole": {"zero_shot": True, "whole": True},
}
