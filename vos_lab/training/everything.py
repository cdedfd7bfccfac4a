"""All shipped weights again, with one command: each training is a process of its own.

Two trainings side by side use two cores better than one training on two threads, because the
networks are small. What others begin with comes first. What is finished is left as it is, and what
was interrupted goes on, so the same command can be given again and again until all is done.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vos_lab import weights
from vos_lab.training.loop import Recipe
from vos_lab.training.recipes import recipes

PROGRAM = (sys.executable, "-c", "from vos_lab.cli import main; main()")


def shipped_recipes() -> list[Recipe]:
    """The recipes of all weights that ship, in an order in which each finds what it needs."""
    here = set(weights.shipped())
    return ordered([recipe for name, recipe in recipes().items() if name in here])


def ordered(some: Sequence[Recipe]) -> list[Recipe]:
    """Recipes, those first that others of them need; else in the order in which they are given."""
    waiting, done = {recipe.name: recipe for recipe in some}, []
    wanted = {need for recipe in some for need in recipe.needs}
    while waiting:
        ready = [r for r in waiting.values() if not waiting.keys() & set(r.needs)]
        if not ready:
            raise ValueError(f"these weights need each other: {', '.join(waiting)}")
        chosen = min(ready, key=lambda recipe: recipe.name not in wanted)
        done.append(waiting.pop(chosen.name))
    return done


def finished(recipe: Recipe, folder: Path, steps: int, seed: int) -> bool:
    """Whether the weights lie in a folder, learned in that many steps from that seed."""
    try:
        card = json.loads((folder / f"{recipe.name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    there = (folder / f"{recipe.name}.safetensors").is_file()
    return bool(there and (card.get("steps"), card.get("seed")) == (steps, seed))


def install(name: str, folder: Path) -> None:
    """Let the library use new weights: copy them and their card to where the shipped ones lie."""
    for ending in ("safetensors", "json"):
        weights.SHIPPED.mkdir(parents=True, exist_ok=True)
        part = weights.SHIPPED / f"{name}.{ending}.part"
        shutil.copyfile(folder / f"{name}.{ending}", part)
        part.replace(weights.SHIPPED / f"{name}.{ending}")


def train_all(
    some: Sequence[Recipe],
    out: Path,
    *,
    jobs: int = 2,
    seed: int = 0,
    steps: int | None = None,
    device: str = "cpu",
    workers: int = 1,
    installing: bool = False,
    program: Sequence[str] = PROGRAM,
) -> Iterator[str]:
    """Train several networks, some of them side by side.

    Args:
        some: the recipes.
        out: folder; each has one of its own in it, with its checkpoint, weights and log.txt.
        jobs: how many at a time.
        seed: of all.
        steps: how many for each; by default as many as its recipe says.
        device: where they learn.
        workers: how many threads make batches, for each.
        installing: copy each to where the shipped weights lie as soon as it is trained. Then those
            that begin with it begin with the new one; else with the shipped one.
        program: how to start ``vos-lab``.

    Yields:
        A line whenever something has begun or ended.

    Raises:
        RuntimeError: some could not be trained; the others have been.
    """
    waiting, failed = {recipe.name: recipe for recipe in ordered(some)}, dict[str, str]()
    running: dict[str, tuple[subprocess.Popen[bytes], float]] = {}
    try:
        while waiting or running:
            for name, recipe in list(waiting.items()):
                missing = [need for need in recipe.needs if need in failed]
                folder = out / name
                if missing:
                    failed[name] = f"needs {', '.join(missing)}"
                    del waiting[name]
                elif finished(recipe, folder, steps or recipe.steps, seed):
                    if installing:
                        install(name, folder)
                    del waiting[name]
                    yield f"{name}: is there already"
                elif len(running) < jobs and not set(recipe.needs) & (waiting.keys() | running):
                    del waiting[name]
                    running[name] = _begun(
                        program, name, folder, jobs, seed, steps, device, workers
                    )
                    yield f"{name}: begins, see {folder / 'log.txt'}"
            for name, (process, since) in list(running.items()):
                code = process.poll()
                if code is None:
                    continue
                del running[name]
                minutes = (time.monotonic() - since) / 60
                if code == 0:
                    if installing:
                        install(name, out / name)
                    yield f"{name}: done in {minutes:.1f} minutes"
                else:
                    failed[name] = f"ended with {code}, see {out / name / 'log.txt'}"
                    yield f"{name}: {failed[name]}"
            if running:
                time.sleep(0.2)
    finally:
        for process, _ in running.values():
            process.terminate()
        for process, _ in running.values():
            process.wait()
    if failed:
        raise RuntimeError("; ".join(f"{name}: {why}" for name, why in failed.items()))


def _begun(
    program: Sequence[str],
    name: str,
    folder: Path,
    jobs: int,
    seed: int,
    steps: int | None,
    device: str,
    workers: int,
) -> tuple[subprocess.Popen[bytes], float]:
    """Start or go on with one training; its process, and when that was."""
    folder.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {"out": folder, "seed": seed, "device": device, "workers": workers}
    if steps is not None:
        options["steps"] = steps
    words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
    if (folder / "checkpoint.pt").is_file():
        words.append("--resume")
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            [*program, "train", name, *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"OMP_NUM_THREADS": threads, **os.environ},
        )
    return process, time.monotonic()
