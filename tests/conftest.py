"""What several tests share."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real sequences and golden numbers, or a skip that says what is missing."""
    root = Path(os.environ.get("VOS_LAB_DATA", REPOSITORY.parent / "shared")).absolute()
    if not (root / "davis2016").is_dir():
        pytest.skip(f"no real data: VOS_LAB_DATA names no folder with davis2016/ ({root})")
    return root
