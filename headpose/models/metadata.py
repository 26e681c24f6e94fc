"""What an exported file tells of itself, as JSON: for this project and for whoever else uses it."""

import dataclasses
import json
import re

from headpose.models.schema import read_object
from headpose.models.specs import ClassifierSpec, DetectorSpec, EstimatorSpec, Spec

SPECS = {spec.kind: spec for spec in (DetectorSpec, EstimatorSpec, ClassifierSpec)}
LAYOUT = 1  # of the JSON; a file of another one is not read


@dataclasses.dataclass(frozen=True)
class ModelMetadata:
    """What an exported file tells of itself.

    Attributes:
        spec: Of the network.
        source: Name of the model file that it was made from.
        digest: SHA-256 of that file.
        decoded: Whether boxes and angles are decoded in it.
        precision: `float32` or `int8`.
    """

    spec: Spec
    source: str
    digest: str
    decoded: bool = True
    precision: str = "float32"

    def to_json(self) -> str:
        head = {
            "headpose": LAYOUT,
            "kind": self.spec.kind,
            "source": self.source,
            "sha256": self.digest,
            "precision": self.precision,
            "decoded": self.decoded,
        }
        return json.dumps(head | self.spec.as_json(self.decoded), indent=1)

    @classmethod
    def from_json(cls, text: str) -> "ModelMetadata":
        """Reads what `to_json` wrote.

        Raises:
            ValueError: If it is something else, or of another layout.
        """
        values = read_object(text)
        if (layout := values.raw("headpose")) != LAYOUT:
            raise ValueError(f"layout {str(layout)[:20]}, not {LAYOUT}")
        spec = SPECS[values.choice("kind", tuple(SPECS))].from_json(values)
        digest = values.text("sha256")
        if not re.fullmatch("[0-9a-f]{64}", digest):
            raise ValueError("sha256 is no digest")
        precision = values.choice("precision", ("float32", "int8"))
        return cls(spec, values.text("source"), digest, values.flag("decoded"), precision)
