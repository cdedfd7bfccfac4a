"""Find out who handed in what, in whatever form a learning platform exports it.

A submission is a notebook, an export of one as ``.py``, a folder, or an archive; a folder or an
archive may hold one student's files or those of a hundred students, and archives of theirs. Nothing
is unpacked to the disk: files are read one at a time, and only when they are graded.

Whatever stands in a class, each student is in the list: with files, or with the reason why there
are none. What one student hands in is paid for from that student's own budget of bytes, files and
depth, so nobody loses anything to somebody else's zips.
"""

import hashlib
import io
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from vos_lab.grading import archives

# For each student.
MAX_FILE = 256 << 20  # bytes of a notebook, or of an archive in an archive
MAX_READ = 512 << 20  # bytes of all notebooks that are looked at
MAX_TRIED = 50  # notebooks that are looked at
MAX_UNPACKED = 1 << 30  # bytes of archives in archives, and of packed tars
MAX_ENTRIES = 20_000  # in archives
MAX_DEPTH = 3  # archives in archives
MAX_LISTED = 500_000  # entries of the archive of a whole class
MAX_NOTES = 12

NOTEBOOK = re.compile(r".+\.(ipynb|py)$|.+\.ipynb(\.(txt|json|download))+$", re.IGNORECASE)
# What editors, systems and platforms leave behind; nobody's work.
SKIPPED = (".ipynb_checkpoints", "__MACOSX", "__pycache__", "node_modules", ".git", ".venv")
BOOKKEEPING = re.compile(
    r"\..*|thumbs\.db|desktop\.ini|index\.html|timestamp\.txt|submission_metadata\.yml|"
    r"readme(\.\w+)?|grades\.csv|(feedback|comments?|grade)\w*\.(txt|html|xls|csv)",
    re.IGNORECASE,
)
# Some hand in the whole course; only their notebooks are theirs.
OURS = ("vos_lab", "solutions", "lessons", "tests", "benchmarks", "docs", "make.py")
# Folders that say what is in them, and not whose it is.
GENERIC = re.compile(
    r"notebooks?|solutions?|submi\w+|exports?|src|code|files|(my )?(home)?work|"
    r"(week|ps|hw|lab|ex|exercise|assignment|homework|task|lesson)[ _-]*\d*",
    re.IGNORECASE,
)

# How platforms name what they export. The first group is the student; two students may have one
# name, and then differ in the second.
FOLDERS = (
    # Moodle, a folder for each: "Zoë Müller_1234567_assignsubmission_file_"
    re.compile(r"^(.+?)_(\d+)_assignsubmission_\w+?_?(?:_.+)?$"),
    # Brightspace: "123-4567 - Zoë Müller - Nov 23, 2026 930 AM"
    re.compile(r"^(?:\d+-\d+ - )(.+?)( - \w{3,9} \d{1,2}, \d{4} .+)$"),
)
FILES = (
    *FOLDERS,
    # Blackboard: "Assignment 3_zmueller_attempt_2026-11-23-09-00-00_03_flownet.ipynb"
    re.compile(r"^.+?_([^_]+)()_attempt_\d{4}(?:-\d\d){5}.*$"),
    # Canvas: "muellerzoe_LATE_12345_678901_03_flownet.ipynb"
    re.compile(r"^(.+?)(?:_LATE)?_(\d{2,})_\d{2,}_.+$"),
)
LESSON = re.compile(r"\d\d_[a-z0-9_]+")
COPY = re.compile(r"(-copy\d*|-checkpoint|[ _-]*\(\d+\)|\.saved-\d+|-\d+)$", re.IGNORECASE)
SAYS_LESSON = (
    re.compile(r'"lesson"\s*:\s*"(\d\d_\w{1,60})"'),
    re.compile(r'"id"\s*:\s*"(\d\d_[a-z0-9_]{1,60})-'),  # of a cell: the end may be missing
)


