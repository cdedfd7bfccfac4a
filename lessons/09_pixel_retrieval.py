# %% [markdown] name="title" minutes=75 needs=["05_osvos"] builds="neighbours in a learned space, its loss, a growing reference" slide="slide"
# # Pixel retrieval: ask the pixels that look like you
#
# OSVOS learns each object anew, while you wait. In this lesson nothing is learned while you wait. A
# network turns each pixel into a point in a space, and to segment a video you only look up the
# nearest points. This is so fast that you can segment a video with the mouse. **How does the method
# know this car if nobody has taught it?**

# %% [markdown] name="instructor" tags=["instructor"] slide="notes"
# **For the instructor**
#
# | section | minutes |
# | --- | --- |
# | look up neighbours by colour (exercise `nearest_neighbour_labels`) | 20 |
# | a better space (`pixel_triplet_loss`), training | 20 |
# | the reference grows (`grow_reference`), the window | 15 |
# | segment by clicking | 10 |
# | break it, claims, questions | 10 |
#
# *What usually goes wrong.* `topk` gives the largest numbers. The farthest pixel of the own kind is
# taken, as in other triplet losses. An easy anchor goes below zero and makes up for a hard one. The
# numbers of the new pixels are counted from zero. The check has a message for each of these.
#
# *Show live.* The clicks. Ask somebody to segment an animal with as few clicks as possible, then
# let somebody else try. Where does the third click help, and where does the tenth do harm?
#
# *Ask the room.* Two parts of one object may lie at two ends of the space. Why is that no problem
# here, and for which method would it be one?

# %% name="imports" slide="skip"
import time
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from vos_lab import bench, claims, training
from vos_lab.course import beat, check, hint, quiz
from vos_lab.datasets import procedural
from vos_lab.datasets.davis import example
from vos_lab.methods import pixel_retrieval, run
from vos_lab.methods.osvos import OSVOS
from vos_lab.methods.pixel_retrieval import (
    PixelRetrieval,
    embed,
    embedding_network,
    squared_distances,
)
from vos_lab.metrics import jaccard
from vos_lab.training.recipes import pixel_retrieval as recipe
from vos_lab.view import figures
from vos_lab.view.widgets.pixel_retrieval import (
    ClickSegmenter,
    EmbeddingExplorer,
    component_colours,
)
from vos_lab.view.widgets.player import Player

# %% name="picture" tags=["picture"]
drive = procedural.suite("camera", frames=24, size=(120, 216), length=4)[1]
figures.clip(
    drive,
    run(PixelRetrieval(), drive, progress=False),
    alt="A car drives while the camera moves. A coloured mask follows it.",
    height=140,
    most_bytes=40_000,
)

# %% name="problem" slide="slide"
small = {"frames": 24, "size": (120, 216), "length": 4}
drive = procedural.suite("camera", **small)[1]
truth = np.stack(list(drive.masks)) == 1
begun = time.perf_counter()
found = run(PixelRetrieval(), drive, progress=False)
per_frame = (time.perf_counter() - begun) / len(drive)
print(f"{per_frame:.2f} s a frame, J {jaccard(found == 1, truth)[1:].mean():.2f}")

# %% name="prediction" slide="slide"
quiz("09_pixel_retrieval", "knows")

# %% [markdown] name="goals" slide="skip"
# After this lesson you can
#
# - segment a video by looking up nearest neighbours, in parts that fit into memory,
# - say what makes a space of pixels good for that, and train one,
# - let the list of known pixels grow without letting mistakes take over,
# - segment a clip with a few clicks, and say why each click is answered at once,
# - measure what the speed costs.
#
# You need lesson 05. It takes about 75 minutes.
#
# ## A list of pixels with labels
#
# The first frame has a mask, so each of its pixels has a label: object or background. Now take a
# pixel of another frame. Which pixels of the first frame look like it? Click on a pixel to see
# them.

# %% name="colour-explorer" slide="slide"
EmbeddingExplorer(drive, "colour", frame=12, point=(130, 98), title="How alike are the colours?")

