"""Numbers and words that options do not take."""

from collections.abc import Iterator

from bad_inputs.case import Case


def cases() -> Iterator[Case]:
    numbers = {
        "image": ("--confidence", "--max-error", "--detector-size", "--every"),
        "video": ("--start", "--every", "--fps", "--max-size", "--beta"),
        "annotate": ("--shard-size", "--every", "--workers"),
        "evaluate-detector": ("--limit", "--confidence", "--textures"),
        "clean-aflw": ("--size", "--margin", "--match", "--test-ratio", "--seed"),
        "match-datasets": ("--iou",),
        "web": ("--port",),
        "serve": ("--port",),
    }
    for command, options in numbers.items():
        for option in options:
            for value in ("-1", "nan", "many", ""):
                yield Case(command, f"{option} {value!r}", (f"{option}={value}",))
    choices = {
        "image": ("--draw=dots", "--device=tpu", "--backend=caffe", "--precision=float8"),
        "evaluate": ("--part=all-of-it",),
        "export": ("--format=caffe",),
        "convert": ("--preset=mine",),
        "clean-pointing04": ("--split=fair", "--side=left", "--interpolation=best"),
        "annotate": ("--format=xls",),
    }
    for command, options in choices.items():
        for option in options:
            yield Case(command, option, ("good.png", option))
    for command in ("image", "evaluate", "train", "sweep", "convert", "doctor"):
        yield Case(command, "an option that does not exist", ("--nonsense",))
    for command in ("evaluate", "compare", "convert", "export", "annotate", "sweep", "train"):
        yield Case(command, "no arguments at all", ())
    gpu = ("good.png", "--backend=opencv", "--device=gpu")
    yield Case("image", "options that contradict each other", gpu)
    whole = {
        "image": ("good.png",),
        "annotate": ("good.png", "--output=new"),
        "evaluate": ("ours", "good.csv"),
    }
    for command, arguments in whole.items():
        for other in ("--backend=keras", "--backend=litert", "--device=gpu"):
            what = f"--precision=int8 with {other}"
            yield Case(command, what, (*arguments, "--precision=int8", other))
    nothing_to_do = {
        "image": ("--convention=biwi", "--empty"),
        "video": ("--csv=new.csv --blur", "--csv=new.csv --draw=cube", "--reconnect"),
        "export": ("--format=opencv --half", "--format=onnx --int8=good.csv --half"),
    }
    inputs = {"image": "good.png", "video": "good.png", "export": "{estimator}"}
    for command, given in nothing_to_do.items():
        for text in given:
            what = f"options that have nothing to do: {text}"
            yield Case(command, what, (inputs[command], *text.split()))
    smoothing = ("good.png", "--no-smooth", "--beta=3")
    yield Case("video", "options that have nothing to do: --no-smooth --beta=3", smoothing)
    both = ("good.csv", "--validation=good.csv", "--start=ours", "--pruned-from=ours")
    yield Case("train-detector", "options that contradict each other", both)
    pair = ("good.csv", "--validation=good.csv", "--output=new", "--brightness", "2", "1")
    yield Case("train", "a range that ends before it begins", pair)
    yield Case("image", "a window without a display", ("good.png", "--show"))
    yield Case("image", "two tables for standard output", ("good.png", "--csv=-", "--json=-"))
    yield Case("imagine", "a command that does not exist", ())
    yield Case("", "an empty command", ())
