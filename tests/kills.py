"""Runs of `annotate_fakes.py` that are killed, in processes of their own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import archive_sets as sets
import numpy as np
from annotate_fakes import annotate

ROOT = Path(__file__).resolve().parent.parent


def kill_half_way(command, out, done, seconds, notes="shards/*.json"):
    """Starts a run and kills it so long after so many shards were done."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    with subprocess.Popen(command, env=environment) as process:
        deadline = time.monotonic() + 120
        while len(list(out.glob(notes))) < done:
            assert process.poll() is None, "done before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.002)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)


def check_kills(engine, many, out, seed):
    """Kills a run at three random places, one after the other; then lets it finish."""
    folder, rows = many
    random = np.random.default_rng(seed)
    script = str(ROOT / "tests" / "annotate_fakes.py")
    command = [sys.executable, script, str(out), engine, "slow", "0", str(folder)]
    for done in sorted(random.choice(np.arange(1, 13), 3, replace=False)):
        kill_half_way(command, out, done, random.uniform(0, 0.1))
        time.sleep(0.5)  # workers notice that what started them has gone
    assert len(list(out.glob("shards/*.json"))) < 20
    # As a worker leaves it that is killed while it writes.
    (out / "heads" / ".pictures-000019.0123.jsonl").write_text("half")
    counts = annotate([folder], out, "here")
    assert (counts["shards"], counts["heads"]) == (20, 80)
    assert sets.rows_of(out) == rows
    assert not list((out / "heads").glob(".*"))