def printable(text: str) -> str:
    r"""A text that does nothing to a terminal, a table or a page: control characters are spelled.

    Args:
        text: any, with lone surrogates too.

    Example:
        >>> print(printable("Zoë\x1b[31m\u202e"))
        Zoë\x1b[31m\u202e
    """

    def sign(character: str) -> str:
        if character.isprintable() or character in "\u200c\u200d":  # parts of words
            return character
        if unicodedata.category(character) == "Zs":
            return " "
        return (
            character.encode("ascii", "backslashreplace").decode()
            if ord(character) > 127
            else (repr(character)[1:-1])
        )

    return "".join(map(sign, unicodedata.normalize("NFC", text)))


@dataclass(frozen=True)
class File:
    """A file that may be a notebook.

    Attributes:
        name: its path, within what was given.
        size: in bytes, as far as it is known.
        source: the path, then the places in the archives that lead to it.
        refused: why it is not read; empty if it is.
        data: its bytes, once it has left the machine on which it lies.
    """

    name: str
    size: int
    source: tuple[str | int, ...]
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
        with _open(self.source[:-1] if len(self.source) > 1 else self.source) as stream:
            if len(self.source) > 1:
                data = archives.read(stream, int(self.source[-1]), MAX_FILE)
            else:
                data = stream.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise ValueError(f"is larger than {MAX_FILE >> 20} MB; clear the outputs")
        return data


def _open(source: tuple[str | int, ...]) -> IO[bytes]:
    """A file on the disk, or one inside archives, as a stream.

    Raises:
        ValueError: it cannot be opened; says why.
    """
    try:
        stream: IO[bytes] = open(source[0], "rb")  # noqa: SIM115 (the caller closes it)
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot be opened ({_reason(error)})") from None
    for number in source[1:]:
        with stream:
            stream = io.BytesIO(archives.read(stream, int(number), MAX_FILE))
    return stream


def _reason(error: Exception) -> str:
    """What an exception says, without the path: the file is named already."""
    return printable(getattr(error, "strerror", None) or str(error) or type(error).__name__)[:200]


@dataclass
class Submission:
    """What a student handed in.

    Attributes:
        student: a name, unique in its batch.
        files: candidates, the best first.
        notes: for the teacher.
        lesson: that is graded; empty if it does not matter.
        problem: why there are no files.
    """

    student: str
    files: list[File] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lesson: str = ""
    problem: str = ""

    def content(self) -> tuple[str, bytes]:
        """Name and bytes of the notebook to grade: the first candidate that can be read.

        One that says that it is of another lesson is taken only if no other can be.

        Raises:
            ValueError: there is none; says why.
        """
        unread: list[str] = []
        chosen = None
        for file, data in self.contents(unread):
            fits = not self.lesson or lesson_of(data) in ("", self.lesson)
            if fits and chosen is not None:
                self._note(f"{file.name} is graded: it says that it is of {self.lesson}")
            if fits or chosen is None:
                chosen = file.name, data
            if fits:
                break
        if chosen is None:
            raise ValueError((unread or [self.problem or "there is no notebook in it"])[0])
        for words in unread:
            self._note(f"not read: {words}")
        return chosen

    def contents(self, unread: list[str]) -> Iterator[tuple[File, bytes]]:
        """Every candidate that can be read, with its bytes, the best first.

        Args:
            unread: gets the names of the others, and why.
        """
        left = MAX_READ
        for number, file in enumerate(self.files):
            try:
                if number >= MAX_TRIED or left <= 0:
                    raise ValueError("so many files were handed in that it is not looked at")
                data = file.read()
                left -= len(data)
                if not data.strip():
                    raise ValueError("is empty")
            except Exception as error:  # whatever it is, it belongs to this file and nobody else
                unread.append(f"{file.name}: {_reason(error)}".removeprefix(": "))
            else:
                yield file, data

    def sort(self, lesson: str) -> None:
        """Put the file first that is most likely the answer to a lesson, and note the others.

        Args:
            lesson: its name; if it is empty, all files stay.
        """

        def rank(file: File) -> tuple[bool, bool, bool, bool, bool, str]:
            path = PurePosixPath(file.name)
            stem = _stem(path.name)
            return (
                bool(file.refused),
                lesson.lower() not in stem.lower(),
                any(part in OURS for part in path.parts[:-1]),
                bool(COPY.search(stem)),
                not path.name.lower().endswith(".ipynb"),
                file.name,
            )

        self.lesson = lesson
        self.files.sort(key=rank)
        if not lesson:
            return
        named = [f for f in self.files if lesson.lower() in f.name.lower()]
        if any(not file.refused for file in named):
            self.files = named
        for file in self.files[1:]:  # of the first, everything says it
            if file.refused:
                self._note(f"{file.name} is not read: {file.refused}")
        if len(self.files) > 1:
            others = ", ".join(f.name for f in self.files[1:9])
            others += ", ..." if len(self.files) > 9 else ""
            self._note(f"{self.files[0].name} is graded; there is also {others}")

    def _note(self, text: str) -> None:
        if text not in self.notes and len(self.notes) < MAX_NOTES:
            self.notes.append(text)

    def carried(self) -> "Submission":
        """The same with the file inside, for another machine."""
        try:
            name, data = self.content()
            files = [File(name, len(data), (), data=data)]
        except ValueError as error:
            files = [File("", 0, (), str(error))]
        return Submission(self.student, files, self.notes, self.lesson)

    @property
    def folder(self) -> str:
        """A name for a folder: letters, digits and a few signs, and no two alike in a batch."""
        plain = unicodedata.normalize("NFKD", self.student).encode("ascii", "ignore").decode()
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-.")[:60] or "student"
        return f"{plain}-{hashlib.sha256(self.student.encode(errors='replace')).hexdigest()[:6]}"


