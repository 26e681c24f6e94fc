#!/usr/bin/env python3
"""Measures ways to find heads and their angles side by side: speed, memory, size, differences.

Each variant lives in a process of its own and all take turns, so that whatever else the
machine does hits all alike. What is not given is left out, and told. Networks run on the
processor, with as many threads as each program takes by itself. How well models find heads
and angles is measured by `headpose evaluate-detector` and `headpose evaluate`.
"""

import argparse
import datetime
import sys
import tempfile
import time
from pathlib import Path

from measuring import ROOT, cl, in_turns
from process_worker import ProcessWorker
from start_up import (
    first_photo_command,
    median_steps,
    seconds_to_photo,
    slowest_step,
    steps_of_demo,
)
from variants import VARIANTS, ModelFiles

from headpose.cli.markdown import replaced, write_between
from headpose.errors import HeadposeError
from headpose.files import check_outputs, write_json
from headpose.images.picture_names import find_pictures
from headpose.images.pictures import read_image, sample_portrait
from headpose.models.shipped import DEFAULT_DETECTOR, DEFAULT_ESTIMATOR

README, MARKS = ROOT / "benchmarks" / "README.md", ("<!-- run.py -->", "<!-- end -->")
FRONT, FRONT_MARKS = ROOT / "README.md", ("<!-- figures -->", "<!-- end of figures -->")
DEMOS = {"demo_image.py": [], "demo_image.py --backend keras": ["--backend", "keras"]}


def existing(text: str) -> str:
    """Takes an option that names a file, a folder, `TABLE#PART` or a pattern of pictures."""
    if not Path(text.partition("#")[0]).exists() and not find_pictures([text])[0]:
        raise argparse.ArgumentTypeError(f"{text}: no such file or folder")
    return text


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add, whole = parser.add_argument, cl.at_least(1)
    add("--variants", nargs="+", metavar="NAME", choices=VARIANTS, default=list(VARIANTS),
        help="which to measure")  # fmt: skip
    for option, default, what in (
        ("--detector", str(DEFAULT_DETECTOR), "a .keras file"),
        ("--estimator", str(DEFAULT_ESTIMATOR), "a .keras file"),
        ("--peers", None, "a folder with the files of YuNet and FSA-Net"),
        ("--photos", None, "compare boxes on these (default: the portrait)"),
        ("--clip", None, "a video, to be annotated"),
    ):
        add(option, type=existing, metavar="PLACE", default=default, help=what)
    for option, what in (
        ("--calibrate-detector", "as export's --int8, for eight bits; repeat it for several"),
        ("--calibrate-estimator", "the same for the estimator"),
    ):
        add(option, type=existing, metavar="PLACE", action="append", help=what)
    add("--frames", type=whole, default=60, help="at most so many of the video")
    add("--repeats", type=whole, default=15, help="timed calls of each variant")
    add("--starts", type=cl.at_least(0), default=3, help="timed starts of each; 0: none")
    add("--videos", type=cl.at_least(0), default=2, help="timed runs through the video; 0: none")
    add("--json", type=Path, metavar="FILE", help="also write all figures here")
    cl.add_overwrite_option(parser)
    add("--write", action="store_true", help="put the tables into the README files")
    return parser


def prepare(arguments: argparse.Namespace, folder: Path) -> tuple[dict, list[dict]]:
    """Finds or makes the model files of variants, in another process; also counts networks."""
    files, networks = {}, []
    worker = ProcessWorker(ModelFiles, arguments, folder)
    for name in cl.progress(dict.fromkeys(arguments.variants), "variants"):
        try:
            files[name] = worker.ask("of", VARIANTS[name])
        except HeadposeError as failure:
            cl.tell(f"{name}: skipped: {failure}")
    try:
        networks = worker.ask("networks")
    except HeadposeError as failure:
        cl.warn(f"networks are not counted: {failure}")
    worker.stop()
    return files, networks


def measure_in_turns(
    files: dict, arguments: argparse.Namespace, photos: list[Path], portrait: Path, folder: Path
) -> tuple[dict, bool]:
    """Measures all that running variants tell; returns their figures, and whether all of it."""
    from runner import BenchmarkRunner

    with BenchmarkRunner(read_image(portrait)) as runner:
        for name in cl.progress(files, "variants"):
            runner.start(name, files[name])
        if not runner.results:
            raise HeadposeError("no variant could be run")
        runner.time_calls(arguments.repeats)
        if arguments.clip and arguments.videos:
            target = folder / "annotated.mp4"
            runner.time_videos(arguments.clip, target, arguments.frames, arguments.videos)
        return runner.results, runner.compare(photos)


