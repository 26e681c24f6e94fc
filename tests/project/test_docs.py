import re
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = [ROOT / name for name in ("README.md", "models/README.md", "benchmarks/README.md")]
DOCUMENTS.append(ROOT / "comparison" / "README.md")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.parent.name)
def test_pictures_and_files_that_documents_link_to_are_there(document):
    for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.parent.name)
def test_scripts_that_documents_name_are_there(document):
    named = re.findall(r"\bpython ([\w/]+\.py)", document.read_text())
    for name in named:
        assert (ROOT / name).is_file(), name


def test_the_drawing_of_angles_shows_positive_pan_toward_the_left(run_script, tmp_path):
    target = tmp_path / "angles.png"
    assert run_script("docs/draw_angles.py", "--output", target).status == 0
    picture = cv2.imread(str(target)).astype(int)
    assert picture.shape == (4 * 234, 130 + 5 * 200, 3)
    blue, _, red = np.moveaxis(picture, -1, 0)
    skin = (red - blue > 40) & (red > 120)
    # The second row: pan 60, 30, 0, -30, -60; eyes and nose pull skin toward where it looks.
    middles = []
    for column in range(5):
        left = 130 + 200 * column
        cell = skin[234 + 60 : 234 + 190, left + 30 : left + 170]
        middles.append(np.nonzero(cell)[1].mean() - 70)
    assert middles[0] < middles[1] < middles[2] < middles[3] < middles[4]
    assert middles[0] < -10
    assert abs(middles[2]) < 5
    assert middles[4] > 10
