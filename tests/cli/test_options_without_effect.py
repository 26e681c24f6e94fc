"""Options that would do nothing are refused or told."""

import pytest

from headpose.cli.video_sources import find_sources


@pytest.fixture
def here(tmp_path, portrait, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jpg").write_bytes(portrait.read_bytes())
    (tmp_path / "clip.mp4").write_bytes(b"opened later")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("image a.jpg --convention biwi", "--convention is about CSV, JSON and Parquet"),
        ("image a.jpg --coco c.json --empty", "--empty is about CSV, JSON and Parquet"),
        ("video clip.mp4 --csv c.csv --blur", "--blur is about what is drawn; add --output"),
        ("video clip.mp4 --csv c.csv --draw cube", "--draw is about what is drawn"),
        ("video clip.mp4 --csv c.csv --unsure-above 3", "--unsure-above is about what is drawn"),
        ("video clip.mp4 --reconnect", "--reconnect is for streams and cameras; none was named"),
        ("video clip.mp4 --no-smooth --beta 3", "leaves nothing to --min-cutoff and --beta"),
    ],
)
def test_they_are_refused(here, run_script, command, told):
    done = run_script(*command.split())
    assert done.status == 2
    assert told in done.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("image a.jpg --every 5", "--every is for videos; none was found"),
        ("annotate a.jpg --output o --every 5", "--every is for videos; none was found"),
        ("annotate a.jpg --output o --split-videos 9", "--split-videos is for videos; none was"),
        ("annotate a.jpg --output o --key name", "--key is for Parquet; none was found"),
        ("annotate a.jpg --output memory://o", "is gone when this command ends"),
    ],
)
def test_they_are_told(here, run_script, command, told):
    done = run_script(*command.split(), "--detector", "viola-jones", "--estimator", "fast")
    assert done.status == 0, done.err
    assert told in done.err


def test_the_lines_of_a_list_are_names_as_they_are(here, run_script, tmp_path):
    """What ends a line elsewhere in Unicode, and spaces, may be part of a name."""
    names = ["u\u2028sep.jpg", "n\u0085x.jpg", " lead.jpg", "lead.jpg"]
    for name in names:
        (tmp_path / name).write_bytes((tmp_path / "a.jpg").read_bytes())
    (tmp_path / "list.txt").write_text("\n".join([*names, "  a.jpg  ", ""]), encoding="utf-8")
    more = ["--detector", "viola-jones", "--estimator", "fast", "--csv", "c.csv"]
    for command in (["image", "@list.txt", *more], ["annotate", "@list.txt", *more[:4]]):
        done = run_script(*command, "--output", f"out-{command[0]}")
        assert done.status == 0, done.err
    rows = (tmp_path / "c.csv").read_text(encoding="utf-8").split("\n")[1:-1]
    assert [row.split(",")[0] for row in rows] == [*names, "a.jpg"]
    heads = "".join(p.read_text() for p in (tmp_path / "out-annotate").rglob("*.jsonl"))
    assert heads.count('"file": " lead.jpg"') == 1
    assert heads.count('"file": "a.jpg"') == 1


def test_a_video_by_its_path_and_its_address_is_one(tmp_path):
    clip = tmp_path / "a clip.mp4"
    clip.touch()
    found = find_sources([str(clip), clip.as_uri(), "http://x/a.mp4"], None)
    assert found.names == [str(clip), "http://x/a.mp4"]
