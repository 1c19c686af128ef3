from pathlib import Path

import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.geometry.se3 import SE3
from cm3d.sensors.card import Sensors, read_card
from cm3d.tables import Boxes2D, Cameras, Frames, GroundTruth, Sweeps
from experiments.street_statistics import (
    as_markdown,
    depth_behind_faces,
    detection_statistics,
    lidar_statistics,
    main,
    places,
    repeated,
)

CARD = """{"name": "sim", "embedded": true, "scorer": "nuscenes",
 "lidar": {"file": "binary", "dtype": "float32", "columns": ["x", "y", "z", "intensity", "ring"],
  "full_intensity": 255},
 "images": {"model": "pinhole"}}"""
# A car of 4 x 2 x 1.5 m, 10 m ahead of a sensor 1.5 m above the ground.
CAR_M, SIZE_M = (12.0, 0.0, 0.75), (4.0, 2.0, 1.5)


def test_depth_is_from_the_nearest_seen_side() -> None:
    size_m = np.tile([[4.0, 2.0, 1.5]], (5, 1))
    points_m = np.array([[-1.5, 0, 0], [-1.5, 0.8, 0], [1, 0, 0.7], [-1.5, 0.8, 0], [0, 0, 0.7]])
    sensor_m = np.array([[-10, 0, 1], [-10, 0, 1], [-10, 0, 1], [-10, 5, 1], [0.5, 0.5, 3.0]])
    depth_m = depth_behind_faces(points_m, sensor_m, size_m)
    # From behind the tail alone is seen, at x = -2; from the left too the side at y = 1;
    # from above neither.
    np.testing.assert_allclose(depth_m, [0.5, 0.5, 3.0, 0.2, np.nan])


def test_what_repeats_is_counted_among_neighbouring_times() -> None:
    key = np.array([0, 0, 0, 0, 1, 1, 1])
    time = np.array([0, 1, 2, 4, 2, 0, 1])
    happens = np.array([True, True, False, True, True, True, False])
    # Key 0: at 0 and again at 1; at 1, not at 2; at 4 nothing comes before. Key 1: at 0, not at 1.
    assert repeated(happens, key, time) == (1, 3)


def test_positions_near_each_other_are_one_place() -> None:
    place = places(np.array([[0.0, 0], [2.5, 0], [5.0, 0], [20, 20]]))
    assert place[0] == place[1] == place[2] != place[3]
    assert places(np.empty((0, 2))).shape == (0,)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two keyframes of one car, once missed; ten points in the first, five of them deep."""
    index = tmp_path / "data/index"
    index.mkdir(parents=True)
    (index / "dataset.json").write_text(CARD)
    still = SE3.identity().as_pose().tolist()
    eye = [1, 0, 0, 0, 0, 0, 1.5]
    frames = ["a", "b", "c"]
    Frames.from_columns(
        sample_token=frames,
        scene_name=["s"] * 3,
        timestamp_us=[0, 1, 2],
        split=["train"] * 3,
        location=[""] * 3,
        global_SE3_ego=[still] * 3,
    ).write(index / "frames/s.parquet")
    Sweeps.from_columns(
        sample_token=["a"],
        sweep_index=[0],
        path=["a.bin"],
        time_lag_s=[0.0],
        global_SE3_lidar=[eye],
    ).write(index / "sweeps/s.parquet")
    forward = SE3(np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]]), np.array([0, 0, 1.5]))
    Cameras.from_columns(
        camera_token=["image a", "image b", "image c"],
        sample_token=frames,
        channel=["CAM_FRONT"] * 3,
        path=["x.jpg"] * 3,
        width_px=[800] * 3,
        height_px=[450] * 3,
        intrinsics_px=[[600, 0, 400, 0, 600, 225, 0, 0, 1]] * 3,
        global_SE3_camera=[forward.as_pose().tolist()] * 3,
    ).write(index / "cameras/s.parquet")
    GroundTruth.from_columns(
        sample_token=frames,
        class_name=["car"] * 3,
        score=[1.0] * 3,
        center_m=[CAR_M] * 3,
        length_m=[SIZE_M[0]] * 3,
        width_m=[SIZE_M[1]] * 3,
        height_m=[SIZE_M[2]] * 3,
        yaw_rad=[0.0] * 3,
        velocity_mps=[[0, 0]] * 3,
        attribute_name=[""] * 3,
        instance_token=["car"] * 3,
        num_lidar_points=[10] * 3,
        num_radar_points=[0] * 3,
        visibility=[4] * 3,
    ).write(index / "ground_truth/s.parquet")
    x_m = np.repeat([10.1, 12.0], 5)
    z_m = np.repeat([-0.8, -0.1], 5)
    points = np.column_stack([x_m, np.zeros(10), z_m, np.zeros((10, 2))])
    # What lies on the ground below the car is none of it.
    points = np.concatenate([points, [[12.0, 0, -1.4, 0, 0]]]).astype(np.float32)
    (tmp_path / "data/raw").mkdir()
    (tmp_path / "data/raw/a.bin").write_bytes(points.tobytes())
    # Seen from behind: 2 m wide and 1.5 m high at 10 m is 120 x 90 px, its foot at 225 + 90.
    car_px = [340, 225, 460, 315]
    # Feet 1.5 m below the eye, so 6 m away; at the right side of the image.
    phantom_px = [700, 300, 750, 375]
    Boxes2D.from_columns(
        camera_token=["image a", "image a", "image a", "image b", "image c"],
        detection_id=range(5),
        class_name=["car", "truck", "bus", "bus", "bus"],
        score=[0.5] * 5,
        box_px=[car_px, car_px, phantom_px, phantom_px, phantom_px],
    ).write(tmp_path / "data/boxes2d/s.parquet")
    return tmp_path


def test_points_of_a_car(folder: Path) -> None:
    sensors = Sensors(folder / "data/raw", read_card(folder / "data/index/dataset.json").lidar)
    found = lidar_statistics(folder / "data/index", sensors)
    # Half of them 0.1 m behind the tail, half 2 m behind it and 1.4 m of 1.5 m high.
    assert found["behind the seen face, 25% [m]"] == pytest.approx(0.1, abs=1e-5)
    assert found["behind the seen face, 75% [m]"] == pytest.approx(2.0, abs=1e-5)
    assert found["share of points > 0.3 m behind"] == 0.5
    assert found["... of them in the upper fifth (roof)"] == 0.5
    assert found["points per car at 10 to 20 m, median"] == 10
    assert "points per car at 20 to 30 m, median" not in found


def test_errors_of_detections(folder: Path) -> None:
    found = detection_statistics(folder / "data/index", folder / "data/boxes2d")
    assert found == pytest.approx(
        {
            "share of objects on images that are missed": 2 / 3,
            "a miss follows a miss": 1.0,
            "found objects with two classes": 1.0,
            "phantoms per image": 1.0,
            "a phantom follows a phantom at its place": 1.0,
            "phantoms in places seen in 3 keyframes": 1.0,
        }
    )


def test_table_has_a_column_per_data_set(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(folder), str(folder)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"| | {folder.name} | {folder.name} |"
    assert "| share of points > 0.3 m behind | 0.50 | 0.50 |" in lines


def test_what_a_data_set_lacks_stays_empty() -> None:
    rows = [*as_markdown([("one", {"x": 1.0}), ("other", {"x": 2.0, "y": 3.0})])]
    assert rows == ["| | one | other |", "|---|---|---|", "| x | 1.00 | 2.00 |", "| y |  | 3.00 |"]


def test_a_folder_without_index_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dataset\.json: missing; run `dvc repro download`"):
        main([str(tmp_path)])
