import numpy as np
import pytest

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.lift.tracks.grid import Grid
from cm3d.lift.tracks.heading import consensus, nearest_direction, track_headings
from cm3d.lift.tracks.motion import TrackMotion


def _grid(count: int) -> Grid:
    return Grid.from_tracks(np.zeros(count, np.int64), np.arange(count), np.arange(count) * 0.5)


def _moving(velocity_mps: list[list[float]]) -> TrackMotion:
    velocity = np.array([velocity_mps])
    moving = np.linalg.norm(velocity, axis=-1) > 0
    travelled = moving.any(axis=1)
    return TrackMotion(np.zeros_like(velocity), velocity, travelled, moving, np.array([True]))


def _headings(
    yaw_rad: list[float], motion: TrackMotion, vehicle: bool, weight: list[float] | None = None
) -> NDArrayFloat:
    weights = np.ones(len(yaw_rad)) if weight is None else np.array(weight)
    grid = _grid(len(yaw_rad))
    return track_headings(
        np.array(yaw_rad), weights, np.array([vehicle]), grid, motion, 0.6
    ).yaw_rad[0]


def test_the_axis_is_agreed_on_and_most_boxes_say_which_way() -> None:
    yaw = [0.1, -0.1, 0.1 + np.pi, -0.1]
    found = consensus(np.array(yaw), np.ones(4), _grid(4))
    np.testing.assert_allclose(found, [0.0], atol=1e-9)
    opposite = consensus(np.array(yaw) + np.pi, np.ones(4), _grid(4))
    np.testing.assert_allclose(np.abs(opposite), [np.pi], atol=1e-9)


def test_weights_decide_between_axes() -> None:
    found = consensus(np.array([0.0, np.pi / 2]), np.array([0.2, 0.8]), _grid(2))
    np.testing.assert_allclose(found, [np.pi / 2], atol=1e-9)


def test_a_car_keeps_its_axis_and_faces_its_motion() -> None:
    motion = _moving([[-5.0, 0.5]] * 2)
    np.testing.assert_allclose(
        _headings([0.05, np.pi - 0.05], motion, vehicle=True), [0.05 - np.pi, np.pi - 0.05]
    )


def test_a_car_whose_axis_is_far_off_turns_into_its_motion() -> None:
    motion = _moving([[0.0, 5.0]] * 2)
    np.testing.assert_allclose(_headings([0.0, 1.2], motion, vehicle=True), [np.pi / 2, 1.2])


def test_people_face_where_they_go() -> None:
    motion = _moving([[1.0, 1.0]] * 2)
    np.testing.assert_allclose(_headings([0.7, 0.0], motion, vehicle=False), [np.pi / 4] * 2)


def test_who_waits_faces_where_they_went() -> None:
    motion = _moving([[0, 0], [1, 0], [0, 0], [0, 0], [0, 1], [0, 0]])
    np.testing.assert_allclose(nearest_direction(motion)[0] / np.pi, [0, 0, 0, 0.5, 0.5, 0.5])


def test_what_never_moves_has_one_heading() -> None:
    motion = _moving([[0.0, 0.0]] * 3)
    found = _headings([0.2, 0.4, 0.3], motion, vehicle=True)
    np.testing.assert_allclose(found, [0.3] * 3)


@pytest.mark.parametrize("turns", [-2, 0, 3])
def test_headings_are_wrapped(turns: int) -> None:
    yaw = 0.3 + 2 * np.pi * turns
    found = _headings([yaw, yaw], _moving([[1.0, 0.3]] * 2), vehicle=True)
    np.testing.assert_allclose(found, [0.3, 0.3])
