# %% [markdown] name="title" minutes=75 needs=["08_masktrack", "09_pixel_retrieval"] builds="refined proposals, five scores, greedy merging" slide="slide"
# # PReMVOS: propose much, then choose
#
# None of the methods of the earlier lessons is always right, but in each frame one of them often
# is. So take the masks of all of them, call them proposals, and choose one for each object. In this
# lesson you build this choice. It takes only milliseconds, so you can change its weights and watch
# what happens.
#
# Look at the two people after they have crossed. **What went wrong, and what would a method have to
# know to avoid it?**

# %% [markdown] name="instructor" tags=["instructor"] slide="notes"
# **For the instructor**
#
# | section | minutes |
# | --- | --- |
# | three objects cross; proposals, and how many are needed | 15 |
# | a closer look (exercise `refine_proposals`) | 15 |
# | five scores (`proposal_scores`), the weights | 20 |
# | which object gets which proposal (`merge_greedily`) | 15 |
# | break it, claims, questions | 10 |
#
# *What usually goes wrong.* The inverse score is taken over all objects, its own among them. With
# one object it has no maximum. The objects choose one after the other. Where two masks overlap, the
# later one paints over the better one. Refined masks stay in their window. The check has a message
# for each of these.
#
# *Show live.* The weights. Let somebody find weights that lose an object, and explain why, before
# you set them back.
#
# *Ask the room.* When does "the best pair first" not give the largest sum? Is it worth the effort
# to search for the largest sum?

# %% name="imports" slide="skip"
import time
from collections.abc import Sequence

import cv2
import matplotlib
import numpy as np
import torch
from torch import nn

from vos_lab import bench, claims
from vos_lab.course import beat, check, hint, quiz
from vos_lab.datasets import procedural
from vos_lab.datasets.davis import example
from vos_lab.flow import estimate
from vos_lab.methods import premvos, run
from vos_lab.methods.flow_propagation import propagate_mask
from vos_lab.methods.masktrack import MARGIN, ZOOM, crop_and_zoom
from vos_lab.methods.networks import as_input
from vos_lab.methods.pixel_retrieval import PixelRetrieval
from vos_lab.methods.premvos import PReMVOS, ScoreWeights, expand_by_flow
from vos_lab.methods.premvos_fused import LEAST_DOUBT, fuse_masks
from vos_lab.methods.proposals import mask_iou, proposal_recall, proposer
from vos_lab.methods.resolution import resized, working_size
from vos_lab.metrics import jaccard
from vos_lab.training.recipes.proposals import things
from vos_lab.video import OBJECT_COLOURS, overlay
from vos_lab.view import figures
from vos_lab.view.widgets.premvos import MergeExplorer, record
from vos_lab.view.widgets.player import Player

# %% name="picture" tags=["picture"]
small = {"frames": 24, "size": (120, 216)}
clip = procedural.render(procedural.Spec(objects=3, camera_motion=0.2, speed=0.6, **small), 11)
figures.clip(
    clip,
    run(PixelRetrieval(), clip, progress=False),
    alt="A striped animal and two people pass each other in the snow. Coloured masks follow them, "
    "and mix after one of the people was behind the others.",
    height=140,
    most_bytes=60_000,
)

# %% name="problem" slide="slide"
small = {"frames": 24, "size": (120, 216)}
clip = procedural.render(procedural.Spec(objects=3, camera_motion=0.2, speed=0.6, **small), 11)
truth, objects = np.stack(list(clip.masks)), (1, 2, 3)
retrieved = run(PixelRetrieval(), clip, progress=False)
for k in objects:
    print(f"object {k}: J {jaccard(retrieved == k, truth == k)[1:].mean():.2f}")

# %% [markdown] name="problem-text" slide="skip"
# Pixel retrieval follows all three at once. Then one of the two people walks behind the animal, and
# behind the other person. Afterwards heads are missing, and feet have the colour of another object.
# Each pixel decides on its own, so nothing makes sure that a mask is a whole thing.

# %% name="prediction" slide="fragment"
quiz("11_premvos", "choose")

