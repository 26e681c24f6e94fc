"""A Ray cluster of two machines with one core each, started here on the loopback interface."""

import contextlib
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@contextlib.contextmanager
def two_machines():
    """Gives the cluster; skips the test where Ray is not installed."""
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # loopback
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    pytest.importorskip("ray", reason="Ray is not installed (the extra distributed)")
    before = os.environ.get("PYTHONPATH", "")
    # What the workers need to import this folder's functions.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests"), before])
    from ray.cluster_utils import Cluster

    # A machine that is gone shall be missed within seconds.
    watched = {"health_check_period_ms": 200, "health_check_failure_threshold": 25}
    node = {"num_cpus": 1, "include_dashboard": False, "_system_config": watched}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        cluster.add_node(num_cpus=1)
        yield cluster
    finally:
        cluster.shutdown()
        os.environ["PYTHONPATH"] = before
