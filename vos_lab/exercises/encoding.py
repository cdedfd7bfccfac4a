"""What crosses between the grader and a worker: JSON and npy, never pickle.

A message is a tree of plain values. Numbers, strings and None stand in its JSON as they are; an
array or tensor goes as npy behind it, and its place in the tree says which. Reading a message runs
no code of the sender. What the sender cannot express arrives as a :class:`Foreign`, which is equal
to nothing and knows only the name of its class.

The grader trusts what it sends itself: networks, generators and functions of the library cross in
that direction (``trusted=True``). What comes back is numbers, and never more than that.
"""

import dataclasses
import importlib
import io
import json
import re
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from vos_lab.exercises.memory import Bound

# Of a message from a worker:
MAX_ITEMS = 200_000  # values in it, so that a list of lists cannot fill the memory of the reader
MAX_DEPTH = 24
MAX_TEXT = 20_000  # characters of a string
MAX_KEYS = 10_000  # of one dict
MAX_KEY = 2**31  # a key is a string, or an integer of a smaller size than this
MAX_NAMES = 100  # of one object of the JSON itself
MAX_JSON = 8 << 20  # bytes of its JSON
MAX_MARKS = 5 * MAX_ITEMS  # brackets and commas of its JSON
HEAD = struct.Struct(">4sQI")  # mark, bytes of the whole rest, number of parts
PART = struct.Struct(">Q")
MARK = b"vos1"
PLAIN_KINDS = "biufc"  # of dtypes: truth values, numbers


class EncodingError(ValueError):
    """A message is not one, is too large, or holds what may not cross."""


