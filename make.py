"""The commands of the course, for those with make and for those without it.

    make lab     is    python make.py lab     the first lesson, in JupyterLab
    make test    is    python make.py test    all tests

Each sets up first what it needs, once. This file needs Python and nothing else.
"""

from __future__ import annotations  # so that an old Python gets as far as our message

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

OLDEST_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent
REQUIREMENTS = ROOT / "requirements.txt"
CPU_REQUIREMENTS = ROOT / "requirements-cpu.txt"
LOCK = ROOT / "requirements.lock"
LOWEST = ROOT / "requirements-lowest.txt"

# Ours to name the environment, so that a test of the set-up itself can use one of its own.
ENVIRONMENT = Path(os.environ.get("VOS_LAB_VENV", ROOT / ".venv")).absolute()
LOWEST_ENVIRONMENT = ENVIRONMENT.with_name(ENVIRONMENT.name + "-lowest")

STATE = "vos-lab-set-up"  # in the environment: a fingerprint of what it was made from
UNFINISHED = "unfinished"  # or this
LOCK_HEADER = """\
# Exact versions that are known to work together, used as constraints:
#     pip install -r requirements.txt -c requirements.lock
# Written by `python make.py lock` from .venv. Packages that exist for one platform only (CUDA
# libraries and the like) are left out: PyTorch names the ones that it needs by itself.
"""
ONE_PLATFORM_ONLY = re.compile(r"nvidia-|cuda-|triton\b|pywin|appnope\b|colorama\b", re.IGNORECASE)


class SetUpError(Exception):
    """Something a person has to mend; the message says what and how."""


def main() -> int:
    """Run the command that the person typed."""
    parser = argparse.ArgumentParser(
        prog="make.py", description="The course on Video Object Segmentation: set up, open, test."
    )
    commands: dict[str, tuple[Callable[[list[str]], int], str]] = {
        "lab": (lab, "set up once, then open the first lesson in JupyterLab"),
        "test": (test, "set up once, then run all tests"),
        "setup": (only_set_up, "set up (again), and nothing else"),
        "mutants": (mutants, "change every solution, and see which mistakes the checks see"),
        "fuzz": (fuzz, "give 1,000 damaged files of each kind to each reader"),
        "test-lowest": (test_lowest, "run all tests with the oldest versions we support"),
        "lock": (lock, "write the versions in .venv to requirements.lock"),
    }
    parser.add_argument("command", choices=commands, help="one of the commands below")
    parser.add_argument(
        "--cpu",
        action="store_true",
        help="on Linux, PyTorch built for the CPU: 5 GB less. Once is enough: it stays so",
    )
    parser.epilog = "; ".join(f"{name}: {what}" for name, (_, what) in commands.items())
    # What we do not know goes on to JupyterLab or pytest: `make.py test -k metrics`.
    known, rest = parser.parse_known_args()
    try:
        complaint = python_problem(sys.version_info[:3])
        if complaint:
            raise SetUpError(complaint)
        if known.cpu:
            lowest = known.command == "test-lowest"
            where = (LOWEST_ENVIRONMENT, LOWEST) if lowest else (ENVIRONMENT, LOCK)
            set_up(*where, cpu=True)
        return commands[known.command][0](rest)
    except SetUpError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("Interrupted. Run the same command again.")
        return 130


def say(text: str) -> None:
    """Print at once, so that our words stand before those of the program we start next."""
    print(f"[vos-lab] {text}", flush=True)


# ---------------------------------------------------------------- the commands


def lab(arguments: list[str]) -> int:
    """Open the first lesson; a notebook that is not there is laid out first."""
    set_up()
    say("Starting JupyterLab.")
    start = [str(program(ENVIRONMENT, "vos-lab")), "start", str(ROOT)]
    return run_to_the_end([*start, "--", *arguments])


