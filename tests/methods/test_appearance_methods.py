"""The methods that learn from the first mask, each the same: what they survive and keep."""

from functools import cache, partial

import cv2
import numpy as np
import pytest
import torch

from vos_lab.datasets.procedural import Spec, render
from vos_lab.methods import METHODS, Segmenter, ablations, create, run
from vos_lab.methods.lucid import Lucid
from vos_lab.methods.masktrack import MaskTrack
from vos_lab.methods.onavos import OnAVOS
from vos_lab.methods.osvos import OSVOS
from vos_lab.methods.reid import ReIDVOS
from vos_lab.metrics import jaccard
from vos_lab.video import Video

# From random starts, with a few steps: what is tested here does not depend on how good they are.
CLASSES = {
    "osvos": partial(OSVOS, snapping=True),
    "onavos": partial(OnAVOS, adapt_steps=1, sure=0.4),
    "masktrack": MaskTrack,
    "lucid": Lucid,
    "reid": partial(ReIDVOS, identity="random"),
}


@pytest.fixture(params=list(CLASSES))
def method(request):
    """Makes one of the methods, with options."""
    return partial(CLASSES[request.param], parent=None)


@pytest.fixture(scope="module")
def clip():
    """A red and a blue disk on the way to each other, before striped ground."""
    frames, masks = np.zeros((5, 40, 72, 3), np.uint8), np.zeros((5, 40, 72), np.uint8)
    frames[:] = 90 + 12 * np.arange(72)[:, None] % 48
    for t in range(5):
        for label, x, colour in ((1, 17 + t, (220, 50, 50)), (2, 54 - t, (50, 50, 220))):
            cv2.circle(masks[t], (x, 20), 8, label, -1)
            frames[t][masks[t] == label] = colour
    return Video("disks", frames, masks=masks)


@cache
def small_clip(size=(32, 48), frames=4):
    return drawn(render(Spec(frames=frames, size=size), 2))


def drawn(video):
    """The same video, drawn once and for all."""
    return Video(video.name, np.stack(list(video.frames)), masks=np.stack(list(video.masks)))


# --- odd videos -------------------------------------------------------------------------------


def gone():
    clip = small_clip()
    frames = clip.frames.copy()
    frames[2] = 128
    return frames, clip.masks[0]


def mask_of(fill):
    frames, mask = small_clip().frames, np.zeros((32, 48), np.uint8)
    fill(mask)
    return frames, mask


def sized(size, frames=3):
    clip = small_clip(size, frames)
    return clip.frames, clip.masks[0]


ODD = {
    "gone in a frame": gone,
    "a first mask of one pixel": lambda: mask_of(lambda mask: mask.__setitem__((11, 30), 1)),
    "an empty first mask": lambda: mask_of(lambda mask: None),
    "an object that fills the frame": lambda: mask_of(lambda mask: mask.fill(1)),
    "two objects, one of one pixel": lambda: mask_of(
        lambda mask: (mask.__setitem__(np.s_[:, :20], 3), mask.__setitem__((11, 30), 7))
    ),
    "32 x 32": lambda: sized((32, 32)),
    "odd sides": lambda: sized((33, 47)),
    "portrait": lambda: sized((72, 40)),
    "a single frame": lambda: sized((32, 48), frames=1),
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_videos_get_a_mask_of_the_frames_size(method, odd):
    frames, mask = ODD[odd]()
    masks = run(method(steps=2), Video(odd, frames, masks=[mask] + [None] * (len(frames) - 1)))
    assert masks.shape == frames.shape[:3]
    assert masks.dtype == np.uint8
    np.testing.assert_array_equal(masks[0], mask)
    assert set(np.unique(masks)) <= {0, *np.unique(mask)}


def test_large_frames_are_made_small_and_masks_large(method):
    clip = render(Spec(frames=2, size=(120, 68)), 2)
    one = method(steps=2, pixels=40 * 24)
    masks = run(one, clip, progress=False)
    assert masks.shape == (2, 120, 68)
    assert one.size[0] * one.size[1] < 1.1 * 40 * 24


@pytest.mark.parametrize("size", [(8, 8), (16, 200)])
def test_frames_that_nobody_films_get_a_mask_too(method, size):
    frames = np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)
    mask = np.zeros(size, np.uint8)
    mask[2:6, 2:6] = 1
    assert run(method(steps=1), Video("odd", frames, masks=[mask, None])).shape == (2, *size)


