import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import sweep_fakes as fakes
from drawn_heads import spot_heads

from headpose.errors import HeadposeError
from headpose.files import sole_user
from headpose.parallel.processes import DONE, ERROR, FAILURE, ProcessPool, Task, work
from headpose.training.fields import with_values
from headpose.training.pose_config import Network, PoseTrainingConfig, Sources
from headpose.training.sweep import results as sweep_results
from headpose.training.sweep.driver import Sweep, state_of
from headpose.training.sweep.spaces import SPACES, Range, Space, check, read_space
from headpose.training.sweep.trials import unfit

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


# ------------------------------------------------------------------------------ spaces


def test_the_published_searches_have_288_networks_and_27_augmentations():
    networks, settings = (read_space(name).grid() for name in SPACES)
    assert len(networks) == 288
    assert len(settings) == 27
    assert len({tuple(n.items()) for n in networks}) == 288
    published = {"conv_blocks": 6, "filters": 32, "dense_layers": 1, "dense_size": 512}
    assert published in networks


@pytest.mark.parametrize("name", SPACES)
def test_all_values_of_the_published_searches_are_options_of_train(name):
    space = read_space(name)
    check(space, PoseTrainingConfig())
    chosen = space.values(space.grid()[-1])
    config = with_values(PoseTrainingConfig(), {**space.fixed, **chosen})
    assert config.network.architecture == "patacchiola"
    assert config.network.dropout == 0
    assert config.augmentation.roll == 0


def test_shifts_deviate_as_the_published_ranges_do():
    """A value spread evenly over -r to r has the deviation r / sqrt(3)."""
    drawn = np.random.default_rng(0).uniform(-0.2, 0.2, 100_000).std()
    assert read_space("augmentation").options["shift"][1] == pytest.approx(drawn, rel=0.01)


def test_the_smallest_crops_of_a_family_are_told(tmp_path, run_script):
    folder = tmp_path / "clean"
    folder.mkdir()
    (folder / "summary.json").write_text(
        '{"options": {"size": 32, "side": "short", "margin": 1.0}}'
    )

    def config(architecture, blocks):
        network = Network(architecture=architecture, conv_blocks=blocks)
        return PoseTrainingConfig(Sources((str(folder),)), network=network)

    assert unfit(config("patacchiola", 5)) is None
    assert "6 poolings" in unfit(config("patacchiola", 6))
    assert unfit(config("compact", 6)) is None
    wanted = [folder, "--architecture", "patacchiola", "--conv-blocks"]
    parts = ["--validation", folder, "--test", folder]
    done = run_script("train.py", *wanted, "6", *parts, "--output", tmp_path / "o")
    assert done.status == 1
    assert "6 poolings leave nothing of crops of 32 pixels; take fewer" in done.err


def space_file(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return str(path)


def test_a_space_of_ones_own_is_read(tmp_path):
    space = read_space(
        space_file(
            tmp_path,
            """
            options:
              dense-size: {low: 8, high: 64, log: true, whole: true}
              learning_rate: {low: 1e-4, high: 1.0e-2, log: true}
              brightness: [[1, 1], [0.75, 1.25]]
              architecture: [compact, patacchiola]
            fixed: {dropout: 0}
            """,
        )
    )
    assert space.name == "mine"
    assert space.options["dense_size"] == Range(8, 64, log=True, whole=True)
    assert space.options["learning_rate"] == Range(1e-4, 1e-2, log=True)
    assert not space.is_finite
    chosen = {"dense_size": 9, "learning_rate": 0.001, "brightness": "0.75 1.25"}
    assert space.values(chosen) == {**chosen, "brightness": (0.75, 1.25)}
    assert space.fixed == {"dropout": 0}
    check(space, PoseTrainingConfig())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("options: {filters: [8", "not a YAML file"),
        ("- filters", "wanted are `options:`"),
        ("fixed: {filters: 8}", "wanted are `options:`"),
        ("options: {filters: []}", "needs a list of values"),
        ("options: {filters: 8}", "needs a list of values"),
        ("options: {filters: [8, 8]}", "the same value twice"),
        ("options: {filters: [{a: 1}]}", "no value of an option"),
        ("options: {filters: {low: 3, high: 2}}", "low < high"),
        ("options: {filters: {low: 0, high: 2, log: true}}", "low < high"),
        ("options: {filters: {low: 0.5, high: 2, whole: true}}", "low < high"),
        ("options: {filters: {low: 1, high: 2, step: 3}}", "low < high"),
        ("options: {output: [a, b]}", "for the sweep itself"),
    ],
)
def test_a_bad_space_is_told(tmp_path, text, told):
    with pytest.raises(HeadposeError, match=r"mine\.yaml") as error:
        read_space(space_file(tmp_path, text))
    assert told in str(error.value)


