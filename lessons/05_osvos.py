# %% [markdown] name="title" minutes=90 needs=["04_motion"] builds="a class-balanced loss, side outputs, fine-tuning, snapping to contours" slide="slide"
# # OSVOS: learn the object from one frame
#
# Every method so far carries a mask from frame to frame, and when it loses the object, it never
# finds it again. Now you build a method that carries nothing. It learns what the object *looks
# like*, and searches for it in each frame.
#
# In this picture the mask was carried along, and after the occlusion it does not come back. **What
# does a method have to remember to find the object again?**

# %% [markdown] name="instructor" tags=["instructor"] slide="notes"
# **For the instructor**
#
# | section | minutes |
# | --- | --- |
# | the problem, three networks | 10 |
# | the loss (exercise `class_balanced_loss`) | 15 |
# | side outputs (`fuse_side_outputs`) | 15 |
# | fine-tuning (`fine_tune`), the monitor | 15 |
# | contours (`snap_to_contours`) | 15 |
# | break it: occlusion, flicker, two camels | 10 |
# | claims, real video, your own video | 10 |
#
# *What usually goes wrong.* Void is taken for the object, because 255 is above 0. The gradients add
# up, because nobody sets them to zero. The losses are kept as tensors, and memory grows. The check
# has a message for each of these.
#
# *Show live.* The monitor. Interrupt it at a step that the room chooses, and let the room guess J.
# Then the two camels: which frame would you annotate?
#
# *Ask the room.* The test network is overfitted on purpose. When is that right, and what keeps it
# from learning the pixels of frame 0 by heart? (The parent, the augmentation, few steps.)

# %% name="imports" slide="skip"
import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vos_lab import bench, claims, methods
from vos_lab.claims.osvos import twin_video
from vos_lab.claims.videos import before_and_after, occluded_video
from vos_lab.course import beat, check, hint, quiz
from vos_lab.datasets import procedural
from vos_lab.datasets.davis import example
from vos_lab.exercise import exercise
from vos_lab.methods import run
from vos_lab.methods.contours import ContourBranch
from vos_lab.methods.flow_propagation import FlowPropagation
from vos_lab.methods.networks import SegmentationNetwork, as_input
from vos_lab.methods.fine_tuning import Batch, Loss
from vos_lab.methods.osvos import OSVOS, cross_entropy
from vos_lab.metrics import boundary_f, jaccard, temporal_instability
from vos_lab.video import VOID, Video, overlay
from vos_lab.view import figures
from vos_lab.view.widgets.osvos import AnnotationExplorer, FineTuningMonitor, networks_figure
from vos_lab.view.widgets.painter import Painter
from vos_lab.view.widgets.player import Player

# %% name="picture" tags=["picture"]
hidden = procedural.render(procedural.Spec(occlusion=1.0, frames=40), 14)
carried = run(FlowPropagation(), hidden, progress=False)
figures.clip(
    hidden,
    carried,
    alt="An object passes behind something and comes out again. The coloured mask that was carried "
    "along with it does not come out.",
    height=200,
    most_bytes=45_000,
)

# %% name="prediction" slide="slide"
quiz("05_osvos", "remember")

# %% [markdown] name="goals" slide="skip"
# After this lesson you can
#
# - say what the base, the parent and the test network of OSVOS have learned,
# - write its loss, and say what the balance of classes brings and what it costs,
# - fuse what a network says at several sizes, and fine-tune it on one frame,
# - snap a mask to contours,
# - cause its failures on purpose: flicker, and objects that look alike. You mend the second one
#   with one more annotation.
#
# You need lesson 04. It takes about 90 minutes.

# %% [markdown] name="networks-text" slide="slide"
# ## Three networks, each made from the one before
#
# If a network starts from nothing, one frame is not enough to learn from. So OSVOS (*one-shot video
# object segmentation*, Caelles et al., CVPR 2017) learns in three stages. The **base network** has
# learned from images in general. The **parent network** has learned from many videos what objects
# look like, whatever they are. The **test network** is the parent network after it was fine-tuned
# on the first frame of *this* video.

