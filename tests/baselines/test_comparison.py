"""Of comparison/test_on_dataset.py, comparison/deepgaze.py and what is behind them.

Heads are drawn so that the mean of each channel over the right crop tells an angle
exactly, and networks so that they read it: whatever is asked or read in a wrong way
shows in the error.
"""

import dataclasses
import json
import sys

import cv2
import numpy as np
import pandas as pd
import pytest
from onnx_files import write_linear
from pose_sets import MAT, write_mat
from tf1_checkpoints import write_deepgaze

from headpose.baselines import heads as ch
from headpose.baselines.conventions import check_conventions, check_outputs
from headpose.baselines.predictors import Case, Compared, ask, figures, load_all
from headpose.datasets.label_tables import Problems
from headpose.detection.viola_jones import face_to_head, head_to_face
from headpose.errors import HeadposeError
from headpose.geometry.crops import head_crops

HEADS, WIDTH, HEIGHT = 40, 160, 120
BOX = (60.0, 40.0, 90.0, 80.0)  # 30 x 40: FSA-Net's crop is 48 x 48 about its middle
CROP = (51, 36, 99, 84)
SCALE = 50  # degrees at the ends of a channel's range


def angle(level: np.ndarray) -> np.ndarray:
    return SCALE * (level - 127.5) / 128


@pytest.fixture(scope="module")
def levels():
    """Blue, green and red (N, 3) of the heads, which tell pan, tilt and roll."""
    return np.random.default_rng(0).integers(0, 256, (HEADS, 3))


@pytest.fixture(scope="module")
def truth(levels):
    """Tilt, pan, roll."""
    return angle(levels)[:, [1, 0, 2]]


def draw(folder, levels, square=CROP) -> list[str]:
    """Writes pictures whose colour in the square tells the angles, on another colour."""
    folder.mkdir(parents=True)
    others = np.random.default_rng(1).integers(0, 256, (HEADS, 3))
    names = []
    for i, (level, other) in enumerate(zip(levels, others, strict=True)):
        picture = np.full((HEIGHT, WIDTH, 3), other, np.uint8)
        picture[square[1] : square[3], square[0] : square[2]] = level
        names.append(f"image{i:05d}.png")
        assert cv2.imwrite(str(folder / names[-1]), picture)
    return names


def write_table(folder, levels, truth, square=CROP):
    names = draw(folder / "images", levels, square)
    rows = [[n, *BOX, *np.round(t, 4)] for n, t in zip(names, truth, strict=True)]
    columns = ["file", "xmin", "ymin", "xmax", "ymax", "tilt", "pan", "roll"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "labels.csv", index=False)
    return folder / "labels.csv"


def write_fsa(path, matrix=None):
    """A network in FSA-Net's form: yaw, pitch, roll from the means of B, G, R."""
    return write_linear(path, [SCALE * np.eye(3) if matrix is None else matrix], [np.zeros(3)])


@pytest.fixture(scope="module")
def table(tmp_path_factory, levels, truth):
    return write_table(tmp_path_factory.mktemp("table"), levels, truth)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return write_fsa(tmp_path_factory.mktemp("network") / "right.onnx")


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    return write_deepgaze(tmp_path_factory.mktemp("deepgaze") / "untrained")


@pytest.fixture(scope="module")
def clean(tmp_path_factory, levels, truth):
    """An AFLW folder with those heads, and a clean folder of its annotated boxes."""
    from pose_sets import start_script

    home = tmp_path_factory.mktemp("aflw")
    names = draw(home / "data" / "flickr", levels)
    pose = np.radians(truth[:, [2, 0, 1]] * [-1, 1, 1])  # AFLW: roll counter-clockwise
    write_mat(home / MAT, [(n, BOX, p) for n, p in zip(names, pose, strict=True)])
    options = ["--detector", "labelled", "--grow", 0, 0, 0, 0, "--size", 24, "--output", home / "c"]
    done = start_script("clean_aflw.py", home, *options, "--splits-tilt", 2, "--splits-pan", 2)
    assert done.returncode == 0, done.stderr
    # The boxes stand for whole heads here.
    summary = json.loads((home / "c" / "summary.json").read_text())
    summary["options"]["boxes"] = "heads"
    (home / "c" / "summary.json").write_text(json.dumps(summary))
    return home, home / "c"


SCRIPT = "comparison/test_on_dataset.py"


# --- the script -----------------------------------------------------------------------


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
    assert done.status == 0, done.err
    report = json.loads((tmp_path / "f.json").read_text())
    assert report["heads"] == HEADS - 2
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
    network = write_fsa(tmp_path / "a.onnx", None if matrix is None else SCALE * matrix)
    done = run_script(SCRIPT, table, "--estimator", f"fsa-net={network}", "--check-conventions")
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


