# %% [markdown] name="title" minutes=75 needs=["08_masktrack", "09_pixel_retrieval"] builds="refined proposals, five scores, greedy merging" slide="slide"
# # PReMVOS: propose much, then choose
#
# No idea of the lessons before is always right, and in each frame one of them often is. So take
# the masks of all of them, call them proposals, and let the objects choose. In this lesson you
# build the choice. It takes milliseconds, so you can turn its weights and watch.
#
# Look at the two people after they have crossed. **What went wrong, and who could have known?**

# %% [markdown] name="instructor" tags=["instructor"] slide="notes"
# **For the instructor**
#
# | section | minutes |
# | --- | --- |
# | three objects cross; proposals and how many one needs | 15 |
# | a closer look (exercise `refine_proposals`) | 15 |
# | five scores (`proposal_scores`), the weights | 20 |
# | who gets what (`merge_greedily`) | 15 |
# | break it, claims, questions | 10 |
#
# *What usually goes wrong.* The inverse score is taken over all objects, its own among them. With
# one object it has no maximum. The objects choose one after the other. Where two masks overlap,
# the later one paints over the better one. Refined masks stay in their window. Each has a message
# of its own in the check.
#
# *Show live.* The weights. Let somebody find weights that lose an object, and say why before you
# turn them back.
#
# *Ask the room.* When is the best pair first not the best sum? Is it worth to look for the best?

# %% name="imports" slide="skip"
import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from vos_lab import bench, claims
from vos_lab.course import check, hint, quiz
from vos_lab.datasets import procedural
from vos_lab.datasets.davis import example
from vos_lab.flow import estimate
from vos_lab.methods import premvos, run
from vos_lab.methods.flow_propagation import propagate_mask
from vos_lab.methods.masktrack import MARGIN, ZOOM, crop_and_zoom
from vos_lab.methods.networks import as_input
from vos_lab.methods.pixel_retrieval import PixelRetrieval
from vos_lab.methods.premvos import PReMVOS, ScoreWeights, expand_by_flow
from vos_lab.methods.proposals import mask_iou, proposal_recall, proposer
from vos_lab.methods.resolution import resized, working_size
from vos_lab.metrics import jaccard
from vos_lab.training.recipes.proposals import things
from vos_lab.video import overlay
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
# Pixel retrieval follows all three at once. Then one of the two people goes behind the animal, and
# behind the other one. Afterwards heads are missing, and feet have the colour of somebody else.
# Each pixel decides on its own, and nobody asks whether a mask is a thing.

# %% name="prediction" slide="fragment"
quiz("11_premvos", "choose")

# %% [markdown] name="goals" slide="skip"
# After this lesson you can
#
# - measure proposals by their recall, and say why recall is what counts,
# - refine a rough mask by a closer look into its box,
# - score each proposal for each object in five ways, and say what each of them cannot know,
# - merge: give each object a proposal, and each pixel an object,
# - turn the weights, and provoke what goes wrong when one score decides alone.
#
# You need lessons 08 and 09; lesson 10 helps. It takes about 75 minutes.
#
# ## Propose
#
# A **proposal** is the mask of a thing, whatever thing it is. Its **objectness** says how well it
# holds one whole thing. Here a small network proposes, which knows no classes and nothing about
# our clip. The paper takes Mask R-CNN; before it, SharpMask was much used. Where its weights can be
# downloaded, `proposer("mask-rcnn")` is ours.

# %% name="proposals" slide="slide"
look = 18  # all three are in sight again
proposing = proposer("small")
best = proposing.propose(clip.frames[look])[:6]
figures.strip(
    [overlay(clip.frames[look], (p.mask > 0.5).astype(np.uint8), 0.6) for p in best],
    titles=[f"objectness {p.objectness:.2f}" for p in best],
    title=f"The six best proposals of frame {look}",
    alt="One frame six times, each with another thing in colour, and its objectness above it.",
)

