"""Scripts of benchmarks and documents write over nothing unasked, as the commands do."""

import json

import pytest

SCRIPTS = {
    "benchmarks/smoothing.py": ["{clip}", "--json", "{mine}"],
    "benchmarks/video_speed.py": ["{clip}", "--json", "{mine}"],
    "benchmarks/run.py": ["--json", "{mine}"],
    "benchmarks/frmdb_rig.py": [
        "{clip}",
        "--fsa-net",
        "a",
        "b",
        "--whenet",
        "c",
        "--output",
        "{mine}",
    ],
    "docs/draw_people.py": ["{clip}", "--output", "{mine}"],
    "docs/draw_hard_cases.py": ["--output", "{mine}"],
    "docs/draw_angles.py": ["--output", "{mine}"],
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_is_there_stays_and_is_told_before_the_work(run_script, tmp_path, script):
    mine, clip = tmp_path / "mine.png", tmp_path / "clip.mp4"
    mine.write_text("dear")
    clip.write_bytes(b"not looked at")
    given = [text.format(mine=mine, clip=clip) for text in SCRIPTS[script]]
    done = run_script(script, *given)
    assert done.status == 1
    assert done.err.splitlines()[-1].endswith(
        f"{mine} exists; use --overwrite or name another output"
    )
    assert mine.read_text() == "dear"


@pytest.mark.parametrize("option", ["--trace", "--picture"])
def test_neither_a_trace_nor_its_picture_is_lost(run_script, tmp_path, monkeypatch, option):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clip.mp4").write_bytes(b"not looked at")
    name = {"--trace": "trace.json", "--picture": "mine.png"}[option]  # the first by default
    (tmp_path / name).write_text("dear")
    done = run_script(
        "benchmarks/video_trace.py", "clip.mp4", *([option, name] if name != "trace.json" else [])
    )
    assert done.status == 1
    assert f"{name} exists; use --overwrite" in done.err
    assert (tmp_path / name).read_text() == "dear"


def test_they_are_replaced_where_that_is_asked_for(run_script, tmp_path):
    figures, sheet = tmp_path / "s.json", tmp_path / "s.png"
    figures.write_text("old")
    sheet.write_text("old")
    done = run_script("benchmarks/smoothing.py", "--json", figures, "--overwrite")
    assert done.status == 0, done.err
    assert len(json.loads(figures.read_text())) == 12
    done = run_script("docs/draw_angles.py", "--output", sheet, "--overwrite")
    assert done.status == 0, done.err
    assert sheet.read_bytes().startswith(b"\x89PNG")
