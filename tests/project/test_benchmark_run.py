import argparse
import importlib.util
import json
import math
import os
import sys
import time
from collections import Counter
from pathlib import Path

import accuracy
import demo_steps
import numpy as np
import process_worker
import pytest
import report
import run
import start_up
import tables
import variant_files
import variant_models
from onnx_files import write_linear
from process_worker import ProcessWorker
from small_models import exported, packages, saved, small_detector, small_estimator
from variants import DEFAULT, PUBLISHED, REFERENCE, SSD512, VARIANTS, Models, title

from headpose.cli.markdown import replaced, write_between
from headpose.errors import HeadposeError
from headpose.geometry.boxes import as_boxes
from headpose.geometry.crops import head_crops
from headpose.images.pictures import read_image, write_image
from headpose.models.network import network_of
from headpose.training.onnx_multiply_adds import onnx_size

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SCRIPT = "benchmarks/run.py"
ABLE = all(importlib.util.find_spec(name) for name in packages("onnx"))
MARKS = ("<!-- run.py -->", "<!-- end -->")


def boxes(*rows):
    return as_boxes(rows), np.full(len(rows), 0.9, np.float32)


def figures(**more) -> dict:
    return {
        "first photo, seconds": [0.5, 0.3, 0.4],
        "detect 1, seconds": [0.011, 0.01, 0.03],
        "detect 4, seconds": [0.04],
        "estimate 1, seconds": [0.001, 0.002],
        "estimate 32, seconds": [0.0201],
        "photo 1, seconds": [0.0125],
        "video": {"frames a second": [70.0, 90.0], "frames": 60, "heads a frame": 1.0},
        "peak bytes": 200_400_000,
        "file bytes": 8_700_000,
        "angles off": {"largest": 0.01, "mean": 0.001},
        "boxes off": {"heads": 9, "unmatched": 0, "largest": 0.02, "mean": 0.002},
    } | more


# ------------------------------------------------------------------------------- tables


def test_a_row_has_the_medians_in_the_units_of_its_columns():
    head, line, row = tables.variants_table({DEFAULT: figures()}).splitlines()
    assert head.count("|") == line.count("|") == row.count("|")
    assert dict(zip(head.split(" | ")[1:], row.split(" | ")[1:], strict=True)) == {
        "first photo, s": "0.40",
        "1 picture, ms": "11.0",
        "4 pictures, ms": "40.0",
        "1 head, ms": "1.50",
        "32 heads, ms": "20.10",
        "photo, ms": "12.5",
        "video, frames/s": "80.0",
        "peak MB": "200",
        "files MB": "8.7",
        "angles off, mean / max": "0.001 / 0.010",
        "boxes off px, mean / max |": "0.002 / 0.020 |",
    }


def test_what_is_not_known_is_a_dash():
    row = tables.variants_table({REFERENCE: {}}).splitlines()[-1]
    assert row == f"| {REFERENCE} | {' | '.join(['-'] * 11)} |"


def test_heads_that_only_one_detector_found_are_told():
    apart = {"heads": 9, "unmatched": 2, "largest": 1.5, "mean": 0.25}
    assert tables.difference_cell(apart) == "0.250 / 1.500 (2 unmatched)"


def test_networks_and_steps_are_tables():
    networks = [
        {"network": "a", "input": "8x8x3", "parameters": 1234, "multiply-adds": 5_600_000},
        {"network": "b", "input": "8x8x3", "parameters": None, "multiply-adds": None},
    ]
    assert tables.networks_table(networks).splitlines()[2:] == [
        "| a | 8x8x3 | 1,234 | 5.6 |",
        "| b | 8x8x3 | - | - |",
    ]
    steps = dict.fromkeys((*start_up.STEPS, "whole"), 0.25)
    lines = tables.steps_table({"demo": steps, "other": steps}).splitlines()
    assert lines[0] == "| step, ms | `demo` | `other` |"
    assert lines[2:] == [f"| {name} | 250 | 250 |" for name in (*start_up.STEPS, "whole")]


