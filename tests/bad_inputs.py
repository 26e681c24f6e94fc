"""Bad inputs by command: what goes wrong most and what strangers would try.

A case is a command line; `{name}` in it stands for one of the files that `prepare` makes.
"""

import dataclasses
import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx_files
from PIL import Image

from headpose.models.metadata import ModelMetadata
from headpose.models.shipped import DEFAULT_DETECTOR, DEFAULT_ESTIMATOR
from headpose.models.specs import DetectorSpec, EstimatorSpec

TABLE = "file,xmin,ymin,xmax,ymax,tilt,pan,roll\n"


@dataclasses.dataclass(frozen=True)
class Case:
    """One command line, and what is bad about it."""

    command: str
    what: str
    arguments: tuple[str, ...]


# ------------------------------------------------------------------------------------ files


def prepare(folder: Path) -> dict[str, str]:
    """Writes good and bad files into the working folder; returns their names."""
    names = {"estimator": str(DEFAULT_ESTIMATOR), "detector": str(DEFAULT_DETECTOR)}
    (folder / "folder").mkdir()
    (folder / "empty-folder").mkdir()
    (folder / "text").write_text("I am text\n")
    (folder / "nothing").touch()
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "gone").symlink_to("nowhere")
    Image.new("RGB", (64, 48), (90, 90, 90)).save(folder / "good.png")
    (folder / "good.csv").write_text(f"{TABLE}good.png,5,5,40,40,1,2,3\n")
    _pictures(folder)
    _models(folder)
    _tables(folder)
    return names | {"long": "a" * 300, "deep": "text/deeper"}


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of(width: int, height: int) -> bytes:
    """Returns a PNG that claims a size and has next to no data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = _chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + data + _chunk(b"IEND", b"")


PICTURES = {
    "empty.jpg": "an empty file",
    "text.jpg": "text",
    "cut.jpg": "a photo cut short",
    "bomb.png": "a bomb of 1.6 billion pixels",
    "hollow.png": "a PNG without its data",
    "program.eps": "an EPS program",
    "program.jpg": "an EPS program called .jpg",
    "hollow.avif": "a hollow AVIF",
    "odd.dds": "a DDS of odd numbers",
    "nan.tif": "floats that are NaN",
    "infinite.tif": "infinite floats",
    "floats.tif": "floats up to 255",
    "whole.tif": "32-bit numbers",
    "vector.svg": "an SVG",
    "model.pdf": "a PDF",
}


def _pictures(folder: Path) -> None:
    write = {
        "empty.jpg": b"",
        "text.jpg": b"I am no picture",
        "bomb.png": png_of(40_000, 40_000),
        "hollow.png": png_of(100, 100),
        "program.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        "program.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        "hollow.avif": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miafMA1B" + b"\0" * 40,
        "odd.dds": b"DDS \x7c\0\0\0" + b"\xff" * 200,
        "vector.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "model.pdf": b"%PDF-1.4\n",
    }
    for name, data in write.items():
        (folder / name).write_bytes(data)
    noise = np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8)
    data = io.BytesIO()
    Image.fromarray(noise).save(data, "JPEG")
    (folder / "cut.jpg").write_bytes(data.getvalue()[: len(data.getvalue()) // 2])
    for name, value, kind in (
        ("nan.tif", np.nan, np.float32),
        ("infinite.tif", np.inf, np.float32),
        ("floats.tif", 255, np.float32),
        ("whole.tif", 70_000, np.int32),
    ):
        Image.fromarray(np.full((20, 20), value, kind)).save(folder / name)


MODELS = {
    "nowhere.keras": "a missing file",
    "": "an empty name",
    "{long}.keras": "a name of 300 letters",
    "folder": "a folder",
    "pipe": "a named pipe",
    "loop": "a link to itself",
    "gone": "a link to nothing",
    "/dev/zero": "an endless device",
    "empty.keras": "an empty .keras",
    "text.keras": "text called .keras",
    "half.keras": "half of a .keras",
    "lambda.keras": "a .keras with a Lambda layer",
    "lookup.keras": "a .keras that looks up a file",
    "escape.keras": "a .keras with a path upwards",
    "bomb.keras": "a .keras that is a zip bomb",
    "huge.keras": "a .keras with a billion units",
    "empty.onnx": "an empty .onnx",
    "text.onnx": "text called .onnx",
    "half.onnx": "half of an .onnx",
    "external.onnx": "an .onnx with weights elsewhere",
    "deep.onnx": "an .onnx of graphs in graphs",
    "empty.tflite": "an empty .tflite",
    "text.tflite": "text called .tflite",
    "empty.xml": "an empty .xml",
    "laughs.xml": "an .xml with entities that multiply",
    "odd.xml": "an .xml in an unknown encoding",
    "program": "a SavedModel",
    "text.h5": "text called .h5",
}
# Changes of a description: of a detector, and of an estimator.
DETECTOR_CHANGES = {
    "nan-confidence": ("confidence", float("nan")),
    "no-priors": ("priors", []),
    "negative-stride": ("priors", [{"stride": -8, "shapes": [[9, 9]]}]),
    "huge-stride": ("priors", [{"stride": 10**9, "shapes": [[9, 9]]}]),
    "no-variances": ("variances", [0, 0, 0, 0]),
    "zero-size": ("input", {"shape": [None, 0, 0, 3]}),
}
ESTIMATOR_CHANGES = {
    "zero-size": ("input", {"shape": [None, 0, 0, 3]}),
    "million-size": ("input", {"shape": [None, 10**6, 10**6, 3]}),
    "other-size": ("input", {"shape": [None, 65, 65, 3]}),
    "negative-margin": ("crop", {"side": "short", "margin": -1}),
    "unknown-side": ("crop", {"side": "diagonal", "margin": 1}),
    "other-measures": ("measures", ["pan", "tilt"]),
    "rotation-without-names": ("rotation", [0.2, 0.5, 10]),
}


def _archive(path: Path, config: object, **more: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        archive.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n")
        for name, data in more.items():
            archive.writestr(name, data)


def _layer(name: str, **config: object) -> dict:
    layer = {"module": "keras.layers", "class_name": name, "config": config}
    inside = {"layers": [layer]}
    return {"module": "keras.src.models.functional", "class_name": "Functional", "config": inside}


def _models(folder: Path) -> None:
    for suffix in ("keras", "onnx", "tflite", "xml"):
        (folder / f"empty.{suffix}").touch()
    for suffix in ("keras", "onnx", "tflite", "h5"):
        (folder / f"text.{suffix}").write_text("I am no model")
    for suffix in ("keras", "onnx"):
        whole = DEFAULT_ESTIMATOR.with_suffix(f".{suffix}").read_bytes()
        (folder / f"half.{suffix}").write_bytes(whole[: len(whole) // 2])
    _archive(folder / "lambda.keras", _layer("Lambda", function="evil"))
    _archive(folder / "lookup.keras", _layer("StringLookup", vocabulary="/etc/passwd"))
    _archive(folder / "escape.keras", _layer("Dense"), **{"../../evil.py": b""})
    _archive(folder / "bomb.keras", " " * 20_000_000)
    _archive(folder / "huge.keras", _layer("Dense", units=10**9))
    entry = onnx_files.field(1, "location") + onnx_files.field(2, "../secret")
    tensor = onnx_files.field(14, 1) + onnx_files.field(13, entry)
    told = ModelMetadata(EstimatorSpec(64, 3, 6), "a.keras", "0" * 64).to_json()
    described = onnx_files.field(1, "headpose") + onnx_files.field(2, told)
    graph = onnx_files.field(7, onnx_files.field(5, tensor))
    (folder / "external.onnx").write_bytes(graph + onnx_files.field(14, described))
    inner = b""
    for _ in range(200):
        inner = onnx_files.field(1, onnx_files.field(5, onnx_files.field(6, inner)))
    (folder / "deep.onnx").write_bytes(onnx_files.field(7, inner) + onnx_files.field(14, described))
    laughs = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    (folder / "laughs.xml").write_text(f'<!DOCTYPE x [<!ENTITY a0 "ha">{laughs}]><x>&a11;</x>')
    (folder / "odd.xml").write_text('<?xml version="1.0" encoding="nonsense"?><x/>')
    (folder / "program" / "assets.extra").mkdir(parents=True)
    (folder / "program" / "saved_model.pb").touch()
    (folder / "program" / "assets.extra" / "headpose.json").write_text(told)
    detector = DetectorSpec(None, None, 0.5, ((8, ((9.0, 9.0),)),), (0.1, 0.1, 0.2, 0.2))
    for spec, kind, changes in (
        (detector, "detector", DETECTOR_CHANGES),
        (EstimatorSpec(64, 3, 6), "estimator", ESTIMATOR_CHANGES),
    ):
        for name, (field, value) in changes.items():
            content = json.loads(ModelMetadata(spec, "a.keras", "0" * 64).to_json())
            content[field] = value
            _described(folder / f"{kind}-{name}.onnx", json.dumps(content))
        told = ModelMetadata(spec, "a.keras", "0" * 64).to_json()
        _described(folder / f"{kind}-other-network.onnx", told)
        _described(folder / f"{kind}-deep-json.onnx", "[" * 5000)


def _described(path: Path, text: str) -> None:
    onnx_files.write_linear(path, [np.full((3, 6), 0.01)], [np.zeros(6)])
    entry = onnx_files.field(1, "headpose") + onnx_files.field(2, text)
    path.write_bytes(path.read_bytes() + onnx_files.field(14, entry))


TABLES = {
    "nowhere.csv": "a missing table",
    "empty.csv": "an empty table",
    "head-only.csv": "a table without rows",
    "binary.csv": "bytes",
    "other-columns.csv": "other columns",
    "twice.csv": "a column twice",
    "words.csv": "words for numbers",
    "nan.csv": "NaN and infinity for numbers",
    "no-pictures.csv": "pictures that are missing",
    "turned-box.csv": "boxes with their right left of their left",
    "latin.csv": "Latin-1 letters",
    "empty-folder": "an empty folder",
    "good.csv#nowhere": "a part that does not exist",
}


def _tables(folder: Path) -> None:
    row = "good.png,{},{},{},{},{},{},0\n"
    write = {
        "empty.csv": b"",
        "head-only.csv": TABLE.encode(),
        "binary.csv": bytes(range(256)) * 9,
        "other-columns.csv": b"a,b,c\n1,2,3\n",
        "twice.csv": b"file,xmin,xmin,ymax,tilt,pan\ngood.png,1,2,3,4,5\n",
        "words.csv": (TABLE + row.format(*["many"] * 6)).encode(),
        "nan.csv": (TABLE + row.format("nan", "inf", 5, 5, "nan", "nan")).encode(),
        "no-pictures.csv": (TABLE + "lost.png,5,5,40,40,1,2,3\n").encode(),
        "turned-box.csv": (TABLE + row.format(40, 40, 5, 5, 1, 2)).encode(),
        "latin.csv": "file,größe\nä.png,1\n".encode("latin1"),
    }
    for name, data in write.items():
        (folder / name).write_bytes(data)
    header = "file,head,track,frame,time,width,height,xmin,ymin,xmax,ymax,score,tilt,pan,roll"
    rows = "good.png,1,,,,64,48,5,5,40,40,0.9,1,2,3"
    (folder / "heads.csv").write_text(f"{header}\n{rows}\n")
    (folder / "odd.yaml").write_text("options: [a\n")
    (folder / "words.yaml").write_text("options:\n  nonsense: [1, 2]\n")
    (folder / "odd.toml").write_text("[[train\n")
    (folder / "other.toml").write_text("[dinner]\npath = 3\n")
    (folder / "text.mat").write_text("I am no MATLAB file")
    (folder / "empty.mat").touch()
    (folder / "half.mat").write_bytes(b"MATLAB 5.0".ljust(124) + b"\0\x01IM" + b"\x0e\0\0\0\xff")
    (folder / "text.sqlite").write_text("I am no database")
    (folder / "empty.sqlite").touch()
    (folder / "text.mp4").write_text("I am no video")
    (folder / "empty.mp4").touch()


OUTPUTS = {
    "folder": "a folder",
    ".": "the working folder",
    "": "an empty name",
    "{long}.csv": "a name of 300 letters",
    "text/below": "a file for a folder",
    "loop": "a link to itself",
}

# ------------------------------------------------------------------------------------- cases

QUICK = ("--detector", "viola-jones")
BENCHMARK = ("{estimator}", "--dataset", "aflw2000")


def cases() -> Iterator[Case]:
    """Yields all cases, by command."""
    yield from _bad_options()
    yield from _bad_outputs()
    yield from _bad_models()
    yield from _bad_data()
    yield from _bad_tables()
    yield from _inputs()
    yield from _outputs_that_exist()


def _inputs() -> Iterator[Case]:
    others = {"nowhere.jpg": "a missing file", "": "an empty name", "*.nothing": "no match"}
    others |= {"empty-folder": "an empty folder", "pipe": "a named pipe", "loop": "a looping link"}
    others |= {"/dev/zero": "an endless device", "{long}.jpg": "a name of 300 letters"}
    others |= {"gone": "a link to nothing", "@nowhere": "a missing list", "@nothing": "no list"}
    others |= {"@pipe": "a list that is a pipe", "@binary.csv": "a list of bytes"}
    for name, what in (PICTURES | others).items():
        yield Case("image", what, (name, *QUICK, "--output", "out"))
    videos = {"text.mp4": "text", "empty.mp4": "an empty file", "nowhere.mp4": "a missing file"}
    videos |= {"": "an empty name", "empty-folder": "an empty folder", "99": "no such camera"}
    videos |= {"pipe": "a named pipe", "/dev/zero": "an endless device"}
    videos |= {"loop": "a looping link", "http://127.0.0.1:9/x": "an address without answer"}
    videos |= {"rtsp://user:secret@127.0.0.1:9/x": "a camera without answer", "gone": "a dead link"}
    for name, what in videos.items():
        yield Case("video", what, (name, *QUICK, "--csv", "new.csv"))
    for name, what in {"text": "text", "nowhere": "a missing file", "pipe": "a pipe"}.items():
        yield Case("annotate", what, (name, *QUICK, "--output", "out"))


def _bad_models() -> Iterator[Case]:
    for name, what in MODELS.items():
        yield Case("image", f"--estimator: {what}", ("good.png", *QUICK, "--estimator", name))
        yield Case("image", f"--detector: {what}", ("good.png", "--detector", name))
        yield Case("evaluate", f"estimator: {what}", (name, "good.csv"))
        yield Case("evaluate-detector", f"detector: {what}", (name, "--data", "good.csv"))
    for name in (*DETECTOR_CHANGES, "other-network", "deep-json"):
        what = f"--detector: a description with {name.replace('-', ' ')}"
        yield Case("image", what, ("good.png", "--detector", f"detector-{name}.onnx"))
    for name in (*ESTIMATOR_CHANGES, "other-network", "deep-json"):
        what = f"estimator: a description with {name.replace('-', ' ')}"
        yield Case("evaluate", what, (f"estimator-{name}.onnx", "good.csv"))
    for name in ("nowhere.keras", "", "folder", "pipe", "/dev/zero", "gone"):
        arguments = (name, "--format", "onnx", "--output", "new.onnx")
        yield Case("export", f"model: {MODELS[name]}", arguments)


def _bad_tables() -> Iterator[Case]:
    for name, what in TABLES.items():
        yield Case("evaluate", what, ("{estimator}", name))
        yield Case("evaluate-detector", what, ("viola-jones", "--data", name))
        arguments = (name, "--validation", name, "--output", "run")
        if name != "good.csv#nowhere":
            yield Case("train-detector", what, arguments)
        yield Case("trust", what, (name,))
        if name != "good.csv#nowhere":
            yield Case("attend", what, (name, "--output", "out"))
    for name, what in {"pipe": "a named pipe", "/dev/zero": "an endless device"}.items():
        yield Case("attend", what, (name, "--output", "out"))
        yield Case("trust", what, (name,))
        yield Case("evaluate", what, ("{estimator}", name))
        yield Case("evaluate-detector", what, ("viola-jones", "--data", name))
    for name in ("odd.toml", "other.toml", "nowhere.toml", "pipe", "binary.csv"):
        arguments = ("heads.csv", "--targets", name, "--output", "out")
        yield Case("attend", f"--targets: {name}", arguments)
    for name in ("nowhere", "empty-folder", "text", "pipe"):
        yield Case("match-datasets", f"reference: {name}", (name, "empty-folder", "new"))
    for name in ("odd.toml", "other.toml", "nowhere.toml"):
        yield Case("train-detector", f"sources: {name}", (name, "--output", "run"))


def _bad_outputs() -> Iterator[Case]:
    commands = {
        "image": ("good.png", *QUICK),
        "video": ("good.png", *QUICK),
        "evaluate": ("{estimator}", "good.csv"),
        "evaluate-detector": ("viola-jones", "--data", "good.csv"),
        "compare": ("good.csv",),
        "export": ("{estimator}", "--format", "onnx"),
        "convert": ("text.mat",),
        "train": ("good.csv", "--output", "run"),
        "train-detector": ("good.csv", "--validation", "good.csv", "--output", "run"),
        "doctor": (),
    }
    options = {
        "image": ("--csv", "--json", "--summary", "--coco"),
        "video": ("--csv", "--stats"),
        "evaluate": ("--json", "--plot"),
        "evaluate-detector": ("--json", "--plot"),
        "compare": ("--json", "--figure"),
        "export": ("--output",),
        "train": ("--save",),
        "train-detector": ("--save",),
        "doctor": ("--json",),
    }
    for command, names in options.items():
        for option in names:
            for name, what in OUTPUTS.items():
                arguments = (*commands[command], option, name)
                yield Case(command, f"{option}: {what}", arguments)
    same = {
        "image": (("--csv", "good.png"), ("--csv", "new", "--json", "new"), ("--csv", "good.csv")),
        "evaluate": (("--json", "good.csv"), ("--json", "new", "--plot", "new")),
        "evaluate-detector": (("--json", "good.csv"), ("--json", "new", "--plot", "./new")),
        "compare": (("--json", "good.csv"), ("--json", "new", "--figure", "new")),
        "export": (("--output", "{estimator}"),),
        "convert": (("--output", "x.onnx"), ("--weights", "x.h5")),
    }
    for command, given in same.items():
        for more in given:
            what = f"{' '.join(more)}: an input, twice the same, or the wrong kind"
            yield Case(command, what, (*commands[command], *more))
    for name in ("text", "nothing", "pipe"):
        what = f"--output: {name} is no folder"
        yield Case("image", what, ("good.png", *QUICK, "--output", name))
        yield Case("annotate", what, ("good.png", *QUICK, "--output", name))


def _outputs_that_exist() -> Iterator[Case]:
    peers = ("--fsa-net", "half.onnx", "text.onnx", "--whenet", "external.onnx")
    commands = {
        "evaluate": ("{estimator}", "good.csv"),
        "evaluate-detector": ("viola-jones", "--data", "good.csv"),
        "compare": ("good.csv",),
        "trust": ("good.csv",),
        "doctor": (),
        "pseudo-labels": ("good.csv", *peers),
        "convert": ("text.mat",),
        "export": ("{estimator}", "--format", "onnx"),
        "train": ("good.csv", "--validation", "good.csv", "--output", "run"),
        "train-detector": ("good.csv", "--validation", "good.csv", "--output", "run"),
    }
    there = {
        "evaluate": (("--plot", "good.png"), ("--reliability", "good.png"), ("--json", "odd.toml")),
        "evaluate-detector": (("--plot", "good.png"), ("--worst", "good.png")),
        "compare": (("--figure", "good.png"), ("--json", "odd.toml")),
        "trust": (("--json", "good.csv"), ("--json", "odd.toml")),
        "doctor": (("--json", "good.csv"), ("--json", "good.png")),
        "pseudo-labels": (("--output", "heads.csv"), ("--output", "half.onnx", "--overwrite")),
        "convert": (("--output", "text.keras"),),
        "export": (("--output", "half.onnx"), ("--output", "text.onnx")),
        "train": (("--save", "new.h5"), ("--save", "good.csv"), ("--models-csv", "heads.csv")),
        "train-detector": (("--save", "new.onnx"), ("--save", "good.csv")),
    }
    for command, given in there.items():
        for more in given:
            what = f"{' '.join(more)}: something else, or what the work could not write"
            yield Case(command, what, (*commands[command], *more))


def _bad_options() -> Iterator[Case]:
    numbers = {
        "image": ("--confidence", "--max-error", "--detector-size", "--every"),
        "video": ("--start", "--every", "--fps", "--max-size", "--beta"),
        "annotate": ("--shard-size", "--every", "--workers"),
        "evaluate-detector": ("--limit", "--confidence", "--textures"),
        "clean-aflw": ("--size", "--margin", "--match", "--test-ratio", "--seed"),
        "match-datasets": ("--iou",),
        "web": ("--port",),
        "serve": ("--port",),
    }
    for command, options in numbers.items():
        for option in options:
            for value in ("-1", "nan", "many", ""):
                yield Case(command, f"{option} {value!r}", (f"{option}={value}",))
    choices = {
        "image": ("--draw=dots", "--device=tpu", "--backend=caffe", "--precision=float8"),
        "evaluate": ("--part=all-of-it",),
        "export": ("--format=caffe",),
        "convert": ("--preset=mine",),
        "clean-pointing04": ("--split=fair", "--side=left", "--interpolation=best"),
        "annotate": ("--format=xls",),
    }
    for command, options in choices.items():
        for option in options:
            yield Case(command, option, ("good.png", option))
    for command in ("image", "evaluate", "train", "sweep", "convert", "doctor"):
        yield Case(command, "an option that does not exist", ("--nonsense",))
    for command in ("evaluate", "compare", "convert", "export", "annotate", "sweep", "train"):
        yield Case(command, "no arguments at all", ())
    gpu = ("good.png", "--backend=opencv", "--device=gpu")
    yield Case("image", "options that contradict each other", gpu)
    yield Case("image", "a window without a display", ("good.png", "--show"))
    yield Case("image", "two tables for standard output", ("good.png", "--csv=-", "--json=-"))
    yield Case("imagine", "a command that does not exist", ())
    yield Case("", "an empty command", ())


def _bad_data() -> Iterator[Case]:
    for name in ("nowhere", "text", "empty-folder", "text.mat", "empty.mat", "half.mat", "pipe"):
        more = ("--output", "clean", "--detector", "labelled")
        yield Case("clean-aflw", f"data: {name}", (name, *more))
        yield Case("clean-pointing04", f"data: {name}", (name, *more))
    for name in ("nowhere", "empty-folder", "text", "pipe"):
        for dataset in ("aflw2000", "biwi", "300w-lp", "direct-mhp", "dad-3dheads"):
            more = ("--output", "clean", "--detector", "labelled")
            yield Case("clean", f"{dataset}: {name}", (dataset, name, *more))
    yield Case("clean", "a data set that nobody knows", ("nonsense", "nowhere"))
    yield Case("evaluate", "a benchmark that is missing", (*BENCHMARK, "nowhere"))
    yield Case(
        "evaluate", "a benchmark's figures into a folder", (*BENCHMARK, "folder", "--json=.")
    )
    for name in ("text.sqlite", "empty.sqlite"):
        yield Case("clean-aflw", f"data: {name}", (name, "--output", "clean"))
    yield Case("clean-all", "both data sets are missing", ("nowhere", "nowhere"))
    for name in ("text.mat", "empty.mat", "half.mat", "nowhere.mat", "folder", "pipe", "text.h5"):
        yield Case("convert", f"file: {name}", (name, "--output", "new.keras"))
    for name in ("nowhere.csv", "text", "other-columns.csv"):
        arguments = ("text.mat", "--layers", name, "--output", "new.keras")
        yield Case("convert", f"--layers: {name}", arguments)
    for name in ("odd.yaml", "words.yaml", "nowhere.yaml", "nothing", "folder", "binary.csv"):
        yield Case("sweep", f"--space: {name}", ("good.csv", "--space", name))
    for name in ("nowhere", "empty-folder", "text"):
        yield Case("convert-deepgaze", f"models: {name}", (name, "--output", "new.keras"))
