"""Explorers: what they show is what the library computes from the knobs."""

import io

import numpy as np
import pytest
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vos_lab import metrics
from vos_lab.datasets.procedural import Spec, render
from vos_lab.view import figures
from vos_lab.view.widgets.metrics import CHANGES, MetricPlayground, animal, change_mask
from vos_lab.view.widgets.tour import CHALLENGES, ChallengeStudio

damage = st.fixed_dictionaries(
    {knob.name: st.integers(int(knob.low), int(knob.high)) for knob in CHANGES}
)


def picture(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def kernel_message(widget, values, asked):
    """What the browser sends when a knob is turned."""
    widget.set_state({"values": values, "_asked": asked})


def disk(radius=20, size=101):
    y, x = np.ogrid[:size, :size]
    return (x - size // 2) ** 2 + (y - size // 2) ** 2 <= radius * radius


# --- the damage -------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(damage)
def test_damage_keeps_shape_and_type(changes):
    mask = animal()
    before = mask.copy()
    changed = change_mask(mask, **changes)
    assert changed.shape == mask.shape
    assert changed.dtype == bool
    assert (mask == before).all()


def test_no_damage_changes_nothing():
    assert (change_mask(animal()) == animal()).all()


def test_each_change_does_what_its_name_says():
    mask = disk(20)
    assert not (change_mask(mask, erode=3) & ~disk(18)).any()
    assert (change_mask(mask, erode=3) | ~disk(16)).all()
    assert (change_mask(mask, dilate=3) | ~disk(22)).all()
    assert not (change_mask(mask, dilate=3) & ~disk(24)).any()
    assert (change_mask(mask, right=7, down=-4) == np.roll(mask, (-4, 7), (0, 1))).all()
    assert not change_mask(mask, hole=5)[50, 50]
    assert (change_mask(mask, hole=5) | disk(5))[mask].all()
    rough = change_mask(mask, rough=6)
    assert (rough | ~disk(12)).all()
    assert not (rough & ~disk(28)).any()
    assert metrics.mask_boundary(rough).sum() > 1.2 * metrics.mask_boundary(mask).sum()


def test_what_is_shifted_out_of_the_image_is_gone():
    full = np.ones((10, 10), bool)
    assert change_mask(full, right=4).sum() == 60
    assert change_mask(full, down=-30).sum() == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1)])
@pytest.mark.parametrize("fill", [False, True])
def test_damage_of_odd_masks(shape, fill):
    for knob in CHANGES:
        changed = change_mask(np.full(shape, fill), **{knob.name: 5})
        assert changed.shape == shape


# --- the playground ---------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(damage, st.integers(1, 20))
def test_the_numbers_are_the_metrics_of_the_changed_mask(changes, tolerance):
    playground = MetricPlayground()
    playground.values = {**changes, "tolerance": tolerance}
    changed = change_mask(animal(), **changes)
    precision, recall = metrics.boundary_precision_recall(changed, animal(), tolerance=tolerance)
    expected = {
        "J": metrics.jaccard(changed, animal()),
        "F": metrics.boundary_f(changed, animal(), tolerance=tolerance),
        "precision": precision,
        "recall": recall,
    }
    assert playground.scores == pytest.approx(expected)
    assert (playground.changed == changed).all()
    assert [row[2] for row in playground._numbers] == [f"{v:.3f}" for v in expected.values()]


def test_the_picture_shows_the_pixels_that_j_counts():
    playground = MetricPlayground(np.pad(disk(20), 60))
    playground.values = {"right": 10}
    shown = picture(playground._pictures[0][2])
    counts = {
        name: int((shown == colour).all(-1).sum())
        for name, colour in (
            ("hit", figures.HIT),
            ("false", figures.FALSE_ALARM),
            ("miss", figures.MISS),
        )
    }
    assert counts["hit"] / sum(counts.values()) == playground.scores["J"]
    assert counts["false"] == counts["miss"] > 0


def test_the_playground_runs_on_the_students_function():
    try:
        metrics.jaccard.adopt(lambda prediction, truth, void=None: 0.125)
        playground = MetricPlayground()
        assert playground.scores["J"] == 0.125
    finally:
        metrics.jaccard.restore()