# %% [markdown] name="goals" slide="skip"
# After this lesson you can
#
# - measure proposals by their recall, and say why recall is what counts,
# - refine a rough mask by a closer look into its box,
# - score each proposal for each object in five ways, and say what each score cannot know,
# - merge: give each object a proposal, and each pixel an object,
# - change the weights, and show what goes wrong when one score decides alone.
#
# You need lessons 08 and 09; lesson 10 helps. It takes about 75 minutes.
#
# ## Propose
#
# You know **proposals** from lesson 06: masks of things, whatever they are. Their **objectness**
# says how well they hold one whole thing. Here a small network makes them. It knows no classes, and
# it has never seen our clip.
#
# > **In the paper** the proposals come from Mask R-CNN; before that, SharpMask was often used.
# > **Here** a small network takes its place, because your machine may have no network to download
# > from. If its weights can be downloaded, `proposer("mask-rcnn")` takes Mask R-CNN.

# %% name="proposals" slide="slide"
look = 18  # all three are in sight again
proposing = proposer("small")
best = proposing.propose(clip.frames[look])[:6]
figures.strip(
    [overlay(clip.frames[look], (p.mask > 0.5).astype(np.uint8), 0.6) for p in best],
    titles=[f"objectness {p.objectness:.2f}" for p in best],
    title=f"The six best proposals of frame {look}",
    alt="One frame six times, each with another thing in colour, and its objectness above it.",
    most_bytes=22_000,
)

# %% [markdown] name="recall-text" slide="slide"
# Later we decide which of them are right. Now only one thing counts: is there a good mask for each
# object *among* them? The **recall** is the share of things for which at least one of the first $n$
# proposals is good.

# %% name="recall" slide="slide"
both = proposer("joint")  # and the parent of OSVOS; each looks at the frame in two sizes
pictures, found = [], {proposing: [], both: []}
for video in procedural.suite("mixed", length=8, frames=20):
    frame, labels = things(video, 10)
    masks = [labels == n for n in np.unique(labels) if 0 < n < 255]
    pictures.append(np.stack([mask for mask in masks if mask.sum() >= 40] or [masks[0]]))
    for each, of_each in found.items():
        of_each.append(np.stack([p.mask > 0.5 for p in each.propose(frame)]))
numbers = np.arange(1, 21)
figures.curves(
    {
        f"{who}, IoU {iou}": [proposal_recall(found[each], pictures, n, iou) for n in numbers]
        for who, each in {"one network": proposing, "two networks": both}.items()
        for iou in (0.5, 0.7)
    },
    "Two networks find more things than one, with the same number of proposals",
    ylabel="recall",
    xlabel="proposals of each frame",
    x=numbers,
)

# %% [markdown] name="recall-explained" slide="skip"
# `proposer("joint")` asks a second network, the parent of OSVOS (lesson 05). It says of each pixel
# how surely it is of any object, and each connected part of this map, cut at several heights, is a
# proposal. Both networks look at the frame in full size and reduced.
#
# More proposals are not always better. On eight validation videos we gave PReMVOS the proposals of
# both networks, for each object the two that look most like it. Its J&F was lower than without any
# network. Probably a wrong mask has the highest sum of scores more often where there are more
# masks. So `PReMVOS()` takes only the two best of the small network.

# %% [markdown] name="expand-text" slide="slide"
# ## Expand
#
# If the network overlooks a thing in this frame, it may have found it in the last one. So carry the
# best proposals of the last frame along the flow. Each time, multiply their objectness by 0.9.

# %% name="expand-quiz" slide="fragment"
quiz("11_premvos", "expand")

# %% name="expand-in-use" slide="slide"
wanted = [np.stack([mask == k for k in objects]) for mask in truth[1:]]
made = [proposing.propose(frame)[:6] for frame in clip.frames]
expanded = []
for t in range(1, len(clip)):
    flow = estimate(clip.frames[t], clip.frames[t - 1], "dis")  # back to the last frame
    expanded.append(made[t][:3] + expand_by_flow(made[t - 1][:3], flow))
