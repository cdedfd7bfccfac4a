"""Pictures of lesson 14: attention_message, gate_messages and update_node."""

from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import nn

from vos_lab.exercises.pictures.drawn import SIZE, row, walker
from vos_lab.view.figures import Figure, curves

CELLS = (30, 54)


def attention_message(answer: Callable[..., torch.Tensor]) -> Figure:
    """A frame put together from the colours of another one."""
    frames = walker().frames
    here, there = (colours(frames[t]) for t in (8, 0))
    ones, lengths = torch.ones(len(here), 1), -0.5 * (there**2).sum(dim=1, keepdim=True)
    weight = 400 * torch.eye(4)  # the nearer two colours, the larger their edge
    message = answer(torch.cat([here, ones], dim=1), torch.cat([there, lengths], dim=1), weight)
    heard = (255 * message[:, :3].clamp(0, 1)).reshape(*CELLS, 3).numpy().astype(np.uint8)
    return row(
        {
            "who speaks: frame 0": frames[0],
            "who listens: frame 8": frames[8],
            "what frame 8 hears": cv2.resize(heard, SIZE[::-1], interpolation=cv2.INTER_NEAREST),
        },
        "Your attention_message at work: cells of frame 8 hear the colours of frame 0.",
        "Two frames of a walking animal, and a coarse picture of the second one that is made of "
        "colours of the first: the animal stands where it is in the second.",
    )


def colours(frame: np.ndarray) -> torch.Tensor:
    """The mean colour of each cell, ``(N, 3)`` float32, 0 to 1."""
    small = cv2.resize(frame, CELLS[::-1], interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small.reshape(-1, 3).astype(np.float32) / 255)


def gate_messages(answer: Callable[..., torch.Tensor]) -> Figure:
    """What passes the gate, over what was heard."""
    heard = np.linspace(-4, 4, 33)

    def passed(bias: float) -> list[float]:
        messages = torch.tensor(heard, dtype=torch.float32).reshape(-1, 1, 1, 1, 1)
        weight = torch.tensor([[2.0]])
        return [float(x) for x in answer(messages, weight, torch.tensor([bias])).flatten()]

    return curves(
        {f"bias {bias:.0f}": passed(bias) for bias in (4.0, 0.0, -4.0)},
        "Your gate_messages at work: the message itself opens its gate, or closes it.",
        x=heard,
        xlabel="what was heard, the same in all cells",
        ylabel="what passes",
        alt="Three curves. At the left end all are near 0, and on the right all rise like what was "
        "heard, the later the lower the bias. The one with bias 4 dips below 0 on its way.",
        plot=150,
    )


def update_node(answer: Callable[..., torch.Tensor]) -> Figure:
    """The state over the rounds, with the update gate more or less open."""

    def over_rounds(share: float) -> list[float]:
        gate = Constant(float(np.log(share / (1 - share))))
        state, message = torch.full((1, 1, 1, 1), 2.0), torch.zeros(1, 1, 1, 1)
        values = [2.0]
        for _ in range(6):
            state = answer(state, message, gate, gate, Constant(-1.0))
            values.append(float(state.flatten()[0]))
        return values

    return curves(
        {f"gate {share:g} open": over_rounds(share) for share in (0.1, 0.5, 0.9)},
        "Your update_node at work: the gate says how fast a belief gives way.",
        xlabel="round",
        ylabel="state",
        alt="Three curves that begin at 2 and fall towards -0.8 over six rounds: slowly with the "
        "gate a tenth open, and at once with it nine tenths open.",
        plot=150,
    )


class Constant(nn.Module):
    """A convolution that says the same everywhere."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, both: torch.Tensor) -> torch.Tensor:
        """The value for each cell."""
        return torch.full_like(both[:, :1], self.value)
