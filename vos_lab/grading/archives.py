"""Look into zips and tars that nobody vouches for: list what they hold, and read one file of it.

Nothing is unpacked to the disk. Whatever an archive holds, or says that it holds, the outcome is a
list, some bytes, or an :class:`ArchiveError` that says in words what is wrong: a damaged one makes
the libraries underneath raise nearly anything.
"""

import bz2
import contextlib
import gzip
import io
import lzma
import re
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, cast

SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
# Archives of programs that Python cannot read.
FOREIGN = (".rar", ".7z", ".gz", ".bz2", ".xz", ".zst", ".dmg", ".iso", ".cab", ".arj", ".lzh")
END_OF_ZIP = b"PK\x05\x06"
MAX_DIRECTORY = 64 << 20  # bytes of a zip's list of its files; each takes 46 bytes and its name
WORDS = {  # what the libraries say, for people
    zipfile.BadZipFile: "it is damaged",
    tarfile.TarError: "it is damaged",
    zlib.error: "it is damaged",
    lzma.LZMAError: "it is damaged",
    EOFError: "its end is missing",
    OSError: "it is damaged",
    NotImplementedError: "it is packed in a way that Python cannot unpack",
    MemoryError: "it needs more memory than there is",
}


class ArchiveError(ValueError):
    """An archive, or a file in one, cannot be read; says why."""


@dataclass(frozen=True)
class Entry:
    """A file in an archive.

    Attributes:
        number: its place in the archive, from 0.
        name: its path in the archive, as the archive says.
        size: bytes, as the archive says.
        problem: why it must not be read; empty if it may.
    """

    number: int
    name: str
    size: int
    problem: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """The path without what leads out of the archive."""
        return tuple(
            part
            for part in PurePosixPath(self.name).parts
            if part.strip("/") not in ("", ".", "..")
        )


def listing(stream: IO[bytes], most: int, most_bytes: int) -> Iterator[Entry]:
    """List the files and folders of an archive.

    Args:
        stream: the archive, a zip or a tar (packed with gzip, bzip2 or xz, or not), seekable.
        most: entries; more are an error.
        most_bytes: that a packed tar may have when it is unpacked, as it has no list of its files.

    Yields:
        An entry for each file or link; for a folder one whose name ends in ``/``.

    Raises:
        ArchiveError: it is no archive, is damaged, or holds too much.
    """
    with _opened(stream, most_bytes) as archive:
        number = 0
        for number, entry in enumerate(_entries(archive)):
            if number >= most:
                raise ArchiveError(f"it has more than {most} entries")
            yield entry


def read(stream: IO[bytes], number: int, most_bytes: int) -> bytes:
    """The bytes of one file of an archive.

    Args:
        stream: the archive.
        number: of the entry.
        most_bytes: more are an error, whatever the archive says of its size.

    Raises:
        ArchiveError: it cannot be read.
    """
    # What lies before a file in a packed tar has to be unpacked as well.
    with _opened(stream, 16 * most_bytes) as archive:
        if isinstance(archive, zipfile.ZipFile):
            entry = archive.infolist()[number]
            with archive.open(entry) as file:
                data = file.read(most_bytes + 1)
        else:
            member = next(m for n, m in enumerate(archive) if n == number)
            found = archive.extractfile(member)
            data = b"" if found is None else found.read(most_bytes + 1)
        if len(data) > most_bytes:
            raise ArchiveError(f"is larger than {most_bytes >> 20} MB")
        return data


@contextlib.contextmanager
def _opened(stream: IO[bytes], most_bytes: int) -> Iterator[zipfile.ZipFile | tarfile.TarFile]:
    """An archive that is open; every exception that is raised meanwhile becomes ours."""
    try:
        with contextlib.ExitStack() as stack:
            if zipfile.is_zipfile(stream):
                _refuse_endless_directory(stream)
                yield stack.enter_context(zipfile.ZipFile(stream))
                return
            stream.seek(0)
            unpacked = stack.enter_context(_Bounded(_unpacked(stream), most_bytes))
            try:
                archive = tarfile.open(fileobj=unpacked, mode="r:")  # noqa: SIM115 (entered below)
            except tarfile.ReadError as error:
                words = "it is damaged, or neither a zip nor a tar"
                raise ArchiveError(f"{words} ({error})") from None
            yield stack.enter_context(archive)
    except ArchiveError:
        raise
    except Exception as error:
        raise ArchiveError(_in_words(error)) from None


