"""The converter by its command line, on files of the published detector's structure."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import synthetic_mat as sm

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = "convert_ssd_512.py"
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
# Loads converted detectors by nothing but their paths and saves what they make of pictures.
COMPUTE = """
import sys
import numpy as np
from headpose.models.keras_setup import set_up, compiled
set_up("cpu", "float32")
import headpose.models.keras_setup
import synthetic_mat
from headpose.detection import ssd
from headpose.detection.head_detector import HeadDetector
rgb = synthetic_mat.picture()
results = {}
models = {}
for column, path, picture in [
    ("A", sys.argv[1], rgb[..., ::-1]), ("B", sys.argv[2], rgb), ("C", sys.argv[2], rgb[..., ::-1])
]:
    if path not in models:
        found = HeadDetector.load(path)
        models[path] = found, compiled(ssd.raw_outputs(found.model))
    detector, raw = models[path]
    loc, conf = raw(picture[None])
    results[column + " loc"], results[column + " conf"] = loc[0], conf[0]
    # The known picture has fractions of grey levels, which pictures proper do not have.
    found = [answer[0] for answer in detector.call(picture[None])]
    boxes, scores = detector.select(*found, np.ones(2), 0)
    results[column + " boxes"], results[column + " scores"] = boxes, scores
    results[column + " confidence"] = detector.confidence
    results[column + " priors"] = ssd.priors(detector.model.get_layer("decode").levels, 512, 512)
    if column == "C":
        headpose.models.keras_setup.rewrite_to_bfloat16(True)
        half = detector.call(picture[None])
        headpose.models.keras_setup.rewrite_to_bfloat16(False)
        full = detector.call(picture[None])
        results["half boxes"], results["half scores"] = half[0][0], half[1][0]
        results["full boxes"], results["full scores"] = full[0][0], full[1][0]
np.savez(sys.argv[3], **results)
"""


def fresh(*arguments):
    """Runs Python in a process of its own."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": paths, "TF_CPP_MIN_LOG_LEVEL": "3"},
        timeout=600,
        check=False,
    )


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """Converts the fingerprint weights with both presets: path by preset, what was printed."""
    folder = tmp_path_factory.mktemp("converted")
    # Not compressed: packing takes longer than all else, and reading is the same to us.
    source = sm.write(folder / "head-detector.mat", sm.contents(sm.fingerprint()))
    paths = {preset: folder / preset / "detector.keras" for preset in ("original", "matconvnet")}
    with ThreadPoolExecutor() as side_by_side:
        runs = [
            side_by_side.submit(fresh, ROOT / SCRIPT, source, "-o", path, *options)
            for path, options in zip(paths.values(), ([], ["--preset", "matconvnet"]), strict=True)
        ]
    printed = dict(zip(paths, (run.result() for run in runs), strict=True))
    for done in printed.values():
        assert done.returncode == 0, done.stderr
    source.unlink()
    return paths, printed


@pytest.fixture(scope="module")
def outputs(converted, tmp_path_factory):
    """Computes the three columns of the fingerprint in a fresh process."""
    paths, _ = converted
    file = tmp_path_factory.mktemp("outputs") / "outputs.npz"
    done = fresh("-c", COMPUTE, paths["matconvnet"], paths["original"], file)
    assert done.returncode == 0, done.stderr
    with np.load(file) as arrays:
        return dict(arrays)


def confidence(conf):
    """Returns the softmax's second channel in float64."""
    return 1 / (1 + np.exp(conf[:, 0].astype(np.float64) - conf[:, 1]))


