"""The embedding explorer and the click segmenter, from Python."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from vos_lab.datasets.procedural import suites as procedural
from vos_lab.methods.pixel_retrieval import ColourEmbedding
from vos_lab.metrics import jaccard
from vos_lab.video import Video
from vos_lab.view.widgets.pixel_retrieval import (
    ClickSegmenter,
    EmbeddingExplorer,
    component_colours,
    embed_video,
    similarity,
)


def halves(count=3, size=(32, 48)):
    frames = np.full((count, *size, 3), 30, np.uint8)
    frames[:, :, size[1] // 2 :] = 210
    return Video("halves", frames)


def picture(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


# --- embeddings as pictures -------------------------------------------------------------------


def test_the_same_is_most_alike():
    embedded = torch.rand(4, 6, 5)
    found = similarity(embedded, embedded[2, 3], 1.0)
    assert found.shape == (4, 6)
    assert found[2, 3] == pytest.approx(1, abs=1e-5)
    assert found.max() <= 1


def test_colours_are_alike_where_embeddings_are():
    one, other = torch.zeros(4, 6, 3), torch.zeros(4, 6, 3)
    one[:, :3], other[:, 3:] = 1.0, 1.0
    first, second = component_colours([one, other])
    assert first.dtype == np.uint8
    assert first.shape == (4, 6, 3)
    assert (first[0, 0] == second[0, 5]).all()
    assert (first[0, 0] != first[0, 5]).any()


def test_an_embedding_of_one_number_has_a_colour_too():
    assert component_colours([torch.rand(3, 4, 1)])[0].shape == (3, 4, 3)


def test_frames_are_embedded_once():
    calls = []

    class Counting(ColourEmbedding):
        def forward(self, x, time):
            calls.append(float(time))
            return super().forward(x, time)

    clicks = ClickSegmenter(halves(), Counting())
    clicks.stroke([(0.8, 0.5)], other=False)
    clicks.show()
    clicks.values = {"frame": 2}
    assert calls == [0, 1, 2]


def test_a_long_video_is_refused():
    with pytest.raises(ValueError, match=r"201 frames.*part\(0, 200\)"):
        embed_video(Video("long", np.zeros((201, 16, 16, 3), np.uint8)), ColourEmbedding())


# --- the explorer -----------------------------------------------------------------------------


def test_a_click_compares_that_pixel():
    explorer = EmbeddingExplorer(halves(), "colour", frame=2, point=(5, 5))
    assert explorer.similarity[:, :5].min() > 0.9
    assert explorer.similarity[:, 7:].max() < 0.5
    explorer._pressed(
        explorer, {"action": "stroke", "points": [[0.1, 0.1], [0.9, 0.5]], "other": False}, []
    )
    assert explorer.point == (43, 16)
    assert explorer.similarity[:, 7:].min() > 0.9
    assert "(43, 16)" in repr(explorer)
    assert "(43, 16)" in explorer.figure().alt


def test_its_pictures_have_the_size_of_the_frame():
    explorer = EmbeddingExplorer(halves(), "random")
    assert [picture(png).shape for *_, png in explorer._pictures] == [(32, 48, 3)] * 3


@pytest.mark.parametrize(
    ("options", "message"),
    [({"frame": 3}, "no frame 3"), ({"at": -1}, "no frame -1"), ({"point": (48, 0)}, "outside")],
)
def test_what_is_not_there_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        EmbeddingExplorer(halves(), "colour", **options)


def test_one_frame_is_enough():
    assert EmbeddingExplorer(halves(1), "colour").similarity.shape == (8, 12)
    assert ClickSegmenter(halves(1), "colour").masks.shape == (1, 32, 48)


# --- clicks -----------------------------------------------------------------------------------


def pressed(clicks, points, other=False):
    clicks._pressed(clicks, {"action": "stroke", "points": points, "other": other}, [])


def test_clicks_segment_all_frames():
    clicks = ClickSegmenter(halves(), "colour")
    assert not clicks.masks.any()
    pressed(clicks, [[0.8, 0.5]])
    assert clicks.masks.all()  # nobody has said what is background
    pressed(clicks, [[0.1, 0.2], [0.3, 0.9]], other=True)
    truth = np.zeros((32, 48), bool)
    truth[:, 24:] = True
    assert all(jaccard(mask == 1, truth) > 0.9 for mask in clicks.masks)
    assert clicks.seconds > 0
    assert "1 clicks on the object, 1 on the background" in clicks.figure().alt
    clicks.undo()
    assert clicks.masks.all()
    clicks.clear()
    assert not clicks.masks.any()
    assert clicks.strokes == []


def test_the_last_word_counts():
    clicks = ClickSegmenter(halves(), "colour")
    pressed(clicks, [[0.8, 0.5]], other=True)
    pressed(clicks, [[0.8, 0.5]])
    assert clicks.masks.all()


def test_a_stroke_takes_every_cell_on_its_way():
    clicks = ClickSegmenter(halves(), "colour")
    pressed(clicks, [[0.0, 0.5], [0.999, 0.5]])
    references, labels = clicks._references()
    assert len(references) == len(labels) == 12


def test_clicks_belong_to_the_frame_that_was_shown():
    clicks = ClickSegmenter(halves(), "colour")
    clicks.values = {"frame": 2}
    pressed(clicks, [[0.8, 0.5]])
    assert clicks.strokes[0][0] == 2
    shown = picture(clicks._pictures[0][2])
    clicks.values = {"frame": 0}
    other = picture(clicks._pictures[0][2])
    assert np.abs(shown - other).sum(axis=-1).max() > 100  # the click is drawn on frame 2 alone


def test_a_message_of_another_kind_is_passed_over():
    clicks = ClickSegmenter(halves(), "colour")
    clicks._pressed(clicks, {"action": "__class__"}, [])
    assert clicks.strokes == []


def test_an_error_is_shown_and_not_raised():
    class Broken(nn.Module):
        def forward(self, x, time):
            return torch.full((1, 2, 8, 12), float("nan"))

    clicks = ClickSegmenter(halves(), Broken())
    clicks._pressed(clicks, {"action": "stroke", "points": [], "other": False}, [])
    assert "Error" in clicks._error


def test_few_clicks_find_an_animal_in_all_frames():
    video = procedural.suite("easy", "val", length=1, frames=8, size=(120, 216))[0]
    truth = np.stack(list(video.masks)) == 1
    clicks, rng = ClickSegmenter(video), np.random.default_rng(0)
    for kind, count in ((True, 12), (False, 24)):
        rows, columns = np.nonzero(truth[0] == kind)
        for i in rng.choice(len(rows), count, replace=False):
            point = (columns[i] + 0.5) / 216, (rows[i] + 0.5) / 120
            clicks.stroke([point], other=not kind)
    clicks.show()
    assert jaccard(clicks.masks == 1, truth).mean() > 0.5
