"""Clean folders: what is done is kept, and the same in the end."""

import dataclasses
import errno
from pathlib import Path

import pytest
from labelled_faces import FACE, labelled, moved

from headpose.datasets.clean_folder import CleanFolder, counts, fingerprint, fingerprint_of_files
from headpose.datasets.cleaning import Record
from headpose.errors import HeadposeError


def test_ratios_of_matches():
    rows = [{"file": "x"}]
    records = [
        Record("aflw-0", rows * 2, annotated=4, detected=3),
        Record("aflw-1", [], annotated=0, detected=1),
        Record("pointing04-0", [], annotated=1, detected=0),
    ]
    table = counts(records)
    assert table["aflw"] == dict(
        pictures=2, annotated=4, detected=4, matched=2, t_ratio=0.5, f_ratio=0.5
    )
    assert table["pointing04"]["f_ratio"] is None
    assert table["all"]["t_ratio"] == 0.4


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_journal_that_ends_in_the_middle_of_a_line_loses_only_that(tmp_path, cut):
    folder = CleanFolder(tmp_path)
    folder.start({"a": 1}, False)
    folder.add([Record(f"aflw-{i:05d}", annotated=i) for i in range(3)])
    folder.journal.write_bytes(folder.journal.read_bytes()[:-cut])
    done = CleanFolder(tmp_path).start({"a": 1}, False)
    assert list(done) == ["aflw-00000", "aflw-00001"]
    folder.add([Record("aflw-00002")])
    assert len(CleanFolder(tmp_path).start({"a": 1}, False)) == 3


@pytest.mark.parametrize("first", ['{"op": 1}\n', "[]\n", "notes\n", "", '{"op'])
def test_tables_beside_a_file_called_as_the_journal_stay(tmp_path, first):
    (tmp_path / "unfinished.jsonl").write_text(first)
    (tmp_path / "train.csv").write_text("mine")
    with pytest.raises(HeadposeError, match="not made by cleaning"):
        CleanFolder(tmp_path).start({"a": 1}, overwrite=True)
    assert (tmp_path / "train.csv").read_text() == "mine"


def test_a_journal_without_its_first_line_starts_anew(tmp_path):
    folder = CleanFolder(tmp_path)
    folder.start({"a": 1}, False)
    folder.journal.write_bytes(b'{"opt')
    assert folder.start({"a": 1}, False) == {}
    assert folder.start({"a": 1}, False) == {}


def test_a_picture_whose_crop_is_gone_is_done_again(tmp_path):
    folder = CleanFolder(tmp_path)
    folder.start({}, False)
    (tmp_path / "crops" / "aflw-00000-0.png").touch()
    rows = [{"file": f"crops/aflw-0000{i}-0.png"} for i in range(2)]
    folder.add([Record(f"aflw-0000{i}", [row]) for i, row in enumerate(rows)])
    assert list(folder.start({}, False)) == ["aflw-00000"]


def test_the_fingerprint_follows_the_labels():
    first = [labelled(FACE)]
    assert fingerprint(first) == fingerprint([labelled(FACE)])
    assert fingerprint(first) != fingerprint([labelled(FACE, [[0, 1, 0]])])
    assert fingerprint(first) != fingerprint([labelled(moved(FACE, 1))])
    assert fingerprint(first) != fingerprint([labelled(FACE, name="b.jpg")])


def test_changed_pictures_are_noticed(tmp_path):
    pictures = [dataclasses.replace(labelled(FACE), path=tmp_path / "a.jpg")]
    missing = fingerprint_of_files(pictures)
    (tmp_path / "a.jpg").write_bytes(b"a picture")
    first = fingerprint_of_files(pictures)
    (tmp_path / "a.jpg").write_bytes(b"a darker picture")
    assert len({missing, first, fingerprint_of_files(pictures)}) == 3


def test_a_full_disk_is_told_with_what_could_not_be_written(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = CleanFolder(tmp_path)
    wanted = f"cannot write {folder.journal}: no space left on device; make room"
    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        with pytest.raises(HeadposeError, match=wanted):
            folder.start({}, False)
    folder.start({}, False)
    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(HeadposeError, match=wanted):
        folder.add([])
