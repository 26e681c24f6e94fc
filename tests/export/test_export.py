import dataclasses
import importlib.util
import json

import cv2
import keras
import numpy as np
import pytest
from keras import layers
from small_models import (
    exported,
    mirroring_estimator,
    packages,
    saved,
    small_detector,
    small_estimator,
)

from headpose.errors import HeadposeError
from headpose.export.calibration import MAX_PICTURES, own_samples, samples
from headpose.export.rewrite import Enlarge, Mirror, PortableAngles, Reverse, Standardize, rewrite
from headpose.export.verify import Difference, differences
from headpose.models.decoding import decode_angles, decode_boxes
from headpose.models.exported import read_metadata
from headpose.models.formats import FORMATS, default_target, digest
from headpose.models.metadata import ModelMetadata
from headpose.models.network import network_of, spec_of
from headpose.models.specs import DetectorSpec, EstimatorSpec
from headpose.pose.rotation import HeadAngles

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("full_precision"),
]

BOXES = DetectorSpec(
    None,
    None,
    0.4,
    ((4, ((9.0, 11.0), (12.5, 14.0))), (8, ((20.0, 22.0),))),
    (0.1, 0.1, 0.2, 0.2),
)
ANGLES = EstimatorSpec(32, 1, 6, "long", 1.2, (0.2, 0.5, 10.0))


@pytest.fixture(scope="module")
def estimator(model_folder):
    return saved(small_estimator(3), model_folder / "estimator.keras")


def array(tensor) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)


# -------------------------------------------------------- the same by other operations


def raw_rotations() -> np.ndarray:
    """Rotations all around, and those at which the formulas turn."""
    random = np.random.default_rng(0).normal(0, 12, (300, 7))
    # Frontal; straight away; profiles to both sides; up.
    special = [
        [0, 0, 0, 0, 0, 0, 0],
        [-10, 0, 0, 0, 0, 0, 30],
        [-5, 0, 50, 0, 0, 0, -30],
        [-5, 0, -50, 0, 0, 0, 3],
        [0, 0, 0, 0, -5, 50, 0],
    ]
    return np.concatenate([random, special]).astype(np.float32)


@pytest.mark.parametrize(
    "decode", [PortableAngles(), lambda raw: decode_angles(raw, ANGLES)], ids=["keras", "numpy"]
)
def test_angles_are_those_of_the_original_layer(decode):
    raw = raw_rotations()
    expected, found = array(HeadAngles()(raw)), array(decode(raw))
    assert found.shape == expected.shape == (len(raw), 6)
    # Where tilt and roll lock, their own rounding is seen many times larger.
    steep = np.abs(np.abs(expected[:, 1]) - 90) < 1
    apart = (found - expected + 180) % 360 - 180
    np.testing.assert_allclose(apart[~steep], 0, atol=0.02)
    np.testing.assert_allclose(apart[:, [1, 3, 4, 5]], 0, atol=0.1)


@pytest.mark.parametrize("channels", [1, 3])
def test_standardizing_is_that_of_the_original_layer(channels):
    crops = np.random.default_rng(1).uniform(0, 255, (4, 16, 16, channels)).astype("float32")
    crops[0] = 7  # without any contrast
    original = layers.LayerNormalization(axis=[1, 2, 3], center=False, scale=False, epsilon=1.0)
    np.testing.assert_allclose(array(Standardize(1.0)(crops)), array(original(crops)), atol=1e-4)


@pytest.mark.parametrize("shape", [(3, 5, 2), (None, None, 2)])
def test_enlarging_is_that_of_the_original_layer(shape):
    picture = np.random.default_rng(2).normal(size=(2, 3, 5, 2)).astype("float32")
    image = keras.Input(shape)
    network = keras.Model(image, Enlarge(2)(image))
    assert network.output_shape == keras.Model(image, layers.UpSampling2D(2)(image)).output_shape
    np.testing.assert_array_equal(array(network(picture)), array(layers.UpSampling2D(2)(picture)))


def test_channels_and_columns_are_reversed():
    picture = np.random.default_rng(3).normal(size=(2, 3, 5, 3)).astype("float32")
    np.testing.assert_array_equal(array(Reverse()(picture)), picture[..., ::-1])
    np.testing.assert_array_equal(array(Mirror()(picture)), picture[:, :, ::-1])


@pytest.mark.parametrize("classes", [1, 2])
def test_boxes_are_decoded_as_in_the_network(classes):
    model = small_detector(classes)
    picture = np.random.default_rng(4).uniform(0, 255, (2, 64, 96, 3)).astype("float32")
    maps = [array(y) for y in rewrite(model, decoded=False)(picture)]
    assert [y.shape[1:3] for y in maps] == [(8, 12), (4, 6)] * 2
    boxes, scores = decode_boxes(maps, spec_of(model))
    expected, expected_scores = (array(y) for y in model(picture))
    np.testing.assert_allclose(boxes, expected, atol=1e-3)
    np.testing.assert_allclose(scores, expected_scores, atol=1e-6)
    assert boxes.dtype == scores.dtype == np.float32


