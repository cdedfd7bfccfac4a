# %% [markdown] name="title" minutes=75 needs=["00_tour"] builds="the Jaccard index, contour accuracy, decay" slide="slide"
# # What is a good segmentation?
#
# Two methods segment the same animal. One of them misses a leg. The other finds all four legs, but
# its mask is too thin everywhere. Which one is better? That depends on how you measure. In this
# lesson you build the two measures of the field, and you find cases in which they disagree.

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
# recall, not as their harmonic mean. The tolerance is read as pixels. Decay has the wrong sign. The
# check has a message for each of these.
#
# *Show live.* The playground. Ask the room for a change that lowers J and hardly changes F, then
# for one that does the reverse. Let them vote before you move the slider.
#
# *Ask the room.* A method outlines a car perfectly, but one frame late. What do J and F say? What
# would a viewer say?

# %% name="imports" slide="skip"
import numpy as np

from vos_lab import metrics
from vos_lab.bench import bench
from vos_lab.claims import find, measure
from vos_lab.course import beat, check, hint, quiz
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
# - compute $J$ and $F$ as the official evaluators do, also for empty masks,
# - say which mistakes each of them sees, and which it overlooks,
# - summarise a video by mean, recall and decay, and measure how much a mask flickers,
# - evaluate a folder of masks, and read a leaderboard with care.
#
# You need lesson 00. It takes about 75 minutes.

# %% [markdown] name="region" slide="slide"
# ## Regions: the Jaccard index
#
# The first measure counts pixels. Some pixels of a prediction are right. Some are *false alarms*:
# they are in the prediction, but not in the truth. And some are *missed*: they are in the truth,
# but not in the prediction.

# %% name="region-picture" slide="slide"
truth = animal()
shifted = change_mask(truth, right=14, erode=2)
figures.compare_masks(
    shifted,
    truth,
    title="Three kinds of pixels",
)

# %% [markdown] name="region-equation" slide="slide"
# The **Jaccard index** of a prediction $M$ and the truth $G$ is the number of right pixels, divided
# by the number of all three kinds together. It is also called *intersection over union*, IoU:
#
# $$J = \frac{|M \cap G|}{|M \cup G|}$$
#
# Here $|\cdot|$ counts pixels, $\cap$ means "in both", and $\cup$ means "in at least one".
#
# ## Write it: J
#
# The formula is one line. Take care of two special cases: both masks may be empty, and void pixels
# must not count at all.

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
# J measures area, and thin parts have little area. A leg, a tail or a finger has few pixels but a
# long outline. So the second measure looks only at the outline. For that you need the **boundary**
# of a mask: a line, one pixel wide, where object and background meet.
#
# ## Write it: the boundary
#
# A pixel is on the boundary if it differs from its right, its lower, or its lower right neighbour.
# We use the rule of the official evaluators, because a boundary that is shifted by one pixel gives
# other numbers.

# %% show="vos_lab.metrics.masks.right_neighbour"

# %% exercise="vos_lab.metrics.masks.mask_boundary" points=2

# %% [markdown] name="near"
# Two people who draw the same outline never hit exactly the same pixels. So a boundary pixel counts
# as *matched* if the other boundary passes *near* it. "Near" means within 0.8 % of the image
# diagonal, which is 8 pixels in a frame of 480 x 854.

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
# You have to ask "is it within $r$ pixels?" for thousands of pixels at once. To do that, widen one
# boundary by a disk of radius $r$, and look how much of the other boundary lies in it. The function
# `share_near(points, target, radius)` does this fast. You may also do it yourself:
# `scipy.ndimage.distance_transform_edt(~target)` gives the distance of every pixel from `target`.
#
# Two more helpers take care of the details: `boundaries(prediction, truth, void)` gives both
# boundaries of a frame, without the void pixels, and `boundary_radius(shape, tolerance)` gives the
# tolerance in pixels.

# %% exercise="vos_lab.metrics.masks.boundary_f" points=3

# %% name="f-in-use" slide="slide"
figures.table(
    {
        name: {"J": metrics.jaccard(mask, truth), "F": metrics.boundary_f(mask, truth)}
        for name, mask in (predictions | {"ragged": ragged}).items()
    },
    title="J and F put the four masks in different orders",
    name="prediction",
)

