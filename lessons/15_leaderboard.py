# %% [markdown] name="title" minutes=75 needs=["01_metrics", "09_pixel_retrieval"] builds="cue dependence, paired intervals, the Pareto front" slide="slide"
# # Leaderboard: which idea when?
#
# You see the same video four times. The first is whole. In each of the others one cue is destroyed:
# every other frame is mirrored, or every frame has another hue, or the animal has become a blob.
# You find it at once in all four. **Which method of this course would lose it in which video?**

# %% [markdown] name="instructor" tags=["instructor"] slide="notes"
# **For the instructor**
#
# | section | minutes |
# | --- | --- |
# | destroy a cue: what does a method live on? (exercise `cue_dependence`) | 20 |
# | who is really ahead? (`paired_interval`) | 20 |
# | J against seconds (`pareto_front`) | 10 |
# | drawn and real, published and ours, the weights | 15 |
# | claims, what PReMVOS taught, open issues | 10 |
#
# *What usually goes wrong.* The share of J is taken video by video, so that a video with J near 0
# decides. The two methods are drawn apart, so that the interval is several times too long. In the
# front a method dominates itself. Each has a message of its own in the check.
#
# *Show live.* The weighted leaderboard. Ask somebody what counts in their own work, set the sliders
# to that, and see who wins. Then click the winner on the map.
#
# *Ask the room.* A new method is .01 ahead of all others on five videos. What would you have to
# know before you believe that it is better? (The differences on each video, how many settings were
# tried on these videos, and how it was trained.)

# %% name="imports" slide="skip"
import time

import numpy as np

from vos_lab import bench, claims
from vos_lab.course import check, hint, quiz
from vos_lab.datasets import procedural
from vos_lab.datasets.cues import CUES, FRAMES, WITHOUT, cue_videos
from vos_lab.datasets.davis import example
from vos_lab.methods import METHODS, create, run
from vos_lab.metrics import jaccard
from vos_lab.metrics import leaderboard as measures
from vos_lab.metrics.leaderboard import rank_correlation, tail_share
from vos_lab.video import Video
from vos_lab.view import figures
from vos_lab.view.figures.leaderboard import map_of_methods, tradeoff
from vos_lab.view.widgets.leaderboard import WeightedLeaderboard

# %% name="picture" tags=["picture"]
clips = [cue_videos(bed)[2] for bed in CUES]


def tiled(pictures):
    """Four pictures as one, two beside each other."""
    return np.vstack([np.hstack(pictures[:2]), np.hstack(pictures[2:])])


figures.clip(
    Video("four", np.stack([tiled([c.frames[t] for c in clips]) for t in range(8)]), fps=4.0),
    alt="Four copies of a drawn video of an animal. One is whole, in one every other frame is "
    "mirrored, in one each frame has another hue, and in one the animal is a blob of its colours.",
    height=180,
    most_bytes=58_000,
)

# %% name="problem" slide="slide"
clips = {cue or "whole": cue_videos(bed)[0] for bed, cue in CUES.items()}
figures.strip(
    [clip.frames[1] for clip in clips.values()],
    [clip.masks[1] for clip in clips.values()],
    titles=["whole", *(f"without {cue}" for cue in WITHOUT)],
    title="The second frame of a video, whole and with one cue destroyed",
    opacity=0.3,
)

# %% name="prediction" slide="fragment"
quiz("15_leaderboard", "which")

# %% name="live" slide="slide"
rows, begun = {}, time.perf_counter()
for method in ("flow-propagation", "pixel-retrieval", "stm"):
    rows[method] = {
        name if name == "whole" else f"without {name}": jaccard(
            run(create(method), clip, progress=False) == 1, np.stack(list(clip.masks)) == 1
        )[1:].mean()
        for name, clip in clips.items()
    }
print(f"{12 * FRAMES} frames segmented in {time.perf_counter() - begun:.0f} s")
figures.table(rows, title="J of three methods on this video", digits=2)

