"""Small data sets in the formats of AFLW and Pointing'04."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

ROOT = Path(__file__).resolve().parent.parent
LABELLED = ("--detector", "labelled", "--splits-tilt", 2, "--splits-pan", 2)
MAT = "dataset_landmarks_and_pose_withfaceids.mat"
POINTING_TILTS = (-90, -60, -30, -15, 0, 15, 30, 60, 90)
POINTING_PANS = (-90, -75, -60, -45, -30, -15, 0, 15, 30, 45, 60, 75, 90)
POINTING_POSES = [
    (tilt, pan) for tilt in POINTING_TILTS for pan in POINTING_PANS if abs(tilt) < 90 or pan == 0
]


def picture(seed: int, width: int = 120, height: int = 90) -> np.ndarray:
    """Smooth noise, different for each seed."""
    small = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def write_image(path: Path, seed: int, width: int = 120, height: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture(seed, width, height))


def aflw_faces(pictures: int = 24, seed: int = 0) -> list[tuple]:
    """(file, box, (roll, pitch, yaw) in radians); every fourth picture has two faces."""
    random = np.random.default_rng(seed)
    faces = []
    for i in range(pictures):
        for left in (10.0, 70.0)[: 1 + (i % 4 == 0)]:
            box = [left, 30.0, left + 30, 60.0]
            faces.append((f"{(0, 2, 3)[i % 3]}/image{i:05d}.jpg", box, random.normal(0, 0.4, 3)))
    return faces


def make_aflw(folder: Path, faces: list[tuple] | None = None, base: str = "data/flickr") -> Path:
    """Writes pictures and the .mat; returns the folder."""
    faces = aflw_faces() if faces is None else faces
    for seed, name in enumerate(sorted({f[0] for f in faces})):
        write_image(folder / base / name, seed)
    write_mat(folder / MAT, faces)
    return folder


def write_mat(path: Path, faces: list[tuple]) -> None:
    names = [f[0] for f in faces]
    longest = max(map(len, names)) + 2
    content = {
        "fileids": np.array([n.ljust(longest) for n in names]),
        "bboxes": np.array([f[1] for f in faces], float),
        "pose": np.array([f[2] for f in faces], float),
        "faceids": np.arange(len(faces)),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, content)


def write_sqlite(path: Path, faces: list[tuple]) -> None:
    """Writes AFLW's own schema; None for a box or a pose leaves out its row."""
    files = {name: f"image{i:05d}.jpg" for i, name in enumerate(dict.fromkeys(f[0] for f in faces))}
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(
            """
            CREATE TABLE Faces (face_id INTEGER PRIMARY KEY, file_id TEXT, db_id TEXT);
            CREATE TABLE FaceImages (image_id INTEGER PRIMARY KEY, db_id TEXT, file_id TEXT,
                filepath TEXT, bw INTEGER, width INTEGER, height INTEGER);
            CREATE TABLE FacePose (face_id INTEGER, roll REAL, pitch REAL, yaw REAL,
                annot_type_id INTEGER);
            CREATE TABLE FaceRect (face_id INTEGER, x INTEGER, y INTEGER, w INTEGER, h INTEGER,
                annot_type_id INTEGER);
            """
        )
        for name, file in files.items():
            database.execute(
                "INSERT INTO FaceImages VALUES (NULL, 'aflw', ?, ?, 0, 120, 90)", (file, name)
            )
        for face, (name, box, pose) in enumerate(faces, 39341):
            database.execute("INSERT INTO Faces VALUES (?, ?, 'aflw')", (face, files[name]))
            if pose is not None:
                database.execute("INSERT INTO FacePose VALUES (?, ?, ?, ?, 1)", (face, *pose))
            if box is not None:
                x, y, x1, y1 = box
                database.execute(
                    "INSERT INTO FaceRect VALUES (?, ?, ?, ?, ?, 1)", (face, x, y, x1 - x, y1 - y)
                )


def pointing_name(person: int, series: int, number: int, tilt: int, pan: int) -> str:
    """Zero has a plus; every third person's files say `personne`."""
    stem = "personne" if person % 3 == 0 else "person"
    return f"{stem}{person:02d}{series}{number:02d}{tilt:+d}{pan:+d}"


def make_pointing04(folder: Path, persons=(1, 2, 3, 15), poses=POINTING_POSES) -> Path:
    """Writes two series of all poses a person, `.txt` files with CR line ends, and `Front`."""
    for person in persons:
        for series in (1, 2):
            for number, (tilt, pan) in enumerate(poses):
                name = pointing_name(person, series, number, tilt, pan)
                home = folder / f"Person{person:02d}"
                write_image(home / f"{name}.jpg", person * 1000 + series * 100 + number, 48, 36)
                lines = [f"{name}.jpg", "", "Face", "24", " 20", "12 ", "14", ""]
                (home / f"{name}.txt").write_bytes("\r\n".join(lines).encode())
    for person in persons:
        write_image(folder / "Front" / f"person{person:02d}146+0+0.jpg", person, 48, 36)
    return folder


def start_script(script: str, *arguments, driver: tuple = ()) -> subprocess.CompletedProcess:
    """Runs a script in a process of its own, perhaps through a driver; output as text."""
    return subprocess.run(
        [sys.executable, *driver, str(ROOT / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Returns all files of a folder."""
    return {
        f.relative_to(folder).as_posix(): f.read_bytes()
        for f in sorted(folder.rglob("*"))
        if f.is_file()
    }
