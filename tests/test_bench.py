import csv
import json
import time

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import vos_lab.bench
from vos_lab.bench import bench, by_video, compared, leaderboard, load, record, table, write_csv
from vos_lab.methods import METHODS, ablations
from vos_lab.methods.baseline import Baseline
from vos_lab.metrics import boundary_f, jaccard
from vos_lab.metrics.folders import evaluate_folders
from vos_lab.video import read_mask, write_mask

ONE = ["easy-test-01"]


@pytest.fixture
def short(monkeypatch):
    """Small videos, so that a bench takes no time."""
    suite = vos_lab.bench.suite
    monkeypatch.setattr(
        vos_lab.bench, "suite", lambda name: suite(name, length=2, frames=6, size=(48, 80))
    )


@pytest.mark.usefixtures("short")
def test_the_scores_are_those_of_the_masks_it_writes(tmp_path):
    result = bench(["baseline"], "easy", sequences=ONE, out=tmp_path, progress=False)
    scores = result["baseline"]["sequences"]["easy-test-01"]
    (video,) = load("easy", sequences=ONE)
    folder = tmp_path / "baseline" / "easy-test-01"
    masks = np.stack([read_mask(folder / f"{t:05d}.png") for t in range(6)])
    np.testing.assert_array_equal(masks, np.stack([video.first_mask] * 6))
    truth = np.stack(list(video.masks))
    j = jaccard(masks == 1, truth == 1)[1:-1].mean()
    f = boundary_f(masks == 1, truth == 1)[1:-1].mean()
    assert scores["J"]["mean"] == pytest.approx(j, abs=1e-12)
    assert scores["F"]["mean"] == pytest.approx(f, abs=1e-12)
    assert scores["JF"] == pytest.approx((j + f) / 2, abs=1e-12)
    assert scores["T"] == pytest.approx(0, abs=1e-9)  # a mask that is copied does not flicker
    assert scores["seconds_start"] > 0
    assert scores["seconds_per_frame"] > 0
    json.dumps(result)


@pytest.mark.usefixtures("short")
def test_overall_is_the_mean_over_the_objects(tmp_path):
    result = bench(["baseline"], "many-objects", progress=False)["baseline"]
    objects = [o for s in result["sequences"].values() for o in s["objects"].values()]
    assert len(objects) == 10
    mean = np.mean([o["J"]["mean"] for o in objects])
    assert result["overall"]["J"]["mean"] == pytest.approx(mean, abs=1e-12)


@pytest.mark.usefixtures("short")
def test_objects_in_an_order_of_their_own_are_matched(monkeypatch):
    (video,) = load("many-objects", sequences=["many-objects-test-00"])
    given = iter(video.masks)
    monkeypatch.setattr(Baseline, "zero_shot", True, raising=False)
    monkeypatch.setattr(Baseline, "start", lambda self, frame, mask: None)
    monkeypatch.setattr(
        Baseline, "step", lambda self, frame: np.where(m := next(given), 6 - m, 0).astype(np.uint8)
    )
    as_labelled = bench(["baseline"], "many-objects", sequences=[video.name], progress=False)
    given = iter(video.masks)
    monkeypatch.setattr(Baseline, "proposals", True, raising=False)
    matched = bench(["baseline"], "many-objects", sequences=[video.name], progress=False)
    assert as_labelled["baseline"]["overall"]["J"]["mean"] < 0.5
    assert matched["baseline"]["overall"]["J"]["mean"] == pytest.approx(1)


@pytest.mark.usefixtures("short")
def test_it_goes_on_where_it_was_interrupted(tmp_path, monkeypatch):
    started = []
    start = Baseline.start

    def counted(self, frame, mask=None):
        started.append(1)
        if len(started) == 2:
            raise KeyboardInterrupt
        start(self, frame, mask)

    monkeypatch.setattr(Baseline, "start", counted)
    with pytest.raises(KeyboardInterrupt):
        bench(["baseline"], "easy", out=tmp_path, progress=False)
    resumed = bench(["baseline"], "easy", out=tmp_path, progress=False)
    assert len(started) == 3  # the first video was not run again
    again = bench(["baseline"], "easy", out=tmp_path, progress=False)
    assert len(started) == 3
    assert again == resumed


@pytest.mark.usefixtures("short")
def test_masks_of_other_data_are_not_taken_for_these(tmp_path):
    bench(["baseline"], "easy", sequences=ONE, out=tmp_path, progress=False)
    record = tmp_path / "baseline" / "easy-test-01" / "seconds.json"
    record.write_text(record.read_text().replace("easy", "scale"))
    with pytest.raises(ValueError, match="holds the masks of other data"):
        bench(["baseline"], "easy", sequences=ONE, out=tmp_path, progress=False)


