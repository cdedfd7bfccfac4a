"""Gradients: what a result teaches must be right, not only its value."""

import copy

import numpy as np
import pytest
import torch

from vos_lab.exercises.check import judge, registered
from vos_lab.exercises.gradients import gradient_problem, gradients, learnable, tensors_in

TEACHING = [item for item in registered().values() if item.gradients]


@pytest.fixture(autouse=True)
def library_afterwards():
    yield
    for item in TEACHING:
        item.exercise.restore()


@pytest.mark.parametrize("item", TEACHING, ids=lambda item: item.name)
@pytest.mark.parametrize(
    "cut",
    [
        lambda value: value.item(),
        lambda value: value.detach(),
        lambda value: torch.tensor(float(value), requires_grad=True),
    ],
    ids=["item", "detach", "new"],
)
def test_a_right_value_that_teaches_nothing_fails(item, cut):
    def version(**inputs):
        value = item.exercise.reference(**inputs)
        if isinstance(value, tuple):
            return tuple(part.detach() if torch.is_tensor(part) else part for part in value)
        return cut(value) if value.ndim == 0 else value.detach()

    verdict = judge(version, item)
    assert verdict.outcome == "failed"
    words = " ".join(verdict.text.split())
    assert "right value, but nothing can be learned from it: no gradient reaches" in words


@pytest.mark.parametrize("item", TEACHING, ids=lambda item: item.name)
def test_an_input_that_is_detached_fails(item):
    for name in item.gradients:

        def version(name=name, **inputs):
            cut = [tensor.detach() for tensor in tensors_in(inputs[name])]
            inputs[name] = cut if isinstance(inputs[name], list | tuple) else cut[0]
            return item.exercise.reference(**inputs)

        verdict = judge(version, item)
        assert verdict.outcome == "failed"
        assert f"no gradient reaches {name}" in " ".join(verdict.text.split())


@pytest.mark.parametrize("item", TEACHING, ids=lambda item: item.name)
def test_the_gradient_of_the_reference_is_that_of_finite_differences(item):
    for case, given in zip(item.cases, item.inputs(0), strict=True):
        if case.name == "an empty mask, and an empty truth":
            continue  # the IoU of two empty masks is 1, and jumps with the first step
        exact = {name: doubled(value) for name, value in given.items()}
        result = item.exercise.reference(**exact)
        slopes = gradients(result, exact)
        # Some compute in float32 whatever they are given: there a tiny step is lost in rounding.
        exactly = all(part.dtype == torch.float64 for part in tensors_in(result))
        step, slack = (1e-6, 1e-4) if exactly else (1e-3, 1e-2)
        rng = np.random.default_rng(0)
        for name in item.gradients:
            for number, slope in enumerate(slopes[name]):
                direction = torch.from_numpy(rng.standard_normal(slope.shape))
                values = []
                for side in (-step, step):
                    moved = copy.deepcopy(exact)
                    with torch.no_grad():
                        tensors_in(moved[name])[number].add_(side * direction)
                    parts = tensors_in(item.exercise.reference(**moved))
                    flat = torch.cat([part.detach().reshape(-1) for part in parts])
                    values.append(float(flat @ torch.arange(len(flat), dtype=flat.dtype).cos()))
                measured = (values[1] - values[0]) / (2 * step)
                claimed = float((torch.from_numpy(slope) * direction).sum())
                assert measured == pytest.approx(claimed, rel=slack, abs=slack / 10), (
                    case.name,
                    name,
                )


def doubled(value):
    if isinstance(value, list | tuple):
        return [doubled(item) for item in value]
    if isinstance(value, torch.nn.Module):
        return copy.deepcopy(value).double()
    if isinstance(value, torch.Tensor) and value.dtype == torch.float32:
        return value.detach().double().requires_grad_(value.requires_grad)
    return value


def test_a_slope_that_is_not_a_number_is_found():
    x = learnable({"x": torch.zeros(2)}, ["x", "not there"])
    right = gradients((x["x"] ** 2).sum().add(1e-12).sqrt(), x)
    assert gradient_problem(right, gradients((x["x"] ** 2).sum().add(1e-6).sqrt(), x), 1e-6) is None
    problem = gradient_problem(right, gradients((x["x"] ** 2).sum().sqrt(), x), 1e-6)
    assert "its gradient with respect to x is not" in problem
    assert "nan" in problem


def test_gradients_are_asked_of_marked_inputs_alone():
    assert gradients(torch.ones(3), {"x": torch.ones(3)}) is None
    assert gradients(3.0, learnable({"x": torch.ones(3)}, ["x"])) == {}
    given = learnable({"x": [torch.ones(2), torch.ones(1)], "y": torch.ones(2)}, ["x"])
    found = gradients(given["x"][0] * given["y"], given)
    assert [slope.tolist() for slope in found["x"]] == [[1.0, pytest.approx(np.cos(1))], [0.0]]
    assert list(found) == ["x"]


def test_a_result_whose_way_back_was_overwritten_teaches_nothing():
    given = learnable({"x": torch.ones(2)}, ["x"])
    root = given["x"].exp()
    value = root.sum()
    root.mul_(2)  # exp needs its own result to go back
    assert gradients(value, given) == {}
