"""Which heads of one clean data set stand in another, and the subset that they make."""

import dataclasses
import shutil
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from headpose.datasets import crop_dataset as cd
from headpose.datasets import crop_writing
from headpose.datasets.clean_folder import CleanFolder
from headpose.datasets.crop_dataset import SUMMARY, boxes_are_faces, read_summary
from headpose.detection.viola_jones import face_to_head
from headpose.errors import HeadposeError, reason
from headpose.files import sole_user, writable_folder, write_json
from headpose.files.places import disk_errors
from headpose.geometry.boxes import COLUMNS, assign, iou
from headpose.reporting import progress

SAME_HEAD_IOU = 0.3  # of head boxes; on HELEN our detector's and the cascades' have 0.4 or more
SAME_ANGLE = 0.01  # degrees; both data sets are cut from the same labels
PLACED = ("source", "dataset", *COLUMNS)
BY_BOX, BY_ANGLES = "picture and box", "angles"


@dataclasses.dataclass
class CleanTable:
    """The rows of a clean folder.

    Attributes:
        folder: Where it is.
        rows: Its tables, one after the other, with a column `part`.
        heads: Its distinct crops, with head boxes where they have boxes.
        summary: How it was made; empty where nothing tells.
    """

    folder: Path
    rows: pd.DataFrame
    heads: pd.DataFrame
    summary: dict


@dataclasses.dataclass
class Matches:
    """Which heads belong together.

    Attributes:
        pairs: File of the second data set by file of the reference.
        how: `BY_BOX` or `BY_ANGLES`.
        counts: What to report, by name. Of both data sets `matched` and the rest add up.
    """

    pairs: dict[str, str]
    how: str
    counts: dict[str, int]


def read_clean_table(folder: str | Path) -> CleanTable:
    """Reads the tables of a clean folder.

    Raises:
        HeadposeError: If one is missing or damaged, or there is no row.
    """
    folder = Path(folder)
    parts = [cd.read_table(cd.table_path(folder, part)).assign(part=part) for part in cd.PARTS]
    rows = pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True)
    if rows.empty:
        raise HeadposeError(f"{folder}: has no rows; clean anew")
    summary = read_summary(folder)
    heads = rows.drop_duplicates("file").reset_index(drop=True)
    if "mirrored" not in heads:
        heads["mirrored"] = 0
    if set(COLUMNS) <= set(heads) and boxes_are_faces(summary):
        heads[list(COLUMNS)] = face_to_head(heads[list(COLUMNS)].to_numpy(np.float64))
    return CleanTable(folder, rows, heads, summary)


def match_by_box(
    reference: CleanTable, second: CleanTable, minimum_iou: float = SAME_HEAD_IOU
) -> Matches:
    """Pairs heads of the same picture, labels and place, one to one.

    A mirror image is paired with a mirror image.

    Raises:
        HeadposeError: If one of the data sets does not say where its heads are.
    """
    for table in (reference, second):
        missing = [c for c in PLACED if c not in table.heads or _has_gaps(table.heads[c])]
        if missing:
            raise HeadposeError(
                f"{table.folder}: does not tell {', '.join(missing)} of all its heads; "
                "match with --by-angles"
            )
    keys = ["dataset", "source", "mirrored"]
    others = dict(list(second.heads.groupby(keys, sort=False)))
    pairs: dict[str, str] = {}
    pictures, elsewhere = 0, 0
    for key, ours in reference.heads.groupby(keys, sort=False):
        theirs = others.get(key)
        if theirs is None:
            continue
        pictures += 1
        score = iou(_boxes(ours), _boxes(theirs))
        same_label = _same_label(ours, theirs)
        # Boxes of neighbouring heads overlap: the label says which of them it is.
        first, then = assign(score * same_label, minimum_iou)
        pairs.update(zip(ours["file"].iloc[first], theirs["file"].iloc[then], strict=True))
        elsewhere += int((same_label.any(axis=1)).sum()) - len(first)
    counts = _counts(reference, second, pairs)
    counts["pictures in both (mirror images count on their own)"] = pictures
    counts["same picture and labels, but at another place"] = elsewhere
    return Matches(pairs, BY_BOX, counts)


def _has_gaps(column: pd.Series) -> bool:
    return bool((column.isna() | (column == "")).any())


def _boxes(heads: pd.DataFrame) -> np.ndarray:
    return heads[list(COLUMNS)].to_numpy(np.float32)


def _same_label(first: pd.DataFrame, second: pd.DataFrame) -> np.ndarray:
    angles = [h[["tilt", "pan"]].to_numpy(float) for h in (first, second)]
    return (np.abs(angles[0][:, None] - angles[1][None]) <= SAME_ANGLE).all(axis=2)


