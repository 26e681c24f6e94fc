"""Training with JAX; two devices that it makes of one processor stand for two GPUs."""

import importlib.util
import re

import numpy as np
import pandas as pd
import pytest
from drawn_heads import spot_heads

pytestmark = pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="JAX is not installed")


@pytest.fixture(scope="module")
def heads(tmp_path_factory):
    return spot_heads(tmp_path_factory.mktemp("heads"), 12, 12)


def train(run_fresh, heads, output, devices, *more):
    data = [
        f"{heads}#train",
        "--validation",
        f"{heads}#test",
        "--output",
        output,
        "--device",
        "cpu",
    ]
    small = ["--architecture", "patacchiola", "--conv-blocks", "2", "--filters", "4"]
    small += [
        "--device",
        "cpu",
        "--dense-size",
        "8",
        "--dropout",
        "0",
        "--epochs",
        "2",
        "--steps",
        "2",
    ]
    return run_fresh(
        *("train.py", *data, *small, *more),
        KERAS_BACKEND="jax",
        JAX_PLATFORMS="cpu",
        XLA_FLAGS=f"--xla_force_host_platform_device_count={devices}",
    )


def test_two_devices_learn_what_one_does(run_fresh, heads, tmp_path):
    logs = []
    for devices in (1, 2):
        folder = tmp_path / str(devices)
        done = train(run_fresh, heads, folder, devices, "--batch-size", "8")
        assert done.status == 0, done.err
        assert ("divided among 2 devices" in done.out) == (devices == 2)
        logs.append(pd.read_csv(folder / "log.csv"))
    assert list(logs[0].columns) == list(logs[1].columns)
    np.testing.assert_allclose(logs[0].to_numpy(), logs[1].to_numpy(), rtol=1e-3, atol=1e-3)


def test_running_means_of_weights_are_kept(run_fresh, heads, tmp_path):
    done = train(run_fresh, heads, tmp_path, 1, "--batch-size", "8", "--average", "0.5")
    assert done.status == 0, done.err
    plain = train(run_fresh, heads, tmp_path / "plain", 1, "--batch-size", "8")
    assert plain.status == 0, plain.err
    logs = [pd.read_csv(folder / "log.csv") for folder in (tmp_path, tmp_path / "plain")]
    # They change what is measured, not what is learned.
    np.testing.assert_allclose(logs[0]["loss"], logs[1]["loss"], rtol=1e-4)
    assert not np.allclose(logs[0]["score"], logs[1]["score"], rtol=1e-6)


def test_a_batch_that_cannot_be_divided_is_told(run_fresh, heads, tmp_path):
    done = train(run_fresh, heads, tmp_path, 2, "--batch-size", "9")
    assert done.status == 1
    assert re.search("a batch of 9 cannot be divided among 2 devices", done.err.splitlines()[-1])
