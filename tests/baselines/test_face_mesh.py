"""MediaPipe's Face Mesh: how its landmarks become angles, and where its file is looked for."""

import importlib.util
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from headpose.baselines import face_mesh as fm
from headpose.baselines.predictors import PEERS, load_compared
from headpose.errors import HeadposeError
from headpose.geometry.angles import angles_of
from headpose.images.pictures import read_image

# In the picture's axes: x right, y down, z away from the viewer.
TO_PICTURE = np.array([1, -1, -1])
COLOURS = {33: (0, 0, 255), 263: (0, 255, 0), fm.FOREHEAD: (255, 0, 0), fm.CHIN: (0, 255, 255)}


def face() -> np.ndarray:
    """Landmarks (468, 3) of a face that looks into the camera, y up, z toward the viewer."""
    random = np.random.default_rng(4)
    points = random.normal(size=(fm.LANDMARKS, 3)) * (4, 5, 1)
    for left, right in fm.PAIRS:
        points[right] = abs(points[left]) * (1, 1, 1)
        points[left] = points[right] * (-1, 1, 1)
    points[fm.FOREHEAD], points[fm.CHIN] = (0, 8, 4), (0, -8, 4)
    return points


def test_a_rotation_is_that_of_the_landmarks_wherever_the_face_is():
    matrices, template = Rotation.random(50, random_state=5).as_matrix(), face()
    for scale, matrix in zip(np.linspace(0.5, 30, 50), matrices, strict=True):
        points = scale * (template @ matrix.T) * TO_PICTURE + (90, 70, -3)
        np.testing.assert_allclose(fm.rotation(points), matrix, atol=1e-9)


def test_landmarks_in_one_place_have_no_rotation_and_do_no_harm():
    assert np.isfinite(fm.rotation(np.ones((fm.LANDMARKS, 3)))).all()


def test_the_square_stands_along_the_eyes():
    points = np.zeros((fm.LANDMARKS, 3))
    points[fm.EYES[0]], points[fm.EYES[1]] = (100, 100, 0), (140, 140, 5)
    points[fm.CHIN] = (90, 130, 0)
    points[(points == 0).all(axis=1)] = (120, 120, 0)
    centre, side, angle = fm.roi(points)
    assert np.degrees(angle) == pytest.approx(45)
    # Along the eyes their distance is the longer side of the box; the chin is half of the
    # distance off that line.
    assert side == pytest.approx(1.5 * np.hypot(40, 40))
    below = np.array([90, 130]) - (120, 120)
    off = below @ (-np.sin(angle), np.cos(angle))
    middle = np.array([120, 120]) + off / 2 * np.array([-np.sin(angle), np.cos(angle)])
    np.testing.assert_allclose(centre, middle)


class DotFinder(fm.FaceMesh):
    """Tells landmarks where it sees dots of their colours, instead of a network."""

    def __init__(self):
        self._landmarks_of = self._landmarks

    def _run(self, square):
        points = np.zeros((fm.LANDMARKS, 3), np.float32)
        for landmark, colour in COLOURS.items():
            away = np.abs(square.astype(int) - colour).sum(axis=2)
            points[landmark, :2] = np.argwhere(away < 150).mean(axis=0)[::-1]
        points[fm.PAIRS[:, 0]], points[fm.PAIRS[:, 1]] = points[fm.EYES[0]], points[fm.EYES[1]]
        points[(points == 0).all(axis=1)] = points.sum(axis=0) / 16
        return np.float32([[[[7.0]]]]), points.reshape(1, -1, 1, 1)


