"""ONNX Runtime sessions for the sizes of pictures that come up often.

A file that takes pictures of any size computes its priors from the size in each call, in
hundreds of small operations. With the size given, ONNX Runtime computes them once, when it
opens the file: a detector of ours then runs 137 operations instead of 419, with the same
answers. Such a session is made once a size has come up often enough to be worth it.
"""

import collections
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

WORTH_IT = 48  # calls of a size; making a session takes as long as some fifty calls save
KEPT = 4  # sizes; each has a copy of the weights in memory


class FixedShapes:
    """Runs batches in a session for any shape, or in one for theirs; safe to share by threads.

    Args:
        open_session: Opens the file as an `onnxruntime.InferenceSession`, with the values
            of the input's dimensions that are open, by name; None if it cannot be
            opened again.
    """

    def __init__(self, open_session: Callable[[dict[str, int]], Any]):
        self._open = open_session
        self._any = open_session({})
        first = self._any.get_inputs()[0]
        self._name, self._dimensions = first.name, first.shape
        named = sum(isinstance(dimension, str) for dimension in first.shape)
        self._sizes_are_open = named > 1  # an estimator's crops have one size
        self._calls: collections.Counter[tuple[int, ...]] = collections.Counter()
        self._made: dict[tuple[int, ...], Any] = {}
        self._making = threading.Lock()

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes that have a session of their own."""
        return list(self._made)

    @property
    def providers(self) -> list[str]:
        """What ONNX Runtime runs the file on."""
        return list(self._any.get_providers())

    def __call__(self, batch: np.ndarray) -> list[np.ndarray]:
        session = self._any
        if self._sizes_are_open:
            session = self._made.get(batch.shape) or self._any
            if session is self._any:
                self._count(batch.shape)
        return session.run(None, {self._name: batch})

    def _count(self, shape: tuple[int, ...]) -> None:
        """Notes a call, and makes a session for its shape if it has come up often."""
        with self._making:
            self._calls[shape] += 1
            if self._calls[shape] != WORTH_IT or len(self._made) >= KEPT:
                return
            given = {
                dimension: size
                for dimension, size in zip(self._dimensions, shape, strict=True)
                if isinstance(dimension, str)
            }
            if (session := self._open(given)) is not None:
                self._made[shape] = session
