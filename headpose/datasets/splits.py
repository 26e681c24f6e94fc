"""Pose classes, and the division of crops into training, validation and test.

Two protocols:

`grouped` keeps whatever belongs together in one part: all crops of a person where persons
are known (Pointing'04), else all crops of a picture (AFLW). Persons may be named for the
test part, where others measure on the same ones.

`original` repeats the published one, for comparing figures with the paper's: mirror images
are rows of their own, and rows are drawn at random, so that a test row's mirror image or
repeat is mostly among the training rows. Its figures are too good.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from headpose.datasets.label_tables import PARTS
from headpose.errors import HeadposeError

PROTOCOLS = ("grouped", "original")


def pose_classes(
    table: pd.DataFrame, splits_tilt: int = 8, splits_pan: int = 8, seed: int = 0
) -> np.ndarray:
    """Divides rows into classes of equal size: by pan, then each of these by tilt.

    Equal angles on a class limit are divided at random: in the order of the rows, the
    persons of a data set with few different angles would fall into different classes.

    Args:
        table: N rows with `tilt` and `pan`, degrees.
        splits_tilt: Classes of tilt in each class of pan.
        splits_pan: Classes of pan.
        seed: Of the random order.

    Returns:
        int64 (N,), pan class * `splits_tilt` + tilt class. Sizes differ by at most 1 for
        the classes of pan, and again for those of tilt.
    """
    random = np.random.default_rng(seed)
    classes = np.zeros(len(table), np.int64)
    tilt, pan = table["tilt"].to_numpy(float), table["pan"].to_numpy(float)
    by_pan = np.lexsort((random.random(len(table)), pan))
    for i, chosen in enumerate(np.array_split(by_pan, splits_pan)):
        by_tilt = chosen[np.lexsort((random.random(len(chosen)), tilt[chosen]))]
        for j, rows in enumerate(np.array_split(by_tilt, splits_tilt)):
            classes[rows] = i * splits_tilt + j
    return classes


def groups(table: pd.DataFrame) -> np.ndarray:
    """Returns a number (N,) for each row, equal for rows that may not be divided."""
    subject = table["subject"].fillna("").astype(str)
    unit = subject.where(subject != "", table["source"].astype(str))
    return pd.factorize(table["dataset"].astype(str) + "\n" + unit)[0]


def split(
    table: pd.DataFrame,
    protocol: str = "grouped",
    test_ratio: float = 0.2,
    validation_ratio: float = 0.2,
    seed: int = 0,
    test_subjects: Sequence[str] = (),
) -> np.ndarray:
    """Divides rows into parts.

    Args:
        table: N rows with `class`, `dataset`, `source` and `subject`.
        protocol: One of `PROTOCOLS`.
        test_ratio: Share of all rows, 0..1.
        validation_ratio: Share of what remains, 0..1.
        seed: The same seed and table give the same parts.
        test_subjects: Persons whose rows make the test part, instead of `test_ratio`;
            `grouped` only.

    Returns:
        (N,) names of parts.

    Raises:
        HeadposeError: If there are too few rows or groups, or a subject is not there.
    """
    if test_subjects:
        return _with_test_subjects(table, protocol, validation_ratio, seed, test_subjects)
    divide = {"grouped": _grouped, "original": _original}[protocol]
    parts = divide(table, test_ratio, validation_ratio, np.random.default_rng(seed))
    if not (parts == "train").any():
        raise HeadposeError("too few pictures to divide: nothing is left for training")
    return parts


def _with_test_subjects(
    table: pd.DataFrame, protocol: str, validation_ratio: float, seed: int, names: Sequence[str]
) -> np.ndarray:
    """Divides rows with the test persons named; the others are divided as ever."""
    if protocol != "grouped":
        raise HeadposeError(f"named test subjects need the split grouped, not {protocol}")
    subjects = table["subject"].fillna("").astype(str)
    known = sorted(set(subjects) - {""})
    if missing := [name for name in names if name not in known]:
        told = ", ".join(known[:20]) or "none known"
        raise HeadposeError(f"{', '.join(missing)}: no such subject with a head; there are {told}")
    tested = subjects.isin(names).to_numpy()
    parts = np.full(len(table), "test", dtype="<U10")
    if not tested.all():
        parts[~tested] = split(table[~tested], protocol, 0.0, validation_ratio, seed)
    return parts


def _grouped(table, test_ratio, validation_ratio, random) -> np.ndarray:
    """Stratified by data set and class as far as the groups allow.

    The groups of a data set are lined up by class, at random within a class, and each
    goes to the part that is furthest behind its share of the rows so far. So every
    stretch of the line, and with it every class, is divided in the shares asked for.
    """
    rest = 1 - test_ratio
    shares = np.array([rest * (1 - validation_ratio), rest * validation_ratio, test_ratio])
    frame = pd.DataFrame({"group": groups(table), "class": table["class"].to_numpy()})
    by_group = frame.groupby("group")["class"]
    typical = by_group.agg(_typical).to_numpy()
    sizes = by_group.size().to_numpy()
    dataset = pd.factorize(table["dataset"].to_numpy()[~frame["group"].duplicated()])[0]
    part_of = np.zeros(len(sizes), int)
    order = np.lexsort((random.random(len(sizes)), typical, dataset))
    for members in np.split(order, np.flatnonzero(np.diff(dataset[order])) + 1):
        filled = np.zeros(len(PARTS))
        for group in members:
            behind = shares * (filled.sum() + sizes[group]) - filled
            part_of[group] = np.argmax(np.where(shares > 0, behind, -np.inf))
            filled[part_of[group]] += sizes[group]
    return np.array(PARTS)[part_of[frame["group"].to_numpy()]]


def _typical(classes: pd.Series) -> int:
    """Returns the class of half of a group's heads or more; -1 if they are too mixed."""
    values, counts = np.unique(classes, return_counts=True)
    best = counts.argmax()
    return int(values[best]) if 2 * counts[best] >= len(classes) else -1


