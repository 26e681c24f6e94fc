"""Reading AFLW (Koestinger et al. 2011): its `.mat` of poses, or its own `aflw.sqlite`."""

import math
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

from headpose.datasets.label_angles import check_radians
from headpose.datasets.label_tables import Problems
from headpose.datasets.matlab_files import load_mat
from headpose.datasets.picture_finder import PictureFinder, folder_of_most
from headpose.datasets.pose_annotations import PoseAnnotation, relative_name, usable_heads
from headpose.datasets.problem_kinds import MISSING_PICTURE
from headpose.errors import HeadposeError
from headpose.files import check_readable
from headpose.geometry.angles import wrap_degrees
from headpose.geometry.convention_math import ANGLES, within_quarter

NAME = "aflw"
MAT = "dataset_landmarks_and_pose_withfaceids.mat"
SQLITE = "aflw.sqlite"
LABEL_FILES = (MAT, SQLITE, f"data/{MAT}", f"data/{SQLITE}")
# Where pictures lie, from the labels' folder; AFLW unpacks to data/flickr/{0,2,3}.
PICTURE_FOLDERS = (".", "images", "flickr", "data/flickr", "data", "../data/flickr", "../images")
FIELDS = ("fileids", "bboxes", "pose")
TABLES = {
    "Faces": ("face_id", "file_id"),
    "FaceImages": ("file_id", "filepath"),
    "FacePose": ("face_id", "roll", "pitch", "yaw"),
    "FaceRect": ("face_id", "x", "y", "w", "h"),
}
LOCK_WAIT = 2.0  # seconds to wait for another program that writes to the database

# A label: picture name, box (4), angles (3) in our convention; NaN where unknown.
Label = tuple[str, list[float], list[float]]  # file, box, and roll, pitch, yaw in radians


def read_aflw(
    source: str | Path, pictures: str | Path | None = None
) -> tuple[list[PoseAnnotation], Problems]:
    """Reads AFLW's labels and finds its pictures.

    Angles are turned from AFLW's radians to the project's degrees; AFLW's roll is counted
    counter-clockwise and changes its sign.

    Args:
        source: The folder of the data set, or the `.mat` or `.sqlite` in it. Of a folder
            that has both, the `.mat` is read, as the published scripts do.
        pictures: The folder that picture names are relative to; found by itself if it is
            one of `PICTURE_FOLDERS`.

    Returns:
        Pictures with at least one usable head, sorted by name, and what was left out.

    Raises:
        HeadposeError: If the labels or all pictures are missing, or the labels are no AFLW.
    """
    source = Path(source)
    labels = find_labels(source)
    folder = source if source.is_dir() else source.parent
    problems = Problems()
    reader = read_mat if labels.suffix.lower() == ".mat" else read_sqlite
    by_name: dict[str, list[Label]] = {}
    for label in reader(labels, problems):
        by_name.setdefault(label[0], []).append(label)
    check_radians(labels, np.array([r[2] for rows in by_name.values() for r in rows], float))
    if not by_name:
        raise HeadposeError(f"{labels}: has no usable labels; {'; '.join(problems.lines())}")
    near = [labels.parent / place for place in PICTURE_FOLDERS]
    base = Path(pictures) if pictures else folder_of_most(near, by_name)
    finder = PictureFinder(base, by_name)
    found = []
    for name in sorted(by_name):
        path = finder.find(name, problems)
        if path is None:
            problems.add(MISSING_PICTURE, name)
            continue
        rows = by_name[name]
        poses = [our_angles(*row[2]) for row in rows]
        boxes, angles = usable_heads([row[1] for row in rows], poses, name, problems)
        if len(boxes):
            shown = relative_name(path, folder, name)
            found.append(PoseAnnotation(path, shown, boxes, angles, NAME))
    if not found:
        hint = "name their folder with --pictures" if MISSING_PICTURE in problems.by_kind else ""
        raise HeadposeError(f"{labels}: no usable picture in {base}; {problems.lines()[0]}; {hint}")
    return found, problems


def find_labels(source: Path) -> Path:
    """Returns the label file that `source` is or holds."""
    if source.is_file():
        return source
    if not source.exists():
        raise HeadposeError(
            f"{source}: no such file or folder; name AFLW's folder, .mat or .sqlite"
        )
    for name in LABEL_FILES:
        if (source / name).is_file():
            return source / name
    raise HeadposeError(f"{source}: neither {MAT} nor {SQLITE} in it; name the label file itself")