# %% [markdown] name="retrieve-text" slide="slide"
# ## Write it: look up the neighbours
#
# What describes a pixel is its **embedding**: a list of numbers, which is a point in a space. Here
# it is the mean colour of a cell of 4 x 4 pixels, so it has three numbers. Later it will be
# something better, but the method stays the same: find the nearest known points, and take the mean
# of their labels.
#
# A video has many pixels, and all distances at once would not fit into memory. So compute them in
# parts.

# %% exercise="vos_lab.methods.pixel_retrieval.nearest_neighbour_labels" points=3


# %% name="retrieve-in-use" slide="slide"
# Only the annotated frame is asked (frames=0), and all of it (no radius).
everywhere = {"frames": 0, "radius": None, "first_radius": None}
by_colour = run(PixelRetrieval("colour", **everywhere), drive, progress=False)
figures.strip(
    drive,
    by_colour,
    title="Every pixel takes the mean label of eight pixels of frame 0 with its colour",
)

# %% [markdown] name="space-text" slide="slide"
# ## A better space
#
# Often object and ground have the same colours, so neighbours in the space of colours are often
# wrong. Chen et al. (CVPR 2018) let a network make the space. In it, the pixels of an object should
# lie close together, and away from all other pixels. Below, each embedding is shown as a colour:
# pixels with the same colour lie close together.

# %% name="spaces" slide="slide"
names = {"colour": "colour", "random": "network, random", "learned": "network, learned"}
picture = drive.frames[12]
maps = [component_colours([embed(embedding_network(n), picture, 12)])[0] for n in names]
figures.strip(
    [picture, *(np.kron(each, np.ones((4, 4, 1), np.uint8)) for each in maps)],
    titles=["frame 12", *names.values()],
    title="Three spaces: pixels that lie close together have the same colour",
)

# %% [markdown] name="loss-text" slide="slide"
# ## Write it: the loss
#
# What makes a space good? Take an **anchor**, a pixel of one frame. From other frames of the video
# take a **pool** of pixels of the same kind (object or background), and a pool of the other kind.
# At test time the nearest neighbour decides. So the nearest pixel of the same kind has to be nearer
# than the nearest pixel of the other kind, by a **margin** $\alpha$:
#
# $$L = \frac{1}{|A|} \sum_{a \in A} \max\Big(0,\; \min_{p} \lVert f_a - f_p \rVert^2
# - \min_{n} \lVert f_a - f_n \rVert^2 + \alpha\Big)$$
#
# $f_a$ is the embedding of the anchor, $p$ runs over the pool of its own kind, and $n$ over the
# pool of the other kind.

# %% name="pool-quiz" slide="fragment"
quiz("09_pixel_retrieval", "pool")

# %% exercise="vos_lab.methods.pixel_retrieval.pixel_triplet_loss" points=3

# %% [markdown] name="training-text" slide="slide"
# Train with it. A batch holds three frames of a video: one for the anchors, two for the pools. To
# see whether training helps, we ask on other videos: how often does the nearest neighbour belong to
# the wrong kind?

# %% name="training" slide="slide"
few = replace(
    training.recipe("pixel-embedding"),
    batch=partial(recipe.batch, videos=6),  # drawing all 300 takes minutes
    validate=partial(recipe.validate, videos=3),
    steps=36,
    validate_every=12,
)
short = training.train(few)
short.curve("A few seconds of training, on a few videos")

# %% [markdown] name="training-explained"
# `vos-lab train pixel-embedding` does the same for 1000 steps with 300 videos. From here on we use
# the weights that come with the course. Click again, now in the learned space.

# %% name="learned-explorer" slide="slide"
EmbeddingExplorer(drive, frame=12, point=(130, 98), title="How alike are the embeddings?")

# %% name="learned-in-use" slide="slide"
one_frame = {
    title: run(PixelRetrieval(name, **everywhere), drive, progress=False)
    for name, title in names.items()
}
figures.curves(
    {title: jaccard(masks == 1, truth)[1:] for title, masks in one_frame.items()},
    "J if only frame 0 is asked, in three spaces",
    ylabel="J",
    x=np.arange(1, len(drive)),
)

