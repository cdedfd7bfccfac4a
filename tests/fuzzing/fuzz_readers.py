"""Every reader of files from the world, with a whole file of each kind that it reads."""

import json
import shutil
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import safetensors.numpy
from PIL import Image

from vos_lab import weights
from vos_lab.authoring.notebooks import RawNotebook, read_notebook
from vos_lab.datasets import download, text
from vos_lab.datasets.davis import DAVIS
from vos_lab.datasets.detections_txt import read_detections
from vos_lab.datasets.mots import (
    MotsObject,
    MotsSequence,
    read_ids,
    read_mots_png,
    read_mots_txt,
    write_mots_png,
    write_mots_txt,
)
from vos_lab.datasets.mots_folders import MOTS, frame_numbers, read_seqmap, read_sequence
from vos_lab.datasets.mots_lines import read_lines
from vos_lab.datasets.run_lengths import rle_encode, rle_to_string
from vos_lab.datasets.youtube_vos import YouTubeVOS
from vos_lab.exercises.encoding import read_npy
from vos_lab.flow.files import read_flow, write_flow
from vos_lab.metrics.folders import evaluate_folders
from vos_lab.metrics.mots.folders import evaluate_mots_folders
from vos_lab.video import PALETTE, Video, read_mask, write_mask
from vos_lab.video.pictures import read_picture

SIZE = (16, 24)
FRAMES = 5


@dataclass(frozen=True)
class Reader:
    """A reader with one kind of file.

    Attributes:
        reader: its name in ``vos_lab``.
        kind: of the file.
        make: writes a whole file, and what belongs to it, into a folder; returns the file.
        read: reads it, all of it.
        is_right: whether a value that differs from that of the whole file is well-formed. None for
            formats with checksums: there no other value may come.
    """

    reader: str
    kind: str
    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    is_right: Callable[[Any], bool] | None


def labels(t: int = 0) -> np.ndarray:
    mask = np.zeros(SIZE, np.uint8)
    mask[3:9, 2 + t : 9 + t] = 1
    mask[10:14, 12:20] = 2
    return mask


def picture(t: int = 0) -> np.ndarray:
    noise = np.random.default_rng(t).integers(0, 40, (*SIZE, 3), np.uint8)
    noise[labels(t) == 1] = (250, 80, 20)
    return noise


# --- files ------------------------------------------------------------------------------------


def png(mode: str, **options: Any) -> Callable[[Path], Path]:
    """A mask or picture as PNG."""

    def make(folder: Path) -> Path:
        path = folder / "00000.png"
        if mode == "P":
            image = Image.fromarray(labels())
            image.putpalette(PALETTE.tobytes()[: 3 << options.get("bits", 8)])
        elif mode == "I;16":
            image = Image.fromarray(labels().astype(np.uint16) * 1001)
        elif mode == "RGB":
            image = Image.fromarray(picture())
        else:
            image = Image.fromarray(np.where(labels() == 1, 255, 0).astype(np.uint8)).convert(mode)
        image.save(path, **options)
        return path

    return make


def frame_as(suffix: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / f"00000.{suffix}"
        Image.fromarray(picture()).save(path)
        return path

    return make


def flow_as(suffix: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        flow = np.random.default_rng(0).normal(0, 3, (*SIZE, 2)).astype(np.float32)
        write_flow(folder / f"flow.{suffix}", flow)
        return folder / f"flow.{suffix}"

    return make


def video_as(name: str, codec: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        with av.open(str(folder / name), "w") as container:
            stream = container.add_stream(codec, rate=25)
            stream.height, stream.width = 32, 48
            stream.pix_fmt = {"mjpeg": "yuvj420p", "gif": "rgb8"}.get(codec, "yuv420p")
            for t in range(FRAMES):
                frame = cv2.resize(picture(t), (48, 32))
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())
        return folder / name

    return make


def lines(name: str, *parts: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*parts, ""]), encoding="utf-8")
        return path

    return make


def objects() -> MotsSequence:
    return MotsSequence.of(
        "0002",
        [[MotsObject.of(1000 * i + 1, i, labels(t) == i) for i in (1, 2)] for t in range(FRAMES)],
    )


def mots_txt(folder: Path) -> Path:
    write_mots_txt(folder / "0002.txt", objects())
    return folder / "0002.txt"


def mots_png(folder: Path) -> Path:
    write_mots_png(folder / "0002", objects())
    return folder / "0002/000002.png"


def detections(folder: Path) -> Path:
    found = []
    for t in range(FRAMES):
        rle = rle_to_string(rle_encode(labels(t) == 1))
        found.append(f"{t} 1 2 3 4 0.9 1 {SIZE[0]} {SIZE[1]} {rle} 0.25 -0.5")
    return lines("0002.txt", *found)(folder)


