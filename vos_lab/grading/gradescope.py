"""An autograder for Gradescope: the zip that its page asks for, and what runs inside it.

Gradescope unpacks the zip into ``/autograder/source``, runs ``setup.sh`` once to make an image, and
then, for each submission, ``run_autograder``, which finds the files of one student in
``/autograder/submission`` and leaves ``/autograder/results/results.json``.
"""

import json
import os
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path

from vos_lab.authoring.build import read_lessons
from vos_lab.course_files import COURSE_FOLDER, package_files
from vos_lab.grading import reports
from vos_lab.grading.answer_key import Key
from vos_lab.grading.judging import guarded
from vos_lab.grading.limits import Limits, SandboxError
from vos_lab.grading.results import Settings
from vos_lab.grading.running import open_sandbox
from vos_lab.grading.submissions import one_submission

SETTINGS, HIDDEN = "settings.json", "hidden_cases.py"
NOT_NEEDED = ("jupyterlab",)  # to grade
FOR_TESTS = "# For tests"  # the line of requirements.txt below which nothing is needed

SETUP = """\
#!/bin/sh
# Runs once, when Gradescope builds the image. Choose an image with Python 3.11 or newer, such as
# Ubuntu 24.04. The torch that pip takes brings libraries for graphics cards, some GB: to save them,
# install torch and torchvision from PyTorch's own index for the CPU before the last line.
set -e
apt-get update
apt-get install -y --no-install-recommends python3 python3-venv bubblewrap
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
python3 -m venv /autograder/venv
/autograder/venv/bin/pip install -r /autograder/source/requirements.txt
"""

RUN = """\
#!/bin/sh
# Runs for each submission. AUTOGRADER and PYTHON are for trying it elsewhere.
root="${AUTOGRADER:-/autograder}"
python="${PYTHON:-/autograder/venv/bin/python}"
chmod -R go-rwx "$root/source"  # answers run as another user
cd "$root/source" || exit 1
PYTHONPATH="$root/source" "$python" -m vos_lab.grading.gradescope "$root"
"""


def make_autograder(
    lesson: str, out: str | Path, settings: Settings, root: str | Path = COURSE_FOLDER
) -> Path:
    """Write the zip that Gradescope asks for when an autograder is configured.

    Args:
        lesson: name of the lesson.
        out: a file ``*.zip``, or a folder.
        settings: of grading; hidden cases and seed are in the zip, which students never see.
        root: the folder that holds ``lessons/``.

    Returns:
        The zip.

    Raises:
        FileNotFoundError: there is no such lesson.
        ValueError: the hidden cases are not what they should be.
    """
    root = Path(root)
    text = read_lessons(root, [lesson])[0]
    Key(text, settings.hidden, settings.seed).close()  # what is wrong is said now
    path = Path(out)
    if path.suffix != ".zip":
        path = path / f"gradescope-{lesson}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    words = {"lesson": lesson, "seed": settings.seed, "limits": asdict(settings.limits)}
    unfinished = path.with_name(f".{path.name}.part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        _add_program(archive, "setup.sh", SETUP)
        _add_program(archive, "run_autograder", RUN)
        archive.writestr(SETTINGS, json.dumps(words))
        archive.writestr("requirements.txt", _requirements(root))
        if settings.hidden is not None:
            archive.writestr(HIDDEN, settings.hidden)
        for file in sorted((root / "lessons").glob(f"**/{lesson}.*")):  # its text, its picture
            archive.write(file, file.relative_to(root).as_posix())
        for name, file in package_files():
            archive.write(file, f"vos_lab/{name}")
    os.replace(unfinished, path)
    return path


def _add_program(archive: zipfile.ZipFile, name: str, text: str) -> None:
    entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
    entry.external_attr = 0o100755 << 16
    archive.writestr(entry, text)


def _requirements(root: Path) -> str:
    needed, _, _ = (root / "requirements.txt").read_text(encoding="utf-8").partition(FOR_TESTS)
    return "".join(f"{line}\n" for line in needed.splitlines() if not line.startswith(NOT_NEEDED))


def run(root: str | Path) -> None:
    """Grade the submission of one student, as Gradescope lays it out.

    Args:
        root: ``/autograder``, with ``source`` and ``submission``; ``results`` is written.
    """
    root = Path(root)
    words = json.loads((root / "source" / SETTINGS).read_text("utf-8"))
    secret = root / "source" / HIDDEN
    hidden = secret.read_text("utf-8") if secret.is_file() else None
    settings = Settings(words["seed"], hidden, Limits(**words["limits"]))
    lesson = read_lessons(root / "source", [words["lesson"]])[0]
    submission = one_submission(root / "submission", lesson.name, "you")
    with Key(lesson, hidden, settings.seed) as key:
        sandbox = open_sandbox(key, settings)
        with sandbox:
            print(f"sandbox: {sandbox.how}")
            print(sandbox.warning() or "")
            _, result, _ = guarded(submission, key, sandbox)
    results = root / "results"
    results.mkdir(exist_ok=True)
    reports.write_whole(results / "results.json", json.dumps(reports.gradescope(result)))


if __name__ == "__main__":
    os.umask(0o077)  # what is written is not for the answers to read
    try:
        run(sys.argv[1])
    except SandboxError as problem:
        sys.exit(f"error: {problem}")
