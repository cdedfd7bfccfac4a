"""JupyterLab in a headless Chromium, driven as a student would: for tests and benchmarks."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

TOKEN = "only-for-tests"
# What a test relies on: all cells are in the page, nothing pops up, and nothing calls home.
SETTINGS = {
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


def find(*names: str) -> str | None:
    """The first of some programs that is on this machine."""
    return next((path for name in names if (path := shutil.which(name))), None)


BROWSER = find("chromium", "chromium-browser", "google-chrome", "chrome")
DRIVER = find("chromedriver")


def start_browser(profile: Path) -> webdriver.Chrome:
    """Start a headless Chromium with an empty profile.

    Args:
        profile: a folder for it to write to.
    """
    options = webdriver.ChromeOptions()
    assert BROWSER is not None
    assert DRIVER is not None
    options.binary_location = BROWSER
    for flag in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-dev-shm-usage",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "window-size=1300,1600",
        f"user-data-dir={profile}",
    ):
        options.add_argument(f"--{flag}")
    service = webdriver.ChromeService(executable_path=DRIVER)
    chromium = webdriver.Chrome(options=options, service=service)
    chromium.set_script_timeout(300)
    # JupyterLab learns from the focus which notebook is current. Without a screen, nothing has it.
    chromium.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
    return chromium


@dataclass
class Lab:
    """A running JupyterLab that serves one folder, seen through a browser."""

    address: str
    folder: Path
    settings: Path
    driver: webdriver.Chrome

    def wait(self, condition: Callable, seconds: float = 60, what: str = ""):
        """What ``condition(driver)`` returns, as soon as that is true."""
        # A widget that is drawn anew between finding an element and using it is asked again.
        redrawn = (NoSuchElementException, StaleElementReferenceException)
        return WebDriverWait(self.driver, seconds, 0.1, redrawn).until(condition, what)

    def theme(self, name: str) -> None:
        """Use "JupyterLab Dark" or "JupyterLab Light" from the next notebook that is opened."""
        write_settings(self.settings, {"@jupyterlab/apputils-extension/themes": {"theme": name}})

    def open(self, notebook: str) -> None:
        """Open a notebook, and wait for its kernel."""
        self.driver.get(f"{self.address}/lab/tree/{notebook}?token={TOKEN}&reset")
        self.wait(
            lambda driver: driver.execute_script(
                "const panel = window.jupyterapp?.shell?.currentWidget;"
                "return panel?.content?.model?.cells.length > 0 && panel.sessionContext.isReady"
                " && panel.sessionContext.session?.kernel?.status === 'idle';"
            ),
            seconds=120,
            what=f"{notebook} does not open, or its kernel does not start",
        )

    def show(self, name: str, *sources: str) -> None:
        """Write a notebook with a cell for each source, open it, and run all of it."""
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        for cell in cells:
            if cell.source.startswith("raise"):  # as the check of an exercise that waits
                cell.metadata["tags"] = ["raises-exception"]
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec})
        nbformat.write(notebook, self.folder / f"{name}.ipynb")
        self.open(f"{name}.ipynb")
        self.run_all()

    def find(self, selector: str) -> WebElement:
        """The first element that a CSS selector names, as soon as it is there, in sight."""
        found = self.wait(
            lambda driver: driver.find_elements(By.CSS_SELECTOR, selector),
            what=f"there is no {selector}",
        )[0]
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
        return found

    def known(self, expression: str):
        """The value of an expression in the kernel."""
        return json.loads(self.run(f"import json; print(json.dumps({expression}))"))

    def run_all(self) -> None:
        """Choose Run > Run All Cells, and wait until the last cell is done.

        Cells with the tag "raises-exception" may fail: JupyterLab goes on after them.
        """
        self.driver.execute_script("jupyterapp.commands.execute('notebook:run-all-cells')")
        self.wait(lambda _: not self.to_come(), 300, "not all cells are run")

    def to_come(self) -> list[str]:
        """The ids of the code cells that have not finished; fails where an error stops them."""
        to_come, stopped_by = self.driver.execute_script(
            """
            const cells = [...jupyterapp.shell.currentWidget.content.model.cells].filter(
              (c) => c.type === 'code' && c.sharedModel.getSource().trim());
            const stopping = cells
              .filter((c) => !c.getMetadata('tags')?.includes('raises-exception'))
              .flatMap((c) => c.outputs.toJSON()).filter((o) => o.output_type === 'error');
            return [cells.filter((c) => !c.executionCount || c.executionState === 'running')
              .map((c) => c.id), stopping.flatMap((o) => o.traceback)];
            """
        )
        assert not stopped_by, "\n".join(stopped_by)
        return to_come

    def run(self, source: str) -> str:
        """Add a cell below the last one, run it, and return the text that it prints."""
        outputs = json.loads(
            self.driver.execute_async_script(
                """
                const [source, done] = arguments;
                const notebook = jupyterapp.shell.currentWidget.content;
                const at = notebook.model.cells.length;
                notebook.model.sharedModel.insertCell(at, { cell_type: 'code', source });
                notebook.deselectAll();
                notebook.activeCellIndex = at;
                jupyterapp.commands.execute('notebook:run-cell').then(() => {
                  const cell = notebook.model.cells.get(at);
                  done(JSON.stringify(cell.outputs.toJSON()));
                });
                """,
                source,
            )
        )
        errors = [output for output in outputs if output["output_type"] == "error"]
        assert not errors, "\n".join(errors[0]["traceback"])
        return "".join("".join(o["text"]) for o in outputs if o["output_type"] == "stream").strip()

    def start(self, source: str) -> None:
        """Add a cell below the last one and start it, without waiting for its end."""
        self.driver.execute_script(
            """
            const notebook = jupyterapp.shell.currentWidget.content;
            const at = notebook.model.cells.length;
            notebook.model.sharedModel.insertCell(at, { cell_type: 'code', source: arguments[0] });
            notebook.deselectAll();
            notebook.activeCellIndex = at;
            jupyterapp.commands.execute('notebook:run-cell');
            """,
            source,
        )

    def errors(self) -> list[str]:
        """The error outputs of all cells."""
        return self.driver.execute_script(
            "return [...jupyterapp.shell.currentWidget.content.model.cells].flatMap((cell) =>"
            " cell.outputs?.toJSON().filter((o) => o.output_type === 'error')"
            ".map((o) => `${o.ename}: ${o.evalue}`) ?? []);"
        )

    def cells(self) -> list[str]:
        """The type of each cell."""
        return self.driver.execute_script(
            "return [...jupyterapp.shell.currentWidget.content.model.cells].map((c) => c.type);"
        )

    def close(self) -> None:
        """Stop the kernel and leave the notebook, without keeping the changes."""
        self.driver.execute_async_script(
            "const done = arguments[0];"
            "jupyterapp.shell.currentWidget.sessionContext.shutdown().then(() => done());"
        )
        self.driver.get("about:blank")


def write_settings(folder: Path, settings: dict[str, dict]) -> None:
    for name, values in settings.items():
        file = folder / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start_lab(home: Path, folder: Path) -> tuple[subprocess.Popen, str]:
    """Start JupyterLab on a folder, with a home of its own, and wait until it answers."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    write_settings(home / "settings", SETTINGS)
    arguments = [
        f"--ServerApp.root_dir={folder}",
        f"--ServerApp.port={port}",
        "--ServerApp.ip=127.0.0.1",
        f"--IdentityProvider.token={TOKEN}",
        "--ServerApp.open_browser=False",
        "--ServerApp.allow_root=True",
        "--LabApp.expose_app_in_browser=True",
    ]
    with (home / "lab.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *arguments],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + 90
    while True:
        try:
            urllib.request.urlopen(f"{address}/api/status?token={TOKEN}", timeout=5).close()
            return process, address
        except (urllib.error.URLError, OSError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                log_text = (home / "lab.log").read_text()
                raise RuntimeError(f"JupyterLab does not start:\n{log_text}") from error
            time.sleep(0.1)
