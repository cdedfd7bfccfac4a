"""How long it takes, and how much memory, to open long videos and to read frames of them.

    python benchmarks/reading.py [--frames 10000] [--folder 1000]

Made here, in a folder that is removed: a folder of frames of 1920 x 1080, and films of one size
that are 1, 2, 4 ... times as long. What must not grow with the length is the time of one frame that
is asked for at random: decoding goes on from the key frame before it, not from the beginning.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import av
import cv2
import numpy as np

from vos_lab.video import Video


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=10_000, help="of the longest film")
    parser.add_argument("--folder", type=int, default=1000, help="frames of the folder")
    parser.add_argument("--asked", type=int, default=40, help="frames that are asked for")
    parser.add_argument("--suffix", default="mp4", help="of the films: mp4, mkv, avi")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print("                             open   a frame   in order  backwards     memory")
        report(f"folder of {asked.folder}, 1080p", images(Path(folder), asked.folder), asked.asked)
        length = asked.frames // 8
        while length <= asked.frames:
            path = film(Path(folder) / f"{length}.{asked.suffix}", length)
            report(f"{asked.suffix} of {length}, 640 x 360", path, asked.asked)
            length *= 2


def report(name: str, path: Path, count: int) -> None:
    """One line: seconds to open, milliseconds for a frame in three orders, MB more in memory."""
    before = memory()
    start = time.perf_counter()
    video = Video.read(path)
    _ = video.size
    opened = time.perf_counter() - start
    rng = np.random.default_rng(0)
    middle = len(video) // 2
    orders = (
        rng.permutation(len(video))[:count].tolist(),
        range(middle, middle + count),
        range(middle, middle - count, -1),
    )
    times = []
    for order in orders:
        _ = video.frames[order[0]]
        start = time.perf_counter()
        for t in order:
            _ = video.frames[t]
        times.append((time.perf_counter() - start) / count)
    shown = "".join(f"{1000 * each:8.1f}ms" for each in times)
    print(f"{name:25}{opened:7.2f}s{shown}{memory() - before:8.0f} MB", flush=True)


def memory() -> float:
    """The most memory that this process has had, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def scene(t: int, height: int, width: int) -> np.ndarray:
    """A square that moves over a smooth floor."""
    frame = np.empty((height, width, 3), np.uint8)
    frame[:] = np.linspace(40, 200, width, dtype=np.uint8)[:, None]
    left = t * 3 % (width - 80)
    frame[60:140, left : left + 80] = (255, 40, t % 256)
    return frame


def images(folder: Path, count: int) -> Path:
    """A folder of JPEG frames."""
    (folder / "frames").mkdir()
    files = [cv2.imencode(".jpg", scene(t, 1080, 1920))[1].tobytes() for t in range(20)]
    for t in range(count):
        (folder / f"frames/{t:05d}.jpg").write_bytes(files[t % len(files)])
    return folder / "frames"


def film(path: Path, count: int) -> Path:
    """A video file in H.264, with a key frame at least every 250 frames, as is usual."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("h264", rate=30)
        stream.height, stream.width, stream.pix_fmt = 360, 640, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "28"}
        for t in range(count):
            frame = av.VideoFrame.from_ndarray(scene(t, 360, 640), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


if __name__ == "__main__":
    main()
