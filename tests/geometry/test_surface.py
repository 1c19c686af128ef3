import numpy as np
import pytest

from cm3d.geometry.surface import NODE_M, REACH_M, SIDE, Corners, _bending, fit_surface, nodes_m


def fitted(xy_m: np.ndarray, z_m: np.ndarray, weight: float = 1.0) -> np.ndarray:
    return fit_surface(Corners.at(xy_m), z_m, np.full(len(z_m), weight))


def test_between_nodes_heights_are_bilinear() -> None:
    """1.25 m on from a node along x and 2.5 m along y: shares 3/8, 3/8, 1/8, 1/8."""
    height_m = np.zeros((SIDE, SIDE))
    middle = SIDE // 2
    height_m[middle, middle : middle + 2] = [8.0, 16.0]
    height_m[middle + 1, middle : middle + 2] = [24.0, 32.0]
    corners = Corners.at(np.array([[1.25, 2.5], [0, 0], [5, 5], [2.5, 0]]))
    assert corners.interpolate(height_m.ravel()) == pytest.approx([16, 8, 32, 16])
    assert corners.shares[:, 0] == pytest.approx([3 / 8, 3 / 8, 1 / 8, 1 / 8])


def test_beyond_the_edge_the_edge_counts() -> None:
    height_m = nodes_m()[:, 0]
    corners = Corners.at(np.array([[300.0, 1.0], [-REACH_M, REACH_M], [REACH_M, -900.0]]))
    assert corners.interpolate(height_m) == pytest.approx([REACH_M, -REACH_M, REACH_M])


def test_a_plane_through_a_few_points_is_found_everywhere() -> None:
    xy_m = np.array([[0.0, 0], [10, 0], [0, 10], [12, 9]])
    z_m = 3 + xy_m @ [0.05, -0.02]
    found = fitted(xy_m, z_m)
    near = np.abs(nodes_m()).max(axis=1) <= 20
    assert found[near] == pytest.approx((3 + nodes_m() @ [0.05, -0.02])[near], abs=0.06)


def test_one_point_gives_its_height() -> None:
    assert fitted(np.array([[33.0, -7.0]]), np.array([4.0])) == pytest.approx(np.full(SIDE**2, 4.0))


def test_the_normal_equations_are_those_of_plain_matrices() -> None:
    rng = np.random.default_rng(0)
    xy_m, z_m = rng.uniform(-80, 80, (400, 2)), rng.normal(0, 1, 400)
    weight = rng.uniform(0, 1, 400)
    corners = Corners.at(xy_m)
    design = np.zeros((400, SIDE**2))
    for step, share in zip((0, 1, SIDE, SIDE + 1), corners.shares, strict=True):
        design[np.arange(400), corners.first + step] += share
    assert design @ nodes_m() == pytest.approx(xy_m)
    bands = corners.products(weight)
    plain = design.T @ (weight[:, None] * design)
    for apart in range(len(bands)):
        count = SIDE**2 - apart
        assert bands[apart, :count] == pytest.approx(np.diagonal(plain, -apart))
    assert corners.sums(z_m) == pytest.approx(design.T @ z_m)


def energy(height_m: np.ndarray) -> float:
    """The bending of a surface (side, side) by the banded matrix."""
    bands, flat = _bending(), height_m.ravel()
    total = (bands[0] * flat**2).sum()
    for apart in range(1, len(bands)):
        total += 2 * (bands[apart, :-apart] * flat[:-apart] * flat[apart:]).sum()
    return float(total)


def test_bending_is_of_second_differences() -> None:
    """A ridge of 1 m along y bends by (1, -2, 1) in each of its rows; slopes hardly count."""
    ridge = np.zeros((SIDE, SIDE))
    ridge[9] = 1.0
    assert energy(ridge) == pytest.approx(SIDE * 6, rel=1e-3)
    assert energy(ridge.T) == pytest.approx(SIDE * 6, rel=1e-3)
    x_m, y_m = nodes_m().reshape(SIDE, SIDE, 2).transpose(2, 0, 1)
    slope = 0.1 * x_m - 0.2 * y_m
    assert energy(slope) == pytest.approx(1e-4 * 32 * 33 * (0.5**2 + 1.0**2))
    saddle = x_m * y_m / NODE_M**2  # mixed differences of 1, counted twice as in a thin plate
    assert energy(saddle) == pytest.approx(2 * 32**2, rel=0.02)
