"""Height of the ground below LiDAR points."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from cm3d.geometry.arrays import NDArrayFloat
from cm3d.geometry.cuboids import rotate_xy
from cm3d.geometry.rows import Rows
from cm3d.geometry.surface import REACH_M, SIDE, Corners, fit_surface, nodes_m

_CELL_M: Final = 1.0
_QUANTILE: Final = 0.05
_UPRIGHT_M: Final = 0.4  # a cell whose returns span more holds an object
_UPRIGHT_TRUST: Final = 0.1

_START_M: Final = 12.0  # so far around the sensor the ground is taken for a plane at first
_GROWTH: Final = 1.5  # from one ring to the next
_LAST_RING_M: Final = 60.0
_BAND_M: Final = 0.25  # what is further above the surface is no ground
_MAX_TURN: Final = 0.08  # and more per metre beyond what is known: slopes change
_START_BANDS_M: Final = (2.0, 1.4, 1.0, 0.7, 0.5, 0.35, _BAND_M, _BAND_M)
_LAST_ROUNDS: Final = 2


@dataclass(frozen=True, eq=False)
class GroundField:
    """Height of the ground anywhere around one scan.

    SAM3D takes the mode of all heights, but roads rise and fall by metres over 54 m. Here a
    surface is laid below low returns: first a plane around the sensor, which then grows outward
    ring by ring. Returns above the surface pull at it less and less, up to a band that widens with
    the distance from what is known; those below it always pull.

    The surface's grid and the cells that low returns are taken of lie in the sensor's frame.
    Whatever moves or turns the sensor and its points about z does the same to the ground, up to
    rounding. For a sensor that turns alone among the same points, the ground differs by what the
    grid cannot follow.

    Args:
        sensor_m: (2,) position of the sensor, in the frame of the points.
        yaw_rad: Its heading there.
        height_m: (nodes,) of the surface, see `surface`.
    """

    sensor_m: NDArrayFloat
    yaw_rad: float
    height_m: NDArrayFloat

    @classmethod
    def from_points(cls, points_m: NDArrayFloat, sensor_m: NDArrayFloat, yaw_rad: float) -> Self:
        """Estimate from the points of a scan; without any it is 0.

        Args:
            points_m: (N, 3) in a frame whose z axis is up. Those further than 80 m from the
                sensor in its x or y say nothing.
            sensor_m: (3,) or (2,) position of the sensor there.
            yaw_rad: Its heading.
        """
        origin_m = np.asarray(sensor_m[:2], dtype=np.float64)
        lows = _low_returns(_seen_from(points_m, origin_m, yaw_rad), points_m[:, 2])
        height_m = _grown(lows) if len(lows) else np.zeros(SIDE**2)
        return cls(origin_m, yaw_rad, height_m)

    def below(self, points_m: NDArrayFloat) -> NDArrayFloat:
        """Ground height (M,) at points (M, 2) or (M, 3); beyond the grid, that of its edge."""
        xy_m = _seen_from(points_m, self.sensor_m, self.yaw_rad)
        return Corners.at(xy_m).interpolate(self.height_m)


def _seen_from(points_m: NDArrayFloat, sensor_m: NDArrayFloat, yaw_rad: float) -> NDArrayFloat:
    return rotate_xy(points_m[:, :2] - sensor_m, np.asarray(-yaw_rad))


@dataclass(frozen=True, eq=False)
class _LowReturns(Rows):
    """A low return of each cell that has any.

    Args:
        xy_m: (N, 2) in the sensor's frame.
        z_m: (N,).
        trust: (N,) how far it may be taken for ground.
    """

    xy_m: NDArrayFloat
    z_m: NDArrayFloat
    trust: NDArrayFloat


def _low_returns(xy_m: NDArrayFloat, z_m: NDArrayFloat) -> _LowReturns:
    """Low, but of many not the very lowest: some returns come from below the ground."""
    x_m, y_m = np.abs(xy_m).T
    inside = np.flatnonzero((x_m < REACH_M) & (y_m < REACH_M))
    xy_m, z_m = xy_m[inside], z_m[inside]
    column, row = np.floor((xy_m + REACH_M) / _CELL_M).astype(np.int64).T
    cell = column * round(2 * REACH_M / _CELL_M) + row
    # By height, to a millimetre, within each cell: 16 bits at a time, which takes linear time.
    level = np.round((z_m - np.median(z_m)) * 1000) + 2**15 if len(z_m) else z_m
    order = np.argsort(np.clip(level, 0, 2**16 - 1).astype(np.uint16), kind="stable")
    order = order[np.argsort(cell[order].astype(np.uint16), kind="stable")]
    first = np.flatnonzero(np.diff(cell[order], prepend=-1))
    count = np.diff(first, append=len(order))
    low = order[first + (_QUANTILE * (count - 1)).astype(np.int64)]
    span_m = z_m[order[first + count - 1]] - z_m[low]
    trust = np.where(span_m > _UPRIGHT_M, _UPRIGHT_TRUST, 1.0)
    return _LowReturns(xy_m[low], z_m[low], trust)


def _grown(lows: _LowReturns) -> NDArrayFloat:
    """Heights of all nodes."""
    range_m = np.linalg.norm(lows.xy_m, axis=1)
    # Where little is near, as far as the nearest fifth.
    known_m = max(_START_M, float(np.quantile(range_m, 0.2)))
    height_m = _plane(lows[range_m <= known_m])
    while known_m < _LAST_RING_M:
        reached = range_m <= known_m * _GROWTH
        beyond_m = np.maximum(range_m[reached] - known_m, 0.0)
        height_m = _refitted(lows[reached], height_m, _BAND_M + _MAX_TURN * beyond_m)
        known_m *= _GROWTH
    for _ in range(_LAST_ROUNDS):
        height_m = _refitted(lows, height_m, np.full(len(lows), _BAND_M))
    return height_m


def _plane(lows: _LowReturns) -> NDArrayFloat:
    """Heights of all nodes on the plane below some returns."""
    # Sums without BLAS, whose last bits depend on where in memory its operands lie.
    design = np.stack([np.ones(len(lows)), *lows.xy_m.T])
    level_m, slope_x, slope_y = np.median(lows.z_m), 0.0, 0.0
    for band_m in _START_BANDS_M:
        above_m = lows.z_m - (level_m + slope_x * design[1] + slope_y * design[2])
        weighted = lows.trust * _weight(above_m, np.asarray(band_m)) * design
        # A little, to define coefficients where there are few returns, or all in a row.
        normal = (weighted[:, None] * design).sum(axis=2) + np.diag([1e-9, 1.0, 1.0])
        level_m, slope_x, slope_y = np.linalg.solve(normal, (weighted * lows.z_m).sum(axis=1))
    x_m, y_m = nodes_m().T
    return np.asarray(level_m + slope_x * x_m + slope_y * y_m)


def _refitted(lows: _LowReturns, height_m: NDArrayFloat, band_m: NDArrayFloat) -> NDArrayFloat:
    """The surface again, below the returns within a band (N,) around it as it was."""
    corners = Corners.at(lows.xy_m)
    weight = lows.trust * _weight(lows.z_m - corners.interpolate(height_m), band_m)
    return fit_surface(corners, lows.z_m, weight)


def _weight(above_m: NDArrayFloat, band_m: NDArrayFloat) -> NDArrayFloat:
    """How far returns (N,) this far above a surface pull at it.

    Above it less and less, down to nothing at the band's edge (Tukey's biweight). Below it fully
    down to the other edge, from where the pull grows no more (Huber's): there may be a return
    below the ground, but not many.
    """
    share = above_m / band_m
    higher = np.maximum(1 - share**2, 0.0) ** 2
    return np.where(share > 0, higher, 1 / np.maximum(-share, 1.0))
