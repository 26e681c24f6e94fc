"""Objects in processes of their own."""

import os
from collections import Counter

import pytest
from process_worker import ProcessWorker

from headpose.errors import HeadposeError


def test_an_object_in_a_process_answers_until_it_is_stopped():
    worker = ProcessWorker(Counter, "abracadabra")
    try:
        assert worker.ask("most_common", 1) == [("a", 5)]
        with pytest.raises(HeadposeError, match=r"AttributeError: 'Counter' object has no"):
            worker.ask("least_common")
        assert worker.ask("total") == 11
    finally:
        worker.stop()
    with pytest.raises(HeadposeError, match="its process has ended"):
        worker.ask("total")


def test_what_cannot_be_made_is_one_line():
    with pytest.raises(HeadposeError, match="TypeError: 'int' object is not iterable"):
        ProcessWorker(Counter, 5)


def test_a_process_that_dies_is_told():
    with pytest.raises(HeadposeError, match="its process has ended"):
        ProcessWorker(os._exit, 3)
