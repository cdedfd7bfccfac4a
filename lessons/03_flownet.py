# %% [markdown] name="title" minutes=90 needs=["02_optical_flow"] builds="the correlation layer, the refinement and the loss of FlowNet" slide="slide"
# # FlowNet: learning to see motion
#
# In lesson 02 you found flow with one assumption and a few lines. Nobody had to learn anything.
# FlowNet (Fischer et al., ICCV 2015) was the first network that estimates flow from end to end. It
# learned from pictures of flying chairs. Our shapes fly like those chairs. **How could a network
# tell where each pixel has gone?**

# %% [markdown] name="instructor" tags=["instructor"] slide="notes"
# **For the instructor**
#
# | section | minutes |
# | --- | --- |
# | flying shapes, prediction | 10 |
# | stacking or comparing (exercise `correlation`), the explorer | 30 |
# | refinement and loss (exercises `refine`, `multiscale_epe`) | 25 |
# | training for seconds, the table, the claim | 15 |
# | break it, correspondences, questions | 10 |
#
# *What usually goes wrong.* In `correlation`, dx and dy are exchanged in the order of the channels,
# or the displacement is turned round. In `refine`, vectors are doubled with the size. In
# `multiscale_epe`, the root is taken of the mean. Each has a message of its own in the check.
#
# *Show live.* The correlation explorer: first a place with texture, then the middle of a plain
# surface, then a place that gets hidden. Let the room say beforehand what the scores will look
# like.
#
# *Ask the room.* Why does a network that never saw an animal follow one? What has it learned, and
# what has it not?

# %% name="imports" slide="skip"
import copy
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter

import numpy as np
import torch
from torch.nn import functional

from vos_lab import flow, training, weights
from vos_lab.claims import of_lesson, saved, summary
from vos_lab.course import check, hint, quiz
from vos_lab.datasets import procedural
from vos_lab.datasets.davis import example
from vos_lab.datasets.flying_shapes import flying_shapes
from vos_lab.flow import flownet
from vos_lab.metrics.flow import endpoint_error
from vos_lab.training.recipes import flownet as recipes
from vos_lab.view import figures
from vos_lab.view.figures import flow as flow_figures
from vos_lab.view.widgets.flownet import CorrelationExplorer

# %% name="picture" tags=["picture"]
shapes = flying_shapes(7, size=(160, 256), reach=30)
figures.clip(
    [shapes.first, shapes.second],
    alt="Two images in turn. A spotted blob and plates of bricks and stone jump apart.",
    height=220,
    fps=1.5,
)

# %% name="prediction" slide="fragment"
quiz("03_flownet", "synthetic")

# %% [markdown] name="goals" slide="skip"
# You will measure the answer. After this lesson you can
#
# - say what a network has to do to see motion, and how a correlation layer helps it,
# - write the three parts that make FlowNet: correlation, refinement, loss,
# - train a network further in seconds, and see its error fall,
# - find correspondences between two images, and say where they must fail.
#
# You need lesson 02, convolutions, and a little PyTorch. It takes about 90 minutes.

# %% [markdown] name="shapes-text" slide="slide"
# ## Something to learn from
#
# A network needs many pairs of images with true flow, and nobody can measure that in real video.
# So the authors made 22,872 pairs: photographs as ground, and chairs that fly over it. The motion
# was chosen, so it is known at every pixel.

# %% name="shapes-flow" slide="slide"
shapes = flying_shapes(7, size=(160, 256), reach=30)
lengths = np.linalg.norm(shapes.flow, axis=-1)
print(f"flow of shape {shapes.flow.shape}, up to {lengths.max():.0f} pixels")
flow_figures.flow_picture(
    {"true flow": shapes.flow},
    shapes.first,
    title="Each shape moves by a map of its own, and so does the ground",
)

# %% [markdown] name="shapes-box"
# > **In the paper** photographs and renderings of chairs, 512 x 384 pixels, and several hundred
# > thousand steps on a graphics card. **Here** textures that a program paints, 192 x 128 pixels,
# > and 16,000 steps on one core of a processor, because then nothing has to be downloaded, and
# > `vos-lab train flownet-c` repeats all of it in less than an hour.

# %% [markdown] name="networks" slide="slide"
# ## Two ways to see motion
#
# *FlowNetS* ("simple") lays both images on one stack of 6 channels. Layer after layer, a plain
# network makes the picture smaller and the features deeper. *FlowNetC* ("correlation") lets the
# same layers look at each image, and then compares the two. Both end in the same refinement.

