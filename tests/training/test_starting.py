"""What networks begin with: weights that fit, and layers that do not learn."""

import keras
import numpy as np
import pytest
from small_models import small_detector

from headpose import reporting
from headpose.detection.classifier import build_classifier, build_efficientnet_classifier
from headpose.errors import HeadposeError
from headpose.models.efficientnet_lite import trunk
from headpose.models.keras_files import load_model, save_model
from headpose.pose.joining import joined
from headpose.pose.networks import build_compact, build_efficientnet, build_rotation
from headpose.pose.rotation import angles_layer, averaged_with_mirror, with_profile_turn
from headpose.training.pose_config import Network, PoseTrainingConfig
from headpose.training.pose_network import start_network, with_others
from headpose.training.starting import freeze, take_weights

CROPS = np.random.default_rng(4).uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)


def features_parameters(channels: int, blocks: int) -> int:
    """Counted by hand from Tan and Le's table of blocks, four numbers a normalization."""
    total, filters = 9 * channels * 32 + 4 * 32, 32
    table = [(3, 1, 16), *[(3, 6, 24)] * 2, *[(5, 6, 40)] * 2, *[(3, 6, 80)] * 3]
    for kernel, expansion, wanted in [*table, *[(5, 6, 112)] * 3][:blocks]:
        wide = filters * expansion
        total += (filters * wide + 4 * wide) * (expansion > 1)
        total += kernel**2 * wide + 4 * wide + wide * wanted + 4 * wanted
        filters = wanted
    return total


def test_networks_on_efficientnet_have_the_parameters_that_they_should():
    estimator, classifier = build_efficientnet(), build_efficientnet_classifier()
    pool_and_hidden, rotation = 16 * 112 + 112 * 128 + 4 * 128, 128 * 7 + 7
    assert estimator.count_params() == features_parameters(1, 10) + pool_and_hidden + rotation
    assert classifier.count_params() == features_parameters(3, 11) + 112 + 1
    assert estimator.output_shape == (None, 6)
    assert classifier.output_shape == (None, 1)


def test_an_estimator_takes_the_trunk_of_its_kind_and_keeps_what_is_frozen(tmp_path, monkeypatch):
    keras.utils.set_random_seed(1)
    grey = trunk(channels=1)
    grey.get_layer("stage2_block1_depth_bn").moving_mean.assign(np.full(96, 0.25))
    save_model(grey, tmp_path / "trunk.keras")
    model = build_efficientnet(blocks=3)
    told: list[str] = []
    monkeypatch.setattr(reporting, "_announce", told.append)
    take_weights(model, load_model(tmp_path / "trunk.keras"), "trunk.keras")
    # All but the pool, the hidden layer, its norm and the rotation.
    layers = [layer for layer in model.layers if layer.weights]
    assert told == [f"trunk.keras: {len(layers) - 4} of {len(layers)} layers take its weights"]
    np.testing.assert_array_equal(model.get_layer("stage2_block1_depth_bn").moving_mean, 0.25)
    freeze(model, ["stem", "stage1"])
    frozen = {layer.name for layer in layers if not layer.trainable}
    assert frozen == {
        *("stem_conv", "stem_bn", "stage1_block1_depth_conv", "stage1_block1_depth_bn"),
        *("stage1_block1_project_conv", "stage1_block1_project_bn"),
    }


@pytest.mark.parametrize("asked", [lambda model: model, averaged_with_mirror])
def test_a_run_goes_on_with_the_turn_of_what_it_starts_from(tmp_path, caplog, asked):
    """So that its score before training is that of the file."""
    start = tmp_path / "start.keras"
    save_model(asked(with_profile_turn(build_rotation(), 8)), start)
    config = PoseTrainingConfig(network=Network("rotation", start=str(start)))
    crop = {"size": 64, "side": "long", "margin": 0.9, "grey": True}
    caplog.set_level("INFO", "headpose")
    model = start_network(config, crop, rolls=True)
    assert angles_layer(model).profile_turn == 8
    assert "turned 8 degrees further" in caplog.text
    save_model(build_rotation(side="long", margin=0.9), tmp_path / "plain.keras")
    others = PoseTrainingConfig(average_with=[str(tmp_path / "plain.keras")])
    assert angles_layer(with_others(others, model)).profile_turn == 4
    assert "4 degrees further, the mean of theirs" in caplog.text


