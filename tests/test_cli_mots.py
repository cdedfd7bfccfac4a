"""``vos-lab evaluate-mots``: tables, files and errors."""

import json

import numpy as np
import pytest
from PIL import Image

import vos_lab.cli
from vos_lab.datasets.mots import MotsObject, MotsSequence, write_mots_png, write_mots_txt

LEFT, RIGHT = np.zeros((2, 10, 20), bool)
LEFT[:, :4] = RIGHT[:, 10:] = True


@pytest.fixture
def here(monkeypatch, capsys):
    """Runs the command in this process; gives exit code, stdout and stderr."""

    def command(*arguments):
        monkeypatch.setattr("sys.argv", ["vos-lab", "evaluate-mots", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            vos_lab.cli.main()
        return int(end.value.code or 0), *capsys.readouterr()

    return command


@pytest.fixture
def folders(tmp_path):
    """Truth as txt, a tracker as png that changes an id, and a seqmap."""
    objects = [MotsObject.of(1001, 1, LEFT), MotsObject.of(10000, 10, RIGHT)]
    truth = MotsSequence.of("0001", [objects] * 4)
    found = [[MotsObject.of(1001 + (t > 1), 1, LEFT)] for t in range(4)]
    write_mots_txt(tmp_path / "gt/instances_txt/0001.txt", truth)
    write_mots_png(tmp_path / "mine/0001", MotsSequence.of("0001", found))
    (tmp_path / "gt/val.seqmap").write_text("0001 empty 000000 000003\n")
    return tmp_path


def test_tables_json_csv_and_the_figure(here, folders):
    files = [folders / name for name in ("new/a.json", "a.csv", "a.png")]
    options = [
        each for pair in zip(("--json", "--csv", "--figure"), files, strict=True) for each in pair
    ]
    code, shown, errors = here(folders / "gt", folders / "mine", *options)
    assert (code, errors) == (0, "")
    assert "car, as trackeval measures" in shown
    assert "pedestrian" not in shown
    figures = json.loads(files[0].read_text())["car"]["ALL"]
    assert figures["CLEAR"]["MOTA"] == 0.75
    assert figures["HOTA"]["AssA"] == [0.5] * 19
    assert files[1].read_text().count("\n") == 5
    assert Image.open(files[2]).width > 800


def test_both_modes(here, folders):
    code, shown, _ = here(
        folders / "gt", folders / "mine", "--like", "mots_tools", "--json", folders / "a.json"
    )
    assert code == 0
    assert "car, as mots_tools measures" in shown
    figures = json.loads((folders / "a.json").read_text())
    assert figures["car"]["0001"]["sMOTSA"] == 0.75
    assert figures["car"]["ALL"]["id_switches"] == 1
    assert figures["pedestrian"]["ALL"]["sMOTSA"] == -np.inf


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--like", "coco"], "there is no mode 'coco'; there are mots_tools and trackeval"),
        (["--like", "mots_tools", "--figure", "a.png"], "needs --like trackeval"),
        (["--seqmap", "none.txt"], "none.txt: there is no such seqmap"),
        (["--sequences", "0001", "0007"], "gt: has no sequence 0007"),
        (["--figure", "a.pdf"], "a.pdf: a figure is saved as .jpg"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(here, folders, options, words):
    code, shown, errors = here(folders / "gt", folders / "mine", *options)
    assert code == 1
    assert words in errors
    assert errors.count("\n") == 1
    assert shown == "" or "--figure" in options


def test_a_wrong_line_is_named(here, folders):
    file = folders / "gt/instances_txt/0001.txt"
    file.write_text(file.read_text() + "3 1002 1 10")
    code, shown, errors = here(folders / "gt", folders / "mine")
    assert (code, shown) == (1, "")
    assert f"{file}, line 9: has 4 fields" in errors
