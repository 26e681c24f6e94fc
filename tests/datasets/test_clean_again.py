"""Cleaners where a folder has results or unfinished work."""

import json
import re

import pandas as pd
import pytest
from pose_sets import LABELLED, contents


def test_results_stay_until_overwrite_is_said(tmp_path, aflw, run_script):
    command = ["clean_aflw.py", aflw, *LABELLED, "--output", tmp_path / "clean"]
    assert run_script(*command, "--limit", 12).status == 0
    before = contents(tmp_path / "clean")
    ran = run_script(*command)
    assert ran.status == 2
    assert "--overwrite" in ran.err
    assert contents(tmp_path / "clean") == before
    (tmp_path / "clean" / "crops" / "my_own.png").write_bytes(b"mine")
    assert run_script(*command, "--overwrite", "--detector", tmp_path / "gone.keras").status == 1
    assert before.items() <= contents(tmp_path / "clean").items()
    assert run_script(*command, "--overwrite", "--limit", 5).status == 0
    after = contents(tmp_path / "clean")
    assert after["crops/my_own.png"] == b"mine"
    rows = pd.read_csv(tmp_path / "clean" / "labels.csv")
    assert sum(name.endswith(".png") for name in after) == len(rows) + 1


def test_tables_of_another_making_are_never_removed(tmp_path, aflw, run_script):
    (tmp_path / "labels.csv").write_text("mine")
    ran = run_script("clean_aflw.py", aflw, *LABELLED, "--overwrite", "--output", tmp_path)
    assert ran.status == 1
    assert "choose another --output" in ran.err
    assert (tmp_path / "labels.csv").read_text() == "mine"


def test_other_options_do_not_go_on_with_what_was_begun(tmp_path, aflw, run_script):
    command = ["clean_aflw.py", aflw, *LABELLED, "--output", tmp_path, "--size", 32]
    (tmp_path / "unfinished.jsonl").write_text('{"options": {"size": 64}}\n')
    ran = run_script(*command)
    assert ran.status == 1
    assert "other options (size" in ran.err
    assert "--overwrite" in ran.err
    assert run_script(*command, "--overwrite").status == 0


@pytest.mark.parametrize(
    ("first", "then", "told"),
    [
        (["--precision", "int8"], [], "precision, files that run"),
        ([], ["--precision", "int8"], "precision, files that run"),
        (["--backend", "keras", "--precision", "float32"], [], "backend, files that run"),
    ],
)
def test_what_runs_the_detector_counts_as_it_was_found(
    tmp_path, aflw, run_script, first, then, told
):
    """By default an ONNX file beside the one that is named runs, or one of eight bits."""
    given = ["clean_aflw.py", aflw, "--limit", 2, "--confidence", 1, "--output", tmp_path]
    ran = run_script(*given, *first)
    assert "not one crop" in ran.err  # so that the work stays unfinished
    ran = run_script(*given, *first)
    assert "going on: 2 of 2 pictures are done" in ran.out
    ran = run_script(*given, *then)
    assert ran.status == 1
    assert f"has unfinished work with other options ({told})" in ran.err


def test_work_of_an_earlier_version_is_told_plainly(tmp_path, aflw, run_script):
    given = ["clean_aflw.py", aflw, "--limit", 2, "--confidence", 1, "--output", tmp_path]
    assert run_script(*given).status == 1
    journal = tmp_path / "unfinished.jsonl"
    first, *others = journal.read_text().splitlines()
    options = json.loads(first)["options"]
    run_of = {name: options.pop(name) for name in ("backend", "precision", "files that run")}
    assert (run_of["backend"], run_of["precision"]) == ("onnxruntime", "float32")
    assert re.fullmatch(r"head-detector\.onnx [0-9a-f]{16}", run_of["files that run"])
    journal.write_text("\n".join([json.dumps({"options": options}), *others, ""]))
    ran = run_script(*given)
    assert ran.status == 1
    assert (
        "unfinished work of an earlier version, which did not note its backend, precision, "
        "files that run; go on with that version, or --overwrite to start anew"
    ) in ran.err
