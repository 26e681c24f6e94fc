"""Weights that strangers saved with Keras 2: none from elsewhere, none beyond their file."""

import h5py
import numpy as np
import pytest

from headpose.convert.keras2 import load_pose_estimator, read_weights
from headpose.errors import HeadposeError


def write(path, layers: dict[str, list[np.ndarray]]):
    """Writes weights as Keras 2 did; returns the open file."""
    file = h5py.File(path, "w")
    file.attrs["layer_names"] = np.array(list(layers), "S")
    for name, arrays in layers.items():
        group = file.create_group(name)
        names = [f"{name}/{i}" for i in range(len(arrays))]
        group.attrs["weight_names"] = np.array(names, "S")
        for inner, array in zip(names, arrays, strict=True):
            group[inner] = array
    return file


def test_weights_are_read_in_their_order(tmp_path):
    arrays = [np.arange(6.0).reshape(2, 3), np.zeros(3)]
    write(tmp_path / "w.h5", {"b": arrays, "a": arrays[:1], "none": []}).close()
    found = read_weights(tmp_path / "w.h5")
    assert list(found) == ["b", "a"]
    np.testing.assert_array_equal(found["b"][0], arrays[0])


def elsewhere(file, tmp_path):
    file["dense"]["dense/0"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/secret")


def raw_bytes(file, tmp_path):
    place = [(str(tmp_path / "secret.h5"), 0, h5py.h5f.UNLIMITED)]
    file["dense"].create_dataset("dense/0", (16,), "u1", external=place)


def virtual(file, tmp_path):
    layout = h5py.VirtualLayout((2,), "f4")
    layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "secret", (2,))
    file["dense"].create_virtual_dataset("dense/0", layout)


def bomb(file, tmp_path):
    file["dense"].create_dataset("dense/0", (10**6, 10**6), "f4", chunks=(1000, 1000))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (elsewhere, "point to other places or files"),
        (raw_bytes, "lie in other files"),
        (virtual, "lie in other files"),
        (bomb, "claim 4000.0 GB"),
    ],
)
def test_weights_from_elsewhere_and_bombs_are_refused(tmp_path, damage, told):
    with h5py.File(tmp_path / "secret.h5", "w") as secret:
        secret["secret"] = np.ones(2, np.float32)
    with write(tmp_path / "w.h5", {"dense": [np.ones((2, 2))]}) as file:
        del file["dense"]["dense/0"]
        damage(file, tmp_path)
    with pytest.raises(HeadposeError, match=told):
        read_weights(tmp_path / "w.h5")


def no_names(file):
    file.attrs["layer_names"] = 3


def no_text(file):
    file.attrs["layer_names"] = np.array([b"\xff"], "S")


def no_group(file):
    del file["dense"]
    file["dense"] = np.ones(3)
    file["dense"].attrs["weight_names"] = np.array(["dense/0"], "S")


@pytest.mark.parametrize("damage", [no_names, no_text, no_group])
def test_other_files_are_told_in_a_line(tmp_path, damage):
    with write(tmp_path / "w.h5", {"dense": [np.ones((2, 2))]}) as file:
        damage(file)
    with pytest.raises(HeadposeError, match="not an HDF5 file of Keras 2 weights"):
        read_weights(tmp_path / "w.h5")


def tiny_blocks(count: int, filters: int = 1, kind: str = "f4") -> dict[str, list[np.ndarray]]:
    layers = {f"c{i}": [np.ones((1, 1, 1, filters), kind), np.ones(1, kind)] for i in range(count)}
    return layers | {"d": [np.ones((4, 2), kind), np.ones(2, kind)]}


@pytest.mark.parametrize(
    "layers",
    [tiny_blocks(30), tiny_blocks(2), tiny_blocks(1, filters=0), tiny_blocks(1, kind="S4")],
    ids=["thirty blocks", "no doubling", "no filters", "texts"],
)
def test_no_other_network_is_built(tmp_path, layers, monkeypatch):
    import builtins

    real = builtins.__import__

    def light(name, *arguments, **options):
        assert name.partition(".")[0] not in ("tensorflow", "keras"), name
        return real(name, *arguments, **options)

    write(tmp_path / "w.h5", layers).close()
    monkeypatch.setattr(builtins, "__import__", light)
    with pytest.raises(HeadposeError, match="not a pose estimator of the published family"):
        load_pose_estimator(tmp_path / "w.h5")
