"""A disk that is full, and a kill, wherever each writer writes.

The system's limit on the size of files fails the write that passes it (EFBIG), in Python and
in C libraries alike; where the signal that comes with it is not ignored, it kills the process
at that byte.
"""

import logging
import os
import signal
import sys
from pathlib import Path

import pytest
from forks import fork
from writers import GROWING
from writers import WRITERS as ALL_WRITERS

from headpose.errors import HeadposeError

resource = pytest.importorskip("resource")
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks on Linux")

# Those whose bytes are few; `test_every_call.py` has them all.
WRITERS = {
    name: ALL_WRITERS[name]
    for name in ("t.csv", "t.jsonl", "coco.json", "summary.csv", "p.png", "p.jpg")
}


def in_child(write, path: Path, limit: int, killed: bool) -> int:
    """Writes in a process whose files end at `limit` bytes; returns its exit code.

    0: written; 1: a `HeadposeError`; -SIGXFSZ: killed; all else is a fault.
    """
    child = fork()
    if not child:
        status = 99
        logging.disable()  # where standard error is a file, the limit is for that, too
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL if killed else signal.SIG_IGN)
            write(path)
            status = 0
        except HeadposeError as error:
            status = 1 if str(path) in str(error) else 98
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def limits(size: int) -> list[int]:
    """All bytes of small files, of larger ones some fifty and the ends."""
    step = max(1, size // 50)
    return sorted({*range(0, size, step), 1, size - 1, size, size + 1})


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_loses_nothing_wherever_it_ends(name, tmp_path):
    write = WRITERS[name]
    write(tmp_path / f"good-{name}")
    good = (tmp_path / f"good-{name}").read_bytes()
    path = tmp_path / "out" / name
    path.parent.mkdir()
    for limit in limits(len(good)):
        path.write_bytes(b"old")
        status = in_child(write, path, limit, killed=False)
        left = {f.name: f.read_bytes() for f in path.parent.iterdir()}
        assert status in (0, 1), limit
        assert left.pop(name) == (good if status == 0 else b"old"), limit
        if limit < len(good):
            assert status == 1, limit
        for other, content in left.items():
            assert name in GROWING, (limit, other)
            assert ".unfinished." in other
            assert good.startswith(content), limit
            (path.parent / other).unlink()


@pytest.mark.parametrize("name", WRITERS)
def test_a_kill_anywhere_leaves_old_or_new_and_the_next_run_goes_on(name, tmp_path):
    write = WRITERS[name]
    write(tmp_path / f"good-{name}")
    good = (tmp_path / f"good-{name}").read_bytes()
    for limit in limits(len(good))[::8]:
        path = tmp_path / str(limit) / name
        path.parent.mkdir()
        path.write_bytes(b"old")
        status = in_child(write, path, limit, killed=True)
        assert status in (0, 1, -signal.SIGXFSZ), limit
        assert path.read_bytes() == (good if status == 0 else b"old")
        rows = {f.name: f.read_bytes() for f in path.parent.glob("*.unfinished.*")}
        assert len(rows) == (status < 0 and name in GROWING)
        assert all(good.startswith(content) for content in rows.values())
        for file in path.parent.iterdir():
            os.utime(file, (0, 0))  # long ago
        write(path)
        assert path.read_bytes() == good
        kept = [f.read_bytes() for f in path.parent.iterdir() if f != path]
        # What is kept is rows and nothing else: no temporary file stays.
        more_than_a_header = [c for c in rows.values() if c.count(b"\n") + c.endswith(b"}") > 1]
        assert len(kept) <= len(rows)
        assert set(more_than_a_header) <= set(kept)
