"""Commands refuse outputs that would be lost before they import or read anything large."""

import csv

import cv2
import numpy as np
import pytest

from headpose.datasets.pose_data import read_heads
from headpose.models.shipped import DEFAULT_ESTIMATOR


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["evaluate", "{model}", "{csv}", "--json", "{csv}"], "is an input"),
        (["evaluate", "{model}", "{csv}", "--plot", "{folder}"], "it is a folder"),
        (["evaluate", "nowhere.keras", "{csv}"], "no such model file"),
        (["evaluate", "{model}", "{folder}/a.b", "{csv}"], "no such folder"),
        (["evaluate-detector", "{model}", "--data", "{csv}", "--json", "{csv}"], "is an input"),
        (["evaluate-detector", "nowhere.onnx", "--data", "{csv}"], "no such model file"),
        (
            ["evaluate-detector", "{model}", "--data", "{csv}", "--json", "x", "--plot", "x"],
            "two outputs cannot go to the same place",
        ),
        (["compare", "{csv}", "--json", "{csv}"], "is an input"),
        (["compare", "{csv}", "--figure", "{folder}"], "it is a folder"),
        (["convert", "{model}", "--output", "{folder}.keras"], "it is a folder"),
        (["export", "{model}", "--format", "onnx", "--output", "{folder}"], "it is a folder"),
        (["export", "nowhere.keras", "--format", "onnx"], "no such model file"),
        (["train-detector", "{csv}", "--validation", "{csv}", "--start", "no.keras"], "no such"),
        (["train", "{csv}", "--save", "{folder}"], "it is a folder"),
    ],
)
def test_what_would_be_lost_is_told_first(run_script, tmp_path, command, told, monkeypatch):
    import builtins

    real = builtins.__import__

    def light(name, *arguments, **options):
        assert name.partition(".")[0] not in ("tensorflow", "keras"), name
        return real(name, *arguments, **options)

    table, model, folder = tmp_path / "t.csv", DEFAULT_ESTIMATOR, tmp_path / "f"
    table.write_text("file,xmin,ymin,xmax,ymax,tilt,pan\n")
    folder.mkdir()
    (tmp_path / "f.keras").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(builtins, "__import__", light)
    given = [part.format(csv=table, model=model, folder=folder) for part in command]
    done = run_script(*given)
    assert done.status in (1, 2), done.err
    assert told in done.err
    assert len([line for line in done.err.splitlines() if "error" in line]) == 1
    assert table.read_text().startswith("file,")


def test_a_colour_estimator_gets_crops_in_colour(tmp_path):
    """The crops of a table of boxes are cut from the picture as it is, not from its grey."""
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[..., 2] = 200
    cv2.imwrite(str(tmp_path / "red.png"), picture)
    with (tmp_path / "t.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "xmin", "ymin", "xmax", "ymax", "tilt", "pan"])
        writer.writerow(["red.png", 20, 20, 80, 80, 1, 2])
    heads, _ = read_heads(str(tmp_path / "t.csv"), size=32, grey=False)
    assert heads.crops.shape == (1, 32, 32, 3)
    np.testing.assert_array_equal(heads.crops[0, 16, 16], [0, 0, 200])
    heads, _ = read_heads(str(tmp_path / "t.csv"), size=32)
    assert heads.crops.shape == (1, 32, 32)
    assert heads.patches.ndim == 3
