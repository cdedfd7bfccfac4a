# %% [markdown] name="title" minutes=75 needs=["00_tour"] builds="the Jaccard index, contour accuracy, decay" slide="slide"
# # What is a good segmentation?
#
# Two methods segment the same animal. One loses a leg. The other keeps all four, but its mask is
# too thin all around. Which is better? It depends on whom you ask. In this lesson you build the two
# judges of the field, and let them disagree.

# %% [markdown] name="instructor" tags=["instructor"] slide="notes"
# **For the instructor**
#
# | section | minutes |
# | --- | --- |
# | regions: the Jaccard index (exercise) | 15 |
# | contours: boundary, precision, recall, F (two exercises) | 25 |
# | the playground | 10 |
# | over time: mean, recall, decay (exercise), flicker | 15 |
# | protocols, break it, questions | 10 |
#
# *What usually goes wrong.* Two empty masks give 0/0. F is taken as the mean of precision and
# recall, not as their harmonic mean. The tolerance is read as pixels. Decay has the wrong sign.
# Each has a message of its own in the check.
#
# *Show live.* The playground. Ask the room for a change that hurts J and leaves F alone, then for
# one that does the reverse. Let them vote before you move the slider.
#
# *Ask the room.* A method outlines a car perfectly, but one frame late. What do J and F say? What
# would a viewer say?

# %% name="imports" slide="skip"
import numpy as np

from vos_lab import metrics
from vos_lab.bench import bench
from vos_lab.claims import find, measure
from vos_lab.course import check, hint, quiz
from vos_lab.datasets import procedural
from vos_lab.datasets.davis import example
from vos_lab.methods import create, run
from vos_lab.metrics.masks import boundaries, boundary_radius, check_masks, check_values
from vos_lab.metrics.masks import lower_neighbour, right_neighbour, share_near
from vos_lab.view import figures
from vos_lab.view.widgets.metrics import MetricPlayground, animal, change_mask

# %% name="picture" tags=["picture"]
truth = animal()
lost_leg = truth.copy()
lost_leg[118:, 90:125] = False
figures.clip(
    [np.full((*truth.shape, 3), 235, np.uint8)] * 3,
    [truth, lost_leg, change_mask(truth, erode=2)],
    alt="Three masks of a made-up animal in turn: the true one, one without a hind leg, and one "
    "that is thinner everywhere.",
    fps=1.0,
    opacity=1.0,
)

# %% name="prediction" slide="fragment"
quiz("01_metrics", "lost leg")

# %% [markdown] name="goals" slide="skip"
# After this lesson you can
#
# - compute $J$ and $F$ as the official evaluators do, empty masks included,
# - say which mistakes each of them sees, and which it forgives,
# - summarise a video by mean, recall and decay, and see a mask flicker,
# - evaluate a folder of masks, and read a leaderboard without being fooled.
#
# You need lesson 00. It takes about 75 minutes.

# %% [markdown] name="region" slide="slide"
# ## Regions: the Jaccard index
#
# The first judge counts pixels. Some are right. Some are *false alarms*: in the prediction, not in
# the truth. Some are *missed*: in the truth, not in the prediction.

# %% name="region-picture" slide="slide"
truth = animal()
shifted = change_mask(truth, right=14, erode=2)
figures.compare_masks(
    shifted,
    truth,
    title="Three kinds of pixels",
)

# %% [markdown] name="region-equation" slide="slide"
# The **Jaccard index** of a prediction $M$ and the truth $G$ is the share of the right pixels among
# all three kinds. It is also called *intersection over union*, IoU:
#
# $$J = \frac{|M \cap G|}{|M \cup G|}$$
#
# Here $|\cdot|$ counts pixels, $\cap$ is "in both", and $\cup$ is "in at least one".
#
# ## Write it: J
#
# The line is short. The care is in the cases around it: two empty masks, and void pixels, on which
# nobody may be judged.

# %% exercise="vos_lab.metrics.masks.jaccard" points=2

# %% name="region-in-use" tags=["compare"]
lost_leg = truth.copy()
lost_leg[118:, 90:125] = False
thin = change_mask(truth, erode=2)
predictions = {"lost leg": lost_leg, "too thin": thin, "shifted": shifted}
for name, mask in predictions.items():
    print(f"{name}: J = {metrics.jaccard(mask, truth):.2f}")

# %% name="empty-quiz" slide="fragment"
quiz("01_metrics", "empty masks")

# %% [markdown] name="contour" slide="slide"
# ## Contours: the boundary
#
# J looks at area, and area hides thin things. A leg, a tail, a finger have few pixels and much
# outline. The second judge looks at the outline alone. So first we need it: the **boundary** of a
# mask, a line one pixel wide where object and background meet.
#
# ## Write it: the boundary
#
# A pixel is on the boundary if it differs from its right, its lower, or its lower right neighbour.
# The official evaluators do it this way, so we do too: a boundary that is shifted by one pixel
# gives other numbers.

