"""Builds MatConvNet files of the published detector's structure.

The real file is not in the repository. What is known of it is laid down here: an autonn
`Net` saved field by field, whose objects are numbered depth first, odd indices for values
and even ones for derivatives. The weights are random by a fixed recipe, and what the
network makes of them is known from two independent implementations.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy.io import savemat

EMPTY = np.zeros((0, 0))
MATCONVNET_SCALES = (0.07, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.05)
SOURCES = {  # name in MatConvNet: Keras layer, channels, aspect ratios, step
    "conv4_3_norm": ("conv4_3_norm", 512, (2,), 8),
    "relu7": ("fc7", 1024, (2, 3), 16),
    "conv6_2_relu": ("conv6_2", 512, (2, 3), 32),
    "conv7_2_relu": ("conv7_2", 256, (2, 3), 64),
    "conv8_2_relu": ("conv8_2", 256, (2, 3), 128),
    "conv9_2_relu": ("conv9_2", 256, (2,), 256),
    "conv10_2_relu": ("conv10_2", 256, (2,), 512),
}
TRUNK = (  # name, kernel's side, channels in, channels out; None is a pool
    ("conv1_1", 3, 3, 64),
    ("conv1_2", 3, 64, 64),
    None,
    ("conv2_1", 3, 64, 128),
    ("conv2_2", 3, 128, 128),
    None,
    ("conv3_1", 3, 128, 256),
    ("conv3_2", 3, 256, 256),
    ("conv3_3", 3, 256, 256),
    None,
    ("conv4_1", 3, 256, 512),
    ("conv4_2", 3, 512, 512),
    ("conv4_3", 3, 512, 512),
    None,
    ("conv5_1", 3, 512, 512),
    ("conv5_2", 3, 512, 512),
    ("conv5_3", 3, 512, 512),
    None,
    ("fc6", 3, 512, 1024),
    ("fc7", 1, 1024, 1024),
    ("conv6_1", 1, 1024, 256),
    ("conv6_2", 3, 256, 512),
    ("conv7_1", 1, 512, 128),
    ("conv7_2", 3, 128, 256),
    ("conv8_1", 1, 256, 128),
    ("conv8_2", 3, 128, 256),
    ("conv9_1", 1, 256, 128),
    ("conv9_2", 3, 128, 256),
    ("conv10_1", 1, 256, 128),
    ("conv10_2", 4, 128, 256),
)


class Net:
    """The objects of the network, numbered as autonn numbers them.

    Attributes:
        params: name, index and shape of each of the 79 parameters.
        layers: name, function, input indices, output index and arguments of each layer.
        place: Keras layer and part of each parameter, by name.
        last: Index of the last object, a derivative.
    """

    def __init__(self):
        self.params: list[tuple[str, int, tuple]] = []
        self.layers: list[tuple[str, str, list[int], int, list]] = []
        self.place: dict[str, tuple[str, str]] = {}
        self.last = 0
        self._walk()

    def object(self) -> int:
        self.last += 2
        return self.last - 1

    def parameter(self, name: str, shape: tuple, layer: str, part: str) -> int:
        index = self.object()
        self.params.append((name, index, shape))
        self.place[name] = layer, part
        return index

    def layer(self, name: str, function: str, inputs: list[int], *arguments) -> int:
        index = self.object()
        self.layers.append((name, function, inputs, index, list(arguments)))
        return index

    def conv(self, x: int, name: str, suffixes: tuple, shape: tuple, layer: str) -> int:
        filters = self.parameter(name + suffixes[0], shape, layer, "weights")
        biases = self.parameter(name + suffixes[1], (shape[-1], 1), layer, "biases")
        return self.layer(name, "vl_nnconv", [x, filters, biases], EMPTY, EMPTY, EMPTY)

    def head(self, x: int, source: str, kind: str, a_box: int) -> int:
        layer, channels, ratios, _ = SOURCES[source]
        shape = (3, 3, channels, a_box * (2 + 2 * len(ratios)))
        name = f"{source}_{kind}"
        x = self.conv(x, name, ("_filters", "_biases"), shape, f"{layer}_mbox_{kind}")
        x = self.layer(f"{name}_perm", "permute", [x], EMPTY, np.array([[3.0, 2, 1, 4]]))
        return self.layer(f"{name}_flat", "vl_nnflatten", [x], EMPTY, 3.0)

    def _walk(self) -> None:
        x = self.object()  # the picture
        self.data = x
        maps, locs, pools = {}, [], 0
        for entry in TRUNK:
            if entry is None:
                pools += 1
                x = self.layer(f"pool{pools}", "vl_nnpool", [x], EMPTY, 2.0)
                continue
            name, kernel, channels, filters = entry
            added = name.startswith(("conv6", "conv7", "conv8", "conv9", "conv10"))
            suffixes = ("_filters", "_biases") if added else ("f", "b")
            relu = f"{name}_relu" if added else f"relu{name[4:] if name[0] == 'c' else name[2:]}"
            x = self.conv(x, name, suffixes, (kernel, kernel, channels, filters), name)
            x = self.layer(relu, "vl_nnrelu", [x], EMPTY)
            source = relu
            if name == "conv4_3":
                source = "conv4_3_norm"
                scale = self.parameter(f"{source}_p1", (1, 1, 512), source, "weights")
                maps[source] = self.layer(source, "vl_nnscalenorm", [x, scale], EMPTY, EMPTY)
                locs.append(self.head(maps[source], source, "loc", 4))
            elif relu in SOURCES:
                maps[source] = x
                locs.append(self.head(x, source, "loc", 4))
        loc = self.layer("mbox_loc", "vl_nnconcat", locs)
        conf = self.layer(
            "mbox_conf", "vl_nnconcat", [self.head(maps[s], s, "conf", 2) for s in SOURCES]
        )
        x = self.layer("mbox_conf_reshape", "vl_nnreshape", [conf], EMPTY, EMPTY)
        x = self.layer("mbox_conf_softmax", "vl_nnsoftmaxt", [x], EMPTY, "dim", 1.0)
        scores = self.layer("mbox_conf_flatten", "vl_nnflatten", [x], EMPTY, 3.0)
        boxes = []
        for k, source in enumerate(SOURCES):
            _, _, ratios, step = SOURCES[source]
            low, high = (512 * s for s in MATCONVNET_SCALES[k : k + 2])
            pairs = {
                "aspectRatios": np.array([ratios], float),
                "pixelStep": float(step),
                "variance": np.array([[0.1], [0.1], [0.2], [0.2]]),
                "minSize": low,
                "maxSize": high,
                "offset": 0.5,
                "flip": np.array(True),
                "clip": np.array(False),
            }
            flat = [item for pair in pairs.items() for item in pair]
            boxes.append(
                self.layer(
                    f"{source}_priorbox", "vl_nnpriorbox", [maps[source], 1], EMPTY, EMPTY, *flat
                )
            )
        priors = self.layer("mbox_priorbox", "vl_nnconcat", boxes)
        options = ("numClasses", 2.0, "nmsThresh", 0.45)
        arguments = (EMPTY, EMPTY, EMPTY, *options)
        self.layer("detection_out", "vl_nnmultiboxdetector", [loc, scores, priors], *arguments)


def fingerprint(seed: int = 1234) -> dict[str, np.ndarray]:
    """Returns random weights by parameter name; seed 1234 is the one with known outputs."""
    random = np.random.RandomState(seed)
    result = {}
    for name, _, shape in sorted(Net().params, key=lambda entry: entry[1]):
        first = name.startswith("conv4_3_norm")
        if name.endswith("_p1"):
            array = 20 + random.standard_normal(shape)
        elif len(shape) == 4:
            fan = np.prod(shape[:3])
            if "_loc_" in name:
                scale = np.sqrt(1 / fan) * (0.3 if first else 0.006)
            elif "_conf_" in name:
                scale = np.sqrt(1 / fan) * (1.0 if first else 0.02)
            else:
                scale = np.sqrt(2 / fan)
            array = random.standard_normal(shape) * scale
        else:
            array = random.standard_normal(shape) * 0.05
            if "_conf_" in name:
                array += np.tile([1.5, -1.5], shape[0] // 2)[:, None]
        result[name] = array.astype("float32")
    return result


def zeros() -> dict[str, np.ndarray]:
    """Returns weights that are all 0, which take no time to make and to pack."""
    return {name: np.zeros(shape, np.float32) for name, _, shape in Net().params}


def structs(fields: dict[str, Iterable]) -> np.ndarray:
    """Returns a 1xN struct array from a list of values for each field."""
    columns = {name: list(values) for name, values in fields.items()}
    count = len(next(iter(columns.values())))
    result = np.empty((1, count), [(name, object) for name in columns])
    for name, values in columns.items():
        for i, value in enumerate(values):
            result[0, i][name] = value
    return result


def cells(values: Iterable) -> np.ndarray:
    """Returns a 1xN cell array."""
    values = list(values)
    result = np.empty((1, len(values)), object)
    result[0, :] = [EMPTY] * len(values)
    for i, value in enumerate(values):
        result[0, i] = value
    return result


def contents(weights: dict[str, np.ndarray]) -> dict[str, object]:
    """Returns a file's variables, in its order: 384 `vars`, 79 `params`, 112 layers.

    scipy cannot write function handles: where the real file has them stands a string.
    """
    net = Net()
    count = len(net.params)
    values = np.empty((net.last, 1), object)
    values[:, 0] = [EMPTY] * net.last
    for name, index, _ in net.params:
        values[index - 1, 0] = weights[name]
    params = {
        "fanout": [1.0] * count,
        "learningRate": [1.0] * count,
        "name": [name for name, _, _ in net.params],
        "source": [EMPTY] * count,
        "trainMethod": ["gradient"] * count,
        "var": [float(index) for _, index, _ in net.params],
        "weightDecay": [1.0] * count,
    }
    layers = len(net.layers)
    forward = {
        "args": [cells(arguments) for *_, arguments in net.layers],
        "debugStop": [False] * layers,
        "deleteVars": [EMPTY] * layers,
        "func": [function for _, function, *_ in net.layers],
        "inputArgPos": [np.arange(1.0, 1 + len(x))[None] for _, _, x, *_ in net.layers],
        "inputVars": [np.array([x], float) for _, _, x, *_ in net.layers],
        "name": [name for name, *_ in net.layers],
        "outputArgPos": [1.0] * layers,
        "outputVar": [float(index) for *_, index, _ in net.layers],
        "precious": [False] * layers,
        "source": [EMPTY] * layers,
    }
    backward = {key: forward[key] for key in ("func", "name", "args", "inputVars")}
    mean = np.array([122.771, 115.9465, 102.9801]).reshape(1, 1, 3)
    return {
        "forward": structs(forward),
        "backward": structs(backward),
        "inputs": {"data": float(net.data)},
        "params": structs(params),
        "conserveMemory": np.array([[1.0, 0.0]]),
        "meta": {
            "normalization": {"imageSize": np.array([[512.0, 512]]), "averageImage": mean},
            "backgroundClass": 1.0,
        },
        "diagnostics": EMPTY,
        "vars": values,
        "isGpuVar": np.zeros((1, net.last), bool),
    }


def tiny_contents() -> dict[str, object]:
    """Returns file contents of the right structure whose tensors are single numbers."""
    return contents({name: np.float32([[index]]) for name, index, _ in Net().params})


def write(path: Path, variables: dict[str, object], compressed: bool = False) -> Path:
    """Writes a `.mat` file; the real one is compressed, which takes seconds for this size."""
    savemat(path, variables, do_compression=compressed)
    return path


def picture() -> np.ndarray:
    """Returns the picture with known outputs: RGB (512, 512, 3) float32, not clipped."""
    yy, xx = np.mgrid[0:512, 0:512]
    return np.stack(
        [
            127 + 100 * np.sin(xx / 37) * np.cos(yy / 53),
            127 + 90 * np.cos(xx / 71 + yy / 29),
            60 + 0.25 * xx + 0.12 * yy,
        ],
        axis=-1,
    ).astype("float32")