def lesson_of(data: bytes) -> str:
    """Which lesson a notebook says that it is of; empty if it does not say.

    Args:
        data: the file; half of one says it too.
    """
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace")
    for pattern in SAYS_LESSON:
        if found := pattern.findall(text):
            return str(found[-1])
    return ""


def find_submissions(
    paths: Sequence[str | Path], lesson: str = "", known: Sequence[str] = ()
) -> list[Submission]:
    """All submissions in files, folders and archives.

    Args:
        paths: notebooks, ``.py``, folders, archives.
        lesson: name of the lesson; helps to tell whose file ``03_flownet.ipynb`` is: that of who
            owns the folder. Without it, every notebook stays in ``files``.
        known: names of other lessons, which are nobody's either.

    Returns:
        Submissions, sorted by student. There is one for everybody who handed in anything.

    Raises:
        FileNotFoundError: there is nothing at a path.
        ValueError: nothing at all could be a notebook.
    """
    found: dict[str, Submission] = {}
    for path in map(Path, paths):
        if not os.path.lexists(path):
            raise FileNotFoundError(f"{path}: there is no such file or folder")
        for submission in _submissions(path, lesson, known):
            name, number = submission.student, 1
            while submission.student in found:
                number += 1
                submission.student = f"{name} ({number})"
            found[submission.student] = submission
    if not any(submission.files or submission.problem for submission in found.values()):
        there = ", ".join(note for s in found.values() for note in s.notes)[:300]
        raise ValueError(
            f"{', '.join(map(str, paths))}: there is no notebook in it{there and f' ({there})'}"
        )
    return [found[name] for name in sorted(found)]


def one_submission(folder: str | Path, lesson: str, student: str) -> Submission:
    """All files of a folder as the submission of one student.

    Args:
        folder: with files, folders, archives.
        lesson: name of the lesson.
        student: whose it is.
    """
    return _submission(student, _without_junk(_in_folder(Path(folder))), lesson)