ways = {
    "three of the network": [best[:3] for best in made[1:]],
    "six of the network": made[1:],
    "three, and three of the last frame": expanded,
}
rows = {}
for way, of_frames in ways.items():
    found = [np.stack([p.mask > 0.5 for p in proposals]) for proposals in of_frames]
    rows[way] = {
        f"recall at IoU {iou}": proposal_recall(found, wanted, 6, iou) for iou in (0.5, 0.7)
    }
figures.table(rows, title="The three objects, in 23 frames", name="proposals", digits=2)

# %% [markdown] name="learned-text" slide="slide"
# ## Add proposals of methods that have learned the objects
#
# The first frame shows which objects we want. So the methods that learn from it propose as well:
# pixel retrieval, and the mean of pixel retrieval and OSVOS. Which of them is right differs from
# frame to frame. Each proposal also gets a refined copy; more about that below. Here all proposals
# of all frames are made, once. The rest of the lesson chooses among them.

# %% name="recorded" slide="slide"
begun = time.perf_counter()
method = PReMVOS(steps=80, refinement_steps=30)
candidates = record(method, clip)
print(
    f"{sum(len(each.masks) for each in candidates)} proposals of {len(candidates)} frames, in "
    f"{time.perf_counter() - begun:.0f} s"
)
sharp = [each.masks > 0.5 for each in candidates]
rows["all, refined"] = {
    f"recall at IoU {iou}": proposal_recall(sharp, wanted, 99, iou) for iou in (0.5, 0.7)
}
figures.table(rows, title="With those that have learned", name="proposals", digits=2)

# %% [markdown] name="refine-text" slide="slide"
# ## Write it: a closer look
#
# A proposal consists of cells of 4 x 4 pixels, or it comes from a flow that was a little wrong. So
# its outline is rough. Take the **window** around it and enlarge it, as in lesson 08. There the
# network with the fourth channel turned the last mask into this one; here it turns a proposal into
# a better one. The cell above has fine-tuned it on Lucid frames of frame 0.

# %% exercise="vos_lab.methods.premvos.refine_proposals" points=3

# %% name="refine-in-use" slide="slide"
frame, network = clip.frames[look], method.refinement.network.eval()
pictures, titles = [], []
for k in objects:
    cells = resized((truth[look] == k).astype(np.float32), (15, 27))  # of 8 x 8 pixels
    rough = np.kron(cells, np.ones((8, 8), np.float32))
    (close,) = premvos.refine_proposals(network, frame, [rough], working_size(clip.size, ZOOM))
    for soft in (rough, close):
        pictures.append(overlay(frame, (k * (soft > 0.5)).astype(np.uint8), 0.5))
        titles.append(f"J {jaccard(soft > 0.5, truth[look] == k):.2f}")
figures.strip(
    pictures,
    titles=titles,
    title="Each object as a rough proposal, and after a closer look",
    most_bytes=22_000,
)

# %% [markdown] name="scores-text" slide="slide"
# ## Write it: five scores
#
# Now each proposal $p$ gets a score for each object $k$. You can ask three questions: is it a whole
# thing? Does it look like the object? Is it where the object should be by its motion?
#
# - **objectness** $o_p$,
# - **re-identification** $r_{pk}$, from 0 to 1: a network that was trained to recognise objects
#   compares the proposal with the object of frame 0 (lesson 10),
# - **flow** $f_{pk}$: the IoU of the proposal with the object's last mask, carried along the flow.
#
# Two more questions ask for the opposite: does the proposal fit *another* object better? These are
# the **inverse scores**, $1 - \max_{j \ne k} r_{pj}$ and $1 - \max_{j \ne k} f_{pj}$. The weighted
# sum of all five scores decides. The weights add up to 1, so no sum is larger than 1.

# %% name="inverse-quiz" slide="fragment"
quiz("11_premvos", "inverse")

# %% exercise="vos_lab.methods.premvos.proposal_scores" points=3

