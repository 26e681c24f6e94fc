"""Published data sets as sources of training: `NAME:PATH`, and their parts."""

from pathlib import Path

import numpy as np
import pytest
from field_sets import write_pair, write_picture

from headpose.datasets.label_tables import Problems, SourceName
from headpose.datasets.labelled_rows import named_dataset, read_rows
from headpose.datasets.pose_data import read_heads
from headpose.datasets.source_lists import read_configuration
from headpose.errors import HeadposeError
from headpose.training.pose_config import PoseTrainingConfig, Sources
from headpose.training.pose_sources import all_sources, read_sets


@pytest.fixture
def pairs(tmp_path):
    """Eleven photos of 300W-LP, two versions of each."""
    for photo in range(11):
        for version in (0, 1):
            angles = (photo, 10 * version, 0)
            write_pair(tmp_path / "AFW", f"AFW_{photo:02d}_{version}", angles)
    return tmp_path


@pytest.fixture
def persons(tmp_path):
    """Fifteen persons of Pointing'04 with a picture each; 40 pixels of face at (40, 30)."""
    for number in range(1, 16):
        stem = tmp_path / f"Person{number:02d}" / f"person{number:02d}100+15-30"
        write_picture(stem.with_suffix(".jpg"), number)
        stem.with_suffix(".txt").write_text("a\n\nFace\n40\n30\n20\n20\n")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("300w-lp:/data/300W", ("300w-lp", Path("/data/300W"))),
        ("biwi:data:old", ("biwi", Path("data:old"))),
        ("labels.csv", None),
        ("c:/labels.csv", None),
        ("biwi:", None),
        ("mine:folder", None),
    ],
)
def test_data_sets_are_told_from_paths(text, named):
    assert named_dataset(text) == named


def test_a_data_set_is_a_source_of_heads(pairs):
    heads, problems = read_heads(f"300w-lp:{pairs}@0.5", size=32)
    assert (len(heads), heads.share, problems.by_kind) == (22, 0.5, {})
    assert heads.crops.shape == (22, 32, 32)
    np.testing.assert_allclose(heads.angles[:2], [[0, 0, 0], [0, 10, 0]], atol=1e-4)
    # Versions of a photo are kept together where a share is held out.
    np.testing.assert_array_equal(heads.units[::2], heads.units[1::2])
    assert len(set(heads.units)) == 11


def test_parts_share_no_photo(pairs):
    train, _ = read_heads(f"300w-lp:{pairs}#train", size=32)
    held_out, _ = read_heads(f"300w-lp:{pairs}#validation", size=32)
    assert (len(train), len(held_out)) == (18, 4)
    # Every tenth photo: the first and the last.
    assert set(np.rint(held_out.angles[:, 0])) == {0, 10}
    with pytest.raises(HeadposeError, match="no 'held-out'"):
        read_heads(f"300w-lp:{pairs}#held-out", size=32)


def test_pointing04_is_divided_as_for_the_shipped_estimator(persons):
    counts = {
        part: len(read_heads(f"pointing04:{persons}#{part}", size=32)[0])
        for part in ("train", "validation", "test")
    }
    assert counts == {"train": 10, "validation": 2, "test": 3}
    heads, problems = read_heads(f"pointing04:{persons}", size=32)
    np.testing.assert_allclose(heads.angles, [[15, -30, np.nan]] * 15)
    assert problems.notes == ["fewer pictures than the whole set: 15 of 2,790"]


def test_a_data_set_brings_its_own_parts(pairs, persons):
    named = all_sources(Sources(data=(f"300w-lp:{pairs}", f"pointing04:{persons}@2")))
    assert [str(s.path).partition(":")[0] for s in named["train"]] == ["300w-lp", "pointing04"]
    assert [s.share for s in named["train"]] == [1, 2]
    assert named["validation"] == named["train"]
    assert [str(s.path) for s in named["test"]] == [f"pointing04:{persons}"]


def test_a_set_without_a_test_part_is_a_test_as_a_whole(pairs, persons):
    sources = Sources(
        data=(f"pointing04:{persons}",), test=(f"300w-lp:{pairs}", f"pointing04:{persons}")
    )
    crop = {"size": 16, "side": "long", "margin": 1.0, "grey": True}
    sets = read_sets(PoseTrainingConfig(sources=sources), all_sources(sources), crop)
    assert {name: len(heads) for name, heads in sets.test.items()} == {
        "300w-lp": 22,
        "pointing04#test": 3,
    }


@pytest.mark.parametrize("as_table", ["learned", "measured", "neither"])
def test_pictures_of_data_sets_that_are_in_both_are_told(pairs, caplog, as_table):
    heads = read_rows("300w-lp", pairs, "", Problems())
    heads.to_csv(pairs / "t.csv", index=False)
    learned, measured = f"300w-lp:{pairs}", f"aflw2000:{pairs / 'AFW'}#train"
    if as_table == "learned":
        learned, measured = str(pairs / "t.csv"), f"300w-lp:{pairs}"
    elif as_table == "measured":
        measured = str(pairs / "t.csv")
    all_sources(Sources(data=(learned,), validation=(measured,)))
    assert "pictures are learned from in another source" in caplog.text
    caplog.clear()
    all_sources(Sources(data=(f"300w-lp:{pairs}",)))
    assert not caplog.text


def test_a_source_that_names_its_part_is_not_measured_on(pairs):
    with pytest.raises(HeadposeError, match="--validation"):
        all_sources(Sources(data=(f"300w-lp:{pairs}#train",)))


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("biwi:gone", "biwi:gone: not there; name the folder that holds 01 to 24"),
        ("nothing:gone", "nothing:gone: no such file"),
    ],
)
def test_a_missing_data_set_is_told(tmp_path, monkeypatch, source, told):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HeadposeError, match=told):
        all_sources(Sources(data=(source,)))
    with pytest.raises(HeadposeError, match=told):
        read_heads(source)


def test_an_empty_part_is_told(tmp_path):
    write_pair(tmp_path / "AFW", "AFW_1_0", (0, 0, 0))
    with pytest.raises(HeadposeError, match="no usable head"):
        read_heads(f"300w-lp:{tmp_path}#train")


def test_a_configuration_names_data_sets_below_its_root(tmp_path):
    (tmp_path / "sources.toml").write_text(
        '[[train]]\npath = "300w-lp:sets/300W"\npart = "train"\n[[train]]\npath = "a/labels.csv"\n'
    )
    (tmp_path / "root@1" / "sets" / "300W").mkdir(parents=True)
    root = tmp_path / "root@1"
    found = read_configuration(tmp_path / "sources.toml", root)["train"]
    assert [str(s.path) for s in found] == [
        f"300w-lp:{root}/sets/300W",
        str(root / "a" / "labels.csv"),
    ]
    # A place that exists may contain @, as other paths may.
    text = f"300w-lp:{root}/sets/300W"
    assert SourceName.parse(text) == SourceName(Path(text))
    assert SourceName.parse(f"{text}#train@0.5") == SourceName(Path(text), "train", 0.5)
