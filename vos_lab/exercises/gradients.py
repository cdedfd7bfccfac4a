"""What can be learned from a result: its gradient with respect to the inputs.

A loss may have the right value and teach nothing, because ``.item()`` or ``.detach()`` cut the way
back to the network, or teach nonsense, because its slope is not a number somewhere. So a check may
name inputs for which the gradient must be right too. It is taken where the function runs.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from vos_lab.exercises.compare import difference

Gradients = dict[str, list[np.ndarray]]


def learnable(inputs: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Ask for gradients: the tensors of some inputs are marked.

    Args:
        inputs: of a case, fresh; they are changed.
        names: of tensors, or of lists or dicts of them. One that is not among the inputs is left
            out, as a parameter may keep its default.

    Returns:
        The same inputs.
    """
    for name in names:
        for tensor in tensors_in(inputs.get(name)):
            tensor.requires_grad_()
    return inputs


def tensors_in(value: Any) -> list[Any]:
    """All tensors in a value, which may be a list or a dict of them."""
    if hasattr(value, "requires_grad_") and hasattr(value, "detach"):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [tensor for item in value for tensor in tensors_in(item)]
    return []


def gradients(value: Any, given: dict[str, Any]) -> Gradients | None:
    """The gradient of a result with respect to the inputs that ask for one. Never raises.

    Args:
        value: what a function returned. Of more than one number, a fixed weighted sum is taken.
        given: the inputs, the very objects.

    Returns:
        For each input, the gradients of its tensors, 0 where the result does not depend on them;
        nothing at all if no way leads back; None if no input asks.
    """
    asked = {
        name: [tensor for tensor in tensors_in(item) if tensor.requires_grad]
        for name, item in given.items()
    }
    asked = {name: tensors for name, tensors in asked.items() if tensors}
    results = [tensor for tensor in tensors_in(value) if tensor.requires_grad]
    if not asked:
        return None
    if not results:
        return {}
    import torch

    flat = torch.cat([tensor.double().reshape(-1) for tensor in results])
    total = (flat * torch.arange(len(flat), dtype=flat.dtype).cos()).sum()
    found: Gradients = {}
    for name, tensors in asked.items():
        try:
            slopes = torch.autograd.grad(total, tensors, retain_graph=True, allow_unused=True)
        except RuntimeError:  # something on the way was overwritten
            return {}
        found[name] = [
            (torch.zeros_like(tensor) if slope is None else slope).detach().cpu().numpy()
            for tensor, slope in zip(tensors, slopes, strict=True)
        ]
    return found


def gradient_problem(
    expected: Gradients | None, got: Gradients | None, tolerance: float
) -> str | None:
    """What is wrong with the gradients of a result whose value is right; None if nothing is.

    Args:
        expected: those of the reference; None if no input asks for one.
        got: those to judge.
        tolerance: relative and absolute.
    """
    for name, right in (expected or {}).items():
        have = (got or {}).get(name)
        if not any(map(np.any, right)) and have is None:
            continue  # nothing is to be learned here, so a plain number does
        lost = have is None or (any(map(np.any, right)) and not any(map(np.any, have)))
        if lost:
            return (
                f"right value, but nothing can be learned from it: no gradient reaches {name}. "
                "Compute with tensors up to the result: float(), .item(), .detach() and NumPy cut "
                "the way back."
            )
        problem = difference(right, have, tolerance)
        if problem is not None:
            return f"right value, but its gradient with respect to {name} is not: {problem}"
    return None
