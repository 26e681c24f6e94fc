"""Who counts head angles how, and this project's angles in each of these ways.

With x to the image's right, y up and z toward the viewer, this project's rotation of a
head is R = Rx(-tilt) Ry(-pan) Rz(-roll), see `headpose.geometry.angles`. D = diag(1, -1, -1)
leads to cameras' axes, x right, y down, z away from the viewer, and back.
"""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from headpose.errors import HeadposeError
from headpose.geometry.angles import wrap_degrees
from headpose.geometry.convention_math import (
    ANGLES,
    TO_CAMERA,
    Converter,
    euler,
    matrix,
    read_vector,
    read_zyx,
    write_vector,
    write_zyx,
)

# Columns of tables that mean this project's angles.
ALIASES = {"pitch": "tilt", "yaw": "pan"}
# So near to a pan of 90 degrees tilt and roll turn about almost the same axis.
LOCKED_WITHIN = 15.0


@dataclasses.dataclass(frozen=True)
class AngleConvention:
    """One way to write a head's rotation down.

    Attributes:
        name: As `as_convention` takes it.
        columns: Names of the values, as that tool or data set calls them where it does.
        unit: `degrees`, `radians`, or `-` for matrices.
        signs: In words: what is positive.
        order: The rotation that the values stand for, in the axes that are named.
        whole_turn: The range that tells the two sets of Euler angles of a rotation apart;
            `-` where there is only one.
        source: Where that is read, or how it is known.
        write: Turns tilt, pan, roll (N, 3) in degrees to the values (N, K).
        read: The other way round.
    """

    name: str
    columns: tuple[str, ...]
    unit: str
    signs: str
    order: str
    whole_turn: str
    source: str
    write: Converter
    read: Converter


def as_convention(name: str, angles: ArrayLike) -> np.ndarray:
    """Returns heads' angles as another tool or data set writes them.

    Args:
        name: One of `CONVENTIONS`.
        angles: (N, 3) tilt, pan, roll in degrees, this project's. An unknown roll (NaN)
            is unknown in lists of angles, and makes matrices and vectors unknown.

    Returns:
        float64 (N, K), a column for each of the convention's `columns`.

    Raises:
        HeadposeError: If there is no such convention.
        ValueError: If `angles` has another shape.
    """
    convention = find_convention(name)
    array = np.asarray(angles, np.float64)
    if array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(f"angles must have shape (N, 3), not {array.shape}")
    return convention.write(array)


def from_convention(name: str, values: ArrayLike) -> np.ndarray:
    """Returns tilt, pan, roll in degrees of what another tool or data set wrote.

    Args:
        name: One of `CONVENTIONS`.
        values: (N, K), a column for each of the convention's `columns`; matrices may also
            be (N, 3, 3), or (N, 4, 4) with a translation, which is not looked at.

    Returns:
        float64 (N, 3), tilt within ±90, pan and roll in -180..180. Near a pan of ±90 only
        the sum or difference of tilt and roll is known, see `is_locked`.

    Raises:
        HeadposeError: If there is no such convention, or a matrix is no rotation.
        ValueError: If `values` has another shape.
    """
    convention = find_convention(name)
    array = np.asarray(values, np.float64)
    count = len(convention.columns)
    if count == 9 and array.ndim == 3 and array.shape[1:] in ((3, 3), (4, 4)):
        array = array[:, :3, :3].reshape(-1, 9)
    if array.ndim != 2 or array.shape[1] != count:
        raise ValueError(f"values of {name} must have shape (N, {count}), not {array.shape}")
    return convention.read(array)


def find_convention(name: str) -> AngleConvention:
    """Returns a convention by name.

    Raises:
        HeadposeError: If there is none of that name.
    """
    try:
        return CONVENTIONS[name]
    except KeyError:
        known = ", ".join(CONVENTIONS)
        raise HeadposeError(f"{name}: no such convention of angles; name one of {known}") from None


def convention_columns(
    name: str, tilt: float | None, pan: float | None, roll: float | None
) -> dict[str, float | None]:
    """Returns one head's values for a table, by column.

    Args:
        name: One of `CONVENTIONS`.
        tilt, pan, roll: Degrees; None where unknown.

    Returns:
        Radians and matrices with five decimals, degrees with two; None where unknown.
    """
    convention = find_convention(name)
    given = [np.nan if value is None else value for value in (tilt, pan, roll)]
    values = as_convention(name, [given])[0]
    digits = 2 if convention.unit == "degrees" else 5
    return {
        column: round(float(value), digits) + 0.0 if np.isfinite(value) else None
        for column, value in zip(convention.columns, values, strict=True)
    }


def is_locked(angles: ArrayLike, within: float = LOCKED_WITHIN) -> np.ndarray:
    """Tells where tilt and roll are degenerate: pan within so many degrees of ±90.

    There they turn about almost the same axis, so that their errors say little; the whole
    rotation's (`headpose.geometry.angles.geodesic_distances`) is a measure everywhere.

    Args:
        angles: (N, 2 or more) tilt, pan, ... in degrees.
        within: Degrees.

    Returns:
        bool (N,).
    """
    pan = wrap_degrees(np.asarray(angles, np.float64)[:, 1])
    return np.abs(np.abs(pan) - 90) < within


_SEEN = "pan to the image's left, tilt up, roll clockwise"
_OURS = "Rx(-tilt) Ry(-pan) Rz(-roll), y up, z to the viewer"
_CAMERA = "y down, z away"
_NINE = tuple(f"r{row}{column}" for row in range(3) for column in range(3))
_YPR = ("yaw", "pitch", "roll")