def test_no_mask_and_a_mask_of_another_size_are_refused(method):
    clip = small_clip()
    one = method(steps=1)
    with pytest.raises(ValueError, match=f"{one.name}: .*first mask, so it needs one"):
        one.start(clip.frames[0])
    message = rf"{one.name}: a mask of \(31, 48\) was given for a frame of \(32, 48\)"
    with pytest.raises(ValueError, match=message):
        one.start(clip.frames[0], clip.masks[0][:31])
    one.start(clip.frames[0], clip.masks[0])  # and is not broken by it
    with pytest.raises(ValueError, match=message):
        one.add(clip.frames[0], clip.masks[0][:31])
    assert one.step(clip.frames[1]).shape == (32, 48)


# --- several objects --------------------------------------------------------------------------


# Outputs that share a network and begin alike take longer to part than masks refined one by one.
SEVERAL = {"osvos": 100, "onavos": 20, "masktrack": 30, "lucid": 30, "reid": 30}


@pytest.mark.parametrize("name", ["osvos", "masktrack"])
def test_several_objects_are_told_apart(name, clip):
    masks = run(CLASSES[name](parent=None, steps=SEVERAL[name]), clip, progress=False)
    for label in (1, 2):
        own = jaccard(masks[-1] == label, clip.masks[-1] == label)
        assert own > 0.4
        assert own > jaccard(masks[-1] == label, clip.masks[-1] == 3 - label) + 0.3


def test_an_object_that_appears_later_is_taken_up(method, clip):
    first, late = (np.where(clip.masks[t] == k, k, 0).astype(np.uint8) for t, k in ((0, 1), (2, 2)))
    one = method(steps=SEVERAL[method().name])
    masks = run(one, clip, given={0: first, 2: late}, progress=False)
    assert 2 not in masks[:2]
    assert (masks[2][late == 2] == 2).all()
    if one.name != "onavos":  # which would take another 100 steps to tell what OSVOS tells
        assert jaccard(masks[3] == 2, clip.masks[3] == 2) > 0.4
    assert set(np.unique(masks)) == {0, 1, 2}


def test_an_object_may_come_after_an_empty_start(method, clip):
    nothing, late = np.zeros((40, 72), np.uint8), np.array(clip.masks[1])
    masks = run(method(steps=2), clip, given={0: nothing, 1: late}, progress=False)
    assert masks[0].max() == 0
    np.testing.assert_array_equal(masks[1][late > 0], late[late > 0])


# --- the same again ---------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_masks_whatever_else_is_random(method):
    clip = small_clip()
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    one = run(method(steps=3), clip, progress=False)
    assert torch.equal(torch.random.get_rng_state(), state)  # and leaves it alone
    torch.manual_seed(2)
    np.testing.assert_array_equal(run(method(steps=3), clip, progress=False), one)


