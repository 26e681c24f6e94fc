"""What is wrong with the angles of heads on a rig, by estimators that never saw it.

A rig of cameras photographs a head from known directions; a label is the camera's rotation
times the person's rest position. If a ring of cameras stands turned about the vertical
against what is thought, all labels of that ring are off by one angle; a rest position that
was measured wrongly turns all labels of a person. Estimators err too, but not by the same
angle on both sides: where several of them, trained on other data, are off by the same angle
at every camera of a ring, the labels are.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.spatial.transform import Rotation

from headpose.datasets.label_tables import Problems
from headpose.geometry.angles import rotation_matrices, whole_turn_angles

NEAR = 45  # degrees of azimuth within which cameras show enough of the face to judge by
LEVEL = 30  # degrees of elevation up to which rest positions are judged
NAME = r"(?P<who>\d+)_(?P<azimuth>[+-]\d+)_(?P<elevation>[+-]\d+)"  # FRMDB's file names


@dataclasses.dataclass(frozen=True)
class Rig:
    """The heads of a rig.

    Attributes:
        table: Labels, with `person`, and the camera's `camera_azimuth` and `camera_elevation`
            in degrees.
        labels: Rotations (N, 3, 3) of the labels.
        vertical: The rig's vertical axis as the head of each row sees it, (N, 3).
    """

    table: pd.DataFrame
    labels: np.ndarray
    vertical: np.ndarray

    @classmethod
    def of(cls, table: pd.DataFrame, problems: Problems) -> "Rig":
        """Returns the rig of a table whose files are named as FRMDB's.

        Rows of persons without a picture by the camera at 0, 0 are left out: by that the
        rest position is known.

        Args:
            table: With `file`, `person`, `tilt`, `pan`, `roll`.
            problems: Gets the files of rows that are left out.
        """
        whole = table[["tilt", "pan", "roll"]].notna().all(axis=1)
        _leave_out("no tilt, pan and roll", table[~whole], problems)
        table = table[whole]
        cameras = table["file"].str.extract(NAME)[["azimuth", "elevation"]].astype(float)
        table = table.assign(
            camera_azimuth=cameras["azimuth"], camera_elevation=cameras["elevation"]
        )
        named = table["camera_azimuth"].notna()
        _leave_out("no camera in its name, as 007_+045_+30", table[~named], problems)
        table = table[named]
        front = (table["camera_azimuth"] == 0) & (table["camera_elevation"] == 0)
        known = table["person"].isin(table.loc[front, "person"])
        told = "of a person without a picture from the front (+000_+00)"
        _leave_out(told, table[~known], problems)
        table, front = table[known].reset_index(drop=True), front[known]
        labels = rotation_matrices(table[["tilt", "pan", "roll"]].to_numpy())
        rest = {table["person"][i]: labels[i].T @ [0, 1, 0] for i in np.flatnonzero(front)}
        vertical = np.array([rest[person] for person in table["person"]]).reshape(-1, 3)
        return cls(table, labels, vertical)

    def taken(self, rows: np.ndarray) -> "Rig":
        """Returns some of the heads, in the order of their rows."""
        table = self.table.iloc[rows].reset_index(drop=True)
        return Rig(table, self.labels[rows], self.vertical[rows])

    @property
    def near(self) -> np.ndarray:
        """Which rows (N,) show enough of the face."""
        return (self.table["camera_azimuth"].abs() <= NEAR).to_numpy()


def _leave_out(kind: str, rows: pd.DataFrame, problems: Problems) -> None:
    for file in rows["file"]:
        problems.add(kind, str(file))


def ring_offsets(rig: Rig, told: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Returns the median angle about the vertical from labels to what each estimator tells.

    Args:
        rig: The heads.
        told: Rotations (N, 3, 3) of each estimator.

    Returns:
        Degrees, with a row for each ring of cameras (by elevation), a column for each
        estimator; only cameras that show enough of the face count.
    """
    labels = Rotation.from_matrix(rig.labels)
    rows = rig.table.loc[rig.near, ["camera_elevation"]].copy()
    for name, rotations in told.items():
        off = (labels.inv() * Rotation.from_matrix(rotations)).as_rotvec(degrees=True)
        rows[name] = (off * rig.vertical).sum(axis=1)[rig.near]
    return rows.groupby("camera_elevation").median()


def turned_rings(rig: Rig, offsets: pd.Series) -> np.ndarray:
    """Returns the labels (N, 3, 3) with rings (by elevation) turned by degrees."""
    angles = rig.table["camera_elevation"].map(offsets).to_numpy()
    turn = Rotation.from_rotvec(rig.vertical * angles[:, None], degrees=True)
    return rig.labels @ turn.as_matrix()


def rest_offsets(rig: Rig, labels: np.ndarray, told: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns each person's median rotation vector from labels to what estimators tell.

    Args:
        rig: The heads.
        labels: Rotations (N, 3, 3), perhaps of `turned_rings`.
        told: Rotations (N, 3, 3) of each estimator.

    Returns:
        Degrees about the head's x, y and z (N, 3), the same for all rows of a person.
    """
    level = (rig.table["camera_elevation"].abs() <= LEVEL).to_numpy() & rig.near
    back = Rotation.from_matrix(labels).inv()
    off = np.stack(
        [(back * Rotation.from_matrix(r)).as_rotvec(degrees=True) for r in told.values()], axis=1
    )
    result = np.zeros((len(labels), 3))
    for rows in rig.table.groupby("person").indices.values():
        judged = rows[level[rows]]
        if len(judged):
            result[rows] = np.median(off[judged].reshape(-1, 3), axis=0)
    return result


def with_rest(labels: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Returns labels (N, 3, 3) turned by rotation vectors (N, 3) in degrees."""
    return labels @ Rotation.from_rotvec(offsets, degrees=True).as_matrix()


def corrected_table(rig: Rig, labels: np.ndarray) -> pd.DataFrame:
    """Returns the table with the angles of other labels (N, 3, 3).

    The nose's direction, which follows from them, and the cameras' are left out.
    """
    gone = ["camera_azimuth", "camera_elevation", "azimuth", "elevation"]
    table = rig.table.drop(columns=gone, errors="ignore")
    table[["tilt", "pan", "roll"]] = whole_turn_angles(labels).round(2)
    return table
