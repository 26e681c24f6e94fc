import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import sweep_fakes as fakes
from optuna.distributions import FloatDistribution, IntDistribution

from headpose.errors import HeadposeError
from headpose.parallel.processes import ProcessPool
from headpose.training.sweep import results as sweep_results
from headpose.training.sweep.driver import Sweep
from headpose.training.sweep.spaces import Space
from headpose.training.sweep.study import STUDY, check_free, clear, state_of

ROOT = Path(__file__).resolve().parent.parent.parent
WITHOUT_TIME = ("seconds",)


def table_of(sweep):
    """The rows of a sweep without what depends on the machine's mood."""
    rows = sweep_results.table(sweep)
    return [{k: v for k, v in row.items() if k not in WITHOUT_TIME} for row in rows]


def swept(
    folder,
    pool=None,
    search="grid",
    count=None,
    stopper="none",
    function=fakes.fake_trial,
    space=None,
    seed=0,
):
    """Runs a sweep of fake trials to its end."""
    sweep = Sweep(Path(folder), space or fakes.eight(), search, count, seed, stopper, {})
    for _ in sweep.run(pool or fakes.ThreadPool(), function, fakes.given, lambda _: None):
        pass
    return sweep


def test_a_grid_is_done_whole_and_the_table_is_by_number(tmp_path):
    rows = table_of(swept(tmp_path, fakes.ThreadPool(3)))
    assert [row["trial"] for row in rows] == list(range(8))
    expected = [(b, f, d) for b in (2, 3) for f in (8, 16) for d in (32, 64)]
    assert [(r["conv_blocks"], r["filters"], r["dense_size"]) for r in rows] == expected
    assert {row["state"] for row in rows} == {"complete"}
    assert all(row["epochs"] == fakes.EPOCHS for row in rows)
    run = fakes.given({"conv_blocks": 3, "filters": 16, "dense_size": 64}, tmp_path)
    assert rows[-1]["validation_error"] == pytest.approx(fakes.fake_error(run, 7))


@pytest.mark.parametrize("counts", [(3, None), (3, 5, None), (None, 3, None)])
def test_a_grid_comes_to_its_end_whatever_was_asked_for_before(tmp_path, counts):
    for count in counts:
        sweep = swept(tmp_path, count=count)
        assert sweep.left() == 0
    rows = table_of(sweep)
    found = {(r["conv_blocks"], r["filters"], r["dense_size"]) for r in rows}
    assert found == {(b, f, d) for b in (2, 3) for f in (8, 16) for d in (32, 64)}
    assert len(rows) == 8


@pytest.mark.parametrize("search", ["grid", "random"])
def test_the_table_is_the_same_however_trials_are_spread(tmp_path, search):
    count = 6
    one = table_of(swept(tmp_path / "one", search=search, count=count))
    three = table_of(swept(tmp_path / "three", fakes.ThreadPool(3), search, count))
    assert one == three
    assert len(one) == count


def test_a_part_of_a_grid_is_drawn_by_the_seed_and_can_grow(tmp_path):
    few = table_of(swept(tmp_path / "a", count=3))
    more = table_of(swept(tmp_path / "a", count=5))
    assert more[:3] == few
    assert more == table_of(swept(tmp_path / "b", count=5))
    assert len({tuple(list(row.values())[2:5]) for row in more}) == 5
    assert more != table_of(swept(tmp_path / "c", count=5, seed=1))


def test_random_draws_from_ranges(tmp_path):
    space = Space(
        "r", {"filters": IntDistribution(2, 64, log=True), "shift": FloatDistribution(0.0, 0.5)}
    )
    rows = table_of(swept(tmp_path, search="random", count=20, space=space))
    filters = [row["filters"] for row in rows]
    assert all(isinstance(f, int) and 2 <= f <= 64 for f in filters)
    assert len({row["shift"] for row in rows}) == 20
    with pytest.raises(HeadposeError, match="filters, shift has a range"):
        swept(tmp_path / "grid", space=space)


def test_the_search_that_learns_finds_what_is_best(tmp_path):
    """Errors fall with the number of filters: most later draws have many."""
    space = Space("r", {"filters": IntDistribution(2, 64)})
    rows = table_of(swept(tmp_path, search="tpe", count=30, space=space))
    filters = [row["filters"] for row in rows]
    assert np.median(filters[15:]) > 50
    best = min(rows, key=lambda row: row["validation_error"])
    assert best["filters"] > 60


