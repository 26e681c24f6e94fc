"""Places that an export cannot go to, and reports that would be lost."""

from collections.abc import Iterator

from bad_inputs.case import Case

FILES = {
    "pipe.onnx": "a named pipe",
    "loop.onnx": "a link to itself",
    "text/below.onnx": "a file for a folder",
    "{long}.onnx": "a name of 300 letters",
    "new.tflite": "another format's name",
    "/dev/zero": "an endless device",
}
FOLDERS = {
    "text": "a file",
    "pipe": "a named pipe",
    "loop": "a link to itself",
    "folder": "a folder",
    ".": "the working folder",
    "": "an empty name",
    "{long}": "a name of 300 letters",
    "new.onnx": "a file's name",
}
MODELS = ("text.h5", "half.onnx", "program", "lambda.keras", "bomb.keras", "good.png")


def cases() -> Iterator[Case]:
    for name, what in FILES.items():
        arguments = ("{estimator}", "--format", "onnx", "--output", name)
        yield Case("export", f"--format onnx --output: {what}", arguments)
    for name, what in FOLDERS.items():
        arguments = ("{estimator}", "--format", "saved_model", "--output", name)
        yield Case("export", f"--format saved_model --output: {what}", arguments)
    for name in MODELS:
        arguments = (name, "--format", "opencv", "--output", "new.onnx")
        yield Case("export", f"model: {name}", arguments)
    yield Case("export", "--format: an empty name", ("{estimator}", "--format", ""))
    for name in ("good.png", "text/below", "loop", "/dev/full"):
        yield Case("doctor", f"--overwrite --json: {name}", ("--overwrite", "--json", name))
    yield Case("doctor", "a file, which it does not take", ("good.png",))
