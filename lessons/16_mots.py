# %% [markdown] name="title" minutes=90 needs=["01_metrics", "02_optical_flow"] builds="run lengths, matching, sMOTSA, a tracker" slide="slide"
# # MOTS: a street full of people, and no first mask
#
# So far somebody drew a first mask for you, and you had to follow that object. In a street nobody
# does this. People come and go, hide each other, and come back. **How many people are there, and
# which of them have you seen before?** In this lesson you build a tracker that answers this.

# %% [markdown] name="instructor" tags=["instructor"] slide="notes"
# **For the instructor**
#
# | section | minutes |
# | --- | --- |
# | from VOS to MOTS | 10 |
# | masks as run lengths (exercise `rle_encode`) | 20 |
# | matching and measures (`match_masks`, `smotsa`), HOTA | 25 |
# | the tracker (`associate`), the timeline | 25 |
# | break it, the charts, the claims, questions | 15 |
#
# *What usually goes wrong.* Run lengths go row by row (COCO goes by columns), or the 0 in front is
# forgotten. The threshold of an association is applied after the assignment, when an impossible
# pair has taken the place of a possible one. The check has a message for each of these.
#
# *Show live.* The timeline: press n until the tracker has lost somebody, and let the room say why.
#
# *Ask the room.* A tracker finds everything and gives every mask an identity of its own. What is
# its sMOTSA, its HOTA?

# %% name="imports" slide="skip"
import math
from time import perf_counter

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from vos_lab import claims
from vos_lab.claims.mots import scores, vos_tracks
from vos_lab.course import beat, check, hint, quiz
from vos_lab.datasets import procedural, run_lengths
from vos_lab.datasets.detections import Detection, Noise, detections_of
from vos_lab.datasets.mots import IGNORE, MotsObject, MotsSequence
from vos_lab.datasets.mots_folders import MOTS
from vos_lab.datasets.mots_truth import true_objects
from vos_lab.datasets.run_lengths import check_mask, rle_to_string
from vos_lab.methods import mots_tracker
from vos_lab.methods.mots_tracker import MotsTracker, greedy_pairs, track
from vos_lab.metrics import mots as mots_metrics
from vos_lab.video import Video
from vos_lab.view import figures
from vos_lab.view.widgets.mots import TrackTimeline, identity_maps, timeline

# %% name="picture" tags=["picture"]
street = procedural.suite("crowd", frames=60, length=1)[0]
street = Video(street.name, list(street.frames), list(street.masks))
figures.clip(
    street,
    street.masks,
    alt="A crowd of people, cars and buses. Each has a colour of its own, which it keeps while it "
    "walks behind others, leaves, and comes in.",
    height=190,
    frames=16,
    most_bytes=60_000,
)

# %% name="prediction" slide="fragment"
quiz("16_mots", "first mask")

# %% [markdown] name="goals" slide="skip"
# Each colour is an **identity**: the same object has the same number in all frames. After this
# lesson you can
#
# - say what MOTS (multi-object tracking and segmentation) asks beyond VOS,
# - store thousands of masks as run lengths, and read the formats of KITTI MOTS and MOTS20,
# - compute sMOTSA, and read a HOTA curve,
# - build a tracker that starts and ends tracks by itself, and say what breaks it.
#
# You need lessons 01 and 02. It takes about 90 minutes.

# %% [markdown] name="from-vos" slide="slide"
# ## From VOS to MOTS
#
# VOS follows the objects of the first mask. In a street that is not enough, because other people
# come in later.

# %% name="who-is-there" slide="slide"
crowd = procedural.suite("crowd", frames=60, length=1)[0]
street = Video(crowd.name, list(crowd.frames), list(crowd.masks))
truth = true_objects(crowd)
in_frame = [{each.id for each in objects} for objects in truth.frames]
figures.curves(
    {
        "are there": [len(ids) for ids in in_frame],
        "since frame 0": [len(ids & in_frame[0]) for ids in in_frame],
    },
    "Fewer and fewer of the objects in the frame were in the first mask",
    ylabel="objects",
)

