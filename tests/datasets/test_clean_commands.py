"""The commands that clean data sets."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from labelled_faces import Fixed
from pose_sets import (
    LABELLED,
    MAT,
    aflw_faces,
    contents,
    make_aflw,
    make_pointing04,
    pointing_name,
    start_script,
    write_mat,
    write_sqlite,
)

from headpose.cli import cleaning as cleaning_command
from headpose.datasets.crop_dataset import read_crops
from headpose.datasets.label_tables import PARTS
from headpose.detection import loading as detectors

POSES = [(0, 0), (-15, 30), (60, -75), (30, 15), (-30, 90)]


@pytest.fixture(scope="module")
def pointing04(tmp_path_factory):
    return make_pointing04(tmp_path_factory.mktemp("pointing04"), poses=POSES)


DRIVER = """
import importlib, os, runpy, signal, sys, time
module, function, calls = importlib.import_module(sys.argv[1]), sys.argv[2], int(sys.argv[3])
signal.signal(signal.SIGINT, signal.default_int_handler)
real = getattr(module, function)
def interrupted(*arguments, **options):
    global calls
    calls -= 1
    if not calls:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
    return real(*arguments, **options)
setattr(module, function, interrupted)
sys.argv = sys.argv[4:]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def joint(tmp_path_factory, aflw, pointing04):
    """By protocol: arguments of clean_all.py, what it gives uninterrupted, what it prints."""
    result = {}
    for protocol in ("grouped", "original"):
        arguments = [aflw, pointing04, *LABELLED, "--split", protocol, "--arrays"]
        arguments += ["--size", 24, "--batch-size", 4]
        output = tmp_path_factory.mktemp("joint") / "clean"
        done = start_script("clean_all.py", *arguments, "--output", output)
        assert done.returncode == 0, done.stderr
        result[protocol] = arguments, output, done.stdout
    return result


@pytest.mark.parametrize(
    ("protocol", "module", "function", "call", "resumed"),
    [
        ("grouped", "headpose.datasets.cleaning", "read_image", 1, False),
        ("grouped", "headpose.datasets.cleaning", "write_crop", 30, True),
        ("original", "headpose.datasets.crop_writing", "write_arrays", 2, True),
    ],
)
def test_interrupted_and_started_again_gives_the_same_files(
    tmp_path, joint, protocol, module, function, call, resumed
):
    arguments, expected, _ = joint[protocol]
    command = [*arguments, "--output", tmp_path / "clean"]
    driver = ("-c", DRIVER, module, function, str(call))
    first = start_script("clean_all.py", *command, driver=driver)
    assert first.returncode == 130, first.stderr
    assert "start the same command again" in first.stderr
    assert not (tmp_path / "clean" / "summary.json").exists()
    again = start_script("clean_all.py", *command)
    assert again.returncode == 0, again.stderr
    assert ("going on" in again.stdout) == resumed
    assert contents(tmp_path / "clean") == contents(expected)


@pytest.mark.parametrize("protocol", ["grouped", "original"])
def test_the_joint_folder(joint, protocol):
    _, folder, told = joint[protocol]
    table = read_crops(folder).table
    sizes = table["dataset"].value_counts()
    heads = table[table["mirrored"] == 0].drop_duplicates("file")["dataset"].value_counts()
    assert heads.to_dict() == {"aflw": 30, "pointing04": 40}
    assert "T-ratio 1.0000, F-ratio 0.0000" in told
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["datasets"]["all"]["matched"] == 70
    shared = summary["shared with train"]["test"]
    parts = {part: read_crops(folder, part) for part in PARTS}
    assert sum(map(len, parts.values())) == len(table)
    if protocol == "original":
        assert sizes.to_dict() == {"aflw": 80, "pointing04": 80}
        assert shared["same picture"] > shared["rows"] / 2
        twins = table[table["mirrored"] == 1].iloc[0]
        first = table[table["file"] == twins["file"].replace("-mirrored", "")].iloc[0]
        assert (first["pan"], first["roll"]) == (-twins["pan"], -twins["roll"])
        crops = read_crops(folder)
        places = [table.index[table["file"] == f["file"]][0] for f in (first, twins)]
        np.testing.assert_array_equal(crops.crops[places[0]][:, ::-1], crops.crops[places[1]])
    else:
        assert shared["same picture"] == shared["same person"] == 0
        people = [set(p.table["subject"]) - {""} for p in parts.values()]
        assert not (people[0] & people[1] or people[0] & people[2] or people[1] & people[2])
    assert f"{shared['same picture']} show a picture" in told
    for part, crops in parts.items():
        np.testing.assert_array_equal(np.load(folder / f"{part}_img.npy"), crops.crops)
        np.testing.assert_array_equal(np.load(folder / f"{part}_pose.npy"), crops.angles)


