import json
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import vos_lab.cli
from vos_lab.cli import app
from vos_lab.video import write_mask


def run(*arguments, **options):
    command = [sys.executable, "-m", "vos_lab.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


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


def test_data_lists_what_is_here(real_data):
    result = run("data", "--root", real_data)
    assert result.returncode == 0, result.stderr
    assert "davis2016" in result.stdout
