from collections.abc import Callable

import numpy as np

from cm3d.lift.tracks.detections import Detections
from cm3d.lift.tracks.grid import Grid
from cm3d.lift.tracks.motion import TrackMotion, heights
from cm3d.params import Tracks

Make = Callable[..., Detections]


def _motion(boxes: Detections, params: Tracks) -> tuple[Grid, TrackMotion]:
    track = np.zeros(len(boxes.frame), np.int64)
    grid = Grid.from_tracks(track, boxes.frame, np.arange(boxes.frame.max() + 1) * 0.5)
    return grid, TrackMotion.of(boxes, grid, params)


def test_what_jitters_stands_still_in_the_middle(make_detections: Make, all_on: Tracks) -> None:
    rng = np.random.default_rng([1, 2])
    jitter = rng.normal(0, 0.3, (10, 2))
    boxes = make_detections(*[(step, 20 + x, y) for step, (x, y) in enumerate(jitter)])
    _, motion = _motion(boxes, all_on)
    np.testing.assert_array_equal(motion.velocity_mps, 0)
    np.testing.assert_allclose(motion.xy_m[0, 4], boxes.xy_m.mean(axis=0), atol=0.1)
    assert not motion.travelled[0] and motion.known[0]


def test_pooling_trusts_what_is_known_well(make_detections: Make, all_on: Tracks) -> None:
    normal = all_on.model_copy(update={"outlier_dof": 1e12})
    boxes = make_detections((0, 0, 0), (1, 1, 0))
    boxes.std_m[:] = [0.5, 1.0]
    _, motion = _motion(boxes, normal)
    np.testing.assert_allclose(motion.xy_m[0], [[0.2, 0], [0.2, 0]])


def test_one_box_far_off_hardly_pulls(make_detections: Make, all_on: Tracks) -> None:
    for speed_mps in (0.0, 8.0):
        places = [(step, speed_mps * 0.5 * step, 2.0 * (step == 4)) for step in range(9)]
        _, motion = _motion(make_detections(*places), all_on)
        assert motion.travelled[0] == (speed_mps > 0)
        # Under normal noise it would pull standing boxes by 2 / 9 m, moving ones by more.
        np.testing.assert_allclose(motion.xy_m[0, 4], [speed_mps * 2, 0], atol=0.15)


def test_what_drives_has_its_velocity(make_detections: Make, all_on: Tracks) -> None:
    rng = np.random.default_rng([3, 4])
    boxes = make_detections(*[(step, 4 * step + rng.normal(0, 0.2), 0) for step in range(8)])
    _, motion = _motion(boxes, all_on)
    assert motion.travelled[0] and motion.moving.all()
    np.testing.assert_allclose(motion.velocity_mps[0, :, 0], 8, atol=0.6)


def test_what_stops_was_moving(make_detections: Make, all_on: Tracks) -> None:
    boxes = make_detections(*[(step, 3.0 * min(step, 4), 0) for step in range(14)])
    _, motion = _motion(boxes, all_on)
    assert motion.travelled[0]
    np.testing.assert_array_equal(motion.moving[0, [0, 1, 2, 8, 11, 13]], [1, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(motion.velocity_mps[0, 13], 0)


def test_who_comes_back_has_been_away(make_detections: Make, all_on: Tracks) -> None:
    there_and_back = [0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0]
    boxes = make_detections(
        *[(step, 0.7 * at, 0) for step, at in enumerate(there_and_back)],
        class_name=["pedestrian"] * 12,
        length_m=np.full(12, 0.7),
    )
    _, motion = _motion(boxes, all_on)
    assert motion.travelled[0]
    np.testing.assert_allclose(motion.velocity_mps[0, [2, 9], 0], [1.4, -1.4], atol=0.3)


def test_a_single_box_tells_no_motion(make_detections: Make, all_on: Tracks) -> None:
    _, motion = _motion(make_detections((0, 3, 4)), all_on)
    assert not motion.known[0] and not motion.travelled[0]
    np.testing.assert_allclose(motion.xy_m[0, 0], [3, 4])


def test_heights_are_pooled_at_rest_and_local_in_motion(
    make_detections: Make, all_on: Tracks
) -> None:
    z_m = np.arange(10.0)
    for speed, expected in ((0.0, [4.5, 4.5]), (5.0, [4.0, 5.0])):
        boxes = make_detections(*[(step, speed * step, 0) for step in range(10)])
        grid, motion = _motion(boxes, all_on)
        found = heights(z_m, boxes.std_m, grid, motion)
        np.testing.assert_allclose(found[0, 4:6], expected, atol=0.05)


def test_the_box_of_a_long_vehicle_wanders_further(make_detections: Make, all_on: Tracks) -> None:
    for length_m, travelled in ((4.5, True), (12.0, False)):
        places = [(step, 0.5 * step, 0.0) for step in range(10)]
        boxes = make_detections(*places, length_m=np.full(10, length_m))
        assert _motion(boxes, all_on)[1].travelled[0] == travelled
