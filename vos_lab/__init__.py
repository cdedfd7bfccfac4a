"""vos_lab: a hands-on course on Video Object Segmentation."""

__version__ = "0.1.0"
