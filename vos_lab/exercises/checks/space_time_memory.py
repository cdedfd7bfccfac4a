"""Checks of lesson 13: memory_read, soft_aggregate and choose_memory."""

import numpy as np
import torch

from vos_lab.exercises.cases import Case, Check, Inputs, Mistake
from vos_lab.methods.space_time_memory import choose_memory, memory_read, soft_aggregate

# --- memory_read ------------------------------------------------------------------------------


def numbers(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    """Numbers drawn by chance, around 0."""
    return torch.from_numpy(rng.standard_normal(shape).astype(np.float32))


def to_read(rng: np.random.Generator, *shape: int, temperature: float = 1.0) -> Inputs:
    """Keys of noise, for Q places that read D channels of M places by keys of C channels."""
    *batch, queries, places, channels, depth = shape
    return {
        "queries": numbers(rng, *batch, queries, channels),
        "keys": numbers(rng, *batch, places, channels),
        "values": numbers(rng, *batch, places, depth),
        "temperature": temperature,
        "nearness": None,
    }


MEMORY_READ = Check(
    memory_read,
    cases=[
        Case(
            "one place that looks like the first of two in the memory",
            lambda rng: {
                "queries": torch.tensor([[2.0]]),
                "keys": torch.tensor([[1.0], [0.0]]),
                "values": torch.tensor([[10.0], [20.0]]),
                "temperature": 1.0,
                "nearness": None,
            },
        ),
        Case("three places, five in the memory", lambda rng: to_read(rng, 3, 5, 4, 2)),
        Case("keys of 36 channels", lambda rng: to_read(rng, 4, 6, 36, 3)),
        Case(
            "a low temperature: the most alike counts nearly alone",
            lambda rng: to_read(rng, 4, 6, 4, 2, temperature=0.25),
        ),
        Case("a high temperature", lambda rng: to_read(rng, 4, 6, 4, 2, temperature=3.0)),
        Case(
            "some places of the memory are forbidden",
            lambda rng: (
                to_read(rng, 5, 7, 4, 2)
                | {"nearness": torch.from_numpy(-50 * (rng.random((5, 7)) > 0.6)).float()}
            ),
        ),
        Case(
            "nearness takes a little, and the temperature is not 1",
            lambda rng: (
                to_read(rng, 4, 6, 9, 2, temperature=0.5) | {"nearness": -numbers(rng, 4, 6).abs()}
            ),
        ),
        Case("a batch of two", lambda rng: to_read(rng, 2, 3, 5, 4, 6)),
        Case(
            "scores so large that exp alone would overflow",
            lambda rng: to_read(rng, 3, 4, 4, 2) | {"queries": 300 * numbers(rng, 3, 4)},
        ),
    ],
    mistakes=[
        Mistake(
            "The weights of a place of the *memory* add up to 1. Each place of the new frame reads "
            "a mean of values: its own weights must add up to 1. softmax over the last dimension.",
            ("dim=-1", "dim=-2"),
        ),
        Mistake(
            "The scores were not divided by the root of the number of channels. Dot products of "
            "long keys are large, and then a single place decides.",
            ("queries.shape[-1] ** 0.5", "1"),
        ),
        Mistake(
            "You divided by the number of channels. Divide by its root: that is how much dot "
            "products of noise grow.",
            (" ** 0.5", ""),
        ),
        Mistake(
            "You divided by the root of how many places there are in the memory. What makes dot "
            "products large is the number of channels of a key.",
            ("queries.shape[-1]", "keys.shape[-2]"),
        ),
        Mistake(
            "The temperature was multiplied with the scores. It divides them: a low one makes "
            "differences larger.",
            ("** 0.5 * temperature", "** 0.5 / temperature"),
        ),
        Mistake(
            "The temperature changes nothing in yours. It divides the scores.",
            (" * temperature", ""),
        ),
        Mistake(
            "Nearness was left out. It is added to the scores, before the softmax.",
            ("scores + nearness", "scores"),
        ),
        Mistake(
            "Nearness was divided by the temperature, too. Only the likeness of the keys is.",
            ("scores + nearness", "scores + nearness / temperature"),
        ),
        Mistake(
            "You took the value of the most alike place alone. The read is a weighted mean, so "
            "that several frames can agree.",
            (
                "weight @ values",
                "torch.gather(values, -2, weight.argmax(-1, True).expand("
                "*weight.shape[:-1], values.shape[-1]))",
            ),
        ),
        Mistake(
            "The weights do not add up to 1: exp alone is not softmax. (And it overflows.)",
            ("torch.softmax(scores, dim=-1)", "scores.exp()"),
        ),
        Mistake(
            "The weights can be below 0. They are made by a softmax, not by dividing by the sum.",
            ("torch.softmax(scores, dim=-1)", "scores / scores.sum(dim=-1, keepdim=True)"),
        ),
        Mistake(
            "With a batch of several, .T turns all dimensions around. Change only the last two.",
            ("keys.transpose(-1, -2)", "keys.permute(*range(keys.ndim)[::-1])"),
        ),
    ],
    hints=[
        "Each place of the new frame asks: who in the memory looks like me? It then takes a mean "
        "of what those know. Which numbers are compared, and which are averaged?",
        "All dot products of two lists of keys are one product of matrices. A softmax turns a row "
        "of scores into weights that add up to 1. A mean with weights is a product of matrices, "
        "too.",
        "The scores are (Q, M): queries times keys, the last two dimensions of keys changed over. "
        "Divide by root of channels and by temperature, add nearness if there is any, softmax over "
        "the last dimension, times values.",
    ],
    tolerance=1e-4,
    gradients=("queries", "keys", "values"),
)

# --- soft_aggregate ---------------------------------------------------------------------------

SOFT_AGGREGATE = Check(
    soft_aggregate,
    cases=[
        Case(
            "one object, one pixel",
            lambda rng: {"objects": torch.tensor([[0.8]])},
        ),
        Case(
            "two objects that are both sure of a pixel",
            lambda rng: {"objects": torch.tensor([[0.9, 0.1], [0.95, 0.2]])},
        ),
        Case(
            "three objects, a small picture",
            lambda rng: {"objects": torch.from_numpy(rng.random((3, 4, 5), np.float32))},
        ),
        Case(
            "none of the objects is there",
            lambda rng: {
                "objects": torch.from_numpy(rng.uniform(0, 0.05, (2, 3, 3)).astype(np.float32))
            },
        ),
        Case(
            "certain: 0 and 1, where odds would be 0 and infinite",
            lambda rng: {"objects": torch.tensor([[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])},
        ),
    ],
    mistakes=[
        Mistake(
            "You shared the probabilities, not the odds. 0.99 against 0.9 is then nearly a draw; "
            "in odds it is 99 against 9.",
            ("odds = probability / (1 - probability)", "odds = probability"),
        ),
        Mistake(
            "Your background is 1 minus the sum of all objects, which falls below 0 where two are "
            "sure. It is none of them: the product of all (1 - p).",
            (
                "(1 - objects).prod(dim=0, keepdim=True)",
                "1 - objects.sum(dim=0, keepdim=True)",
            ),
        ),
        Mistake(
            "Your background is what the surest object leaves. It is none of them: the product of "
            "all (1 - p).",
            (
                "(1 - objects).prod(dim=0, keepdim=True)",
                "1 - objects.amax(dim=0, keepdim=True)",
            ),
        ),
        Mistake(
            "The background stands last. It comes first, so that the numbers of the objects are "
            "their labels.",
            ("[background, objects]", "[objects, background]"),
        ),
        Mistake(
            "The background is missing. It takes its share as an object does.",
            ("torch.cat([background, objects])", "objects"),
        ),
        Mistake(
            "The odds of 1 are infinite, and infinity divided by infinity is no number. Keep the "
            "probabilities a little away from 0 and 1.",
            (".clamp(1e-6, 1 - 1e-6)", ""),
        ),
        Mistake(
            "These are the odds. Divide them by their sum, so that all shares of a pixel add up "
            "to 1.",
            ("odds / odds.sum(dim=0, keepdim=True)", "odds"),
        ),
        Mistake(
            "The odds are upside down: p / (1 - p).",
            ("probability / (1 - probability)", "(1 - probability) / probability"),
        ),
        Mistake(
            "A softmax of the probabilities hardly tells 0.9 from 0.1. Take shares of the odds.",
            ("odds / odds.sum(dim=0, keepdim=True)", "probability.softmax(dim=0)"),
        ),
    ],
    hints=[
        "Every object was asked alone: how sure are you? Where all of them say no, it is "
        "background. How do you compare somebody who is 90 % sure with somebody who is 99 % sure?",
        "Odds tell those two apart: 9 and 99. What is a pixel's share of all the odds, with the "
        "background as one more candidate?",
        "prod over the objects of one minus each; torch.cat puts it in front; clamp; p over 1 - p; "
        "divide by the sum over dimension 0.",
    ],
    tolerance=1e-4,
    gradients=("objects",),
)

# --- choose_memory ----------------------------------------------------------------------------


def remembered(kept: list[int], now: int, every: int, most: int) -> Inputs:
    """The inputs of a case."""
    return {"kept": kept, "now": now, "every": every, "most": most}


def long_video(rng: np.random.Generator) -> Inputs:
    """Many frames between, counted from a first one that is not frame 0."""
    first, every = int(rng.integers(1, 9)), int(rng.integers(2, 5))
    between = range(first + every, first + 12 * every, every)
    last = int(rng.integers(max(between) + 1, max(between) + 9))
    return remembered([first, *between, last], last + 1, every, int(rng.integers(4, 8)))


CHOOSE_MEMORY = Check(
    choose_memory,
    cases=[
        Case("the second frame of a video", lambda rng: remembered([0], 1, 5, 4)),
        Case("a frame that was only the last one goes", lambda rng: remembered([0, 2], 3, 5, 4)),
        Case("a multiple of n stays", lambda rng: remembered([0, 5], 6, 5, 4)),
        Case(
            "more than there is room for", lambda rng: remembered([0, *range(5, 31, 5)], 31, 5, 4)
        ),
        Case("there is room for more", lambda rng: remembered([0, 5, 10, 12], 13, 5, 9)),
        Case("room for the first and the last alone", lambda rng: remembered([0, 5], 6, 5, 2)),
        Case("none between, however much room", lambda rng: remembered([0, 5, 10], 11, 0, 9)),
        Case(
            "an object that was annotated in frame 7",
            lambda rng: remembered([7, 10, 12, 13], 14, 5, 9),
        ),
        Case("every frame", lambda rng: remembered([0, 1, 2, 3], 4, 1, 4)),
        Case("a long video", long_video),
    ],
    mistakes=[
        Mistake(
            "Frames that were only the last one are still there. Between the first and the last, "
            "only every n-th stays.",
            (" and (t - first) % every == 0", ""),
        ),
        Mistake(
            "You kept those whose own number is a multiple of n. An object may be annotated in the "
            "middle of a video: count from its first frame.",
            ("(t - first) % every", "t % every"),
        ),
        Mistake(
            "You kept the oldest of those between. The newest look more like the next frame.",
            (
                "between[max(0, len(between) - room) :]",
                "between[:room]",
            ),
        ),
        Mistake(
            "The first frame is gone. It is the only one whose mask is certainly true: it always "
            "stays.",
            ("[first, *newest, now]", "[first, *newest, now][-most:]"),
            ("room = most - 2", "room = most"),
        ),
        Mistake(
            "The frame that was just segmented is missing. It looks most like the next one.",
            (", now]", "]"),
        ),
        Mistake(
            "There are more frames than there is room for. The first and the last count, too.",
            ("most - 2", "most"),
        ),
        Mistake(
            "The memory grows without end, and so do time and space. Keep the newest.",
            ("between[max(0, len(between) - room) :]", "between"),
        ),
        Mistake(
            "Where there was no room between, all stayed: x[-0:] is x[0:], and that is everything.",
            ("[max(0, len(between) - room) :]", "[-room:]"),
        ),
        Mistake(
            "With every = 0 none between shall stay, and nothing can be divided by 0.",
            ("every > 0 and ", ""),
        ),
    ],
    hints=[
        "Three kinds of frames are worth their room, each for a reason of its own. Which?",
        "Take the list apart: its first, those between, and the new one. Only those between are "
        "chosen from.",
        "For those between: is the distance to the first a multiple of n? If too many are left, "
        "cut the front of their list, so that all together are `most`.",
    ],
)

CHECKS = [MEMORY_READ, SOFT_AGGREGATE, CHOOSE_MEMORY]
