"""What the tests of this wing share."""

import contextlib
import io
import json
import runpy
import sys

import numpy as np
import pytest
from coloured_heads import BOX, HEADS, angle, draw, write_fsa, write_table
from pose_sets import MAT, ROOT, write_mat


@pytest.fixture(scope="module")
def levels():
    """Blue, green and red (N, 3) of the heads, which tell pan, tilt and roll."""
    return np.random.default_rng(0).integers(0, 256, (HEADS, 3))


@pytest.fixture(scope="module")
def truth(levels):
    """Tilt, pan, roll."""
    return angle(levels)[:, [1, 0, 2]]


@pytest.fixture(scope="module")
def table(tmp_path_factory, levels, truth):
    return write_table(tmp_path_factory.mktemp("table"), levels, truth)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return write_fsa(tmp_path_factory.mktemp("network") / "right.onnx")


@pytest.fixture(scope="module")
def clean(tmp_path_factory, levels, truth):
    """An AFLW folder with those heads, and a clean folder of its annotated boxes."""
    home = tmp_path_factory.mktemp("aflw")
    names = draw(home / "data" / "flickr", levels)
    pose = np.radians(truth[:, [2, 0, 1]] * [-1, 1, 1])  # AFLW: roll counter-clockwise
    write_mat(home / MAT, [(n, BOX, p) for n, p in zip(names, pose, strict=True)])
    options = ["--detector", "labelled", "--grow", 0, 0, 0, 0, "--size", 24, "--output", home / "c"]
    options += ["--splits-tilt", 2, "--splits-pan", 2]
    told = io.StringIO()
    with (
        contextlib.redirect_stdout(told),
        contextlib.redirect_stderr(told),
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(SystemExit) as ended,
    ):
        patch.setattr(sys, "argv", ["clean_aflw.py", *map(str, [home, *options])])
        runpy.run_path(str(ROOT / "clean_aflw.py"), run_name="__main__")
    assert not ended.value.code, told.getvalue()
    # The boxes stand for whole heads here.
    summary = json.loads((home / "c" / "summary.json").read_text())
    summary["options"]["boxes"] = "heads"
    (home / "c" / "summary.json").write_text(json.dumps(summary))
    return home, home / "c"
