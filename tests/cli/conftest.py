"""What the tests of this wing share."""

from pathlib import Path

import pytest
from demo_videos import walk
from videos import PatchDetector, evenly, make_video, patches


@pytest.fixture
def detector(monkeypatch):
    """Puts the detector of patches in the place of every other."""
    found = PatchDetector()
    monkeypatch.setattr("headpose.pipeline.load_detector", lambda *_, **__: found)
    return found


@pytest.fixture
def clip(tmp_path) -> Path:
    return make_video(tmp_path / "clip.mp4", evenly(20), lambda i: patches(walk(i)))


@pytest.fixture
def demo(run_script, detector, tiny_estimator):
    def run(*arguments):
        return run_script("demo_video.py", *arguments, "--estimator", tiny_estimator)

    return run
