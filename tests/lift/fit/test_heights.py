from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cm3d.lift.fit.heights import seen_heights
from cm3d.lift.fit.observations import MaskViews, Samples


@pytest.fixture
def height(
    make_views: Callable[..., MaskViews], make_samples: Callable[..., Samples]
) -> Callable[..., float]:
    """Height of one object of a class of 1.5 m, 20 m before a camera at 1.5 m."""

    def run(upper_row_px: float, trust: float = 1.0, points_m: Any = ((20, 0, 0.5),)) -> float:
        views = make_views((390, upper_row_px, 410, 260))
        prior_m = np.array([1.5])
        samples = make_samples(points_m)
        return float(seen_heights(samples, views, np.zeros(1), prior_m, trust)[0])

    return run


def test_upper_edge_of_the_mask(height: Callable[..., float]) -> None:
    # The horizon is row 225; 15 rows above it at 20 m are 15 / 600 * 20 = 0.5 m.
    assert height(210) == pytest.approx(2.0)
    assert height(240) == pytest.approx(1.0)


def test_blend_with_the_class_is_one_of_logarithms(height: Callable[..., float]) -> None:
    assert height(210, trust=0.0) == pytest.approx(1.5)
    assert height(210, trust=0.5) == pytest.approx(np.sqrt(1.5 * 2.0))


def test_highest_point_is_on_the_object(height: Callable[..., float]) -> None:
    # The mask ends at 1 m, but one of the points is at 1.8 m.
    assert height(240, points_m=[[20, 0, 0.2], [20, 0, 1.8]]) == pytest.approx(1.8)


def test_mask_cut_by_the_image_has_its_points_alone(height: Callable[..., float]) -> None:
    assert height(0, points_m=[[20, 0, 1.2]]) == pytest.approx(1.2)
    assert height(0.9, points_m=[[20, 0, 1.2]]) == pytest.approx(1.2)


def test_implausible_heights_say_nothing(height: Callable[..., float]) -> None:
    assert height(225 - 36.1) == pytest.approx(1.5)  # 2.703 m are more than 1.8 times 1.5 m
    assert height(225 - 35.9) == pytest.approx(2.697, abs=1e-3)
    assert height(0, points_m=[[20, 0, 0.59]]) == pytest.approx(1.5)  # less than 0.4 times


@pytest.fixture(scope="module")
def make_views_at_edge() -> Callable[..., tuple[Samples, MaskViews]]:
    """A camera, and a mask whose upper edge is where it sees the top above a point."""

    def build(
        roll: float, pitch: float, point_m: tuple[float, float, float], top_m: float
    ) -> tuple[Samples, MaskViews]:
        level = np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]])
        rotation = Rotation.from_euler("zx", [roll, pitch]).as_matrix() @ level
        extrinsics = np.column_stack([rotation, -rotation @ [0, 0, 1.5]])
        intrinsics = np.array([[600, 0, 400], [0, 600, 2000], [0, 0, 1]])
        matrix = (intrinsics @ extrinsics)[None]
        top = matrix[0] @ [point_m[0], point_m[1], top_m, 1]
        box_px = np.array([[0, top[1] / top[2], 1, 5000]])
        views = MaskViews(np.zeros(1, np.int64), matrix, box_px, np.array([[800.0, 4000]]))
        return Samples(np.array([[point_m]]), np.ones((1, 1), dtype=bool)), views

    return build


@given(
    st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(-4, 4), st.floats(8, 40), st.floats(1, 2)
)
def test_top_is_seen_at_the_edge_by_tilted_cameras(
    make_views_at_edge: Callable[..., tuple[Samples, MaskViews]],
    roll: float,
    pitch: float,
    y_m: float,
    x_m: float,
    top_m: float,
) -> None:
    samples, views = make_views_at_edge(roll, pitch, (x_m, y_m, 0.4), top_m)
    found = seen_heights(samples, views, np.zeros(1), np.array([1.5]), 1.0)
    assert found[0] == pytest.approx(top_m, abs=1e-6)
