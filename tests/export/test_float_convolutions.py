"""Which convolutions are never quantized."""

from types import SimpleNamespace

import pytest

from headpose.export.quantize import float_convolutions

CHANNELS = 8


def graph(*nodes: tuple[str, str, int, str], answers: int = 1, halving=()) -> SimpleNamespace:
    """Makes a graph of convolutions and rectifiers.

    Args:
        nodes: Kind, name, channels that each filter sees, and whose answer it takes, which may
            be two names with a space between.
        answers: How many the network has.
        halving: Names of convolutions with a stride of 2.
    """
    return SimpleNamespace(
        node=[
            SimpleNamespace(
                op_type=kind,
                name=name,
                input=[*source.split(), *([f"{name} weights"] if kind == "Conv" else [])],
                output=[name],
                attribute=[SimpleNamespace(name="strides", ints=[2, 2])] * (name in halving),
            )
            for kind, name, _, source in nodes
        ],
        initializer=[
            SimpleNamespace(name=f"{name} weights", dims=[CHANNELS, channels, 3, 3])
            for kind, name, channels, _ in nodes
            if kind == "Conv"
        ],
        output=[None] * answers,
    )


STEM = (
    ("Conv", "a", 3, "picture"),
    ("Relu", "a+", 0, "a"),
    ("Conv", "b", CHANNELS, "a+"),
    ("Relu", "b+", 0, "b"),
)


@pytest.mark.parametrize(
    ("further", "kept"),
    [
        ([("Conv", "c", CHANNELS, "b+"), ("Conv", "d", CHANNELS, "c")], []),
        # A way around some does not make a later one an early one.
        (
            [
                ("Conv", "c", CHANNELS, "b+"),
                ("Add", "sum", 0, "a+ c"),
                ("Conv", "d", CHANNELS, "sum"),
            ],
            [],
        ),
        ([("Conv", "c", CHANNELS, "b+"), ("Conv", "depthwise", 1, "c")], ["depthwise"]),
        # Where a network is asked twice, both ways begin with the picture.
        (
            [
                ("Gather", "mirror", 0, "picture"),
                ("Conv", "c", 3, "mirror"),
                ("Conv", "d", CHANNELS, "c"),
            ],
            ["c"],
        ),
    ],
    ids=["plain", "shortcut", "depthwise", "mirror"],
)
def test_first_and_last_and_depthwise_ones_stay(further, kept):
    assert float_convolutions(graph(*STEM, *further)) == ["a", *kept]


def test_the_last_of_a_detector_stay():
    """Those of each level but the finest, and none that another one goes on from."""
    levels = [
        ("Conv", "coarse", CHANNELS, "b+"),
        ("Conv", "lateral", CHANNELS, "a+"),
        ("Resize", "enlarged", 0, "coarse"),
        ("Add", "fine", 0, "enlarged lateral"),
        ("Conv", "told fine", CHANNELS, "fine"),
        ("Conv", "told coarse", CHANNELS, "coarse"),
    ]
    kept = float_convolutions(graph(*STEM, *levels, answers=2, halving=("a", "coarse")))
    assert kept == ["a", "told coarse"]
