"""Two processes at one folder, one file or one cache: one waits, or is told."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from headpose.errors import HeadposeError
from headpose.export import cache as export_cache
from headpose.files import in_turn, sole_user
from headpose.models.backends import Backend
from headpose.models.resolve import ModelSpec

pytest.importorskip("fcntl", reason="locks are those of Unix")
ROOT = Path(__file__).resolve().parents[2]


def test_a_folder_has_one_user_at_a_time(tmp_path):
    with sole_user(tmp_path), pytest.raises(HeadposeError, match="another process"):
        sole_user(tmp_path).__enter__()
    with sole_user(tmp_path):
        pass


def test_a_folder_has_one_user_and_no_lock_is_left(tmp_path):
    with sole_user(tmp_path), pytest.raises(HeadposeError, match="another process works there"):
        sole_user(tmp_path).__enter__()
    with sole_user(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["table.csv", "ä" * 127])
def test_a_table_that_many_add_to_loses_nothing(tmp_path, name):
    """Each process reads the list, waits a little, and writes it with one number more."""
    program = """if True:
        import json, sys, time
        from pathlib import Path
        from headpose.files import in_turn
        path = Path(sys.argv[1])
        for _ in range(5):
            with in_turn(path, 'waiting'):
                found = json.loads(path.read_text()) if path.exists() else []
                time.sleep(0.01)
                path.write_text(json.dumps([*found, len(found)]))
    """
    path = tmp_path / name
    arguments = [sys.executable, "-c", program, str(path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    started = [subprocess.Popen(arguments, env=environment) for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert json.loads(path.read_text()) == list(range(15))
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_model_that_two_need_is_exported_once(tmp_path, monkeypatch):
    made, first = [], threading.Event()

    def beside(path, backend):
        return spec if made else None

    def export(path, backend, form, target):
        first.set()
        made.append(target)
        return spec

    target = tmp_path / "cache" / "m.onnx"
    spec = ModelSpec(target, Backend("opencv"))
    monkeypatch.setattr(export_cache, "exported_beside", beside)
    monkeypatch.setattr(export_cache, "_export", export)
    monkeypatch.setattr(export_cache, "format_for", lambda backend: "onnx")
    monkeypatch.setattr(export_cache, "digest", lambda path: "0" * 64)
    monkeypatch.setattr(export_cache, "cached_target", lambda *_: target)
    found: list = []
    other = threading.Thread(
        target=lambda: found.append(export_cache.exported_for("m.keras", "opencv"))
    )
    target.parent.mkdir()
    # An open file has its own lock: to the other thread this is another process.
    with in_turn(target, "first"):
        other.start()
        assert not first.wait(0.3)
    other.join(10)
    assert found == [spec]
    assert made == [target]