# %% [markdown] name="differences"
# Your prediction was about this. MOTS (Voigtlaender et al., CVPR 2019) has
#
# - 20 to 40 objects at a time, of few **categories** (cars, pedestrians),
# - sequences of hundreds of frames,
# - **no first mask**: a *detector* proposes masks in each frame, by category,
# - **starts and ends**: the tracker decides who is new, and who has left,
# - masks that **never overlap**: each pixel belongs to at most one object.
#
# ## Write it: masks as run lengths
#
# 60 frames with 20 masks each are 1,200 images, and it would be wasteful to store them as images.
# Instead, read a mask column by column, and write down only how long each **run** of equal pixels
# is: so many of the background, so many of the object, so many of the background ... This is
# **run-length encoding** (RLE).

# %% exercise="vos_lab.datasets.run_lengths.rle_encode" points=2

# %% name="rle-in-use" slide="slide"
largest = max(truth.frames[0], key=lambda each: each.area)
lengths = run_lengths.rle_encode(largest.mask)
pixels, text = largest.mask.size, rle_to_string(lengths)
print(f"a mask of {pixels:,} pixels is {len(lengths)} runs: {lengths[:8].tolist()} ...")
print(f"COCO writes them as {len(text)} characters: {text[:40]}...")
print(f"that is {len(text) * 8 / pixels:.3f} bits a pixel")

# %% [markdown] name="formats"
# The string stores numbers in pieces of five bits. Most of them are differences between
# neighbouring columns, which are small. In the **txt form** of MOTS each line is one mask:
#
# `frame id category height width rle`
#
# An id is 1000 times the category (1 car, 2 pedestrian) plus a number. 10000 marks a region that
# nobody has annotated; it is ignored. The **png form** holds the same ids in images of 16 bits.
# `vos_lab.datasets.mots` reads and writes both.

# %% [markdown] name="detections-text" slide="slide"
# ## What a detector sees
#
# A detector looks at one frame at a time and knows no identities. Ours is simulated: it takes the
# truth and makes the mistakes that a real detector makes. It misses objects that are small or
# hidden, it finds objects that are not there, it takes two for one and one for two. Its
# **confidence** says how sure it is.

# %% name="detections" slide="slide"
levels = ("none", "low", "medium", "high")
found = {level: list(detections_of(crowd, level)) for level in levels}


def painted(detections):
    """Detections as a label map, the surest on top."""
    labels = np.zeros(street.size, np.uint8)
    for number, each in reversed(list(enumerate(detections, 1))):
        labels[each.mask] = number
    return labels


figures.strip(
    [street.frames[20]] * 4,
    [painted(found[level][20]) for level in levels],
    titles=[f"noise: {level}" for level in levels],
    title="One frame, four detectors: colours are only the order of confidence",
)

# %% [markdown] name="matching-text" slide="slide"
# ## Write it: which mask is which object?
#
# To evaluate a result, first decide for each frame which of its masks is which true object. MOTS
# has a simple rule: a pair **matches** if its IoU is above one half.

# %% name="half-quiz" slide="fragment"
quiz("16_mots", "half")

# %% exercise="vos_lab.metrics.mots.mots_tools.match_masks" points=2

# %% name="matching-in-use" slide="slide"
rows = {}
for level in levels:
    ours, theirs = truth.frames[20], painted(found[level][20])
    shared = np.array([np.bincount(theirs[each.mask], minlength=256)[1:255] for each in ours])
    areas = np.bincount(theirs.ravel(), minlength=256)[1:255]
    _, matched, iou = mots_metrics.match_masks(
        shared, np.array([each.area for each in ours]), areas
    )
    masks = np.count_nonzero(areas)
    rows[level] = {"true masks": len(ours), "masks found": masks, "match": len(matched)}
    rows[level] |= {"missed": len(ours) - len(matched), "false alarms": masks - len(matched)}
    rows[level]["mean IoU of matches"] = iou.mean()
figures.table(rows, title="Frame 20: what each detector gets right", name="noise", digits=2)

# %% [markdown] name="smotsa-text"
# ## Write it: one number
#
# **MOTSA** counts, over all frames, the matches. It subtracts the **false positives** (masks that
# match nothing) and the **identity switches** (an object is matched by another track than the last
# time), and divides by the number of true masks. **sMOTSA** is its soft form: each match counts as
# much as its IoU.
#
# $$\text{sMOTSA} = \frac{\sum_{\text{matches}} \text{IoU} - |FP| - |IDS|}{|M|}$$
#
# $|FP|$ is the number of false positives, $|IDS|$ that of identity switches, and $|M|$ that of true
# masks.

# %% exercise="vos_lab.metrics.mots.mots_tools.smotsa" points=1