def test_a_classifier_on_efficientnet_comes_back_from_its_file(tmp_path):
    keras.utils.set_random_seed(2)
    model = build_efficientnet_classifier(blocks=2)
    freeze(model, ["stem"])
    save_model(model, tmp_path / "classifier.keras")
    loaded = load_model(tmp_path / "classifier.keras")
    told, expected = (keras.ops.convert_to_numpy(each(CROPS)) for each in (loaded, model))
    np.testing.assert_allclose(told, expected, rtol=1e-4, atol=1e-5)
    assert np.ptp(expected) > 0


def test_a_network_without_any_layer_that_fits_is_told():
    other = build_classifier(widths=(4, 4, 4))
    with pytest.raises(HeadposeError, match=r"none of its layers fits .* leave out --start"):
        take_weights(build_efficientnet(blocks=1), other, "other.keras")


def test_several_networks_in_one_are_no_start():
    both = joined([build_rotation(), build_rotation()])
    with pytest.raises(HeadposeError, match="asks several networks; --start from one of them"):
        take_weights(build_rotation(), both, "large.keras")


def test_what_tells_no_rotations_is_not_averaged(tmp_path):
    """A detector takes pictures of any size."""
    save_model(small_detector(), tmp_path / "detector.keras")
    config = PoseTrainingConfig(average_with=(str(tmp_path / "detector.keras"),))
    with pytest.raises(HeadposeError, match=r"detector\.keras: only estimators that tell rot"):
        with_others(config, build_rotation())


def test_a_name_that_no_layer_has_is_told():
    with pytest.raises(HeadposeError, match="no layer's name begins with 'stage9'"):
        freeze(build_efficientnet(blocks=1), ["stage9"])


@pytest.mark.parametrize(
    ("build", "name"),
    [(build_rotation, "rotation_pose"), (build_efficientnet, "efficientnet_pose")],
)
@pytest.mark.parametrize("asked", [1, 2])
def test_labels_without_roll_go_on_with_the_network_that_is_started_from(
    tmp_path, build, name, asked
):
    """They got another, smaller network, that knew little of it."""
    model = build(32)
    save_model(averaged_with_mirror(model) if asked == 2 else model, tmp_path / "a.keras")
    config = PoseTrainingConfig(network=Network(start=str(tmp_path / "a.keras")))
    crop = {"size": 32, "side": "long", "margin": 0.9, "grey": True}
    assert start_network(config, crop, rolls=False).name == name
    assert start_network(PoseTrainingConfig(), crop, rolls=False).name == "compact_pose"


def test_crops_that_are_cut_otherwise_than_those_learned_from_are_told(tmp_path, caplog):
    save_model(build_rotation(32, side="long", margin=0.9), tmp_path / "a.keras")
    config = PoseTrainingConfig(network=Network(start=str(tmp_path / "a.keras")))
    crop = {"size": 32, "side": "long", "margin": 0.9, "grey": True}
    start_network(config, crop, rolls=True)
    assert "learned from crops" not in caplog.text
    start_network(config, crop | {"margin": 1.0}, rolls=True)
    assert "learned from crops that are cut with --side long --margin 0.9, not long and 1" in (
        caplog.text
    )


def test_networks_without_a_rotation_do_not_choose_the_architecture(tmp_path):
    save_model(build_compact(32), tmp_path / "a.keras")
    config = PoseTrainingConfig(network=Network(start=str(tmp_path / "a.keras")))
    crop = {"size": 32, "side": "short", "margin": 1.0, "grey": True}
    assert start_network(config, crop, rolls=False).name == "compact_pose"
