"""The methods of the lecture, each behind the Segmenter interface."""

from importlib import import_module
from types import ModuleType
from typing import Any

from vos_lab.methods.segmenter import Segmenter, run, segment

__all__ = ["METHODS", "Segmenter", "ablations", "create", "run", "segment"]

METHODS = {
    "baseline": "vos_lab.methods.baseline.Baseline",
    "flow-propagation": "vos_lab.methods.flow_propagation.FlowPropagation",
    "object-flow": "vos_lab.methods.object_flow.ObjectFlow",
    "fusionseg": "vos_lab.methods.fusionseg.FusionSeg",
    "agnn": "vos_lab.methods.graph.AGNN",
    "osvos": "vos_lab.methods.osvos.OSVOS",
    "osvos-s": "vos_lab.methods.osvos_s.OSVOSS",
    "onavos": "vos_lab.methods.onavos.OnAVOS",
    "masktrack": "vos_lab.methods.masktrack.MaskTrack",
    "lucid": "vos_lab.methods.lucid.Lucid",
    "pixel-retrieval": "vos_lab.methods.pixel_retrieval.PixelRetrieval",
    "premvos": "vos_lab.methods.premvos.PReMVOS",
    "premvos-fused": "vos_lab.methods.premvos_fused.FusedPReMVOS",
    "reid": "vos_lab.methods.reid.ReIDVOS",
    "rvos": "vos_lab.methods.recurrent.RVOS",
    "s2s": "vos_lab.methods.recurrent.S2S",
    "stm": "vos_lab.methods.space_time_memory.STM",
}
"""Where each method lives. By name, so that naming a method does not load all networks."""


def create(name: str, **options: Any) -> Segmenter:
    """Make a method by its name.

    Args:
        name: one of :data:`METHODS` or :func:`ablations`.
        options: of the method, where it has any.

    Returns:
        A fresh Segmenter.

    Raises:
        ValueError: there is no such method.

    Example:
        >>> type(create("baseline")).__name__
        'Baseline'
    """
    for method in METHODS:
        if name == method or (name.startswith(f"{method}-") and name in _ablations_of(method)):
            changed = {} if name == method else _ablations_of(method)[name]
            kind = getattr(_module_of(method), METHODS[method].rpartition(".")[2])
            segmenter: Segmenter = kind(**{**changed, **options})
            return segmenter
    raise ValueError(f"there is no method {name!r}; there are: {', '.join(METHODS)}")


def ablations(method: str | None = None) -> dict[str, dict[str, Any]]:
    """Methods with one thing changed, to measure what it is worth. They stand beside their class.

    Args:
        method: one of :data:`METHODS`; by default all of them, which loads all networks.

    Returns:
        The options that each changes, by its name, for example ``osvos-without-parent``.

    Raises:
        ValueError: there is no such method.
    """
    if method is not None and method not in METHODS:
        raise ValueError(f"there is no method {method!r}; there are: {', '.join(METHODS)}")
    chosen = METHODS if method is None else [method]
    return {name: options for each in chosen for name, options in _ablations_of(each).items()}


def _ablations_of(method: str) -> dict[str, dict[str, Any]]:
    # A module may hold several methods, as that of S2S and RVOS does: each has its own.
    found: dict[str, dict[str, Any]] = getattr(_module_of(method), "ABLATIONS", {})
    return {name: options for name, options in found.items() if name.startswith(f"{method}-")}


def _module_of(method: str) -> ModuleType:
    return import_module(METHODS[method].rpartition(".")[0])
