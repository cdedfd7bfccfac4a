"""Exact access to the frames of a video file by number."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer

from vos_lab.video.containers import is_whole


def local_name(path: Path) -> str:
    """The name of a file as FFmpeg takes it for nothing but that.

    In a relative name, FFmpeg takes what is before a colon for a protocol.
    """
    return str(path.absolute())


def _open(path: Path) -> InputContainer:
    try:
        # Titles are in any encoding, and nobody asks for them here.
        return av.open(local_name(path), metadata_errors="replace")
    except TypeError:  # a PyAV without this option, which leaves titles alone
        return av.open(local_name(path))


class Decoder:
    """Exact access to the frames of a video file by number.

    In MP4, Matroska and GIF each packet states the time of its frame, so the packets are listed
    once, without decoding, and a frame is reached by seeking to the key frame before it, or by
    decoding on from the last one. Elsewhere (AVI, MPEG) those times are guesses, and so frames are
    counted from the beginning.

    Args:
        path: the file.

    Raises:
        ValueError: it cannot be decoded, holds no frame, or is cut off.
    """

    TIMED = ("mov", "matroska", "gif")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number_of: dict[int, int] = {}  # time stamp -> number; empty where we count
        self.shape: tuple[int, ...] | None = None  # of the first frame, once it is known
        try:
            self._open()
            times = self._times()
            if times:
                self.number_of = {time: t for t, time in enumerate(times)}
                self.times, self.length = times, len(times)
            else:
                self._open()
                self.length = sum(1 for _ in self.decoded)
            self._open()
        except (av.FFmpegError, IndexError) as error:
            if is_whole(path) is False:
                raise self._cut_off() from None
            reason = getattr(error, "strerror", None) or "it has no picture"
            raise ValueError(
                f"{path}: cannot be decoded as a video ({reason}). If it plays elsewhere, convert "
                "it to mp4 (H.264)."
            ) from None
        if not self.length:
            raise ValueError(f"{path}: holds no video frame")
        self.fps = float(self.stream.average_rate or 24)
        self._check_end()

    def _open(self) -> None:
        self.container = _open(self.path)
        self.stream = self.container.streams.video[0]
        self.decoded: Iterator[av.VideoFrame] = self.container.decode(self.stream)
        self.at = -1  # number of the last decoded frame
        self.last: np.ndarray | None = None

    def _times(self) -> list[int]:
        """The time stamps of all frames, in order; none where they have to be counted."""
        if self.container.format.name.split(",")[0] not in self.TIMED:
            return []
        times: set[int] = set()
        for packet in self.container.demux():  # sound too, as the cut may fall into it
            if packet.is_corrupt:
                raise self._cut_off()
            # An editor's cut leaves packets that are decoded but not shown. The last is empty.
            if packet.is_discard or packet.stream.index != self.stream.index or not packet.size:
                continue
            if packet.pts is None or packet.pts in times:
                return []
            times.add(packet.pts)
        return sorted(times)

    def _check_end(self) -> None:
        whole = is_whole(self.path)
        if whole is False and not self._lacks_index_alone():
            raise self._cut_off()
        one_picture = self.container.format.name.endswith(("_pipe", "image2"))
        if whole is not None or one_picture:
            return
        why = "A file of this kind does not say how many it should have"
        if self.container.format.name == "flv" and self.container.duration:
            due = round(self.container.duration / av.time_base * self.fps)
            if self.length + 2 >= 0.98 * due:  # its sound may be a little longer
                return
            why = f"It says that it has about {due}"
        warnings.warn(
            f"{self.path}: {self.length} frames were read. {why}, so look whether its end is "
            "there.",
            stacklevel=4,
        )

    def _lacks_index_alone(self) -> bool:
        """Whether it is an AVI with all its frames, in which only the index at the end is lost."""
        if self.container.format.name != "avi" or not 0 < self.stream.frames <= self.length:
            return False
        with _open(self.path) as again:
            return not any(packet.is_corrupt for packet in again.demux())

    def _cut_off(self) -> ValueError:
        return ValueError(f"{self.path}: is cut off. Copy or download it again.")

    def read(self, t: int) -> np.ndarray:
        """Frame t, ``(H, W, 3)`` uint8.

        Raises:
            ValueError: it cannot be decoded, or has another size than the first.
        """
        if self.shape is None:
            self.shape = self._read(0).shape
        frame = self._read(t)
        if frame.shape != self.shape:
            raise ValueError(
                f"{self.path}: frame {t} is {frame.shape[1]} x {frame.shape[0]} pixels, the first "
                f"{self.shape[1]} x {self.shape[0]}. A video has frames of one size; convert it, "
                "or cut it where the size changes."
            )
        return frame

    def _read(self, t: int) -> np.ndarray:
        if t == self.at and self.last is not None:
            return self.last.copy()
        # Decoding 24 frames is about as long as one seek to the key frame before.
        on = self.at < t and (t <= self.at + 24 or not self.number_of)
        problem = ""
        for start in ["here"] * on + ["key frame"] * bool(self.number_of) + ["beginning"]:
            try:
                if start == "key frame":
                    self.container.seek(self.times[t], stream=self.stream)
                    self.decoded, self.at = self.container.decode(self.stream), -1
                elif start == "beginning":
                    self._open()
                if self._decode_on(t) and self.last is not None:
                    return self.last.copy()
            except av.FFmpegError as error:
                problem = f" ({error})"
        raise ValueError(
            f"{self.path}: frame {t} of {self.length} cannot be decoded{problem}; is it truncated?"
        )

    def _decode_on(self, t: int) -> bool:
        for frame in self.decoded:
            self.last = None
            if self.number_of:
                if frame.pts not in self.number_of:
                    continue
                self.at = self.number_of[frame.pts]
            else:
                self.at += 1
            if self.at == t:
                image = frame.to_ndarray(format="rgb24")
                # Phones store portrait videos lying down, with a note to turn them.
                self.last = np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))
            if self.at >= t:
                break
        return self.at == t
