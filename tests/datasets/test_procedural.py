import hashlib
import pickle
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vos_lab.datasets.procedural import (
    SPLITS,
    SUITES,
    ProceduralVideo,
    Spec,
    drawing,
    render,
    suite,
)
from vos_lab.datasets.procedural import suites as procedural
from vos_lab.datasets.procedural.cast import MAKERS
from vos_lab.datasets.procedural.drawing import stage_for
from vos_lab.datasets.procedural.motion import Bend, turn
from vos_lab.datasets.procedural.posing import Rig
from vos_lab.datasets.procedural.scenery import make_scene
from vos_lab.datasets.procedural.spec import KNOBS
from vos_lab.datasets.procedural.textures import COATS, coat, fractal_noise

SMALL = (96, 176)

DIGEST = """
import hashlib
from vos_lab.datasets.procedural import Spec, render
video = render(Spec(frames=4, size=(64, 112), objects=2, distractors=1, camera_motion=0.7,
    lighting=0.5, grain=0.3, viewpoint=0.8, appearance_drift=0.5, motion_blur=0.4, occlusion=1), 5)
digest = hashlib.sha256()
for items in (video.frames, video.masks, video.flow, video.backward_flow, video.occlusion,
              video.amodal, video.instances):
    for item in items:
        digest.update(item.tobytes())
print(digest.hexdigest())
"""


