"""Which heads of a table are used: by training, measuring and calibrating alike."""

import cv2
import numpy as np
import pytest

from headpose.baselines.heads import read_table_heads, usable_pictures
from headpose.datasets.label_tables import Problems
from headpose.datasets.pose_data import read_heads
from headpose.datasets.table_heads import has_place, in_picture
from headpose.export.calibration import samples
from headpose.models.specs import EstimatorSpec

NAN = np.nan
PICTURE = np.zeros((80, 100, 3), np.uint8)


@pytest.mark.parametrize(
    ("box", "has"),
    [
        ((0, 0, 4, 4), True),
        ((0, 0, 4, 3.9), False),
        ((0, 0, 3.9, 40), False),
        ((10, 10, 5, 20), False),
        ((0, 0, NAN, 40), False),
        ((0, 0, np.inf, 40), False),
    ],
)
def test_a_box_has_a_place_from_four_pixels_on(box, has):
    assert has_place(np.array([box], float)).tolist() == [has]


def test_each_head_that_cannot_be_in_a_picture_is_told_once():
    boxes = np.float32([(10, 10, 40, 40), (200, 10, 240, 40), (10, 10, 40, 40), (200, 0, 240, 40)])
    sizes = np.array([(100, 80), (NAN, NAN), (200, 160), (200, 160)])
    names, problems = np.array(list("abcd"), object), Problems()
    assert in_picture(boxes, sizes, PICTURE, names, problems).tolist() == [
        True,
        False,
        False,
        False,
    ]
    assert problems.by_kind == {
        "picture of another size than the table says": ["c", "d"],
        "box outside the picture": ["b"],
    }
    assert in_picture(boxes, None, PICTURE, names, Problems()).tolist() == [True, False] * 2


def test_training_measuring_and_calibrating_leave_out_the_same_heads(tmp_path, noise_picture):
    for seed, name in enumerate(("a.png", "b.png")):
        cv2.imwrite(str(tmp_path / name), noise_picture(100, 80, seed))
    table = tmp_path / "t.csv"
    table.write_text(
        "file,width,height,xmin,ymin,xmax,ymax,tilt,pan\n"
        "a.png,100,80,10,10,40,50,1,2\n"
        "a.png,100,80,10,10,40,50,1,2\n"  # twice
        "a.png,100,80,10,10,13,50,1,2\n"  # 3 pixels wide
        "a.png,,,300,10,340,50,1,2\n"  # outside
        "b.png,640,480,10,10,40,50,1,2\n"  # of a larger picture
        "lost.png,100,80,10,10,40,50,1,2\n"
    )
    spec = EstimatorSpec(size=32, channels=3, outputs=3, side="long", margin=1.0)
    learned, of_training = read_heads(str(table))
    measured, of_measuring = read_table_heads(str(table))
    used = np.concatenate([rows for rows, _ in usable_pictures(measured, of_measuring)])
    assert len(learned) == len(used) == len(samples(str(table), spec)) == 1
    assert of_training.by_kind.keys() == of_measuring.by_kind.keys()
    assert {kind: len(names) for kind, names in of_training.by_kind.items()} == {
        "head that is there twice": 1,
        "bad box": 1,
        "box outside the picture": 1,
        "picture of another size than the table says": 1,
        "unreadable or missing picture": 1,
    }
