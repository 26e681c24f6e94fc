"""The options of scripts that spread work over processes or machines, and the pool they ask for."""

import argparse
import os

from headpose.cli import common as cl
from headpose.errors import HeadposeError

MAX_PROCESSES = 65_536  # processes, and cores for each: more than any cluster gives one user


def add_pool_options(parser: argparse.ArgumentParser, one: str, processes: str) -> None:
    """Adds the options that `open_pool` reads.

    Args:
        parser: Gets them.
        one: What a worker has at a time: `trial`, `worker`.
        processes: Name of the option for the number of processes, without dashes.
    """
    add = parser.add_argument
    add(
        f"--{processes}",
        dest="processes",
        type=cl.in_range(1, MAX_PROCESSES, int),
        metavar="N",
        help="number of workers (default: 1; with --ray as many as the cluster has room for)",
    )
    add(
        "--ray",
        type=cl.named,
        metavar="ADDRESS",
        help="of a Ray cluster to use, as host:port; auto for the one that this machine "
        "belongs to, local to start one here",
    )
    add(
        f"--cpus-per-{one}",
        dest="cpus",
        type=cl.in_range(1, MAX_PROCESSES, int),
        metavar="N",
        help=f"cores for each, and threads (default: this machine's over --{processes}; "
        "with --ray 1)",
    )
    add(
        f"--gpus-per-{one}",
        dest="gpus",
        type=cl.in_range(0, 1024),
        default=0.0,
        metavar="N",
        help="GPUs for each, perhaps a fraction; with --ray only",
    )


def check_pool(arguments: argparse.Namespace) -> None:
    """Refuses what only Ray can do. Call before any work.

    Raises:
        HeadposeError: If GPUs are asked for without it.
    """
    if arguments.gpus and not arguments.ray:
        raise HeadposeError("GPUs are shared out by Ray only; add --ray local, or leave them out")


def open_pool(arguments: argparse.Namespace, fresh: bool):
    """Returns the pool that `add_pool_options` asks for.

    Raises:
        HeadposeError: If Ray is asked for and missing, or has no machine of that size.
    """
    if arguments.ray:
        from headpose.parallel.ray_pool import RayPool

        return RayPool(
            arguments.ray, arguments.processes, arguments.cpus or 1, arguments.gpus, fresh
        )
    check_pool(arguments)
    from headpose.parallel.processes import ProcessPool

    size = arguments.processes or 1
    return ProcessPool(size, arguments.cpus or max(1, (os.cpu_count() or 1) // size), fresh)
