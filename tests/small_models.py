"""A detector and estimators so small that exporting them takes a second."""

import importlib.util
from pathlib import Path

import keras
import numpy as np
from keras import layers

from headpose.detection import ssd
from headpose.detection.classifier import build_classifier, with_settings
from headpose.export.exporter import export
from headpose.models.formats import FORMATS, default_target
from headpose.models.keras_files import save_model
from headpose.pose.networks import CropInput
from headpose.pose.rotation import HeadAngles, averaged_with_mirror

LEVELS = (
    ssd.AnchorLevel(8, ((18.0, 22.0), (36.0, 44.0))),
    ssd.AnchorLevel(16, ((80.0, 90.0), (110.0, 130.0))),
)


def small_detector(classes: int = 1) -> keras.Model:
    """Two levels joined by a top-down path; about half of the places score above 0.5."""
    keras.utils.set_random_seed(11)
    image = keras.Input((None, None, 3), name="image")
    x = layers.Rescaling(1 / 127.5, -1.0)(image)
    x = layers.Conv2D(8, 9, 8, padding="same", activation="relu", name="down8")(x)
    y = layers.Conv2D(8, 3, 2, padding="same", activation="relu", name="down16")(x)
    x = layers.Add()([x, layers.UpSampling2D(2, name="up")(y)])
    return ssd.detector(image, [x, y], LEVELS, classes, ["level8", "level16"], 0.5, "small")


def small_estimator(outputs: int, channels: int = 1) -> keras.Model:
    """Answers with a rotation, if `outputs` is 6, else with angles."""
    keras.utils.set_random_seed(12)
    crops = keras.Input((32, 32, channels), name="crops")
    x = CropInput("long", 1.2, name="crop")(crops)
    x = layers.LayerNormalization(
        axis=[1, 2, 3], center=False, scale=False, epsilon=1.0, name="standardize"
    )(x)
    x = layers.Conv2D(12, 5, 4, padding="same", activation="relu", name="conv")(x)
    x = layers.Flatten()(layers.AveragePooling2D(4)(x))
    if outputs < 6:
        return keras.Model(crops, layers.Rescaling(90.0)(layers.Dense(outputs)(x)))
    raw = layers.Dense(7, kernel_initializer=keras.initializers.RandomNormal(stddev=3.0))(x)
    return keras.Model(crops, HeadAngles(name="degrees")(raw))


def mirroring_estimator() -> keras.Model:
    """Like the estimator that ships, with a network in the network that is called twice."""
    return averaged_with_mirror(small_estimator(6))


def small_classifier(logit: float | None = None, **settings) -> keras.Model:
    """A second stage; with a logit it gives that for every crop.

    Args:
        logit: What it answers.
        settings: Of `headpose.detection.classifier.SecondStage`.
    """
    keras.utils.set_random_seed(13)
    model = with_settings(build_classifier(32, (8, 8)), **settings)
    if logit is not None:
        kernel, bias = model.get_layer("logit").get_weights()
        model.get_layer("logit").set_weights([0 * kernel, bias + logit])
    return model


def saved(model: keras.Model, path: Path) -> Path:
    save_model(model, path)
    return path


def exported(source: Path, form: str, **options) -> Path:
    """Exports beside the source."""
    target = default_target(source, form, "calibration" in options)
    export(source, form, target, **options)
    return target


def random_crops(count: int, channels: int = 1) -> np.ndarray:
    """Smooth crops (N, 32, 32) or (N, 32, 32, 3): on noise no two networks differ much."""
    coarse = np.random.default_rng(5).integers(0, 256, (count, 4, 4, channels))
    crops = np.repeat(np.repeat(coarse, 8, axis=1), 8, axis=2).astype(np.uint8)
    return crops if channels == 3 else crops[..., 0]


def packages(form: str) -> tuple[str, ...]:
    """Names what must be installed to write and run a format."""
    return FORMATS[form].packages


CAN_EXPORT_ONNX = all(importlib.util.find_spec(name) for name in packages("onnx"))