# %% name="networks" slide="slide"
paper = {"loss": "balanced", "augmentation": "plain", "steps": 60}
party = procedural.suite("many-objects", frames=12, size=(120, 216), length=1)[0]
one = (party.first_mask == 1).astype(np.uint8)
stages = {
    "base network": OSVOS(parent=None, steps=0),
    "parent network": OSVOS(steps=0),
    "test network": OSVOS(**paper),
}
for method in stages.values():
    method.start(party.frames[0], one)
networks_figure(
    party.frames[8],
    {name: method.probabilities(party.frames[8])[1] for name, method in stages.items()},
    ["has learned nothing here\n(paper: ImageNet)", "from many videos:\nwhat is an object?",
     "from frame 0:\nwhich object?"],
    title="From everything, to objects, to this object: the same frame, three networks",
)  # fmt: skip

# %% [markdown] name="departures"
# > **In the paper** the base network is VGG-16, trained on ImageNet, and the parent has learned
# > from the videos of DAVIS. **Here** the network has 0.5 million parameters, so that your laptop
# > can fine-tune it in seconds; it starts from random weights, and its parent has learned from
# > procedural videos only. If your machine has the weights of the large network, you can take it
# > with `OSVOS(encoder="vgg16")`, or give a file with `encoder_weights`. Also, this lesson
# > fine-tunes for 60 steps and not for ten minutes.
#
# > **In the paper** the loss is class-balanced. You will write this loss, and this lesson learns
# > with it. **Here** `OSVOS()` without further options learns with the soft Jaccard loss instead,
# > because on validation videos that gave better masks.
#
# ## Write it: the loss
#
# The network has to decide for each pixel whether it is object or not. Its answer is in log-odds,
# and the **cross-entropy** says how bad the answer is: $-\log P$ at a pixel of the object, and
# $-\log(1-P)$ at a pixel of the background. But most pixels are background, because the object is
# small.

# %% name="share" slide="slide"
walk = procedural.suite("easy", frames=12, size=(120, 216), length=1)[0]
truth = np.stack(list(walk.masks)) == 1
print(f"{truth[0].mean():.1%} of the pixels of frame 0 are object")

# %% name="balance-quiz" slide="fragment"
quiz("05_osvos", "balance")

# %% [markdown] name="loss-text"
# So let the object count as much as the background, although it has fewer pixels. Let $\beta$ be
# the share of the background:
#
# $$L = -\beta \sum_{j \in \text{object}} \log P_j
# \;-\; (1-\beta) \sum_{j \in \text{background}} \log (1 - P_j)$$
#
# We divide this by the number of pixels, so that a large frame does not count more than a small
# one.

# %% exercise="vos_lab.methods.osvos.class_balanced_loss" points=2

# %% name="loss-in-use" slide="slide"
small = cv2.erode(truth[0].astype(np.uint8), np.ones((5, 5), np.uint8))
large = cv2.dilate(truth[0].astype(np.uint8), np.ones((5, 5), np.uint8))
answers = {
    "nothing": 0 * small,
    "everything": 0 * small + 1,
    "2 px too small": small,
    "2 px too large": large,
}
target = torch.from_numpy(truth[0].astype(np.uint8))
rows = {}
for name, answer in answers.items():
    score = torch.from_numpy(8.0 * answer - 4).float()  # rather sure: log-odds of 4 or -4
    rows[name] = {
        "plain": float(cross_entropy(score, target)),
        "class-balanced": float(methods.osvos.class_balanced_loss(score, target)),
    }
figures.table(rows, title="Loss of four wrong answers to frame 0", name="answer", digits=3)

# %% [markdown] name="loss-explained"
# With plain cross-entropy, the answer *nothing* costs much less than the answer *everything*. With
# the balance both cost the same, and this is its purpose. But look at the last two rows. A missed
# pixel now costs many times as much as a false one. So if a network is not sure where the outline
# is, it pays to draw the mask *too large*.

# %% name="balanced-or-not" slide="slide"
tuned = {"class-balanced": OSVOS(**paper), "plain": OSVOS(**paper | {"loss": "cross-entropy"})}
found = {name: run(method, walk, progress=False) == 1 for name, method in tuned.items()}
rows = {
    name: {
        "J": jaccard(masks, truth)[1:].mean(),
        "false pixels a frame": round((masks & ~truth)[1:].sum() / (len(walk) - 1)),
        "missed pixels a frame": round((~masks & truth)[1:].sum() / (len(walk) - 1)),
    }
    for name, masks in found.items()
}
figures.table(rows, title="One video, the same network, two losses", name="loss", digits=2)

