"""Figures: a description is a must, the same input gives the same bytes, odd input is drawn."""

import io
import warnings
from html.parser import HTMLParser

import cv2
import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.ticker import MaxNLocator
from PIL import Image

from vos_lab.video import OBJECT_COLOURS, Video
from vos_lab.view import figures
from vos_lab.view.figures import page, plots
from vos_lab.view.figures.page import Figure

ALT = 'A "quoted" <description> & more.'


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def video(length=4, height=60, width=90, objects=2) -> Video:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (6, 9, 3), dtype=np.uint8)
    ground = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    frames = np.stack([np.roll(ground, t, axis=1) for t in range(length)])
    masks = np.zeros((length, height, width), np.uint8)
    for label in range(1, objects + 1):
        masks[:, label % height, (label * 7) % width :] = label
    return Video("clouds", frames, masks)


def pixels(figure: Figure) -> np.ndarray:
    image = Image.open(io.BytesIO(figure.data)).convert("RGBA")
    return np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image))[..., :3]


def square(size=40, start=10, stop=30, shift=0) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[start:stop, start + shift : stop + shift] = True
    return mask


CLIP = video()
KINDS = {
    "strip": lambda alt: figures.strip(CLIP, CLIP.masks, title="Clouds.", alt=alt),
    "rows": lambda alt: figures.strip(
        CLIP, {"bare": None, "truth": CLIP.masks}, title="Clouds.", alt=alt
    ),
    "clip": lambda alt: figures.clip(CLIP, CLIP.masks, alt=alt, height=40),
    "curves": lambda alt: figures.curves({"a": [0, 1]}, "Up.", ylabel="J", alt=alt),
    "bars": lambda alt: figures.bars({"a": 0.5}, "Half.", xlabel="J", alt=alt),
    "compare_masks": lambda alt: figures.compare_masks(
        square(), square(shift=3), title="Shifted.", alt=alt
    ),
    "boundary_figure": lambda alt: figures.boundary_figure(
        square(), square(shift=3), title="Shifted.", alt=alt
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_description_is_a_must(kind):
    for missing in ("", "  "):
        with pytest.raises(ValueError, match="alt="):
            KINDS[kind](missing)


@pytest.mark.parametrize("kind", KINDS)
def test_same_input_same_bytes(kind):
    assert KINDS[kind](ALT).data == KINDS[kind](ALT).data


@pytest.mark.parametrize("kind", KINDS)
def test_same_bytes_whatever_the_notebook_set(kind):
    plain = KINDS[kind](ALT)
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 30, "text.color": "red"}):
        assert KINDS[kind](ALT).data == plain.data


@pytest.mark.parametrize("kind", KINDS)
def test_displays_one_image_with_its_description(kind):
    figure = KINDS[kind](ALT)
    bundle = figure._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append((tag, dict(attributes)))
    parser.feed(bundle["text/html"])
    *before, (tag, attributes) = found
    assert [name for name, _ in before] == (["div", "b"] if figure.title else [])
    assert tag == "img"
    assert attributes["alt"] == ALT
    assert attributes["src"].startswith(f"data:{figure.mime};base64,")
    assert ALT in bundle["text/plain"]


@pytest.mark.parametrize("kind", KINDS)
def test_small_enough_for_a_notebook(kind):
    assert len(KINDS[kind](ALT).data) < 150_000


def test_pyplot_keeps_nothing():
    from matplotlib import pyplot as plt

    before = plt.get_fignums()
    KINDS["curves"](ALT)
    assert plt.get_fignums() == before


def test_figures_are_as_wide_as_a_notebook():
    figure = KINDS["bars"](ALT)
    assert pixels(figure).shape[1] == round(figure.width * page.SHARPNESS)


# --- strips -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [(1, 60, 90), (12, 60, 90), (3, 1, 200), (3, 200, 1), (2, 1, 1), (2, 481, 853)]
)
def test_strip_draws_odd_shapes(shape):
    frames, masks = np.full((*shape, 3), 99, np.uint8), np.ones(shape, np.uint8)
    assert pixels(figures.strip(frames, masks, title="Grey.", alt=ALT)).size


def test_strip_draws_void_and_many_objects():
    crowd = video(objects=50)
    crowd.masks[:, -5:] = 255
    bare = figures.strip(crowd, title="A crowd.", alt=ALT)
    assert bare.data != figures.strip(crowd, crowd.masks, title="A crowd.", alt=ALT).data


