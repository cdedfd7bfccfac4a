"""Whatever one student hands in, each student of a class is in the list, with files or a reason."""

import bz2
import gzip
import io
import json
import lzma
import os
import stat
import tarfile
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vos_lab.grading import submissions
from vos_lab.grading.archives import ArchiveError, listing, read
from vos_lab.grading.extract import extract
from vos_lab.grading.submissions import find_submissions, one_submission, printable

LESSON = "03_flownet"
BODY = b'{"cells": []}'
NAME = f"{LESSON}.ipynb"


def zipped(files, method=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return stream.getvalue()


def tarred(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return stream.getvalue()


def write(folder, files):
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder


def found_in(path):
    return {s.student: s for s in find_submissions([path], LESSON)}


def outcome(of):
    """What comes of it, and the words of an error of ours; every other error fails the test."""
    try:
        return of(), ""
    except ValueError as error:
        kind = type(error)
        words = str(error)
    assert kind in (ValueError, ArchiveError), words
    return None, words


def why(submission):
    with pytest.raises(ValueError, match=r".") as caught:
        submission.content()
    return str(caught.value)


def damaged(data):
    """The same with its packed bytes spoiled, and what is said of them kept."""
    spoiled = bytearray(data)
    for place in range(60, min(len(data) - 200, 4000), 7):
        spoiled[place] ^= 0x5A
    return bytes(spoiled)


# --- one student's trouble --------------------------------------------------------------------

NOISE = os.urandom(6000).hex().encode()
METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflate": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("nested", [False, True], ids=["zip", "zip in a zip"])
@pytest.mark.parametrize("whole", [False, True], ids=["folder", "zip of the class"])
def test_a_damaged_zip_of_any_kind_ends_nothing(tmp_path, method, nested, whole):
    data = damaged(zipped({NAME: NOISE}, METHODS[method]))
    data = zipped({"inner.zip": data}) if nested else data
    files = {"bo.zip": data, f"ann/{NAME}": BODY, f"cy/{NAME}": BODY}
    if whole:
        path = tmp_path / "class.zip"
        path.write_bytes(zipped(files))
    else:
        path = write(tmp_path / "class", files)
    found = found_in(path)
    assert list(found) == ["ann", "bo", "cy"]
    assert found["ann"].content()[1] == found["cy"].content()[1] == BODY
    words = why(found["bo"])
    assert "bo" in words
    assert "damaged" in words or "end is missing" in words


def lying_name(data):
    """Its list says another name than the entry itself."""
    last = data.rindex(b"PK\x01\x02")
    return data[:last] + data[last:].replace(NAME.encode(), NAME.encode()[::-1])


def lying_size(data):
    last = data.rindex(b"PK\x01\x02")
    return data[: last + 24] + (1 << 20).to_bytes(4, "little") + data[last + 28 :]


def lying_method(data):
    last = data.rindex(b"PK\x01\x02")
    return data[: last + 10] + (14).to_bytes(2, "little") + data[last + 12 :]


def unknown_method(data):
    last = data.rindex(b"PK\x01\x02")
    return data[: last + 10] + (99).to_bytes(2, "little") + data[last + 12 :]


@pytest.mark.parametrize("lie", [lying_name, lying_size, lying_method, unknown_method])
def test_an_archive_that_says_something_else_than_it_holds(tmp_path, lie):
    data = lie(zipped({NAME: BODY * 40}))
    found = found_in(write(tmp_path, {"bo.zip": data, f"ann/{NAME}": BODY}))
    assert found["ann"].content()[1] == BODY
    try:
        # The list may lie of the size without harm: what comes is what was packed.
        assert lie is lying_size
        assert found["bo"].content()[1] == BODY * 40
    except (ValueError, AssertionError):
        assert "bo" in why(found["bo"])


def test_links_that_lead_round_and_nowhere(tmp_path):
    write(tmp_path, {f"ann/{NAME}": BODY})
    (tmp_path / "bo.ipynb").symlink_to(tmp_path / "bo.ipynb")
    (tmp_path / "cy").symlink_to(tmp_path / "cy")
    (tmp_path / "di").mkdir()
    (tmp_path / "di" / NAME).symlink_to(tmp_path / "di" / NAME)
    (tmp_path / "ed").symlink_to(tmp_path)
    (tmp_path / "flo.ipynb").symlink_to("nothing")
    (tmp_path / "gus.zip").symlink_to(tmp_path / "gus.zip")
    os.mkfifo(tmp_path / "hal.ipynb")
    found = found_in(tmp_path)
    assert list(found) == ["ann", "bo", "cy", "di", "ed", "flo", "gus", "hal"]
    assert found["ann"].content()[1] == BODY
    for student in list(found)[1:]:
        assert why(found[student])
    assert "leads nowhere" in why(found["bo"])
    assert "not a file" in why(found["hal"])


def test_what_cannot_be_opened_is_listed(tmp_path, monkeypatch):
    write(tmp_path, {f"ann/{NAME}": BODY, f"bo/{NAME}": BODY})
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("bo"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = found_in(tmp_path)
    assert "Permission denied" in " ".join(found["bo"].notes)
    assert found["ann"].content()[1] == BODY


def test_a_file_that_goes_away(tmp_path):
    write(tmp_path, {f"ann/{NAME}": BODY})
    (found,) = find_submissions([tmp_path], LESSON)
    (tmp_path / "ann" / NAME).unlink()
    assert "No such file" in why(found)


# --- budgets ----------------------------------------------------------------------------------


def test_each_student_has_a_budget_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions, "MAX_UNPACKED", 1 << 20)
    monkeypatch.setattr(submissions, "MAX_READ", 1 << 20)
    monkeypatch.setattr(submissions, "MAX_FILE", 1 << 19)
    noise = os.urandom(300_000)
    greedy = {f"aaron/{n:02}.zip": zipped({f"{n}.ipynb": noise}) for n in range(20)}
    innocent = {f"s{n}/work.zip": zipped({NAME: BODY}) for n in range(11)}
    path = tmp_path / "class.zip"
    path.write_bytes(zipped({**greedy, **innocent}))
    found = found_in(path)
    assert len(found) == 12
    assert all(found[f"s{n}"].content()[1] == BODY for n in range(11))
    assert any("so much is packed before it" in note for note in found["aaron"].notes)
    assert len(found["aaron"].files) < 20


def test_many_blanks_are_not_looked_at_for_ever(monkeypatch):
    monkeypatch.setattr(submissions, "MAX_READ", 5000)
    blanks = [submissions.File(f"{n}.ipynb", 1000, (), data=b" " * 1000) for n in range(100)]
    submission = submissions.Submission("bo", blanks)
    assert "is empty" in why(submission)
    unread = []
    assert list(submission.contents(unread)) == []
    assert len(unread) == 100
    assert "is empty" in unread[4]
    assert "not looked at" in unread[-1]


def test_a_packed_tar_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions, "MAX_UNPACKED", 1 << 20)
    data = gzip.compress(tarred({"x.bin": bytes(8 << 20), NAME: BODY}))
    found = found_in(write(tmp_path, {"bo.tar.gz": data, f"ann/{NAME}": BODY}))
    assert "larger than" in why(found["bo"]) + " ".join(found["bo"].notes)
    assert found["ann"].content()[1] == BODY


def test_a_list_without_end_is_not_read(monkeypatch):
    monkeypatch.setattr("vos_lab.grading.archives.MAX_DIRECTORY", 1000)
    data = zipped({f"{n:060}.ipynb": b"" for n in range(20)})
    with pytest.raises(ArchiveError, match="list of files"):
        list(listing(io.BytesIO(data), 100, 100))


# --- names in, names out ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "folder", ["solutions", "notebooks", "lessons", "vos_lab", "docs", "tests"]
)
def test_a_folder_of_any_name_is_looked_into(tmp_path, folder):
    found = found_in(write(tmp_path / "a", {f"ann/{folder}/{NAME}": BODY, f"bo/{NAME}": BODY}))
    assert found["ann"].content() == (f"ann/{folder}/{NAME}", BODY)
    found = found_in(write(tmp_path / "b", {f"{folder}/{NAME}": BODY, f"bo/{NAME}": BODY}))
    assert found[folder].content()[1] == BODY


