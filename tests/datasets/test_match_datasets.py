"""Of comparison/match_datasets.py and of the cleaners for deepgaze beside it."""

import errno
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from pose_sets import MAT, contents, make_aflw, make_pointing04, write_mat

from headpose.datasets import matching
from headpose.datasets.clean_folder import CleanFolder
from headpose.datasets.crop_dataset import boxes_are_faces, read_crops
from headpose.datasets.label_tables import PARTS
from headpose.detection.viola_jones import ViolaJones, face_to_head
from headpose.errors import HeadposeError
from headpose.images.pictures import read_image

SCRIPT = "comparison/match_datasets.py"
LABELLED = ["--detector", "labelled", "--splits-tilt", 2, "--splits-pan", 2, "--size", 16]
POSES = [(0, 0), (-15, 30), (60, -75), (30, 15), (-30, 90)]


@pytest.fixture(scope="module")
def aflw(tmp_path_factory):
    return make_aflw(tmp_path_factory.mktemp("aflw"))


@pytest.fixture
def clean(run_script, tmp_path):
    """Cleans and returns the folder."""

    def run(script, source, name, *options):
        done = run_script(script, source, *LABELLED, *options, "--output", tmp_path / name)
        assert done.status == 0, done.err
        return tmp_path / name

    return run


def counts(out: str) -> dict[str, int]:
    lines = [line.rpartition(": ") for line in out.splitlines()]
    return {name: int(number) for name, _, number in lines if number.isdigit()}


def test_heads_are_matched_by_picture_and_box(tmp_path, run_script, clean, aflw):
    ours = clean("clean_aflw.py", aflw, "ours")
    # Fewer pictures, other boxes, in colour.
    other = ["--limit", 15, "--colour", "--grow", 0.1, 0.2, 0, 0.1, "--seed", 1]
    theirs = clean("clean_aflw.py", aflw, "theirs", *other)
    done = run_script(SCRIPT, ours, theirs, tmp_path / "both")
    assert done.status == 0, done.err
    told = counts(done.out)
    first, second, both = (read_crops(tmp_path / n) for n in ("ours", "theirs", "both"))
    assert told["heads of the reference"] == len(first) == 30
    assert told["heads of the second"] == len(second) == told["matched"] == len(both)
    assert told["matched"] + told["only in the reference"] == len(first)
    assert told["matched"] + told["only in the second"] == len(second)
    assert both.crops.shape[1:] == (16, 16, 3)
    # Each head is that of the reference, with the crop of the second.
    keys = ["source", "tilt", "pan"]
    assert both.table[keys].merge(first.table[keys]).shape[0] == len(both)
    merged = both.table[["file", *keys]].merge(second.table[["file", *keys]], on=keys)
    assert (merged["file_x"] == merged["file_y"]).all()
    by_file = dict(zip(second.table["file"], second.crops, strict=True))
    for file, crop in zip(both.table["file"], both.crops, strict=True):
        np.testing.assert_array_equal(crop, by_file[file])


def test_parts_are_those_of_the_reference(tmp_path, run_script, clean, aflw):
    ours = clean("clean_aflw.py", aflw, "ours")
    theirs = clean("clean_aflw.py", aflw, "theirs", "--seed", 5)
    assert run_script(SCRIPT, ours, theirs, tmp_path / "both").status == 0
    parts = {}
    for name in ("ours", "theirs", "both"):
        tables = {part: pd.read_csv(tmp_path / name / f"{part}.csv") for part in PARTS}
        parts[name] = {p: set(zip(t["source"], t["pan"], strict=True)) for p, t in tables.items()}
    assert parts["both"] == parts["ours"] != parts["theirs"]
    summary = json.loads((tmp_path / "both" / "summary.json").read_text())
    assert summary["rows"] == {part: len(rows) for part, rows in parts["ours"].items()}
    assert (summary["matched"]["reference"], summary["matched"]["second"]) == ("ours", "theirs")
    assert summary["options"]["size"] == 16
    # Other scripts read it.
    norm = pd.read_csv(tmp_path / "both" / "norm.csv")
    assert norm["img_mean"][0] == pytest.approx(
        read_crops(tmp_path / "both", "train").crops.mean() / 255, abs=1e-6
    )


def test_mirror_images_match_mirror_images_and_repeats_stay(tmp_path, run_script, clean, aflw):
    ours = clean("clean_aflw.py", aflw, "ours", "--split", "original")
    theirs = clean("clean_aflw.py", aflw, "theirs", "--split", "original", "--limit", 20)
    done = run_script(SCRIPT, ours, theirs, tmp_path / "both")
    assert done.status == 0, done.err
    told, table = counts(done.out), read_crops(tmp_path / "both").table
    assert told["matched"] == len(table) == 2 * (table["mirrored"] == 0).sum()
    twin = table[table["mirrored"] == 1].iloc[0]
    plain = table[table["file"] == twin["file"].replace("-mirrored", "")].iloc[0]
    assert plain["pan"] == -twin["pan"]