def all_tests(arguments: list[str], environment: Path, constraints: Path) -> int:
    """Run all tests, on as many cores as there are (at most 4: each worker loads PyTorch)."""
    python = set_up(environment, constraints)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    workers = max(1, min(4, cores or 1))
    say(f"Running all tests with {workers} workers.")
    # A notebook is one long computation: its cells must stay on one worker, in order.
    how = ["-n", str(workers), "--dist", "loadfile", "--durations=10"]
    command = [python, "-m", "pytest", *how, *arguments]
    # The workers share the cores; one thread each is faster than all of them on each other's.
    return run_to_the_end(command, OMP_NUM_THREADS=os.environ.get("OMP_NUM_THREADS", "1"))


def test(arguments: list[str]) -> int:
    """Run all tests with the versions of the lock file."""
    return all_tests(arguments, ENVIRONMENT, LOCK)


def test_lowest(arguments: list[str]) -> int:
    """Run all tests with the oldest versions that requirements.txt allows."""
    return all_tests(arguments, LOWEST_ENVIRONMENT, LOWEST)


def mutants(arguments: list[str]) -> int:
    """Try the checks on mutants of the solutions; write the table, or only lines of it."""
    python = set_up()
    command = [python, "-m", "vos_lab.exercises.mutants", "--table", "docs/mutants.md", *arguments]
    return run_to_the_end(command, OMP_NUM_THREADS="1")


def fuzz(arguments: list[str]) -> int:
    """Try each reader on many damaged files; of the tests, it sees 30 of each kind."""
    python = set_up()
    # -rP shows what tests that pass have printed: here, what came of the damages.
    command = [python, "-m", "pytest", "-rP", "tests/fuzzing", *arguments]
    return run_to_the_end(command, OMP_NUM_THREADS="1", FUZZ=os.environ.get("FUZZ", "1000"))


def only_set_up(_: list[str]) -> int:
    """Set up, even if that was done: what has gone missing since is installed again."""
    set_up(again=True)
    return 0


def lock(_: list[str]) -> int:
    """Write down the versions that are installed."""
    command = [environment_python(ENVIRONMENT), "-m", "pip", "freeze", "--exclude-editable"]
    frozen = subprocess.run(
        command, capture_output=True, text=True, check=True, env=clean_environment(ENVIRONMENT)
    )
    LOCK.write_text(LOCK_HEADER + lock_text(frozen.stdout), encoding="utf-8")
    say(f"Wrote {LOCK.name}.")
    return 0


# ---------------------------------------------------------------- the set-up


SMALL_RUN = (
    "from vos_lab.bench import bench; "
    "bench(['baseline'], 'easy', sequences=['easy-test-00'], progress=False); "
    "from vos_lab.datasets.procedural import suite; "
    "suite('camera', length=1, frames=2, size=(64, 64))[0].flow[0]"
)


def set_up(
    environment: Path = ENVIRONMENT,
    constraints: Path = LOCK,
    again: bool = False,
    cpu: bool = False,
) -> str:
    """Make the environment and install, unless that is done; return its Python."""
    with one_at_a_time(environment):
        # Elsewhere, what PyPI has is built for the CPU.
        wanted = cpu and (sys.platform, platform.machine()) == ("linux", "x86_64")
        return set_up_alone(environment, constraints, again, wanted)


def set_up_alone(environment: Path, constraints: Path, again: bool, cpu: bool) -> str:
    """Do what set_up says, while no other set-up touches the environment."""
    python = environment_python(environment)
    state = environment / STATE
    wanted = fingerprint(ROOT, [REQUIREMENTS, constraints])

    reason = why_anew(environment, works(python), cpu)
    cpu = cpu or torch_version(environment).endswith("+cpu")
    if reason:
        say(reason)
        create(environment)
        state.write_text(UNFINISHED, encoding="utf-8")
    before = read(state)
    if before == wanted and not again:
        return python

    size = "1 GB" if cpu else "6 GB"
    say(f"Installing the packages of the course, up to {size} with PyTorch: this takes minutes.")
    # Killed from here on, packages may be half there. pip's own failures leave them as they were.
    state.write_text(UNFINISHED, encoding="utf-8")
    pip = [python, "-m", "pip", "install"]
    # Named outright: if PyTorch's index cannot be reached, pip would take the large build of PyPI.
    packages = ["-r", str(CPU_REQUIREMENTS), *cpu_builds(read(constraints))]
    for command in (
        [*pip, *(packages if cpu else ["-r", str(REQUIREMENTS)]), "-c", str(constraints)],
        [*pip, "--no-deps", "-e", str(ROOT)],
    ):
        if subprocess.run(command, env=clean_environment(environment)).returncode != 0:
            state.write_text(before, encoding="utf-8")
            raise SetUpError(
                "The installation failed; pip says above why. Most often: no network, or less "
                "than 8 GB of free disk. Then run the same command again."
            )
    quieten_jupyterlab(environment)
    say("Compiling the loops of the metrics and of the renderer, once.")
    # One small run through everything. What is compiled stays on the disk, so that no student
    # waits for it. Where it fails nothing is lost: it is then compiled when it is first needed. In
    # a copy for graded work it fails, as the run needs answers that are not there.
    command = [python, "-c", SMALL_RUN]
    subprocess.run(command, env=clean_environment(environment), stderr=subprocess.DEVNULL)
    state.write_text(wanted, encoding="utf-8")
    say("Set up. From here on no network is needed.")
    return python


