import numpy as np
import pytest
import synthetic_mat as sm

from headpose.convert.matconvnet_fields import check_meta, prior_arguments, prior_differences
from headpose.errors import HeadposeError

STEPS = (8, 16, 32, 64, 128, 256, 512)
RATIOS = ((2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,))
ORIGINAL_SCALES = tuple(np.linspace(0.1, 1, 8))


def meta(**changes):
    normalization = {"imageSize": np.array([[512.0, 512]])} | changes.pop("normalization", {})
    values = {"normalization": sm.structs({k: [v] for k, v in normalization.items()})}
    return sm.structs({k: [v] for k, v in (values | {"backgroundClass": 1.0} | changes).items()})


def test_meta_is_checked():
    mean = np.array([122.771, 115.9465, 102.9801]).reshape(1, 1, 3)
    assert check_meta(meta(normalization={"averageImage": mean})) == []
    (remark,) = check_meta(meta(normalization={"averageImage": mean[..., ::-1]}))
    assert "averageImage is 103.0, 115.9, 122.8" in remark
    with pytest.raises(HeadposeError, match=r"imageSize is 300x300.*SSD300"):
        check_meta(meta(normalization={"imageSize": np.array([[300.0, 300]])}))
    with pytest.raises(HeadposeError, match="backgroundClass is 2"):
        check_meta(meta(backgroundClass=2.0))
    with pytest.raises(HeadposeError, match="backgroundClass is nan"):
        check_meta(meta(backgroundClass=np.nan))
    assert len(check_meta(None)) == 2


def test_prior_arguments_are_read_and_compared():
    priors = prior_arguments(sm.tiny_contents()["forward"])
    assert list(priors) == list(sm.SOURCES)
    assert priors["relu7"]["aspectRatios"] == [2, 3]
    assert priors["conv4_3_norm"]["minSize"] == pytest.approx([35.84])
    assert prior_differences(priors, sm.MATCONVNET_SCALES, STEPS, RATIOS) == []
    lines = prior_differences(priors, ORIGINAL_SCALES, STEPS, RATIOS)
    assert lines[0] == "conv4_3_norm_priorbox: minSize 35.84, not 51.2"
    assert len(lines) == 14


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("minSize", [160.0]),
        ("maxSize", []),
        ("pixelStep", [30.0]),
        ("aspectRatios", [2.0]),
        ("variance", [0.1, 0.1, 0.1, 0.1]),
        ("offset", [0.0]),
        ("flip", [0.0]),
        ("clip", [1.0]),
    ],
)
def test_another_prior_is_reported(field, value):
    priors = prior_arguments(sm.tiny_contents()["forward"])
    priors["conv6_2_relu"][field] = value
    (line,) = prior_differences(priors, sm.MATCONVNET_SCALES, STEPS, RATIOS)
    assert line.startswith(f"conv6_2_relu_priorbox: {field} ")


@pytest.mark.parametrize("forward", [None, np.zeros(3), sm.tiny_contents()["params"]])
def test_no_prior_layers_are_no_fault(forward):
    assert prior_arguments(forward) == {}
    assert prior_differences({}, sm.MATCONVNET_SCALES, STEPS, RATIOS) == [
        "0 layers named *_priorbox, not 7"
    ]


@pytest.mark.parametrize("value", ["512", np.array(["a", "b", "c"], object), {"a": 1}, 1 + 2j])
@pytest.mark.parametrize("field", ["imageSize", "averageImage", "backgroundClass"])
def test_what_is_no_number_is_not_checked(field, value):
    if isinstance(value, dict):
        value = sm.structs({k: [v] for k, v in value.items()})
    changes = {field: value} if field == "backgroundClass" else {"normalization": {field: value}}
    remarks = check_meta(meta(**changes))
    assert [r for r in remarks if field in r and "is not checked" in r] or field == "averageImage"


def test_a_mean_that_is_nan_is_told():
    (remark,) = check_meta(meta(normalization={"averageImage": np.full(3, np.nan)}))
    assert "averageImage is nan, nan, nan" in remark
