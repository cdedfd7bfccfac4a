"""Where the files of the course are: lessons, solved notebooks, weights, measured figures.

In a clone of the repository (or a release of it) they lie beside the package. A package that was
installed has them inside itself, in ``_course``, where ``setup.py`` has put them.
"""

import os
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent
INSIDE = "_course"  # setup.py knows this name too

INSTALLED = (PACKAGE / INSIDE).is_dir()
"""Whether the package was installed from a wheel; False in a clone and in a release."""

COURSE_FOLDER = PACKAGE / INSIDE if INSTALLED else PACKAGE.parent
"""The folder that holds ``lessons/``, ``solutions/`` and ``data/``."""

DATA = COURSE_FOLDER / "data"
WEIGHTS = DATA / "weights"


def work_folder() -> Path:
    """The folder in which a person works: the clone; with an installed package the current one."""
    return Path.cwd() if INSTALLED else COURSE_FOLDER


def package_files() -> Iterator[tuple[str, Path]]:
    """The files of the package itself, for a copy of it.

    Yields:
        For each its name with ``/`` from the folder of the package, and where it is, in the order
        of the names. What Python has compiled is left out, and so are the files of the course.
    """
    for file in sorted(PACKAGE.rglob("*")):
        name = file.relative_to(PACKAGE)
        if file.is_file() and "__pycache__" not in name.parts and name.parts[0] != INSIDE:
            yield name.as_posix(), file


def how_to_get_again(what: str, *files: Path) -> str:
    """What brings files of the course back that are damaged.

    Args:
        what: the files, in words.
        files: where they are.

    Returns:
        A piece of a sentence.
    """
    if INSTALLED:
        return f"`pip install --force-reinstall --no-deps` of the same wheel brings {what} back"
    names = " ".join(os.path.relpath(file, COURSE_FOLDER) for file in files)
    return f"`git checkout -- {names}` brings {what} back"