@pytest.mark.parametrize("stopper", ["median", "halving"])
def test_hopeless_trials_are_stopped_early(tmp_path, stopper):
    space = Space("s", {"filters": (64, 63, 62, 61, 60, 59, 2, 3)})
    rows = table_of(swept(tmp_path, stopper=stopper, space=space))
    assert [row["state"] for row in rows[-2:]] == ["stopped", "stopped"]
    assert all(row["epochs"] < fakes.EPOCHS for row in rows[-2:])
    assert rows[0]["state"] == "complete"
    assert all(row["trial"] < 6 for row in sweep_results.front(rows))


@pytest.mark.parametrize("search", ["grid", "random", "tpe"])
def test_an_interrupted_sweep_goes_on_to_the_same_table(tmp_path, search):
    whole = table_of(swept(tmp_path / "whole", search=search, count=8))
    folder = tmp_path / "part"
    sweep = Sweep(folder, fakes.eight(), search, 8, 0, "none", {})
    run = sweep.run(fakes.ThreadPool(2), fakes.fake_trial, fakes.given, lambda _: None)
    ended = {next(run), next(run), next(run)}
    run.close()
    again = swept(folder, search=search, count=8)
    rows = table_of(again)
    assert [row["trial"] for row in rows] == list(range(8))
    assert {row["state"] for row in rows} == {"complete"}
    if search != "tpe":
        assert rows == whole
    for number in ended:
        starts = (again.trial_folder(number) / fakes.OUTPUT).read_text()
        assert len(starts.splitlines()) == 1


