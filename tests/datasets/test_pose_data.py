import os
import sys

import cv2
import numpy as np
import pandas as pd
import pytest
from field_sets import write_pair
from posed_heads import arrow_heads, write_heads
from scipy.spatial.transform import Rotation

from headpose.datasets.head_sets import divide
from headpose.datasets.label_tables import SourceName
from headpose.datasets.pose_data import read_heads
from headpose.errors import HeadposeError
from headpose.geometry.angles import pitch_down
from headpose.geometry.crops import head_crops


@pytest.fixture
def table(tmp_path, noise_picture):
    return write_heads(tmp_path, noise_picture)


def test_a_table_gives_its_usable_heads_and_tells_the_others(table):
    heads, problems = read_heads(f"{table}@0.3")
    assert len(heads) == 3
    assert heads.share == 0.3
    np.testing.assert_array_equal(heads.angles[:2], [(5, 10, 3), (-5, -40, 2)])
    assert np.isnan(heads.angles[2, 2])
    np.testing.assert_allclose(heads.weights, [1, 1 / 1.36, 1])  # half at 10 degrees, 6 here
    assert set(problems.by_kind) == {"no angles", "bad box", "unreadable or missing picture"}
    picture = cv2.imread(str(table.with_name("0.png")), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_allclose(
        heads.crops[0].astype(int), head_crops(picture, [(100, 60, 180, 160)])[0], atol=1
    )


def test_heads_of_a_picture_of_another_size_are_left_out(table):
    """Their boxes are those of another version of the picture."""
    rows = pd.read_csv(table)
    height, width = cv2.imread(str(table.with_name("0.png"))).shape[:2]
    rows["width"], rows["height"] = width, height
    rows.to_csv(table, index=False)
    assert len(read_heads(str(table))[0]) == 3
    rows.loc[rows.index[0], ["width", "height"]] = 2 * width, 2 * height
    rows.to_csv(table, index=False)
    heads, problems = read_heads(str(table))
    assert len(heads) == 2
    assert problems.by_kind["picture of another size than the table says"] == ["0.png"]


def test_heads_that_are_there_twice_count_once(table):
    rows = pd.read_csv(table)
    pd.concat([rows, rows]).to_csv(table, index=False)
    heads, problems = read_heads(str(table))
    assert len(heads) == 3
    assert problems.by_kind["head that is there twice"].count("0.png") == 2


def test_a_part_takes_its_rows(table):
    heads, _ = read_heads(f"{table}#test")
    np.testing.assert_array_equal(heads.angles, [(-5, -40, 2)])


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("nowhere.csv", "no such file"),
        ("{table}@many", "must be a positive number"),
        ("{table}#nothing", "no row has the part 'nothing'; the column has"),
        ("{other}", "no column tilt, pan"),
    ],
)
def test_sources_that_do_not_fit_are_told(table, tmp_path, source, told):
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    with pytest.raises(HeadposeError, match=told):
        read_heads(source.format(table=table, other=other))


@pytest.fixture
def tiles(tmp_path):
    """A sheet of rendered heads, one of them from behind; every tenth identity is held out."""
    sheet = np.full((16 * 112, 16 * 112, 4), 90, np.uint8)
    cv2.imwrite(str(tmp_path / "sheet_000.webp"), sheet)
    rows = [(0, 0, c, 2.5, pan, 0, 21, 21, 91, 91, c) for c, pan in enumerate((0, 60, 170))]
    names = ["sheet", "row", "col", "tilt", "pan", "roll", "xmin", "ymin", "xmax", "ymax"]
    pd.DataFrame(rows, columns=[*names, "identity"]).to_csv(tmp_path / "r.csv", index=False)
    return tmp_path / "r.csv"


def test_rendered_heads_are_split_by_identity(tiles):
    held_out, _ = read_heads(f"{tiles}#validation", whole_turn=True)
    np.testing.assert_allclose(held_out.angles, [(2.5, 0, 0)], atol=1e-5)
    rest, _ = read_heads(f"{tiles}#train", whole_turn=True)
    np.testing.assert_allclose(rest.angles[:, 1], (60, 170), atol=1e-4)
    near, _ = read_heads(f"{tiles}#train")
    assert len(near) == 1


@pytest.fixture
def faces(table):
    """Of four heads one is seen from behind; two labels are doubtful."""
    frame = pd.read_csv(table).iloc[[0, 0, 0, 3]]
    frame["face"] = ["visible", "visible", "back", "away"]
    frame["pan"] = [10, 55, 170, None]
    frame["disagreement"] = [0, 10, 0, None]
    frame["weight"] = [None, 0.5, 0.3, None]
    frame.to_csv(table, index=False)
    return table


def test_heads_turned_away_are_read_where_they_can_be_used(faces):
    heads, problems = read_heads(str(faces), whole_turn=True)
    np.testing.assert_array_equal(heads.away, [False, False, False, True])
    assert not problems.by_kind
    # The table says itself how far a label is trusted, by a weight or a disagreement.
    np.testing.assert_allclose(heads.weights, [1, 0.25, 0.3, 1], rtol=1e-6)
    assert len(read_heads(str(faces))[0]) == 3


