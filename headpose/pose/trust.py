"""How far heads can be trusted, by the error that the estimator expects of itself.

A limit of the expected error keeps the heads below it: the lower it is, the fewer heads are
left and the smaller their true errors.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

LIMITS = (5.0, 7.5, 10.0, 15.0, 20.0, 30.0, np.inf)  # degrees
FAR_OFF = 20.0  # degrees: a true error above it is a wrong answer, not an inexact one


def trust_table(
    errors: ArrayLike, expected: ArrayLike, limits: Sequence[float] = LIMITS
) -> list[dict[str, float]]:
    """Returns what each limit of the expected error keeps, and how far that is off.

    Args:
        errors: True errors (N,), degrees; see `headpose.pose.metrics.turn_or_nose_errors`.
        expected: Expected errors (N,), degrees.
        limits: Degrees; a head at the limit is kept.

    Returns:
        A row for each limit: `limit`; the heads it keeps, as a number `heads` and as a `share`
        of all; `mean`, `median` and 90th percentile (`nine tenths under`) of their true errors;
        and the share of them that are `far off`, by more than `FAR_OFF`. Of no heads the errors
        are NaN.
    """
    errors, expected = np.asarray(errors, np.float64), np.asarray(expected, np.float64)
    rows = []
    for limit in limits:
        kept = errors[expected <= limit]
        some = bool(len(kept))
        rows.append(
            {
                "limit": float(limit),
                "heads": len(kept),
                "share": len(kept) / len(errors) if len(errors) else float("nan"),
                "mean": float(kept.mean()) if some else float("nan"),
                "median": float(np.median(kept)) if some else float("nan"),
                "nine tenths under": float(np.quantile(kept, 0.9)) if some else float("nan"),
                "far off": float((kept > FAR_OFF).mean()) if some else float("nan"),
            }
        )
    return rows
