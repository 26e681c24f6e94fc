"""The tables that `headpose evaluate-detector` prints."""

import math

from headpose.cli.markdown import markdown_table


def markdown(rows: list[dict]) -> str:
    """Lays rows out as a Markdown table."""
    return markdown_table(list(rows[0]), [[cell(v) for v in r.values()] for r in rows])


def cell(value: object) -> str:
    """Returns a cell of a table; a dash for what no head of a set can tell."""
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.3f}"
    return str(value)


def print_tags(tags: dict) -> None:
    """Prints the recall of heads by what their labels say of them."""
    cells = [
        [f"{kind} {value or '(none)'}", str(heads)]
        + [f"{of[kind][value][0] / heads:.3f}" for of in tags.values()]
        for kind, values in next(iter(tags.values())).items()
        for value, (_, heads) in values.items()
    ]
    if cells:
        print(f"\n{markdown_table(['recall at the threshold', 'heads', *tags], cells)}")
