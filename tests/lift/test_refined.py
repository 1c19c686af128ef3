from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from cm3d.errors import InputError
from cm3d.geometry.angles import wrap_angle
from cm3d.geometry.se3 import SE3
from cm3d.lift.keyframe import Keyframe
from cm3d.lift.lanes import LaneField
from cm3d.lift.paper import lift_frame
from cm3d.lift.refined import refined_scene
from cm3d.lift.sightings import Sightings
from cm3d.params import Lift, Refine
from cm3d.tables import Boxes3D, Cameras, Frames, Lanes, Masks
from cm3d.tables.table import columns_of
from tests.lift.known import CHATGPT, CLASS_NAMES, DATASET
from tests.lift.sighted import sighted


def assert_same(one: Boxes3D, other: Boxes3D, turned: bool = False) -> None:
    """The same bytes; headings that went through another frame may differ in the last bit."""
    for name in columns_of(Boxes3D):
        if turned and name == "yaw_rad":
            turn_rad = wrap_angle(one.yaw_rad - other.yaw_rad)
            assert turn_rad == pytest.approx(0, abs=1e-12)
        else:
            assert np.array_equal(getattr(one, name), getattr(other, name)), name


def with_switch(params: Lift, name: str, value: bool) -> Lift:
    return params.model_copy(update={"refine": params.refine.model_copy(update={name: value})})


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_with_all_switches_off_it_is_the_recipe_of_the_paper(
    make_street: Callable[..., Keyframe], unrefined: Lift, seed: int, lanes: bool
) -> None:
    random = np.random.default_rng(seed)
    keyframe = make_street()
    count = 12
    masks = Masks(
        camera_token=["front"] * count,
        sample_token=["frame"] * count,
        detection_id=range(count),
        class_name=random.choice(CLASS_NAMES, count).tolist(),
        score=random.random(count).round(1),
        height_px=[450] * count,
        width_px=[800] * count,
        rle=[rectangle(random) for _ in range(count)],
    )
    lane = Lanes(["a"] * 3, range(3), ["lane"] * 3, random.normal(20, 9, (3, 2)), [0.1, 1, -2])
    keyframe = keyframe._replace(masks=masks, lanes=LaneField(lane) if lanes else None)
    paper = lift_frame(keyframe, DATASET, unrefined).boxes
    assert len(paper) > 0
    found = sighted(keyframe, DATASET, unrefined)
    # The ego vehicle looks along global x, so what follows no lane has heading 0 in both.
    assert_same(found.boxes, paper, turned=True)
    assert len(found.evidence) == len(paper)
    assert found.same_as.tolist() == list(range(len(paper)))


def rectangle(random: np.random.Generator) -> bytes:
    image = np.zeros((450, 800), np.uint8, order="F")
    row, column = random.integers(150, 300), random.integers(0, 700)
    image[row : row + 60, column : column + random.integers(20, 100)] = 1
    return bytes(coco_mask.encode(image)["counts"])


SWITCHES = [
    name
    for name, knob in Refine.model_fields.items()
    if knob.annotation is bool and name != "tracks"
]


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("value", [False, True])
def test_each_switch_alone(
    make_street: Callable[..., Keyframe],
    solid: Any,
    refined: Lift,
    unrefined: Lift,
    name: str,
    value: bool,
) -> None:
    """One on, or all others on: boxes of a plausible size where the objects are."""
    keyframe = make_street(solid(15, 4, 0.2), solid(12, -2, 0, 0.7, 0.5, 1.75, "pedestrian"))
    params = with_switch(unrefined if value else refined, name, value)
    found = sighted(keyframe, CHATGPT, params)
    boxes, evidence = found.boxes, found.evidence
    assert boxes.class_name.tolist() == ["car", "pedestrian"]
    off_m = np.linalg.norm(boxes.center_m[:, :2] - [[15, 4], [12, -2]], axis=1)
    assert off_m[0] < 1.5
    # Around the person the mask shows what is behind: it takes clusters to tell them apart.
    assert off_m[1] < (0.5 if params.refine.cluster else 6)
    assert (evidence.position_std_m > 0).all()