def _convention(
    name: str,
    columns: tuple[str, ...],
    unit: str,
    signs: str,
    order: str,
    whole_turn: str,
    source: str,
    converters: tuple[Converter, Converter],
) -> AngleConvention:
    return AngleConvention(name, columns, unit, signs, order, whole_turn, source, *converters)


CONVENTIONS: dict[str, AngleConvention] = {
    c.name: c
    for c in (
        _convention(
            "headpose",
            ANGLES,
            "degrees",
            _SEEN,
            _OURS,
            "tilt ±90",
            "headpose/geometry/angles.py",
            euler(ANGLES, (1, 1, 1)),
        ),
        _convention(
            "aflw",
            ("roll", "pitch", "yaw"),
            "radians",
            "yaw to the image's left, pitch up, roll counter-clockwise",
            "Rx(-pitch) Ry(-yaw) Rz(roll), y up, z to the viewer; its order is not documented",
            "pitch ±90",
            "columns of AFLW's FacePose; Hopenet's reader turns roll, too",
            euler(("roll", "tilt", "pan"), (-1, 1, 1), radians=True),
        ),
        _convention(
            "300w-lp",
            ("pitch", "yaw", "roll"),
            "radians",
            _SEEN,
            _OURS,
            "pitch ±90",
            "Pose_Para[:3] of 300W-LP and AFLW2000-3D; order: 3DDFA's RotationMatrix",
            euler(ANGLES, (1, 1, 1), radians=True),
        ),
        _convention(
            "biwi",
            _NINE,
            "-",
            "identity looks into the camera",
            f"D R D: {_CAMERA}",
            "-",
            "frame_*_pose.txt; read so by FSA-Net's TYY_create_db_biwi.py",
            matrix(TO_CAMERA, TO_CAMERA),
        ),
        _convention(
            "biwi-hopenet",
            _YPR,
            "degrees",
            _SEEN,
            f"D R D = Rz(roll) Ry(yaw) Rx(-pitch), {_CAMERA}: another order than 300W-LP's",
            "yaw ±90",
            "class BIWI of deep-head-pose, code/datasets.py",
            (write_zyx, read_zyx),
        ),
        _convention(
            "hopenet",
            _YPR,
            "degrees",
            _SEEN,
            _OURS,
            "pitch ±90, trained to ±99",
            "labels of 300W-LP in deep-head-pose, code/datasets.py; FSA-Net's are the same",
            euler(("pan", "tilt", "roll"), (1, 1, 1)),
        ),
        _convention(
            "6drepnet",
            ("pitch", "yaw", "roll"),
            "degrees",
            _SEEN,
            _OURS,
            "yaw ±90",
            "sixdrepnet/utils.py: compute_euler_angles_from_rotation_matrices",
            euler(ANGLES, (1, 1, 1), quarter="pan"),
        ),
        _convention(
            "6drepnet-matrix",
            _NINE,
            "-",
            "identity looks into the camera",
            "R transposed = Rz(roll) Ry(yaw) Rx(pitch), y up, z to the viewer",
            "-",
            "sixdrepnet/utils.py: get_R",
            matrix(np.eye(3), np.eye(3), transposed=True),
        ),
        _convention(
            "whenet",
            _YPR,
            "degrees",
            _SEEN,
            _OURS,
            "pitch ±90, yaw whole turn",
            "WHENet's labels: 300W-LP, and CMU Panoptic made alike",
            euler(("pan", "tilt", "roll"), (1, 1, 1)),
        ),
        _convention(
            "directmhp",
            ("pitch", "yaw", "roll"),
            "degrees",
            _SEEN,
            _OURS,
            "pitch ±90, yaw whole turn",
            "DirectMHP, exps/CMU/data_statistic_hpe.py",
            euler(ANGLES, (1, 1, 1)),
        ),
        _convention(
            "dad-3dheads",
            _NINE,
            "-",
            "identity looks into the camera",
            "R: y up, z to the viewer",
            "-",
            "model_view_matrix; turned by D in DAD-3DHeads' benchmark.py",
            matrix(np.eye(3), np.eye(3), scaled=True),
        ),
        _convention(
            "mediapipe",
            _NINE,
            "-",
            "identity looks into the camera",
            "R, perhaps with a scale: y up, z to the viewer",
            "-",
            "facial_transformation_matrixes: from the canonical face to the metric space, "
            "docs of Face Mesh",
            matrix(np.eye(3), np.eye(3), scaled=True),
        ),
        _convention(
            "openface",
            ("pose_Rx", "pose_Ry", "pose_Rz"),
            "radians",
            "Rx down, Ry to the image's left, Rz clockwise",
            f"D R D = Rx(pose_Rx) Ry(pose_Ry) Rz(pose_Rz), {_CAMERA}",
            "pose_Ry ±90",
            "OpenFace 2, RotationHelpers.h and its Output Format page",
            euler(ANGLES, (-1, 1, 1), radians=True, quarter="pan"),
        ),
        _convention(
            "opencv",
            ("rvec_x", "rvec_y", "rvec_z"),
            "radians",
            "(pi, 0, 0) looks into the camera",
            f"D R as axis times angle: camera's axes ({_CAMERA}), model points y up, z out of "
            "the face",
            "-",
            "cv2.solvePnP with a model such as LearnOpenCV's; a model in the camera's axes "
            "gives biwi's matrix",
            (write_vector, read_vector),
        ),
    )
}


def conventions_table() -> str:
    """Returns all conventions as a Markdown table."""
    lines = [
        "| name | values | unit | positive | rotation | range | source |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for c in CONVENTIONS.values():
        columns = "r00 … r22 (row by row)" if c.columns == _NINE else ", ".join(c.columns)
        cells = (f"`{c.name}`", columns, c.unit, c.signs, c.order, c.whole_turn, c.source)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
