"""Sets of labelled heads, as estimators learn from them.

Heads are kept as patches: squares that show more than the crop, so that the box
can be moved, grown and turned without leaving the picture (`headpose.training.pose_examples`).
"""

import dataclasses

import numpy as np


@dataclasses.dataclass
class HeadSet:
    """Labelled heads.

    Attributes:
        crops: uint8 (N, S, S), exactly what an estimator sees, for measuring; or
            (N, S, S, 3) BGR for one that takes colour.
        patches: uint8 (N, P, P) or (N, P, P, 3), with more around them, for training; those
            of rendered heads are grey always.
        sides: (N,), pixels of the patch that the crop's side spans.
        angles: float32 (N, 3): tilt, pan, roll in degrees; NaN where unknown.
        weights: (N,), how far each label is trusted, 0..1.
        away: bool (N,), heads seen from behind, of which no more is known.
        alpha: uint8 (N, P, P) or None; what is transparent gets a background.
        share: Of the training examples.
        units: (N,), numbers of what belongs together (an identity, a person, a picture),
            the same in every run; None where that is not known.
        origins: (N,), numbers that change with the picture and the box of a head, the same
            wherever they lie; None where that is not known.
    """

    crops: np.ndarray
    patches: np.ndarray
    sides: np.ndarray
    angles: np.ndarray
    weights: np.ndarray
    away: np.ndarray
    alpha: np.ndarray | None = None
    share: float = 1.0
    units: np.ndarray | None = None
    origins: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.angles)

    @property
    def measurable(self) -> np.ndarray:
        """Which heads (N,) have angles that an estimator's error is told by, and count."""
        return ~self.away & (self.weights > 0)

    def select(self, chosen: np.ndarray) -> "HeadSet":
        """Returns the heads that a mask (N,) or indices choose."""
        arrays = {
            field.name: value[chosen]
            for field in dataclasses.fields(self)
            if isinstance(value := getattr(self, field.name), np.ndarray)
        }
        return dataclasses.replace(self, **arrays)

    def reduced(self, size: int, grey: bool) -> "HeadSet":
        """Returns the heads as an estimator of crops of `size` pixels sees them."""
        from headpose.datasets.crop_dataset import fitted

        small = round(self.patches.shape[1] * size / self.crops.shape[1])
        return dataclasses.replace(
            self,
            crops=fitted(self.crops, size, grey),
            # Rendered heads' patches are grey always.
            patches=fitted(self.patches, small, grey or self.patches.ndim == 3),
            sides=self.sides * small / self.patches.shape[1],
            alpha=None if self.alpha is None else fitted(self.alpha, small, grey=True),
        )


def divide(heads: HeadSet, held_out: float) -> tuple[HeadSet, HeadSet]:
    """Divides heads into those to learn from and those held out, by their units.

    A unit's place follows from its name alone, so that it is the same in every run. Heads
    whose units are not known are all learned from.

    Args:
        heads: Labelled heads.
        held_out: Share of the units, 0..1.
    """
    if heads.units is None:
        return heads, heads.select(np.zeros(len(heads), bool))
    out = heads.units % 1000 < round(1000 * held_out)
    return heads.select(~out), heads.select(out)
