"""Sweeps: many training runs over a space of options, kept in an Optuna study.

A sweep's folder holds

    study.log         the study: every trial with its options, errors by epoch and result
    models.csv        a row for each trial that has ended; `seconds` is empty where a
                      trial was interrupted and gone on with
    trials/0000/      a training run, as train.py leaves it, and its output.txt
    *.png             pictures of the table

Any number of processes that see the folder may drive it: Optuna's journal gives each trial to
one of them, and a lock on the trial tells the others whether that one still lives.
"""

import contextlib
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import RandomSampler, TPESampler
from optuna.trial import Trial, TrialState

from headpose.errors import HeadposeError
from headpose.files import sole_user
from headpose.parallel.processes import DONE, Task, work
from headpose.training.model_contents import CONTENT
from headpose.training.sweep.spaces import Space
from headpose.training.sweep.study import (
    FINISHED,
    STUDY,
    TRIALS,
    clear,
    open_study,
    state_of,
    turn,
)

DATA = "the data's tables"  # among the settings: a digest
TRIALS_IF_OPEN = 50  # unless asked otherwise, where there is no grid to come to an end


class Sweep:
    """The study of a sweep.

    Args:
        folder: Where it is kept; what is there already is gone on with.
        space: What varies.
        search: `grid` and `random` settle all trials beforehand; `tpe` (tree-structured
            Parzen estimator, Bergstra et al. 2011) learns from those that have ended.
        count: Trials in all; None: the whole grid, else `TRIALS_IF_OPEN`.
        seed: Of the search.
        stopper: What stops hopeless trials, see `open_study`.
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
        grid = space.grid() if search == "grid" else []
        self.count = min(count or len(grid), len(grid)) if grid else count or TRIALS_IF_OPEN
        own = {"space": space.describe(), "search": search, "seed": str(seed)}
        settings = own | {"stop-early": stopper} | settings
        folder.mkdir(parents=True, exist_ok=True)
        self._locks: dict[int, contextlib.ExitStack] = {}
        with turn(folder):
            self.study = open_study(folder / STUDY, stopper)
            if self._differs(settings):
                clear(folder)
                self.study = open_study(folder / STUDY, stopper)
            (folder / TRIALS).mkdir(exist_ok=True)
            self.study.set_user_attr("settings", settings)
            if search == "tpe":
                # Another process, or this one gone on with, would draw the same first trials again.
                starts = self.study.user_attrs.get("starts", 0)
                self.study.set_user_attr("starts", starts + 1)
                self.study.sampler = TPESampler(seed=seed + starts, constant_liar=True)
            else:
                self._settle(grid, seed)
            self._queue_again("failed")  # once

    def _differs(self, settings: dict[str, str]) -> bool:
        """Tells whether there is a sweep with other settings, of which nothing is worth keeping."""
        # Sweeps of earlier versions did not note their data, nor what their models hold.
        late = {name: settings[name] for name in settings if name.startswith((DATA, CONTENT))}
        before = late | self.study.user_attrs.get("settings", settings)
        changed = [k for k in settings if before.get(k) != settings[k]]
        if changed and any(t.intermediate_values for t in self.trials()):
            raise HeadposeError(
                f"{self.folder} has a sweep with other values of {', '.join(changed)}; "
                "give the same, use --overwrite or another --output"
            )
        return bool(changed)

    def _settle(self, grid: list[dict], seed: int) -> None:
        """Queues all trials, of a grid or drawn at random.

        So they do not depend on the order in which they end, nor on interruptions.
        """
        queued = [t.system_attrs.get("fixed_params", t.params) for t in self.trials()]
        if grid:
            whole = self.count == len(grid)
            settled = grid if whole else random.Random(seed).sample(grid, len(grid))
            # Another number of trials puts them in another order: none is queued twice.
            settled = [*queued, *(params for params in settled if params not in queued)]
        else:
            draws = optuna.create_study(sampler=RandomSampler(seed))
            settled = [draws.ask(self.space.distributions()).params for _ in range(self.count)]
        for params in settled[len(queued) : self.count]:
            self.study.enqueue_trial(params)

    def trials(self) -> list[optuna.trial.FrozenTrial]:
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
            while trial := self._take():
                folder = self.trial_folder(trial.number)
                config = configure(self.space.values(trial.params), folder)
                if reason := misfit(config):
                    trial.set_user_attr("unfit", reason)
                    self._end(trial, TrialState.FAIL)
                else:
                    live[f"trial {trial.number}"] = trial
                    yield Task(f"trial {trial.number}", function, config)

        live: dict[str, Trial] = {}
        try:
            for event in work(pool, tasks(), lambda key, report: self._judge(live[key], *report)):
                trial = live.pop(event.key)
                if event.kind != DONE:
                    # It stays open, so that the next call of the sweep runs it again.
                    trial.set_user_attr("error", str(event.value))
                    self._locks.pop(trial.number).close()
                else:
                    trial.set_user_attr("row", event.value)
                    if "stopped" in trial.user_attrs:
                        self._end(trial, TrialState.PRUNED)
                    else:
                        self._end(trial, TrialState.COMPLETE, event.value["validation_error"])
                    shutil.rmtree(
                        self.trial_folder(trial.number) / "checkpoint", ignore_errors=True
                    )
                yield trial.number
        finally:
            for lock in self._locks.values():
                lock.close()
            self._locks.clear()

    def trial_folder(self, number: int) -> Path:
        """Returns the folder of a trial's run."""
        return self.folder / TRIALS / f"{number:04d}"

    def _take(self) -> Trial | None:
        """Takes a trial that nobody has: one that was begun and left, else the next."""
        with turn(self.folder):
            self._queue_again("open")
            waiting = [trial.state == TrialState.WAITING for trial in self.trials()[: self.count]]
            if len(waiting) == self.count and not any(waiting):
                return None
            trial = self.study.ask(self.space.distributions())
            lock = self._locks[trial.number] = contextlib.ExitStack()
            lock.enter_context(self._sole_user(trial.number))
            return trial

    def _queue_again(self, state: str) -> None:
        """Has begun trials of a state asked for anew, unless a process has them. In `turn`."""
        for trial in self.trials()[: self.count]:
            begun = trial.state == TrialState.RUNNING and trial.number not in self._locks
            if begun and state_of(trial) == state:
                with contextlib.suppress(HeadposeError), self._sole_user(trial.number):
                    self.study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)

    def _sole_user(self, number: int) -> contextlib.AbstractContextManager:
        """Refuses a trial that another process has."""
        return sole_user(self.folder / TRIALS, f"{number:04d}")

    def _judge(self, trial: Trial, epoch: int, error: float) -> bool:
        """Takes note of an epoch's error and tells whether to stop there."""
        last = self.trials()[trial.number].last_step
        if last is None or epoch > last:  # else asked before, by a worker that was lost
            trial.report(error, epoch)
            if trial.should_prune():
                trial.set_user_attr("stopped", True)
        return "stopped" in trial.user_attrs

    def _end(self, trial: Trial, state: TrialState, value: float | None = None) -> None:
        self.study.tell(trial, value, state)
        self._locks.pop(trial.number).close()