def test_face_boxes_are_compared_as_heads(tmp_path, clean, aflw):
    folder = clean("clean_aflw.py", aflw, "faces", "--grow", 0, 0, 0, 0)
    told = matching.read_clean_table(folder)
    assert boxes_are_faces(told.summary)
    columns = ["xmin", "ymin", "xmax", "ymax"]
    rows = told.rows.drop_duplicates("file")
    np.testing.assert_allclose(told.heads[columns], face_to_head(rows[columns].to_numpy()))


def test_by_angles_pointing04_is_matched_by_chance(tmp_path, run_script, clean):
    """Every pose is there once for each series of each person."""
    data = make_pointing04(tmp_path / "data", poses=POSES)
    ours = clean("clean_pointing04.py", data, "ours")
    fewer = shutil.copytree(data, tmp_path / "fewer")
    shutil.rmtree(fewer / "Person01")
    theirs = clean("clean_pointing04.py", fewer, "theirs")
    told = {}
    for name, more in (("box", []), ("angles", ["--by-angles"])):
        done = run_script(SCRIPT, ours, theirs, tmp_path / name, *more)
        assert done.status == 0, done.err
        told[name] = counts(done.out)
    for name in told:
        assert told[name]["matched"] == told[name]["heads of the second"] == 30
        assert told[name]["only in the reference"] == 10
    by_angles = told["angles"]
    assert by_angles["matched by chance, of several heads with these angles"] == 30
    assert by_angles["pairs of angles that several heads have"] == len(POSES)
    assert by_angles["matched, but of different pictures"] > 0


def test_interrupted_and_started_again_gives_the_same_files(
    tmp_path, run_script, clean, aflw, monkeypatch
):
    ours = clean("clean_aflw.py", aflw, "ours")
    assert run_script(SCRIPT, ours, ours, tmp_path / "whole").status == 0
    copy, calls = shutil.copyfile, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return copy(*arguments)

    monkeypatch.setattr(shutil, "copyfile", interrupted)
    command = [SCRIPT, ours, ours, tmp_path / "both"]
    assert run_script(*command).status == 130
    assert not (tmp_path / "both" / "summary.json").exists()
    monkeypatch.setattr(shutil, "copyfile", copy)
    assert run_script(*command).status == 0
    assert contents(tmp_path / "both") == contents(tmp_path / "whole")


def test_results_stay_until_overwrite_is_said(tmp_path, run_script, clean, aflw):
    ours = clean("clean_aflw.py", aflw, "ours")
    fewer = clean("clean_aflw.py", aflw, "fewer", "--limit", 10)
    command = [SCRIPT, ours, ours, tmp_path / "both"]
    assert run_script(*command).status == 0
    before = contents(tmp_path / "both")
    other = [SCRIPT, ours, fewer, tmp_path / "both"]
    again = run_script(*other)
    assert again.status == 2
    assert "has results; use --overwrite" in again.err
    assert contents(tmp_path / "both") == before
    assert run_script(*other, "--overwrite").status == 0
    assert len(read_crops(tmp_path / "both")) == len(read_crops(fewer)) < len(read_crops(ours))


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["{ours}"], 2, "required"),
        (["{ours}", "gone", "both"], 1, "gone: no such folder"),
        (["{ours}", "{ours}", "{ours}"], 2, "is one of the data sets; choose another folder"),
        (["{ours}", "{ours}", "both", "--iou", "2"], 2, "from 0.01 to 1"),
        (["{ours}", "{other}", "both", "--by-angles", "--iou", "0.3"], 2, "--iou is of boxes"),
        (["{ours}", "{other}", "both"], 1, "have no head in common by picture and box"),
        (["{ours}", "{other}", "both", "--by-angles"], 1, "have no head in common by angles"),
        (["{ours}", "{bare}", "both"], 1, "match with --by-angles"),
        (["{ours}", "{ours}", "{text}"], 1, "cannot write to folder"),
        (["{ours}", "{cut}", "both"], 1, "no validation.csv in it"),
        (["{ours}", "{torn}", "both"], 1, "summary.json: damaged"),
    ],
)
def test_errors_are_one_line(
    tmp_path, run_script, clean, aflw, monkeypatch, arguments, status, told
):
    ours = clean("clean_aflw.py", aflw, "ours")
    others = [(f"{i}.jpg", (10, 10, 40, 40), np.full(3, 2 + i / 100)) for i in range(9)]
    other = clean("clean_aflw.py", make_aflw(tmp_path / "data", others), "other")
    bare, cut, torn = (shutil.copytree(ours, tmp_path / n) for n in ("bare", "cut", "torn"))
    for part in PARTS:
        table = pd.read_csv(bare / f"{part}.csv")
        table[["file", "tilt", "pan"]].to_csv(bare / f"{part}.csv", index=False)
    (cut / "validation.csv").unlink()
    (torn / "summary.json").write_text("{")
    text = tmp_path / "text"
    text.write_text("a file")
    monkeypatch.chdir(tmp_path)
    known = dict(ours=ours, other=other, bare=bare, cut=cut, torn=torn, text=text)
    done = run_script(SCRIPT, *[a.format(**known) for a in arguments])
    assert done.status == status
    assert told in done.err
    assert len([line for line in done.err.splitlines() if "error:" in line]) == 1
    assert not (tmp_path / "both").exists()


