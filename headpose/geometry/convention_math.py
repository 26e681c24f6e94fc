"""How the conventions of `headpose.geometry.conventions` are converted: orders, signs, matrices.

A converter takes rows of values and returns rows of values: `write` from this project's
tilt, pan and roll in degrees (N, 3) to another convention's (N, K), `read` the other way.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import ArrayLike

from headpose.errors import HeadposeError
from headpose.geometry.angles import (
    LOCKED,
    other_euler_angles,
    rotation_matrices,
    whole_turn_angles,
    wrap_degrees,
)

TO_CAMERA = np.diag([1.0, -1.0, -1.0])  # D: from y up, z to the viewer to y down, z away
ANGLES = ("tilt", "pan", "roll")
# Matrices whose rows are further from perpendicular or from length 1 are no rotations.
ROTATION_TOLERANCE = 0.01

Converter = Callable[[np.ndarray], np.ndarray]


def within_quarter(angles: np.ndarray, column: int) -> np.ndarray:
    """Returns of both sets of Euler angles the one with one angle in -90..90."""
    # So that what is unknown counts as inside.
    inside = ~(np.abs(wrap_degrees(angles[:, column])) > 90)
    return _turned(np.where(inside[:, None], angles, other_euler_angles(angles)))


def _turned(angles: np.ndarray) -> np.ndarray:
    """Brings angles to -180..180 and leaves those that are there as they are."""
    return np.where(np.abs(angles) <= 180, angles, wrap_degrees(angles))


def euler(
    order: tuple[str, ...], signs: tuple[int, ...], radians: bool = False, quarter: str = "tilt"
) -> tuple[Converter, Converter]:
    """Converters for angles that differ from ours in order, sign and unit only."""
    places = [ANGLES.index(angle) for angle in order]
    factors = np.array(signs) * (np.pi / 180 if radians else 1.0)

    def write(angles: np.ndarray) -> np.ndarray:
        return within_quarter(angles, ANGLES.index(quarter))[:, places] * factors + 0.0

    def read(values: np.ndarray) -> np.ndarray:
        angles = np.empty((len(values), 3))
        angles[:, places] = values / factors
        return within_quarter(angles, ANGLES.index("tilt")) + 0.0

    return write, read


def matrix(
    left: np.ndarray, right: np.ndarray, transposed: bool = False, scaled: bool = False
) -> tuple[Converter, Converter]:
    """Converters for row-major matrices left R right, or the transpose of that."""

    def write(angles: np.ndarray) -> np.ndarray:
        matrices = left @ rotation_matrices(angles) @ right
        return (np.swapaxes(matrices, 1, 2) if transposed else matrices).reshape(-1, 9)

    def read(values: np.ndarray) -> np.ndarray:
        matrices = nearest_rotations(values.reshape(-1, 3, 3), scaled)
        matrices = np.swapaxes(matrices, 1, 2) if transposed else matrices
        return whole_turn_angles(left.T @ matrices @ right.T)

    return write, read


def nearest_rotations(matrices: ArrayLike, scaled: bool = False) -> np.ndarray:
    """Returns the rotations (N, 3, 3) that are nearest to almost-rotations (N, 3, 3).

    Args:
        matrices: As files with few decimals hold them.
        scaled: Whether they may be multiplied with a positive number.

    Raises:
        HeadposeError: If one is no rotation: not finite, not perpendicular, or a mirror.
    """
    matrices = np.asarray(matrices, np.float64)
    if scaled:
        with np.errstate(invalid="ignore"):
            determinant = np.linalg.det(matrices)
        size = np.cbrt(np.where(determinant > 0, determinant, 1.0))
        matrices = matrices / size[:, None, None]
    residual = np.abs(matrices @ np.swapaxes(matrices, 1, 2) - np.eye(3)).max(axis=(1, 2))
    # Not "any(... > ...)", which a NaN would pass.
    with np.errstate(invalid="ignore"):
        fits = (residual <= ROTATION_TOLERANCE) & (np.linalg.det(matrices) > 0)
    if not fits.all():
        row = int(np.flatnonzero(~fits)[0])
        raise HeadposeError(f"the matrix in row {row + 1} is no rotation; check what was read")
    u, _, v = np.linalg.svd(matrices)
    return u @ v


def write_vector(angles: np.ndarray) -> np.ndarray:
    """Returns rotation vectors (N, 3) of tilt, pan and roll (N, 3) in degrees.

    As OpenCV's `rvec`: the axis, as long as the angle in radians (0..pi), of the rotation D R
    from the head's axes (y up, z out of the face) to the camera's (y down, z away). A row with
    an unknown angle becomes NaN.
    """
    vectors = np.full((len(angles), 3), np.nan)
    for row in np.flatnonzero(np.isfinite(angles).all(axis=1)):
        seen = TO_CAMERA @ rotation_matrices(angles[row : row + 1])[0]
        vectors[row] = cv2.Rodrigues(seen)[0][:, 0]
    return vectors


def read_vector(vectors: np.ndarray) -> np.ndarray:
    """Returns tilt, pan and roll (N, 3) in degrees of `write_vector`'s vectors (N, 3), radians."""
    matrices = np.array([cv2.Rodrigues(vector)[0] for vector in vectors]).reshape(-1, 3, 3)
    return whole_turn_angles(TO_CAMERA @ matrices)


def write_zyx(angles: np.ndarray) -> np.ndarray:
    """Returns yaw, pitch, roll (N, 3) of tilt, pan and roll (N, 3), all in degrees.

    They are those of D R D = Rz(roll) Ry(yaw) Rx(-pitch), with yaw in -90..90. At a yaw of 90
    or -90, where pitch and roll turn about one axis (gimbal lock), roll is 0.
    """
    r = TO_CAMERA @ rotation_matrices(angles) @ TO_CAMERA
    cosine = np.hypot(r[:, 2, 1], r[:, 2, 2])
    locked = cosine < LOCKED
    yaw = np.arctan2(-r[:, 2, 0], cosine)
    free_pitch = -np.arctan2(r[:, 2, 1], r[:, 2, 2])
    pitch = np.where(locked, np.arctan2(r[:, 1, 2], r[:, 1, 1]), free_pitch)
    roll = np.where(locked, 0.0, np.arctan2(r[:, 1, 0], r[:, 0, 0]))
    return np.degrees(np.stack([yaw, pitch, roll], axis=1))


def read_zyx(values: np.ndarray) -> np.ndarray:
    """Returns tilt, pan and roll (N, 3) of `write_zyx`'s yaw, pitch and roll (N, 3), degrees."""
    # (Rz(c) Ry(b) Rx(a))^T = Rx(-a) Ry(-b) Rz(-c)
    reverse = rotation_matrices(values[:, [1, 0, 2]] * [-1, 1, 1])
    return whole_turn_angles(TO_CAMERA @ np.swapaxes(reverse, 1, 2) @ TO_CAMERA)
