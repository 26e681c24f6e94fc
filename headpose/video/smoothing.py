"""Smoothing angles over time: the One Euro filter, and what it costs and brings.

Casiez, Roussel, Vogel, "1 € Filter: A Simple Speed-based Low-pass Filter for Noisy Input
in Interactive Systems", CHI 2012: a low-pass filter whose cutoff rises with the speed of
the signal, so that a still head does not tremble and a turning one is not late.
"""

import dataclasses
import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from headpose.geometry.angles import wrap_degrees
from headpose.pipeline import Head

# Chosen so that the trembling of a still head at least halves and a turning head is less
# than 100 ms late, see `benchmarks/smoothing.py`.
MIN_CUTOFF = 1.0  # Hz, of a still head
BETA = 0.05  # Hz for each degree a second
SPEED_CUTOFF = 1.0  # Hz, of the speed; the paper's constant
FORGOTTEN = 1.0  # seconds without a value after which a filter starts anew

SMOOTHED = ("tilt", "pan", "roll", "azimuth", "elevation")


def _weight(cutoff: float, step: float) -> float:
    """Returns how much a new value counts in a low-pass filter.

    Args:
        cutoff: Hz.
        step: Seconds since the last value.
    """
    return 1 / (1 + 1 / (2 * math.pi * cutoff * step))


class OneEuro:
    """Smooths one angle in degrees; differences go by the shortest way around.

    Args:
        min_cutoff: Hz, of an angle that does not change: the lower, the calmer.
        beta: Hz for each degree a second: the higher, the less late.
    """

    def __init__(self, min_cutoff: float = MIN_CUTOFF, beta: float = BETA):
        self._min_cutoff, self._beta = min_cutoff, beta
        self._time = -math.inf
        self._angle = self._speed = 0.0

    def __call__(self, angle: float, time: float) -> float:
        """Returns the smoothed angle, in -180..180 where `angle` is.

        Args:
            angle: Degrees.
            time: Seconds; values that come out of order are returned as they are.
        """
        step = time - self._time
        if step > FORGOTTEN:
            self._time, self._angle, self._speed = time, angle, 0.0
        if step <= 0 or step > FORGOTTEN:
            return angle
        change = float(wrap_degrees(angle - self._angle))
        self._speed += _weight(SPEED_CUTOFF, step) * (change / step - self._speed)
        cutoff = self._min_cutoff + self._beta * abs(self._speed)
        smoothed = self._angle + _weight(cutoff, step) * change
        if abs(angle) <= 180:
            smoothed = float(wrap_degrees(smoothed))
        self._time, self._angle = time, smoothed
        return smoothed


class HeadSmoother:
    """Smooths the angles of heads that are followed.

    Args:
        min_cutoff, beta: See `OneEuro`.
    """

    def __init__(self, min_cutoff: float = MIN_CUTOFF, beta: float = BETA):
        self._constants = min_cutoff, beta
        self._filters: dict[int, dict[str, OneEuro]] = {}

    def __call__(self, track: int, head: Head, time: float) -> Head:
        """Returns the head with smoothed angles; an angle that is None stays None.

        Args:
            track: Says which head it is.
            head: As estimated.
            time: Of the frame, seconds.
        """
        filters = self._filters.setdefault(track, {})
        angles = {}
        for name in SMOOTHED:
            angle = getattr(head, name)
            if angle is not None:
                if name not in filters:
                    filters[name] = OneEuro(*self._constants)
                angles[name] = filters[name](angle, time)
        return dataclasses.replace(head, **angles)

    def keep(self, tracks: Iterable[int]) -> None:
        """Forgets all heads but these."""
        kept = set(tracks)
        self._filters = {track: f for track, f in self._filters.items() if track in kept}


# ---------------------------------------------------------------------- measures


def jitter(angles: ArrayLike) -> float:
    """Returns the mean absolute second difference of a series of angles, degrees."""
    turns = wrap_degrees(np.diff(np.asarray(angles, np.float64)))
    return float(np.abs(np.diff(turns)).mean())


def lag(
    times: ArrayLike, angles: ArrayLike, smoothed: ArrayLike, most: float = 0.5, step: float = 0.001
) -> float:
    """Returns how many seconds a smoothed series is behind: the shift that fits best.

    Args:
        times: (N,) seconds, ascending.
        angles: (N,) degrees, that did not pass ±180.
        smoothed: (N,) degrees.
        most: The largest shift to try, seconds.
        step: Between the shifts, seconds.
    """
    times, angles, smoothed = (np.asarray(x, np.float64) for x in (times, angles, smoothed))
    # All shifts are judged on the same values, those for which the earlier angle is known.
    judged = times >= times[0] + most
    shifts = np.arange(0, most + step / 2, step)
    errors = [
        np.square(smoothed[judged] - np.interp(times[judged] - s, times, angles)).mean()
        for s in shifts
    ]
    return float(shifts[int(np.argmin(errors))])
