"""Heads of data sets at labelled and detected boxes, and the command that measures on them."""

import json

import numpy as np
import pytest
from field_sets import write_biwi_frame, write_pair, write_picture

from headpose.baselines.benchmark_heads import at_detections, at_labels
from headpose.cli.evaluate_protocol import table
from headpose.datasets.label_tables import Problems
from headpose.datasets.registry import read_dataset
from headpose.models.shipped import DEFAULT_ESTIMATOR


class Fixed:
    """Finds the same in each picture."""

    def __init__(self, *boxes):
        self.boxes = np.array(boxes, np.float32).reshape(-1, 4)

    def detect(self, pictures):
        return [(self.boxes, np.ones(len(self.boxes), np.float32)) for _ in pictures]


@pytest.fixture
def pairs(tmp_path):
    for number, angles in enumerate([(0, 10, 0), (5, -60, 3), (-10, 85, 0)]):
        write_pair(tmp_path, f"image{number:05d}", angles)
    return read_dataset("aflw2000", tmp_path)[0]


@pytest.mark.parametrize(
    ("crop", "box"),
    [
        # Landmarks from (20, 10) to (60, 50): 40 wide and high.
        ("head", [18.8, -4, 61.2, 49.6]),
        ("hopenet", [14, -14, 66, 52.4]),
        ("6drepnet", [4, -6, 76, 54.8]),
        ("fsa-net", [-4, -14, 84, 74]),
    ],
)
def test_landmarks_are_grown_as_papers_do(pairs, crop, box):
    placed = at_labels(pairs, crop)
    np.testing.assert_allclose(placed.heads.boxes, [box] * 3, atol=1e-4)
    np.testing.assert_allclose(placed.heads.angles[1], [5, -60, 3], atol=1e-4)
    assert placed.found is None


def test_detected_boxes_replace_labelled_ones(pairs):
    problems = Problems()
    box = [17, -5, 62, 51]
    placed = at_detections(pairs, Fixed(box, [100, 100, 120, 120]), problems)
    np.testing.assert_allclose(placed.heads.boxes, [box] * 3)
    assert (placed.found, problems.by_kind) == (3, {})


def test_heads_that_are_not_found_keep_their_label(pairs):
    problems = Problems()
    pairs[1].path.write_bytes(b"no picture")
    placed = at_detections(pairs, Fixed(), problems)
    assert (placed.found, len(placed.heads)) == (0, 2)
    assert problems.by_kind == {
        "unreadable or missing picture": ["image00001.jpg"],
        "not found by the detector, labelled box used": ["image00000.jpg", "image00002.jpg"],
    }


def test_without_labelled_boxes_only_detections_count(tmp_path):
    (tmp_path / "01").mkdir()
    write_biwi_frame(tmp_path / "01", 3, (0, 20, 0))
    pictures, _ = read_dataset("biwi", tmp_path)
    assert at_labels(pictures) is None
    assert at_detections(pictures, Fixed(), Problems()) is None
    placed = at_detections(pictures, Fixed([10, 10, 40, 44]), Problems())
    np.testing.assert_allclose(placed.heads.boxes, [[10, 10, 40, 44]])


def test_the_command_prints_both_columns_and_what_was_left_out(tmp_path, run_script):
    write_pair(tmp_path, "image00002", (0, 10, 0))
    write_pair(tmp_path, "image00004", (0, 88, 0))
    write_pair(tmp_path, "image00006", (0, 120, 0))
    write_picture(tmp_path / "image00008.jpg")
    model = DEFAULT_ESTIMATOR.with_suffix(".onnx")
    figures = tmp_path / "figures.json"
    ran = run_script(
        "evaluate", model, tmp_path, "--dataset", "aflw2000", "--backend", "onnxruntime",
        "--json", figures,
    )  # fmt: skip
    assert ran.status == 0, ran.err
    rows = [line for line in ran.out.splitlines() if line.startswith(f"| {model}")]
    assert [row.split("|")[2].strip() for row in rows] == ["labels (head)", "detector"]
    assert "AFLW2000-3D: 2 heads in 2 pictures" in ran.out
    assert "1 heads have a yaw within 15 degrees" in ran.out
    assert "beyond 99 degrees" in ran.err
    assert "picture without .mat: 1 (image00008.jpg)" in ran.err
    # Heads that the detector misses are measured where they are labelled.
    assert set(json.loads(figures.read_text())["left out"]) == {
        "an angle beyond 99 degrees, left out as in the literature",
        "picture without .mat",
    }


def test_pictures_that_cannot_be_read_are_told_everywhere(tmp_path, run_script):
    write_pair(tmp_path, "image00002", (0, 10, 0))
    write_pair(tmp_path, "image00004", (0, 20, 0))
    cut = tmp_path / "image00004.jpg"
    cut.write_bytes(cut.read_bytes()[:200])
    given = ("evaluate", "ours", tmp_path, "--dataset", "aflw2000", "--json", tmp_path / "f.json")
    ran = run_script(*given, "--detector", "none")
    assert ran.status == 1
    assert "unreadable or missing picture: 1" in ran.err
    told = json.loads((tmp_path / "f.json").read_text())
    assert told["left out"]["unreadable or missing picture"] == 1
    assert told["results"][0]["heads"] == 1
    ran = run_script(*given, "--overwrite")
    assert ran.status == 1
    assert json.loads((tmp_path / "f.json").read_text())["left out"] == {
        "unreadable or missing picture": 1
    }


def test_the_precision_that_is_asked_for_is_measured(tmp_path, run_script):
    write_pair(tmp_path, "image00002", (0, 10, 0))
    means = []
    for precision in ("float32", "int8"):
        figures = tmp_path / f"{precision}.json"
        ran = run_script(
            "evaluate", "ours", tmp_path, "--dataset", "aflw2000", "--detector", "none",
            "--precision", precision, "--json", figures,
        )  # fmt: skip
        assert ran.status == 0, ran.err
        means.append(json.loads(figures.read_text())["results"][0]["mean"])
    assert means[0] != means[1]
    assert means[0] == pytest.approx(means[1], abs=5)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["m.onnx", "{tmp}", "--dataset", "aflw3000"], "no such data set"),
        (["whenet={tmp}/none.onnx", "{tmp}", "--dataset", "biwi"], "no such model file"),
    ],
)
def test_errors_are_one_line(tmp_path, run_script, arguments, told):
    ran = run_script("evaluate", *(a.format(tmp=tmp_path) for a in arguments))
    assert ran.status == 1
    assert told in ran.err
    assert len(ran.err.strip().splitlines()) == 1


def test_the_table_has_a_dash_where_nothing_is_known():
    nothing = float("nan")
    row = {
        "estimator": "e", "boxes": "b", "found": None, "heads": 3, "yaw": 1.0, "pitch": 2.0,
        "roll": nothing, "mean": 1.5, "geodesic": nothing, "locked": 0, "pitch_unlocked": 2.0,
        "roll_unlocked": nothing, "ranges": {"0-30": {"heads": 3, "mean": 1.5}},
    }  # fmt: skip
    assert table([row])[-1] == "| e | b | 3 | - | 1.00 | 2.00 | - | 1.50 | - | 1.50 |"
