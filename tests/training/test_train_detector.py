import csv
import json

import numpy as np
import pytest
from drawn_heads import disc_pictures
from small_models import saved, small_detector

from headpose.datasets.detection_annotations import read_detection_annotations
from headpose.detection.head_detector import HeadDetector
from headpose.detection.metrics import SIZE_CLASSES, inside
from headpose.geometry.boxes import as_boxes
from headpose.images.picture_cache import PictureCache
from headpose.images.pictures import read_image
from headpose.models.keras_files import load_model
from headpose.training.detection import measure
from headpose.training.run_folder import open_run


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Pictures of noise with dark discs for heads."""
    return disc_pictures(tmp_path_factory.mktemp("discs"), 8, 2)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A detector that TensorFlow is ready to train in a moment."""
    return saved(small_detector(), tmp_path_factory.mktemp("small") / "small.keras")


def quick(data, output, *more):
    small = ["--epochs", "2", "--steps", "2", "--batch-size", "2", "--size", "64"]
    base = ["--validation", data, "--output", output, "--device", "cpu", "--validate-on", "2"]
    return ["train-detector", data, *base, *small, *more]


def read_log(folder):
    with (folder / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_detector_trains_is_kept_and_goes_on(run_script, data, small, tmp_path):
    run = tmp_path / "run"
    more = ["--save", tmp_path / "d.keras", "--incomplete-labels", data, "--keep", "last"]
    done = run_script(*quick(data, run, "--start", small, *more))
    assert done.status == 0, done.err
    log = read_log(run)
    assert len(log) == 2
    assert all(np.isfinite(float(row["loss"])) for row in log)
    assert "ap 16-32" in log[0]
    assert (run / "curve.png").stat().st_size > 1000
    detector = HeadDetector.load(tmp_path / "d.keras")
    boxes, scores = detector.detect([read_image(data.with_name("0.png"))], 0.0)[0]
    assert boxes.shape == (len(scores), 4)

    refused = run_script(*quick(data, run))
    assert refused.status == 1
    assert "--resume, --overwrite" in refused.err

    lost = run_script(*quick(data, run, "--start", run / "best.keras", "--overwrite"))
    assert lost.status == 1
    assert "best.keras is an input and would be lost" in lost.err
    more = [tmp_path / "d.keras", "--overwrite"]
    again = run_script(*quick(data, run, "--start", *more))
    assert again.status == 0, again.err


def test_the_last_model_is_made_again_where_it_could_not_be_written(
    run_script, data, small, tmp_path
):
    run, saved_at = tmp_path / "run", tmp_path / "d.keras"
    given = ("--start", small, "--keep", "last", "--save", saved_at)
    assert run_script(*quick(data, run, *given)).status == 0
    weights = [np.array(w) for w in load_model(run / "last.keras").get_weights()]
    for name in (run / "last.keras", saved_at):
        name.unlink()
    again = run_script(*quick(data, run, *given, "--resume"))
    assert again.status == 0, again.err
    assert len(read_log(run)) == 2
    for old, new in zip(weights, load_model(run / "last.keras").get_weights(), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-6)
    (run / "log.csv").unlink()
    open_run(run, {}, resume=False, overwrite=True)
    assert not [path.name for path in run.iterdir() if path.suffix == ".keras"]


def test_the_loss_falls(run_script, data, small, tmp_path):
    more = ["--start", small, "--steps", "6", "--batch-size", "4", "--learning-rate", "0.003"]
    done = run_script(*quick(data, tmp_path / "run", *more))
    assert done.status == 0, done.err
    log = read_log(tmp_path / "run")
    assert float(log[1]["loss"]) < float(log[0]["loss"])


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--size", "100"], 1, "multiple of 64"),
        (["--start", "none.keras"], 1, "no such model file"),
        (["--incomplete-labels", "none.csv"], 1, "no such file or folder"),
        (["--steps", "many"], 2, "not a whole number"),
    ],
)
def test_bad_input_is_told_in_a_line(run_script, data, tmp_path, arguments, status, told):
    done = run_script(*quick(data, tmp_path / "run", *arguments))
    assert done.status == status
    assert told in done.err.splitlines()[-1]


def test_sizes_that_no_head_has_count_for_nothing(data, small):
    pictures, _ = read_detection_annotations(data)
    figures = measure(HeadDetector.load(small), pictures, PictureCache(2**20))
    known = [v for k, v in figures.items() if k not in ("ap all", "ap mean") and v == v]
    assert 0 < len(known) < len(SIZE_CLASSES)
    assert figures["ap mean"] == pytest.approx(np.mean(known))


def test_faults_in_the_data_are_told_or_stop(run_script, data, small, tmp_path):
    table = data.with_name("faulty.csv")
    table.write_text(data.read_text() + "0.png,5,5,5,9\nnone.png,1,1,20,20\n1.png,a,1,2,3\n")
    more = ["--start", small, "--epochs", "1"]
    done = run_script(*quick(table, tmp_path / "run", *more, "--strict"))
    assert done.status == 1
    assert "bad row: 1 (faulty.csv line 20)" in done.err
    done = run_script(*quick(table, tmp_path / "run", *more, "--steps", "1"))
    assert done.status == 0, done.err
    for part in ("bad row: 1", "missing picture: 1 (none.png)", "box without area"):
        assert part in done.err


