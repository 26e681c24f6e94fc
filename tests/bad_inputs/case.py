"""What a case is."""

import dataclasses

# Images and videos are searched by what opens without any network.
QUICK = ("--detector", "viola-jones")


@dataclasses.dataclass(frozen=True)
class Case:
    """One command line, and what is bad about it."""

    command: str
    what: str
    arguments: tuple[str, ...]
