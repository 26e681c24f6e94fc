"""The kinds of files that are read from strangers: a small good one, and what reads it."""

import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from model_kinds import MODEL_KINDS
from PIL import Image

from headpose.errors import HeadposeError


def _picture() -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (48, 36), interpolation=cv2.INTER_CUBIC)


def _encoded(form: str, **options) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        picture = Image.fromarray(_picture()[..., ::-1])
        exif = picture.getexif()
        exif[0x0112] = 6
        picture.save(path, form, exif=exif, **options)

    return write


def _deep_tiff(path: Path) -> None:
    cv2.imwrite(str(path), _picture()[..., 0].astype(np.uint16) * 257)


def _ppm(path: Path) -> None:
    Image.fromarray(_picture()).save(path, "PPM")


def _read_image(path: Path) -> None:
    from headpose.images.pictures import read_image

    picture = read_image(path)
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert picture.shape[2] == 3


def _mat(path: Path) -> None:
    from pose_sets import aflw_faces, write_mat

    write_mat(path, aflw_faces(4))


def _read_mat(path: Path) -> None:
    from headpose.datasets.aflw import read_mat
    from headpose.datasets.label_tables import Problems

    read_mat(path, Problems())


def _sqlite(path: Path) -> None:
    from pose_sets import aflw_faces, write_sqlite

    write_sqlite(path, aflw_faces(4))
    with sqlite3.connect(path) as database:
        database.execute("VACUUM")
    database.close()


def _read_sqlite(path: Path) -> None:
    from headpose.datasets.aflw import read_sqlite
    from headpose.datasets.label_tables import Problems

    read_sqlite(path, Problems())


HEADS = """file,xmin,ymin,xmax,ymax,tilt,pan,roll,part,weight
a.png,1,2,30,34,10,-20.5,0,train,1
a.png,12,8,40,30,-5,60,3,validation,0.5
b.png,4,4,20,20,0,0,,train,
"""


def _csv(path: Path) -> None:
    path.write_text(HEADS)
    cv2.imwrite(str(path.with_name("a.png")), _picture())


def _read_csv(path: Path) -> None:
    from headpose.datasets.detection_annotations import read_detection_annotations
    from headpose.datasets.pose_data import read_heads

    with contextlib.suppress(HeadposeError):
        read_detection_annotations(str(path))
    read_heads(str(path))


def _toml(path: Path) -> None:
    path.write_text(
        '[[train]]\npath = "a.csv"\npart = "train"\nshare = 0.5\n[[test]]\npath = "b"\n'
    )


def _read_toml(path: Path) -> None:
    from headpose.datasets.source_lists import read_configuration

    read_configuration(path)


def _yaml(path: Path) -> None:
    path.write_text(
        "options:\n  conv-blocks: [2, 3, 4]\n  learning-rate: {low: 0.001, high: 0.1, log: true}\n"
        "fixed:\n  epochs: 3\n"
    )


def _read_yaml(path: Path) -> None:
    from headpose.training.sweep.spaces import read_space

    read_space(str(path))


def _coco(path: Path) -> None:
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 48, "height": 36}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 20, 20]}],
        "categories": [{"id": 1, "name": "head"}],
    }
    path.write_text(json.dumps(content))
    cv2.imwrite(str(path.with_name("a.png")), _picture())


def _read_boxes(path: Path) -> None:
    from headpose.datasets.detection_annotations import read_detection_annotations

    read_detection_annotations(str(path))


def _odgt(path: Path) -> None:
    person = {"tag": "person", "hbox": [4, 4, 20, 20], "head_attr": {"ignore": 0}}
    lines = [json.dumps({"ID": name, "gtboxes": [person]}) for name in ("a", "b")]
    path.write_text("\n".join(lines) + "\n")
    cv2.imwrite(str(path.with_name("a.jpg")), _picture())


def _sink(name: str) -> Callable[[Path], None]:
    """Returns what writes a table of heads."""

    def write(path: Path) -> None:
        from headpose.pipeline import Head
        from headpose.records import sinks
        from headpose.records.columns import picture_rows

        heads = [Head((1.0, 2.0, 30.0, 40.0), 0.9, 10.0, -20.0)] * 2
        with getattr(sinks, name)(path) as table:
            for row in picture_rows("a.jpg", (64, 48), heads):
                table.write(row)

    return write


def _read_heads(path: Path) -> None:
    from headpose.records.reading import read_table

    read_table(path, ("tilt", "pan"))


def _targets(path: Path) -> None:
    path.write_text(
        "[screen]\ndirection = [30.0, -10.0]\nwithin = 20\n"
        "[table]\nregion = [0, 100, 80, 400]\n[teacher]\ntrack = 2\n"
    )


def _read_targets(path: Path) -> None:
    from headpose.attention.targets import load_targets

    load_targets(path, 15.0)


def _video(path: Path) -> None:
    from videos import make_video

    make_video(path, [i / 25 for i in range(5)])


def _read_video(path: Path) -> None:
    from headpose.video.frames import Reading
    from headpose.video.opening import open_source

    with open_source(str(path), Reading()) as source:
        for count, _ in enumerate(source):
            if count > 200:
                break


# Name: the file's name, what writes a good one, and what reads it.
KINDS: dict[str, tuple[str, Callable[[Path], None], Callable[[Path], None]]] = {
    "jpeg": ("x.jpg", _encoded("JPEG"), _read_image),
    "png": ("x.png", _encoded("PNG"), _read_image),
    "webp": ("x.webp", _encoded("WEBP"), _read_image),
    "tiff": ("x.tif", _encoded("TIFF", compression="tiff_lzw"), _read_image),
    "deep tiff": ("x.tiff", _deep_tiff, _read_image),
    "gif": ("x.gif", lambda p: Image.fromarray(_picture()).save(p), _read_image),
    "bmp": ("x.bmp", lambda p: Image.fromarray(_picture()).save(p), _read_image),
    "ppm": ("x.ppm", _ppm, _read_image),
    **MODEL_KINDS,
    "mat": ("x.mat", _mat, _read_mat),
    "sqlite": ("x.sqlite", _sqlite, _read_sqlite),
    "csv": ("x.csv", _csv, _read_csv),
    "toml": ("x.toml", _toml, _read_toml),
    "yaml": ("x.yaml", _yaml, _read_yaml),
    "coco json": ("x.json", _coco, _read_boxes),
    "odgt": ("x.odgt", _odgt, _read_boxes),
    "heads csv": ("x.csv", _sink("CsvSink"), _read_heads),
    "heads jsonl": ("x.jsonl", _sink("JsonLinesSink"), _read_heads),
    "targets": ("x.toml", _targets, _read_targets),
    "video": ("x.mp4", _video, _read_video),
}
