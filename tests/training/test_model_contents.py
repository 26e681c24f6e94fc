"""Runs notice that a model file they were given holds another model by now."""

from pathlib import Path

import pytest

from headpose.errors import HeadposeError
from headpose.training.classifier_config import ClassifierTrainingConfig
from headpose.training.detection_config import DetectionTrainingConfig
from headpose.training.fields import with_values
from headpose.training.model_contents import contents
from headpose.training.pose_config import PoseTrainingConfig
from headpose.training.run_folder import open_run
from headpose.training.run_log import write_log

MODELS = {
    PoseTrainingConfig: ("detector", "start", "teacher"),
    DetectionTrainingConfig: ("incomplete_detector", "mine_with", "start", "teacher"),
    ClassifierTrainingConfig: ("detector", "others", "start"),
}


@pytest.mark.parametrize(
    ("kind", "option"), [(kind, option) for kind, names in MODELS.items() for option in names]
)
def test_each_option_that_names_a_model_counts_by_its_content(tmp_path, kind, option):
    model = tmp_path / "m.keras"
    config = with_values(kind(), {"data": "heads.csv", option: str(model)})
    told = []
    for text in ("one", "two", "one"):
        model.write_text(text)
        told.append(contents(config)[f"the content of {option}"])
    assert told[0] == told[2] != told[1]
    assert told[0].startswith("m.keras ")


def test_what_is_no_file_stands_for_itself_and_a_sweep_adds_what_its_trials_take(tmp_path):
    (tmp_path / "a.keras").write_text("a")
    config = with_values(DetectionTrainingConfig(), {"incomplete_detector": "viola-jones"})
    assert contents(config) == {"the content of incomplete_detector": "viola-jones"}
    assert contents(PoseTrainingConfig()) == {}
    chosen = {"start": [str(tmp_path / "a.keras"), "none"]}
    assert contents(PoseTrainingConfig(), chosen) == {
        "the content of start": "a.keras ca978112ca1bbdca, none"  # of SHA-256 of "a"
    }


def test_a_run_goes_on_with_the_same_models_alone(tmp_path):
    noted = {"start": "m.keras", "the content of start": "m.keras 1"}
    open_run(tmp_path, noted, resume=False, overwrite=False)
    write_log(tmp_path / "log.csv", [{"epoch": "0", "score": "1.5"}])
    assert len(open_run(tmp_path, noted, resume=True, overwrite=False)) == 1
    with pytest.raises(HeadposeError, match="other values of the content of start; give the same"):
        other = noted | {"the content of start": "m.keras 2"}
        open_run(tmp_path, other, resume=True, overwrite=False)


def test_a_run_of_an_earlier_version_goes_on(tmp_path):
    """It did not note what its models hold."""
    open_run(tmp_path, {"start": "m.keras"}, resume=False, overwrite=False)
    write_log(tmp_path / "log.csv", [{"epoch": "0", "score": "1.5"}])
    now = {"start": "m.keras", "the content of start": "m.keras 1"}
    assert len(open_run(tmp_path, now, resume=True, overwrite=False)) == 1


def test_a_model_is_told_by_all_its_files(tmp_path):
    """OpenVINO's weights lie beside the network."""
    from headpose.models.formats import content_of

    network, weights = tmp_path / "m.xml", tmp_path / "m.bin"
    network.write_text("x")
    told = []
    for text in ("one", "two"):
        weights.write_text(text)
        told.append(content_of(Path(network)))
    assert told[0] != told[1]
    with pytest.raises(HeadposeError, match="a folder, and no SavedModel"):
        content_of(tmp_path)
