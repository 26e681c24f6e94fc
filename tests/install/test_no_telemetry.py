"""Nothing tells the makers of libraries that they are used: both would keep an identifier."""

import importlib.util
import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["onnxruntime", "openvino"])
@pytest.mark.parametrize(
    "use",
    ["from headpose import load_pipeline; load_pipeline(backend={backend})", "import {package}"],
)
def test_no_identifier_is_kept(tmp_path, package, use):
    if not importlib.util.find_spec(package):
        pytest.skip(f"{package} is not installed")
    backend = "None" if package == "openvino" else f"'{package}'"  # exporting takes a while
    program = f"import headpose; import {package}; " + use.format(package=package, backend=backend)
    left_out = ("CI", "TF_BUILD", "JENKINS_URL", "XDG_CACHE_HOME")  # in CI they keep quiet
    around = {name: value for name, value in os.environ.items() if name not in left_out}
    around.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run(
        [sys.executable, "-c", program], check=True, env=around | {"HOME": str(tmp_path)}
    )
    assert not [f for f in tmp_path.rglob("*") if "keras" not in str(f)]