def test_the_front_page_names_ours_first_and_then_the_others():
    results = {name: figures() for name in ("yunet-fsanet", DEFAULT, "litert-float32")}
    lines = tables.front_table(results).splitlines()
    assert lines[2:] == [
        "| ours (ONNX Runtime) | 0.40 | 12.5 | 80 | 8.7 |",
        "| YuNet + FSA-Net | 0.40 | 12.5 | 80 | 8.7 |",
    ]


FASTER = {"photo 1, seconds": [0.01]}


@pytest.mark.parametrize(
    ("eight_bits", "shown"),
    [
        (figures(**FASTER), True),
        (figures(), False),
        (figures(**FASTER, **{"angles off": {"largest": 3.0, "mean": 1.1}}), False),
    ],
    ids=["good", "no faster", "too far off"],
)
def test_eight_bits_are_on_the_front_page_if_they_are_good(eight_bits, shown):
    results = {DEFAULT: figures(), REFERENCE: figures(), "openvino-int8": eight_bits}
    lines = tables.front_table(results).splitlines()[2:]
    assert [line.split(" | ")[0] for line in lines] == [
        "| ours (ONNX Runtime)",
        "| ours in Keras",
        *(["| ours with eight bits (openvino)"] if shown else []),
    ]


def test_of_several_good_ones_the_nearest_is_shown():
    near = figures(**{"photo 1, seconds": [0.011]})
    far = figures(**FASTER, **{"angles off": {"largest": 30.0, "mean": 0.9}})
    results = {DEFAULT: figures(), "litert-int8": far, "openvino-int8": near}
    assert tables.good_int8(results) == "openvino-int8"


def test_titles_are_different():
    assert max(Counter(map(title, VARIANTS)).values()) == 1


# ------------------------------------------------------------------------------- report


def test_text_between_marks_is_replaced_and_the_rest_stays(tmp_path):
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- run.py -->\nold\n<!-- end -->\nafter\n")
    for text in ("new\n", "newer"):
        write_between(page, MARKS, text)
        expected = f"before\n<!-- run.py -->\n{text.strip()}\n<!-- end -->\nafter\n"
        assert page.read_text() == expected
    assert list(tmp_path.iterdir()) == [page]


@pytest.mark.parametrize("text", ["", "<!-- run.py -->", "<!-- end -->\n<!-- run.py -->"])
def test_a_page_without_marks_is_left_alone(tmp_path, text):
    page = tmp_path / "README.md"
    page.write_text(text)
    with pytest.raises(HeadposeError, match=r"README.md: has no <!-- run.py --> and <!-- end -->"):
        write_between(page, MARKS, "new")
    assert page.read_text() == text


def test_the_pages_of_the_project_have_their_marks():
    folder = Path(report.__file__).parent
    assert replaced(folder / "README.md", MARKS, "new").count("new\n<!-- end -->") == 1


@pytest.mark.parametrize(
    ("given", "data", "shown"),
    [
        ([], [], "python run.py"),
        (
            ["--calibrate-detector", "/d/scut/val.csv", "--photos", "/d/photos"],
            ["/d/scut/val.csv", "/d/photos"],
            "python run.py --calibrate-detector DATA/scut/val.csv --photos DATA/photos",
        ),
        (
            ["--calibrate-estimator", "../d/h/labels.csv#validation", "--peers", "/p/models/"],
            ["../d/h/labels.csv#validation"],
            "python run.py --calibrate-estimator 'DATA/labels.csv#validation' --peers PEERS/",
        ),
        (["--json", "/home/me/figures.json"], [], "python run.py --json figures.json"),
        (["--clip", "clip.mp4"], ["clip.mp4"], "python run.py --clip clip.mp4"),
    ],
)
def test_a_command_is_shown_without_the_folders_of_this_machine(given, data, shown):
    assert report.command_line(given, data, "/p/models/", "run.py") == shown


