"""Commands refuse outputs that would be lost before they import or read anything large."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_heads import spot_heads

from headpose.datasets.pose_data import read_heads
from headpose.errors import HeadposeError
from headpose.export.exporter import export
from headpose.files import check_outputs
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
        (["verify-weights", "{model}", "nowhere.h5"], "nowhere.h5: no such file"),
        (["verify-weights", "fsa-net={csv},nowhere.onnx"], "nowhere.onnx: no such file"),
        (["evaluate", "ours", "{csv}", "--plot", "p.xyz"], "p.xyz: no format of figures"),
        (["evaluate", "ours", "{csv}", "--reliability", "plot"], "no format of figures"),
        (["evaluate", "ours", "{folder}", "--detector", "ours"], "crops are cut already"),
        (["evaluate", "ours", "{csv}", "--crop", "hopenet"], "are for --dataset"),
        (["evaluate", "ours", "{csv}", "--limit", "5"], "are for --dataset"),
        (
            ["evaluate", "ours", "{folder}", "--dataset", "aflw2000", "--plot", "p.png"],
            "are not for --dataset",
        ),
        (["evaluate-detector", "ours", "--data", "{csv}", "--plot", "p"], "no format of figures"),
        (
            ["evaluate-detector", "ours", "--data", "{csv}", "--worst", "w.xyz"],
            "w.xyz: no format of pictures",
        ),
        (["compare", "{csv}", "--figure", "f.xyz"], "f.xyz: no format of figures"),
        (["compare", "{csv}", "--pictures", "{folder}"], "names its pictures itself"),
        (["compare", "{folder}", "--detector", "ours"], "crops are cut already"),
        (["compare", "nowhere.csv"], "no such file"),
        (["compare", "nowhere"], "no such folder"),
        (["compare", "{csv}"], "no usable head"),
        (["compare", "{csv}", "--estimator", "nowhere.keras"], "no such model file"),
        (["compare", "{csv}", "--estimator", "fsa-net=no.onnx"], "no such model file"),
        (["compare", "{csv}", "--estimator", "deepgaze=no"], "no such folder"),
        (["compare", "{csv}", "--estimator", "deepgaze={folder}"], "no folder pitch or tilt"),
        (["compare", "{csv}", "--detector", "nowhere.keras"], "no such model file"),
        (["evaluate", "deepgaze=nowhere", "{csv}"], "no such folder"),
        (["evaluate", "nowhere.keras", "--dataset", "aflw2000", "{folder}"], "no such model"),
        (["evaluate", "{model}", "{csv}", "--detector", "no.keras"], "no such model file"),
        (["convert-deepgaze", "{folder}", "--output", "a.keras"], "no folder pitch or tilt"),
        (["train", "{csv}", "--validation", "{csv}", "--start", "no.keras"], "no such model"),
        (["train", "{csv}", "--validation", "{csv}", "--detector", "no.keras"], "no such model"),
        (["train", "{csv}", "--validation", "{csv}"], "/t.csv: no usable head"),
        (
            ["train-detector", "{csv}", "--validation", "{csv}", "--mine-with", "no.keras"],
            "no such model file",
        ),
        (
            [
                *("sweep", "{csv}", "--validation", "{csv}", "--space", "augmentation"),
                *("--start", "no.keras"),
            ],
            "no such model file",
        ),
        (
            ["sweep", "{csv}", "--validation", "{csv}", "--space", "starts.yaml"],
            "no.keras: no such model file",
        ),
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
    (tmp_path / "starts.yaml").write_text("options:\n  start: [ours, fast, no.keras]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(builtins, "__import__", light)
    given = [part.format(csv=table, model=model, folder=folder) for part in command]
    done = run_script(*given)
    assert done.status in (1, 2), done.err
    assert told in done.err
    assert len([line for line in done.err.splitlines() if "error" in line]) == 1
    assert table.read_text().startswith("file,")


LOST = "exists; use --overwrite"
READ = "is an input and would be lost"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("doctor --json photo.png", LOST),
        ("evaluate {model} t.csv --plot photo.png", LOST),
        ("evaluate {model} t.csv --reliability photo.png", LOST),
        ("evaluate {model} t.csv --json notes.json", LOST),
        ("evaluate {model} --dataset aflw2000 f --json notes.json", LOST),
        ("evaluate-detector viola-jones --data t.csv --plot photo.png", LOST),
        ("evaluate-detector viola-jones --data t.csv --worst photo.png", LOST),
        ("evaluate-detector viola-jones --data t.csv --json notes.json", LOST),
        ("compare t.csv --figure photo.png", LOST),
        ("compare t.csv --json notes.json", LOST),
        ("trust t.csv --json notes.json", LOST),
        ("trust a#1.csv --json a#1.csv --overwrite", READ),
        ("compare a#1.csv --json a#1.csv --overwrite", READ),
        ("evaluate ours a#1.csv#test --json a#1.csv --overwrite", READ),
        ("evaluate-detector viola-jones --data a#1.csv --json a#1.csv --overwrite", READ),
        (
            "evaluate-detector viola-jones --data t.csv --empty photo.png --plot photo.png "
            "--overwrite",
            READ,
        ),
        ("pseudo-labels t.csv --fsa-net a b --whenet c --output notes.json", LOST),
        ("pseudo-labels t.csv --fsa-net a b --whenet c --output photo.png --overwrite", "no text"),
        ("pseudo-labels t.csv --fsa-net o.onnx b --whenet c --output o.onnx --overwrite", READ),
        ("pseudo-labels t.csv --fsa-net a b --whenet o.onnx --output o.onnx --overwrite", READ),
        ("convert text.mat --output own.keras", LOST),
        ("convert text.mat --output new.keras --weights own.weights.h5", LOST),
        ("export {model} --format onnx --output o.onnx", LOST),
        ("export {model} --format openvino --output o.xml", LOST),
        ("export {model} --format openvino --output new.xml", LOST),
        ("export {model} --format litert --output o.tflite", LOST),
        ("convert-deepgaze f --output own.keras", LOST),
        ("train t.csv --validation t.csv --save own.keras", LOST),
        ("train t.csv --validation t.csv --save own.keras --resume", LOST),
        ("train-detector t.csv --validation t.csv --save own.keras", LOST),
        ("train-detector t.csv --validation t.csv --save own.keras --resume", LOST),
        ("train t.csv --validation t.csv --save t.csv", READ),
        ("train t.csv#train --validation t.csv#test --models-csv t.csv --overwrite", READ),
        ("train t.csv --validation t.csv --start o.onnx --save o.onnx", READ),
        ("train t.csv --validation t.csv --models-csv t.csv", READ),
        ("train t.csv --validation t.csv --models-csv heads.csv", "no table of runs"),
        ("train t.csv --validation t.csv --models-csv o.onnx", "no table of runs"),
        ("train t.csv --validation t.csv --save new.h5", "must end in .keras"),
        ("train f/log.csv --validation t.csv --output f --overwrite", READ),
        ("sweep f/t.csv --validation t.csv --space augmentation --output f --overwrite", READ),
        ("train-detector t.csv --validation t.csv#test --save t.csv", READ),
        ("train-detector t.csv --validation t.csv --save new.onnx", "must end in .keras"),
        ("attend f/events.csv --output f --overwrite", READ),
        ("attend heads.csv --targets f/pairs.csv --output f --overwrite", READ),
    ],
)
def test_no_file_is_replaced_unasked(run_script, tmp_path, command, told, monkeypatch):
    header = "file,xmin,ymin,xmax,ymax,tilt,pan,azimuth,elevation"
    row = "photo.png,1,1,20,20,1,2,2,1"
    (tmp_path / "f").mkdir()
    cv2.imwrite(str(tmp_path / "photo.png"), np.zeros((30, 30, 3), np.uint8))
    for name in ("t.csv", "a#1.csv", "heads.csv", "f/events.csv", "f/log.csv", "f/t.csv"):
        (tmp_path / name).write_text(f"{header}\n{row}\n")
    (tmp_path / "f" / "pairs.csv").write_text("[board]\ndirection = [0, 0]\n")
    for name in ("notes.json", "text.mat", "o.xml", "new.bin"):
        (tmp_path / name).write_text("mine")
    for name in ("own.keras", "own.weights.h5", "o.onnx", "o.tflite"):
        (tmp_path / name).write_bytes(b"mine\0\xff")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    monkeypatch.chdir(tmp_path)
    done = run_script(*command.format(model=DEFAULT_ESTIMATOR).split())
    assert done.status == 1, done.err
    assert told in done.err
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
@pytest.mark.parametrize("content", ["", "earlier", "mine"])
def test_an_export_replaces_an_earlier_one_when_asked(
    run_script, tmp_path, monkeypatch, content, options
):
    """The exporter itself is not run: what it is asked for tells that nothing refused."""
    target, asked = tmp_path / "a.onnx", []
    earlier = DEFAULT_ESTIMATOR.with_suffix(".onnx").read_bytes()
    target.write_bytes({"earlier": earlier}.get(content, content.encode()))
    monkeypatch.setattr("headpose.export.exporter.export", lambda *a, **_: asked.append(a) or [])
    done = run_script("export", DEFAULT_ESTIMATOR, "--format", "onnx", "--output", target, *options)
    assert bool(asked) == bool(options or not content), done.err
    assert (LOST in done.err) != bool(asked)


def test_an_export_that_another_process_was_faster_with_stays(tmp_path, monkeypatch):
    """Of OpenVINO's two files none is put beside another network's."""
    source, target = tmp_path / "a.keras", tmp_path / "a.onnx"
    source.write_bytes(DEFAULT_ESTIMATOR.read_bytes())

    def write(*given):
        target.write_text("dear")
        return []

    monkeypatch.setattr("headpose.export.exporter._check_request", lambda *_: None)
    monkeypatch.setattr("headpose.export.exporter._write", lambda *_: None)
    monkeypatch.setattr("headpose.export.exporter.open_exported", lambda *_: None)
    monkeypatch.setattr("headpose.export.exporter.differences", write)
    with pytest.raises(HeadposeError, match=r"a\.onnx: was put there meanwhile; add --overwrite"):
        export(source, "onnx", target, replace=False)
    assert target.read_text() == "dear"


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
def test_figures_that_came_while_a_command_worked_stay(run_script, tmp_path, monkeypatch, options):
    """Others are made of a head that a table has: what is drawn is not looked at."""
    spot_heads(tmp_path, 6, 2)
    names = {"--json": "j.json", "--plot": "p.png", "--reliability": "r.png"}
    from headpose.cli import evaluate

    def checked(*given, **options):
        check_outputs(*given, **options)
        for name in names.values():
            (tmp_path / name).write_text("dear")

    monkeypatch.setattr(evaluate, "check_outputs", checked)
    monkeypatch.chdir(tmp_path)
    given = [text for pair in names.items() for text in pair]
    done = run_script("evaluate", "fast", "heads.csv", *given, *options)
    assert done.status == 0, done.err
    for name in map(Path, names.values()):
        assert (name.read_bytes() == b"dear") == (not options)
        assert name.with_name(f"{name.stem}-2{name.suffix}").exists() == (not options)


def test_figures_that_exist_are_replaced_when_asked(run_script, tmp_path):
    for text, options, status in (("mine", [], 1), ("mine", ["--overwrite"], 0), ("", [], 0)):
        (tmp_path / "report.json").write_text(text)
        done = run_script("doctor", "--json", tmp_path / "report.json", *options)
        assert done.status == status, done.err
        assert (json.loads if status == 0 else str)((tmp_path / "report.json").read_text())


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
    np.testing.assert_array_equal(heads.patches[0, 28, 28], [0, 0, 200])
    heads, _ = read_heads(str(tmp_path / "t.csv"), size=32)
    assert heads.crops.shape == (1, 32, 32)
    assert heads.patches.ndim == 3
