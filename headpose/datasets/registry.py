"""The data sets that are read by name: their readers and what is customary about them."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from headpose.datasets import aflw, biwi, dad3dheads, direct_mhp, pointing04, w300lp
from headpose.datasets.label_tables import Problems
from headpose.datasets.pose_annotations import PoseAnnotation
from headpose.errors import HeadposeError

Reader = Callable[[Path], tuple[list[PoseAnnotation], Problems]]
FEWER = "fewer pictures than the whole set"


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A data set as it is read and, where papers report on it, measured on.

    Attributes:
        name: As the command line takes it.
        title: As its owners write it.
        reader: See `read_dataset`.
        pictures: How many pictures the reader gives of the whole set; 0 where parts differ.
        shows: What to name on the command line.
        protocol: What is measured by custom, and what the protocol leaves out.
        only: Subjects that belong to the protocol; empty for all.
        validation, test: Subjects of these parts in training; empty where every tenth
            subject is for validation and none for testing.
    """

    name: str
    title: str
    reader: Reader
    pictures: int
    shows: str
    protocol: str
    only: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()


_BEYOND = f"pictures with an angle beyond {w300lp.LARGEST_ANGLE:g} degrees"
DATASETS: dict[str, Dataset] = {
    d.name: d
    for d in (
        Dataset(
            "aflw", "AFLW", aflw.read_aflw, 0,
            f"its folder, {aflw.MAT} or {aflw.SQLITE}",
            "no split that all share; faces without a pose or a box are left out",
        ),
        Dataset(
            "pointing04", "Pointing'04", pointing04.read_pointing04, 2790,
            "the folder that holds Person01 to Person15",
            "tilt and pan in steps of 15 degrees; all heads count; there is no roll",
            validation=pointing04.VALIDATION_PERSONS,
            test=pointing04.TEST_PERSONS,
        ),
        Dataset(
            "pointing04-test",
            "Pointing'04, persons 3, 8 and 13",
            pointing04.read_pointing04,
            2790,
            "the folder that holds Person01 to Person15",
            "tilt and pan in steps of 15 degrees, of persons that the shipped estimator has "
            "not seen; there is no roll",
            only=pointing04.TEST_PERSONS,
        ),
        Dataset(
            "300w-lp", "300W-LP", w300lp.read_300w_lp, 0,
            "the folder that holds AFW, HELEN, IBUG, LFPW and their _Flip",
            f"for training; leaves out {_BEYOND}",
        ),
        Dataset(
            "aflw2000", "AFLW2000-3D", w300lp.read_aflw2000, 1969,
            "the folder with 2,000 pairs of .jpg and .mat",
            f"after training on 300W-LP; leaves out {_BEYOND}: 31 of 2,000",
        ),
        Dataset(
            "biwi", "BIWI Kinect", biwi.read_biwi, 15678,
            "the folder that holds 01 to 24, or hpdb",
            "after training on 300W-LP, all frames",
        ),
        Dataset(
            "biwi-30", "BIWI Kinect, 30 %", biwi.read_biwi, 0,
            "the folder that holds 01 to 24, or hpdb",
            "after training on the other 16 sequences; here 17 to 24 are the test, as papers "
            "do not tell which they drew",
            only=biwi.TEST_SEQUENCES,
        ),
        Dataset(
            "direct-mhp", "AGORA-HPE, CMU-HPE", direct_mhp.read_direct_mhp, 0,
            "a JSON file of DirectMHP",
            "whole turn; only heads that the detector finds count there (IoU 0.5)",
        ),
        Dataset(
            "dad-3dheads", "DAD-3DHeads", dad3dheads.read_dad3dheads, 0,
            "val.json or train.json, or the folder of one",
            "whole rotations only; the labels of its test part are not public",
        ),
    )
}  # fmt: skip
# What is found in the folder of each data set, to recognize one that was named wrongly.
_SIGNS = {
    "aflw": (aflw.MAT, aflw.SQLITE, f"data/{aflw.SQLITE}", f"data/{aflw.MAT}"),
    "pointing04": ("Person01", "Person02"),
    "300w-lp": ("AFW", "HELEN_Flip"),
    "aflw2000": ("image00002.mat", "AFLW2000/image00002.mat"),
    "biwi": ("01/frame_00003_rgb.png", "hpdb"),
    "dad-3dheads": ("val.json", "train.json", "val/val.json"),
    "direct-mhp": ("annotations",),
}


def find_dataset(name: str) -> Dataset:
    """Returns a data set by name.

    Raises:
        HeadposeError: If there is none of that name.
    """
    try:
        return DATASETS[name]
    except KeyError:
        known = ", ".join(DATASETS)
        raise HeadposeError(f"{name}: no such data set; name one of {known}") from None


def read_dataset(name: str, source: str | Path) -> tuple[list[PoseAnnotation], Problems]:
    """Reads a data set by name.

    Args:
        name: One of `DATASETS`.
        source: Where it is, see `Dataset.shows`.

    Returns:
        Its pictures, sorted by name, and what was left out. That less is there than the
        data set has is reported too.

    Raises:
        HeadposeError: If it is not there, or something else is: the data set that it looks
            like is named.
    """
    dataset = find_dataset(name)
    source = Path(source)
    try:
        pictures, problems = dataset.reader(source)
    except HeadposeError as error:
        seems = recognize(source)
        if seems is None or DATASETS[seems].reader is dataset.reader:
            raise
        raise HeadposeError(f"{error}; it looks like {seems}") from error
    if len(pictures) < dataset.pictures:
        problems.notes.append(f"{FEWER}: {len(pictures):,} of {dataset.pictures:,}")
    if dataset.only:
        pictures = [picture for picture in pictures if picture.subject in dataset.only]
        if not pictures:
            told = ", ".join(dataset.only)
            raise HeadposeError(f"{source}: has nothing of the protocol {name} ({told})")
    return pictures, problems


def recognize(source: Path) -> str | None:
    """Returns the name of the data set that a folder looks like; None if none."""
    if not source.is_dir():
        return None
    for name, signs in _SIGNS.items():
        if any((source / sign).exists() for sign in signs):
            return name
    return None