class Foreign:
    """Stands for a value that did not cross: a generator, an object of a class of one's own."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def foreign(name: str) -> Foreign:
    """Something of a class of that name, or of that description; nothing else is known of it."""
    name = re.sub(r"[^\w ]", "", name)[:60].strip() or "object"
    kind: type[Foreign] = type(name, (Foreign,), {})
    return kind()


# --- values to messages -----------------------------------------------------------------------


class Writer:
    """Turns values into a tree and its arrays.

    Args:
        trusted: let networks, generators and functions cross too.
        callback: gives a number to a function that is not in the library; the other side calls it
            by that number. Without it such a function does not cross.
    """

    def __init__(
        self, trusted: bool = False, callback: Callable[[Callable[..., Any]], int] | None = None
    ) -> None:
        self.trusted = trusted
        self.callback = callback
        self.parts: list[bytes] = []
        self.items = 0
        self._around: list[int] = []  # the containers that the present value is in

    def tree(self, value: Any, depth: int = 0) -> Any:
        """The place of a value in the JSON of the message.

        Raises:
            EncodingError: it has no end or is too large, or must not cross.
        """
        self.items += 1
        name = type(value).__name__
        if self.items > MAX_ITEMS:
            raise EncodingError(f"it has more than {MAX_ITEMS} values; an array counts as one")
        if depth > MAX_DEPTH:
            raise EncodingError(f"it has a {name} that is nested more than {MAX_DEPTH} deep")
        if value is None or type(value) is bool:
            return value
        if isinstance(value, np.generic):
            return self._part("scalar", np.asarray(value))
        if isinstance(value, Bound) and self.trusted:
            return {"bound": int(value), "allowed": value.allowed}
        if isinstance(value, int) and abs(value) < 2**63:
            return int(value)
        if isinstance(value, float):
            return float(value)
        if isinstance(value, str) and len(value) <= MAX_TEXT:
            return str(value)
        if isinstance(value, np.ndarray):
            return self._part("array", np.asarray(value))
        if id(value) in self._around:
            raise EncodingError(f"it has a {name} that contains itself")
        self._around.append(id(value))
        try:
            return self._container(value, depth)
        finally:
            self._around.pop()

    def _container(self, value: Any, depth: int) -> Any:
        if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
            kind = "tuple" if isinstance(value, tuple) else "list"
            return {kind: [self.tree(item, depth + 1) for item in value]}
        if isinstance(value, dict):
            pairs = [[self.tree(k, depth + 1), self.tree(v, depth + 1)] for k, v in value.items()]
            return {"dict": pairs}
        return self._rare(value, depth)

    def _part(self, kind: str, array: np.ndarray) -> Any:
        if array.dtype.kind not in PLAIN_KINDS:
            return {"foreign": f"NumPy {kind} of {array.dtype.name}"}
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array, allow_pickle=False)
        self.parts.append(buffer.getvalue())
        return {kind: len(self.parts) - 1}

    def _rare(self, value: Any, depth: int) -> Any:
        name = type(value).__name__
        # Only somebody who has torch loaded can have a tensor.
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            try:
                tree = self._part("tensor", value.detach().cpu().resolve_conj().numpy())
            except (TypeError, RuntimeError):  # bfloat16, sparse
                return {"foreign": f"tensor of {value.dtype}"}
            return {**tree, "grad": bool(value.requires_grad)}
        if torch is not None and isinstance(value, torch.nn.Module):
            if self.trusted:
                return self._network(value, depth)
            state = dict(value.state_dict())
            return {"state": self.tree(state, depth + 1), "class": name}
        described = dataclasses.is_dataclass(value) and not isinstance(value, type)
        if described or (isinstance(value, tuple) and type(value).__module__.startswith("vos_lab")):
            names = [f.name for f in dataclasses.fields(value)] if described else value._fields
            fields = {field: getattr(value, field) for field in names}
            return {"record": _path(type(value)), "fields": self.tree(fields, depth + 1)}
        if isinstance(value, tuple):
            return {"tuple": [self.tree(item, depth + 1) for item in value]}
        if not self.trusted:
            return {"foreign": name}
        if isinstance(value, np.random.Generator):
            return {"generator": json.loads(json.dumps(value.bit_generator.state))}
        if torch is not None and isinstance(value, torch.Generator):
            return {"torch_generator": self.tree(value.get_state(), depth + 1)}
        if callable(value):
            path = _path(value)
            if _from_library(path) and _find(path) is value:
                return {"function": path}
            if self.callback is not None:
                return {"callback": self.callback(value)}
        raise EncodingError(f"a {name} cannot cross to a worker; give numbers, arrays or tensors")

    def _network(self, network: Any, depth: int) -> Any:
        path = _path(type(network))
        if not _from_library(path):
            raise EncodingError(f"{path} cannot cross to a worker: its class is not in the library")
        inside = ("_parameters", "_buffers", "_modules")
        base = set(sys.modules["torch"].nn.Module().__dict__)  # what every network has
        plain = {k: v for k, v in network.__dict__.items() if k not in base}
        return {
            "network": path,
            "training": network.training,
            "plain": self.tree(plain, depth + 1),
            **{key: self.tree(dict(network.__dict__[key]), depth + 1) for key in inside},
        }


def _path(thing: Any) -> str:
    return f"{getattr(thing, '__module__', '')}:{getattr(thing, '__qualname__', '')}"


def _from_library(path: str) -> bool:
    """Whether something can be imported in a worker: the checks are not there."""
    top = path.partition(":")[0].split(".")
    return top[0] in ("torch", "torchvision", "numpy") or (
        top[0] == "vos_lab" and top[1:3] != ["exercises", "checks"]
    )


def _find(path: str) -> Any:
    module, _, name = path.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


# --- messages to values -----------------------------------------------------------------------


class Reader:
    """Turns a tree and its arrays into values again.

    Args:
        parts: the arrays, as npy.
        trusted: the sender is the grader.
        callback: makes a function of the number of one that stayed with the sender.
        networks: what the state of a network that comes back is put into: a copy of the first that
            it fits.
        pause: called now and then, so that reading can be stopped: it may raise.
    """

    def __init__(
        self,
        parts: Sequence[bytes],
        trusted: bool = False,
        callback: Callable[[int], Callable[..., Any]] | None = None,
        networks: Sequence[Any] = (),
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        self.parts: list[bytes | None] = list(parts)
        self.trusted = trusted
        self.callback = callback
        self.networks = networks
        self.pause = pause
        self.items = 0

    def value(self, tree: Any, depth: int = 0) -> Any:
        """The value at a place of the tree.

        Raises:
            EncodingError: there is something in the tree that does not belong there.
        """
        self.items += 1
        if self.items % 1000 == 0:
            self.pause()
        if depth > 2 * MAX_DEPTH:
            raise EncodingError("the message is nested too deeply")
        if self.items > 2 * MAX_ITEMS and not self.trusted:
            raise EncodingError(f"the result has more than {MAX_ITEMS} values")
        if tree is None or isinstance(tree, bool | int | float | str):
            if type(tree) is int and abs(tree) >= 2**63:
                raise EncodingError("the message holds a number that is too large")
            return tree
        if not isinstance(tree, dict) or not tree:
            raise EncodingError("the message holds something that no worker sends")
        kind, inside = next(iter(tree.items()))
        if kind in ("array", "scalar", "tensor"):
            array = self._array(inside)
            if kind == "scalar":
                return array[()]
            return array if kind == "array" else self._tensor(array, tree)
        if kind in ("list", "tuple") and isinstance(inside, list):
            items = [self.value(item, depth + 1) for item in inside]
            return items if kind == "list" else tuple(items)
        if kind == "dict" and isinstance(inside, list):
            return self._dict(inside, depth)
        if kind == "record" and isinstance(inside, str):
            return self._record(inside, self.value(tree.get("fields"), depth + 1))
        if kind == "state":
            return self._filled(self.value(inside, depth + 1), str(tree.get("class")))
        if kind == "foreign":
            return foreign(str(inside))
        if self.trusted:
            return self._trusted(kind, inside, tree, depth)
        raise EncodingError(f"the message holds a {kind!r:.40}, which no worker sends")

    def _array(self, number: Any) -> np.ndarray:
        if type(number) is not int or not 0 <= number < len(self.parts):
            raise EncodingError("the message names an array that is not in it")
        data, self.parts[number] = self.parts[number], None
        if data is None:  # else one array of 60 MB could become a thousand
            raise EncodingError("the message names an array twice")
        return read_npy(data)

    def _tensor(self, array: np.ndarray, tree: dict[str, Any]) -> Any:
        import torch

        tensor = torch.from_numpy(array)
        if tree.get("grad") is True and array.dtype.kind in "fc":
            tensor.requires_grad_()
        return tensor

    def _dict(self, pairs: list[Any], depth: int) -> dict[Any, Any]:
        # Keys with one hash would keep us busy for hours. Python salts the hashes of strings; of
        # numbers and tuples anybody can find as many with one hash as he likes.
        if len(pairs) > MAX_KEYS and not self.trusted:
            raise EncodingError(f"the result has a dict of more than {MAX_KEYS} keys")
        found: dict[Any, Any] = {}
        for pair in pairs:
            if not isinstance(pair, list) or len(pair) != 2:
                raise EncodingError("the message holds half a pair")
            key = self.value(pair[0], depth + 1)
            plain = key is None or (isinstance(key, str | int) and not _is_large(key))
            if not plain and not self.trusted:
                raise EncodingError(
                    "the result has a dict whose keys are neither strings nor small integers"
                )
            try:
                found[key] = self.value(pair[1], depth + 1)
            except TypeError:
                raise EncodingError("the message holds a key that cannot be one") from None
        return found

    def _record(self, path: str, fields: Any) -> Any:
        # Of the library's own classes only, and those that are nothing but a list of fields.
        name = path.rpartition(":")[2]
        if not re.fullmatch(r"vos_lab(\.\w+)*:\w+", path) or not isinstance(fields, dict):
            return foreign(name)
        try:
            kind = _find(path)
            if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
                return kind(**fields)
        except Exception:  # its own checks refuse the values
            pass
        return foreign(name)

    def _filled(self, state: Any, name: str) -> Any:
        """A network that came back: its numbers in a copy of one that we know."""
        import copy

        for network in self.networks:
            ours = network.state_dict()
            if (
                isinstance(state, dict)
                and list(ours) == list(state)
                and all(getattr(state[k], "shape", None) == ours[k].shape for k in ours)
            ):
                filled = copy.deepcopy(network)
                filled.load_state_dict(state)
                return filled
        return foreign(name)

    def _trusted(self, kind: str, inside: Any, tree: dict[str, Any], depth: int) -> Any:
        if kind == "function":
            return _find(inside)
        if kind == "callback" and self.callback is not None:
            return self.callback(inside)
        if kind == "bound":
            return Bound(inside, tree["allowed"])
        if kind == "generator":
            bits = getattr(np.random, inside["bit_generator"])()
            bits.state = inside
            return np.random.Generator(bits)
        if kind == "torch_generator":
            import torch

            generator = torch.Generator()
            generator.set_state(self.value(inside, depth + 1))
            return generator
        if kind == "network":
            return self._network(inside, tree, depth)
        raise EncodingError(f"no value of kind {kind!r} is known")

    def _network(self, path: str, tree: dict[str, Any], depth: int) -> Any:
        import torch

        made = _find(path).__new__(_find(path))
        torch.nn.Module.__init__(made)
        made.__dict__.update(self.value(tree["plain"], depth + 1))
        for name, tensor in self.value(tree["_parameters"], depth + 1).items():
            needs = tensor is not None and tensor.requires_grad
            made._parameters[name] = (
                None if tensor is None else torch.nn.Parameter(tensor.detach(), needs)
            )
        made._buffers.update(self.value(tree["_buffers"], depth + 1))
        made._modules.update(self.value(tree["_modules"], depth + 1))
        made.training = tree["training"]
        return made


def _is_large(key: str | int) -> bool:
    return isinstance(key, int) and abs(key) >= MAX_KEY


def read_npy(data: bytes) -> np.ndarray:
    """An array from the bytes of an npy file; nothing in it is trusted.

    Args:
        data: a header and exactly the numbers that it announces.

    Returns:
        An array with memory of its own.

    Raises:
        EncodingError: it is no npy file, or holds anything but truth values and numbers.

    Example:
        >>> buffer = io.BytesIO()
        >>> np.save(buffer, np.arange(3))
        >>> read_npy(buffer.getvalue())
        array([0, 1, 2])
    """
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read(stream)
        rest = memoryview(data)[stream.tell() :]
        # Multiplied in Python: with a shape from outside, that of NumPy overflows.
        count = 1
        for length in shape:
            count *= length
        plain = dtype.kind in PLAIN_KINDS and dtype.names is None and dtype.subdtype is None
        if not plain or len(shape) > 16 or count * dtype.itemsize != len(rest):
            raise EncodingError("an array in the message is not what its header says")
        return (
            np.frombuffer(rest, dtype, count).reshape(shape, order="F" if fortran else "C").copy()
        )
    except EncodingError:
        raise
    except Exception:
        raise EncodingError("an array in the message cannot be read") from None


# --- messages to bytes ------------------------------------------------------------------------


def pack(tree: Any, parts: Sequence[bytes] = ()) -> Iterator[bytes]:
    """A message as bytes, in pieces.

    Args:
        tree: JSON.
        parts: arrays as npy.

    Yields:
        A head with the number of bytes, then each piece behind its length.
    """
    chunks = [json.dumps(tree).encode(), *parts]
    size = sum(PART.size + len(chunk) for chunk in chunks)
    yield HEAD.pack(MARK, size, len(chunks))
    for chunk in chunks:
        yield PART.pack(len(chunk))
        yield chunk


def unpack(read: Callable[[int], bytes], most: int | None = None) -> tuple[Any, list[bytes]]:
    """Read one message.

    Args:
        read: gives exactly so many bytes, or raises.
        most: bytes that it may have, from a sender who is not trusted: then its JSON is bounded
            too, by MAX_JSON bytes and MAX_MARKS brackets and commas.

    Returns:
        Its JSON, and its arrays as npy.

    Raises:
        EncodingError: it is larger, or no message.
    """
    mark, size, count = HEAD.unpack(read(HEAD.size))
    if mark != MARK or count < 1 or count * PART.size > size:
        raise EncodingError("something other than a message came")
    if most is not None and size > most:
        raise EncodingError(
            f"the result has {size / 1e6:.0f} MB; at most {most / 1e6:.0f} MB may come"
        )
    if most is not None and count > MAX_ITEMS:
        raise EncodingError(f"the result has {count} arrays; at most {MAX_ITEMS} may come")
    chunks: list[bytes] = []
    left = size
    for _ in range(count):
        (length,) = PART.unpack(read(PART.size))
        left -= PART.size + length
        if left < 0 or (most is not None and not chunks and length > MAX_JSON):
            raise EncodingError("a message is longer than it says, or than it may be")
        chunks.append(read(length))
    return _json(chunks[0], most is not None), chunks[1:]


def _json(data: bytes, bounded: bool) -> Any:
    # The parser cannot be interrupted, so what would keep it busy is refused before it starts.
    if bounded and sum(data.count(mark) for mark in b"[{,") > MAX_MARKS:
        raise EncodingError(f"the result has more than {MAX_ITEMS} values")
    try:
        return json.loads(data, object_pairs_hook=_small_object if bounded else None)
    except (ValueError, RecursionError):
        raise EncodingError("a message is not JSON") from None


def _small_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of a message has few names; many with one hash would take hours to store."""
    if len(pairs) > MAX_NAMES:
        raise EncodingError("a message holds an object with too many names")
    return dict(pairs)
