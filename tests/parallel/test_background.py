"""Reading ahead and writing behind, in threads."""

import threading
import time

import pytest

from headpose.errors import HeadposeError
from headpose.parallel.background import BackgroundWriter, Prefetcher


def test_items_read_ahead_come_in_order_and_few_wait():
    taken = []

    def items():
        for i in range(50):
            taken.append(i)
            yield i

    with Prefetcher(items(), waiting=3) as ahead:
        for i in range(50):
            assert next(ahead) == i
            assert len(taken) <= i + 6
        with pytest.raises(StopIteration):
            next(ahead)


def test_errors_of_reading_come_after_what_was_read():
    def items():
        yield 1
        raise HeadposeError("broken")

    with Prefetcher(items(), waiting=3) as ahead:
        assert next(ahead) == 1
        with pytest.raises(HeadposeError, match="broken"):
            next(ahead)


def test_reading_ahead_can_be_left_early():
    def forever():
        while True:
            yield 0

    before = set(threading.enumerate())
    with Prefetcher(forever(), waiting=2) as ahead:
        next(ahead)
    assert set(threading.enumerate()) <= before


def test_of_live_items_the_newest_counts():
    go_on = threading.Event()

    def items():
        yield from range(10)
        go_on.set()

    with Prefetcher(items(), waiting=1, newest=True) as ahead:
        go_on.wait(5)
        assert list(ahead) == [9]
        assert ahead.dropped == 9


def test_work_behind_is_done_in_order_and_its_error_comes_up():
    done = []

    def work(item):
        time.sleep(0.001)
        if item == 7:
            raise HeadposeError("no room")
        done.append(item)

    with BackgroundWriter(work, waiting=2) as behind:
        for i in range(5):
            behind.put(i)
        behind.close()
    assert done == list(range(5))
    with BackgroundWriter(work, waiting=2) as behind, pytest.raises(HeadposeError, match="no room"):
        for i in range(5, 100):
            behind.put(i)
    assert done == [*range(5), 5, 6]
