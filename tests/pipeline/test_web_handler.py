"""A pipeline in a FastAPI handler, as README-readers will write it."""

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import pytest
from PIL import Image

from headpose import HeadposeError, load_pipeline

fastapi = pytest.importorskip("fastapi", reason="FastAPI is not installed")
pytest.importorskip("multipart", reason="python-multipart is not installed")
pytest.importorskip("httpx", reason="httpx is not installed")


@pytest.fixture(scope="module")
def client():
    from fastapi.testclient import TestClient

    app = fastapi.FastAPI()
    pipeline = load_pipeline()

    # No `async`: FastAPI calls it in a thread of its pool, many at once.
    @app.post("/heads")
    def heads(photo: Annotated[fastapi.UploadFile, fastapi.File()]):
        try:
            return pipeline(Image.open(photo.file))
        except (HeadposeError, OSError) as error:
            raise fastapi.HTTPException(422, str(error)) from error

    with TestClient(app) as client:
        yield client


def test_many_visitors_get_their_own_heads(client, portrait):
    plain = portrait.read_bytes()
    flipped = io.BytesIO()
    Image.open(portrait).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(flipped, "PNG")

    def ask(data):
        answer = client.post("/heads", files={"photo": ("p.jpg", data)})
        assert answer.status_code == 200, answer.text
        ((head,),) = [answer.json()]
        return head

    with ThreadPoolExecutor(8) as pool:
        heads = list(pool.map(ask, [plain, flipped.getvalue()] * 8))
    for one, other in zip(heads[::2], heads[1::2], strict=True):
        assert one == heads[0]
        assert other == heads[1]
    width = 512
    assert heads[1]["box"][0] == pytest.approx(width - heads[0]["box"][2], abs=8)
    assert set(heads[0]) >= {"box", "score", "tilt", "pan", "roll", "expected_error"}


def test_what_is_no_picture_is_answered_with_a_sentence(client, portrait):
    for data in (b"no picture", portrait.read_bytes()[:5000]):
        answer = client.post("/heads", files={"photo": ("p.jpg", data)})
        assert answer.status_code == 422
        assert answer.json()["detail"]
