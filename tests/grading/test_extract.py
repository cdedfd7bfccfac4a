"""Answers are found wherever they stand, with what they need and nothing else."""

import ast
import json

import pytest
from classroom import BOUNDARY, RIGHT, notebook, write_lesson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vos_lab.authoring.build import read_lessons
from vos_lab.authoring.lessons import as_text, read_lesson, solved_notebook
from vos_lab.authoring.notebooks import as_dict
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


# Each gives a third to two masks of three pixels that overlap in one.
FORMS = {
    "annotated assignment": "from collections.abc import Callable\n"
    "jaccard: Callable = lambda p, t, void=None: (p & t).sum() / (p | t).sum()",
    "if True": "if True:\n    def jaccard(p, t, void=None):\n        return 1 / 3",
    "if, else": "try:\n    import cupy\nexcept ImportError:\n    cupy = None\nif cupy:\n"
    "    def jaccard(p, t): return 0\nelse:\n    def jaccard(p, t, void=None): return 1 / 3",
    "try, except ImportError": "try:\n    from my_fast_code import jaccard\nexcept ImportError:\n"
    "    def jaccard(p, t, void=None):\n        return 1 / 3",
    "tuple": "def a(p, t, void=None): return 1 / 3\njaccard, dice = a, None",
    "tuple of an unknown value": "def both():\n    return (lambda p, t: 1 / 3), 2\n"
    "jaccard, _ = both()",
    "two names": "def _f(p, t, void=None): return 1 / 3\nmine = jaccard = _f",
    "lambda": "jaccard = lambda p, t, void=None: 1 / 3",
    "partial": "from functools import partial\ndef _j(p, t, void=None, eps=0): return 1 / 3 + eps\n"
    "jaccard = partial(_j, eps=0)",
    "decorated": "import functools\ndef twice(f):\n    @functools.wraps(f)\n"
    "    def inner(*a, **k): return f(*a, **k)\n    return inner\n"
    "@twice\ndef jaccard(p, t, void=None):\n    return 1 / 3",
    "decorated afterwards": "def same(f): return f\ndef jaccard(p, t, void=None): return 1 / 3\n"
    "jaccard = same(jaccard)",
    "object": "class Jaccard:\n    def __init__(self, n): self.n = n\n"
    "    def __call__(self, p, t, void=None): return 1 / self.n\njaccard = Jaccard(3)",
    "method": "class M:\n    def j(self, p, t, void=None): return 1 / 3\njaccard = M().j",
    "walrus": "print(jaccard := lambda p, t, void=None: 1 / 3)",
    "with": "import contextlib\nwith contextlib.suppress(Exception):\n"
    "    def jaccard(p, t, void=None): return 1 / 3",
    "loop": "for n in (2, 3):\n    def jaccard(p, t, void=None, n=n): return 1 / n",
    "made by a function": "def make(n):\n    def jaccard(p, t, void=None): return 1 / n\n"
    "    return jaccard\njaccard = make(3)",
    "exec": "exec('def jaccard(p, t, void=None): return 1 / 3')",
    "globals": "globals()['jaccard'] = lambda p, t, void=None: 1 / 3",
    "global": "def make():\n    global jaccard\n    jaccard = lambda p, t: 1 / 3\nmake()",
    "on one line": "import math; n = 3; jaccard = lambda p, t, void=None: 1 / n; del math",
    "match": "match 1:\n    case _:\n        def jaccard(p, t, void=None): return 1 / 3",
    "stub below": "def jaccard(p, t, void=None): return 1 / 3\n"
    "if False:\n    def jaccard(p, t): raise NotImplementedError",
    "result of the same name": "def jaccard(p, t, void=None): return 1 / 3\n"
    "score = jaccard(1, 2)\nif score:\n    print(jaccard(3, 4))",
}


@pytest.mark.parametrize("form", FORMS)
def test_an_answer_is_what_its_cell_defines(lesson, blank, form):
    assert works(extracted(notebook(lesson, jaccard=FORMS[form]), blank)["answers"]["jaccard"])