def where_flow_goes(flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    height, width = flow.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return x + flow[..., 0], y + flow[..., 1]


def away_from_edges(video: ProceduralVideo, t: int) -> np.ndarray:
    """Pixels of frame t whose surface is the same all around them, in both frames."""
    surface = [procedural._picture(video.spec, video.seed, i).surface for i in (t, t + 1)]
    edge, next_edge = (
        cv2.morphologyEx(s, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 0 for s in surface
    )
    x, y = where_flow_goes(video.flow[t])
    moved = cv2.remap(next_edge.astype(np.uint8), x, y, cv2.INTER_LINEAR, borderValue=1) > 0
    return ~edge & ~moved & ~video.occlusion[t]


GEOMETRY = {
    "walk": Spec(),
    "camera": Spec(camera_motion=1.0),
    "scale": Spec(scale=1.0),
    "turn": Spec(viewpoint=1.0, speed=0.6),
    "bend": Spec(deformation=1.0, articulation=1.0),
    "wind": Spec(sway=1.0, clutter=0.7),
    "crowd": Spec(crowd=True, objects=12, camera_motion=0.5, size=(160, 288)),
    "together": Spec(objects=3, distractors=1, camera_motion=0.6, scale=0.5, occlusion=0.6),
}


@pytest.mark.parametrize("name", GEOMETRY)
def test_flow_brings_the_next_frame_back(name):
    spec = Spec(**{**vars(GEOMETRY[name]), "frames": 12, "shadows": 0.0})
    for seed in (1, 4, 9):
        video = render(spec, seed)
        for t in (0, 5, 10):
            sure = away_from_edges(video, t)
            assert sure.mean() > 0.5
            image, following = video.frames[t], video.frames[t + 1]
            x, y = where_flow_goes(video.flow[t])
            restored = cv2.remap(following, x, y, cv2.INTER_LINEAR)
            # What interpolation may do: it can only mix what lies within two pixels.
            kernel = np.ones((5, 5), np.uint8)
            low, high = cv2.erode(image, kernel), cv2.dilate(image, kernel)
            inside = ((restored >= low - 6.0) & (restored <= high + 6.0)).all(-1)
            assert inside[sure].mean() > 0.999
            error = np.abs(restored.astype(float) - image).mean(-1)
            contrast = (high.astype(float) - low).mean(-1)
            assert error[sure].mean() < 0.5 + 0.12 * contrast[sure].mean()


def test_the_warp_test_notices_a_flow_that_is_half_a_pixel_wrong():
    video = render(Spec(frames=3, shadows=0.0, camera_motion=1.0), 3)
    sure = away_from_edges(video, 0)
    errors = []
    for wrong in (0.0, 0.5):
        x, y = where_flow_goes(video.flow[0])
        restored = cv2.remap(video.frames[1], x + wrong, y, cv2.INTER_LINEAR)
        errors.append(np.abs(restored.astype(float) - video.frames[0])[sure].mean())
    assert errors[1] > 1.5 * errors[0]


@pytest.mark.parametrize("name", GEOMETRY)
def test_forward_and_backward_flow_undo_each_other(name):
    video = render(Spec(**{**vars(GEOMETRY[name]), "frames": 6}), 2)
    for t in (0, 4):
        sure = away_from_edges(video, t)
        x, y = where_flow_goes(video.flow[t])
        back = cv2.remap(video.backward_flow[t], x, y, cv2.INTER_LINEAR)
        gap = np.linalg.norm(video.flow[t] + back, axis=-1)[sure]
        assert np.percentile(gap, 99) < 0.1
        assert gap.max() < 1.0


def test_occlusion_marks_what_leaves_and_what_gets_covered():
    video = render(Spec(frames=8, speed=0.9, camera_motion=0.8, objects=2), 1)
    for t in range(7):
        x, y = where_flow_goes(video.flow[t])
        height, width = video.size
        outside = (x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)
        assert video.occlusion[t][outside].all()
        assert 0 < video.occlusion[t].mean() < 0.4
        # Background that goes to where an object stands in the next frame is hidden by it.
        landing = cv2.erode((video.instances[t + 1] > 0).astype(np.uint8), np.ones((5, 5)))
        covered = cv2.remap(landing, x, y, cv2.INTER_NEAREST) > 0
        assert video.occlusion[t][covered & (video.instances[t] == 0) & ~outside].all()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    objects=st.integers(1, 4),
    distractors=st.integers(0, 2),
    occlusion=st.sampled_from([0.0, 0.5, 1.0]),
    camera=st.sampled_from([0.0, 0.8]),
    viewpoint=st.sampled_from([0.0, 1.0]),
)
def test_visible_masks_are_amodal_masks_in_depth_order(
    seed, objects, distractors, occlusion, camera, viewpoint
):
    spec = Spec(
        frames=5, size=(64, 112), objects=objects, distractors=distractors, occlusion=occlusion,
        camera_motion=camera, viewpoint=viewpoint,
    )  # fmt: skip
    video = render(spec, seed)
    assert sorted(video.depth_order) == list(range(1, objects + distractors + 1))
    for t in (0, 2, 4):
        amodal = video.amodal[t]
        assert amodal.shape == (objects + distractors, 64, 112)
        expected = np.zeros((64, 112), np.uint8)
        for instance in reversed(video.depth_order):
            expected[amodal[instance - 1]] = instance
        expected[video.foreground[t]] = 0
        np.testing.assert_array_equal(video.instances[t], expected)
        expected[expected > objects] = 0
        np.testing.assert_array_equal(video.masks[t], expected)


@pytest.mark.parametrize("scene", ["meadow", "forest", "street", "sky", "sea", "reef"])
def test_rows_that_are_hidden_or_hide_all_need_no_mixing(scene):
    spec = Spec(size=(120, 216), camera_motion=1.0, frames=90)
    built = make_scene(np.random.default_rng(3), scene, spec.size)
    stage = replace(drawing.stage_for(spec, 1), scene=replace(built, planes=[
        plane.trimmed() for plane in built.planes
    ]))  # fmt: skip
    assert any(plane.solid != (0, 0) for plane in stage.scene.planes)
    slow = replace(stage, scene=replace(stage.scene, planes=[
        replace(plane, solid=(0, 0)) for plane in stage.scene.planes
    ]))  # fmt: skip
    for t in (0, 20, 45, 70):
        image, surface = drawing._draw_backdrop(stage, t)
        all_mixed, all_surfaces = drawing._draw_backdrop(slow, t)
        np.testing.assert_array_equal(image, all_mixed)
        np.testing.assert_array_equal(surface, all_surfaces)


@pytest.mark.parametrize("name", MAKERS)
def test_limbs_hang_together(name):
    figure = MAKERS[name](np.random.default_rng(4))
    rig = Rig.of(figure)
    number = {cut.name: i for i, cut in enumerate(figure.cuts)}
    for beat in (0.3, 2.0, 4.4):
        limbs = rig.limbs(beat, 0.4, 1.0)
        for i, cut in enumerate(figure.cuts):
            # A joint is where the part that it hangs on has it.
            joint = np.array([*cut.joint, 1.0])
            hangs_on = limbs[number[cut.parent]] if cut.parent is not None else None
            if hangs_on is not None:
                np.testing.assert_allclose(limbs[i] @ joint, hangs_on @ joint, atol=1e-9)
            np.testing.assert_allclose(np.linalg.det(limbs[i]), 1.0)
        if len(rig.feet):
            lowest = max((limbs[i] @ sole)[1] for i, sole in zip(rig.feet, rig.soles, strict=True))
            assert lowest == pytest.approx(0, abs=1e-9)


def test_same_spec_and_seed_give_the_same_bytes_in_any_process():
    runs = [
        subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout
    assert len(runs[0].stdout.strip()) == 64


def test_order_of_access_does_not_matter_and_nothing_is_shared():
    spec = Spec(frames=6, size=SMALL, camera_motion=0.5, lighting=0.4, grain=0.2)
    forwards = [f.copy() for f in render(spec, 3).frames]
    video = render(spec, 3)
    for t in (5, 0, 3, 1, 4, 2):
        np.testing.assert_array_equal(video.frames[t], forwards[t])
    video.frames[2][:] = 0
    video.masks[2][:] = 9
    np.testing.assert_array_equal(video.frames[2], forwards[2])
    assert video.masks[2].max() <= 1


def test_seeds_and_specs_differ():
    digests = set()
    for seed in range(8):
        frame = render(Spec(frames=1, size=(64, 112)), seed).frames[0]
        digests.add(hashlib.sha256(frame.tobytes()).hexdigest())
    assert len(digests) == 8


def test_a_long_video_opens_at_once_and_any_frame_can_be_drawn():
    video = render(Spec(frames=100_000, size=(64, 112)), 1)
    assert len(video) == 100_000
    assert video.frames[99_999].shape == (64, 112, 3)
    assert np.isfinite(video.flow[99_998]).all()


def test_parts_and_other_sizes_keep_all_that_is_known():
    video = render(Spec(frames=6, size=(64, 112), objects=2), 1)
    part = video.part(2, 5)
    assert (len(part), len(part.flow), len(part.amodal), len(part.occlusion)) == (3, 2, 3, 2)
    np.testing.assert_array_equal(part.backward_flow[1], video.backward_flow[3])
    np.testing.assert_array_equal(part.instances[0], video.instances[2])
    small = video.resized(32)
    assert small.amodal[0].shape == (2, 32, 56)
    assert small.occlusion[0].shape == small.masks[0].shape == (32, 56)
    np.testing.assert_allclose(small.backward_flow[0].mean(), video.backward_flow[0].mean() / 2,
                               atol=0.05)  # fmt: skip


def test_videos_can_be_sent_to_other_processes():
    video = render(Spec(frames=3, size=(64, 112)), 4)
    copy = pickle.loads(pickle.dumps(video))
    np.testing.assert_array_equal(copy.frames[2], video.frames[2])


def areas(video: ProceduralVideo, label: int = 1) -> np.ndarray:
    return np.array([(mask == label).sum() for mask in video.masks])


SEEDS = (0, 1, 2, 3, 5, 8)


@pytest.mark.parametrize("seed", SEEDS)
def test_full_occlusion_hides_object_1_for_a_while_and_gives_it_back(seed):
    video = render(Spec(frames=40, size=SMALL, occlusion=1.0), seed)
    seen = areas(video)
    whole = np.array([amodal[0].sum() for amodal in video.amodal])
    assert (seen == 0).sum() >= 2
    assert seen[0] > 0.5 * whole[0] > 0
    assert seen[-1] > 0.5 * whole[-1] > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_partial_occlusion_hides_a_part(seed):
    video = render(Spec(frames=30, size=SMALL, occlusion=0.5), seed)
    seen = areas(video) / np.array([amodal[0].sum() for amodal in video.amodal])
    assert seen.min() < 0.85
    assert seen[12:18].max() > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_scale_changes_the_area(seed):
    for scale in (0.0, 1.0):
        video = render(Spec(frames=20, size=SMALL, scale=scale, speed=0.1), seed)
        whole = [amodal[0].sum() for amodal in video.amodal]
        ratio = max(whole[0], whole[-1]) / min(whole[0], whole[-1])
        assert ratio > 2.2 if scale else ratio < 1.6


@pytest.mark.parametrize("seed", SEEDS)
def test_objects_leave_and_come_in_while_another_is_there(seed):
    video = render(Spec(frames=50, size=SMALL, objects=2, enter_and_leave=1.0), seed)
    first, second = areas(video, 1), areas(video, 2)
    assert first[0] > 0
    assert (first[-5:] == 0).all()
    assert (second[:5] == 0).all()
    assert second[-1] > 0
    assert (first + second > 0).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_twin_looks_like_object_1_and_is_background(seed):
    video = render(Spec(frames=10, size=SMALL, distractors=1, shadows=0.0), seed)
    assert set(video.classes) == {1, 2}
    assert video.classes[1] == video.classes[2]
    histograms = []
    both = [t for t in range(10) if all((video.instances[t] == i).sum() > 60 for i in (1, 2))]
    assert both
    for instance in (1, 2):
        pixels = video.frames[both[0]][video.instances[both[0]] == instance]
        histograms.append(np.histogramdd(pixels, bins=4, range=[(0, 256)] * 3)[0] / len(pixels))
    assert np.minimum(*histograms).sum() > 0.6
    assert set(np.unique(video.masks[both[0]])) == {0, 1}


@pytest.mark.parametrize("seed", SEEDS)
def test_appearance_and_light_change_looks_and_nothing_else(seed):
    plain = Spec(frames=10, size=SMALL)
    for change in ("appearance_drift", "lighting", "grain", "camouflage", "motion_blur"):
        changed = Spec(frames=10, size=SMALL, **{change: 1.0})
        a, b = render(plain, seed), render(changed, seed)
        np.testing.assert_array_equal(a.masks[9], b.masks[9])
        np.testing.assert_array_equal(a.flow[8], b.flow[8])
        assert np.abs(a.frames[9].astype(int) - b.frames[9]).max() > 5


@pytest.mark.parametrize(("name", "same"), [("intruder", False), ("intruder-same", True)])
def test_an_intruder_is_hidden_at_first_and_comes_up_to_the_object(name, same):
    for video in suite(name, "val", length=8, frames=12, size=SMALL):
        assert (video.classes[1] == video.classes[2]) == same
        assert not (video.instances[0] == 2).any()
        assert all(not (mask == 2).any() for mask in video.masks)
        last = video.instances[11]
        assert (last == 2).sum() > 0.1 * (last == 1).sum()
        assert (video.masks[11] == 1).sum() > 60
        near = [cv2.dilate((m == 1).astype(np.uint8), np.ones((5, 5))) for m in video.instances]
        touching = [(near[t][video.instances[t] == 2] > 0).any() for t in range(8, 12)]
        assert any(touching)


def test_an_intruder_has_the_colours_of_the_object():
    for video in suite("intruder", "val", length=6, frames=12, size=SMALL):
        first, stranger = sorted(stage_for(video.spec, video.seed).actors, key=lambda a: a.instance)
        own = [material.colours for material in first.figure.materials.values()]
        for material in stranger.figure.materials.values():
            assert any(np.array_equal(material.colours, each) for each in own)


@pytest.mark.parametrize("first", MAKERS)
@pytest.mark.parametrize("kind", ["other", "same"])
def test_whoever_object_1_is_an_intruder_can_live_there(first, kind):
    for seed in range(3):
        spec = Spec(frames=3, size=(64, 112), classes=(first,), intruder=kind, camera_motion=0.8)
        classes = render(spec, seed).classes
        assert classes[1] == first
        assert (classes[2] == first) == (kind == "same")


CROWDS = [name for name in SUITES if name.startswith("crowd")]


@pytest.mark.parametrize("name", CROWDS)
def test_a_crowd_comes_and_goes_and_keeps_its_labels(name):
    for video in suite(name, length=2, size=(120, 216)):
        objects = video.spec.objects
        assert 20 <= objects <= 40
        assert len(video) == 200
        times = range(0, 200, 10)
        present = np.array([np.bincount(video.masks[t].ravel(), minlength=256) for t in times]) > 0
        assert not present[:, objects + 1 :].any()
        assert present[:, 1 : objects + 1].any(0).sum() >= 0.9 * objects
        assert present[:, 1:].sum(1).min() >= 8
        assert present[:, 1:].sum(1).max() <= 40
        steps = np.diff(present[:, 1 : objects + 1].astype(int), axis=0)
        assert (steps == 1).any(0).sum() >= 5  # so many come in later
        assert (steps == -1).any(0).sum() >= 5
        assert (np.count_nonzero((steps == 1).any(1))) >= 4  # at different times
        assert set(video.classes.values()) == {"person", "vehicle"}
        assert sorted(video.classes) == list(range(1, objects + 1))
        # They hide each other.
        hidden = set()
        for t in (20, 100, 180):
            amodal, instances = video.amodal[t], video.instances[t]
            hidden |= {i for i in range(1, objects + 1) if (amodal[i - 1] & (instances != i)).any()}
        assert len(hidden) >= 8


def test_who_comes_back_into_a_crowd_has_its_old_label():
    video = render(Spec(frames=400, size=SMALL, crowd=True, objects=20, classes=("vehicle",)), 3)
    times = range(0, 400, 5)
    there = np.array([np.bincount(video.masks[t].ravel(), minlength=21) for t in times])[:, 1:]
    returned = []
    for i in range(20):
        runs = np.flatnonzero(np.diff((there[:, i] > 60).astype(int)))
        returned.append(len(runs) >= 3)
    assert sum(returned) >= 5


def test_viewpoint_turns_the_object_round():
    turned = render(Spec(frames=20, viewpoint=1.0, speed=0.2), 2)
    widths = [np.ptp(np.nonzero(amodal[0])[1]) for amodal in turned.amodal]
    assert min(widths) < 0.6 * widths[0]
    assert widths[-1] > 0.7 * widths[0]


def test_speed_0_stands_still_and_more_is_faster():
    def travel(speed: float) -> float:
        video = render(Spec(frames=10, classes=("vehicle",), speed=speed), 1)
        return float(np.abs(video.flow[4][video.masks[4] == 1]).mean())

    assert travel(0.0) < 0.2
    assert travel(0.3) < travel(0.6) < travel(1.0)


@pytest.mark.parametrize("name", MAKERS)
def test_each_class_can_be_asked_for_and_fills_a_fair_part_of_the_frame(name):
    shares = []
    for seed in range(4):
        video = render(Spec(frames=9, size=SMALL, classes=(name,)), seed)
        assert video.classes == {1: name}
        shares.append((video.masks[4] == 1).mean())
    assert min(shares) > 0.01
    assert max(shares) < 0.45


def test_textures():
    for kind in COATS:
        rgb = coat(np.random.default_rng(1), kind, (40, 60), 8.0, (np.zeros(3), np.ones(3)))
        assert rgb.shape == (40, 60, 3)
        assert 0 <= rgb.min() <= rgb.max() <= 1
    noise = fractal_noise(np.random.default_rng(0), (64, 128), 32)
    seam, inside = np.abs(noise[:, 0] - noise[:, -1]), np.abs(noise[:, 64] - noise[:, 63])
    assert seam.mean() < 2 * inside.mean()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-0.3, 0.3), min_size=5, max_size=5), st.floats(0.1, 6))
