# %% [markdown] name="title" minutes=90 needs=["02_optical_flow"] builds="masks carried along flow, object flow, FusionSeg" slide="slide"
# # Motion for segmentation: carry the mask, or find what moves
#
# You know where every pixel goes. And you know the object, in the first frame. Then the rest should
# be easy: take the mask along. **Why, then, does the mask in this picture grow a tail?** In this
# lesson you carry a mask yourself, watch it fail slowly, and meet two ideas that make more of
# motion.

# %% [markdown] name="instructor" tags=["instructor"] slide="notes"
# **For the instructor**
#
# | section | minutes |
# | --- | --- |
# | carry the mask (exercise `propagate_mask`) | 15 |
# | trust the flow? (`consistency_mask`), colour and edges | 20 |
# | object flow (`object_flow_step`) | 25 |
# | break it: a full occlusion | 10 |
# | FusionSeg (`fuse_streams`) | 15 |
# | claims, questions | 5 |
#
# *What usually goes wrong.* The flow is turned round: here it points *back*, from this frame to the
# last. The mask is rounded in every frame, so slow objects stand still. A share is added to
# log-odds. Each has a message of its own in the check.
#
# *Show live.* The player with four results side by side. Let the room say at which frame they would
# stop trusting each of them.
#
# *Ask the room.* The forward-backward check finds the pixels that nothing is known about. Why does
# it not help to call them background? (Half of the answer is in the table, half in the pictures.)

# %% name="imports" slide="skip"
import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vos_lab import bench, claims, flow
from vos_lab.claims import mean_interval
from vos_lab.claims.videos import before_and_after, occluded_video
from vos_lab.course import check, hint, quiz
from vos_lab.datasets import procedural
from vos_lab.datasets.davis import example
from vos_lab.flow import estimate, lands_inside, warp
from vos_lab.methods import flow_propagation, object_flow, run
from vos_lab.methods.colour_model import ColourModel
from vos_lab.methods.flow_propagation import FlowPropagation, log_odds
from vos_lab.methods.fusionseg import FusionSeg, as_input, block, convolution, motion_image
from vos_lab.methods.object_flow import COLOUR, NEAR, SURE, ObjectFlow
from vos_lab.methods.object_flow import contour_costs, flow_of_object, minimum_cut, mismatch
from vos_lab.methods.resolution import blurred
from vos_lab.metrics import jaccard
from vos_lab.metrics.flow import endpoint_error
from vos_lab.view import figures
from vos_lab.view.figures import flow as flow_figures
from vos_lab.view.widgets.player import Player

# %% name="picture" tags=["picture"]
roll = procedural.suite("camera", frames=30, size=(120, 216), length=4)[3]
truth = np.stack(list(roll.masks))
plain = run(FlowPropagation(colour=0, filtered=False), roll, progress=False)
figures.clip(
    roll,
    plain,
    alt="A ball rolls over dry ground. The coloured mask that is carried along with it leaves a "
    "longer and longer tail behind the ball.",
    height=200,
    most_bytes=60_000,
)

# %% name="prediction" slide="fragment"
quiz("04_motion", "carry")

# %% [markdown] name="goals" slide="skip"
# After this lesson you can
#
# - carry a mask along optical flow, and say why it drifts,
# - find the pixels whose flow cannot be trusted, and measure what to do with them,
# - improve mask and flow in turn, with a minimum cut,
# - fuse what a thing looks like with how it moves, and segment without a first mask.
#
# You need lesson 02; lesson 03 helps. It takes about 90 minutes.

# %% [markdown] name="propagation" slide="slide"
# ## Write it: carry the mask
#
# Stand on a pixel of *this* frame. **Backward flow** says where it was in the last one, and there
# the mask is known. So this is backward warping, with a mask in the place of an image. The mask is
# *soft*: each pixel says from 0 to 1 how much of it is object.

# %% exercise="vos_lab.methods.flow_propagation.propagate_mask" points=2