# %% name="balanced-picture" slide="slide"
figures.compare_masks(
    found["class-balanced"][8],
    truth[8],
    walk.frames[8],
    title="What the class-balanced loss gets wrong in frame 8",
)

# %% [markdown] name="balance-explained"
# So the balance has a price. The paper does not ask whether *fine-tuning* needs the balance at all.
# In this lesson we continue as in the paper, with your loss. `OSVOS()` itself uses the *soft
# Jaccard* loss, which also looks at the J of the mask as a whole, because it was best on validation
# videos.
#
# ## Write it: side outputs
#
# The network looks at the frame at five sizes. The coarse sizes see the whole object, so they know
# *what* it is. The fine sizes see edges, so they know *where* it ends. At each size there is a
# **side output**, which gives log-odds.

# %% name="sides" slide="slide"
with torch.inference_mode():
    fused, sides = tuned["class-balanced"].network(as_input(walk.frames[8]))
pictures = []
for score in (*sides, fused):
    grey = (score[0, 0].sigmoid().numpy() * 255).astype(np.uint8)
    grey = cv2.resize(grey, (216, 120), interpolation=cv2.INTER_NEAREST)
    pictures.append(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB))
figures.strip(
    pictures,
    titles=[f"{side.shape[-2]} x {side.shape[-1]}" for side in sides] + ["fused"],
    title="What each size says: white is object",
)

# %% [markdown] name="fuse-text"
# Log-odds are evidence, so you can add them. Each size has a weight, which the network has learned.
#
# > **In the paper** the side outputs are feature maps. They are put on one stack, and a single
# > convolution of 1 x 1 turns the stack into the answer. **Here** each size gives its own log-odds,
# > and the answer is their weighted sum, as in HED (Xie and Tu), because then you can look at each
# > size on its own.

# %% exercise="vos_lab.methods.networks.fuse_side_outputs" points=2

# %% name="fuse-in-use" slide="slide"
weight = tuned["class-balanced"].network.weight.detach()
rows = {}
for number, side in enumerate(sides):
    only = torch.zeros_like(weight)
    only[number] = weight[number]
    alone = methods.networks.fuse_side_outputs(sides, only)[0, 0].numpy() > 0
    size = f"{side.shape[-2]} x {side.shape[-1]}"
    rows[size] = {"weight": float(weight[number]), "J": jaccard(alone, truth[8])}
all_sides = methods.networks.fuse_side_outputs(sides, weight)[0, 0].numpy() > 0
rows["fused"] = {"J": jaccard(all_sides, truth[8])}
figures.table(rows, title="Each size alone, and all together", name="size", digits=2)

# %% [markdown] name="fine-tune-text" slide="slide"
# In this frame the finest size alone has about the same J as all sizes together. The weights say
# why: those of the coarse sizes are nearly 0. So this network has not learned to use the coarse
# sizes, and our example does not show that fusing helps.
#
# ## Write it: fine-tuning
#
# Now make the test network from the parent network: show it frame 0 again and again. Each time the
# frame is changed a little: it is closer, turned, mirrored, or in another light. This is plain
# **augmentation** (lesson 08 has a richer one). Without it the network would learn this one picture
# by heart, and not the object. `batches` gives you these pictures with their truth.

# %% exercise="vos_lab.methods.fine_tuning.fine_tune" points=3

# %% [markdown] name="monitor-text" slide="slide"
# Watch your function at work. When you have seen enough, stop the cell (■ in the toolbar): the
# network keeps what it has learned so far, and you can use it. Then go back through the steps with
# the slider, or click into the curve.

# %% name="monitor" slide="slide"
osvos = OSVOS(**paper)
monitor = FineTuningMonitor(
    osvos,
    {"frame 0": party.frames[0], "frame 8": party.frames[8]},
    truth={"frame 0": one, "frame 8": party.masks[8]},
)
monitor.start(party.frames[0], one)

# %% name="overfit-quiz" slide="fragment"
quiz("05_osvos", "overfit")

# %% [markdown] name="whole-method" slide="slide"
# ## The whole method
#
# That was the whole method: `start` fine-tunes the network, and `step` asks it. Each frame is
# segmented *on its own*. You can ask for the frames in any order, and the result stays the same.

