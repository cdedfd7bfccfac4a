"""Trained weights: those that ship with the course, each with its card, and those of others.

What ships lies in ``data/weights``: ``NAME.safetensors`` holds the numbers, as float16, and
``NAME.json``, its card, says how they came about: data, seed, steps, minutes, losses and the error
on held-out data. ``vos-lab train NAME`` makes both again.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from vos_lab.course_files import WEIGHTS, how_to_get_again

if TYPE_CHECKING:  # torch takes seconds to load, and listing what ships does not need it
    import torch

Network = TypeVar("Network", bound="torch.nn.Module")

SHIPPED = WEIGHTS
"""Where the shipped weights lie."""

MOST_BYTES = 10_000_000  # a history keeps every version of a file for ever


def shipped(folder: str | Path | None = None) -> list[str]:
    """The names of the weights that ship.

    Args:
        folder: where to look; by default :data:`SHIPPED`.

    Returns:
        The names, in alphabetical order.
    """
    return sorted(file.stem for file in Path(folder or SHIPPED).glob("*.safetensors"))


def card(name: str, folder: str | Path | None = None) -> dict[str, Any]:
    """How weights came about.

    Args:
        name: of the weights, for example ``flownet-c``.
        folder: where they lie; by default :data:`SHIPPED`.

    Returns:
        The card: what was learned from which data, with which seed, in how many steps and minutes,
        the losses on the way, and the error on held-out data.

    Raises:
        FileNotFoundError: there are no such weights; the message says which there are.
        ValueError: the card is damaged.
    """
    file = _there(name, folder).with_suffix(".json")
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file}: this card cannot be read ({error})") from None
    if not isinstance(found, dict):
        raise ValueError(f"{file}: a card is a JSON object, not a {type(found).__name__}")
    return found


def load(name: str, folder: str | Path | None = None) -> dict[str, "torch.Tensor"]:
    """Read weights.

    Args:
        name: of the weights.
        folder: where they lie; by default :data:`SHIPPED`.

    Returns:
        Tensors by name. Those that are stored as float16 come as float32.

    Raises:
        FileNotFoundError: there are no such weights; the message says which there are.
        ValueError: the file is damaged.
    """
    import safetensors
    from safetensors.torch import load_file

    file = _there(name, folder)
    try:
        tensors = load_file(file)
    except (safetensors.SafetensorError, OSError) as error:
        raise ValueError(
            f"{file}: is damaged ({error}). {how_to_get_again('the shipped one', file)}; "
            f"`vos-lab train {name}` makes it again"
        ) from None
    return {key: value.float() if _is_half(value) else value for key, value in tensors.items()}


def part(name: str, prefix: str, folder: str | Path | None = None) -> dict[str, "torch.Tensor"]:
    """Those weights of a network that belong to one of its parts, to begin another network with.

    Args:
        name: of the weights.
        prefix: name of the part, for example ``backbone``.
        folder: where they lie; by default :data:`SHIPPED`.

    Returns:
        What the part can load.

    Raises:
        FileNotFoundError: there are no such weights.
        ValueError: they have no such part.
    """
    found = {
        key.removeprefix(prefix + "."): value
        for key, value in load(name, folder).items()
        if key.startswith(prefix + ".")
    }
    if not found:
        raise ValueError(f"the weights {name!r} have no part {prefix!r}")
    return found


def load_into(
    network: "torch.nn.Module", name: str, folder: str | Path | None = None
) -> "torch.nn.Module":
    """Put weights into a network.

    Args:
        network: the network; it is changed.
        name: of the weights.
        folder: where they lie; by default :data:`SHIPPED`.

    Returns:
        The same network, set to ``eval()``.

    Raises:
        FileNotFoundError: there are no such weights.
        ValueError: they are those of another network; the message names the first difference.
    """
    tensors, wanted = load(name, folder), network.state_dict()
    for key in [*wanted, *tensors]:
        there, here = (
            tuple(group[key].shape) if key in group else "missing" for group in (tensors, wanted)
        )
        if there != here:
            raise ValueError(
                f"the weights {name!r} do not fit this {type(network).__name__}: {key} is {there} "
                f"in the file and {here} in the network. If you changed the network, train it "
                f"again: `vos-lab train {name}`"
            )
    network.load_state_dict(tensors)
    return network.eval()


def network(make: "Callable[[], Network]", name: str) -> "Network":
    """A network with shipped weights. To make it draws nothing from the global random numbers.

    Args:
        make: makes the network, for example its class.
        name: of the weights.

    Returns:
        The network, set to ``eval()``.

    Raises:
        FileNotFoundError: there are no such weights.
        ValueError: they are those of another network.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        made = make()
    load_into(made, name)
    return made


