"""Variants of `run.py` measured in turns, each in a process of its own."""

import itertools
import random
from collections.abc import Sequence
from pathlib import Path

import accuracy
import numpy as np
from process_worker import ProcessWorker
from variant_process import VariantProcess
from variants import REFERENCE, VARIANTS, Models

from headpose.baselines.heads import CropRecipe
from headpose.cli import common as cl
from headpose.errors import HeadposeError
from headpose.geometry.crops import head_crops
from headpose.images.pictures import read_image

PICTURES, HEADS = (1, 4), (1, 32)  # in a timed call of the detector, of the estimator
# Timed calls, see `VariantProcess`: the last one is of detector and estimator in a row.
CALLS = (*(("detect", n) for n in PICTURES), *(("estimate", n) for n in HEADS), ("photo", 1))
WARM_UP = 2  # calls before the first that counts
FIRST_FRAMES = 9  # of the video that warms up: a batch of one, and two of four
DISTURBING = 0.01  # CPU seconds of a process that waits


class BenchmarkRunner:
    """The variants that run, and what is known of each so far.

    Args:
        folder: For files that the processes share.
        portrait: uint8 (H, W, 3), BGR: what is seen where there are no data.

    Attributes:
        results: Figures by variant.
        recipes: How the crops of each are cut.
    """

    def __init__(self, folder: Path, portrait: np.ndarray):
        self.results: dict[str, dict] = {}
        self.recipes: dict[str, CropRecipe] = {}
        self._workers: dict[str, ProcessWorker] = {}
        self._folder, self._portrait = folder, portrait
        self._pictures = self._saved("pictures", timed_pictures(portrait))

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        for worker in self._workers.values():
            worker.stop()

    @property
    def running(self) -> list[str]:
        """Names the variants that have not failed."""
        return list(self._workers)

    def start(self, name: str, models: Models) -> None:
        """Starts a variant; one that cannot be is told and left out."""
        try:
            worker = ProcessWorker(VariantProcess, VARIANTS[name], models, self._pictures)
        except HeadposeError as failure:
            cl.tell(f"{name}: skipped: {failure}")
            return
        self._workers[name] = worker
        self.results[name] = {"file bytes": models.size}
        options = self.ask(name, "crop_options")
        if options is not None:
            self.recipes[name] = CropRecipe(**options)
            crops = accuracy.made_up_crops(self._portrait, self.recipes[name], max(HEADS))
            self.ask(name, "take_crops", self._saved(f"made-up-{name}", crops))

    def ask(self, name: str, method: str, *arguments):
        """Returns a variant's answer; None from one that fails, which is told and ends."""
        worker = self._workers.get(name)
        if worker is None:
            return None
        try:
            answer = worker.ask(method, *arguments)
        except HeadposeError as failure:
            cl.warn(f"{name}: dropped: {failure}")
            worker.stop()
            del self._workers[name]
            return None
        after, waiting = worker.burned
        known = self.results[name].setdefault("cpu seconds", {"after a call": 0.0, "waiting": 0.0})
        known["after a call"] = max(known["after a call"], after)
        known["waiting"] = max(known["waiting"], waiting)
        return answer

    def time_calls(self, repeats: int) -> None:
        """Times detectors and estimators, and takes the memory afterwards."""
        rng = random.Random(0)
        rounds = list(itertools.product(CALLS, range(-WARM_UP, repeats)))
        for (method, count), turn in cl.progress(rounds, "rounds"):
            # In another order each time: what one leaves in the caches meets all alike.
            for name in rng.sample(self.running, len(self.running)):
                seconds = self.ask(name, method, count)
                if turn >= 0 and seconds is not None:
                    key = f"{method} {count}, seconds"
                    self.results[name].setdefault(key, []).append(seconds)
        for name in self.running:
            self.results[name]["peak bytes"] = self.ask(name, "peak")
            waiting = self.results[name]["cpu seconds"]["waiting"]
            if waiting > DISTURBING:
                cl.warn(f"{name}: computed for {1000 * waiting:.0f} ms in the others' turns")

    def time_videos(self, clip: str, frames: int, repeats: int) -> None:
        """Times annotating a video; the first time, of a few frames, does not count."""
        target = str(self._folder / "annotated.mp4")
        rounds = [(turn, name) for turn in range(repeats + 1) for name in self.running]
        for turn, name in cl.progress(rounds, "videos"):
            count = frames if turn else min(frames, FIRST_FRAMES)
            if (answer := self.ask(name, "video", clip, target, count)) is None or not turn:
                continue
            seconds, done, heads = answer
            video = self.results[name].setdefault("video", {"frames a second": []})
            video["frames a second"].append(done / seconds)
            video |= {"frames": done, "heads a frame": heads / max(done, 1)}

    def compare(self, photos: Sequence[Path]) -> bool:
        """Measures how far boxes and angles of our models are from the reference's.

        Returns:
            False if the reference does not run.
        """
        if REFERENCE not in self.running:
            return False
        names = [name for name in self.running if VARIANTS[name].ours]
        found = {name: self.ask(name, "found", photos) for name in cl.progress(names, "detectors")}
        if (reference := found[REFERENCE]) is None:
            return False
        crops = self._saved("compared", self._compared_crops(photos, reference))
        told = {name: self.ask(name, "angles", crops) for name in cl.progress(names, "estimators")}
        if told[REFERENCE] is None:
            return False
        sides = [accuracy.long_side(photo) for photo in photos]
        for name in set(self.running) & set(names) - {REFERENCE}:
            self.results[name] |= {
                "boxes off": accuracy.box_differences(reference, found[name], sides),
                "angles off": accuracy.angle_differences(told[REFERENCE], told[name]),
            }
        return True

    def _compared_crops(self, photos, found) -> np.ndarray:
        """Cuts heads of the photos where the reference found them, and the portrait's, moved."""
        recipe = self.recipes[REFERENCE]
        options = (recipe.size, recipe.side, recipe.margin, recipe.grey)
        parts = [
            head_crops(read_image(photo), boxes, *options)
            for photo, (boxes, _) in zip(photos, found, strict=True)
        ]
        parts.append(accuracy.made_up_crops(self._portrait, recipe, max(HEADS)))
        return np.concatenate(parts)

    def _saved(self, name: str, array: np.ndarray) -> str:
        path = self._folder / f"{name}.npy"
        np.save(path, array)
        return str(path)


def timed_pictures(portrait: np.ndarray) -> np.ndarray:
    """Returns four pictures (4, 384, 512, 3) with a head: the portrait's upper part, turned."""
    upper = portrait[:384, :512]
    return np.stack([upper, upper[:, ::-1]] * (max(PICTURES) // 2))
