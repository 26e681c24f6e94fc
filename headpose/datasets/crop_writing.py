"""Writing a folder of head crops: pictures, tables, norms, arrays.

`headpose.datasets.crop_dataset` says what such a folder holds, and reads it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import cv2
import numpy as np
import pandas as pd

from headpose.datasets.crop_dataset import COLUMNS, angles_of, load_crops, table_path
from headpose.datasets.label_tables import PARTS, write_table
from headpose.errors import HeadposeError
from headpose.files import atomic_write


def write_crop(path: Path, crop: np.ndarray) -> None:
    """Writes one crop as PNG.

    Raises:
        HeadposeError: If it cannot be written.
    """
    try:
        # Bytes through Python: OpenCV's own writer hides why it failed.
        path.write_bytes(cv2.imencode(".png", crop)[1].tobytes())
    except OSError as error:
        raise HeadposeError(
            f"cannot write {path}: {error.strerror}; free space or rights"
        ) from error


def mirrored_name(name: str) -> str:
    """Returns the file of a crop's mirror image."""
    return f"{name.removesuffix('.png')}-mirrored.png"


def write_tables(folder: str | Path, table: pd.DataFrame, parts: np.ndarray) -> None:
    """Writes the tables of the parts and, last, of all crops.

    Args:
        folder: The clean folder.
        table: A row for each crop, with all of `COLUMNS`.
        parts: (N,) the name of each row's part.
    """
    table = table[list(COLUMNS)]
    for part in PARTS:
        write_table(table_path(folder, part), table[parts == part])
    write_table(table_path(folder), table)


def write_norm(folder: str | Path, table: pd.DataFrame) -> dict[str, float]:
    """Writes `norm.csv`, with the published system's columns.

    Args:
        folder: The clean folder.
        table: The rows of the training part.

    Returns:
        What was written: mean and standard deviation of pixels (0..1) and of tilt and
        pan as fractions of 90 degrees.
    """
    count, total, squares = 0, 0.0, 0.0
    for crops in chunks(folder, table):
        values = crops.astype(np.float64) / 255
        count += values.size
        total += values.sum()
        squares += np.square(values).sum()
    mean = total / count
    norm = {"img_mean": mean, "img_std": float(np.sqrt(max(squares / count - mean**2, 0)))}
    for letter, angle in (("t", "tilt"), ("p", "pan")):
        values = table[angle].to_numpy(np.float64) / 90
        norm |= {f"{letter}_mean": values.mean(), f"{letter}_std": values.std()}
    with atomic_write(Path(folder) / "norm.csv") as temporary:
        pd.DataFrame([norm]).to_csv(
            temporary, index=False, float_format="%.6f", lineterminator="\n"
        )
    return norm


def write_arrays(folder: str | Path, part: str, table: pd.DataFrame) -> None:
    """Writes `{part}_img.npy`, uint8, and `{part}_pose.npy`, float32 (N, 3) in degrees.

    The crops go through memory a chunk at a time.
    """
    image = Path(folder) / f"{part}_img.npy"
    with atomic_write(image) as temporary, temporary.open("wb") as file:
        # Written in turn, not through a memory map: there a full disk kills the process.
        shape: tuple[int, ...] = (0, 0, 0)
        for crops in chunks(folder, table):
            if not file.tell():
                shape = len(table), *crops.shape[1:]
                _write_header(file, shape)
            file.write(crops.tobytes())
        if not file.tell():
            _write_header(file, shape)
    pose = image.with_name(f"{part}_pose.npy")
    with atomic_write(pose) as temporary, temporary.open("wb") as file:
        np.save(file, angles_of(table))


def _write_header(file: IO[bytes], shape: tuple[int, ...]) -> None:
    told = {"descr": np.dtype(np.uint8).str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, told)


def chunks(folder: str | Path, table: pd.DataFrame, size: int = 1024) -> Iterator[np.ndarray]:
    """Yields the crops of a table's rows in order, `size` at a time."""
    for start in range(0, len(table), size):
        yield load_crops(Path(folder), table["file"].iloc[start : start + size].to_list())