def save(
    tensors: "Mapping[str, torch.Tensor]",
    name: str,
    card: Mapping[str, Any],
    folder: str | Path | None = None,
) -> Path:
    """Write weights, rounded to float16, and their card.

    Args:
        tensors: by name, as ``network.state_dict()`` gives them.
        name: of the weights.
        card: how they came about.
        folder: where to; by default :data:`SHIPPED`.

    Returns:
        The file with the weights; the card lies beside it.

    Raises:
        ValueError: the name is no file name, a number is not finite or too large for float16, or
            the file would be larger than 10 MB.
    """
    import torch
    from safetensors.torch import save as as_bytes

    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise ValueError(f"weights are named like 'flownet-c', in small letters, not {name!r}")
    small = {}
    for key, value in tensors.items():
        value = value.detach().cpu().contiguous()
        small[key] = value.to(torch.float16) if value.is_floating_point() else value
        if value.is_floating_point() and not torch.isfinite(small[key]).all():
            raise ValueError(f"{name}: {key} holds numbers that are not finite in float16")
    data = as_bytes(small)
    if len(data) > MOST_BYTES:
        raise ValueError(f"{name}: {len(data) / 1e6:.1f} MB are too many to ship, 10 at most")
    file = Path(folder or SHIPPED) / f"{name}.safetensors"
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(card, indent=2) + "\n"
    file.with_suffix(".json").write_text(text, encoding="utf-8")
    file.write_bytes(data)
    return file


def downloaded(url: str, megabytes: float, instead: str) -> Path:
    """The weights of somebody else, from this machine or from the network.

    They lie where torch keeps downloads: in ``checkpoints`` of ``torch.hub.get_dir()``.

    Args:
        url: where they can be had.
        megabytes: how large they are, for the message.
        instead: what to do without them, for the message.

    Returns:
        The file.

    Raises:
        FileNotFoundError: they are not there and cannot be had; the message says what to do.
    """
    import torch

    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlsplit(url).path).name
    if file.is_file():
        return file
    try:
        urlopen(url, timeout=5).close()  # without a network the download could hang for minutes
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(file), _hash_in(file.name), progress=False)
    except (URLError, TimeoutError, OSError, RuntimeError) as error:
        raise FileNotFoundError(
            f"{file.name} is not on this machine, and cannot be downloaded ({error}). Where there "
            f"is a network, get {url} ({megabytes:g} MB) and put it at {file}; or {instead}."
        ) from None
    return file


def _hash_in(name: str) -> str | None:
    """The start of the SHA-256 that torchvision writes into the name of a file."""
    found = re.search(r"-([0-9a-f]{8,})\.", name)
    return found[1] if found else None


def _there(name: str, folder: str | Path | None) -> Path:
    where = Path(folder or SHIPPED)
    file = where / f"{name}.safetensors"
    if file.is_file():
        return file
    names = ", ".join(shipped(where))
    raise FileNotFoundError(
        f"there are no weights {name!r} in {where}{os.sep}; "
        + (f"there are: {names}" if names else "the folder holds none: is the copy whole?")
    )


def _is_half(tensor: "torch.Tensor") -> bool:
    return tensor.is_floating_point() and tensor.element_size() == 2
