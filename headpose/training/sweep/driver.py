"""Sweeps: many training runs over a space of options, kept in an Optuna study.

A sweep's folder holds

    study.log         the study: every trial with its options, errors by epoch and result
    models.csv        a row for each trial that has ended
    trials/0000/      a training run, as train.py leaves it, and its output.txt
    *.png             pictures of the table

One process drives a sweep and is the only one that writes the study; workers train.
"""

import os
import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from headpose.errors import HeadposeError
from headpose.files import atomic_write, check_readable
from headpose.parallel.processes import DONE, Task, work
from headpose.training.sweep.spaces import Space

STUDY, TRIALS = "study.log", "trials"
JOURNAL = b'{"op_code":'  # how Optuna's journals begin
SEARCHES = ("grid", "random", "tpe")
STOPPERS = ("none", "median", "halving")
TRIALS_IF_OPEN = 50  # unless asked otherwise, where there is no grid to come to an end
WARM_UP = 5  # epochs in which no trial is stopped: first errors say little
FINISHED = ("complete", "stopped", "unfit")


class Sweep:
    """The study of a sweep.

    Args:
        folder: Where it is kept; what is there already is gone on with.
        space: What varies.
        search: Of `SEARCHES`. `grid` and `random` settle all trials beforehand; `tpe`
            (tree-structured Parzen estimator, Bergstra et al. 2011) learns from those
            that have ended.
        count: Trials in all; None: the whole grid, else `TRIALS_IF_OPEN`.
        seed: Of the search.
        stopper: Of `STOPPERS`: what stops hopeless trials, Optuna's median rule or
            asynchronous successive halving.
        settings: What else the trials depend on, texts by name.

    Raises:
        HeadposeError: If the folder has a sweep with other settings.
    """

    def __init__(
        self,
        folder: Path,
        space: Space,
        search: str,
        count: int | None,
        seed: int,
        stopper: str,
        settings: dict[str, str],
    ):
        self.folder, self.space = folder, space
        self._search = search
        grid = space.grid() if search == "grid" else []
        self.count = min(count or len(grid), len(grid)) if grid else count or TRIALS_IF_OPEN
        settings = {
            "space": space.describe(),
            "search": search,
            "seed": str(seed),
            "stop-early": stopper,
            **settings,
        }
        folder.mkdir(parents=True, exist_ok=True)
        self.study = _open(folder / STUDY, stopper)
        if self._differs(settings):
            clear(folder)
            self.study = _open(folder / STUDY, stopper)
        (folder / TRIALS).mkdir(exist_ok=True)
        self.study.set_user_attr("settings", settings)
        self._settle(grid, seed)
        self._live: dict[int, tuple] = {}

    def _differs(self, settings: dict[str, str]) -> bool:
        """Tells whether there is a sweep with other settings, of which nothing is worth keeping."""
        before = self.study.user_attrs.get("settings", settings)
        changed = [k for k in settings if before.get(k) != settings[k]]
        if changed and any(t.intermediate_values for t in self.trials()):
            raise HeadposeError(
                f"{self.folder} has a sweep with other values of {', '.join(changed)}; "
                "give the same, use --overwrite or another --output"
            )
        return bool(changed)

    def _settle(self, grid: list[dict], seed: int) -> None:
        """Queues what a search settles beforehand; chooses how the others are drawn.

        So the trials do not depend on the order in which they end, nor on interruptions.
        """
        import optuna

        there = len(self.study.get_trials(deepcopy=False))
        if self._search == "tpe":
            # Interrupted, the seed would draw the same first trials again.
            self.study.sampler = optuna.samplers.TPESampler(seed=seed + there, constant_liar=True)
            return
        if self._search == "random":
            draws = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
            settled = [self.space.suggest(draws.ask()) for _ in range(self.count)]
        elif self.count < len(grid):
            settled = random.Random(seed).sample(grid, len(grid))
        else:
            settled = grid
        for params in settled[there : self.count]:
            self.study.enqueue_trial(params)

    def trials(self) -> list:
        """Returns Optuna's record of each trial, by number."""
        return self.study.get_trials(deepcopy=False)

    def left(self) -> int:
        """Returns how many trials are still to be run."""
        return self.count - sum(state_of(t) in FINISHED for t in self.trials()[: self.count])

    def run(
        self,
        pool,
        function: Callable,
        configure: Callable[[dict[str, Any], Path], Any],
        misfit: Callable[[Any], str | None],
    ) -> Iterator[int]:
        """Runs what is left and yields the number of each trial as it ends.

        Args:
            pool: See `headpose.parallel.processes`.
            function: What a worker calls with the configuration of a trial; it asks with
                (epoch, validation error) whether to stop, and returns the trial's row.
            configure: Returns a run's configuration from the values of a combination and
                the run's folder.
            misfit: Returns why a run of a configuration cannot be, or None.
        """

        def tasks() -> Iterator[Task]:
            for trial in self._next():
                folder = self.trial_folder(trial.number)
                config = configure(self.space.values(self.space.suggest(trial)), folder)
                if reason := misfit(config):
                    trial.set_user_attr("unfit", reason)
                    self._end(trial, "FAIL")
                    continue
                last = self.trials()[trial.number].last_step
                self._live[trial.number] = (trial, -1 if last is None else last, False)
                yield Task(f"trial {trial.number}", function, config)

        for event in work(pool, tasks(), self._judge):
            number = int(event.key.split()[1])
            trial, *_ = self._live.pop(number)
            if event.kind == DONE:
                trial.set_user_attr("row", event.value)
                if trial.user_attrs.get("stopped"):
                    self._end(trial, "PRUNED")
                else:
                    self._end(trial, "COMPLETE", event.value["validation_error"])
                shutil.rmtree(self.trial_folder(number) / "checkpoint", ignore_errors=True)
            else:
                # It stays open, so that the next call of the sweep runs it again.
                trial.set_user_attr("error", str(event.value))
            yield number

    def trial_folder(self, number: int) -> Path:
        """Returns the folder of a trial's run."""
        return self.folder / TRIALS / f"{number:04d}"

    def _next(self) -> Iterator:
        """Yields the trials that were under way and left, then new ones."""
        import optuna

        for frozen in self.trials()[: self.count]:
            if frozen.state == optuna.trial.TrialState.RUNNING:
                yield optuna.trial.Trial(self.study, frozen._trial_id)
        waiting = optuna.trial.TrialState.WAITING
        while sum(t.state != waiting for t in self.trials()) < self.count:
            yield self.study.ask()

    def _judge(self, key: str, report: tuple[int, float]) -> bool:
        """Takes note of an epoch's error and tells whether to stop there."""
        number = int(key.split()[1])
        trial, last, stop = self._live[number]
        epoch, error = report
        if epoch <= last:
            return stop  # asked before, by a worker that was lost
        trial.report(error, epoch)
        stop = trial.should_prune()
        if stop:
            trial.set_user_attr("stopped", True)
        self._live[number] = (trial, epoch, stop)
        return stop

    def _end(self, trial, state: str, value: float | None = None) -> None:
        import optuna

        self.study.tell(trial, value, optuna.trial.TrialState[state])


