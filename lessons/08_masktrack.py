# %% [markdown] name="title" minutes=80 needs=["05_osvos"] builds="MaskTrack, which refines the last mask, and Lucid, which dreams up the frames to learn that from" slide="slide"
# # MaskTrack and Lucid: learn from stills, dream the rest
#
# OSVOS looks at every frame as if it had never seen the frame before. But the mask of the last
# frame is nearly right, so it is a pity not to use it. In this lesson a network learns to correct
# the last mask. Few videos have masks to learn from, so it learns from single pictures, and from
# new frames that you make out of the first one.
#
# The network that draws this mask has never seen a video, and never this animal. It got the first
# mask and nothing else. **How has it learned to follow the animal?**

# %% [markdown] name="instructor" tags=["instructor"] slide="notes"
# **For the instructor**
#
# | section | minutes |
# | --- | --- |
# | the fourth channel (exercise `refine_mask`) | 15 |
# | motion from stills (`simulate_previous_mask`) | 15 |
# | crop and zoom (`crop_and_zoom`, optional), the flow stream | 15 |
# | lucid dreams (`lucid_frame`), the dream studio | 20 |
# | break it: too much trust, a full occlusion | 10 |
# | claims, questions | 5 |
#
# *What usually goes wrong.* The image goes in with values from 0 to 255 and drowns the mask. The
# simulated mask is as fine as the truth, so the network copies it. The window is cut off at the
# border instead of being moved inside. The pixels of a dream move and its mask does not. The check
# has a message for each of these.
#
# *Show live.* The dream studio. Let the room give orders: smaller, darker, upside down. Then ask
# which of these frames the video may really contain, and what it contains that no knob can make.
#
# *Ask the room.* The network that was taught with perfect masks has by far the smallest loss. Why
# is it useless? Where else have you seen a small loss that meant nothing?

# %% name="imports" slide="skip"
import cv2
import numpy as np
import torch
from torch import nn

from vos_lab import bench, claims
from vos_lab.claims.videos import occluded_video
from vos_lab.course import beat, check, hint, quiz
from vos_lab.datasets import procedural
from vos_lab.datasets.davis import example
from vos_lab.flow import estimate, warp
from vos_lab.methods import masktrack, run
from vos_lab.methods.augmentation import deformation
from vos_lab.methods.baseline import Baseline
from vos_lab.methods.flow_propagation import propagate_mask
from vos_lab.methods.lucid import Lucid
from vos_lab.methods.lucid_frames import Dream, fill_hole
from vos_lab.methods.masktrack import Box, MaskTrack, magnitude_image, random_previous_mask
from vos_lab.methods.networks import as_input
from vos_lab.methods.osvos import OSVOS
from vos_lab.metrics import boundary_f, jaccard
from vos_lab.view import figures
from vos_lab.view.widgets.masktrack import DreamStudio
from vos_lab.view.widgets.player import Player

# %% name="picture" tags=["picture"]
walk = procedural.suite("easy", frames=16, length=1)[0]
stills = run(MaskTrack(steps=0), walk, progress=False)
figures.clip(
    walk,
    stills,
    alt="An animal walks. A coloured mask follows it, though the network that makes the mask has "
    "never seen a video.",
    height=160,
    most_bytes=40_000,
)

# %% name="prediction" slide="fragment"
quiz("08_masktrack", "stills")

# %% [markdown] name="goals" slide="skip"
# After this lesson you can
#
# - give a network a mask as a fourth channel, and refine the mask from frame to frame,
# - make training data for video out of single pictures,
# - zoom in on the object, and measure when that helps,
# - make endless new frames from one, and say what a network can learn from them and what it cannot,
# - cause the two failures of a method that trusts its last mask.
#
# You need lesson 05; lesson 04 helps. It takes about 80 minutes.
#
# ## The last mask is nearly right

# %% name="nearly-right" slide="slide"
small = {"frames": 16, "size": (120, 216), "length": 4}
walk = procedural.suite("easy", **small)[0]
truth = np.stack(list(walk.masks))
t = 6
last_mask, this_mask = truth[t - 1] == 1, truth[t] == 1
print(
    f"the mask of frame {t - 1}, taken for that of frame {t}: J {jaccard(last_mask, this_mask):.2f}"
)