# %% name="layers" slide="slide"
pair = [flownet.as_tensor(image) for image in (shapes.first, shapes.second)]
rows: dict = {}
totals = {}
for name in ("flownet-s", "flownet-c"):
    network = flownet.flownet(name)
    for part, layer in network.named_children():
        size = sum(p.numel() for p in layer.parameters())
        rows.setdefault(part, {})[name] = f"{size:,} weights"
    totals[name] = f"{sum(p.numel() for p in network.parameters()):,} weights"
rows["all"] = totals
figures.table(
    rows, title="FlowNetC has one layer more, and no weights where it compares", name="part"
)

# %% [markdown] name="layers-box"
# > **In the paper** layers have up to 1,024 channels, and go down to 1/64 of the size. **Here**
# > they have up to 160, and go down to 1/32, because the weights ship with the course, and run on
# > a laptop.

# %% name="stack-quiz" slide="fragment"
quiz("03_flownet", "stack")

# %% [markdown] name="correlation-text" slide="slide"
# ## Write it: the correlation layer
#
# Why should a network *learn* to compare? A comparison is a product. Let $f_1(x)$ be the features
# at place $x$ of the first image, a vector of $C$ numbers, and $f_2$ those of the second. The
# **score** of a displacement $d$ is the mean of their products:
#
# $$c(x, d) = \frac{1}{C} \sum_{k=1}^{C} f_1(x)_k \; f_2(x + d)_k$$
#
# It is large where the place looks like the one that lies $d$ further in the second image. Try all
# $d$ up to a **reach**, and the scores become channels. There is nothing to train here.

# %% exercise="vos_lab.flow.flownet.correlation" points=4

# %% [markdown] name="explorer-text" slide="slide"
# Now look at what it computes. Below, both branches have seen the two images, and your function
# has compared them, at 1/8 of the size. Click a place of the first image. Find one where you are
# sure, one in a plain surface, and one that gets hidden.

# %% name="explorer" slide="slide"
network = flownet.flownet("flownet-c")


def scores_of(first, second):
    """The correlation volume of two images, by the features of FlowNetC and by plain colours."""
    images = [flownet.as_tensor(image) for image in (first, second)]
    with torch.inference_mode():
        learned = network.scores(*(network.features(image)[1] for image in images))
        plain = [functional.avg_pool2d(image - image.mean(), 8, ceil_mode=True) for image in images]
        plain = network.scores(*plain)
    return {"FlowNetC's features": learned[0].numpy(), "mean colours": plain[0].numpy()}


CorrelationExplorer(
    shapes.first,
    shapes.second,
    scores_of(shapes.first, shapes.second),
    flow=shapes.flow,
    point=(60, 64),
    title="Click a place: what in the second image looks like it?",
)

# %% [markdown] name="explorer-explained"
# With learned features there is often one peak, at the right place. Switch to *mean colours*: half
# of the image looks alike. The features were never told to match. They learned to, because good
# scores made the loss small.
#
# > **In the paper** the correlation layer multiplies features as they are. **Here** each vector of
# > features is first brought to length 1, so that a score is a cosine, from -1 to 1, and bright
# > places do not win by being bright. **In the paper** each place is compared with the places up to
# > 20 positions away, at an eighth of the size, which is 160 pixels of the image. **Here** it
# > is 6 positions, 48 pixels, because our images are smaller.

# %% name="texture-quiz" slide="fragment"
quiz("03_flownet", "texture")

# %% [markdown] name="refine-text" slide="slide"
# ## Write it: from coarse to fine
#
# At 1/32 of the size the network has a good idea of *what moves how*, and no idea where the edge
# is. The way back up is the **refinement**. At each step three things lie beside each other: the
# deep features, enlarged by an up-convolution that is learned; the features from the way down,
# which still know the edges (a **skip**); and the flow of the coarser scale.
#
# > **In the paper** the coarser flow is enlarged by an up-convolution too, and the finest flow may
# > be refined by a variational method. **Here** it is enlarged bilinearly, and that is all, because
# > numbers that mean pixels need no learning to be enlarged.

# %% name="unit-quiz" slide="fragment"
quiz("03_flownet", "unit")

# %% exercise="vos_lab.flow.flownet.refine" points=3

# %% name="scales" slide="slide"
with torch.inference_mode():
    found = network(*pair)
large = {}
for answer in found:
    name = f"at 1/{shapes.flow.shape[0] // answer.shape[2]}"
    answer = functional.interpolate(answer, shapes.flow.shape[:2], mode="nearest")
    large[name] = answer[0].permute(1, 2, 0).numpy()