# %% name="whole-method-in-use" slide="slide"
backwards = [osvos.step(party.frames[t]) for t in reversed(range(len(party)))][::-1]
figures.strip(
    party,
    {
        "truth": [(mask == 1).astype(np.uint8) for mask in party.masks],
        "OSVOS, from the last frame to the first": backwards,
    },
    title="Each frame is segmented on its own, so OSVOS can go backwards",
    most_bytes=32_000,
)

# %% [markdown] name="contours-text" slide="slide"
# ## Write it: snap to contours
#
# The outline of the mask is soft, because the coarse sizes have a part in it. A second network, the
# **contour branch**, has learned only where things end. It is never fine-tuned. Its contours divide
# the frame into regions, and each region becomes object or background as a whole.

# %% exercise="vos_lab.methods.contours.snap_to_contours" points=2

# %% name="contours" slide="slide"
osvos = copy.copy(tuned["class-balanced"])  # it has learned this video already
osvos.contours = ContourBranch()
frame = walk.frames[8]
soft, regions = osvos.probabilities(frame)[1], osvos.contours.regions(frame)
with torch.inference_mode():
    contours = osvos.contours.network(as_input(frame))[0][0, 0].sigmoid().numpy()
pixels = np.bincount(regions.ravel()).clip(1)
mean = np.stack([np.bincount(regions.ravel(), c.ravel()) / pixels for c in frame.T.swapaxes(1, 2)])
grey = cv2.cvtColor((255 - 255 * contours).astype(np.uint8), cv2.COLOR_GRAY2RGB)
before = soft > 0.5
after, ideal = (methods.contours.snap_to_contours(m, regions) for m in (before, truth[8]))
figures.strip(
    [grey, mean.T[regions].astype(np.uint8), frame, frame, frame],
    [None, None, *(mask.astype(np.uint8) for mask in (before, after, ideal))],
    titles=["contours", "regions", f"J {jaccard(before, truth[8]):.2f}",
            f"snapped: J {jaccard(after, truth[8]):.2f}",
            f"truth, snapped: J {jaccard(ideal, truth[8]):.2f}"],
    title="Regions cross the outline: not even the true mask survives snapping",
    most_bytes=20_000,
)  # fmt: skip

# %% name="snapping" slide="slide"
clips = procedural.suite("easy", frames=12, size=(120, 216), length=2)
another = OSVOS(**paper)
another.start(clips[1].frames[0], clips[1].first_mask)
branches = {
    "OSVOS": None,
    "OSVOS, snapped": ContourBranch(unsure=0.5),
    "OSVOS, snapped where unsure": ContourBranch(),
}
results = {name: [] for name in ("truth", "propagation", *branches)}
for clip, method in zip(clips, (osvos, another), strict=True):
    for name, method.contours in branches.items():  # the same network, with and without it
        found_here = [method.step(frame) for frame in list(clip.frames)[1:]]
        results[name].append(np.stack([clip.first_mask, *found_here]) == 1)
    results["propagation"].append(run(FlowPropagation(), clip, progress=False) == 1)
    results["truth"].append(np.stack(list(clip.masks)) == 1)


def mean_over_clips(measure, name):
    """The mean of a measure over frames 1, 2, ... of all clips."""
    pairs = zip(results[name], results["truth"], strict=True)
    return float(np.mean([measure(masks[1:], true[1:]).mean() for masks, true in pairs]))


rows = {
    name: {"J": mean_over_clips(jaccard, name), "F": mean_over_clips(boundary_f, name)}
    for name in branches
}
figures.table(rows, title="Two easy videos, 12 frames of 120 x 216", digits=2)

# %% [markdown] name="snapping-explained"
# Snapping can only be as good as the contours. If a region lies across the true outline, it goes to
# one side as a whole, and this is wrong for a part of it. Thin parts suffer most, because a leg is
# hardly wider than a region. The last of the pictures above snaps the true mask, so it is the most
# that these regions allow. In the paper snapping brings a small gain. Here it makes the masks
# worse, because our contour branch is small and has seen only drawings.
#
# So `OSVOS(snapping=True)` lets regions decide only where the mask is unsure, between 0.4 and 0.6.
# On validation videos J stays the same then, and F hardly rises. By default OSVOS does not snap.
#
# ## Break it: hide the object
#
# Back to the first picture of this lesson.

