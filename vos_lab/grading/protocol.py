"""The protocol between grader and worker: numbered messages over a pipe, with a deadline.

The two take turns: each message of the grader has the next number, and the reply of the worker
carries it. So a reply that comes twice, as from an answer that forks and returns in both processes,
is passed over and shifts nothing.

The grader trusts nothing that comes back. What it reads of one message is bounded: in bytes by the
caller (the ``result`` of the limits); in the JSON of it by MAX_JSON, MAX_MARKS and MAX_NAMES;
in values, depth, keys of a dict and their size by the other constants of
:mod:`vos_lab.exercises.encoding`; and in time by the deadline, at which reading, writing and
decoding stop. Between two looks at the clock lies the parsing of the JSON, which takes less than a
second for the largest and worst that is accepted.
"""

import os
import select
import time
from collections.abc import Sequence
from typing import Any

from vos_lab.exercises.encoding import EncodingError, pack, unpack

MAX_STALE = 1000  # replies with an older number that are passed over, while one is waited for
PIECE = 1 << 20  # bytes that are read or written at once
POLLS = hasattr(select, "poll")  # not on Windows, where another has to break the pipe in time


class DeadlineError(EOFError):
    """The deadline is over; whatever the other side says now is not heard."""


class Channel:
    """One end of the pipe.

    Args:
        reading: file descriptor of what the other side says.
        writing: file descriptor of what it hears; may be the same.
        trusted: the other side is the grader, so this is the worker: messages are taken whatever
            their size, and replies carry the number of the last one.

    Attributes:
        deadline: by :func:`time.monotonic`; None for none.
        late: whether it has passed while something was to be read or written.
        heard: how many bytes were read.
    """

    def __init__(self, reading: int, writing: int, trusted: bool = False) -> None:
        self.reading, self.writing = reading, writing
        self.trusted = trusted
        self.deadline: float | None = None
        self.late = False
        self.heard = 0
        self.number = 0
        self._process = os.getpid()
        if POLLS:
            for handle in (reading, writing):
                os.set_blocking(handle, trusted)

    def send(self, tree: Any, parts: Sequence[bytes] = ()) -> None:
        """Write one message.

        Args:
            tree: JSON.
            parts: arrays as npy.

        Raises:
            DeadlineError: the deadline is over.
            OSError: the other side is gone.
        """
        if self._process != os.getpid():
            os._exit(0)  # a copy that an answer made of us has no word in this
        if not self.trusted:
            self.number += 1
        for piece in pack([self.number, tree], parts):
            view = memoryview(piece)
            while view:
                self.in_time()
                try:
                    view = view[os.write(self.writing, view[:PIECE]) :]
                except BlockingIOError:
                    self._wait(self.writing, select.POLLOUT)

    def receive(self, most: int | None = None) -> tuple[Any, list[bytes]]:
        """Read one message: of a worker, the reply to the last one that was sent to it.

        Args:
            most: bytes that it may have; needed for what a worker says.

        Returns:
            Its JSON, and its arrays as npy.

        Raises:
            EncodingError: it is larger than it may be, or no message, or not that reply.
            DeadlineError: the deadline is over.
            EOFError: the other side is gone.
        """
        for _ in range(MAX_STALE):
            found, parts = unpack(self.read, most)
            if not isinstance(found, list) or len(found) != 2 or type(found[0]) is not int:
                raise EncodingError("something other than a message came")
            number, tree = found
            if self.trusted:
                self.number = number
            if number == self.number:
                return tree, parts
            if number > self.number:
                raise EncodingError("a reply came before it was asked for")
        raise EncodingError("replies came without end that were not asked for")

    def read(self, count: int) -> bytes:
        """Exactly so many bytes.

        Raises:
            DeadlineError: the deadline is over.
            EOFError: the other side is gone.
        """
        data = bytearray()
        while len(data) < count:
            self.in_time()
            try:
                piece = os.read(self.reading, min(count - len(data), PIECE))
            except BlockingIOError:
                self._wait(self.reading, select.POLLIN)
                continue
            except ConnectionError:
                piece = b""
            if not piece:
                raise EOFError("the other side is gone")
            data += piece
        self.heard += count
        return bytes(data)

    def in_time(self) -> None:
        """Raise :class:`DeadlineError` if the deadline is over."""
        if self.deadline is not None and time.monotonic() > self.deadline:
            self.late = True
            raise DeadlineError("the time is over")

    def close(self) -> None:
        """Close both directions."""
        for handle in {self.reading, self.writing}:
            os.close(handle)

    def _wait(self, handle: int, event: int) -> None:
        """Wait until something can be read or written, or the deadline is over."""
        poll = select.poll()
        poll.register(handle, event)
        left = None if self.deadline is None else self.deadline - time.monotonic()
        poll.poll(None if left is None else max(0.0, left) * 1000 + 1)