flow_figures.error_maps(
    large,
    shapes.flow,
    title="Scale by scale, edges come in and errors go",
)

# %% [markdown] name="loss-text" slide="slide"
# ## Write it: the loss
#
# You know the endpoint error. FlowNet asks for it at *every* scale $s$, because then each layer is
# told at once what it did wrong, and not through all the layers above it:
#
# $$L = \sum_s w_s \; \frac{1}{|P_s|} \sum_{x \in P_s} \lVert u_s(x) - u^*_s(x) \rVert$$
#
# $P_s$ are the places of scale $s$, $u_s$ is the flow found there, $u^*_s$ the true flow averaged
# over the pixels of each place, and $w_s$ a weight.

# %% exercise="vos_lab.flow.flownet.multiscale_epe" points=3

# %% name="loss-in-use" slide="slide"
truth = torch.from_numpy(shapes.flow).permute(2, 0, 1)[None]
nothing = [torch.zeros_like(answer) for answer in found]
rows = {}
for name, answers in {"nothing moves": nothing, "FlowNetC": found}.items():
    # With a single weight of 1, the loss is the error of that scale.
    rows[name] = {
        f"1/{32 >> n}": flownet.multiscale_epe([answer], truth, [1.0]).item()
        for n, answer in enumerate(answers)
    }
    rows[name]["loss"] = flownet.multiscale_epe(answers, truth, recipes.WEIGHTS).item()
figures.table(rows, title="The error at each scale, in pixels, and the loss", digits=1)

# %% [markdown] name="training-text" slide="slide"
# ## Training
#
# Both networks were trained on the same shapes, for the same number of steps, from the same seed.
# The shapes moved little at first: nobody learns to match far away before matching nearby. Their
# cards kept the error on shapes that were never trained on.

# %% name="training-curve" slide="slide"
curves, steps = {}, []
for name in ("flownet-s", "flownet-c"):
    held_out = weights.card(name)["held_out"]
    curves[name] = [row["all"] for row in held_out]
    steps = [row["step"] for row in held_out]
figures.curves(
    curves,
    "FlowNetC learns faster: it need not learn how to compare",
    ylabel="endpoint error, held out (px)",
    xlabel="step",
    x=steps,
    events={0.3 * steps[-1]: "shapes move as far as they ever will"},
)

# %% [markdown] name="noise-text" slide="slide"
# Now you train. The shipped FlowNetC has seen clean images, with a little grain at most. Put heavy
# noise over them, as a bad camera does at night, and its error grows by half. Then train it
# further, for a few seconds, with your functions, on noise that is never twice the same.


# %% name="noise"
def noisy(pairs, rng):
    """The same pairs with noise: a quarter of the whole range from black to white."""
    images = []
    for image in pairs[:2]:
        noise = torch.from_numpy(rng.standard_normal(image.shape, np.float32))
        images.append((image + 0.25 * noise).clamp(0, 1))
    return images[0], images[1], pairs[2]


def noisy_batch(share, rng):
    return noisy(recipes.batch(0.1, rng), rng)


figures.strip(
    [
        np.uint8(255 * image[4, :, :64, :96].permute(1, 2, 0).numpy())
        for image in noisy(recipes.held_out(), np.random.default_rng(0))[:2]
    ],
    title="Would you find what moves here?",
)

# %% name="noise-error"
unseen = recipes.stacked([flying_shapes(n, "val", recipes.SIZE, reach=20) for n in range(12)])


def error_on(first, second, truth, network):
    with torch.inference_mode():
        found = flownet.full_size(network(first, second)[-1])
    return {"error": (found - truth).norm(dim=1).mean().item()}


def validate(network):
    return error_on(*noisy(unseen, np.random.default_rng(0)), network)


clean = error_on(*unseen, network)["error"]
print(f"endpoint error without noise {clean:.1f}, with noise {validate(network)['error']:.1f} px")

# %% name="noise-training" slide="slide"
again = replace(training.recipe("flownet-c"), batch=noisy_batch, validate=validate)
again = replace(again, name="against noise", steps=24, learning_rate=2e-4, validate_every=4)
again = replace(again, schedule=lambda share: 1.0)  # the rate stays
run = training.train(again, network=copy.deepcopy(network))
run.curve("A few seconds against noise, and the error falls")

