import numpy as np
import pytest
import synthetic_mat as sm

from headpose.convert import ssd512_weights as sw
from headpose.errors import HeadposeError

TABLE = sw.read_table()


def test_the_table_is_what_the_network_s_order_gives():
    # The synthetic network counts its objects as autonn does; the table was read elsewhere.
    net = sm.Net()
    assert {net.place[name]: index for name, index, _ in net.params} == TABLE
    assert len(net.layers) == 112
    assert net.last == 384
    outputs = {name: index for name, _, _, index, _ in net.layers}
    known = {"relu4_3": 87, "conv4_3_norm": 91, "relu6": 137, "relu7": 145, "mbox_loc": 287}
    known |= {"mbox_conf": 359, "detection_out": 383}
    assert known.items() <= outputs.items()
    boxes = [index for name, index in outputs.items() if name.endswith("relu_priorbox")]
    assert boxes == [371, 373, 375, 377, 379]


def test_shapes_are_the_network_s():
    net = sm.Net()
    assert len(sw.SHAPES) == 79
    assert sum(np.prod(shape) for shape in sw.SHAPES.values()) == 24_386_328
    for name, _, shape in net.params:
        assert np.prod(shape) == np.prod(sw.SHAPES[net.place[name]])
        if len(shape) == 4:
            assert sw.SHAPES[net.place[name]] == shape


TABLE_FAULTS = [
    ("fc6,131,133\n", "fc6,131,x\n", "line 16: no whole number under biases"),
    ("fc6,131,133\n", "fc6,131\n", "line 16"),
    ("fc6,131,133\n", "fc66,131,133\n", "SSD512 has no 'fc66'"),
    ("fc6,131,133\n", "", "weights of fc6"),
    ("fc6,131,133\n", "fc6,131,133\nfc6,1,2\n", "line 17"),
    ("fc6,131,133\n", "fc6,131,3\n", "line 16: biases 3"),
    ("name,", "nam,", "line 2"),
]


@pytest.mark.parametrize(("old", "new", "words"), TABLE_FAULTS)
def test_a_faulty_table_is_a_failure(tmp_path, old, new, words):
    path = tmp_path / "layers.csv"
    path.write_text(sw.LAYERS_TABLE.read_text().replace(old, new, 1))
    with pytest.raises(HeadposeError, match=words):
        sw.read_table(path)


def test_a_missing_table_is_a_failure(tmp_path):
    with pytest.raises(HeadposeError, match="no such file"):
        sw.read_table(tmp_path / "none.csv")
