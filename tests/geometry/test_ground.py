"""The ground below made-up scans, and below real ones where they are."""

import os
from pathlib import Path

import numpy as np
import pytest

from cm3d.datasets.nuscenes import CARD
from cm3d.datasets.nuscenes.database import NuScenesTables
from cm3d.datasets.nuscenes.scenes import index_scene
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.ground import GroundField, _weight
from cm3d.geometry.se3 import SE3
from cm3d.sensors.accumulation import accumulate
from cm3d.sensors.card import Sensors
from cm3d.taxonomy import Taxonomy
from tests.geometry.scans import Terrain, Thing, crest, hill, kerb, plane, scan, street


def road(slope: float, step_m: float = 1.0) -> NDArrayFloat:
    x, y = np.meshgrid(np.arange(-30, 30, step_m), np.arange(-30, 30, step_m))
    return np.column_stack([x.ravel(), y.ravel(), -1.8 + slope * x.ravel()])


def ground_below(points_m: NDArrayFloat) -> NDArrayFloat:
    return GroundField.from_points(points_m, np.zeros(3), yaw_rad=0.0).below(points_m)


def test_flat_road() -> None:
    assert ground_below(road(0.0)) == pytest.approx(np.full(3600, -1.8))


def test_objects_do_not_lift_the_ground() -> None:
    wall = np.column_stack([np.full(40, 5.2), np.full(40, 3.3), np.linspace(-1.8, 1.5, 40)])
    points_m = np.concatenate([road(0.0), wall])
    assert ground_below(points_m)[-40:] == pytest.approx(np.full(40, -1.8), abs=0.01)


def test_tilted_road_is_followed() -> None:
    points_m = road(0.05)
    assert ground_below(points_m) == pytest.approx(points_m[:, 2], abs=0.01)


def test_a_return_far_away_changes_nothing() -> None:
    points_m = np.concatenate([road(0.0), [[100.0, 100.0, 4.0], [60.0, 60.0, 4.0]]])
    assert ground_below(points_m) == pytest.approx(np.full(3602, -1.8), abs=1e-3)


def test_few_returns_from_below_change_little() -> None:
    below = np.array([[4.3, 2.3, -3.5], [20.4, -9.2, -4.0], [-15.5, 3.3, -2.9]])
    points_m = np.concatenate([road(0.0), below])
    assert np.abs(ground_below(points_m) + 1.8).max() < 0.12


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_few_points(count: int) -> None:
    points_m = np.column_stack([np.linspace(20, 30, count), np.zeros(count), np.full(count, 7.0)])
    assert ground_below(points_m) == pytest.approx(np.full(count, 7.0))


def test_without_points_the_ground_is_0() -> None:
    field = GroundField.from_points(np.empty((0, 3)), np.array([9.0, 9.0, 1.0]), yaw_rad=1.0)
    assert field.below(np.array([[3.0, 4.0], [500.0, 0.0]])).tolist() == [0, 0]


def test_weights() -> None:
    """Half the band above: (1 - 1/4)^2; twice the band below: half."""
    found = _weight(np.array([0.0, 0.1, 0.2, 0.3, -0.1, -0.4]), np.full(6, 0.2))
    assert found == pytest.approx([1, 9 / 16, 0, 0, 1, 0.5])


# Terrain, with or without a street on it: shares of returns of the ground more than 0.2 m above
# the estimate, and of those of objects, 0.3 m or more above the true ground, that are less.
SCANS = [
    pytest.param(plane(0.0), True, 0.0, id="flat"),
    pytest.param(plane(0.03), True, 0.0, id="3%"),
    pytest.param(plane(0.05), True, 0.0, id="5%"),
    pytest.param(plane(0.08), True, 0.0, id="8%"),
    pytest.param(plane(0.08), False, 0.0, id="8%, bare"),
    pytest.param(crest, True, 0.002, id="crest"),
    pytest.param(crest, False, 0.002, id="crest, bare"),
    pytest.param(kerb, True, 0.002, id="kerb"),
    pytest.param(hill, True, 0.02, id="hill"),
    pytest.param(hill, False, 0.02, id="hill, bare"),
]


@pytest.mark.parametrize(("terrain", "things", "most_above"), SCANS)
@pytest.mark.parametrize("seed", [0, 1])
def test_ground_is_told_from_objects(
    terrain: Terrain, things: bool, most_above: float, seed: int
) -> None:
    """32 beams from 1.84 m, as nuScenes has them."""
    points_m, hit_thing = scan(terrain, street(seed) if things else [], seed=seed)
    above_m = points_m[:, 2] - ground_below(points_m)
    true_above_m = points_m[:, 2] - terrain(points_m[:, :2])
    ground, things_high = ~hit_thing, hit_thing & (true_above_m > 0.3)
    far = ground & (np.linalg.norm(points_m[:, :2], axis=1) > 35)
    assert np.mean(above_m[ground] > 0.2) <= most_above
    assert np.mean(above_m[far] > 0.2) <= 0.02 if far.any() else True
    assert np.mean(above_m[things_high] < 0.2) <= 0.005 if things else True
    assert abs(np.median((true_above_m - above_m)[ground])) < 0.02


