"""SIGTERM and SIGHUP in the middle of a command's work, in a process of its own."""

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

ROOT = Path(__file__).resolve().parents[2]
COUNT = 300  # pictures, many more than are done until the signal comes


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    for i in range(COUNT):
        cv2.imwrite(str(folder / f"{i:03d}.png"), noise[i % 9 :])
    return folder


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGTERM to handle")
@pytest.mark.parametrize(
    ("command", "options", "begun", "end", "status"),
    [
        ("image", ["--csv", "t.csv", "--output", "drawn"], "drawn/*", "SIGTERM", 143),
        ("image", ["--csv", "t.csv", "--output", "drawn"], "drawn/*", "SIGHUP", 129),
        ("annotate", ["--output", "out", "--shard-size", "1"], "out/shards/*", "SIGTERM", 143),
    ],
)
def test_what_is_done_is_kept_and_whole(pictures, tmp_path, command, options, begun, end, status):
    given = [command, str(pictures), "--detector", "viola-jones", *options]
    process = subprocess.Popen(
        [sys.executable, "-m", "headpose", *given],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    deadline = time.monotonic() + 300

    def there() -> list[Path]:
        """Temporary files, which begin with a dot, do not count."""
        return [path for path in tmp_path.glob(begun) if not path.name.startswith(".")]

    while len(there()) < 2 and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(getattr(signal, end))
    _, told = process.communicate(timeout=300)
    assert process.returncode == status, told
    assert "Traceback" not in told
    assert told.splitlines()[-1].startswith(f"headpose {command}: ")
    assert not [p for p in tmp_path.rglob(".*") if p.name != ".lock"]
    if command == "image":
        with (tmp_path / "t.csv").open(newline="") as file:
            rows = list(csv.reader(file))
        assert {len(row) for row in rows} == {len(rows[0])}
        assert all(cv2.imread(str(p)) is not None for p in (tmp_path / "drawn").iterdir())
    else:
        done = {p.stem for p in (tmp_path / "out" / "shards").iterdir()}
        assert 2 <= len(done) < COUNT
        assert done <= {p.stem for p in (tmp_path / "out" / "heads").iterdir()}


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGTERM to handle")
def test_a_package_that_makes_an_error_of_it_changes_nothing(tmp_path):
    """Runtimes that are just being loaded say that their initialization failed."""
    script = """
import os, signal, time
from headpose.cli import common as cl
from headpose.errors import HeadposeError

def main():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    except KeyboardInterrupt as error:
        raise HeadposeError("onnxruntime cannot be loaded") from error

cl.run(main)
"""
    (tmp_path / "x.py").write_text(script)
    command = [sys.executable, str(tmp_path / "x.py")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 143
    assert done.stderr.splitlines() == ["x.py: terminated"]
