"""Several photos and a video at a time, and a phone's screen: the web page in a browser."""

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from browsing import download_of, shown_rows, upload
from videos import evenly, make_video
from web_fakes import number, read_csv

from headpose.images.pictures import read_image
from headpose.records.columns import VIDEO_FIELDS

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def two(portrait, tmp_path) -> Path:
    """A photo of two heads."""
    path = tmp_path / "two.png"
    cv2.imwrite(str(path), np.hstack([read_image(portrait)] * 2))
    return path


@pytest.fixture
def clip(portrait, tmp_path) -> Path:
    """Four frames of the portrait."""
    small = cv2.resize(read_image(portrait), (256, 300), interpolation=cv2.INTER_AREA)
    return make_video(tmp_path / "clip.mp4", evenly(4), lambda _: small)


def test_photos_and_a_video_give_one_table_and_one_download(page, portrait, two, clip, tmp_path):
    broken = tmp_path / "letter.jpg"
    broken.write_text("I am no picture")
    page.click("[role=tab]:has-text('Several, videos')")
    files = [portrait, two, broken, clip]
    page.set_input_files("#files input[type=file]", [str(file) for file in files])
    page.wait_for_selector("#files tr:nth-child(4)")
    page.click("#start")
    page.wait_for_selector("#save-csv:not([disabled])")
    shown = {row["file"]: row for row in shown_rows(page)}
    assert {name: row["heads"] for name, row in shown.items()} == {
        portrait.name: "1",
        "two.png": "2",
        "clip.mp4": "1",  # followed through all its frames
    }
    assert [row["frames"] for row in shown.values()] == ["", "", "4"]
    assert page.inner_text("#report .error").startswith("letter.jpg: not a picture")
    assert page.locator("#gallery .grid-container button").count() == 3
    assert page.is_hidden("#annotated")
    assert page.inner_text("#save-picture") == "Save pictures"

    table = read_csv(download_of(page, "csv", "heads.csv"))
    assert list(table[0]) == list(VIDEO_FIELDS)
    assert [row["file"] for row in table] == [portrait.name, *["two.png"] * 2, *["clip.mp4"] * 4]
    assert [row["head"] for row in table] == ["1", "1", "2", *[""] * 4]
    assert [row["track"] for row in table] == [*[""] * 3, *["1"] * 4]
    lines = download_of(page, "json", "heads.jsonl").read_text().splitlines()
    assert [json.loads(line)["file"] for line in lines] == [row["file"] for row in table]
    with zipfile.ZipFile(download_of(page, "picture", "heads.zip")) as archive:
        suffixes = sorted(Path(name).suffix for name in archive.namelist())
    assert suffixes == [".jpg", ".jpg", ".mp4"]

    # Back at single photos nothing of it is left.
    page.click("[role=tab]:has-text('Photo')")
    page.wait_for_function("document.querySelector('#report').innerText.trim() == ''")
    page.wait_for_selector("#save-picture:has-text('Save picture')")
    assert page.is_disabled("#save-csv")
    assert page.inner_text("#save-picture") == "Save picture"


def test_rows_are_numbered_as_in_the_picture_and_figures_are_explained(page, two):
    upload(page, two)
    page.wait_for_selector("#report tbody tr:nth-child(2)")
    assert [row["#"] for row in shown_rows(page)] == ["1", "2"]
    page.wait_for_selector("#save-csv:not([disabled])")
    table = read_csv(download_of(page, "csv", "-heads.csv"))
    assert [row["head"] for row in table] == ["1", "2"]
    for row, shown in zip(table, shown_rows(page), strict=True):
        assert number(shown["pan"]) == pytest.approx(float(row["pan"]), abs=0.051)

    hint = page.get_attribute("#report th:has-text('expected_error')", "title")
    assert "degrees" in hint
    page.click("text=What the figures mean")
    page.wait_for_function("document.querySelector('#help img')?.naturalWidth > 100")


@pytest.mark.parametrize("page", [PHONE], indirect=True, ids=["phone"])
def test_a_phone_shows_all_tabs_and_scrolls_in_one_direction(page, portrait):
    page.wait_for_selector("[role=tab]:has-text('Live camera')")
    upload(page, portrait)
    page.wait_for_selector("#report table")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    # Angles and how sure they are stand in sight; what is more is scrolled to within the table.
    for name in ("tilt", "pan", "roll", "expected_error"):
        box = page.locator(f"#report th:has-text('{name}')").bounding_box()
        assert box["x"] + box["width"] <= PHONE["width"]
