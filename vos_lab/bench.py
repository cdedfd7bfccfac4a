"""The leaderboard: methods times datasets, scored and timed.

Each method segments each video from its first mask alone. The masks are scored as the official
evaluators do, and kept as palette PNG where a folder is given; a run that was interrupted goes on
from there.
"""

import csv
import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich import box
from rich.table import Table
from tqdm.auto import tqdm

from vos_lab.course_files import DATA
from vos_lab.datasets.cues import CUES, cue_videos
from vos_lab.datasets.davis import DAVIS
from vos_lab.datasets.procedural import SUITES, suite
from vos_lab.methods import Segmenter, create, segment
from vos_lab.methods.segmenter import method_name
from vos_lab.metrics.temporal import temporal_instability
from vos_lab.metrics.videos import average, evaluate_video
from vos_lab.video import Video, read_mask, write_mask

SECONDS = ("seconds_start", "seconds_per_frame")
LEADERBOARD = DATA / "leaderboard"
"""What was measured, for the lessons: a file for each method."""
DATASETS = {"davis2016": 2016, "davis2017": 2017}


def bench(
    methods: Sequence[str],
    data: str,
    root: str | Path | None = None,
    sequences: Sequence[str] | None = None,
    out: str | Path | None = None,
    progress: bool = True,
) -> dict[str, dict[str, Any]]:
    """Run methods over a dataset, and score and time them.

    Args:
        methods: names of methods.
        data: "davis2016", "davis2017", or the name of a procedural suite or of a test bed of cues.
        root: folder of the real datasets; by default ``VOS_LAB_DATA``.
        sequences: names of the videos to take; by default all.
        out: where to keep the masks, in ``OUT/METHOD/SEQUENCE/``. What is there already, from
            the same data, is scored but not computed again. By default nothing is kept.
        progress: whether to show a bar.

    Returns:
        For each method ``overall`` and ``sequences``. Each holds J and F (mean, recall, decay),
        JF, T, ``seconds_start`` (until the method has taken up the first mask) and
        ``seconds_per_frame`` (of the frames after it): on the wall, or of the processor where
        that is less, as on a machine that is busy with other things.

    Raises:
        ValueError: there is no such method, dataset or sequence, or ``out`` holds masks of
            other data.
        FileNotFoundError: the dataset is not on this machine; says how to get it.

    Example:
        >>> result = bench(["baseline"], "easy", sequences=["easy-test-00"], progress=False)
        >>> sorted(result["baseline"]["sequences"]["easy-test-00"])[:3]
        ['F', 'J', 'JF']
    """
    # A name that is wrong is found before hours of computing.
    made = {method: create(method) for method in methods}
    proposals = {method: getattr(each, "proposals", False) for method, each in made.items()}
    videos = load(data, root, sequences)
    if out is None:
        with TemporaryDirectory() as nowhere:
            return bench(methods, data, root, sequences, nowhere, progress)
    results = {}
    for method in methods:
        folder = Path(out) / method
        scores = {}
        for video in tqdm(videos, desc=f"{method} on {data}", unit="video", disable=not progress):
            seconds = _segmented(method, video, folder / video.name, data)
            found = _scored(video, folder / video.name, proposals[method])
            scores[video.name] = found | seconds
        results[method] = {"overall": _overall(scores), "sequences": scores}
    return results


def load(
    data: str, root: str | Path | None = None, sequences: Sequence[str] | None = None
) -> list[Video]:
    """The videos that a name stands for.

    Args:
        data: "davis2016", "davis2017", or the name of a procedural suite or of a test bed of cues.
        root: folder of the real datasets.
        sequences: names of videos; by default all.

    Returns:
        The videos, of which no frame has been read.

    Raises:
        ValueError: there is no such dataset or sequence.
        FileNotFoundError: the dataset is not on this machine; says how to get it.
    """
    if data in DATASETS:
        # Who names sequences needs no others; a mean over all of them needs all.
        dataset = DAVIS(root, year=DATASETS[data], split="val", partial=bool(sequences))
        names = dataset.names
    elif data in SUITES:
        videos: dict[str, Video] = {video.name: video for video in suite(data)}
        names = list(videos)
    elif data in CUES:
        videos = {video.name: video for video in cue_videos(data)}
        names = list(videos)
    else:
        known = ", ".join([*DATASETS, *SUITES, *CUES])
        raise ValueError(f"there is no dataset {data!r}; there are: {known}")
    for name in sequences or []:
        if name not in names:
            raise ValueError(f"{data} has no sequence {name!r}; it has: {', '.join(names)}")
    chosen = [name for name in names if not sequences or name in sequences]
    return [dataset[name] if data in DATASETS else videos[name] for name in chosen]