# %% [markdown] name="departures" slide="skip"
# > **In the paper** the network is DeepLab with ResNet-101, trained on ImageNet, COCO and DAVIS,
# > with an embedding of 128 numbers for each 8 x 8 pixels. Its head also gets the place of a pixel
# > and the number of its frame, and the neighbours vote. **Here** the encoder is that of our OSVOS
# > parent network. The head gets place and time, too, and gives 32 numbers for each 4 x 4 pixels.
# > Beside them are the three numbers of the colour, because that was better on validation videos.
# > And we take the mean of the labels, because a share says how sure the neighbours are.
#
# ## Write it: let the list grow
#
# Objects change, and frame 0 does not show how. So after each frame, add some of its pixels to the
# list. Which ones? Those whose neighbours agreed. The list must also stay short, because a longer
# list takes more time to search.

# %% exercise="vos_lab.methods.pixel_retrieval.grow_reference" points=2

# %% name="grow-quiz" slide="fragment"
quiz("09_pixel_retrieval", "grow")

# %% [markdown] name="window-text" slide="skip"
# There is one more idea. Objects do not jump from one frame to the next. So a pixel asks only
# references that are **near** its own place: at most 8 cells away.

# %% name="window-quiz" slide="fragment"
quiz("09_pixel_retrieval", "window")

# %% name="ingredients" slide="slide"
coat = procedural.suite("appearance", **small)[1]
ways = {
    "frame 0, all of it": everywhere,
    "and four frames that grow": {"radius": None, "first_radius": None},
    "frame 0, near pixels": {"frames": 0},
    "near pixels, and four frames": {},
}
rows = {}
for way, options in ways.items():
    for clip in (drive, coat):
        here = np.stack(list(clip.masks)) == 1
        j = jaccard(run(PixelRetrieval(**options), clip, progress=False) == 1, here)[1:]
        rows.setdefault(way, {})[f"J of {clip.name}"] = j.mean()
figures.table(rows, title="What is asked", name="which references", digits=2)

# %% [markdown] name="clicks-text" slide="slide"
# ## Segment by clicking
#
# The network computes the embeddings of all frames once. To label the frames with other references
# you only need a new search, and not the network. So you can give the references by hand, one click
# at a time, and the masks of all frames change at once. A click marks the object; a click with
# Shift, or with the right button, marks the background. You can also draw strokes.


# %% name="clicks" slide="slide"
def clicks_at(video, objects, background, seed):
    """Places in frame 0, drawn by chance, on the object and beside it."""
    rng, (height, width) = np.random.default_rng(seed), video.size
    strokes = []
    for kind, count in ((True, objects), (False, background)):
        places = np.argwhere((video.masks[0] == 1) == kind)
        for row, column in rng.permutation(places)[:count]:
            strokes.append((0, [((column + 0.5) / width, (row + 0.5) / height)], not kind))
    return strokes


clicker = ClickSegmenter(drive)
clicker.strokes = clicks_at(drive, 4, 8, seed=0)  # ours: Clear takes them back
clicker.show()
clicker

# %% name="clicks-counted" slide="slide"
rows = {}
for count in (1, 3, 10, 30):
    j, seconds = [], []
    for seed in range(5):
        clicker.strokes = clicks_at(drive, count, 2 * count, seed)
        clicker.show()
        j.append(jaccard(clicker.masks == 1, truth).mean())
        seconds.append(clicker.seconds)
    rows[3 * count] = {"J of all frames": np.mean(j), "s for all frames": np.mean(seconds)}
figures.table(rows, title="Clicks at random places of frame 0", name="clicks", digits=2)

# %% [markdown] name="clicks-explained" slide="skip"
# The network was used once for each frame, before the first click. After that, a click takes only a
# fraction of a second for the whole clip. The first few clicks bring most of the gain.

