# %% [markdown] name="title" minutes=60 needs=["08_masktrack"] builds="the loss of re-identification, and the choice of who is who among proposals" slide="slide"
# # ReID: find the lost object again
#
# When a mask is carried from frame to frame and gets lost, it stays lost. In this lesson you build
# the part that brings it back: it looks at all the things in a frame, and recognises the object
# that is missing. From there the mask is carried forward, and also backward. **How can you
# recognise the object?**

# %% [markdown] name="instructor" tags=["instructor"] slide="notes"
# **For the instructor**
#
# | section | minutes |
# | --- | --- |
# | lost for good; proposals | 10 |
# | an embedding for a region (exercise `reid_loss`), training | 20 |
# | which proposal is which object (`recover_lost_objects`) | 15 |
# | both ways | 5 |
# | break it, claims, questions | 10 |
#
# *What usually goes wrong.* The softmax runs over the regions of the batch. The minus is forgotten.
# An object takes a proposal that is another object in plain sight. Where the best proposal is
# taken, the second best is not tried. The check has a message for each of these.
#
# *Show live.* Lower the threshold (`ReIDVOS(min_similarity=0.2)`), and see what is found while the
# object is still hidden.
#
# *Ask the room.* A camera on a car cannot go back in time. Which of the ideas of this lesson can it
# use?

# %% name="imports" slide="skip"
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from vos_lab import bench, claims, training, weights
from vos_lab.claims.reid import learned, version
from vos_lab.claims.videos import occluded_video
from vos_lab.course import beat, check, hint, quiz
from vos_lab.datasets import procedural
from vos_lab.datasets.davis import example
from vos_lab.methods import reid, run
from vos_lab.methods.proposals import SmallProposer
from vos_lab.methods.reid import ReIDVOS, load_reid, region_embeddings
from vos_lab.metrics import jaccard
from vos_lab.training.recipes import reid as recipe
from vos_lab.video import overlay
from vos_lab.view import figures
from vos_lab.view.widgets.player import Player

# %% name="picture" tags=["picture"]
hidden = occluded_video(5)
truth = np.stack(list(hidden.masks)) == 1
method = learned(hidden)  # Lucid, fine-tuned on frame 0 as in lesson 08
lost = run(version(method, recover=False), hidden, progress=False)
figures.clip(
    hidden,
    lost,
    alt="A thing goes behind something. Its mask becomes empty, and stays empty or wrong when it "
    "comes out.",
    height=140,
    most_bytes=40_000,
)

# %% name="behind-quiz" slide="fragment"
quiz("10_reid", "behind")

# %% [markdown] name="goals" slide="skip"
# After this lesson you can
#
# - say what a proposal is, and what it does not know,
# - train an embedding for regions with the OIM loss,
# - decide which proposal is which lost object, and when not to decide at all,
# - carry a mask both ways from where it was found, and say when that is allowed,
# - build a case in which re-identification must fail.
#
# You need lesson 08. It takes about 60 minutes.
#
# ## Look at all things
#
# You know **proposals** from lesson 06: masks of things, whatever they are, each with an
# **objectness**, which says how well the mask holds one whole thing. Here are the best proposals of
# a frame in which our object is in plain sight again.

# %% name="proposals" slide="slide"
hidden = occluded_video(5)
truth = np.stack(list(hidden.masks)) == 1
seen = [t for t in range(len(hidden)) if truth[t].sum() > 0.8 * truth[0].sum()]
frame = hidden.frames[seen[-1]]
proposals = SmallProposer().propose(frame)
best = proposals[:5]
figures.strip(
    [overlay(frame, (p.mask > 0.5).astype(np.uint8), 0.6) for p in best],
    titles=[f"objectness {p.objectness:.2f}" for p in best],
    title=f"Frame {seen[-1]}: {len(best)} of {len(proposals)} proposals, the best ones first",
    alt="One frame five times, each with another thing in colour, and its objectness above it.",
)

# %% name="who-quiz" slide="fragment"
quiz("10_reid", "who")

# %% [markdown] name="embedding-text" slide="slide"
# ## An embedding for a region
#
# In lesson 09 each pixel had an embedding. Now a whole **region** has one: a mask, together with
# the picture inside it. **Re-identification** compares two regions by the cosine of their
# embeddings. All embeddings are scaled to length 1, so the cosine is simply their product. Here are
# the objects of one video, early and late.

