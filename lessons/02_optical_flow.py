# %% [markdown] name="title" minutes=90 needs=["01_metrics"] builds="warping, Lucas-Kanade, Horn-Schunck" slide="slide"
# # Optical flow: where does every pixel go?
#
# A video shows the colour of every pixel in every frame, but not where each pixel moves. If you
# knew that, you could follow an object from frame to frame. In this lesson you build two classical
# methods that estimate this motion, and you see what no method can find out. Look at this pole:
# **which way does the paint on it move?**

# %% [markdown] name="instructor" tags=["instructor"] slide="notes"
# **For the instructor**
#
# | section | minutes |
# | --- | --- |
# | see flow, explore it (exercise `flow_to_rgb`) | 20 |
# | use it, measure its error (`warp`, `endpoint_error`) | 20 |
# | brightness constancy, aperture, `lucas_kanade`, `horn_schunck` | 30 |
# | coarse to fine, the table | 10 |
# | break it, illusions, questions | 10 |
#
# *What usually goes wrong.* Rows and columns are swapped: `flow[..., 0]` is to the right. The image
# is warped in the wrong direction. The minus in front of It is lost. The check has a message for
# each of these.
#
# *Show live.* The aperture clip, first with the hole and later with the dots. Let everybody in the
# room point in the direction in which the stripes move, at the same moment, before anybody speaks.
#
# *Ask the room.* A white wall fills the image and the camera moves. What is the flow? What would
# you want a method to answer?

# %% name="imports" slide="skip"
from time import perf_counter

import cv2
import numpy as np

from vos_lab import flow
from vos_lab.claims import mean_interval
from vos_lab.course import beat, check, hint, quiz
from vos_lab.datasets import illusions, procedural
from vos_lab.datasets.davis import example
from vos_lab.flow.classical import Step, derivatives, enlarge, neighbour_mean, pyramid, window_sum
from vos_lab.flow.colour import HUES, checked_scale, longest_of, polar
from vos_lab.flow.estimators import brightness
from vos_lab.flow.warp import check_warp
from vos_lab.metrics import flow as flow_metrics
from vos_lab.metrics.flow import check_flows
from vos_lab.view import figures
from vos_lab.view.figures import flow as flow_figures
from vos_lab.view.widgets.optical_flow import FlowExplorer

# %% name="picture" tags=["picture"]
pole = illusions.barber_pole(height=180, frames=18)
figures.clip(
    pole,
    alt="A pole with red and blue stripes between white ones turns. The stripes seem to climb.",
    height=200,
    most_bytes=45_000,
)

# %% name="prediction" slide="fragment"
quiz("02_optical_flow", "barber pole")

# %% [markdown] name="goals" slide="skip"
# Keep your answer; you will measure it at the end. After this lesson you can
#
# - read a picture of optical flow, and draw one,
# - warp an image along a flow, and measure the error of a flow with and without the truth,
# - estimate flow from brightness alone, in two ways,
# - say where flow must fail, and tell perceived motion from real motion.
#
# You need lesson 01, and derivatives from school. It takes about 90 minutes.

# %% [markdown] name="what-is-flow" slide="slide"
# ## An arrow for every pixel
#
# **Optical flow** is an array of shape `(H, W, 2)`. It says for each pixel of the first image how
# far it moves until the second image: `flow[y, x] = (dx, dy)`, in pixels, with `dx` to the right
# and `dy` down. A program draws our videos, so we know the true flow.

# %% name="arrows" slide="slide"
swimming = procedural.suite("speed", frames=8, size=(150, 270), length=2)[1]
first, second, truth = swimming.frames[3], swimming.frames[4], swimming.flow[3]
print(f"flow of shape {truth.shape}; the pixel in row 75, column 140 moves by {truth[75, 140]}")
flow_figures.quiver(
    first,
    truth,
    title="The fish swims to the left; the ground stands still",
)

# %% [markdown] name="colour"
# ## Write it: flow as colour
#
# Arrows hide most of the pixels. So papers usually show flow as colour: the **hue** stands for the
# direction, and the colour is stronger where the motion is larger. White means no motion. The wheel
# beside each picture is the legend.

# %% exercise="vos_lab.flow.colour.flow_to_rgb" points=2

