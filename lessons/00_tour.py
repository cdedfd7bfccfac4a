# %% [markdown] name="title" minutes=45 needs=[] builds="an overlay, and the baseline that every method must beat" slide="slide"
# # What is video object segmentation?
#
# Somebody points at one animal in the first frame of a video. Your task is to find the same animal,
# to the pixel, in every frame that follows: when it turns, when it runs, when it hides behind a
# tree, and when a second animal that looks just like it walks in.
#
# The colour marks the pixels of the animal. While the animal is hidden, there is nothing to mark.
# **What would a program need to know to paint this?** Every lesson of this course gives one answer.

# %% [markdown] name="instructor" tags=["instructor"] slide="notes"
# **For the instructor**
#
# | section | minutes |
# | --- | --- |
# | the problem, four tasks | 10 |
# | overlay (exercise) | 10 |
# | challenges | 10 |
# | the baseline (exercise), break it | 10 |
# | your own video, questions | 5 |
#
# *What usually goes wrong.* Colours are mixed in uint8 and wrap around. The copies of the first
# mask are one array under many names. The check has a message for each of these.
#
# *Show live.* The challenge studio: let the room name a challenge and say what a method must know
# to survive it. Turn the knob only then.
#
# *Ask the room.* Which of the four tasks does a phone solve when it blurs the background of a video
# call? When is an empty mask the best answer to a one-shot task?

# %% name="imports" slide="skip"
from dataclasses import replace
from pathlib import Path

import numpy as np

from vos_lab import methods, metrics, video
from vos_lab.claims import mean_interval
from vos_lab.course import beat, check, hint, quiz
from vos_lab.datasets import procedural
from vos_lab.datasets.davis import example
from vos_lab.methods.baseline import Baseline
from vos_lab.video import OBJECT_COLOURS, Video
from vos_lab.view import figures
from vos_lab.view.widgets.tour import ChallengeStudio
from vos_lab.view.widgets.painter import Painter
from vos_lab.view.widgets.player import Player

# %% name="picture" tags=["picture"]
hide_and_seek = procedural.suite("occlusion")[0]
figures.clip(
    hide_and_seek,
    hide_and_seek.masks,
    alt="An animal walks behind something in the foreground and comes out again. "
    "Its visible pixels are painted orange.",
)

# %% [markdown] name="goals" slide="skip"
# After this lesson you can
#
# - say what goes into video object segmentation (VOS) and what comes out,
# - tell apart four tasks with similar names,
# - name what makes the problem hard, and recognise it in a video,
# - run a method on a video, on many videos, and on your own clip.
#
# You need Python and a little NumPy. It takes about 45 minutes. Nothing here needs a network. The
# widgets work only while Python is running: if you open this notebook again and they say *model not
# found*, choose Run > Run All Cells.

# %% [markdown] name="frames-and-masks"
# ## Frames and masks
#
# A *video* is a sequence of *frames*. A frame is an array of shape `(H, W, 3)`: height, width, and
# three numbers from 0 to 255 for red, green and blue. A *mask* says what each pixel belongs to. It
# is an array of shape `(H, W)` that holds a *label* for each pixel: 0 for the background, 1 for the
# first object, 2 for the second, and so on. The label 255 means *void*: the person who annotated
# the video was not sure about this pixel, so it does not count in any score.

# %% name="frames-and-masks-in-numbers" tags=["compare"]
party = procedural.suite("many-objects")[0]
frame, mask = party.frames[0], party.masks[0]
print(f"{len(party)} frames of shape {frame.shape}, {frame.dtype}")
for label in np.unique(mask):
    what = "background" if label == 0 else f"object {label}"
    print(f"label {label}: {what}, {np.mean(mask == label):.0%} of the pixels")

# %% name="player" slide="slide"
Player(
    party,
    party.masks,
    title="Arrow keys move, space plays, m hides the masks",
)

