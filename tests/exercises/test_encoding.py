"""Messages carry what they should, and nothing that a hostile sender puts into them runs."""

import io
import json
import pickle
import struct

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vos_lab.exercises import encoding
from vos_lab.exercises.check import registered
from vos_lab.exercises.compare import difference


def across(value, trusted=True, **more):
    """What arrives of a value, over a real stream."""
    out = encoding.Writer(trusted=trusted)
    message = b"".join(encoding.pack(out.tree(value), out.parts))
    tree, parts = encoding.unpack(io.BytesIO(message).read, 1 << 26)
    return encoding.Reader(parts, trusted=trusted, **more).value(tree)


PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False),
    st.text(max_size=20),
)
ARRAYS = hnp.arrays(
    st.one_of(hnp.boolean_dtypes(), hnp.integer_dtypes(), hnp.floating_dtypes()),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


@settings(deadline=None, max_examples=60)
@given(st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner)))
def test_plain_values_arrive_as_they_were(value):
    assert across(value, trusted=False) == value


@settings(deadline=None, max_examples=60)
@given(ARRAYS)
def test_arrays_arrive_as_they_were_with_memory_of_their_own(array):
    got = across(array, trusted=False)
    assert got.dtype == array.dtype
    assert got.shape == array.shape
    np.testing.assert_array_equal(got, array)
    assert got.flags.writeable


@pytest.mark.parametrize("item", registered().values(), ids=lambda item: item.name)
def test_the_inputs_and_results_of_every_check_cross(item):
    for case, given_ in zip(item.cases, item.inputs(0), strict=True):
        got = across(given_)
        expected = item.exercise.reference(**given_)
        for name, value in given_.items():
            if isinstance(value, int | float | np.ndarray | torch.Tensor | list | str):
                assert difference(value, got[name], 0) is None, (case.name, name)
        back = across(expected, trusted=False)
        assert difference(expected, back, 0) is None, case.name


def test_tensors_keep_that_they_need_gradients():
    tensor = torch.ones(3, requires_grad=True)
    got = across([tensor, torch.ones(2, dtype=torch.int64), torch.tensor(2.0)])
    assert got[0].requires_grad
    assert not got[1].requires_grad
    assert got[2].shape == ()


def test_networks_go_over_and_their_numbers_come_back():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU()
    ).eval()
    image = torch.rand(1, 3, 8, 8)
    got = across(network)
    assert not got.training
    assert torch.equal(got(image), network(image))
    with torch.no_grad():
        got[0].weight.zero_()
    out = encoding.Writer()
    tree = out.tree(got)
    back = encoding.Reader(out.parts, networks=[torch.nn.Linear(1, 1), network]).value(tree)
    assert float(back[0].weight.detach().abs().sum()) == 0
    assert float(network[0].weight.detach().abs().sum()) > 0
    assert isinstance(encoding.Reader(out.parts).value(tree), encoding.Foreign)


def test_generators_and_functions_of_the_library():
    generator = np.random.default_rng(3)
    assert across(generator).random() == np.random.default_rng(3).random()
    chance = torch.Generator().manual_seed(5)
    again = torch.Generator().manual_seed(5)
    assert torch.equal(torch.rand(2, generator=across(chance)), torch.rand(2, generator=again))
    assert across(torch.nn.functional.relu) is torch.nn.functional.relu


def test_other_functions_stay_and_are_called_from_afar():
    calls = []
    out = encoding.Writer(trusted=True, callback=lambda function: calls.append(function) or 0)
    tree = out.tree({"loss": lambda x: x + 1})
    got = encoding.Reader([], trusted=True, callback=lambda number: calls[number]).value(tree)
    assert got["loss"](1) == 2
    with pytest.raises(encoding.EncodingError, match="cannot cross"):
        encoding.Writer(trusted=True).tree(lambda x: x)


@pytest.mark.parametrize(
    "tree",
    [
        {"function": "os:system"},
        {"network": "torch.nn.modules.linear:Linear", "plain": {}},
        {"generator": {}},
        {"callback": 0},
        {"array": 9},
        {"array": True},
        {"array": "x"},
        {"list": 3},
        {"dict": [[1]]},
        {"dict": [[{"list": []}, 1]]},
        {},
        [1],
        {"unknown": 1},
    ],
)
def test_a_worker_cannot_ask_for_more_than_numbers(tree):
    with pytest.raises(encoding.EncodingError):
        encoding.Reader([]).value(tree)


def test_records_are_of_the_librarys_own_classes_only():
    for path in ("os:system", "vos_lab.cli:main", "subprocess:Popen", "vos_lab.cli:json.loads"):
        got = encoding.Reader([]).value({"record": path, "fields": {"dict": []}})
        assert isinstance(got, encoding.Foreign)


def npy(array, **more):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, **more)
    return stream.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY",
        pickle.dumps(1),
        npy(np.array([object()]), allow_pickle=True),
        npy(np.zeros(2, [("a", int)])),
        npy(np.array(["text"])),
        npy(np.zeros(3))[:-1],
        npy(np.zeros(3)) + b"x",
        npy(np.zeros((3, 3))).replace(b"(3, 3)", b"(9**9,)"),
        b"\x93NUMPY\x01\x00" + struct.pack("<H", 9900) + b"-" * 9899 + b"1",
        b"\x93NUMPY\x01\x00" + struct.pack("<H", 9900) + b"[" * 9900,
        b"\x93NUMPY\x02\x00" + struct.pack("<I", 1 << 31) + b"[" * 9900,
        npy(np.zeros((1, 9))).replace(b"(1, 9)", b"(-1,9)"),
        npy(np.zeros((4294967296, 0))).replace(b"(4294967296, 0)", b"(4294967296, 9)"),
    ],
)
def test_what_is_no_array_is_refused(data):
    with pytest.raises(encoding.EncodingError):
        encoding.read_npy(data)