def _in_words(error: Exception) -> str:
    words = next((w for kind, w in WORDS.items() if isinstance(error, kind)), "it is damaged")
    said = re.sub(r"\s+", " ", str(error)).strip()
    return f"{words} ({type(error).__name__}{': ' + said[:120] if said else ''})"


def _refuse_endless_directory(stream: IO[bytes]) -> None:
    """Python reads the list of a zip whole: see how long it is before it does."""
    stream.seek(0, io.SEEK_END)
    stream.seek(max(0, stream.tell() - (1 << 16) - 22 - 76))
    tail = stream.read()
    end = tail.rfind(END_OF_ZIP)
    size = int.from_bytes(tail[end + 12 : end + 16], "little")
    large = tail.rfind(b"PK\x06\x06")  # of more than 65,535 files or 4 GB
    if large >= 0:
        size = max(size % 0xFFFFFFFF, int.from_bytes(tail[large + 40 : large + 48], "little"))
    if size > MAX_DIRECTORY:
        raise ArchiveError(f"its list of files is longer than {MAX_DIRECTORY >> 20} MB")


def _unpacked(stream: IO[bytes]) -> IO[bytes]:
    start = stream.read(6)
    stream.seek(0)
    if start[:2] == b"\x1f\x8b":
        return cast(IO[bytes], gzip.GzipFile(fileobj=stream))
    if start[:3] == b"BZh":
        return bz2.BZ2File(stream)
    if start == b"\xfd7zXZ\0":
        return lzma.LZMAFile(stream)
    return stream


class _Bounded(io.RawIOBase):
    """A stream that refuses to be read any further than some bytes from its start."""

    def __init__(self, inner: IO[bytes], most: int) -> None:
        self.inner, self.most = inner, most

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.inner.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._refuse(offset if whence == io.SEEK_SET else self.tell() + offset)
        return self.inner.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        left = self.most - self.tell()
        if size < 0 or size > left:
            data = self.inner.read(max(0, left) + 1)
            self._refuse(self.tell())
            return data
        return self.inner.read(size)

    def _refuse(self, place: int) -> None:
        if place > self.most:
            raise ArchiveError(f"it is larger than {self.most >> 20} MB when it is unpacked")


def _entries(archive: zipfile.ZipFile | tarfile.TarFile) -> Iterator[Entry]:
    if isinstance(archive, zipfile.ZipFile):
        for number, info in enumerate(archive.infolist()):
            name = _name(info)
            if info.is_dir() and not name.endswith("/"):
                name += "/"
            yield Entry(number, name, info.file_size, _problem_of_zipped(info, name))
        return
    for number, member in enumerate(archive):
        name = unicodedata.normalize("NFC", member.name) + ("/" if member.isdir() else "")
        problem = _leads_out(name)
        if member.issym() or member.islnk():
            problem = problem or "is a link"
        elif not (member.isfile() or member.isdir()):
            problem = problem or "is not a file"
        yield Entry(number, name, member.size, problem)
    # Python takes a damaged header for the end.
    members = archive.getmembers()
    end = max((m.offset_data + -(-m.size // 512) * 512 * m.isfile() for m in members), default=0)
    archive.fileobj.seek(end)
    if archive.fileobj.read(512).strip(b"\0") or not members:
        raise ArchiveError("it is damaged; some of its files cannot be found")


def _name(info: zipfile.ZipInfo) -> str:
    """The name of an entry; many programs write UTF-8 without saying so."""
    name = info.filename
    if not info.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _problem_of_zipped(info: zipfile.ZipInfo, name: str) -> str:
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a link"
    if info.flag_bits & 0x1:
        return "is locked with a password"
    return _leads_out(name)


def _leads_out(name: str) -> str:
    out = ".." in PurePosixPath(name).parts or name.startswith("/") or name[1:2] == ":"
    return "its path leads out of the archive" if out else ""
