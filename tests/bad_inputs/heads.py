"""Tables, targets and networks that looks and pseudo-labels cannot be made of."""

from collections.abc import Iterator

from bad_inputs.case import Case

TABLES = {
    "pipe.parquet": "Parquet that is a pipe",
    "deep.jsonl": "JSON nested without end",
    "digits.jsonl": "a number of 5,000 digits",
    "list-head.jsonl": "a list for a row",
    "word-angle.jsonl": "a word for an angle",
    "no-box.csv": "boxes without area alone",
    "turned-angle.csv": "angles of no turn alone",
    "twice-head.csv": "a head twice in a frame",
    "long-field.csv": "a field of 200,000 letters",
}
OUTPUTS = {
    "": "an empty name",
    "loop": "a link to itself",
    "gone": "a link to nothing",
    "pipe": "a named pipe",
    "text": "a file",
    "text/below": "a file for a folder",
    "{long}": "a name of 300 letters",
    "/dev/null": "a device",
    "events-folder": "a folder in which a table is a folder",
}
NETWORKS = {
    "nowhere.onnx": "a missing file",
    "pipe": "a named pipe",
    "/dev/zero": "an endless device",
    "": "an empty name",
    "folder": "a folder",
    "text.onnx": "text",
    "external.onnx": "weights elsewhere",
    "estimator-other-network.onnx": "another network",
}


def cases() -> Iterator[Case]:
    for name, what in TABLES.items():
        yield Case("attend", f"table: {what}", (name, "--no-figures", "--output", "out"))
    for name, what in OUTPUTS.items():
        arguments = ("looks.csv", "--no-figures", "--output", name)
        yield Case("attend", f"--output: {what}", arguments)
    for name in ("half-track.toml", "empty.toml", "camera.toml", "endless.toml", "loop"):
        arguments = ("looks.csv", "--no-figures", "--targets", name, "--output", "out")
        yield Case("attend", f"--targets: {name}", arguments)
    for option, values in {
        "--fov": ("0", "nan", "180", ""),
        "--within": ("0", "inf"),
        "--max-error": ("-1", "nan"),
        "--shortest": ("-1", "inf"),
    }.items():
        for value in values:
            arguments = ("looks.csv", "--output", "out", f"{option}={value}")
            yield Case("attend", f"{option} {value!r}", arguments)
    for name, what in NETWORKS.items():
        arguments = ("good.csv", "--fsa-net", name, name, "--whenet", name, "--output", "new.csv")
        yield Case("pseudo-labels", f"networks: {what}", arguments)
    networks = ("--fsa-net", "text.onnx", "text.onnx", "--whenet", "text.onnx")
    for name in ("folder", "", "loop", "{long}.csv", "text/below"):
        arguments = ("good.csv", *networks, "--output", name)
        yield Case("pseudo-labels", f"--output: {name or 'an empty name'}", arguments)
    for option, values in {
        "--smallest": ("0", "nan"),
        "--at-most": ("0",),
        "--seed": ("-1",),
    }.items():
        for value in values:
            given = ("good.csv", *networks, "--output", "new.csv", option, value)
            yield Case("pseudo-labels", f"{option} {value!r}", given)
