"""How many submissions does the grader get through, and what does each cost?

    python benchmarks/grading.py [--lesson 03_flownet] [--submissions 24] [--jobs 2] [--how KIND]

Grades a batch of one lesson: right ones, half right ones, untouched ones. Reports submissions per
minute of the clock, and seconds of processor time for each, which says more on a machine that has
other work to do. Then the parts of one: starting a worker, reading a file, an exercise.
"""

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

from vos_lab.authoring.build import read_lessons
from vos_lab.authoring.lessons import as_text, solved_notebook, student_notebook
from vos_lab.course_files import COURSE_FOLDER
from vos_lab.grading.answer_key import Key
from vos_lab.grading.batch import grade
from vos_lab.grading.results import Settings
from vos_lab.grading.running import extract_answers, open_sandbox


def write_class(folder: Path, lesson, count: int) -> None:
    """A folder for each student: every third right, every third half right, every third empty."""
    right, empty = solved_notebook(lesson), student_notebook(lesson)
    half = solved_notebook(lesson)
    answers = [c for c in half.cells if c.metadata["vos_lab"]["kind"] == "exercise"]
    for cell in answers[::2]:
        name = cell.metadata["vos_lab"]["name"]
        cell.source = f"def {name}(*args, **kwargs):\n    return 0"
    for number in range(count):
        path = folder / f"student {number:03}" / f"{lesson.name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(as_text((right, half, empty)[number % 3]), encoding="utf-8")


def processor_seconds() -> float:
    """Of this process, and of those it has waited for."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lesson", default="03_flownet")
    parser.add_argument("--submissions", type=int, default=24)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--how", default=None)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    lesson = read_lessons(COURSE_FOLDER, [options.lesson])[0]
    exercises = sum(cell.kind == "exercise" for cell in lesson.cells)
    settings = Settings(seed=1, how=options.how)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_class(folder / "in", lesson, options.submissions)
        started, before = time.perf_counter(), processor_seconds()
        results = grade(
            [folder / "in"],
            lesson.name,
            folder / "out",
            settings,
            options.jobs,
            say=lambda text: None,
        )
        seconds = time.perf_counter() - started
        used = processor_seconds() - before
    full = sum(result.points == result.possible for result in results)
    assert full == (options.submissions + 2) // 3, "the right ones must get full marks"
    rate = 60 * len(results) / seconds
    print(f"{lesson.name}, {exercises} exercises, {options.jobs} jobs, {os.cpu_count()} cores")
    print(f"{len(results)} submissions in {seconds:.1f} s with the start: {rate:.0f} a minute")
    each = statistics.median(result.seconds for result in results)
    print(
        f"one submission takes {each:.2f} s (median); load of the machine {os.getloadavg()[0]:.1f}"
    )
    print(f"processor time of grader and workers: {used / len(results):.2f} s a submission")
    with Key(lesson, None, 1) as key:
        started = time.perf_counter()
        with open_sandbox(key, settings) as sandbox:
            print(
                f"start of a sandbox ({sandbox.how}): {time.perf_counter() - started:.2f} s, once"
            )
            empty, data = [], as_text(solved_notebook(lesson)).encode()
            reading = []
            for _ in range(10):
                started = time.perf_counter()
                sandbox.worker().end()
                empty.append(time.perf_counter() - started)
                started = time.perf_counter()
                extract_answers(sandbox, "x.ipynb", data, key)
                reading.append(time.perf_counter() - started)
    print(f"a worker that does nothing: {1000 * statistics.median(empty):.0f} ms")
    print(f"reading a submission: {1000 * statistics.median(reading):.0f} ms")
    if options.json:
        figures = {"lesson": lesson.name, "jobs": options.jobs, "per_minute": rate, "seconds": each}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