def test_another_seed_is_another_start(method):
    first, again, other = (
        torch.cat([p.detach().ravel() for p in starting_network(method(seed=seed)).parameters()])
        for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def starting_network(one):
    return one.parent if isinstance(one, OSVOS) else one.network


def test_a_second_video_does_not_remember_the_first(method):
    used, fresh = method(steps=3), method(steps=3)
    run(used, render(Spec(frames=3, size=(40, 40)), 9), progress=False)
    clip = small_clip()
    np.testing.assert_array_equal(run(used, clip, progress=False), run(fresh, clip, progress=False))


# --- what is kept -----------------------------------------------------------------------------


def kept(thing, seen):
    """Bytes of all arrays and tensors that can be reached from here."""
    if id(thing) in seen or isinstance(thing, type):
        return 0
    seen[id(thing)] = thing
    if isinstance(thing, np.ndarray):
        return kept(thing.base, seen) if isinstance(thing.base, np.ndarray) else thing.nbytes
    if isinstance(thing, torch.Tensor):
        return thing.untyped_storage().nbytes() + kept(thing.grad, seen) + kept(thing.grad_fn, seen)
    if isinstance(thing, dict):
        return sum(kept(each, seen) for each in thing.values())
    if isinstance(thing, list | tuple | set):
        return sum(kept(each, seen) for each in thing)
    return kept(getattr(thing, "__dict__", None), seen)


def test_what_is_kept_does_not_grow_frame_by_frame(method):
    clip = small_clip()
    one = method(steps=2)
    one.contours = None  # which keep nothing, and take long
    one.start(clip.frames[0].copy(), clip.masks[0])
    sizes = []
    for t in range(40):
        one.step(clip.frames[t % 4].copy())
        if t in (9, 39):  # until then a few frames, or embeddings, fill up
            sizes.append(kept(one, {}))
    assert sizes[0] == sizes[1] < 20_000_000
    assert sizes[0] > 32 * 48  # it does measure something


# --- fine-tuning shows itself, and can be interrupted -----------------------------------------


def test_interrupted_fine_tuning_leaves_a_method_that_can_be_used(method, capsys):
    numbers = []

    def watch(number, loss):
        numbers.append(number)
        assert np.isfinite(loss)
        if number == 3:
            raise KeyboardInterrupt

    clip = small_clip()
    one = method(steps=50, watch=watch, progress=True)
    one.start(clip.frames[0], clip.masks[0])
    assert numbers == [1, 2, 3]
    assert not one.network.training
    assert one.step(clip.frames[1]).shape == (32, 48)
    shown = capsys.readouterr()
    assert "Traceback" not in shown.out + shown.err
    one.watch = None
    one.steps = 2
    one.start(clip.frames[0], clip.masks[0])  # and it can be started anew
    fresh = method(steps=2)
    fresh.start(clip.frames[0], clip.masks[0])
    np.testing.assert_array_equal(one.step(clip.frames[1]), fresh.step(clip.frames[1]))


def test_other_errors_are_not_hidden(method):
    def watch(number, loss):
        raise RuntimeError("from the caller")

    clip = small_clip()
    with pytest.raises(RuntimeError, match="from the caller"):
        method(steps=3, watch=watch).start(clip.frames[0], clip.masks[0])


def test_a_bar_shows_the_loss_where_it_is_wanted(method, capsys):
    clip = small_clip()
    for progress in (False, True):
        one = method(steps=3, progress=progress)
        one.start(clip.frames[0], clip.masks[0])
        shown = capsys.readouterr().err
        assert (f"{one.name}: fine-tuning" in shown) == progress
    assert "3/3" in shown
    assert "loss 0." in shown or "loss 1." in shown


# --- by name ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "name", "options"),
    [(m, name, options) for m in METHODS for name, options in ablations(m).items()],
)
def test_every_ablation_can_be_made(method, name, options):
    one = create(name)
    assert isinstance(one, Segmenter)
    assert one.name == method
    plain = vars(create(method))
    assert any(
        type(value) is not type(vars(one)[key]) or differs(value, vars(one)[key])
        for key, value in plain.items()
    ), f"{name} is no other than {method}: {options}"


def test_a_method_that_is_not_there():
    assert set(ablations("lucid")) == {"lucid-plain"}
    assert {"lucid-plain", "osvos-snapped"} < set(ablations())
    for name in ("osvos-none", "osvosplain", "none"):
        with pytest.raises(ValueError, match=f"no method '{name}'; there are: baseline, "):
            create(name)
        with pytest.raises(ValueError, match=f"no method '{name}'"):
            ablations(name)


def differs(a, b):
    if isinstance(a, torch.nn.Module):
        return differs(a.state_dict(), b.state_dict())
    if isinstance(a, dict):
        return any(differs(value, b[key]) for key, value in a.items())
    if isinstance(a, torch.Tensor):
        return not torch.equal(a, b)
    return a != b