# %% name="occlusion" slide="slide"
hidden = occluded_video(4)
carried = run(FlowPropagation(), hidden, progress=False)
before, after = before_and_after(hidden)
hidden_truth = np.stack(list(hidden.masks)) == 1
gone = [t for t in range(len(hidden)) if not hidden_truth[t].any()]
anew = run(OSVOS(**paper), hidden, progress=False)
curves = {
    name: np.asarray(jaccard(masks == 1, hidden_truth))
    for name, masks in (("OSVOS", anew), ("propagation", carried))
}
for curve in curves.values():
    curve[gone] = np.nan  # nothing to find, so nothing to score
figures.curves(
    curves,
    "After the occlusion, OSVOS finds the object again",
    ylabel="J",
    events={gone[0]: "hidden", gone[-1] + 1: "seen again"},
    pictures={before[2]: hidden.frames[before[2]], after[-1]: hidden.frames[after[-1]]},
)

# %% [markdown] name="dynamic-text" slide="slide"
# ## Highly dynamic scenes
#
# Because OSVOS keeps nothing from the last frame, it does not matter how far the object has moved
# since then. The lecture names this as its strength in highly dynamic scenes. In this clip of the
# validation split, the object is fast. On the left flow carries the mask, on the right OSVOS
# segments each frame on its own.

# %% name="dynamic" slide="slide"
fast = procedural.suite("speed", "val", frames=16, size=(120, 216), length=1)[0]
fast_truth = np.stack(list(fast.masks)) == 1
both = {"propagation": FlowPropagation(), "OSVOS": OSVOS(**paper)}
both = {name: run(method, fast, progress=False) for name, method in both.items()}
for name, masks in both.items():
    j = jaccard(masks == 1, fast_truth)[1:]
    print(f"{name}: mean J {j.mean():.2f}, J of the last frame {j[-1]:.2f}")
figures.clip(
    [np.hstack([overlay(fast.frames[t], m[t], 0.5) for m in both.values()]) for t in range(16)],
    alt="A fast animal, twice. On the left the mask that flow carries along loses its head and its "
    "feet, and stays behind. On the right the mask of OSVOS fits in every frame.",
    height=96,
    frames=12,
    fps=5.0,
    most_bytes=34_000,
)

# %% [markdown] name="flicker-text" slide="slide"
# ## Break it: flicker
#
# OSVOS remembers nothing from one frame to the next, so nothing keeps the masks of two frames
# alike. Does the outline tremble?

# %% name="flicker-quiz" slide="fragment"
quiz("05_osvos", "flicker")

# %% name="flicker" slide="slide"
rows = {
    name: {
        "T": np.mean([temporal_instability(masks[1:]) for masks in results[name]]),
        "J": mean_over_clips(jaccard, name),
    }
    for name in results
}
figures.table(rows, title="Two easy videos: how much does the outline flicker?", digits=3)

# %% [markdown] name="flicker-explained"
# T is the mean cost of aligning the outline of a frame with that of the next one (lesson 01). The
# truth also has a T above 0, because things move. What a method has beyond that is flicker. On
# these two easy videos OSVOS hardly flickers: its outline is as steady as that of propagation.
# Snapping makes it tremble. On real video the T of OSVOS is higher than that of propagation, as in
# the paper; see the table at the end.
#
# ## Break it: the two camels
#
# In the lecture a camel walks past a second camel. Here the object has a twin, which walks about in
# the same video. It looks the same as the object, and nobody has told the network that it is
# background: it may not even be visible in frame 0.

# %% name="twin-quiz" slide="fragment"
quiz("05_osvos", "twin")

# %% name="twin" slide="slide"
camels = twin_video(1)
twin = np.stack(list(camels.instances)) == 2
shown = int(twin.sum(axis=(1, 2)).argmax())  # where the twin is seen best
longer = paper | {"steps": 120}  # with two frames to learn from, 60 steps are too few
alone = run(OSVOS(**longer), camels, progress=False)
second = (camels.frames[shown], camels.masks[shown])
mended = run(OSVOS(more=[second], **longer), camels, progress=False)
others = [t for t in range(1, len(camels)) if t != shown]
for name, masks in (("frame 0 alone", alone), (f"frames 0 and {shown}", mended)):
    print(f"annotated: {name}: {(masks == 1)[others][twin[others]].mean():.0%} of the twin taken")
