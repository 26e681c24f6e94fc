"""Data sets, spaces and foreign weights that are missing or none."""

from collections.abc import Iterator

from bad_inputs.case import Case

BENCHMARK = ("{estimator}", "--dataset", "aflw2000")


def cases() -> Iterator[Case]:
    for name in ("nowhere", "text", "empty-folder", "text.mat", "empty.mat", "half.mat", "pipe"):
        more = ("--output", "clean", "--detector", "labelled")
        yield Case("clean-aflw", f"data: {name}", (name, *more))
        yield Case("clean-pointing04", f"data: {name}", (name, *more))
    for name in ("nowhere", "empty-folder", "text", "pipe"):
        for dataset in ("aflw2000", "biwi", "300w-lp", "direct-mhp", "dad-3dheads"):
            more = ("--output", "clean", "--detector", "labelled")
            yield Case("clean", f"{dataset}: {name}", (dataset, name, *more))
    yield Case("clean", "a data set that nobody knows", ("nonsense", "nowhere"))
    yield Case("evaluate", "a benchmark that is missing", (*BENCHMARK, "nowhere"))
    yield Case(
        "evaluate", "a benchmark's figures into a folder", (*BENCHMARK, "folder", "--json=.")
    )
    for name in ("text.sqlite", "empty.sqlite"):
        yield Case("clean-aflw", f"data: {name}", (name, "--output", "clean"))
    yield Case("clean-all", "both data sets are missing", ("nowhere", "nowhere"))
    for name in ("text.mat", "empty.mat", "half.mat", "nowhere.mat", "folder", "pipe", "text.h5"):
        yield Case("convert", f"file: {name}", (name, "--output", "new.keras"))
    for name in ("nowhere.csv", "text", "other-columns.csv"):
        arguments = ("text.mat", "--layers", name, "--output", "new.keras")
        yield Case("convert", f"--layers: {name}", arguments)
    for name in ("odd.yaml", "words.yaml", "nowhere.yaml", "nothing", "folder", "binary.csv"):
        yield Case("sweep", f"--space: {name}", ("good.csv", "--space", name))
    for name in ("nowhere", "empty-folder", "text"):
        yield Case("convert-deepgaze", f"models: {name}", (name, "--output", "new.keras"))
    for name in ("nowhere.pth", "folder", "pipe"):
        yield Case("convert-efficientnet", f"file: {name}", (name, "--output", "new.keras"))
    yield Case("convert-efficientnet", "--output: no .keras", ("text", "--output", "new.onnx"))