# %% name="propagation-in-use" slide="slide"
roll = procedural.suite("camera", frames=30, size=(120, 216), length=4)[3]
truth = np.stack(list(roll.masks))
plain = run(FlowPropagation(colour=0, filtered=False), roll, progress=False)
figures.strip(
    roll,
    {"truth": truth, "carried by flow": plain},
    at=[1, 8, 16, 24, 29],
    title="One step is nearly perfect; thirty are not",
)

# %% name="drift" slide="slide"
j_plain = jaccard(plain == 1, truth == 1)
one_step = [1.0]
for t in range(1, len(roll)):
    fresh = FlowPropagation(colour=0, filtered=False)
    fresh.start(roll.frames[t - 1], truth[t - 1])  # begins anew from the true mask
    one_step.append(jaccard(fresh.step(roll.frames[t]) == 1, truth[t] == 1))
figures.curves(
    {"from the true mask, one step": one_step, "from the first mask": j_plain},
    "Each step is good; the small mistakes add up",
    ylabel="J",
)

# %% [markdown] name="check-text" slide="slide"
# ## Write it: which flow can be trusted?
#
# Some pixels cannot have come from anywhere: the ground that the ball uncovers was hidden before.
# Flow invents an origin for them all the same. To find them, go there and back: along the flow $f$,
# and from where you arrive along the flow $b$ of the other direction. Who does not come home was
# sent astray.
#
# $$|f + b|^2 \le 0.01\,(|f|^2 + |b|^2) + 0.5$$

# %% exercise="vos_lab.flow.warp.consistency_mask" points=2

# %% name="check-in-use" slide="slide"
pair = roll.frames[9], roll.frames[8]
trusted = flow.consistency_mask(estimate(*pair, "dis"), estimate(*pair[::-1], "dis"))
print(f"{(~trusted).mean():.1%} of the pixels do not come home")
figures.strip(
    [roll.frames[9]] * 2,
    [truth[9], (~trusted).astype(np.uint8) * 3],
    titles=["the object", "not to be trusted"],
    title="What was not seen before fails: behind the ball, at the border; and so does plain sky",
)

# %% name="consistency-quiz" slide="fragment"
quiz("04_motion", "consistency")

# %% [markdown] name="fill-text" slide="slide"
# Now you know *where* the flow is wrong. What do you put there? Four answers: go on trusting the
# flow; call it background; ask the colours of the first frame; and the truth, which nobody has, to
# see what the check is worth at best.


# %% name="fill"
def follow(video, fill):
    """J of a mask that is carried on; ``fill`` says what to put where the flow is not trusted."""
    soft = (video.masks[0] == 1).astype(np.float32)
    colours, scores = ColourModel(video.frames[0], soft), []
    for t in range(1, len(video)):
        now, last = video.frames[t], video.frames[t - 1]
        back, there = estimate(now, last, "dis"), estimate(last, now, "dis")
        soft = flow_propagation.propagate_mask(soft, back)
        lost = ~flow.consistency_mask(back, there)
        if fill == "background":
            soft[lost] = 0
        elif fill == "colour":
            soft[lost] = colours.log_odds(now)[lost] > 0
        elif fill == "truth":
            soft[lost] = video.masks[t][lost] == 1
        scores.append(jaccard(soft > 0.5, video.masks[t] == 1))
    return float(np.mean(scores))


# %% name="fill-table" slide="slide"
small = {"frames": 20, "size": (120, 216), "length": 4}
clips = [clip for s in ("camera", "speed", "easy") for clip in procedural.suite(s, **small)]
fills = {"trust the flow": "", "background": "background", "colour": "colour", "truth": "truth"}
j_of = {name: np.array([follow(clip, fill) for clip in clips]) for name, fill in fills.items()}
rows = {
    name: {"J": j.mean(), "more than trusting": mean_interval(j - j_of["trust the flow"])}
    for name, j in j_of.items()
}
figures.table(rows, title="12 clips, 20 frames, 95 % intervals", name="in its place", digits=2)

