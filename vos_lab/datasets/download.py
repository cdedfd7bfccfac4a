"""Where data sets lie, and how they get there.

The folder of all data sets is ``root``, else what the environment variable ``VOS_LAB_DATA`` names,
else a cache of the user. In it lie ``davis2016/``, ``davis2017/`` and ``youtube-vos/``, each in its
official layout.
"""

import hashlib
import os
import shutil
import stat
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pooch
import requests
from tqdm.auto import tqdm

CONNECT_SECONDS = 5.0  # offline must show in seconds
READ_SECONDS = 30.0
ATTEMPTS = 5  # on one call; the next call goes on where this one stopped
CHUNK = 1 << 14  # bytes; what is lost where a connection breaks off, so not too large


@dataclass(frozen=True)
class Archive:
    """A zip file on the web.

    Attributes:
        url: its official address.
        size: about how many bytes it has: what is said before the server is asked.
        folder: the folder under the root that it is unpacked into.
        checksum: ``"sha256:..."`` or ``"md5:..."``, None where nobody states a reliable one. Then
            the length that the server states and the CRC of each file in the archive must do.
        inner: the folder in the archive whose content is taken, "" for all of it.
    """

    url: str
    size: int
    folder: str
    checksum: str | None = None
    inner: str = ""

    @property
    def file_name(self) -> str:
        """The last part of the address."""
        return PurePosixPath(self.url).name


@dataclass(frozen=True)
class Source:
    """A data set, and how one gets it.

    Attributes:
        name: as in ``vos-lab data NAME``.
        folder: its folder under the root.
        sequences: folders in it that hold one folder for each annotated sequence.
        count: how many annotated sequences the whole data set has.
        size: readable size of what is downloaded.
        archive: what to download; None where an account is needed.
        how: what to do where there is no archive.
    """

    name: str
    folder: str
    sequences: Sequence[str]
    count: int
    size: str
    archive: Archive | None = None
    how: str = ""


SOURCES = {
    source.name: source
    for source in (
        Source(
            name="davis2016",
            folder="davis2016",
            sequences=("Annotations/480p",),
            count=50,
            size="1.9 GB",
            # No checksum: the authors packed this archive anew more than once, and two different
            # ones are in circulation. Its length and the CRC of each file are checked instead.
            archive=Archive(
                url="https://graphics.ethz.ch/Downloads/Data/Davis/DAVIS-data.zip",
                size=1_900_000_000,
                folder="davis2016",
                inner="DAVIS",
            ),
        ),
        Source(
            name="davis2017",
            folder="davis2017",
            sequences=("Annotations/480p",),
            count=90,
            size="833 MB",
            # Length and checksum as TensorFlow Datasets states them (davis/checksums.tsv).
            archive=Archive(
                url="https://data.vision.ee.ethz.ch/csergi/share/davis/"
                "DAVIS-2017-trainval-480p.zip",
                size=832_766_765,
                folder="davis2017",
                checksum="sha256:e3d0b5b77c3d031b000a19e0e25e3e2cac65d183755601bc2cf066df1a2aa492",
                inner="DAVIS",
            ),
        ),
        Source(
            name="davis2017-unsupervised",
            folder="davis2017",
            sequences=("Annotations_unsupervised/480p",),
            count=90,
            size="about 0.8 GB",
            # No checksum: nobody states one. Length and CRC are checked instead.
            archive=Archive(
                url="https://data.vision.ee.ethz.ch/csergi/share/davis/"
                "DAVIS-2017-Unsupervised-trainval-480p.zip",
                size=830_000_000,
                folder="davis2017",
                inner="DAVIS",
            ),
        ),
        Source(
            name="youtube-vos",
            folder="youtube-vos",
            sequences=("train/Annotations", "valid/Annotations"),
            count=3471 + 474,
            size="several GB",
            how="it needs a free account: register at https://youtube-vos.org/dataset/vos, "
            "download train.zip and valid.zip of the 2018 version, and unpack both, so that "
            "{folder}/train/meta.json and {folder}/valid/meta.json are there",
        ),
        Source(
            name="kitti-mots",
            folder="kitti-mots",
            sequences=("instances",),
            count=21,
            size="15 GB",
            how="its masks are at https://www.vision.rwth-aachen.de/page/mots (instances.zip or "
            "instances_txt.zip), its frames at https://www.cvlibs.net/datasets/kitti/"
            "eval_tracking.php (left colour images, needs a free account); unpack them, so that "
            "{folder}/instances/0000 and {folder}/training/image_02/0000 are there",
        ),
        Source(
            name="mots20",
            folder="mots20",
            sequences=("train/instances",),
            count=4,
            size="about 1 GB",
            how="get MOTSChallenge from https://www.vision.rwth-aachen.de/page/mots or MOTS from "
            "https://motchallenge.net/data/MOTS, and unpack it, so that {folder}/train is there",
        ),
    )
}


