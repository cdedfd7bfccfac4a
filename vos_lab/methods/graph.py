"""AGNN: frames are the nodes of a graph, and tell each other what they have in common.

Wang, Lu, Shen, Crandall and Shao, "Zero-Shot Video Object Segmentation via Attentive Graph Neural
Networks", ICCV 2019. Nobody marks the object. In one frame many things stand out; the object is
what stands out again and again. So several frames of a video look at each other: each cell of a
frame attends to the cells of another frame that resemble it, and what it finds there is a message.
Each frame updates what it believes with the messages of all, and they talk again, three rounds in
all. Then each node is read out as a mask.

In the paper the encoder is DeepLabV3 on ResNet-101, all of the network learns, and a CRF tidies up
the masks. Here encoder and read-out are the small network of lesson 05 as it is, because a laptop
has to run them, and only the graph learns; nothing tidies up.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vos_lab import weights
from vos_lab.exercise import exercise
from vos_lab.methods.networks import (
    SegmentationNetwork,
    as_input,
    fuse_side_outputs,
    mixed_precision,
)
from vos_lab.methods.resolution import label_map, resized, working_size

PIXELS = 128 * 224
"""What the graph looks at: more pixels would be as many more cells, and their pairs squared."""

NODES = 5
"""How many frames look at each other: the one that is asked about, and four more."""

ROUNDS = 3
"""How often the nodes tell each other what they see."""

STRIDE = 8
"""A cell of a node is as many pixels high and wide."""

LEVEL = 3
"""Which size of the encoder that is: the fourth."""

SEEN = 32
"""Numbers of a cell that the encoder fills, and the read-out reads."""

CHANNELS = 64
"""Numbers of a cell in all. The last is free: in a message it says how alike the cells are."""

LOOK = slice(SEEN, CHANNELS - 1)
"""Numbers of a cell that say what it looks like, and where it is; of length 1 at the start."""

SHARP = 8.0
"""How sharply cells tell what is like them from what is not, before anything is learned."""

# --- messages ---------------------------------------------------------------------------------


@exercise(minutes=15, difficulty=2, importance=5)
def attention_message(
    here: torch.Tensor, there: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """What each cell of a node hears from another node (Wang et al., ICCV 2019, Eq. 5 and 7).

    Args:
        here: the state of the node that listens, ``(..., N, C)`` float32: a row for each cell.
        there: the state of the node that speaks, ``(..., M, C)`` float32.
        weight: ``(C, C)`` float32, learned: which numbers make two cells alike.

    Returns:
        ``(..., N, C)`` float32: for each cell that listens, the mean of the cells that speak. The
        more a cell resembles it, the more it counts.

    Example:
        >>> here, there = torch.tensor([[9.0, 0.0]]), torch.tensor([[9.0, 0.0], [0.0, 9.0]])
        >>> attention_message(here, there, torch.eye(2)).round()
        tensor([[9., 0.]])
    """
    # Step 1: the edge: how much each cell here resembles each cell there, (..., N, M).
    edge = here @ weight @ there.mT
    # Step 2: make shares of it: what one cell hears comes from the cells there, 1 in all.
    attention = edge.softmax(dim=-1)
    # Step 3: the mean of the cells there, by these shares.
    return attention @ there


@exercise(minutes=10, difficulty=2, importance=3)
def gate_messages(messages: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Put several messages together, each as far as it can be trusted (Equations 9 and 10).

    Args:
        messages: what a node heard from K nodes, ``(..., K, C, H, W)`` float32.
        weight: ``(C, C)`` float32, learned: which numbers of a message open which gate.
        bias: ``(C,)`` float32, learned: how far a gate is open before anything is heard.

    Returns:
        ``(..., C, H, W)`` float32. A message from a frame with nothing in common gets closed gates.

    Example:
        >>> messages = torch.tensor([2.0, 6.0]).reshape(2, 1, 1, 1)
        >>> gate_messages(messages, torch.tensor([[0.0]]), torch.tensor([0.0])).item()
        2.0
    """
    # Step 1: one number for each message and channel: the mean over all its cells, (..., K, C).
    summary = messages.mean(dim=(-2, -1))
    # Step 2: a gate for each message and channel, from 0 (closed) to 1 (open).
    gate = (summary @ weight.T + bias).sigmoid()
    # Step 3: the mean of what passes the gates. (The paper: the sum.)
    return (gate[..., None, None] * messages).mean(dim=-4)


