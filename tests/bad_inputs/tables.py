"""Tables of heads and boxes that are none."""

from collections.abc import Iterator

from bad_inputs.case import Case
from bad_inputs.files.tables import TABLES


def cases() -> Iterator[Case]:
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
        for command in ("train-detector", "train-classifier"):
            yield Case(command, f"sources: {name}", (name, "--output", "run"))
