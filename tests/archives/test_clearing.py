"""What `--overwrite` removes from a folder of results: these, and nothing that is not ours."""

import json
import shutil
import sys

import pytest

from headpose.archives import tasks
from headpose.archives.gathering import finish
from headpose.archives.inputs import find_files
from headpose.archives.output import Output
from headpose.archives.results import clear, note_done, open_results
from headpose.archives.shards import make_shards
from headpose.errors import HeadposeError
from headpose.models.shipped import DETECTORS


def names(folder) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path):
    """A folder of photos with a sub-folder called as ours is."""
    for place in ("heads", "shards"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "holiday.jpg").write_text("dear")
        (tmp_path / place / ".hidden").write_text("dear")
    return tmp_path


def test_a_folder_that_has_no_results_stays_as_it_is(folder):
    (folder / "summary.json").write_text("dear")
    before = names(folder)
    clear(Output(str(folder)))
    assert names(folder) == before


OLD_COUNTS = dict.fromkeys(("shards", "pictures", "videos", "frames", "heads", "failures"), 1)
OLD, NEW = {"settings": {}, "shards": {}}, {"settings": {}, "shards": {}, "versions": {}}


def test_results_go_and_all_else_stays(folder, tmp_path):
    before = names(folder)
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    for name in ("0.jpg", "1.jpg", "2.jpg", "v.mp4", "s.tar"):
        (inputs / name).touch()
    shards = make_shards(find_files([str(inputs)]), 2)
    shutil.rmtree(inputs)
    assert len(shards) == 4
    for shard in shards:
        (folder / "heads" / f"{shard.name}.jsonl").touch()
        (folder / "heads" / f"{shard.name}.parquet").touch()
        (folder / "shards" / f"{shard.name}.json").touch()
        (folder / "shards" / f"{shard.name}.again.json").touch()
    (folder / "failures.jsonl").touch()
    (folder / "summary.json").write_text(json.dumps(OLD_COUNTS))
    (folder / "manifest.json").write_text(json.dumps(OLD))  # as of version 0.1
    clear(Output(str(folder)))
    assert names(folder) == before


@pytest.mark.parametrize(
    ("manifest", "summary"),
    [
        (NEW, json.dumps(OLD_COUNTS)),
        (OLD, json.dumps({"options": {}, "kept": 3})),
        (OLD, json.dumps({**OLD_COUNTS, "note": "dear"})),
        (OLD, "[]"),
        (OLD, "no JSON"),
        (OLD, "[" * 100_000),
    ],
)
def test_a_summary_that_is_not_ours_stays(folder, manifest, summary):
    before = names(folder) | {"summary.json"}
    (folder / "summary.json").write_text(summary)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    clear(Output(str(folder)))
    assert names(folder) == before
    assert (folder / "summary.json").read_text() == summary


def test_a_table_of_failures_that_is_not_ours_is_not_replaced(folder):
    (folder / "failures.jsonl").write_text("dear")
    before = names(folder)
    output = Output(str(folder))
    clear(output)
    with pytest.raises(HeadposeError, match="not made by headpose annotate"):
        open_results(output, {}, [])
    assert names(folder) == before


@pytest.mark.parametrize("manifest", ['{"name": "an app"}', "[]", "", '{"settings": {}}'])
def test_a_manifest_that_is_not_ours_goes_with_nothing(folder, run_script, portrait, manifest):
    for name in ("manifest.json", "summary.json", "failures.jsonl"):
        (folder / name).write_text(manifest)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for options in ([], ["--overwrite"]):
        done = run_script("annotate", portrait, "--output", folder, *options)
        assert done.status == 1
        assert "damaged, or not made by this headpose annotate; choose another" in done.err
        after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert {k: v for k, v in after.items() if k.name != ".lock"} == before


