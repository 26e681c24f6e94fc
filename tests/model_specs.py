"""Descriptions of networks that several tests use; no network is built for them."""

from headpose.models.specs import ClassifierSpec, DetectorSpec, EstimatorSpec

BOXES = DetectorSpec(
    None,
    None,
    0.4,
    ((4, ((9.0, 11.0), (12.5, 14.0))), (8, ((20.0, 22.0),))),
    (0.1, 0.1, 0.2, 0.2),
)
# Of `small_models.small_estimator(6)`.
ANGLES = EstimatorSpec(32, 1, 6, "long", 1.2, (0.2, 0.5, 10.0))
# Of `small_models.small_classifier()`, but for its first stage.
CLASSES = ClassifierSpec(32, "long", 1.6, 0.2, (2.0, 0.5, -0.25), "head-detector", "0" * 64)
