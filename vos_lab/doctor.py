"""What may be wrong with this machine, and what to do about it: ``vos-lab doctor``.

Every check is a function that returns findings. It imports what it looks at by itself, so that one
broken package is a finding, and the other checks still run.
"""

import importlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import psutil
from packaging.requirements import Requirement
from rich.console import Console
from rich.table import Table

import vos_lab
from vos_lab.course_files import INSTALLED, WEIGHTS, how_to_get_again, work_folder

Verdict = Literal["ok", "warn", "fail"]

OLDEST_PYTHON = (3, 11)
# A notebook with PyTorch and one method takes about 1 GB; JupyterLab and a browser come on top.
MEMORY_NEEDED = 2.0  # GB
# Room for the masks and videos that a student writes; the installation itself is there already.
DISK_NEEDED = 1.0  # GB
SET_UP_AGAIN = (
    "install the course again with `pip install --force-reinstall`"
    if INSTALLED
    else "run `make setup` (or `python make.py setup`)"
)
# What must lie beside JupyterLab for widgets to appear, and which package brings it.
WIDGET_EXTENSIONS = {
    "@jupyter-widgets/jupyterlab-manager": "jupyterlab_widgets",
    "anywidget": "anywidget",
}


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: what was looked at.
        verdict: ``"ok"``, ``"warn"`` (the course runs, something will be slow or missing) or
            ``"fail"`` (something will not run).
        what: what was found, with its number or file.
        what_to_do: how to mend it; empty where nothing has to be done.
    """

    name: str
    verdict: Verdict
    what: str
    what_to_do: str = ""


def diagnose() -> list[Finding]:
    """Look at everything the course needs.

    Returns:
        The findings, in the order of the table: the installation, the machine, the course.
    """
    checks: list[Callable[[], list[Finding]]] = [
        python,
        packages,
        torch_pair,
        opencv,
        widgets,
        threads,
        memory,
        disk,
        notebooks,
        weights,
        data,
        browser,
    ]
    findings = []
    for check in checks:
        try:
            findings += check()
        except Exception as error:  # the doctor must not fall ill: whatever it meets is a finding
            what = f"this check itself failed: {type(error).__name__}: {error}"
            findings.append(Finding(check.__name__, "fail", what, SET_UP_AGAIN))
    return findings


def report(findings: list[Finding]) -> None:
    """Print the findings as a table, and then what to do.

    Args:
        findings: as :func:`diagnose` returns them.
    """
    marks = {"ok": "[green]ok[/]", "warn": "[yellow]warn[/]", "fail": "[bold red]FAIL[/]"}
    table = Table(
        "", "checked", "found and what to do", title="vos-lab doctor", title_justify="left"
    )
    for finding in findings:
        text = finding.what.replace("[", r"\[")
        if finding.what_to_do:
            text += "\n[bold]->[/] " + finding.what_to_do.replace("[", r"\[")
        table.add_row(marks[finding.verdict], finding.name, text)
    console = Console()
    console.print(table, highlight=False)
    worst = [sum(f.verdict == verdict for f in findings) for verdict in ("fail", "warn")]
    if worst == [0, 0]:
        console.print("All is well.")
    else:
        console.print(f"{worst[0]} to mend, {worst[1]} to know about.")


# ---------------------------------------------------------------- the installation


def python() -> list[Finding]:
    """The Python that runs this."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        needed = ".".join(map(str, OLDEST_PYTHON))
        advice = f"install Python {needed} or newer, delete .venv, and {SET_UP_AGAIN}"
        return [Finding("Python", "fail", f"{version}; {needed} or newer is needed", advice)]
    strangers = os.environ.get("PYTHONPATH")
    if strangers:
        advice = "unset PYTHONPATH: packages of another Python get in front of ours"
        return [Finding("Python", "warn", f"{version}, with PYTHONPATH={strangers}", advice)]
    return [Finding("Python", "ok", f"{version} in {sys.prefix}")]


def packages() -> list[Finding]:
    """Every package of requirements.txt, in a version that the course was tested with."""
    try:
        required = [Requirement(text) for text in metadata.requires("vos-lab") or []]
    except metadata.PackageNotFoundError:
        return [Finding("packages", "fail", "vos-lab itself is not installed", SET_UP_AGAIN)]
    findings = []
    for requirement in required:
        if requirement.marker and not requirement.marker.evaluate():
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            findings.append(Finding(requirement.name, "fail", "is not installed", SET_UP_AGAIN))
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            what = f"version {version}; {requirement.specifier} is needed"
            findings.append(Finding(requirement.name, "fail", what, SET_UP_AGAIN))
    if findings:
        return findings
    return [Finding("packages", "ok", f"all {len(required)} in versions that the course is for")]