# %% show="vos_lab.metrics.masks.right_neighbour"

# %% exercise="vos_lab.metrics.masks.mask_boundary" points=2

# %% [markdown] name="near"
# Nobody draws an outline twice in the same pixels. So a boundary pixel counts as *matched* if the
# other boundary passes *near* it: within 0.8 % of the image diagonal. That is 8 pixels in
# a frame of 480 x 854.

# %% name="boundary-picture" slide="slide"
ragged = change_mask(truth, rough=7)
figures.boundary_figure(
    ragged,
    truth,
    title="Each boundary is looked for in a band around the other",
)

# %% [markdown] name="f-equation" slide="slide"
# **Precision** $P$ is the share of the *predicted* boundary that is matched. **Recall** $R$ is the
# share of the *true* boundary that is matched. Their harmonic mean is the **contour accuracy**:
#
# $$F = \frac{2\,P\,R}{P + R}$$

# %% name="harmonic-quiz" slide="fragment"
quiz("01_metrics", "harmonic")

# %% [markdown] name="f-exercise"
# ## Write it: F
#
# "Within $r$ pixels" is asked for thousands of pixels at once. Widen one boundary by a disk of
# radius $r$, and look how much of the other lies in it. `share_near(points, target, radius)`
# does that, fast. You may also do it yourself: `scipy.ndimage.distance_transform_edt(~target)`
# gives the distance of every pixel from `target`.
#
# Two more helpers are there for the details: `boundaries(prediction, truth, void)` gives both
# boundaries of a frame, without the void pixels, and `boundary_radius(shape, tolerance)` gives the
# tolerance in pixels.

# %% exercise="vos_lab.metrics.masks.boundary_f" points=3

# %% name="f-in-use" slide="slide"
figures.table(
    {
        name: {"J": metrics.jaccard(mask, truth), "F": metrics.boundary_f(mask, truth)}
        for name, mask in (predictions | {"ragged": ragged}).items()
    },
    title="Two judges, two orders",
    name="prediction",
)

# %% [markdown] name="f-explained"
# J prefers the mask without a leg, F the one that is too thin. A leg has few pixels and a long
# outline. Two pixels all around are many pixels, but each lies within the tolerance of F.

# %% [markdown] name="playground" slide="slide"
# ## Play
#
# Damage the mask and watch both judges. Find a change that J punishes and F forgives. Then find
# one that F punishes and J forgives. What does a hole do to each?

# %% name="metric-playground" slide="slide"
MetricPlayground()

# %% name="tolerance-quiz" slide="fragment"
quiz("01_metrics", "tolerance")

# %% [markdown] name="over-time" slide="slide"
# ## Over time: mean, recall, decay, flicker
#
# A video has many frames, so each judge gives many numbers. DAVIS makes three of them: the
# **mean**; the **recall**, the share of frames above 0.5; and the **decay**, by how much the last
# quarter is worse than the first. Below is the baseline, on an object that changes its size.
#
# The lecture explains recall as the share of *sequences* above the threshold. The official code
# counts the *frames* of each sequence and averages that over the sequences, and so do we, because
# our numbers have to agree with its numbers.

# %% name="over-time-picture" slide="slide"
growing = procedural.suite("scale", length=1)[0]
truths = np.stack(growing.masks) == 1
masks = run(create("baseline"), growing, progress=False) == 1
j, f = metrics.jaccard(masks, truths), metrics.boundary_f(masks, truths)
figures.curves(
    {"J": j, "F": f},
    "The copied mask gets worse with every frame",
    ylabel="score (0 to 1)",
)

# %% [markdown] name="decay-exercise"
# ## Write it: decay
#
# Cut the video into quarters. The official code lets neighbouring quarters share a frame, and
# numbers frames from 1; the docstring says how. Mind the sign: decay is *good* when it is small.

# %% exercise="vos_lab.metrics.masks.decay" points=2

# %% name="decay-in-use" tags=["compare"]
for name, values in (("J", j), ("F", f)):
    numbers = metrics.statistics(values)
    print(name, ", ".join(f"{what} {value:.2f}" for what, value in numbers.items()))

# %% name="decay-quiz" slide="fragment"
quiz("01_metrics", "negative decay")

# %% [markdown] name="flicker"
# None of the three sees **flicker**. A mask may tremble around the right place, with the same J in
# every frame. The lecture says that decay now judges how stable a method is over time; but decay
# compares the beginning of a video with its end, and a mask that trembles from the first frame to
# the last has no decay at all. DAVIS 2016 has a measure for that, the **temporal instability** $T$:
# how much the contour must be bent to turn it into the contour of the next frame. Each contour
# point is described by where the other points lie around it; the two contours are aligned at the
# least cost.

