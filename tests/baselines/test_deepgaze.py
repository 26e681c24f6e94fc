import keras
import numpy as np
import pytest
from tf1_checkpoints import ANGLES, random_weights, write_checkpoint, write_deepgaze

from headpose.baselines import deepgaze
from headpose.baselines.deepgaze_files import find_checkpoints
from headpose.baselines.heads import FACE, CropRecipe
from headpose.baselines.predictors import load_all
from headpose.baselines.weight_files import look_at
from headpose.convert.tf_checkpoints import Checkpoint
from headpose.errors import HeadposeError
from headpose.geometry.crops import resize
from headpose.pose.estimator import PoseEstimator

SEED = 5
SCALE = {"pitch": 45, "yaw": 100, "roll": -25}  # our roll is clockwise, AFLW's is not


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Untrained networks in V1's format."""
    return write_deepgaze(tmp_path_factory.mktemp("untrained"), SEED)


@pytest.fixture(scope="module")
def model(folder):
    return deepgaze.load_deepgaze(folder)


@pytest.fixture(scope="module")
def crops():
    return np.random.default_rng(1).integers(0, 256, (2, 64, 64, 3), np.uint8)


def by_numpy(crops: np.ndarray, angle: str) -> np.ndarray:
    """deepgaze's network of one angle, written out, float64: degrees (N,)."""
    w = random_weights(angle, SEED)
    x = crops.astype(np.float64) - 127
    for layer in ("conv1", "conv2", "conv3"):
        padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        kernel = w[f"{layer}_{angle}_w"].astype(np.float64)
        x = np.einsum("nyxcij,ijcf->nyxf", windows, kernel, optimize=True)
        x = np.tanh(x + w[f"{layer}_{angle}_b"])
        n, height, width, channels = x.shape
        x = x.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))
        around = np.pad(x**2, [(0, 0)] * 3 + [(4, 4)])
        sums = sum(around[..., i : i + channels] for i in range(9))
        x = x / (1 + 0.001 / 9 * sums) ** 0.75
    x = x.reshape(len(x), -1)
    for layer in ("dense1", "out"):
        x = np.tanh(x @ w[f"{layer}_{angle}_w"].astype(np.float64) + w[f"{layer}_{angle}_b"])
    return x[:, 0] * SCALE[angle]


def told(model, crops: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(crops.astype(np.float32)))


def test_the_model_gives_what_the_network_computes(model, crops):
    expected = np.stack([by_numpy(crops, angle) for angle in ANGLES], axis=1)
    # Not a check of zeros: the angles differ from crop to crop.
    assert (np.ptp(expected, axis=0) > 0.1).all()
    np.testing.assert_allclose(told(model, crops), expected, atol=1e-3)


@pytest.mark.usefixtures("full_precision")
def test_it_is_a_pose_estimator_of_colour_crops_that_a_file_keeps(tmp_path, model, crops):
    from headpose.models.keras_files import save_model

    save_model(model, tmp_path / "deepgaze.keras")
    estimator = PoseEstimator.load(tmp_path / "deepgaze.keras")
    assert estimator.crop_options == {"size": 64, "side": "short", "margin": 1.0, "grey": False}
    assert deepgaze.is_deepgaze(estimator.model)
    expected = np.stack([by_numpy(crops, angle) for angle in ANGLES], axis=1)
    np.testing.assert_allclose(estimator.estimate_all(crops), expected, atol=1e-3)


def test_its_checkpoints_are_verified(folder):
    found = look_at(str(folder))
    assert found.runs, found.lines
    assert sum(line.endswith(" bytes") for line in found.lines) == 3
    assert found.lines[3].startswith("deepgaze's networks, ")
    assert "roll" in found.lines[4].partition(";")[0]


@pytest.mark.parametrize("channels", [1, 5, 64])
def test_local_response_normalization_counts_channels_beyond_the_ends_as_0(channels):
    x = np.random.default_rng(channels).normal(0, 3, (2, 3, 3, channels)).astype(np.float32)
    layer = deepgaze.LocalResponseNormalization(depth_radius=2, bias=0.5, alpha=0.2, beta=0.6)
    expected = np.empty_like(x)
    for c in range(channels):
        near = x[..., max(c - 2, 0) : c + 3]
        expected[..., c] = x[..., c] / (0.5 + 0.2 * (near**2).sum(axis=-1)) ** 0.6
    np.testing.assert_allclose(told(layer, x), expected, rtol=1e-5)
    assert layer.compute_output_shape((2, 3, 3, channels)) == (2, 3, 3, channels)
    again = deepgaze.LocalResponseNormalization.from_config(layer.get_config())
    np.testing.assert_allclose(told(again, x), expected, rtol=1e-5)


def test_larger_crops_are_shrunk_by_averaging_as_deepgaze_does():
    crop = np.random.default_rng(2).integers(0, 256, (128, 128, 3), np.uint8)
    blocks = crop.reshape(64, 2, 64, 2, 3).astype(float).mean(axis=(1, 3))
    assert np.abs(resize(crop, (64, 64)) - blocks).max() <= 0.5