def match_by_angles(reference: CleanTable, second: CleanTable) -> Matches:
    """Pairs heads whose tilt and pan are equal, in the order of the tables, one to one.

    The published comparison did so. Heads that share their angles with others are paired
    by chance; how many these are is counted.
    """
    waiting: dict[tuple, list[str]] = defaultdict(list)
    keys_of_second = _angle_keys(second.heads)
    for key, file in zip(keys_of_second, second.heads["file"], strict=True):
        waiting[key].append(file)
    seconds = Counter(keys_of_second)
    keys = _angle_keys(reference.heads)
    references = Counter(keys)
    taken: Counter[tuple] = Counter()
    pairs, certain = {}, 0
    for key, file in zip(keys, reference.heads["file"], strict=True):
        place = taken[key]
        if place < seconds[key]:
            taken[key] += 1
            pairs[file] = waiting[key][place]
            certain += references[key] == seconds[key] == 1
    counts = _counts(reference, second, pairs)
    shared = references.keys() & seconds.keys()
    several = [key for key in shared if references[key] > 1 or seconds[key] > 1]
    counts["matched by angles that one head of each has"] = certain
    counts["matched by chance, of several heads with these angles"] = len(pairs) - certain
    counts["pairs of angles in both"] = len(shared)
    counts["pairs of angles that several heads have"] = len(several)
    if {"source", "dataset"} <= set(reference.heads) & set(second.heads):
        counts["matched, but of different pictures"] = _of_different_pictures(
            reference, second, pairs
        )
    return Matches(pairs, BY_ANGLES, counts)


def _angle_keys(heads: pd.DataFrame) -> list[tuple[float, float]]:
    # Adding 0 turns -0 into 0.
    angles = np.round(heads[["tilt", "pan"]].to_numpy(float), 4) + 0.0
    return list(map(tuple, angles))


def _of_different_pictures(reference: CleanTable, second: CleanTable, pairs: dict) -> int:
    pictures = [
        dict(zip(t.heads["file"], t.heads["dataset"] + "\n" + t.heads["source"], strict=True))
        for t in (reference, second)
    ]
    return sum(pictures[0][ours] != pictures[1][theirs] for ours, theirs in pairs.items())


def _counts(reference: CleanTable, second: CleanTable, pairs: dict) -> dict[str, int]:
    return {
        "heads of the reference": len(reference.heads),
        "heads of the second": len(second.heads),
        "matched": len(pairs),
        "only in the reference": len(reference.heads) - len(pairs),
        "only in the second": len(second.heads) - len(pairs),
    }


def write_matched(
    reference: CleanTable,
    second: CleanTable,
    matches: Matches,
    destination: CleanFolder,
    overwrite: bool,
) -> dict[str, int]:
    """Writes the second data set's crops of the matched heads as a clean folder.

    Rows, repeats and parts follow the reference: a head that belongs to its test part
    is a test head here too, so that what was trained on the reference can be tested.

    Args:
        reference: As given to the matching.
        second: The same.
        matches: Its result.
        destination: Where to.
        overwrite: Whether to remove earlier results there first.

    Returns:
        The number of rows of each part.

    Raises:
        HeadposeError: If no head is in both data sets, or something cannot be read or written.
    """
    if not matches.pairs:
        raise HeadposeError(
            f"{reference.folder} and {second.folder} have no head in common by {matches.how}"
        )
    strange = [f for f in matches.pairs.values() if Path(f).parent != Path(cd.CROPS)]
    if strange:
        raise HeadposeError(
            f"{second.folder}: {strange[0]} is not in its folder {cd.CROPS}; clean anew"
        )
    names = {"reference": reference.folder.name, "second": second.folder.name}
    options = names | {"by": matches.how}
    with sole_user(writable_folder(destination.path)):
        return _write(reference, second, matches, destination, overwrite, options)


def _write(
    reference: CleanTable,
    second: CleanTable,
    matches: Matches,
    destination: CleanFolder,
    overwrite: bool,
    options: dict,
) -> dict[str, int]:
    destination.start(options, overwrite)
    rows = reference.rows[reference.rows["file"].isin(matches.pairs)]
    chosen = second.rows.drop_duplicates("file").set_index("file")
    table = chosen.loc[rows["file"].map(matches.pairs)].reset_index()
    table = table.reindex(columns=list(cd.COLUMNS))
    files = table["file"].drop_duplicates()
    for name in progress(files, "crops", total=len(files)):
        source, target = second.folder / name, destination.path / name
        try:
            with disk_errors(target, target):
                shutil.copyfile(source, target)
        except OSError as error:
            raise HeadposeError(f"cannot copy {source}: {reason(error)}") from error
    parts = rows["part"].to_numpy()
    if (parts == "train").any():
        crop_writing.write_norm(destination.path, table[parts == "train"])
    crop_writing.write_tables(destination.path, table, parts)
    by_part = {part: int((parts == part).sum()) for part in cd.PARTS}
    summary = {
        "options": second.summary.get("options", {}),
        "matched": options | {"counts": matches.counts},
        "split": {"protocol": "that of the reference"},
        "rows": by_part,
    }
    write_json(destination.path / SUMMARY, summary)
    destination.journal.unlink()
    return by_part
