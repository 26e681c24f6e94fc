"""Archives, stores and folders of results that `headpose annotate` cannot use."""

from collections.abc import Iterator

from bad_inputs.case import QUICK, Case

INPUTS = {
    "": "an empty name",
    "@nowhere": "a missing list",
    "@nothing": "an empty list",
    "@pipe": "a list that is a pipe",
    "@binary.csv": "a list of bytes",
    "@endless": "a list with a hundred milliards of names",
    "pipe.tar": "a tar shard that is a pipe",
    "pipe.mp4": "a video that is a pipe",
    "pipe.png": "a picture that is a pipe",
    "text.tar": "text called .tar",
    "empty.tar": "an empty tar shard",
    "half.tgz": "half of a tar shard",
    "text.parquet": "text called .parquet",
    "pipe.parquet": "Parquet that is a pipe",
    "empty-folder": "an empty folder",
    "loop": "a link to itself",
    "gone": "a link to nothing",
    "{long}.jpg": "a name of 300 letters",
    "file://nowhere": "a missing file by URL",
    "nonsense://x": "a URL of no kind",
}
OUTPUTS = {
    "": "an empty name",
    "loop": "a link to itself",
    "gone": "a link to nothing",
    "{long}": "a name of 300 letters",
    "text/below": "a file for a folder",
    "/dev/null": "a device",
    "nonsense://x": "a URL of no kind",
    "half-made": "a folder with failures alone",
    "heads-file": "a folder in which heads is a file",
    "bad-manifest": "a folder with a damaged manifest",
    "lock-folder": "a folder in which the lock is a folder",
}
MODELS = {
    "pipe": "a named pipe",
    "/dev/zero": "an endless device",
    "": "an empty name",
    "/": "the root of all files",
    "text.keras": "text called .keras",
    "program": "a SavedModel",
    "{long}": "a name of 300 letters",
}


def cases() -> Iterator[Case]:
    for name, what in INPUTS.items():
        yield Case("annotate", f"input: {what}", (name, *QUICK, "--output", "out"))
    for name, what in OUTPUTS.items():
        yield Case("annotate", f"--output: {what}", ("good.png", *QUICK, "--output", name))
        yield Case("annotate", f"--merge --output: {what}", ("--merge", "--output", name))
    for name, what in MODELS.items():
        for option in ("--detector", "--estimator"):
            arguments = ("good.png", option, name, "--output", "out")
            yield Case("annotate", f"{option}: {what}", arguments)
    for option, values in {
        "--shard": ("0/1", "2/1", "", "1/x"),
        "--split-videos": ("-1", "nan"),
        "--workers": ("0", "9" * 30),
        "--cpus-per-worker": ("0", "9" * 30),
        "--gpus-per-worker": ("1", "nan", "-1"),
        "--ray": ("",),
        "--confidence": ("nan", "7"),
    }.items():
        for value in values:
            arguments = ("good.png", *QUICK, "--output", "out", f"{option}={value}")
            yield Case("annotate", f"{option}: {value!r}", arguments)