# %% [markdown] name="fourth-channel" slide="slide"
# ## Write it: the fourth channel
#
# The last mask says *which* object we want and *about where* it is. The picture says *where
# exactly* it ends. Perazzi et al. (CVPR 2017) give both to the same network: its first convolution
# gets a **fourth channel**. Beside red, green and blue there is the rough mask. The rest of the
# network is that of lesson 05. They call the method **MaskTrack**, because it tracks an object by
# moving its mask from frame to frame, as other trackers move a box.

# %% name="channels" slide="slide"
frame = walk.frames[t]
planes = [frame[..., c] for c in range(3)] + [(255 * last_mask).astype(np.uint8)]
figures.strip(
    [np.repeat(plane[..., None], 3, axis=-1) for plane in planes],
    titles=["red", "green", "blue", "the last mask"],
    title="What the network sees: three channels of this frame, and the last mask",
)

# %% exercise="vos_lab.methods.masktrack.refine_mask" points=2

# %% name="refine-in-use" slide="slide"
tracker = MaskTrack(steps=0, zooming=False)
tracker.network.eval()
shifted = np.roll(this_mask, (-4, 8), axis=(0, 1))
rough = [shifted.astype(np.float32)]
for _ in range(5):
    rough.append(masktrack.refine_mask(tracker.network, frame, rough[-1]))
figures.strip(
    [frame] * 6,
    [(soft > 0.5).astype(np.uint8) for soft in rough],
    titles=[f"J {jaccard(soft > 0.5, this_mask):.2f}" for soft in rough],
    title="A mask that is eight pixels off, refined once, twice, ... five times",
    most_bytes=24_000,
)

# %% [markdown] name="stills-text" slide="slide"
# ## Write it: motion from a photograph
#
# To train such a network you need triples: a picture, the mask of the frame *before*, and the mask
# of this picture. A video with masks would contain them, but there are few such videos. Now look at
# a triple again: the network cannot see how the old mask was made. So you can take any picture with
# a mask, and make up the old mask yourself: move the true mask a little, scale and bend it, and
# make it coarse.

# %% exercise="vos_lab.methods.masktrack.simulate_previous_mask" points=2

# %% [markdown] name="simulated-text" slide="skip"
# All numbers are random, and new for each picture: a shift and a bend as shares of the object's
# size, a scale, a radius. Some masks are damaged more: a part of the object is missing, a piece of
# something else is added, or the mask is empty. So in training the network sees the kinds of
# mistakes that it will make itself later.

# %% name="simulated" slide="slide"
rng = np.random.default_rng(4)
true_mask = this_mask.astype(np.float32)
past = [random_previous_mask(true_mask, rng) for _ in range(7)]
figures.strip(
    [frame] * 8,
    [this_mask.astype(np.uint8)] + [(mask > 0.5).astype(np.uint8) * 2 for mask in past],
    range(8),
    ["truth"] + [f"past {i}" for i in range(1, 8)],
    title="One picture, and seven masks that the frame before may have had",
    most_bytes=24_000,
)

# %% [markdown] name="relatives" slide="skip"
# You may know this idea from object detection. The second stage of *Faster R-CNN* learns to correct
# a box that is a little off. Its training boxes are displaced from the true ones, so it learns from
# single images, too. *Tracktor* (Bergmann et al., ICCV 2019) makes a tracker out of that: it gives
# the box of the last frame to the detector, and the detector moves it to where the object is now.
# Tracktor needs no video for its training, for the same reason as MaskTrack.

# %% name="coarse-quiz" slide="fragment"
quiz("08_masktrack", "coarse")

# %% [markdown] name="departures" slide="skip"
# > **In the paper** masks move by up to a tenth of the object's size and their scale changes by up
# > to five in a hundred. The network is VGG-16, trained on some 11,000 photographs with masks.
# > **Here** masks are damaged more, because ours come from a weaker network and need more
# > correction. The small network of lesson 05 has learned from single frames of 600 drawn videos;
# > it never sees the last mask of a video.
#
# ## Stills alone
#
# Now use the network on a video. Each mask that it makes is the rough mask of the next frame. For
# comparison there are two other curves: the first mask copied into all frames, and the same network
# after 60 steps of fine-tuning on the first frame of the video, as for OSVOS.


# %% name="stills-alone" slide="slide"
def j_of(masks, video):
    """J of each frame but the first, the objects averaged."""
    here = np.stack(list(video.masks))
    labels = [label for label in np.unique(here[0]) if label]
    return np.mean([jaccard(np.stack(masks) == k, here == k) for k in labels], axis=0)[1:]


