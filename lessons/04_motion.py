# %% [markdown] name="title" minutes=90 needs=["02_optical_flow"] builds="masks carried along flow, object flow, FusionSeg" slide="slide"
# # Motion for segmentation: carry the mask, or find what moves
#
# You know where every pixel goes, and you know the object in the first frame. So it should be easy
# to find the object in the other frames: let the flow carry its mask along. **Why, then, does the
# mask in this picture grow a tail?** In this lesson you carry a mask yourself, see it slowly fail,
# and learn two methods that make better use of motion.

# %% [markdown] name="instructor" tags=["instructor"] slide="notes"
# **For the instructor**
#
# | section | minutes |
# | --- | --- |
# | carry the mask (exercise `propagate_mask`) | 15 |
# | trust the flow? (`consistency_mask`), colour and edges | 20 |
# | object flow (`object_flow_step`) | 25 |
# | break it: a full occlusion | 10 |
# | FusionSeg (`fuse_streams`, optional) | 15 |
# | claims, questions | 5 |
#
# *What usually goes wrong.* The flow has the wrong direction: here it points *back*, from this
# frame to the last. The mask is rounded in every frame, so slow objects stand still. A share is
# added to log-odds. The check has a message for each of these.
#
# *Show live.* The player with the results side by side. Let the room say at which frame they would
# stop trusting each of them.
#
# *Ask the room.* The forward-backward check finds the pixels about which we know nothing. Why does
# it not help to call them background? (One half of the answer is in the table, the other half in
# the pictures.)

# %% name="imports" slide="skip"
import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vos_lab import bench, claims, flow
from vos_lab.claims import mean_interval
from vos_lab.claims.videos import before_and_after, occluded_video
from vos_lab.course import beat, check, hint, quiz
from vos_lab.datasets import procedural
from vos_lab.datasets.davis import example
from vos_lab.flow import estimate, lands_inside, warp
from vos_lab.methods import flow_propagation, object_flow, run
from vos_lab.methods.colour_model import ColourModel
from vos_lab.methods.flow_propagation import FlowPropagation, log_odds
from vos_lab.methods.fusionseg import FusionSeg, as_input, block, convolution, motion_image
from vos_lab.methods.object_flow import COLOUR_WEIGHT, PLACE_SIGMA, MAX_LOG_ODDS, ObjectFlow
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
# - combine what an object looks like with how it moves, and segment without a first mask.
#
# You need lesson 02; lesson 03 helps. It takes about 90 minutes. The last part, FusionSeg, stands
# on its own; leave it for another day if your time is short.

# %% [markdown] name="propagation" slide="slide"
# ## Write it: carry the mask
#
# Think of a pixel of *this* frame. The **backward flow** says where it was in the last frame, and
# there we know the mask. So this is backward warping again, with a mask in the place of an image.
# The mask is *soft*: each pixel says, from 0 to 1, how much of it is object.

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
    "Each single step is good, but the small mistakes add up",
    ylabel="J",
)

# %% [markdown] name="check-text" slide="slide"
# ## Write it: which flow can be trusted?
#
# Some pixels were not visible in the last frame at all: the ball hid the ground behind it, and now
# uncovers it. Flow still gives each of them a place in the last frame, and this place must be
# wrong. To find such pixels, go there and back again: follow the flow $f$ of the pixel, and from
# the place where you arrive, follow the flow $b$ of the other direction. If you do not come back to
# the pixel, at least one of the two flows is wrong. A pixel passes the check if
#
# $$|f + b|^2 \le 0.01\,(|f|^2 + |b|^2) + 0.5$$

# %% exercise="vos_lab.flow.warp.consistency_mask" points=2

# %% name="check-in-use" slide="slide"
pair = roll.frames[9], roll.frames[8]
trusted = flow.consistency_mask(estimate(*pair, "dis"), estimate(*pair[::-1], "dis"))
print(f"{(~trusted).mean():.1%} of the pixels do not come back")
figures.strip(
    [roll.frames[9]] * 2,
    [truth[9], (~trusted).astype(np.uint8) * 3],
    titles=["the object", "not to be trusted"],
    title="What was hidden before fails the check; so do the border and the plain sky",
)

# %% name="consistency-quiz" slide="fragment"
quiz("04_motion", "consistency")

# %% [markdown] name="fill-text" slide="slide"
# Now you know *where* the flow is wrong. What should you put there? Below we try four answers:
# trust the flow anyway; call the pixel background; ask the colours of the first frame; and take the
# true mask. In a real task nobody has the truth, but it tells us how much the check can bring at
# best.


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
# So the idea is right: the row *truth* shows that the check finds pixels that matter. What is wrong
# is a simple rule for filling them. *Background* throws away every part of the object for which the
# flow failed, and a part that is gone does not come back, so the mask loses a little more in each
# frame. *Colour* brings back most of what can be gained, although on twelve clips its interval
# still contains 0.
#
# ## Two simple helpers: colour and edges
#
# The colours of the first frame do not drift. Near the contour, where the carried mask is not sure,
# they can decide. Also, contours mostly lie on edges of the image. A **guided filter** smooths the
# soft mask, but not across edges. To add two kinds of evidence, we use **log-odds**,
# $\log\frac{p}{1-p}$: 0 means "no idea", and a number above 0 speaks for the object.

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
    "Colour keeps the mask in place, and edges make it sharper",
    xlabel="J, 12 clips, with 95 % interval",
    intervals={name: mean_interval(np.array(j))[1:] for name, j in j_variants.items()},
    digits=2,
)

