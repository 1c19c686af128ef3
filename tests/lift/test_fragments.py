"""A fragment of an object never beats the whole, and no mask over two objects swallows them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.lift.keyframe import Keyframe
from cm3d.params import Lift
from tests.lift.known import CHATGPT
from tests.lift.sighted import sighted
from tests.lift.solids import outline, to_pixels


def window(solid: Any, share: tuple[float, float], heights_m: tuple[float, float]) -> np.ndarray:
    """Image of a part of what is seen of a solid: a share of its columns, between two heights."""
    whole = outline(solid)
    columns = np.flatnonzero(whole.any(axis=0))
    low, high = columns[0] + np.array(share) * (columns[-1] - columns[0])
    range_m = solid.x_m - solid.length_m / 2
    edges_m = np.array([[range_m, solid.y_m, height_m] for height_m in heights_m])
    bottom, top = to_pixels(edges_m)[:, 1]
    part = np.zeros_like(whole)
    part[int(top) : int(bottom), int(low) : int(high)] = 1
    return part & whole


@pytest.mark.parametrize("y_m", [-3.0, 2.0, 5.0])
def test_windscreen_does_not_beat_its_car(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift, y_m: float
) -> None:
    """A windscreen of score 0.9 within a car of score 0.3: one box, where the car is."""
    car = solid(12, y_m, 0.0)
    screen = window(car, (0.1, 0.5), (0.9, 1.4))
    keyframe = make_street(car, car, images=[screen, outline(car)])
    keyframe = keyframe._replace(masks=keyframe.masks.replace(score=[0.9, 0.3]))
    boxes = sighted(keyframe, CHATGPT, refined).boxes
    assert len(boxes) == 1
    assert boxes.center_m[0, :2] == pytest.approx([12, y_m], abs=0.35)
    assert boxes.score[0] <= 0.3
    # Without the rule the surer fragment suppresses the car.
    off = refined.refine.model_copy(update={"parts": False})
    wrong = sighted(keyframe, CHATGPT, refined.model_copy(update={"refine": off})).boxes
    assert wrong.score.max() > 0.3


def test_fragment_with_its_old_sweeps_does_not_beat_a_whole_without(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    """The whole has enough new points and loses its old ones, the fragment keeps them."""
    car = solid(12, 3, 0.0)
    part = window(car, (0.0, 0.3), (0.0, 2.0))
    keyframe = make_street(car, car, images=[part, outline(car)])
    of_car = len(car.seen_points_m())
    points_m = keyframe.scan.points_m
    new = np.arange(len(points_m)) >= of_car
    new[:of_car:10] = True
    points_m = np.concatenate([points_m[new], points_m[:of_car]])
    lag_s = np.repeat([0.0, 0.05], [new.sum(), of_car])
    keyframe = keyframe._replace(
        scan=keyframe.scan._replace(points_m=points_m, time_lag_s=lag_s),
        masks=keyframe.masks.replace(score=[0.9, 0.3]),
    )
    boxes = sighted(keyframe, CHATGPT, refined).boxes
    assert boxes.center_m[:, :2] == pytest.approx(np.array([[12, 3]]), abs=0.3)


def test_fragment_of_another_class_does_not_take_the_place_of_the_car(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    """Parts are of one class; a truck within a car is the same object by its points."""
    car = solid(12, 3, 0.0)
    screen = window(car, (0.1, 0.5), (0.9, 1.4))
    keyframe = make_street(car, car._replace(class_name="truck"), images=[outline(car), screen])
    found = sighted(keyframe, CHATGPT, refined)
    assert sorted(found.boxes.class_name) == ["car", "truck"]
    assert len(set(found.same_as.tolist())) == 1


def test_mask_over_two_cars_does_not_swallow_them(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    """Two parked in line; the third mask, the surest, is around both."""
    near, far = solid(9, 4, 0.0), solid(14.6, 4, 0.0)
    both = outline(near) | outline(far)
    keyframe = make_street(near, far, near, images=[outline(near), outline(far), both])
    keyframe = keyframe._replace(masks=keyframe.masks.replace(score=[0.6, 0.5, 0.9]))
    for params in (refined, refined.model_copy(update={"nms": False})):
        boxes = sighted(keyframe, CHATGPT, params).boxes
        for car in (near, far):
            off_m = np.hypot(*(boxes.center_m[:, :2] - [car.x_m, car.y_m]).T)
            assert off_m.min() < 0.3
    assert len(sighted(keyframe, CHATGPT, refined).boxes) == 2