def test_the_courses_own_solution_is_nobodys_work(tmp_path):
    course = {"make.py": b"", "solutions/" + NAME: b"solved", "vos_lab/cli.py": b""}
    files = {f"ann/{name}": body for name, body in course.items()}
    found = found_in(write(tmp_path, {**files, f"ann/notebooks/{NAME}": BODY, f"bo/{NAME}": BODY}))
    assert found["ann"].content()[1] == BODY
    (tmp_path / "ann" / "notebooks" / NAME).unlink()
    assert "no notebook" in why(found_in(tmp_path)["ann"])


def test_who_handed_in_no_notebook_is_listed(tmp_path):
    found = found_in(
        write(
            tmp_path,
            {
                f"ann/{NAME}": BODY,
                "bo/essay.pdf": b"%PDF",
                "cy.docx": b"PK",
                "di/.ipynb_checkpoints/x-checkpoint.ipynb": BODY,
                "ed/work.rar": b"Rar!",
                "flo.zip": zipped({"__MACOSX/._x": b""}),
                "gus.zip": zipped({}),
                "hal.zip": b"",
                "ida.ipynb": b"",
            },
        )
        / "."
    )
    (tmp_path / "jo").mkdir()
    found = found_in(tmp_path)
    assert [s[:3] for s in found] == [
        "ann",
        "bo",
        "cy",
        "di",
        "ed",
        "flo",
        "gus",
        "hal",
        "ida",
        "jo",
    ]
    for student, words in {
        "bo": "essay.pdf is not a notebook",
        "cy": "cy.docx",
        "di": "di holds no work",
        "ed": "ask for a zip",
        "flo": "flo holds no work",
        "gus": "gus.zip is empty",
        "hal": "hal.zip",
        "ida": "is empty",
        "jo": "jo is empty",
    }.items():
        said = why(found[student]) + " ".join(found[student].notes)
        assert words in said, (student, said)


