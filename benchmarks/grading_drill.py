"""A class of hostile students among honest ones: does the grader hold?

    python benchmarks/grading_drill.py [--seed 1] [--hostile 300] [--honest 60] [--jobs 2]

The submissions are made from the seed (``tests/grading/hostile.py``). Prints how many honest ones
were scored right, how many hostile ones were stopped (they got no point that they did not earn, and
what is right in them counts), whether the batch ended with everybody in it, and what escaped: files
written or read, calls over the network, processes that stay, hidden inputs in a report, folders
left behind. Then the submissions per minute.
"""

import argparse
import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "grading"))

from classroom import running, write_lesson
from hostile import CANARY, HIDDEN, SECRET, SLEEP, Handed, World, handed_in, write

from vos_lab.authoring.lessons import read_lesson
from vos_lab.grading.batch import grade
from vos_lab.grading.limits import Limits
from vos_lab.grading.results import Settings


def escapes(world: World, out: Path, calls: list, before: dict) -> list[str]:
    """What has got out, in words."""
    found = [f"a file was written: {p}" for p in world.folder.iterdir() if p.name != "secret"]
    places = (f"/tmp/{CANARY}", "/usr/x", "/course/x")
    found += [f"{place} was written" for place in places if os.path.exists(place)]
    found += [f"somebody called: {call}" for call in calls]
    found += ["a process goes on"] if running(SLEEP) else []
    bits = f"{SECRET:013b}"
    words = (f"{CANARY}-secret", bits, ", ".join(bits))
    for page in out.glob("students/*/*"):
        if any(word in page.read_text("utf-8") for word in words):
            found.append(f"a secret is in {page}")
    found += [f"{name} changed" for name, value in around().items() if before[name] != value]
    return found


def around() -> dict:
    """What a run must leave as it is."""
    limit = Path("/proc/sys/user/max_user_namespaces")
    segments = Path("/proc/sysvipc/shm")
    return {
        "the temporary folder": sorted(os.listdir(tempfile.gettempdir())),
        "max_user_namespaces": limit.read_text() if limit.exists() else "",
        "shared memory": segments.read_text().count("\n") if segments.exists() else 0,
    }


def drill(
    folder: Path, seed: int, hostile: int, honest: int, jobs: int | None, seconds: float
) -> dict:
    """Run it.

    Returns:
        ``honest``, ``right``, ``hostile``, ``stopped``, ``ended``, ``escaped``, ``wrong`` (what was
        not as it should be, in words) and ``per_minute``.
    """
    calls: list = []
    (folder / "temporary").mkdir()
    tempfile.tempdir = str(folder / "temporary")  # of ours alone
    (folder / "temporary").chmod(0o711)
    before = around()
    outside = folder / "world"
    outside.mkdir()
    outside.chmod(0o777)
    (outside / "secret").write_text(f"{CANARY}-secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        world = World(outside, server.getsockname()[1])
        threading.Thread(target=listen, args=(server, calls), daemon=True).start()
        lesson = read_lesson(write_lesson(folder / "course"))
        students = list(handed_in(seed, hostile, honest, lesson, world))
        write(folder / "in", students)
        limits = Limits(seconds=seconds, memory=500, scratch=16, result=16)
        settings = Settings(3, HIDDEN, limits)
        started = time.perf_counter()
        results = grade(
            [folder / "in"],
            lesson.name,
            folder / "out",
            settings,
            jobs,
            say=lambda text: None,
            root=folder / "course",
        )
        taken = time.perf_counter() - started
        escaped = escapes(world, folder / "out", calls, before)
        tempfile.tempdir = None
    found = {result.student: result for result in results}
    wrong = [problem for student in students if (problem := judged(student, found))]
    count = Counter(problem.split("-")[0] for problem in wrong)
    return {
        "honest": honest,
        "right": honest - count["honest"],
        "hostile": hostile,
        "stopped": hostile - count["hostile"],
        "ended": set(found) == {student.name for student in students},
        "escaped": escaped,
        "wrong": wrong,
        "per_minute": 60 * len(results) / taken,
    }


def judged(student: Handed, found: dict) -> str:
    """What is not as it should be with the result of a submission; empty if all is well."""
    result = found.get(student.name)
    if result is None:
        return f"{student.name} ({student.kind}) is not in the results"
    if student.points is not None and result.points != student.points:
        return f"{student.name}: {result.points} points in place of {student.points}"
    if result.points > student.most:
        return f"{student.name} ({student.kind}): {result.points} points"
    kept = {e.name: e.points for e in result.exercises}
    if student.points is None and student.most == 9 and kept["mask_boundary"] != 7:
        return f"{student.name} ({student.kind}): the other exercise has {kept['mask_boundary']}"
    if result.error and "the grader failed" in result.error:
        return f"{student.name} ({student.kind}): {result.error}"
    return ""


def listen(server: socket.socket, calls: list) -> None:
    """Note who calls."""
    while True:
        try:
            calls.append(server.accept()[1])
        except OSError:
            return


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hostile", type=int, default=300)
    parser.add_argument("--honest", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figures = drill(
            Path(name),
            options.seed,
            options.hostile,
            options.honest,
            options.jobs,
            options.timeout,
        )
    print(f"honest scored right: {figures['right']} of {figures['honest']}")
    print(f"hostile stopped:     {figures['stopped']} of {figures['hostile']}")
    print(f"batch ended:         {'yes' if figures['ended'] else 'no'}")
    print(f"escaped:             {len(figures['escaped'])}")
    load = os.getloadavg()[0]
    print(f"{figures['per_minute']:.0f} submissions a minute; load of the machine {load:.1f}")
    for line in [*figures["wrong"], *figures["escaped"]]:
        print(f"  {line}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