# -------------------------------------------------------------------------- differences


def test_angles_differ_the_short_way_round():
    reference = np.float32([[0, 179, 0, 0, 0, 5], [10, 0, 0, 0, 0, 5]])
    told = np.float32([[0, -179, 0, 90, 0, 50], [10, 1, 0, 0, 0, 5]])
    apart = accuracy.angle_differences(reference, told)
    assert apart == {"largest": pytest.approx(2), "mean": pytest.approx(3 / 6)}


def test_boxes_differ_in_pixels_of_a_picture_whose_long_side_is_512():
    reference = [boxes((0, 0, 100, 100), (300, 300, 400, 400)), boxes((0, 0, 50, 50))]
    found = [boxes((302, 300, 402, 400)), boxes((0, 0, 50, 51), (200, 0, 250, 50))]
    assert accuracy.box_differences(reference, found, [1024, 512]) == {
        "heads": 3,
        "unmatched": 2,
        "largest": pytest.approx(1),
        "mean": pytest.approx((1 + 1 + 1) / 8),
    }


def test_no_heads_at_all_differ_by_nothing():
    apart = accuracy.box_differences([boxes()], [boxes()], [512])
    assert apart == {"heads": 0, "unmatched": 0, "largest": 0, "mean": 0}


@pytest.mark.parametrize(
    ("name", "more", "kept"),
    [
        (DEFAULT, {}, True),
        (DEFAULT, {"angles off": {"largest": 0.11, "mean": 0.0}}, False),
        (DEFAULT, {"boxes off": {"unmatched": 0, "largest": 0.6, "mean": 0.0}}, False),
        (DEFAULT, {"boxes off": {"unmatched": 1, "largest": 0.0, "mean": 0.0}}, False),
        ("onnxruntime-int8", {"angles off": {"largest": 9.0, "mean": 0.9}}, True),
        ("onnxruntime-int8", {"angles off": {"largest": 9.0, "mean": math.nan}}, False),
        ("keras-bfloat16", {}, None),
        (REFERENCE, {}, None),
        (DEFAULT, {"angles off": None}, None),
    ],
)
def test_bounds_are_those_of_exported_models(name, more, kept):
    assert accuracy.within_bounds(name, figures(**more)) is kept


def test_it_is_said_who_keeps_the_bounds():
    far = figures(**{"angles off": {"largest": 9.0, "mean": 2.0}})
    results = {REFERENCE: {}, DEFAULT: figures(), "litert-float32": far, "litert-int8": far}
    first, second = accuracy.bound_lines(results)
    assert first.endswith(f"from {REFERENCE}: held by {DEFAULT}; not held by litert-float32")
    assert second.endswith(f"from {REFERENCE}: not held by litert-int8")


# ---------------------------------------------------------------------------- processes


def test_an_object_in_a_process_answers_until_it_is_stopped():
    worker = ProcessWorker(Counter, "abracadabra")
    try:
        assert worker.ask("most_common", 1) == [("a", 5)]
        with pytest.raises(HeadposeError, match=r"AttributeError: 'Counter' object has no"):
            worker.ask("least_common")
        assert worker.ask("total") == 11
        assert sum(worker.burned) < process_worker.LONGEST_SPINNING
    finally:
        worker.stop()
    with pytest.raises(HeadposeError, match="its process has ended"):
        worker.ask("total")


def test_what_cannot_be_made_is_one_line():
    with pytest.raises(HeadposeError, match="TypeError: 'int' object is not iterable"):
        ProcessWorker(Counter, 5)


def test_a_process_that_dies_is_told():
    with pytest.raises(HeadposeError, match="its process has ended"):
        ProcessWorker(os._exit, 3)


