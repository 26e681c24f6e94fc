"""Folders, detectors and options that cutting crops from a data set cannot use."""

from collections.abc import Iterator

from bad_inputs.case import Case

OUTPUTS = {
    "loop": "a link to itself",
    "gone": "a link to nothing",
    "pipe": "a named pipe",
    "text": "a file",
    "text/below": "a file for a folder",
    "/dev/null": "a device",
    "": "an empty name",
    "{long}": "a name of 300 letters",
    "aflw": "the data set's folder",
    "other-crops": "a folder with another's crops",
    "crops-file": "a folder in which crops is a file",
    "journal-pipe": "a folder whose journal is a pipe",
    "bad-journal": "a folder with a damaged journal",
    "journal-folder": "a folder whose journal is a folder",
}
DETECTORS = {
    "pipe": "a named pipe",
    "/dev/zero": "an endless device",
    "": "an empty name",
    "nowhere.onnx": "a missing file",
    "folder": "a folder",
    "text.keras": "text called .keras",
}


def cases() -> Iterator[Case]:
    labelled = ("aflw", "--detector", "labelled")
    for name, what in OUTPUTS.items():
        yield Case("clean-aflw", f"--output: {what}", (*labelled, "--output", name))
        if name.startswith(("other", "crops", "journal", "bad")):
            arguments = (*labelled, "--output", name, "--overwrite")
            if name not in ("journal-pipe", "bad-journal"):  # these are cleaned away
                yield Case("clean-aflw", f"--overwrite --output: {what}", arguments)
    for name, what in DETECTORS.items():
        yield Case("clean-aflw", f"--detector: {what}", ("aflw", "--detector", name))
    for option, values in {
        "--pictures": ("nowhere", "", "pipe"),
        "--size": ("99999", "7", "nan"),
        "--grow": ("nan",),
        "--splits-tilt": ("0", "9" * 30),
        "--splits-pan": ("0", "99999"),
        "--workers": ("0",),
        "--batch-size": ("0", "nan"),
        "--limit": ("0",),
        "--validation-ratio": ("nan", "2"),
    }.items():
        for value in values:
            given = (option, *([value] * (4 if option == "--grow" else 1)))
            yield Case("clean-aflw", f"{option}: {value!r}", (*labelled, "--output", "new", *given))
    for data in ("", "loop", "/dev/zero", "{long}"):
        for command in ("clean-aflw", "clean-pointing04"):
            yield Case(command, f"data: {data or 'an empty name'}", (data, "--output", "new"))
        for dataset in ("aflw2000", "biwi", "direct-mhp"):
            what = f"{dataset}: {data or 'an empty name'}"
            yield Case("clean", what, (dataset, data, "--output", "new"))
    yield Case("clean-all", "one data set is missing", ("aflw", "nowhere", "--output", "new"))
    yield Case("clean-all", "two empty names", ("", "", "--output", "new"))
    yield Case("clean-all", "a link to itself", ("loop", "loop", "--output", "new"))
