"""Sources that are named twice, or to learn from and to measure on."""

import itertools
import logging
from pathlib import Path

import pandas as pd
import pytest
from field_sets import write_pair
from pose_sets import make_aflw, start_script

from headpose.datasets.detection_annotations import DetectionAnnotation
from headpose.datasets.label_tables import SourceName
from headpose.errors import HeadposeError
from headpose.geometry.boxes import as_boxes
from headpose.training.detection_sources import thinned, warn_of_shared
from headpose.training.pose_config import Sources
from headpose.training.pose_sources import all_sources
from headpose.training.same_sources import (
    Shown,
    check_each_once,
    warn_of_shared_pictures,
    warn_of_the_same,
)


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


def test_pictures_of_two_sources_are_counted(tmp_path, caplog):
    for name in "abc":
        (tmp_path / f"{name}.jpg").touch()
    (tmp_path / "link.jpg").symlink_to("b.jpg")
    a, b, c, link = (Shown(tmp_path / f"{name}.jpg") for name in ("a", "b", "c", "link"))
    whole, train, other = named("t.csv", "t.csv#train", "o.csv")
    with caplog.at_level(logging.WARNING, "headpose"):
        warn_of_shared_pictures([(train, [a, b])], [(other, [link, c])])
        warn_of_shared_pictures([(train, [a, b])], [(whole, [a, b, c])])  # is told of as such
        warn_of_shared_pictures([(train, [a])], [(other, [b, c])])
    assert [record.getMessage() for record in caplog.records] == [
        "o.csv: 1 of its 2 pictures are learned from in another source, as b.jpg: what is "
        "measured there will look better than it is"
    ]


def test_crops_and_pictures_of_one_data_set_are_counted(tmp_path, caplog):
    """Cleaned twice, whose parts differ, and as it was downloaded."""
    aflw = make_aflw(tmp_path / "aflw")
    for size, seed in ((24, 0), (32, 1)):
        options = ("--detector", "labelled", "--size", size, "--seed", seed)
        options += ("--splits-tilt", 2, "--splits-pan", 2, "--output", tmp_path / str(size))
        assert start_script("clean_aflw.py", aflw, *options).returncode == 0
    first, second = (pd.read_csv(tmp_path / name) for name in ("24/train.csv", "32/test.csv"))
    shared = set(first["source"]) & set(second["source"])
    for measured in ("{0}/32", "aflw:{1}"):
        caplog.clear()
        source = measured.format(tmp_path, aflw)
        with caplog.at_level(logging.WARNING, "headpose"):
            all_sources(Sources((f"{tmp_path}/24",), validation=(source,), test=(source,)))
        assert "have names of pictures of the same data set" in caplog.text
    assert len(shared) > 0
    caplog.clear()
    with caplog.at_level(logging.WARNING, "headpose"):
        all_sources(Sources((f"{tmp_path}/24",)))
    assert not caplog.text


def test_data_sets_with_the_same_names_are_no_shared_pictures(tmp_path, caplog):
    for folder in ("a", "b"):
        for number in range(20):
            write_pair(tmp_path / folder, f"image{number:05d}", (0, number, 0))
    sources = (f"aflw2000:{tmp_path}/a",), (f"aflw2000:{tmp_path}/b#train",)
    with caplog.at_level(logging.WARNING, "headpose"):
        all_sources(Sources(sources[0], validation=sources[1]))
    assert "pictures" not in caplog.text


def test_a_copy_of_a_table_to_learn_from_is_told(tmp_path, caplog):
    table = "file,xmin,ymin,xmax,ymax,tilt,pan\na.jpg,1,2,30,40,5,6\nb.jpg,1,2,30,40,5,6\n"
    for name in ("t.csv", "copy.csv"):
        (tmp_path / name).write_text(table)
        (tmp_path / "a.jpg").touch()
    sources = Sources(data=(str(tmp_path / "t.csv"),), validation=(str(tmp_path / "copy.csv"),))
    with caplog.at_level(logging.WARNING, "headpose"):
        all_sources(sources)
    assert f"{tmp_path / 'copy.csv'}: 2 of its 2 pictures are learned from" in caplog.text


def test_boxed_pictures_of_two_sources_are_told(tmp_path, caplog):
    some = [DetectionAnnotation(tmp_path / "a.jpg", as_boxes([]))]
    train, other = named("t.csv", "o.json")
    with caplog.at_level(logging.WARNING, "headpose"):
        warn_of_shared([(train, some)], [(other, some)])
    assert "o.json: 1 of its 1 pictures are learned from in another source" in caplog.text


@pytest.mark.parametrize(("total", "count"), [(36, 35), (121, 120), (36, 18), (5, 9), (7, 1)])
def test_as_many_pictures_as_asked_for_are_measured(total, count):
    pictures = [DetectionAnnotation(Path(f"{i}.png"), as_boxes([])) for i in range(total)]
    taken = [int(picture.path.stem) for picture in thinned(pictures, count)]
    assert len(set(taken)) == len(taken) == min(total, count)
    steps = {second - first for first, second in itertools.pairwise(taken)}
    assert max(steps, default=0) - min(steps, default=0) <= 1  # evenly
