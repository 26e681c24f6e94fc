import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from drawn_heads import spot_heads
from posed_heads import write_heads

from headpose import reporting
from headpose.errors import HeadposeError
from headpose.pose.estimator import PoseEstimator
from headpose.training.pose_config import (
    Augmentation,
    Learning,
    Network,
    PoseTrainingConfig,
    Sources,
)
from headpose.training.pose_run import named_run, train_estimator


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    return spot_heads(tmp_path_factory.mktemp("heads"), 30, 10)


def quick(heads, output, *more):
    data = [f"{heads}#train", "--validation", f"{heads}#test", "--output", output]
    small = ["--batch-size", "16", "--steps", "4", "--schedule", "cosine", "--patience", "0"]
    plain = ["--roll", "0", "--low-resolution", "0", "--occlusion", "0", "--average", "0"]
    return ["train.py", *data, *small, *plain, "--device", "cpu", *more]


FAMILY = ["--architecture", "patacchiola", "--conv-blocks", "3", "--filters", "4"]
FAMILY += ["--dense-size", "16"]


def read_log(folder, name="log.csv"):
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_network_learns_where_the_spot_is(run_script, heads, tmp_path):
    run = tmp_path / "run"
    more = ["--epochs", "12", "--learning-rate", "0.01", "--save", tmp_path / "best.keras"]
    done = run_script(*quick(heads, run, *FAMILY, *more))
    assert done.status == 0, done.err
    log = read_log(run)
    assert len(log) == 12
    assert float(log[-1]["score"]) < 0.7 * float(log[0]["score"])
    assert {f.name for f in run.iterdir()} >= {"best.keras", "log.csv", "curve.png", "checkpoint"}
    (row,) = read_log(tmp_path, "models.csv")
    assert row["conv_blocks"] == "3"
    assert (
        int(row["parameters"]) == PoseEstimator.load(tmp_path / "best.keras").model.count_params()
    )
    # The kept model is the best epoch's.
    assert float(row["score"]) == pytest.approx(min(float(r["score"]) for r in log), abs=1e-3)
    assert f"mean {float(row['score']):.2f} degrees" in done.out
    assert "Epoch 1/12\n" in done.out  # a command shows how far it is
    # Gone on with, the run replaces what it saved, and nothing else.
    again = run_script(*quick(heads, run, *FAMILY, *more, "--resume"))
    assert again.status == 0, again.err
    assert f"wrote {tmp_path / 'best.keras'}" in again.out
    (tmp_path / "best.keras").write_bytes(b"another's")
    for options in ([], ["--resume"]):
        refused = run_script(*quick(heads, run, *FAMILY, *more, *options))
        assert refused.status == 1
        assert "best.keras exists; use --overwrite" in refused.err
    assert (tmp_path / "best.keras").read_bytes() == b"another's"


def test_an_interrupted_run_goes_on_to_the_same_result(run_script, heads, tmp_path, monkeypatch):
    from headpose.training import pose as pose_training

    options = ["--epochs", "3", "--learning-rate", "0.005", *FAMILY]
    whole = run_script(*quick(heads, tmp_path / "whole", *options, "--average", "0.9"))
    assert whole.status == 0, whole.err

    measure, calls = pose_training.measure, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return measure(*arguments)

    run = tmp_path / "part"
    monkeypatch.setattr(pose_training, "measure", interrupted)
    assert run_script(*quick(heads, run, *options, "--average", "0.9")).status == 130
    monkeypatch.setattr(pose_training, "measure", measure)
    assert len(read_log(run)) == 1

    refused = run_script(*quick(heads, run, *options, "--average", "0.9"))
    assert refused.status == 1
    assert "--resume" in refused.err
    other = run_script(*quick(heads, run, *options, "--average", "0.8", "--resume"))
    assert other.status == 1
    assert "other values of average" in other.err

    again = run_script(*quick(heads, run, *options, "--average", "0.9", "--resume"))
    assert again.status == 0, again.err
    for a, b in zip(read_log(tmp_path / "whole"), read_log(run), strict=True):
        assert float(a["loss"]) == pytest.approx(float(b["loss"]), rel=1e-4)
        assert float(a["score"]) == pytest.approx(float(b["score"]), rel=1e-4)
    rows = read_log(tmp_path, "models.csv")
    # What the first start took is not known.
    assert [row["seconds"].isdecimal() for row in rows] == [True, False]
    assert rows[1]["seconds"] == ""


