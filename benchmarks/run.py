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

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from variants import VARIANTS

from headpose.cli import common as cl
from headpose.cli.markdown import replaced, write_between
from headpose.errors import HeadposeError
from headpose.files import writable_folder, write_json

ROOT = Path(__file__).resolve().parent.parent
README, MARKS = ROOT / "benchmarks" / "README.md", ("<!-- run.py -->", "<!-- end -->")
FRONT, FRONT_MARKS = ROOT / "README.md", ("<!-- figures -->", "<!-- end of figures -->")
DEMOS = {"demo_image.py": [], "demo_image.py --backend keras": ["--backend", "keras"]}
CLIP_SIZE = (480, 270)  # of the clip that is made where none is given


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add, whole = parser.add_argument, cl.at_least(1)
    add("--variants", nargs="+", metavar="NAME", choices=VARIANTS, default=list(VARIANTS),
        help="which to measure")  # fmt: skip
    ships = "a .keras file (default: the one that ships)"
    add("--detector", type=Path, metavar="FILE", help=f"our detector, {ships}")
    add("--estimator", type=Path, metavar="FILE", help=f"our estimator, {ships}")
    add("--peers", metavar="FOLDER", help="has the files of YuNet and FSA-Net")
    add("--photos", metavar="FOLDER", help="compare boxes on these (default: the portrait)")
    add("--clip", metavar="FILE", help="a video (default: one that pans over the portrait)")
    add("--frames", type=whole, default=60, help="at most so many of the video")
    add("--calibrate-detector", metavar="DATA", help="as export's --int8, for eight bits")
    add("--calibrate-estimator", metavar="DATA", help="the same for the estimator")
    add("--work", type=Path, metavar="FOLDER", help="keeps exported models (default: the cache)")
    add("--repeats", type=whole, default=15, help="timed calls of each variant")
    add("--starts", type=cl.at_least(0), default=3, help="timed starts of each; 0: none")
    add("--videos", type=cl.at_least(0), default=2, help="timed runs through the video; 0: none")
    add("--json", type=Path, metavar="FILE", help="also write all figures here")
    add("--write", action="store_true", help="put the tables into the README files")
    return parser


def check(arguments: argparse.Namespace) -> None:
    """Stops at once where something given is not there, or cannot be written to."""
    from headpose.images.pictures import find_pictures

    for file in filter(None, (arguments.clip, arguments.detector, arguments.estimator)):
        if not Path(file).is_file():
            raise HeadposeError(f"{file}: no such file")
    if arguments.peers and not Path(arguments.peers).is_dir():
        raise HeadposeError(f"{arguments.peers}: no such folder of models")
    for given in filter(None, (arguments.calibrate_detector, arguments.calibrate_estimator)):
        if not Path(given.partition("#")[0]).exists() and not find_pictures([given])[0]:
            raise HeadposeError(f"{given}: no such pictures or table")
    if arguments.json and arguments.json.is_dir():
        raise HeadposeError(f"{arguments.json}: is a folder; name a file in it")
    if arguments.write:
        replaced(README, MARKS, "")
        if on_front_page():
            replaced(FRONT, FRONT_MARKS, "")


def on_front_page() -> bool:
    """Tells whether the front page has a place for the short table."""
    return FRONT_MARKS[0] in FRONT.read_text(encoding="utf-8")


def photos_of(arguments: argparse.Namespace, portrait: Path) -> list[Path]:
    """Returns the photos to compare boxes on; those that cannot be read are told."""
    from headpose.images.pictures import PictureError, find_pictures, read_image

    found, problems = find_pictures([arguments.photos or str(portrait)])
    good = []
    for file in found:
        try:
            read_image(file)
            good.append(file)
        except PictureError as error:
            cl.warn(f"left out: {error}")
    if not good:
        raise HeadposeError((*problems, f"{arguments.photos}: not one photo can be read")[0])
    return good


def sources_of(arguments: argparse.Namespace, folder: Path):
    """Says what the variants are made from."""
    from variant_files import Sources

    from headpose.models.resolve import cache_folder
    from headpose.models.shipped import DEFAULT_DETECTOR, DEFAULT_ESTIMATOR

    return Sources(
        arguments.detector or DEFAULT_DETECTOR,
        arguments.estimator or DEFAULT_ESTIMATOR,
        writable_folder(arguments.work or cache_folder()),
        folder,
        Path(arguments.peers) if arguments.peers else None,
        arguments.calibrate_detector,
        arguments.calibrate_estimator,
    )