stills = run(MaskTrack(steps=0), walk, progress=False)
losses = {"damaged": [], "perfect": []}  # for later: what it was to learn from damaged masks
tuned = run(MaskTrack(steps=60, watch=lambda _, loss: losses["damaged"].append(loss)), walk,
            progress=False)  # fmt: skip
j_walk = {
    "copied": j_of(run(Baseline(), walk, progress=False), walk),
    "stills alone": j_of(stills, walk),
    "fine-tuned": j_of(tuned, walk),
}
figures.curves(
    j_walk,
    "A network that has never seen a video, on a video",
    ylabel="J",
    x=np.arange(1, len(walk)),
)

# %% name="stills-table" slide="slide"
clips = [walk, *(procedural.suite(s, **small)[0] for s in ("camera", "scale", "appearance"))]
rows = {}
for clip in clips:
    copied, refined = (run(m, clip, progress=False) for m in (Baseline(), MaskTrack(steps=0)))
    rows[clip.name] = {
        "first mask copied": j_of(copied, clip).mean(),
        "stills alone": j_of(refined, clip).mean(),
    }
figures.table(rows, title="J of a network that never saw a video", name="clip", digits=2)

# %% [markdown] name="stills-explained" slide="skip"
# It works on three of the four clips. In *scale* the size of the object changes a lot. The network
# does not know *this* object, and it is no better than a copied mask there. Does fine-tuning on the
# first frame help? Try `MaskTrack()` on that clip.

# %% [markdown] name="zoom-text" slide="slide"
# ## Write it: crop and zoom
#
# If an object has only 20 x 20 pixels, hardly anything of its contour is left at the coarse sizes
# of the network. But you know about where the object is. So cut out a **window** around the last
# mask, enlarge it, refine the mask there, and put it back. The window is cut out of the frame at
# its full size, so there really are more details to see. (This exercise is optional, and gives no
# points.)

# %% exercise="vos_lab.methods.masktrack.crop_and_zoom" points=0

# %% name="zoom-in-use" slide="slide"
tiny = procedural.Spec(object_size=0.1, frames=12)
far = [procedural.render(tiny, seed) for seed in (902, 905, 908)]
far_frame, far_mask = far[0].frames[0], (far[0].masks[0] == 1).astype(np.float32)
top, bottom, left, right = masktrack.crop_and_zoom(far_mask, masktrack.MARGIN)
marked = far_frame.copy()
cv2.rectangle(marked, (left, top), (right - 1, bottom - 1), (255, 255, 255), 3)
figures.strip(
    [marked, cv2.resize(far_frame[top:bottom, left:right], (432, 240))],
    [
        far_mask.astype(np.uint8),
        cv2.resize(far_mask[top:bottom, left:right], (432, 240)).round().astype(np.uint8),
    ],
    titles=["the frame", "what the network sees"],
    title="The window has the shape of the frame, and the object fills it",
    most_bytes=26_000,
)

# %% name="zoom-measured" slide="slide"
rows = {}
for name, zooming in {"the whole frame": False, "a window": True}.items():
    scores = []
    for clip in far:
        found = run(MaskTrack(steps=0, zooming=zooming), clip, progress=False) == 1
        here = np.stack(list(clip.masks)) == 1
        scores.append([jaccard(found, here)[1:].mean(), boundary_f(found, here)[1:].mean()])
    rows[name] = dict(zip(("J", "F"), np.mean(scores, axis=0), strict=True))
figures.table(rows, title="Three clips with a small object", name="the network sees", digits=2)

# %% [markdown] name="zoom-explained" slide="skip"
# If there is a gain, it is in the last digit. The claim below repeats the experiment with more
# clips.

# %% [markdown] name="flow-text" slide="slide"
# ## The flow stream
#
# If something moves by itself, it is often the object. So the paper asks the *same* network a
# second time, with another picture: the length of the flow at each pixel. The two answers are
# averaged. Our picture shows how far each pixel moves *more* than most of the frame. So it stays
# dark when only the camera moves.

# %% name="flow-stream" slide="slide"
drive = procedural.suite("speed", **small)[1]
moving = magnitude_image(estimate(drive.frames[8], drive.frames[7], "dis"))
figures.strip(
    [drive.frames[7], drive.frames[8], moving],
    [None, drive.masks[8], None],
    titles=["frame 7", "frame 8 and its mask", "length of the flow"],
    title="In the flow the object can be seen without its colours",
)

