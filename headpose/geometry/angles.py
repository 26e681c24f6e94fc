"""Head angles: tilt, pan and roll in degrees, and what happens to them when a picture turns.

Seen by someone who looks at the picture: pan > 0, the head is turned toward the image's
left; tilt > 0, it is up; roll > 0, it leans clockwise. These are the signs of AFLW's and
300W-LP's yaw and pitch. As a rotation, with x right, y up and z toward the viewer,
R = Rx(-tilt) Ry(-pan) Rz(-roll).
"""

import numpy as np
from numpy.typing import ArrayLike

SIGNS = (
    "tilt and elevation > 0 are up, pan and azimuth > 0 toward the image's left, "
    "roll > 0 leaning clockwise"
)
ROTATION = "R = Rx(-tilt) Ry(-pan) Rz(-roll) with x right, y up, z toward the viewer"
LOCKED = 1e-9  # cosine of pan below which tilt and roll turn about the same axis
# So near to a pan of 90 degrees tilt and roll turn about almost the same axis.
LOCKED_WITHIN = 15.0  # degrees


def rotation_matrices(angles: ArrayLike) -> np.ndarray:
    """Returns R (N, 3, 3) of tilt, pan and roll (N, 3) in degrees."""
    tilt, pan, roll = -np.radians(np.asarray(angles, np.float64).reshape(-1, 3)).T
    return _about(0, tilt) @ _about(1, pan) @ _about(2, roll)


def _about(axis: int, radians: np.ndarray) -> np.ndarray:
    """Right-handed rotations (N, 3, 3) about x (0), y (1) or z (2)."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrices = np.zeros((len(radians), 3, 3))
    matrices[:, axis, axis] = 1
    matrices[:, first, first] = matrices[:, second, second] = np.cos(radians)
    matrices[:, second, first] = np.sin(radians)
    matrices[:, first, second] = -np.sin(radians)
    return matrices


def roll_matrices(clockwise: ArrayLike) -> np.ndarray:
    """Returns the rotations (N, 3, 3) that turn a picture clockwise by so many degrees."""
    return _about(2, -np.radians(np.asarray(clockwise, np.float64)))


def angles_of(matrices: np.ndarray) -> np.ndarray:
    """Returns tilt, pan and roll (N, 3) in degrees of R (N, 3, 3), with pan in -90..90.

    At pan ±90 tilt and roll turn about the same axis: there all of it is told as tilt, and
    roll is 0.
    """
    r = np.asarray(matrices, np.float64)
    pan = -np.arcsin(np.clip(r[:, 0, 2], -1, 1))
    # Rx(-tilt) Ry(-pan) turns y as Rx(-tilt) alone does.
    locked = np.hypot(r[:, 0, 0], r[:, 0, 1]) < LOCKED
    tilt = np.where(locked, np.arctan2(-r[:, 2, 1], r[:, 1, 1]), np.arctan2(r[:, 1, 2], r[:, 2, 2]))
    roll = np.where(locked, 0.0, np.arctan2(r[:, 0, 1], r[:, 0, 0]))
    return np.degrees(np.stack([tilt, pan, roll], axis=1))


def whole_turn_angles(matrices: np.ndarray) -> np.ndarray:
    """Returns tilt, pan and roll (N, 3) in degrees of R (N, 3, 3), with tilt in -90..90.

    Of the two sets of angles of a rotation it is the one whose pan is beyond ±90 exactly
    when the nose points away from the viewer.
    """
    angles = angles_of(matrices)
    is_near = np.abs(angles[:, :1]) <= 90
    return wrap_degrees(np.where(is_near, angles, other_euler_angles(angles)))


def other_euler_angles(angles: np.ndarray) -> np.ndarray:
    """Returns the other tilt, pan and roll (N, 3) of the same rotations, in degrees.

    Every rotation has two sets of Euler angles, one with |pan| up to 90. What is returned is
    not wrapped: tilt + 180, 180 - pan, roll + 180.

    Args:
        angles: Tilt, pan and roll (N, 3), degrees.
    """
    tilt, pan, roll = angles.T
    return np.stack([tilt + 180, 180 - pan, roll + 180], axis=1)


def wrap_degrees(angles: ArrayLike) -> np.ndarray:
    """Returns angles in degrees brought to -180..180, 180 excluded."""
    return (np.asarray(angles, np.float64) + 180) % 360 - 180


def is_locked(angles: ArrayLike) -> np.ndarray:
    """Tells where tilt and roll are degenerate (gimbal lock): pan within `LOCKED_WITHIN` of ±90.

    There they turn about almost the same axis, so that their errors say little; the whole
    rotation's (`geodesic_distances`) is a measure everywhere.

    Args:
        angles: (N, 2 or more) tilt, pan, ... in degrees.

    Returns:
        bool (N,).
    """
    pan = wrap_degrees(np.asarray(angles, np.float64)[:, 1])
    return np.abs(np.abs(pan) - 90) < LOCKED_WITHIN


def mean_angle(angles: ArrayLike) -> float:
    """Returns the mean direction of angles in degrees, -180..180.

    It is the angle of the mean of the unit vectors: 179 and -179 have the mean 180, not 0.
    Of angles that cancel out exactly there is no mean direction, and any is returned.
    """
    radians = np.radians(np.asarray(angles, np.float64))
    return float(np.degrees(np.arctan2(np.sin(radians).mean(), np.cos(radians).mean())))


def geodesic_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns the angles (N,) in degrees of the turns from one R (N, 3, 3) to another.

    From the chord: |A - B| (Frobenius) = 2 sqrt(2) sin(angle / 2), which is exact near 0,
    where the common formula by the trace is not; near 180 it is within 1e-5 degrees.
    """
    chord = np.linalg.norm(np.asarray(first) - np.asarray(second), axis=(-2, -1))
    return np.degrees(2 * np.arcsin(np.clip(chord / np.sqrt(8), 0, 1)))


