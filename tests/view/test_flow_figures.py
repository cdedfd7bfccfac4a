"""Pictures of flow: one scale for all, a wheel beside them, and the numbers that they claim."""

import io
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from vos_lab.flow import flow_to_rgb, warp
from vos_lab.view.figures import flow as flow_figures
from vos_lab.view.figures.page import Figure

ALT = 'A "quoted" <description> & more.'


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def to_the_right(pixels=2.0, height=24, width=36) -> np.ndarray:
    return np.tile(np.float32([pixels, 0]), (height, width, 1))


def texture(height=24, width=36) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def pixels(figure: Figure) -> np.ndarray:
    image = Image.open(io.BytesIO(figure.data)).convert("RGBA")
    shown = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(shown)[..., :3].astype(int)


def share_near(picture: np.ndarray, colour, within=12) -> float:
    """The share of the pixels that have nearly a colour."""
    return float((np.abs(picture - np.array(colour)).max(axis=-1) <= within).mean())


CORNER, EDGE = np.diag([900.0, 800.0]), np.diag([900.0, 0.1])
PATCH = texture(21, 21)[..., 0]
KINDS = {
    "flow_picture": lambda alt: flow_figures.flow_picture(to_the_right(), title="Red.", alt=alt),
    "quiver": lambda alt: flow_figures.quiver(texture(), to_the_right(), title="Right.", alt=alt),
    "warp_views": lambda alt: flow_figures.warp_views(
        texture(), texture(), to_the_right(0), title="Same.", alt=alt
    ),
    "error_maps": lambda alt: flow_figures.error_maps(
        {"a": to_the_right(3), "b": to_the_right(2)}, to_the_right(), title="b.", alt=alt
    ),
    "structure_figure": lambda alt: flow_figures.structure_figure(
        {"corner": (PATCH, CORNER), "edge": (PATCH, EDGE)}, title="Two.", alt=alt
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_description_is_a_must_and_the_same_input_gives_the_same_bytes(kind):
    with pytest.raises(ValueError, match="alt="):
        KINDS[kind](" ")
    figure = KINDS[kind](ALT)
    assert figure.data == KINDS[kind](ALT).data
    assert '<img alt="A &quot;quoted&quot; &lt;description&gt; &amp; more."' in figure.html
    assert pixels(figure).shape[1] == round(1.5 * 924)
    assert len(figure.data) < 120_000


def test_the_colour_in_the_picture_is_that_of_the_flow():
    up = np.tile(np.float32([0, -3]), (24, 36, 1))
    figure = flow_figures.flow_picture({"right": to_the_right(3), "up": up}, title="T.", alt=ALT)
    picture = pixels(figure)
    for flow in (to_the_right(3), up):
        assert share_near(picture, flow_to_rgb(flow, max_flow=3)[0, 0]) > 0.1


def test_all_flows_of_a_figure_share_one_scale():
    two = {"slow": to_the_right(1), "fast": to_the_right(4)}
    picture = pixels(flow_figures.flow_picture(two, title="T.", alt=ALT))
    assert share_near(picture, (255, 0, 0)) > 0.1
    assert share_near(picture, (255, 191, 191)) > 0.1  # a quarter of the way from white to red


def test_unknown_flow_is_black_and_no_flow_white():
    unknown = np.full((24, 36, 2), np.nan, np.float32)
    both = {"unknown": unknown, "still": to_the_right(0)}
    picture = pixels(flow_figures.flow_picture(both, title="T.", alt=ALT))
    assert share_near(picture, (0, 0, 0)) > 0.1
    assert share_near(picture, (255, 255, 255)) > 0.4


def yellow_pixels(flow, where=None):
    dark = np.zeros((120, 180, 3), np.uint8)
    picture = pixels(flow_figures.quiver(dark, flow, every=15, where=where, title="T.", alt=ALT))
    # Compression pales thin lines, so anything clearly yellow counts.
    return (picture[..., 0] > 150) & (picture[..., 0] - picture[..., 2] > 40)


def test_arrows_are_drawn_where_they_are_asked_for():
    left = np.zeros((120, 180), bool)
    left[:, :90] = True
    flow = to_the_right(4, 120, 180)
    assert yellow_pixels(flow).sum() > 1.5 * yellow_pixels(flow, left).sum() > 0
    assert not yellow_pixels(flow, left & ~left).any()


def test_a_longer_flow_has_longer_arrows_beside_a_shorter_one():
    yellow = yellow_pixels({"short": to_the_right(1, 120, 180), "long": to_the_right(4, 120, 180)})
    columns = np.flatnonzero(yellow.any(axis=0))
    middle = (columns.min() + columns.max()) // 2
    assert yellow[:, middle:].sum() > 1.5 * yellow[:, :middle].sum() > 0


def test_warping_by_the_true_flow_darkens_the_difference():
    second = np.kron(texture(6, 9), np.ones((8, 8, 1), np.uint8))
    flow = to_the_right(3, 48, 72)
    first = warp(second, flow)
    right = pixels(flow_figures.warp_views(first, second, flow, title="T.", alt=ALT))
    wrong = pixels(flow_figures.warp_views(first, second, -flow, title="T.", alt=ALT))
    assert share_near(right, (0, 0, 4)) > share_near(wrong, (0, 0, 4)) + 0.1


def test_the_error_map_leaves_unknown_truth_grey():
    truth = to_the_right()
    truth[:, :18] = np.nan
    picture = pixels(flow_figures.error_maps(to_the_right(), truth, title="T.", alt=ALT))
    assert share_near(picture, (160, 160, 160)) > 0.1
    assert share_near(picture, (0, 0, 4)) > 0.1


@settings(max_examples=20, deadline=None)
@given(arrays(np.uint8, (2, 5, 7, 3)))
def test_the_difference_of_two_images_is_symmetric_and_never_wraps_around(images):
    first, second = images
    difference = flow_figures.photometric_difference(first, second)
    expected = np.abs(first.astype(int) - second.astype(int)).mean(axis=-1)
    assert np.allclose(difference, expected, atol=1e-3)
    assert (difference == flow_figures.photometric_difference(second, first)).all()


def test_sizes_that_differ_are_refused():
    with pytest.raises(ValueError, match="one size"):
        flow_figures.flow_picture(to_the_right(), texture(9, 9), title="T.", alt=ALT)


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (200, 3)])
def test_odd_shapes_are_drawn(shape):
    flow = to_the_right(1, *shape)
    assert flow_figures.flow_picture(flow, title="T.", alt=ALT).data
    assert flow_figures.quiver(texture(*shape), flow, title="T.", alt=ALT).data


@settings(max_examples=25, deadline=None)
@given(st.floats(0.001, 10_000))
def test_numbers_are_written_without_powers_of_ten(value):
    text = flow_figures._number(value)
    assert "e" not in text
    assert float(text.replace(",", "")) == pytest.approx(value, rel=0.06, abs=0.006)
