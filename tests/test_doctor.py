"""The doctor finds what we break on purpose, and says how to mend it."""

import importlib
import json
import os
from importlib import metadata

import psutil
import pytest

import vos_lab
from vos_lab import doctor


@pytest.fixture
def installed(monkeypatch):
    """Pretend that some packages have another version; None for a missing package."""
    pretended: dict[str, str | None] = {}
    true_version = metadata.version

    def version(name: str) -> str:
        if name in pretended:
            if pretended[name] is None:
                raise metadata.PackageNotFoundError(name)
            return pretended[name]
        return true_version(name)

    monkeypatch.setattr(metadata, "version", version)
    return pretended


@pytest.fixture
def unimportable(monkeypatch):
    """Pretend that some modules cannot be imported."""
    broken: dict[str, Exception] = {}
    true_import = importlib.import_module

    def import_module(name: str):
        if name in broken:
            raise broken[name]
        return true_import(name)

    monkeypatch.setattr(importlib, "import_module", import_module)
    return broken


@pytest.fixture
def checkout(monkeypatch, tmp_path):
    """An empty folder in place of the folder of the course."""
    monkeypatch.setattr(doctor, "work_folder", lambda: tmp_path)
    monkeypatch.setattr(doctor, "WEIGHTS", tmp_path / "data")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "data").mkdir()
    return tmp_path


def only(findings):
    (finding,) = findings
    return finding


def test_this_machine_is_well():
    findings = {finding.name: finding for finding in doctor.diagnose()}
    for name in ("Python", "packages", "torch and torchvision", "OpenCV", "widgets"):
        assert findings[name].verdict == "ok", findings[name]


def test_what_is_wrong_comes_with_what_to_do():
    for finding in doctor.diagnose():
        assert finding.verdict == "ok" or finding.what_to_do, finding


def test_python_too_old(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 9, 6))
    finding = only(doctor.python())
    assert finding.verdict == "fail"
    assert "3.9.6" in finding.what
    assert "install Python 3.11" in finding.what_to_do


def test_pythonpath_is_a_warning(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/opt/ros/python")
    finding = only(doctor.python())
    assert finding.verdict == "warn"
    assert "unset PYTHONPATH" in finding.what_to_do


def test_a_package_is_missing(installed):
    installed["anywidget"] = None
    finding = only(doctor.packages())
    assert (finding.name, finding.verdict) == ("anywidget", "fail")
    assert "make setup" in finding.what_to_do


def test_a_package_is_too_old(installed):
    installed["jupyterlab"] = "3.6.0"
    finding = only(doctor.packages())
    assert (finding.name, finding.verdict) == ("jupyterlab", "fail")
    assert "3.6.0" in finding.what
    assert ">=" in finding.what


def test_the_local_build_of_a_version_counts_as_that_version(installed):
    installed["torch"] = metadata.version("torch") + "+cpu"
    assert only(doctor.packages()).verdict == "ok"


@pytest.mark.parametrize(("cuda", "words"), [(None, "for the CPU"), ("13.0", "for CUDA 13.0")])
def test_which_build_of_torch_is_installed(monkeypatch, cuda, words):
    import torch

    monkeypatch.setattr(torch.version, "cuda", cuda)
    assert f"built {words}" in only(doctor.torch_pair()).what


def test_torch_and_torchvision_are_no_pair(installed):
    installed["torch"] = "2.10.0"
    finding = only(doctor.torch_pair())
    assert finding.verdict == "fail"
    assert "this torchvision needs torch" in finding.what
    assert "in one command" in finding.what_to_do


def test_torchvision_is_missing(installed):
    installed["torchvision"] = None
    finding = only(doctor.torch_pair())
    assert finding.verdict == "fail"
    assert "torchvision is not installed" in finding.what


def test_torchvision_does_not_import(unimportable):
    unimportable["torchvision.ops"] = RuntimeError("operator torchvision::nms does not exist")
    finding = only(doctor.torch_pair())
    assert finding.verdict == "fail"
    assert "nms does not exist" in finding.what
    assert "in one command" in finding.what_to_do


def test_nms_that_computes_nonsense_is_found(monkeypatch):
    import torch
    import torchvision

    monkeypatch.setattr(torchvision.ops, "nms", lambda *_: torch.tensor([0, 1]))
    assert "[0, 1] instead of [1]" in only(doctor.torch_pair()).what


def test_opencv_lacks_a_system_library(unimportable):
    unimportable["cv2"] = ImportError("libGL.so.1: cannot open shared object file")
    finding = only(doctor.opencv())
    assert finding.verdict == "fail"
    assert "libGL.so.1" in finding.what
    assert "pip uninstall" in finding.what_to_do


def test_two_builds_of_opencv(installed):
    installed["opencv-python"] = "4.10.0"
    finding = only(doctor.opencv())
    assert finding.verdict == "warn"
    assert "pip uninstall opencv-python opencv-python-headless" in finding.what_to_do


def test_widget_extension_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "_jupyter_bases", lambda: [str(tmp_path)])
    extension = tmp_path / "share/jupyter/labextensions/anywidget"
    extension.mkdir(parents=True)
    (extension / "package.json").write_text("{}")
    finding = only(doctor.widgets())
    assert finding.verdict == "fail"
    assert "jupyterlab-manager" in finding.what
    assert "jupyterlab_widgets" in finding.what_to_do