def test_a_bend_can_be_undone(values, wave_number):
    sway, wriggle, breathe, p, q = values
    x, y = np.random.default_rng(0).uniform(-1, 1, (2, 50))
    bend = Bend(sway, wriggle, breathe, wave_number, 9 * p, 9 * q)
    np.testing.assert_allclose(bend.undo(*bend.apply(x, y)), [x, y], atol=1e-12)
    np.testing.assert_allclose(turn(p, 3, 4) @ turn(-p, 3, 4), np.eye(3), atol=1e-12)


# --- specs and suites -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"frames": 0}, "Spec.frames is 0"),
        ({"frames": 2.5}, "Spec.frames is 2.5"),
        ({"objects": 201}, "from 1 to 200"),
        ({"size": (10, 500)}, "at least 32"),
        ({"size": 240}, "must be .height, width."),
        ({"classes": ("unicorn",)}, "'unicorn', there are: animal"),
        ({"fps": 0}, "Spec.fps"),
        *[({knob: 1.5}, f"Spec.{knob} is 1.5") for knob in KNOBS],
        *[({knob: float("nan")}, f"Spec.{knob} is nan") for knob in KNOBS[:2]],
        ({"scale": True}, "Spec.scale is True"),
        ({"crowd": 0.5}, "Spec.crowd is 0.5"),
        ({"crowd": True, "occlusion": 0.5}, "Spec.occlusion must be 0 in a crowd"),
        ({"crowd": True, "distractors": 1}, "Spec.distractors must be 0 in a crowd"),
        ({"crowd": True, "classes": ("person", "fish")}, "'fish', a crowd has: person"),
        ({"crowd": True, "intruder": "same"}, "Spec.intruder must be empty in a crowd"),
        ({"intruder": "twin"}, "Spec.intruder is 'twin'"),
    ],
)
def test_a_wrong_knob_is_named(wrong, says):
    with pytest.raises(ValueError, match=says):
        Spec(**wrong)


