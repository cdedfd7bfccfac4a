"""A dozen hostile submissions among honest ones; ``benchmarks/grading_drill.py`` runs hundreds."""

import sys

import pytest

from vos_lab.course_files import COURSE_FOLDER

sys.path.append(str(COURSE_FOLDER / "benchmarks"))

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")


def test_a_small_drill(tmp_path):
    from grading_drill import drill

    figures = drill(tmp_path, seed=8, hostile=12, honest=3, jobs=2, seconds=1)
    assert figures["wrong"] == []
    assert figures["escaped"] == []
    assert figures["ended"]
    assert (figures["right"], figures["stopped"]) == (3, 12)