def _original(table, test_ratio, validation_ratio, random) -> np.ndarray:
    from sklearn.model_selection import train_test_split

    classes = table["class"].to_numpy()
    parts = np.full(len(table), PARTS[0], dtype="<U10")
    rest = np.arange(len(table))
    for part, ratio in (("test", test_ratio), ("validation", validation_ratio)):
        if ratio == 0:
            continue
        try:
            rest, drawn = train_test_split(
                rest,
                test_size=ratio,
                stratify=classes[rest],
                random_state=int(random.integers(2**31)),
            )
        except ValueError as error:
            raise HeadposeError(
                f"too few rows ({len(rest)}) for a {part} part stratified by "
                f"{len(np.unique(classes))} classes; use fewer --splits-tilt and --splits-pan"
            ) from error
        parts[drawn] = part
    return parts


def with_repeats(table: pd.DataFrame) -> pd.DataFrame:
    """Repeats rows of smaller data sets until all are as large as the largest.

    The published system did so with Pointing'04. Whole repeats come first; the rest is
    taken evenly from the rows in the order of their poses, so that the distribution of
    poses stays. Repeats name the same crop.
    """
    largest = table.groupby("dataset").size().max()
    result = [table]
    for _, rows in table.groupby("dataset", sort=False):
        whole, rest = divmod(largest - len(rows), len(rows))
        by_pose = rows.sort_values(["tilt", "pan"], kind="stable")
        evenly = by_pose.iloc[np.arange(rest) * len(rows) // max(rest, 1)]
        result += [*[rows] * whole, evenly]
    return pd.concat(result, ignore_index=True)


def shared(table: pd.DataFrame, parts: np.ndarray) -> dict[str, dict[str, int]]:
    """Counts what the validation and test parts have in common with training.

    Returns:
        For `validation` and `test`: `rows`; `same picture`, how many of them show a
        picture that a training row shows too (as it is, mirrored or repeated); and `same
        person`, how many show a person, where known, of whom training rows have pictures.
    """
    picture = table["dataset"].astype(str) + "\n" + table["source"].astype(str)
    subject = table["subject"].fillna("").astype(str)
    person = table["dataset"].astype(str) + "\n" + subject
    train = parts == "train"
    result = {}
    for part in PARTS[1:]:
        chosen = parts == part
        known = chosen & (subject != "").to_numpy()
        result[part] = {
            "rows": int(chosen.sum()),
            "same picture": int(picture[chosen].isin(picture[train]).sum()),
            "same person": int(person[known].isin(person[train]).sum()),
        }
    return result
