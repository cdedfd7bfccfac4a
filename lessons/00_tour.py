# %% [markdown] name="title" minutes=45 needs=[] slide="slide"
# # What is video object segmentation?
#
# Somebody points at one animal in the first frame of a video. Find it again, to the pixel, in
# every frame that follows: when it turns, when it runs, when it hides behind a tree, when its
# twin walks in.

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
# mask are one array under many names. Both have a message of their own in the check.
#
# *Show live.* The challenge studio: let the room name a challenge, ask what a method would have
# to know to survive it, and only then turn the knob.
#
# *Ask the room.* Which of the four tasks does a phone solve when it blurs the background of a
# video call? When is the best answer to a one-shot task an empty mask?

# %% name="imports" slide="skip"
import numpy as np

from vos_lab import methods, metrics, video
from vos_lab.course import check, hint, quiz
from vos_lab.datasets import procedural
from vos_lab.datasets.davis import example
from vos_lab.methods import baseline
from vos_lab.video import OBJECT_COLOURS, Video
from vos_lab.view import figures
from vos_lab.view.explorers import ChallengeStudio
from vos_lab.view.painter import Painter
from vos_lab.view.player import Player

# %% name="problem" slide="slide"
hide_and_seek = procedural.suite("occlusion")[0]
figures.clip(
    hide_and_seek,
    hide_and_seek.masks,
    alt="An animal walks behind something in the foreground and comes out again. "
    "Its visible pixels are painted orange.",
)

# %% [markdown] name="goals" slide="skip"
# The colour marks the pixels of the animal. While it is hidden, none is left. **What would a
# program need to know, to paint this?** Every lesson of this course is one answer.
#
# After this lesson you can
#
# - say what goes into video object segmentation (VOS) and what comes out,
# - tell apart four tasks with similar names,
# - name what makes the problem hard, and recognise it in a video,
# - run a method on a video, on many videos, and on your own clip.
#
# You need Python and a little NumPy. It takes about 45 minutes. Nothing here needs a network.

# %% [markdown] name="frames-and-masks"
# ## Frames and masks
#
# A *video* is a sequence of *frames*. A frame is an array of shape `(H, W, 3)`: height, width,
# and three numbers from 0 to 255 for red, green and blue. A *mask* says what each pixel belongs
# to. It is an array of shape `(H, W)` that holds a *label*: 0 for the background, 1 for the first
# object, 2 for the second. So a mask is a map of labels. The label 255 means *void*: a pixel on
# which nobody wants to be judged.

# %% name="frames-and-masks-in-numbers" tags=["compare"]
party = procedural.suite("many-objects")[0]
frame, mask = party.frames[0], party.masks[0]
print(f"{len(party)} frames of shape {frame.shape}, {frame.dtype}")
for label in np.unique(mask):
    what = "background" if label == 0 else f"object {label}"
    print(f"label {label}: {what}, {np.mean(mask == label):.0%} of the pixels")

# %% name="player" slide="slide"
Player(party, party.masks, title="Arrow keys move, space plays, m hides the masks")

# %% [markdown] name="player-questions"
# Click on the player and use the keys. Step through the frames one by one. Where two objects
# overlap, who owns the pixels? The one in front: a mask holds only what can be *seen*.
#
# ## Exercise: paint the mask over the frame
#
# You will look at thousands of masks in this course, so the first function that you write shows
# one. Each pixel of an object becomes a mixture of the frame and the object's colour:
#
# $$\text{mixed} = (1 - \alpha)\,\text{frame} + \alpha\,\text{colour}$$
#
# The number $\alpha$ is the *opacity*: 0 shows the frame alone, 1 the colour alone. Every strip
# and every clip that you save will run through your function.

# %% exercise="vos_lab.video.overlay" points=2

# %% name="overlay-in-use"
figures.strip(
    {f"opacity {opacity}": [video.overlay(party.frames[t], party.masks[t], opacity) for t in (0, 8, 16)]
     for opacity in (0.25, 0.75)},
    title="A low opacity shows the texture, a high one shows the shape",
    alt="Three frames of a video with several objects, painted faintly above and strongly below.",
)

# %% [markdown] name="tasks" slide="slide"
# ## Four tasks, four answers
#
# The same video can be asked four different questions.
#
# | task | what is given | what is wanted |
# | --- | --- | --- |
# | **semi-supervised** or *one-shot* VOS | the mask of frame 1 | that object, in every frame |
# | **unsupervised** or *zero-shot* VOS | nothing | the objects that a viewer would follow |
# | **motion segmentation** | nothing | everything that moves by itself |
# | **salient object detection** | nothing | what catches the eye, often frame by frame |
#
# "Unsupervised" does not mean that nobody trained the method with labels. It means that nobody
# labels anything in the video at hand.

# %% name="tasks-picture"
figures.strip(
    {"one-shot: object 1 was given": [np.where(m == 1, m, 0) for m in (party.masks[t] for t in (0, 8, 16))]},
    title="x",
    alt="x",
)

# %% name="tasks-quiz" slide="fragment"
quiz("00_tour", "which task")

# %% [markdown] name="challenges" slide="slide"
# ## What makes it hard
#
# The lecture names the challenges. Each has a knob below. The world is drawn by a program, so
# the true mask, the true motion and the true occlusions are known for every pixel. Real videos
# come with none of that: one mask of DAVIS took a person several minutes.
#
# Turn one knob at a time. Before you do, guess: what does a method have to know to survive it?

# %% name="challenge-studio" slide="slide"
ChallengeStudio()

# %% [markdown] name="datasets"
# ## Where real masks come from
#
# | dataset | videos | objects | what is special |
# | --- | --- | --- | --- |
# | DAVIS 2016 | 30 for training, 20 for validation | one per video | every frame has a mask |
# | DAVIS 2017 | 60 and 30 | several per video | same quality, harder |
# | YouTube-VOS 2018 | 3471 and 474 | several per video | every fifth frame; objects may appear late; 26 classes are unseen in training |
