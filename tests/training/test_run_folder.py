"""The folder of a training run: what is kept, refused and removed. No networks."""

import csv
import dataclasses

import numpy as np
import pytest

from headpose.errors import HeadposeError
from headpose.training import run_folder
from headpose.training.run_folder import (
    SAVED,
    check_run,
    check_saved,
    digest_of,
    is_own,
    newest_state,
    note_saved,
    open_run,
    place_to_save,
    saved_epochs,
)
from headpose.training.run_log import check_log, write_log

SETTINGS = {"epochs": 3}
ROWS = [{"epoch": str(i), "score": f"{9 - i}.5"} for i in range(3)]


@pytest.fixture
def run(tmp_path):
    """A run that was interrupted after three epochs."""
    open_run(tmp_path, SETTINGS, resume=False, overwrite=False)
    write_log(tmp_path / "log.csv", ROWS)
    (tmp_path / "checkpoint").mkdir()
    for epoch in (2, 3):
        (tmp_path / "checkpoint" / f"epoch-{epoch:05d}.weights.h5").touch()
    return tmp_path


def test_a_run_goes_on_from_its_log_and_newest_state(run):
    assert open_run(run, SETTINGS, resume=True, overwrite=False) == ROWS
    assert saved_epochs(run) == 3
    assert newest_state(run / "checkpoint").name == "epoch-00003.weights.h5"


@pytest.mark.parametrize("lost", range(1, 12))
def test_a_row_that_was_cut_short_is_no_row(run, lost):
    """As a disk that fills up leaves the log, wherever it does."""
    log = run / "log.csv"
    whole = log.read_bytes()
    log.write_bytes(whole[:-lost])
    rows = open_run(run, SETTINGS, resume=True, overwrite=False)
    lines = whole[:-lost].count(b"\r")
    assert rows == ROWS[: lines - 1]


def test_other_settings_and_damaged_ones_are_told(run):
    with pytest.raises(HeadposeError, match="other values of epochs"):
        open_run(run, {"epochs": 4}, resume=True, overwrite=False)
    (run / "arguments.json").write_text('{"epochs"')
    with pytest.raises(HeadposeError, match="damaged"):
        open_run(run, SETTINGS, resume=True, overwrite=False)


@pytest.mark.parametrize("name", ["log.csv", "best.keras", "last.keras"])
def test_results_are_not_lost_unasked(tmp_path, name):
    (tmp_path / name).write_text("dear")
    with pytest.raises(HeadposeError, match="has results"):
        open_run(tmp_path, SETTINGS, resume=False, overwrite=False)
    # The same is told before data are read and networks built.
    asked = dataclasses.make_dataclass("Asked", ["output", "save", "resume", "overwrite"])
    with pytest.raises(HeadposeError, match="has results"):
        check_run(asked(tmp_path, None, resume=False, overwrite=False), [])
    with pytest.raises(HeadposeError, match="no run to go on with"):
        check_run(asked(tmp_path, None, resume=True, overwrite=False), [])
    with pytest.raises(HeadposeError, match="no run to go on with"):
        open_run(tmp_path, SETTINGS, resume=True, overwrite=False)
    check_run(asked(tmp_path, None, resume=False, overwrite=True), [])
    check_run(asked(tmp_path / ("long" * 99), None, resume=False, overwrite=False), [])
    assert (tmp_path / name).read_text() == "dear"


@pytest.mark.parametrize(
    "name", ["arguments.json", "curve.png", "saved.json", "checkpoint/epoch-00001.weights.h5"]
)
def test_what_is_of_no_run_is_not_lost_unasked(tmp_path, name):
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / name).write_text('{"lr": 0.1, "seed": 3}')
    with pytest.raises(HeadposeError, match=f"has {name}, which is of no training run"):
        open_run(tmp_path, SETTINGS, resume=False, overwrite=False)
    assert (tmp_path / name).is_file()
    open_run(tmp_path, SETTINGS, resume=False, overwrite=True)


def test_a_run_that_was_killed_in_its_first_epoch_may_be_begun_again(tmp_path):
    settings = SETTINGS | {"seed": 3}
    open_run(tmp_path, settings, resume=False, overwrite=False)
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "epoch-00001.weights.h5").touch()
    assert open_run(tmp_path, settings, resume=False, overwrite=False) == []


