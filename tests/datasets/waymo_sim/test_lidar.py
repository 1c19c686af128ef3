"""Range images of a flat world with a car or two; the ego car stands at (100, 100), facing +x."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from cm3d.datasets.waymo.range_images import RANGE, points_of_image
from cm3d.datasets.waymo_sim.lidar import Measured, measure
from cm3d.datasets.waymo_sim.recording import labelled_boxes
from cm3d.datasets.waymo_sim.rig import CAMERAS, SCANNERS
from cm3d.params import Simulation, load_params
from cm3d.simulation.drive import Drive
from cm3d.simulation.schedule import ScenePlan
from cm3d.simulation.traffic.actors import Actor
from cm3d.simulation.traffic.trajectory import Trajectory
from cm3d.simulation.world import World

TOP, FRONT = SCANNERS[:2]
PLAN = ScenePlan("scene", "train", "boston-seaport", 0)
MakeActor = Callable[..., Actor]
MakeWorld = Callable[[Sequence[Actor]], World]


@pytest.fixture(scope="module")
def exact() -> Simulation:
    """Sensors that err in nothing."""
    full = load_params().simulation
    off = [f"lidar_{n}" for n in ("range_noise_m", "dropout", "body_recess_m", "mixed_share")]
    off += ["lidar_glass_transmission"]
    off += [f"{n}_error_{u}" for n in ("camera_mounting", "ego_pose") for u in ("deg", "m")]
    return full.model_copy(update=dict.fromkeys(off, 0.0) | {"image_scale": 0.05})


def drive_in(world: World, params: Simulation) -> Drive:
    return Drive(world, PLAN, 0, params, CAMERAS)


def read(drive: Drive, measured: Measured, second: bool = False) -> np.ndarray:
    """Points as the reader of Waymo's files makes them, in the frame of the car at time 0."""
    laser = next(s.laser for s in SCANNERS if s.laser.name == measured.scan.laser)
    image = measured.scan.second if second else measured.scan.first
    assert image is not None
    pose = drive.written_global_SE3_ego(0)
    return points_of_image(image, laser, measured.scan.pixel_pose, pose)


def test_rings_on_the_ground(make_world: MakeWorld, exact: Simulation) -> None:
    measured = measure(drive_in(make_world([]), exact), TOP, 0)
    # the lowest beam, 17.6 degrees below the horizon, 2.18 m above the road
    range_m = measured.scan.first[-1, :, RANGE]
    range_m = range_m[range_m > 0]
    assert len(range_m) > 1300
    np.testing.assert_allclose(range_m, 2.18 / np.sin(np.deg2rad(17.6)), rtol=1e-4)
    assert (measured.scan.first[0, :, RANGE] == -1).all()  # the sky


def test_a_car_ahead(make_world: MakeWorld, make_actor: MakeActor, exact: Simulation) -> None:
    drive = drive_in(make_world([make_actor(5, np.array([112.0, 100.0]))]), exact)
    measured = [measure(drive, scanner, 0) for scanner in (TOP, FRONT)]
    for of_laser in measured:
        assert 5 in of_laser.instance_ids
        points_m = read(drive, of_laser)[:, :3]
        # its tail is 2 m before its centre, 12 m ahead
        on_tail = (points_m[:, 2] > 0.05) & (points_m[:, 2] < 1.55)
        assert points_m[on_tail, 0].min() == pytest.approx(10.0, abs=2e-3)
        truth_m = drive.global_SE3_ego(0).inverse().transform_points(of_laser.points_m)
        np.testing.assert_allclose(np.sort(points_m[:, 0]), np.sort(truth_m[:, 0]), atol=1e-3)
    (box,) = labelled_boxes(drive, 0, measured)
    assert box.kind == "VEHICLE"
    np.testing.assert_allclose(box.center_m, [12, 0, 0.8], atol=1e-9)
    assert box.size_m == [4.0, 2.0, 1.6]
    assert box.lidar_points[0] > box.lidar_points[1] > 100


def test_the_car_drives_while_the_beam_turns(make_world: MakeWorld, exact: Simulation) -> None:
    times_s = np.linspace(-1, 1, 5)
    xy_m = np.column_stack([100 + 10 * times_s, np.full(5, 100.0)])
    world = replace(make_world([]), ego=Trajectory(times_s, xy_m, np.zeros(5)))
    drive = drive_in(world, exact)
    measured = measure(drive, TOP, 0)
    poses = measured.scan.pixel_pose
    assert poses is not None
    # behind, at both ends of the turn, nearly half a metre before and after
    np.testing.assert_allclose(poses[0, [0, 662, -1], 3], [99.556, 100, 100.444], atol=1e-3)
    points_m = read(drive, measured)[:, :3]
    truth_m = drive.global_SE3_ego(0).inverse().transform_points(measured.points_m)
    order, of_truth = (np.lexsort(p.round(2).T) for p in (points_m, truth_m))
    assert np.abs(points_m[order] - truth_m[of_truth]).max() < 0.02
    np.testing.assert_allclose(points_m[:, 2], 0, atol=2e-3)


def test_a_pulse_that_an_edge_splits_returns_twice(
    make_world: MakeWorld, make_actor: MakeActor, exact: Simulation
) -> None:
    world = make_world([make_actor(5, np.array([112.0, 100.0]))])
    alone = measure(drive_in(world, exact), TOP, 0)
    assert (alone.scan.second[..., RANGE] == -1).all()  # type: ignore[index]
    drive = drive_in(world, exact.model_copy(update={"lidar_mixed_share": 1.0}))
    split = measure(drive, TOP, 0)
    assert split.scan.second is not None
    far_m, near_m = split.scan.second[..., RANGE], split.scan.first[..., RANGE]
    twice = far_m > 0
    assert twice.sum() > 10
    assert (far_m[twice] - near_m[twice] > 3).all()
    assert len(split.points_m) == (near_m > 0).sum() + twice.sum()
    # the farther ones lie on the road behind the car
    assert (read(drive, split, second=True)[:, 2] < 0.05).all()