figures.strip(
    camels,
    {"frame 0 annotated": alone, f"frames 0 and {shown} annotated": mended},
    at=[0, 5, 10, 15, 20],
    title="One more annotation says: this one is background",
    most_bytes=26_000,
)

# %% [markdown] name="twin-explained"
# The second annotation is a **negative** one. It does not have to show the object any better. It
# shows what is *not* the object, and frame 0 could not show that. In this video it helps a lot. The
# claim below repeats the experiment on other videos, and there the effect is undecided.
#
# ## Annotate more, and watch J
#
# The coat of this animal changes. Select the frames that you would annotate. OSVOS is then
# fine-tuned with them, which takes some seconds. Which *single* frame helps most?

# %% name="annotate" slide="slide"
changing = procedural.suite("appearance", frames=20, size=(120, 216), length=2)[1]
explorer = AnnotationExplorer(changing, (4, 8, 12, 16, 19), lambda more: OSVOS(more=more, **paper))
explorer.values = {"frame_12": True}
explorer

# %% [markdown] name="claims-text" slide="slide"
# ## Claims, measured
#
# Each line is an experiment with six seeds. It says whose claim it is, and how large the effect has
# to be to matter. An effect is above zero if the claim is right. You can repeat an experiment, for
# example with `vos-lab claims 05_osvos/recovery`.

# %% name="claims" slide="slide"
verdicts = [claims.saved(claim) for claim in claims.of_lesson("05_osvos")]
figures.table(claims.summary(verdicts), title="Five claims, measured", name="claim", digits=2)

# %% [markdown] name="claims-explained"
# The effect of *recovery* is by far the largest. The *parent* helps only a little here, because on
# drawn videos even a network that starts from random weights soon learns the object. On real video
# it helps more; see the next table. *Flicker* is undecided: on easy drawn videos the outline of
# OSVOS is as steady as that of propagation. *More annotations* are undecided, too: with this parent
# network, one frame is nearly enough for these short clips. And so is the *second camel*: in many
# of these videos OSVOS does not take the twin even without the second annotation. The second
# annotation helps much in two videos and a little in three, and in one it does harm.
#
# ## On real video
#
# Five sequences of DAVIS 2016. The methods work at 240 x 432 pixels, and their masks are scored at
# full size. `osvos` is what `OSVOS()` gives you: with a parent network that has learned for longer,
# and with the soft Jaccard loss, because both were best on validation videos. A row `osvos-...`
# changes one thing. The last column is J on five drawn videos, with up to four objects.

# %% name="leaderboard" slide="slide"
names = ["baseline", "flow-propagation", "osvos"]
names += methods.ablations("osvos")
rows = bench.compared(names, "J", "F", "T", "s per frame")
figures.table(rows, title="Five sequences of DAVIS 2016, and five drawn ones", digits=2)

# %% [markdown] name="leaderboard-explained"
# With the parent network J is {{board davis2016 osvos J}}, and without it {{board davis2016
# osvos-without-parent J}}. The parent network has never seen a real video, but such a short
# fine-tuning cannot replace what it knows. `osvos-short-parent`, whose parent network saw a quarter
# of the views and learned with the class-balanced loss, reaches {{board davis2016
# osvos-short-parent J}}. Ours is far below the published OSVOS, which starts from ImageNet and
# DAVIS, on two of the sequences: *drift-straight* (J {{board davis2016/drift-straight osvos J}}),
# where a small car comes near and shows another side, and *bmx-trees* (J {{board
# davis2016/bmx-trees osvos J}}) with its thin wheels. The seconds are those of one frame on one
# core. The fine-tuning comes before that, once for each video, and takes {{board davis2016 osvos
# seconds_start 0}} seconds on one core.
#
# Each of the other rows changes one part. With the class-balanced loss of the paper J is {{board
# davis2016 osvos-balanced J}}, with plain cross-entropy it is {{board davis2016 osvos-cross-entropy
# J}}, and with snapping to contours {{board davis2016 osvos-snapped J}}. These five videos do not
# tell whether augmentation helps: with plain augmentation J is {{board davis2016 osvos-plain J}},
# and without any it is {{board davis2016 osvos-without-augmentation J}}.
#
# On the drawn videos OSVOS is better than propagation if the object is hidden for a while. It is
# far worse if four objects look alike, or if a twin walks by.

