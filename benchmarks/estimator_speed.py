#!/usr/bin/env python3
"""Times pose estimators on 1 and 32 crops, interleaved in one run.

Beside each estimator's compiled call stands Keras' own `Model.predict`, which the
published demos used.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from headpose import commandline as cl

COUNTS = (1, 32)


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("estimators", nargs="+", help="model files; 'patacchiola' builds the published 6/32/1/512")
    add("--repeats", type=cl.at_least(3), default=50, help="timed calls of each")
    add("--json", type=Path, help="also write the figures here")
    cl.add_device_options(parser)
    return parser


def main() -> None:
    arguments = options().parse_args()
    from headpose.runtime import set_up

    set_up(arguments.device, arguments.precision)
    import numpy as np

    from headpose.architectures import build_patacchiola
    from headpose.estimator import PoseEstimator

    estimators = {
        name: PoseEstimator(build_patacchiola())
        if name == "patacchiola"
        else PoseEstimator.load(name)
        for name in arguments.estimators
    }
    rng = np.random.default_rng(0)
    calls = {}
    for name, estimator in estimators.items():
        for count in COUNTS:
            crops = rng.integers(0, 256, (count, estimator.size, estimator.size), dtype=np.uint8)
            floats = crops[..., None].astype(np.float32)
            calls[name, "ours", count] = lambda e=estimator, c=crops: e.estimate_all(c)
            calls[name, "predict", count] = lambda e=estimator, c=floats: e.model.predict(
                c, verbose=0
            )
    times = {key: [] for key in calls}
    for call in calls.values():
        call()  # compiles
    for _ in cl.progress(range(arguments.repeats), "rounds"):
        for key, call in calls.items():
            started = time.perf_counter()
            call()
            times[key].append(1000 * (time.perf_counter() - started))
    rows = []
    print("| estimator | parameters | 1 crop, ms | 32 crops, ms | predict, 1 | predict, 32 |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, estimator in estimators.items():
        row = {"estimator": name, "parameters": estimator.model.count_params()}
        for how in ("ours", "predict"):
            row |= {f"{how} {n} ms": float(np.median(times[name, how, n])) for n in COUNTS}
        rows.append(row)
        cells = [name, f"{row['parameters']:,}", *(f"{v:.2f}" for v in list(row.values())[2:])]
        print("| " + " | ".join(cells) + " |")
    if arguments.json:
        with cl.written(arguments.json) as temporary:
            temporary.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    cl.run(main)
