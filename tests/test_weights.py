import json

import pytest
import torch
from torch import nn

from vos_lab import weights
from vos_lab.methods import create


@pytest.fixture
def folder(tmp_path):
    weights.save(nn.Linear(3, 2).state_dict(), "line", {"name": "line"}, tmp_path)
    return tmp_path


def test_what_is_saved_comes_back_as_float32_rounded_to_float16(tmp_path):
    tensors = {"a": torch.tensor([1.0, 0.1]), "count": torch.tensor(7)}
    file = weights.save(tensors, "small", {"steps": 3}, tmp_path)
    assert file == tmp_path / "small.safetensors"
    back = weights.load("small", tmp_path)
    assert back["a"].dtype == torch.float32
    assert torch.equal(back["a"], torch.tensor([1.0, 0.1]).half().float())
    assert back["count"].item() == 7
    assert back["count"].dtype == torch.int64
    assert weights.card("small", tmp_path) == {"steps": 3}
    assert weights.shipped(tmp_path) == ["small"]


def test_they_go_into_a_network(folder):
    network = weights.load_into(nn.Linear(3, 2), "line", folder)
    assert not network.training
    assert torch.equal(network.weight, weights.load("line", folder)["weight"])


@pytest.mark.parametrize("other", [nn.Linear(3, 4), nn.Linear(3, 2, bias=False), nn.ReLU()])
def test_another_network_is_refused_by_name(folder, other):
    with pytest.raises(ValueError, match=r"do not fit this .*(weight|bias) is"):
        weights.load_into(other, "line", folder)


def test_unknown_weights_list_those_that_are_there(folder):
    with pytest.raises(FileNotFoundError, match=r"'none'.* there are: line"):
        weights.load("none", folder)
    with pytest.raises(FileNotFoundError, match="is the copy whole"):
        weights.card("none", folder / "nowhere")


def test_damaged_files_are_refused(folder):
    (folder / "line.safetensors").write_bytes(b"not tensors at all")
    with pytest.raises(ValueError, match=r"line\.safetensors: is damaged"):
        weights.load("line", folder)
    for text in ("{", "[1]"):
        (folder / "line.json").write_text(text)
        with pytest.raises(ValueError, match=r"line\.json"):
            weights.card("line", folder)


def test_what_cannot_be_shipped_is_refused(tmp_path):
    with pytest.raises(ValueError, match="small letters"):
        weights.save({}, "../Evil", {}, tmp_path)
    with pytest.raises(ValueError, match="not finite"):
        weights.save({"a": torch.tensor([1e6])}, "large", {}, tmp_path)
    with pytest.raises(ValueError, match="MB"):
        weights.save({"a": torch.zeros(6_000_000)}, "heavy", {}, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", weights.shipped())
def test_every_shipped_file_has_a_whole_card(name):
    card = weights.card(name)
    needed = {"name", "about", "data", "parameters", "seed", "steps", "minutes", "losses"}
    assert needed | {"held_out"} <= set(card)
    assert card["name"] == name
    tensors = weights.load(name)
    assert all(torch.isfinite(t).all() for t in tensors.values())
    assert (weights.SHIPPED / f"{name}.safetensors").stat().st_size <= weights.MOST_BYTES
    json.dumps(card)


def test_downloads_lie_where_torch_keeps_them(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    file = tmp_path / "checkpoints" / "net-0123abcd.pth"
    file.parent.mkdir()
    file.write_bytes(b"x")
    assert weights.downloaded("https://x.invalid/a/net-0123abcd.pth", 1, "do without") == file
    with pytest.raises(FileNotFoundError, match=r"4 MB.*other\.pth; or do without"):
        weights.downloaded("https://x.invalid/other.pth", 4, "do without")


@pytest.mark.parametrize("name", ["stm", "agnn"])
def test_a_method_with_shipped_weights_draws_no_random_numbers(name):
    before = torch.random.get_rng_state()
    create(name)
    assert torch.equal(torch.random.get_rng_state(), before)
