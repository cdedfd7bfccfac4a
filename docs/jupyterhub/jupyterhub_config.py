"""Configuration of a JupyterHub for the course, for ``jupyterhub -f jupyterhub_config.py``.

VOS_LAB_SPAWNER says what a student's server is:

    local    a process of an account on this machine (the default; for a room or a trial)
    docker   a container on this machine (pip install dockerspawner)
    kube     a pod of a cluster (Zero to JupyterHub: put this file under hub.extraConfig)

With containers, every student gets the memory that the largest lesson was measured to need.
"""

import os
from pathlib import Path

c = get_config()  # noqa: F821  (JupyterHub puts it here)

# --- what a lesson needs ----------------------------------------------------------------------

# In MB, by benchmarks/lesson_memory.py on Linux: JupyterLab, the peak of the kernel that runs the
# usual solved lesson, and of the one that needs most (README.md has the table).
SERVER, USUAL, LARGEST = 250, 900, 1700

# A student may keep two notebooks open, so the limit is the server and two large kernels, in steps
# of 256; the guarantee is the server and a usual one.
LIMIT = -(-(SERVER + 2 * LARGEST) // 256) * 256
GUARANTEE = SERVER + USUAL

# --- the server of a student ------------------------------------------------------------------

IMAGE = os.environ.get("VOS_LAB_IMAGE", "vos-lab:latest")
SPAWNER = os.environ.get("VOS_LAB_SPAWNER", "local")

c.Spawner.environment = {"OMP_NUM_THREADS": "2"}
c.Spawner.http_timeout = c.Spawner.start_timeout = 180  # the first start loads much from the disk
c.Spawner.args = ["--ServerApp.shutdown_no_activity_timeout=7200"]

if SPAWNER == "local":
    c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"
    # The environment that `make lab` made, with `pip install jupyterhub` in it.
    c.Spawner.cmd = [os.environ.get("VOS_LAB_SINGLEUSER", "jupyterhub-singleuser")]
    c.Spawner.notebook_dir = "~/course"
    c.Spawner.default_url = "/lab/tree/notebooks/00_tour.ipynb"

if SPAWNER == "docker":
    c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
    c.JupyterHub.hub_ip = "0.0.0.0"
    c.DockerSpawner.image = IMAGE
    c.DockerSpawner.remove = True
    c.DockerSpawner.volumes = {"vos-lab-{username}": "/home/student"}
    c.DockerSpawner.network_name = os.environ.get("VOS_LAB_NETWORK", "vos-lab")
    c.DockerSpawner.default_url = "/lab/tree/course"
    c.DockerSpawner.mem_limit = f"{LIMIT}M"
    c.DockerSpawner.cpu_limit = 2

if SPAWNER == "kube":
    c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
    c.KubeSpawner.image = IMAGE
    c.KubeSpawner.default_url = "/lab/tree/course"
    c.KubeSpawner.mem_limit, c.KubeSpawner.mem_guarantee = f"{LIMIT}M", f"{GUARANTEE}M"
    c.KubeSpawner.cpu_limit = 2

# --- who may come in --------------------------------------------------------------------------

# For a trial: the names below, one password for all. For a class, put the authenticator of your
# institution here (OAuthenticator, LTI, PAM).
trial = os.environ.get("VOS_LAB_TRIAL_PASSWORD")
if trial:
    c.JupyterHub.authenticator_class = "dummy"
    c.DummyAuthenticator.password = trial
    c.Authenticator.allowed_users = set(os.environ.get("VOS_LAB_TRIAL_USERS", "").split())

proxy = Path(__file__).parent / "node_modules" / ".bin" / "configurable-http-proxy"
if proxy.is_file():  # installed beside this file: npm install configurable-http-proxy
    c.ConfigurableHTTPProxy.command = [str(proxy)]