def test_the_same_seed_gives_the_same_weights(run_script, heads, tmp_path):
    weights = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        options = ["--epochs", "1", "--seed", seed, *FAMILY]
        assert run_script(*quick(heads, tmp_path / name, *options)).status == 0
        model = PoseEstimator.load(tmp_path / name / "best.keras").model
        weights.append(np.concatenate([np.ravel(w) for w in model.get_weights()]))
    np.testing.assert_array_equal(weights[0], weights[1])
    assert (weights[0] != weights[2]).any()


def test_training_stops_when_nothing_improves(run_script, heads, tmp_path):
    """With a rate of 0 no epoch after the first is better."""
    options = ["--epochs", "20", "--learning-rate", "0", "--schedule", "plateau"]
    done = run_script(*quick(heads, tmp_path / "run", *FAMILY, *options, "--patience", "3"))
    assert done.status == 0, done.err
    assert len(read_log(tmp_path / "run")) == 4


def test_the_default_network_trains_with_roll_where_labels_have_none(run_script, heads, tmp_path):
    options = ["--epochs", "1", "--average", "0.9", "--outputs", "3"]
    done = run_script(*quick(heads, tmp_path / "run", *options))
    assert done.status == 0, done.err
    assert np.isfinite(float(read_log(tmp_path / "run")[0]["loss"]))
    assert PoseEstimator.load(tmp_path / "run" / "best.keras").outputs == 3
    assert json.loads((tmp_path / "run" / "arguments.json").read_text())["epochs"] == "1"


@pytest.mark.parametrize(
    ("more", "size", "grey"),
    [(["--teacher", "large"], 64, True), (["--size", "32", "--colour"], 32, False)],
)
def test_a_configuration_trains_the_whole_turn(run_script, heads, tmp_path, more, size, grey):
    """Labels with roll, and heads turned away, make the network that tells rotations.

    It learns from the labels and from the estimator that ships, or from crops in colour.
    """
    table = pd.read_csv(heads)
    table["roll"] = 0.0
    table["face"] = ["away" if i % 4 == 0 else "visible" for i in range(len(table))]
    table.loc[table["face"] == "away", ["tilt", "pan", "roll"]] = np.nan
    folder = heads.parent
    table.to_csv(folder / "turn.csv", index=False)
    content = "".join(
        f'[[{part}]]\npath = "turn.csv"\npart = "{source}"\n'
        for part, source in (("train", "train"), ("validation", "test"))
    )
    (tmp_path / "sources.toml").write_text(content)
    done = run_script(
        "train.py", tmp_path / "sources.toml", "--data-root", folder, "--output", tmp_path / "run",
        "--epochs", "2", "--steps", "3", "--batch-size", "8", "--device", "cpu",
        *more, "--side", "long", "--margin", "0.9",
    )  # fmt: skip
    assert done.status == 0, done.err
    assert "8 turned away" in done.out
    told = json.loads((tmp_path / "run" / "arguments.json").read_text())
    assert told["size"] == ("None" if grey else "32")
    log = read_log(tmp_path / "run")
    assert np.isfinite([float(row["loss"]) for row in log]).all()
    assert 0 <= float(log[0][f"{folder.name}/turn#test away"]) <= 1
    assert float(log[0]["score"]) == pytest.approx(
        float(log[0][f"{folder.name}/turn#test geodesic"])
    )
    estimator = PoseEstimator.load(tmp_path / "run" / "best.keras")
    assert (estimator.outputs, estimator.size, estimator.grey) == (6, size, grey)


