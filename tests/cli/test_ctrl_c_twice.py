"""Ctrl-C that is pressed twice in a row: what is closed after the first one is closed whole."""

import csv
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from videos import evenly, frames_of, make_video

from headpose.cli import surroundings

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("--detector", "viola-jones", "--estimator", "fast", "--empty")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")


@pytest.fixture
def handlers():
    """Has the commands' handlers in place of Python's, also where tests run in the background."""
    numbers = (signal.SIGINT, *surroundings.ENDINGS)
    usual = {number: signal.SIG_DFL for number in surroundings.ENDINGS}
    before = [
        signal.signal(number, usual.get(number, signal.default_int_handler)) for number in numbers
    ]
    surroundings.catch_termination()
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def raised(number: int) -> bool:
    try:
        signal.raise_signal(number)
    except KeyboardInterrupt:
        return True
    return False


@pytest.mark.usefixtures("handlers")
def test_a_second_one_in_a_row_is_not_another(monkeypatch, capfd):
    now = itertools.count(100, 0.3)
    monkeypatch.setattr(surroundings.time, "monotonic", lambda: next(now))
    assert [raised(signal.SIGINT) for _ in range(6)] == [True, False, False, False, True, False]
    (told, again) = capfd.readouterr().err.splitlines()
    assert told.endswith(
        "ending, what is done is kept; Ctrl-C once more loses what is not whole yet"
    )
    assert again == told


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_another_signal_in_a_row_is_not_another_wish(first):
    second = {signal.SIGINT: signal.SIGTERM, signal.SIGTERM: signal.SIGINT}[first]
    assert raised(first)
    assert not raised(second)
    assert surroundings.ended_by() == signal.SIGTERM


@pytest.mark.usefixtures("handlers")
def test_what_belongs_together_is_done_before_either():
    done = []
    with pytest.raises(KeyboardInterrupt), surroundings.held_back():
        for step in range(3):
            signal.raise_signal(signal.SIGINT)
            done.append(step)
    assert done == [0, 1, 2]


def test_it_stays_ignored_where_it_was(monkeypatch):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        surroundings.catch_termination()
        assert not raised(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("where", ["video", "tables"])
@pytest.mark.usefixtures("handlers")
def test_tables_and_the_video_are_whole(run_script, tmp_path, monkeypatch, where):
    """The second comes while they are closed, one after another."""
    from headpose.records.sinks import CsvSink
    from headpose.video.pipeline import VideoPipeline
    from headpose.video.writer import VideoWriter

    clip, count = make_video(tmp_path / "v.mp4", evenly(40)), itertools.count()
    follow = VideoPipeline.__call__

    def followed(pipeline, frames):
        for done in follow(pipeline, frames):
            yield done
            if next(count) == 9:
                signal.raise_signal(signal.SIGINT)

    owner = VideoWriter if where == "video" else CsvSink
    leave = owner.__exit__

    def left(place, *error):
        signal.raise_signal(signal.SIGINT)
        return leave(place, *error)

    monkeypatch.setattr(VideoPipeline, "__call__", followed)
    monkeypatch.setattr(owner, "__exit__", left)
    tables = [tmp_path / f"t.{kind}" for kind in ("csv", "coco.json", "sum.csv")]
    given = zip(("--csv", "--coco", "--summary"), tables, strict=True)
    done = run_script(
        "video", clip, "--output", tmp_path / "o.mp4", *itertools.chain(*given), *QUICK
    )
    assert done.status == 130, done.err
    with tables[0].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(frames_of(tmp_path / "o.mp4")) == 10
    assert all(table.stat().st_size for table in tables)


def test_a_whole_process_is_borne_with(tmp_path):
    """As a terminal does it, with a wrapper that passes on what it gets."""
    script = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from headpose.cli import common as cl\n"
        "def main():\n"
        "    try:\n"
        "        print('ready', flush=True); time.sleep(60)\n"
        "    finally:\n"
        "        time.sleep(0.3); print('closed', flush=True)\n"
        "cl.run(main)\n"
    )
    (tmp_path / "x.py").write_text(script)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "x.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, told = process.communicate(timeout=100)
    assert (process.returncode, out) == (130, "closed\n")
    assert told.splitlines()[-1] == "x.py: interrupted"