@exercise(minutes=15, difficulty=3, importance=4)
def update_node(
    state: torch.Tensor,
    message: torch.Tensor,
    update: nn.Module,
    reset: nn.Module,
    candidate: nn.Module,
) -> torch.Tensor:
    """What a node believes after a round: a ConvGRU (Equation 11; Ballas et al., ICLR 2016).

    Args:
        state: what the node believed before, ``(N, C, H, W)`` float32.
        message: what it has heard, the same shape.
        update: a convolution from ``(N, 2 C, H, W)``, state before message, to ``(N, C, H, W)``:
            log-odds of taking up what is new.
        reset: the same: log-odds of listening to the old state while the new one is made.
        candidate: the same: the new state, before tanh.

    Returns:
        The new state, ``(N, C, H, W)`` float32.

    Example:
        >>> zero = lambda both: torch.zeros(1, 1, 1, 1)
        >>> one = lambda both: torch.full((1, 1, 1, 1), 9.0)
        >>> old, heard = torch.tensor([[[[4.0]]]]), torch.tensor([[[[0.0]]]])
        >>> round(update_node(old, heard, zero, zero, one).item(), 2)
        2.5
    """
    # Step 1: both gates see the old state and the message, in this order, and go from 0 to 1.
    both = torch.cat([state, message], dim=1)
    new, listen = update(both).sigmoid(), reset(both).sigmoid()
    # Step 2: the candidate sees the message, and the old state only as far as reset is open.
    proposed = candidate(torch.cat([listen * state, message], dim=1)).tanh()
    # Step 3: where the update gate is open the candidate replaces the old state.
    return (1 - new) * state + new * proposed


# --- the network ------------------------------------------------------------------------------

Nodes = tuple[torch.Tensor, list[torch.Tensor]]
"""The states of frames, and what their encoder saw at the larger sizes, for the read-out."""


