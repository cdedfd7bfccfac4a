"""Video files as people have them: cut off, in odd names, with titles in any encoding."""

import os
import struct
import warnings
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from vos_lab.video import Video, decoder, write_frames, write_mask
from vos_lab.video.containers import is_whole

SIZE = (48, 64)
KINDS = {
    "a.mp4": "h264",
    "a.mkv": "h264",
    "a.webm": "libvpx-vp9",
    "a.avi": "mpeg4",
    "b.avi": "mjpeg",
    "a.gif": "gif",
}
STREAMS = {"a.ts": "mpeg2video", "b.ts": "h264"}


def picture(t: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    noise = np.random.default_rng(t).integers(0, 60, (*size, 3), np.uint8)
    noise[8:24, 8 + t % 32 : 24 + t % 32] = (255, 40, 0)
    return noise


def encode(
    path: Path,
    codec: str = "h264",
    frames: int = 30,
    size: tuple[int, int] = SIZE,
    title: str = "",
    encoding: str = "utf-8",
    steps: list[int] | None = None,
) -> Path:
    with av.open(str(path.absolute()), "w", metadata_encoding=encoding) as container:
        if title:
            container.metadata["title"] = title
        stream = container.add_stream(codec, rate=100 if steps else 25)
        stream.height, stream.width = size
        stream.pix_fmt = {"mjpeg": "yuvj420p", "gif": "rgb8"}.get(codec, "yuv420p")
        for t in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(t, size), format="rgb24")
            if steps:
                frame.pts, frame.time_base = sum(steps[:t]), Fraction(1, 100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(("name", "codec"), KINDS.items())
def test_a_cut_video_is_an_error_not_a_short_video(tmp_path, name, codec):
    path = encode(tmp_path / name, codec)
    assert is_whole(path)
    assert len(Video.read(path)) == 30
    whole = path.read_bytes()
    for share in (0.3, 0.7, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        assert is_whole(path) is not True
        with pytest.raises(ValueError, match=rf"{name}: is cut off"):
            Video.read(path)


@pytest.mark.parametrize(("name", "codec"), STREAMS.items())
def test_a_stream_does_not_say_how_long_it_is_and_a_person_is_told(tmp_path, name, codec):
    path = encode(tmp_path / name, codec)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(0.7 * len(whole))])
    with pytest.warns(UserWarning, match=rf"{name}: \d+ frames were read") as caught:
        video = Video.read(path)
    assert 0 < len(video) < 30
    assert f" {len(video)} frames" in str(caught[0].message)
    assert caught[0].filename == __file__  # it points at the line of the reader


def test_a_flash_video_says_how_long_it_is(tmp_path):
    path = encode(tmp_path / "a.flv", "flv1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(Video.read(path)) == 30
    whole = path.read_bytes()
    path.write_bytes(whole[: int(0.7 * len(whole))])
    with pytest.warns(UserWarning, match=r"\d+ frames were read\. It says that it has about 30"):
        assert len(Video.read(path)) < 25


def test_a_matroska_file_as_it_is_recorded_live_is_read_with_a_warning(tmp_path):
    with av.open(str(tmp_path / "live.webm"), "w", options={"live": "1"}) as container:
        stream = container.add_stream("libvpx-vp9", rate=25)
        stream.height, stream.width = SIZE
        for t in range(5):
            frame = av.VideoFrame.from_ndarray(picture(t), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert is_whole(tmp_path / "live.webm") is None
    with pytest.warns(UserWarning, match="5 frames were read"):
        assert len(Video.read(tmp_path / "live.webm")) == 5


def test_an_avi_without_its_index_has_all_its_frames(tmp_path):
    path = encode(tmp_path / "a.avi", "mjpeg")
    due = list(Video.read(path))
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"idx1")])
    video = Video.read(path)
    assert len(video) == 30
    for t in (29, 3, 17):
        assert np.array_equal(video.frames[t], due[t])
    for cut in (2, 50, len(data) - data.rindex(b"00dc", 0, data.rindex(b"idx1")) - 20):
        path.write_bytes(data[: data.rindex(b"idx1") - cut])  # in the last frame
        with pytest.raises(ValueError, match=r"a\.avi: is cut off"):
            Video.read(path)


