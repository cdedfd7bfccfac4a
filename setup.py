"""Put the files of the course into the package that is built; all else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

INSIDE = "vos_lab/_course"  # vos_lab/course_files.py looks there
COURSE = (
    "lessons/**/*",
    "solutions/[0-9]*.ipynb",
    "data/**/*",
    # What the zip for students takes along: vos-lab release.
    "make.py",
    "Makefile",
    "pyproject.toml",
    "setup.py",
    "requirements*",
)


def is_ours(path: Path) -> bool:
    """Whether this is a file of the course, and nothing that a program has left there."""
    return path.is_file() and not any(part.startswith((".", "__pycache__")) for part in path.parts)


class BuildWithCourse(build_py):
    """Build the package with ``_course`` inside."""

    def course(self) -> dict[str, str]:
        """Where each file of the course goes, and where it is; both from this folder."""
        found = {path for pattern in COURSE for path in Path().glob(pattern) if is_ours(path)}
        return {f"{INSIDE}/{path.as_posix()}": path.as_posix() for path in sorted(found)}

    def run(self) -> None:
        """Build; an editable installation finds the files where they are."""
        if self.editable_mode:
            super().run()
            return
        # What an earlier build has left there would go along, also what is deleted since.
        shutil.rmtree(Path(self.build_lib, "vos_lab"), ignore_errors=True)
        super().run()
        for name, path in self.course().items():
            target = Path(self.build_lib, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """What is built."""
        more = [] if self.editable_mode else [f"{self.build_lib}/{name}" for name in self.course()]
        return [*super().get_outputs(include_bytecode), *more]

    def get_source_files(self) -> list[str]:
        """What a source distribution has to hold."""
        return [*super().get_source_files(), *self.course().values()]


setup(cmdclass={"build_py": BuildWithCourse})