# %% [markdown] name="player-questions"
# Click on the player and use the keys. Step through the frames one by one. Look for a place where
# two objects overlap. To which of them do the pixels belong? To the one in front, because a mask
# holds only what can be *seen*.
#
# ## Write it: paint the mask over the frame
#
# You will look at thousands of masks in this course, so the first function that you write shows
# one. Each pixel of an object becomes a mixture of the frame and the object's colour:
#
# $$\text{mixed} = (1 - \alpha)\,\text{frame} + \alpha\,\text{colour}$$
#
# The number $\alpha$ is the *opacity*: 0 shows only the frame, 1 shows only the colour. Every
# picture with masks in this course, and every clip that you save, will be drawn by your function.

# %% exercise="vos_lab.video.label_maps.overlay" points=2

# %% name="overlay-in-use"
opacities = (0.1, 0.3, 0.5, 0.7, 0.9)
figures.strip(
    [video.overlay(party.frames[8], party.masks[8], opacity) for opacity in opacities],
    titles=[f"opacity {opacity}" for opacity in opacities],
    title="A low opacity shows the texture, a high one the shape",
)

# %% [markdown] name="tasks" slide="slide"
# ## Four tasks
#
# You can ask four different questions about the same video, and each has its own right answer.
#
# | task | what is given | what is wanted |
# | --- | --- | --- |
# | **semi-supervised** or *one-shot* VOS | the mask of frame 1 | that object, in every frame |
# | **unsupervised** or *zero-shot* VOS | nothing | the objects that a viewer would follow |
# | **motion segmentation** | nothing | everything that moves by itself |
# | **salient object detection** | nothing | what catches the eye, often frame by frame |
#
# "Unsupervised" does not mean that the method was trained without labels. It means that nobody
# labels anything in the video that it has to segment.

# %% name="tasks-picture" slide="fragment"
at = range(0, 36, 8)
answers = {
    "one-shot, object 1 given": [np.where(party.masks[t] == 1, 1, 0) for t in at],
    "zero-shot: what a viewer follows": [party.masks[t] for t in at],
    "motion: all that moves, one label": [(party.masks[t] > 0).astype(np.uint8) for t in at],
}
figures.strip(
    [party.frames[t] for t in at],
    answers,
    titles=[f"frame {t}" for t in at],
    title="One video, three right answers",
)

# %% [markdown] name="tracking" slide="slide"
# ## Why start with one object and a first mask?
#
# A *tracker* follows many objects through a long video. Most trackers follow boxes. A box around a
# person also holds a part of the street, and where two people meet, their boxes overlap. Masks do
# not have this problem, so it makes sense to track with segmentation. But then everything is hard
# at once: nobody gives a first mask, and people come and go.
#
# The lecture calls VOS *a testing ground for segmentation-based tracking*. The videos are short,
# the objects are few, and the first mask is given. So you can study one question alone: how do you
# follow the pixels of an object? Lesson 16 takes this help away again, and builds a tracker for a
# crowd.

# %% name="tasks-quiz" slide="fragment"
quiz("00_tour", "which task")

# %% [markdown] name="challenges" slide="slide"
# ## What makes it hard
#
# The lecture names these challenges, and each has a knob below. A program draws the clip, so we
# know the true mask and the true motion of every pixel. For a real video nobody knows them exactly.
#
# Turn one knob at a time. Before you do, guess: what must a method know so that this knob does not
# break it?

# %% name="challenge-studio" slide="slide"
studio = ChallengeStudio(seed=3, occlusion=0.8)
studio

