"""How much memory a lesson needs: for the profile of a JupyterHub (docs/jupyterhub).

    python benchmarks/lesson_memory.py [LESSON...]

Runs each solved lesson, without real data, and asks its kernel for the most memory that it ever had
in real use (the peak of the resident set). JupyterLab's own server comes on top: its figure stands
in the last line.
"""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import nbformat
import psutil

from vos_lab.authoring.build import read_lessons, run_notebook
from vos_lab.authoring.lessons import solved_notebook

ASK = """\
import resource
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)  # Linux counts in KB
"""


def lesson_peak(name: str) -> int:
    """The most memory of a lesson's kernel, in MB."""
    (lesson,) = read_lessons(names=[name])
    notebook = solved_notebook(lesson)
    notebook.cells.append(nbformat.v4.new_code_cell(ASK))
    with tempfile.TemporaryDirectory() as folder:
        ran, _ = run_notebook(notebook, name, folder)
    return int(ran.cells[-1].outputs[-1].text.split()[-1])


def server_memory() -> int:
    """The memory of a JupyterLab server at rest, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--port=8977"]
        command += ["--IdentityProvider.token=x", "--ServerApp.allow_root=True"]
        quiet = subprocess.DEVNULL
        server = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | {"JUPYTER_RUNTIME_DIR": folder},
            stdout=quiet,
            stderr=quiet,
        )
        try:
            deadline = time.monotonic() + 600
            while True:
                try:
                    urllib.request.urlopen("http://127.0.0.1:8977/lab?token=x", timeout=60).close()
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(1)
            time.sleep(5)
            family = [psutil.Process(server.pid)]
            family += family[0].children(recursive=True)
            return sum(process.memory_info().rss for process in family) // 2**20
        finally:
            server.terminate()
            server.wait(120)


if __name__ == "__main__":
    names = sys.argv[1:] or [lesson.name for lesson in read_lessons()]
    for name in names:
        print(f"{Path(name).name:24} {lesson_peak(name):6} MB", flush=True)
    print(f"{'JupyterLab itself':24} {server_memory():6} MB")