def test_an_offset_is_told_and_not_taken_off(truth):
    offset = np.array([-5.0, 1.0, 0.0])
    check = check_outputs(truth + offset, truth)
    assert check.bias == pytest.approx({"tilt": -5, "pan": 1, "roll": 0})
    assert check.stated == pytest.approx({"tilt": 5, "pan": 1, "roll": 0}, abs=1e-9)
    assert check.unbiased == pytest.approx({"tilt": 0, "pan": 0, "roll": 0}, abs=1e-9)
    assert check.warnings == []


def test_estimates_without_roll_or_labels_without_it_are_checked_by_two_angles(truth):
    unknown = truth.copy()
    unknown[3, 2] = np.nan
    for predicted, labels in ((truth[:, :2] * [1, -1], truth), (truth * [1, -1, 1], unknown)):
        check = check_outputs(predicted, labels)
        assert set(check.stated) == {"tilt", "pan"}
        assert [a.what for a in check.alternatives if a.better] == ["turning the sign of pan"]


def test_chance_is_not_taken_for_a_convention():
    """Constant guesses come nearer by another sign, but follow the labels no better."""
    truth = np.random.default_rng(3).normal([10, 10, 0], 5, (200, 3))
    check = check_outputs(np.full((200, 3), [-10.0, 10, 0]), truth)
    assert check.alternatives[0].errors["tilt"] < check.stated["tilt"] - 5
    assert not any(a.better for a in check.alternatives)
    assert sum("hardly follows" in w for w in check.warnings) == 3


def test_few_heads_say_nothing():
    assert check_outputs(np.ones((5, 2)), -np.ones((5, 3))).warnings == [
        "5 heads are too few to check its conventions"
    ]


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


# --- its parts ------------------------------------------------------------------------


def test_crops_are_those_of_head_crops_mirrored_where_the_head_is(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 90, 120, 3), np.uint8)
    paths = []
    for i, picture in enumerate(pixels):
        paths.append(tmp_path / f"{i}.png")
        assert cv2.imwrite(str(paths[-1]), picture)
    boxes = np.float32([[10, 10, 40, 60], [20, 5, 70, 55], [-5, 30, 30, 80]])
    heads = ch.ComparedHeads(
        np.zeros((3, 3), np.float32),
        np.array([paths[0], paths[1], paths[0]], object),
        boxes,
        np.array([False, True, False]),
    )
    recipes = [
        ch.CropRecipe(16, "short", 1.0, True),
        ch.CropRecipe(20, "long", 1.2, False),
        ch.CropRecipe(24, "short", 1.0, False, ch.FACE),
    ]
    ((rows, crops),) = ch.cut_crops(heads, recipes, Problems())
    assert sorted(rows) == [0, 1, 2]
    for recipe, made in zip(recipes, crops, strict=True):
        for row, crop in zip(rows, made, strict=True):
            box = boxes[row : row + 1]
            box = head_to_face(box) if recipe.box == ch.FACE else box
            picture = pixels[paths.index(heads.pictures[row])]
            (expected,) = head_crops(
                picture, box, recipe.size, recipe.side, recipe.margin, recipe.grey
            )
            np.testing.assert_array_equal(crop[:, ::-1] if row == 1 else crop, expected)


def test_many_heads_come_a_few_at_a_time_and_back_in_order(table, network):
    heads, _ = ch.read_table_heads(str(table))
    chunks = [rows for rows, _ in ch.cut_crops(heads, [], Problems(), chunk=7)]
    assert [len(rows) for rows in chunks] == [7] * 5 + [5]
    # Heads of one picture that are no neighbours in the table.
    heads.pictures[:] = np.roll(np.repeat(heads.pictures[:2], 20), 7)
    (compared,) = load_all([f"fsa-net={network}"])
    told = ask(heads, [Case(compared.estimator, compared.recipe)], Problems())
    np.testing.assert_array_equal(told.rows, np.arange(HEADS))
    same = [heads.pictures[i] == heads.pictures[0] for i in range(HEADS)]
    np.testing.assert_array_equal(told.angles[0][:, 0] == told.angles[0][0, 0], same)


def test_faces_and_heads_are_turned_into_each_other():
    faces = np.float32([[10, 20, 30, 50]])
    # A head rises 16 % of the face's height above it.
    np.testing.assert_allclose(face_to_head(faces), [[10, 15.2, 30, 50]])
    np.testing.assert_allclose(head_to_face(face_to_head(faces)), faces, rtol=1e-6)


def test_face_boxes_of_a_clean_folder_become_heads(clean, tmp_path):
    home, folder = clean
    heads, _ = ch.read_clean_heads(folder, None, [home])
    summary = json.loads((folder / "summary.json").read_text())
    (tmp_path / "faces").symlink_to(folder)
    (tmp_path / "c").mkdir()
    for name in ("labels.csv", "crops"):
        (tmp_path / "c" / name).symlink_to(folder / name)
    summary["options"]["boxes"] = "faces"
    (tmp_path / "c" / "summary.json").write_text(json.dumps(summary))
    grown, _ = ch.read_clean_heads(tmp_path / "c", None, [home])
    np.testing.assert_allclose(grown.boxes, face_to_head(heads.boxes))


