"""Labels do not depend on where north is, nor on the order in which things are listed."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cm3d.geometry.angles import wrap_angle
from cm3d.geometry.se3 import SE3
from cm3d.lift.keyframe import Keyframe
from cm3d.lift.lanes import LaneField
from cm3d.lift.refined import refined_scene
from cm3d.params import Lift
from cm3d.tables import Boxes3D, Frames, Lanes, Masks
from cm3d.tables.table import columns_of
from tests.lift.known import CHATGPT

TOKENS = ["f0", "f1", "f2"]
# Two lanes start where a third ends, as at a junction.
LANES = Lanes(
    ["in"] * 2 + ["ahead", "left"],
    [0, 1, 0, 0],
    ["lane"] * 4,
    [[14.0, 4.0], [20.0, 4.0], [20.0, 4.0], [20.0, 4.0]],
    [0.1, 0.05, -0.1, 0.4],
)


class Scene(NamedTuple):
    """Three keyframes as they are read."""

    keyframes: list[Keyframe]
    frames: Frames
    lanes: Lanes | None


@pytest.fixture(scope="module")
def make_scene(
    make_street: Callable[..., Keyframe], solid: Any, make_frames: Callable[[int], Frames]
) -> Callable[[bool], Scene]:
    """A car that drives, parked ones, a truck that once is a car too, and a person.

    One of the parked cars is cut by the edge between two images.
    """

    def build(with_lanes: bool) -> Scene:
        random = np.random.default_rng(4)
        keyframes = []
        for step, token in enumerate(TOKENS):
            solids = [
                solid(13 + 4.0 * step, 4, 0.1),
                solid(17, -5, 0.3),
                solid(28, 7.5, -0.2, 7.0, 2.5, 3.2, "truck"),
                solid(11, -1.5, 0, 0.7, 0.6, 1.75, "pedestrian"),
                *[solid(11.8, 7.5, 0.57)] * 2,
            ]
            cameras = ["front"] * 5 + ["left"]
            if step == 1:
                solids.append(solids[2]._replace(class_name="car"))
                cameras.append("front")
            keyframe = make_street(*solids, token=token, cameras=cameras)
            # Returns are never exactly on a grid: ties would fall by the last bit.
            points_m = keyframe.scan.points_m
            points_m = points_m + random.normal(0, 0.01, points_m.shape)
            keyframes.append(keyframe._replace(scan=keyframe.scan._replace(points_m=points_m)))
        return Scene(keyframes, make_frames(len(TOKENS)), LANES if with_lanes else None)

    return build


def moved(scene: Scene, new_SE3_global: SE3, turn_rad: float) -> Scene:
    """The whole world somewhere else."""

    def poses(of: Any) -> list[Any]:
        return [(new_SE3_global @ SE3.from_pose(pose)).as_pose() for pose in of]

    def keyframe(each: Keyframe) -> Keyframe:
        scan = each.scan
        return each._replace(
            scan=scan._replace(
                points_m=new_SE3_global.transform_points(scan.points_m),
                sensor_m=new_SE3_global.transform_points(scan.sensor_m[None])[0],
                sensor_yaw_rad=scan.sensor_yaw_rad + turn_rad,
            ),
            cameras=each.cameras.replace(global_SE3_camera=poses(each.cameras.global_SE3_camera)),
            global_SE3_level=new_SE3_global @ each.global_SE3_level,
        )

    lanes = scene.lanes
    if lanes is not None:
        position_m = np.column_stack([lanes.position_m, np.zeros(len(lanes))])
        lanes = lanes.replace(
            position_m=new_SE3_global.transform_points(position_m)[:, :2],
            yaw_rad=lanes.yaw_rad + turn_rad,
        )
    frames = scene.frames.replace(global_SE3_ego=poses(scene.frames.global_SE3_ego))
    return Scene([keyframe(each) for each in scene.keyframes], frames, lanes)


def labels(scene: Scene, params: Lift) -> Boxes3D:
    lanes = LaneField(scene.lanes) if scene.lanes is not None else None
    keyframes = [each._replace(lanes=lanes) for each in scene.keyframes]
    return refined_scene(keyframes, scene.frames, CHATGPT, params).boxes


def by_place(boxes: Boxes3D) -> Boxes3D:
    keys = (boxes.length_m, *boxes.center_m.T.round(4), boxes.class_name, boxes.sample_token)
    return boxes[np.lexsort([key.astype(str) if key.dtype == object else key for key in keys])]


@pytest.mark.parametrize("with_lanes", [False, True])
@settings(max_examples=6, deadline=None)
@given(
    turn_rad=st.floats(-np.pi, np.pi),
    by_m=st.tuples(st.floats(-900, 900), st.floats(-900, 900), st.floats(-9, 9)),
)
def test_labels_turn_and_move_with_the_world(
    make_scene: Callable[[bool], Scene],
    refined: Lift,
    with_lanes: bool,
    turn_rad: float,
    by_m: tuple[float, float, float],
) -> None:
    scene, new_SE3_global = make_scene(with_lanes), SE3.from_yaw(turn_rad, np.array(by_m))
    here, there = labels(scene, refined), labels(moved(scene, new_SE3_global, turn_rad), refined)
    assert len(here) >= 12
    back = there.replace(
        center_m=new_SE3_global.inverse().transform_points(there.center_m),
        yaw_rad=wrap_angle(there.yaw_rad - turn_rad),
        velocity_mps=new_SE3_global.inverse().rotate(
            np.column_stack([there.velocity_mps, np.zeros(len(there))])
        )[:, :2],
    )
    here, back = by_place(here), by_place(back)
    for name in ("sample_token", "class_name", "attribute_name"):
        assert getattr(here, name).tolist() == getattr(back, name).tolist(), name
    for name in ("center_m", "length_m", "width_m", "height_m", "velocity_mps", "score"):
        assert getattr(back, name) == pytest.approx(getattr(here, name), abs=1e-6), name
    assert wrap_angle(back.yaw_rad - here.yaw_rad) == pytest.approx(0, abs=1e-6)


def shuffled(masks: Masks, seed: int) -> Masks:
    """In another order: rows and the numbers of detections, by which they are sorted."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(masks))
    return masks[order].replace(detection_id=range(len(masks)))


@pytest.mark.parametrize("seed", range(3))
def test_order_of_detections_changes_nothing(
    make_scene: Callable[[bool], Scene], refined: Lift, seed: int
) -> None:
    scene = make_scene(True)
    other = [each._replace(masks=shuffled(each.masks, seed)) for each in scene.keyframes]
    here = by_place(labels(scene, refined))
    there = by_place(labels(scene._replace(keyframes=other), refined))
    for name in columns_of(Boxes3D):
        assert np.array_equal(getattr(here, name), getattr(there, name)), name