# %% name="colour-in-use" slide="slide"
flow_figures.flow_picture(
    {"true flow": truth},
    first,
    title="Blue means to the left; a paler colour means slower",
)

# %% [markdown] name="explorer-text"
# Point at a pixel. On the right you see where it goes, and below you see both places magnified. Set
# the view to *Warped back* and drag the slider. Then look at the tail of the fish: which pixels
# have no match?

# %% name="explorer" slide="slide"
FlowExplorer(first, second, {"truth": truth, "DIS": flow.estimate(first, second, "dis")}, truth)

# %% [markdown] name="warp-text"
# ## Write it: use a flow
#
# With the right flow you can move the second image back to where the first one is. For each pixel
# of the *first* image, look up the place in the *second* image where the flow says it went. This is
# called **backward warping**. The place usually lies between pixels, so mix the four pixels around
# it.

# %% exercise="vos_lab.flow.warp.warp" points=3

# %% name="warp-in-use" slide="slide"
flow_figures.warp_views(
    first,
    second,
    truth,
    title="Warped back, the second image is nearly the first one",
)

# %% [markdown] name="warp-clip"
# Below, the same thing in small steps: the second image is moved back by a quarter of the flow, by
# half of it, and so on, until it lies on the first one.

# %% name="warp-moving" slide="slide"
shares = [*np.linspace(0, 1, 9), 1, 1, 1]
figures.clip(
    [flow.warp(second, np.float32(share) * truth) for share in shares],
    alt="The second image is moved back step by step: the fish slides to the right, to where it is "
    "in the first image, and its texture stays as it is.",
    height=120,
    fps=5.0,
    most_bytes=24_000,
)

# %% [markdown] name="error-text"
# Where the difference stays bright, a pixel is hidden in one of the two images, and no flow can
# bring it back.
#
# ## Write it: measure the error of a flow
#
# You can compare the two images after warping without knowing the true flow. But this can mislead
# you, as you will see. If you know the true flow, measure how far each vector ends from the true
# place. That is the **endpoint error** (EPE), in pixels.

# %% exercise="vos_lab.metrics.flow.endpoint_error" points=1

# %% name="error-in-use" slide="slide"
flow_figures.error_maps(
    {
        "nothing moves": np.zeros_like(truth),
        "DIS": flow.estimate(first, second, "dis"),
    },
    truth,
    title="Even a good method has errors at the outline, where motion changes abruptly",
)

# %% name="photometric-quiz" slide="fragment"
quiz("02_optical_flow", "photometric")

# %% [markdown] name="constancy" slide="slide"
# ## Where flow comes from
#
# Everything below rests on one assumption, **brightness constancy**: a point keeps its brightness
# while it moves. Below you see the brightness along one row of the image, and along the same row
# after everything has moved by 2 pixels.

# %% name="constancy-picture" slide="slide"
bright = brightness(first)
two_to_the_right = np.zeros_like(truth)
two_to_the_right[..., 0] = 2
later = flow.warp(bright, -two_to_the_right)  # the same image, moved by exactly 2 pixels
row = slice(150, 192)
figures.curves(
    {"time t": bright[72, row], "time t + 1": later[72, row]},
    "The curve moves by 2 pixels; at a fixed place, brightness changes",
    ylabel="brightness (0 to 255)",
    xlabel="column",
    x=np.arange(270)[row],
)

# %% [markdown] name="constancy-equation" slide="slide"
# Where the curve is steep, a small shift changes the brightness a lot. For a small motion the
# change of brightness is slope times shift, in both directions:
#
# $$I_x\,dx + I_y\,dy + I_t = 0$$
#
# $I_x$ and $I_y$ say how brightness changes to the right and down (the slopes), and $I_t$ says how
# it changes in time. You can measure all three in the images. You are looking for $dx$ and $dy$. So
# there is **one equation for two unknowns**.

# %% name="constancy-measured" slide="fragment"
slope = np.gradient(bright, axis=1)
rows = {}
for dx in (0.25, 0.5, 1, 2, 4, 8):
    change = flow.warp(bright, -two_to_the_right * dx / 2) - bright
    rows[f"{dx} px"] = {
        "change It": np.abs(change).mean(),
        "left over, Ix dx + It": np.abs(slope * dx + change).mean(),
    }
title = "In grey levels: the equation explains small shifts only"
figures.table(rows, title=title, name="shift", digits=1)

