"""Find out who handed in what, in whatever form a learning platform exports it.

A submission is a notebook, an export of one as ``.py``, a folder, or a zip; a folder or a zip may
hold one student's files or those of a hundred students, and zips of theirs. Nothing is unpacked to
the disk: files are read one at a time, and only when they are graded.
"""

import contextlib
import hashlib
import io
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

MAX_FILE = 256 << 20  # bytes of a notebook
MAX_TOTAL = 4 << 30  # bytes of all notebooks of a zip
MAX_ENTRIES = 50_000
MAX_DEPTH = 3  # zips in zips
SKIPPED = (".ipynb_checkpoints", "__MACOSX", "__pycache__", "node_modules", ".git", ".venv")
# Some hand in the whole course; only their notebooks are theirs.
OURS = ("vos_lab", "solutions", "lessons", "tests", "benchmarks", "docs", "make.py")

# How platforms name what they export. The first group is the student.
PLATFORMS = (
    # Moodle, a folder for each: "Zoë Müller_1234567_assignsubmission_file_"
    re.compile(r"^(.+?)_\d+_assignsubmission_\w+$"),
    re.compile(r"^(.+?)_\d+_assignsubmission_file_.+$"),
    # Blackboard, files: "Assignment 3_zmueller_attempt_2026-11-23-09-00-00_03_flownet.ipynb"
    re.compile(r"^.+?_([^_]+)_attempt_\d{4}(?:-\d\d){5}.*$"),
    # Canvas, files: "muellerzoe_LATE_12345_678901_03_flownet.ipynb"
    re.compile(r"^(.+?)(?:_LATE)?_\d{2,}_\d{2,}_.+$"),
)
LESSON = re.compile(r"\d\d_[a-z0-9_]+")
COPY = re.compile(r"(-copy\d*|[ _-]*\(\d+\)|\.saved-\d+|-\d+)$", re.IGNORECASE)


@dataclass(frozen=True)
class File:
    """A file that may be a notebook.

    Attributes:
        name: its path, within what was given.
        size: in bytes, as far as it is known.
        source: the path, or the zip and the entries that lead to it.
        refused: why it is not read; empty if it is.
        data: its bytes, once it has left the machine on which it lies.
    """

    name: str
    size: int
    source: tuple[str, ...]
    refused: str = ""
    data: bytes | None = None

    def read(self) -> bytes:
        """The bytes of the file.

        Raises:
            ValueError: it cannot be read; says why.
        """
        if self.refused:
            raise ValueError(self.refused)
        if self.data is not None:
            return self.data
        with open(self.source[0], "rb") as outer:
            if len(self.source) == 1:
                data = outer.read(MAX_FILE + 1)
            else:
                data = _read_entry(outer, self.source[1:])
        if len(data) > MAX_FILE:
            raise ValueError(f"is larger than {MAX_FILE >> 20} MB; clear the outputs")
        return data


@dataclass
class Submission:
    """What a student handed in.

    Attributes:
        student: a name, unique in its batch.
        files: candidates, the best first.
        notes: for the teacher.
    """

    student: str
    files: list[File] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def content(self) -> tuple[str, bytes]:
        """Name and bytes of the notebook to grade: the first candidate that can be read.

        Raises:
            ValueError: there is none; says why.
        """
        problem = "there is no notebook in it"
        for file in self.files:
            try:
                return file.name, file.read()
            except (ValueError, OSError) as error:
                problem = f"{file.name}: {error}".removeprefix(": ")
        raise ValueError(problem)

    def carried(self) -> "Submission":
        """The same with the file inside, for another machine."""
        try:
            name, data = self.content()
            files = [File(name, len(data), (), data=data)]
        except (ValueError, OSError) as error:
            files = [File("", 0, (), str(error))]
        return Submission(self.student, files, self.notes)

    @property
    def folder(self) -> str:
        """A name for a folder: letters, digits and a few signs, and no two alike in a batch."""
        plain = unicodedata.normalize("NFKD", self.student).encode("ascii", "ignore").decode()
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-.")[:60] or "student"
        return f"{plain}-{hashlib.sha256(self.student.encode(errors='replace')).hexdigest()[:6]}"