def test_a_function_that_raises_is_shown_and_not_swallowed():
    playground = MetricPlayground()

    def broken(prediction, truth, void=None):
        raise ZeroDivisionError("division by zero")

    try:
        metrics.jaccard.adopt(broken)
        kernel_message(playground, {**playground.values, "right": 3}, asked=1)
        assert playground._error == "ZeroDivisionError: division by zero"
        assert playground._answered == 1
    finally:
        metrics.jaccard.restore()
    kernel_message(playground, {**playground.values, "right": 4}, asked=2)
    assert playground._error == ""


def test_void_and_other_objects_in_the_mask():
    labels = np.zeros((60, 60), np.uint8)
    labels[10:20, 10:20], labels[30:40, 30:40], labels[50:] = 1, 7, 255
    assert MetricPlayground(labels).mask.sum() == 200
    with pytest.raises(ValueError, match="empty"):
        MetricPlayground(np.zeros((9, 9), bool))


def test_a_mask_of_one_row():
    playground = MetricPlayground(np.ones((1, 50), bool))
    playground.values = {"hole": 4, "rough": 3}
    assert 0 <= playground.scores["J"] <= 1


# --- knobs ------------------------------------------------------------------------------------


def test_a_wish_of_the_browser_is_answered():
    playground = MetricPlayground()
    kernel_message(playground, {**playground.values, "erode": 6}, asked=5)
    assert playground.scores["J"] < 1
    assert playground._answered == 5


def test_one_knob_leaves_the_others():
    playground = MetricPlayground()
    playground.values = {"erode": 2}
    playground.values = {"hole": 3}
    assert playground.values["erode"] == 2
    playground.reset()
    assert playground.scores["J"] == 1
    assert playground.values == {knob.name: knob.value for knob in playground.knobs.values()}


def test_knobs_refuse_what_they_cannot_be():
    playground = MetricPlayground()
    with pytest.raises((ValueError, traitlets.TraitError), match="no knob colour"):
        playground.values = {"colour": 1}
    with pytest.raises((ValueError, traitlets.TraitError), match="erode goes from 0 to 20"):
        playground.values = {"erode": 21}
    with pytest.raises(ValueError, match="no knob colour"):
        ChallengeStudio(size=(48, 80), frames=2, colour=1)


# --- the studio -------------------------------------------------------------------------------


@pytest.mark.parametrize("knob", CHALLENGES, ids=lambda knob: knob.name)
def test_each_knob_is_one_of_the_spec(knob):
    studio = ChallengeStudio(seed=1, size=(48, 80), frames=2)
    studio.values = {knob.name: knob.high}
    assert getattr(studio.spec, knob.name) == knob.high
    start = Spec(frames=2, size=(48, 80), fps=studio.spec.fps)
    others = [k.name for k in CHALLENGES if k.name != knob.name]
    assert all(getattr(studio.spec, name) == getattr(start, name) for name in others)


def test_the_studio_shows_the_video_of_its_spec():
    studio = ChallengeStudio(seed=5, size=(48, 80), frames=3, occlusion=0.5)
    studio.values = {"distractors": 1}
    expected = render(studio.spec, 5)
    for shown, frame in zip(studio.video.frames, expected.frames, strict=True):
        assert (shown == frame).all()
    colours, labels = (np.asarray(Image.open(io.BytesIO(data))) for data in studio._clip[2])
    assert np.abs(colours.astype(int) - expected.frames[2]).mean() < 8  # JPEG
    assert (labels == expected.masks[2]).all()


def test_the_words_name_the_knobs_that_are_turned():
    studio = ChallengeStudio(seed=1, size=(48, 80), frames=1)
    assert studio._alt.endswith("knobs: no challenge.")
    studio.values = {"occlusion": 0.5, "objects": 2}
    assert studio._alt.endswith("knobs: occlusion 0.5, objects 2.")


def test_another_world_is_another_seed():
    studio = ChallengeStudio(seed=5, size=(48, 80), frames=1)
    before = studio._clip
    studio._pressed(studio, {"action": "another_world"}, [])
    assert studio.seed == 6
    assert studio._clip != before
    assert studio._state == "seed 6"
    studio._pressed(studio, {"action": "close"}, [])  # only what has a button
    assert studio.comm is not None


# --- without a kernel -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [MetricPlayground, lambda: ChallengeStudio(size=(48, 80), frames=2)]
)
def test_a_figure_with_words_stands_in(make):
    explorer = make()
    data, _ = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert '<img alt="A ' in data["text/html"]
    assert len(data["text/html"]) < 150_000
    assert data["text/html"] == make()._repr_mimebundle_()[0]["text/html"]