def masks(folder: Path) -> Path:
    for t in range(FRAMES):
        for kind in ("truth", "mine"):
            write_mask(folder / kind / f"{t:05d}.png", labels(t))
    return folder / "mine/00002.png"


def mots_folders(folder: Path) -> Path:
    for kind in ("truth", "mine"):
        write_mots_txt(folder / kind / "0002.txt", objects())
    return folder / "mine/0002.txt"


def davis(year: int, damaged: str) -> Callable[[Path], Path]:
    """A data set of one sequence; ``damaged`` is the file to damage."""

    def make(folder: Path) -> Path:
        root = folder / f"davis{year}"
        for t in range(2):
            for kind, ending in (("JPEGImages", "jpg"), ("Annotations", "png")):
                (root / kind / "480p/bear").mkdir(parents=True, exist_ok=True)
                path = root / kind / "480p/bear" / f"{t:05d}.{ending}"
                if ending == "jpg":
                    Image.fromarray(picture(t)).save(path)
                else:
                    write_mask(path, labels(t))
        listed = [f"/JPEGImages/480p/bear/{t:05d}.jpg /Annotations/480p/bear/{t:05d}.png"
                  for t in range(2)]  # fmt: skip
        name = "ImageSets/2017/val.txt" if year == 2017 else "ImageSets/480p/val.txt"
        lines(name, *(["bear"] if year == 2017 else listed))(root)
        return root / (damaged or name)

    return make


def youtube(folder: Path) -> Path:
    root = folder / "youtube-vos/valid"
    for kind in ("JPEGImages", "Annotations"):
        (root / kind / "a1").mkdir(parents=True)
    Image.fromarray(picture()).save(root / "JPEGImages/a1/00000.jpg")
    write_mask(root / "Annotations/a1/00000.png", labels())
    thing = {str(i): {"category": "ape", "frames": ["00000"]} for i in (1, 2)}
    (root / "meta.json").write_text(json.dumps({"videos": {"a1": {"objects": thing}}}))
    return root / "meta.json"


def kitti(folder: Path) -> Path:
    images = folder / "kitti-mots/training/image_02/0002"
    images.mkdir(parents=True)
    for t in range(FRAMES):
        Image.fromarray(picture(t)).save(images / f"{t:06d}.png")
    write_mots_txt(folder / "kitti-mots/instances_txt/0002.txt", objects())
    return folder / "kitti-mots/instances_txt/0002.txt"


def seqinfo(folder: Path) -> Path:
    return lines("MOTS20-02/seqinfo.ini", "[Sequence]", "name=MOTS20-02", "seqLength=600")(folder)


def safetensors_file(folder: Path) -> Path:
    safetensors.numpy.save_file({"a": np.ones((3, 4), np.float32)}, folder / "mine.safetensors")
    (folder / "mine.json").write_text('{"steps": 5}')
    return folder / "mine.safetensors"


def card_file(folder: Path) -> Path:
    safetensors_file(folder)
    return folder / "mine.json"


def archive(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "set.zip.part", "w", zipfile.ZIP_DEFLATED) as zipped:
        for t in range(2):
            zipped.writestr(f"DAVIS/{t}.txt", labels(t).tobytes())
    return folder / "set.zip.part"


def npy(folder: Path) -> Path:
    np.save(folder / "a.npy", np.arange(12.0).reshape(3, 4))
    return folder / "a.npy"


def notebook(folder: Path) -> Path:
    cells = [{"cell_type": "code", "id": f"c{i}", "source": "x = 1"} for i in range(3)]
    (folder / "a.ipynb").write_text(json.dumps({"cells": cells, "metadata": {}}))
    return folder / "a.ipynb"


# --- readers ----------------------------------------------------------------------------------


def whole_video(path: Path) -> list[np.ndarray]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a stream does not say how long it is
        return list(Video.read(path))


def folder_of(path: Path) -> list[np.ndarray]:
    return list(Video.read(path.parent))


def of_dataset(dataset: Any) -> list[Any]:
    return [(video.name, list(video), list(video.masks or [])) for video in dataset]


def of_sequence(sequence: MotsSequence) -> tuple[Any, ...]:
    return len(sequence), sequence.area.tolist(), [list(frame) for frame in sequence.frames]


def of_lines(path: Path) -> list[Any]:
    characters, table, places = read_lines(path)
    return [table.tolist(), [characters[a:b] for a, b in places[:2].T.tolist()]]


def unpacked(path: Path) -> list[Any]:
    """What ``download.fetch`` makes of an archive that has come over the network."""
    target = path.parent / "set"
    shutil.rmtree(target, ignore_errors=True)
    url = f"http://localhost{path.with_suffix('')}"
    download._unpack(download.Archive(url, 1, "set", inner="DAVIS"), path, target)
    files = sorted(file for file in target.rglob("*") if file.is_file())
    return [(str(file.relative_to(target)), file.read_bytes()) for file in files]


