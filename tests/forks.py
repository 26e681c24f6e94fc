"""Forks of test runners."""

import gc
import os

import cv2


def fork() -> int:
    """Forks as `os.fork`; the child leaves alone what tests before have made.

    Threads do not outlive a fork. A child that collects its parent's garbage, such as
    sessions of ONNX Runtime, would wait for their threads, or crash; and one that changes
    how many threads OpenCV has would wait for those of its parent to end. So OpenCV has
    none while this process is forked.

    Returns:
        0 in the child, the child's number in the parent.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    child = os.fork()
    cv2.setNumThreads(threads)
    if not child:
        gc.freeze()
    return child