# %% [markdown] name="price-text" slide="slide"
# ## What does speed cost?
#
# OSVOS has to learn before it can begin. Pixel retrieval begins at once.

# %% name="price" slide="slide"
rows = {}
for name, method in {"OSVOS": OSVOS(steps=60), "pixel retrieval": PixelRetrieval()}.items():
    clock = [time.perf_counter()]
    method.start(drive.frames[0], drive.first_mask)
    clock.append(time.perf_counter())
    masks = np.stack([method.step(frame) for frame in list(drive.frames)[1:]])
    clock.append(time.perf_counter())
    rows[name] = {
        "J": jaccard(masks == 1, truth[1:]).mean(),
        "s before the first frame": clock[1] - clock[0],
        "s per frame": (clock[2] - clock[1]) / len(masks),
        "s for the video": clock[2] - clock[0],
    }
figures.table(rows, title="One video of 24 frames", name="method", digits=2)

# %% [markdown] name="break-text" slide="slide"
# ## Break it
#
# The method makes two assumptions: that objects do not jump, and that things that look alike are
# the same thing. We break the first one: here a rock hides an animal, and the animal comes out on
# the other side.

# %% name="break-hidden" slide="slide"
hidden = procedural.suite("occlusion", **small)[1]
asked = {"near pixels": {}, "all pixels": {"radius": None, "first_radius": None}}
masks = {way: run(PixelRetrieval(**o), hidden, progress=False) for way, o in asked.items()}
hidden_truth = np.stack(list(hidden.masks)) == 1
after = {way: jaccard(m == 1, hidden_truth)[-6:].mean() for way, m in masks.items()}
figures.strip(
    hidden,
    {f"asks {way}: J {after[way]:.2f} in the last six frames": m for way, m in masks.items()},
    at=[0, 6, 12, 18, 23],
    title="It comes back in another place: only a search over all pixels finds it again",
)

# %% [markdown] name="break-twin-text" slide="skip"
# Now the second assumption. A twin of the object walks about, and it is background. By colour
# alone, you cannot tell the two apart.

# %% name="break-twin" slide="slide"
twins = procedural.suite("distractors", **small)[1]
masks, taken = {}, {}
is_twin = np.stack([(twins.instances[t] > 0) & (twins.masks[t] == 0) for t in range(len(twins))])
for embedding in ("colour", "learned"):
    found = run(PixelRetrieval(embedding), twins, progress=False)
    taken[embedding] = (found == 1)[is_twin].mean()
    masks[f"{embedding}: {taken[embedding]:.0%} of the twin is taken"] = found
figures.strip(
    twins,
    masks,
    at=[0, 6, 12, 18, 23],
    title="The twin has the colours of the object, and is background",
)

# %% [markdown] name="break-explained"
# In the second row the learned embedding takes less of the twin. It knows more than the colours,
# because its head also gets the places. Try other videos: `procedural.suite("speed", **small)`, or
# a clip of your own.
#
# ## Claims, measured
#
# Each line is an experiment with several seeds. It says whose claim it is, and how large the effect
# has to be to matter. An effect is above zero, and a ratio above 1, if the claim is right.

# %% name="claims" slide="slide"
verdicts = [claims.saved(claim) for claim in claims.of_lesson("09_pixel_retrieval")]
figures.table(claims.summary(verdicts), title="The claims, measured", name="claim", digits=2)

# %% [markdown] name="claims-explained"
# For a video of 24 frames it is {{claim 09_pixel_retrieval/fast mean 0}} times as fast as OSVOS.
# (The table above has another ratio, because there OSVOS learns in fewer steps.) It is undecided
# what that *costs*: {{claim 09_pixel_retrieval/cost}} in J on average, but with some seeds pixel
# retrieval is even better than OSVOS. The learned embedding is better than colour and better than a
# random network, and a reference that grows is better than frame 0 alone.
#
# The *window* is undecided as well. It saves time, but it loses an object that comes back at
# another place. On these videos it changes next to nothing.
#
# Speed has another price, which J does not show. Neighbouring frames do not have to agree, so the
# masks flicker. The table below gives T of the published methods on the 20 validation sequences of
# DAVIS 2016 (lesson 01 explains T).

