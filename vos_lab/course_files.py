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

NEW_FOLDER = "vos-lab-course"  # vos-lab start makes it, where no other is named

DATA = COURSE_FOLDER / "data"
WEIGHTS = DATA / "weights"


def notebooks_in(folder: Path) -> list[Path]:
    """The notebooks of lessons that lie in ``notebooks/`` of a folder, in order."""
    return sorted((folder / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def work_folder() -> Path:
    """The folder in which a person works.

    Returns:
        The clone; with an installed package the current folder, or the one that ``vos-lab start``
        has made in it.
    """
    if not INSTALLED:
        return COURSE_FOLDER
    here = Path.cwd()
    return next((each for each in (here, here / NEW_FOLDER) if notebooks_in(each)), here)


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