# %% [markdown] name="goals" slide="skip"
# After this lesson you can
#
# - measure which cue a method lives on, and put it on a map,
# - say how sure it is that one method is ahead of another,
# - find the methods that are worth their seconds,
# - read a leaderboard with care: what was averaged, over which videos, and what was published.
#
# You need lessons 01 and 09. It takes about 75 minutes. Nothing is trained here. The tables show
# what was recorded when each method was built, and you measure some of it again.
#
# ## What does a method live on?
#
# The lecture draws a map of methods with three regions: *motion*, *shape* and *matching*. Flow
# propagation carries masks along the motion. OSVOS-S and MaskTrack know what objects are shaped
# like. Pixel retrieval and the space-time memory match what they see with what they remember. This
# is how the methods were meant. What they really use can be measured: destroy one cue, change as
# little else as you can, and see how much J is lost.
#
# - **Motion and place:** every other frame is mirrored. The object jumps from one side to the
#   other, and looks as before.
# - **Appearance:** the colours of each frame are turned around grey, by another angle each time.
#   How bright a pixel is stays, so that the motion stays, too.
# - **Shape:** the object becomes a blob of its own colours, in the same place and of the same size,
#   with another outline in each frame.

# %% [markdown] name="dependence-text" slide="slide"
# ## Write it: cue dependence
#
# A method has J on some videos, and J on the same videos without cue $c$. The bar is the mean over
# the videos:
#
# $$d_c = \max\Big(0,\ \frac{\bar J - \bar J_c}{\bar J}\Big).$$
#
# It is a *share* of what the method had, because a method with J 0.3 cannot lose more than 0.3. It
# is not below 0, because a method that gets better without a cue does not need it.

# %% exercise="vos_lab.metrics.leaderboard.cue_dependence" points=2

# %% name="dependence-in-use" slide="skip"
whole = bench.by_video("cues")
without = {cue: bench.by_video(f"cues-without-{cue}") for cue in WITHOUT}
dependence = {
    method: measures.cue_dependence(j, np.stack([of_cue[method] for of_cue in without.values()]))
    for method, j in whole.items()
    if all(method in of_cue for of_cue in without.values())
}
figures.bars(
    {m: dict(zip(WITHOUT, map(float, d), strict=True)) for m, d in dependence.items()},
    "What each method loses when a cue is destroyed",
    xlabel="share of J that is lost, mean of five drawn videos",
    digits=2,
)

# %% [markdown] name="map-text" slide="slide"
# ## The map, measured
#
# Put each method where its three shares pull it: all the way in a corner if it loses J only without
# that cue, and in the middle if it loses as much without each. A dot is as large as the largest of
# its shares, so a small dot says: this method lost little in all three videos, and its place says
# little, too.

# %% name="map" slide="slide"
map_of_methods(
    dependence,
    "The map of methods: the nearer to a corner, the more of the loss is that cue's",
)

# %% name="map-words" slide="slide"
for place, cue in enumerate(WITHOUT):
    most = [m for m, d in dependence.items() if d[place] == max(d) > 0.05]
    print(f"lose most without {cue}: {', '.join(most) or 'none'}")
few = [m for m, d in dependence.items() if max(d) <= 0.05]
print(f"lose 5 % or less whatever is destroyed: {', '.join(few) or 'none'}")
gains = [m for m in dependence if without["shape"][m].mean() > whole[m].mean()]
print(f"have a higher J with blobs: {', '.join(gains) or 'none'}")

# %% name="map-quiz" slide="fragment"
quiz("15_leaderboard", "map")

# %% [markdown] name="map-explained" slide="skip"
# Compare with what was meant. Flow propagation loses {{claim
# 15_leaderboard/flow-propagation-lives-on-motion}} more J by the mirror than by the hues, and pixel
# retrieval {{claim 15_leaderboard/pixel-retrieval-lives-on-appearance}} more by the hues than by
# the mirror. These two stand where the lecture puts them.
#
# OSVOS learns the object from the first frame. What of it does it learn? Here J is {{board cues
# osvos J}} on the whole videos, {{board cues-without-appearance osvos J}} with other hues, and
# {{board cues-without-shape osvos J}} on the blobs: it is the colours rather than the outline.
# MaskTrack before its fine-tuning has only the last mask, and what it knows of objects in general:
# {{board cues masktrack-without-fine-tuning J}} on the whole videos, {{board cues-without-motion
# masktrack-without-fine-tuning J}} mirrored, {{board cues-without-shape
# masktrack-without-fine-tuning J}} on the blobs.
#
# The space-time memory is called a matching method, too. Look at its bars: its keys are learned,
# and colour is only one of the things that a learned key can hold. What a method *could* use and
# what it *does* use are two things, and only the second can be measured like this.
#
# Shape is the cue that is hardest to destroy fairly. A blob is compact, without thin legs and
# tails, and so it is easier to meet: even the copied first mask has a higher J on the blobs. So
# what is lost by shape is measured too small. AGNN has no first mask, and
# must know what objects look like. To it the blobs cost {{claim
# 15_leaderboard/agnn-lives-on-shape}} more J than the hues (that it lives on shape: {{claim
# 15_leaderboard/agnn-lives-on-shape verdict}}).
#
# Two more cautions. Destroying a cue makes a video unlike all that a network was trained on, so a
# part of each loss may be surprise. And the objects stand near the middle of these videos, so that
# a mirrored one still covers a part of its old place: the copied first mask loses little by the
# mirror.
#
# ## Who is ahead?
#
# Here are the first fifteen methods of the leaderboard on five real sequences of DAVIS 2016, with
# the interval of each mean over the sequences.

