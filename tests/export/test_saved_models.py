"""SavedModel folders that were exported, where other model files can be named."""

import shutil

import cv2
import pytest

pytest.importorskip("tensorflow")


@pytest.fixture
def saved(run_script, estimator):
    folder = estimator.with_name("saved")
    shutil.rmtree(folder, ignore_errors=True)
    done = run_script("export", estimator, "--format", "saved_model", "--output", folder)
    assert done.status == 0, done.err
    return folder


def test_they_are_measured_if_they_are_trusted(run_script, saved, estimator, tmp_path, portrait):
    picture = cv2.imread(str(portrait))
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    height, width = picture.shape[:2]
    header = "file,xmin,ymin,xmax,ymax,tilt,pan,roll\n"
    (tmp_path / "t.csv").write_text(f"{header}a.png,9,9,{width - 9},{height - 9},1,2,3\n")
    words = (saved, estimator, tmp_path / "t.csv")
    done = run_script("evaluate", *words, "--trust-model")
    assert done.status == 0, done.err
    rows = [line for line in done.out.splitlines() if line.split()[:2] == ["all", "1"]]
    assert len(rows) == 2
    assert rows[0] == rows[1]
    refused = run_script("evaluate", saved, tmp_path / "t.csv")
    assert refused.status == 1
    assert "--trust-model" in refused.err
    pair = ("--estimator", saved, estimator)
    done = run_script("compare", tmp_path / "t.csv", *pair, "--trust-model")
    assert done.status == 0, done.err
    refused = run_script("compare", tmp_path / "t.csv", *pair)
    assert refused.status == 1
    assert "--trust-model" in refused.err