def test_a_source_may_nod_its_labels_down(tiles):
    """Where a face looks at the viewer tilt falls; a nod down of a back lifts its tilt."""
    source = SourceName(tiles, "train", pitch_down=7.0)
    heads, _ = read_heads(source, whole_turn=True)
    before = Rotation.from_euler("XYZ", [(-2.5, -60, 0), (-2.5, -170, 0)], degrees=True)
    after = before * Rotation.from_euler("X", 7, degrees=True)
    told = -after.as_euler("XYZ", degrees=True)
    np.testing.assert_allclose(heads.angles[0], told[0], atol=1e-3)
    assert heads.angles[1, 0] > 2.5 + 6
    frontal, _ = read_heads(SourceName(tiles, "validation", pitch_down=7.0), whole_turn=True)
    np.testing.assert_allclose(frontal.angles, [(-4.5, 0, 0)], atol=1e-4)


def test_heads_without_a_roll_are_nodded_as_if_upright(faces):
    """One that is told to be turned away stays as it is."""
    rows = pd.read_csv(faces)
    rows.loc[0, "roll"] = None
    rows.to_csv(faces, index=False)
    before = read_heads(str(faces), whole_turn=True)[0].angles
    source = SourceName(faces, "", pitch_down=7.0)
    after = read_heads(source, whole_turn=True)[0].angles
    np.testing.assert_array_equal(np.isnan(before), np.isnan(after))
    (alone,) = np.flatnonzero(np.isnan(before[:, 2]) & np.isfinite(before[:, 0]))
    upright = pitch_down([[*before[alone, :2], 0]], 7.0)[0]
    np.testing.assert_allclose(after[alone, :2], upright[:2], atol=1e-4)
    rolled = np.isfinite(before[:, 2])
    np.testing.assert_allclose(after[rolled], pitch_down(before[rolled], 7.0), atol=1e-4)


def test_held_out_heads_are_whole_units_and_always_the_same(tmp_path, noise_picture, monkeypatch):
    cv2.imwrite(str(tmp_path / "0.png"), noise_picture(300, 200, 0))
    rows = [
        ("0.png", 100, 60, 180, bottom, person, 0, 0, person)
        for bottom in (160, 161)
        for person in range(50)
    ]
    names = ["file", "xmin", "ymin", "xmax", "ymax", "tilt", "pan", "roll", "person"]
    pd.DataFrame(rows, columns=names).to_csv(tmp_path / "p.csv", index=False)
    heads, _ = read_heads(str(tmp_path / "p.csv"))
    learned, out = divide(heads, 0.2)
    assert len(learned) + len(out) == 100
    assert 4 <= len(out) <= 40
    assert not set(learned.angles[:, 0]) & set(out.angles[:, 0])  # the tilt is the person
    again, _ = read_heads(str(tmp_path / "p.csv"))
    np.testing.assert_array_equal(divide(again, 0.2)[1].angles, out.angles)
    monkeypatch.chdir(tmp_path)
    near, _ = read_heads("p.csv")
    np.testing.assert_array_equal(divide(near, 0.2)[1].angles, out.angles)
    more = divide(again, 0.4)[1]
    assert set(out.angles[:, 0]) < set(more.angles[:, 0])
    assert len(divide(heads, 0.0)[1]) == 0
    assert len(divide(arrow_heads(), 0.5)[1]) == 0  # units unknown: all are learned from


def test_heads_of_nobody_who_is_named_are_of_their_picture(table):
    rows = pd.read_csv(table)
    rows["person"] = ["anna", None, None, None, None, None]
    rows.to_csv(table, index=False)
    units = read_heads(str(table))[0].units
    assert len(set(units)) == 3  # anna, and a head in either picture
    rows["person"] = ["anna", "anna", None, None, None, None]
    rows.to_csv(table, index=False)
    assert len(set(read_heads(str(table))[0].units)) == 2


def test_heads_without_angles_or_weight_tell_no_error(faces):
    heads, _ = read_heads(str(faces), whole_turn=True)
    assert heads.measurable.tolist() == (~heads.away).tolist()
    heads.weights[:] = 0
    assert not heads.measurable.any()


@pytest.mark.skipif(sys.platform != "linux", reason="file names that are no UTF-8")
def test_names_of_a_data_set_may_be_no_text(tmp_path):
    for name in (b"x1", b"x\xff2"):
        write_pair(tmp_path, os.fsdecode(name), (0, 10, 0))
    heads, problems = read_heads(f"aflw2000:{tmp_path}", whole_turn=True)
    assert (len(heads), problems.by_kind) == (2, {})


def test_real_heads_are_read(shared_data):
    heads, problems = read_heads(f"{shared_data / 'helen' / 'labels.csv'}#validation")
    assert len(heads) == 327
    assert not problems.by_kind
    assert np.abs(heads.angles[:, 1]).max() < 41
