"""Labels that several estimators agree on."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from headpose.baselines.pseudo_labels import label, mean_rotation
from headpose.detection.head_detector import HeadDetector
from headpose.geometry.boxes import COLUMNS
from headpose.images.pictures import read_image

ROOT = Path(__file__).resolve().parent.parent.parent

# The tilt of a head with a pan of 20 degrees that is nodded up by 1 about its own axis.
UP = np.degrees(np.arctan(np.tan(np.radians(1)) / np.cos(np.radians(20))))


def rotation(tilt: float, pan: float, roll: float) -> np.ndarray:
    return Rotation.from_euler("XYZ", [-tilt, -pan, -roll], degrees=True).as_matrix()


@pytest.mark.parametrize(
    ("first", "mirrored", "whenet", "expected"),
    [
        # Near the front: the mean of both, 1 degree up; they differ by 8 in pan.
        ((0, 16, 0), (0, 16, 0), (0, 24, 0), (UP, 20, None, 8)),
        # A profile: WHENet's, with at least 7 degrees of disagreement.
        ((0, 60, 0), (0, 60, 0), (0, 66, 0), (None, 66, None, 7)),
        ((0, 50, 0), (0, 50, 0), (0, 80, 0), (None, 80, None, 18)),
        # Too far apart, unsteady, or a back.
        ((0, 0, 0), (0, 0, 0), (0, 30, 0), None),
        ((0, 30, 0), (0, 0, 0), (0, 20, 0), None),
        ((0, 90, 0), (0, 90, 0), (0, 120, 0), None),
    ],
)
def test_labels_are_what_both_agree_on(first, mirrored, whenet, expected):
    told = np.stack([rotation(*first), rotation(*mirrored), rotation(*whenet)])[None]
    row = label(told).iloc[0]
    if expected is None:
        assert row.isna().all()
        return
    for value, wanted in zip(row, expected, strict=True):
        if wanted is not None:
            assert value == pytest.approx(wanted, abs=0.1)


@pytest.mark.parametrize(
    ("fsa_net", "whenet", "ours", "expected"),
    [
        # Near the front: halfway between the mean of the two (20) and ours.
        ((0, 16, 0), (0, 24, 0), (UP, 28, 0), (None, 24, None, 8)),
        # FSA-Net says something else, but WHENet and ours are close.
        ((0, -30, 0), (0, 20, 0), (UP, 26, 0), (None, 23, None, 6)),
        ((0, -30, 0), (0, 20, 0), (UP, 40, 0), None),
        # A back: WHENet and ours agree, with at least 12 degrees of disagreement.
        ((0, 0, 0), (0, 150, 0), (-UP, 160, 0), (None, 155, None, 12)),
        ((0, 0, 0), (0, 150, 0), (0, 100, 0), None),
    ],
)
def test_an_estimator_of_ours_is_a_third_voice(fsa_net, whenet, ours, expected):
    told = np.stack([rotation(*fsa_net), rotation(*fsa_net), rotation(*whenet), rotation(*ours)])
    row = label(told[None]).iloc[0]
    if expected is None:
        assert row.isna().all()
        return
    for value, wanted in zip(row, expected, strict=True):
        if wanted is not None:
            assert value == pytest.approx(wanted, abs=0.35)


def test_the_mean_of_rotations_lies_between_them():
    first, second = rotation(0, 20, 5), rotation(0, 40, 5)
    mean = mean_rotation(first[None], second[None])[0]
    halves = [Rotation.from_matrix(m.T @ mean).magnitude() for m in (first, second)]
    assert np.linalg.det(mean) == pytest.approx(1)
    assert halves[0] == pytest.approx(halves[1])
    assert np.degrees(halves[0]) == pytest.approx(10, abs=0.05)


@pytest.fixture
def peers(shared_data) -> list:
    folder = shared_data.parent / "peers"
    if not folder.is_dir():
        pytest.skip("the published networks (../shared/peers) are not on this machine")
    return ["--fsa-net", *sorted(folder.glob("fsanet-*.onnx")), "--whenet", folder / "whenet.onnx"]


def table_of(path, portrait, box) -> None:
    pd.DataFrame([[portrait, *box]], columns=["file", *COLUMNS]).to_csv(path, index=False)


def test_the_command_labels_the_heads_of_a_table(peers, portrait, run_script, tmp_path):
    shipped = ROOT / "models" / "pose-estimator.onnx"
    boxes, _ = HeadDetector.load(ROOT / "models" / "head-detector.onnx").detect(
        [read_image(portrait)], 0.5
    )[0][:2]
    table_of(tmp_path / "heads.csv", portrait, boxes[0])
    given = [tmp_path / "heads.csv", *peers, "--output", tmp_path / "labels.csv"]
    done = run_script("pseudo-labels", *given, "--estimator", shipped)
    assert done.status == 0, done.err
    assert "1 of 1 heads labelled" in done.out
    (row,) = pd.read_csv(tmp_path / "labels.csv").to_dict("records")
    assert abs(row["pan"]) < 30  # the portrait looks nearly at the camera
    assert 0 <= row["disagreement"] < 22
    assert np.allclose([row[c] for c in COLUMNS], boxes[0], atol=0.01)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--fsa-net", "none.onnx", "--whenet", "none.onnx"], "no such model file"),
        (["--whenet", "none.onnx"], "required: --fsa-net"),
        (["--fsa-net", "a", "--whenet", "b", "--smallest", "0"], "not a whole number at least 1"),
    ],
)
def test_bad_input_is_told(options, told, portrait, run_script, tmp_path):
    table_of(tmp_path / "heads.csv", portrait, [0, 0, 50, 50])
    done = run_script(
        "pseudo-labels", tmp_path / "heads.csv", *options, "--output", tmp_path / "labels.csv"
    )
    assert done.status in (1, 2)
    assert told in done.err
    assert not (tmp_path / "labels.csv").exists()


def test_pictures_that_are_gone_are_told_in_the_status(peers, portrait, run_script, tmp_path):
    table_of(tmp_path / "heads.csv", portrait, [100, 30, 330, 320])
    with (tmp_path / "heads.csv").open("a") as file:
        file.write("gone.png,1,1,90,90\n")
    given = [tmp_path / "heads.csv", *peers, "--output", tmp_path / "labels.csv"]
    done = run_script("pseudo-labels", *given)
    assert done.status == 1
    assert "1 of 2 heads labelled" in done.out
    assert "picture: 1" in done.err
    assert len(pd.read_csv(tmp_path / "labels.csv")) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names of Linux")
def test_a_folder_whose_name_is_no_utf_8_is_told(peers, portrait, run_script, tmp_path):
    folder = tmp_path / "d\udcff"
    folder.mkdir()
    table_of(folder / "heads.csv", portrait, [100, 30, 330, 320])
    given = [folder / "heads.csv", *peers, "--output", tmp_path / "labels.csv"]
    done = run_script("pseudo-labels", *given)
    assert done.status == 1
    assert "its folder's name is no UTF-8" in done.err
    assert not (tmp_path / "labels.csv").exists()


def test_an_estimator_of_two_angles_is_no_third_voice(peers, tiny_estimator, portrait, run_script):
    table = tiny_estimator.parent / "heads.csv"
    table_of(table, portrait, [0, 0, 50, 50])
    given = [table, *peers, "--estimator", tiny_estimator, "--output", table.with_name("out.csv")]
    done = run_script("pseudo-labels", *given)
    assert done.status == 1
    assert "does not tell the whole turn" in done.err