def test_mat_and_sqlite_give_the_same_folder(tmp_path, aflw, run_script):
    write_sqlite(tmp_path / "aflw.sqlite", aflw_faces())
    pictures = ["--pictures", aflw / "data/flickr"]
    for source, name in ((aflw / MAT, "mat"), (tmp_path / "aflw.sqlite", "sqlite")):
        output = ["--output", tmp_path / name]
        assert run_script("clean_aflw.py", source, *pictures, *LABELLED, *output).status == 0
    mat, sqlite = (read_crops(tmp_path / name) for name in ("mat", "sqlite"))
    np.testing.assert_array_equal(mat.crops, sqlite.crops)
    np.testing.assert_array_equal(mat.angles, sqlite.angles)
    assert mat.table.drop(columns="source").equals(sqlite.table.drop(columns="source"))
    # Inside the data set's folder names are relative to it, else they are the labels'.
    assert mat.table["source"][0] == f"data/flickr/{sqlite.table['source'][0]}"


def test_pointing04_from_end_to_end(tmp_path, pointing04, run_script):
    output = tmp_path / "clean"
    options = [*LABELLED, "--colour", "--size", 20, "--output", output]
    assert run_script("clean_pointing04.py", pointing04, *options).status == 0
    everything = read_crops(output)
    assert everything.crops.shape == (40, 20, 20, 3)
    assert set(map(tuple, everything.angles[:, :2].tolist())) == set(POSES)
    row = everything.table.set_index("source").loc[
        f"Person03/{pointing_name(3, 2, 2, 60, -75)}.jpg"
    ]
    assert (row["tilt"], row["pan"], row["subject"]) == (60, -75, "person03")
    assert str(tmp_path) not in (output / "labels.csv").read_text()
    assert str(pointing04) not in (output / "summary.json").read_text()


def test_viola_jones_finds_no_head_in_noise(tmp_path, aflw, run_script):
    options = ["--detector", "viola-jones", "--limit", 4, "--output", tmp_path]
    ran = run_script("clean_aflw.py", aflw, *options)
    assert ran.status == 1
    assert "not one crop: head without a detection: " in ran.err


def test_bad_pictures_are_counted_named_and_make_the_status_1(tmp_path, run_script):
    faces = aflw_faces(16)
    home = make_aflw(tmp_path / "aflw", faces)
    (home / "data/flickr" / faces[0][0]).write_bytes(b"no picture")
    (home / "data/flickr" / faces[2][0]).unlink()
    faces[3] = (*faces[3][:2], [np.nan] * 3)
    faces[5] = (faces[5][0], [100, 70, 140, 110], faces[5][2])
    write_mat(home / MAT, faces)
    done = run_script("clean_aflw.py", home, *LABELLED, "--output", tmp_path / "clean")
    assert done.status == 1, done.err
    table = pd.read_csv(tmp_path / "clean" / "left_out.csv")
    assert table["kind"].value_counts().to_dict() == {
        "unreadable picture": 1,
        "missing picture": 1,
        "label without pose": 1,
        "rectangle over the border, kept": 1,
    }
    named = table.set_index("kind")["name"]
    assert named["unreadable picture"] == f"data/flickr/{faces[0][0]}"
    assert named["missing picture"] == faces[2][0]
    assert "missing picture: 1" in done.err
    assert len(read_crops(tmp_path / "clean")) == len(faces) - 2 - 1 - 1