@pytest.mark.parametrize("form", sorted(set(FORMS) - {"exec", "globals", "global"}))
def test_so_it_is_without_ids_and_beside_the_stub(lesson, blank, form):
    made = notebook(lesson)
    made["cells"].append(code(FORMS[form]))
    assert works(extracted(made, blank)["answers"]["jaccard"])


def test_the_result_of_an_answer_is_no_answer(lesson, blank):
    made = notebook(lesson)
    made["cells"] += [code(RIGHT), code("jaccard = jaccard(a, b)"), code("jaccard = 0.5")]
    made["cells"] += [code("from vos_lab.metrics.masks import jaccard"), code("jaccard = m(1)")]
    assert works(extracted(made, blank)["answers"]["jaccard"])


def test_of_helpers_with_one_name_the_nearest_before_the_answer_counts(lesson, blank):
    answer = "def jaccard(p, t, void=None):\n    return 1 / n()"
    made = notebook(lesson, jaccard=answer)
    number = index_of(made, "jaccard")
    right, wrong = code("def n(): return 3"), code("def n(): return 5")

    def try_with(before, after):
        cells = made["cells"]
        cells = [*cells[:number], *before, cells[number], *after, *cells[number + 1 :]]
        return works(extracted({**made, "cells": cells}, blank)["answers"]["jaccard"])

    assert try_with([wrong, right], [])
    assert not try_with([right, wrong], [])
    assert try_with([right], [wrong])
    assert not try_with([wrong], [right])
    assert try_with([], [right, wrong])  # written afterwards, and run before
    scratch = code("# scratch\ndef n(): return 5")
    assert try_with([scratch, right], [])


def test_what_is_filled_in_another_cell_comes_along(lesson, blank):
    made = notebook(lesson, jaccard="def jaccard(p, t, void=None):\n    return 1 / table['n']")
    made["cells"].insert(0, code("table = {}\ntable.update(n=1)"))
    made["cells"].insert(1, code("table['n'] = 3\nnp.random.seed(0)"))
    answer = extracted(made, blank)["answers"]["jaccard"]
    assert works(answer)
    assert "seed" not in "".join(unit["source"] for unit in answer["units"])


def test_other_exercises_are_the_librarys_own(lesson, blank):
    answer = "def jaccard(p, t, void=None):\n    return mask_boundary(p)"
    made = notebook(lesson, jaccard=answer)
    made["cells"].insert(0, code("def mask_boundary(mask):\n    return 1 / 3"))
    (first, *_) = extracted(made, blank)["answers"]["jaccard"]["units"]
    assert first["where"] == "the lesson"
    assert "import mask_boundary" in first["source"]


@pytest.mark.parametrize("ids", [True, False])
def test_a_notebook_from_before_its_exercises_moved(lesson, blank, ids):
    """Modules have new names; functions and the ids of cells have not."""
    made = json.loads(
        json.dumps(notebook(lesson, jaccard=RIGHT)).replace(
            "vos_lab.metrics.masks", "vos_lab.course.metrics"
        )
    )
    if not ids:
        for cell in made["cells"]:
            cell["id"] = "x" + cell["id"]
    assert made["cells"][index_of(made, "jaccard")]["metadata"]["vos_lab"]["exercise"] == (
        "vos_lab.course.metrics.jaccard"
    )
    made["cells"].insert(0, code("from vos_lab.course.metrics import lower_neighbour"))
    answer = extracted(made, blank)["answers"]["jaccard"]
    assert answer["note"] == ""
    assert works(answer)
    assert "vos_lab.course.metrics" not in "".join(unit["source"] for unit in answer["units"])


