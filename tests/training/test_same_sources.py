"""Sources that are named twice, or to learn from and to measure on."""

import logging

import pytest

from headpose.datasets.label_tables import SourceName
from headpose.errors import HeadposeError
from headpose.training.same_sources import check_each_once, warn_of_the_same


def named(*texts):
    return [SourceName.parse(text) for text in texts]


@pytest.mark.parametrize("again", ["a.csv", "./a.csv", "link.csv", "a.csv@0.5"])
def test_a_source_is_learned_from_once(tmp_path, monkeypatch, again):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").touch()
    (tmp_path / "link.csv").symlink_to("a.csv")
    check_each_once(named("a.csv", "b.csv", "a.csv#train"))
    with pytest.raises(HeadposeError, match="given twice to learn from"):
        check_each_once(named("a.csv", "b.csv", again))


@pytest.mark.parametrize(
    ("learned", "measured", "warned"),
    [
        ("a.csv", "a.csv", True),
        ("a.csv#train", "a.csv", True),
        ("a.csv", "a.csv#val", True),
        ("a.csv#val", "a.csv#val", True),
        ("a.csv#train", "a.csv#val", False),
        ("a.csv", "b.csv", False),
    ],
)
def test_what_is_learned_from_is_no_test(caplog, learned, measured, warned):
    with caplog.at_level(logging.WARNING, "headpose"):
        warn_of_the_same(named("c.csv", learned), named("d.csv", measured))
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == warned
    if warned:
        assert told[0].startswith(f"{measured} is learned from and measured on")
