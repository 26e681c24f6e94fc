"""MediaPipe's Face Mesh as an estimator: 468 landmarks in space, and the rotation that they have.

The network is a file inside the package `mediapipe` up to version 0.10.21; OpenCV runs it,
so that the package need not be installed: its wheel is enough.
"""

import hashlib
import importlib.util
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from headpose.errors import HeadposeError, first_line
from headpose.geometry.angles import angles_of
from headpose.models.keras_setup import silence
from headpose.parallel.locking import one_at_a_time

# What follows is read in github.com/google-ai-edge/mediapipe: face_landmark_front_cpu.pbtxt,
# face_landmark_landmarks_to_roi.pbtxt, tensors_to_face_landmarks.pbtxt.
MODEL = "mediapipe/modules/face_landmark/face_landmark.tflite"
SIDE = 192  # of the network's input, pixels
LANDMARKS = 468
ROI = 1.5  # side of the square that it is given, in longer sides of the landmarks' box
# Outer corners of the eyes, whose line is level in that square: the image's left one first.
EYES = (33, 263)
# Landmarks that mirror each other: the image's left of a frontal face, and its right. Corners
# of the eyes and the mouth, sides of the nose, temples, rims of the face at eyes and mouth.
PAIRS = np.array([EYES, (133, 362), (61, 291), (129, 358), (127, 356), (234, 454), (132, 361)])
FOREHEAD, CHIN = 10, 152
ROUNDS = 2  # how often the square is laid anew about the landmarks, as from frame to frame
MAX_BYTES = 50e6  # the file has 1.2 MB
NEWEST = "0.10.21"  # the last version with the file in it
# Of the file in that version. Nothing else is opened: OpenCV crashes on damaged files.
SHA256 = "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814"
HOW = (
    f"`pip download --no-deps --only-binary=:all: --python-version 3.12 mediapipe=={NEWEST}` "
    "gets the wheel, which mediapipe=WHEEL names"
)


