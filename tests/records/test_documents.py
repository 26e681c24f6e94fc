"""The document about tables: its examples run, and it explains every column."""

import re
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from fake_heads import fake_pipeline
from videos import evenly, make_video, patches

from headpose.attention.targets import load_targets
from headpose.cli.table_options import TABLES
from headpose.records.columns import VIDEO_FIELDS
from headpose.records.summary import SUMMARY_FIELDS

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "tables.md"
BOXES = np.float32([(20, 30, 60, 75), (200, 100, 240, 150)])


def examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)


def test_200_photos_and_ten_clips_are_one_table_that_joins(run_script, tmp_path, monkeypatch):
    """As a psychologist would: nested folders, one command, the document's three lines."""
    monkeypatch.setattr("headpose.cli.image.pipeline_from", lambda _: fake_pipeline())
    monkeypatch.chdir(tmp_path)
    encoded = cv2.imencode(".png", patches(BOXES))[1].tobytes()
    for i in range(200):
        folder = tmp_path / "study" / f"group {i % 4}" / f"person {i % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i}.png").write_bytes(encoded)
    clip = make_video(tmp_path / "study" / "0.mp4", evenly(3), lambda i: patches(BOXES + i))
    for i in range(1, 10):
        (tmp_path / "study" / f"group {i % 4}" / f"{i}.mp4").write_bytes(clip.read_bytes())
    done = run_script("image", "study", "--csv", "heads.csv", "--output", "out")
    assert done.status == 0, done.err
    table = pd.read_csv("heads.csv")
    assert len(table) == 200 * 2 + 10 * 3 * 2
    assert table["file"].nunique() == 210
    people = [(file, number, f"p{number}") for file in table["file"].unique() for number in (1, 2)]
    pd.DataFrame(people, columns=["file", "number", "person"]).to_csv("people.csv", index=False)
    pd.DataFrame({"time": [0.0, 0.05], "pulse": [60, 61]}).to_csv("signal.csv", index=False)
    names: dict = {}
    joining, signals = examples("python")[:2]
    exec(joining, names)
    assert len(names["joined"]) == len(table)
    assert names["joined"]["person"].notna().all()
    exec(signals, names)
    assert names["both"]["pulse"].tolist() == [60, 61]
    assert names["both"]["tilt"].notna().all()


def test_every_column_is_explained():
    rows = [
        line.split("|")[1] for line in DOCUMENT.read_text().splitlines() if line.startswith("|")
    ]
    named = set(re.findall(r"`(\w+)`", " ".join(rows)))
    assert set(VIDEO_FIELDS) - {f"smooth_{n}" for n in ("pan", "roll", "azimuth")} <= named


@pytest.mark.parametrize("name", SUMMARY_FIELDS)
def test_every_figure_of_a_summary_is_explained(name):
    text = DOCUMENT.read_text()
    assert f"`{name}`" in text or (name.startswith("mean_") and "the means of all angles" in text)


@pytest.mark.parametrize("name", TABLES)
def test_every_kind_of_table_is_explained(name):
    assert f"`--{name} FILE`" in DOCUMENT.read_text()


def test_the_targets_of_the_document_are_read(tmp_path):
    (example,) = examples("toml")
    (tmp_path / "t.toml").write_text(example)
    targets = load_targets(tmp_path / "t.toml")
    assert {bool(t.direction) + 2 * bool(t.region) + 3 * bool(t.track) for t in targets} == {
        1,
        2,
        3,
    }
