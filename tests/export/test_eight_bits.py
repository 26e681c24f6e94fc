"""Eight bits, and the pictures by which they are found."""

import cv2
import numpy as np
import pytest
from model_specs import ANGLES, BOXES
from small_models import (
    packages,
)

from headpose.errors import HeadposeError
from headpose.export.calibration import MAX_PICTURES, own_samples, samples
from headpose.models.exported import read_metadata
from headpose.models.formats import FORMATS, default_target
from headpose.models.specs import EstimatorSpec

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("full_precision"),
]


@pytest.fixture(scope="module")
def heads(tmp_path_factory, portrait):
    """A table of heads: the portrait's, cut at some places, and one seen from behind."""
    folder = tmp_path_factory.mktemp("heads")
    (folder / "images").mkdir()
    picture = cv2.imread(str(portrait))
    lines = ["file,xmin,ymin,xmax,ymax,face,part"]
    for i in range(24):
        name = f"{i}.png"
        shifted = np.roll(picture, (4 * i, -3 * i), axis=(0, 1))
        cv2.imwrite(str(folder / "images" / name), shifted, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        part = "validation" if i % 3 == 0 else "train"
        lines.append(
            f"{name},{150 - 3 * i},{30 + 4 * i},{360 - 3 * i},{320 + 4 * i},visible,{part}"
        )
    lines.append("0.png,0,0,50,60,away,validation")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder / "labels.csv"


@pytest.mark.parametrize("form", ["onnx", "openvino", "litert"])
def test_eight_bits_keep_the_angles(run_script, estimator, heads, form):
    for name in (*FORMATS[form].packages, *FORMATS[form].int8):
        pytest.importorskip(name)
    done = run_script("export", estimator, "--format", form, "--int8", heads)
    assert done.status == 0, done.err
    assert "tilt, pan, roll of 6 crops" in done.out
    assert "(allowed: mean 1)" in done.out
    target = default_target(estimator, form, int8=True)
    assert target.stem.startswith("estimator-int8")
    assert read_metadata(target).precision == "int8"


def test_eight_bits_keep_the_boxes(run_script, detector_file, heads):
    for name in packages("litert"):
        pytest.importorskip(name)
    done = run_script(
        "export", detector_file, "--format", "litert", "--int8", heads.parent / "images"
    )
    assert done.status == 0, done.err
    assert "corners, share of the box's side, in 6 pictures" in done.out
    assert not read_metadata(default_target(detector_file, "litert", int8=True)).decoded


def test_a_table_gives_the_heads_of_its_part_that_show_a_face(heads):
    crops = samples(f"{heads}#validation", EstimatorSpec(32, 1, 3, "long", 1.2))
    assert len(crops) == 8
    assert {c.shape for c in crops} == {(32, 32)}
    assert samples(str(heads), EstimatorSpec(48, 3, 2))[0].shape == (48, 48, 3)
    assert {p.shape for p in samples(str(heads), BOXES)} == {(600, 512, 3)}


def test_boxes_that_other_commands_leave_out_are_no_samples(tmp_path, portrait, caplog):
    picture = cv2.imread(str(portrait))  # 512 x 600
    for name in "ab":
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
    rows = [
        "a.png,150,30,360,320,0,512,600",
        "./a.png,150,30,360,320,0,512,600",  # once more
        "a.png,360,30,150,320,0,512,600",  # corners exchanged
        "a.png,,30,150,320,0,512,600",
        "a.png,10,10,60,60,1,512,600",  # to be ignored
        "a.png,600,30,700,320,0,,",  # outside
        "b.png,150,30,360,320,0,1024,1200",  # of a larger version
    ]
    table = tmp_path / "t.csv"
    table.write_text("file,xmin,ymin,xmax,ymax,ignore,width,height\n" + "\n".join(rows) + "\n")
    assert len(samples(str(table), EstimatorSpec(32, 1, 3))) == 1
    for told in (
        "bad box: 2 (a.png, a.png)",
        "head that is there twice: 1 (./a.png)",
        "box outside the picture: 1 (a.png)",
        "picture of another size than the table says: 1 (b.png)",
    ):
        assert f"{table}: left out: {told}" in caplog.text
    assert len(samples(str(table), BOXES)) == 1


@pytest.mark.parametrize(
    ("name", "told"), [("ours", "there are two of that name"), ("fast", "there are two")]
)
def test_a_name_of_two_models_is_told(run_script, name, told):
    done = run_script("export", name, "--format", "onnx")
    assert done.status == 1
    assert told in done.err


def test_a_name_of_one_model_that_ships_is_its_file(run_script):
    done = run_script("export", "large", "--format", "onnx")
    assert done.status == 1
    assert "pose-estimator-large.onnx exists; use --overwrite" in done.err


def test_of_several_sources_as_many_are_taken_of_each(heads, monkeypatch):
    spec, names = EstimatorSpec(32, 1, 3, "long", 1.2), [f"{heads}#validation", f"{heads}#train"]
    monkeypatch.setattr("headpose.export.calibration.MAX_CROPS", 3)
    alone = [crop for name in names for crop in samples(name, spec)]
    assert len(alone) == 6
    monkeypatch.setattr("headpose.export.calibration.MAX_CROPS", 6)
    np.testing.assert_array_equal(samples(names, spec), alone)


def test_several_calibrations_are_named_one_by_one(run_script, estimator, heads):
    for name in packages("onnx"):
        pytest.importorskip(name)
    parts = [x for part in ("train", "validation") for x in ("--int8", f"{heads}#{part}")]
    done = run_script("export", estimator, "--format", "onnx", *parts, "--overwrite")
    assert done.status == 0, done.err
    assert "tilt, pan, roll of 6 crops" in done.out  # a fourth of 16 and 8


def test_heads_in_pictures_are_found_by_a_detector(heads, monkeypatch):
    class Finds:
        def detect(self, pictures):
            return [(np.float32([[0, 0, 40, 50], [50, 50, 90, 90]]), np.ones(2))]

    monkeypatch.setattr("headpose.export.calibration.shipped_detector", Finds)
    crops = samples(str(heads.parent / "images" / "1*.png"), EstimatorSpec(32, 1, 3))
    assert len(crops) == 2 * 11


def test_of_many_pictures_some_are_taken_from_all_over(tmp_path):
    for i in range(60):
        cv2.imwrite(str(tmp_path / f"{i:02d}.png"), np.full((4, 4, 3), i, np.uint8))
    found = [int(p[0, 0, 0]) for p in samples(str(tmp_path), BOXES)]
    assert len(found) == MAX_PICTURES
    assert (found[0], found[-1]) == (0, 59)
    assert np.diff(found).max() == 2


def test_a_folder_is_searched_with_all_that_is_below_it(tmp_path):
    (tmp_path / "a" / "deeper").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    for level, name in enumerate(("0.png", "a/1.png", "a/deeper/2.png", ".hidden/3.png")):
        cv2.imwrite(str(tmp_path / name), np.full((4, 4, 3), level, np.uint8))
    assert [int(p[0, 0, 0]) for p in samples(str(tmp_path), BOXES)] == [0, 1, 2]


def test_unreadable_pictures_are_left_out_and_told(tmp_path, caplog):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "b.png").write_text("no picture")
    assert len(samples(str(tmp_path), BOXES)) == 1
    assert "b.png" in caplog.text
    (tmp_path / "a.png").unlink()
    with pytest.raises(HeadposeError, match="no picture to use"):
        samples(str(tmp_path), BOXES)


def test_samples_of_our_own_fit_the_model():
    assert all(p.ndim == 3 and p.dtype == np.uint8 for p in own_samples(BOXES))
    assert {c.shape for c in own_samples(ANGLES)} == {(32, 32)}
    assert {c.shape for c in own_samples(EstimatorSpec(16, 3, 2))} == {(16, 16, 3)}
