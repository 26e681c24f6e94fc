"""The sweep by its command line."""

import csv
import shutil

import pytest
from drawn_heads import spot_heads


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    return spot_heads(tmp_path_factory.mktemp("heads"), 16, 8)


SMALL = "{conv_blocks: [2, 6], filters: [4]}, fixed: {architecture: patacchiola, dense_size: 8}"


def command(heads, space, output, *more):
    data = [f"{heads}#train", "--validation", f"{heads}#test", "--space", space]
    quick = ["--epochs", "1", "--steps", "2", "--batch-size", "8", "--device", "cpu"]
    return ["sweep", *data, "--output", output, *quick, *more]


def test_networks_are_trained_side_by_side_by_the_code_of_train(run_script, heads, tmp_path):
    space = tmp_path / "mine.yaml"
    space.write_text(f"{{options: {SMALL}}}")
    run = tmp_path / "run"
    given = command(heads, space, run, "--jobs", "2")
    done = run_script(*given)
    assert done.status == 0, done.err
    with (run / "models.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["conv_blocks"] for row in rows] == ["2", "6"]
    for row in rows:
        assert row["state"] == "complete"
        assert row["epochs"] == "1"
        assert 0 < float(row["validation_error"]) < 180
        assert row["score"] == row["validation_error"]
        for angle in ("tilt", "pan"):
            assert 0 < float(row[f"{heads.parent.name}/{heads.stem}#test {angle}"]) < 180
    # 9 weights a channel pair at 64 x 64 and 32 x 32, then dense layers.
    first = 64**2 * 9 * 4 + 32**2 * 9 * 4 * 8 + 16 * 16 * 8 * 8 + 8 * 2
    assert rows[0]["multiply_adds"] == str(first)
    from headpose.pose.estimator import PoseEstimator

    model = PoseEstimator.load(run / "trials" / "0001" / "best.keras").model
    assert rows[1]["parameters"] == str(model.count_params())
    assert "loss:" in (run / "trials" / "0000" / "output.txt").read_text()
    assert not (run / "trials" / "0000" / "checkpoint").exists()
    assert (run / "effects.png").exists()
    assert "trial 1 (6/4) complete" in done.out

    before = (run / "models.csv").read_bytes()
    again = run_script(*given)
    assert again.status == 0, again.err
    assert "2 trials, 0 of them to run" in again.out
    assert (run / "models.csv").read_bytes() == before
    other = run_script(*given, "--learning-rate", "0.1")
    assert other.status == 1
    assert "other values of learning_rate" in other.err


def test_a_sweep_goes_on_with_the_same_model_files_alone(
    run_script, heads, tmp_path, tiny_estimator
):
    """By content: else two networks of one name would share a table, and nobody be told."""
    space, start = tmp_path / "one.yaml", tmp_path / "start.keras"
    fixed = "fixed: {architecture: patacchiola, conv_blocks: 2, filters: 4, dense_size: 8}"
    space.write_text(f"{{options: {{learning_rate: [0.001]}}, {fixed}}}")
    shutil.copy(tiny_estimator, start)
    given = command(heads, space, tmp_path / "run", "--start", start)
    done = run_script(*given)
    assert done.status == 0, done.err
    again = run_script(*given)
    assert again.status == 0, again.err
    assert "1 trials, 0 of them to run" in again.out
    shutil.copy(tmp_path / "run" / "trials" / "0000" / "best.keras", start)
    other = run_script(*given)
    assert other.status == 1
    assert "other values of the content of start" in other.err


def test_mistakes_that_all_trials_share_end_the_sweep_soon(run_script, tmp_path):
    table = tmp_path / "heads.csv"
    table.write_text("file,xmin,ymin,xmax,ymax,tilt,pan,roll\nlost.png,5,5,40,40,1,2,3\n")
    given = [table, "--validation", table, "--space", "architectures", "--output", tmp_path / "run"]
    done = run_script("sweep", *given)
    assert done.status == 1
    assert "trial 0 (1/32/1/64) failed: " in done.err
    assert "the first 3 trials failed" in done.err.splitlines()[-1]


def test_data_that_are_missing_are_told_before_any_trial(run_script, tmp_path):
    given = ["heads.csv", "--space", "architectures", "--output", tmp_path / "run"]
    done = run_script("sweep", *given)
    assert done.status == 1
    assert "heads.csv: no such file" in done.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["{heads}"], 2, "--space"),
        (["--space", "architectures"], 2, "required: data"),
        (["{heads}", "--space", "nothing.yaml"], 1, "no such file, nor one of the spaces"),
        (["{heads}", "--space", "augmentation", "--epochs", "0"], 2, "not a whole number"),
        (["{heads}", "--space", "augmentation", "--trails", "3"], 2, "--trails"),
        (["{heads}", "--space", "augmentation", "--save", "a.keras"], 2, "--save"),
        (["{heads}", "--space", "augmentation", "--gpus-per-trial", "1"], 1, "--ray local"),
        (["{heads}", "--space", "{range}", "--search", "grid"], 1, "shift has a range"),
        (["{heads}", "--space", "{range}", "--shift", "0.3"], 2, "leave out --shift"),
        (["{heads}", "--space", "{wrong}"], 1, "space wrong: no option is called breadth"),
    ],
)
def test_bad_input_is_told_in_a_line(run_script, heads, tmp_path, arguments, status, told):
    places = {"heads": str(heads)}
    for name, text in (("range", "shift: {low: 0, high: 1}"), ("wrong", "breadth: [1]")):
        (tmp_path / f"{name}.yaml").write_text(f"options: {{{text}}}")
        places[name] = str(tmp_path / f"{name}.yaml")
    given = [a.format(**places) for a in arguments]
    done = run_script("sweep", *given, "--output", tmp_path / "run")
    assert done.status == status
    assert told in done.err.splitlines()[-1]
    assert "Traceback" not in done.err


def test_help_answers_without_tensorflow(run_fresh, tmp_path):
    for name in ("tensorflow", "keras", "optuna", "ray"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    for script in ("sweep", "annotate"):
        done = run_fresh(script, "--help", PYTHONPATH=str(tmp_path))
        assert done.status == 0, done.err
        assert f"usage: headpose {script}" in done.out
