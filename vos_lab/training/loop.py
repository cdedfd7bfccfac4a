"""Training a network: one loop for every recipe.

The batch of a step depends on nothing but the seed and the number of the step. So a training that
was interrupted goes on from its last checkpoint exactly as if nothing had happened, and the next
batches can be made beside the step that is computed.
"""

import csv
import math
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm.auto import tqdm

from vos_lab import weights
from vos_lab.view import figures
from vos_lab.view.figures.page import Figure

Batch = Any
CHECKPOINT_EVERY = 60  # seconds


def adam(network: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    """Adam (Kingma and Ba, ICLR 2015), for all parameters of a network."""
    return torch.optim.Adam(network.parameters(), learning_rate)


def cosine(share: float) -> float:
    """A learning rate that warms up over the first 2 %, and then falls to 0 along a cosine."""
    return min(1.0, share / 0.02 + 0.01) * 0.5 * (1 + math.cos(math.pi * share))


def constant(share: float) -> float:
    """A learning rate that stays."""
    return 1.0


@dataclass(frozen=True)
class Recipe:
    """How the weights of a network come about.

    Attributes:
        name: of the weights, for example ``flownet-c``.
        about: what the network learns, a sentence for its card.
        data: what it learns from, a sentence for its card.
        network: makes the network. Its random start comes from the seed of the training.
        batch: gives the batch of a step, from the share of the training that is done (0 to 1, for
            a curriculum) and a random generator. It must not use any other randomness.
        loss: of the network on a batch, to be minimised; one number.
        validate: the errors of the network on held-out data, by name; the first is drawn.
        steps: how many batches.
        learning_rate: the largest.
        schedule: what to multiply it with, from the share of the training that is done.
        optimiser: makes the optimiser from the network and the learning rate.
        clip: the largest norm of the gradient; longer ones are shortened.
        half: compute in bfloat16 where that is exact enough, several times as fast on a processor
            that knows it.
        validate_every: after how many steps to validate.
        shipped: the part of the network whose weights are kept at the end; the rest only helped to
            learn. By default all of it.
        needs: the names of the shipped weights that the network or its batches begin with.
    """

    name: str
    about: str
    data: str
    network: Callable[[], nn.Module]
    batch: Callable[[float, np.random.Generator], Batch]
    loss: Callable[[Any, Batch], torch.Tensor]
    validate: Callable[[Any], Mapping[str, float]]
    steps: int
    learning_rate: float
    schedule: Callable[[float], float] = cosine
    optimiser: Callable[[nn.Module, float], torch.optim.Optimizer] = adam
    clip: float = math.inf
    half: bool = False
    validate_every: int = 500
    shipped: Callable[[Any], nn.Module] = lambda network: network
    needs: tuple[str, ...] = ()


@dataclass
class Run:
    """A training, finished or under way.

    Attributes:
        recipe: what is done.
        seed: of the start and of all batches.
        steps: how many there are in all.
        network: what is trained.
        losses: one for each step that is done.
        held_out: step and errors, each time the network was validated.
        seconds: how long it took so far, validation included.
        device: where the network learns, for its card.
    """

    recipe: Recipe
    seed: int
    steps: int
    network: nn.Module
    losses: list[float] = field(default_factory=list)
    held_out: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    seconds: float = 0.0
    device: str = "cpu"

    def smooth_losses(self, window: int | None = None) -> np.ndarray:
        """The losses, each averaged with those before it.

        Args:
            window: how many; by default 2 % of all.

        Returns:
            ``(steps done,)`` float64.
        """
        window = window or max(1, round(0.02 * len(self.losses)))
        sums = np.cumsum([0.0, *self.losses])
        ends = np.arange(1, len(self.losses) + 1)
        starts = np.maximum(0, ends - window)
        return (sums[ends] - sums[starts]) / (ends - starts)

    def curve(self, title: str | None = None) -> Figure:
        """The error on held-out data over the steps; without one, the loss.

        Args:
            title: a sentence that says what to see.

        Returns:
            The figure.
        """
        name = self.recipe.name
        if self.held_out:
            x = [step for step, _ in self.held_out]
            values = {what: [e[what] for _, e in self.held_out] for what in self.held_out[0][1]}
            ylabel = "error on held-out data"
        else:
            x = list(range(1, len(self.losses) + 1))
            values, ylabel = {"loss": list(self.smooth_losses())}, "loss"
        first, *_ = values.values()
        return figures.curves(
            values,
            title or f"{name}: {ylabel} from {first[0]:.2f} to {first[-1]:.2f}",
            ylabel=ylabel,
            xlabel="step",
            x=x,
            alt=f"{ylabel} of {name} over {x[-1]} steps: it begins at {first[0]:.2f} and ends at "
            f"{first[-1]:.2f}.",
        )

    def card(self) -> dict[str, Any]:
        """What the card of the weights says."""
        smooth = self.smooth_losses()
        marks = sorted({round(share * (len(smooth) - 1)) for share in np.linspace(0, 1, 21)})
        return {
            "name": self.recipe.name,
            "about": self.recipe.about,
            "data": self.recipe.data,
            "parameters": sum(p.numel() for p in self.network.parameters()),
            "seed": self.seed,
            "steps": len(self.losses),
            "minutes": round(self.seconds / 60, 1),
            "threads": torch.get_num_threads(),
            "device": self.device,
            "precision": "bfloat16" if self.recipe.half else "float32",
            "learning_rate": self.recipe.learning_rate,
            "losses": [[mark + 1, round(float(smooth[mark]), 4)] for mark in marks],
            "held_out": [
                {"step": step} | {what: round(value, 4) for what, value in errors.items()}
                for step, errors in self.held_out
            ],
        }


def train(
    recipe: Recipe,
    *,
    seed: int = 0,
    steps: int | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    network: nn.Module | None = None,
    progress: bool = True,
    device: str = "cpu",
    workers: int = 1,
) -> Run:
    """Train a network.

    Args:
        recipe: what to do.
        seed: of the start and of all batches. Same seed, same weights, on the same machine.
        steps: how many; by default as many as the recipe says. The schedule covers them all.
        out: folder for checkpoints, the curve (CSV and figure) and, at the end, the weights with
            their card. By default nothing is written.
        resume: go on from the checkpoint in ``out``.
        network: a network to start from, which is changed; by default a new one.
        progress: whether to show a bar.
        device: where the network learns, "cpu" or "cuda". Batches are made on the processor, and
            there the network is validated.
        workers: how many threads make batches ahead; they change nothing of what is learned.

    Returns:
        The run, with the trained network, on the processor.

    Raises:
        ValueError: the checkpoint in ``out`` is there and ``resume`` is not asked for, or it is of
            another recipe or seed, or further than ``steps``; or there is no such device.
        FileNotFoundError: there is no checkpoint to resume from.
        FloatingPointError: the loss is not finite any more.
    """
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(
            f"{device}: PyTorch finds no GPU here. Leave the device out to use the CPU"
        )
    if network is None:
        # The start must depend on the seed alone, and must leave no trace in the global state.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = recipe.network()
    run = Run(recipe, seed, steps or recipe.steps, network.to(device))
    if device != "cpu":
        run.device = torch.cuda.get_device_name(device)
    optimiser = recipe.optimiser(network, recipe.learning_rate)
    checkpoint = Path(out) / "checkpoint.pt" if out is not None else None
    if checkpoint is not None:
        _begin(checkpoint, run, optimiser, resume)
    elif resume:
        raise FileNotFoundError("to resume, name the folder with the checkpoint: out=...")

    before, begun = run.seconds, time.monotonic()
    saved = -math.inf  # the first step is kept too, so that there is always something to resume
    bar = tqdm(
        total=run.steps,
        initial=len(run.losses),
        desc=recipe.name,
        unit="step",
        disable=not progress,
    )
    with bar, closing(_batches(run, workers)) as batches:
        for batch in batches:
            if not run.held_out:
                _validate(run, device)
            run.losses.append(_step(run, optimiser, _moved(batch, device), device))
            done = len(run.losses)
            if done % recipe.validate_every == 0 or done == run.steps:
                _validate(run, device)
            bar.update()
            _describe(bar, run)
            run.seconds = before + time.monotonic() - begun
            if checkpoint is not None and (
                time.monotonic() - saved > CHECKPOINT_EVERY or done == run.steps
            ):
                _save_checkpoint(checkpoint, run, optimiser)
                saved = time.monotonic()
    network.cpu().eval()
    if out is not None:
        weights.save(recipe.shipped(network).state_dict(), recipe.name, run.card(), out)
    return run


def _batches(run: Run, workers: int) -> Generator[Batch, None, None]:
    """The batches of the steps that are left, made ahead by threads."""

    def made(number: int) -> Batch:
        return run.recipe.batch(number / run.steps, np.random.default_rng([run.seed, number]))

    waiting: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for number in range(len(run.losses), run.steps):
                waiting.append(pool.submit(made, number))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _moved(batch: Batch, device: str) -> Batch:
    """A batch with all its tensors on a device."""
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if type(batch) in (tuple, list):
        return type(batch)(_moved(each, device) for each in batch)
    return batch


def _step(run: Run, optimiser: torch.optim.Optimizer, batch: Batch, device: str) -> float:
    """One batch, one step along the gradient."""
    number = len(run.losses)
    share = number / run.steps
    for group in optimiser.param_groups:
        # A recipe may have given a group a rate of its own: keep the ratio.
        group.setdefault("largest", group["lr"])
        group["lr"] = group["largest"] * run.recipe.schedule(share)
    run.network.train()
    kind = torch.device(device).type
    with torch.random.fork_rng(devices=[] if kind == "cpu" else [device]):
        torch.manual_seed(run.seed * 1_000_003 + number)  # for dropout, if there is any
        with torch.autocast(kind, torch.bfloat16, enabled=run.recipe.half):
            loss = run.recipe.loss(run.network, batch)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    if math.isfinite(run.recipe.clip):
        nn.utils.clip_grad_norm_(run.network.parameters(), run.recipe.clip)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise FloatingPointError(
            f"{run.recipe.name}: the loss of step {number + 1} is {value}. A smaller learning "
            f"rate than {run.recipe.learning_rate:g}, or clip=1 in the recipe, may help"
        )
    optimiser.step()
    return value


def _validate(run: Run, device: str) -> None:
    """Validate, always on the processor: so errors can be compared whatever has trained."""
    run.network.cpu().eval()
    with torch.inference_mode():
        errors = run.recipe.validate(run.network)
    run.network.to(device)
    run.held_out.append((len(run.losses), {what: float(value) for what, value in errors.items()}))


def _describe(bar: tqdm, run: Run) -> None:
    recent = float(np.mean(run.losses[-100:]))
    what, error = next(iter(run.held_out[-1][1].items()))
    bar.set_postfix_str(f"loss {recent:.3g}, held out: {what} {error:.3g}", refresh=False)


# --- checkpoints ------------------------------------------------------------------------------


def _begin(checkpoint: Path, run: Run, optimiser: torch.optim.Optimizer, resume: bool) -> None:
    """Take up the checkpoint, or make sure that none is written over."""
    if not resume:
        if checkpoint.exists():
            raise ValueError(
                f"{checkpoint}: a training began here. Go on with it (--resume), name another "
                "folder, or delete this one"
            )
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        return
    if not checkpoint.is_file():
        raise FileNotFoundError(f"{checkpoint}: there is no checkpoint to resume from")
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    for what, here in (("recipe", run.recipe.name), ("seed", run.seed)):
        if state[what] != here:
            raise ValueError(f"{checkpoint}: has the {what} {state[what]!r}, not {here!r}")
    if len(state["losses"]) > run.steps:
        raise ValueError(f"{checkpoint}: is at step {len(state['losses'])}, beyond {run.steps}")
    run.network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    run.losses, run.held_out = state["losses"], [tuple(item) for item in state["held_out"]]
    run.seconds = state["seconds"]


def _save_checkpoint(checkpoint: Path, run: Run, optimiser: torch.optim.Optimizer) -> None:
    state = {
        "recipe": run.recipe.name,
        "seed": run.seed,
        "network": run.network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "losses": run.losses,
        "held_out": run.held_out,
        "seconds": run.seconds,
    }
    # In one step, so that an interruption leaves the last whole one.
    unfinished = checkpoint.with_suffix(".part")
    torch.save(state, unfinished)
    unfinished.replace(checkpoint)
    _write_curve(checkpoint.with_name("curve.csv"), run)
    run.curve().save(checkpoint.with_name("curve.webp"))


def _write_curve(file: Path, run: Run) -> None:
    """A row for each validation: step, the mean loss since the one before, the errors."""
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        names = list(run.held_out[0][1])
        writer.writerow(["step", "loss", *names])
        last = 0
        for step, errors in run.held_out:
            between = run.losses[last:step]
            loss = float(np.mean(between)) if between else math.nan
            writer.writerow([step, loss, *(errors[name] for name in names)])
            last = step