def find_submissions(paths: Sequence[str | Path], lesson: str) -> list[Submission]:
    """All submissions in files, folders and zips.

    Args:
        paths: notebooks, ``.py``, folders, zips.
        lesson: name of the lesson; helps to tell whose file ``03_flownet.ipynb`` is: that of who
            owns the folder.

    Returns:
        Submissions, sorted by student.

    Raises:
        FileNotFoundError: there is nothing at a path.
        ValueError: a path is neither notebook nor folder nor zip, or there are no notebooks.
    """
    found: dict[str, Submission] = {}
    for path in map(Path, paths):
        if not path.exists():
            raise FileNotFoundError(f"{path}: there is no such file or folder")
        for submission in _submissions(path, lesson):
            name, number = submission.student, 1
            while submission.student in found:
                number += 1
                submission.student = f"{name} ({number})"
            found[submission.student] = submission
    if not found:
        raise ValueError(f"{', '.join(map(str, paths))}: there is no notebook in it")
    return [found[name] for name in sorted(found)]


def one_submission(folder: str | Path, lesson: str, student: str) -> Submission:
    """All files of a folder as the submission of one student.

    Args:
        folder: with files, folders, zips.
        lesson: name of the lesson.
        student: whose it is.
    """
    files, notes = _in_folder(Path(folder))
    submission = Submission(student, files, [reason for _, reason in notes])
    _order(submission, lesson)
    return submission


def _submissions(path: Path, lesson: str) -> Iterator[Submission]:
    if path.is_file() and not zipfile.is_zipfile(path):
        if path.suffix.lower() not in (".ipynb", ".py"):
            raise ValueError(f"{path}: is neither a notebook (.ipynb, .py) nor a folder nor a zip")
        stem = _student_of_file(path.name, lesson)
        # Of a file with the name of the lesson, the folder may tell whose it is.
        student = stem or path.absolute().parent.name or lesson
        yield Submission(student, [File(path.name, path.stat().st_size, (str(path),))])
        return
    files, notes = _in_zip(path) if path.is_file() else _in_folder(path)
    names = [
        tuple(part for part in PurePosixPath(file.name).parts if part != "notebooks")
        for file in files
    ]
    # A folder around everything says nothing.
    depth = 0
    while names and all(len(n) > depth + 1 for n in names) and len({n[depth] for n in names}) == 1:
        if _by_platform(names[0][depth]) is not None:
            break
        depth += 1
    around = names[0][depth - 1] if names and depth else path.stem
    groups: dict[str, Submission] = {}
    for file, parts in zip(files, names, strict=True):
        parts = parts[depth:]
        if len(parts) > 1:
            student = _by_platform(parts[0]) or parts[0]
        else:
            student = _student_of_file(parts[0], lesson) or around
        groups.setdefault(student, Submission(student)).files.append(file)
    for student, reason in notes:
        groups.setdefault(student, Submission(student)).notes.append(reason)
    for submission in groups.values():
        _order(submission, lesson)
        yield submission


def _by_platform(name: str) -> str | None:
    for pattern in PLATFORMS:
        match = pattern.match(name)
        if match:
            return match[1]
    return None


def _student_of_file(name: str, lesson: str) -> str:
    """Whose a file is, judged by its name; empty if it says no more than the lesson's name."""
    by_platform = _by_platform(name)
    if by_platform is not None:
        return by_platform
    stem = PurePosixPath(name).stem
    plain = COPY.sub("", stem)
    if plain.lower() == lesson.lower() or LESSON.fullmatch(plain):
        return ""
    for part in (f"{lesson}_", f"_{lesson}", f"{lesson}-", f"-{lesson}", f"{lesson} "):
        plain = re.sub(re.escape(part), "", plain, flags=re.IGNORECASE)
    return plain.strip(" _-") or ""


def _order(submission: Submission, lesson: str) -> None:
    """Put the file first that is most likely the answer, and note which others there are."""

    def rank(file: File) -> tuple[bool, bool, bool, bool, str]:
        stem = PurePosixPath(file.name).stem
        return (
            bool(file.refused),
            lesson.lower() not in stem.lower(),
            bool(COPY.search(stem)),
            not file.name.lower().endswith(".ipynb"),
            file.name,
        )

    submission.files.sort(key=rank)
    named = [f for f in submission.files if lesson.lower() in f.name.lower()] or submission.files
    submission.files = named
    for file in named:
        if file.refused:
            submission.notes.append(f"{file.name} is not read: {file.refused}")
    if len(named) > 1:
        others = ", ".join(PurePosixPath(f.name).name for f in named[1:4])
        submission.notes.append(f"{named[0].name} is graded; there is also {others}")


def _wanted(name: str) -> bool:
    parts = PurePosixPath(name).parts
    if any(part in SKIPPED or part.startswith("._") or part in OURS for part in parts):
        return False
    return name.lower().endswith((".ipynb", ".py", ".zip"))


