"""Programs that run the models without headpose find what `headpose image` finds."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from headpose.geometry.crops import side_name
from headpose.images.pictures import read_image, write_image

ROOT = Path(__file__).resolve().parents[2]

PYTHON = ROOT / "examples" / "onnx_heads.py"
JAVASCRIPT = ROOT / "examples" / "javascript"
MODELS = [ROOT / "models" / f"{name}.onnx" for name in ("head-detector", "pose-estimator")]
MEASURES = ("tilt", "pan", "roll", "azimuth", "elevation", "expected_error")
HEADS = 100
SIZES = ((1201, 901), (640, 480), (511, 383), (700, 999))


def scene(portrait: np.ndarray, size: tuple[int, int], number: int, seed: int) -> np.ndarray:
    """Lays portraits of many sizes, mirrored, turned and cut, over a smooth background."""
    random = np.random.default_rng(seed)
    coarse = random.integers(60, 200, (4, 4, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    columns = int(np.ceil(np.sqrt(number * size[0] / size[1])))
    cell = size[0] / columns
    for i in range(number):
        height = int(cell * random.uniform(0.9, 1.35))
        head = cv2.resize(
            portrait[20:420, 90:450], (round(height * 0.9), height), interpolation=cv2.INTER_AREA
        )
        middle = (head.shape[1] / 2, head.shape[0] / 2)
        turn = cv2.getRotationMatrix2D(middle, random.uniform(-25, 25), 1)
        head = cv2.warpAffine(head, turn, head.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
        head = head[:, :: random.choice([-1, 1])]
        head = np.clip(head * random.uniform(0.5, 1.3), 0, 255).astype(np.uint8)
        # The first and the last of a row pass the border.
        x = int((i % columns + 0.5 + random.uniform(-0.1, 0.1)) * cell - head.shape[1] / 2)
        y = int((i // columns + 0.5) * cell * 1.2 - height / 2)
        x0, y0, x1, y1 = (
            max(x, 0),
            max(y, 0),
            min(x + head.shape[1], size[0]),
            min(y + height, size[1]),
        )
        if x1 > x0 and y1 > y0:
            picture[y0:y1, x0:x1] = head[y0 - y : y1 - y, x0 - x : x1 - x]
    return picture


@pytest.fixture(scope="module")
def pictures(portrait, tmp_path_factory) -> list[Path]:
    """Pictures larger and smaller than the network's, odd ones, and one without heads."""
    folder = tmp_path_factory.mktemp("pictures")
    plain = read_image(portrait)
    made = [scene(plain, size, 32, seed) for seed, size in enumerate(SIZES)]
    made += [plain, plain[90:340, 170:360], plain[:330], np.full((40, 301, 3), 90, np.uint8)]
    files = [folder / f"{number:02}.png" for number in range(len(made))]
    for file, picture in zip(files, made, strict=True):
        write_image(file, picture)
    return files


@pytest.fixture(scope="module")
def expected(pictures, tmp_path_factory) -> dict[str, list[dict]]:
    """What `headpose image` says, by file."""
    lines = tmp_path_factory.mktemp("told") / "heads.jsonl"
    command = [sys.executable, "-m", "headpose", "image", *map(str, pictures)]
    command += ["--detector", "single-stage", "--json", str(lines)]
    subprocess.run(
        [*command, "--output", str(lines.parent / "drawn")],
        check=True,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        timeout=300,
    )
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    assert len(told) >= HEADS
    return {str(file): [row for row in told if row["file"] == str(file)] for file in pictures}


def check(found: list[dict], expected: list[dict], picture: Path, pixels: float, degrees: float):
    """Compares the heads of a picture, whose numbers `headpose image` rounds."""
    assert len(found) == len(expected), picture.name
    height, width = read_image(picture).shape[:2]
    left = list(found)
    for row in expected:
        box = [row[name] for name in ("xmin", "ymin", "xmax", "ymax")]
        inside = [np.clip(head["box"], 0, [width, height] * 2) for head in left]
        nearest = int(np.argmin([np.abs(one - box).max() for one in inside]))
        head = left.pop(nearest)
        assert np.abs(inside[nearest] - box).max() < pixels + 0.05
        assert head["score"] == pytest.approx(row["score"], abs=0.002)
        for name in MEASURES:
            off = (head[name] - row[name] + 180) % 360 - 180
            assert abs(off) < degrees + 0.005, (picture.name, name, head, row)


def test_the_python_example_is_short_and_knows_nothing_of_headpose():
    text = PYTHON.read_text()
    assert len(text.splitlines()) <= 60
    assert "import headpose" not in text
    assert "from headpose" not in text


def test_the_python_example_finds_the_same(pictures, expected):
    command = [sys.executable, str(PYTHON), *map(str, MODELS), *map(str, pictures)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    for file in pictures:
        found = [row for row in told if row["file"] == str(file)]
        check(found, expected[str(file)], file, pixels=0.02, degrees=0.02)


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
@pytest.mark.skipif(
    not (JAVASCRIPT / "node_modules" / "onnxruntime-web").is_dir(),
    reason="onnxruntime-web is not installed (npm install in examples/javascript)",
)
def test_the_javascript_example_finds_the_same(pictures, expected, tmp_path):
    command = ["node", str(JAVASCRIPT / "pixels.mjs"), *map(str, MODELS)]
    for file in pictures:
        picture = cv2.cvtColor(read_image(file), cv2.COLOR_BGR2RGBA)
        pixels = tmp_path / f"{file.stem}.rgba"
        picture.tofile(pixels)
        command += [str(pixels), str(picture.shape[1]), str(picture.shape[0])]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    for file, line in zip(pictures, done.stdout.splitlines(), strict=True):
        check(json.loads(line), expected[str(file)], file, pixels=0.1, degrees=0.1)


def test_what_the_examples_read_stands_in_the_files():
    """And is what the package does, which reads its own constants."""
    import onnxruntime

    from headpose.detection.head_detector import HeadDetector
    from headpose.pose.estimator import PoseEstimator

    about, crop = (
        json.loads(
            onnxruntime.InferenceSession(str(path)).get_modelmeta().custom_metadata_map["headpose"]
        )
        for path in MODELS
    )
    detector, estimator = HeadDetector.load(MODELS[0]), PoseEstimator.load(MODELS[1])
    rule = detector.suppression
    assert [about["suppression"][k] for k in ("iou", "containment", "limit")] == [
        rule.iou,
        rule.containment,
        rule.limit,
    ]
    padded, _ = detector.prepare(np.zeros((100, 200, 3), np.uint8))
    assert max(padded.shape) == about["input"]["long_side"]
    assert all(side % about["input"]["multiple"] == 0 for side in padded.shape[:2])
    told = {k: crop["crop"][k] for k in ("size", "side", "margin")}
    told["side"] = side_name(told["side"])  # files of earlier versions name it otherwise
    assert told == {k: estimator.crop_options[k] for k in told}
