from collections.abc import Callable

import numpy as np
import pytest

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.cuboids import Cuboids, points_in_boxes
from cm3d.lift.explained import ExplainedBoxes
from cm3d.lift.fit.evidence import Evidence
from cm3d.lift.sightings import Sightings
from cm3d.lift.tracks.scene import follow_objects
from cm3d.params import Tracks
from cm3d.tables import Boxes3D, Frames
from cm3d.tables.table import columns_of
from tests.lift.known import CLASS_NAMES, TAXONOMY
from tests.lift.made import unexplained

Boxes = Callable[..., Boxes3D]
MakeFrames = Callable[[int], Frames]


def _follow(
    boxes: Boxes3D,
    frames: Frames,
    params: Tracks,
    std_m: float = 0.3,
    front: float = 0.0,
    same_as: list[int] | None = None,
    standing_m: NDArrayFloat | None = None,
) -> ExplainedBoxes:
    """All boxes are known equally well; without `standing_m` there are points on all of them."""
    half = np.full(len(boxes), 0.5)
    evidence = Evidence(np.full(len(boxes), std_m), half, half, np.full(len(boxes), front))
    own = np.arange(len(boxes)) if same_as is None else np.array(same_as)
    axis_m = np.arange(-60, 60, 0.5)
    everywhere_m = np.stack(np.meshgrid(axis_m, axis_m, 1.0), axis=-1).reshape(-1, 3)
    points_m = everywhere_m if standing_m is None else standing_m
    standing = dict.fromkeys(frames.sample_token, points_m)
    sightings = Sightings(boxes, evidence, own)
    followed = follow_objects(sightings, frames, standing, TAXONOMY, params)
    return followed.explained(unexplained(boxes).why)


def _drive(make_boxes: Boxes, steps: list[int], speed_mps: float) -> Boxes3D:
    return make_boxes(*[(step, 0.5 * speed_mps * step, 3.0) for step in steps])


def test_a_driving_car(make_boxes: Boxes, make_frames: MakeFrames, all_on: Tracks) -> None:
    steps = [0, 1, 3, 4, 5]
    result = _follow(_drive(make_boxes, steps, -8.0), make_frames(6), all_on)
    boxes = result.boxes
    assert list(boxes.sample_token) == ["f0", "f1", "f2", "f3", "f4", "f5"]
    assert set(boxes.attribute_name) == {"vehicle.moving"}
    np.testing.assert_array_equal(result.why.track, 0)
    np.testing.assert_allclose(boxes.velocity_mps, [[-8, 0]] * 6, atol=0.2)
    np.testing.assert_allclose(boxes.center_m[2], [-8, 3, 1], atol=0.1)
    np.testing.assert_allclose(np.abs(boxes.yaw_rad), np.pi)
    of_track = 0.5 * 5 / (5 + all_on.score_prior_boxes)
    np.testing.assert_allclose(boxes.score[[0, 2]], [of_track, of_track * all_on.fill_score])


def test_what_turned_a_box_is_told(
    make_boxes: Boxes, make_frames: MakeFrames, all_on: Tracks, all_off: Tracks
) -> None:
    """The lane's axis is that of the motion in f0 and across it in f1."""
    boxes = _drive(make_boxes, [0, 1, 3, 4, 5], -8.0).replace(yaw_rad=[0, np.pi / 2, 0, 0, 0])
    why = _follow(boxes, make_frames(6), all_on).why
    # the gap in f2 takes the axis of the box before it
    assert why.heading_from.tolist() == ["lane", "motion", "motion", "lane", "lane", "lane"]
    assert set(why.front_from) == {"motion"}
    assert why.center_from.tolist() == [*["smoothed"] * 2, "interpolated", *["smoothed"] * 3]
    untouched = _follow(boxes, make_frames(6), all_off).why
    assert set(untouched.heading_from) == set(untouched.front_from) == {"lane"}
    assert set(untouched.center_from) == {"medoid"} and set(untouched.size_from) == {"class"}
    assert np.isnan(untouched.track_score).all() and (untouched.class_factor == 1).all()