PART = st.text(
    st.one_of(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), st.just("_")),
    min_size=1,
    max_size=12,
).filter(
    lambda name: (
        name not in (".", "..", *submissions.SKIPPED)
        and not name.startswith("._")
        and not submissions.BOOKKEEPING.fullmatch(name)
        and len(name.encode()) < 60
    )
)
WORD = st.sampled_from(
    ["solutions", "notebooks", "ann", "Zoë Ek", "03_flownet", "vos_lab", "docs", "week 3"]
)
PLATFORM = st.sampled_from(
    ["Zoë_12_assignsubmission_file_", "Zoë_13_assignsubmission_file_", "doe_LATE_12_345_x"]
)
FILE = st.one_of(
    st.sampled_from([NAME, "x.ipynb", "x.py", "make.py", "essay.pdf", "work.zip", "w.tar.gz", "x"]),
    st.builds("{}{}".format, PART, st.sampled_from([".ipynb", ".py", ".zip", ".pdf", ".txt", ""])),
)
ANSWER = json.dumps(
    {"cells": [{"cell_type": "code", "source": "def correlation(a, b):\n    return a @ b"}]}
).encode()
BODIES = st.one_of(
    st.just(BODY),
    st.builds(lambda share: ANSWER[: int(share * len(ANSWER))], st.floats(0, 1)),
    st.just(ANSWER.decode().encode("utf-16")),
    st.binary(max_size=40),
    st.builds(lambda body: zipped({NAME: body}), st.just(BODY)),
    st.builds(lambda name, body: zipped({name: body}), FILE, st.just(BODY)),
    st.builds(lambda: gzip.compress(tarred({NAME: BODY}))),
)
TREE = st.recursive(
    BODIES, lambda inner: st.dictionaries(PART | WORD | FILE, inner, max_size=4), max_leaves=12
)


def plant(folder, tree):
    folder.mkdir()
    for name, inside in tree.items():
        try:
            if isinstance(inside, dict):
                plant(folder / name, inside)
            else:
                (folder / name).write_bytes(inside)
        except OSError:  # a name that this file system does not take
            continue


@settings(deadline=None, max_examples=150, suppress_health_check=[*HealthCheck])
@given(tree=st.dictionaries(PART | WORD | PLATFORM | FILE, TREE, min_size=1, max_size=6))
def test_names_in_are_names_out_for_any_tree(tree, tmp_path_factory):
    """The whole way from a folder to answers, without running anything."""
    stub = "def correlation(first, second):\n    raise NotImplementedError"
    exercise = {"name": "correlation", "full": "x.correlation", "id": "x", "stub": stub}
    blank = {"lesson": LESSON, "context": "", "exercises": [exercise]}
    root = tmp_path_factory.mktemp("tree") / "class"
    plant(root, tree)
    names = [printable(name) for name in os.listdir(root)]
    found, error = outcome(lambda: find_submissions([root], LESSON))
    if found is None:
        assert "there is no notebook in it" in error
        return
    assert len({s.folder for s in found}) == len(found)
    told = "\n".join(
        "\n".join([s.student, *(f.name for f in s.files), *s.notes, s.problem]) for s in found
    )
    for name in names if [s.student for s in found] != ["class"] else ():  # one student's folder
        assert name in told or submissions._stem(name) in told, (name, told)
    for submission in found:
        content, error = outcome(submission.content)
        assert content is not None or error
        if content is not None:
            extracted = extract(content[1], content[0], blank)
            assert extracted["error"] or set(extracted["answers"]) == {"correlation"}


# --- any bytes --------------------------------------------------------------------------------

