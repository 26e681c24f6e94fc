"""What tests share: scripts run through their command lines, drawn pictures, tiny models."""

import contextlib
import dataclasses
import io
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import settings

# On a loaded machine an example may take long; that is no fault.
settings.register_profile("headpose", deadline=None)
settings.load_profile("headpose")

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = Path(__file__).resolve().parent.parent
# Where the real pictures are; HEADPOSE_DATA names another folder.
SHARED = Path(os.environ.get("HEADPOSE_DATA", ROOT.parent / "shared" / "data"))


@dataclasses.dataclass(frozen=True)
class Ran:
    """How a script ended."""

    status: int
    out: str
    err: str


def is_file(script: str) -> bool:
    """Tells scripts from sub-commands of `headpose`."""
    return script.endswith(".py")


def command_line(script: str) -> list[str]:
    """Returns what Python is given to run a script or a sub-command from any folder."""
    return [str(ROOT / script)] if is_file(script) else ["-m", "headpose", script]


@pytest.fixture(scope="session", autouse=True)
def ctrl_c() -> None:
    """Has Ctrl-C end what tests start, also in the background of a shell, which ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def float32_afterwards():
    """Turns bfloat16 off, which a large network turns on for the whole process on some machines."""
    yield
    setup = sys.modules.get("headpose.models.keras_setup")
    if setup is not None and "tensorflow" in sys.modules:
        setup._large_in_bfloat16, setup._precision = False, "float32"
        options = sys.modules["tensorflow"].config.optimizer.get_experimental_options()
        if options.get("auto_mixed_precision_onednn_bfloat16"):
            setup.rewrite_to_bfloat16(False)


@pytest.fixture
def run_script(monkeypatch):
    """Runs a top-level script with arguments, in this process (TensorFlow loads once)."""

    def run(script: str, *arguments) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        given = [*map(str, arguments)]
        monkeypatch.setattr(
            sys, "argv", [script, *given] if is_file(script) else ["", script, *given]
        )
        status = 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                if is_file(script):
                    runpy.run_path(str(ROOT / script), run_name="__main__")
                else:
                    runpy.run_module("headpose", run_name="__main__", alter_sys=True)
            except SystemExit as end:
                status = end.code or 0
        return Ran(status, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def run_fresh():
    """Runs a top-level script in a process of its own."""

    def run(script: str, *arguments, **environment) -> Ran:
        path = os.pathsep.join(filter(None, [environment.get("PYTHONPATH"), str(ROOT)]))
        done = subprocess.run(
            [sys.executable, *command_line(script), *map(str, arguments)],
            capture_output=True,
            text=True,
            env=os.environ | environment | {"PYTHONPATH": path},
            timeout=300,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty folder for models that are exported by the way."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "headpose"


@pytest.fixture
def shared_data() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the real pictures (../shared/data) are not on this machine")
    return SHARED


@pytest.fixture(scope="session")
def portrait() -> Path:
    """The public-domain portrait that matplotlib ships."""
    from headpose.images.pictures import sample_portrait

    return sample_portrait()


@pytest.fixture
def noise_picture():
    """Draws a picture of smooth noise, different for each seed."""

    def draw(width: int, height: int, seed: int = 0) -> np.ndarray:
        coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)

    return draw


@pytest.fixture(scope="session")
def tiny_detector(tmp_path_factory) -> Path:
    """A compact detector with fresh weights that calls nothing a head."""
    import keras

    from headpose.detection.networks import build_compact
    from headpose.models.keras_files import save_model

    keras.utils.set_random_seed(1)
    path = tmp_path_factory.mktemp("models") / "tiny-detector.keras"
    save_model(build_compact(), path)
    return path


@pytest.fixture(scope="session")
def tiny_estimator(tmp_path_factory) -> Path:
    """A member of the Patacchiola family with fresh weights."""
    import keras

    from headpose.models.keras_files import save_model
    from headpose.pose.networks import build_patacchiola

    keras.utils.set_random_seed(2)
    path = tmp_path_factory.mktemp("models") / "tiny-estimator.keras"
    save_model(build_patacchiola(num_conv_blocks=2, num_filters_start=4, dense_layer_size=8), path)
    return path


@pytest.fixture(scope="module")
def full_precision() -> None:
    """Keras computes in float32 on the processor, with which exports are compared."""
    from headpose.models.keras_setup import set_up

    set_up("cpu", "float32")


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory) -> Path:
    """A folder for the models of a file of tests, and for what is exported beside them."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def detector_file(full_precision, model_folder) -> Path:
    """A small detector of random weights."""
    from small_models import saved, small_detector

    return saved(small_detector(), model_folder / "detector.keras")