# %% [markdown] name="object-flow-text" slide="slide"
# ## Object flow: mask and flow in turn
#
# Why was the flow wrong at the outline? Because it also looked at the ground, which moves in
# another way. If you knew the mask, you could paint over the ground, and estimate the flow of the
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
# mask, the mask gives better flow, and so on. The mask of each turn is the one with the smallest
# energy
#
# $$E(x) = \sum_i U(x_i) + \sum_{i,j} V(x_i, x_j)$$
#
# Each pixel $i$ is object ($x_i = 1$) or not. $U$ is large where that contradicts the evidence of
# place and colour. $V$ is the price of a contour between the neighbours $i$ and $j$: it is high in
# a plain part of the image, and low along an edge. A frame of 120 x 216 pixels has $2^{25920}$
# possible masks. A **minimum cut** finds exactly the one with the smallest energy.
#
# > **In the paper** pixels and superpixels vote together, what the object looks like is learned
# > from the features of a deep network, the flow is a layered model, and neighbours reach into the
# > last frame. **Here** there are only pixels, histograms of colour, and a flow method (DIS) that
# > sees nothing but the object, because then you can write the whole step in a few lines.

# %% name="terms" slide="slide"
colours = ColourModel(fast.frames[0], (fast.masks[0] == 1).astype(np.float32))
colour = colours.log_odds(now)
place = blurred(
    flow_propagation.propagate_mask(last_mask.astype(np.float32), of_whole), PLACE_SIGMA
)
evidence = log_odds(place) + COLOUR_WEIGHT * np.clip(colour, -MAX_LOG_ODDS, MAX_LOG_ODDS)
figures.strip(
    [now] * 4,
    [m.astype(np.uint8) for m in (place > 0.5, colour > 0, evidence > 0)]
    + [minimum_cut(evidence, *contour_costs(now)).astype(np.uint8)],
    titles=["place", "colour", "both", "minimum cut"],
    title="Place says where, colour says what, and the cut makes one mask of both",
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
# Play the clip. At which frame would you stop trusting each method?

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
# First make your prediction.

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
    "After the occlusion, neither method finds the object again",
    ylabel="J",
    events={gone[0]: "hidden", gone[-1] + 1: "seen again"},
    pictures={before[2]: hidden.frames[before[2]], after[-1]: hidden.frames[after[-1]]},
)

# %% [markdown] name="occlusion-explained"
# These methods remember only the last mask. When it is empty, it stays empty. Lesson 05 builds a
# method that looks at each frame on its own, and finds the object again.
#
# > **In the paper** a mask is never dropped. **Here** object flow drops it where the colours of the
# > object speak for less than 30 % of it, because otherwise the mask stays on whatever hides the
# > object.
#
# ## FusionSeg: no mask at all
#
# In **zero-shot** segmentation nobody marks the object. The method has to find what stands out.
# Jain et al. (CVPR 2017) train two networks for this. The **appearance stream** looks at the frame.
# The **motion stream** looks at optical flow, drawn in colours as in lesson 02.

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
# ## Write it: combine the two streams
#
# Neither stream is right everywhere. When do you believe two witnesses? You believe them if *one of
# them is very sure*, or if *both agree*, even if neither of them is sure. So there are three
# opinions: appearance, motion, and the product of the two. Each has a weight and a bias, which
# makes six numbers, and they are learned. The strongest opinion wins. (This exercise is optional:
# it gives no points.)

# %% name="fusion-quiz" slide="fragment"
quiz("04_motion", "fusion")

# %% exercise="vos_lab.methods.fusionseg.fuse_streams" points=0

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
# Here the motion stream alone is the weakest, because most of our objects move slowly, and a foot
# that stands on the ground does not move at all. Does it still add something to appearance? The
# claims below ask that.

# %% [markdown] name="departures"
# > **In the paper** both streams are ResNet-101 networks, trained on ImageNet and on thousands of
# > real boxes and masks. **Here** each stream has 0.2 million parameters and was trained for
# > minutes on 250 procedural videos, because it has to run on your laptop. So on real video it is
# > much worse than in the paper.
#
# ## Claims, measured
#
# Each line of the table is an experiment with eight seeds. It says whose claim it is, and how large
# the effect has to be to matter in practice. A claim can hold, not hold, or be undecided; and it
# can hold, but with an effect that is too small to matter. You can repeat an experiment, for
# example with `vos-lab claims 04_motion/occlusion`.

# %% name="claims" slide="slide"
verdicts = [claims.saved(claim) for claim in claims.of_lesson("04_motion")]
figures.table(claims.summary(verdicts), title="Five claims, measured", name="claim", digits=3)

