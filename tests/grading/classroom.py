"""Submissions for the tests of grading: a lesson of two exercises, and notebooks that answer it."""

import json
import os
from dataclasses import replace
from pathlib import Path

from vos_lab.authoring.lessons import as_text, read_lesson, solved_notebook, student_notebook
from vos_lab.course_files import COURSE_FOLDER
from vos_lab.grading.answer_key import Key
from vos_lab.grading.extract import extract
from vos_lab.grading.judging import grade_exercise, grade_one
from vos_lab.grading.limits import Limits
from vos_lab.grading.results import Settings
from vos_lab.grading.running import open_sandbox
from vos_lab.grading.submissions import File, Submission

LESSON = """\
# %% [markdown] name="title" minutes=15
# # Two exercises

# %% name="imports"
import numpy as np

from vos_lab.course import check
from vos_lab.metrics.masks import check_masks, lower_neighbour, right_neighbour

Maybe = np.ndarray | None

# %% exercise="vos_lab.metrics.masks.jaccard" points=9

# %% exercise="vos_lab.metrics.masks.mask_boundary" points=7
"""

RIGHT = """\
def jaccard(prediction, truth, void=None):
    if void is not None:
        prediction, truth = prediction & ~void, truth & ~void
    both = (prediction & truth).sum(axis=(-2, -1))
    either = (prediction | truth).sum(axis=(-2, -1))
    found = np.where(either == 0, 1.0, both / np.maximum(either, 1))
    return float(found) if found.ndim == 0 else found
"""

BOUNDARY = """\
def mask_boundary(mask):
    padded = np.pad(mask, [(0, 0)] * (mask.ndim - 2) + [(0, 1), (0, 1)], mode="edge")
    here = padded[..., :-1, :-1]
    changes = (here ^ padded[..., :-1, 1:]) | (here ^ padded[..., 1:, :-1])
    return changes | (here ^ padded[..., 1:, 1:])
"""


def write_lesson(folder: Path) -> Path:
    """A repository with that one lesson."""
    (folder / "lessons").mkdir(parents=True)
    path = folder / "lessons" / "01_two.py"
    path.write_text(LESSON, encoding="utf-8")
    return path


def notebook(lesson, **answers):
    """The student's notebook with answers written into it, as a dictionary."""
    made = student_notebook(lesson)
    for cell in made.cells:
        ours = cell.metadata["vos_lab"]
        name = ours.get("exercise", "").rpartition(".")[2]
        if ours["kind"] == "exercise" and name in answers:
            cell.source = answers[name]
    return json.loads(as_text(made))


def handed_in(data, student="Ada", name="01_two.ipynb"):
    """A submission of some bytes, or of a notebook."""
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return Submission(student, [File(name, len(data), (), data=data)])


class Classroom:
    """The lesson, its key and a sandbox, made once for many tests."""

    def __init__(self, folder, how=None, seconds=2, hidden=None, seed=3):
        self.folder = folder
        self.lesson = read_lesson(write_lesson(folder))
        limits = Limits(seconds=seconds, memory=1000, scratch=16, result=16)
        self.settings = Settings(seed, hidden, limits, how)
        self.key = Key(self.lesson, hidden, seed)
        self.sandbox = open_sandbox(self.key, self.settings)

    def close(self):
        self.sandbox.close()
        self.key.close()

    def grade(self, submission):
        result = grade_one(submission, self.key, self.sandbox)
        return result, {exercise.name: exercise for exercise in result.exercises}

    def only(self, source, limits=None):
        """Grade an answer to jaccard on the public cases, and nothing else: for many in a row."""
        made = json.dumps(notebook(self.lesson, jaccard=source)).encode()
        answer = extract(made, "x.ipynb", self.key.blank)["answers"]["jaccard"]
        question = replace(self.key.questions[0], cases=self.key.questions[0].cases[:1])
        return grade_exercise(question, answer, self.sandbox, limits or self.settings.limits)

    def answer(self, source, boundary=BOUNDARY):
        """Grade an answer to jaccard; that to mask_boundary is right."""
        made = notebook(self.lesson, jaccard=source, mask_boundary=boundary)
        return self.grade(handed_in(made))[1]


def lessons():
    """The names of all lessons of the repository."""
    return sorted(path.stem for path in (COURSE_FOLDER / "lessons").glob("[0-9]*.py"))


def solved(lesson):
    return json.loads(as_text(solved_notebook(lesson)))


def running(words):
    """Whether a process whose command line has these words is there."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if words in (process / "cmdline").read_bytes().decode(errors="replace"):
                return int(process.name) != os.getpid()
        except OSError:
            pass
    return False