def test_detectors_are_measured_side_by_side(run_script, data, tmp_path, tiny_detector):
    out, picture = tmp_path / "figures.json", tmp_path / "curves.png"
    names = [tiny_detector, f"{tiny_detector}@128", "viola-jones"]
    done = run_script(
        "evaluate-detector",
        *names,
        "--data",
        data,
        "--json",
        out,
        "--plot",
        picture,
        "--textures",
        "2",
        "--backgrounds",
        data,
    )
    assert done.status == 0, done.err
    figures = json.loads(out.read_text())
    rows = figures["data"][str(data)]["detectors"]
    assert [row["detector"] for row in rows] == [str(n) for n in names]
    assert all(0 <= row["all"] <= 1 for row in rows)
    assert figures["false heads"]["drawn textures"]["pictures"] == 2
    assert sum(line.startswith("| ") for line in done.out.splitlines()) == 5
    assert picture.stat().st_size > 1000


def test_the_measure_gives_full_marks_to_the_truth(run_script, data, tmp_path, monkeypatch):
    """A detector that answers with the labels has average precision 1 and no false heads."""
    from headpose.detection import loading as detectors

    pictures, _ = read_detection_annotations(data)
    answers = iter([p.boxes for p in pictures])

    class Knows:
        confidence = 0.5

        def detect(self, pictures, confidence=None):
            boxes = next(answers)
            return [(boxes, np.ones(len(boxes), np.float32))]

    monkeypatch.setattr(detectors, "load_detector", lambda *_: Knows())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "truth").touch()
    done = run_script("evaluate-detector", "truth", "--data", data)
    assert done.status == 0, done.err
    cells = done.out.splitlines()[-1].split(" | ")
    assert cells[1] == "1.000"
    assert cells[7:10] == ["1.000", "0.000", "0.000"]


def test_finds_on_ignored_boxes_are_not_false(run_script, data, tmp_path):
    """Also where there is nothing but ignored boxes."""
    table, out = data.with_name("ignored.csv"), tmp_path / "figures.json"
    rows = ["file,xmin,ymin,xmax,ymax,ignore", "0.png,-1,-1,9999,9999,1", "1.png,,,,,"]
    table.write_text("\n".join(rows) + "\n")
    small = saved(small_detector(), tmp_path / "small.keras")
    done = run_script("evaluate-detector", small, "--data", table, "--json", out)
    assert done.status == 0, done.err
    (row,) = json.loads(out.read_text())["data"][str(table)]["detectors"]
    detector = HeadDetector.load(small)
    pictures = [read_image(data.with_name(name)) for name in ("0.png", "1.png")]
    (first, _), (second, _) = detector.detect(pictures)
    # What is for the most part outside the picture is not in the box either.
    outside = ~inside(first, as_boxes([[0, 0, pictures[0].shape[1], pictures[0].shape[0]]]))
    assert 0 < outside.sum() < len(first)
    assert row["false"] == len(second) + outside.sum()


def test_several_sets_are_measured_in_one_run(run_script, data, tmp_path, tiny_detector):
    """One with tags and an ignored box, and one without heads."""
    tagged, nobody = data.with_name("tagged.csv"), data.with_name("nobody.csv")
    header = "file,xmin,ymin,xmax,ymax,ignore,view"
    tagged.write_text(f"{header}\n0.png,5,5,45,45,0,back\n0.png,50,5,90,45,1,\n")
    nobody.write_text("file,xmin,ymin,xmax,ymax\n1.png,,,,\n2.png,,,,\n")
    out, sheet = tmp_path / "figures.json", tmp_path / "sheet.png"
    more = ["--json", out, "--worst", sheet, "--grey", "--turned", "--shifted"]
    done = run_script("evaluate-detector", tiny_detector, "--data", tagged, nobody, *more)
    assert done.status == 0, done.err
    about = json.loads(out.read_text())["data"]
    first, second = about[str(tagged)], about[str(nobody)]
    assert (first["heads"], second["heads"]) == (1, 0)
    assert first["recall by tag"][str(tiny_detector)] == {"view": {"back": [0, 1]}}
    assert second["detectors"][0]["false a picture"] == 0
    assert "nan" not in done.out  # sizes of which there is no head get a dash
    assert " | - | " in done.out
    assert second["detectors"][0]["lost in grey"] == 0
    assert second["detectors"][0]["lost by a shift"] == 0
    assert "view back | 1 | 0.000" in done.out
    (drawn,) = tmp_path.glob("sheet-*.png")
    assert read_image(drawn).shape == (336, 320, 3)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("none.keras", "no such model file"),
        ("none.onnx", "no such model file"),
        ("x@big", "whole number"),
    ],
)
def test_detectors_that_cannot_be_loaded_are_told(run_script, data, name, told):
    done = run_script("evaluate-detector", name, "--data", data)
    assert done.status == 1
    assert told in done.err
    assert "Traceback" not in done.err