def torch_pair() -> list[Finding]:
    """Torch and torchvision, which only work as the pair that was built together."""
    name = "torch and torchvision"
    advice = (
        "install both in one command, so that they come as a pair: "
        "`pip install --force-reinstall torch torchvision`, in .venv"
    )
    versions = {}
    for package in ("torch", "torchvision"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            return [Finding(name, "fail", f"{package} is not installed", SET_UP_AGAIN)]
    found = f"torch {versions['torch']}, torchvision {versions['torchvision']}"

    # torchvision states which torch it goes with.
    needs = [Requirement(text) for text in metadata.requires("torchvision") or []]
    for need in needs:
        if need.name == "torch" and not need.specifier.contains(
            versions["torch"], prereleases=True
        ):
            what = f"{found}: this torchvision needs torch{need.specifier}"
            return [Finding(name, "fail", what, advice)]

    # Of another origin (one for CUDA, one for the CPU), they may import and still not compute.
    try:
        torch = importlib.import_module("torch")
        ops = importlib.import_module("torchvision.ops")
        boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0]])
        kept = ops.nms(boxes, torch.tensor([0.5, 0.9]), 0.5).tolist()
    except Exception as error:
        what = f"{found}: they do not work together ({_first_line(error)})"
        return [Finding(name, "fail", what, advice)]
    if kept != [1]:
        what = f"{found}: of two equal boxes, nms keeps {kept} instead of [1]"
        return [Finding(name, "fail", what, advice)]
    cuda = torch.version.cuda
    build = f"built for CUDA {cuda}" if cuda else "built for the CPU"
    return [Finding(name, "ok", f"{found}, {build}: a pair that computes")]


def opencv() -> list[Finding]:
    """OpenCV, whose builds overwrite one another."""
    builds = ("opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless")
    others = [build for build in builds if _installed(build)]
    both = " ".join([*others, "opencv-python-headless"])
    advice = f"`pip uninstall {both}` in .venv, then {SET_UP_AGAIN}"
    try:
        version = importlib.import_module("cv2").__version__
    except Exception as error:
        return [Finding("OpenCV", "fail", f"cannot be imported: {_first_line(error)}", advice)]
    if others:
        what = f"{version}, but {', '.join(others)} is installed over the headless build"
        return [Finding("OpenCV", "warn", what, advice)]
    return [Finding("OpenCV", "ok", f"{version}, headless")]


def widgets() -> list[Finding]:
    """The parts of the widgets that live in the browser."""
    folders = [Path(base) / "share" / "jupyter" / "labextensions" for base in _jupyter_bases()]
    findings = []
    for extension, package in WIDGET_EXTENSIONS.items():
        if not any((folder / extension / "package.json").is_file() for folder in folders):
            advice = (
                f"`pip install --force-reinstall --no-deps {package}` in .venv; restart JupyterLab"
            )
            what = f"JupyterLab has no extension {extension}: widgets show as text"
            findings.append(Finding("widgets", "fail", what, advice))
        switched_off_by = _disabling_file(extension)
        if switched_off_by:
            advice = f"`jupyter labextension enable {extension}` in .venv; restart JupyterLab"
            what = f"extension {extension} is switched off in {switched_off_by}"
            findings.append(Finding("widgets", "fail", what, advice))
    for package in ("ipywidgets", "anywidget"):
        try:
            importlib.import_module(package)
        except Exception as error:
            what = f"{package} cannot be imported: {_first_line(error)}"
            findings.append(Finding("widgets", "fail", what, SET_UP_AGAIN))
    return findings or [Finding("widgets", "ok", "ipywidgets and anywidget, in JupyterLab too")]


# ---------------------------------------------------------------- the machine


def threads() -> list[Finding]:
    """How many cores there are, and how many PyTorch uses."""
    cores = _cores()
    try:
        used = importlib.import_module("torch").get_num_threads()
    except Exception:
        return [Finding("threads", "warn", f"{cores} cores, PyTorch does not say", SET_UP_AGAIN)]
    what = f"{cores} cores, PyTorch uses {used} threads"
    limit = os.environ.get("OMP_NUM_THREADS")
    cause = f"OMP_NUM_THREADS={limit} is set: " if limit else ""
    if used > cores:
        advice = f"{cause}set OMP_NUM_THREADS={cores}: more threads than cores wait on each other"
        return [Finding("threads", "warn", what, advice)]
    if used < cores / 2 and limit:
        return [Finding("threads", "warn", what, f"{cause}unset it, and training is faster")]
    return [Finding("threads", "ok", what)]


