"""Data that change between two parts of a run or sweep, and heads that are held out."""

import json
import shutil

import cv2
import numpy as np
import pandas as pd
import pytest
from drawn_heads import spot_heads
from field_sets import write_pair

from headpose.datasets.detection_annotations import DetectionAnnotation
from headpose.datasets.label_tables import SourceName
from headpose.datasets.source_lists import read_configuration
from headpose.geometry.boxes import as_boxes
from headpose.training.detection_sources import digests
from headpose.training.pose_config import Learning, PoseTrainingConfig
from headpose.training.pose_sources import read_sets, warn_of_other_crops
from headpose.training.sweep.data_digest import data_digest

CROP = {"size": 16, "side": "long", "margin": 1.0, "grey": True}


def sets_of(path, part="train", share=1.0, hold_out=0.0):
    config = PoseTrainingConfig(learning=Learning(hold_out=hold_out))
    named = {"train": [SourceName(path, part, share)], "validation": [SourceName(path, "test")]}
    return read_sets(config, named | {"test": []}, CROP)


def digests_of(path, **options):
    sets = sets_of(path, **options)
    return sets.digest(), sets.digest_of_taken()


@pytest.fixture
def table(tmp_path):
    (tmp_path / "heads").mkdir()
    return spot_heads(tmp_path / "heads", 12, 6)


def with_other_boxes(table):
    rows = pd.read_csv(table)
    rows["xmin"] += 4
    rows.to_csv(table, index=False)


def with_another_picture(table):
    cv2.imwrite(str(table.with_name("3.png")), np.full((80, 80, 3), 9, np.uint8))


@pytest.mark.parametrize("change", [with_other_boxes, with_another_picture])
def test_a_run_notices_other_boxes_and_pictures(table, change):
    labels, taken = digests_of(table)
    change(table)
    again = digests_of(table)
    assert again[0] == labels
    assert again[1] != taken


def test_a_run_notices_other_shares_and_no_other_place(table, tmp_path):
    before = digests_of(table)
    assert digests_of(table, share=2.0)[1] != before[1]
    shutil.copytree(table.parent, tmp_path / "copy" / "heads")
    assert digests_of(tmp_path / "copy" / "heads" / table.name) == before


def test_a_run_of_a_detector_notices_other_shares_and_pictures(tmp_path):
    (tmp_path / "a.png").write_bytes(b"a")
    pictures = [DetectionAnnotation(tmp_path / "a.png", as_boxes([(1, 2, 30, 40)]))]
    source = SourceName(tmp_path / "t.csv")
    noted = digests([(source, pictures)])
    assert len(noted) == 2
    assert digests([(SourceName(source.path, share=3.0), pictures)]) != noted
    (tmp_path / "a.png").write_bytes(b"another")
    assert digests([(source, pictures)]) != noted


def test_a_sweep_notices_other_shares(table, tmp_path):
    listed = tmp_path / "sources.toml"

    def digest(share):
        text = f"[[train]]\npath = '{table}'\npart = 'train'\nshare = {share}\n"
        listed.write_text(text + "pitch_down = 3\n")
        return data_digest(read_configuration(listed)["train"])

    assert digest(1) == digest(1)
    assert digest(1) != digest(9.5)


def test_a_sweep_notices_that_a_data_set_changed(tmp_path):
    for photo in range(3):
        write_pair(tmp_path / "AFW", f"AFW_{photo:02d}_0", (photo, 10, 0))
    sources = [SourceName.parse(f"300w-lp:{tmp_path}")]
    before = data_digest(sources)
    assert data_digest(sources) == before
    write_pair(tmp_path / "AFW", "AFW_01_0", (5, 10, 0))
    assert data_digest(sources) != before


def test_a_sweep_notices_other_pictures_and_crops_of_the_same_labels(table, tmp_path):
    made = clean_folder(tmp_path / "crops")
    (picture, *_) = sorted(table.parent.glob("*.png"))
    for source, file in ((table, picture), (made, made / "crops" / "test-1.png")):
        before = data_digest([SourceName.parse(str(source))])
        assert data_digest([SourceName.parse(str(source))]) == before
        cv2.imwrite(str(file), cv2.imread(str(file))[:9])
        assert data_digest([SourceName.parse(str(source))]) != before


def test_a_sweep_notices_other_sheets_of_rendered_heads(tmp_path):
    (tmp_path / "labels.csv").write_text("sheet,row,col,tilt,pan\n0,0,0,5,5\n")
    source = SourceName.parse(str(tmp_path / "labels.csv"))
    (tmp_path / "sheet_000.webp").write_bytes(b"one")
    before = data_digest([source])
    (tmp_path / "sheet_000.webp").write_bytes(b"another")
    assert data_digest([source]) != before


def clean_folder(folder, persons=""):
    """Crops of the clean commands' kind, twenty to learn from and four for a test."""
    rng = np.random.default_rng(0)
    (folder / "crops").mkdir(parents=True)
    for part, count in (("train", 20), ("test", 4)):
        rows = ["file,tilt,pan,roll,source,subject"]
        for i in range(count):
            name = f"crops/{part}-{i}.png"
            cv2.imwrite(str(folder / name), rng.integers(0, 256, (16, 16), np.uint8))
            rows.append(f"{name},{i},0,0,{part}-{i}.jpg,{persons}")
        (folder / f"{part}.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_heads_of_clean_folders_are_held_out_by_persons_or_photos(tmp_path, caplog):
    sets = sets_of(clean_folder(tmp_path / "photos"), hold_out=0.5)
    (learned,) = sets.training.values()
    (out,) = sets.held_out
    assert len(learned) + len(out) == 20
    assert len(out) > 3
    assert not caplog.text
    # One person is held out whole, or not at all.
    one = clean_folder(tmp_path / "one", "somebody")
    assert not sets_of(one, hold_out=0.01).held_out
    assert "--hold-out 0.01: no head with angles is held out" in caplog.text


def test_crops_to_measure_on_that_are_cut_otherwise_are_told(tmp_path, caplog):
    folder = clean_folder(tmp_path / "crops")
    sources, crop = [SourceName(folder)], {"size": 64, "side": "short", "margin": 1.0, "grey": True}
    warn_of_other_crops(crop, sources)
    for margin in (1.0, 1.4):
        made = {"size": 64, "side": "short", "margin": margin}
        (folder / "summary.json").write_text(json.dumps({"options": made}))
        warn_of_other_crops(crop, sources)
    differ = "crops to measure on differ from those that are learned from"
    assert caplog.messages == [f"{folder}: {differ}: margin 1.4, not 1.0"]


def test_a_sweep_notices_no_files_that_are_no_crops(tmp_path):
    folder = clean_folder(tmp_path / "crops")
    before = data_digest([SourceName(folder)])
    for name in (".DS_Store", "Thumbs.db"):
        (folder / "crops" / name).write_bytes(b"icons")
    assert data_digest([SourceName(folder)]) == before
