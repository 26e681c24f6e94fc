"""What a network answers, checked: a file may hold another network than it says."""

from collections.abc import Callable

import numpy as np

from headpose.errors import HeadposeError, first_line
from headpose.models.suppression import CANDIDATE_SCORE

Call = Callable[[np.ndarray], list[np.ndarray]]


def checked_detector(call: Call, name: str) -> Call:
    """Wraps a detector's call: boxes (B, N, 4) and scores (B, N) in 0..1, or an error.

    Args:
        call: From float32 pictures (B, H, W, 3) to boxes and scores.
        name: Of the model, for errors.
    """

    def checked(batch: np.ndarray) -> list[np.ndarray]:
        answers = _run(call, batch, name)
        shapes = [answer.shape for answer in answers]
        if (
            len(answers) != 2
            or len(shapes[1]) != 2
            or shapes[1][0] != len(batch)
            or shapes[0] != (*shapes[1], 4)
        ):
            raise _other_network(name, shapes, "boxes (B, N, 4) and scores (B, N)")
        boxes, scores = answers
        # Not `< 0`: comparisons with NaN are false.
        if not ((scores >= -1e-3) & (scores <= 1 + 1e-3)).all():
            raise HeadposeError(f"{name}: answers scores outside 0..1 or NaN; export it anew")
        # What is no candidate counts for nothing, whatever its numbers are.
        if not np.isfinite(boxes[scores > CANDIDATE_SCORE]).all():
            raise HeadposeError(f"{name}: answers boxes that are no numbers; export it anew")
        return answers

    return checked


def checked_numbers(call: Call, outputs: int, name: str, what: str = "angles") -> Call:
    """Wraps an estimator's or a classifier's call: finite numbers (B, outputs), or an error.

    Args:
        call: From float32 crops (B, S, S, C) to the numbers.
        outputs: How many a crop.
        name: Of the model, for errors.
        what: The numbers are, for errors.
    """

    def checked(batch: np.ndarray) -> list[np.ndarray]:
        answers = _run(call, batch, name)
        shapes = [answer.shape for answer in answers]
        if len(answers) != 1 or shapes[0] != (len(batch), outputs):
            raise _other_network(name, shapes, f"{what} (B, {outputs})")
        if not np.isfinite(answers[0]).all():
            raise HeadposeError(f"{name}: answers {what} that are no numbers; export it anew")
        return answers

    return checked


def _run(call: Call, batch: np.ndarray, name: str) -> list[np.ndarray]:
    try:
        return [np.asarray(answer) for answer in call(batch)]
    except (HeadposeError, MemoryError):
        raise
    except Exception as error:  # each backend raises classes of its own
        raise HeadposeError(f"{name}: cannot be run ({first_line(error)})") from error


def _other_network(name: str, shapes: list[tuple], wanted: str) -> HeadposeError:
    told = ", ".join(map(str, shapes)) or "nothing"
    return HeadposeError(f"{name}: another network than its description says: {told}, not {wanted}")