def test_score_is_that_of_the_detection_times_the_quality(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    keyframe = make_street(solid(15, 4, 0.2))
    found = sighted(keyframe, CHATGPT, refined)
    quality = found.evidence.yaw_weight[0]
    assert 0.5 < quality <= 1
    assert found.boxes.score[0] == pytest.approx(0.9 * quality)
    plain = sighted(keyframe, CHATGPT, with_switch(refined, "score", False))
    assert plain.boxes.score.tolist() == [0.9]
    unfitted = sighted(keyframe, CHATGPT, with_switch(refined, "fit", False))
    assert unfitted.boxes.score.tolist() == [0.9]


def test_box_that_explains_little_scores_less(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    car = solid(15, 4, 0.2)
    right = sighted(make_street(car), CHATGPT, refined)
    # The same points, but the mask goes on for 200 pixels more.
    wide = np.zeros((450, 800), np.uint8)
    wide[200:280, 100:400] = 1
    wrong = sighted(make_street(car, images=[wide]), CHATGPT, refined)
    assert wrong.boxes.score[0] < right.boxes.score[0]
    assert wrong.evidence.position_std_m[0] > right.evidence.position_std_m[0]


def test_rear_cut_by_two_cameras_becomes_one_box(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    car = solid(11.8, 7.5, np.arctan2(7.5, 11.8))
    lane = LaneField(Lanes(["lane"], [0], ["lane"], [[11.8, 7.5]], [car.yaw_rad]))
    keyframe = make_street(car, car, cameras=["front", "left"], lanes=lane)
    merged = refined.model_copy(update={"nms": False})
    apart = with_switch(merged, "merge_cameras", False)
    assert len(sighted(keyframe, CHATGPT, apart).boxes) == 2
    boxes = sighted(keyframe, CHATGPT, merged).boxes
    assert boxes.center_m[:, :2] == pytest.approx(np.array([[11.8, 7.5]]), abs=0.3)


def test_car_cut_by_two_cameras_becomes_one_box(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    """The means of what is seen of its ends are too far apart to merge; the boxes are not."""
    car = solid(12, 8, 0.0)
    keyframe = make_street(car, car, cameras=["front", "left"])
    boxes = sighted(keyframe, CHATGPT, refined).boxes
    assert boxes.center_m[:, :2] == pytest.approx(np.array([[12, 8]]), abs=0.3)


def test_barriers_are_drawn_across(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift, lift_params: Lift
) -> None:
    barrier = solid(12, 2, np.pi / 2, 0.5, 1.2, 0.9, "barrier")
    keyframe = make_street(barrier)
    params = with_switch(refined, "extent", False)
    boxes = sighted(keyframe, CHATGPT, params).boxes
    assert (boxes.length_m.tolist(), boxes.width_m.tolist()) == ([0.5], [1.2])
    paper = lift_frame(keyframe, CHATGPT, lift_params).boxes
    assert (paper.length_m.tolist(), paper.width_m.tolist()) == ([1.2], [0.5])


def test_empty_keyframes(make_street: Callable[..., Keyframe], solid: Any, refined: Lift) -> None:
    keyframe = make_street(solid(15, 4))
    nothing = keyframe.scan._replace(points_m=np.empty((0, 3)), time_lag_s=np.empty(0))
    for empty in (
        keyframe._replace(masks=Masks.empty()),
        keyframe._replace(scan=nothing),
        keyframe._replace(masks=Masks.empty(), scan=nothing),
        keyframe._replace(masks=Masks.empty(), cameras=Cameras.empty()),
    ):
        found = sighted(empty, CHATGPT, refined)
        assert len(found.boxes) == len(found.evidence) == 0
        assert len(lift_frame(empty, CHATGPT, refined)) == 0


def test_one_point_makes_a_box(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    keyframe = make_street(solid(15, 4))
    one = keyframe.scan._replace(points_m=np.array([[14.0, 3.5, 0.8]]), time_lag_s=np.zeros(1))
    boxes = sighted(keyframe._replace(scan=one), CHATGPT, refined).boxes
    assert len(boxes) == 1
    assert np.isfinite(boxes.center_m).all()


def test_keyframe_without_points_of_its_own(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    keyframe = make_street(solid(15, 4, 0.2))
    old = keyframe.scan._replace(time_lag_s=np.full(len(keyframe.scan.points_m), 0.05))
    assert len(sighted(keyframe._replace(scan=old), CHATGPT, refined).boxes) == 1


def test_same_twice(make_street: Callable[..., Keyframe], solid: Any, refined: Lift) -> None:
    keyframe = make_street(solid(15, 4, 0.2), solid(25, -4, 1.0))
    once, again = (sighted(keyframe, CHATGPT, refined).boxes for _ in range(2))
    assert_same(once, again)


def test_stacking_keeps_rows_together(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    parts = [sighted(make_street(solid(x, 4, 0.2)), CHATGPT, refined) for x in (15.0, 25.0)]
    stacked = Sightings.concatenate(parts)
    assert stacked.boxes.center_m.tolist() == [part.boxes.center_m[0].tolist() for part in parts]
    assert stacked.evidence.yaw_weight.tolist() == [part.evidence.yaw_weight[0] for part in parts]


def test_mask_of_no_known_class(
    make_street: Callable[..., Keyframe], solid: Any, refined: Lift
) -> None:
    tram = solid(15, 4, class_name="tram")
    with pytest.raises(InputError, match="unknown class 'tram'"):
        sighted(make_street(tram), CHATGPT, with_switch(refined, "merge_cameras", False))
    with pytest.raises(InputError, match="unknown class 'tram'"):
        sighted(make_street(tram), CHATGPT, refined)


TOKENS = [f"f{step}" for step in range(5)]


@pytest.fixture
def frames(make_frames: Callable[[int], Frames]) -> Frames:
    """Five keyframes at 2 Hz; the ego vehicle stands at the origin."""
    return make_frames(len(TOKENS))


@pytest.fixture
def drive(make_street: Callable[..., Keyframe], solid: Any) -> list[Keyframe]:
    """A car at 10 m/s beside a parked one."""
    return [
        make_street(solid(14 + 5 * step, 4, 0.0), solid(18, -5, 0.1), token=token)
        for step, token in enumerate(TOKENS)
    ]


def without(params: Lift, **knobs: bool) -> Lift:
    return params.model_copy(update={"refine": params.refine.model_copy(update=knobs)})


def test_without_tracks_it_is_one_keyframe_after_the_other(
    drive: list[Keyframe], frames: Frames, refined: Lift
) -> None:
    params = without(refined, tracks=False, calibrate=False)
    stacked = Boxes3D.concatenate(sighted(each, CHATGPT, params).boxes for each in drive)
    assert len(stacked) == 10
    assert_same(refined_scene(drive, frames, CHATGPT, params).boxes, stacked)


def test_with_all_off_it_is_the_recipe_of_the_paper(
    drive: list[Keyframe], frames: Frames, unrefined: Lift
) -> None:
    stacked = Boxes3D.concatenate(lift_frame(each, CHATGPT, unrefined).boxes for each in drive)
    assert_same(refined_scene(drive, frames, CHATGPT, unrefined).boxes, stacked, turned=True)


def test_with_all_off_what_follows_no_lane_looks_where_the_ego_vehicle_does(
    make_street: Callable[..., Keyframe], solid: Any, unrefined: Lift
) -> None:
    """The paper has heading 0 of the global frame there; nothing here knows where north is."""
    person = solid(12, -2, 0, 0.7, 0.5, 1.75, "pedestrian")
    lane = LaneField(Lanes(["a"], [0], ["lane"], [[15, 4]], [0.3]))
    level = SE3.from_yaw(0.7, np.array([1.0, 2.0, 0.0]))
    keyframe = make_street(solid(15, 4, 0.2), person, lanes=lane)._replace(global_SE3_level=level)
    paper = lift_frame(keyframe, CHATGPT, unrefined).boxes
    found = sighted(keyframe, CHATGPT, unrefined)
    assert paper.class_name.tolist() == found.boxes.class_name.tolist() == ["car", "pedestrian"]
    assert paper.yaw_rad == pytest.approx([0.3, 0.0])
    assert found.boxes.yaw_rad == pytest.approx([0.3, 0.7])
    # The ego vehicle's own place is the same, so medoids and their compensation of the car are.
    assert found.boxes.center_m[0] == pytest.approx(paper.center_m[0])


def test_moving_car_gets_its_velocity(drive: list[Keyframe], frames: Frames, refined: Lift) -> None:
    boxes = refined_scene(drive, frames, CHATGPT, refined).boxes
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
    boxes = refined_scene(drive, frames, CHATGPT, refined).boxes
    filled = boxes[boxes.sample_token == "f2"]
    order = np.argsort(filled.center_m[:, 1])
    assert filled.center_m[order, :2] == pytest.approx(np.array([[18, -5], [24, 4]]), abs=0.3)


def test_scene_where_nothing_is_seen(drive: list[Keyframe], frames: Frames, refined: Lift) -> None:
    blind = [keyframe._replace(masks=Masks.empty()) for keyframe in drive]
    assert len(refined_scene(blind, frames, CHATGPT, refined)) == 0


def test_keyframes_are_taken_one_at_a_time(
    drive: list[Keyframe], frames: Frames, refined: Lift
) -> None:
    assert_same(
        refined_scene(iter(drive), frames, CHATGPT, refined).boxes,
        refined_scene(drive, frames, CHATGPT, refined).boxes,
    )
