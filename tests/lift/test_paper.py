from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.lift.keyframe import Keyframe
from cm3d.lift.lanes import LaneField
from cm3d.lift.paper import lift_frame
from cm3d.params import Lift, Orientation
from cm3d.tables import Boxes3D
from tests.lift.known import CHATGPT, DATASET

WHOLE_IMAGE = np.ones((10, 20))


@pytest.fixture
def lift(make_keyframe: Callable[..., Keyframe], lift_params: Lift) -> Callable[..., Boxes3D]:
    """Lift masks of the forward camera; keywords are columns of masks or knobs of `lift`."""

    def run(
        points_m: Any,
        images: list[Any],
        lanes: LaneField | None = None,
        priors: Any = CHATGPT,
        **knobs: Any,
    ) -> Boxes3D:
        columns = {name: knobs.pop(name) for name in ("class_name", "score") if name in knobs}
        keyframe = make_keyframe(points_m, images, lanes, **columns)
        return lift_frame(keyframe, priors, lift_params.model_copy(update=knobs)).boxes

    return run


def test_golden_car(lift: Callable[..., Boxes3D], northward: LaneField) -> None:
    """The rear of a car, 20 m ahead: three returns in a row, one on the roof, one far behind."""
    rear = [[20, -0.5, 0], [20, 0, 0], [20, 0.5, 0], [21, 0, 0.8], [45, 0, 0]]
    boxes = lift(rear, [WHOLE_IMAGE], score=[0.7])
    assert boxes.center_m == pytest.approx(np.array([[22.25, 0, 0]]))
    assert (boxes.length_m[0], boxes.width_m[0], boxes.height_m[0]) == (4.5, 1.8, 1.5)
    assert boxes.yaw_rad.tolist() == [0]
    assert boxes.velocity_mps.tolist() == [[0, 0]]
    assert boxes.score.tolist() == [0.7]
    assert boxes.sample_token.tolist() == ["frame"]
    assert boxes.class_name.tolist() == ["car"]
    assert boxes.attribute_name.tolist() == ["vehicle.stopped"]
    sideways = lift(rear, [WHOLE_IMAGE], northward)
    assert sideways.yaw_rad.tolist() == [np.pi / 2]
    assert sideways.center_m == pytest.approx(np.array([[20.9, 0, 0]]))


def test_pedestrian_keeps_yaw_0_and_is_pushed_along_it(
    lift: Callable[..., Boxes3D], northward: LaneField
) -> None:
    boxes = lift([[20, 0, 1]], [WHOLE_IMAGE], northward, class_name=["pedestrian"])
    assert boxes.yaw_rad.tolist() == [0]
    assert boxes.center_m == pytest.approx(np.array([[20.35, 0, 1]]))
    assert boxes.attribute_name.tolist() == ["pedestrian.standing"]


def test_every_component_is_a_knob(lift: Callable[..., Boxes3D], northward: LaneField) -> None:
    point = [[20, 0, 0]]
    assert lift(point, [WHOLE_IMAGE], medoid_compensation=False).center_m.tolist() == point
    no_map = Orientation(use_map=False)
    assert lift(point, [WHOLE_IMAGE], northward, orientation=no_map).yaw_rad.tolist() == [0]
    assert lift(point, [WHOLE_IMAGE], priors=DATASET).length_m.tolist() == [4.62]
    assert len(lift(point, [WHOLE_IMAGE], min_points=2)) == 0
    assert len(lift(point, [WHOLE_IMAGE] * 2)) == 1
    assert len(lift(point, [WHOLE_IMAGE] * 2, nms=False)) == 2
    thin = np.zeros((10, 20))
    thin[:, 10] = 1
    assert len(lift(point, [thin])) == 0
    assert len(lift(point, [thin], erosion_kernel_px=0)) == 1


def test_nms_keeps_the_best_of_a_class(lift: Callable[..., Boxes3D]) -> None:
    boxes = lift(
        [[20, 0, 0]],
        [WHOLE_IMAGE] * 4,
        class_name=["car", "car", "truck", "car"],
        score=[0.4, 0.8, 0.3, 0.8],
        medoid_compensation=False,
    )
    assert boxes.class_name.tolist() == ["car", "truck"]
    assert boxes.score.tolist() == [0.8, 0.3]


def test_nms_spares_what_is_farther_than_the_radius(lift: Callable[..., Boxes3D]) -> None:
    left, right = np.zeros((10, 20)), np.zeros((10, 20))
    left[:, :10], right[:, 10:] = 1, 1
    knobs = {"medoid_compensation": False, "erosion_kernel_px": 0}
    near = lift([[20, 1, 0], [20, -0.9, 0]], [left, right], **knobs)
    far = lift([[20, 1.1, 0], [20, -1, 0]], [left, right], **knobs)
    assert (len(near), len(far)) == (1, 2)


def test_order_of_masks_does_not_matter(
    make_keyframe: Callable[..., Keyframe], lift_params: Lift
) -> None:
    generator = np.random.default_rng(0)
    points_m = generator.uniform([5, -10, -4], [40, 10, 4], (300, 3))
    keyframe = make_keyframe(
        points_m,
        [np.kron(generator.random((5, 5)) < 0.5, np.ones((2, 4))) for _ in range(12)],
        score=np.linspace(0.5, 0.6, 12),
    )
    backwards = keyframe._replace(masks=keyframe.masks[::-1])
    lifted = [lift_frame(each, CHATGPT, lift_params).boxes for each in (keyframe, backwards)]
    assert len(lifted[0]) > 3
    assert np.array_equal(lifted[0].center_m, lifted[1].center_m)


@pytest.mark.parametrize("points_m", [[], [[-20, 0, 0]]])
def test_nothing_in_the_masks(lift: Callable[..., Boxes3D], points_m: list[list[float]]) -> None:
    assert len(lift(points_m, [WHOLE_IMAGE])) == 0


def test_no_masks(lift: Callable[..., Boxes3D], northward: LaneField) -> None:
    assert len(lift([[20, 0, 0]], [], northward)) == 0
    assert len(lift([], [], nms=False)) == 0


@pytest.mark.parametrize("class_name", ["tram", ""])
def test_mask_of_no_known_class(lift: Callable[..., Boxes3D], class_name: str) -> None:
    with pytest.raises(InputError, match=f"unknown class '{class_name}'"):
        lift([[20, 0, 0]], [WHOLE_IMAGE], class_name=[class_name])