def test_crops_outside_of_the_folder_are_not_taken(tmp_path, clean, aflw):
    table = matching.read_clean_table(clean("clean_aflw.py", aflw, "ours"))
    table.rows["file"] = table.heads["file"] = "../" + table.rows["file"]
    matches = matching.match_by_angles(table, table)
    with pytest.raises(HeadposeError, match="is not in its folder crops"):
        matching.write_matched(table, table, matches, CleanFolder(tmp_path / "both"), False)


def test_faces_are_cropped_as_deepgaze_s_detector_finds_them(tmp_path, run_script, portrait):
    folder = tmp_path / "aflw"
    names = [f"{i}.jpg" for i in range(5)]
    (folder / "data" / "flickr").mkdir(parents=True)
    for name in names:
        shutil.copy(portrait, folder / "data" / "flickr" / name)
    face = (165, 105, 345, 310)  # by eye, brows to chin
    write_mat(folder / MAT, [(n, face, np.full(3, i / 9)) for i, n in enumerate(names)])
    options = ["--output", tmp_path / "clean", "--splits-tilt", 1, "--splits-pan", 1]
    done = run_script("comparison/clean_aflw.py", folder, *options)
    assert done.status == 0, done.err
    crops = read_crops(tmp_path / "clean")
    assert crops.crops.shape == (5, 64, 64, 3)
    ((boxes, _),) = ViolaJones.as_deepgaze().detect([read_image(portrait)])
    assert len(boxes) == 1  # several passes find it; they are merged
    expected = np.tile(np.round(boxes, 2), (5, 1))
    np.testing.assert_allclose(crops.table[["xmin", "ymin", "xmax", "ymax"]], expected, atol=0.01)
    options = json.loads((tmp_path / "clean" / "summary.json").read_text())["options"]
    assert (options["detector"], options["boxes"]) == ("viola-jones-deepgaze", "faces")
    grey = run_script(
        "comparison/clean_aflw.py", folder, *LABELLED, "--no-colour", "--output", tmp_path / "grey"
    )
    assert grey.status == 0, grey.err
    assert read_crops(tmp_path / "grey").crops.shape == (5, 16, 16)


def test_deepgaze_s_detector_takes_no_face_below_64_pixels(portrait):
    import cv2

    small = cv2.resize(read_image(portrait), None, fx=0.25, fy=0.25)  # the face: 50 pixels
    assert len(ViolaJones(size=None).detect([small])[0][0]) == 1
    assert len(ViolaJones.as_deepgaze().detect([small])[0][0]) == 0


def test_both_data_sets_go_into_one_folder_in_colour(tmp_path, run_script, aflw):
    pointing04 = make_pointing04(tmp_path / "p", persons=(1, 3), poses=POSES)
    for script, sources, heads in (
        ("comparison/clean_all.py", [aflw, pointing04], 50),
        ("comparison/clean_pointing04.py", [pointing04], 20),
    ):
        output = tmp_path / str(heads)
        done = run_script(script, *sources, *LABELLED, "--output", output)
        assert done.status == 0, done.err
        assert read_crops(output).crops.shape == (heads, 16, 16, 3)
        assert json.loads((output / "summary.json").read_text())["options"]["boxes"] == "faces"


def test_a_crop_for_which_the_disk_has_no_room_is_told(
    tmp_path, run_script, clean, aflw, monkeypatch
):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    ours = clean("clean_aflw.py", aflw, "ours")
    monkeypatch.setattr(matching.shutil, "copyfile", full)
    done = run_script(SCRIPT, ours, ours, tmp_path / "both")
    wanted = f"cannot write {tmp_path / 'both' / 'crops'}"
    assert (done.status, wanted in done.err) == (1, True)
    assert "no space left on device; make room" in done.err


def test_helen_cleaned_by_two_detectors_is_matched(tmp_path, shared_data, run_script):
    """As the published comparison: a detector's heads, and those of the cascades among them."""
    yunet = shared_data.parent / "peers" / "yunet_n_640_640.onnx"
    if not yunet.is_file():
        pytest.skip("the published face detector (../shared/peers) is not on this machine")
    helen = shared_data / "helen"
    few = ["--limit", 24, "--splits-tilt", 2, "--splits-pan", 2]
    for script, name, more in (
        ("clean_aflw.py", "ours", ["--detector", yunet]),
        ("comparison/clean_aflw.py", "cascades", []),
    ):
        done = run_script(script, helen, *few, *more, "--output", tmp_path / name)
        assert done.status == 0, done.err
    done = run_script(SCRIPT, tmp_path / "ours", tmp_path / "cascades", tmp_path / "both")
    assert done.status == 0, done.err
    told = counts(done.out)
    first, second, both = (len(read_crops(tmp_path / n)) for n in ("ours", "cascades", "both"))
    assert told["matched"] == both >= 0.9 * second > 10
    assert told["only in the reference"] == first - both
    assert told["only in the second"] == second - both
