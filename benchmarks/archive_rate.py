"""Measures `headpose annotate` on many pictures: rate a core, and whether memory stays flat.

The pictures are repeated to any count, as tar shards that are links to one: the disk holds one
shard, however many pictures are read. A row is printed for each engine and number of workers,
which take turns. The rate is of the time between the first shard that was done and the last,
so that starting counts for nothing; memory is the proportional share (PSS) of all processes of
the run together, its median in each fifth of that time. A run that `--minutes` ends counts as
far as it came. A second table has what a million pictures cost at that rate.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from measuring import NOTHING, ROOT, cell, cl, median

from headpose.archives.results import versions
from headpose.cli.doctor import processor_name
from headpose.cli.markdown import markdown_table
from headpose.errors import HeadposeError
from headpose.images.listing import find_inputs
from headpose.images.pictures import sample_portrait

ENGINES = ("processes", "ray")
EACH = 1.0  # seconds between looks at memory
PARTS = 5  # of a run's time, in which memory is told
LEAVING = 60.0  # seconds for a run to end after it was told to
COLUMNS = (
    *("engine", "workers", "pictures", "heads", "seconds"),
    *("pictures a second", "a second and core"),
    *(f"MB, {part}/{PARTS}" for part in range(1, PARTS + 1)),
)
COSTS = (
    *("engine", "workers", "core hours", "hours on 32 cores"),
    *("GB read", "GB written", "MB a core"),
)
MANY, CORES = 1_000_000, 32  # pictures, and cores, for which costs are reckoned


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("pictures", nargs="*", metavar="PICTURE", help="files or folders (default: a portrait)")
    add(
        "--count",
        type=cl.at_least(1),
        nargs="+",
        default=[50_000],
        metavar="N",
        help="pictures in a run: in each, or one number for each of --workers",
    )
    add("--shard", type=cl.at_least(1), default=1000, metavar="N", help="pictures in a tar shard")
    add("--workers", type=cl.at_least(1), nargs="+", default=[1, 2], metavar="N")
    add("--engines", choices=ENGINES, nargs="+", default=["processes"])
    add("--minutes", type=cl.at_least(1), metavar="N", help="end each run after so many")
    add("--work", type=Path, metavar="DIR", help="folder for shards and results (default: a new)")
    add("--detector", metavar="FILE", help="see headpose annotate")
    return parser


def write_shards(folder: Path, pictures: Sequence[Path], count: int, size: int) -> int:
    """Writes one tar shard of `size` pictures, and links to it for the others.

    Returns:
        How many pictures there are in all: whole shards, at least two.
    """
    folder.mkdir()
    first = folder / "shard-000000.tar"
    with tarfile.open(first, "w", dereference=True) as archive:
        for i in range(size):
            picture = pictures[i % len(pictures)]
            archive.add(picture, f"{i:06d}{picture.suffix}")
    shards = max(2, -(-count // size))
    for i in range(1, shards):
        (folder / f"shard-{i:06d}.tar").symlink_to(first.name)
    return shards * size


def processes_below(root: int) -> Iterator[int]:
    """Yields a process and all that it has started, directly or not."""
    parents: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in parentheses may hold anything; the parent is the second field after it.
            parent = int(place.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue  # it has just ended
        parents.setdefault(parent, []).append(int(place.parent.name))
    waiting = [root]
    while waiting:
        process = waiting.pop()
        yield process
        waiting += parents.get(process, [])


def memory_of(root: int) -> float:
    """Returns the memory of a process and those below, MB, shared pages counted once."""
    total = 0
    for process in processes_below(root):
        try:
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next((int(x.split()[1]) for x in text.splitlines() if x.startswith("Pss:")), 0)
    return total / 1024


def run(
    shards: Path,
    output: Path,
    engine: str,
    workers: int,
    detector: str | None = None,
    minutes: float | None = None,
) -> dict:
    """Annotates all shards in a process of its own, or as many as `minutes` allow.

    Returns:
        Figures of a row, without engine and workers.

    Raises:
        HeadposeError: If it fails, or there was no time for two shards.
    """
    command = [sys.executable, "-m", "headpose", "annotate", str(shards), "--output", str(output)]
    command += ["--workers", str(workers), "--cpus-per-worker", "1"]
    command += ["--ray", "local"] if engine == "ray" else []
    command += ["--detector", detector] if detector else []
    memory: list[tuple[float, float]] = []
    until = time.monotonic() + 60 * minutes if minutes else None
    with tempfile.TemporaryFile("w+") as told:
        # A program in the background of a shell is started with Ctrl-C ignored.
        heed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
        more = {"stdout": told, "stderr": told, "preexec_fn": heed}
        environment = os.environ | {"PYTHONPATH": str(ROOT)}  # Ray's workers need it, too
        with subprocess.Popen(command, env=environment, **more) as process:
            while process.poll() is None and (until is None or time.monotonic() < until):
                memory.append((time.time(), memory_of(process.pid)))
                time.sleep(EACH)
            ended = process.poll() is None
            if ended:
                leave(process)
        told.seek(0)
        text = told.read().strip()
    if process.returncode and not ended:
        raise HeadposeError(f"{' '.join(command)} failed: {text.splitlines()[-1:]}")
    return figures(output, memory)


def leave(process: subprocess.Popen) -> None:
    """Has a run end as Ctrl-C does."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(LEAVING)
    except subprocess.TimeoutExpired:
        process.kill()


