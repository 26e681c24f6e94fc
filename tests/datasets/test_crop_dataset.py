import cv2
import numpy as np
import pandas as pd
import pytest

from headpose.datasets import crop_dataset as cd
from headpose.datasets import crop_writing as cw
from headpose.datasets import splits
from headpose.errors import HeadposeError


def table_of(rows: int, people: int = 0, pictures: int | None = None, seed: int = 0):
    """A table of made-up heads: every picture of AFLW's kind, or of so many people."""
    random = np.random.default_rng(seed)
    pictures = pictures or rows
    return pd.DataFrame(
        {
            "file": [f"crops/aflw-{i:05d}-0.png" for i in range(rows)],
            "tilt": random.normal(0, 20, rows).round(3),
            "pan": random.normal(0, 40, rows).round(3),
            "roll": np.where(random.random(rows) < 0.5, np.nan, 3.5),
            "source": [f"{i % pictures}.jpg" for i in range(rows)],
            "subject": [f"person{i % people:02d}" if people else "" for i in range(rows)],
            **{c: 1.5 for c in ("xmin", "ymin", "xmax", "ymax")},
            "score": 0.9,
            "dataset": "pointing04" if people else "aflw",
            "mirrored": 0,
        }
    )


def crops_of(rows: int, size: int = 8, colour: bool = False) -> np.ndarray:
    shape = (rows, size, size) + ((3,) if colour else ())
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


def make_folder(folder, rows: int = 20, colour: bool = False):
    table, crops = table_of(rows), crops_of(rows, colour=colour)
    table["class"] = splits.pose_classes(table, 2, 2)
    parts = splits.split(table, "grouped")
    (folder / "crops").mkdir(parents=True)
    for name, crop in zip(table["file"], crops, strict=True):
        cw.write_crop(folder / name, crop)
    cw.write_tables(folder, table, parts)
    return table, crops, parts


@pytest.mark.parametrize("colour", [False, True])
def test_what_was_written_is_read(tmp_path, colour):
    table, crops, parts = make_folder(tmp_path, 20, colour)
    everything = cd.read_crops(tmp_path)
    np.testing.assert_array_equal(everything.crops, crops)
    assert everything.angles.dtype == np.float32
    expected = table[["tilt", "pan", "roll"]].to_numpy(np.float32)
    np.testing.assert_array_equal(everything.angles, expected)
    assert list(everything.table) == list(cd.COLUMNS)
    for part in cd.PARTS:
        found = cd.read_crops(tmp_path, part)
        np.testing.assert_array_equal(found.crops, crops[parts == part])
        assert len(found) == len(found.angles) == len(found.table) == (parts == part).sum()


def test_repeated_rows_give_their_crop_again(tmp_path):
    table, crops, _ = make_folder(tmp_path)
    table["class"] = 0
    again = table.iloc[[3, 1, 3]]
    cw.write_tables(tmp_path, again, np.array(["train"] * 3))
    np.testing.assert_array_equal(cd.read_crops(tmp_path, "train").crops, crops[[3, 1, 3]])


def test_a_table_of_file_tilt_and_pan_is_enough(tmp_path):
    make_folder(tmp_path)
    table = pd.read_csv(tmp_path / "labels.csv")[["file", "tilt", "pan"]]
    table.to_csv(tmp_path / "labels.csv", index=False)
    assert np.isnan(cd.read_crops(tmp_path).angles[:, 2]).all()


def test_text_stays_text(tmp_path):
    table, _, parts = make_folder(tmp_path)
    table["source"], table["subject"] = "007.jpg", "NA"
    cw.write_tables(tmp_path, table, parts)
    read = cd.read_crops(tmp_path).table
    assert set(read["source"]) == {"007.jpg"}
    assert set(read["subject"]) == {"NA"}


def drop_column(folder):
    table = pd.read_csv(folder / "labels.csv").drop(columns="pan")
    table.to_csv(folder / "labels.csv", index=False)


def blank_angle(folder):
    table = pd.read_csv(folder / "labels.csv")
    table.loc[2, "tilt"] = np.nan
    table.to_csv(folder / "labels.csv", index=False)


