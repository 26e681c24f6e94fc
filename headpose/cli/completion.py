"""Completion of sub-commands and options in shells, by argcomplete where it is installed.

A shell that wants words completed starts the command with `_ARGCOMPLETE` set and what was
typed in `COMP_LINE` (argcomplete's protocol). `eval "$(register-python-argcomplete headpose)"`
switches it on.
"""

import argparse
import os
from collections.abc import Iterable

ASKED = "_ARGCOMPLETE"  # how many words come before the arguments


def is_asked() -> bool:
    """Tells whether a shell wants words completed."""
    return ASKED in os.environ


def typed_command(commands: Iterable[str]) -> list[str]:
    """Returns the sub-command that was typed, in a list; an empty one if there is none yet.

    The words after a sub-command are its own parser's to complete.

    Args:
        commands: All of them.
    """
    line = os.environ.get("COMP_LINE", "")[: int(os.environ.get("COMP_POINT") or 0) or None]
    words = line.split()
    if len(words) < 2 or words[1] not in commands or line.endswith(words[1]):
        return []
    os.environ[ASKED] = "2"
    return [words[1]]


def complete(parser: argparse.ArgumentParser) -> None:
    """Answers the shell from a parser's options and ends the process."""
    try:
        import argcomplete
    except ImportError:
        raise SystemExit(1) from None
    argcomplete.autocomplete(parser)


def complete_commands(commands: Iterable[str]) -> None:
    """Answers the shell with sub-commands and ends the process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=list(commands))
    complete(parser)
