"""Labels that are not of what they are taken for: refused or left out, never used in silence."""

import json
import os

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from headpose.datasets.crop_dataset import load_crops
from headpose.datasets.detection_annotations import read_detection_annotations
from headpose.datasets.label_tables import Problems, SourceName, read_labels
from headpose.datasets.pose_data import read_heads
from headpose.errors import HeadposeError
from headpose.geometry.angles import angles_of, rotation_matrices
from headpose.geometry.boxes import can_show

BOX = "xmin,ymin,xmax,ymax"


@pytest.fixture
def picture(tmp_path, noise_picture):
    cv2.imwrite(str(tmp_path / "a.png"), noise_picture(160, 120))
    return tmp_path / "a.png"


@pytest.mark.parametrize(
    ("box", "can_be"),
    [
        ((40, 30, 90, 80), True),
        ((-60, -60, 20, 20), True),  # cut by the border
        ((-100, -100, 210, 210), True),  # a close-up
        ((160, 30, 220, 80), False),
        ((500, 500, 560, 560), False),
        ((-200, -200, 200, 200), False),
        ((-1e9, -1e9, 1e9, 1e9), False),
    ],
)
def test_boxes_of_nothing_in_the_picture_are_left_out(tmp_path, picture, box, can_be):
    assert can_show([box], 160, 120).tolist() == [can_be]
    rows = [f"a.png,{','.join(map(str, b))},1,2" for b in ((41, 30, 90, 80), box)]
    table = tmp_path / "t.csv"
    table.write_text(f"file,{BOX},tilt,pan\n" + "\n".join(rows) + "\n")
    heads, problems = read_heads(str(table))
    assert len(heads) == 1 + can_be
    assert problems.by_kind == ({} if can_be else {"box outside the picture": ["a.png"]})


@pytest.fixture
def clean(tmp_path):
    """A clean folder; the boxes in its tables are of the pictures that the crops are from."""
    (tmp_path / "crops").mkdir()
    (tmp_path / "summary.json").write_text(json.dumps({}))
    rows = []
    for i in range(3):
        cv2.imwrite(str(tmp_path / "crops" / f"{i}.png"), np.full((64, 64), 9 * i, np.uint8))
        rows.append(f"crops/{i}.png,1,{i},source.jpg,10,10,40,40")
    for name in ("labels", "train"):
        text = f"file,tilt,pan,source,{BOX}\n" + "\n".join(rows) + "\n"
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


@pytest.mark.parametrize(("name", "part"), [("labels", ""), ("train", "#train")])
@pytest.mark.parametrize("read", [read_heads, read_detection_annotations])
def test_a_table_of_crops_is_no_table_of_pictures(clean, name, part, read):
    with pytest.raises(HeadposeError, match=rf"name the folder, {clean}{part}$"):
        read(f"{clean / name}.csv")
    assert len(read_heads(f"{clean}{part}")[0]) == 3


def test_a_clean_folder_has_three_parts(clean):
    with pytest.raises(HeadposeError, match="has parts train, validation, test, no 'nope'"):
        read_heads(f"{clean}#nope")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_crop_that_is_a_pipe_is_not_waited_for(clean):
    (clean / "crops" / "1.png").unlink()
    os.mkfifo(clean / "crops" / "1.png")
    with pytest.raises(HeadposeError, match=r"unreadable: 1 \(crops/1.png\)"):
        load_crops(clean, ["crops/0.png", "crops/1.png"])


PLACED = {"sheet": 0, "row": 1, "col": 1, "tilt": 5, "pan": 6, "xmin": 1, "ymin": 1}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"tilt": None}, "no angles"),
        ({"pan": "left"}, "no angles"),
        ({"row": None}, "no place of a tile"),
        ({"col": -1}, "no place of a tile"),
        ({"row": 0.5}, "no place of a tile"),
        ({"sheet": "x"}, "no place of a tile"),
        ({"row": 16}, "no such tile in its sheet"),
        ({"xmin": None}, "bad box"),
        ({"xmin": 7}, "bad box"),
        ({"sheet": 7}, "unreadable or missing sheet"),
    ],
)
def test_rows_of_no_tile_are_left_out(tmp_path, change, kind):
    rng = np.random.default_rng(0)
    cv2.imwrite(str(tmp_path / "sheet_000.webp"), rng.integers(0, 256, (128, 128, 4), np.uint8))
    rows = [{**PLACED, "xmax": 7, "ymax": 7, **more} for more in ({}, change)]
    pd.DataFrame(rows).to_csv(tmp_path / "tiles.csv", index=False)
    heads, problems = read_heads(str(tmp_path / "tiles.csv"), whole_turn=True)
    np.testing.assert_array_equal(heads.angles[:, :2], [(5, 6)])
    assert kind in problems.by_kind