def test_figures_are_means_medians_and_percentiles(truth):
    errors = np.linspace(0, 10, len(truth))
    predicted = truth[:, :2] + errors[:, None] * [1, -3]
    told = figures(predicted, truth)
    assert told["errors"]["all"]["tilt"] == pytest.approx(5)
    assert told["errors"]["all"]["pan"] == pytest.approx(15)
    assert told["median"] == pytest.approx(10)
    assert told["90th percentile"] == pytest.approx(18)


def test_estimators_of_one_name_are_told_apart_by_their_files(tmp_path, network):
    other = write_fsa(tmp_path / "other.onnx", -SCALE * np.eye(3))
    names = [f"fsa-net={network}", f"fsa-net={other}"]
    assert [c.name for c in load_all(names)] == names


def test_the_check_needs_no_pictures(clean, network):
    """Signs, order and channels can be checked on crops that are cut already."""
    _, folder = clean
    heads, _ = ch.read_clean_heads(folder, None)
    heads = dataclasses.replace(heads, crops=np.repeat(heads.crops[..., None], 3, axis=3))
    (compared,) = load_all([f"fsa-net={network}"])
    check = check_conventions(heads, compared, Problems())
    tried = [a.what for a in check.alternatives]
    assert "the other order of channels" in tried
    assert not any("margin" in what or "side" in what for what in tried)


def test_an_estimator_of_six_measures_is_measured_by_its_angles(table, truth):
    class Six:
        def estimate_all(self, crops):
            return np.tile(np.float32([1, 2, 3, 4, 5, 6]), (len(crops), 1))

    heads, _ = ch.read_table_heads(str(table))
    compared = Compared("six", Six(), ch.CropRecipe(16, "short", 1.0, True))
    told = ask(heads, [Case(compared.estimator, compared.recipe)], Problems())
    errors = figures(told.angles[0], heads.angles)["errors"]["all"]
    expected = np.abs(np.array([1, 2, 3]) - truth).mean(axis=0)
    assert [errors[a] for a in ("tilt", "pan", "roll")] == pytest.approx(expected, abs=1e-3)
    assert check_outputs(told.angles[0], heads.angles).heads == HEADS


# --- deepgaze's files -----------------------------------------------------------------


def test_checkpoints_become_one_file(tmp_path, run_script, untrained, table):
    output = tmp_path / "deepgaze.keras"
    done = run_script("comparison/deepgaze.py", untrained, "--output", output)
    assert done.status == 0, done.err
    assert "tilt, pan, roll, 13,696,899 parameters" in done.out
    again = run_script("comparison/deepgaze.py", untrained, "--output", output)
    assert again.status == 2
    assert "--overwrite" in again.err
    # A file is told from others by its layers, and cropped as deepgaze is.
    by_file, by_folder = load_all([str(output), f"deepgaze={untrained}"])
    assert by_file.recipe == by_folder.recipe == ch.CropRecipe(64, "short", 1.0, False, ch.FACE)


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["{tmp}/gone"], 1, "no such folder; put deepgaze's checkpoints there"),
        (["{tmp}"], 1, "no folder pitch or tilt"),
        (["{tmp}", "--output", "{tmp}/a.h5"], 2, "must end in .keras"),
    ],
)
def test_errors_of_converting_are_one_line(tmp_path, run_script, arguments, status, told):
    arguments = [a.format(tmp=tmp_path) for a in arguments]
    if "--output" not in arguments:
        arguments += ["--output", tmp_path / "out.keras"]
    done = run_script("comparison/deepgaze.py", *arguments)
    assert done.status == status
    assert told in done.err
    assert not list(tmp_path.glob("*.keras"))


# --- real pictures --------------------------------------------------------------------


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


def test_a_clean_folder_without_boxes_can_only_be_measured_by_its_crops(clean, tmp_path):
    home, folder = clean
    table = pd.read_csv(folder / "labels.csv")[["file", "tilt", "pan"]]
    table.to_csv(tmp_path / "labels.csv", index=False)
    (tmp_path / "crops").symlink_to(folder / "crops")
    assert len(ch.read_clean_heads(tmp_path)[0]) == HEADS
    with pytest.raises(HeadposeError, match="does not tell where its heads are"):
        ch.read_clean_heads(tmp_path, None, [home])


def test_the_script_runs_without_onnx_runtime(run_script, monkeypatch, table, network):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    done = run_script(SCRIPT, table, "--estimator", f"fsa-net={network}")
    assert done.status == 0, done.err
    assert "| fsa-net | 0.00 | 0.00 |" in done.out
