"""Scores that mean the same in every detector: 0.5 is the threshold of best F1, or close to it."""

from collections.abc import Sequence

import numpy as np

from headpose.detection.metrics import LOWEST_SCORE, Judged


def best_threshold(sources: Sequence[Judged], within: float = 0.0) -> tuple[float, float]:
    """Finds the threshold of best F1 on several sources together.

    Every source weighs the same, whatever its size: heads, finds and false finds count
    as shares of its heads, or where it has none, of its pictures.

    Args:
        sources: Each a judged set of pictures; at least one with heads.
        within: How much less than the best F1 will do. Near the best, F1 hardly changes while
            false heads come and go: the highest threshold that will do is taken.

    Returns:
        The threshold, midway between two scores (after the last one, between it and the score
        from which finds were searched), and F1 = 2 found / (2 found + false +
        missed) there. Without any finds 0.5 and 0.
    """
    scores = np.concatenate([judged.scores for judged in sources])
    if not len(scores):
        return 0.5, 0.0
    weights = np.concatenate(
        [np.full(len(j.scores), 1 / max(j.heads or j.pictures, 1)) for j in sources]
    )
    true = np.concatenate([judged.true for judged in sources])
    order = np.argsort(-scores, kind="stable")
    scores, weights, true = scores[order], weights[order], true[order]
    heads = sum(judged.heads > 0 for judged in sources)
    found, false = np.cumsum(weights * true), np.cumsum(weights * ~true)
    f1 = 2 * found / (found + false + heads)
    # Of equal scores all are above a threshold or none is.
    f1[:-1][scores[:-1] == scores[1:]] = -1
    best = int((f1 >= f1.max() - within).argmax())
    below = scores[best + 1] if best + 1 < len(scores) else LOWEST_SCORE
    return float(scores[best] + below) / 2, float(f1[best])


def shift_scores(detector, threshold: float) -> None:
    """Moves a detector's scores so that one of `threshold` becomes 0.5.

    The logits are shifted through the biases of the layers that make them, so that every
    exported file has it, too. The order of scores stays.

    Args:
        detector: A Keras model of `headpose.detection.networks`; its stored threshold becomes 0.5.
        threshold: In 0..1, both excluded.
    """
    shift = -np.log(threshold / (1 - threshold))
    for layer in detector.layers:
        if layer.name.endswith("_mbox_conf"):
            kernel, bias = layer.get_weights()
            priors = detector.get_layer(layer.name.replace("_mbox_conf", "_conf_rows"))
            classes = priors.output.shape[-1]
            bias[classes - 1 :: classes] += shift
            layer.set_weights([kernel, bias])
    detector.get_layer("decode").confidence = 0.5
