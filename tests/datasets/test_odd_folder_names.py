"""Folders whose names are no UTF-8, as old disks have them: OpenCV would end the process."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from headpose.datasets.crop_dataset import load_crops
from headpose.datasets.label_tables import Problems, SourceName, read_labels
from headpose.datasets.rendered_tiles import cut_tiles
from headpose.images.plain_pixels import read_pixels
from headpose.training.pose_sources import _shown
from headpose.training.run_log import read_log, write_log

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names of Linux")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "d\udcff"
    made.mkdir()
    return made


def test_crops_are_read(folder, noise_picture):
    crop = noise_picture(16, 16, 1)
    (folder / "a.png").write_bytes(cv2.imencode(".png", crop)[1].tobytes())
    np.testing.assert_array_equal(load_crops(folder, ["a.png"]), [crop])


def test_tiles_are_cut(folder):
    sheet = np.random.default_rng(1).integers(0, 256, (16 * 8, 8, 4), np.uint8)
    (folder / "sheet_000.webp").write_bytes(
        cv2.imencode(".webp", sheet, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()
    )
    path = folder / "labels.csv"
    path.write_text("sheet,row,col,xmin,ymin,xmax,ymax,tilt,pan,roll\n0,2,0,1,1,7,7,5,6,7\n")
    problems = Problems()
    table = read_labels(path, "", ("tilt", "pan"), problems)
    boxes = ["xmin", "ymin", "xmax", "ymax", "tilt", "pan", "roll"]
    table[boxes] = table[boxes].astype(float)
    rows, greys, _ = cut_tiles(path, table, problems)
    assert problems.by_kind == {}
    assert len(rows) == len(greys) == 1


@pytest.mark.parametrize("content", [None, b"", b"no picture"])
def test_what_is_no_picture_has_no_pixels(tmp_path, content):
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    assert read_pixels(tmp_path / "a.png") is None
    assert read_pixels(tmp_path) is None


def test_a_log_of_training_names_them(folder, tmp_path):
    (folder / "labels.csv").touch()
    name = _shown(SourceName(folder / "labels.csv"))
    assert name == "d\\udcff"
    rows = [{"epoch": "0", f"{name} tilt": "1.5"}]
    write_log(tmp_path / "log.csv", rows)
    assert read_log(tmp_path / "log.csv") == rows
    write_log(tmp_path / "log.csv", [{"d\udcff": "1"}])
    assert read_log(tmp_path / "log.csv") == [{"d\\udcff": "1"}]


def test_a_face_detector_there_is_refused_in_a_sentence(folder):
    (folder / "yunet.onnx").write_bytes(b"model")
    code = (
        "import sys; from headpose.detection.yunet import YuNet\n"
        "from headpose.errors import HeadposeError\n"
        "try:\n    YuNet(sys.argv[1])\nexcept HeadposeError as error:\n"
        "    print(ascii(str(error)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder / "yunet.onnx"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "a model's name must be UTF-8" in done.stdout
