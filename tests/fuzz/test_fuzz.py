"""A hundred damaged files of each kind; `fuzzer.py` reads thousands."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from fuzzer import fuzz
from kinds import KINDS
from mutations import mutate

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="children are forked, and limited, on Linux"
)

PATIENCE = 60  # seconds for a file; a machine that tests run on may be busy


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_give_a_sentence_or_a_result(kind, tmp_path):
    counts, findings = fuzz(kind, 100, tmp_path, seconds=PATIENCE)
    assert findings == []
    assert sum(counts.values()) == 100
    # Where the archive behind a .tflite is damaged, it has no description: opening it refuses.
    assert counts["refused"] > 5 or kind == "tflite"


def test_the_same_seed_gives_the_same_file():
    data = bytes(range(256)) * 4
    assert mutate(data, 7) == mutate(data, 7)
    assert len({mutate(data, seed) for seed in range(50)}) > 45