def test_flat_ground_is_as_exact_as_its_returns() -> None:
    """Of 2 cm of noise in range; low returns lie a little too low."""
    points_m, hit_thing = scan(plane(0.0), street(3), seed=3)
    error_m = ground_below(points_m)[~hit_thing]
    assert np.abs(error_m).max() < 0.1
    assert np.abs(np.mean(error_m)) < 0.015


def test_far_objects_alone_do_not_raise_the_ground() -> None:
    """Trucks from 25 m on, before which nothing of the ground behind them is seen."""
    trucks = [Thing(r * np.cos(a), r * np.sin(a), a, 8, 2.5, 3.2)
              for r in (25, 38, 50) for a in np.arange(0, 6.2, 0.35)]  # fmt: skip
    points_m, hit_thing = scan(plane(0.0), trucks)
    error_m = ground_below(points_m)[hit_thing]
    assert np.mean(np.abs(error_m) < 0.2) > 0.98


def test_the_ground_turns_and_moves_with_the_world() -> None:
    points_m, _ = scan(hill, street(1), seed=1)
    pose = SE3.from_yaw(2.3, np.array([1250.0, -730.0, 41.0]))
    moved_m = pose.transform_points(points_m)
    found = GroundField.from_points(moved_m, pose.translation_m, yaw_rad=2.3).below(moved_m)
    assert found == pytest.approx(ground_below(points_m) + 41.0, abs=1e-6)


def test_the_grids_direction_hardly_matters() -> None:
    """The sensor alone turned, among the same points."""
    points_m, hit_thing = scan(hill, street(1), seed=1)
    turned = GroundField.from_points(points_m, np.zeros(3), yaw_rad=0.6).below(points_m)
    apart_m = np.abs(turned - ground_below(points_m))[~hit_thing]
    assert np.mean(apart_m) < 0.02
    assert np.quantile(apart_m, 0.99) < 0.15


def test_the_order_of_points_hardly_matters() -> None:
    """Of returns of equal height to a millimetre the first one counts."""
    points_m, _ = scan(plane(0.05), street(2), seed=2)
    order = np.random.default_rng(0).permutation(len(points_m))
    assert ground_below(points_m[order]) == pytest.approx(ground_below(points_m)[order], abs=0.005)


def real_folder(variable: str, name: str) -> Path:
    default = Path(__file__).resolve().parents[3] / "shared" / "real" / name
    root = Path(os.environ.get(variable, default))
    if not root.is_dir():
        pytest.skip(f"no real scans at {root}; set {variable}")
    return root


@pytest.mark.real
@pytest.mark.parametrize(
    ("variable", "name", "scene_name"),
    [
        ("CM3D_REAL_KEYFRAME", "nuscenes-keyframe", "scene-0061"),
        ("CM3D_REAL_SEQUENCE", "pandaset-002", "scene-0553"),
    ],
)
def test_boxes_of_real_scans_stand_on_the_ground(
    variable: str, name: str, scene_name: str, taxonomy: Taxonomy
) -> None:
    """Annotated boxes within 54 m that have a return."""
    root = real_folder(variable, name)
    scene = index_scene(NuScenesTables(root, "v1.0-mini"), scene_name, 0, taxonomy)
    sensors = Sensors(root, CARD.lidar)
    below, standing = [], []
    for token in scene.frames.sample_token:
        sweeps = scene.sweeps[scene.sweeps.sample_token == token]
        pose = SE3.from_pose(sweeps.global_SE3_lidar[0])
        points_m = accumulate(sensors, sweeps, SE3.identity(), 1, 1.52).xyz_m
        (yaw_rad,) = pose.transform_yaw(np.zeros(1))
        field = GroundField.from_points(points_m, pose.translation_m, float(yaw_rad))
        below.append(np.mean(points_m[:, 2] - field.below(points_m) < -0.3))
        boxes = scene.ground_truth[scene.ground_truth.sample_token == token]
        range_m = np.linalg.norm(boxes.center_m[:, :2] - pose.translation_m[:2], axis=1)
        boxes = boxes[(boxes.num_lidar_points > 0) & (range_m < 54)]
        bottom_m = boxes.center_m[:, 2] - boxes.height_m / 2
        standing.append(np.abs(bottom_m - field.below(boxes.center_m)) < 0.3)
    share_standing = np.concatenate(standing).mean()
    print(f"{name}: {np.mean(below):.4f} of points more than 0.3 m below the ground")
    print(f"{name}: {share_standing:.3f} of boxes' bottoms within 0.3 m of it")
    assert np.mean(below) < 0.01
    assert share_standing > 0.75