def test_older_names_and_v2_give_the_same_model(tmp_path, model, crops):
    names = {"pitch": "tilt", "yaw": "pan"}
    write_deepgaze(tmp_path, SEED, names=names, version=2)
    (tmp_path / "tilt" / "cnn_cccdd_30k.tf.meta").write_text("what TensorFlow writes beside it")
    found = find_checkpoints(tmp_path)
    assert found["yaw"] == tmp_path / "pan" / "cnn_cccdd_30k.tf"
    assert not found["yaw"].exists()  # it is the prefix of two files
    again = deepgaze.load_deepgaze(tmp_path)
    np.testing.assert_array_equal(told(again, crops), told(model, crops))


def test_without_roll_there_are_tilt_and_pan(tmp_path, folder, model, crops):
    for angle in ("pitch", "yaw"):
        (tmp_path / angle).symlink_to(folder / angle)
    again = deepgaze.load_deepgaze(tmp_path)
    np.testing.assert_array_equal(told(again, crops), told(model, crops)[:, :2])


def small(change: dict) -> dict:
    """The yaw network's variables with some replaced; None takes one away."""
    variables = random_weights("yaw") | change
    return {name: values for name, values in variables.items() if values is not None}


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (small({"out_yaw_b": None}), "not deepgaze's yaw network: no out_yaw_b$"),
        (
            small({"conv1_yaw_w": np.zeros((5, 5, 3, 64), np.float32)}),
            "not deepgaze's yaw network: conv1_yaw_w is 5x5x3x64, not 3x3x3x64$",
        ),
        (random_weights("pitch"), "no conv1_yaw_w, .* and 6 more; it has conv1_pitch_b, "),
        ({"step": np.float32(3)}, "it has step instead$"),
        (
            small({"out_yaw_b": np.full(1, np.nan, np.float32)}),
            "cnn.tf: out_yaw_b has values that are not finite numbers$",
        ),
    ],
)
def test_a_checkpoint_of_another_network_is_told_apart(tmp_path, variables, message):
    path = write_checkpoint(tmp_path / "cnn.tf", variables)
    with pytest.raises(HeadposeError, match=message):
        deepgaze.read_weights(path, "yaw")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no folder pitch or tilt"),
        ({"pitch/a.tf": ""}, "no folder yaw or pan"),
        ({"pitch/readme.txt": "", "yaw/a": ""}, "pitch: must hold one checkpoint, .* has nothing"),
        ({"pitch/a.tf": "", "yaw/a": "", "yaw/b": ""}, "yaw: must hold one checkpoint.* has a, b"),
    ],
)
def test_what_is_missing_or_unclear_in_the_folder_is_told(tmp_path, files, message):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(HeadposeError, match=message):
        find_checkpoints(tmp_path)


def test_a_damaged_checkpoint_is_told(tmp_path, folder):
    with pytest.raises(HeadposeError, match="no such checkpoint"):
        Checkpoint(tmp_path / "gone.tf")
    (tmp_path / "text.tf").write_text("no checkpoint" * 20)
    with pytest.raises(HeadposeError, match=r"text.tf: not a TensorFlow checkpoint \("):
        Checkpoint(tmp_path / "text.tf")
    whole = (folder / "yaw" / "cnn_cccdd_30k.tf").read_bytes()
    (tmp_path / "cut.tf").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(HeadposeError, match=r"cut.tf: (not a TensorFlow checkpoint|damaged)"):
        deepgaze.read_weights(tmp_path / "cut.tf", "yaw")
    damaged = bytearray(whole)
    damaged[len(whole) // 2 : len(whole) // 2 + 4000] = bytes(4000)
    (tmp_path / "damaged.tf").write_bytes(damaged)
    with pytest.raises(HeadposeError, match=r"damaged.tf: damaged, dense1_yaw_w cannot be read"):
        deepgaze.read_weights(tmp_path / "damaged.tf", "yaw")


def test_checkpoints_become_one_file(tmp_path, run_script, folder):
    output = tmp_path / "deepgaze.keras"
    done = run_script("comparison/deepgaze.py", folder, "--output", output)
    assert done.status == 0, done.err
    assert "tilt, pan, roll, 13,696,899 parameters" in done.out
    again = run_script("comparison/deepgaze.py", folder, "--output", output)
    assert again.status == 1
    assert "--overwrite" in again.err
    # A file is told from others by its layers, and cropped as deepgaze is.
    by_file, by_folder = load_all([str(output), f"deepgaze={folder}"])
    assert by_file.recipe == by_folder.recipe == CropRecipe(64, "short", 1.0, False, FACE)


def test_a_checkpoint_is_not_replaced_by_what_is_made_of_it(tmp_path, run_script, folder):
    for angle in ("pitch", "yaw"):
        (tmp_path / angle).mkdir()
        whole = (folder / angle / "cnn_cccdd_30k.tf").read_bytes()
        (tmp_path / angle / "cnn.keras").write_bytes(whole)
    output = tmp_path / "yaw" / "cnn.keras"
    done = run_script("comparison/deepgaze.py", tmp_path, "--output", output, "--overwrite")
    assert done.status == 1
    assert "cnn.keras is an input and would be lost; name another output" in done.err
    assert output.read_bytes() == whole


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