PACK = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
BASES = [
    *(zipped({NAME: BODY * 9, "a/b.py": b"x = 1", "e/": b""}, m) for m in METHODS.values()),
    *(pack(tarred({NAME: BODY * 9, "a/b.py": b"x = 1"})) for pack in PACK.values()),
    zipped({"in.zip": zipped({NAME: BODY}, zipfile.ZIP_LZMA)}),
]


@settings(deadline=None, max_examples=400)
@given(
    base=st.sampled_from(BASES) | st.binary(max_size=300),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8),
    cut=st.floats(0.2, 1),
)
def test_any_bytes_are_a_list_or_a_reason(base, changes, cut):
    data = bytearray(base[: max(1, int(len(base) * cut))] if cut < 0.9 else base)
    for place, value in changes:
        if data:
            data[int(place * (len(data) - 1))] = value
    stream = io.BytesIO(bytes(data))
    found = []
    _, error = outcome(lambda: found.extend(listing(stream, 1000, 1 << 22)))
    assert found or error or cut == 1 or not base
    for entry in found:
        content, error = outcome(lambda n=entry.number: read(io.BytesIO(bytes(data)), n, 1 << 22))
        assert isinstance(content, bytes) or error


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".TAR.GZ"])
def test_tars_are_read_as_zips_are(tmp_path, suffix):
    pack = next((p for end, p in PACK.items() if end and end[1:] in suffix.lower()), bytes)
    data = pack(tarred({f"my work/{NAME}": BODY, "my work/notes.txt": b"-"}))
    found = found_in(write(tmp_path, {f"ann{suffix}": data, f"bo/{NAME}": BODY}))
    assert found["ann"].content() == (f"ann/my work/{NAME}", BODY)


def test_a_tar_with_links_devices_and_a_damaged_middle(tmp_path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for kind, name in ((tarfile.SYMTYPE, "a"), (tarfile.LNKTYPE, "b"), (tarfile.FIFOTYPE, "c")):
            info = tarfile.TarInfo(f"{name}.ipynb")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        archive.addfile(tarfile.TarInfo("../../d.ipynb"))
    problems = [entry.problem for entry in listing(stream, 9, 1 << 20)]
    assert problems[:3] == ["is a link", "is a link", "is not a file"]
    assert "leads out" in problems[3]
    data = bytearray(tarred({"x.py": b"x", NAME: BODY}))
    data[1024 + 10] ^= 9  # the second header
    found = found_in(write(tmp_path, {"bo.tar": bytes(data), f"ann/{NAME}": BODY}))
    assert any("damaged" in note for note in found["bo"].notes)


# --- names ------------------------------------------------------------------------------------


def test_names_reach_no_terminal_raw(tmp_path):
    names = ["\x1b[2Jann", "b\no", "c\u202ey", "d\x9b1i", "e\x07d", "Zoë", "می\u200cخواهم"]
    write(tmp_path, {f"{name}/{NAME}": BODY for name in names})
    raw = os.fsencode(tmp_path) + b"/fl\xff\xfeo"
    os.mkdir(raw)
    with open(raw + b"/x.ipynb", "wb") as file:
        file.write(BODY)
    found = find_submissions([tmp_path], LESSON)
    assert len(found) == 8
    for submission in found:
        for text in (submission.student, *submission.notes, *(f.name for f in submission.files)):
            assert text.encode()  # no half characters either
            assert not any(ord(c) < 32 or c in "\x7f\x9b\u202e" for c in text)
        assert submission.content()[1] == BODY
    assert {"Zoë", "می\u200cخواهم"} <= {s.student for s in found}


def test_every_path_of_a_command_line_is_listed(tmp_path):
    """As a shell writes it for submissions/*: one that is no submission must not end the others."""
    names = [f"Zoë_1_assignsubmission_file_/week 3/{NAME}", f"cy/{NAME}"]
    write(tmp_path, {**dict.fromkeys(names, BODY), "bo.pdf": b"%PDF", "di.zip": b"PK no"})
    write(tmp_path, {"doe_12_345_w.zip": zipped({f"my work/{NAME}": BODY}), "ed.ipynb": BODY})
    (tmp_path / "flo").mkdir()
    (tmp_path / "gus.zip").symlink_to("gus.zip")
    found = {s.student: s for s in find_submissions(sorted(tmp_path.iterdir()), LESSON)}
    assert sorted(found) == ["Zoë", "bo", "cy", "di", "doe", "ed", "flo", "gus"]
    assert [s for s in found if outcome(found[s].content)[0]] == ["Zoë", "cy", "doe", "ed"]
    for student in ("bo", "di", "flo", "gus"):
        assert student in why(found[student]) + " ".join(found[student].notes)


# --- what platforms export --------------------------------------------------------------------


def students(tmp_path, names, **more):
    files = dict.fromkeys(names, BODY)
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "all.zip").write_bytes(zipped(files))
    write(tmp_path / "all", files)
    packed, folder = (
        [s.student for s in find_submissions([tmp_path / name], LESSON)]
        for name in ("all.zip", "all")
    )
    assert packed == folder
    return packed