# %% [markdown] name="fill-explained"
# So the idea is right: the check finds pixels that matter, as the row *truth* shows. A naive fill
# is at fault. *Background* throws away every part of the object that flow lost sight of, and what
# is gone does not come back: each frame eats a little more. *Colour* wins back most of what there
# is to win, though on twelve clips its interval still touches 0.
#
# ## Two cheap helpers: colour and edges
#
# The colours of the first frame do not drift. Where place leaves a doubt, near the contour, they
# can decide. And contours mostly lie on edges of the image. A **guided filter** smooths the soft
# mask, but not across edges. Evidence of two kinds is added as **log-odds**, $\log\frac{p}{1-p}$:
# 0 is "no idea", above 0 speaks for the object.

# %% show="vos_lab.methods.flow_propagation.guided_filter"

# %% name="helpers" slide="slide"
variants = {
    "flow alone": FlowPropagation(colour=0, filtered=False),
    "and edges": FlowPropagation(colour=0),
    "and colour": FlowPropagation(filtered=False),
    "and both": FlowPropagation(),
}


def mean_j(method, video):
    """J of object 1, over all frames but the first."""
    return float(
        jaccard(run(method, video, progress=False) == 1, np.stack(video.masks) == 1)[1:].mean()
    )


j_variants = {name: [mean_j(method, clip) for clip in clips] for name, method in variants.items()}
figures.bars(
    {name: np.mean(j) for name, j in j_variants.items()},
    "Colour holds the mask; edges sharpen it",
    xlabel="J, 12 clips, with 95 % interval",
    intervals={name: mean_interval(np.array(j))[1:] for name, j in j_variants.items()},
    digits=2,
)

# %% [markdown] name="object-flow-text" slide="slide"
# ## Object flow: mask and flow in turn
#
# Why was the flow wrong at the outline? Because it looked at the ground, too, which moves
# otherwise. If you knew the mask, you could paint the ground over, and estimate the flow of the
# object alone.

# %% name="alone" slide="slide"
fast = procedural.suite("speed", frames=12, size=(120, 216), length=2)[1]
now, last = fast.frames[6], fast.frames[5]
mask, last_mask = fast.masks[6] == 1, fast.masks[5] == 1
of_whole = estimate(now, last, "dis")
of_object = np.where(mask[..., None], flow_of_object(now, last, mask, last_mask), of_whole)
only_object = np.where(mask[..., None], fast.backward_flow[5], np.nan)
flow_figures.error_maps(
    {"whole image": of_whole, "object alone": of_object},
    only_object,
    title="On the object, flow is better without its surroundings",
)

# %% [markdown] name="energy" slide="slide"
# But the mask is what you are looking for. So Tsai et al. (CVPR 2016) take **turns**: flow gives a
# mask, the mask gives better flow, and again. The mask of a turn is the one with the least energy
#
# $$E(x) = \sum_i U(x_i) + \sum_{i,j} V(x_i, x_j)$$
#
# Each pixel $i$ is object ($x_i = 1$) or not. $U$ is large where that contradicts the evidence of
# place and colour. $V$ is the price of a contour between neighbours $i$ and $j$: high in a plain
# part of the image, low along an edge. Of all $2^{25920}$ masks of a frame of 120 x 216 pixels, a
# **minimum cut** finds the best one exactly.

# %% name="terms" slide="slide"
colours = ColourModel(fast.frames[0], (fast.masks[0] == 1).astype(np.float32))
colour = colours.log_odds(now)
place = blurred(flow_propagation.propagate_mask(last_mask.astype(np.float32), of_whole), NEAR)
evidence = log_odds(place) + COLOUR * np.clip(colour, -SURE, SURE)
figures.strip(
    [now] * 4,
    [m.astype(np.uint8) for m in (place > 0.5, colour > 0, evidence > 0)]
    + [minimum_cut(evidence, *contour_costs(now)).astype(np.uint8)],
    titles=["place", "colour", "both", "minimum cut"],
    title="Place knows where, colour knows what; the cut makes one mask of them",
)

