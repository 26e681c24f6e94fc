"""Where results go: stores that refuse, full disks, two runs on one output."""

import json
import os
import platform
import subprocess
import sys
import time
import uuid
from pathlib import Path

import archive_sets as sets
import pytest
from annotate_fakes import annotate

from headpose.archives.output import LEASE, LOCK, Output
from headpose.errors import HeadposeError
from headpose.files.atomic import PROCESS_SPACE

ROOT = Path(__file__).resolve().parent.parent.parent
CONTENTS = sets.pictures()
HERE, NOBODY = platform.node(), 2**22 + 1


@pytest.fixture
def store():
    """A place in fsspec's memory, of this test alone, and its file system."""
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed (the extra cloud)")
    system, name = fsspec.filesystem("memory"), uuid.uuid4().hex
    system.makedirs(name)
    yield system, f"memory://{name}"
    system.rm(name, recursive=True)


@pytest.fixture
def folder(tmp_path):
    return sets.as_folder(tmp_path / "in", CONTENTS)


def fetched(system, place, target: Path) -> Path:
    """Copies what is in a store to a folder."""
    system.get(f"{place}/", f"{target}/", recursive=True)
    return target


def test_results_in_a_store_are_those_in_a_folder(folder, store, tmp_path):
    system, place = store
    counts = annotate([folder], f"{place}/out")
    assert annotate([folder], tmp_path / "out") == counts
    there = fetched(system, f"{place}/out", tmp_path / "copy")
    assert sets.rows_of(there) == sets.rows_of(tmp_path / "out")
    assert sets.failures_of(there) == sets.failures_of(tmp_path / "out")
    names = {f.relative_to(there).as_posix() for f in there.rglob("*") if f.is_file()}
    assert names == {
        f.relative_to(tmp_path / "out").as_posix()
        for f in (tmp_path / "out").rglob("*")
        if f.is_file()
    }
    before = system.find(f"{place}/out/heads", detail=True)
    assert annotate([folder], f"{place}/out") == counts
    assert system.find(f"{place}/out/heads", detail=True) == before  # nothing is done again


def test_the_command_reads_and_writes_stores(store, portrait, run_script, tmp_path):
    system, place = store
    system.pipe_file(f"{place}/in/a/b.jpg", portrait.read_bytes())
    given = ["--detector", "viola-jones", "--output", f"{place}/out", "--device", "cpu"]
    done = run_script("annotate", f"{place}/in", *given)
    assert done.status == 0, done.err
    assert f"-> {place}/out/heads" in done.out
    fetched(system, f"{place}/out", tmp_path)
    (line,) = (tmp_path / "heads" / "pictures-000000.jsonl").read_text().splitlines()
    row = json.loads(line)
    assert (row["key"], row["url"]) == ("a/b", f"{place}/in/a/b.jpg")
    done = run_script("annotate", f"{place}/in", *given, "--overwrite")
    assert "1 of them to do" in done.out
    assert done.status == 0, done.err
    done = run_script("annotate", f"{place}/in", *given, "--workers", "1")
    assert "0 of them to do" in done.out


def test_a_store_that_workers_do_not_see_is_told(folder, store):
    with pytest.raises(HeadposeError, match="not to be seen from here"):
        annotate([folder], f"{store[1]}/out", "processes")


# -------------------------------------------------------------------- stores that refuse


@pytest.fixture
def moody(store, monkeypatch):
    """Makes calls of the store refuse where the path has a text in it."""
    system, place = store
    refused: list[str] = []

    def guard(name):
        real = getattr(type(system), name)

        def call(self, path, *more, **options):
            if any(text in str(path) for text in refused):
                raise PermissionError("Access Denied")
            return real(self, path, *more, **options)

        monkeypatch.setattr(type(system), name, call)

    for name in ("open", "find", "pipe_file", "put_file"):
        guard(name)
    for name, content in CONTENTS.items():
        system.pipe_file(f"{place}/in/{name}", content)
    return refused, place


def test_a_bucket_that_does_not_list_ends_the_work(moody, run_script, tmp_path):
    refused, place = moody
    refused.append("/in")
    given = [f"{place}/in", "--output", tmp_path, "--detector", "viola-jones"]
    done = run_script("annotate", *given)
    assert done.status == 1
    assert "access refused (Access Denied); check credentials and rights" in done.err
    assert not list(tmp_path.iterdir())