@pytest.mark.parametrize("model", [small_detector, mirroring_estimator])
def test_a_rewritten_network_shares_its_weights(model):
    network = model()
    assert {id(w) for w in rewrite(network).weights} == {id(w) for w in network.weights}


# --------------------------------------------------------------------- descriptions


@pytest.mark.parametrize(
    "spec",
    [BOXES, dataclasses.replace(BOXES, height=512, width=512), ANGLES, EstimatorSpec(64, 3, 2)],
)
@pytest.mark.parametrize("decoded", [True, False])
def test_a_description_is_read_as_it_was_written(spec, decoded):
    about = ModelMetadata(spec, "a.keras", "0" * 64, decoded, "int8")
    assert ModelMetadata.from_json(about.to_json()) == about


@pytest.mark.parametrize("text", ["", "[]", "3", "{}", '{"headpose": 1}', '{"headpose": 2}'])
def test_other_texts_are_no_descriptions(text):
    with pytest.raises(ValueError):
        ModelMetadata.from_json(text)


def test_what_is_known_of_a_model_is_read_from_it():
    assert spec_of(small_estimator(6)) == ANGLES
    assert spec_of(small_estimator(2, 3)) == EstimatorSpec(32, 3, 2, "long", 1.2)
    spec = spec_of(small_detector())
    assert (spec.stride, spec.confidence, spec.height) == (16, 0.5, None)
    assert spec_of(keras.Sequential([keras.Input((3,)), layers.Dense(2)])) is None


def test_an_onnx_file_names_its_ends_and_tells_of_itself(detector_file, estimator):
    for name in packages("onnx"):
        pytest.importorskip(name)
    import onnx

    for source, ends in [
        (detector_file, ["image", "boxes", "scores"]),
        (estimator, ["crops", "angles"]),
    ]:
        model = onnx.load(exported(source, "onnx"))
        onnx.checker.check_model(model)
        assert [x.name for x in (*model.graph.input, *model.graph.output)] == ends
        (entry,) = model.metadata_props
        told = json.loads(entry.value)
        assert (told["input"]["range"], told["sha256"]) == ([0, 255], digest(source))
    assert told["measures"] == ["tilt", "pan", "roll"]
    assert told["crop"]["side"] == "long"


# ------------------------------------------------------------------------ the script


def test_a_model_is_exported_and_the_difference_told(run_script, estimator):
    for name in packages("onnx"):
        pytest.importorskip(name)
    target = estimator.with_suffix(".onnx")
    target.unlink(missing_ok=True)
    done = run_script("export", estimator, "--format", "onnx")
    assert done.status == 0, done.err
    difference, where = done.out.splitlines()
    assert difference.startswith("tilt, pan, roll of 13 crops, degrees: largest difference ")
    assert "(allowed: largest 0.1)" in difference
    assert where.startswith(f"{estimator} -> {target}, ")
    assert read_metadata(target).spec == spec_of(small_estimator(3))
    assert done.err == ""


def test_help_answers_without_tensorflow(run_fresh, tmp_path):
    for name in ("tensorflow", "keras"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    done = run_fresh("export", "--help", PYTHONPATH=str(tmp_path))
    assert done.status == 0, done.err
    for wrong in ([], ["m.keras"], ["m.keras", "--format", "caffe"]):
        done = run_fresh("export", *wrong, PYTHONPATH=str(tmp_path))
        assert done.status == 2
        assert "imported" not in done.err


def test_what_does_not_compute_the_same_is_refused(
    run_script, detector_file, tmp_path, monkeypatch
):
    pytest.importorskip("tf2onnx")
    target = tmp_path / "out" / "d.onnx"
    target.parent.mkdir()
    target.write_text("what stood before")

    def changed(model, decoded):
        network = rewrite(keras.models.clone_model(model), decoded)
        network.set_weights([w * 1.05 for w in model.get_weights()])
        return network

    monkeypatch.setattr("headpose.export.rewrite.rewrite", changed)
    more = ["--format", "opencv", "--output", target, "--overwrite"]
    done = run_script("export", detector_file, *more)
    assert done.status == 1
    assert "is not the same; corners" in done.err
    assert len(done.err.splitlines()) == 1
    assert target.read_text() == "what stood before"
    assert [f.name for f in target.parent.iterdir()] == ["d.onnx"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["none.keras", "--format", "onnx"], "no such model file"),
        (["{text}", "--format", "onnx"], "not a .keras model file"),
        (["{exported}", "--format", "openvino"], "exported already"),
        (["{model}", "--format", "onnx", "--output", "x.tflite"], "must end in .onnx"),
        (["{model}", "--format", "saved_model", "--output", "x.onnx"], "is a folder"),
        (["{model}", "--format", "saved_model", "--output", "{folder}"], "exists; remove it"),
        (["{model}", "--format", "opencv", "--int8", "x"], "use --format onnx, openvino, litert"),
        (["{model}", "--format", "opencv", "--check", "none.csv"], "no such table of heads"),
        (["{model}", "--format", "opencv", "--check", "none"], "no pictures there"),
        (["{other}", "--format", "opencv"], "neither a head detector nor a pose estimator"),
        (["{model}", "--format", "opencv", "--output", "{text}/x.onnx"], "x.onnx: not a directory"),
    ],
)
def test_bad_requests_are_told_in_a_line(
    run_script, estimator, tmp_path, options, told, monkeypatch
):
    monkeypatch.setattr("headpose.export.exporter.FORMATS", without_packages())
    text = tmp_path / "text.keras"
    text.write_text("not a model")
    other = tmp_path / "other.keras"
    if "{other}" in options:
        saved(keras.Sequential([keras.Input((3,)), layers.Dense(2)]), other)
    exported = tmp_path / "x.onnx"
    exported.touch()
    named = {"text": text, "model": estimator, "folder": tmp_path, "other": other}
    given = [o.format(**named, exported=exported) for o in options]
    done = run_script("export", *given)
    assert done.status == 1
    assert told in done.err
    assert len(done.err.splitlines()) == 1


