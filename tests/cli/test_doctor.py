import hashlib
import json
import os
import re
import tomllib
from pathlib import Path

import pytest

from headpose.cli import doctor
from headpose.models import shipped
from headpose.models.shipped import DIFFERS, MISSING, MODELS, OK, SUMS, check_shipped


def test_what_ships_is_what_was_listed():
    """After a new model: (cd models && sha256sum *.keras *.onnx > SHA256SUMS)."""
    found = check_shipped()
    names = {f.name for f in MODELS.iterdir() if f.suffix in (".keras", ".onnx")}
    assert set(found) == names
    assert set(found.values()) == {OK}


def test_models_that_differ_or_are_missing_are_told(tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    digest = hashlib.sha256(b"a").hexdigest()
    (tmp_path / SUMS).write_text("".join(f"{digest}  {name}\n" for name in "abc"))
    assert check_shipped(tmp_path) == {"a": OK, "b": DIFFERS, "c": MISSING}


def test_models_that_cannot_be_read_are_told(tmp_path):
    os.mkfifo(tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / SUMS).write_text("".join(f"{'0' * 64}  {name}\n" for name in "ab"))
    assert check_shipped(tmp_path) == dict.fromkeys("ab", "cannot be read: no regular file")


@pytest.mark.parametrize("content", ["", "garbage\n", f"{'0' * 64}  a\n\n"])
def test_what_is_no_list_of_digests_is_no_reason_to_call_models_whole(
    run_script, tmp_path, monkeypatch, content
):
    (tmp_path / SUMS).write_text(content)
    monkeypatch.setattr(check_shipped, "__defaults__", (tmp_path,))
    done = run_script("doctor")
    assert done.status == 1
    assert f"{SUMS}: no list of digests, or a damaged one" in done.err
    assert "backends:" in done.out


@pytest.mark.parametrize("there", [False, True])
def test_models_that_are_not_there_are_a_fault(run_script, tmp_path, monkeypatch, there):
    """Also where the list of digests is gone with them."""
    files = {"ours": tmp_path / "d.keras"}, {"ours": tmp_path / "e.keras"}
    for name, given in zip(("DETECTORS", "ESTIMATORS"), files, strict=True):
        monkeypatch.setattr(shipped, name, given)
        if there:
            given["ours"].touch()
    monkeypatch.setattr(check_shipped, "__defaults__", (tmp_path,))
    done = run_script("doctor")
    assert done.status == (0 if there else 1)
    assert "no list of digests: nothing to compare with" in done.out
    told = [line.partition("error: ")[2] for line in done.err.splitlines()]
    assert told == ([] if there else ["d.keras missing", "e.keras missing"])


def test_a_backend_of_keras_that_does_not_exist_is_told(run_script, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "odd")
    done = run_script("doctor")
    assert done.status == 1
    assert "keras: broken: KERAS_BACKEND is 'odd', which is none of" in done.err


def test_the_report_tells_versions_backends_formats_and_models(run_script, tmp_path):
    done = run_script("doctor", "--json", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert done.status == 0, done.err
    assert "CPU" in report["backends"]["onnxruntime"]
    assert "jpg" in report["formats"]["pictures"]
    assert report["models"]["pose-estimator.onnx"] == OK
    for section, rows in report.items():
        assert f"{section}:" in done.out
        assert all(f"{name}: {value}" in done.out for name, value in rows.items())


def test_a_broken_package_does_not_end_the_report(run_script, monkeypatch):
    import onnxruntime

    def broken():
        raise OSError("libcudart.so.12: cannot open")

    monkeypatch.setattr(onnxruntime, "get_available_providers", broken)
    done = run_script("doctor")
    assert done.status == 1
    assert "broken: OSError: libcudart.so.12" in done.out
    assert "onnxruntime: broken" in done.err


@pytest.mark.parametrize("name", ["{folder}", ""])
def test_a_report_that_cannot_be_written_is_told(run_script, tmp_path, name):
    done = run_script("doctor", "--json", name.format(folder=tmp_path))
    assert done.status == 1
    assert "it is a folder" in done.err


PROJECT = tomllib.loads(
    (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8")
)["project"]


def names(requirements: list[str]) -> set[str]:
    return {re.match(r"[\w-]+", text)[0] for text in requirements}


def test_the_needed_packages_are_those_that_the_package_asks_for():
    assert set(doctor.NEEDED) == names(PROJECT["dependencies"])


@pytest.mark.parametrize("package", doctor.FURTHER)
def test_what_is_missing_is_told_with_the_extra_that_brings_it(package):
    told = doctor.remedy(package)
    extra = re.search(r"; pip install 'headpose-toolkit\[(\w+)\]'$", told)[1]
    assert package in names(PROJECT["optional-dependencies"][extra])
