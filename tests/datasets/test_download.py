"""Downloads, against a server on this machine: resuming, verifying, unpacking, and giving up."""

import hashlib
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from vos_lab.datasets import download as downloads
from vos_lab.datasets.download import CHUNK, Archive, available, data_root, download, fetch

NOISE = np.random.default_rng(7).bytes(300_000)  # does not compress, so that cuts fall inside


def zip_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return buffer.getvalue()


class Server:
    """Serves one file; breaks off after ``cuts`` bytes, one cut for each request that has one."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.cuts: list[int] = []
        self.ranges = True
        self.status = 200
        self.requests: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                outer.requests.append(asked)
                content, start = outer.content, 0
                if outer.status != 200:
                    self.send_error(outer.status)
                    return
                if asked and outer.ranges:
                    start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
                    if start >= len(content):
                        self.send_response(416)
                        self.send_header("Content-Range", f"bytes */{len(content)}")
                        self.send_header("Content-Length", "0")
                        self.end_headers()
                        return
                    self.send_response(206)
                    last = len(content) - 1
                    self.send_header("Content-Range", f"bytes {start}-{last}/{len(content)}")
                else:
                    self.send_response(200)
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                stop = start + outer.cuts.pop(0) if outer.cuts else None
                self.wfile.write(content[start:stop])

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/set.zip"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server(zip_of({"DAVIS/a/one.bin": NOISE, "DAVIS/b.txt": b"two", "__MACOSX/c": b"x"}))
    yield server
    server.http.shutdown()
    server.http.server_close()


def archive_of(server: Server, **changes: object) -> Archive:
    facts = {"url": server.url, "size": len(server.content), "folder": "set", "inner": "DAVIS"}
    return Archive(**{**facts, **changes})


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def check_unpacked(root: Path) -> None:
    assert (root / "set/a/one.bin").read_bytes() == NOISE
    assert (root / "set/b.txt").read_bytes() == b"two"
    assert sorted(path.name for path in root.iterdir()) == ["set"]  # nothing is left beside it
    assert not (root / "set/c").exists()


def test_fetch_announces_downloads_verifies_and_unpacks(server, tmp_path, capsys):
    folder = fetch(
        archive_of(server, size=1_900_000_000, checksum=sha256(server.content)), tmp_path
    )
    assert folder == tmp_path / "set"
    check_unpacked(tmp_path)
    said = capsys.readouterr().out
    assert "1.9 GB" in said
    assert server.url in said


def test_a_broken_download_resumes_where_it_broke(server, tmp_path):
    server.cuts = [100_000, 50_000]
    fetch(archive_of(server, checksum=sha256(server.content)), tmp_path)
    check_unpacked(tmp_path)
    first = 100_000 // CHUNK * CHUNK  # a chunk that broke off is not kept
    second = first + 50_000 // CHUNK * CHUNK
    assert server.requests == [None, f"bytes={first}-", f"bytes={second}-"]


def test_a_later_call_resumes(server, tmp_path):
    server.cuts = [CHUNK] * downloads.ATTEMPTS
    with pytest.raises(ConnectionError, match="Run the same again"):
        fetch(archive_of(server), tmp_path)
    part = tmp_path / "set.zip.part"
    assert part.read_bytes() == server.content[: CHUNK * downloads.ATTEMPTS]
    assert not (tmp_path / "set").exists()
    fetch(archive_of(server), tmp_path)
    check_unpacked(tmp_path)
    assert server.requests[-1] == f"bytes={CHUNK * downloads.ATTEMPTS}-"


def test_a_server_without_ranges_starts_again(server, tmp_path, capsys):
    server.ranges = False
    (tmp_path / "set.zip.part").write_bytes(server.content[:70_000])
    fetch(archive_of(server, checksum=sha256(server.content)), tmp_path)
    check_unpacked(tmp_path)
    assert "cannot resume" in capsys.readouterr().out


def test_a_complete_part_is_not_downloaded_again(server, tmp_path):
    (tmp_path / "set.zip.part").write_bytes(server.content)
    fetch(archive_of(server), tmp_path)
    check_unpacked(tmp_path)
    assert server.requests == [f"bytes={len(server.content)}-"]


def test_a_part_longer_than_the_file_is_dropped(server, tmp_path):
    (tmp_path / "set.zip.part").write_bytes(server.content + b"more")
    fetch(archive_of(server), tmp_path)
    check_unpacked(tmp_path)


def test_a_wrong_checksum_is_an_error_and_leaves_nothing(server, tmp_path):
    with pytest.raises(ValueError, match="damaged: its md5 is") as error:
        fetch(archive_of(server, checksum="md5:" + "0" * 32), tmp_path)
    assert server.url in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_flipped_byte_is_found_without_a_checksum(server, tmp_path):
    middle = len(server.content) // 2
    flipped = bytes([server.content[middle] ^ 1])
    server.content = server.content[:middle] + flipped + server.content[middle + 1 :]
    with pytest.raises(ValueError, match="damaged"):
        fetch(archive_of(server), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_page_in_place_of_the_archive_is_an_error(server, tmp_path):
    server.content = b"<html>please log in</html>"
    with pytest.raises(ValueError, match="damaged"):
        fetch(archive_of(server), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["DAVIS/../../evil", "/evil", "..\\evil", "C:/evil"])
def test_no_path_leads_out_of_the_folder(server, tmp_path, path):
    server.content = zip_of({"DAVIS/good": b"good", path: b"evil"})
    with pytest.raises(ValueError, match="leads out of its folder"):
        fetch(archive_of(server), tmp_path / "inner")
    assert not list(tmp_path.rglob("*evil*"))
    assert not list(tmp_path.rglob("good"))


def test_no_link_is_unpacked(server, tmp_path):
    link = zipfile.ZipInfo("DAVIS/link")
    link.external_attr = 0o120777 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        zipped.writestr(link, "/etc/passwd")
    server.content = buffer.getvalue()
    with pytest.raises(ValueError, match="leads out"):
        fetch(archive_of(server), tmp_path)


def test_an_archive_is_merged_into_what_is_there(server, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/mine.txt").write_text("mine")
    fetch(archive_of(server), tmp_path)
    assert (tmp_path / "set/mine.txt").read_text() == "mine"
    check_unpacked(tmp_path)


def test_offline_says_what_to_do(server, tmp_path):
    archive = archive_of(server, size=1_900_000_000)
    server.http.shutdown()
    server.http.server_close()  # the port is closed now, as all are without a network
    with pytest.raises(ConnectionError) as error:
        fetch(archive, tmp_path)
    for said in (archive.url, "offline", "1.9 GB", "DAVIS/", str(tmp_path / "set")):
        assert said in str(error.value)
    assert downloads.CONNECT_SECONDS <= 10  # "fails in seconds"


def test_a_refusing_server_says_so(server, tmp_path):
    server.status = 404
    with pytest.raises(ConnectionError, match="answers 404"):
        fetch(archive_of(server), tmp_path)


def test_a_full_disk_is_known_before_the_download(server, tmp_path, monkeypatch):
    usage = downloads.shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(OSError, match="are needed, 0 MB are free"):
        fetch(archive_of(server), tmp_path)


def test_the_root_is_the_argument_then_the_variable_then_a_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VOS_LAB_DATA", str(tmp_path / "variable"))
    assert data_root(tmp_path / "argument") == tmp_path / "argument"
    assert data_root() == tmp_path / "variable"
    monkeypatch.delenv("VOS_LAB_DATA")
    assert data_root().name == "vos_lab"


def test_available_counts_what_is_there(tmp_path):
    for name in ("bear", "camel"):
        (tmp_path / "davis2016/Annotations/480p" / name).mkdir(parents=True)
    rows = {row.name: row for row in available(tmp_path)}
    assert rows["davis2016"].found
    assert rows["davis2016"].sequences == 2
    assert rows["davis2016"].count == 50
    assert "vos-lab data davis2017" in rows["davis2017"].how
    assert not rows["davis2017"].found
    assert str(tmp_path / "youtube-vos/train/meta.json") in rows["youtube-vos"].how


def test_download_of_what_is_there_needs_no_server(tmp_path, capsys):
    for number in range(50):
        (tmp_path / f"davis2016/Annotations/480p/{number}").mkdir(parents=True)
    assert download("davis2016", tmp_path) == tmp_path / "davis2016"
    assert "50 sequences" in capsys.readouterr().out


def test_what_is_there_can_be_had_again(tmp_path, monkeypatch):
    for number in range(50):
        (tmp_path / f"davis2016/Annotations/480p/s{number}").mkdir(parents=True)
    fetched = []
    monkeypatch.setattr(downloads, "fetch", lambda archive, root: fetched.append(archive.url))
    download("davis2016", tmp_path)
    assert fetched == []
    download("davis2016", tmp_path, again=True)
    assert fetched == [downloads.SOURCES["davis2016"].archive.url]


def test_youtube_vos_says_that_it_needs_an_account(tmp_path):
    with pytest.raises(PermissionError, match=r"account.*youtube-vos\.org"):
        download("youtube-vos", tmp_path)


def test_an_unknown_name_lists_the_known(tmp_path):
    with pytest.raises(ValueError, match="no data set 'davis'; there are davis2016"):
        download("davis", tmp_path)