# %% [markdown] name="f-explained"
# J is higher for the mask without a leg, and F is higher for the one that is too thin. That is
# because a leg has few pixels but a long outline. Two pixels all around the animal are many pixels,
# but each of them lies within the tolerance of F.

# %% [markdown] name="playground" slide="slide"
# ## Play
#
# Damage the mask and watch both measures. Find a change that lowers J a lot and F hardly at all.
# Then find one that lowers F a lot and J hardly at all. What does a hole do to each of them?

# %% name="metric-playground" slide="slide"
MetricPlayground()

# %% name="tolerance-quiz" slide="fragment"
quiz("01_metrics", "tolerance")

# %% [markdown] name="over-time" slide="slide"
# ## Over time: mean, recall, decay, flicker
#
# A video has many frames, so each measure gives many numbers. DAVIS turns them into three: the
# **mean**; the **recall**, which is the share of frames above 0.5; and the **decay**, which is the
# mean of the first quarter of the video minus the mean of the last quarter. Below is the baseline,
# on an object that changes its size.
#
# The lecture explains recall as the share of *sequences* above the threshold. The official code
# counts the *frames* of each sequence and averages that over the sequences. We do the same as the
# code, because our numbers have to agree with its numbers.

# %% name="over-time-picture" slide="slide"
growing = procedural.suite("scale", length=1)[0]
truths = np.stack(growing.masks) == 1
masks = run(create("baseline"), growing, progress=False) == 1
j, f = metrics.jaccard(masks, truths), metrics.boundary_f(masks, truths)
figures.curves(
    {"J": j, "F": f},
    "The copied mask fits the first frame, and soon hardly any other",
    ylabel="score (0 to 1)",
)

# %% [markdown] name="decay-exercise"
# ## Write it: decay
#
# Divide the video into quarters. The official code lets neighbouring quarters share a frame, and
# numbers frames from 1; the docstring says exactly how. Mind the sign: a *small* decay is good.

# %% exercise="vos_lab.metrics.masks.decay" points=2

# %% name="decay-in-use" tags=["compare"]
for name, values in (("J", j), ("F", f)):
    numbers = metrics.statistics(values)
    print(name, ", ".join(f"{what} {value:.2f}" for what, value in numbers.items()))

# %% name="decay-quiz" slide="fragment"
quiz("01_metrics", "negative decay")

# %% [markdown] name="flicker"
# None of these three numbers sees **flicker**. A mask may tremble around the right place with the
# same J in every frame. The lecture says that decay now judges how stable a method is over time.
# But decay compares only the beginning of a video with its end, so a mask that trembles from the
# first frame to the last has no decay at all.
#
# DAVIS 2016 has a measure for this, the **temporal instability** $T$. It says how much you have to
# bend the contour of one frame to turn it into the contour of the next frame. Each point of a
# contour is described by where the other points lie around it. Then the two contours are aligned so
# that the cost is as small as possible. Below, both masks that are not the truth have errors of a
# similar size. Compare their J, their decay and their T.

# %% name="flicker-in-use"
calm = np.stack([change_mask(m, dilate=3) for m in truths[:12]])
nervous = np.stack([change_mask(m, dilate=2, rough=5 * (t % 2)) for t, m in enumerate(truths[:12])])
figures.table(
    {
        name: {
            "J": (quality := metrics.jaccard(m, truths[:12])).mean(),
            "decay of J": metrics.decay(quality),
            "T": metrics.temporal_instability(m),
        }
        for name, m in {"truth": truths[:12], "calm": calm, "nervous": nervous}.items()
    },
    title="Decay does not see that the nervous mask trembles; T does",
    name="masks",
)

# %% [markdown] name="flicker-published"
# T is never 0 for a real object, because its outline changes when it moves. So compare T with that
# of the truth. With T you can also compare methods. On the benchmark's site MaskTrack and OnAVOS,
# which look at the last mask, flicker less than OSVOS and pixel retrieval, which segment every
# frame on its own. You will build all four.

