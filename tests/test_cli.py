import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import vos_lab.cli
from vos_lab.authoring.lessons import as_text, read_lesson, student_notebook
from vos_lab.cli import app
from vos_lab.video import write_mask

REPOSITORY = Path(vos_lab.__file__).parents[1]


def run(*arguments, **options):
    command = [sys.executable, "-m", "vos_lab.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.fixture
def here(monkeypatch, capsys):
    """Runs a command in this process, which is faster; gives exit code, stdout and stderr."""

    def command(*arguments):
        monkeypatch.setattr("sys.argv", ["vos-lab", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            vos_lab.cli.main()
        return int(end.value.code or 0), *capsys.readouterr()

    return command


@pytest.fixture
def folders(tmp_path):
    rng = np.random.default_rng(0)
    for t in range(5):
        mask = (rng.random((20, 30)) > 0.5).astype(np.uint8)
        write_mask(tmp_path / "truth" / "clip" / f"{t:05d}.png", mask)
        write_mask(tmp_path / "same" / "clip" / f"{t:05d}.png", mask)
    return tmp_path


def test_evaluate_prints_a_table_and_writes_json_and_csv(folders):
    result = run(
        "evaluate", folders / "truth", folders / "same",
        "--json", folders / "a.json", "--csv", folders / "a.csv",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "clip" in result.stdout
    figures = json.loads((folders / "a.json").read_text())
    assert figures["overall"]["J"]["mean"] == figures["overall"]["JF"] == 1.0
    assert figures["sequences"]["clip"]["F"]["recall"] == 1.0
    assert "clip" in (folders / "a.csv").read_text()


def test_what_is_wrong_with_the_input_is_said_in_one_line(folders):
    (folders / "same" / "clip" / "00003.png").unlink()
    result = run("evaluate", folders / "truth", folders / "same")
    assert result.returncode == 1
    assert "00003.png" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_the_version_is_said(here):
    assert here("--version") == (0, f"vos-lab {vos_lab.__version__}\n", "")


def test_any_folder_and_any_terminal_will_do(folders):
    plain = os.environ | {"PYTHONIOENCODING": "ascii", "COLUMNS": "30", "NO_COLOR": "1"}
    result = run("evaluate", "truth", "same", cwd=folders, env=plain)
    assert result.returncode == 0, result.stderr
    assert "clip" in result.stdout
    assert "100.0" in result.stdout
    assert result.stderr == ""


def break_missing(clip):
    (clip / "00003.png").unlink()


def break_size(clip):
    write_mask(clip / "00003.png", np.zeros((10, 30), np.uint8))


def break_surplus(clip):
    write_mask(clip / "00003.png", np.full((20, 30), 7, np.uint8))


def break_colours(clip):
    with Image.open(clip / "00003.png") as image:
        image.convert("RGB").save(clip / "00003.png")


def break_half(clip):
    data = (clip / "00003.png").read_bytes()
    (clip / "00003.png").write_bytes(data[:-30])


def break_head(clip):
    (clip / "00003.png").write_bytes(b"")


def break_jpeg(clip):
    with Image.open(clip / "00003.png") as image:
        image.convert("L").save(clip / "00003.png", format="JPEG")


def break_folder(clip):
    (clip / "00003.png").unlink()
    (clip / "00003.png").mkdir()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (break_missing, "is missing"),
        (break_size, "is 30 x 10 pixels"),
        (break_surplus, "holds the label 7"),
        (break_colours, "is saved as RGB colours"),
        (break_half, "cannot be read as an image"),
        (break_head, "is not a PNG file, or is cut off"),
        (break_jpeg, "is a JPEG"),
        (break_folder, "Is a directory"),
    ],
)
def test_a_broken_mask_is_named_before_any_number(here, folders, damage, words):
    damage(folders / "same" / "clip")
    code, out, error = here("evaluate", folders / "truth", folders / "same", "--processes", 1)
    assert (code, out) == (1, "")
    assert error.count("\n") == 1
    assert str(folders / "same" / "clip" / "00003.png") in error
    assert words in error
    assert "Errno" not in error


def test_a_folder_without_masks_or_without_a_sequence_is_named(here, folders):
    (folders / "empty").mkdir()
    for prediction in ("empty", "nowhere"):
        code, _, error = here("evaluate", folders / "truth", folders / prediction)
        assert code == 1
        assert f"{folders / prediction}: " in error
    write_mask(folders / "truth" / "other" / "00000.png", np.zeros((20, 30), np.uint8))
    code, _, error = here("evaluate", folders / "truth", folders / "same")
    assert code == 1
    assert "has no sequence other" in error


def test_files_of_other_programs_do_no_harm(here, folders):
    clip = folders / "same" / "clip"
    for file in (clip.parent / ".DS_Store", clip / "Thumbs.db", clip / "seconds.json"):
        file.write_bytes(b"x")
    assert here("evaluate", folders / "truth", folders / "same", "--processes", 1)[0] == 0


def test_what_cannot_be_written_is_said_before_computing(here, folders):
    for file, words in (("truth", "is a folder"), ("same/clip/00000.png/a.json", "is a file")):
        code, out, error = here(
            "evaluate", folders / "truth", folders / "same", "--json", folders / file
        )
        assert (code, out) == (1, "")
        assert words in error


def test_evaluate_hands_its_options_on(here, monkeypatch):
    seen = {}

    def evaluate_folders(truth, prediction, sequences, **options):
        seen.update(options, sequences=sequences)
        raise ValueError("[seen]")

    monkeypatch.setattr("vos_lab.metrics.folders.evaluate_folders", evaluate_folders)
    code, _, error = here("evaluate", "a", "b", "--sequences", "X", "Y", "--unsupervised")
    assert (code, error) == (1, "error: [seen]\n")
    assert seen["sequences"] == ["X", "Y"]
    assert seen["unsupervised"]
    assert not seen["all_frames"]
    assert seen["single"] is None
    here("evaluate", "a", "b", "--multi", "--all-frames")
    assert seen["sequences"] is None
    assert seen["single"] is False
    assert seen["all_frames"]
    here("evaluate", "a", "b", "--single")
    assert seen["single"] is True


def test_evaluate_agrees_with_the_official_evaluator(here, real_data, tmp_path):
    golden = real_data / "golden" / "davis16_osvos"
    if not golden.is_dir():
        pytest.skip("no golden numbers")
    annotations = real_data / "davis2016" / "Annotations" / "480p"
    arguments = ("--sequences", "drift-straight", "libby", "--json", tmp_path / "new" / "a.json")
    code, _, error = here("evaluate", annotations, golden / "masks", *arguments)
    assert code == 0, error
    found = json.loads((tmp_path / "new" / "a.json").read_text())["sequences"]
    official = json.loads((golden / "golden.json").read_text())["sequences"]
    assert set(found) == {"drift-straight", "libby"}
    for name, scores in found.items():
        for key, due in official[name]["excl_first_last"].items():
            measure, _, statistic = key.partition("_")
            assert scores[measure][statistic] == pytest.approx(due, abs=1e-12), (name, key)


def test_check_adds_up_the_points(here, monkeypatch, tmp_path):
    rows = [
        {"exercise": "a.jaccard", "outcome": "passed", "points": 2, "possible": 2, "message": "✓"},
        {"exercise": "a.decay", "outcome": "failed", "points": 0, "possible": 3, "message": "[b]x"},
    ]
    monkeypatch.setattr("vos_lab.authoring.build.check_notebook", lambda path: rows)
    code, out, _ = here("check", "a.ipynb", "--json", tmp_path / "a.json")
    assert code == 1
    assert "2 of 5" in out
    assert "[b]x" in out
    assert json.loads((tmp_path / "a.json").read_text()) == rows
    del rows[1]
    assert here("check", "a.ipynb")[0] == 0


def test_check_runs_a_students_notebook(here, tmp_path):
    notebook = student_notebook(read_lesson(REPOSITORY / "lessons" / "00_tour.py"))
    (tmp_path / "tour.ipynb").write_text(as_text(notebook), encoding="utf-8")
    code, out, error = here("check", tmp_path / "tour.ipynb")
    assert code == 1, error
    assert out.count("not attempted") == 4  # each exercise in two columns
    (tmp_path / "tour.ipynb").write_text('{"cells": [', encoding="utf-8")
    code, out, error = here("check", tmp_path / "tour.ipynb")
    assert (code, out) == (1, "")
    assert "tour.ipynb: cannot be read as a notebook" in error
    assert error.count("\n") == 1


def test_an_interrupted_bench_says_how_to_go_on(here, monkeypatch, tmp_path):
    def interrupted(methods, data, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("vos_lab.bench.bench", interrupted)
    code, _, error = here("bench", "baseline", "--data", "easy", "--out", tmp_path)
    assert code in (1, 130)  # older versions of typer end with 1
    assert f"goes on from {tmp_path}" in error


def test_bench_takes_several_sequences_after_one_option(monkeypatch):
    given = ["vos-lab", "bench", "baseline", "--data", "x", "--sequences", "A", "B", "--root", "r"]
    monkeypatch.setattr("sys.argv", given)
    seen = {}

    def bench(methods, data, **options):
        seen.update(options, methods=methods, data=data)
        return {}

    monkeypatch.setattr("vos_lab.bench.bench", bench)
    with pytest.raises(SystemExit):
        vos_lab.cli.main()
    assert seen["methods"] == ["baseline"]
    assert seen["sequences"] == ["A", "B"]
    assert str(seen["root"]) == "r"


def test_lessons_are_listed_for_programs():
    result = CliRunner().invoke(app, ["lessons", "--json"])
    lessons = {lesson["name"]: lesson for lesson in json.loads(result.stdout)}
    assert {"00_tour", "01_metrics"} <= set(lessons)
    exercises = [exercise["name"] for exercise in lessons["01_metrics"]["exercises"]]
    assert exercises == ["jaccard", "mask_boundary", "boundary_f", "decay"]
    assert all(exercise["points"] > 0 for exercise in lessons["01_metrics"]["exercises"])


def test_an_unknown_lesson_names_those_that_exist():
    result = run("lab", "99_nothing")
    assert result.returncode == 1
    assert "00_tour" in result.stderr


@pytest.mark.parametrize(
    ("words", "folder", "options"),
    [
        ([], "default", []),
        (["my course"], "my course", []),
        (["my course", "--", "--port", "9999"], "my course", ["--port", "9999"]),
        (["--", "--port", "9999"], "default", ["--port", "9999"]),
        (["--solutions", "--again", "x"], "x", []),
    ],
)
def test_start_lays_out_and_opens_the_first_lesson(monkeypatch, words, folder, options):
    from vos_lab.authoring import start

    seen = []
    monkeypatch.setattr(start, "folder_of_work", lambda: "default")
    monkeypatch.setattr(start, "lay_out", lambda *given: seen.append(given))
    monkeypatch.setattr(start, "open_jupyterlab", lambda *given: seen.append(given))
    result = CliRunner().invoke(app, ["start", *words])
    assert result.exit_code == 0, result.output
    (where, *how), (opened, notebook, more) = seen
    assert (str(where), str(opened), notebook, more) == (folder, folder, "notebooks", options)
    assert how == ["--solutions" in words, "--again" in words]


def test_help_and_lessons_are_there_without_torch():
    source = """
import sys
from typer.testing import CliRunner
from vos_lab.cli import app
assert CliRunner().invoke(app, ["--help"]).exit_code == 0
assert CliRunner().invoke(app, ["lessons"]).exit_code == 0
print(sorted({"torch", "numpy", "nbformat", "IPython"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_data_lists_what_is_here(real_data):
    result = run("data", "--root", real_data)
    assert result.returncode == 0, result.stderr
    assert "davis2016" in result.stdout
