"""``vos-lab train``: from a name to weights with their card."""

import dataclasses

import pytest
import torch
from torch import nn

import vos_lab.cli
from vos_lab import weights
from vos_lab.training import recipes
from vos_lab.training.loop import Recipe

TINY = Recipe(
    name="dot",
    about="Learns a single number.",
    data="Nothing but that number.",
    network=lambda: nn.Linear(1, 1, bias=False),
    batch=lambda share, rng: torch.ones(1, 1),
    loss=lambda network, batch: ((network(batch) - 3) ** 2).mean(),
    validate=lambda network: {"error": abs(float(network.weight) - 3)},
    steps=200,
    learning_rate=0.1,
    validate_every=100,
)


@pytest.fixture
def here(monkeypatch, capsys):
    monkeypatch.setitem(recipes(), "dot", TINY)

    def command(*arguments):
        monkeypatch.setattr("sys.argv", ["vos-lab", "train", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            vos_lab.cli.main()
        return int(end.value.code or 0), *capsys.readouterr()

    return command


def test_one_command_makes_weights(here, tmp_path):
    code, out, _ = here("dot", "--out", tmp_path)
    assert code == 0
    assert "dot: 200 steps" in out
    assert "data/weights" in out
    assert weights.load("dot", tmp_path)["weight"].item() == pytest.approx(3, abs=0.1)


def test_an_interrupted_training_goes_on(here, tmp_path, monkeypatch):
    def interrupted(share, rng):
        if share > 0.5:
            raise KeyboardInterrupt
        return torch.ones(1, 1)

    monkeypatch.setitem(recipes(), "dot", dataclasses.replace(TINY, batch=interrupted))
    code, _, error = here("dot", "--out", tmp_path)
    assert code != 0
    assert "With --resume it goes on" in error
    monkeypatch.setitem(recipes(), "dot", TINY)
    code, out, _ = here("dot", "--out", tmp_path, "--resume", "--workers", 2)
    assert code == 0
    assert "dot: 200 steps" in out
    # The same as if nothing had happened.
    code, _, _ = here("dot", "--out", tmp_path / "whole", "--device", "cpu")
    assert code == 0
    files = [folder / "dot.safetensors" for folder in (tmp_path, tmp_path / "whole")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_without_a_name_it_lists_what_there_is(here):
    code, out, _ = here()
    assert code == 0
    assert "dot: Learns a single number." in out
    assert "flownet-c: " in out


def test_an_unknown_name_is_one_line(here):
    code, _, error = here("flownet-x")
    assert code == 1
    assert "no recipe 'flownet-x'" in error
    assert "Traceback" not in error