def test_a_run_is_gone_on_with_on_the_same_labels_only(tmp_path):
    first, second = (digest_of([np.array([1.0, angle]), "a.png"]) for angle in (2.0, 3.0))
    open_run(tmp_path, SETTINGS, resume=False, overwrite=False, labels=first)
    write_log(tmp_path / "log.csv", ROWS)
    assert open_run(tmp_path, SETTINGS, resume=True, overwrite=False, labels=first) == ROWS
    with pytest.raises(HeadposeError, match="other values of labels in the data; give the same"):
        open_run(tmp_path, SETTINGS, resume=True, overwrite=False, labels=second)
    # A run that an earlier version began did not note them.
    open_run(tmp_path, SETTINGS, resume=False, overwrite=True)
    write_log(tmp_path / "log.csv", ROWS)
    assert open_run(tmp_path, SETTINGS, resume=True, overwrite=False, labels=second) == ROWS


def test_without_its_notes_no_run_is_gone_on_with(run):
    (run / "arguments.json").unlink()
    with pytest.raises(HeadposeError, match=r"has log.csv but no arguments.json: no run to go on"):
        open_run(run, {"epochs": 4}, resume=True, overwrite=False)


def test_a_log_that_lacks_epochs_or_scores_is_told(run):
    check_log(run / "log.csv", ROWS, saved_epochs(run), "score")
    with pytest.raises(HeadposeError, match="has 2 epochs, its checkpoint 3; put back the rows"):
        check_log(run / "log.csv", ROWS[:2], saved_epochs(run), "score")
    for rows in ([*ROWS, {"epoch": "3", "score": "x"}], [{"epoch": "0"}] * 3):
        with pytest.raises(HeadposeError, match="does not tell the score of each epoch"):
            check_log(run / "log.csv", rows, saved_epochs(run), "score")


def test_what_others_put_into_a_folder_called_checkpoint_stays(run):
    (run / "checkpoint" / "mine.ckpt").write_text("dear")
    assert open_run(run, SETTINGS, resume=False, overwrite=True) == []
    assert [path.name for path in (run / "checkpoint").iterdir()] == ["mine.ckpt"]
    assert not (run / "log.csv").exists()


def test_a_run_knows_the_models_that_it_saved(tmp_path):
    run, first, second = tmp_path / "run", tmp_path / "a.keras", tmp_path / "b.keras"
    run.mkdir()
    assert not is_own(run, None)
    assert not is_own(run, first)
    for path in (first, second):
        path.write_text(path.name)
        assert not is_own(run, path)
        note_saved(run, path)
    assert is_own(run, first)
    assert is_own(run, second)
    first.write_text("another's")
    assert not is_own(run, first)
    for damaged in ('["', "{}", "[1]"):
        (run / SAVED).write_text(damaged)
        assert not is_own(run, second)


def test_a_model_that_came_meanwhile_stays(tmp_path, monkeypatch):
    run, save, told = tmp_path / "run", tmp_path / "a.keras", []
    monkeypatch.setattr(run_folder.logger, "warning", lambda *given: told.append(given))
    run.mkdir()
    assert place_to_save(run, save, overwrite=False) == save
    save.write_text("mine")
    note_saved(run, save)
    assert place_to_save(run, save, overwrite=False) == save
    assert told == []
    save.write_text("another's")
    (tmp_path / "a-2.keras").write_text("a third's")
    assert place_to_save(run, save, overwrite=False) == tmp_path / "a-3.keras"
    ((message, *names),) = told
    assert "was put there meanwhile and stays" in message
    assert names == [save, tmp_path / "a-3.keras"]
    assert place_to_save(run, save, overwrite=True) == save


def test_a_model_that_exists_is_replaced_when_it_may_be(tmp_path):
    save = tmp_path / "a.keras"
    run = tmp_path / "run"
    check_saved(save, [], [], replace=False, folder=run)
    save.write_text("dear")
    with pytest.raises(HeadposeError, match=r"a\.keras exists; use --overwrite"):
        check_saved(save, [], [], replace=False, folder=run)
    check_saved(save, [], [], replace=True, folder=run)
    with pytest.raises(HeadposeError, match="is an input"):
        check_saved(save, [], [save], replace=True, folder=run)


@pytest.mark.parametrize("name", ["best.keras", "last.keras", "log.csv", "arguments.json"])
def test_what_a_run_writes_is_neither_read_nor_written_twice(tmp_path, name):
    """A run that starts anew from its own best model would lose it."""
    (tmp_path / name).write_text("dear")
    with pytest.raises(HeadposeError, match=f"{name} is an input and would be lost"):
        check_saved(None, [], [tmp_path / name], replace=True, folder=tmp_path)
    with pytest.raises(HeadposeError, match="what the run itself writes"):
        check_saved(None, [tmp_path / name], [], replace=True, folder=tmp_path)
    check_saved(None, [], [tmp_path], replace=False, folder=tmp_path)  # a folder of data


def test_a_log_of_no_rows_is_none(run):
    write_log(run / "log.csv", [])
    assert not (run / "log.csv").exists()
    write_log(run / "log.csv", ROWS[:1])
    with (run / "log.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == ROWS[:1]
