"""Measures `headpose annotate` on many pictures: rate a core, and whether memory stays flat.

The pictures are repeated to any count, as tar shards that are links to one: the disk holds one
shard, however many pictures are read. A row is printed for each engine and number of workers,
which take turns. The rate is of the time between the first shard that was done and the last,
so that starting counts for nothing; memory is the proportional share (PSS) of all processes of
the run together, in the first and the last quarter of that time.
"""

import argparse
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from headpose.cli import common as cl
from headpose.errors import HeadposeError
from headpose.images.listing import find_inputs
from headpose.images.pictures import sample_portrait

ENGINES = ("processes", "ray")
EACH = 1.0  # seconds between looks at memory
HEADER = (
    "| engine | workers | pictures | heads | seconds | pictures a second | a second and core | "
    "MB, first quarter | MB, last quarter |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
)


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("pictures", nargs="*", metavar="PICTURE", help="files or folders (default: a portrait)")
    add("--count", type=cl.at_least(1), default=50_000, metavar="N", help="pictures in a run")
    add("--shard", type=cl.at_least(1), default=1000, metavar="N", help="pictures in a tar shard")
    add("--workers", type=cl.at_least(1), nargs="+", default=[1, 2], metavar="N")
    add("--engines", choices=ENGINES, nargs="+", default=["processes"])
    add("--work", type=Path, metavar="DIR", help="folder for shards and results (default: a new)")
    add("--detector", metavar="FILE", help="see headpose annotate")
    return parser


def write_shards(folder: Path, pictures: Sequence[Path], count: int, size: int) -> int:
    """Writes one tar shard of `size` pictures, and links to it for the others.

    Returns:
        How many pictures there are in all: whole shards, at least two.
    """
    first = folder / "shard-000000.tar"
    with tarfile.open(first, "w") as archive:
        for i in range(size):
            content = pictures[i % len(pictures)].read_bytes()
            info = tarfile.TarInfo(f"{i:06d}{pictures[i % len(pictures)].suffix}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
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


def run(shards: Path, output: Path, engine: str, workers: int, detector: str | None) -> dict:
    """Annotates all shards in a process of its own.

    Returns:
        Figures of a row, without engine and workers.

    Raises:
        HeadposeError: If it fails.
    """
    command = [sys.executable, "-m", "headpose", "annotate", str(shards), "--output", str(output)]
    command += ["--workers", str(workers), "--cpus-per-worker", "1"]
    command += ["--ray", "local"] if engine == "ray" else []
    command += ["--detector", detector] if detector else []
    memory: list[tuple[float, float]] = []
    with tempfile.TemporaryFile("w+") as told:
        with subprocess.Popen(command, stdout=told, stderr=told) as process:
            while process.poll() is None:
                memory.append((time.time(), memory_of(process.pid)))
                time.sleep(EACH)
        told.seek(0)
        text = told.read().strip()
    if process.returncode:
        raise HeadposeError(f"{' '.join(command)} failed: {text.splitlines()[-1:]}")
    counts = json.loads((output / "manifest.json").read_text())["counts"]
    ends = sorted(file.stat().st_mtime for file in (output / "shards").glob("*.json"))
    # As many shards as there are workers are done at the first end.
    started, seconds = ends[0], ends[-1] - ends[0]
    pictures = counts["pictures"] * (len(ends) - 1) / len(ends)
    quarters = [
        [used for at, used in memory if a <= (at - started) / max(seconds, 1e-9) <= b]
        for a, b in ((0, 0.25), (0.75, 1))
    ]
    return {
        "pictures": counts["pictures"],
        "heads": counts["heads"],
        "seconds": seconds,
        "rate": pictures / max(seconds, 1e-9),
        "memory": [statistics.median(part) if part else None for part in quarters],
    }


def row(engine: str, workers: int, found: dict) -> str:
    """Returns a row of the table."""
    memory = ["-" if used is None else f"{used:.0f}" for used in found["memory"]]
    cells = [engine, workers, found["pictures"], found["heads"], f"{found['seconds']:.0f}"]
    cells += [f"{found['rate']:.2f}", f"{found['rate'] / workers:.2f}", *memory]
    return f"| {' | '.join(map(str, cells))} |"


def main() -> int:
    arguments = options().parse_args()
    if not Path("/proc/self/smaps_rollup").exists():
        raise HeadposeError("memory is read from /proc, which only Linux has")
    names = arguments.pictures or [str(sample_portrait())]
    pictures = find_inputs(names).pictures
    if not pictures:
        raise HeadposeError(f"{names[0]}: no pictures there")
    if arguments.work:
        arguments.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.work, prefix="archive-rate-") as folder:
        shards = Path(folder, "shards")
        shards.mkdir()
        count = write_shards(shards, pictures, arguments.count, arguments.shard)
        size = sum(file.stat().st_size for file in pictures) / len(pictures) / 1e3
        print(
            f"{count} pictures, {len(pictures)} different, {size:.0f} kB each, in shards of "
            f"{arguments.shard}; {os.cpu_count()} cores\n\n{HEADER}"
        )
        for workers in arguments.workers:
            for engine in arguments.engines:
                output = Path(folder, "results")
                found = run(shards, output, engine, workers, arguments.detector)
                print(row(engine, workers, found), flush=True)
                shutil.rmtree(output)
    return 0


if __name__ == "__main__":
    cl.run(main)