@pytest.fixture
def done(tmp_path, run_script, portrait):
    """A folder of results, and what is in it."""
    out = tmp_path / "out"
    assert run_script("annotate", portrait, "--output", out).status == 0
    return out, {path: path.read_bytes() for path in out.rglob("*.json*")}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--detector", "broken.onnx"], "broken.onnx: not an ONNX file"),
        (["--estimator", "broken.onnx"], "broken.onnx: not an ONNX file"),
        (["--detector", "broken.onnx", "--workers", "2"], "broken.onnx: not an ONNX file"),
        (["--estimator", "detector.onnx"], "detector.onnx"),
        (["--ray", "127.0.0.1:1"], "Ray"),
    ],
)
def test_results_stay_where_no_worker_could_begin(
    done, tmp_path, run_script, portrait, monkeypatch, options, told
):
    out, before = done
    monkeypatch.chdir(tmp_path)
    whole = DETECTORS["ours"].with_suffix(".onnx").read_bytes()
    (tmp_path / "broken.onnx").write_bytes(whole[:1000])
    (tmp_path / "detector.onnx").write_bytes(whole)
    ended = run_script("annotate", portrait, "--output", out, "--overwrite", *options)
    assert ended.status == 1
    assert told in ended.err
    assert {path: path.read_bytes() for path in out.rglob("*.json*")} == before


def test_results_stay_where_videos_could_not_be_read(
    done, tmp_path, run_script, portrait, monkeypatch
):
    out, before = done
    monkeypatch.delitem(sys.modules, "headpose.video.file", raising=False)
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / "v.mp4").write_bytes(b"x")
    given = ("annotate", portrait, tmp_path / "v.mp4", "--output", out, "--overwrite")
    ended = run_script(*given)
    assert ended.status == 1
    assert "av is not installed; pip install" in ended.err
    assert {path: path.read_bytes() for path in out.rglob("*.json*")} == before
    assert run_script("annotate", portrait, "--output", out, "--overwrite").status == 0


def test_a_pipeline_is_loaded_once_to_replace_results(done, run_script, portrait, monkeypatch):
    out, before = done
    loads = []
    load = tasks.PipelineConfig.load
    monkeypatch.setattr(tasks.PipelineConfig, "load", lambda c: loads.append(c) or load(c))
    tasks.loaded.cache_clear()
    assert run_script("annotate", portrait, "--output", out, "--overwrite").status == 0
    assert len(loads) == 1
    assert {path: path.read_bytes() for path in out.rglob("*.json*")} == before


def test_results_without_their_manifest_are_of_nobody_knows_what(tmp_path, run_script, portrait):
    given = ("annotate", portrait, "--output", tmp_path / "out", "--shard", "1/1")
    assert run_script(*given).status == 0
    (tmp_path / "out" / "manifest.json").unlink()
    for options in ([], ["--confidence", "0.9"]):
        done = run_script(*given, *options)
        assert done.status == 1
        assert "has shards but no manifest.json" in done.err


def test_results_are_no_inputs_of_the_next_run(tmp_path):
    for name in ("p/a.jpg", "p/heads/pictures-000000.parquet", "p/out/b.parquet", "p/x/heads.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    inside = Output(str(tmp_path / "p")).folders()
    below = Output(str(tmp_path / "p" / "out")).folders()
    for name in (tmp_path / "p", f"{tmp_path}/p/**"):
        items = find_files([str(name)], inside).items
        assert [len(items[kind]) for kind in ("pictures", "parquet")] == [2, 1]
        items = find_files([str(name)], below).items
        assert [item.key for item in items["parquet"]] == ["heads/pictures-000000"]
    assert Output("memory://out").folders() == []


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "[" * 100_000, "{}", '{"failures": 3}'])
def test_a_damaged_result_is_told(tmp_path, text):
    picture = tmp_path / "0.jpg"
    picture.touch()
    shards = make_shards(find_files([str(picture)]), 2)
    output = Output(str(tmp_path / "out"))
    output.prepare("heads", "shards")
    open_results(output, {}, shards)
    (tmp_path / "out" / "shards" / f"{shards[0].name}.json").write_text(text)
    (tmp_path / "out" / "heads" / f"{shards[0].name}.jsonl").touch()
    with pytest.raises(HeadposeError, match="damaged; remove it"):
        finish(output, shards, {})


def test_a_shard_whose_table_was_emptied_is_done_again(tmp_path):
    (tmp_path / "0.jpg").touch()
    shards = make_shards(find_files([str(tmp_path / "0.jpg")]), 2)
    output, name = Output(str(tmp_path / "out")), shards[0].name
    output.prepare("heads", "shards")
    open_results(output, {}, shards)
    (tmp_path / "out" / "heads" / f"{name}.jsonl").write_text("")
    for heads, left in ((0, []), (3, shards)):
        note_done(output, name, {"pictures": 1, "heads": heads, "failures": []}, again=False)
        assert open_results(output, {}, shards) == left
        assert finish(output, shards, {})["shards"] == 1 - len(left)
