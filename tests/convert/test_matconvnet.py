import numpy as np
import pytest
import synthetic_mat as sm

from headpose.convert import matconvnet as m
from headpose.convert import ssd512_weights as sw
from headpose.errors import HeadposeError

TABLE = sw.read_table()


def parameters(rename=lambda name: name, move=lambda index: index):
    """Returns the 79 parameters; each array's first value is the index it was made for."""
    result = []
    for name, index, shape in sm.Net().params:
        array = np.zeros(shape, np.float32)
        array.flat[0] = index
        result.append(m.Parameter(rename(name), move(index), array))
    return result


def well_placed(tensors):
    return len(tensors) == 79 and all(t.array.flat[0] == TABLE[t.slot] for t in tensors)


def test_names_decide():
    tensors, remarks = m.assign(parameters(), TABLE)
    assert well_placed(tensors)
    assert remarks == []
    assert {t.by for t in tensors} == {"name"}
    assert {t.array.dtype for t in tensors} == {np.dtype(np.float32)}
    assert tensors[0].array.shape == (3, 3, 3, 64)


SPELLINGS = [
    lambda n: n[:-1] + "_filter" if n[-1] == "f" else n,
    lambda n: n[:-1] + "_bias" if n[-1] == "b" else n,
    lambda n: n.replace("_filters", "f").replace("_biases", "b") if "_loc" not in n else n,
    lambda n: n.replace("_filters", "_filter").replace("_biases", "_bias"),
    lambda n: n.replace("relu7_", "fc7_"),
    lambda n: n.replace("_relu_", "_"),
    lambda n: n.replace("_loc_", "_mbox_loc_").replace("_conf_", "_mbox_conf_"),
]


@pytest.mark.parametrize("rename", SPELLINGS)
def test_other_spellings_are_understood(rename):
    tensors, remarks = m.assign(parameters(rename), TABLE)
    assert well_placed(tensors)
    assert remarks == []


def test_names_are_followed_where_indices_are_permuted():
    order = np.random.default_rng(0).permutation([index for _, index, _ in sm.Net().params])
    moved = dict(zip(sorted(TABLE.values()), order.tolist(), strict=True))
    tensors, remarks = m.assign(parameters(move=moved.get), TABLE)
    assert well_placed(tensors)
    assert len(remarks) == 1
    assert "elsewhere in vars than the table says" in remarks[0]


@pytest.mark.parametrize("name", ["", "p", None])
def test_the_table_decides_where_names_say_nothing(name):
    rename = (lambda old: old) if name is None else (lambda _: name)
    few = {"conv3_2f", "relu7_loc_biases", "conv4_3_norm_p1"}
    params = [
        m.Parameter(f"layer{p.index}" if p.name in few else p.name, p.index, p.array)
        for p in parameters(rename)
    ]
    tensors, remarks = m.assign(params, TABLE)
    assert well_placed(tensors)
    count = 3 if name is None else 79
    assert remarks[0].startswith(f"{count} parameters were placed by the table alone")
    assert sum(t.by == "table" for t in tensors) == count


def without(name):
    return [p for p in parameters() if p.name != name]


def changed(name, **changes):
    values = {"name": name} | changes
    return [
        m.Parameter(values["name"], values.get("index", p.index), values.get("array", p.array))
        if p.name == name
        else p
        for p in parameters()
    ]


def unfinite(value):
    array = np.zeros((3, 3, 256, 256), np.float32)
    array[1, 2, 3, 4] = value
    return array


