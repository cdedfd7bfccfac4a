"""The methods of the lecture, each behind the Segmenter interface."""

from importlib import import_module
from typing import Any

from vos_lab.methods.segmenter import Segmenter, run, segment

__all__ = ["ABLATIONS", "METHODS", "Segmenter", "create", "run", "segment"]

METHODS = {
    "baseline": "vos_lab.methods.baseline.Baseline",
    "flow-propagation": "vos_lab.methods.flow_propagation.FlowPropagation",
    "object-flow": "vos_lab.methods.object_flow.ObjectFlow",
    "fusionseg": "vos_lab.methods.fusionseg.FusionSeg",
    "osvos": "vos_lab.methods.osvos.OSVOS",
    "onavos": "vos_lab.methods.onavos.OnAVOS",
    "masktrack": "vos_lab.methods.masktrack.MaskTrack",
    "lucid": "vos_lab.methods.lucid.Lucid",
    "pixel-retrieval": "vos_lab.methods.pixel_retrieval.PixelRetrieval",
    "premvos": "vos_lab.methods.premvos.PReMVOS",
    "reid": "vos_lab.methods.reid.ReIDVOS",
}
"""Where each method lives. By name, so that naming a method does not load all networks."""

ABLATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "osvos-without-parent": ("osvos", {"parent": None}),
    "osvos-short-parent": ("osvos", {"parent": "osvos-parent"}),
    "osvos-cross-entropy": ("osvos", {"loss": "cross-entropy"}),
    "osvos-balanced": ("osvos", {"loss": "balanced"}),
    "osvos-plain": ("osvos", {"augmentation": "plain"}),
    "osvos-without-augmentation": ("osvos", {"augmentation": "none"}),
    "osvos-snapped": ("osvos", {"snapping": True}),
    "onavos-without-negatives": ("onavos", {"negatives": False}),
    "onavos-without-first-frame": ("onavos", {"mixing": False}),
    "onavos-long-parent": ("onavos", {"parent": "osvos-parent-long"}),
    "masktrack-long-parent": ("masktrack", {"parent": "masktrack-parent-long"}),
    "masktrack-without-fine-tuning": ("masktrack", {"steps": 0}),
    "masktrack-without-zoom": ("masktrack", {"zooming": False}),
    "masktrack-with-flow-stream": ("masktrack", {"flow_stream": True}),
    "lucid-plain": ("lucid", {"augmentation": "plain"}),
    "pixel-retrieval-colour": ("pixel-retrieval", {"embedding": "colour"}),
    "pixel-retrieval-random": ("pixel-retrieval", {"embedding": "random"}),
    "pixel-retrieval-plain-loss": ("pixel-retrieval", {"embedding": "plain"}),
    "pixel-retrieval-first-frame": ("pixel-retrieval", {"frames": 0}),
    "pixel-retrieval-without-window": (
        "pixel-retrieval",
        {"radius": None, "first_radius": None},
    ),
    "premvos-long-parents": (
        "premvos",
        {"parents": ("osvos-parent-long", "masktrack-parent-long")},
    ),
    "premvos-without-proposals": ("premvos", {"without": ("proposals",)}),
    "premvos-without-appearance": ("premvos", {"without": ("appearance",)}),
    "premvos-without-retrieval": ("premvos", {"without": ("retrieval",)}),
    "premvos-with-expansion": ("premvos", {"expansion": True}),
    "premvos-without-refinement": ("premvos", {"without": ("refinement",)}),
    "premvos-without-objectness": ("premvos", {"without": ("objectness",)}),
    "premvos-without-reid": ("premvos", {"without": ("reid",)}),
    "premvos-without-flow": ("premvos", {"without": ("flow",)}),
    "premvos-without-inverse": ("premvos", {"without": ("inverse",)}),
    "reid-without-recovery": ("reid", {"recover": False}),
    "reid-one-way": ("reid", {"both_ways": False}),
}
"""Methods with one thing changed, to measure what it is worth: the method, and its options."""


def create(name: str, **options: Any) -> Segmenter:
    """Make a method by its name.

    Args:
        name: one of :data:`METHODS` or :data:`ABLATIONS`.
        options: of the method, where it has any.

    Returns:
        A fresh Segmenter.

    Raises:
        ValueError: there is no such method.

    Example:
        >>> type(create("baseline")).__name__
        'Baseline'
    """
    method, changed = ABLATIONS.get(name, (name, {}))
    if method not in METHODS:
        raise ValueError(f"there is no method {name!r}; there are: {', '.join(METHODS)}")
    module, _, attribute = METHODS[method].rpartition(".")
    segmenter: Segmenter = getattr(import_module(module), attribute)(**{**changed, **options})
    return segmenter
