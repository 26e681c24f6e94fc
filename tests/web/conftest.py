"""What the tests of this wing share."""

import pytest
from PIL import Image
from web_fakes import pipeline as fake_pipeline

from headpose.web.answers import (
    SharedPipeline,
)


@pytest.fixture
def shared():
    return SharedPipeline(fake_pipeline())


@pytest.fixture
def red(tmp_path):
    """A picture of one colour: red 200, green 50, blue 0."""
    path = tmp_path / "red.png"
    Image.new("RGB", (300, 200), (200, 50, 0)).save(path)
    return path