def without_packages() -> dict:
    """The formats as if they needed nothing: what is told must not depend on the machine."""
    return {
        name: dataclasses.replace(form, packages=(), int8=form.int8 and ())
        for name, form in FORMATS.items()
    }


@pytest.mark.parametrize(
    ("form", "options", "told"),
    [
        (
            "onnx",
            [],
            "tf2onnx, onnx, onnxruntime are not installed; pip install 'headpose-toolkit[export]'",
        ),
        (
            "openvino",
            ["--int8", "pictures"],
            "openvino, nncf are not installed; pip install 'headpose-toolkit[export]'",
        ),
        ("litert", [], "ai-edge-litert is not installed; pip install 'headpose-toolkit[export]'"),
    ],
)
def test_missing_packages_are_named(run_script, estimator, monkeypatch, form, options, told):
    real = importlib.util.find_spec
    ours = lambda name, *more: real(name, *more) if name.startswith("headpose") else None  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", ours)
    done = run_script("export", estimator, "--format", form, *options)
    assert done.status == 1
    assert told in done.err


def test_another_backend_is_told(estimator, tmp_path, monkeypatch):
    pytest.importorskip("tf2onnx")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr("headpose.export.exporter.set_up", lambda *_: None)
    with pytest.raises(HeadposeError, match="unset KERAS_BACKEND"):
        exported(estimator, "opencv")


# ------------------------------------------------------------------------- eight bits


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


def test_a_detector_of_eight_bits_is_judged_where_heads_are_seen():
    network = network_of(small_detector(), "head detector")
    black = [np.zeros((64, 64, 3), np.uint8)]
    found = differences(network, network, black, int8=False)
    assert [d.largest for d in found] == [0, 0]
    sees_none = dataclasses.replace(network, spec=dataclasses.replace(network.spec, confidence=1.0))
    with pytest.raises(HeadposeError, match="no head is seen"):
        differences(sees_none, sees_none, black, int8=True)


@pytest.mark.parametrize(
    ("largest", "mean", "by_mean", "too_large"),
    [
        (0.2, 0.1, False, False),
        (0.6, 0.1, False, True),
        (0.6, 0.1, True, False),
        (9.0, 0.6, True, True),
        (np.nan, np.nan, False, True),
    ],
)
def test_what_is_too_large(largest, mean, by_mean, too_large):
    assert Difference("x", largest, mean, 0.5, by_mean).too_large is too_large


# ---------------------------------------------------------------------------- samples


def test_a_table_gives_the_heads_of_its_part_that_show_a_face(heads):
    crops = samples(f"{heads}#validation", EstimatorSpec(32, 1, 3, "long", 1.2))
    assert len(crops) == 8
    assert {c.shape for c in crops} == {(32, 32)}
    assert samples(str(heads), EstimatorSpec(48, 3, 2))[0].shape == (48, 48, 3)
    assert {p.shape for p in samples(str(heads), BOXES)} == {(600, 512, 3)}


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


def test_unreadable_pictures_are_left_out_and_told(tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "b.png").write_text("no picture")
    assert len(samples(str(tmp_path), BOXES)) == 1
    assert "b.png" in capsys.readouterr().err
    (tmp_path / "a.png").unlink()
    with pytest.raises(HeadposeError, match="no picture to use"):
        samples(str(tmp_path), BOXES)


def test_samples_of_our_own_fit_the_model():
    assert all(p.ndim == 3 and p.dtype == np.uint8 for p in own_samples(BOXES))
    assert {c.shape for c in own_samples(ANGLES)} == {(32, 32)}
    assert {c.shape for c in own_samples(EstimatorSpec(16, 3, 2))} == {(16, 16, 3)}
