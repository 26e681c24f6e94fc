import dataclasses

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation

from headpose.datasets.label_tables import SourceName
from headpose.datasets.pose_data import HeadSet, divide, read_heads
from headpose.errors import HeadposeError
from headpose.geometry.angles import rotate_in_plane, whole_turn_angles
from headpose.geometry.crops import head_crops, squares
from headpose.pose.rotation import AWAY, NOSE, ROTATION
from headpose.training import covers, pose_examples
from headpose.training.pose_examples import Augmentation, PoseExamples

STILL = Augmentation(0, 0, 0, 0, (1, 1), (1, 1), 0, 0, 0, 0, 0, 0, 0, 0, 0)


@pytest.fixture
def table(tmp_path, noise_picture):
    """Four heads in two pictures; one has no angles, one no area, one a missing picture."""
    for i in range(2):
        cv2.imwrite(str(tmp_path / f"{i}.png"), noise_picture(300, 200, i))
    rows = [
        ("0.png", 100, 60, 180, 160, 5, 10, 3, 0),
        ("0.png", 200, 60, 260, 140, -5, -40, 2, 6),
        ("1.png", 20, 20, 90, 90, 1, 2, None, 0),
        ("1.png", 20, 20, 90, 90, None, None, None, 0),
        ("1.png", 30, 30, 30, 90, 1, 2, 3, 0),
        ("2.png", 20, 20, 90, 90, 1, 2, 3, 0),
    ]
    names = ["file", "xmin", "ymin", "xmax", "ymax", "tilt", "pan", "roll", "disagreement"]
    frame = pd.DataFrame(rows, columns=names)
    frame["part"] = ["train", "test", "train", "train", "train", "train"]
    frame.to_csv(tmp_path / "heads.csv", index=False)
    return tmp_path / "heads.csv"


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


def test_a_part_takes_its_rows(table):
    heads, _ = read_heads(f"{table}#test")
    np.testing.assert_array_equal(heads.angles, [(-5, -40, 2)])


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("nowhere.csv", "no such file"),
        ("{table}@many", "must be a positive number"),
        ("{table}#nothing", "no usable head"),
        ("{other}", "no column tilt, pan"),
    ],
)
def test_sources_that_do_not_fit_are_told(table, tmp_path, source, told):
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    with pytest.raises(HeadposeError, match=told):
        read_heads(source.format(table=table, other=other))


def test_without_augmentation_an_example_is_the_crop(table):
    heads, _ = read_heads(f"{table}#test")
    crops, angles, _ = PoseExamples([heads], 64, 3, STILL, 0).batch(0, 2)
    np.testing.assert_allclose(angles, [(-5, -40, 2)] * 2, atol=1e-4)
    # The patch was scaled once more than the crop, so they agree but for rounding.
    assert np.abs(crops[0, ..., 0] - heads.crops[0]).mean() < 2


def arrow_heads():
    """A dark patch with a white dot right of the middle and a grey one above it."""
    patch = np.zeros((112, 112), np.uint8)
    cv2.circle(patch, (56 + 16, 56), 4, 255, -1)
    cv2.circle(patch, (56, 56 - 16), 6, 120, -1)
    angles = np.float32([(0, -30, 0)])  # the nose points to the right
    return HeadSet(
        patch[None], patch[None], np.array([64.0]), angles, np.ones(1), np.zeros(1, bool)
    )


def dots(crop):
    """Places (x, y) of the white and the grey dot, from the middle."""
    white = np.argwhere(crop > 200).mean(axis=0)[::-1]
    grey = np.argwhere((crop > 110) & (crop < 130)).mean(axis=0)[::-1]
    return white - 31.5, grey - 31.5


def test_mirrored_examples_have_mirrored_angles():
    options = dataclasses.replace(STILL, mirror=1)
    crops, angles, _ = PoseExamples([arrow_heads()], 64, 3, options, 0).batch(0, 1)
    white, grey = dots(crops[0, ..., 0])
    np.testing.assert_allclose(white, (-16, 0), atol=1)
    np.testing.assert_allclose(grey, (0, -16), atol=2)
    np.testing.assert_allclose(angles, [(0, 30, 0)], atol=1e-4)


