"""Of the script test_on_dataset.py."""

import json

import cv2
import numpy as np
import pandas as pd
import pytest

from headpose.datasets import crop_dataset as cd
from headpose.datasets import crop_writing
from headpose.models.shipped import DEFAULT_ESTIMATOR
from headpose.pose.metrics import error_table

SIZE, ROWS = 16, 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Crops whose brightness tells pan and whose contrast with the right half tells tilt."""
    folder = tmp_path_factory.mktemp("clean")
    (folder / "crops").mkdir()
    random = np.random.default_rng(0)
    table = pd.DataFrame(0, index=range(ROWS), columns=list(cd.COLUMNS)).astype(object)
    table["file"] = [f"crops/aflw-{i:05d}-0.png" for i in range(ROWS)]
    table["pan"] = random.integers(-80, 81, ROWS)
    table["tilt"] = random.integers(-40, 41, ROWS)
    table["roll"] = ""
    for name, pan, tilt in zip(table["file"], table["pan"], table["tilt"], strict=True):
        crop = np.full((SIZE, SIZE), pan + 100, np.uint8)
        crop[:, SIZE // 2 :] = tilt + 100
        crop_writing.write_crop(folder / name, crop)
    parts = np.array(["train"] * 10 + ["test"] * (ROWS - 10))
    crop_writing.write_tables(folder, table, parts)
    made = {"options": {"size": SIZE, "side": "long", "margin": 1.0}}
    (folder / "summary.json").write_text(json.dumps(made))
    return folder


@pytest.fixture(scope="module")
def estimators(tmp_path_factory):
    """Two estimators that read such crops: one exactly, one 5 degrees off and with roll."""
    import keras

    folder = tmp_path_factory.mktemp("models")
    paths = []
    for offset, outputs in ((0, 2), (5, 3)):
        pixels = keras.Input((SIZE, SIZE, 1))
        dense = keras.layers.Dense(outputs, use_bias=True)
        model = keras.Model(pixels, dense(keras.layers.Flatten()(pixels)))
        weights = np.zeros((SIZE, SIZE, outputs), np.float32)
        weights[:, SIZE // 2 :, 0] = weights[:, : SIZE // 2, 1] = 2 / SIZE**2
        bias = np.full(outputs, offset - 100, np.float32)
        dense.set_weights([weights.reshape(-1, outputs), bias])
        paths.append(folder / f"off-by-{offset}.keras")
        model.save(paths[-1])
    return paths


def test_figures_are_printed_written_and_drawn(tmp_path, folder, estimators, run_script):
    done = run_script(
        "evaluate", *estimators, folder, "--json", tmp_path / "figures.json",
        "--plot", tmp_path / "plot.png", "--device", "cpu", "--precision", "float32", "--table",
    )  # fmt: skip
    assert done.status == 0, done.err
    report = json.loads((tmp_path / "figures.json").read_text())
    assert report["part"] == "test"
    exact, off = report["results"]
    truth = cd.read_crops(folder, "test").angles
    for result, offset in ((exact, 0), (off, 5)):
        expected = error_table(truth[:, :2] + offset, truth)
        for label, row in expected.items():
            told = {k: np.nan if v is None else v for k, v in result["errors"][label].items()}
            assert told == pytest.approx(row, abs=1e-3, nan_ok=True)
        assert result["ms a head"] > 0
    assert cv2.imread(str(tmp_path / "plot.png")) is not None
    lines = done.out.splitlines()
    assert lines[0].endswith("test: 30 heads")
    all_heads = [line.split() for line in lines if line.split()[:1] == ["all"]]
    assert [line[1:5] for line in all_heads] == [
        ["30", "0.00", "0.00", "0.00"],
        ["30", "5.00", "5.00", "5.00"],
    ]
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
    heads, _, *rows = cells[:4]
    for row, offset in zip(rows, (0, 5), strict=True):
        told = dict(zip(heads, row, strict=True))
        assert told["data set"] == f"{folder}, test"
        assert told["heads"] == "30"
        assert [told[angle] for angle in ("tilt", "pan", "mean")] == [f"{offset:.2f}"] * 3
        # Off by 5 degrees in both: the noses are apart by less than 5 * 2 ** 0.5.
        assert 0.8 * offset <= float(told["median"]) <= 1.42 * offset
        assert told["slope of pan"] == "1.000"
        assert told["expected"] == told["away, ROC"] == "-"
    counts = [int(row[2]) for row in cells[6:] if row[1] != "all" and "by-0" in row[0]]
    assert sum(counts) == 30
    # These networks say nothing of their crops, so that the plain crop is what they want.
    assert done.err.count("crops differ from what it was made for: side long") == 2


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        ([], 2, "required"),
        (["a.keras"], 2, "required"),
        (["a.keras", "b.keras"], 2, "required: dataset"),
        (["who", "{folder}"], 1, "who: no such estimator"),
        (["fsa-net=gone.onnx", "{folder}"], 1, "gone.onnx: no such model file"),
        (["gone.keras", "{folder}"], 1, "gone.keras: no such model file"),
        (["{ours}", "gone"], 1, "no such folder"),
        (["{model}", "{folder}", "--part", "exam"], 2, "invalid choice"),
        (["{ours}", "{folder}", "--part", "validation"], 1, "has no rows"),
        (["{ours}", "a.csv", "--part", "validation"], 1, "as in labels.csv#validation"),
        (["{ours}", "a.csv#b", "./a.csv#b"], 1, "./a.csv#b: given twice"),
        (["{ours}", "a.csv#b@0.5"], 1, "a.csv#b@0.5: a share is for training"),
        (["{ours}", "a", "--dataset", "biwi", "--part", "all"], 1, "not for --dataset"),
        (["{model}", "{folder}"], 1, "not a .keras model file"),
    ],
)
def test_errors_are_one_line(tmp_path, folder, run_script, arguments, status, told):
    model = tmp_path / "bad.keras"
    model.write_text("no model")
    named = {"folder": folder, "model": model, "ours": DEFAULT_ESTIMATOR}
    done = run_script("evaluate", *[a.format(**named) for a in arguments])
    assert done.status == status
    assert told in done.err
    assert len([line for line in done.err.splitlines() if "error:" in line]) == 1


def test_help_needs_no_tensorflow(tmp_path, run_fresh):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('imported')")
    (tmp_path / "keras.py").write_text("raise SystemExit('imported')")
    done = run_fresh("evaluate", "--help", PYTHONPATH=str(tmp_path))
    assert done.status == 0
    assert "--plot" in done.out


def test_a_table_is_measured_at_labelled_and_at_detected_boxes(
    run_script, tmp_path, tiny_estimator, portrait
):
    """The portrait with its head's box, by eye; the cascade's box gives other crops."""
    (tmp_path / "p.jpg").write_bytes(portrait.read_bytes())
    table = tmp_path / "heads.csv"
    table.write_text("file,part,xmin,ymin,xmax,ymax,tilt,pan\np.jpg,a,150,30,360,320,5,-5\n")
    outputs = []
    for more in ([], ["--detector", "viola-jones"]):
        figures = tmp_path / "figures.json"
        given = ["--json", figures, "--overwrite", *more]
        done = run_script("evaluate", tiny_estimator, f"{table}#a", *given)
        assert done.status == 0, done.err
        assert "heads.csv#a: 1 heads" in done.out
        outputs.append(json.loads(figures.read_text())["results"][0]["errors"]["all"]["tilt"])
    assert outputs[0] != outputs[1]


def test_several_data_sets_are_measured_one_by_one_and_together(
    run_script, tmp_path, tiny_estimator, portrait
):
    """Heads without angles that are turned away count in the separation alone."""
    (tmp_path / "p.jpg").write_bytes(portrait.read_bytes())
    names = "file,xmin,ymin,xmax,ymax,tilt,pan,roll,face"
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text(
        f"{names}\np.jpg,150,30,360,320,5,-5,1,visible\np.jpg,100,30,300,320,,,,away\n"
        "p.jpg,120,30,300,300,0,170,,back\n"
    )
    second.write_text(f"{names}\np.jpg,150,60,360,320,0,40,,visible\n")
    figures = tmp_path / "figures.json"
    done = run_script("evaluate", tiny_estimator, first, second, "--json", figures)
    assert done.status == 0, done.err
    assert "first.csv: 3 heads, 1 of them turned away" in done.out
    assert "all 2 data sets together: 4 heads" in done.out
    report = json.loads(figures.read_text())
    rows, (union,) = report["results"], report["together"]
    assert [row["errors"]["all"]["heads"] for row in rows] == [2, 1]
    assert union["errors"]["all"]["heads"] == 3
    # By hand: of a label without roll, the angle between the noses.
    off = [row["turn or nose"]["all"] for row in rows]
    assert union["turn or nose"]["all"] == pytest.approx((2 * off[0] + off[1]) / 3, rel=1e-5)
    assert 0 <= union["away, area under ROC"] <= 1
    assert "away, area under ROC" not in rows[1]
