"""What any program may send instead of the page: claims of size, values that cannot be, names."""

import base64
import io
import math

import pytest
from PIL import Image
from web_requests import ALL

from headpose.errors import HeadposeError
from headpose.images.pictures import decode_image
from headpose.web.answers import answer_frame
from headpose.web.batch import answer_files, unique_names
from headpose.web.calls import chosen_settings

SIDE = 20_000  # pixels of a frame that takes some 50 kB


@pytest.fixture(scope="module")
def bomb() -> bytes:
    file = io.BytesIO()
    Image.new("1", (SIDE, SIDE)).save(file, "PNG")
    return file.getvalue()


def test_a_frame_that_claims_to_be_huge_is_not_unpacked(shared, bomb, monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("it was unpacked"))
    assert len(bomb) < 100_000
    url = f"data:image/png;base64,{base64.b64encode(bomb).decode()}"
    with pytest.raises(HeadposeError, match="the camera's frame is no picture"):
        answer_frame(shared, url, ALL)
    with pytest.raises(HeadposeError, match=f"{SIDE} x {SIDE} pixels: more than 1,000"):
        decode_image(bomb, "frame", 1000)


@pytest.mark.parametrize(
    "given",
    [
        (None, "arrow", False, 20),
        ("0.5", "arrow", False, 20),
        (math.nan, "arrow", False, 20),
        (0.5, "dots", False, 20),
        (0.5, ["arrow"], False, 20),
        (0.5, "arrow", True, None),
        (0.5, "arrow", True, math.inf),
        (10**400, "arrow", False, 20),
    ],
)
def test_values_that_no_control_has_are_refused(given):
    with pytest.raises(HeadposeError, match="a control of the page has a value that cannot be"):
        chosen_settings(*given)


def test_values_of_controls_are_read():
    assert chosen_settings(1, "cube", True, 20).limit == 20
    assert chosen_settings(0.5, "none", False, None).limit is None


@pytest.mark.parametrize(
    ("names", "unique"),
    [
        (["a.jpg", "a (2).jpg", "a.jpg"], ["a.jpg", "a (2).jpg", "a (3).jpg"]),
        (["a.jpg", "a.jpg", "a (2).jpg"], ["a.jpg", "a (3).jpg", "a (2).jpg"]),
        (["a (2).jpg"] * 2 + ["a.jpg"] * 2, ["a (2).jpg", "a (2) (2).jpg", "a.jpg", "a (3).jpg"]),
    ],
)
def test_no_two_files_of_a_batch_share_a_name(names, unique):
    assert unique_names(names) == unique


def test_names_as_long_as_they_may_be_lose_no_batch(shared, red, tmp_path):
    long = "ä" * 125 + ".png"
    own = tmp_path / "served"
    own.mkdir()
    *_, last = answer_files(shared, [(red, long), (red, "b.png"), (red, long)], ALL, own)
    assert len({path for path, _ in last.shown}) == 3
    assert all(path.is_file() for path, _ in last.shown)
    assert last.csv is not None
