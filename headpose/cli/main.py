"""The command `headpose`: chooses a sub-command, whose module is imported only then."""

import importlib
import sys

from headpose import __version__
from headpose.cli import completion
from headpose.cli.common import run

# Name: module in this folder, and what it does.
COMMANDS = {
    "image": ("image", "find heads in photos and draw where each one is turned"),
    "video": ("video", "follow heads through a video, a camera or a stream"),
    "web": ("web", "try it on a page in the browser"),
    "serve": ("serve", "answer photos over HTTP: heads as JSON, or drawn"),
    "attend": ("attend", "tell from a table of heads who looks where"),
    "annotate": ("annotate", "go through an archive of any size, on processes or a cluster"),
    "convert": ("convert", "convert the published SSD512 detector from its .mat file"),
    "clean": ("clean", "cut head crops with angles from a published data set, by its name"),
    "clean-aflw": ("clean_aflw", "cut head crops with angles from AFLW"),
    "clean-pointing04": ("clean_pointing04", "cut head crops with angles from Pointing'04"),
    "clean-all": ("clean_all", "cut head crops with angles from both"),
    "train": ("train", "train a pose estimator"),
    "train-detector": ("train_detector", "train a head detector"),
    "train-classifier": ("train_classifier", "train a head detector's second stage"),
    "sweep": ("sweep", "train many networks"),
    "evaluate": ("evaluate", "measure pose estimators on labelled heads"),
    "trust": ("trust", "measure what limits of the expected error are worth"),
    "evaluate-detector": ("evaluate_detector", "measure head detectors on labelled pictures"),
    "compare": ("compare", "compare with deepgaze and other published estimators"),
    "match-datasets": ("match_datasets", "write the crops of heads that another clean folder has"),
    "convert-deepgaze": ("convert_deepgaze", "turn deepgaze's checkpoints into one Keras file"),
    "convert-efficientnet": (
        "convert_efficientnet",
        "turn EfficientNet's weights into a file to train from",
    ),
    "pseudo-labels": ("pseudo_labels", "label heads with angles that several estimators agree on"),
    "verify-weights": ("verify_weights", "look at weights of published networks: shapes, a trial"),
    "export": ("export", "export a model for other programs"),
    "doctor": ("doctor", "tell what is installed here and what is missing, for bug reports"),
}
# Scripts of earlier versions, which are sub-commands now.
OLD_SCRIPTS = {
    "demo_image": "image",
    "demo_video": "video",
    "demo_web": "web",
    "convert_ssd_512": "convert",
    "test_on_dataset": "evaluate",
    "test_detector": "evaluate-detector",
}


def usage() -> str:
    """Returns the help of the command itself."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: headpose COMMAND [options]",
            "",
            "Finds human heads in photos and video and says where each one is turned.",
            "",
            "commands:",
            *lines,
            "",
            "headpose COMMAND --help explains one; headpose --version says which version this is.",
        ]
    )


def main() -> None:
    """Runs the sub-command that the command line names and ends the process."""
    run(_run_command)


def run_script(command: str) -> None:
    """Runs a sub-command under the name of the script that is the same, and ends the process."""
    run(lambda: importlib.import_module(f"headpose.cli.{COMMANDS[command][0]}").main())


def _run_command() -> int | None:
    given = sys.argv[1:]
    if completion.is_asked():
        given = completion.typed_command(COMMANDS)
        if not given:
            completion.complete_commands(COMMANDS)
    sys.argv = ["headpose", *given]
    if not given or given[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if given else 2
    if given[0] in ("-V", "--version"):
        print(f"headpose {__version__}")
        return 0
    if given[0] not in COMMANDS:
        print(f"headpose: error: {_unknown(given[0])}", file=sys.stderr)
        return 2
    sys.argv = [f"headpose {given[0]}", *given[1:]]
    return importlib.import_module(f"headpose.cli.{COMMANDS[given[0]][0]}").main()


def _unknown(name: str) -> str:
    import difflib

    stem = name.removesuffix(".py").replace("-", "_")
    meant = OLD_SCRIPTS.get(stem) or stem.replace("_", "-")
    near = [meant] if meant in COMMANDS else difflib.get_close_matches(name, COMMANDS, 1)
    hint = f"did you mean headpose {near[0]}?" if near else "headpose --help lists all"
    return f"no command {name!r}; {hint}"
