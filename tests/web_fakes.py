"""What the web page's tests share: networks that answer at once, and readers of answers.

Run as a script it is `headpose web` with these networks.
"""

import base64
import csv
import sys
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np

from headpose.models.specs import MEASURES
from headpose.pipeline import HeadPosePipeline


class Detector:
    """Finds two heads in every picture, at fixed shares of its width and height."""

    confidence = 0.5
    shares = np.float32([(0.1, 0.2, 0.4, 0.8), (0.5, 0.3, 0.9, 0.7)])
    scores = np.float32([0.9, 0.6])

    def detect(self, pictures, confidence=None):
        found = self.scores > (self.confidence if confidence is None else confidence)
        return [
            (self.shares[found] * np.tile(p.shape[1::-1], 2), self.scores[found]) for p in pictures
        ]


class Estimator:
    """Tells a tenth of a crop's blue, green and red as tilt, pan and roll.

    It expects an error of 7 degrees at the first head, and of 37 at the second.
    """

    crop_options = {"size": 16, "side": "long", "margin": 1.0, "grey": False}  # noqa: RUF012

    def __init__(self, outputs=6):
        self.outputs = outputs

    def measures(self, crops):
        result = np.full((len(crops), len(MEASURES)), np.nan, np.float32)
        if len(crops):
            told = min(self.outputs, 3)
            result[:, :told] = np.asarray(crops, np.float32).mean(axis=(1, 2))[:, :told] / 10
            result[:, 3:5] = -5.25
            if self.outputs == len(MEASURES):
                result[:, 5] = 7 + 30 * np.arange(len(crops))
        return result


def pipeline(confidence=None, max_error=None, outputs=6) -> HeadPosePipeline:
    return HeadPosePipeline(Detector(), Estimator(outputs), confidence, max_error)


class Cells(HTMLParser):
    """Reads the rows of a table, and all text."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.text, self._cell = [], "", False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        self._cell = tag in ("td", "th")
        if self._cell:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self._cell = False

    def handle_data(self, data):
        self.text += data
        if self._cell:
            self.rows[-1][-1] += data


def rows_of(report: str) -> list[dict]:
    """Returns the heads of a report by the names of its columns."""
    names, *rows = Cells(report).rows
    return [dict(zip(names, row, strict=True)) for row in rows]


def number(cell: str) -> float:
    return float(cell.replace("−", "-"))


def read_csv(path) -> list[dict]:
    return list(csv.DictReader(Path(path).read_text().splitlines()))


def data_url(picture: np.ndarray) -> str:
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 100])[1]
    return f"data:image/jpeg;base64,{base64.b64encode(encoded).decode()}"


def from_data_url(url: str) -> np.ndarray:
    data = base64.b64decode(url.removeprefix("data:image/jpeg;base64,"))
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


if __name__ == "__main__":
    import headpose.cli.pipeline_options
    from headpose.cli.main import main

    headpose.cli.pipeline_options.pipeline_from = lambda _: pipeline()
    sys.argv[1:1] = ["web"]
    main()