FAULTS = [
    ("missing", without("conv8_1_filters"), ["conv8_1 weights", "78 of 79"]),
    ("missing biases", without("relu7_conf_biases"), ["fc7_mbox_conf biases"]),
    ("SSD300", [p for p in parameters() if "conv10" not in p.name], ["conv10_1", "SSD300"]),
    (
        "twice by spelling",
        [*parameters(), m.Parameter("conv3_2_filter", 5, np.zeros(1))],
        ["'conv3_2_filter'", "'conv1_1b'", "vars{5}"],
    ),
    (
        "twice",
        [*parameters(), m.Parameter("conv3_2f", 2, np.zeros(1))],
        ["duplicate parameter for conv3_2 weights", "'conv3_2f'"],
    ),
    ("one place for two", changed("conv1_2f", index=3), ["'conv1_1f'", "'conv1_2f'", "vars{3}"]),
    (
        "surplus",
        [*parameters(), m.Parameter("bn1_moments", 382, np.zeros((64, 2)))],
        ["'bn1_moments'", "vars{382}"],
    ),
    (
        "unknown name at a taken place",
        [*without("conv3_3f"), m.Parameter("extra", 33, np.zeros(1))],
        ["'extra'", "vars{33}"],
    ),
    (
        "transposed",
        changed("conv7_2_filters", array=np.zeros((128, 256, 3, 3), np.float32)),
        ["'conv7_2_filters'", "128x256x3x3", "3x3x128x256"],
    ),
    (
        "21 classes",
        changed("relu7_conf_filters", array=np.zeros((3, 3, 1024, 126), np.float32)),
        ["'relu7_conf_filters'", "3x3x1024x126", "two classes"],
    ),
    (
        "short biases",
        changed("fc6b", array=np.zeros((512, 1), np.float32)),
        ["'fc6b'", "512x1", "needs 1024"],
    ),
    ("NaN", changed("conv3_2f", array=unfinite(np.nan)), ["'conv3_2f'", "1 of 589824", "finite"]),
    ("infinite", changed("conv3_2f", array=unfinite(-np.inf)), ["'conv3_2f'", "finite"]),
    (
        "beyond float32",
        changed("conv3_2f", array=unfinite(0).astype(float) + 1e300),
        ["'conv3_2f'", "finite"],
    ),
    ("text", changed("conv1_1b", array=np.array(["x"] * 64)), ["'conv1_1b'", "conv1_1 biases"]),
    (
        "integers",
        changed("conv1_1b", array=np.zeros((64, 1), np.uint8)),
        ["'conv1_1b'", "uint8", "floating point"],
    ),
]


@pytest.mark.parametrize(("params", "words"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_fault_is_named(params, words):
    with pytest.raises(HeadposeError) as caught:
        m.assign(params, TABLE)
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)


def test_double_precision_and_flat_vectors_are_taken():
    params = changed("conv1_1b", array=np.arange(64.0)[None])
    tensors, _ = m.assign(params, TABLE)
    biases = next(t for t in tensors if t.slot == ("conv1_1", "biases"))
    assert biases.array.dtype == np.float32
    assert biases.array.tolist() == list(range(64))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_params_point_into_vars(kind):
    variables = sm.tiny_contents()
    for record in variables["params"].reshape(-1):
        if record["var"] <= np.iinfo(kind).max:  # MATLAB's file format packs small numbers
            record["var"] = kind(record["var"])
    found, remarks = m.list_parameters(variables["vars"], variables["params"])
    assert [(p.name, p.index) for p in found] == [(n, i) for n, i, _ in sm.Net().params]
    assert all(p.array[0, 0] == p.index for p in found)
    assert remarks == []


def test_without_params_what_is_full_counts():
    found, remarks = m.list_parameters(sm.tiny_contents()["vars"], None)
    assert [p.index for p in found] == sorted(TABLE.values())
    assert remarks == ["no 'params': places by table"]


@pytest.mark.parametrize(
    ("var", "words"),
    [
        (2.0, ["'conv1_1f'", "vars{2}", "empty"]),
        (385.0, ["'conv1_1f'", "385", "384"]),
        (0.0, ["'conv1_1f'", "no entry 0"]),
        (3.5, ["params(1).var", "whole number"]),
        (np.nan, ["params(1).var"]),
        (sm.EMPTY, ["params(1).var"]),
        ("three", ["params(1).var"]),
    ],
)
def test_a_parameter_that_points_nowhere_is_named(var, words):
    variables = sm.tiny_contents()
    variables["params"][0, 0]["var"] = var
    with pytest.raises(HeadposeError) as caught:
        m.list_parameters(variables["vars"], variables["params"])
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_cut_anywhere_is_a_failure(tmp_path, compressed):
    path = sm.write(tmp_path / "whole.mat", sm.tiny_contents(), compressed)
    data = path.read_bytes()
    cut = tmp_path / "cut.mat"
    for share in np.linspace(0, 0.95, 12):
        cut.write_bytes(data[: int(share * len(data))])
        with pytest.raises(HeadposeError, match=r"cut\.mat: "):
            m.read(cut, TABLE)


def test_the_published_file_is_known_by_size_and_digest(tmp_path, monkeypatch):
    assert m.PUBLISHED_SIZE == 90_941_165
    assert m.PUBLISHED_SHA256.startswith("cd5ec154") and m.PUBLISHED_SHA256.endswith("5b643807")
    path = tmp_path / "a.mat"
    path.write_bytes(b"abc")
    assert m.differences_from_published(path) == ["size 3 bytes, not 90,941,165"]
    monkeypatch.setattr(m, "PUBLISHED_SIZE", 3)
    (line,) = m.differences_from_published(path)
    assert line.startswith("sha256 ba7816bf")  # of "abc", FIPS 180-2's example
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    monkeypatch.setattr(m, "PUBLISHED_SHA256", digest)
    assert m.differences_from_published(path) == []
