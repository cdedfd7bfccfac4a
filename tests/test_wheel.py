"""The course as a package: built, installed in an environment outside the clone, and used there."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import jupyterlab
import pytest
from packaging.version import Version

REPOSITORY = Path(__file__).parents[1]
NOT_COPIED = shutil.ignore_patterns("__pycache__", ".*", "build", "dist", "*.egg-info", "tests")


def program(environment: Path, name: str) -> Path:
    return environment / ("Scripts" if os.name == "nt" else "bin") / name


def run(command: list, **more) -> str:
    done = subprocess.run(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        **more,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[Path, Path]:
    """A source distribution of this repository, and a wheel built from that alone."""
    place = tmp_path_factory.mktemp("built")
    clone = shutil.copytree(REPOSITORY, place / "clone", ignore=NOT_COPIED)
    leftover = clone / "build" / "lib" / "vos_lab" / "of_yesterday.py"  # of an earlier build
    leftover.parent.mkdir(parents=True)
    leftover.write_text("")
    backend = "from setuptools import build_meta; build_meta.build_sdist('..')"
    run([sys.executable, "-c", backend], cwd=clone)
    (source,) = place.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(place, filter="data")
    unpacked = place / source.name.removesuffix(".tar.gz")
    shutil.copytree(clone / "build", unpacked / "build")
    # The oldest versions that we support bring no setuptools that is new enough; then pip gets one.
    own = Version(metadata.version("setuptools")) >= Version("77")
    how = ["--no-build-isolation"] if own else []
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", *how, "--wheel-dir", place]
    run([*pip, unpacked])
    (wheel,) = place.glob("*.whl")
    return source, wheel


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory) -> Path:
    """An environment with the wheel in it; the other packages are those of this environment."""
    environment = tmp_path_factory.mktemp("elsewhere") / "environment"
    venv.create(environment, with_pip=False)
    run(
        [
            *(sys.executable, "-m", "pip", "--python", program(environment, "python")),
            *("install", "--no-deps", "--no-index", built[1]),
        ]
    )
    site = sysconfig.get_path("purelib", vars={"base": str(environment)})
    # Their folders, and not what a .pth file in them adds: that is where this clone comes in.
    others = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    Path(site, "packages.pth").write_text("\n".join(others))
    # JupyterLab keeps its pages there.
    pages = Path(jupyterlab.__file__).parents[4] / "share"
    (environment / "share").symlink_to(pages, target_is_directory=True)
    return environment


@pytest.fixture(scope="module")
def course(installed) -> Path:
    """A folder in which `vos-lab start` was run."""
    folder = installed.with_name("course")
    said = vos_lab(installed, "start", folder, "--solutions", "--no-lab", cwd=installed.parent)
    assert f"The first lesson is {folder / 'notebooks' / '00_tour.ipynb'}" in said
    return folder


def vos_lab(environment: Path, *arguments, cwd: Path) -> str:
    return run([program(environment, "vos-lab"), *arguments], cwd=cwd, env=clean())


def clean() -> dict[str, str]:
    """The environment variables, without those by which another copy of the library comes in."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def test_the_wheel_has_every_file_of_the_package_and_of_the_course(built):
    source, wheel = built
    there = set(zipfile.ZipFile(wheel).namelist())
    due = {
        file.relative_to(REPOSITORY).as_posix()
        for file in (REPOSITORY / "vos_lab").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert len(due) > 100
    course = {
        file.relative_to(REPOSITORY).as_posix()
        for folder in ("lessons", "solutions", "data")
        for file in (REPOSITORY / folder).rglob("*")
        if file.is_file() and not file.name.startswith(".") and "__pycache__" not in file.parts
    }
    assert len(course) > 20
    due |= {f"vos_lab/_course/{name}" for name in course}
    assert due - there == set()
    # Nothing else either: the notebooks of a clone may hold answers, a build what is deleted since.
    around = {name for name in there - due if "dist-info" not in name}
    assert {Path(name).parent.as_posix() for name in around} == {"vos_lab/_course"}
    with tarfile.open(source) as archive:
        assert not [name for name in archive.getnames() if "/notebooks/" in name]


def test_library_and_commands_work_outside_a_clone(installed, course):
    # One process for all of it, as each would load PyTorch anew.
    source = """
import sys
from pathlib import Path

import vos_lab
from vos_lab import bench, claims, methods
from vos_lab.cli import app

assert Path(vos_lab.__file__).is_relative_to(Path(sys.prefix).resolve()), vos_lab.__file__
methods.create("osvos")
assert bench.leaderboard("davis2016")
assert claims.saved(claims.find("01_metrics/ranking")).effects
for command in sys.argv[1].split("; "):
    print(">", command, flush=True)
    try:
        app(command.split(), standalone_mode=False)
    except SystemExit as end:  # the doctor ends with one
        assert not end.code or command == "doctor", command
"""
    commands = (
        "lessons; data; doctor; bench baseline --data easy --sequences easy-test-00; "
        "release 00_tour --graded --out released.zip; collect solutions; "
        "present 01_metrics --export slides.html"
    )
    said = run([program(installed, "python"), "-c", source, commands], cwd=course, env=clean())
    assert "01_metrics" in said
    assert "easy-test-00" in said
    with zipfile.ZipFile(course / "released.zip") as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
    assert {"make.py", "setup.py", "requirements.lock", "notebooks/00_tour.ipynb"} <= names
    assert "vos_lab/cli.py" in names
    assert not [name for name in names if "_course" in name or name.startswith("lessons")]
    assert "</html>" in (course / "slides.html").read_text(encoding="utf-8")


def test_a_students_answers_stay_and_are_checked(installed, course):
    path = course / "notebooks" / "00_tour.ipynb"
    shutil.copy(course / "solutions" / path.name, path)
    before = path.read_bytes()
    vos_lab(installed, "start", "--no-lab", cwd=course)
    assert path.read_bytes() == before
    vos_lab(installed, "check", path, "--json", course / "found.json", cwd=course)
    found = json.loads((course / "found.json").read_text())
    assert {row["outcome"] for row in found} == {"passed"}


def test_submissions_are_graded(installed, course, tmp_path):
    (tmp_path / "anna").mkdir()
    shutil.copy(course / "solutions" / "00_tour.ipynb", tmp_path / "anna")
    (tmp_path / "ben").mkdir()
    notebook = (course / "solutions" / "00_tour.ipynb").read_text("utf-8")
    wrong = notebook.replace("return [first_mask.copy() for _ in frames]", "return []")
    assert wrong != notebook
    (tmp_path / "ben" / "00_tour.ipynb").write_text(wrong, "utf-8")
    vos_lab(
        installed,
        *("grade", "anna", "ben", "--lesson", "00_tour", "--out", "grades", "--jobs", 1),
        cwd=tmp_path,
    )
    lines = (tmp_path / "grades" / "grades.csv").read_text("utf-8").splitlines()
    points = {line.split(",")[0]: line for line in lines}
    assert points["anna"] != points["ben"]