# --- whose is what ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Leaf:
    """Where a walk ends: a file, an empty folder, or what cannot be looked into.

    Attributes:
        parts: of its path, fit to print.
        file: None if it is a folder.
        reason: why it is not read; empty if it is a notebook or an archive.
        depth: archives around it.
    """

    parts: tuple[str, ...]
    file: File | None = None
    reason: str = ""
    depth: int = 0

    @property
    def name(self) -> str:
        return "/".join(self.parts)

    @property
    def is_archive(self) -> bool:
        return self.file is not None and not self.reason and _is_archive(self.parts[-1])

    @property
    def is_notebook(self) -> bool:
        return self.file is not None and bool(NOTEBOOK.match(self.parts[-1]))

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders that it is in; an archive is a folder."""
        if self.file is None:
            return self.parts
        return (*self.parts[:-1], _stem(self.parts[-1])) if self.is_archive else self.parts[:-1]


Owner = tuple[str, str]  # name, and what tells two of one name apart


def _submissions(path: Path, lesson: str, known: Sequence[str]) -> Iterator[Submission]:
    lessons = (lesson, *sorted(known, key=len, reverse=True))
    name = printable(path.name or path.absolute().name)
    if path.is_dir():
        leaves = _without_junk(_in_folder(path)) or [_Leaf((name,), None, "holds no work")]
    else:
        leaf = _leaf_on_disk(path, (name,))
        if not leaf.is_archive:
            # Of a file with the name of the lesson, the folder may tell whose it is.
            student = _owner_of_file(name, lessons)[0] or _around(
                [printable(part) for part in path.absolute().parent.parts[1:]], lesson or path.stem
            )
            yield _submission(student, [leaf], lesson)
            return
        leaves = _without_junk(_look_into(leaf, ())) or [_Leaf((name,), None, "holds no work")]
    if owner := _by_platform(name, FILES):  # the path of one student, of many that were given
        yield _submission(owner[0], leaves, lesson)
        return
    # A zip of a class may be all that there is in a folder, or in another zip.
    while len(leaves) == 1 and leaves[0].is_archive and leaves[0].depth < MAX_DEPTH:
        leaves = _without_junk(_look_into(leaves[0], leaves[0].folders))
    whose = _Owners(leaves, lessons, path)
    groups: dict[Owner, list[_Leaf]] = {}
    for leaf in leaves:
        groups.setdefault(whose(leaf), []).append(leaf)
    # What is in archives may tell by its name that it is of others.
    for owner, found in list(groups.items()):
        kept = list(_unpacked(found))
        groups[owner] = [leaf for leaf in kept if (_platform(leaf.folders) or owner) == owner]
        for leaf in kept:
            if (other := _platform(leaf.folders) or owner) != owner:
                groups.setdefault(other, []).append(leaf)
    for (student, _), found in groups.items():
        if found:
            yield _submission(student, found, lesson)


class _Owners:
    """Tells whose a file is, by where it lies among the others.

    Args:
        leaves: everything in a class, or of a student.
        lessons: their names are nobody's.
        path: where they are from.
    """

    def __init__(self, leaves: Sequence[_Leaf], lessons: Sequence[str], path: Path) -> None:
        self.lessons = lessons
        folders = [leaf.folders for leaf in leaves]
        depth = 0  # a folder around everything says nothing
        while folders and all(len(f) > depth for f in folders):
            first = folders[0][depth]
            if any(f[depth] != first for f in folders) or _by_platform(first, FILES):
                break
            depth += 1
        self.depth = depth
        named = (_stem(path.name) if not path.is_dir() else path.absolute().name) or lessons[0]
        self.around = _around(folders[0][:depth] if folders else (), printable(named))
        tops = {f[depth] for f in folders if len(f) > depth}
        loose = {leaf.parts[-1] for leaf in leaves if len(leaf.folders) == depth} - {*OURS}
        notebooks = {name for name in loose if _may_hold_notebook(name)}
        # Nothing but folders of the course, beside notebooks of lessons, is one student's work.
        self.alone = tops <= {"notebooks", *OURS} and (
            not any(_owner_of_file(name, lessons)[0] for name in notebooks)
            and (bool(notebooks) or bool(tops))
        )

    def __call__(self, leaf: _Leaf) -> Owner:
        if owner := _platform(leaf.folders):
            return owner
        inside = leaf.folders[self.depth :]
        if inside:
            top = inside[0]
            return _by_platform(top, FILES) or ((self.around if self.alone else top), "")
        owner = _owner_of_file(leaf.parts[-1], self.lessons)
        ours = leaf.parts[-1] in OURS or not leaf.is_notebook
        return (self.around, "") if not owner[0] or (self.alone and ours) else owner


def _around(folders: Sequence[str], otherwise: str) -> str:
    """The innermost folder whose name may be that of a student."""
    return next((name for name in reversed(folders) if not GENERIC.fullmatch(name)), otherwise)


def _platform(folders: Sequence[str]) -> Owner | None:
    """Whose a file is, if a learning platform named one of its folders."""
    found = (_by_platform(folder, FOLDERS) for folder in folders)
    return next((owner for owner in found if owner), None)


def _by_platform(name: str, patterns: Iterable[re.Pattern[str]]) -> Owner | None:
    for pattern in patterns:
        match = pattern.match(name)
        if match and match[1].strip():
            return match[1].strip(), match[2]
    return None


def _owner_of_file(name: str, lessons: Sequence[str]) -> Owner:
    """Whose a file is, judged by its name; nobody's if it says no more than a lesson's name."""
    if owner := _by_platform(name, FILES):
        return owner
    plain = COPY.sub("", _stem(name))
    for lesson in lessons:
        if lesson and lesson.lower() in plain.lower():
            pieces = re.split(re.escape(lesson), plain, flags=re.IGNORECASE)
            return "_".join(piece for part in pieces if (piece := part.strip(" _-"))), ""
    return ("" if LESSON.fullmatch(plain) else plain.strip(" _-")), ""


def _stem(name: str) -> str:
    for suffix in (*archives.SUFFIXES, ".ipynb.txt", ".ipynb.json", ".ipynb.download"):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)] or name
    return PurePosixPath(name).stem


def _is_archive(name: str) -> bool:
    return name.lower().endswith(archives.SUFFIXES)


def _may_hold_notebook(name: str) -> bool:
    return bool(NOTEBOOK.match(name)) or _is_archive(name)


def _without_junk(leaves: Iterable[_Leaf]) -> list[_Leaf]:
    """What may be somebody's work; a folder only if nothing else is in it."""
    kept: list[_Leaf] = []
    folders: dict[tuple[str, ...], _Leaf] = {}
    for leaf in leaves:
        junk = [
            number
            for number, part in enumerate(leaf.parts)
            if part in SKIPPED or part.startswith("._")
        ]
        if not junk and leaf.file is not None and BOOKKEEPING.fullmatch(leaf.parts[-1]):
            junk = [len(leaf.parts) - 1]
        if junk:
            around = leaf.parts[: junk[0]]
            folders.setdefault(around, _Leaf(around, None, "holds no work", leaf.depth))
        elif leaf.file is None:
            folders.setdefault(leaf.parts, leaf)
        else:
            kept.append(leaf)
    above = {leaf.parts[:n] for leaf in kept for n in range(len(leaf.parts))}
    above |= {parts[:n] for parts in folders for n in range(len(parts))}
    return kept + [leaf for parts, leaf in folders.items() if parts not in above and parts]


