"""Smoothing heads over time: the One Euro filter, and what it costs and brings.

Casiez, Roussel, Vogel, "1 € Filter: A Simple Speed-based Low-pass Filter for Noisy Input
in Interactive Systems", CHI 2012: a low-pass filter whose cutoff rises with the speed of
the signal, so that a still head does not tremble and a turning one is not late.

A head's rotation is filtered once, in the tangent space of the last one, and all angles
are read off the result. Filtered one by one, angles that jump or run fast, as tilt and
roll do near a pan of 90 degrees, would not fit each other: the nose would bend.
"""

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike

from headpose.geometry.angles import (
    azimuth_elevation,
    rotation_matrices,
    whole_turn_angles,
    wrap_degrees,
)
from headpose.pipeline import Head

# Chosen so that the trembling of a still head at least halves and a turning head is less
# than 100 ms late, see `benchmarks/smoothing.py`.
MIN_CUTOFF = 1.0  # Hz, of a still head
BETA = 0.05  # Hz for each degree a second
SPEED_CUTOFF = 1.0  # Hz, of the speed; the paper's constant
FORGOTTEN = 1.0  # seconds without a value after which a filter starts anew
MAX_LAG, LAG_STEP = 0.5, 0.001  # seconds: the largest shift that is tried, and their step

SMOOTHED = ("tilt", "pan", "roll", "azimuth", "elevation")


def _rotation_vector(matrix: np.ndarray) -> np.ndarray:
    """Returns the axis times the angle in degrees (3,) of a rotation (3, 3), up to 180."""
    return np.degrees(cv2.Rodrigues(matrix)[0][:, 0])


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


class RotationFilter:
    """Smooths one head's rotation: the One Euro filter in its tangent space.

    The speed is a vector (axis times degrees a second, seen by the viewer), whose length
    sets the cutoff; a step goes along the shortest turn from the last rotation to the new
    one. A head that turns about a fixed axis keeps turning about it.

    Args:
        min_cutoff, beta: See `OneEuro`.
    """

    def __init__(self, min_cutoff: float = MIN_CUTOFF, beta: float = BETA):
        self._min_cutoff, self._beta = min_cutoff, beta
        self._time = -math.inf
        self._matrix, self._speed = np.eye(3), np.zeros(3)

    def __call__(self, matrix: np.ndarray, time: float) -> np.ndarray:
        """Returns the smoothed rotation (3, 3).

        Args:
            matrix: Rotation (3, 3), see `headpose.geometry.angles`.
            time: Seconds; rotations that come out of order are returned as they are.
        """
        step = time - self._time
        if step > FORGOTTEN:
            self._time, self._matrix, self._speed = time, matrix, np.zeros(3)
        if step <= 0 or step > FORGOTTEN:
            return matrix
        turn = _rotation_vector(matrix @ self._matrix.T)
        self._speed = self._speed + _weight(SPEED_CUTOFF, step) * (turn / step - self._speed)
        cutoff = self._min_cutoff + self._beta * float(np.linalg.norm(self._speed))
        part = cv2.Rodrigues(np.radians(_weight(cutoff, step) * turn))[0]
        self._time, self._matrix = time, part @ self._matrix
        return self._matrix


class HeadSmoother:
    """Smooths the rotations of heads that are followed.

    A head whose roll is not told is smoothed as one of roll 0. Smoothed tilt is in
    -90..90 degrees, pan, roll and azimuth in -180..180, elevation in -90..90, and they
    belong to one rotation: the nose that tilt and pan tell is that of azimuth and
    elevation. Tilt and roll may still jump together where the nose passes ±90 degrees of
    elevation, as two sets of angles are one rotation there.

    Args:
        min_cutoff, beta: See `OneEuro`.
    """

    def __init__(self, min_cutoff: float = MIN_CUTOFF, beta: float = BETA):
        self._constants = min_cutoff, beta
        self._filters: dict[int, RotationFilter] = {}

    def __call__(self, track: int, head: Head, time: float) -> Head:
        """Returns the head with smoothed angles; an angle that is None stays None.

        Args:
            track: Says which head it is.
            head: As estimated.
            time: Of the frame, seconds.
        """
        if head.tilt is None or head.pan is None:
            return head
        if track not in self._filters:
            self._filters[track] = RotationFilter(*self._constants)
        matrix = rotation_matrices([(head.tilt, head.pan, head.roll or 0.0)])[0]
        smooth = self._filters[track](matrix, time)
        angles = whole_turn_angles(smooth[None])[0]
        told = [*angles, *azimuth_elevation(angles[0], angles[1])]
        known: dict[str, Any] = {
            name: float(angle)
            for name, angle in zip(SMOOTHED, told, strict=True)
            if getattr(head, name) is not None
        }
        return dataclasses.replace(head, **known)

    def keep(self, tracks: Iterable[int]) -> None:
        """Forgets all heads but these."""
        kept = set(tracks)
        self._filters = {track: f for track, f in self._filters.items() if track in kept}


# ---------------------------------------------------------------------- measures


def jitter(angles: ArrayLike) -> float:
    """Returns the mean absolute second difference of a series of angles, degrees."""
    turns = wrap_degrees(np.diff(np.asarray(angles, np.float64)))
    return float(np.abs(np.diff(turns)).mean())


def lag(times: ArrayLike, angles: ArrayLike, smoothed: ArrayLike) -> float:
    """Returns how many seconds a smoothed series is behind: of up to `MAX_LAG` the best fit.

    Args:
        times: (N,) seconds, ascending.
        angles: (N,) degrees, that did not pass ±180.
        smoothed: (N,) degrees.
    """
    times, angles, smoothed = (np.asarray(x, np.float64) for x in (times, angles, smoothed))
    # All shifts are judged on the same values, those for which the earlier angle is known.
    judged = times >= times[0] + MAX_LAG
    shifts = np.arange(0, MAX_LAG + LAG_STEP / 2, LAG_STEP)
    errors = [
        np.square(smoothed[judged] - np.interp(times[judged] - s, times, angles)).mean()
        for s in shifts
    ]
    return float(shifts[int(np.argmin(errors))])