def our_angles(roll: float, pitch: float, yaw: float) -> list[float]:
    """Turns AFLW's radians to tilt, pan, roll in degrees; pan and roll in -180..180.

    AFLW counts roll counter-clockwise, this project clockwise. Of the two sets of angles of a
    rotation the one with a tilt within -90..90 is taken. A pitch beyond half a turn is none, nor
    is a yaw or roll beyond a whole one: NaN.
    """
    beyond = abs(yaw) > 2 * math.pi or abs(roll) > 2 * math.pi
    if beyond or not abs(pitch) <= math.pi:
        return [math.nan] * 3
    angles = np.degrees([[pitch, yaw, -roll]])
    angles[:, 1:] = wrap_degrees(angles[:, 1:])
    return [float(angle) for angle in within_quarter(angles, ANGLES.index("tilt"))[0]]


def read_mat(path: Path, problems: Problems) -> list[Label]:
    """Reads `fileids`, `bboxes` (xmin, ymin, xmax, ymax) and `pose` (roll, pitch, yaw).

    Raises:
        HeadposeError: If the file is no `.mat` that scipy reads, or lacks the fields.
    """
    wanted = f"name AFLW's {MAT}"
    content = load_mat(path, FIELDS, wanted)
    missing = [name for name in FIELDS if name not in content]
    if missing:
        raise HeadposeError(f"{path}: no field {', '.join(missing)}; {wanted}")
    names = [_text(entry) for entry in np.ravel(content["fileids"])]
    arrays = []
    for field, columns in (("bboxes", 4), ("pose", 3)):
        try:
            array = np.asarray(content[field], np.float64)
        except (TypeError, ValueError):
            array = np.zeros(0)
        if array.shape != (len(names), columns):
            shape = np.shape(content[field])
            raise HeadposeError(
                f"{path}: {field} must be {len(names)}x{columns} numbers, not {shape}; {wanted}"
            )
        arrays.append(array)
    labels = []
    for row, (name, box, pose) in enumerate(zip(names, *arrays, strict=True), 1):
        if name:
            labels.append((name, box.tolist(), pose.tolist()))
        else:
            problems.add("label without file name", f"row {row}")
    return labels


def _text(entry) -> str:
    """Unpacks a row of a char matrix, or a cell that holds one."""
    while isinstance(entry, np.ndarray) and entry.size:
        entry = entry.flat[0]
    return str(entry).strip() if isinstance(entry, str) else ""


def read_sqlite(path: Path, problems: Problems) -> list[Label]:
    """Reads the tables `Faces`, `FaceImages`, `FacePose` and `FaceRect`.

    Raises:
        HeadposeError: If the file is no SQLite database, is locked, or has other tables.
    """
    check_readable(path)
    uri = f"{path.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=LOCK_WAIT)) as database:
            tables = {
                table: database.execute(
                    f"SELECT {', '.join(columns)} FROM {table} ORDER BY rowid"
                ).fetchall()
                for table, columns in TABLES.items()
            }
    except sqlite3.Error as error:
        told = str(error)
        if "locked" in told:
            told += "; close the program that writes to it"
        elif "no such" in told:
            told += f"; it is not AFLW's {SQLITE}"
        elif "not a database" in told:
            told += f"; name AFLW's {SQLITE} or {MAT}"
        raise HeadposeError(f"{path}: {told}") from error
    files = dict(tables["FaceImages"])
    poses = _by_face(tables["FacePose"], "pose", problems)
    boxes = _by_face(tables["FaceRect"], "rectangle", problems)
    labels = []
    for face, file in tables["Faces"]:
        name = str(files.get(file) or "").strip()
        if not name:
            problems.add("label without file name", f"face {face}")
            continue
        x, y, width, height = _numbers(boxes.get(face), 4)
        labels.append((name, [x, y, x + width, y + height], _numbers(poses.get(face), 3)))
    return labels


def _by_face(rows: list[tuple], what: str, problems: Problems) -> dict:
    """Keeps the first row of each face."""
    result: dict = {}
    for face, *values in rows:
        if face in result:
            problems.add(f"face with a second {what}, the first is taken", f"face {face}")
        else:
            result[face] = values
    return result


def _numbers(values: list | None, count: int) -> list[float]:
    """Returns numbers with NaN for whatever is none: SQLite puts anything in any column."""
    numeric = [v if isinstance(v, (int, float)) else np.nan for v in values or []]
    return numeric or [np.nan] * count