# %% [markdown] name="constancy-measured-explained"
# So the equation holds for shifts of up to a pixel or two; for larger shifts it explains less and
# less. We come back to that. The first problem is that there are two unknowns.

# %% name="aperture" slide="slide"
stripes = illusions.aperture(height=120, frames=12)
figures.clip(
    stripes,
    alt="Slanted stripes move behind a round hole in a grey wall.",
    height=160,
)

# %% name="aperture-quiz" slide="fragment"
quiz("02_optical_flow", "aperture")

# %% [markdown] name="aperture-explained"
# Along the stripes nothing changes, so you cannot see how far they move in that direction. This is
# the **aperture problem**. It is not special to this clip, because every small patch of an image is
# like a hole through which you look. What you can know from a patch is in its **structure tensor**,
# the mean of the products of the slopes:
#
# $$T = \begin{bmatrix} \overline{I_x I_x} & \overline{I_x I_y} \\
# \overline{I_x I_y} & \overline{I_y I_y} \end{bmatrix}$$
#
# Its two eigenvalues $\lambda$ say how strongly brightness changes along two directions: the one in
# which it changes most, and the one across it.

# %% name="tensor" slide="slide"
iy, ix = np.gradient(bright)
products = [window_sum(a * b, 3.0) for a, b in ((ix, ix), (ix, iy), (ix, iy), (iy, iy))]
tensors = np.stack(products, axis=-1).reshape(*bright.shape, 2, 2)
small, large = np.moveaxis(np.linalg.eigvalsh(tensors[10:-10, 10:-10]), -1, 0)
places = {"flat": -large, "edge": large - 30 * small, "corner": small}
patches = {}
for name, liking in places.items():
    y, x = np.unravel_index(liking.argmax(), liking.shape) + np.array([10, 10])
    patches[name] = bright[y - 10 : y + 11, x - 10 : x + 11], tensors[y, x]
flow_figures.structure_figure(
    patches,
    title="Inside the ellipse you cannot tell one motion from another (rim: 1 pixel)",
)

# %% [markdown] name="tensor-explained"
# If both are large, the patch holds a **corner**, and you can find its motion. If only one is
# large, it holds an **edge**, and you can find the motion only across the edge. If both are near 0,
# the patch is **flat**, and any motion is possible. So every method needs one more assumption.
# There are two famous ones.
#
# ## Write it: Lucas and Kanade (1981)
#
# *All pixels of a small window move alike.* Each pixel gives one equation. Take the best solution
# for all of them, by least squares: $T\,d = -(\overline{I_x I_t}, \overline{I_y I_t})$.

# %% exercise="vos_lab.flow.classical.lucas_kanade" points=3

# %% name="lk-in-use" slide="slide"
dotted = illusions.aperture(height=120, dots=True)
nothing = np.zeros((120, 120, 2), np.float32)
found = {}
for name, clip in (("stripes alone", stripes), ("stripes with dots", dotted)):
    hole = clip.masks[0] > 0
    found[name] = flow.lucas_kanade(brightness(clip.frames[0]), brightness(clip.frames[1]), nothing)
    dx, dy = found[name][hole].mean(axis=0)
    print(f"{name}: found ({dx:+.2f}, {dy:+.2f}) pixels on average, true is (+1.50, +0.00)")
flow_figures.quiver(
    dotted.frames[0],
    {"true": dotted.flow[0], **found},
    where=dotted.masks[0] > 0,
    every=12,
    title="Stripes alone seem to move to the lower right; dots show the true motion",
)

# %% [markdown] name="hs-text" slide="slide"
# ## Write it: Horn and Schunck (1981)
#
# *Neighbouring pixels move nearly alike, everywhere in the image.* Where the image says nothing
# about the motion, the answer spreads in from the neighbours. Find the flow for which this sum is
# smallest:
#
# $$\sum (I_x\,dx + I_y\,dy + I_t)^2 + \alpha^2\,(|\nabla dx|^2 + |\nabla dy|^2)$$
#
# The first part is brightness constancy. In the second part, $\nabla$ (the slope) says how much the
# flow changes from pixel to pixel, and $\alpha$ says how important it is that the flow is smooth.
# (This exercise is optional: it is a second answer to the same question, and gives no points.)

# %% exercise="vos_lab.flow.classical.horn_schunck" points=0

