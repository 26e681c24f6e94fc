#!/usr/bin/env python3
"""Measures what smoothing angles over time brings and costs.

Jitter is the mean absolute second difference of a series, in degrees; lag is the shift in
time with which the smoothed series fits the unsmoothed one best. Made-up heads that keep
still or turn, with noise, come first: there lag is behind the series without noise. Then
the heads of clips.
"""

import argparse
import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from measuring import cell, cl

from headpose.cli.markdown import markdown_table
from headpose.files import check_outputs, write_json
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
Series = tuple[str, np.ndarray, np.ndarray, np.ndarray]  # name, times, angles, without noise


def options() -> argparse.ArgumentParser:
    parser = cl.parser(__doc__)
    add = parser.add_argument
    add("clips", nargs="*", help="videos")
    add("--min-cutoff", type=cl.in_range(0.001, 1000), default=MIN_CUTOFF, metavar="HZ")
    add("--beta", type=cl.in_range(0, 1000), default=BETA, metavar="S")
    add("--rates", type=cl.in_range(1, 1000), nargs="+", default=[12.5, 25, 30], metavar="FPS")
    add("--frames", type=cl.at_least(SHORTEST), default=10**6, help="at most so many of a clip")
    add("--json", type=Path, metavar="FILE", help="also write the figures here")
    cl.add_overwrite_option(parser)
    cl.add_device_options(parser)
    return parser


def made_up_series(rates: list[float]) -> Iterator[Series]:
    for name, angle in MADE_UP.items():
        for rate in rates:
            times = np.arange(0, SECONDS, 1 / rate)
            noise = np.random.default_rng(0).normal(0, NOISE, len(times))
            yield name, times, angle(times) + noise, angle(times)


def series_of_clip(pipeline, clip: str, max_frames: int) -> Iterator[Series]:
    """Yields each angle of each head that is seen long enough."""
    from headpose.video.opening import open_source
    from headpose.video.pipeline import VideoPipeline

    series: dict[tuple[int, str], list[tuple[float, float]]] = {}
    with open_source(clip) as source:
        for frame, heads in VideoPipeline(pipeline)(islice(source, max_frames)):
            for followed in heads:
                for name in ("tilt", "pan", "roll"):
                    if (angle := getattr(followed.head, name)) is not None:
                        pairs = series.setdefault((followed.track, name), [])
                        pairs.append((frame.time, angle))
    for (track, name), pairs in series.items():
        if len(pairs) >= SHORTEST:
            times, angles = np.array(pairs).T
            yield f"{Path(clip).stem} #{track} {name}", times, angles, angles


def figures(series: Series, smooth: OneEuro) -> dict:
    """Returns the figures of one series; the lag only of one that turns."""
    name, times, angles, true = series
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


def main() -> None:
    arguments = options().parse_args()
    outputs = [arguments.json]
    check_outputs(outputs, arguments.clips, arguments.overwrite, texts=outputs)
    series = list(made_up_series(arguments.rates))
    if arguments.clips:
        from headpose.models.keras_setup import set_up
        from headpose.pipeline import load_pipeline

        set_up(arguments.device, arguments.precision)
        pipeline = load_pipeline()
        for clip in arguments.clips:
            series += series_of_clip(pipeline, clip, arguments.frames)
    rows = [figures(one, OneEuro(arguments.min_cutoff, arguments.beta)) for one in series]
    forms = ("", "", ".2f", ".2f", ".2f", ".0f")
    cells = [
        [cell(value, form) for value, form in zip(row.values(), forms, strict=True)] for row in rows
    ]
    print(markdown_table(list(rows[0]), cells))
    if arguments.json:
        write_json(arguments.json, rows, arguments.overwrite)


if __name__ == "__main__":
    cl.run(main)
