"""Folders of results that others made or left half made, archives, and small data sets."""

import io
import json
import os
import tarfile
from pathlib import Path

import cv2
import numpy as np
from pose_sets import write_image, write_mat

from bad_inputs.training import SPACES, file_of

LOOKS = {
    **{"file": "a.mp4", "track": 1, "frame": 0, "time": 0.0, "width": 64, "height": 48},
    **{"xmin": 5, "ymin": 5, "xmax": 40, "ymax": 40, "azimuth": 2.0, "elevation": 1.0},
}


def write_folders(folder: Path) -> None:
    for name in ("pipe.tar", "pipe.mp4", "pipe.png", "pipe.parquet", "pipe.onnx"):
        os.mkfifo(folder / name)
    (folder / "loop.onnx").symlink_to("loop.onnx")
    _archives(folder)
    _results(folder)
    _looks(folder)
    for number, text in enumerate(SPACES):
        (folder / file_of(number)).write_text(text)
    (folder / "space.yaml").write_text("options:\n  filters: [4, 8]\n")
    faces = [(f"0/image{i}.jpg", [30.0, 30.0, 60.0, 60.0], [0.1, 0.2, 0.3]) for i in range(2)]
    for seed, (name, *_) in enumerate(faces):
        write_image(folder / "aflw" / "data" / "flickr" / name, seed)
    write_mat(folder / "aflw" / "dataset_landmarks_and_pose_withfaceids.mat", faces)


def _archives(folder: Path) -> None:
    (folder / "endless").write_text("x{0..99999999999}.png\n")
    (folder / "text.tar").write_text("I am no tar\n")
    (folder / "text.parquet").write_text("I am no Parquet\n")
    (folder / "empty.tar").touch()
    picture = cv2.imencode(".png", np.random.default_rng(0).integers(0, 256, (99, 99, 3)))[1]
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        told = tarfile.TarInfo("a.png")
        told.size = len(picture)
        archive.addfile(told, io.BytesIO(picture.tobytes()))
    (folder / "half.tgz").write_bytes(data.getvalue()[: len(data.getvalue()) // 2])


def _results(folder: Path) -> None:
    files = {
        "half-made/failures.jsonl": "",
        "heads-file/heads": "mine",
        "bad-manifest/manifest.json": "{",
        "other-models/models.csv": "run,epochs\nmine,3\n",
        "other-study/study.log": "mine",
        "other-crops/crops/mine.png": "mine",
        "crops-file/crops": "mine",
        "bad-journal/unfinished.jsonl": "nonsense\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name in ("lock-folder/.lock", "study-folder/study.log", "events-folder/events.csv"):
        (folder / name).mkdir(parents=True)
    (folder / "journal-folder" / "unfinished.jsonl").mkdir(parents=True)
    for name in ("study-pipe/study.log", "journal-pipe/unfinished.jsonl"):
        (folder / name).parent.mkdir()
        os.mkfifo(folder / name)


def _looks(folder: Path) -> None:
    def write(name: str, *rows: dict) -> None:
        lines = [",".join(LOOKS), *(",".join(map(str, row.values())) for row in rows)]
        (folder / name).write_text("\n".join(lines) + "\n")

    write("looks.csv", LOOKS)
    write("no-box.csv", LOOKS | {"xmax": 5}, LOOKS | {"ymax": "", "frame": 1})
    write("turned-angle.csv", LOOKS | {"azimuth": 1e300})
    write("twice-head.csv", LOOKS, LOOKS)
    write("long-field.csv", LOOKS | {"file": "a" * 200_000})
    (folder / "deep.jsonl").write_text("[" * 100_000)
    digits = json.dumps(LOOKS | {"azimuth": 0}).replace('"azimuth": 0', f'"azimuth": {"9" * 5000}')
    (folder / "digits.jsonl").write_text(digits)
    (folder / "list-head.jsonl").write_text("[1, 2]\n")
    (folder / "word-angle.jsonl").write_text(json.dumps(LOOKS | {"azimuth": "left"}))
    (folder / "half-track.toml").write_text("[other]\ntrack = 1.5\n")
    (folder / "empty.toml").touch()
    (folder / "camera.toml").write_text("[camera]\ndirection = [0, 0]\n")
    (folder / "endless.toml").write_text("[door]\ndirection = [inf, 0]\n")
