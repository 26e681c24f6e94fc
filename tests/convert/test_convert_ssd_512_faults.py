"""What the converter answers to files that are no such detector."""

import h5py
import numpy as np
import pytest
import synthetic_mat as sm
from scipy.io import savemat
from synthetic_keras2 import write_keras2

SCRIPT = "convert_ssd_512.py"
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def tiny_weights():
    """Returns tensors of which only the first layer's have their true size."""
    weights = {name: np.zeros((1, 1), np.float32) for name, _, _ in sm.Net().params}
    weights["conv1_1f"] = np.zeros((3, 3, 3, 64), np.float32)
    weights["conv1_1b"] = np.zeros((64, 1), np.float32)
    return weights


def with_weights(name, array):
    weights = tiny_weights()
    weights[name] = array
    return sm.contents(weights)


def with_record(structs, number, field, value):
    variables = sm.contents(tiny_weights())
    variables[structs][0, number][field] = value
    return variables


def without_parameter(name):
    variables = sm.contents(tiny_weights())
    kept = [record["name"] != name for record in variables["params"][0]]
    variables["params"] = variables["params"][:, kept]
    return variables


def with_meta(**changes):
    variables = sm.contents(tiny_weights())
    variables["meta"] |= changes
    return variables


def not_a_number():
    array = np.zeros((3, 3, 3, 64), np.float32)
    array[2, 1, 0, 5] = np.nan
    return array


def hdf5_mat(path):
    with h5py.File(path, "w", userblock_size=512) as file:
        file["vars"] = np.zeros(3)
    data = path.read_bytes()
    head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    path.write_bytes(head + data[len(head) :])


def other_hdf5(path):
    with h5py.File(path, "w") as file:
        file["vars"] = np.zeros(3)


def truncated(compressed):
    def write(path):
        sm.write(path, sm.contents(tiny_weights()), compressed)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) * 9 // 10])

    return write


ssd300 = np.array([[300.0, 300]])
pictures = {"images": np.zeros((4, 4)), "labels": np.zeros(3)}
lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:cd5e\nsize 90941165\n"
BAD = {
    "missing file": (None, ["no such file"]),
    "v7.3": (hdf5_mat, ["v7.3", "-v7"]),
    "truncated": (truncated(False), ["damaged or incomplete"]),
    "truncated, compressed": (truncated(True), ["damaged or incomplete"]),
    "empty": (lambda path: path.touch(), ["not a MATLAB file"]),
    "text": (lambda path: path.write_text("hello\n" * 99), ["not a MATLAB file"]),
    "Git LFS pointer": (lambda path: path.write_bytes(lfs), ["Git LFS"]),
    "folder": (lambda path: path.mkdir(), ["it is a folder"]),
    "something else": (lambda path: savemat(path, pictures), ["no variable 'vars'", "images"]),
    "something else with vars": (lambda path: savemat(path, {"vars": np.eye(3)}), ["'vars'"]),
    "other params": (
        lambda path: savemat(path, sm.contents(tiny_weights()) | {"params": np.eye(2)}),
        ["'params'", "'name'"],
    ),
    "missing parameter": (without_parameter("conv6_2_filters"), ["conv6_2 weights", "78 of 79"]),
    "duplicate parameter": (
        with_record("params", 7, "name", "conv1_1f"),
        ["duplicate parameter for conv1_1 weights", "'conv1_1f'"],
    ),
    "wrong shape": (
        with_weights("conv1_1f", np.zeros((64, 3, 3, 3), np.float32)),
        ["'conv1_1f'", "64x3x3x3", "3x3x3x64"],
    ),
    "not a number": (with_weights("conv1_1f", not_a_number()), ["'conv1_1f'", "1 of 1728"]),
    "integers": (with_weights("conv1_1b", np.zeros((64, 1), np.int8)), ["'conv1_1b'", "int8"]),
    "points nowhere": (with_record("params", 0, "var", 999.0), ["'conv1_1f'", "999"]),
    "SSD300": (
        with_meta(normalization={"imageSize": ssd300}),
        ["meta.normalization.imageSize", "SSD300"],
    ),
    "background last": (with_meta(backgroundClass=2.0), ["meta.backgroundClass is 2"]),
    "HDF5 of something else": (other_hdf5, ["Keras 2"]),
    "Keras 2, a wrong shape": (
        lambda path: write_keras2(path, tiny_weights()),
        ["'conv1_2'", "1x1", "3x3x64x64"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_writes_nothing(run_script, tmp_path, case):
    make, words = BAD[case]
    path, output = tmp_path / "input.mat", tmp_path / "out" / "detector.keras"
    if isinstance(make, dict):
        sm.write(path, make)
    elif make:
        make(path)
    ran = run_script(SCRIPT, path, "-o", output, "--weights", tmp_path / "out" / "a.weights.h5")
    assert ran.status == 1
    assert ran.out == ""
    (line,) = ran.err.splitlines()
    assert line.startswith(f"{SCRIPT}: error: {path}: ")
    assert all(word in line for word in words), line
    assert not output.parent.exists()


def test_a_failure_leaves_an_older_output_alone(run_script, tmp_path):
    output = tmp_path / "detector.keras"
    output.write_text("older")
    savemat(tmp_path / "other.mat", pictures)
    more = ["-o", output, "--overwrite"]
    assert run_script(SCRIPT, tmp_path / "other.mat", *more).status == 1
    assert output.read_text() == "older"
    assert {p.name for p in tmp_path.iterdir()} == {"detector.keras", "other.mat"}


def test_bad_input_in_a_process_of_its_own(run_fresh, tmp_path):
    ran = run_fresh(SCRIPT, tmp_path / "none.mat")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == f"{SCRIPT}: error: {tmp_path / 'none.mat'}: no such file\n"
