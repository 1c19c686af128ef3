"""Smooth surfaces over a square: heights at the nodes of a grid, bilinear between them."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

import numpy as np
from scipy.linalg import solveh_banded
from threadpoolctl import ThreadpoolController

from cm3d.geometry.arrays import NDArrayFloat, NDArrayInt

NODE_M: Final = 5.0
_REACH: Final = 16  # nodes from the middle to each side
SIDE: Final = 2 * _REACH + 1
REACH_M: Final = _REACH * NODE_M

# One thread: more gain nothing at this size, wait for each other where cores are busy, and would
# make the last bits depend on their number.
_BLAS: Final = ThreadpoolController().select(user_api="blas")

_STIFFNESS: Final = 1.0  # of a second difference, beside a point's 1
_LEVELLING: Final = 1e-4  # of a first one, so that a surface through one point is defined

# From the node at a patch's lower x and y to its four: itself, along y, along x, along both.
_STEPS: Final = (0, 1, SIDE, SIDE + 1)
_PAIRS: Final = tuple((one, other) for one in range(4) for other in range(one, 4))


def nodes_m() -> NDArrayFloat:
    """Places (nodes, 2) of all nodes."""
    axis_m = np.arange(-_REACH, _REACH + 1) * NODE_M
    x_m, y_m = np.meshgrid(axis_m, axis_m, indexing="ij")
    return np.column_stack([x_m.ravel(), y_m.ravel()])


def fit_surface(corners: "Corners", z_m: NDArrayFloat, weight: NDArrayFloat) -> NDArrayFloat:
    """Heights (nodes,) of the surface that bends least and is nearest to points.

    Least squares of the points' distances and the surface's second differences: gaps are filled
    smoothly, and beyond the last points it goes on straight.

    Args:
        corners: Of N points, at least one of which has weight.
        z_m: (N,) their heights.
        weight: (N,) how far each counts.
    """
    normal = corners.products(weight) + _bending()
    right = corners.sums(weight * z_m)
    with _BLAS.limit(limits=1):
        return np.asarray(solveh_banded(normal, right, lower=True, check_finite=False))


@dataclass(frozen=True, eq=False)
class Corners:
    """The patch around each of N points.

    Args:
        first: (N,) its node at the lower x and y.
        shares: (4, N) weights of its nodes.
    """

    first: NDArrayInt
    shares: NDArrayFloat

    @classmethod
    def at(cls, xy_m: NDArrayFloat) -> Self:
        """The patches around points (N, 2), or the nearest ones."""
        place = np.clip(xy_m / NODE_M + _REACH, 0, SIDE - 1)
        node = np.minimum(place.astype(np.int64), SIDE - 2)
        (u, v), (i, j) = (place - node).T, node.T
        shares = np.stack([(1 - u) * (1 - v), (1 - u) * v, u * (1 - v), u * v])
        return cls(i * SIDE + j, shares)

    def interpolate(self, height_m: NDArrayFloat) -> NDArrayFloat:
        """Heights (N,) at the points, of those at all nodes."""
        total = np.zeros(len(self.first))
        for step, share in zip(_STEPS, self.shares, strict=True):
            total += share * height_m[self.first + step]
        return total

    def sums(self, value: NDArrayFloat) -> NDArrayFloat:
        """Values (N,) of points shared out to all nodes."""
        total = np.zeros(SIDE**2)
        for step, share in zip(_STEPS, self.shares, strict=True):
            total += np.bincount(self.first + step, share * value, SIDE**2)
        return total

    def products(self, weight: NDArrayFloat) -> NDArrayFloat:
        """Lower bands of the nodes' shares in points, times each other, by weight (N,)."""
        bands = np.zeros_like(_bending())
        for one, other in _PAIRS:
            low, apart = self.first + _STEPS[one], _STEPS[other] - _STEPS[one]
            product = weight * self.shares[one] * self.shares[other]
            bands[apart] += np.bincount(low, product, SIDE**2)
        return bands


@lru_cache(maxsize=1)
def _bending() -> NDArrayFloat:
    """Lower bands of the squared second differences of all nodes, and a little of the first."""
    bands = np.zeros((2 * SIDE + 1, SIDE**2))
    nodes = np.arange(SIDE**2).reshape(SIDE, SIDE)

    def add(weight: float, at: NDArrayInt, difference: dict[int, int]) -> None:
        for low, a in difference.items():
            for high, b in difference.items():
                if high >= low:
                    bands[high - low, at.ravel() + low] += weight * a * b

    for step, at in ((SIDE, nodes[:-2]), (1, nodes[:, :-2])):
        add(_STIFFNESS, at, {0: 1, step: -2, 2 * step: 1})
    add(2 * _STIFFNESS, nodes[:-1, :-1], {0: 1, 1: -1, SIDE: -1, SIDE + 1: 1})
    for step, at in ((SIDE, nodes[:-1]), (1, nodes[:, :-1])):
        add(_LEVELLING, at, {0: -1, step: 1})
    return bands