@contextmanager
def one_at_a_time(environment: Path) -> Iterator[None]:
    """Wait while a set-up in another terminal is at work; its half must not be taken for a ruin."""
    try:
        import fcntl
    except ImportError:  # Windows has none; there two set-ups at once are the person's to avoid
        yield
        return
    with environment.with_name(f"{environment.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up is at work: waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield  # the lock goes with the file, even if we are killed


def why_anew(environment: Path, python_works: bool, cpu: bool = False) -> str | None:
    """Say why the environment has to be made (again), or None if it can be used."""
    if not environment.exists():
        return f"Making a Python environment of its own in {environment.name}."
    if not python_works:
        return f"The Python of {environment.name} does not run (moved, updated?): making it anew."
    if read(environment / STATE) == UNFINISHED:
        return f"The last set-up of {environment.name} was interrupted: making it anew."
    there = torch_version(environment)
    if cpu and there and not there.endswith("+cpu"):
        return f"{environment.name} holds PyTorch with CUDA: making it anew, for the CPU."
    return None


def cpu_builds(pins: str) -> list[str]:
    r"""The packages of PyTorch in the versions of a list, built for the CPU.

    Example:
        >>> cpu_builds("scipy==1.16\ntorch==2.9.1\ntorchvision==0.24.1\n")
        ['torch==2.9.1+cpu', 'torchvision==0.24.1+cpu']
    """
    return [f"{pin}+cpu" for pin in re.findall(r"^torch(?:vision)?==[\w.]+", pins, re.MULTILINE)]


def torch_version(environment: Path) -> str:
    """Which PyTorch an environment holds: "2.9.1+cpu", "2.9.1", or "" if it has none."""
    found = next(environment.glob("lib/python*/site-packages/torch-*.dist-info"), None)
    return found.name.removeprefix("torch-").removesuffix(".dist-info") if found else ""


def create(environment: Path) -> None:
    """Make an empty environment, in place of whatever is there."""
    try:
        import ensurepip  # noqa: F401  Debian and Ubuntu leave this one out
        import venv  # noqa: F401
    except ImportError:
        version = "{}.{}".format(*sys.version_info)
        raise SetUpError(
            f"This Python ({sys.executable}) cannot make environments: its venv module is missing. "
            f"On Debian and Ubuntu: sudo apt install python{version}-venv"
        ) from None
    try:
        if environment.exists():
            shutil.rmtree(environment)
    except OSError as error:
        raise SetUpError(
            f"Cannot remove {environment}: {error}. Close what runs from it (JupyterLab, a "
            "terminal where it is activated), then run the same command again."
        ) from None
    # From inside an environment, start from the Python that it was made from.
    base = getattr(sys, "_base_executable", sys.executable)
    command = [base, "-m", "venv", str(environment)]
    if subprocess.run(command, env=clean_environment(environment)).returncode != 0:
        shutil.rmtree(environment, ignore_errors=True)
        raise SetUpError(f"{base} -m venv failed; its words above say why.")


def python_problem(version: tuple[int, ...]) -> str | None:
    """Say what is wrong with this version of Python, or None."""
    if version >= OLDEST_PYTHON:
        return None
    needed = "{}.{}".format(*OLDEST_PYTHON)
    newer = [f"python3.{minor}" for minor in range(30, OLDEST_PYTHON[1] - 1, -1)]
    there = next((name for name in newer if shutil.which(name) and works(name)), None)
    advice = "Install a newer one, then run the same command again."
    if there:
        advice = f"This machine has {there}: `make lab PYTHON={there}` or `{there} make.py lab`."
    found = ".".join(map(str, version))
    return f"The course needs Python {needed} or newer; {sys.executable} is {found}. {advice}"


def fingerprint(root: Path, files: list[Path]) -> str:
    """A short text that changes when the installation has to be done again."""
    import tomllib  # not in the older Pythons that only get as far as our message

    # Of pyproject.toml, what is installed; not the settings of linters.
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    installed = [project.get("build-system"), project.get("project")]
    parts = [str(root), json.dumps(installed, sort_keys=True)]
    parts += [file.read_text(encoding="utf-8") for file in files]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def lock_text(frozen: str) -> str:
    r"""Keep of ``pip freeze`` what holds on every platform.

    Example:
        >>> lock_text("numpy==2.4.6\nnvidia-nccl==2.3\n-e /home/me/vos_lab\ntorch==2.9.1+cpu\n")
        'numpy==2.4.6\ntorch==2.9.1\n'
    """
    pinned = [line for line in frozen.splitlines() if re.match(r"[\w.-]+==", line)]
    general = [line for line in pinned if not ONE_PLATFORM_ONLY.match(line)]
    return "".join(line.split("+")[0].strip() + "\n" for line in general)


# ---------------------------------------------------------------- running programs


def program(environment: Path, name: str) -> Path:
    """Where an environment keeps a program."""
    windows = os.name == "nt"
    return environment / ("Scripts" if windows else "bin") / (f"{name}.exe" if windows else name)


def environment_python(environment: Path) -> str:
    """The Python of an environment."""
    return str(program(environment, "python"))


def works(python: str) -> bool:
    """Whether this Python runs, is new enough and has pip."""
    probe = f"import pip, sys; sys.exit(sys.version_info < {OLDEST_PYTHON})"
    try:
        done = subprocess.run(
            [python, "-c", probe], capture_output=True, env=clean_environment(None)
        )
    except OSError:
        return False
    return done.returncode == 0


def clean_environment(environment: Path | None, **more: str) -> dict[str, str]:
    """The environment variables, less those that let another Python's packages in."""
    noise = {"PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_CONSTRAINT"}
    noise |= {"VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV"}
    variables = {name: value for name, value in os.environ.items() if name not in noise}
    variables.update(PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1", **more)
    if environment:
        # A notebook's `!vos-lab` finds ours.
        variables["VIRTUAL_ENV"] = str(environment)
        folder = str(program(environment, "python").parent)
        variables["PATH"] = folder + os.pathsep + variables.get("PATH", "")
    return variables


def run_to_the_end(command: list[str], **variables: str) -> int:
    """Run a program that answers Ctrl-C by itself, as JupyterLab and pytest do."""
    environment = Path(command[0]).parents[1]
    process = subprocess.Popen(command, cwd=ROOT, env=clean_environment(environment, **variables))
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass


def quieten_jupyterlab(environment: Path) -> None:
    """Keep JupyterLab from asking whether it may fetch news, and from a button of Voila."""
    settings = environment / "etc" / "jupyter" / "labconfig" / "page_config.json"
    if "jupyterlab-preview" not in read(settings):
        settings.parent.mkdir(parents=True, exist_ok=True)
        unwanted = [
            "@jupyterlab/apputils-extension:announcements",
            "@voila-dashboards/jupyterlab-preview",
        ]
        quiet = {"disabledExtensions": dict.fromkeys(unwanted, True)}
        settings.write_text(json.dumps(quiet, indent=2), encoding="utf-8")


def read(file: Path) -> str:
    """The text of a file, empty if there is none."""
    return file.read_text(encoding="utf-8") if file.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
