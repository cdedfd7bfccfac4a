"""The files for a JupyterHub: they load, and name lessons and files that exist."""

import re
from pathlib import Path

import pytest
from traitlets.config import PyFileConfigLoader

REPOSITORY = Path(__file__).parents[1]
FOLDER = REPOSITORY / "docs" / "jupyterhub"


@pytest.mark.parametrize("spawner", ["local", "docker", "kube"])
def test_the_configuration_loads(spawner, monkeypatch):
    monkeypatch.setenv("VOS_LAB_SPAWNER", spawner)
    monkeypatch.setenv("VOS_LAB_TRIAL_PASSWORD", "course")
    monkeypatch.setenv("VOS_LAB_TRIAL_USERS", "anna ben")
    config = PyFileConfigLoader("jupyterhub_config.py", path=str(FOLDER)).load_config()
    assert config.Authenticator.allowed_users == {"anna", "ben"}
    assert config.JupyterHub.spawner_class.lower().count(spawner[:4])
    if spawner == "docker":
        assert 2048 < megabytes(config.DockerSpawner.mem_limit) < 8192
    if spawner == "kube":
        pod = config.KubeSpawner
        assert 500 < megabytes(pod.mem_guarantee) < megabytes(pod.mem_limit) < 8192


def megabytes(text):
    assert text.endswith("M")
    return int(text[:-1])


def test_the_image_copies_what_is_there():
    text = (FOLDER / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE):
        for name in line.split():
            assert (REPOSITORY / name).exists(), name
    assert "torch" in re.findall(r"^(\w+)==", (REPOSITORY / "requirements.lock").read_text(), re.M)
