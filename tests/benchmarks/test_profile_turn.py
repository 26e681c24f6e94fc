"""By how much heads in profile should be turned further (benchmarks/profile_turn.py)."""

import cv2
import numpy as np
import pytest
from lively_networks import lively
from small_models import saved

from headpose.geometry.angles import rotation_matrices, turned_further, whole_turn_angles
from headpose.geometry.crops import head_crops
from headpose.models.keras_files import load_model
from headpose.pose.estimator import PoseEstimator
from headpose.pose.rotation import angles_layer


@pytest.fixture
def estimator(tmp_path):
    """One that takes everybody for a head in profile, more or less."""
    model = lively(6)
    weights, bias = model.get_layer("rotation").get_weights()
    bias[:3] = -4, 0, 6  # where the ear points: away from the viewer
    model.get_layer("rotation").set_weights([weights, bias])
    return saved(model, tmp_path / "estimator.keras")


@pytest.fixture
def table(tmp_path, estimator, portrait):
    """The portrait's head at four places, labelled with what a turn of 8 makes of the answers."""
    picture, estimator = cv2.imread(str(portrait)), PoseEstimator.load(estimator)
    boxes = [np.array([150, 30, 360, 320.0]) + 12 * i for i in range(4)]
    crops = [head_crops(picture, [box], **estimator.crop_options)[0] for box in boxes]
    told = estimator.estimate_all(np.stack(crops))[:, :3]
    angles = whole_turn_angles(turned_further(rotation_matrices(told), 8))
    cv2.imwrite(str(tmp_path / "p.png"), picture)
    rows = [
        ",".join(["p.png", *(f"{value:.3f}" for value in (*box, *head))])
        for box, head in zip(boxes, angles, strict=True)
    ]
    (tmp_path / "labels.csv").write_text(
        "\n".join(["file,xmin,ymin,xmax,ymax,tilt,pan,roll", *rows])
    )
    return tmp_path / "labels.csv"


def test_the_turn_that_the_labels_have_is_found_and_written(run_script, estimator, table, tmp_path):
    file = tmp_path / "turned.keras"
    done = run_script(
        *("benchmarks/profile_turn.py", estimator, "--data", table, "--turns", "0", "4", "8", "12"),
        *("--save", file, "--turn", "8"),
    )
    assert done.status == 0, done.err
    rows = [[c.strip() for c in line.split("|")[1:-1]] for line in done.out.splitlines()]
    off = {row[0]: float(row[1]) for row in rows if len(row) == 2 and row[0].isdigit()}
    assert list(off) == ["0", "4", "8", "12"]
    assert off["8"] == min(off.values()) < 0.01 < off["4"] < off["0"]
    assert angles_layer(load_model(file)).profile_turn == 8


def test_options_that_do_not_fit_are_told(run_script, estimator, table, tmp_path):
    done = run_script("benchmarks/profile_turn.py", estimator, "--data", table, "--turn", "8")
    assert done.status == 2
    assert "--save and --turn go together" in done.err
    file = tmp_path / "mine.keras"
    file.write_text("dear")
    done = run_script(
        *("benchmarks/profile_turn.py", estimator, "--data", table, "--turn", "8", "--save", file)
    )
    assert done.status == 1
    assert "exists; use --overwrite" in done.err
    assert file.read_text() == "dear"