# %% name="scores-in-use" slide="slide"
there = candidates[look - 1]
first = np.stack([truth[0] == k for k in objects]).astype(np.float32)
last = premvos.merge_video(candidates[: look - 1], first)[-1]
carried = np.stack([propagate_mask(mask, there.flow) > 0.5 for mask in last])
flow_iou = mask_iou(there.masks > 0.5, carried)
_, scores = premvos.merge(there, last, premvos.SCORE_WEIGHTS)  # which calls your function
pictures = {
    f"object {k}: {scores[p, k - 1]:.2f}": overlay(frame, k * np.uint8(there.masks[p] > 0.5), 0.6)
    for k in objects
    for p in np.argsort(-scores[:, k - 1])[:2]
}
figures.strip(
    list(pictures.values()),
    titles=list(pictures),
    title=f"Frame {look}: the two best proposals of each object, with their sums",
    alt="One frame six times: for each of the three objects the mask of its best and of its second "
    "best proposal, with the weighted sum of their scores above it.",
    most_bytes=22_000,
)

# %% name="scores-compared" slide="slide"
first_choice, second_choice = np.argsort(-scores[:, 1])[:2]
parts = {}
for n, name in enumerate(("objectness", "ReID", "flow", "inverse ReID", "inverse flow")):
    alone = premvos.proposal_scores(there.objectness, there.reid, flow_iou, np.eye(5)[n])[:, 1]
    parts[name] = {"its best proposal": alone[first_choice], "the next": alone[second_choice]}
figures.bars(
    parts,
    "Object 2: what speaks for its best proposal, and what for the next one",
    xlabel="score (0 to 1), before it is multiplied by its weight",
    digits=2,
)

# %% [markdown] name="weights-text" slide="slide"
# ## How much should each score count?
#
# When you change a weight, the whole clip is merged again. The proposals stay the same, and only
# the ratios of the weights count. Use one score alone, and see what it does not know. Then try to
# find weights that are better than ours.

# %% name="weights" slide="slide"
MergeExplorer(clip, candidates, frame=look)

# %% [markdown] name="merge-text" slide="slide"
# ## Write it: which object gets which proposal?
#
# A table of scores is not yet a mask. Two objects may like the same proposal best, and two
# proposals may overlap. Our merging is **greedy**: it takes the pair with the best score of the
# whole table, then the best pair of what is left, and so on. If no proposal has a score of at least
# 0.6 for an object, the object counts as hidden. Below you see it step by step.
#
# > **In the released code of the paper** each object simply takes the proposal that scores best for
# > it. Two objects may take the same proposal, and where masks overlap, the object with the higher
# > score gets the pixel. No pair is ruled out because another one was better. The weights of that
# > code are .26 for objectness, .23 for ReID, .08 for inverse ReID, .13 for flow and .31 for
# > inverse flow, and it multiplies the IoU of the flow by the last score of the object. **Here** a
# > proposal is taken only once, because two objects cannot be the same thing. We chose the weights
# > on drawn validation videos, and the IoU of the flow counts as it is.
#
# Flow cannot know where a hidden object will come out. So for a hidden object the two scores of
# flow do not count, and the weights of the others are raised. Also, the score has to be a little
# higher than for an object in plain sight: we subtract 0.05 from it.

# %% name="greedy-quiz" slide="fragment"
quiz("11_premvos", "greedy")

# %% exercise="vos_lab.methods.premvos.merge_greedily" points=3


# %% name="merge-moving" slide="slide"
def step_of_merging(pairs):
    """The frame with the masks that are given so far, and the table with the pairs that are out."""
    masks, table = np.zeros(there.masks.shape[1:], np.uint8), scores.copy()
    for p, k in pairs:
        masks[(there.masks[p] > 0.5) & (masks == 0)] = k + 1
        table[p], table[:, k] = np.nan, np.nan
    shades = matplotlib.colormaps["cividis"](np.nan_to_num(table))[..., :3] * 255
    shades[np.isnan(table)] = 255
    for p, k in pairs:
        shades[p, k] = OBJECT_COLOURS[k + 1]
    cells = cv2.resize(np.uint8(shades), (90, 120), interpolation=cv2.INTER_NEAREST)
    return np.hstack([overlay(frame, masks, 0.6), np.full((120, 6, 3), 255, np.uint8), cells])