def test_bytes_after_the_end_do_no_harm(tmp_path):
    for name, codec in KINDS.items():
        path = encode(tmp_path / name, codec, frames=5)
        path.write_bytes(path.read_bytes() + bytes(1000))
        assert len(Video.read(path)) == 5, name


# --- a size that changes ----------------------------------------------------------------------


def test_a_size_that_changes_in_the_middle_names_the_frame(tmp_path):
    first = encode(tmp_path / "first.ts", "mpeg2video", frames=6)
    second = encode(tmp_path / "second.ts", "mpeg2video", frames=6, size=(96, 128))
    path = tmp_path / "both.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    with pytest.warns(UserWarning, match="frames were read"):
        video = Video.read(path)
    assert video.size == SIZE
    with pytest.raises(
        ValueError, match=rf"both\.ts: frame {len(video) - 1} is 128 x 96 pixels, the first 64 x 48"
    ):
        _ = video.frames[-1]
    assert video.frames[1].shape[:2] == SIZE
    with pytest.raises(ValueError, match=r"frame \d+ is 128 x 96"):
        list(video)


# --- names and titles -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["2026-12-01T12:30:00.mp4", "concat:x.mp4", "pipe:0.mp4", "a:b.gif"]
)
def test_a_path_is_always_a_local_file(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_frames(name, [picture(t) for t in range(4)])
    assert os.listdir(tmp_path) == [name]
    assert len(Video.read(name)) == 4
    assert Video.read(name).frames[3].shape == (*SIZE, 3)
    with pytest.raises(FileNotFoundError, match="no such video"):
        Video.read(f"file:{name}")


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_title_in_another_encoding_does_no_harm(tmp_path, name):
    path = encode(tmp_path / name, KINDS[name], title="Kür in Zürich", encoding="latin-1")
    assert "Zürich".encode("latin-1") in path.read_bytes()
    with pytest.raises(UnicodeDecodeError):
        av.open(str(path))
    video = Video.read(path)
    assert len(video) == 30
    assert video.frames[29].shape == (*SIZE, 3)


def test_videos_open_where_pyav_has_no_option_for_titles(tmp_path, monkeypatch):
    path = encode(tmp_path / "a.mp4", title="title")
    real = av.open

    def without_option(file, mode="r"):  # no metadata_errors
        return real(file, mode)

    monkeypatch.setattr(decoder.av, "open", without_option)
    assert len(Video.read(path)) == 30
    write_frames(tmp_path / "b.mp4", list(Video.read(path)))


# --- as phones make them ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_variable_frame_rate_loses_no_frame(tmp_path, name):
    steps = [4, 3, 9, 4, 1, 20, 4, 4, 3, 5] * 3
    path = encode(tmp_path / name, steps=steps)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        video = Video.read(path)
    with av.open(str(path)) as container:
        due = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(video) == len(due) == 30
    for t in (29, 0, 7, 6, 18):
        assert np.array_equal(video.frames[t], due[t])


def test_masks_that_fit_a_turned_video_only_before_it_is_turned_are_explained(tmp_path):
    path = encode(tmp_path / "lying.mp4")
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    turned = (0, 1 << 16, 0, -(1 << 16), 0, 0, SIZE[0] << 16, 0, 1 << 30)
    data[at : at + 36] = struct.pack(">9i", *turned)
    path.write_bytes(data)
    write_mask(tmp_path / "masks/00000.png", np.zeros(SIZE, np.uint8))
    video = Video.read(path, masks=tmp_path / "masks")
    assert video.size == SIZE[::-1]
    with pytest.raises(ValueError, match="a phone lays a standing picture down"):
        _ = video.masks[0]