def test_strip_shows_objects_in_their_colours():
    black = np.zeros((1, 60, 90, 3), np.uint8)
    for label in (1, 2):
        mask = np.full((1, 60, 90), label, np.uint8)
        shown = pixels(figures.strip(black, mask, title="One.", alt=ALT, opacity=1.0))
        middle = shown[shown.shape[0] * 2 // 3, shown.shape[1] // 4].astype(int)
        assert np.abs(middle - OBJECT_COLOURS[label]).max() < 12


def test_strip_shows_the_frames_asked_for():
    frames = np.zeros((5, 60, 90, 3), np.uint8)
    frames[4] = 255
    last = figures.strip(frames, at=[-1], title="Last.", alt=ALT)
    assert last.data == figures.strip(frames, at=[4], title="Last.", alt=ALT).data
    assert last.data != figures.strip(frames, at=[0], title="Last.", alt=ALT).data


@pytest.mark.parametrize(("count", "lines"), [(4, 1), (5, 1), (6, 2), (9, 2), (10, 2)])
def test_a_strip_has_at_most_five_frames_in_a_line(count, lines):
    frames = np.zeros((10, 60, 90, 3), np.uint8)
    drawing = np.asarray(
        Image.open(
            io.BytesIO(figures.strip(frames, at=range(count), title="Dark.", alt=ALT).data)
        ).convert("RGBA")
    )
    dark = (drawing[..., :3] < 8).all(-1) & (drawing[..., 3] > 250)
    down, across = (np.diff(np.pad(dark.mean(axis) > 0.1, 1).astype(int)) for axis in (1, 0))
    assert (down == 1).sum() == lines
    assert (across == 1).sum() == -(-count // lines) <= 5


def test_a_strip_shows_as_many_frames_as_it_has_titles():
    frames = [np.full((30, 40, 3), 10 * t, np.uint8) for t in range(8)]
    titles = [f"step {t}" for t in range(6)]
    wide = figures.strip(frames[:6], titles=titles, title="Six.", alt="Six frames.")
    assert (
        wide.data
        == figures.strip(
            frames[:6], at=range(6), titles=titles, title="Six.", alt="Six frames."
        ).data
    )


def test_strip_says_what_does_not_fit():
    with pytest.raises(ValueError, match="1 to 10 frames"):
        figures.strip(video(12), at=range(11), title="Many.", alt=ALT)
    with pytest.raises(ValueError, match="OSVOS: 4 frames, but 3 masks"):
        figures.strip(CLIP, {"OSVOS": CLIP.masks[:3]}, title="Few.", alt=ALT)
    with pytest.raises(ValueError, match="2 frames, but 1 titles"):
        figures.strip(CLIP, at=[0, 1], titles=["a"], title="Few.", alt=ALT)
    with pytest.raises(IndexError):
        figures.strip(CLIP, at=[4], title="None.", alt=ALT)


def test_strip_leaves_out_frames_that_nobody_annotated():
    masks = [CLIP.masks[0], None, None, None]
    assert figures.strip(CLIP, masks, title="One mask.", alt=ALT).mime == "image/webp"


# --- clips ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("length", "kept"), [(1, 1), (5, 5), (60, 24)])
def test_clip_keeps_at_most_so_many_frames(length, kept):
    figure = figures.clip(video(length), alt=ALT, height=30)
    assert getattr(Image.open(io.BytesIO(figure.data)), "n_frames", 1) == kept


def test_clip_stays_within_its_bytes():
    noise = np.random.default_rng(0).integers(0, 256, (24, 60, 90, 3), dtype=np.uint8)
    large = figures.clip(noise, alt=ALT, height=120, most_bytes=10**7)
    limit = int(len(large.data) * 0.7)
    assert len(figures.clip(noise, alt=ALT, height=120, most_bytes=limit).data) <= limit
    with pytest.raises(ValueError, match="fewer than 24 frames"):
        figures.clip(noise, alt=ALT, height=120, most_bytes=1000)


def test_clip_says_what_does_not_fit():
    with pytest.raises(ValueError, match="4 frames, but 3 masks"):
        figures.clip(CLIP, CLIP.masks[:3], alt=ALT)


# --- numbers ----------------------------------------------------------------------------------


def test_curves_draw_everything_there_is():
    figure = figures.curves(
        {"a": [0.2, np.nan, 0.4], "b": np.array([0.5, 0.6, 0.7]), "gone": [np.nan] * 3},
        "Everything at once.",
        ylabel="J",
        alt=ALT,
        events={1: "occlusion begins", 1.2: "and is long", 2: "ends at the border of the page"},
        pictures={0: CLIP.frames[0], 2: CLIP.frames[2]},
        bands={"b": ([0.4, 0.5, 0.6], [0.6, 0.7, 0.8])},
        colours={"a": 2},
    )
    assert figure.mime == "image/webp"


def test_curves_of_one_frame_and_of_several_lengths():
    assert figures.curves({"a": [0.5]}, "A point.", ylabel="J", alt=ALT).data
    assert figures.curves({"a": [5, 6], "b": [1, 2, 3]}, "Two.", ylabel="s", alt=ALT).data


@pytest.mark.parametrize(("x", "whole"), [(range(1, 24), True), (np.linspace(0, 1, 23), False)])
def test_there_is_no_frame_two_and_a_half(monkeypatch, x, whole):
    asked = []
    monkeypatch.setattr(plots, "MaxNLocator", lambda **k: asked.append(k) or MaxNLocator(**k))
    figures.curves({"a": np.linspace(0, 1, 23)}, "Frames.", ylabel="J", x=x, alt=ALT)
    assert asked == ([{"integer": True}] if whole else [])


def test_curves_say_what_does_not_fit():
    with pytest.raises(ValueError, match="no curve"):
        figures.curves({}, "Nothing.", ylabel="J", alt=ALT)
    with pytest.raises(ValueError, match="a: 2 values, but 3 places"):
        figures.curves({"a": [1, 2]}, "Off.", ylabel="J", x=[1, 2, 3], alt=ALT)


def test_a_curve_takes_the_colour_of_its_object():
    first = figures.curves({"a": [1, 2]}, "Up.", ylabel="J", alt=ALT)
    assert (
        first.data
        == figures.curves({"a": [1, 2]}, "Up.", ylabel="J", alt=ALT, colours={"a": 1}).data
    )
    assert (
        first.data
        != figures.curves({"a": [1, 2]}, "Up.", ylabel="J", alt=ALT, colours={"a": 2}).data
    )


def test_bars_draw_groups_intervals_and_zeros():
    groups = {"OSVOS": {"J": 0.8, "F": 0.0}, "baseline": {"J": 0.2}}
    intervals = {"OSVOS": {"J": (0.7, 0.9)}}
    assert figures.bars(groups, "Two.", xlabel="score", alt=ALT, intervals=intervals).data
    assert figures.bars({"a": -3.0, "b": 120}, "Signed.", xlabel="ms", alt=ALT).data
    assert figures.bars({"a": float("nan")}, "Not measured.", xlabel="ms", alt=ALT).data


def test_labels_move_apart_and_stay_in_order():
    moved = plots._apart({"a": 10, "b": 12, "c": 99}, 20, 100)
    assert list(moved) == ["a", "b", "c"]
    assert np.diff(list(moved.values())).min() >= 20
    assert max(moved.values()) <= 100


def test_table_reads_in_a_notebook_and_in_a_terminal():
    rows = {"OSVOS <1>": {"J": (0.8, 0.75, 0.85), "frames": 12}, "baseline": {"J": None}}
    shown = figures.table(rows, "OSVOS & the rest.")
    assert "0.800 [0.750, 0.850]" in repr(shown)
    assert (
        '<th scope="row">OSVOS &lt;1&gt;</th><td>0.800 [0.750, 0.850]</td>' in shown._repr_html_()
    )
    assert shown._repr_html_().count("<td>–</td>") == 2


# --- right and wrong --------------------------------------------------------------------------


def test_comparison_paints_each_kind_of_pixel():
    prediction, truth = np.array([[1, 1, 0, 0]], bool), np.array([[1, 0, 1, 0]], bool)
    expected = [figures.HIT, figures.FALSE_ALARM, figures.MISS, figures.PAPER]
    assert figures.comparison(prediction, truth)[0].tolist() == [list(c) for c in expected]


def test_compare_masks_leaves_void_out():
    truth = square().astype(np.uint8)
    void = truth.copy()
    void[:5] = 255
    prediction = square()
    prediction[:5] = True
    void_ignored = figures.compare_masks(prediction, void, title="Same.", alt=ALT)
    assert void_ignored.data == figures.compare_masks(square(), truth, title="Same.", alt=ALT).data


def test_compare_masks_says_what_does_not_fit():
    with pytest.raises(ValueError, match="shape"):
        figures.compare_masks(square(40), square(41), title="Off.", alt=ALT)


@pytest.mark.parametrize("shape", [(1, 30), (30, 1), (1, 1), (480, 854)])
def test_pictures_of_empty_and_full_masks(shape):
    full, empty = np.ones(shape, bool), np.zeros(shape, bool)
    for prediction, truth in ((full, empty), (empty, empty), (full, full)):
        assert figures.compare_masks(prediction, truth, title="Odd.", alt=ALT).data
        assert figures.boundary_figure(prediction, truth, title="Odd.", alt=ALT).data


def test_boundaries_match_within_the_tolerance_only():
    found = figures.boundary_matches(square(shift=3), square(), tolerance=2)
    assert not (found["prediction"] & found["truth_band"]).all(where=found["prediction"])
    found = figures.boundary_matches(square(shift=3), square(), tolerance=3)
    assert (found["truth_band"] | ~found["prediction"]).all()


def test_a_wide_line_still_tells_matched_from_not():
    lines, band = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    lines[4], band[:, :4] = True, True
    thin, wide = (figures.paint_boundary(lines, band, figures.MISS, width) for width in (1, 2))
    assert (thin[4, 0] == figures.HIT).all()
    assert (thin[4, 8] == figures.MISS).all()
    assert (thin[0, 0] == figures.BAND).all()
    assert (wide == figures.MISS).all(-1).sum() > (thin == figures.MISS).all(-1).sum()


# --- files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "gif"])
def test_save_writes_what_the_ending_says(tmp_path, ending):
    figure = KINDS["clip"](ALT)
    figure.save(tmp_path / "new" / f"clip.{ending}")
    with Image.open(tmp_path / "new" / f"clip.{ending}") as image:
        assert image.format == {"jpg": "JPEG"}.get(ending, ending.upper())
        assert getattr(image, "n_frames", 1) == (4 if ending in ("webp", "gif") else 1)


def test_save_says_which_endings_there_are(tmp_path):
    with pytest.raises(ValueError, match=r"\.png"):
        KINDS["bars"](ALT).save(tmp_path / "figure.pdf")


def test_what_is_clear_is_white_in_a_file_that_cannot_be_clear(tmp_path):
    KINDS["bars"](ALT).save(tmp_path / "bars.jpg")
    assert np.asarray(Image.open(tmp_path / "bars.jpg"))[0, 0].min() > 250


# --- light and dark themes --------------------------------------------------------------------

DRAWN = {kind: make for kind, make in KINDS.items() if kind != "clip"}  # a clip has no ground


def contrast(colour, ground) -> float:
    """The contrast ratio of WCAG 2 of two colours, 0 to 1 each."""
    dark, bright = sorted(page.luminance(c) for c in (colour, ground))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("kind", DRAWN)
def test_a_figure_has_no_ground_of_its_own(kind):
    figure = KINDS[kind](ALT)
    opacity = np.asarray(Image.open(io.BytesIO(figure.data)).convert("RGBA"))[..., 3]
    assert opacity[:8].max() == opacity[:, :8].max() == 0
    assert figure.title  # is text of the page, in the colours of the theme


def test_text_can_be_read_on_light_and_on_dark_pages():
    """The two contrasts multiply to 18.9, so none of them can be much better than 4.3."""
    inks = [to_rgb(page.INK)]
    inks += [page.seen(page.object_colour(i), 0.175, 0.183) for i in range(1, 255)]
    for ink in inks:
        assert contrast(ink, (1, 1, 1)) >= 4.5
        assert contrast(ink, to_rgb("#111111")) >= 4


def test_lines_can_be_seen_on_light_and_on_dark_pages():
    for label in range(1, 255):
        line = page.seen(page.object_colour(label), 0.11, 0.45)
        assert contrast(line, (1, 1, 1)) >= 2
        assert contrast(line, to_rgb("#111111")) >= 2.8


def test_a_figure_without_words_cannot_be_made():
    with pytest.raises(ValueError, match="alt="):
        Figure(b"", "image/png", " ", 900)
