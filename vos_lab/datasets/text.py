"""Text files as people's programs write them: with a byte-order mark, or in UTF-16 (Windows)."""

import codecs
from pathlib import Path

MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def marked_encoding(data: bytes) -> str | None:
    """The encoding that a file's byte-order mark stands for; None where there is no mark."""
    return next((encoding for mark, encoding in MARKS.items() if data.startswith(mark)), None)


def read_utf8(path: Path) -> bytes:
    """What is in a text file, without its byte-order mark, and in UTF-8 where that says UTF-16.

    Nobody sees a mark, and so it must make no difference to what a file says.

    Args:
        path: the file.

    Returns:
        Its bytes; those of a file without a mark as they are.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, so that it cannot be decoded.
    """
    data = path.read_bytes()
    encoding = marked_encoding(data)
    if encoding is None:
        return data
    try:
        return data.decode(encoding).encode("utf-8")
    except UnicodeError as error:
        raise ValueError(f"{path}: cannot be read as text ({error})") from None


def read_text(path: Path) -> str:
    """A text file as a string; bytes that are not UTF-8 become a question mark.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: as in ``read_utf8``.
    """
    return read_utf8(path).decode("utf-8", "replace")