# %% name="hs-in-use" slide="slide"
square, moved = np.full((2, 60, 96, 3), 40, np.uint8)
square[20:40, 36:60] = 200
moved[20:40, 37:61] = 200
plain = np.zeros((60, 96, 2), np.float32)
plain[20:40, 36:60, 0] = 1
images = brightness(square), brightness(moved)
answers = {"truth": plain, "Lucas-Kanade": flow.lucas_kanade(*images, np.zeros_like(plain))}
for n in (20, 1000):
    answers[f"H.-S., {n} rounds"] = flow.horn_schunck(*images, np.zeros_like(plain), iterations=n)
flow_figures.flow_picture(
    answers,
    title="A plain square: a window sees only its sides, and smoothness spreads the motion inside",
    max_flow=1.3,
)

# %% [markdown] name="pyramid-text" slide="slide"
# ## Break it: large motion
#
# The equation holds only for a *small* motion. But what is small? Shift an image by 1, 2, 4, ...
# pixels, and let Lucas-Kanade find the shift. First predict what happens with a single image.

# %% name="pyramid-quiz" slide="fragment"
quiz("02_optical_flow", "pyramid")

# %% name="large-motion" slide="slide"
shifts = [0.5, 1, 2, 4, 8, 16]
scene = procedural.suite("easy", frames=2, size=(240, 432), length=1)[0].frames[0]
reach = {f"{levels} level" + "s" * (levels > 1): [] for levels in (1, 2, 3, 4)}
inside = np.s_[30:210, 40:392]  # of the shifted image only what came from the scene
for shift in shifts:
    true = np.zeros((240, 432, 2), np.float32)
    true[..., 0] = shift
    pair = flow.warp(scene, true)[inside], scene[inside]
    for levels, curve in enumerate(reach.values(), start=1):
        answer = flow.estimate(*pair, "lucas-kanade", levels=levels)
        curve.append(flow_metrics.endpoint_error(answer, true[inside]).mean())
figures.curves(
    reach,
    "Each level of the pyramid doubles the motion that Lucas-Kanade can find",
    ylabel="endpoint error (pixels)",
    xlabel="true motion (pixels)",
    x=shifts,
)

# %% [markdown] name="coarse-to-fine"
# A pyramid of smaller and smaller images solves this problem, because in an image of a quarter of
# the size, 16 pixels are only 4. Begin with the smallest image. Enlarge its flow, warp the second
# image by it, and look only for the motion that is still missing.

# %% show="vos_lab.flow.classical.coarse_to_fine"

# %% [markdown] name="comparison" slide="slide"
# ## The whole method
#
# `flow.estimate(first, second, method)` runs your functions from coarse to fine. Beside them we put
# two methods of OpenCV: *Farnebäck* fits a parabola around each pixel, and *DIS* matches patches.
# All of them run on pairs that nobody has tuned them for. The table splits the pixels by how far
# they really move.


# %% name="pairs"
def pairs_of(clips):
    """For each clip two images, the true flow between them, and what gets hidden."""
    return [(c.frames[3], c.frames[4], c.flow[3], c.occlusion[3]) for c in clips]


def errors_of(name, pairs):
    """Endpoint error of a method at every pixel of every pair."""
    return np.stack(
        [
            flow_metrics.endpoint_error(flow.estimate(first, second, name), true)
            for first, second, true, _ in pairs
        ]
    )


names = ["zero", "lucas-kanade", "horn-schunck", "farneback", "dis"]
small = {"frames": 8, "size": (120, 216), "length": 3}
suites = ("easy", "camera", "speed")
pairs = pairs_of([clip for suite in suites for clip in procedural.suite(suite, **small)])
print(f"{len(pairs)} pairs of images of {small['size'][1]} x {small['size'][0]} pixels")

# %% name="displacements"
lengths = np.stack([np.hypot(*np.moveaxis(true, -1, 0)) for _, _, true, _ in pairs])
parts = {"below 0.5 px": lengths < 0.5, "0.5 to 2 px": (lengths >= 0.5) & (lengths < 2)}
parts |= {"2 to 8 px": (lengths >= 2) & (lengths < 8), "8 px and more": lengths >= 8}
for what, where in parts.items():
    print(f"{what}: {where.mean():.0%} of the pixels")

