"""What is told where a package is missing, or cannot be loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from headpose.errors import HeadposeError, MissingPackageError, missing_package

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("av", "av is not installed; pip install 'headpose-toolkit[video]'"),
        ("av.codec", "av is not installed; pip install 'headpose-toolkit[video]'"),
        ("tensorflow", "tensorflow is not installed; pip install 'headpose-toolkit[train]'"),
        (
            "ai_edge_litert",
            "ai-edge-litert is not installed; pip install 'headpose-toolkit[export]'",
        ),
        ("gradio", "gradio is not installed; pip install 'headpose-toolkit[web]'"),
        ("ray", "ray is not installed; pip install 'headpose-toolkit[distributed]'"),
        ("cv2", "opencv-python is not installed; pip install headpose-toolkit"),
    ],
)
def test_the_extra_is_named(module, told):
    error = missing_package(ModuleNotFoundError(f"No module named {module!r}", name=module))
    assert str(error) == told
    assert isinstance(error, HeadposeError) and isinstance(error, ImportError)


@pytest.mark.parametrize(
    "error",
    [
        ModuleNotFoundError("No module named 'headpose.nothing'", name="headpose.nothing"),
        ImportError("cannot import name 'x' from 'numpy'", name="numpy"),
        ImportError("odd"),
    ],
)
def test_faults_of_our_own_are_no_missing_packages(error):
    assert missing_package(error) is None


@pytest.fixture
def without_libgl(tmp_path):
    """A cv2 that fails as OpenCV does on a server."""
    (tmp_path / "cv2.py").write_text(
        "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')"
    )
    return str(tmp_path)


@pytest.mark.parametrize("script", ["image", "demo_image.py"])
def test_a_server_without_libgl_is_told_what_to_install(run_fresh, without_libgl, portrait, script):
    done = run_fresh(script, portrait, PYTHONPATH=without_libgl)
    assert done.status == 1
    (line,) = done.err.splitlines()
    assert "pip install opencv-python-headless" in line
    assert "libGL.so.1" in line


def test_the_library_says_the_same(without_libgl):
    code = (
        f"import sys; sys.path[:0] = [{without_libgl!r}, {str(ROOT)!r}]\n"
        "import headpose\n"
        "try:\n"
        "    from headpose import load_pipeline\n"
        "except headpose.HeadposeError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install opencv-python-headless" in done.stdout


def test_the_package_itself_imports_nothing_heavy():
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import headpose\n"
        "print(sorted({'numpy', 'cv2', 'onnxruntime', 'PIL'} & set(sys.modules)), dir(headpose))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("[] ")
    assert "load_pipeline" in done.stdout
    assert MissingPackageError.__mro__.index(HeadposeError) == 1