def prepare(names: list[str], sources) -> tuple[dict, list[dict]]:
    """Finds or makes the model files of variants, in another process; also counts networks."""
    from process_worker import ProcessWorker
    from variant_files import ModelFiles

    files, networks = {}, []
    worker = ProcessWorker(ModelFiles, sources)
    try:
        for name in cl.progress(names, "variants"):
            try:
                files[name] = worker.ask("of", VARIANTS[name])
            except HeadposeError as failure:
                cl.tell(f"{name}: skipped: {failure}")
        try:
            networks = worker.ask("networks")
        except HeadposeError as failure:
            cl.warn(f"networks are not counted: {failure}")
    finally:
        worker.stop()
    return files, networks


def measure_in_turns(
    files: dict, arguments: argparse.Namespace, photos: list[Path], portrait: Path, folder: Path
) -> tuple[dict, bool]:
    """Measures all that running variants tell; returns their figures, and whether all of it."""
    from runner import BenchmarkRunner
    from variant_process import make_clip

    from headpose.images.pictures import read_image

    picture, clip = read_image(portrait), arguments.clip
    if clip is None:
        clip = str(folder / "clip.mp4")
        make_clip(Path(clip), picture, arguments.frames, CLIP_SIZE)
    with BenchmarkRunner(folder, picture) as runner:
        for name in cl.progress(files, "variants"):
            runner.start(name, files[name])
        if not runner.running:
            raise HeadposeError("no variant could be run")
        runner.time_calls(arguments.repeats)
        if arguments.videos:
            runner.time_videos(clip, arguments.frames, arguments.videos)
        return runner.results, runner.compare(photos)


def time_starts(results: dict, files: dict, arguments, portrait: Path, folder: Path) -> dict:
    """Times fresh processes; returns the steps of each demo in each run."""
    from start_up import first_photo_command, seconds_to_photo, steps_of_demo

    commands = {n: first_photo_command(n, files[n], portrait, folder) for n in results}
    extra = [str(portrait)]
    for option, given in (("--detector", arguments.detector), ("--estimator", arguments.estimator)):
        extra += [option, str(given)] if given else []
    steps: dict[str, list] = {demo: [] for demo in DEMOS}
    rounds = [(kind, name) for kind, names in (("start", commands), ("steps", DEMOS))
              for _ in range(arguments.starts) for name in names]  # fmt: skip
    failed = set()
    for kind, name in cl.progress(rounds, "starts"):
        if name in failed:
            continue
        try:
            if kind == "start":
                seconds = seconds_to_photo(commands[name], folder / portrait.name)
                results[name].setdefault("first photo, seconds", []).append(seconds)
            else:
                steps[name].append(steps_of_demo([*extra, *DEMOS[name]], folder))
        except HeadposeError as failure:
            cl.warn(f"{name}: cannot be started: {failure}")
            failed.add(name)
    return {demo: runs for demo, runs in steps.items() if runs}


def main() -> None:
    arguments = options().parse_args()
    began = time.monotonic()
    check(arguments)
    import report
    import tables
    from accuracy import bound_lines
    from start_up import median_steps, slowest_step

    from headpose.images.pictures import sample_portrait

    portrait, names = sample_portrait(), list(dict.fromkeys(arguments.variants))
    photos = photos_of(arguments, portrait)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files, networks = prepare(names, sources_of(arguments, folder))
        results, compared = measure_in_turns(files, arguments, photos, portrait, folder)
        runs = time_starts(results, files, arguments, portrait, folder)
    machine, today = report.machine_line(), datetime.date.today().isoformat()
    steps = {demo: median_steps(taken) for demo, taken in runs.items()}
    data = [arguments.photos, arguments.clip]
    data += [arguments.calibrate_detector, arguments.calibrate_estimator]
    command = report.command_line(
        sys.argv[1:], [d for d in data if d], arguments.peers, "benchmarks/run.py"
    )
    parts = [
        f"`{command}`, {today}, on {machine}:",
        tables.variants_table(results),
        report.legend(arguments, results),
        "\n".join(f"{line}." for line in bound_lines(results)),
        tables.networks_table(networks) if networks else "",
        tables.steps_table(steps) if steps else "",
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
        write_json(arguments.json, figures)
    if arguments.write:
        write_between(README, MARKS, text)
        if on_front_page():
            write_between(FRONT, FRONT_MARKS, tables.front_table(results))
    print(f"took {minutes:.1f} minutes")


if __name__ == "__main__":
    cl.run(main)
