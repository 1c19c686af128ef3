"""Points gathered by the voxel that holds them; a pillar is a voxel of the whole height."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from cm3d.detectors.grid import Grid
from cm3d.detectors.inputs import Points
from cm3d.geometry.arrays import NDArrayFloat32
from cm3d.params import Detector

POINT_CHANNELS = 5  # x, y, z in metres (LiDAR frame), intensity in [0, 1], age in seconds

_OUTSIDE: Final = 2**40  # larger than the linear index of any voxel


@dataclass(frozen=True, eq=False)
class Voxels:
    """V voxels that hold N points.

    Args:
        points: (N, 5) voxel by voxel, see `POINT_CHANNELS`.
        voxel: (N,) ascending: which voxel a point lies in.
        count: (V,) points of each voxel.
        position: (V, 4) frame, layer, row and column of each voxel.
    """

    points: Tensor
    voxel: Tensor
    count: Tensor
    position: Tensor

    def __len__(self) -> int:
        """Number of voxels."""
        return len(self.count)

    @property
    def held(self) -> Points:
        """Their points, as a batch."""
        return Points(self.points, self.position[:, 0].index_select(0, self.voxel))

    def mean(self, values: Tensor) -> Tensor:
        """Means (V, K) over the points' values (N, K) in each voxel."""
        total = values.new_zeros(len(self), values.shape[1]).index_add(0, self.voxel, values)
        return total / self.count[:, None]


class Voxelizer:
    """Assigns points to the voxels of a detector.

    Args:
        detector: Range, cells, and how many points a voxel holds at most.
        height_m: Of a voxel; the whole height for pillars.
    """

    def __init__(self, detector: Detector, height_m: float) -> None:
        """Take the grid over from the `detector` section."""
        self.grid = Grid.of_points(detector)
        self.min_z_m, self.max_z_m, self.height_m = detector.min_z_m, detector.max_z_m, height_m
        self.layers = math.ceil(round((self.max_z_m - self.min_z_m) / height_m, 6))
        self.max_points, self.spread = detector.max_points, detector.kept_points == "spread"

    def __call__(self, points: Tensor, frame: Tensor) -> Voxels:
        """Gather the points of a batch.

        Args:
            points: (N, 5), see `POINT_CHANNELS`; those out of range play no part.
            frame: (N,) which frame of the batch a point belongs to.
        """
        rows, key, count = self._chosen(points, frame)
        return Voxels(
            points=points.index_select(0, rows),
            voxel=torch.repeat_interleave(count),
            count=count,
            position=self._position(key),
        )

    def sift(self, points: NDArrayFloat32) -> NDArrayFloat32:
        """Of one frame's points (N, 5) those that its voxels hold, voxel by voxel.

        Gathered again they give the same voxels, on a CPU without sorting them again.
        """
        rows, _, _ = self._chosen(torch.from_numpy(points), torch.tensor(0))
        return np.asarray(points[rows.numpy()])

    def _chosen(self, points: Tensor, frame: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rows of the points that are held, voxel by voxel; each voxel's linear index and count."""
        row, column, inside = self.grid.cell(points[:, :2])
        layer = torch.floor((points[:, 2] - self.min_z_m) / self.height_m).long()
        inside &= (layer >= 0) & (layer < self.layers)
        key = ((frame * self.layers + layer) * self.grid.size + row) * self.grid.size + column
        key, order = sort_stably(key.masked_fill_(~inside, _OUTSIDE))
        key, count = torch.unique_consecutive(key, return_counts=True)
        keep = spread_evenly if self.spread else keep_first
        if len(key) and key[-1] == _OUTSIDE:
            key, count = key[:-1], count[:-1]
        if (count <= self.max_points).all():  # as of sifted points
            return order[: int(count.sum())], key, count
        return order[keep(count, self.max_points)], key, count.clamp(max=self.max_points)

    def _position(self, key: Tensor) -> Tensor:
        column, key = key % self.grid.size, key // self.grid.size
        row, key = key % self.grid.size, key // self.grid.size
        return torch.stack([key // self.layers, key % self.layers, row, column], dim=1)


def sort_stably(key: Tensor) -> tuple[Tensor, Tensor]:
    """Keys (N,) in ascending order, equal ones in their given order, and where each stood."""
    if key.device.type != "cpu":
        return torch.sort(key, stable=True)
    if (key[1:] >= key[:-1]).all():  # as of sifted points
        return key, torch.arange(len(key))
    # with its place in the low bits each key is unique, and numpy sorts plain numbers fast
    bits = len(key).bit_length()
    packed = np.sort((key << bits | torch.arange(len(key))).numpy())
    return torch.from_numpy(packed >> bits), torch.from_numpy(packed & ((1 << bits) - 1))


def keep_first(count: Tensor, limit: int) -> Tensor:
    """Rows of the first points of each voxel, in their given order (CenterPoint).

    Args:
        count: (V,) points of each voxel, whose rows follow those of the voxel before.
        limit: Points that a voxel keeps at most, at least 1.
    """
    place = torch.arange(limit, device=count.device).expand(len(count), limit)
    return _rows(count, place, place < count[:, None])


def spread_evenly(count: Tensor, limit: int) -> Tensor:
    """Rows spread evenly over the points of each voxel; arguments as of `keep_first`.

    As points are in the order of the sweeps, they are spread over time.
    """
    kept = count.clamp(max=limit)[:, None]
    place = torch.arange(limit, device=count.device).expand(len(count), limit)
    step = (place * count[:, None] + kept - 1) // kept  # rounded up
    return _rows(count, step, place < kept)


def _rows(count: Tensor, place: Tensor, kept: Tensor) -> Tensor:
    """Rows of the points at some places (V, limit) within their voxels."""
    start = count.cumsum(0) - count
    return (start[:, None] + place)[kept]


def scaled(points: Tensor, grid: Grid, half_height_m: float) -> Tensor:
    """Points (N, 5) with positions of order one, as networks like their inputs."""
    scale = points.new_tensor([grid.range_m, grid.range_m, half_height_m, 1.0, 1.0])
    return points / scale
