"""Labels of a rig that estimators disagree with, on a rig that the test makes."""

import numpy as np
import pandas as pd
import pytest
import rig_labels
from scipy.spatial.transform import Rotation

from headpose.datasets.label_tables import Problems
from headpose.geometry.angles import geodesic_distances, rotation_matrices, whole_turn_angles

OFFSETS = {-30: 7.0, 0: 0.0, 30: 16.0}  # degrees by which rings of cameras are turned
RESTS = {1: (3, -8, 1), 2: (-5, 4, 0), 3: (2, 2, -3)}  # where each person's head is turned to


def camera(azimuth: float, elevation: float) -> Rotation:
    return Rotation.from_euler("XY", [elevation, azimuth], degrees=True)


def made(wrong_rest=(0, 0, 0)) -> tuple[pd.DataFrame, np.ndarray]:
    """Returns the table of a rig with wrong labels, and the true rotations."""
    rows, truth = [], []
    for person, rest in RESTS.items():
        thought = Rotation.from_euler("XYZ", rest, degrees=True)
        really = thought * Rotation.from_rotvec(wrong_rest, degrees=True)
        for azimuth in (-90, -45, 0, 45, 90, 135):
            for elevation, offset in OFFSETS.items():
                label = (camera(azimuth, elevation) * thought).as_matrix()
                true = camera(azimuth + offset, elevation) * really
                angles = whole_turn_angles(label[None])[0]
                name = f"p/{person:03d}_{azimuth:+04d}_{elevation:+03d}.webp"
                rows.append([name, 10, 10, 50, 60, *angles, 0, 0, person])
                truth.append(true.as_matrix())
    names = ["file", "xmin", "ymin", "xmax", "ymax", "tilt", "pan", "roll", "azimuth", "elevation"]
    return pd.DataFrame(rows, columns=[*names, "person"]), np.array(truth)


def noisy(rotations: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 2, (len(rotations), 3))
    return rotations @ Rotation.from_rotvec(noise, degrees=True).as_matrix()


def test_turned_rings_are_found_and_put_right():
    table, truth = made()
    rig = rig_labels.Rig.of(table, Problems())
    found = rig_labels.ring_offsets(rig, {"exact": truth, "noisy": noisy(truth, 0)})
    assert dict(found["exact"]) == pytest.approx(OFFSETS, abs=1e-6)
    assert dict(found["noisy"]) == pytest.approx(OFFSETS, abs=2)
    turned = rig_labels.turned_rings(rig, found["exact"])
    assert geodesic_distances(turned, truth).max() < 1e-4
    # Backs and profiles, by which nothing was judged, are right, too.
    assert (~rig.near).sum() == 3 * 3 * 3


def test_wrong_rest_positions_are_found_and_put_right():
    wrong = (6, -2, 3)
    table, truth = made(wrong)
    rig = rig_labels.Rig.of(table, Problems())
    turned = rig_labels.turned_rings(rig, pd.Series(OFFSETS))
    offsets = rig_labels.rest_offsets(rig, turned, {"exact": truth})
    assert np.allclose(offsets, wrong, atol=0.5)  # the vertical is known by the wrong rest
    assert geodesic_distances(rig_labels.with_rest(turned, offsets), truth).max() < 2


def test_the_table_has_the_corrected_angles_and_all_else():
    table, truth = made()
    rig = rig_labels.Rig.of(table, Problems())
    corrected = rig_labels.corrected_table(rig, truth)
    assert list(corrected) == [c for c in table if c not in ("azimuth", "elevation")]
    angles = corrected[["tilt", "pan", "roll"]].to_numpy()
    assert geodesic_distances(rotation_matrices(angles), truth).max() < 0.02


def test_other_names_and_persons_without_a_front_are_left_out():
    table, _ = made()
    front = table["file"].str.contains("003_[+]000_[+]00")
    other = table.iloc[:1].assign(file="portrait.jpg")
    unknown = table[front].assign(roll=None)
    problems = Problems()
    rig = rig_labels.Rig.of(pd.concat([table[~front], other, unknown]), problems)
    told = {kind.partition(",")[0].split(" (")[0]: len(f) for kind, f in problems.by_kind.items()}
    assert told == {
        "no tilt": 1,
        "no camera in its name": 1,
        "of a person without a picture from the front": 6 * 3 - 1,
    }
    assert set(rig.table["person"]) == {1, 2}
    assert len(rig.table) == len(rig.labels) == len(rig.vertical) == 2 * 6 * 3
    nothing = rig_labels.Rig.of(other, Problems())
    assert len(nothing.table) == len(nothing.vertical) == 0


def test_the_script_writes_corrected_labels(shared_data, run_script, tmp_path):
    peers = shared_data.parent / "peers"
    if not (shared_data / "frmdb").is_dir() or not peers.is_dir():
        pytest.skip("FRMDB and the published networks (../shared) are not on this machine")
    labels = pd.read_csv(shared_data / "frmdb" / "labels.csv")
    labels = labels[labels["person"] == 31]
    labels["file"] = [str(shared_data / "frmdb" / "images" / name) for name in labels["file"]]
    labels.to_csv(tmp_path / "labels.csv", index=False)
    networks = ["--fsa-net", *peers.glob("fsanet-*.onnx"), "--whenet", peers / "whenet.onnx"]
    script = ["benchmarks/frmdb_rig.py", tmp_path / "labels.csv", *networks]
    done = run_script(*script, "--output", tmp_path / "corrected.csv")
    assert done.status == 0, done.err
    assert "| ring | FSA-Net | WHENet | ours | taken |" in done.out
    corrected = pd.read_csv(tmp_path / "corrected.csv")
    assert list(corrected["file"]) == list(labels["file"])
    done = run_script(*script, "--output", tmp_path / "labels.csv")
    assert done.status == 1
    assert "labels.csv" in done.err