class Timed:
    """A method with a stopwatch, which runs in the method only: not while frames are read.

    Attributes:
        name: of the method, for messages.
        clocks: of ``start``, then of each ``step``: seconds on the wall, and of the processor.
    """

    def __init__(self, segmenter: Segmenter) -> None:
        self.segmenter = segmenter
        self.name = method_name(segmenter)
        self.zero_shot = getattr(segmenter, "zero_shot", False)
        self.clocks: list[tuple[float, float]] = []

    def preview(self, frames: Sequence[np.ndarray]) -> None:
        """Let the method look at the whole video, if it does that."""
        if hasattr(self.segmenter, "preview"):
            self.segmenter.preview(frames)

    def start(self, frame: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Start the method."""
        with self._timing():
            self.segmenter.start(frame, mask)

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Let the method segment a frame."""
        with self._timing():
            return self.segmenter.step(frame)

    @contextmanager
    def _timing(self) -> Iterator[None]:
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self.clocks.append((time.perf_counter() - wall, time.process_time() - processor))


def _seconds(clocks: Sequence[tuple[float, float]]) -> float:
    """Seconds a frame, on the wall or of the processor, whichever is less.

    On a busy machine a method waits for others on the wall, but not on the processor; with several
    threads the processor's seconds add up, those on the wall do not.
    """
    return float(np.mean(clocks, axis=0).min()) if clocks else 0.0


def _segmented(method: str, video: Video, folder: Path, data: str) -> dict[str, float]:
    """Segment a video into a folder, unless that is done; returns the seconds that it took."""
    record = folder / "seconds.json"
    about = {"data": data, "frames": len(video), "size": list(video.size)}
    if record.is_file():  # written last, so it stands for a finished sequence
        try:
            there = json.loads(record.read_text(encoding="utf-8"))
            seconds = {name: float(there[name]) for name in SECONDS}
        except (ValueError, TypeError, KeyError):
            raise ValueError(
                f"{record}: is damaged. Delete it, and this sequence is computed again."
            ) from None
        if {key: there.get(key) for key in about} != about:
            raise ValueError(
                f"{folder}: holds the masks of other data ({there.get('data')}). Give another "
                "folder, or delete this one."
            )
        missing = [file for file in _mask_files(video, folder) if not file.is_file()]
        if missing:
            raise FileNotFoundError(
                f"{missing[0]}: this mask was written, and is gone. Delete {record}, and the "
                "sequence is computed again."
            )
        return seconds
    timed = Timed(create(method))
    for file, mask in zip(_mask_files(video, folder), segment(timed, video), strict=True):
        write_mask(file, mask)
    seconds = {
        "seconds_start": _seconds(timed.clocks[:1]),
        "seconds_per_frame": _seconds(timed.clocks[1:]),
    }
    # In one step, so that an interruption leaves no half of it.
    unfinished = folder / "seconds.json.part"
    unfinished.write_text(json.dumps(about | seconds), encoding="utf-8")
    unfinished.replace(record)
    return seconds


def _mask_files(video: Video, folder: Path) -> list[Path]:
    """Named like the frames of the data set, as the official evaluators expect it."""
    return [folder / f"{name}.png" for name in video.frame_names]


def _scored(video: Video, folder: Path, proposals: bool = False) -> dict[str, Any]:
    # What was written is what is scored. A method's masks are labels, even where all are 255.
    masks = np.stack([read_mask(file, binary=False) for file in _mask_files(video, folder)])
    truth = video.masks
    assert truth is not None  # because load() takes annotated datasets alone
    # Every frame has a mask here.
    scores = evaluate_video(masks, truth, unsupervised=proposals)  # type: ignore[arg-type]
    scores["frames"] = [video.frame_names[int(t)] for t in scores["frames"]]
    labels = sorted({int(label) for mask in masks for label in np.unique(mask)} - {0})
    flicker = [temporal_instability(masks == label) for label in labels]
    known = [value for value in flicker if math.isfinite(value)]
    return scores | {"T": float(np.mean(known)) if known else None}


def _overall(scores: dict[str, dict[str, Any]]) -> dict[str, Any]:
    objects = [each for of_video in scores.values() for each in of_video["objects"].values()]
    flicker = [of_video["T"] for of_video in scores.values() if of_video["T"] is not None]
    seconds = {name: float(np.mean([s[name] for s in scores.values()])) for name in SECONDS}
    return average(objects) | {"T": float(np.mean(flicker)) if flicker else None} | seconds


# --- tables -----------------------------------------------------------------------------------

COLUMNS = {
    "J&F": lambda s: s["JF"],
    "J": lambda s: s["J"]["mean"],
    "J recall": lambda s: s["J"]["recall"],
    "J decay": lambda s: s["J"]["decay"],
    "F": lambda s: s["F"]["mean"],
    "F recall": lambda s: s["F"]["recall"],
    "F decay": lambda s: s["F"]["decay"],
    "T": lambda s: s["T"],
    "start s": lambda s: s["seconds_start"],
    "s/frame": lambda s: s["seconds_per_frame"],
}


def table(result: dict[str, dict[str, Any]], method: str) -> Table:
    """The scores of a method, for the terminal.

    Args:
        result: from :func:`bench`.
        method: its name.

    Returns:
        A row for each sequence, and one over all; print it with ``rich.print``.
    """
    caption = "higher is better, except decay, T and seconds"
    # Narrow, so that it fits into a terminal of 80 columns.
    shown = Table(title=method, caption=caption, box=box.SIMPLE, padding=0)
    shown.add_column("sequence", no_wrap=True)
    for name in COLUMNS:
        short = name.replace("recall", "rec").replace("decay", "dec")
        shown.add_column(short, justify="right", no_wrap=True)
    for name, scores in result[method]["sequences"].items():
        shown.add_row(name, *_formatted(scores))
    shown.add_section()
    shown.add_row("all", *_formatted(result[method]["overall"]), style="bold")
    return shown


def _formatted(scores: dict[str, Any]) -> list[str]:
    values = {name: get(scores) for name, get in COLUMNS.items()}
    return [
        "–" if value is None else f"{value:.3f}" if name.startswith("s") else f"{value:.2f}"
        for name, value in values.items()
    ]


def write_csv(result: dict[str, dict[str, Any]], path: str | Path) -> None:
    """Write the scores: a row for each method and sequence, and one for each method over all.

    Args:
        result: from :func:`bench`.
        path: where to; folders are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["method", "sequence", *COLUMNS])
        for method, scores in result.items():
            for name, row in [*scores["sequences"].items(), ("all", scores["overall"])]:
                writer.writerow([method, name, *(get(row) for get in COLUMNS.values())])


# --- the leaderboard --------------------------------------------------------------------------


def record(result: dict[str, dict[str, Any]], data: str, folder: str | Path = LEADERBOARD) -> None:
    """Keep scores in the leaderboard; other methods and datasets, which are in it, stay.

    Args:
        result: from :func:`bench`.
        data: the name of the dataset.
        folder: the leaderboard: of each method a file ``METHOD.json``, ``{data: {"overall": ...,
            "sequences": ...}}``, without the values of single frames.

    Raises:
        ValueError: a method that is in it was measured on other sequences, so a table of both
            would compare nothing; or a file is no leaderboard.
    """
    folder = Path(folder)
    boards = _boards(folder)
    for method, scores in result.items():
        for other, board in boards.items():
            there = board[data]["sequences"] if data in board else scores["sequences"]
            missing = sorted(there.keys() ^ scores["sequences"].keys())
            if other not in result and missing:
                raise ValueError(
                    f"{folder}: {other} on {data} was measured on other sequences than {method} "
                    f"({', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''}). Measure "
                    "both again, in one command"
                )
    folder.mkdir(parents=True, exist_ok=True)
    for method, scores in result.items():
        row = {
            "overall": _rounded(scores["overall"]),
            "sequences": {name: _rounded(each) for name, each in scores["sequences"].items()},
        }
        text = _as_text(boards.get(method, {}) | {data: row})
        (folder / f"{method}.json").write_text(text, encoding="utf-8")


def leaderboard(data: str, folder: str | Path = LEADERBOARD) -> dict[str, dict[str, Any]]:
    """What was measured before, in the form of :func:`bench`, without the values of frames.

    Args:
        data: the name of a dataset.
        folder: the leaderboard.

    Returns:
        For each method that was measured ``overall`` and ``sequences``.

    Raises:
        LookupError: nothing was measured on it; says how to.
        ValueError: a file is no leaderboard.
    """
    boards = _boards(Path(folder))
    rows = {method: board[data] for method, board in boards.items() if data in board}
    if not rows:
        there = sorted({name for board in boards.values() for name in board})
        known = f"it has: {', '.join(there)}" if there else "it is empty"
        raise LookupError(
            f"{folder}: has nothing on {data!r}; {known}. "
            f"`vos-lab bench METHOD... --data {data} --leaderboard` measures it"
        )
    return rows


def by_video(data: str, folder: str | Path = LEADERBOARD) -> dict[str, np.ndarray]:
    """J of each measured method on each video, so that methods can be compared in pairs.

    Args:
        data: the name of a dataset.
        folder: the leaderboard.

    Returns:
        For each method ``(V,)`` float64; the videos come in the same order for all.

    Raises:
        LookupError: nothing was measured on it; says how to.

    Example:
        >>> by_video("davis2016")["baseline"].shape
        (5,)
    """
    return {
        method: np.array([row["sequences"][name]["J"]["mean"] for name in sorted(row["sequences"])])
        for method, row in leaderboard(data, folder).items()
    }


MEASURES: dict[str, tuple[str, ...]] = {
    "J": ("J", "mean"),
    "F": ("F", "mean"),
    "T": ("T",),
    "decay of J": ("J", "decay"),
    "s to start": ("seconds_start",),
    "s per frame": ("seconds_per_frame",),
}
"""What a row of :func:`compared` may say, and where a leaderboard has it."""


def compared(
    methods: Iterable[str],
    *measures: str,
    data: str = "davis2016",
    drawn: str | None = "mixed",
) -> dict[str, dict[str, float | None]]:
    """Several methods side by side, as they were measured: the rows of a table.

    Args:
        methods: their names; of a mapping the values are what the rows are called. One that was
            not measured is left out.
        *measures: names from :data:`MEASURES`.
        data: the name of a dataset.
        drawn: a suite whose J comes last; None leaves it out.

    Returns:
        For each method its measures by name; None for a J on the suite that was not measured.

    Raises:
        LookupError: nothing was measured on the data.

    Example:
        >>> list(compared({"baseline": "first mask copied"}, "J", "F")["first mask copied"])
        ['J', 'F', 'J, drawn']
    """
    titles = methods if isinstance(methods, Mapping) else {name: name for name in methods}
    board = leaderboard(data)
    beside = {} if drawn is None else leaderboard(drawn)

    def value(row: Mapping[str, Any], measure: str) -> float | None:
        found: Any = row["overall"]
        for key in MEASURES[measure]:
            found = found[key]
        return found

    rows = {}
    for name, title in titles.items():
        if name in board:
            rows[title] = {measure: value(board[name], measure) for measure in measures}
            if drawn is not None:
                rows[title]["J, drawn"] = value(beside[name], "J") if name in beside else None
    return rows


def _boards(folder: Path) -> dict[str, dict[str, Any]]:
    """What was measured of each method: by its name, then by that of the dataset."""
    boards: dict[str, dict[str, Any]] = {}
    for file in sorted(folder.glob("*.json"), key=lambda file: file.stem):
        try:
            board = json.loads(file.read_text(encoding="utf-8"))
            for row in board.values():
                row["overall"], row["sequences"]
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ValueError(f"{file}: is not a file of the leaderboard. Delete it.") from None
        boards[file.stem] = board
    return boards


def _rounded(scores: dict[str, Any]) -> dict[str, Any]:
    """What a table shows, in 4 digits: more would only make every run another file."""
    kept = {key: scores[key] for key in ("J", "F", "JF", "T", *SECONDS)}
    return json.loads(json.dumps(kept), parse_float=lambda text: round(float(text), 4))


def _as_text(board: dict[str, Any]) -> str:
    """JSON with a line for each sequence, so that a change is a line that changes."""
    blocks = []
    for data, row in sorted(board.items()):
        sequences = [f'   "{name}": {json.dumps(s)}' for name, s in row["sequences"].items()]
        lines = [f'  "overall": {json.dumps(row["overall"])},', '  "sequences": {']
        block = "\n".join([*lines, ",\n".join(sequences), "  }"])
        blocks.append(f' "{data}": {{\n{block}\n }}')
    return "{\n" + ",\n".join(blocks) + "\n}\n"
