"""What flow, ReID and the way of choosing are worth in crowds: python benchmarks/mots_tracker.py.

Test videos, which no setting was chosen on; each row has the same logic of starts and ends. Prints
sMOTSA and HOTA (means of cars and pedestrians), identity switches, and seconds per frame.
"""

import argparse
from time import perf_counter

from vos_lab.claims.mots import scores
from vos_lab.datasets.detections import NOISE, detections_of
from vos_lab.datasets.mots_truth import true_objects
from vos_lab.datasets.procedural import suite
from vos_lab.methods.mots_tracker import MotsTracker, track

WAYS: dict[str, dict[str, object]] = {
    "IoU of masks": {"use_flow": False, "appearance_weight": 0.0},
    "+ flow": {"appearance_weight": 0.0},
    "+ ReID": {"use_flow": False},
    "+ flow + ReID": {},
    "the same, Hungarian": {"greedy": False},
    "the same, no coasting": {"coast": 0},
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--suites", nargs="+", default=["crowd", "crowd-camera", "crowd-dense"])
    options.add_argument("--videos", type=int, default=2, help="of each suite")
    options.add_argument("--frames", type=int, default=100, help="of each video")
    options.add_argument("--split", default="test", choices=["val", "test"])
    chosen = options.parse_args()
    for name in chosen.suites:
        videos = suite(name, chosen.split, length=chosen.videos, frames=chosen.frames)
        frames = {video.name: list(video.frames) for video in videos}
        truth = {video.name: true_objects(video) for video in videos}
        for level in NOISE:
            seen = {video.name: list(detections_of(video, level)) for video in videos}
            for way, settings in WAYS.items():
                begin = perf_counter()
                found = {
                    key: track(frames[key], seen[key], MotsTracker(**settings), key)
                    for key in frames
                }
                seconds = (perf_counter() - begin) / sum(map(len, frames.values()))
                row = scores(truth, found)
                print(
                    f"{name:13} {level:7} {way:22} sMOTSA {row['sMOTSA']:.3f}  HOTA "
                    f"{row['HOTA']:.3f}  IDS {row['IDS']:4.0f}  {seconds:.3f} s/frame",
                    flush=True,
                )


if __name__ == "__main__":
    main()