# %% name="flow-measured" slide="slide"
rows = {
    clip.name: {
        name: j_of(run(MaskTrack(steps=0, **options), clip, progress=False), clip).mean()
        for name, options in {
            "picture alone": {},
            "and the flow stream": {"flow_stream": True},
            "the mask carried by flow": {"carried": True},
        }.items()
    }
    for clip in (drive, walk, clips[1])
}
figures.table(
    rows, title="Two ways to use flow: as a picture, or to carry the mask", name="clip", digits=2
)

# %% [markdown] name="flow-explained" slide="skip"
# There are two ways to use flow, and only one of them helps here. The flow stream makes the masks
# worse on all three clips; in the paper it makes them better. Our guess is that this network has
# learned the outlines of drawn animals, and the picture of the flow is a bright cloud without a
# sharp edge. So the flow stream is off in our `MaskTrack()`.
#
# The last column uses flow in another way. It carries the last mask along before the network
# refines it, as you did in lesson 04. Where the object is fast, this makes a big difference. Lucid
# does it, too.
#
# ## Lucid: dream the rest of the video
#
# In fine-tuning the network sees one frame, turned and mirrored as a whole. So the object always
# stands on the same spot of grass. Khoreva et al. (IJCV 2019) take the frame apart. They cut the
# object out and fill the hole. Then object and ground can move *independently*, and the true mask
# of every new frame is known. They call it *lucid data dreaming*.

# %% name="taken-apart" slide="slide"
picture, labels = walk.frames[0], walk.masks[0]
ground = fill_hole(picture, labels > 0)
cut_out = np.where((labels > 0)[..., None], picture, 255).astype(np.uint8)
figures.strip(
    [picture, cut_out, ground],
    titles=["the annotated frame", "the object", "the ground, its hole filled"],
    title="One frame, taken apart",
)

# %% exercise="vos_lab.methods.lucid_frames.lucid_frame" points=3

# %% [markdown] name="studio-text" slide="skip"
# Try it. The studio runs your function. Which of these frames could really occur in the video?

# %% name="studio" slide="slide"
DreamStudio(walk, right=0.6, scale=1.25, turn=-12, bend=0.08, ground=30, light=-0.25)


# %% name="dreams" slide="slide"
def contact_sheet(video, seed, **words):
    """Eight dreams of the first frame."""
    rng, dream = np.random.default_rng(seed), Dream(video.frames[0], video.masks[0])
    images, masks = zip(*(dream.frame(rng) for _ in range(8)), strict=True)
    titles = [f"dream {i}" for i in range(1, 9)]
    return figures.strip(images, masks, range(8), titles, opacity=0.1, **words)


contact_sheet(
    walk,
    1,
    title="Eight new frames made from one, with exact masks",
    most_bytes=24_000,
)

# %% [markdown] name="two-text" slide="skip"
# If there are two objects, each of them moves by itself, and they are painted in a random order. So
# the network sees each of them behind the other. The first frame alone could never show that.

# %% name="two-objects" slide="slide"
pair = procedural.render(procedural.Spec(objects=2, frames=1, size=(120, 216)), 17)
contact_sheet(
    pair,
    2,
    title="Two objects move independently, and hide each other",
    most_bytes=24_000,
)

# %% name="lucid-quiz" slide="fragment"
quiz("08_masktrack", "lucid")

# %% [markdown] name="lucid-departures" slide="skip"
# > **In the paper** the hole in the ground is filled with patches of the rest of the frame, objects
# > are bent with thin-plate splines and pasted with Poisson blending. Each dream is a *pair* of
# > frames with its flow, and 2,500 pairs are made. **Here** a simpler filling, a bent grid and a
# > soft edge take their place. Each dream is a single frame, and it is made when it is needed,
# > because that is fast enough for a laptop. What lies outside the frame is filled with a mirror
# > image of what is inside.
#
# ## Lucid against plain augmentation
#
# The network, the number of steps and the masks that flow carries along are the same for both
# curves. Only the frames for fine-tuning differ: either the first frame turned and mirrored as a
# whole, or dreams of it.

# %% name="lucid-against-plain" slide="slide"
twins = procedural.suite("distractors", **small)[0]
dreamt = {
    "plain": run(Lucid(steps=40, augmentation="plain"), twins, progress=False),
    "lucid": run(Lucid(steps=40), twins, progress=False),
}
figures.curves(
    {name: j_of(masks, twins) for name, masks in dreamt.items()},
    "40 steps of fine-tuning, on plain and on lucid frames",
    ylabel="J",
    x=np.arange(1, len(twins)),
)

