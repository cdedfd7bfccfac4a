"""How many mistakes do the checks see? Every exercise's reference is changed in every small way.

``make mutants`` (or ``python -m vos_lab.exercises.mutants``) tries all of them and writes the table
``docs/mutants.md``; ``make mutants ARGS="jaccard decay"`` tries some exercises, and names what got
through. A mutant that behaves like the reference in all that the exercise asks for is no mistake:
such are listed in ``checks/equivalent/``, a file for each lesson, each with the reason::

    [[jaccard]]
    reason = "The Jaccard index is symmetric."
    changes = ["at the start: + prediction, truth = (truth, prediction)"]
"""

import argparse
import multiprocessing
import os
import re
import signal
import sys
import time
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from vos_lab.exercise import library_versions
from vos_lab.exercises.cases import Check, Inputs, Run, run
from vos_lab.exercises.check import registered
from vos_lab.exercises.mutator import Mutant, mutants

EQUIVALENT = Path(__file__).parent / "checks" / "equivalent"
MIN_SECONDS = 5.0  # of computing time, which a mutant has at least
TIMES_REFERENCE = 20  # and otherwise so many times that of the reference
MEMORY = 8 * 2**30  # bytes; a mutant may ask for an array without end


@dataclass
class Findings:
    """What became of the mutants of an exercise.

    Attributes:
        exercise: its name.
        caught: changes that the check sees.
        equivalent: changes that are listed as no mistakes, and that the check lets through.
        survivors: changes that the check lets through although they are not listed.
        broken: changes on which the check itself raised an exception.
        outdated: what is listed as equivalent and is not there (any more), or is caught.
    """

    exercise: str
    caught: list[str] = field(default_factory=list)
    equivalent: list[str] = field(default_factory=list)
    survivors: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many mutants there are."""
        return sum(map(len, (self.caught, self.equivalent, self.survivors, self.broken)))


def examine(item: Check, equivalent: Iterable[str] = ()) -> Findings:
    """Try all mutants of the reference of an exercise.

    Args:
        item: its check.
        equivalent: the changes that are no mistakes.

    Returns:
        What became of them.
    """
    inputs = item.inputs(0)
    begun = time.process_time()
    with library_versions():
        expected = item.expected(inputs)
        seconds = max(MIN_SECONDS, TIMES_REFERENCE * (time.process_time() - begun))
        made = mutants(item.exercise.reference)
        fates = [fate(item, mutant, inputs, expected, seconds) for mutant in made]
    found, known = Findings(item.name), set(equivalent)
    for mutant, what in zip(made, fates, strict=True):
        if what == "survived":
            listed = found.equivalent if mutant.change in known else found.survivors
            listed.append(mutant.change)
        elif what == "broken":
            found.broken.append(mutant.change)
        else:
            found.caught.append(mutant.change)
    found.outdated = sorted(known - set(found.equivalent))
    return found


def fate(
    item: Check, mutant: Mutant, inputs: list[Inputs], expected: list[Run], seconds: float
) -> str:
    """Try one mutant in a process of its own, which may run without end, or die.

    Returns:
        ``caught``, ``survived``, or ``broken`` where the check raised an exception.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=judge_apart, args=(item, mutant.function, inputs, expected, seconds, theirs)
    )
    process.start()
    theirs.close()
    try:
        # Computing time is limited inside; this is for one that waits for something.
        return str(ours.recv()) if ours.poll(10 * seconds) else "caught"
    except EOFError:  # it died, or was ended
        return "caught"
    finally:
        process.kill()
        process.join()
        ours.close()


def judge_apart(
    item: Check,
    version: Callable[..., Any],
    inputs: list[Inputs],
    expected: list[Run],
    seconds: float,
    answer: Connection,
) -> None:
    """What the process of a mutant does: all cases, until one fails."""
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    signal.setitimer(signal.ITIMER_PROF, seconds)  # then SIGPROF ends it, in C code as well
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)  # OpenCV prints what it raises
    item.exercise.adopt(version)
    for case, given, reference in zip(item.cases, inputs, expected, strict=True):
        got = run(version, given)
        try:
            caught = got.failure or item.problem(case, given, reference, got)
        except Exception:
            answer.send("broken")
            return
        if caught:
            answer.send("caught")
            return
    answer.send("survived")


