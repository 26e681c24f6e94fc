"""Pictures of training runs and measurements, drawn without a display."""

import io
from pathlib import Path

from headpose.errors import HeadposeError
from headpose.files import atomic_write

DOTS_PER_INCH = 110


def figure(width: float = 7, height: float = 4.5):
    """Returns a matplotlib figure and its axes that need no display."""
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(width, height), layout="constrained")
    return drawing, drawing.subplots()


def check_figures(*paths: str | Path | None) -> None:
    """Makes sure that figures can be drawn as their names say. Call before the work.

    Args:
        paths: Where they will be written; None is passed over.

    Raises:
        HeadposeError: If a suffix names no format, or matplotlib is missing.
    """
    for path in (Path(path) for path in paths if path is not None):
        from matplotlib.backend_bases import FigureCanvasBase

        if path.suffix.lower().removeprefix(".") not in FigureCanvasBase.get_supported_filetypes():
            raise HeadposeError(f"{path}: no format of figures; name a .png, .svg or .pdf")


def save(drawing, path: str | Path, replace: bool = True) -> None:
    """Writes a figure, whole or not at all; for `replace` see `headpose.files.atomic_write`.

    Raises:
        HeadposeError: If the suffix names no format, or the file cannot be written.
    """
    content = io.BytesIO()  # on a disk that is full a PDF ends in errors of many kinds
    try:
        drawing.savefig(content, format=Path(path).suffix[1:].lower(), dpi=DOTS_PER_INCH)
    except ValueError as error:
        raise HeadposeError(f"{path}: {error}") from error
    with atomic_write(path, replace) as temporary:
        temporary.write_bytes(content.getvalue())


def plot_log(log: str | Path, path: str | Path, columns: list[str], label: str = "") -> None:
    """Draws columns of a CSV log over its `epoch` column."""
    import pandas as pd

    table = pd.read_csv(log)
    drawing, axes = figure()
    for column in columns:
        axes.plot(table["epoch"] + 1, table[column], label=column)
    axes.set(xlabel="epoch", ylabel=label)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.legend()
    save(drawing, path)


def plot_curves(lines: dict, path: str | Path, across: str, up: str, replace: bool = True) -> None:
    """Draws named lines, each a pair of arrays, on axes from 0 to 1; for `replace` see `save`."""
    drawing, axes = figure(6, 5)
    for name, (x, y) in lines.items():
        axes.plot(x, y, label=name)
    axes.set(xlabel=across, ylabel=up, xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    axes.legend()
    save(drawing, path, replace)