# %% [markdown] name="one-clip" slide="skip"
# In this clip a twin walks about, and it is background. One clip and one seed prove nothing. The
# claims below repeat the experiment on many clips.

# %% [markdown] name="trust-it" slide="slide"
# ## Break it: trust the mask too much
#
# The damage that you simulate makes the task harder for the network: without it, the loss would be
# far smaller. So leave it out. First make your prediction.

# %% name="trusting-quiz" slide="fragment"
quiz("08_masktrack", "trusting")


# %% name="trusting" slide="slide"
class Trusting(MaskTrack):
    """Is always shown the true mask as the last one."""

    def example(self, image, labels, label, rng):
        """A picture, its true mask in the place of the last one, and the truth."""
        picture, _, truth = super().example(image, labels, label, rng)
        return picture, (truth == 1).astype(np.float32), truth


trusting = Trusting(steps=60, watch=lambda _, loss: losses["perfect"].append(loss))
tracks = {"damaged": tuned, "perfect": run(trusting, walk, progress=False)}
for name in tracks:
    end = np.mean(losses[name][-10:])
    print(
        f"{name}: loss {end:.2f} at the end, J {j_of(tracks[name], walk).mean():.2f} on the video"
    )
figures.strip(
    walk,
    tracks,
    at=[1, 4, 8, 12, 15],
    title="Trained with perfect masks it keeps the old mask; with damaged ones it follows",
    most_bytes=24_000,
)

# %% [markdown] name="trusting-explained"
# In this training a perfect mask gives the answer away. So the loss is small, and the network
# mostly learns to copy the mask. (It does not only copy, because at the start of this training it
# had already learned from damaged masks.) The damage makes training harder, but without it the
# network does not learn what it needs.
#
# ## Break it: hide the object
#
# The opposite can happen, too: the last mask is empty, or it lies on the wrong thing. First make
# your prediction.

# %% name="occlusion-quiz" slide="fragment"
quiz("08_masktrack", "occlusion")

# %% name="occlusion" slide="slide"
hidden = occluded_video(4)
gone = [t for t in range(len(hidden)) if not (hidden.masks[t] == 1).any()]
hidden_truth = np.stack(list(hidden.masks)) == 1
methods = {
    "MaskTrack": MaskTrack(steps=40),
    "OSVOS": OSVOS(steps=60, snapping=False),
}
curves = {}
for name, method in methods.items():
    curves[name] = jaccard(run(method, hidden, progress=False) == 1, hidden_truth)
    curves[name][gone] = np.nan  # nothing to find, so nothing to score
figures.curves(
    curves,
    "After a full occlusion MaskTrack stays lost; OSVOS looks everywhere and finds it",
    ylabel="J",
    events={gone[0]: "hidden", gone[-1] + 1: "seen again"},
)

# %% [markdown] name="occlusion-explained"
# MaskTrack remembers one mask, and when that mask is wrong, it stays wrong. OSVOS remembers no
# mask, so this cannot happen to it. Later methods combine both: they look at the whole frame *and*
# at where the object was.
#
# ## Claims, measured
#
# Each line is an experiment with several seeds. It says whose claim it is, and how large the effect
# has to be to matter. An effect is above zero if the claim is right.

# %% name="claims" slide="slide"
verdicts = [claims.saved(claim) for claim in claims.of_lesson("08_masktrack")]
figures.table(claims.summary(verdicts), title="The claims, measured", name="claim", digits=2)

# %% [markdown] name="leaderboard-text" slide="skip"
# On drawn videos, stills are enough: the first claim holds. On real video they are not; see the
# table below, where the network that was trained on stills alone is no better than the copied first
# mask. The other two claims are *undecided*. On these short drawn clips the object hardly changes,
# and dreams were no better than plain views of the first frame. And on average the window brought
# nothing for small drawn objects: some clips get better and some get worse, because a window around
# a wrong mask shows the wrong thing. In the papers both bring a gain.
#
# ## On real video
#
# The same methods on five sequences of DAVIS 2016.

