"""Angles of heads of known boxes that several estimators agree on.

Two published ones, and one of ours if it is given.

Where both say that a head is turned by less than 45 degrees it is the mean of their
rotations, else WHENet's, which alone covers profiles; `disagreement` says how far they are
apart. Heads on which they differ by more than a label is worth are left out: at hard hats
that is most of them. FSA-Net and WHENet read AFLW2000-3D 1 degree too low in tilt, which is
added.

An estimator of ours is a third voice: the label is the mean of its answer and theirs. It also
stands in for FSA-Net where that disagrees, and vouches for backs, if it agrees with WHENet.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from headpose.baselines.registry import PeerEstimator
from headpose.datasets.detection_annotations import picture_folder
from headpose.datasets.label_tables import Problems
from headpose.datasets.picture_finder import with_found_files
from headpose.datasets.table_heads import in_picture, photo_of
from headpose.datasets.told_sizes import told_sizes
from headpose.geometry.angles import (
    flip,
    geodesic_distances,
    pitch_down,
    rotation_matrices,
    whole_turn_angles,
)
from headpose.geometry.boxes import COLUMNS
from headpose.geometry.convention_math import ANGLES
from headpose.geometry.crops import head_crops
from headpose.pose.estimator import PoseEstimator
from headpose.reporting import progress

WIDE = 45.0  # degrees of WHENet's pan, from which its label is taken alone
REACH = 100.0  # degrees of pan beyond which neither is trusted
APART, APART_WIDE = 22.0, 40.0  # degrees between the two, up to which a label is worth it
UNSTEADY = 25.0  # degrees between FSA-Net's answers to a crop and to its mirror image
WIDE_DISAGREEMENT = 0.6, 7.0  # of a profile: this share of what they differ, at least so much
TOO_LOW = 1.0  # degrees, see above
CLOSE = 15.0  # degrees between ours and WHENet, up to which FSA-Net is not needed
BACK_DISAGREEMENT = 12.0  # of a back, at least, degrees
FIELDS = (*COLUMNS, *ANGLES, "disagreement", "file")  # of the table of labels


def mean_rotation(*matrices: np.ndarray) -> np.ndarray:
    """Returns the rotations (N, 3, 3) nearest to the means of others, by singular values."""
    u, _, v = np.linalg.svd(np.mean(matrices, axis=0))
    proper = np.tile(np.eye(3), (len(u), 1, 1))
    proper[:, 2, 2] = np.linalg.det(u @ v)
    return u @ proper @ v


def usable(table: pd.DataFrame, min_side: int, max_heads: int, seed: int) -> pd.DataFrame:
    """Returns the heads that are large enough and no thin strips, of whole pictures.

    Args:
        table: With `file` and a box in each row.
        min_side: Of the longer side, pixels.
        max_heads: No more heads in all.
        seed: Which pictures are taken, if there are more.
    """
    table = table.dropna(subset=list(COLUMNS))
    extent = table[["xmax", "ymax"]].to_numpy() - table[["xmin", "ymin"]].to_numpy()
    long, short = extent.max(axis=1), extent.min(axis=1)
    table = table[(long >= min_side) & (short >= 0.5 * long)]
    files = table["file"].drop_duplicates().sample(frac=1, random_state=seed)
    total = table.groupby("file").size()[files].cumsum()
    return table[table["file"].isin(total.index[total <= max_heads])]


def answers(
    fsa_net: PeerEstimator,
    whenet: PeerEstimator,
    ours: PoseEstimator | None,
    picture: np.ndarray,
    boxes: np.ndarray,
) -> np.ndarray:
    """Returns rotations (N, 3 or 4, 3, 3) of heads.

    In this order: FSA-Net's, FSA-Net's of the mirror image, WHENet's, and ours if it is given.
    """
    crops = head_crops(picture, boxes, **fsa_net.crop_options)
    plain = rotation_matrices(fsa_net.estimate_all(crops))
    other = fsa_net.estimate_all(np.ascontiguousarray(crops[:, :, ::-1]))
    crops = head_crops(picture, boxes, **whenet.crop_options)
    told = [plain, rotation_matrices(flip(other)), rotation_matrices(whenet.estimate_all(crops))]
    if ours is not None:
        own = ours.estimate_all(head_crops(picture, boxes, **ours.crop_options))
        told.append(rotation_matrices(own[:, :3]))
    return np.stack(told, axis=1)


def label(told: np.ndarray) -> pd.DataFrame:
    """Returns tilt, pan, roll and disagreement in degrees of `answers`; NaN where left out."""
    fsa_net, whenet = mean_rotation(told[:, 0], told[:, 1]), told[:, 2]
    apart = geodesic_distances(fsa_net, whenet)
    pan = np.abs(whole_turn_angles(whenet)[:, 1])
    wide = pan > WIDE
    steady = geodesic_distances(told[:, 0], told[:, 1]) <= UNSTEADY
    agreed = (apart <= np.where(wide, APART_WIDE, APART)) & steady
    alone = wide | ~agreed  # where WHENet's answer is taken without FSA-Net's
    chosen = np.where(alone[:, None, None], whenet, mean_rotation(fsa_net, whenet))
    angles = pitch_down(whole_turn_angles(chosen), -TOO_LOW)
    if told.shape[1] == 4:
        ours, raised = told[:, 3], rotation_matrices(angles)
        from_ours = geodesic_distances(raised, ours)
        angles = whole_turn_angles(mean_rotation(raised, ours))
        vouched = from_ours <= np.where(wide, APART_WIDE, np.where(agreed, APART, CLOSE))
        agreed, apart = vouched, np.where(agreed, np.maximum(apart, from_ours), from_ours)
    else:
        agreed &= pan <= REACH
    share, floor = WIDE_DISAGREEMENT
    least = np.where(pan > REACH, BACK_DISAGREEMENT, floor)
    rows = pd.DataFrame(angles, columns=list(ANGLES))
    rows["disagreement"] = np.where(wide, np.maximum(share * apart, least), apart)
    rows[~agreed] = np.nan
    return rows.round(2)


def label_pictures(
    path: Path,
    table: pd.DataFrame,
    fsa_net: PeerEstimator,
    whenet: PeerEstimator,
    ours: PoseEstimator | None,
    problems: Problems,
) -> Iterator[pd.DataFrame]:
    """Labels the heads of a table, picture by picture.

    Args:
        path: Of the table, whose folder the pictures' names start from.
        table: Its rows, see `usable`.
        fsa_net, whenet: The two published ones.
        ours: A third one, if wanted.
        problems: Gets pictures that cannot be read, and boxes outside of theirs.

    Yields:
        `FIELDS` of each head of a picture that they agree on; `file` is the whole path.
    """
    folder = picture_folder(path, table["file"]).resolve()
    table = with_found_files(table, folder, problems)
    for file, rows in progress(table.groupby("file", sort=False), "pictures"):
        if (picture := photo_of(folder / str(file), problems)) is None:
            continue
        boxes = rows[list(COLUMNS)].to_numpy(np.float32)
        inside = in_picture(boxes, told_sizes(rows), picture, rows["file"].to_numpy(), problems)
        if not inside.any():
            continue
        place = rows.loc[inside, list(COLUMNS)].reset_index(drop=True)
        labels = label(answers(fsa_net, whenet, ours, picture, place.to_numpy(np.float32)))
        told = pd.concat([place, labels], axis=1).assign(file=str(folder / str(file)))
        yield told[list(FIELDS)].dropna()
