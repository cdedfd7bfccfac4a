"""Checks of lesson 14: attention_message, gate_messages and update_node."""

import numpy as np
import torch
from torch import nn

from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.methods.graph import attention_message, gate_messages, update_node


def noise(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    """Numbers, drawn by chance."""
    return torch.from_numpy(rng.standard_normal(shape).astype(np.float32))


# --- attention_message ------------------------------------------------------------------------


def cells(rng: np.random.Generator, here: int, there: int, channels: int, *sets: int) -> Inputs:
    """Two nodes, and what makes cells alike, drawn by chance."""
    return {
        "here": noise(rng, *sets, here, channels),
        "there": noise(rng, *sets, there, channels),
        "weight": noise(rng, channels, channels),
    }


ATTENTION_MESSAGE = Check(
    attention_message,
    cases=[
        Case(
            "one cell listens to two, and resembles the first",
            lambda rng: {
                "here": torch.tensor([[3.0, 0.0]]),
                "there": torch.tensor([[1.0, 0.0], [0.0, 1.0]]),
                "weight": torch.eye(2),
            },
        ),
        Case(
            "two cells listen to three",
            lambda rng: {
                "here": torch.tensor([[2.0, 0.0], [0.0, 1.0]]),
                "there": torch.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]),
                "weight": torch.eye(2),
            },
        ),
        Case(
            "nothing resembles anything",
            lambda rng: {
                "here": torch.zeros(2, 3),
                "there": noise(rng, 4, 3),
                "weight": torch.eye(3),
            },
        ),
        Case(
            "a weight that is not symmetric",
            lambda rng: {
                "here": torch.tensor([[1.0, 0.0]]),
                "there": torch.tensor([[2.0, 0.0], [0.0, 3.0]]),
                "weight": torch.tensor([[0.0, 1.0], [0.0, 0.0]]),
            },
        ),
        Case("as many cells here as there", lambda rng: cells(rng, 4, 4, 4)),
        Case("many cells", lambda rng: cells(rng, 6, 9, 5)),
        Case("two sets of three nodes", lambda rng: cells(rng, 4, 5, 3, 2, 3)),
        Case(
            "edges of several hundred",
            lambda rng: {
                "here": 30 * noise(rng, 3, 4),
                "there": 30 * noise(rng, 5, 4),
                "weight": torch.eye(4),
            },
        ),
    ],
    mistakes=[
        Mistake(
            "The shares of each cell that *speaks* add up to 1 here. Take the softmax over the "
            "cells there, so that what one cell hears is a mean.",
            ("dim=-1", "dim=-2"),
        ),
        Mistake(
            "These are sums weighted by the edge itself, and an edge can be negative or huge. Make "
            "shares of it first, with a softmax.",
            ("edge.softmax(dim=-1)", "edge"),
        ),
        Mistake(
            "The shares do not add up to 1: a sigmoid asks each cell alone. Softmax compares all "
            "cells there.",
            ("edge.softmax(dim=-1)", "edge.sigmoid()"),
        ),
        Mistake(
            "A cell heard itself. The message is the mean of the cells *there*.",
            ("return attention @ there", "return attention.sum(dim=-1, keepdim=True) * here"),
        ),
        Mistake(
            "The weight is missing. It has been learned which numbers make two cells alike: it "
            "stands between the two nodes.",
            ("here @ weight @ there.mT", "here @ there.mT"),
        ),
        Mistake(
            "The weight is transposed. Its rows belong to the node that listens, its columns to "
            "the one that speaks.",
            ("here @ weight @ there.mT", "here @ weight.T @ there.mT"),
        ),
        Mistake(
            "The weight was used on the message, too. It makes the edge only; what is said stays "
            "as it is.",
            ("return attention @ there", "return attention @ there @ weight"),
        ),
        Mistake(
            "Each cell heard the one cell that resembles it most. It hears all, each by its share, "
            "so that a gradient can flow to all of them.",
            (
                "edge.softmax(dim=-1)",
                "torch.nn.functional.one_hot(edge.argmax(dim=-1), edge.shape[-1]).float()",
            ),
        ),
        Mistake(
            "The edge was divided by the root of the number of channels. That is done in "
            "transformers; here the learned weight sees to the size of the edges.",
            ("edge.softmax(dim=-1)", "(edge / here.shape[-1] ** 0.5).softmax(dim=-1)"),
        ),
        Mistake(
            "exp of an edge of some hundred is infinite, and infinite by infinite is no number. "
            "softmax takes the largest edge away first.",
            ("edge.softmax(dim=-1)", "edge.exp() / edge.exp().sum(dim=-1, keepdim=True)"),
        ),
    ],
    hints=[
        "Each cell here asks all cells there: how alike are we? Then it hears their mean, in which "
        "those that are like it count more.",
        "The edge is a table with a row for each cell here and a column for each cell there: two "
        "matrix products, with the weight in the middle. Along which of the two do shares add up "
        "to 1?",
        "there.mT swaps the last two dimensions only, so that several sets may stand before them. "
        "softmax(dim=-1) makes the shares of a row; one more matrix product is the mean.",
    ],
    tolerance=1e-4,
    gradients=("here", "there", "weight"),
)

