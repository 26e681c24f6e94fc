"""Tests of the forks that test runners make."""

import os
import signal
import sys
import time

import cv2
import numpy as np
import pytest
from forks import fork

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks on Linux")


def test_a_child_may_change_the_threads_of_opencv():
    """It waited for its parent's threads, for ever, where the parent had used any."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.float32), (31, 31), 0)
        child = fork()
        if not child:
            cv2.setNumThreads(1)
            os._exit(7)
        assert cv2.getNumThreads() == 2
        deadline = time.monotonic() + 60
        ended, status = 0, 0
        while not ended and time.monotonic() < deadline:
            ended, status = os.waitpid(child, os.WNOHANG)
            time.sleep(0.01)
        if not ended:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        assert ended
        assert os.waitstatus_to_exitcode(status) == 7
    finally:
        cv2.setNumThreads(before)