@pytest.mark.parametrize("text", ["filter_count: [8]", "filters: [0]", "shift: {low: 0, high: 7}"])
def test_values_that_train_would_refuse_are_told_before_anything_runs(tmp_path, text):
    space = read_space(space_file(tmp_path, f"options: {{{text}}}"))
    with pytest.raises(HeadposeError, match="space mine"):
        check(space, PoseTrainingConfig())


# ----------------------------------------------------------------------------- workers


def test_tasks_are_done_by_as_many_processes_as_asked_for():
    tasks = [Task(i, fakes.process_and_threads, i) for i in range(6)]
    with ProcessPool(2, 3) as pool:
        ends = {event.key: event.value for event in work(pool, tasks)}
    assert sorted(ends) == list(range(6))
    assert {threads for _, threads in ends.values()} == {"3"}
    assert 1 <= len({process for process, _ in ends.values()} - {os.getpid()}) <= 2


def test_a_fresh_pool_takes_a_new_process_for_each_task():
    tasks = [Task(i, fakes.process_and_threads, i) for i in range(3)]
    with ProcessPool(1, 1, fresh=True) as pool:
        assert len({event.value[0] for event in work(pool, tasks)}) == 3


def test_tasks_get_answers():
    tasks = [Task(name, fakes.ask_thrice, name) for name in "ab"]
    with ProcessPool(2, 1) as pool:
        ends = work(pool, tasks, lambda key, value: (key, value[1] * 10))
        assert {e.key: e.value for e in ends} == {
            name: [(name, 0), (name, 10), (name, 20)] for name in "ab"
        }


def test_what_fails_is_told_and_the_rest_is_done():
    tasks = [
        Task("a", fakes.fail, "expected"),
        Task("b", fakes.fail, ""),
        Task("c", fakes.square, 3),
    ]
    with ProcessPool(1, 1) as pool:
        ends = {event.key: event for event in work(pool, tasks)}
    assert (ends["a"].kind, ends["a"].value) == (FAILURE, "put it right")
    assert ends["b"].kind == ERROR
    assert "ZeroDivisionError at sweep_fakes.py line" in ends["b"].value
    assert (ends["c"].kind, ends["c"].value) == (DONE, 9)


def test_a_task_whose_worker_is_killed_is_done_by_another(tmp_path, capfd):
    tasks = [Task("a", fakes.die_once, tmp_path / "died"), Task("b", fakes.square, 2)]
    with ProcessPool(1, 1) as pool:
        ends = {event.key: event.value for event in work(pool, tasks)}
    assert ends == {"a": "survived", "b": 4}
    assert "a: its worker ended by signal SIGKILL; it is run again" in capfd.readouterr().err


def test_a_task_that_kills_each_worker_is_given_up():
    with ProcessPool(1, 1) as pool:
        (event,) = work(pool, [Task("a", fakes.die_always, None)])
    assert event.kind == ERROR
    assert "3 times in a row" in event.value


def test_a_folder_has_one_user_at_a_time(tmp_path):
    with sole_user(tmp_path), pytest.raises(HeadposeError, match="another process"):
        sole_user(tmp_path).__enter__()
    with sole_user(tmp_path):
        pass


# ------------------------------------------------------------------------------ sweeps


def test_a_grid_is_done_whole_and_the_table_is_by_number(tmp_path):
    rows = table_of(swept(tmp_path, fakes.ThreadPool(3)))
    assert [row["trial"] for row in rows] == list(range(8))
    expected = [(b, f, d) for b in (2, 3) for f in (8, 16) for d in (32, 64)]
    assert [(r["conv_blocks"], r["filters"], r["dense_size"]) for r in rows] == expected
    assert {row["state"] for row in rows} == {"complete"}
    assert all(row["epochs"] == fakes.EPOCHS for row in rows)
    run = fakes.given({"conv_blocks": 3, "filters": 16, "dense_size": 64}, tmp_path)
    assert rows[-1]["validation_error"] == pytest.approx(fakes.fake_error(run, 7))


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
    space = Space("r", {"filters": Range(2, 64, log=True, whole=True), "shift": Range(0.0, 0.5)})
    rows = table_of(swept(tmp_path, search="random", count=20, space=space))
    filters = [row["filters"] for row in rows]
    assert all(isinstance(f, int) and 2 <= f <= 64 for f in filters)
    assert len({row["shift"] for row in rows}) == 20
    with pytest.raises(HeadposeError, match="filters, shift has a range"):
        swept(tmp_path / "grid", space=space)


