"""What a command left out of its data: told, counted for its JSON file, and its exit status."""

from collections import Counter
from typing import TYPE_CHECKING

from headpose.datasets.problem_kinds import GONE
from headpose.reporting import FOUND, USED, report

if TYPE_CHECKING:
    from headpose.datasets.label_tables import Problems


class LeftOut:
    """What was left out of all sources.

    Attributes:
        counts: How often, by the kind of problem.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def report(self, source: object, problems: "Problems", strict: bool = False) -> None:
        """Tells what was left out of a source, see `headpose.reporting.report`, and counts it."""
        report(source, problems, strict)
        for kind, names in problems.by_kind.items():
            if FOUND not in kind and USED not in kind:
                self.counts[kind] += len(names)

    @property
    def status(self) -> int:
        """The exit status: 1 where pictures were missing or unreadable, else 0."""
        return 1 if GONE & self.counts.keys() else 0