@pytest.mark.parametrize("written", [["anywidget"], {"anywidget": True}])
def test_widget_extension_is_switched_off(monkeypatch, tmp_path, written):
    monkeypatch.setattr(doctor.Path, "home", lambda: tmp_path)
    settings = tmp_path / ".jupyter/labconfig/page_config.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"disabledExtensions": written}))
    finding = only(doctor.widgets())
    assert finding.verdict == "fail"
    assert str(settings) in finding.what
    assert "labextension enable anywidget" in finding.what_to_do


def test_ipywidgets_does_not_import(unimportable):
    unimportable["ipywidgets"] = ImportError("no")
    assert only(doctor.widgets()).verdict == "fail"


@pytest.fixture
def torch_threads(monkeypatch):
    import torch

    monkeypatch.setattr(doctor, "_cores", lambda: 4)
    return lambda number: monkeypatch.setattr(torch, "get_num_threads", lambda: number)


def test_fewer_threads_than_cores(torch_threads, monkeypatch):
    torch_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    finding = only(doctor.threads())
    assert finding.verdict == "warn"
    assert "OMP_NUM_THREADS=1 is set: unset it" in finding.what_to_do


def test_more_threads_than_cores(torch_threads, monkeypatch):
    torch_threads(64)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    finding = only(doctor.threads())
    assert finding.verdict == "warn"
    assert "set OMP_NUM_THREADS=4" in finding.what_to_do


def test_as_many_threads_as_cores(torch_threads):
    torch_threads(4)
    assert only(doctor.threads()).verdict == "ok"


@pytest.mark.parametrize(("free", "verdict"), [(0.4e9, "warn"), (9e9, "ok")])
def test_memory(monkeypatch, free, verdict):
    class State:
        available = free
        total = 16e9

    monkeypatch.setattr(psutil, "virtual_memory", lambda: State)
    finding = only(doctor.memory())
    assert finding.verdict == verdict
    assert ("close other programs" in finding.what_to_do) == (verdict == "warn")


@pytest.mark.parametrize(("free", "verdict"), [(10**8, "warn"), (10**11, "ok")])
def test_disk(monkeypatch, free, verdict):
    usage = doctor.shutil.disk_usage(".")._replace(free=free)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage)
    assert only(doctor.disk()).verdict == verdict


def write_notebook(folder, name, version):
    content = {"cells": [], "metadata": {"vos_lab": {"version": version}}, "nbformat": 4}
    (folder / "notebooks" / name).write_text(json.dumps(content))