def first(folder):
    return folder / "crops" / "aflw-00000-0.png"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda f: (f / "labels.csv").unlink(), "no labels.csv in it"),
        (lambda f: (f / "labels.csv").write_bytes(b""), "no column file, tilt, pan; it has none"),
        (lambda f: (f / "labels.csv").write_text("file,tilt,pan\n"), "has no rows"),
        (drop_column, "no column pan"),
        (blank_angle, r"1 rows without .*\(line 4\)"),
        (lambda f: first(f).unlink(), r"missing: 1 \(crops/aflw-00000-0.png\)"),
        (lambda f: first(f).write_bytes(b"no"), "unreadable: 1"),
        (
            lambda f: cw.write_crop(f / "crops/aflw-00004-0.png", np.zeros((9, 9), np.uint8)),
            "not 8x8 like the first: 1",
        ),
        (
            lambda f: cv2.imwrite(str(first(f)), np.zeros((8, 8), np.uint16)),
            "8-bit",
        ),
    ],
)
def test_a_damaged_folder_is_told_in_one_line(tmp_path, damage, told):
    make_folder(tmp_path)
    damage(tmp_path)
    with pytest.raises(HeadposeError, match=told) as caught:
        cd.read_crops(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_missing_folder_and_a_wrong_part_are_told(tmp_path):
    with pytest.raises(HeadposeError, match="no such folder"):
        cd.read_crops(tmp_path / "gone")
    with pytest.raises(ValueError, match="part must be"):
        cd.read_crops(tmp_path, "exam")


def test_norm_is_that_of_the_pixels_and_angles(tmp_path):
    table, crops, _ = make_folder(tmp_path)
    norm = cw.write_norm(tmp_path, table)
    values = crops / 255
    assert norm["img_mean"] == pytest.approx(values.mean())
    assert norm["img_std"] == pytest.approx(values.std())
    assert norm["t_mean"] == pytest.approx((table["tilt"] / 90).mean())
    assert norm["p_std"] == pytest.approx((table["pan"] / 90).std(ddof=0))
    written = (tmp_path / "norm.csv").read_text().splitlines()
    assert written[0] == "img_mean,img_std,t_mean,t_std,p_mean,p_std"
    assert [float(v) for v in written[1].split(",")] == pytest.approx(list(norm.values()), abs=1e-6)


def test_arrays_hold_the_same_crops_and_angles(tmp_path, monkeypatch):
    monkeypatch.setattr(cw.chunks, "__defaults__", (7,))
    table, crops, _ = make_folder(tmp_path)
    cw.write_arrays(tmp_path, "train", table)
    cw.write_arrays(tmp_path, "test", table[:0])
    np.testing.assert_array_equal(np.load(tmp_path / "train_img.npy"), crops)
    np.testing.assert_array_equal(np.load(tmp_path / "train_pose.npy"), cd.angles_of(table))
    assert len(np.load(tmp_path / "test_img.npy")) == len(np.load(tmp_path / "test_pose.npy")) == 0


@pytest.mark.parametrize(
    ("shape", "size", "grey", "expected"),
    [
        ((2, 8, 8), 8, True, (2, 8, 8)),
        ((2, 8, 8), 4, True, (2, 4, 4)),
        ((2, 8, 8, 3), 8, True, (2, 8, 8)),
        ((2, 8, 8), 16, False, (2, 16, 16, 3)),
        ((2, 8, 8, 3), 8, False, (2, 8, 8, 3)),
    ],
)
def test_crops_are_fitted_to_a_network(shape, size, grey, expected):
    crops = np.full(shape, 77, np.uint8)
    found = cd.fitted(crops, size, grey)
    assert found.shape == expected
    assert (found == 77).all()


@pytest.mark.parametrize(("splits_tilt", "splits_pan"), [(8, 8), (3, 2), (1, 1)])
def test_classes_are_of_equal_size_by_pan_then_tilt(splits_tilt, splits_pan):
    table = table_of(splits_tilt * splits_pan * 10)
    table["class"] = splits.pose_classes(table, splits_tilt, splits_pan)
    assert np.bincount(table["class"]).tolist() == [10] * (splits_tilt * splits_pan)
    pan_class = table["class"] // splits_tilt
    by_pan = table.groupby(pan_class)["pan"].agg(["min", "max"])
    assert (by_pan["max"].to_numpy()[:-1] <= by_pan["min"].to_numpy()[1:]).all()
    for _, rows in table.groupby(pan_class):
        by_tilt = rows.groupby("class")["tilt"].agg(["min", "max"])
        assert (by_tilt["max"].to_numpy()[:-1] <= by_tilt["min"].to_numpy()[1:]).all()


@pytest.mark.parametrize("rows", [1, 5, 63, 65, 1001])
def test_class_sizes_differ_by_few(rows):
    sizes = np.bincount(splits.pose_classes(table_of(rows)), minlength=64)
    assert sizes.max() - sizes.min() <= 2


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "table",
    [
        table_of(600),
        table_of(600, pictures=450),
        table_of(900, people=15),
        pd.concat([table_of(600, pictures=450), table_of(900, people=15)], ignore_index=True),
    ],
    ids=["pictures", "pictures of several", "people", "both"],
)
def test_grouped_parts_share_nothing_and_have_their_sizes(table, seed):
    table = table.assign(**{"class": splits.pose_classes(table, seed=seed)})
    parts = splits.split(table, "grouped", seed=seed)
    for row in splits.shared(table, parts).values():
        assert row["same picture"] == row["same person"] == 0
    person = table["subject"].where(table["subject"] != "", table["source"])
    members = [set((table["dataset"] + person)[parts == part]) for part in cd.PARTS]
    assert not (members[0] & members[1] or members[0] & members[2] or members[1] & members[2])
    shares = [(parts == part).mean() for part in cd.PARTS]
    np.testing.assert_allclose(shares, [0.64, 0.16, 0.2], atol=0.03)
    np.testing.assert_array_equal(parts, splits.split(table, "grouped", seed=seed))
    assert (parts != splits.split(table, "grouped", seed=seed + 1)).any()


