"""Masks and frames as people have them: odd names, few bits, soft edges, turned, and huge."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from vos_lab.flow.files import read_flow
from vos_lab.metrics.folders import evaluate_folders
from vos_lab.video import PALETTE, Video, numbered_files, read_mask, write_mask
from vos_lab.video.label_maps import is_soft
from vos_lab.video.names import files_in, in_order, numbers_of
from vos_lab.video.png import MAX_PIXELS, decode

SIZE = (48, 64)


def disc(size=SIZE, radius=15, labels=1):
    y, x = np.mgrid[: size[0], : size[1]]
    mask = np.zeros(size, np.uint8)
    for label in range(1, labels + 1):
        mask[(y - 24) ** 2 + (x - 14 * label) ** 2 < (radius / labels) ** 2] = label
    return mask


def png(width, height, depth=8, colour=0, rows=b"\0"):
    """A PNG file that may say anything of its size."""

    def chunk(kind, data):
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "due"),
    [
        (["10.png", "9.png", "11.png"], ["9.png", "10.png", "11.png"]),
        (["a_10_480p.png", "a_9_480p.png"], ["a_9_480p.png", "a_10_480p.png"]),
        (["t10_0.333.png", "t9_0.300.png"], ["t9_0.300.png", "t10_0.333.png"]),
        (["f1_0.033.png", "f2_0.067.png"], ["f1_0.033.png", "f2_0.067.png"]),
        (["a9.png", "take2_a10.png"], ["a9.png", "take2_a10.png"]),
        (["cover.png"], ["cover.png"]),
    ],
)
def test_frames_are_ordered_by_the_number_that_changes(tmp_path, names, due):
    for name in names:
        (tmp_path / name).touch()
    assert [file.name for file in in_order(files_in(tmp_path, (".png",)))] == due


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["a.png", "b.png"], r"a\.png: has no number in its name, nor has another"),
        (["0.png", "b.png"], r"b\.png: has no number in its name, unlike"),
        (["1.png", "01.png"], r"01\.png and 1\.png have the same number \(1\)"),
        (["1_30.png", "2_10.png"], "nobody can tell which comes first"),
        (["10-59.png", "11-00.png"], "nobody can tell which comes first"),
        (["1_1.png", "1_2.png", "2_1.png"], "have the same number|nobody can tell"),
    ],
)
def test_names_that_cannot_be_ordered_are_an_error(tmp_path, names, problem):
    for name in names:
        write_mask(tmp_path / "masks" / name, disc())
    with pytest.raises(ValueError, match=problem):
        in_order(files_in(tmp_path / "masks", (".png",)))
    with pytest.raises(ValueError, match=problem):
        Video.read(tmp_path / "masks")
    with pytest.raises(ValueError, match=problem):
        evaluate_folders(tmp_path / "masks", tmp_path / "masks", progress=False)


def test_the_first_number_that_counts_tells_of_gaps(tmp_path):
    for t in range(5):
        write_mask(tmp_path / f"frame{t}_at_{t / 30:.3f}.png", disc())
    assert len(numbered_files(tmp_path, (".png",))) == 5
    (tmp_path / "frame2_at_0.067.png").unlink()
    with pytest.raises(ValueError, match=r"missing between frame1_at_0\.033\.png and frame3"):
        numbered_files(tmp_path, (".png",))


def test_a_single_picture_is_a_video_of_one_frame(tmp_path):
    write_mask(tmp_path / "a.png", disc())
    assert len(Video.read(tmp_path / "a.png")) == 1


def test_steps_are_kept():
    from pathlib import Path

    assert numbers_of([Path(f"{t}.jpg") for t in (5, 10, 15)]) == range(5, 16, 5)
    assert numbers_of([Path("MOTS20-02_000007.png")]) == range(7, 8)


def test_odd_names_and_other_files_beside_the_frames(tmp_path):
    folder = tmp_path / "Größe 1 é"
    for t in range(3):
        write_mask(folder / f"Bild {t}.PNG", disc())
        (folder / f"._Bild {t}.PNG").write_bytes(b"Mac")
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "notes.txt"):
        (folder / name).touch()
    (folder / ".ipynb_checkpoints").mkdir()
    write_mask(folder / ".ipynb_checkpoints/Bild 0-checkpoint.png", disc())
    assert [file.name for file in numbered_files(folder, (".png",))] == [
        "Bild 0.PNG",
        "Bild 1.PNG",
        "Bild 2.PNG",
    ]
    assert len(Video.read(folder, masks=folder)) == 3
    assert Video.read(folder, masks=folder).masks[2].max() == 1
    assert evaluate_folders(folder, folder, progress=False)["overall"]["JF"] == 1


def test_a_folder_one_too_deep_is_named(tmp_path):
    write_mask(tmp_path / "clip/frames/0.png", disc())
    with pytest.raises(ValueError, match=r"clip: holds no file .* but .*frames does: name that"):
        Video.read(tmp_path / "clip")
    with pytest.raises(FileNotFoundError, match=r"clip/frames, so name .*clip"):
        evaluate_folders(tmp_path, tmp_path, progress=False)
    write_mask(tmp_path / "one/0.png", disc())
    with pytest.raises(FileNotFoundError, match=r"clip: holds no mask .*frames does"):
        Video.read(tmp_path / "one", masks=tmp_path / "clip")


def test_masks_are_found_whatever_the_case_of_their_ending(tmp_path):
    for t, ending in enumerate(("png", "PNG", "Png")):
        write_mask(tmp_path / f"frames/{t}.{ending}", disc())
        write_mask(tmp_path / f"masks/{t}.{ending.swapcase()}", disc())
    video = Video.read(tmp_path / "frames", masks=tmp_path / "masks")
    assert [mask.max() for mask in video.masks] == [1, 1, 1]
    write_mask(tmp_path / "masks/1.PNG", disc())
    with pytest.raises(ValueError, match=r"1\.png: there is 1\.PNG too"):
        Video.read(tmp_path / "frames", masks=tmp_path / "masks")


def test_masks_that_belong_to_no_frame_are_said(tmp_path):
    for t in range(4):
        if t < 2:
            write_mask(tmp_path / f"frames/{t}.png", disc())
        write_mask(tmp_path / f"masks/{t}.png", disc())
    with pytest.warns(UserWarning, match=r"2\.png: belongs to no frame of .*, nor 1 more"):
        video = Video.read(tmp_path / "frames", masks=tmp_path / "masks")
    assert len(video.masks) == 2


def test_a_mac_and_others_spell_the_same_name(tmp_path):
    write_mask(tmp_path / "frames/B\u00e4r 0.png", disc())
    write_mask(tmp_path / "masks/Ba\u0308r 0.png", disc())
    assert Video.read(tmp_path / "frames", masks=tmp_path / "masks").masks[0].max() == 1
    assert evaluate_folders(tmp_path / "frames", tmp_path / "masks", progress=False)


# --- damage -----------------------------------------------------------------------------------

MODES = {
    "1-bit palette": (disc(), {"palette": True, "bits": 1}),
    "2-bit palette": (disc(labels=3), {"palette": True, "bits": 2}),
    "4-bit palette": (disc(labels=4), {"palette": True, "bits": 4}),
    "palette": (disc(labels=4), {"palette": True}),
    "grey": (disc(labels=4), {}),
    "1-bit grey": ((disc() > 0), {}),
    "16 bits": (disc().astype(np.uint16) * 1001, {}),
    "RGB": (np.repeat(disc()[..., None] * 255, 3, 2), {}),
    "RGBA": (np.dstack([np.repeat(disc()[..., None] * 255, 3, 2), np.full(SIZE, 255)]), {}),
}


def save(path, pixels, palette=False, **options):
    image = Image.fromarray(pixels if pixels.dtype in (bool, np.uint16) else pixels.astype("u1"))
    if palette:
        image.putpalette(PALETTE.tobytes()[: 3 << options.get("bits", 8)])
    image.save(path, **options)


@pytest.mark.parametrize("kind", MODES)
@pytest.mark.parametrize("reader", ["mask", "ids", "frame"])
def test_no_flipped_bit_is_read_as_another_picture(tmp_path, kind, reader):
    from vos_lab.datasets.mots import read_ids

    pixels, options = MODES[kind]
    path = tmp_path / "0.png"
    save(path, pixels, **options)
    read = {
        "mask": read_mask,
        "ids": read_ids,
        "frame": lambda file: Video.read(file.parent).frames[0],
    }[reader]
    whole = path.read_bytes()
    try:
        right = read(path)
    except ValueError:
        assert (reader, kind) not in {("frame", kind), ("ids", "16 bits"), ("mask", "RGB")}
        right = None
    else:
        if reader == "mask":
            labels = pixels[..., 0] if pixels.ndim == 3 else pixels
            assert np.array_equal(right > 0, labels > 0)
            assert right.max() == (labels.max() if pixels.ndim == 2 else 1)
    for at in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << at % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"0\.png: "):
            read(path)


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("width", [1, 7, 8, 9, 64])
@pytest.mark.parametrize("palette", [True, False])
def test_few_bits_read_as_pillow_reads_them(tmp_path, bits, width, palette):
    rng = np.random.default_rng(width)
    labels = rng.integers(0, 2**bits, (13, width), np.uint8)
    # Pillow writes grey of 8 bits only, so such a file is made by hand.
    weights = 1 << np.arange(8 - bits, -1, -bits)
    padded = np.pad(labels, ((0, 0), (0, -width % (8 // bits))))
    packed = (padded.reshape(13, -1, 8 // bits) * weights).sum(axis=2).astype(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in packed)
    if palette:
        save(tmp_path / "a.png", labels, palette=True, bits=bits)
    else:
        (tmp_path / "a.png").write_bytes(png(width, 13, bits, 0, rows))
    with Image.open(tmp_path / "a.png") as image:
        due = np.array(image)
    mode, values = decode((tmp_path / "a.png").read_bytes())
    assert mode == ("P" if palette else "1" if bits == 1 else "L")
    assert np.array_equal(values, due)


# --- soft masks -------------------------------------------------------------------------------


def soft(sigma=1.5):
    return cv2.GaussianBlur(disc() * 255, (0, 0), sigma)


@pytest.mark.parametrize("sigma", [0.5, 1, 3, 8])
def test_soft_masks_are_recognised_and_read_with_a_threshold(tmp_path, sigma):
    path = tmp_path / "soft.png"
    Image.fromarray(soft(sigma)).save(path)
    for binary in (None, True, False):
        with pytest.raises(ValueError, match=r"soft\.png: has soft edges.*--threshold 0\.5"):
            read_mask(path, binary)
    assert np.array_equal(read_mask(path, threshold=0.5), soft(sigma) >= 128)
    assert np.array_equal(read_mask(path, threshold=0.2), soft(sigma) >= 51)
    Image.fromarray(soft(sigma).astype(np.uint16) * 257).save(path)
    with pytest.raises(ValueError, match=r"mode I;16.*threshold=0\.5"):
        read_mask(path)
    assert np.array_equal(read_mask(path, threshold=0.5), soft(sigma) >= 128)


def test_a_smooth_edge_of_few_values_is_soft():
    edge = np.tile(np.array([0, 0, 0, 15, 77, 178, 255, 255, 255], np.uint8), (9, 1))
    assert is_soft(edge)
    assert is_soft(edge.T.copy())


@pytest.mark.parametrize(
    "labels",
    [
        disc(labels=4),
        np.where(disc(labels=4) == 4, 255, disc(labels=4)),  # void
        disc(labels=4) * 60,  # labels that somebody made visible
        np.repeat(np.repeat(np.arange(48, dtype=np.uint8).reshape(6, 8), 8, 0), 8, 1),
        np.tile(np.array([0, 1, 2], np.uint8), (4, 9)),
    ],
)
def test_label_maps_are_not_soft(tmp_path, labels):
    labels = labels.astype(np.uint8)
    Image.fromarray(labels).save(tmp_path / "labels.png")
    assert np.array_equal(read_mask(tmp_path / "labels.png", binary=False), labels)
    noise = np.random.default_rng(0).integers(0, 256, SIZE, np.uint8)
    write_mask(tmp_path / "noise.png", noise)  # a palette: labels, whatever they look like
    assert np.array_equal(read_mask(tmp_path / "noise.png"), noise)


def test_a_jpeg_is_no_mask_whatever_its_name(tmp_path):
    path = tmp_path / "0.png"
    for mode in ("L", "RGB"):
        Image.fromarray(disc() * 255).convert(mode).save(path, format="JPEG")
        with pytest.raises(ValueError, match=r"0\.png: is a JPEG, whatever its name"):
            read_mask(path)
        assert np.array_equal(read_mask(path, threshold=0.5), disc())
    Image.fromarray(PALETTE[disc(labels=4)]).save(path, format="JPEG")
    with pytest.raises(ValueError, match="is in colours, so it holds no probabilities"):
        read_mask(path, threshold=0.5)


@pytest.mark.parametrize("threshold", [0, -1, 1.5, 128, float("nan")])
def test_a_threshold_is_a_share(tmp_path, threshold):
    with pytest.raises(ValueError, match="threshold is"):
        read_mask(tmp_path / "any.png", threshold=threshold)


def test_masks_with_transparency(tmp_path):
    shape = disc() * 255
    white, black = np.full((*SIZE, 3), 255, np.uint8), np.zeros((*SIZE, 3), np.uint8)
    shown = np.repeat(shape[..., None], 3, 2)
    for name, colours in (("white", white), ("shown", shown)):
        Image.fromarray(np.dstack([colours, shape])).save(tmp_path / f"{name}.png")
        assert np.array_equal(read_mask(tmp_path / f"{name}.png"), disc()), name
    Image.fromarray(np.dstack([black, shape])).save(tmp_path / "black.png")
    with pytest.raises(ValueError, match=r"black\.png: .* its shape is in the transparency alone"):
        read_mask(tmp_path / "black.png")
    Image.fromarray(np.dstack([shown, 0 * shape])).save(tmp_path / "unseen.png")
    with pytest.raises(ValueError, match=r"unseen\.png: .*transparen"):
        read_mask(tmp_path / "unseen.png")


# --- photos that are turned -------------------------------------------------------------------


def test_photos_that_are_turned_by_their_tag_against_masks_that_are_not(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "frames").mkdir()
    for t in range(2):
        photo = Image.fromarray(np.zeros((*SIZE, 3), np.uint8))
        photo.save(tmp_path / f"frames/{t}.jpg", exif=exif)
        write_mask(tmp_path / f"lying/{t}.png", disc())
        write_mask(tmp_path / f"standing/{t}.png", np.rot90(disc(), -1))
    video = Video.read(tmp_path / "frames", masks=tmp_path / "standing")
    assert video.size == video.masks[1].shape == SIZE[::-1]
    video = Video.read(tmp_path / "frames", masks=tmp_path / "lying")
    with pytest.raises(ValueError, match=r"1\.png: .* 1\.jpg is turned, as its EXIF tag says"):
        _ = video.masks[1]
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(tmp_path / "frames/1.jpg")
    with pytest.raises(ValueError, match=r"1\.jpg: is .*\(0\.jpg is turned, as its EXIF tag says"):
        _ = Video.read(tmp_path / "frames").frames[1]


# --- very large pictures ----------------------------------------------------------------------


def test_a_picture_that_says_it_is_too_large_is_named(tmp_path):
    from vos_lab.datasets.mots import read_ids

    path = tmp_path / "0.png"
    said = rf"0\.png: .*60000 x 60000 pixels, at most {MAX_PIXELS:,} are read"
    for depth, colour in ((8, 0), (8, 3), (8, 2), (16, 0), (16, 2), (1, 0)):
        path.write_bytes(png(60_000, 60_000, depth, colour))
        for read in (read_mask, read_ids, read_flow, lambda p: Video.read(p.parent).frames[0]):
            with pytest.raises(ValueError, match=said):
                read(path)
        with pytest.raises(ValueError, match=said):
            evaluate_folders(tmp_path, tmp_path, progress=False)
    path.write_bytes(png(30_000, 30_000))
    with pytest.raises(ValueError, match=r"0\.png: .* does not hold 30000 x 30000 pixels"):
        read_mask(path)
    header = struct.pack("<f2i", 202021.25, 60_000, 60_000)
    (tmp_path / "0.flo").write_bytes(header)
    with pytest.raises(ValueError, match=r"0\.flo: .*60000 x 60000"):
        read_flow(tmp_path / "0.flo")


def test_a_picture_beyond_the_limits_of_pillow_is_read(tmp_path):
    side = 13_500
    row = b"\0" + bytes(side - 1) + b"\7"
    path = tmp_path / "large.png"
    path.write_bytes(png(side, side, rows=row * side))
    mask = read_mask(path, binary=False)
    assert mask.shape == (side, side)
    assert mask[5, -2:].tolist() == [0, 7]


def test_what_does_not_fit_into_memory_is_named(tmp_path, monkeypatch):
    from vos_lab.video import label_maps

    write_mask(tmp_path / "0.png", disc())

    def too_much(data):
        raise MemoryError

    monkeypatch.setattr(label_maps, "decode", too_much)
    with pytest.raises(ValueError, match=r"0\.png: cannot be read .* not enough memory"):
        read_mask(tmp_path / "0.png")
