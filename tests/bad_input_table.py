#!/usr/bin/env python3
"""Runs all bad inputs of `bad_inputs.py` and writes what came of each into tests/README.md.

python tests/bad_input_table.py --write
"""

import argparse
import contextlib
import dataclasses
import importlib
import json
import os
import re
import signal
import stat
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

TESTS = Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path[:0] = [str(TESTS.parent), str(TESTS)]

from bad_inputs import Case, cases, prepare  # noqa: E402

README = TESTS / "README.md"
BEGIN, END = "<!-- bad inputs: begin -->", "<!-- bad inputs: end -->"
SECONDS = 120  # a case may take, also where the machine is busy
PREPARED = (
    *("headpose.cli.main", "headpose.cli.image", "headpose.cli.video", "headpose.cli.annotate"),
    *("headpose.cli.evaluate", "headpose.cli.evaluate_detector", "headpose.cli.clean_datasets"),
    *("headpose.cli.table_options", "headpose.cli.windows", "headpose.cli.video_run"),
    *("headpose.images.listing", "headpose.images.pictures", "headpose.images.labels"),
    *("headpose.records.sinks", "headpose.records.coco", "headpose.records.summary"),
    *("headpose.pipeline", "headpose.models.resolve", "headpose.detection.viola_jones"),
    *("headpose.datasets.pose_data", "headpose.datasets.crop_dataset", "headpose.pose.metrics"),
    *("headpose.datasets.detection_annotations", "headpose.datasets.clean_folder"),
    *("headpose.datasets.aflw", "headpose.datasets.pointing04", "headpose.datasets.matching"),
    *("headpose.video.opening", "headpose.video.pipeline", "headpose.convert.matconvnet"),
    *("headpose.archives.annotation", "headpose.archives.shards", "headpose.training.pose_config"),
    *("onnxruntime", "scipy.io", "sqlite3", "yaml", "h5py", "av", "sklearn.model_selection"),
)
# What a case must not leave behind, or say.
WRONG = ("Traceback", "internal error", "Exception ignored")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a case ended.

    Attributes:
        case: What was run.
        status: The exit status; negative for a signal.
        message: The last line on standard error, names of folders left out.
        fault: What is wrong about it; empty if nothing.
    """

    case: Case
    status: int
    message: str
    fault: str


def run(case: Case, names: dict[str, str], folder: Path) -> Outcome:
    """Runs a case in a process of its own, in `folder`."""
    streams = folder.parent / "streams"
    process = os.fork()
    if not process:
        _child(case, names, folder, streams)
    deadline, status = time.monotonic() + SECONDS, None
    while time.monotonic() < deadline:
        done, code = os.waitpid(process, os.WNOHANG)
        if done:
            status = os.waitstatus_to_exitcode(code)
            break
        time.sleep(0.01)
    if status is None:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        return Outcome(case, -9, "", f"no end within {SECONDS} s")
    text = streams.read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in re.split(r"[\r\n]", text) if line.strip()]
    told = [line for line in lines if "error:" in line] or lines
    message = (told[-1] if told else "").replace(f"{folder}/", "").replace(f"{folder}", ".")
    fault = next((f"says {word!r}" for word in WRONG if word in text), "")
    if not fault and status not in (1, 2):
        fault = f"ends with {status}"
    if not fault and not told:
        fault = "says nothing"
    return Outcome(case, status, message.replace(str(TESTS.parent) + "/", ""), fault)


def _child(case: Case, names: dict[str, str], folder: Path, streams: Path) -> None:
    os.chdir(folder)
    os.environ.pop("DISPLAY", None)
    os.environ.pop("WAYLAND_DISPLAY", None)
    place = os.open(streams, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, new in ((0, nothing), (1, place), (2, place)):
        os.dup2(new, number)
    # A test runner may have put something else in their place.
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    given = [argument.format(**names) for argument in case.arguments]
    sys.argv = ["headpose", case.command, *given]
    status = 70
    try:
        from headpose.cli.main import main

        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)


def run_all(chosen: Sequence[Case], place: Path, lanes: int, minutes: float) -> list[Outcome]:
    """Runs cases, side by side in `lanes` processes with a folder each.

    None may change or remove what `prepare` wrote there: that is a fault. What has not
    begun when the minutes are over is left out.
    """
    # What most need is imported once; processes that are forked have it.
    for module in PREPARED:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    ending = time.monotonic() + 60 * minutes
    for lane in range(lanes):
        if not os.fork():
            _lane(chosen[lane::lanes], place / str(lane) / "work", ending)
    for _ in range(lanes):
        os.wait()
    done = {}
    for lane in range(lanes):
        lines = (place / str(lane) / "outcomes").read_text(encoding="utf-8").splitlines()
        own = (json.loads(line) for line in lines)
        done |= {
            case: Outcome(case, *row) for case, row in zip(chosen[lane::lanes], own, strict=False)
        }
    return [done[case] for case in chosen if case in done]


def _lane(chosen: Sequence[Case], folder: Path, ending: float) -> None:
    """Runs some of the cases one after the other, and ends this process."""
    try:
        folder.mkdir(parents=True)
        names = prepare(folder)
        before = state(folder)
        with (folder.parent / "outcomes").open("w", encoding="utf-8") as file:
            for case in chosen:
                if time.monotonic() > ending:
                    break
                outcome = run(case, names, folder)
                after = state(folder)
                lost = [name for name, stamp in before.items() if after.get(name) != stamp]
                if lost:
                    outcome = dataclasses.replace(outcome, fault=f"changed {', '.join(lost)}")
                    before = after
                for name in sorted(set(after) - set(before), reverse=True):
                    path = folder / name
                    path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
                row = outcome.status, outcome.message, outcome.fault
                file.write(json.dumps(row) + "\n")
                file.flush()
                print(case.command, case.arguments, *row, file=sys.stderr, flush=True)
    finally:
        os._exit(0)


def state(folder: Path) -> dict[str, tuple]:
    """Returns size and time of change of all that is in a folder, by name."""
    result: dict[str, tuple] = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        plain = stat.S_ISREG(status.st_mode)
        result[str(path.relative_to(folder))] = (
            (status.st_size, status.st_mtime_ns) if plain else (stat.S_IFMT(status.st_mode),)
        )
    return result


def as_markdown(outcomes: list[Outcome]) -> str:
    """Returns the table."""
    counts = Counter(outcome.case.command for outcome in outcomes)
    faults = sum(bool(outcome.fault) for outcome in outcomes)
    lines = [
        f"{len(outcomes)} cases, {len(counts)} commands, {faults} faults (a traceback, an internal "
        "error, no message, a status other than 1 and 2, no end in time).",
        "",
        "| command | what is bad | status | message |",
        "| --- | --- | ---: | --- |",
    ]
    for outcome in sorted(outcomes, key=lambda o: o.case.command):
        message = outcome.fault or outcome.message
        cells = [outcome.case.command, outcome.case.what, str(outcome.status), _short(message)]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _short(message: str, limit: int = 160) -> str:
    message = re.sub(r"a{200,}", "aaa…", message).replace("<", "&lt;")
    return message if len(message) <= limit else message[: limit - 1] + "…"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into tests/README.md")
    parser.add_argument("--command", nargs="*", help="only cases of these commands")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="one case of N")
    parser.add_argument("--lanes", type=int, default=os.cpu_count() or 1, help="side by side")
    parser.add_argument("--minutes", type=float, default=60, help="for all of them")
    arguments = parser.parse_args()
    chosen = [c for c in cases() if not arguments.command or c.command in arguments.command]
    with tempfile.TemporaryDirectory() as place:
        outcomes = run_all(
            chosen[:: arguments.every], Path(place), arguments.lanes, arguments.minutes
        )
    for outcome in outcomes:
        if outcome.fault:
            print(f"{outcome.case.command} {outcome.case.arguments}: {outcome.fault}")
    print(f"{len(outcomes)} cases, {sum(bool(o.fault) for o in outcomes)} faults")
    if arguments.write:
        text = README.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        after = rest.partition(END)[2]
        table = f"{BEGIN}\n{as_markdown(outcomes)}\n{END}"
        README.write_text(f"{before}{table}{after}", encoding="utf-8")
    return 1 if any(outcome.fault for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
