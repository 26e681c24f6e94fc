"""Values as JSON knows them."""

import math


def without_nan(value):
    """Replaces NaN, which JSON does not know, by None, at any depth."""
    if isinstance(value, dict):
        return {key: without_nan(v) for key, v in value.items()}
    if isinstance(value, list):
        return [without_nan(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value
