"""Lets a disk fail, fill up and kill at every call of every writer.

Run with the library of `faulty_disk.c` preloaded. Prints what was wrong about it as JSON, a
line for each writer.

    LD_PRELOAD=./faulty_disk.so PYTHONPATH=. python tests/files/faulty_runs.py FOLDER
"""

import ctypes
import errno
import json
import logging
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from writers import BESIDE, GROWING, WRITERS

from headpose.errors import HeadposeError

DISK = ctypes.CDLL(None)
DISK.faulty_set.argtypes = [ctypes.c_char_p, ctypes.c_long, ctypes.c_int, ctypes.c_int]
DISK.faulty_count.restype = ctypes.c_long
# What happens at a call: the error, and whether all writes fail from then on. 0 kills.
FAULTS = {"full": (errno.ENOSPC, 1), "broken": (errno.EIO, 0), "killed": (0, 0)}
OLD = b"old"
LIMIT = 400  # calls; more would be another example than it should be


def child(write: Callable[[Path], None], path: Path, call: int, fault: str) -> int:
    """Writes in a process of its own; returns its exit code.

    0: written, the fault came; 2: written, there was no such call; 1: a sentence that names
    the file; negative: killed; all else is wrong.
    """
    process = os.fork()
    if not process:
        status = 99
        try:
            logging.disable()
            DISK.faulty_set(str(path.parent).encode(), call, *FAULTS[fault])
            write(path)
            status = 0 if DISK.faulty_count() >= call else 2
        except HeadposeError as error:
            named = str(path.parent) in str(error) and ".part-" not in str(error)
            status = 1 if named else 98
            if status == 98:
                print(repr(error), file=sys.stderr)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def wrong_of(name: str, folder: Path, fault: str) -> list[str]:
    """Tells what is wrong after a fault at every call of a writer."""
    write, wrong = WRITERS[name], []
    (folder / "good").mkdir(parents=True)
    write(folder / "good" / name)
    good = (folder / "good" / name).read_bytes()
    for call in range(1, LIMIT):
        path = folder / fault / name
        shutil.rmtree(path.parent, ignore_errors=True)
        path.parent.mkdir()
        path.write_bytes(OLD)
        status = child(write, path, call, fault)
        here = f"{fault} at call {call}"
        killed = status == -signal.SIGKILL and fault == "killed"
        if status not in (0, 1, 2) and not killed:
            wrong.append(f"{here}: ended with {status}")
        content = path.read_bytes() if path.exists() else None
        if content not in (OLD, good) or (content == OLD and status in (0, 2)):
            wrong.append(f"{here}: {len(content or b'')} bytes, ended with {status}")
        wrong += _left(name, path, good, here, temporary=killed or fault == "broken")
        # The next run goes on, and tidies up.
        beside = [file for file in path.parent.iterdir() if file != path]
        if not beside and status != 2:
            continue
        for file in beside:
            os.utime(file, (0, 0))
        if child(write, path, LIMIT, fault) != 2 or path.read_bytes() != good:
            wrong.append(f"{here}: the next run failed")
        wrong += _left(name, path, good, f"{here}, next run", temporary=False)
        if status == 2:
            return wrong
    return [*wrong, f"more than {LIMIT} calls"]


def _left(name: str, path: Path, good: bytes, when: str, temporary: bool) -> list[str]:
    """Tells what lies beside a file that should not: all but rows of a run cut short."""
    wrong = []
    for file in path.parent.iterdir():
        rows = name in GROWING and ".unfinished" in file.name
        own = file == path or file.name in BESIDE.get(name, ())
        if own or (temporary and ".part-" in file.name):
            continue
        if not rows:
            wrong.append(f"{when}: left {file.name}")
        elif not good.startswith(file.read_bytes()):
            wrong.append(f"{when}: other rows in {file.name}")
    return wrong


def main() -> None:
    folder = Path(sys.argv[1])
    names = sys.argv[2:] or list(WRITERS)
    for name in names:
        wrong = [w for fault in FAULTS for w in wrong_of(name, folder / name / fault, fault)]
        print(json.dumps([name, wrong]), flush=True)


if __name__ == "__main__":
    main()
