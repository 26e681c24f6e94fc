"""Pipelines that go to other processes: by name of their files, never by their weights."""

import copy
import os
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from headpose import HeadDetector, HeadposeError, HeadPosePipeline, PoseEstimator, load_pipeline
from headpose.detection.loading import load_detector
from headpose.models.backends import Backend
from headpose.models.shipped import DEFAULT_DETECTOR, DEFAULT_ESTIMATOR


def where_and_what(pipeline, file):
    """What a worker does: it runs in a folder of its own."""
    os.chdir("/")
    return os.getpid(), pipeline(file)


@pytest.fixture(scope="module")
def pipeline():
    return load_pipeline(confidence=0.4, max_error=60, backend=Backend(None, "cpu"))


def test_a_spawned_process_finds_the_same(pipeline, portrait):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        process, heads = pool.submit(where_and_what, pipeline, str(portrait)).result()
    assert process != os.getpid()
    assert heads == pipeline(portrait)


def test_options_and_devices_are_kept(pipeline):
    again = pickle.loads(pickle.dumps(pipeline))
    assert (again.confidence, again.max_error) == (0.4, 60)
    assert again.detector.spec == pipeline.detector.spec
    assert again.detector.spec.backend == Backend("onnxruntime", "cpu")
    assert again.estimator.spec == pipeline.estimator.spec


def test_what_is_sent_is_small(pipeline):
    assert len(pickle.dumps(pipeline)) < 10_000  # the files have megabytes


def test_what_was_set_on_a_detector_is_kept():
    detector = HeadDetector.load(DEFAULT_DETECTOR, size=320)
    detector.confidence = 0.77
    again = pickle.loads(pickle.dumps(detector))
    assert (again.confidence, again.size) == (0.77, 320)


def test_a_relative_name_holds_in_another_folder(tmp_path, monkeypatch, portrait):
    file = DEFAULT_ESTIMATOR.with_suffix(".onnx")
    (tmp_path / "own.onnx").write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)
    sent = pickle.dumps(PoseEstimator.load("own.onnx"))
    monkeypatch.chdir("/")
    assert pickle.loads(sent).spec.path == tmp_path / "own.onnx"
    (tmp_path / "own.onnx").unlink()
    with pytest.raises(HeadposeError, match=r"own\.onnx"):
        pickle.loads(sent)


@pytest.mark.parametrize("name", ["viola-jones", "viola-jones-turned"])
def test_cascades_are_opened_again(name, portrait):
    detector = load_detector(name, size=300)
    again = pickle.loads(pickle.dumps(detector))
    from headpose import read_image

    picture = read_image(portrait)
    (boxes, _), (others, _) = (d.detect([picture])[0] for d in (detector, again))
    assert boxes.tolist() == others.tolist()
    assert len(boxes) >= 1


def test_a_copy_is_whole(pipeline, portrait):
    assert copy.deepcopy(pipeline)(portrait) == pipeline(portrait)


@pytest.mark.parametrize(
    ("name", "made", "what"),
    [
        ("ours", "detector", "head classifier"),
        ("single-stage", "detector", "head detector"),
        ("ours", "estimator", "pose estimator"),
    ],
)
def test_what_was_made_in_memory_says_so(name, made, what):
    pipeline = load_pipeline(name)
    in_memory = copy.copy(getattr(pipeline, made))
    in_memory.spec = None
    parts = {"detector": pipeline.detector, "estimator": pipeline.estimator, made: in_memory}
    with pytest.raises(HeadposeError, match=f"a {what} made from a model in memory"):
        pickle.dumps(HeadPosePipeline(**parts))
