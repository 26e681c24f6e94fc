"""What a command finds around it: streams, signals, folders, environment. No networks run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="Linux has a device that is full")


# Where no folder takes temporary files.
NOWHERE = """import tempfile
tempfile._candidate_tempdir_list = lambda: ['/nowhere']
tempfile.gettempdir()"""
TOOL = """import sys, os, time
from headpose.cli.common import run, tell
def main():
{body}
sys.argv = ['tool', *sys.argv[1:]]
run(main)"""


def command(body: str) -> list[str]:
    """Returns a command line that runs `body` as a command's main."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return [sys.executable, "-c", TOOL.format(body=lines)]


def ended(body: str, redirect: str = "", before: str = "", **environment: str):
    """Runs a command's main in a shell, with streams as `redirect` says."""
    done = subprocess.run(
        ["bash", "-c", f'{before}\n"$@" {redirect}', "-", *command(body)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert "Exception ignored" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize(
    ("raised", "status", "told"),
    [
        ("raise OSError(28, 'No space left on device', 't.csv')", 1, "t.csv: no space left"),
        ("raise KeyError('lost')", 1, "internal error: KeyError: 'lost'"),
        ("raise MemoryError", 1, "not enough memory"),
        ("raise Exception('alloc.cpp: (-4:Insufficient memory) in OutOf')", 1, "not enough memory"),
        ("raise KeyboardInterrupt", 130, "interrupted"),
        ("raise BrokenPipeError", 141, ""),
        ("from headpose.errors import HeadposeError\nraise HeadposeError('no')", 1, "error: no"),
        (NOWHERE, 1, "no usable temporary directory"),
        ("return 3", 3, ""),
        ("sys.exit(2)", 2, ""),
    ],
)
def test_whatever_ends_a_command_is_one_line(raised, status, told):
    done = ended(raised)
    assert done.returncode == status
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == bool(told)


def test_debug_shows_the_chain_of_calls():
    done = subprocess.run(
        [*command("raise KeyError('lost')"), "--debug"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert "Traceback" in done.stderr


@needs_full
@pytest.mark.parametrize("body", ["print('x')", "print('x' * 100_000)", "print('x'); sys.exit(0)"])
def test_a_full_standard_output_is_told(body):
    done = ended(body, "> /dev/full")
    assert done.returncode == 1
    assert "cannot write to standard output: no space left" in done.stderr


def test_a_closed_standard_output_is_no_place_for_a_table():
    body = "from headpose.records.sinks import CsvSink\nwith CsvSink('-', ['file']): pass"
    done = ended(body, ">&-")
    assert done.returncode == 1
    assert "standard output is closed" in done.stderr


def test_a_closed_standard_output_loses_messages_only(tmp_path):
    """The next file that is opened must not become standard output."""
    body = (
        f"file = open({str(tmp_path / 'data')!r}, 'w')\nprint('note'); tell('note')\n"
        "os.write(1, b'from a library')\nfile.write('data'); file.close()"
    )
    assert ended(body, ">&-").returncode == 0
    assert (tmp_path / "data").read_text() == "data"


@pytest.mark.parametrize("stream", ["2>&-", "2> /dev/full", "0<&- 1>&- 2>&-"])
def test_standard_error_may_be_closed_or_full(stream):
    if "full" in stream and not FULL.exists():
        pytest.skip("no /dev/full here")
    body = "tell('note', sys.stderr)\nraise SystemExit(7) if tell('x') is None else None"
    assert ended(body, stream).returncode == 7
    assert ended("raise KeyError", stream).returncode == 1


def test_a_reader_that_leaves_is_no_error():
    done = ended("for i in range(100_000): print(i)", "| head -1; exit ${PIPESTATUS[0]}")
    assert (done.returncode, done.stdout, done.stderr) == (141, "0\n", "")


@pytest.mark.parametrize(
    "body", [f"{call}('\\\\u0444\\\\u043e caf\\\\udce9')" for call in ("print", "tell")]
)
def test_an_ascii_locale_escapes_what_it_lacks(body):
    done = ended(body, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 0
    assert done.stdout == "\\u0444\\u043e caf\\udce9\n"


def test_a_table_on_standard_output_is_utf_8_in_every_locale():
    body = (
        "from headpose.records.sinks import CsvSink\n"
        "with CsvSink('-', ['file'], empty=True) as table: table.write({'file': '\\u0444'})"
    )
    done = ended(body, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.stdout == "file\nф\n"


def test_warnings_that_are_errors_end_nothing():
    body = (
        "import warnings; warnings.warn('old', DeprecationWarning)\n"
        "print(os.environ.get('PYTHONWARNINGS'))"
    )
    done = ended(body, PYTHONWARNINGS="error")
    assert (done.returncode, done.stdout) == (0, "None\n")


def test_a_notebook_s_backend_of_figures_is_not_looked_for():
    body = "from headpose.images.figures import figure; figure(2, 2); print('drawn')"
    done = ended(body, MPLBACKEND="module://matplotlib_inline.backend_inline")
    assert (done.returncode, done.stdout) == (0, "drawn\n")


def test_a_deleted_current_folder_is_told(tmp_path):
    done = ended("print('x')", before=f"mkdir {tmp_path}/x; cd {tmp_path}/x; rmdir {tmp_path}/x")
    assert done.returncode == 1
    assert "current folder cannot be used" in done.stderr


@pytest.mark.parametrize(
    ("handled", "told"), [("", "terminated"), ("except KeyboardInterrupt: return 130", "")]
)
@pytest.mark.parametrize(("end", "status"), [("SIGTERM", 143), ("SIGHUP", 129)])
@pytest.mark.skipif(os.name != "posix", reason="Windows has neither")
def test_other_ends_are_as_ctrl_c(handled, told, end, status, tmp_path):
    """What is done is kept: the block that writes is left by an exception."""
    body = (
        "from headpose.files import growing_table\ntry:\n"
        f"    with growing_table({str(tmp_path / 't.csv')!r}) as t:\n"
        "        t.write('row\\n'); print('ready', flush=True); time.sleep(60)\n"
        f"{handled or 'finally: pass'}"
    )
    process = subprocess.Popen(
        command(body),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)
    process.send_signal(getattr(signal, end))
    _, err = process.communicate(timeout=30)
    assert process.returncode == status
    assert told in err
    assert "Traceback" not in err
    assert (tmp_path / "t.unfinished.csv").read_text() == "row\n"


@needs_full
@pytest.mark.parametrize("second", ["SIGHUP", "SIGTERM"])
def test_after_a_terminal_is_closed_nothing_is_told_and_work_is_ended_well(second, tmp_path):
    """What is printed on the way out has no reader, and other signals follow the first."""
    body = (
        "import os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGHUP); time.sleep(60)\n"
        f"except KeyboardInterrupt:\n    os.kill(os.getpid(), signal.{second})\n"
        "    print('x' * 100000, flush=True)\n"
        f"    open({str(tmp_path / 'kept')!r}, 'w').close()\n    return 130"
    )
    assert ended(body, ">/dev/full").returncode == 129
    assert (tmp_path / "kept").exists()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGHUP")
def test_what_nohup_ignores_stays_ignored():
    body = "import os, signal\nos.kill(os.getpid(), signal.SIGHUP)\ntell('goes on')"
    done = ended(body, before="trap '' HUP")
    assert (done.returncode, done.stdout) == (0, "goes on\n")


def test_the_list_of_commands_goes_nowhere_gracefully():
    if not FULL.exists():
        pytest.skip("no /dev/full here")
    done = subprocess.run(
        f"{sys.executable} -m headpose --help > /dev/full",
        shell=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "cannot write to standard output" in done.stderr


def test_what_is_left_at_the_end_is_not_searched():
    """Searching TensorFlow's objects for cycles takes seconds, after all is done."""
    # A search just before it leaves none that is due by the number of objects.
    loop = """import gc
class Loop:
    def __init__(self): self.itself = self
    def __del__(self): print('collected')
gc.collect()
Loop()
tell('done')"""
    assert ended(loop).stdout == "done\n"
