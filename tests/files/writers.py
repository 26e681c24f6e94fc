"""Everything that writes files without a deep-learning framework, each on a small example."""

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from headpose.files import atomic_write
from headpose.images.pictures import write_image
from headpose.pipeline import Head
from headpose.records.coco import CocoSink
from headpose.records.columns import picture_rows
from headpose.records.sinks import CsvSink, JsonLinesSink
from headpose.records.summary import SummarySink

HEADS = [Head((1.0, 2.0, 30.0, 40.0), 0.9, 10.0, -20.0) for _ in range(3)]


def sink(kind) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with kind(path) as table:
            for name in ("a.jpg", "b.jpg"):
                for row in picture_rows(name, (64, 48), HEADS):
                    table.write(row)

    return write


def picture(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    with atomic_write(path) as temporary:
        write_image(temporary, noise)


def video(path: Path) -> None:
    from fractions import Fraction

    from headpose.video.writer import VideoWriter

    with (
        atomic_write(path) as temporary,
        VideoWriter(temporary, Fraction(10), Fraction(1, 1000), name=str(path)) as writer,
    ):
        for number in range(12):
            noise = np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8)
            writer.write(noise, number / 10, 0.1)


def plot(path: Path) -> None:
    from headpose.images.figures import figure, save

    drawing, axes = figure(2, 2)
    axes.plot([1, 2, 3])
    save(drawing, path)


def arrays(path: Path) -> None:
    """Writes the arrays of a clean folder, from crops elsewhere."""
    import pandas as pd

    from headpose.datasets.crop_writing import write_arrays

    crop = Path(tempfile.gettempdir()) / "headpose-faulty-crop.png"
    if not crop.exists():
        write_image(crop, np.full((8, 8, 3), 90, np.uint8))
    names, angles = [str(crop)] * 3, [1.0, 2.0, 3.0]
    table = pd.DataFrame({"file": names, "tilt": angles, "pan": angles, "roll": angles})
    write_arrays(path.parent, "train", table)


class Network:
    """As much of a Keras model as saving one takes."""

    def get_weights(self) -> list[np.ndarray]:
        return [np.full((4, 4), 1 / 3, np.float32)]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        pass

    def save(self, path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", "{}" * 5000)
            archive.writestr("model.weights.h5", bytes(9000))


def model(path: Path) -> None:
    from headpose.models.keras_files import save_model

    save_model(Network(), path, half=True)


# What each writes in the end is the same each time.
WRITERS: dict[str, Callable[[Path], None]] = {
    "t.csv": sink(CsvSink),
    "t.jsonl": sink(JsonLinesSink),
    "coco.json": sink(CocoSink),
    "summary.csv": sink(SummarySink),
    "p.png": picture,
    "p.jpg": picture,
    "v.mp4": video,
    "train_img.npy": arrays,
    "model.keras": model,
    "plot.png": plot,
}
GROWING = ("t.csv", "t.jsonl")
BESIDE = {"train_img.npy": ("train_pose.npy",)}  # what a writer writes, too
