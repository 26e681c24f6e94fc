"""What is said of weights of published networks that a user fetched."""

import os

import h5py
import numpy as np
import pytest

from headpose.baselines.weight_files import PUBLISHED_SHAPES, look_at
from headpose.geometry.boxes import iou
from headpose.models.shipped import DEFAULT_ESTIMATOR
from headpose.pose.networks import build_patacchiola


def write_keras2(path, shapes, seed=0):
    """Weights as Keras 2 saved them: a group a layer, a kernel and a bias each."""
    random = np.random.default_rng(seed)
    with h5py.File(path, "w") as file:
        names = [f"layer{i}" for i in range(len(shapes) // 2)]
        file.attrs["layer_names"] = [n.encode() for n in names]
        for name, pair in zip(names, zip(shapes[::2], shapes[1::2], strict=True), strict=True):
            group = file.create_group(name)
            group.attrs["weight_names"] = [b"kernel", b"bias"]
            for part, shape in zip(("kernel", "bias"), pair, strict=True):
                scale = np.prod(shape[:-1]) ** -0.5
                group[part] = random.normal(0, scale, shape).astype(np.float32)
    return path


def test_the_published_shapes_are_those_of_the_network():
    model = build_patacchiola()
    assert [tuple(w.shape) for w in model.weights] == PUBLISHED_SHAPES
    assert sum(int(np.prod(s)) for s in PUBLISHED_SHAPES) == 6_813_442


def test_the_sample_s_head_is_where_the_shipped_detector_finds_it():
    from headpose import load_pipeline, read_image
    from headpose.baselines.weight_files import SAMPLE_HEAD
    from headpose.images.pictures import sample_portrait

    head = load_pipeline()(read_image(sample_portrait()))[0]
    assert iou(np.array([head.box]), np.array([SAMPLE_HEAD]))[0, 0] > 0.9


def test_a_published_estimator_runs(tmp_path):
    path = write_keras2(tmp_path / "pose-estimator.h5", PUBLISHED_SHAPES)
    found = look_at(str(path))
    assert found.runs, found.lines
    assert found.lines[0] == f"{path}: {path.stat().st_size:,} bytes"
    assert found.lines[1] == "the published 6/32/1/512, 6,813,442 parameters"
    assert found.lines[2].startswith("the sample portrait: tilt ")
    assert len(found.shapes) == 16
    assert found.shapes[0].endswith(": 3x3x1x32")


def test_another_of_the_family_is_told_apart(tmp_path):
    shapes = [(3, 3, 1, 4), (4,), (32 * 32 * 4, 8), (8,), (8, 2), (2,)]
    found = look_at(str(write_keras2(tmp_path / "other.h5", shapes)))
    assert found.runs
    assert found.lines[1] == "not the published 6/32/1/512, 32,834 parameters"


def test_an_exported_estimator_tells_what_the_shipped_one_does():
    found = look_at(str(DEFAULT_ESTIMATOR.with_suffix(".onnx")))
    assert found.runs, found.lines
    told = found.lines[-1].removeprefix("the sample portrait: ")
    own, shipped = told.split("; the estimator that ships tells ")
    assert own == shipped


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda p: p / "gone.h5", "no such file or folder"),
        (lambda p: p, "no folder pitch or tilt"),
        (lambda p: write_keras2(p / "a.h5", PUBLISHED_SHAPES[2:]), "not a pose estimator of the"),
        (
            lambda p: write_keras2(p / "b.h5", [*PUBLISHED_SHAPES[:-2], (512, 2), (3,)]),
            "not a pose estimator of the",
        ),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, make, told):
    found = look_at(str(make(tmp_path)))
    assert not found.runs
    assert told in found.lines[-1]


def test_angles_that_are_no_numbers_do_not_count_as_running(tmp_path):
    path = write_keras2(tmp_path / "pose-estimator.h5", PUBLISHED_SHAPES)
    with h5py.File(path, "r+") as file:
        file["layer7/bias"][:] = np.nan
    found = look_at(str(path))
    assert not found.runs
    assert "no numbers" in found.lines[-1]


def test_the_command_says_so_in_its_status(tmp_path, run_script):
    shapes = [(3, 3, 1, 4), (4,), (32 * 32 * 4, 8), (8,), (8, 2), (2,)]
    other = write_keras2(tmp_path / "other.h5", shapes)
    damaged = tmp_path / "damaged.h5"
    damaged.write_bytes(other.read_bytes()[:2000])
    ran = run_script("verify-weights", other, damaged, "--shapes")
    assert ran.status == 1
    assert f"{other}: runs\n" in ran.out
    assert "  dense1/kernel: 4096x8\n" in ran.out
    assert f"{damaged}: DOES NOT RUN\n" in ran.out
    assert run_script("verify-weights", other).status == 0


def test_ssd512_is_told_from_estimators(tmp_path):
    path = tmp_path / "head-detector.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"conv1_1"]
        group = file.create_group("conv1_1")
        group.attrs["weight_names"] = [b"kernel", b"bias"]
        group["kernel"], group["bias"] = np.zeros((3, 3, 3, 64)), np.zeros(64)
    found = look_at(str(path))
    assert not found.runs
    assert "2 of 79 found" in found.lines[-1]


def test_a_pipe_is_told_from_nothing(tmp_path, run_script):
    os.mkfifo(tmp_path / "a.h5")
    ran = run_script("verify-weights", tmp_path / "a.h5")
    assert (ran.status, len(ran.err.splitlines())) == (1, 1)
    assert "a.h5: no regular file (a pipe or a device); name a file" in ran.err
