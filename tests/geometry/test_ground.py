import numpy as np
import pytest

from cm3d.geometry.ground import GroundField


def road(slope: float, step_m: float = 1.0) -> np.ndarray:
    x, y = np.meshgrid(np.arange(-30, 30, step_m), np.arange(-30, 30, step_m))
    return np.column_stack([x.ravel(), y.ravel(), -1.8 + slope * x.ravel()])


def ground_below(points_m: np.ndarray) -> np.ndarray:
    return GroundField.from_points(points_m).below(points_m)


def test_flat_road() -> None:
    assert ground_below(road(0.0)) == pytest.approx(np.full(3600, -1.8))


def test_objects_do_not_lift_the_ground() -> None:
    wall = np.column_stack([np.full(40, 5.2), np.full(40, 3.3), np.linspace(-1.8, 1.5, 40)])
    points_m = np.concatenate([road(0.0), wall])
    assert ground_below(points_m)[-40:] == pytest.approx(np.full(40, -1.8), abs=0.1)


def test_tilted_road_is_followed() -> None:
    points_m = road(0.02)
    # Within a cell of 6 m the road climbs by 0.12 m at most.
    assert np.abs(ground_below(points_m) - points_m[:, 2]).max() < 0.12 + 1e-9


def test_cell_without_ground_falls_back_to_the_mode() -> None:
    points_m = np.concatenate([road(0.0), [[100.0, 100.0, 4.0]]])
    assert ground_below(points_m)[-1] == pytest.approx(-1.8)


def test_no_points() -> None:
    assert ground_below(np.empty((0, 3))).shape == (0,)


def test_beyond_the_points_the_nearest_cell_counts() -> None:
    field = GroundField.from_points(road(0.02))
    assert field.below(np.array([[300.0, 0.0]])) == field.below(np.array([[29.0, 0.0]]))