def test_the_search_that_learns_finds_what_is_best(tmp_path):
    """Errors fall with the number of filters: most later draws have many."""
    space = Space("r", {"filters": Range(2, 64, whole=True)})
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
        starts = (again.trial_folder(number) / "starts").read_text()
        assert len(starts.splitlines()) == 1


def test_a_sweep_killed_at_once_goes_on_with_nothing_lost(tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    command = [sys.executable, str(ROOT / "tests" / "sweep_fakes.py"), str(tmp_path / "part")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    workers = {
        int(line)
        for file in (tmp_path / "part" / "trials").glob("*/starts")
        for line in file.read_text().split()
    }
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{n}").exists() for n in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{n}").exists() for n in workers), "workers outlive their sweep"
    # As if the kill had hit the study in the middle of a line.
    with (tmp_path / "part" / "study.log").open("a") as file:
        file.write('{"op_code":')
    lock = tmp_path / "part" / "study.log.lock"
    lock.unlink(missing_ok=True)
    lock.symlink_to("study.log")
    assert table_of(swept(tmp_path / "part")) == table_of(swept(tmp_path / "whole"))


def test_a_trial_killed_while_it_chooses_has_the_options_that_were_meant(tmp_path):
    sweep = Sweep(tmp_path / "part", fakes.eight(), "grid", None, 0, "none", {})
    sweep.study.ask()  # taken from the queue, nothing chosen yet
    sweep.study.ask().suggest_categorical("conv_blocks", [2, 3])  # one option of three
    assert table_of(swept(tmp_path / "part")) == table_of(swept(tmp_path / "whole"))


def test_killing_a_worker_loses_no_trial(tmp_path, capfd):
    with ProcessPool(2, 1, fresh=True) as pool:
        sweep = swept(tmp_path / "killed", pool, function=fakes.dying_trial)
    assert table_of(sweep) == table_of(swept(tmp_path / "whole"))
    assert len((sweep.trial_folder(2) / "starts").read_text().splitlines()) == 2
    assert "trial 2: its worker ended by signal SIGKILL" in capfd.readouterr().err


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


# ----------------------------------------------------------------------------- results


def rows_of(*points, state="complete"):
    return [
        {"trial": i, "state": state, "multiply_adds": m, "validation_error": e, "filters": i}
        for i, (m, e) in enumerate(points)
    ]


@pytest.mark.parametrize(
    ("points", "best"),
    [
        ([(1, 9), (2, 8), (3, 7)], [0, 1, 2]),
        ([(1, 5), (2, 8), (3, 4)], [0, 2]),
        ([(3, 5), (2, 5), (2, 6)], [1]),
        ([(2, 5), (2, 5)], [0]),
        ([], []),
    ],
)
def test_the_front_is_what_no_other_trial_beats(points, best):
    assert [row["trial"] for row in sweep_results.front(rows_of(*points))] == best


def test_pictures_are_drawn_of_lists_and_ranges(tmp_path):
    space = Space("s", {"filters": Range(1, 8, log=True), "balance": (0, 1), "shift": (0.1, 0.2)})
    rows = rows_of((1e6, 9), (2e7, 8), (3e8, 7)) + rows_of((5e6, 20), state="stopped")
    for i, row in enumerate(rows):
        row |= {"filters": i + 1, "balance": i % 2, "shift": 0.1}
    sweep_results.draw(tmp_path, rows, space)
    for name in ("error-multiply-adds.png", "effects.png"):
        picture = cv2.imread(str(tmp_path / name))
        assert picture.shape[0] > 300
        assert (picture < 200).mean() > 0.005
    assert sweep_results.name_of(rows[0], space) == "1/0/0.1"


# ------------------------------------------------------------------------------ script


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    return spot_heads(tmp_path_factory.mktemp("heads"), 16, 8)


SMALL = "{conv_blocks: [2, 6], filters: [4]}, fixed: {architecture: patacchiola, dense_size: 8}"


def command(heads, space, output, *more):
    data = [f"{heads}#train", "--validation", f"{heads}#test", "--space", space]
    quick = ["--epochs", "1", "--steps", "2", "--batch-size", "8", "--device", "cpu"]
    return ["sweep", *data, "--output", output, *quick, *more]