class AttentiveGraph(nn.Module):
    """Frames in, a mask for each of them out; in between they talk to each other.

    Input ``(B, n, 3, H, W)`` float32, 0 to 1: B sets of n frames. Output: for each round, from 0
    (nobody has talked yet) on, log-odds ``(B, n, H, W)`` float32, above 0 for the object.
    """

    def __init__(self) -> None:
        super().__init__()
        self.base = SegmentationNetwork()
        channels: tuple[int, ...] = self.base.backbone.channels  # type: ignore[assignment]
        self.look = nn.Conv2d(channels[LEVEL - 1] + channels[LEVEL] + 2, CHANNELS - SEEN - 1, 1)
        # An edge begins as how much two cells look alike.
        alike = torch.zeros(CHANNELS, CHANNELS)
        alike[LOOK, LOOK] = SHARP * torch.eye(CHANNELS - SEEN - 1)
        self.edge, self.loop = nn.Parameter(alike.clone()), nn.Parameter(alike.clone())
        self.share = nn.Parameter(torch.zeros(1))
        self.gate_weight = nn.Parameter(torch.zeros(CHANNELS, CHANNELS))
        self.gate_bias = nn.Parameter(torch.full((CHANNELS,), 2.0))
        self.update, self.reset, self.candidate = (
            nn.Conv2d(2 * CHANNELS, CHANNELS, 3, padding=1) for _ in range(3)
        )
        assert self.update.bias is not None
        nn.init.constant_(self.update.bias, -2.0)  # begin as what each frame sees alone

    def forward(self, frames: torch.Tensor, rounds: int = ROUNDS) -> list[torch.Tensor]:
        """Log-odds after each round."""
        sets, nodes = frames.shape[:2]
        state, seen = self.encode(frames.flatten(0, 1))
        states = self.talk(state.unflatten(0, (sets, nodes)), rounds)
        return [
            self.read_out((each.flatten(0, 1), seen)).unflatten(0, (sets, nodes)) for each in states
        ]

    def encode(self, frames: torch.Tensor) -> Nodes:
        """The states with which frames ``(N, 3, H, W)`` become nodes."""
        base = self.base
        seen = base.backbone((frames - 0.5).contiguous(memory_format=torch.channels_last))
        x = base.across[-1](seen[-1])
        for i in reversed(range(LEVEL, len(base.up))):
            coarse = functional.interpolate(base.up[i](x), seen[i].shape[-2:], mode="bilinear")
            x = base.mix[i](base.across[i](seen[i]) + coarse)
        finer = functional.interpolate(seen[LEVEL - 1], x.shape[-2:], mode="area")
        look = self.look(torch.cat([finer, seen[LEVEL], places_like(x)], dim=1))
        look = functional.normalize(look.float(), dim=1).to(x.dtype)
        return torch.cat([x, look, torch.zeros_like(x[:, :1])], dim=1), seen[:LEVEL]

    def talk(self, state: torch.Tensor, rounds: int = ROUNDS) -> list[torch.Tensor]:
        """The states ``(B, n, C, h, w)`` of sets of nodes, before and after each round."""
        states = [state]
        for _ in range(rounds):
            heard = self.messages(states[-1])
            heard = gate_messages(heard, self.gate_weight, self.gate_bias)
            new = update_node(
                states[-1].flatten(0, 1),
                heard.flatten(0, 1).to(state.dtype),
                self.update,
                self.reset,
                self.candidate,
            )
            states.append(new.unflatten(0, state.shape[:2]))
        return states

    def messages(self, state: torch.Tensor) -> torch.Tensor:
        """What each node hears from itself and from the nodes after it, ``(B, n, n, C, h, w)``."""
        cells = state.flatten(-2).mT  # (B, n, h w, C)
        own = cells + self.share * attention_message(cells, cells, self.loop)
        heard = [own] + [
            attention_message(cells, cells.roll(-k, dims=1), self.edge)
            for k in range(1, state.shape[1])
        ]
        told = torch.stack(heard, dim=2)
        # The last channel says how much what was heard looks like the cell that listens.
        alike = (told[..., LOOK] * cells[:, :, None, :, LOOK]).sum(dim=-1, keepdim=True)
        told = torch.cat([told[..., :-1], SHARP * (alike - 0.5)], dim=-1)
        return told.mT.unflatten(-1, state.shape[-2:])

    def attention(self, state: torch.Tensor, cell: tuple[int, int]) -> torch.Tensor:
        """Where in the nodes after the first one its cell (row, column) listens, ``(n - 1, h, w)``.

        Args:
            state: of the nodes before a round, ``(n, C, h, w)``.
            cell: row and column.
        """
        listens, (height, width) = state[0, :, cell[0], cell[1]], state.shape[-2:]
        edges = [listens @ self.edge @ each.flatten(1) for each in state[1:]]
        shares = [edge.softmax(dim=0).unflatten(0, (height, width)) for edge in edges]
        return torch.stack(shares) if shares else state.new_zeros(0, height, width)

    def read_out(self, nodes: Nodes) -> torch.Tensor:
        """Log-odds of the object, ``(N, H, W)``: the larger half of the decoder of lesson 05."""
        state, seen = nodes
        base, x = self.base, state[:, :SEEN]
        sides = [base.sides[LEVEL](x)]
        for i in reversed(range(LEVEL)):
            coarse = functional.interpolate(base.up[i](x), seen[i].shape[-2:], mode="bilinear")
            x = base.mix[i](base.across[i](seen[i]) + coarse)
            sides.insert(0, base.sides[i](x))
        return fuse_side_outputs([side.float() for side in sides], base.weight[: LEVEL + 1])[:, 0]

    def rough(self, state: torch.Tensor) -> torch.Tensor:
        """Log-odds of the object for each cell of states ``(N, C, h, w)``, ``(N, h, w)``."""
        return self.base.sides[LEVEL](state[:, :SEEN])[:, 0]


