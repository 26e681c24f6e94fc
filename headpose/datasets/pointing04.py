"""Reading Pointing'04, the Head Pose Image Database (Gourier et al. 2004).

Folders `Person01` to `Person15` hold two series of 93 pictures each, whose names tell
the pose; a `.txt` beside a picture has the face's box. `Front/` repeats some of them.
"""

import re
from pathlib import Path

import numpy as np

from headpose.datasets.label_tables import Problems
from headpose.datasets.pose_annotations import FACE, PoseAnnotation, relative_name
from headpose.datasets.problem_kinds import MISSING_PICTURE
from headpose.errors import HeadposeError
from headpose.files import text_of

NAME = "pointing04"
# The persons that the shipped estimator is not trained on; it was chosen on the latter.
TEST_PERSONS = ("person03", "person08", "person13")
VALIDATION_PERSONS = ("person05", "person10")
FOLDER = re.compile(r"^person[ _]?\d\d?$", re.IGNORECASE)
FILE = re.compile(
    r"^person(ne)?(?P<id>0[1-9]|1[0-5])(?P<serie>[12])(?P<num>[0-9]{2})"
    r"(?P<tilt>[+-](0|15|30|60|90))(?P<pan>[+-](0|15|30|45|60|75|90))\.(jpg|txt)$"
)
# Lines of a box file: the picture's name, an empty one, "Face", then these.
BOX_LINES = slice(3, 7)  # centre x, centre y, width, height
# Kinds of problems of pictures that a detector may still crop.
NO_BOX, UNREADABLE_BOX = WITHOUT_BOX = "no rectangle", "unreadable rectangle"


def read_pointing04(source: str | Path) -> tuple[list[PoseAnnotation], Problems]:
    """Reads the pictures of all persons.

    The signs of tilt and pan are taken as the names give them; that pan's is the same as
    in AFLW is inferred, not documented. There is no roll.

    Args:
        source: The folder that holds `Person01` and so on.

    Returns:
        The pictures, each with one head, sorted by name, and what was left out. Where the
        box is missing it is NaN.

    Raises:
        HeadposeError: If the folder is missing or has no picture of the data set.
    """
    source = Path(source)
    if not source.is_dir():
        raise HeadposeError(
            f"{source}: no such folder; name the one that holds Person01 to Person15"
        )
    problems = Problems()
    found = []
    folders = sorted(f for f in source.iterdir() if f.is_dir() and FOLDER.fullmatch(f.name))
    for folder in folders:
        files = {f.name for f in folder.iterdir() if f.is_file()}
        for name in sorted(n for n in files if n.lower().endswith((".jpg", ".jpeg"))):
            path = folder / name
            shown = relative_name(path, source, name)
            parts, pose = FILE.fullmatch(name), pose_of(name)
            if parts is None or pose is None:
                problems.add("file name outside the grammar", shown)
                continue
            box = _read_box(path.with_suffix(".txt"), shown, problems)
            angles = np.array([[*pose, np.nan]])
            person = f"person{parts['id']}"
            found.append(PoseAnnotation(path, shown, box, angles, NAME, person, FACE, alone=True))
        for name in sorted(files):
            if FILE.fullmatch(name) and name.endswith(".txt") and f"{name[:-4]}.jpg" not in files:
                problems.add(MISSING_PICTURE, relative_name(folder / name, source, name))
    if not found:
        told = "; ".join(problems.lines()) or "no folders Person01 to Person15 with pictures"
        raise HeadposeError(f"{source}: not Pointing'04: {told}")
    return found, problems


def pose_of(name: str) -> tuple[float, float] | None:
    """Returns tilt and pan in degrees from a file name; None if it is no such name.

    At tilt -90 and +90 there is only pan 0.
    """
    match = FILE.fullmatch(name)
    if match is None:
        return None
    tilt, pan = float(match["tilt"]), float(match["pan"])
    return None if abs(tilt) == 90 and pan else (tilt + 0.0, pan + 0.0)


def _read_box(path: Path, shown: str, problems: Problems) -> np.ndarray:
    """Returns the box (1, 4) of a `.txt`, NaN if it has none."""
    try:
        lines = text_of(path, "latin-1").replace("\r\n", "\n").replace("\r", "\n")
        values = [float(line.strip()) for line in lines.split("\n")[BOX_LINES]]
        x, y, width, height = values
        if not (np.isfinite(values).all() and width > 0 and height > 0):
            raise ValueError
    except FileNotFoundError:
        problems.add(NO_BOX, shown)
    except (OSError, ValueError):
        problems.add(UNREADABLE_BOX, shown)
    else:
        corners = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        return np.array([corners], np.float32)
    return np.full((1, 4), np.nan, np.float32)
