"""Work on a Ray cluster of two workers, one core each, started here on the loopback interface."""

import contextlib
import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sweep_fakes as fakes
from ray_cluster import two_machines

from headpose.errors import HeadposeError
from headpose.parallel.processes import DONE, ERROR, FAILURE, ProcessPool, Task, work
from headpose.parallel.ray_pool import RayPool, connect
from headpose.training.sweep import results as sweep_results
from headpose.training.sweep.driver import Sweep


@pytest.fixture(scope="module")
def cluster():
    """The cluster."""
    with two_machines() as machines:
        yield machines


@pytest.fixture
def address(cluster):
    return cluster.address


def swept(folder, pool, function=fakes.fake_trial, stopper="none"):
    """Runs a sweep of eight fake trials; returns its table without times."""
    sweep = Sweep(folder, fakes.eight(), "grid", None, 0, stopper, {})
    with pool:
        for _ in sweep.run(pool, function, fakes.given, lambda _: None):
            pass
    rows = sweep_results.table(sweep)
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def test_a_sweep_gives_the_table_that_processes_give_though_a_worker_is_killed(
    address, tmp_path, caplog
):
    on_ray = swept(tmp_path / "ray", RayPool(address, None, 1, 0, True), fakes.dying_trial)
    assert "trial 2: its worker was lost" in caplog.text
    assert len(on_ray) == 8
    assert {row["state"] for row in on_ray} == {"complete"}
    assert on_ray == swept(tmp_path / "processes", ProcessPool(2, 1, fresh=True))
    starts = sorted((tmp_path / "ray" / "trials").glob("*/output.txt"))
    processes = [int(line) for file in starts for line in file.read_text().split()]
    assert len(processes) == 9  # the one that was killed started twice
    assert len(set(processes)) == 9  # and each trial had a process of its own
    assert os.getpid() not in processes


def test_tasks_get_answers_and_failures_are_told(address):
    tasks = [Task(name, fakes.ask_thrice, name) for name in "ab"]
    tasks += [Task("c", fakes.fail, "expected"), Task("d", fakes.fail, "")]
    with RayPool(address, None, 1, 0, False) as pool:
        assert pool.room == 2
        ends = {e.key: e for e in work(pool, tasks, lambda key, value: (key, value[1] * 10))}
    for name in "ab":
        assert ends[name].kind == DONE
        assert ends[name].value == [(name, 0), (name, 10), (name, 20)]
    assert (ends["c"].kind, ends["c"].value) == (FAILURE, "put it right")
    assert ends["d"].kind == ERROR
    assert "ZeroDivisionError" in ends["d"].value


def test_needs_that_no_machine_meets_are_told(address):
    with pytest.raises(HeadposeError, match="has 1 CPU cores and 1 GPUs for a task"):
        RayPool(address, None, 1, 1, False)
    with pytest.raises(HeadposeError, match="has 2 CPU cores for a task"):
        RayPool(address, None, 2, 0, False)


def test_a_machine_that_goes_down_loses_no_trial(cluster, tmp_path):
    import ray

    cluster.add_node(num_cpus=1)
    sweep = Sweep(tmp_path, fakes.eight(), "grid", None, 0, "none", {})
    with RayPool(cluster.address, None, 1, 0, True) as pool:
        assert pool.room == 3
        ours = ray.get_runtime_context().get_node_id()
        run = sweep.run(pool, fakes.slow_trial, fakes.given, lambda _: None)
        ended = [next(run)]
        other = next(node for node in cluster.worker_nodes if node.node_id != ours)
        cluster.remove_node(other, allow_graceful=False)
        ended += run
    assert sorted(ended) == list(range(8))
    assert {row["state"] for row in sweep_results.table(sweep)} == {"complete"}


EIGHT = """
options: {conv_blocks: [2, 3], filters: [4, 8], dense_size: [16, 32]}
fixed: {architecture: patacchiola}
"""


def sweep_with_a_kill(folder, heads, *more) -> list[dict]:
    """Runs sweep.py on real heads, kills the worker of trial 2, returns the table."""
    folder.mkdir()
    (folder / "eight.yaml").write_text(EIGHT)
    data = [f"{heads}#train", "--validation", f"{heads}#validation", "--output", folder / "run"]
    quick = ["--epochs", "3", "--steps", "4", "--batch-size", "32", "--device", "cpu"]
    given = [*data, "--space", folder / "eight.yaml", *quick, "--cpus-per-trial", "1", *more]
    noted = str(folder / "run" / "trials" / "0002" / "output.txt")
    with subprocess.Popen([sys.executable, "-m", "headpose", "sweep", *given]) as process:
        while not (folder / "run" / "trials" / "0002" / "log.csv").exists():
            assert process.poll() is None
            time.sleep(0.1)
        os.kill(next(n for n in writers_of(noted)), signal.SIGKILL)
    assert process.returncode == 0
    with (folder / "run" / "models.csv").open(newline="") as file:
        return [{k: v for k, v in r.items() if k != "seconds"} for r in csv.DictReader(file)]


def writers_of(path: str):
    """Yields the processes that have a file open, as Linux tells them."""
    for place in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(place.readlink()) == path:
                yield int(place.parts[2])


@pytest.mark.skipif("HEADPOSE_LONG_TESTS" not in os.environ, reason="takes minutes")
def test_real_networks_have_the_same_table_from_processes_and_ray(address, shared_data, tmp_path):
    heads = shared_data / "helen" / "labels.csv"
    rows = sweep_with_a_kill(tmp_path / "processes", heads, "--jobs", "2")
    assert [row["state"] for row in rows] == ["complete"] * 8
    assert sweep_with_a_kill(tmp_path / "ray", heads, "--ray", address) == rows


@pytest.mark.parametrize("wrong", ["127.0.0.1:1", "nothing:x", "127.0.0.1:99999"])
def test_a_cluster_that_is_not_there_is_told(address, wrong):
    with pytest.raises(HeadposeError, match=f"no Ray cluster at {wrong}"):
        connect(wrong)


def test_without_ray_it_is_told_how_to_get_it(run_script, tmp_path, monkeypatch, portrait):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(HeadposeError, match=r"headpose-toolkit\[distributed\]"):
        connect("auto")
    done = run_script("annotate", portrait, "--output", tmp_path, "--ray", "auto")
    assert done.status == 1
    assert len(done.err.splitlines()) == 1
    assert "headpose-toolkit[distributed]" in done.err
