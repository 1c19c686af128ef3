from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cm3d.lift import lift_frame
from cm3d.lift.keyframe import Keyframe
from cm3d.lift.refine.frame import refine_frame
from cm3d.lift.refine.scene import refine_scene
from cm3d.lift.shape_priors import CHATGPT
from cm3d.params import Lift
from cm3d.tables import Boxes3D, Frames, Masks
from cm3d.tables.table import columns_of

TOKENS = [f"f{step}" for step in range(5)]


@pytest.fixture
def frames() -> Frames:
    """Five keyframes at 2 Hz; the ego vehicle stands at the origin."""
    return Frames(
        sample_token=TOKENS,
        scene_name=["scene"] * 5,
        timestamp_us=1_500_000_000_000_000 + 500_000 * np.arange(5),
        split=["train"] * 5,
        location=[""] * 5,
        global_SE3_ego=[[1, 0, 0, 0, 0, 0, 0]] * 5,
        label_rank=[0.0] * 5,
    )


@pytest.fixture
def drive(make_street: Callable[..., Keyframe], solid: Any) -> list[Keyframe]:
    """A car at 10 m/s beside a parked one."""
    return [
        make_street(solid(14 + 5 * step, 4, 0.0), solid(18, -5, 0.1), token=token)
        for step, token in enumerate(TOKENS)
    ]


def without(params: Lift, **knobs: bool) -> Lift:
    return params.model_copy(update={"refine": params.refine.model_copy(update=knobs)})


def assert_same(one: Boxes3D, other: Boxes3D) -> None:
    for name in columns_of(Boxes3D):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_without_tracks_it_is_one_keyframe_after_the_other(
    drive: list[Keyframe], frames: Frames, refined: Lift
) -> None:
    params = without(refined, tracks=False)
    stacked = Boxes3D.concatenate(refine_frame(each, CHATGPT, params).boxes for each in drive)
    assert len(stacked) == 10
    assert_same(refine_scene(drive, frames, CHATGPT, params), stacked)


def test_with_all_off_it_is_the_recipe_of_the_paper(
    drive: list[Keyframe], frames: Frames, unrefined: Lift
) -> None:
    stacked = Boxes3D.concatenate(lift_frame(each, CHATGPT, unrefined) for each in drive)
    assert_same(refine_scene(drive, frames, CHATGPT, unrefined), stacked)


def test_moving_car_gets_its_velocity(drive: list[Keyframe], frames: Frames, refined: Lift) -> None:
    boxes = refine_scene(drive, frames, CHATGPT, refined)
    moving = boxes.center_m[:, 1] > 0
    assert boxes.sample_token[moving].tolist() == TOKENS
    assert boxes.velocity_mps[moving] == pytest.approx(np.tile([10.0, 0], (5, 1)), abs=0.5)
    assert np.abs(np.sin(boxes.yaw_rad[moving])).max() < 0.05
    assert np.cos(boxes.yaw_rad[moving]).min() > 0  # the front is where it drives to
    assert set(boxes.attribute_name[moving]) == {"vehicle.moving"}
    assert boxes.velocity_mps[~moving].tolist() == [[0, 0]] * 5
    assert "vehicle.moving" not in boxes.attribute_name[~moving]


def test_keyframe_where_nothing_is_seen_is_filled(
    drive: list[Keyframe], frames: Frames, refined: Lift
) -> None:
    drive[2] = drive[2]._replace(masks=Masks.empty())
    boxes = refine_scene(drive, frames, CHATGPT, refined)
    filled = boxes[boxes.sample_token == "f2"]
    order = np.argsort(filled.center_m[:, 1])
    assert filled.center_m[order, :2] == pytest.approx(np.array([[18, -5], [24, 4]]), abs=0.3)


def test_scene_where_nothing_is_seen(drive: list[Keyframe], frames: Frames, refined: Lift) -> None:
    blind = [keyframe._replace(masks=Masks.empty()) for keyframe in drive]
    assert len(refine_scene(blind, frames, CHATGPT, refined)) == 0


def test_keyframes_are_taken_one_at_a_time(
    drive: list[Keyframe], frames: Frames, refined: Lift
) -> None:
    assert_same(
        refine_scene(iter(drive), frames, CHATGPT, refined),
        refine_scene(drive, frames, CHATGPT, refined),
    )
