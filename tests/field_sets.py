"""Writes small data sets in the formats of the field, with angles that are known."""

import json
from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat
from scipy.spatial.transform import Rotation

FLIP = np.diag([1.0, -1.0, -1.0])
CALIBRATION = """517.679 0 320
0 517.679 240.5
0 0 1

0 0 0 0

1 0 0
0 1 0
0 0 1

-24 6 -13

640 480
"""


def rotation(tilt: float, pan: float, roll: float) -> np.ndarray:
    """R = Rx(-tilt) Ry(-pan) Rz(-roll), by scipy."""
    return Rotation.from_euler("XYZ", [-tilt, -pan, -roll], degrees=True).as_matrix()


def write_picture(path: Path, seed: int = 0, width: int = 80, height: int = 60) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    path.write_bytes(cv2.imencode(path.suffix.lower(), pixels)[1].tobytes())
    return path


def write_mat(path: Path, angles: tuple[float, float, float], **fields) -> Path:
    """A `.mat` of 300W-LP with landmarks from (20, 10) to (60, 50)."""
    points = np.array([[20, 60, 40, 30], [10, 50, 30, 20]], float)
    content = {
        "Pose_Para": np.array([[*np.radians(angles), 1.0, 2.0, 0.0, 1e-3]]),
        "pt2d": np.concatenate([points, [[-1], [-1]]], axis=1),
        "roi": np.array([[1, 450, 1, 450]]),
    }
    content |= fields
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {k: v for k, v in content.items() if v is not None})
    return path


def write_pair(folder: Path, stem: str, angles: tuple[float, float, float], **fields) -> None:
    write_picture(folder / f"{stem}.jpg", seed=len(stem))
    write_mat(folder / f"{stem}.mat", angles, **fields)


def write_biwi_frame(
    folder: Path, number: int, angles: tuple[float, float, float], centre=(0.0, 0.0, 1000.0)
) -> None:
    """A frame of 640x480 and its pose, with the decimals that BIWI has."""
    matrix = FLIP @ rotation(*angles) @ FLIP
    write_picture(folder / f"frame_{number:05d}_rgb.png", number, 64, 48)
    rows = [" ".join(f"{v:.6f}" for v in row) + " " for row in matrix]
    text = "\n".join([*rows, "", " ".join(f"{v:.4f}" for v in centre) + " ", ""])
    (folder / f"frame_{number:05d}_pose.txt").write_text(text)


def write_direct_mhp(
    folder: Path, heads: dict[str, list[tuple]], name: str = "coco_style_validation.json"
) -> Path:
    """DirectMHP's JSON; `heads` has (bbox, euler_angles) by picture."""
    images, annotations = [], []
    for number, (file, rows) in enumerate(heads.items(), 1):
        write_picture(folder / "images" / file, number)
        images.append({"id": number, "file_name": file, "width": 80, "height": 60})
        for bbox, euler in rows:
            row = {"id": len(annotations), "image_id": number, "category_id": 1}
            annotations.append(row | {"bbox": bbox, "euler_angles": euler})
    path = folder / "annotations" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    return path


def write_dad3dheads(folder: Path, heads: dict[str, tuple], name: str = "val.json") -> Path:
    """`heads` has (bbox, angles) by item."""
    entries = []
    for number, (item, (bbox, angles)) in enumerate(heads.items()):
        write_picture(folder / "images" / f"{item}.png", number)
        view = np.eye(4)
        view[:3, :3] = rotation(*angles)
        view[:3, 3] = (0.1, -0.2, -3)
        labels = folder / "annotations" / f"{item}.json"
        labels.parent.mkdir(parents=True, exist_ok=True)
        labels.write_text(json.dumps({"model_view_matrix": view.tolist(), "vertices": []}))
        entries.append({"item_id": item, "bbox": bbox, "attributes": {}})
    (folder / name).write_text(json.dumps(entries))
    return folder / name


def only(result) -> np.ndarray:
    """The angles of the only picture."""
    (picture,), problems = result
    assert not problems.by_kind
    assert picture.path.is_file()
    return picture.angles


def kinds(result) -> dict[str, list[str]]:
    return result[1].by_kind