# --- one student ------------------------------------------------------------------------------


def _submission(student: str, leaves: Iterable[_Leaf], lesson: str) -> Submission:
    """What a student handed in, archives and all, with the best candidate first."""
    unpacked = list(_unpacked(leaves))
    courses = {course for leaf in unpacked for course in _courses(leaf.parts)}
    submission = Submission(student or "(no name)")
    others: list[str] = []
    damaged: list[str] = []
    for leaf in unpacked:
        if any(leaf.parts[: len(c)] == c and leaf.parts[len(c)] in OURS for c in courses):
            others.append(f"{leaf.name} is the course's own")
        elif leaf.is_notebook and leaf.file is not None:
            submission.files.append(leaf.file)
        elif leaf.file is None or not _is_archive(leaf.name):
            others.append(f"{leaf.name} {leaf.reason}")
        else:
            damaged.append(f"{leaf.name} {leaf.reason}")
    if not submission.files:
        submission.problem = damaged.pop(0) if damaged else ""
    for words in damaged:
        submission._note(words)
    if not submission.files:
        for words in others[:3]:
            submission._note(words)
        if len(others) > 3:
            submission._note(f"and {len(others) - 3} more files that are no notebooks")
    submission.sort(lesson)
    return submission


def _courses(parts: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The folders above a file that hold the whole course, as this file shows."""
    if parts[-1] == "make.py":
        yield parts[:-1]
    if "vos_lab" in parts[:-1] and parts[-1].endswith(".py"):
        yield parts[: parts.index("vos_lab")]


def _unpacked(leaves: Iterable[_Leaf]) -> Iterator[_Leaf]:
    """What one student handed in, with what is in the archives, as far as the budget goes."""
    waiting = list(leaves)[::-1]
    entries, unpacked = MAX_ENTRIES, MAX_UNPACKED
    while waiting:
        leaf = waiting.pop()
        if not leaf.is_archive:
            yield leaf
            continue
        assert leaf.file is not None
        reason = ""
        if leaf.depth >= MAX_DEPTH:
            reason = f"is not read: {MAX_DEPTH + 1} archives inside each other are too many"
        elif unpacked <= 0 or entries <= 0:
            reason = "is not read: so much is packed before it that it is not looked into"
        if reason:
            yield _Leaf(leaf.parts, leaf.file, reason, leaf.depth)
            continue
        unpacked -= leaf.file.size if leaf.depth else 0
        found = list(_look_into(leaf, leaf.folders, entries, max(unpacked, 1)))
        entries -= len(found)
        waiting += _without_junk(found)[::-1]


# --- folders and archives ---------------------------------------------------------------------


def _look_into(
    outer: _Leaf, inside: tuple[str, ...], most: int = MAX_LISTED, most_bytes: int = MAX_UNPACKED
) -> Iterator[_Leaf]:
    """What is in an archive; archives in it are not looked into."""
    assert outer.file is not None
    empty = True
    try:
        with _open(outer.file.source) as stream:
            for entry in archives.listing(stream, most, most_bytes):
                empty = False
                parts = tuple(map(printable, entry.parts)) or ("(no name)",)
                if entry.name.endswith("/"):
                    yield _Leaf((*inside, *parts), None, "is empty", outer.depth + 1)
                    continue
                source = (*outer.file.source, entry.number)
                too_large = f"is larger than {MAX_FILE >> 20} MB; clear the outputs"
                problem = entry.problem or (too_large if entry.size > MAX_FILE else "")
                file = File("/".join((*inside, *parts)), entry.size, source, problem)
                yield _leaf(file, (*inside, *parts), outer.depth + 1)
        if empty:
            yield _Leaf(outer.parts, outer.file, "is empty", outer.depth)
    except Exception as error:  # whatever it is, it belongs to this archive and nobody else
        yield _Leaf(outer.parts, outer.file, f"cannot be read: {_reason(error)}", outer.depth)


def _in_folder(path: Path) -> Iterator[_Leaf]:
    root = os.path.realpath(path)
    waiting: list[tuple[str, tuple[str, ...]]] = [(root, ())]
    while waiting:
        folder, parts = waiting.pop()
        try:
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            yield _Leaf(parts, reason=f"cannot be opened ({_reason(error)})")
            continue
        if not entries and parts:
            yield _Leaf(parts, reason="is empty")
        deeper = []
        for entry in entries:
            inside = (*parts, printable(entry.name))
            if entry.is_dir(follow_symlinks=False):
                if entry.name in SKIPPED:
                    yield _Leaf(inside)
                else:
                    deeper.append((entry.path, inside))
                continue
            yield _leaf_on_disk(Path(entry.path), inside, root)
        waiting += deeper[::-1]


def _leaf_on_disk(path: Path, parts: tuple[str, ...], root: str = "") -> _Leaf:
    """A file of a folder, or a link, or what else there may be."""
    name, refused, size = "/".join(parts), "", 0
    try:
        if path.is_symlink() and root and not _within(os.path.realpath(path), root):
            refused = "is a link that leads out of the folder"
        elif not path.is_file():
            refused = "is a link that leads nowhere" if path.is_symlink() else "is not a file"
        else:
            size = path.stat().st_size
    except (OSError, RuntimeError) as error:
        refused = f"cannot be looked at ({_reason(error)})"
    return _leaf(File(name, size, (str(path),), refused), parts, 0)


def _within(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _leaf(file: File, parts: tuple[str, ...], depth: int) -> _Leaf:
    reason = file.refused
    if not reason and not _may_hold_notebook(parts[-1]):
        foreign = parts[-1].lower().endswith(archives.FOREIGN)
        reason = (
            "is packed in a way that is not read; ask for a zip"
            if foreign
            else ("is not a notebook")
        )
    return _Leaf(parts, file, reason, depth)
