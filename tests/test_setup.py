"""The set-up: what make.py decides, and that the lists of versions fit each other."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]


def load_make():
    specification = importlib.util.spec_from_file_location("make", ROOT / "make.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


make = load_make()


def requirements(file: str) -> dict[str, Requirement]:
    lines = [re.sub(r"(^|\s)#.*", "", line) for line in (ROOT / file).read_text().splitlines()]
    found = [Requirement(line) for line in lines if line.strip()]
    return {requirement.name.lower().replace("_", "-"): requirement for requirement in found}


def pinned(file: str) -> dict[str, Version]:
    pins = {}
    for name, requirement in requirements(file).items():
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", f"{file}: {requirement} is not one version"
        pins[name] = Version(specifier.version)
    return pins


@pytest.mark.parametrize("file", ["requirements.lock", "requirements-lowest.txt"])
def test_every_requirement_has_a_version_in_its_range(file):
    pins = pinned(file)
    for name, requirement in requirements("requirements.txt").items():
        assert name in pins, f"{file} has no {name}"
        assert requirement.specifier.contains(str(pins[name])), f"{file}: {name} {pins[name]}"


def test_lowest_is_the_lower_bound():
    lowest = pinned("requirements-lowest.txt")
    for name, requirement in requirements("requirements.txt").items():
        (bound,) = [s.version for s in requirement.specifier if s.operator == ">="]
        # 4.10 stands for 4.10.0.84, its first release.
        assert str(lowest[name]).startswith(bound), f"{name}: {lowest[name]}, the bound is {bound}"
    assert lowest.keys() == requirements("requirements.txt").keys()


def test_the_lock_holds_on_every_platform():
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"^(nvidia|cuda|triton|pywin)", text, re.MULTILINE)
    assert "+" not in text
    assert "://" not in text
    assert "--hash" not in text


def test_the_locked_torch_and_torchvision_are_a_pair():
    for file in ("requirements.lock", "requirements-lowest.txt"):
        pins = pinned(file)
        # torch 2.9 goes with torchvision 0.24, and both count up together.
        assert pins["torch"].minor - 9 == pins["torchvision"].minor - 24, file
        assert pins["torch"].micro == pins["torchvision"].micro, file


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 11, 9), (3, 14, 2), (4, 0, 0)])
def test_python_is_new_enough(version):
    assert make.python_problem(version) is None


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 9, 6), (3, 10, 99)])
def test_python_is_too_old(version, monkeypatch):
    monkeypatch.setattr(make.shutil, "which", lambda name: None)
    complaint = make.python_problem(version)
    assert "needs Python 3.11 or newer" in complaint
    assert ".".join(map(str, version)) in complaint
    assert "Install a newer one" in complaint


def test_python_is_too_old_but_another_is_there(monkeypatch):
    names = ("python3.12", "python3.13")
    monkeypatch.setattr(make.shutil, "which", lambda name: name if name in names else None)
    monkeypatch.setattr(make, "works", lambda python: python == "python3.12")  # 3.13 is broken
    assert "make lab PYTHON=python3.12" in make.python_problem((3, 9, 1))


@pytest.fixture
def course(tmp_path) -> Path:
    """A folder with the files that the set-up depends on."""
    root = tmp_path / "Kurs für alle"
    root.mkdir()
    (root / "pyproject.toml").write_text('[project]\nname = "vos-lab"\n[tool.ruff]\nindent = 4\n')
    (root / "requirements.txt").write_text("numpy>=2\n")
    (root / "requirements.lock").write_text("numpy==2.4.6\n")
    return root


def mark(root: Path) -> str:
    return make.fingerprint(root, [root / "requirements.txt", root / "requirements.lock"])


def test_nothing_changed_nothing_to_install(course):
    assert mark(course) == mark(course)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("requirements.txt", "numpy>=2\nscipy\n"),
        ("requirements.lock", "numpy==2.5\n"),
        ("pyproject.toml", '[project]\nname = "other"\n'),
    ],
)
def test_what_is_installed_changed(course, file, text):
    before = mark(course)
    (course / file).write_text(text)
    assert mark(course) != before


def test_settings_of_linters_are_not_installed(course):
    before = mark(course)
    (course / "pyproject.toml").write_text('[project]\nname = "vos-lab"\n[tool.ruff]\nindent = 8\n')
    assert mark(course) == before


def test_a_moved_folder_is_installed_again(course):
    before = mark(course)
    assert mark(course.rename(course.with_name("elsewhere"))) != before


def test_why_anew(tmp_path):
    environment = tmp_path / ".venv"
    assert "Making" in make.why_anew(environment, python_works=False)
    environment.mkdir()
    assert "does not run" in make.why_anew(environment, python_works=False)
    assert make.why_anew(environment, python_works=True) is None  # made by hand: used as it is
    (environment / make.STATE).write_text(make.UNFINISHED)
    assert "interrupted" in make.why_anew(environment, python_works=True)
    (environment / make.STATE).write_text("a fingerprint")
    assert make.why_anew(environment, python_works=True) is None


@pytest.fixture
def torch(tmp_path):
    """Puts a build of PyTorch into an environment, as far as its name goes."""

    def put(environment: Path, version: str) -> None:
        site = environment / "lib" / "python3.12" / "site-packages"
        (site / f"torch-{version}.dist-info").mkdir(parents=True)

    return put


def test_an_environment_for_the_cpu_is_made_anew_if_it_holds_cuda(tmp_path, torch):
    environments = [tmp_path / name for name in ("none", "small", "large")]
    for environment in environments:
        environment.mkdir()
    torch(environments[1], "2.9.1+cpu")
    torch(environments[2], "2.9.1")
    assert [make.torch_version(each) for each in environments] == ["", "2.9.1+cpu", "2.9.1"]
    why = [make.why_anew(each, python_works=True, cpu=True) for each in environments]
    assert why[:2] == [None, None]
    assert "PyTorch with CUDA: making it anew" in why[2]
    assert make.why_anew(environments[2], python_works=True) is None


def test_which_python_works(tmp_path):
    assert make.works(sys.executable)
    assert not make.works(str(tmp_path / "gone"))
    not_python = tmp_path / "python"
    not_python.write_text("#!/bin/sh\nexit 3\n")
    not_python.chmod(0o755)
    assert not make.works(str(not_python))


@pytest.fixture
def pip(monkeypatch, course):
    """The set-up in a scratch folder, where programs are written down and not run."""
    calls = []

    class Done:
        returncode = 0

    def run(command, **_):
        calls.append(command)
        if isinstance(Done.returncode, BaseException):
            raise Done.returncode
        return Done

    monkeypatch.setattr(make, "ROOT", course)
    monkeypatch.setattr(make, "REQUIREMENTS", course / "requirements.txt")
    monkeypatch.setattr(make, "CPU_REQUIREMENTS", course / "requirements-cpu.txt")
    monkeypatch.setattr(make, "works", lambda python: True)
    monkeypatch.setattr(make, "create", lambda environment: environment.mkdir(exist_ok=True))
    monkeypatch.setattr(make.subprocess, "run", run)
    calls_and_result = type("Pip", (), {"calls": calls, "done": Done})
    calls_and_result.set_up = staticmethod(
        lambda **more: make.set_up(course / ".venv", course / "requirements.lock", **more)
    )
    calls_and_result.state = course / ".venv" / make.STATE
    return calls_and_result


def test_set_up_happens_once(pip, course):
    pip.set_up()
    assert len(pip.calls) == 3  # the packages, the course, the small run that compiles
    assert str(course / "requirements.lock") in pip.calls[0]
    assert make.SMALL_RUN in pip.calls[2]
    pip.set_up()
    assert len(pip.calls) == 3
    pip.set_up(again=True)
    assert len(pip.calls) == 6


@pytest.mark.parametrize("machine", ["x86_64", "arm64"])
def test_pytorch_for_the_cpu_comes_from_its_own_index(pip, course, torch, monkeypatch, machine):
    monkeypatch.setattr(make.sys, "platform", "linux")
    monkeypatch.setattr(make.platform, "machine", lambda: machine)
    (course / "requirements.lock").write_text("numpy==2.4.6\ntorch==2.9.1\ntorchvision==0.24.1\n")
    pip.set_up(cpu=True)
    lock = ["-c", str(course / "requirements.lock")]
    large = ["install", "-r", str(course / "requirements.txt"), *lock]
    small = [
        *("install", "-r", str(course / "requirements-cpu.txt")),
        *("torch==2.9.1+cpu", "torchvision==0.24.1+cpu", *lock),
    ]
    assert pip.calls[0][3:] == (small if machine == "x86_64" else large)
    # What is there stays of its kind, without saying so again.
    torch(course / ".venv", "2.9.1+cpu" if machine == "x86_64" else "2.9.1")
    (course / "requirements.txt").write_text("numpy>=2.1\n")
    pip.set_up()
    assert pip.calls[3][3:] == (small if machine == "x86_64" else large)


def test_the_list_for_the_cpu_is_the_same_list_from_another_index():
    lines = (ROOT / "requirements-cpu.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "--extra-index-url https://download.pytorch.org/whl/cpu",
        "-r requirements.txt",
    ]
    assert len(make.cpu_builds((ROOT / "requirements.lock").read_text())) == 2
    assert len(make.cpu_builds((ROOT / "requirements-lowest.txt").read_text())) == 2


def test_a_failed_set_up_is_not_taken_for_done(pip, capsys):
    pip.done.returncode = 1
    with pytest.raises(make.SetUpError, match="no network"):
        pip.set_up()
    pip.done.returncode = 0
    calls = len(pip.calls)
    pip.set_up()
    assert len(pip.calls) == calls + 3
    assert "interrupted: making it anew" in capsys.readouterr().out


def test_a_failed_update_keeps_what_worked(pip, course, capsys):
    pip.set_up()
    (course / "requirements.txt").write_text("numpy>=2.1\n")
    pip.done.returncode = 1  # for instance: no network
    with pytest.raises(make.SetUpError):
        pip.set_up()
    capsys.readouterr()
    pip.done.returncode = 0
    pip.set_up()
    assert "anew" not in capsys.readouterr().out


def test_an_interrupted_set_up_starts_afresh(pip, capsys):
    pip.done.returncode = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        pip.set_up()
    assert pip.state.read_text() == make.UNFINISHED
    pip.done.returncode = 0
    pip.set_up()
    assert "interrupted: making it anew" in capsys.readouterr().out
    assert pip.state.read_text() != make.UNFINISHED


@pytest.mark.skipif(sys.platform == "win32", reason="no fcntl")
def test_a_second_set_up_waits_for_the_first(tmp_path):
    waiting = f"""