# %% name="real" tags=["real-data"]
real = example("camel")
if real is not None:
    real = real.part(0, 90).resized(120)
    real_truth = np.stack(list(real.masks)) == 1
    chosen = [(real.frames[t], (real_truth[t]).astype(np.uint8)) for t in (45, 75)]
    shown = {
        "frame 0": run(OSVOS(**paper), real, progress=False),
        "frames 0, 45, 75": run(OSVOS(more=chosen, **paper), real, progress=False),
    }
    for name, masks in shown.items():
        print(f"{real.name}, {name}: J {jaccard(masks == 1, real_truth)[1:].mean():.2f}")
    display(Player(real, shown, title="Two camels; what a second annotation does"))

# %% [markdown] name="own-video"
# ## Bring your own video
#
# Put the path of a video between the quotes: mp4, mov, avi, GIF, or a folder of images. If you
# leave it empty, you get a clip of this course. On Windows write `/` in the path, not `\`. Then
# paint the object in the first frame. OSVOS learns it from your mask, so do not leave out any part
# of it.

# %% name="own-video-paint"
path = ""
if path:
    mine = Video.read(path).resized(240)
else:
    mine = procedural.suite("viewpoint", frames=20, size=(120, 216), length=1)[0]
painter = Painter(mine)
painter

# %% [markdown] name="own-video-run"
# The next cell learns from your mask, segments the video, and saves it. More steps are better, up
# to a few hundred. You can stop the cell while the bar says *fine-tuning*: it then goes on with
# what it has learned so far. If the result also marks something else, go to a frame where you see
# it, paint the object there, too, and give both to OSVOS: `OSVOS(more=[(mine.frames[30],
# another_mask)])`.

# %% name="own-video-save"
first = painter.mask if painter.mask.any() else mine.first_mask
mine = replace(mine, masks=[first] + [None] * (len(mine) - 1))
result = run(OSVOS(steps=80, progress=True), mine)
for name in ("my_video.mp4", "my_video.gif"):
    mine.write(name, result)
    print(f"{name}: {Path(name).stat().st_size / 1000:.0f} kB")
Player(mine, {"OSVOS": result}, title="Saved next to this notebook")

# %% [markdown] name="challenge-text" slide="skip"
# ## Beat this score
#
# Two videos: in one the coat of the object changes, in the other its twin walks about. What would
# you change about the fine-tuning, and what would you do with the masks afterwards? Put your answer
# below in the place of `None`. It takes about as long as two fine-tunings. Your best score is kept.

# %% name="challenge"
answer = None  # for example: lambda: OSVOS(steps=240, snapping=True)
beat("05_osvos", answer)

# %% [markdown] name="summary" slide="slide"
# ## Remember
#
# - OSVOS turns a network that knows objects in general into one that knows *this* object, by
#   overfitting it to the first frame.
# - Every frame is segmented on its own. So mistakes are not carried along, and an object that was
#   hidden is found again. But nothing keeps neighbouring frames alike, and nothing says that an
#   object cannot jump to where its twin is.
# - The network cannot know what frame 0 does not show. One more annotation can show it, and can
#   also show what is *not* the object.
#
# **Next.** Lesson 06 adds what a class of things looks like. [Lesson 07](07_onavos.ipynb) goes on
# learning while the video runs, because in frame 50 the object does not look as in frame 0 any
# more.
#
# **Papers.** S. Caelles, K.-K. Maninis, J. Pont-Tuset, L. Leal-Taixé, D. Cremers and L. Van Gool,
# *One-Shot Video Object Segmentation*, CVPR 2017. S. Xie and Z. Tu, *Holistically-Nested Edge
# Detection*, ICCV 2015 (side outputs, and the balanced loss). K.-K. Maninis et al., *Convolutional
# Oriented Boundaries*, ECCV 2016 (contours). S. Beucher and C. Lantuéjoul, *Use of Watersheds in
# Contour Detection*, 1979.
