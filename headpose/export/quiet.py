"""What converters and runtimes of others print and raise."""

import contextlib
import errno
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from headpose.errors import HeadposeError, first_line
from headpose.models.keras_setup import silence

FULL = 1 << 16  # bytes left on a disk that is full: what was written last may have been less


@contextlib.contextmanager
def quiet(what: str, target: Path | None = None) -> Iterator[None]:
    """Drops what converters and runtimes print; what they raise becomes a failure.

    Args:
        what: Is told before what they raise.
        target: What is written, on whose disk there may be no room; few of them say so.

    Raises:
        HeadposeError: For whatever they raise.
    """
    try:
        with silence(), contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:  # each raises classes of its own
        if target is not None and _is_for_want_of_room(error, target.parent):
            raise HeadposeError(
                f"cannot write {target}: no space left on device; make room or choose another place"
            ) from error
        raise HeadposeError(f"{what} ({first_line(error, 200)})") from error


def _is_for_want_of_room(error: Exception, folder: Path) -> bool:
    if os.strerror(errno.ENOSPC).lower() in str(error).lower():
        return True
    return shutil.disk_usage(folder).free < FULL