@pytest.mark.parametrize("mirror", [0, 1])
def test_turned_examples_have_turned_angles(mirror):
    """The dot that lies where the nose points stays where the nose points."""
    options = dataclasses.replace(STILL, mirror=mirror, roll=20)
    crops, angles, _ = PoseExamples([arrow_heads()], 64, 3, options, 1).batch(0, 8)
    assert np.ptp(angles[:, 2]) > 10
    for crop, (tilt, pan, roll) in zip(crops[..., 0], np.radians(angles), strict=True):
        white, grey = dots(crop)
        nose = np.array([-np.sin(pan), -np.sin(tilt) * np.cos(pan)])
        assert white @ nose / np.linalg.norm(white) / np.linalg.norm(nose) > 0.99
        if abs(np.degrees(roll)) > 8:  # the crown leans to the side that roll says
            assert np.sign(grey[0]) == np.sign(roll)


def test_rendered_heads_get_backgrounds():
    heads = arrow_heads()
    heads.alpha = np.zeros_like(heads.patches)  # all transparent
    real = arrow_heads()
    real.patches = np.full_like(real.patches, 77)
    real.share = 1e-9
    crops, _, _ = PoseExamples([heads, real], 64, 3, STILL, 0).batch(0, 40)
    flat = np.ptp(crops.reshape(40, -1), axis=1)
    assert (flat == 0).all()  # nothing of the transparent head shows
    assert (crops[:, 0, 0, 0] == 77).mean() > 0.5  # most stand before a real patch


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


def test_targets_of_a_rotation_turn_with_the_picture():
    given = np.float32([(10, 30, 5), (10, 30, 5), (10, 30, np.nan), (np.nan,) * 3])
    away, turns = np.array([False] * 3 + [True]), np.array([0, 20, 0, 0])
    flips = np.array([False, False, True, False])
    targets = pose_examples.rotation_targets(given, away, turns, flips)
    matrices = targets[:, :9].reshape(-1, 3, 3).transpose(0, 2, 1)
    np.testing.assert_allclose(whole_turn_angles(matrices[:1]), [(10, 30, 5)], atol=1e-4)
    np.testing.assert_allclose(
        whole_turn_angles(matrices[1:2]), rotate_in_plane([(10, 30, 5)], 20), atol=1e-4
    )
    np.testing.assert_allclose(whole_turn_angles(matrices[2:3])[:, :2], [(10, -30)], atol=1e-4)
    np.testing.assert_array_equal(targets[:, 9], [ROTATION, ROTATION, NOSE, AWAY])


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


def test_held_out_heads_are_whole_units_and_always_the_same(tmp_path, noise_picture):
    cv2.imwrite(str(tmp_path / "0.png"), noise_picture(300, 200, 0))
    rows = [("0.png", 100, 60, 180, 160, person, 0, 0, person) for person in range(50)] * 2
    names = ["file", "xmin", "ymin", "xmax", "ymax", "tilt", "pan", "roll", "person"]
    pd.DataFrame(rows, columns=names).to_csv(tmp_path / "p.csv", index=False)
    heads, _ = read_heads(str(tmp_path / "p.csv"))
    learned, out = divide(heads, 0.2)
    assert len(learned) + len(out) == 100
    assert 4 <= len(out) <= 40
    assert not set(learned.angles[:, 0]) & set(out.angles[:, 0])  # the tilt is the person
    again, _ = read_heads(str(tmp_path / "p.csv"))
    np.testing.assert_array_equal(divide(again, 0.2)[1].angles, out.angles)
    more = divide(again, 0.4)[1]
    assert set(out.angles[:, 0]) < set(more.angles[:, 0])
    assert len(divide(heads, 0.0)[1]) == 0
    assert len(divide(arrow_heads(), 0.5)[1]) == 0  # units unknown: all are learned from


def test_a_nose_without_roll_turns_with_its_picture():
    """For a rotation network, in-plane turns are for every head, by any angle."""
    heads = arrow_heads()
    heads.angles = np.float32([(0, -30, np.nan)])
    options = dataclasses.replace(STILL, any_roll=1.0)
    crops, targets, _ = PoseExamples([heads], 64, 6, options, 1).batch(0, 12)
    np.testing.assert_array_equal(targets[:, 9], NOSE)
    noses = targets[:, 6:8] * [1, -1]  # the picture's y is down
    turns = np.degrees(np.arctan2(*noses.T[::-1]))
    assert np.ptp(turns) > 200
    for crop, nose in zip(crops[..., 0], noses, strict=True):
        white, _ = dots(crop)
        assert white @ nose / np.linalg.norm(white) / np.linalg.norm(nose) > 0.99


