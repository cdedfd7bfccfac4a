"""What several tests share."""

import base64
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ["VOS_LAB_PROGRESS"] = ""  # the progress of whoever runs the tests is their own
REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real sequences and golden numbers, or a skip that says what is missing."""
    root = Path(os.environ.get("VOS_LAB_DATA", REPOSITORY.parent / "shared")).absolute()
    if not (root / "davis2016").is_dir():
        pytest.skip(f"no real data: VOS_LAB_DATA names no folder with davis2016/ ({root})")
    return root


@pytest.fixture(scope="session")
def static_picture() -> Callable[[object], tuple[bytes, str]]:
    """Finds what a widget leaves where no kernel runs: the file and its description."""

    def find(widget: object) -> tuple[bytes, str]:
        shown = widget._repr_mimebundle_()[0]["text/html"]
        alt, data = re.search(
            r'<img alt="([^"]*)".* src="data:image/\w+;base64,([^"]*)">', shown
        ).groups()
        return base64.b64decode(data), alt

    return find