def places_like(x: torch.Tensor) -> torch.Tensor:
    """Row and column of each cell, -1 to 1, ``(N, 2, h, w)``."""
    height, width = x.shape[-2:]
    rows, columns = torch.linspace(-1, 1, height), torch.linspace(-1, 1, width)
    grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
    return grid.to(x).expand(len(x), -1, -1, -1)


# --- the method -------------------------------------------------------------------------------


class AGNN:
    """AGNN as a zero-shot Segmenter: what stands out in the whole video is object 1.

    In the paper the nodes are spread over the whole video. So here the method looks at the whole
    video first (``preview``) and keeps four frames of it, which are nodes beside every frame that
    is asked about. Where frames come one by one, as from a camera, it keeps some of those that it
    has seen.

    Args:
        nodes: how many frames look at each other, the one that is asked about among them.
        rounds: how often they do.
        looks_ahead: whether the method may look at the whole video first.
        copies: whether the other nodes are copies of the frame, to see what they are worth.
        network: what to use; by default the shipped one.
    """

    zero_shot = True

    def __init__(
        self,
        nodes: int = NODES,
        rounds: int = ROUNDS,
        looks_ahead: bool = True,
        copies: bool = False,
        network: AttentiveGraph | None = None,
    ) -> None:
        self.name = "agnn"
        self.nodes, self.rounds, self.copies = nodes, rounds, copies
        self.looks_ahead = looks_ahead
        self.network = network if network is not None else trained()
        self.whole: Sequence[np.ndarray] = ()

    def preview(self, frames: Sequence[np.ndarray]) -> None:
        """Take the whole video, of which a few frames become nodes."""
        self.whole = frames if self.looks_ahead else ()

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Begin; a mask is not used."""
        self.size = working_size(frame.shape, PIXELS)
        self.t, self.gap = 0, 1
        self.kept: dict[int, torch.Tensor] = {}
        for t in spread(len(self.whole), self.nodes - 1):
            self.kept[t], _ = self._encode(self.whole[t])

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Find the object in one more frame."""
        state, seen = self._encode(frame)
        others = [self.kept[t] for t in self.companions()]
        if self.copies:
            others = [state] * (self.nodes - 1)
        with torch.inference_mode(), mixed_precision("cpu"):
            states = self.network.talk(torch.stack([state, *others], dim=1), self.rounds)
            score = self.network.read_out((states[-1][:, 0], seen))
        self._keep(state)
        return label_map({1: score.sigmoid()[0].float().numpy()}, frame.shape[:2])

    def companions(self) -> list[int]:
        """The frames that are nodes beside the one that is asked about."""
        times = [t for t in self.kept if t != self.t]
        return [times[i] for i in spread(len(times), self.nodes - 1)]

    def _encode(self, frame: np.ndarray) -> Nodes:
        with torch.inference_mode(), mixed_precision("cpu"):
            return self.network.encode(as_input(resized(frame, self.size)))

    def _keep(self, state: torch.Tensor) -> None:
        """Without the whole video: keep some of what was seen, ever more thinly."""
        if not len(self.whole) and self.t % self.gap == 0:
            self.kept[self.t] = state
            if len(self.kept) > 2 * self.nodes:
                self.gap *= 2
                self.kept = {t: s for t, s in self.kept.items() if t % self.gap == 0}
        self.t += 1


def spread(length: int, count: int) -> list[int]:
    """Some numbers below ``length``, evenly spread; all of them where there are too few.

    Example:
        >>> spread(80, 4), spread(3, 4), spread(0, 4)
        ([10, 30, 50, 70], [0, 1, 2], [])
    """
    count = min(count, length)
    return [int((i + 0.5) * length / count) for i in range(count)]


def trained() -> AttentiveGraph:
    """The network that ships."""
    return weights.network(AttentiveGraph, "agnn")


ABLATIONS: dict[str, dict[str, Any]] = {
    "agnn-one-node": {"nodes": 1},
    "agnn-copies": {"copies": True},
    "agnn-one-round": {"rounds": 1},
    "agnn-without-messages": {"rounds": 0},
    "agnn-frame-by-frame": {"looks_ahead": False},
}
"""One node (salient object detection), copies of the frame as nodes, fewer rounds, no preview."""
