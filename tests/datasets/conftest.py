"""What the tests of this wing share."""

import pytest
from pose_sets import (
    make_aflw,
)


@pytest.fixture(scope="module")
def aflw(tmp_path_factory):
    return make_aflw(tmp_path_factory.mktemp("aflw"))
