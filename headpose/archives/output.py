"""Where results go: a folder, or a place in a store by URL; and whose turn it is to write there."""

import contextlib
import json
import os
import platform
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from headpose.archives.urls import StoreError, file_system, local, store_errors
from headpose.errors import HeadposeError
from headpose.files import atomic_write, parse_json, sole_user, writable_folder
from headpose.files.atomic import PROCESS_SPACE
from headpose.video.addresses import links, without_secrets

LEASE = 120.0  # seconds after which a claim in a store that nobody renews is void
LOCK = ".lock"
HEADS, DONE, PARTS = FOLDERS = "heads", "shards", "parts"  # see `headpose.archives.results`
# Stores whose folders are but parts of names: asked for one, their packages make a bucket.
BUCKETS = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss", "oci", "tos"}


class Output:
    """A place for results; can be sent to other processes.

    Args:
        place: A folder, or a URL that fsspec knows.
    """

    def __init__(self, place: str):
        self.place = place
        self.folder = local(place)
        # The last of a chain, as in simplecache::s3://, is where it lies.
        self._in_bucket = links(place)[-1].partition("://")[0] in BUCKETS

    @property
    def lasts(self) -> bool:
        """Whether what is written there is still there when the process ends."""
        return "memory" not in [part.partition("://")[0] for part in links(self.place)]

    def __str__(self) -> str:
        return str(self.folder) if self.folder is not None else without_secrets(self.place)

    def named(self, name: str) -> str:
        """Returns the path or URL of a file in it, to be shown."""
        return f"{str(self).rstrip('/')}/{name}"

    def folders(self) -> list[Path]:
        """Returns the folders of this machine that hold results, which are no inputs."""
        if self.folder is None:
            return []
        return [self.folder, *(self.folder / name for name in FOLDERS)]

    def prepare(self, *folders: str) -> None:
        """Makes it and folders in it, and makes sure that it can be written to.

        Raises:
            HeadposeError: If not.
        """
        if self.folder is not None:
            writable_folder(self.folder)
            for name in folders:
                writable_folder(self.folder / name)
            return
        probe = f".probe-{platform.node()}-{PROCESS_SPACE}-{os.getpid()}"
        self.write(probe, b"")
        self.remove(probe)

    @contextlib.contextmanager
    def atomic_write(self, name: str) -> Iterator[Path]:
        """Gives a path to write to; what is there appears as `name` when the block ends.

        On object stores and on this machine it appears whole or not at all.

        Raises:
            HeadposeError: If it cannot be written.
        """
        if self.folder is not None:
            with store_errors(str(self)):
                (self.folder / name).parent.mkdir(exist_ok=True)
            with atomic_write(self.folder / name) as path:
                yield path
            return
        with tempfile.TemporaryDirectory(prefix="headpose-") as folder:
            path = Path(folder, Path(name).name)
            yield path
            with self._errors(name):
                system, inside = self._inside(name)
                if not self._in_bucket:
                    system.makedirs(inside.rpartition("/")[0], exist_ok=True)
                system.put_file(str(path), inside)

    def write(self, name: str, content: bytes) -> None:
        """Writes a small file.

        Raises:
            HeadposeError: If it cannot be written.
        """
        with self.atomic_write(name) as path:
            path.write_bytes(content)

    def read(self, name: str) -> bytes | None:
        """Returns the content of a file; None if there is none.

        Raises:
            HeadposeError: If it cannot be read.
        """
        with store_errors(self.named(name)):
            try:
                if self.folder is not None:
                    return (self.folder / name).read_bytes()
                system, inside = self._inside(name)
                return system.cat_file(inside)
            except FileNotFoundError:
                return None

    def names(self, folder: str) -> list[str]:
        """Returns the names of the files in a folder of it, in order; hidden ones too."""
        if self.folder is not None:
            here = self.folder / folder
            return sorted(file.name for file in here.iterdir()) if here.is_dir() else []
        return sorted(self._listed(folder))

    def sizes(self, folder: str) -> dict[str, int | None]:
        """Returns the bytes of each file in a folder of it; None where a store does not tell."""
        if self.folder is None:
            return self._listed(folder)
        result: dict[str, int | None] = {}
        for name in self.names(folder):
            # Another process may have moved its half-written one into place since.
            with contextlib.suppress(FileNotFoundError):
                result[name] = (self.folder / folder / name).stat().st_size
        return result

    def _listed(self, folder: str) -> dict[str, int | None]:
        """Returns the names of the files in a folder of a store, and their bytes."""
        with store_errors(self.named(folder)):
            system, inside = self._inside(folder)
            system.invalidate_cache()  # another process may have written
            try:
                found = system.ls(inside, detail=True)
            except FileNotFoundError:
                return {}
            return {file["name"].rpartition("/")[2]: file.get("size") for file in found}

    def remove(self, *names: str) -> None:
        """Removes files, where they are."""
        for name in names:
            with self._errors(name), contextlib.suppress(FileNotFoundError):
                if self.folder is not None:
                    (self.folder / name).unlink()
                else:
                    system, inside = self._inside(name)
                    system.rm_file(inside)

    def remove_empty(self, folder: str) -> None:
        """Removes a folder of it, if nothing is in there; stores have none by themselves."""
        if self.folder is not None:
            with contextlib.suppress(OSError):
                (self.folder / folder).rmdir()

    def _inside(self, name: str):
        system, inside = file_system(self.place)
        return system, f"{inside.rstrip('/')}/{name}"

    @contextlib.contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        try:
            with store_errors(self.named(name)):
                yield
        except HeadposeError as error:
            raise type(error)(f"cannot write {error}") from error

    # ------------------------------------------------------------------------- whose turn

    @contextlib.contextmanager
    def claimed(self, part: tuple[int, int] | None = None) -> Iterator[None]:
        """Makes sure that no other process does the same work.

        Several may do different parts at once, but only one all of it. In stores, which have
        no locks, a claim counts until it has not been renewed for `LEASE` seconds, and two
        that are made in the same moment may both hold: then work is done twice, and as the
        names and contents of results are the same, no row is there twice.

        Args:
            part: Number of the part, from 1, and how many there are; None for all.

        Raises:
            HeadposeError: If another process has it.
        """
        name = f"{part[0]}-of-{part[1]}" if part else ""
        if self.folder is not None:
            with sole_user(self.folder, name):
                yield
            return
        with self._leased(f"{LOCK}-{name}" if part else LOCK):
            yield

    @contextlib.contextmanager
    def _leased(self, mark: str) -> Iterator[None]:
        others = [name for name in self.names("") if name.startswith(LOCK)]
        for held in (LOCK, mark) if mark != LOCK else others:
            self._check_free(held)
        ended = threading.Event()

        def renew() -> None:
            claim = {"host": platform.node(), "space": PROCESS_SPACE, "process": os.getpid()}
            claim |= {"renewed": time.time()}
            self.write(mark, json.dumps(claim).encode())

        def keep() -> None:
            while not ended.wait(LEASE / 4):
                with contextlib.suppress(HeadposeError):
                    renew()

        renew()
        thread = threading.Thread(target=keep, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            # A store that is gone was told of; there the claim ends by itself.
            with contextlib.suppress(StoreError):
                self.remove(mark)

    def _check_free(self, mark: str) -> None:
        content = self.read(mark)
        if content is None:
            return
        try:
            held = parse_json(content)
            host, process, renewed = held["host"], held["process"], float(held["renewed"])
            is_here = held.get("space") == PROCESS_SPACE
        except (ValueError, KeyError, TypeError):
            return  # of a process that was cut short while it wrote
        if time.time() - renewed > LEASE or (is_here and _is_gone(process)):
            return
        raise HeadposeError(
            f"{self}: process {process} on {host} works there; wait for its end, or {LEASE:.0f} s "
            "if it was killed"
        )


def _is_gone(process: int) -> bool:
    if os.name != "posix":
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
