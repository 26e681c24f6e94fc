"""Outputs that cannot be, that are inputs, or that would replace something else."""

from collections.abc import Iterator

from bad_inputs.case import QUICK, Case

OUTPUTS = {
    "folder": "a folder",
    ".": "the working folder",
    "": "an empty name",
    "{long}.csv": "a name of 300 letters",
    "text/below": "a file for a folder",
    "loop": "a link to itself",
}


def cases() -> Iterator[Case]:
    yield from _bad_outputs()
    yield from _outputs_that_exist()


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
        "train-classifier": ("good.csv", "--validation", "good.csv", "--output", "run"),
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
        "train-classifier": ("--save",),
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
    for command in ("image", "video"):
        for more in (("--csv", "t.csv.gz"), ("--summary", "t.xlsx"), ("--json", "t.parquet")):
            what = f"{' '.join(more)}: text that is called as what it is not"
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
        "train-classifier": ("good.csv", "--validation", "good.csv", "--output", "run"),
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
        "train": (
            ("--save", "new.h5"),
            ("--save", "good.csv"),
            ("--models-csv", "heads.csv"),
            ("--save", "text.keras"),
            ("--save", "text.keras", "--resume"),
        ),
        "train-detector": (
            ("--save", "new.onnx"),
            ("--save", "good.csv"),
            ("--save", "text.keras"),
            ("--save", "text.keras", "--resume"),
        ),
        "train-classifier": (("--save", "new.onnx"), ("--save", "text.keras", "--resume")),
    }
    for command, given in there.items():
        for more in given:
            what = f"{' '.join(more)}: something else, or what the work could not write"
            yield Case(command, what, (*commands[command], *more))