# %% name="flicker-in-use"
calm = np.stack([change_mask(m, dilate=3) for m in truths[:12]])
nervous = np.stack([change_mask(m, dilate=2, rough=5 * (t % 2)) for t, m in enumerate(truths[:12])])
figures.table(
    {
        name: {
            "J": float(metrics.jaccard(m, truths[:12]).mean()),
            "T": metrics.temporal_instability(m),
        }
        for name, m in {"truth": truths[:12], "calm": calm, "nervous": nervous}.items()
    },
    title="T is high where the outline changes its shape from frame to frame",
    name="masks",
)

# %% [markdown] name="protocols" slide="slide"
# ## Protocols: the small print
#
# - **Several objects.** J and F are computed for each object, then averaged over all objects of
#   all videos. So a video with five objects counts five times as much as a video with one.
# - **First and last frame** are left out: the first mask is given, and the last was left out when
#   DAVIS began. Only the unsupervised protocol counts them.
# - **J&F** is the mean of the two means. It is what leaderboards sort by.
# - **Void** pixels are taken out of both masks.
# - **Zero-shot**: nobody said which object is number 1. So the proposals of a method are matched to
#   the true objects in the way that scores best (Hungarian algorithm). At most 20 are allowed.
# - **YouTube-VOS** counts an object only after the frame in which it first appears, and averages
#   four numbers: J and F on seen classes, J and F on unseen ones.

# %% name="swapped-numbers" tags=["compare"]
family = procedural.suite("many-objects", length=1)[0]
true = np.stack(family.masks[:8])
swap = np.arange(256, dtype=np.uint8)
swap[[1, 2]] = 2, 1  # perfect masks, but objects 1 and 2 have each other's number
for task, unsupervised in (("one-shot", False), ("zero-shot", True)):
    score = metrics.evaluate_video(swap[true], true, unsupervised=unsupervised)
    of_each = ", ".join(f"{o['J']['mean']:.2f}" for o in score["objects"].values())
    print(f"{task}: J of the objects {of_each}")

# %% [markdown] name="whole-method" slide="skip"
# ## The whole evaluation
#
# `vos-lab evaluate TRUTH RESULTS` judges folders of masks, and `vos-lab bench METHOD` runs a method
# and judges it. Both call your functions here. One line does it for a suite of videos:

# %% name="bench"
names = [f"scale-test-0{i}" for i in range(3)]
result = bench(["baseline"], "scale", sequences=names, progress=False)["baseline"]
rows = {
    name: {"J": s["J"]["mean"], "F": s["F"]["mean"], "J&F": s["JF"], "J decay": s["J"]["decay"]}
    for name, s in [*result["sequences"].items(), ("all", result["overall"])]
}
figures.table(rows, title="The baseline on three videos", name="video")

# %% [markdown] name="break-it" slide="slide"
# ## Break it: the judges disagree
#
# The lecture claims: *J and F rank the same two predictions differently.* One example would be
# easy to find. How often does it happen? For ten objects, the experiment damages the true mask
# in 24 ways, and looks at every pair of damaged masks. The effect is the share of the pairs that
# J and F put in opposite order.

# %% name="claim" slide="fragment"
verdict = measure(find("01_metrics/ranking"), progress=False)
print(verdict)

# %% [markdown] name="claim-explained"
# So the measure decides who wins. That is why this course reports both, and never J&F alone.
#
# ## On real video
#
# If your machine has DAVIS, this cell judges the baseline on a real sequence, as the official
# evaluator does. Masks in a folder are judged with `vos-lab evaluate`.

# %% name="real" tags=["real-data"]
real = example("blackswan")
if real is not None:
    truths = np.stack(real.masks) == 1
    masks = run(create("baseline"), real, progress=False) == 1
    for name, measure_of in (("J", metrics.jaccard), ("F", metrics.boundary_f)):
        values = measure_of(masks, truths)[1:-1]  # the first and the last frame do not count
        print(name, ", ".join(f"{k} {v:.2f}" for k, v in metrics.statistics(values).items()))

# %% [markdown] name="summary" slide="slide"
# ## Remember
#
# - J counts pixels and forgives thin things; F counts boundary and forgives a shift within its
#   tolerance. They often disagree.
# - An empty prediction of an empty truth is perfect. Every 0/0 in a metric needs a decision.
# - A mean hides when a method fails. Recall and decay say how often and how late; T says how
#   nervous it is.
#
# **Next.** The baseline fails because things move. [Lesson 02](02_optical_flow.ipynb) measures how
# they move: optical flow.
#
# **Papers.** F. Perazzi et al., *A Benchmark Dataset and Evaluation Methodology for Video Object
# Segmentation*, CVPR 2016 (J, F, T). J. Pont-Tuset et al., *The 2017 DAVIS Challenge on Video
# Object Segmentation*, 2017 (several objects). S. Caelles et al., *The 2019 DAVIS Challenge on VOS:
# Unsupervised Multi-Object Segmentation*, 2019. N. Xu et al., *YouTube-VOS*, ECCV 2018.
