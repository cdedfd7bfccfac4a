"""Answers in whatever form they are defined are run, and score, behind the walls too."""

import sys

import pytest
from classroom import RIGHT, Classroom
from test_extract import FORMS

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")
INSIDE = RIGHT.replace("def jaccard", "def _right")
HOW = {
    "annotated": "jaccard: object = _right",
    "if": "if True:\n    jaccard = _right",
    "try": "try:\n    from my_code import jaccard\nexcept ImportError:\n    jaccard = _right",
    "tuple": "jaccard, other = _right, 2",
    "lambda": "jaccard = lambda prediction, truth, void=None: _right(prediction, truth, void)",
    "partial": "from functools import partial\njaccard = partial(_right)",
    "decorated": "import functools\njaccard = functools.lru_cache(None)(lambda: 1)\n"
    "def same(f):\n    return lambda *a, **k: f(*a, **k)\n"
    "@same\ndef jaccard(prediction, truth, void=None):\n    return _right(prediction, truth, void)",
    "object": "class J:\n    def __call__(self, prediction, truth, void=None):\n"
    "        return _right(prediction, truth, void)\njaccard = J()",
    "exec": "exec('jaccard = _right')",
}


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    room = Classroom(tmp_path_factory.mktemp("forms"), seconds=20)
    yield room
    room.close()


@pytest.mark.parametrize("how", HOW)
def test_a_right_answer_scores_in_every_form(room, how):
    assert len(HOW) <= len(FORMS)
    found = room.only(f"{INSIDE}\n{HOW[how]}")
    assert (found.outcome, found.points) == ("passed", 9), [case.lines for case in found.cases]
