"""Figures of a variant that nobody measured, as `benchmarks/run.py` keeps them."""


def figures(**more) -> dict:
    """Returns all figures of a variant, some of them others."""
    return {
        "first photo, seconds": [0.5, 0.3, 0.4],
        "detect 1, seconds": [0.011, 0.01, 0.03],
        "detect 4, seconds": [0.04],
        "estimate 1, seconds": [0.001, 0.002],
        "estimate 32, seconds": [0.0201],
        "photo 1, seconds": [0.0125],
        "video": {"frames a second": [70.0, 90.0], "frames": 60, "heads a frame": 1.0},
        "peak bytes": 200_400_000,
        "file bytes": 8_700_000,
        "angles off": {"largest": 0.01, "mean": 0.001},
        "boxes off": {"heads": 9, "unmatched": 0, "largest": 0.02, "mean": 0.002},
    } | more
