#!/usr/bin/env python3
"""Reads damaged files of every kind and tells what is no clean answer.

A clean answer is a result or a `HeadposeError`, within 10 seconds and 4 GB more memory than
before. The same seed gives the same files; what was found is kept beside the report.

    python tests/fuzz/fuzzer.py --mutations 2000
"""

import argparse
import contextlib
import dataclasses
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

if __name__ == "__main__":
    TESTS = Path(__file__).resolve().parent.parent
    sys.path[:0] = [str(TESTS.parent), str(TESTS), str(TESTS / "fuzz")]

from kinds import KINDS
from mutations import mutate

SECONDS, BYTES = 10, 4 << 30
IMPORTING = 300  # seconds that libraries may take to start, on a busy machine
READ, REFUSED, READY = "read", "refused", "ready"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was no clean answer."""

    kind: str
    seed: int
    what: str


def _child(kind: str, seeds: list[int], folder: Path, line) -> None:
    """Reads one mutation after another and sends what came of each."""
    from headpose.errors import HeadposeError

    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    name, _, read = KINDS[kind]
    good = (folder / name).read_bytes()
    place = folder / f"mutated-{name}"
    read(folder / name)  # which imports libraries
    with contextlib.suppress(ImportError):
        import resource

        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, used + BYTES))
    line.send((None, READY))
    for seed in seeds:
        place.write_bytes(mutate(good, seed))
        line.send((seed, None))
        try:
            read(place)
            told = READ
        except HeadposeError as error:
            told = REFUSED if "\n" not in str(error) else f"several lines: {error!r}"
        except BaseException as error:
            told = f"{type(error).__name__}: {str(error)[:200]}"
        line.send((seed, told))


def fuzz(
    kind: str, mutations: int, folder: Path, first: int = 0, seconds: float = SECONDS
) -> tuple[Counter, list[Finding]]:
    """Reads mutations of one kind of file in child processes.

    Args:
        kind: A key of `KINDS`.
        mutations: How many.
        folder: For the files.
        first: The first seed.
        seconds: Without an answer after which a file counts as one that hangs.

    Returns:
        How often files were read and refused, and what was no clean answer.
    """
    name, write, _ = KINDS[kind]
    write(folder / name)
    left = list(range(first, first + mutations))
    counts: Counter = Counter()
    findings = []
    # What a test runner's other tests have made, such as threads of ONNX Runtime, would be
    # half there after a fork, and crash the child when its garbage is collected.
    context = multiprocessing.get_context("spawn")
    while left:
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_child, args=(kind, left, folder, there), daemon=True)
        process.start()
        there.close()
        current = None
        limit: float = IMPORTING
        while left:
            fault = None
            if here.poll(limit):
                try:
                    current, told = here.recv()
                except EOFError:
                    process.join()
                    fault = f"crash: exit code {process.exitcode}"
            else:
                fault = f"hang: more than {limit:g} s"
            limit = seconds
            if fault is None and told in (None, READY):
                continue
            if fault is not None:
                told, current = fault, left[0] if current is None else current
            left.remove(current)
            if told in (READ, REFUSED):
                counts[told] += 1
            else:
                findings.append(Finding(kind, current, told))
            if fault is not None:
                break
        process.kill()
        process.join()
    return counts, findings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=2000, help="of each kind")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--kind", choices=KINDS, nargs="*", help="which (default: all)")
    parser.add_argument("--keep", type=Path, help="folder for files that gave no clean answer")
    arguments = parser.parse_args()
    unclean = 0
    for kind in arguments.kind or KINDS:
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            counts, findings = fuzz(kind, arguments.mutations, Path(folder), arguments.first)
            name = KINDS[kind][0]
            good = Path(folder, name).read_bytes()
            for finding in findings if arguments.keep else ():
                arguments.keep.mkdir(parents=True, exist_ok=True)
                kept = arguments.keep / f"{finding.seed}-{name}"
                kept.write_bytes(mutate(good, finding.seed))
        print(
            f"{kind}: {counts[READ]} read, {counts[REFUSED]} refused, {len(findings)} unclean, "
            f"{time.monotonic() - start:.0f} s",
            flush=True,
        )
        for finding in findings:
            print(f"  seed {finding.seed}: {finding.what}")
        unclean += len(findings)
    return 1 if unclean else 0


if __name__ == "__main__":
    sys.exit(main())