# %% [markdown] name="recall-text" slide="slide"
# Which of them are right will be decided later. Now one thing counts: is there a good mask for
# each object *among* them? The share of things that are met by at least one of the first $n$
# proposals is their **recall**.

# %% name="recall" slide="slide"
pictures, found = [], []
for video in procedural.suite("mixed", length=8, frames=20):
    frame, labels = things(video, 10)
    masks = [labels == n for n in np.unique(labels) if 0 < n < 255]
    pictures.append(np.stack([mask for mask in masks if mask.sum() >= 40] or [masks[0]]))
    found.append(np.stack([p.mask > 0.5 for p in proposing.propose(frame)]))
numbers = np.arange(1, 11)
figures.curves(
    {
        f"IoU {iou}": [proposal_recall(found, pictures, n, iou) for n in numbers]
        for iou in (0.5, 0.7)
    },
    "How many proposals does it take to meet all things?",
    ylabel="recall",
    xlabel="proposals of each frame",
    x=numbers,
)

# %% [markdown] name="expand-text" slide="slide"
# ## Expand
#
# What the network overlooks, it may have seen in the last frame. So carry the best proposals of the
# last frame along the flow. Each time their objectness is multiplied with 0.9.

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
# ## And what has learned the objects
#
# The first frame shows what we want, so those that learn from it propose as well: pixel retrieval,
# and the mean of pixel retrieval and OSVOS. Which of them is right differs from frame to frame. And
# each proposal gets a refined copy, of which more below. All proposals of all frames are made here,
# once. The rest of the lesson chooses among them.

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
# A proposal comes from cells of 4 x 4 pixels, or from flow that was a little off. So take the
# **window** around it and enlarge it, as in lesson 08. There the network with the fourth channel
# turned the last mask into this one; here it turns a proposal into a better one. It was fine-tuned
# on Lucid frames of frame 0 in the cell above.

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
)

# %% [markdown] name="scores-text" slide="slide"
# ## Write it: five scores
#
# Now each proposal $p$ gets a score for each object $k$. Three things can be asked: is it a whole
# thing? Does it look like the object? Does it lie where the object moves to?
#
# - **objectness** $o_p$,
# - **re-identification** $r_{pk}$: a network that was trained to know objects again compares the
#   proposal with the object of frame 0 (lesson 10), 0 to 1,
# - **flow** $f_{pk}$: the IoU of the proposal with the object's last mask, carried here.
#
# And two more ask for the opposite: does it fit *another* object better? These are the **inverse
# scores**, $1 - \max_{j \ne k} r_{pj}$ and $1 - \max_{j \ne k} f_{pj}$. The sum of all five, each
# times its weight, decides. The weights add up to 1, and so no sum is above 1.

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
rows = {}
for p in np.unique(np.argsort(-scores, axis=0)[:3]):  # the three best of each object
    rows[p] = {"objectness": there.objectness[p]}
    for name, of_all in {"ReID": there.reid, "flow": flow_iou, "sum": scores}.items():
        rows[p] |= {f"{name} {k}": of_all[p, k - 1] for k in objects}
figures.table(rows, title=f"Frame {look}: the best of each object", name="proposal", digits=2)

# %% name="scores-pictures" slide="slide"
figures.strip(
    [overlay(frame, (there.masks[p] > 0.5).astype(np.uint8), 0.6) for p in rows],
    at=range(len(rows)),
    titles=[f"proposal {p}" for p in rows],
    title="The same proposals",
)

# %% [markdown] name="weights-text" slide="slide"
# ## How much shall each count?
#
# Turn a weight, and the whole clip is merged anew. The proposals stay as they are, and only the
# ratios of the weights count. Leave one score alone, and see what it does not know. Then find
# weights that are better than ours.

# %% name="weights" slide="slide"
MergeExplorer(clip, candidates, frame=look)

