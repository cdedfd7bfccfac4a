"""Videos to learn and measure on: procedural, DAVIS, YouTube-VOS."""
