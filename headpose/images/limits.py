"""How much memory a picture may take."""

import os
from pathlib import Path

from headpose.errors import PictureError, ShortOfMemoryError

MAX_PIXELS = 500_000_000  # stitched panoramas have as many; nothing that is photographed has more
# While a picture is read it is held in Pillow (4 bytes a pixel), in RGB and in BGR (3 each).
BYTES_A_PIXEL = 10
SHARE = 0.8  # of the memory that is free


def available_memory() -> int | None:
    """Returns how many bytes this process may still take; None where nobody knows.

    The least of what the system has free, the limit of a container (cgroup version 2) and
    the limit of the process (`ulimit -v`).
    """
    known = [n for n in (_free(), _container(), _process()) if n is not None]
    return min(known) if known else None


def check_size(name: str | Path, width: int, height: int, max_pixels: int = MAX_PIXELS) -> None:
    """Refuses a picture that is too large.

    Args:
        name: Of the picture, for messages.
        width, height: Its size, pixels.
        max_pixels: More are refused.

    Raises:
        ShortOfMemoryError: If it is too large for the memory that is free.
        PictureError: If it is too large for any.
    """
    shown = f"{name}: {width} x {height} pixels"
    if width * height > max_pixels:
        raise PictureError(f"{shown}: more than {max_pixels:,}; scale it down")
    needed, have = width * height * BYTES_A_PIXEL, available_memory()
    if have is not None and needed > have * SHARE:
        raise ShortOfMemoryError(
            f"{shown} need {needed / 1e9:.1f} GB of memory, {have / 1e9:.1f} GB are free"
        )


def _free() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(x.split()[1]) * 1024 for x in lines if x.startswith("MemAvailable:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def _container() -> int | None:
    folder = Path("/sys/fs/cgroup")
    try:
        limit = (folder / "memory.max").read_text(encoding="ascii")
        return int(limit) - int((folder / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):  # no container, or "max"
        return None


def _process() -> int | None:
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit == resource.RLIM_INFINITY:
            return None
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        return limit - pages * os.sysconf("SC_PAGE_SIZE")
    except (ImportError, OSError, ValueError, IndexError):
        return None