# %% name="leaderboard" slide="slide"
real = {m: j for m, j in bench.by_video("davis2016").items() if m in METHODS}
real = dict(sorted(real.items(), key=lambda item: -item[1].mean()))
intervals = {method: claims.mean_interval(j) for method, j in real.items()}
figures.bars(
    {method: mean for method, (mean, _, _) in [*intervals.items()][:15]},
    "Five real sequences: all intervals are long",
    xlabel="J, mean of five sequences with its 95 % interval",
    intervals={method: ends for method, (_, *ends) in intervals.items()},
    digits=2,
)

# %% name="ahead-quiz" slide="fragment"
quiz("15_leaderboard", "ahead")

# %% [markdown] name="paired-text" slide="slide"
# ## Write it: the paired interval
#
# These intervals are long because some sequences are hard and others are easy, and they are so for
# all methods. To know who is ahead you don't need J. You need the *difference* on each video.
#
# The **bootstrap** then asks: had other videos been filmed, how far ahead would the method be?
# There are no other videos, so it draws from those that there are, with replacement, as many as
# there are. Some come twice, others not at all. After ten thousand draws, the middle 95 % of the
# means are the interval. (A little more for few videos, because five videos look more alike than
# they are.)

# %% exercise="vos_lab.metrics.leaderboard.paired_interval" points=3

# %% name="paired-in-use" slide="slide"
best, *others = real
ahead = {other: measures.paired_interval(real[best], real[other]) for other in others}
sure = [other for other, (_, low, _) in ahead.items() if low > 0]
figures.bars(
    {other: mean for other, (mean, _, _) in [*ahead.items()][:15]},
    "How far the first of the list is ahead of each other method",
    xlabel="difference of J, mean of five sequences with its 95 % interval",
    intervals={other: ends for other, (_, *ends) in ahead.items()},
    digits=2,
)

# %% name="paired-words" slide="skip"
print(f"{best} has the highest mean. It is surely ahead of {len(sure)} of {len(others)} methods.")
print("Not surely:", ", ".join(other for other in others if other not in sure) or "none")

# %% [markdown] name="luck-text" slide="slide"
# ## Break it: choose the videos
#
# Somebody wants another order, and may leave out one of the five sequences.

# %% name="luck-quiz" slide="fragment"
quiz("15_leaderboard", "luck")

# %% name="break-luck" slide="slide"
sequences = sorted(bench.leaderboard("davis2016")[best]["sequences"])
j = np.array(list(real.values()))
sets = {"all five": range(len(sequences))}
sets |= {f"all but {name}": np.delete(range(5), i) for i, name in enumerate(sequences)}
rows = {}
for name, kept in sets.items():
    best_first = np.argsort(-j[:, kept].mean(axis=1))
    rows[name] = {f"place {i + 1}": list(real)[best_first[i]] for i in range(4)}
figures.table(rows, title="The first four when one sequence is left out", name="sequences")

# %% name="break-one" slide="slide"
rows = {
    name: {
        "the winner": list(real)[j[:, i].argmax()],
        "its J": j[:, i].max(),
        f"J of {best}": j[0, i],
    }
    for i, name in enumerate(sequences)
}
drawn = np.random.default_rng(0).integers(0, len(sequences), (10_000, len(sequences)))
first = np.bincount(j[:, drawn].mean(axis=2).argmax(axis=0), minlength=len(j)) / len(drawn)
often = {list(real)[i]: f"{100 * first[i]:.0f} %" for i in np.argsort(-first) if first[i] >= 0.01}
print("If five sequences are drawn anew, the winner is", often)
figures.table(rows, title="The winner of each sequence alone", name="sequence", digits=2)

