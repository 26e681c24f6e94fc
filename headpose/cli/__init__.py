"""The commands. Warnings of libraries end none of them, see `headpose.cli.surroundings`."""

from headpose.cli.surroundings import calm_warnings

calm_warnings()