# %% [markdown] name="challenges-table"
# | challenge | which methods it breaks |
# | --- | --- |
# | appearance change | methods that remember how the object *looked* |
# | viewpoint change | the same methods, because the object shows another side of itself |
# | occlusion | methods that follow the object from frame to *frame* |
# | scale change | methods with a window of fixed size |
# | distractors: a twin of the object | methods that look at *appearance* alone |
# | fast motion, camera motion, blur | methods that look for the object where it *was* |
#
# Every family of methods has a weakness, and the table says which one. From lesson 04 on you will
# cause each of these failures on purpose, and measure it.
#
# ## Where real masks come from
#
# Somebody has to paint the masks by hand. This takes long, so datasets are small, and some of them
# annotate only every fifth frame.
#
# | dataset | videos to train, to test | masks |
# | --- | --- | --- |
# | DAVIS 2016 | 30, 20 | one object, every frame |
# | DAVIS 2017 | 60, 90 | several objects, every frame |
# | YouTube-VOS 2018 | 3471, 982 | every fifth frame; an object may first appear late |
#
# The numbers of YouTube-VOS are those of its challenge of 2018 (474 videos to validate, 508 to
# test). The paper of the same year describes an earlier version with fewer videos. Of the 91 object
# classes in the validation videos, 26 never occur in the training videos. A method gets one score
# for the classes that it has seen in training, and another for the classes that it has not seen.

# %% name="hidden-quiz" slide="fragment"
quiz("00_tour", "hidden")

# %% [markdown] name="baseline"
# ## Write it: the method that does nothing
#
# Before you build a clever method, build the simplest one that you can think of. The **baseline**
# copies the first mask to every frame. If a method does not score higher than this, it has not
# followed anything. And if the baseline itself scores high on a video, then hardly anything moves
# in it.

# %% exercise="vos_lab.methods.baseline.first_mask_everywhere" points=1

# %% [markdown] name="segmenter"
# ## The whole method
#
# Every method of this course is a **Segmenter**. It has two functions: `start(frame, mask)`, and
# `step(frame)`, which returns a mask. It gets one frame at a time and cannot look ahead. The class
# `Baseline` wraps your function in this form, and `run` calls it for each frame of a video.

# %% name="run-baseline"
hide_and_seek = procedural.suite("occlusion")[0]
masks = methods.run(Baseline(), hide_and_seek)
figures.strip(
    hide_and_seek,
    {"truth": hide_and_seek.masks, "baseline": masks},
    title="The object walks on; the copied mask stays behind",
)

# %% [markdown] name="score"
# How wrong is that? The **Jaccard index** $J$ is the number of pixels that are in both masks,
# divided by the number of pixels that are in at least one of them. It is 1 if both masks are the
# same, and 0 if they do not touch. In lesson 01 you will write it yourself. Here we only use it.

# %% name="score-over-time"
truth = np.stack(hide_and_seek.masks)
score = metrics.jaccard(masks == 1, truth == 1)
hidden = [t for t in range(len(truth)) if not (truth[t] == 1).any()]
figures.curves(
    {"baseline": score},
    "The baseline is right once, and never again",
    ylabel="J, region overlap (0 to 1)",
    events={hidden[0]: "completely hidden"} if hidden else None,
)

# %% [markdown] name="break-it" slide="slide"
# ## Break it
#
# One video proves little. Below, the baseline runs on ten videos of each challenge. First make your
# prediction.

# %% name="prediction" slide="fragment"
quiz("00_tour", "what hurts most")


# %% name="every-challenge" slide="slide"
def mean_j(clip):
    """Mean J of the baseline over all frames and objects of a video."""
    truth = np.stack(clip.masks)
    masks = methods.run(Baseline(), clip, progress=False)
    objects = [label for label in np.unique(clip.first_mask) if 0 < label < 255]
    return np.mean([metrics.jaccard(masks[1:] == k, truth[1:] == k).mean() for k in objects])


suites = ["easy", "appearance", "lighting", "viewpoint", "scale", "occlusion", "camera", "speed"]
small = {"frames": 24, "size": (120, 216)}  # small frames are drawn fast
scores = {
    name: mean_interval(np.array([mean_j(clip) for clip in procedural.suite(name, **small)]))
    for name in suites
}
figures.bars(
    {name: mean for name, (mean, _, _) in scores.items()},
    "Fast motion ruins the baseline, a change of light does not",
    xlabel="mean J of the baseline, 10 videos each, with 95 % interval",
    intervals={name: (low, high) for name, (_, low, high) in scores.items()},
    digits=2,
)