# %% [markdown] name="claims-explained"
# Look at the sizes of the effects, not only at the verdicts. The flow of an object is clearly
# better without its surroundings, and taking turns brings about half of that gain, although the
# mask of a turn is not exactly the true one. The *mask* gains only {{claim 04_motion/iterating-mask
# mean 3}} in J. The reason is that colour, edges and the cut decide where its contour is, and a
# change of the flow by a quarter of a pixel moves it at few pixels. Tsai et al. find a larger gain,
# on real video.
#
# Two streams are *not* clearly better than the better one alone. Our motion stream is much weaker
# than our appearance stream, so it adds wrong evidence as well as right evidence. In the paper both
# streams are strong, and together they are better than either alone on DAVIS.
#
# ## On real video
#
# The same methods on five sequences of DAVIS 2016. The methods work at 240 x 432 pixels, and their
# masks are scored at full size.

# %% name="leaderboard" slide="slide"
names = ["baseline", "flow-propagation", "object-flow", "fusionseg"]
rows = bench.compared(names, "J", "F", "T", "s per frame", drawn=None)
figures.table(rows, title="Five sequences of DAVIS 2016", digits=2)

# %% [markdown] name="leaderboard-explained"
# Propagation and object flow are far above the copied first mask, and both fail on the same two
# sequences: *bmx-trees*, in which trees hide the rider again and again, and *libby*, in which a
# fast dog gets hidden, too. FusionSeg gets no first mask, and it has only learned from drawn
# videos. Its J is below that of the copied mask, because its appearance stream has never seen a
# real animal. In the paper it is trained on real images, and it is far better. The times are those
# of a single run.

# %% name="leaderboard-drawn" slide="slide"
compared = {"object-flow": "object flow", "fusionseg": "FusionSeg"}
gains = {}
of_others = ("mixed", "crowd", "intruder")  # of other lessons, or of all challenges at once
for suite in (name for name in procedural.SUITES if not name.startswith(of_others)):
    j = {name: row["overall"]["J"]["mean"] for name, row in bench.leaderboard(suite).items()}
    title = f"{suite} (propagation {j['flow-propagation']:.2f})"
    gains[title] = {title: j[name] - j["flow-propagation"] for name, title in compared.items()}
figures.bars(
    dict(sorted(gains.items(), key=lambda row: -row[1]["object flow"])),
    "Object flow helps most where objects come and go, and harms where they are fast",
    xlabel="J minus J of propagation with colour and edges",
    digits=2,
)

# %% [markdown] name="leaderboard-drawn-explained"
# Each row is a challenge: ten drawn videos of test seeds, of 40 or 60 frames with 240 x 432 pixels.
# The bars say how much higher the J of a method is than that of propagation with colour and edges.
#
# Object flow is better in most rows, and most in *enter-leave* and *many-objects*, because it drops
# the mask of an object that has left. It is worse where objects are fast or blurred. Our guess is
# that the flow is poor there: then a bad flow makes a bad mask, and the bad mask makes the next
# flow worse.
#
# FusionSeg has learned from videos of this kind, so it does well here. Where objects are fast or
# hidden, it is even better than the methods that get the first mask, because it starts anew in each
# frame and carries no mistakes along. But it does not know which object is which. Everything that
# stands out becomes object 1, so it fails when there are several objects, or a twin
# (*distractors*).

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

# %% [markdown] name="challenge-text" slide="skip"
# ## Beat this score
#
# Carry a mask better than object flow does. Which of the ideas of this lesson would you combine,
# and where would you trust each of them? Put your answer below in the place of `None`. Your best
# score is kept.

# %% name="challenge"
answer = None  # for example: lambda: FlowPropagation(colour=0.5)
beat("04_motion", answer)

# %% [markdown] name="summary" slide="slide"
# ## Remember
#
# - Flow carries a mask very well for one frame. Over many frames the mistakes add up, because the
#   method remembers only the last mask.
# - Mask and flow help each other: the flow of an object is better without its surroundings.
# - If an object is completely hidden, propagation loses it. Without any mask, appearance and motion
#   can still find what stands out, if they have been trained on similar videos.
#
# **Next.** [Lesson 05](05_osvos.ipynb) takes the opposite approach: OSVOS learns from the first
# frame what the object looks like, and segments every frame on its own. So it finds the object
# again after an occlusion, but nothing keeps neighbouring frames consistent.
#
# **Papers.** Y.-H. Tsai, M.-H. Yang and M. Black, *Video Segmentation via Object Flow*, CVPR 2016.
# S. Jain, B. Xiong and K. Grauman, *FusionSeg: Learning to Combine Motion and Appearance for Fully
# Automatic Segmentation of Generic Objects in Videos*, CVPR 2017: further reading of the lecture,
# and worth it for how the two streams get their training masks. N. Sundaram et al., *Dense Point
# Trajectories by GPU-Accelerated Large Displacement Optical Flow*, ECCV 2010 (the check there and
# back). Y. Boykov and M.-P. Jolly, *Interactive Graph Cuts*, ICCV 2001. K. He et al., *Guided Image
# Filtering*, ECCV 2010.