def figures(output: Path, memory: Sequence[tuple[float, float]]) -> dict:
    """Reckons what a run has done from the notes of its shards.

    Args:
        output: Of the run.
        memory: When it was looked at, seconds since 1970, and MB.

    Raises:
        HeadposeError: If fewer than two shards were done.
    """
    notes = sorted((output / "shards").glob("*.json"), key=lambda file: file.stat().st_mtime)
    if len(notes) < 2:
        raise HeadposeError("fewer than two shards were done; give it more minutes or shards")
    done = [json.loads(note.read_text()) for note in notes]
    started, ended = (notes[i].stat().st_mtime for i in (0, -1))
    seconds = max(ended - started, 1e-9)
    # What was done by the first note was begun before.
    pictures = sum(counts["pictures"] for counts in done[1:])
    tables = (output / "heads" / f"{note.stem}.jsonl" for note in notes)
    written = sum(table.stat().st_size for table in tables)
    parts: list[list[float]] = [[] for _ in range(PARTS)]
    for at, used in memory:
        share = (at - started) / seconds
        if 0 <= share <= 1:
            parts[min(PARTS - 1, int(share * PARTS))].append(used)
    return {
        "pictures": sum(counts["pictures"] for counts in done),
        "heads": sum(counts["heads"] for counts in done),
        "seconds": seconds,
        "rate": pictures / seconds,
        "written": written / max(1, sum(counts["pictures"] for counts in done)),
        "memory": [median(part) for part in parts],
    }


def rate_cells(engine: str, workers: int, found: dict) -> list[str]:
    """Returns a row of the table of rates."""
    counts = [str(n) for n in (workers, found["pictures"], found["heads"])]
    rates = [f"{found['rate']:.2f}", f"{found['rate'] / workers:.2f}"]
    memory = [cell(used, ".0f") for used in found["memory"]]
    return [engine, *counts, f"{found['seconds']:.0f}", *rates, *memory]


def cost_cells(engine: str, workers: int, found: dict, size: float) -> list[str]:
    """Returns a row of the table of what a million pictures cost.

    Args:
        engine, workers: Of the run.
        found: Its figures.
        size: Of a picture, bytes.
    """
    hours = MANY / 3600 / (found["rate"] / workers)
    known = [used for used in found["memory"] if used is not None]
    memory = f"{max(known) / workers:.0f}" if known else NOTHING
    cells = [engine, str(workers), f"{hours:.1f}", f"{hours / CORES:.2f}"]
    return [*cells, f"{MANY * size / 1e9:.1f}", f"{MANY * found['written'] / 1e9:.2f}", memory]


def machine_line() -> str:
    """Returns one line about processor and programs."""
    programs = ", ".join(f"{name} {version}" for name, version in versions().items())
    return f"{processor_name()}, {os.cpu_count()} cores; {programs}"


def counts_of(arguments: argparse.Namespace) -> list[int]:
    """Returns how many pictures there are to be for each number of workers.

    Raises:
        HeadposeError: If that is not told for each.
    """
    counts, workers = arguments.count, arguments.workers
    if len(counts) not in (1, len(workers)):
        raise HeadposeError(
            f"--count has {len(counts)} numbers, --workers {len(workers)}; give one, or as many"
        )
    return counts * len(workers) if len(counts) == 1 else counts


def main() -> int:
    arguments = options().parse_args()
    counts = counts_of(arguments)
    if not Path("/proc/self/smaps_rollup").exists():
        raise HeadposeError("memory is read from /proc, which only Linux has")
    names = arguments.pictures or [str(sample_portrait())]
    pictures = find_inputs(names).pictures
    if not pictures:
        raise HeadposeError(f"{names[0]}: no pictures there")
    if arguments.work:
        arguments.work.mkdir(parents=True, exist_ok=True)
    failed = False
    size = sum(file.stat().st_size for file in pictures) / len(pictures)
    costs = []
    print(
        f"{len(pictures)} different pictures, {size / 1e3:.0f} kB each, in shards of "
        f"{arguments.shard}; {machine_line()}\n\n{markdown_table(COLUMNS, [])}",
        flush=True,
    )
    with tempfile.TemporaryDirectory(dir=arguments.work, prefix="archive-rate-") as folder:
        for workers, count in zip(arguments.workers, counts, strict=True):
            shards, output = Path(folder, "shards"), Path(folder, "results")
            write_shards(shards, pictures, count, arguments.shard)
            for engine in arguments.engines:
                more = arguments.detector, arguments.minutes
                try:
                    found = run(shards, output, engine, workers, *more)
                except HeadposeError as error:  # the others are worth having all the same
                    cl.tell(f"{cl.program()}: error: {engine}, {workers}: {error}", sys.stderr)
                    failed = True
                else:
                    print(f"| {' | '.join(rate_cells(engine, workers, found))} |", flush=True)
                    costs.append(cost_cells(engine, workers, found, size))
                shutil.rmtree(output, ignore_errors=True)
            shutil.rmtree(shards)
    print(f"\nA million pictures:\n\n{markdown_table(COSTS, costs)}")
    return int(failed)


if __name__ == "__main__":
    cl.run(main)
