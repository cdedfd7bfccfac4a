"""Flow files: exact round trips, and refusals that name the file and the reason."""

import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vos_lab.flow.files import known, read_flow, write_flow

sizes = st.tuples(st.integers(1, 7), st.integers(1, 7))


@st.composite
def flows(draw, elements):
    """A flow with NaN, in both parts, at some pixels."""
    height, width = draw(sizes)
    flow = draw(hnp.arrays(np.float32, (height, width, 2), elements=elements))
    flow[draw(hnp.arrays(bool, (height, width)))] = np.nan
    return flow


finite = st.floats(-1e9, 1e9, width=32)
sixty_fourths = st.integers(-(2**15), 2**15 - 1).map(lambda i: i / 64)


@pytest.mark.parametrize("suffix", [".flo", ".pfm"])
@settings(max_examples=40, deadline=None)
@given(flow=flows(finite))
def test_floats_come_back_bit_for_bit(tmp_path_factory, suffix, flow):
    path = tmp_path_factory.mktemp("flow") / f"f{suffix}"
    write_flow(path, flow)
    back = read_flow(path)
    assert back.dtype == np.float32
    known_pixels = known(flow)
    np.testing.assert_array_equal(known(back), known_pixels)
    assert back[known_pixels].tobytes() == flow[known_pixels].tobytes()  # -0.0 too


@settings(max_examples=40, deadline=None)
@given(flow=flows(sixty_fourths))
def test_kitti_keeps_sixty_fourths(tmp_path_factory, flow):
    path = tmp_path_factory.mktemp("flow") / "f.png"
    write_flow(path, flow)
    np.testing.assert_array_equal(read_flow(path), flow)


@settings(max_examples=25, deadline=None)
@given(flow=flows(st.floats(-511, 511, width=32)))
def test_kitti_rounds_to_the_nearest(tmp_path_factory, flow):
    path = tmp_path_factory.mktemp("flow") / "f.png"
    write_flow(path, flow)
    difference = np.abs(read_flow(path) - flow)[known(flow)]
    assert (difference <= 1 / 128 + 1e-6).all()


def test_the_bytes_of_a_flo_file_are_those_of_middlebury(tmp_path):
    flow = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    write_flow(tmp_path / "f.flo", flow)
    expected = b"PIEH" + struct.pack("<2i", 3, 2) + struct.pack("<12f", *range(12))
    assert (tmp_path / "f.flo").read_bytes() == expected


def test_a_huge_number_in_a_flo_file_is_unknown(tmp_path):
    data = b"PIEH" + struct.pack("<2i", 2, 1) + struct.pack("<4f", 1.67e9, 1.67e9, 1, 2)
    (tmp_path / "f.flo").write_bytes(data)
    np.testing.assert_array_equal(read_flow(tmp_path / "f.flo"), [[[np.nan, np.nan], [1, 2]]])


def test_kitti_files_of_the_official_kit_are_understood(tmp_path):
    # dx = 1.5, dy = -2 at the first pixel; the second is not known, whatever it holds.
    bgr = np.array([[[1, 2**15 - 128, 2**15 + 96], [0, 7, 7]]], np.uint16)
    cv2.imwrite(str(tmp_path / "f.png"), bgr)
    np.testing.assert_array_equal(read_flow(tmp_path / "f.png"), [[[1.5, -2], [np.nan, np.nan]]])


def test_torchvision_reads_what_we_write(tmp_path):
    from torchvision.datasets._optical_flow import _read_16bits_png_with_flow_and_valid_mask
    from torchvision.datasets.utils import _read_pfm

    flow = (np.random.default_rng(0).integers(-999, 999, (4, 5, 2)) / 64).astype(np.float32)
    write_flow(tmp_path / "f.pfm", flow)
    theirs = _read_pfm(tmp_path / "f.pfm")[:2]
    np.testing.assert_array_equal(np.moveaxis(theirs, 0, -1), flow)
    flow[0, 0] = np.nan
    write_flow(tmp_path / "f.png", flow)
    values, valid = _read_16bits_png_with_flow_and_valid_mask(tmp_path / "f.png")
    valid = np.asarray(valid).astype(bool).reshape(4, 5)
    np.testing.assert_array_equal(valid, known(flow))
    np.testing.assert_array_equal(np.moveaxis(np.asarray(values), 0, -1)[valid], flow[valid])


def test_big_endian_pfm(tmp_path):
    values = np.array([[[3, 4, 0]], [[1, 2, 0]]], ">f4")  # the lowest row first
    (tmp_path / "f.pfm").write_bytes(b"PF\n1 2\n1.0\n" + values.tobytes())
    np.testing.assert_array_equal(read_flow(tmp_path / "f.pfm"), [[[1, 2]], [[3, 4]]])


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".flo", ".png", ".pfm"])
def test_truncated_at_any_byte_is_refused(tmp_path, suffix):
    whole = tmp_path / f"whole{suffix}"
    write_flow(whole, np.random.default_rng(0).integers(-9, 9, (3, 4, 2)).astype(np.float32))
    data, cut = whole.read_bytes(), tmp_path / f"cut{suffix}"
    for length in range(len(data)):
        cut.write_bytes(data[:length])
        with pytest.raises(ValueError, match=f"cut{suffix}"):
            read_flow(cut)