# %% [markdown] name="merge-text" slide="slide"
# ## Write it: who gets what
#
# A table of scores is no mask yet. Two objects may like the same proposal best, and two proposals
# may overlap. Our merging is **greedy**: it takes the best pair of the whole table, then the best
# pair of what is left. An object for which nothing scores at least 0.6 is taken to be hidden.
#
# *In the released code of the paper* each object simply takes the proposal that scores best for it.
# Two objects may take the same proposal; where masks overlap, the object with the higher score gets
# the pixel. No pair is ruled out because another one was better. The weights of that code are .26
# for objectness, .23 for ReID, .08 for inverse ReID, .13 for flow and .31 for inverse flow, and it
# multiplies the IoU of flow with the last score of the object. *Here* a proposal is taken only
# once, the weights were chosen on drawn validation videos, and the IoU of flow counts as it is.
#
# Where a hidden object will come out, flow cannot know. So for it the two scores of flow do not
# count; the others make up for them. And what claims to be the object must be a little better than
# in plain sight: 0.05 is taken off.

# %% name="greedy-quiz" slide="fragment"
quiz("11_premvos", "greedy")

# %% exercise="vos_lab.methods.premvos.merge_greedily" points=3

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
)

# %% [markdown] name="method-text" slide="skip"
# That is the method: propose, expand, refine, score, merge, frame by frame.

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
    "With all proposals, and with those of one method",
    ylabel="mean J",
    x=np.arange(1, len(clip)),
)

# %% [markdown] name="departures" slide="skip"
# *In the paper* the proposals come from Mask R-CNN, trained on photographs, and its copy is
# fine-tuned on Lucid frames of each first frame. *Here* a small network that was trained on drawn
# videos proposes, in the spirit of SOLOv2. Instead of a fine-tuned copy, OSVOS and pixel retrieval
# propose what they have learned. *In the paper* refinement is a large network of its own, and its
# answer replaces the proposal. *Here* it is MaskTrack's, fine-tuned on Lucid frames. It is not
# always right, so the mean of before and after is one more proposal, beside the old one. Expansion
# carries the best proposals of the last frame, and PReMVOS does without it; the ReID network was
# trained on drawn objects, with the OIM loss. *In the paper* no object is ever taken to be hidden.
#
# ## Break it
#
# What goes wrong if one score decides alone? First bet: flow alone. The person with the blue mask
# goes behind the animal.

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
    "Object 2 is hidden, and comes out: who knows it again?",
    ylabel="J of object 2",
    x=np.arange(1, len(clip)),
    events={3: "behind the animal", 16: "out again"},
)

# %% [markdown] name="break-flow-explained" slide="skip"
# Flow knows where it was, and not what it looks like. Once it is lost, it comes back by luck.
#
# Second bet: re-identification alone. Here is an object with a twin, which is background.

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
figures.table(rows, title="Who takes the twin?", name="weights", digits=2)

# %% name="break-reid" slide="slide"
figures.strip(
    twins,
    {way: masks[way] for way in ("ReID alone", "all five")},
    at=[0, 6, 12, 18, 23],
    title="ReID knows what it looks like, and not where it can be",
)

# %% [markdown] name="break-explained"
# Each score alone has a hole, and another one covers it. Try `MergeExplorer(twins, made)`:
# which weights are the best here? And what do `least=0` and `least=0.7` change?
#
# ## What the lecture claims
#
# Each line is an experiment with several seeds. The effect is above zero where the claim is right.

# %% name="claims" slide="slide"
verdicts = [claims.saved(claim) for claim in claims.of_lesson("11_premvos")]
figures.table(claims.summary(verdicts), title="The claims, measured", name="claim", digits=2)

# %% [markdown] name="claims-explained"
# A sober table: with six videos hardly anything is certain. On the average what knows the first
# frame is worth most: pixel retrieval 0.14, OSVOS 0.09. The inverse scores hold: with several
# objects it matters much who else would fit. Re-identification, refinement and objectness mostly
# help, but in some videos they do harm. The proposals of the small network change nothing beside
# the others, and expansion costs a little, so PReMVOS does without it. The weights were chosen on
# twelve validation videos. Can you choose better ones?
#
# ## On real video

