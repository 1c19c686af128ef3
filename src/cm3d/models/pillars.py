"""From points to a bird's-eye image: PointPillars' encoder without padding."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from cm3d.models.grid import Grid
from cm3d.params import Detector

POINT_CHANNELS = 5  # x, y, z in metres (LiDAR frame), intensity in [0, 1], age in seconds
_DECORATED_CHANNELS = POINT_CHANNELS + 3 + 2


class PillarEncoder(nn.Module):
    """Linear layer per point, maximum per pillar, normalisation and ReLU per pillar.

    PointPillars normalises before the maximum. Normalising is monotone, so doing it afterwards
    differs only in weighing pillars alike instead of points, and costs one pass over pillars
    instead of five over points.
    """

    def __init__(self, detector: Detector) -> None:
        """Build from the `detector` section."""
        super().__init__()
        self.grid = Grid.of_pillars(detector)
        self.min_z_m, self.max_z_m = detector.min_z_m, detector.max_z_m
        self.max_points = detector.max_pillar_points
        self.linear = nn.Linear(_DECORATED_CHANNELS, detector.pillar_channels, bias=False)
        self.norm = _PillarNorm(detector.pillar_channels, eps=1e-3)

    def forward(self, points: Tensor, frame: Tensor, frames: int) -> Tensor:
        """Encode a batch of point clouds.

        Args:
            points: (N, 5), see `POINT_CHANNELS`; points out of range play no part.
            frame: (N,) which frame of the batch a point belongs to.
            frames: Frames in the batch, B.

        Returns:
            (B, C, rows, columns), zero where there is no point; stored channels last.
        """
        rows, key = self._sorted_by_pillar(points, frame)
        pillar_key, pillar, count = torch.unique_consecutive(
            key, return_inverse=True, return_counts=True
        )
        thinned = spread_evenly(pillar, count, self.max_points)
        pillar, count = pillar[thinned], count.clamp(max=self.max_points)
        decorated = self._decorate(points.index_select(0, rows[thinned]), pillar_key, pillar, count)
        features = pillar_max(self.linear(decorated), pillar, len(pillar_key))
        features = functional.relu(self.norm(features))
        canvas = features.new_zeros(frames * self.grid.size**2, features.shape[1])
        canvas = canvas.index_copy(0, pillar_key, features)
        return canvas.view(frames, self.grid.size, self.grid.size, -1).permute(0, 3, 1, 2)

    def _sorted_by_pillar(self, points: Tensor, frame: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of points within range, pillar by pillar, and their linear pillar index."""
        cell = torch.floor((points[:, :2] + self.grid.range_m) / self.grid.cell_m).long()
        inside = ((cell >= 0) & (cell < self.grid.size)).all(1)
        inside &= (points[:, 2] >= self.min_z_m) & (points[:, 2] < self.max_z_m)
        key = (frame * self.grid.size + cell[:, 1]) * self.grid.size + cell[:, 0]
        rows = inside.nonzero()[:, 0]
        key, order = torch.sort(key[rows], stable=True)
        return rows[order], key

    def _decorate(
        self, points: Tensor, pillar_key: Tensor, pillar: Tensor, count: Tensor
    ) -> Tensor:
        """(N, 10): the point, its offset from the pillar's mean and centre, all of order one."""
        half_height_m = (self.max_z_m - self.min_z_m) / 2
        cell = torch.stack([pillar_key, pillar_key // self.grid.size], dim=1) % self.grid.size
        center_m = (cell + 0.5) * self.grid.cell_m - self.grid.range_m
        total_m = points.new_zeros(len(pillar_key), 3).index_add(0, pillar, points[:, :3])
        mean_m = total_m / count[:, None]
        from_mean = (points[:, :3] - mean_m.index_select(0, pillar)) / self.grid.cell_m
        from_center = (points[:, :2] - center_m.index_select(0, pillar)) / self.grid.cell_m
        position = points[:, :3] / points.new_tensor(
            [self.grid.range_m, self.grid.range_m, half_height_m]
        )
        return torch.cat([position, points[:, 3:], from_mean, from_center], dim=1)


def spread_evenly(pillar: Tensor, count: Tensor, limit: int) -> Tensor:
    """Rows to keep so that no pillar has more than `limit` points.

    They are spread evenly over the pillar's points and thereby, as those are in the order of
    the sweeps, over time.

    Args:
        pillar: (N,) ascending pillar of each point.
        count: (P,) points of each pillar.
        limit: At least 1.
    """
    start = count.cumsum(0) - count
    rank = torch.arange(len(pillar), device=pillar.device) - start[pillar]
    total = count[pillar]
    return (rank * limit // total > (rank - 1) * limit // total).nonzero()[:, 0]


def pillar_max(features: Tensor, pillar: Tensor, pillars: int) -> Tensor:
    """Largest value (P, C) of each channel over the points (N, C) of each pillar."""
    apply: Any = _PillarMax.apply
    return cast(Tensor, apply(features, pillar, pillars))


class _PillarMax(torch.autograd.Function):
    """`scatter_reduce` with a gradient that needs two passes over the points instead of ten.

    Points that tie for the maximum each get the whole gradient.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, pillar: Tensor, pillars: int) -> Tensor:
        index = pillar[:, None].expand_as(features)
        out = features.new_zeros(pillars, features.shape[1])
        out = out.scatter_reduce(0, index, features, "amax", include_self=False)
        ctx.save_for_backward(features, pillar, out)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        features, pillar, out = ctx.saved_tensors
        highest, share = out.index_select(0, pillar), gradient.index_select(0, pillar)
        return torch.where(features == highest, share, 0.0), None, None


class _PillarNorm(nn.BatchNorm1d):
    """Batch normalisation that survives a batch with hardly any points."""

    def forward(self, features: Tensor) -> Tensor:
        if len(features) > 1:
            return super().forward(features)
        return functional.batch_norm(
            features, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )
