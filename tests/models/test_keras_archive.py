"""Keras files of strangers: refused in a sentence before anything of them is built."""

import importlib.util
import io
import itertools
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from headpose.errors import HeadposeError
from headpose.models.formats import digest
from headpose.models.keras_archive import CONFIG, OWN_LAYERS, WEIGHTS, check_archive
from headpose.models.keras_files import check_model
from headpose.models.shipped import DEFAULT_DETECTOR, DEFAULT_ESTIMATOR


def weights(**datasets) -> bytes:
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        for name, value in datasets.items():
            file.create_dataset(name, data=value)
    return data.getvalue()


def write_keras(path, config, content: bytes | None = None, **more: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(CONFIG, config if isinstance(config, str) else json.dumps(config))
        archive.writestr(WEIGHTS, weights(a=np.zeros(3)) if content is None else content)
        for name, data in more.items():
            archive.writestr(name, data)


def layer(name, module="keras.layers", **config) -> dict:
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def model(*layers) -> dict:
    return layer("Functional", "keras.src.models.functional", layers=list(layers))


def test_what_ships_passes():
    for path in (DEFAULT_DETECTOR, DEFAULT_ESTIMATOR):
        check_archive(path)


def test_every_layer_of_our_own_is_known():
    from headpose.models.keras_files import LAYER_MODULES

    named = set()
    for module in LAYER_MODULES:
        source = importlib.util.find_spec(module).origin
        lines = Path(source).read_text(encoding="utf-8").splitlines()
        for line, after in itertools.pairwise(lines):
            if "register_keras_serializable" in line and after.startswith("class"):
                named.add(after.removeprefix("class ").partition("(")[0])
    assert named <= OWN_LAYERS


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (model(layer("Lambda", function="x")), "Lambda, which is not opened"),
        (model(layer("TFSMLayer", filepath="/etc")), "TFSMLayer, which is not opened"),
        (model(layer("system", "os")), "os.system, which is not opened"),
        (model(layer("Conv2D", "my.layers")), "my.layers.Conv2D, which is not opened"),
        (model(layer("function", "builtins")), "function, which is not opened"),
        (model(layer("__lambda__", None)), "__lambda__, which is not opened"),
        (model(layer("StringLookup", vocabulary="/etc/passwd")), "StringLookup, which is not"),
        (model(layer("Dense", deeper=[{"x": layer("Lambda")}])), "Lambda, which is not opened"),
        ({**layer("X"), "registered_name": "headpose>Evil"}, "does not know"),
        (model(layer("Dense", units=10**9)), "units"),
        (model(layer("Dense", units=-1)), "units"),
        (model(layer("Conv2D", filters=8, kernel_size=[9999, 3])), "kernel_size"),
        (model(layer("UpSampling2D", size=[10**6, 1])), "size"),
        (model(*[layer("ReLU")] * 21_000), "layers"),
        ("{", "damaged"),
        ("[" * 100_000, "nested too deep"),
        (json.dumps({"a": 1})[:-1] + ',"b":' + "[" * 200 + "]" * 200 + "}", "nested too deep"),
        ({"class_name": ["Dense"], "module": "keras.layers"}, "something else than a text"),
    ],
)
def test_only_listed_layers_of_bounded_size_are_built(tmp_path, config, told):
    write_keras(tmp_path / "m.keras", config)
    with pytest.raises(HeadposeError, match=told):
        check_archive(tmp_path / "m.keras")


def test_archives_hold_nothing_else(tmp_path):
    for name in ("../../evil.py", "assets/x", "model.weights.h5.bak"):
        write_keras(tmp_path / "m.keras", model(), **{name: b"x"})
        with pytest.raises(HeadposeError, match="no model of ours has"):
            check_archive(tmp_path / "m.keras")


def test_bombs_are_not_unpacked(tmp_path):
    write_keras(tmp_path / "m.keras", " " * 17_000_000)
    with pytest.raises(HeadposeError, match="too much"):
        check_archive(tmp_path / "m.keras")
    data = io.BytesIO()
    with h5py.File(data, "w") as file:  # a million million zeros in no space at all
        file.create_dataset("a", (10**6, 10**6), chunks=(1000, 1000), compression="gzip")
    write_keras(tmp_path / "m.keras", model(), data.getvalue())
    with pytest.raises(HeadposeError, match="more than the file holds"):
        check_archive(tmp_path / "m.keras")


def test_weights_do_not_reach_for_other_files(tmp_path):
    for kind in ("external", "soft", "stored outside"):
        data = io.BytesIO()
        with h5py.File(data, "w") as file:
            if kind == "external":
                file["a"] = h5py.ExternalLink("/etc/secret.h5", "/x")
            elif kind == "soft":
                file["a"] = h5py.SoftLink("/b")
            else:
                file.create_dataset("a", (4,), "u1", external=[("/etc/hostname", 0, 4)])
        write_keras(tmp_path / "m.keras", model(), data.getvalue())
        with pytest.raises(HeadposeError, match=r"other (places|files)"):
            check_archive(tmp_path / "m.keras")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18, b"x" * 999])
def test_what_is_no_archive_is_told(tmp_path, content):
    (tmp_path / "m.keras").write_bytes(content)
    with pytest.raises(HeadposeError, match=r"damaged|not a Keras model"):
        check_archive(tmp_path / "m.keras")


def test_a_file_that_must_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    path = tmp_path / "m.keras"
    path.write_bytes(b"PK")

    def refused(*given, **named):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    for look in (check_model, digest):
        with pytest.raises(HeadposeError, match=r"m\.keras: cannot be read: permission denied"):
            look(path)
