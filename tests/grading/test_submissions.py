"""Submissions are found in everything that a learning platform exports, and nothing else is."""

import io
import json
import stat
import zipfile

import pytest

from vos_lab.grading import submissions
from vos_lab.grading.submissions import find_submissions, one_submission

LESSON = "03_flownet"
BODY = b'{"cells": []}'


def write(folder, *names, body=BODY):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder


def zipped(path, **files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return path


def students(*paths):
    return [s.student for s in find_submissions(paths, LESSON)]


def test_a_notebook_and_an_export(tmp_path):
    write(tmp_path, "Zoë Müller.ipynb", "bo.py", "ann/03_flownet.ipynb")
    assert students(tmp_path / "Zoë Müller.ipynb") == ["Zoë Müller"]
    assert students(tmp_path / "bo.py") == ["bo"]
    assert students(tmp_path / "ann" / "03_flownet.ipynb") == ["ann"]


def test_a_folder_of_one_student(tmp_path):
    folder = write(
        tmp_path / "ann",
        *("03_flownet.ipynb", "01_metrics.ipynb", "03_flownet-Copy1.ipynb", "notes.txt"),
        *(".ipynb_checkpoints/03_flownet-checkpoint.ipynb", "vos_lab/cli.py"),
        "solutions/03_flownet.ipynb",
    )
    (found,) = find_submissions([folder], LESSON)
    assert found.student == "ann"
    assert [file.name for file in found.files] == ["03_flownet.ipynb", "03_flownet-Copy1.ipynb"]
    assert "Copy1" in found.notes[0]


def test_a_folder_of_folders(tmp_path):
    write(tmp_path, "ann/03_flownet.ipynb", "bo/week 3/notebooks/03_flownet.ipynb", "cy/x.ipynb")
    assert students(tmp_path) == ["ann", "bo", "cy"]


def test_a_whole_course_handed_in(tmp_path):
    write(tmp_path / "ann", "notebooks/03_flownet.ipynb", "notebooks/02_flow.ipynb", "make.py")
    (found,) = find_submissions([tmp_path / "ann"], LESSON)
    assert found.files[0].name == "notebooks/03_flownet.ipynb"


def test_moodle(tmp_path):
    names = [
        f"Zoë Müller {n}_{1000 + n}_assignsubmission_file_/03_flownet.ipynb" for n in range(99)
    ]
    path = zipped(tmp_path / "all.zip", **dict.fromkeys(names, BODY))
    found = students(path)
    assert len(found) == 99
    assert "Zoë Müller 7" in found
    (one,) = find_submissions([zipped(tmp_path / "one.zip", **{names[0]: BODY})], LESSON)
    assert one.student == "Zoë Müller 0"


def test_canvas_and_blackboard(tmp_path):
    path = zipped(
        tmp_path / "all.zip",
        **{
            "muellerzoe_LATE_12345_67890_03_flownet.ipynb": BODY,
            "doejane_22345_67891_03_flownet-1.ipynb": BODY,
            "Homework_3_bsmith_attempt_2026-11-23-09-00-00_03_flownet.ipynb": BODY,
        },
    )
    assert students(path) == ["bsmith", "doejane", "muellerzoe"]


def test_nbgrader(tmp_path):
    write(tmp_path / "submitted", "ann/ps1/03_flownet.ipynb", "bo/ps1/03_flownet.ipynb")
    assert students(tmp_path / "submitted") == ["ann", "bo"]


def test_a_zip_of_zips_and_a_folder_around(tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("my work/03_flownet.ipynb", BODY)
        archive.writestr("__MACOSX/my work/._03_flownet.ipynb", b"\0")
    path = zipped(
        tmp_path / "all.zip",
        **{"export/ann.zip": inner.getvalue(), "export/bo/03_flownet.ipynb": BODY},
    )
    found = find_submissions([path], LESSON)
    assert [s.student for s in found] == ["ann", "bo"]
    assert all(s.content()[1] == BODY for s in found)


def test_names_in_utf_8_that_do_not_say_so(tmp_path):
    info = zipfile.ZipInfo("x")
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("aaaaaaaa/03_flownet.ipynb", BODY)
        archive.writestr("bo/03_flownet.ipynb", BODY)
    raw = path.read_bytes().replace(b"aaaaaaaa", "Zoëëë".encode())
    path.write_bytes(raw)
    assert info.flag_bits == 0
    assert students(path) == ["Zoëëë", "bo"]


def test_two_of_one_name_stay_apart(tmp_path):
    write(tmp_path, "a/ann/03_flownet.ipynb", "b/ann/03_flownet.ipynb")
    found = find_submissions([tmp_path / "a" / "ann", tmp_path / "b" / "ann"], LESSON)
    assert [s.student for s in found] == ["ann", "ann (2)"]
    assert len({s.folder for s in found}) == 2


def test_folders_have_plain_names(tmp_path):
    write(tmp_path, "../../etc/03_flownet.ipynb" if False else "..etc/03_flownet.ipynb")
    write(tmp_path, "Zoë Müller/03_flownet.ipynb", "Zoe Muller/03_flownet.ipynb", "张伟/x.ipynb")
    names = [s.folder for s in find_submissions([tmp_path], LESSON)]
    assert len(set(names)) == 4
    assert all(name.isascii() and "/" not in name and not name.startswith(".") for name in names)


def test_paths_that_lead_out_are_refused(tmp_path):
    path = zipped(
        tmp_path / "bad.zip",
        **{
            "bo/../../../etc/cron.d/03_flownet.ipynb": BODY,
            "bo/03_flownet.ipynb": BODY,
            "/tmp/03_flownet.ipynb": BODY,
            "C:/03_flownet.ipynb": BODY,
        },
    )
    found = {s.student: s for s in find_submissions([path], LESSON)}
    assert found["bo"].content()[1] == BODY
    assert "bo/etc/cron.d/03_flownet.ipynb is not read: its path leads out" in found["bo"].notes[0]
    for student in ("tmp", "C:"):
        with pytest.raises(ValueError, match="leads out of the archive"):
            found[student].content()
    assert not (tmp_path.parent / "etc").exists()


def test_links_are_not_followed(tmp_path):
    (tmp_path / "secret.ipynb").write_bytes(b"secret")
    folder = write(tmp_path / "all", "bo/03_flownet.ipynb")
    (folder / "ann").mkdir()
    (folder / "ann" / "03_flownet.ipynb").symlink_to(tmp_path / "secret.ipynb")
    found = {s.student: s for s in find_submissions([folder], LESSON)}
    with pytest.raises(ValueError, match="link that leads out"):
        found["ann"].content()
    link = zipfile.ZipInfo("ann/03_flownet.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "l.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ValueError, match="is a link"):
        find_submissions([tmp_path / "l.zip"], LESSON)[0].content()


def test_bombs(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions, "MAX_FILE", 1 << 20)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bo/03_flownet.ipynb", bytes(4 << 20))
        archive.writestr("cy/03_flownet.ipynb", BODY)
    bo, cy = find_submissions([path], LESSON)
    assert cy.content()[1] == BODY
    with pytest.raises(ValueError, match="larger than 1 MB"):
        bo.content()
    # One that lies about its size.
    raw = path.read_bytes().replace((4 << 20).to_bytes(4, "little"), (9).to_bytes(4, "little"))
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=r"larger|damaged"):
        find_submissions([path], LESSON)[0].content()


def test_a_zip_in_a_zip_without_end(tmp_path):
    data = BODY
    name = "03_flownet.ipynb"
    for _ in range(6):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr(name, data)
        data, name = stream.getvalue(), "more.zip"
    path = tmp_path / "deep.zip"
    path.write_bytes(data)
    (found,) = find_submissions([path], LESSON)
    with pytest.raises(ValueError, match="archives inside each other"):
        found.content()


def test_too_many_entries_and_a_locked_one(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions, "MAX_ENTRIES", 3)
    inner = zipped(tmp_path / "inner.zip", **{f"{n}/other.ipynb": BODY for n in range(5)})
    path = zipped(
        tmp_path / "many.zip",
        **{"ann/work.zip": inner.read_bytes(), **{f"{n}/03_flownet.ipynb": BODY for n in "bcdef"}},
    )
    found = {s.student: s for s in find_submissions([path], LESSON)}
    assert any("more than 3 entries" in note for note in found["ann"].notes)
    assert sorted(found) == ["ann", *"bcdef"]  # the class may be larger than one student's work
    path = zipped(tmp_path / "locked.zip", **{"bo/03_flownet.ipynb": BODY})
    raw = bytearray(path.read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(ValueError, match="password"):
        find_submissions([path], LESSON)[0].content()


def test_a_damaged_zip_is_one_students_trouble(tmp_path):
    write(tmp_path, "bo/work.zip", body=b"PK\x03\x04 no zip")
    write(tmp_path, "cy/03_flownet.ipynb")
    found = {s.student: s for s in find_submissions([tmp_path], LESSON)}
    assert found["bo"].notes == []  # it is said once
    with pytest.raises(ValueError, match=r"work\.zip cannot be read"):
        found["bo"].content()
    assert found["cy"].content()[1] == BODY


def test_what_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.zip"):
        find_submissions([tmp_path / "nowhere.zip"], LESSON)
    (tmp_path / "essay.pdf").write_text("x")
    with pytest.raises(ValueError, match=r"essay\.pdf is not a notebook"):
        find_submissions([tmp_path / "essay.pdf"], LESSON)
    with pytest.raises(ValueError, match="no notebook"):
        find_submissions([tmp_path], LESSON)


def test_one_student_on_gradescope_may_call_files_anything(tmp_path):
    write(tmp_path, "final FINAL.ipynb", "03_flownet.ipynb", "sub/helpers.py")
    found = one_submission(tmp_path, LESSON, "you")
    assert found.content()[0] == "03_flownet.ipynb"
    carried = found.carried()
    assert carried.content() == ("03_flownet.ipynb", BODY)
    assert json.loads(carried.content()[1]) == {"cells": []}