# --- what is listed and printed ---------------------------------------------------------------


def equivalents(folder: Path = EQUIVALENT) -> dict[str, dict[str, str]]:
    """The changes that are no mistakes, with the reason, for each exercise.

    Args:
        folder: of TOML files.
    """
    found: dict[str, dict[str, str]] = {}
    for file in sorted(folder.glob("*.toml")):
        for exercise, entries in tomllib.loads(file.read_text(encoding="utf-8")).items():
            for entry in entries:
                changes = dict.fromkeys(entry["changes"], entry["reason"])
                found.setdefault(exercise, {}).update(changes)
    return found


HEAD = """\
# What the checks see

Every exercise's solution is changed in every small way that is known from practice (a comparison,
a constant, an operator, a line, an argument, a dtype, an axis, a gradient that gets lost), and its
check is run on each of these mutants. A mutant that is equivalent behaves like the solution in all
that the exercise asks for; the files in `vos_lab/exercises/checks/equivalent/` list each with its
reason. Written by `make mutants`.

| exercise | mutants | caught | equivalent | survivors |
| --- | ---: | ---: | ---: | ---: |
"""


def row(found: Findings) -> str:
    """A line of the table."""
    through = len(found.survivors) + len(found.broken)
    numbers = (found.total, len(found.caught), len(found.equivalent), through)
    return f"| {found.exercise} | " + " | ".join(map(str, numbers)) + " |"


def table(rows: Iterable[str]) -> str:
    """The page, with a line for each exercise and their sum."""
    rows = list(rows)
    cells = [[int(cell) for cell in re.findall(r"\| (\d+)(?= \|)", row)] for row in rows]
    sums = [str(sum(column)) for column in zip(*cells, strict=True)]
    return HEAD + "\n".join([*rows, f"| **all {len(rows)}** | " + " | ".join(sums) + " |"]) + "\n"


def rows_of(file: Path) -> dict[str, str]:
    """The lines of a table that was written before, by the name of the exercise."""
    if not file.exists():
        return {}
    lines = re.findall(r"^\| (\w+) \| \d.*$", file.read_text(encoding="utf-8"), re.MULTILINE)
    texts = re.findall(r"^\| \w+ \| \d.*$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(zip(lines, texts, strict=True))


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants of the named exercises, print what got through, and write the table.

    Args:
        arguments: of the command line.

    Returns:
        0 if every mutant is caught or listed, and all that is listed is there; else 1.
    """
    parser = argparse.ArgumentParser(
        prog="make mutants", description="Change every solution, and see which checks see it."
    )
    parser.add_argument("exercises", nargs="*", metavar="EXERCISE", help="default: all")
    parser.add_argument("--table", type=Path, metavar="FILE", help="bring its lines up to date")
    known = parser.parse_args(arguments)
    checks, listed = registered(), equivalents()
    unknown = sorted(set(known.exercises) - set(checks))
    if unknown:
        parser.error(f"no exercise is called {', '.join(unknown)}")
    alone()
    rows = rows_of(known.table) if known.table else {}
    good = True
    for name in sorted(set(listed) - set(checks)):
        good = False
        print(f"{EQUIVALENT} lists {name}, and no exercise is called that")
    for name in known.exercises or list(checks):
        found = examine(checks[name], listed.get(name, {}))
        rows[name] = row(found)
        print(rows[name], flush=True)
        for title, several in (
            ("SURVIVED", found.survivors),
            ("BROKE THE CHECK", found.broken),
            ("listed as equivalent, but caught or not there", found.outdated),
        ):
            for change in several:
                good = False
                print(f"    {title}: {change}")
    if known.table:
        ordered = [rows[name] for name in checks if name in rows]
        known.table.write_text(table(ordered), encoding="utf-8")
    return 0 if good else 1


def alone() -> None:
    """Use one thread: a forked process would wait for those of a pool, which are not in it."""
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)


if __name__ == "__main__":
    sys.exit(main())
