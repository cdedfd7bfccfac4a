"""Videos, frames and label maps: the vocabulary that everything else speaks."""

from vos_lab.video.files import (
    IMAGE_SUFFIXES,
    VIDEO_SUFFIXES,
    Lazy,
    image_frames,
    mask_files,
    numbered_files,
    write_frames,
)
from vos_lab.video.label_maps import (
    OBJECT_COLOURS,
    PALETTE,
    VOID,
    as_label_map,
    overlay,
    read_mask,
    write_mask,
)
from vos_lab.video.video import Video

__all__ = [
    "IMAGE_SUFFIXES",
    "OBJECT_COLOURS",
    "PALETTE",
    "VIDEO_SUFFIXES",
    "VOID",
    "Lazy",
    "Video",
    "as_label_map",
    "image_frames",
    "mask_files",
    "numbered_files",
    "overlay",
    "read_mask",
    "write_frames",
    "write_mask",
]