# --- folders ----------------------------------------------------------------------------------


def _in_folder(path: Path) -> tuple[list[File], list[tuple[str, str]]]:
    files: list[File] = []
    notes: list[tuple[str, str]] = []
    root = path.resolve()
    for folder, inside, names in os.walk(root):
        inside[:] = sorted(name for name in inside if name not in SKIPPED)
        for name in sorted(names):
            full = Path(folder) / name
            shown = unicodedata.normalize("NFC", full.relative_to(root).as_posix())
            if not _wanted(shown):
                continue
            if full.is_symlink() and not full.resolve().is_relative_to(root):
                files.append(File(shown, 0, (str(full),), "is a link that leads out of the folder"))
            elif not full.is_file():
                files.append(File(shown, 0, (str(full),), "is not a file"))
            elif zipfile.is_zipfile(full) and shown.lower().endswith(".zip"):
                more, said = _in_zip(full)
                start = shown.removesuffix(".zip").removesuffix(".ZIP")
                files += [_moved(file, start) for file in more]
                notes += said
            elif not shown.lower().endswith(".zip"):
                files.append(File(shown, full.stat().st_size, (str(full),)))
            else:
                notes.append((PurePosixPath(shown).parts[0], f"{shown} is a zip that is damaged"))
    return files, notes


def _moved(file: File, start: str) -> File:
    return File(f"{start}/{file.name}", file.size, file.source, file.refused)


# --- zips -------------------------------------------------------------------------------------


def _in_zip(path: Path) -> tuple[list[File], list[tuple[str, str]]]:
    files: list[File] = []
    notes: list[tuple[str, str]] = []
    with open(path, "rb") as outer:
        _look_into(outer, (str(path),), "", files, notes, [0])
    return files, notes


def _look_into(
    outer: "io.BufferedIOBase | io.BufferedReader",
    source: tuple[str, ...],
    start: str,
    files: list[File],
    notes: list[tuple[str, str]],
    total: list[int],
) -> None:
    """List the notebooks of a zip, and of zips inside it."""
    try:
        with zipfile.ZipFile(outer) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES:
                raise ValueError(f"has {len(entries)} entries; at most {MAX_ENTRIES} are read")
            for entry in entries:
                name = _name(entry)
                if entry.is_dir() or not _wanted(name):
                    continue
                here = (*source, entry.filename)
                problem = _problem(entry, name)
                shown = start + re.sub(r"^(\.*/)+", "", name.replace("../", ""))
                total[0] += entry.file_size
                if not problem and total[0] > MAX_TOTAL:
                    problem = f"everything together is larger than {MAX_TOTAL >> 30} GB"
                if problem or not name.lower().endswith(".zip"):
                    files.append(File(shown, entry.file_size, here, problem))
                    continue
                if len(here) > MAX_DEPTH + 1:
                    files.append(File(shown, 0, here, "is a zip in a zip in a zip in a zip"))
                    continue
                inner = io.BytesIO(_bounded(archive, entry))
                _look_into(inner, here, shown[: -len(".zip")] + "/", files, notes, total)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, zlib.error) as error:
        student = PurePosixPath(start or Path(source[0]).stem).parts[0]
        notes.append((student, f"{source[-1]} cannot be read: {error}"))


def _name(entry: zipfile.ZipInfo) -> str:
    """The name of an entry; many programs write UTF-8 without saying so."""
    name = entry.filename
    if not entry.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _problem(entry: zipfile.ZipInfo, name: str) -> str:
    """Why an entry is not read; empty if it is."""
    if ".." in PurePosixPath(name).parts or name.startswith("/") or re.match(r"^[A-Za-z]:", name):
        return "its path leads out of the zip"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a link"
    if entry.flag_bits & 0x1:
        return "is locked with a password"
    if entry.file_size > MAX_FILE:
        return f"is larger than {MAX_FILE >> 20} MB"
    return ""


def _bounded(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    # What the header says of the size is what the sender wrote there: count for ourselves.
    with archive.open(entry) as stream:
        data = stream.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise ValueError(f"{entry.filename} is larger than {MAX_FILE >> 20} MB")
    return data


def _read_entry(outer: "io.BufferedIOBase | io.BufferedReader", names: tuple[str, ...]) -> bytes:
    try:
        with zipfile.ZipFile(outer) as archive:
            data = _bounded(archive, archive.getinfo(names[0]))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error, RuntimeError) as error:
        raise ValueError(f"is damaged ({error})") from None
    return data if len(names) == 1 else _read_entry(io.BytesIO(data), names[1:])