# %% name="comparison-table" slide="fragment"
errors, rows = {}, {}
for name in names:
    begin = perf_counter()
    errors[name] = errors_of(name, pairs)
    milliseconds = 1000 * (perf_counter() - begin) / len(pairs)
    rows[name] = {"all": mean_interval(errors[name].mean(axis=(1, 2)))}
    rows[name] |= {what: errors[name][where].mean() for what, where in parts.items()}
    rows[name]["ms per pair"] = round(milliseconds)
figures.table(rows, title="Mean endpoint error in pixels, 9 pairs, 95 % interval", digits=2)

# %% [markdown] name="comparison-explained"
# Horn-Schunck and DIS have the smallest errors overall, but the intervals say that nine pairs are
# too few to tell which of the two is better. Where pixels move farthest, Lucas-Kanade is best, but
# only one pixel in a hundred moves that far. Where something moves, all methods are better than
# zero flow. Where nothing moves, all are worse, because the motion of an object **spills** over its
# outline onto the ground beside it. Our images are small, so their motions are small, too.

# %% [markdown] name="break-it" slide="slide"
# ## Break it: changing light, and hidden pixels
#
# Brightness constancy is only an assumption. The knob *lighting* of the renderer breaks it: the
# scene and the motion stay the same, but light and the shadows of clouds change from frame to
# frame.

# %% name="lighting" slide="fragment"
light = {"steady light": 0.0, "light changes": 1.0}
bars = {name: {} for name in names}
for what, knob in light.items():
    spec = procedural.Spec(frames=6, size=(120, 216), camera_motion=0.4, lighting=knob)
    lit = pairs_of([procedural.render(spec, seed) for seed in (2, 5, 8, 11)])
    for name in names:
        bars[name][what] = errors_of(name, lit).mean()
figures.bars(
    bars,
    "Most methods take a change of light for motion",
    xlabel="mean endpoint error (pixels), 4 clips",
    digits=2,
)

# %% [markdown] name="hidden-text"
# Lucas-Kanade and Horn-Schunck take every change of brightness for motion, and now zero flow is
# clearly better than both of them. Farnebäck is hardly affected, because it compares the *shape* of
# the brightness around a pixel and not its level. DIS subtracts the mean of each patch before it
# compares two patches.
#
# Pixels that get hidden have no match at all. The next table uses the same pairs as the table
# before, and asks *where* the errors are.

# %% name="occlusion" slide="slide"
hidden = np.stack([occlusion for _, _, _, occlusion in pairs])
edges = [flow_metrics.near(flow_metrics.motion_boundaries(true), 3) for _, _, true, _ in pairs]
edges = np.stack(edges)
places = {"hidden next": hidden, "near a motion boundary": edges & ~hidden}
places |= {"elsewhere": ~edges & ~hidden}
figures.table(
    {name: {what: errors[name][where].mean() for what, where in places.items()} for name in names},
    title="Endpoint error in pixels: what gets hidden has no match",
    digits=2,
)

# %% [markdown] name="break-it-explained"
# Away from the boundaries all methods have their smallest errors. At a boundary, a window or a
# smoothness term mixes two different motions. And where a pixel is about to be hidden, every method
# finds a wrong partner for it. There the simple answer "it does not move" is far better, because
# mostly ground gets hidden here. You can find such pixels if you estimate the flow in both
# directions and ask whether the two agree (`flow.occluded`). Lesson 04 uses that.

# %% [markdown] name="perceived" slide="slide"
# ## Perceived motion and real motion
#
# All methods have one limit in common, and a better method cannot remove it: flow is the motion
# that you can *see*. Horn and Schunck warn of this in their paper, with the example of a spinning
# ball (Section 2).

# %% name="sphere-quiz" slide="fragment"
quiz("02_optical_flow", "sphere")

# %% name="balls" slide="slide"
balls = {
    "plain, spins": illusions.spinning_sphere(height=140),
    "plain, light moves": illusions.spinning_sphere(height=140, spinning=False, moving_light=True),
    "spotted, spins": illusions.spinning_sphere(height=140, textured=True),
}
figures.strip(
    [clip.frames[t] for clip in balls.values() for t in (0, 16)],
    titles=[f"{name}, {t}" for name in ("plain", "light", "spots") for t in ("0", "16")],
    title="Three balls, each in frame 0 and frame 16: which of them spins?",
)