chosen, _ = premvos.merge_greedily(there.masks > 0.5, scores, premvos.MIN_SCORE)
pairs = sorted(((p, k) for k, p in enumerate(chosen) if p >= 0), key=lambda pair: -scores[pair])
figures.clip(
    [step_of_merging(pairs[:n]) for n in (*range(len(pairs) + 1), len(pairs))],
    alt="Left a frame, right a table with a row for each proposal and a column for each object. In "
    "each step the brightest cell is taken: its mask appears, and its row and column become white.",
    fps=0.8,
    height=160,
    opacity=0.0,
)

# %% name="merge-in-use" slide="slide"
sharp = there.masks > 0.5
chosen, owner = premvos.merge_greedily(sharp, scores, premvos.MIN_SCORE)
for k, p in zip(objects, chosen, strict=True):
    j = jaccard(owner == k, truth[look] == k)
    gets = f"gets proposal {p}, with a score of {scores[p, k - 1]:.2f}" if p >= 0 else "is hidden"
    print(f"object {k} {gets}: J {j:.2f}")
covered = (sharp[chosen[chosen >= 0]].sum(axis=0) > 1).astype(np.uint8)
figures.strip(
    [frame] * 3,
    [covered, owner, truth[look]],
    titles=["wanted by two", "merged", "truth"],
    title=f"Frame {look}: what two objects want goes to the higher score",
    alt="A frame three times: pixels that two objects want, the merged masks, and the true ones.",
    most_bytes=22_000,
)

# %% [markdown] name="method-text" slide="skip"
# That is the method: propose, expand, refine, score and merge, frame by frame.

# %% name="method" slide="slide"
begun = time.perf_counter()
merged = premvos.merge_video(candidates, first)
print(f"merged in {1000 * (time.perf_counter() - begun) / len(merged):.0f} ms a frame")
of_frame = {
    "PReMVOS": [
        np.mean([jaccard(m > 0.5, w) for m, w in zip(*pair, strict=True)])
        for pair in zip(merged, wanted, strict=True)
    ],
    "pixel retrieval": np.mean(
        [jaccard(retrieved[1:] == k, truth[1:] == k) for k in objects], axis=0
    ),
}
figures.curves(
    of_frame,
    "Mean J with all proposals, and of pixel retrieval alone",
    ylabel="mean J",
    x=np.arange(1, len(clip)),
)

# %% [markdown] name="fuse-text" slide="slide"
# ## Beyond the paper: fuse instead of choosing
#
# When an object takes a proposal, it also takes all the mistakes in it. But methods that work in
# different ways make their mistakes in different places. So we ask OSVOS, pixel retrieval and
# MaskTrack for each pixel how sure they are that it is object, and average their log-odds. Where
# most of them are sure, the pixel stays; where only one of them is wrong, the others correct it.
# This idea is ours, not the paper's.
#
# The scores can be the weights of this average. With a low temperature only the best mask counts,
# as in the greedy choice. With an infinite temperature all masks count the same.

# %% show="vos_lab.methods.premvos_fused.fuse_masks"

# %% name="fuse-in-use" slide="slide"
retrieval, tracker = PixelRetrieval(), method.refinement  # which is a MaskTrack
retrieval.start(clip.frames[0], clip.first_mask)
said = []
for seen in list(clip.frames)[1:]:
    tracker.step(seen)
    cells = {k: resized(soft, clip.size) for k, soft in retrieval.soft(seen).items()}
    said.append([method.osvos.probabilities(seen), cells, tracker.soft.copy()])
voices = {
    name: np.stack([[of_frame[n][k] for k in objects] for of_frame in said])  # (T - 1, K, h, w)
    for n, name in enumerate(["OSVOS", "pixel retrieval", "MaskTrack"])
}
together, alike = np.stack(list(voices.values())), np.zeros(3)
voices["fused"] = np.stack(
    [
        [fuse_masks(together[:, t, k], alike, np.inf) for k in range(len(objects))]
        for t in range(len(said))
    ]
)
figures.strip(
    [clip.frames[look]] * 4,
    [(3 * (soft[look - 1, 2] > 0.5)).astype(np.uint8) for soft in voices.values()],
    titles=[
        f"{name}: J {jaccard(soft[look - 1, 2] > 0.5, truth[look] == 3):.2f}"
        for name, soft in voices.items()
    ],
    title=f"Object 3 in frame {look}: the masks of three methods, and the fused one",
    alt="One frame four times with the mask of object 3: of OSVOS, of pixel retrieval, of "
    "MaskTrack, and fused from the three.",
    most_bytes=22_000,
)