# Known from two independent implementations of the network.
# A: as the network was trained. B: RGB where BGR is expected. C: as the published demos.
FINGERPRINT = {
    "A": {
        "confidence": 2336.284,
        "loc": 27448.33,
        "single": (0.018312, 0.214931, 0.107239, 0.052072, 0.018703, 0.049219),
        "first": (0.26576, -0.37078, -0.26287, 0.20738),
        "best": (0.94926, (309.841, 290.179, 422.374, 463.096)),
        "second": (0.90318, (295.459, 92.080, 413.180, 142.201)),
        "above half": 158,
    },
    "B": {
        "confidence": 2231.587,
        "loc": 26382.74,
        "single": (0.034717, 0.135060, 0.050258, 0.041977, 0.013998, 0.046502),
        "first": (0.22616, -0.45043, -0.16425, 0.13558),
        "best": (0.86763, (300.746, 227.798, 431.636, 450.861)),
        "second": (0.86303, (166.028, 222.231, 347.556, 297.023)),
        "above half": 84,
    },
    "C": {
        "confidence": 2210.869,
        "loc": 26358.18,
        "single": (0.020391, 0.210226, 0.118833, 0.050765, 0.016821, 0.048843),
        "first": (0.29101, -0.36062, -0.27575, 0.23142),
        "best": (0.92178, (296.774, 266.535, 429.805, 477.726)),
        "second": (0.87345, (261.697, 78.981, 443.819, 152.882)),
        "above half": 64,
    },
}
PRIORS_SAMPLED = [0, 1, 5000, 16384, 22528, 24563]


@pytest.mark.parametrize("column", FINGERPRINT)
def test_the_converted_network_computes_what_is_known(outputs, column):
    known = FINGERPRINT[column]
    loc, conf = outputs[f"{column} loc"], outputs[f"{column} conf"]
    scores = confidence(conf)
    assert loc.shape == (24564, 4) and conf.shape == (24564, 2)
    assert scores.sum() == pytest.approx(known["confidence"], rel=1e-5)
    assert np.abs(loc.astype(np.float64)).sum() == pytest.approx(known["loc"], rel=1e-5)
    assert scores[PRIORS_SAMPLED] == pytest.approx(known["single"], abs=1e-4)
    assert loc[0] == pytest.approx(known["first"], abs=1e-4)


@pytest.mark.parametrize("column", FINGERPRINT)
def test_the_converted_detector_finds_what_is_known(outputs, column):
    known = FINGERPRINT[column]
    boxes, scores = outputs[f"{column} boxes"], outputs[f"{column} scores"]
    for row, name in enumerate(("best", "second")):
        score, box = known[name]
        assert scores[row] == pytest.approx(score, abs=1e-4)
        assert boxes[row] == pytest.approx(box, abs=0.05)
    assert np.count_nonzero(scores > 0.5) == known["above half"]
    assert len(boxes) <= 200
    assert outputs[f"{column} confidence"] == 0.2


def test_a_converted_file_brings_its_preset_s_priors(outputs):
    first = {"A": (0.07, 0.07), "C": (0.1, 0.1)}
    last = {"A": (1.272792206, 0.636396103), "C": (1.232386104, 0.616193052)}
    sums = {"A": 3146.1416969509705, "C": 4348.674328228794}
    for column in first:
        boxes = outputs[f"{column} priors"].astype(np.float64) / 512
        assert boxes[0, 2:] == pytest.approx(first[column])
        assert boxes[24562, 2:] == pytest.approx(last[column])
        assert boxes.sum(axis=0) == pytest.approx([12282, 12282, *[sums[column]] * 2], rel=1e-7)


def test_bfloat16_stays_close(outputs):
    # Measured with these weights: scores at most 0.015 apart (0.0008 on average), boxes that
    # score above 0.2 at most 0.7 px of 512 apart (half of them under 0.04 px). A processor
    # without bfloat16 may leave the graph in float32, which is no difference at all.
    scores = np.abs(outputs["half scores"] - outputs["full scores"])
    assert scores.max() < 0.03 and scores.mean() < 0.002
    heads = outputs["full scores"] > 0.2
    boxes = np.abs(outputs["half boxes"] - outputs["full boxes"])[heads]
    assert boxes.max() < 2 and np.median(boxes) < 0.1


