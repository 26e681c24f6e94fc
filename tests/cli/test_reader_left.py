"""Commands whose reader leaves (head, less): what they were asked to write is written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from drawn_heads import spot_heads

ROOT = Path(__file__).resolve().parents[2]
FILES = ("--json", "f.json")
QUICK = ("--detector", "viola-jones", "--estimator", "fast")
SMALL = (
    *("--architecture", "patacchiola", "--conv-blocks", "2", "--filters", "4", "--dense-size", "8"),
    *("--epochs", "1", "--steps", "1", "--batch-size", "4", "--device", "cpu"),
    *("--output", "run", "--save", "k.keras"),
)
TOOL = """import sys
from headpose.cli.common import run
from headpose.cli.surroundings import outlive_reader
def main():
    outlive_reader(*sys.argv[1:] or [None])
    print("first", flush=True)
    print("second", flush=True)
    for name in sys.argv[1:]:
        open(name, "w").close()
run(main)"""


def unread(*command: str, folder: Path) -> subprocess.CompletedProcess:
    """Runs Python with a standard output that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run(
            [sys.executable, *command],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            timeout=300,
            check=False,
        )
    finally:
        os.close(writing)


def test_a_command_goes_on_where_it_has_a_file_to_write(tmp_path):
    done = unread("-c", TOOL, "new", folder=tmp_path)
    assert (done.returncode, done.stderr) == (141, "")
    assert (tmp_path / "new").exists()


def test_a_command_that_only_prints_ends(tmp_path):
    body = TOOL.replace('print("second", flush=True)', 'open("late", "w").close()')
    assert unread("-c", body, folder=tmp_path).returncode == 141
    assert not (tmp_path / "late").exists()


@pytest.mark.parametrize(
    ("options", "written"),
    [
        (("doctor", *FILES), ["f.json"]),
        (("trust", "{heads}", *FILES), ["f.json"]),
        (
            ("evaluate", "ours", "{heads}", *FILES, "--plot", "p.svg"),
            ["f.json", "p.svg"],
        ),
        (("compare", "{heads}", *FILES, "--figure", "p.svg"), ["f.json", "p.svg"]),
        (("image", "{heads.parent}", *QUICK, "--csv", "t.csv"), ["t.csv", "output/5.png"]),
        (("annotate", "{heads.parent}", *QUICK, "--empty", "--output", "out"), ["out/heads/*"]),
        (("train", "{heads}#test", "--validation", "{heads}#test", *SMALL), ["k.keras"]),
        (("evaluate-detector", "viola-jones", "--data", "{heads}", *FILES), ["f.json"]),
    ],
)
def test_figures_are_written_though_nobody_reads_the_tables(tmp_path, options, written):
    (tmp_path / "heads").mkdir()
    heads = spot_heads(tmp_path / "heads", 0, 6)
    given = [option.format(heads=heads) for option in options]
    done = unread("-m", "headpose", *given, folder=tmp_path)
    assert done.returncode == 141, done.stderr
    assert all(next(tmp_path.glob(name)).stat().st_size for name in written)
