"""Answers are found wherever they stand, with what they need and nothing else."""

import ast
import json

import pytest
from classroom import BOUNDARY, RIGHT, notebook, write_lesson

from vos_lab.authoring.lessons import read_lesson
from vos_lab.grading.answer_key import Key
from vos_lab.grading.extract import extract, structure


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    return read_lesson(write_lesson(tmp_path_factory.mktemp("extract")))


@pytest.fixture(scope="module")
def blank(lesson):
    with Key(lesson) as key:
        return key.blank


def extracted(data, blank, name="01_two.ipynb"):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return extract(data, name, blank)


def code(source, **more):
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], **more}


def works(answer, name="jaccard"):
    """Run what was extracted, and see whether it is a function that gives 1/3."""
    import numpy as np

    space = {}
    for unit in answer["units"]:
        exec(unit["source"], space)
    a, b = np.array([[True, True, False]]), np.array([[False, True, True]])
    return space[name](a, b) == pytest.approx(1 / 3)


def index_of(made, name):
    return next(
        i
        for i, cell in enumerate(made["cells"])
        if cell["metadata"]["vos_lab"]["kind"] == "exercise"
        and cell["metadata"]["vos_lab"]["name"] == name
    )


def test_by_id(lesson, blank):
    found = extracted(notebook(lesson, jaccard=RIGHT), blank)
    assert found["error"] is None
    assert found["answers"]["jaccard"]["state"] == "answer"
    assert found["answers"]["jaccard"]["note"] == ""
    assert found["answers"]["mask_boundary"]["state"] == "untouched"
    assert works(found["answers"]["jaccard"])


def test_ids_and_metadata_are_gone(lesson, blank):
    made = notebook(lesson, jaccard=RIGHT)
    for cell in made["cells"]:
        cell.pop("id")
        cell["metadata"] = {}
    answer = extracted(made, blank)["answers"]["jaccard"]
    assert works(answer)
    assert "by its name" in answer["note"]


def test_the_answer_stands_in_a_new_cell_and_the_stub_is_still_there(lesson, blank):
    made = notebook(lesson)
    made["cells"].append(code(RIGHT))
    assert works(extracted(made, blank)["answers"]["jaccard"])


def test_a_cell_is_deleted(lesson, blank):
    made = notebook(lesson, jaccard=RIGHT)
    del made["cells"][index_of(made, "mask_boundary")]
    found = extracted(made, blank)["answers"]
    assert works(found["jaccard"])
    assert found["mask_boundary"]["state"] == "missing"


def test_a_cell_is_there_twice(lesson, blank):
    made = notebook(lesson, jaccard=RIGHT)
    number = index_of(made, "jaccard")
    wrong = {**made["cells"][number], "source": "def jaccard(prediction, truth):\n    return 0"}
    made["cells"].insert(number, wrong)
    answer = extracted(made, blank)["answers"]["jaccard"]
    assert works(answer)
    assert "2 versions" in answer["note"]
    made["cells"].append(made["cells"].pop(number))
    assert not works(extracted(made, blank)["answers"]["jaccard"])  # the later counts


def test_cells_are_in_another_order(lesson, blank):
    made = notebook(lesson, jaccard=RIGHT, mask_boundary=BOUNDARY)
    made["cells"].reverse()
    assert works(extracted(made, blank)["answers"]["jaccard"])


def test_a_cell_is_split(lesson, blank):
    made = notebook(lesson, jaccard="def helper(a):\n    return a.sum(axis=(-2, -1))")
    number = index_of(made, "jaccard")
    rest = RIGHT.replace("(prediction & truth).sum(axis=(-2, -1))", "helper(prediction & truth)")
    made["cells"].insert(number + 1, code(rest))
    assert works(extracted(made, blank)["answers"]["jaccard"])


def test_split_in_the_middle_is_broken_and_the_other_is_not(lesson, blank):
    made = notebook(lesson, jaccard="def jaccard(prediction, truth,", mask_boundary=BOUNDARY)
    found = extracted(made, blank)["answers"]
    assert found["jaccard"]["state"] == "broken"
    assert "is not Python" in found["jaccard"]["note"]
    assert found["mask_boundary"]["state"] == "answer"


def test_helpers_of_any_cell_come_along_and_nothing_else(lesson, blank):
    answer = (
        "TABLE = {}\nTABLE['one'] = 1.0\nfor key in ('two',):\n    TABLE[key] = 2.0\n"
        "print(unknown)\nplot(TABLE)\n" + RIGHT.replace("1.0,", "TABLE['one'] * unit(),")
    )
    made = notebook(lesson, jaccard=answer)
    made["cells"].insert(0, code("import math as m\nraise SystemExit\nx = 1 / 0"))
    made["cells"].insert(1, code("# scratch\ndef unit():\n    return m.cos(0)\n"))
    made["cells"].append(code("def unit(:"))
    found = extracted(made, blank)["answers"]["jaccard"]
    text = "".join(unit["source"] for unit in found["units"])
    assert works(found)
    assert "import math as m" in text
    for other in ("SystemExit", "1 / 0", "print", "plot"):
        assert other not in text


def test_the_lessons_own_names_come_first_and_the_answers_own_before_them(lesson, blank):
    made = notebook(lesson, jaccard=RIGHT)
    made["cells"].insert(0, code("class np:\n    pass"))
    assert works(extracted(made, blank)["answers"]["jaccard"])
    made = notebook(lesson, jaccard="class np:\n    pass\n" + RIGHT)
    with pytest.raises(AttributeError):
        works(extracted(made, blank)["answers"]["jaccard"])


