"""Good and bad files, as a user or a stranger would have them."""

import os
from pathlib import Path

from PIL import Image

from bad_inputs.files.folders import write_folders
from bad_inputs.files.models import write_models
from bad_inputs.files.pictures import write_pictures
from bad_inputs.files.tables import TABLE, write_tables
from headpose.models.shipped import DEFAULT_DETECTOR, DEFAULT_ESTIMATOR


def prepare(folder: Path) -> dict[str, str]:
    """Writes good and bad files into the working folder; returns their names."""
    names = {"estimator": str(DEFAULT_ESTIMATOR), "detector": str(DEFAULT_DETECTOR)}
    (folder / "folder").mkdir()
    (folder / "empty-folder").mkdir()
    (folder / "text").write_text("I am text\n")
    (folder / "nothing").touch()
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "gone").symlink_to("nowhere")
    Image.new("RGB", (64, 48), (90, 90, 90)).save(folder / "good.png")
    (folder / "good.csv").write_text(f"{TABLE}good.png,5,5,40,40,1,2,3\n")
    write_pictures(folder)
    write_models(folder)
    write_tables(folder)
    write_folders(folder)
    return names | {"long": "a" * 300, "deep": "text/deeper"}
