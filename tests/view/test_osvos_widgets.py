"""The fine-tuning monitor and the annotation explorer record much, and change nothing."""

import io

import numpy as np
import pytest
from PIL import Image

from vos_lab.methods.osvos import OSVOS
from vos_lab.video import OBJECT_COLOURS, Video
from vos_lab.view.widgets.osvos import (
    AnnotationExplorer,
    FineTuningMonitor,
    encode_soft,
    networks_figure,
)

STEPS = 6


def clip(frames=4):
    """A bright square that walks over noise."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 90, (frames, 32, 48, 3)).astype(np.uint8)
    masks = np.zeros((frames, 32, 48), np.uint8)
    for t in range(frames):
        masks[t, 8:22, 4 + 6 * t : 18 + 6 * t] = 1
    images[masks == 1] += 130
    return Video("square", images, list(masks))


def osvos(**options):
    return OSVOS(parent=None, snapping=False, **{"steps": STEPS, **options})


@pytest.fixture
def monitor():
    video = clip()
    made = FineTuningMonitor(
        osvos(),
        {"first": video.frames[0], "last": video.frames[3]},
        truth={"last": video.masks[3]},
        every=5,
    )
    made.start(video.frames[0], video.masks[0])
    return made


# --- the monitor ------------------------------------------------------------------------------


def test_every_loss_and_the_chosen_moments_are_recorded(monitor):
    assert len(monitor.losses) == STEPS
    assert [moment[0] for moment in monitor._moments] == [0, 1, 2, 3, 5, 6]
    for _, pictures, texts in monitor._moments:
        assert len(pictures) == 2
        assert texts[0] == ""
        assert texts[1].startswith("J ")


def test_the_last_moment_is_what_the_method_answers(monitor):
    found = monitor.method.step(clip().frames[3])
    assert (monitor.masks[-1][1] == found).all()
    shown = Image.open(io.BytesIO(monitor._moments[-1][1][1])).convert("RGBA")
    opacity = np.asarray(shown)[..., 3]
    # More than half sure is more than half as opaque; levels are an eighth apart.
    assert ((opacity > 0.5 * 178) == (found == 1)).mean() > 0.9


def test_the_first_moment_is_the_parent(monitor):
    start = osvos(steps=0)
    start.start(clip().frames[0], clip().masks[0])
    assert (monitor.masks[0][1] == start.step(clip().frames[3])).all()


def test_to_be_watched_changes_nothing(monitor):
    unwatched = osvos()
    unwatched.start(clip().frames[0], clip().masks[0])
    for name, value in unwatched.network.state_dict().items():
        assert (value == monitor.method.network.state_dict()[name]).all()


def test_interrupted_the_network_is_used_as_it_is():
    video = clip()

    def stop(step, loss):
        if step == 2:
            raise KeyboardInterrupt

    monitor = FineTuningMonitor(osvos(watch=stop), {"first": video.frames[0]})
    monitor.start(video.frames[0], video.masks[0])
    assert [moment[0] for moment in monitor._moments] == [0, 1, 2]
    assert len(monitor.losses) == 2
    assert monitor.method.step(video.frames[1]).shape == (32, 48)
    assert "after 0, 1, 2 steps" in monitor.figure().alt


def test_another_start_records_anew(monitor):
    video = clip()
    monitor.start(video.frames[0], video.masks[0])
    assert len(monitor.losses) == STEPS
    assert len(monitor._moments) == 6


def test_frames_of_several_sizes_are_refused():
    with pytest.raises(ValueError, match="frames of one size"):
        FineTuningMonitor(osvos(), {"a": np.zeros((9, 9, 3)), "b": np.zeros((9, 8, 3))})
    with pytest.raises(ValueError, match="frames of one size"):
        FineTuningMonitor(osvos(), {})


def test_a_figure_stands_in_where_no_kernel_runs(monitor):
    for each in (monitor, FineTuningMonitor(osvos(), {"first": clip().frames[0]})):
        data, _ = each._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in data
        assert '<img alt="' in data["text/html"]
        assert len(data["text/html"]) < 100_000
    assert f"loss over {STEPS} steps" in monitor.figure().alt


def test_the_colour_of_the_strongest_object_and_its_certainty():
    soft = {
        3: np.array([[1.0, 1.0, 0.2, 0.0, 0.0]], np.float32),
        7: np.array([[0.1, 0.1, 0.4, 0.0, 0.6]], np.float32),
    }
    pixels = np.asarray(Image.open(io.BytesIO(encode_soft(soft))).convert("RGBA"))[0]
    assert (pixels[0, :3] == OBJECT_COLOURS[3]).all()
    assert (pixels[2, :3] == OBJECT_COLOURS[7]).all()
    assert pixels[0, 3] > pixels[2, 3] > pixels[3, 3] == 0
    assert (pixels[[1, 4], :3] == 255).all()  # the outline


# --- more annotations -------------------------------------------------------------------------


def explorer(**options):
    asked = []

    def method(more):
        asked.append(len(more))
        return osvos(more=more, steps=2)

    return AnnotationExplorer(clip(), (1, 3), method, **options), asked


def test_the_ticked_frames_are_learned_from_once():
    made, asked = explorer()
    assert made.annotated == (0,)
    first = made.scores
    made.values = {"frame_3": True}
    assert made.annotated == (0, 3)
    assert asked == [0, 1]
    assert made.masks.shape == (4, 32, 48)
    made.reset()
    assert made.annotated == (0,)
    assert (made.scores == first).all()
    assert asked == [0, 1]  # what has been computed is not computed again


def test_what_the_browser_gets_follows_the_masks():
    made, _ = explorer()
    made.values = {"frame_1": True}
    assert made._error == ""
    assert len(made._clip) == 4
    labels = np.asarray(Image.open(io.BytesIO(made._clip[2][1])))
    assert (labels == made.masks[2]).all()
    assert made._numbers[0][2] == f"{made.scores[1:].mean():.2f}"
    assert "frame 0, 1" in made.figure().alt
    assert "frame 0, 1" in made._repr_mimebundle_()[0]["text/html"]


def test_frames_that_are_not_there_are_refused():
    for wrong in ((0,), (4,)):
        with pytest.raises(ValueError, match="annotate frames from 1 to 3"):
            AnnotationExplorer(clip(), wrong)
    with pytest.raises(ValueError, match="annotate frames"):
        AnnotationExplorer(Video("bare", np.zeros((4, 32, 48, 3), np.uint8)), (1,))


# --- the three networks -----------------------------------------------------------------------


def test_a_picture_for_each_network():
    frame, soft = clip().frames[0], np.ones((32, 48), np.float32)
    answers = {"base": 0 * soft, "test": soft}
    figure = networks_figure(frame, answers, ["nothing", "frame 0"], title="t", alt="a")
    shown = np.asarray(Image.open(io.BytesIO(figure.data)).convert("RGB")).astype(int)
    orange = shown[..., 0] - shown[..., 2] > 60
    half = shown.shape[1] // 2
    assert not orange[:, :half].any()
    assert orange[:, half:].any()
    with pytest.raises(ValueError, match="alt="):
        networks_figure(frame, answers, ["a", "b"], title="t")
    with pytest.raises(ValueError, match="2 networks, but 1 texts"):
        networks_figure(frame, answers, ["a"], title="t", alt="a")