# %% [markdown] name="pareto-text" slide="slide"
# ## Is it worth the seconds?
#
# A method that needs two minutes for the first frame can be the right one for a film studio, and
# useless for a robot. So plot J against seconds. A method is **dominated** if another one is at
# least as fast and at least as good, and in one of the two really better. What is left is the
# **Pareto front**.

# %% exercise="vos_lab.metrics.leaderboard.pareto_front" points=2

# %% name="pareto-in-use" slide="slide"
LENGTH = 60  # frames of a video; the time for the first frame is shared among them


def cost(row):
    """Seconds of processor for a frame, with its share of the start; at least a thousandth."""
    start, step = row["overall"]["seconds_start"], row["overall"]["seconds_per_frame"]
    return max(0.001, start / LENGTH + step)


board = bench.leaderboard("davis2016")
points = {m: (cost(row), row["overall"]["J"]["mean"]) for m, row in board.items()}
main = {m: point for m, point in points.items() if m in METHODS}
seconds, scores = np.array(list(main.values())).T
front = [m for m, on in zip(main, measures.pareto_front(seconds, scores), strict=True) if on]
tradeoff(
    main,
    "J against seconds on real video: every method below the line is beaten by one on it",
    xlabel=f"seconds a frame on one core, for a video of {LENGTH} frames",
    ylabel="J",
    front=front,
    faint=[point for m, point in points.items() if m not in METHODS],
)

# %% name="pareto-quiz" slide="fragment"
quiz("15_leaderboard", "front")

# %% [markdown] name="pareto-explained" slide="skip"
# The grey dots are variants with one thing changed, from the tables of the other lessons. The
# seconds were measured when each method was built, and not all on one day. Take them for the order
# of magnitude: a factor of 10 is real, and a factor of 1.5 may not be.
#
# ## Drawn videos and real ones
#
# All networks of this course learned from drawn videos, and most claims were measured on drawn
# videos. Is that allowed? If the methods come in the same order on drawn and on real videos, then
# what you learn on one is worth something on the other. **Spearman's rank correlation** is 1 if the
# order is the same, and 0 if the one says nothing about the other.

# %% name="order" slide="slide"
mixed = {m: j for m, j in bench.by_video("mixed").items() if m in real}
pairs = [(mixed[m], real[m]) for m in mixed]
rho = rank_correlation(*(np.array([np.mean(j) for j in side]) for side in zip(*pairs, strict=True)))
rng, draws = np.random.default_rng(0), []
for _ in range(2000):
    some, others = rng.integers(0, 5, 5), rng.integers(0, 5, 5)
    means = np.array([(a[some].mean(), b[others].mean()) for a, b in pairs])
    draws.append(rank_correlation(*means.T))
low, high = np.quantile(draws, [tail_share(5, 0.95), 1 - tail_share(5, 0.95)])
print(f"rank correlation of {len(pairs)} methods: {rho:.2f} [{low:.2f}, {high:.2f}]")
order = sorted(mixed, key=lambda m: -mixed[m].mean())
places = {m: order.index(m) - [n for n in real if n in mixed].index(m) for m in order}
for way, sign in (("better", 1), ("worse", -1)):
    most = max(places, key=lambda m: sign * places[m])
    print(f"{most} does much {way} on real video: {abs(places[most])} places")

# %% name="order-drawn" slide="skip"
figures.bars(
    {m: {"drawn (mixed)": mixed[m].mean(), "real (DAVIS 2016)": real[m].mean()} for m in order},
    "J on drawn and on real videos, the best on drawn ones first",
    xlabel="J, mean of five videos",
    digits=2,
)

# %% [markdown] name="order-explained" slide="skip"
# ## Published numbers beside ours
#
# The table has J of the papers on the 20 validation sequences of DAVIS 2016, as the benchmark's own
# site or the paper has it, and ours on five of these sequences. All of ours are lower, and for
# reasons that are the same for all: small networks that run on a laptop, pictures of 240 x 432
# pixels, and drawn videos in place of photographs and of the 30 training sequences of DAVIS. The
# last column says what else the paper has.

