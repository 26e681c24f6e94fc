#!/usr/bin/env python3
"""Runs all bad inputs of `bad_inputs` and writes what came of each into tests/README.md.

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
from collections.abc import Mapping, Sequence
from pathlib import Path

TESTS = Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path[:0] = [str(TESTS.parent), str(TESTS)]

from bad_inputs import Case, cases, prepare  # noqa: E402
from forks import fork  # noqa: E402

README = TESTS / "README.md"
BEGIN, END = "<!-- bad inputs: begin -->", "<!-- bad inputs: end -->"
SECONDS = 120  # a case may take, also where the machine is busy
PREPARED = (
    *("headpose.cli.main", "headpose.cli.image", "headpose.cli.video", "headpose.cli.annotate"),
    *("headpose.cli.evaluate", "headpose.cli.evaluate_detector", "headpose.cli.clean_datasets"),
    *(
        "headpose.cli.attend",
        "headpose.cli.trust",
        "headpose.cli.clean",
        "headpose.records.reading",
    ),
    *("headpose.cli.table_options", "headpose.cli.windows", "headpose.cli.video_run"),
    *("headpose.images.listing", "headpose.images.pictures", "headpose.images.labels"),
    *("headpose.records.sinks", "headpose.records.coco", "headpose.records.summary"),
    *("headpose.pipeline", "headpose.models.resolve", "headpose.detection.viola_jones"),
    *("headpose.datasets.pose_data", "headpose.datasets.crop_dataset", "headpose.pose.metrics"),
    *("headpose.datasets.detection_annotations", "headpose.datasets.clean_folder"),
    *("headpose.datasets.aflw", "headpose.datasets.pointing04", "headpose.datasets.matching"),
    *("headpose.video.opening", "headpose.video.pipeline", "headpose.convert.matconvnet"),
    *("headpose.cli.sweep", "headpose.cli.serve", "headpose.web.server", "optuna"),
    *("headpose.training.sweep.results", "headpose.training.pose_sources"),
    *("headpose.cli.export", "headpose.cli.pseudo_labels", "headpose.baselines.registry"),
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
    process = fork()
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
        if not fork():
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


def rows_in(text: str) -> dict[tuple[str, str], tuple[str, str]]:
    """Returns status and message in a table that `as_markdown` made, by command and what is bad."""
    rows = {}
    for line in text.splitlines():
        cells = [_unescaped(cell.strip()) for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 4 and cells[2].lstrip("-").isdecimal():
            rows[cells[0], cells[1]] = cells[2], cells[3]
    return rows


def rows_of(outcomes: Sequence[Outcome]) -> dict[tuple[str, str], tuple[str, str]]:
    """Returns the rows of what was run."""
    return {
        (outcome.case.command, outcome.case.what): (
            str(outcome.status),
            _short(f"FAULT: {outcome.fault}" if outcome.fault else outcome.message),
        )
        for outcome in outcomes
    }


def as_markdown(rows: Mapping[tuple[str, str], tuple[str, str]]) -> str:
    """Returns the table."""
    commands = {command for command, _ in rows if command}
    faults = sum(message.startswith("FAULT") for _, message in rows.values())
    lines = [
        f"{len(rows)} cases, {len(commands)} commands, {faults} faults (a traceback, an internal "
        "error, no message, a status other than 1 and 2, no end in time, a file changed).",
        "",
        "| command | what is bad | status | message |",
        "| --- | --- | ---: | --- |",
    ]
    for (command, what), (status, message) in sorted(rows.items(), key=lambda row: row[0][0]):
        cells = [cell.replace("|", "\\|") for cell in (command, what, status, message)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _unescaped(cell: str) -> str:
    return cell.replace("\\|", "|")


def _short(message: str, limit: int = 160) -> str:
    message = re.sub(r"a{200,}", "aaa…", message).replace("<", "&lt;")
    return message if len(message) <= limit else message[: limit - 1] + "…"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--write", action="store_true", help="put what was run into tests/README.md"
    )
    parser.add_argument("--command", nargs="*", help="only cases of these commands")
    parser.add_argument("--missing", action="store_true", help="only cases that it lacks")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="one case of N")
    parser.add_argument("--lanes", type=int, default=os.cpu_count() or 1, help="side by side")
    parser.add_argument("--minutes", type=float, default=60, help="for all of them")
    arguments = parser.parse_args()
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    table, _, after = rest.partition(END)
    there, every = rows_in(table), list(cases())
    chosen = [c for c in every if not arguments.command or c.command in arguments.command]
    if arguments.missing:
        chosen = [c for c in chosen if (c.command, c.what) not in there]
    with tempfile.TemporaryDirectory() as place:
        outcomes = run_all(
            chosen[:: arguments.every], Path(place), arguments.lanes, arguments.minutes
        )
    for outcome in outcomes:
        if outcome.fault:
            print(f"{outcome.case.command} {outcome.case.arguments}: {outcome.fault}")
    print(f"{len(outcomes)} cases, {sum(bool(o.fault) for o in outcomes)} faults")
    if arguments.write:
        run_now = rows_of(outcomes)
        names = [(c.command, c.what) for c in every]
        rows = {n: run_now.get(n) or there[n] for n in names if n in run_now or n in there}
        README.write_text(f"{before}{BEGIN}\n{as_markdown(rows)}\n{END}{after}", encoding="utf-8")
    return 1 if any(outcome.fault for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
