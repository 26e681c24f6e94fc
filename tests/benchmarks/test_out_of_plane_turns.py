"""Each estimator sees heads that are turned out of the plane in its own crop."""

import cv2
import numpy as np
import pytest
from drawn_heads import spot_heads
from out_of_plane_turns import MARGIN, SIZE, box_within, turned

from headpose.baselines.heads import FACE, CropRecipe
from headpose.geometry.crops import head_crops

SCRIPT = "benchmarks/out_of_plane_turns.py"
BOX = np.array([150, 120, 230, 240], np.float32)


def test_the_box_is_in_the_middle_of_what_is_turned():
    assert box_within(BOX).tolist() == pytest.approx([128, 96, 256, 288])  # 240 pixels are 384


@pytest.mark.parametrize(
    "recipe",
    [
        CropRecipe(64, "short", 1.0, True),
        CropRecipe(64, "long", 1.8, False),
        CropRecipe(64, "long", 1.0, True, FACE),
    ],
)
def test_a_head_that_is_not_turned_is_cut_as_from_its_picture(noise_picture, recipe):
    picture = cv2.GaussianBlur(noise_picture(400, 400), (0, 0), 12)
    crop = head_crops(picture, [BOX], SIZE, "long", MARGIN, grey=False)[0]
    seen = recipe.cut(turned(crop, np.eye(3)), box_within(BOX)[None])[0].astype(float)
    assert np.abs(seen - recipe.cut(picture, BOX[None])[0]).mean() < 1.5


def test_estimators_of_grey_crops_are_measured(run_script, tmp_path):
    table = spot_heads(tmp_path, 2, 0)
    text = table.read_text().replace("part", "roll").replace("train", "0")
    table.write_text(text)
    done = run_script(SCRIPT, "fast", "--data", table, "--every", 1)
    assert done.status == 0, done.err
    assert "fast, 2 heads: told minus label" in done.out


def test_names_of_estimators_that_ship_are_known(run_script, tmp_path):
    table = spot_heads(tmp_path, 1, 0)
    table.write_text(table.read_text().replace("part", "roll").replace("train", "0"))
    done = run_script("benchmarks/hard_crops.py", table, "fast")
    assert done.status == 0, done.err
    assert "| fast |" in done.out
