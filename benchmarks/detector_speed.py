#!/usr/bin/env python3
"""Times a head detector's network on the CPU in several programs, side by side.

The same network gets the same picture in plain Keras (`predict`), in this project's call
in float32 and bfloat16, in ONNX Runtime and in OpenVINO. Each variant lives in a process
of its own, so that neither settings nor memory mix; the calls take turns, so that whatever
else the machine does hits all alike. A time is from float32 pictures to boxes and scores
as arrays; decoding a file, scaling it and suppression are the same for all and left out.
"""

import argparse
import importlib.util
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from detector_variants import VARIANTS, prepare, work
from turns import machine, receive, start

from headpose.cli import common as cl
from headpose.errors import HeadposeError
from headpose.files import atomic_write

BATCHES = (1, 4)  # pictures a call
WARM_UP = 2  # calls before the first that counts
PAUSE = 0.05  # seconds between calls, in which the last one's threads fall asleep
EXAMPLE_SCORE = 0.01  # boxes that score more are compared


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("file", nargs="?", metavar="FILE", help="detector; if not given, a network is built anew")
    add("--architecture", choices=("ssd512", "compact"), default="ssd512", help="without FILE")
    add("--picture", metavar="FILE", help="if not given, a portrait that matplotlib brings")
    add("--repeats", type=cl.at_least(1), default=20, help="timed calls of each variant")
    add("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS), help="which to time")
    add("--json", type=Path, metavar="FILE", help="also write all times and the machine here")
    return parser


# ------------------------------------------------------------------------ measurement


def missing_packages(name: str) -> list[str]:
    return [p for p in VARIANTS[name][1] if importlib.util.find_spec(p) is None]


def measure(workers: dict, repeats: int) -> dict[str, dict]:
    """Has the workers take turns; returns times, memory and outputs of each."""
    results = {name: {"seconds": {}, "peak bytes": {}} for name in workers}
    for count in BATCHES:
        for turn in cl.progress(range(-WARM_UP, repeats), "rounds"):
            for name, (process, connection) in list(workers.items()):
                connection.send((count, turn == -WARM_UP and count == 1))
                try:
                    answer = receive(process, connection)
                except HeadposeError as failure:
                    answer = str(failure)
                if isinstance(answer, str):
                    cl.warn(f"{name}: dropped: {answer}")
                    del workers[name], results[name]
                    continue
                seconds, peak, outputs = answer
                if outputs:
                    results[name]["outputs"] = outputs
                if turn >= 0:
                    results[name]["seconds"].setdefault(count, []).append(seconds)
                    results[name]["peak bytes"][count] = peak
                time.sleep(PAUSE)
    return results


def compare(results: dict[str, dict]) -> None:
    """Replaces outputs by their largest differences from those of the first variant."""
    reference = next(iter(results.values()))["outputs"]
    candidates = reference[1] > EXAMPLE_SCORE
    for result in results.values():
        boxes, scores = result.pop("outputs")
        result["score difference"] = float(np.abs(scores - reference[1]).max())
        apart = np.abs(boxes - reference[0])[candidates]
        result["box difference px"] = float(apart.max(initial=0))


def print_table(results: dict[str, dict]) -> None:
    heads = [f"{n} a call, ms" for n in BATCHES] + [f"peak MB at {n}" for n in BATCHES]
    heads += ["max score diff", "max box diff px"]
    print(f"{'variant':<18}" + "".join(f"{head:>17}" for head in heads))
    for name, result in results.items():
        times = [1000 * statistics.median(result["seconds"][n]) for n in BATCHES]
        cells = [f"{ms:.1f}" for ms in times]
        cells += [f"{result['peak bytes'][n] / 1e6:.0f}" for n in BATCHES]
        cells += [f"{result['score difference']:.1e}", f"{result['box difference px']:.3f}"]
        print(f"{name:<18}" + "".join(f"{cell:>17}" for cell in cells))


def main() -> None:
    arguments = options().parse_args()
    chosen = []
    for name in arguments.variants:
        if missing := missing_packages(name):
            print(f"{name}: skipped, not installed: {', '.join(missing)}"
                  f" (pip install {' '.join(missing)})")  # fmt: skip
        else:
            chosen.append(name)
    if arguments.picture is None:
        from headpose.images.pictures import sample_portrait

        arguments.picture = str(sample_portrait())
    export = any(VARIANTS[name][1] for name in chosen)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        what = (arguments.file, arguments.architecture, arguments.picture, folder, export)
        network = receive(*start(prepare, *what))
        if isinstance(network, HeadposeError):
            raise network
        workers = {}
        for name in chosen:
            process, connection = start(work, name, folder)
            answer = receive(process, connection)
            if answer is None:
                workers[name] = process, connection
            else:
                print(f"{name}: skipped: {answer}")
        results = measure(workers, arguments.repeats)
        for process, connection in workers.values():
            connection.send(None)
            process.join()
    if not results:
        raise HeadposeError("no variant could be run")
    compare(results)
    described = machine()
    size = "x".join(map(str, network["input"][:2]))
    print(
        f"{arguments.file or arguments.architecture}: {network['parameters']:,} parameters, {size};"
        f" {described['processor']}, {described['cores']} cores; medians of {arguments.repeats}"
    )
    print_table(results)
    if arguments.json:
        report = {"network": network, "machine": described, "repeats": arguments.repeats}
        with atomic_write(arguments.json) as temporary:
            temporary.write_text(json.dumps(report | {"variants": results}, indent=2))


if __name__ == "__main__":
    cl.run(main)
