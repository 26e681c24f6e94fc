"""The folder that cleaning fills: what was done so far, starting over, and finishing it."""

import contextlib
import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from headpose.datasets import crop_dataset as cd
from headpose.datasets import crop_writing, splits
from headpose.datasets.cleaning import Record
from headpose.datasets.label_tables import Problems, write_table
from headpose.datasets.pose_annotations import PoseAnnotation
from headpose.errors import HeadposeError, reason
from headpose.files import (
    atomic_write,
    check_readable,
    parse_json,
    spelled,
    spelled_texts,
    writable_folder,
    write_json,
)
from headpose.files.places import disk_errors
from headpose.geometry.angles import flip
from headpose.geometry.convention_math import ANGLES
from headpose.reporting import progress

START = b'{"options":'  # of a journal
JOURNAL = "unfinished.jsonl"  # options, then a record a line; gone when all is done
LEFT_OUT = "left_out.csv"
CROP_NAME = re.compile(r"^[a-z0-9-]+-\d{5,}-\d+(-mirrored)?\.png$")


class CleanFolder:
    """A clean folder in the making.

    Args:
        path: The folder; it is made when work starts.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.journal = self.path / JOURNAL
        arrays = [f"{part}_{kind}.npy" for part in cd.PARTS for kind in ("img", "pose")]
        tables = [cd.table_path(self.path, part) for part in (*cd.PARTS, None)]
        self._results = [
            *(self.path / name for name in [*arrays, "norm.csv", LEFT_OUT]),
            *tables,
            self.path / cd.SUMMARY,
        ]

    def has_results(self) -> bool:
        """Whether there are results, and no sign that work on them was interrupted."""
        crops = (self.path / cd.CROPS).is_dir()
        return not self.journal.exists() and (crops or any(f.exists() for f in self._results))

    def _has_begun(self) -> bool:
        """Whether what is called as the journal begins as one.

        One that was cut before is beside no tables: they are removed before it is begun.
        """
        with contextlib.suppress(OSError), self.journal.open("rb") as file:
            return file.read(len(START)) == START
        return False

    def start(self, options: dict, overwrite: bool) -> dict[str, Record]:
        """Begins, or goes on with what was interrupted.

        Args:
            options: All that the crops depend on; must be plain JSON.
            overwrite: Whether to remove earlier results first.

        Returns:
            The records of pictures that are done, by key.

        Raises:
            HeadposeError: If the folder cannot be written, or holds work with other options,
                or results (also those that another process finished a moment ago).
        """
        writable_folder(self.path)
        if self.has_results() and not overwrite:
            raise HeadposeError(f"{self.path} has results; use --overwrite or another folder")
        if overwrite:
            self._clear()
        if self.journal.exists():
            writable_folder(self.path / cd.CROPS)
            done = self._read_journal(options)
            if done is not None:
                return done
        with disk_errors(self.journal, self.journal):
            self.journal.write_text(json.dumps({"options": options}) + "\n", encoding="utf-8")
        writable_folder(self.path / cd.CROPS)
        return {}

    def add(self, records: Iterable[Record]) -> None:
        """Notes what is done. Their crops must be on disk."""
        try:
            with (
                disk_errors(self.journal, self.journal),
                self.journal.open("a", encoding="utf-8") as file,
            ):
                file.writelines(json.dumps(dataclasses.asdict(r)) + "\n" for r in records)
        except OSError as error:
            raise HeadposeError(f"cannot write {self.journal}: {reason(error)}") from error

    def _read_journal(self, options: dict) -> dict[str, Record] | None:
        """Returns what is done; None if not even the options were written in full."""
        check_readable(self.journal)
        # What was being written when the work was cut short has no line end.
        whole = self.journal.read_bytes()
        whole = whole[: whole.rfind(b"\n") + 1]
        if not whole:
            return None
        try:
            first, *lines = whole.decode("utf-8").splitlines()
            before = cd.in_todays_words(parse_json(first)["options"])
            records = [Record(**parse_json(line)) for line in lines]
            made = {record.key: [row["file"] for row in record.rows] for record in records}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise HeadposeError(
                f"{self.journal}: damaged; use --overwrite to start anew"
            ) from error
        self._check_same(before, json.loads(json.dumps(options)))
        with atomic_write(self.journal) as temporary:
            temporary.write_bytes(whole)
        present = {f"{cd.CROPS}/{f.name}" for f in (self.path / cd.CROPS).iterdir()}
        return {r.key: r for r in records if present.issuperset(made[r.key])}

    def _check_same(self, before: dict, options: dict) -> None:
        """Refuses to go on where crops would be of two kinds, or nobody can tell."""
        names = [n for n in {**before, **options} if before.get(n) != options.get(n)]
        if not names:
            return
        if before.keys().isdisjoint(names):
            raise HeadposeError(
                f"{self.path} has unfinished work of an earlier version, which did not note its "
                f"{', '.join(names)}; go on with that version, or --overwrite to start anew"
            )
        raise HeadposeError(
            f"{self.path} has unfinished work with other options ({', '.join(names)}); "
            "give the same again to go on, or --overwrite to start anew"
        )

    def _clear(self) -> None:
        """Removes what cleaning wrote, and nothing else; the tables last."""
        whole = (self.path / cd.SUMMARY).exists()
        tables = any(f.exists() for f in self._results) and not self._has_begun()
        if (self.has_results() or tables) and not whole:
            found = [f.name for f in self._results if f.exists()] or [cd.CROPS]
            raise HeadposeError(
                f"{self.path} has {', '.join(found)} but no {cd.SUMMARY}: not made by cleaning; "
                "choose another --output"
            )
        crops = self.path / cd.CROPS
        if crops.is_dir():
            for file in crops.iterdir():
                if CROP_NAME.match(file.name):
                    file.unlink()
        for file in self._results:
            file.unlink(missing_ok=True)
        self.journal.unlink(missing_ok=True)

    def finish(
        self,
        records: list[Record],
        problems: Problems,
        options: dict,
        protocol: str = "grouped",
        splits_tilt: int = 8,
        splits_pan: int = 8,
        test_ratio: float = 0.2,
        validation_ratio: float = 0.2,
        seed: int = 0,
        arrays: bool = False,
        test_subjects: Sequence[str] = (),
    ) -> dict:
        """Divides the crops and writes tables, norm, arrays and summary.

        Args:
            records: Of all pictures, in order.
            problems: What the readers reported; gets what the records report.
            options: For the summary.
            protocol: See `headpose.datasets.splits`, as for the following.
            splits_tilt: Classes of tilt.
            splits_pan: Classes of pan.
            test_ratio: Share of all rows.
            validation_ratio: Share of what remains.
            seed: Of classes and parts.
            arrays: Whether to write the arrays too.
            test_subjects: See `headpose.datasets.splits.split`.

        Returns:
            The summary.

        Raises:
            HeadposeError: If there is no crop, or too few to divide.
        """
        for record in records:
            for kind, name in record.problems:
                problems.add(kind, name)
        # Names may be no UTF-8, of which pandas makes no table.
        rows = [spelled_texts(row) for record in records for row in record.rows]
        if not rows:
            told = "; ".join(problems.lines())
            raise HeadposeError(
                f"not one crop: {told}; try a lower --confidence or another --detector"
            )
        table = pd.DataFrame(rows)
        if protocol == "original":
            table = splits.with_repeats(self._with_mirror_images(table))
        table["class"] = splits.pose_classes(table, splits_tilt, splits_pan, seed)
        parts = splits.split(table, protocol, test_ratio, validation_ratio, seed, test_subjects)
        norm = crop_writing.write_norm(self.path, table[parts == "train"])
        if arrays:
            for part in cd.PARTS:
                crop_writing.write_arrays(self.path, part, table[parts == part])
        crop_writing.write_tables(self.path, table, parts)
        reports = [(k, spelled(n)) for k, names in problems.by_kind.items() for n in names]
        write_table(self.path / LEFT_OUT, pd.DataFrame(reports, columns=["kind", "name"]))
        summary = {
            "options": options,
            "split": {
                "protocol": protocol,
                "splits tilt": splits_tilt,
                "splits pan": splits_pan,
                "test ratio": test_ratio,
                "test subjects": list(test_subjects),
                "validation ratio": validation_ratio,
                "seed": seed,
            },
            "datasets": counts(records),
            "rows": {part: int((parts == part).sum()) for part in cd.PARTS},
            "shared with train": splits.shared(table, parts),
            "norm": {name: round(float(value), 6) for name, value in norm.items()},
            "reported": {kind: len(names) for kind, names in problems.by_kind.items()},
        }
        write_json(self.path / cd.SUMMARY, summary)
        self.journal.unlink(missing_ok=True)
        return summary

    def _with_mirror_images(self, table: pd.DataFrame) -> pd.DataFrame:
        """Writes each crop's mirror image, and returns the table with a row for it too."""
        for name in progress(table["file"], "mirror images", total=len(table)):
            crop = cd.load_crops(self.path, [name])[0]
            crop_writing.write_crop(self.path / crop_writing.mirrored_name(name), cv2.flip(crop, 1))
        twin = table.assign(file=table["file"].map(crop_writing.mirrored_name), mirrored=1)
        # Adding 0 turns -0 into 0.
        twin[list(ANGLES)] = flip(table[list(ANGLES)].to_numpy(np.float64)) + 0.0
        return pd.concat([table, twin]).sort_index(kind="stable").reset_index(drop=True)


