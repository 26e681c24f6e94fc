"""Of comparison/test_on_dataset.py, on coloured heads and, where they are, on real ones."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pandas as pd
import pytest
from coloured_heads import CROP, HEADS, SCALE, write_fsa, write_table
from onnx_files import write_linear
from pose_sets import ROOT
from tf1_checkpoints import write_deepgaze

from headpose.cli import compare
from headpose.models.backends import Backend
from headpose.pose.estimator import PoseEstimator


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    return write_deepgaze(tmp_path_factory.mktemp("deepgaze") / "untrained")


SCRIPT = "comparison/test_on_dataset.py"


def test_each_estimator_gets_its_own_crop_of_the_source_pictures(
    tmp_path, run_script, clean, network, untrained, tiny_estimator
):
    home, folder = clean
    done = run_script(
        SCRIPT, folder, "--part", "all", "--pictures", tmp_path, home,
        "--estimator", f"fsa-net={network}", tiny_estimator, f"deepgaze={untrained}",
        "--json", tmp_path / "f.json", "--figure", tmp_path / "f.png",
    )  # fmt: skip
    assert done.status == 0, done.err
    report = json.loads((tmp_path / "f.json").read_text())
    assert report["heads"] == HEADS
    names = ["fsa-net", str(tiny_estimator), "deepgaze (untrained)"]
    assert [r["estimator"] for r in report["results"]] == names
    right, wrong = report["results"][0], report["results"][2]
    errors = right["errors"]["all"]
    # The labels are rounded to 4 digits; the crop is exact.
    assert max(errors["tilt"], errors["pan"], errors["roll"], right["90th percentile"]) < 0.01
    assert right["conventions"]["warnings"] == []
    assert all(r["ms a head"] > 0 for r in report["results"])
    assert wrong["crop"]["box"] == "face"
    assert any("its tilt hardly follows the labels" in w for w in wrong["conventions"]["warnings"])
    rows = [line for line in done.out.splitlines() if line.startswith(f"| {names[0]} ")]
    assert [cell.strip() for cell in rows[0].split("|")[2:6]] == ["0.00"] * 4
    assert done.out.startswith(f"{folder}, all: {HEADS} heads\n")
    assert cv2.imread(str(tmp_path / "f.png")) is not None


def test_without_pictures_the_folder_s_crops_serve_with_a_warning(run_script, clean, network):
    _, folder = clean
    done = run_script(SCRIPT, folder, "--part", "train", "--estimator", f"fsa-net={network}")
    assert done.status == 0, done.err
    (line,) = [x for x in done.err.splitlines() if "--pictures" in x]
    assert "fsa-net: gets the folder's crops (side short, not long; margin 1.0, not 1.2;" in line
    assert "colour False, not True" in line


def test_pictures_that_are_gone_leave_their_heads_out_for_all(
    tmp_path, run_script, table, network, levels, truth
):
    home = tmp_path / "copy"
    write_table(home, levels, truth)
    (home / "images" / "image00003.png").unlink()
    (home / "images" / "image00007.png").write_bytes(b"no picture")
    with (home / "labels.csv").open("a") as file:
        file.write("image00001.png,500,500,540,540,1,2,3\n")  # outside of its picture
        file.write("image00001.png,10,10,11,50,1,2,3\nimage00001.png,10,10,40,50,,2,3\n")
    options = ["--estimator", f"fsa-net={network}", "--json", tmp_path / "f.json"]
    done = run_script(SCRIPT, home / "labels.csv", *options)
    assert done.status == 1, done.err
    report = json.loads((tmp_path / "f.json").read_text())
    assert report["heads"] == HEADS - 2
    assert report["left out"]["unreadable or missing picture"] == 2
    assert report["results"][0]["errors"]["all"]["mean"] < 0.01
    for told in ("unreadable or missing picture: 2", "box outside the picture: 1", "bad box: 1"):
        assert f"left out: {told}" in done.err
    assert "left out: no angles: 1 (image00001.png)" in done.err


@pytest.mark.parametrize(
    ("matrix", "square", "told"),
    [
        (None, CROP, None),
        (np.diag([-1, 1, 1]), CROP, "turning the sign of pan lowers the error of pan"),
        (np.diag([1, -1, 1]), CROP, "turning the sign of tilt lowers the error of tilt"),
        (np.diag([1, 1, -1]), CROP, "turning the sign of roll lowers the error of roll"),
        (np.eye(3)[:, [1, 0, 2]], CROP, "exchanging tilt and pan lowers the error of tilt and pan"),
        (np.eye(3)[:, [0, 2, 1]], CROP, "exchanging tilt and roll lowers"),
        # It wants RGB: yaw is read from what it takes for blue.
        (np.eye(3)[::-1], CROP, "the other order of channels lowers the error of tilt and pan"),
        # The colour reaches only as far as a crop of 0.9 times the margin.
        (None, (53, 38, 96, 81), "a margin of 1.08 instead of 1.20 lowers"),
        # And here the crop is 30 x 1.2 pixels wide.
        (None, (57, 42, 93, 78), "the short instead of the long side of the box lowers"),
    ],
)
def test_the_check_finds_the_wrong_convention(
    tmp_path, run_script, levels, truth, matrix, square, told
):
    table = write_table(tmp_path / "data", levels, truth, square)
    weights = None if matrix is None else SCALE * matrix
    files = ",".join(str(write_fsa(tmp_path / f"{name}.onnx", weights)) for name in "ab")
    done = run_script(SCRIPT, table, "--estimator", f"fsa-net={files}", "--check-conventions")
    assert done.status == 0, done.err
    assert "| as stated |" in done.out
    assert "| correlation with the labels |" in done.out
    if told is None:
        assert "clearly" not in done.out
        assert done.err == ""
    else:
        assert f"warning: fsa-net: {told}" in done.err
        row = told.partition(" lowers")[0]
        assert any(x.startswith(f"| {row} ") and "clearly" in x for x in done.out.splitlines())


def test_an_untried_entry_says_so(run_script, tmp_path, table):
    weights, biases = [np.zeros((3, 66))] * 3, [np.zeros(66)] * 3
    path = write_linear(tmp_path / "h.onnx", weights, biases, size=224)
    done = run_script(SCRIPT, table, "--estimator", f"hopenet={path}")
    assert done.status == 0, done.err
    assert "hopenet: its conventions were never tried on its files" in done.err


def test_detected_boxes_replace_labelled_ones(tmp_path, run_script, portrait, tiny_estimator):
    (tmp_path / "p.jpg").write_bytes(portrait.read_bytes())
    table = tmp_path / "heads.csv"
    table.write_text("file,part,xmin,ymin,xmax,ymax,tilt,pan\np.jpg,a,150,30,360,320,5,-5\n")
    told = []
    for more in ([], ["--detector", "viola-jones"]):
        figures = ["--json", tmp_path / "f.json", "--overwrite"]
        options = ["--estimator", tiny_estimator, *figures, *more]
        done = run_script(SCRIPT, f"{table}#a", *options)
        assert done.status == 0, done.err
        told.append(json.loads((tmp_path / "f.json").read_text())["results"][0]["median"])
    assert told[0] != told[1]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        ([], 2, "required"),
        (["{table}", "--part", "exam"], 2, "invalid choice"),
        (["{table}", "--part", "all"], 1, "as in labels.csv#all"),
        (["{table}", "--estimator", "nobody"], 1, "nobody: no such estimator; name"),
        (["{table}", "--estimator", "gone.keras"], 1, "gone.keras: no such model file"),
        (["{table}", "--estimator", "{text}"], 1, "not a .keras model file"),
        (["{table}", "--estimator", "fsa-net=gone.onnx"], 1, "gone.onnx: no such model file"),
        (["{table}", "--estimator", "fsa-net={text}"], 1, "not an ONNX file"),
        (["{table}", "--estimator", "hopenet={net}"], 1, "pictures of 3x64x64, not 3x224x224"),
        (["{table}", "--estimator", "fsa-net"], 1, "fsa-net: no .onnx file there; see"),
        (["{table}", "--estimator", "deepgaze"], 1, "see comparison/README.md"),
        (["{table}", "--estimator", "deepgaze={tmp}"], 1, "no folder pitch or tilt"),
        (["{table}", "--estimator", "deepgaze=a,b"], 1, "one folder with deepgaze's checkpoints"),
        (["gone", "--estimator", "fsa-net={net}"], 1, "gone: no such folder"),
        (["gone.csv", "--estimator", "fsa-net={net}"], 1, "gone.csv: no such file"),
        (["{table}#exam", "--estimator", "fsa-net={net}"], 1, "no column part"),
        (["{clean}", "--pictures", "{tmp}", "--estimator", "fsa-net={net}"], 1, "none of its sou"),
    ],
)
def test_errors_are_one_line(
    tmp_path, monkeypatch, run_script, table, clean, network, arguments, status, told
):
    from headpose.baselines import predictors as compared_estimators

    monkeypatch.setattr(compared_estimators, "PEERS", tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    text = tmp_path / "text.keras"
    text.write_text("no model")
    known = {"table": table, "text": text, "net": network, "tmp": tmp_path, "clean": clean[1]}
    done = run_script(SCRIPT, *[a.format(**known) for a in arguments])
    assert done.status == status
    assert told in done.err
    assert len([line for line in done.err.splitlines() if "error:" in line]) == 1


@pytest.mark.parametrize(
    "script",
    ["test_on_dataset", "deepgaze", "match_datasets", "clean_aflw"],
)
def test_help_needs_no_tensorflow_from_any_folder(tmp_path, monkeypatch, run_fresh, script):
    for name in ("tensorflow", "keras"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    done = run_fresh(f"comparison/{script}.py", "--help", PYTHONPATH=str(tmp_path))
    assert done.status == 0, done.err
    assert f"usage: {script}.py" in done.out


def test_fsa_net_s_conventions_hold_on_helen(shared_data, tmp_path, run_script):
    pytest.importorskip("onnxruntime")  # OpenCV does not read these files
    files = sorted((shared_data.parent / "peers").glob("fsanet-*.onnx"))
    if len(files) != 2:
        pytest.skip("FSA-Net's files (../shared/peers) are not on this machine")
    table = pd.read_csv(shared_data / "helen" / "labels.csv")
    some = table[table["part"] == "validation"].iloc[::6]
    (tmp_path / "images").symlink_to(shared_data / "helen" / "images")
    some.to_csv(tmp_path / "labels.csv", index=False)
    given = f"fsa-net={','.join(map(str, files))}"
    options = ["--check-conventions", "--json", tmp_path / "f.json"]
    done = run_script(SCRIPT, tmp_path / "labels.csv", "--estimator", given, *options)
    assert done.status == 0, done.err
    (result,) = json.loads((tmp_path / "f.json").read_text())["results"]
    assert result["conventions"]["warnings"] == []
    assert 2 < result["errors"]["all"]["mean"] < 5
    assert min(result["conventions"]["correlations"].values()) > 0.8


def test_the_script_runs_without_onnx_runtime(run_script, monkeypatch, table, network):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    done = run_script(SCRIPT, table, "--estimator", f"fsa-net={network}")
    assert done.status == 0, done.err
    assert "| fsa-net | 0.00 | 0.00 |" in done.out


@pytest.mark.parametrize(
    ("options", "precision"),
    [((), None), (("--precision", "float32"), None), (("--precision", "bfloat16"), "bfloat16")],
)
def test_files_of_ours_are_run_as_asked_for(
    run_script, clean, tiny_estimator, monkeypatch, options, precision
):
    """In silence they were run in float32 from the ONNX file beside them."""
    asked, load = [], PoseEstimator.load

    def noted(path, backend=None):
        asked.append(backend)
        return load(path)

    monkeypatch.setattr(PoseEstimator, "load", noted)
    done = run_script(SCRIPT, clean[1], "--estimator", tiny_estimator, "--device", "cpu", *options)
    assert done.status == 0, done.err
    assert asked == [Backend(None, "cpu", precision)]


def test_keras_does_not_start_where_onnx_runtime_runs_all_networks(table, network):
    code = (
        f"import runpy, sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "try:\n"
        "    runpy.run_module('headpose', run_name='__main__', alter_sys=True)\n"
        "finally:\n"
        "    print('imported:', sorted({'tensorflow', 'keras'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", code, "compare", str(table), "--estimator", "ours"]
    command.append(f"fsa-net={network}")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "| fsa-net | 0.00 | 0.00 |" in done.stdout
    assert "\n| ours |" in done.stdout
    assert done.stdout.splitlines()[-1] == "imported: []"


@pytest.mark.parametrize(
    ("names", "options", "expected"),
    [
        (["ours"], [], False),
        (["ours"], ["--precision", "bfloat16"], True),
        (["fsa-net={network}"], ["--detector", "viola-jones"], False),
        (["fsa-net={network}"], ["--detector", "single-stage"], False),
        (["{tiny}"], [], True),
        (["ours", "deepgaze={untrained}"], [], True),
    ],
)
def test_keras_is_needed_for_files_without_an_export(
    network, untrained, tiny_estimator, names, options, expected
):
    names = [n.format(network=network, untrained=untrained, tiny=tiny_estimator) for n in names]
    arguments = compare.options().parse_args(["labels.csv", *options])
    assert compare.needs_keras(arguments, names) is expected