@pytest.mark.usefixtures("short")
def test_a_damaged_folder_says_what_to_delete(tmp_path):
    bench(["baseline"], "easy", sequences=ONE, out=tmp_path, progress=False)
    folder = tmp_path / "baseline" / "easy-test-01"
    (folder / "00003.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"00003\.png: .*Delete .*seconds\.json"):
        bench(["baseline"], "easy", sequences=ONE, out=tmp_path, progress=False)
    (folder / "seconds.json").write_text('{"data": ')
    with pytest.raises(ValueError, match=r"seconds\.json: is damaged. Delete it"):
        bench(["baseline"], "easy", sequences=ONE, out=tmp_path, progress=False)
    (folder / "seconds.json").unlink()
    bench(["baseline"], "easy", sequences=ONE, out=tmp_path, progress=False)
    assert (folder / "00003.png").is_file()


def test_named_sequences_need_no_others(tmp_path):
    davis = tmp_path / "davis2017"
    write_mask(davis / "Annotations/480p/bear/00000.png", np.ones((4, 6), np.uint8))
    (davis / "JPEGImages/480p/bear").mkdir(parents=True)
    Image.new("RGB", (6, 4)).save(davis / "JPEGImages/480p/bear/00000.jpg")
    (davis / "ImageSets/2017").mkdir(parents=True)
    (davis / "ImageSets/2017/val.txt").write_text("bear\ncamel\n")
    assert [video.name for video in load("davis2017", tmp_path, ["bear"])] == ["bear"]
    with pytest.raises(FileNotFoundError, match=r"camel: this sequence .* is missing"):
        load("davis2017", tmp_path)


def test_masks_are_named_like_the_frames_and_evaluated_as_the_bench_does(tmp_path):
    davis = tmp_path / "davis2017"
    (davis / "JPEGImages/480p/bear").mkdir(parents=True)
    (davis / "ImageSets/2017").mkdir(parents=True)
    (davis / "ImageSets/2017/val.txt").write_text("bear\n")
    truth = np.zeros((20, 30), np.uint8)
    names = ["00010", "00015", "00020", "00025", "00030", "00035"]
    for t, name in enumerate(names):
        Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(
            davis / f"JPEGImages/480p/bear/{name}.jpg"
        )
        truth[...] = 0
        truth[3 : 9 + t, 4:12] = 1
        truth[10:18, 14 + t : 24] = 2
        write_mask(davis / f"Annotations/480p/bear/{name}.png", truth)
    result = bench(["baseline"], "davis2017", tmp_path, out=tmp_path / "out", progress=False)
    written = sorted(file.name for file in (tmp_path / "out/baseline/bear").glob("*.png"))
    assert written == [f"{name}.png" for name in names]
    with Image.open(tmp_path / "out/baseline/bear/00010.png") as image:
        assert image.mode == "P"
    of_bench = result["baseline"]["sequences"]["bear"]
    of_files = evaluate_folders(davis, tmp_path / "out/baseline", processes=1, progress=False)
    for key, value in of_files["sequences"]["bear"].items():
        assert of_bench[key] == value, key
    assert of_files["overall"]["JF"] == result["baseline"]["overall"]["JF"]


@pytest.mark.parametrize(
    ("methods", "data", "sequences", "message"),
    [
        (["magic"], "easy", None, "no method 'magic'"),
        (["baseline"], "imagenet", None, "no dataset 'imagenet'; there are: davis2016"),
        (["baseline"], "easy", ["camel"], "easy has no sequence 'camel'; it has: easy-test-00"),
    ],
)
def test_wrong_names_are_said_before_anything_runs(methods, data, sequences, message):
    with pytest.raises(ValueError, match=message):
        bench(methods, data, sequences=sequences, progress=False)


@pytest.mark.usefixtures("short")
def test_tables_hold_every_sequence_and_the_total(tmp_path):
    result = bench(["baseline"], "easy", progress=False)
    console = Console(record=True, width=160)
    console.print(table(result, "baseline"))
    text = console.export_text()
    assert all(name in text for name in ("easy-test-00", "easy-test-01", "all"))
    write_csv(result, tmp_path / "new" / "a.csv")
    with (tmp_path / "new" / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["sequence"] for row in rows] == ["easy-test-00", "easy-test-01", "all"]
    assert float(rows[0]["J"]) == result["baseline"]["sequences"]["easy-test-00"]["J"]["mean"]


def test_the_real_sequences(real_data, tmp_path):
    result = bench(["baseline"], "davis2016", root=real_data, sequences=["libby"], progress=False)
    scores = result["baseline"]["sequences"]["libby"]
    assert 0 < scores["J"]["mean"] < 0.5
    assert len(scores["frames"]) == 47  # without the first and the last of 49


@pytest.mark.usefixtures("short")
def test_what_a_method_does_wrong_is_said_under_its_own_name(monkeypatch):
    monkeypatch.setattr(Baseline, "step", lambda self, frame: np.zeros((1, 1), np.uint8))
    with pytest.raises(ValueError, match=r"what Baseline\.step gave for frame 1"):
        bench(["baseline"], "easy", sequences=ONE, progress=False)


@pytest.mark.usefixtures("short")
def test_waiting_for_others_is_not_held_against_a_method(monkeypatch):
    def waits(self, frame):
        time.sleep(0.05)  # as if the processor worked for somebody else
        return np.zeros(frame.shape[:2], np.uint8)

    def works(self, frame):
        until = time.process_time() + 0.02
        while time.process_time() < until:
            pass
        return np.zeros(frame.shape[:2], np.uint8)

    seconds = {}
    for step in (waits, works):
        monkeypatch.setattr(Baseline, "step", step)
        result = bench(["baseline"], "easy", sequences=ONE, progress=False)
        seconds[step] = result["baseline"]["overall"]["seconds_per_frame"]
    assert seconds[waits] < 0.02 <= seconds[works]


# --- the leaderboard --------------------------------------------------------------------------


@pytest.mark.usefixtures("short")
def test_the_leaderboard_gains_rows_and_loses_none(tmp_path):
    folder = tmp_path / "new" / "leaderboard"
    result = bench(["baseline"], "easy", progress=False)
    record(result, "easy", folder)
    record({"other": result["baseline"]}, "easy", folder)
    record(result, "scale", folder)
    assert sorted(file.name for file in folder.iterdir()) == ["baseline.json", "other.json"]
    assert list(json.loads((folder / "baseline.json").read_text())) == ["easy", "scale"]
    rows = leaderboard("easy", folder)
    assert list(rows) == ["baseline", "other"]
    assert list(leaderboard("scale", folder)) == ["baseline"]
    assert rows["other"] == rows["baseline"]
    kept, whole = rows["baseline"]["overall"], result["baseline"]["overall"]
    for key in ("JF", "T", "seconds_per_frame"):
        assert kept[key] == pytest.approx(whole[key], abs=5e-5)
    assert kept["J"] == pytest.approx(whole["J"], abs=5e-5)
    assert "objects" not in rows["baseline"]["sequences"]["easy-test-00"]
    Console().print(table(rows, "other"))  # the tables of a bench can show it
    before = {file: file.read_text() for file in folder.iterdir()}
    record(rows, "easy", folder)
    assert {file: file.read_text() for file in folder.iterdir()} == before


@pytest.mark.usefixtures("short")
def test_rows_of_other_sequences_are_not_put_side_by_side(tmp_path):
    record(bench(["baseline"], "easy", progress=False), "easy", tmp_path)
    part = bench(["baseline"], "easy", sequences=ONE, progress=False)
    with pytest.raises(ValueError, match=r"baseline on easy .* than other \(easy-test-00\)"):
        record({"other": part["baseline"]}, "easy", tmp_path)
    record({"other": part["baseline"]}, "scale", tmp_path)  # other data are no comparison
    record(part, "easy", tmp_path)  # nor is the same method again
    assert list(leaderboard("easy", tmp_path)["baseline"]["sequences"]) == ONE


def test_what_was_not_measured_is_said(tmp_path):
    with pytest.raises(LookupError, match=r"it is empty\. `vos-lab bench METHOD\.\.\. --data easy"):
        leaderboard("easy", tmp_path)
    for text in ("[", "[1]", '{"easy": {"overall": {}}}'):
        (tmp_path / "thing.json").write_text(text)
        with pytest.raises(ValueError, match=r"thing\.json: is not a file of the leaderboard"):
            leaderboard("easy", tmp_path)


def test_methods_are_compared_in_the_order_they_are_asked_for(monkeypatch):
    def row(j):
        return {"overall": {"J": {"mean": j, "decay": 0.1}, "seconds_per_frame": 2.0}}

    boards = {"davis2016": {"a": row(0.5), "b": row(0.6)}, "mixed": {"a": row(0.7)}}
    monkeypatch.setattr(vos_lab.bench, "leaderboard", boards.get)
    asked = {"b": "B", "unknown": "?", "a": "A"}
    assert compared(asked, "J", "decay of J", "s per frame") == {
        "B": {"J": 0.6, "decay of J": 0.1, "s per frame": 2.0, "J, drawn": None},
        "A": {"J": 0.5, "decay of J": 0.1, "s per frame": 2.0, "J, drawn": 0.7},
    }
    assert list(compared(asked, "J")) == ["B", "A"]
    assert compared(["a"], "J", data="mixed", drawn=None) == {"a": {"J": 0.7}}


def test_what_ships_is_of_methods_that_there_are():
    names = [file.stem for file in vos_lab.bench.LEADERBOARD.glob("*.json")]
    assert {"osvos", "osvos-plain", "baseline"} <= set(names)
    assert set(names) <= {*METHODS, *ablations()}


def test_methods_are_compared_on_the_same_videos(monkeypatch):
    def row(**videos):
        return {"sequences": {name: {"J": {"mean": j}} for name, j in videos.items()}}

    board = {"a": row(dog=0.9, cat=0.2), "b": row(cat=0.4, dog=0.8)}
    monkeypatch.setattr(vos_lab.bench, "leaderboard", lambda data, folder: board)
    assert {method: j.tolist() for method, j in by_video("any").items()} == {
        "a": [0.2, 0.9],
        "b": [0.4, 0.8],
    }