def test_lines_stay_where_they_were(lesson, blank):
    source = "# one\n\nunused = 1\nprint(2)\n" + RIGHT
    unit = extracted(notebook(lesson, jaccard=source), blank)["answers"]["jaccard"]["units"][-1]
    assert unit["source"].split("\n")[4].startswith("def jaccard")


def test_lambdas_decorators_stars_and_magics(lesson, blank):
    for source in (
        "jaccard = lambda p, t, void=None: (p & t).sum() / (p | t).sum()",
        "import functools\n@functools.cache\ndef three(): return 3\n"
        "def jaccard(p, t, void=None):\n    return 1 / three()",
        "from math import *\ndef jaccard(p, t, void=None):\n    return cos(0) / 3",
        "%%time\n" + RIGHT,
        "%matplotlib inline\n!ls\n" + RIGHT,
        "try:\n    import nothing_there as n\nexcept ImportError:\n    n = 3\n"
        "def jaccard(p, t, void=None):\n    return 1 / n",
        "def jaccard(p, t, void=None):\n    global count\n    count = 3\n    return 1 / count",
    ):
        assert works(extracted(notebook(lesson, jaccard=source), blank)["answers"]["jaccard"]), (
            source
        )


def test_other_languages_are_no_python(lesson, blank):
    found = extracted(notebook(lesson, jaccard="%%bash\nrm -rf /"), blank)["answers"]["jaccard"]
    assert found["state"] == "missing"


@pytest.mark.parametrize(
    "source",
    [
        "def jaccard(prediction, truth, void=None):\n    raise NotImplementedError",
        "def jaccard(a, b):\n    'My docstring.'\n    raise NotImplementedError",
    ],
)
def test_an_empty_body_is_untouched(lesson, blank, source):
    found = extracted(notebook(lesson, jaccard=source), blank)["answers"]["jaccard"]
    assert found["state"] == "untouched"


def test_exports(blank):
    python = (
        "#!/usr/bin/env python\n# coding: utf-8\n\n# # Title\n\n# In[1]:\n\nimport numpy as np\n"
    )
    for mark in ("# In[2]:", "# In[ ]:", "# %%", '# %% exercise="x"', "# +"):
        text = f"{python}\n{mark}\n{RIGHT}\n\n{mark}\ndef broken(\n"
        assert works(extracted(text.encode(), blank, "x.py")["answers"]["jaccard"]), mark
    text = f"{python}{RIGHT}".replace("\n", "\r\n")
    assert works(extracted(text.encode("utf-16"), blank, "x.py")["answers"]["jaccard"])
    text = f"# Zoë\n{python}{RIGHT}"
    assert works(extracted(text.encode("latin-1"), blank, "x.py")["answers"]["jaccard"])


def test_an_old_format_of_notebooks(blank):
    made = {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": [RIGHT]}]}]}
    assert works(extracted(made, blank)["answers"]["jaccard"])


def test_an_older_version_of_the_lesson(lesson, blank):
    made = notebook(lesson, jaccard=RIGHT)
    made["cells"] = [c for c in made["cells"] if "mask_boundary" not in str(c)]
    for cell in made["cells"]:
        cell["id"] = "older-" + cell["id"]
        cell["metadata"]["vos_lab"].pop("exercise", None)
    found = extracted(made, blank)["answers"]
    assert works(found["jaccard"])
    assert found["mask_boundary"]["state"] == "missing"


def test_the_notebook_of_another_lesson_is_noted(lesson, blank):
    made = notebook(lesson)
    made["metadata"]["vos_lab"]["lesson"] = "09_other"
    assert "09_other" in extracted(made, blank)["notes"][0]


def test_a_truncated_file_gives_what_is_whole(lesson, blank):
    made = notebook(lesson, jaccard=RIGHT, mask_boundary=BOUNDARY)
    text = json.dumps(made)
    cut = text[: text.index("def mask_boundary") + 40].encode()
    found = extracted(cut, blank)
    assert works(found["answers"]["jaccard"])
    assert found["answers"]["mask_boundary"]["state"] == "missing"
    assert "damaged" in found["notes"][0]


@pytest.mark.parametrize(
    "data",
    [b"", b"   ", b"<html>", b"\x00\xff" * 100, b"PK\x03\x04", b"[]", b"1", b'{"cells": 3}', b"{}"],
)
def test_what_is_no_notebook_says_so(blank, data):
    found = extracted(data, blank)
    assert found["error"]
    assert found["answers"] == {}


def test_strange_cells_are_passed_over(lesson, blank):
    made = notebook(lesson, jaccard=RIGHT)
    made["cells"] += [1, None, [], {}, {"cell_type": "code"}, code(None), code([1, "x = 1"])]
    made["cells"] += [code("x = '\0'"), code("(" * 300 + ")" * 300), code("x", metadata=[1])]
    made["cells"] += [code("x = 1", id=3, metadata={"vos_lab": 1, "tags": 2})]
    assert works(extracted(made, blank)["answers"]["jaccard"])


def test_structure_ignores_names_numbers_texts_and_annotations():
    one = "def f(a: int, b) -> int:\n    'Says.'\n    c = a * 2 + len(b)\n    return c[0]"
    two = "def other(x, y):\n    z = x * 99 + sum(y)\n    return z[7]"
    three = "def f(a, b):\n    return [c for c in a if c in b]"
    assert structure(one) == structure(two) != structure(three)
    assert ast.parse(one)
