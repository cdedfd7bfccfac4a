"""JupyterLab and a headless Chromium, for the tests that look at the course as a student does."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_browser import BROWSER, DRIVER, Lab, start_browser, start_lab

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on a copy of the notebooks, so that nothing in the repository changes."""
    if not BROWSER:
        pytest.skip("no browser on this machine: install chromium to run the browser tests")
    if not DRIVER:
        pytest.skip("no chromedriver on this machine: install chromium-driver for these tests")
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("lab")
    for notebook in (REPOSITORY / "notebooks").glob("*.ipynb"):
        shutil.copy(notebook, folder)
    browser = start_browser(tmp_path_factory.mktemp("chromium"))
    process, address = start_lab(home, folder)
    yield Lab(address, folder, home / "settings", browser)
    browser.quit()
    process.terminate()
    process.wait(30)
