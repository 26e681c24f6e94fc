"""How much memory a process has held."""

import contextlib
import sys
from pathlib import Path


def peak_memory() -> int:
    """Returns the most memory that this process has held, in bytes."""
    with contextlib.suppress(OSError):
        # Not getrusage on Linux: there a child starts with its parent's peak.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