# %% name="smotsa-in-use" slide="slide"
def changed(change):
    """The truth, with every object of every frame changed, or left out where it becomes None."""
    frames = [[change(t, each) for each in objects] for t, objects in enumerate(truth.frames)]
    return MotsSequence.of("changed", [[e for e in objects if e] for objects in frames])


def thinner(t, each):
    """One pixel less on all sides."""
    mask = cv2.erode(each.mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return MotsObject.of(each.id, each.category, mask) if mask.any() else None


results = {
    "everything right": truth,
    "every tenth object never found": changed(lambda t, e: e if e.id % 10 else None),
    "outlines one pixel too thin": changed(thinner),
    "new identities from frame 30 on": changed(lambda t, e: e._replace(id=e.id + 1000 * (t >= 30))),
}
rows = {name: scores({"": truth}, {"": result}) for name, result in results.items()}
rows = {name: {**row, "IDS": round(row["IDS"])} for name, row in rows.items()}
figures.table(rows, title="Four results, each wrong in one way", name="result", digits=2)

# %% [markdown] name="hota-text" slide="slide"
# ## HOTA: found, and recognised
#
# The last row is odd: from frame 30 on every object has a wrong identity, but sMOTSA is still high.
# It counts a switch only once, however long the wrong identity lasts. **HOTA** (Luiten et al., IJCV
# 2021) asks two questions and gives both the same weight: *is the object found?* and *is it
# recognised?*
#
# $$\text{HOTA}_\alpha = \sqrt{\text{DetA}_\alpha \cdot \text{AssA}_\alpha}$$
#
# DetA, the detection accuracy, is the share of matches among all masks, true or found. AssA, the
# association accuracy, looks at each match: of all frames in which its object or its track occurs,
# in what share do the two occur together? This is averaged over all matches. HOTA also does not fix
# the threshold of 0.5: $\alpha$ is the IoU that a match needs, and HOTA is the mean over 19 values
# of $\alpha$.

# %% name="switch-quiz" slide="fragment"
quiz("16_mots", "one switch")

# %% [markdown] name="associate-text" slide="slide"
# ## Write it: which track goes on with which proposal?
#
# The tracker holds a **track** for each object. In a new frame it asks two questions about each
# pair of a track and a proposal:
#
# - *Is the proposal where the track should be?* **Overlap**: optical flow carries the mask of the
#   last frame into this one (lesson 02). Take its IoU with the proposal.
# - *Does it look the same?* **Likeness**: compare the colours of the proposal with those of the
#   track. This is *re-identification*, **ReID**.
#
# The score is $(1 - w)\,\text{overlap} + w\,\text{likeness}$. Then choose pairs, and use each track
# and each proposal only once. There are two ways: take the pairs with the best sum of all (the
# **Hungarian** algorithm), or always take the best pair that is left (**greedy**).
#
# > **In the paper** embeddings are learned together with the detector. **Here** the ReID is a
# > histogram of 216 colours, because it is enough for these crowds, and needs no training.

# %% exercise="vos_lab.methods.mots_tracker.associate" points=3

# %% name="associate-in-use" slide="slide"
overlap = np.array([[0.8, 0.7], [0.75, 0.0]])
for greedy in (True, False):
    match = mots_tracker.associate(overlap, overlap, greedy=greedy)
    total = sum(overlap[row, column] for row, column in enumerate(match) if column >= 0)
    name = "greedy" if greedy else "Hungarian"
    print(f"{name}: tracks 0 and 1 go on with proposals {match.tolist()}, sum {total:.2f}")

# %% [markdown] name="tracker-text"
# Greedy takes the best pair, and then nothing is left for track 1 (-1 means no proposal). In the
# chart further down you will see that the larger sum is not always the better answer.
#
# ## The whole tracker
#
# Around the association there is the logic of starts and ends. In each frame the tracker does this,
# in this order:
#
# 1. *Flatten.* The surest proposal lies on top, so masks do not overlap.
# 2. *Expect.* Flow carries the tracks along. A track that is hidden is a box that keeps its speed.
# 3. *Associate*, with your function.
# 4. *Start.* A proposal that continues no track may be a new object. If the detector is very sure,
#    the track is written out at once. If not, only after a second hit, because a false alarm rarely
#    comes twice.
# 5. *Coast.* If a track has no proposal, but is in full view and still looks like itself, the
#    detector has missed it. Then its mask is written out for up to three more frames, at the place
#    to which flow has carried it.
# 6. *End.* A track ends if it was hidden for more than 30 frames, or has left the image.
#
# `MotsTracker.step` in `vos_lab/methods/mots_tracker.py` does just this, in this order.

# %% name="run" slide="slide"
begin = perf_counter()
tracks = track(street.frames, found["medium"], MotsTracker(), street.name)
seconds = perf_counter() - begin
result = scores({"": truth}, {"": tracks})
print(f"sMOTSA {result['sMOTSA']:.2f}, HOTA {result['HOTA']:.2f}, {result['IDS']:.0f} switches")
print(f"about {1000 * seconds / len(street):.0f} ms a frame on this machine")
figures.strip(
    street,
    {"truth": identity_maps(truth, street.size), "tracks": identity_maps(tracks, street.size)},
    at=[5, 20, 35, 50],
    title="Tracks from noisy detections: colours differ from the truth, but should not change",
)

# %% [markdown] name="timeline-text" slide="slide"
# Colours alone say little. Below, each row is a true object, and each bar is the track that follows
# it. **Click a bar** to see the frame. Press **n** for the next identity switch, and find out what
# happened there.

# %% name="timeline" slide="slide"
TrackTimeline(
    street, truth, tracks, "Which track follows which object? Medium noise, the whole tracker"
)

# %% name="hota-curve" slide="slide"
hota = mots_metrics.evaluate_mots(truth, tracks)["pedestrian"]["ALL"]["HOTA"]
figures.curves(
    {name: hota[name] for name in ("HOTA", "DetA", "AssA")},
    "HOTA of the people: the tighter the fit, the fewer masks match",
    x=np.arange(0.05, 0.99, 0.05),
    xlabel="alpha: the IoU that a match needs",
    ylabel="share",
)

# %% [markdown] name="hota-read"
# Read it from left to right: if $\alpha$ is small, masks match as soon as they touch; if $\alpha$
# is near 1, the outline must be exact. People with few pixels lose their matches first, and without
# matches there are no links between frames.
#
# ## Break it: twins
#
# First make your prediction.

# %% name="twins-quiz" slide="slide"
quiz("16_mots", "twins")


# %% name="twins-made"
def meeting(turn_round, second, frames=44):
    """Two discs walk behind a wall from both sides; behind it they pass, or turn round."""
    ground = np.random.default_rng(0).integers(60, 120, (80, 200, 3), np.uint8)
    images, seen, known = [], [], []
    for t in range(frames):
        there = 14 + 4 * t
        back = min(there, 200 - there) if turn_round else there
        image, labels = ground.copy(), np.zeros((80, 200), np.uint8)
        for label, x, colour in ((1, back, (200, 40, 40)), (2, 200 - back, second)):
            cv2.circle(image, (x, 40), 12, colour, -1)
            cv2.circle(labels, (x, 40), 12, label, -1)
        image[:, 75:125], labels[:, 75:125] = (90, 90, 60), 0  # the wall
        masks = {label: labels == label for label in (1, 2) if (labels == label).sum() > 100}
        images.append(image)
        seen.append([Detection(mask, 0.95, 2) for mask in masks.values()])
        known.append([MotsObject.of(label, 2, mask) for label, mask in masks.items()])
    return Video("meeting", images), seen, MotsSequence.of("meeting", known)


rows = {}
for clothes, colour in (("other clothes", (40, 60, 210)), ("same clothes", (200, 40, 40))):
    for story, turn_round in (("they pass", False), ("they turn round", True)):
        clip, seen, known = meeting(turn_round, colour)
        row = rows.setdefault(f"{clothes}, {story}", {})
        for name, setting in {
            "without ReID": {"appearance_weight": 0.0},
            "with ReID": {},
            "with ReID, searching wider": {"reach": 8.0},
        }.items():
            followed = track(clip.frames, seen, MotsTracker(**setting))
            row[name] = len(timeline(known, followed).switches)
figures.table(rows, title="Identity switches behind the wall", name="story", digits=0)

# %% name="twins-seen" slide="slide"
clip, seen, known = meeting(True, (200, 40, 40))
followed = track(clip.frames, seen)
figures.strip(
    clip,
    identity_maps(followed, clip.size),
    at=[4, 12, 20, 30, 40],
    title="Twins turn round behind the wall, and the tracker lets them pass",
)

# %% [markdown] name="twins-explained"
# Without ReID, a person who was hidden counts as a new person afterwards. With ReID, people who
# pass each other are recognised: they look right, and they come out where their motion led them.
# People who turn round come out where the tracker does not expect them. If it searches a wider
# area, it finds them, *provided that they look different*. For twins nothing helps. Both stories
# give the same pixels, and the tracker assumes that everybody walks on in the same direction.
#
# ## Break it: a detector that misses
#
# Now only the detector gets worse: it misses more and more objects, and makes no other mistake.
# Does it help to go on without it for a few frames (step 5)?

# %% name="misses" slide="slide"
chances = [0.0, 0.15, 0.3, 0.45]
settings = {"coasts 3 frames": {}, "does not coast": {"coast": 0}}
curve = {name: [] for name in settings}
for chance in chances:
    blind = list(detections_of(crowd, Noise(miss=chance)))
    for name, setting in settings.items():
        followed = track(street.frames, blind, MotsTracker(**setting))
        curve[name].append(scores({"": truth}, {"": followed})["sMOTSA"])
figures.curves(
    curve,
    "Going on for three frames makes up for most of what is missed",
    x=chances,
    xlabel="chance that the detector misses an object in a frame",
    ylabel="sMOTSA",
)

# %% [markdown] name="patience-text"
# And how long should the tracker wait for somebody who is hidden?

# %% name="patience-quiz" slide="fragment"
quiz("16_mots", "patience")

# %% name="patience" slide="slide"
waits = [0, 3, 10, 30, 60]
switches = []
for patience in waits:
    followed = track(street.frames, found["medium"], MotsTracker(patience=patience))
    switches.append(scores({"": truth}, {"": followed})["IDS"])
figures.curves(
    {"identity switches": switches},
    "If a track is given up at once, its object gets a new identity",
    x=waits,
    xlabel="frames that a hidden track is kept",
    ylabel="identity switches",
)

# %% [markdown] name="table-text" slide="slide"
# ## What does each part bring?
#
# The same detections, in a crowd of the test split for which nobody has tuned anything. The logic
# of starts and ends is always the same; only the association differs.

# %% name="table" slide="slide"
ways = {
    "IoU of masks": {"use_flow": False, "appearance_weight": 0.0},
    "+ flow": {"appearance_weight": 0.0},
    "+ flow + ReID": {},
    "the same, Hungarian": {"greedy": False},
}


def tried(clip, clip_truth, seen, way):
    """How well one way of association does on a clip."""
    followed = track(clip.frames, seen, MotsTracker(**ways[way]), clip.name)
    row = scores({"": clip_truth}, {"": followed})
    return {**row, "IDS": round(row["IDS"])}


tries = {level: {way: tried(street, truth, found[level], way) for way in ways} for level in levels}
for way in ways:
    count = ", ".join(f"{tries[level][way]['IDS']} ({level})" for level in levels)
    print(f"{way}: identity switches {count}")
figures.bars(
    {
        f"noise: {level}": {way: row["HOTA"] for way, row in tries[level].items()}
        for level in levels
    },
    "Flow helps, ReID helps more, and the largest sum is not the best choice",
    xlabel="HOTA, mean of cars and people",
    digits=2,
)

# %% [markdown] name="suites-text" slide="slide"
# One crowd may be luck. So here is another one, one with a moving camera, and one of 40 people and
# vehicles, which are smaller. A bar says how much higher HOTA is with the whole tracker than with
# the plain overlap of masks.

# %% name="suites" slide="slide"
crowds = [procedural.suite("crowd", frames=60, length=2)[1]]
crowds += [
    procedural.suite(f"crowd-{kind}", frames=60, length=1)[0] for kind in ("camera", "dense")
]
gains: dict = {}
for scene in crowds:
    clip, scene_truth = Video(scene.name, list(scene.frames)), true_objects(scene)
    for level in levels:
        seen = list(detections_of(scene, level))
        plain, whole = (
            tried(clip, scene_truth, seen, way)["HOTA"] for way in ("IoU of masks", "+ flow + ReID")
        )
        crowd_name = scene.name.split("-test")[0]
        gains.setdefault(f"noise: {level}", {})[crowd_name] = whole - plain
figures.bars(
    gains,
    "Flow and ReID help in each of three crowds, and more with a noisy detector",
    xlabel="HOTA of the whole tracker minus HOTA with the plain overlap of masks",
    digits=2,
)

# %% [markdown] name="table-explained"
# Flow and ReID together are better than the plain overlap of masks in every crowd, at every level
# of noise. Most of the gain comes from ReID. Our explanation is that people walk slowly here and
# often hide each other, so their looks say more than their last place. If the camera moves,
# everything moves in the image, and flow becomes more important.
#
# Greedy association is no worse than the Hungarian algorithm, and mostly better. To get the best
# *sum*, the Hungarian algorithm gives poor partners to two tracks rather than the right partner to
# one and none to the other. But for a track that is hidden, "none" is the right answer.

# %% [markdown] name="claim-text" slide="slide"
# ## Is a first mask enough?
#
# Back to the first question. A method of lesson 04, flow propagation, gets the *true* masks of
# frame 0. Our tracker gets only noisy detections.

# %% name="claim-picture" slide="slide"
short = crowd.part(0, 40)
carried = vos_tracks(short)
figures.strip(
    short,
    {
        "first mask": identity_maps(carried, short.size),
        "tracker": identity_maps(tracks, short.size)[:40],
    },
    at=[0, 10, 20, 30, 39],
    title="With a first mask only: small people fade away, and newcomers are never seen",
)

# %% name="claims" slide="slide"
verdicts = [claims.saved(claim) for claim in claims.of_lesson("16_mots")]
figures.table(claims.summary(verdicts), title="Measured on six crowds", name="claim", digits=2)

# %% [markdown] name="claim-explained"
# A large part of the first effect comes from the method: flow propagation loses people with few
# pixels, and never finds them again. The second row is fair in this respect. It takes the same
# tracker and the same detections, gives it the true masks of frame 0, and only forbids it to start
# new tracks later. So the second effect is what starting is worth, in only 50 frames. With every
# newcomer it grows.
#
# ## On real video
#
# KITTI MOTS and MOTS20 need an account or a large download. If your machine has them, this cell
# tracks what a perfect detector would see: the true masks without their identities.

# %% name="real" tags=["real-data"]
try:
    real = MOTS(name="kitti-mots", split="val", partial=True)[0]
except FileNotFoundError:
    print("KITTI MOTS is not on this machine: `vos-lab data kitti-mots` says how to get it.")
    print("The lesson goes on without it.")
else:
    frames = real.objects.frames[:60]
    real_truth = MotsSequence.of(real.name, frames, first=real.objects.numbers.start)
    seen = [
        [Detection(e.mask, 1.0, e.category) for e in each if e.category < 10] for each in frames
    ]
    real_tracks = track(real.frames[:60], seen, name=real.name, first=real_truth.numbers.start)
    print(f"{real.name}: {scores({'': real_truth}, {'': real_tracks})}")
    display(TrackTimeline(real.part(0, 60), real_truth, real_tracks, real.name))

# %% [markdown] name="real-text"
# If you have the detections of a real detector (the txt files of TrackR-CNN, or any masks in the
# form of MOTS), you need two commands:
#
# `vos-lab track-mots IMAGES DETECTIONS.txt RESULT.txt`, then `vos-lab evaluate-mots GT RESULTS`

# %% [markdown] name="challenge-text" slide="skip"
# ## Beat this score
#
# Follow the crowd better than our tracker: with other thresholds, another way to compare looks, or
# another order of the steps. Put your answer below in the place of `None`. Your best score is kept.

# %% name="challenge"
answer = None  # for example: lambda: MotsTracker(patience=60)
beat("16_mots", answer)

# %% [markdown] name="summary" slide="slide"
# ## Remember
#
# - MOTS has no first mask. The tracker has to decide who is new, who is hidden and who has left.
# - A track goes on with the proposal that is where flow carries it and that looks like it. All
#   pairs are decided together.
# - sMOTSA mostly asks whether everything is found. HOTA asks just as much whether everything is
#   recognised.
#
# **Papers.** P. Voigtlaender et al., *MOTS: Multi-Object Tracking and Segmentation*, CVPR 2019
# (TrackR-CNN, sMOTSA). J. Luiten et al., *HOTA: A Higher Order Metric for Evaluating Multi-Object
# Tracking*, IJCV 2021. H. W. Kuhn, *The Hungarian Method for the Assignment Problem*, Naval
# Research Logistics 1955. K. Bernardin and R. Stiefelhagen, *Evaluating Multiple Object Tracking
# Performance: The CLEAR MOT Metrics*, EURASIP 2008. N. Wojke et al., *Simple Online and Realtime
# Tracking with a Deep Association Metric*, ICIP 2017 (starts, ends and ReID).
