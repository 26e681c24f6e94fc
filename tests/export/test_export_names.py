"""Exports to odd places: links, names that a library uses itself, names that are no UTF-8."""

import os

import numpy as np
import pytest
from small_models import random_crops, saved, small_estimator

from headpose.errors import HeadposeError
from headpose.pose.estimator import PoseEstimator


@pytest.fixture(scope="module")
def estimator(model_folder):
    return saved(small_estimator(2), model_folder / "named.keras")


@pytest.fixture
def written(run_script, estimator):
    def run(target, form="openvino", *more):
        pytest.importorskip(form)
        return run_script("export", estimator, "--format", form, "--output", target, *more)

    return run


def same(estimator, file):
    crops = random_crops(3)
    told = [PoseEstimator.load(path).estimate_all(crops) for path in (estimator, file)]
    np.testing.assert_allclose(*told, atol=0.05)


@pytest.mark.parametrize("name", ["plain.xml", "model.xml", "odd \n%s.xml"])
def test_any_name_will_do(written, estimator, tmp_path, name):
    done = written(tmp_path / name)
    assert done.status == 0, done.err
    assert sorted(f.suffix for f in tmp_path.iterdir()) == [".bin", ".xml"]
    same(estimator, tmp_path / name)


@pytest.mark.parametrize("leads_to", ["net.xml", "net"])
def test_weights_go_beside_what_a_link_leads_to(written, estimator, tmp_path, leads_to):
    store, link = tmp_path / "store", tmp_path / "link.xml"
    store.mkdir()
    link.symlink_to(store / leads_to)
    (store / "net.bin").write_text("of another network")
    done = written(link)
    assert (done.status, (store / "net.bin").read_text()) == (1, "of another network")
    assert "net.bin exists; use --overwrite" in done.err
    assert not (store / leads_to).exists()
    done = written(link, "openvino", "--overwrite")
    assert done.status == 0, done.err
    assert link.is_symlink()
    same(estimator, link)


def test_weights_of_another_network_are_told(written, estimator, tmp_path):
    """As where a copy was cut between the two files."""
    assert written(tmp_path / "a.xml").status == 0
    weights = tmp_path / "a.bin"
    whole = weights.read_bytes()
    for content in (whole[:-4] + b"\0\0\0\1", whole[: len(whole) // 2]):
        weights.write_bytes(content)
        with pytest.raises(HeadposeError, match=r"a\.bin: cut, or of another network than a\.xml"):
            PoseEstimator.load(tmp_path / "a.xml")
    weights.unlink()
    with pytest.raises(HeadposeError, match=r"a\.bin: no such file.* an \.xml needs the \.bin"):
        PoseEstimator.load(tmp_path / "a.xml")
    weights.write_bytes(whole)
    same(estimator, tmp_path / "a.xml")


def test_weights_that_are_a_link_stay_one(written, estimator, tmp_path):
    (tmp_path / "w.bin").symlink_to(tmp_path / "elsewhere")
    done = written(tmp_path / "w.xml")
    assert done.status == 0, done.err
    assert (tmp_path / "w.bin").is_symlink()
    same(estimator, tmp_path / "w.xml")


@pytest.mark.skipif(os.name != "posix", reason="names are bytes there alone")
@pytest.mark.parametrize("form", ["openvino", "onnx"])
def test_a_name_that_is_no_utf8_is_refused(written, tmp_path, form):
    target = os.fsencode(tmp_path) + b"/caf\xe9." + {"onnx": b"onnx"}.get(form, b"xml")
    done = written(os.fsdecode(target), form)
    assert done.status == 1
    assert "a model's name must be UTF-8; rename it" in done.err
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="names are bytes there alone")
def test_a_model_whose_name_is_no_utf8_is_not_opened(written, tmp_path):
    done = written(tmp_path / "e.onnx", "onnx")
    assert done.status == 0, done.err
    renamed = (tmp_path / "e.onnx").rename(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.onnx"))
    with pytest.raises(HeadposeError, match="a model's name must be UTF-8; rename it"):
        PoseEstimator.load(renamed)