# %% [markdown] name="comparison" slide="slide"
# ## The whole method
#
# `flow.estimate(first, second, "flownet-c")` pads two images of any size, runs the network, and
# enlarges its finest flow. Here it stands beside the methods of lesson 02, on pairs that nobody has
# trained or tuned on: twelve of flying shapes, and twelve of the renderer with its animals and
# balls, whose kind no network has ever seen.

# %% name="pairs"
suites = ("camera", "speed", "blur")
videos = [clip for suite in suites for clip in procedural.suite(suite, length=4, frames=8)]
rendered = [(clip.frames[3], clip.frames[4], clip.flow[3]) for clip in videos]
flying = [flying_shapes(number) for number in range(12)]
flying = [(pair.first, pair.second, pair.flow) for pair in flying]
methods = ["zero", "lucas-kanade", "horn-schunck", "farneback", "dis", "flownet-s", "flownet-c"]
print(f"{len(rendered)} pairs of the renderer, {len(flying)} of shapes, {rendered[0][0].shape[:2]}")


# %% name="measuring"
def measured(pairs):
    """Endpoint error of each method, split by how far a pixel moves, and the time for a pair."""
    far = np.stack([np.linalg.norm(truth, axis=-1) for _, _, truth in pairs])
    parts = {"below 4 px": far < 4, "4 to 12 px": (far >= 4) & (far < 12), "12 px on": far >= 12}
    rows = {}
    for name in methods:
        begin = perf_counter()
        found = [flow.estimate(first, second, name) for first, second, _ in pairs]
        milliseconds = 1000 * (perf_counter() - begin) / len(pairs)
        errors = np.stack([endpoint_error(f, p[2]) for f, p in zip(found, pairs, strict=True)])
        rows[name] = {"all": errors.mean()} | {
            n: errors[where].mean() for n, where in parts.items()
        }
        rows[name]["ms"] = f"{milliseconds:.0f}"
    return rows


# %% name="table-shapes" slide="slide"
figures.table(measured(flying), title="Flying shapes: mean endpoint error in pixels", digits=2)

# %% name="table-rendered" slide="slide"
figures.table(measured(rendered), title="Renderer: mean endpoint error in pixels", digits=2)

# %% [markdown] name="comparison-explained"
# On shapes FlowNetC is the best of all, and its lead is largest where pixels move far: there it
# beats DIS too. That is its home. It was trained on such shapes, though on none of these.
#
# On the renderer it keeps up with DIS over all pixels, and beats FlowNetS clearly. But where things
# move far, DIS comes nearer to the truth than either network, and on this dozen so does all else
# with a pyramid. There, whole bodies move in front of a ground that rests: a pyramid is made for
# that. And both networks leave their finest flow at 1/4 of the size: outlines are soft. So the
# prediction at the start was right: matching carries over, and something is lost on the way.

# %% name="animal" slide="slide"
first, second, truth = rendered[5]
flow_figures.flow_picture(
    {"truth": truth} | {name: flow.estimate(first, second, name) for name in ("dis", "flownet-c")},
    first,
    title="It has never seen one of these, and it finds the motion",
)

# %% [markdown] name="claim-text" slide="slide"
# ## Does the correlation layer help?
#
# The paper has FlowNetC and FlowNetS close together, and says that each has its strengths. Our
# claim: *the correlation layer beats plain stacking where motion is large.* It was measured on ten
# groups of six pairs of flying shapes, and on ten groups of three videos of the renderer.

# %% name="claim" slide="slide"
verdicts = [saved(claim) for claim in of_lesson("03_flownet")]
figures.table(summary(verdicts), title="FlowNetS minus FlowNetC", name="claim", digits=2)

# %% [markdown] name="claim-explained"
# Within its reach, the claim holds, at home and elsewhere. The seeds draw other pairs. Each network
# was trained once, so how much two trainings differ is not in the interval. The authors themselves
# report the *opposite* for the very largest motions of real benchmarks, and suspect the reach. You
# see why in a moment.

# %% [markdown] name="break-it" slide="slide"
# ## Break it: beyond the reach
#
# The correlation layer compares places up to 6 cells of 8 pixels apart: 48 pixels. What if the
# image moves by more? Predict first.

# %% name="reach-quiz" slide="fragment"
quiz("03_flownet", "reach")