# --- gate_messages ----------------------------------------------------------------------------


def heard(rng: np.random.Generator, count: int, channels: int, *sets: int) -> Inputs:
    """Messages and gates, drawn by chance."""
    return {
        "messages": 2 * noise(rng, *sets, count, channels, 3, 4),
        "weight": 2 * noise(rng, channels, channels),
        "bias": noise(rng, channels),
    }


GATE_MESSAGES = Check(
    gate_messages,
    cases=[
        Case(
            "two messages, gates half open",
            lambda rng: {
                "messages": torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1),
                "weight": torch.zeros(1, 1),
                "bias": torch.zeros(1),
            },
        ),
        Case(
            "one message, gates that open themselves",
            lambda rng: {
                "messages": torch.tensor([2.0, 0.0, 0.0, -1.0]).reshape(1, 2, 1, 2),
                "weight": torch.tensor([[1.0, 0.0], [3.0, 0.0]]),
                "bias": torch.tensor([0.0, 0.5]),
            },
        ),
        Case("three messages", lambda rng: heard(rng, 3, 4)),
        Case("as many messages as channels", lambda rng: heard(rng, 3, 3)),
        Case("two sets of four nodes", lambda rng: heard(rng, 4, 3, 2, 4)),
    ],
    mistakes=[
        Mistake(
            "The gates are as far open as the bias says, whatever was heard. A gate depends on the "
            "mean of its message.",
            ("summary @ weight.T + bias", "0 * summary + bias"),
        ),
        Mistake(
            "The bias is missing: it says how far a gate is open before anything is heard.",
            (" + bias", ""),
        ),
        Mistake(
            "The weight is transposed. Its rows belong to the gates, its columns to the numbers of "
            "the message.",
            ("weight.T", "weight"),
        ),
        Mistake(
            "This is the gate of each cell. It is one for the whole message: take the mean over "
            "height and width first.",
            (
                "(summary @ weight.T + bias).sigmoid()",
                "(torch.einsum('...chw,dc->...dhw', messages, weight)"
                " + bias[:, None, None]).sigmoid()",
            ),
            ("gate[..., None, None]", "gate"),
        ),
        Mistake(
            "The gates of several messages add up to 1, so one is closed only when another opens. "
            "Each message is judged alone: use a sigmoid.",
            (".sigmoid()", ".softmax(dim=-2)"),
        ),
        Mistake(
            "The gates are log-odds, which go below 0 and above 1. sigmoid makes shares of them.",
            (".sigmoid()", ""),
        ),
        Mistake(
            "This is the sum of the messages, which grows with their number. Take the mean, so "
            "that a graph of three nodes and one of five speak alike.",
            ("messages).mean(dim=-4)", "messages).sum(dim=-4)"),
        ),
        Mistake(
            "The gates are multiplied with nothing: the messages go through as they are.",
            ("(gate[..., None, None] * messages)", "messages"),
        ),
        Mistake(
            "You took the largest message of each cell. Take the mean of what passes the gates.",
            ("messages).mean(dim=-4)", "messages).amax(dim=-4)"),
        ),
        Mistake(
            "You summed the cells of a message. Take their mean: a large frame is no louder.",
            ("messages.mean(dim=(-2, -1))", "messages.sum(dim=(-2, -1))"),
        ),
        Mistake(
            "All messages share one gate, made of the mean of them all. Each has its own.",
            (
                "messages.mean(dim=(-2, -1))",
                "messages.mean(dim=(-2, -1)).mean(dim=-2, keepdim=True)",
            ),
        ),
    ],
    hints=[
        "A frame that has nothing in common with yours has something to say all the same. The gate "
        "reads the whole message and decides how much of each channel is worth hearing.",
        "First one number for each message and channel: the mean over height and width. From these "
        "C numbers the weight and the bias make C gates. Then a mean over the messages.",
        "mean(dim=(-2, -1)), then @ weight.T + bias, then sigmoid. gate[..., None, None] fits "
        "beside the messages, whose K stands at dim=-4.",
    ],
    tolerance=1e-4,
    gradients=("messages", "weight", "bias"),
)