def test_what_was_assigned_is_printed(converted):
    paths, printed = converted
    lines = printed["original"].stdout.splitlines()
    net = sm.Net()
    for (name, index, shape), line in zip(net.params, sorted_by_index(lines[:79]), strict=True):
        layer, part, size, place, parameter = line.split()
        assert (layer, part) == net.place[name]
        assert np.prod([int(n) for n in size.split("x")]) == np.prod(shape)
        assert (place, parameter) == (f"vars{{{index}}}", name)
    assert lines[79].startswith("priors: preset original; the network was trained with matconvnet")
    assert "minSize 35.84, not 51.2" in lines[79]
    assert lines[80].startswith(f"detector: {paths['original']} (24,386,328 parameters")
    assert len(lines) == 81
    last = printed["matconvnet"].stdout.splitlines()[79]
    assert last == "priors: preset matconvnet, with which the network was trained"


def sorted_by_index(lines):
    return sorted(lines, key=lambda line: int(line.partition("{")[2].partition("}")[0]))


def test_another_file_than_the_published_one_is_a_warning(converted):
    for printed in converted[1].values():
        (line,) = (line for line in printed.stderr.splitlines() if "warning" in line)
        assert line.startswith(f"{SCRIPT}: warning: ")
        assert "not the published head-detector.mat: size" in line
        assert line.endswith("not 90,941,165")


def test_other_weights_of_the_same_structure_convert(run_script, tmp_path, monkeypatch):
    # Such as upper-body-detector.mat, here with priors of its own and no names.
    import keras

    from headpose.cli import convert

    monkeypatch.setattr(convert, "HOME", tmp_path)
    weights = sm.zeros()
    weights["conv10_2_biases"] += 3
    variables = sm.contents(weights)
    for record in variables["params"].reshape(-1):
        record["name"] = ""
    for record in variables["forward"].reshape(-1):
        if record["name"] == "relu7_priorbox":
            place = [str(value) for value in record["args"][0]].index("minSize")
            record["args"][0, place + 1] = 99.0
    path = sm.write(tmp_path / "upper-body-detector.mat", variables, compressed=True)
    table, second = ROOT / "models" / "layers.csv", tmp_path / "x.weights.h5"
    ran = run_script(SCRIPT, path, "--layers", table, "--weights", second)
    assert ran.status == 0, ran.err
    output = tmp_path / "models" / "upper-body-detector-ssd512.keras"
    assert f"detector: {output} (" in ran.out
    assert f"weights: {second}" in ran.out
    assert "79 parameters were placed by the table alone" in ran.err
    assert (
        "trained with priors of neither preset; from matconvnet differ: relu7_priorbox" in ran.err
    )
    assert "minSize 99, not 76.8" in ran.err
    model = keras.saving.load_model(output)
    assert model.get_layer("conv10_2").get_weights()[1].tolist() == [3.0] * 256
    model.get_layer("conv10_2").weights[1].assign(np.zeros(256))
    model.load_weights(second)
    assert model.get_layer("conv10_2").get_weights()[1].tolist() == [3.0] * 256


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["--help"], 0), (["a.mat", "-o", "a.h5"], 2), (["a.mat", "--weights", "a.h5"], 2), ([], 2)],
)
def test_help_and_bad_arguments_answer_before_keras_is_imported(arguments, status):
    code = (
        "import runpy, sys\n"
        "try:\n"
        f"    runpy.run_path({str(ROOT / SCRIPT)!r}, run_name='__main__')\n"
        "finally:\n"
        "    heavy = {'tensorflow', 'keras', 'scipy', 'h5py'} & set(sys.modules)\n"
        "    print('imported:', sorted(heavy))\n"
    )
    done = fresh("-c", code, *arguments)
    assert done.returncode == status, done.stderr
    assert done.stdout.splitlines()[-1] == "imported: []"
    assert "usage: " in done.stdout + done.stderr