# %% exercise="vos_lab.methods.object_flow.object_flow_step" points=4

# %% name="turns" slide="slide"
guess, guess_flow = last_mask, of_whole
rows = {
    "flow of the whole image": {
        "endpoint error (px)": endpoint_error(of_whole, fast.backward_flow[5])[mask].mean()
    }
}
for turn in (1, 2, 3):
    guess, guess_flow = object_flow.object_flow_step(now, last, last_mask, guess_flow, colour)
    error = endpoint_error(guess_flow, fast.backward_flow[5])[mask].mean()
    rows[f"after turn {turn}"] = {"endpoint error (px)": error, "J": jaccard(guess, mask)}
figures.table(rows, title="One frame: the flow on the object, and the mask", name="", digits=2)

# %% [markdown] name="player-text" slide="slide"
# Play the clip. At which frame would you stop trusting each of them?

# %% name="player" slide="slide"
results = {
    "truth": list(roll.masks),
    "flow alone": plain,
    "flow, colour, edges": run(FlowPropagation(), roll, progress=False),
    "object flow": run(ObjectFlow(), roll, progress=False),
}
Player(roll, results, title="The same roll, three methods")

# %% name="compare" slide="slide"
j_of_methods = {
    name: jaccard(np.stack(masks) == 1, truth == 1)[1:].mean()
    for name, masks in results.items()
    if name != "truth"
}
j_clips = j_variants["and both"], [mean_j(ObjectFlow(), clip) for clip in clips]
print(", ".join(f"{name}: J {j:.2f}" for name, j in j_of_methods.items()), "on this clip")
print(
    f"12 clips: propagation with colour and edges {np.mean(j_clips[0]):.2f}, "
    f"object flow {np.mean(j_clips[1]):.2f}"
)

# %% [markdown] name="break-it" slide="slide"
# ## Break it: hide the object
#
# Predict first.

# %% name="occlusion-quiz" slide="fragment"
quiz("04_motion", "occlusion")

# %% name="occlusion" slide="slide"
hidden = occluded_video(4)
before, after = before_and_after(hidden)
gone = [t for t in range(len(hidden)) if not (hidden.masks[t] == 1).any()]
hidden_truth = np.stack(list(hidden.masks)) == 1
methods = {"propagation": FlowPropagation(), "object flow": ObjectFlow()}
found = {name: run(method, hidden, progress=False) for name, method in methods.items()}
curves = {name: jaccard(masks == 1, hidden_truth) for name, masks in found.items()}
for curve in curves.values():
    curve[gone] = np.nan  # nothing to find, so nothing to score
figures.curves(
    curves,
    "Hidden once, lost for good",
    ylabel="J",
    events={gone[0]: "hidden", gone[-1] + 1: "seen again"},
    pictures={before[2]: hidden.frames[before[2]], after[-1]: hidden.frames[after[-1]]},
)

# %% [markdown] name="occlusion-explained"
# All that these methods remember is the last mask. When that is empty, it stays empty. (Our object
# flow at least lets go of what is gone: where the colours of the object speak for less than 30 % of
# a mask, it drops that mask. The paper has no such rule.) Lesson 05 builds a method that looks at
# each frame on its own, and finds the object again.
#
# ## FusionSeg: no mask at all
#
# In **zero-shot** segmentation nobody marks the object. The method must find what stands out. Jain
# et al. (CVPR 2017) train two networks. The **appearance stream** looks at the frame. The **motion
# stream** looks at optical flow, drawn as you drew it in lesson 02.

# %% name="camera-quiz" slide="slide"
quiz("04_motion", "camera")

# %% show="vos_lab.methods.fusionseg.Stream"