# %% name="fuse-table" slide="slide"
rows = {
    name: {
        f"J of object {k}": jaccard(soft[:, k - 1] > 0.5, truth[1:] == k).mean() for k in objects
    }
    for name, soft in (voices | {"PReMVOS": np.stack(merged)}).items()
}
figures.table(rows, title="This clip, frames 1 to 23", name="masks", digits=2)

# %% [markdown] name="fuse-explained" slide="skip"
# One clip proves nothing; the leaderboard below shows what fusing does on real video. The class
# `FusedPReMVOS` is this as a method. Its MaskTrack looks at the mirror image of each frame as well,
# as OSVOS does. Its three members never see the fused mask. On validation videos that was better
# than to let them go on from it. With the scores as weights J was lower there, too.

# %% [markdown] name="departures" slide="skip"
# > **In the paper** the proposals come from Mask R-CNN, trained on photographs, and from a copy of
# > it that is fine-tuned on Lucid frames of each first frame. **Here** a small network proposes
# > that was trained on drawn videos, in the spirit of SOLOv2. In the place of the fine-tuned copy,
# > OSVOS and pixel retrieval propose what they have learned, because the course has them already.
#
# > **In the paper** a large network of its own refines the proposals, and its answer replaces the
# > proposal. **Here** MaskTrack's network does it, fine-tuned on Lucid frames. It is not always
# > right, so the old proposal stays, and the mean of the two is one more proposal.
#
# > **In the paper** proposals are expanded by flow, no object is ever taken to be hidden, and the
# > ReID network was trained on real objects. **Here** expansion is off in `PReMVOS()`, because it
# > lowers J (see below), and the ReID network was trained on drawn objects, with the OIM loss.
#
# ## Break it
#
# What goes wrong if one score decides alone? First take flow alone. The person with the blue mask
# walks behind the animal.

# %% name="alone-quiz" slide="fragment"
quiz("11_premvos", "alone")

# %% name="break-flow" slide="slide"
ways = {
    "flow alone": ScoreWeights(0, 0, 1, 0, 0),
    "ReID alone": ScoreWeights(0, 1, 0, 0, 0),
    "all five": premvos.SCORE_WEIGHTS,
}
second = {
    way: np.stack([m[1] > 0.5 for m in premvos.merge_video(candidates, first, weights, least=0)])
    for way, weights in ways.items()  # with least=0, each takes the best there is
}
figures.curves(
    {way: jaccard(found, truth[1:] == 2) for way, found in second.items()},
    "Object 2 is hidden, and comes out: which scores find it again?",
    ylabel="J of object 2",
    x=np.arange(1, len(clip)),
    events={3: "behind the animal", 16: "out again"},
)

# %% [markdown] name="break-flow-explained" slide="skip"
# Flow knows where the object was, but not what it looks like. When it has lost the object, it finds
# it again only by luck.
#
# Now take re-identification alone. Here is an object with a twin, which is background.

# %% name="break-record" slide="skip"
twins = procedural.suite("distractors", length=4, **small)[3]
quick = PReMVOS(without=("appearance", "refinement"))  # then nothing has to be learned
made = record(quick, twins)
seen = np.stack(list(twins.masks)) == 1
is_twin = np.stack([labels > 0 for labels in twins.instances]) & ~seen
rows, masks = {}, {}
for way, weights in ways.items():
    found = premvos.merge_video(made, seen[:1].astype(np.float32), weights, least=0)
    found = np.stack([seen[0], *(soft[0] > 0.5 for soft in found)])
    masks[way] = found.astype(np.uint8)
    rows[way] = {"J": jaccard(found, seen)[1:].mean(), "share of the twin": found[is_twin].mean()}