# %% [markdown] name="protocols" slide="slide"
# ## Protocols: the details
#
# - **Several objects.** J and F are computed for each object, then averaged over all objects of all
#   videos. So a video with five objects counts five times as much as a video with one.
# - **First and last frame** are left out: the first mask is given, and DAVIS has never counted the
#   last one. Only the unsupervised protocol counts both.
# - **J&F** is the mean of the mean J and the mean F. Leaderboards are sorted by it.
# - **Void** pixels are taken out of both masks.
# - **Zero-shot**: nobody said which object is number 1. So the proposals of a method are matched to
#   the true objects in the way that gives the best score (Hungarian algorithm). At most 20 are
#   allowed.
# - **YouTube-VOS** counts an object only after the frame in which it first appears, and averages
#   four numbers: J and F on classes that were in the training videos, and J and F on classes that
#   were not.

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
# `vos-lab evaluate TRUTH RESULTS` evaluates folders of masks. `vos-lab bench METHOD` runs a method
# and evaluates it. Both call your functions here. For a suite of videos, one line is enough:

# %% name="bench"
names = [f"scale-test-0{i}" for i in range(3)]
result = bench(["baseline"], "scale", sequences=names, progress=False)["baseline"]
rows = {
    name: {"J": s["J"]["mean"], "F": s["F"]["mean"], "J&F": s["JF"], "J decay": s["J"]["decay"]}
    for name, s in [*result["sequences"].items(), ("all", result["overall"])]
}
figures.table(rows, title="The baseline on three videos", name="video")

# %% [markdown] name="break-it" slide="slide"
# ## Break it: the two measures disagree
#
# Our claim is: *J and F rank the same two predictions differently.* It would be easy to find one
# example. But how often does it happen? For ten objects, the experiment damages the true mask in 24
# ways, and looks at every pair of damaged masks. The effect is the share of the pairs that J and F
# put in opposite order.

# %% name="claim" slide="fragment"
verdict = measure(find("01_metrics/ranking"), progress=False)
print(verdict)

# %% [markdown] name="claim-explained"
# So the choice of the measure often decides which method is better. That is why this course shows
# both J and F, and never only their mean.
#
# ## On real video
#
# If your machine has DAVIS, this cell evaluates the baseline on a real sequence, as the official
# evaluator does. To evaluate a folder of masks, use `vos-lab evaluate`.

# %% name="real" tags=["real-data"]
real = example("blackswan")
if real is not None:
    truths = np.stack(real.masks) == 1
    masks = run(create("baseline"), real, progress=False) == 1
    for name, measure_of in (("J", metrics.jaccard), ("F", metrics.boundary_f)):
        values = measure_of(masks, truths)[1:-1]  # the first and the last frame do not count
        print(name, ", ".join(f"{k} {v:.2f}" for k, v in metrics.statistics(values).items()))

# %% [markdown] name="challenge-text" slide="skip"
# ## Beat this score
#
# Fool F: change a true mask so that F stays at 0.9 or above, and J gets as low as you can. What
# does your mask look like, and would a viewer call it good? Put your answer below in the place of
# `None`. Your best score is kept.

# %% name="challenge"
answer = None  # for example: lambda truth: change_mask(truth, erode=2)
beat("01_metrics", answer)

# %% [markdown] name="summary" slide="slide"
# ## Remember
#
# - J counts pixels and hardly sees thin parts. F looks at the boundary and allows a small shift.
#   They often disagree.
# - An empty prediction of an empty truth is perfect. Whenever a formula gives 0/0, you have to
#   decide what that means.
# - A mean does not say when a method fails. Recall says how often it fails, decay says whether it
#   gets worse, and T says how much it flickers.
#
# **Next.** The baseline fails because things move. In [lesson 02](02_optical_flow.ipynb) you
# measure how they move: optical flow.
#
# **Papers.** F. Perazzi et al., *A Benchmark Dataset and Evaluation Methodology for Video Object
# Segmentation*, CVPR 2016 (J, F, T). J. Pont-Tuset et al., *The 2017 DAVIS Challenge on Video
# Object Segmentation*, 2017 (several objects). S. Caelles et al., *The 2019 DAVIS Challenge on VOS:
# Unsupervised Multi-Object Segmentation*, 2019. N. Xu et al., *YouTube-VOS*, ECCV 2018.
