"""From points to a bird's-eye image: PointPillars' encoder without padding."""

from typing import Any, Final, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from cm3d.detectors.lidar.voxelization import POINT_CHANNELS, Voxelizer, Voxels, scaled
from cm3d.detectors.norm import build_norm
from cm3d.detectors.ranks import ranks, sum_over_processes
from cm3d.params import Detector

DECORATED_CHANNELS: Final = POINT_CHANNELS + 3 + 3  # offsets from the pillar's mean and centre


class PillarEncoder(nn.Module):
    """Linear layer, normalisation and ReLU per point, maximum per pillar (PointPillars).

    The reference fills each pillar up to `max_points` with zeros, which count in the
    normalisation and take part in the maximum. Both are reproduced here without making them:
    the linear layer's mean and variance follow from those of its eleven inputs, so that
    normalising is folded into its weights, and the maximum runs over one pass of real points.
    """

    def __init__(self, detector: Detector) -> None:
        """Build from the `detector` section."""
        super().__init__()
        self.voxelize = Voxelizer(detector, detector.max_z_m - detector.min_z_m)
        self.half_height_m = (detector.max_z_m - detector.min_z_m) / 2
        self.middle_z_m = (detector.max_z_m + detector.min_z_m) / 2
        self.linear = nn.Linear(DECORATED_CHANNELS, detector.pillar_channels, bias=False)
        self.norm = build_norm(detector.pillar_channels, detector)

    @property
    def channels(self) -> int:
        """Channels of the canvas."""
        return self.linear.out_features

    def forward(self, pillars: Voxels, frames: int) -> Tensor:
        """Encode a batch of point clouds.

        Args:
            pillars: What `voxelize` makes of the batch's points.
            frames: Frames in the batch, B.

        Returns:
            (B, C, rows, columns), zero where there is no point; stored channels last.
        """
        decorated = self.decorate(pillars)
        scale, shift = self._normalising(decorated, len(pillars))
        values = functional.linear(decorated, self.linear.weight * scale[:, None])
        highest = pillar_max(values, pillars.voxel, len(pillars))
        is_full = pillars.count[:, None] == self.voxelize.max_points
        highest = torch.where(is_full, highest, highest.clamp(min=0))
        return self._canvas(functional.relu(highest + shift), pillars.position, frames)

    def decorate(self, pillars: Voxels) -> Tensor:
        """(N, 11): the point, its offsets from the pillar's mean and centre, of order one."""
        grid, xyz_m = self.voxelize.grid, pillars.points[:, :3]
        center_xy_m = (pillars.position[:, [3, 2]] + 0.5) * grid.cell_m - grid.range_m
        center_m = functional.pad(center_xy_m, (0, 1), value=self.middle_z_m)
        offset_scale = xyz_m.new_tensor([grid.cell_m, grid.cell_m, self.half_height_m])
        return torch.cat(
            [
                scaled(pillars.points, grid, self.half_height_m),
                (xyz_m - pillars.mean(xyz_m).index_select(0, pillars.voxel)) / grid.cell_m,
                (xyz_m - center_m.index_select(0, pillars.voxel)) / offset_scale,
            ],
            dim=1,
        )

    def _normalising(self, decorated: Tensor, pillars: int) -> tuple[Tensor, Tensor]:
        """Scale and shift (C,) of the linear layer's outputs, padded points counted."""
        if not self.training or (ranks() == 1 and pillars < 2):
            return self.norm.running_affine()
        padded = decorated.new_tensor([float(pillars * self.voxelize.max_points)])
        total, second = decorated.sum(0), decorated.T @ decorated
        figures = sum_over_processes(torch.cat([total, second.flatten(), padded]))
        total, second, padded = torch.split(figures, [len(total), second.numel(), 1])
        weight = self.linear.weight
        mean = weight @ (total / padded)
        mean_square = ((weight @ (second.view(-1, weight.shape[1]) / padded)) * weight).sum(1)
        return self.norm.affine_of(mean, mean_square, padded)

    def _canvas(self, features: Tensor, position: Tensor, frames: int) -> Tensor:
        side = self.voxelize.grid.size
        index = (position[:, 0] * side + position[:, 2]) * side + position[:, 3]
        canvas = features.new_zeros(frames * side**2, features.shape[1])
        canvas = canvas.index_copy(0, index, features)
        return canvas.view(frames, side, side, -1).permute(0, 3, 1, 2)


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
