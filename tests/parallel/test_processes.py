"""Tasks on worker processes: done, answered, told of where they fail, done again where one dies."""

import os

import pytest
import sweep_fakes as fakes

from headpose.parallel.processes import DONE, ERROR, FAILURE, ProcessPool, Task, work


def test_tasks_are_done_by_as_many_processes_as_asked_for():
    tasks = [Task(i, fakes.process_and_threads, i) for i in range(6)]
    with ProcessPool(2, 3) as pool:
        ends = {event.key: event.value for event in work(pool, tasks)}
    assert sorted(ends) == list(range(6))
    assert {threads for _, threads in ends.values()} == {"3"}
    assert 1 <= len({process for process, _ in ends.values()} - {os.getpid()}) <= 2


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGHUP")
def test_a_terminal_that_is_closed_is_for_the_pool_to_handle():
    with ProcessPool(1, 1) as pool:
        (event,) = work(pool, [Task("a", fakes.hung_up, 7)])
    assert (event.kind, event.value) == (DONE, 7)


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


def test_a_task_whose_worker_is_killed_is_done_by_another(tmp_path, caplog):
    tasks = [Task("a", fakes.die_once, tmp_path / "died"), Task("b", fakes.square, 2)]
    with ProcessPool(1, 1) as pool:
        ends = {event.key: event.value for event in work(pool, tasks)}
    assert ends == {"a": "survived", "b": 4}
    assert "a: its worker ended by signal SIGKILL; it is run again" in caplog.text


def test_a_task_that_kills_each_worker_is_given_up():
    with ProcessPool(1, 1) as pool:
        (event,) = work(pool, [Task("a", fakes.die_always, None)])
    assert event.kind == ERROR
    assert "3 times in a row" in event.value
