"""What is written appears whole or not at all, and never where it would destroy something."""

import errno
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from listing import names_in

from headpose.errors import HeadposeError
from headpose.files import (
    atomic,
    atomic_write,
    check_outputs,
    growing_table,
    writable_folder,
)
from headpose.files.atomic import PROCESS_SPACE, STALE


def write(path, text="new\n"):
    with atomic_write(path) as temporary:
        temporary.write_text(text)


def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "real.csv").write_text("old\n")
    (tmp_path / "link.csv").symlink_to("real.csv")
    write(tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "new\n"


def test_a_link_to_nothing_makes_what_it_names(tmp_path):
    (tmp_path / "link.csv").symlink_to("later.csv")
    write(tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "later.csv").read_text() == "new\n"


@pytest.mark.parametrize("opened", [atomic_write, growing_table])
def test_a_pipe_is_written_straight(tmp_path, opened):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    with opened(pipe) as place:
        if opened is atomic_write:
            place.write_text("new\n")
        else:
            place.write("new\n")
    reader.join(10)
    assert got == ["new\n"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert names_in(tmp_path) == {"pipe"}


def test_a_device_stays_a_device():
    write("/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_permissions_stay(tmp_path):
    (tmp_path / "t.csv").touch(mode=0o600)
    write(tmp_path / "t.csv")
    assert stat.S_IMODE((tmp_path / "t.csv").stat().st_mode) == 0o600


@pytest.mark.parametrize("letter", ["a", "ж"])
@pytest.mark.parametrize("opened", [atomic_write, growing_table])
def test_the_longest_names_can_be_written(tmp_path, letter, opened):
    stem = letter * (251 // len(letter.encode()))
    path = tmp_path / f"{stem}.csv"
    with opened(path) as place:
        place.write_text("new\n") if opened is atomic_write else place.write("new\n")
    assert path.read_text() == "new\n"
    assert len(names_in(tmp_path)) == 1


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (lambda p: p.mkdir(), "it is a folder; name a file in it"),
        (lambda p: p.symlink_to(p.name), "too many levels of symbolic links"),
    ],
)
@pytest.mark.parametrize("opened", [atomic_write, growing_table])
def test_what_cannot_be_written_is_one_sentence(tmp_path, made, told, opened):
    path = tmp_path / "t.csv"
    made(path)
    with pytest.raises(HeadposeError, match=told), opened(path):
        pass
    with pytest.raises(HeadposeError, match=told):
        check_outputs([path])


@pytest.mark.parametrize("name", ["a" * 256, "nul\0byte", "t.csv/deeper"])
def test_names_that_no_file_can_have(tmp_path, name):
    (tmp_path / "t.csv").touch()
    with pytest.raises(HeadposeError, match="cannot write"):
        write(tmp_path / name)
    with pytest.raises(HeadposeError, match="cannot write"):
        check_outputs([tmp_path / name])
    assert names_in(tmp_path) == {"t.csv"}


def test_a_folder_that_is_missing_is_made_and_told(tmp_path, caplog):
    caplog.set_level("INFO", "headpose")
    write(tmp_path / "a" / "b" / "t.csv")
    assert (tmp_path / "a" / "b" / "t.csv").exists()
    assert "made folder" in caplog.text


def test_a_block_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("old\n")
    with pytest.raises(KeyError), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert path.read_text() == "old\n"
    assert names_in(tmp_path) == {"t.csv"}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_disk_that_fails_is_told_with_the_files_own_name(tmp_path, number):
    path = tmp_path / "t.csv"
    with pytest.raises(HeadposeError) as told, atomic_write(path):
        raise OSError(number, os.strerror(number))
    assert str(path) in str(told.value)
    assert ".part-" not in str(told.value)


def test_errors_name_the_file_not_its_temporary(tmp_path):
    path = tmp_path / "t.csv"
    with pytest.raises(HeadposeError) as told, atomic_write(path) as temporary:
        raise HeadposeError(f"cannot write {temporary}: full")
    assert str(told.value) == f"cannot write {path}: full"


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    code = (
        "import os, sys; from headpose.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as t:\n"
        "    t.write_text('half'); os.kill(os.getpid(), 9)"
    )
    path = tmp_path / "t.csv"
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -9
    (left,) = tmp_path.iterdir()
    write(tmp_path / "u.csv")
    assert left.exists()  # it may be of a process elsewhere that still works
    os.utime(left, (0, 0))
    code = (
        "import sys; from headpose.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as t: t.write_text('whole')"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert names_in(tmp_path) == {"t.csv", "u.csv"}


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "f").touch()
    with pytest.raises(HeadposeError, match="choose another"):
        writable_folder(tmp_path / "f")
    with pytest.raises(HeadposeError, match="cannot write"):
        check_outputs([tmp_path / "f" / "t.csv"])


def test_what_another_process_put_there_meanwhile_stays(tmp_path):
    for number, stands in enumerate(("a.png", "a-2.png"), 1):
        with atomic_write(tmp_path / "a.png", replace=False) as temporary:
            temporary.write_text(f"ours {number}")
            (tmp_path / stands).write_text(f"theirs {number}")
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == {
        "a.png": "theirs 1",
        "a-2.png": "theirs 2",  # ours of the first time was there; the other program replaced it
        "a-3.png": "ours 2",
    }


def test_a_file_system_without_hard_links_keeps_what_stands_there(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "a.png").write_text("theirs")
    with atomic_write(tmp_path / "a.png", replace=False) as temporary:
        temporary.write_text("ours")
    assert names_in(tmp_path) == {"a.png", "a-2.png"}
    assert (tmp_path / "a-2.png").read_text() == "ours"


WRITERS = {
    "atomic": lambda path: atomic_write(path, replace=False),
    "growing": lambda path: growing_table(path, replace=False),
}


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("there", ["dear", ""])
def test_what_is_put_there_meanwhile_stays(tmp_path, kind, there, caplog):
    """An empty file is nothing: mktemp and others make such before a name is given."""
    path = tmp_path / "t.csv"
    with WRITERS[kind](path) as given:
        if kind == "atomic":
            given.write_text("new")
        else:
            given.write("new")
        path.write_text(there)
    if there:
        assert (path.read_text(), (tmp_path / "t-2.csv").read_text()) == ("dear", "new")
        assert "was put there meanwhile and stays; this one is" in caplog.text
    else:
        assert path.read_text() == "new"
    assert len(list(tmp_path.iterdir())) == (2 if there else 1)


def test_ctrl_c_in_the_last_moment_leaves_no_temporary_file(tmp_path, monkeypatch):
    unlink, calls = Path.unlink, []

    def interrupted(path, *given, **options):
        calls.append(path)
        if len(calls) == 1:
            raise KeyboardInterrupt
        unlink(path, *given, **options)

    monkeypatch.setattr(Path, "unlink", interrupted)
    with (
        pytest.raises(KeyboardInterrupt),
        atomic_write(tmp_path / "a.csv", replace=False) as temporary,
    ):
        temporary.write_text("new")
    assert names_in(tmp_path) == {"a.csv"}


def test_what_other_machines_and_containers_write_is_left_alone(tmp_path):
    """Their processes have other numbers: one that is not here may be at work there."""
    nobody, long_ago = 2**22 + 1, time.time() - 10 * STALE
    here, elsewhere = (
        tmp_path / f".t.part-{space}-{nobody}-0.csv" for space in (PROCESS_SPACE, "0123ab")
    )
    for file in (here, elsewhere):
        file.touch()
        os.utime(file, (long_ago, long_ago))
    write(tmp_path / "a.csv")
    assert names_in(tmp_path) == {"a.csv", elsewhere.name}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="namespaces of Linux")
def test_numbers_of_processes_mean_something_else_in_another_container(monkeypatch):
    assert atomic._process_space() == PROCESS_SPACE
    monkeypatch.setattr(atomic.os, "readlink", lambda path: "pid:[1]")
    assert atomic._process_space() != PROCESS_SPACE