def found_in(path: Path) -> list[Any]:
    frames = read_detections(path, range(FRAMES), SIZE)
    return [[(each.mask, each.score, each.category) for each in frame] for frame in frames]


# --- what is well-formed ----------------------------------------------------------------------


def is_mask(value: Any) -> bool:
    return value.dtype == np.uint8 and value.ndim == 2 and value.size > 0


def is_frame(value: Any) -> bool:
    return value.dtype == np.uint8 and value.ndim == 3 and value.shape[2] == 3 and value.size > 0


def is_video(value: Any) -> bool:
    return len(value) > 0 and all(map(is_frame, value)) and len({f.shape for f in value}) == 1


def is_flow(value: Any) -> bool:
    return value.dtype == np.float32 and value.ndim == 3 and value.shape[2] == 2 and value.size > 0


def is_sequence(value: Any) -> bool:
    length, areas, frames = value
    return length == len(frames) and all(area >= 0 for area in areas)


def is_detected(value: Any) -> bool:
    return len(value) == FRAMES and all(
        0 <= score <= 1 and mask.shape == SIZE for frame in value for mask, score, _ in frame
    )


def is_dataset(value: Any) -> bool:
    return all(name and is_video(frames) and map(is_mask, masks) for name, frames, masks in value)


def is_anything(value: Any) -> bool:
    return value is not None


def is_seqmap(value: Any) -> bool:
    return bool(value) and all(each is None or len(each) > 0 for each in value.values())


VIDEO, DATASETS, MOTS_ROOM = "video.video.Video.read", "datasets", "datasets.mots"
FLOW = "flow.files.read_flow"
MASK = "video.label_maps.read_mask"