def memory() -> list[Finding]:
    """How much memory is free."""
    state = psutil.virtual_memory()
    what = f"{state.available / 1e9:.1f} GB free of {state.total / 1e9:.1f} GB"
    if state.available / 1e9 < MEMORY_NEEDED:
        advice = (
            f"a lesson wants about {MEMORY_NEEDED:.0f} GB: close other programs, and notebooks "
            "that still run (JupyterLab: Kernel, Shut Down All Kernels)"
        )
        return [Finding("memory", "warn", what, advice)]
    return [Finding("memory", "ok", what)]


def disk() -> list[Finding]:
    """How much disk is free."""
    folder = work_folder()
    free = shutil.disk_usage(folder).free / 1e9
    what = f"{free:.1f} GB free at {folder}"
    if free < DISK_NEEDED:
        advice = f"make room: what you write (masks, videos) wants about {DISK_NEEDED:.0f} GB"
        return [Finding("disk", "warn", what, advice)]
    return [Finding("disk", "ok", what)]


# ---------------------------------------------------------------- the course


def notebooks() -> list[Finding]:
    """Notebooks and library must be of one version."""
    folder = work_folder() / "notebooks"
    files = sorted(folder.glob("*.ipynb"))
    if not files:
        advice = "go to the folder of the course first; `vos-lab start` makes one"
        return [Finding("notebooks", "warn", f"none in {folder}", advice)]
    findings = []
    for file in files:
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            version = content["metadata"].get("vos_lab", {}).get("version")
        except (ValueError, KeyError, AttributeError, TypeError):
            advice = f"move {file.name} away; `vos-lab start` then lays out a new one"
            findings.append(Finding("notebooks", "fail", f"{file} is no notebook", advice))
            continue
        if version != vos_lab.__version__:
            what = f"{file.name} is for vos_lab {version}; installed is {vos_lab.__version__}"
            advice = "`vos-lab start --again` lays out those of this version, and keeps yours"
            findings.append(Finding("notebooks", "warn", what, advice))
    what = f"all {len(files)} are for this version ({vos_lab.__version__})"
    return findings or [Finding("notebooks", "ok", what)]


def weights() -> list[Finding]:
    """Trained weights that ship with the course are whole."""
    files = sorted(WEIGHTS.glob("*.safetensors"))
    broken = [file for file in files if not _is_whole(file)]
    if broken:
        names = " ".join(file.name for file in broken)
        what = f"damaged: {names}, in {WEIGHTS}"
        return [Finding("weights", "fail", what, how_to_get_again("them", *broken))]
    return [
        Finding("weights", "ok", f"{len(files)} files, whole" if files else "no lesson needs any")
    ]


def data() -> list[Finding]:
    """Real data sets; the course runs without them."""
    download = importlib.import_module("vos_lab.datasets.download")
    root = download.data_root()
    if os.environ.get("VOS_LAB_DATA") and not root.is_dir():
        what = f"VOS_LAB_DATA names {root}, which is not there"
        return [Finding("real data", "warn", what, "correct VOS_LAB_DATA, or unset it")]
    found = [f"{row.name} ({row.sequences} sequences)" for row in download.available() if row.found]
    if found:
        return [Finding("real data", "ok", f"{', '.join(found)} in {root}")]
    advice = "nothing: lessons run on their own videos. `vos-lab data` says how to get real ones"
    return [Finding("real data", "ok", f"none in {root}", advice)]


def browser() -> list[Finding]:
    """A browser that can be driven; only the browser test wants one."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if found and driver:
        return [Finding("browser test", "ok", f"{found}, {driver}")]
    missing = "Chromium" if not found else "chromedriver"
    return [Finding("browser test", "ok", f"no {missing}: `make test` skips the browser test")]


# ---------------------------------------------------------------- small parts


def _cores() -> int:
    # In a container, fewer than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _jupyter_bases() -> list[str]:
    return [sys.prefix, str(Path.home() / ".local")]


def _disabling_file(extension: str) -> Path | None:
    """The settings file that switches an extension of JupyterLab off, if one does."""
    for base in (Path(sys.prefix) / "etc" / "jupyter", Path.home() / ".jupyter"):
        file = base / "labconfig" / "page_config.json"
        if not file.is_file():
            continue
        try:
            disabled = json.loads(file.read_text(encoding="utf-8")).get("disabledExtensions", {})
        except ValueError:
            continue
        names = (
            disabled if isinstance(disabled, list) else [n for n, off in disabled.items() if off]
        )
        if extension in names:
            return file
    return None


def _is_whole(file: Path) -> bool:
    """Whether a safetensors file is as long as its own header says."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > file.stat().st_size:
            return False  # cut off, or no such file at all
        try:
            header = json.loads(stream.read(length))
        except ValueError:
            return False
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    return file.stat().st_size == 8 + length + max(ends, default=0)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


if __name__ == "__main__":
    report(diagnose())
