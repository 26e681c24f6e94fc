"""Training that could learn nothing, or would lose or mistake something, is refused at once.

None of these needs TensorFlow.
"""

import hashlib
import shutil
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from headpose.models.shipped import DEFAULT_ESTIMATOR, FIRST_STAGES

FIRST_STAGE = FIRST_STAGES["ours"]
HEADS = "file,xmin,ymin,xmax,ymax,tilt,pan,roll,face,weight\n"
FILES = {
    "a.csv": HEADS + "a.png,40,30,90,80,1,2,3,,\n",
    "b.csv": HEADS + "a.png,40,30,90,80,1,2,3,,\n",
    "away.csv": HEADS + "a.png,40,30,90,80,,,,away,\n",
    "no-weight.csv": HEADS + "a.png,40,30,90,80,1,2,3,,0\n",
    "empty.csv": "file,xmin,ymin,xmax,ymax\na.png,,,,\n",
    "validation.toml": '[[validation]]\npath = "a.csv"\n',
}


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("a.png", np.full((120, 160, 3), 90, np.uint8))
    for name, text in FILES.items():
        Path(name).write_text(text)
    return tmp_path


POSE = ["train", "a.csv", "--validation", "b.csv"]
BOXES = ["train-detector", "a.csv", "--validation", "b.csv"]
SECOND = ["train-classifier", "a.csv", "--validation", "b.csv"]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["train", "validation.toml"], "name heads to learn from; none are named"),
        (["train-detector", "validation.toml"], "name pictures to learn from; none are named"),
        (["train-classifier", "validation.toml"], "name pictures to learn from; none are named"),
        (["train", "a.csv", "a.csv", "--validation", "b.csv"], "a.csv: given twice"),
        (["train-detector", "a.csv", "a.csv", "--validation", "b.csv"], "a.csv: given twice"),
        (["train", "a.csv#", "--validation", "b.csv"], "no part after #"),
        ([*POSE, "--data-root", "."], "--data-root is for the paths in a .toml"),
        ([*BOXES, "--data-root", "."], "--data-root is for the paths in a .toml"),
        ([*POSE, "--freeze", ""], "argument --freeze: an empty name"),
        (["train", "", "--validation", "b.csv"], "argument data: an empty name"),
        ([*POSE, "--seed", str(2**32)], "is not a whole number from 0 to 4.29497e+09"),
        ([*BOXES, "--seed", str(2**32)], "is not a whole number from 0 to 4.29497e+09"),
        ([*SECOND, "--seed", str(2**32)], "is not a whole number from 0 to 4.29497e+09"),
        ([*POSE, "--with-mirror"], "--with-mirror is for the model that --save writes"),
        ([*POSE, "--average-with", "ours"], "--average-with is for the model that --save writes"),
        (["train", "away.csv", "--validation", "b.csv"], "no head to learn from has angles"),
        (["train", "a.csv", "--validation", "away.csv"], "nothing can be measured there"),
        (["train", "no-weight.csv", "--validation", "b.csv"], "has a weight of 0"),
        (["train-detector", "a.csv", "--validation", "empty.csv"], "no head in the 1 pictures"),
        (["train-classifier", "a.csv", "--validation", "empty.csv"], "no head in the 1 pictures"),
        ([*POSE, "--output", "r", "--models-csv", "r/curve.png"], "what the run itself writes"),
        ([*POSE, "--output", "r", "--save", "r/saved.json"], "what the run itself writes"),
    ],
)
def test_it_is_said_at_once(run_script, data, command, told):
    before = sorted(data.rglob("*"))
    ran = run_script(*command)
    assert ran.status in (1, 2)
    assert told in ran.err
    assert [path for path in sorted(data.rglob("*")) if path not in before] in (
        [],
        [data / "runs", data / "runs" / "pose"],  # where the heads were read first
    )


def test_nothing_left_to_learn_from_is_told(run_script, data):
    """Heads are held out by the CRC-32 of what they are of; all that is in `data.csv` is."""
    held = next(i for i in range(99) if zlib.crc32(f"{data.name}#{i}".encode()) % 1000 < 500)
    Path("data.csv").write_text(
        f"identity,file,xmin,ymin,xmax,ymax,tilt,pan\n{held},a.png,40,30,90,80,1,2\n"
    )
    few = ["--hold-out", "0.5", "--epochs", "1"]
    ran = run_script("train", data / "data.csv", "--validation", "b.csv", *few)
    assert ran.status == 1
    assert "nothing is left to learn from; give a smaller --hold-out" in ran.err


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (POSE, "--detector"),
        (BOXES, "--mine-with"),
        (BOXES, "--incomplete-detector"),
        (SECOND, "--others"),
    ],
)
@pytest.mark.parametrize("place", ["--output", "--save"])
def test_models_that_are_asked_are_no_place_for_others(run_script, data, command, option, place):
    """Such as the best detector of the run before, with which false finds are looked for."""
    model = Path("run/best.keras")
    model.parent.mkdir()
    shutil.copy(FIRST_STAGE if option != "--detector" else DEFAULT_ESTIMATOR, model)
    before = hashlib.sha256(model.read_bytes()).hexdigest()
    there = ["--output", "run"] if place == "--output" else ["--output", "new", "--save", model]
    ran = run_script(*command, option, model, *there, "--overwrite")
    assert ran.status == 1
    assert "run/best.keras is an input and would be lost" in ran.err
    assert hashlib.sha256(model.read_bytes()).hexdigest() == before


def test_measuring_on_what_is_learned_from_is_told(run_script, data):
    Path("out").touch()
    ran = run_script("train", "a.csv", "--validation", "a.csv", "--output", "out/run")
    assert "a.csv is learned from and measured on" in ran.err