# %% name="regions" slide="slide"
crowd = procedural.suite("many-objects", frames=40, length=3)[2]
early, late = 0, 30
pictures, titles, embedded = [], [], {}
for t in (early, late):
    labels = [k for k in np.unique(crowd.masks[t]) if (crowd.masks[t] == k).sum() > 200 and k]
    masks = np.stack([crowd.masks[t] == k for k in labels]).astype(np.float32)
    for name in ("random", "reid"):
        found = region_embeddings(load_reid(name), crowd.frames[t], masks)
        embedded[name, t] = dict(zip(labels, found, strict=True))
    for k, mask in zip(labels, masks, strict=True):
        square = reid.region(crowd.frames[t], mask)[0, :3].permute(1, 2, 0).numpy()
        pictures.append(np.rint(square * 255).astype(np.uint8))
        titles.append(f"{k}, frame {t}")
figures.strip(
    pictures[:10],
    at=range(len(pictures[:10])),
    titles=titles[:10],
    title="What the network sees: squares around each object",
)

# %% name="cosines" slide="slide"
rows = {}
for name, title in {"random": "random network", "reid": "learned"}.items():
    first, then = embedded[name, early], embedded[name, late]
    own = [first[k] @ then[k] for k in then if k in first]
    other = [first[j] @ then[k] for k in then for j in first if j != k]
    rows[title] = {"same object": np.mean(own), "different objects": np.mean(other)}
    rows[title]["most alike of different ones"] = max(other)
figures.table(rows, title=f"Cosines of frame {early} with frame {late}", digits=2)

# %% [markdown] name="loss-text" slide="slide"
# ## Write it: the loss
#
# How does a network learn that? Xiao et al. (CVPR 2017) ask a question with many possible answers:
# *which of all objects of all training videos is this?* Such an object is called an **identity**. A
# **table** holds one embedding $v_j$ for each identity $j$. For a region with embedding $x$, the
# probability of identity $i$ is
#
# $$p_i = \frac{\exp(v_i^\top x / \tau)}{\sum_j \exp(v_j^\top x / \tau)}, \qquad
# L = -\frac{1}{N} \sum_{n=1}^{N} \log p_{i(n)}$$
#
# $\tau$ is the **temperature**: the smaller it is, the more the most similar identity counts.
# $i(n)$ is the identity of region $n$. Gradients do not change the table. Instead, after each step
# the embeddings of the identities that were just seen move toward their new values. The paper calls
# this the **OIM loss**, for online instance matching.

# %% exercise="vos_lab.methods.reid.reid_loss" points=3

# %% [markdown] name="training-text" slide="skip"
# Train with it for some seconds. An identity is an object of a procedural video. The network sees
# it at times far apart, in different light, half hidden, and with a damaged mask. The background of
# each video is an identity, too.

# %% name="training" slide="slide"
few = replace(
    training.recipe("reid"),
    batch=partial(recipe.batch, videos=4),  # drawing all of them takes minutes
    validate=partial(recipe.validate, videos=2),
    steps=16,
    validate_every=16,
)
short = training.train(few)
figures.curves(
    {"OIM loss": short.smooth_losses(4)},
    "A few seconds of training, on a few videos",
    ylabel="loss",
    xlabel="step",
    x=np.arange(1, len(short.losses) + 1),
)

# %% [markdown] name="training-explained"
# `vos-lab train reid` trains for much longer. From time to time it tests the network on videos that
# were held out: for each region, is the most similar region of the first frames the right one? The
# candidates are either the objects of all videos, or the objects and the background of the same
# video.

# %% name="card" slide="slide"
held_out = weights.card("reid")["held_out"]
names = {
    "wrong of all": "of all videos",
    "wrong of one video": "of one video",
}
figures.curves(
    {title: [each[name] for each in held_out] for name, title in names.items()},
    "Wrong identities on held-out videos",
    ylabel="share of regions",
    xlabel="step",
    x=[each["step"] for each in held_out],
)

# %% [markdown] name="recover-text" slide="slide"
# ## Write it: which proposal is which object?
#
# Now put both together. An object counts as **lost** if its mask is nearly empty, or if the mask no
# longer looks like the object. Then look at the proposals. Each proposal belongs to the object that
# it is most like. If that object is lost, and the similarity is above a threshold, the proposal may
# be it.

