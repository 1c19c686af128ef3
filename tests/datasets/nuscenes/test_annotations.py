from pathlib import Path

import numpy as np
import pytest
from nuscenes.nuscenes import NuScenes

from cm3d.datasets.nuscenes.annotations import bicycle_racks, box_velocity, ground_truth
from cm3d.datasets.nuscenes.database import NuScenesTables
from cm3d.taxonomy import Taxonomy

VERSION = "v1.0-trainval"


@pytest.fixture
def tables(database: Path) -> NuScenesTables:
    return NuScenesTables(database, VERSION)


def test_classes_of_the_task_only(tables: NuScenesTables, taxonomy: Taxonomy) -> None:
    boxes = ground_truth(tables, "scene-0001/0", taxonomy)
    assert boxes.class_name.tolist() == ["car", "pedestrian"]


def test_sizes_go_by_name(tables: NuScenesTables, taxonomy: Taxonomy) -> None:
    car = ground_truth(tables, "scene-0001/1", taxonomy)
    assert (car.width_m[0], car.length_m[0], car.height_m[0]) == (1.9, 4.6, 1.7)
    np.testing.assert_allclose(car.center_m, [[25, 1, 0.8]])
    np.testing.assert_allclose(car.yaw_rad, [0.4])


def test_what_else_is_known_of_a_box(tables: NuScenesTables, taxonomy: Taxonomy) -> None:
    car = ground_truth(tables, "scene-0001/1", taxonomy)
    assert car.attribute_name.tolist() == ["vehicle.moving"]
    assert (car.visibility[0], car.num_lidar_points[0], car.num_radar_points[0]) == (3, 7, 1)
    assert car.instance_token.tolist() == ["scene-0001:vehicle.car"]
    assert car.score.tolist() == [1.0]


def test_velocity_is_the_difference_of_positions(
    tables: NuScenesTables, taxonomy: Taxonomy
) -> None:
    np.testing.assert_allclose(
        ground_truth(tables, "scene-0001/0", taxonomy).velocity_mps[0], [10, 0]
    )
    np.testing.assert_allclose(
        ground_truth(tables, "scene-0001/2", taxonomy).velocity_mps[0], [10, 0]
    )


def test_no_velocity_from_one_annotation_or_over_a_long_gap(
    tables: NuScenesTables, taxonomy: Taxonomy
) -> None:
    assert np.isnan(ground_truth(tables, "scene-0001/0", taxonomy).velocity_mps[1]).all()
    assert np.isnan(ground_truth(tables, "scene-0001/3", taxonomy).velocity_mps[0]).all()


def test_velocities_are_the_devkits(database: Path, tables: NuScenesTables) -> None:
    devkit = NuScenes(VERSION, str(database), verbose=False)
    for annotation in devkit.sample_annotation:
        ours = box_velocity(tables, tables.find("sample_annotation", annotation["token"]))
        np.testing.assert_allclose(ours, devkit.box_velocity(annotation["token"])[:2])


def test_bicycle_racks_apart(tables: NuScenesTables) -> None:
    racks = bicycle_racks(tables, "scene-0001/2")
    assert racks.class_name.tolist() == ["bicycle_rack"]


def test_a_keyframe_without_annotations(tables: NuScenesTables, taxonomy: Taxonomy) -> None:
    assert len(ground_truth(tables, "unseen", taxonomy)) == 0
    assert len(bicycle_racks(tables, "unseen")) == 0
