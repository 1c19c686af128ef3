import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm3d.detectors.boxes import SensorBoxes
from cm3d.geometry.cuboids import points_in_boxes
from cm3d.params import Schedule
from cm3d.training.augmentation import Augmentation


def _augmentation(**changes: object) -> Augmentation:
    neutral = {"mirror_x": False, "mirror_y": False, "rotation_rad": 0.0, "scale": 1.0}
    return Augmentation(**({"translation_m": np.zeros(3)} | neutral | changes))


def _box() -> SensorBoxes:
    """At (1, 2, 3), heading along +x and slightly left, driving ahead at 5 m/s."""
    return SensorBoxes(
        class_index=np.array([0]),
        score=np.array([0.25]),
        center_m=np.array([[1.0, 2.0, 3.0]]),
        size_m=np.array([[4.0, 2.0, 1.0]]),
        yaw_rad=np.array([np.arctan2(3, 4)]),
        velocity_mps=np.array([[4.0, 3.0]]),
    )


@pytest.mark.parametrize(
    ("changes", "center", "heading", "velocity", "size"),
    [
        ({"mirror_x": True}, [-1, 2, 3], [-0.8, 0.6], [-4, 3], [4, 2, 1]),
        ({"mirror_y": True}, [1, -2, 3], [0.8, -0.6], [4, -3], [4, 2, 1]),
        ({"rotation_rad": np.pi / 2}, [-2, 1, 3], [-0.6, 0.8], [-3, 4], [4, 2, 1]),
        ({"scale": 2.0}, [2, 4, 6], [0.8, 0.6], [8, 6], [8, 4, 2]),
        ({"translation_m": np.array([1.0, 0, -1])}, [2, 2, 2], [0.8, 0.6], [4, 3], [4, 2, 1]),
        (
            {"mirror_x": True, "rotation_rad": np.pi / 2, "scale": 2.0},
            [-4, -2, 6],
            [-0.6, -0.8],
            [-6, -8],
            [8, 4, 2],
        ),
    ],
)
def test_by_hand(
    changes: dict[str, object],
    center: list[float],
    heading: list[float],
    velocity: list[float],
    size: list[float],
) -> None:
    moved = _augmentation(**changes).apply_to_boxes(_box())
    assert moved.score.tolist() == [0.25]  # its weight stays
    np.testing.assert_allclose(moved.center_m[0], center, atol=1e-12)
    np.testing.assert_allclose([np.cos(moved.yaw_rad[0]), np.sin(moved.yaw_rad[0])], heading)
    np.testing.assert_allclose(moved.velocity_mps[0], velocity, atol=1e-12)
    np.testing.assert_allclose(moved.size_m[0], size)
    point = np.array([[1.0, 2.0, 3.0, 0.5, 0.1]], dtype=np.float32)
    moved_point = _augmentation(**changes).apply_to_points(point)
    np.testing.assert_allclose(moved_point[0], [*center, 0.5, 0.1], atol=1e-6)


@given(
    mirror=st.tuples(st.booleans(), st.booleans()),
    rotation_rad=st.floats(-3, 3),
    scale=st.floats(0.8, 1.2),
    shift=st.floats(-2, 2),
    seed=st.integers(0, 1000),
)
def test_points_stay_in_their_boxes(
    mirror: tuple[bool, bool], rotation_rad: float, scale: float, shift: float, seed: int
) -> None:
    points = np.random.default_rng(seed).uniform(-3, 6, (200, 3))
    augmentation = Augmentation(*mirror, rotation_rad, scale, np.full(3, shift))
    before = _inside(points, _box())
    # The faces: rounding may decide otherwise.
    clear = _inside(points, _grown(1e-3)) == _inside(points, _grown(-1e-3))
    moved = augmentation.apply_to_points(points)
    after = _inside(moved, augmentation.apply_to_boxes(_box()))
    np.testing.assert_array_equal(after[clear], before[clear])


def test_the_input_is_left_alone() -> None:
    points, box = np.ones((3, 5), dtype=np.float32), _box()
    augmentation = _augmentation(scale=2.0, rotation_rad=1.0)
    augmentation.apply_to_points(points)
    augmentation.apply_to_boxes(box)
    assert (points == 1).all()
    np.testing.assert_array_equal(box.center_m, _box().center_m)


def test_draws_follow_the_schedule(schedule: Schedule) -> None:
    limits = {"flip": True, "max_rotation_rad": 0.4, "max_scale": 0.1, "translation_std_m": 0.5}
    drawn = [
        Augmentation.draw(schedule.model_copy(update=limits), np.random.default_rng(seed))
        for seed in range(200)
    ]
    assert 60 < sum(a.mirror_x for a in drawn) < 140
    assert 60 < sum(a.mirror_y for a in drawn) < 140
    assert 0.35 < max(abs(a.rotation_rad) for a in drawn) <= 0.4
    assert 0.9 <= min(a.scale for a in drawn) < 0.92
    assert 1.08 < max(a.scale for a in drawn) <= 1.1
    shift_m = np.array([a.translation_m for a in drawn])
    np.testing.assert_allclose(shift_m.std(axis=0), 0.5, rtol=0.15)
    np.testing.assert_allclose(shift_m.mean(axis=0), 0.0, atol=0.1)


def test_a_schedule_without_augmentation_changes_nothing(schedule: Schedule) -> None:
    augmentation = Augmentation.draw(schedule, np.random.default_rng(0))
    points = np.random.default_rng(0).normal(size=(5, 5)).astype(np.float32)
    np.testing.assert_array_equal(augmentation.apply_to_points(points), points)


def _grown(margin_m: float) -> SensorBoxes:
    box = _box()
    return SensorBoxes(
        box.class_index,
        box.score,
        box.center_m,
        box.size_m + margin_m,
        box.yaw_rad,
        box.velocity_mps,
    )


def _inside(points: np.ndarray, box: SensorBoxes) -> np.ndarray:
    return points_in_boxes(points[:, :3], box.cuboids)[0]