@pytest.mark.parametrize("border", ["left", "right", "top", "bottom"])
def test_border_cuts_are_as_the_picture_would_give_them(border):
    """A cut head: its visible box's square, moved inside the picture, as inference cuts."""
    height, width = 111.0, 89.0  # of a head about (500, 500); crops have a side of 100
    box = np.array([500 - width / 2, 500 - height / 2, 500 + width / 2, 500 + height / 2])
    found = set()
    for seed in range(60):
        centre, side = covers.border_cut(np.random.default_rng(seed))
        direction = np.argmax(np.abs(centre)), np.sign(centre[np.argmax(np.abs(centre))])
        if (
            direction
            != {"left": (0, 1), "right": (0, -1), "top": (1, 1), "bottom": (1, -1)}[border]
        ):
            continue
        # What is lost follows from the crop's edge, which lies on the picture's border, or,
        # where the square fits inside, from its side: 0.9 times what is left of the height.
        axis, sign = direction
        edge = 500 + 100 * (centre[axis] - sign * side / 2)
        if axis == 1 and side > width / height + 1e-6:
            edge = 500 + sign * ((1 - side) * height - height / 2)
        seen = box.copy()
        seen[axis if sign > 0 else axis + 2] = edge
        picture = (1000 - edge, 1000) if axis == 0 else (1000, 1000 - edge)
        if sign > 0:
            moved = seen - (np.array([edge, 0] * 2) if axis == 0 else np.array([0, edge] * 2))
        else:
            moved, picture = seen, ((edge, 1000) if axis == 0 else (1000, edge))
        square = squares([moved], "long", 0.9, tuple(round(v) for v in picture))[0]
        middle = (square[:2] + square[2:]) / 2
        if sign > 0:
            middle = middle + (np.array([edge, 0]) if axis == 0 else np.array([0, edge]))
        np.testing.assert_allclose(middle, 500 + 100 * centre, atol=2.5)
        assert square[2] - square[0] == pytest.approx(100 * side, abs=2)
        found.add(seed)
    assert len(found) >= 3


@pytest.mark.parametrize("nose", [None, (0.0, 0.0, 1.0), (-0.9, 0.1, 0.4), (0.2, 0.0, -0.97)])
def test_covers_hide_a_part_and_depend_on_the_draw_alone(nose):
    nose = None if nose is None else np.array(nose)
    crop = np.full((64, 64), 130, np.uint8)
    crop[::2] = 90
    hidden = []
    for seed in range(60):
        drawn = covers.cover(np.random.default_rng(seed), crop, nose, 30.0)
        again = covers.cover(np.random.default_rng(seed), crop, nose, 30.0)
        np.testing.assert_array_equal(drawn, again)
        hidden.append((drawn != crop).mean())
    assert (crop[::2] == 90).all()  # the crop itself stays
    assert np.mean(hidden) == pytest.approx(0.25, abs=0.15)
    assert max(hidden) < 0.85


def test_examples_depend_on_seed_and_number_alone(table):
    heads, _ = read_heads(str(table))
    make = lambda seed: PoseExamples([heads], 64, 2, Augmentation(), seed)  # noqa: E731
    first, again, other = make(4), make(4), make(5)
    first.batch(0, 8)
    for a, b in zip(first.batch(3, 8), again.batch(3, 8), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first.batch(3, 8)[0] != other.batch(3, 8)[0]).any()


@pytest.mark.parametrize(("balance", "expected"), [(0, 0.9), (0.5, 0.75), (1, 0.5)])
def test_rare_poses_are_drawn_more_often(balance, expected):
    """Nine frontal heads and one turned: 9^(1 - b) to 1^(1 - b)."""
    angles = np.array([(0, 2, 0)] * 9 + [(0, 50, 0)], float)
    none = np.zeros((10, 1, 1), np.uint8)
    heads = HeadSet(none, none, np.ones(10), angles, np.ones(10), np.zeros(10, bool))
    odds = np.diff(pose_examples.pose_balance(heads, balance), prepend=0)
    assert odds[:9].sum() == pytest.approx(expected)


def test_real_heads_are_read(shared_data):
    heads, problems = read_heads(f"{shared_data / 'helen' / 'labels.csv'}#validation")
    assert len(heads) == 327
    assert not problems.by_kind
    assert np.abs(heads.angles[:, 1]).max() < 41
