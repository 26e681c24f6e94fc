"""The command that cleans a published data set by its name."""

import sys

import numpy as np
import pytest
from field_sets import write_dad3dheads, write_pair

from headpose.datasets.crop_dataset import read_crops


def test_clean_by_name(tmp_path, run_script):
    box = [10, 8, 40, 44]
    heads = {f"x{i:02d}": (box, (i, 20 * i, 0)) for i in range(12)}
    write_dad3dheads(tmp_path / "dad", heads)
    ran = run_script(
        "clean", "dad-3dheads", tmp_path / "dad", "--output", tmp_path / "clean", "--detector",
        "labelled", "--splits-tilt", 1, "--splits-pan", 1, "--size", 16,
    )  # fmt: skip
    assert ran.status == 0, ran.err
    clean = read_crops(tmp_path / "clean")
    np.testing.assert_allclose(clean.angles[:3], [[0, 0, 0], [1, 20, 0], [2, 40, 0]], atol=1e-3)
    # A head's box is cropped as it is.
    assert clean.table[["xmin", "ymin", "xmax", "ymax"]].iloc[0].tolist() == [10, 8, 50, 52]


@pytest.mark.skipif(sys.platform != "linux", reason="file systems elsewhere want UTF-8")
def test_names_that_are_no_utf_8_are_kept_as_text(tmp_path, run_script):
    """Latin-1 bytes in file names, which Python has as characters that no encoding takes."""
    for i in range(12):
        write_pair(tmp_path / "set", f"caf\udce9{i:02d}", (i, 20 * i % 90, 0))
    ran = run_script(
        "clean", "aflw2000", tmp_path / "set", "--output", tmp_path / "clean", "--detector",
        "labelled", "--splits-tilt", 1, "--splits-pan", 1, "--size", 16,
    )  # fmt: skip
    assert ran.status == 0, ran.err
    table = read_crops(tmp_path / "clean").table
    assert sorted(table["source"]) == [rf"caf\udce9{i:02d}.jpg" for i in range(12)]