def test_notebooks_of_this_version(checkout):
    write_notebook(checkout, "00_tour.ipynb", vos_lab.__version__)
    assert only(doctor.notebooks()).verdict == "ok"


def test_a_notebook_of_another_version(checkout):
    write_notebook(checkout, "00_tour.ipynb", vos_lab.__version__)
    write_notebook(checkout, "01_metrics.ipynb", "0.0.1")
    finding = only(doctor.notebooks())
    assert finding.verdict == "warn"
    assert "01_metrics.ipynb is for vos_lab 0.0.1" in finding.what
    assert "start --again" in finding.what_to_do


def test_a_notebook_that_is_none(checkout):
    (checkout / "notebooks" / "00_tour.ipynb").write_text("<<<<<<< HEAD")
    finding = only(doctor.notebooks())
    assert finding.verdict == "fail"
    assert "00_tour.ipynb is no notebook" in finding.what


def test_no_notebooks(checkout):
    assert "vos-lab start" in only(doctor.notebooks()).what_to_do


def write_weights(file, stored_bytes):
    header = {"w": {"dtype": "F16", "shape": [4], "data_offsets": [0, 8]}}
    text = json.dumps(header).encode()
    file.write_bytes(len(text).to_bytes(8, "little") + text + bytes(stored_bytes))


@pytest.mark.parametrize(("stored", "verdict"), [(8, "ok"), (7, "fail")])
def test_weights_are_whole(checkout, stored, verdict):
    write_weights(checkout / "data" / "parent.safetensors", stored)
    assert only(doctor.weights()).verdict == verdict


def test_a_pointer_in_place_of_weights(checkout):
    (checkout / "data" / "parent.safetensors").write_text("version 1\noid sha256:123\nsize 9\n")
    finding = only(doctor.weights())
    assert finding.verdict == "fail"
    assert "git checkout" in finding.what_to_do


def test_data_folder_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("VOS_LAB_DATA", str(tmp_path / "gone"))
    finding = only(doctor.data())
    assert finding.verdict == "warn"
    assert "correct VOS_LAB_DATA" in finding.what_to_do


def test_data_is_found(monkeypatch, tmp_path):
    (tmp_path / "davis2016/Annotations/480p/camel").mkdir(parents=True)
    monkeypatch.setenv("VOS_LAB_DATA", str(tmp_path))
    finding = only(doctor.data())
    assert finding.verdict == "ok"
    assert "davis2016 (1 sequences)" in finding.what


def test_no_data_is_no_illness(monkeypatch, tmp_path):
    monkeypatch.setenv("VOS_LAB_DATA", str(tmp_path))
    finding = only(doctor.data())
    assert finding.verdict == "ok"
    assert "vos-lab data" in finding.what_to_do


def test_no_browser_is_no_illness(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    finding = only(doctor.browser())
    assert finding.verdict == "ok"
    assert "skips" in finding.what


def test_a_check_that_breaks_is_a_finding(monkeypatch):
    def broken():
        raise KeyError("surprise")

    monkeypatch.setattr(doctor, "disk", broken)
    findings = doctor.diagnose()
    (finding,) = [finding for finding in findings if finding.name == "broken"]
    assert finding.verdict == "fail"
    assert "surprise" in finding.what
    assert len(findings) >= 12


def test_the_report_says_what_to_do(capsys):
    doctor.report([doctor.Finding("memory", "warn", "0.1 GB [of 8]", "close programs")])
    out = capsys.readouterr().out
    assert "0.1 GB [of 8]" in out
    assert "close programs" in out
    assert "0 to mend, 1 to know about" in out
    doctor.report([doctor.Finding("memory", "ok", "9 GB")])
    assert "All is well" in capsys.readouterr().out


def test_the_doctor_needs_no_network(monkeypatch):
    import socket

    def refuse(*_, **__):
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert all(f.verdict != "fail" for f in doctor.packages() + doctor.torch_pair() + doctor.data())
    assert "VOS_LAB_DATA" in os.environ or only(doctor.data()).verdict == "ok"