# %% name="leaderboard" slide="slide"
board, drawn = bench.leaderboard("davis2016"), bench.leaderboard("mixed")
shown = {
    "baseline": "first mask copied",
    "osvos": "OSVOS",
    "pixel-retrieval": "pixel retrieval",
    "masktrack": "MaskTrack",
    "lucid": "Lucid",
    "premvos": "PReMVOS",
    "premvos-without-proposals": "without the proposal network",
    "premvos-without-appearance": "without OSVOS",
    "premvos-without-retrieval": "without pixel retrieval",
    "premvos-without-refinement": "without refinement",
    "premvos-without-objectness": "without objectness",
    "premvos-without-reid": "without re-identification",
    "premvos-without-flow": "without the score of flow",
    "premvos-with-expansion": "with expansion",
    "premvos-long-parents": "with longer parents",
}
rows = {
    title: {
        "J": board[name]["overall"]["J"]["mean"],
        "F": board[name]["overall"]["F"]["mean"],
        "s to start": board[name]["overall"]["seconds_start"],
        "s per frame": board[name]["overall"]["seconds_per_frame"],
        "J, drawn": drawn[name]["overall"]["J"]["mean"] if name in drawn else None,
    }
    for name, title in shown.items()
    if name in board
}
figures.table(rows, title="Five sequences of DAVIS 2016, and five drawn ones", digits=2)

# %% [markdown] name="leaderboard-explained"
# PReMVOS is 0.03 above pixel retrieval and 0.02 above OSVOS; OnAVOS, which goes on learning, has
# 0.67 (lesson 07). From the longer parents of lessons 05 and 08, PReMVOS has 0.68. On the five
# drawn videos it has 0.77, as OnAVOS has, and pixel retrieval 0.76.
#
# Of its parts, pixel retrieval is worth 0.06, re-identification 0.04, refinement and the score of
# flow 0.02 each, OSVOS 0.01. Expansion costs 0.02. With one object the inverse scores are always 1,
# and choose nothing.
#
# The proposal network has seen nothing but drawings. Of the real objects, its ten best proposals
# meet 16 % at an IoU of 0.5; of the things of drawn test videos, 77 %. A method can only choose
# among what is proposed. That of the paper was trained on photographs.

# %% name="real" tags=["real-data"]
real = example("camel")
if real is not None:
    real = real.part(0, 24).resized(240)
    real_truth = np.stack(list(real.masks)) == 1
    real_found = run(PReMVOS(steps=40, refinement_steps=15), real, progress=False)
    print(f"{real.name}: J {jaccard(real_found == 1, real_truth)[1:].mean():.2f}")
    display(Player(real, {"PReMVOS": real_found}, title="Chosen among a dozen, frame by frame"))

# %% [markdown] name="summary" slide="slide"
# ## Remember
#
# - First make sure that a good mask is among the proposals, whoever makes it. Then choose.
# - Each score knows one thing: whole or half, looks, place. Their sum survives when one is wrong.
# - The inverse scores ask whether a proposal fits another object better; the best pair goes first.
#
# **Next.** PReMVOS is put together by hand, from seven parts. Lesson 12 lets a single network learn
# to carry masks through a video, with a memory.
#
# **Papers.** J. Luiten, P. Voigtlaender and B. Leibe, *PReMVOS: Proposal-generation, Refinement and
# Merging for Video Object Segmentation*, ACCV 2018. K. He, G. Gkioxari, P. Dollár and R. Girshick,
# *Mask R-CNN*, ICCV 2017. P. O. Pinheiro, T.-Y. Lin, R. Collobert and P. Dollár, *Learning to
# Refine Object Segments* (SharpMask), ECCV 2016. X. Wang, R. Zhang, T. Kong, L. Li and C. Shen,
# *SOLOv2: Dynamic and Fast Instance Segmentation*, NeurIPS 2020.