def test_grouped_is_stratified_by_class():
    table = table_of(64 * 25)
    table["class"] = splits.pose_classes(table)
    parts = splits.split(table, "grouped")
    share = pd.crosstab(table["class"], parts, normalize="index")
    np.testing.assert_allclose(share["test"], 0.2, atol=0.041)
    np.testing.assert_allclose(share["validation"], 0.16, atol=0.041)


@pytest.mark.parametrize(
    ("test_ratio", "validation_ratio", "expected"),
    [(0, 0, [1, 0, 0]), (0.5, 0, [0.5, 0, 0.5]), (0, 0.25, [0.75, 0.25, 0])],
)
@pytest.mark.parametrize("protocol", splits.PROTOCOLS)
def test_ratios(protocol, test_ratio, validation_ratio, expected):
    table = table_of(400)
    table["class"] = splits.pose_classes(table, 2, 2)
    parts = splits.split(table, protocol, test_ratio, validation_ratio)
    np.testing.assert_allclose([(parts == p).mean() for p in cd.PARTS], expected, atol=0.01)


def test_the_test_persons_can_be_named():
    table = table_of(900, people=15)
    table["class"] = splits.pose_classes(table)
    names = sorted(set(table["subject"]))[2:5]
    parts = splits.split(table, "grouped", test_subjects=names)
    assert set(table["subject"][parts == "test"]) == set(names)
    assert splits.shared(table, parts)["validation"]["same person"] == 0
    assert {"train", "validation"} == set(parts[parts != "test"])
    with pytest.raises(HeadposeError, match="nobody: no such subject"):
        splits.split(table, "grouped", test_subjects=["nobody"])
    with pytest.raises(HeadposeError, match="need the split grouped"):
        splits.split(table, "original", test_subjects=names)


def test_original_is_stratified_by_row_and_shares_pictures():
    table = pd.concat([table_of(320)] * 2, ignore_index=True)
    table["class"] = splits.pose_classes(table, 4, 4)
    parts = splits.split(table, "original")
    assert [(parts == p).sum() for p in cd.PARTS] == [409, 103, 128]
    assert set(np.bincount(table["class"][parts == "test"])) == {8}
    shared = splits.shared(table, parts)["test"]
    assert 60 < shared["same picture"] < shared["rows"] == 128


def test_too_few_rows_are_told():
    table = table_of(10)
    table["class"] = splits.pose_classes(table)
    with pytest.raises(HeadposeError, match="fewer --splits-tilt"):
        splits.split(table, "original")
    with pytest.raises(HeadposeError, match="too few pictures"):
        splits.split(table[:1], "grouped", 0.9, 0.9)


@pytest.mark.parametrize(("size", "times"), [(20, {1}), (28, {1, 2}), (100, {5}), (110, {5, 6})])
def test_a_smaller_data_set_is_repeated_and_keeps_its_poses(size, times):
    small = table_of(20, people=2).assign(tilt=[0, 0, 0, 30] * 5, pan=0)
    table = splits.with_repeats(pd.concat([table_of(size), small], ignore_index=True))
    assert table["dataset"].value_counts().to_dict() == {"aflw": size, "pointing04": size}
    repeated = table[table["dataset"] == "pointing04"]
    assert (repeated["tilt"] == 30).mean() == pytest.approx(0.25, abs=0.02)
    assert set(repeated["file"].value_counts()) == times
