"""Learning how large the error of a pose estimator is, from heads that were held out."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from headpose.datasets.head_sets import HeadSet
from headpose.geometry.angles import angles_between, geodesic_distances, rotation_matrices
from headpose.models.keras_setup import jit_compile
from headpose.pose.error_calibration import with_calibration
from headpose.pose.estimator import MEASURES
from headpose.pose.rotation import AWAY, NOSE, expected_error
from headpose.training.pose_examples import Augmentation, PoseExamples, rotation_targets

BATCH = 256  # heads at once


def fit_expected_error(
    model: keras.Model,
    answers: Sequence[np.ndarray],
    errors: np.ndarray,
    weights: np.ndarray,
    epochs: int = 60,
    seed: int = 0,
) -> float:
    """Learns the correction of a model's expected error.

    The expected error b becomes the mean of the errors e of heads that look alike: as in
    `headpose.pose.rotation.rotation_loss` the loss is e / b + log b, which is smallest there.

    Args:
        model: From `with_calibration`; its `ErrorCalibration` is changed in place.
        answers: Mean, raw and mirrored outputs, or raw ones alone, each (N, 7), see
            `ErrorCalibration`.
        errors: (N,), degrees, of heads that the angles were not learned from.
        weights: (N,), how much each counts.
        epochs: Times that all heads are seen.
        seed: Of weights and order.

    Returns:
        The last loss.
    """
    layer = model.get_layer("calibration")
    keras.utils.set_random_seed(seed)
    given = (ops.convert_to_tensor(a, "float32") for a in answers)
    features = keras.ops.convert_to_numpy(layer.features(*given))
    layer.centre.assign(features.mean(axis=0))
    spread = features.std(axis=0)
    # What never changes tells nothing, and its scale would make roundings in a file large.
    layer.scale.assign(np.where(spread > 1e-3, 1 / np.maximum(spread, 1e-3), 0))
    layer.first.assign(keras.initializers.GlorotUniform(seed)(layer.first.shape))
    layer.last.assign(np.zeros(layer.last.shape))
    layer.last_bias.assign([_level(np.asarray(answers[0])[:, 6], errors, weights)])
    inputs = [keras.Input((7,)) for _ in answers]
    fitted = keras.Model(inputs, layer(*inputs))

    def likelihood(truth, raw):
        b = expected_error(raw)
        return truth[:, 0] / b + ops.log(b)

    steps = -(-len(errors) // BATCH) * epochs
    rate = keras.optimizers.schedules.CosineDecay(1e-2, steps)
    fitted.compile(
        keras.optimizers.AdamW(rate, weight_decay=1e-2),
        loss=likelihood,
        jit_compile=jit_compile(),
    )
    history = fitted.fit(
        [np.asarray(a, np.float32) for a in answers],
        np.asarray(errors, np.float32)[:, None],
        sample_weight=np.asarray(weights, np.float32),
        batch_size=BATCH,
        epochs=epochs,
        verbose=0,
    )
    return float(history.history["loss"][-1])


def _level(seventh: np.ndarray, errors: np.ndarray, weights: np.ndarray) -> float:
    """Returns what all raw expected errors (N,) lack alike; what each lacks is learned."""
    shifts = np.linspace(-10, 10, 201)
    raw = np.zeros((len(seventh), 7), np.float32)
    losses = []
    for shift in shifts:
        raw[:, 6] = seventh + shift
        b = keras.ops.convert_to_numpy(expected_error(raw))
        losses.append(np.average(errors / b + np.log(b), weights=weights))
    return float(shifts[int(np.argmin(losses))])


def answers_and_errors(
    model: keras.Model, crops: np.ndarray, targets: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray]:
    """Asks a model with an `ErrorCalibration` for what that layer reads, and how far it is off.

    Args:
        model: From `with_calibration`.
        crops: (N, S, S, C), 0..255.
        targets: (N, 10), see `headpose.pose.rotation.rotation_loss`.

    Returns:
        What the layer is given, see `ErrorCalibration`, each (N, 7), and errors (N,) in
        degrees: of the whole rotation, or of the nose where no more is known; NaN of heads
        turned away.
    """
    given = model.get_layer("calibration").input
    given = given if isinstance(given, list) else [given]
    asked = keras.Model(model.input, [*given, model.output])
    parts = [
        [keras.ops.convert_to_numpy(y) for y in asked(crops[i : i + BATCH], training=False)]
        for i in range(0, len(crops), BATCH)
    ]
    *answers, told = (np.concatenate(p) for p in zip(*parts, strict=True))
    true = targets[:, :9].reshape(-1, 3, 3).transpose(0, 2, 1)
    matrices = rotation_matrices(told[:, :3])
    noses = angles_between(matrices[:, :, 2], true[:, :, 2])
    known = targets[:, 9]
    errors = np.where(known == NOSE, noses, geodesic_distances(matrices, true))
    return answers, np.where(known == AWAY, np.nan, errors)


def calibrate(
    model: keras.Model,
    held_out: Sequence[HeadSet],
    augmentation: Augmentation,
    seed: int,
    batches: int = 48,
) -> keras.Model:
    """Returns a model whose expected error was learned from heads that were held out.

    Half of the weight is on the heads as they are, half on augmented ones: so it knows
    both how well it does on good pictures and what covers, cuts and the dark cost.

    Args:
        model: One that gives rotations, asked once or averaged with its mirror image.
        held_out: Heads that the angles were not learned from, at least one.
        augmentation: Of the training.
        seed: Of examples and weights.
        batches: Of 128 augmented examples.
    """
    model = with_calibration(model)
    held_out = [heads for heads in held_out if len(heads)]
    parts = []
    total = sum(heads.share for heads in held_out)
    for heads in held_out:
        still = np.zeros(len(heads))
        targets = rotation_targets(heads.angles, heads.away, still, still > 0)
        share = heads.share / total / len(heads)
        crops = heads.crops.reshape(len(heads), *model.input_shape[1:]).astype(np.float32)
        parts.append((crops, targets, heads.weights * share))
    examples = PoseExamples(held_out, model.input_shape[1], len(MEASURES), augmentation, seed, 0.0)
    for number in range(batches):
        crops, targets, weights = examples.batch(number, 128)
        parts.append((crops, targets, weights / (128 * batches)))
    crops, targets, weights = (np.concatenate(p) for p in zip(*parts, strict=True))
    answers, errors = answers_and_errors(model, crops, targets)
    known = np.isfinite(errors)
    weights = weights[known] / weights[known].mean()
    fit_expected_error(model, [a[known] for a in answers], errors[known], weights, seed=seed)
    return model