def test_what_a_bucket_refuses_is_told_and_done_by_the_next_run(moody, tmp_path):
    refused, place = moody
    refused.append("/in/b/05.seg.png")
    counts = annotate([f"{place}/in"], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (11, 2)
    reasons = [f["reason"] for f in sets.failures_of(tmp_path / "out")]
    assert any("access refused" in reason for reason in reasons)
    refused.clear()
    counts = annotate([f"{place}/in"], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (12, 1)
    annotate([f"{place}/in"], tmp_path / "expected")
    assert sets.rows_of(tmp_path / "out") == sets.rows_of(tmp_path / "expected")
    assert not list((tmp_path / "out" / "shards").glob("*.again.json"))


@pytest.mark.parametrize("where", ["out/.probe", "out/heads", "out/shards"])
def test_a_bucket_that_takes_nothing_is_told_and_loses_nothing(moody, tmp_path, where):
    refused, place = moody
    refused.append(where)
    with pytest.raises(HeadposeError, match=r"cannot write .*access refused"):
        annotate([f"{place}/in"], f"{place}/out")
    refused.clear()
    counts = annotate([f"{place}/in"], f"{place}/out")
    assert (counts["pictures"], counts["failures"]) == (12, 1)


# -------------------------------------------------------------------------- full disks


def test_a_full_disk_is_told_and_loses_nothing(folder, tmp_path):
    resource = pytest.importorskip("resource")
    script = str(ROOT / "tests" / "annotate_fakes.py")
    command = [sys.executable, script, str(tmp_path / "out"), "here", "quick", "0", str(folder)]
    done = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        # Room for the manifest (1.3 kB) and no table of heads (2 kB).
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    told = done.stderr.splitlines()[-1]
    assert f"cannot write {tmp_path}/out/heads/pictures-000000.jsonl" in told
    assert "make room or choose another place" in told
    assert not list((tmp_path / "out" / "heads").iterdir())
    counts = annotate([folder], tmp_path / "out")
    assert (counts["pictures"], counts["failures"]) == (12, 1)
    annotate([folder], tmp_path / "expected")
    assert sets.rows_of(tmp_path / "out") == sets.rows_of(tmp_path / "expected")


# ------------------------------------------------------------------- two runs on one output


@pytest.mark.parametrize("kind", ["folder", "store"])
def test_two_runs_on_one_output_are_told(kind, tmp_path, request):
    place = str(tmp_path) if kind == "folder" else f"{request.getfixturevalue('store')[1]}/out"
    output, busy = Output(place), "works there; wait for its end"
    with output.claimed():
        for part in (None, (1, 2)):
            with pytest.raises(HeadposeError, match=busy), output.claimed(part):
                pass
    with output.claimed((1, 2)), output.claimed((2, 2)):
        for part in (None, (1, 2)):
            with pytest.raises(HeadposeError, match=busy), output.claimed(part):
                pass
    with output.claimed():
        pass


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        ({"host": "elsewhere", "process": 1, "renewed": 0}, True),
        ({"host": "elsewhere", "process": 1, "renewed": -LEASE - 1}, False),
        # No process has that number; here that tells that it is gone, and in no other container.
        ({"host": HERE, "space": PROCESS_SPACE, "process": NOBODY, "renewed": 0}, False),
        ({"host": HERE, "space": "other", "process": NOBODY, "renewed": 0}, True),
        ("cut short", False),
    ],
)
def test_a_claim_in_a_store_ends_with_whoever_made_it(store, claim, holds):
    system, place = store
    if isinstance(claim, dict):
        claim = claim | {"renewed": time.time() + claim["renewed"]}
    system.pipe_file(f"{place}/out/{LOCK}", json.dumps(claim).encode())
    output = Output(f"{place}/out")
    if holds:
        with (
            pytest.raises(HeadposeError, match=f"process {claim['process']} on {claim['host']}"),
            output.claimed(),
        ):
            pass
    else:
        with output.claimed():
            assert json.loads(output.read(LOCK))["process"] == os.getpid()
        assert output.read(LOCK) is None
