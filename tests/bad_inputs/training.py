"""Spaces of a sweep, and folders and options that it and training cannot use."""

from collections.abc import Iterator

from bad_inputs.case import Case

# What stands in a file of a space, and what is bad about it.
SPACES = {
    "options:\n  learning_rate: {low: .nan, high: 1}\n": "a range from NaN",
    "options:\n  learning_rate: {low: 0.001, high: .inf}\n": "a range to infinity",
    "options:\n  learning_rate: {low: 0.001, high: 0.01}\n": "a range for a grid",
    "options:\n  filters: [!!python/object/apply:os.system [ls]]\n": "a program",
    "options:\n  filters: [4, 4.0]\n": "a value twice",
    "options:\n  filters: [2001-01-01]\n": "a date",
    "options:\n  ? [a, b]\n  : [1]\n": "a list for a name",
    "options:\n  filters: [4]\nfixed:\n  filters: 8\n": "a value that varies and is fixed",
    "options:\n  filters: [4]\n  filters: [8]\n": "an option that is there twice",
    "options:\n  filters: [99999999999999999999999999]\n": "a number without end",
}
OUTPUTS = {
    "": "an empty name",
    "loop": "a link to itself",
    "text": "a file",
    "pipe": "a named pipe",
    "text/below": "a file for a folder",
    "{long}": "a name of 300 letters",
    "other-models": "a folder with another's table",
    "other-study": "a folder with another's study.log",
    "study-folder": "a folder in which the study is a folder",
    "study-pipe": "a folder in which the study is a pipe",
}


def file_of(number: int) -> str:
    """Returns the name of a space's file."""
    return f"space-{number}.yaml"


def cases() -> Iterator[Case]:
    data = ("good.csv", "--validation", "good.csv")
    for number, what in enumerate(SPACES.values()):
        search = ("--search", "grid")
        yield Case("sweep", f"--space: {what}", (*data, "--space", file_of(number), *search))
    yield Case("sweep", "--space: a named pipe", (*data, "--space", "pipe"))
    for name, what in OUTPUTS.items():
        yield Case("sweep", f"--output: {what}", (*data, "--space", "space.yaml", "--output", name))
    for name in ("nowhere.csv", "", "pipe", "empty-folder"):
        given = (name, "--validation", "good.csv", "--space", "space.yaml")
        yield Case("sweep", f"data: {name or 'an empty name'}", given)
        given = ("good.csv", "--validation", name, "--space", "space.yaml")
        yield Case("sweep", f"--validation: {name or 'an empty name'}", given)
    for option, values in {
        "--trials": ("0", "nan", "9" * 30),
        "--jobs": ("0", "9" * 30),
        "--cpus-per-trial": ("0",),
        "--gpus-per-trial": ("1", "nan"),
        "--epochs": ("0", "nan", "inf"),
        "--seed": ("-1", ""),
        "--stop-early": ("soon",),
        "--search": ("",),
    }.items():
        for value in values:
            given = (*data, "--space", "space.yaml", f"{option}={value}")
            yield Case("sweep", f"{option} {value!r}", given)
    for command in ("train", "train-detector", "train-classifier"):
        yield Case(command, "--output: an empty name", (*data, "--output", ""))
