import numpy as np
import pytest
from optuna.distributions import FloatDistribution, IntDistribution

from headpose.errors import HeadposeError
from headpose.training.fields import with_values
from headpose.training.pose_config import PoseTrainingConfig
from headpose.training.sweep.spaces import SPACES, check, read_space


def test_the_published_searches_have_288_networks_and_27_augmentations():
    networks, settings = (read_space(name).grid() for name in SPACES)
    assert len(networks) == 288
    assert len(settings) == 27
    assert len({tuple(n.items()) for n in networks}) == 288
    published = {"conv_blocks": 6, "filters": 32, "dense_layers": 1, "dense_size": 512}
    assert published in networks


@pytest.mark.parametrize("name", SPACES)
def test_all_values_of_the_published_searches_are_options_of_train(name):
    space = read_space(name)
    check(space, PoseTrainingConfig())
    chosen = space.values(space.grid()[-1])
    config = with_values(PoseTrainingConfig(), {**space.fixed, **chosen})
    assert config.network.architecture == "patacchiola"
    assert config.network.dropout == 0
    assert config.augmentation.roll == 0


def test_shifts_deviate_as_the_published_ranges_do():
    """A value spread evenly over -r to r has the deviation r / sqrt(3)."""
    drawn = np.random.default_rng(0).uniform(-0.2, 0.2, 100_000).std()
    assert read_space("augmentation").options["shift"][1] == pytest.approx(drawn, rel=0.01)


def space_file(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return str(path)


def test_a_space_of_ones_own_is_read(tmp_path):
    space = read_space(
        space_file(
            tmp_path,
            """
            options:
              dense-size: {low: 8, high: 64, log: true, whole: true}
              learning_rate: {low: 1e-4, high: 1.0e-2, log: true}
              brightness: [[1, 1], [0.75, 1.25]]
              architecture: [compact, patacchiola]
            fixed: {dropout: 0}
            """,
        )
    )
    assert space.name == "mine"
    assert space.options["dense_size"] == IntDistribution(8, 64, log=True)
    assert space.options["learning_rate"] == FloatDistribution(1e-4, 1e-2, log=True)
    assert space.ranges == ["dense_size", "learning_rate"]
    chosen = {"dense_size": 9, "learning_rate": 0.001, "brightness": "0.75 1.25"}
    assert space.values(chosen) == {**chosen, "brightness": (0.75, 1.25)}
    assert space.fixed == {"dropout": 0}
    check(space, PoseTrainingConfig())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("options: {filters: [8", "not a YAML file"),
        ("- filters", "wanted are `options:`"),
        ("fixed: {filters: 8}", "wanted are `options:`"),
        ("options: {filters: []}", "needs a list of values"),
        ("options: {filters: 8}", "needs a list of values"),
        ("options: {filters: [8, 8]}", "the same value twice"),
        ("options: {filters: [{a: 1}]}", "no value of an option"),
        ("options: {filters: {low: 3, high: 2}}", "low < high"),
        ("options: {filters: {low: 0, high: 2, log: true}}", "low < high"),
        ("options: {filters: {low: 0.5, high: 2, whole: true}}", "low < high"),
        ("options: {filters: {low: 1, high: 2, step: 3}}", "low < high"),
        (f"options: {{filters: {{low: 1, high: 1{'0' * 400}}}}}", "low < high"),  # no float
        ("options: {output: [a, b]}", "for the sweep itself"),
        ("options: {dense_size: [8], dense-size: [16]}", "dense_size is there twice"),
        ("options: {filters: [8], filters: [16]}", "filters is there twice"),
        ("options: {filters: [8]}\noptions: {filters: [16]}", "options is there twice"),
    ],
)
def test_a_bad_space_is_told(tmp_path, text, told):
    with pytest.raises(HeadposeError, match=r"mine\.yaml") as error:
        read_space(space_file(tmp_path, text))
    assert told in str(error.value)


@pytest.mark.parametrize("text", ["filter_count: [8]", "filters: [0]", "shift: {low: 0, high: 7}"])
def test_values_that_train_would_refuse_are_told_before_anything_runs(tmp_path, text):
    space = read_space(space_file(tmp_path, f"options: {{{text}}}"))
    with pytest.raises(HeadposeError, match="space mine"):
        check(space, PoseTrainingConfig())


def test_a_grid_without_end_is_told(tmp_path):
    values = list(range(1, 101))
    names = ("conv_blocks", "filters", "dense_size", "dense_layers", "batch_size")
    lines = "".join(f"  {name}: {values}\n" for name in names)
    space = read_space(space_file(tmp_path, f"options:\n{lines}"))
    with pytest.raises(HeadposeError, match=r"its grid has 1e\+10 combinations"):
        space.grid()


def test_a_few_lines_that_stand_for_milliards_of_values_are_told_at_once(tmp_path):
    lines = ["fixed:", "  a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"  a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    lines += ["options:", "  filters: [*a11]"]
    with pytest.raises(HeadposeError, match="which is no value of an option") as told:
        read_space(space_file(tmp_path, "\n".join(lines)))
    assert len(str(told.value)) < 500


@pytest.mark.parametrize("option", ["with_mirror", "average_with"])
def test_what_only_a_saved_model_has_is_for_no_sweep(tmp_path, option):
    text = f"options: {{filters: [1, 2]}}\nfixed: {{{option}: true}}"
    with pytest.raises(HeadposeError, match=f"{option} is for the sweep itself to set"):
        read_space(space_file(tmp_path, text))
