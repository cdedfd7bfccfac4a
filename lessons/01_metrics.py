# %% [markdown] name="title" minutes=75 needs=["00_tour"] slide="slide"
# # What is a good segmentation?
#
# Two methods segmented the same animal. One lost a leg. The other kept all four, but its outline
# trembles. Which one is better? The answer depends on whom you ask. This lesson builds the two
# judges of the field, and lets them disagree.

# %% [markdown] name="instructor" tags=["instructor"] slide="notes"
# **For the instructor**
#
# | section | minutes |
# | --- | --- |
# | region: the Jaccard index (exercise) | 15 |
# | contour: boundary, precision, recall, F (two exercises) | 25 |
# | the playground | 10 |
# | over time: mean, recall, decay (exercise), flicker | 15 |
# | protocols, break it, questions | 10 |
#
# *What usually goes wrong.* Two empty masks give 0/0. F is taken as the mean of precision and
# recall instead of the harmonic mean. The tolerance is read as pixels. Decay comes out with the
# wrong sign.
#
# *Show live.* The playground. Ask the room to find a change that hurts J and leaves F alone, then
# one that does the reverse. Let them vote before each slider moves.
#
# *Ask the room.* Your method outlines a car perfectly, but one frame late. What do J and F say,
# and what would a viewer say?

# %% name="imports" slide="skip"
import numpy as np

from vos_lab import metrics
from vos_lab.claims import measure
from vos_lab.claims.measuring import RANKING, cut_away, roughen, shrink
from vos_lab.course import check, hint, quiz
from vos_lab.datasets import procedural
from vos_lab.datasets.davis import example
from vos_lab.methods import create, run
from vos_lab.view import figures
from vos_lab.view.explorers import MetricPlayground
