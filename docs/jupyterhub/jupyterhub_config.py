"""Configuration of a JupyterHub for the course, for ``jupyterhub -f jupyterhub_config.py``.

VOS_LAB_SPAWNER says what a student's server is:

    local    a process of an account on this machine (the default; for a room or a trial)
    docker   a container on this machine (pip install dockerspawner)
    kube     a pod of a cluster (Zero to JupyterHub: put this file under hub.extraConfig)

With containers, a student chooses a lesson, and gets the memory that it was measured to need.
"""

import os
from pathlib import Path

c = get_config()  # noqa: F821  (JupyterHub puts it here)

# --- what a lesson needs ----------------------------------------------------------------------

# The peak of the kernel that runs the solved lesson, in MB, and JupyterLab beside it, by
# benchmarks/lesson_memory.py on Linux. A student may keep two notebooks open, so the limit is the
# server and two kernels, rounded up; the guarantee is the server and one.
SERVER = 250
KERNELS = {
    "00_tour": 880,
    "01_metrics": 910,
    "02_optical_flow": 860,
    "03_flownet": 1310,
    "04_motion": 900,
    "16_mots": 1700,
}
ANOTHER = 2000  # for a lesson that nobody has measured yet


def limit(megabytes: int) -> int:
    """The memory of a server for a lesson, in MB: room for two kernels, in steps of 256."""
    return -(-(SERVER + 2 * megabytes) // 256) * 256


PROFILES = [
    {
        "display_name": f"Lesson {name[:2]}: {name[3:].replace('_', ' ')}",
        "slug": name.replace("_", "-"),
        "lesson": name,
        "mem_limit": f"{limit(megabytes)}M",
        "mem_guarantee": f"{SERVER + megabytes}M",
        "cpu_limit": 2,
    }
    for name, megabytes in [*KERNELS.items(), ("99_another_lesson", ANOTHER)]
]

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
    # One size for everybody: that of the largest lesson.
    c.DockerSpawner.mem_limit = f"{max(map(limit, KERNELS.values()))}M"
    c.DockerSpawner.cpu_limit = 2

if SPAWNER == "kube":
    c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
    c.KubeSpawner.image = IMAGE
    c.KubeSpawner.default_url = "/lab/tree/course"
    c.KubeSpawner.profile_list = [
        {
            "display_name": profile["display_name"],
            "slug": profile["slug"],
            "kubespawner_override": {
                key: profile[key] for key in ("mem_limit", "mem_guarantee", "cpu_limit")
            }
            | {"default_url": f"/lab/tree/course/{profile['lesson']}.ipynb"},
        }
        for profile in PROFILES
    ]

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