def counts(records: list[Record]) -> dict[str, dict]:
    """Counts for each data set, and over all if there are several.

    Returns:
        `pictures`, `annotated` heads, `detected` heads, `matched`; `t_ratio`: matched
        detections / annotated heads; `f_ratio`: unmatched detections / all detections.
        A ratio of nothing is None.
    """
    result: dict[str, dict] = {}
    for record in records:
        row = result.setdefault(
            record.key.rpartition("-")[0], dict(pictures=0, annotated=0, detected=0, matched=0)
        )
        row["pictures"] += 1
        row["annotated"] += record.annotated
        row["detected"] += record.detected
        row["matched"] += len(record.rows)
    if len(result) > 1:
        total = {k: sum(r[k] for r in result.values()) for k in next(iter(result.values()))}
        result["all"] = total
    for row in result.values():
        wrong = row["detected"] - row["matched"]
        row["t_ratio"] = round(row["matched"] / row["annotated"], 6) if row["annotated"] else None
        row["f_ratio"] = round(wrong / row["detected"], 6) if row["detected"] else None
    return result


def keyed(pictures: list[PoseAnnotation]) -> list[tuple[str, PoseAnnotation]]:
    """Gives the pictures of one data set keys, by their order."""
    return [(f"{p.dataset}-{i:05d}", p) for i, p in enumerate(pictures)]


def fingerprint(pictures: list[PoseAnnotation]) -> str:
    """Returns a digest of names and labels, to notice that the data changed."""
    digest = hashlib.sha256()
    for picture in pictures:
        names = f"{picture.dataset}\n{picture.name}\n{picture.subject}\n"
        digest.update(names.encode(errors="surrogatepass"))  # names may be no UTF-8
        digest.update(np.asarray(picture.boxes, "<f4").tobytes())
        digest.update(np.round(np.asarray(picture.angles, "<f8"), 4).tobytes())
    return digest.hexdigest()[:16]


def fingerprint_of_files(pictures: list[PoseAnnotation]) -> str:
    """Returns a digest of the pictures' sizes in bytes, to notice that they changed."""
    digest = hashlib.sha256()
    for picture in pictures:
        try:
            size = picture.path.stat().st_size
        except OSError:  # it is told where the picture is read
            size = -1
        digest.update(f"{size}\n".encode())
    return digest.hexdigest()[:16]
