"""Pictures for workers that die."""

import archive_sets as sets
import cv2
import numpy as np
import pytest
from annotate_fakes import annotate


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A folder of 40 small pictures, and what is in it."""
    folder = tmp_path_factory.mktemp("many")
    for i in range(40):
        noise = np.random.default_rng(i).integers(0, 256, (20, 30, 3), np.uint8)
        assert cv2.imwrite(str(folder / f"{i:02d}.png"), noise)
    out = tmp_path_factory.mktemp("whole")
    annotate([folder], out)
    return folder, sets.rows_of(out)


@pytest.fixture
def with_black(tmp_path):
    """A folder of 9 pictures of which the middle one is black, at which workers die."""
    for i in range(9):
        noise = np.random.default_rng(i).integers(0, 256, (20, 30, 3), np.uint8)
        assert cv2.imwrite(str(tmp_path / f"{i}.png"), noise * (i != 4))
    return tmp_path