def exactly(data):
    """Reads as from a pipe whose other side has said this, and is gone."""
    stream = io.BytesIO(data)

    def read(count):
        piece = stream.read(count)
        if len(piece) < count:
            raise EOFError
        return piece

    return read


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200))
def test_noise_is_refused(noise):
    for data in (noise, b"vos1" + noise):
        with pytest.raises((encoding.EncodingError, EOFError, Exception)) as caught:
            encoding.unpack(exactly(data), 1000)
        assert isinstance(caught.value, encoding.EncodingError | EOFError)


def test_what_is_too_large_is_refused_before_it_is_read():
    head = encoding.HEAD.pack(encoding.MARK, 1 << 40, 1)
    with pytest.raises(encoding.EncodingError, match="MB"):
        encoding.unpack(exactly(head), 1 << 20)


def test_endless_things_are_refused():
    loop, deep = [], 0
    loop.append({"again": loop})
    for _ in range(encoding.MAX_DEPTH + 2):
        deep = [deep]
    for endless, words in ((loop, "contains itself"), (deep, "nested"), ([0] * 200_001, "values")):
        with pytest.raises(encoding.EncodingError, match=words):
            across(endless, trusted=False)
    same = [1]
    assert across([same, same], trusted=False) == [[1], [1]]
    assert isinstance(across(object, False), encoding.Foreign)
    assert repr(across(iter([]), trusted=False)) == "<list_iterator>"


# --- what somebody says who has taken over a worker --------------------------------------------

NAMES = st.sampled_from(
    [
        "list",
        "tuple",
        "dict",
        "array",
        "scalar",
        "tensor",
        "record",
        "state",
        "foreign",
        "fields",
        "function",
        "network",
        "class",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
MESSAGES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=30,
)
PIECES = st.lists(st.binary(max_size=40) | ARRAYS.map(lambda array: npy(array)), max_size=4)


def within_bounds(value, depth=0):
    """Whether a value that was read is made of nothing but what may come."""
    assert depth <= 2 * encoding.MAX_DEPTH
    if isinstance(value, dict):
        assert len(value) <= encoding.MAX_KEYS
        for key in value:
            assert key is None or type(key) in (str, bool, int)
            assert isinstance(key, str | None) or abs(key) < encoding.MAX_KEY
        value = list(value.values())
    if isinstance(value, list | tuple):
        return all(within_bounds(item, depth + 1) for item in value)
    plain = (str, bool, int, float, np.ndarray, np.generic, torch.Tensor, encoding.Foreign)
    return value is None or isinstance(value, plain)


@settings(deadline=None, max_examples=300)
@given(MESSAGES, PIECES)
def test_any_message_is_read_as_plain_values_or_refused(tree, pieces):
    message = b"".join(encoding.pack(tree, pieces))
    try:
        got, parts = encoding.unpack(exactly(message), 1 << 20)
        value = encoding.Reader(parts).value(got)
    except encoding.EncodingError:
        return
    assert within_bounds(value)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60), st.binary(max_size=60), st.integers(0, 200))
def test_any_change_of_a_message_is_read_or_refused(noise, text, place):
    message = b"".join(encoding.pack({"list": [text.hex(), {"array": 0}]}, [npy(np.arange(3))]))
    place = min(place, len(message))
    changed = message[:place] + noise + message[place + len(noise) :]
    try:
        got, parts = encoding.unpack(exactly(changed), 1 << 20)
        assert within_bounds(encoding.Reader(parts).value(got))
    except (encoding.EncodingError, EOFError):
        pass


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200), st.sampled_from([b"", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00"]))
def test_any_bytes_are_an_array_or_refused(noise, head):
    try:
        got = encoding.read_npy(head + noise)
    except encoding.EncodingError:
        return
    assert got.dtype.kind in encoding.PLAIN_KINDS


def test_keys_with_one_hash_are_refused():
    pairs = [[n * (2**61 - 1), 0] for n in range(1, 1000)]
    with pytest.raises(encoding.EncodingError, match="small integers"):
        encoding.Reader([]).value({"dict": pairs})
    many = [[str(n), 0] for n in range(encoding.MAX_KEYS + 1)]
    with pytest.raises(encoding.EncodingError, match="keys"):
        encoding.Reader([]).value({"dict": many})
    names = json.dumps({str(n): 0 for n in range(encoding.MAX_NAMES + 1)}).encode()
    size = len(names) + encoding.PART.size
    head = encoding.HEAD.pack(encoding.MARK, size, 1) + encoding.PART.pack(len(names))
    with pytest.raises(encoding.EncodingError, match="JSON"):
        encoding.unpack(exactly(head + names), 1 << 20)


def test_an_array_comes_once():
    part = npy(np.zeros(9))
    with pytest.raises(encoding.EncodingError, match="twice"):
        encoding.Reader([part]).value({"list": [{"array": 0}, {"array": 0}]})


def test_reading_stops_when_the_time_is_over():
    def over():
        raise TimeoutError

    with pytest.raises(TimeoutError):
        encoding.Reader([], pause=over).value({"list": [0] * 5000})


def test_too_many_values_are_refused_before_they_are_parsed():
    text = b"[" + b"0," * encoding.MAX_MARKS + b"0]"
    head = encoding.HEAD.pack(encoding.MARK, len(text) + encoding.PART.size, 1)
    with pytest.raises(encoding.EncodingError, match="values"):
        encoding.unpack(exactly(head + encoding.PART.pack(len(text)) + text), 1 << 24)