def test_training_begins_with_the_weights_that_fit(run_script, heads, tmp_path, tiny_estimator):
    first = tmp_path / "first"
    assert run_script(*quick(heads, first, *FAMILY, "--epochs", "1")).status == 0
    still = [*FAMILY, "--epochs", "1", "--learning-rate", "0", "--outputs", "3"]
    done = run_script(*quick(heads, tmp_path / "next", *still, "--start", first / "best.keras"))
    assert done.status == 0, done.err
    # The last layer has another shape.
    assert "4 of 5 layers take its weights" in done.out
    a, b = (
        PoseEstimator.load(run / "best.keras").model.get_layer("conv1").get_weights()
        for run in (first, tmp_path / "next")
    )
    np.testing.assert_array_equal(a[0], b[0])
    other = ["--architecture", "compact", "--epochs", "1", "--start", tiny_estimator]
    refused = run_script(*quick(heads, tmp_path / "none", *other))
    assert refused.status == 1
    assert "none of its layers fits" in refused.err


def test_somebody_who_is_told_each_epoch_may_end_the_run(heads, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(reporting, "_announce", reporting._log)  # as where no command runs
    config = PoseTrainingConfig(
        Sources((f"{heads}#train",), validation=(f"{heads}#test",)),
        output=tmp_path / "run",
        device="cpu",
        network=Network("patacchiola", conv_blocks=3, filters=4, dense_size=16),
        learning=Learning(batch_size=16, steps=4, epochs=5),
        augmentation=Augmentation(roll=0, low_resolution=0, occlusion=0),
    )
    told = []
    row = train_estimator(
        config,
        lambda epoch, log: told.append((epoch, log["score"])) or epoch == 1,
    )
    assert [epoch for epoch, _ in told] == [0, 1]
    assert row["score"] == pytest.approx(min(score for _, score in told), abs=1e-3)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["nowhere.csv", "--validation", "nowhere.csv"], 1, "no such file or folder"),
        (["{heads}"], 1, "need --validation"),
        (["{heads}", "--epochs", "0"], 2, "not a whole number at least 1"),
        (["{heads}", "--mirror", "2"], 2, "not a number from 0 to 1"),
        (["{heads}#none", "--validation", "{heads}"], 1, "no row has the part 'none'"),
    ],
)
def test_bad_input_is_told_in_a_line(run_script, heads, tmp_path, arguments, status, told):
    given = [a.format(heads=heads) for a in arguments]
    done = run_script("train.py", *given, "--output", tmp_path / "run")
    assert done.status == status
    assert told in done.err.splitlines()[-1]
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (
            ["--colour", "--architecture", "compact"],
            "--colour is for --architecture rotation; leave it out",
        ),
        (["--size", "8"], "--size: '8' is not a whole number from 16 to 512"),
        (["--size", "32", *FAMILY, "--conv-blocks", "6"], "take fewer --conv-blocks"),
    ],
)
def test_crops_that_a_network_does_not_take_are_refused(
    run_script, tmp_path, noise_picture, options, wanted
):
    table = write_heads(tmp_path, noise_picture)
    data = [f"{table}#train", "--validation", f"{table}#test", "--output", tmp_path / "run"]
    done = run_script("train.py", *data, *options)
    assert done.status in (1, 2)
    assert wanted in done.err
    assert not (tmp_path / "run").exists() or not list((tmp_path / "run").iterdir())


def test_runs_of_several_folders_share_a_table(tmp_path, monkeypatch):
    """The same relative --output in each of them is another run."""
    config = PoseTrainingConfig(output=Path("runs/pose"), models_csv=tmp_path / "all.csv")
    names = set()
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        names.add(named_run(config))
        assert named_run(dataclasses.replace(config, models_csv=None)) == "runs/pose"
    assert names == {str(tmp_path / folder / "runs/pose") for folder in ("first", "second")}


@pytest.mark.parametrize(("more", "status"), [([], 0), (["--models-csv", "{tmp}/t.csv"], 1)])
def test_the_model_is_saved_where_the_table_of_runs_cannot_be(
    run_script, heads, tmp_path, monkeypatch, more, status
):
    def note_model(path, row):
        raise HeadposeError(f"cannot write {path}: permission denied; choose another place")

    monkeypatch.setattr("headpose.training.pose_run.note_model", note_model)
    options = ["--epochs", "1", "--save", tmp_path / "best.keras"]
    options += [text.format(tmp=tmp_path) for text in more]
    done = run_script(*quick(heads, tmp_path / "run", *FAMILY, *options))
    assert done.status == status, done.err
    assert "permission denied" in done.err
    assert PoseEstimator.load(tmp_path / "best.keras").model.count_params() > 0