# --- update_node ------------------------------------------------------------------------------


def gates(rng: np.random.Generator, channels: int, strength: float = 1.0) -> Inputs:
    """Three convolutions that have learned nothing, and differ."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        made = [nn.Conv2d(2 * channels, channels, 3, padding=1) for _ in range(3)]
    with torch.no_grad():
        for each in made:
            for parameter in each.parameters():
                parameter.mul_(strength)
    return dict(zip(("update", "reset", "candidate"), made, strict=True))


def node(rng: np.random.Generator, count: int, channels: int, strength: float = 4.0) -> Inputs:
    """States and messages, drawn by chance."""
    return {
        "state": noise(rng, count, channels, 3, 4),
        "message": noise(rng, count, channels, 3, 4),
        **gates(rng, channels, strength),
    }


UPDATE_NODE = Check(
    update_node,
    cases=[
        Case("one cell, one number", lambda rng: node(rng, 1, 1)),
        Case("two nodes", lambda rng: node(rng, 2, 3)),
        Case("gates that are sure", lambda rng: node(rng, 2, 4, 20.0)),
        Case(
            "a state far above 1",
            lambda rng: {**node(rng, 1, 2), "state": 5 + noise(rng, 1, 2, 3, 4)},
        ),
    ],
    mistakes=[
        Mistake(
            "The two ends of the update gate have changed places: where it is open, the candidate "
            "replaces the old state.",
            ("(1 - new) * state + new * proposed", "new * state + (1 - new) * proposed"),
        ),
        Mistake(
            "The candidate was added, and nothing of the old state was given up, so that it grows "
            "from round to round. Keep 1 minus the update gate of it.",
            ("(1 - new) * state", "state"),
        ),
        Mistake(
            "Nothing of the old state is left. Where the update gate is closed, it stays.",
            ("(1 - new) * state + new * proposed", "proposed"),
        ),
        Mistake(
            "The reset gate is not used. The candidate sees the old state only as far as it is "
            "open.",
            ("listen * state, message", "state, message"),
        ),
        Mistake(
            "The reset gate was put on the message. It closes the old state off; the message is "
            "always heard.",
            ("listen * state, message", "state, listen * message"),
        ),
        Mistake(
            "The message stands before the state. The convolutions have learned it the other way "
            "round.",
            ("[state, message]", "[message, state]"),
            ("[listen * state, message]", "[message, listen * state]"),
        ),
        Mistake(
            "update and reset have changed places.",
            (
                "update(both).sigmoid(), reset(both).sigmoid()",
                "reset(both).sigmoid(), update(both).sigmoid()",
            ),
        ),
        Mistake(
            "The gates are log-odds as the convolutions give them. sigmoid makes shares of them.",
            (".sigmoid()", ""),
        ),
        Mistake(
            "The candidate has no tanh. Without it a state can grow without end.",
            (".tanh()", ""),
        ),
        Mistake(
            "The candidate went through a sigmoid, so nothing can become negative. It is a tanh.",
            (".tanh()", ".sigmoid()"),
        ),
        Mistake(
            "The candidate sees the old state twice, and never the message.",
            ("[listen * state, message]", "[listen * state, state]"),
        ),
    ],
    hints=[
        "A node has made up its mind, and hears something. How much of its mind does it change, "
        "and how much of the old opinion does it look at when it forms the new one?",
        "Two gates from the same input, state and message one behind the other in the channels. "
        "The candidate gets the same, with the state times one of the gates. At the end the other "
        "gate mixes old and new.",
        "torch.cat([...], dim=1); sigmoid for both gates, tanh for the candidate. What the update "
        "gate opens to the candidate, it closes to the old state: 1 - gate.",
    ],
    tolerance=1e-4,
    gradients=("state", "message"),
)

CHECKS = [ATTENTION_MESSAGE, GATE_MESSAGES, UPDATE_NODE]
