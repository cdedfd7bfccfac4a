"""The methods of the lecture, each behind the Segmenter interface."""

from importlib import import_module

from vos_lab.methods.segmenter import Segmenter, run, segment

__all__ = ["METHODS", "Segmenter", "create", "run", "segment"]

METHODS = {
    "baseline": "vos_lab.methods.baseline.Baseline",
    "flow-propagation": "vos_lab.methods.flow_propagation.FlowPropagation",
    "object-flow": "vos_lab.methods.object_flow.ObjectFlow",
    "fusionseg": "vos_lab.methods.fusionseg.FusionSeg",
}
"""Where each method lives. By name, so that naming a method does not load all networks."""


def create(name: str) -> Segmenter:
    """Make a method by its name.

    Args:
        name: one of :data:`METHODS`.

    Returns:
        A fresh Segmenter.

    Raises:
        ValueError: there is no such method.

    Example:
        >>> type(create("baseline")).__name__
        'Baseline'
    """
    if name not in METHODS:
        raise ValueError(f"there is no method {name!r}; there are: {', '.join(METHODS)}")
    module, _, attribute = METHODS[name].rpartition(".")
    segmenter: Segmenter = getattr(import_module(module), attribute)()
    return segmenter
