"""The tables that `headpose evaluate-detector` prints."""

from headpose.cli.markdown import cell, markdown_table


def markdown(rows: list[dict]) -> str:
    """Lays rows out as a Markdown table."""
    cells = [
        [cell(v, ".3f") if isinstance(v, float) else str(v) for v in row.values()] for row in rows
    ]
    return markdown_table(list(rows[0]), cells)


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
