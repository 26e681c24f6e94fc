#!/usr/bin/env python3
"""Measures what smoothing angles over time brings and costs.

Jitter is the mean absolute second difference of a series, in degrees; lag is the shift in
time with which the smoothed series fits the unsmoothed one best. Made-up heads that keep
still or turn, with noise, come first: there lag is behind the series without noise. Then
the heads of clips.
"""

import argparse
import math
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from headpose.cli import common as cl
from headpose.cli.markdown import markdown_table
from headpose.files import write_json
from headpose.video.smoothing import BETA, MIN_CUTOFF, OneEuro, jitter, lag

SECONDS = 10  # of a made-up series
NOISE = 1.0  # degrees, standard deviation
MADE_UP = {
    "still": lambda t: 0 * t,
    "to and fro, 75 degrees a second": lambda t: 40 * np.sin(2 * np.pi * 0.3 * t),
    "to and fro, 31 degrees a second": lambda t: 25 * np.sin(2 * np.pi * 0.2 * t),
    "two sudden turns, 60 degrees a second": lambda t: (
        np.clip(60 * (t - 3), 0, 50) - np.clip(60 * (t - 7), 0, 50)
    ),
}
TURNED = 20.0  # degrees from end to end, from which a head of a clip counts as turning
SHORTEST = 20  # frames of a head that counts


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("clips", nargs="*", help="videos")
    add("--min-cutoff", type=cl.in_range(0.001, 1000), default=MIN_CUTOFF, metavar="HZ")
    add("--beta", type=cl.in_range(0, 1000), default=BETA, metavar="S")
    add("--rates", type=cl.in_range(1, 1000), nargs="+", default=[12.5, 25, 30], metavar="FPS")
    add("--frames", type=cl.at_least(SHORTEST), default=10**6, help="at most so many of a clip")
    add("--json", type=Path, metavar="FILE", help="also write the figures here")
    cl.add_device_options(parser)
    return parser


def row(name: str, times, angles, true, arguments: argparse.Namespace) -> dict:
    """Returns the figures of one series; the lag only of one that turns."""
    smooth = OneEuro(arguments.min_cutoff, arguments.beta)
    smoothed = np.array([smooth(float(a), float(t)) for a, t in zip(angles, times, strict=True)])
    before, after = jitter(angles), jitter(smoothed)
    turns = np.ptp(true) >= TURNED
    return {
        "series": name,
        "frames a second": round(float((len(times) - 1) / (times[-1] - times[0])), 1),
        "jitter": before,
        "smoothed": after,
        "ratio": after / before if before else math.nan,
        "lag ms": 1000 * lag(times, true, smoothed) if turns else math.nan,
    }


def made_up_rows(arguments: argparse.Namespace) -> list[dict]:
    rows = []
    for name, angle in MADE_UP.items():
        for rate in arguments.rates:
            times = np.arange(0, SECONDS, 1 / rate)
            true = angle(times)
            angles = true + np.random.default_rng(0).normal(0, NOISE, len(times))
            rows.append(row(name, times, angles, true, arguments))
    return rows


def clip_rows(clips: list[str], arguments: argparse.Namespace) -> list[dict]:
    """Returns the figures of each angle of each head that is long enough to be seen."""
    from itertools import islice

    from headpose.models.keras_setup import set_up
    from headpose.pipeline import load_pipeline
    from headpose.video.opening import open_source
    from headpose.video.pipeline import VideoPipeline

    set_up(arguments.device, arguments.precision)
    pipeline, rows = load_pipeline(), []
    for clip in clips:
        series: dict[tuple[int, str], list[tuple[float, float]]] = {}
        with open_source(clip) as source:
            for frame, heads in VideoPipeline(pipeline)(islice(source, arguments.frames)):
                for followed in heads:
                    for name in ("tilt", "pan", "roll"):
                        angle = getattr(followed.head, name)
                        if angle is not None:
                            key = followed.track, name
                            series.setdefault(key, []).append((frame.time, angle))
        for (track, name), pairs in series.items():
            if len(pairs) >= SHORTEST:
                times, angles = np.array(pairs).T
                title = f"{Path(clip).stem} #{track} {name}"
                rows.append(row(title, times, angles, angles, arguments))
    return rows


def main() -> None:
    arguments = options().parse_args()
    rows = made_up_rows(arguments)
    if arguments.clips:
        rows += clip_rows(arguments.clips, arguments)
    cells = []
    for figures in rows:
        name, rate, before, after, ratio, late = figures.values()
        late = "-" if math.isnan(late) else f"{late:.0f}"
        cells.append([name, str(rate), f"{before:.2f}", f"{after:.2f}", f"{ratio:.2f}", late])
    print(markdown_table(list(rows[0]), cells))
    if arguments.json:
        write_json(arguments.json, rows)


if __name__ == "__main__":
    cl.run(main)