def test_a_step_within_another_counts_for_itself_alone(monkeypatch):
    clock = iter([0.0, 1.0, 3.0, 10.0, 10.0, 15.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    watch = demo_steps.Stopwatch()
    with watch.step("outer"), watch.step("inner"):
        pass
    assert watch.timed(lambda x: x + 1, "outer")(1) == 2
    assert watch.seconds == {"inner": 2.0, "outer": 8.0 + 5.0}


def test_the_slowest_step_is_named_with_the_slowest_imports():
    run = dict.fromkeys(start_up.STEPS, 0.1) | {"whole": 3.9, "imports": 3.0}
    runs = [run | {"packages": {"keras": x, "numpy": 0.5}} for x in (1.0, 2.5, 9.0)]
    steps = start_up.median_steps(runs)
    assert list(steps["packages"]) == ["keras", "numpy"]
    told = start_up.slowest_step(steps)
    assert told == "imports (3.00 of 3.90 s), most of all keras 2.50 s, numpy 0.50 s"
    assert start_up.slowest_step(steps | {"drawing": 3.5}) == "drawing (3.50 of 3.90 s)"


# ------------------------------------------------------------------------------- models


def test_an_untrained_detector_is_said_to_find_one_head():
    network = variant_models.with_one_head(network_of(small_detector(), "head detector"))
    found, scores = network.call(np.zeros((2, 64, 128, 3), np.float32))
    assert (scores > network.spec.confidence).sum(axis=1).tolist() == [1, 1]
    np.testing.assert_allclose(found[scores > 0.5], [[51.2, 19.2, 76.8, 38.4]] * 2, rtol=1e-6)


def test_a_peer_has_all_measures_that_follow_from_its_angles(tmp_path):
    pytest.importorskip("onnxruntime")
    file = write_linear(tmp_path / "peer.onnx", [np.zeros((3, 3))], [np.array([30.0, 0.0, 5.0])])
    variant = VARIANTS["yunet-fsanet"]
    peer = variant_models.load_estimator(variant, [str(file)])
    crops = head_crops(np.zeros((99, 99, 3), np.uint8), [(9, 9, 60, 60)] * 2, **peer.crop_options)
    measures = peer.measures(crops)
    np.testing.assert_allclose(measures[:, :5], [[0, 30, 5, 30, 0]] * 2, atol=1e-4)
    assert np.isnan(measures[:, 5]).all()


@pytest.mark.parametrize("kind", [SSD512, PUBLISHED])
def test_the_published_networks_have_their_size(kind):
    expected = {SSD512: 24_386_328, PUBLISHED: 6_813_442}
    assert variant_files.build(kind).count_params() == expected[kind]


@pytest.mark.skipif(not ABLE, reason="ONNX files cannot be made and run here")
def test_an_onnx_file_counts_as_the_model_that_it_was_made_from(tmp_path):
    from headpose.training.multiply_adds import multiply_adds

    source = saved(small_estimator(2), tmp_path / "small.keras")
    _, counted = onnx_size(exported(source, "onnx"), (1, 32, 32, 1))
    assert counted == multiply_adds(small_estimator(2))


def test_an_onnx_file_has_the_parameters_of_its_layers(tmp_path):
    for package in ("onnx", "onnxruntime"):
        pytest.importorskip(package)
    weights = [np.zeros((3, 5)), np.zeros((3, 2))]
    file = write_linear(tmp_path / "linear.onnx", weights, [np.zeros(5), np.zeros(2)])
    size = onnx_size(file, (1, 3, 64, 64))
    assert size == (3 * 7 + 7, 3 * 7)


@pytest.mark.parametrize(
    ("name", "told"),
    [("yunet-fsanet", "needs --peers"), ("onnxruntime-int8", "needs --calibrate-detector")],
)
def test_a_variant_says_what_it_needs(tmp_path, name, told):
    source = tmp_path / "model.keras"
    source.write_bytes(b"x")
    files = variant_files.ModelFiles(
        variant_files.Sources(source, source, tmp_path / "work", tmp_path)
    )
    with pytest.raises(HeadposeError, match=told):
        files.of(VARIANTS[name])


def test_a_command_for_each_variant_names_its_models(tmp_path):
    models = Models("d.onnx", ("a.onnx", "b.onnx"), 1)
    ours = start_up.first_photo_command(DEFAULT, models, tmp_path / "p.jpg", tmp_path)
    assert Path(ours[1]).name == "demo_image.py"
    assert ours[ours.index("--backend") + 1] == "onnxruntime"
    other = start_up.first_photo_command("yunet-fsanet", models, tmp_path / "p.jpg", tmp_path)
    assert Path(other[1]).name == "plain_demo.py"
    assert other[2:6] == ["yunet-fsanet", "d.onnx", "a.onnx", "b.onnx"]


# ------------------------------------------------------------------------------- script


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> tuple[Path, Path]:
    """A detector and an estimator; with ONNX files beside them where these can be made."""
    folder = tmp_path_factory.mktemp("small")
    files = (
        saved(small_detector(), folder / "detector.keras"),
        saved(small_estimator(6), folder / "estimator.keras"),
    )
    for file in files if ABLE else ():
        exported(file, "onnx")
    return files


def test_variants_are_measured_without_any_data(run_fresh, tmp_path, small):
    names = [REFERENCE, *([DEFAULT] if ABLE else [])]
    ran = run_fresh(
        SCRIPT,
        *("--variants", *names, "--detector", small[0], "--estimator", small[1]),
        *("--repeats", 1, "--starts", 0, "--videos", 1, "--frames", 10),
        *("--work", tmp_path / "work", "--json", tmp_path / "figures.json"),
    )
    assert ran.status == 0, ran.err
    told = json.loads((tmp_path / "figures.json").read_text())
    assert list(told["variants"]) == names
    for name, row in told["variants"].items():
        for call in ("detect 1", "detect 4", "estimate 1", "estimate 32", "photo 1"):
            (seconds,) = row[f"{call}, seconds"]
            assert seconds > 0
        assert 0 < row["video"]["frames"] <= 10  # fewer where `LONGEST_VIDEO` ends it
        assert row["peak bytes"] > 10e6
        assert f"| {name} | - | " in ran.out  # no starts
    if ABLE:
        row = told["variants"][DEFAULT]
        assert row["boxes off"]["heads"] > 0
        assert accuracy.within_bounds(DEFAULT, row)
        beside = [file.with_suffix(".onnx") for file in small]
        assert row["file bytes"] == sum(file.stat().st_size for file in beside)
    assert [n["network"] for n in told["networks"]][2:] == [SSD512, PUBLISHED]
    assert not any(str(folder) in ran.out for folder in (tmp_path, small[0].parent))


@pytest.mark.skipif(not ABLE, reason="ONNX files cannot be made and run here")
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
    for run_ in steps["demo"]:
        assert all(run_[step] > 0 for step in start_up.STEPS)
        assert sum(run_[step] for step in start_up.STEPS) == pytest.approx(run_["whole"], abs=1e-6)


def test_a_plain_demo_annotates_a_photo(run_script, tmp_path, portrait, small):
    target = tmp_path / "annotated.png"
    files = ("keras-predict", *small)
    given = ("--picture", portrait, "--output", target)
    ran = run_script("benchmarks/plain_demo.py", *files, *given)
    assert ran.status == 0, ran.err
    picture = read_image(portrait)
    annotated = read_image(target)
    assert annotated.shape == picture.shape
    assert (annotated != picture).any()


@pytest.fixture
def run_on_fakes(monkeypatch, tmp_path):
    """Runs the script with figures that nobody measured, on pages in a folder of their own."""
    steps = dict.fromkeys(start_up.STEPS, 0.1) | {"whole": 1.0, "packages": {"numpy": 0.1}}
    monkeypatch.setattr(run, "prepare", lambda *_: ({}, []))
    monkeypatch.setattr(run, "measure_in_turns", lambda *_: ({DEFAULT: figures()}, True))
    monkeypatch.setattr(run, "time_starts", lambda *_: {"demo": [steps]})
    monkeypatch.setattr(run, "README", tmp_path / "benchmarks.md")
    monkeypatch.setattr(run, "FRONT", tmp_path / "front.md")

    def call(*arguments) -> None:
        work = ("--work", str(tmp_path / "work"))
        monkeypatch.setattr(sys, "argv", ["run.py", *map(str, arguments), *work])
        run.main()

    return call


def test_tables_are_written_into_the_pages(run_on_fakes, tmp_path, capsys):
    (tmp_path / "benchmarks.md").write_text("<!-- run.py -->\nold\n<!-- end -->\n")
    (tmp_path / "front.md").write_text("# A\n<!-- figures -->\n<!-- end of figures -->\nB\n")
    run_on_fakes("--write", "--json", tmp_path / "figures.json")
    page, front = ((tmp_path / name).read_text() for name in ("benchmarks.md", "front.md"))
    text = page.removeprefix("<!-- run.py -->\n").removesuffix("\n<!-- end -->\n")
    assert text in capsys.readouterr().out
    assert f"| {DEFAULT} | 0.40 | 11.0 |" in text
    assert text.startswith("`python benchmarks/run.py --write --json figures.json --work work`, ")
    assert front == (
        "# A\n<!-- figures -->\n"
        + tables.front_table({DEFAULT: figures()})
        + "\n<!-- end of figures -->\nB\n"
    )
    told = json.loads((tmp_path / "figures.json").read_text())
    assert told["variants"] == {DEFAULT: figures()}


def test_a_front_page_without_marks_stays(run_on_fakes, tmp_path):
    (tmp_path / "benchmarks.md").write_text("<!-- run.py --><!-- end -->")
    (tmp_path / "front.md").write_text("# A\n")
    run_on_fakes("--write")
    assert (tmp_path / "front.md").read_text() == "# A\n"


def test_missing_marks_are_told_before_anything_is_measured(run_on_fakes, tmp_path, monkeypatch):
    (tmp_path / "benchmarks.md").write_text("no marks")
    monkeypatch.setattr(run, "prepare", None)
    with pytest.raises(
        HeadposeError, match=r"benchmarks.md: has no <!-- run.py --> and <!-- end -->"
    ):
        run_on_fakes("--write")


def test_photos_that_cannot_be_read_are_told_and_left_out(tmp_path, noise_picture, capsys):
    write_image(tmp_path / "good.png", noise_picture(20, 10))
    (tmp_path / "bad.png").write_bytes(b"no picture")
    arguments = argparse.Namespace(photos=str(tmp_path))
    assert run.photos_of(arguments, Path("portrait")) == [tmp_path / "good.png"]
    assert "left out: " in (told := capsys.readouterr().err) and "bad.png" in told
    (tmp_path / "good.png").unlink()
    with pytest.raises(HeadposeError, match="not one photo can be read"):
        run.photos_of(arguments, Path("portrait"))


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--variants", "caffe"], 2, "invalid choice: 'caffe'"),
        (["--repeats", "0"], 2, "'0' is not a whole number at least 1"),
        (["--detector", "no.keras"], 1, "run.py: error: no.keras: no such file\n"),
        (["--peers", "nowhere"], 1, "run.py: error: nowhere: no such folder of models\n"),
        (["--calibrate-detector", "nowhere"], 1, "nowhere: no such pictures or table\n"),
        (["--photos", "nowhere"], 1, "run.py: error: nowhere: no such file\n"),
        (["--json", "."], 1, "run.py: error: .: is a folder; name a file in it\n"),
    ],
)
def test_what_cannot_be_done_is_told_at_once(run_script, arguments, status, told):
    ran = run_script(SCRIPT, *arguments)
    assert ran.status == status
    assert told in ran.err
    assert ran.out == ""
