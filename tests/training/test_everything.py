"""All weights with one command: in order, side by side, on after an interruption."""

import dataclasses
import json
import sys
import time

import pytest
import torch
from torch import nn

import vos_lab.cli
from vos_lab import weights
from vos_lab.training import recipes
from vos_lab.training.everything import finished, install, ordered, shipped_recipes, train_all
from vos_lab.training.loop import Recipe

# Instead of vos-lab: writes weights, or fails for "bad", and notes in a file what came when.
PROGRAM = """
import json, sys, time
from pathlib import Path
name, words = sys.argv[2], sys.argv[3:]
options = {key: value for key, value in zip(words, words[1:]) if key.startswith("--")}
folder = Path(options["--out"])
diary = folder.parent / "diary.txt"
with diary.open("a") as file: print("begins", name, *words[8:], file=file)
time.sleep(0.3)
with diary.open("a") as file: print("ends", name, file=file)
if name == "bad": sys.exit("no")
(folder / f"{name}.safetensors").write_bytes(b"numbers of " + name.encode())
card = {"steps": int(options.get("--steps", 5)), "seed": int(options["--seed"])}
(folder / f"{name}.json").write_text(json.dumps(card))
"""


def made(name, *needs):
    """A recipe of which only name, steps and needs count."""
    return Recipe(
        name=name,
        about="",
        data="",
        network=lambda: nn.Linear(1, 1),
        batch=lambda share, rng: torch.ones(1, 1),
        loss=lambda network, batch: network(batch).sum(),
        validate=lambda network: {"error": 0.0},
        steps=5,
        learning_rate=0.1,
        needs=needs,
    )


def run(some, out, **options):
    lines = train_all(some, out, program=(sys.executable, "-c", PROGRAM), **options)
    return list(lines), (out / "diary.txt").read_text().splitlines()


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Where the shipped weights lie."""
    monkeypatch.setattr(weights, "SHIPPED", tmp_path / "shelf")
    return tmp_path / "shelf"


def test_what_is_needed_comes_first_and_the_rest_side_by_side(tmp_path):
    some = [made("child", "parent"), made("other"), made("parent")]
    lines, diary = run(some, tmp_path, jobs=2)
    assert diary.index("ends parent") < diary.index("begins child")
    assert diary.index("begins other") < diary.index("ends parent")
    assert [line for line in lines if "child: done in" in line]
    one_by_one = run(some, tmp_path / "again", jobs=1)[1]
    assert one_by_one[::2] == [line.replace("ends", "begins") for line in one_by_one[1::2]]


def test_given_again_it_leaves_what_is_finished_and_resumes_the_rest(tmp_path):
    some = [made("a"), made("b")]
    run(some[:1], tmp_path)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "checkpoint.pt").write_bytes(b"")
    lines, diary = run(some, tmp_path)
    assert lines[0] == "a: is there already"
    assert diary == ["begins a", "ends a", "begins b --resume", "ends b"]
    # Other steps or another seed are another training.
    assert finished(some[0], tmp_path / "a", 5, 0)
    assert not finished(some[0], tmp_path / "a", 6, 0)
    assert not finished(some[0], tmp_path / "a", 5, 1)
    (tmp_path / "a" / "a.safetensors").unlink()
    assert not finished(some[0], tmp_path / "a", 5, 0)


def test_one_that_fails_stops_only_those_that_need_it(tmp_path):
    some = [made("bad"), made("child", "bad"), made("grandchild", "child"), made("good")]
    lines = train_all(some, tmp_path, program=(sys.executable, "-c", PROGRAM))
    with pytest.raises(RuntimeError, match=r"bad: ended with 1.*child: needs bad.*needs child"):
        list(lines)
    assert (tmp_path / "good" / "good.safetensors").is_file()
    assert (tmp_path / "bad" / "log.txt").read_text().strip() == "no"
    assert not (tmp_path / "child").exists()


def test_new_weights_are_installed_before_others_begin_with_them(tmp_path, shelf):
    run([made("parent")], tmp_path, installing=True)
    assert (shelf / "parent.safetensors").read_bytes() == b"numbers of parent"
    assert json.loads((shelf / "parent.json").read_text())["steps"] == 5
    run([made("parent"), made("other")], tmp_path)
    assert not (shelf / "other.safetensors").exists()
    install("other", tmp_path / "other")
    assert sorted(each.name for each in shelf.iterdir()) == [
        f"{name}.{ending}" for name in ("other", "parent") for ending in ("json", "safetensors")
    ]


def test_closing_it_ends_the_processes(tmp_path):
    lines = train_all([made("a")], tmp_path, program=(sys.executable, "-c", PROGRAM))
    next(lines)
    diary = tmp_path / "diary.txt"
    while not diary.exists():
        time.sleep(0.01)
    lines.close()
    time.sleep(0.5)
    assert "ends" not in diary.read_text()
    assert not (tmp_path / "a" / "a.json").exists()


def test_weights_that_need_each_other_are_refused():
    with pytest.raises(ValueError, match="need each other: a, b"):
        ordered([made("a", "b"), made("b", "a")])


def test_everything_that_ships_has_a_recipe_and_a_place_in_the_order():
    names = [recipe.name for recipe in shipped_recipes()]
    assert sorted(names) == weights.shipped()
    for recipe in shipped_recipes():
        assert all(names.index(need) < names.index(recipe.name) for need in recipe.needs)


def test_each_recipe_says_which_weights_its_network_begins_with(monkeypatch):
    load, asked = weights.load, set()

    def noted(name, folder=None):
        asked.add(name)
        return load(name, folder)

    monkeypatch.setattr(weights, "load", noted)
    for recipe in shipped_recipes():
        asked.clear()
        recipe.network()
        assert asked <= set(recipe.needs), recipe.name


def test_the_command_trains_all_and_installs(tmp_path, shelf, monkeypatch, capsys):
    """The whole way, with processes of vos-lab, would load PyTorch for each: here one is ready."""
    tiny = dataclasses.replace(made("dot"), steps=3)
    monkeypatch.setitem(recipes(), "dot", tiny)

    def command(*arguments):
        monkeypatch.setattr("sys.argv", ["vos-lab", "train", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            vos_lab.cli.main()
        return int(end.value.code or 0), *capsys.readouterr()

    code, out, _ = command("dot", "--out", tmp_path / "out" / "dot", "--install")
    assert code == 0
    assert "in data/weights" in out
    assert weights.shipped(shelf) == ["dot"]
    assert json.loads((shelf / "dot.json").read_text())["device"] == "cpu"
    code, out, _ = command("--all", "--out", tmp_path / "out", "--install")
    assert code == 0
    assert "dot: is there already" in out
    assert command("dot", "--all")[0] == 1
