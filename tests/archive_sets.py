"""Small archives for tests: the same pictures in a folder, tar shards, Parquet and a store."""

import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np

DAMAGED = "b/damaged.png"


def pictures(count=12) -> dict[str, bytes]:
    """Returns the contents of small pictures by name, one of them damaged, in order."""
    found = {}
    for i in range(count):
        noise = np.random.default_rng(i).integers(0, 256, (20, 30, 3), np.uint8)
        name = f"{'ab'[i % 2]}/{i:02d}.seg.png" if i % 3 else f"{i:02d}.png"
        found[name] = cv2.imencode(".png", noise)[1].tobytes()
    found[DAMAGED] = found["00.png"][:300]
    return dict(sorted(found.items()))


def key_of(name: str) -> str:
    """Returns the key of one of these names."""
    folder, slash, file = name.rpartition("/")
    return f"{folder}{slash}{file.partition('.')[0]}"


def contents_of(folder: Path) -> dict[str, bytes]:
    """Returns the contents of a folder's files by name, in order."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def as_folder(folder: Path, contents: dict[str, bytes]) -> Path:
    """Writes files into a folder."""
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def as_tar(path: Path, contents: dict[str, bytes], mode="w", urls=False) -> Path:
    """Writes a tar shard, perhaps with a JSON beside each picture that has its URL."""
    with tarfile.open(path, mode) as archive:
        for name, content in contents.items():
            meta = json.dumps({"url": f"https://example.org/{name}"}).encode()
            beside = {f"{key_of(name)}.json": meta} if urls else {}
            for member, data in {**beside, name: content}.items():
                info = tarfile.TarInfo(member)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return path


def as_tars(folder: Path, contents: dict[str, bytes], size=5, **more) -> list[Path]:
    """Writes tar shards of so many files each."""
    folder.mkdir(parents=True, exist_ok=True)
    names = list(contents)
    parts = [names[i : i + size] for i in range(0, len(names), size)]
    return [
        as_tar(folder / f"shard-{i:06d}.tar", {name: contents[name] for name in part}, **more)
        for i, part in enumerate(parts)
    ]


def as_parquet(path: Path, columns: dict[str, list], group=5) -> Path:
    """Writes Parquet in row groups of so many rows."""
    import pyarrow
    from pyarrow import parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.table(columns), path, row_group_size=group)
    return path


def rows_of(folder: Path) -> list[dict]:
    """Returns all rows without where they lay, by key and head."""
    found = []
    for file in sorted((folder / "heads").glob("*.jsonl")):
        found += [json.loads(line) for line in file.read_text().splitlines()]
    return in_order(found)


def in_order(rows: list[dict]) -> list[dict]:
    """Returns rows without where they lay, by key and head."""
    kept = [{k: v for k, v in row.items() if k not in ("file", "url", "box")} for row in rows]
    return sorted(kept, key=lambda row: (row["key"], row["head"]))


def failures_of(folder: Path) -> list[dict]:
    """Returns the table of failures."""
    return [json.loads(line) for line in (folder / "failures.jsonl").read_text().splitlines()]