@pytest.mark.parametrize("roll", [0, 20, -50])
def test_landmarks_are_told_in_the_crop_s_pixels(roll):
    """Dots about a middle, turned clockwise by the roll, are found again where they were drawn."""
    radians = np.radians(roll)
    turn = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]])
    places = {33: (-30, -15), 263: (30, -15), fm.FOREHEAD: (0, -45), fm.CHIN: (0, 50)}
    crop = np.zeros((256, 256, 3), np.uint8)
    drawn = {}
    for landmark, place in places.items():
        drawn[landmark] = np.rint(turn @ place + (140, 120)).astype(int)
        cv2.circle(crop, drawn[landmark].tolist(), 7, COLOURS[landmark], -1)
    finder = DotFinder()
    found = finder.landmarks(crop)
    for landmark, place in drawn.items():
        np.testing.assert_allclose(found[landmark, :2], place, atol=0.7)
    tilt, pan, told = finder.estimate_all(crop[None])[0]
    assert told == pytest.approx(roll, abs=2)
    assert abs(tilt) + abs(pan) < 1e-3
    assert finder.estimate_all(np.zeros((0, 256, 256, 3), np.uint8)).shape == (0, 3)


# --- where the file is ----------------------------------------------------------------


def made(folder: Path, kind: str) -> Path:
    if kind == "missing":
        return folder / "gone.whl"
    if kind == "empty folder":
        return folder
    if kind == "text":
        (folder / "a.tflite").write_text("no network, but text")
        return folder / "a.tflite"
    if kind == "broken wheel":
        (folder / "a.whl").write_bytes(b"PK\x03\x04" + bytes(50))
        return folder
    with zipfile.ZipFile(folder / "a.whl", "w") as wheel:
        wheel.writestr("mediapipe/__init__.py", "")
        if kind == "wheel of text":
            wheel.writestr(fm.MODEL, "no network, but text")
    return folder / "a.whl"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", r"gone.whl: no such file; `pip download .*mediapipe==0.10.21`"),
        ("empty folder", "neither a .tflite file nor a wheel there; `pip download"),
        ("text", "a.tflite: not the file of Face Mesh in mediapipe 0.10.21"),
        ("broken wheel", "a.whl: no wheel"),
        ("newer wheel", "a.whl: has no mediapipe/modules/face_landmark/face_landmark.tflite"),
        ("wheel of text", "face_landmark.tflite: not the file of Face Mesh"),
    ],
)
def test_files_that_do_not_fit_are_told(tmp_path, kind, message):
    with pytest.raises(HeadposeError, match=message):
        load_compared(f"mediapipe={made(tmp_path, kind)}")


def test_two_files_are_refused():
    with pytest.raises(HeadposeError, match="mediapipe: name one wheel"):
        load_compared("mediapipe=a.whl,b.whl")


def test_without_the_package_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(HeadposeError, match="mediapipe is not installed; `pip download"):
        fm.read_network()


def test_a_package_without_networks_is_told(tmp_path, monkeypatch):
    (tmp_path / "mediapipe").mkdir()
    (tmp_path / "mediapipe" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(HeadposeError, match="the mediapipe that is installed has no networks"):
        fm.read_network()


# --- with its own file ----------------------------------------------------------------


@pytest.fixture(scope="module")
def mesh() -> fm.FaceMesh:
    for place in (PEERS / "mediapipe", None):
        if place is None or place.is_dir():
            try:
                return fm.FaceMesh(place)
            except HeadposeError as error:
                reason = str(error)
    pytest.skip(f"no file of Face Mesh: {reason}")


def test_the_portrait_s_landmarks_are_mediapipe_s(mesh, portrait):
    solutions = pytest.importorskip("mediapipe.python.solutions.face_mesh")
    picture = read_image(portrait)
    height, width = picture.shape[:2]
    with solutions.FaceMesh(static_image_mode=True, max_num_faces=1) as whole:
        found = whole.process(picture[..., ::-1].copy()).multi_face_landmarks[0].landmark
    theirs = np.array([(p.x * width, p.y * height, p.z * width) for p in found])
    left, top, side = 110, 80, 320
    crop = cv2.resize(picture[top : top + side, left : left + side], (mesh.size, mesh.size))
    scale = side / mesh.size
    points = mesh.landmarks(crop) * scale + (left, top, 0)
    off = np.linalg.norm((points - theirs)[:, :2], axis=1)
    assert off.mean() < 0.02 * np.ptp(theirs[:, 1])
    angles = [angles_of(fm.rotation(p)[None])[0] for p in (points, theirs)]
    np.testing.assert_allclose(*angles, atol=4)
