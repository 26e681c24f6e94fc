"""Trials that are computed instead of trained, and pools to run them on.

Worker processes import this file by name, so it stands apart from the tests.
"""

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path

from headpose.errors import HeadposeError
from headpose.parallel.processes import ASKS, Event, ProcessPool, outcome
from headpose.training.fields import with_values
from headpose.training.pose_config import PoseTrainingConfig
from headpose.training.sweep.trials import OUTPUT

EPOCHS = 8


def fake_error(config: PoseTrainingConfig, epoch: int) -> float:
    """An error that falls with the epochs to a value that the network's size tells."""
    network = config.network
    size = network.conv_blocks * network.filters + network.dense_size / 100
    return 40 / size + 10 * 0.5**epoch + 0.001 * config.learning.seed


def fake_trial(run: PoseTrainingConfig, ask) -> dict:
    """What `run_trial` does, without a network; notes how often it was started."""
    run.output.mkdir(parents=True, exist_ok=True)
    with (run.output / OUTPUT).open("a") as file:
        file.write(f"{os.getpid()}\n")
    errors = []
    for epoch in range(EPOCHS):
        errors.append(fake_error(run, epoch))
        if ask((epoch, errors[-1])):
            break
    return {
        "parameters": run.network.filters * run.network.dense_size,
        "multiply_adds": 1000
        * run.network.conv_blocks
        * run.network.filters
        * run.network.dense_size,
        "validation_error": min(errors),
        "epochs": len(errors),
        "seconds": time.monotonic() % 1,
    }


def dying_trial(run: PoseTrainingConfig, ask) -> dict:
    """The same, but the worker of the third trial is killed in its middle, once."""
    folder = run.output

    def asked(report):
        if folder.name == "0002" and report[0] == 2 and not (folder / "died").exists():
            (folder / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return ask(report)

    return fake_trial(run, asked)


def slow_trial(run: PoseTrainingConfig, ask) -> dict:
    """The same, in time to be interrupted."""

    def asked(report):
        time.sleep(0.05)
        return ask(report)

    return fake_trial(run, asked)


def failing_trial(run: PoseTrainingConfig, ask) -> dict:
    """The same, but networks of 3 blocks fail."""
    if run.network.conv_blocks == 3:
        raise HeadposeError("training diverged")
    return fake_trial(run, ask)


def meeting_trial(run: PoseTrainingConfig, ask) -> dict:
    """The same, but waits until trials of two processes were started."""

    def asked(report):
        deadline = time.monotonic() + 120
        while len({f.read_text() for f in run.output.parent.glob(f"*/{OUTPUT}")}) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return ask(report)

    return fake_trial(run, asked)


def endless_trial(run: PoseTrainingConfig, ask) -> dict:
    """The same, but never gets beyond its second epoch."""

    def asked(report):
        while report[0] == 2:
            time.sleep(0.02)
        return ask(report)

    return fake_trial(run, asked)


def square(payload, ask):
    return payload**2


def ask_thrice(payload, ask):
    return [ask((payload, i)) for i in range(3)]


def fail(payload, ask):
    if payload == "expected":
        raise HeadposeError("put it right")
    raise ZeroDivisionError("by nought")


def hung_up(payload, ask):
    """Gets what every process gets whose terminal is closed."""
    os.kill(os.getpid(), signal.SIGHUP)
    return payload


def die_once(payload, ask):
    """Kills its process unless a file says that it did before."""
    if not payload.exists():
        payload.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


def die_always(payload, ask):
    os.kill(os.getpid(), signal.SIGKILL)


def process_and_threads(payload, ask):
    return os.getpid(), os.environ["TF_NUM_INTRAOP_THREADS"]


class ThreadPool:
    """A pool of threads in this process, for tests that need no processes."""

    def __init__(self, size: int = 1):
        self.room = size
        self._events: queue.Queue = queue.Queue()
        self._answers: dict = {}

    def start(self, task):
        self.room -= 1
        answers = self._answers[task.key] = queue.Queue()

        def ask(value):
            self._events.put(Event(task.key, ASKS, value))
            return answers.get()

        def serve():
            self._events.put(Event(task.key, *outcome(task.function, task.payload, ask)))

        threading.Thread(target=serve, daemon=True).start()

    def events(self):
        event = self._events.get()
        self.room += event.kind != ASKS
        return [event]

    def answer(self, key, value):
        self._answers[key].put(value)


def given(chosen: dict, output: Path) -> PoseTrainingConfig:
    """Returns a fake run's configuration."""
    fixed = {"data": ["heads.csv"], "architecture": "patacchiola", "output": output}
    return with_values(PoseTrainingConfig(), {**fixed, **chosen})


def sweep_in(folder: str, function: str = "") -> None:
    """Sweeps on two processes, slow enough to be killed, or in this one with a function here."""
    from headpose.training.sweep.driver import Sweep

    sweep = Sweep(Path(folder), eight(), "grid", None, 0, "none", {})
    with contextlib.ExitStack() as stack:
        pool = ThreadPool() if function else stack.enter_context(ProcessPool(2, 1, fresh=True))
        trial = globals()[function] if function else slow_trial
        for number in sweep.run(pool, trial, given, lambda _: None):
            print(number, flush=True)


def eight():
    """A space of eight networks."""
    from headpose.training.sweep.spaces import Space

    return Space(
        "eight", {"conv_blocks": (2, 3), "filters": (8, 16), "dense_size": (32, 64)}, {"dropout": 0}
    )


if __name__ == "__main__":
    sweep_in(*sys.argv[1:])
