"""What the web page and the REST endpoint refuse before they listen."""

from collections.abc import Iterator

from bad_inputs.case import Case

HOSTS = {
    "": "an empty name",
    "a..b": "a name with nothing between dots",
    "{long}": "a name of 300 letters",
    "caf\udce9": "a name of bytes",
    "256.256.256.256": "numbers that are no address",
    "192.0.2.1": "another computer's address",
    "localhost:80": "a port in it",
    "http://localhost": "a URL",
}
MODELS = {
    "nowhere.onnx": "a missing file",
    "": "an empty name",
    "pipe": "a named pipe",
    "/dev/zero": "an endless device",
    "text.keras": "text called .keras",
    "lambda.keras": "a .keras with a Lambda layer",
}


def cases() -> Iterator[Case]:
    for command in ("web", "serve"):
        for host, what in HOSTS.items():
            yield Case(command, f"--host: {what}", ("--host", host, "--port", "0"))
        for value in ("70000", "9" * 30, "1.5"):
            yield Case(command, f"--port {value!r}", (f"--port={value}",))
        for option in ("--detector", "--estimator"):
            for name, what in MODELS.items():
                yield Case(command, f"{option}: {what}", ("--port", "0", option, name))
        for option, values in {
            "--confidence": ("nan", "2", "-0.1"),
            "--max-error": ("-1", "inf", ""),
            "--detector-size": ("0", "nan", "9" * 5000),
            "--tiles": ("0", "-1"),
            "--draw": ("dots", ""),
        }.items():
            for value in values:
                shown = value if len(value) < 100 else f"{value[:3]}… of {len(value)} digits"
                yield Case(command, f"{option} {shown!r}", (f"{option}={value}",))
        yield Case(command, "a file, which it does not take", ("good.png",))
