"""Lift, Splat, Shoot (Philion and Fidler, ECCV 2020): image features in a bird's-eye map.

With the LiDAR's depths beside the image features it is BEVFusion's `DepthLSSTransform`, without its
faults: of two points in a pixel the nearer one counts, and what lies behind a camera is not seen.
"""

import torch
from torch import Tensor, nn

from cm3d.detectors.bev.second import convolution
from cm3d.detectors.cameras.rays import Rays, pixel_centers
from cm3d.detectors.cameras.splat import splat
from cm3d.detectors.grid import Grid
from cm3d.detectors.inputs import Points
from cm3d.detectors.norm import build_norm
from cm3d.errors import InputError
from cm3d.params import Cameras, Detector

_DEPTH_SCALE_M = 10.0  # depths enter the network as numbers of order one
_DEPTH_CHANNELS = (8, 32, 64)
FEATURE_STRIDE = 8  # of the finest features of the backbone


class ViewTransform(nn.Module):
    """Guess a distribution over depths per pixel; put its features there; sum them by cell."""

    def __init__(self, cameras: Cameras, detector: Detector, grid: Grid) -> None:
        """Build for features of the neck, on the grid of the canvas.

        Raises:
            InputError: The canvas does not split into cells of that size.
        """
        super().__init__()
        channels = cameras.neck_channels
        finer = cameras.bev_stride
        if not (grid.size * finer).is_integer():
            raise InputError(
                f"bevfusion.cameras.bev_stride: {finer:g} does not divide the {grid.size} cells of "
                "the canvas; choose a larger one, or change detector.cell_m"
            )
        self.grid = Grid(grid.range_m, grid.cell_m / finer, round(grid.size * finer))
        depths_m = cameras.first_depth_m + cameras.depth_step_m * torch.arange(cameras.depths)
        self.depths_m: Tensor
        self.register_buffer("depths_m", depths_m, persistent=False)
        self.heights_m = (cameras.min_z_m, cameras.max_z_m)
        self.depth_maps = _depth_network(detector) if cameras.lidar_depth else None
        seen = channels + (_DEPTH_CHANNELS[-1] if cameras.lidar_depth else 0)
        self.guess = nn.Sequential(
            convolution(seen, build_norm(channels, detector)),
            *(
                [convolution(channels, build_norm(channels, detector))]
                if cameras.lidar_depth
                else []
            ),
            nn.Conv2d(channels, len(depths_m) + cameras.bev_channels, 1),
        )
        self.spread = _spread(cameras, detector)

    def forward(self, features: Tensor, rays: Rays, seen: Tensor, points: Points | None) -> Tensor:
        """Build the bird's-eye map.

        Args:
            features: (B, N, channels, h, w) of the images.
            rays: What their pixels see.
            seen: (B, N) whether there is such an image.
            points: LiDAR, where its depths are looked at.

        Returns:
            (B, bev_channels, rows, columns) on the canvas.
        """
        frames, _, _, rows, columns = features.shape
        depths, size = len(self.depths_m), self.grid.size
        cell = self.cells(rays, rows, columns, seen).view(-1, depths)
        inputs = features.flatten(0, 1)
        if self.depth_maps is not None:
            assert points is not None
            shape = (rows * FEATURE_STRIDE, columns * FEATURE_STRIDE)
            depth_m = lidar_depths(points, rays, frames, shape)
            inputs = torch.cat([self.depth_maps(depth_m / _DEPTH_SCALE_M), inputs], dim=1)
        guessed = self.guess(inputs).permute(0, 2, 3, 1).flatten(0, 2).float()
        # sums of thousands do not survive half precision
        with torch.autocast(guessed.device.type, enabled=False):
            probability = guessed[:, :depths].softmax(dim=1)
            summed = splat(probability, guessed[:, depths:], cell, frames * size**2)
        canvas: Tensor = self.spread(summed.view(frames, size, size, -1).permute(0, 3, 1, 2))
        return canvas

    @torch.no_grad()
    def cells(self, rays: Rays, rows: int, columns: int, seen: Tensor) -> Tensor:
        """Cells (B, N, rows x columns, depths) of the batch's maps, -1 outside."""
        pixels = pixel_centers(rows, columns, FEATURE_STRIDE).to(self.depths_m)
        xyz_m = rays.at(pixels, self.depths_m)
        index = torch.floor(self.grid.continuous_cell(xyz_m[..., :2])).long()
        size, (low_m, high_m) = self.grid.size, self.heights_m
        inside = ((index >= 0) & (index < size)).all(dim=-1) & seen[..., None, None]
        inside &= (xyz_m[..., 2] >= low_m) & (xyz_m[..., 2] < high_m)
        frame = torch.arange(len(seen), device=index.device).view(-1, 1, 1, 1)
        cell = (frame * size + index[..., 1]) * size + index[..., 0]
        return torch.where(inside, cell, -1)


@torch.no_grad()
def lidar_depths(points: Points, rays: Rays, frames: int, shape: tuple[int, int]) -> Tensor:
    """Depth in metres (B x N, 1, height, width) of the nearest point in each pixel, 0 for none."""
    height, width = shape
    pixels, depth_m = rays.project(points.values[:, :3], points.frame)
    u, v = torch.round(pixels).long().unbind(-1)
    cameras = depth_m.shape[1]
    inside = (depth_m > 0) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
    image = points.frame[:, None] * cameras + torch.arange(cameras, device=u.device)
    pixel = ((image * height + v) * width + u)[inside]
    nearest = depth_m.new_full((frames * cameras * height * width,), torch.inf)
    nearest = nearest.scatter_reduce(0, pixel, depth_m[inside], "amin")
    found = torch.where(nearest.isinf(), 0.0, nearest)
    return found.view(frames * cameras, 1, height, width)


def _depth_network(detector: Detector) -> nn.Sequential:
    """From depths in the image's pixels to features at the stride of the image's (BEVFusion)."""
    first, middle, last = _DEPTH_CHANNELS
    return nn.Sequential(
        *_norm_relu(nn.Conv2d(1, first, 1, bias=False), detector),
        *_norm_relu(nn.Conv2d(first, middle, 5, 4, padding=2, bias=False), detector),
        *_norm_relu(nn.Conv2d(middle, last, 5, 2, padding=2, bias=False), detector),
    )


def _norm_relu(convolved: nn.Conv2d, detector: Detector) -> tuple[nn.Module, ...]:
    return convolved, build_norm(convolved.out_channels, detector), nn.ReLU(inplace=True)


def _spread(cameras: Cameras, detector: Detector) -> nn.Sequential:
    """What fills the gaps between far pixels, and brings the map to the canvas (BEVFusion)."""
    channels, finer = cameras.bev_channels, cameras.bev_stride
    coarser = round(1 / finer)
    return nn.Sequential(
        convolution(channels, build_norm(channels, detector)),
        convolution(channels, build_norm(channels, detector), max(round(finer), 1)),
        convolution(channels, build_norm(channels, detector)),
        *([nn.Upsample(scale_factor=coarser, mode="bilinear")] if coarser > 1 else []),
    )