@pytest.mark.parametrize("word", ["True", "yes", "1", "1.0", "TRUE"])
def test_words_say_what_is_to_be_ignored(tmp_path, picture, word):
    table = tmp_path / "t.csv"
    rows = [f"a.png,40,30,90,80,{word}", "a.png,10,30,30,80,False", "a.png,10,5,30,20,"]
    table.write_text(f"file,{BOX},ignore\n" + "\n".join(rows) + "\n")
    ((found,), problems) = read_detection_annotations(table)
    assert found.ignored.tolist() == [[40, 30, 90, 80]]
    assert len(found.boxes) == 2
    assert not problems.by_kind
    table.write_text(table.read_text().replace("False", "perhaps"))
    with pytest.raises(HeadposeError, match=r"bad row: 1 \(t.csv line 3\)"):
        read_detection_annotations(table)


def test_outlines_are_no_boxes(tmp_path, picture):
    outline = "0 .1 .1 .9 .1 .9 .9 .1 .9\n"
    (tmp_path / "a.txt").write_text("0 .5 .5 .4 .4\n0 .5 .5 .1 .1 .8\n")
    ((found,), problems) = read_detection_annotations(tmp_path)
    np.testing.assert_allclose(found.boxes, [(48, 36, 112, 84), (72, 54, 88, 66)], atol=1e-4)
    assert problems.by_kind == {}
    (tmp_path / "a.txt").write_text("0 .5 .5 .4 .4\n" + outline)
    with pytest.raises(HeadposeError, match=r"outline or key points, no box: 1 \(a.txt line 2\)"):
        read_detection_annotations(tmp_path)


def test_a_part_that_a_source_has_not_is_told(tmp_path, picture):
    (tmp_path / "p.odgt").write_text('{"ID": "a", "gtboxes": []}\n')
    with pytest.raises(HeadposeError, match=r"an \.odgt has no parts; leave out #val"):
        read_detection_annotations(f"{tmp_path}/p.odgt#val")
    with pytest.raises(HeadposeError, match="no part after #"):
        SourceName.parse(f"{tmp_path}/t.csv#")


def test_of_two_sets_of_angles_the_one_with_the_smaller_tilt_is_read(tmp_path):
    """Programs with a pan in -90..90 write heads from behind with a tilt and roll beyond 90."""
    rotations = Rotation.random(60, rng=np.random.default_rng(3))
    angles = np.round(angles_of(rotations.as_matrix()), 6)
    assert (np.abs(angles[:, 0]) > 90).sum() > 20
    lines = [f"{i}.jpg,{','.join(map(str, row))}\n" for i, row in enumerate(angles)]
    (tmp_path / "t.csv").write_text("file,tilt,pan,roll\n" + "".join(lines))
    table = read_labels(tmp_path / "t.csv", "", ("file", "tilt"), Problems())
    read = table[["tilt", "pan", "roll"]].astype(float).to_numpy()
    assert np.abs(read[:, 0]).max() <= 90
    np.testing.assert_allclose(rotation_matrices(read), rotation_matrices(angles), atol=1e-9)
    inside = np.abs(angles[:, 0]) <= 90
    np.testing.assert_array_equal(read[inside], angles[inside])


def test_the_other_set_of_angles_needs_no_roll_but_a_pan(tmp_path):
    (tmp_path / "t.csv").write_text("file,tilt,pan\na.jpg,170,20\nb.jpg,170,\nc.jpg,-100,-80\n")
    table = read_labels(tmp_path / "t.csv", "", ("file", "tilt"), Problems())
    assert [float(tilt) for tilt in table["tilt"]] == [-10, 170, 80]
    assert [float(pan) for pan in table["pan"][[2, 4]]] == [160, -100]
