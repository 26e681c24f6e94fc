"""The benchmark of all variants, through its command line."""

import json
import sys

import accuracy
import pytest
import report
import run
import start_up
from benchmark_figures import figures
from small_models import CAN_EXPORT_ONNX
from variants import DEFAULT, PUBLISHED, REFERENCE, SSD512
from videos import evenly, make_video

from headpose.errors import HeadposeError, PictureError
from headpose.images.pictures import read_image, write_image

SCRIPT = "benchmarks/run.py"


def test_variants_are_measured(run_fresh, tmp_path, small, portrait):
    picture = read_image(portrait)[:384]
    clip = make_video(tmp_path / "clip.mp4", evenly(20), lambda i: picture[:, i : i + 480])
    names = [REFERENCE, *([DEFAULT] if CAN_EXPORT_ONNX else [])]
    ran = run_fresh(
        SCRIPT,
        *("--variants", *names, "--detector", small[0], "--estimator", small[1]),
        *("--repeats", 1, "--starts", 0, "--videos", 1, "--frames", 10),
        *("--clip", clip, "--json", tmp_path / "figures.json"),
        XDG_CACHE_HOME=str(tmp_path / "cache"),
    )
    assert ran.status == 0, ran.err
    told = json.loads((tmp_path / "figures.json").read_text())
    assert list(told["variants"]) == names
    for name, row in told["variants"].items():
        for call in ("detect 1", "detect 4", "estimate 1", "estimate 32", "photo 1"):
            (seconds,) = row[f"{call}, seconds"]
            assert seconds > 0
        assert 0 < row["video"]["frames"] <= 10  # fewer where `LONGEST_VIDEO` ends it
        assert row["peak bytes"] > 10e6
        assert f"| {name} | - | " in ran.out  # no starts
    if CAN_EXPORT_ONNX:
        row = told["variants"][DEFAULT]
        assert row["boxes off"]["heads"] > 0
        assert accuracy.within_bounds(DEFAULT, row)
        beside = [file.with_suffix(".onnx") for file in small]
        assert row["file bytes"] == sum(file.stat().st_size for file in beside)
    named = [n["network"] for n in told["networks"]]
    assert named[2:] == ["our fast detector", "our fast estimator", SSD512, PUBLISHED]
    assert told["multiply-adds a second"]["float32"] > 1e6
    assert "detect 1: ms / limit = times" in ran.out
    assert not any(str(folder) in ran.out for folder in (tmp_path, small[0].parent))


@pytest.fixture
def run_on_fakes(monkeypatch, tmp_path):
    """Runs the script with figures that nobody measured, on pages in a folder of their own."""
    steps = dict.fromkeys(start_up.STEPS, 0.1) | {"whole": 1.0, "peak MB": 130.0}
    steps |= {"packages": {"numpy": 0.1}}
    monkeypatch.setattr(run, "prepare", lambda *_: ({}, []))
    monkeypatch.setattr(run, "measure_in_turns", lambda *_: ({DEFAULT: figures()}, True))
    monkeypatch.setattr(run, "time_starts", lambda *_: {"demo": [steps]})
    monkeypatch.setattr(run, "README", tmp_path / "benchmarks.md")
    monkeypatch.setattr(run, "FRONT", tmp_path / "front.md")

    def call(*arguments) -> None:
        monkeypatch.setattr(sys, "argv", ["run.py", *map(str, arguments)])
        run.main()

    return call