@dataclass(frozen=True)
class Row:
    """One line of the table of data sets.

    Attributes:
        name: as in ``vos-lab data NAME``.
        found: whether any sequence of it is there.
        sequences: how many annotated sequences are there.
        count: how many the whole data set has.
        how: how to get it.
        size: readable size of the download.
        folder: where it is looked for.
    """

    name: str
    found: bool
    sequences: int
    count: int
    how: str
    size: str
    folder: Path


def data_root(root: str | Path | None = None) -> Path:
    """The folder that holds the data sets.

    Args:
        root: the folder; None for what ``VOS_LAB_DATA`` names, and where it names nothing, a cache
            of the user.

    Returns:
        The folder as an absolute path; it may not exist yet.

    Example:
        >>> data_root("data").is_absolute()
        True
    """
    chosen = root or os.environ.get("VOS_LAB_DATA") or pooch.os_cache("vos_lab")
    return Path(chosen).expanduser().resolve()


def available(root: str | Path | None = None) -> list[Row]:
    """Which data sets are there, and how to get the others.

    Args:
        root: as in :func:`data_root`.

    Returns:
        A row for each data set.

    Example:
        >>> [row.name for row in available("no such folder") if not row.found]
        ['davis2016', 'davis2017', 'davis2017-unsupervised', 'youtube-vos', 'kitti-mots', 'mots20']
    """
    rows = []
    for source in SOURCES.values():
        folder = data_root(root) / source.folder
        held = [folder / part for part in source.sequences if (folder / part).is_dir()]
        there = sum(entry.is_dir() for part in held for entry in part.iterdir())
        how = how_to_get(source.name, root)
        rows.append(Row(source.name, there > 0, there, source.count, how, source.size, folder))
    return rows


def how_to_get(name: str, root: str | Path | None = None) -> str:
    """What a person has to do to get a data set, in one line.

    Args:
        name: one of ``SOURCES``.
        root: as in :func:`data_root`.

    Returns:
        A sentence without its full stop.

    Example:
        >>> how_to_get("davis2016")
        '`vos-lab data davis2016` gets it (1.9 GB)'
    """
    source = SOURCES[name]
    if source.archive is None:
        return source.how.format(folder=data_root(root) / source.folder)
    return f"`vos-lab data {name}` gets it ({source.size})"


def download(name: str, root: str | Path | None = None, again: bool = False) -> Path:
    """Get a data set from its official address, unless the whole of it is there.

    Args:
        name: one of ``SOURCES``.
        root: as in :func:`data_root`.
        again: get it even if every sequence has its folder, as a file may be missing in one.

    Returns:
        The folder of the data set.

    Raises:
        ValueError: there is no such data set, or the archive is damaged.
        PermissionError: it needs an account; the message says what to do.
        ConnectionError: the server cannot be reached, or broke off.
    """
    if name not in SOURCES:
        raise ValueError(f"there is no data set {name!r}; there are {', '.join(SOURCES)}")
    source = SOURCES[name]
    row = next(row for row in available(root) if row.name == name)
    if row.sequences >= row.count and not again:
        print(f"{name} is there: {row.sequences} sequences in {row.folder}")
        return row.folder
    if source.archive is None:
        raise PermissionError(f"{name} cannot be downloaded for you: {how_to_get(name, root)}.")
    return fetch(source.archive, data_root(root))


def fetch(archive: Archive, root: Path) -> Path:
    """Download an archive, verify it, and unpack it.

    What was downloaded stays in a ``.part`` file, so a call after an interruption goes on there.

    Args:
        archive: what to get.
        root: the folder that holds the data sets.

    Returns:
        The folder that it was unpacked into.

    Raises:
        ConnectionError: the server cannot be reached, or broke off.
        ValueError: the archive is damaged, or holds a path that leads out of its folder.
        OSError: the disk is full.
    """
    root.mkdir(parents=True, exist_ok=True)
    target = root / archive.folder
    part = root / f"{archive.file_name}.part"
    print(f"Downloading {_readable(archive.size)} from {archive.url}, to be unpacked in {target}")
    _download(archive, part, target)
    _verify(archive, part)
    _unpack(archive, part, target)
    part.unlink()
    return target


def _download(archive: Archive, part: Path, target: Path) -> None:
    # Not with pooch: it writes each download into a fresh temporary file, and so cannot resume.
    for _ in range(ATTEMPTS):
        have = part.stat().st_size if part.exists() else 0
        # Without "identity", a server may compress on the fly, and a range would mean other bytes.
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        try:
            response = requests.get(
                archive.url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)
            )
        except requests.RequestException as error:
            raise ConnectionError(_by_hand(archive, target, _reason(error))) from None
        with response:
            total = _total(response, have)
            if response.status_code == 416 and have:  # there is nothing after the bytes we have
                if have == total:
                    return
                part.unlink()
                continue
            if not response.ok:
                status = f"the server answers {response.status_code} {response.reason}"
                raise ConnectionError(_by_hand(archive, target, status))
            if response.status_code != 206 and have:
                print("The server cannot resume: starting again from the first byte.")
                have = 0
            _check_space(part.parent, (total or archive.size) - have)
            if _receive(response, part, have, total):
                return
    raise ConnectionError(
        f"{archive.url} broke off {ATTEMPTS} times, {_readable(part.stat().st_size)} of it are in "
        f"{part}. Run the same again: it goes on from there."
    )


