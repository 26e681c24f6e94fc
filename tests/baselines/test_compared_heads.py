import dataclasses
import json

import cv2
import numpy as np
import pandas as pd
import pytest
from coloured_heads import HEADS

from headpose.baselines import heads as ch
from headpose.baselines.convention_checks import check_conventions
from headpose.baselines.predictors import Case, ask, load_all
from headpose.datasets.label_tables import Problems
from headpose.detection.viola_jones import face_to_head, head_to_face
from headpose.errors import HeadposeError
from headpose.geometry.crops import head_crops


def test_crops_are_those_of_head_crops_mirrored_where_the_head_is(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 90, 120, 3), np.uint8)
    paths = []
    for i, picture in enumerate(pixels):
        paths.append(tmp_path / f"{i}.png")
        assert cv2.imwrite(str(paths[-1]), picture)
    boxes = np.float32([[10, 10, 40, 60], [20, 5, 70, 55], [-5, 30, 30, 80]])
    heads = ch.ComparedHeads(
        np.zeros((3, 3), np.float32),
        np.array([paths[0], paths[1], paths[0]], object),
        boxes,
        np.array([False, True, False]),
    )
    recipes = [
        ch.CropRecipe(16, "short", 1.0, True),
        ch.CropRecipe(20, "long", 1.2, False),
        ch.CropRecipe(24, "short", 1.0, False, ch.FACE),
    ]
    ((rows, crops),) = ch.cut_crops(heads, recipes, Problems())
    assert sorted(rows) == [0, 1, 2]
    for recipe, made in zip(recipes, crops, strict=True):
        for row, crop in zip(rows, made, strict=True):
            box = boxes[row : row + 1]
            box = head_to_face(box) if recipe.box == ch.FACE else box
            picture = pixels[paths.index(heads.pictures[row])]
            (expected,) = head_crops(
                picture, box, recipe.size, recipe.side, recipe.margin, recipe.grey
            )
            np.testing.assert_array_equal(crop[:, ::-1] if row == 1 else crop, expected)


def test_many_heads_come_a_few_at_a_time_and_back_in_order(table, network):
    heads, _ = ch.read_table_heads(str(table))
    chunks = [rows for rows, _ in ch.cut_crops(heads, [], Problems(), chunk=7)]
    assert [len(rows) for rows in chunks] == [7] * 5 + [5]
    # Heads of one picture that are no neighbours in the table.
    heads.pictures[:] = np.roll(np.repeat(heads.pictures[:2], 20), 7)
    (compared,) = load_all([f"fsa-net={network}"])
    told = ask(heads, [Case(compared.estimator, compared.recipe)], Problems())
    np.testing.assert_array_equal(told.rows, np.arange(HEADS))
    same = [heads.pictures[i] == heads.pictures[0] for i in range(HEADS)]
    np.testing.assert_array_equal(told.angles[0][:, 0] == told.angles[0][0, 0], same)


def test_heads_in_wrong_places_and_heads_twice_are_not_measured(table):
    rows = pd.read_csv(table)
    first = cv2.imread(str(ch.read_table_heads(str(table))[0].pictures[0]))
    rows["width"], rows["height"] = first.shape[1], first.shape[0]
    pd.concat([rows, rows[:4]]).to_csv(table, index=False)
    heads, problems = ch.read_table_heads(str(table))
    assert len(heads) == HEADS
    assert len(problems.by_kind["head that is there twice"]) == 4
    rows["file"] = "./" + rows["file"]
    pd.concat([pd.read_csv(table), rows]).to_csv(table, index=False)
    assert len(ch.read_table_heads(str(table))[0]) == HEADS
    rows.loc[rows.index[:3], "width"] *= 2
    rows.to_csv(table, index=False)
    heads, problems = ch.read_table_heads(str(table))
    measured = [r for rows, _ in ch.cut_crops(heads, [], problems) for r in rows]
    assert sorted(measured) == list(range(3, HEADS))
    assert len(problems.by_kind["picture of another size than the table says"]) == 3


def test_faces_and_heads_are_turned_into_each_other():
    faces = np.float32([[10, 20, 30, 50]])
    # A head rises 16 % of the face's height above it.
    np.testing.assert_allclose(face_to_head(faces), [[10, 15.2, 30, 50]])
    np.testing.assert_allclose(head_to_face(face_to_head(faces)), faces, rtol=1e-6)


def test_face_boxes_of_a_clean_folder_become_heads(clean, tmp_path):
    home, folder = clean
    heads, _ = ch.read_clean_heads(folder, None, [home])
    summary = json.loads((folder / "summary.json").read_text())
    (tmp_path / "faces").symlink_to(folder)
    (tmp_path / "c").mkdir()
    for name in ("labels.csv", "crops"):
        (tmp_path / "c" / name).symlink_to(folder / name)
    summary["options"]["boxes"] = "faces"
    (tmp_path / "c" / "summary.json").write_text(json.dumps(summary))
    grown, _ = ch.read_clean_heads(tmp_path / "c", None, [home])
    np.testing.assert_allclose(grown.boxes, face_to_head(heads.boxes))


def test_the_check_needs_no_pictures(clean, network):
    """Signs, order and channels can be checked on crops that are cut already."""
    _, folder = clean
    heads, _ = ch.read_clean_heads(folder, None)
    heads = dataclasses.replace(heads, crops=np.repeat(heads.crops[..., None], 3, axis=3))
    (compared,) = load_all([f"fsa-net={network}"])
    check = check_conventions(heads, compared, Problems())
    tried = [a.what for a in check.alternatives]
    assert "the other order of channels" in tried
    assert not any("margin" in what or "side" in what for what in tried)


def test_a_clean_folder_without_boxes_can_only_be_measured_by_its_crops(clean, tmp_path):
    home, folder = clean
    table = pd.read_csv(folder / "labels.csv")[["file", "tilt", "pan"]]
    table.to_csv(tmp_path / "labels.csv", index=False)
    (tmp_path / "crops").symlink_to(folder / "crops")
    assert len(ch.read_clean_heads(tmp_path)[0]) == HEADS
    with pytest.raises(HeadposeError, match="does not tell where its heads are"):
        ch.read_clean_heads(tmp_path, None, [home])


def test_heads_that_no_picture_shows_are_told(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.zeros((60, 80, 3), np.uint8))
    heads = ch.ComparedHeads(
        np.zeros((2, 3), np.float32),
        np.array([path, path], object),
        np.float32([[200, 200, 240, 240], [-900, -900, 900, 900]]),
        np.zeros(2, bool),
    )
    with pytest.raises(HeadposeError, match=r"no head is left .* box outside the picture: 2"):
        ask(heads, [Case(None, ch.CropRecipe(16, "short", 1.0, True))], Problems())