def test_two_of_one_name_on_moodle(tmp_path):
    names = [f"Zoë Ek_{n}_assignsubmission_file_/{NAME}" for n in (11, 12)]
    names += ["Zoë Ek_11_assignsubmission_onlinetext_/onlinetext.html"]
    assert students(tmp_path, names) == ["Zoë Ek", "Zoë Ek (2)"]


def test_moodle_without_folders_and_in_sections(tmp_path):
    loose = [f"Zoë Ek_1_assignsubmission_file_{NAME}", f"Bo_2_assignsubmission_file_{NAME}"]
    assert students(tmp_path / "a", loose) == ["Bo", "Zoë Ek"]
    sections = [f"section {n}/Bo {n}_{n}_assignsubmission_file_/{NAME}" for n in "123"]
    assert students(tmp_path / "b", sections) == ["Bo 1", "Bo 2", "Bo 3"]
    inner = {
        f"section {n}.zip": zipped({f"Bo {n}_{n}_assignsubmission_file_/{NAME}": BODY})
        for n in "12"
    }
    found = found_in(write(tmp_path / "c", inner))
    assert {s: x.content()[1] for s, x in found.items()} == {"Bo 1": BODY, "Bo 2": BODY}


def test_brightspace_sakai_google_classroom_and_gradescope(tmp_path):
    names = [
        f"123-45{n} - {name} - Nov 23, 2026 930 AM/{NAME}"
        for n, name in enumerate(["Ann Lee", "Bo"])
    ]
    assert students(tmp_path / "a", [*names, "index.html"]) == ["Ann Lee", "Bo"]
    names = ["Lee, Ann(alee)/Submission attachment(s)/x.ipynb", "Ek, Bo(bek)/timestamp.txt"]
    names += ["Ek, Bo(bek)/Submission attachment(s)/x.ipynb", "grades.csv"]
    assert students(tmp_path / "b", names) == ["Ek, Bo(bek)", "Lee, Ann(alee)"]
    names = [
        f"Ann Lee - {NAME}",
        f"Bo Ek - {LESSON} (1).ipynb",
        f"{LESSON}_cy.ipynb",
        "di.ipynb.txt",
    ]
    assert students(tmp_path / "c", names) == ["Ann Lee", "Bo Ek", "cy", "di"]
    names = [f"assignment_1_export/submission_{n}/{NAME}" for n in (11, 12)]
    names += ["assignment_1_export/submission_metadata.yml"]
    assert students(tmp_path / "d", names) == ["submission_11", "submission_12"]


def test_canvas_zips_and_loose_files_of_a_student(tmp_path):
    files = {
        "doejane_22345_67891_work.zip": zipped({f"work/{NAME}": BODY}),
        "doejane_22345_67892_notes.pdf": b"%PDF",
        "doejane_33345_67893_work.zip": zipped({f"work/{NAME}": BODY}),
        "roebo_LATE_44345_67894_essay.pdf": b"%PDF",
    }
    found = found_in(write(tmp_path, files))
    assert list(found) == ["doejane", "doejane (2)", "roebo"]
    assert found["doejane (2)"].content()[1] == BODY
    assert "no notebook" in why(found["roebo"])


def test_the_notebook_of_the_lesson_is_preferred_whatever_it_is_called(tmp_path):
    def says(lesson):
        return b'{"cells": [], "metadata": {"vos_lab": {"lesson": "%s"}}}' % lesson.encode()

    files = {"bo/a.ipynb": says("01_metrics"), "bo/b.ipynb": says(LESSON), "ann/x.ipynb": BODY}
    found = found_in(write(tmp_path, files))
    assert found["bo"].content()[0] == "bo/b.ipynb"
    assert any("bo/b.ipynb is graded" in note for note in found["bo"].notes)


def test_locked_and_odd_entries_are_said_of_one_submission(tmp_path):
    link = zipfile.ZipInfo("ann/x.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr(f"ann/{NAME}", BODY)
    found = one_submission(write(tmp_path, {"w.zip": stream.getvalue()}), LESSON, "you")
    assert found.content() == (f"w/ann/{NAME}", BODY)
    assert found.student == "you"
