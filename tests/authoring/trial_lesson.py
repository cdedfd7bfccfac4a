"""An eighteenth lesson, with one of everything, as the files that its author would add.

The tests lay it into a copy of the course. It may touch the changelog and the list of methods; all
else is found by its name.
"""

import shutil
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
NAME = "17_trial"

FILES = {
    "vos_lab/methods/trial.py": '''\
"""The trial: the first mask, one pixel wider in each frame."""

import cv2
import numpy as np

from vos_lab.exercise import exercise


@exercise(minutes=5, difficulty=1, importance=1)
def widened(mask: np.ndarray, pixels: int = 1) -> np.ndarray:
    """A mask that reaches farther.

    Args:
        mask: ``(H, W)`` uint8, 0 or 1.
        pixels: how much farther, in each direction.

    Returns:
        The same kind of array.

    Example:
        >>> widened(np.array([[0, 0, 1]], np.uint8)).tolist()
        [[0, 1, 1]]
    """
    # Step 1: a square that reaches so far from its middle.
    square = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    # Step 2: whatever it touches belongs to the mask.
    return cv2.dilate(mask, square)


class Trial:
    """Widen the last mask, as a Segmenter."""

    def __init__(self, pixels: int = 1) -> None:
        self.pixels = pixels

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Keep the first mask."""
        if mask is None:
            raise ValueError("Trial: widens the first mask, so it needs one")
        self.mask = (mask == 1).astype(np.uint8)

    def step(self, frame: np.ndarray) -> np.ndarray:
        """The mask, a little wider."""
        self.mask = widened(self.mask, self.pixels)
        return self.mask


ABLATIONS = {"trial-in-place": {"pixels": 0}}
''',
    "vos_lab/exercises/checks/trial.py": '''\
"""Checks of the trial lesson: widened."""

import numpy as np

from vos_lab.exercises.cases import Case, Check, Mistake
from vos_lab.methods.trial import widened

WIDENED = Check(
    widened,
    cases=[
        Case("three pixels", lambda rng: {"mask": np.array([[0, 0, 1]], np.uint8)}),
        Case(
            "noise",
            lambda rng: {"mask": rng.integers(0, 2, (9, 12), np.uint8), "pixels": 1},
        ),
        Case(
            "two pixels",
            lambda rng: {"mask": np.uint8(rng.random((20, 20)) < 0.02), "pixels": 2},
        ),
    ],
    mistakes=[
        Mistake("You eroded. A mask that reaches farther is dilated.", ("dilate", "erode")),
        Mistake("The square is as wide as it should reach.", ("2 * pixels + 1", "max(pixels, 1)")),
        Mistake("You always widen by one pixel.", ("2 * pixels + 1", "3")),
    ],
    hints=["What lies near the mask?", "A square moves over it.", "It is a dilation."],
)

CHECKS = [WIDENED]
''',
    "vos_lab/exercises/pictures/trial.py": '''\
"""Pictures of the trial lesson: widened."""

from collections.abc import Callable

import numpy as np

from vos_lab.exercises.pictures.drawn import row, walker
from vos_lab.view.figures import Figure, comparison


def widened(answer: Callable[..., np.ndarray]) -> Figure:
    """The mask of an animal, and the same wider."""
    mask = np.uint8(walker().masks[0] > 0)
    wide = answer(mask, 4)
    return row(
        {"4 px wider": comparison(wide > 0, mask > 0)},
        "Your widened at work: a rim grows round the animal.",
        "The mask of an animal in grey with an orange rim around it, four pixels wide.",
        exact=True,
    )
''',
    f"vos_lab/exercises/quizzes/{NAME}.toml": """\
[[question]]
name = "which way"
text = "A mask is widened and then narrowed by as much. What has changed?"

[[question.option]]
text = "Nothing"
feedback = "A hole that was closed stays closed."

[[question.option]]
text = "Small holes are gone"
correct = true
feedback = "Widening closes them, and narrowing cannot know where they were."

[[question.option]]
text = "Small islands are gone"
feedback = "An island of one pixel grows and shrinks like all else."

[[question]]
name = "how far"
text = "A mask is widened by 2 and then by 3. How far does it reach?"

[[question.option]]
text = "3"
feedback = "The second square starts from what the first has widened."

[[question.option]]
text = "5"
correct = true
feedback = "Each widening starts where the last one ended."

[[question.option]]
text = "6"
feedback = "Reaches add up; they do not multiply."

[[question]]
name = "everything"
text = "Which mask cannot grow?"

[[question.option]]
text = "One that covers the frame"
correct = true
feedback = "There is nothing left to cover."

[[question.option]]
text = "One with a hole"
feedback = "It grows into its hole."

[[question.option]]
text = "One of a single pixel"
feedback = "A single pixel becomes a square."
""",
    "vos_lab/claims/trial.py": '''\
"""The claim of the trial lesson: a wider mask is larger."""

import numpy as np

from vos_lab.claims.claim import Claim
from vos_lab.methods.trial import widened


def growth(seed: int) -> float:
    """How many pixels a random mask gains.

    Args:
        seed: of the mask.
    """
    mask = np.uint8(np.random.default_rng(seed).random((20, 20)) < 0.1)
    return float(widened(mask).sum()) - float(mask.sum())


CLAIMS = (
    Claim(
        name="17_trial/growth",
        statement="A wider mask is larger.",
        source="ours",
        conditions="random masks of 20 x 20 pixels",
        effect="pixels gained",
        experiment=growth,
        seeds=tuple(range(5)),
        matters=1.0,
    ),
)
''',
    "vos_lab/view/widgets/trial.py": '''\
"""A knob for how much wider a mask gets."""

from vos_lab.datasets.procedural import Spec, render
from vos_lab.methods.trial import widened
from vos_lab.view import figures
from vos_lab.view.figures import Figure
from vos_lab.view.widgets.explorer import Explorer, Knob


class Widener(Explorer):
    """How much wider a mask gets."""

    def __init__(self) -> None:
        video = render(Spec(frames=1, size=(48, 80)), 0)
        self._frame, self._mask = video.frames[0], video.first_mask
        knobs = [Knob("pixels", "Pixels", "how much wider", 1, 0, 4, 1)]
        super().__init__("How wide is too wide?", knobs, _size=[48, 80])

    def show(self) -> None:
        """Say what is seen."""
        self._state = self._alt = f"A mask, {self.values['pixels']} pixels wider."

    def figure(self) -> Figure:
        """The mask over its frame."""
        wide = widened(self._mask, int(self.values["pixels"]))
        return figures.strip([self._frame], [wide], title="Wider", alt=self._alt)
''',
    f"vos_lab/view/alts/{NAME}.toml": """\
"A mask that grows eats the background" = "Three frames of one object with a mask that gets wider."
""",
    f"lessons/{NAME}.py": """\
# %% [markdown] name="title" minutes=10 needs=["01_metrics"] builds="a mask"
# # A trial
#
# A mask grows.

# %% name="imports" slide="skip"
import cv2
import numpy as np

from vos_lab import bench, claims, methods
from vos_lab.course import check, hint, quiz
from vos_lab.datasets.procedural import Spec, render
from vos_lab.view import figures
from vos_lab.view.widgets.trial import Widener

# %% name="picture" tags=["picture"]
clip = render(Spec(frames=4, size=(48, 80)), 0)
figures.clip(clip, clip.masks, alt="An object in a scene, painted.", height=96)

# %% exercise="vos_lab.methods.trial.widened" points=2

# %% show="vos_lab.methods.trial.Trial"

# %% name="in-use" slide="slide"
clip = render(Spec(frames=3, size=(48, 80)), 0)
found = methods.run(methods.create("trial-in-place"), clip)
figures.strip(clip, found, title="A mask that grows eats the background")

# %% name="widget" slide="slide"
Widener()

# %% name="quiz" slide="slide"
quiz("17_trial", "which way")

# %% name="claims"
verdicts = [claims.saved(claim) for claim in claims.of_lesson("17_trial")]
figures.table(claims.summary(verdicts), title="The claim, measured", name="claim")

# %% name="leaderboard"
rows = bench.compared(["trial"], "J", data="easy", drawn=None)
figures.table(rows, title="On easy videos")

# %% name="real" tags=["real-data"]
print("No real data is needed.")
""",
}


