"""Backends, detectors and the pipeline called by eight threads at once."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from onnx_files import write_linear

from headpose import load_pipeline, read_image
from headpose.detection.loading import load_detector
from headpose.models import sessions
from headpose.models.backends import Backend
from headpose.models.keras_setup import silence
from headpose.models.sessions import open_session
from headpose.parallel.locking import one_at_a_time
from headpose.pipeline import HeadPosePipeline

THREADS = 8


def in_threads(call, inputs, times=3):
    """Calls with each input several times, by eight threads; returns the answers in order."""
    start = threading.Barrier(THREADS)

    def first():
        start.wait()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: first(), range(THREADS)))
        return list(pool.map(call, inputs * times))


@pytest.fixture
def pictures(portrait):
    """The portrait in several shapes, so that no two calls are alike."""
    whole = read_image(portrait)
    return [
        whole,
        cv2.flip(whole, 1),
        cv2.resize(whole, (300, 500)),
        np.ascontiguousarray(whole[20:400, 50:420]),
        cv2.resize(whole, (200, 200)),
    ]


@pytest.mark.parametrize(
    ("backend", "package"),
    [("onnxruntime", "onnxruntime"), ("opencv", "cv2"), ("openvino", "openvino")],
)
def test_a_session_answers_each_thread_for_itself(tmp_path, backend, package):
    pytest.importorskip(package)
    random = np.random.default_rng(3)
    weights, bias = random.normal(size=(3, 5)), random.normal(size=5)
    file = write_linear(tmp_path / "n.onnx", [weights], [bias], batch=1)
    call = open_session(file, Backend(backend, "cpu"))
    batches = [random.normal(size=(1, 3, 64, 64)).astype(np.float32) for _ in range(40)]
    answers = in_threads(lambda batch: call(batch)[0], batches)
    for batch, answer in zip(batches * 3, answers, strict=True):
        expected = batch.astype(float).mean(axis=(2, 3)) @ weights + bias
        np.testing.assert_allclose(answer, expected, atol=1e-5)


@pytest.mark.parametrize("form", ["onnx", "opencv", "openvino", "litert"])
def test_an_exported_detector_answers_each_thread_for_itself(form, tmp_path, noise_picture):
    small_models = pytest.importorskip("small_models")
    for name in small_models.packages(form):
        pytest.importorskip(name)
    source = small_models.saved(small_models.small_detector(), tmp_path / "d.keras")
    detector = load_detector(small_models.exported(source, form), 128)
    shapes = [(300, 200), (200, 300), (128, 128)]
    several = [noise_picture(*shape, seed) for seed, shape in enumerate(shapes * 2)]
    expected = [detector.detect([picture])[0] for picture in several]
    assert min(len(boxes) for boxes, _ in expected) > 3
    answers = in_threads(lambda picture: detector.detect([picture])[0], several)
    for (boxes, scores), (found, found_scores) in zip(expected * 3, answers, strict=True):
        np.testing.assert_allclose(found, boxes, atol=1e-3)
        np.testing.assert_allclose(found_scores, scores, atol=1e-5)


@pytest.mark.parametrize("detector", [None, "viola-jones", "viola-jones-turned", "yunet"])
def test_a_pipeline_gives_each_thread_its_own_heads(pictures, detector, request):
    if detector == "yunet":
        detector = request.getfixturevalue("yunet")
    pipeline = load_pipeline(detector, detector_size=256)  # cascades are slow
    expected = [pipeline(picture) for picture in pictures]
    assert sum(map(len, expected)) >= 3
    assert in_threads(pipeline, pictures) == expected * 3


@pytest.fixture
def yunet(shared_data):
    files = sorted((shared_data.parent / "peers").glob("*yunet*.onnx"))
    if not files:
        pytest.skip("no YuNet file on this machine")
    return files[0]


def test_threads_that_come_and_go_are_served(pictures):
    pipeline = load_pipeline()
    expected = pipeline(pictures[0])
    for _ in range(3):
        found = []
        threads = [
            threading.Thread(target=lambda to=found: to.append(pipeline(pictures[0])))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [expected] * 4


def test_an_own_detector_is_called_as_it_is(pictures):
    class Middle:
        confidence = 0.5

        def detect(self, pictures, confidence=None):
            return [
                (np.float32([[w / 4, h / 4, w / 2, h / 2]]), np.ones(1, np.float32))
                for h, w in (picture.shape[:2] for picture in pictures)
            ]

    shipped = load_pipeline()
    pipeline = HeadPosePipeline(Middle(), shipped.estimator)
    assert in_threads(pipeline, pictures) == [pipeline(picture) for picture in pictures] * 3


def test_one_thread_at_a_time_makes_a_call():
    inside, most = [], []

    @one_at_a_time
    def call(value):
        inside.append(value)
        most.append(len(inside))
        inside.remove(value)
        return -value

    assert in_threads(call, list(range(200))) == [-i for i in range(200)] * 3
    assert set(most) == {1}


def test_a_call_that_fails_lets_the_next_one_in():
    @one_at_a_time
    def call(value):
        return 1 / value

    with pytest.raises(ZeroDivisionError):
        call(0)
    assert call(2) == 0.5


@pytest.mark.skipif(sys.platform == "win32", reason="file descriptors are told apart on POSIX")
def test_standard_error_comes_back_after_threads_were_silenced():
    before = os.fstat(2)

    def work(_):
        for _ in range(50):
            with silence(), silence():
                os.write(2, b"never seen\n")

    in_threads(work, [None] * THREADS)
    after = os.fstat(2)
    assert (after.st_dev, after.st_ino) == (before.st_dev, before.st_ino)


@pytest.mark.parametrize(
    ("version", "spins"), [("1.20.1", False), ("1.31.0", False), ("1.32.0", True), ("2.0", True)]
)
def test_threads_wait_briefly_where_onnx_runtime_can_be_told_how_long(version, spins):
    """What does not know the option would have its threads wait for milliseconds."""
    options = sessions._waiting(version)
    assert ("intra_op.spin_duration_us" in options) == spins
    assert (options.get("intra_op.allow_spinning") == "0") != spins