figures.table(rows, title="ReID alone takes the twin for the object", name="weights", digits=2)

# %% name="break-reid" slide="slide"
figures.strip(
    twins,
    {way: masks[way] for way in ("ReID alone", "all five")},
    at=[0, 6, 12, 18, 23],
    title="ReID knows what the object looks like, but not where it can be",
    most_bytes=22_000,
)

# %% [markdown] name="break-explained"
# Each score alone has a weakness, and another score makes up for it. Try `MergeExplorer(twins,
# made)`: which weights are best here? And what changes with `least=0` and with `least=0.7`?
#
# ## Claims, measured
#
# Each bar is an experiment with several seeds: by how much does an ingredient raise J&F? An effect
# of 0.02 or more would matter. "Paper" means that Luiten et al. claim it; "ours" means that we do.

# %% name="claims" slide="slide"
verdicts = {each.name: claims.saved(each) for each in claims.of_lesson("11_premvos")}
print(verdicts.pop("11_premvos/fused"))  # which is no ingredient
in_words = {"reid": "re-identification", "retrieval": "pixel retrieval", "appearance": "OSVOS"}
in_words |= {"inverse": "inverse scores", "proposals": "proposal network"}
ranked = {}
for verdict in sorted(verdicts.values(), key=lambda verdict: -verdict.mean):
    part = verdict.claim.name.partition("/")[2]
    whose = "ours" if verdict.claim.source.startswith("ours") else "paper"
    ranked[f"{in_words.get(part, part)} ({whose})"] = verdict
sure = [name for name, verdict in ranked.items() if verdict.low > 0]
print(f"the whole interval is above zero for: {', '.join(sure) or 'none of them'}")
figures.bars(
    {name: verdict.mean for name, verdict in ranked.items()},
    "What each ingredient brings, the largest effect first",
    xlabel="J&F with the ingredient minus J&F without it, with 95 % interval",
    intervals={name: (verdict.low, verdict.high) for name, verdict in ranked.items()},
    digits=2,
)

# %% [markdown] name="claims-explained"
# What proposes was measured on six videos: pixel retrieval brings {{claim 11_premvos/retrieval}},
# OSVOS {{claim 11_premvos/appearance}}, and the proposals of the small network {{claim
# 11_premvos/proposals}} when the others are there. Expansion brings {{claim 11_premvos/expansion}},
# so it is off in `PReMVOS()`.
#
# The scores were measured on ten videos. There all variants choose among the same proposals, and no
# object is taken to be hidden. Why? Without one of the scores the sums are others, and the same
# threshold hides other objects. Under the threshold the inverse scores had seemed to help much;
# without it they bring {{claim 11_premvos/inverse}}, re-identification {{claim 11_premvos/reid}},
# flow {{claim 11_premvos/flow}} and objectness {{claim 11_premvos/objectness}}. No score alone is
# sure to help. We chose the weights on twelve validation videos. Can you choose better ones?
#
# Fusing the masks of three methods instead of choosing one brings {{claim 11_premvos/fused}} on the
# same ten videos, with an interval from {{claim 11_premvos/fused low}} to {{claim 11_premvos/fused
# high}}.
#
# ## On real video

# %% name="leaderboard" slide="slide"
board = bench.leaderboard("davis2016")
shown = {
    "baseline": "first mask copied",
    "osvos": "OSVOS",
    "pixel-retrieval": "pixel retrieval",
    "masktrack": "MaskTrack",
    "lucid": "Lucid",
    "premvos": "PReMVOS",
    "premvos-with-expansion": "PReMVOS, with expansion",
    "premvos-long-parents": "PReMVOS, longer parents",
    "premvos-fused": "PReMVOS, fused",
}
rows = bench.compared(shown, "J", "F", "s to start", "s per frame")
figures.table(rows, title="Five sequences of DAVIS 2016, and five drawn ones", digits=2)