def state_of(trial) -> str:
    """Names the state of a trial; all but `open` and `failed` are for good."""
    state = trial.state.name
    if state == "COMPLETE":
        return "complete"
    if state == "PRUNED":
        return "stopped"
    if state == "FAIL":
        return "unfit"
    return "failed" if "error" in trial.user_attrs else "open"


def check_free(folder: Path, names: Iterable[str]) -> None:
    """Refuses to write over what is no sweep's.

    Args:
        folder: Of a sweep, there or not.
        names: Of files that it will write.

    Raises:
        HeadposeError: If there is one and no study beside it.
    """
    if (folder / STUDY).exists():
        return
    for path in (folder / name for name in names):
        if os.path.lexists(path):
            raise HeadposeError(f"{path} exists and is of no sweep; name another --output")


def clear(folder: Path, names: Iterable[str] = ()) -> None:
    """Removes a sweep from its folder, and nothing else.

    Args:
        folder: Of the sweep.
        names: Of files that it wrote beside the study.
    """
    if not (folder / STUDY).exists():
        return  # what is called like our trials is somebody else's
    for trial in (folder / TRIALS).glob("[0-9][0-9][0-9][0-9]*"):
        shutil.rmtree(trial, ignore_errors=True)
    for name in names:
        (folder / name).unlink(missing_ok=True)
    (folder / STUDY).unlink()  # the last: it tells that the others are a sweep's


def _open(path: Path, stopper: str):
    """Opens the study in a file, which only this process writes."""
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    damaged = HeadposeError(f"{path}: damaged; use --overwrite or another --output")
    check_readable(path)
    # Left over by a process that was killed while it wrote.
    Path(f"{path}.lock").unlink(missing_ok=True)
    if path.exists():
        content = path.read_bytes()
        if not _begins_a_journal(content):  # and is not to be written to
            raise damaged
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            with atomic_write(path) as temporary:
                temporary.write_bytes(whole)
    pruner = {
        "none": optuna.pruners.NopPruner,
        "median": lambda: optuna.pruners.MedianPruner(n_warmup_steps=WARM_UP),
        "halving": lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=WARM_UP),
    }[stopper]()
    try:
        return optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(path))),
            study_name="sweep",
            direction="minimize",
            pruner=pruner,
            load_if_exists=True,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged from error


def _begins_a_journal(content: bytes) -> bool:
    """Tells Optuna's journals, of which a first line that is cut short may be left, from others."""
    first, end, _ = content.partition(b"\n")
    if not end:
        return JOURNAL.startswith(first) or first.startswith(JOURNAL)
    return first.startswith(JOURNAL)