# %% name="leaderboard" slide="slide"
shown = {
    "baseline": "first mask copied",
    "osvos": "OSVOS",
    "masktrack": "MaskTrack",
    "masktrack-long-parent": "MaskTrack, longer parent",
    "masktrack-long-parent-mirrored": "MaskTrack, longer parent, mirrored",
    "masktrack-without-fine-tuning": "MaskTrack, stills alone",
    "masktrack-without-zoom": "MaskTrack, no zoom",
    "masktrack-with-flow-stream": "MaskTrack, flow stream",
    "lucid": "Lucid",
    "lucid-plain": "Lucid, plain frames",
}
rows = bench.compared(shown, "J", "F", "T", "s per frame")
figures.table(rows, title="Five sequences of DAVIS 2016, and five drawn ones", digits=2)

# %% [markdown] name="leaderboard-explained"
# MaskTrack is better than OSVOS where the object grows (*drift-straight*: J {{board
# davis2016/drift-straight masktrack J}}, OSVOS {{board davis2016/drift-straight osvos J}}), and it
# loses what gets hidden. Fine-tuned on dreams, J is {{board davis2016 lucid J}}, and on plain
# frames {{board davis2016 lucid-plain J}}. The window does not help on these sequences: without it
# J is {{board davis2016 masktrack-without-zoom J}} and F is {{board davis2016
# masktrack-without-zoom F}}, and with it {{board davis2016 masktrack J}} and {{board davis2016
# masktrack F}}. Our guess is that their objects have enough pixels without it. With the flow stream
# J falls to {{board davis2016 masktrack-with-flow-stream J}}, as it did on the drawn clips.
#
# The published MaskTrack, with VGG-16, flow and a CRF, has J 0.80 on all 20 sequences that DAVIS
# 2016 keeps for validation (Perazzi et al.). Ours is a small network without ImageNet.
#
# Our network has also not learned enough. `MaskTrack("masktrack-parent-long")` saw four times as
# many views as the short parent network, and on real video its J is {{board davis2016
# masktrack-long-parent J}}. If you ask it a second time with the mirror image and average both
# answers, `mirrored=True`, J is {{board davis2016 masktrack-long-parent-mirrored J}}; on validation
# videos this raised J in all fifteen. We measured everything else in this lesson with the short
# one, because a laptop can train it in half an hour.

# %% name="real" tags=["real-data"]
real = example("camel")
if real is not None:
    real = real.part(0, 24).resized(240)
    real_truth = np.stack(list(real.masks)) == 1
    real_methods = {"MaskTrack": MaskTrack(steps=30), "Lucid": Lucid(steps=30)}
    found = {name: run(method, real, progress=False) for name, method in real_methods.items()}
    for name, masks in found.items():
        print(f"{real.name}, {name}: J {jaccard(masks == 1, real_truth)[1:].mean():.2f}")
    display(Player(real, found, title="Two camels, one mask"))

# %% [markdown] name="challenge-text" slide="skip"
# ## Beat this score
#
# Two videos: in one the size of the object changes, in the other it is fast. From which damaged
# masks should the network learn, and what should it see beside the frame? Put your answer below in
# the place of `None`. It takes about as long as two fine-tunings. Your best score is kept.

# %% name="challenge"
answer = None  # for example: lambda: MaskTrack(augmentation="lucid")
beat("08_masktrack", answer)

# %% [markdown] name="summary" slide="slide"
# ## Remember
#
# - The last mask says which object we want and about where it is; the picture says where exactly it
#   ends. A fourth channel gives both to a network.
# - To learn this, a network needs no video: damage a true mask in the way in which motion would
#   change it. Without damage the network learns to copy.
# - One annotated frame becomes a whole training set if you take it apart and put it together in new
#   ways.
#
# **Next.** All these methods learn while you wait. [Lesson 09](09_pixel_retrieval.ipynb) learns
# nothing at test time: it compares each pixel with those of the first frame.
#
# **Papers.** F. Perazzi, A. Khoreva, R. Benenson, B. Schiele and A. Sorkine-Hornung, *Learning
# Video Object Segmentation from Static Images*, CVPR 2017. A. Khoreva, R. Benenson, E. Ilg, T. Brox
# and B. Schiele, *Lucid Data Dreaming for Video Object Segmentation*, IJCV 2019 (further reading of
# the lecture). S. Ren, K. He, R. Girshick and J. Sun, *Faster R-CNN*, NeurIPS 2015. P. Bergmann, T.
# Meinhardt and L. Leal-Taixé, *Tracking without Bells and Whistles*, ICCV 2019 (Tracktor). A.
# Telea, *An Image Inpainting Technique Based on the Fast Marching Method*, Journal of Graphics
# Tools 2004.
