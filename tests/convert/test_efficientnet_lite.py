"""EfficientNet-Lite0's weights from PyTorch: the same answers in Keras."""

import sys

import keras
import numpy as np
import pytest

from headpose.cli.main import main
from headpose.convert.efficientnet_lite import trunk_with_weights
from headpose.convert.torch_files import read_tensors
from headpose.errors import HeadposeError
from headpose.models.efficientnet_lite import EPSILON, STAGES

GREY = np.array([1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def tensors() -> dict[str, np.ndarray]:
    """Random tensors with the names and shapes of the published file."""
    rng = np.random.default_rng(3)
    told: dict[str, np.ndarray] = {}

    def convolution(name: str, *shape: int) -> None:
        told[f"{name}.weight"] = rng.normal(0, shape[1:] and 1 / np.prod(shape[1:]) ** 0.5, shape)

    def normalization(name: str, filters: int) -> None:
        told[f"{name}.weight"] = rng.uniform(0.5, 2, filters)
        told[f"{name}.bias"] = rng.normal(0, 0.5, filters)
        told[f"{name}.running_mean"] = rng.normal(0, 0.2, filters)
        told[f"{name}.running_var"] = rng.uniform(0.5, 2, filters)

    convolution("_conv_stem", 32, 3, 3, 3)
    normalization("_bn0", 32)
    filters, number = 32, 0
    for kernel, _, expansion, wanted, blocks in STAGES:
        for _ in range(blocks):
            name, wide = f"_blocks.{number}", filters * expansion
            if expansion > 1:
                convolution(f"{name}._expand_conv", wide, filters, 1, 1)
                normalization(f"{name}._bn0", wide)
            convolution(f"{name}._depthwise_conv", wide, 1, kernel, kernel)
            normalization(f"{name}._bn1", wide)
            convolution(f"{name}._project_conv", wanted, wide, 1, 1)
            normalization(f"{name}._bn2", wanted)
            filters, number = wanted, number + 1
    return {name: array.astype(np.float32) for name, array in told.items()}


def independent(tensors: dict[str, np.ndarray], pixels: np.ndarray) -> np.ndarray:
    """Runs the network (H, W, 3) by sums over shifted pictures, without any framework."""

    def convolve(x, kernel, stride, depthwise):
        size = kernel.shape[-1]
        rows = -(-x.shape[0] // stride)
        # As TensorFlow pads "same": the odd pixel comes last.
        total = max((rows - 1) * stride + size - x.shape[0], 0)
        before = total // 2
        x = np.pad(x, ((before, total - before),) * 2 + ((0, 0),))
        result = 0.0
        for i in range(size):
            for j in range(size):
                part = x[i : i + rows * stride : stride, j : j + rows * stride : stride][:rows]
                part = part[:, :rows]
                taps = kernel[:, 0, i, j] if depthwise else kernel[:, :, i, j].T
                result = result + (part * taps if depthwise else part @ taps)
        return result

    def unit(x, conv, norm, stride=1, depthwise=False, activation=True):
        x = convolve(x, tensors[f"{conv}.weight"].astype(np.float64), stride, depthwise)
        variance = tensors[f"{norm}.running_var"] + EPSILON
        x = (x - tensors[f"{norm}.running_mean"]) / np.sqrt(variance)
        x = x * tensors[f"{norm}.weight"] + tensors[f"{norm}.bias"]
        return np.clip(x, 0, 6) if activation else x

    x, number = unit(pixels, "_conv_stem", "_bn0", 2), 0
    for _, stride, expansion, _, blocks in STAGES:
        for i in range(blocks):
            name, y = f"_blocks.{number}", x
            if expansion > 1:
                y = unit(y, f"{name}._expand_conv", f"{name}._bn0")
            step = 1 if i else stride
            y = unit(y, f"{name}._depthwise_conv", f"{name}._bn1", step, depthwise=True)
            y = unit(y, f"{name}._project_conv", f"{name}._bn2", activation=False)
            x = y + x if y.shape == x.shape else y
            number += 1
    return x


@pytest.mark.parametrize("grey", [False, True])
def test_the_trunk_answers_as_the_published_network(tensors, grey):
    rng = np.random.default_rng(5)
    rgb = rng.normal(0, 1, (64, 64, 1)) * GREY if grey else rng.normal(0, 1, (64, 64, 3))
    seen = rgb[..., :1] if grey else rgb[..., ::-1]
    told = trunk_with_weights(tensors, grey)(seen[None].astype(np.float32))
    told = keras.ops.convert_to_numpy(told)[0]
    np.testing.assert_allclose(told, independent(tensors, rgb), rtol=1e-3, atol=2e-3)


def test_other_tensors_are_refused(tensors):
    rest = {name: array for name, array in tensors.items() if "_blocks.7._bn1" not in name}
    with pytest.raises(HeadposeError, match=r"no tensor _blocks\.7\._bn1\.weight"):
        trunk_with_weights(rest)
    other = tensors | {"_conv_stem.weight": np.zeros((16, 3, 3, 3), np.float32)}
    with pytest.raises(HeadposeError, match=r"stem_conv has weights of .*EfficientNet-Lite0"):
        trunk_with_weights(other)


def test_without_pytorch_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(HeadposeError, match="pip install torch"):
        read_tensors(tmp_path / "a.pth")


def test_the_command_writes_a_trunk_to_start_from(tensors, tmp_path, monkeypatch, capsys):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    path, output = tmp_path / "lite0.pth", tmp_path / "trunk.keras"
    torch.save({name: torch.from_numpy(array) for name, array in tensors.items()}, path)
    monkeypatch.setattr(
        sys, "argv", ["headpose", "convert-efficientnet", str(path), "--output", str(output)]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert "2,998,304 parameters" in capsys.readouterr().out
    assert output.is_file()


def test_a_file_that_is_none_is_told_in_one_line(tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    path = tmp_path / "text.pth"
    path.write_text("nothing")
    with pytest.raises(HeadposeError, match="not a PyTorch file of tensors"):
        read_tensors(path)


def squeezed(tensors):
    return {"_blocks.0._se_reduce.weight": np.ones((8, 32, 1, 1), np.float32)}


def longer(tensors):
    return {"_blocks.16._project_conv.weight": np.ones((8, 32, 1, 1), np.float32)}


def with_values(name, value, kind=np.float32):
    return lambda tensors: {name: np.full_like(tensors[name], value, kind)}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (squeezed, "_blocks.0._se_reduce.weight is no tensor of EfficientNet-Lite0"),  # B0's
        (longer, "_blocks.16._project_conv.weight is no tensor of EfficientNet-Lite0"),
        (with_values("_bn0.bias", np.nan), "_bn0.bias: has values that are not finite"),
        (with_values("_conv_stem.weight", np.inf), "_conv_stem.weight: has values that are not"),
        (with_values("_bn0.bias", 1j, complex), "_bn0.bias: holds complex128"),
        (with_values("_bn0.bias", 1, int), "_bn0.bias: holds int64"),
        (
            lambda tensors: {"_conv_stem.weight": np.ones((), np.float32)},
            "_conv_stem.weight has 0 axes, not 4",
        ),
    ],
)
def test_weights_that_make_another_network_are_refused(tensors, change, told):
    with pytest.raises(HeadposeError, match=told):
        trunk_with_weights(tensors | change(tensors))


def test_what_a_trunk_does_without_may_be_there(tensors):
    more = ("_conv_head.weight", "_bn1.bias", "_fc.weight", "_blocks.0._bn1.num_batches_tracked")
    trunk_with_weights(tensors | {name: np.ones(3, np.float32) for name in more})
