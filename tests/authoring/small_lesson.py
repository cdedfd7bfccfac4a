"""A lesson as short as one can be, with one of everything; copied into a folder by the tests."""

SMALL_LESSON = """\
# %% [markdown] name="title" minutes=15 needs=["00_before"] builds="copies of a mask" slide="slide"
# # A small lesson
#
# It copies a mask.

# %% [markdown] tags=["instructor"] slide="notes"
# Say this aloud.

# %% name="imports"
import os

import ipywidgets
import numpy as np

from vos_lab.course import check
from vos_lab.methods import baseline
from vos_lab.video import OBJECT_COLOURS

# %% [markdown]
# Some text, with $J = |A \\\\cap B|$.

# %% exercise="vos_lab.methods.baseline.first_mask_everywhere" points=2

# %% name="use" tags=["compare"] slide="fragment"
frames = np.zeros((2, 1, 2, 3), np.uint8)
masks = baseline.first_mask_everywhere(np.array([[0, 1]], np.uint8), frames)
print(len(masks), "masks, threads:", os.environ["OMP_NUM_THREADS"])

# %% exercise="vos_lab.video.overlay" title="paint the objects"

# %% show="vos_lab.methods.baseline.Baseline"

# %% name="widget"
class Picture(ipywidgets.IntSlider):
    def _repr_mimebundle_(self, **kwargs):
        return {**super()._repr_mimebundle_(**kwargs), "text/html": "<p>a slider</p>"}


Picture()

# %% name="real" tags=["real-data"]
print(os.listdir(os.environ["VOS_LAB_DATA"]))

# %% tags=["instructor"]
from tqdm.auto import tqdm

print(sum(tqdm(range(3))))
"""