def test_wrong_seeds_and_names():
    with pytest.raises(ValueError, match="seed is -1"):
        render(Spec(), -1)
    with pytest.raises(TypeError, match="whole number"):
        render(Spec(), 0.5)
    with pytest.raises(ValueError, match="no suite 'hard', there are: easy, appearance"):
        suite("hard")
    with pytest.raises(ValueError, match="no split 'dev', there are: train, val, test"):
        suite("easy", "dev")


def test_no_seed_is_in_two_splits_or_two_suites():
    seeds = [video.seed for name in SUITES for split in SPLITS for video in suite(name, split)]
    assert len(seeds) == len(set(seeds))
    train = {procedural.train_video(i).seed for i in range(500)}
    held_out = {v.seed for name in SUITES for split in ("val", "test") for v in suite(name, split)}
    assert not train & held_out


@pytest.mark.parametrize("name", SUITES)
def test_each_suite_renders(name):
    for video in suite(name, length=2, frames=6, size=(64, 112)):
        assert len(video) == 6
        assert video.frames[5].shape == (64, 112, 3)
        assert np.isfinite(video.flow[4]).all()


def test_training_videos_never_end_and_random_specs_vary():
    videos = procedural.train_videos(start=3, frames=2, size=(64, 112))
    first, second = next(videos), next(videos)
    assert first.seed != second.seed
    assert first.first_mask.max() >= 0
    specs = {Spec.random(np.random.default_rng(i)) for i in range(40)}
    assert len(specs) == 40
    for knob in ("occlusion", "viewpoint", "camera_motion", "appearance_drift", "scale"):
        values = [getattr(spec, knob) for spec in specs]
        assert 0 in values
        assert max(values) > 0.5
