"""Reading BIWI Kinect (Fanelli et al. 2013): folders `01` to `24` of a Kinect's frames.

`frame_NNNNN_rgb.png` is a picture; `frame_NNNNN_pose.txt` has three rows of a rotation
matrix and then the head's centre in mm, in the axes of the depth camera; `rgb.cal` has the
colour camera's intrinsic matrix, four numbers of distortion, rotation (3 x 3) and
translation (mm) from the depth camera, and the picture's size.
"""

import re
from pathlib import Path

import numpy as np

from headpose.datasets.label_tables import Problems
from headpose.datasets.pose_annotations import HEAD, PoseAnnotation, relative_name
from headpose.datasets.problem_kinds import MISSING_PICTURE
from headpose.errors import HeadposeError
from headpose.files import text_of
from headpose.geometry.conventions import from_convention

NAME = "biwi"
SEQUENCE = re.compile(r"^(0[1-9]|1\d|2[0-4])$")
FRAME = re.compile(r"^frame_(\d+)_(rgb\.png|pose\.txt)$", re.IGNORECASE)
CALIBRATION = "rgb.cal"
# A head's breadth and its height from chin to crown, mm: a median man's, NASA-STD-3000.
HEAD_SIZE = (155.0, 230.0)
NO_CALIBRATION = f"no {CALIBRATION} that can be read: heads have no place"
# The 70/30 protocol draws 16 of 24 sequences at random for training; nobody published which.
TEST_SEQUENCES = tuple(f"{n:02d}" for n in range(17, 25))


def read_biwi(source: str | Path) -> tuple[list[PoseAnnotation], Problems]:
    """Reads all sequences.

    Rotations are taken as FSA-Net's reader takes them: in the depth camera's axes, which
    are turned against the colour camera's by about a degree.

    Args:
        source: The folder that holds `01` to `24`, or `hpdb` with these.

    Returns:
        Frames with one head each, sorted by name, and what was left out. The box is an
        average head's about the centre as the colour camera sees it; NaN without `rgb.cal`.
        The subject is the sequence: four people have two.

    Raises:
        HeadposeError: If the folder is missing or has no frame with a pose.
    """
    source = Path(source)
    if not source.is_dir():
        raise HeadposeError(f"{source}: no such folder; name the one that holds 01 to 24")
    home = source / "hpdb" if (source / "hpdb").is_dir() else source
    problems = Problems()
    found = []
    for folder in sorted(f for f in home.iterdir() if f.is_dir() and SEQUENCE.match(f.name)):
        camera = _read_calibration(folder / CALIBRATION)
        if camera is None:
            problems.add(NO_CALIBRATION, folder.name)
        for frame, parts in _frames(folder, problems).items():
            shown = f"{folder.name}/frame_{frame}"
            if "rgb.png" not in parts:
                problems.add(MISSING_PICTURE, shown)
                continue
            if "pose.txt" not in parts:
                problems.add("picture without pose", shown)
                continue
            pose = _read_pose(parts["pose.txt"], shown, problems)
            if pose is None:
                continue
            angles, centre = pose
            picture = parts["rgb.png"]
            name = relative_name(picture, source, picture.name)
            box = _head_box(centre, camera)
            found.append(PoseAnnotation(picture, name, box, angles, NAME, folder.name, HEAD, True))
    if not found:
        told = "; ".join(problems.lines()) or "no folders 01 to 24 with frames"
        raise HeadposeError(f"{source}: not BIWI: {told}")
    return found, problems


def _frames(folder: Path, problems: Problems) -> dict[str, dict[str, Path]]:
    """Returns the files of each frame, by number and kind, in order.

    Of two that differ in upper case alone the one is taken that is called as BIWI calls it.
    """
    frames: dict[str, dict[str, Path]] = {}
    for file in sorted(folder.iterdir(), key=lambda file: (file.name.swapcase(), file)):
        if match := FRAME.match(file.name):
            parts = frames.setdefault(match[1], {})
            if parts.setdefault(match[2].lower(), file) != file:
                problems.add("second file of a frame", f"{folder.name}/{file.name}")
    return dict(sorted(frames.items()))


def _read_pose(path: Path, shown: str, problems: Problems) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns angles (1, 3) in degrees and the head's centre (3,) in mm."""
    values = _read_numbers(path)
    if values is None or len(values) != 12:
        problems.add("unreadable pose", shown)
        return None
    try:
        angles = from_convention(NAME, values[None, :9])
    except HeadposeError:
        problems.add("pose that is no rotation", shown)
        return None
    return angles, values[9:]


def _read_numbers(path: Path) -> np.ndarray | None:
    try:
        return np.array([float(word) for word in text_of(path, "latin-1").split()])
    except (OSError, ValueError):
        return None


def _read_calibration(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Returns the intrinsic matrix, the rotation (3, 3) and the translation (3,)."""
    values = _read_numbers(path)
    if values is None or len(values) != 27:
        return None
    camera, rotation = values[:9].reshape(3, 3), values[13:22].reshape(3, 3)
    return camera, rotation, values[22:25]


def _head_box(
    centre: np.ndarray, calibration: tuple[np.ndarray, np.ndarray, np.ndarray] | None
) -> np.ndarray:
    """Returns the box (1, 4) of an average head about its centre; NaN where unknown."""
    if calibration is not None and np.isfinite(centre).all():
        camera, rotation, translation = calibration
        x, y, depth = rotation @ centre + translation
        if depth > 0:
            (column, row), focal = (camera @ [x / depth, y / depth, 1])[:2], np.diag(camera)[:2]
            half = focal * HEAD_SIZE / depth / 2
            box = [column - half[0], row - half[1], column + half[0], row + half[1]]
            return np.array([box], np.float32)
    return np.full((1, 4), np.nan, np.float32)