# %% name="illusions-table" slide="slide"
pole = illusions.barber_pole(height=180, frames=18)
seen = balls | {"barber pole": pole, "stripes in a hole": stripes}
rows = {}
for name, clip in seen.items():
    body = clip.masks[0] > 0
    answer = flow.estimate(clip.frames[0], clip.frames[1], "horn-schunck")
    (dx, dy), (true_dx, true_dy) = answer[body].mean(axis=0), clip.flow[0][body].mean(axis=0)
    wrong = flow_metrics.endpoint_error(answer, clip.flow[0])[body].mean()
    after = flow_figures.photometric_difference(clip.frames[0], flow.warp(clip.frames[1], answer))
    rows[name] = {
        "perceived (px)": f"{dx:+.1f}, {dy:+.1f}",
        "real (px)": f"{true_dx:+.1f}, {true_dy:+.1f}",
        "endpoint error (px)": wrong,
        "left after warping (grey levels)": after[body].mean(),
    }
title = "Horn-Schunck explains every picture, and is wrong"
figures.table(rows, title=title, name="clip", digits=1)

# %% name="pole-arrows" slide="slide"
flow_figures.quiver(
    pole.frames[0],
    {"real": pole.flow[0], "perceived": flow.estimate(*pole.frames[:2], "horn-schunck")},
    where=pole.masks[0] > 0,
    every=14,
    title="The barber pole: every point goes sideways, and the stripes climb",
)

# %% [markdown] name="perceived-explained"
# After warping, the images agree to about one grey level. So if you look only at the images, the
# flow seems to be *right*. But the plain ball has turned, and no method has noticed it. **A small
# difference between the images does not prove that a flow is true.** Only texture can show the true
# motion, because it gives every patch a corner.

# %% [markdown] name="real-video"
# ## On real video
#
# For a real video nobody knows the true flow. What you can do is warp, and look.

# %% name="real" tags=["real-data"]
real = example("libby")
if real is not None:
    real = real.part(10, 12).resized(240)
    images = real.frames[0], real.frames[1]
    found = {name: flow.estimate(*images, name) for name in ("horn-schunck", "dis")}
    for name, answer in found.items():
        left = flow_figures.photometric_difference(images[0], flow.warp(images[1], answer)).mean()
        print(f"{real.name}, {name}: {left:.1f} grey levels are left after warping")
    display(FlowExplorer(*images, found, title=real.name, view="colour"))

# %% [markdown] name="challenge-text" slide="skip"
# ## Beat this score
#
# Estimate flow with a smaller error than DIS. You may change your own functions, their parameters,
# or combine several methods: which of them would you trust where? Put your answer below in the
# place of `None`. Your best score is kept.

# %% name="challenge"
answer = None  # for example: lambda first, second: flow.estimate(first, second, "horn-schunck")
beat("02_optical_flow", answer)

# %% [markdown] name="summary" slide="slide"
# ## Remember
#
# - Brightness constancy gives one equation for two unknowns. Every method adds an assumption: that
#   a window moves alike, or that the flow is smooth.
# - The equation holds for small motions. A pyramid makes large motions small.
# - Flow is perceived motion. It fails where an image is flat, where there are only edges, where the
#   light changes, and where pixels get hidden.
#
# **Next.** People designed these methods by hand, on one assumption. In [lesson
# 03](03_flownet.ipynb) a network, FlowNet, learns from examples how to estimate flow.
#
# **Papers.** B. Horn and B. Schunck, *Determining Optical Flow*, Artificial Intelligence 1981. B.
# Lucas and T. Kanade, *An Iterative Image Registration Technique with an Application to Stereo
# Vision*, IJCAI 1981. M. Black and P. Anandan, *The Robust Estimation of Multiple Motions*, CVIU
# 1996. T. Brox et al., *High Accuracy Optical Flow Estimation Based on a Theory for Warping*, ECCV
# 2004 (coarse to fine). G. Farnebäck, *Two-Frame Motion Estimation Based on Polynomial Expansion*,
# SCIA 2003. S. Baker et al., *A Database and Evaluation Methodology for Optical Flow*, IJCV 2011
# (colours, endpoint error). T. Kroeger et al., *Fast Optical Flow using Dense Inverse Search*, ECCV
# 2016 (DIS).