# %% name="published" slide="slide"
published = {
    "object-flow": (68.0, "features of a CNN, superpixels"),
    "fusionseg": (70.7, "ResNet-101, videos of ImageNet"),
    "pixel-retrieval": (75.5, "DeepLab with ResNet-101"),
    "masktrack": (79.7, "photographs of salient objects"),
    "osvos": (79.8, "VGG from ImageNet, training on DAVIS"),
    "agnn": (80.7, "DeepLab, photographs of salient objects"),
    "premvos": (84.9, "Mask R-CNN, DeepLab, four networks"),
    "osvos-s": (85.6, "classes of COCO by a network of its own"),
    "onavos": (86.1, "a wide ResNet, pretraining on PASCAL"),
    "stm": (88.7, "photographs, then YouTube-VOS"),
}
rows = {
    method: {
        "published, 20 sequences": f"{percent / 100:.3f}",
        "ours, five": real[method].mean(),
        "what else the paper has": more,
    }
    for method, (percent, more) in published.items()
    if method in real
}
figures.table(rows, title="J on DAVIS 2016, published and ours", digits=3)

# %% name="published-words" slide="skip"
ours = np.array([real[method].mean() for method in rows])
theirs = np.array([published[method][0] for method in rows]) / 100
gap = dict(zip(rows, theirs - ours, strict=True))
print(f"rank correlation of ours and published: {rank_correlation(ours, theirs):.2f}")
print("the largest gaps:", ", ".join(sorted(gap, key=lambda m: -gap[m])[:3]))

# %% name="published-quiz" slide="fragment"
quiz("15_leaderboard", "published")

# %% [markdown] name="published-explained" slide="skip"
# Don't read the second column as a verdict on the papers. A part of each gap is what their networks
# learned beforehand from photographs, which ours never saw, and a part is that the sequences are
# not the same. How large each part is, this table cannot say.
#
# ## Which idea when?
#
# The drawn suites have one challenge each. Some methods were measured on all of them.

# %% name="suites" slide="skip"
boards = {name: bench.by_video(name) for name in (*procedural.SUITES,) if "crowd" not in name
          and name not in ("mixed", "intruder", "intruder-same")}  # fmt: skip
everywhere = [m for m in METHODS if all(m in board for board in boards.values())]
rows = {}
for name, board in boards.items():
    means = {method: float(board[method].mean()) for method in everywhere}
    first, second = sorted(means, key=lambda m: -means[m])[:2]
    _, low, _ = measures.paired_interval(board[first], board[second])
    rows[name] = {**means, "the winner": first if low > 0 else f"{first} (not surely)"}
wins = {m: sum(r["the winner"].startswith(m) for r in rows.values()) for m in everywhere}
print("suites won:", {m: count for m, count in wins.items() if count})
figures.table(rows, title="J on drawn suites of ten videos each", name="suite", digits=2)

# %% [markdown] name="widget-text" slide="slide"
# ## What counts for you?
#
# Any mean over challenges has weights, also the plain one. Choose yours. Methods that were not
# measured on something that counts are left out: on the last six challenges only few were measured.
# Then click a method on the map, and see what it makes of a video with a cue destroyed. Methods
# that fine-tune wait for the button **Run it**.

# %% name="widget" slide="slide"
means = {"DAVIS 2016": real, "mixed, drawn": mixed}
means |= {f"without {cue}": bench.by_video(f"cues-without-{cue}") for cue in WITHOUT}
for name in ("appearance", "occlusion", "scale", "distractors", "many-objects", "speed"):
    means[name] = boards[name]
small = bench.leaderboard("cues")
WeightedLeaderboard(
    {
        name: {m: float(j.mean()) for m, j in board.items() if m in METHODS}
        for name, board in means.items()
    },
    dependence,
    {
        m: row["overall"]["seconds_start"] + FRAMES * row["overall"]["seconds_per_frame"]
        for m, row in small.items()
    },
)

# %% [markdown] name="claims-text" slide="skip"
# ## Claims, measured
#
# The claims of this lesson ask the leaderboard; a run is one video. The first one is fair to the
# single best method: for each video the winners are chosen by the *other* videos, or else whoever
# is lucky on a video would win it.

# %% name="claims" slide="slide"
verdicts = [claims.saved(claim) for claim in claims.of_lesson("15_leaderboard")]
figures.table(claims.summary(verdicts), title="The claims, measured", name="claim", digits=2)