def _receive(response: requests.Response, part: Path, have: int, total: int | None) -> bool:
    """Append what the server sends; whether everything came."""
    bar = tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=part.stem)
    with part.open("ab" if have else "wb") as file, bar:
        try:
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
        except requests.RequestException:
            return False
    return total is None or part.stat().st_size >= total


def _total(response: requests.Response, have: int) -> int | None:
    """The length of the whole file, as far as the server says it."""
    content_range = response.headers.get("Content-Range", "")  # "bytes 100-199/200", "bytes */200"
    if content_range.rpartition("/")[2].isdigit():
        return int(content_range.rpartition("/")[2])
    length = response.headers.get("Content-Length", "")
    if not length.isdigit():
        return None
    return int(length) + (have if response.status_code == 206 else 0)


def _verify(archive: Archive, part: Path) -> None:
    if archive.checksum is None:
        return
    algorithm, _, due = archive.checksum.partition(":")
    with part.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found != due:
        part.unlink()  # resuming a damaged file would never mend it
        raise ValueError(
            f"{archive.url}: the download is damaged: its {algorithm} is {found}, due is {due}. "
            "It was removed; run the same again. If that fails too, the server's file has changed."
        )


class _DamagedError(Exception):
    """An archive cannot be read."""


@contextmanager
def _reading() -> Iterator[None]:
    """Tell errors of reading the archive from those of writing what is in it, as on a full disk."""
    try:
        yield
    except Exception as error:  # zipfile lets out those of all its helpers
        raise _DamagedError(str(error) or type(error).__name__) from None


def _unpack(archive: Archive, part: Path, target: Path) -> None:
    # Unpacked beside the target first, so that an interruption leaves no half of a data set there.
    beside = target.with_name(f"{target.name}.unpacking")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        with _reading():
            zipped = zipfile.ZipFile(part)
        with zipped:
            with _reading():
                files = [info for info in zipped.infolist() if not info.is_dir()]
            _check_space(part.parent, sum(info.file_size for info in files))
            for info in tqdm(files, unit="file", desc=f"unpacking {target.name}"):
                path = _inner_path(archive, info)
                if path is not None:
                    (beside / path).parent.mkdir(parents=True, exist_ok=True)
                    _unpack_one(zipped, info, beside / path)
        if not beside.is_dir():
            raise _DamagedError(f"it holds no folder {archive.inner}")
    except _DamagedError as error:
        shutil.rmtree(beside, ignore_errors=True)
        part.unlink()
        raise ValueError(
            f"{archive.url}: the download is damaged ({error}). It was removed; run the same again."
        ) from None
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    if not target.exists():
        beside.rename(target)
        return
    for unpacked in [path for path in beside.rglob("*") if path.is_file()]:
        place = target / unpacked.relative_to(beside)
        place.parent.mkdir(parents=True, exist_ok=True)
        unpacked.replace(place)
    shutil.rmtree(beside)


def _unpack_one(zipped: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    with _reading():
        source = zipped.open(info)
    with source, path.open("wb") as file:
        while True:
            with _reading():
                chunk = source.read(1 << 20)  # checks the CRC on its way
            if not chunk:
                return
            file.write(chunk)


def _inner_path(archive: Archive, info: zipfile.ZipInfo) -> Path | None:
    """Where a file of an archive belongs in its folder; None where it is not taken."""
    path = PurePosixPath(info.filename.replace("\\", "/"))
    link = stat.S_ISLNK(info.external_attr >> 16)
    if not path.parts:
        return None
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0] or link:
        raise ValueError(f"{archive.url}: holds {info.filename!r}, which leads out of its folder")
    if not archive.inner:
        return Path(path)
    # Of what lies beside the inner folder ("__MACOSX") nothing is needed.
    return Path(*path.parts[1:]) if path.parts[0] == archive.inner else None


def _check_space(folder: Path, due: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < due:
        raise OSError(f"{folder}: {_readable(due)} are needed, {_readable(free)} are free")


def _by_hand(archive: Archive, target: Path, reason: str) -> str:
    inner = f"the content of its folder {archive.inner}/" if archive.inner else "its content"
    return (
        f"{archive.url} cannot be reached ({reason}). Run the same again with a network; or "
        f"download that file ({_readable(archive.size)}) elsewhere, and unpack {inner} into "
        f"{target}."
    )


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return f"no answer within {CONNECT_SECONDS:.0f} s"
    return "is this machine offline?" if isinstance(error, requests.ConnectionError) else str(error)


def _readable(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