def test_a_parked_car_that_once_was_a_truck(
    make_boxes: Boxes, make_frames: MakeFrames, all_on: Tracks
) -> None:
    boxes = make_boxes(
        *[(step, 10 + 0.2 * (-1) ** step, 3.0) for step in range(4)],
        class_name=["car", "truck", "car", "car"],
        length_m=[4.0, 8.0, 4.2, 4.4],
        yaw_rad=[0.0, np.pi, 0.1, -0.1],
    )
    found = _follow(boxes, make_frames(4), all_on).boxes
    assert set(found.class_name) == {"car"} and set(found.attribute_name) == {"vehicle.parked"}
    np.testing.assert_allclose(found.length_m, 4.2)
    np.testing.assert_allclose(found.center_m, [[10, 3, 1]] * 4)
    np.testing.assert_array_equal(found.velocity_mps, 0)
    np.testing.assert_allclose(found.yaw_rad, 0, atol=1e-9)


def test_a_single_keyframe_passes_through(
    make_boxes: Boxes, make_frames: MakeFrames, all_on: Tracks
) -> None:
    boxes = make_boxes(
        (0, 5, 5), (0, 9, 9), class_name=["car", "pedestrian"], velocity_mps=[[np.nan] * 2] * 2
    )
    found = _follow(boxes, make_frames(1), all_on.model_copy(update={"scores": False})).boxes
    expected = boxes.replace(attribute_name=["vehicle.parked", "pedestrian.moving"])
    for name in columns_of(Boxes3D):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("count", [1, 5])
def test_no_boxes(make_boxes: Boxes, make_frames: MakeFrames, all_on: Tracks, count: int) -> None:
    assert len(_follow(make_boxes(), make_frames(count), all_on).boxes) == 0


def test_with_all_effects_off_nothing_changes(
    make_boxes: Boxes, make_frames: MakeFrames, all_off: Tracks
) -> None:
    boxes = _crowd(make_boxes, frames=5, objects=12)
    found = _follow(boxes, make_frames(5), all_off).boxes
    keys = np.lexsort([*boxes.center_m.T, boxes.sample_token.astype(str)])
    found_keys = np.lexsort([*found.center_m.T, found.sample_token.astype(str)])
    for name in columns_of(Boxes3D):
        np.testing.assert_array_equal(getattr(found[found_keys], name), getattr(boxes[keys], name))


CHANGES = {
    "positions": {"center_m"},
    "velocity": {"velocity_mps"},
    "heading": {"yaw_rad"},
    "scores": {"score"},
    "attributes": {"attribute_name"},
    "class_vote": {"class_name", "length_m"},
    "sizes": {"length_m"},
}


@pytest.mark.parametrize("switch", CHANGES)
def test_each_switch_changes_its_columns_and_no_other(
    make_boxes: Boxes, make_frames: MakeFrames, all_off: Tracks, switch: str
) -> None:
    rows = [(step, 3.0 * step + 0.1 * (-1) ** step, 0.0) for step in range(6)]
    boxes = make_boxes(
        *rows,
        class_name=["car"] * 5 + ["truck"],
        yaw_rad=np.full(6, np.pi),
        length_m=[4.0, 4.2, 4.4, 4.6, 4.8, 8.0],
    )
    params = all_off.model_copy(update={switch: True})
    found = _follow(boxes, make_frames(6), params).boxes
    changed = {
        name
        for name in columns_of(Boxes3D)
        if not np.array_equal(getattr(found, name), getattr(boxes, name))
    }
    assert changed == CHANGES[switch]