def test_flownet_before_it_moved():
    lesson = read_lessons(names=["03_flownet"])[0]
    text = as_text(solved_notebook(lesson)).replace(
        "vos_lab.flow.flownet", "vos_lab.methods.flownet"
    )
    assert "vos_lab.methods.flownet.correlation" in text
    with Key(lesson) as key:
        for ids in (True, False):
            made = text if ids else text.replace('"id": "03_flownet', '"id": "x')
            found = extracted(made.encode(), key.blank, "03_flownet.ipynb")
            assert [a["state"] for a in found["answers"].values()] == ["answer"] * 3
            assert {a["note"] for a in found["answers"].values()} == {""}
            sources = [u["source"] for a in found["answers"].values() for u in a["units"]]
            assert not any("vos_lab.methods.flownet" in source for source in sources)


def test_other_languages_are_no_python(lesson, blank):
    found = extracted(notebook(lesson, jaccard="%%bash\nrm -rf /"), blank)["answers"]["jaccard"]
    assert found["state"] == "broken"
    assert "starts with %%bash" in found["note"]


@pytest.mark.parametrize(
    "source",
    [
        "def jaccard(prediction, truth, void=None):\n    raise NotImplementedError",
        "def jaccard(a, b):\n    'My docstring.'\n    raise NotImplementedError",
        "def jaccard(a, b):\n    raise NotImplementedError('later')",
        "def jaccard(a, b):\n    'My docstring.'\n    pass",
        "if True:\n    def jaccard(a, b):\n        ...",
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


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8"]
)
def test_any_encoding(lesson, blank, encoding):
    text = json.dumps(notebook(lesson, jaccard="# Zoë\n" + RIGHT), ensure_ascii=False)
    assert works(extracted(text.encode(encoding), blank)["answers"]["jaccard"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just(RIGHT),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["cells", "source", "cell_type", "metadata", "vos_lab", "id", "kind"])
            | st.text(max_size=6),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
PYTHON = st.lists(
    st.sampled_from([*FORMS.values(), RIGHT, "def jaccard(", "%%bash", "await x", "\0", "x = 1;"])
    | st.text(max_size=30),
    max_size=4,
).map("\n".join)


def well_formed(found, blank):
    assert set(found) == {"error", "notes", "answers"}
    assert found["error"] or set(found["answers"]) == {e["name"] for e in blank["exercises"]}
    for answer in found["answers"].values():
        assert answer["state"] in ("answer", "untouched", "missing", "broken")
        for unit in answer["units"]:
            ast.parse(unit["source"])  # the worker does so too
    json.dumps(found)


@settings(deadline=None, max_examples=150, suppress_health_check=[*HealthCheck])
@given(
    cells=st.lists(PYTHON, max_size=3), cut=st.floats(0, 1), strange=JSON, name=st.integers(0, 3)
)
def test_anything_is_answers_or_a_reason(lesson, blank, cells, cut, strange, name):
    made = notebook(lesson, jaccard=cells[0] if cells else RIGHT)
    made["cells"] += [code(source) for source in cells[1:]]
    text = json.dumps(made)
    name = ["x.ipynb", "x.py", "X.IPYNB", "x"][name]
    for data in (
        text.encode(),
        text[: int(len(text) * cut)].encode(),
        "\n# %%\n".join(cells).encode("utf-8", "replace"),
        json.dumps(strange).encode(),
        json.dumps({"cells": strange}).encode(),
        json.dumps({"cells": [strange, {"cell_type": "code", **as_dict(strange)}]}).encode(),
    ):
        well_formed(extract(data, name, blank), blank)


@settings(deadline=None, max_examples=150, suppress_health_check=[*HealthCheck])
@given(data=st.binary(max_size=200), name=st.sampled_from(["x.ipynb", "x.py"]))
def test_any_bytes_are_answers_or_a_reason(blank, data, name):
    well_formed(extract(data, name, blank), blank)


def test_structure_ignores_names_numbers_texts_and_annotations():
    one = "def f(a: int, b) -> int:\n    'Says.'\n    c = a * 2 + len(b)\n    return c[0]"
    two = "def other(x, y):\n    z = x * 99 + sum(y)\n    return z[7]"
    three = "def f(a, b):\n    return [c for c in a if c in b]"
    assert structure(one) == structure(two) != structure(three)
    assert ast.parse(one)
