"""How `--help` is laid out."""

import argparse
import inspect
import os
import re
from pathlib import Path


class HelpFormatter(argparse.HelpFormatter):
    """Adds defaults that say something, with files as seen from here; keeps paragraphs apart."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(text))
        return "\n\n".join(self._paragraph(one, width, indent) for one in paragraphs)

    def _paragraph(self, text: str, width: int, indent: str) -> str:
        """Wraps a paragraph; an indented one is an example, which stays as it is."""
        if text.startswith(" "):
            return "\n".join(indent + line for line in text.split("\n"))
        return super()._fill_text(text, width, indent)

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        nothing = any(action.default is x for x in (None, False, argparse.SUPPRESS))
        silent = nothing or action.default in ([], ()) or "default" in text
        if silent or not action.option_strings:
            return text
        return f"{text} (default: {self._shown(action.default)})"

    @staticmethod
    def _shown(default: object) -> str:
        if isinstance(default, (list, tuple)):
            return " ".join(map(str, default))
        here = f"{Path.cwd()}{os.sep}"
        return str(default).removeprefix(here).replace("%", "%%")
