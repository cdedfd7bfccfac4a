import csv
import dataclasses
import json

import numpy as np
import pytest
import torch
from torch import nn

from vos_lab import weights
from vos_lab.training import loop, recipe, recipes, train
from vos_lab.training.loop import Recipe, constant, cosine


def line():
    """A network with a dropout, so that its randomness is tested too."""
    return nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1))


def points(share, rng):
    # A curriculum: the slope goes from 1 to 2.
    x = torch.from_numpy(rng.normal(size=(16, 2)).astype(np.float32))
    return x, x.sum(dim=1, keepdim=True) * (1 + share)


def squared(network, batch):
    x, y = batch
    return ((network(x) - y) ** 2).mean()


def held_out(network):
    x = torch.linspace(-1, 1, 20).reshape(10, 2)
    return {"error": float((network(x) - 2 * x.sum(dim=1, keepdim=True)).abs().mean())}


TINY = Recipe(
    name="line",
    about="Adds two numbers.",
    data="Random points.",
    network=line,
    batch=points,
    loss=squared,
    validate=held_out,
    steps=24,
    learning_rate=0.02,
    validate_every=8,
)


def quick(recipe=TINY, **options):
    return train(recipe, progress=False, **options)


def same(first, second):
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_it_learns_and_says_so():
    run = quick(steps=240)
    assert len(run.losses) == run.steps == 240
    assert [step for step, _ in run.held_out] == list(range(0, 241, 8))
    assert run.held_out[-1][1]["error"] < 0.3 * run.held_out[0][1]["error"]
    assert run.smooth_losses()[-1] < run.smooth_losses()[0]
    assert not run.network.training


def test_the_seed_alone_decides():
    before = torch.random.get_rng_state()
    first, again, other = quick(), quick(), quick(seed=1)
    assert first.losses == again.losses
    assert same(first.network, again.network)
    assert first.losses != other.losses
    assert torch.equal(before, torch.random.get_rng_state())  # and nothing global is touched


