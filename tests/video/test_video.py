"""The vocabulary: lazy frames, label maps that stay exact, clips in and out, errors for people."""

import struct
import tempfile
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from vos_lab.video import (
    OBJECT_COLOURS,
    PALETTE,
    Lazy,
    Video,
    as_label_map,
    image_frames,
    numbered_files,
    overlay,
    read_mask,
    write_frames,
    write_mask,
)
from vos_lab.video import files as module

SIZE = (48, 64)


def picture(t: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A red square that moves right, over a floor whose brightness is the number of the frame."""
    frame = np.full((*size, 3), 60, np.uint8)
    frame[8:24, 8 + t % 32 : 24 + t % 32] = (255, 40, 0)
    frame[-8:] = 4 * (t % 60)
    return frame


def clip(frames: int = 6, size: tuple[int, int] = SIZE) -> Video:
    return Video("clip", [picture(t, size) for t in range(frames)], fps=10)


def label_map(size: tuple[int, int] = SIZE) -> np.ndarray:
    mask = np.zeros(size, np.uint8)
    mask[8:24, 8:24] = 1
    mask[30:36, 20:50] = 2
    return mask


def write_folder(folder: Path, frames: int, size: tuple[int, int] = SIZE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for t in range(frames):
        Image.fromarray(picture(t, size)).save(folder / f"{t:05d}.png")
    return folder


# --- label maps -------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    arrays(
        np.uint8, st.tuples(st.integers(1, 17), st.integers(1, 17)), elements=st.integers(0, 255)
    )
)
def test_a_label_map_survives_its_file(mask):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mask.png")
        write_mask(path, mask)
        assert np.array_equal(read_mask(path), mask)
        with Image.open(path) as image:
            assert image.mode == "P"
            assert image.getpalette() == PALETTE.ravel().tolist()


def test_every_label_survives_its_file(tmp_path):
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    write_mask(tmp_path / "new folder/every.png", every)
    assert np.array_equal(read_mask(tmp_path / "new folder/every.png"), every)


def test_the_palette_is_that_of_davis():
    assert PALETTE[:5].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]]
    assert PALETTE[255].tolist() == [224, 224, 192]
    assert len(np.unique(PALETTE, axis=0)) == 256
    assert len({tuple(colour) for colour in OBJECT_COLOURS[:8]}) == 8


def test_binary_masks_are_read_as_one_object(tmp_path):
    grey = np.array([[0, 255], [255, 0]], np.uint8)
    for mode in ("L", "RGB", "1", "LA"):
        path = tmp_path / f"{mode}.png"
        Image.fromarray(grey).convert(mode).save(path)
        assert read_mask(path).tolist() == [[0, 1], [1, 0]], mode
    assert read_mask(tmp_path / "L.png", binary=False).tolist() == grey.tolist()
    write_mask(tmp_path / "P.png", grey)
    assert read_mask(tmp_path / "P.png").tolist() == grey.tolist()  # a palette holds labels: void
    assert read_mask(tmp_path / "P.png", binary=True).max() == 1


def test_a_palette_mask_saved_as_rgb_is_an_error(tmp_path):
    path = tmp_path / "rgb.png"
    Image.fromarray(PALETTE[label_map()]).save(path)
    with pytest.raises(ValueError, match=r"rgb\.png: is saved as RGB colours"):
        read_mask(path)
    with pytest.raises(ValueError, match="saved as RGB"):
        read_mask(path, binary=True)


def test_files_that_are_no_label_maps_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.png: there is no such mask"):
        read_mask(tmp_path / "none.png")
    Image.fromarray(np.full((4, 4), 300, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(ValueError, match=r"deep\.png: has mode I;16"):
        read_mask(tmp_path / "deep.png")
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(ValueError, match=r"text\.png: cannot be read"):
        read_mask(tmp_path / "text.png")
    noise = np.random.default_rng(0).integers(0, 3, (100, 100), np.uint8)
    write_mask(tmp_path / "cut.png", noise)
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"cut\.png: cannot be read"):
        read_mask(tmp_path / "cut.png")


def test_what_is_no_label_map_is_not_written(tmp_path):
    for wrong in (np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2)), np.full((2, 2), 256)):
        with pytest.raises(ValueError, match=r"mask\.png"):
            write_mask(tmp_path / "mask.png", wrong)
    assert as_label_map(np.full((2, 2), 255, np.int64)).dtype == np.uint8


# --- overlay ----------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_overlay_mixes_objects_and_keeps_the_background(seed, opacity):
    rng = np.random.default_rng(seed)
    frame = rng.integers(0, 256, (5, 7, 3), np.uint8)
    mask = rng.integers(0, 4, (5, 7), np.uint8)
    before = frame.copy()
    shown = overlay(frame, mask, opacity)
    assert shown.dtype == np.uint8
    assert np.array_equal(frame, before)
    assert np.array_equal(shown[mask == 0], frame[mask == 0])
    due = (1 - opacity) * frame.astype(float) + opacity * OBJECT_COLOURS[mask]
    assert np.abs(shown[mask > 0] - due[mask > 0]).max(initial=0) <= 0.5 + 1e-3


# --- lazy sequences ---------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 12), st.slices(12))
def test_a_lazy_sequence_is_indexed_like_a_list(length, chosen):
    lazy, plain = Lazy(length, lambda t: t * t), [t * t for t in range(length)]
    assert list(lazy) == plain
    assert list(lazy[chosen]) == plain[chosen]
    assert list(lazy[chosen][::-1]) == plain[chosen][::-1]
    for index in range(-length, length):
        assert lazy[index] == plain[index]
    for index in (length, -length - 1):
        with pytest.raises(IndexError, match=f"index {index} in a sequence of {length}"):
            lazy[index]


def test_an_index_error_inside_is_not_taken_for_the_end():
    with pytest.raises(IndexError):
        list(Lazy(3, lambda t: ["only", "two"][t]))


# --- Video ------------------------------------------------------------------------------------


def test_a_video_checks_its_parts():
    frames = [picture(t) for t in range(3)]
    with pytest.raises(ValueError, match="at least one frame"):
        Video("empty", [])
    with pytest.raises(ValueError, match="3 frames need 3 masks, not 2"):
        Video("clip", frames, masks=[None, None])
    with pytest.raises(ValueError, match="3 frames need 2 flow, not 3"):
        Video("clip", frames, flow=[np.zeros((*SIZE, 2), np.float32)] * 3)
    with pytest.raises(ValueError, match="clip: has no mask for its first frame"):
        _ = Video("clip", frames, masks=[None] * 3).first_mask


def test_frames_keep_the_names_of_their_files(tmp_path):
    for number in (10, 15, 20):
        Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(tmp_path / f"img{number:03d}.png")
    video = Video.read(tmp_path)
    assert list(video.frame_names) == ["img010", "img015", "img020"]
    assert list(video.part(1).resized(2).frame_names) == ["img015", "img020"]
    plain = Video("clip", np.zeros((3, 4, 6, 3), np.uint8))
    assert list(plain.frame_names) == ["00000", "00001", "00002"]
    with pytest.raises(ValueError, match="3 frames need 3 names, not 1"):
        Video("clip", np.zeros((3, 4, 6, 3), np.uint8), frame_names=["0"])


def test_a_part_is_lazy_and_takes_masks_and_flow_along():
    read = []

    def get(t: int) -> np.ndarray:
        read.append(t)
        return picture(t)

    flow = [np.full((*SIZE, 2), t, np.float32) for t in range(9)]
    video = Video("clip", Lazy(10, get), masks=[np.full(SIZE, t, np.uint8) for t in range(10)])
    part = Video("clip", video.frames, video.masks, flow).part(2, 5)
    assert read == []
    assert len(part) == 3
    assert np.array_equal(part.frames[0], picture(2))
    assert [int(mask[0, 0]) for mask in part.masks] == [2, 3, 4]
    assert [int(one[0, 0, 0]) for one in part.flow] == [2, 3]
    assert len(video.part(-2)) == 2


def test_resizing_keeps_labels_exact_and_scales_flow():
    flow = [np.broadcast_to(np.float32([4, 6]), (*SIZE, 2))]
    video = Video("clip", [picture(0), picture(1)], [label_map(), None], flow).resized(24)
    assert video.size == (24, 32)
    assert video.masks[0].shape == (24, 32)
    assert set(np.unique(video.masks[0])) == {0, 1, 2}
    assert video.masks[1] is None
    np.testing.assert_allclose(video.flow[0][5, 5], [2, 3])
    with pytest.raises(ValueError, match="0 pixels"):
        clip().resized(0)


# --- folders of images ------------------------------------------------------------------------


def test_a_folder_of_1000_frames_opens_without_reading_one(tmp_path, monkeypatch):
    folder = tmp_path / "long"
    folder.mkdir()
    Image.fromarray(picture(0)).save(folder / "00000.png")
    data = (folder / "00000.png").read_bytes()
    for t in range(1, 1000):
        (folder / f"{t:05d}.png").write_bytes(data)
    read = []
    decode = module.read_picture
    monkeypatch.setattr(module, "read_picture", lambda file: read.append(file) or decode(file))
    video = Video.read(folder)
    assert len(video) == 1000
    assert len(video.part(100, 900)) == 800
    assert read == []
    _ = video.frames[500]
    assert [file.name for file in read] == ["00500.png", "00000.png"]  # the first for its size
    _ = video.frames[501]
    assert len(read) == 3


def test_frames_come_in_the_order_of_their_numbers(tmp_path):
    for t in (0, 5, 10, 100, 95, *range(15, 95, 5)):
        (tmp_path / f"shot2_frame{t}.JPG").touch()
    files = numbered_files(tmp_path, (".jpg",))
    assert [file.stem for file in files] == [f"shot2_frame{t}" for t in range(0, 105, 5)]


def test_folders_with_faults_are_named(tmp_path):
    folder = write_folder(tmp_path / "gap", 6)
    (folder / "00003.png").unlink()
    with pytest.raises(ValueError, match=r"missing between 00002\.png and 00004\.png"):
        Video.read(folder)
    folder = write_folder(tmp_path / "twice", 3)
    (folder / "1.png").touch()
    with pytest.raises(ValueError, match=r"00001\.png and 1\.png have the same number"):
        Video.read(folder)
    folder = write_folder(tmp_path / "stray", 3)
    (folder / "cover.png").touch()
    with pytest.raises(ValueError, match=r"cover\.png: has no number"):
        Video.read(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty: holds no file that ends in"):
        Video.read(tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match="there is no such video file or folder"):
        Video.read(tmp_path / "nothing")


def test_frames_with_faults_are_named(tmp_path):
    folder = write_folder(tmp_path / "sizes", 3)
    Image.fromarray(picture(1, (40, 50))).save(folder / "00001.png")
    with pytest.raises(
        ValueError, match=r"00001\.png: is 50 x 40 pixels, but the first .* 64 x 48"
    ):
        Video.read(folder).frames[1]
    folder = write_folder(tmp_path / "cut", 3)
    whole = (folder / "00002.png").read_bytes()
    (folder / "00002.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"00002\.png: cannot be read"):
        Video.read(folder).frames[2]
    (folder / "00001.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"00001\.png: cannot be read"):
        Video.read(folder).frames[1]


def test_a_cut_jpeg_is_an_error_not_a_grey_picture(tmp_path):
    path = tmp_path / "0.jpg"
    Image.fromarray(cv2.GaussianBlur(picture(0), (0, 0), 3)).save(path, quality=95)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"0\.jpg: cannot be read"):
        image_frames([path])[0]


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "I;16"])
def test_images_of_other_kinds_become_rgb(tmp_path, mode):
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
    path = tmp_path / "0.png"
    image = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else None
    (image or Image.fromarray(grey).convert(mode)).save(path)
    frame = image_frames([path])[0]
    assert frame.shape == (6, 8, 3)
    assert frame.dtype == np.uint8
    np.testing.assert_array_equal(frame, np.repeat(grey[..., None], 3, axis=2))


def test_names_in_any_script(tmp_path):
    folder = write_folder(tmp_path / "Übung 影片 🎬", 2)
    assert np.array_equal(Video.read(folder).frames[1], picture(1))
    write_mask(tmp_path / "маска/0.png", label_map())
    assert read_mask(tmp_path / "маска/0.png").max() == 2
    clip(3).write(tmp_path / "κλιπ.mp4")
    assert len(Video.read(tmp_path / "κλιπ.mp4")) == 3
    clip(3).write(tmp_path / "κλιπ.gif")
    assert Video.read(tmp_path / "κλιπ.gif").name == "κλιπ"


def test_masks_are_found_by_name_and_may_be_missing(tmp_path):
    folder = write_folder(tmp_path / "frames", 3)
    for t in (0, 2):
        write_mask(tmp_path / f"masks/{t:05d}.png", label_map())
    video = Video.read(folder, masks=tmp_path / "masks", name="mine")
    assert video.name == "mine"
    assert np.array_equal(video.first_mask, label_map())
    assert [mask is None for mask in video.masks] == [False, True, False]
    write_mask(tmp_path / "masks/00001.png", label_map((40, 60)))
    with pytest.raises(ValueError, match=r"00001\.png: the mask is 60 x 40 pixels.* 64 x 48"):
        video.masks[1]
    with pytest.raises(FileNotFoundError, match="holds no mask named like"):
        Video.read(folder, masks=tmp_path)


# --- video files ------------------------------------------------------------------------------

CODECS = [
    ("a.mp4", "h264", 2),
    ("a.mov", "h264", 3),
    ("a.mkv", "h264", 2),
    ("b.avi", "mpeg4", 0),
    ("c.avi", "mpeg4", 2),  # AVI has no time stamps, so frames that are reordered are the hard case
    ("d.avi", "h264", 2),
    ("e.avi", "mjpeg", 0),
    ("a.mpg", "mpeg1video", 2),
]


def encode(
    path: Path,
    codec: str = "h264",
    b_frames: int = 0,
    frames: list[np.ndarray] | None = None,
    flags: str = "",
) -> Path:
    with av.open(str(path), "w", options={"movflags": flags} if flags else {}) as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = SIZE
        stream.bit_rate = 4_000_000  # enough that a frame can be told from its neighbour
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = 12
        stream.codec_context.max_b_frames = b_frames
        for frame in frames or [picture(t) for t in range(60)]:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(("name", "codec", "b_frames"), CODECS)
def test_any_order_of_access_gives_the_frames_in_order(tmp_path, name, codec, b_frames):
    path = encode(tmp_path / name, codec, b_frames)
    with av.open(str(path)) as container:
        due = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    video = Video.read(path)
    assert len(video) == len(due) == 60
    assert video.fps == pytest.approx(25)
    for t in [*np.random.default_rng(1).permutation(60).tolist(), 0, 59, 0, 30, 31, 30]:
        assert np.array_equal(video.frames[t], due[t]), t
    # The frame says its own number, so that a shift by one would show.
    shown = [float(frame[-4:].mean()) / 4 for frame in video.frames]
    assert np.abs(np.array(shown) - np.arange(60)).max() < 0.9


def test_a_frame_belongs_to_its_reader(tmp_path):
    video = Video.read(encode(tmp_path / "a.mp4"))
    before = video.frames[1].copy()
    video.frames[1][:] = 0
    assert np.array_equal(video.frames[1], before)


def test_a_portrait_video_stands_up(tmp_path):
    path = encode(tmp_path / "lying.mp4")
    lying = Video.read(path).frames[2]
    data = bytearray(path.read_bytes())
    # The matrix of the track header, here: turn clockwise by a quarter.
    at = data.index(b"tkhd") + 44
    assert struct.unpack(">9i", data[at : at + 36])[0] == 1 << 16
    turned = (0, 1 << 16, 0, -(1 << 16), 0, 0, SIZE[0] << 16, 0, 1 << 30)
    data[at : at + 36] = struct.pack(">9i", *turned)
    (tmp_path / "standing.mp4").write_bytes(data)
    video = Video.read(tmp_path / "standing.mp4")
    assert video.size == (SIZE[1], SIZE[0])
    assert np.array_equal(video.frames[2], np.rot90(lying, -1))
    ok, other = cv2.VideoCapture(str(tmp_path / "standing.mp4")).read()
    assert ok
    assert np.array_equal(other[..., ::-1], video.frames[0])  # as OpenCV turns it


@pytest.mark.parametrize("name", ["one.mp4", "one.gif"])
def test_a_video_of_one_frame(tmp_path, name):
    clip(1).write(tmp_path / name)
    video = Video.read(tmp_path / name)
    assert len(video) == 1
    assert video.frames[0].shape == (*SIZE, 3)
    assert video.fps > 0


@pytest.mark.parametrize("flags", ["", "faststart"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8, 0.95])
def test_a_cut_mp4_is_an_error_not_a_short_video(tmp_path, flags, share):
    noise = list(np.random.default_rng(0).integers(0, 256, (10, *SIZE, 3), np.uint8))
    path = encode(tmp_path / "cut.mp4", b_frames=2, frames=noise, flags=flags)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"cut\.mp4: (is cut off|cannot be decoded|holds no)"):
        Video.read(path)


def test_files_that_are_no_videos_are_named(tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(ValueError, match=r"text\.mp4: cannot be decoded"):
        Video.read(tmp_path / "text.mp4")
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(ValueError, match=r"empty\.mp4: cannot be decoded"):
        Video.read(tmp_path / "empty.mp4")
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.sample_rate = 16000
        container.mux(stream.encode(silence))
        container.mux(stream.encode())
    with pytest.raises(ValueError, match=r"sound\.mp4: cannot be decoded as a video"):
        Video.read(tmp_path / "sound.mp4")


def test_the_real_clip_in_any_order(real_data):
    path = real_data / "video/judo.mp4"
    if not path.is_file():
        pytest.skip(f"no clip: {path}")
    with av.open(str(path)) as container:
        due = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    video = Video.read(path)
    assert len(video) == len(due) == 117
    assert video.size == (480, 640)
    order = [*range(117), *np.random.default_rng(3).permutation(117)[:12].tolist()]
    for t in order:
        assert np.array_equal(video.frames[t], due[t]), t


# --- writing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".GIF"])
def test_overlays_are_written(tmp_path, suffix):
    video = clip(6)
    masks = [label_map()] * 5 + [None]
    path = tmp_path / "new" / f"shown{suffix}"
    video.write(path, masks, opacity=1.0)
    back = Video.read(path)
    assert len(back) == 6
    assert back.size == SIZE
    assert back.fps == pytest.approx(10)
    due = [overlay(video.frames[t], label_map(), 1.0) for t in range(5)] + [video.frames[5]]
    tolerance = 6 if suffix == ".mp4" else 0  # the palette of a GIF has room for these few colours
    for t in range(6):
        error = np.abs(back.frames[t].astype(int) - due[t])
        assert np.median(error) <= tolerance
        assert error.mean() <= 2 * tolerance


def test_odd_sizes_are_written(tmp_path):
    video = clip(3, (45, 63))
    video.write(tmp_path / "odd.gif")
    assert Video.read(tmp_path / "odd.gif").size == (45, 63)
    video.write(tmp_path / "odd.mp4")  # browsers play even sizes only
    back = Video.read(tmp_path / "odd.mp4")
    assert back.size == (46, 64)
    assert np.median(np.abs(back.frames[2][:45, :63].astype(int) - video.frames[2])) <= 6


def test_writing_reads_one_frame_at_a_time(tmp_path):
    alive = []

    def frames():
        for t in range(4):
            alive.append(t)
            yield picture(t)

    write_frames(tmp_path / "lazy.mp4", frames(), fps=12.5)
    assert alive == [0, 1, 2, 3]
    assert Video.read(tmp_path / "lazy.mp4").fps == pytest.approx(12.5)


def test_what_cannot_be_written_is_said(tmp_path):
    video = clip(3)
    with pytest.raises(ValueError, match=r"can write \.mp4 and \.gif, not \.avi"):
        video.write(tmp_path / "clip.avi")
    with pytest.raises(ValueError, match="3 frames, but 2 masks"):
        video.write(tmp_path / "clip.mp4", [None, None])
    for name in ("clip.mp4", "clip.gif"):
        with pytest.raises(ValueError, match=r"clip: mask 1 has the shape \(4, 4\)"):
            video.write(tmp_path / name, [None, np.zeros((4, 4), np.uint8), None])
        with pytest.raises(ValueError, match="there is no frame to write"):
            write_frames(tmp_path / name, [])
        with pytest.raises(ValueError, match=r"frame 1 has the shape \(20, 64, 3\)"):
            write_frames(tmp_path / name, [picture(0), picture(0)[:20]])
