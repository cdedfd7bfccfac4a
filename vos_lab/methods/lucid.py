"""Lucid data dreaming: MaskTrack, fine-tuned on frames that the video might have had.

Khoreva, Benenson, Ilg, Brox and Schiele, "Lucid Data Dreaming for Video Object Segmentation",
IJCV 2019. The frames are those of :mod:`vos_lab.methods.lucid_frames`; the last mask is carried
along by flow, as in the paper.
"""

from typing import Any

from vos_lab.methods.masktrack import MaskTrack


class Lucid(MaskTrack):
    """Lucid as a Segmenter: MaskTrack, fine-tuned on dreamt frames, with masks carried by flow.

    Args:
        options: those of :class:`~vos_lab.methods.masktrack.MaskTrack`.
    """

    name = "lucid"

    def __init__(self, augmentation: str = "lucid", carried: bool = True, **options: Any) -> None:
        super().__init__(augmentation=augmentation, carried=carried, **options)


ABLATIONS = {"lucid-plain": {"augmentation": "plain"}}
