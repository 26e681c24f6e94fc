from headpose.training.pose_config import Network, PoseTrainingConfig, Sources
from headpose.training.sweep.trials import unfit


def test_the_smallest_crops_of_a_family_are_told(tmp_path, run_script):
    folder = tmp_path / "clean"
    folder.mkdir()
    (folder / "summary.json").write_text(
        '{"options": {"size": 32, "side": "short", "margin": 1.0}}'
    )

    def config(architecture, blocks):
        network = Network(architecture=architecture, conv_blocks=blocks)
        return PoseTrainingConfig(Sources((str(folder),)), network=network)

    assert unfit(config("patacchiola", 5)) is None
    assert "6 poolings" in unfit(config("patacchiola", 6))
    assert unfit(config("compact", 6)) is None
    wanted = [folder, "--architecture", "patacchiola", "--conv-blocks"]
    parts = ["--validation", folder, "--test", folder]
    done = run_script("train.py", *wanted, "6", *parts, "--output", tmp_path / "o")
    assert done.status == 1
    assert "6 poolings leave nothing of crops of 32 pixels; take fewer" in done.err