def test_networks_are_trained_side_by_side_by_the_code_of_train(run_script, heads, tmp_path):
    space = space_file(tmp_path, f"{{options: {SMALL}}}")
    run = tmp_path / "run"
    given = command(heads, space, run, "--jobs", "2")
    done = run_script(*given)
    assert done.status == 0, done.err
    with (run / "models.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["conv_blocks"] for row in rows] == ["2", "6"]
    for row in rows:
        assert row["state"] == "complete"
        assert row["epochs"] == "1"
        assert 0 < float(row["validation_error"]) < 180
        assert row["score"] == row["validation_error"]
        for angle in ("tilt", "pan"):
            assert 0 < float(row[f"{heads.parent.name}#test {angle}"]) < 180
    # 9 weights a channel pair at 64 x 64 and 32 x 32, then dense layers.
    first = 64**2 * 9 * 4 + 32**2 * 9 * 4 * 8 + 16 * 16 * 8 * 8 + 8 * 2
    assert rows[0]["multiply_adds"] == str(first)
    from headpose.pose.estimator import PoseEstimator

    model = PoseEstimator.load(run / "trials" / "0001" / "best.keras").model
    assert rows[1]["parameters"] == str(model.count_params())
    assert "loss:" in (run / "trials" / "0000" / "output.txt").read_text()
    assert not (run / "trials" / "0000" / "checkpoint").exists()
    assert (run / "effects.png").exists()
    assert "trial 1 (6/4) complete" in done.out

    before = (run / "models.csv").read_bytes()
    again = run_script(*given)
    assert again.status == 0, again.err
    assert "2 trials, 0 of them to run" in again.out
    assert (run / "models.csv").read_bytes() == before
    other = run_script(*given, "--learning-rate", "0.1")
    assert other.status == 1
    assert "other values of learning_rate" in other.err


def test_mistakes_that_all_trials_share_end_the_sweep_soon(run_script, tmp_path):
    given = ["heads.csv", "--space", "architectures", "--output", tmp_path / "run"]
    done = run_script("sweep", *given)
    assert done.status == 1
    assert "trial 0 (1/32/1/64) failed: heads.csv: no such file" in done.err
    assert "the first 3 trials failed" in done.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["{heads}"], 2, "--space"),
        (["--space", "architectures"], 2, "required: data"),
        (["{heads}", "--space", "nothing.yaml"], 1, "no such file, nor one of the spaces"),
        (["{heads}", "--space", "augmentation", "--epochs", "0"], 2, "not a whole number"),
        (["{heads}", "--space", "augmentation", "--trails", "3"], 2, "--trails"),
        (["{heads}", "--space", "augmentation", "--save", "a.keras"], 2, "--save"),
        (["{heads}", "--space", "augmentation", "--gpus-per-trial", "1"], 1, "--ray local"),
        (["{heads}", "--space", "{range}", "--search", "grid"], 1, "shift has a range"),
        (["{heads}", "--space", "{wrong}"], 1, "space wrong: no option is called breadth"),
    ],
)
def test_bad_input_is_told_in_a_line(run_script, heads, tmp_path, arguments, status, told):
    places = {"heads": str(heads)}
    for name, text in (("range", "shift: {low: 0, high: 1}"), ("wrong", "breadth: [1]")):
        (tmp_path / f"{name}.yaml").write_text(f"options: {{{text}}}")
        places[name] = str(tmp_path / f"{name}.yaml")
    given = [a.format(**places) for a in arguments]
    done = run_script("sweep", *given, "--output", tmp_path / "run")
    assert done.status == status
    assert told in done.err.splitlines()[-1]
    assert "Traceback" not in done.err


def test_help_answers_without_tensorflow(run_fresh, tmp_path):
    for name in ("tensorflow", "keras", "optuna", "ray"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    for script in ("sweep", "annotate"):
        done = run_fresh(script, "--help", PYTHONPATH=str(tmp_path))
        assert done.status == 0, done.err
        assert f"usage: headpose {script}" in done.out


def test_overwriting_removes_a_sweep_and_nothing_else(tmp_path):
    from headpose.training.sweep.driver import clear

    sweep = swept(tmp_path)
    (tmp_path / "mine.txt").write_text("kept")
    clear(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "kept"
    assert not sweep.trial_folder(0).exists()
    assert {state_of(t) for t in swept(tmp_path, seed=5).trials()} == {"complete"}
