"""Who counts head angles how: a row for each tool and data set.

With x to the image's right, y up and z toward the viewer, this project's rotation of a
head is R = Rx(-tilt) Ry(-pan) Rz(-roll), see `headpose.geometry.angles`. D = diag(1, -1, -1)
leads to cameras' axes, x right, y down, z away from the viewer, and back.
"""

import dataclasses
from collections.abc import Callable
from functools import partial

import numpy as np

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
        converters: Gives `write` and `read`.
    """

    name: str
    columns: tuple[str, ...]
    unit: str
    signs: str
    order: str
    whole_turn: str
    source: str
    converters: Callable[[], tuple[Converter, Converter]]

    @property
    def write(self) -> Converter:
        """Turns tilt, pan, roll (N, 3) in degrees to the values (N, K)."""
        return self.converters()[0]

    @property
    def read(self) -> Converter:
        """Turns the values (N, K) to tilt, pan, roll (N, 3) in degrees."""
        return self.converters()[1]


_SEEN = "pan to the image's left, tilt up, roll clockwise"


_OURS = "Rx(-tilt) Ry(-pan) Rz(-roll), y up, z to the viewer"


_CAMERA = "y down, z away"


_NINE = tuple(f"r{row}{column}" for row in range(3) for column in range(3))


_YPR = ("yaw", "pitch", "roll")


CONVENTIONS: dict[str, AngleConvention] = {
    c.name: c
    for c in (
        AngleConvention(
            "headpose",
            ANGLES,
            "degrees",
            _SEEN,
            _OURS,
            "tilt ±90",
            "headpose/geometry/angles.py",
            partial(euler, ANGLES, (1, 1, 1)),
        ),
        AngleConvention(
            "aflw",
            ("roll", "pitch", "yaw"),
            "radians",
            "yaw to the image's left, pitch up, roll counter-clockwise",
            "Rx(-pitch) Ry(-yaw) Rz(roll), y up, z to the viewer; its order is not documented",
            "pitch ±90",
            "columns of AFLW's FacePose; Hopenet's reader turns roll, too",
            partial(euler, ("roll", "tilt", "pan"), (-1, 1, 1), radians=True),
        ),
        AngleConvention(
            "300w-lp",
            ("pitch", "yaw", "roll"),
            "radians",
            _SEEN,
            _OURS,
            "pitch ±90",
            "Pose_Para[:3] of 300W-LP and AFLW2000-3D; order: 3DDFA's RotationMatrix",
            partial(euler, ANGLES, (1, 1, 1), radians=True),
        ),
        AngleConvention(
            "biwi",
            _NINE,
            "-",
            "identity looks into the camera",
            f"D R D: {_CAMERA}",
            "-",
            "frame_*_pose.txt; read so by FSA-Net's TYY_create_db_biwi.py",
            partial(matrix, TO_CAMERA, TO_CAMERA),
        ),
        AngleConvention(
            "biwi-hopenet",
            _YPR,
            "degrees",
            _SEEN,
            f"D R D = Rz(roll) Ry(yaw) Rx(-pitch), {_CAMERA}: another order than 300W-LP's",
            "yaw ±90",
            "class BIWI of deep-head-pose, code/datasets.py",
            lambda: (write_zyx, read_zyx),
        ),
        AngleConvention(
            "hopenet",
            _YPR,
            "degrees",
            _SEEN,
            _OURS,
            "pitch ±90, trained to ±99",
            "labels of 300W-LP in deep-head-pose, code/datasets.py; FSA-Net's are the same",
            partial(euler, ("pan", "tilt", "roll"), (1, 1, 1)),
        ),
        AngleConvention(
            "6drepnet",
            ("pitch", "yaw", "roll"),
            "degrees",
            _SEEN,
            _OURS,
            "yaw ±90",
            "sixdrepnet/utils.py: compute_euler_angles_from_rotation_matrices",
            partial(euler, ANGLES, (1, 1, 1), quarter="pan"),
        ),
        AngleConvention(
            "6drepnet-matrix",
            _NINE,
            "-",
            "identity looks into the camera",
            "R transposed = Rz(roll) Ry(yaw) Rx(pitch), y up, z to the viewer",
            "-",
            "sixdrepnet/utils.py: get_R",
            partial(matrix, np.eye(3), np.eye(3), transposed=True),
        ),
        AngleConvention(
            "whenet",
            _YPR,
            "degrees",
            _SEEN,
            _OURS,
            "pitch ±90, yaw whole turn",
            "WHENet's labels: 300W-LP, and CMU Panoptic made alike",
            partial(euler, ("pan", "tilt", "roll"), (1, 1, 1)),
        ),
        AngleConvention(
            "directmhp",
            ("pitch", "yaw", "roll"),
            "degrees",
            _SEEN,
            _OURS,
            "pitch ±90, yaw whole turn",
            "DirectMHP, exps/CMU/data_statistic_hpe.py",
            partial(euler, ANGLES, (1, 1, 1)),
        ),
        AngleConvention(
            "dad-3dheads",
            _NINE,
            "-",
            "identity looks into the camera",
            "R: y up, z to the viewer",
            "-",
            "model_view_matrix; turned by D in DAD-3DHeads' benchmark.py",
            partial(matrix, np.eye(3), np.eye(3), scaled=True),
        ),
        AngleConvention(
            "mediapipe",
            _NINE,
            "-",
            "identity looks into the camera",
            "R, perhaps with a scale: y up, z to the viewer",
            "-",
            "facial_transformation_matrixes: from the canonical face to the metric space, "
            "docs of Face Mesh",
            partial(matrix, np.eye(3), np.eye(3), scaled=True),
        ),
        AngleConvention(
            "openface",
            ("pose_Rx", "pose_Ry", "pose_Rz"),
            "radians",
            "Rx down, Ry to the image's left, Rz clockwise",
            f"D R D = Rx(pose_Rx) Ry(pose_Ry) Rz(pose_Rz), {_CAMERA}",
            "pose_Ry ±90",
            "OpenFace 2, RotationHelpers.h and its Output Format page",
            partial(euler, ANGLES, (-1, 1, 1), radians=True, quarter="pan"),
        ),
        AngleConvention(
            "opencv",
            ("rvec_x", "rvec_y", "rvec_z"),
            "radians",
            "(pi, 0, 0) looks into the camera",
            f"D R as axis times angle: camera's axes ({_CAMERA}), model points y up, z out of "
            "the face",
            "-",
            "cv2.solvePnP with a model such as LearnOpenCV's; a model in the camera's axes "
            "gives biwi's matrix",
            lambda: (write_vector, read_vector),
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
