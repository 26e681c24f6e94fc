"""`headpose annotate --merge`: brings together what runs with `--shard` have left."""

import argparse
import sys

from headpose.cli import common as cl
from headpose.errors import HeadposeError

NAMED = 5  # shards that a message about those missing names


def check_merge(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Stops with a usage error where `--merge` is given what it has no use for."""
    if arguments.inputs:
        parser.error("--merge counts what was done and reads no INPUT; leave it out")
    usual = vars(parser.parse_args(["--merge", f"--output={arguments.output}"]))
    kept = ("debug", "inputs")
    given = [k for k, v in vars(arguments).items() if k not in kept and v != usual[k]]
    if given:
        named = [a.option_strings[0] for a in parser._actions if a.dest in given]
        parser.error(f"--merge counts what was done; leave out {', '.join(named)}")


def merge(place: str) -> int:
    """Joins videos, and counts what runs with `--shard` have left; returns the exit status."""
    from headpose.archives import gathering, results
    from headpose.archives.annotation import annotate_shard
    from headpose.archives.output import Output
    from headpose.archives.tasks import ShardTask

    output = Output(place)
    if output.folder is not None and not output.folder.is_dir():
        raise HeadposeError(f"{output}: no such folder; name the one with the results")
    with output.claimed():
        settings = (results.read_manifest(output) or {}).get("settings", {})
        for video in cl.progress(results.ready(output), "videos"):
            kind, empty = settings["format"], settings["empty"]
            annotate_shard(ShardTask(video, output, kind=kind, empty=empty))
        counts, missing = gathering.merge(output)
    if missing:
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        cl.tell(
            f"{cl.program()}: error: {len(missing)} of {counts['shards'] + len(missing)} shards "
            f"are not done: {', '.join(missing[:NAMED])}{more}; run their parts, then merge again",
            sys.stderr,
        )
    tell_counts(counts, output, None)
    return 1 if missing or counts["failures"] else 0


def tell_counts(counts: dict, output, seconds: float | None) -> None:
    """Says what was found, and where failures are listed."""
    from headpose.archives.results import FAILURES, HEADS

    took = "" if seconds is None else f" ({seconds:.0f} s)"
    print(
        f"{counts['pictures']} pictures and {counts['frames']} frames of {counts['videos']} "
        f"videos: {counts['heads']} heads -> {output.named(HEADS)}{took}"
    )
    if counts["failures"]:
        told = f"{counts['failures']} files could not be read, or only in part"
        cl.warn(f"{told}: see {output.named(FAILURES)}")