@pytest.mark.parametrize("stop", [1, 8, 13])
def test_an_interrupted_training_goes_on_exactly(tmp_path, monkeypatch, stop):
    whole = quick(out=tmp_path / "whole")
    calls = []

    def interrupted(share, rng):
        calls.append(share)
        if len(calls) > stop:
            raise KeyboardInterrupt
        return points(share, rng)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "CHECKPOINT_EVERY", -1)  # after every step
        with pytest.raises(KeyboardInterrupt):
            quick(dataclasses.replace(TINY, batch=interrupted), out=tmp_path / "parts")
    resumed = quick(out=tmp_path / "parts", resume=True)
    assert resumed.losses == whole.losses
    assert resumed.held_out == whole.held_out
    assert same(resumed.network, whole.network)
    files = [tmp_path / part / "line.safetensors" for part in ("whole", "parts")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_threads_change_nothing_of_what_is_learned(tmp_path):
    one = quick(workers=1)
    many = quick(workers=5)
    assert many.losses == one.losses
    assert many.held_out == one.held_out
    assert same(many.network, one.network)


def test_a_batch_that_fails_ends_the_training_where_it_is_needed():
    seen = []

    def broken(share, rng):
        if share >= 0.5:
            raise OSError("no more pictures")
        return points(share, rng)

    def remembered(network, batch):
        seen.append(1)
        return squared(network, batch)

    with pytest.raises(OSError, match="no more pictures"):
        quick(dataclasses.replace(TINY, batch=broken, loss=remembered), workers=4)
    assert len(seen) == 12


def test_what_is_moved_keeps_its_form():
    x = torch.ones(2)
    moved = loop._moved(([x, {"a": 1}], x, None), "meta")
    assert [type(each) for each in moved] == [list, torch.Tensor, type(None)]
    assert moved[1].device.type == moved[0][0].device.type == "meta"
    assert moved[0][1] == {"a": 1}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there():
    with pytest.raises(ValueError, match="cuda: PyTorch finds no GPU here"):
        quick(device="cuda")


def test_a_checkpoint_cut_short_leaves_the_one_before(tmp_path, monkeypatch):
    whole = quick()
    save, count = torch.save, []

    def killed(state, file):
        count.append(file)
        if len(count) > 12:
            file.write_bytes(b"half")
            raise KeyboardInterrupt
        save(state, file)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "CHECKPOINT_EVERY", -1)
        patched.setattr(torch, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            quick(out=tmp_path)
    assert quick(out=tmp_path, resume=True).losses == whole.losses


def test_what_a_training_leaves(tmp_path):
    run = quick(out=tmp_path)
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {"checkpoint.pt", "curve.csv", "curve.webp", "line.json", "line.safetensors"}
    card = weights.card("line", tmp_path)
    assert card["steps"] == 24
    assert card["seed"] == 0
    assert card["parameters"] == sum(p.numel() for p in run.network.parameters())
    assert [row["step"] for row in card["held_out"]] == [0, 8, 16, 24]
    assert card["losses"][-1][0] == 24
    rows = list(csv.DictReader((tmp_path / "curve.csv").open()))
    assert [row["step"] for row in rows] == ["0", "8", "16", "24"]
    assert float(rows[2]["loss"]) == pytest.approx(np.mean(run.losses[8:16]))
    loaded = weights.load_into(line(), "line", tmp_path)
    x = torch.ones(1, 2)
    assert loaded(x).item() == pytest.approx(run.network(x).item(), abs=0.01)


def test_a_training_can_start_from_weights():
    run = quick(steps=200)
    gentle = dataclasses.replace(TINY, learning_rate=1e-4, schedule=constant)
    further = quick(gentle, steps=5, network=run.network)
    assert further.network is run.network
    assert further.held_out[0][1] == run.held_out[-1][1]


def test_bfloat16_learns_too():
    run = quick(dataclasses.replace(TINY, half=True), steps=240)
    assert run.held_out[-1][1]["error"] < 0.4 * run.held_out[0][1]["error"]


def test_the_gradient_is_clipped():
    moved = []
    for clip in (1e-9, float("inf")):
        plain = dataclasses.replace(
            TINY, clip=clip, optimiser=lambda n, rate: torch.optim.SGD(n.parameters(), rate)
        )
        start = quick(dataclasses.replace(plain, learning_rate=0.0), steps=1).network
        end = quick(plain, steps=1).network
        moved.append(float((start[0].weight - end[0].weight).detach().abs().max()))
    assert moved[0] < 1e-8 < moved[1]


def test_the_cosine_warms_up_and_ends_at_nothing():
    assert cosine(0) < 0.02
    assert cosine(0.02) > 0.95
    assert cosine(1) == pytest.approx(0)


def test_errors_say_what_to_do(tmp_path):
    quick(out=tmp_path)
    with pytest.raises(ValueError, match="--resume"):
        quick(out=tmp_path)
    with pytest.raises(ValueError, match="seed 0, not 1"):
        quick(out=tmp_path, resume=True, seed=1)
    with pytest.raises(ValueError, match="step 24, beyond 10"):
        quick(out=tmp_path, resume=True, steps=10)
    with pytest.raises(ValueError, match="'line', not 'other'"):
        quick(dataclasses.replace(TINY, name="other"), out=tmp_path, resume=True)
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        quick(out=tmp_path / "new", resume=True)
    with pytest.raises(FileNotFoundError, match="out="):
        quick(resume=True)
    with pytest.raises(FloatingPointError, match="smaller learning rate"):
        quick(dataclasses.replace(TINY, loss=lambda n, b: squared(n, b) * float("nan")))


def test_all_weights_that_ship_have_a_recipe():
    assert set(weights.shipped()) <= set(recipes())
    for name in set(recipes()) - set(weights.shipped()):
        assert "no weights of it ship" in recipe(name).about


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_says_what_it_is(name):
    found = recipe(name)
    assert found.name == name
    assert json.dumps([found.about, found.data])
    assert found.steps > 0


def test_an_unknown_recipe():
    with pytest.raises(ValueError, match="there are"):
        recipe("no-such-net")