def rotate_in_plane(angles: ArrayLike, clockwise: ArrayLike) -> np.ndarray:
    """Returns the angles (N, 3) after each picture is turned clockwise by so many degrees.

    Of both sets of angles of a rotation the one nearer to the given angles is returned, so
    that a head turned away stays turned away.

    Args:
        angles: (N, 3) tilt, pan and roll in degrees.
        clockwise: Degrees, one number or (N,).

    Returns:
        float64 (N, 3), each in -180..180.
    """
    angles = np.asarray(angles, np.float64).reshape(-1, 3)
    turns = roll_matrices(np.broadcast_to(clockwise, len(angles)))
    first = angles_of(turns @ rotation_matrices(angles))
    second = other_euler_angles(first)

    def distance(other: np.ndarray) -> np.ndarray:
        return np.abs(wrap_degrees(other - angles)).sum(axis=1, keepdims=True)

    return wrap_degrees(np.where(distance(first) <= distance(second), first, second))


def pitch_down(angles: ArrayLike, degrees: float) -> np.ndarray:
    """Returns the angles (N, 3) after each head nods down about its own axis of the ears.

    For a head that faces the viewer, tilt falls by so much; for others it is the same
    nod, seen from where they turned.

    Args:
        angles: (N, 3) tilt, pan and roll in degrees.
        degrees: How far down; a negative number is up.

    Returns:
        float64 (N, 3): tilt in -90..90, pan and roll in -180..180.
    """
    matrices = rotation_matrices(angles) @ _about(0, np.radians(np.array([degrees])))
    return whole_turn_angles(matrices)


def turned_further(matrices: np.ndarray, degrees: float) -> np.ndarray:
    """Returns R (N, 3, 3) of heads turned further from the front, each about its own neck.

    Estimators that learned from few profiles tell heads of new people as turned too little,
    the more the nearer they are to the profile. A head whose nose points so far to the side
    as s = |R02| is turned by the angle whose tangent is tan(degrees) s^3: not at the front
    or from behind, by an eighth at a pan of 30, by `degrees` at 90.
    """
    x, y, z = np.moveaxis(np.asarray(matrices, np.float64), 2, 0)
    tangent = np.tan(np.radians(degrees)) * z[:, :1] ** 3
    size = np.sqrt(1 + tangent**2)
    return np.stack([(x - tangent * z) / size, y, (z + tangent * x) / size], axis=2)


def flip(angles: ArrayLike) -> np.ndarray:
    """Returns the angles (N, 2 or 3) in the mirrored picture: pan and roll change sign."""
    angles = np.array(angles, np.float64)
    angles[:, 1:] *= -1
    return angles


def nose_directions(tilt: ArrayLike, pan: ArrayLike) -> np.ndarray:
    """Returns unit vectors (N, 3) along the nose: x right, y up, z toward the viewer."""
    tilt, pan = np.radians(tilt), np.radians(pan)
    return np.stack([-np.sin(pan), np.sin(tilt) * np.cos(pan), np.cos(tilt) * np.cos(pan)], axis=-1)


def azimuth_elevation(tilt: ArrayLike, pan: ArrayLike) -> np.ndarray:
    """Returns where the nose points (N, 2): azimuth -180..180 and elevation -90..90, degrees.

    Azimuth grows toward the image's left, elevation upward: the nose's direction is
    Ry(-azimuth) Rx(-elevation) (0, 0, 1). Unlike tilt and pan they mean the same all
    around, profiles and backs of heads included.
    """
    return direction_angles(nose_directions(tilt, pan))


def direction_angles(directions: np.ndarray) -> np.ndarray:
    """Returns azimuth and elevation (N, 2) in degrees of unit vectors (N, 3)."""
    x, y, z = np.moveaxis(directions, -1, 0)
    return np.degrees(np.stack([np.arctan2(-x, z), np.arcsin(np.clip(y, -1, 1))], axis=-1))


def direction_vectors(azimuth: ArrayLike, elevation: ArrayLike) -> np.ndarray:
    """Returns unit vectors (N, 3) of directions: x right, y up, z toward the viewer.

    Args:
        azimuth, elevation: (N,) each, or one number each for a vector (3,); degrees, as
            `azimuth_elevation` returns them.
    """
    side, up = (np.radians(np.asarray(angle, np.float64)) for angle in (azimuth, elevation))
    return np.stack([-np.sin(side) * np.cos(up), np.sin(up), np.cos(side) * np.cos(up)], axis=-1)


def angles_between(first: ArrayLike, second: ArrayLike) -> np.ndarray:
    """Returns the angles (N,) between vectors (N, 3) of any length, 0..180 degrees.

    Of unit vectors a and b it is 2 atan2(|a - b|, |a + b|), which is exact near 0 and 180, where
    the arc cosine of their product is not (Kahan, "How Futile are Mindless Assessments of
    Roundoff in Floating-Point Computation?", 2006, section 12).

    Args:
        first, second: (N, 3), or (3,) for one that all are compared with.

    Returns:
        Degrees; NaN where a vector has no length.
    """
    with np.errstate(invalid="ignore"):
        a, b = (
            vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
            for vectors in (np.asarray(first, np.float64), np.asarray(second, np.float64))
        )
    half = np.arctan2(np.linalg.norm(a - b, axis=-1), np.linalg.norm(a + b, axis=-1))
    return np.degrees(2 * half)
