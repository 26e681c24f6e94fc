"""Fresh processes: how long until the first annotated photo, and what the time goes to."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from demo_steps import IMPORT, ROOT
from variants import VARIANTS, Models

from headpose.errors import HeadposeError

HERE = Path(__file__).resolve().parent
LONGEST = 300  # seconds
# The order of work; what is imported counts as one.
STEPS = (
    *("interpreter", "imports", "loading the models", "reading the photo", "first detection"),
    *("first estimate", "drawing", "writing", "all else", "ending"),
)


def first_photo_command(name: str, models: Models, photo: Path, folder: Path) -> list[str]:
    """Returns the command that annotates a photo the way a variant works.

    The annotated photo has the name of the other one, in the folder.
    """
    variant = VARIANTS[name]
    if not variant.ours or variant.predict:
        command = [HERE / "plain_demo.py", name, photo, folder / photo.name]
        command += [models.detector, *models.estimator]
    else:
        command = [ROOT / "demo_image.py", photo, "--output", folder]
        command += ["--detector", models.detector, "--estimator", models.estimator[0]]
        command += ["--backend", variant.backend, "--device", "cpu"]
        if variant.asked_precision:
            command += ["--precision", variant.asked_precision]
    return [sys.executable, *map(str, command)]


def seconds_to_photo(command: Sequence[str], annotated: Path) -> float:
    """Runs a command; returns the seconds from its start until a file is written.

    Raises:
        HeadposeError: If it fails or there is no file.
    """
    annotated.unlink(missing_ok=True)
    started = time.time()
    _run(command)
    if not annotated.is_file():
        raise HeadposeError("gave no annotated photo")
    return annotated.stat().st_mtime - started


def steps_of_demo(arguments: Sequence[str], folder: Path) -> dict:
    """Runs demo_image.py once with arguments; what comes out goes to a folder.

    Returns:
        Seconds of each of `STEPS`, `whole`, and under `packages` those of the imports; MB that
        the process took at most, `peak MB`.

    Raises:
        HeadposeError: If the demo fails.
    """
    told = folder / "steps.json"
    command = [sys.executable, HERE / "demo_steps.py", told, *arguments, "--output", folder]
    started = time.time()
    _run([*map(str, command)])
    whole = time.time() - started
    measured = json.loads(told.read_text())
    seconds, entered, ended = measured["steps"], measured["entered"], measured["ended"]
    packages = {k.removeprefix(IMPORT): v for k, v in seconds.items() if k.startswith(IMPORT)}
    seconds |= {
        "interpreter": entered - started,
        "imports": sum(packages.values()),
        "all else": ended - entered - sum(seconds.values()),
        "ending": started + whole - ended,
    }
    told = {"whole": whole, "peak MB": measured["peak"], "packages": packages}
    return {n: seconds.get(n, 0.0) for n in STEPS} | told


def median_steps(runs: Sequence[dict]) -> dict:
    """Returns the medians of what `steps_of_demo` returned, packages the slowest first."""
    known = (*STEPS, "whole", "peak MB")
    result = {name: statistics.median(run[name] for run in runs) for name in known}
    names = {name for run in runs for name in run["packages"]}
    packages = {n: statistics.median(r["packages"].get(n, 0.0) for r in runs) for n in names}
    slowest_first = sorted(packages.items(), key=lambda item: -item[1])
    return result | {"packages": dict(slowest_first)}


def slowest_step(steps: dict) -> str:
    """Names the step that takes longest, and what most of it is if it is the imports."""
    name = max(STEPS, key=lambda step: steps[step])
    text = f"{name} ({steps[name]:.2f} of {steps['whole']:.2f} s)"
    if name == "imports" and steps["packages"]:
        named = [f"{p} {s:.2f} s" for p, s in list(steps["packages"].items())[:3]]
        text += f", most of all {', '.join(named)}"
    return text


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    except subprocess.TimeoutExpired as error:
        raise HeadposeError(f"did not end within {LONGEST} s") from error
    if done.returncode:
        told = done.stderr.strip().splitlines()
        raise HeadposeError(told[-1] if told else f"ended with status {done.returncode}")