# %% name="threshold-quiz" slide="fragment"
quiz("10_reid", "threshold")

# %% exercise="vos_lab.methods.reid.recover_lost_objects" points=3

# %% name="recover-in-use" slide="slide"
network = load_reid()
template = region_embeddings(network, hidden.frames[0], truth[:1].astype(np.float32))
regions = np.stack([p.mask for p in proposals])
similarity = region_embeddings(network, frame, regions) @ template.T
chosen = reid.recover_lost_objects(similarity, np.array([True]), threshold=0.4)[0]
order = np.argsort(-similarity[:, 0])[:5]
figures.strip(
    [overlay(frame, (regions[p] > 0.5).astype(np.uint8), 0.6) for p in order],
    titles=[f"{similarity[p, 0]:.2f}{', chosen' if p == chosen else ''}" for p in order],
    title="The proposals again: the most similar to the object of frame 0 first",
)

# %% [markdown] name="method-text" slide="slide"
# ## The method
#
# In each frame, carry and refine the masks as Lucid does. Then compare each mask with the
# **templates** of its object: the embedding of the annotation, and those of a few recent masks that
# were sure. If an object is lost or in doubt, look at the proposals. They are rough, and pixels of
# the background in a mask change its embedding. So the most similar proposals are refined first,
# and then they have to pass a higher threshold. If one of them is chosen, the method goes on from
# there.

# %% name="forward" slide="slide"
method = learned(hidden)  # Lucid, fine-tuned on frame 0 as in lesson 08
lost = run(version(method, recover=False), hidden, progress=False)
forward = run(version(method, both_ways=False), hidden, progress=False)
gone = [t for t in range(len(hidden)) if not truth[t].any()]
curves = {
    name: np.where(truth.any(axis=(1, 2)), jaccard(masks == 1, truth), np.nan)[1:]
    for name, masks in {"propagation alone": lost, "with recovery": forward}.items()
}  # while the object is hidden, there is nothing to score
figures.curves(
    curves,
    "When the object is out again, re-identification finds it",
    ylabel="J",
    x=np.arange(1, len(hidden)),
    events={gone[0]: "hidden", gone[-1] + 1: "out again"},
)

# %% name="back-quiz" slide="fragment"
quiz("10_reid", "back")

# %% [markdown] name="both-text" slide="skip"
# (While the object is hidden, the curve has a gap, because there is nothing to score.)
#
# A stored video can be played in both directions. So go back from the frame in which the object was
# found, as long as there is a mask to carry and it looks like the object. For this, a method must
# see the whole video first: `preview(frames)`.

# %% name="both-ways" slide="slide"
both = run(version(method), hidden, progress=False)
around = [t for t in range(gone[-1] - 1, gone[-1] + 7) if t < len(hidden)]
scores = {
    name: jaccard(m == 1, truth)[around[2:]].mean()
    for name, m in {"forward only": forward, "both ways": both}.items()
}
figures.strip(
    hidden,
    {
        f"forward only: J {scores['forward only']:.2f} as it comes out": forward,
        f"both ways: J {scores['both ways']:.2f}": both,
    },
    at=around[::2],
    title="From where it was found, the mask is carried back",
)

# %% [markdown] name="departures" slide="skip"
# > **In the paper** proposals are the boxes of a detector, a large network that was trained on
# > stills and videos refines the masks, and the re-identification network was trained for people
# > and for things. **Here** proposals are the masks of a small network, Lucid carries and refines
# > the masks, and re-identification has learned the objects of procedural videos, because none of
# > the paper's networks would fit on your laptop. The paper's loss also has a queue of regions
# > without a name; ours has only the table.
#
# ## Break it
#
# Re-identification recognises an object by its looks. So give the object a twin, which is
# background, and hide the object.

# %% name="break-twin" slide="slide"
spec = procedural.Spec(occlusion=1.0, distractors=1, frames=40, size=(120, 216))
twins = procedural.render(spec, 3 * 7 + 2)
is_twin = np.stack([(twins.instances[t] > 0) & (twins.masks[t] == 0) for t in range(len(twins))])
confused = learned(twins, steps=20)
away = [t for t in range(len(twins)) if not (twins.masks[t] == 1).any()]
after = range(away[-1] + 1, len(twins))
masks = {}
for name, options in {"propagation alone": {"recover": False}, "with recovery": {}}.items():
    found = run(version(confused, **options), twins, progress=False)
    taken = (found == 1)[after][is_twin[after]].mean()
    masks[f"{name}: afterwards {taken:.0%} of the twin is taken"] = found