# %% name="streams" slide="slide"
fusionseg = FusionSeg()
scene = procedural.suite("camera", frames=12, size=(120, 216), length=3)[2]
picture, motion_picture = scene.frames[8], motion_image(scene.frames[8], scene.frames[7])
with torch.inference_mode():
    looks, moves = (
        fusionseg.appearance(as_input(picture)),
        fusionseg.motion(as_input(motion_picture)),
    )
figures.strip(
    [picture, motion_picture, picture, picture],
    [None, None] + [(score[0, 0] > 0).numpy().astype(np.uint8) for score in (looks, moves)],
    titles=["frame", "its flow", "appearance", "motion"],
    title="Two streams, two opinions",
)

# %% [markdown] name="fusion-text"
# ## Write it: fuse two opinions
#
# Neither is right everywhere. When do you believe two witnesses? When *one of them is very sure*,
# or when *both agree*, even if neither is sure. So there are three opinions: appearance, motion,
# and their product. Each has a weight and a bias, six numbers that are learned. The strongest wins.

# %% name="fusion-quiz" slide="fragment"
quiz("04_motion", "fusion")

# %% exercise="vos_lab.methods.fusionseg.fuse_streams" points=2

# %% name="fusion-in-use" slide="slide"
names = ("appearance", "motion", "both")
found = {name: run(FusionSeg(name), scene, progress=False) for name in names}
figures.strip(
    scene,
    {"truth": list(scene.masks)} | {name: found[name] for name in names},
    at=[1, 4, 6, 9, 11],
    title="Without a first mask: what each stream finds, and both together",
)

# %% name="streams-table" slide="slide"
tiny = {"frames": 7, "size": (120, 216), "length": 1}
singles = [
    clip for suite in ("easy", "camera", "speed") for clip in procedural.suite(suite, **tiny)
]
rows = {name: {"J": np.mean([mean_j(FusionSeg(name), c) for c in singles])} for name in names}
figures.table(rows, title="Zero-shot, 3 clips with one object", name="stream", digits=2)

# %% [markdown] name="streams-explained"
# Motion alone is the weakest here: most of our objects move slowly, and a foot that stands still on
# the ground has no motion at all. Does it add anything to appearance? The claims below ask that.

# %% [markdown] name="departures"
# *In the paper* both streams are ResNet-101 networks, trained on ImageNet and on thousands of real
# boxes and masks. *Here* each has 0.2 million parameters and has seen 250 procedural videos, for
# minutes, because your laptop has to run it. On real video it is far from the paper.
#
# ## What the lecture claims
#
# Each line is an experiment with eight seeds. The effect is above zero where the claim is right.
# `vos-lab claims 04_motion/occlusion` runs one of them again.

# %% name="claims" slide="slide"
verdicts = [claims.saved(claim) for claim in claims.of_lesson("04_motion")]
figures.table(claims.summary(verdicts), title="Five claims, measured", name="claim", digits=2)

# %% [markdown] name="claims-explained"
# Read the sizes, too, not only the verdicts. Without its surroundings the flow of an object is
# clearly better, and turns bring half of that gain, though the mask of a turn is not the true one.
# The *mask* gains nearly nothing: its contour is decided by colour, edges and the cut, and a
# quarter of a pixel of flow changes few of its pixels. Tsai et al. find more, on real video.
#
# Two streams do *not* clearly beat the better one here. Our motion stream is much weaker than our
# appearance stream, and a weak witness adds noise as well as evidence. In the paper both are
# strong, and together they are better on DAVIS.
#
# ## On real video
#
# The same methods on five sequences of DAVIS 2016, at 240 x 432 pixels inside, judged at full size.

# %% name="leaderboard" slide="slide"
board = bench.leaderboard("davis2016")
rows = {
    name: {
        "J": row["overall"]["J"]["mean"],
        "F": row["overall"]["F"]["mean"],
        "T": row["overall"]["T"],
        "s per frame": row["overall"]["seconds_per_frame"],
    }
    for name, row in board.items()
    if name in ("baseline", "flow-propagation", "object-flow", "fusionseg")
}
figures.table(rows, title="Five sequences of DAVIS 2016", digits=2)