READERS = [
    *(
        Reader(MASK, f"{mode} PNG {options or ''}", png(mode, **options), read_mask, None)
        for mode, options in (
            ("P", {}),
            ("P", {"bits": 4}),
            ("P", {"bits": 2}),
            ("L", {}),
            ("1", {}),
            ("RGBA", {}),
        )
    ),
    Reader(MASK, "BMP", lambda f: _grey(f, "0.bmp"), read_mask, is_mask),
    Reader(MASK, "TIFF", lambda f: _grey(f, "0.tif"), read_mask, is_mask),
    Reader(MASK, "GIF", lambda f: _grey(f, "0.gif"), read_mask, is_mask),
    Reader(
        MASK, "soft JPEG", lambda f: _grey(f, "0.jpg"), lambda p: read_mask(p, None, 0.5), is_mask
    ),
    Reader("video.pictures.read_picture", "PNG", png("RGB"), read_picture, None),
    Reader("video.pictures.read_picture", "JPEG", frame_as("jpg"), read_picture, is_frame),
    Reader("video.pictures.read_picture", "BMP", frame_as("bmp"), read_picture, is_frame),
    Reader("video.pictures.read_picture", "WebP", frame_as("webp"), read_picture, is_frame),
    Reader(VIDEO, "folder of PNG", png("RGB"), folder_of, None),
    *(
        Reader(VIDEO, f"{name} ({codec})", video_as(name, codec), whole_video, is_video)
        for name, codec in (
            ("a.mp4", "h264"),
            ("a.mkv", "h264"),
            ("a.webm", "libvpx-vp9"),
            ("a.avi", "mpeg4"),
            ("a.gif", "gif"),
            ("a.ts", "mpeg2video"),
        )
    ),
    Reader(FLOW, ".flo", flow_as("flo"), read_flow, is_flow),
    Reader(FLOW, "KITTI", flow_as("png"), read_flow, None),
    Reader(FLOW, ".pfm", flow_as("pfm"), read_flow, is_flow),
    Reader(
        f"{MOTS_ROOM}.read_mots_txt",
        "txt",
        mots_txt,
        lambda p: of_sequence(read_mots_txt(p)),
        is_sequence,
    ),
    Reader(f"{MOTS_ROOM}_lines.read_lines", "txt", mots_txt, of_lines, is_anything),
    Reader(
        f"{MOTS_ROOM}.read_mots_png",
        "PNG",
        mots_png,
        lambda p: of_sequence(read_mots_png(p.parent)),
        None,
    ),
    Reader(f"{MOTS_ROOM}.read_ids", "PNG", png("I;16"), read_ids, None),
    Reader(
        f"{MOTS_ROOM}_folders.read_sequence",
        "txt",
        mots_txt,
        lambda p: of_sequence(read_sequence(p)),
        is_sequence,
    ),
    Reader(
        f"{MOTS_ROOM}_folders.read_seqmap",
        "seqmap",
        lines("val.seqmap", "0002 empty 000000 000232", "0006 empty 000000 000269"),
        read_seqmap,
        is_seqmap,
    ),
    Reader(
        f"{MOTS_ROOM}_folders.frame_numbers",
        "seqinfo.ini",
        seqinfo,
        lambda p: frame_numbers(p.parent / "gt/gt.txt"),
        is_anything,
    ),
    Reader(
        f"{DATASETS}.detections_txt.read_detections",
        "txt",
        detections,
        found_in,
        is_detected,
    ),
    Reader(
        f"{DATASETS}.text.read_text", "UTF-8", lines("a.txt", "Bär"), text.read_text, is_anything
    ),
    Reader(
        f"{DATASETS}.text.read_utf8", "UTF-8", lines("a.txt", "Bär"), text.read_utf8, is_anything
    ),
    Reader(
        f"{DATASETS}.davis.DAVIS",
        "list of sequences",
        davis(2017, ""),
        lambda p: of_dataset(DAVIS(p.parents[3])),
        is_dataset,
    ),
    Reader(
        f"{DATASETS}.davis.DAVIS",
        "list of frames",
        davis(2016, ""),
        lambda p: of_dataset(DAVIS(p.parents[3], year=2016)),
        is_dataset,
    ),
    Reader(
        f"{DATASETS}.davis.DAVIS",
        "annotation",
        davis(2017, "Annotations/480p/bear/00001.png"),
        lambda p: of_dataset(DAVIS(p.parents[4])),
        None,
    ),
    Reader(
        f"{DATASETS}.youtube_vos.YouTubeVOS",
        "meta.json",
        youtube,
        lambda p: of_dataset(YouTubeVOS(p.parents[2])),
        is_dataset,
    ),
    Reader(
        f"{MOTS_ROOM}_folders.MOTS",
        "txt",
        kitti,
        lambda p: of_dataset(MOTS(p.parents[2], split="val", partial=True)),
        is_dataset,
    ),
    # A CRC guards what a file holds, but not its name, nor whether it is there.
    Reader(f"{DATASETS}.download.fetch", "zip", archive, unpacked, bool),
    Reader(
        "metrics.folders.evaluate_folders",
        "PNG",
        masks,
        lambda p: evaluate_folders(p.parents[1] / "truth", p.parent, processes=1, progress=False),
        None,
    ),
    Reader(
        "metrics.mots.folders.evaluate_mots_folders",
        "txt",
        mots_folders,
        lambda p: evaluate_mots_folders(p.parents[1] / "truth", p.parent, progress=False),
        is_anything,
    ),
    Reader(
        "weights.load",
        "safetensors",
        safetensors_file,
        lambda p: {k: v.numpy() for k, v in weights.load("mine", p.parent).items()},
        is_anything,
    ),
    Reader(
        "weights.card", "JSON", card_file, lambda p: weights.card("mine", p.parent), is_anything
    ),
    Reader(
        "exercises.encoding.read_npy",
        "npy",
        npy,
        lambda p: read_npy(p.read_bytes()),
        lambda value: isinstance(value, np.ndarray),
    ),
    Reader(
        "authoring.notebooks.read_notebook",
        "notebook",
        notebook,
        lambda p: read_notebook(p.read_bytes()),
        lambda value: isinstance(value, RawNotebook),
    ),
]

OF_BYTES = ("exercises.encoding.read_npy", "authoring.notebooks.read_notebook")
"""They know no file; who calls them names it."""

OURS = {
    "authoring.lessons.read_lesson": "a lesson of ours",
    "authoring.build.read_lessons": "lessons of ours",
    "exercises.quiz.read_quiz": "a quiz of ours",
    "exercises.recorded.read_checks": "checks of ours",
    "bench.load": "reads by DAVIS",
    "methods.reid.load_reid": "reads by weights.load",
    "methods.osvos_s.load_classes": "reads by weights.load",
    "training.recipes.space_time_memory.read_losses": "a loss of what was read from a memory",
    "weights.load_into": "reads by weights.load",
    "grading.archives.read": "a stream, not a file; tests/grading damages archives",
    "grading.reports.read": "a page that the grader itself has written",
}
"""What is called like a reader, but reads no file from the world by itself; and why."""


def _grey(folder: Path, name: str) -> Path:
    Image.fromarray(np.where(labels() == 1, 255, 0).astype(np.uint8)).save(folder / name)
    return folder / name


def fresh(reader: Reader, folder: Path) -> Path:
    """A whole file in an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return reader.make(folder)


def same(first: Any, second: Any) -> bool:
    """Whether two values are equal, arrays included."""
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return (
            isinstance(first, np.ndarray)
            and isinstance(second, np.ndarray)
            and first.dtype == second.dtype
            and np.array_equal(first, second, equal_nan=first.dtype.kind == "f")
        )
    if isinstance(first, dict) and isinstance(second, dict):
        return list(first) == list(second) and all(same(first[k], second[k]) for k in first)
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)