def test_tables_are_written_into_the_pages(run_on_fakes, tmp_path, capsys):
    (tmp_path / "benchmarks.md").write_text("<!-- run.py -->\nold\n<!-- end -->\n")
    (tmp_path / "front.md").write_text("# A\n<!-- figures -->\n<!-- end of figures -->\nB\n")
    run_on_fakes("--write", "--json", tmp_path / "figures.json")
    page, front = ((tmp_path / name).read_text() for name in ("benchmarks.md", "front.md"))
    text = page.removeprefix("<!-- run.py -->\n").removesuffix("\n<!-- end -->\n")
    assert text in capsys.readouterr().out
    assert f"| {DEFAULT} | 0.40 | 11.0 |" in text
    assert text.startswith("`python benchmarks/run.py --write --json figures.json`, ")
    assert front == (
        "# A\n<!-- figures -->\n"
        + report.front_table({DEFAULT: figures()})
        + "\n<!-- end of figures -->\nB\n"
    )
    told = json.loads((tmp_path / "figures.json").read_text())
    assert told["variants"] == {DEFAULT: figures()}


def test_a_front_page_without_marks_stays(run_on_fakes, tmp_path):
    (tmp_path / "benchmarks.md").write_text("<!-- run.py --><!-- end -->")
    (tmp_path / "front.md").write_text("# A\n")
    run_on_fakes("--write")
    assert (tmp_path / "front.md").read_text() == "# A\n"


@pytest.mark.parametrize("part", [("--variants", DEFAULT), ("--starts", 0), ("--videos", 0)])
def test_a_part_of_the_tables_does_not_replace_the_whole(run_on_fakes, tmp_path, capsys, part):
    (tmp_path / "benchmarks.md").write_text("<!-- run.py -->\nold\n<!-- end -->\n")
    with pytest.raises(SystemExit):
        run_on_fakes("--write", *part)
    assert "leave out --variants" in capsys.readouterr().err
    assert "old" in (tmp_path / "benchmarks.md").read_text()


def test_missing_marks_are_told_before_anything_is_measured(run_on_fakes, tmp_path, monkeypatch):
    (tmp_path / "benchmarks.md").write_text("no marks")
    monkeypatch.setattr(run, "prepare", None)
    with pytest.raises(
        HeadposeError, match=r"benchmarks.md: has no <!-- run.py --> and <!-- end -->"
    ):
        run_on_fakes("--write")


def test_a_photo_that_cannot_be_read_is_told_before_anything_is_measured(
    run_on_fakes, tmp_path, noise_picture, monkeypatch
):
    (tmp_path / "photos").mkdir()
    write_image(tmp_path / "photos" / "good.png", noise_picture(20, 10))
    (tmp_path / "photos" / "bad.png").write_bytes(b"no picture")
    monkeypatch.setattr(run, "prepare", None)
    with pytest.raises(PictureError, match=r"bad\.png"):
        run_on_fakes("--photos", tmp_path / "photos")


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--variants", "caffe"], 2, "invalid choice: 'caffe'"),
        (["--repeats", "0"], 2, "'0' is not a whole number at least 1"),
        (["--detector", "no.keras"], 2, "--detector: no.keras: no such file or folder\n"),
        (["--peers", "nowhere"], 2, "--peers: nowhere: no such file or folder\n"),
        (["--calibrate-detector", "nowhere#train"], 2, "nowhere#train: no such file or folder\n"),
        (["--photos", "nowhere/*.png"], 2, "nowhere/*.png: no such file or folder\n"),
        (["--json", "."], 1, "run.py: error: cannot write .: it is a folder; name a file in it\n"),
    ],
)
def test_what_cannot_be_done_is_told_at_once(run_script, arguments, status, told):
    ran = run_script(SCRIPT, *arguments)
    assert ran.status == status
    assert told in ran.err
    assert ran.out == ""


@pytest.mark.parametrize("option", ["--calibrate-detector", "--calibrate-estimator", "--photos"])
def test_figures_replace_no_table_that_is_read(run_script, tmp_path, option):
    table = tmp_path / "t.csv"
    table.write_text("file,xmin,ymin,xmax,ymax\n")
    name = f"{table}#train" if option != "--photos" else table
    done = run_script(SCRIPT, option, name, "--json", table)
    assert done.status == 1
    assert f"{table} is an input and would be lost" in done.err
    assert table.read_text() == "file,xmin,ymin,xmax,ymax\n"