def time_starts(results: dict, files: dict, arguments, portrait: Path, folder: Path) -> dict:
    """Times new processes into the results; returns the steps of each demo in each run."""

    def start(name: str) -> float:
        command = first_photo_command(name, files[name], portrait, folder)
        return seconds_to_photo(command, folder / portrait.name)

    def demo(name: str) -> dict:
        models = ["--detector", arguments.detector, "--estimator", arguments.estimator]
        return steps_of_demo([*map(str, [portrait, *models]), *DEMOS[name]], folder)

    ways = {name: lambda name=name: start(name) for name in results}
    for name, seconds in in_turns(ways, arguments.starts, "starts").items():
        if seconds:
            results[name]["first photo, seconds"] = seconds
    ways = {name: lambda name=name: demo(name) for name in DEMOS}
    steps = in_turns(ways, arguments.starts, "starts")
    return {name: runs for name, runs in steps.items() if runs}


def main() -> None:
    parser = options()
    arguments = parser.parse_args()
    began = time.monotonic()
    if arguments.json:
        # Not above, see below.
        from headpose.datasets.label_tables import SourceName

        read = [arguments.detector, arguments.estimator, arguments.clip, arguments.photos]
        read += [*(arguments.calibrate_detector or ()), *(arguments.calibrate_estimator or ())]
        read = [SourceName.parse(name).path for name in read if name]
        check_outputs([arguments.json], read, arguments.overwrite, texts=[arguments.json])
    if arguments.write:
        if set(arguments.variants) != set(VARIANTS) or not (arguments.starts and arguments.videos):
            parser.error(
                "--write replaces the documents' tables; leave out --variants, --starts, --videos"
            )
        replaced(README, MARKS, "")  # which fails where it has no marks
    # Not above: the processes of variants import this file, and must not hold pandas.
    import report
    import roofline
    from accuracy import bound_lines

    portrait = sample_portrait()
    photos, _ = find_pictures([arguments.photos or str(portrait)])
    for photo in photos:
        read_image(photo)  # a damaged one is told now, and not at the end
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files, networks = prepare(arguments, folder)
        peak = roofline.peaks()
        results, compared = measure_in_turns(files, arguments, photos, portrait, folder)
        runs = time_starts(results, files, arguments, portrait, folder)
    machine, today = report.machine_line(), datetime.date.today().isoformat()
    steps = {demo: median_steps(taken) for demo, taken in runs.items()}
    data = [arguments.clip, arguments.photos]
    data += [*(arguments.calibrate_detector or ()), *(arguments.calibrate_estimator or ())]
    command = report.command_line(
        sys.argv[1:], [d for d in data if d], arguments.peers, "benchmarks/run.py"
    )
    parts = [
        f"`{command}`, {today}, on {machine}:",
        report.variants_table(results),
        report.legend(arguments, results),
        "\n".join(f"{line}." for line in bound_lines(results)),
        report.networks_table(networks) if networks else "",
        roofline.table(results, networks, peak),
        report.steps_table(steps) if steps else "",
        "\n".join(f"`{demo}`: the slowest step is {slowest_step(s)}." for demo, s in steps.items()),
    ]
    text = "\n\n".join(part for part in parts if part)
    print(text, end="\n\n")
    if not compared:
        print("left out: differences (they are from keras-float32, which did not run)")
    minutes = (time.monotonic() - began) / 60
    if arguments.json:
        figures = {"command": command, "date": today, "machine": machine, "minutes": minutes}
        figures |= {"variants": results, "networks": networks, "demo steps": runs}
        figures |= {"multiply-adds a second": peak}
        write_json(arguments.json, figures, arguments.overwrite)
    if arguments.write:
        write_between(README, MARKS, text)
        if FRONT_MARKS[0] in FRONT.read_text(encoding="utf-8"):
            write_between(FRONT, FRONT_MARKS, report.front_table(results))
    print(f"took {minutes:.1f} minutes")


if __name__ == "__main__":
    cl.run(main)
