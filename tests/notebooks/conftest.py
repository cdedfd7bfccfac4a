"""What the tests of the notebooks start from."""

import pytest


@pytest.fixture
def nowhere(tmp_path):
    """A folder of datasets without any dataset, so that every machine gives the same."""
    folder = tmp_path / "no data"
    folder.mkdir()
    return folder
