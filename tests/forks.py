"""Forks of test runners."""

import gc
import os


def fork() -> int:
    """Forks as `os.fork`; the child leaves alone what tests before have made.

    Threads do not outlive a fork. A child that collects its parent's garbage, such as
    sessions of ONNX Runtime, would wait for their threads, or crash.

    Returns:
        0 in the child, the child's number in the parent.
    """
    child = os.fork()
    if not child:
        gc.freeze()
    return child