# %% [markdown] name="leaderboard-explained"
# On these five sequences PReMVOS has J {{board davis2016 premvos J}}. Pixel retrieval, one of its
# parts, has {{board davis2016 pixel-retrieval J}}, OSVOS has {{board davis2016 osvos J}}, and
# OnAVOS of lesson 07, which goes on learning, has {{board davis2016 onavos J}}. On the five drawn
# videos PReMVOS has {{board mixed premvos J}}, OnAVOS {{board mixed onavos J}}, and pixel retrieval
# {{board mixed pixel-retrieval J}}.
#
# Fusing OSVOS, pixel retrieval and MaskTrack pixel by pixel has J {{board davis2016 premvos-fused
# J}}, more than any of the three alone and than any other method of the lessons so far. It is also
# faster than PReMVOS, because nothing is refined and no proposal network is asked.

# %% name="ingredients" slide="slide"
whole = board["premvos"]["overall"]["J"]["mean"]
parts = {name.removeprefix("premvos-without-"): row["overall"] for name, row in board.items()}
lost = {
    in_words.get(name, name): whole - row["J"]["mean"]
    for name, row in parts.items()
    if f"premvos-without-{name}" in board
}
figures.bars(
    dict(sorted(lost.items(), key=lambda part: -part[1])),
    "What PReMVOS loses on real video without each of its parts",
    xlabel="J of PReMVOS minus J without this part, five sequences of DAVIS 2016",
    digits=2,
)

# %% [markdown] name="ingredients-explained"
# Each bar says how much lower J is without this part. A difference of one or two hundredths is not
# larger than that between two seeds. These sequences have only one object, so the inverse scores
# are always 1 and choose nothing. Still, J falls without them. Probably the reason is that then all
# sums are smaller, and more masks fall below the score at which an object counts as hidden.
#
# The proposal network has seen only drawings. A method can only choose among what is proposed, and
# it proposes few of these real objects; the two networks together meet twice as many of them, but
# still fewer than a third. The network of the paper was trained on photographs.

# %% name="real" tags=["real-data"]
real = example("camel")
if real is not None:
    real = real.part(0, 24).resized(240)
    real_truth = np.stack(list(real.masks)) == 1
    real_found = run(PReMVOS(steps=40, refinement_steps=15), real, progress=False)
    print(f"{real.name}: J {jaccard(real_found == 1, real_truth)[1:].mean():.2f}")
    display(Player(real, {"PReMVOS": real_found}, title="Chosen among a dozen, frame by frame"))

# %% [markdown] name="challenge-text" slide="skip"
# ## Beat this score
#
# Two videos: in one a twin walks about, in the other two objects come and go. How much should each
# score count, and which proposals are missing? Put your answer below in the place of `None`. To
# measure it takes some minutes. Your best score is kept.

# %% name="challenge"
answer = None  # for example: lambda: PReMVOS(expansion=True)
beat("11_premvos", answer)

# %% [markdown] name="summary" slide="slide"
# ## Remember
#
# - First make sure that a good mask is among the proposals; it does not matter which method makes
#   it. Then choose.
# - Each score knows one thing: whether it is a whole object, what it looks like, or where it is.
#   When one of them is wrong, their sum can still be right.
# - The inverse scores ask whether a proposal fits another object better. In the merging, the best
#   pair comes first.
# - Methods that work differently err in different places. The mean of their log-odds at each pixel
#   can be better than each of them, and than a choice among them.
#
# **Next.** PReMVOS is put together by hand, from many parts. In lesson 12 a single network learns
# to segment a video, and hands on a state from frame to frame.
#
# **Papers.** J. Luiten, P. Voigtlaender and B. Leibe, *PReMVOS: Proposal-generation, Refinement and
# Merging for Video Object Segmentation*, ACCV 2018. K. He, G. Gkioxari, P. Dollár and R. Girshick,
# *Mask R-CNN*, ICCV 2017. P. O. Pinheiro, T.-Y. Lin, R. Collobert and P. Dollár, *Learning to
# Refine Object Segments* (SharpMask), ECCV 2016. X. Wang, R. Zhang, T. Kong, L. Li and C. Shen,
# *SOLOv2: Dynamic and Fast Instance Segmentation*, NeurIPS 2020.
