"""The package as someone else installs it: an empty environment, another folder.

Slow, because pip downloads what the core needs; HEADPOSE_INSTALL=skip leaves it out.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LIBRARY = Path(__file__).with_name("use_library.py")
NUMPY_1_HAS_WHEELS = sys.version_info < (3, 13)

pytestmark = pytest.mark.skipif(
    os.environ.get("HEADPOSE_INSTALL") == "skip", reason="HEADPOSE_INSTALL=skip"
)


def run(*command, folder: Path, status: int = 0, **environment) -> subprocess.CompletedProcess:
    """Runs a program without this repository on its path."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        capture_output=True,
        text=True,
        env=kept | environment,
        timeout=1200,
        check=False,
    )
    assert done.returncode == status, done.stdout[-2000:] + done.stderr[-4000:]
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel that `pip install .` makes, from a copy without what git ignores."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("headpose", "models"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, source / name)
    # What someone converted by hand stays out.
    (source / "models" / "head-detector-ssd512.keras").write_bytes(b"0" * 1000)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, source, folder="/")
    (file,) = folder.glob("*.whl")
    return file


def environment(folder: Path, *packages) -> Path:
    """Makes a virtual environment with packages and returns where its programs are."""
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    run(programs / "python", "-m", "pip", "install", "-q", *packages, folder=folder)
    return programs


@pytest.fixture(scope="module")
def programs(wheel, tmp_path_factory) -> Path:
    return environment(tmp_path_factory.mktemp("newest"), wheel)


def core_requirements() -> list[str]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)["project"]["dependencies"]


def test_the_wheel_holds_the_models_once(wheel):
    import zipfile

    names = zipfile.ZipFile(wheel).namelist()
    shipped = {n.rpartition("/")[2] for n in names if n.startswith("headpose/shipped_models/")}
    models = ["head-detector", "head-detector-fast", "head-classifier"]
    models += ["pose-estimator", "pose-estimator-fast", "pose-estimator-large"]
    kinds = (".keras", ".onnx", "-int8.onnx")
    assert shipped >= {"layers.csv", *(model + kind for model in models for kind in kinds)}
    assert not [n for n in names if "ssd512.keras" in n or n.startswith(("models/", "tests/"))]
    assert wheel.stat().st_size < 40e6


def test_the_wheel_is_fit_for_the_package_index(wheel):
    """Its description renders, and its metadata are whole."""
    pytest.importorskip("twine", reason="twine is not installed")
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, folder=wheel.parent)


def test_the_command_works_from_any_folder(programs, tmp_path):
    done = run(programs / "headpose", "image", "--csv", "-", folder=tmp_path)
    header, row = done.stdout.splitlines()
    assert header.startswith("file,")
    assert row.partition(",")[0].endswith("grace_hopper.jpg")
    assert [f.name for f in (tmp_path / "output").iterdir()] == ["grace_hopper.jpg"]
    done = run(programs / "python", "-m", "headpose", "--version", folder=tmp_path)
    assert re.fullmatch(r"headpose \d+\.\d+\.\d+\n", done.stdout)


def test_the_library_works_in_threads_and_processes(programs, tmp_path, portrait):
    shutil.copy(LIBRARY, tmp_path)
    done = run(programs / "python", LIBRARY.name, portrait, folder=tmp_path)
    assert done.stdout.splitlines()[-1] == "library works"


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["video", "clip.mp4", "--csv", "x.csv"], "video"),
        (["train", "clean"], "train"),
        (["evaluate", "model.keras", "clean"], "train"),
        (["web"], "web"),
    ],
)
def test_a_missing_extra_is_named(programs, tmp_path, arguments, extra):
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    done = run(programs / "headpose", *arguments, folder=tmp_path, status=1)
    (line,) = done.stderr.splitlines()
    assert f"pip install 'headpose-toolkit[{extra}]'" in line, line


@pytest.mark.skipif(not NUMPY_1_HAS_WHEELS, reason="numpy 1.26 has no wheels for this Python")
def test_the_lowest_versions_that_are_declared_work(wheel, tmp_path, portrait):
    lowest = [
        re.sub(r">=([\d.]+).*", lambda found: f"=={found[1]}.*", text)
        for text in core_requirements()
    ]
    assert all("==" in text for text in lowest)
    programs = environment(tmp_path, *lowest, wheel)
    done = run(programs / "headpose", "image", "--csv", "-", folder=tmp_path)
    assert len(done.stdout.splitlines()) == 2
    shutil.copy(LIBRARY, tmp_path)
    done = run(programs / "python", LIBRARY.name, portrait, folder=tmp_path)
    assert done.stdout.splitlines()[-1] == "library works"
