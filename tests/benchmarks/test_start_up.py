"""Fresh processes: until the first photo, and what the time goes to."""

import argparse
import time
from pathlib import Path

import demo_steps
import pytest
import run
import start_up
from small_models import CAN_EXPORT_ONNX
from variants import DEFAULT, EIGHT_BITS, Models

from headpose.images.pictures import read_image


def test_a_step_within_another_counts_for_itself_alone(monkeypatch):
    clock = iter([0.0, 1.0, 3.0, 10.0, 10.0, 15.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    watch = demo_steps.Stopwatch()
    with watch.step("outer"), watch.step("inner"):
        pass
    assert watch.step("outer")(lambda x: x + 1)(1) == 2
    assert watch.seconds == {"inner": 2.0, "outer": 8.0 + 5.0}


def test_the_slowest_step_is_named_with_the_slowest_imports():
    run = dict.fromkeys(start_up.STEPS, 0.1) | {"whole": 3.9, "imports": 3.0, "peak MB": 130.0}
    runs = [run | {"packages": {"keras": x, "numpy": 0.5}} for x in (1.0, 2.5, 9.0)]
    steps = start_up.median_steps(runs)
    assert list(steps["packages"]) == ["keras", "numpy"]
    told = start_up.slowest_step(steps)
    assert told == "imports (3.00 of 3.90 s), most of all keras 2.50 s, numpy 0.50 s"
    assert start_up.slowest_step(steps | {"drawing": 3.5}) == "drawing (3.50 of 3.90 s)"


def test_a_command_for_each_variant_names_its_models(tmp_path):
    models = Models("d.onnx", ("a.onnx", "b.onnx"), 1)
    ours = start_up.first_photo_command(DEFAULT, models, tmp_path / "p.jpg", tmp_path)
    assert Path(ours[1]).name == "demo_image.py"
    assert ours[ours.index("--backend") + 1] == "onnxruntime"
    assert ours[ours.index("--precision") + 1] == "float32"
    # Which an eight-bit file would refuse.
    assert "--precision" not in start_up.first_photo_command(
        EIGHT_BITS, models, tmp_path / "p.jpg", tmp_path
    )
    other = start_up.first_photo_command("yunet-fsanet", models, tmp_path / "p.jpg", tmp_path)
    assert Path(other[1]).name == "plain_demo.py"
    assert other[2] == "yunet-fsanet"
    assert other[5:] == ["d.onnx", "a.onnx", "b.onnx"]


@pytest.mark.skipif(not CAN_EXPORT_ONNX, reason="ONNX files cannot be made and run here")
def test_fresh_processes_are_timed_and_their_steps(monkeypatch, tmp_path, portrait, small):
    beside = [str(file.with_suffix(".onnx")) for file in small]
    files = {DEFAULT: Models(beside[0], (beside[1],), 0), "yunet-fsanet": Models("no", ("no",), 0)}
    monkeypatch.setattr(run, "DEMOS", {"demo": []})
    arguments = argparse.Namespace(starts=2, detector=small[0], estimator=small[1])
    results = {name: {} for name in files}
    steps = run.time_starts(results, files, arguments, portrait, tmp_path)
    assert len(results[DEFAULT]["first photo, seconds"]) == 2
    assert results["yunet-fsanet"] == {}  # its files are missing, which is told
    assert (tmp_path / portrait.name).is_file()
    assert len(steps["demo"]) == 2
    taken = start_up.median_steps(steps["demo"])
    assert taken["imports"] == pytest.approx(sum(taken["packages"].values()), rel=1e-6)
    assert {"numpy", "cv2", "onnxruntime", "PIL"} <= set(taken["packages"])
    assert "tensorflow" not in taken["packages"]
    assert taken["peak MB"] > 30  # numpy alone takes as much
    for run_ in steps["demo"]:
        assert all(run_[step] > 0 for step in start_up.STEPS)
        assert sum(run_[step] for step in start_up.STEPS) == pytest.approx(run_["whole"], abs=1e-6)


def test_a_plain_demo_annotates_a_photo(run_script, tmp_path, portrait, small):
    target = tmp_path / "annotated.png"
    given = ("keras-predict", portrait, target, *small)
    ran = run_script("benchmarks/plain_demo.py", *given)
    assert ran.status == 0, ran.err
    picture = read_image(portrait)
    annotated = read_image(target)
    assert annotated.shape == picture.shape
    assert (annotated != picture).any()