@pytest.mark.parametrize(
    ("script", "arguments", "status", "told"),
    [
        ("clean_aflw.py", ["gone"], 1, "no such file or folder"),
        ("clean_pointing04.py", ["gone"], 1, "no such folder"),
        ("clean_all.py", ["gone", "gone"], 1, "no such file or folder"),
        ("clean_aflw.py", [], 2, "required"),
        ("clean_aflw.py", ["{aflw}", "--size", "0"], 2, "from 8 to 1024"),
        ("clean_aflw.py", ["{aflw}", "--confidence", "2"], 2, "from 0 to 1"),
        ("clean_aflw.py", ["{aflw}", "--detector", "gone.keras"], 1, "no such detector"),
        ("clean_aflw.py", ["{aflw}", "--detector", "gone.onnx"], 1, "no such model file"),
        ("clean_aflw.py", ["{aflw}", "--output", "{aflw}"], 2, "choose another --output"),
        ("clean_aflw.py", ["{aflw}", *LABELLED, "--output", "{file}"], 1, "cannot write"),
        ("clean_aflw.py", ["{aflw}", *LABELLED, "--confidence", 0.3], 2, "labelled is none"),
        (
            "clean_aflw.py",
            ["{aflw}", *LABELLED, "--match", 0.9, "--precision", "int8"],
            2,
            "leave out --match, --precision",
        ),
        (
            "clean_aflw.py",
            [*("{aflw}", "--detector", "viola-jones"), "--precision", "int8", "--device", "gpu"],
            2,
            "viola-jones has no network: leave out --precision, --device",
        ),
        (
            "comparison/clean_aflw.py",  # whose default it is
            ["{aflw}", "--backend", "openvino", "--trust-model"],
            2,
            "viola-jones-deepgaze has no network: leave out --backend, --trust-model",
        ),
        (
            "clean_aflw.py",
            ["{aflw}", *LABELLED, "--test-subjects", "a", "--test-ratio", 0.4],
            2,
            "leave out --test-ratio",
        ),
        ("clean_aflw.py", ["{file}"], 1, "not a MATLAB file|not a database"),
        ("clean_aflw.py", ["{aflw}", *LABELLED, "--pictures", "gone"], 1, "no usable picture"),
    ],
)
def test_errors_are_one_line(
    tmp_path, monkeypatch, aflw, run_script, script, arguments, status, told
):
    file = tmp_path / "file.mat"
    file.write_text("text")
    arguments = [str(a).format(aflw=aflw, file=file) for a in arguments]
    if "--output" not in arguments:
        arguments += ["--output", tmp_path / "clean"]
    monkeypatch.chdir(tmp_path)
    ran = run_script(script, *arguments)
    assert ran.status == status
    assert re.search(told, ran.err)
    assert len([line for line in ran.err.splitlines() if "error:" in line]) == 1
    assert not (tmp_path / "clean").exists()


@pytest.mark.parametrize("script", ["clean_aflw.py", "clean_pointing04.py", "clean_all.py"])
def test_help_needs_no_tensorflow(tmp_path, run_fresh, script):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('imported')")
    (tmp_path / "keras.py").write_text("raise SystemExit('imported')")
    ran = run_fresh(script, "--help", PYTHONPATH=str(tmp_path))
    assert ran.status == 0
    assert "--validation-ratio" in ran.out


def test_helen_goes_through(tmp_path, shared_data, run_script):
    helen = shared_data / "helen"
    yunet = shared_data.parent / "peers" / "yunet_n_640_640.onnx"
    if not yunet.is_file():
        pytest.skip("the published face detector (../shared/peers) is not on this machine")
    options = ["--detector", yunet, "--limit", 20, "--splits-tilt", 2, "--splits-pan", 2]
    ran = run_script("clean_aflw.py", helen, *options, "--output", tmp_path)
    assert ran.status == 0, ran.err
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["datasets"]["aflw"]["t_ratio"] >= 0.9
    labels = pd.read_csv(helen / "labels.csv").set_index("file")
    table = read_crops(tmp_path).table
    known = labels.loc[[s.rpartition("/")[2] for s in table["source"]]]
    np.testing.assert_allclose(table["pan"], known["pan"], atol=0.01)
    width = (known["head_xmax"] - known["head_xmin"]).to_numpy()
    shift = (table["xmin"] + table["xmax"]).to_numpy() / 2
    shift -= ((known["head_xmin"] + known["head_xmax"]) / 2).to_numpy()
    assert np.median(np.abs(shift) / width) < 0.08


@pytest.mark.parametrize(
    ("size", "given", "expected", "unsure"),
    [
        ((512, 512), None, 0.75, None),  # SSD512 gets the published threshold
        (None, None, 0.5, 0.3),  # ours their own
        ((512, 512), 0.3, 0.3, None),
        (None, 0.6, 0.6, None),
        ("no network", None, 0.5, None),
    ],
)
def test_the_default_thresholds(monkeypatch, tmp_path, size, given, expected, unsure):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some.onnx").touch()
    detector = Fixed()
    if size != "no network":
        detector.fixed_size = size
    monkeypatch.setattr(detectors, "load_detector", lambda name, size, backend: detector)
    arguments = SimpleNamespace(
        detector="some.onnx", detector_size=512, confidence=given, backend=None, trust_model=False
    )
    arguments.device = arguments.precision = "auto"
    assert cleaning_command.detector_and_thresholds(arguments, 0.75) == (detector, expected, unsure)