@pytest.mark.parametrize("suffix", [".flo", ".pfm"])
def test_surplus_bytes_are_refused(tmp_path, suffix):
    path = tmp_path / f"f{suffix}"
    write_flow(path, np.zeros((2, 2, 2), np.float32))
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ValueError, match="more after its end"):
        read_flow(path)


@pytest.mark.parametrize("suffix", [".flo", ".png", ".pfm"])
@settings(max_examples=30, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_other_bytes_are_refused(tmp_path_factory, suffix, data):
    path = tmp_path_factory.mktemp("flow") / f"f{suffix}"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="f"):
        read_flow(path)


def test_foreign_files_are_refused_with_the_reason(tmp_path):
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match=r"picture\.png: .*has 3 channel\(s\) of 8 bits"):
        read_flow(picture)
    cv2.imwrite(str(picture), np.zeros((4, 4), np.uint16))
    with pytest.raises(ValueError, match=r"1 channel\(s\) of 16 bits"):
        read_flow(picture)
    disparity = tmp_path / "d.pfm"
    disparity.write_bytes(b"Pf\n1 1\n-1.0\n" + bytes(4))
    with pytest.raises(ValueError, match="one channel, it is a disparity"):
        read_flow(disparity)
    image = tmp_path / "i.pfm"
    image.write_bytes(b"PF\n1 1\n-1.0\n" + struct.pack("<3f", 1, 2, 3))
    with pytest.raises(ValueError, match="third channel"):
        read_flow(image)
    empty = tmp_path / "e.flo"
    empty.write_bytes(b"PIEH" + struct.pack("<2i", -1, 5))
    with pytest.raises(ValueError, match="-1 x 5"):
        read_flow(empty)


def test_what_cannot_be_stored_is_refused(tmp_path):
    with pytest.raises(ValueError, match="-512 to 511"):
        write_flow(tmp_path / "f.png", np.full((1, 1, 2), 600, np.float32))
    assert not (tmp_path / "f.png").exists()
    with pytest.raises(ValueError, match="not known"):
        write_flow(tmp_path / "f.flo", np.full((1, 1, 2), np.inf, np.float32))
    with pytest.raises(ValueError, match="float32"):
        write_flow(tmp_path / "f.flo", np.zeros((1, 1, 2)))
    with pytest.raises(ValueError, match=r"\(H, W, 2\)"):
        write_flow(tmp_path / "f.flo", np.zeros((2, 1, 1), np.float32))
    with pytest.raises(ValueError, match="by the file's ending"):
        write_flow(tmp_path / "f.txt", np.zeros((1, 1, 2), np.float32))
    with pytest.raises(ValueError, match="by the file's ending"):
        read_flow(tmp_path / "f.txt")
    with pytest.raises(FileNotFoundError, match=r"none\.flo"):
        read_flow(tmp_path / "none.flo")


def test_kitti_flow_with_its_channels_swapped_is_refused(tmp_path):
    flow = np.full((4, 5, 2), 3, np.float32)
    flow[0, 0] = np.nan
    path = tmp_path / "f.png"
    write_flow(path, flow)
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(path), pixels[..., ::-1])
    with pytest.raises(ValueError, match=r"f\.png: .*its channels are swapped"):
        read_flow(path)
    pixels[1, 1, 0] = 2
    cv2.imwrite(str(path), pixels)
    with pytest.raises(ValueError, match="0 or 1, but holds 2"):
        read_flow(path)


@pytest.mark.parametrize("scale", ["0", "-0.0", "nan", "inf", "-inf"])
def test_a_pfm_with_a_scale_that_says_nothing_is_refused(tmp_path, scale):
    path = tmp_path / "f.pfm"
    path.write_bytes(f"PF\n1 1\n{scale}\n".encode() + bytes(12))
    with pytest.raises(ValueError, match=r"f\.pfm: .*its header says the scale"):
        read_flow(path)


@pytest.mark.parametrize("suffix", [".FLO", ".PNG", ".Pfm"])
def test_endings_in_any_case(tmp_path, suffix):
    flow = np.ones((3, 4, 2), np.float32)
    write_flow(tmp_path / f"f{suffix}", flow)
    assert np.array_equal(read_flow(tmp_path / f"f{suffix}"), flow)


def test_a_flipped_bit_in_a_kitti_file_is_an_error(tmp_path):
    path = tmp_path / "f.png"
    write_flow(path, np.random.default_rng(0).normal(0, 9, (6, 7, 2)).astype(np.float32))
    whole = path.read_bytes()
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << at % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"f\.png: "):
            read_flow(path)