# %% name="published-t" slide="slide"
published = {"OnAVOS": 0.190, "MaskTrack": 0.218, "OSVOS": 0.378, "pixel retrieval": 0.471}
figures.bars(
    published,
    "Published methods that look at the last mask flicker less",
    xlabel="T on the 20 validation sequences of DAVIS 2016 (davischallenge.org)",
)

# %% [markdown] name="real-text"
# ## On real video

# %% name="leaderboard" slide="slide"
shown = {
    "baseline": "first mask copied",
    "osvos": "OSVOS",
    "pixel-retrieval": "pixel retrieval",
    "pixel-retrieval-colour": "by colour",
    "pixel-retrieval-random": "by a random network",
    "pixel-retrieval-plain-loss": "with the plain loss",
    "pixel-retrieval-first-frame": "frame 0 alone",
    "pixel-retrieval-without-window": "without a window",
}
rows = bench.compared(shown, "J", "F", "s to start", "s per frame")
figures.table(rows, title="Five sequences of DAVIS 2016, and five drawn ones", digits=2)

# %% [markdown] name="leaderboard-explained"
# Nothing was learned from these videos. Still, J is {{board davis2016 pixel-retrieval J}}, nearly
# that of our OSVOS ({{board davis2016 osvos J}}), and on the five drawn videos it is much higher.
# The table also shows what each part brings: the embedding beside colour, the pools beside the
# plain loss, and growing beside frame 0 alone. A network with random weights is no better than the
# colours alone. The window changes J by no more than {{board davis2016 pixel-retrieval -
# pixel-retrieval-without-window J}}, but a search without it takes {{board davis2016
# pixel-retrieval-without-window seconds_per_frame}} seconds for a frame instead of {{board
# davis2016 pixel-retrieval seconds_per_frame}}.
#
# In the paper the difference to OSVOS is larger: J is 0.76 on all 20 sequences that DAVIS 2016
# keeps for validation, and 0.80 for OSVOS, which starts from ImageNet and is fine-tuned for
# minutes. Our OSVOS is fine-tuned for {{board davis2016 osvos seconds_start 0}} seconds.

# %% name="real" tags=["real-data"]
real = example("camel")
if real is not None:
    real = real.part(0, 40).resized(240)
    real_truth = np.stack(list(real.masks)) == 1
    real_found = run(PixelRetrieval(), real, progress=False)
    print(f"{real.name}: J {jaccard(real_found == 1, real_truth)[1:].mean():.2f}")
    display(Player(real, {"pixel retrieval": real_found}, title="Nothing was learned"))

# %% [markdown] name="challenge-text" slide="skip"
# ## Beat this score
#
# Four videos: a moving camera, a change of appearance, an occlusion, and a fast object. Which
# pixels should be asked, and which should be added? Put your answer below in the place of `None`.
# Your best score is kept.

# %% name="challenge"
answer = None  # for example: lambda: PixelRetrieval(radius=None, first_radius=None)
beat("09_pixel_retrieval", answer)

# %% [markdown] name="summary" slide="slide"
# ## Remember
#
# - An embedding is a point for each pixel. To segment a frame, look up the labels of the nearest
#   points.
# - The loss over pools asks only for what the search needs: one near pixel of the same kind.
# - Nothing is learned at test time. So the method is fast, and clicks are answered at once. But if
#   the network cannot tell two things apart, nothing else can help.
#
# **Next.** [Lesson 10](10_reid.ipynb) embeds whole regions, not pixels, to find a lost object
# again.
#
# **Papers.** Y. Chen, J. Pont-Tuset, A. Montes and L. Van Gool, *Blazingly Fast Video Object
# Segmentation with Pixel-Wise Metric Learning*, CVPR 2018. S. Caelles et al., *One-Shot Video
# Object Segmentation*, CVPR 2017.
