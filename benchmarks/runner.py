"""Variants of `run.py` measured in turns, each in a process of its own."""

from collections.abc import Sequence
from pathlib import Path

import accuracy
import numpy as np
from measuring import in_turns
from process_worker import ProcessWorker
from variant_process import VariantProcess
from variants import REFERENCE, VARIANTS, Models

from headpose.baselines.heads import CropRecipe
from headpose.cli import common as cl
from headpose.errors import HeadposeError
from headpose.images.pictures import read_image

PICTURES, HEADS = (1, 4), (1, 32)  # in a timed call of the detector, of the estimator
# Timed calls, see `VariantProcess.seconds`.
CALLS = (*(("detect", n) for n in PICTURES), *(("estimate", n) for n in HEADS), ("photo", 1))
WARM_UP = 2  # calls before the first that counts
FIRST_FRAMES = 9  # of the video that warms up: a batch of one, and two of four


class BenchmarkRunner:
    """The variants that run, and what is known of each so far.

    Args:
        portrait: uint8 (H, W, 3), BGR: what is seen where there are no data.

    Attributes:
        results: Figures by variant.
    """

    def __init__(self, portrait: np.ndarray):
        self.results: dict[str, dict] = {}
        self._recipes: dict[str, CropRecipe] = {}
        self._workers: dict[str, ProcessWorker] = {}
        self._portrait = portrait

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        for worker in self._workers.values():
            worker.stop()

    def start(self, name: str, models: Models) -> None:
        """Starts a variant; one that cannot be is told and left out."""
        try:
            pictures = timed_pictures(self._portrait)
            worker = ProcessWorker(VariantProcess, VARIANTS[name], models, pictures)
            self._recipes[name] = CropRecipe(**worker.ask("crop_options"))
            worker.ask("take_crops", self._made_up_crops(name))
            if VARIANTS[name].ours and VARIANTS[name].backend == "onnxruntime":
                worker.ask("come_up_often", PICTURES)
        except HeadposeError as failure:
            cl.tell(f"{name}: skipped: {failure}")
            return
        self._workers[name], self.results[name] = worker, {"file bytes": models.size}

    def ask(
        self, method: str, *arguments, unit: str = "variants", repeats: int = 1, warm_up: int = 0
    ) -> dict[str, list]:
        """Returns what all variants answer in turns; those that fail end, and are not in it."""
        ways = {
            name: lambda worker=worker: worker.ask(method, *arguments)
            for name, worker in self._workers.items()
        }
        answers = in_turns(ways, repeats, unit, warm_up)
        for name in self._workers.keys() - answers.keys():
            self._workers.pop(name).stop()
        return answers

    def time_calls(self, repeats: int) -> None:
        """Times detectors and estimators, and takes the memory afterwards."""
        for call in CALLS:
            timed = self.ask("seconds", *call, unit="rounds", repeats=repeats, warm_up=WARM_UP)
            for name, seconds in timed.items():
                self.results[name]["{} {}, seconds".format(*call)] = seconds
        for name, (peak,) in self.ask("peak").items():
            self.results[name]["peak bytes"] = peak

    def time_videos(self, clip: str, target: Path, frames: int, repeats: int) -> None:
        """Times annotating a video; the first time, of a few frames, does not count."""
        self.ask("video", clip, target, min(frames, FIRST_FRAMES), unit="videos")
        timed = self.ask("video", clip, target, frames, unit="videos", repeats=repeats)
        for name, runs in timed.items():
            _, done, heads = runs[-1]
            rates = [run_frames / seconds for seconds, run_frames, _ in runs]
            video = {"frames": done, "heads a frame": heads / max(done, 1)}
            self.results[name]["video"] = {"frames a second": rates} | video

    def compare(self, photos: Sequence[Path]) -> bool:
        """Measures how far boxes and angles of our models are from the reference's.

        Returns:
            False if the reference does not run.
        """
        for name in [name for name in self._workers if not VARIANTS[name].compared]:
            self._workers.pop(name).stop()
        found = self.ask("found", photos)
        if REFERENCE not in found:
            return False
        (reference,) = found[REFERENCE]
        pictures, recipe = [read_image(photo) for photo in photos], self._recipes[REFERENCE]
        crops = [recipe.cut(p, boxes) for p, (boxes, _) in zip(pictures, reference, strict=True)]
        told = self.ask("angles", np.concatenate([*crops, self._made_up_crops(REFERENCE)]))
        if REFERENCE not in told:
            return False
        sides = [max(picture.shape[:2]) for picture in pictures]
        for name in told.keys() - {REFERENCE}:
            self.results[name] |= {
                "boxes off": accuracy.box_differences(reference, found[name][0], sides),
                "angles off": accuracy.angle_differences(told[REFERENCE][0], told[name][0]),
            }
        return True

    def _made_up_crops(self, name: str) -> np.ndarray:
        return accuracy.made_up_crops(self._portrait, self._recipes[name], max(HEADS))


def timed_pictures(portrait: np.ndarray) -> np.ndarray:
    """Returns four pictures (4, 384, 512, 3) with a head: the portrait's upper part, turned."""
    upper = portrait[:384, :512]
    return np.stack([upper, upper[:, ::-1]] * (max(PICTURES) // 2))