# %% [markdown] name="leaderboard-explained"
# Object flow and propagation are well above the copied first mask, and both fail on the same two
# sequences: *bmx-trees*, where trees hide the rider again and again, and *libby*, a fast dog that
# is hidden too. FusionSeg gets no mask, and has learned from drawn videos only. Here it falls below
# even the copied mask: its appearance stream has never seen a real animal. Trained on real images,
# as in the paper, it is far better. The seconds are of one run.

# %% name="leaderboard-drawn" slide="slide"
shown = {"flow-propagation": "propagation", "object-flow": "object flow", "fusionseg": "FusionSeg"}
drawn = [name for name in procedural.SUITES if not name.startswith(("mixed", "crowd"))]


def scores_on(suite):
    """What stands in the leaderboard: J / F / T of each method."""
    overall = {method: row["overall"] for method, row in bench.leaderboard(suite).items()}
    return {
        title: f"{row['J']['mean']:.2f} / {row['F']['mean']:.2f} / {row['T']:.2f}"
        for method, title in {"baseline": "first mask copied", **shown}.items()
        if (row := overall.get(method)) is not None
    }


figures.table({suite: scores_on(suite) for suite in drawn}, title="J / F / T", name="suite")

# %% [markdown] name="leaderboard-drawn-explained"
# A row for each challenge: ten drawn videos of test seeds, of 40 or 60 frames of 240 x 432 pixels.
# Object flow is ahead of propagation in most rows, and furthest in *enter-leave*: it lets go of
# what is gone. It is behind where objects are fast or blurred. Our guess: there the flow itself is
# poor, and two that help each other can mislead each other, too.
#
# FusionSeg has learned from such videos, and is good:
# where objects are fast or hidden, it even beats the methods that were given the first mask, as it
# carries no mistakes on. But it knows no identities. It calls everything that stands out object 1,
# so several objects, or a twin (*distractors*), are too much for it.

# %% name="real" tags=["real-data"]
real = example("camel")
if real is not None:
    real = real.part(0, 40).resized(240)
    real_truth = np.stack(list(real.masks)) == 1
    real_methods = {"propagation": FlowPropagation(), "object flow": ObjectFlow()}
    shown = {name: run(method, real, progress=False) for name, method in real_methods.items()}
    for name, masks in shown.items():
        print(f"{real.name}, {name}: J {jaccard(masks == 1, real_truth)[1:].mean():.2f}")
    display(Player(real, shown, title="Two camels, one mask"))

# %% [markdown] name="summary" slide="slide"
# ## Remember
#
# - Flow carries a mask very well for one frame. Over many the mistakes add up, since nothing but
#   the last mask is remembered.
# - Mask and flow help each other: the flow of an object is better without its surroundings.
# - What is hidden whole is lost. Without any mask, appearance and motion can still say what stands
#   out, each as well as it was trained.
#
# **Next.** Lesson 05 turns it round: OSVOS learns what the object looks like from the first frame,
# and segments every frame on its own. It finds the object again, and pays with flicker.
#
# **Papers.** Y.-H. Tsai, M.-H. Yang and M. Black, *Video Segmentation via Object Flow*, CVPR 2016.
# S. Jain, B. Xiong and K. Grauman, *FusionSeg: Learning to Combine Motion and Appearance for Fully
# Automatic Segmentation of Generic Objects in Videos*, CVPR 2017. N. Sundaram et al., *Dense Point
# Trajectories by GPU-Accelerated Large Displacement Optical Flow*, ECCV 2010 (the check there and
# back). Y. Boykov and M.-P. Jolly, *Interactive Graph Cuts*, ICCV 2001. K. He et al., *Guided Image
# Filtering*, ECCV 2010.
