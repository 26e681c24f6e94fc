"""Every command in surroundings that are out of order: it says so, or does what it can."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(Path(__file__).parent))

from surrounded import SURROUNDINGS  # noqa: E402

from headpose.cli.main import COMMANDS  # noqa: E402

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="forks on Linux")
# What no command may stumble over before it is needed.
ODD = {
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONWARNINGS": "error",
    "KERAS_BACKEND": "nonsense",
    "TMPDIR": "/nowhere",
    "XDG_CACHE_HOME": "/proc/nowhere",
    "MPLCONFIGDIR": "/proc/nowhere",
    "DISPLAY": ":97",
    "COLUMNS": "0",
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[tuple[str, str], tuple[int, str]]:
    """Exit status and standard error, by command and surroundings."""
    environment = {k: v for k, v in os.environ.items() if k != "HOME"} | ODD
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "cli" / "surrounded.py")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path_factory.mktemp("surrounded"),
        env=environment | {"PYTHONPATH": str(ROOT)},
        check=True,
    )
    rows = map(json.loads, done.stdout.splitlines())
    return {(command, where): (status, told) for command, where, status, told in rows}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("where", SURROUNDINGS)
def test_each_command_ends_as_it_should(command, where, runs):
    status, told = runs[command, where]
    for wrong in ("Traceback", "internal error", "Exception ignored"):
        assert wrong not in told
    if where == "no folder":
        assert (status, "current folder" in told) == (1, True)
    elif where == "full output":
        assert (status, "cannot write to standard output" in told) == (1, True)
    elif where == "closed output":
        assert (status, told) == (0, "")
    else:
        assert status in (1, 2)
        assert ("error:" in told) == (where == "as usual")