def another_process(folder, *function):
    """Starts a process that sweeps in a folder, too."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    command = [sys.executable, str(ROOT / "tests" / "sweep_fakes.py"), str(folder), *function]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def starts_of(folder):
    """Which processes started each trial."""
    files = sorted((folder / "trials").glob(f"*/{fakes.OUTPUT}"))
    return [[int(line) for line in file.read_text().split()] for file in files]


def test_two_processes_on_one_folder_share_the_trials(tmp_path):
    folder = tmp_path / "shared"
    pair = [another_process(folder, "meeting_trial") for _ in range(2)]
    ended = [[int(line) for line in process.communicate()[0].split()] for process in pair]
    assert [process.returncode for process in pair] == [0, 0]
    assert all(ended)
    assert sorted(ended[0] + ended[1]) == list(range(8))
    starts = starts_of(folder)
    for process, numbers in zip(pair, ended, strict=True):
        assert {number for number, by in enumerate(starts) if by == [process.pid]} == set(numbers)
    again = swept(folder)
    assert table_of(again) == table_of(swept(tmp_path / "whole"))
    assert starts_of(folder) == starts  # nothing was left to do


def test_what_another_process_trains_is_left_to_it_until_it_is_gone(tmp_path):
    folder = tmp_path / "shared"
    with another_process(folder, "endless_trial") as process:
        deadline = time.monotonic() + 120
        while not any(starts_of(folder)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert swept(folder).left() == 1
        with pytest.raises(HeadposeError, match="another process works there"):
            clear(folder)
        process.send_signal(signal.SIGKILL)
    sweep = swept(folder)
    assert sweep.left() == 0
    assert table_of(sweep) == table_of(swept(tmp_path / "whole"))
    here = os.getpid()
    assert starts_of(folder) == [[process.pid, here], *([here] for _ in range(7))]
    clear(folder)


def test_a_sweep_killed_at_once_goes_on_with_nothing_lost(tmp_path):
    with another_process(tmp_path / "part") as process:
        process.stdout.readline()
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    workers = {
        int(line)
        for file in (tmp_path / "part" / "trials").glob(f"*/{fakes.OUTPUT}")
        for line in file.read_text().split()
    }
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{n}").exists() for n in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{n}").exists() for n in workers), "workers outlive their sweep"
    # As if the kill had hit the study in the middle of a line.
    with (tmp_path / "part" / "study.log").open("a") as file:
        file.write('{"op_code":')
    assert table_of(swept(tmp_path / "part")) == table_of(swept(tmp_path / "whole"))


def test_a_trial_killed_while_it_chooses_has_the_options_that_were_meant(tmp_path):
    sweep = Sweep(tmp_path / "part", fakes.eight(), "grid", None, 0, "none", {})
    sweep.study.ask()  # taken from the queue, nothing chosen yet
    sweep.study.ask().suggest_categorical("conv_blocks", [2, 3])  # one option of three
    assert table_of(swept(tmp_path / "part")) == table_of(swept(tmp_path / "whole"))


def test_killing_a_worker_loses_no_trial(tmp_path, caplog):
    with ProcessPool(2, 1, fresh=True) as pool:
        sweep = swept(tmp_path / "killed", pool, function=fakes.dying_trial)
    assert table_of(sweep) == table_of(swept(tmp_path / "whole"))
    assert len((sweep.trial_folder(2) / fakes.OUTPUT).read_text().splitlines()) == 2
    assert "trial 2: its worker ended by signal SIGKILL" in caplog.text


def test_a_failed_trial_is_told_and_run_again_by_the_next_call(tmp_path):
    sweep = swept(tmp_path, function=fakes.failing_trial)
    rows = table_of(sweep)
    assert [row["state"] for row in rows] == ["complete"] * 4 + ["failed"] * 4
    assert rows[-1]["note"] == "training diverged"
    assert "validation_error" not in rows[-1]
    assert sweep.left() == 4
    assert table_of(swept(tmp_path)) == table_of(swept(tmp_path / "whole"))


def test_networks_that_do_not_fit_are_left_out_and_told(tmp_path):
    sweep = Sweep(tmp_path, fakes.eight(), "grid", None, 0, "none", {})

    def fits(config):
        return "too deep" if config.network.conv_blocks == 3 else None

    assert sorted(sweep.run(fakes.ThreadPool(), fakes.fake_trial, fakes.given, fits)) == [
        0,
        1,
        2,
        3,
    ]
    rows = table_of(sweep)
    assert [row["state"] for row in rows] == ["complete"] * 4 + ["unfit"] * 4
    assert rows[-1]["note"] == "too deep"
    assert sweep.left() == 0


def test_other_settings_are_refused_where_there_are_results(tmp_path):
    Sweep(tmp_path, fakes.eight(), "random", 8, 0, "none", {"epochs": "1"})
    # Nothing was trained yet, so nothing is lost by starting anew.
    sweep = swept(tmp_path)
    assert len(table_of(sweep)) == 8
    for change in ({"search": "random"}, {"seed": 1}, {"stopper": "median"}):
        with pytest.raises(HeadposeError, match="other values of"):
            swept(tmp_path, **change)
    other = Space("eight", {"conv_blocks": (2, 3), "filters": (8, 16), "dense_size": (32, 65)})
    with pytest.raises(HeadposeError, match="other values of space"):
        swept(tmp_path, space=other)


def test_overwriting_removes_a_sweep_and_nothing_else(tmp_path):
    sweep = swept(tmp_path)
    (tmp_path / "mine.txt").write_text("kept")
    clear(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "kept"
    assert not sweep.trial_folder(0).exists()
    assert {state_of(t) for t in swept(tmp_path, seed=5).trials()} == {"complete"}


def test_overwriting_keeps_what_lies_among_the_trials(tmp_path):
    sweep = swept(tmp_path)
    mine = [tmp_path / "trials" / name for name in ("2024", "2024-11 my notes", "0003", "00012")]
    for folder in mine:
        folder.mkdir(exist_ok=True)
        (folder / "n.txt").write_text("kept")
    (mine[0] / "log.csv").write_text("of a run of mine")  # without output.txt
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / fakes.OUTPUT).write_text("kept")
    (tmp_path / "trials" / "0100").symlink_to(elsewhere)
    ours = sweep.trial_folder(2)
    for name in ("log.csv", "arguments.json", "best.keras", "curve.png", "models.csv"):
        (ours / name).touch()
    (ours / "checkpoint").mkdir()
    (ours / "checkpoint" / "epoch-00001.weights.h5").touch()
    clear(tmp_path)
    assert all((folder / "n.txt").read_text() == "kept" for folder in mine)
    assert (elsewhere / fakes.OUTPUT).read_text() == "kept"
    left = {str(p.relative_to(tmp_path / "trials")) for p in (tmp_path / "trials").rglob("*")}
    files = {f"{folder.name}/n.txt" for folder in mine} | {"2024/log.csv", "0100"}
    assert left == files | {folder.name for folder in mine}


def test_what_is_of_no_sweep_is_neither_written_over_nor_removed(tmp_path):
    (tmp_path / "models.csv").write_text("run,epochs\nmine,3\n")
    (tmp_path / "trials" / "0000").mkdir(parents=True)
    with pytest.raises(HeadposeError, match="is of no sweep"):
        check_free(tmp_path, sweep_results.FILES)
    clear(tmp_path, sweep_results.FILES)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["models.csv", "trials"]
    for text in ("mine", "mine\n", '{"mine": 1}\n'):  # another program's study.log
        (tmp_path / STUDY).write_text(text)
        with pytest.raises(HeadposeError, match="damaged"):
            swept(tmp_path)
        assert (tmp_path / STUDY).read_text() == text


def test_a_sweep_is_removed_with_its_table(tmp_path):
    sweep = swept(tmp_path)
    assert len(sweep_results.updated(sweep)) == 8
    assert (tmp_path / "models.csv").read_text().count("\n") == 9
    check_free(tmp_path, sweep_results.FILES)
    clear(tmp_path, sweep_results.FILES)
    assert [p.name for p in tmp_path.rglob("*")] == ["trials"]
