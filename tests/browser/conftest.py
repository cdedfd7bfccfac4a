"""JupyterLab and a headless Chromium, for the tests that look at the course as a student does."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_browser import BROWSER, DRIVER, Lab, start_browser, start_lab
from selenium import webdriver

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """One browser for all tests."""
    if not BROWSER:
        pytest.skip("no browser on this machine: install chromium to run the browser tests")
    if not DRIVER:
        pytest.skip("no chromedriver on this machine: install chromium-driver for these tests")
    browser = start_browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.quit()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, chromium: webdriver.Chrome) -> Iterator[Lab]:
    """JupyterLab on a copy of the notebooks, so that nothing in the repository changes."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("lab")
    for notebook in (REPOSITORY / "notebooks").glob("*.ipynb"):
        shutil.copy(notebook, folder)
    process, address = start_lab(home, folder)
    yield Lab(address, folder, home / "settings", chromium)
    process.terminate()
    process.wait(30)
