"""Optical flow: files, colours, warping, and how to estimate it."""

from vos_lab.flow.classical import coarse_to_fine, horn_schunck, lucas_kanade
from vos_lab.flow.colour import flow_to_rgb, longest_flow, wheel_image
from vos_lab.flow.estimators import METHODS, estimate
from vos_lab.flow.files import known, read_flow, write_flow
from vos_lab.flow.warp import (
    consistency_mask,
    lands_inside,
    occluded,
    round_trip,
    splat,
    warp,
    warp_mask,
)

__all__ = [
    "METHODS",
    "coarse_to_fine",
    "consistency_mask",
    "estimate",
    "flow_to_rgb",
    "horn_schunck",
    "known",
    "lands_inside",
    "longest_flow",
    "lucas_kanade",
    "occluded",
    "read_flow",
    "round_trip",
    "splat",
    "warp",
    "warp_mask",
    "wheel_image",
    "write_flow",
]
