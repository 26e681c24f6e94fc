"""The network that a training run of a pose estimator begins with."""

from typing import TYPE_CHECKING, Any

from headpose.errors import HeadposeError
from headpose.reporting import logger
from headpose.training.fields import warn_of_idle
from headpose.training.pose_config import ROTATIONS, Network, PoseTrainingConfig

if TYPE_CHECKING:
    import keras


def misfit(network: Network, size: int) -> str | None:
    """Returns why there is no such network for crops of a size, if there is none."""
    if network.architecture == "patacchiola" and 2**network.conv_blocks > size:
        return f"{network.conv_blocks} poolings leave nothing of crops of {size} pixels"
    return None


def check_options(config: PoseTrainingConfig, architecture: str) -> None:
    """Refuses options that only networks that tell rotations have, for another one."""
    asked = {
        "--with-mirror": config.with_mirror,
        "--average-with": config.average_with,
        "--teacher": config.learning.teacher,
        "--colour": config.crop.colour,
        "--hold-out": config.learning.hold_out,
    }
    for option, given in asked.items():
        if given and architecture not in ROTATIONS:
            raise HeadposeError(f"{option} is for --architecture rotation; leave it out")


def start_network(config: PoseTrainingConfig, crop: dict[str, Any], rolls: bool) -> "keras.Model":
    """Builds the network with its first weights; `rolls` is whether labels have roll."""
    import keras

    from headpose.models.keras_files import load_model
    from headpose.training.starting import freeze, take_weights

    path = config.network.start
    start = load_model(path) if path else None
    architecture = config.network.architecture or (architecture_of(start) if path else None)
    architecture = architecture or ("rotation" if rolls else "compact")
    check_options(config, architecture)
    if architecture != "patacchiola":
        names = ("conv_blocks", "filters", "dense_layers", "dense_size")
        warn_of_idle(config.network, names, "on networks but --architecture patacchiola")
    if not config.learning.teacher:
        warn_of_idle(config.learning, ("teacher_share",), "without --teacher")
    outputs = 3 if architecture in ROTATIONS else config.network.outputs
    if outputs == 3 and not rolls and not config.learning.teacher:
        logger.warning("no head to learn from has a roll: what is told of it will mean nothing")
    keras.utils.set_random_seed(config.learning.seed)
    model = _build(config.network, architecture, crop, rolls)
    if path:
        take_weights(model, start, path)
        warn_of_other_cut(start, crop, path)
        if architecture in ROTATIONS:
            model = with_turn_of(model, start, path)
    freeze(model, config.network.freeze)
    if config.average_with:
        with_others(config, model)  # what cannot be averaged is told before training
    return model


def warn_of_other_cut(start: "keras.Model", crop: dict[str, Any], path: str) -> None:
    """Warns where crops are not cut as what the weights of `start` learned from."""
    from headpose.pose.networks import CropInput

    cut = next((layer for layer in start.layers if isinstance(layer, CropInput)), None)
    if cut is not None and (cut.side, cut.margin) != (crop["side"], crop["margin"]):
        logger.warning(
            "%s: learned from crops that are cut with --side %s --margin %g, not %s and %g",
            *(path, cut.side, cut.margin, crop["side"], crop["margin"]),
        )


def architecture_of(model: "keras.Model") -> str | None:
    """Returns which of `ROTATIONS` a network is, perhaps one that asks itself twice; else None."""
    from headpose.pose.rotation import HeadAngles, all_layers

    layers = list(all_layers(model))
    if not any(isinstance(layer, HeadAngles) for layer in layers):
        return None
    is_efficientnet = any(layer.name.startswith("stage1") for layer in layers)
    return "efficientnet" if is_efficientnet else "rotation"


def with_turn_of(model: "keras.Model", start: "keras.Model", path: str) -> "keras.Model":
    """Returns a model that turns heads in profile as far as the one that it begins with.

    Training reads what comes before that turn, so that it changes no lesson.

    Args:
        model: The one to be trained.
        start: The one that it begins with, of any kind.
        path: Its file, for messages.
    """
    from headpose.pose.rotation import with_profile_turn

    turn = _turn_of(start)
    if not turn:
        return model
    logger.info("%s: heads in profile are turned %g degrees further, as in it", path, turn)
    return with_profile_turn(model, turn)


def _turn_of(model: "keras.Model") -> float:
    """Returns by how many degrees a model turns heads in profile further; 0 without rotations."""
    from headpose.pose.rotation import HeadAngles

    return next((one.profile_turn for one in model.layers if isinstance(one, HeadAngles)), 0.0)


def with_others(config: PoseTrainingConfig, model: "keras.Model") -> "keras.Model":
    """Returns a model that asks the others that are to be asked as well, if there are any."""
    from headpose.models.keras_files import load_model
    from headpose.pose.joining import joined
    from headpose.pose.rotation import asked_once

    others = []
    for path in config.average_with:
        others.append(load_model(path))
        try:
            asked_once(others[-1])
        except HeadposeError as error:
            raise HeadposeError(f"{path}: {error}") from error
    if not others:
        return model
    together = joined([model, *others])
    if _turn_of(together) != _turn_of(model):
        told = "averaged networks turn heads in profile %g degrees further, the mean of theirs"
        logger.info(told, _turn_of(together))
    return together


def _build(network: Network, architecture: str, crop: dict[str, Any], rolls: bool) -> "keras.Model":
    """Builds the network that the configuration asks for."""
    from headpose.pose import networks

    cut = {"side": crop["side"], "margin": crop["margin"]}
    if architecture in ROTATIONS:
        build = networks.ROTATIONS[architecture]
        channels = 1 if crop["grey"] else 3
        return build(crop["size"], network.dropout, channels=channels, **cut)
    if architecture == "compact":
        outputs = network.outputs or (3 if rolls else 2)
        return networks.build_compact(crop["size"], network.dropout, outputs, **cut)
    return networks.build_patacchiola(
        in_size=crop["size"],
        num_conv_blocks=network.conv_blocks,
        num_filters_start=network.filters,
        num_dense_layers=network.dense_layers,
        dense_layer_size=network.dense_size,
        dropout_rate=network.dropout,
        outputs=network.outputs or 2,
        **cut,
    )