figures.strip(
    twins,
    masks,
    at=[0, 9, 18, 27, 36],
    title="After the object was hidden, the method takes its twin for it",
)

# %% [markdown] name="break-explained" slide="skip"
# The mask moves over to the twin, and recovery does not bring it back, because the twin is as
# similar to the object as the object itself. When the mask lies on the twin, the object does not
# even count as lost. Only the knowledge of where things are could tell the two apart.

# %% [markdown] name="claims-text" slide="skip"
# ## Claims, measured
#
# Each line is an experiment with several seeds. It says whose claim it is, and how large the effect
# has to be to matter. An effect is above zero if the claim is right.

# %% name="claims" slide="slide"
verdicts = [claims.saved(claim) for claim in claims.of_lesson("10_reid")]
figures.table(claims.summary(verdicts), title="The claims, measured", name="claim", digits=2)

# %% [markdown] name="claims-explained"
# Recovery brings a lot, but how much differs from video to video. One reason is that Lucid does not
# need a mask to see: without one it looks at the whole frame, and sometimes it finds the object by
# itself. Going both ways brings only a little, because the object is mostly found within a few
# frames. But it improves the frames in which the object comes out, and a method that only goes
# forward cannot do that.
#
# ## On real video

# %% name="leaderboard" slide="slide"
shown = {
    "lucid": "Lucid",
    "pixel-retrieval": "pixel retrieval",
    "reid": "ReID, both ways",
    "reid-one-way": "ReID, forward only",
    "reid-without-recovery": "without recovery",
}
rows = bench.compared(shown, "J", "F", "s per frame")
figures.table(rows, title="Five sequences of DAVIS 2016, and five drawn ones", digits=2)

# %% [markdown] name="leaderboard-explained"
# On these sequences recovery does *not* help: J is {{board davis2016 reid J}} with it and {{board
# davis2016 reid-without-recovery J}} without it. Hardly anything in these videos is out of sight
# for long, so there is little to recover. The proposals come from a network that has seen only
# drawings, and on real objects they are rarely right (lesson 11). Going both ways changes nothing:
# forward only, J is {{board davis2016 reid-one-way J}}.
#
# *Without recovery* the method is Lucid, so its J should be that of Lucid, {{board davis2016 lucid
# J}}. It
# is not quite the same. Probably the two programs add up numbers in another order, and then a
# fine-tuning ends at other weights. So do not trust a difference of that size in this table.

# %% name="real" tags=["real-data"]
real = example("bmx-trees")
if real is not None:
    real = real.part(0, 40).resized(240)
    real_truth = np.stack(list(real.masks)) == 1
    real_method = ReIDVOS(steps=20)
    real_found = run(real_method, real, progress=False)
    print(f"{real.name}: J {jaccard(real_found == 1, real_truth)[1:].mean():.2f}")
    display(Player(real, {"ReID": real_found}, title="Behind trees, and out again"))

# %% [markdown] name="challenge-text" slide="skip"
# ## Beat this score
#
# Two videos: in one the object gets hidden, in the other its twin walks about. When is an object
# lost, and how similar must a proposal be to be the object? Put your answer below in the place of
# `None`. It takes about as long as two fine-tunings. Your best score is kept.

# %% name="challenge"
answer = None  # for example: lambda: ReIDVOS(min_similarity=0.8)
beat("10_reid", answer)

# %% [markdown] name="summary" slide="slide"
# ## Remember
#
# - Propagation knows where an object was; re-identification knows what it looks like. Each of them
#   can help where the other one fails.
# - The loss asks which of all identities a region is. At test time only the embedding is used.
# - While the object is hidden, it is right to find nothing.
#
# **Next.** In [lesson 11](11_premvos.ipynb) proposals are the whole method: PReMVOS chooses among
# them, frame by frame, with several scores, and re-identification is one of these.
#
# **Papers.** X. Li et al., *Video Object Segmentation with Re-identification*, CVPR Workshops 2017
# (further reading of the lecture). T. Xiao, S. Li, B. Wang, L. Lin and X. Wang, *Joint Detection
# and Identification Feature Learning for Person Search*, CVPR 2017.
