from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from cm3d.lift.keyframe import Keyframe
from cm3d.lift.lanes import LaneField
from cm3d.lift.paper import lift_frame
from cm3d.params import Lift
from cm3d.tables import Boxes3D, Lanes
from tests.lift.known import CHATGPT
from tests.lift.sighted import sighted

# Returns through the windows of a car at (20, 4): seats and what is behind it.
THROUGH_M = [[20.0, 4.2, 1.2], [24, 5, 1.2], [26, 5.2, 1.1], [26, 5.3, 1.0]]


class Miss(NamedTuple):
    """How far the best box is from the truth."""

    center_m: float
    yaw_rad: float


def miss(boxes: Boxes3D, car: Any) -> Miss:
    """Yaws are compared modulo half a turn: lifting one keyframe knows no front."""
    offset_m = np.hypot(boxes.center_m[0, 0] - car.x_m, boxes.center_m[0, 1] - car.y_m)
    turn_rad = (boxes.yaw_rad[0] - car.yaw_rad + np.pi / 2) % np.pi - np.pi / 2
    return Miss(float(offset_m), abs(float(turn_rad)))


def lane(yaw_rad: float, x_m: float = 20.0, y_m: float = 0.0) -> LaneField:
    return LaneField(Lanes(["lane"], [0], ["lane"], [[x_m, y_m]], [yaw_rad]))


@pytest.mark.parametrize("yaw", [0.0, 0.25, -0.6, 1.2, np.pi / 2])
def test_golden_car(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift, lift_params: Lift, yaw: float
) -> None:
    """A car with two visible sides, its true outline as mask, and points behind seen through."""
    car = solid(20, 4, yaw)
    keyframe = make_street(car, through_m=THROUGH_M)
    boxes = sighted(keyframe, CHATGPT, refined).boxes
    found = miss(boxes, car)
    assert found.center_m < 0.15
    assert found.yaw_rad < np.deg2rad(3)
    assert boxes.center_m[0, 2] == pytest.approx(0.75, abs=0.1)
    assert boxes.length_m[0] == pytest.approx(4.5, abs=0.3)
    assert boxes.width_m[0] == pytest.approx(1.8, abs=0.2)
    assert found.center_m < miss(lift_frame(keyframe, CHATGPT, lift_params).boxes, car).center_m


@pytest.mark.parametrize("length_m", [3.9, 5.2])
def test_length_moves_from_the_class_to_the_car(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift, length_m: float
) -> None:
    keyframe = make_street(solid(18, 5, length_m=length_m), lanes=lane(0.0))
    boxes = sighted(keyframe, CHATGPT, refined).boxes
    assert abs(boxes.length_m[0] - length_m) < abs(4.5 - length_m) - 0.05
    fixed = refined.model_copy(
        update={"refine": refined.refine.model_copy(update={"extent": False})}
    )
    boxes = sighted(keyframe, CHATGPT, fixed).boxes
    assert boxes.length_m.tolist() == [4.5]


def test_height_is_that_of_the_mask(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    van = solid(20, 4, 0.0, height_m=2.1)
    boxes = sighted(make_street(van), CHATGPT, refined).boxes
    assert boxes.height_m[0] == pytest.approx(1.5 * (2.1 / 1.5) ** 0.7, abs=0.08)
    assert boxes.center_m[0, 2] == pytest.approx(boxes.height_m[0] / 2)
    flat = refined.refine.model_copy(update={"height": False})
    boxes = sighted(make_street(van), CHATGPT, refined.model_copy(update={"refine": flat})).boxes
    assert boxes.height_m.tolist() == [1.5]


def test_rear_alone_follows_the_lane(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    """A row of returns may be a rear or a side; the lane decides for the rear."""
    car = solid(20, 0, 0.0)
    boxes = sighted(make_street(car, lanes=lane(0.0)), CHATGPT, refined).boxes
    assert miss(boxes, car).yaw_rad < np.deg2rad(3)
    assert miss(boxes, car).center_m < 0.3


def test_points_overrule_a_lane_that_they_contradict(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    parked = solid(20, 4, 0.6)
    keyframe = make_street(parked, lanes=lane(0.0))
    assert miss(sighted(keyframe, CHATGPT, refined).boxes, parked).yaw_rad < np.deg2rad(4)
    bound = refined.refine.model_copy(update={"orientation": False})
    boxes = sighted(keyframe, CHATGPT, refined.model_copy(update={"refine": bound})).boxes
    assert boxes.yaw_rad.tolist() == [0.0]


def test_heading_against_a_near_lane_has_its_price(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    car = solid(20, 4, 0.6)
    along, against = (
        sighted(make_street(car, lanes=lane(yaw)), CHATGPT, refined).evidence.yaw_weight[0]
        for yaw in (0.6, 0.0)
    )
    assert along - against == pytest.approx(refined.refine.weights.against_lane, abs=0.05)


def test_far_lanes_say_nothing(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    car = solid(20, 4, 0.6)
    far_m = 4 + 1.2 * refined.refine.max_lane_distance_m
    far = sighted(make_street(car, lanes=lane(0.6, y_m=far_m)), CHATGPT, refined)
    none = sighted(make_street(car), CHATGPT, refined)
    assert far.boxes.yaw_rad.tolist() == none.boxes.yaw_rad.tolist()
    assert far.boxes.score.tolist() == none.boxes.score.tolist()


def test_free_space_is_a_knob(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    """Rays through the car, which are no points of its own, count only where it is on."""
    car = solid(20, 4, 0.25)
    y_m = np.linspace(6.2, 7.6, 40)
    through_m = np.column_stack([np.full(40, 30.0), y_m, np.full(40, 0.7)])
    off = refined.model_copy(
        update={"refine": refined.refine.model_copy(update={"free_space": False})}
    )
    keyframes = [make_street(car, through_m=rays) for rays in (through_m, ())]
    with_rays, without = (sighted(each, CHATGPT, refined).boxes.score[0] for each in keyframes)
    assert with_rays < without - 0.02
    with_rays, without = (sighted(each, CHATGPT, off).boxes.score[0] for each in keyframes)
    assert with_rays == without


def test_person_is_where_the_points_are(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    person = solid(12, 2, 0.0, 0.7, 0.5, 1.75, "pedestrian")
    boxes = sighted(make_street(person), CHATGPT, refined).boxes
    assert miss(boxes, person).center_m < 0.35
    assert boxes.height_m[0] == pytest.approx(1.75, abs=0.1)


def test_no_object_changes_another(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    car, truck = solid(15, 4, 0.2), solid(25, -6, 0.1, 8.0, 2.6, 3.6, "truck")
    keyframe = make_street(car, truck)
    both = sighted(keyframe, CHATGPT, refined).boxes
    assert both.class_name.tolist() == ["car", "truck"]
    for row in range(2):
        alone = keyframe._replace(masks=keyframe.masks[np.array([row])])
        boxes = sighted(alone, CHATGPT, refined).boxes
        assert boxes.center_m[0] == pytest.approx(both.center_m[row])
        assert boxes.yaw_rad[0] == pytest.approx(both.yaw_rad[row])