class FaceMesh:
    """Face Mesh behind the calls of `headpose.pose.estimator.PoseEstimator`.

    It begins with the head's crop where MediaPipe begins with what its face detector finds,
    then lays the square about the landmarks as MediaPipe does. The rotation is that of the
    landmarks themselves, seen without perspective: MediaPipe's own matrix (of its Face
    Landmarker) fits a model of a face to them instead, for a camera that sees the whole picture.
    Angles are told of every crop; MediaPipe itself says nothing of heads without a face.

    Args:
        place: See `read_network`.

    Attributes:
        size, side, margin: Of the crops: wide enough for the square of a turned head.
        grey: False: it takes crops in colour.
        outputs: 3, for tilt, pan and roll.

    Raises:
        HeadposeError: If there is no such file or it is no such network.
    """

    size, side, margin = 256, "long", 1.4
    grey = False
    outputs = 3

    def __init__(self, place: Path | None = None):
        name, content = read_network(place)
        if hashlib.sha256(content).hexdigest() != SHA256:
            raise HeadposeError(f"{name}: not the file of Face Mesh in mediapipe {NEWEST}; {HOW}")
        with silence():  # OpenCV tells what it does not know
            self._network = cv2.dnn.readNetFromTFLite(np.frombuffer(content, np.uint8))
        self._names = self._network.getUnconnectedOutLayersNames()
        self._landmarks_of = one_at_a_time(self._landmarks)

    def estimate_all(self, crops: np.ndarray) -> np.ndarray:
        """Returns tilt, pan, roll (N, 3) in degrees of crops (N, S, S, 3), BGR, 0..255."""
        told = [rotation(self.landmarks(crop)) for crop in crops]
        if not told:
            return np.zeros((0, self.outputs), np.float32)
        return angles_of(np.stack(told)).astype(np.float32)

    def landmarks(self, crop: np.ndarray) -> np.ndarray:
        """Returns the landmarks (468, 3) of a crop (S, S, 3), BGR, in its pixels.

        x goes right, y down, z away from the viewer, in the scale of x.
        """
        side = len(crop)
        points = self._landmarks_of(crop, (side / 2, side / 2), side, 0.0)
        for _ in range(ROUNDS):
            points = self._landmarks_of(crop, *roi(points))
        return points

    def _landmarks(self, crop, centre, side, angle) -> np.ndarray:
        """Asks about the square of that centre (x, y), side and angle (radians, clockwise)."""
        scale = side / SIDE
        cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
        middle = (SIDE - 1) / 2
        # From the square's pixels to the crop's.
        turn = np.array([[cosine, -sine], [sine, cosine]])
        to_crop = np.column_stack([turn, np.asarray(centre) - turn @ (middle, middle)])
        square = cv2.warpAffine(
            crop, to_crop, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        outputs = self._run(square)
        points = next(y for y in outputs if y.size == 3 * LANDMARKS).reshape(LANDMARKS, 3)
        plane = points[:, :2] @ turn.T + to_crop[:, 2]
        return np.column_stack([plane, scale * points[:, 2]]).astype(np.float64)

    def _run(self, square: np.ndarray) -> Sequence[np.ndarray]:
        pixels = square[..., ::-1].astype(np.float32) / 255  # RGB, 0..1
        self._network.setInput(np.ascontiguousarray(pixels.transpose(2, 0, 1))[None])
        return self._network.forward(self._names)


def roi(points: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Returns the square of landmarks (468, 3): centre (x, y), side, angle (radians, clockwise).

    It stands along the eyes and is `ROI` times as large as the landmarks' box in that frame.
    """
    across = points[EYES[1], :2] - points[EYES[0], :2]
    angle = float(np.arctan2(across[1], across[0]))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    level = points[:, :2] @ turn
    low, high = level.min(axis=0), level.max(axis=0)
    return turn @ ((low + high) / 2), ROI * float((high - low).max()), angle


def rotation(points: np.ndarray) -> np.ndarray:
    """Returns the rotation R (3, 3) of a face's landmarks (468, 3), see `headpose.geometry.angles`.

    The head's x is the mean direction between landmarks that mirror each other, its y the
    upright of the line from chin to forehead on it.
    """
    ours = points * (1, -1, -1)  # y up, z toward the viewer
    x = (ours[PAIRS[:, 1]] - ours[PAIRS[:, 0]]).mean(axis=0)
    x /= max(np.linalg.norm(x), 1e-12)
    y = ours[FOREHEAD] - ours[CHIN]
    y -= (y @ x) * x
    y /= max(np.linalg.norm(y), 1e-12)
    return np.stack([x, y, np.cross(x, y)], axis=1)


def read_network(place: Path | None = None) -> tuple[str, bytes]:
    """Returns the network's file, by what name it was found and what it holds.

    Args:
        place: The `.tflite` file, the package's wheel, or a folder with one of these; None
            for the package that is installed.

    Raises:
        HeadposeError: If it is not there, with where it is to be had.
    """
    if place is None:
        found = importlib.util.find_spec("mediapipe")
        if found is None or not found.submodule_search_locations:
            raise HeadposeError(f"mediapipe is not installed; {HOW}")
        file = Path(next(iter(found.submodule_search_locations))).parent / MODEL
        if not file.is_file():
            raise HeadposeError(f"{file}: the mediapipe that is installed has no networks; {HOW}")
        return str(file), file.read_bytes()
    if place.is_dir():
        files = sorted([*place.glob("*.tflite"), *place.glob("*.whl")])
        if not files:
            raise HeadposeError(f"{place}: neither a .tflite file nor a wheel there; {HOW}")
        place = files[0]
    if not place.is_file():
        raise HeadposeError(f"{place}: no such file; {HOW}")
    if place.suffix.lower() != ".whl":
        if place.stat().st_size > MAX_BYTES:
            raise HeadposeError(f"{place}: too large to be the network of Face Mesh")
        return str(place), place.read_bytes()
    try:
        with zipfile.ZipFile(place) as wheel:
            if wheel.getinfo(MODEL).file_size > MAX_BYTES:
                raise HeadposeError(f"{place}: too large to be the network of Face Mesh")
            return f"{place}: {MODEL}", wheel.read(MODEL)
    except KeyError as error:
        raise HeadposeError(f"{place}: has no {MODEL}; {HOW}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise HeadposeError(f"{place}: no wheel ({first_line(error)})") from error
