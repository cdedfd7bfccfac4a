"""Procedural videos: figures that walk, swim and fly through scenes, with exact ground truth."""

from vos_lab.datasets.procedural.spec import Spec
from vos_lab.datasets.procedural.suites import (
    SPLITS,
    SUITES,
    ProceduralVideo,
    render,
    suite,
    train_video,
)

__all__ = ["SPLITS", "SUITES", "ProceduralVideo", "Spec", "render", "suite", "train_video"]