import importlib.util, pathlib
specification = importlib.util.spec_from_file_location("make", {str(ROOT / "make.py")!r})
make = importlib.util.module_from_spec(specification)
specification.loader.exec_module(make)
with make.one_at_a_time(pathlib.Path({str(tmp_path / ".venv")!r})):
    print("my turn", flush=True)
"""
    command = [sys.executable, "-c", waiting]
    with make.one_at_a_time(tmp_path / ".venv"):
        second = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert "waiting" in second.stdout.readline()
        assert second.poll() is None
    assert second.communicate(timeout=60)[0] == "my turn\n"


def test_without_ensurepip_the_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ensurepip", None)  # as on Debian without python3-venv
    with pytest.raises(make.SetUpError, match=r"apt install python3\.\d+-venv"):
        make.create(tmp_path / ".venv")


def test_other_pythons_packages_stay_out(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", "/opt/other")
    monkeypatch.setenv("CONDA_PREFIX", "/opt/conda")
    monkeypatch.setenv("PIP_USER", "1")
    variables = make.clean_environment(tmp_path / ".venv", OMP_NUM_THREADS="1")
    assert "PYTHONPATH" not in variables
    assert "CONDA_PREFIX" not in variables
    assert variables["PIP_USER"] == "0"
    assert variables["OMP_NUM_THREADS"] == "1"
    assert variables["PATH"].startswith(str(tmp_path / ".venv"))


names = st.from_regex(r"[a-z][a-z0-9_.-]{0,8}[a-z0-9]", fullmatch=True)
versions = st.from_regex(r"[0-9]{1,4}(\.[0-9]{1,3}){0,3}", fullmatch=True)


@given(st.lists(st.tuples(names, versions, st.sampled_from(["", "+cpu", "+cu130"]))))
def test_the_lock_text_keeps_versions_and_drops_builds(packages):
    frozen = "".join(f"{name}=={version}{build}\n" for name, version, build in packages)
    kept = make.lock_text(frozen + "-e /home/me/vos_lab\nnvidia-cudnn-cu13==9.24\n# a comment\n")
    assert kept == make.lock_text(kept)
    for name, version, _ in packages:
        if not make.ONE_PLATFORM_ONLY.match(name):
            assert f"{name}=={version}\n" in kept
    assert "+" not in kept
    assert "nvidia" not in kept
    assert "/home" not in kept


@pytest.mark.parametrize("arguments", [["nonsense"], []])
def test_an_unknown_command_lists_the_known_ones(arguments):
    command = [sys.executable, str(ROOT / "make.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "lab" in done.stderr


def test_ci_is_a_program():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")]).returncode == 0
