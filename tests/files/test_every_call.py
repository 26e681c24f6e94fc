"""A disk that is full, a disk that breaks, and a kill at every call of every writer."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from writers import WRITERS

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
pytestmark = pytest.mark.skipif(
    not (sys.platform.startswith("linux") and COMPILER), reason="needs Linux and a C compiler"
)


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, list[str]]:
    """What was wrong, by writer, from one process that has all libraries loaded."""
    folder = tmp_path_factory.mktemp("faults")
    library = folder / "faulty_disk.so"
    source = HERE / "faulty_disk.c"
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    environment = {"LD_PRELOAD": str(library), "TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(HERE / "faulty_runs.py"), str(folder / "runs")],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
        check=True,
    )
    return dict(map(json.loads, done.stdout.splitlines()))


@pytest.mark.parametrize("name", WRITERS)
def test_no_call_that_fails_loses_anything_or_leaves_anything(name, found):
    assert found[name] == []