# %% name="reach" slide="slide"
wide = procedural.suite("easy", frames=2, size=(240, 480), length=2)[1].frames[0]
shifts = [4, 8, 16, 24, 32, 40, 48, 56, 64, 80]
errors: dict = {"DIS": [], "FlowNetS": [], "FlowNetC": []}
for shift in shifts:
    before, after = wide[:, 96:-96], wide[:, 96 - shift : -96 - shift]
    true = np.tile(np.float32([shift, 0]), (*before.shape[:2], 1))
    for name, curve in errors.items():
        answer = flow.estimate(before, after, name.lower().replace("net", "net-"))
        curve.append(endpoint_error(answer, true)[:, : -max(shifts)].mean())
figures.curves(
    errors,
    "FlowNetC is lost beyond its reach; DIS sees one large motion in its pyramid",
    ylabel="endpoint error (px)",
    xlabel="everything moves to the right by (px)",
    x=shifts,
    events={48: "reach of the correlation layer"},
)

# %% [markdown] name="reach-explained"
# FlowNetC follows nearly to its reach, and is lost beyond: no score holds the right match any more.
# FlowNetS has no such border, and is lost earlier: it knows the displacements that it has learned,
# and long ones were rare. DIS, with its pyramid, is nearly perfect up to 48 pixels, because here
# all moves alike. A small thing that moves far on its own vanishes in a pyramid: that is why DIS
# did worse on the flying shapes.
#
# The other failure you know from lesson 02: no texture, no match.

# %% name="flat" slide="slide"
square = np.full((128, 192, 3), 90, np.uint8)
square[40:88, 48:112] = 180
moved = np.roll(square, 16, axis=1)
CorrelationExplorer(
    square,
    moved,
    scores_of(square, moved),
    point=(80, 64),
    title="A plain square moves by 16 pixels: its middle looks like all of its middle",
)

# %% [markdown] name="correspondence-text" slide="slide"
# ## A tool to find correspondences
#
# Nobody says that the two images must follow each other in time. The scores answer a wider
# question: *which place here shows the same as that one there?* Below, take the best score of each
# place, and nothing else: no refinement, no smoothness.

# %% name="correspondences" slide="slide"
far_apart = flying_shapes(17, size=(240, 432), reach=40)
volume = scores_of(far_apart.first, far_apart.second)
matches = {"truth": far_apart.flow}
for name, scores in volume.items():
    dy, dx = np.unravel_index(scores.argmax(axis=0), (13, 13))
    best = 8 * np.stack([dx - 6, dy - 6], axis=-1).astype(np.float32)
    matches[name] = np.repeat(np.repeat(best, 8, axis=0), 8, axis=1)
matches["FlowNetC"] = flow.estimate(far_apart.first, far_apart.second, "flownet-c")
flow_figures.flow_picture(
    matches,
    title="The best score of each place is a match; the network makes a flow of them",
)

# %% [markdown] name="correspondence-explained"
# Later lessons live on this idea. Pixel retrieval (09) and space-time memory (13) compare places of
# frames that are seconds apart, with features that were trained for it.
#
# ## On real video
#
# Where the machine has DAVIS, the next cell compares two frames of a running dog. Nobody knows the
# true flow there, so look, and warp.

# %% name="real" tags=["real-data"]
real = example("libby")
if real is not None:
    real = real.part(10, 13).resized(240)
    images = real.frames[0], real.frames[2]
    for name in ("zero", "dis", "flownet-s", "flownet-c"):
        answer = flow.estimate(*images, name)
        left = flow_figures.photometric_difference(images[0], flow.warp(images[1], answer)).mean()
        print(f"{real.name}, {name}: {left:.1f} grey levels are left after warping")
    display(CorrelationExplorer(*images, scores_of(*images), title=f"{real.name}: click the dog"))

# %% [markdown] name="summary" slide="slide"
# ## Remember
#
# - A network can learn flow from shapes that never existed: what carries over is how to match.
# - A correlation layer compares instead of learning to compare. Its reach is its horizon.
# - Flow is refined from coarse to fine, with a loss at every scale and a skip to where edges are.
#
# **Next.** Lesson 04 uses flow to segment: a mask is carried from frame to frame, and motion itself
# says what an object is.
#
# **Papers.** P. Fischer, A. Dosovitskiy, E. Ilg, P. Häusser, C. Hazırbaş, V. Golkov, P. van der
# Smagt, D. Cremers and T. Brox, *FlowNet: Learning Optical Flow with Convolutional Networks*, ICCV
# 2015. E. Ilg et al., *FlowNet 2.0*, CVPR 2017 (several of them in a row, and the order in which to
# learn). D. Sun et al., *PWC-Net*, CVPR 2018 (pyramid, warping and correlation together). Z. Teed
# and J. Deng, *RAFT*, ECCV 2020 (all pairs of places, read again and again).