def _crowd(make_boxes: Boxes, frames: int, objects: int) -> Boxes3D:
    """Objects of all classes, some of which move, missed now and then."""
    rng = np.random.default_rng([frames, objects])
    start_m = rng.uniform(-45, 45, (objects, 2))
    speed_mps = rng.normal(0, 3, (objects, 2)) * (rng.random(objects) < 0.4)[:, None]
    names = rng.choice(CLASS_NAMES, objects)
    seen = rng.random((frames, objects)) < 0.8
    step, number = np.nonzero(seen)
    noise_m = rng.normal(0, 0.3, (len(step), 2))
    xy_m = start_m[number] + 0.5 * step[:, None] * speed_mps[number] + noise_m
    return make_boxes(
        *[(int(at), *xy) for at, xy in zip(step, xy_m.tolist(), strict=True)],
        class_name=names[number],
        score=rng.random(len(step)),
        yaw_rad=rng.uniform(-np.pi, np.pi, len(step)),
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_does_not_matter(
    make_boxes: Boxes, make_frames: MakeFrames, all_on: Tracks, seed: int
) -> None:
    boxes, frames = _crowd(make_boxes, frames=6, objects=30), make_frames(6)
    rng = np.random.default_rng([seed])
    shuffled = boxes[rng.permutation(len(boxes))]
    once = _follow(boxes, frames, all_on)
    again = _follow(shuffled, frames[rng.permutation(6)], all_on)
    np.testing.assert_array_equal(once.why.track, again.why.track)
    for name in columns_of(Boxes3D):
        np.testing.assert_array_equal(getattr(once.boxes, name), getattr(again.boxes, name))


def test_every_box_is_kept_and_no_track_has_two_in_a_keyframe(
    make_boxes: Boxes, make_frames: MakeFrames, all_on: Tracks
) -> None:
    boxes = _crowd(make_boxes, frames=8, objects=40)
    unfilled = _follow(boxes, make_frames(8), all_on.model_copy(update={"fill_gaps": False}))
    assert sorted(unfilled.boxes.sample_token) == sorted(boxes.sample_token)
    filled = _follow(boxes, make_frames(8), all_on)
    assert len(filled.boxes) > len(boxes)
    pairs = set(zip(filled.boxes.sample_token, filled.why.track.tolist(), strict=True))
    assert len(pairs) == len(filled.boxes)


def test_a_box_of_another_scene_is_an_error(
    make_boxes: Boxes, make_frames: MakeFrames, all_on: Tracks
) -> None:
    with pytest.raises(InputError, match="keyframe f7 of a box is not in the index"):
        _follow(make_boxes((7, 0, 0)), make_frames(2), all_on)


def test_scores_vote_and_shares_weaken(
    make_boxes: Boxes, make_frames: MakeFrames, all_on: Tracks
) -> None:
    """A car of scores 0.3 and 0.5 once is a truck of 0.2: car with a share of 0.8."""
    rows = [(step, 10.0, 3.0) for step in range(3)]
    boxes = make_boxes(*rows, class_name=["car", "truck", "car"], score=[0.3, 0.2, 0.5])
    of_track = 1.0 / (3 + all_on.score_prior_boxes)
    for power, expected in ((1.0, 0.8), (2.0, 0.64), (0.0, 1.0)):
        params = all_on.model_copy(update={"class_share": power})
        found = _follow(boxes, make_frames(3), params).boxes
        assert found.class_name.tolist() == ["car"] * 3
        np.testing.assert_allclose(found.score, of_track * expected)
    strong = boxes.replace(score=[0.3, 0.9, 0.5])
    assert set(_follow(strong, make_frames(3), all_on).boxes.class_name) == {"truck"}


def test_boxes_of_other_classes_stay_with_their_share(
    make_boxes: Boxes, make_frames: MakeFrames, all_on: Tracks
) -> None:
    """In each of two keyframes a car of score 0.6 and, around the same points, a truck of 0.2."""
    rows = [(0, 10.0, 3.0), (0, 10.2, 3.0), (1, 10.0, 3.0), (1, 10.2, 3.0)]
    boxes = make_boxes(
        *rows,
        class_name=["car", "truck"] * 2,
        score=[0.6, 0.2] * 2,
        yaw_rad=[0.0, np.pi - 0.1] * 2,
        length_m=[4.5, 7.0] * 2,
    )
    result = _follow(boxes, make_frames(2), all_on, same_as=[0, 0, 2, 2])
    found, of_track = result.boxes, 1.2 / (2 + all_on.score_prior_boxes)
    assert found.class_name.tolist() == ["car", "car", "truck", "truck"]
    np.testing.assert_array_equal(result.why.track, 0)
    car, truck = of_track * 0.75, of_track * 0.25
    np.testing.assert_allclose(found.score, [car, car, truck, truck])
    assert found.length_m[2:].tolist() == [7, 7]  # its own shape
    np.testing.assert_allclose(found.yaw_rad[2:], -0.1)  # but the track's front
    alone = all_on.model_copy(update={"other_classes": False})
    result = _follow(boxes, make_frames(2), alone, same_as=[0, 0, 2, 2])
    assert result.boxes.class_name.tolist() == ["car", "car"]


def test_gaps_are_filled_where_enough_points_stand(
    make_boxes: Boxes, make_frames: MakeFrames, all_on: Tracks
) -> None:
    """A parked car at (10, 3) of 4.5 x 1.8 m, missed in f1."""
    boxes = make_boxes((0, 10, 3), (2, 10, 3))
    within = [[9.0, 2.5, 1.0], [12.0, 3.5, 1.0]]
    beside = [[12.5, 3.0, 1.0], [10.0, 4.0, 1.0], [10.0, 3.0, 9.0]]  # the last above it

    def tokens(points_m: list[list[float]], fill_points: int) -> list[str]:
        params = all_on.model_copy(update={"fill_points": fill_points})
        standing_m = np.reshape(np.array(points_m, dtype=float), (-1, 3))
        found = _follow(boxes, make_frames(3), params, standing_m=standing_m)
        return list(found.boxes.sample_token)

    assert tokens(within + beside, 2) == ["f0", "f1", "f2"]
    assert tokens(within + beside, 3) == ["f0", "f2"]
    assert tokens(beside, 1) == ["f0", "f2"]
    assert tokens([], 1) == ["f0", "f2"]


def test_points_are_counted_in_turned_boxes() -> None:
    """The last two are a leaf above both boxes and a return below them."""
    places_m = [[10.0, 4, 1], [12, 3, 1.7], [10, 0.9, 0.3], [10, 3, 9], [10, 3, 0.2]]
    points_m = np.array(places_m)
    boxes = Cuboids(
        np.array([[10.0, 3, 1], [10.0, 3, 1]]),
        *np.array([[4.5, 1.8, 1.5]] * 2).T,
        np.array([0.0, np.pi / 2]),
    )
    count = points_in_boxes(points_m, boxes).sum(axis=1)
    assert count.tolist() == [1, 2]


def test_fronts_are_a_switch(make_boxes: Boxes, make_frames: MakeFrames, all_on: Tracks) -> None:
    """A parked car whose boxes look against the ego vehicle, and nothing else is known."""
    boxes = make_boxes((0, 10, 30), (1, 10, 30), yaw_rad=[np.pi - 0.2] * 2)
    found = _follow(boxes, make_frames(2), all_on).boxes
    np.testing.assert_allclose(found.yaw_rad, -0.2, atol=1e-9)
    off = all_on.model_copy(update={"fronts": False})
    np.testing.assert_allclose(_follow(boxes, make_frames(2), off).boxes.yaw_rad, np.pi - 0.2)
    lane = _follow(boxes, make_frames(2), all_on, front=1.0).boxes
    np.testing.assert_allclose(lane.yaw_rad, np.pi - 0.2)
