"""Pictures that a format cannot have, as bytes, in files and as answers."""

import cv2
import numpy as np
import pytest
from web_fakes import pipeline as fake_pipeline

from headpose.errors import HeadposeError, PictureError
from headpose.images.encoding import encode
from headpose.images.pictures import write_image
from headpose.web.answers import Settings, SharedPipeline


@pytest.mark.parametrize(
    ("suffix", "width"), [(".jpg", 65_501), (".jfif", 70_000), (".webp", 16_384)]
)
def test_what_is_too_large_for_a_format_is_told(tmp_path, suffix, width):
    wide = np.full((2, width, 3), 255, np.uint8)
    with pytest.raises(PictureError, match=f"{width} x 2 pixels are more than .{suffix[1:]} can"):
        encode(wide, suffix)
    with pytest.raises(HeadposeError, match=f"cannot write .*: {width} x 2 pixels are more"):
        write_image(tmp_path / f"wide{suffix}", wide)
    assert not list(tmp_path.iterdir())
    assert encode(wide, ".png")


@pytest.mark.parametrize("width", [16_383, 65_500])
def test_the_largest_are_written(width):
    picture = np.full((2, width, 3), 255, np.uint8)
    kind = ".webp" if width < 20_000 else ".jpg"
    read = cv2.imdecode(np.frombuffer(encode(picture, kind), np.uint8), cv2.IMREAD_COLOR)
    assert read.shape == picture.shape


def test_the_endpoint_tells_that_a_drawing_is_too_wide():
    pytest.importorskip("fastapi", reason="FastAPI is not installed (the extra rest)")
    pytest.importorskip("uvicorn", reason="Uvicorn is not installed (the extra rest)")
    pytest.importorskip("httpx", reason="httpx is not installed")
    from fastapi.testclient import TestClient

    from headpose.web.rest import build_app

    wide = encode(np.full((24, 70_000, 3), 255, np.uint8), ".png")
    with TestClient(build_app(SharedPipeline(fake_pipeline()), Settings(0.1))) as client:
        assert client.post("/heads", content=wide).status_code == 200
        answer = client.post("/drawing", content=wide)
    assert answer.status_code == 422
    assert "70000 x 24 pixels are more than .jpg can have" in answer.json()["detail"]