# %% [markdown] name="claims-explained" slide="skip"
# To choose the method for each challenge is worth {{claim 15_leaderboard/no-single-winner}} J: the
# claim that no method wins everywhere {{claim 15_leaderboard/no-single-winner verdict}}. And a
# single drawn video ranks the methods like the real ones with a correlation of {{claim
# 15_leaderboard/drawn-order}} on average. So drawn videos are good for finding out *why* a method
# fails, because there you can destroy one thing at a time. Who is best on real video has to be
# measured there.
#
# ## What the winner of 2018 taught
#
# PReMVOS (lesson 11) won the DAVIS challenge and the YouTube-VOS challenge of 2018. The lecture
# draws two lessons from it.
#
# - **Proposals carry far.** Networks that propose objects in single pictures, like SharpMask and
#   then Mask R-CNN, know nothing of video. If they propose enough, it remains to choose.
# - **Overlap measures consistency.** Carry the last mask along the flow, and compare it with a
#   proposal by their overlap. This one number says whether an object goes on where it was, and no
#   network has to learn that.
#
# On our leaderboard `premvos` has J {{board davis2016 premvos J}}. `premvos-fused`, which averages
# what OSVOS, pixel retrieval and MaskTrack say of each pixel, has {{board davis2016 premvos-fused
# J}}. That is what one would hope for from methods that live on different cues.
#
# ## Open issues
#
# The lecture ends with what all these methods do not have.
#
# - **No notion of 3D.** An object that passes behind another one is gone and comes back. Nothing in
#   a method knows that it is still there, in front of one thing and behind another.
# - **No start and no end of tracks.** Every object is there in frame 0. Lesson 16 begins where
#   objects come and go.
# - **Where does the first mask come from?** Somebody has to draw it. Lesson 14 does without, and
#   has to guess what the object is.

# %% name="open-quiz" slide="slide"
quiz("15_leaderboard", "open")

# %% name="real" tags=["real-data"]
clip = example("camel")
if clip is not None:
    clip = clip.part(0, FRAMES).resized(120)
    rows = {}
    for method in ("flow-propagation", "pixel-retrieval"):
        scores = {}
        for cue, made in {"whole": clip, **{c: make(clip) for c, make in WITHOUT.items()}}.items():
            found = run(create(method), made, progress=False)
            scores[cue] = jaccard(found == 1, np.stack(list(made.masks)) == 1)[1:].mean()
        lost = np.array([[scores[cue]] for cue in WITHOUT])
        shares = measures.cue_dependence(np.array([scores["whole"]]), lost)
        rows[method] = dict(zip(WITHOUT, map(float, shares), strict=True))
        print(f"{method}, {clip.name} as it is: J {scores['whole']:.2f}")
    display(figures.table(rows, title="Share of J that is lost, on a real video", digits=2))

# %% [markdown] name="own-video" slide="skip"
# Your own method takes part, too: write a class with `start` and `step`, and `run(YourMethod(),
# cue_videos("cues-without-shape")[0])` shows what it makes of a blob. For a method of the library,
# `vos-lab bench METHOD --data cues-without-motion` measures a whole test bed.

# %% [markdown] name="summary" slide="slide"
# ## Remember
#
# - Destroy one cue at a time, and you see what a method lives on, which need not be what it was
#   built for.
# - Compare methods video by video. With five videos only large differences are sure.
# - There is no best method. There is one for your challenges and your seconds, and you can measure
#   which.
#
# **Next.** In [lesson 16](16_mots.ipynb) the last two open issues are taken up: dozens of objects
# come and go, and nobody marks them.
#
# **Papers.** J. Luiten, P. Voigtlaender and B. Leibe, *PReMVOS: Proposal-generation, Refinement and
# Merging for Video Object Segmentation*, ACCV 2018. F. Perazzi et al., *A Benchmark Dataset and
# Evaluation Methodology for Video Object Segmentation*, CVPR 2016. B. Efron, *Bootstrap Methods:
# Another Look at the Jackknife*, The Annals of Statistics 1979. T. Hesterberg, *What Teachers
# Should Know About the Bootstrap*, The American Statistician 2015. R. Geirhos et al.,
# *ImageNet-Trained CNNs Are Biased Towards Texture*, ICLR 2019 (cues that are set against each
# other).