# %% [markdown] name="break-it-explained"
# On videos with fast objects the J of the baseline is far lower than on easy ones. A change of
# light does it no harm, because it never looks at a colour. With occlusion J is lowest of all, but
# not because the object hides: to pass behind something the object has to cross the frame, and it
# leaves the copied mask behind on its way. So **a challenge never comes alone**, and a score
# measures everything that comes with it. Look at the intervals, too: with only ten videos you
# cannot tell *lighting* from *easy*.

# %% [markdown] name="real-video"
# ## On real video
#
# The same lines run on DAVIS. If your machine has DAVIS, the next cell shows a real sequence and
# the score of the baseline on it. If not, the cell says how to get it.

# %% name="real-baseline" tags=["real-data"]
real = example("blackswan")
if real is not None:
    print(f"{real.name}: mean J of the baseline {mean_j(real):.2f}")
    display(Player(real.part(0, 40), {"truth": real.masks[:40]}, title=real.name))

# %% [markdown] name="own-video"
# ## Bring your own video
#
# Put the path of a video between the quotes: mp4, mov, avi, GIF, or a folder of images. If you
# leave it empty, you get a clip of this course. On Windows write `/` in the path, not `\`. Then
# paint the object in the first frame: draw with the brush, or click around the object with the
# polygon and close it with a double click.

# %% name="own-video-paint"
path = ""
mine = Video.read(path).resized(240) if path else procedural.suite("speed")[0]
painter = Painter(mine)
painter

# %% [markdown] name="own-video-run"
# The next cell runs a method from your mask, and saves the result. In later lessons, put the name
# of a better method in place of `baseline`.

# %% name="own-video-save"
first = painter.mask if painter.mask.any() else mine.first_mask
mine = replace(mine, masks=[first] + [None] * (len(mine) - 1))
result = methods.run(methods.create("baseline"), mine)
for name in ("my_video.mp4", "my_video.gif"):
    mine.write(name, result)
    print(f"{name}: {Path(name).stat().st_size / 1000:.0f} kB")
Player(mine, {"baseline": result}, title="Saved next to this notebook")

# %% name="last-quiz" slide="fragment"
quiz("00_tour", "why a baseline")

# %% [markdown] name="challenge-text" slide="skip"
# ## Beat this score
#
# You have only seen the baseline so far, and it does nothing. Can you do better with what you know?
# For example, look for pixels with the colours of the object, or move the mask to where such pixels
# are. A method needs two functions, `start(frame, mask)` and `step(frame)`. Put your answer below
# in the place of `None`. Your best score is kept.

# %% name="challenge"
answer = None  # for example: lambda: MyMethod()
beat("00_tour", answer)

# %% [markdown] name="summary" slide="slide"
# ## Remember
#
# - One-shot VOS: the first mask is given, and you have to find all the others. A mask holds only
#   what is *seen*, so the right answer for a hidden object is an empty mask.
# - Each challenge breaks a different assumption: that the object keeps its looks, that it stays
#   near its last place, or that nothing else looks like it.
# - The baseline that copies the first mask is the score that every method has to beat. It stands in
#   every table of this course.
#
# **Next.** J says that the baseline is bad. Can you trust J? In [lesson 01](01_metrics.ipynb) you
# build two measures and find out when they disagree.
#
# **Papers.** F. Perazzi et al., *A Benchmark Dataset and Evaluation Methodology for Video Object
# Segmentation*, CVPR 2016 (DAVIS 2016). J. Pont-Tuset et al., *The 2017 DAVIS Challenge on Video
# Object Segmentation*, 2017. N. Xu et al., *YouTube-VOS: Sequence-to-Sequence Video Object
# Segmentation*, ECCV 2018, and *YouTube-VOS: A Large-Scale Video Object Segmentation Benchmark*,
# 2018 (the numbers of the challenge).
#
# **Thanks.** The lecture behind this course took slides and ideas from Xavier Giró (UPC) and
# Jonathon Luiten (RWTH Aachen).
