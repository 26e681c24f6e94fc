"""Bad inputs by command: what goes wrong most and what strangers would try.

A case is a command line; `{name}` in it stands for one of the files that `prepare` makes.
"""

from collections.abc import Iterator

from bad_inputs import (
    archives,
    crops,
    data_sets,
    exports,
    heads,
    model_files,
    options,
    outputs,
    pictures,
    servers,
    tables,
    training,
)
from bad_inputs.case import Case
from bad_inputs.files import prepare

KINDS = (
    *(options, outputs, model_files, data_sets, tables, pictures),
    *(servers, archives, heads, crops, exports, training),
)
__all__ = ["Case", "cases", "prepare"]


def cases() -> Iterator[Case]:
    """Yields all cases."""
    for kind in KINDS:
        yield from kind.cases()