def lay_out(course: Path) -> None:
    """Copy the course, with the newest of its files, and put the trial lesson into it.

    Args:
        course: a folder that does not exist yet.
    """
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("vos_lab", "lessons", "data/claims", "data/leaderboard", "docs/jupyterhub"):
        shutil.copytree(REPOSITORY / folder, course / folder, ignore=ignored)
    (course / "data" / "weights").symlink_to(REPOSITORY / "data" / "weights")
    for file in REPOSITORY.iterdir():
        if file.is_file() and not file.name.startswith("."):
            shutil.copy(file, course)
    for name, text in FILES.items():
        assert not (course / name).exists()
        (course / name).write_text(text, encoding="utf-8")
    boards = course / "data" / "leaderboard"
    shutil.copy(boards / "baseline.json", boards / "trial.json")  # as if it had been measured
    listed = course / "vos_lab" / "methods" / "__init__.py"
    text = listed.read_text(encoding="utf-8")
    line = '    "baseline": "vos_lab.methods.baseline.Baseline",\n'
    assert line in text
    more = '    "trial": "vos_lab.methods.trial.Trial",\n'
    listed.write_text(text.replace(line, line + more), encoding="utf-8")
    with (course / "CHANGELOG.md").open("a", encoding="utf-8") as file:
        file.write("- Lesson `17_trial`.\n")
