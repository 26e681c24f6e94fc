"""The image: what it copies is there, what it starts is a command, and it answers."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from headpose.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


def test_the_dockerfile_copies_what_is_there_and_starts_a_command():
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    copied = [line for line in lines if line.startswith("COPY ") and "--" not in line]
    assert copied
    for name in " ".join(line[5:].rpartition(" ")[0] for line in copied).split():
        assert (ROOT / name).exists(), name
    (started,) = [json.loads(line[4:]) for line in lines if line.startswith("CMD ")]
    assert started[0] in COMMANDS
    kept = [
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    ]
    for pattern in kept:
        assert list(ROOT.glob(pattern)), pattern
    assert {"pyproject.toml", "README.md", "LICENSE", "headpose"} <= set(kept)


def docker_runs() -> bool:
    docker = shutil.which("docker")
    return bool(docker) and not subprocess.run([docker, "info"], capture_output=True).returncode


def test_the_image_is_built_and_answers(tmp_path, portrait):
    if not docker_runs():
        pytest.skip("no Docker that runs")
    name = "headpose-test"
    subprocess.run(["docker", "build", "-q", "-t", name, str(ROOT)], check=True, timeout=1200)
    shutil.copy(portrait, tmp_path)
    image = ["image", portrait.name, "--csv", "-", "--output", "/tmp/drawn"]
    done = subprocess.run(
        ["docker", "run", "--rm", "-v", f"{tmp_path}:/data:ro", name, *image],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert len(done.stdout.splitlines()) == 2
